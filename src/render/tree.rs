//! A tree drawn with lines, for rows that form one (see [`Tree`](crate::rows::Tree)).

use std::borrow::Cow;
use std::collections::HashMap;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::format::{Format, Style};
use super::human;
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::Cell;

/// The text beside the lines has at least this much room, or half of a narrow terminal; in deeper trees, only the
/// last lines are drawn.
const ROOM: usize = 40;
/// The gap between two values.
const GAP: &str = "  ";

pub(super) struct Drawing {
    columns: Vec<Column>,
    style: Style,
    rows: Vec<Row>,
}

/// A row in readable form.
struct Row {
    node: String,
    parent: String,
    depth: usize,
    values: Vec<String>,
    below: String,
}

/// What is drawn beside the lines.
enum Branch<'a> {
    /// A row in full.
    Whole(&'a Row),
    /// Rows that are shown in full elsewhere, each with the row that it is below there.
    Also(Vec<(&'a Row, &'a Row)>),
}

impl Drawing {
    pub(super) fn new(columns: Vec<Column>, style: Style) -> Drawing {
        Drawing { columns, style, rows: Vec::new() }
    }

    /// Returns the branches in order. A node that is in several places is drawn in full where it is nearest to the
    /// top, and what is below it is drawn there.
    fn branches(&self) -> Vec<(usize, Branch<'_>)> {
        let mut nearest: HashMap<&str, &Row> = HashMap::new();
        for row in &self.rows {
            let first = nearest.entry(&row.node).or_insert(row);
            if row.depth < first.depth {
                *first = row;
            }
        }
        let mut branches: Vec<(usize, Branch<'_>)> = Vec::new();
        for row in &self.rows {
            let nearest = nearest.get(row.node.as_str()).copied().unwrap_or(row);
            if std::ptr::eq(nearest, row) {
                branches.push((row.depth, Branch::Whole(row)));
                continue;
            }
            match branches.last_mut() {
                Some((_, Branch::Also(rows))) if rows.iter().all(|(r, _)| r.parent == row.parent) => {
                    rows.push((row, nearest));
                }
                _ => branches.push((row.depth, Branch::Also(vec![(row, nearest)]))),
            }
        }
        branches
    }

    fn draw(&self, out: &mut Vec<u8>) {
        let branches = self.branches();
        // Determine which branches have a sibling further down, going from the end to the beginning.
        let mut others = vec![false; branches.len()];
        let mut open: Vec<bool> = Vec::new();
        for (other, (depth, _)) in others.iter_mut().zip(&branches).rev() {
            *other = open.get(*depth).copied().unwrap_or(false);
            open.resize(depth + 1, false);
            open[*depth] = true;
        }
        let mut lines: Vec<bool> = Vec::new();
        for (i, (depth, branch)) in branches.iter().enumerate() {
            lines.resize(*depth, false);
            let before: String =
                lines.iter().skip(1).map(|goes_on| if *goes_on { "│  " } else { "   " }).collect();
            let (first, rest) = match (*depth, others[i]) {
                (0, _) => (String::new(), String::new()),
                (_, true) => (format!("{before}├─ "), format!("{before}│  ")),
                (_, false) => (format!("{before}└─ "), format!("{before}   ")),
            };
            let parent = branches.get(i + 1).is_some_and(|(next, _)| next > depth);
            let rest = rest + if parent { "│  " } else { "   " };
            self.put(branch, &first, &rest, out);
            lines.push(others[i]);
        }
    }

    /// Draws one branch: `first` comes before its first line, `rest` before the others.
    fn put(&self, branch: &Branch<'_>, first: &str, rest: &str, out: &mut Vec<u8>) {
        let (first, rest) = (self.fit(first), self.fit(rest));
        let mut text = String::new();
        match branch {
            Branch::Whole(row) => {
                let bold =
                    if self.style.color { anstyle::Style::new().bold() } else { anstyle::Style::new() };
                let mut line = first.into_owned();
                let mut used = line.width();
                for (i, value) in row.values.iter().enumerate() {
                    let value = self.cut(value, rest.width());
                    if i > 0 && self.style.width.is_some_and(|w| used + GAP.len() + value.width() > w) {
                        text.push_str(&line);
                        text.push('\n');
                        line = rest.clone().into_owned();
                        used = line.width();
                    } else if i > 0 {
                        line.push_str(GAP);
                        used += GAP.len();
                    }
                    used += value.width();
                    if i == 0 {
                        line.push_str(&format!("{bold}{value}{bold:#}"));
                    } else {
                        line.push_str(&value);
                    }
                }
                text.push_str(&line);
                text.push('\n');
                if !row.below.is_empty() {
                    let dim =
                        if self.style.color { anstyle::Style::new().dimmed() } else { anstyle::Style::new() };
                    let below = self.cut(&row.below, rest.width());
                    text.push_str(&format!("{rest}{dim}{below}{dim:#}\n"));
                }
            }
            Branch::Also(rows) => {
                let mut line = "also ".to_owned();
                for (i, (row, nearest)) in rows.iter().enumerate() {
                    line.push_str(&row.node);
                    let next = rows.get(i + 1).map(|(_, next)| next);
                    if next.is_none_or(|next| next.parent != nearest.parent) {
                        match nearest.depth {
                            0 => line.push_str(" (see on top)"),
                            _ => line.push_str(&format!(" (see under {})", nearest.parent)),
                        }
                    }
                    line.push_str(if next.is_some() { ", " } else { "" });
                }
                text.push_str(&format!("{first}{}\n", self.cut(&line, first.width())));
            }
        }
        out.extend_from_slice(text.as_bytes());
    }

    /// Returns as much of the lines as leaves room for the text beside them.
    fn fit<'a>(&self, lines: &'a str) -> Cow<'a, str> {
        let most = self.style.width.map_or(usize::MAX, |w| w.saturating_sub(ROOM).max(w / 2));
        let chars = lines.chars().count();
        if chars <= most {
            return Cow::Borrowed(lines);
        }
        let tail: String = lines.chars().skip(chars - most.saturating_sub(1)).collect();
        Cow::Owned(format!("…{tail}"))
    }

    /// Cuts a value beside lines of this width, so that it fits the terminal.
    fn cut<'a>(&self, value: &'a str, before: usize) -> Cow<'a, str> {
        let Some(room) = self.style.width.map(|w| w.saturating_sub(before)) else {
            return Cow::Borrowed(value);
        };
        if value.width() <= room {
            return Cow::Borrowed(value);
        }
        let mut left = room.saturating_sub(1);
        let mut end = 0;
        for (at, c) in value.char_indices() {
            let width = c.width().unwrap_or(0);
            if width > left {
                break;
            }
            left -= width;
            end = at + c.len_utf8();
        }
        Cow::Owned(format!("{}…", &value[..end]))
    }
}

impl Format for Drawing {
    fn head(&mut self, _out: &mut Vec<u8>) {}

    /// Nothing is drawn before all rows have come, since a line continues as long as siblings follow.
    fn row(&mut self, cells: &[Cell<'_>], _out: &mut Vec<u8>) {
        let Some(tree) = &self.style.tree else { return };
        let mut row = Row {
            node: String::new(),
            parent: String::new(),
            depth: 0,
            values: Vec::new(),
            below: String::new(),
        };
        for (column, cell) in self.columns.iter().zip(cells) {
            let shown = human::show(&column.name, cell, &self.style.zone);
            let shown = escape::terminal(&shown).into_owned();
            if column.name == tree.node {
                row.node = shown;
            } else if column.name == tree.parent {
                row.parent = shown;
            } else if column.name == tree.depth {
                row.depth =
                    if let Cell::Int(depth) = cell { usize::try_from(*depth).unwrap_or(0) } else { 0 };
            } else if Some(&column.name) == tree.below.as_ref() {
                row.below = shown;
            } else if !shown.is_empty() {
                // A number with a unit makes clear what it measures.
                let name = human::short_name(&column.name);
                row.values.push(if name == column.name { shown } else { format!("{name} {shown}") });
            }
        }
        if row.depth == 0 && !row.parent.is_empty() {
            row.values.insert(0, format!("(deadlock: under {})", row.parent));
        }
        row.values.insert(0, row.node.clone());
        self.rows.push(row);
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        self.draw(out);
        self.rows.clear();
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Tree;
    use crate::rows::cell::ColumnType;

    fn drawn(rows: &[(&str, &str, i64, &str)], width: Option<usize>, color: bool) -> String {
        let column = |name: &str, kind: &str| {
            let (kind, server_type) = ColumnType::by_name(kind).unwrap();
            Column { name: name.into(), kind, server_type, wide: None, usual: None, is_counter: false }
        };
        let columns = vec![
            column("pid", "text"),
            column("blocker", "text"),
            column("depth", "int8"),
            column("waiting_s", "float8"),
            column("statement", "text"),
        ];
        let tree = Tree {
            node: "pid".into(),
            parent: "blocker".into(),
            depth: "depth".into(),
            below: Some("statement".into()),
        };
        let style = Style { color, tree: Some(tree), ..Style::plain(width) };
        let mut drawing = Drawing::new(columns, style);
        let mut out = Vec::new();
        for (pid, blocker, depth, statement) in rows {
            let waiting = if *depth == 0 { Cell::Null } else { Cell::Float(1.5) };
            let cells = [
                Cell::Text((*pid).into()),
                Cell::Text((*blocker).into()),
                Cell::Int(*depth),
                waiting,
                Cell::Text((*statement).into()),
            ];
            drawing.row(&cells, &mut out);
        }
        drawing.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_lead_from_each_to_what_is_under_it() {
        let rows = [
            ("1", "", 0, "root"),
            ("2", "1", 1, "a"),
            ("3", "2", 2, ""),
            ("4", "2", 2, "b"),
            ("5", "1", 1, ""),
            ("6", "5", 2, "c"),
            ("7", "", 0, ""),
            ("8", "7", 1, ""),
        ];
        assert_eq!(
            drawn(&rows, None, false),
            "1\n\
             │  root\n\
             ├─ 2  waiting 1.5 s\n\
             │  │  a\n\
             │  ├─ 3  waiting 1.5 s\n\
             │  └─ 4  waiting 1.5 s\n\
             │        b\n\
             └─ 5  waiting 1.5 s\n   \
                └─ 6  waiting 1.5 s\n         \
                      c\n\
             7\n\
             └─ 8  waiting 1.5 s\n"
        );
    }

    #[test]
    fn what_stands_in_several_places_is_drawn_once_nearest_to_the_top() {
        let rows = [
            ("1", "", 0, ""),
            ("2", "1", 1, ""),
            ("4", "2", 2, "x"),
            ("5", "2", 2, "x"),
            ("3", "", 0, ""),
            ("4", "3", 1, "x"),
            ("6", "4", 2, ""),
            ("5", "3", 1, "x"),
            ("8", "9", 0, ""),
            ("9", "8", 1, ""),
        ];
        assert_eq!(
            drawn(&rows, None, false),
            "1\n\
             └─ 2  waiting 1.5 s\n   \
                └─ also 4, 5 (see under 3)\n\
             3\n\
             ├─ 4  waiting 1.5 s\n\
             │  │  x\n\
             │  └─ 6  waiting 1.5 s\n\
             └─ 5  waiting 1.5 s\n      \
                   x\n\
             8  (deadlock: under 9)\n\
             └─ 9  waiting 1.5 s\n"
        );
    }

    #[test]
    fn it_is_as_wide_as_the_terminal_however_deep_and_drives_it_nowhere() {
        let names: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let rows: Vec<(&str, &str, i64, &str)> = (0..200_usize)
            .map(|n| {
                let parent = n.checked_sub(1).map_or("", |p| names[p].as_str());
                (names[n].as_str(), parent, i64::try_from(n).unwrap(), "SELECT '表🐘\u{1b}[31m\u{202e}' || 'a long statement that no terminal of eighty columns shows whole'")
            })
            .collect();
        for width in [20, 50, 80] {
            let text = drawn(&rows, Some(width), false);
            assert!(text.lines().all(|line| line.width() <= width), "{text}");
            assert!(!text.chars().any(|c| c != '\n' && escape::is_unsafe(c)), "{text}");
            assert!(text.contains("199"), "{text}");
        }
        assert!(drawn(&rows, Some(80), true).contains("\u{1b}[1m199\u{1b}[0m"));
    }
}

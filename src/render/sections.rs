//! Blocks of lines under headings, for rows that are facts about one thing (see [`Sections`](crate::rows::Sections)).

use unicode_width::UnicodeWidthStr;

use super::format::{Format, Style};
use super::human;
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::{Cell, ColumnType};
use crate::wrap::wrapped;

/// A longer name gets a line of its own.
const LONGEST_NAME: usize = 32;
/// A text gets at least this much room beside the name, or a narrow terminal's whole width.
const ROOM: usize = 30;

pub(super) struct Blocks {
    columns: Vec<Column>,
    style: Style,
    heading: String,
    rows: Vec<Fact>,
    is_first: bool,
}

/// A row of the section that is being read.
struct Fact {
    level: usize,
    name: String,
    /// Sizes, times and other values with units.
    measures: Vec<String>,
    /// Everything else; a text may have several lines.
    texts: Vec<String>,
}

impl Blocks {
    pub(super) fn new(columns: Vec<Column>, style: Style) -> Blocks {
        Blocks { columns, style, heading: String::new(), rows: Vec::new(), is_first: true }
    }

    /// Writes the section that is complete.
    fn put(&mut self, out: &mut Vec<u8>) {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return;
        }
        let mut text = String::new();
        if !std::mem::take(&mut self.is_first) {
            text.push('\n');
        }
        if self.style.header != Some(false) {
            let bold = if self.style.color { anstyle::Style::new().bold() } else { anstyle::Style::new() };
            text.push_str(&format!("{bold}{}{bold:#}\n", self.heading));
        }
        let lead = |fact: &Fact| 2 * fact.level + fact.name.width();
        let widest =
            |sizes: &mut dyn Iterator<Item = usize>| sizes.filter(|w| *w <= LONGEST_NAME).max().unwrap_or(0);
        let name_width = widest(&mut rows.iter().map(lead));
        let measured = widest(&mut rows.iter().map(|fact| fact.measures.join("  ").width()));
        for fact in &rows {
            let indent = " ".repeat(2 + 2 * fact.level);
            let mut line = format!("{indent}{}", fact.name);
            let mut at = 2 + name_width;
            let pad = |line: &mut String, to: usize| {
                let width = line.width();
                line.push_str(&" ".repeat(to.saturating_sub(width)));
            };
            if measured > 0 {
                let measures = fact.measures.join("  ");
                if !measures.is_empty() {
                    pad(&mut line, at + 2 + measured - measures.width().min(measured));
                    line.push_str(&measures);
                }
                at += 2 + measured;
            }
            let before = if at == 2 { 2 } else { at + 2 };
            self.put_texts(&mut text, line, before, &fact.texts);
        }
        out.extend_from_slice(text.as_bytes());
    }

    /// Writes the texts of a fact behind its name, wrapped and indented to this column.
    fn put_texts(&self, text: &mut String, line: String, before: usize, texts: &[String]) {
        let room = self.style.width.map(|width| width.saturating_sub(before));
        let (before, room) = match room {
            Some(room) if room < ROOM => (4, self.style.width.map(|width| width.saturating_sub(4).max(10))),
            _ => (before, room),
        };
        let mut lines: Vec<String> = Vec::new();
        for one in texts {
            // Lines of a text that has several, such as a definition, keep their indentation.
            let is_laid_out = one.contains('\n');
            for part in one.trim_end().split('\n') {
                match room {
                    Some(room) if part.width() > room && !is_laid_out => lines.extend(wrapped(part, room)),
                    _ => lines.push(part.to_owned()),
                }
            }
        }
        // The first line of the texts stands beside the name, if the name leaves room.
        let mut lines = lines.into_iter();
        let mut first = if line.trim().is_empty() { String::new() } else { line };
        if first.width() < before
            && let Some(beside) = lines.next()
        {
            first.push_str(&" ".repeat(before - first.width()));
            first.push_str(&beside);
        }
        text.push_str(first.trim_end());
        text.push('\n');
        for more in lines {
            text.push_str(format!("{}{more}", " ".repeat(before)).trim_end());
            text.push('\n');
        }
    }
}

impl Format for Blocks {
    fn head(&mut self, _out: &mut Vec<u8>) {
        self.is_first = true;
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let Some(sections) = &self.style.sections else { return };
        let mut fact = Fact { level: 0, name: String::new(), measures: Vec::new(), texts: Vec::new() };
        let mut heading = String::new();
        let mut has_name = false;
        for (column, cell) in self.columns.iter().zip(cells) {
            let shown = human::show(&column.name, cell, &self.style.zone);
            let shown = escape::terminal_text(&shown).into_owned();
            if column.name == sections.heading {
                heading = shown;
            } else if Some(&column.name) == sections.level.as_ref() {
                fact.level = if let Cell::Int(level) = cell {
                    usize::try_from(*level).unwrap_or(0).min(20)
                } else {
                    0
                };
            } else if !has_name {
                has_name = true;
                // A name is one line, whatever is in it.
                fact.name = escape::terminal(&human::show(&column.name, cell, &self.style.zone)).into_owned();
            } else if !shown.is_empty() {
                let is_measure = column.kind != ColumnType::TEXT;
                if is_measure { &mut fact.measures } else { &mut fact.texts }.push(shown);
            }
        }
        if heading != self.heading {
            self.put(out);
            self.heading = heading;
        }
        self.rows.push(fact);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.put(out);
        self.heading.clear();
        self.is_first = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{self, Sections};

    #[test]
    fn facts_stand_under_their_heading_and_long_texts_are_wrapped() {
        let columns = rows::columns(&["section", "name", "detail", "size_bytes int8", "level int8"]);
        let sections = Sections { heading: "section".into(), level: Some("level".into()) };
        let style = Style { sections: Some(sections), ..Style::plain(Some(50)) };
        let mut blocks = Blocks::new(columns, style);
        let mut out = Vec::new();
        blocks.head(&mut out);
        let text = |text: &'static str| Cell::Text(text.into());
        let mut row = |section, name: &'static str, detail, size: Option<i64>, level| {
            let size = size.map_or(Cell::Null, Cell::Int);
            let name = if name.is_empty() { Cell::Null } else { text(name) };
            blocks.row(&[text(section), name, text(detail), size, Cell::Int(level)], &mut out);
        };
        row("column", "id", "integer, not null", None, 0);
        row("column", "a\nb", "text, default 'a text that is so long that it needs a second line'", None, 0);
        row("partition", "p1", "FOR VALUES IN (1)", Some(8192), 0);
        row("partition", "p1a", "DEFAULT", Some(1_650_000), 1);
        row("definition", "", "SELECT 1\n  FROM x", None, 0);
        blocks.end(&mut out);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        column
          id    integer, not null
          a\nb  text, default 'a text that is so long that
                it needs a second line'

        partition
          p1       8 kB  FOR VALUES IN (1)
            p1a  1.6 MB  DEFAULT

        definition
          SELECT 1
            FROM x
        ");
    }
}

//! Aligned columns for people. The first rows determine the widths of the columns; after that, rows are streamed.

use std::ops::Range;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, Width};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::format::{Format, Style, is_number};
use super::human;
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::{Cell, Scalar};
use crate::rows::diff::changed;
use crate::wrap::wrapped;

/// How many rows are measured before the first is shown, and how many are laid out at once.
const BATCH: usize = 1000;
/// The gap between two columns.
const GAP: usize = 2;
/// The narrowest width to which a text column is wrapped.
const NARROWEST: usize = 10;
/// Columns are left out before a text column is wrapped to less than this.
const READABLE: usize = 30;
/// The most lines that a row takes on a terminal; longer texts are truncated.
const TALLEST: usize = 4;

/// The width of a bar.
const BAR: usize = 8;

pub(super) struct Table {
    columns: Vec<Column>,
    style: Style,
    rows: Vec<Row>,
    layout: Option<Layout>,
}

/// A row that is not yet printed.
struct Row {
    texts: Vec<String>,
    /// The numbers of the columns that may get a bar, in their order.
    numbers: Vec<Option<f64>>,
}

/// The visible columns and their widths.
struct Layout {
    shown: Vec<usize>,
    widths: Vec<usize>,
    bars: Vec<BarOf>,
}

/// The bar beside a column.
struct BarOf {
    column: usize,
    /// The column's place in [`Row::numbers`].
    place: usize,
    /// The number whose bar is full.
    full: f64,
}

/// A column's natural width, its minimum width, and whether all its values are empty or usual.
struct Measure {
    widest: usize,
    least: usize,
    says_nothing: bool,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>, style: Style) -> Table {
        Table { columns, style, rows: Vec::new(), layout: None }
    }

    fn name(&self, column: usize) -> String {
        escape::terminal(human::heading(&self.columns, column)).into_owned()
    }

    fn measure(&self, i: usize) -> Measure {
        let column = &self.columns[i];
        let name = self.name(i);
        // Headings are wrapped at underscores. Values are wrapped only if they are text.
        let head = name.split('_').map(|word| word.width() + 1).max().unwrap_or(1);
        let wraps = column.kind.list || matches!(column.kind.scalar, Scalar::Text | Scalar::Json);
        let widest = self.rows.iter().map(|row| row.texts[i].width()).max().unwrap_or(0);
        let usual = column.usual.as_deref();
        let is_nothing = |value: &String| value.is_empty() || usual == Some(value.as_str());
        Measure {
            widest: widest.max(name.width()),
            least: head.max(if wraps { widest.min(NARROWEST) } else { widest }),
            says_nothing: !self.rows.is_empty() && self.rows.iter().all(|row| is_nothing(&row.texts[i])),
        }
    }

    /// Chooses the visible columns and their widths. If the terminal is too narrow, columns whose values are all
    /// empty or usual are left out first, then those that the report marks as wide, then columns from the right;
    /// last, text columns are wrapped, the widest first.
    fn choose(&self) -> Layout {
        let measures: Vec<Measure> = (0..self.columns.len()).map(|i| self.measure(i)).collect();
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let Some(terminal) = self.style.width else {
            return Layout { widths: measures.iter().map(|m| m.widest).collect(), shown, bars: Vec::new() };
        };
        let over = |shown: &[usize], width: &dyn Fn(&Measure) -> usize| {
            let gaps = GAP * shown.len().saturating_sub(1);
            (shown.iter().map(|&i| width(&measures[i])).sum::<usize>() + gaps).saturating_sub(terminal)
        };
        let readable = |m: &Measure| m.widest.min(READABLE).max(m.least);
        if !self.style.all_columns {
            let mut spare: Vec<usize> =
                shown.iter().copied().filter(|&i| self.columns[i].wide.is_some()).collect();
            spare.sort_by_key(|&i| self.columns[i].wide);
            let silent = shown.iter().rev().copied().filter(|&i| measures[i].says_nothing);
            for i in silent.chain(spare).collect::<Vec<_>>() {
                if over(&shown, &readable) > 0 && shown.len() > 1 {
                    shown.retain(|&one| one != i);
                }
            }
            while over(&shown, &|m| m.least) > 0 && shown.len() > 1 {
                shown.pop();
            }
        }
        let mut widths: Vec<usize> = shown.iter().map(|&i| measures[i].widest).collect();
        let least = |at: usize| if over(&shown, &|m| m.least) > 0 { 1 } else { measures[shown[at]].least };
        for _ in 0..over(&shown, &|m| m.widest) {
            // The widest column is narrowed first, one character at a time.
            let widest = (0..widths.len()).filter(|&at| widths[at] > least(at)).max_by_key(|&at| widths[at]);
            if let Some(widest) = widest {
                widths[widest] -= 1;
            }
        }
        let used = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let bars = self.bars(&shown, terminal.saturating_sub(used));
        Layout { shown, widths, bars }
    }

    /// Returns the columns for whose bar there is room: the total size, or else the first, of which the largest has a full
    /// bar; and the first share, whose bar is full at 100 %.
    fn bars(&self, shown: &[usize], mut room: usize) -> Vec<BarOf> {
        let mut bars: Vec<BarOf> = Vec::new();
        for bar in [human::Bar::Size, human::Bar::Share] {
            let of_kind = barred(&self.columns).enumerate().filter(|(_, (_, one))| *one == bar);
            let best = of_kind
                .filter(|(_, (column, _))| shown.contains(column))
                .min_by_key(|(_, (column, _))| (self.columns[*column].name != "total_bytes", *column));
            let Some((place, (column, _))) = best else { continue };
            let numbers: Vec<f64> = self.rows.iter().filter_map(|row| *row.numbers.get(place)?).collect();
            let full = match bar {
                human::Bar::Share if !numbers.is_empty() => 100.0,
                // The only size would always be the largest.
                human::Bar::Size if numbers.len() > 1 => numbers.iter().copied().fold(0.0, f64::max),
                _ => 0.0,
            };
            if full > 0.0 && room >= BAR + GAP {
                room -= BAR + GAP;
                bars.push(BarOf { column, place, full });
            }
        }
        bars
    }

    fn lay_out(&mut self, out: &mut Vec<u8>) {
        let with_head = self.layout.is_none() && self.style.header != Some(false);
        let layout = self.layout.take().unwrap_or_else(|| self.choose());
        let rows = std::mem::take(&mut self.rows);
        self.push_table(&layout, with_head, rows, out);
        self.layout = Some(layout);
    }

    /// Prints which columns were left out.
    fn name_what_is_missing(&self, out: &mut Vec<u8>) {
        let Some(layout) = &self.layout else { return };
        let missing: Vec<String> =
            (0..self.columns.len()).filter(|i| !layout.shown.contains(i)).map(|i| self.name(i)).collect();
        if missing.is_empty() || self.style.header == Some(false) {
            return;
        }
        let text = format!("(no room for {}: --columns or a wider terminal shows them)", missing.join(", "));
        let dim = if self.style.color { anstyle::Style::new().dimmed() } else { anstyle::Style::new() };
        for line in wrapped(&text, self.style.width.unwrap_or(usize::MAX)) {
            out.extend_from_slice(format!("{dim}{line}{dim:#}\n").as_bytes());
        }
    }

    fn push_table(&self, layout: &Layout, head: bool, rows: Vec<Row>, out: &mut Vec<u8>) {
        let Layout { shown, widths, bars } = layout;
        if rows.is_empty() && !head {
            return;
        }
        let mut table = comfy_table::Table::new();
        table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
        // A bar is a column of its own, without a heading, behind that of its number.
        let bar_of = |i: usize| bars.iter().find(|bar| bar.column == i);
        if head {
            let heads = shown.iter().flat_map(|&i| [Some(self.name(i)), bar_of(i).map(|_| String::new())]);
            table.set_header(heads.flatten().map(|name| comfy_table::Cell::new(name).set_delimiter('_')));
        }
        let limited = self.style.width.is_some();
        for mut row in rows {
            let cells = shown.iter().flat_map(|&i| {
                let bar = bar_of(i).map(|of| bar(row.numbers.get(of.place).copied().flatten(), of.full));
                [Some(std::mem::take(&mut row.texts[i])), bar]
            });
            let mut row = comfy_table::Row::from(cells.flatten());
            if limited {
                row.max_height(TALLEST);
            }
            table.add_row(row);
        }
        table.set_content_arrangement(if limited {
            ContentArrangement::Dynamic
        } else {
            ContentArrangement::Disabled
        });
        if let Some(width) = self.style.width {
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        let drawn: Vec<(usize, Option<usize>)> = shown
            .iter()
            .zip(widths)
            .flat_map(|(&i, &width)| [Some((width, Some(i))), bar_of(i).map(|_| (BAR, None))])
            .flatten()
            .collect();
        let painted = if self.style.color { self.painted(&drawn) } else { Vec::new() };
        let last = drawn.len().saturating_sub(1);
        for (i, (width, column_shown)) in drawn.into_iter().enumerate() {
            if let Some(column) = table.column_mut(i) {
                // The gap between two columns is the left one's right padding.
                let gap = if i == last { 0 } else { GAP };
                column.set_padding((0, u16::try_from(gap).unwrap_or(0)));
                let full =
                    Width::Fixed(u16::try_from(width + if i == last { 0 } else { 2 }).unwrap_or(u16::MAX));
                column.set_constraint(if limited {
                    ColumnConstraint::Absolute(full)
                } else {
                    ColumnConstraint::LowerBoundary(full)
                });
                if column_shown.is_some_and(|i| is_number(&self.columns[i])) {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        let mut in_head = head && self.style.color;
        for line in table.lines() {
            let line = line.trim_end();
            if in_head && line.starts_with('─') {
                in_head = false;
            }
            if in_head {
                let bold = anstyle::Style::new().bold();
                out.extend_from_slice(format!("{bold}{line}{bold:#}\n").as_bytes());
            } else {
                out.extend_from_slice(paint(line, &painted).as_bytes());
                out.push(b'\n');
            }
        }
    }

    /// Returns where the changes of numbers stand in a line, in columns of the terminal.
    fn painted(&self, drawn: &[(usize, Option<usize>)]) -> Vec<Range<usize>> {
        let mut from = 0;
        let mut painted = Vec::new();
        for (width, column) in drawn {
            if column.is_some_and(|i| changed(&self.columns[i].name).is_some()) {
                painted.push(from..from + width);
            }
            from += width + GAP;
        }
        painted
    }
}

/// Colours what a line has in these columns of the terminal: green what begins with a plus, red what begins with a minus.
fn paint(line: &str, painted: &[Range<usize>]) -> String {
    if painted.is_empty() {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut column = 0;
    let mut rest = line;
    for range in painted {
        let mut place = |until: usize| {
            let end = rest.char_indices().find(|(_, c)| {
                let is_there = column >= until;
                column += if is_there { 0 } else { c.width().unwrap_or(0) };
                is_there
            });
            let (part, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
            rest = after;
            part
        };
        out.push_str(place(range.start));
        let value = place(range.end);
        let color = match value.trim_start().as_bytes().first() {
            Some(b'+') => anstyle::AnsiColor::Green.on_default(),
            Some(b'-') => anstyle::AnsiColor::Red.on_default(),
            _ => anstyle::Style::new(),
        };
        out.push_str(&format!("{color}{value}{color:#}"));
    }
    out.push_str(rest);
    out
}

/// The columns that may get a bar.
fn barred(columns: &[Column]) -> impl Iterator<Item = (usize, human::Bar)> {
    columns.iter().enumerate().filter_map(|(i, column)| Some((i, human::bar(&column.name)?)))
}

/// Draws a number as a bar, in eighths of a character; nothing for NULL and for what is not above zero.
fn bar(number: Option<f64>, full: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = number.map_or(0.0, |number| (number / full).clamp(0.0, 1.0));
    // Something is never nothing.
    let eighths = if share > 0.0 { ((share * (8 * BAR) as f64).round() as usize).max(1) } else { 0 };
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

impl Format for Table {
    fn head(&mut self, _out: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let texts = self.columns.iter().zip(cells).map(|(column, cell)| {
            escape::terminal(&human::show(&column.name, cell, &self.style.zone)).into_owned()
        });
        let numbers = barred(&self.columns).map(|(i, _)| cells.get(i).and_then(Cell::as_float));
        self.rows.push(Row { texts: texts.collect(), numbers: numbers.collect() });
        if self.rows.len() >= BATCH {
            self.lay_out(out);
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.rows.is_empty() {
            self.lay_out(out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.layout.is_none() || !self.rows.is_empty() {
            self.lay_out(out);
        }
        self.name_what_is_missing(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_green_or_red_and_nothing_else_is() {
        let line = "größe 表 +1  +9 MB   -3";
        //          0     6  9   13..18  21
        assert_eq!(
            paint(line, &[13..18, 21..23]),
            "größe 表 +1  \u{1b}[32m+9 MB\u{1b}[0m   \u{1b}[31m-3\u{1b}[0m"
        );
        assert_eq!(paint("short", &[13..18, 21..23]), "short");
        assert_eq!(paint("a  0 B", &[3..6, 7..8]), "a  0 B");
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        for (number, shown) in [
            (Some(0.0), ""),
            (None, ""),
            (Some(-1.0), ""),
            (Some(0.001), "▏"),
            (Some(50.0), "████"),
            (Some(51.0), "████▏"),
            (Some(100.0), "████████"),
            (Some(250.0), "████████"),
            (Some(f64::NAN), ""),
        ] {
            assert_eq!(bar(number, 100.0), shown, "{number:?}");
        }
    }

    /// Three tables by size and share, on a terminal of this width or none.
    fn sizes(width: Option<usize>) -> String {
        let columns =
            crate::rows::columns(&["name text", "main_bytes int8", "total_bytes int8", "share_pct float8"]);
        let style = Style { header: Some(false), ..Style::plain(width) };
        let mut table = Table::new(columns, style);
        let mut out = Vec::new();
        for (name, total, share) in [("a", Some(4096), 100.0), ("b", Some(1024), 25.0), ("c", None, 0.0)] {
            let total = total.map_or(Cell::Null, Cell::Int);
            table.row(&[Cell::Text(name.into()), Cell::Int(1), total, Cell::Float(share)], &mut out);
        }
        table.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_total_has_a_bar_and_then_the_share_where_there_is_room() {
        assert!(!sizes(None).contains('█') && !sizes(Some(30)).contains('█'), "{}", sizes(Some(30)));
        assert_eq!(
            sizes(Some(40)),
            "a      1 B   4 kB  ████████  100.0 %\nb      1 B   1 kB  ██         25.0 %\nc      1 B                     0.0 %\n"
        );
        assert_eq!(sizes(Some(60)).lines().next().unwrap().matches("████████").count(), 2);
    }
}

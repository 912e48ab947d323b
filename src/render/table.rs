//! Aligned columns for people. The first rows determine the widths of the columns; after that, rows are streamed.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, Width};
use unicode_width::UnicodeWidthStr;

use super::format::{Format, Style, is_number};
use super::human;
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::{Cell, Scalar};
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

pub(super) struct Table {
    columns: Vec<Column>,
    style: Style,
    rows: Vec<Vec<String>>,
    layout: Option<Layout>,
}

/// The visible columns and their widths.
struct Layout {
    shown: Vec<usize>,
    widths: Vec<usize>,
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
        let widest = self.rows.iter().map(|row| row[i].width()).max().unwrap_or(0);
        let usual = column.usual.as_deref();
        let is_nothing = |value: &String| value.is_empty() || usual == Some(value.as_str());
        Measure {
            widest: widest.max(name.width()),
            least: head.max(if wraps { widest.min(NARROWEST) } else { widest }),
            says_nothing: !self.rows.is_empty() && self.rows.iter().all(|row| is_nothing(&row[i])),
        }
    }

    /// Chooses the visible columns and their widths. If the terminal is too narrow, columns whose values are all
    /// empty or usual are left out first, then those that the report marks as wide, then columns from the right;
    /// last, text columns are wrapped, the widest first.
    fn choose(&self) -> Layout {
        let measures: Vec<Measure> = (0..self.columns.len()).map(|i| self.measure(i)).collect();
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let Some(terminal) = self.style.width else {
            return Layout { widths: measures.iter().map(|m| m.widest).collect(), shown };
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
        Layout { shown, widths }
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

    fn push_table(&self, layout: &Layout, head: bool, rows: Vec<Vec<String>>, out: &mut Vec<u8>) {
        let Layout { shown, widths } = layout;
        if rows.is_empty() && !head {
            return;
        }
        let mut table = comfy_table::Table::new();
        table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
        if head {
            table.set_header(shown.iter().map(|&i| comfy_table::Cell::new(self.name(i)).set_delimiter('_')));
        }
        let limited = self.style.width.is_some();
        for mut row in rows {
            let mut row = comfy_table::Row::from(shown.iter().map(|&i| std::mem::take(&mut row[i])));
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
        let last = widths.len().saturating_sub(1);
        for (i, width) in widths.iter().enumerate() {
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
                if is_number(&self.columns[shown[i]]) {
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
                out.extend_from_slice(line.as_bytes());
                out.push(b'\n');
            }
        }
    }
}

impl Format for Table {
    fn head(&mut self, _out: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let shown = self.columns.iter().zip(cells).map(|(column, cell)| {
            escape::terminal(&human::show(&column.name, cell, &self.style.zone)).into_owned()
        });
        self.rows.push(shown.collect());
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

//! Aligned columns for people. The first rows tell how wide the columns are; then rows stream.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, Width};
use unicode_width::UnicodeWidthStr;

use super::vertical::Vertical;
use super::{Format, Style, escape, human, is_number};
use crate::cell::Cell;
use crate::report::Column;

/// How many rows are looked at before the first is shown, and how many are laid out at once.
const BATCH: usize = 1000;
/// Between two columns.
const GAP: usize = 2;
/// A column of text may be wrapped down to this many characters; narrower, and rows stand upright instead.
const NARROWEST: usize = 10;

pub(super) struct Table {
    columns: Vec<Column>,
    style: Style,
    rows: Vec<Vec<String>>,
    layout: Option<Layout>,
}

enum Layout {
    Widths(Vec<usize>),
    Upright(Vertical),
}

impl Table {
    pub(super) fn new(columns: Vec<Column>, style: Style) -> Table {
        Table { columns, style, rows: Vec::new(), layout: None }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|c| escape::terminal(human::short_name(&c.name)).into_owned())
    }

    /// The columns' widths that fit; `None` where no readable table does.
    fn widths(&self) -> Option<Vec<usize>> {
        let mut widths: Vec<usize> = self.names().map(|n| n.width()).collect();
        // A head wraps between its words; numbers never do.
        let mut least: Vec<usize> =
            self.names().map(|n| n.split('_').map(|word| word.width() + 1).max().unwrap_or(1)).collect();
        for row in &self.rows {
            for (i, value) in row.iter().enumerate() {
                let width = value.width();
                widths[i] = widths[i].max(width);
                least[i] =
                    least[i].max(if is_number(&self.columns[i]) { width } else { width.min(NARROWEST) });
            }
        }
        let Some(terminal) = self.style.width else { return Some(widths) };
        let gaps = GAP * widths.len().saturating_sub(1);
        let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(terminal);
        while over > 0 {
            // The widest gives way first, a character at a time.
            let widest = (0..widths.len()).filter(|&i| widths[i] > least[i]).max_by_key(|&i| widths[i])?;
            widths[widest] -= 1;
            over -= 1;
        }
        Some(widths)
    }

    fn lay_out(&mut self, out: &mut Vec<u8>) {
        let with_head = self.layout.is_none();
        if with_head {
            self.layout = Some(match self.widths() {
                Some(widths) => Layout::Widths(widths),
                None => Layout::Upright(Vertical::new(self.columns.clone(), self.style.clone())),
            });
        }
        let rows = std::mem::take(&mut self.rows);
        let head = with_head && self.style.header != Some(false);
        match &mut self.layout {
            Some(Layout::Upright(vertical)) => {
                for row in rows {
                    // The values are text by now; a name without its unit keeps them as they are.
                    let cells: Vec<Cell<'_>> = row.iter().map(|v| Cell::Text(v.as_str().into())).collect();
                    vertical.row(&cells, out);
                }
            }
            Some(Layout::Widths(widths)) => {
                let widths = widths.clone();
                self.push_table(&widths, head, rows, out);
            }
            None => {}
        }
    }

    fn push_table(&self, widths: &[usize], head: bool, rows: Vec<Vec<String>>, out: &mut Vec<u8>) {
        if rows.is_empty() && !head {
            return;
        }
        let mut table = comfy_table::Table::new();
        table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
        if head {
            table.set_header(self.names().map(|n| comfy_table::Cell::new(n).set_delimiter('_')));
        }
        table.add_rows(rows);
        let limited = self.style.width.is_some();
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
                // The gap between columns is the left one's padding.
                let gap = if i == last { 0 } else { GAP };
                column.set_padding((0, u16::try_from(gap).unwrap_or(0)));
                let full =
                    Width::Fixed(u16::try_from(width + if i == last { 0 } else { 2 }).unwrap_or(u16::MAX));
                column.set_constraint(if limited {
                    ColumnConstraint::Absolute(full)
                } else {
                    ColumnConstraint::LowerBoundary(full)
                });
                if is_number(&self.columns[i]) {
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
    }
}

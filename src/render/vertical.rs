//! One value per line, for rows too wide for any table; like psql's `\x`.

use unicode_width::UnicodeWidthStr;

use super::format::{Format, Style};
use super::human;
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::Cell;

pub(super) struct Vertical {
    columns: Vec<Column>,
    style: Style,
    rows: u64,
}

impl Vertical {
    pub(super) fn new(columns: Vec<Column>, style: Style) -> Vertical {
        Vertical { columns, style, rows: 0 }
    }
}

impl Format for Vertical {
    fn head(&mut self, _out: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        self.rows += 1;
        let names = || (0..self.columns.len()).map(|i| escape::terminal(human::heading(&self.columns, i)));
        let width = names().map(|n| n.width()).max().unwrap_or(0);
        if self.style.header != Some(false) {
            let title = format!("-[ {} ]", self.rows);
            let rule = "-".repeat((width + 3).saturating_sub(title.len()));
            out.extend_from_slice(format!("{title}{rule}\n").as_bytes());
        }
        for (name, (column, cell)) in names().zip(self.columns.iter().zip(cells)) {
            let value = human::show(&column.name, cell, &self.style.zone);
            let pad = " ".repeat(width.saturating_sub(name.width()));
            let line = format!("{name}{pad} | {}", escape::terminal(&value));
            out.extend_from_slice(line.trim_end().as_bytes());
            out.push(b'\n');
        }
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

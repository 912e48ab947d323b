//! A table in the form that GitHub and most wikis read.

use super::format::{Format, Style, is_number};
use super::human;
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::Cell;

pub(super) struct Markdown {
    columns: Vec<Column>,
    style: Style,
}

impl Markdown {
    pub(super) fn new(columns: Vec<Column>, style: Style) -> Markdown {
        Markdown { columns, style }
    }
}

impl Format for Markdown {
    fn head(&mut self, out: &mut Vec<u8>) {
        // Without a header it would not be a table.
        line((0..self.columns.len()).map(|i| quote(human::heading(&self.columns, i))), out);
        line(self.columns.iter().map(|c| if is_number(c) { "---:" } else { "---" }.to_owned()), out);
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        line(
            self.columns
                .iter()
                .zip(cells)
                .map(|(c, cell)| quote(&human::show(&c.name, cell, &self.style.zone))),
            out,
        );
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

fn line(values: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    for value in values {
        out.extend_from_slice(b"| ");
        out.extend_from_slice(value.as_bytes());
        out.push(b' ');
    }
    out.extend_from_slice(b"|\n");
}

/// Makes a text safe and removes its meaning for Markdown; an underscore inside a word has none.
fn quote(text: &str) -> String {
    let text = escape::terminal(text);
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (i, &c) in chars.iter().enumerate() {
        let in_word =
            |j: Option<usize>| j.and_then(|j| chars.get(j)).is_some_and(|c| c.is_alphanumeric() || *c == '_');
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '_' if in_word(i.checked_sub(1)) && in_word(Some(i + 1)) => out.push('_'),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

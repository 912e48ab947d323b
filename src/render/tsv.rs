//! One object a line, tabs between the values, escaped as COPY's text format reads them; NULL is empty.

use super::{Format, Style, escape, plain};
use crate::cell::{Cell, ColumnType, Scalar};
use crate::report::Column;

pub(super) struct Tsv {
    columns: Vec<Column>,
    header: bool,
    terminal: bool,
}

impl Tsv {
    pub(super) fn new(columns: Vec<Column>, style: &Style) -> Tsv {
        Tsv { columns, header: style.header.unwrap_or(false), terminal: style.width.is_some() }
    }
}

impl Format for Tsv {
    fn head(&mut self, out: &mut Vec<u8>) {
        if self.header {
            let names: Vec<Cell<'_>> =
                self.columns.iter().map(|c| Cell::Text(c.name.as_str().into())).collect();
            line(&names, self.terminal, out);
            out.push(b'\n');
        }
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        line(cells, self.terminal, out);
        out.push(b'\n');
    }

    /// Most rows are names of plain ASCII and whole numbers: nothing in them needs a second look.
    fn plain_row(&mut self, raw: &[Option<&[u8]>], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        for (i, (column, value)) in self.columns.iter().zip(raw).enumerate() {
            if i > 0 {
                out.push(b'\t');
            }
            let Some(value) = value else { continue };
            match column.kind {
                ColumnType { scalar: Scalar::Text, list: false }
                    if all(value, |b| (0x20..0x7F).contains(&b) & (b != b'\\')) =>
                {
                    out.extend_from_slice(value);
                }
                ColumnType { scalar: Scalar::Int8, list: false } if value.len() == 8 => {
                    push_int(value.iter().fold(0, |n, b| n << 8 | i64::from(*b)), out);
                }
                _ => {
                    out.truncate(start);
                    return false;
                }
            }
        }
        out.push(b'\n');
        true
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

/// Looks at every byte, without a way out in between: that is what the compiler turns into vectors.
fn all(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |so_far, b| so_far & is(*b))
}

/// The line of these cells, without its line feed.
pub(super) fn line(cells: &[Cell<'_>], terminal: bool, out: &mut Vec<u8>) {
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.push(b'\t');
        }
        match cell {
            Cell::Null => {}
            Cell::Int(n) => push_int(*n, out),
            Cell::Text(text) => push_value(text, terminal, out),
            cell => push_value(&plain(cell), terminal, out),
        }
    }
}

fn push_int(n: i64, out: &mut Vec<u8>) {
    use std::io::Write as _;
    let _ = write!(out, "{n}");
}

fn push_value(text: &str, terminal: bool, out: &mut Vec<u8>) {
    // Most names hold nothing to escape. A C1 control is 0xC2 0x80 to 0xC2 0x9F in UTF-8.
    if !terminal && all(text.as_bytes(), |b| (b >= 0x20) & (b != b'\\') & (b != 0x7F) & (b != 0xC2)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        match c {
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\u{b}' => out.extend_from_slice(b"\\v"),
            c if c.is_control() || (terminal && escape::is_unsafe(c)) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
                }
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

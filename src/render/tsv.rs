//! One row per line, with tabs between the values, escaped as COPY's text format reads them; NULL is empty.

use super::format::{Format, Style};
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::{self, Cell, Scalar, Timestamps};
use crate::rows::plain::plain;

pub(super) struct Tsv {
    columns: Vec<Column>,
    header: bool,
    terminal: bool,
    times: Timestamps,
}

impl Tsv {
    pub(super) fn new(columns: Vec<Column>, style: &Style) -> Tsv {
        Tsv {
            columns,
            header: style.header.unwrap_or(false),
            terminal: style.width.is_some(),
            times: Timestamps::default(),
        }
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

    fn plain_row(&mut self, raw: &[Option<&[u8]>], out: &mut Vec<u8>) -> bool {
        let is_whole = raw_line(&self.columns, raw, &mut self.times, self.terminal, out);
        if is_whole {
            out.push(b'\n');
        }
        is_whole
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

/// Tests every byte, without leaving the loop early, so that the compiler can vectorize it.
fn all(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |so_far, b| so_far & is(*b))
}

/// Works like [`line`], but directly on the values as the server sent them, without making cells. Returns `false`,
/// and appends nothing, if a type needs a cell.
pub(super) fn raw_line(
    columns: &[Column],
    raw: &[Option<&[u8]>],
    times: &mut Timestamps,
    terminal: bool,
    out: &mut Vec<u8>,
) -> bool {
    // Nearly all texts need no escaping. So they are copied unchanged, and then the whole line is checked in one
    // pass.
    let start = out.len();
    let is_whole = raw_values(columns, raw, times, out, |text, out| out.extend_from_slice(text));
    if is_whole && is_plain_line(&out[start..], columns.len()) {
        return true;
    }
    out.truncate(start);
    is_whole && raw_values(columns, raw, times, out, |text, out| push_value(&cell::text(text), terminal, out))
}

/// Appends the values of a row to `out`, separated by tabs; `push_text` appends those that are text. Returns
/// `false` if a type can only be read as a cell; `out` then ends with an incomplete line.
fn raw_values(
    columns: &[Column],
    raw: &[Option<&[u8]>],
    times: &mut Timestamps,
    out: &mut Vec<u8>,
    push_text: impl Fn(&[u8], &mut Vec<u8>),
) -> bool {
    for (i, (column, value)) in columns.iter().zip(raw).enumerate() {
        if i > 0 {
            out.push(b'\t');
        }
        let Some(value) = value else { continue };
        if column.kind.list {
            return false;
        }
        match (column.kind.scalar, value.first_chunk::<8>().filter(|_| value.len() == 8)) {
            (Scalar::Text, _) => push_text(value, out),
            (Scalar::Int8, Some(bytes)) => cell::push_int(out, i64::from_be_bytes(*bytes)),
            (Scalar::Float8, Some(bytes)) => cell::push_float(out, f64::from_be_bytes(*bytes)),
            (Scalar::Timestamptz, Some(bytes)) => times.push(out, i64::from_be_bytes(*bytes)),
            _ => return false,
        }
    }
    true
}

/// Returns whether this line with this many columns needs no escaping. Then its only control characters are the
/// tabs between the columns.
fn is_plain_line(line: &[u8], columns: usize) -> bool {
    // The counter is one byte wide, which the compiler vectorizes well; hence the blocks of 255 bytes.
    let controls = |piece: &[u8]| piece.iter().fold(0u8, |n, b| n + u8::from(*b < 0x20));
    line.chunks(255).map(|piece| usize::from(controls(piece))).sum::<usize>() == columns.saturating_sub(1)
        && all(line, |b| (b < 0x7F) & (b != b'\\'))
}

/// Appends the line of these cells, without a line feed.
pub(super) fn line(cells: &[Cell<'_>], terminal: bool, out: &mut Vec<u8>) {
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.push(b'\t');
        }
        match cell {
            Cell::Null => {}
            Cell::Int(n) => cell::push_int(out, *n),
            Cell::Text(text) => push_value(text, terminal, out),
            cell => push_value(&plain(cell), terminal, out),
        }
    }
}

fn push_value(text: &str, terminal: bool, out: &mut Vec<u8>) {
    // Most names contain nothing to escape. A C1 control is 0xC2 0x80 to 0xC2 0x9F in UTF-8.
    let is_plain = |b: u8| (b >= 0x20) & (b != b'\\') & (b != 0x7F) & (b != 0xC2);
    if !terminal && all(text.as_bytes(), is_plain) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut rest = text;
    while !rest.is_empty() {
        // Plain bytes are copied unchanged; for a terminal, only ASCII counts as plain.
        let plain = rest.bytes().take_while(|b| is_plain(*b) && (!terminal || b.is_ascii())).count();
        out.extend_from_slice(&rest.as_bytes()[..plain]);
        let mut chars = rest[plain..].chars();
        if let Some(c) = chars.next() {
            push_escaped(c, terminal, out);
        }
        rest = chars.as_str();
    }
}

fn push_escaped(c: char, terminal: bool, out: &mut Vec<u8>) {
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

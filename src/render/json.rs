//! JSON: one array of objects, or one object per line. Numbers are numbers; NaN and the infinities are strings.

use super::format::Format;
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::Cell;
use crate::rows::plain::plain;

pub(super) struct Json {
    /// Each column's `"name":`, preceded by a comma except for the first.
    keys: Vec<Vec<u8>>,
    shape: Shape,
    rows: u64,
}

/// How the objects are arranged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One array, with one object per line.
    Array,
    /// One array on one line.
    Line,
    /// No array, but one object per line.
    Lines,
}

impl Json {
    pub(super) fn new(columns: Vec<Column>, shape: Shape) -> Json {
        let keys = columns
            .iter()
            .enumerate()
            .map(|(i, column)| {
                let mut key = Vec::new();
                if i > 0 {
                    key.push(b',');
                }
                push_string(&column.name, &mut key);
                key.push(b':');
                key
            })
            .collect();
        Json { keys, shape, rows: 0 }
    }
}

impl Format for Json {
    fn head(&mut self, out: &mut Vec<u8>) {
        if self.shape != Shape::Lines {
            out.push(b'[');
        }
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let before: &[u8] = match (self.shape, self.rows) {
            (Shape::Array, 0) => b"\n",
            (Shape::Array, _) => b",\n",
            (Shape::Line, 0) | (Shape::Lines, _) => b"",
            (Shape::Line, _) => b",",
        };
        out.extend_from_slice(before);
        self.rows += 1;
        out.push(b'{');
        for (key, cell) in self.keys.iter().zip(cells) {
            out.extend_from_slice(key);
            push_cell(cell, out);
        }
        out.push(b'}');
        if self.shape == Shape::Lines {
            out.push(b'\n');
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        match self.shape {
            Shape::Array if self.rows > 0 => out.extend_from_slice(b"\n]\n"),
            Shape::Array | Shape::Line => out.extend_from_slice(b"]\n"),
            Shape::Lines => {}
        }
    }
}

fn push_cell(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Bool(_) | Cell::Int(_) => out.extend_from_slice(plain(cell).as_bytes()),
        Cell::Float(x) if x.is_finite() => out.extend_from_slice(plain(cell).as_bytes()),
        Cell::Numeric(text) if text.ends_with(|c: char| c.is_ascii_digit()) => {
            out.extend_from_slice(text.as_bytes())
        }
        // A JSON value may have line feeds between its parts, but jsonl needs it on one line.
        Cell::Json(text) => match serde_json::from_str::<&serde_json::value::RawValue>(text) {
            Ok(raw) if !raw.get().chars().any(escape::is_unsafe) => {
                out.extend_from_slice(raw.get().as_bytes())
            }
            Ok(raw) => push_json(raw.get(), out),
            // It is not valid JSON (escaped bytes of an SQL_ASCII database), so it becomes a string.
            Err(_) => push_string(text, out),
        },
        Cell::List(cells) => {
            out.push(b'[');
            for (i, cell) in cells.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                push_cell(cell, out);
            }
            out.push(b']');
        }
        cell => push_string(&plain(cell), out),
    }
}

/// Appends JSON text on one line: whitespace between tokens is collapsed, and unsafe characters in strings are
/// escaped.
fn push_json(text: &str, out: &mut Vec<u8>) {
    let mut in_string = false;
    let mut escaped = false;
    for c in text.chars() {
        if in_string {
            push_char(c, out);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if !c.is_whitespace() {
            in_string = c == '"';
            push_char(c, out);
        }
    }
}

fn push_char(c: char, out: &mut Vec<u8>) {
    if escape::is_unsafe(c) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
        }
    } else {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn push_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.bytes().all(|b| (0x20..0x7F).contains(&b) && b != b'"' && b != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        for c in text.chars() {
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                c => push_char(c, out),
            }
        }
    }
    out.push(b'"');
}

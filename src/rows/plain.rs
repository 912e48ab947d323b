//! Cells as plain text for programs.

use std::borrow::Cow;

use crate::rows::cell::{self, Cell};

/// Returns a cell as plain text for programs: without a unit, times in UTC, lists as array literals, NULL as an
/// empty text.
pub fn plain<'a>(cell: &'a Cell<'_>) -> Cow<'a, str> {
    match cell {
        Cell::Null => Cow::Borrowed(""),
        Cell::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
        Cell::Int(n) => Cow::Owned(n.to_string()),
        Cell::Float(x) => Cow::Owned(cell::float(*x)),
        Cell::Numeric(text) => Cow::Borrowed(text),
        Cell::Text(text) | Cell::Json(text) => Cow::Borrowed(text),
        Cell::Timestamp { micros, zoned } => Cow::Owned(cell::timestamp(*micros, *zoned)),
        Cell::Date(days) => Cow::Owned(cell::date(*days)),
        Cell::Interval { months, days, micros } => Cow::Owned(cell::interval(*months, *days, *micros)),
        Cell::List(cells) => Cow::Owned(array_literal(cells)),
    }
}

/// Writes an array as the server does: `{a,"b c",NULL}`.
fn array_literal(cells: &[Cell<'_>]) -> String {
    let mut out = String::from("{");
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        if *cell == Cell::Null {
            out.push_str("NULL");
            continue;
        }
        let text = plain(cell);
        let bare = !text.is_empty()
            && !text.eq_ignore_ascii_case("null")
            && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '{' | '}' | ','));
        if bare {
            out.push_str(&text);
        } else {
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('"');
        }
    }
    out.push('}');
    out
}

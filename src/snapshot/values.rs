//! The values of a row as JSON, and back.

use serde_json::value::RawValue;

use crate::rows::cell::{Cell, ColumnType, Scalar};
use crate::rows::encode;
use crate::rows::plain::plain;

/// Appends a value: numbers, booleans and null as such, an array as an array, everything else as a string with its plain
/// text. That includes values of type json, which keep their white space that way.
pub(super) fn push(cell: &Cell<'_>, out: &mut Vec<u8>) {
    let is_number = match cell {
        Cell::Null => return out.extend_from_slice(b"null"),
        Cell::Bool(_) | Cell::Int(_) => true,
        Cell::Float(x) => x.is_finite(),
        Cell::Numeric(text) => text.ends_with(|c: char| c.is_ascii_digit()),
        Cell::List(cells) => {
            out.push(b'[');
            for (i, cell) in cells.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                push(cell, out);
            }
            return out.push(b']');
        }
        _ => false,
    };
    let text = plain(cell);
    if is_number {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_text(&text, out);
    }
}

/// Appends a string.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// Reads a value of this type back into the server's binary form. The error says what is wrong with it.
pub(super) fn read(kind: ColumnType, value: &RawValue) -> Result<Option<Vec<u8>>, String> {
    read_with(kind, value, scalar)
}

/// Does the same for a value that `--json` has printed: there, a value of type json is not in a string.
pub(super) fn read_saved(kind: ColumnType, value: &RawValue) -> Result<Option<Vec<u8>>, String> {
    read_with(kind, value, |kind, value| match kind {
        Scalar::Json | Scalar::Jsonb => encode::encode(kind, value.get()),
        _ => scalar(kind, value),
    })
}

/// Reads a value, or the elements of an array, each with this function unless it is null.
fn read_with(
    kind: ColumnType,
    value: &RawValue,
    read: impl Fn(Scalar, &RawValue) -> Result<Vec<u8>, String>,
) -> Result<Option<Vec<u8>>, String> {
    let one = |value: &RawValue| match value.get() {
        "null" => Ok(None),
        _ => read(kind.scalar, value).map(Some),
    };
    if !kind.list || value.get() == "null" {
        return one(value);
    }
    let elements: Vec<&RawValue> =
        serde_json::from_str(value.get()).map_err(|_| format!("not an array: {}", value.get()))?;
    let elements: Vec<_> = elements.into_iter().map(one).collect::<Result<_, _>>()?;
    encode::array(&elements).map(Some)
}

fn scalar(kind: Scalar, value: &RawValue) -> Result<Vec<u8>, String> {
    let text = value.get();
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(|e| e.to_string())?;
        return encode::encode(kind, &text);
    }
    // The values of all other types are written as strings.
    match kind {
        Scalar::Bool
        | Scalar::Int2
        | Scalar::Int4
        | Scalar::Int8
        | Scalar::Oid
        | Scalar::Float4
        | Scalar::Float8
        | Scalar::Numeric => encode::encode(kind, text),
        _ => Err(format!("not a string: {text}")),
    }
}

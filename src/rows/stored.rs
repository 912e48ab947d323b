//! Rows that are kept, in memory or in a temporary file.

use std::io::{self, Read, Write};

use crate::error::Error;

/// The length that marks NULL.
const NULL: u32 = u32::MAX;

/// A row as the server sent it: for each column its length and its bytes.
pub(super) type Stored = Vec<u8>;

/// Returns the error of a temporary file.
pub(super) fn spill_error(e: &io::Error) -> Error {
    Error::io("could not use a temporary file for rows", e)
}

/// Encodes a row for keeping.
pub(super) fn store(raw: &[Option<&[u8]>]) -> Stored {
    let mut row = Vec::with_capacity(raw.iter().map(|c| 4 + c.map_or(0, <[u8]>::len)).sum());
    for value in raw {
        match value {
            None => row.extend(NULL.to_be_bytes()),
            Some(bytes) => {
                row.extend(u32::try_from(bytes.len()).unwrap_or(NULL - 1).to_be_bytes());
                row.extend_from_slice(bytes);
            }
        }
    }
    row
}

/// Returns the columns of a stored row.
pub(super) fn columns(mut row: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let (len, rest) = row.split_first_chunk::<4>()?;
        let len = u32::from_be_bytes(*len);
        if len == NULL {
            row = rest;
            return Some(None);
        }
        let (value, rest) = rest.split_at_checked(len as usize)?;
        row = rest;
        Some(Some(value))
    })
}

/// Writes a stored row to a temporary file, with its length before it.
pub(super) fn write(writer: &mut impl Write, row: &[u8]) -> io::Result<()> {
    writer.write_all(&u32::try_from(row.len()).map_err(io::Error::other)?.to_be_bytes())?;
    writer.write_all(row)
}

/// Reads a row that [`write`] has written; `None` at the end of the file.
pub(super) fn read(reader: &mut impl Read) -> io::Result<Option<Stored>> {
    let mut len = [0; 4];
    match reader.read_exact(&mut len) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut row = vec![0; u32::from_be_bytes(len) as usize];
    reader.read_exact(&mut row)?;
    Ok(Some(row))
}

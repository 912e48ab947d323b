//! Keeps rows until they can be printed.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};

use super::stored::{self, Stored, columns, spill_error, store};
use super::{Column, Flow, RowSink};
use crate::error::Result;

/// How many bytes of one answer are kept in memory. The rest goes to an unlinked temporary file.
const MEMORY: usize = 256 << 10;

/// The rows of an answer, in the order in which they came.
#[derive(Default)]
pub struct Kept {
    rows: Vec<Stored>,
    bytes: usize,
    /// The rows before those in memory.
    spill: Option<BufWriter<File>>,
    /// Whether no row is wanted.
    is_unwanted: bool,
}

impl Kept {
    /// Creates an empty one. If no row `is_wanted`, the server is not asked for any.
    pub fn new(is_wanted: bool) -> Kept {
        Kept { is_unwanted: !is_wanted, ..Kept::default() }
    }

    /// Passes every row to `take`, in order, until that wants no more. Errors: the temporary file failed (74), or those of
    /// `take`.
    pub fn drain(self, mut take: impl FnMut(&[Option<&[u8]>]) -> Result<Flow>) -> Result<Flow> {
        let mut hand_on = |row: &[u8]| take(&columns(row).collect::<Vec<_>>());
        if let Some(writer) = self.spill {
            let mut file = writer.into_inner().map_err(|e| spill_error(e.error()))?;
            file.rewind().map_err(|e| spill_error(&e))?;
            let mut reader = BufReader::new(file);
            while let Some(row) = stored::read(&mut reader).map_err(|e| spill_error(&e))? {
                if hand_on(&row)? == Flow::Enough {
                    return Ok(Flow::Enough);
                }
            }
        }
        for row in self.rows {
            if hand_on(&row)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::More)
    }

    /// Moves the rows from memory to the file.
    fn write_out(&mut self) -> std::io::Result<()> {
        let file = match &mut self.spill {
            Some(file) => file,
            none => none.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        for row in self.rows.drain(..) {
            stored::write(file, &row)?;
        }
        self.bytes = 0;
        file.flush()
    }
}

impl RowSink for Kept {
    fn head(&mut self, _columns: &[Column]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        let row = store(raw);
        self.bytes += row.len() + size_of::<Stored>();
        self.rows.push(row);
        if self.bytes > MEMORY {
            self.write_out().map_err(|e| spill_error(&e))?;
        }
        Ok(Flow::More)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }

    fn wants_none(&self) -> bool {
        self.is_unwanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_their_order_whether_they_fit_in_memory_or_not() {
        for rows in [0_u32, 3, 50_000] {
            let mut kept = Kept::default();
            for i in 0..rows {
                let number = i.to_be_bytes();
                kept.row(&[Some(&number), None, Some(b"")]).unwrap();
            }
            assert_eq!(kept.spill.is_some(), rows > 1000);
            let mut next = 0_u32;
            let take = |raw: &[Option<&[u8]>]| {
                assert_eq!(raw, [Some(&next.to_be_bytes()[..]), None, Some(&b""[..])]);
                next += 1;
                Ok(Flow::More)
            };
            kept.drain(take).unwrap();
            assert_eq!(next, rows);
        }
    }
}

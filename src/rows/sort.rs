//! Sorting rows, which is the only stage that keeps them. What exceeds 4 MiB goes as sorted runs to an unlinked
//! temporary file.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use super::stored::{self, Stored, columns, spill_error, store};
use crate::error::Result;
use crate::rows::cell::{Cell, ColumnType};

/// How many bytes of rows are kept in memory.
const MEMORY: usize = 4 << 20;
/// The column to sort by.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The index of the column.
    pub index: usize,
    pub kind: ColumnType,
    /// Whether the largest comes first; NULLs come last in any case.
    pub descending: bool,
}

/// Takes rows in any order and returns them sorted; equal rows keep their order.
pub struct Sorter {
    key: Key,
    limit: Option<usize>,
    rows: Vec<Stored>,
    bytes: usize,
    spill: Option<File>,
    /// The beginning and the end of each run in the file.
    runs: Vec<(u64, u64)>,
}

impl Key {
    fn cell<'a>(&self, row: &'a [u8]) -> Cell<'a> {
        // A value that cannot be decoded is reported when its row is printed.
        self.kind.decode(columns(row).nth(self.index).flatten()).unwrap_or(Cell::Null)
    }

    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let (a, b) = (self.cell(a), self.cell(b));
        if self.descending && a != Cell::Null && b != Cell::Null { b.compare(&a) } else { a.compare(&b) }
    }
}

impl Sorter {
    /// Creates a sorter for this key. With a limit, only that many first rows are kept.
    pub fn new(key: Key, limit: Option<usize>) -> Sorter {
        Sorter { key, limit, rows: Vec::new(), bytes: 0, spill: None, runs: Vec::new() }
    }

    /// Takes a row. Errors: the temporary file failed (74).
    pub fn push(&mut self, raw: &[Option<&[u8]>]) -> Result<()> {
        let row = store(raw);
        self.bytes += row.len() + size_of::<Stored>();
        self.rows.push(row);
        if self.bytes > MEMORY {
            self.sort_memory();
            if self.bytes > MEMORY / 2 {
                self.write_run().map_err(|e| spill_error(&e))?;
            }
        }
        Ok(())
    }

    fn sort_memory(&mut self) {
        let key = self.key;
        self.rows.sort_by(|a, b| key.compare(a, b));
        if let Some(limit) = self.limit {
            self.rows.truncate(limit);
        }
        self.bytes = self.rows.iter().map(|r| r.len() + size_of::<Stored>()).sum();
    }

    fn write_run(&mut self) -> std::io::Result<()> {
        let file = match &mut self.spill {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let begin = file.seek(SeekFrom::End(0))?;
        let mut writer = BufWriter::new(&*file);
        for row in self.rows.drain(..) {
            stored::write(&mut writer, &row)?;
        }
        writer.flush()?;
        drop(writer);
        let end = file.stream_position()?;
        self.runs.push((begin, end));
        self.bytes = 0;
        Ok(())
    }

    /// Passes every row to `take`, in order, until that returns `false`.
    pub fn drain(mut self, mut take: impl FnMut(&[Option<&[u8]>]) -> Result<bool>) -> Result<()> {
        self.sort_memory();
        let limit = self.limit.unwrap_or(usize::MAX);
        let mut hand_on = |row: &[u8]| take(&columns(row).collect::<Vec<_>>());
        let Some(file) = self.spill else {
            for row in self.rows.iter().take(limit) {
                if !hand_on(row)? {
                    break;
                }
            }
            return Ok(());
        };
        // One reader per run; the rows in memory are the last run.
        let mut runs: Vec<Run> = self.runs.iter().map(|(at, end)| Run::new(&file, *at, *end)).collect();
        runs.push(Run { rest: Rest::Memory(self.rows.into_iter()) });
        let mut heap = BinaryHeap::new();
        for (run, reader) in runs.iter_mut().enumerate() {
            if let Some(row) = reader.next().map_err(|e| spill_error(&e))? {
                heap.push(Head { row, run, key: self.key });
            }
        }
        for _ in 0..limit {
            let Some(head) = heap.pop() else { break };
            if !hand_on(&head.row)? {
                break;
            }
            if let Some(row) = runs[head.run].next().map_err(|e| spill_error(&e))? {
                heap.push(Head { row, ..head });
            }
        }
        Ok(())
    }
}

enum Rest {
    Memory(std::vec::IntoIter<Stored>),
    File { reader: BufReader<Section> },
}

struct Run {
    rest: Rest,
}

/// A part of the file, read at a position of its own.
struct Section {
    file: Option<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let Some(file) = &self.file else { return Err(std::io::Error::other("the temporary file is gone")) };
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let len = left.min(buffer.len());
        let read = file.read_at(&mut buffer[..len], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Run {
    fn new(file: &File, at: u64, end: u64) -> Run {
        let section = Section { file: file.try_clone().ok(), at, end };
        Run { rest: Rest::File { reader: BufReader::with_capacity(32 << 10, section) } }
    }

    fn next(&mut self) -> std::io::Result<Option<Stored>> {
        match &mut self.rest {
            Rest::Memory(rows) => Ok(rows.next()),
            Rest::File { reader } => stored::read(reader),
        }
    }
}

/// The first row of a run. The greatest in the heap is the one that comes first in the output.
struct Head {
    row: Stored,
    run: usize,
    key: Key,
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        self.key.compare(&other.row, &self.row).then(other.run.cmp(&self.run))
    }
}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(
        rows: &[Option<i64>],
        descending: bool,
        limit: Option<usize>,
        ballast: usize,
    ) -> Vec<Option<i64>> {
        let kind = ColumnType::by_name("int8").unwrap().0;
        let mut sorter = Sorter::new(Key { index: 1, kind, descending }, limit);
        let ballast = vec![b'x'; ballast];
        for row in rows {
            let bytes = row.map(i64::to_be_bytes);
            sorter.push(&[Some(&ballast), bytes.as_ref().map(|b| b.as_slice())]).unwrap();
        }
        let mut out = Vec::new();
        sorter
            .drain(|row| {
                out.push(row[1].map(|b| i64::from_be_bytes(b.try_into().unwrap())));
                Ok(true)
            })
            .unwrap();
        out
    }

    #[test]
    fn nulls_are_last_both_ways() {
        let rows = [Some(3), None, Some(-1), Some(2)];
        assert_eq!(sorted(&rows, false, None, 0), [Some(-1), Some(2), Some(3), None]);
        assert_eq!(sorted(&rows, true, None, 0), [Some(3), Some(2), Some(-1), None]);
        assert_eq!(sorted(&rows, true, Some(2), 0), [Some(3), Some(2)]);
    }

    #[test]
    fn more_than_memory_holds_is_sorted_all_the_same() {
        let rows: Vec<Option<i64>> = (0..30_000).map(|i| Some(i * 7919 % 30_011)).collect();
        let mut expected = rows.clone();
        expected.sort();
        assert_eq!(sorted(&rows, false, None, 1000), expected);
        assert_eq!(sorted(&rows, false, Some(10), 1000), expected[..10]);
        expected.reverse();
        assert_eq!(sorted(&rows, true, None, 1000), expected);
    }
}

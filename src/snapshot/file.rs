//! A snapshot that is being read.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use serde_json::value::RawValue;

use super::header::{End, FORMAT, Header, LONGEST, Part};
use super::values;
use crate::error::{Error, Exit, Result};
use crate::escape;
use crate::rows::cell::Raw;
use crate::rows::{Column, Flow, RowSink};

/// A complete and undamaged snapshot.
pub struct Snapshot {
    file: File,
    name: String,
    /// Its first line.
    pub header: Header,
    /// Its answers, in their order.
    pub parts: Vec<Found>,
}

/// An answer of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its report, database and columns.
    pub part: Part,
    /// The number of its rows.
    pub rows: u64,
    /// What the role could not see of it.
    pub hidden: Vec<String>,
    /// Its position among all answers, including those that an error ended.
    position: usize,
}

/// Is called with each row of an answer, in the server's form.
pub type TakeRow<'a> = &'a mut dyn FnMut(&Found, &[Option<&[u8]>]) -> Result<()>;

/// The lines of a snapshot, one after the other.
struct Lines<'a> {
    name: &'a str,
    lines: BufReader<MultiGzDecoder<BufReader<&'a File>>>,
    line: String,
    number: u64,
}

impl Lines<'_> {
    /// Reads the next line, without its end. `None` is the end of the file.
    fn next(&mut self) -> Result<Option<&str>> {
        self.line.clear();
        self.number += 1;
        let read = (&mut self.lines).take(LONGEST + 1).read_line(&mut self.line);
        let read = read.map_err(|e| self.unreadable(&e))?;
        if read == 0 {
            return Ok(None);
        }
        if read as u64 > LONGEST {
            return Err(match self.number {
                1 => foreign(self.name),
                number => damaged(self.name, number, "the line is too long"),
            });
        }
        if self.line.pop() != Some('\n') {
            return Err(cut_off(self.name));
        }
        Ok(Some(&self.line))
    }

    fn unreadable(&self, e: &std::io::Error) -> Error {
        match e.kind() {
            ErrorKind::UnexpectedEof if self.number > 1 => cut_off(self.name),
            ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof
                if self.number == 1 =>
            {
                foreign(self.name)
            }
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                damaged(self.name, self.number, &e.to_string())
            }
            _ => Error::io(format!("could not read {}", self.name), e),
        }
    }

    /// Reads a line that must be JSON of this form.
    fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.line).map_err(|e| damaged(self.name, self.number, &reason(&e)))
    }
}

/// Returns what is wrong with a line, without the line number of serde_json, which is always 1.
fn reason(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn cut_off(name: &str) -> Error {
    Error::data(format!("{name}: the snapshot is cut off")).hint("copy it again, or take another one")
}

fn damaged(name: &str, line: u64, why: &str) -> Error {
    Error::data(format!("{name}: the snapshot is damaged in line {line}: {why}"))
        .hint("copy it again, or take another one")
}

fn foreign(name: &str) -> Error {
    Error::data(format!("{name} is not a snapshot of pgkit")).hint("pgkit snapshot takes one")
}

/// The part of the first line that all versions of the format have.
#[derive(serde::Deserialize)]
struct Format {
    pgkit_snapshot: u32,
    #[serde(default)]
    pgkit: String,
}

impl Snapshot {
    /// Opens a snapshot, `-` for stdin, and reads it to its end, so that nothing of a damaged one is shown.
    ///
    /// Errors: it cannot be read (74); it is damaged, cut off, of a later format, or no snapshot (65).
    pub fn open(path: &Path) -> Result<Snapshot> {
        let (file, name) = seekable(path)?;
        Snapshot::of_file(file, name)
    }

    /// Does the same for a file that is open.
    pub fn of_file(file: File, name: String) -> Result<Snapshot> {
        let mut lines = lines(&file, &name)?;
        if lines.next()?.is_none() {
            return Err(foreign(&name));
        }
        let format: Format = serde_json::from_str(&lines.line).map_err(|_| foreign(&name))?;
        if format.pgkit_snapshot < FORMAT {
            return Err(foreign(&name));
        }
        if format.pgkit_snapshot > FORMAT {
            let message = format!(
                "{name}: the snapshot has format {}, which this version of pgkit cannot read",
                format.pgkit_snapshot
            );
            return Err(
                Error::data(message).hint(format!("use the version that took it: {}", shown(&format.pgkit)))
            );
        }
        let header: Header = lines.json()?;
        let mut parts = Vec::new();
        let mut position = 0;
        while lines.next()?.is_some() {
            let part: Part = lines.json()?;
            let kinds = part.columns(&[]).map_err(|e| damaged(&name, lines.number, &e.message))?;
            let mut rows = 0;
            let end: End = loop {
                let Some(line) = lines.next()? else { return Err(cut_off(&name)) };
                if !line.starts_with('[') {
                    break lines.json()?;
                }
                read_row(&kinds, line).map_err(|why| damaged(&name, lines.number, &why))?;
                rows += 1;
            };
            if end.rows.is_some_and(|number| number != rows) {
                return Err(damaged(&name, lines.number, "the number of rows is wrong"));
            }
            if parts.iter().any(|other: &Found| other.part.is_same_answer(&part)) {
                return Err(damaged(&name, lines.number, "it has this answer twice"));
            }
            if let Some(rows) = end.rows {
                parts.push(Found { part, rows, hidden: end.hidden, position });
            }
            position += 1;
        }
        let rows: u64 = parts.iter().map(|found| found.rows).sum();
        if (header.parts, header.rows) != (parts.len() as u64, rows) {
            return Err(cut_off(&name));
        }
        Ok(Snapshot { file, name, header, parts })
    }

    /// Passes the rows of all answers that are wanted to `take`, in the server's form and in the order of the file.
    ///
    /// Errors: the file has changed since it was opened (74), or those of `take`.
    pub fn all(&self, is_wanted: &dyn Fn(&Found) -> bool, take: TakeRow<'_>) -> Result<()> {
        let mut kinds: Option<(usize, Vec<Column>)> = None;
        self.lines(is_wanted, &mut |found, line| {
            // The columns are the same for all rows of an answer.
            if kinds.as_ref().is_none_or(|(position, _)| *position != found.position) {
                kinds = Some((found.position, found.part.columns(&[])?));
            }
            let Some((_, columns)) = &kinds else { return Ok(()) };
            let values = read_row(columns, line).map_err(|_| self.changed())?;
            let raw: Raw<'_> = values.iter().map(Option::as_deref).collect();
            take(found, &raw)
        })
    }

    /// Does the same with the rows as they stand in the file: each is a JSON array.
    pub fn lines(
        &self,
        is_wanted: &dyn Fn(&Found) -> bool,
        take: &mut dyn FnMut(&Found, &str) -> Result<()>,
    ) -> Result<()> {
        let mut lines = lines(&self.file, &self.name)?;
        lines.next()?.ok_or_else(|| self.changed())?;
        let mut position = 0;
        for found in &self.parts {
            while position < found.position {
                while lines.next()?.is_some_and(|line| !is_end(line)) {}
                position += 1;
            }
            let line = lines.next()?.ok_or_else(|| self.changed())?;
            if serde_json::from_str::<Part>(line).ok().as_ref() != Some(&found.part) {
                return Err(self.changed());
            }
            let is_wanted = is_wanted(found);
            for _ in 0..found.rows {
                let line = lines.next()?.ok_or_else(|| self.changed())?;
                if is_wanted {
                    take(found, line)?;
                }
            }
            lines.next()?.ok_or_else(|| self.changed())?;
            position += 1;
        }
        Ok(())
    }

    /// Returns the error for a file that is not what it was when it was opened.
    fn changed(&self) -> Error {
        Error::new(Exit::Io, format!("{}: the file has changed while it was read", self.name))
            .hint("try again when it is complete")
    }

    /// Passes on the rows of an answer, in the server's form. Returns whether more rows are wanted after them.
    ///
    /// Errors: the file has changed since it was opened (74), or those of the sink.
    pub fn rows(&self, found: &Found, sink: &mut dyn RowSink) -> Result<Flow> {
        let changed = || self.changed();
        let kinds = found.part.columns(&[])?;
        let mut lines = lines(&self.file, &self.name)?;
        lines.next()?.ok_or_else(changed)?;
        for _ in 0..found.position {
            while lines.next()?.is_some_and(|line| !is_end(line)) {}
        }
        let line = lines.next()?.ok_or_else(changed)?;
        if serde_json::from_str::<Part>(line).ok().as_ref() != Some(&found.part) {
            return Err(changed());
        }
        for _ in 0..found.rows {
            let values = read_row(&kinds, lines.next()?.ok_or_else(changed)?).map_err(|_| changed())?;
            let raw: Raw<'_> = values.iter().map(Option::as_deref).collect();
            if sink.row(&raw)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::More)
    }

    /// Returns how messages name the file.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Makes a text out of a file safe to be part of a message.
pub(super) fn shown(text: &str) -> String {
    escape::terminal(text).into_owned()
}

/// Returns whether a line is the one after the rows of an answer. That before them has a report.
fn is_end(line: &str) -> bool {
    line.starts_with('{') && serde_json::from_str::<Part>(line).is_err()
}

/// Opens a file, `-` for stdin, that can be read twice: what comes through a pipe is copied to an unlinked file first.
/// Returns how messages name it, too.
///
/// Errors: it cannot be read (74), or is a folder (65).
pub fn seekable(path: &Path) -> Result<(File, String)> {
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let could_not = |e: &std::io::Error| Error::io(format!("could not read {name}"), e);
    let copied = |from: &mut dyn Read| {
        let mut file = tempfile::tempfile()?;
        std::io::copy(from, &mut file)?;
        Ok::<File, std::io::Error>(file)
    };
    let file = if path == Path::new("-") {
        copied(&mut std::io::stdin().lock()).map_err(|e| could_not(&e))?
    } else {
        let mut file = File::open(path).map_err(|e| could_not(&e))?;
        let found = file.metadata().map_err(|e| could_not(&e))?;
        if found.is_dir() {
            return Err(Error::data(format!("{name} is a directory, not a snapshot")));
        }
        if found.is_file() { file } else { copied(&mut file).map_err(|e| could_not(&e))? }
    };
    Ok((file, name))
}

fn lines<'a>(mut file: &'a File, name: &'a str) -> Result<Lines<'a>> {
    let rewound = file.seek(SeekFrom::Start(0));
    rewound.map_err(|e| Error::io(format!("could not read {name}"), &e))?;
    let lines = BufReader::with_capacity(64 << 10, MultiGzDecoder::new(BufReader::new(file)));
    Ok(Lines { name, lines, line: String::new(), number: 0 })
}

/// Reads the values of a row, in the server's form.
fn read_row(columns: &[Column], line: &str) -> std::result::Result<Vec<Option<Vec<u8>>>, String> {
    let values: Vec<&RawValue> = serde_json::from_str(line).map_err(|e| reason(&e))?;
    if values.len() != columns.len() {
        return Err(format!("a row of {} values for {} columns", values.len(), columns.len()));
    }
    let read = |(column, value): (&Column, &RawValue)| {
        values::read(column.kind, value).map_err(|why| format!("column {:?}: {why}", column.name))
    };
    columns.iter().zip(values).map(read).collect()
}

//! A snapshot that is being written.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::header::{End, Header, LONGEST, Part};
use super::values;
use super::veil::Veil;
use crate::error::{Error, Result};
use crate::report::Private;
use crate::rows::cell::Cell;
use crate::rows::plain::plain;
use crate::rows::{Column, Flow, RowSink};

/// The answers go to an unlinked file first, because the header that stands before them is known only at the end.
pub struct Draft {
    out: GzEncoder<BufWriter<File>>,
    veil: Option<Veil>,
    line: Vec<u8>,
    parts: u64,
    rows: u64,
}

fn unreadable(column: &Column, why: &str) -> Error {
    Error::data(format!("cannot read a value of column {:?}: {why}", column.name))
}

fn failed(e: std::io::Error) -> Error {
    Error::io("could not write the snapshot", &e)
}

impl Draft {
    /// Begins a snapshot that is to become this file; `None` is stdout. If there is a veil, it replaces what is private.
    ///
    /// Errors: no file can be created there (74), or the file is a directory (64).
    pub fn for_file(path: Option<&Path>, veil: Option<Veil>) -> Result<Draft> {
        let to = path.map(destination).transpose()?.filter(|(_, is_special)| !is_special);
        let folder = to.map_or_else(std::env::temp_dir, |(path, _)| folder_of(&path).to_owned());
        Draft::new(&folder, veil)
    }

    fn new(folder: &Path, veil: Option<Veil>) -> Result<Draft> {
        let file = tempfile::tempfile_in(folder)
            .map_err(|e| Error::io(format!("could not write to {}", folder.display()), &e))?;
        let out = GzEncoder::new(BufWriter::new(file), Compression::fast());
        Ok(Draft { out, veil, line: Vec::new(), parts: 0, rows: 0 })
    }

    /// Returns the number of complete answers.
    pub fn parts(&self) -> u64 {
        self.parts
    }

    /// Returns the number of their rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).map_err(|e| Error::bug(e.to_string()))?;
        line.push(b'\n');
        self.out.write_all(&line).map_err(failed)
    }

    /// Begins an answer with these columns, of which some are private.
    pub fn begin<'a>(&'a mut self, part: Part, columns: &'a [Column], private: &[Private]) -> Answer<'a> {
        let place = |name: &String| columns.iter().position(|column| column.name == *name);
        let hides = |column: &Column| {
            let private =
                private.iter().filter(|private| self.veil.is_some() && private.column == column.name);
            let mut when = private.map(|private| match &private.only {
                None => Hides::Always,
                // If that column is not there, the value is hidden in every row.
                Some((other, values)) => {
                    place(other).map_or(Hides::Always, |other| Hides::Where(other, values.clone()))
                }
            });
            when.next().unwrap_or(Hides::Never)
        };
        let hides = columns.iter().map(hides).collect();
        Answer { draft: self, part: Some(part), columns, hides, rows: 0 }
    }

    /// Completes the snapshot, and writes it to this file. A regular file is replaced at once, when the snapshot is
    /// complete; a pipe or a device is written to. `None` is stdout.
    ///
    /// Errors: the file cannot be written (74).
    pub fn finish(self, mut header: Header, path: Option<&Path>) -> Result<()> {
        (header.parts, header.rows) = (self.parts, self.rows);
        let mut answers =
            self.out.finish().map_err(failed)?.into_inner().map_err(|e| failed(e.into_error()))?;
        answers.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut first = serde_json::to_vec(&header).map_err(|e| Error::bug(e.to_string()))?;
        first.push(b'\n');
        let mut head = GzEncoder::new(Vec::new(), Compression::fast());
        head.write_all(&first).map_err(failed)?;
        // The file is two streams of gzip, one after the other, which every reader of gzip takes for one.
        let mut whole = std::io::Cursor::new(head.finish().map_err(failed)?).chain(answers);
        match path {
            None => copy(&mut whole, &mut std::io::stdout().lock(), "stdout"),
            Some(path) => write_file(&mut whole, path),
        }
    }
}

fn copy(from: &mut impl Read, to: &mut impl Write, name: &str) -> Result<()> {
    let copied = std::io::copy(from, to).and_then(|_| to.flush());
    copied.map_err(|e| Error::io(format!("could not write {name}"), &e))
}

fn write_file(from: &mut impl Read, path: &Path) -> Result<()> {
    let name = path.display().to_string();
    let could_not = |e: &std::io::Error| Error::io(format!("could not write {name}"), e);
    let (path, is_special) = destination(path)?;
    if is_special {
        let mut file = File::options().write(true).open(&path).map_err(|e| could_not(&e))?;
        return copy(from, &mut file, &name);
    }
    let folder = folder_of(&path);
    // Only its owner may read it, since it may show statements.
    let mut file = NamedTempFile::with_prefix_in(".pgkit-snapshot-", folder).map_err(|e| could_not(&e))?;
    copy(from, file.as_file_mut(), &name)?;
    file.as_file().sync_all().map_err(|e| could_not(&e))?;
    file.persist(&path).map_err(|e| could_not(&e.error))?;
    Ok(())
}

/// The names of stdout. Behind it may be a file, which must not be replaced: what others have written would be lost.
const STDOUT: &[&str] = &["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Returns where a snapshot for this path goes, after symbolic links, and whether that is a pipe or a device, which must
/// not be replaced.
///
/// Errors: it is a folder (64), or cannot be looked at (74).
pub(super) fn destination(path: &Path) -> Result<(PathBuf, bool)> {
    let name = path.display();
    let could_not = |e: &std::io::Error| Error::io(format!("could not write {name}"), e);
    let mut path = path.to_owned();
    // The target of a link need not exist yet.
    for _ in 0..40 {
        match std::fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => break,
        }
    }
    let found = match std::fs::metadata(&path) {
        Ok(found) => found,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((path, false)),
        Err(e) => return Err(could_not(&e)),
    };
    if found.is_dir() {
        return Err(
            Error::usage(format!("{name} is a directory")).hint("name a file in it: -o DIRECTORY/FILE")
        );
    }
    Ok((path, !found.is_file()))
}

/// Returns whether a path is another name of stdout.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || STDOUT.iter().any(|name| path == Path::new(name))
}

/// Returns the folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// An answer that is being written.
pub struct Answer<'a> {
    draft: &'a mut Draft,
    /// The line before its rows, until it is written: an answer that is refused before its first row leaves nothing.
    part: Option<Part>,
    columns: &'a [Column],
    /// For each column, the rows in which its values are replaced by hashes.
    hides: Vec<Hides>,
    rows: u64,
}

/// The rows in which a column is private.
enum Hides {
    Never,
    Always,
    /// Where another column has one of these values.
    Where(usize, Vec<String>),
}

impl Answer<'_> {
    fn begin(&mut self) -> Result<()> {
        self.part.take().map_or(Ok(()), |part| self.draft.line(&part))
    }

    /// Completes the answer. `hidden` is what the role could not see of it.
    pub fn complete(mut self, hidden: Vec<String>) -> Result<()> {
        self.begin()?;
        self.draft.parts += 1;
        self.draft.rows += self.rows;
        self.draft.line(&End { rows: Some(self.rows), hidden })
    }

    /// Ends the answer after an error. Its rows so far are of no use.
    pub fn cut_off(self) -> Result<()> {
        match self.part {
            Some(_) => Ok(()),
            None => self.draft.line(&End { rows: None, hidden: Vec::new() }),
        }
    }
}

impl RowSink for Answer<'_> {
    fn head(&mut self, _columns: &[Column]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        self.begin()?;
        let mut line = std::mem::take(&mut self.draft.line);
        line.clear();
        for (i, (column, raw_value)) in self.columns.iter().zip(raw).enumerate() {
            line.push(if i == 0 { b'[' } else { b',' });
            let cell = column.kind.decode(*raw_value).map_err(|why| unreadable(column, &why))?;
            let hides = match &self.hides[i] {
                Hides::Never => false,
                Hides::Always => true,
                Hides::Where(other, values) => {
                    let column = &self.columns[*other];
                    let cell = column.kind.decode(raw[*other]).map_err(|why| unreadable(column, &why))?;
                    values.iter().any(|value| plain(&cell) == value.as_str())
                }
            };
            let text = plain(&cell);
            match &self.draft.veil {
                // NULL and an empty text say only that there is nothing.
                Some(veil) if hides && cell != Cell::Null && !text.is_empty() => {
                    values::push_text(&veil.hash(&text), &mut line);
                }
                _ => values::push(&cell, &mut line),
            }
        }
        line.extend_from_slice(b"]\n");
        if line.len() as u64 > LONGEST {
            return Err(Error::data("a row is too long for a snapshot").hint("leave out its long columns"));
        }
        self.draft.out.write_all(&line).map_err(failed)?;
        (self.draft.line, self.rows) = (line, self.rows + 1);
        Ok(Flow::More)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

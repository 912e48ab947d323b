//! A snapshot that is being written.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::file::Snapshot;
use super::header::{End, Header, LONGEST, Part};
use super::values;
use super::veil::Veil;
use crate::error::{Error, Result};
use crate::report::Private;
use crate::rows::cell::Cell;
use crate::rows::plain::plain;
use crate::rows::{Column, Flow, RowSink};

/// A snapshot that is being written. Its answers go to an unlinked file first, because the header before them is known only
/// at the end.
pub struct Draft {
    to: Destination,
    out: GzEncoder<BufWriter<File>>,
    veil: Option<Veil>,
    line: Vec<u8>,
    parts: u64,
    rows: u64,
}

/// Where a snapshot goes.
enum Destination {
    /// Nowhere: it is read by the process that takes it.
    Unnamed,
    Stdout,
    /// A pipe or a device, which is written to.
    Special(PathBuf),
    /// A file, which is replaced when the snapshot is complete, or created.
    File(PathBuf),
}

fn failed(e: std::io::Error) -> Error {
    Error::io("could not write the snapshot", &e)
}

impl Draft {
    /// Begins a snapshot for this file; `None` is stdout. A veil replaces what is private.
    ///
    /// Errors: no file can be created there (74), or it is a folder (64).
    pub fn new(path: Option<&Path>, veil: Option<Veil>) -> Result<Draft> {
        let to = path.map_or(Ok(Destination::Stdout), destination)?;
        Draft::to(to, veil)
    }

    /// Begins a snapshot that only this process reads. Errors: no temporary file can be created (74).
    pub fn unnamed() -> Result<Draft> {
        Draft::to(Destination::Unnamed, None)
    }

    fn to(to: Destination, veil: Option<Veil>) -> Result<Draft> {
        let file = match &to {
            Destination::File(path) => {
                tempfile::tempfile_in(folder_of(path)).map_err(|e| could_not_write(path, &e))?
            }
            Destination::Unnamed | Destination::Stdout | Destination::Special(_) => {
                tempfile::tempfile().map_err(failed)?
            }
        };
        let out = GzEncoder::new(BufWriter::new(file), Compression::fast());
        Ok(Draft { to, out, veil, line: Vec::new(), parts: 0, rows: 0 })
    }

    /// Begins another snapshot with the same veil, whose answers can be added to this one. Errors: see
    /// [`Draft::unnamed`].
    pub fn beside(&self) -> Result<Draft> {
        Draft::to(Destination::Unnamed, self.veil.clone())
    }

    /// Adds the answers of another snapshot. Errors: the temporary file failed (74).
    pub fn add(&mut self, other: Draft) -> Result<()> {
        let mut theirs =
            other.out.finish().map_err(failed)?.into_inner().map_err(|e| failed(e.into_error()))?;
        theirs.seek(SeekFrom::Start(0)).map_err(failed)?;
        // Theirs is a whole stream, so this one ends before it and a new one begins after it.
        self.out.try_finish().map_err(failed)?;
        self.out.get_mut().flush().map_err(failed)?;
        let mut file = self.out.get_ref().get_ref().try_clone().map_err(failed)?;
        copy(&mut theirs, &mut file).map_err(failed)?;
        self.out = GzEncoder::new(BufWriter::new(file), Compression::fast());
        self.parts += other.parts;
        self.rows += other.rows;
        Ok(())
    }

    /// Returns whether what is private is replaced by hashes.
    pub fn is_redacted(&self) -> bool {
        self.veil.is_some()
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

    /// Completes the snapshot, and writes it to its destination.
    ///
    /// Errors: that fails (74). A file that exists is left as it is then.
    pub fn finish(self, header: Header) -> Result<()> {
        let (to, mut whole) = self.whole(header)?;
        match &to {
            Destination::Unnamed => Ok(()),
            Destination::Stdout => copy(&mut whole, &mut std::io::stdout().lock()).map_err(failed),
            Destination::Special(path) => {
                let file = File::options().write(true).open(path);
                file.and_then(|mut file| copy(&mut whole, &mut file)).map_err(|e| could_not_write(path, &e))
            }
            Destination::File(path) => replace(path, &mut whole).map_err(|e| could_not_write(path, &e)),
        }
    }

    /// Completes the snapshot, and returns it. Errors: the temporary file failed (74).
    pub fn read(self, header: Header) -> Result<Snapshot> {
        let (_, mut whole) = self.whole(header)?;
        let mut file = tempfile::tempfile().map_err(failed)?;
        copy(&mut whole, &mut file).map_err(failed)?;
        file.rewind().map_err(failed)?;
        Snapshot::of_file(file, "the answers of the server".to_owned())
    }

    /// Returns the whole file, and where it goes.
    fn whole(self, mut header: Header) -> Result<(Destination, impl Read)> {
        (header.parts, header.rows) = (self.parts, self.rows);
        let mut answers =
            self.out.finish().map_err(failed)?.into_inner().map_err(|e| failed(e.into_error()))?;
        answers.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut first = serde_json::to_vec(&header).map_err(|e| Error::bug(e.to_string()))?;
        first.push(b'\n');
        let mut head = GzEncoder::new(Vec::new(), Compression::fast());
        head.write_all(&first).map_err(failed)?;
        // Programs that read gzip accept two streams, one after the other, as one.
        let whole = std::io::Cursor::new(head.finish().map_err(failed)?).chain(answers);
        Ok((self.to, whole))
    }
}

fn could_not_write(path: &Path, e: &std::io::Error) -> Error {
    Error::io(format!("could not write {}", path.display()), e)
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<()> {
    std::io::copy(from, to)?;
    to.flush()
}

/// Writes a file beside this one, and then renames it.
fn replace(path: &Path, from: &mut impl Read) -> std::io::Result<()> {
    // Only its owner can read it: the statements in it may contain anything.
    let mut file = NamedTempFile::with_prefix_in(".pgkit-snapshot-", folder_of(path))?;
    copy(from, file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Other names of stdout. If stdout is a file, it must not be replaced: it may have the output of other programs.
const STDOUT: &[&str] = &["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Returns whether a path means stdout.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || STDOUT.iter().any(|name| path == Path::new(name))
}

/// Finds out what is at this path. Symbolic links are followed, also to files that do not exist yet.
///
/// Errors: it is a folder (64), or cannot be looked at (74).
fn destination(path: &Path) -> Result<Destination> {
    let name = path.display();
    let mut path = path.to_owned();
    for _ in 0..40 {
        match std::fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => break,
        }
    }
    match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => {
            Err(Error::usage(format!("{name} is a directory")).hint("name a file in it: -o DIRECTORY/FILE"))
        }
        Ok(found) if found.is_file() => Ok(Destination::File(path)),
        Ok(_) => Ok(Destination::Special(path)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Destination::File(path)),
        Err(e) => Err(could_not_write(&path, &e)),
    }
}

/// Returns the folder of a file.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// An answer that is being written.
pub struct Answer<'a> {
    draft: &'a mut Draft,
    /// The line before its rows, until it is written. It is written with the first row, so that an answer that fails before
    /// that leaves nothing in the file.
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

    /// Ends the answer after an error. Its rows so far do not count.
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
            let cell = column.decode(*raw_value)?;
            let hides = match &self.hides[i] {
                Hides::Never => false,
                Hides::Always => true,
                Hides::Where(other, values) => {
                    let cell = self.columns[*other].decode(raw[*other])?;
                    values.iter().any(|value| plain(&cell) == value.as_str())
                }
            };
            let text = plain(&cell);
            match &self.draft.veil {
                // NULL and an empty text reveal nothing.
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

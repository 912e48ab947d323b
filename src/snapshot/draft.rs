//! A snapshot that is being written.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::header::{End, Header, Part};
use super::values;
use super::veil::Veil;
use crate::error::{Error, Result};
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
    pub fn begin<'a>(&'a mut self, part: Part, columns: &'a [Column], private: &[String]) -> Answer<'a> {
        let is_veiled = |column: &Column| self.veil.is_some() && private.contains(&column.name);
        let veiled = columns.iter().map(is_veiled).collect();
        Answer { draft: self, part: Some(part), columns, veiled, rows: 0 }
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

/// Returns where a snapshot for this path goes, after symbolic links, and whether that is a pipe or a device, which must
/// not be replaced.
///
/// Errors: it is a folder (64), or cannot be looked at (74).
pub(super) fn destination(path: &Path) -> Result<(PathBuf, bool)> {
    let name = path.display();
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((path.to_owned(), false)),
        Err(e) => return Err(Error::io(format!("could not write {name}"), &e)),
    };
    if found.is_dir() {
        return Err(
            Error::usage(format!("{name} is a directory")).hint("name a file in it: -o DIRECTORY/FILE")
        );
    }
    let path = if found.is_file() {
        path.canonicalize().map_err(|e| Error::io(format!("could not write {name}"), &e))?
    } else {
        path.to_owned()
    };
    Ok((path, !found.is_file()))
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
    /// For each column, whether its values are replaced by hashes.
    veiled: Vec<bool>,
    rows: u64,
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
        for (i, (column, raw)) in self.columns.iter().zip(raw).enumerate() {
            line.push(if i == 0 { b'[' } else { b',' });
            let cell = column.kind.decode(*raw).map_err(|why| {
                Error::data(format!("cannot read a value of column {:?}: {why}", column.name))
            })?;
            match (&self.draft.veil, self.veiled[i], &cell) {
                (Some(veil), true, cell) if *cell != Cell::Null => {
                    let text = plain(cell).into_owned();
                    // An empty text says only that there is nothing.
                    values::push_text(&if text.is_empty() { text } else { veil.hash(&text) }, &mut line);
                }
                _ => values::push(&cell, &mut line),
            }
        }
        line.extend_from_slice(b"]\n");
        self.draft.out.write_all(&line).map_err(failed)?;
        (self.draft.line, self.rows) = (line, self.rows + 1);
        Ok(Flow::More)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

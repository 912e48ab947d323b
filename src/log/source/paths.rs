//! Files of this machine as a log: read one after the other, unpacked, and followed through rotation and
//! truncation.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Got;
use super::open::{Named, failed, open};
use super::packed::{self, Bytes};
use crate::error::{Error, Result};

/// How many bytes are read at once.
const PIECE: usize = 256 << 10;

/// Files of this machine, one after the other; `-` is standard input.
pub struct Files {
    named: Named,
    waiting: VecDeque<PathBuf>,
    open: Option<Open>,
    /// The errors of files that could not be opened.
    pub(super) faults: Vec<Error>,
}

struct Open {
    path: PathBuf,
    bytes: Bytes,
    offset: u64,
    /// When it was last written, if it is a regular file.
    written: Option<Timestamp>,
}

impl Files {
    /// Opens the first file. A file that cannot be opened does not keep the others from being read.
    ///
    /// Errors: none of the files can be opened (74), or none is a file (65).
    pub fn open(paths: impl IntoIterator<Item = PathBuf>, named: Named) -> Result<Files> {
        let stdin = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].map(Path::new);
        let meant = |path: PathBuf| if stdin.contains(&path.as_path()) { PathBuf::from("-") } else { path };
        let mut files = Files { named, waiting: VecDeque::new(), open: None, faults: Vec::new() };
        // Check all of them now, so that a wrong name is reported at once rather than after an hour.
        for path in paths.into_iter().map(meant) {
            match open(&path, named) {
                Ok(_) => files.waiting.push_back(path),
                Err(e) => files.faults.push(e),
            }
        }
        if files.waiting.is_empty() && !files.faults.is_empty() {
            let mut all = std::mem::take(&mut files.faults).into_iter();
            if let Some(mut first) = all.next() {
                for other in all {
                    first.message.push_str(&format!("\n{}", other.message));
                }
                return Err(first);
            }
        }
        files.next();
        Ok(files)
    }

    /// Returns the path of the file that is being read.
    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// Returns when the file that is being read was last written, if it is a regular file.
    pub fn written(&self) -> Option<Timestamp> {
        self.open.as_ref().and_then(|open| open.written)
    }

    /// Returns the beginning of the file that is being read, without consuming it.
    pub fn beginning(&mut self, bytes: u64) -> Result<Vec<u8>> {
        let Some(open) = &mut self.open else { return Ok(Vec::new()) };
        match &mut open.bytes {
            Bytes::Plain(file) => {
                let mut out = Vec::new();
                let read = file.take(bytes).read_to_end(&mut out);
                read.and_then(|_| file.seek(SeekFrom::Start(open.offset)))
                    .map_err(|e| failed(&open.path, &e))?;
                Ok(out)
            }
            Bytes::Stream(stream) => {
                stream.look(usize::try_from(bytes).unwrap_or(usize::MAX)).map_err(|e| failed(&open.path, &e))
            }
        }
    }

    /// Returns whether reading can go on from any byte, which a pipe or a compressed file does not allow.
    pub fn is_seekable(&self) -> bool {
        self.open.as_ref().is_some_and(|open| matches!(open.bytes, Bytes::Plain(_)))
    }

    /// Returns whether there is no file after this one.
    pub fn is_last(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Goes on with the next file that can be opened.
    fn next(&mut self) -> bool {
        while let Some(path) = self.waiting.pop_front() {
            let opened = open(&path, self.named).and_then(|file| {
                let written = last_written(&file);
                let bytes = packed::unpack(file, path == Path::new("-")).map_err(|e| failed(&path, &e))?;
                Ok((bytes, written))
            });
            match opened {
                Ok((bytes, written)) => {
                    self.open = Some(Open { path, bytes, offset: 0, written });
                    return true;
                }
                Err(e) => self.faults.push(e),
            }
        }
        false
    }

    pub(super) fn size(&self) -> Result<Option<u64>> {
        match &self.open {
            Some(Open { bytes: Bytes::Plain(file), path, .. }) => {
                file.metadata().map(|meta| Some(meta.len())).map_err(|e| failed(path, &e))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn seek(&mut self, at: u64) -> Result<()> {
        if let Some(Open { bytes: Bytes::Plain(file), path, offset, .. }) = &mut self.open {
            file.seek(SeekFrom::Start(at)).map_err(|e| failed(path, &e))?;
            *offset = at;
        }
        Ok(())
    }

    /// Leaves the current file for the next one.
    pub fn skip(&mut self) -> Got {
        if self.next() { Got::Next } else { Got::End }
    }

    pub(super) fn read(&mut self, buffer: &mut Vec<u8>, follow: bool) -> Result<Got> {
        let last = self.is_last();
        let whose = self.named;
        let Some(open) = &mut self.open else { return Ok(Got::End) };
        let file = match &mut open.bytes {
            Bytes::Plain(file) => file,
            Bytes::Stream(stream) => {
                return match stream.read(buffer) {
                    Ok(0) => Ok(if self.next() { Got::Next } else { Got::End }),
                    Ok(_) => Ok(Got::Data),
                    Err(e) => Err(failed(&open.path, &e)),
                };
            }
        };
        let read = read_some(file, buffer).map_err(|e| failed(&open.path, &e))?;
        if read > 0 {
            open.offset += read as u64;
            return Ok(Got::Data);
        }
        if !last && self.next() {
            return Ok(Got::Next);
        }
        if !follow {
            return Ok(Got::Nothing);
        }
        let Some(Open { path, bytes: Bytes::Plain(file), offset, .. }) = &mut self.open else {
            return Ok(Got::End);
        };
        // At the end of the file: check whether there is another file under its name, or whether it was started
        // again.
        let here = file.metadata().map_err(|e| failed(path, &e))?;
        match std::fs::metadata(&*path) {
            Ok(named) if (named.dev(), named.ino()) != (here.dev(), here.ino()) => {
                // The name is gone, or is not a file now; it will be created again.
                let Ok(new) = super::open(path, whose) else { return Ok(Got::Nothing) };
                // What was written between the last read and the rotation comes first.
                let late = read_some(file, buffer).map_err(|e| failed(path, &e))?;
                if late > 0 {
                    *offset += late as u64;
                    return Ok(Got::Data);
                }
                *file = new;
                *offset = 0;
                Ok(Got::Next)
            }
            _ if here.len() < *offset => {
                self.seek(0)?;
                Ok(Got::Next)
            }
            _ => Ok(Got::Nothing),
        }
    }
}

/// Reads on into an empty buffer, in one piece; `read_to_end` would do many small reads. Returns the number of
/// bytes read.
fn read_some(file: &mut File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    // This reads into the spare capacity, without filling it with zeros first.
    buffer.reserve(PIECE);
    file.take(PIECE as u64).read_to_end(buffer)
}

/// Returns when a regular file was last written.
fn last_written(file: &File) -> Option<Timestamp> {
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Timestamp::try_from(metadata.modified().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::error::Exit;

    #[test]
    fn files_are_followed_through_rotation_and_truncation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, "one\n").unwrap();
        let mut files = Files::open([path.clone()], Named::ByUser).unwrap();
        let mut buffer = Vec::new();
        let mut read = |files: &mut Files| {
            buffer.clear();
            let got = files.read(&mut buffer, true).unwrap();
            (got, String::from_utf8(buffer.clone()).unwrap())
        };
        assert_eq!(read(&mut files), (Got::Data, "one\n".into()));
        assert_eq!(read(&mut files), (Got::Nothing, String::new()));
        File::options().append(true).open(&path).unwrap().write_all(b"two\n").unwrap();
        assert_eq!(read(&mut files), (Got::Data, "two\n".into()));
        // Rotated by renaming, as logrotate does: the rest of the old file comes first.
        std::fs::rename(&path, folder.path().join("a.log.1")).unwrap();
        File::options()
            .append(true)
            .open(folder.path().join("a.log.1"))
            .unwrap()
            .write_all(b"late\n")
            .unwrap();
        assert_eq!(read(&mut files), (Got::Data, "late\n".into()));
        assert_eq!(read(&mut files).0, Got::Nothing);
        std::fs::write(&path, "three\n").unwrap();
        assert_eq!(read(&mut files).0, Got::Next);
        assert_eq!(read(&mut files), (Got::Data, "three\n".into()));
        // Truncated, as with copytruncate.
        std::fs::write(&path, "4\n").unwrap();
        assert_eq!(read(&mut files).0, Got::Next);
        assert_eq!(read(&mut files), (Got::Data, "4\n".into()));
    }

    #[test]
    fn several_files_are_one_log_and_a_wrong_name_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = ["a", "b"].iter().map(|name| folder.path().join(name)).collect();
        for path in &paths {
            std::fs::write(path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
        }
        let mut files = Files::open(paths.clone(), Named::ByUser).unwrap();
        assert_eq!(files.beginning(10).unwrap(), b"a");
        let mut all = Vec::new();
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            match files.read(&mut buffer, false).unwrap() {
                Got::Data => all.extend_from_slice(&buffer),
                Got::Next => all.push(b'|'),
                Got::Nothing | Got::End => break,
            }
        }
        assert_eq!(all, b"a|b");
        let none = folder.path().join("none");
        let files = Files::open([none.clone(), paths[0].clone()], Named::ByUser).unwrap();
        assert!(
            files.path() == Some(&paths[0]) && files.faults.len() == 1,
            "the others are read all the same"
        );
        let missing = Files::open([none.clone(), none], Named::ByUser).err().unwrap();
        assert!(missing.exit == Exit::Io && missing.message.contains("none"));
    }
}

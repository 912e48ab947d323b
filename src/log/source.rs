//! Where a log's bytes come from: the server, over SQL, or files of this machine; following rotation and truncation.

use std::collections::VecDeque;
use std::fs::{File, FileType, Metadata};
use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::files::{Format, Place};
use super::switch::Access;
use crate::error::{Error, Exit, Result};
use crate::session::{Purpose, Writer};

/// How much is read at once: over SQL a statement each.
const STEP: u64 = 1 << 20;
/// How long to wait before coming back to a server that is away.
const AWAY: Duration = Duration::from_secs(1);

/// What came of reading on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// Bytes were added.
    Data,
    /// There is no more for now.
    Nothing,
    /// What follows is another file, or this one begun anew: the entry before it is over.
    Next,
}

/// Where bytes come from.
pub enum Source {
    /// The server.
    Server(Box<Server>),
    /// Files.
    Files(Files),
}

impl Source {
    /// Reads on into `buffer`, which is emptied first. With `follow` a file that was rotated is left for the next one.
    pub async fn read(&mut self, buffer: &mut Vec<u8>, follow: bool) -> Result<Got> {
        buffer.clear();
        match self {
            Source::Server(server) => server.read(buffer, follow).await,
            Source::Files(files) => files.read(buffer, follow),
        }
    }

    /// The size of the file that is read now; `None` where it has none.
    pub async fn size(&mut self) -> Result<Option<u64>> {
        match self {
            Source::Server(server) => server.size().await.map(Some),
            Source::Files(files) => files.size(),
        }
    }

    /// Goes on from this byte of the file that is read now.
    pub fn seek(&mut self, at: u64) -> Result<()> {
        match self {
            Source::Server(server) => {
                server.offset = at;
                Ok(())
            }
            Source::Files(files) => files.seek(at),
        }
    }

    /// What people should be told since the last time.
    pub fn news(&mut self) -> Option<String> {
        match self {
            Source::Server(server) => server.news.take(),
            Source::Files(_) => None,
        }
    }

    /// Leaves the server in peace.
    pub async fn close(self) {
        if let Source::Server(server) = self
            && let Some(writer) = server.writer
        {
            writer.close().await;
        }
    }
}

/// A log that is read over SQL.
pub struct Server {
    access: Access,
    writer: Option<Writer>,
    place: Place,
    format: Format,
    path: String,
    offset: u64,
    /// Was it said that the server is away?
    away: bool,
    /// What people should be told.
    news: Option<String>,
}

/// Whoever comes back has the password that was typed at first.
fn no_password(_: &str) -> Result<String> {
    Err(Error::new(Exit::Unavailable, "no password is known for it"))
}

/// A file's name without its folder.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Server {
    /// Reads this file of the server's from its beginning.
    pub fn new(access: Access, writer: Writer, place: Place, format: Format, path: String) -> Server {
        let access = Access { target: writer.target().clone(), ..access };
        Server { access, writer: Some(writer), place, format, path, offset: 0, away: false, news: None }
    }

    async fn size(&mut self) -> Result<u64> {
        let Some(writer) = &self.writer else { return Ok(0) };
        let files = self.place.list(writer).await?.unwrap_or_default();
        let size = files.iter().find(|file| file.name == name(&self.path)).map_or(0, |file| file.size);
        Ok(u64::try_from(size).unwrap_or(0))
    }

    async fn read(&mut self, buffer: &mut Vec<u8>, follow: bool) -> Result<Got> {
        match self.step(buffer, follow).await {
            Err(e) if follow && matches!(e.exit, Exit::Unavailable) => {
                if !self.away {
                    self.news = Some(format!("{}; coming back until it is there again", e.message));
                    self.away = true;
                }
                self.writer = None;
                tokio::time::sleep(AWAY).await;
                Ok(Got::Nothing)
            }
            other => other,
        }
    }

    async fn step(&mut self, buffer: &mut Vec<u8>, follow: bool) -> Result<Got> {
        let writer = match &self.writer {
            Some(writer) => writer,
            None => {
                let writer = self.access.writer(Purpose::Tail, &mut no_password).await?;
                self.away = false;
                self.writer.insert(writer)
            }
        };
        let data = self.place.read(writer, &self.path, self.offset, STEP).await?;
        if let Some(data) = &data
            && !data.is_empty()
        {
            self.offset += data.len() as u64;
            buffer.extend_from_slice(data);
            return Ok(Got::Data);
        }
        if !follow {
            return match data {
                Some(_) => Ok(Got::Nothing),
                None => Err(Error::new(Exit::Io, format!("the log file {} is gone", self.path))
                    .hint("it was rotated away meanwhile; try again")),
            };
        }
        // At its end: is there another, or is this one begun anew?
        let files = self.place.list(writer).await?.unwrap_or_default();
        let at = files.iter().position(|file| file.name == name(&self.path));
        if at.is_some_and(|at| u64::try_from(files[at].size).unwrap_or(0) < self.offset) {
            self.offset = 0;
            return Ok(Got::Next);
        }
        let current = self.place.current(writer).await?;
        let current = current.into_iter().find(|(format, _)| *format == self.format).map(|(_, path)| path);
        let Some(current) = current.filter(|current| *current != self.path) else { return Ok(Got::Nothing) };
        // What was written between our last look and the rotation comes first.
        if let Some(late) =
            self.place.read(writer, &self.path, self.offset, STEP).await?.filter(|d| !d.is_empty())
        {
            self.offset += late.len() as u64;
            buffer.extend_from_slice(&late);
            return Ok(Got::Data);
        }
        // Several rotations may have passed: the next one of the same kind by time, up to the current one.
        let kind = |file: &str| file.rsplit_once('.').map(|(_, ending)| ending.to_owned());
        let next = at.and_then(|at| {
            files[at + 1..]
                .iter()
                .map(|file| file.name.as_str())
                .find(|file| kind(file) == kind(&current) && *file != name(&self.path))
        });
        let folder = current.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.path = match next {
            Some(next) if !folder.is_empty() => format!("{folder}/{next}"),
            Some(next) => next.to_owned(),
            None => current,
        };
        self.offset = 0;
        Ok(Got::Next)
    }
}

/// Who says that a file is a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The user, who may name a link.
    ByUser,
    /// The server, which may belong to somebody else: the file must not be a link and, where the owner of the server's files
    /// is known, must belong to that user.
    ByServer(Option<u32>),
}

/// Files of this machine, one after the other; `-` is standard input.
pub struct Files {
    named: Named,
    waiting: VecDeque<PathBuf>,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    file: File,
    offset: u64,
    /// What was read of standard input before it was asked for.
    ahead: Vec<u8>,
}

impl Files {
    /// Opens the first. Errors: one that cannot be opened (74), or is no file (65).
    pub fn open(paths: impl IntoIterator<Item = PathBuf>, named: Named) -> Result<Files> {
        let stdin = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].map(Path::new);
        let meant = |path: PathBuf| if stdin.contains(&path.as_path()) { PathBuf::from("-") } else { path };
        let mut files = Files { named, waiting: paths.into_iter().map(meant).collect(), open: None };
        // All of them, so that nobody learns of a wrong name after an hour.
        for path in &files.waiting {
            drop(open(path, named)?);
        }
        files.next()?;
        Ok(files)
    }

    /// The file that is read now.
    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// The beginning of the file that is read now, which stays to be read.
    pub fn beginning(&mut self, bytes: u64) -> Result<Vec<u8>> {
        let stdin = self.is_stdin();
        let Some(open) = &mut self.open else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        if stdin {
            // It can be read but once: what comes at first is kept.
            out.resize(64 << 10, 0);
            let read = open.file.read(&mut out).map_err(|e| failed(&open.path, &e))?;
            out.truncate(read);
            open.ahead.clone_from(&out);
            return Ok(out);
        }
        let read = (&mut open.file).take(bytes).read_to_end(&mut out);
        read.and_then(|_| open.file.seek(SeekFrom::Start(open.offset)))
            .map_err(|e| failed(&open.path, &e))?;
        Ok(out)
    }

    /// Is it standard input, which can be read but once?
    pub fn is_stdin(&self) -> bool {
        self.path() == Some(Path::new("-"))
    }

    /// Is there a file after this one?
    pub fn is_last(&self) -> bool {
        self.waiting.is_empty()
    }

    fn next(&mut self) -> Result<bool> {
        let Some(path) = self.waiting.pop_front() else { return Ok(false) };
        let file = open(&path, self.named)?;
        self.open = Some(Open { path, file, offset: 0, ahead: Vec::new() });
        Ok(true)
    }

    fn size(&self) -> Result<Option<u64>> {
        match &self.open {
            Some(open) if !self.is_stdin() => {
                open.file.metadata().map(|meta| Some(meta.len())).map_err(|e| failed(&open.path, &e))
            }
            _ => Ok(None),
        }
    }

    fn seek(&mut self, at: u64) -> Result<()> {
        if let Some(open) = &mut self.open {
            open.file.seek(SeekFrom::Start(at)).map_err(|e| failed(&open.path, &e))?;
            open.offset = at;
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut Vec<u8>, follow: bool) -> Result<Got> {
        let stdin = self.is_stdin();
        let last = self.is_last();
        let whose = self.named;
        let Some(open) = &mut self.open else { return Ok(Got::Nothing) };
        if stdin {
            std::mem::swap(buffer, &mut open.ahead);
            open.ahead.clear();
            if buffer.is_empty() {
                // Whatever there is, rather than all that fits.
                buffer.resize(64 << 10, 0);
                let read = open.file.read(buffer).map_err(|e| failed(&open.path, &e))?;
                buffer.truncate(read);
            }
            if !buffer.is_empty() {
                return Ok(Got::Data);
            }
        }
        let read = (&mut open.file).take(STEP / 4).read_to_end(buffer).map_err(|e| failed(&open.path, &e))?;
        if read > 0 {
            open.offset += read as u64;
            return Ok(Got::Data);
        }
        if !last {
            self.next()?;
            return Ok(Got::Next);
        }
        if !follow || stdin {
            return Ok(Got::Nothing);
        }
        // At its end: is there another under its name, or is it begun anew?
        let here = open.file.metadata().map_err(|e| failed(&open.path, &e))?;
        match std::fs::metadata(&open.path) {
            Ok(named) if (named.dev(), named.ino()) != (here.dev(), here.ino()) => {
                // It is gone, or is no file now; it will be created again.
                let Ok(file) = self::open(&open.path, whose) else { return Ok(Got::Nothing) };
                // What was written between our last look and the rotation comes first.
                let late = (&mut open.file).take(STEP / 4).read_to_end(buffer);
                let late = late.map_err(|e| failed(&open.path, &e))?;
                if late > 0 {
                    open.offset += late as u64;
                    return Ok(Got::Data);
                }
                open.file = file;
                open.offset = 0;
                Ok(Got::Next)
            }
            _ if here.len() < open.offset => {
                self.seek(0)?;
                Ok(Got::Next)
            }
            _ => Ok(Got::Nothing),
        }
    }
}

/// Opens a regular file and refuses anything else. A pipe may never have a writer, and a device no end. So the file is opened
/// without waiting, and what was opened is checked before it is read.
///
/// Errors: it cannot be opened (74), it is no file, or not the server's own (65).
pub(super) fn open(path: &Path, named: Named) -> Result<File> {
    if path == Path::new("-") {
        return stdin();
    }
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let flags = if named == Named::ByUser { flags } else { flags | OFlag::O_NOFOLLOW };
    let file = match File::options().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        Err(e) if e.raw_os_error() == Some(Errno::ELOOP as i32) && named != Named::ByUser => {
            return Err(refused(path, "a symbolic link"));
        }
        // The system's message for a socket does not say that it is one.
        Err(e) => {
            return Err(match std::fs::metadata(path).ok().and_then(|meta| no_file(meta.file_type())) {
                Some(what) => refused(path, what),
                None => failed(path, &e),
            });
        }
    };
    let meta = file.metadata().map_err(|e| failed(path, &e))?;
    if let Some(what) = no_file(meta.file_type()) {
        return Err(refused(path, what));
    }
    match named {
        Named::ByServer(Some(owner)) if meta.uid() != owner => {
            Err(Error::data(format!("{} is not the server's own file", path.display())))
        }
        _ => Ok(file),
    }
}

/// The kind of what is not a regular file.
fn no_file(kind: FileType) -> Option<&'static str> {
    match kind {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("a directory"),
        kind if kind.is_fifo() => Some("a named pipe"),
        kind if kind.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

fn refused(path: &Path, what: &str) -> Error {
    let error = Error::data(format!("{} is {what}, not a log file", path.display()));
    if what == "a named pipe" { error.hint("to read from a pipe, name standard input: -") } else { error }
}

/// Standard input, where it can end: a file, a pipe, a socket or /dev/null.
fn stdin() -> Result<File> {
    let path = Path::new("-");
    let stdin = std::io::stdin();
    let file = stdin.as_fd().try_clone_to_owned().map(File::from).map_err(|e| failed(path, &e))?;
    let meta = file.metadata().map_err(|e| failed(path, &e))?;
    let is_null =
        |meta: &Metadata| std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == meta.rdev());
    let what = match no_file(meta.file_type()) {
        None | Some("a named pipe" | "a socket") => return Ok(file),
        Some("a device") if is_null(&meta) => return Ok(file),
        Some("a device") if file.is_terminal() => "a terminal",
        Some(what) => what,
    };
    Err(Error::data(format!("standard input is {what}, not a log")))
}

fn failed(path: &Path, e: &std::io::Error) -> Error {
    Error::io(format!("could not read {}", path.display()), e)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

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
    fn what_the_server_names_is_no_link_and_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "secret").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let owner = std::fs::metadata(&file).unwrap().uid();
        assert!(open(&link, Named::ByUser).is_ok());
        assert!(
            open(&file, Named::ByServer(None)).is_ok() && open(&file, Named::ByServer(Some(owner))).is_ok()
        );
        let said = |path, named| open(path, named).err().unwrap();
        let link = said(&link, Named::ByServer(Some(owner)));
        assert!(
            link.exit == Exit::Data && link.message.ends_with("is a symbolic link, not a log file"),
            "{link}"
        );
        let other = said(&file, Named::ByServer(Some(owner + 1)));
        assert!(
            other.exit == Exit::Data && other.message.ends_with("is not the server's own file"),
            "{other}"
        );
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
                Got::Nothing => break,
            }
        }
        assert_eq!(all, b"a|b");
        let missing =
            Files::open([paths[0].clone(), folder.path().join("none")], Named::ByUser).err().unwrap();
        assert!(missing.exit == Exit::Io && missing.message.contains("none"));
    }
}

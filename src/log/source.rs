//! Where a log's bytes come from: the server, over SQL, or files of this machine. Follows rotation and truncation.

mod open;
mod packed;
mod paths;

pub use open::{Named, open};
pub use paths::Files;

use std::time::Duration;

use jiff::Timestamp;

use super::files::{Format, Place};
use super::switch::Access;
use crate::error::{Error, Exit, Result};
use crate::session::{Purpose, Writer};

/// How many bytes are read at once; over SQL, each read is one statement.
const STEP: u64 = 1 << 20;
/// How long to wait before trying an unreachable server again.
const AWAY: Duration = Duration::from_secs(1);

/// The result of a [`Source::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// Bytes were added.
    Data,
    /// There is nothing more for now.
    Nothing,
    /// There will never be more: the source is a pipe or a compressed file.
    End,
    /// What follows is another file, or this one started again; the entry before it is complete.
    Next,
}

/// A source of bytes.
pub enum Source {
    Server(Box<Server>),
    Files(Files),
}

impl Source {
    /// Replaces the content of `buffer` with the next bytes. With `follow`, reading continues in the next file after
    /// a rotation.
    pub async fn read(&mut self, buffer: &mut Vec<u8>, follow: bool) -> Result<Got> {
        buffer.clear();
        match self {
            Source::Server(server) => server.read(buffer, follow).await,
            Source::Files(files) => files.read(buffer, follow),
        }
    }

    /// Returns the size of the file that is being read; `None` if it has none.
    pub async fn size(&mut self) -> Result<Option<u64>> {
        match self {
            Source::Server(server) => server.size().await.map(Some),
            Source::Files(files) => files.size(),
        }
    }

    /// Continues from this byte of the current file.
    pub fn seek(&mut self, at: u64) -> Result<()> {
        match self {
            Source::Server(server) => {
                server.offset = at;
                Ok(())
            }
            Source::Files(files) => files.seek(at),
        }
    }

    /// Returns what users should be told that is new since the last call.
    pub fn news(&mut self) -> Option<String> {
        match self {
            Source::Server(server) => server.news.take(),
            Source::Files(_) => None,
        }
    }

    /// Returns what could not be read since the last call, while the rest can be.
    pub fn faults(&mut self) -> Vec<Error> {
        match self {
            Source::Server(_) => Vec::new(),
            Source::Files(files) => std::mem::take(&mut files.faults),
        }
    }

    /// Returns whether the current file is the last one and seekable, so that its end is the end of the log.
    pub fn ends_here(&self) -> bool {
        match self {
            Source::Server(_) => true,
            Source::Files(files) => files.is_last() && files.is_seekable(),
        }
    }

    /// Returns whether reading can go on from any byte of what is being read.
    pub fn is_seekable(&self) -> bool {
        match self {
            Source::Server(_) => true,
            Source::Files(files) => files.is_seekable(),
        }
    }

    /// Returns the source's name, for messages.
    pub fn name(&self) -> String {
        match self {
            Source::Server(_) => "the server's log".to_owned(),
            Source::Files(files) => match files.path() {
                Some(path) if path.as_os_str() == "-" => "standard input".to_owned(),
                Some(path) => path.display().to_string(),
                None => String::new(),
            },
        }
    }

    /// Returns the beginning of what is being read, without consuming it.
    pub async fn beginning(&mut self, bytes: u64) -> Result<Vec<u8>> {
        match self {
            Source::Server(_) => Ok(Vec::new()),
            Source::Files(files) => files.beginning(bytes),
        }
    }

    /// Returns when what is being read was last written, if it is a regular file.
    pub fn written(&self) -> Option<Timestamp> {
        match self {
            Source::Server(_) => None,
            Source::Files(files) => files.written(),
        }
    }

    /// Closes the connection to the server.
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
    /// Whether it has been reported that the server is away.
    away: bool,
    /// A message for the user.
    news: Option<String>,
}

/// Refuses to ask again: on a reconnect, the password that was typed at first is already known.
fn no_password(_: &str) -> Result<String> {
    Err(Error::new(Exit::Unavailable, "no password is known for it"))
}

/// A file's name without its folder.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the error for a file that no longer exists. `folder` says whether its folder still does.
fn gone(path: &str, place: &Place, folder: bool) -> Error {
    let error = Error::new(Exit::Io, format!("the log file {} is gone", path));
    if folder {
        return error.hint("it was rotated away meanwhile; try again");
    }
    let directory = place.settings.log_directory.as_deref().unwrap_or("log");
    error.hint(format!(
        "its directory, log_directory = {directory:?}, does not exist or cannot be read: create it as the server's user, then call pg_rotate_logfile()"
    ))
}

impl Server {
    /// Starts reading this file of the server from its beginning.
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
                    self.news = Some(format!("{}; reconnecting until it is back", e.message));
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
                None => {
                    let folder = self.place.list(writer).await?.is_some();
                    Err(gone(&self.path, &self.place, folder))
                }
            };
        }
        // At the end of the file: check whether there is another one, or whether this one was started again.
        let Some(files) = self.place.list(writer).await? else {
            return Err(gone(&self.path, &self.place, false));
        };
        let at = files.iter().position(|file| file.name == name(&self.path));
        if at.is_some_and(|at| u64::try_from(files[at].size).unwrap_or(0) < self.offset) {
            self.offset = 0;
            return Ok(Got::Next);
        }
        let current = self.place.current(writer).await?;
        let current = current.into_iter().find(|(format, _)| *format == self.format).map(|(_, path)| path);
        let Some(current) = current.filter(|current| *current != self.path) else { return Ok(Got::Nothing) };
        // What was written between the last read and the rotation comes first.
        if let Some(late) =
            self.place.read(writer, &self.path, self.offset, STEP).await?.filter(|d| !d.is_empty())
        {
            self.offset += late.len() as u64;
            buffer.extend_from_slice(&late);
            return Ok(Got::Data);
        }
        // Several rotations may have passed: take the next file of the same kind, in order of time, up to the
        // current one.
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

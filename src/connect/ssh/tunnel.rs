//! A running ssh, and the way through it to each host.

use std::io::{ErrorKind, IsTerminal};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::net::UnixStream;

use super::said::{Said, lock};
use crate::connect::failure::{Cause, Failure, Next};
use crate::connect::spared::Spared;
use crate::connect::target::Host;
use crate::connect::tls::os_text;
use crate::error::{self, Error, Exit, Result};

/// How often pgkit looks whether ssh listens.
const LOOK: Duration = Duration::from_millis(10);
/// A line of ssh that is this old while ssh still logs in is shown: it may ask the user to touch a key.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// How long to wait for ssh's last lines after it has closed a connection, and for its end.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long to wait, after ssh has ended, for the signal of a Ctrl-C.
const INTERRUPTED: Duration = Duration::from_millis(200);
/// How long a process may still run after the kernel has closed its connections.
const REAPED: Duration = Duration::from_millis(100);

/// Returns the path of the socket that leads to the host of this number.
pub(super) fn socket_in(folder: &Path, number: usize) -> PathBuf {
    folder.join(number.to_string())
}

/// A running ssh, which ends when this is dropped, or when the thread that started it ends.
#[derive(Debug)]
pub(in crate::connect) struct Tunnel {
    pub(super) pid: Pid,
    pub(super) shown: String,
    pub(super) hosts: Vec<Host>,
    /// A socket for each host.
    pub(super) doors: Vec<Door>,
    pub(super) child: Mutex<Child>,
    /// Keeps it spared while it runs.
    pub(super) spared: Mutex<Option<Spared>>,
    pub(super) said: Arc<Mutex<Said>>,
    /// The directory of the sockets, while it is needed.
    pub(super) folder: Option<TempDir>,
}

/// A socket that ssh listens on.
#[derive(Debug)]
pub(super) struct Door {
    path: PathBuf,
    /// Keeps the socket where `path` leads to its descriptor.
    _socket: Option<OwnedFd>,
}

/// The way through a tunnel to one host. It keeps the tunnel open.
#[derive(Debug, Clone)]
pub(in crate::connect) struct Forward {
    tunnel: Arc<Tunnel>,
    number: usize,
}

impl Tunnel {
    /// Returns the way to this host; `None` if the tunnel does not lead there.
    pub(in crate::connect) fn to(self: &Arc<Tunnel>, host: &Host) -> Option<Forward> {
        let number = self.hosts.iter().position(|known| known == host)?;
        Some(Forward { tunnel: Arc::clone(self), number })
    }

    pub(super) fn said(&self) -> MutexGuard<'_, Said> {
        lock(&self.said)
    }

    /// Returns how ssh ended; `None` while it runs.
    pub(super) fn ended(&self) -> Option<String> {
        let ended = match lock(&self.child).try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status.to_string(),
            Err(e) => os_text(&e),
        };
        // Its number may belong to another process soon.
        lock(&self.spared).take();
        Some(ended)
    }

    /// Waits until ssh listens on all sockets, which it does once it has logged in.
    pub(super) async fn logged_in(&mut self, until: Option<Instant>) -> Result<()> {
        let Some(folder) = self.folder.as_ref().map(|folder| folder.path().to_owned()) else {
            return Err(Error::bug("a tunnel without a directory"));
        };
        let sockets: Vec<PathBuf> = (0..self.hosts.len()).map(|number| socket_in(&folder, number)).collect();
        let is_socket =
            |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
        let is_person_there = std::io::stderr().is_terminal();
        loop {
            if let Some(how) = self.ended() {
                self.last_words(|said| said.is_over).await;
                if is_person_there {
                    // Ctrl-C ends ssh, too, perhaps before this process has noticed it.
                    tokio::time::sleep(INTERRUPTED).await;
                }
                return Err(self.failed(&format!("it ended ({how})")));
            }
            if sockets.iter().all(is_socket) {
                break;
            }
            if self.said().text().contains(&folder.display().to_string()) {
                return Err(self.failed("it cannot open the socket"));
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Err(self.failed("it has not logged in within the time limit"));
            }
            if is_person_there {
                self.show_late();
            }
            tokio::time::sleep(LOOK).await;
        }
        self.doors = sockets.into_iter().map(|path| Door { path, _socket: None }).collect();
        if self.hold_sockets() {
            self.folder = None;
        }
        Ok(())
    }

    /// Opens the sockets, so that they can be reached without their names. Returns whether that is possible, which it is on
    /// Linux with /proc.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn hold_sockets(&mut self) -> bool {
        let mut held = Vec::new();
        for door in &self.doors {
            let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let Ok(socket) = nix::fcntl::open(&door.path, flags, Mode::empty()) else { return false };
            let path = PathBuf::from(format!("/proc/self/fd/{}", socket.as_raw_fd()));
            // Without /proc there is no way to it but its name.
            if std::fs::read_link(&path).is_err() {
                return false;
            }
            held.push(Door { path, _socket: Some(socket) });
        }
        self.doors = held;
        true
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn hold_sockets(&mut self) -> bool {
        false
    }

    /// Shows what ssh has written some time ago and the user has not seen.
    fn show_late(&self) {
        let mut said = self.said();
        let first = said.shown.saturating_sub(said.before);
        let late: Vec<String> = said
            .lines
            .iter()
            .skip(first)
            .take_while(|(came, _)| came.elapsed() > SHOWN_AFTER)
            .map(|(_, line)| line.clone())
            .collect();
        said.shown = said.before + first + late.len();
        drop(said);
        if !late.is_empty() {
            // ssh may have written a prompt since.
            error::note(&format!("\nssh: {}", late.join("\nssh: ")));
        }
    }

    /// Waits a moment until ssh has said this.
    async fn last_words(&self, have_come: impl Fn(&Said) -> bool) {
        let begun = Instant::now();
        while !have_come(&self.said()) && begun.elapsed() < LAST_WORDS {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns the error of an ssh that has not logged in: its last lines, or `silent` if it has written none.
    fn failed(&self, silent: &str) -> Error {
        let said = self.said().text();
        let why = match (said.is_empty(), said.contains('\n')) {
            (true, _) => format!(" {silent}"),
            (_, true) => format!("\n{said}"),
            (_, false) => format!(" {said}"),
        };
        Error::new(Exit::Unavailable, format!("ssh to {} failed:{why}", self.shown))
            .hint("pgkit runs the ssh of your PATH with your configuration: ssh -v with the same destination shows more")
    }

    /// Returns one line that says how ssh ended; `None` while it runs.
    fn end(&self) -> Option<String> {
        let how = self.ended()?;
        let said = self.said();
        let last = said.lines.back().map_or(how, |(_, line)| line.clone());
        Some(format!("ssh to {} ended: {last}", self.shown))
    }
}

impl Drop for Tunnel {
    /// Ends ssh, and waits for its end.
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Ok(None) = child.try_wait() {
            let _ = kill(self.pid, Signal::SIGTERM);
        }
        let begun = Instant::now();
        while let Ok(None) = child.try_wait() {
            if begun.elapsed() > LAST_WORDS {
                let _ = child.kill();
                let _ = child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Forward {
    /// Returns how many lines ssh has written so far, for [`Forward::explain`].
    pub(in crate::connect) fn mark(&self) -> usize {
        self.tunnel.said().count()
    }

    /// Returns the host that ssh logs in to, for messages.
    pub(in crate::connect) fn shown(&self) -> &str {
        &self.tunnel.shown
    }

    /// Connects to the socket. Whether ssh reaches the server shows only later.
    pub(in crate::connect) async fn open(&self) -> std::io::Result<UnixStream> {
        let door = self.tunnel.doors.get(self.number).ok_or(ErrorKind::NotFound)?;
        let begun = Instant::now();
        loop {
            match UnixStream::connect(&door.path).await {
                // The socket is there a moment before ssh listens on it.
                Err(e)
                    if matches!(e.kind(), ErrorKind::ConnectionRefused | ErrorKind::WouldBlock)
                        && begun.elapsed() < LAST_WORDS
                        && self.tunnel.ended().is_none() => {}
                other => return other,
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns the reason why a connection through the tunnel has failed, which may be ssh. `mark` is how many lines ssh had
    /// written before.
    pub(in crate::connect) async fn explain(&self, failure: Failure, mark: usize) -> Failure {
        if !matches!(failure.cause, Cause::Closed | Cause::Network) {
            return failure;
        }
        let refused =
            |said: &Said| said.since(mark).find(|line| line.contains("open failed")).map(str::to_owned);
        self.tunnel.last_words(|said| said.is_over || refused(said).is_some()).await;
        let ended = self.tunnel.end();
        let refused = refused(&self.tunnel.said());
        match (ended, refused) {
            (Some(end), _) => Failure::new(Cause::Ssh, Next::Nothing, end),
            (None, Some(line)) => {
                let text = format!("ssh could not reach it: {line}");
                Failure { cause: Cause::BehindSsh, next: Next::Host, text, ..failure }
            }
            (None, None) => failure,
        }
    }

    /// Returns one line that says how ssh ended; `None` if it has not. Waits up to 100 ms, because a session is lost a moment
    /// before ssh is reaped.
    pub(in crate::connect) fn end(&self) -> Option<String> {
        let begun = Instant::now();
        loop {
            let end = self.tunnel.end();
            if end.is_some() || begun.elapsed() > REAPED {
                return end;
            }
            std::thread::sleep(LOOK);
        }
    }
}

//! Starting pgkit again as a helper: the one mechanism behind every process that must outlive, or clean up after,
//! the process that asked for it (keeper of a sandbox, janitor of a demonstration, guard of a job, watcher of a
//! log setting).
//!
//! A helper is the same executable with a hidden subcommand, never a fork. Its orders come as lines of JSON over
//! its standard input, so that none of them is visible in a process list or an environment. It answers with lines
//! of JSON on its standard output, the first of which says that it is ready or why it is not. The end of its input
//! means that its master is gone, however the master died.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, Lines};
use tokio::net::unix::pipe;

use crate::error::{Error, Exit, Result};
use crate::output::supervisor;
use crate::secrets;

/// The hidden subcommand, which is followed by the kind of helper.
pub const SUBCOMMAND: &str = "__helper";

/// The kinds of helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Owns a throwaway server.
    Keeper,
    /// Switches the server's log settings back when their time is over.
    Watcher,
    /// Owns the schema of a demonstration.
    Janitor,
    /// Runs jobs, one at a time.
    Guard,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Keeper, Kind::Watcher, Kind::Janitor, Kind::Guard];

    /// Returns its name, as it is written after the hidden subcommand.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Keeper => "keeper",
            Kind::Watcher => "watcher",
            Kind::Janitor => "janitor",
            Kind::Guard => "guard",
        }
    }
}

/// An answer as it is sent over the pipe.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer<T> {
    Ok(T),
    Err(Failure),
}

/// An [`Error`] as it is sent over the pipe.
#[derive(Serialize, Deserialize)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    sqlstate: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        Failure {
            code: error.exit.code(),
            message: error.message.clone(),
            causes: error.causes.clone(),
            hints: error.hints.clone(),
            sqlstate: error.sqlstate.clone(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error {
            exit: Exit::from_code(failure.code),
            message: failure.message,
            causes: failure.causes,
            hints: failure.hints,
            sqlstate: failure.sqlstate,
        }
    }
}

/// Runs work that waits for another process on a thread of its own, so that the runtime still reacts to signals.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::bug("a helper thread died").caused_by(e))?
}

/// A running helper, seen from its master. Dropping it closes the pipe, which the helper takes for our death.
#[derive(Debug)]
pub struct Helper {
    kind: Kind,
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Starts a helper, gives it its orders, and waits until it says that it is ready.
///
/// `exe` is the executable to start; `None` is the running one. Tests name the program under test.
pub fn spawn<T: DeserializeOwned>(
    kind: Kind,
    orders: &impl Serialize,
    exe: Option<&Path>,
) -> Result<(Helper, T)> {
    let exe = match exe {
        Some(exe) => exe.to_owned(),
        None => myself()?,
    };
    let mut child = again(&exe, kind)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A helper may outlive the reader of our standard error, which may wait for its end.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| Error::io(format!("cannot start {} again", exe.display()), &e))?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::bug("a helper has no pipes"));
    };
    let mut helper = Helper { kind, child, orders: Some(stdin), answers: BufReader::new(stdout) };
    match helper.ask(orders) {
        Ok(answer) => Ok((helper, answer)),
        Err(error) => {
            helper.finish(Duration::from_secs(10));
            Err(error)
        }
    }
}

impl Helper {
    /// Returns the helper's pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends one order and waits for its answer.
    pub fn ask<T: DeserializeOwned>(&mut self, order: &impl Serialize) -> Result<T> {
        let mut line = to_line(order)?;
        let name = self.kind.name();
        let gone = |e: &std::io::Error| Error::io(format!("the {name} is gone"), e);
        let Some(orders) = &mut self.orders else {
            return Err(Error::bug(format!("an order after the {name}'s pipe was closed")));
        };
        orders.write_all(line.as_bytes()).map_err(|e| gone(&e))?;
        line.clear();
        if self.answers.read_line(&mut line).map_err(|e| gone(&e))? == 0 {
            return Err(Error::new(Exit::Io, format!("the {name} died before it answered")));
        }
        match serde_json::from_str(&line) {
            Ok(Answer::Ok(answer)) => Ok(answer),
            Ok(Answer::Err(failure)) => Err(failure.into()),
            Err(e) => Err(Error::bug(format!("the {name} gave no answer")).caused_by(e)),
        }
    }

    /// Lets the helper live on without us; its end is not waited for.
    pub fn detach(&mut self) {
        self.orders = None;
    }

    /// Closes the pipe and waits for at most `patience` until the helper has cleaned up. Returns how it ended, if
    /// it has.
    pub fn finish(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.orders = None;
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(None) if start.elapsed() < patience => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) | Err(_) => return None,
                Ok(Some(status)) => return Some(status),
            }
        }
    }
}

/// A helper that sends many messages, for use on its master's runtime. Dropping it closes the pipe.
#[derive(Debug)]
pub struct HelperHandle {
    child: tokio::process::Child,
    pid: u32,
    orders: tokio::process::ChildStdin,
    answers: Lines<tokio::io::BufReader<tokio::process::ChildStdout>>,
}

impl HelperHandle {
    /// Starts such a helper from our own executable.
    pub fn start(kind: Kind) -> Result<HelperHandle> {
        let exe = myself()?;
        let mut command = again(&exe, kind);
        // It ends soon after us, and it writes to standard error only if it has a fault.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .map_err(|e| Error::io(format!("cannot start {} again", exe.display()), &e))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::bug("a helper has no pipes"));
        };
        let pid = child.id().unwrap_or_default();
        Ok(HelperHandle { child, pid, orders, answers: tokio::io::BufReader::new(answers).lines() })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends an order. If the helper is gone, [`HelperHandle::next`] reports it, not this method.
    pub async fn order(&mut self, order: &impl Serialize) -> Result<()> {
        let line = to_line(order)?;
        // This fails only if the helper no longer reads.
        let _ = self.orders.write_all(line.as_bytes()).await;
        let _ = self.orders.flush().await;
        Ok(())
    }

    /// Returns its next message; `None` if it is gone. The future may be dropped before it completes without
    /// losing a message.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        match self.answers.next_line().await {
            Ok(Some(line)) => match serde_json::from_str(&line) {
                Ok(Answer::Ok(told)) => Ok(Some(told)),
                Ok(Answer::Err(failure)) => Err(failure.into()),
                Err(e) => Err(Error::bug("could not parse a helper's answer").caused_by(e)),
            },
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Returns whether it is known to be gone.
    pub fn is_gone(&mut self) -> bool {
        self.child.try_wait().map_or(true, |status| status.is_some())
    }

    /// Kills it, and waits until it is gone, for at most 10 seconds.
    pub async fn kill(&mut self) {
        let _ = self.child.start_kill();
        let _ = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
    }

    /// Closes the pipe and waits for at most `patience` until it has cleaned up.
    pub async fn finish(self, patience: Duration) {
        let HelperHandle { mut child, orders, answers, .. } = self;
        drop(orders);
        drop(answers);
        let _ = tokio::time::timeout(patience, child.wait()).await;
    }
}

/// Returns the running executable, even if its file has been replaced or deleted since.
fn myself() -> Result<PathBuf> {
    let linux = Path::new("/proc/self/exe");
    if linux.exists() {
        return Ok(linux.to_owned());
    }
    std::env::current_exe().map_err(|e| Error::io("cannot find pgkit's own executable", &e))
}

/// Returns the command that starts an executable as a helper, which cannot report to the service manager.
fn again(exe: &Path, kind: Kind) -> Command {
    let mut command = Command::new(exe);
    secrets::strip(&mut command).arg0("pgkit").args([SUBCOMMAND, kind.name()]);
    for name in supervisor::VARIABLES {
        command.env_remove(name);
    }
    command
}

pub(crate) fn to_line(value: &impl Serialize) -> Result<String> {
    let mut line =
        serde_json::to_string(value).map_err(|e| Error::bug("orders that are no JSON").caused_by(e))?;
    line.push('\n');
    Ok(line)
}

/// The master, seen from its helper.
#[derive(Debug)]
pub struct Master {
    orders: Lines<tokio::io::BufReader<pipe::Receiver>>,
}

impl Master {
    fn new() -> Result<Master> {
        let io = |e: std::io::Error| Error::io("a helper needs a pipe for its standard input", &e);
        let stdin = std::io::stdin().as_fd().try_clone_to_owned().map_err(io)?;
        let receiver = pipe::Receiver::from_owned_fd(stdin).map_err(io)?;
        Ok(Master { orders: tokio::io::BufReader::new(receiver).lines() })
    }

    /// Returns the next order; `None` if the master is gone. The future may be dropped before it completes without
    /// losing an order.
    pub async fn order<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        match self.orders.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line)
                .map(Some)
                .map_err(|e| Error::bug("an order that is not understood").caused_by(e)),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Answers the last order. If the master is gone, [`Master::order`] reports it, not this method.
    pub fn answer<T: Serialize>(&self, answer: Result<T>) {
        send(&match answer {
            Ok(answer) => Answer::Ok(answer),
            Err(error) => Answer::Err(Failure::from(&error)),
        });
    }
}

/// Messages that are sent together with the next one.
static HELD: Mutex<String> = Mutex::new(String::new());

fn send<T: Serialize>(answer: &Answer<T>) {
    if let Ok(line) = to_line(answer) {
        let text = std::mem::take(&mut *HELD.lock().unwrap_or_else(PoisonError::into_inner)) + &line;
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes());
        let _ = stdout.flush();
    }
}

/// Sends a message to the master together with the next one, because waking it up each time is costly.
pub fn tell_with_next(what: &impl Serialize) {
    if let Ok(line) = to_line(&Answer::Ok(what)) {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
    }
}

/// Sends a message to the master, from anywhere in a helper.
pub fn tell(what: &impl Serialize) {
    send(&Answer::Ok(what));
}

/// Sends a message to the master, but drops it if the master is not reading at present.
pub fn tell_in_passing(what: &impl Serialize) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let stdout = std::io::stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
    if matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..)) {
        tell(what);
    }
}

/// Runs the hidden subcommand; `run` carries out the helper's work. This must be called from the main thread,
/// because the processes that a helper starts die with the thread that started them.
pub fn main(kind: &str, run: impl AsyncFnOnce(Kind, &mut Master) -> Exit) -> Exit {
    let Some(kind) = Kind::ALL.into_iter().find(|k| k.name() == kind) else {
        return Exit::Usage;
    };
    detach();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return Exit::Io,
    };
    runtime.block_on(async {
        match Master::new() {
            Ok(mut master) => run(kind, &mut master).await,
            Err(error) => error.exit,
        }
    })
}

/// Detaches from the terminal, the working folder and the open files of the process that started us: Ctrl-C there
/// is not meant for us, and no process should wait for us to close files that we never asked for.
fn detach() {
    let _ = nix::unistd::setsid();
    let _ = std::env::set_current_dir("/");
    let inherited: Vec<i32> = std::fs::read_dir("/dev/fd")
        .map(|dir| dir.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default();
    for fd in inherited.into_iter().filter(|fd| *fd > 2) {
        let _ = nix::unistd::close(fd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_over_the_pipe_whole() {
        for exit in [Exit::Usage, Exit::Unavailable, Exit::Bug, Exit::Permission, Exit::Terminated] {
            let error =
                Error::new(exit, "two\nlines").caused_by("a").caused_by("b").hint("c").with_sqlstate("57P03");
            let line = to_line(&Answer::<()>::Err(Failure::from(&error))).unwrap();
            assert_eq!(line.matches('\n').count(), 1);
            let Answer::<()>::Err(failure) = serde_json::from_str(&line).unwrap() else { panic!("{line}") };
            assert_eq!(Error::from(failure), error);
        }
    }

    #[test]
    fn a_program_that_is_no_pgkit_is_an_error() {
        let error = spawn::<()>(Kind::Keeper, &"orders", Some(Path::new("/bin/true"))).unwrap_err();
        assert_eq!(error.exit, Exit::Io);
        let error = spawn::<()>(Kind::Keeper, &"orders", Some(Path::new("/nonexistent"))).unwrap_err();
        assert!(error.message.contains("cannot start /nonexistent"), "{error}");
    }
}

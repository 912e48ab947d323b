//! pgkit starting itself again: the one mechanism behind every process that must outlive, or clean up after,
//! the one that asked for it (keeper of a sandbox, janitor of a demonstration, guard of a job, watcher of a log setting).
//!
//! A helper is the same executable with a hidden subcommand, never a fork. Its orders come as lines of JSON
//! over its standard input, so that nothing of them stands in a process list or an environment; it answers
//! with lines of JSON on its standard output, the first of which says that it is ready or why it is not.
//! The end of its input means that its master is gone, however the master died.

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
use crate::secrets;

/// The hidden subcommand; what follows it is the kind of helper.
pub const SUBCOMMAND: &str = "__helper";

/// What a helper is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Owns a throwaway server.
    Keeper,
    /// Switches the server's log settings back in time.
    Watcher,
    /// Owns the schema of a demonstration.
    Janitor,
    /// Runs jobs, one at a time.
    Guard,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Keeper, Kind::Watcher, Kind::Janitor, Kind::Guard];

    /// Its name, as it stands after the hidden subcommand.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Keeper => "keeper",
            Kind::Watcher => "watcher",
            Kind::Janitor => "janitor",
            Kind::Guard => "guard",
        }
    }
}

/// An answer on the wire.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer<T> {
    Ok(T),
    Err(Failure),
}

/// An [`Error`] on the wire.
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

/// What waits for another process, away from the runtime's thread: a signal must still be heard.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::bug("a helper thread died").caused_by(e))?
}

/// A running helper, seen from its master. Dropping it closes the pipe, which a helper takes for our death.
#[derive(Debug)]
pub struct Helper {
    kind: Kind,
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Starts a helper, gives it its orders and waits until it says that it is ready.
///
/// `exe` is the executable to start: ourselves where it is `None`; tests name the program under test.
pub fn spawn<T: DeserializeOwned>(
    kind: Kind,
    orders: &impl Serialize,
    exe: Option<&Path>,
) -> Result<(Helper, T)> {
    let exe = match exe {
        Some(exe) => exe.to_owned(),
        None => myself()?,
    };
    let mut child = secrets::strip(&mut Command::new(&exe))
        .arg0("pgkit")
        .args([SUBCOMMAND, kind.name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A helper may outlive whoever reads our standard error to its end.
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
    /// The helper's process.
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

    /// Lets it live on without us: its end is not waited for.
    pub fn detach(&mut self) {
        self.orders = None;
    }

    /// Closes the pipe and waits, not forever, until the helper has cleaned up. Says how it has ended, if it has.
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

/// A helper that tells many things, on its master's runtime. Dropping it closes the pipe.
#[derive(Debug)]
pub struct Teller {
    child: tokio::process::Child,
    pid: u32,
    orders: tokio::process::ChildStdin,
    answers: Lines<tokio::io::BufReader<tokio::process::ChildStdout>>,
}

impl Teller {
    /// Starts one: ourselves again.
    pub fn start(kind: Kind) -> Result<Teller> {
        let exe = myself()?;
        let mut command = Command::new(&exe);
        secrets::strip(&mut command).arg0("pgkit").args([SUBCOMMAND, kind.name()]);
        // It ends soon after us, and what it says there is that it has a fault.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .map_err(|e| Error::io(format!("cannot start {} again", exe.display()), &e))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::bug("a helper has no pipes"));
        };
        let pid = child.id().unwrap_or_default();
        Ok(Teller { child, pid, orders, answers: tokio::io::BufReader::new(answers).lines() })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends an order. A helper that is gone is told by [`Teller::next`], not here.
    pub async fn order(&mut self, order: &impl Serialize) -> Result<()> {
        let line = to_line(order)?;
        // What hinders this is that nobody reads any more.
        let _ = self.orders.write_all(line.as_bytes()).await;
        let _ = self.orders.flush().await;
        Ok(())
    }

    /// What it tells next; `None` when it is gone. May be dropped half-way without losing anything.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        match self.answers.next_line().await {
            Ok(Some(line)) => match serde_json::from_str(&line) {
                Ok(Answer::Ok(told)) => Ok(Some(told)),
                Ok(Answer::Err(failure)) => Err(failure.into()),
                Err(e) => Err(Error::bug("a helper tells what is not understood").caused_by(e)),
            },
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Is it known by now that it is gone?
    pub fn is_gone(&mut self) -> bool {
        self.child.try_wait().map_or(true, |status| status.is_some())
    }

    /// Has it killed, and waits until it is gone.
    pub async fn kill(&mut self) {
        let _ = self.child.start_kill();
        let _ = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
    }

    /// Closes the pipe and waits, not forever, until it has cleaned up.
    pub async fn finish(self, patience: Duration) {
        let Teller { mut child, orders, answers, .. } = self;
        drop(orders);
        drop(answers);
        let _ = tokio::time::timeout(patience, child.wait()).await;
    }
}

/// The executable that runs now, even where its file was replaced or deleted since.
fn myself() -> Result<PathBuf> {
    let linux = Path::new("/proc/self/exe");
    if linux.exists() {
        return Ok(linux.to_owned());
    }
    std::env::current_exe().map_err(|e| Error::io("cannot find pgkit's own executable", &e))
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

    /// The next order; `None` when the master is gone. May be dropped half-way without losing an order.
    pub async fn order<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        match self.orders.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line)
                .map(Some)
                .map_err(|e| Error::bug("an order that is not understood").caused_by(e)),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Answers the last order. A master that is gone is told so by [`Master::order`], not here.
    pub fn answer<T: Serialize>(&self, answer: Result<T>) {
        send(&match answer {
            Ok(answer) => Answer::Ok(answer),
            Err(error) => Answer::Err(Failure::from(&error)),
        });
    }
}

/// What goes out with what is told next.
static HELD: Mutex<String> = Mutex::new(String::new());

fn send<T: Serialize>(answer: &Answer<T>) {
    if let Ok(line) = to_line(answer) {
        let text = std::mem::take(&mut *HELD.lock().unwrap_or_else(PoisonError::into_inner)) + &line;
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes());
        let _ = stdout.flush();
    }
}

/// Tells the master something together with what it is told next: each time that it is woken takes its time.
pub fn tell_with_next(what: &impl Serialize) {
    if let Ok(line) = to_line(&Answer::Ok(what)) {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
    }
}

/// Tells the master something, from wherever in a helper.
pub fn tell(what: &impl Serialize) {
    send(&Answer::Ok(what));
}

/// Tells the master something that can be left out, where it does not hear at present.
pub fn tell_in_passing(what: &impl Serialize) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let stdout = std::io::stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
    if matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..)) {
        tell(what);
    }
}

/// What the hidden subcommand runs: `run` is a helper's life. To be called from the main thread: what a helper starts dies
/// with the thread that started it.
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

/// Leaves the terminal, the folder and the files of whoever started us: Ctrl-C there is not for us, and
/// nobody shall wait for us to close what we never asked for.
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

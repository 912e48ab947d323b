//! Programs and what they start: running a program in a session of its own, capturing its output, and killing its
//! whole process tree.
//!
//! Where the kernel allows it, a program is contained: see [`super::contain`]. Elsewhere on Linux the process that
//! runs it is a subreaper for its tree: whatever the program starts, and however it hides (`setsid`, a double fork),
//! becomes a child of ours once its parents are gone, and so is found. On other systems, only the program's process
//! group is found.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdout};

use super::account::Account;
use super::contain::Namespace;
use super::output::Captured;
use crate::connect::spared;
use crate::error::{Error, Exit, Result};
use crate::unsafe_spawn;

/// How long to wait for more output after the program itself has ended.
const LATE_OUTPUT: Duration = Duration::from_millis(100);
/// How long to wait for the end of what a program has left in its namespace before the whole namespace is brought to its end.
const LEFT_BEHIND: Duration = Duration::from_secs(1);
/// How long to wait for killed processes if nothing depends on their end: a process that hangs in the kernel does
/// not end.
pub const HANGS: Duration = Duration::from_secs(10);
/// The variable that every process of a job carries, with its claim as the value.
pub const MARK: &str = "PGKIT_CLAIM";

/// A program to be started.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// Its working directory.
    pub directory: PathBuf,
    /// The user that it runs as; `None` is the user of this process.
    pub user: Option<Account>,
    /// What contains its processes; `None` if nothing does.
    pub namespace: Option<Rc<Namespace>>,
}

/// How a program has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, or by a signal that it was sent.
    Ended {
        /// Its exit code, or the signal.
        status: ExitStatus,
        /// Whether processes that it had started were still running, and so were killed.
        has_left: bool,
    },
    /// What contained it was killed, and so it was killed too.
    Cut,
}

/// A running program.
pub struct Process {
    child: Child,
    pid: Pid,
    /// What contains it.
    namespace: Option<Rc<Namespace>>,
    /// How it has ended, and when, while processes that it has left in its namespace are killed.
    ended: Option<(ExitStatus, Instant)>,
    /// How it and they have ended.
    ending: Option<Ending>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// What it printed on standard output and standard error. It is shared with what shows it while the program runs.
    pub output: Rc<RefCell<Captured>>,
    /// What it printed on standard error.
    pub errors: Captured,
    buffers: Box<[[u8; 16 << 10]; 2]>,
}

/// Makes this process the new parent of orphans among its descendants. Does nothing on systems that do not support
/// this.
pub fn become_subreaper() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

impl Program {
    /// Starts the program. Errors: it cannot be started (74). This must be called from a thread that lives as long as this process, because the
    /// program dies with that thread.
    pub fn start(&self) -> Result<Process> {
        let name = self.words.first().ok_or_else(|| Error::bug("a program without a name"))?;
        // A relative path is relative to the program's working directory, as in a shell.
        let path = if name.contains('/') { self.directory.join(name) } else { PathBuf::from(name) };
        let mut command = std::process::Command::new(&path);
        command
            .args(&self.words[1..])
            .env_clear()
            .envs(&self.environment)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let user = self.user.as_ref().map(Account::ids);
        let failed = |e: &std::io::Error| {
            let missing = || format!(" in {}, which is not a directory", self.directory.display());
            let place = if self.directory.is_dir() { String::new() } else { missing() };
            Error::io(format!("could not start {name}{place}"), e)
        };
        let spawned = match &self.namespace {
            Some(namespace) => namespace.spawn(command, user),
            None => {
                unsafe_spawn::die_with_us(&mut command, Signal::SIGKILL, true, user);
                tokio::process::Command::from(command).spawn()
            }
        };
        let mut child = spawned.map_err(|e| failed(&e))?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let pid = pid.ok_or_else(|| Error::bug("a program without a pid"))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Ok(Process {
            child,
            pid,
            namespace: self.namespace.clone(),
            ended: None,
            ending: None,
            stdout,
            stderr,
            output: Rc::default(),
            errors: Captured::default(),
            buffers: Box::new([[0; 16 << 10]; 2]),
        })
    }
}

/// Waits until what a program has left in its namespace has ended, and returns whether there was anything. Never returns for a
/// program that nothing contains.
async fn cleared(namespace: Option<&Namespace>) -> std::io::Result<bool> {
    match namespace {
        Some(namespace) => namespace.clear().await,
        None => std::future::pending().await,
    }
}

/// Reads once from a pipe that may have been closed.
async fn read<R: tokio::io::AsyncRead + Unpin>(from: &mut Option<R>, buffer: &mut [u8]) -> usize {
    match from {
        Some(pipe) => match pipe.read(buffer).await {
            Ok(n) if n > 0 => n,
            _ => {
                *from = None;
                0
            }
        },
        None => std::future::pending().await,
    }
}

impl Process {
    /// Reads some output; does not return as long as there is none. The future may be dropped before it completes.
    async fn some_output(&mut self) {
        let [out, err] = &mut *self.buffers;
        tokio::select! {
            n = read(&mut self.stdout, out) => self.output.borrow_mut().push(&out[..n]),
            n = read(&mut self.stderr, err) => {
                self.output.borrow_mut().push(&err[..n]);
                self.errors.push(&err[..n]);
            }
        }
    }

    /// Waits until the program ends, reading its output. The future may be dropped before it completes, and the
    /// method called again.
    ///
    /// Errors: the system cannot tell how it ended (74).
    pub async fn end(&mut self) -> Result<Ending> {
        let second = Duration::from_secs(1);
        let mut reap = tokio::time::interval_at(tokio::time::Instant::now() + second, second);
        let ending = loop {
            if let Some(ending) = self.ending {
                break ending;
            }
            let (child, namespace, ended) = (&mut self.child, self.namespace.as_deref(), self.ended);
            let [out, err] = &mut *self.buffers;
            tokio::select! {
                status = child.wait(), if ended.is_none() => {
                    let status = status.map_err(|e| Error::io("could not wait for the program", &e))?;
                    self.ended = Some((status, Instant::now()));
                    match namespace {
                        // What is left may have become a child of this process.
                        Some(_) => reap = tokio::time::interval(LATE_OUTPUT / 10),
                        None => self.ending = Some(Ending::Ended { status, has_left: false }),
                    }
                }
                left = cleared(namespace), if ended.is_some() => {
                    self.ending = ended.map(|(status, _)| match left {
                        Err(_) if status.signal() == Some(Signal::SIGKILL as i32) => Ending::Cut,
                        left => Ending::Ended { status, has_left: left.unwrap_or(false) },
                    });
                }
                n = read(&mut self.stdout, out) => self.output.borrow_mut().push(&out[..n]),
                n = read(&mut self.stderr, err) => {
                    self.output.borrow_mut().push(&err[..n]);
                    self.errors.push(&err[..n]);
                }
                // Orphans of the tree become our children, so only this process can reap them.
                _ = reap.tick() => {
                    reap_orphans(self.pid);
                    if let (Some(namespace), Some((status, at))) = (namespace, ended)
                        && at.elapsed() > LEFT_BEHIND
                    {
                        namespace.kill();
                        self.ending = Some(Ending::Ended { status, has_left: true });
                    }
                }
            }
        };
        // A process that was left behind may hold the pipes open forever.
        let _ = tokio::time::timeout(LATE_OUTPUT, async {
            while self.stdout.is_some() || self.stderr.is_some() {
                self.some_output().await;
            }
        })
        .await;
        Ok(ending)
    }

    /// Returns a handle on its process tree.
    pub fn tree(&self) -> Tree {
        Tree { pid: self.pid, namespace: self.namespace.clone() }
    }
}

/// The process tree of a program.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The process that this process has started: the program, or what passes signals on to it.
    pid: Pid,
    /// What contains it.
    namespace: Option<Rc<Namespace>>,
}

impl Tree {
    /// Returns the pid of its first process.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Returns whether the kernel ends all of it when this process ends.
    pub fn is_contained(&self) -> bool {
        self.namespace.is_some()
    }

    /// Sends TERM to every process of the tree, and CONT, because a process that is stopped would not receive it.
    pub fn terminate(&self) {
        let mut found = false;
        let namespace = self.namespace.as_ref();
        // Orphans in a namespace are children of its init.
        let roots = [Some(nix::unistd::getpid()), namespace.map(|namespace| namespace.proxy())];
        for (pid, parent) in below(roots.into_iter().flatten().collect()) {
            if !namespace.is_some_and(|namespace| namespace.is_frame(pid, parent, self.pid)) {
                found |= kill(pid, Signal::SIGTERM).is_ok();
                let _ = kill(pid, Signal::SIGCONT);
            }
        }
        if !found {
            // Without /proc, only the program and its process group are known.
            let reach = if self.is_contained() { kill } else { killpg };
            let _ = reach(self.pid, Some(Signal::SIGTERM));
            let _ = reach(self.pid, Some(Signal::SIGCONT));
        }
    }

    /// Sends KILL to every process of the tree, without waiting for its end.
    pub fn kill(&self) {
        match &self.namespace {
            Some(namespace) => namespace.kill(),
            None => drop(killpg(self.pid, Signal::SIGKILL)),
        }
        for pid in descendants().into_keys() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// Kills every descendant of this process until none is left. Returns whether any had to be killed.
///
/// Errors: some do not end within this time, because they hang in the kernel or belong to another user (74).
pub async fn sweep(patience: Duration) -> Result<bool> {
    let start = Instant::now();
    let mut has_killed = false;
    loop {
        // Having no child at all is the usual case, and the cheapest to detect.
        let any = if spared().is_empty() { reap_all() } else { reap_others() };
        if !any {
            return Ok(has_killed);
        }
        let left: Vec<Pid> = descendants().into_keys().collect();
        for pid in &left {
            has_killed |= kill(*pid, Signal::SIGKILL).is_ok();
        }
        if start.elapsed() > patience {
            let left: Vec<String> = left.iter().map(ToString::to_string).collect();
            let left = left.join(", ");
            return Err(Error::new(Exit::Io, format!("could not end processes {left}")));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Reaps all children that have ended. Returns whether there are others.
fn reap_all() -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::EINTR) | Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
}

/// Does the same as [`reap_all`] for all children but those that this process needs.
fn reap_others() -> bool {
    let needed = spared();
    // Looking at all processes of the machine takes longer.
    if known_children().is_some_and(|children| children.iter().all(|pid| needed.contains(pid))) {
        return false;
    }
    let own = nix::unistd::getpid();
    let children = parents().into_iter().filter(|(_, parent)| *parent == own);
    let is_alive = |pid| matches!(waitpid(pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive));
    // Every one of them is to be reaped.
    children.filter(|(pid, _)| is_alive(*pid)).count() > 0
}

/// Returns the children that the main thread of this process has, as the kernel lists them; `None` if this kernel does not.
fn known_children() -> Option<Vec<Pid>> {
    let own = nix::unistd::getpid();
    let children = std::fs::read_to_string(format!("/proc/self/task/{own}/children")).ok()?;
    Some(children.split_whitespace().filter_map(|pid| pid.parse().ok().map(Pid::from_raw)).collect())
}

/// Returns the children of this process, each with its start: see [`ticks`].
pub fn children() -> BTreeSet<(i32, i64)> {
    let own = nix::unistd::getpid();
    let children = parents().into_iter().filter(|(_, parent)| *parent == own);
    children.filter_map(|(pid, _)| Some((pid.as_raw(), ticks(pid.as_raw())?))).collect()
}

/// Kills the children of this process except those in `keep`, with all their descendants: what a guard that was
/// killed has left behind. Spares the processes in `before`, which were there before any guard. If this process is
/// pid 1, to which any orphan at all may be attached, it also spares children that carry no claim.
pub async fn sweep_but(keep: &BTreeSet<i32>, before: &BTreeSet<(i32, i64)>) {
    let start = Instant::now();
    let own = nix::unistd::getpid();
    let is_anybodys = own.as_raw() == 1;
    let is_left = |pid: i32| {
        !keep.contains(&pid)
            && !ticks(pid).is_some_and(|ticks| before.contains(&(pid, ticks)))
            && (!is_anybodys || carries(pid, None))
    };
    loop {
        let all = parents();
        let mut left: Vec<Pid> = Vec::new();
        let mut next: Vec<Pid> = all
            .iter()
            .filter(|(pid, parent)| *parent == own && is_left(pid.as_raw()))
            .map(|(pid, _)| *pid)
            .collect();
        while let Some(pid) = next.pop() {
            left.push(pid);
            next.extend(all.iter().filter(|(_, parent)| *parent == pid).map(|(pid, _)| *pid));
        }
        if left.is_empty() || start.elapsed() > HANGS {
            return;
        }
        for pid in left {
            let _ = kill(pid, Signal::SIGKILL);
            let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Returns whether a process carries this claim in its environment, or, if `claim` is `None`, any claim.
fn carries(pid: i32, claim: Option<&str>) -> bool {
    let wanted = format!("{MARK}={}", claim.unwrap_or_default());
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| match claim {
        Some(_) => entry == wanted.as_bytes(),
        None => entry.starts_with(wanted.as_bytes()),
    })
}

/// Reaps orphans that have ended, but not the program itself, for which [`Process::end`] waits.
fn reap_orphans(program: Pid) {
    let needed = spared();
    // Without the list, the orphans are reaped at the end.
    for pid in known_children().unwrap_or_default() {
        if pid != program && !needed.contains(&pid) {
            let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
    }
}

/// Returns every visible process and its parent, without the children that this process needs. What those have started is
/// then no descendant of ours.
fn parents() -> Vec<(Pid, Pid)> {
    let needed = spared();
    processes()
        .filter(|pid| !needed.contains(pid))
        .filter_map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name in parentheses may contain anything, including parentheses.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, Pid::from_raw(parent)))
        })
        .collect()
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
}

/// Returns all descendants of this process, each with its parent.
fn descendants() -> BTreeMap<Pid, Pid> {
    below(vec![nix::unistd::getpid()])
}

/// Returns all descendants of these processes, each with its parent.
fn below(mut next: Vec<Pid>) -> BTreeMap<Pid, Pid> {
    let all = parents();
    let mut found = BTreeMap::new();
    while let Some(parent) = next.pop() {
        for (pid, _) in all.iter().filter(|(_, of)| *of == parent) {
            if found.insert(*pid, parent).is_none() {
                next.push(*pid);
            }
        }
    }
    found
}

/// Returns when a process started, in clock ticks since the machine booted; `None` if it is gone or cannot be
/// seen. Together, pid and start identify a process for good, while pids alone are reused.
pub fn ticks(pid: i32) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let began = fields.nth(18)?.parse().ok()?;
    // A zombie has ended.
    (state != "Z").then_some(began)
}

/// Kills every process that carries this claim in its environment. Returns how many there were.
pub fn kill_marked(claim: &str) -> usize {
    let own = nix::unistd::getpid();
    let marked = processes().filter(|pid| *pid != own && carries(pid.as_raw(), Some(claim)));
    marked.filter(|pid| kill(*pid, Signal::SIGKILL).is_ok()).count()
}

/// Returns the machine's boot id and this process's pid namespace. If both are the same, a pid means the same
/// process. Each is empty if the system does not tell it.
pub fn place() -> (String, String) {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    (boot.trim().to_owned(), space.to_string_lossy().into_owned())
}

/// Returns the time since the machine booted, including the time it was suspended.
pub fn boot_time() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = ClockId::CLOCK_BOOTTIME;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = ClockId::CLOCK_MONOTONIC;
    clock_gettime(clock).map(Duration::from).unwrap_or_default()
}

/// Returns how a program ended, as stored in `last_error`: `exit status 7` or `signal 9`. `None` is success.
pub fn failure(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit status {code}")),
        (None, Some(signal)) => Some(format!("signal {signal}")),
        (None, None) => Some("an unknown end".to_owned()),
    }
}

/// Returns the absolute path of a file, without symbolic links in its folder.
pub fn absolute(file: &Path) -> PathBuf {
    file.file_name().map_or_else(|| file.to_owned(), |name| folder_of(file).join(name))
}

/// Returns the folder of a file, as an absolute path.
pub fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_number_and_its_start() {
        let own = std::process::id().cast_signed();
        assert!(ticks(own).is_some_and(|t| t > 0));
        assert_eq!(ticks(own), ticks(own));
        assert_eq!(ticks(i32::MAX), None);
        assert!(boot_time() > Duration::from_secs(1));
    }

    #[test]
    fn an_end_is_told_in_the_words_of_last_error() {
        assert_eq!(failure(ExitStatus::from_raw(0)), None);
        assert_eq!(failure(ExitStatus::from_raw(7 << 8)).as_deref(), Some("exit status 7"));
        assert_eq!(failure(ExitStatus::from_raw(9)).as_deref(), Some("signal 9"));
    }
}

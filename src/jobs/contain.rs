//! Contains the processes of a program, so that none of them outlives the guard that runs it.
//!
//! A process can ask the kernel for a signal when its parent dies, but the processes that it has started do not get
//! that signal. A program therefore runs in a PID namespace: when the first process of the namespace ends, the kernel
//! kills all others in it, and no process can leave it. Two processes stand between the guard and the program. Both are
//! forks of the guard that execute no other program:
//!
//! ```text
//! guard ── proxy ── init, the first process of the namespace ── program ── whatever it starts
//! ```
//!
//! The proxy and init ask the kernel to kill them when their parent dies. So when the guard ends, even by kill -9, the
//! whole tree ends, including processes that are stopped. Both pass signals on to the program. Init reaps the orphans,
//! and reports how the program ended.
//!
//! The program also has a mount namespace, in which /proc shows the PID namespace, where the kernel allows that.
//!
//! Only root can create a PID namespace; another user first needs a user namespace, in which it is the only user.
//! Files of all other users then seem to belong to nobody, and setuid programs such as sudo have no effect.

use serde::{Deserialize, Serialize};

use super::process::Ending;

/// Whether the processes of a program are contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Contain {
    /// Where the kernel allows it.
    #[default]
    Auto,
    /// Always: where the kernel does not allow it, the program does not run.
    Strict,
    /// Never.
    None,
}

/// How the kernel lets this process contain a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// In a PID namespace.
    PidNamespace,
    /// In a PID namespace that belongs to a user namespace.
    UserNamespace,
}

impl Way {
    /// Returns what the program runs in.
    pub const fn name(self) -> &'static str {
        match self {
            Way::PidNamespace => "PID namespace",
            Way::UserNamespace => "user namespace",
        }
    }
}

/// How programs can be contained here, or why they cannot.
pub type Containment = Result<Way, String>;

/// Returns the warning for a place where programs cannot be contained, for this reason.
pub fn unsafe_here(why: &str) -> String {
    format!("programs that start others are not safe against kill -9 of pgkit here: {why}")
}

/// What init reports at the end of a program: its wait status, in the machine's byte order, and whether it has left
/// processes behind.
pub type Report = [u8; 5];

/// Reads a report; `None` if init was killed before the program had ended.
pub fn ending(report: Option<Report>) -> Ending {
    use std::os::unix::process::ExitStatusExt;
    let Some([a, b, c, d, left]) = report else { return Ending::Cut };
    let status = std::process::ExitStatus::from_raw(i32::from_ne_bytes([a, b, c, d]));
    Ending::Ended { status, has_left: left != 0 }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::contain;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use linux::probe;

/// Finds out how this process can contain programs: not at all on this system.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn probe() -> Containment {
    Err("this system has no PID namespaces".to_owned())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
    use std::process::{Command, Stdio};

    use nix::errno::Errno;
    use nix::fcntl::{OFlag, open};
    use nix::mount::{MsFlags, mount};
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
    use nix::sys::stat::Mode;
    use nix::unistd::{ForkResult, Gid, Pid, Uid, pipe2, setsid, write};

    use super::{Containment, Report, Way};
    use crate::unsafe_spawn::{become_user, before_exec, close_all_but, die_with, exit_at_once, fork, reap};

    /// The namespaces of a program: one for its processes, and one for mounts, so that it can have a /proc of its own.
    const SPACES: CloneFlags = CloneFlags::CLONE_NEWPID.union(CloneFlags::CLONE_NEWNS);

    /// Gives a program a /proc that shows its own PID namespace. In the machine's /proc, a process that looks up its
    /// own pid, as ps does, would find another process or none. Only /proc is private: other mounts of the program are
    /// visible to all, as before. Where the kernel refuses this, as in many containers, the program sees the machine's
    /// /proc.
    fn own_proc() {
        let none: Option<&str> = None;
        // Making this mount private keeps the new /proc from appearing outside the namespace.
        if mount(none, "/proc", none, MsFlags::MS_PRIVATE, none).is_ok() {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            let _ = mount(Some("proc"), "/proc", Some("proc"), flags, none);
        }
    }

    /// Finds out how this process can contain programs, by containing one that ends at once.
    pub fn probe() -> Containment {
        let way = |way: Way| {
            let failed = |e: std::io::Error| {
                let why = match e.raw_os_error() {
                    Some(number) => Errno::from_raw(number).desc().to_owned(),
                    None => e.to_string(),
                };
                format!("the kernel allows no {}: {why}", way.name())
            };
            let (_reports, report) = pipe2(OFlag::O_CLOEXEC).map_err(|e| failed(e.into()))?;
            let mut command = Command::new("nothing");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            contain(&mut command, way, None, report);
            // The program of this command is never started.
            before_exec(&mut command, || exit_at_once(0));
            command.spawn().and_then(|mut child| child.wait()).map_err(failed)?;
            Ok(way)
        };
        // A user namespace changes more for the program, so it comes second.
        way(Way::PidNamespace).or_else(|e: String| {
            // Root would be the only user in it, and could not run programs as another one.
            if Uid::effective().is_root() { Err(e) } else { way(Way::UserNamespace) }
        })
    }

    /// Has the program of `command` run contained, in a session of its own, as this user and in these groups. How it
    /// ends is written to `report`. The command must be started from a thread that lives as long as this process.
    pub(crate) fn contain(
        command: &mut Command,
        way: Way,
        user: Option<(Uid, Gid, Vec<Gid>)>,
        report: OwnedFd,
    ) {
        let guard = nix::unistd::getpid();
        let (uid, gid) = (Uid::effective(), Gid::effective());
        // They are formatted now, because that allocates.
        let maps = [
            ("/proc/self/setgroups", "deny".to_owned()),
            ("/proc/self/uid_map", format!("{uid} {uid} 1")),
            ("/proc/self/gid_map", format!("{gid} {gid} 1")),
        ];
        before_exec(command, move || {
            match way {
                Way::PidNamespace => unshare(SPACES)?,
                Way::UserNamespace => {
                    unshare(CloneFlags::CLONE_NEWUSER | SPACES)?;
                    for (file, text) in &maps {
                        let file = open(*file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
                        write(&file, text.as_bytes())?;
                    }
                }
            }
            // This comes after the new user namespace, which resets it.
            die_with(Signal::SIGKILL, guard)?;
            let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
            // Its other end is closed when the proxy dies.
            let (proxy_lives, lives) = pipe2(OFlag::O_CLOEXEC)?;
            if let ForkResult::Parent { child } = fork()? {
                pass_on(child, lives.as_fd());
            }
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            drop(lives);
            // The parent is in another namespace, so getppid does not tell whether it is still there.
            if has_hung_up(&proxy_lives) {
                exit_at_once(1);
            }
            if let ForkResult::Parent { child } = fork()? {
                watch_over(child, report.as_fd());
            }
            own_proc();
            if let Some((uid, gid, groups)) = &user {
                become_user(*uid, *gid, groups)?;
            }
            setsid()?;
            before.thread_set_mask()?;
            Ok(())
        });
    }

    /// Returns whether the other end of a pipe is closed.
    fn has_hung_up(pipe: &OwnedFd) -> bool {
        let mut polled = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
        poll(&mut polled, PollTimeout::ZERO).is_ok_and(|n| n > 0)
    }

    /// Waits for the end of init, and ends too. Until then, passes all signals on to it.
    fn pass_on(init: Pid, lives: BorrowedFd<'_>) -> ! {
        let _ = nix::sys::prctl::set_name(c"pgkit-proxy");
        close_all_but(lives.as_raw_fd());
        loop {
            match SigSet::all().wait() {
                Ok(Signal::SIGCHLD) if reap(Some(init)).is_some() => exit_at_once(0),
                Ok(Signal::SIGCHLD) | Err(_) => {}
                Ok(signal) => drop(kill(init, signal)),
            }
        }
    }

    /// Waits for the end of the program, reports it and ends, which is the end of all other processes in the
    /// namespace. Until then, passes all signals on to the program and reaps all others that have ended.
    fn watch_over(program: Pid, report: BorrowedFd<'_>) -> ! {
        let _ = nix::sys::prctl::set_name(c"pgkit-init");
        close_all_but(report.as_raw_fd());
        loop {
            match SigSet::all().wait() {
                Ok(Signal::SIGCHLD) => {
                    if let Some(status) = reap_all(program) {
                        // This fails if there is no other process in the namespace.
                        let has_left = kill(Pid::from_raw(-1), None).is_ok();
                        let [a, b, c, d] = status.to_ne_bytes();
                        let whole: Report = [a, b, c, d, u8::from(has_left)];
                        let _ = write(report, &whole);
                        exit_at_once(0);
                    }
                }
                Ok(signal) => drop(kill(program, signal)),
                Err(_) => {}
            }
        }
    }

    /// Reaps all processes that have ended. Returns the wait status of the program, if it is one of them.
    fn reap_all(program: Pid) -> Option<i32> {
        let mut ended = None;
        while let Some((pid, status)) = reap(None) {
            if pid == program {
                ended = Some(status);
            }
        }
        ended
    }
}

//! The only place with `unsafe`: what a process does between fork and exec, or between fork and its end.
#![expect(
    unsafe_code,
    reason = "Command::pre_exec, fork and close_range are unsafe, and a child can ask to die with us only there"
)]

use std::process::Command;

use nix::unistd::{Gid, Uid};

/// Has the kernel send `signal` to the process that `command` starts as soon as we die, even by kill -9.
///
/// This is requested after the change of user, which would undo it (std runs this last). The kernel watches the
/// thread that starts the process, so that must be a thread that lives as long as we do. With `user` the process
/// runs as that user, in these groups. With `session` it leads a session of its own, and so a process group,
/// without a terminal. On systems other than Linux, only `user` and `session` matter, and the keeper's own
/// watch must suffice.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn die_with_us(
    command: &mut Command,
    signal: nix::sys::signal::Signal,
    session: bool,
    user: Option<(Uid, Gid, Vec<Gid>)>,
) {
    let parent = nix::unistd::getpid();
    // It makes only system calls: setgroups, setgid, setuid, setsid, prctl and getppid.
    before_exec(command, move || {
        if let Some((uid, gid, groups)) = &user {
            become_user(*uid, *gid, groups)?;
        }
        if session {
            nix::unistd::setsid()?;
        }
        die_with(signal, parent)
    });
}

/// Has the kernel send `signal` to this process as soon as `parent`, which has forked it, dies.
///
/// Errors: the parent is dead already.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn die_with(signal: nix::sys::signal::Signal, parent: nix::unistd::Pid) -> std::io::Result<()> {
    nix::sys::prctl::set_pdeathsig(signal)?;
    // If the parent had died before the line above, the signal would never be sent.
    if nix::unistd::getppid() != parent {
        return Err(std::io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

/// Changes the user and the groups of this process. Errors: it has no right to.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn become_user(uid: Uid, gid: Gid, groups: &[Gid]) -> nix::Result<()> {
    match nix::unistd::setgroups(groups) {
        // In some containers nobody may change groups. Root has all rights without them.
        Err(nix::errno::Errno::EPERM) if uid.is_root() => {}
        set => set?,
    }
    nix::unistd::setgid(gid)?;
    nix::unistd::setuid(uid)
}

/// Makes the process that `command` starts call `work` before it executes the program. If `work` fails, the program is not
/// started. `work` must make system calls only: it must not allocate memory, take a lock or panic, because another
/// thread may have held a lock, such as the allocator's, when the process was forked.
pub(crate) fn before_exec(
    command: &mut Command,
    work: impl FnMut() -> std::io::Result<()> + Send + Sync + 'static,
) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec the closure makes only system calls, as its callers promise (an error of a bare
    // kind, or of a bare number, is not boxed), all of them async-signal-safe in a process with one thread, as the
    // child of a fork is.
    unsafe { command.pre_exec(work) };
}

/// Has the process that `command` starts ignore these signals, unless it handles them itself. Signals that are ignored stay
/// ignored by the program that is executed.
pub(crate) fn ignore(command: &mut Command, signals: &'static [nix::sys::signal::Signal]) {
    use nix::sys::signal::{SigHandler, signal};
    before_exec(command, move || {
        for one in signals {
            // SAFETY: no handler is set, so nothing of ours runs in a signal.
            unsafe { signal(*one, SigHandler::SigIgn) }?;
        }
        Ok(())
    });
}

/// Forks this process, which must have only one thread, as the child of a fork has. The new child must obey the rules of
/// [`before_exec`].
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn fork() -> nix::Result<nix::unistd::ForkResult> {
    // SAFETY: there is no other thread, whose locks the child could find taken for ever.
    unsafe { nix::unistd::fork() }
}

/// Reaps a child of this process if it has ended. Returns its wait status as the kernel gives it, because a signal without a
/// name has no other form.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn reap(child: nix::unistd::Pid) -> Option<i32> {
    let mut status = 0;
    // SAFETY: the status is written to a variable of ours.
    let reaped = unsafe { nix::libc::waitpid(child.as_raw(), &raw mut status, nix::libc::WNOHANG) };
    (reaped > 0).then_some(status)
}

/// Has the kernel reap all children of this process at once when they end.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn reap_unasked() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: no handler is set, so nothing of ours runs in a signal.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) };
}

/// Ends this process, which must have only one thread, in the way that this wait status tells: with the same exit code, or by
/// the same signal, but without dumping core once more.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn end_like(status: i32) -> ! {
    use nix::libc;
    if libc::WIFEXITED(status) {
        exit_at_once(libc::WEXITSTATUS(status));
    }
    let number = libc::WTERMSIG(status);
    let _ = nix::sys::prctl::set_dumpable(false);
    // SAFETY: no handler is set, so nothing of ours runs in a signal.
    unsafe { libc::signal(number, libc::SIG_DFL) };
    let _ = nix::sys::signal::SigSet::all().thread_unblock();
    // SAFETY: this makes one system call. It is not `kill` from nix because some signals have no name there.
    unsafe { libc::raise(number) };
    exit_at_once(255);
}

/// Ends this process at once, without flushing buffers or running exit handlers: those belong to the process that it was
/// forked from.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: _exit makes one system call, and nothing comes after it.
    unsafe { nix::libc::_exit(code) }
}

/// Closes all file descriptors except one, if one is given. The process must not use anything that they belong to afterwards.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn close_all_but(kept: Option<std::os::fd::RawFd>) {
    let kept = kept.unwrap_or(-1);
    let range = |from: i32, to: u32| {
        // SAFETY: as its callers promise, this process does not use what the descriptors belong to any more.
        unsafe { nix::libc::syscall(nix::libc::SYS_close_range, from, to, 0) == 0 }
    };
    let is_closed = (kept < 1 || range(0, kept.cast_unsigned() - 1)) && range(kept + 1, u32::MAX);
    if !is_closed {
        // Linux before 5.9 has no such call. A helper has few files open, so their descriptors are small numbers.
        for fd in (0..1024).filter(|fd| *fd != kept) {
            let _ = nix::unistd::close(fd);
        }
    }
}

/// See the function above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn die_with_us(
    command: &mut Command,
    _: nix::sys::signal::Signal,
    session: bool,
    user: Option<(Uid, Gid, Vec<Gid>)>,
) {
    use std::os::unix::process::CommandExt;
    if session {
        command.process_group(0);
    }
    if let Some((uid, gid, _)) = user {
        command.uid(uid.as_raw()).gid(gid.as_raw());
    }
}

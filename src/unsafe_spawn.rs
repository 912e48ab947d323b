//! The only place with `unsafe`: what a process does between fork and exec, or between fork and its end.
#![cfg_attr(
    any(target_os = "linux", target_os = "android"),
    expect(
        unsafe_code,
        reason = "Command::pre_exec, fork and close_range are unsafe, and a child can ask to die with us only there"
    )
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
fn die_with(signal: nix::sys::signal::Signal, parent: nix::unistd::Pid) -> std::io::Result<()> {
    nix::sys::prctl::set_pdeathsig(signal)?;
    // If the parent had died before the line above, the signal would never be sent.
    if nix::unistd::getppid() != parent {
        return Err(std::io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

/// Makes this process one of a user's, in these groups. Errors: it may not do so.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn become_user(uid: Uid, gid: Gid, groups: &[Gid]) -> nix::Result<()> {
    nix::unistd::setgroups(groups)?;
    nix::unistd::setgid(gid)?;
    nix::unistd::setuid(uid)
}

/// Lets the process that `command` starts call `work` before it becomes the program. If that fails, so does
/// starting the program. `work` must only make system calls: it must not allocate memory, take a lock or panic,
/// because another thread may have held the allocator's lock, or any other, when the process was forked.
#[cfg(any(target_os = "linux", target_os = "android"))]
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

/// Forks this process, which must have one thread only: it is the child of a fork itself. What follows in the child
/// obeys the rules of [`before_exec`].
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn fork() -> nix::Result<nix::unistd::ForkResult> {
    // SAFETY: there is no other thread, whose locks the child could find taken for ever.
    unsafe { nix::unistd::fork() }
}

/// Ends this process without anything that a program does at its end, such as flushing buffers that belong to the
/// process it was forked from.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: _exit makes one system call, and nothing comes after it.
    unsafe { nix::libc::_exit(code) }
}

/// Closes all open files but one, in a process that never again uses what they belong to.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn close_all_but(kept: std::os::fd::RawFd) {
    let range = |from: i32, to: u32| {
        // SAFETY: the process has forked away from the one whose files these are, and uses none of them any more.
        unsafe { nix::libc::syscall(nix::libc::SYS_close_range, from, to, 0) == 0 }
    };
    let is_closed = (kept == 0 || range(0, kept.cast_unsigned() - 1)) && range(kept + 1, u32::MAX);
    if !is_closed {
        // Linux before 5.9. A helper has few files open, and their numbers are small.
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

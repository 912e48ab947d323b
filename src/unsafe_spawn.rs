//! The only place with `unsafe`: what a process that must die with us does between fork and exec.
#![cfg_attr(
    any(target_os = "linux", target_os = "android"),
    expect(
        unsafe_code,
        reason = "Command::pre_exec is unsafe, and only there can a child ask to die with us"
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
    use std::os::unix::process::CommandExt;
    let parent = nix::unistd::getpid();
    let ask = move || {
        if let Some((uid, gid, groups)) = &user {
            nix::unistd::setgroups(groups)?;
            nix::unistd::setgid(*gid)?;
            nix::unistd::setuid(*uid)?;
        }
        if session {
            nix::unistd::setsid()?;
        }
        nix::sys::prctl::set_pdeathsig(signal)?;
        // If we had died before the line above, the signal would never be sent.
        if nix::unistd::getppid() != parent {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes only system calls (setgroups, setgid, setuid, setsid, prctl
    // and getppid), all async-signal-safe in a process with one thread, as the child of a fork is; it takes no lock
    // and allocates nothing (an error of a bare kind is not boxed).
    unsafe { command.pre_exec(ask) };
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

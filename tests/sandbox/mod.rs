//! Throwaway servers with real processes and real kills.

mod commands;
mod data;
mod faults;
mod own;
mod shared;
mod user;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::*;
use pgkit::sandbox::Options;

/// A temporary folder of this test alone, so that what is left in it is of this test; the server's user may
/// pass through it.
struct Place {
    temp: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let temp = tempfile::Builder::new().prefix("pgkit").tempdir_in(temp()).unwrap();
        std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        Place { temp }
    }

    fn options(&self) -> Options {
        let mut options = options(bin());
        options.temp = self.temp.path().to_owned();
        options.linger = std::time::Duration::from_millis(500);
        options
    }

    /// An environment for what takes one.
    fn env(&self) -> impl Fn(&str) -> Option<String> + use<> {
        let temp = self.temp.path().display().to_string();
        move |name| (name == "TMPDIR").then(|| temp.clone())
    }

    fn base(&self) -> PathBuf {
        self.temp.path().join(format!("pgkit-sandbox-{}", nix::unistd::geteuid()))
    }

    /// What lies in the temporary folder.
    fn left(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.temp.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn is_empty_soon(&self) {
        eventually("nothing is left behind", || self.left().is_empty());
    }
}

/// Whether a process runs; a zombie does not.
fn runs(pid: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            !matches!(stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next()), Some('Z' | 'X'))
        }
        Err(_) if cfg!(target_os = "linux") => false,
        Err(_) => nix::sys::signal::kill(pid_of(pid), None).is_ok(),
    }
}

fn pid_of(pid: u32) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(pid.try_into().unwrap())
}

fn kill(pid: u32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(pid_of(pid), signal).unwrap();
}

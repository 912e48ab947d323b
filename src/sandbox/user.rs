//! Chooses the user that the server runs as. PostgreSQL refuses to run as root, so root runs it as a user that
//! runs nothing else: processes of the same user could reach the sandbox, and it could reach theirs.

use std::collections::HashSet;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Exit, Result};

/// The user of a server that root starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Users that systems have for such purposes, in order of preference.
const CANDIDATES: &[&str] =
    &["postgres", "nobody", "_postgres", "games", "news", "uucp", "lp", "proxy", "list", "irc", "mail"];

/// Users that own clusters in distributions.
const CLUSTER_OWNERS: &[&str] = &["postgres", "_postgres"];

/// The time between the two looks at the processes.
const SECOND_LOOK: Duration = Duration::from_millis(20);

/// Chooses the server's user; `None` unless we are root. A user is free if nothing runs under its name except
/// root's sandboxes. A server that runs other people's code never runs as a user that may own clusters, whether
/// those are running or not.
pub(super) fn choose(untrusted: bool) -> Result<Option<Owner>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let candidates = CANDIDATES.iter().filter(|name| !(untrusted && CLUSTER_OWNERS.contains(name)));
    let owner = |name: &&str| {
        let user = nix::unistd::User::from_name(name).ok().flatten()?;
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        (uid != 0).then(|| Owner { name: (*name).to_owned(), uid, gid })
    };
    let candidates: Vec<Owner> = candidates.filter_map(owner).collect();
    let mut busy = busy();
    if candidates.iter().any(|owner| busy.contains(&owner.uid)) {
        // A new process of a sandbox looks like any other until it has entered its folder, which takes an instant. If that
        // changed the choice, two servers that root starts would run as different users, and could not reach each other.
        std::thread::sleep(SECOND_LOOK);
        let still = self::busy();
        busy.retain(|uid| still.contains(uid));
    }
    let free = candidates.into_iter().find(|owner| !busy.contains(&owner.uid));
    match free {
        Some(owner) => Ok(Some(owner)),
        None => Err(Error::new(
            Exit::Unavailable,
            "PostgreSQL cannot run as root, and every user that it could run as already runs other processes",
        )
        .hint("run this as an unprivileged user")),
    }
}

/// Returns the users that have a process which is not part of a sandbox of ours.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn busy() -> HashSet<u32> {
    let mut busy = HashSet::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_pid = entry.file_name().to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit()));
        let Some(status) =
            is_pid.then(|| std::fs::read_to_string(entry.path().join("status")).ok()).flatten()
        else {
            continue;
        };
        let (dead, uids) = owners(&status);
        let is_other = || match std::fs::read_link(entry.path().join("cwd")) {
            Ok(cwd) => !is_sandbox(&cwd),
            // A process that is about to end has no folder any more.
            Err(e) => e.kind() != std::io::ErrorKind::NotFound,
        };
        if !dead && is_other() {
            busy.extend(uids);
        }
    }
    busy
}

/// Returns whether a process with this working folder is part of a sandbox. All processes of a server's user work
/// in its private folder, which only that user and root can enter.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_sandbox(cwd: &Path) -> bool {
    cwd.ancestors().filter(|dir| dir.ends_with(super::server::PRIVATE)).any(|private| {
        let lock = private.with_file_name("lock");
        let base = private.ancestors().nth(2).unwrap_or(private);
        let ours = [lock.as_path(), base].iter().all(|path| super::folder::is_ours(path));
        super::folder::is_base(base) && ours
    })
}

/// Parses `/proc/PID/status`: whether the process is a zombie, and its real, effective and saved user.
#[cfg(any(target_os = "linux", target_os = "android", test))]
fn owners(status: &str) -> (bool, Vec<u32>) {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let dead = matches!(field("State:").trim_start().chars().next(), Some('Z' | 'X'));
    (dead, field("Uid:").split_whitespace().filter_map(|uid| uid.parse().ok()).collect())
}

/// Returns every user that has a process: without `/proc`, all of them count as busy.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn busy() -> HashSet<u32> {
    let ps = std::process::Command::new("ps").args(["-A", "-o", "uid="]).output();
    let uids = ps.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    uids.split_whitespace().filter_map(|uid| uid.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_belongs_to_all_its_user_ids() {
        let status = "Name:\tx\nState:\tS (sleeping)\nUid:\t0\t101\t101\t101\nGid:\t0\t0\t0\t0\n";
        assert_eq!(owners(status), (false, vec![0, 101, 101, 101]));
        assert!(owners("State:\tZ (zombie)\nUid:\t5\t5\t5\t5\n").0);
    }
}

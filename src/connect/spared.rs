//! The children that this process needs: ssh, commands that print passwords, and what contains the programs of jobs.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::unistd::Pid;

static RUNNING: Mutex<BTreeSet<Pid>> = Mutex::new(BTreeSet::new());

fn running() -> MutexGuard<'static, BTreeSet<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the children that this process needs. Whoever kills or reaps children must spare them and their children.
pub fn spared() -> BTreeSet<Pid> {
    running().clone()
}

/// Keeps a child spared until this is dropped.
#[derive(Debug)]
pub(crate) struct Spared(Pid);

impl Spared {
    /// Registers a child.
    pub(crate) fn new(pid: Pid) -> Spared {
        running().insert(pid);
        Spared(pid)
    }
}

impl Drop for Spared {
    fn drop(&mut self) {
        running().remove(&self.0);
    }
}

//! What is known of each process, to put together what the server writes apart.

use super::entry::Entry;
use super::names::{Hashed, hash};
use super::tally::Spread;

/// Of how many processes something is kept; of those that are idle, nothing is kept beyond that.
const MOST: usize = 50_000;
/// Up to how many processes the texts of running statements are kept, and how long they may be in bytes.
const WITH_TEXTS: usize = 4_000;
const LONGEST: usize = 16 << 10;

/// What a process does, as far as the log tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Running {
    /// Nothing, or what it does was not logged.
    #[default]
    Nothing,
    /// The statement with this fingerprint was logged, but not its duration so far.
    Statement(u64),
    /// More rows of the statement with this fingerprint are fetched.
    Fetch(u64),
    /// A statement of pgkit, or one that is not wanted.
    Unwanted,
}

/// A process.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// What tells it apart from another process with the same pid: see [`identity`].
    identity: Option<u64>,
    pub running: Running,
    /// When its statement was logged.
    pub begun: Option<i64>,
    /// The last statement, which may have ended.
    pub last: Option<u64>,
    /// Its text and its parameters, while it runs.
    pub sql: Vec<u8>,
    pub parameters: Vec<u8>,
    /// The bytes of temporary files whose statement was not logged so far.
    pub files: Spread,
    /// The same of processes before it with the same pid: their statements will not come.
    lost: Spread,
    /// The wait for a lock that goes on, and how long it has taken so far, in milliseconds.
    pub wait: Option<(u64, f64)>,
    /// The host that it was connected from, and its connection.
    pub host: Option<u32>,
    pub connection: Option<u64>,
}

impl Session {
    /// Notes that a statement began at this time. Its text and its parameters are kept unless they are long.
    pub fn begin(&mut self, time: Option<i64>, running: Running, (sql, parameters): (&[u8], &[u8])) {
        self.running = running;
        self.begun = time;
        if let Running::Statement(fingerprint) = running {
            self.last = Some(fingerprint);
        }
        self.sql.clear();
        self.parameters.clear();
        if sql.len() + parameters.len() <= LONGEST {
            self.sql.extend_from_slice(sql);
            self.parameters.extend_from_slice(parameters);
        }
    }

    /// Begins anew if the entry is of another process with the same pid.
    fn is_of(&mut self, entry: &Entry<'_>) {
        let identity = identity(entry);
        if identity.is_some() && identity != self.identity {
            if self.identity.is_some() {
                let lost = self.left();
                *self = Session { lost, ..Session::default() };
            }
            self.identity = identity;
        }
    }

    /// Returns the temporary files whose statement does not come any more if the process has ended.
    fn left(&self) -> Spread {
        let mut left = self.lost;
        left.merge(&self.files);
        left
    }

    fn is_idle(&self) -> bool {
        self.running == Running::Nothing
            && self.wait.is_none()
            && self.files.count == 0
            && self.connection.is_none()
    }
}

/// All processes, by their pid.
#[derive(Debug, Default)]
pub struct Sessions {
    all: Hashed<Session>,
}

/// Returns what tells processes with the same pid apart: the session ID, or the role and the database; `None` if the entry has
/// none of them.
fn identity(entry: &Entry<'_>) -> Option<u64> {
    if !entry.session.is_empty() {
        Some(hash(entry.session))
    } else if !entry.user.is_empty() {
        Some(hash(entry.user) ^ hash(entry.database).rotate_left(1))
    } else {
        None
    }
}

/// Spreads the pids over all bits, as a hash does.
fn key(pid: i64) -> u64 {
    (pid as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Sessions {
    /// Returns the process of an entry, if something is known of it.
    pub fn known(&mut self, entry: &Entry<'_>) -> Option<&mut Session> {
        let session = self.all.get_mut(&key(entry.pid?))?;
        session.is_of(entry);
        Some(session)
    }

    /// Returns the process with this pid, if something is known of it.
    pub fn with_pid(&self, pid: Option<i64>) -> Option<&Session> {
        self.all.get(&key(pid?))
    }

    /// Returns the process of an entry; `None` if the log has no pid, so that its entries cannot be put together.
    pub fn of(&mut self, entry: &Entry<'_>) -> Option<&mut Session> {
        let key = key(entry.pid?);
        if self.all.len() >= MOST && !self.all.contains_key(&key) {
            self.all.retain(|_, session| !session.is_idle());
            if self.all.len() >= MOST {
                self.all.clear();
            }
        }
        let session = self.all.entry(key).or_default();
        session.is_of(entry);
        Some(session)
    }

    /// Returns whether texts of running statements are kept.
    pub fn has_room(&self) -> bool {
        self.all.len() <= WITH_TEXTS
    }

    /// Forgets a process that has ended. Returns its temporary files whose statement was not logged.
    pub fn end(&mut self, pid: Option<i64>) -> Spread {
        let session = pid.and_then(|pid| self.all.remove(&key(pid)));
        session.map(|session| session.left()).unwrap_or_default()
    }

    /// Forgets all processes. Returns their temporary files whose statement was not logged.
    pub fn end_all(&mut self) -> Spread {
        let mut left = Spread::default();
        self.all.drain().for_each(|(_, session)| left.merge(&session.left()));
        left
    }
}

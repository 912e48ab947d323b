//! Keeps the state of each process, to connect entries that belong together, such as a statement and its duration.

use super::entry::Entry;
use super::names::{Hashed, hash};
use super::tally::{Seen, Spread};

/// The largest number of processes that are kept. If there are more, the idle ones are forgotten.
const MOST: usize = 50_000;
/// The texts of running statements are kept for up to this many processes, if they are not longer than [`LONGEST`]
/// bytes.
const WITH_TEXTS: usize = 4_000;
const LONGEST: usize = 16 << 10;
/// How many different statements are remembered as recently called in a session.
const RECENT: usize = 4;

/// What a process is running, according to the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Running {
    /// Nothing, or something that was not logged.
    #[default]
    Nothing,
    /// The statement with this fingerprint, whose duration has not been logged so far.
    Statement(u64),
    /// A fetch of more rows of the statement with this fingerprint.
    Fetch(u64),
    /// A statement of pgkit or one that the pattern excludes, or the parsing or binding of a statement.
    Unwanted,
}

/// Temporary files whose statement is not known: their sizes in bytes, and when they were logged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unclaimed {
    pub bytes: Spread,
    pub seen: Seen,
}

impl Unclaimed {
    /// Creates one file.
    pub fn file(bytes: u64, time: Option<i64>) -> Unclaimed {
        let mut file = Unclaimed::default();
        file.bytes.add(bytes as f64);
        file.seen.at(time);
        file
    }

    /// Adds other files.
    pub fn merge(&mut self, other: &Unclaimed) {
        self.bytes.merge(&other.bytes);
        self.seen.merge(&other.seen);
    }

    /// Returns whether all files were logged while a statement ran that ended at `end` and took this many milliseconds,
    /// as far as times are known.
    pub fn are_of(&self, end: Option<i64>, ms: f64) -> bool {
        // The times of a log may have no fractions of a second.
        let since = |end: i64| end - (ms * 1e3) as i64 - 1_000_000;
        match (self.seen.first, end) {
            (Some(first), Some(end)) => first >= since(end),
            _ => true,
        }
    }
}

/// The state of a process.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Distinguishes the process from others with the same pid: see [`identity`].
    identity: Option<u64>,
    pub running: Running,
    /// When the running statement was logged.
    pub begun: Option<i64>,
    /// The fingerprint of the last statement, which may have ended.
    pub last: Option<u64>,
    /// The fingerprints of the statements that were called recently.
    recent: [u64; RECENT],
    /// How long the last call has taken so far, in milliseconds.
    pub call_ms: f64,
    /// The text and the parameters of the running statement.
    pub sql: Vec<u8>,
    pub parameters: Vec<u8>,
    /// The temporary files whose statement has not been logged so far.
    pub files: Unclaimed,
    /// The last statement, if it has failed and no other has begun since; `Some(None)` if its text is not known. The temporary files
    /// of a failed statement are logged after its error, without the statement.
    pub failed: Option<Option<u64>>,
    /// The temporary files of earlier processes with the same pid, whose statements were never logged.
    lost: Unclaimed,
    /// The key of the lock's row that the process waits for, and how long it has waited so far, in milliseconds.
    pub wait: Option<(u64, f64)>,
    /// The number of the client host's name, and the key of the connection's row.
    pub host: Option<u32>,
    pub connection: Option<u64>,
}

impl Session {
    /// Notes a call of a statement that took this many milliseconds.
    pub fn called(&mut self, fingerprint: u64, ms: f64) {
        self.call_ms = ms;
        if !self.has_called(fingerprint) {
            self.recent.rotate_right(1);
            self.recent[0] = fingerprint;
        }
    }

    /// Returns whether the statement was called recently, so that more of its rows may be fetched.
    pub fn has_called(&self, fingerprint: u64) -> bool {
        self.recent.contains(&fingerprint)
    }

    /// Notes that a statement began at this time. Its text and its parameters are kept unless they are long.
    pub fn begin(&mut self, time: Option<i64>, running: Running, (sql, parameters): (&[u8], &[u8])) {
        self.running = running;
        self.begun = time;
        self.failed = None;
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

    /// Resets the state if the entry is of another process with the same pid.
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

    /// Returns all temporary files whose statement was not logged.
    fn left(&self) -> Unclaimed {
        let mut left = self.lost;
        left.merge(&self.files);
        left
    }

    fn is_idle(&self) -> bool {
        self.running == Running::Nothing
            && self.wait.is_none()
            && self.files.bytes.count == 0
            && self.connection.is_none()
    }
}

/// All processes, by their pid.
#[derive(Debug, Default)]
pub struct Sessions {
    all: Hashed<Session>,
}

/// Returns what distinguishes processes with the same pid: the hash of the session ID, or of the role and the database;
/// `None` if the entry has none of them.
fn identity(entry: &Entry<'_>) -> Option<u64> {
    if !entry.session.is_empty() {
        Some(hash(entry.session))
    } else if !entry.user.is_empty() {
        Some(hash(entry.user) ^ hash(entry.database).rotate_left(1))
    } else {
        None
    }
}

/// Returns the key of a pid. The bits of the pid are mixed, because [`Hashed`] takes hashes as keys.
fn key(pid: i64) -> u64 {
    (pid as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Sessions {
    /// Returns the state of the process that wrote an entry, if the process is known.
    pub fn known(&mut self, entry: &Entry<'_>) -> Option<&mut Session> {
        let session = self.all.get_mut(&key(entry.pid?))?;
        session.is_of(entry);
        Some(session)
    }

    /// Returns the state of the process with this pid, if the process is known.
    pub fn with_pid(&self, pid: Option<i64>) -> Option<&Session> {
        self.all.get(&key(pid?))
    }

    /// Returns the state of the process that wrote an entry, which is created if the process is new; `None` if the
    /// entry has no pid.
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

    /// Returns whether the number of processes is small enough to keep the texts of their statements.
    pub fn has_room(&self) -> bool {
        self.all.len() <= WITH_TEXTS
    }

    /// Forgets a process that has ended. Returns its temporary files whose statement was not logged.
    pub fn end(&mut self, pid: Option<i64>) -> Unclaimed {
        let session = pid.and_then(|pid| self.all.remove(&key(pid)));
        session.map(|session| session.left()).unwrap_or_default()
    }

    /// Forgets all processes. Returns their temporary files whose statement was not logged.
    pub fn end_all(&mut self) -> Unclaimed {
        let mut left = Unclaimed::default();
        self.all.drain().for_each(|(_, session)| left.merge(&session.left()));
        left
    }
}

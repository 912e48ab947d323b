//! The rows of all sections except `statements`, as they are kept while the log is read.

use super::names::{Few, OTHERS};
use super::tally::{Seen, Spread};

/// A row of a section.
pub trait Kept {
    /// Creates the row that stands for all rows beyond the limit.
    fn others() -> Self;
    /// Returns the number by which rows are sorted, the largest first.
    fn weight(&self) -> f64;
    /// Returns the sums of this row, which the overview adds up.
    fn sums(&self) -> Sums;
}

/// The sums of a section, which the overview shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sums {
    /// The number of rows.
    pub rows: usize,
    pub count: u64,
    /// Milliseconds, if the section has durations.
    pub total_ms: Option<f64>,
    pub bytes: Option<f64>,
    pub seen: Seen,
    /// The main text of the heaviest row, such as its statement or message.
    pub top: Box<[u8]>,
}

impl Sums {
    /// Creates the sums of one row.
    fn of(count: u64, seen: Seen, top: &[u8]) -> Sums {
        Sums { rows: 1, count, seen, top: top.into(), ..Sums::default() }
    }

    fn ms(self, ms: f64) -> Sums {
        Sums { total_ms: Some(ms), ..self }
    }

    fn bytes(self, bytes: f64) -> Sums {
        Sums { bytes: Some(bytes), ..self }
    }

    /// Adds the sums of a row that is lighter than the ones before.
    pub fn add(&mut self, other: &Sums) {
        let sum = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        self.rows += other.rows;
        self.count += other.count;
        self.total_ms = sum(self.total_ms, other.total_ms);
        self.bytes = sum(self.bytes, other.bytes);
        self.seen.merge(&other.seen);
    }
}

/// Errors or warnings with the same severity, SQLSTATE and message. The data in the message may differ.
#[derive(Debug, Clone, Default)]
pub struct Errors {
    pub severity: Box<[u8]>,
    pub sqlstate: Box<[u8]>,
    pub message: Box<[u8]>,
    pub count: u64,
    pub seen: Seen,
    pub users: Few,
    pub applications: Few,
    pub databases: Few,
    /// The whole message of the first one. Its detail, hint and statement follow.
    pub example: Box<[u8]>,
    pub detail: Box<[u8]>,
    pub hint: Box<[u8]>,
    pub statement: Box<[u8]>,
}

impl Kept for Errors {
    fn others() -> Errors {
        Errors { message: OTHERS.into(), ..Errors::default() }
    }

    fn weight(&self) -> f64 {
        self.count as f64
    }

    fn sums(&self) -> Sums {
        Sums::of(self.count, self.seen, &self.message)
    }
}

/// Temporary files of one statement.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The normalized text; empty if the statement is not known.
    pub statement: Box<[u8]>,
    pub bytes: Spread,
    pub seen: Seen,
}

impl Kept for Files {
    fn others() -> Files {
        Files { statement: OTHERS.into(), ..Files::default() }
    }

    fn weight(&self) -> f64 {
        self.bytes.total
    }

    fn sums(&self) -> Sums {
        Sums::of(self.bytes.count, self.seen, &self.statement).bytes(self.bytes.total)
    }
}

/// Waits for locks, or deadlocks, with the same lock mode, object and statements.
#[derive(Debug, Clone, Default)]
pub struct Locks {
    pub kind: &'static str,
    pub mode: Box<[u8]>,
    pub on: Box<[u8]>,
    pub statement: Box<[u8]>,
    /// The statement that held the lock, if it is known.
    pub holder: Box<[u8]>,
    pub count: u64,
    pub total_ms: f64,
    pub most_ms: f64,
    pub seen: Seen,
    /// The whole detail of the first wait or deadlock.
    pub example: Box<[u8]>,
}

impl Kept for Locks {
    fn others() -> Locks {
        Locks { kind: "(others)", ..Locks::default() }
    }

    fn weight(&self) -> f64 {
        // Deadlocks come first, because each has aborted a transaction. No log has as many milliseconds of waits.
        if self.kind == "deadlock" { 1e15 + self.count as f64 } else { self.total_ms }
    }

    fn sums(&self) -> Sums {
        Sums::of(self.count, self.seen, &self.statement).ms(self.total_ms)
    }
}

/// What autovacuum did with one table.
#[derive(Debug, Clone, Default)]
pub struct Vacuums {
    pub table: Box<[u8]>,
    pub vacuums: u64,
    pub aggressive: u64,
    pub analyzes: u64,
    /// The durations of vacuums and analyzes, in milliseconds.
    pub time: Spread,
    pub pages_removed: u64,
    pub tuples_removed: u64,
    /// The tuples that the last vacuum found dead but not yet removable.
    pub tuples_dead: Option<u64>,
    pub seen: Seen,
}

impl Kept for Vacuums {
    fn others() -> Vacuums {
        Vacuums { table: OTHERS.into(), ..Vacuums::default() }
    }

    fn weight(&self) -> f64 {
        self.time.total
    }

    fn sums(&self) -> Sums {
        Sums::of(self.vacuums + self.analyzes, self.seen, &self.table).ms(self.time.total)
    }
}

/// Checkpoints, or restartpoints, with the same reason.
#[derive(Debug, Clone, Default)]
pub struct Checkpoints {
    pub kind: &'static str,
    pub reason: Box<[u8]>,
    pub started: u64,
    pub buffers: u64,
    pub write_ms: f64,
    pub sync_ms: f64,
    /// The durations of those that completed, in milliseconds.
    pub time: Spread,
    pub wal_bytes: u64,
    pub seen: Seen,
}

impl Kept for Checkpoints {
    fn others() -> Checkpoints {
        Checkpoints { kind: "(others)", ..Checkpoints::default() }
    }

    fn weight(&self) -> f64 {
        self.started.max(self.time.count) as f64
    }

    fn sums(&self) -> Sums {
        let count = self.started.max(self.time.count);
        Sums::of(count, self.seen, &self.reason).ms(self.time.total).bytes(self.wal_bytes as f64)
    }
}

/// Connections of one role to one database by one application from one host.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    pub user: Option<u32>,
    pub database: Option<u32>,
    pub application: Option<u32>,
    pub host: Option<u32>,
    pub count: u64,
    pub failed: u64,
    /// The lengths of the sessions that have ended, in milliseconds.
    pub time: Spread,
    pub seen: Seen,
}

impl Kept for Connections {
    fn others() -> Connections {
        Connections::default()
    }

    fn weight(&self) -> f64 {
        (self.count + self.failed) as f64
    }

    fn sums(&self) -> Sums {
        Sums::of(self.count, self.seen, b"").ms(self.time.total)
    }
}

/// Events of one kind with the same message. The data in the message may differ.
#[derive(Debug, Clone, Default)]
pub struct Events {
    pub kind: &'static str,
    pub message: Box<[u8]>,
    pub count: u64,
    pub seen: Seen,
    /// The whole message of the last one, and its statement.
    pub example: Box<[u8]>,
    pub statement: Box<[u8]>,
}

impl Kept for Events {
    fn others() -> Events {
        Events { kind: "(others)", ..Events::default() }
    }

    fn weight(&self) -> f64 {
        // The latest events come first, because readers look for what happened last.
        self.seen.last.unwrap_or_default() as f64
    }

    fn sums(&self) -> Sums {
        Sums::of(self.count, self.seen, &self.example)
    }
}

/// Plans of one statement with the same nodes.
#[derive(Debug, Clone, Default)]
pub struct Plans {
    pub fingerprint: u64,
    pub statement: Box<[u8]>,
    /// The hash of the nodes.
    pub shape: u64,
    /// The durations, in milliseconds.
    pub time: Spread,
    /// How many rows the topmost nodes of all these plans returned, if that was measured.
    pub rows: Option<u64>,
    pub seen: Seen,
    /// The text of the slowest plan, and its parameters.
    pub plan: Box<[u8]>,
    pub parameters: Box<[u8]>,
}

impl Kept for Plans {
    fn others() -> Plans {
        Plans { statement: OTHERS.into(), ..Plans::default() }
    }

    fn weight(&self) -> f64 {
        self.time.total
    }

    fn sums(&self) -> Sums {
        Sums::of(self.time.count, self.seen, &self.statement).ms(self.time.total)
    }
}

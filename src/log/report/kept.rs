//! What is kept of each section but the statements: the rows before they are printed.

use super::names::Few;
use super::tally::{Seen, Spread};

/// What stands for all rows beyond the bound.
pub const OTHERS: &[u8] = b"(others)";

/// Errors with the same SQLSTATE and the same message but for the data in it.
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
    /// The first of them.
    pub example: Box<[u8]>,
    pub detail: Box<[u8]>,
    pub hint: Box<[u8]>,
    pub statement: Box<[u8]>,
}

/// Temporary files of one statement.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The normalized text; empty if it is not known.
    pub statement: Box<[u8]>,
    pub bytes: Spread,
    pub seen: Seen,
}

/// Waits of one statement for one kind of lock, or deadlocks.
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
    /// The whole detail of the first.
    pub example: Box<[u8]>,
}

/// What autovacuum did with one table.
#[derive(Debug, Clone, Default)]
pub struct Vacuums {
    pub table: Box<[u8]>,
    pub vacuums: u64,
    pub aggressive: u64,
    pub analyzes: u64,
    /// Milliseconds.
    pub time: Spread,
    pub pages_removed: u64,
    pub tuples_removed: u64,
    /// Of the last vacuum.
    pub tuples_dead: Option<u64>,
    pub seen: Seen,
}

/// Checkpoints or restartpoints with the same reason.
#[derive(Debug, Clone, Default)]
pub struct Checkpoints {
    pub kind: &'static str,
    pub reason: Box<[u8]>,
    pub started: u64,
    pub buffers: u64,
    pub write_ms: f64,
    pub sync_ms: f64,
    /// Milliseconds.
    pub time: Spread,
    pub wal_bytes: u64,
    pub seen: Seen,
}

/// Connections of one role to one database, of one application from one host.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    pub user: Option<u32>,
    pub database: Option<u32>,
    pub application: Option<u32>,
    pub host: Option<u32>,
    pub count: u64,
    pub failed: u64,
    /// Milliseconds of those that have ended.
    pub time: Spread,
    pub seen: Seen,
}

/// Events of one kind with the same message but for the data in it.
#[derive(Debug, Clone, Default)]
pub struct Events {
    pub kind: &'static str,
    pub message: Box<[u8]>,
    pub count: u64,
    pub seen: Seen,
    /// The last of them, and its statement.
    pub example: Box<[u8]>,
    pub statement: Box<[u8]>,
}

/// Plans of one statement with the same nodes.
#[derive(Debug, Clone, Default)]
pub struct Plans {
    pub fingerprint: u64,
    pub statement: Box<[u8]>,
    pub shape: u64,
    /// Milliseconds.
    pub time: Spread,
    pub rows: Option<u64>,
    pub seen: Seen,
    /// The slowest one.
    pub plan: Box<[u8]>,
    pub parameters: Box<[u8]>,
}

//! The demonstration: several sessions try to lock the same row at the same moment, in each of four ways.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::error::{Error, Result};
use crate::session::Writer;

/// How often the session that has the row checks whether all sessions are still there.
const PULSE: Duration = Duration::from_millis(100);

/// A way to get a row that another session may have locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Fail at once.
    NoWait,
    /// Wait, then read what the other session has committed.
    ForUpdate,
    /// Skip the row.
    SkipLocked,
    /// Wait, then overwrite what the other session has written.
    Update,
}

impl Way {
    /// All ways, in the order in which they are shown.
    pub const ALL: [Way; 4] = [Way::NoWait, Way::ForUpdate, Way::SkipLocked, Way::Update];

    pub const fn name(self) -> &'static str {
        match self {
            Way::NoWait => "NOWAIT",
            Way::ForUpdate => "FOR UPDATE",
            Way::SkipLocked => "SKIP LOCKED",
            Way::Update => "UPDATE",
        }
    }

    /// Returns the statement that every session sends.
    pub const fn statement(self) -> &'static str {
        match self {
            Way::NoWait => "SELECT ongoing FROM crontabber WHERE app_name = 'my-app' FOR UPDATE NOWAIT",
            Way::ForUpdate => "SELECT ongoing FROM crontabber WHERE app_name = 'my-app' FOR UPDATE",
            Way::SkipLocked => {
                "SELECT ongoing FROM crontabber WHERE app_name = 'my-app' FOR UPDATE SKIP LOCKED"
            }
            Way::Update => {
                "UPDATE crontabber SET ongoing = now() WHERE app_name = 'my-app' RETURNING ongoing"
            }
        }
    }
}

/// The result of a session's statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Got {
    /// The session has the row locked until it commits.
    Row,
    /// No row, and no error.
    Nothing,
    /// The server reported an error.
    Refused(Error),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The way of the current round.
    pub way: Way,
    /// The time since the round began.
    pub at: Duration,
    /// The number of the session, counted from 0.
    pub session: usize,
    /// The statement that the session sent.
    pub statement: &'static str,
    /// The result of the statement, and how long it took; `None` if it has just been sent.
    pub got: Option<(Got, Duration)>,
}

/// The callback that gets the events as they happen.
pub type EventSink<'a> = &'a RefCell<dyn FnMut(Event) + 'a>;

/// Runs one round: all sessions send the same statement at the same moment, and each session that gets the row
/// keeps it for `hold`.
pub async fn round(sessions: &[Writer], way: Way, hold: Duration, tell: EventSink<'_>) -> Result<()> {
    // All sessions begin their transactions beforehand, so that each sends just one statement at that moment.
    try_join_all(sessions.iter().map(|session| session.run("BEGIN"))).await?;
    let start = Instant::now();
    let each = (0..sessions.len()).map(|number| one(sessions, number, way, hold, start, tell));
    try_join_all(each).await.map(drop)
}

async fn one(
    sessions: &[Writer],
    number: usize,
    way: Way,
    hold: Duration,
    start: Instant,
    tell: EventSink<'_>,
) -> Result<()> {
    let session = &sessions[number];
    let event = |statement: &'static str, got: Option<(Got, Duration)>| {
        let mut tell = tell.borrow_mut();
        tell(Event { way, at: start.elapsed(), session: number, statement, got });
    };
    let sent = Instant::now();
    event(way.statement(), None);
    let got = match session.bytes(way.statement(), &[]).await {
        Ok(rows) if rows.is_empty() => Got::Nothing,
        Ok(_) => Got::Row,
        Err(e) if e.sqlstate.is_some() => Got::Refused(e),
        Err(e) => return Err(e),
    };
    let end = if matches!(got, Got::Refused(_)) { "ROLLBACK" } else { "COMMIT" };
    let has_it = got == Got::Row;
    event(way.statement(), Some((got, sent.elapsed())));
    let since = Instant::now();
    while has_it && since.elapsed() < hold && !sessions.iter().any(Writer::is_lost) {
        tokio::time::sleep(PULSE.min(hold - since.elapsed().min(hold))).await;
    }
    // This releases the row, if the session had it.
    event(end, None);
    session.run(end).await
}

//! The demonstration: several sessions go for the same row at the same moment, in each of four ways.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::error::{Error, Result};
use crate::session::Writer;

/// How often whoever has the row looks whether all sessions are still there.
const PULSE: Duration = Duration::from_millis(100);

/// A way to go for a row that somebody else may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// An error at once.
    NoWait,
    /// Wait, then read what the other has made of it.
    ForUpdate,
    /// Go without.
    SkipLocked,
    /// Wait, then write over what the other has written.
    Update,
}

impl Way {
    /// In the order in which they are shown.
    pub const ALL: [Way; 4] = [Way::NoWait, Way::ForUpdate, Way::SkipLocked, Way::Update];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Way::NoWait => "NOWAIT",
            Way::ForUpdate => "FOR UPDATE",
            Way::SkipLocked => "SKIP LOCKED",
            Way::Update => "UPDATE",
        }
    }

    /// What every session sends.
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

/// What a session got for a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Got {
    /// The row is its own until it commits.
    Row,
    /// No row, and no error.
    Nothing,
    /// The server refused.
    Refused(Error),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// In which round.
    pub way: Way,
    /// How long after the round began.
    pub at: Duration,
    /// Which session, from 0.
    pub session: usize,
    /// What it sent.
    pub statement: &'static str,
    /// What it got for it, and after how long; `None` when it has just sent it.
    pub got: Option<(Got, Duration)>,
}

/// Whoever is told of events as they happen.
pub type Tell<'a> = &'a RefCell<dyn FnMut(Event) + 'a>;

/// One round: all sessions send the same at the same moment; whoever gets the row keeps it for `hold`.
pub async fn round(sessions: &[Writer], way: Way, hold: Duration, tell: Tell<'_>) -> Result<()> {
    // In a transaction already when it begins: then all of them send one thing at that moment.
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
    tell: Tell<'_>,
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
    // It lets the row go, if it had it.
    event(end, None);
    session.run(end).await
}

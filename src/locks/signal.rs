//! Cancels statements and terminates sessions, and checks whether they are gone.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::session::{Value, Writer};

/// Describes the sessions. `$1`: their pids.
const SESSIONS: &str = include_str!("../../queries/locks/sessions.sql");
/// These check and signal in one statement, so that a pid cannot pass to another session in between.
const CANCEL: &str = include_str!("../../queries/locks/cancel.sql");
const TERMINATE: &str = include_str!("../../queries/locks/terminate.sql");

/// How often to check whether they are gone.
const PAUSE: Duration = Duration::from_millis(50);

/// What is done to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Cancel its statement; the session and its transaction stay.
    Cancel,
    Terminate,
}

impl How {
    /// Returns the command's name.
    pub const fn name(self) -> &'static str {
        match self {
            How::Cancel => "cancel",
            How::Terminate => "terminate",
        }
    }
}

/// A session, as far as the role may see it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub pid: i32,
    /// The role.
    pub user: Option<String>,
    /// The application name; for a process that is not a client's, its type.
    pub application: Option<String>,
    /// `active`, `idle in transaction` …
    pub state: Option<String>,
    /// When the session began, in microseconds since 1970.
    pub backend_start: Option<i64>,
    /// When its last statement began.
    pub query_start: Option<i64>,
    /// How long it has been in a transaction, in seconds.
    pub transaction_s: Option<f64>,
    /// Its last statement, on one line.
    pub statement: Option<String>,
}

impl Session {
    /// Returns whether it is running a statement.
    fn is_active(&self) -> bool {
        matches!(self.state.as_deref(), Some("active" | "fastpath function call"))
    }

    /// Returns whether what was signalled is still there, according to a later look at the same pid.
    fn is_left(&self, how: How, now: &Session) -> bool {
        self.backend_start == now.backend_start
            && (how == How::Terminate || (now.is_active() && now.query_start == self.query_start))
    }
}

/// The outcome for a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// There is no session with this pid.
    Missing,
    /// The role may not see when the session began, so it cannot be told from another one with the same pid.
    Hidden,
    /// The session is not running a statement that could be cancelled.
    Idle,
    /// The session, or its statement, ended before it was signalled.
    AlreadyGone,
    /// The session has ended, begun another statement or changed its state since it was looked at.
    MovedOn,
    /// The server refused.
    Refused(Error),
    /// The session, or its statement, ended this long after the signal.
    Gone(Duration),
    /// The signal was sent, without waiting for its effect.
    Sent,
    /// The signal was sent, but the session or its statement is still there.
    Left,
}

/// Returns the sessions with these pids, in this order; `None` if there is no such session.
pub async fn look(writer: &Writer, pids: &[i32]) -> Result<Vec<(i32, Option<Session>)>> {
    let numbers = pids.iter().map(|pid| Some(pid.to_string())).collect();
    let found: Vec<Session> = writer.structs(SESSIONS, &[Value::TextList(numbers)]).await?;
    Ok(pids.iter().map(|pid| (*pid, found.iter().find(|s| s.pid == *pid).cloned())).collect())
}

/// Returns why a session cannot be signalled, as far as that is known beforehand; `None` if it can be.
pub fn obstacle(how: How, session: Option<&Session>) -> Option<Fate> {
    match session {
        None => Some(Fate::Missing),
        Some(session) if session.backend_start.is_none() => Some(Fate::Hidden),
        Some(session) if how == How::Cancel && !session.is_active() => Some(Fate::Idle),
        Some(_) => None,
    }
}

/// Whether the server reports that it has sent the signal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    sent: bool,
}

/// Signals one session. `None` means that the effect is still to be seen.
async fn send(writer: &Writer, how: How, is_strict: bool, session: &Session) -> Result<Option<Fate>> {
    let number = |n: Option<i64>| Value::Int8(n.unwrap_or_default());
    let mut values = vec![Value::Int8(session.pid.into()), number(session.backend_start)];
    let sql = match how {
        How::Terminate => {
            values.push(Value::Bool(is_strict));
            values.push(Value::Text(session.state.clone().unwrap_or_default()));
            TERMINATE
        }
        How::Cancel => CANCEL,
    };
    values.push(number(session.query_start));
    match writer.structs::<Answer>(sql, &values).await {
        Ok(answers) => Ok(match answers.first() {
            None if is_strict => Some(Fate::MovedOn),
            None => Some(Fate::AlreadyGone),
            Some(Answer { sent: true }) => None,
            // The server only warns, and goes on: sessions cannot signal its own processes.
            Some(Answer { sent: false }) => Some(Fate::Refused(Error::new(
                crate::error::Exit::BadAnswer,
                "the server does not signal this process",
            ))),
        }),
        Err(e) if e.sqlstate.is_some() => Ok(Some(Fate::Refused(e))),
        Err(e) => Err(e),
    }
}

/// Signals the sessions that can be signalled, then waits until all of them are gone, or for this long. If `is_strict`,
/// a session that no longer does what it did is spared.
pub async fn run(
    writer: &Writer,
    how: How,
    is_strict: bool,
    sessions: &[(i32, Option<Session>)],
    patience: Duration,
) -> Result<Vec<Fate>> {
    let mut fates: Vec<Option<Fate>> = Vec::new();
    for (_, session) in sessions {
        fates.push(match (obstacle(how, session.as_ref()), session) {
            (None, Some(session)) => send(writer, how, is_strict, session).await?,
            (fate, _) => fate,
        });
    }
    let start = Instant::now();
    loop {
        let waited_for: Vec<i32> = sessions
            .iter()
            .zip(&fates)
            .filter(|(_, fate)| fate.is_none())
            .map(|((pid, _), _)| *pid)
            .collect();
        if waited_for.is_empty() || patience.is_zero() {
            break;
        }
        let now = look(writer, &waited_for).await?;
        let waited = start.elapsed();
        for ((pid, session), fate) in sessions.iter().zip(&mut fates) {
            let now = now.iter().find(|(p, _)| p == pid).and_then(|(_, now)| now.as_ref());
            let left = session.as_ref().zip(now).is_some_and(|(was, now)| was.is_left(how, now));
            if fate.is_none() && !left {
                *fate = Some(Fate::Gone(waited));
            }
        }
        if waited >= patience || fates.iter().all(Option::is_some) {
            break;
        }
        tokio::time::sleep(PAUSE.min(patience - waited)).await;
    }
    let rest = if patience.is_zero() { Fate::Sent } else { Fate::Left };
    Ok(fates.into_iter().map(|fate| fate.unwrap_or_else(|| rest.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(state: &str, backend_start: Option<i64>, query_start: i64) -> Session {
        Session {
            pid: 7,
            user: None,
            application: None,
            state: Some(state.to_owned()),
            backend_start,
            query_start: Some(query_start),
            transaction_s: None,
            statement: None,
        }
    }

    #[test]
    fn who_can_be_signalled_is_known_before() {
        let active = session("active", Some(1), 2);
        let idle = session("idle in transaction", Some(1), 2);
        let hidden = session("active", None, 2);
        assert_eq!(obstacle(How::Cancel, None), Some(Fate::Missing));
        assert_eq!(obstacle(How::Terminate, Some(&hidden)), Some(Fate::Hidden));
        assert_eq!(obstacle(How::Cancel, Some(&idle)), Some(Fate::Idle));
        assert_eq!(obstacle(How::Terminate, Some(&idle)), None);
        assert_eq!(obstacle(How::Cancel, Some(&active)), None);
    }

    #[test]
    fn a_number_that_was_given_to_another_session_is_not_the_same_one() {
        let was = session("active", Some(1), 2);
        assert!(was.is_left(How::Terminate, &session("idle", Some(1), 9)));
        assert!(!was.is_left(How::Terminate, &session("active", Some(5), 2)));
        assert!(was.is_left(How::Cancel, &session("active", Some(1), 2)));
        assert!(!was.is_left(How::Cancel, &session("active", Some(1), 3)));
        assert!(!was.is_left(How::Cancel, &session("idle in transaction (aborted)", Some(1), 2)));
    }
}

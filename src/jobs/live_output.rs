//! Copies the output of a running job to the table pgkit_output while somebody watches it: what a program prints, and the
//! notices that SQL raises.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::lease::{LeaseRenewer, PULSE};
use super::output::{Captured, KEPT};
use super::process::boot_time;
use super::session::{Session, Statement, first, named, plain};
use crate::error::{Error, Exit, Result};
use crate::session::Response;

/// How long statements on pgkit_output wait for a lock. They must not delay the answer to a ping.
const LOCK_WAIT: &str = "100ms";
/// How long to wait before trying again, if the output could not be copied.
const PAUSE: Duration = Duration::from_secs(60);

/// Copies the output of a running job to pgkit_output.
pub struct LiveOutput<'a> {
    output: Rc<RefCell<Captured>>,
    /// The schema of the tables.
    schema: &'a str,
    /// Whether the session can do this, as far as that is known.
    is_possible: bool,
    /// When to find that out again, on [`boot_time`]'s clock.
    check_at: Duration,
    /// How many bytes pgkit_output has, -1 before the first copy; `None` if nobody watches.
    copied: Option<i64>,
    /// Whether somebody has watched the attempt, so that it may have a row in pgkit_output.
    pub was_watched: bool,
    has_warned: bool,
}

/// Output that is to be copied.
struct News {
    /// The id of the attempt.
    run: String,
    /// The head as a bytea; `None` if it has been copied.
    head: Option<String>,
    tail: String,
    bytes: String,
}

impl News {
    /// Returns the statements that copy it.
    fn statements(&self) -> [Statement<'_>; 5] {
        [
            plain!("BEGIN"),
            named("wait", vec![Some(LOCK_WAIT)]),
            // The copy need not survive a crash, and must not wait for a standby.
            plain!("SET LOCAL synchronous_commit = off"),
            named("show", vec![Some(&self.run), self.head.as_deref(), Some(&self.tail), Some(&self.bytes)]),
            plain!("COMMIT"),
        ]
    }
}

impl<'a> LiveOutput<'a> {
    /// Creates the copier for the output of a job.
    pub fn new(output: Rc<RefCell<Captured>>, schema: &'a str) -> LiveOutput<'a> {
        LiveOutput {
            output,
            schema,
            is_possible: false,
            check_at: Duration::ZERO,
            copied: None,
            was_watched: false,
            has_warned: false,
        }
    }

    /// Returns the statements that find out whether somebody watches attempt `run`; none if the output cannot be copied.
    pub fn question<'r>(&self, run: &'r str) -> Vec<Statement<'r>> {
        if !self.is_possible {
            return Vec::new();
        }
        vec![named("wait", vec![Some(LOCK_WAIT)]), named("watched", vec![Some(run)])]
    }

    /// Takes in the server's answers to the statements of [`LiveOutput::question`].
    pub fn answered(&mut self, answers: &[Response]) {
        self.copied = first(answers.get(1)).and_then(|bytes| bytes.parse().ok());
        let refused = answers.iter().find_map(|answer| answer.refused.as_ref());
        // A lock may be free at the next ping, but a table that is missing will not be there so soon.
        if refused.is_some_and(|e| e.sqlstate.as_deref() != Some("55P03")) {
            (self.is_possible, self.check_at) = (false, boot_time() + PAUSE);
        }
    }

    /// Returns the output of attempt `run` that is to be copied; `None` if nobody watches, or if there is nothing new.
    fn news(&mut self, run: i64) -> Option<News> {
        let copied = self.copied.take()?;
        self.was_watched = true;
        let output = self.output.borrow();
        if i64::try_from(output.bytes()).is_ok_and(|bytes| bytes == copied) {
            return None;
        }
        // Once the head is full, it does not change any more.
        let has_head = usize::try_from(copied).is_ok_and(|copied| copied >= KEPT);
        Some(News {
            run: run.to_string(),
            head: (!has_head).then(|| bytea(output.raw_head())),
            tail: bytea(&output.raw_tail()),
            bytes: output.bytes().to_string(),
        })
    }

    /// Copies the notices of SQL while it runs. The job's own session is busy, so `connect` opens another one, but only once
    /// there are notices, because most SQL raises none. `run` returns the id of the attempt as soon as there is one. `warn`
    /// is called with warnings. Never returns; the future may be dropped at any moment.
    pub async fn keep_copying(
        &mut self,
        run: impl Fn() -> Option<i64>,
        connect: impl AsyncFn() -> Result<Session>,
        warn: impl Fn(String),
    ) {
        let mut session = None;
        loop {
            tokio::time::sleep(PULSE).await;
            let Some(run) = run().filter(|_| self.output.borrow().bytes() > 0) else { continue };
            if session.is_none() && self.check_at > boot_time() {
                continue;
            }
            match self.copy_over(&mut session, run, &connect).await {
                Ok(warning) => warning.into_iter().for_each(&warn),
                Err(_) => (session, self.check_at) = (None, boot_time() + PAUSE),
            }
        }
    }

    /// Copies the output of attempt `run` once, if somebody watches. Closes the session if copying is not possible. Returns
    /// a warning.
    ///
    /// Errors: no session can be opened, or it is lost.
    async fn copy_over(
        &mut self,
        session: &mut Option<Session>,
        run: i64,
        connect: &impl AsyncFn() -> Result<Session>,
    ) -> Result<Option<String>> {
        let open = match session {
            Some(open) => open,
            None => {
                let open = session.insert(connect().await?);
                (self.is_possible, self.check_at) = (prepare(open, self.schema).await?, boot_time() + PAUSE);
                open
            }
        };
        let run_text = run.to_string();
        let question = self.question(&run_text);
        if !question.is_empty() {
            let answers = open.tried(&question).await?;
            self.answered(&answers);
        }
        let mut warning = None;
        if let Some(news) = self.news(run)
            && let Err(e) = open.pipeline(&news.statements()).await
        {
            if e.exit == Exit::Unavailable {
                return Err(e);
            }
            open.roll_back().await?;
            warning = self.give_up(&e);
        }
        if !self.is_possible
            && let Some(session) = session.take()
        {
            session.close().await;
        }
        Ok(warning)
    }

    /// Stops copying for a while. Returns a warning, the first time.
    fn give_up(&mut self, error: &Error) -> Option<String> {
        (self.is_possible, self.copied, self.check_at) = (false, None, boot_time() + PAUSE);
        let is_first = !std::mem::replace(&mut self.has_warned, true);
        is_first.then(|| format!("could not copy its output to pgkit_output: {}", error.one_line()))
    }
}

impl LeaseRenewer<'_> {
    /// Copies the output that is new, if somebody watches. The job goes on, whatever error occurs. Returns a warning.
    pub(super) async fn copy_output(&mut self) -> Option<String> {
        let live = self.live_output.as_mut()?;
        if !live.is_possible && live.check_at <= boot_time() {
            let schema = live.schema;
            let is_possible = self.can_copy(schema).await;
            let live = self.live_output.as_mut()?;
            (live.is_possible, live.check_at) = (is_possible, boot_time() + PAUSE);
            return None;
        }
        let news = live.news(self.claim.run)?;
        match self.tried_in_passing(&news.statements()).await {
            Ok(()) => None,
            Err(e) => self.live_output.as_mut()?.give_up(&e),
        }
    }

    /// Returns whether the session can copy output, and prepares it for that.
    async fn can_copy(&mut self, schema: &str) -> bool {
        let left = self.left() / 2;
        let Some(session) = self.session.as_mut() else { return false };
        match tokio::time::timeout(left, prepare(session, schema)).await {
            Ok(Ok(is_possible)) => is_possible,
            Ok(Err(e)) if e.exit != Exit::Unavailable => false,
            Ok(Err(_)) | Err(_) => {
                *self.session = None;
                false
            }
        }
    }
}

/// Prepares a session for copying output. Returns whether its role may do that.
async fn prepare(session: &mut Session, schema: &str) -> Result<bool> {
    if session.one(named("can_show", vec![Some(schema)])).await?.as_deref() != Some("t") {
        return Ok(false);
    }
    session.prepare_watched().await.map(|()| true)
}

/// Formats bytes as PostgreSQL reads a bytea.
fn bytea(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(2 + 2 * bytes.len());
    out.push_str("\\x");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

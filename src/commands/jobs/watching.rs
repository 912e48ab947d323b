//! `jobs output` for a running attempt: asks its guard to copy the output to pgkit_output, and prints that.

use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::watch;
use tokio_postgres::types::Type;

use super::output::{Attempt, OutputArgs, Printer, Wanted, cannot, print_rest};
use super::shared;
use crate::commands::context::Context;
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::escape;
use crate::jobs::job::{Job, Work};
use crate::jobs::store::{in_schema, lock_key};
use crate::jobs::tables::{self, Where};
use crate::jobs::watch::{Follower, Shown};
use crate::output::Reader as Printed;
use crate::session::{Value, Writer};
use crate::sql;

const WATCH: &str = include_str!("../../../queries/jobs/watch.sql");
const LOOK: &str = include_str!("../../../queries/jobs/look.sql");
const UNWATCH: &str = include_str!("../../../queries/jobs/unwatch.sql");

/// How often the server is asked for more output.
const EVERY: Duration = Duration::from_secs(1);
/// How often the server is asked until the guard has made its first copy.
const AT_FIRST: Duration = Duration::from_millis(200);
/// For how long the guard is asked to copy the output, and how often that is extended.
const WATCHED: &str = "10 seconds";
const EXTEND: Duration = Duration::from_secs(3);
/// How long to wait for the guard's first copy. A guard checks once a second whether somebody watches.
const SILENCE: Duration = Duration::from_secs(10);
/// How long to wait for the first copy of the notices of SQL. Without notices there is none.
const NO_NOTICES: Duration = Duration::from_secs(5);

/// The hint for when a guard does not copy the output.
const NOT_SHOWN: &str = "a guard of an older pgkit cannot show output; the guard's role needs SELECT, UPDATE and DELETE on pgkit_output, \
                         which must belong to the owner of pgkit_run";

/// Finds out why there is no output of a running attempt, and reports each reason once.
struct Doubt {
    begun: Instant,
    is_sql: bool,
    is_told: bool,
    /// When the job's lock was last held.
    locked: Instant,
    is_lock_told: bool,
}

impl Doubt {
    fn new(job: Option<&Job>) -> Doubt {
        let is_sql = job.is_some_and(|job| matches!(job.work, Work::Sql { .. }));
        let now = Instant::now();
        Doubt { begun: now, is_sql, is_told: false, locked: now, is_lock_told: false }
    }

    /// Takes in the result of one look. Returns a reason that has not been reported yet.
    fn why(&mut self, is_shown: bool, is_locked: bool) -> Option<&'static str> {
        if is_locked {
            (self.locked, self.is_lock_told) = (Instant::now(), false);
        } else if self.locked.elapsed() > SILENCE && !std::mem::replace(&mut self.is_lock_told, true) {
            return Some("no process is behind the attempt any more, and no runner has taken the job over");
        }
        let patience = if self.is_sql { NO_NOTICES } else { SILENCE };
        let is_late = !is_shown && self.begun.elapsed() > patience;
        if !is_late || std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        Some(match self.is_sql {
            true => "its SQL has raised no notice yet, or its guard does not show them",
            false => "its guard does not show it",
        })
    }
}

/// What one look at a running attempt finds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    state: String,
    /// How many bytes its guard has copied; `None` before the first copy.
    bytes: Option<i64>,
    /// The head in hexadecimal digits; `None` if it was read before.
    head: Option<String>,
    tail: Option<String>,
    /// Whether the job's lock is held, so that a process is behind the attempt.
    is_locked: bool,
}

impl Look {
    /// Returns the output if there is more than before.
    fn shown(&self) -> Result<Option<Shown>> {
        let Some(tail) = &self.tail else { return Ok(None) };
        let head = self.head.as_deref().map(bytes).transpose()?;
        let count = self.bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
        Ok(Some(Shown { head, tail: bytes(tail)?, bytes: count }))
    }
}

/// Parses hexadecimal digits as bytes.
fn bytes(digits: &str) -> Result<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes.ok_or_else(|| Error::bug("unexpected digits from pgkit's own query"))
}

/// A running attempt, and what is needed to read its output.
pub(super) struct Watching<'a> {
    pub(super) context: &'a Context,
    pub(super) target: &'a Target,
    pub(super) args: &'a OutputArgs,
    pub(super) place: Where<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) id: i64,
}

/// A session that watches the attempt.
struct Session {
    writer: Writer,
    schema: String,
    /// Until when the guard was asked to copy the output, and when it was asked.
    until: Option<(String, Instant)>,
}

impl Watching<'_> {
    /// Prints the output of the attempt: what there is so far, or with `--follow` everything until it ends. Returns the
    /// exit code.
    ///
    /// Errors: the server is a standby (69), the role may not write to the table (77), the guard does not copy the
    /// output (75).
    pub(super) async fn watch(&self, attempt: &Attempt, job: Option<&Job>) -> Result<Exit> {
        let mut session = Some(self.open(attempt).await?);
        let mut stop = self.context.ending.take();
        let mut printer = Printer::new()?;
        let watched = tokio::select! {
            watched = self.print(attempt, job, &mut session, &mut printer) => watched,
            exit = stopped(&mut stop) => Ok(exit),
        };
        if let Some(mut open) = session {
            self.unwatch(&mut open, false).await;
            open.writer.close().await;
        }
        let finished = printer.out.finish().await;
        watched.and_then(|exit| finished.map(|()| exit))
    }

    async fn print(
        &self,
        attempt: &Attempt,
        job: Option<&Job>,
        session: &mut Option<Session>,
        printer: &mut Printer,
    ) -> Result<Exit> {
        let follow = self.args.follow;
        let mut follower = Follower::default();
        let (mut is_shown, mut is_away) = (false, false);
        let mut doubt = Doubt::new(job);
        loop {
            let open = match session {
                Some(open) => Ok(open),
                None => self.open(attempt).await.map(|open| session.insert(open)),
            };
            let looked = match open {
                Ok(open) => self.look(open, follower.seen()).await,
                Err(e) => Err(e),
            };
            let look = match looked {
                Ok(look) => look,
                Err(e) if follow && matches!(e.exit, Exit::Unavailable | Exit::TryAgain) => {
                    *session = None;
                    doubt.locked = Instant::now();
                    if !std::mem::replace(&mut is_away, true) {
                        printer.say(&format!("{}: retrying every second", e.one_line())).await?;
                    }
                    tokio::time::sleep(EVERY).await;
                    continue;
                }
                Err(e) => return Err(e),
            };
            is_away = false;
            is_shown |= look.bytes.is_some();
            if let Some(shown) = look.shown()?
                && printer.print(&follower.live(shown)).await? == Printed::Gone
            {
                return Ok(Exit::Done);
            }
            if look.state != "running"
                && let Some(open) = session
            {
                return self.end(attempt, open, &mut follower, printer).await;
            }
            if is_shown && !follow {
                return Ok(Exit::Done);
            }
            if let Some(why) = doubt.why(is_shown, look.is_locked) {
                if !follow {
                    return Err(cannot(attempt, Exit::TryAgain, why)
                        .hint(NOT_SHOWN)
                        .hint("--follow waits for the end of the attempt"));
                }
                printer.say(&format!("WARNING: {why}: waiting for the end of the attempt")).await?;
            }
            tokio::time::sleep(if is_shown { EVERY } else { AT_FIRST }).await;
        }
    }

    /// Prints the rest of the output of the attempt, which has ended, and how it has ended.
    async fn end(
        &self,
        attempt: &Attempt,
        session: &mut Session,
        follower: &mut Follower,
        printer: &mut Printer,
    ) -> Result<Exit> {
        let ended = self.wanted.find(&session.writer, &session.schema, Some(self.id)).await?;
        self.unwatch(session, true).await;
        let ended = ended.ok_or_else(|| Error::data(format!("{} was deleted", attempt.words())))?;
        let flow = print_rest(printer, follower, &ended).await?;
        if !self.args.write.session.echo.quiet && flow == Printed::There {
            let name = escape::terminal(&self.wanted.name);
            printer.say(&format!("{name}: {}", ended.state_in_words())).await?;
        }
        Ok(ended.exit(self.args.follow))
    }

    async fn open(&self, attempt: &Attempt) -> Result<Session> {
        let writer = shared::connect(self.context, self.target, &self.args.write.session).await?;
        if writer.is_standby() {
            return Err(cannot(
                attempt,
                Exit::Unavailable,
                "the server is a standby, where nobody can ask for it",
            )
            .hint("connect to its primary; target_session_attrs=read-write finds it among several hosts"));
        }
        let place = tables::place(&writer, self.place).await?;
        Ok(Session { writer, schema: place.schema, until: None })
    }

    /// Reads the state and the copied output of the attempt. First asks its guard again to copy the output, if it is
    /// time for that.
    async fn look(&self, session: &mut Session, seen: u64) -> Result<Look> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Until {
            until: String,
        }
        let Session { writer, schema, until } = session;
        let id = Value::Int8(self.id);
        if until.as_ref().is_none_or(|(_, asked)| asked.elapsed() >= EXTEND) {
            let asked = Instant::now();
            let params = [id.clone(), Value::Text(WATCHED.to_owned())];
            let watched: Vec<Until> = writer
                .changed(&in_schema(WATCH, schema), &params)
                .await
                .map_err(|e| refused(e, schema, writer))?;
            // If there is no row, the attempt has just ended.
            *until = watched.into_iter().next().map(|watched| (watched.until, asked));
        }
        let seen = Value::Int8(i64::try_from(seen).unwrap_or(i64::MAX));
        let key = Value::Int8(lock_key(schema, &self.wanted.name));
        let looks: Vec<Look> = writer.structs(&in_schema(LOOK, schema), &[id, seen, key]).await?;
        looks.into_iter().next().ok_or_else(|| Error::data("the attempt was deleted"))
    }

    /// Stops watching, so that the guard stops copying. If the row cannot be deleted, a runner deletes it later.
    async fn unwatch(&self, session: &mut Session, has_ended: bool) {
        let Session { writer, schema, until } = session;
        let until = match (until.take(), has_ended) {
            (_, true) => Value::Null(Type::TEXT),
            (Some((until, _)), false) => Value::Text(until),
            (None, false) => return,
        };
        let (sql, params) = (in_schema(UNWATCH, schema), [Value::Int8(self.id), until]);
        let _ = tokio::time::timeout(EVERY, writer.affect(&sql, &params)).await;
    }
}

/// Waits for a signal. Returns the exit code that it stands for.
async fn stopped(stop: &mut watch::Receiver<Option<Exit>>) -> Exit {
    match stop.wait_for(Option::is_some).await.map(|told| *told) {
        Ok(Some(exit)) => exit,
        _ => std::future::pending().await,
    }
}

/// Adds hints to the server's error.
fn refused(error: Error, schema: &str, writer: &Writer) -> Error {
    match error.sqlstate.as_deref() {
        Some("42501") => {
            let (schema, user) = (sql::quote_ident(schema), sql::quote_ident(writer.user()));
            error
                .hint(format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.pgkit_output TO {user}"))
                .hint("when the attempt has ended, its output can be read without this")
        }
        Some("42P01") => error.hint("create it with pgkit jobs upgrade, while the job runs"),
        _ => error,
    }
}

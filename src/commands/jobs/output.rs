//! `jobs output`: what a job prints, while it runs and afterwards.

use std::time::{Duration, Instant};

use clap::{ArgMatches, Args, Command};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_postgres::types::Type;

use super::shared::{self, WriteArgs};
use super::when::parse_date;
use crate::commands::context::Context;
use crate::commands::open;
use crate::connect::Target;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::jobs::job::{Job, Work};
use crate::jobs::store::{Queryable, in_schema, lock_key};
use crate::jobs::tables::{self, Where};
use crate::jobs::watch::{Follower, Piece, Shown, Stored};
use crate::output::{Output, Reader as Printed, terminal};
use crate::session::{Value, Writer};

const OUTPUT: &str = include_str!("../../../queries/jobs/output.sql");
const KNOWN: &str = include_str!("../../../queries/jobs/job_exists.sql");
const WATCH: &str = include_str!("../../../queries/jobs/watch.sql");
const LOOK: &str = include_str!("../../../queries/jobs/look.sql");
const UNWATCH: &str = include_str!("../../../queries/jobs/unwatch.sql");

/// How often the server is asked for more.
const EVERY: Duration = Duration::from_secs(1);
/// How often it is asked until the guard has shown the output for the first time.
const AT_FIRST: Duration = Duration::from_millis(200);
/// For how long the guard is asked to show the output, and how often that is extended.
const WATCHED: &str = "10 seconds";
const EXTEND: Duration = Duration::from_secs(3);
/// How long to wait for the guard to show the output. A guard asks once a second whether it is to do so.
const SILENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Args)]
struct OutputArgs {
    /// Go on until the attempt ends; exit with 0 if it has succeeded, and with 1 otherwise
    #[arg(short, long)]
    follow: bool,
    /// The attempt for this date: 2026-01-31, with a time of day, or RFC 3339; without an offset in the job's time zone
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// The attempt with this number for its date, as jobs history shows it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    #[command(flatten)]
    write: WriteArgs,
}

pub(super) fn command() -> Command {
    shared::command::<OutputArgs>(
        "output",
        "Print what a job prints, while it runs, or what is stored of its latest attempt",
        &[
            "pgkit jobs output import",
            "pgkit jobs output import --follow",
            "pgkit jobs output import --date 2026-01-31 --attempt 1 > first.log",
        ],
    )
    .arg(shared::names().required(true).help("The job"))
}

/// Why there is nothing to read while a job runs SQL: its session is busy with its transaction.
const SQL: &str = "a job that runs SQL has no output before its end";

/// An attempt, and what is stored of its output.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    id: i64,
    run_date: String,
    attempt: i64,
    state: String,
    host: Option<String>,
    started: String,
    duration_s: Option<f64>,
    message: Option<String>,
    /// How much it printed; `None` if that was never recorded, because it was cut off.
    bytes: Option<i64>,
    head: Option<String>,
    tail: Option<String>,
}

impl Attempt {
    fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Returns which attempt it is, in words.
    fn words(&self) -> String {
        let host = self.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
        format!("attempt {} for {}{host}", self.attempt, instant(&self.run_date))
    }

    /// Returns how it is or how it ended, in words.
    fn state_in_words(&self) -> String {
        let began = instant(&self.started);
        let took = self.duration_s.map(|s| format!(" after {s:.3} s")).unwrap_or_default();
        let why = self.message.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        match self.is_running() {
            true => format!("running since {began}"),
            false => format!("{}{took}{why}", self.state),
        }
    }

    /// Returns what is stored of its output; `None` if it is not known.
    fn stored(&self) -> Option<Stored<'_>> {
        let bytes = u64::try_from(self.bytes?).ok()?;
        let head = self.head.as_deref().unwrap_or_default();
        if bytes > 0 && head.is_empty() {
            return None;
        }
        Some(Stored { head, tail: self.tail.as_deref().unwrap_or_default(), bytes })
    }

    fn exit(&self, follow: bool) -> Exit {
        if follow && self.state != "succeeded" { Exit::BadAnswer } else { Exit::Done }
    }
}

/// Formats an instant that the server sent as JSON; what has no date stays as it is.
fn instant(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), |t| t.to_string())
}

/// Which attempt is wanted.
struct Wanted {
    name: String,
    date: Option<Timestamp>,
    attempt: Option<u32>,
}

impl Wanted {
    /// Finds it, or, with an id, finds that one again.
    async fn find(&self, session: &impl Queryable, schema: &str, id: Option<i64>) -> Result<Option<Attempt>> {
        let number = |n: Option<i64>| n.map_or(Value::Null(Type::INT8), Value::Int8);
        let params = [
            Value::Text(self.name.clone()),
            self.date.map_or(Value::Null(Type::TEXT), |date| Value::Text(date.to_string())),
            number(self.attempt.map(i64::from)),
            number(id),
        ];
        let found: Vec<Attempt> = session.ask(&in_schema(OUTPUT, schema), &params).await?;
        Ok(found.into_iter().next())
    }
}

/// Prints pieces of output on stdout, and what is missing on stderr.
struct Printer {
    out: Output,
    is_terminal: bool,
    /// Whether the text that was printed last ends within a line.
    is_within_line: bool,
}

impl Printer {
    fn new() -> Result<Printer> {
        Ok(Printer { out: Output::new(None, 0)?, is_terminal: terminal::is_stdout(), is_within_line: false })
    }

    /// Prints pieces. Returns whether the reader is still there.
    async fn print(&mut self, pieces: &[Piece]) -> Result<Printed> {
        for piece in pieces {
            match piece {
                // As everywhere, a terminal shows what would control it, and a pipe gets the text as it is.
                Piece::Text(text) if self.is_terminal => {
                    self.is_within_line = !text.ends_with('\n');
                    self.out.buffer().extend_from_slice(escape::terminal_text(text).as_bytes());
                }
                Piece::Text(text) => {
                    self.is_within_line = !text.ends_with('\n');
                    self.out.buffer().extend_from_slice(text.as_bytes());
                }
                Piece::Missing(bytes) => {
                    // Two halves of different lines must not look like one line.
                    if std::mem::take(&mut self.is_within_line) {
                        self.out.buffer().push(b'\n');
                    }
                    self.say(&format!("WARNING: {bytes} bytes of the output are left out here")).await?;
                }
            }
        }
        self.out.flush()
    }

    /// Prints a line on stderr, after what was printed on stdout before.
    async fn say(&mut self, line: &str) -> Result<()> {
        let _ = self.out.flush()?;
        self.out.drained().await;
        error::note(&format!("pgkit: {line}"));
        Ok(())
    }
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: OutputArgs = shared::parse(own)?;
    let echo = &args.write.session.echo;
    let read = shared::read_if_any(context, &args.write.file)?;
    let (jobs, owner) = read.map_or_else(Default::default, |read| (read.parsed.jobs, read.parsed.owner));
    let name = own.get_one::<String>("name").cloned().unwrap_or_default();
    let job = jobs.iter().find(|job| job.name == name);
    let date = args.date.as_deref().map(|text| date(text, job)).transpose()?;
    let wanted = Wanted { name, date, attempt: args.attempt };
    let target = open::target(context, root, own, echo)?;
    let place = Where { schema: args.write.schema.as_deref(), owner: owner.as_deref() };
    let reader = open::reader(context, &target, args.write.session.settings(), echo).await?;
    let found = tables::place(&reader, place).await?;
    if !found.has_pgkit {
        return Err(Error::data("jobs output needs pgkit's own tables")
            .hint("create them beside crontabber's with pgkit jobs init"));
    }
    let attempt = wanted.find(&reader, &found.schema, None).await?;
    let Some(attempt) = attempt else {
        if job.is_none() {
            check_known(&reader, &found.schema, &wanted.name).await?;
        }
        reader.close().await;
        let what = match (wanted.date, wanted.attempt) {
            (None, None) => "pgkit has not run it yet",
            _ => "there is no such attempt by pgkit",
        };
        echo.remark(&format!("{}: {what}", wanted.name));
        return Ok(Exit::BadAnswer);
    };
    reader.close().await;
    echo.remark(&format!("{}: {}, {}", wanted.name, attempt.words(), attempt.state_in_words()));
    if !attempt.is_running() {
        let mut printer = Printer::new()?;
        print_rest(&mut printer, &mut Follower::default(), &attempt).await?;
        printer.out.finish().await?;
        return Ok(attempt.exit(args.follow));
    }
    if !found.has("pgkit_output") {
        return Err(cannot(&attempt, Exit::BadInput, format!("{}.pgkit_output does not exist", found.schema))
            .hint("create it with pgkit jobs upgrade, while the job runs; when the attempt has ended, its output can be read without it"));
    }
    if job.is_some_and(|job| matches!(job.work, Work::Sql { .. })) && !args.follow {
        return Err(cannot(&attempt, Exit::TryAgain, SQL).hint("--follow waits for that"));
    }
    let watching = Watching { context, target: &target, args: &args, place, wanted: &wanted, id: attempt.id };
    watching.watch(&attempt, job).await
}

/// Parses the date of the command line. A date without an offset has to be understood as the job does.
fn date(text: &str, job: Option<&Job>) -> Result<Timestamp> {
    match (text.parse(), job) {
        (Ok(instant), _) => Ok(instant),
        (Err(_), Some(job)) => parse_date(text, job),
        (Err(_), None) => Err(Error::usage(format!(
            "--date: invalid date {text:?} for a job that is not in the file"
        ))
        .hint("use RFC 3339, 2026-01-31T05:00:00Z, or name the jobs file with --file FILE or PGKIT_JOBS")),
    }
}

/// Errors: the tables do not know the job either (64).
async fn check_known(session: &impl Queryable, schema: &str, name: &str) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Found {
        known: bool,
    }
    let found: Vec<Found> = session.ask(&in_schema(KNOWN, schema), &[Value::Text(name.to_owned())]).await?;
    if found.iter().any(|found| found.known) {
        return Ok(());
    }
    Err(Error::usage(format!("unknown job {name:?}: neither in the file nor in the tables")))
}

/// Returns the error for an attempt that runs and whose output cannot be read now.
fn cannot(attempt: &Attempt, exit: Exit, why: impl Into<String>) -> Error {
    let message = format!("cannot read the output of {} while it runs", attempt.words());
    Error::new(exit, message).caused_by(why.into())
}

/// Prints the rest of the output of an attempt that has ended. Returns whether the reader is still there.
async fn print_rest(printer: &mut Printer, follower: &mut Follower, attempt: &Attempt) -> Result<Printed> {
    let stored = attempt.stored();
    let flow = printer.print(&follower.ended(stored)).await?;
    if stored.is_none() {
        let what = if follower.seen() > 0 { "more of its output" } else { "its output" };
        printer.say(&format!("WARNING: {what} is not stored, because the attempt was cut off")).await?;
    }
    Ok(flow)
}

/// What to do if a guard does not show the output of its attempt.
const NOT_SHOWN: &str = "a guard of an older pgkit cannot show output; the guard's role needs SELECT, UPDATE and DELETE on pgkit_output, \
                         which must belong to the owner of pgkit_run";

/// Why nothing comes from a running attempt, each reason once.
struct Doubt {
    begun: Instant,
    is_sql: bool,
    is_told: bool,
    /// When the job's lock was last seen to be held.
    locked: Instant,
    is_lock_told: bool,
}

impl Doubt {
    fn new(job: Option<&Job>) -> Doubt {
        let is_sql = job.is_some_and(|job| matches!(job.work, Work::Sql { .. }));
        let now = Instant::now();
        Doubt { begun: now, is_sql, is_told: false, locked: now, is_lock_told: false }
    }

    /// Takes in one look. Returns a reason that a person has not been told yet.
    fn why(&mut self, is_shown: bool, is_locked: bool) -> Option<&'static str> {
        if is_locked {
            (self.locked, self.is_lock_told) = (Instant::now(), false);
        } else if self.locked.elapsed() > SILENCE && !std::mem::replace(&mut self.is_lock_told, true) {
            return Some("no process is behind the attempt any more, and no runner has taken the job over");
        }
        let is_late = !is_shown && (self.is_sql || self.begun.elapsed() > SILENCE);
        if !is_late || std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        Some(if self.is_sql { SQL } else { "its guard does not show it" })
    }
}

/// What one look at a running attempt finds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    state: String,
    /// How many bytes its guard has shown; `None` if it has shown nothing.
    bytes: Option<i64>,
    /// The head in hexadecimal digits, as in the next field; `None` if it has been seen.
    head: Option<String>,
    tail: Option<String>,
    /// Whether the job's lock is held, so that a process is behind the attempt.
    is_locked: bool,
}

impl Look {
    /// Returns what is new, if anything is.
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

/// An attempt that is running, and how to read what its guard shows.
struct Watching<'a> {
    context: &'a Context,
    target: &'a Target,
    args: &'a OutputArgs,
    place: Where<'a>,
    wanted: &'a Wanted,
    id: i64,
}

/// A session that watches.
struct Session {
    writer: Writer,
    schema: String,
    /// Until when the guard was asked to show the output, and when that was.
    until: Option<(String, Instant)>,
}

impl Watching<'_> {
    /// Prints what the attempt prints, once or until it ends. Returns the exit code.
    ///
    /// Errors: the server is a standby (69), the role may not write to the table (77), the guard does not show the output
    /// (75).
    async fn watch(&self, attempt: &Attempt, job: Option<&Job>) -> Result<Exit> {
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
            printer.say(&format!("{}: {}", self.wanted.name, ended.state_in_words())).await?;
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

    /// Looks at the attempt, after asking its guard to show its output if it is time to do so again.
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

    /// Ends the watch, so that the guard stops showing the output. What cannot be removed is removed by a runner.
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

/// Adds to the server's refusal what can be done about it.
fn refused(error: Error, schema: &str, writer: &Writer) -> Error {
    match error.sqlstate.as_deref() {
        Some("42501") => {
            let (schema, user) = (crate::sql::quote_ident(schema), crate::sql::quote_ident(writer.user()));
            error
                .hint(format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.pgkit_output TO {user}"))
                .hint("when the attempt has ended, its output can be read without this")
        }
        Some("42P01") => error.hint("create it with pgkit jobs upgrade, while the job runs"),
        _ => error,
    }
}

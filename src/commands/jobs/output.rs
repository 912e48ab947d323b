//! `jobs output`: what a job prints, while it runs and afterwards.

use clap::{ArgMatches, Args, Command};
use jiff::Timestamp;
use serde::Deserialize;
use tokio_postgres::types::Type;

use super::shared::{self, WriteArgs};
use super::watching::Watching;
use super::when::parse_date;
use crate::commands::context::Context;
use crate::commands::open;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::jobs::job::Job;
use crate::jobs::store::{Queryable, in_schema};
use crate::jobs::tables::{self, Where};
use crate::jobs::watch::{Follower, Piece, Stored};
use crate::output::{Output, Reader as Printed, terminal};
use crate::session::Value;

const OUTPUT: &str = include_str!("../../../queries/jobs/output.sql");
const KNOWN: &str = include_str!("../../../queries/jobs/job_exists.sql");

#[derive(Debug, Clone, Args)]
pub(super) struct OutputArgs {
    /// Go on until the attempt ends; exit with 0 if it has succeeded, and with 1 otherwise
    #[arg(short, long)]
    pub(super) follow: bool,
    /// The attempt for this date: 2026-01-31, with a time of day, or RFC 3339; without an offset in the job's time zone
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// The attempt with this number for its date, as jobs history shows it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    #[command(flatten)]
    pub(super) write: WriteArgs,
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

/// An attempt, and what is stored of its output.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attempt {
    pub(super) id: i64,
    run_date: String,
    attempt: i64,
    state: String,
    host: Option<String>,
    started: String,
    duration_s: Option<f64>,
    message: Option<String>,
    /// The number of bytes it printed; `None` if it was cut off before that was recorded.
    bytes: Option<i64>,
    head: Option<String>,
    tail: Option<String>,
}

impl Attempt {
    fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Describes in words which attempt it is.
    pub(super) fn words(&self) -> String {
        let host = self.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
        format!("attempt {} for {}{host}", self.attempt, instant(&self.run_date))
    }

    /// Describes in words whether it is running, or how it ended.
    pub(super) fn state_in_words(&self) -> String {
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

    pub(super) fn exit(&self, follow: bool) -> Exit {
        if follow && self.state != "succeeded" { Exit::BadAnswer } else { Exit::Done }
    }
}

/// Formats an instant that the server sent as JSON; what has no date stays as it is.
fn instant(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), |t| t.to_string())
}

/// Which attempt is wanted.
pub(super) struct Wanted {
    pub(super) name: String,
    date: Option<Timestamp>,
    attempt: Option<u32>,
}

impl Wanted {
    /// Finds the attempt; with `id`, the one with this id.
    pub(super) async fn find(
        &self,
        session: &impl Queryable,
        schema: &str,
        id: Option<i64>,
    ) -> Result<Option<Attempt>> {
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
pub(super) struct Printer {
    pub(super) out: Output,
    is_terminal: bool,
    /// Whether the text that was printed last ends within a line.
    is_within_line: bool,
}

impl Printer {
    pub(super) fn new() -> Result<Printer> {
        Ok(Printer { out: Output::new(None, 0)?, is_terminal: terminal::is_stdout(), is_within_line: false })
    }

    /// Prints pieces. Returns whether the reader is still there.
    pub(super) async fn print(&mut self, pieces: &[Piece]) -> Result<Printed> {
        for piece in pieces {
            match piece {
                // On a terminal, control characters are shown as escapes; a pipe gets the text unchanged.
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
    pub(super) async fn say(&mut self, line: &str) -> Result<()> {
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
        echo.remark(&format!("{}: {what}", escape::terminal(&wanted.name)));
        return Ok(Exit::BadAnswer);
    };
    reader.close().await;
    let name = escape::terminal(&wanted.name);
    echo.remark(&format!("{name}: {}, {}", attempt.words(), attempt.state_in_words()));
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
    let watching = Watching { context, target: &target, args: &args, place, wanted: &wanted, id: attempt.id };
    watching.watch(&attempt, job).await
}

/// Parses `--date`. A date without an offset is in the job's time zone.
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

/// Checks that the tables have the job. Errors: they do not (64).
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

/// Returns the error for a running attempt whose output cannot be read.
pub(super) fn cannot(attempt: &Attempt, exit: Exit, why: impl Into<String>) -> Error {
    let message = format!("cannot read the output of {} while it runs", attempt.words());
    Error::new(exit, message).caused_by(why.into())
}

/// Prints the rest of the output of an attempt that has ended. Returns whether the reader is still there.
pub(super) async fn print_rest(
    printer: &mut Printer,
    follower: &mut Follower,
    attempt: &Attempt,
) -> Result<Printed> {
    let stored = attempt.stored();
    let flow = printer.print(&follower.ended(stored)).await?;
    if stored.is_none() {
        let what = if follower.seen() > 0 { "more of its output" } else { "its output" };
        printer.say(&format!("WARNING: {what} is not stored, because the attempt was cut off")).await?;
    }
    Ok(flow)
}

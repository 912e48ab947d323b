//! `jobs run`: one pass over the jobs that are due, or pass after pass.

use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Args, Command};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

use super::report::{How, Reporter};
use super::{FileArgs, LookArgs};
use crate::answer::parse_duration;
use crate::cli::{self, ConnectionArgs, FormatArgs, SessionArgs};
use crate::commands::Context;
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::jobs::file::Job;
use crate::jobs::process::folder_of;
use crate::jobs::runner::{Runner, Surroundings, Told, Wishes};
use crate::jobs::schedule::{At, Schedule};
use crate::jobs::store;
use crate::render::FormatName;
use crate::session::{Purpose, Reader, Settings, Writer};
use crate::signals;

/// How long to wait before a server that is away is tried again, in the form that stays.
const AWAY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Args)]
struct RunArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The schema of the tables [default: where they are]
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// Whether they are due or not, and whatever they depend on; never past a lock
    #[arg(long, requires = "name")]
    force: bool,
    /// For this date: 2026-01-31, with a time of day, or RFC 3339; without an offset in the job's time zone
    #[arg(long, value_name = "DATE", requires = "name", conflicts_with = "force")]
    date: Option<String>,
    /// With --date: also where that date succeeded already
    #[arg(long, requires = "date")]
    rerun: bool,
    /// So many at once, where they do not depend on each other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// Stay, and look again at least this often
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with_all = ["dry_run", "date", "force"])]
    every: Option<Duration>,
    /// Say which jobs would run and why, and run none
    #[arg(long)]
    dry_run: bool,
    /// End the pass at the first job that is busy, as crontabber does
    #[arg(long)]
    stop_when_ongoing: bool,
    /// A job that fails does not make the exit code 1, as in crontabber
    #[arg(long)]
    ignore_failures: bool,
    /// A direct connection to the same server, where the other one goes through a pooler: host=… port=…
    #[arg(long, value_name = "CONNINFO")]
    lock_dbname: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    session: SessionArgs,
}

pub(super) fn command() -> Command {
    let about = "Run what is due, once; or with --every again and again. Exit code 1: a job failed, 3: a due one is ongoing elsewhere, 2: a row was locked";
    ConnectionArgs::augment_args(RunArgs::augment_args(cli::command("run", about)))
        .about(about)
        .arg(Arg::new("name").value_name("NAME").num_args(0..).help("Only these jobs [default: all]"))
        .after_help(cli::example(&[
            "pgkit jobs run --parallel 4",
            "pgkit jobs run rollup --date 2026-01-31",
            "pgkit jobs run --every 10s --format jsonl",
        ]))
}

/// A date as somebody types it, for this job. Errors: it is none (64).
fn parse_date(text: &str, job: &Job) -> Result<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let (zone, at) = match &job.schedule {
        Schedule::Original { at, .. } => (TimeZone::UTC, at.unwrap_or(At { hour: 0, minute: 0 })),
        Schedule::Grid { at, .. } => (job.timezone.clone(), *at),
        Schedule::Cron(_) => (job.timezone.clone(), At { hour: 0, minute: 0 }),
    };
    let civil = match text.parse::<civil::Date>() {
        Ok(date) if !text.contains(':') => Some(date.at(at.hour, at.minute, 0, 0)),
        _ => text.parse::<civil::DateTime>().ok(),
    };
    civil.and_then(|civil| civil.to_zoned(zone).ok()).map(|zoned| zoned.timestamp()).ok_or_else(|| {
        Error::usage(format!("--date: {text:?} is no date"))
            .hint("write 2026-01-31, 2026-01-31T05:00, or 2026-01-31T05:00:00Z")
    })
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: RunArgs = super::parse(own)?;
    let names: Vec<String> = own.get_many::<String>("name").into_iter().flatten().cloned().collect();
    if args.dry_run {
        let look = LookArgs {
            file: args.file.clone(),
            schema: args.schema.clone(),
            format: args.format.clone(),
            session: args.session.clone(),
        };
        return super::next::decisions(context, root, own, &look, &names, args.force).await;
    }
    let how = match args.format.format {
        None if !args.format.csv && !args.format.json => How::People { quiet: args.session.echo.quiet },
        Some(FormatName::Jsonl) => How::Lines,
        _ => {
            return Err(Error::usage(
                "jobs run has no rows: --format jsonl streams what happens, or leave it out",
            ));
        }
    };
    if args.every.is_some_and(|every| every < Duration::from_secs(1)) {
        return Err(Error::usage("--every: a second is the least"));
    }
    let read = super::read(context, &args.file)?;
    let path = read.path.clone();
    let mut jobs = read.jobs(args.session.echo.quiet)?;
    for name in &names {
        super::find(&jobs, name)?;
    }
    let date = match (&args.date, names.as_slice()) {
        (None, _) => None,
        (Some(text), [name]) => Some((parse_date(text, super::find(&jobs, name)?)?, args.rerun)),
        (Some(_), _) => return Err(Error::usage("--date goes with one job")),
    };
    let wishes = Wishes {
        names,
        force: args.force,
        date,
        parallel: args.parallel.into(),
        stop_when_ongoing: args.stop_when_ongoing,
    };
    let target = target(context, root, own, &args).await?;
    let around = Surroundings {
        folder: folder_of(&path),
        spool: spool(context),
        host: super::host(),
        echo: args.session.echo.echo_hidden,
    };
    let stop = context.ending.take();
    let mut reporter = Reporter::new(how);
    let mut runner: Option<Runner> = None;
    loop {
        let open = match runner.take() {
            Some(runner) => Ok(runner),
            None => open(context, &target, &args, &around, stop.clone()).await,
        };
        let mut open = match open {
            Ok(open) => open,
            Err(e) if args.every.is_some() && may_pass(&e) => {
                reporter.tell(Told::Warning(format!("{}: tried again", e.message)));
                if let Some(exit) = pause(&stop, AWAY).await {
                    break Ok(exit);
                }
                continue;
            }
            Err(e) => break Err(e),
        };
        let taken = Instant::now();
        let passed = open.pass(&jobs, &wishes, &mut |told| reporter.tell(told)).await;
        if let Some(e) = reporter.failure.take() {
            open.close().await;
            break Err(e);
        }
        let stopped = *stop.borrow();
        match (passed, args.every) {
            (Ok(_), _) | (Err(_), _) if stopped.is_some() => {
                open.close().await;
                break Ok(stopped.unwrap_or(Exit::Terminated));
            }
            (Ok((pass, _)), None) => {
                open.close().await;
                break Ok(pass.exit(args.ignore_failures));
            }
            (Ok((_, snapshot)), Some(every)) => {
                open.wait(&jobs, &snapshot, taken, every).await;
                reload(context, &args, &mut jobs, &mut reporter);
                if let Some(exit) = *stop.borrow() {
                    open.close().await;
                    break Ok(exit);
                }
                runner = Some(open);
            }
            (Err(e), Some(_)) if may_pass(&e) => {
                reporter.tell(Told::Warning(format!("{}: tried again", e.message)));
                open.close().await;
                if let Some(exit) = pause(&stop, AWAY).await {
                    break Ok(exit);
                }
            }
            (Err(e), _) => {
                open.close().await;
                break Err(e);
            }
        }
    }
}

/// May it be better the next time?
fn may_pass(error: &Error) -> bool {
    matches!(error.exit, Exit::Unavailable | Exit::TryAgain)
}

/// Waits; a signal ends it, and is given.
async fn pause(stop: &tokio::sync::watch::Receiver<Option<Exit>>, time: Duration) -> Option<Exit> {
    let mut stop = stop.clone();
    let _ = tokio::time::timeout(time, stop.wait_for(Option::is_some)).await;
    *stop.borrow()
}

/// The jobs file may have changed. One with faults changes nothing, and is told once for each change.
fn reload(context: &Context, args: &RunArgs, jobs: &mut Vec<Job>, reporter: &mut Reporter) {
    match super::read(context, &args.file).and_then(|read| read.jobs(true)) {
        Ok(new) => *jobs = new,
        Err(e) => reporter.tell(Told::Warning(format!("{}: the jobs are as they were", e.message))),
    }
}

/// Where results are kept that the server does not take: `$XDG_STATE_HOME/pgkit/jobs`, else below `~/.local/state`.
fn spool(context: &Context) -> Option<std::path::PathBuf> {
    let state = match context.env.nonempty("XDG_STATE_HOME") {
        Some(state) => Some(std::path::PathBuf::from(state)),
        None => context.env.home().map(|home| home.join(".local/state")),
    };
    state.map(|state| state.join("pgkit/jobs"))
}

async fn open(
    context: &Context,
    target: &Target,
    args: &RunArgs,
    around: &Surroundings,
    stop: tokio::sync::watch::Receiver<Option<Exit>>,
) -> Result<Runner> {
    let session = &args.session;
    let ask = &mut signals::ask_password;
    let writer =
        Writer::for_(Purpose::Jobs, target, session.limits(), session.echo.echo(), &context.running, ask)
            .await
            .map_err(|e| if e.message.contains("connection pooler") { store::pooler() } else { e })?;
    if let Some(overdue) = writer.overdue() {
        session.echo.remark(overdue);
    }
    Runner::open(writer, args.schema.as_deref(), around.clone(), stop).await
}

/// The direct connection: the one that is named for it, where it leads to the same place as the other.
///
/// Errors: it leads elsewhere (64).
async fn target(context: &Context, root: &ArgMatches, own: &ArgMatches, args: &RunArgs) -> Result<Target> {
    let quiet = args.session.echo.quiet;
    let flags = cli::connection_flags(root, own)?;
    let main = crate::commands::report::resolve(&flags, &context.env, quiet)?;
    let Some(named) = &args.lock_dbname else { return Ok(main) };
    // What it does not say is as for the other one.
    let mut direct_flags = flags.clone();
    direct_flags.dbname = Some(named.clone());
    if named.contains('=') || named.contains("://") {
        (direct_flags.host, direct_flags.port) = (None, None);
    }
    let mut direct = crate::commands::report::resolve(&direct_flags, &context.env, quiet)?;
    if !named.contains("dbname") && !named.contains("://") && named.contains('=') {
        direct = direct.with_database(&main.database);
    }
    let limits = args.session.limits();
    let settings = Settings {
        statement_timeout: limits.statement,
        lock_timeout: limits.lock,
        keep_search_path: false,
        watch_client: true,
    };
    let ask = &mut signals::ask_password;
    let mut found = Vec::new();
    for target in [&main, &direct] {
        let reader = Reader::connect(target, settings.clone(), None, &context.running, ask).await?;
        found.push(store::server(&reader).await?);
        reader.close().await;
    }
    for (what, ours, theirs) in [
        ("server", &found[0].system_identifier, &found[1].system_identifier),
        ("database", &found[0].database, &found[1].database),
        ("role", &found[0].role, &found[1].role),
    ] {
        if ours != theirs {
            return Err(Error::usage(format!(
                "--lock-dbname leads to another {what}: {theirs}, and the connection to {ours}"
            )));
        }
    }
    Ok(direct)
}

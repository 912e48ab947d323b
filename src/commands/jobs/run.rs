//! `jobs run`: one pass over the jobs that are due, or pass after pass.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};
use jiff::Timestamp;

use super::ask::{self, Question};
use super::reload::Watched;
use super::report::{How, Reporter};
use super::shared::{self, FileArgs, LookArgs, Text};
use super::supervised;
use super::when::{RunRequest, parse_date};
use crate::commands::args::{self, ConnectionArgs, EchoArgs, FormatArgs, SessionArgs};
use crate::commands::context::Context;
use crate::commands::open;
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::helper::aside;
use crate::jobs::account;
use crate::jobs::contain;
use crate::jobs::job::Job;
use crate::jobs::occurrences::Slots;
use crate::jobs::process::{absolute, folder_of};
use crate::jobs::runner::{FirstLook, Reload, Runner, Signs, Surroundings};
use crate::jobs::runners::Presence;
use crate::jobs::schedule::Schedule;
use crate::jobs::store;
use crate::jobs::tables::Where;
use crate::jobs::talk::{Pass, Progress, ProgressSink, RunOptions};
use crate::output::supervisor;
use crate::render::FormatName;
use crate::session::Writer;
use crate::units::parse_duration;

#[derive(Debug, Clone, Args)]
struct RunArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The schema of the tables [default: the one that has them]
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// Run them even if they are not due, whatever they depend on; never past a lock
    #[arg(long, requires = "name")]
    force: bool,
    /// Run for this date: 2026-01-31, with a time of day, or RFC 3339; without an offset in the job's time zone
    #[arg(long, value_name = "DATE", requires = "name", conflicts_with = "force")]
    date: Option<String>,
    /// With --date: run even if that date has already succeeded
    #[arg(long, requires = "date")]
    rerun: bool,
    /// Run up to N jobs at once, if they do not depend on each other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// Keep running, and look again at least this often
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with_all = ["dry_run", "date", "force"])]
    every: Option<Duration>,
    /// Run them in this process, even if a runner that keeps running has them and could be asked to
    #[arg(long, requires = "name")]
    here: bool,
    /// Show which jobs would run and why, but run none
    #[arg(long)]
    dry_run: bool,
    /// For every job that does not run, print why
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// End the pass at the first job that is busy, as crontabber does
    #[arg(long)]
    stop_when_ongoing: bool,
    /// Do not exit with 1 when a job fails, as in crontabber
    #[arg(long)]
    ignore_failures: bool,
    /// A direct connection to the same server, if the other one goes through a pooler: host=… port=…
    #[arg(long, value_name = "CONNINFO")]
    lock_dbname: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    session: SessionArgs,
}

pub(super) fn command() -> Command {
    let about = "Run what is due, once, or repeatedly with --every. Exit code 1: a job failed, 3: a due one is ongoing elsewhere, 2: a row was locked";
    ConnectionArgs::augment_args(RunArgs::augment_args(args::command("run", about)))
        .about(about)
        .arg(shared::names().num_args(0..).help("Run only these jobs [default: all]"))
        .after_help(args::example(&[
            "pgkit jobs run --parallel 4",
            "pgkit jobs run rollup --date 2026-01-31",
            "pgkit jobs run --every 10s --format jsonl",
        ]))
}

/// Returns whether a date that the user named is one of the job's schedule. In crontabber's notation any date is.
fn is_its_own(date: Timestamp, job: &Job) -> bool {
    matches!(job.schedule, Schedule::Original { .. }) || Slots::new(&job.schedule, &job.timezone).has(date)
}

/// Returns how to show what happens. Errors: the format flags ask for rows (64).
fn how(args: &RunArgs, own: &ArgMatches) -> Result<How> {
    // The configuration file's defaults for all commands are meant for those that print rows, so only typed flags are errors.
    let is_typed = |id: &&str| own.value_source(id) == Some(ValueSource::CommandLine);
    let flags = FormatArgs::augment_args(Command::new(""));
    let ids = flags.get_arguments().map(|flag| flag.get_id().as_str()).filter(|id| *id != "color");
    let typed: Vec<&str> = ids.filter(is_typed).collect();
    let is_stream = args.format.format == Some(FormatName::Jsonl);
    match typed.as_slice() {
        [] | ["format"] if is_stream => Ok(How::Lines),
        [] => Ok(How::People { quiet: args.session.echo.quiet }),
        _ => Err(Error::usage("jobs run has no rows or columns: use --format jsonl to stream what happens")
            .hint("use --dry-run to list what would run, and why")),
    }
}

/// Returns the date that the user has named, and whether to run it even if it has succeeded. Warns of a date that is not in
/// the job's schedule.
///
/// Errors: it is not a date, or there is not exactly one job for it (64).
fn date(args: &RunArgs, names: &[String], jobs: &[Job]) -> Result<Option<(Timestamp, bool)>> {
    let Some(text) = &args.date else { return Ok(None) };
    let [name] = names else { return Err(Error::usage("--date requires exactly one job")) };
    let job = shared::find(jobs, name)?;
    let date = parse_date(text, job)?;
    if !is_its_own(date, job) {
        args.session.echo.remark(&format!("WARNING: {date} is not in the schedule of job {name:?}"));
    }
    Ok(Some((date, args.rerun)))
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: RunArgs = shared::parse(own)?;
    let mut names: Vec<String> = own.get_many::<String>("name").into_iter().flatten().cloned().collect();
    if args.dry_run {
        let look = LookArgs {
            file: args.file.clone(),
            schema: args.schema.clone(),
            format: args.format.clone(),
            session: args.session.clone(),
        };
        let request = match (&args.date, args.force) {
            (Some(text), _) => RunRequest::Date(text, args.rerun),
            (None, true) => RunRequest::Forced,
            (None, false) => RunRequest::Due,
        };
        return super::next::decisions(context, root, own, &look, &names, &request).await;
    }
    let how = how(&args, own)?;
    if args.every.is_some_and(|every| every < Duration::from_secs(1)) {
        return Err(Error::usage("--every: must be at least 1s"));
    }
    let text = Text::read(context, &args.file)?;
    let target = target(context, root, own, &args).await.map(RefCell::new);
    // From here on, a signal no longer ends this process at once.
    let stop = context.ending.take();
    let (read, first_look) = match (&target, text.owner()) {
        // With thousands of jobs, parsing the file takes as long as reading the tables, so both are done at once.
        (Ok(target), Some(owner)) if names.is_empty() && args.every.is_none() => {
            let connect = async || connected(context, target, &args.session).await;
            let wanted = Where { schema: args.schema.as_deref(), owner: owner.as_deref() };
            let look = async { Ok(Some(FirstLook::take(&connect, wanted, &stop).await)) };
            let parse = async {
                let read = aside(move || Ok(text.parse())).await?;
                read.check().map(|()| read)
            };
            // If the file has errors, they are reported at once, even if the server does not answer.
            tokio::try_join!(parse, look)?
        }
        _ => (text.parse(), None),
    };
    let path = read.path.clone();
    let (owner, user, has_programs) =
        (read.parsed.owner.clone(), read.parsed.user.clone(), read.parsed.has_programs());
    let uncontained = if read.parsed.has_contained() { contain::probe().err() } else { None };
    let file_hash = read.hash.clone();
    let include = read.parsed.include.clone();
    let jobs = read.jobs()?;
    let user = account::whom(user.as_deref(), has_programs, &context.env)?;
    for name in &mut names {
        name.clone_from(&shared::find(&jobs, name)?.name);
    }
    let date = date(&args, &names, &jobs)?;
    let jobs: Vec<Rc<Job>> = jobs.into_iter().map(Rc::new).collect();
    let mut run_options = RunOptions {
        names,
        force: args.force,
        date,
        parallel: args.parallel.into(),
        stop_when_ongoing: args.stop_when_ongoing,
    };
    let presence = Presence {
        file: absolute(&path).display().to_string(),
        file_hash: file_hash.clone(),
        jobs: Presence::names(jobs.iter().map(Rc::as_ref), &run_options),
        slots: args.parallel,
        stays: args.every.is_some(),
        uncontained: uncontained.clone(),
    };
    // Somebody who runs a few jobs by hand is not a runner of these jobs: they will be due again without that person.
    let presence = Some(presence).filter(|presence| presence.stays || run_options.names.is_empty());
    let target = target?;
    let connect = async || connected(context, &target, &args.session).await;
    let signs = match args.every {
        None => Ok(Signs::default()),
        Some(_) => supervised::signs(context),
    };
    let (signs, is_unheard) = match signs {
        Ok(signs) => (signs, None),
        Err(e) => (Signs::default(), Some(e.one_line())),
    };
    let around = Surroundings {
        schema: args.schema.clone(),
        owner: owner.clone(),
        environment: environment(context),
        user: user.clone(),
        folder: folder_of(&path),
        spool: spool(context),
        host: shared::host(),
        echo: args.session.echo.echo_hidden,
        presence,
        signs,
    };
    let reasons = args.verbose || (!run_options.names.is_empty() && args.every.is_none());
    let reporter = Reporter::new(how, reasons)?;
    let reporter = RefCell::new(reporter);
    let mut tell = |told: Progress<'_>| reporter.borrow_mut().tell(told);
    if let Some(why) = is_unheard {
        tell(Progress::Warning(why));
    }
    let mut before = Pass::default();
    if !run_options.names.is_empty() && args.every.is_none() && !args.here {
        let question = Question { jobs: &jobs, run_options: &run_options, file_hash: &file_hash };
        let echo = &args.session.echo;
        match ask::through(context, &connect, &around, &question, echo, &stop, &mut tell).await {
            Ok(answer) if answer.left.is_empty() => {
                reporter.into_inner().finish().await?;
                return Ok(answer.pass.exit(args.ignore_failures));
            }
            Ok(answer) => (before, run_options.names) = (answer.pass, answer.left),
            Err(e) => {
                reporter.into_inner().finish().await?;
                return stop.borrow().ok_or(e);
            }
        }
    }
    let first = match (first_look, args.every) {
        (Some(first), _) => first,
        (None, None) => FirstLook::take(&connect, around.wanted(), &stop).await,
        (None, Some(_)) => FirstLook::when_there(&connect, &around, &stop, &mut tell).await,
    };
    let mut runner = match first {
        Ok(first) => Runner::new(connect, around, first, stop.clone()),
        Err(e) => return stop.borrow().ok_or(e),
    };
    if let Some(why) = &uncontained {
        tell(Progress::Warning(contain::unsafe_here(why)));
    }
    let exit = match args.every {
        None => {
            let passed = runner.pass(&jobs, &run_options, &mut tell).await;
            passed.map(|pass| before.and(&pass).exit(args.ignore_failures))
        }
        Some(every) => {
            let mut watched = Watched::new(path, include, owner, user);
            let reload = &mut |tell: ProgressSink<'_>| {
                if reporter.borrow().is_deaf() {
                    Reload::End
                } else {
                    watched.reload(context, &args.file, tell)
                }
            };
            runner.stay(jobs, reload, &run_options, every, &mut tell).await.map(|()| Exit::Done)
        }
    };
    runner.close().await;
    reporter.into_inner().finish().await?;
    let stopped = *stop.borrow();
    stopped.map_or(exit, Ok)
}

/// Opens a session for planning. A password that was typed for the first connection is reused for the next ones.
async fn connected(context: &Context, target: &RefCell<Target>, session: &SessionArgs) -> Result<Writer> {
    let now = target.borrow().clone();
    let writer = shared::connect(context, &now, session).await?;
    target.replace(writer.target().clone());
    Ok(writer)
}

/// Returns the environment variables that programs can inherit. Those of the service manager are left out, whatever the
/// jobs file says, because only pgkit itself may report to it.
fn environment(context: &Context) -> BTreeMap<String, String> {
    let all = context.env.vars().filter(|(name, _)| !supervisor::VARIABLES.contains(name));
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns the folder for results that the server does not accept: `$XDG_STATE_HOME/pgkit/jobs`, or else below
/// `~/.local/state`.
fn spool(context: &Context) -> Option<PathBuf> {
    let state = match context.env.nonempty("XDG_STATE_HOME") {
        Some(state) => Some(PathBuf::from(state)),
        None => context.env.home().map(|home| home.join(".local/state")),
    };
    state.map(|state| state.join("pgkit/jobs"))
}

/// Returns the target of the direct connection: the one that is named for it, if it leads to the same place as the
/// other one.
async fn target(context: &Context, root: &ArgMatches, own: &ArgMatches, args: &RunArgs) -> Result<Target> {
    let echo = &args.session.echo;
    let flags = args::connection_flags(root, own)?;
    let main = open::resolve(context, &flags, echo)?;
    let Some(named) = &args.lock_dbname else { return Ok(main) };
    // What it does not specify is taken from the other one.
    let mut direct_flags = flags.clone();
    direct_flags.dbname = Some(named.clone());
    if named.contains('=') || named.contains("://") {
        (direct_flags.host, direct_flags.port) = (None, None);
    }
    let mut direct = open::resolve(context, &direct_flags, echo)?;
    if !named.contains("dbname") && !named.contains("://") && named.contains('=') {
        direct = direct.with_database(&main.database);
    }
    let silent = EchoArgs { echo_hidden: false, quiet: true };
    let mut found = Vec::new();
    for target in [&main, &direct] {
        let reader = open::reader(context, target, args.session.settings(), &silent).await?;
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
                "--lock-dbname leads to another {what}: {theirs}, but the connection to {ours}"
            )));
        }
    }
    Ok(direct)
}

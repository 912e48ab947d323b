//! `jobs check`: shows every fault of a jobs file at once, or its jobs in the order in which they run.

use clap::{ArgMatches, Args, Command};

use super::shared::{self, FileArgs};
use crate::commands::args::{self, FormatArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{self, Exit, Result};
use crate::jobs::contain::{self, Contain};
use crate::jobs::job::{Job, Work};
use crate::jobs::keys::{KEYS, Key};
use crate::jobs::plan;
use crate::jobs::schedule::Schedule;
use crate::rows::{Flow, record};

record! {
    const COLUMNS;
    fn row(job: &Job) {
        name: text = Some(&job.name),
        schedule: text = Some(schedule(job)),
        kind: text = Some(kind(job)),
        backfill: bool = Some(job.backfill),
        depends_on: text = Some(job.depends_on.join(", ")),
    }
}

fn kind(job: &Job) -> &'static str {
    match &job.work {
        Work::Sql { database: Some(_), .. } => "sql, in another database",
        Work::Sql { transaction: true, .. } => "sql",
        Work::Sql { .. } => "sql, without a transaction",
        Work::Program { .. } => "program",
    }
}

record! {
    const KEYS_COLUMNS;
    fn key_row(key: &Key) {
        key: text = Some(key.name),
        place: text = Some(key.place.words()),
        default: text = Some(key.default),
        example: text = Some(key.example),
        meaning: text = Some(key.help),
    }
}

#[derive(Debug, Clone, Args)]
struct CheckArgs {
    #[command(flatten)]
    file: FileArgs,
    /// List all keys that a jobs file can have, and read no file
    #[arg(long, conflicts_with = "file")]
    keys: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn command() -> Command {
    let about = "Check a jobs file: show every error with file, line and job, or the jobs in the order in which they run";
    CheckArgs::augment_args(args::command("check", about))
        .about(about)
        .after_help(args::example(&["pgkit jobs check --file jobs.toml", "pgkit jobs check --keys"]))
}

/// Checks the file without connecting to a server. The exit code is 65 if something is wrong.
pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    args::refuse_connection_flags(root, "jobs check")?;
    let args: CheckArgs = shared::parse(own)?;
    if args.keys {
        let mut listing = Listing::new(context, "jobs check", KEYS_COLUMNS, &args.format)?;
        for key in KEYS {
            if listing.push(&key_row(key))? == Flow::Enough {
                break;
            }
        }
        listing.finish().await?;
        return Ok(Exit::Done);
    }
    let mut listing = Listing::new(context, "jobs check", COLUMNS, &args.format)?;
    let read = shared::read(context, &args.file)?;
    if !read.tell() {
        return Ok(Exit::BadInput);
    }
    if read.parsed.has_contained()
        && let Err(why) = contain::probe()
    {
        error::note(&format!("pgkit: WARNING: {}", contain::unsafe_here(&why)));
        for job in read.parsed.jobs.iter().filter(|job| job.contain == Contain::Strict) {
            error::note(&format!(
                "pgkit: WARNING: job {:?} does not run here: contain = \"strict\"",
                job.name
            ));
        }
    }
    for job in plan::order(&read.parsed.jobs) {
        if listing.push(&row(job))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

/// Describes a schedule in words.
fn schedule(job: &Job) -> String {
    match &job.schedule {
        Schedule::Original { every, at } => {
            let (n, unit) = [(86_400, "d"), (3600, "h"), (60, "m")]
                .into_iter()
                .find(|(seconds, _)| every % seconds == 0)
                .map_or((*every, "s"), |(seconds, unit)| (every / seconds, unit));
            at.map_or_else(
                || format!("{n}{unit} after the last run"),
                |at| format!("{n}{unit} after the last run, at {at} UTC"),
            )
        }
        Schedule::Grid { every, unit, at, .. } => {
            let zone = job.timezone.iana_name().unwrap_or("UTC");
            let unit = format!("{unit:?}").to_lowercase();
            let many = if *every == 1 { format!("every {unit}") } else { format!("every {every} {unit}s") };
            if matches!(unit.as_str(), "day" | "week") { format!("{many} at {at} {zone}") } else { many }
        }
        Schedule::Cron(cron) => {
            format!("cron {} {}", cron.as_str(), job.timezone.iana_name().unwrap_or("UTC"))
        }
    }
}

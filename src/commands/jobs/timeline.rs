//! `jobs timeline`: what ran when, and which dates were missed.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, ValueHint};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::shared::{self, LookArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{Error, Exit, Result};
use crate::jobs::job::Job;
use crate::jobs::schedule;
use crate::jobs::states;
use crate::jobs::store::Place;
use crate::jobs::timeline::strip;
use crate::jobs::timeline::{self, Entry, Window, page};
use crate::log::zone::parse_moment;
use crate::output::{self, Output, terminal};
use crate::rows::{Flow, record};
use crate::session::Reader;

record! {
    const COLUMNS;
    fn row(entry: &Entry) {
        name: text = Some(&entry.name),
        run_date: timestamptz = entry.run_date,
        started: timestamptz = entry.started,
        finished: timestamptz wide = entry.finished(),
        result: text = Some(&entry.result),
        duration_s: float8 = entry.duration_s,
        attempt: int8 wide = entry.attempt,
        host: text wide = entry.host.as_ref(),
        message: text = entry.message.as_ref(),
    }
}

#[derive(Debug, Clone, Args)]
struct TimelineArgs {
    /// How far back it goes: 24h, 7d, or a time such as 2026-11-24 or '2026-11-24 06:00'
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,
    /// Write it into this file as one page with a chart, instead of printing it; - is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn command() -> Command {
    shared::command::<TimelineArgs>(
        "timeline",
        "Show what ran when, what failed, and which dates were missed: a strip per job on a terminal, rows elsewhere",
        &["pgkit jobs timeline --since 7d", "pgkit jobs timeline rollup --html day.html"],
    )
    .arg(shared::names().num_args(0..).help("The jobs [default: all]"))
}

/// Parses the beginning of the window, as the user has given it. Errors: it is not a valid time, or not in the past (64).
fn since(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp> {
    let ago = schedule::length(text).ok().and_then(|length| SignedDuration::try_from(length).ok());
    let since = match ago {
        Some(ago) => now.checked_sub(ago).map_err(|_| format!("{text} ago is not in the calendar")),
        None => parse_moment(text, zone, now),
    };
    let since = since.map_err(|why| Error::usage(format!("--since: {why}")))?;
    if since.to_zoned(TimeZone::UTC).year() < 1 {
        return Err(Error::usage(format!("--since: {text} is before the year 1")));
    }
    if since >= now {
        return Err(Error::usage(format!("--since: {text} is not in the past")));
    }
    Ok(since)
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: TimelineArgs = shared::parse(own)?;
    args.html.as_deref().map_or(Ok(()), output::check_page)?;
    if args.html.is_some() && !args.look.format.is_untouched() {
        return Err(Error::usage("--html cannot be used with other formats or with columns"));
    }
    let read = shared::read(context, &args.look.file)?;
    let owner = read.parsed.owner.clone();
    let jobs = read.jobs()?;
    let mut picked: Vec<&Job> = Vec::new();
    for name in own.get_many::<String>("name").into_iter().flatten() {
        let job = shared::find(&jobs, name)?;
        if picked.iter().all(|other| other.name != job.name) {
            picked.push(job);
        }
    }
    if picked.is_empty() {
        picked = jobs.iter().collect();
    }
    let size = terminal::size(context.env.var("COLUMNS"));
    let style = args.look.format.style(size, &context.env);
    let draws = args.html.is_some() || (size.is_some() && args.look.format.is_plain());
    // Errors in the flags are reported before pgkit connects.
    let new = || Listing::new(context, "jobs timeline", COLUMNS, &args.look.format);
    let listing = (!draws).then(new).transpose()?;
    let asked = async |reader: &Reader, place: &Place| {
        let snapshot = states::read(reader, place).await?;
        let since = since(&args.since, &style.zone, snapshot.now)?;
        let attempts = timeline::read(reader, place, &picked, since).await?;
        let window = Window { since, now: snapshot.now };
        Ok((snapshot, window, attempts))
    };
    let ((snapshot, window, attempts), _) =
        shared::reading(context, root, own, &args.look, owner.as_deref(), asked).await?;
    let entries = timeline::with_missed(attempts, &picked, &snapshot, window);
    let names: Vec<&str> = picked.iter().map(|job| job.name.as_str()).collect();
    if let Some(path) = &args.html {
        let page = page::page(&names, &entries, window, &style.zone);
        output::write(path, &page)?;
        return Ok(Exit::Done);
    }
    let Some(mut listing) = listing else {
        let width = size.map_or(80, |(width, _)| width);
        let mut out = Output::new(None, 0)?;
        let text = strip::draw(&names, &entries, window, width, style.color, &style.zone);
        out.buffer().extend_from_slice(text.as_bytes());
        out.finish().await?;
        return Ok(Exit::Done);
    };
    for entry in &entries {
        if listing.push(&row(entry))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

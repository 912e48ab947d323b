//! `jobs next` and `jobs why`: show which jobs run when, and the decision for every job in words.

use clap::{ArgMatches, Args, Command};
use jiff::{SignedDuration, Timestamp};

use super::shared::{self, LookArgs};
use super::when::{RunRequest, parse_date};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{Exit, Result};
use crate::jobs::health;
use crate::jobs::job::Job;
use crate::jobs::plan::{self, Dates, Decision};
use crate::jobs::states;
use crate::jobs::store::{self, Place, Snapshot};
use crate::rows::{Flow, record};
use crate::session::Reader;

record! {
    const NEXT;
    fn next_row(next: Timestamp, wait: SignedDuration, name: &str, decision: String) {
        next_run: timestamptz = Some(next),
        in_s: float8 = Some(health::round(wait).as_secs_f64().max(0.0)),
        name: text = Some(name),
        decision: text = Some(decision),
    }
}

record! {
    const WHY;
    fn why_row(name: &str, runs: bool, decision: String) {
        name: text = Some(name),
        runs: text = Some(if runs { "yes" } else { "no" }),
        decision: text = Some(decision),
    }
}

#[derive(Debug, Clone, Args)]
struct NextArgs {
    /// Show at most N runs, the soonest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    lines: usize,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn next_command() -> Command {
    shared::command::<NextArgs>("next", "Show what runs next, the soonest first", &["pgkit jobs next -n 5"])
}

pub(super) fn why_command() -> Command {
    shared::command::<LookArgs>(
        "why",
        "Show for every job, or for some, whether it would run now, and why or why not",
        &["pgkit jobs why rollup"],
    )
    .arg(shared::names().num_args(0..).help("The jobs [default: all], in the order in which they run"))
}

fn decide(job: &Job, snapshot: &Snapshot) -> Decision {
    plan::decide(job, &|name| snapshot.state(name), snapshot.now)
}

/// Returns whether a job would run now, and why or why not: the decision, together with what is known about its
/// claim.
fn told(job: &Job, decision: &Decision, jobs: &[Job], snapshot: &Snapshot) -> (bool, String) {
    let stored = snapshot.jobs.get(&job.name);
    let claim = stored.and_then(|stored| stored.claim.as_ref());
    let since = stored.and_then(|stored| stored.state.row.as_ref()?.ongoing);
    let is_due = matches!(decision, Decision::Run(_));
    let waits = Some(decision).filter(|decision| matches!(decision, Decision::Blocked(..)));
    let words = waits.and_then(|_| health::waits_for(job, jobs, snapshot));
    let words = words.unwrap_or_else(|| health::words(job, decision, snapshot.now));
    let Some(since) = since else { return (is_due, words) };
    let (is_free, whose) = match claim {
        Some(claim) => {
            let host = claim.host.as_deref().unwrap_or("an unknown machine");
            match (claim.state.as_str(), claim.is_free) {
                ("held", _) => (
                    false,
                    format!(
                        "is held because its attempt on {host} was cut off: release it with pgkit jobs unlock"
                    ),
                ),
                (_, true) => (
                    true,
                    format!(
                        "takes over from {host}, whose lock is free, once none of its processes can still be running"
                    ),
                ),
                (_, false) => (false, format!("has been ongoing on {host} since {}", claim.started)),
            }
        }
        None => {
            let (at, since) = (since, health::instant(since));
            if health::is_stale(job, at, snapshot.now) {
                (true, format!("takes over from a crontabber that has had a claim on it since {since}"))
            } else {
                (false, format!("a crontabber has had a claim on it since {since}"))
            }
        }
    };
    match (is_due, is_free) {
        (true, true) => (true, format!("{words}; and {whose}")),
        (true, false) => (false, format!("is due, but {whose}")),
        (false, _) if claim.is_some_and(|claim| claim.is_free && claim.state != "held") => (false, words),
        (false, _) => (false, format!("{words}; and {whose}")),
    }
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: NextArgs = shared::parse(own)?;
    let mut listing = Listing::new(context, "jobs next", NEXT, &args.look.format)?;
    let (jobs, snapshot) = shared::look(context, root, own, &args.look).await?;
    let mut all: Vec<_> =
        jobs.iter().filter_map(|job| Some((health::next_run(job, &snapshot)?, job))).collect();
    all.sort_by(|(a, x), (b, y)| (a, &x.name).cmp(&(b, &y.name)));
    for (next, job) in all.into_iter().take(args.lines) {
        let wait = next.duration_since(snapshot.now);
        let decision = told(job, &decide(job, &snapshot), &jobs, &snapshot).1;
        if listing.push(&next_row(next, wait, &job.name, decision))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

pub(super) async fn why(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: LookArgs = shared::parse(own)?;
    let names: Vec<String> = own.get_many::<String>("name").into_iter().flatten().cloned().collect();
    decisions(context, root, own, &args, &names, &RunRequest::Due).await
}

/// Shows the decision for these jobs, or for all of them, in words: what `jobs run` would do now.
pub(super) async fn decisions(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    args: &LookArgs,
    names: &[String],
    request: &RunRequest<'_>,
) -> Result<Exit> {
    let mut listing = Listing::new(context, "jobs why", WHY, &args.format)?;
    let read = shared::read(context, &args.file)?;
    let owner = read.parsed.owner.clone();
    let jobs = read.jobs()?;
    let find = |name: &String| Ok(shared::find(&jobs, name)?.name.clone());
    let names = names.iter().map(find).collect::<Result<Vec<String>>>()?;
    let date = match (request, names.as_slice()) {
        (RunRequest::Date(text, _), [name]) => Some(parse_date(text, shared::find(&jobs, name)?)?),
        _ => None,
    };
    let asked = async |reader: &Reader, place: &Place| {
        let snapshot = states::read(reader, place).await?;
        let done = match (date, names.first()) {
            (Some(date), Some(name)) if place.has_pgkit => store::has_done(reader, place, name, date).await?,
            _ => false,
        };
        Ok((snapshot, done))
    };
    let ((snapshot, done), _) = shared::reading(context, root, own, args, owner.as_deref(), asked).await?;
    for job in plan::order(&jobs).into_iter().filter(|job| names.is_empty() || names.contains(&job.name)) {
        let state = snapshot.state(&job.name);
        let paused = state.as_ref().is_some_and(|state| state.paused);
        let (runs, words) = match (request, date) {
            (RunRequest::Date(_, false), Some(date)) if done && !paused => {
                (false, format!("has already run for {date}; use --rerun to run it again"))
            }
            (RunRequest::Date(..), Some(date)) if !paused => {
                // The decision for a plain job would not show the date.
                let named = Job { backfill: true, ..job.clone() };
                told(&named, &Decision::Run(Dates::one(date)), &jobs, &snapshot)
            }
            (RunRequest::Forced, _) if !paused => {
                told(job, &Decision::Run(plan::forced(job, state.as_ref(), snapshot.now)), &jobs, &snapshot)
            }
            _ => told(job, &decide(job, &snapshot), &jobs, &snapshot),
        };
        if listing.push(&why_row(&job.name, runs, words))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

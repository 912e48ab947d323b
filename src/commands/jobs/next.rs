//! `jobs next` and `jobs why`: what runs when, and the decision of every job in words.

use clap::{ArgMatches, Args, Command};

use super::LookArgs;
use crate::commands::Context;
use crate::commands::listing::Listing;
use crate::error::{Exit, Result};
use crate::jobs::file::Job;
use crate::jobs::health;
use crate::jobs::plan::{self, Decision};
use crate::jobs::store::Snapshot;
use crate::pipeline::Flow;
use crate::rows::Row;

const NEXT: &[&str] = &["next_run timestamptz", "in_s float8", "name text", "decision text"];
const WHY: &[&str] = &["name text", "runs text", "decision text"];

#[derive(Debug, Clone, Args)]
struct NextArgs {
    /// So many, the soonest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    lines: usize,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn next_command() -> Command {
    super::command::<NextArgs>("next", "Show what runs next, the soonest first", &["pgkit jobs next -n 5"])
}

pub(super) fn why_command() -> Command {
    super::command::<LookArgs>(
        "why",
        "Say for every job, or for one, whether it would run now, and why or why not",
        &["pgkit jobs why rollup"],
    )
    .arg(super::names().help("The job [default: every one, in the order in which they run]"))
}

fn decide(job: &Job, snapshot: &Snapshot) -> Decision {
    plan::decide(job, &|name| snapshot.jobs.get(name).map(|s| s.state.clone()), snapshot.now)
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: NextArgs = super::parse(own)?;
    let mut listing = Listing::new(context, "jobs next", NEXT, &args.look.format)?;
    let (jobs, snapshot) = super::look(context, root, own, &args.look).await?;
    let mut all: Vec<_> =
        jobs.iter().filter_map(|job| Some((health::next_run(job, &snapshot)?, job))).collect();
    all.sort_by(|(a, x), (b, y)| (a, &x.name).cmp(&(b, &y.name)));
    for (next, job) in all.into_iter().take(args.lines) {
        let wait = next.duration_since(snapshot.now);
        let row = Row::new()
            .time(Some(next))
            .float(Some(health::round(wait).as_secs_f64().max(0.0)))
            .text(Some(&job.name))
            .text(Some(health::words(job, &decide(job, &snapshot), snapshot.now)));
        if listing.push(&row)? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

pub(super) async fn why(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: LookArgs = super::parse(own)?;
    let names: Vec<String> = own.get_one::<String>("name").into_iter().cloned().collect();
    decisions(context, root, own, &args, &names, false).await
}

/// The decision for these jobs, or for all, in words: what `jobs run` would do now.
pub(super) async fn decisions(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    args: &LookArgs,
    names: &[String],
    force: bool,
) -> Result<Exit> {
    let mut listing = Listing::new(context, "jobs why", WHY, &args.format)?;
    let (jobs, snapshot) = super::look(context, root, own, args).await?;
    for name in names {
        super::find(&jobs, name)?;
    }
    for job in plan::order(&jobs).into_iter().filter(|job| names.is_empty() || names.contains(&job.name)) {
        let stored = snapshot.jobs.get(&job.name);
        let state = stored.map(|s| s.state.clone());
        let decision = match force && state.as_ref().is_none_or(|state| !state.paused) {
            true => Decision::Run(plan::forced(job, state.as_ref(), snapshot.now)),
            false => decide(job, &snapshot),
        };
        let claim = stored.and_then(|s| s.claim.as_ref());
        let since = state.and_then(|state| state.row?.ongoing);
        let free = match (since, claim) {
            (None, _) => true,
            (Some(_), Some(claim)) => claim.is_free && claim.state != "held",
            (Some(since), None) => health::is_stale(job, since, snapshot.now),
        };
        let runs = if matches!(decision, Decision::Run(_)) && free { "yes" } else { "no" };
        let mut words = health::words(job, &decision, snapshot.now);
        match (since, claim) {
            (None, _) => {}
            (Some(since), None) if free => {
                words.push_str(&format!("; and takes over what a crontabber has claimed since {since}"));
            }
            (Some(since), None) => {
                words.push_str(&format!("; but a crontabber has claimed it since {since}"))
            }
            (Some(_), Some(claim)) => {
                let host = claim.host.as_deref().unwrap_or("an unknown machine");
                let what = match (claim.state.as_str(), claim.is_free) {
                    ("held", _) => format!(
                        "but waits for a person since its attempt on {host} was cut off (pgkit jobs unlock)"
                    ),
                    (_, true) => format!(
                        "and takes over from {host}, whose lock is free, as soon as nothing of it runs any more"
                    ),
                    (_, false) => format!("but is ongoing on {host} since {}", claim.started),
                };
                words.push_str(&format!("; {what}"));
            }
        }
        let row = Row::new().text(Some(&job.name)).text(Some(runs)).text(Some(words));
        if listing.push(&row)? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

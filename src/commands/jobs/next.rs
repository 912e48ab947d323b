//! `jobs next` and `jobs why`: what runs when, and the decision of every job in words.

use clap::{Arg, ArgMatches, Args, Command};

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
    .arg(
        Arg::new("name")
            .value_name("NAME")
            .help("The job [default: every one, in the order in which they run]"),
    )
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
    let mut listing = Listing::new(context, "jobs why", WHY, &args.format)?;
    let (jobs, snapshot) = super::look(context, root, own, &args).await?;
    let order = match own.get_one::<String>("name") {
        Some(name) => vec![super::find(&jobs, name)?],
        None => plan::order(&jobs),
    };
    for job in order {
        let decision = decide(job, &snapshot);
        let runs = if matches!(decision, Decision::Run(_)) { "yes" } else { "no" };
        let mut words = health::words(job, &decision, snapshot.now);
        if let Some(since) = snapshot.jobs.get(&job.name).and_then(|s| s.state.row.as_ref()?.ongoing) {
            words.push_str(&format!("; somebody has claimed it since {since}"));
        }
        let row = Row::new().text(Some(&job.name)).text(Some(runs)).text(Some(words));
        if listing.push(&row)? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

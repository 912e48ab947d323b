//! `jobs list`: every job of the file at a glance.

use clap::{ArgMatches, Command};

use super::shared::{self, LookArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{Exit, Result};
use crate::jobs::health;
use crate::jobs::job::Job;
use crate::jobs::plan;
use crate::jobs::store::{Snapshot, Stored};
use crate::rows::{Flow, record};

record! {
    const COLUMNS;
    fn row(job: &Job, stored: Option<&Stored>, snapshot: &Snapshot) {
        name: text = Some(&job.name),
        state: text = Some(health::health(job, stored, snapshot.now).word()),
        last_run: timestamptz wide = plan_row(stored).and_then(|row| row.last_run),
        last_success: timestamptz = plan_row(stored).and_then(|row| row.last_success),
        next_run: timestamptz = health::next_run(job, snapshot),
        ongoing_since: timestamptz wide = plan_row(stored).and_then(|row| row.ongoing),
        // A claim of crontabber's does not say where it runs.
        ongoing_on: text wide = stored.and_then(|s| s.claim.as_ref()?.host.as_ref()),
        error_count: int8 = Some(stored.map_or(0, |s| s.error_count)),
        last_error: text = stored.and_then(|s| s.last_error.as_ref()).map(|e| format!("{}: {}", e.kind, e.value)),
    }
}

fn plan_row(stored: Option<&Stored>) -> Option<&plan::Row> {
    stored.and_then(|stored| stored.state.row.as_ref())
}

pub(super) fn command() -> Command {
    shared::command::<LookArgs>(
        "list",
        "List the jobs at a glance: state, last run, next run, errors",
        &["pgkit jobs list --columns name,state,next_run", "pgkit jobs list --grep failing"],
    )
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: LookArgs = shared::parse(own)?;
    let mut listing = Listing::new(context, "jobs list", COLUMNS, &args.format)?;
    let (jobs, snapshot) = shared::look(context, root, own, &args).await?;
    for job in &jobs {
        if listing.push(&row(job, snapshot.jobs.get(&job.name), &snapshot))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

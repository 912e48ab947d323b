//! `jobs list`: every job of the file at a glance.

use clap::{ArgMatches, Command};

use super::shared::{self, LookArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{Exit, Result};
use crate::jobs::health;
use crate::rows::Flow;
use crate::rows::Row;

const COLUMNS: &[&str] = &[
    "name text",
    "state text",
    "last_run timestamptz wide",
    "last_success timestamptz",
    "next_run timestamptz",
    "ongoing_since timestamptz wide",
    "ongoing_on text wide",
    "error_count int8",
    "last_error text",
];

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
        let stored = snapshot.jobs.get(&job.name);
        let row = stored.and_then(|s| s.state.row.clone()).unwrap_or_default();
        let error = stored.and_then(|s| s.last_error.as_ref()).map(|e| format!("{}: {}", e.kind, e.value));
        let row = Row::new()
            .text(Some(&job.name))
            .text(Some(health::health(job, stored, snapshot.now).word()))
            .time(row.last_run)
            .time(row.last_success)
            .time(health::next_run(job, &snapshot))
            .time(row.ongoing)
            // A claim made by crontabber does not say where the job runs.
            .text(stored.and_then(|s| s.claim.as_ref()?.host.as_ref()))
            .int(Some(stored.map_or(0, |s| s.error_count)))
            .text(error);
        if listing.push(&row)? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

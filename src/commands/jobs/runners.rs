//! `jobs runners`: lists the processes that run jobs.

use clap::{ArgMatches, Command};

use super::shared::{self, LookArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{Error, Exit, Result};
use crate::jobs::contain;
use crate::jobs::runners::{self, Runner};
use crate::rows::{Flow, record};

record! {
    const COLUMNS;
    fn row(runner: &Runner) {
        host: text = Some(&runner.host),
        pid: int8 = Some(runner.pid),
        kind: text wide = Some(&runner.kind),
        state: text = Some(runner.state()),
        last_seen: timestamptz = Some(runner.seen),
        since: timestamptz wide = Some(runner.since),
        slots: int8 wide = Some(runner.slots),
        running: int8 wide = Some(runner.running),
        jobs: int8 = Some(i64::try_from(runner.jobs.len()).unwrap_or(i64::MAX)),
        version: text wide = Some(&runner.version),
        file: text = Some(&runner.file),
        file_hash: text wide = Some(&runner.file_hash),
        not_contained: text wide = runner.uncontained.as_ref(),
    }
}

pub(super) fn command() -> Command {
    shared::command::<LookArgs>(
        "runners",
        "List the processes that run jobs, and those that did: where, since when, which version, which file",
        &["pgkit jobs runners", "pgkit jobs runners --grep gone"],
    )
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: LookArgs = shared::parse(own)?;
    let mut listing = Listing::new(context, "jobs runners", COLUMNS, &args.format)?;
    let owner = shared::owner_if_any(context, &args.file)?;
    let ask = async |reader: &_, place: &_| runners::read(reader, place).await;
    let (runners, place) = shared::reading(context, root, own, &args, owner.as_deref(), ask).await?;
    let Some(mut runners) = runners else {
        let message = format!("could not find table {} in schema {:?}", runners::TABLE, place.schema);
        return Err(Error::data(message).hint("create it with pgkit jobs upgrade"));
    };
    runners.retain(|runner| runner.kind != "init");
    for runner in &runners {
        if listing.push(&row(runner))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    let echo = &args.session.echo;
    for runner in runners.iter().filter(|runner| runner.is_there) {
        if let Some(why) = &runner.uncontained {
            let (host, pid) = (&runner.host, runner.pid);
            echo.remark(&format!("WARNING: {host}, pid {pid}: {}", contain::unsafe_here(why)));
        }
    }
    if runners.is_empty() {
        echo.remark("no runner has been recorded");
    }
    Ok(Exit::Done)
}

//! `jobs upgrade`: adds to existing tables what newer versions of pgkit use.

use clap::{ArgMatches, Command};

use super::shared::{self, WriteArgs};
use crate::commands::context::Context;
use crate::commands::open;
use crate::error::{Exit, Result};
use crate::jobs::tables::{self, Step, Where};
use crate::session::{Limits, Purpose};

pub(super) fn command() -> Command {
    let about = "Add to the tables what newer versions of pgkit use; jobs may run meanwhile";
    let examples = ["pgkit jobs upgrade", "pgkit jobs upgrade -E --lock-timeout 10s"];
    shared::command::<WriteArgs>("upgrade", about, &examples)
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: WriteArgs = shared::parse(own)?;
    let owner = shared::owner_if_any(context, &args.file)?;
    let echo = &args.session.echo;
    let target = open::target(context, root, own, echo)?;
    // Building an index takes as long as it takes.
    let limits = Limits { statement: None, ..args.session.limits() };
    let writer = open::writer(context, Purpose::Jobs, &target, limits, echo).await?;
    let wanted = Where { schema: args.schema.as_deref(), owner: owner.as_deref() };
    let mut is_upgraded = false;
    let tell = &mut |step: Step<'_>| {
        is_upgraded |= matches!(step, Step::Made(_) | Step::Built(_));
        match step {
            Step::Waits => echo.remark("another pgkit jobs upgrade is at work: waiting for it"),
            Step::Made(tables) => echo.remark(&format!("created {}", tables.join(", "))),
            Step::Drops(index) => echo.remark(&format!("removing index {index}, which was left incomplete")),
            Step::Builds(index) => echo.remark(&format!("building index {index}")),
            Step::Built(_) => {}
        }
    };
    let schema = tables::upgrade(&writer, wanted, limits.lock, tell).await?;
    let done = if is_upgraded { "the tables are upgraded" } else { "nothing to upgrade" };
    echo.remark(&format!("schema {schema:?}: {done}"));
    writer.close().await;
    Ok(Exit::Done)
}

//! `sandbox stop`: ends the server that stays.

use clap::{ArgMatches, Command};

use super::shared::SCOPE;
use crate::commands::args;
use crate::commands::context::Context;
use crate::error::{self, Exit, Result};
use crate::helper::aside;
use crate::sandbox;

/// Returns the command.
pub(super) fn command() -> Command {
    args::command("stop", "Stop the server that `start` started, and remove it")
        .after_help(args::example(&["pgkit sandbox stop"]))
}

pub(super) async fn run(context: &Context, _root: &ArgMatches, _own: &ArgMatches) -> Result<Exit> {
    let env = context.env.clone();
    let stopped = aside(move || sandbox::stop(SCOPE, &|name| env.var(name).map(str::to_owned))).await?;
    match stopped {
        Some(info) => error::note(&format!("pgkit: stopped and removed {}", info.folder.display())),
        None => error::note("pgkit: no sandbox was running"),
    }
    Ok(Exit::Done)
}

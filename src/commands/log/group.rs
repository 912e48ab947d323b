//! The command `log`, which dispatches to its subcommands.

use clap::{ArgMatches, Command};

use super::PARTS;
use crate::commands::args;
use crate::commands::context::Context;
use crate::commands::table;
use crate::error::{Exit, Result};

/// Returns the command.
pub fn command() -> Command {
    args::command("log", "Log all SQL without forgetting to stop, and read the server's log")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .after_help(args::example(&["pgkit log on --for 10m --tail", "pgkit log status", "pgkit log off"]))
}

/// Runs the command.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    table::dispatch_below(PARTS, context, root, matches).await
}

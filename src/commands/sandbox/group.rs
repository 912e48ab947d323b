//! The command `sandbox`, which dispatches to its subcommands.

use clap::{ArgMatches, Command};

use super::PARTS;
use crate::commands::args;
use crate::commands::context::Context;
use crate::commands::table;
use crate::error::{Exit, Result};

/// Returns the command.
pub fn command() -> Command {
    args::command("sandbox", "Run a throwaway server with sample data, to try everything on")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .after_help(args::example(&["pgkit sandbox tour"]))
}

/// Runs the command.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    args::refuse_connection_flags(root, "sandbox")?;
    table::dispatch_below(PARTS, context, root, matches).await
}

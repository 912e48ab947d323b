//! The command `config`, which dispatches to its subcommands.

use clap::{ArgMatches, Command};

use super::PARTS;
use crate::commands::args;
use crate::commands::context::Context;
use crate::commands::table;
use crate::error::{Exit, Result};

/// Returns the command.
pub fn command() -> Command {
    args::command("config", "Check your configuration file, and show where each value comes from")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .after_help(format!(
            "The file is config.toml in $XDG_CONFIG_HOME/pgkit (~/.config/pgkit), or the one\n\
             that PGKIT_CONFIG names; an empty PGKIT_CONFIG means none. Its description:\n\
             pgkit man servers\n\n{}",
            args::example(&["pgkit config check"])
        ))
}

/// Runs the command.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    args::refuse_connection_flags(root, "config")?;
    table::dispatch_below(PARTS, context, root, matches).await
}

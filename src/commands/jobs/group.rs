//! The command `jobs`, which dispatches to its subcommands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, ValueHint};

use super::PARTS;
use crate::commands::args;
use crate::commands::context::Context;
use crate::commands::table;
use crate::error::{Exit, Result};

/// Returns the command.
pub fn command() -> Command {
    args::command(
        "jobs",
        "Run scheduled jobs once for each date, from any number of machines, with crontabber's tables",
    )
    .subcommand_required(true)
    .arg_required_else_help(true)
    .disable_help_subcommand(true)
    .arg(
        Arg::new("file")
            .long("file")
            .value_name("FILE")
            .value_hint(ValueHint::FilePath)
            .value_parser(clap::value_parser!(PathBuf))
            .global(true)
            .help("The jobs file [default: PGKIT_JOBS, then ./jobs.toml]"),
    )
    .after_help(args::example(&[
        "pgkit jobs init && pgkit jobs init --example > jobs.toml",
        "pgkit jobs run",
        "pgkit jobs list",
        "pgkit jobs status --nagios",
    ]))
}

/// Runs the command.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    table::dispatch_below(PARTS, context, root, matches).await
}

/// Returns whether a command line is that of a monitoring plugin. Then wrong usage, too, must be answered as a
/// plugin does.
pub fn is_plugin(args: &[OsString]) -> bool {
    let has = |word: &str| args.iter().any(|arg| arg == word);
    has("jobs") && has("status") && has("--nagios")
}

//! `locks`: the report, with `--fail-after`; and the commands below it.

mod demo;
mod signal;

use std::time::Duration;

use clap::{Arg, ArgMatches, Args, Command};

use super::{Context, report};
use crate::answer::parse_duration;
use crate::cli::{ConnectionArgs, FormatArgs, SessionArgs};
use crate::error::{Exit, Result};
use crate::locks::signal::How;
use crate::locks::waited::Waited;
use crate::render::output;
use crate::report::Report;

/// The report's command, with what is more than a report.
pub fn command(report: Command) -> Command {
    report
        .arg(
            Arg::new("fail-after")
                .long("fail-after")
                .value_name("DURATION")
                .value_parser(parse_duration)
                .help_heading(None::<&str>)
                .conflicts_with("sql")
                .help("Exit with 1 when somebody has waited longer; 0: as soon as somebody waits"),
        )
        // A flag before the subcommand would be the report's.
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand(demo::command())
        .subcommand(signal::command(How::Cancel))
        .subcommand(signal::command(How::Terminate))
}

/// Adds the flags that every command below `locks` has.
fn shared(command: Command) -> Command {
    // The groups of flags bring their own description; the command's must win.
    let about = command.get_about().cloned().unwrap_or_default();
    SessionArgs::augment_args(FormatArgs::augment_args(ConnectionArgs::augment_args(command))).about(about)
}

/// Runs it.
pub async fn run(context: &Context, found: &Report, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    match matches.subcommand() {
        Some(("demo", own)) => demo::run(context, root, own).await,
        Some(("cancel", own)) => signal::run(context, How::Cancel, root, own).await,
        Some((_, own)) => signal::run(context, How::Terminate, root, own).await,
        None => {
            let limit = matches.get_one::<Duration>("fail-after").copied();
            let mut waited = Waited::new(limit, output::is_terminal());
            report::run_observed(context, found, root, matches, Some(&mut waited)).await
        }
    }
}

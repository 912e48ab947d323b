//! The command `locks`: the report, with `--fail-after`, and the subcommands.

use std::time::Duration;

use clap::{Arg, ArgMatches, Command};

use super::PARTS;
use crate::commands::context::Context;
use crate::commands::report;
use crate::commands::table;
use crate::error::{Exit, Result};
use crate::locks::waited::Waited;
use crate::output::terminal;
use crate::report::Report;
use crate::units::parse_duration;

/// Returns the report's command, with what it has in addition to the report.
pub fn command(report: Command) -> Command {
    report
        .arg(
            Arg::new("fail-after")
                .long("fail-after")
                .value_name("DURATION")
                .value_parser(parse_duration)
                .help_heading(None::<&str>)
                .conflicts_with("sql")
                .help("Exit with 1 when a session has waited longer; 0: as soon as one waits"),
        )
        // A flag before the subcommand would belong to the report.
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
}

/// Runs the command.
pub async fn run(context: &Context, found: &Report, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    if matches.subcommand().is_some() {
        return table::dispatch_below(PARTS, context, root, matches).await;
    }
    let limit = matches.get_one::<Duration>("fail-after").copied();
    // With --all there are rows although nobody waits.
    let all = matches.try_get_one::<bool>("param-all").ok().flatten().copied().unwrap_or(false);
    let mut waited = Waited::new(limit, terminal::is_stdout() && !all);
    report::run_observed(context, found, root, matches, Some(&mut waited)).await
}

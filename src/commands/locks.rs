//! `locks`: the report, with `--fail-after`.

use std::time::Duration;

use clap::{Arg, ArgMatches, Command};

use super::{Context, report};
use crate::answer::parse_duration;
use crate::error::{Exit, Result};
use crate::locks::waited::Waited;
use crate::render::output;
use crate::report::Report;

/// The report's command, with what is more than a report.
pub fn command(report: Command) -> Command {
    report.arg(
        Arg::new("fail-after")
            .long("fail-after")
            .value_name("DURATION")
            .value_parser(parse_duration)
            .help_heading(None::<&str>)
            .conflicts_with("sql")
            .help("Exit with 1 when somebody has waited longer; 0: as soon as somebody waits"),
    )
}

/// Runs it.
pub async fn run(context: &Context, found: &Report, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    let limit = matches.get_one::<Duration>("fail-after").copied();
    let mut waited = Waited::new(limit, output::is_terminal());
    report::run_observed(context, found, root, matches, Some(&mut waited)).await
}

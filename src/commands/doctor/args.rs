//! The command-line arguments of `doctor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Command, ValueHint};

use super::show::columns;
use crate::commands::args::{self, ConnectionArgs, FormatArgs, RoleArgs, ServersArgs, SessionArgs};
use crate::commands::complete;
use crate::doctor::Threshold;
use crate::rows::names;
use crate::units::parse_duration;

/// The flags that format rows. An output with a fixed format does not accept them.
const FORMATS: [&str; 10] =
    ["format", "csv", "csv_safe", "json", "header", "no_header", "columns", "sort", "limit", "grep"];

/// The flags of `doctor` itself.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Run only these checks [default: all but those of --lint and --deep]
    #[arg(value_name = "CHECK", add = complete::checks())]
    pub checks: Vec<String>,
    /// List the checks
    #[arg(long, conflicts_with_all = ["explain", "from", "against", "sample", "nagios", "prometheus"])]
    pub list: bool,
    /// Explain what CHECK looks at, why it matters, where its limits come from, and when to ignore it
    #[arg(long, conflicts_with_all = ["from", "against", "sample", "nagios", "prometheus"])]
    pub explain: bool,
    /// Look twice, this far apart, to judge rates and conditions that must last
    #[arg(id = "sample", long = "for", value_name = "DURATION", value_parser = parse_sample, conflicts_with_all = ["from", "against"])]
    pub sample: Option<Duration>,
    /// Judge this snapshot (- for stdin), or several separated by commas, instead of a server
    #[arg(long, value_name = "FILE,…", value_hint = ValueHint::FilePath)]
    pub from: Option<String>,
    /// Compare with this snapshot: judge rates since then, and show which findings are new, changed or gone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub against: Option<PathBuf>,
    /// Read limits, and findings to ignore, from this file [default: doctor.toml in pgkit's configuration folder]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub limits: Option<PathBuf>,
    /// Also run the checks of schema style
    #[arg(long)]
    pub lint: bool,
    /// Also check the data of tables and indexes with amcheck, which can take hours
    #[arg(long)]
    pub deep: bool,
    /// Look only into databases that match, as in psql; the server itself is always judged
    #[arg(long, value_name = "PATTERN", add = complete::database_names())]
    pub database: Vec<String>,
    /// Skip databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]
    #[arg(long, value_name = "PATTERN")]
    pub exclude_database: Vec<String>,
    /// Exit with 1 if a finding is at least this severe
    #[arg(long, value_name = "SEVERITY", default_value = "critical", hide_possible_values = false)]
    pub fail_on: Threshold,
    /// Do not count unseen findings in the exit code
    #[arg(long)]
    pub allow_unseen: bool,
    /// Print one line with performance data and exit with 0, 1, 2 or 3, as monitoring plugins do
    #[arg(long, conflicts_with = "prometheus", conflicts_with_all = FORMATS)]
    pub nagios: bool,
    /// Write the findings and all reports to FILE as an HTML page (- for stdout)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["nagios", "prometheus", "list", "explain"], conflicts_with_all = FORMATS)]
    pub html: Option<PathBuf>,
    /// Print metrics in Prometheus's text format, for the textfile collector
    #[arg(long, conflicts_with_all = FORMATS)]
    pub prometheus: bool,
}

/// Parses the time between the two looks, at least 100 ms. The error is a message that says which values are valid.
fn parse_sample(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(length) if length >= Duration::from_millis(100) => Ok(length),
        _ => Err("must be a number with a unit, at least 100ms, such as 10s or 5m".to_owned()),
    }
}

/// Returns the command `doctor` with its arguments and help.
pub fn command() -> Command {
    let about = "Show what is wrong with the server, worst first, with proof and remedy; exit with 1 when something is critical";
    let command = DoctorArgs::augment_args(args::command("doctor", about));
    let command = RoleArgs::augment_args(ServersArgs::augment_args(ConnectionArgs::augment_args(command)));
    SessionArgs::augment_args(FormatArgs::augment_args(command))
        .mut_arg("statement_timeout", |arg| arg.default_value("5s").help("Cancel the statement of a check after this time; 0 means no limit"))
        .mut_arg("parallel", |arg| {
            arg.hide_default_value(true).help(
                "Ask at most N servers at once, or N databases of one server [default: 8 servers, 1 database]",
            )
        })
        .about(about)
        .after_help(format!(
            "doctor only reads. What it could not look at is an unseen finding, which counts as the worst that its\n\
             check can find, unless --allow-unseen is given. It is best run as a member of pg_monitor and\n\
             pg_read_all_data.\n\n\
             Columns: {}\n\n{}",
            names(&columns(true, true)).join(", "),
            args::example(&[
                "pgkit doctor",
                "pgkit doctor --for 10s --fail-on warning",
                "pgkit doctor --explain xid-wraparound",
            ])
        ))
}

//! `log grants`: the script that lets a role read the log, and nothing else.

use clap::{ArgMatches, Args, Command};

use super::shared;
use crate::commands::args::{self, ConnectionArgs, EchoArgs};
use crate::commands::context::Context;
use crate::commands::open;
use crate::error::{Exit, Result};
use crate::output;
use crate::sql::{self, Reach, quote_ident};

const SCRIPT: &str = include_str!("../../../queries/log/grants.sql");

#[derive(Debug, Clone, Args)]
struct GrantsArgs {
    /// The role that is to read the log [default: the role that would connect]
    #[arg(long, value_name = "ROLE", add = crate::commands::complete::roles())]
    role: Option<String>,
}

pub(super) fn command() -> Command {
    let about = "Print the SQL with which a superuser lets a role read the log, and nothing else";
    let command = GrantsArgs::augment_args(args::command("grants", about));
    ConnectionArgs::augment_args(command)
        .about(about)
        .after_help(args::example(&["pgkit log grants --role oncall | psql -U postgres -d postgres"]))
}

/// Prints the script without connecting to a server.
pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: GrantsArgs = shared::parse(own)?;
    let role = match args.role {
        Some(role) => role,
        None => open::target(context, root, own, &EchoArgs { echo_hidden: false, quiet: false })?.user,
    };
    let script = SCRIPT.replace(":role", &quote_ident(&role));
    output::print_sql(&sql::harmless(&script, Reach::Unicode))?;
    Ok(Exit::Done)
}

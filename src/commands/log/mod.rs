//! `log`: where the server's log is, switching statements on and surely off again, and reading it.

mod grants;
mod lines;
mod off;
mod on;
mod path;
mod status;
mod tail;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::{Context, report};
use crate::cli::{self, ConnectionArgs, EchoArgs};
use crate::error::{Error, Exit, Result};
use crate::log::scope::Scope;
use crate::log::switch::Access;
use crate::session::{Purpose, Writer};
use crate::signals;

/// Which place is meant.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
struct ScopeArgs {
    /// The whole server, by ALTER SYSTEM: living sessions too (the default)
    #[arg(long)]
    global: bool,
    /// One database: sessions that begin from now on
    #[arg(long, value_name = "DATABASE", add = super::complete::database_names())]
    database: Option<String>,
    /// One role: sessions that begin from now on
    #[arg(long, value_name = "ROLE", add = super::complete::roles())]
    role: Option<String>,
}

impl ScopeArgs {
    /// The place that was named, if one was.
    fn scope(&self) -> Option<Scope> {
        match (&self.database, &self.role) {
            (Some(name), _) => Some(Scope::Database(name.clone())),
            (_, Some(name)) => Some(Scope::Role(name.clone())),
            _ => self.global.then_some(Scope::Global),
        }
    }
}

/// A command with the flags of the connection and of what is shown beside the answer.
fn command<A: Args>(name: &'static str, about: &'static str, examples: &[&str]) -> Command {
    let command =
        EchoArgs::augment_args(ConnectionArgs::augment_args(A::augment_args(cli::command(name, about))));
    command.about(about).after_help(cli::example(examples))
}

/// The command.
pub fn command_tree() -> Command {
    cli::command("log", "Log all SQL without forgetting to stop, and read the server's log")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(on::command())
        .subcommand(off::command())
        .subcommand(status::command())
        .subcommand(tail::command())
        .subcommand(path::command())
        .subcommand(grants::command())
        .after_help(cli::example(&["pgkit log on --for 10m --tail", "pgkit log status", "pgkit log off"]))
}

/// Runs it.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    match matches.subcommand() {
        Some(("on", own)) => on::run(context, root, own).await,
        Some(("off", own)) => off::run(context, root, own).await,
        Some(("status", own)) => status::run(context, root, own).await,
        Some(("tail", own)) => tail::run(context, root, own).await,
        Some(("path", own)) => path::run(context, root, own).await,
        Some(("grants", own)) => grants::run(context, root, own),
        _ => Err(Error::bug("a log command without its code")),
    }
}

/// The values of a group of flags.
fn parse<A: FromArgMatches>(matches: &ArgMatches) -> Result<A> {
    A::from_arg_matches(matches).map_err(|e| Error::bug(e.to_string()))
}

/// How to connect, as the flags say.
fn access(context: &Context, root: &ArgMatches, own: &ArgMatches, echo: &EchoArgs) -> Result<Access> {
    let flags = cli::connection_flags(root, own)?;
    let target = report::resolve(&flags, &context.env, echo.quiet)?;
    Ok(Access { target, echo: echo.echo(), running: context.running.clone() })
}

/// A session for looking at the log.
async fn reader(access: &Access) -> Result<Writer> {
    access.writer(Purpose::Tail, &mut signals::ask_password).await
}

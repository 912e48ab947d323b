//! What the commands below `log` share.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::commands::args::{self, ConnectionArgs, EchoArgs};
use crate::commands::context::Context;
use crate::commands::{complete, open};
use crate::error::{Error, Result};
use crate::log::scope::Scope;
use crate::log::switch::Access;
use crate::output::terminal;
use crate::session::{Purpose, Writer};

/// Which place is meant.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub(super) struct ScopeArgs {
    /// The whole server, by ALTER SYSTEM: existing sessions too (the default)
    #[arg(long)]
    pub(super) global: bool,
    /// One database: sessions that begin from now on
    #[arg(long, value_name = "DATABASE", add = complete::database_names())]
    pub(super) database: Option<String>,
    /// One role: sessions that begin from now on
    #[arg(long, value_name = "ROLE", add = complete::roles())]
    pub(super) role: Option<String>,
}

impl ScopeArgs {
    /// Returns the scope that was named, if one was.
    pub(super) fn scope(&self) -> Option<Scope> {
        match (&self.database, &self.role) {
            (Some(name), _) => Some(Scope::Database(name.clone())),
            (_, Some(name)) => Some(Scope::Role(name.clone())),
            _ => self.global.then_some(Scope::Global),
        }
    }
}

/// Returns a command with the flags for the connection and for what is shown besides the answer.
pub(super) fn command<A: Args>(name: &'static str, about: &'static str, examples: &[&str]) -> Command {
    let command =
        EchoArgs::augment_args(ConnectionArgs::augment_args(A::augment_args(args::command(name, about))));
    command.about(about).after_help(args::example(examples))
}

/// Returns the values of a group of flags.
pub(super) fn parse<A: FromArgMatches>(matches: &ArgMatches) -> Result<A> {
    A::from_arg_matches(matches).map_err(|e| Error::bug(e.to_string()))
}

/// Returns how to connect according to the flags.
pub(super) fn access(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    echo: &EchoArgs,
) -> Result<Access> {
    let target = open::target(context, root, own, echo)?;
    Ok(Access { target, echo: echo.echo(), running: context.running.clone() })
}

/// Opens a session for reading the log.
pub(super) async fn reader(access: &Access) -> Result<Writer> {
    access.writer(Purpose::Tail, &mut terminal::ask_password).await
}

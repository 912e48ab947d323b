//! Tables of commands: each command's definition for clap, and the function that runs it.

use clap::{ArgMatches, Command};
use futures_util::future::LocalBoxFuture;

use super::context::Context;
use crate::error::{Error, Exit, Result};
use crate::report::Report;

/// The function that runs a command, with the flags before it and its own.
pub type Run = for<'a> fn(&'a Context, &'a ArgMatches, &'a ArgMatches) -> LocalBoxFuture<'a, Result<Exit>>;

/// A command.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its heading in the help.
    pub group: &'static str,
    /// Creates its definition for clap.
    pub command: fn() -> Command,
    /// Runs it.
    pub run: Run,
}

/// What a report's command has in addition to the report.
pub struct Extension {
    /// The report.
    pub report: &'static str,
    /// Adds flags and subcommands to the report's command.
    pub command: fn(Command) -> Command,
    /// Runs the report or one of these subcommands.
    pub run: for<'a> fn(
        &'a Context,
        &'a Report,
        &'a ArgMatches,
        &'a ArgMatches,
    ) -> LocalBoxFuture<'a, Result<Exit>>,
}

/// An [`Entry`]: its name, the function that makes the command, the one that runs it, and its group if it is not
/// among the tools.
macro_rules! entry {
    ($name:literal, $command:path, $run:path) => {
        $crate::commands::table::entry!($name, $command, $run, $crate::commands::groups::TOOLS)
    };
    ($name:literal, $command:path, $run:path, $group:expr) => {
        $crate::commands::table::Entry {
            name: $name,
            group: $group,
            command: $command,
            run: |context, root, own| Box::pin($run(context, root, own)),
        }
    };
}
pub(super) use entry;

/// Adds every command of a table.
pub fn add_all(parent: Command, table: &[Entry]) -> Command {
    table.iter().fold(parent, |parent, entry| parent.subcommand((entry.command)()))
}

/// Runs the command of this name. `root` has the flags before it.
pub async fn dispatch(
    table: &[Entry],
    context: &Context,
    root: &ArgMatches,
    (name, own): (&str, &ArgMatches),
) -> Result<Exit> {
    match table.iter().find(|entry| entry.name == name) {
        Some(entry) => (entry.run)(context, root, own).await,
        None => Err(Error::bug(format!("no code for the command {name}"))),
    }
}

/// Runs the subcommand that a command's arguments name.
pub async fn dispatch_below(
    table: &[Entry],
    context: &Context,
    root: &ArgMatches,
    matches: &ArgMatches,
) -> Result<Exit> {
    match matches.subcommand() {
        Some(named) => dispatch(table, context, root, named).await,
        None => Err(Error::bug("a command line without a command")),
    }
}

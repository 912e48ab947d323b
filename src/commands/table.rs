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
    /// Its subcommands.
    pub parts: &'static [Entry],
}

/// What a report's command has in addition to the report.
pub struct Extension {
    /// The report.
    pub report: &'static str,
    /// Adds flags to the report's command.
    pub command: fn(Command) -> Command,
    /// The subcommands.
    pub parts: &'static [Entry],
    /// Runs the report or one of these subcommands.
    pub run: for<'a> fn(
        &'a Context,
        &'a Report,
        &'a ArgMatches,
        &'a ArgMatches,
    ) -> LocalBoxFuture<'a, Result<Exit>>,
}

/// Creates an [`Entry`] from its name, the function that creates the command, and the function that runs it. `parts:` gives its
/// subcommands, `group:` its group if that is not the tools.
macro_rules! entry {
    ($name:literal, $command:path, $run:path) => {
        $crate::commands::table::entry!($name, $command, $run, parts: &[])
    };
    ($name:literal, $command:path, $run:path, parts: $parts:expr) => {
        $crate::commands::table::entry!($name, $command, $run, $parts, $crate::commands::groups::TOOLS)
    };
    ($name:literal, $command:path, $run:path, group: $group:expr) => {
        $crate::commands::table::entry!($name, $command, $run, &[], $group)
    };
    ($name:literal, $command:path, $run:path, $parts:expr, $group:expr) => {
        $crate::commands::table::Entry {
            name: $name,
            group: $group,
            command: $command,
            run: |context, root, own| Box::pin($run(context, root, own)),
            parts: $parts,
        }
    };
}
pub(super) use entry;

/// Adds every command of a table, with its subcommands. Commands that the command line does not name are added without flags and
/// help, because creating all of them takes longer than everything else at the start.
pub fn add_all(parent: Command, table: &[Entry], is_named: &dyn Fn(&str) -> bool) -> Command {
    table.iter().fold(parent, |parent, entry| {
        parent.subcommand(match is_named(entry.name) {
            true => add_below((entry.command)(), entry.parts, is_named),
            false => Command::new(entry.name),
        })
    })
}

/// Works like [`add_all`] for the subcommands of a command. If the command line names none of them, its answer may be the
/// command's help, which needs them all.
pub fn add_below(parent: Command, parts: &[Entry], is_named: &dyn Fn(&str) -> bool) -> Command {
    match parts.iter().any(|entry| is_named(entry.name)) {
        true => add_all(parent, parts, is_named),
        false => add_all(parent, parts, &|_| true),
    }
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

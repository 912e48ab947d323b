//! `config check`: every error of the configuration file.

use clap::{ArgMatches, Command};

use super::{defaults, reading};
use crate::commands::args;
use crate::commands::context::Context;
use crate::error::{self, Error, Exit, Result};

/// Returns the command.
pub fn command() -> Command {
    args::command("check", "Check the configuration file: show every error with its line")
        .after_help(args::example(&["PGKIT_CONFIG=./config.toml pgkit config check"]))
}

/// Prints the errors of the configuration file. The exit code is 65 if there are any.
pub async fn run(context: &Context, _root: &ArgMatches, _own: &ArgMatches) -> Result<Exit> {
    let Some(path) = reading::path(&context.env) else {
        error::note("pgkit: PGKIT_CONFIG is empty, so there is no configuration file");
        return Ok(Exit::Done);
    };
    let shown = path.display();
    let mut errors: Vec<Error> = match reading::load(&context.env) {
        Ok(config) if config.path.is_none() => {
            error::note(&format!("pgkit: there is no configuration file {shown}"));
            return Ok(Exit::Done);
        }
        Ok(config) => {
            let faults = defaults::faults(&context.tree, &config, &context.reports, &|_| true);
            faults.iter().map(|fault| reading::error(&path, fault)).collect()
        }
        Err(errors) => errors,
    };
    errors.iter().for_each(error::print);
    match errors.drain(..).next() {
        Some(first) => Ok(first.exit),
        None => {
            error::note(&format!("pgkit: {shown} has no errors"));
            Ok(Exit::Done)
        }
    }
}

//! `config check`: every error of the configuration file.

use clap::{ArgMatches, Command};

use super::{defaults, reading};
use crate::commands::args;
use crate::commands::context::Context;
use crate::config::{Config, Fault};
use crate::connect;
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
    let errors: Vec<Error> = match reading::load(&context.env) {
        Ok(config) if config.path.is_none() => {
            error::note(&format!("pgkit: there is no configuration file {shown}"));
            return Ok(Exit::Done);
        }
        Ok(config) => {
            let faults = defaults::faults(&context.tree, &config, &context.reports, &|_| true);
            let faults = faults.into_iter().chain(servers(context, &config)?);
            faults.map(|fault| reading::plain_error(&path, &fault)).collect()
        }
        Err(errors) => errors,
    };
    errors.iter().for_each(error::print);
    if let Some(first) = errors.first() {
        return Ok(first.exit);
    }
    error::note(&format!("pgkit: {shown} has no errors"));
    Ok(Exit::Done)
}

/// Returns a fault for each server that has no connection string and is no service, and for each unknown member of a group.
/// Errors: the service file cannot be read (64).
fn servers(context: &Context, config: &Config) -> Result<Vec<Fault>> {
    let services = connect::services(&context.env, &connect::Disk)?;
    let is_service = |name: &String| services.contains(name);
    let mut faults = Vec::new();
    for server in
        config.servers.iter().filter(|server| server.conninfo.is_none() && !is_service(&server.name))
    {
        let why = format!("server {:?} has no conninfo, and there is no service of that name", server.name);
        faults.push(Fault { line: server.line, why });
    }
    for group in &config.groups {
        let is_unknown =
            |name: &&String| !name.starts_with('@') && config.server(name).is_none() && !is_service(name);
        for name in group.members.iter().filter(is_unknown) {
            let why = format!("group {:?}: there is no server and no service {name:?}", group.name);
            faults.push(Fault { line: group.line, why });
        }
    }
    Ok(faults)
}

//! The servers that a command asks, if it asks several.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use clap::{ArgMatches, FromArgMatches};

use super::args::{EchoArgs, ServersArgs, connection_flags};
use super::context::Context;
use crate::connect::{self, Flags, Listed, Target};
use crate::error::{self, Error, Result};

/// How many servers are asked at once unless the user says otherwise.
const PARALLEL: usize = 8;
/// How long each server may take to let a session in, unless a setting says otherwise. Of many servers some do not answer,
/// and the others must not wait for them for two minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One of several servers.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name, for the column `server`.
    pub name: String,
    pub target: Target,
}

/// Several servers.
#[derive(Debug, Clone)]
pub struct Servers {
    /// In the order in which they were named.
    pub list: Vec<Server>,
    /// How many may be asked at once, and how many connections there may be to the same host and port.
    pub parallel: usize,
}

/// Returns whether the value of `--service` stands for several servers: a list, or `all`.
pub fn is_list(service: &str) -> bool {
    service.contains(',') || service == "all"
}

/// Returns the servers that `--service` and `--servers` name; `None` if they do not name several.
///
/// Errors: flags that do not fit several servers, a service that does not exist (64); the file cannot be read (74), or has a
/// fault (65).
pub fn several(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    echo: &EchoArgs,
) -> Result<Option<Servers>> {
    let args = ServersArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let flags = connection_flags(root, own)?;
    let named = match (&flags.service, &args.servers) {
        (Some(_), Some(_)) => {
            return Err(Error::usage("--service cannot be used with --servers").hint("leave out one of them"));
        }
        (None, Some(file)) => read(file)?.into_iter().map(|listed| of_file(&flags, listed)).collect(),
        (Some(service), None) if is_list(service) => of_services(context, &flags, service)?,
        _ if args.parallel.is_some() => {
            return Err(Error::usage("--parallel can only be used with several servers")
                .hint("name them with --service a,b or --servers FILE"));
        }
        _ => return Ok(None),
    };
    refuse_one_server(&flags)?;
    let mut warnings = BTreeSet::new();
    let mut list = Vec::new();
    for (name, flags) in named {
        let target = connect::resolve(&flags, &context.env, &connect::Disk);
        let mut target = target.map_err(|e| Error { message: format!("{name}: {}", e.message), ..e })?;
        target.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        warnings.extend(target.warnings.iter().cloned());
        list.push(Server { name, target });
    }
    if !echo.quiet {
        warnings.iter().for_each(|warning| error::note(&format!("pgkit: {warning}")));
    }
    context.passwords.name_hosts();
    Ok(Some(Servers { list, parallel: args.parallel.map_or(PARALLEL, usize::from) }))
}

/// Refuses flags that name one server beside several. Errors: wrong usage (64).
fn refuse_one_server(flags: &Flags) -> Result<()> {
    if flags.host.is_some() {
        return Err(Error::usage("-h cannot be used with several servers")
            .hint("it would lead to the same host for each of them"));
    }
    if flags.dbname.as_deref().is_some_and(connect::is_connection_string) {
        return Err(Error::usage("-d takes only the name of a database with several servers")
            .hint("put a connection string into the service file, or into the file of --servers"));
    }
    Ok(())
}

/// Reads the file of `--servers`. Errors: it cannot be read (74), or has a fault (65).
fn read(path: &Path) -> Result<Vec<Listed>> {
    let (name, read) = if path == Path::new("-") {
        let mut bytes = Vec::new();
        ("stdin".to_owned(), std::io::stdin().read_to_end(&mut bytes).map(|_| bytes))
    } else {
        (path.display().to_string(), std::fs::read(path))
    };
    let bytes = read.map_err(|e| Error::io(format!("could not read {name}"), &e))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::data(format!("{name} is not UTF-8")))?;
    connect::servers(&name, &text)
}

/// Returns the name of a server of a file, and the flags that lead to it.
fn of_file(flags: &Flags, listed: Listed) -> (String, Flags) {
    (listed.name, Flags { otherwise: Some(listed.conninfo), ..flags.clone() })
}

/// Returns the names of services, each once, and the flags that lead to them. Errors: there is none (64).
fn of_services(context: &Context, flags: &Flags, list: &str) -> Result<Vec<(String, Flags)>> {
    let mut names: Vec<String> = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let found = match word {
            "all" => connect::services(&context.env, &connect::Disk)?,
            name => vec![name.to_owned()],
        };
        for name in found {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return Err(Error::usage(format!("--service {list}: there are no services"))
            .hint("services are defined in ~/.pg_service.conf, or in the file that PGSERVICEFILE names"));
    }
    let flags_of = |name: String| {
        let flags = Flags { service: Some(name.clone()), ..flags.clone() };
        (name, flags)
    };
    Ok(names.into_iter().map(flags_of).collect())
}

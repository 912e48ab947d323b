//! The servers that a command asks, if it asks several.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use clap::{ArgMatches, FromArgMatches};

use super::args::{EchoArgs, ServersArgs, connection_flags};
use super::context::Context;
use crate::config::{self, Config, PASSWORD_AGE};
use crate::connect::{self, Environment, Flags, Listed, PasswordCommand, Printed, Ssh, Target};
use crate::error::{Error, Result};

/// The environment variable with the command that prints a password.
const PASSWORD_COMMAND: &str = "PGKIT_PASSWORD_COMMAND";
/// How long each server may take to let a session in, unless a setting says otherwise. Of many servers some do not answer,
/// and the others must not wait for them for two minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One of several servers.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name, for the column `server`.
    pub name: String,
    /// The flags for it alone.
    pub flags: Flags,
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

/// Returns whether the value of `--service` stands for several servers: a list, a group, or `all`.
pub fn is_list(service: &str) -> bool {
    service.contains(',') || service.starts_with('@') || service == "all"
}

/// Returns what the configuration file says about the server that `--service` names; `None` if it does not name one there.
pub fn named<'a>(context: &'a Context, flags: &Flags) -> Option<&'a config::Server> {
    flags.service.as_deref().and_then(|name| context.config.server(name))
}

/// Returns flags for one server with what the configuration file says about it.
///
/// `printed` has the passwords that commands have printed before.
pub fn configured(config: &Config, env: &Environment, flags: &Flags, printed: &Printed) -> Flags {
    let server = flags.service.as_deref().and_then(|name| config.server(name));
    let mut flags = flags.clone();
    if let Some(conninfo) = server.and_then(|server| server.conninfo.clone()) {
        flags.service = None;
        flags.otherwise = Some(conninfo);
    }
    if flags.ssh.is_none() {
        flags.ssh = server.and_then(|server| server.ssh.clone());
    }
    let own = server.and_then(|server| Some((server.password_command.clone()?, server.password_max_age)));
    let of_environment = env.nonempty(PASSWORD_COMMAND).map(|command| (command.to_owned(), None));
    let general = config.password_command.as_ref().map(|command| (command.clone(), config.password_max_age));
    flags.password_command = own.or(of_environment).or(general).map(|(command, age)| PasswordCommand {
        command,
        max_age: age.unwrap_or(PASSWORD_AGE),
        printed: printed.clone(),
    });
    flags
}

/// Resolves the flags of one server, with what the configuration file says about it. Errors: see [`connect::resolve`].
pub fn resolve(context: &Context, flags: &Flags) -> Result<Target> {
    let flags = configured(&context.config, &context.env, flags, &context.printed);
    connect::resolve(&flags, &context.env, &connect::Disk)
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
        _ => return Ok(None),
    };
    refuse_one_server(&flags)?;
    let mut warnings = BTreeSet::new();
    let mut list = Vec::new();
    for (name, flags) in named {
        let target = resolve(context, &flags);
        let mut target = target.map_err(|e| Error { message: format!("{name}: {}", e.message), ..e })?;
        target.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        warnings.extend(target.warnings.iter().cloned());
        list.push(Server { name, flags, target });
    }
    warnings.iter().for_each(|warning| echo.remark(warning));
    Ssh::share(&mut list.iter_mut().map(|server| &mut server.target).collect::<Vec<_>>());
    context.passwords.name_hosts();
    Ok(Some(Servers { list, parallel: usize::from(args.parallel) }))
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

/// Returns the names of servers, each once, and the flags that lead to them. Errors: there is none, or no such group (64).
fn of_services(context: &Context, flags: &Flags, list: &str) -> Result<Vec<(String, Flags)>> {
    let config = &context.config;
    let mut names: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    if list.split(',').all(|word| word.trim().is_empty()) {
        return Err(Error::usage(format!("--service {list:?} names no server"))
            .hint("name servers as in --service a,b, or all of them with --service all"));
    }
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let found = match word.strip_prefix('@') {
            Some(group) => members(config, group)?,
            None if word == "all" => {
                let of_config = config.servers.iter().map(|server| server.name.clone());
                of_config.chain(connect::services(&context.env, &connect::Disk)?).collect()
            }
            None => vec![word.to_owned()],
        };
        for name in found {
            if known.insert(name.clone()) {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return Err(Error::usage(format!("--service {list}: there are no services")).hint(
            "services are defined in ~/.pg_service.conf, in the file that PGSERVICEFILE names, or in the configuration file",
        ));
    }
    let flags_of = |name: String| {
        let flags = Flags { service: Some(name.clone()), ..flags.clone() };
        (name, flags)
    };
    Ok(names.into_iter().map(flags_of).collect())
}

/// Returns the members of a group. Errors: there is no such group (64).
fn members(config: &Config, group: &str) -> Result<Vec<String>> {
    if let Some(members) = config.members(group) {
        return Ok(members.into_iter().map(str::to_owned).collect());
    }
    let error = Error::usage(format!("--service: unknown group \"@{group}\""));
    let groups: Vec<String> = config.groups.iter().map(|group| format!("@{}", group.name)).collect();
    Err(match groups.is_empty() {
        true => error.hint("groups are defined in the configuration file: pgkit man servers"),
        false => error.hint(format!("the groups are {}", groups.join(", "))),
    })
}

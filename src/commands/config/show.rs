//! `config show`: what is configured, and where each value comes from.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::defaults::{self, FOR_ALL};
use super::{load, reading};
use crate::commands::args::{self, FormatArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::config::{Config, Group, Line};
use crate::connect;
use crate::error::{Error, Exit, Result};
use crate::rows::{Flow, Row, names, record};
use crate::secrets;

record! {
    const COLUMNS;
    fn row(section: &str, name: &str, value: &str, source: &str) {
        section: text = Some(section),
        name: text = Some(name),
        value: text = Some(value),
        source: text = Some(source),
    }
}

/// The environment variables of pgkit's own.
const VARIABLES: &[&str] = &[
    "PGKIT_CONFIG",
    "PGKIT_EXCLUDE_DATABASE",
    "PGKIT_JOBS",
    "PGKIT_PAGER",
    "PGKIT_PASSWORD_COMMAND",
    "PGKIT_PG_BIN",
    "PGKIT_QUERIES",
];
/// The source of a value that nobody has set.
const BUILT_IN: &str = "built in";

/// Returns the command.
pub fn command() -> Command {
    let about =
        "Show the defaults, servers, groups and variables that are configured, and where each comes from";
    FormatArgs::augment_args(args::command("show", about)).about(about).after_help(format!(
        "Section is defaults (of all commands), a command, server NAME, group, or environment.\n\nColumns: {}\n\n{}",
        names(COLUMNS).join(", "),
        args::example(&["pgkit config show --grep '^server prod1'"])
    ))
}

/// Prints one line for each value.
pub async fn run(context: &Context, _root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args = FormatArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let config = load(&context.env).map_err(reading::first)?;
    let faults = defaults::faults(&context.tree, &config, &context.reports, &|_| true);
    if let (Some(fault), Some(path)) = (faults.first(), &config.path) {
        return Err(reading::error(path, fault));
    }
    let mut rows = for_all(&config);
    rows.extend(commands(&config));
    rows.extend(servers(context, &config)?);
    rows.extend(groups(&config));
    rows.extend(environment(context));
    let mut listing = Listing::new(context, "config show", COLUMNS, &args)?;
    for row in rows {
        if listing.push(&row)? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

/// Returns the source of a value in the file: its path and line.
fn of_file(config: &Config, line: usize) -> String {
    let path = config.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    format!("{path}, line {line}")
}

/// Returns the defaults of all commands: those of the file, and those that are built in.
fn for_all(config: &Config) -> Vec<Row> {
    let shared = defaults::shared();
    let one = |flag: &&str| {
        if let Some(setting) = config.defaults.iter().find(|setting| setting.flag == *flag) {
            let source = of_file(config, setting.line);
            return Some(row("defaults", flag, &setting.values.join(","), &source));
        }
        let arg = shared.get_arguments().find(|arg| arg.get_long() == Some(flag))?;
        let values = arg.get_default_values().iter().map(|value| value.to_string_lossy());
        let values = values.collect::<Vec<_>>().join(",");
        (!values.is_empty()).then(|| row("defaults", flag, &values, BUILT_IN))
    };
    FOR_ALL.iter().filter_map(one).collect()
}

/// Returns the defaults of single commands.
fn commands(config: &Config) -> Vec<Row> {
    let all = config.commands.iter().flat_map(|(name, settings)| settings.iter().map(move |one| (name, one)));
    all.map(|(name, one)| row(name, &one.flag, &one.values.join(","), &of_file(config, one.line))).collect()
}

/// Returns the servers: those of the file, and the services.
fn servers(context: &Context, config: &Config) -> Result<Vec<Row>> {
    let services = connect::services(&context.env, &connect::Disk)?;
    let mut rows = Vec::new();
    for server in &config.servers {
        let section = format!("server {}", server.name);
        if server.conninfo.is_none() {
            let is_there = services.contains(&server.name);
            let service = if is_there { server.name.as_str() } else { "(there is no such service)" };
            rows.push(row(&section, "service", service, &of_file(config, server.line)));
        }
        rows.extend(server.lines.iter().map(|line| of_line(config, &section, line)));
    }
    let only_services = services.iter().filter(|service| config.server(service).is_none());
    rows.extend(only_services.map(|name| row(&format!("server {name}"), "service", name, "service file")));
    rows.extend(config.lines.iter().map(|line| of_line(config, "servers", line)));
    Ok(rows)
}

/// Returns the row for one key of the file. Passwords in connection strings are hidden.
fn of_line(config: &Config, section: &str, line: &Line) -> Row {
    row(section, &line.key, &secrets::masked(&line.value), &of_file(config, line.line))
}

/// Returns the groups with their servers.
fn groups(config: &Config) -> Vec<Row> {
    let one = |group: &Group| {
        let members = config.members(&group.name).unwrap_or_default().join(",");
        row("group", &format!("@{}", group.name), &members, &of_file(config, group.line))
    };
    config.groups.iter().map(one).collect()
}

/// Returns the variables that are set: pgkit's own, and those that libpq has too.
fn environment(context: &Context) -> Vec<Row> {
    let is_shown = |name: &str| VARIABLES.contains(&name) || connect::is_variable(name);
    let set = context.env.vars().filter(|(name, _)| is_shown(name));
    set.map(|(name, value)| {
        let value = if name == secrets::PASSWORD { "***".to_owned() } else { secrets::masked(value) };
        row("environment", name, &value, "environment")
    })
    .collect()
}

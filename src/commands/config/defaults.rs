//! Applies the defaults of the configuration file to the flags of commands.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Args, Command, value_parser};

use super::reading;
use crate::commands::args::{self, OutputArgs, ServersArgs};
use crate::commands::words::has_short;
use crate::config::{Config, Fault, Setting};
use crate::error::Result;
use crate::likeness::nearest;
use crate::render::human;
use crate::report::Report;
use crate::rows::{Column, diff};

/// The flags that can have a default for all commands.
pub(super) const FOR_ALL: &[&str] = &[
    "format",
    "header",
    "no-header",
    "color",
    "echo-hidden",
    "quiet",
    "verbose",
    "no-pager",
    "statement-timeout",
    "lock-timeout",
    "exclude-database",
    "parallel",
];
/// The flags that can have no default: they choose the server, the role or what the command does, or are short for another
/// flag.
const NONE: &[&str] = &[
    "host",
    "port",
    "username",
    "dbname",
    "no-password",
    "password",
    "service",
    "servers",
    "ssh",
    "role",
    "sql",
    "server-version",
    "csv",
    "csv-safe",
    "json",
    "from",
    "against",
    "fail-on-change",
    "output",
    "help",
];
/// Pairs of switches that cannot both be on, with their short forms.
const OPPOSITES: &[[(&str, Option<char>); 2]] =
    &[[("header", None), ("no-header", None)], [("quiet", Some('q')), ("verbose", Some('v'))]];
/// What `--sort` and `--columns` accept besides the columns of a report: columns that are put before its own, and those of a
/// difference.
const OTHERS: [&str; 5] = ["at", "server", "database", diff::STATUS, "change"];
/// Commands beside the reports whose own flags can have defaults: they only read.
const READERS: &[&str] = &["snapshot", "waits"];

/// Returns a command with the flags that all reports have.
pub(super) fn shared() -> Command {
    OutputArgs::augment_args(ServersArgs::augment_args(Command::new("")))
}

/// Returns the tree in which the commands that are named among these words of the command line have their defaults. A word may
/// be a command's name by accident.
///
/// Errors: such a default is wrong (65).
pub fn apply(tree: Command, config: &Config, reports: &[Report], words: &[&str]) -> Result<Command> {
    let faults = faults(&tree, config, reports, &|name| words.contains(&name));
    if let (Some(fault), Some(path)) = (faults.first(), &config.path) {
        return Err(reading::error(path, fault));
    }
    if config.defaults.is_empty() && config.commands.is_empty() {
        return Ok(tree);
    }
    Ok(tree.mut_subcommands(|command| with_defaults(command, "", config, words)))
}

/// Sets the defaults of a command and of its subcommands. `above` is the name of the parent command.
fn with_defaults(command: Command, above: &str, config: &Config, words: &[&str]) -> Command {
    if !words.contains(&command.get_name()) {
        return command;
    }
    let name = format!("{above} {}", command.get_name()).trim_start().to_owned();
    let command = command.mut_subcommands(|command| with_defaults(command, &name, config, words));
    let is_typed = |flag: &str, short: Option<char>| {
        let long = format!("--{flag}");
        words.iter().any(|word| *word == long || short.is_some_and(|short| has_short(word, short)))
    };
    let mut seen: Vec<&str> = Vec::new();
    let mut on: Vec<&str> = Vec::new();
    // The command's own come first and win.
    config.of_command(&name).fold(command, |command, setting| {
        let flag = setting.flag.as_str();
        let is_opposed =
            opposite(flag).is_some_and(|(other, short)| is_typed(other, short) || on.contains(&other));
        if seen.contains(&flag) || is_opposed {
            return command;
        }
        seen.push(flag);
        if setting.values == ["true"] {
            on.push(flag);
        }
        let found = command.get_arguments().find(|arg| arg.get_long() == Some(flag));
        let Some(id) = found.map(|arg| arg.get_id().clone()) else { return command };
        command.mut_arg(id, |arg| with_default(arg, setting))
    })
}

/// Returns the switch that cannot be on at the same time.
fn opposite(flag: &str) -> Option<(&'static str, Option<char>)> {
    OPPOSITES.iter().find_map(|[one, other]| match flag {
        _ if one.0 == flag => Some(*other),
        _ if other.0 == flag => Some(*one),
        _ => None,
    })
}

/// Returns a flag with its default. A switch that is on by default can be switched off with `--quiet=false`.
fn with_default(arg: Arg, setting: &Setting) -> Arg {
    let arg = arg.default_values(setting.values.clone()).hide_default_value(false);
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    arg.action(ArgAction::Set)
        .value_parser(value_parser!(bool))
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_name("true|false")
}

/// Returns what is wrong with the defaults of all commands, and with those of the commands that `read` accepts. Other reports
/// may not have been read.
pub fn faults(
    tree: &Command,
    config: &Config,
    reports: &[Report],
    read: &dyn Fn(&str) -> bool,
) -> Vec<Fault> {
    let shared = shared();
    let mut faults: Vec<Fault> = opposed(&config.defaults).collect();
    for setting in &config.defaults {
        if setting.flag == "format" && ["tree", "sections"].iter().any(|format| setting.values == [*format]) {
            let why = format!("[defaults]: format {:?} fits only single reports", setting.values[0]);
            faults.push(Fault { line: setting.line, why });
        }
        let arg = FOR_ALL.contains(&setting.flag.as_str()).then(|| flag(&shared, &setting.flag)).flatten();
        match arg {
            Some(arg) => faults.extend(fault_of_value(arg, setting)),
            None => {
                let why = match flag(&shared, &setting.flag) {
                    _ if NONE.contains(&setting.flag.as_str()) => "cannot have a default".to_owned(),
                    Some(_) => "can have a default only for one command, as in [commands.sizes]".to_owned(),
                    None => unknown(&setting.flag, FOR_ALL.iter().copied()),
                };
                faults.push(Fault {
                    line: setting.line,
                    why: format!("[defaults]: --{}: {why}", setting.flag),
                });
            }
        }
    }
    for (name, settings) in &config.commands {
        faults.extend(faults_of_command(tree, reports, read, name, settings));
    }
    faults.sort_by_key(|fault| fault.line);
    faults
}

/// Returns what is wrong with the defaults of one command.
fn faults_of_command(
    tree: &Command,
    reports: &[Report],
    read: &dyn Fn(&str) -> bool,
    name: &str,
    settings: &[Setting],
) -> Vec<Fault> {
    let fault = |line: usize, why: String| Fault { line, why: format!("[commands.{name}]: {why}") };
    let first = settings.first().map_or(0, |setting| setting.line);
    if name == "run" {
        return vec![fault(first, "name a report, as in [commands.\"run NAME\"]".to_owned())];
    }
    if let Some(report) = name.strip_prefix("run ") {
        // The user's own reports are known only where they are asked for.
        if !read("run") {
            return Vec::new();
        }
        if command(tree, name).is_none() {
            return vec![fault(first, format!("there is no report {report:?} in your folders of reports"))];
        }
    }
    let mut command = tree;
    for word in name.split(' ') {
        let Some(found) = command.find_subcommand(word) else {
            let names = tree.get_subcommands().map(Command::get_name);
            let like = nearest(name, names, 0.8).map(|like| format!("; did you mean {like:?}?"));
            return vec![fault(first, format!("unknown command{}", like.unwrap_or_default()))];
        };
        // It may be no more than a name.
        if !read(word) {
            return Vec::new();
        }
        command = found;
    }
    let report = reports.iter().find(|report| report.name == name);
    let takes_own = report.is_some() || READERS.contains(&name) || name.starts_with("run ");
    let mut faults: Vec<Fault> = opposed(settings).collect();
    for setting in settings {
        let name = setting.flag.as_str();
        match flag(command, name) {
            None => {
                let flags = command.get_arguments().filter_map(Arg::get_long);
                faults.push(fault(setting.line, format!("--{name}: {}", unknown(name, flags))));
            }
            Some(_) if NONE.contains(&name) || !takes_own && !FOR_ALL.contains(&name) => {
                faults.push(fault(setting.line, format!("--{name} cannot have a default")));
            }
            Some(arg) => {
                let found = fault_of_value(arg, setting).map(|found| found.why);
                let found = found.or_else(|| fault_of_grep(setting));
                let found = found.or_else(|| fault_of_columns(report?, setting));
                faults.extend(found.map(|why| fault(setting.line, why)));
            }
        }
    }
    faults
}

/// Returns an error for each pair of switches that are both on, although only one can be.
fn opposed(settings: &[Setting]) -> impl Iterator<Item = Fault> {
    let is_on = |flag: &str| settings.iter().find(|one| one.flag == flag && one.values == ["true"]);
    let pairs = OPPOSITES.iter().filter_map(move |[(one, _), (other, _)]| {
        let (first, second) = (is_on(one)?, is_on(other)?);
        let line = first.line.max(second.line);
        Some(Fault { line, why: format!("{one} and {other} cannot both be true") })
    });
    pairs.collect::<Vec<_>>().into_iter()
}

/// Returns what is wrong with a regular expression.
fn fault_of_grep(setting: &Setting) -> Option<String> {
    let texts = setting.values.iter().filter(|_| setting.flag == "grep");
    let error = texts.filter_map(|text| args::grep(text).err()).next()?;
    let last = error.message.lines().last().unwrap_or_default().trim();
    Some(format!("--grep: invalid regular expression: {}", last.trim_start_matches("error: ")))
}

/// Returns what is wrong with the names of a report's columns.
fn fault_of_columns(report: &Report, setting: &Setting) -> Option<String> {
    if !["sort", "columns"].contains(&setting.flag.as_str()) || report.columns.is_empty() {
        return None;
    }
    let name_of = |value: &'_ String| value.split(':').next().unwrap_or_default().to_owned();
    let is_of_difference = |name: &str| {
        let compared = diff::compared(name);
        compared.is_some_and(|name| report.columns.iter().any(|column| column.name == name))
    };
    let is_known = |name: &str| {
        let own = |column: &Column| column.name == name || human::short_name(&column.name) == name;
        report.columns.iter().any(own) || OTHERS.contains(&name) || is_of_difference(name)
    };
    let names = setting.values.iter().map(name_of);
    let unknown = names.into_iter().find(|name| !is_known(name))?;
    Some(format!("--{}: unknown column {unknown:?}", setting.flag))
}

/// Returns the command of this name, which may have two words: `jobs run`.
fn command<'a>(tree: &'a Command, name: &str) -> Option<&'a Command> {
    name.split(' ').try_fold(tree, |tree, word| tree.find_subcommand(word))
}

/// Returns the flag of this name.
fn flag<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(name))
}

/// Returns the message for a flag that does not exist.
fn unknown<'a>(flag: &str, known: impl Iterator<Item = &'a str>) -> String {
    let like = nearest(flag, known, 0.8).map(|like| format!("; did you mean \"{like}\"?"));
    format!("unknown flag{}", like.unwrap_or_default())
}

/// Returns what is wrong with the value of a flag, if anything is.
fn fault_of_value(arg: &Arg, setting: &Setting) -> Option<Fault> {
    let fault = |why: String| Some(Fault { line: setting.line, why });
    let long = format!("--{}", setting.flag);
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
    if is_switch {
        return if setting.is_switch { None } else { fault(format!("{long} is either true or false")) };
    }
    if setting.is_switch {
        return fault(format!("{long} takes a value"));
    }
    let takes_list = matches!(arg.get_action(), ArgAction::Append);
    if setting.values.len() != 1 && !takes_list {
        return fault(format!("{long} takes one value"));
    }
    // The flag by itself: other flags of its command do not matter.
    let arg = arg
        .clone()
        .conflicts_with(Resettable::<clap::Id>::Reset)
        .requires(Resettable::<clap::Id>::Reset)
        .overrides_with(Resettable::<clap::Id>::Reset)
        .required(false);
    let command = Command::new("").no_binary_name(true).disable_help_flag(true).arg(arg);
    let words = setting.values.iter().map(|value| format!("{long}={value}"));
    let error = command.try_get_matches_from(words).err()?;
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let first = lines.first().copied().unwrap_or_default();
    let values = lines.iter().find(|line| line.starts_with("[possible values"));
    let first = first.strip_prefix("error: ").unwrap_or(first);
    fault(values.map_or_else(|| first.to_owned(), |values| format!("{first} {values}")))
}

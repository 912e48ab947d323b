//! Defaults of flags: how they get from the configuration file into a command.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Args, Command};

use super::reading;
use crate::commands::args::{OutputArgs, ServersArgs};
use crate::config::{Config, Fault, Setting};
use crate::error::Result;
use crate::likeness::nearest;
use crate::report::Report;

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
/// The flags that can have no default, because they choose the server or what the command does.
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
/// Flags that a flag on the command line stands against, with the short form of the latter.
const OPPOSITES: &[(&str, &str, Option<char>)] = &[
    ("header", "no-header", None),
    ("no-header", "header", None),
    ("quiet", "verbose", Some('v')),
    ("verbose", "quiet", Some('q')),
];
/// Commands beside the reports whose own flags can have defaults: they only read.
const READERS: &[&str] = &["snapshot", "waits"];

/// Returns the tree with the defaults of the commands whose names are among these words. A word may be a command's name by
/// accident.
///
/// Errors: such a default is wrong (65).
pub fn apply(tree: Command, config: &Config, reports: &[Report], words: &[&str]) -> Result<Command> {
    let faults = faults(&tree, config, reports, &|name| words.contains(&name));
    if let (Some(fault), Some(path)) = (faults.first(), &config.path) {
        return Err(reading::error(path, fault).hint("pgkit config check lists all errors"));
    }
    if config.defaults.is_empty() && config.commands.is_empty() {
        return Ok(tree);
    }
    Ok(tree.mut_subcommands(|command| with_defaults(command, "", config, words)))
}

/// Returns a command, and those below it, with their defaults. `above` is the name of the command above it.
fn with_defaults(command: Command, above: &str, config: &Config, words: &[&str]) -> Command {
    if !words.contains(&command.get_name()) {
        return command;
    }
    let name = format!("{above} {}", command.get_name()).trim_start().to_owned();
    let command = command.mut_subcommands(|command| with_defaults(command, &name, config, words));
    let is_typed = |flag: &str, short: Option<char>| {
        let long = format!("--{flag}");
        let is_short = |word: &str| word.starts_with('-') && !word.starts_with("--");
        words
            .iter()
            .any(|word| *word == long || short.is_some_and(|short| is_short(word) && word.contains(short)))
    };
    // The command's own come first and win.
    let mut seen: Vec<&str> = Vec::new();
    config.of_command(&name).fold(command, |command, setting| {
        let flag = setting.flag.as_str();
        let is_opposed = OPPOSITES
            .iter()
            .any(|(one, other, short)| *one == flag && (is_typed(other, *short) || seen.contains(other)));
        if seen.contains(&flag) || is_opposed {
            return command;
        }
        seen.push(flag);
        let found = command.get_arguments().find(|arg| arg.get_long() == Some(flag));
        let Some(id) = found.map(|arg| arg.get_id().clone()) else { return command };
        command.mut_arg(id, |arg| arg.default_values(setting.values.clone()).hide_default_value(false))
    })
}

/// Returns what is wrong with the defaults of all commands, and with those of the commands that are `read`: the definition of
/// another report may be incomplete.
pub fn faults(
    tree: &Command,
    config: &Config,
    reports: &[Report],
    read: &dyn Fn(&str) -> bool,
) -> Vec<Fault> {
    let shared = OutputArgs::augment_args(ServersArgs::augment_args(Command::new("")));
    let mut faults = Vec::new();
    for setting in &config.defaults {
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
        let found = command(tree, name);
        // The user's own reports are known only where they are asked for.
        if name.starts_with("run ") && !read("run") {
            continue;
        }
        let is_report = |name: &str| reports.iter().any(|report| report.name == name);
        let takes_own = is_report(name) || READERS.contains(&name.as_str()) || name.starts_with("run ");
        for setting in settings {
            let fault = |why: String| Fault { line: setting.line, why: format!("[commands.{name}]: {why}") };
            let Some(command) = found else {
                let names = tree.get_subcommands().map(Command::get_name);
                let like = nearest(name, names, 0.8).map(|like| format!("; did you mean {like:?}?"));
                faults.push(fault(format!("unknown command{}", like.unwrap_or_default())));
                break;
            };
            if !read(command.get_name()) {
                continue;
            }
            match flag(command, &setting.flag) {
                None => {
                    let flags = command.get_arguments().filter_map(Arg::get_long);
                    faults.push(fault(format!("--{}: {}", setting.flag, unknown(&setting.flag, flags))));
                }
                Some(_)
                    if NONE.contains(&setting.flag.as_str())
                        || !takes_own && !FOR_ALL.contains(&setting.flag.as_str()) =>
                {
                    faults.push(fault(format!("--{} cannot have a default", setting.flag)));
                }
                Some(arg) => faults.extend(fault_of_value(arg, setting).map(|found| fault(found.why))),
            }
        }
    }
    faults.sort_by_key(|fault| fault.line);
    faults
}

/// Returns the command of this name, which may be one below another: `jobs run`.
fn command<'a>(tree: &'a Command, name: &str) -> Option<&'a Command> {
    name.split(' ').try_fold(tree, |tree, word| tree.find_subcommand(word))
}

/// Returns the flag of this name.
fn flag<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(name))
}

/// Describes a flag that there is not.
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
        let is_one = setting.values.as_slice() == ["true"] || setting.values.as_slice() == ["false"];
        return if is_one { None } else { fault(format!("{long} is either true or false")) };
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

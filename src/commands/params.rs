//! The command of a report: one flag or argument for each of its parameters, and their values.

use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, value_parser};

use super::args::{ConnectionArgs, OutputArgs, RoleArgs, ServersArgs, command, example};
use super::complete;
use crate::answer::ArgValue;
use crate::error::{Error, Result};
use crate::render::human;
use crate::report::{Param, ParamType, Report};
use crate::units::{parse_bytes, parse_duration};

/// Returns the id of a report's parameter in clap. It has a prefix, because the report's author chooses the names,
/// and no colon, which would end the name in zsh's static completions.
fn param_id(param: &Param) -> String {
    format!("param-{}", param.name)
}

/// Returns the flag or argument of a parameter.
pub fn param_arg(param: &Param) -> Arg {
    let mut arg = Arg::new(param_id(param)).help(param.help.clone()).required(param.required);
    let metavar = param.metavar.clone().unwrap_or_else(|| match param.kind {
        ParamType::Bool | ParamType::Path => String::new(),
        ParamType::Int8 => "N".to_owned(),
        ParamType::Text | ParamType::Term | ParamType::TextList => param.name.to_uppercase(),
        ParamType::Patterns => "PATTERN".to_owned(),
        ParamType::Regex => "REGEX".to_owned(),
        ParamType::Interval => "DURATION".to_owned(),
        ParamType::Bytes => "SIZE".to_owned(),
    });
    if !param.positional {
        arg = arg.long(param.long());
    }
    if !param.kind.is_flag() {
        arg = arg.value_name(metavar);
    }
    arg = match param.kind {
        ParamType::Bool | ParamType::Path => arg.action(ArgAction::SetTrue),
        ParamType::Int8 => arg.value_parser(value_parser!(i64)).allow_negative_numbers(true),
        ParamType::Bytes => arg.value_parser(parse_bytes).allow_negative_numbers(true),
        ParamType::Interval => arg.value_parser(parse_duration).allow_negative_numbers(true),
        ParamType::Text | ParamType::Term | ParamType::Regex => arg.value_parser(value_parser!(String)),
        ParamType::TextList | ParamType::Patterns => {
            let arg = arg.value_parser(value_parser!(String)).action(ArgAction::Append);
            if param.positional { arg.num_args(0..) } else { arg }
        }
    };
    if !param.one_of.is_empty() {
        arg = arg.value_parser(PossibleValuesParser::new(param.one_of.clone()));
    }
    if param.kind == ParamType::TextList && !param.positional {
        arg = arg.value_delimiter(',');
    }
    if let Some(default) = &param.default {
        arg = arg.default_value(default.clone());
    }
    complete::param(arg, param)
}

/// Returns the value of each parameter of a report, from its command's arguments.
pub fn given(report: &Report, matches: &ArgMatches) -> Vec<ArgValue> {
    report.params.iter().map(|param| given_one(param, matches)).collect()
}

/// Returns the value of one parameter.
pub fn given_one(param: &Param, matches: &ArgMatches) -> ArgValue {
    let id = param_id(param);
    match param.kind {
        ParamType::Bool | ParamType::Path => ArgValue::Flag(matches.get_flag(&id)),
        ParamType::Int8 | ParamType::Bytes => {
            matches.get_one::<i64>(&id).map_or(ArgValue::Nothing, |n| ArgValue::Number(*n))
        }
        ParamType::Interval => {
            matches.get_one::<Duration>(&id).map_or(ArgValue::Nothing, |d| ArgValue::Length(*d))
        }
        ParamType::Text | ParamType::Term | ParamType::Regex => {
            matches.get_one::<String>(&id).map_or(ArgValue::Nothing, |t| ArgValue::Text(t.clone()))
        }
        ParamType::TextList | ParamType::Patterns => {
            ArgValue::List(matches.get_many::<String>(&id).into_iter().flatten().cloned().collect())
        }
    }
}

/// Returns a flag with its value as it was typed; `None` if it was not given.
pub fn as_typed(param: &Param, given: &ArgValue) -> Option<String> {
    let flag = format!("--{}", param.long());
    match given {
        ArgValue::Nothing | ArgValue::Flag(false) => None,
        ArgValue::Flag(true) => Some(flag),
        ArgValue::List(list) if list.is_empty() => None,
        ArgValue::List(list) => Some(format!("{flag} {}", list.join(","))),
        ArgValue::Text(text) => Some(format!("{flag} {text}")),
        ArgValue::Number(n) => Some(format!("{flag} {n}")),
        ArgValue::Length(length) => Some(format!("{flag} {}", human::seconds(length.as_secs_f64()))),
    }
}

/// Returns whether the configuration file has changed the default of a parameter.
fn is_configured(param: &Param, matches: &ArgMatches) -> bool {
    let values = matches.get_raw(&param_id(param)).into_iter().flatten();
    let value = values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",");
    let own = if param.kind.is_flag() { "false" } else { param.default.as_deref().unwrap_or_default() };
    value != own
}

/// Returns whether any flag of a report's own has its value from the configuration file.
pub fn are_configured(report: &Report, matches: &ArgMatches) -> bool {
    let is_default =
        |param: &&Param| matches.value_source(&param_id(param)) == Some(ValueSource::DefaultValue);
    report.params.iter().filter(is_default).any(|param| is_configured(param, matches))
}

/// Returns the flags and arguments of a report's own that are given on the command line or in the configuration file, in the
/// order of its parameters.
pub fn typed(report: &Report, matches: &ArgMatches) -> Vec<String> {
    let is_typed = |param: &&Param| match matches.value_source(&param_id(param)) {
        Some(ValueSource::DefaultValue) => is_configured(param, matches),
        source => source.is_some(),
    };
    let typed = |param: &Param| {
        let typed = as_typed(param, &given_one(param, matches)).unwrap_or_default();
        // An argument has no flag before it.
        if param.positional {
            typed.trim_start_matches(&format!("--{} ", param.long())).to_owned()
        } else {
            typed
        }
    };
    report.params.iter().filter(is_typed).map(typed).filter(|typed| !typed.is_empty()).collect()
}

/// Parses a line of a report's `variants`. Returns its flags, and the values of all parameters; an empty line has no
/// flags.
///
/// Errors: the line is wrong, or does not have what must be given (64).
pub fn variant(report: &Report, line: &str) -> Result<(Vec<String>, Vec<ArgValue>)> {
    let words = std::iter::once(report.name.as_str()).chain(line.split_whitespace());
    let matches = report_command(report).try_get_matches_from(words).map_err(|_| {
        let required = report.params.iter().filter(|param| param.required);
        let required: Vec<String> = required.map(|param| param.name.to_uppercase()).collect();
        match required.is_empty() {
            true => Error::usage(format!("{}: invalid flags {line:?}", report.name)),
            false => Error::usage(format!("{} needs {}", report.name, required.join(", "))),
        }
    })?;
    Ok((typed(report, &matches), given(report, &matches)))
}

/// Returns the command of a report.
pub fn report_command(report: &Report) -> Command {
    let mut about = report.summary.clone();
    if about.ends_with('.') {
        about.pop();
    }
    let mut command = command(report.name.clone(), about);
    // One whose file was not read, because it is not on the command line.
    if report.texts.is_empty() && !report.own {
        return command;
    }
    for param in &report.params {
        command = command.arg(param_arg(param));
    }
    // The groups of shared flags bring their own description; the report's must win.
    let about = command.get_about().cloned().unwrap_or_default();
    let has_role = report.params.iter().any(|param| param.long() == "role");
    command = ServersArgs::augment_args(ConnectionArgs::augment_args(command));
    if !has_role {
        command = RoleArgs::augment_args(command);
    }
    command = OutputArgs::augment_args(command).about(about);
    let example_line = report
        .example
        .clone()
        .unwrap_or_else(|| format!("pgkit {}{}", if report.own { "run " } else { "" }, report.name));
    let columns: Vec<&str> = report.columns.iter().map(|c| c.name.as_str()).collect();
    let columns =
        if columns.is_empty() { "as the server returns them".to_owned() } else { columns.join(", ") };
    let reading = report.reading.as_deref().map(|text| format!("{text}\n\n")).unwrap_or_default();
    let more = if report.notes.is_some() { "\n\nMore about the answer: pgkit man reports" } else { "" };
    command.after_help(format!("{reading}Columns: {columns}\n\n{}{more}", example(&[&example_line])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_flag_is_refused_as_a_parameters_name() {
        let command = report_command(&crate::report::built_in(|_| true).unwrap()[0]);
        for arg in command.get_arguments().filter(|a| !a.get_id().as_str().starts_with("param-")) {
            let long = arg.get_long().unwrap();
            // A report with a parameter of this name does without the shared flag.
            assert!(long == "role" || crate::report::SHARED_FLAGS.contains(&long), "{long}");
        }
    }
}

//! `run NAME`: runs a report of the user's own; `run --list` lists them.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::context::{Context, own_folders};
use super::params::report_command;
use super::{args, report};
use crate::error::{self, Error, Exit, Result};
use crate::escape::terminal;
use crate::output;
use crate::report::{OwnReports, Report};
use crate::snapshot::Snapshot;

/// Returns the command, with a subcommand for each of the user's own reports.
pub fn command(own: &OwnReports) -> Command {
    let mut run = args::command("run", "Run a report of your own: a .sql file in your queries folder")
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("List your reports, with their summaries"),
        )
        .arg(
            Arg::new("new")
                .long("new")
                .value_name("NAME")
                .conflicts_with("list")
                .help("Write a skeleton of a report into the first of your folders"),
        )
        .subcommand_value_name("NAME")
        .subcommand_help_heading("Your reports")
        .allow_external_subcommands(true)
        .disable_help_subcommand(true)
        .after_help(format!(
            "A report is NAME.sql in a folder of PGKIT_QUERIES (several: separated by colons), or in \
             $XDG_CONFIG_HOME/pgkit/queries.\n`pgkit man reports` describes its header.\n\n{}",
            args::example(&["PGKIT_QUERIES=./sql pgkit run slow --limit 5"])
        ));
    for (name, report) in own {
        run = run.subcommand(match report {
            Ok(report) => report_command(report),
            // Accept any flags, because the answer is in any case what is wrong with the report.
            Err(e) => args::command(name.clone(), e.message.clone()).arg(
                Arg::new("rest").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true).hide(true),
            ),
        });
    }
    run
}

/// Runs a report, lists the reports, or writes a new one.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    let folders = || {
        let all: Vec<String> = own_folders(&context.env).iter().map(|f| f.display().to_string()).collect();
        all.join(", ")
    };
    if let Some(fault) = &context.own_fault {
        return Err(fault.clone());
    }
    match matches.subcommand() {
        Some((name, own)) => {
            let found = context.own.iter().find(|(n, _)| n == name).map(|(_, report)| report);
            match found {
                Some(Ok(found)) => report::run(context, found, root, own).await,
                Some(Err(e)) => Err(e.clone()),
                None => {
                    if let Some(found) = of_snapshot(name, own)? {
                        let words = std::iter::once(OsString::from(name)).chain(words(own));
                        let matches = report_command(&found).try_get_matches_from(words);
                        let matches = matches.map_err(|e| Error::usage(first_line(&e)))?;
                        return report::run(context, &found, root, &matches).await;
                    }
                    let names: Vec<&str> = context.own.iter().map(|(n, _)| n.as_str()).collect();
                    let error = Error::usage(format!("run: could not find report {name:?} in {}", folders()));
                    Err(if names.is_empty() {
                        error.hint("a report is a file NAME.sql there; `pgkit man reports` describes it")
                    } else {
                        error.hint(format!("your reports: {}", names.join(", ")))
                    })
                }
            }
        }
        None if matches.get_one::<String>("new").is_some() => {
            let name = matches.get_one::<String>("new").map(String::as_str).unwrap_or_default();
            let folder = own_folders(&context.env).into_iter().next();
            write_skeleton(folder.as_deref(), name)
        }
        None if matches.get_flag("list") => {
            let mut text = String::new();
            for (name, found) in &context.own {
                match found {
                    Ok(found) => {
                        text.push_str(&format!("{}\t{}\n", terminal(name), terminal(&found.summary)))
                    }
                    Err(e) => error::print(e),
                }
            }
            if context.own.is_empty() {
                error::note(&format!("pgkit: no reports in {}", folders()));
            }
            output::print(&text)?;
            Ok(Exit::Done)
        }
        None => Err(Error::usage("run: missing report name")
            .hint("list your reports with pgkit run --list")
            .hint(format!("a report is a file NAME.sql in one of: {}", folders()))),
    }
}

/// Returns the words that follow the name of an unknown report.
fn words(own: &ArgMatches) -> impl Iterator<Item = OsString> {
    own.get_many::<OsString>("").into_iter().flatten().cloned()
}

/// Returns the report of this name as the first snapshot describes it that `--from` names; `None` if there is no such flag, or
/// no such report in the snapshot.
///
/// Errors: the snapshot cannot be read (74), or is damaged (65).
fn of_snapshot(name: &str, own: &ArgMatches) -> Result<Option<Report>> {
    let words: Vec<String> = words(own).map(|word| word.to_string_lossy().into_owned()).collect();
    let value = |(at, word): (usize, &String)| match word.strip_prefix("--from")? {
        "" => words.get(at + 1).cloned(),
        value => value.strip_prefix('=').map(str::to_owned),
    };
    // The last one counts, as for all flags.
    let files = words.iter().enumerate().filter_map(value).next_back();
    let first = files.and_then(|files| args::snapshots(&files).into_iter().next());
    // What comes through a pipe can be read only once.
    let Some(first) = first.filter(|first| first.as_path() != Path::new("-")) else { return Ok(None) };
    Ok(Snapshot::open(&first)?.own_report(name))
}

/// Returns what is wrong with a command line, in one line.
fn first_line(e: &clap::Error) -> String {
    let text = e.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.lines().next().unwrap_or_default().to_owned()
}

/// The report that `run --new` writes.
const SKELETON: &str = include_str!("skeleton.sql");

/// Writes a new report, which can be run unchanged, and prints its path.
///
/// Errors: the name is not valid or already taken (64), the file cannot be written (74).
fn write_skeleton(folder: Option<&Path>, name: &str) -> Result<Exit> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
    };
    if !is_name(name) {
        return Err(Error::usage(format!("invalid report name {name:?}"))
            .hint("a name must begin with a letter and contain only a to z, 0 to 9, _ and -"));
    }
    let folder = folder.ok_or_else(|| {
        Error::usage("no folder for reports").hint("set PGKIT_QUERIES to a folder, or set HOME")
    })?;
    let path = folder.join(format!("{name}.sql"));
    let shown = path.display();
    std::fs::create_dir_all(folder)
        .map_err(|e| Error::io(format!("could not create {}", folder.display()), &e))?;
    let file = std::fs::File::options().write(true).create_new(true).open(&path);
    let mut file = file.map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => {
            Error::usage(format!("{shown} already exists")).hint("choose another name")
        }
        _ => Error::io(format!("could not write {shown}"), &e),
    })?;
    file.write_all(SKELETON.as_bytes()).map_err(|e| Error::io(format!("could not write {shown}"), &e))?;
    output::print(&format!("{shown}\n"))?;
    error::note(&format!("pgkit: pgkit run {name} runs it; pgkit man reports describes its header"));
    Ok(Exit::Done)
}

//! `completions SHELL`: the script that makes a shell complete commands, flags, values and live names.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::aot;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use super::Context;
use crate::cli;
use crate::error::{Error, Exit, Result};
use crate::render::output;

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

/// The command.
pub fn command() -> Command {
    cli::command("completions", "Print the completion script for a shell")
        .arg(
            Arg::new("shell")
                .required(true)
                .value_name("SHELL")
                .value_parser(PossibleValuesParser::new(SHELLS))
                .help("Which shell"),
        )
        .arg(
            Arg::new("static")
                .long("static")
                .action(ArgAction::SetTrue)
                .help("Commands, flags and fixed values only: the shell never starts pgkit"),
        )
        .after_help(format!(
            "The script asks pgkit for what fits, and pgkit asks the server that the command line\n\
             and the PG* variables name for its schemas and relations, for half a second at most.\n\n{}",
            cli::example(&["source <(pgkit completions bash)"])
        ))
}

/// Prints the script.
pub fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    cli::refuse_connection_flags(root, "completions")?;
    let shell = matches.get_one::<String>("shell").map_or("bash", String::as_str);
    let script = if matches.get_flag("static") { fixed(context, shell) } else { live(shell)? };
    output::print(&script)?;
    Ok(Exit::Done)
}

fn live(shell: &str) -> Result<String> {
    let completer: &dyn EnvCompleter = match shell {
        "zsh" => &Zsh,
        "fish" => &Fish,
        "powershell" => &Powershell,
        "elvish" => &Elvish,
        _ => &Bash,
    };
    let mut script = Vec::new();
    completer
        .write_registration("COMPLETE", "pgkit", "pgkit", "pgkit", &mut script)
        .map_err(|e| Error::io("could not write the script", &e))?;
    String::from_utf8(script).map_err(|e| Error::bug("a completion script that is no text").caused_by(e))
}

fn fixed(context: &Context, shell: &str) -> String {
    let shell = match shell {
        "zsh" => aot::Shell::Zsh,
        "fish" => aot::Shell::Fish,
        "powershell" => aot::Shell::PowerShell,
        "elvish" => aot::Shell::Elvish,
        _ => aot::Shell::Bash,
    };
    let mut script = Vec::new();
    aot::generate(shell, &mut cli::tree(&context.reports, &Vec::new()), "pgkit", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

//! `completions SHELL`: the script that makes a shell complete commands, flags, values and live names.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::aot;

use super::context::Context;
use super::shells::{self, Shell};
use crate::commands::args;
use crate::error::{Exit, Result};
use crate::output;

/// Returns the command.
pub fn command() -> Command {
    args::command("completions", "Print the completion script for a shell")
        .arg(
            Arg::new("shell")
                .required(true)
                .value_name("SHELL")
                .value_parser(PossibleValuesParser::new(shells::NAMES))
                .help("The shell"),
        )
        .arg(
            Arg::new("static")
                .long("static")
                .action(ArgAction::SetTrue)
                .help("Complete only commands, flags and fixed values, without starting pgkit"),
        )
        .after_help(format!(
            "The script asks pgkit for candidates, and pgkit asks the server that the command line\n\
             and the PG* variables name for its schemas and relations, for half a second at most.\n\n{}",
            args::example(&["source <(pgkit completions bash)"])
        ))
}

/// Prints the script.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    args::refuse_connection_flags(root, "completions")?;
    let shell = matches.get_one::<String>("shell").and_then(|name| Shell::named(name)).unwrap_or(Shell::Bash);
    let script = if matches.get_flag("static") { fixed(context, shell) } else { shells::script(shell)? };
    output::print(&script)?;
    Ok(Exit::Done)
}

fn fixed(context: &Context, shell: Shell) -> String {
    let mut tree = context.tree.clone();
    let shell = match shell {
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => {
            tree = without_question_mark(tree);
            aot::Shell::Fish
        }
        Shell::Powershell => aot::Shell::PowerShell,
        Shell::Elvish => aot::Shell::Elvish,
        Shell::Bash => aot::Shell::Bash,
    };
    let mut script = Vec::new();
    aot::generate(shell, &mut tree, "pgkit", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Removes the flag `-?`: fish before version 4 takes it for a pattern of file names, and no version's argparse
/// accepts it.
fn without_question_mark(tree: Command) -> Command {
    let tree = tree.mut_args(|arg| if arg.get_short() == Some('?') { arg.short(None) } else { arg });
    tree.mut_subcommands(without_question_mark)
}

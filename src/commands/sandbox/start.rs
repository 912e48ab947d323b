//! `sandbox start`: a server that stays.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::shared::{options, with_bin_dir};
use crate::commands::args;
use crate::commands::context::Context;
use crate::error::{self, Exit, Result};
use crate::helper::aside;
use crate::output;
use crate::sandbox;

/// Returns the command.
pub(super) fn command() -> Command {
    with_bin_dir(args::command(
        "start",
        "Start a server that runs until `stop`, and print export lines for the shell",
    ))
    .arg(
        Arg::new("tcp")
            .long("tcp")
            .action(ArgAction::SetTrue)
            .help("Also listen on a free port of 127.0.0.1, with a password"),
    )
    .after_help(args::example(&["eval \"$(pgkit sandbox start)\"; pgkit relations"]))
}

pub(super) async fn run(context: &Context, _root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    let mut options = options(context, matches)?;
    options.settings.tcp = matches.get_flag("tcp");
    let (info, ran) = aside(move || sandbox::start(&options)).await?;
    if ran {
        error::note(&format!("pgkit: the sandbox is already running, in {}", info.folder.display()));
    }
    output::print(&info.exports())?;
    Ok(Exit::Done)
}

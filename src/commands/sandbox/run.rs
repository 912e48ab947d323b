//! `sandbox run`: one command on a server of its own.

use clap::{Arg, ArgMatches, Command, value_parser};

use super::shared::{end, exit_of, myself, own_server, program, with_bin_dir};
use crate::commands::args;
use crate::commands::context::Context;
use crate::error::{Error, Exit, Result};

/// Returns the command.
pub(super) fn command() -> Command {
    with_bin_dir(args::command("run", "Run one command, of pgkit or any other, on a throwaway server"))
        .arg(
            Arg::new("command")
                .required(true)
                .value_name("COMMAND")
                .num_args(1..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(value_parser!(std::ffi::OsString))
                .help("A pgkit command, or a program that connects as libpq does"),
        )
        .after_help(args::example(&[
            "pgkit sandbox run -- sizes --group-partitions",
            "pgkit sandbox run -- psql -c '\\d'",
        ]))
}

pub(super) async fn run(context: &Context, _root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    let words: Vec<std::ffi::OsString> =
        matches.get_many::<std::ffi::OsString>("command").into_iter().flatten().cloned().collect();
    let (first, rest) = words.split_first().ok_or_else(|| Error::bug("a command of no words"))?;
    let ours =
        first.to_str().is_some_and(|f| f.starts_with('-') || context.tree.find_subcommand(f).is_some());
    let server = own_server(context, matches).await?;
    let mut command = if ours {
        let mut command = program(myself()?.as_os_str(), server.info(), context);
        command.args(&words);
        command
    } else {
        let mut command = program(first, server.info(), context);
        command.args(rest);
        command
    };
    let status = command.kill_on_drop(true).status().await.map_err(|e| {
        Error::usage(format!("could not start {}", first.display()))
            .caused_by(e)
            .hint("COMMAND must be one of pgkit's commands, or a program on your PATH")
    });
    end(server).await?;
    Ok(exit_of(status?))
}

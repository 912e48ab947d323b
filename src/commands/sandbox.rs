//! `sandbox`: a throwaway server with sample data, to try everything on.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};

use super::{Context, tour};
use crate::cli;
use crate::connect::{self, Environment, Flags, Target};
use crate::error::{self, Error, Exit, Result};
use crate::helper::aside;
use crate::render::output;
use crate::sandbox::{self, Info, Options};

/// Whose the kept server is.
const SCOPE: &str = "user";

/// `--bin-dir`, for a command that starts a server.
pub fn with_bin_dir(command: Command) -> Command {
    let help = "Folder with initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual folders, PATH]";
    command.arg(
        Arg::new("bin-dir")
            .long("bin-dir")
            .value_name("DIR")
            .value_hint(ValueHint::DirPath)
            .value_parser(value_parser!(PathBuf))
            .help(help),
    )
}

/// The command.
pub fn command() -> Command {
    cli::command("sandbox", "A throwaway server with sample data, to try everything on")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(
            with_bin_dir(cli::command(
                "tour",
                "Start a server, show what pgkit is for on it, step by step, and leave nothing behind",
            ))
            .arg(
                Arg::new("no-pause")
                    .long("no-pause")
                    .action(ArgAction::SetTrue)
                    .help("Do not wait for a key after each step, as on a terminal otherwise"),
            )
            .after_help(cli::example(&["pgkit sandbox tour", "pgkit sandbox tour --no-pause | less -R"])),
        )
        .subcommand(
            with_bin_dir(cli::command(
                "run",
                "Run one command, of pgkit or any other, on a server of its own",
            ))
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
            .after_help(cli::example(&[
                "pgkit sandbox run -- sizes --group-partitions",
                "pgkit sandbox run -- psql -c '\\d'",
            ])),
        )
        .subcommand(
            with_bin_dir(cli::command(
                "start",
                "Start a server that stays until `stop`; prints export lines for the shell",
            ))
            .arg(
                Arg::new("tcp")
                    .long("tcp")
                    .action(ArgAction::SetTrue)
                    .help("Listen on a free port of 127.0.0.1 too, with a password"),
            )
            .after_help(cli::example(&["eval \"$(pgkit sandbox start)\"; pgkit relations"])),
        )
        .subcommand(
            cli::command("stop", "Stop the server that `start` started, and remove it")
                .after_help(cli::example(&["pgkit sandbox stop"])),
        )
        .subcommand(
            cli::command("status", "Say which sandboxes run; exit code 1 when `start` has none running")
                .after_help(cli::example(&["pgkit sandbox status"])),
        )
        .after_help(cli::example(&["pgkit sandbox tour"]))
}

/// Runs it.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    cli::refuse_connection_flags(root, "sandbox")?;
    match matches.subcommand() {
        Some(("tour", own)) => tour::run(context, own).await,
        Some(("run", own)) => run_one(context, own).await,
        Some(("start", own)) => start(context, own).await,
        Some(("stop", _)) => stop(context).await,
        Some(("status", _)) => status(context),
        _ => Err(Error::bug("a sandbox command without its code")),
    }
}

fn options(context: &Context, matches: &ArgMatches) -> Result<Options> {
    let env = |name: &str| context.env.var(name).map(str::to_owned);
    let bin_dir = matches.get_one::<PathBuf>("bin-dir");
    let binaries = sandbox::find_binaries(bin_dir.map(PathBuf::as_path), &env)?;
    let mut options = Options::new(binaries, &env);
    options.scope = SCOPE.to_owned();
    options.settings.sample = true;
    Ok(options)
}

/// A server of our own that is gone when this value is.
pub(super) async fn own_server(context: &Context, matches: &ArgMatches) -> Result<sandbox::Server> {
    let options = options(context, matches)?;
    aside(move || sandbox::start_own(&options)).await
}

/// The way to it, whatever the person has set for other servers.
pub(super) fn target(server: &sandbox::Server) -> Result<Target> {
    let info = server.info();
    let flags = Flags {
        host: Some(info.socket_dir.display().to_string()),
        port: Some(info.port.to_string()),
        username: Some(info.user.clone()),
        dbname: Some(info.database.clone()),
        no_password: true,
        password: false,
    };
    connect::resolve(&flags, &Environment::default(), &connect::Disk)
}

/// Stops it now rather than at the very end, so that what goes wrong is seen.
pub(super) async fn end(server: sandbox::Server) -> Result<()> {
    aside(move || {
        drop(server);
        Ok(())
    })
    .await
}

/// A program that connects to the sandbox and to nothing else.
pub(super) fn program(name: &std::ffi::OsStr, info: &Info, context: &Context) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(name);
    // What the person has set for other servers must not lead there.
    for (variable, _) in context.env.vars() {
        if variable.starts_with("PG") && !variable.starts_with("PGKIT") {
            command.env_remove(variable);
        }
    }
    command.envs(info.env());
    command
}

/// This very program.
pub(super) fn myself() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::io("could not find pgkit's own executable", &e))
}

/// A child's end as an exit code of ours, as a shell has it.
pub(super) fn exit_of(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) {
        0 => Exit::Done,
        code => Exit::Child(u8::try_from(code).unwrap_or(u8::MAX)),
    }
}

async fn run_one(context: &Context, matches: &ArgMatches) -> Result<Exit> {
    let words: Vec<std::ffi::OsString> =
        matches.get_many::<std::ffi::OsString>("command").into_iter().flatten().cloned().collect();
    let (first, rest) = words.split_first().ok_or_else(|| Error::bug("a command of no words"))?;
    let tree = cli::tree(&context.reports, &Vec::new());
    let ours = first.to_str().is_some_and(|f| f.starts_with('-') || tree.find_subcommand(f).is_some());
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
            .hint("COMMAND is one of pgkit's commands, or a program on your PATH")
    });
    end(server).await?;
    Ok(exit_of(status?))
}

async fn start(context: &Context, matches: &ArgMatches) -> Result<Exit> {
    let mut options = options(context, matches)?;
    options.settings.tcp = matches.get_flag("tcp");
    let (info, ran) = aside(move || sandbox::start(&options)).await?;
    if ran {
        error::note(&format!("pgkit: the sandbox ran already, in {}", info.folder.display()));
    }
    output::print(&info.exports())?;
    Ok(Exit::Done)
}

async fn stop(context: &Context) -> Result<Exit> {
    let env = context.env.clone();
    let stopped = aside(move || sandbox::stop(SCOPE, &|name| env.var(name).map(str::to_owned))).await?;
    match stopped {
        Some(info) => error::note(&format!("pgkit: stopped and removed {}", info.folder.display())),
        None => error::note("pgkit: no sandbox was running"),
    }
    Ok(Exit::Done)
}

fn status(context: &Context) -> Result<Exit> {
    let all = sandbox::status(&|name| context.env.var(name).map(str::to_owned))?;
    let mut text = String::new();
    for one in &all {
        let since = jiff::Timestamp::from_second(one.info.since).map(|t| t.to_string()).unwrap_or_default();
        text.push_str(&format!(
            "PostgreSQL {}, host {}, port {}, since {since}, used by {}{}\n",
            one.info.binaries.version,
            one.info.socket_dir.display(),
            one.info.port,
            one.users,
            if one.stays { ", stays until `pgkit sandbox stop`" } else { "" }
        ));
    }
    output::print(&text)?;
    if all.iter().any(|one| one.is_kept(SCOPE)) {
        Ok(Exit::Done)
    } else {
        error::note("pgkit: no sandbox of `pgkit sandbox start` is running");
        Ok(Exit::Bad)
    }
}

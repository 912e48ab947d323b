//! What the commands share that run something on a throwaway server.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};

use crate::commands::context::Context;
use crate::connect::{self, Environment, Flags, Target};
use crate::error::{Error, Exit, Result};
use crate::helper::aside;
use crate::sandbox::{self, Info, Options};

/// Whose the kept server is.
pub(super) const SCOPE: &str = "user";

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

/// A server with sample data, of the programs that are meant.
pub(super) fn options(context: &Context, matches: &ArgMatches) -> Result<Options> {
    let env = |name: &str| context.env.var(name).map(str::to_owned);
    let bin_dir = matches.get_one::<PathBuf>("bin-dir");
    let binaries = sandbox::find_binaries(bin_dir.map(PathBuf::as_path), &env)?;
    let mut options = Options::new(binaries, &env);
    options.scope = SCOPE.to_owned();
    options.settings.sample = true;
    Ok(options)
}

/// A server of our own that is gone when this value is.
pub async fn own_server(context: &Context, matches: &ArgMatches) -> Result<sandbox::Server> {
    let options = options(context, matches)?;
    aside(move || sandbox::start_own(&options)).await
}

/// The way to it, whatever the person has set for other servers.
pub fn target(server: &sandbox::Server) -> Result<Target> {
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
pub async fn end(server: sandbox::Server) -> Result<()> {
    aside(move || {
        drop(server);
        Ok(())
    })
    .await
}

/// A program that connects to the sandbox and to nothing else.
pub fn program(name: &std::ffi::OsStr, info: &Info, context: &Context) -> tokio::process::Command {
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
pub fn myself() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::io("could not find pgkit's own executable", &e))
}

/// A child's end as an exit code of ours, as a shell has it.
pub fn exit_of(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) {
        0 => Exit::Done,
        code => Exit::Child(u8::try_from(code).unwrap_or(u8::MAX)),
    }
}

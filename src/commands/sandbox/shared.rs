//! Shared code of the commands that run something on a throwaway server.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use nix::sys::signal::Signal;

use crate::commands::context::Context;
use crate::connect::{self, Environment, Flags, Target};
use crate::error::{Error, Exit, Result};
use crate::helper::aside;
use crate::sandbox::{self, Info, Options};
use crate::unsafe_spawn;

/// The scope of the kept server.
pub(super) const SCOPE: &str = "user";

/// Adds `--bin-dir` to a command that starts a server.
pub fn with_bin_dir(command: Command) -> Command {
    let help =
        "Directory of initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual directories, PATH]";
    command.arg(
        Arg::new("bin-dir")
            .long("bin-dir")
            .value_name("DIR")
            .value_hint(ValueHint::DirPath)
            .value_parser(value_parser!(PathBuf))
            .help(help),
    )
}

/// Returns the options for a server with sample data, run by the installation that the flags and the environment
/// name.
pub(super) fn options(context: &Context, matches: &ArgMatches) -> Result<Options> {
    let env = |name: &str| context.env.var(name).map(str::to_owned);
    let bin_dir = matches.get_one::<PathBuf>("bin-dir");
    let binaries = sandbox::find_binaries(bin_dir.map(PathBuf::as_path), &env)?;
    let mut options = Options::new(binaries, &env);
    options.scope = SCOPE.to_owned();
    options.settings.sample = true;
    Ok(options)
}

/// Starts a server of our own, which is gone when the value is dropped.
pub async fn own_server(context: &Context, matches: &ArgMatches) -> Result<sandbox::Server> {
    let options = options(context, matches)?;
    aside(move || sandbox::start_own(&options)).await
}

/// Returns the connection target of the server, ignoring what the user has set for other servers.
pub fn target(server: &sandbox::Server) -> Result<Target> {
    let info = server.info();
    let flags = Flags {
        host: Some(info.socket_dir.display().to_string()),
        port: Some(info.port.to_string()),
        username: Some(info.user.clone()),
        dbname: Some(info.database.clone()),
        no_password: true,
        password: false,
        ssh: None,
    };
    connect::resolve(&flags, &Environment::default(), &connect::Disk)
}

/// Stops the server now rather than at the very end, so that errors are seen.
pub async fn end(server: sandbox::Server) -> Result<()> {
    aside(move || {
        drop(server);
        Ok(())
    })
    .await
}

/// Returns a command whose libpq connections lead to the sandbox.
pub fn program(name: &std::ffi::OsStr, info: &Info, context: &Context) -> tokio::process::Command {
    let mut command = std::process::Command::new(name);
    // The server ends when we do, and a command that outlived it would look for it forever.
    unsafe_spawn::die_with_us(&mut command, Signal::SIGTERM, false, None);
    // The variables that the user has set for another server must not lead the command there.
    for (variable, _) in context.env.vars() {
        if variable.starts_with("PG") && !variable.starts_with("PGKIT") {
            command.env_remove(variable);
        }
    }
    command.envs(info.env());
    command.into()
}

/// Returns the path of pgkit's own executable.
pub fn myself() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::io("could not find pgkit's own executable", &e))
}

/// Converts a child's exit status to an exit code of ours, as a shell does.
pub fn exit_of(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) {
        0 => Exit::Done,
        code => Exit::Child(u8::try_from(code).unwrap_or(u8::MAX)),
    }
}

//! `locks cancel PID…` and `locks terminate PID…`.

use clap::{ArgMatches, Command};

use crate::commands::context::Context;
use crate::commands::signal::{self, Request};
use crate::error::{Exit, Result};
use crate::locks::signal::How;

pub(super) fn cancel_command() -> Command {
    signal::command(How::Cancel, "these sessions", true, "pgkit locks cancel 4711 --yes")
}

pub(super) fn terminate_command() -> Command {
    signal::command(How::Terminate, "these sessions", true, "pgkit locks terminate 4711 --yes")
}

pub(super) async fn cancel(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    run(context, How::Cancel, root, own).await
}

pub(super) async fn terminate(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    run(context, How::Terminate, root, own).await
}

async fn run(context: &Context, how: How, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let command = format!("locks {}", how.name());
    let request =
        Request { how, command: &command, pids: signal::pids(own), why: String::new(), is_strict: false };
    signal::run(context, request, root, own).await
}

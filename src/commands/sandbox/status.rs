//! `sandbox status`: lists the running throwaway servers.

use clap::{ArgMatches, Command};

use super::shared::SCOPE;
use crate::commands::args;
use crate::commands::context::Context;
use crate::error::{self, Exit, Result};
use crate::output;
use crate::sandbox;

/// Returns the command.
pub(super) fn command() -> Command {
    args::command(
        "status",
        "Show which sandboxes are running; exit with 1 if none of them was started by `start`",
    )
    .after_help(args::example(&["pgkit sandbox status"]))
}

pub(super) async fn run(context: &Context, _root: &ArgMatches, _own: &ArgMatches) -> Result<Exit> {
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
            if one.stays { ", runs until `pgkit sandbox stop`" } else { "" }
        ));
    }
    output::print(&text)?;
    if all.iter().any(|one| one.is_kept(SCOPE)) {
        Ok(Exit::Done)
    } else {
        error::note("pgkit: no sandbox started by `pgkit sandbox start` is running");
        Ok(Exit::BadAnswer)
    }
}

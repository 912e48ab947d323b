//! The entry point: runs the command that a command line names, or the helper as which pgkit has started itself.

use std::ffi::OsString;

use crate::error::Exit;
use crate::helper::{self, Kind, Master};
use crate::{commands, jobs, locks, log, sandbox};

/// Runs what these arguments name (the first one is the program's own name), and returns the exit code.
pub fn main(args: Vec<OsString>) -> Exit {
    let word = |i: usize| args.get(i).and_then(|arg| arg.to_str());
    match word(1) {
        Some(helper::SUBCOMMAND) => helper::main(word(2).unwrap_or_default(), live),
        _ => commands::start::main(args),
    }
}

/// Runs a helper until its end.
async fn live(kind: Kind, master: &mut Master) -> Exit {
    match kind {
        Kind::Keeper => sandbox::keeper::run(master).await,
        Kind::Watcher => log::watcher::run(master).await,
        Kind::Janitor => locks::janitor::run(master).await,
        Kind::Guard => jobs::guard::run(master).await,
    }
}

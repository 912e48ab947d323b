//! `jobs`: does crontabber's work: runs the jobs of a file when they are due, and reports their health.

mod ask;
mod change;
mod check;
mod follow;
mod group;
mod history;
mod init;
mod list;
mod next;
mod output;
mod reload;
mod report;
mod run;
mod runners;
mod shared;
mod status;
mod supervised;
mod timeline;
mod trigger;
mod upgrade;
mod watching;
mod when;

pub use super::plugin::unknown;
pub use group::{command, is_plugin, run};
pub(super) use shared::included;

use super::table::{Entry, entry};

/// The commands below `jobs`, in the order of its help.
pub(super) const PARTS: &[Entry] = &[
    entry!("init", init::command, init::run),
    entry!("upgrade", upgrade::command, upgrade::run),
    entry!("check", check::command, check::run),
    entry!("list", list::command, list::run),
    entry!("run", run::command, run::run),
    entry!("next", next::next_command, next::run),
    entry!("why", next::why_command, next::why),
    entry!("status", status::command, status::run),
    entry!("runners", runners::command, runners::run),
    entry!("history", history::command, history::run),
    entry!("output", output::command, output::run),
    entry!("timeline", timeline::command, timeline::run),
    entry!("reset", change::reset_command, change::reset),
    entry!("ghosts", history::ghosts_command, history::ghosts),
    entry!("unlock", change::unlock_command, change::unlock),
    entry!("pause", change::pause_command, change::pause),
    entry!("resume", change::resume_command, change::resume),
    entry!("guard", trigger::command, trigger::run),
];

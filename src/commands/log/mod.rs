//! `log`: finds the server's log, switches the logging of statements on and reliably off again, and reads the log.

mod grants;
mod group;
mod lines;
mod off;
mod on;
mod path;
mod report;
mod shared;
mod status;
mod tail;

pub use group::{command, run};

use super::table::{Entry, entry};

/// The commands below `log`, in the order of its help.
pub(super) const PARTS: &[Entry] = &[
    entry!("on", on::command, on::run),
    entry!("off", off::command, off::run),
    entry!("status", status::command, status::run),
    entry!("tail", tail::command, tail::run),
    entry!("report", report::command, report::run),
    entry!("path", path::command, path::run),
    entry!("grants", grants::command, grants::run),
];

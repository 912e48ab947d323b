//! `sandbox`: a throwaway server with sample data, to try everything on.

mod group;
mod run;
mod shared;
mod start;
mod status;
mod stop;
mod tour;

pub use group::{command, run};
pub use shared::{end, own_server, target, with_bin_dir};

use super::table::{Entry, entry};

/// The commands below `sandbox`, in the order of its help.
pub(super) const PARTS: &[Entry] = &[
    entry!("tour", tour::command, tour::run),
    entry!("run", run::command, run::run),
    entry!("start", start::command, start::run),
    entry!("stop", stop::command, stop::run),
    entry!("status", status::command, status::run),
];

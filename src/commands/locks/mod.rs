//! `locks`: shows which sessions wait for which, and what to do about it.

mod demo;
mod group;
mod signal;

pub use group::{command, run};

use super::table::{Entry, entry};

/// The commands below `locks`, in the order of its help.
pub(super) const PARTS: &[Entry] = &[
    entry!("demo", demo::command, demo::run),
    entry!("cancel", signal::cancel_command, signal::cancel),
    entry!("terminate", signal::terminate_command, signal::terminate),
];

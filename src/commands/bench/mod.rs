//! `bench`: two or more ways to get the same data, measured fairly.

mod demo;
mod flags;
mod group;
mod measure;
mod show;

pub use group::{command, run};

use super::table::{Entry, entry};

/// The commands below `bench`.
pub(super) const PARTS: &[Entry] = &[entry!("demo", demo::command, demo::run)];

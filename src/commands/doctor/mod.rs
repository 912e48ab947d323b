//! `doctor`: judges the rows of all reports that have checks, on one or more servers or from snapshots.

mod args;
mod explain;
mod look;
mod metrics;
mod people;
mod plugin;
mod proof;
mod run;
mod show;

pub use args::command;
pub use run::run;

//! `doctor`: judges the answers of all reports that have checks, of a server, of several, or out of snapshots.

mod args;
mod explain;
mod look;
mod metrics;
mod people;
mod plugin;
mod run;
mod show;

pub use args::command;
pub use run::run;

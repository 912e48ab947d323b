//! Runs a report: one answer, one from every database, one after the other, out of a snapshot, or compared with an earlier
//! one.

mod against;
mod everywhere;
mod fleet;
mod from;
mod look;
mod once;
mod round;
mod run;
mod verdict;
mod watch;
mod way;

pub use run::{run, run_observed};

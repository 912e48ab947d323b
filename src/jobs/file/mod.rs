//! Reads the jobs file: turns TOML into jobs, or reports every fault in it at once, each with its file, its line and its
//! job.

mod job;
mod reader;
mod whole;

#[cfg(test)]
pub use whole::parse;
pub use whole::{Included, Parsed, owner, parse_all};

//! `snapshot`: the answers of many reports in one file.

mod show;
mod take;

pub use take::{command, run};

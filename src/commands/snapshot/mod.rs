//! `snapshot`: the answers of many reports in one file.

mod choose;
mod resume;
mod show;
mod take;
mod taking;

pub use choose::chosen;
pub use take::{command, run};
pub use taking::Taking;

//! `man`: manual pages, of all commands and of each subject in `docs`.

mod commands;
mod print;
mod roff;
mod subject;

pub use print::{command, run};

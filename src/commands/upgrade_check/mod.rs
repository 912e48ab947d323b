//! `upgrade-check`: finds what would stop pg_upgrade and what would cause trouble afterwards, and writes the
//! script that fixes it.

mod check;
mod people;

pub use check::{command, run};

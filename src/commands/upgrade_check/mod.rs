//! `upgrade-check`: what would stop pg_upgrade, what would hurt afterwards, and the script that mends it.

mod check;
mod people;

pub use check::{command, run};

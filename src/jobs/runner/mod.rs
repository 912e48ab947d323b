//! The runner: decides which jobs are due, hands them to guards, and hears what becomes of them. It prints nothing: it
//! tells events.

mod guards;
mod passes;
mod upkeep;

pub use passes::{Reload, Runner, Surroundings};

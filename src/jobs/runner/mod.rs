//! The runner decides which jobs are due, hands them to guards, and takes in their results. It prints nothing
//! itself, but reports events.

mod alarms;
mod asked;
mod guards;
mod hooks;
mod look;
mod passes;
mod signs;
mod turns;
mod upkeep;

pub use look::{FirstLook, unless_stopped};
pub use passes::{Reload, Runner, Surroundings};
pub use signs::{Sign, Signs};

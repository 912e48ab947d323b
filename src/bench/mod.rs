//! Two or more ways to get the same data, measured fairly: every value goes through every variant, in an order that is
//! shuffled anew each time.

pub mod page;
pub mod params;
pub mod plot;
pub mod run;
pub mod script;
pub mod stats;

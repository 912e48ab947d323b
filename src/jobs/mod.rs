//! crontabber's job, on crontabber's tables: jobs that run on time, each date once, whichever server runs them.

pub mod file;
pub mod health;
pub mod plan;
pub mod schedule;
pub mod slots;
pub mod store;

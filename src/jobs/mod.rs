//! crontabber's job, on crontabber's tables: jobs that run on time, each date once, whichever server runs them.

pub mod account;
pub mod claim;
pub mod contain;
pub mod file;
pub mod guard;
pub mod health;
pub mod job;
pub mod keys;
pub mod lease;
pub mod occurrences;
pub mod output;
pub mod plan;
pub mod process;
pub mod queue;
pub mod requests;
pub mod runner;
pub mod runners;
pub mod schedule;
pub mod session;
pub mod spool;
pub mod store;
pub mod tables;
pub mod talk;
pub mod tell;
pub mod timeline;
pub mod trusted;

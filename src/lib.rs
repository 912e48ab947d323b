//! pgkit turns recipes of operations work on PostgreSQL into commands that pipe.
//!
//! A **report** is a `.sql` file; a row is typed cells; a format knows no report and a report knows no format.
//! Everything that is not a report is an **engine** beside a thin command.

// From the ground up: a module uses those above it in this list, never one below. `tests/layers` keeps it so.
pub(crate) mod escape;
pub(crate) mod likeness;
pub(crate) mod marks;
pub mod secrets;
pub(crate) mod unsafe_spawn;
pub(crate) mod waits;
pub(crate) mod wrap;

pub mod error;

pub(crate) mod note;
pub(crate) mod output;
pub(crate) mod pattern;
pub(crate) mod rows;
pub mod sql;
pub(crate) mod trusted;
pub(crate) mod units;

pub(crate) mod conditions;
pub(crate) mod page;
pub(crate) mod render;
pub(crate) mod signals;

pub mod connect;
pub(crate) mod pipeline;

pub(crate) mod config;
pub mod session;

pub(crate) mod helper;
pub mod report;

pub(crate) mod answer;
pub(crate) mod console;

pub(crate) mod bench;
pub(crate) mod jobs;
pub(crate) mod locks;
pub(crate) mod log;
pub mod sandbox;
pub(crate) mod snapshot;

pub(crate) mod doctor;
pub(crate) mod upgrade;

pub mod commands;

pub mod start;

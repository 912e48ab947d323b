//! pgkit turns recipes of operations work on PostgreSQL into commands that pipe.
//!
//! A **report** is a `.sql` file; a row is typed cells; a format knows no report and a report knows no format.
//! Everything that is not a report is an **engine** beside a thin command.

// From the ground up: a module uses those above it in this list, never one below. `tests/layers` keeps it so.
pub mod escape;
pub mod likeness;
pub mod marks;
pub mod secrets;
mod unsafe_spawn;
pub mod wrap;

pub mod error;

pub mod note;
pub mod output;
pub mod pattern;
pub mod rows;
pub mod sql;
pub mod units;

pub mod render;
pub mod signals;

pub mod connect;
pub mod pipeline;

pub mod session;

pub mod helper;
pub mod report;

pub mod answer;

pub mod bench;
pub mod jobs;
pub mod locks;
pub mod log;
pub mod sandbox;

pub mod upgrade;

pub mod commands;

pub mod start;

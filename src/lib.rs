//! pgkit turns recipes of operations work on PostgreSQL into commands that pipe.
//!
//! A **report** is a `.sql` file; a row is typed cells; a format knows no report and a report knows no format.
//! Everything that is not a report is an **engine** beside a thin command.

pub mod answer;
pub mod bench;
pub mod cell;
pub mod cli;
pub mod commands;
pub mod connect;
pub mod error;
pub mod helper;
pub mod jobs;
pub mod likeness;
pub mod locks;
pub mod log;
pub mod marks;
pub mod pattern;
pub mod pipeline;
pub mod render;
pub mod report;
pub mod rows;
pub mod sandbox;
pub mod secrets;
pub mod session;
pub mod signals;
pub mod sort;
pub mod sql;
mod unsafe_spawn;
pub mod upgrade;

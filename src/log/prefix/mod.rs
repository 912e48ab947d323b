//! `log_line_prefix` as a pattern that takes a line apart. Its escapes are those of the manual's chapter "Error
//! Reporting and Logging"; an escape it does not know is nothing, as for the server.

mod steps;
mod template;

pub use template::{FIELDS, Field, Fields, Head, Memory, Prefix};

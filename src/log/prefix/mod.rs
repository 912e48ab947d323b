//! `log_line_prefix` as a pattern that splits a line into fields. Its escapes are those of the manual's chapter
//! "Error Reporting and Logging"; an unknown escape stands for nothing, as it does for the server.

mod steps;
mod template;

pub use template::{FIELDS, Field, Fields, Head, Memory, Prefix};

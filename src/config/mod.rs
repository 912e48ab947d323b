//! The user's configuration file: defaults of flags, servers by name, and groups of servers.

mod file;
mod settings;

pub use file::{Fault, parse};
pub use settings::{Config, Group, Line, PASSWORD_AGE, Server, Setting};

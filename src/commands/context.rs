//! The context that every command gets.

use std::cell::Cell;
use std::path::PathBuf;

use super::passwords::Passwords;
use crate::config::Config;
use crate::connect::{Environment, Printed};
use crate::error::Error;
use crate::report::{OwnReports, Report};
use crate::session::InFlight;
use crate::signals;

/// The context that every command gets.
pub struct Context {
    /// The process's environment.
    pub env: Environment,
    /// The user's configuration file.
    pub config: Config,
    /// What is wrong with it.
    pub config_fault: Option<Error>,
    /// What a signal must cancel.
    pub running: InFlight,
    /// For a command that ends by itself after a signal.
    pub ending: signals::Ending,
    /// The built-in reports.
    pub reports: Vec<Report>,
    /// What only `doctor` asks, if the command line refers to it.
    pub of_doctor: Vec<Report>,
    /// The user's own reports, if the command line refers to them.
    pub own: OwnReports,
    /// Why they could not be read.
    pub own_fault: Option<Error>,
    /// The tree of commands.
    pub tree: clap::Command,
    /// The passwords that commands have printed.
    pub printed: Printed,
    /// The passwords that were typed.
    pub passwords: Passwords,
    /// Whether the warning that temporary log settings should have ended was printed.
    pub has_warned: Cell<bool>,
}

/// Returns the folders with the user's own reports, the one with the highest precedence first.
pub fn own_folders(env: &Environment) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env
        .nonempty("PGKIT_QUERIES")
        .into_iter()
        .flat_map(|list| list.split(':'))
        .filter(|f| !f.is_empty())
        .map(PathBuf::from)
        .collect();
    folders.extend(config_folder(env).map(|folder| folder.join("queries")));
    folders
}

/// Returns the folder of the user's configuration; `None` if there is no home directory.
pub fn config_folder(env: &Environment) -> Option<PathBuf> {
    let config = match env.nonempty("XDG_CONFIG_HOME") {
        Some(config) => PathBuf::from(config),
        None => env.home()?.join(".config"),
    };
    Some(config.join("pgkit"))
}

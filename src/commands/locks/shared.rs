//! Shared code of the commands below `locks`.

use clap::{Args, Command};

use crate::commands::args::{ConnectionArgs, FormatArgs, SessionArgs};

/// Adds the flags that every command below `locks` has.
pub(super) fn with_flags(command: Command) -> Command {
    // The groups of flags bring their own description; the command's must win.
    let about = command.get_about().cloned().unwrap_or_default();
    SessionArgs::augment_args(FormatArgs::augment_args(ConnectionArgs::augment_args(command))).about(about)
}

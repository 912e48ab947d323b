//! `config`: the user's configuration file, what it says, and how its defaults reach the other commands.

mod check;
mod defaults;
mod group;
mod reading;
mod show;

pub use defaults::apply;
pub use group::{command, run};
pub use reading::{first, load};

use super::table::{Entry, entry};

/// The commands below `config`, in the order of its help.
pub(super) const PARTS: &[Entry] =
    &[entry!("check", check::command, check::run), entry!("show", show::command, show::run)];

//! Findings that do not come from a check: a whole database, a whole server or a report could not be looked at.

use super::Severity;

/// A kind of such findings.
#[derive(Debug)]
pub struct Unlooked {
    /// Its name, which the finding has in place of the name of a check.
    pub name: &'static str,
    /// The worst that might have been found.
    pub worst: Severity,
    /// When there is such a finding, and why it matters, for `--explain`.
    pub why: &'static str,
    /// Whether the user's limits can ignore it.
    pub is_ignorable: bool,
    /// When to ignore it, or what to do instead.
    pub ignore: &'static str,
}

/// A database that could not be entered.
pub const DATABASE: Unlooked = Unlooked {
    name: "database-unseen",
    worst: Severity::Critical,
    why: "The database could not be entered, so nothing is known about it: not how old its oldest transaction is, nor whether its indexes are valid.",
    is_ignorable: true,
    ignore: "A database that the role is not meant to enter, such as that of a hosting provider: in doctor.toml, or with --exclude-database.",
};

/// A server that could not be asked.
pub const SERVER: Unlooked = Unlooked {
    name: "server-unseen",
    worst: Severity::Critical,
    why: "One of several servers could not be asked, so nothing is known about it.",
    is_ignorable: false,
    ignore: "leave the server out of --service or --servers",
};

/// A report of the user's own that cannot be read.
pub const OWN_REPORT: Unlooked = Unlooked {
    name: "own-report",
    worst: Severity::Warning,
    why: "A report of your own cannot be read, so the checks in its header were not made.",
    is_ignorable: false,
    ignore: "repair the file, or move it out of the folder",
};

/// All of them.
pub const ALL: [&Unlooked; 3] = [&DATABASE, &SERVER, &OWN_REPORT];

/// Returns the kind with this name.
pub fn named(name: &str) -> Option<&'static Unlooked> {
    ALL.into_iter().find(|one| one.name == name)
}

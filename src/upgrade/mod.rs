//! What would stop pg_upgrade, and what would hurt afterwards: asked of the running old server, and of a throwaway
//! server of the new version where its programs are at hand.
//!
//! Nothing is changed anywhere: every statement for the old server runs in a transaction that only reads, and what the
//! new server has is tried on a sandbox. What cannot be looked at becomes a finding too.

mod against;
mod checks;
mod cluster;
mod cluster_wide;
mod examine;
mod hba;
mod libraries;
mod locks;
mod made;
mod rehearsal;
mod script;
mod settings;
mod trial;

use serde::Deserialize;

pub use examine::{Answer, Installation, Question, examine};
pub use rehearsal::{Plan, Wish};
pub use script::script;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// pg_upgrade stops.
    Stops,
    /// Nobody knows: it could not be looked at.
    Unseen,
    /// pg_upgrade goes on, and something is broken, lost or slow afterwards.
    Hurts,
    /// Good to know.
    Note,
}

impl Severity {
    /// The word in the answer.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Stops => "stops",
            Severity::Unseen => "unseen",
            Severity::Hurts => "hurts",
            Severity::Note => "note",
        }
    }
}

/// One thing that was found. The order is that of the answer: the worst first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// In which database, where it is in one.
    pub database: Option<String>,
    /// What has the problem.
    pub object: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub fix: String,
    /// Why it is a problem.
    pub why: Option<String>,
    /// The SQL that mends it on the old server, where SQL does.
    pub sql: Option<String>,
    /// The database in which that SQL runs; `None` is any other than the one it is about.
    pub run_in: Option<String>,
    /// Does the SQL destroy something, or take a choice?
    pub choice: bool,
    /// The check that found it.
    pub check: &'static str,
}

impl Finding {
    /// A finding without SQL.
    fn new(
        severity: Severity,
        check: &'static str,
        object: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding {
            severity,
            database: None,
            object: object.into(),
            problem: problem.into(),
            fix: fix.into(),
            why: None,
            sql: None,
            run_in: None,
            choice: true,
            check,
        }
    }

    fn because(mut self, why: impl Into<String>) -> Finding {
        self.why = Some(why.into());
        self
    }

    fn in_database(mut self, database: Option<&str>) -> Finding {
        self.database = database.map(str::to_owned);
        self
    }

    /// Something that could not be looked at, and so may stop pg_upgrade.
    fn unseen(what: &str, database: Option<&str>, fix: &str, why: impl Into<String>) -> Finding {
        Finding::new(Severity::Unseen, "unseen", what, "could not be looked at", fix)
            .in_database(database)
            .because(why)
    }
}

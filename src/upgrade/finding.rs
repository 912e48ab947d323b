//! What is found, and how bad it is.

use serde::Deserialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// pg_upgrade stops.
    Stops,
    /// Unknown: it could not be examined.
    Unseen,
    /// pg_upgrade goes on, and something is broken, lost or slow afterwards.
    Hurts,
    /// Good to know.
    Note,
}

impl Severity {
    /// Returns the word for it in the answer.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Stops => "stops",
            Severity::Unseen => "unseen",
            Severity::Hurts => "hurts",
            Severity::Note => "note",
        }
    }
}

/// A finding. The order is that of the answer: the worst first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The database that it is in, if any.
    pub database: Option<String>,
    /// What has the problem.
    pub object: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub fix: String,
    /// Why it is a problem.
    pub why: Option<String>,
    /// The SQL that fixes it on the old server, if SQL can do that.
    pub sql: Option<String>,
    /// The database in which that SQL runs; `None` means any other than the one it is about.
    pub run_in: Option<String>,
    /// Whether the SQL is destructive or requires a choice.
    pub choice: bool,
    /// The check that found it.
    pub check: &'static str,
}

impl Finding {
    /// Creates a finding without SQL.
    pub(crate) fn new(
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

    pub(crate) fn because(mut self, why: impl Into<String>) -> Finding {
        self.why = Some(why.into());
        self
    }

    pub(crate) fn in_database(mut self, database: Option<&str>) -> Finding {
        self.database = database.map(str::to_owned);
        self
    }

    /// Creates a finding for something that could not be examined, and so may stop pg_upgrade.
    pub(crate) fn unseen(what: &str, database: Option<&str>, fix: &str, why: impl Into<String>) -> Finding {
        Finding::new(Severity::Unseen, "unseen", what, "could not be looked at", fix)
            .in_database(database)
            .because(why)
    }
}

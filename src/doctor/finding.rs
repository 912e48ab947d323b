//! What is wrong, or could not be looked at.

/// How bad a finding is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Data, or the service, is lost or about to be.
    Critical,
    /// It will hurt unless somebody acts.
    Warning,
    /// It was not looked at, so it may be anything.
    Unseen,
    /// Worth knowing. It never changes the exit code.
    Note,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Severity; 4] = [Severity::Critical, Severity::Warning, Severity::Unseen, Severity::Note];

    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Unseen => "unseen",
            Severity::Note => "note",
        }
    }
}

/// What has become of a finding since an earlier snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there then.
    New,
    /// It was there then, with another severity.
    Changed,
    Same,
    /// It is not there any more.
    Gone,
}

impl Change {
    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Changed => "changed",
            Change::Same => "same",
            Change::Gone => "gone",
        }
    }
}

/// What is wrong, or could not be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub severity: Severity,
    /// The name of the check.
    pub check: String,
    /// The database; `None` if it is about the server.
    pub database: Option<String>,
    /// What it is about; empty if it is about all of the database or the server.
    pub object: String,
    /// The value that the limit is about, for programs and for people.
    pub value: Option<String>,
    pub value_shown: Option<String>,
    /// The value as a number, if it is one.
    pub number: Option<f64>,
    /// The limit that it exceeds, for programs and for people.
    pub limit: Option<String>,
    pub limit_shown: Option<String>,
    /// The limits of both severities as numbers, if they are.
    pub limits: (Option<f64>, Option<f64>),
    /// What is wrong, in one sentence.
    pub finding: String,
    /// The command that shows the rows.
    pub proof: Option<String>,
    /// A statement, a setting, or what else to do.
    pub remedy: Option<String>,
    /// The worst severity that the check can find. It decides what an unseen finding means for the exit code.
    pub worst: Severity,
    /// What has become of it since an earlier snapshot, if there is one.
    pub change: Option<Change>,
}

impl Finding {
    /// Creates the finding that something could not be looked at, because of `why`.
    pub fn unseen(check: &str, worst: Severity, database: Option<&str>, why: String) -> Finding {
        Finding {
            severity: Severity::Unseen,
            check: check.to_owned(),
            database: database.map(str::to_owned),
            object: String::new(),
            value: None,
            value_shown: None,
            number: None,
            limit: None,
            limit_shown: None,
            limits: (None, None),
            finding: why,
            proof: None,
            remedy: None,
            worst,
            change: None,
        }
    }

    /// Returns what identifies it: the check, the database, the object, and whether it could not be looked at.
    pub fn about(&self) -> (&str, Option<&str>, &str, bool) {
        (&self.check, self.database.as_deref(), &self.object, self.severity == Severity::Unseen)
    }
}

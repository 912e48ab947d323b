//! A finding: something that is wrong, or that a check could not look at.

/// How bad a finding is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Data or availability is lost, or about to be lost.
    Critical,
    /// It will cause trouble unless somebody acts.
    Warning,
    /// It could not be looked at, so it may be of any severity.
    Unseen,
    /// It is worth knowing, but never changes the exit code.
    Note,
}

impl Severity {
    /// All severities, worst first.
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

/// How a finding has changed since an earlier snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The earlier snapshot did not have it.
    New,
    /// The earlier snapshot had it, with another severity.
    Changed,
    Same,
    /// Only the earlier snapshot had it.
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

/// Something that is wrong, or that a check could not look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub severity: Severity,
    /// The name of the check.
    pub check: String,
    /// The database; `None` if the finding is about the server.
    pub database: Option<String>,
    /// The object; empty if the finding is about the whole database or server.
    pub object: String,
    /// The value that is compared with the limit, as a raw number for programs and, in `value_shown`, with its unit.
    pub value: Option<String>,
    pub value_shown: Option<String>,
    /// The value as a number, if it is one.
    pub number: Option<f64>,
    /// The limit that the value exceeds, in the same two forms.
    pub limit: Option<String>,
    pub limit_shown: Option<String>,
    /// The limits of a warning and of a critical finding, as far as they are numbers.
    pub limits: (Option<f64>, Option<f64>),
    /// A sentence that says what is wrong.
    pub finding: String,
    /// The command that shows the rows.
    pub proof: Option<String>,
    /// What to do about it: a statement, a setting or other advice.
    pub remedy: Option<String>,
    /// The worst severity that the check can find. It decides how an unseen finding affects the exit code.
    pub worst: Severity,
    /// How it has changed since an earlier snapshot; `None` if there is no such snapshot.
    pub change: Option<Change>,
}

impl Finding {
    /// Creates an unseen finding: `check` could not look at something, for the reason `why`.
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

    /// Returns what identifies a finding: its check, database and object, and whether it is unseen.
    pub fn about(&self) -> (&str, Option<&str>, &str, bool) {
        (&self.check, self.database.as_deref(), &self.object, self.severity == Severity::Unseen)
    }
}

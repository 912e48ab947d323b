//! What a snapshot says about itself and about each of its answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::report::{Private, Report, Scope};
use crate::rows::Column;
use crate::rows::cell::ColumnType;

/// Why a database is missing that lets nobody in.
pub const CLOSED: &str = "accepts no connections";

/// The version of the file's format. A later version of pgkit that changes the meaning of a file raises it.
pub const FORMAT: u32 = 1;

/// The longest line, in bytes.
pub(super) const LONGEST: u64 = 256 << 20;

/// The first line: where and when the snapshot was taken, and which answers are missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format. This key also shows what kind of file it is.
    pub pgkit_snapshot: u32,
    /// The version of pgkit.
    pub pgkit: String,
    /// When it was begun, by the server's clock.
    pub taken: Timestamp,
    /// When the server was started.
    pub started: Timestamp,
    /// The server's version, as it names it.
    pub server_version: String,
    /// The system identifier of the cluster; `None` if the role may not see it.
    pub system_identifier: Option<String>,
    /// The timeline of the last checkpoint; `None` if the role may not see it.
    pub timeline: Option<i64>,
    /// Whether the server is a standby.
    pub standby: bool,
    /// The host of the connection: a name, an address or the folder of a socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database of the first connection.
    pub database: String,
    /// The role that asked.
    pub role: String,
    /// Whether statements and the names of clients are replaced by hashes.
    pub redacted: bool,
    /// Since when the server's statistics count.
    pub resets: Vec<Reset>,
    /// The answers that are missing.
    pub refused: Vec<Refusal>,
    /// The number of answers.
    pub parts: u64,
    /// The number of rows of all answers together.
    pub rows: u64,
}

/// Since when statistics count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// Which statistics, such as `bgwriter`.
    pub what: String,
    /// The database, if they are those of one.
    pub database: Option<String>,
    /// When they were last reset.
    pub at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// An answer that a snapshot does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The report; `None` if the database could not be entered, so that the answers of all reports are missing.
    pub report: Option<String>,
    /// Whether it is a report of the user.
    #[serde(default, skip_serializing_if = "is_false")]
    pub own: bool,
    /// Its own flags, as they are typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// The database, unless the answer is the same in all of them.
    pub database: Option<String>,
    /// Why it is missing.
    pub why: String,
    /// Whether the database accepts no connections, or none of this role: it is skipped everywhere.
    #[serde(default)]
    pub skipped: bool,
    /// Whether that is as it should be: nobody can connect to the database, or the user excluded it; the server is too old for
    /// the report, or does not have its extension.
    #[serde(default, skip_serializing_if = "is_false")]
    pub expected: bool,
    /// Whether the server met damaged data (SQLSTATE XX001 or XX002).
    #[serde(default, skip_serializing_if = "is_false")]
    pub damaged: bool,
}

impl Refusal {
    /// Returns whether somebody may miss it. What only `doctor` asks is not missed where it does not apply.
    pub fn is_missed(&self) -> bool {
        !(self.expected && self.report.as_ref().is_some_and(|name| name.starts_with("doctor/")))
    }

    /// Returns whether it is about the answer of this report with these flags of its own.
    pub fn is_of(&self, report: &Report, flags: &[String]) -> bool {
        let is_same = |name: &String| *name == report.name && self.own == report.own && self.flags == flags;
        self.report.as_ref().is_none_or(is_same)
    }
}

/// The line before the rows of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The report.
    pub report: String,
    /// Whether it is a report of the user. It may have the name of a built-in one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub own: bool,
    /// Its own flags, as they are typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// The database, unless the answer is the same in all of them.
    pub database: Option<String>,
    /// The columns, each as `name type`, as in a report's header.
    pub columns: Vec<String>,
    /// What the header of a user's report says, so that its rows can be read and compared without its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<OwnHeader>,
}

/// What is kept of the header of a user's report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnHeader {
    /// The first line of its file.
    pub summary: String,
    /// The columns that identify a row.
    pub key: Vec<String>,
    /// The columns that are cumulative statistics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<String>,
    /// The columns that are hashes in a redacted snapshot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<String>,
    /// The number whose change `--sort change` means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<String>,
    /// The column that says how sure the numbers of a row are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// The columns that are not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidental: Vec<String>,
}

impl OwnHeader {
    /// Returns what is kept of a report's header; `None` if it is a built-in one.
    pub fn of(report: &Report) -> Option<OwnHeader> {
        let counters = report.columns.iter().filter(|column| column.is_counter);
        report.own.then(|| OwnHeader {
            summary: report.summary.clone(),
            key: report.key.clone(),
            counters: counters.map(|column| column.name.clone()).collect(),
            private: report.private.iter().map(|private| private.column.clone()).collect(),
            measure: report.measure.clone(),
            doubt: report.doubt.clone(),
            incidental: report.incidental.clone(),
        })
    }

    /// Returns the report with these columns. What only its file knows is left empty.
    pub(super) fn report(&self, name: &str, scope: Scope, columns: Vec<Column>) -> Report {
        let mark = |column: Column| Column { is_counter: self.counters.contains(&column.name), ..column };
        let private = |column: &String| Private { column: column.clone(), only: None };
        Report {
            name: name.to_owned(),
            summary: self.summary.clone(),
            key: self.key.clone(),
            private: self.private.iter().map(private).collect(),
            measure: self.measure.clone(),
            doubt: self.doubt.clone(),
            incidental: self.incidental.clone(),
            columns: columns.into_iter().map(mark).collect(),
            scope,
            own: true,
            ..Report::default()
        }
    }
}

/// The line after the rows of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// The number of rows; `None` if an error ended the answer too early, so that its rows do not count.
    pub(super) rows: Option<u64>,
    /// What the role could not see of the answer.
    #[serde(default)]
    pub(super) hidden: Vec<String>,
}

impl Part {
    /// Returns whether both are of the same report, with the same flags, in the same database.
    pub fn is_same_answer(&self, other: &Part) -> bool {
        (&self.report, self.own, &self.flags, &self.database)
            == (&other.report, other.own, &other.flags, &other.database)
    }

    /// Describes a column.
    pub fn column(column: &Column) -> String {
        format!("{} {}", column.name, column.kind.name())
    }

    /// Returns the columns of the rows. What is known of the report's own columns is kept: which of them a narrow
    /// terminal leaves out, and which are counters.
    ///
    /// Errors: a column's type is unknown (65).
    pub fn columns(&self, known: &[Column]) -> Result<Vec<Column>> {
        let column = |text: &String| {
            let (name, kind) = text.rsplit_once(' ')?;
            let (kind, server_type) = ColumnType::by_name(kind)?;
            let like = known.iter().find(|column| column.name == name);
            let like = like.cloned().unwrap_or_else(|| Column::text(name));
            Some(Column { kind, server_type, ..like })
        };
        let column =
            |text| column(text).ok_or_else(|| Error::data(format!("unknown type of column {text:?}")));
        self.columns.iter().map(column).collect()
    }
}

//! One entry of the log, in whatever format it was written; what it says about a statement; and which entries are
//! wanted.

use std::borrow::Cow;

use jiff::Timestamp;

use super::connection::{Connection, connection};
use super::plan;
use super::words::{self, Word};
use crate::session::MARK;

/// One entry. A field that the format or the prefix does not give is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    pub time: Option<Timestamp>,
    pub pid: Option<i64>,
    /// The role.
    pub user: Vec<u8>,
    pub database: Vec<u8>,
    /// The application name.
    pub application: Vec<u8>,
    /// The client's host and port.
    pub client: Vec<u8>,
    /// The session ID, which tells two sessions with the same pid apart.
    pub session: Vec<u8>,
    /// `LOG`, `ERROR` …
    pub severity: Vec<u8>,
    pub sqlstate: Vec<u8>,
    pub message: Vec<u8>,
    pub detail: Vec<u8>,
    pub hint: Vec<u8>,
    /// The context, such as the function that was running.
    pub context: Vec<u8>,
    /// The statement that caused it.
    pub statement: Vec<u8>,
}

/// What a record's message says about a statement.
#[derive(Debug, PartialEq)]
pub struct Shape<'a> {
    /// How long the statement took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// The message without the statement: `statement`, `execute NAME`, `plan`, or the whole message.
    pub message: &'a [u8],
    pub statement: Cow<'a, [u8]>,
    /// The parameter values.
    pub parameters: Cow<'a, [u8]>,
    /// The detail, unless it consists of the parameters; or the plan.
    pub detail: &'a [u8],
}

impl Record {
    /// Empties the record, and keeps its memory.
    pub fn clear(&mut self) {
        self.time = None;
        self.pid = None;
        for text in [
            &mut self.user,
            &mut self.database,
            &mut self.application,
            &mut self.client,
            &mut self.session,
            &mut self.severity,
            &mut self.sqlstate,
            &mut self.message,
            &mut self.detail,
            &mut self.hint,
            &mut self.context,
            &mut self.statement,
        ] {
            text.clear();
        }
    }

    /// Splits the message: see [`shape`].
    pub fn shape(&self) -> Shape<'_> {
        shape(&self.message, &self.detail, &self.statement)
    }

    /// Returns whether it is an error: see [`is_error_of`].
    pub fn is_error(&self) -> Option<bool> {
        is_error_of(&self.severity, &self.sqlstate)
    }
}

/// Splits a message as `log_statement`, `log_min_duration_statement` and `log_duration` write it (see exec_simple_query and
/// similar functions in the server's postgres.c), and auto_explain.
pub fn shape<'a>(message: &'a [u8], detail: &'a [u8], statement: &'a [u8]) -> Shape<'a> {
    let mut shape = Shape {
        duration_ms: None,
        message,
        statement: Cow::from(statement),
        parameters: Cow::default(),
        detail,
    };
    if let Some(values) = words::parameters(detail) {
        shape.parameters = values.into();
        shape.detail = b"";
    }
    let mut rest = message;
    if let Some((ms, after)) = words::duration(rest) {
        shape.duration_ms = Some(ms);
        rest = after.trim_ascii_start();
        rest = rest.strip_prefix(b", ").unwrap_or(rest);
        if rest.is_empty() {
            shape.message = b"duration";
            return shape;
        }
        if let Some(text) = rest.strip_prefix(plan::MARK) {
            let plan = plan::parse(text);
            shape.message = b"plan";
            shape.detail = plan.plan;
            if !plan.statement.is_empty() {
                shape.statement = plan.statement;
                shape.parameters = plan.parameters;
            }
            return shape;
        }
    }
    if let Some((what, statement)) = words::statement(rest) {
        shape.message = what;
        shape.statement = statement.into();
    }
    shape
}

/// Returns whether an entry is an error. The SQLSTATE decides if the severity is of no known language; `None` if that is
/// missing too.
pub fn is_error_of(severity: &[u8], sqlstate: &[u8]) -> Option<bool> {
    match words::severity(severity) {
        Some(word) => Some(word == Word::Error),
        None if severity.is_empty() => Some(false),
        None if sqlstate.len() == 5 => Some(!matches!(&sqlstate[..2], b"00" | b"01" | b"02")),
        None => None,
    }
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this database.
    pub database: Option<String>,
    /// Only those of this role.
    pub user: Option<String>,
    /// Only those of this application name.
    pub application: Option<String>,
    /// Only those of statements that took at least this many milliseconds.
    pub min_duration_ms: Option<f64>,
    /// Only those at or after this time.
    pub since: Option<Timestamp>,
    /// Only those up to this time.
    pub until: Option<Timestamp>,
    /// Only errors.
    pub errors: bool,
}

impl Filter {
    /// Returns whether this entry is wanted. pgkit's own statements never are.
    pub fn wants(&self, record: &Record, shape: &Shape<'_>) -> bool {
        self.wants_fields(record)
            && self.min_duration_ms.is_none_or(|least| shape.duration_ms.is_some_and(|ms| ms >= least))
            && !shape.statement.starts_with(MARK.as_bytes())
    }

    /// Returns whether this entry is wanted, as far as its fields tell, not its message.
    pub fn wants_fields(&self, record: &Record) -> bool {
        let is =
            |wanted: &Option<String>, found: &[u8]| wanted.as_ref().is_none_or(|w| w.as_bytes() == found);
        is(&self.database, &record.database)
            && is(&self.user, &record.user)
            && self.application.as_ref().is_none_or(|name| name.as_bytes() == application_of(record))
            && (!self.errors || record.is_error() == Some(true))
            && self.since.is_none_or(|since| record.time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| record.time.is_some_and(|time| time <= until))
    }
}

/// Returns the application name of an entry. While a session begins, only the message has it.
fn application_of(record: &Record) -> &[u8] {
    match connection(&record.message) {
        Some(Connection::Authorized(_, _, application)) if !application.is_empty() => application,
        _ => &record.application,
    }
}

/// The columns of an entry.
pub const COLUMNS: &[&str] = &[
    "time timestamptz",
    "pid int8",
    "user text",
    "database text",
    "application text",
    "client text",
    "severity text",
    "sqlstate text",
    "duration_ms float8",
    "message text",
    "statement text",
    "parameters text",
    "detail text",
    "hint text",
    "context text",
];

/// An entry's numbers in the server's binary form.
#[derive(Default)]
pub struct Numbers {
    time: [u8; 8],
    pid: [u8; 8],
    duration: [u8; 8],
}

/// Returns an entry's values for [`COLUMNS`], without copying its texts. An empty text is NULL.
pub fn values<'a>(
    record: &'a Record,
    shape: &'a Shape<'_>,
    numbers: &'a mut Numbers,
) -> [Option<&'a [u8]>; 15] {
    fn text(text: &[u8]) -> Option<&[u8]> {
        (!text.is_empty()).then_some(text)
    }
    if let Some(time) = record.time {
        // Microseconds since 2000-01-01.
        numbers.time = (time.as_microsecond() - 946_684_800_000_000).to_be_bytes();
    }
    numbers.pid = record.pid.unwrap_or_default().to_be_bytes();
    numbers.duration = shape.duration_ms.unwrap_or_default().to_be_bytes();
    let numbers: &'a Numbers = numbers;
    [
        record.time.map(|_| &numbers.time[..]),
        record.pid.map(|_| &numbers.pid[..]),
        text(&record.user),
        text(&record.database),
        text(&record.application),
        text(&record.client),
        text(&record.severity),
        text(&record.sqlstate),
        shape.duration_ms.map(|_| &numbers.duration[..]),
        text(shape.message),
        text(&shape.statement),
        text(&shape.parameters),
        text(shape.detail),
        text(&record.hint),
        text(&record.context),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(message: &str, detail: &str) -> Record {
        Record {
            severity: b"LOG".to_vec(),
            message: message.into(),
            detail: detail.into(),
            ..Record::default()
        }
    }

    #[test]
    fn a_message_tells_the_statement_its_duration_and_its_parameters() {
        let shown = |message: &str, detail: &str| {
            let record = log(message, detail);
            let shape = record.shape();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (
                shape.duration_ms,
                text(shape.message),
                text(&shape.statement),
                text(&shape.parameters),
                text(shape.detail),
            )
        };
        let is = |duration, message: &str, statement: &str, parameters: &str, detail: &str| {
            (duration, message.to_owned(), statement.to_owned(), parameters.to_owned(), detail.to_owned())
        };
        assert_eq!(shown("statement: SELECT 1: 2", ""), is(None, "statement", "SELECT 1: 2", "", ""));
        assert_eq!(
            shown("execute <unnamed>: SELECT $1", "Parameters: $1 = '1'"),
            is(None, "execute <unnamed>", "SELECT $1", "$1 = '1'", "")
        );
        assert_eq!(
            shown("duration: 1.250 ms  bind s1: SELECT $1", "parameters: $1 = NULL"),
            is(Some(1.25), "bind s1", "SELECT $1", "$1 = NULL", "")
        );
        assert_eq!(shown("duration: 0.1 ms", ""), is(Some(0.1), "duration", "", "", ""));
        assert_eq!(
            shown("duration: soon ms  statement: x", ""),
            is(None, "duration: soon ms  statement: x", "", "", "")
        );
        assert_eq!(
            shown(
                "duration: 3 ms  plan:\nQuery Text: SELECT 1\nResult  (cost=0.00..0.01 rows=1 width=4)",
                ""
            ),
            is(Some(3.0), "plan", "SELECT 1", "", "Result  (cost=0.00..0.01 rows=1 width=4)")
        );
        assert_eq!(
            shown("Dauer: 1.250 ms  Anweisung: SELECT 1", ""),
            is(Some(1.25), "statement", "SELECT 1", "", "")
        );
        assert_eq!(
            shown("durée : 2 ms, instruction : SELECT 1", "paramètres : $1 = '1'"),
            is(Some(2.0), "statement", "SELECT 1", "$1 = '1'", "")
        );
        assert_eq!(
            shown("checkpoint starting: time", "x"),
            is(None, "checkpoint starting: time", "", "", "x")
        );
    }

    #[test]
    fn what_is_not_wanted_and_pgkits_own_is_left_out() {
        let mut record = log("duration: 20 ms  statement: SELECT 1", "");
        record.database = b"shop".to_vec();
        let wants = |filter: Filter, record: &Record| filter.wants(record, &record.shape());
        let database = |name: &str| Filter { database: Some(name.into()), ..Filter::default() };
        assert!(wants(database("shop"), &record) && !wants(database("sho"), &record));
        let slow = |least: f64| Filter { min_duration_ms: Some(least), ..Filter::default() };
        assert!(
            wants(slow(20.0), &record) && !wants(slow(20.5), &record) && !wants(slow(0.0), &log("x", ""))
        );
        let errors = Filter { errors: true, ..Filter::default() };
        assert!(!wants(errors.clone(), &record));
        for (severity, sqlstate, is) in
            [("FATAL", "", true), ("FEHLER", "42P01", true), ("WARNUNG", "01000", false)]
        {
            let record = Record { severity: severity.into(), sqlstate: sqlstate.into(), ..Record::default() };
            assert_eq!(wants(errors.clone(), &record), is, "{severity}");
        }
        assert!(!wants(Filter::default(), &log("statement: /* pgkit */ SELECT 1", "")));
    }
}

//! The state of jobs in PostgreSQL: crontabber's own tables, in whatever schema they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::plan::{Row, State};
use crate::error::{Error, Exit, Result};
use crate::session::Reader;
use crate::sql;

const SCHEMAS: &str = include_str!("../../queries/jobs/schemas.sql");
const STATES: &str = include_str!("../../queries/jobs/states.sql");

/// The columns that every statement here names, with their types (section 1 of the original).
const COLUMNS: &[&str] = &[
    "app_name text",
    "next_run timestamp with time zone",
    "first_run timestamp with time zone",
    "last_run timestamp with time zone",
    "last_success timestamp with time zone",
    "ongoing timestamp with time zone",
    "error_count integer",
    "depends_on text[]",
    "last_error json",
];

/// A job's row, for people and for the plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stored {
    /// What decides.
    pub state: State,
    /// How many runs failed in a row.
    pub error_count: i64,
    /// What the last failure was.
    pub last_error: Option<LastError>,
}

/// What the original keeps of a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct LastError {
    /// The kind of error.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The message.
    #[serde(default)]
    pub value: String,
    /// Where it came from.
    #[serde(default)]
    pub traceback: String,
}

/// Everything that is known, at one instant of the server's clock.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The server's clock.
    pub now: Timestamp,
    /// By name.
    pub jobs: BTreeMap<String, Stored>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    schema: String,
    visible: bool,
    columns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    next_run: Option<Timestamp>,
    first_run: Option<Timestamp>,
    last_run: Option<Timestamp>,
    last_success: Option<Timestamp>,
    ongoing: Option<Timestamp>,
    error_count: i64,
    last_error: Option<String>,
}

/// A statement of `queries/jobs` with this schema in it.
fn in_schema(text: &str, schema: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut from = 0;
    for variable in sql::scan(text).variables.into_iter().filter(|v| v.name == "schema") {
        out.push_str(&text[from..variable.range.start]);
        out.push_str(&sql::quote_ident(schema));
        from = variable.range.end;
    }
    out.push_str(&text[from..]);
    out
}

/// The schema of the tables: the one that is named, else the one that the search path shows, else the only one.
///
/// Errors: there is none, several, or one with other columns (65).
pub async fn schema(reader: &Reader, named: Option<&str>) -> Result<String> {
    let found: Vec<Found> = reader.structs(SCHEMAS, &[]).await?;
    let chosen = match named {
        Some(name) => found.iter().find(|f| f.schema == name),
        None => match found.as_slice() {
            [one] => Some(one),
            all => all.iter().find(|f| f.visible),
        },
    };
    let Some(chosen) = chosen else {
        let names: Vec<&str> = found.iter().map(|f| f.schema.as_str()).collect();
        let error = match (named, names.is_empty()) {
            (Some(name), _) => Error::data(format!("there is no table crontabber in schema {name:?}")),
            (None, true) => {
                Error::data(format!("there is no table crontabber in database {:?}", reader.database()))
            }
            (None, false) => {
                Error::data("several schemas have a table crontabber, and the search path shows none of them")
            }
        };
        return Err(if names.is_empty() {
            error
        } else {
            error.hint(format!("--schema names it: {}", names.join(", ")))
        });
    };
    let missing: Vec<&str> =
        COLUMNS.iter().copied().filter(|c| !chosen.columns.iter().any(|f| f == c)).collect();
    if let [first, ..] = missing.as_slice() {
        let (name, kind) = first.split_once(' ').unwrap_or((first, ""));
        let other = chosen.columns.iter().find_map(|f| f.strip_prefix(&format!("{name} ")));
        let what = match other {
            Some(other) => format!("column {name} is of type {other}, and not {kind}"),
            None => format!("there is no column {name}"),
        };
        return Err(Error::new(
            Exit::Data,
            format!("{}.crontabber is not crontabber's table: {what}", chosen.schema),
        )
        .hint("crontabber 0.18 adds the column ongoing when it starts; --schema names another schema"));
    }
    Ok(chosen.schema.clone())
}

/// Reads everything in one go, however many jobs there are.
pub async fn read(reader: &Reader, schema: &str) -> Result<Snapshot> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Now {
        now: Timestamp,
    }
    let now: Vec<Now> = reader.structs("SELECT pg_catalog.clock_timestamp() AS now", &[]).await?;
    let now = now.first().ok_or_else(|| Error::bug("a server without a clock"))?.now;
    let lines: Vec<Line> = reader.structs(&in_schema(STATES, schema), &[]).await?;
    let stored = |line: Line| {
        // NULL, null and {} are none; anything else is one, whatever it holds.
        let last_error = line.last_error.filter(|text| text.trim() != "null");
        let last_error = last_error.map(|text| serde_json::from_str(&text).unwrap_or_default());
        let row = Row {
            next_run: line.next_run,
            first_run: line.first_run,
            last_run: line.last_run,
            last_success: line.last_success,
            ongoing: line.ongoing,
            failed: last_error.is_some(),
        };
        let state = State { row: Some(row), ..State::default() };
        (line.name, Stored { state, error_count: line.error_count, last_error })
    };
    Ok(Snapshot { now, jobs: lines.into_iter().map(stored).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_put_in_as_an_identifier() {
        assert!(in_schema(STATES, "it's \"odd\"").contains("FROM \"it's \"\"odd\"\"\".crontabber c"));
        assert!(!in_schema(STATES, "x").contains(":\""));
    }
}

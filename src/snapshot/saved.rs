//! Rows out of an answer that was saved with `--json` or `--format jsonl`.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::values;
use crate::error::{Error, Result};
use crate::rows::cell::Raw;
use crate::rows::diff::STATUS;
use crate::rows::{Column, Row};

/// A row of a saved answer, by column.
type Saved<'a> = HashMap<String, &'a RawValue>;

/// A saved answer.
pub struct SavedAnswer {
    /// The columns of the report that its first row has; all of them if there is no row.
    pub columns: Vec<Column>,
    pub rows: Vec<SavedRow>,
}

/// A row of a saved answer.
pub struct SavedRow {
    /// Its server, if several were asked.
    pub server: Option<String>,
    /// Its database, if all were asked.
    pub database: Option<String>,
    pub row: Row,
}

/// Reads a saved answer of a report with these columns.
///
/// Errors: it is not such an answer, or a value is not of its column's type (65).
pub fn read_saved(name: &str, text: &str, known: &[Column]) -> Result<SavedAnswer> {
    let wrong = |why: String| {
        Error::data(format!("{name} is neither a snapshot nor an answer that was saved with --json: {why}"))
    };
    let saved: Vec<Saved<'_>> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?
    } else {
        let lines = serde_json::Deserializer::from_str(text).into_iter::<Saved<'_>>();
        lines.collect::<std::result::Result<_, _>>().map_err(|e| wrong(e.to_string()))?
    };
    let has = |column: &&Column| saved.first().is_none_or(|first| first.contains_key(&column.name));
    let columns: Vec<Column> = known.iter().filter(has).cloned().collect();
    let is_of_report = |name: &str| known.iter().any(|column| column.name == name);
    let is_difference = |first: &Saved<'_>| first.contains_key(STATUS) && !is_of_report(STATUS);
    if saved.first().is_some_and(is_difference) {
        return Err(wrong("it is itself a difference of two answers".to_owned()));
    }
    if saved.first().is_some_and(|first| !first.keys().any(|name| is_of_report(name))) {
        return Err(wrong("it has none of the report's columns".to_owned()));
    }
    let mut rows = Vec::new();
    for (number, one) in (1..).zip(&saved) {
        let value = |column: &Column| {
            let found = one.get(&column.name);
            let found =
                found.ok_or_else(|| wrong(format!("row {number} has no column {:?}", column.name)))?;
            values::read_saved(column.kind, found)
                .map_err(|why| wrong(format!("row {number}, column {:?}: {why}", column.name)))
        };
        let values: Vec<Option<Vec<u8>>> = columns.iter().map(value).collect::<Result<_>>()?;
        let raw: Raw<'_> = values.iter().map(Option::as_deref).collect();
        // A column that is not the report's own was put before those.
        let before = |name: &str| -> Option<String> {
            let value = one.get(name).filter(|_| !is_of_report(name))?;
            serde_json::from_str(value.get()).ok()
        };
        let (server, database) = (before("server"), before("database"));
        rows.push(SavedRow { server, database, row: Row::of(&raw) });
    }
    Ok(SavedAnswer { columns, rows })
}

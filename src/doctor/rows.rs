//! The rows of an earlier snapshot, which are found by their keys.

use std::collections::HashMap;

use super::judge::report_of;
use crate::error::Result;
use crate::report::Report;
use crate::rows::cell::{Cell, Raw};
use crate::rows::plain::plain;
use crate::rows::{Column, Row};
use crate::snapshot::{Found, Snapshot};

/// The positions of a report's columns in the rows of a snapshot. Another version of pgkit may have taken it,
/// with other columns.
pub struct Places {
    /// For each column of the report, its position in the rows and its type there.
    places: Vec<Option<(usize, Column)>>,
}

impl Places {
    /// Finds the columns of a report in a snapshot's answer.
    ///
    /// Errors: a column has an unknown type (65).
    pub fn new(report: &Report, found: &Found) -> Result<Places> {
        let columns = found.part.columns(&report.columns)?;
        let place = |column: &Column| {
            let at = columns.iter().position(|other| other.name == column.name)?;
            Some((at, columns[at].clone()))
        };
        Ok(Places { places: report.columns.iter().map(place).collect() })
    }

    /// Returns the cells of a row in the order of the report's columns. A column that the snapshot lacks is NULL, so
    /// that conditions on it are unknown.
    pub fn cells<'a>(&self, raw: &[Option<&'a [u8]>]) -> Result<Vec<Cell<'a>>> {
        let cell = |place: &Option<(usize, Column)>| match place {
            Some((at, column)) => column.decode(raw.get(*at).copied().flatten()),
            None => Ok(Cell::Null),
        };
        self.places.iter().map(cell).collect()
    }
}

/// Returns the values of a row's key columns, as text.
pub fn key(report: &Report, cells: &[Cell<'_>]) -> Vec<String> {
    let at = |name: &String| report.columns.iter().position(|column| column.name == *name);
    report.key.iter().filter_map(at).map(|at| plain(&cells[at]).into_owned()).collect()
}

/// The rows of the snapshot that later rows are compared with.
#[derive(Default)]
pub struct EarlierRows {
    answers: HashMap<(String, Option<String>), Answer>,
}

/// The rows of one answer by their keys.
struct Answer {
    places: Places,
    rows: HashMap<Vec<String>, Row>,
}

impl EarlierRows {
    /// Reads the rows of these reports from a snapshot.
    ///
    /// Errors: the snapshot cannot be read (74).
    pub fn read(snapshot: &Snapshot, reports: &[&Report]) -> Result<EarlierRows> {
        let mut earlier = EarlierRows::default();
        let take = &mut |found: &Found, raw: &[Option<&[u8]>]| {
            let Some(report) = report_of(reports, found) else { return Ok(()) };
            let of = (report.name.clone(), found.part.database.clone());
            if !earlier.answers.contains_key(&of) {
                let answer = Answer { places: Places::new(report, found)?, rows: HashMap::new() };
                earlier.answers.insert(of.clone(), answer);
            }
            if let Some(answer) = earlier.answers.get_mut(&of) {
                let key = key(report, &answer.places.cells(raw)?);
                answer.rows.insert(key, Row::of(raw));
            }
            Ok(())
        };
        snapshot.all(&|found| report_of(reports, found).is_some(), take)?;
        Ok(earlier)
    }

    /// Passes the cells of the row with this key to `take`, or `None` if there is no such row, and returns its result.
    pub fn with<T>(
        &self,
        report: &Report,
        database: Option<&String>,
        key: &[String],
        take: impl FnOnce(Option<&[Cell<'_>]>) -> T,
    ) -> Result<T> {
        let answer = self.answers.get(&(report.name.clone(), database.cloned()));
        let row = answer.and_then(|answer| Some((answer, answer.rows.get(key)?)));
        match row {
            None => Ok(take(None)),
            Some((answer, row)) => {
                let raw: Raw<'_> = row.raw();
                Ok(take(Some(&answer.places.cells(&raw)?)))
            }
        }
    }
}

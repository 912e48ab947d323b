//! Reads the state of all jobs from the tables.

use std::collections::BTreeSet;
use std::error;

use jiff::Timestamp;
use postgres_protocol::types::timestamp_from_sql;
use tokio_postgres::Row as ServerRow;
use tokio_postgres::types::{FromSql, Type, accepts};

use super::plan::{Row, State};
use super::store::{Claim, LastError, Place, Queryable, Snapshot, Stored, in_schema, lock_key};
use super::tables;
use crate::error::{Error, Result};
use crate::session::Value;

const WITHOUT_PGKIT: &str = include_str!("../../queries/jobs/snapshot_without_pgkit.sql");
const ALL: &str = include_str!("../../queries/jobs/snapshot.sql");

/// The columns of both queries.
const COLUMNS: [&str; 18] = [
    "now",
    "shape",
    "name",
    "has_row",
    "next_run",
    "first_run",
    "last_run",
    "last_success",
    "ongoing",
    "error_count",
    "last_error",
    "first_seen",
    "paused",
    "paused_by",
    "done_through",
    "max_ongoing_age_s",
    "done",
    "claim",
];

type Fault = Box<dyn error::Error + Sync + Send>;

/// An instant. `infinity` and any instant beyond the calendar used here become its last instant, and so on.
struct Instant(Timestamp);

impl<'a> FromSql<'a> for Instant {
    fn from_sql(_: &Type, raw: &'a [u8]) -> std::result::Result<Instant, Fault> {
        let micros = timestamp_from_sql(raw)?;
        // The server counts from 2000-01-01, which is 946,684,800 seconds after 1970-01-01.
        let unix = micros.checked_add(946_684_800_000_000);
        let found = unix.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        Ok(Instant(found.unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })))
    }
    accepts!(TIMESTAMPTZ);
}

/// A text. In a database with the encoding SQL_ASCII it may not be UTF-8.
struct Text(String);

impl<'a> FromSql<'a> for Text {
    fn from_sql(_: &Type, raw: &'a [u8]) -> std::result::Result<Text, Fault> {
        Ok(Text(String::from_utf8_lossy(raw).into_owned()))
    }
    accepts!(TEXT);
}

/// Takes the values of a row, one after the other.
struct Values<'a> {
    row: &'a ServerRow,
    next: usize,
}

impl<'a> Values<'a> {
    fn take<T: FromSql<'a>>(&mut self) -> Result<Option<T>> {
        let at = self.next;
        self.next += 1;
        self.row
            .try_get(at)
            .map_err(|e| Error::bug("unexpected value in the query for the jobs' state").caused_by(e))
    }

    fn instant(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.take::<Instant>()?.map(|instant| instant.0))
    }

    fn text(&mut self) -> Result<Option<String>> {
        Ok(self.take::<Text>()?.map(|text| text.0))
    }
}

/// Reads the state of all jobs in a single query. The values are not read from JSON as those of other queries are: with
/// thousands of jobs, writing and reading it would take longer than all the rest.
pub async fn read(session: &impl Queryable, place: &Place) -> Result<Snapshot> {
    let names = Value::TextList(tables::names().map(|name| Some(name.to_owned())).collect());
    let (text, params) = if place.has_pgkit { (ALL, vec![names]) } else { (WITHOUT_PGKIT, Vec::new()) };
    let (mut head, mut jobs) = (None, Vec::new());
    let take = |row: &ServerRow| {
        let mut values = Values { row, next: 0 };
        let (now, shape) = (values.instant()?, values.text()?);
        if head.is_none() {
            if !row.columns().iter().map(|column| column.name()).eq(COLUMNS) {
                return Err(Error::bug("unexpected columns in the query for the jobs' state"));
            }
            let now = now.ok_or_else(|| Error::bug("the query for the jobs' state returned no time"))?;
            head = Some((now, shape));
        }
        // The first row may be about no job.
        if let Some(name) = values.text()? {
            let stored = stored(&mut values, &name, place)?;
            jobs.push((name, stored));
        }
        Ok(())
    };
    session.each(&in_schema(text, &place.schema), &params, take).await?;
    let (now, shape) = head.ok_or_else(|| Error::bug("the query for the jobs' state returned no row"))?;
    Ok(Snapshot { now, jobs: jobs.into_iter().collect(), shape })
}

/// Reads what is stored about the job of this name: the values of the row behind the name.
fn stored(values: &mut Values<'_>, name: &str, place: &Place) -> Result<Stored> {
    let has_row = values.take::<bool>()?.unwrap_or_default();
    let mut row = Row {
        next_run: values.instant()?,
        first_run: values.instant()?,
        last_run: values.instant()?,
        last_success: values.instant()?,
        ongoing: values.instant()?,
        failed: false,
    };
    let error_count = values.take::<i64>()?.unwrap_or_default();
    // NULL and JSON null mean that there was no error; anything else means that there was one.
    let last_error = values.text()?.filter(|text| text.trim() != "null");
    let last_error = last_error.map(|text| LastError::new(&text));
    row.failed = last_error.is_some();
    let (first_seen, paused, paused_by) = (values.instant()?, values.instant()?, values.text()?);
    let (done_through, max_ongoing_age_s) = (values.instant()?, values.take::<f64>()?);
    let done = values.take::<Vec<Instant>>()?.unwrap_or_default();
    let done: BTreeSet<Timestamp> = done.into_iter().map(|date| date.0).collect();
    let claim = values.text()?.map(|text| Claim::new(&text, lock_key(&place.schema, name))).transpose()?;
    let state =
        State { row: has_row.then_some(row), first_seen, paused: paused.is_some(), done, done_through };
    Ok(Stored { state, error_count, last_error, paused_by, claim, max_ongoing_age_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_beyond_the_calendar_is_its_last_or_its_first_one() {
        let read = |micros: i64| Instant::from_sql(&Type::TIMESTAMPTZ, &micros.to_be_bytes()).unwrap().0;
        assert_eq!(read(0).to_string(), "2000-01-01T00:00:00Z");
        assert_eq!(read(-1).to_string(), "1999-12-31T23:59:59.999999Z");
        // The infinities, the last year of the server's calendar, and its first one.
        assert_eq!((read(i64::MAX), read(i64::MIN)), (Timestamp::MAX, Timestamp::MIN));
        assert_eq!((read(9_223_371_331_199_999_999), read(-211_813_488_000_000_000)).0, Timestamp::MAX);
        assert_eq!(read(-211_813_488_000_000_000).to_string(), "-004713-11-24T00:00:00Z");
    }
}

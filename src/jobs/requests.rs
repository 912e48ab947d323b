//! Requests to run a job, which are rows of a table: `jobs run NAME` or an SQL statement makes one, and a runner takes
//! it.
//!
//! Any role may send a notification, so it only makes runners read the table. Only roles with rights on the table can
//! make a request.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Type;

use super::plan::instant;
use super::runners::{self, gone};
use super::store::{Place, Queryable, in_schema};
use super::talk::{Event, Mode, Outcome};
use crate::error::{Error, Result};
use crate::session::{Value, Writer};
use crate::sql;

/// The table, which was added in a later version of pgkit.
pub const TABLE: &str = "pgkit_request";
/// How many events of a request are kept.
const EVENTS: usize = 100;

const FUNCTION: &str = include_str!("../../queries/jobs/init/run_now.sql");
const BODY: &str = include_str!("../../queries/jobs/init/run_now_body.sql");
const LISTEN: &str = include_str!("../../queries/jobs/request/listen.sql");
const NOTIFY: &str = include_str!("../../queries/jobs/request/notify.sql");
const ASK: &str = include_str!("../../queries/jobs/request/ask.sql");
const OPEN: &str = include_str!("../../queries/jobs/request/open.sql");
const TAKE: &str = include_str!("../../queries/jobs/request/take.sql");
const TOLD: &str = include_str!("../../queries/jobs/request/told.sql");
const STATE: &str = include_str!("../../queries/jobs/request/state.sql");
const FORGET: &str = include_str!("../../queries/jobs/request/forget.sql");
const WITHDRAW: &str = include_str!("../../queries/jobs/request/withdraw.sql");

/// Creates the SQL function that makes a request.
pub async fn create_function(writer: &Writer, schema: &str) -> Result<()> {
    let body = sql::quote_literal(&in_schema(BODY, schema));
    writer.run(&in_schema(FUNCTION, schema).replacen(":'body'", &body, 1)).await
}

/// Subscribes this session to notifications of new requests.
pub async fn listen(writer: &Writer) -> Result<()> {
    writer.run(LISTEN.trim_end()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    id: i64,
}

/// Makes a request to run a job, and notifies the runners. Returns its id. `who` is recorded as the one who made it.
pub async fn ask(writer: &Writer, place: &Place, job: &str, mode: Mode, who: &str) -> Result<i64> {
    let (date, rerun) = match mode {
        Mode::Date { date, rerun } => (Value::Text(date.to_string()), rerun),
        _ => (Value::Null(Type::TEXT), false),
    };
    let params = [
        Value::Text(job.to_owned()),
        Value::Bool(mode == Mode::Forced),
        date,
        Value::Bool(rerun),
        Value::Text(who.to_owned()),
    ];
    let made: Vec<Id> = writer.changed(&in_schema(ASK, &place.schema), &params).await?;
    let made = made.first().ok_or_else(|| Error::bug("a request that was made has no id"))?;
    writer.affect(NOTIFY, &[]).await?;
    Ok(made.id)
}

/// A request that a runner can take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub id: i64,
    /// The job.
    pub name: String,
    forced: bool,
    #[serde(deserialize_with = "instant")]
    run_date: Option<Timestamp>,
    rerun: bool,
    /// Whether it is kept while the job is ongoing or its pool is full.
    pub waits: bool,
    taken_by: Option<String>,
}

impl Request {
    /// How the job is to run.
    pub fn mode(&self) -> Mode {
        match (self.run_date, self.forced) {
            (Some(date), _) => Mode::Date { date, rerun: self.rerun },
            (None, true) => Mode::Forced,
            (None, false) => Mode::Due,
        }
    }
}

/// Returns the requests that a runner could take, the oldest first.
pub async fn open(session: &impl Queryable, place: &Place) -> Result<Vec<Request>> {
    session.ask(&in_schema(OPEN, &place.schema), &[gone()]).await
}

/// Takes a request for the runner with this id. Returns whether that succeeded; another runner may have taken it.
pub async fn take(writer: &Writer, place: &Place, runner: &str, request: &Request) -> Result<bool> {
    let before = request.taken_by.clone().map_or(Value::Null(Type::TEXT), Value::Text);
    let params = [Value::Int8(request.id), Value::Text(runner.to_owned()), before];
    let taken: Vec<Id> = writer.changed(&in_schema(TAKE, &place.schema), &params).await?;
    Ok(taken.iter().any(|one| one.id == request.id))
}

/// The progress of a request that a runner has taken.
#[derive(Debug, Default)]
pub struct Told {
    /// How many of the oldest events are no longer kept.
    dropped: usize,
    events: VecDeque<Event>,
    /// How it ended; `None` until then.
    pub outcome: Option<Outcome>,
}

impl Told {
    /// Adds an event. The oldest ones are dropped after a while.
    pub fn push(&mut self, event: Event) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
            self.dropped += 1;
        }
        self.events.push_back(event);
    }

    /// Returns how many events there have been.
    pub fn count(&self) -> usize {
        self.dropped + self.events.len()
    }

    /// Returns the events after so many, as far as they are kept.
    pub fn after(&self, count: usize) -> impl Iterator<Item = &Event> {
        self.events.iter().skip(count.saturating_sub(self.dropped))
    }

    /// Returns the events as they are stored.
    fn stored(&self) -> Result<String> {
        json(&(self.dropped, &self.events))
    }

    /// Parses what is stored. Events that this version of pgkit does not know are left out, because a newer version may
    /// have stored them.
    fn parse(events: Option<&str>, outcome: Option<&str>) -> Told {
        let parsed =
            events.and_then(|text| serde_json::from_str::<(usize, Vec<serde_json::Value>)>(text).ok());
        let (dropped, events) = parsed.unwrap_or_default();
        let unknown = || Outcome::Unrecorded {
            why: "its runner has recorded an outcome that this version of pgkit does not know".to_owned(),
        };
        Told {
            dropped,
            events: events.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect(),
            outcome: outcome.map(|text| serde_json::from_str(text).unwrap_or_else(|_| unknown())),
        }
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::bug("an event cannot be written as JSON").caused_by(e))
}

/// Records the progress of a request that the runner with this id has taken.
pub async fn told(writer: &Writer, place: &Place, runner: &str, id: i64, told: &Told) -> Result<()> {
    let outcome = match &told.outcome {
        Some(outcome) => Value::Text(json(outcome)?),
        None => Value::Null(Type::TEXT),
    };
    let params = [Value::Int8(id), Value::Text(runner.to_owned()), Value::Text(told.stored()?), outcome];
    writer.affect(&in_schema(TOLD, &place.schema), &params).await
}

/// The state of a request.
#[derive(Debug)]
pub struct State {
    /// Whether a runner has taken it.
    pub is_taken: bool,
    /// Whether that runner is still running, as far as that is known here.
    pub is_there: bool,
    /// Its progress.
    pub told: Told,
}

/// Returns the state of a request; `None` if somebody has removed it.
pub async fn state(session: &impl Queryable, place: &Place, id: i64) -> Result<Option<State>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        taken_by: Option<String>,
        events: Option<String>,
        outcome: Option<String>,
        is_there: bool,
    }
    let lines: Vec<Line> = session.ask(&in_schema(STATE, &place.schema), &[Value::Int8(id), gone()]).await?;
    let Some(line) = lines.into_iter().next() else { return Ok(None) };
    Ok(Some(State {
        is_there: line.is_there && !line.taken_by.as_deref().is_some_and(runners::has_died_here),
        is_taken: line.taken_by.is_some(),
        told: Told::parse(line.events.as_deref(), line.outcome.as_deref()),
    }))
}

/// Removes a request, unless a runner has taken it. Returns whether it was removed.
pub async fn withdraw(writer: &Writer, place: &Place, id: i64) -> Result<bool> {
    let gone: Vec<Id> = writer.changed(&in_schema(WITHDRAW, &place.schema), &[Value::Int8(id)]).await?;
    Ok(!gone.is_empty())
}

/// Removes a request because nobody waits for it any more. Returns whether a runner has taken it and still works on it.
pub async fn forget(writer: &Writer, place: &Place, id: i64) -> Result<bool> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Gone {
        goes_on: bool,
    }
    let gone: Vec<Gone> = writer.changed(&in_schema(FORGET, &place.schema), &[Value::Int8(id)]).await?;
    Ok(gone.iter().any(|one| one.goes_on))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_follows_a_request_is_told_each_event_once_though_old_ones_are_dropped() {
        let mut told = Told::default();
        let mut seen = (0, Vec::new());
        for i in 0..(EVENTS + 50) {
            told.push(Event::Warning { text: i.to_string() });
            if i % 40 == 39 || i == EVENTS + 49 {
                let stored = Told::parse(Some(&told.stored().unwrap()), None);
                let new = stored.after(seen.0).map(|event| format!("{event:?}"));
                seen.1.extend(new);
                seen.0 = stored.count();
            }
        }
        let all: Vec<String> =
            (0..EVENTS + 50).map(|i| format!("{:?}", Event::Warning { text: i.to_string() })).collect();
        assert_eq!(seen.1, all);
        let unknown = Told::parse(Some("[0, [{\"event\": \"dreamt\"}]]"), Some("\"levitated\""));
        assert_eq!(unknown.count(), 0);
        assert!(matches!(unknown.outcome, Some(Outcome::Unrecorded { .. })));
    }
}

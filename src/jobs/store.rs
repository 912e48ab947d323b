//! Reads and writes the state of jobs in PostgreSQL: crontabber's own tables, in whatever schema they are, and
//! pgkit's tables beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::Digest;
use tokio_postgres::Row;

use super::job::Job;
use super::plan::{self, Decision, State, instant, some_instant};
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::session::{Reader, Value, Writer};
use crate::sql;

const SERVER: &str = include_str!("../../queries/jobs/server.sql");
const FIRST_SEEN: &str = include_str!("../../queries/jobs/first_seen.sql");
const DONE: &str = include_str!("../../queries/jobs/date_succeeded.sql");
const LEFT_OUT: &str = include_str!("../../queries/jobs/left_out.sql");
const FREED: &str = include_str!("../../queries/jobs/freed.sql");
const REPLAN: &str = include_str!("../../queries/jobs/replan.sql");

/// A session that can be queried, whether it is read-only or not.
pub trait Queryable {
    /// Every row as a struct, by column name.
    fn ask<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> impl Future<Output = Result<Vec<T>>>;
    /// Returns what `take` makes of every row.
    fn each<T>(
        &self,
        sql: &str,
        params: &[Value],
        take: impl FnMut(&Row) -> Result<T>,
    ) -> impl Future<Output = Result<Vec<T>>>;
    fn database(&self) -> &str;
}

impl Queryable for Reader {
    fn ask<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> impl Future<Output = Result<Vec<T>>> {
        self.structs(sql, params)
    }
    fn each<T>(
        &self,
        sql: &str,
        params: &[Value],
        take: impl FnMut(&Row) -> Result<T>,
    ) -> impl Future<Output = Result<Vec<T>>> {
        Reader::each(self, sql, params, take)
    }
    fn database(&self) -> &str {
        Reader::database(self)
    }
}

impl Queryable for Writer {
    fn ask<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> impl Future<Output = Result<Vec<T>>> {
        self.structs(sql, params)
    }
    fn each<T>(
        &self,
        sql: &str,
        params: &[Value],
        take: impl FnMut(&Row) -> Result<T>,
    ) -> impl Future<Output = Result<Vec<T>>> {
        Writer::each(self, sql, params, take)
    }
    fn database(&self) -> &str {
        Writer::database(self)
    }
}

/// What is stored about a job, for display and for the plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stored {
    /// What the plan decides by.
    pub state: State,
    /// How many runs failed in a row.
    pub error_count: i64,
    /// The last failure.
    pub last_error: Option<LastError>,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// The claim on it, if pgkit made it.
    pub claim: Option<Claim>,
    /// `max_ongoing_age` when the job was last seen, in seconds; `None` if pgkit has not seen it yet.
    pub max_ongoing_age_s: Option<f64>,
}

/// A claim that pgkit has made, for display.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// `running`, or `held`: the run was cut off, and waits until a person decides.
    pub state: String,
    /// The machine it runs on.
    pub host: Option<String>,
    /// When the run started.
    #[serde(deserialize_with = "some_instant")]
    pub started: Timestamp,
    /// Since when its advisory lock has been seen to be free.
    #[serde(deserialize_with = "instant")]
    pub seen_free_at: Option<Timestamp>,
    /// How long after that it is taken over, in seconds.
    pub grace_s: f64,
    /// The keys of the advisory locks that are held in this database.
    held: Vec<i64>,
    /// Is its own lock free? If it is held, the run's process is still alive.
    #[serde(skip)]
    pub is_free: bool,
}

impl Claim {
    /// Reads a claim from JSON. `key` is that of its own lock.
    pub(super) fn new(text: &str, key: i64) -> Result<Claim> {
        let claim: Claim = serde_json::from_str(text)
            .map_err(|e| Error::bug("unexpected claim in the query for the jobs' state").caused_by(e))?;
        let is_free = !claim.held.contains(&key);
        Ok(Claim { is_free, held: Vec::new(), ..claim })
    }
}

/// What crontabber stores about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastError {
    /// The kind of error.
    pub kind: String,
    /// The message.
    pub value: String,
}

impl LastError {
    /// Accepts any text, because anything may have been written to the column.
    pub(super) fn new(text: &str) -> LastError {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
            return LastError { kind: "unknown".to_owned(), value: text.to_owned() };
        };
        let part = |key: &str| match value.get(key) {
            Some(serde_json::Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => None,
        };
        match (part("type"), part("value")) {
            (None, None) => LastError {
                kind: "unknown".to_owned(),
                value: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            },
            (kind, value) => LastError {
                kind: kind.unwrap_or_else(|| "unknown".to_owned()),
                value: value.unwrap_or_default(),
            },
        }
    }
}

/// The state of all jobs at one instant of the server's clock.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The server's clock.
    pub now: Timestamp,
    /// All jobs, by name.
    pub jobs: BTreeMap<String, Stored>,
    /// A text that changes whenever the tables, or the privileges on them, change.
    pub shape: Option<String>,
}

impl Snapshot {
    /// Returns whether the job's lock is free although an attempt has a claim on it. The process of that attempt may be gone.
    pub fn is_abandoned(&self, name: &str) -> bool {
        let claim = self.jobs.get(name).and_then(|stored| stored.claim.as_ref());
        claim.is_some_and(|claim| claim.is_free && claim.state == "running")
    }

    /// What the plan needs to know of a job.
    pub fn state(&self, name: &str) -> Option<State> {
        self.jobs.get(name).map(|stored| stored.state.clone())
    }
}

/// The texts that several statements include.
const PARTS: [(&str, &str); 6] = [
    ("attempt", include_str!("../../queries/jobs/parts/attempt.sql")),
    ("held", include_str!("../../queries/jobs/parts/held.sql")),
    ("left_s", include_str!("../../queries/jobs/parts/left_s.sql")),
    ("logged", include_str!("../../queries/jobs/parts/logged.sql")),
    ("own_claim", include_str!("../../queries/jobs/parts/own_claim.sql")),
    ("unhurried", include_str!("../../queries/jobs/parts/unhurried.sql")),
];

/// Puts this schema, and the parts that it includes, into a statement from `queries/jobs`.
pub fn in_schema(text: &str, schema: &str) -> String {
    let part = |name: &str| PARTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    // A test of every file rules out that a part is missing.
    let whole = sql::with_parts(text, &part).unwrap_or_else(|_| text.to_owned());
    let text = whole.as_str();
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

/// The schema of the tables, and whether pgkit's own are among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Their schema.
    pub schema: String,
    /// Has `jobs init` created pgkit's tables?
    pub has_pgkit: bool,
    /// The existing tables of those that were added in a later version of pgkit.
    pub later: BTreeSet<&'static str>,
    /// The shape of the tables when they were checked: see [`Snapshot::shape`].
    pub shape: String,
}

impl Place {
    /// Returns whether a table that was added in a later version of pgkit exists. Until `jobs upgrade` creates it,
    /// everything else works without it.
    pub fn has(&self, table: &str) -> bool {
        self.later.contains(table)
    }
}

/// Is a job recorded as done for this date?
pub async fn has_done(session: &impl Queryable, place: &Place, job: &str, date: Timestamp) -> Result<bool> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Done {
        done: bool,
    }
    let params = [Value::Text(job.to_owned()), Value::Text(date.to_string())];
    let found: Vec<Done> = session.ask(&in_schema(DONE, &place.schema), &params).await?;
    Ok(found.first().is_some_and(|found| found.done))
}

/// Returns which of these jobs, which were running elsewhere, may be free by now. The others cannot be claimed yet.
pub async fn freed(
    session: &impl Queryable,
    place: &Place,
    names: &BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Freed {
        name: String,
    }
    let keys = names.iter().map(|name| Some(lock_key(&place.schema, name).to_string())).collect();
    let params = [Value::TextList(names.iter().cloned().map(Some).collect()), Value::TextList(keys)];
    let freed: Vec<Freed> = session.ask(&in_schema(FREED, &place.schema), &params).await?;
    Ok(freed.into_iter().map(|one| one.name).collect())
}

/// The key of a job's advisory lock: the first 64 bits of the SHA-256 hash of its name and its tables' schema.
pub fn lock_key(schema: &str, job: &str) -> i64 {
    let digest = sha2::Sha256::digest(format!("pgkit:jobs:{schema}:{job}"));
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// Returns the job's part of the key of the lock for its SQL in another database.
pub fn elsewhere_key(schema: &str, job: &str) -> i64 {
    // A job's name cannot contain a NUL byte, so no job has the same key.
    lock_key(schema, &format!("\0elsewhere:{job}"))
}

/// Adds hints for those who run jobs to the server's refusal of a statement on the tables.
pub fn explain(error: Error) -> Error {
    match error.sqlstate.as_deref() {
        Some("42P01" | "42703") => error.hint("create or complete the tables with pgkit jobs init"),
        Some("42501") => error.hint("the role needs SELECT, INSERT, UPDATE and DELETE on crontabber, crontabber_log and pgkit's tables, as their owner has"),
        Some("25006") => error.hint("this server or role is read-only: connect to the primary"),
        _ => error,
    }
}

/// The identity of a server and of the session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The system identifier of its cluster.
    pub system_identifier: String,
    /// Its timeline, in hexadecimal; empty on a standby.
    pub timeline: String,
    pub standby: bool,
    pub database: String,
    pub role: String,
    /// The process id of the backend.
    pub pid: i64,
}

/// Asks the server for its identity.
pub async fn server(session: &impl Queryable) -> Result<Server> {
    let server: Vec<Server> = session.ask(SERVER, &[]).await?;
    server.into_iter().next().ok_or_else(|| Error::bug("a server without an identity"))
}

/// Records jobs that are seen for the first time. Returns whether there were any.
pub async fn first_seen<'a>(
    writer: &Writer,
    place: &Place,
    jobs: impl Iterator<Item = &'a Job>,
) -> Result<bool> {
    let (names, ages): (Vec<_>, Vec<_>) =
        jobs.map(|job| (Some(job.name.clone()), Some(interval(job.max_ongoing_age)))).unzip();
    if names.is_empty() {
        return Ok(false);
    }
    let odd: Vec<String> = names
        .iter()
        .flatten()
        .filter(|name: &&String| !name.is_ascii())
        .map(|name| format!("{name:?}"))
        .collect();
    let params = [Value::TextList(names), Value::TextList(ages)];
    match writer.affect(&in_schema(FIRST_SEEN, &place.schema), &params).await {
        // The server does not say which of the names it cannot store.
        Err(e) if e.sqlstate.as_deref() == Some("22P05") => Err(e.hint(format!(
            "the encoding of database {:?} lacks a character in the name of a job; rename it: it is one of {}",
            writer.database(),
            odd.join(", ")
        ))),
        done => done.map(|()| true),
    }
}

/// Records the dates that jobs left out because they could not start in time. Returns those that had not been recorded
/// before, with their jobs.
pub async fn leave_out(
    writer: &Writer,
    place: &Place,
    late: &[(String, Timestamp)],
) -> Result<Vec<(String, Timestamp)>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct LeftOut {
        name: String,
        #[serde(deserialize_with = "some_instant")]
        run_date: Timestamp,
    }
    if late.is_empty() {
        return Ok(Vec::new());
    }
    let (names, dates) = late.iter().map(|(name, date)| (Some(name.clone()), Some(date.to_string()))).unzip();
    let params = [Value::TextList(names), Value::TextList(dates)];
    let new: Vec<LeftOut> = writer.changed(&in_schema(LEFT_OUT, &place.schema), &params).await?;
    Ok(new.into_iter().map(|one| (one.name, one.run_date)).collect())
}

/// Updates the `next_run` that is stored for each job. pgkit computes the dates of such jobs from their schedule and
/// does not read it, but jobs that depend on them go by it.
pub async fn replan(
    writer: &Writer,
    place: &Place,
    jobs: impl Iterator<Item = &Job>,
    snapshot: &mut Snapshot,
) -> Result<()> {
    let changed = |job: &Job| {
        let row = snapshot.jobs.get(&job.name)?.state.row.as_ref()?;
        if matches!(job.schedule, Schedule::Original { .. }) || row.failed || row.ongoing.is_some() {
            return None;
        }
        let next = match plan::decide(job, &|name| snapshot.state(name), snapshot.now) {
            Decision::NotDue(next) => next?,
            _ => return None,
        };
        (row.next_run != Some(next)).then(|| (job.name.clone(), next))
    };
    let changed: Vec<_> = jobs.filter_map(changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let (names, instants) =
        changed.iter().map(|(name, next)| (Some(name.clone()), Some(next.to_string()))).unzip();
    let params = [Value::TextList(names), Value::TextList(instants)];
    writer.affect(&in_schema(REPLAN, &place.schema), &params).await?;
    for (name, next) in changed {
        if let Some(row) = snapshot.jobs.get_mut(&name).and_then(|stored| stored.state.row.as_mut()) {
            row.next_run = Some(next);
        }
    }
    Ok(())
}

/// A duration as text that the server accepts as an interval.
pub fn interval(length: Duration) -> String {
    // Old servers do not accept more than 2^31 of a unit, so microseconds alone would not do.
    format!("{}.{:06} seconds", length.as_secs(), length.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_put_in_as_an_identifier() {
        assert!(in_schema(DONE, "it's \"odd\"").contains("FROM \"it's \"\"odd\"\"\".pgkit_run"));
        assert!(!in_schema(DONE, "x").contains(":\""));
    }

    #[test]
    fn every_part_that_a_statement_includes_is_known_and_stands_in_several() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/jobs");
        let files = |folder: &std::path::Path| {
            std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
                .collect::<Vec<_>>()
        };
        let all = files(&folder).into_iter().flat_map(|path| [files(&path), vec![path]].concat());
        let texts: Vec<String> = all.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        let lines = texts.iter().flat_map(|text| text.lines());
        let included: Vec<&str> =
            lines.filter_map(|line| line.trim_start().strip_prefix("-- include ")).collect();
        assert!(included.iter().all(|name| PARTS.iter().any(|(known, _)| known == name)), "{included:?}");
        for (name, _) in PARTS {
            assert!(included.iter().filter(|one| **one == name).count() > 1, "{name}");
        }
    }

    #[test]
    fn whatever_stands_as_the_last_error_is_shown() {
        let shown = |text: &str| {
            let error = LastError::new(text);
            format!("{} | {}", error.kind, error.value)
        };
        assert_eq!(shown(r#"{"type": "T", "value": "v", "traceback": "x"}"#), "T | v");
        assert_eq!(shown(r#"{"type": 5, "value": ["a"]}"#), "5 | [\"a\"]");
        assert_eq!(shown(r#"{"value": "v"}"#), "unknown | v");
        assert_eq!(shown("\"boom\""), "unknown | boom");
        assert_eq!(shown("[1,2]"), "unknown | [1,2]");
    }
}

//! A claim: a job's lock, its row, the decision under both, and who may be taken over.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::file::{Job, OnCrash};
use super::health;
use super::plan::{self, Dates, Decision, Row, State};
use super::process;
use super::schedule::Schedule;
use super::session::{Session, Statement, first, json, named, plain};
use super::store::{instant, interval, lock_key};
use super::talk::{Mode, Outcome};
use crate::error::{Error, Result};

/// What comes on top of the lease before somebody else takes over.
const MARGIN: Duration = Duration::from_millis(1500);

/// How long after a lock was first seen free its job may be taken over.
pub fn grace(job: &Job) -> Duration {
    job.lease + MARGIN
}

/// Where a guard is: what tells others on the same machine that it is gone.
#[derive(Debug, Clone)]
pub struct Here {
    /// The machine's name.
    pub host: String,
    /// The machine's present life.
    pub boot: String,
    /// The name space of process numbers.
    pub space: String,
    /// The guard's process.
    pub pid: i32,
    /// Its start.
    pub ticks: i64,
}

impl Here {
    /// This process, on the machine of this name.
    pub fn new(host: &str) -> Here {
        let (boot, space) = process::place();
        let pid = std::process::id().cast_signed();
        Here { host: host.to_owned(), boot, space, pid, ticks: process::ticks(pid).unwrap_or_default() }
    }
}

/// A job that is ours now.
#[derive(Debug)]
pub struct Claim {
    /// The value of `ongoing`: whoever finds another one there has lost the job.
    pub token: Timestamp,
    /// When the job's turn began.
    pub begun: Timestamp,
    /// The present attempt.
    pub run: i64,
    /// The how manieth it is for its date.
    pub attempt: i64,
    /// What its processes carry.
    pub mark: String,
    /// Had its last run failed?
    pub failed_before: bool,
    /// How many runs had failed in a row.
    pub errors_before: i64,
    /// The dates, the first one first.
    pub dates: Dates,
    /// Does the run count for the schedule? One for a date that somebody named does not, for a backfill job.
    pub counts: bool,
}

/// What a look under the lock gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    has_row: bool,
    #[serde(deserialize_with = "instant")]
    next_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    first_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    last_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    last_success: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    ongoing: Option<Timestamp>,
    error_count: i64,
    failed: bool,
    now: Timestamp,
    first_seen: Option<Timestamp>,
    paused: bool,
    #[serde(deserialize_with = "instant")]
    done_through: Option<Timestamp>,
    done: BTreeSet<Timestamp>,
    date_done: bool,
    claim: Option<Before>,
    parents: Option<Vec<Parent>>,
    changed_s: Option<f64>,
}

/// The attempt that the row's claim stands for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    id: i64,
    state: String,
    run_date: Timestamp,
    released: bool,
    seen_free_at: Option<Timestamp>,
    host: Option<String>,
    boot_id: Option<String>,
    pid_namespace: Option<String>,
    guard_pid: Option<i32>,
    guard_ticks: Option<i64>,
    leader_pid: Option<i32>,
    leader_ticks: Option<i64>,
    started: Timestamp,
    mark: Option<String>,
    is_over: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parent {
    name: String,
    #[serde(deserialize_with = "instant")]
    next_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    first_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    last_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    last_success: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    ongoing: Option<Timestamp>,
    failed: bool,
}

/// A new attempt, as the statement that makes it gives it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Its number.
    pub id: i64,
    /// The how manieth for its date.
    pub attempt: i64,
}

/// A list as PostgreSQL reads an array of texts.
pub fn array(items: &[String]) -> String {
    let quoted: Vec<String> =
        items.iter().map(|i| format!("\"{}\"", i.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    format!("{{{}}}", quoted.join(","))
}

/// Tries to claim a job for a run. The lock is free again, and no transaction open, where there is no claim.
///
/// Errors: the connection, or a statement that is refused for what is no lock.
pub async fn claim(
    session: &mut Session,
    schema: &str,
    here: &Here,
    job: &Job,
    mode: Mode,
    warn: &mut dyn FnMut(String),
) -> Result<std::result::Result<Claim, Outcome>> {
    match attempt(session, schema, here, job, mode, warn).await {
        Ok(Ok(claim)) => Ok(Ok(claim)),
        Ok(Err(outcome)) => {
            session.pipeline(&[plain("ROLLBACK"), named("unlock", vec![])]).await?;
            Ok(Err(outcome))
        }
        Err(error) => {
            // 55P03: somebody holds the row. 23505: somebody has just made it, or the guard trigger stands before it.
            let locked = matches!(error.sqlstate.as_deref(), Some("55P03" | "23505"));
            if error.sqlstate.is_some() {
                session.pipeline(&[plain("ROLLBACK"), named("unlock", vec![])]).await?;
            }
            if locked { Ok(Err(Outcome::Locked)) } else { Err(error) }
        }
    }
}

async fn attempt(
    session: &mut Session,
    schema: &str,
    here: &Here,
    job: &Job,
    mode: Mode,
    warn: &mut dyn FnMut(String),
) -> Result<std::result::Result<Claim, Outcome>> {
    let key = lock_key(schema, &job.name).to_string();
    let parents = array(&job.depends_on);
    let wants_done = job.backfill || !matches!(job.schedule, Schedule::Original { .. });
    let date = match mode {
        Mode::Date { date, .. } => Some(date.to_string()),
        _ => None,
    };
    let answers = session
        .pipeline(&[
            plain("BEGIN"),
            named("house", vec![]),
            named("lock", vec![Some(&key)]),
            named("row", vec![Some(&job.name)]),
            named(
                "look",
                vec![
                    Some(&job.name),
                    Some(&parents),
                    Some(if wants_done { "t" } else { "f" }),
                    date.as_deref(),
                ],
            ),
        ])
        .await?;
    let has_lock = first(answers.get(2)).as_deref() == Some("t");
    let known: Known = json(answers.get(4))?;
    let dates = match decide(job, mode, &known) {
        Ok(dates) => dates,
        Err(why) => return Ok(Err(Outcome::NotNow { why })),
    };
    if !has_lock {
        return Ok(Err(match known.ongoing {
            Some(since) => Outcome::Ongoing { why: elsewhere(since, known.claim.as_ref()) },
            // It is being claimed in this instant.
            None => Outcome::Locked,
        }));
    }
    if let Some(changed) = known.changed_s.filter(|s| *s < grace(job).as_secs_f64()) {
        let why = format!(
            "the server, or its timeline, has changed {changed:.0} s ago: what ran before may still run"
        );
        return Ok(Err(Outcome::Ongoing { why }));
    }
    let mut before: Vec<Statement<'_>> = Vec::new();
    let replaced = known.ongoing.map(|old| old.to_string());
    let mut cut_off: Option<(String, String)> = None;
    if let Some(since) = known.ongoing {
        match take_over(here, job, &known, since, warn) {
            Takes::Over(what) => cut_off = what,
            Takes::Held => return Ok(Err(Outcome::Held)),
            Takes::SeenFree(id) => {
                session.pipeline(&[named("seen_free", vec![Some(&id.to_string())]), plain("COMMIT")]).await?;
                return Ok(Err(Outcome::Ongoing { why: elsewhere(since, known.claim.as_ref()) }));
            }
            Takes::No(why) => return Ok(Err(Outcome::Ongoing { why })),
        }
        before.push(named("as_owner", vec![replaced.as_deref()]));
    }
    let hold = job.on_crash == OnCrash::Hold && cut_off.is_some();
    if let Some((id, why)) = &cut_off {
        before.push(named(
            "cut_off",
            vec![Some(id), Some(&job.name), Some(why), Some(if hold { "t" } else { "f" })],
        ));
    }
    if hold {
        before.push(plain("COMMIT"));
        session.pipeline(&before).await?;
        let why = cut_off.map(|(_, why)| why).unwrap_or_default();
        return Ok(Err(Outcome::Interrupted { why, held: true }));
    }
    let token = known.now;
    let (token_text, first_date) = (token.to_string(), dates.first().to_string());
    if matches!(mode, Mode::Date { rerun: true, .. }) {
        before.push(named("supersede", vec![Some(&job.name), Some(&first_date)]));
    }
    let mark = format!("{:016x}-{}", lock_key(schema, &job.name), token.as_microsecond());
    let (grace, pid, ticks) = (interval(grace(job)), here.pid.to_string(), here.ticks.to_string());
    // For a date that somebody named, or a backfill's, it counts how often that date was tried.
    let errors = if job.backfill || date.is_some() { 0 } else { known.error_count.max(0) }.to_string();
    let claiming = before.len();
    before.push(named(
        "claim",
        vec![
            Some(&job.name),
            Some(&token_text),
            Some(&first_date),
            Some(&grace),
            Some(&here.host),
            Some(&here.boot),
            Some(&here.space),
            Some(&pid),
            Some(&ticks),
            Some(&parents),
            Some(if known.has_row { "t" } else { "f" }),
            Some(&errors),
            Some(&mark),
        ],
    ));
    before.push(plain("COMMIT"));
    let answers = session.pipeline(&before).await?;
    let made: Attempt = json(answers.get(claiming))?;
    Ok(Ok(Claim {
        token,
        begun: known.now,
        run: made.id,
        attempt: made.attempt,
        mark,
        failed_before: known.failed,
        errors_before: known.error_count,
        dates,
        counts: !(job.backfill && date.is_some()),
    }))
}

/// The dates, or why there are none.
fn decide(job: &Job, mode: Mode, known: &Known) -> std::result::Result<Dates, String> {
    let row = Row {
        next_run: known.next_run,
        first_run: known.first_run,
        last_run: known.last_run,
        last_success: known.last_success,
        ongoing: known.ongoing,
        failed: known.failed,
    };
    let own = State {
        row: known.has_row.then_some(row),
        first_seen: known.first_seen,
        paused: known.paused,
        done: known.done.clone(),
        done_through: known.done_through,
    };
    let state = |name: &str| {
        if name == job.name {
            return Some(own.clone());
        }
        let parent = known.parents.iter().flatten().find(|parent| parent.name == name)?;
        let row = Row {
            next_run: parent.next_run,
            first_run: parent.first_run,
            last_run: parent.last_run,
            last_success: parent.last_success,
            ongoing: parent.ongoing,
            failed: parent.failed,
        };
        Some(State { row: Some(row), ..State::default() })
    };
    match mode {
        _ if known.paused => Err(health::words(job, &Decision::Paused, known.now)),
        Mode::Due => match plan::decide(job, &state, known.now) {
            Decision::Run(dates) => Ok(dates),
            other => Err(health::words(job, &other, known.now)),
        },
        Mode::Forced => Ok(plan::forced(job, Some(&own), known.now)),
        Mode::Date { date, rerun } if known.date_done && !rerun => {
            Err(format!("has done {date} already; --rerun does it again"))
        }
        Mode::Date { date, .. } => Ok(Dates::one(date)),
    }
}

enum Takes {
    /// Nobody is behind the claim any more: the attempt that was cut off, and why it counts as such.
    Over(Option<(String, String)>),
    /// It waits for a person.
    Held,
    /// Its lock is free now; this attempt is not known to have ended.
    SeenFree(i64),
    /// Somebody may still be behind it.
    No(String),
}

/// May a claim be taken over, now that its lock is ours?
fn take_over(here: &Here, job: &Job, known: &Known, since: Timestamp, warn: &mut dyn FnMut(String)) -> Takes {
    let Some(before) = &known.claim else {
        // A foreign crontabber's: it has no lock to tell by.
        let age = known.now.duration_since(since);
        if age < SignedDuration::ZERO {
            warn(format!(
                "it is ongoing since {since}, which is in the future: the clock of whoever claimed it is ahead by {:#}",
                health::round(-age)
            ));
        }
        if !health::is_stale(job, since, known.now) {
            return Takes::No(elsewhere(since, None));
        }
        warn(format!("it was ongoing since {since}, for longer than max_ongoing_age: it is taken over"));
        return Takes::Over(None);
    };
    if before.state == "held" {
        return Takes::Held;
    }
    let cut_off = |why: &str| {
        let host = before.host.as_deref().unwrap_or("an unknown machine");
        let why = format!("the attempt for {} on {host} was cut off: {why}", before.run_date);
        Takes::Over(Some((before.id.to_string(), why)))
    };
    if before.released {
        return cut_off("its guard gave it back");
    }
    if is_gone(here, before) {
        return cut_off("its processes are gone");
    }
    if before.is_over {
        return cut_off("its lock was free for longer than its lease");
    }
    if before.seen_free_at.is_none() {
        return Takes::SeenFree(before.id);
    }
    Takes::No(elsewhere(since, Some(before)))
}

/// Is nothing left of an attempt that was made in the same life of this machine? What still carries its mark is killed.
fn is_gone(here: &Here, before: &Before) -> bool {
    let same = |ours: &str, theirs: &Option<String>| !ours.is_empty() && theirs.as_deref() == Some(ours);
    if !same(&here.boot, &before.boot_id) || !same(&here.space, &before.pid_namespace) {
        return false;
    }
    let lives = |pid: Option<i32>, ticks: Option<i64>| pid.is_some_and(|pid| process::ticks(pid) == ticks);
    // A guard that takes over from itself has lost track of what it did.
    let is_own = before.guard_pid == Some(here.pid) && before.guard_ticks == Some(here.ticks);
    if !is_own && lives(before.guard_pid, before.guard_ticks) {
        return false;
    }
    if let Some(mark) = &before.mark {
        // The killed ones take their time to go.
        for _ in 0..200 {
            if process::kill_marked(mark) == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if process::kill_marked(mark) > 0 {
            return false;
        }
    }
    before.leader_pid.is_none() || !lives(before.leader_pid, before.leader_ticks)
}

/// Where a job runs, in words.
fn elsewhere(since: Timestamp, claim: Option<&Before>) -> String {
    match claim {
        Some(before) => {
            let host = before.host.as_deref().unwrap_or("an unknown machine");
            let free =
                before.seen_free_at.map(|at| format!("; its lock is free since {at}")).unwrap_or_default();
            format!("on {host} since {}{free}", before.started)
        }
        None => format!("since {since}"),
    }
}

/// The claim's error where the session has lost it. A bug elsewhere would look like this too, so it says all it knows.
pub fn lost(job: &Job, token: Timestamp) -> Error {
    Error::new(
        crate::error::Exit::TryAgain,
        format!("job {:?} no longer carries the claim {token}", job.name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_an_array_whatever_its_items_hold() {
        assert_eq!(array(&[]), "{}");
        assert_eq!(
            array(&["a".into(), "it's, \"b\\".into(), "NULL".into()]),
            r#"{"a","it's, \"b\\","NULL"}"#
        );
    }
}

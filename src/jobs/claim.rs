//! A claim: a job's lock, its row, the decision under both, and who may be taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::health;
use super::job::{Job, OnCrash};
use super::lease::Renewal;
use super::plan::{self, Dates, Decision, Row, State, instant, instants, some_instant};
use super::process;
use super::schedule::Schedule;
use super::session::{Session, Statement, first, json, named, plain};
use super::store::{interval, lock_key};
use super::talk::{Mode, Outcome, Share};
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
    /// Whose processes these are.
    pub uid: u32,
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
        let uid = nix::unistd::geteuid().as_raw();
        Here { host: host.to_owned(), boot, space, uid, pid, ticks: process::ticks(pid).unwrap_or_default() }
    }
}

/// A job that is ours now.
#[derive(Debug)]
pub struct Claim {
    /// When the job's turn began.
    pub begun: Timestamp,
    /// The present attempt.
    pub run: i64,
    /// The how manieth it is for its date.
    pub attempt: i64,
    /// What its processes carry, and by which the ledger knows its attempts.
    pub mark: String,
    /// Had its last run failed?
    pub failed_before: bool,
    /// How many runs had failed in a row.
    pub errors_before: i64,
    /// The dates, the first one first.
    pub dates: Dates,
    /// Does the run count for the schedule? One for a date that somebody has named does not.
    pub counts: bool,
    /// When it is to be renewed.
    pub renewal: Renewal,
}

/// What a look under the lock gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    row: Option<Row>,
    error_count: i64,
    now: Timestamp,
    #[serde(deserialize_with = "instant")]
    first_seen: Option<Timestamp>,
    paused: bool,
    #[serde(deserialize_with = "instant")]
    done_through: Option<Timestamp>,
    #[serde(deserialize_with = "instants")]
    done: BTreeSet<Timestamp>,
    date_done: bool,
    claim: Option<Before>,
    parents: Option<BTreeMap<String, Row>>,
    changed_s: Option<f64>,
}

/// The attempt that the row's claim stands for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    id: i64,
    state: String,
    #[serde(deserialize_with = "some_instant")]
    run_date: Timestamp,
    #[serde(deserialize_with = "instant")]
    seen_free_at: Option<Timestamp>,
    host: Option<String>,
    uid: Option<u32>,
    boot_id: Option<String>,
    pid_namespace: Option<String>,
    guard_pid: Option<i32>,
    guard_ticks: Option<i64>,
    leader_pid: Option<i32>,
    leader_ticks: Option<i64>,
    #[serde(deserialize_with = "some_instant")]
    started: Timestamp,
    mark: Option<String>,
    /// How long until it may be taken over, since its lock was first seen free.
    left_s: Option<f64>,
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

/// Why there is no claim.
#[derive(Debug)]
pub struct Refused {
    /// What becomes of the job in this pass.
    pub outcome: Outcome,
    /// The job waits for a person from now on.
    pub held: Option<Held>,
    /// When it is due.
    pub next_run: Option<Timestamp>,
}

/// A job that waits for a person from now on.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// For this date, which was cut off.
    pub date: Timestamp,
    /// Had it failed before that?
    pub failed_before: bool,
    /// How many runs have failed in a row, this one included.
    pub errors: i64,
}

impl From<Outcome> for Refused {
    fn from(outcome: Outcome) -> Refused {
        Refused { outcome, held: None, next_run: None }
    }
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
    share: Share,
    warn: &mut dyn FnMut(String),
) -> Result<std::result::Result<Claim, Refused>> {
    match attempt(session, schema, here, job, mode, share, warn).await {
        Ok(Ok(claim)) => Ok(Ok(claim)),
        Ok(Err(refused)) => {
            session.pipeline(&[plain!("ROLLBACK"), named("unlock", vec![])]).await?;
            Ok(Err(refused))
        }
        Err(error) => {
            // 55P03: somebody holds the row. 23505: somebody has just made it, or the guard trigger stands before it.
            let locked = matches!(error.sqlstate.as_deref(), Some("55P03" | "23505"));
            if error.sqlstate.is_some() {
                session.pipeline(&[plain!("ROLLBACK"), named("unlock", vec![])]).await?;
            }
            if locked { Ok(Err(Outcome::Locked.into())) } else { Err(error) }
        }
    }
}

async fn attempt(
    session: &mut Session,
    schema: &str,
    here: &Here,
    job: &Job,
    mode: Mode,
    share: Share,
    warn: &mut dyn FnMut(String),
) -> Result<std::result::Result<Claim, Refused>> {
    let key = lock_key(schema, &job.name).to_string();
    let parents = array(&job.depends_on);
    let wants_done = job.backfill || !matches!(job.schedule, Schedule::Original { .. });
    let date = match mode {
        Mode::Date { date, .. } => Some(date),
        _ => None,
    };
    let date_text = date.map(|date| date.to_string());
    let answers = session
        .pipeline(&[
            plain!("BEGIN"),
            named("lock", vec![Some(&key)]),
            named("row", vec![Some(&job.name)]),
            named(
                "look",
                vec![
                    Some(&job.name),
                    Some(&parents),
                    Some(if wants_done { "t" } else { "f" }),
                    date_text.as_deref(),
                ],
            ),
        ])
        .await?;
    let has_lock = first(answers.get(1)).as_deref() == Some("t");
    let known: Known = json(answers.get(3))?;
    let ongoing = known.row.as_ref().and_then(|row| row.ongoing);
    let failed_before = known.row.as_ref().is_some_and(|row| row.failed);
    let dates = match decide(job, mode, share, &known) {
        Ok(dates) => dates,
        Err((why, next_run)) => {
            return Ok(Err(Refused { outcome: Outcome::NotNow { why }, held: None, next_run }));
        }
    };
    if !has_lock {
        let outcome = match ongoing {
            Some(since) => Outcome::Ongoing { why: elsewhere(since, known.claim.as_ref()), free_in: None },
            // It is being claimed in this instant.
            None => Outcome::Locked,
        };
        return Ok(Err(outcome.into()));
    }
    let grace = grace(job);
    if let Some(changed) = known.changed_s.filter(|s| *s < grace.as_secs_f64()) {
        let why = format!(
            "the server, or its timeline, has changed {changed:.0} s ago: what ran before may still run"
        );
        let left = grace.saturating_sub(Duration::try_from_secs_f64(changed).unwrap_or_default());
        return Ok(Err(Outcome::Ongoing { why, free_in: Some(left) }.into()));
    }
    let mut before: Vec<Statement<'_>> = Vec::new();
    let mut cut_off: Option<(String, String)> = None;
    let mut cut_date = known.now;
    if let Some(since) = ongoing {
        match take_over(here, job, &known, since, warn) {
            Takes::Over(what) => {
                cut_off = what;
                cut_date = known.claim.as_ref().map_or(cut_date, |before| before.run_date);
            }
            Takes::Held => return Ok(Err(Outcome::Held.into())),
            Takes::SeenFree(id) => {
                session
                    .pipeline(&[named("seen_free", vec![Some(&id.to_string())]), plain!("COMMIT")])
                    .await?;
                let why = elsewhere(since, known.claim.as_ref());
                return Ok(Err(Outcome::Ongoing { why, free_in: Some(grace) }.into()));
            }
            Takes::No { why, free_in } => return Ok(Err(Outcome::Ongoing { why, free_in }.into())),
        }
        before.push(named("as_owner", vec![Some(&job.name)]));
    }
    // What runs in a transaction leaves nothing half done.
    let hold = job.on_crash == OnCrash::Hold && !job.is_transaction() && cut_off.is_some();
    if let Some((id, why)) = &cut_off {
        before.push(named(
            "cut_off",
            vec![Some(id), Some(&job.name), Some(why), Some(if hold { "t" } else { "f" })],
        ));
    }
    if hold {
        before.push(plain!("COMMIT"));
        session.pipeline(&before).await?;
        let why = cut_off.map(|(_, why)| why).unwrap_or_default();
        let outcome = Outcome::Interrupted { why, held: true };
        let errors = known.error_count + 1;
        let held = Held { date: cut_date, failed_before, errors };
        return Ok(Err(Refused { outcome, held: Some(held), next_run: None }));
    }
    let token = known.now;
    let first_date = dates.peek().ok_or_else(|| Error::bug("a run without a date"))?.to_string();
    let token_text = token.to_string();
    if matches!(mode, Mode::Date { rerun: true, .. }) {
        before.push(named("supersede", vec![Some(&job.name), Some(&first_date)]));
    }
    if let Some(date) = date.filter(|date| *date > known.now) {
        warn(format!("{date} lies in the future"));
    }
    let mark = format!("{:016x}-{}", lock_key(schema, &job.name), token.as_microsecond());
    let (grace, uid) = (interval(grace), here.uid.to_string());
    let (pid, ticks) = (here.pid.to_string(), here.ticks.to_string());
    // Where every run has a date of its own the failures in a row tell how often it was tried; else the date's attempts do.
    let by_errors = matches!(job.schedule, Schedule::Original { .. }) && !job.backfill && date.is_none();
    let errors = if by_errors { known.error_count.max(0) } else { 0 }.to_string();
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
            Some(if known.row.is_some() { "t" } else { "f" }),
            Some(&errors),
            Some(&mark),
            Some(&uid),
        ],
    ));
    if job.is_transaction() {
        // What such a job does is flushed with its record, and its claim before that: a server that crashes in between
        // forgets the claim, of which nothing has come.
        before.push(plain!("SET LOCAL synchronous_commit = off"));
    }
    before.push(plain!("COMMIT"));
    let answers = session.pipeline(&before).await?;
    let made: Attempt = json(answers.get(claiming))?;
    Ok(Ok(Claim {
        begun: known.now,
        run: made.id,
        attempt: made.attempt,
        mark,
        failed_before,
        errors_before: known.error_count,
        dates,
        counts: date.is_none(),
        renewal: Renewal::new(job),
    }))
}

/// The dates; or why there are none, and when there are, as far as that is known.
fn decide(
    job: &Job,
    mode: Mode,
    share: Share,
    known: &Known,
) -> std::result::Result<Dates, (String, Option<Timestamp>)> {
    let own = State {
        row: known.row.clone(),
        first_seen: known.first_seen,
        paused: known.paused,
        done: known.done.clone(),
        done_through: known.done_through,
    };
    let state = |name: &str| {
        if name == job.name {
            return Some(own.clone());
        }
        let row = known.parents.as_ref()?.get(name)?.clone();
        Some(State { row: Some(row), ..State::default() })
    };
    let not = |decision: &Decision| {
        let next = match decision {
            Decision::NotDue(next) | Decision::NoDate(next) => *next,
            _ => None,
        };
        Err((health::words(job, decision, known.now), next))
    };
    match mode {
        _ if known.paused => not(&Decision::Paused),
        Mode::Due => match plan::decide(job, &state, known.now) {
            Decision::Run(dates) => shared(dates, share),
            other => not(&other),
        },
        Mode::Forced => shared(plan::forced(job, Some(&own), known.now), share),
        Mode::Date { date, rerun } if known.date_done && !rerun => {
            Err((format!("has done {date} already; --rerun does it again"), None))
        }
        Mode::Date { date, .. } => Ok(Dates::one(date)),
    }
}

/// As many of the dates as one turn may have.
fn shared(dates: Dates, share: Share) -> std::result::Result<Dates, (String, Option<Timestamp>)> {
    let dates = match share.through {
        Some(last) => dates.through(last),
        None => dates,
    };
    let dates = dates.at_most(share.dates.unwrap_or(u32::MAX));
    if dates.peek().is_some() { Ok(dates) } else { Err(("has done what was due".to_owned(), None)) }
}

enum Takes {
    /// Nobody is behind the claim any more: the attempt that was cut off, and why it counts as such.
    Over(Option<(String, String)>),
    /// It waits for a person.
    Held,
    /// Its lock is free now; this attempt is not known to have ended.
    SeenFree(i64),
    /// Somebody may still be behind it: until then, as far as that is known.
    No { why: String, free_in: Option<Duration> },
}

/// May a claim be taken over, now that its lock is ours?
fn take_over(here: &Here, job: &Job, known: &Known, since: Timestamp, warn: &mut dyn FnMut(String)) -> Takes {
    let Some(before) = &known.claim else {
        // A foreign crontabber's: it has no lock to tell by.
        let age = known.now.duration_since(since);
        if age < SignedDuration::ZERO {
            warn(format!(
                "it is ongoing since {}, which is in the future: the clock of whoever claimed it is ahead",
                health::instant(since)
            ));
        }
        if !health::is_stale(job, since, known.now) {
            return Takes::No { why: elsewhere(since, None), free_in: None };
        }
        let since = health::instant(since);
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
    if is_gone(here, before) {
        return cut_off("its processes are gone");
    }
    match before.left_s {
        None => Takes::SeenFree(before.id),
        Some(left) if left <= 0.0 => cut_off("its lock was free for longer than its lease"),
        Some(left) => {
            Takes::No { why: elsewhere(since, Some(before)), free_in: Duration::try_from_secs_f64(left).ok() }
        }
    }
}

/// Where an attempt may still run although its lock is free and ours, and for how many seconds; `None`: nothing of it is
/// left. What is left of it on this machine is ended.
pub fn may_still_run(here: &Here, before: &Before) -> Option<(String, f64)> {
    let left = before.left_s.filter(|left| *left > 0.0)?;
    (!is_gone(here, before)).then(|| (elsewhere(before.started, Some(before)), left))
}

/// Is nothing left of an attempt that was made in the same life of this machine? What still carries its mark is killed.
fn is_gone(here: &Here, before: &Before) -> bool {
    let same = |ours: &str, theirs: &Option<String>| !ours.is_empty() && theirs.as_deref() == Some(ours);
    if !same(&here.boot, &before.boot_id) || !same(&here.space, &before.pid_namespace) {
        return false;
    }
    // Others' processes do not show what they carry.
    if here.uid != 0 && before.uid != Some(here.uid) {
        return false;
    }
    let lives = |pid: Option<i32>, ticks: Option<i64>| {
        ticks.is_some() && pid.is_some_and(|pid| process::ticks(pid) == ticks)
    };
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
    !lives(before.leader_pid, before.leader_ticks)
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
        None => format!("since {}", health::instant(since)),
    }
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

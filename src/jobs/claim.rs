//! Claiming a job: its lock, its row, the decision made while holding both, and which claims may be taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::health;
use super::job::{Job, OnCrash, Pool, Work};
use super::lease::Renewal;
use super::plan::{self, Dates, Decision, Row, State, instant, instants, some_instant};
use super::process;
use super::schedule::Schedule;
use super::session::{Later, Session, Statement, first, json, named, plain};
use super::store::{elsewhere_key, interval, lock_key};
use super::talk::{Mode, Outcome, TurnLimit};
use crate::error::{Error, Result};

/// How long to wait after the lease has expired before another guard may take over.
const MARGIN: Duration = Duration::from_millis(1500);

/// Returns the keys of the advisory locks of a pool: one for each job that may run at once.
fn pool_keys(schema: &str, pool: &Pool) -> impl Iterator<Item = i64> {
    // A job's name cannot contain a NUL byte, so no job has the same key.
    (0..pool.limit).map(move |place| lock_key(schema, &format!("\0pool:{}:{place}", pool.name)))
}

/// Returns how long after a job's lock was first seen to be free the job may be taken over.
pub fn grace(job: &Job) -> Duration {
    job.lease + MARGIN
}

/// Where a guard runs. From this, others on the same machine can tell that it is gone.
#[derive(Debug, Clone)]
pub struct Here {
    /// The machine's name.
    pub host: String,
    /// The boot id of the machine, which changes whenever it starts.
    pub boot: String,
    /// The pid namespace.
    pub space: String,
    /// The user id that owns the processes.
    pub uid: u32,
    /// The guard's pid.
    pub pid: i32,
    /// When the guard's process started: see [`process::ticks`].
    pub ticks: i64,
}

impl Here {
    /// Describes this process, on the machine of this name.
    pub fn new(host: &str) -> Here {
        let (boot, space) = process::place();
        let pid = std::process::id().cast_signed();
        let uid = nix::unistd::geteuid().as_raw();
        Here { host: host.to_owned(), boot, space, uid, pid, ticks: process::ticks(pid).unwrap_or_default() }
    }
}

/// A claim on a job that this guard now holds.
#[derive(Debug)]
pub struct Claim {
    /// When the job's turn began.
    pub begun: Timestamp,
    /// The statements that make the claim, if they have yet to be sent together with the job's SQL.
    pub pending: Option<Pending>,
    /// The id of the current attempt; 0 as long as the claim is pending.
    pub run: i64,
    /// The ordinal of this attempt among those for its date.
    pub attempt: i64,
    /// The mark that the job's processes carry in their environment, and by which the ledger knows the claim's
    /// attempts.
    pub mark: String,
    /// Whether the job's previous run had failed.
    pub failed_before: bool,
    /// How many runs in a row had failed before this one.
    pub errors_before: i64,
    /// The dates to run for, in order.
    pub dates: Dates,
    /// Whether the run counts for the schedule. A run for a date that the user named does not.
    pub counts: bool,
    /// When the claim is to be renewed.
    pub renewal: Renewal,
}

/// The statements that make a claim and end its transaction. Until they are sent, that transaction holds the lock on
/// the job's row.
#[derive(Debug)]
pub struct Pending {
    /// The statements.
    pub statements: Vec<Later>,
    /// The index of the statement that returns the attempt.
    pub claiming: usize,
}

/// What is read from the tables while holding the lock.
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

/// The attempt behind the claim that is in the job's row.
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
    /// How many seconds remain until it may be taken over; `None` if its lock has not been seen to be free before.
    left_s: Option<f64>,
}

/// A new attempt, as returned by the statement that creates it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The id of the attempt.
    pub id: i64,
    /// Its ordinal among the attempts for its date.
    pub attempt: i64,
}

/// SQL of a job that may still be running in another database, even if its guard is gone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningSql {
    /// The database.
    pub database: String,
    /// The backend.
    pub pid: i32,
}

impl RunningSql {
    /// Describes where the SQL is running.
    pub fn words(&self) -> String {
        format!("in database {:?} (backend {})", self.database, self.pid)
    }
}

/// Returns where SQL of a job may be running in another database; `None` if it is not running. `part` is the job's part
/// of the lock's key (see [`elsewhere_key`]). With `pid`, looks at this backend only.
pub async fn running_sql(session: &mut Session, part: &str, pid: Option<&str>) -> Result<Option<RunningSql>> {
    let answers = session.pipeline(&[named("elsewhere", vec![Some(part), pid])]).await?;
    let found = answers.last();
    if first(found).is_none() { Ok(None) } else { json(found).map(Some) }
}

/// Formats a list as PostgreSQL reads an array of texts.
pub fn array(items: &[String]) -> String {
    let quoted: Vec<String> =
        items.iter().map(|i| format!("\"{}\"", i.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    format!("{{{}}}", quoted.join(","))
}

/// Why a job could not be claimed.
#[derive(Debug)]
pub struct Refused {
    /// The outcome for the job in this pass.
    pub outcome: Outcome,
    /// Set if the job is held from now on, until a person decides.
    pub held: Option<Held>,
    /// When the job is due, as far as that is known.
    pub next_run: Option<Timestamp>,
}

/// A job that is held from now on, until a person decides.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The date whose attempt was cut off.
    pub date: Timestamp,
    /// Whether the job's previous run had failed.
    pub failed_before: bool,
    /// How many runs in a row have failed, including this one.
    pub errors: i64,
}

impl From<Outcome> for Refused {
    fn from(outcome: Outcome) -> Refused {
        Refused { outcome, held: None, next_run: None }
    }
}

/// Tries to claim a job for a run. If the job cannot be claimed, its lock is free again and no transaction is open. If the
/// job runs in a transaction, the claim is decided here, but is sent together with the job's SQL: see [`Pending`].
///
/// Errors: the connection is lost, or a statement is refused for a reason other than a lock.
pub async fn claim(
    session: &mut Session,
    schema: &str,
    here: &Here,
    job: &Job,
    mode: Mode,
    limit: TurnLimit,
    warn: &mut dyn FnMut(String),
) -> Result<std::result::Result<Claim, Refused>> {
    match attempt(session, schema, here, job, mode, limit, warn).await {
        Ok(Ok(claim)) => Ok(Ok(claim)),
        Ok(Err(refused)) => {
            give_up(session).await?;
            Ok(Err(refused))
        }
        Err(error) => {
            if error.sqlstate.is_some() {
                give_up(session).await?;
            }
            if is_locked(&error) { Ok(Err(Outcome::Locked.into())) } else { Err(error) }
        }
    }
}

/// Returns whether another session was faster: it has locked the row (55P03), or has just created it, or the guard
/// trigger refuses the claim (23505).
pub fn is_locked(error: &Error) -> bool {
    matches!(error.sqlstate.as_deref(), Some("55P03" | "23505"))
}

/// Gives up a claim that was not made: rolls its transaction back and frees the lock.
pub async fn give_up(session: &mut Session) -> Result<()> {
    session.pipeline(&[plain!("ROLLBACK"), named("unlock", vec![])]).await.map(drop)
}

async fn attempt(
    session: &mut Session,
    schema: &str,
    here: &Here,
    job: &Job,
    mode: Mode,
    limit: TurnLimit,
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
    let foreign_age = job.max_ongoing_age.as_secs_f64().to_string();
    let answers = session
        .pipeline(&[
            plain!("BEGIN"),
            named("lock", vec![Some(&key)]),
            named("row", vec![Some(&job.name), Some(&foreign_age)]),
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
    let has_row = first(answers.get(2)).as_deref() == Some("t");
    let known: Known = json(answers.get(3))?;
    let ongoing = known.row.as_ref().and_then(|row| row.ongoing);
    let failed_before = known.row.as_ref().is_some_and(|row| row.failed);
    let dates = match decide(job, mode, limit, &known) {
        Ok(dates) => dates,
        Err((why, next_run)) => {
            let refused = Refused { outcome: Outcome::NotNow { why }, held: None, next_run };
            return match ongoing.filter(|_| has_lock && known.claim.is_some()) {
                Some(since) => {
                    let_go(session, schema, here, job, &known, since, refused, warn).await.map(Err)
                }
                None => Ok(Err(refused)),
            };
        }
    };
    if !has_lock {
        let outcome = match ongoing {
            Some(since) => Outcome::Ongoing { why: elsewhere(since, known.claim.as_ref()), free_in: None },
            // Another guard is claiming it at this very moment.
            None => Outcome::Locked,
        };
        return Ok(Err(outcome.into()));
    }
    let grace = grace(job);
    if let Some(changed) = changed_lately(&known, job) {
        let why = format!(
            "elsewhere, perhaps: the server, or its timeline, changed {changed:.0} s ago, and what ran before may still be running"
        );
        let left = grace.saturating_sub(Duration::try_from_secs_f64(changed).unwrap_or_default());
        return Ok(Err(Outcome::Ongoing { why, free_in: Some(left) }.into()));
    }
    if let Some(pool) = &job.pool {
        let keys: Vec<String> = pool_keys(schema, pool).map(|key| key.to_string()).collect();
        let keys = format!("{{{}}}", keys.join(","));
        if session.one(named("pool", vec![Some(&keys)])).await?.as_deref() != Some("t") {
            return Ok(Err(Outcome::Full { pool: pool.name.clone() }.into()));
        }
    }
    let mut before: Vec<Statement<'_>> = Vec::new();
    let mut cut_off: Option<(String, String)> = None;
    if let Some(since) = ongoing {
        match take_over(here, job, &known, since, warn) {
            Takes::Over(what) => {
                // The job may have had another `database`, or none, when the attempt began.
                let part = elsewhere_key(schema, &job.name).to_string();
                if let Some(running) = running_sql(session, &part, None).await? {
                    let why = format!("{}: SQL of an earlier attempt has not ended there", running.words());
                    return Ok(Err(Outcome::Ongoing { why, free_in: None }.into()));
                }
                cut_off = what;
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
    if known.row.is_some() && !has_row {
        // A crontabber had claimed it when the row was to be locked, and has just ended.
        return Ok(Err(Outcome::Locked.into()));
    }
    let hold = cut_off.is_some() && holds(job);
    if let Some((id, why)) = &cut_off {
        let flag = Some(if hold { "t" } else { "f" });
        before.push(named("cut_off", vec![Some(id), Some(&job.name), Some(why), flag, flag]));
    }
    if hold {
        before.push(plain!("COMMIT"));
        session.pipeline(&before).await?;
        let why = cut_off.map(|(_, why)| why).unwrap_or_default();
        let outcome = Outcome::Interrupted { why, held: true };
        let errors = known.error_count + 1;
        let date = known.claim.as_ref().map_or(known.now, |before| before.run_date);
        let held = Held { date, failed_before, errors };
        return Ok(Err(Refused { outcome, held: Some(held), next_run: None }));
    }
    let token = known.now;
    let first_date = dates.peek().ok_or_else(|| Error::bug("a run without a date"))?.to_string();
    let token_text = token.to_string();
    if matches!(mode, Mode::Date { rerun: true, .. }) {
        before.push(named("supersede", vec![Some(&job.name), Some(&first_date)]));
    }
    if let Some(date) = date.filter(|date| *date > known.now) {
        warn(format!("{date} is in the future"));
    }
    let mark = format!("{:016x}-{}", lock_key(schema, &job.name), token.as_microsecond());
    let (grace, uid) = (interval(grace), here.uid.to_string());
    let (pid, ticks) = (here.pid.to_string(), here.ticks.to_string());
    // Where every run has its own date, the number of failures in a row tells how often the job was tried;
    // elsewhere the number of attempts for the date does.
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
        // What such a job does is flushed to disk together with its record, and its claim is flushed before that.
        // A server that crashes in between forgets the claim, which has had no effect.
        before.push(plain!("SET LOCAL synchronous_commit = off"));
    }
    before.push(plain!("COMMIT"));
    let (pending, made) = if job.is_transaction() {
        let statements = before.iter().map(Later::new).collect();
        (Some(Pending { statements, claiming }), Attempt { id: 0, attempt: 0 })
    } else {
        let answers = session.pipeline(&before).await?;
        (None, json(answers.get(claiming))?)
    };
    Ok(Ok(Claim {
        begun: known.now,
        pending,
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

/// Gives back the claim on a job that is not due, if its attempt was cut off: a forced run, for example. Otherwise the job would be
/// stuck until it is due. The lock is held. Returns the refusal that goes with that: `refused`, or that the job is held.
#[expect(clippy::too_many_arguments, reason = "they are those of the claim")]
async fn let_go(
    session: &mut Session,
    schema: &str,
    here: &Here,
    job: &Job,
    known: &Known,
    since: Timestamp,
    refused: Refused,
    warn: &mut dyn FnMut(String),
) -> Result<Refused> {
    // The next runner on the machine of the attempt kills what is left of a program that is not contained, but only as long as the
    // claim is there.
    let is_gone = known.claim.as_ref().is_some_and(|before| is_gone(here, before));
    if changed_lately(known, job).is_some() || (!is_gone && matches!(job.work, Work::Program { .. })) {
        return Ok(refused);
    }
    let (run, cut_off) = match take_over(here, job, known, since, warn) {
        Takes::Over(Some((run, why))) => {
            let part = elsewhere_key(schema, &job.name).to_string();
            if running_sql(session, &part, None).await?.is_some() {
                return Ok(refused);
            }
            (run, Some(why))
        }
        Takes::SeenFree(run) => (run.to_string(), None),
        Takes::Over(None) | Takes::Held | Takes::No { .. } => return Ok(refused),
    };
    let hold = holds(job);
    let mut statements = match &cut_off {
        None => vec![named("seen_free", vec![Some(&run)])],
        Some(why) => vec![
            named("as_owner", vec![Some(&job.name)]),
            // The schedule and what counts for it stay as they are.
            named(
                "cut_off",
                vec![Some(&run), Some(&job.name), Some(why), Some(if hold { "t" } else { "f" }), Some("f")],
            ),
        ],
    };
    if cut_off.is_some() && !hold {
        statements.push(named("let_go", vec![Some(&job.name)]));
    }
    statements.push(plain!("COMMIT"));
    session.pipeline(&statements).await?;
    match cut_off {
        Some(why) if hold => {
            let outcome = Outcome::Interrupted { why, held: true };
            return Ok(Refused { outcome, ..refused });
        }
        Some(why) => warn(format!("{why}; its claim is released")),
        None => {}
    }
    Ok(refused)
}

/// Returns whether a job is held after an attempt was cut off. One that runs in a transaction leaves nothing half done, so there is
/// no reason to hold it.
fn holds(job: &Job) -> bool {
    job.on_crash == OnCrash::Hold && !job.is_transaction()
}

/// Returns how many seconds ago the server or its timeline changed, if what ran before may still be running.
fn changed_lately(known: &Known, job: &Job) -> Option<f64> {
    known.changed_s.filter(|s| *s < grace(job).as_secs_f64())
}

/// Returns the dates to run for; or else why there are none, and when there will be some, as far as that is known.
fn decide(
    job: &Job,
    mode: Mode,
    limit: TurnLimit,
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
            Decision::Run(dates) => shared(dates, limit),
            other => not(&other),
        },
        Mode::Forced => shared(plan::forced(job, Some(&own), known.now), limit),
        Mode::Date { date, rerun } if known.date_done && !rerun => {
            Err((format!("has already run for {date}; use --rerun to run it again"), None))
        }
        Mode::Date { date, .. } => Ok(Dates::one(date)),
    }
}

/// Returns as many of the dates as one turn may do.
fn shared(dates: Dates, limit: TurnLimit) -> std::result::Result<Dates, (String, Option<Timestamp>)> {
    let dates = match limit.through {
        Some(last) => dates.through(last),
        None => dates,
    };
    let dates = dates.at_most(limit.dates.unwrap_or(u32::MAX));
    if dates.peek().is_some() {
        Ok(dates)
    } else {
        Err(("has already run for every date that was due".to_owned(), None))
    }
}

enum Takes {
    /// No process is behind the claim any more: the id of the attempt that was cut off, and why it counts as such.
    /// `None` for a claim of crontabber's.
    Over(Option<(String, String)>),
    /// The job is held until a person decides.
    Held,
    /// The lock has now been seen to be free for the first time, but this attempt is not known to have ended.
    SeenFree(i64),
    /// A process may still be behind the claim, for at most this long, as far as that is known.
    No { why: String, free_in: Option<Duration> },
}

/// Decides whether a claim may be taken over, now that this guard holds its lock.
fn take_over(here: &Here, job: &Job, known: &Known, since: Timestamp, warn: &mut dyn FnMut(String)) -> Takes {
    let Some(before) = &known.claim else {
        // A claim made by crontabber, which holds no lock that could be checked.
        let age = known.now.duration_since(since);
        if age < SignedDuration::ZERO {
            warn(format!(
                "it has been ongoing since {}, which is in the future: the clock of the process that claimed it is ahead",
                health::instant(since)
            ));
        }
        if !health::is_stale(job, since, known.now) {
            return Takes::No { why: elsewhere(since, None), free_in: None };
        }
        let since = health::instant(since);
        warn(format!("it had been ongoing since {since}, for longer than max_ongoing_age: it is taken over"));
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

/// Returns where an attempt may still be running although its lock was free and is now ours, and for how many more
/// seconds; `None` if none of its processes is left. Kills those that are left on this machine.
pub fn may_still_run(here: &Here, before: &Before) -> Option<(String, f64)> {
    let left = before.left_s.filter(|left| *left > 0.0)?;
    (!is_gone(here, before)).then(|| (elsewhere(before.started, Some(before)), left))
}

/// Returns whether nothing is left of an attempt that was made on this machine since it was booted. Kills the
/// processes that still carry its mark.
fn is_gone(here: &Here, before: &Before) -> bool {
    let same = |ours: &str, theirs: &Option<String>| !ours.is_empty() && theirs.as_deref() == Some(ours);
    if !same(&here.boot, &before.boot_id) || !same(&here.space, &before.pid_namespace) {
        return false;
    }
    // The environment of other users' processes cannot be read, so the mark cannot be seen.
    if here.uid != 0 && before.uid != Some(here.uid) {
        return false;
    }
    let lives = |pid: Option<i32>, ticks: Option<i64>| {
        ticks.is_some() && pid.is_some_and(|pid| process::ticks(pid) == ticks)
    };
    // A guard that takes over its own claim has lost track of what it did, so its being alive proves nothing.
    let is_own = before.guard_pid == Some(here.pid) && before.guard_ticks == Some(here.ticks);
    if !is_own && lives(before.guard_pid, before.guard_ticks) {
        return false;
    }
    if let Some(mark) = &before.mark {
        // Killed processes take a while to disappear.
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

/// Describes where a job runs, and since when.
fn elsewhere(since: Timestamp, claim: Option<&Before>) -> String {
    match claim {
        Some(before) => {
            let host = before.host.as_deref().unwrap_or("an unknown machine");
            let free = before
                .seen_free_at
                .map(|at| format!("; its lock has been free since {at}"))
                .unwrap_or_default();
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

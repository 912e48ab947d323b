//! A job's health at a glance, from its row, its schedule and the server's clock.
//!
//! # When a job is overdue
//!
//! A job is due from the first date that came after what it has done ([`plan::due_since`]), or after it was first
//! seen; it is overdue once that date is more than [`plan::patience`] of its period ago. As long as nothing runs,
//! neither the date nor the patience changes, so a job that is overdue stays overdue.
//!
//! * It does not matter whether the job catches up on missed dates (`backfill`, `catch_up`): a date that will never run
//!   was missed too. If a job without backfill, or with `catch_up = "last"` or `"none"`, runs late, all dates before
//!   that run count as done.
//! * A job that waits for a parent is due from its own date on. [`waits_for`] names the parent and the reason: the
//!   parent may be missing, failing or paused, or it may take longer than its own period, so that it is always due.
//! * After a failure, the job is due at the time of its retry. If no runner retries it, it is overdue as well as
//!   failing.
//! * A job that is running is not overdue, but [`due_again`] says since when its next date has been waiting.
//! * A paused job is paused, and nothing else.
//! * `max_age` and `max_duration` are limits that the user sets, whatever the schedule: [`stale_since`], [`slow_since`].
//! * A job that no runner has seen cannot be judged, because it is not known since when it has been in the file.
//!   [`is_unseen`] finds such jobs, and [`is_missing`] says whether other jobs have been known for so long that a runner
//!   should have seen this one.

use jiff::{SignedDuration, Timestamp};

use super::job::Job;
use super::occurrences::Slots;
use super::plan::{self, Decision, Row};
use super::schedule::Schedule;
use super::store::{Snapshot, Stored};

/// A job's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing is wrong, and it is not running now.
    Idle,
    Running,
    /// Its last run failed.
    Failing,
    /// It has been due for too long: see above.
    Overdue,
    /// It waits for a time in its row that is further in the future than its schedule can set.
    Ahead,
    /// It has not succeeded for `max_age`.
    Stale,
    /// No process is behind its claim any more, or the claim of another program is older than half of
    /// `max_ongoing_age`; or the job was cut off and is held until a person decides.
    Stuck,
    /// A person paused it.
    Paused,
    /// It has never run.
    Never,
}

impl Health {
    pub const fn word(self) -> &'static str {
        match self {
            Health::Idle => "idle",
            Health::Running => "running",
            Health::Failing => "failing",
            Health::Overdue => "overdue",
            Health::Ahead => "ahead",
            Health::Stale => "stale",
            Health::Stuck => "stuck",
            Health::Paused => "paused",
            Health::Never => "never",
        }
    }
}

/// Returns since when a job has been due, regardless of its parents; `None` if it is not due, or if that is not known.
pub fn due_since(job: &Job, stored: Option<&Stored>, now: Timestamp) -> Option<Timestamp> {
    let state = &stored?.state;
    if state.paused { None } else { plan::due_since(job, state, now) }
}

/// Returns since when a running job has been due again, if that is longer ago than [`plan::patience`] allows.
pub fn due_again(job: &Job, stored: Option<&Stored>, now: Timestamp) -> Option<Timestamp> {
    let ongoing = stored?.state.row.as_ref()?.ongoing?;
    let again = plan::next_run(job, ongoing, ongoing, plan::End::Done);
    is_late(job, again, now).then_some(again)
}

/// Returns when a job last succeeded, if that is longer ago than its `max_age`. For a job that has never succeeded,
/// returns when it was first seen.
pub fn stale_since(job: &Job, stored: Option<&Stored>, now: Timestamp) -> Option<Timestamp> {
    let most = SignedDuration::try_from(job.max_age?).unwrap_or(SignedDuration::MAX);
    let state = &stored?.state;
    let row = state.row.as_ref();
    let seen = state.first_seen.or(row.and_then(|row| row.first_run));
    // The row of a backfill job has the date that succeeded, not when that was: it was its last run.
    let success = row.and_then(|row| row.last_success.max(row.last_run.filter(|_| !row.failed)));
    let since = [success, seen].into_iter().flatten().find(|t| !plan::is_ahead(*t, now))?;
    (now.duration_since(since) > most).then_some(since)
}

/// Returns since when the current attempt of a job has been running, if that is longer ago than its `max_duration`.
pub fn slow_since(job: &Job, stored: Option<&Stored>, now: Timestamp) -> Option<Timestamp> {
    let most = SignedDuration::try_from(job.max_duration?).unwrap_or(SignedDuration::MAX);
    let ongoing = stored?.state.row.as_ref()?.ongoing?;
    let since = stored?.claim.as_ref().map_or(ongoing, |claim| claim.started);
    (now.duration_since(since) > most).then_some(since)
}

/// Returns whether nothing is known about a job, because no runner has seen it yet.
pub fn is_unseen(stored: Option<&Stored>) -> bool {
    stored.is_none_or(|stored| stored.state.row.is_none() && stored.state.first_seen.is_none())
}

/// Returns whether no runner has seen a job, although other jobs have been known for longer than its period.
pub fn is_missing(job: &Job, snapshot: &Snapshot) -> bool {
    let began = snapshot.jobs.values().filter_map(|stored| {
        stored
            .state
            .first_seen
            .into_iter()
            .chain(stored.state.row.as_ref().and_then(|row| row.first_run))
            .min()
    });
    let period = period(job, snapshot.now);
    let most = period.saturating_add(plan::patience(period));
    is_unseen(snapshot.jobs.get(&job.name))
        && began.min().is_some_and(|began| snapshot.now.duration_since(began) > most)
}

/// Returns whether a job that has been due since this instant is later than [`plan::patience`] allows.
fn is_late(job: &Job, since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) > plan::patience(period(job, since))
}

/// A time in a job's row that is further in the future than the job's schedule can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// What the time is.
    what: &'static str,
    /// The time.
    pub at: Timestamp,
    /// Whether the job ignores the time and goes on. A job in crontabber's notation waits for it.
    pub goes_on: bool,
    /// Whether a clock must have been ahead, because the time is one at which something happened. Otherwise a person may
    /// have set the time.
    pub is_clock: bool,
}

impl Ahead {
    /// Describes it in words.
    pub fn words(&self) -> String {
        let (what, at) = (self.what, instant(self.at));
        let then = if self.goes_on {
            "it does not count, and the job goes on with its latest date"
        } else if self.at == Timestamp::MAX {
            "the job never runs"
        } else {
            "the job does not run before that"
        };
        if self.is_clock {
            format!("its {what}, {at}, is in the future because a clock was ahead: {then}")
        } else {
            format!("its {what}, {at}, is further ahead than its schedule: {then}")
        }
    }
}

/// Returns the time in a job's row that is too far in the future, if there is one.
pub fn ahead(job: &Job, stored: Option<&Stored>, now: Timestamp) -> Option<Ahead> {
    let state = &stored?.state;
    let none = Row::default();
    let row = state.row.as_ref().unwrap_or(&none);
    let is_ahead = |t: &Timestamp| plan::is_ahead(*t, now);
    let ran = row.last_run.filter(is_ahead);
    if let Schedule::Original { every, at } = &job.schedule {
        let next = row.next_run?;
        // With a time of day, the next run can be up to a day later than the frequency says.
        let day = at.map_or(SignedDuration::ZERO, |_| SignedDuration::from_hours(24));
        let most = SignedDuration::from_secs(*every) + day + plan::AHEAD;
        let is_far = next.duration_since(now) > most && !(row.failed && plan::is_retry(job, next, now));
        return (is_far || (ran.is_some() && next > now)).then_some(Ahead {
            what: "next run",
            at: next,
            goes_on: false,
            is_clock: ran.is_some(),
        });
    }
    let retry = row.next_run.filter(|next| row.failed && !plan::is_retry(job, *next, now));
    let seen = state.first_seen.or(row.first_run).filter(|_| row.last_success.is_none()).filter(is_ahead);
    let times =
        [("last success", row.last_success.filter(is_ahead)), ("next try", retry), ("first run", seen)];
    let (what, at) = times.into_iter().find_map(|(what, at)| Some((what, at?)))?;
    Some(Ahead { what, at, goes_on: true, is_clock: true })
}

/// Describes what a job that is due waits for: a parent and the reason, or its next date; `None` if it could run now.
pub fn waits_for(job: &Job, jobs: &[Job], snapshot: &Snapshot) -> Option<String> {
    let decision = plan::decide(job, &|name| snapshot.state(name), snapshot.now);
    let (parent, why) = match &decision {
        Decision::Blocked(parent, why) => (parent, why),
        Decision::NoDate(Some(next)) | Decision::NotDue(Some(next)) if *next < Timestamp::MAX => {
            return Some(format!("and runs next for {}", instant(*next)));
        }
        _ => return None,
    };
    let stored = snapshot.jobs.get(parent);
    let ongoing = stored.and_then(|stored| stored.state.row.as_ref()?.ongoing);
    let more = match ongoing {
        _ if stored.is_some_and(|stored| stored.state.paused) => ", and is paused".to_owned(),
        Some(since) => format!(", and has been running since {}", instant(since)),
        None if jobs.iter().all(|job| job.name != *parent) => ", and is not in the file".to_owned(),
        None => String::new(),
    };
    Some(format!("waits for {parent}, which {}{more}", why.words()))
}

/// Returns a job's period around an instant.
fn period(job: &Job, t: Timestamp) -> SignedDuration {
    let slots = Slots::new(&job.schedule, &job.timezone);
    match &job.schedule {
        Schedule::Original { every, .. } => SignedDuration::from_secs(*every),
        _ => slots.before(t).and_then(|date| slots.period(date)).unwrap_or(SignedDuration::ZERO),
    }
}

/// Returns a job's health. If several apply, the one that a person must see first wins.
pub fn health(job: &Job, stored: Option<&Stored>, now: Timestamp) -> Health {
    let Some(stored) = stored else { return Health::Never };
    if stored.state.paused {
        return Health::Paused;
    }
    let row = stored.state.row.clone().unwrap_or_default();
    if let Some(ongoing) = row.ongoing {
        if let Some(claim) = &stored.claim {
            // For pgkit's own claims, the lock shows whether a process is still behind them.
            let grace = SignedDuration::try_from_secs_f64(claim.grace_s).unwrap_or(SignedDuration::MAX);
            let since = claim.seen_free_at.unwrap_or(claim.started);
            let is_stuck = claim.state == "held" || (claim.is_free && now.duration_since(since) > grace);
            return if is_stuck { Health::Stuck } else { Health::Running };
        }
        // A claim from the future was just made by a clock that is ahead of ours; but no clock is ahead by hours.
        let age = now.duration_since(ongoing).abs();
        let most = SignedDuration::try_from(job.max_ongoing_age).unwrap_or(SignedDuration::MAX);
        return if age > most / 2 { Health::Stuck } else { Health::Running };
    }
    if due_since(job, Some(stored), now).is_some_and(|since| is_late(job, since, now)) {
        return Health::Overdue;
    }
    if ahead(job, Some(stored), now).is_some_and(|ahead| !ahead.goes_on) {
        return Health::Ahead;
    }
    if stale_since(job, Some(stored), now).is_some() {
        return Health::Stale;
    }
    match (row.failed, row.last_run) {
        (true, _) => Health::Failing,
        (false, None) => Health::Never,
        (false, Some(_)) => Health::Idle,
    }
}

/// Returns whether the claim that another program made at `since` is too old to be believed. A claim from the
/// future was made just now by a clock that is ahead.
pub fn is_stale(job: &Job, since: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(since).max(SignedDuration::ZERO);
    age >= SignedDuration::try_from(job.max_ongoing_age).unwrap_or(SignedDuration::MAX)
}

/// Returns when a job runs next, which may be now; `None` if that is not known.
pub fn next_run(job: &Job, snapshot: &Snapshot) -> Option<Timestamp> {
    let stored = snapshot.jobs.get(&job.name);
    let state = stored.map(|s| s.state.clone());
    match plan::decide(&Job { depends_on: Vec::new(), ..job.clone() }, &|_| state.clone(), snapshot.now) {
        Decision::Run(_) => due_since(job, stored, snapshot.now).or(Some(snapshot.now)),
        Decision::NotDue(next) | Decision::NoDate(next) => next,
        Decision::Blocked(..) | Decision::Paused => None,
    }
}

/// Describes the decision for a job in words.
pub fn words(job: &Job, decision: &Decision, now: Timestamp) -> String {
    match decision {
        Decision::Run(dates) if job.backfill => {
            let count = dates.clone().take(100_001).count();
            let many =
                if count > 100_000 { "more than 100,000 dates".to_owned() } else { format!("{count} dates") };
            match dates.peek() {
                Some(first) if count > 1 => format!("runs now, for {many}, from {} onwards", instant(first)),
                first => format!("runs now, for {}", instant(first.unwrap_or(now))),
            }
        }
        Decision::Run(_) => "runs now".to_owned(),
        Decision::NotDue(Some(then)) if *then < Timestamp::MAX => {
            format!("is not due before {}, in {:#}", instant(*then), round(then.duration_since(now)))
        }
        Decision::NotDue(Some(_)) => "is never due, according to its row".to_owned(),
        Decision::NotDue(None) => "is not due, and its schedule has no next run".to_owned(),
        Decision::NoDate(next) => {
            let next = next.map(|next| format!(", {}", instant(next))).unwrap_or_default();
            format!("is due, but has no date to run for: it waits for the next one{next}")
        }
        Decision::Blocked(parent, why) => format!("waits for {parent}, which {}", why.words()),
        Decision::Paused => "is paused".to_owned(),
    }
}

/// Formats an instant for people; what the server calls infinity has no date.
pub fn instant(t: Timestamp) -> String {
    if t == Timestamp::MAX {
        "infinity".to_owned()
    } else if t == Timestamp::MIN {
        "-infinity".to_owned()
    } else {
        t.to_string()
    }
}

/// Rounds a length of time down to whole seconds.
pub fn round(length: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(length.as_secs())
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;

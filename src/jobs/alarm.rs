//! Alarms about jobs that have not run, or not succeeded, for so long that people are notified.
//!
//! All runners see the same state. The one that is the first to record the alarm notifies people; the record stays
//! until the alarm is over.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::health::{self, Health};
use super::job::Job;
use super::store::{Snapshot, Stored};

/// The kinds of alarms, as they are stored.
pub const OVERDUE: &str = "overdue";
/// See above.
pub const STALE: &str = "stale";

/// An alarm about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// [`OVERDUE`], or [`STALE`]: it has not succeeded for `max_age`.
    pub kind: &'static str,
    /// Since when the job is due, or when it last succeeded.
    pub since: Timestamp,
}

/// Returns the alarm about a job; `None` if there is none.
pub fn of(job: &Job, stored: Option<&Stored>, now: Timestamp) -> Option<Alarm> {
    let (kind, since) = match health::health(job, stored, now) {
        Health::Overdue => (OVERDUE, health::due_since(job, stored, now)?),
        Health::Stale => (STALE, health::stale_since(job, stored, now)?),
        _ => return None,
    };
    Some(Alarm { kind, since })
}

/// Returns an instant: alarms of this kind that began before it are over. `None` if none is known to be over.
///
/// An alarm is over when the job is healthy and has run, succeeded or been reset since the alarm began. It is not
/// enough that the job is healthy: on another machine, with another jobs file, it may not be, and the two machines
/// would notify people in turns. While the job runs, nothing is decided.
pub fn over_before(job: &Job, kind: &str, stored: &Stored, now: Timestamp) -> Option<Timestamp> {
    if stored.state.paused {
        // A person has paused it, and so knows about it.
        return Some(Timestamp::MAX);
    }
    let row = stored.state.row.as_ref();
    if row.is_some_and(|row| row.ongoing.is_some()) {
        return None;
    }
    let ran = row.and_then(|row| row.last_run);
    let (is_on, ended) = if kind == STALE {
        let succeeded = row.and_then(|row| row.last_success.max(row.last_run.filter(|_| !row.failed)));
        (health::stale_since(job, Some(stored), now).is_some(), succeeded)
    } else {
        (health::health(job, Some(stored), now) == Health::Overdue, ran)
    };
    if is_on { None } else { ended.max(stored.state.first_seen) }
}

/// Describes in words since when an overdue job is due, and what it waits for.
pub fn overdue_in_words(since: Option<Timestamp>, waits_for: Option<&str>) -> String {
    let since = since.map(health::instant).unwrap_or_default();
    let waits = waits_for.map(|waits| format!(", {waits}")).unwrap_or_default();
    format!("due since {since}{waits}")
}

/// Describes in words that a job has not succeeded for `max_age`.
pub fn stale_in_words(since: Timestamp, job: &Job) -> String {
    let most = job.max_age.map(length).unwrap_or_default();
    format!("no success since {}, longer ago than max_age, {most}", health::instant(since))
}

/// Describes in words what an overdue job waits for; `None` if it could run now. `slots` is the number of this runner's
/// slots if all of them are in use.
pub fn waits_for(job: &Job, jobs: &[Job], snapshot: &Snapshot, slots: Option<usize>) -> Option<String> {
    health::waits_for(job, jobs, snapshot).or_else(|| {
        slots.map(|slots| match slots {
            1 => "waits for the job that runs here, because only 1 job runs at once (--parallel)".to_owned(),
            _ => format!("waits for one of the {slots} jobs that run at once here (--parallel)"),
        })
    })
}

/// Formats a length of time from the jobs file for people.
pub fn length(length: Duration) -> String {
    format!("{:#}", SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX))
}

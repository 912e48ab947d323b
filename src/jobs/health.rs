//! A job's health at a glance, from its row, its schedule and the server's clock.

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
    /// It has been due for too long.
    Overdue,
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
            Health::Stuck => "stuck",
            Health::Paused => "paused",
            Health::Never => "never",
        }
    }
}

/// Returns since when a job has been due; `None` if it is not.
pub fn due_since(job: &Job, stored: Option<&Stored>, now: Timestamp) -> Option<Timestamp> {
    let state = stored.map(|s| s.state.clone());
    let decision = plan::decide(&Job { depends_on: Vec::new(), ..job.clone() }, &|_| state.clone(), now);
    let Decision::Run(dates) = decision else { return None };
    match (&job.schedule, stored.and_then(|s| s.state.row.as_ref())) {
        (Schedule::Original { .. }, Some(Row { next_run: Some(next), .. })) => Some(*next),
        // It has been due since it was first seen, or since the time of day on that date if that was later.
        (Schedule::Original { at, .. }, _) => {
            let seen = stored.and_then(|s| s.state.first_seen)?;
            let due = at.map_or(seen, |at| plan::at_time(seen, at));
            Some(due.max(seen))
        }
        _ => dates.peek(),
    }
}

/// Returns a job's period around an instant.
fn period(job: &Job, t: Timestamp) -> SignedDuration {
    match &job.schedule {
        Schedule::Original { every, .. } => SignedDuration::from_secs(*every),
        _ => Slots::new(&job.schedule, &job.timezone).period(t).unwrap_or(SignedDuration::ZERO),
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
    if due_since(job, Some(stored), now)
        .is_some_and(|since| now.duration_since(since) > plan::patience(period(job, since)))
    {
        return Health::Overdue;
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
mod tests {
    use super::*;
    use crate::jobs::file;
    use crate::jobs::plan::State;

    fn job(keys: &str) -> Job {
        let text = format!("[[job]]\nname = \"j\"\nsql = \"SELECT 1\"\n{keys}\n");
        file::parse(&text).jobs.into_iter().next().unwrap()
    }

    fn t(text: &str) -> Timestamp {
        format!("2026-01-{text}:00Z").parse().unwrap()
    }

    fn stored(next_run: Option<&str>, ongoing: Option<&str>, failed: bool) -> Stored {
        let row = Row {
            next_run: next_run.map(t),
            last_run: Some(t("01T00:00")),
            last_success: Some(t("01T00:00")),
            ongoing: ongoing.map(t),
            failed,
            ..Row::default()
        };
        Stored { state: State { row: Some(row), ..State::default() }, ..Stored::default() }
    }

    #[test]
    fn what_a_person_must_see_first_wins() {
        let daily = job("schedule = \"1d\"");
        let is = |stored: Stored| health(&daily, Some(&stored), t("05T12:00")).word();
        assert_eq!(health(&daily, None, t("05T12:00")), Health::Never);
        assert_eq!(is(stored(Some("05T13:00"), None, false)), "idle");
        assert_eq!(is(stored(Some("05T11:00"), None, false)), "idle", "late by less than a tenth");
        assert_eq!(is(stored(Some("05T09:00"), None, false)), "overdue");
        assert_eq!(is(stored(Some("05T13:00"), None, true)), "failing");
        assert_eq!(is(stored(Some("05T09:00"), None, true)), "overdue");
        assert_eq!(is(stored(None, Some("05T11:00"), true)), "running");
        assert_eq!(is(stored(None, Some("05T05:59"), false)), "stuck");
        assert_eq!(is(stored(None, Some("05T17:00"), false)), "running", "a clock that is ahead");
        assert_eq!(is(stored(None, Some("09T00:00"), false)), "stuck", "no clock is ahead by days");
        // A job that waits since it was seen first.
        let seen = State { first_seen: Some(t("04T00:00")), ..State::default() };
        assert_eq!(is(Stored { state: seen.clone(), ..Stored::default() }), "overdue");
        let timed = job("schedule = \"1d|11:55\"");
        let known = Stored { state: State { first_seen: Some(t("05T08:00")), ..seen }, ..Stored::default() };
        assert_eq!(health(&timed, Some(&known), t("05T12:00")), Health::Never);
        let five = job("schedule = \"5m\"");
        let is = |next: &str| health(&five, Some(&stored(Some(next), None, false)), t("05T12:00")).word();
        assert_eq!((is("05T11:51"), is("05T11:49")), ("idle", "overdue"), "ten minutes at least");
    }

    #[test]
    fn a_decision_is_told_in_words() {
        let now = t("05T12:00");
        let backfill = job("schedule = \"1d\"\nbackfill = true");
        let mut known = stored(Some("03T00:00"), None, false);
        known.state.row.as_mut().unwrap().last_success = Some(t("02T11:00"));
        let decision = plan::decide(&backfill, &|_| Some(known.state.clone()), now);
        assert_eq!(
            words(&backfill, &decision, now),
            "runs now, for 3 dates, from 2026-01-03T11:00:00Z onwards"
        );
        let later = Decision::NotDue(Some(t("05T13:30")));
        assert_eq!(words(&backfill, &later, now), "is not due before 2026-01-05T13:30:00Z, in 1h 30m");
    }
}

//! Decides what is due, and why, as a pure function of the jobs, their rows and an instant. It uses no clock, no
//! database and no process.
//!
//! `schedule = "…"` follows crontabber to the letter, except where the original can hang, crash or repeat a run: a
//! row without next_run and ongoing is due, a parent on its first run blocks, and a date recorded as succeeded is
//! skipped. `every` and `cron` are computed on a fixed grid (see [`super::occurrences`]), without the original's
//! drift and lost runs.
//!
//! If a clock was ahead and was set back, a row can have times that are still in the future. A job on a grid ignores
//! those that are more than [`AHEAD`] ahead of now. It goes on after the last date that has passed and is recorded as
//! succeeded or, if there is none, with its latest date. A date that is recorded as succeeded does not run again, even if
//! it is in the future. A job in crontabber's notation obeys such a `next_run`, as in the original.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};

use super::job::{CatchUp, Job};
use super::occurrences::Slots;
use super::schedule::{At, Schedule};
use super::store::lock_key;

/// The part of a job's row that the decision depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// When the job is due next.
    #[serde(deserialize_with = "instant")]
    pub next_run: Option<Timestamp>,
    /// When the job's first run began.
    #[serde(deserialize_with = "instant")]
    pub first_run: Option<Timestamp>,
    /// When the job's last run began.
    #[serde(deserialize_with = "instant")]
    pub last_run: Option<Timestamp>,
    /// The time of the last success for a plain job; the last date done for a backfill job.
    #[serde(deserialize_with = "instant")]
    pub last_success: Option<Timestamp>,
    /// Since when the job has been running; `None` if it is not.
    #[serde(deserialize_with = "instant")]
    pub ongoing: Option<Timestamp>,
    /// Did the last run fail?
    pub failed: bool,
}

/// Reads an instant that the server sent. `infinity` and any instant beyond the calendar used here become its last
/// instant; `-infinity` and any instant before it become its first.
pub(in crate::jobs) fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(|text| nearest(&text)))
}

/// Like [`instant`], for a value that is never NULL.
pub(super) fn some_instant<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    Ok(nearest(&String::deserialize(from)?))
}

/// Like [`instant`], for an array; NULL counts as an empty one.
pub(super) fn instants<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Timestamp>, D::Error> {
    let texts = Option::<Vec<String>>::deserialize(from)?.unwrap_or_default();
    Ok(texts.iter().map(|text| nearest(text)).collect())
}

fn nearest(text: &str) -> Timestamp {
    text.parse().unwrap_or(if text.starts_with('-') || text.ends_with("BC") {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// What is known about a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The job's row, if there is one.
    pub row: Option<Row>,
    /// When pgkit first saw the job; `None` if it has not yet.
    pub first_seen: Option<Timestamp>,
    /// Whether the job is paused.
    pub paused: bool,
    /// The dates recorded as succeeded, starting with the oldest one that matters.
    pub done: BTreeSet<Timestamp>,
    /// Every date up to this one counts as done.
    pub done_through: Option<Timestamp>,
}

/// What to do with a job now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The job runs once for each of these dates; there is at least one.
    Run(Dates),
    /// The job is not due before this instant; `None` if that is not known.
    NotDue(Option<Timestamp>),
    /// The job is due, but none of its dates is. The next date comes at this instant; `None` if that is not known.
    NoDate(Option<Timestamp>),
    /// The job is due, but this parent blocks it.
    Blocked(String, Why),
    /// The job is paused.
    Paused,
}

/// Why a parent blocks a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The parent has not been run yet.
    NeverRun,
    /// The parent errored the last time it ran.
    Failed,
    /// The parent has not run recently: it is due itself.
    Overdue,
    /// The parent has not done the date that this job's date builds on.
    Behind,
}

impl Why {
    /// Returns a description, in crontabber's own words where it has some.
    pub const fn words(self) -> &'static str {
        match self {
            Why::NeverRun => "hasn't been run yet",
            Why::Failed => "errored last time it ran",
            Why::Overdue => "hasn't recently run",
            Why::Behind => "has not run yet for the date that is due here",
        }
    }
}

/// The dates that a job runs for, in order. They are computed one at a time, so there may be any number of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dates {
    /// The next date; `None` if there are no more.
    next: Option<Timestamp>,
    /// No date comes after this one.
    last: Timestamp,
    /// How many dates may still be returned.
    left: u32,
    step: Step,
    done: BTreeSet<Timestamp>,
}

/// How to get from one date to the next.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// There is only one date.
    None,
    /// The next date comes this many seconds later.
    Seconds(i64),
    /// The next date is the next instant of this schedule, in this time zone.
    Slots(Schedule, TimeZone),
}

impl Eq for Step {}

impl Dates {
    /// Returns this single date.
    pub fn one(date: Timestamp) -> Dates {
        Dates { next: Some(date), last: date, left: 1, step: Step::None, done: BTreeSet::new() }
    }

    /// Returns the date that comes next; `None` if there are no more.
    pub fn peek(&self) -> Option<Timestamp> {
        self.next.filter(|_| self.left > 0)
    }

    /// Returns the last possible date.
    pub fn end(&self) -> Timestamp {
        self.last
    }

    /// Returns whether dates are left over because the limit on their number was reached.
    pub fn is_capped(&self) -> bool {
        self.left == 0 && self.next.is_some()
    }

    /// Returns the same dates, but none after `last`.
    pub fn through(mut self, last: Timestamp) -> Dates {
        self.last = self.last.min(last);
        self.next = self.next.filter(|next| *next <= last);
        self
    }

    /// Returns the same dates, but at most `count` of them.
    pub fn at_most(mut self, count: u32) -> Dates {
        self.left = self.left.min(count);
        self
    }

    /// Returns the first date after `date` that is not done.
    fn following(&self, mut date: Timestamp) -> Option<Timestamp> {
        loop {
            date = match &self.step {
                Step::None => return None,
                Step::Seconds(seconds) => date.checked_add(SignedDuration::from_secs(*seconds)).ok()?,
                Step::Slots(schedule, zone) => Slots::new(schedule, zone).after(date)?,
            };
            if date > self.last {
                return None;
            }
            if !self.done.contains(&date) {
                return Some(date);
            }
        }
    }
}

impl Iterator for Dates {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let date = self.peek()?;
        self.left -= 1;
        self.next = self.following(date);
        Some(date)
    }
}

/// Returns the larger of 10 minutes and a tenth of the period. A job that is later than that is overdue, and its
/// date counts as missed.
pub fn patience(period: SignedDuration) -> SignedDuration {
    (period / 10).max(SignedDuration::from_mins(10))
}

/// Returns the instant with its time of day, in UTC, replaced.
pub(super) fn at_time(t: Timestamp, at: At) -> Timestamp {
    let civil = t.to_zoned(TimeZone::UTC).datetime().date().at(at.hour, at.minute, 0, 0);
    civil.to_zoned(TimeZone::UTC).map_or(t, |zoned| zoned.timestamp())
}

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

/// How far in the future a time in a row may be without being ignored. Crontabbers write times of their own machines'
/// clocks, which may differ from the server's.
pub const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// Returns whether a recorded time is so far in the future that it is ignored.
pub fn is_ahead(t: Timestamp, now: Timestamp) -> bool {
    t.duration_since(now) > AHEAD
}

/// Returns whether this can be the time of a retry: whether a failed run can have set `next_run` to it.
pub fn is_retry(job: &Job, next: Timestamp, now: Timestamp) -> bool {
    let wait = SignedDuration::try_from(job.retry.most).unwrap_or(SignedDuration::MAX);
    let is_soon = next.duration_since(now) <= wait.saturating_add(AHEAD);
    // A job that may not be retried any more waits for its next date.
    let is_next = || {
        let slots = Slots::new(&job.schedule, &job.timezone);
        job.retry_limit.is_some() && next_start(job, &slots, now).is_some_and(|after| next <= after)
    };
    is_soon || (!matches!(job.schedule, Schedule::Original { .. }) && is_next())
}

/// Decides what to do with a job now. `state` returns what is known about any job, by its name.
pub fn decide(job: &Job, state: &dyn Fn(&str) -> Option<State>, now: Timestamp) -> Decision {
    let own = state(&job.name).unwrap_or_default();
    if own.paused {
        return Decision::Paused;
    }
    let run = match &job.schedule {
        Schedule::Original { every, at } => original(job, &own, *every, *at, now),
        Schedule::Grid { .. } | Schedule::Cron(_) => on_grid(job, &own, now),
    };
    let Decision::Run(dates) = run else { return run };
    match dates.peek().and_then(|first| blocked(job, first, state, now)) {
        Some((parent, why)) => Decision::Blocked(parent, why),
        None => Decision::Run(dates),
    }
}

/// Returns the dates of a forced run, which ignores whether the job is due and what its parents did.
pub fn forced(job: &Job, state: Option<&State>, now: Timestamp) -> Dates {
    let own = state.cloned().unwrap_or_default();
    let dates = match &job.schedule {
        Schedule::Original { every, at } => original_dates(job, &own, *every, *at, now),
        _ => grid_dates(job, &own, now),
    };
    dates.unwrap_or_else(|| Dates::one(now))
}

fn original(job: &Job, own: &State, every: i64, at: Option<At>, now: Timestamp) -> Decision {
    match (&own.row, at) {
        (None, Some(at)) => {
            let due = at_time(now, at);
            if now < due {
                return Decision::NotDue(Some(due));
            }
        }
        (None, None) => {}
        (Some(Row { next_run: Some(next), .. }), _) if *next >= now => return Decision::NotDue(Some(*next)),
        (Some(_), _) => {}
    }
    original_dates(job, own, every, at, now)
        .map_or_else(|| Decision::NoDate(next_date(own, every, at, now)), Decision::Run)
}

/// Returns the date from which a backfill job's dates are counted: its last date, at the schedule's time of day.
fn base(own: &State, at: Option<At>) -> Option<Timestamp> {
    let last = own.row.as_ref().and_then(|row| row.last_success)?;
    Some(at.map_or(last, |at| at_time(last, at)))
}

/// Returns the first date of a backfill job that has not passed yet.
fn next_date(own: &State, every: i64, at: Option<At>, now: Timestamp) -> Option<Timestamp> {
    let base = base(own, at)?;
    let steps = (now.duration_since(base).as_secs() / every).max(0) + 1;
    base.checked_add(seconds(steps.checked_mul(every)?)).ok()
}

/// Returns the dates as in section 8 of the original's behaviour, except that a date recorded as succeeded is
/// skipped.
fn original_dates(job: &Job, own: &State, every: i64, at: Option<At>, now: Timestamp) -> Option<Dates> {
    let (Some(base), true) = (base(own, at), job.backfill) else { return Some(Dates::one(now)) };
    let step = seconds(every);
    let end = now.checked_sub(SignedDuration::from_nanos(1)).ok()?;
    let first = base.checked_add(step).ok()?;
    if first > end {
        return None;
    }
    let count = end.duration_since(base).as_secs() / every;
    let latest = base.checked_add(seconds(count * every)).ok()?;
    dates(job, own, first, latest, end, Step::Seconds(every), step)
}

fn on_grid(job: &Job, own: &State, now: Timestamp) -> Decision {
    // A retry has to wait until its time comes.
    if let Some(Row { failed: true, next_run: Some(next), .. }) = &own.row
        && *next > now
        && is_retry(job, *next, now)
    {
        return Decision::NotDue(Some(*next));
    }
    match grid_dates(job, own, now) {
        Some(dates) => Decision::Run(dates),
        None => {
            let slots = Slots::new(&job.schedule, &job.timezone);
            Decision::NotDue(next_start(job, &slots, now))
        }
    }
}

/// Returns the instant up to which no date is left to run; `None` if that is not known, because the times in the row
/// are in the future and no date before now is recorded as succeeded.
fn reached(job: &Job, own: &State, now: Timestamp) -> Option<Timestamp> {
    let slots = Slots::new(&job.schedule, &job.timezone);
    let seen = own.first_seen.or_else(|| own.row.as_ref().and_then(|row| row.first_run)).unwrap_or(now);
    let last = own.row.as_ref().and_then(|row| row.last_success);
    if is_ahead(last.unwrap_or(seen), now) {
        let recorded = own.done.range(..=now).next_back().copied();
        return recorded.max(own.done_through.filter(|through| *through <= now));
    }
    Some(match last {
        // A plain job has done what was due when it ran; a backfill job has done this date.
        Some(last) if job.backfill => last,
        Some(last) => slots.before(last).unwrap_or(last).max(seen.min(last)),
        None => seen,
    })
}

/// Returns since when a job has been due: the first date that was due and has not been done, or the time of the retry
/// after a failure, if that is later; `None` if the job is not due. Ignores how the job catches up, its parents, and
/// whether it is paused.
pub fn due_since(job: &Job, own: &State, now: Timestamp) -> Option<Timestamp> {
    let row = own.row.as_ref();
    let since = match (&job.schedule, row) {
        // A job without a row has been due since it was first seen, or since the time of day after that.
        (Schedule::Original { at, .. }, None) => {
            let seen = own.first_seen?;
            at.map_or(seen, |at| at_time(seen, at)).max(seen)
        }
        (Schedule::Original { every, at }, Some(row)) => {
            let next = match row.next_run {
                Some(next) if next >= now => return None,
                Some(next) => next,
                None => own.first_seen.or(row.first_run).max(row.last_run)?,
            };
            match base(own, *at).filter(|_| job.backfill) {
                Some(base) => {
                    let step = Step::Seconds(*every);
                    let first = first_undone(job, own, base, now, &step)?;
                    // In the original, a date is due only once it has passed.
                    return Some(next.max(first)).filter(|since| *since < now);
                }
                None => next,
            }
        }
        (_, row) => {
            let step = Step::Slots(job.schedule.clone(), job.timezone.clone());
            let first = first_undone(job, own, reached(job, own, now)?, now, &step)?;
            let first = starts(job, first);
            match row {
                Some(Row { failed: true, next_run: Some(next), .. }) if is_retry(job, *next, now) => {
                    first.max(*next)
                }
                _ => first,
            }
        }
    };
    (since <= now).then_some(since)
}

/// Returns the first date after `base` that is not done. If the job does not run for all missed dates, the dates before
/// one that is done count as done.
fn first_undone(job: &Job, own: &State, base: Timestamp, now: Timestamp, step: &Step) -> Option<Timestamp> {
    let stands = !job.backfill || job.catch_up != CatchUp::All;
    let is_date = |date: &Timestamp| match step {
        Step::Slots(schedule, zone) => Slots::new(schedule, zone).has(*date),
        _ => true,
    };
    let last = own.done.range(..=now).rev().copied().find(is_date).filter(|_| stands);
    let base = match (step, own.done_through.max(last).filter(|done| *done > base)) {
        (_, None) => base,
        (Step::Seconds(every), Some(done)) => {
            let steps = done.duration_since(base).as_secs() / every;
            base.checked_add(seconds(steps.checked_mul(*every)?)).ok()?
        }
        (_, Some(done)) => done,
    };
    let dates = Dates { next: None, last: now, left: 0, step: step.clone(), done: own.done.clone() };
    dates.following(base)
}

/// Returns the first date of a job on a grid that has not been dealt with, and the latest that has started; `None` if
/// no date has started since.
fn undone(job: &Job, own: &State, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let slots = Slots::new(&job.schedule, &job.timezone);
    let latest = latest_started(job, &slots, now)?;
    let first = match reached(job, own, now) {
        Some(reached) => slots.after(reached)?,
        None => latest,
    };
    (first <= latest).then_some((first, latest))
}

/// Returns the date that a job on a grid without backfill is to run for, unless it is too late for that: the latest one,
/// if it is not done.
fn latest_undone(job: &Job, own: &State, now: Timestamp) -> Option<Timestamp> {
    let (_, latest) = undone(job, own, now)?;
    let is_done = own.done.contains(&latest) || own.done_through.is_some_and(|through| latest <= through);
    (!is_done).then_some(latest)
}

fn grid_dates(job: &Job, own: &State, now: Timestamp) -> Option<Dates> {
    if !job.backfill {
        let latest = latest_undone(job, own, now)?;
        return Some(Dates::one(latest)).filter(|_| left_out(job, own, now).is_none());
    }
    let slots = Slots::new(&job.schedule, &job.timezone);
    let (first, latest) = undone(job, own, now)?;
    let step = Step::Slots(job.schedule.clone(), job.timezone.clone());
    let period = slots.period(latest)?;
    // `latest` is the last instant of the grid that is due, so nothing lies between it and now.
    dates(job, own, first, latest, now, step, period)
}

/// Returns the dates from the first to the latest, limited by how far the job catches up on what it missed.
fn dates(
    job: &Job,
    own: &State,
    first: Timestamp,
    latest: Timestamp,
    end: Timestamp,
    step: Step,
    period: SignedDuration,
) -> Option<Dates> {
    let first = match job.catch_up {
        CatchUp::All => first,
        CatchUp::Last => latest,
        CatchUp::None if end.duration_since(latest) <= patience(period) => latest,
        CatchUp::None => return None,
    };
    let first = match own.done_through.filter(|through| *through >= first) {
        None => first,
        Some(through) => match &step {
            Step::None => return None,
            Step::Seconds(every) => {
                let steps = through.duration_since(first).as_secs() / every + 1;
                first.checked_add(seconds(steps * every)).ok()?
            }
            Step::Slots(schedule, zone) => Slots::new(schedule, zone).after(through)?,
        },
    };
    if first > latest {
        return None;
    }
    let done: BTreeSet<Timestamp> = own.done.range(first..=latest).copied().collect();
    let is_done = done.contains(&first);
    let left = job.max_backfill.unwrap_or(u32::MAX);
    let mut all = Dates { next: Some(first), last: latest, left, step, done };
    if is_done {
        all.next = all.following(first);
    }
    all.next.is_some().then_some(all)
}

/// Returns the first parent that blocks a run for this date, and why.
fn blocked(
    job: &Job,
    date: Timestamp,
    state: &dyn Fn(&str) -> Option<State>,
    now: Timestamp,
) -> Option<(String, Why)> {
    for parent in job.depends_on.iter().filter(|parent| **parent != job.name) {
        let row = state(parent).and_then(|state| state.row);
        let why = match row {
            None => Some(Why::NeverRun),
            Some(row) if row.failed => Some(Why::Failed),
            Some(Row { next_run: None, .. }) => Some(Why::NeverRun),
            Some(Row { next_run: Some(next), .. }) if next < now => Some(Why::Overdue),
            Some(Row { last_success: None, .. }) if job.backfill => Some(Why::Behind),
            Some(row)
                if job.backfill
                    && row.last_success.is_some_and(|last| last < date)
                    && row.next_run.is_some_and(|next| next <= date) =>
            {
                Some(Why::Behind)
            }
            Some(_) => None,
        };
        if let Some(why) = why {
            return Some((parent.clone(), why));
        }
    }
    None
}

/// The end of a run, as far as the time of the next run depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It succeeded.
    Done,
    /// It succeeded, but dates that were due are left over for the next run.
    Unfinished,
    /// It failed. This is how many runs in a row have failed, or how many attempts for its date.
    Failed(u32),
}

/// Returns when a job is next due after a run that began at `t` and whose last date was `date`.
pub fn next_run(job: &Job, t: Timestamp, date: Timestamp, end: End) -> Timestamp {
    // A job that may not be retried any more waits for its next date, as after a success.
    if let End::Failed(failures) = end
        && job.retry_limit.is_none_or(|limit| failures <= limit)
    {
        let wait = SignedDuration::try_from(job.retry.after(failures)).unwrap_or(SignedDuration::ZERO);
        return t.checked_add(wait).unwrap_or(t);
    }
    match &job.schedule {
        Schedule::Original { .. } if end == End::Unfinished => t,
        Schedule::Original { every, at } => {
            let next = t.checked_add(seconds(*every)).unwrap_or(t);
            at.map_or(next, |at| at_time(next, at))
        }
        _ => {
            let after = if matches!(end, End::Failed(_)) { t.max(date) } else { date };
            Slots::new(&job.schedule, &job.timezone).after(after).map_or(t, |next| starts(job, next))
        }
    }
}

/// Returns when a date of a job on a grid starts: at the date, or with `jitter` up to that much later. The delay depends
/// only on the job's name and the date, so it is the same on all machines.
pub fn starts(job: &Job, date: Timestamp) -> Timestamp {
    let Some(most) = job.jitter.map(|most| most.as_millis().max(1)) else { return date };
    let random = lock_key(&job.name, &date.to_string()).cast_unsigned();
    let late = i64::try_from(u128::from(random) % most).unwrap_or_default();
    date.checked_add(SignedDuration::from_millis(late)).unwrap_or(date)
}

/// Returns the latest date of a job on a grid whose start has passed.
fn latest_started(job: &Job, slots: &Slots<'_>, now: Timestamp) -> Option<Timestamp> {
    let mut date = slots.before(now)?;
    while starts(job, date) > now {
        date = slots.before(date.checked_sub(SignedDuration::from_nanos(1)).ok()?)?;
    }
    Some(date)
}

/// Returns when the next date of a job on a grid starts.
fn next_start(job: &Job, slots: &Slots<'_>, now: Timestamp) -> Option<Timestamp> {
    let latest = latest_started(job, slots, now)?;
    slots.after(latest).map(|next| starts(job, next))
}

/// Returns the date that a job leaves out because it could not start within `start_limit`; `None` if there is none. A date
/// for which there was an attempt is not left out.
pub fn left_out(job: &Job, own: &State, now: Timestamp) -> Option<Timestamp> {
    let limit = SignedDuration::try_from(job.start_limit?).ok()?;
    let row = own.row.as_ref();
    if own.paused || row.is_some_and(|row| row.ongoing.is_some()) {
        return None;
    }
    let date = latest_undone(job, own, now)?;
    let is_tried = row.is_some_and(|row| row.failed && row.last_run.is_some_and(|run| run >= date));
    (!is_tried && now.duration_since(starts(job, date)) > limit).then_some(date)
}

/// Returns the jobs in the order in which they run: level by level, each sorted by name. Parents that are not in
/// the file take part on the first level, but are left out of the result. Jobs that depend on each other in a
/// circle are also left out: the check of the file reports them.
pub fn order<J: Borrow<Job>>(jobs: &[J]) -> Vec<&J> {
    let by_name: BTreeMap<&str, &J> =
        jobs.iter().map(|item| (<J as Borrow<Job>>::borrow(item).name.as_str(), item)).collect();
    // Which jobs wait for which parents; an unknown parent takes up a level, as in the original.
    let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut waits: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, item) in &by_name {
        let job: &Job = <J as Borrow<Job>>::borrow(item);
        let parents: BTreeSet<&str> =
            job.depends_on.iter().map(String::as_str).filter(|parent| parent != name).collect();
        waits.insert(name, parents.len());
        for parent in parents {
            children.entry(parent).or_default().push(name);
        }
    }
    let unknown = children.keys().copied().filter(|parent| !by_name.contains_key(parent));
    let roots = waits.iter().filter(|(_, parents)| **parents == 0).map(|(name, _)| *name);
    let mut level: BTreeSet<&str> = roots.chain(unknown).collect();
    let mut out = Vec::with_capacity(jobs.len());
    while !level.is_empty() {
        let mut next = BTreeSet::new();
        for name in level {
            out.extend(by_name.get(name));
            for child in children.get(name).into_iter().flatten() {
                if let Some(left) = waits.get_mut(child) {
                    *left -= 1;
                    if *left == 0 {
                        next.insert(*child);
                    }
                }
            }
        }
        level = next;
    }
    out
}

/// Returns one circle among jobs that have these parents, with its first name repeated at the end; `None` if there
/// is none.
pub fn circle(parents: &BTreeMap<&str, &[String]>) -> Option<Vec<String>> {
    // 1 while the job is on the path, 2 once it is done.
    let mut state: BTreeMap<&str, u8> = BTreeMap::new();
    for start in parents.keys() {
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        if state.contains_key(start) {
            continue;
        }
        state.insert(start, 1);
        while let Some((name, next)) = path.last_mut() {
            let known: Vec<&str> =
                parents[*name].iter().map(String::as_str).filter(|p| parents.contains_key(p)).collect();
            let Some(parent) = known.get(*next).copied() else {
                state.insert(name, 2);
                path.pop();
                continue;
            };
            *next += 1;
            match state.get(parent) {
                Some(1) => {
                    let from = path.iter().position(|(n, _)| *n == parent).unwrap_or(0);
                    let mut names: Vec<String> = path[from..].iter().map(|(n, _)| (*n).to_owned()).collect();
                    names.push(parent.to_owned());
                    return Some(names);
                }
                Some(_) => {}
                None => {
                    state.insert(parent, 1);
                    path.push((parent, 0));
                }
            }
        }
    }
    None
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

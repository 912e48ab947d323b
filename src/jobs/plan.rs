//! What is due, and why: a function of the jobs, their rows and an instant. No clock, no database, no process.
//!
//! `schedule = "…"` follows crontabber to the letter, but for what can hang, crash or repeat: a row without next_run and
//! ongoing is due, a parent on its first run blocks, a date recorded as succeeded is passed over. `every` and `cron` stand
//! on a grid (see [`super::slots`]), without the original's drift and losses.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};

use super::job::{CatchUp, Job};
use super::schedule::{At, Schedule};
use super::slots::Slots;

/// A job's row, as far as it decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// When it is due.
    #[serde(deserialize_with = "instant")]
    pub next_run: Option<Timestamp>,
    /// When its first run began.
    #[serde(deserialize_with = "instant")]
    pub first_run: Option<Timestamp>,
    /// When its last run began.
    #[serde(deserialize_with = "instant")]
    pub last_run: Option<Timestamp>,
    /// A plain job's last success; a backfill job's last date.
    #[serde(deserialize_with = "instant")]
    pub last_success: Option<Timestamp>,
    /// Since when it runs.
    #[serde(deserialize_with = "instant")]
    pub ongoing: Option<Timestamp>,
    /// Did the last run fail?
    pub failed: bool,
}

/// An instant of the server's; `infinity` and what no calendar here holds is its end, `-infinity` its beginning.
pub(super) fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(|text| nearest(&text)))
}

/// As [`instant`], for a value that is never NULL.
pub(super) fn some_instant<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    Ok(nearest(&String::deserialize(from)?))
}

/// As [`instant`], for an array; NULL is an empty one.
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

/// What is known of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Its row, if there is one.
    pub row: Option<Row>,
    /// When pgkit saw it first; `None`: not yet.
    pub first_seen: Option<Timestamp>,
    /// It was paused.
    pub paused: bool,
    /// Dates recorded as succeeded, from the oldest that matters on.
    pub done: BTreeSet<Timestamp>,
    /// Every date up to this one counts as done.
    pub done_through: Option<Timestamp>,
}

/// What is to be done with a job now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It runs, once for each of these dates; never none.
    Run(Dates),
    /// It is not due before then; `None`: nobody knows when.
    NotDue(Option<Timestamp>),
    /// It is due, but no date is: the next one comes then; `None`: nobody knows when.
    NoDate(Option<Timestamp>),
    /// It is due, but this parent stands before it.
    Blocked(String, Why),
    /// It was paused.
    Paused,
}

/// What a parent lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It has not been run yet.
    NeverRun,
    /// It errored the last time it ran.
    Failed,
    /// It has not run recently: it is due itself.
    Overdue,
    /// It has not done the date that this job's date builds on.
    Behind,
}

impl Why {
    /// In crontabber's words where it has some.
    pub const fn words(self) -> &'static str {
        match self {
            Why::NeverRun => "hasn't been run yet",
            Why::Failed => "errored last time it ran",
            Why::Overdue => "hasn't recently run",
            Why::Behind => "has not done the date that is due here",
        }
    }
}

/// The dates that a job runs for, in order; made one after the other, however many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dates {
    /// The next one to come; `None`: there is none.
    next: Option<Timestamp>,
    /// None after this.
    last: Timestamp,
    /// How many may still be handed out.
    left: u32,
    step: Step,
    done: BTreeSet<Timestamp>,
}

/// From one date to the next.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// There is but one.
    None,
    /// So many seconds.
    Seconds(i64),
    /// The schedule's next.
    Slots(Schedule, TimeZone),
}

impl Eq for Step {}

impl Dates {
    /// This one alone.
    pub fn one(date: Timestamp) -> Dates {
        Dates { next: Some(date), last: date, left: 1, step: Step::None, done: BTreeSet::new() }
    }

    /// The next one that is handed out; `None`: there is no more.
    pub fn peek(&self) -> Option<Timestamp> {
        self.next.filter(|_| self.left > 0)
    }

    /// The last date that may come.
    pub fn end(&self) -> Timestamp {
        self.last
    }

    /// Does a date remain that is not handed out, for there were enough?
    pub fn is_capped(&self) -> bool {
        self.left == 0 && self.next.is_some()
    }

    /// The same dates, but none after this one.
    pub fn through(mut self, last: Timestamp) -> Dates {
        self.last = self.last.min(last);
        self.next = self.next.filter(|next| *next <= last);
        self
    }

    /// The same dates, but no more than so many.
    pub fn at_most(mut self, count: u32) -> Dates {
        self.left = self.left.min(count);
        self
    }

    /// The first date after this one that is not done.
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

/// The larger of 10 minutes and a tenth of the period: what is later than that is overdue, and was missed.
pub fn patience(period: SignedDuration) -> SignedDuration {
    (period / 10).max(SignedDuration::from_mins(10))
}

/// Replaces the time of day, in UTC.
pub(super) fn at_time(t: Timestamp, at: At) -> Timestamp {
    let civil = t.to_zoned(TimeZone::UTC).datetime().date().at(at.hour, at.minute, 0, 0);
    civil.to_zoned(TimeZone::UTC).map_or(t, |zoned| zoned.timestamp())
}

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

/// Decides. `state` gives what is known of any job by its name.
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

/// The decision of a forced run: neither due nor dependencies are asked.
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

/// Where the dates of a backfill job are counted from: its last one, at its time of day.
fn base(own: &State, at: Option<At>) -> Option<Timestamp> {
    let last = own.row.as_ref().and_then(|row| row.last_success)?;
    Some(at.map_or(last, |at| at_time(last, at)))
}

/// The first date of a backfill job that is not past yet.
fn next_date(own: &State, every: i64, at: Option<At>, now: Timestamp) -> Option<Timestamp> {
    let base = base(own, at)?;
    let steps = (now.duration_since(base).as_secs() / every).max(0) + 1;
    base.checked_add(seconds(steps.checked_mul(every)?)).ok()
}

/// Section 8 of the original's behaviour; a date that is recorded as succeeded is passed over.
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
    // A retry waits its time.
    if let Some(Row { failed: true, next_run: Some(next), .. }) = &own.row
        && *next > now
    {
        return Decision::NotDue(Some(*next));
    }
    match grid_dates(job, own, now) {
        Some(dates) => Decision::Run(dates),
        None => {
            let slots = Slots::new(&job.schedule, &job.timezone);
            Decision::NotDue(slots.after(now))
        }
    }
}

/// The last instant of the grid that is dealt with.
fn reached(job: &Job, own: &State, now: Timestamp) -> Timestamp {
    let slots = Slots::new(&job.schedule, &job.timezone);
    let seen = own.first_seen.or_else(|| own.row.as_ref().and_then(|row| row.first_run)).unwrap_or(now);
    match own.row.as_ref().and_then(|row| row.last_success) {
        // A plain job has done what was due when it ran; a backfill job has done this date.
        Some(last) if job.backfill => last,
        Some(last) => slots.before(last).unwrap_or(last).max(seen.min(last)),
        None => seen,
    }
}

fn grid_dates(job: &Job, own: &State, now: Timestamp) -> Option<Dates> {
    let slots = Slots::new(&job.schedule, &job.timezone);
    let first = slots.after(reached(job, own, now))?;
    let latest = slots.before(now)?;
    if first > latest {
        return None;
    }
    if !job.backfill {
        let is_done = own.done.contains(&latest) || own.done_through.is_some_and(|through| latest <= through);
        return Some(Dates::one(latest)).filter(|_| !is_done);
    }
    let step = Step::Slots(job.schedule.clone(), job.timezone.clone());
    let period = slots.period(latest)?;
    // `latest` is the last instant of the grid that is due, so nothing lies between it and now.
    dates(job, own, first, latest, now, step, period)
}

/// From the first date to the last, as far as the job makes up for what it missed.
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

/// The first parent that stands before a run for this date.
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

/// When a job is next due after a run that began at `t` and succeeded (`date` is the last date it did), or failed.
/// `unfinished`: dates that were due are left over for the next run.
pub fn next_run(job: &Job, t: Timestamp, date: Timestamp, failed: bool, unfinished: bool) -> Timestamp {
    if failed {
        let wait = SignedDuration::try_from(job.retry_after).unwrap_or(SignedDuration::ZERO);
        return t.checked_add(wait).unwrap_or(t);
    }
    match &job.schedule {
        Schedule::Original { .. } if unfinished => t,
        Schedule::Original { every, at } => {
            let next = t.checked_add(seconds(*every)).unwrap_or(t);
            at.map_or(next, |at| at_time(next, at))
        }
        _ => Slots::new(&job.schedule, &job.timezone).after(date).unwrap_or(t),
    }
}

/// The order in which jobs run: by levels, each sorted by name; what is not in the file is on the first level, and left
/// out. Jobs in a circle are left out: the file's check names them.
pub fn order<J: Borrow<Job>>(jobs: &[J]) -> Vec<&J> {
    let by_name: BTreeMap<&str, &J> =
        jobs.iter().map(|item| (<J as Borrow<Job>>::borrow(item).name.as_str(), item)).collect();
    // Who waits for whom; an unknown parent is one level, as in the original.
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

/// One circle among jobs that have these parents, its first name again at its end.
pub fn circle(parents: &BTreeMap<&str, &[String]>) -> Option<Vec<String>> {
    // 1 while on the path, 2 when done.
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

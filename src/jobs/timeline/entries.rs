//! What ran when over a window of time, and which dates were missed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::error::Result;
use crate::jobs::health;
use crate::jobs::job::Job;
use crate::jobs::occurrences::Slots;
use crate::jobs::plan::{self, End, instant};
use crate::jobs::schedule::Schedule;
use crate::jobs::store::{Place, Queryable, Snapshot, Stored, in_schema};
use crate::session::Value;

const TIMELINE: &str = include_str!("../../../queries/jobs/timeline.sql");
const TIMELINE_LOG: &str = include_str!("../../../queries/jobs/timeline_log.sql");

/// A window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub since: Timestamp,
    /// Its end, which is now.
    pub now: Timestamp,
}

impl Window {
    /// Returns where an instant lies in the window, from 0 to 1.
    pub fn place(&self, t: Timestamp) -> f64 {
        let whole = self.now.duration_since(self.since).as_secs_f64().max(1e-9);
        (t.duration_since(self.since).as_secs_f64() / whole).clamp(0.0, 1.0)
    }
}

/// What became of a date. If there is room for only one of several, the one that comes last in this list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Done,
    Missed,
    Failed,
    Running,
}

/// An attempt, or a date that was missed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The job.
    pub name: String,
    /// The date that it was for.
    pub run_date: Option<Timestamp>,
    /// When it began; `None` if the date was missed.
    pub started: Option<Timestamp>,
    /// How long it took, in seconds.
    pub duration_s: Option<f64>,
    /// `done`, `failed`, `running`, `missed`, `interrupted` and so on.
    pub result: String,
    /// The ordinal of the attempt among those for this date.
    pub attempt: Option<i64>,
    /// The machine that it ran on.
    pub host: Option<String>,
    /// Why it failed.
    pub message: Option<String>,
}

impl Entry {
    /// Returns what became of it.
    pub fn kind(&self) -> Kind {
        match self.result.as_str() {
            "done" | "superseded" => Kind::Done,
            "missed" => Kind::Missed,
            "running" => Kind::Running,
            _ => Kind::Failed,
        }
    }

    /// Returns when it began, or the date that was missed.
    pub fn begin(&self) -> Option<Timestamp> {
        self.started.or(self.run_date)
    }

    /// Returns when it ended; `None` if it is running, or if nobody knows.
    pub fn finished(&self) -> Option<Timestamp> {
        let length = SignedDuration::try_from_secs_f64(self.duration_s?).ok()?;
        self.started?.checked_add(length).ok()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    #[serde(deserialize_with = "instant")]
    run_date: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    started: Option<Timestamp>,
    duration_s: Option<f64>,
    state: String,
    attempt: Option<i64>,
    host: Option<String>,
    message: Option<String>,
}

/// Reads the attempts of these jobs in the window, the earliest first.
pub async fn read(
    session: &impl Queryable,
    place: &Place,
    jobs: &[&Job],
    since: Timestamp,
) -> Result<Vec<Entry>> {
    let names = jobs.iter().map(|job| Some(job.name.clone())).collect();
    let params = [Value::TextList(names), Value::Text(since.to_string())];
    let text = in_schema(if place.has_pgkit { TIMELINE } else { TIMELINE_LOG }, &place.schema);
    let lines = session.ask::<Line>(&text, &params).await?;
    let entry = |line: Line| Entry {
        result: if line.state == "succeeded" { "done".to_owned() } else { line.state },
        name: line.name,
        run_date: line.run_date,
        started: line.started,
        duration_s: line.duration_s,
        attempt: line.attempt,
        host: line.host,
        message: line.message,
    };
    Ok(lines.into_iter().map(entry).collect())
}

/// Adds the dates that were missed to the attempts. The earliest comes first.
pub fn with_missed(attempts: Vec<Entry>, jobs: &[&Job], snapshot: &Snapshot, window: Window) -> Vec<Entry> {
    let mut by_job: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for attempt in &attempts {
        by_job.entry(&attempt.name).or_default().push(attempt);
    }
    let mut all = Vec::new();
    for job in jobs {
        let own = by_job.remove(job.name.as_str()).unwrap_or_default();
        let dates = missed(job, snapshot.jobs.get(&job.name), &own, window);
        all.extend(dates.into_iter().map(|date| Entry {
            name: job.name.clone(),
            run_date: Some(date),
            started: None,
            duration_s: None,
            result: "missed".to_owned(),
            attempt: None,
            host: None,
            message: None,
        }));
    }
    all.extend(attempts);
    all.sort_by(|a, b| (a.begin(), &a.name, a.run_date).cmp(&(b.begin(), &b.name, b.run_date)));
    all
}

/// Returns the dates in the window for which the job did not run, or ran later than [`plan::patience`] allows. A paused
/// job misses no dates.
fn missed(job: &Job, stored: Option<&Stored>, attempts: &[&Entry], window: Window) -> Vec<Timestamp> {
    let Some(stored) = stored.filter(|stored| !stored.state.paused) else { return Vec::new() };
    let state = &stored.state;
    let is_late = |date: Timestamp, then: Timestamp, period: SignedDuration| {
        then.duration_since(date) > plan::patience(period)
    };
    if let Schedule::Original { every, .. } = &job.schedule {
        // The time of each run determines when the next one was due; the row has the time after the last one.
        let period = SignedDuration::from_secs(*every);
        let end = |entry: &Entry| match entry.kind() {
            Kind::Failed => End::Failed(entry.attempt.and_then(|n| u32::try_from(n).ok()).unwrap_or(1)),
            _ => End::Done,
        };
        let began = |entry: &&Entry| Some((entry.started?, entry.run_date?, end(entry)));
        let runs: Vec<_> = attempts.iter().filter_map(began).collect();
        let between = runs.windows(2).filter_map(|pair| {
            let (started, date, end) = pair[0];
            let next = plan::next_run(job, started, date, end);
            is_late(next, pair[1].0, period).then_some(next)
        });
        let is_running = state.row.as_ref().is_some_and(|row| row.ongoing.is_some());
        let last = health::due_since(job, Some(stored), window.now)
            .filter(|since| !is_running && is_late(*since, window.now, period));
        return between.chain(last).filter(|date| *date >= window.since).collect();
    }
    let row = state.row.as_ref();
    let Some(seen) = state.first_seen.or_else(|| row.and_then(|row| row.first_run)) else {
        return Vec::new();
    };
    let slots = Slots::new(&job.schedule, &job.timezone);
    let starts: Vec<Timestamp> = attempts.iter().filter_map(|entry| entry.started).collect();
    let dates: std::collections::BTreeSet<Timestamp> =
        attempts.iter().filter_map(|entry| entry.run_date).collect();
    let mut out = Vec::new();
    let from = window.since.max(seen);
    let mut next = if window.since > seen && slots.has(from) { Some(from) } else { slots.after(from) };
    while let Some(date) = next.filter(|date| *date <= window.now) {
        next = slots.after(date);
        let period = next.map_or(SignedDuration::ZERO, |next| next.duration_since(date));
        if !is_late(date, window.now, period) {
            break;
        }
        let is_done = dates.contains(&date)
            || state.done.contains(&date)
            || state.done_through.is_some_and(|through| date <= through);
        // A job without backfill that ran soon after a date ran for that date, whatever date was recorded.
        let ran_soon = !job.backfill && {
            let at = starts.partition_point(|started| *started < date);
            starts.get(at).is_some_and(|started| !is_late(date, *started, period))
        };
        if !is_done && !ran_soon {
            out.push(date);
        }
    }
    out
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! Notifies people of jobs that are overdue or stale, and of those that no longer are, once for all runners together.

use std::rc::Rc;

use serde::Deserialize;

use super::passes::Runner;
use crate::error::{Error, Exit, Result};
use crate::jobs::alarm::{self, Alarm};
use crate::jobs::health;
use crate::jobs::job::{Job, Notification};
use crate::jobs::output;
use crate::jobs::store::{Snapshot, in_schema};
use crate::jobs::talk::{Event, Failure, Hook, Progress, ProgressSink, RunOptions};
use crate::jobs::tell::{self, News};
use crate::session::{Value, Writer};

const ALARMS: &str = include_str!("../../../queries/jobs/alarms.sql");
const NOTIFY: &str = include_str!("../../../queries/jobs/notify.sql");

/// An alarm whose beginning or end this runner has to notify people of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    name: String,
    kind: String,
    is_over: bool,
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Notifies people of jobs that have become overdue or stale, and of those that have recovered, unless another runner has
    /// done so. After an error, the next look tries again.
    pub(super) async fn alarm(
        &mut self,
        jobs: &[Rc<Job>],
        run_options: &RunOptions,
        snapshot: &Snapshot,
        tell: ProgressSink<'_>,
    ) {
        let is_by_hand = run_options.force || run_options.date.is_some();
        let telling: Vec<&Rc<Job>> =
            jobs.iter().filter(|job| job.on_overdue.is_some() && run_options.wants(job)).collect();
        if telling.is_empty() || is_by_hand {
            return;
        }
        if !self.place.has("pgkit_alarm") {
            let text = "on_overdue needs the table pgkit_alarm: create it with pgkit jobs upgrade";
            self.warn_of_alarms(text.to_owned(), tell);
            return;
        }
        let on: Vec<(&Rc<Job>, Alarm)> = telling
            .into_iter()
            .filter_map(|job| Some((job, alarm::of(job, snapshot.jobs.get(&job.name), snapshot.now)?)))
            .collect();
        let changed = match self.record(jobs, &on, snapshot).await {
            Ok(changed) => changed,
            // A lost connection is reported by the next look.
            Err(e) if e.exit == Exit::Unavailable => return,
            Err(e) => {
                self.warn_of_alarms(
                    format!("could not record who tells of overdue jobs: {}", e.one_line()),
                    tell,
                );
                return;
            }
        };
        for (job, alarm) in on {
            if changed.iter().any(|one| !one.is_over && one.name == job.name && one.kind == alarm.kind) {
                self.tell_of(job, &alarm, jobs, snapshot, tell).await;
            }
        }
        for job in jobs {
            if changed.iter().any(|one| one.is_over && one.name == job.name) {
                self.tell_of_recovery(job, snapshot, tell).await;
            }
        }
    }

    /// Records the alarms that are on, and removes those that are over. Returns those that have begun and those that are over.
    async fn record(
        &self,
        jobs: &[Rc<Job>],
        on: &[(&Rc<Job>, Alarm)],
        snapshot: &Snapshot,
    ) -> Result<Vec<Changed>> {
        let writer = self.writer.as_ref().ok_or_else(|| Error::bug("missing session"))?;
        let (mut names, mut kinds, mut since) = (Vec::new(), Vec::new(), Vec::new());
        for (job, alarm) in on {
            names.push(Some(job.name.clone()));
            kinds.push(Some(alarm.kind.to_owned()));
            since.push(Some(health::instant(alarm.since)));
        }
        let (mut over, mut of_kind, mut before) = (Vec::new(), Vec::new(), Vec::new());
        for job in jobs {
            let Some(stored) = snapshot.jobs.get(&job.name) else { continue };
            for kind in [alarm::OVERDUE, alarm::STALE] {
                if let Some(ended) = alarm::over_before(job, kind, stored, snapshot.now) {
                    over.push(Some(job.name.clone()));
                    of_kind.push(Some(kind.to_owned()));
                    before.push(Some(health::instant(ended)));
                }
            }
        }
        let host = Value::Text(self.around.host.clone());
        let lists = |list: Vec<Option<String>>| Value::TextList(list);
        let params =
            [lists(names), lists(kinds), lists(since), host, lists(over), lists(of_kind), lists(before)];
        writer.changed(&in_schema(ALARMS, &self.place.schema), &params).await
    }

    /// Notifies people of a job, as its `on_overdue` says.
    async fn tell_of(
        &mut self,
        job: &Rc<Job>,
        alarm: &Alarm,
        jobs: &[Rc<Job>],
        snapshot: &Snapshot,
        tell: ProgressSink<'_>,
    ) {
        let all: Vec<Job> = jobs.iter().map(|job| (**job).clone()).collect();
        let slots = Some(self.parallel).filter(|slots| self.queue.running() >= *slots);
        let is_overdue = alarm.kind == alarm::OVERDUE;
        let waits = alarm::waits_for(job, &all, snapshot, slots).filter(|_| is_overdue);
        let message = if is_overdue {
            alarm::overdue_in_words(Some(alarm.since), waits.as_deref())
        } else {
            alarm::stale_in_words(alarm.since, job)
        };
        let failure = Failure { kind: alarm.kind.to_owned(), message, traceback: String::new() };
        let news = News {
            job: &job.name,
            date: alarm.since,
            failure: Some(&failure),
            error_count: snapshot.jobs.get(&job.name).map_or(0, |stored| stored.error_count),
            alarm: Some(tell::Alarm { kind: alarm.kind, since: alarm.since, waits_for: waits.as_deref() }),
        };
        self.send(job, "on_overdue", job.on_overdue.as_ref(), &news, tell).await;
    }

    /// Notifies people that a job is no longer overdue or stale, as its `on_recovery` says, if it has run successfully.
    async fn tell_of_recovery(&mut self, job: &Rc<Job>, snapshot: &Snapshot, tell: ProgressSink<'_>) {
        let Some(stored) = snapshot.jobs.get(&job.name) else { return };
        let ran = stored.state.row.as_ref().filter(|row| !row.failed).and_then(|row| row.last_run);
        let Some(date) = ran.filter(|_| !stored.state.paused) else { return };
        let news = News { job: &job.name, date, failure: None, error_count: 0, alarm: None };
        self.send(job, "on_recovery", job.on_recovery.as_ref(), &news, tell).await;
    }

    /// Sends news of a job in the way that this key of the jobs file specifies.
    async fn send(
        &mut self,
        job: &Rc<Job>,
        key: &str,
        way: Option<&Notification>,
        news: &News<'_>,
        tell: ProgressSink<'_>,
    ) {
        match way {
            None => {}
            Some(Notification::Program { words, timeout }) => {
                let mut environment = self.setup.inherited(job);
                environment.extend(news.environment());
                let hook = Hook {
                    key: key.to_owned(),
                    words: words.clone(),
                    environment,
                    timeout: *timeout,
                    contain: job.contain,
                };
                self.hooks.push(job.clone(), hook, &self.setup);
            }
            Some(Notification::Channel(channel)) => {
                let payload = output::text(news.payload().as_bytes());
                if let Err(e) = self.notify(channel, payload).await {
                    let text = format!("could not notify channel {channel:?}: {}", e.one_line());
                    tell(Progress::Event(job, &Event::Warning { text }));
                }
            }
        }
    }

    async fn notify(&self, channel: &str, payload: String) -> Result<()> {
        let writer = self.writer.as_ref().ok_or_else(|| Error::bug("missing session"))?;
        let params = |payload| [Value::Text(channel.to_owned()), Value::Text(payload)];
        match writer.affect(NOTIFY, &params(payload.clone())).await {
            // The server's encoding cannot represent the text.
            Err(e) if e.sqlstate.as_deref() == Some("22P05") => {
                writer.affect(NOTIFY, &params(output::ascii(&payload))).await
            }
            notified => notified,
        }
    }

    fn warn_of_alarms(&mut self, text: String, tell: ProgressSink<'_>) {
        if !std::mem::replace(&mut self.has_warned_of_alarms, true) {
            tell(Progress::Warning(text));
        }
    }
}

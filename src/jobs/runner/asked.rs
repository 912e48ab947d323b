//! Requests to run a job: a runner takes those for its jobs, and records their progress.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::passes::Runner;
use super::upkeep::SAYING;
use crate::error::Result;
use crate::jobs::job::Job;
use crate::jobs::requests::{self, Request, Told};
use crate::jobs::store;
use crate::jobs::talk::{Event, Mode, Outcome, Progress, ProgressSink, RunOptions};
use crate::session::Writer;

/// The shortest time between two looks at the requests. Any role may send notifications, as often as it likes.
const BREATH: Duration = Duration::from_millis(50);

/// A request that this runner has taken.
#[derive(Debug)]
struct Asked {
    request: Request,
    told: Told,
}

/// The requests that concern a runner.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Whether the session for planning receives notifications of requests.
    pub(super) listens: bool,
    /// Whether requests may have been made since the last look at them.
    pub(super) has_news: bool,
    /// When that look was.
    looked: Option<Instant>,
    /// The requests that have been taken and have not ended, by job.
    taken: BTreeMap<String, Asked>,
    /// Requests that have ended, but whose end could not be recorded yet.
    unrecorded: Vec<Asked>,
}

impl Inbox {
    /// Waits for a notification that requests have been made. Does not return if the session does not listen. The future
    /// may be dropped before it completes.
    pub(super) async fn news(&mut self, writer: Option<&Writer>) {
        let Some(writer) = writer.filter(|_| self.listens) else { return std::future::pending().await };
        if let Some(looked) = self.looked {
            tokio::time::sleep_until((looked + BREATH).into()).await;
        }
        writer.notified().await;
        self.has_news = true;
    }
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Subscribes the session to the notifications of requests.
    pub(super) async fn listen(&mut self) -> Result<()> {
        if let Some(writer) = &self.writer
            && self.stays
            && !self.inbox.listens
            && self.place.has(requests::TABLE)
        {
            requests::listen(writer).await?;
            self.inbox.listens = true;
        }
        Ok(())
    }

    /// Takes the requests for jobs that are neither waiting nor running here, and puts the jobs into the queue. Warns if
    /// that is not possible now; the next look at the tables notices and reports a lost connection.
    pub(super) async fn take_requests(
        &mut self,
        jobs: &[Rc<Job>],
        run_options: &RunOptions,
        tell: ProgressSink<'_>,
    ) {
        (self.inbox.has_news, self.inbox.looked) = (false, Some(Instant::now()));
        if !self.place.has(requests::TABLE) {
            return;
        }
        for ended in std::mem::take(&mut self.inbox.unrecorded) {
            self.record_end(ended).await;
        }
        if let Err(e) = self.take_open(jobs, run_options, tell).await
            && e.sqlstate.is_some()
        {
            let why = store::explain(e).one_line();
            tell(Progress::Warning(format!("could not take requests to run jobs: {why}")));
        }
    }

    /// Errors: the tables cannot be read or written.
    async fn take_open(
        &mut self,
        jobs: &[Rc<Job>],
        run_options: &RunOptions,
        tell: ProgressSink<'_>,
    ) -> Result<()> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let open = requests::open(writer, &self.place).await?;
        if !open.is_empty() {
            self.beat(tell).await;
        }
        // Other runners take over the requests of a runner that has no row, so a runner without a row takes none.
        let Some(writer) = self.writer.as_ref().filter(|_| self.is_recorded) else { return Ok(()) };
        for request in open {
            let is_meant = |job: &&Rc<Job>| job.name == request.name && run_options.wants(job);
            let Some(job) = jobs.iter().find(is_meant) else { continue };
            let is_busy = self.queue.contains(&job.name) || self.inbox.taken.contains_key(&job.name);
            if is_busy || !requests::take(writer, &self.place, &self.id, &request).await? {
                continue;
            }
            self.queue.push(job.clone(), request.mode());
            self.inbox.taken.insert(job.name.clone(), Asked { request, told: Told::default() });
        }
        Ok(())
    }

    /// Puts the jobs of requests that have not ended into the queue again, if they are no longer in it. Ends requests for
    /// jobs that are no longer in the file.
    pub(super) async fn resume_requests(&mut self, jobs: &[Rc<Job>]) {
        let names = self.inbox.taken.keys().filter(|name| !self.queue.contains(name));
        for name in names.cloned().collect::<Vec<_>>() {
            match jobs.iter().find(|job| job.name == name) {
                Some(job) => self.queue.push(job.clone(), self.mode_of(&name)),
                None => {
                    let why = "it is no longer in the jobs file".to_owned();
                    self.end_request(&name, &Outcome::NotNow { why }).await;
                }
            }
        }
    }

    /// Returns the mode in which a job that is due is to run: that of the request for it, if there is one.
    pub(super) fn mode_of(&self, name: &str) -> Mode {
        self.inbox.taken.get(name).map_or(Mode::Due, |asked| asked.request.mode())
    }

    /// Records an event of a job that was asked for. If that fails, it is recorded with the next event or the outcome.
    pub(super) async fn tell_request(&mut self, name: &str, event: &Event) {
        let Some(asked) = self.inbox.taken.get_mut(name) else { return };
        if matches!(event, Event::Started { .. } | Event::Finished { .. } | Event::Warning { .. }) {
            asked.told.push(event.clone());
            if let Some(asked) = self.inbox.taken.get(name) {
                let _ = self.record_request(asked).await;
            }
        }
    }

    /// Records the outcome of a job that was asked for. If the job is busy and the request waits, the request goes on.
    pub(super) async fn end_request(&mut self, name: &str, outcome: &Outcome) {
        let is_busy = matches!(
            outcome,
            Outcome::Ongoing { .. }
                | Outcome::Full { .. }
                | Outcome::Locked
                | Outcome::Broken { all: true, .. }
        );
        if self.inbox.taken.get(name).is_some_and(|asked| is_busy && asked.request.waits) {
            return;
        }
        let Some(mut asked) = self.inbox.taken.remove(name) else { return };
        asked.told.outcome = Some(outcome.clone());
        self.record_end(asked).await;
        // Another request for the same job may be waiting.
        self.inbox.has_news = true;
    }

    /// Records that a request has ended, or else keeps it until the next look at the requests, because somebody may be
    /// waiting for the end.
    async fn record_end(&mut self, ended: Asked) {
        if !self.record_request(&ended).await {
            self.inbox.unrecorded.push(ended);
        }
    }

    /// Records the progress of a request. Returns whether that succeeded.
    async fn record_request(&self, asked: &Asked) -> bool {
        let Some(writer) = &self.writer else { return false };
        let told = requests::told(writer, &self.place, &self.id, asked.request.id, &asked.told);
        matches!(tokio::time::timeout(SAYING, told).await, Ok(Ok(())))
    }
}

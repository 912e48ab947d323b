//! Requests to run a job: a runner takes those for its jobs, and records what becomes of them.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::passes::Runner;
use super::upkeep::SAYING;
use crate::error::Result;
use crate::jobs::job::Job;
use crate::jobs::requests::{self, Request, Told};
use crate::jobs::runners;
use crate::jobs::store;
use crate::jobs::talk::{Event, Mode, Outcome, Progress, ProgressSink, RunOptions};
use crate::session::Writer;

/// How long after one look at the requests the next one may come because of a notification.
const BREATH: Duration = Duration::from_millis(50);

/// A request that this runner has taken and that has not ended.
#[derive(Debug)]
pub(super) struct Asked {
    request: Request,
    told: Told,
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Makes the session receive notifications of requests.
    pub(super) async fn listen(&mut self) -> Result<()> {
        if let Some(writer) = &self.writer
            && self.stays
            && !self.listens
            && self.place.has(requests::TABLE)
        {
            requests::listen(writer).await?;
            self.listens = true;
        }
        Ok(())
    }

    /// Takes the requests for jobs that are neither waiting nor running here, and puts the jobs into the queue. Requests
    /// for the other jobs are taken by another runner, or here later.
    ///
    /// Errors: the tables cannot be read or written.
    async fn take_requests(
        &mut self,
        jobs: &[Rc<Job>],
        run_options: &RunOptions,
        tell: ProgressSink<'_>,
    ) -> Result<()> {
        (self.asked, self.looked_for_requests) = (false, Some(Instant::now()));
        self.beat(tell).await;
        // Others could take the requests of a runner of which nobody knows that it is there.
        let Some(writer) = self.writer.as_ref().filter(|_| self.is_recorded) else { return Ok(()) };
        if !self.place.has(requests::TABLE) {
            return Ok(());
        }
        let runner = runners::id(&self.around.host);
        for request in requests::open(writer, &self.place).await? {
            let Some(job) = jobs.iter().find(|job| job.name == request.name && run_options.wants(job)) else {
                continue;
            };
            if self.queue.contains(&job.name)
                || self.requests.contains_key(&job.name)
                || !requests::take(writer, &self.place, &runner, &request).await?
            {
                continue;
            }
            self.queue.push(job.clone(), request.mode());
            self.requests.insert(job.name.clone(), Asked { request, told: Told::default() });
        }
        Ok(())
    }

    /// Puts the jobs of requests that have not ended into the queue again, if they are no longer in it. Ends requests for
    /// jobs that are no longer in the file.
    pub(super) async fn resume_requests(&mut self, jobs: &[Rc<Job>]) {
        let waiting: Vec<String> =
            self.requests.keys().filter(|name| !self.queue.contains(name)).cloned().collect();
        for name in waiting {
            match jobs.iter().find(|job| job.name == name) {
                Some(job) => self.queue.push(job.clone(), self.mode_of(&name)),
                None => {
                    let why = "it is no longer in the jobs file".to_owned();
                    self.end_request(&name, &Outcome::NotNow { why }).await;
                }
            }
        }
    }

    /// Returns how a job that is due is to run: as it was asked for, if it was.
    pub(super) fn mode_of(&self, name: &str) -> Mode {
        self.requests.get(name).map_or(Mode::Due, |asked| asked.request.mode())
    }

    /// Records an event of a job that was asked for.
    pub(super) async fn tell_request(&mut self, name: &str, event: &Event) {
        let Some(asked) = self.requests.get_mut(name) else { return };
        if matches!(event, Event::Started { .. } | Event::Finished { .. } | Event::Warning { .. }) {
            asked.told.push(event.clone());
            self.record_request(name).await;
        }
    }

    /// Records the outcome of a job that was asked for. If the job is busy and the request waits, it goes on.
    pub(super) async fn end_request(&mut self, name: &str, outcome: &Outcome) {
        let Some(asked) = self.requests.get_mut(name) else { return };
        let is_busy = matches!(
            outcome,
            Outcome::Ongoing { .. }
                | Outcome::Full { .. }
                | Outcome::Locked
                | Outcome::Broken { all: true, .. }
        );
        if is_busy && asked.request.waits {
            return;
        }
        asked.told.outcome = Some(outcome.clone());
        self.record_request(name).await;
        self.requests.remove(name);
        // Another request for the same job may be waiting.
        self.asked = true;
    }

    /// Records what has become of a request. If that fails, whoever asked finds the attempt in the history.
    async fn record_request(&self, name: &str) {
        let (Some(asked), Some(writer)) = (self.requests.get(name), &self.writer) else { return };
        let runner = runners::id(&self.around.host);
        let told = requests::told(writer, &self.place, &runner, asked.request.id, &asked.told);
        let _ = tokio::time::timeout(SAYING, told).await;
    }

    /// Waits until requests have been made since they were last looked at. Does not return if this session does not listen.
    pub(super) async fn asked(writer: Option<&Writer>, listens: bool, looked: Option<Instant>) {
        let Some(writer) = writer.filter(|_| listens) else { return std::future::pending().await };
        // Any role may notify, as often as it likes.
        if let Some(looked) = looked {
            tokio::time::sleep_until((looked + BREATH).into()).await;
        }
        writer.notified().await;
    }

    /// Works like [`Runner::take_requests`], and warns if that is not possible now. A lost connection is noticed and told by
    /// the next look at the tables.
    pub(super) async fn take_requests_if_possible(
        &mut self,
        jobs: &[Rc<Job>],
        run_options: &RunOptions,
        tell: ProgressSink<'_>,
    ) {
        if let Err(e) = self.take_requests(jobs, run_options, tell).await
            && e.sqlstate.is_some()
        {
            let why = store::explain(e).one_line();
            tell(Progress::Warning(format!("could not take requests to run jobs: {why}")));
        }
    }
}

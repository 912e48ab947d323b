//! What a runner does besides running jobs: it records results that were saved to files, warns of clocks, and removes
//! old history.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::passes::Runner;
use crate::error::{Error, Exit, Result};
use crate::jobs::health;
use crate::jobs::job::Job;
use crate::jobs::plan;
use crate::jobs::runners::{self, BEAT, Presence};
use crate::jobs::spool;
use crate::jobs::store::{self, Snapshot, in_schema, interval};
use crate::jobs::talk::{Event, Order, Outcome, Progress, ProgressSink, RunOptions};
use crate::session::{Value, Writer};

const PRUNE: &str = include_str!("../../../queries/jobs/prune.sql");
const UNWATCHED: &str = include_str!("../../../queries/jobs/unwatched.sql");
const PRUNES: &str = include_str!("../../../queries/jobs/prunes.sql");
/// How many rows are pruned at once, and how long one round of pruning may take.
const BATCH: i64 = 500;
const PRUNING: Duration = Duration::from_secs(2);
/// How long it may take to record that the runner is running. Meanwhile no turn is handed out.
pub(super) const SAYING: Duration = Duration::from_secs(3);
/// How often a runner deletes copied output that nobody reads any more.
const UNWATCH: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Removed {
    removed: i64,
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Lets a guard record the results that an earlier run on this machine could not record. Errors: the server
    /// still cannot be reached (69).
    pub(super) async fn replay(&mut self, tell: ProgressSink<'_>) -> Result<()> {
        let Some(folder) = &self.setup.spool else { return Ok(()) };
        let (kept, unread): (Vec<_>, Vec<_>) =
            spool::all(folder, &self.setup.place).into_iter().partition(|(_, kept)| kept.is_ok());
        for (file, error) in unread.into_iter().filter_map(|(file, kept)| Some((file, kept.err()?))) {
            if self.unread.insert(file.clone()) {
                tell(Progress::Warning(spool::unread(&file, &error)));
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        // The first look could not see what is recorded now.
        self.seen = None;
        // An error that prevents starting a guard is reported once there is something to do.
        let Ok(slot) = self.free_slot().await else { return Ok(()) };
        self.slots[slot].guard.order(&Order::Replay).await?;
        let mut stop = self.stop.clone();
        loop {
            let event = tokio::select! {
                event = self.slots[slot].guard.next::<Event>() => event?,
                // Interrupting it is safe, because a result may be recorded twice.
                _ = stop.wait_for(Option::is_some) => None,
            };
            match event {
                Some(Event::Done { outcome: Outcome::Broken { why, code, .. }, .. }) => {
                    let message = format!("could not record a saved result: {why}");
                    return Err(Error::new(Exit::from_code(code), message));
                }
                Some(Event::Done { .. }) => return Ok(()),
                Some(Event::Warning { text }) => tell(Progress::Warning(text)),
                Some(_) => {}
                None => {
                    self.bury(slot).await;
                    return Ok(());
                }
            }
        }
    }

    /// Warns, once for each, of times in jobs' rows that are in the future because a clock was ahead.
    pub(super) fn warn_of_clocks(&mut self, jobs: &[Rc<Job>], snapshot: &Snapshot, tell: ProgressSink<'_>) {
        for job in jobs {
            let ahead = health::ahead(job, snapshot.jobs.get(&job.name), snapshot.now);
            let Some(ahead) = ahead.filter(|ahead| ahead.is_clock) else { continue };
            let text = format!("{}: {}", job.name, ahead.words());
            if self.ahead.insert(text.clone()) {
                tell(Progress::Warning(text));
            }
        }
    }

    /// Records the dates that jobs leave out because they could not start in time, and warns of them.
    pub(super) async fn leave_out(
        &mut self,
        jobs: &[Rc<Job>],
        snapshot: &Snapshot,
        tell: ProgressSink<'_>,
    ) -> Result<()> {
        let late = jobs.iter().filter_map(|job| {
            let date = plan::left_out(job, &snapshot.state(&job.name)?, snapshot.now)?;
            Some((job.name.clone(), date)).filter(|late| !self.left_out.contains(late))
        });
        let late: Vec<_> = late.collect();
        let Some(writer) = self.writer.as_ref().filter(|_| !late.is_empty()) else { return Ok(()) };
        for (name, date) in store::leave_out(writer, &self.place, &late).await? {
            tell(Progress::Warning(format!(
                "{name}: left out {date}: it could not start within its start_limit"
            )));
        }
        self.left_out.retain(|(name, _)| !late.iter().any(|(other, _)| other == name));
        self.left_out.extend(late);
        Ok(())
    }

    /// Records that this runner is running, at most once per [`BEAT`]. An error here is no job's fault, and the next
    /// beat tries again.
    pub(super) async fn beat(&mut self, tell: ProgressSink<'_>) {
        self.note_presence(false, tell).await;
    }

    /// Records that this runner has been there, if it has nothing to run and will end at once.
    pub(super) async fn pass_by(&mut self, tell: ProgressSink<'_>) {
        if self.queue.is_empty() && self.hooks.is_empty() && !self.is_recorded {
            self.note_presence(true, tell).await;
        }
    }

    /// Works like [`Self::beat`], and with `ends` also records the end.
    async fn note_presence(&mut self, ends: bool, tell: ProgressSink<'_>) {
        if self.stopped().is_some() || self.beat.is_some_and(|at| at.elapsed() < BEAT) {
            return;
        }
        self.beat = Some(Instant::now());
        let (Some(presence), Some(writer)) = (&self.around.presence, &self.writer) else { return };
        if !self.place.has(runners::TABLE) {
            return;
        }
        let (place, id) = (&self.place, &self.id);
        let said = async {
            let is_known = self.is_recorded && runners::beat(writer, place, id, self.queue.running()).await?;
            if is_known {
                Ok(())
            } else {
                runners::appear(writer, place, (id, &self.around.host), presence, ends).await
            }
        };
        match tokio::time::timeout(SAYING, said).await {
            // Look at the requests again: perhaps one could not be taken the last time, or its notification was lost.
            Ok(Ok(())) => (self.is_recorded, self.inbox.has_news) = (!ends, true),
            // The next look at the tables reports an error of the connection.
            Ok(Err(e)) if e.sqlstate.is_some() => {
                let why = store::explain(e).one_line();
                tell(Progress::Warning(format!("could not record that this runner is there: {why}")));
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// Updates what is recorded about this runner: its jobs, and the hash of its file.
    pub(super) fn change_presence(&mut self, jobs: &[Rc<Job>], run_options: &RunOptions, hash: String) {
        if let Some(presence) = &mut self.around.presence {
            presence.jobs = Presence::names(jobs.iter().map(Rc::as_ref), run_options);
            presence.file_hash = hash;
            (self.is_recorded, self.beat) = (false, None);
        }
    }

    /// Records that this runner ends.
    pub(super) async fn leave(&mut self) {
        if let Some(writer) = self.writer.as_ref().filter(|_| self.is_recorded) {
            let said = runners::leave(writer, &self.place, &self.id);
            // If this fails, the runner counts as gone a little later.
            let _ = tokio::time::timeout(SAYING, said).await;
        }
    }

    /// Deletes copied output that nobody reads any more and that its reader could not delete. Leftovers are small and
    /// harmless, so errors are ignored.
    pub(super) async fn forget_unwatched(&mut self) {
        let Some(writer) = self.writer.as_ref().filter(|_| self.place.has("pgkit_output")) else { return };
        if self.unwatched.is_some_and(|at| at.elapsed() < UNWATCH) {
            return;
        }
        self.unwatched = Some(Instant::now());
        let _ = writer.affect(&in_schema(UNWATCHED, &self.place.schema), &[]).await;
    }

    /// Prunes some history of the jobs that ask for it. An error here is no job's fault, and pruning is tried
    /// again the next time.
    pub(super) async fn prune(&mut self, jobs: &[Rc<Job>], tell: ProgressSink<'_>) {
        let (names, ages): (Vec<_>, Vec<_>) = jobs
            .iter()
            .filter_map(|job| Some((Some(job.name.clone()), Some(interval(job.keep_history?)))))
            .unzip();
        if names.is_empty() || self.pruned.is_some_and(|at| at.elapsed() < 30 * PRUNING) {
            return;
        }
        let start = Instant::now();
        self.pruned = Some(start);
        let Some(writer) = &self.writer else { return };
        let schema = &self.place.schema;
        let pruned = async {
            let turn = writer.changed::<Removed>(&in_schema(PRUNES, schema), &[]).await?;
            let mut has_more = !turn.is_empty();
            let sql = in_schema(PRUNE, schema);
            let params = [Value::TextList(names), Value::TextList(ages), Value::Int8(BATCH)];
            while has_more && start.elapsed() < PRUNING && self.stopped().is_none() {
                let removed = writer.changed::<Removed>(&sql, &params).await?;
                has_more = removed.iter().any(|one| one.removed >= BATCH);
            }
            Ok::<(), Error>(())
        };
        if let Err(e) = pruned.await {
            let why = e.one_line();
            tell(Progress::Warning(format!(
                "could not remove history that is older than keep_history: {why}"
            )));
        }
    }
}

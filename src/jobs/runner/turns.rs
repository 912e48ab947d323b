//! Handing turns out to guards, and taking in how they ended.

use std::collections::BTreeSet;
use std::time::Instant;

use super::passes::{AGAIN, Runner};
use super::upkeep::SAYING;
use crate::error::Result;
use crate::jobs::store;
use crate::jobs::talk::{Event, Outcome, Pass, Progress, ProgressSink, Remaining, RunOptions, TurnLimit};
use crate::session::Writer;

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Hands out the waiting turns until none waits or runs, until the given instant, or until another job is due.
    ///
    /// Errors: no guard can be started (74).
    pub(super) async fn serve(
        &mut self,
        run_options: &RunOptions,
        pass: &mut Pass,
        until: Option<Instant>,
        tell: ProgressSink<'_>,
    ) -> Result<()> {
        loop {
            self.sign();
            self.beat(tell).await;
            // A job that has just run may be due again before that.
            let until = until.map(|until| self.due.soonest().map_or(until, |due| due.min(until)));
            if self.stopped().is_some() {
                self.queue.drop_waiting();
                self.tell_to_stop().await;
            }
            loop {
                let soon = self.soon_free();
                if soon.is_none() && self.queue.running() >= self.parallel {
                    break;
                }
                let Some(turn) = self.queue.start() else { break };
                if let Err(e) = self.hand_out(turn, soon).await {
                    self.queue.put_back(turn);
                    self.fewer(&e.one_line(), tell).ok_or(e)?;
                }
            }
            if self.queue.is_empty() {
                if let Some(until) = until {
                    self.pause(until, tell).await;
                }
                return Ok(());
            }
            if let Some((slot, event)) = self.hear(until, tell).await {
                self.take(slot, event, run_options, pass, tell).await;
            }
            if until.is_some_and(|until| until <= Instant::now() || self.inbox.has_news) {
                return Ok(());
            }
        }
    }

    /// Lowers the number of jobs that run at once to the number running now, because no more guards or connections
    /// are possible. Returns `None` if none is running.
    fn fewer(&mut self, why: &str, tell: ProgressSink<'_>) -> Option<()> {
        let running = self.slots.iter().filter(|slot| slot.turn.is_some()).count();
        if running == 0 {
            return None;
        }
        self.parallel = running;
        tell(Progress::Warning(format!("at most {running} at once: {why}")));
        Some(())
    }

    /// Removes from the jobs that are due those that are still running elsewhere, and makes them due again a little later. Asking
    /// about all of them at once costs the server less than having a guard try to claim each one.
    pub(super) async fn without_busy(&mut self, mut due: BTreeSet<String>) -> BTreeSet<String> {
        let Some(writer) = self.writer.as_ref().filter(|_| !self.busy.is_disjoint(&due)) else { return due };
        let asked = tokio::time::timeout(SAYING, store::freed(writer, &self.place, &self.busy));
        // If that cannot be found out now, the guards try.
        let Ok(Ok(freed)) = asked.await else { return due };
        let again = Instant::now() + AGAIN;
        for name in std::mem::take(&mut self.busy) {
            if freed.contains(&name) {
                due.insert(name);
            } else {
                due.remove(&name);
                self.due.set(&name, again);
                self.busy.insert(name);
            }
        }
        due
    }

    /// Takes in an event of a guard; `None` means that the guard is gone.
    async fn take(
        &mut self,
        slot: usize,
        event: Option<Event>,
        run_options: &RunOptions,
        pass: &mut Pass,
        tell: ProgressSink<'_>,
    ) {
        let Some(key) = self.slots[slot].turn else { return };
        let Some(turn) = self.queue.get_mut(key) else { return };
        let job = turn.job.clone();
        let (outcome, next_run, rest) = match event {
            Some(Event::Done { outcome, next_run, rest }) => (outcome, next_run, rest),
            Some(Event::Beat) => return,
            Some(Event::Recording) => {
                self.slots[slot].is_recording = true;
                return;
            }
            Some(Event::Hook { hook }) => {
                self.hooks.push(job, hook, &self.setup);
                return;
            }
            Some(event) => {
                if let Event::Finished { how, .. } = &event {
                    turn.done += u32::from(how.failure.is_none());
                }
                tell(Progress::Event(&job, &event));
                self.tell_request(&job.name, &event).await;
                return;
            }
            None => {
                // The guard is gone, and with it the lock and the job's program. Processes that escaped are killed
                // here.
                let again = std::mem::replace(&mut turn.again, true);
                if let Some(next) = self.slots[slot].next.take() {
                    self.queue.put_back(next);
                }
                let signs = self.around.signs.clone();
                signs.during(self.bury(slot)).await;
                if !again && self.stopped().is_none() {
                    let name = &job.name;
                    tell(Progress::Warning(format!(
                        "job {name:?}: its guard was killed; another guard takes over"
                    )));
                    self.queue.put_back(key);
                    return;
                }
                (Outcome::Interrupted { why: "its guard was killed".into(), held: false }, None, None)
            }
        };
        if let Some(slot) = self.slots.get_mut(slot).filter(|slot| slot.turn == Some(key)) {
            (slot.turn, slot.is_recording) = (slot.next.take(), false);
        }
        if let Outcome::Broken { why, all: true, .. } = &outcome {
            self.queue.put_back(key);
            if self.fewer(why, tell).is_some() {
                return;
            }
            self.queue.drop_waiting();
        } else if let Some(Remaining::Time { through }) = rest
            && self.stopped().is_none()
        {
            // Other jobs come first. The rest of its dates is not reported as a turn of its own.
            if let Some(turn) = self.queue.get(key) {
                let dates = turn.limit.dates.or(job.max_backfill).map(|most| most.saturating_sub(turn.done));
                let limit = TurnLimit { others_wait: false, through: Some(through), dates };
                self.queue.requeue(key, limit);
            }
            return;
        } else {
            self.queue.over(key);
        }
        let busy = matches!(outcome, Outcome::Ongoing { .. } | Outcome::Locked);
        if busy && run_options.stop_when_ongoing {
            self.queue.drop_waiting();
        }
        let then = match &outcome {
            Outcome::Ongoing { free_in, .. } => {
                Some(Instant::now() + free_in.map_or(AGAIN, |t| t.max(AGAIN)))
            }
            Outcome::Full { .. }
            | Outcome::Locked
            | Outcome::Interrupted { held: false, .. }
            | Outcome::Broken { all: true, .. } => Some(Instant::now() + AGAIN),
            // An error that concerns only this job will not go away within a second.
            Outcome::Broken { .. } => None,
            // The saved result is recorded before the next look at the tables, which also finds the rest of the
            // job's dates.
            Outcome::Unrecorded { .. } => None,
            _ if rest.is_some() => None,
            _ => next_run.map(|next| self.clock.at(next)),
        };
        match outcome {
            Outcome::Ongoing { free_in: None, .. } => self.busy.insert(job.name.clone()),
            _ => self.busy.remove(&job.name),
        };
        match then {
            Some(then) if self.stays => self.due.set(&job.name, then),
            _ => self.due.forget(&job.name),
        }
        self.end_request(&job.name, &outcome).await;
        pass.add(&outcome);
        tell(Progress::Outcome(&job, &outcome));
    }
}

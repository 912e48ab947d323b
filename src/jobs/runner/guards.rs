//! The guards of a runner, one for each turn that runs, and the messages between them and the runner.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::select_all;

use super::passes::Runner;
use crate::error::Result;
use crate::helper::{HelperHandle, Kind};
use crate::jobs::process;
use crate::jobs::queue::Turn;
use crate::jobs::talk::{Event, Order, ProgressSink};
use crate::session::Writer;

/// The size in bytes of a job that fits into any pipe, together with the rest of its order.
const SMALL: usize = 3 << 10;
/// How long a guard may be silent, in addition to the lease of its job.
const SILENCE: Duration = Duration::from_secs(25);

/// A guard, and what it is doing.
pub(super) struct Slot {
    pub(super) guard: HelperHandle,
    /// The turn that it is working on.
    pub(super) turn: Option<u64>,
    /// Whether all that remains of that turn is to record it.
    pub(super) is_recording: bool,
    /// The turn that it will work on after that.
    pub(super) next: Option<u64>,
    pub(super) heard: Instant,
    pub(super) told_to_stop: bool,
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    pub(super) async fn new_slot(&mut self) -> Result<usize> {
        if self.others.is_none() {
            self.others = Some(process::children());
        }
        let mut guard = HelperHandle::start(Kind::Guard)?;
        guard.order(&self.setup).await?;
        self.slots.push(Slot {
            guard,
            turn: None,
            is_recording: false,
            next: None,
            heard: Instant::now(),
            told_to_stop: false,
        });
        Ok(self.slots.len() - 1)
    }

    /// Returns a guard that has nothing to do, starting one if needed.
    pub(super) async fn free_slot(&mut self) -> Result<usize> {
        // A guard that was killed while it had nothing to do has harmed no job.
        while let Some(gone) =
            self.slots.iter_mut().position(|slot| slot.turn.is_none() && slot.guard.is_gone())
        {
            self.bury(gone).await;
        }
        match self.slots.iter().position(|slot| slot.turn.is_none()) {
            Some(free) => Ok(free),
            None => self.new_slot().await,
        }
    }

    /// Returns a guard that only has to record its turn, and so may be ordered the next turn already. If there are
    /// several guards, there is none: the turn goes to the first one that becomes free. The order must fit into a
    /// pipe: a guard that does not read it yet may itself be blocked writing a message that the runner does not
    /// read.
    pub(super) fn soon_free(&self) -> Option<usize> {
        let soon = self.slots.iter().position(|slot| slot.is_recording && slot.next.is_none());
        let fits = |turn: &Turn| serde_json::to_vec(&*turn.job).is_ok_and(|job| job.len() < SMALL);
        soon.filter(|_| self.parallel == 1 && self.queue.first().is_some_and(fits))
    }

    /// Hands a turn to a guard that has nothing to do, or that only has to record its previous turn.
    pub(super) async fn hand_out(&mut self, key: u64, soon: Option<usize>) -> Result<()> {
        let slot = match soon {
            Some(slot) => slot,
            None => self.free_slot().await?,
        };
        let others_wait = self.stays || self.queue.len() > 1 + usize::from(soon.is_some());
        let Some(turn) = self.queue.get_mut(key) else { return Ok(()) };
        turn.limit.others_wait = others_wait;
        let order = Order::Run { job: Box::new((*turn.job).clone()), mode: turn.mode, limit: turn.limit };
        let slot = &mut self.slots[slot];
        if soon.is_some() {
            slot.next = Some(key);
        } else {
            (slot.turn, slot.heard, slot.told_to_stop) = (Some(key), Instant::now(), false);
        }
        slot.guard.order(&order).await
    }

    /// Returns the next event of a busy guard, with `None` as the event if the guard is gone. Returns `None` on a
    /// signal, or when it is time to look again.
    pub(super) async fn hear(
        &mut self,
        until: Option<Instant>,
        tell: ProgressSink<'_>,
    ) -> Option<(usize, Option<Event>)> {
        let mut stop = self.stop.clone();
        let stopped = self.stopped().is_some();
        let busy: Vec<usize> = (0..self.slots.len()).filter(|i| self.slots[*i].turn.is_some()).collect();
        let listening = self.slots.iter_mut().filter(|slot| slot.turn.is_some());
        let each = listening.map(|slot| Box::pin(slot.guard.next::<Event>()));
        let second = Duration::from_secs(1);
        let second = Instant::now() + self.around.signs.period().map_or(second, |period| period.min(second));
        let until = until.map_or(second, |until| until.min(second));
        let heard = tokio::select! {
            (event, which, _) = select_all(each) => Some((busy[which], event)),
            () = self.hooks.ended(tell) => None,
            () = self.inbox.news(self.writer.as_ref()) => None,
            _ = stop.wait_for(Option::is_some), if !stopped => None,
            () = tokio::time::sleep_until(until.into()) => None,
        };
        if let Some((slot, event)) = heard {
            self.slots[slot].heard = Instant::now();
            // A guard whose messages cannot be understood is treated as gone.
            return Some((slot, event.unwrap_or_default()));
        }
        for (i, slot) in self.slots.iter_mut().enumerate() {
            let Some(turn) = slot.turn.and_then(|key| self.queue.get(key)) else { continue };
            if slot.heard.elapsed() > turn.job.lease + SILENCE + turn.job.kill_after {
                slot.guard.kill().await;
                return Some((i, None));
            }
        }
        None
    }

    pub(super) async fn tell_to_stop(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.turn.is_some() && !slot.told_to_stop) {
            slot.told_to_stop = true;
            // A guard that is gone is noticed when its events end.
            let _ = slot.guard.order(&Order::Stop).await;
        }
    }

    /// Forgets a guard that is gone, and kills the processes that its job has left behind: as orphans they become
    /// our children.
    pub(super) async fn bury(&mut self, slot: usize) {
        let mut gone = self.slots.remove(slot);
        gone.guard.kill().await;
        let mut keep = self.hooks.guards();
        keep.extend(self.slots.iter().map(|slot| slot.guard.pid().cast_signed()));
        // `others` was set when the first guard was started.
        process::sweep_but(&keep, self.others.as_ref().unwrap_or(&BTreeSet::new())).await;
    }
}

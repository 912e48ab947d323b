//! The guards of a runner: one for each turn that runs, and what is said between them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::select_all;

use super::passes::Runner;
use crate::error::Result;
use crate::helper::{Kind, Teller};
use crate::jobs::process;
use crate::jobs::queue::Turn;
use crate::jobs::talk::{Event, Order};
use crate::session::Writer;

/// What fits into any pipe, in bytes, with what goes around it.
const SMALL: usize = 3 << 10;
/// What a guard may be silent for beyond the lease of its job.
const SILENCE: Duration = Duration::from_secs(25);

/// A guard, and what it does.
pub(super) struct Slot {
    pub(super) guard: Teller,
    /// The turn that it sees to.
    pub(super) turn: Option<u64>,
    /// All that is left of it is its record.
    pub(super) is_recording: bool,
    /// The one that it sees to after that.
    pub(super) next: Option<u64>,
    pub(super) heard: Instant,
    pub(super) told_to_stop: bool,
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    pub(super) async fn new_slot(&mut self) -> Result<usize> {
        let mut guard = Teller::start(Kind::Guard)?;
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

    /// A guard that has nothing to do.
    pub(super) async fn free_slot(&mut self) -> Result<usize> {
        // One that was killed meanwhile has done no job any harm.
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

    /// A guard that has nothing left to do but a record, where the next turn may be ordered now. Where there are several guards,
    /// whichever is free first has it. The order must fit into a pipe: who does not read it may tell something that nobody hears.
    pub(super) fn soon_free(&self) -> Option<usize> {
        let soon = self.slots.iter().position(|slot| slot.is_recording && slot.next.is_none());
        let fits = |turn: &Turn| serde_json::to_vec(&*turn.job).is_ok_and(|job| job.len() < SMALL);
        soon.filter(|_| self.parallel == 1 && self.queue.first().is_some_and(fits))
    }

    /// Hands a turn to a guard that has nothing to do, or only a record.
    pub(super) async fn hand_out(&mut self, key: u64, soon: Option<usize>) -> Result<()> {
        let slot = match soon {
            Some(slot) => slot,
            None => self.free_slot().await?,
        };
        let others_wait = self.stays || self.queue.len() > 1 + usize::from(soon.is_some());
        let Some(turn) = self.queue.get_mut(key) else { return Ok(()) };
        turn.share.others_wait = others_wait;
        let order = Order::Run { job: Box::new((*turn.job).clone()), mode: turn.mode, share: turn.share };
        let slot = &mut self.slots[slot];
        if soon.is_some() {
            slot.next = Some(key);
        } else {
            (slot.turn, slot.heard, slot.told_to_stop) = (Some(key), Instant::now(), false);
        }
        slot.guard.order(&order).await
    }

    /// What a busy guard tells next; a guard that is gone tells nothing more. `None`: a signal, or time to look again.
    pub(super) async fn hear(&mut self, until: Option<Instant>) -> Option<(usize, Option<Event>)> {
        let mut stop = self.stop.clone();
        let stopped = self.stopped().is_some();
        let busy: Vec<usize> = (0..self.slots.len()).filter(|i| self.slots[*i].turn.is_some()).collect();
        let listening = self.slots.iter_mut().filter(|slot| slot.turn.is_some());
        let each = listening.map(|slot| Box::pin(slot.guard.next::<Event>()));
        let second = Instant::now() + Duration::from_secs(1);
        let until = until.map_or(second, |until| until.min(second));
        let heard = tokio::select! {
            (event, which, _) = select_all(each) => Some((busy[which], event)),
            _ = stop.wait_for(Option::is_some), if !stopped => None,
            () = tokio::time::sleep_until(until.into()) => None,
        };
        if let Some((slot, event)) = heard {
            self.slots[slot].heard = Instant::now();
            // A guard that cannot be understood is as good as gone.
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
            // One that is gone is seen when it tells nothing more.
            let _ = slot.guard.order(&Order::Stop).await;
        }
    }

    /// Forgets a guard that is gone, and ends what its job has left behind: orphans become our children.
    pub(super) async fn bury(&mut self, slot: usize) {
        let mut gone = self.slots.remove(slot);
        gone.guard.kill().await;
        let keep: BTreeSet<i32> = self.slots.iter().map(|slot| slot.guard.pid().cast_signed()).collect();
        process::sweep_but(&keep, &self.others).await;
    }
}

//! Signs of life of a runner that keeps running, for a service manager. They come from the runner's own loop, so they
//! stop if the loop hangs.

use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::passes::Runner;
use crate::error::Result;
use crate::session::Writer;

/// How long a single step of the loop may take. Opening a session and reading the tables may take 90 s each.
const STEP: Duration = Duration::from_secs(240);

/// What a runner is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign<'a> {
    /// It does the same as before: a step of its loop takes a while.
    Alive,
    /// It waits, because it cannot use the server, for this reason.
    Waiting(&'a str),
    /// It has looked at the tables, and hands out what is due.
    Serving {
        /// How many jobs it looks after.
        jobs: usize,
        /// How many of them are running.
        running: usize,
        /// How many of them are due, but wait for other jobs to end.
        waiting: usize,
        /// The job that is due next, and when.
        next: Option<(&'a str, Timestamp)>,
    },
    /// It was told to stop, and ends what runs.
    Stopping,
}

/// Receives signs of life.
type SignSink = Rc<dyn Fn(Sign<'_>)>;

/// The receiver of signs of life, and how often it wants them.
#[derive(Clone, Default)]
pub struct Signs(Option<(Duration, SignSink)>);

impl fmt::Debug for Signs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signs").field(&self.period()).finish()
    }
}

impl Signs {
    /// Creates signs that are passed to `to`, at least once per `period` while the runner lives.
    pub fn new(period: Duration, to: impl Fn(Sign<'_>) + 'static) -> Signs {
        Signs(Some((period, Rc::new(to))))
    }

    /// Returns the longest time between two signs; `None` if there is no receiver.
    pub(super) fn period(&self) -> Option<Duration> {
        self.0.as_ref().map(|(period, _)| *period)
    }

    pub(super) fn give(&self, sign: Sign<'_>) {
        if let Some((_, to)) = &self.0 {
            to(sign);
        }
    }

    /// Waits until the next sign is due; forever if there is no receiver.
    pub(super) async fn next(&self) {
        match self.period() {
            Some(period) => tokio::time::sleep(period).await,
            None => std::future::pending().await,
        }
    }

    /// Awaits a step of the loop, and gives signs meanwhile. A step that takes longer than [`STEP`] counts as hung: there
    /// are no more signs then.
    pub(super) async fn during<T>(&self, step: impl Future<Output = T>) -> T {
        self.during_at_most(STEP, step).await
    }

    async fn during_at_most<T>(&self, time: Duration, step: impl Future<Output = T>) -> T {
        let mut step = std::pin::pin!(step);
        let hangs = tokio::time::Instant::now() + time;
        loop {
            tokio::select! {
                done = &mut step => return done,
                () = self.next(), if tokio::time::Instant::now() < hangs => self.give(Sign::Alive),
            }
        }
    }
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Gives a sign that the loop is working. Only a runner that keeps running gives any.
    pub(super) fn sign(&self) {
        if !self.stays || self.around.signs.period().is_none() {
            return;
        }
        let next = self.due.first().map(|(name, at)| (name, self.clock.time(at)));
        self.around.signs.give(match &self.away {
            _ if self.stopped().is_some() => Sign::Stopping,
            Some(why) => Sign::Waiting(why),
            None => Sign::Serving {
                jobs: self.jobs,
                running: self.queue.running(),
                waiting: self.queue.len() - self.queue.running(),
                next,
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_step_that_hangs_gives_no_more_signs() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (count, late) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (counted, counted_late) = (count.clone(), late.clone());
        let begun = std::time::Instant::now();
        let signs = Signs::new(Duration::from_millis(2), move |sign| {
            assert_eq!(sign, Sign::Alive);
            counted.set(counted.get() + 1);
            // The last one may be due just before the time is over.
            counted_late.set(counted_late.get() + u32::from(begun.elapsed() > Duration::from_secs(2)));
        });
        let step = async { tokio::time::sleep(Duration::from_secs(3)).await };
        runtime.block_on(signs.during_at_most(Duration::from_millis(100), step));
        assert!(count.get() >= 2, "{count:?}");
        assert_eq!(late.get(), 0);
    }
}

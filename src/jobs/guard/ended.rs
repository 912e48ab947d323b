//! The possible ends of an attempt, and what is recorded of them.

use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::jobs::claim::Attempt;
use crate::jobs::output::Captured;
use crate::jobs::talk::{Failure, Order, Remaining};

/// The result of a job's work, before anything is recorded.
pub(super) struct Done {
    pub(super) failure: Option<Failure>,
    pub(super) output: Captured,
    pub(super) took: Duration,
}

impl Done {
    /// Returns a result with no failure and no output, after work that took this long.
    pub(super) fn nothing(took: Duration) -> Done {
        Done { failure: None, output: Captured::default(), took }
    }
}

/// How an attempt ended.
pub(super) enum Ended {
    /// It ran to its end; its result has yet to be recorded.
    Ran(Done),
    /// It succeeded and was recorded in the same transaction. If another date follows, this has its attempt.
    Committed(Done, Option<Attempt>),
    /// It was cut off by a crash or because it was told to stop, which is no failure.
    Interruption(Interruption, Done),
    /// Another guard has taken over the job, or its claim was reset.
    Stolen(Done),
    /// Nothing of the job has run, because its pending claim was refused, or the connection was lost before the claim was
    /// made.
    Unclaimed(Error),
    /// Part of it may still be running, for this reason, and the guard does not wait for that any longer. The claim
    /// stays; the next process that wants to run the job resolves it.
    Left(Done, String),
}

impl Ended {
    /// Returns the same end, of an attempt that printed this.
    pub(super) fn with_output(self, output: Captured) -> Ended {
        let with = |work: Done| Done { output, ..work };
        match self {
            Ended::Ran(work) => Ended::Ran(with(work)),
            Ended::Committed(work, next) => Ended::Committed(with(work), next),
            Ended::Interruption(interruption, work) => Ended::Interruption(interruption, with(work)),
            Ended::Stolen(work) => Ended::Stolen(with(work)),
            Ended::Left(work, why) => Ended::Left(with(work), why),
            Ended::Unclaimed(error) => Ended::Unclaimed(error),
        }
    }
}

/// Why an attempt was cut off.
pub(super) struct Interruption {
    pub(super) why: String,
    /// Whether a crash of the runner, the server or the network was the reason.
    pub(super) is_crash: bool,
    /// Whether some of its work may have been done.
    pub(super) has_begun: bool,
}

impl Interruption {
    pub(super) fn crash(why: impl Into<String>) -> Interruption {
        Interruption { why: why.into(), is_crash: true, has_begun: true }
    }

    pub(super) fn stop(why: impl Into<String>) -> Interruption {
        Interruption { why: why.into(), is_crash: false, has_begun: true }
    }

    /// Returns the same reason, for an attempt that was cut off before any of its work was done.
    pub(super) fn unbegun(self) -> Interruption {
        Interruption { has_begun: false, ..self }
    }
}

/// Why a running job is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its time limit was reached.
    Timeout,
    /// The runner has told the guard to stop.
    Stop,
    /// The runner is gone.
    Alone,
    /// The server was not heard for as long as the lease lasts.
    Lease,
    /// Another process has taken the job over, or has reset it.
    Stolen,
    /// The process that contained its program was killed.
    Cut,
}

impl Cause {
    /// Processes a message of the runner to a guard whose job is running. Sets `stopping` if it is the order to stop,
    /// and `alone` if the runner is gone. Returns the cause if the job must end because of that.
    pub(super) fn heard(
        order: Result<Option<Order>>,
        stopping: &mut bool,
        alone: &mut bool,
    ) -> Option<Cause> {
        match order {
            Ok(Some(Order::Stop)) => {
                *stopping = true;
                Some(Cause::Stop)
            }
            Ok(Some(_)) => None,
            Ok(None) | Err(_) => {
                *alone = true;
                Some(Cause::Alone)
            }
        }
    }
}

/// One date of a turn, and what follows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Date {
    pub(super) date: Timestamp,
    /// The next date of the same turn, if there is one.
    pub(super) following: Option<Timestamp>,
    /// If no date follows in this turn: why dates that are due are left over, or `None` if none are.
    pub(super) rest: Option<Remaining>,
}

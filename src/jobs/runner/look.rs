//! Looking at the tables: opening the session for planning, and reading what is known about the jobs.

use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, Unit};
use tokio::sync::watch;

use super::passes::{AGAIN, Away, Runner, Surroundings};
use super::signs::Sign;
use crate::error::{Error, Exit, Result};
use crate::jobs::job::Job;
use crate::jobs::session::own_target;
use crate::jobs::states;
use crate::jobs::store::{self, Place, Snapshot};
use crate::jobs::tables::{self, Where};
use crate::jobs::talk::{ProgressSink, Setup};
use crate::session::Writer;

/// How long reading the tables may take: on a connection that is dead but was not closed it would take forever.
const LOOK: Duration = Duration::from_secs(90);

/// A reading of the server's clock, and the instant on our clock at which it was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) server: Timestamp,
    pub(super) here: Instant,
}

impl Clock {
    /// Returns the instant on our clock at which the server's clock will show this time; if that is past, the
    /// instant of the reading.
    pub(super) fn at(&self, then: Timestamp) -> Instant {
        let ahead = Duration::try_from(then.duration_since(self.server)).unwrap_or_default();
        // crontabber compares strictly, so its jobs are due only after their instant has passed.
        self.here.checked_add(ahead + Duration::from_millis(1)).unwrap_or(self.here)
    }

    /// Returns what the server's clock will show at this instant on our clock, to the second.
    pub(super) fn time(&self, at: Instant) -> Timestamp {
        let ahead =
            SignedDuration::try_from(at.saturating_duration_since(self.here)).unwrap_or(SignedDuration::MAX);
        let time = self.server.saturating_add(ahead).unwrap_or(Timestamp::MAX);
        time.round(Unit::Second).unwrap_or(time)
    }
}

/// What the tables say about the jobs.
pub(super) struct Seen {
    snapshot: Snapshot,
    /// When they were asked, on this machine's clock.
    here: Instant,
}

impl Seen {
    async fn now(writer: &Writer, place: &Place) -> Result<Seen> {
        let here = Instant::now();
        Ok(Seen { snapshot: states::read(writer, place).await?, here })
    }
}

/// A new session for planning, the tables that it has found, and what they say. A runner begins with it.
pub struct FirstLook {
    pub(super) writer: Writer,
    pub(super) place: Place,
    /// See [`tables::open_identified`].
    identity: String,
    pub(super) seen: Seen,
}

impl FirstLook {
    /// Looks at these tables over a session that `connect` opens, unless `stop` receives a signal first.
    ///
    /// Errors: the tables are missing or must not be used (65), the server is a standby or does not answer (69), a signal.
    pub async fn take(
        connect: &impl AsyncFn() -> Result<Writer>,
        wanted: Where<'_>,
        stop: &watch::Receiver<Option<Exit>>,
    ) -> Result<FirstLook> {
        let take = async {
            let writer = connect().await?;
            let (place, identity) = tables::open_identified(&writer, wanted).await?;
            let seen = Seen::now(&writer, &place).await?;
            Ok(FirstLook { writer, place, identity, seen })
        };
        unless_stopped(stop, take).await
    }

    /// Works like [`FirstLook::take`], but waits for a server that cannot be reached.
    pub async fn when_there(
        connect: &impl AsyncFn() -> Result<Writer>,
        around: &Surroundings,
        stop: &watch::Receiver<Option<Exit>>,
        tell: ProgressSink<'_>,
    ) -> Result<FirstLook> {
        let mut away = Away::default();
        loop {
            match around.signs.during(FirstLook::take(connect, around.wanted(), stop)).await {
                Err(e) if Away::is_such(&e) && stop.borrow().is_none() => {
                    away.tell(&e, tell);
                    around.signs.give(Sign::Waiting(&e.one_line()));
                    let _ = tokio::time::timeout(AGAIN, stop.clone().wait_for(Option::is_some)).await;
                }
                Err(e) => {
                    around.signs.give(Sign::Stopping);
                    return Err(e);
                }
                taken => return taken,
            }
        }
    }

    /// Returns what a guard must know.
    pub(super) fn setup(&self, around: &Surroundings) -> Setup {
        let writer = &self.writer;
        Setup {
            target: own_target(writer.target(), writer.version(), writer.watches_client(), writer.role()),
            schema: self.place.schema.clone(),
            folder: around.folder.clone(),
            spool: around.spool.clone(),
            place: self.identity.clone(),
            host: around.host.clone(),
            echo: around.echo,
            environment: around.environment.clone(),
            user: around.user.clone(),
        }
    }
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Reads what is known about the jobs now. Records those that are seen for the first time.
    ///
    /// Errors: the connection is lost and no other can be opened (69); a signal.
    pub(super) async fn look(&mut self, jobs: &[Rc<Job>]) -> Result<Snapshot> {
        let mut seen = self.seen.take();
        if self.writer.as_ref().is_none_or(Writer::is_lost) {
            self.writer = None;
            let first = FirstLook::take(&self.connect, self.around.wanted(), &self.stop).await?;
            self.setup = first.setup(&self.around);
            (self.writer, self.place, seen) = (Some(first.writer), first.place, Some(first.seen));
            self.inbox.listens = false;
        }
        let Some(writer) = &self.writer else { return Err(Error::bug("missing session")) };
        let looked = looked(writer, &mut self.place, &self.around, jobs, seen);
        match unless_stopped(&self.stop, looked).await {
            Ok(Seen { snapshot, here }) => {
                self.clock = Clock { server: snapshot.now, here };
                Ok(snapshot)
            }
            Err(e) => {
                // Dropping the session ends whatever it is in the middle of.
                self.writer = None;
                Err(e)
            }
        }
    }
}

/// Looks at the tables, unless `seen` is what they have just said. Records jobs that are new.
async fn looked(
    writer: &Writer,
    place: &mut Place,
    around: &Surroundings,
    jobs: &[Rc<Job>],
    seen: Option<Seen>,
) -> Result<Seen> {
    let mut seen = match seen {
        Some(seen) => seen,
        None => Seen::now(writer, place).await?,
    };
    if seen.snapshot.shape.as_ref() != Some(&place.shape) {
        // The tables, or the rights on them, have changed since they were checked.
        let wanted = Where { schema: Some(&place.schema), owner: around.owner.as_deref() };
        *place = tables::place(writer, wanted).await?;
    }
    // The guard trigger needs each job's max_ongoing_age for claims of other programs, so it is stored whenever it
    // is new or changed.
    let is_known = |job: &Job| {
        let known = seen.snapshot.jobs.get(&job.name).and_then(|stored| stored.max_ongoing_age_s);
        known.is_some_and(|seconds| (seconds - job.max_ongoing_age.as_secs_f64()).abs() < 0.001)
    };
    let new = jobs.iter().map(Rc::as_ref).filter(|job| !is_known(job));
    if store::first_seen(writer, place, new).await? {
        seen = Seen::now(writer, place).await?;
    }
    // A parent whose schedule was changed must not hold up other jobs by its old schedule.
    store::replan(writer, place, jobs.iter().map(Rc::as_ref), &mut seen.snapshot).await?;
    Ok(seen)
}

/// Awaits work for at most [`LOOK`], unless a signal comes first. Errors: a signal, or its time is over (69).
pub async fn unless_stopped<T>(
    stop: &watch::Receiver<Option<Exit>>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut stop = stop.clone();
    tokio::select! {
        done = work => done,
        exit = async { stop.wait_for(Option::is_some).await.map(|exit| *exit) } => {
            Err(Error::new(exit.ok().flatten().unwrap_or(Exit::Terminated), "stopped by a signal"))
        }
        () = tokio::time::sleep(LOOK) => {
            Err(Error::new(Exit::Unavailable, "the server does not answer"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_servers_is_one_of_ours_whatever_clock_the_machine_has() {
        let here = Instant::now();
        let clock = Clock { server: Timestamp::UNIX_EPOCH, here };
        let at = |ms: i64| clock.at(Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms));
        assert_eq!(at(500), here + Duration::from_millis(501));
        assert!(at(-5000) <= here + Duration::from_millis(1));
        assert_eq!(clock.time(at(7000)), Timestamp::UNIX_EPOCH + SignedDuration::from_secs(7));
    }
}

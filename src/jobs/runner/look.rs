//! Looking at the tables: opening the session for planning, and reading what is known about the jobs.

use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, Unit};
use tokio::sync::watch;

use super::passes::{Runner, Surroundings};
use crate::error::{Error, Exit, Result};
use crate::jobs::job::Job;
use crate::jobs::session::own_target;
use crate::jobs::states;
use crate::jobs::store::{self, Place, Snapshot};
use crate::jobs::tables::{self, Where};
use crate::jobs::talk::Setup;
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

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Reads what is known about the jobs now. Records those that are seen for the first time.
    ///
    /// Errors: the connection is lost and no other can be opened (69); a signal.
    pub(super) async fn look(&mut self, jobs: &[Rc<Job>]) -> Result<Snapshot> {
        if self.writer.as_ref().is_none_or(Writer::is_lost) {
            self.writer = None;
            let opened = unless_stopped(&self.stop, opened(&self.connect, &self.around)).await?;
            (self.writer, self.place, self.setup) = (Some(opened.0), opened.1, opened.2);
            self.inbox.listens = false;
        }
        let Some(writer) = &self.writer else { return Err(Error::bug("missing session")) };
        let here = Instant::now();
        let looked = unless_stopped(&self.stop, looked(writer, &mut self.place, &self.around, jobs)).await;
        match &looked {
            Ok(snapshot) => self.clock = Clock { server: snapshot.now, here },
            // Dropping the session ends whatever it is in the middle of.
            Err(_) => self.writer = None,
        }
        looked
    }
}

/// Opens a session, and collects what a guard must know.
pub(super) async fn opened<C: AsyncFn() -> Result<Writer>>(
    connect: &C,
    around: &Surroundings,
) -> Result<(Writer, Place, Setup)> {
    let writer = connect().await?;
    let wanted = Where { schema: around.schema.as_deref(), owner: around.owner.as_deref() };
    let (place, identity) = tables::open_identified(&writer, wanted).await?;
    let setup = Setup {
        target: own_target(writer.target(), writer.version(), writer.watches_client(), writer.role()),
        schema: place.schema.clone(),
        folder: around.folder.clone(),
        spool: around.spool.clone(),
        place: identity,
        host: around.host.clone(),
        echo: around.echo,
        environment: around.environment.clone(),
        user: around.user.clone(),
    };
    Ok((writer, place, setup))
}

async fn looked(
    writer: &Writer,
    place: &mut Place,
    around: &Surroundings,
    jobs: &[Rc<Job>],
) -> Result<Snapshot> {
    let snapshot = states::read(writer, place).await?;
    if snapshot.shape.as_ref() != Some(&place.shape) {
        // The tables, or the rights on them, have changed since they were checked.
        let wanted = Where { schema: Some(&place.schema), owner: around.owner.as_deref() };
        *place = tables::place(writer, wanted).await?;
    }
    // The guard trigger needs each job's max_ongoing_age for claims of other programs, so it is stored whenever it
    // is new or changed.
    let is_known = |job: &Job| {
        let known = snapshot.jobs.get(&job.name).and_then(|stored| stored.max_ongoing_age_s);
        known.is_some_and(|seconds| (seconds - job.max_ongoing_age.as_secs_f64()).abs() < 0.001)
    };
    let new = jobs.iter().map(Rc::as_ref).filter(|job| !is_known(job));
    let mut snapshot = match store::first_seen(writer, place, new).await? {
        true => states::read(writer, place).await?,
        false => snapshot,
    };
    // A parent whose schedule was changed must not hold up other jobs by its old schedule.
    store::replan(writer, place, jobs.iter().map(Rc::as_ref), &mut snapshot).await?;
    Ok(snapshot)
}

/// Awaits work for at most [`LOOK`], unless a signal comes first. Errors: a signal, or its time is over (69).
pub(super) async fn unless_stopped<T>(
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

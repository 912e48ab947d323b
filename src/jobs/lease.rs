//! A running job's lease: a ping every second, and the end of the job where none is answered for too long.

use std::cell::Cell;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::claim::Claim;
use super::job::Job;
use super::process::{self, boot_time};
use super::session::{Session, Statement, named, plain};
use super::store::lock_key;
use crate::error::Exit;

/// How often the server is asked.
const PULSE: Duration = Duration::from_secs(1);
/// How long to wait before a lost server is tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// crontabber's own idea of how old a claim may get (`max_ongoing_age_hours`).
const FOREIGN_AGE: Duration = Duration::from_secs(12 * 3600);
/// What comes on top of the lease before the kernel kills a guard that does not see to it itself.
const LAST_RESORT: Duration = Duration::from_secs(1);

/// Why a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The server was not heard for as long as the lease.
    Expired,
    /// The job's row carries another claim.
    Stolen,
}

/// What is kept.
pub struct Keeper<'a> {
    job: &'a Job,
    claim: &'a Claim,
    /// Its advisory lock.
    key: String,
    /// `None` while it is lost.
    session: &'a mut Option<Session>,
    resort: &'a mut LastResort,
    /// The program's process; `None`: it has yet to be started.
    pub leader: Option<i32>,
    /// When the last request was sent that the server has answered, on [`boot_time`]'s clock.
    heard: Duration,
}

/// Has the kernel kill this process, even a stopped one, when a lease is over and nobody has seen to it.
pub struct LastResort {
    #[cfg(target_os = "linux")]
    timer: Option<nix::sys::timer::Timer>,
    #[cfg(target_os = "linux")]
    is_set: bool,
}

#[cfg(target_os = "linux")]
impl LastResort {
    /// One that threatens nobody yet.
    pub fn new() -> LastResort {
        use nix::sys::signal::{SigEvent, SigevNotify};
        let kill = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 });
        let timer = nix::sys::timer::Timer::new(nix::time::ClockId::CLOCK_BOOTTIME, kill).ok();
        LastResort { timer, is_set: false }
    }

    /// A program may run for this lease, of which the server was heard at that instant of [`boot_time`].
    pub fn watch(&mut self, lease: Duration, heard: Duration) {
        let left = (heard + lease + LAST_RESORT).saturating_sub(boot_time());
        // None at all would be none forever.
        self.set(left.max(Duration::from_millis(1)));
    }

    /// No program runs.
    pub fn rest(&mut self) {
        if self.is_set {
            self.set(Duration::ZERO);
        }
    }

    fn set(&mut self, time: Duration) {
        use nix::sys::timer::{Expiration, TimerSetTimeFlags};
        self.is_set = !time.is_zero();
        if let Some(timer) = &mut self.timer {
            let _ = timer.set(Expiration::OneShot(time.into()), TimerSetTimeFlags::empty());
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl LastResort {
    /// There is no such timer here.
    pub fn new() -> LastResort {
        let _ = (Signal::SIGKILL, LAST_RESORT);
        LastResort {}
    }
    /// See above.
    pub fn watch(&mut self, _: Duration, _: Duration) {}
    /// See above.
    pub fn rest(&mut self) {}
    fn set(&mut self, _: Duration) {}
}

impl Default for LastResort {
    fn default() -> LastResort {
        LastResort::new()
    }
}

impl<'a> Keeper<'a> {
    /// Of a job that is claimed over this session, of which the server was heard at that instant of [`boot_time`].
    pub fn new(
        job: &'a Job,
        claim: &'a Claim,
        schema: &str,
        session: &'a mut Option<Session>,
        resort: &'a mut LastResort,
        heard: Duration,
    ) -> Keeper<'a> {
        let key = lock_key(schema, &job.name).to_string();
        Keeper { job, claim, key, session, resort, leader: None, heard }
    }

    /// Keeps the lease until it is lost. `connect` opens a session anew; `beat` is called at each answer. May be
    /// dropped at any moment.
    pub async fn keep(
        &mut self,
        connect: impl AsyncFn() -> crate::error::Result<Session>,
        beat: impl Fn(),
    ) -> Loss {
        self.resort.watch(self.job.lease, self.heard);
        let mut noted = false;
        loop {
            // A short program is over by then.
            tokio::time::sleep((self.heard + PULSE).saturating_sub(boot_time())).await;
            if let Err(loss) = self.hear(&connect).await {
                // Whoever kept it has the program killed now, and some time to record that.
                self.resort.set(process::HANGS + LAST_RESORT);
                return loss;
            }
            beat();
            if !noted {
                noted = self.note_leader().await;
            }
            self.renew().await;
        }
    }

    /// Says whether the job is still ours, under its lock; renews the claim where it is time.
    pub async fn look(
        &mut self,
        connect: &impl AsyncFn() -> crate::error::Result<Session>,
    ) -> Result<(), Loss> {
        self.hear(connect).await?;
        self.renew().await;
        if self.session.is_none() { self.hear(connect).await } else { Ok(()) }
    }

    /// Asks until the server answers, for as long as the lease lasts: is the job still ours?
    async fn hear(&mut self, connect: &impl AsyncFn() -> crate::error::Result<Session>) -> Result<(), Loss> {
        loop {
            let sent = boot_time();
            let left = (self.heard + self.job.lease).saturating_sub(sent);
            if left.is_zero() {
                // A server that refuses at once is asked in no time at all.
                return Err(Loss::Expired);
            }
            // Whatever it waits for, it waits no longer than the lease.
            match tokio::time::timeout(left, self.ask(connect)).await {
                Ok(Some(true)) => {
                    self.heard = sent;
                    self.resort.watch(self.job.lease, sent);
                    return Ok(());
                }
                Ok(Some(false)) => return Err(Loss::Stolen),
                Ok(None) => {}
                Err(_) => {
                    *self.session = None;
                    return Err(Loss::Expired);
                }
            }
            tokio::time::sleep(PAUSE.min(left)).await;
        }
    }

    /// Does the row still carry the claim, and is the lock ours? `None` where that cannot be told now.
    async fn ask(&mut self, connect: &impl AsyncFn() -> crate::error::Result<Session>) -> Option<bool> {
        if self.session.is_none() {
            *self.session = Some(connect().await.ok()?);
        }
        let session = self.session.as_mut()?;
        let asked = ask(session, self.job, self.claim, &self.key).await;
        asked.unwrap_or_else(|_| {
            *self.session = None;
            None
        })
    }

    /// Notes the program's process, by which others on this machine see whether it is gone. A short job does without. Says
    /// whether that was done.
    async fn note_leader(&mut self) -> bool {
        let Some(leader) = self.leader else { return true };
        let (run, pid) = (self.claim.run.to_string(), leader.to_string());
        let ticks = process::ticks(leader).map(|ticks| ticks.to_string());
        let wait = self.wait();
        let note = named("leader", vec![Some(&run), Some(&self.claim.mark), Some(&pid), ticks.as_deref()]);
        let wait = named("wait", vec![Some(&wait)]);
        self.in_passing(&[plain!("BEGIN"), wait, note, plain!("COMMIT")]).await
    }

    /// Renews the claim before a crontabber takes it for stale. Where it is not ours any more, the next ping tells.
    async fn renew(&mut self) {
        if self.claim.renewal.left().is_zero() {
            self.claim.renewal.begin();
            let wait = self.wait();
            let run = self.claim.run.to_string();
            let renewed = self.in_passing(&renewing(self.job, &run, &self.claim.mark, &wait)).await;
            self.claim.renewal.tried(self.job, renewed);
        }
    }

    /// How long what is not worth the lease waits for a lock; a renewal does so twice.
    fn wait(&self) -> String {
        format!("{}ms", (self.job.lease / 8).as_millis())
    }

    /// Runs what is not worth the lease: says whether it was done, and takes no longer than half of what is left.
    async fn in_passing(&mut self, statements: &[Statement<'_>]) -> bool {
        let left = (self.heard + self.job.lease).saturating_sub(boot_time()) / 2;
        let Some(session) = self.session.as_mut() else { return false };
        let done = async {
            match session.pipeline(statements).await {
                Ok(_) => Some(true),
                // Somebody has locked the row, say.
                Err(e) if e.exit != Exit::Unavailable => session.roll_back().await.ok().map(|()| false),
                Err(_) => None,
            }
        };
        let done = tokio::time::timeout(left, done).await.ok().flatten();
        if done.is_none() {
            *self.session = None;
        }
        done.unwrap_or_default()
    }
}

/// Does the row still carry the claim, now that the lock is ours? `None`: the lock is not.
async fn ask(
    session: &mut Session,
    job: &Job,
    claim: &Claim,
    key: &str,
) -> crate::error::Result<Option<bool>> {
    let run = claim.run.to_string();
    let mark = Some(claim.mark.as_str());
    if !session.holds_lock() {
        // The server may not know yet that our old session is gone.
        session.one(named("lock", vec![Some(key)])).await?;
        if !session.holds_lock() {
            return Ok(None);
        }
        session.pipeline(&[named("regained", vec![Some(&run), mark])]).await?;
    }
    let mine = session.one(named("ping", vec![Some(&job.name), Some(&run), mark])).await?;
    Ok(Some(mine.as_deref() == Some("t")))
}

/// What renews a claim, if the job's row still carries it; `wait` how long it waits for the row.
pub fn renewing<'a>(job: &'a Job, run: &'a str, mark: &'a str, wait: &'a str) -> [Statement<'a>; 6] {
    [
        plain!("BEGIN"),
        named("wait", vec![Some(wait)]),
        named("own_row", vec![Some(&job.name)]),
        named("as_owner", vec![Some(&job.name)]),
        named("refresh", vec![Some(&job.name), Some(run), Some(mark)]),
        plain!("COMMIT"),
    ]
}

/// When a claim is to be renewed, so that no crontabber takes it for stale.
#[derive(Debug)]
pub struct Renewal {
    due: Cell<Duration>,
    begun: Cell<bool>,
}

impl Renewal {
    /// Of a claim that was made just now.
    pub fn new(job: &Job) -> Renewal {
        Renewal { due: Cell::new(boot_time() + Renewal::period(job)), begun: Cell::new(false) }
    }

    fn period(job: &Job) -> Duration {
        job.max_ongoing_age.min(FOREIGN_AGE) / 2
    }

    /// How long until then.
    pub fn left(&self) -> Duration {
        self.due.get().saturating_sub(boot_time())
    }

    /// It is about to be tried.
    pub fn begin(&self) {
        self.begun.set(true);
    }

    /// Was it ever tried? The last time may not be over, where its session was given up.
    pub fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// It was tried just now. What hinders it may not hinder it a while later.
    pub fn tried(&self, job: &Job, done: bool) {
        let period = Renewal::period(job);
        self.due.set(boot_time() + if done { period } else { period / 10 });
    }
}

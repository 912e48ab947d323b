//! A running job's lease: a ping every second, and the end of the job where none is answered for too long.

use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde::Deserialize;

use super::process::{self, boot_time};
use super::session::{Session, first, json, named, plain};

/// How often the server is asked.
const PULSE: Duration = Duration::from_secs(1);
/// How long to wait before a lost server is tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// crontabber's own idea of how old a claim may get (`max_ongoing_age_hours`).
const FOREIGN_AGE: Duration = Duration::from_secs(12 * 3600);
/// What comes on top of the lease before the kernel kills a guard that does not do so itself.
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
    /// The session; `None` while it is lost.
    pub session: &'a mut Option<Session>,
    /// The job.
    pub job: &'a str,
    /// Its advisory lock.
    pub key: String,
    /// Its claim, which is renewed in time.
    pub token: &'a mut Timestamp,
    /// The attempt.
    pub run: i64,
    /// How long the job lives without its server.
    pub lease: Duration,
    /// How old a claim may get for this job.
    pub max_ongoing_age: Duration,
    /// The program's process.
    pub leader: i32,
}

/// Has the kernel kill this process, even a stopped one, when a lease is over and nobody has seen to it.
struct LastResort(#[cfg(target_os = "linux")] Option<nix::sys::timer::Timer>);

#[cfg(target_os = "linux")]
impl LastResort {
    fn new() -> LastResort {
        use nix::sys::signal::{SigEvent, SigevNotify};
        let kill = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 });
        LastResort(nix::sys::timer::Timer::new(nix::time::ClockId::CLOCK_BOOTTIME, kill).ok())
    }

    /// It is put off for this long.
    fn put_off(&mut self, time: Duration) {
        use nix::sys::timer::{Expiration, TimerSetTimeFlags};
        if let Some(timer) = &mut self.0 {
            let _ = timer.set(Expiration::OneShot(time.into()), TimerSetTimeFlags::empty());
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl LastResort {
    fn new() -> LastResort {
        let _ = Signal::SIGKILL;
        LastResort()
    }
    fn put_off(&mut self, _: Duration) {}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renewed {
    ongoing: Timestamp,
}

impl Keeper<'_> {
    /// Keeps the lease until it is lost. `connect` opens a session anew; `beat` is called at each answer. May be
    /// dropped at any moment.
    pub async fn keep(
        &mut self,
        connect: impl AsyncFn() -> crate::error::Result<Session>,
        beat: impl Fn(),
    ) -> Loss {
        let mut last = boot_time();
        let mut resort = LastResort::new();
        resort.put_off(self.lease + LAST_RESORT);
        let renew = self.max_ongoing_age.min(FOREIGN_AGE) / 2;
        let mut renewed = boot_time();
        let mut noted = false;
        let mut wait = PULSE;
        loop {
            tokio::time::sleep(wait).await;
            let left = self.lease.saturating_sub(boot_time().saturating_sub(last));
            if left.is_zero() {
                return Loss::Expired;
            }
            let sent = boot_time();
            // Whatever it waits for, it waits no longer than the lease.
            let Ok(answer) = tokio::time::timeout(left, self.ask(&connect)).await else {
                *self.session = None;
                return Loss::Expired;
            };
            match answer {
                Some(true) => {
                    last = sent;
                    resort.put_off(self.lease + LAST_RESORT);
                    beat();
                    wait = PULSE;
                    if !noted {
                        self.note_leader().await;
                        noted = true;
                    }
                    if boot_time().saturating_sub(renewed) >= renew {
                        self.renew().await;
                        renewed = boot_time();
                    }
                }
                Some(false) => return Loss::Stolen,
                None => {
                    *self.session = None;
                    wait = PAUSE;
                }
            }
        }
    }

    /// Does the row still carry the claim, and is the lock ours? `None` where that cannot be told now.
    async fn ask(&mut self, connect: &impl AsyncFn() -> crate::error::Result<Session>) -> Option<bool> {
        let token = self.token.to_string();
        if self.session.is_none() {
            let mut session = connect().await.ok()?;
            // The server may not know yet that our old session is gone.
            let lock = session.one(named("lock", vec![Some(&self.key)])).await.ok()?;
            if lock.as_deref() != Some("t") {
                session.close().await;
                return None;
            }
            let run = self.run.to_string();
            session.pipeline(&[named("regained", vec![Some(&run)])]).await.ok()?;
            *self.session = Some(session);
        }
        let session = self.session.as_mut()?;
        let mine = session.one(named("ping", vec![Some(self.job), Some(&token)])).await.ok()?;
        Some(mine.as_deref() == Some("t"))
    }

    /// Notes the program's process, by which others on this machine see whether it is gone. A short job does without.
    async fn note_leader(&mut self) {
        let Some(session) = self.session.as_mut() else { return };
        let (run, pid) = (self.run.to_string(), self.leader.to_string());
        let ticks = process::ticks(self.leader).map(|ticks| ticks.to_string());
        let note = [named("leader", vec![Some(&run), Some(&pid), ticks.as_deref()])];
        if session.pipeline(&note).await.is_err() {
            *self.session = None;
        }
    }

    /// Renews the claim before a crontabber takes it for stale.
    async fn renew(&mut self) {
        if let Some(session) = self.session.as_mut() {
            match renew(session, self.job, *self.token, self.run).await {
                Ok(Some(token)) => *self.token = token,
                // The next ping tells.
                Ok(None) => {}
                Err(_) => *self.session = None,
            }
        }
    }
}

/// Renews a claim, and gives the new one; `None` where the row no longer carries the old one.
pub async fn renew(
    session: &mut Session,
    job: &str,
    token: Timestamp,
    run: i64,
) -> crate::error::Result<Option<Timestamp>> {
    let (old, run) = (token.to_string(), run.to_string());
    let answers = session
        .pipeline(&[
            plain("BEGIN"),
            named("house", vec![]),
            named("as_owner", vec![Some(&old)]),
            named("refresh", vec![Some(job), Some(&old), Some(&run)]),
            plain("COMMIT"),
        ])
        .await?;
    if first(answers.get(3)).is_none() {
        return Ok(None);
    }
    json::<Renewed>(answers.get(3)).map(|renewed| Some(renewed.ongoing))
}

//! The lease of a running job: the server is pinged every second, and the job is ended if no ping is answered for
//! too long.

use std::cell::Cell;
use std::time::Duration;

use super::claim::Claim;
use super::job::Job;
use super::last_resort::{LAST_RESORT, LastResort};
use super::live_output::LiveOutput;
use super::process::{self, Tree, boot_time};
use super::session::{Session, Statement, first, named, plain};
use super::store::lock_key;
use crate::error::{Error, Exit};

/// How often the server is pinged.
pub(super) const PULSE: Duration = Duration::from_secs(1);
/// How long to wait before a lost server is tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// How old a claim may get before crontabber takes it over (`max_ongoing_age_hours`).
const FOREIGN_AGE: Duration = Duration::from_secs(12 * 3600);
/// Why a lease was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The server did not answer for as long as the lease lasts.
    Expired,
    /// The job's row carries another claim.
    Stolen,
}

/// Keeps the lease of a job.
pub struct LeaseRenewer<'a> {
    job: &'a Job,
    pub(super) claim: &'a Claim,
    /// The key of its advisory lock.
    key: String,
    /// The session; `None` while it is lost.
    pub(super) session: &'a mut Option<Session>,
    resort: &'a mut LastResort,
    /// The program's processes; `None` if it has yet to be started.
    pub tree: Option<Tree>,
    /// Copies the program's output to those who watch it; `None` if there is no program.
    pub live_output: Option<LiveOutput<'a>>,
    /// When the latest request that the server has answered was sent, on [`boot_time`]'s clock.
    heard: Duration,
}

impl<'a> LeaseRenewer<'a> {
    /// Creates the renewer for a job that was claimed over this session. `heard` is when the server was last heard,
    /// on [`boot_time`]'s clock.
    pub fn new(
        job: &'a Job,
        claim: &'a Claim,
        schema: &str,
        session: &'a mut Option<Session>,
        resort: &'a mut LastResort,
        heard: Duration,
    ) -> LeaseRenewer<'a> {
        let key = lock_key(schema, &job.name).to_string();
        LeaseRenewer { job, claim, key, session, resort, tree: None, live_output: None, heard }
    }

    /// Keeps the lease until it is lost, and then kills the program. `connect` opens a new session; `beat` is called at
    /// each answer, and `warn` with warnings. The future may be dropped at any moment.
    pub async fn keep(
        &mut self,
        connect: impl AsyncFn() -> crate::error::Result<Session>,
        beat: impl Fn(),
        warn: impl Fn(String),
    ) -> Loss {
        self.resort.watch(self.job.lease, self.heard);
        let mut noted = false;
        loop {
            // A short program has ended by then.
            tokio::time::sleep((self.heard + PULSE).saturating_sub(boot_time())).await;
            if let Err(loss) = self.hear(&connect).await {
                // This process could be stopped at any moment, so the program is killed before the timer is extended.
                if let Some(tree) = &self.tree {
                    tree.kill();
                }
                self.resort.set(process::HANGS + LAST_RESORT);
                return loss;
            }
            beat();
            if !noted {
                noted = self.note_leader().await;
            }
            self.renew().await;
            if let Some(text) = self.copy_output().await {
                warn(text);
            }
        }
    }

    /// Checks that the job is still ours, under its lock, and renews the claim if it is time.
    pub async fn look(
        &mut self,
        connect: &impl AsyncFn() -> crate::error::Result<Session>,
    ) -> Result<(), Loss> {
        self.hear(connect).await?;
        self.renew().await;
        if self.session.is_none() { self.hear(connect).await } else { Ok(()) }
    }

    /// Returns how long the lease lasts if the server is not heard again.
    pub(super) fn left(&self) -> Duration {
        (self.heard + self.job.lease).saturating_sub(boot_time())
    }

    /// Asks the server whether the job is still ours until it answers, for as long as the lease lasts.
    async fn hear(&mut self, connect: &impl AsyncFn() -> crate::error::Result<Session>) -> Result<(), Loss> {
        loop {
            let sent = boot_time();
            let left = (self.heard + self.job.lease).saturating_sub(sent);
            if left.is_zero() {
                // Without this check a server that refuses connections at once would be asked even after the lease
                // has expired.
                return Err(Loss::Expired);
            }
            // Whatever this waits for, it must not wait longer than the lease.
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

    /// Returns whether the row still carries the claim while the lock is ours; `None` if that cannot be determined
    /// now.
    async fn ask(&mut self, connect: &impl AsyncFn() -> crate::error::Result<Session>) -> Option<bool> {
        if self.session.is_none() {
            *self.session = Some(connect().await.ok()?);
        }
        let session = self.session.as_mut()?;
        let asked = ask(session, self.job, self.claim, &self.key, self.live_output.as_mut()).await;
        asked.unwrap_or_else(|_| {
            *self.session = None;
            None
        })
    }

    /// Records the program's pid, from which others on this machine can tell whether it is gone. A short job does
    /// without. Returns whether that was done.
    async fn note_leader(&mut self) -> bool {
        let Some(leader) = self.tree.as_ref().map(Tree::pid) else { return true };
        let (run, pid) = (self.claim.run.to_string(), leader.to_string());
        let ticks = process::ticks(leader).map(|ticks| ticks.to_string());
        let wait = self.wait();
        let note = named("leader", vec![Some(&run), Some(&self.claim.mark), Some(&pid), ticks.as_deref()]);
        let wait = named("wait", vec![Some(&wait)]);
        self.in_passing(&[plain!("BEGIN"), wait, note, plain!("COMMIT")]).await
    }

    /// Renews the claim if it is time, before a crontabber takes it for stale. If the claim is no longer ours, the
    /// next ping shows it.
    async fn renew(&mut self) {
        if self.claim.renewal.left().is_zero() {
            self.claim.renewal.begin();
            let wait = self.wait();
            let run = self.claim.run.to_string();
            let renewed = self.in_passing(&renewing(self.job, &run, &self.claim.mark, &wait)).await;
            self.claim.renewal.tried(self.job, renewed);
        }
    }

    /// Returns how long a statement that must not endanger the lease waits for a lock; a renewal does so twice.
    fn wait(&self) -> String {
        format!("{}ms", (self.job.lease / 8).as_millis())
    }

    /// Runs statements that must not endanger the lease, within half of the time left. Returns whether they were
    /// run.
    async fn in_passing(&mut self, statements: &[Statement<'_>]) -> bool {
        self.tried_in_passing(statements).await.is_ok()
    }

    /// Works like [`LeaseRenewer::in_passing`]. Errors: why they were not run.
    pub(super) async fn tried_in_passing(
        &mut self,
        statements: &[Statement<'_>],
    ) -> crate::error::Result<()> {
        let lost = || Error::new(Exit::Unavailable, "the server did not answer in time");
        let left = self.left() / 2;
        let session = self.session.as_mut().ok_or_else(lost)?;
        // Whether the session can still be used, and whether the statements were run.
        let tried = async {
            match session.pipeline(statements).await {
                Ok(_) => (true, Ok(())),
                // For example, another session has locked the row.
                Err(e) if e.exit != Exit::Unavailable => (session.roll_back().await.is_ok(), Err(e)),
                Err(e) => (false, Err(e)),
            }
        };
        let (is_usable, done) =
            tokio::time::timeout(left, tried).await.unwrap_or_else(|_| (false, Err(lost())));
        if !is_usable {
            *self.session = None;
        }
        done
    }
}

/// Returns whether the row still carries the claim while we hold the lock; `None` if the lock cannot be taken. In the same
/// round trip, finds out whether somebody watches the output.
async fn ask(
    session: &mut Session,
    job: &Job,
    claim: &Claim,
    key: &str,
    live_output: Option<&mut LiveOutput<'_>>,
) -> crate::error::Result<Option<bool>> {
    let run = claim.run.to_string();
    let mark = Some(claim.mark.as_str());
    if !session.holds_lock() {
        // If this fails, the server may not know yet that our old session is gone.
        session.one(named("lock", vec![Some(key)])).await?;
        if !session.holds_lock() {
            return Ok(None);
        }
        session.pipeline(&[named("regained", vec![Some(&run), mark])]).await?;
    }
    let mut statements = vec![named("ping", vec![Some(&job.name), Some(&run), mark])];
    // The question comes after the ping, so that the answer to the ping does not depend on it.
    statements.extend(live_output.iter().flat_map(|live| live.question(&run)));
    let mut answers = session.tried(&statements).await?;
    if let Some(refused) = answers.first_mut().and_then(|ping| ping.refused.take()) {
        return Err(refused);
    }
    if let (Some(live), [_, rest @ ..]) = (live_output, answers.as_slice())
        && !rest.is_empty()
    {
        live.answered(rest);
    }
    Ok(Some(first(answers.first()).as_deref() == Some("t")))
}

/// Returns the statements that renew a claim if the job's row still carries it. `wait` is how long they wait for
/// the row.
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
    /// Creates it for a claim that was made just now.
    pub fn new(job: &Job) -> Renewal {
        Renewal { due: Cell::new(boot_time() + Renewal::period(job)), begun: Cell::new(false) }
    }

    fn period(job: &Job) -> Duration {
        job.max_ongoing_age.min(FOREIGN_AGE) / 2
    }

    /// Returns how long it is until the claim is to be renewed.
    pub fn left(&self) -> Duration {
        self.due.get().saturating_sub(boot_time())
    }

    /// Records that a renewal is about to be tried.
    pub fn begin(&self) {
        self.begun.set(true);
    }

    /// Returns whether a renewal was ever tried. The latest one may still be in progress if its session was given
    /// up.
    pub fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// Records that a renewal was tried just now. If it failed, it is retried after a tenth of the period, since
    /// the obstacle may be gone by then.
    pub fn tried(&self, job: &Job, done: bool) {
        let period = Renewal::period(job);
        self.due.set(boot_time() + if done { period } else { period / 10 });
    }
}

//! The lease of a running job: the server is pinged every second, and the job is ended if no ping is answered for
//! too long.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::claim::Claim;
use super::job::Job;
use super::output::{Captured, KEPT};
use super::process::{self, Tree, boot_time};
use super::session::{Session, Statement, first, named, plain};
use super::store::lock_key;
use crate::error::{Error, Exit};

/// How often the server is pinged.
const PULSE: Duration = Duration::from_secs(1);
/// How long to wait before a lost server is tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// How old a claim may get before crontabber takes it over (`max_ongoing_age_hours`).
const FOREIGN_AGE: Duration = Duration::from_secs(12 * 3600);
/// How long what concerns the output waits for a lock. It must not delay the answer to a ping.
const OUTPUT_WAIT: &str = "100ms";
/// How long after it turned out that the output cannot be shown this is tried again.
const OUTPUT_PAUSE: Duration = Duration::from_secs(60);
/// How long after the lease has expired the kernel kills a guard that has not ended the job itself.
const LAST_RESORT: Duration = Duration::from_secs(1);

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
    claim: &'a Claim,
    /// The key of its advisory lock.
    key: String,
    /// The session; `None` while it is lost.
    session: &'a mut Option<Session>,
    resort: &'a mut LastResort,
    /// The program's processes; `None` if it has yet to be started.
    pub tree: Option<Tree>,
    /// What shows the program's output to those who watch it; `None` if it has none.
    pub showing: Option<Showing<'a>>,
    /// When the latest request that the server has answered was sent, on [`boot_time`]'s clock.
    heard: Duration,
}

/// Shows the output of a running program to those who watch it.
pub struct Showing<'a> {
    output: Rc<RefCell<Captured>>,
    /// The schema of the tables.
    schema: &'a str,
    /// Whether the session can show it, as far as that is known.
    can: bool,
    /// When to find out again whether it can, on [`boot_time`]'s clock.
    check: Duration,
    /// How many bytes are shown to those who watch; -1 if nothing is shown yet, `None` if nobody watches.
    shown: Option<i64>,
    /// Whether somebody has watched, so that something may have been left in the table.
    pub was_watched: bool,
    /// Whether a person was told that something prevents it.
    has_warned: bool,
}

impl<'a> Showing<'a> {
    /// Creates it for the output of a program.
    pub fn new(output: Rc<RefCell<Captured>>, schema: &'a str) -> Showing<'a> {
        Showing {
            output,
            schema,
            can: false,
            check: Duration::ZERO,
            shown: None,
            was_watched: false,
            has_warned: false,
        }
    }

    /// Records that the output cannot be shown for a while. Returns what to tell a person, the first time.
    fn cannot(&mut self, error: &Error) -> Option<String> {
        (self.can, self.shown, self.check) = (false, None, boot_time() + OUTPUT_PAUSE);
        let is_first = !std::mem::replace(&mut self.has_warned, true);
        is_first.then(|| format!("could not show its output to those who watch it: {}", error.one_line()))
    }
}

/// Makes the kernel kill this process, even if it is stopped, when a lease has expired and the process has not
/// ended the job.
pub struct LastResort {
    #[cfg(target_os = "linux")]
    timer: Option<nix::sys::timer::Timer>,
    #[cfg(target_os = "linux")]
    is_set: bool,
}

#[cfg(target_os = "linux")]
impl LastResort {
    /// Creates one that is not armed yet.
    pub fn new() -> LastResort {
        use nix::sys::signal::{SigEvent, SigevNotify};
        let kill = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 });
        let timer = nix::sys::timer::Timer::new(nix::time::ClockId::CLOCK_BOOTTIME, kill).ok();
        LastResort { timer, is_set: false }
    }

    /// Arms it for a program that may run under this lease. `heard` is when the server was last heard, on
    /// [`boot_time`]'s clock.
    pub fn watch(&mut self, lease: Duration, heard: Duration) {
        let left = (heard + lease + LAST_RESORT).saturating_sub(boot_time());
        // A time of zero would disarm the timer.
        self.set(left.max(Duration::from_millis(1)));
    }

    /// Disarms it: no program runs.
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
    /// Creates one that does nothing, since this system has no such timer.
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
        LeaseRenewer { job, claim, key, session, resort, tree: None, showing: None, heard }
    }

    /// Keeps the lease until it is lost, and then kills the program. `connect` opens a new session; `beat` is called at
    /// each answer, `warn` with what a person should know. The future may be dropped at any moment.
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
                if let Some(tree) = self.tree {
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
            if let Some(text) = self.show().await {
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
        let asked = ask(session, self.job, self.claim, &self.key, self.showing.as_mut()).await;
        asked.unwrap_or_else(|_| {
            *self.session = None;
            None
        })
    }

    /// Finds out whether the output can be shown, if that is not known, and shows what is new if somebody watches. Whatever
    /// goes wrong, the job goes on. Returns what a person should know.
    async fn show(&mut self) -> Option<String> {
        let showing = self.showing.as_mut()?;
        if !showing.can && showing.check <= boot_time() {
            let schema = showing.schema;
            let can = self.can_show(schema).await;
            let showing = self.showing.as_mut()?;
            (showing.can, showing.check) = (can, boot_time() + OUTPUT_PAUSE);
            return None;
        }
        let shown = showing.shown.take()?;
        showing.was_watched = true;
        let (head, tail, bytes) = {
            let output = showing.output.borrow();
            if i64::try_from(output.bytes()).is_ok_and(|bytes| bytes == shown) {
                return None;
            }
            // The head does not change once it is full.
            let is_shown = usize::try_from(shown).is_ok_and(|shown| shown >= KEPT);
            let head = (!is_shown).then(|| bytea(output.raw_head()));
            (head, bytea(&output.raw_tail()), output.bytes().to_string())
        };
        let run = self.claim.run.to_string();
        let statements = [
            plain!("BEGIN"),
            named("wait", vec![Some(OUTPUT_WAIT)]),
            // What is shown for a moment need not survive a crash, and must not wait for a standby.
            plain!("SET LOCAL synchronous_commit = off"),
            named("show", vec![Some(&run), head.as_deref(), Some(&tail), Some(&bytes)]),
            plain!("COMMIT"),
        ];
        match self.tried_in_passing(&statements).await {
            Ok(()) => None,
            Err(e) => self.showing.as_mut()?.cannot(&e),
        }
    }

    /// Returns whether the session can show output, and prepares it for that.
    async fn can_show(&mut self, schema: &str) -> bool {
        let left = (self.heard + self.job.lease).saturating_sub(boot_time()) / 2;
        let Some(session) = self.session.as_mut() else { return false };
        let able = async {
            if session.one(named("can_show", vec![Some(schema)])).await?.as_deref() != Some("t") {
                return Ok(false);
            }
            session.prepare_watched().await.map(|()| true)
        };
        match tokio::time::timeout(left, able).await {
            Ok(Ok(can)) => can,
            Ok(Err(e)) if e.exit != Exit::Unavailable => false,
            Ok(Err::<bool, Error>(_)) | Err(_) => {
                *self.session = None;
                false
            }
        }
    }

    /// Records the program's pid, from which others on this machine can tell whether it is gone. A short job does
    /// without. Returns whether that was done.
    async fn note_leader(&mut self) -> bool {
        let Some(leader) = self.tree.map(Tree::pid) else { return true };
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
    async fn tried_in_passing(&mut self, statements: &[Statement<'_>]) -> crate::error::Result<()> {
        let lost = || Error::new(Exit::Unavailable, "the server did not answer in time");
        let left = (self.heard + self.job.lease).saturating_sub(boot_time()) / 2;
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

/// Formats bytes as PostgreSQL reads a bytea.
fn bytea(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(2 + 2 * bytes.len());
    out.push_str("\\x");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

/// Returns whether the row still carries the claim while we hold the lock; `None` if the lock cannot be taken. In the same
/// round trip, finds out whether somebody watches the output.
async fn ask(
    session: &mut Session,
    job: &Job,
    claim: &Claim,
    key: &str,
    showing: Option<&mut Showing<'_>>,
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
    let showing = showing.filter(|showing| showing.can);
    if showing.is_some() {
        // These come after the ping, so that its answer does not depend on them.
        statements.push(named("wait", vec![Some(OUTPUT_WAIT)]));
        statements.push(named("watched", vec![Some(&run)]));
    }
    let mut answers = session.tried(&statements).await?;
    if let Some(refused) = answers.first_mut().and_then(|ping| ping.refused.take()) {
        return Err(refused);
    }
    if let Some(showing) = showing {
        let refused = answers.iter().find_map(|answer| answer.refused.as_ref());
        showing.shown = first(answers.get(2)).and_then(|bytes| bytes.parse().ok());
        // The next ping may find that the table is no longer locked, but not that it is there again.
        if refused.is_some_and(|e| e.sqlstate.as_deref() != Some("55P03")) {
            (showing.can, showing.check) = (false, boot_time() + OUTPUT_PAUSE);
        }
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

//! Passes over the jobs: what is due is handed to guards until nothing is due any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::asked::Inbox;
use super::guards::Slot;
use super::hooks::Hooks;
use super::look::{Clock, FirstLook, Seen};
use super::signs::Signs;
use crate::error::{Error, Exit, Result};
use crate::jobs::account::Account;
use crate::jobs::health;
use crate::jobs::job::Job;
use crate::jobs::plan::{self, Decision};
use crate::jobs::process;
use crate::jobs::queue::{Due, Queue};
use crate::jobs::runners::{self, BEAT, Presence};
use crate::jobs::store::{Place, Snapshot};
use crate::jobs::tables::Where;
use crate::jobs::talk::{Mode, Order, Outcome, Pass, Progress, ProgressSink, RunOptions, Setup};
use crate::session::Writer;

/// How long a guard without work has to close its session and exit.
const GOODBYE: Duration = Duration::from_secs(2);
/// How soon a due job is tried again if it is ongoing elsewhere, its row was locked, or the server was
/// unreachable.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// What a runner that keeps running is to do from now on.
#[derive(Debug)]
pub enum Reload {
    /// Go on with the same jobs.
    Same,
    /// Go on with these jobs, of a file with this hash.
    New(Vec<Rc<Job>>, String),
    /// Finish what runs, and start nothing more.
    End,
}

/// What a runner needs to know about its surroundings.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The schema of the tables, if the user has named it.
    pub schema: Option<String>,
    /// The role that the jobs file names as the tables' owner.
    pub owner: Option<String>,
    /// The environment, part of which programs inherit.
    pub environment: BTreeMap<String, String>,
    /// The user that programs run as; `None` is the user of this process.
    pub user: Option<Account>,
    /// The folder of the jobs file.
    pub folder: PathBuf,
    /// The folder for results that the server does not accept; `None` if there is none.
    pub spool: Option<PathBuf>,
    /// This machine's name.
    pub host: String,
    /// Whether to report the SQL that guards run.
    pub echo: bool,
    /// What is recorded about the runner in the tables; `None` if nothing is, because a person runs a few jobs by hand.
    pub presence: Option<Presence>,
    /// The receiver of signs of life.
    pub signs: Signs,
}

impl Surroundings {
    /// Returns which tables are wanted.
    pub fn wanted(&self) -> Where<'_> {
        Where { schema: self.schema.as_deref(), owner: self.owner.as_deref() }
    }
}

/// Warns only once of an error that will go away by itself, such as an unreachable server.
#[derive(Default)]
pub(super) struct Away(bool);

impl Away {
    /// Returns whether this error will go away by itself.
    pub(super) fn is_such(error: &Error) -> bool {
        matches!(error.exit, Exit::Unavailable | Exit::TryAgain)
    }

    pub(super) fn tell(&mut self, error: &Error, tell: ProgressSink<'_>) {
        if !std::mem::replace(&mut self.0, true) {
            tell(Progress::Warning(format!("{}: retrying every second", error.one_line())));
        }
    }
}

/// Runs jobs. `C` opens the session for planning.
pub struct Runner<C> {
    /// Its id in pgkit_runner.
    pub(super) id: String,
    pub(super) connect: C,
    pub(super) around: Surroundings,
    /// The session for planning; `None` if it is lost.
    pub(super) writer: Option<Writer>,
    pub(super) place: Place,
    /// What the first look has found, until it is used.
    pub(super) seen: Option<Seen>,
    pub(super) setup: Setup,
    pub(super) clock: Clock,
    pub(super) slots: Vec<Slot>,
    pub(super) queue: Queue,
    pub(super) due: Due,
    /// The jobs that were ongoing elsewhere when they were tried last.
    pub(super) busy: BTreeSet<String>,
    /// The commands that notify of a job's health.
    pub(super) hooks: Hooks,
    /// The latest date that each job left out, as recorded in the tables.
    pub(super) left_out: BTreeSet<(String, Timestamp)>,
    /// Whether the runner keeps running and looks again by itself.
    pub(super) stays: bool,
    /// How many jobs it looks after, if it keeps running.
    pub(super) jobs: usize,
    /// Why the server could not be used at the latest look; `None` if it could.
    pub(super) away: Option<String>,
    /// How many jobs run at once: as many as wished, or as many as turned out to be possible.
    pub(super) parallel: usize,
    pub(super) pruned: Option<Instant>,
    /// When the runner last recorded that it is running.
    pub(super) beat: Option<Instant>,
    /// Whether its row in pgkit_runner is up to date.
    pub(super) is_recorded: bool,
    /// The requests for its jobs.
    pub(super) inbox: Inbox,
    /// When it last deleted copied output that nobody reads any more.
    pub(super) unwatched: Option<Instant>,
    /// The children that this process had before it started its first guard, each with its start; `None` until then.
    /// Finding them takes longer than a pass in which nothing is due.
    pub(super) others: Option<BTreeSet<(i32, i64)>>,
    /// The files of saved results that cannot be read and have been reported.
    pub(super) unread: BTreeSet<PathBuf>,
    /// Whether it has warned that nobody can be notified of overdue jobs.
    pub(super) has_warned_of_alarms: bool,
    /// The warnings about times in the future that have been given.
    pub(super) ahead: BTreeSet<String>,
    pub(super) stop: watch::Receiver<Option<Exit>>,
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Creates a runner that has taken its first look, and that opens further sessions with `connect`. `stop` receives signals.
    pub fn new(
        connect: C,
        around: Surroundings,
        first: FirstLook,
        stop: watch::Receiver<Option<Exit>>,
    ) -> Runner<C> {
        process::become_subreaper();
        Runner {
            id: runners::own_id(),
            connect,
            setup: first.setup(&around),
            around,
            writer: Some(first.writer),
            place: first.place,
            seen: Some(first.seen),
            clock: Clock { server: Timestamp::UNIX_EPOCH, here: Instant::now() },
            slots: Vec::new(),
            queue: Queue::default(),
            due: Due::default(),
            busy: BTreeSet::new(),
            hooks: Hooks::default(),
            left_out: BTreeSet::new(),
            stays: false,
            jobs: 0,
            away: None,
            parallel: 1,
            pruned: None,
            beat: None,
            is_recorded: false,
            inbox: Inbox::default(),
            unwatched: None,
            others: None,
            unread: BTreeSet::new(),
            has_warned_of_alarms: false,
            ahead: BTreeSet::new(),
            stop,
        }
    }

    /// Waits until this instant, or until a signal.
    pub(super) async fn pause(&mut self, until: Instant, tell: ProgressSink<'_>) {
        let mut stop = self.stop.clone();
        let signs = self.around.signs.clone();
        loop {
            self.sign();
            tokio::select! {
                () = self.hooks.ended(tell) => {}
                () = signs.next() => {}
                _ = stop.wait_for(Option::is_some) => return,
                () = self.inbox.news(self.writer.as_ref()) => return,
                () = tokio::time::sleep_until(until.into()) => return,
            }
        }
    }

    /// Waits until the commands that notify of a job's health have ended.
    async fn finish_hooks(&mut self, tell: ProgressSink<'_>) {
        let mut stop = self.stop.clone();
        let stopped = async { drop(stop.wait_for(Option::is_some).await) };
        self.hooks.finish(stopped, tell).await;
    }

    pub(super) fn stopped(&self) -> Option<Exit> {
        *self.stop.borrow()
    }

    /// Makes one pass over the jobs, which come in the file's order. When it returns, none of them is still
    /// running.
    ///
    /// Errors: the connection for planning is lost (69), no guard can be started (74), a signal.
    pub async fn pass(
        &mut self,
        jobs: &[Rc<Job>],
        run_options: &RunOptions,
        tell: ProgressSink<'_>,
    ) -> Result<Pass> {
        self.parallel = run_options.parallel.max(1);
        self.replay(tell).await?;
        let snapshot = self.look(jobs).await?;
        self.warn_of_clocks(jobs, &snapshot, tell);
        self.leave_out(jobs, &snapshot, tell).await?;
        self.alarm(jobs, run_options, &snapshot, tell).await;
        let mut pass = Pass::default();
        self.enqueue(jobs, run_options, &snapshot, &mut |job, why| {
            tell(Progress::Outcome(job, &Outcome::NotNow { why }));
        });
        if run_options.names.is_empty() {
            self.take_requests(jobs, run_options, tell).await;
        }
        self.pass_by(tell).await;
        self.serve(run_options, &mut pass, None, tell).await?;
        if pass.succeeded + pass.failed > 0 {
            self.prune(jobs, tell).await;
            self.forget_unwatched().await;
        }
        self.finish_hooks(tell).await;
        tell(Progress::Passed(&pass));
        Ok(pass)
    }

    /// Makes pass after pass until a signal: looks at the tables at least once per `every`, and hands out each job
    /// when it is due. `reload` says whether the jobs have changed.
    ///
    /// Errors: those that will not go away by the next time, for example that the tables are gone or the role may
    /// no longer use them. None of the jobs is still running then.
    pub async fn stay(
        &mut self,
        mut jobs: Vec<Rc<Job>>,
        reload: &mut dyn FnMut(ProgressSink<'_>) -> Reload,
        run_options: &RunOptions,
        every: Duration,
        tell: ProgressSink<'_>,
    ) -> Result<()> {
        self.stays = true;
        let mut look = Instant::now();
        let mut away = Away::default();
        // The last outcome reported for each job that could not run, and the last warning: each is reported only
        // once.
        let mut told: BTreeMap<String, Outcome> = BTreeMap::new();
        let mut warned = String::new();
        let mut tell = |what: Progress<'_>| match what {
            Progress::Warning(text) if text == warned => {}
            Progress::Warning(text) => {
                warned.clone_from(&text);
                tell(Progress::Warning(text));
            }
            Progress::Outcome(job, Outcome::NotNow { .. }) => drop(told.remove(&job.name)),
            // If several runners start a job at the same instant, all but one find its row locked. That is normal.
            Progress::Outcome(_, Outcome::Locked) => {}
            Progress::Outcome(job, outcome) => {
                let is_news = told.get(&job.name) != Some(outcome);
                if matches!(outcome, Outcome::Succeeded | Outcome::Failed) {
                    told.remove(&job.name);
                    tell(Progress::Outcome(job, outcome));
                } else if is_news {
                    told.insert(job.name.clone(), outcome.clone());
                    tell(Progress::Outcome(job, outcome));
                }
            }
            Progress::Passed(_) => {}
            other => tell(other),
        };
        let signs = self.around.signs.clone();
        while self.stopped().is_none() {
            self.parallel = run_options.parallel.max(1);
            match reload(&mut tell) {
                Reload::Same => {}
                Reload::New(new, hash) => {
                    jobs = new;
                    self.change_presence(&jobs, run_options, hash);
                    self.busy.clear();
                    self.queue.renew(&jobs.iter().map(|job| (job.name.as_str(), job)).collect());
                    look = Instant::now();
                }
                Reload::End => {
                    self.queue.drop_waiting();
                    let served = self.serve(run_options, &mut Pass::default(), None, &mut tell).await;
                    self.finish_hooks(&mut tell).await;
                    return served;
                }
            }
            if look <= Instant::now() {
                look = Instant::now() + every;
                self.jobs = jobs.iter().filter(|job| run_options.wants(job)).count();
                let looked = signs.during(self.look_and_enqueue(&jobs, run_options, &mut tell)).await;
                self.away = looked.as_ref().err().map(Error::one_line);
                match looked {
                    Ok(()) => away = Away::default(),
                    Err(_) if self.stopped().is_some() => break,
                    Err(e) if Away::is_such(&e) => {
                        away.tell(&e, &mut tell);
                        look = Instant::now() + AGAIN;
                    }
                    Err(e) => {
                        self.end(run_options, &mut tell).await;
                        return Err(e);
                    }
                }
            }
            let due = self.due.take(Instant::now());
            let due = signs.during(self.without_busy(due)).await;
            if !due.is_empty() {
                for job in plan::order(&jobs).into_iter().filter(|job| due.contains(&job.name)) {
                    let mode = self.mode_of(&job.name);
                    self.queue.push(job.clone(), mode);
                }
            }
            if self.inbox.has_news {
                signs.during(self.take_requests(&jobs, run_options, &mut tell)).await;
            }
            // If no guard can be started now, it may be possible later.
            let until = look.min(self.beat.unwrap_or_else(Instant::now) + BEAT);
            if let Err(e) = self.serve(run_options, &mut Pass::default(), Some(until), &mut tell).await {
                away.tell(&e, &mut tell);
                self.queue.drop_waiting();
                look = Instant::now() + AGAIN;
                self.pause(look, &mut tell).await;
            }
        }
        self.end(run_options, &mut tell).await;
        Ok(())
    }

    async fn look_and_enqueue(
        &mut self,
        jobs: &[Rc<Job>],
        run_options: &RunOptions,
        tell: ProgressSink<'_>,
    ) -> Result<()> {
        self.replay(tell).await?;
        // Start guards now, so that the first jobs that are due need not wait for them. They get ready during the look.
        while self.slots.len() < self.parallel.min(jobs.len()) {
            let woken = match self.new_slot().await {
                Ok(slot) => self.slots[slot].guard.order(&Order::Wake).await,
                Err(e) => Err(e),
            };
            // An error that prevents this is reported once there is something to do.
            if woken.is_err() {
                break;
            }
        }
        let snapshot = self.look(jobs).await?;
        self.warn_of_clocks(jobs, &snapshot, tell);
        self.leave_out(jobs, &snapshot, tell).await?;
        self.alarm(jobs, run_options, &snapshot, tell).await;
        self.due.clear();
        for job in jobs.iter().filter(|job| run_options.wants(job)) {
            if let Some(next) = health::next_run(job, &snapshot).filter(|next| *next > snapshot.now) {
                self.due.set(&job.name, self.clock.at(next));
            }
        }
        self.resume_requests(jobs).await;
        self.enqueue(jobs, run_options, &snapshot, &mut |_, _| {});
        self.listen().await?;
        self.inbox.has_news = true;
        if self.queue.is_empty() {
            self.prune(jobs, tell).await;
            self.forget_unwatched().await;
        }
        Ok(())
    }

    /// Stops what runs, and waits until it has ended.
    async fn end(&mut self, run_options: &RunOptions, tell: ProgressSink<'_>) {
        self.queue.drop_waiting();
        self.tell_to_stop().await;
        // The guard itself reports whatever goes wrong while it ends its job.
        let _ = self.serve(run_options, &mut Pass::default(), None, tell).await;
        self.finish_hooks(tell).await;
    }

    /// Puts the requested jobs into the queue that may run according to the snapshot. A job blocked by a parent is
    /// included if that parent is queued and may run before it.
    fn enqueue(
        &mut self,
        jobs: &[Rc<Job>],
        run_options: &RunOptions,
        snapshot: &Snapshot,
        not_now: &mut dyn FnMut(&Job, String),
    ) {
        for job in plan::order(jobs).into_iter().filter(|job| run_options.wants(job)) {
            let mode = match run_options.mode() {
                Mode::Due => self.may_run(job, snapshot).map(|()| Mode::Due),
                asked => Ok(asked),
            };
            match mode {
                Ok(mode) => self.queue.push(job.clone(), mode),
                // Its guard gives back the claim of an attempt that was cut off.
                Err(_) if snapshot.is_abandoned(&job.name) => self.queue.push(job.clone(), Mode::Due),
                Err(why) => not_now(job, why),
            }
        }
    }

    fn may_run(&self, job: &Job, snapshot: &Snapshot) -> std::result::Result<(), String> {
        let state = |name: &str| snapshot.state(name);
        let decision = plan::decide(job, &state, snapshot.now);
        let (queued, others): (Vec<_>, Vec<_>) =
            job.depends_on.iter().cloned().partition(|parent| self.queue.contains(parent));
        match &decision {
            Decision::Run(_) => Ok(()),
            Decision::Blocked(..) if !queued.is_empty() => {
                match plan::decide(&Job { depends_on: others, ..job.clone() }, &state, snapshot.now) {
                    Decision::Run(_) => Ok(()),
                    other => Err(health::words(job, &other, snapshot.now)),
                }
            }
            other => Err(health::words(job, other, snapshot.now)),
        }
    }

    /// Ends the guards and closes the session.
    pub async fn close(mut self) {
        self.leave().await;
        let goodbyes = self.slots.into_iter().map(|slot| slot.guard.finish(GOODBYE));
        futures_util::future::join_all(goodbyes).await;
        if let Some(writer) = self.writer {
            writer.close().await;
        }
    }
}

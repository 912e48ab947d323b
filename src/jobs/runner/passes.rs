//! Passes over the jobs: what is due is handed to guards until nothing is due any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::guards::Slot;
use super::hooks::{self, Hooks};
use crate::error::{Error, Exit, Result};
use crate::jobs::account::Account;
use crate::jobs::health;
use crate::jobs::job::Job;
use crate::jobs::plan::{self, Decision};
use crate::jobs::process;
use crate::jobs::queue::{Due, Queue};
use crate::jobs::session::own_target;
use crate::jobs::store::{self, Place, Snapshot};
use crate::jobs::tables::{self, Where};
use crate::jobs::talk::{
    Event, Mode, Order, Outcome, Pass, Progress, ProgressSink, Remaining, RunOptions, Setup, TurnLimit,
};
use crate::session::Writer;

/// How long a guard without work has to close its session and exit.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long reading the tables may take: on a connection that is dead but was not closed it would take forever.
const LOOK: Duration = Duration::from_secs(90);
/// How soon a due job is tried again if it is ongoing elsewhere, its row was locked, or the server was
/// unreachable.
const AGAIN: Duration = Duration::from_secs(1);

/// What a runner that keeps running is to do from now on.
#[derive(Debug)]
pub enum Reload {
    /// Go on with the same jobs.
    Same,
    /// Go on with these jobs.
    New(Vec<Rc<Job>>),
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
}

/// A reading of the server's clock, and the instant on our clock at which it was taken.
#[derive(Debug, Clone, Copy)]
struct Clock {
    server: Timestamp,
    here: Instant,
}

impl Clock {
    /// Returns the instant on our clock at which the server's clock will show this time; if that is past, the
    /// instant of the reading.
    fn at(&self, then: Timestamp) -> Instant {
        let ahead = Duration::try_from(then.duration_since(self.server)).unwrap_or_default();
        // crontabber compares strictly, so its jobs are due only after their instant has passed.
        self.here.checked_add(ahead + Duration::from_millis(1)).unwrap_or(self.here)
    }
}

/// Warns only once of an error that will go away by itself, such as an unreachable server.
#[derive(Default)]
struct Away(bool);

impl Away {
    /// Returns whether this error will go away by itself.
    fn is_such(error: &Error) -> bool {
        matches!(error.exit, Exit::Unavailable | Exit::TryAgain)
    }

    fn tell(&mut self, error: &Error, tell: ProgressSink<'_>) {
        if !std::mem::replace(&mut self.0, true) {
            tell(Progress::Warning(format!("{}: retrying every second", error.one_line())));
        }
    }
}

/// Runs jobs. `C` opens the session for planning.
pub struct Runner<C> {
    connect: C,
    around: Surroundings,
    /// The session for planning; `None` if it is lost.
    pub(super) writer: Option<Writer>,
    pub(super) place: Place,
    pub(super) setup: Setup,
    clock: Clock,
    pub(super) slots: Vec<Slot>,
    pub(super) queue: Queue,
    due: Due,
    /// The commands that notify of a job's health.
    pub(super) hooks: Hooks,
    /// The latest date of each job that was left out and recorded.
    left_out: BTreeSet<(String, Timestamp)>,
    /// Whether the runner keeps running and looks again by itself.
    pub(super) stays: bool,
    /// How many jobs run at once: as many as wished, or as many as turned out to be possible.
    pub(super) parallel: usize,
    pub(super) pruned: Option<Instant>,
    /// Children of this process that pgkit did not start, each with its start; `None` before the first guard, because
    /// finding them takes longer than a pass in which nothing is due.
    pub(super) others: Option<BTreeSet<(i32, i64)>>,
    /// The files of saved results that cannot be read and have been reported.
    pub(super) unread: BTreeSet<PathBuf>,
    /// What has been reported about times in the future.
    pub(super) ahead: BTreeSet<String>,
    pub(super) stop: watch::Receiver<Option<Exit>>,
}

impl<C: AsyncFn() -> Result<Writer>> Runner<C> {
    /// Opens a runner on these tables, over sessions that `connect` opens. `stop` receives signals.
    ///
    /// Errors: the tables are missing or must not be used (65), the server is a standby (69).
    pub async fn open(
        connect: C,
        around: Surroundings,
        stop: watch::Receiver<Option<Exit>>,
    ) -> Result<Runner<C>> {
        let (writer, place, setup) = unless_stopped(&stop, opened(&connect, &around)).await?;
        process::become_subreaper();
        Ok(Runner {
            connect,
            around,
            writer: Some(writer),
            place,
            setup,
            clock: Clock { server: Timestamp::UNIX_EPOCH, here: Instant::now() },
            slots: Vec::new(),
            queue: Queue::default(),
            due: Due::default(),
            hooks: Hooks::default(),
            left_out: BTreeSet::new(),
            stays: false,
            parallel: 1,
            pruned: None,
            others: None,
            unread: BTreeSet::new(),
            ahead: BTreeSet::new(),
            stop,
        })
    }

    /// Works like [`Runner::open`], but waits for a server that cannot be reached.
    pub async fn open_when_there(
        connect: C,
        around: Surroundings,
        stop: watch::Receiver<Option<Exit>>,
        tell: ProgressSink<'_>,
    ) -> Result<Runner<C>>
    where
        C: Clone,
    {
        let mut away = Away::default();
        loop {
            match Runner::open(connect.clone(), around.clone(), stop.clone()).await {
                Err(e) if Away::is_such(&e) && stop.borrow().is_none() => {
                    away.tell(&e, tell);
                    let _ = tokio::time::timeout(AGAIN, stop.clone().wait_for(Option::is_some)).await;
                }
                opened => return opened,
            }
        }
    }

    /// Waits until this instant, or until a signal.
    async fn pause(&mut self, until: Instant, tell: ProgressSink<'_>) {
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                (job, why) = self.hooks.ended() => hooks::warn(&job, why, tell),
                _ = stop.wait_for(Option::is_some) => return,
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

    /// Reads what is known about the jobs now. Records those that are seen for the first time.
    ///
    /// Errors: the connection is lost and no other can be opened (69); a signal.
    async fn look(&mut self, jobs: &[Rc<Job>]) -> Result<Snapshot> {
        if self.writer.as_ref().is_none_or(Writer::is_lost) {
            self.writer = None;
            let opened = unless_stopped(&self.stop, opened(&self.connect, &self.around)).await?;
            (self.writer, self.place, self.setup) = (Some(opened.0), opened.1, opened.2);
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

    /// Records the dates that jobs leave out because they could not start in time, and warns of them.
    async fn leave_out(
        &mut self,
        jobs: &[Rc<Job>],
        snapshot: &Snapshot,
        tell: ProgressSink<'_>,
    ) -> Result<()> {
        let late = jobs.iter().filter_map(|job| {
            let date = plan::left_out(job, &snapshot.state(&job.name)?, snapshot.now)?;
            Some((job.name.clone(), date)).filter(|late| !self.left_out.contains(late))
        });
        let late: Vec<_> = late.collect();
        let Some(writer) = self.writer.as_ref().filter(|_| !late.is_empty()) else { return Ok(()) };
        for (name, date) in store::leave_out(writer, &self.place, &late).await? {
            tell(Progress::Warning(format!(
                "{name}: left out {date}: it could not start within its start_limit"
            )));
        }
        self.left_out.retain(|(name, _)| !late.iter().any(|(other, _)| other == name));
        self.left_out.extend(late);
        Ok(())
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
        let mut pass = Pass::default();
        self.enqueue(jobs, run_options, &snapshot, &mut |job, why| {
            tell(Progress::Outcome(job, &Outcome::NotNow { why }));
        });
        self.serve(run_options, &mut pass, None, tell).await?;
        if pass.succeeded + pass.failed > 0 {
            self.prune(jobs, tell).await;
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
        while self.stopped().is_none() {
            self.parallel = run_options.parallel.max(1);
            match reload(&mut tell) {
                Reload::Same => {}
                Reload::New(new) => {
                    jobs = new;
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
                match self.look_and_enqueue(&jobs, run_options, &mut tell).await {
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
            if !due.is_empty() {
                for job in plan::order(&jobs).into_iter().filter(|job| due.contains(&job.name)) {
                    self.queue.push(job.clone(), Mode::Due);
                }
            }
            // If no guard can be started now, it may be possible later.
            if let Err(e) = self.serve(run_options, &mut Pass::default(), Some(look), &mut tell).await {
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
        self.due.clear();
        for job in jobs.iter().filter(|job| is_wanted(job, run_options)) {
            if let Some(next) = health::next_run(job, &snapshot).filter(|next| *next > snapshot.now) {
                self.due.set(&job.name, self.clock.at(next));
            }
        }
        self.enqueue(jobs, run_options, &snapshot, &mut |_, _| {});
        if self.queue.is_empty() {
            self.prune(jobs, tell).await;
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
        for job in plan::order(jobs).into_iter().filter(|job| is_wanted(job, run_options)) {
            let mode = match (run_options.date, run_options.force) {
                (Some((date, rerun)), _) => Ok(Mode::Date { date, rerun }),
                (None, true) => Ok(Mode::Forced),
                (None, false) => self.may_run(job, snapshot).map(|()| Mode::Due),
            };
            match mode {
                Ok(mode) => self.queue.push(job.clone(), mode),
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

    /// Hands out the waiting turns until none waits or runs, until the given instant, or until another job is due.
    ///
    /// Errors: no guard can be started (74).
    async fn serve(
        &mut self,
        run_options: &RunOptions,
        pass: &mut Pass,
        until: Option<Instant>,
        tell: ProgressSink<'_>,
    ) -> Result<()> {
        loop {
            // A job that has just run may be due again before that.
            let until = until.map(|until| self.due.soonest().map_or(until, |due| due.min(until)));
            if self.stopped().is_some() {
                self.queue.drop_waiting();
                self.tell_to_stop().await;
            }
            loop {
                let soon = self.soon_free();
                if soon.is_none() && self.queue.running() >= self.parallel {
                    break;
                }
                let Some(turn) = self.queue.start() else { break };
                if let Err(e) = self.hand_out(turn, soon).await {
                    self.queue.put_back(turn);
                    self.fewer(&e.one_line(), tell).ok_or(e)?;
                }
            }
            if self.queue.is_empty() {
                if let Some(until) = until {
                    self.pause(until, tell).await;
                }
                return Ok(());
            }
            if let Some((slot, event)) = self.hear(until, tell).await {
                self.take(slot, event, run_options, pass, tell).await;
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(());
            }
        }
    }

    /// Lowers the number of jobs that run at once to the number running now, because no more guards or connections
    /// are possible. Returns `None` if none is running.
    fn fewer(&mut self, why: &str, tell: ProgressSink<'_>) -> Option<()> {
        let running = self.slots.iter().filter(|slot| slot.turn.is_some()).count();
        if running == 0 {
            return None;
        }
        self.parallel = running;
        tell(Progress::Warning(format!("at most {running} at once: {why}")));
        Some(())
    }

    /// Takes in an event of a guard; `None` means that the guard is gone.
    async fn take(
        &mut self,
        slot: usize,
        event: Option<Event>,
        run_options: &RunOptions,
        pass: &mut Pass,
        tell: ProgressSink<'_>,
    ) {
        let Some(key) = self.slots[slot].turn else { return };
        let Some(turn) = self.queue.get_mut(key) else { return };
        let job = turn.job.clone();
        let (outcome, next_run, rest) = match event {
            Some(Event::Done { outcome, next_run, rest }) => (outcome, next_run, rest),
            Some(Event::Beat) => return,
            Some(Event::Recording) => {
                self.slots[slot].is_recording = true;
                return;
            }
            Some(Event::Hook { hook }) => {
                self.hooks.push(job, hook, &self.setup);
                return;
            }
            Some(event) => {
                if let Event::Finished { how, .. } = &event {
                    turn.done += u32::from(how.failure.is_none());
                }
                tell(Progress::Event(&job, &event));
                return;
            }
            None => {
                // The guard is gone, and with it the lock and the job's program. Processes that escaped are killed
                // here.
                let again = std::mem::replace(&mut turn.again, true);
                if let Some(next) = self.slots[slot].next.take() {
                    self.queue.put_back(next);
                }
                self.bury(slot).await;
                if !again && self.stopped().is_none() {
                    let name = &job.name;
                    tell(Progress::Warning(format!(
                        "job {name:?}: its guard was killed; another guard takes over"
                    )));
                    self.queue.put_back(key);
                    return;
                }
                (Outcome::Interrupted { why: "its guard was killed".into(), held: false }, None, None)
            }
        };
        if let Some(slot) = self.slots.get_mut(slot).filter(|slot| slot.turn == Some(key)) {
            (slot.turn, slot.is_recording) = (slot.next.take(), false);
        }
        if let Outcome::Broken { why, all: true, .. } = &outcome {
            self.queue.put_back(key);
            if self.fewer(why, tell).is_some() {
                return;
            }
            self.queue.drop_waiting();
        } else if let Some(Remaining::Time { through }) = rest
            && self.stopped().is_none()
        {
            // Other jobs come first. The rest of its dates is not reported as a turn of its own.
            if let Some(turn) = self.queue.get(key) {
                let dates = turn.limit.dates.or(job.max_backfill).map(|most| most.saturating_sub(turn.done));
                let limit = TurnLimit { others_wait: false, through: Some(through), dates };
                self.queue.requeue(key, limit);
            }
            return;
        } else {
            self.queue.over(key);
        }
        let busy = matches!(outcome, Outcome::Ongoing { .. } | Outcome::Locked);
        if busy && run_options.stop_when_ongoing {
            self.queue.drop_waiting();
        }
        let then = match &outcome {
            Outcome::Ongoing { free_in, .. } => {
                Some(Instant::now() + free_in.map_or(AGAIN, |t| t.max(AGAIN)))
            }
            Outcome::Full { .. }
            | Outcome::Locked
            | Outcome::Interrupted { held: false, .. }
            | Outcome::Broken { all: true, .. } => Some(Instant::now() + AGAIN),
            // An error that concerns only this job will not go away within a second.
            Outcome::Broken { .. } => None,
            // The saved result is recorded before the next look at the tables, which also finds the rest of the
            // job's dates.
            Outcome::Unrecorded { .. } => None,
            _ if rest.is_some() => None,
            _ => next_run.map(|next| self.clock.at(next)),
        };
        match then {
            Some(then) if self.stays => self.due.set(&job.name, then),
            _ => self.due.forget(&job.name),
        }
        pass.add(&outcome);
        tell(Progress::Outcome(&job, &outcome));
    }

    /// Ends the guards and closes the session.
    pub async fn close(self) {
        let goodbyes = self.slots.into_iter().map(|slot| slot.guard.finish(GOODBYE));
        futures_util::future::join_all(goodbyes).await;
        if let Some(writer) = self.writer {
            writer.close().await;
        }
    }
}

fn is_wanted(job: &Job, run_options: &RunOptions) -> bool {
    run_options.names.is_empty() || run_options.names.contains(&job.name)
}

/// Opens a session, and collects what a guard must know.
async fn opened<C: AsyncFn() -> Result<Writer>>(
    connect: &C,
    around: &Surroundings,
) -> Result<(Writer, Place, Setup)> {
    let writer = connect().await?;
    let place =
        tables::open(&writer, Where { schema: around.schema.as_deref(), owner: around.owner.as_deref() })
            .await?;
    let server = store::server(&writer).await?;
    let setup = Setup {
        target: own_target(writer.target(), writer.version(), writer.watches_client(), writer.role()),
        schema: place.schema.clone(),
        folder: around.folder.clone(),
        spool: around.spool.clone(),
        place: format!("{}/{}/{}", server.system_identifier, server.database, place.schema),
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
    let snapshot = store::read(writer, place).await?;
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
        true => store::read(writer, place).await?,
        false => snapshot,
    };
    // A parent whose schedule was changed must not hold up other jobs by its old schedule.
    store::replan(writer, place, jobs.iter().map(Rc::as_ref), &mut snapshot).await?;
    Ok(snapshot)
}

/// Awaits work for at most [`LOOK`], unless a signal comes first. Errors: a signal, or its time is over (69).
async fn unless_stopped<T>(
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
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_time_of_the_servers_is_one_of_ours_whatever_clock_the_machine_has() {
        let here = Instant::now();
        let clock = Clock { server: Timestamp::UNIX_EPOCH, here };
        let at = |ms: i64| clock.at(Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms));
        assert_eq!(at(500), here + Duration::from_millis(501));
        assert!(at(-5000) <= here + Duration::from_millis(1));
    }
}

//! One turn of a job in its guard: the claim, the dates of the job, and their results.

use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::elsewhere::Elsewhere;
use super::ended::{Date, Done, Ended, Interruption};
use super::{program, record};
use crate::error::{Error, Exit, Result};
use crate::helper::Master;
use crate::jobs::claim::{self, Claim, Here};
use crate::jobs::contain::{Contain, Namespace};
use crate::jobs::job::{Job, OnCrash, Work};
use crate::jobs::last_resort::LastResort;
use crate::jobs::lease::{LeaseRenewer, Loss};
use crate::jobs::plan;
use crate::jobs::process::{self, boot_time};
use crate::jobs::session::{Echo, Session, named, plain};
use crate::jobs::store;
use crate::jobs::talk::{Event, Finished, Mode, Order, Outcome, Remaining, Setup, TurnLimit};

/// How long a guard has to be without work before it prepares its session for being idle.
const IDLE: Duration = Duration::from_secs(2);
/// How often a waiting runner is told that its guard is alive.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// A job that takes less time than this is reported only once, when it ends.
pub(super) const SHORT: Duration = Duration::from_millis(20);
/// How long a job with many dates may run while other jobs wait.
const SLICE: Duration = Duration::from_secs(5);
/// If the server has not been heard for this long, the claim is checked again before a program is started for it.
const DOUBT: Duration = Duration::from_secs(1);
/// The number of dates is shown to the user only up to this count.
const COUNTED: usize = 100_000;

pub(super) struct Guard<'m> {
    pub(super) master: &'m mut Master,
    pub(super) setup: Rc<Setup>,
    pub(super) here: Here,
    pub(super) session: Option<Session>,
    pub(super) resort: LastResort,
    /// What contains programs here, or why nothing can; `None` until a program is to be started.
    namespace: Option<std::result::Result<Rc<Namespace>, String>>,
    /// The runner has told the guard to stop what it runs.
    pub(super) stopping: bool,
    /// The master process is gone: there is no one to report to, and what runs must end.
    pub(super) alone: bool,
    /// Attempts that have ended and may still have copied output in pgkit_output.
    pub(super) shown: Vec<i64>,
}

/// How a turn ended, as reported to the runner.
struct Turned {
    outcome: Outcome,
    next_run: Option<Timestamp>,
    rest: Option<Remaining>,
}

impl From<Outcome> for Turned {
    fn from(outcome: Outcome) -> Turned {
        Turned { outcome, next_run: None, rest: None }
    }
}

/// Runs the guard: carries out one order after the other until the pipe is closed.
pub(crate) async fn run(master: &mut Master) -> Exit {
    process::become_subreaper();
    // A fixed umask, regardless of the runner's own: other users must not be able to write to files that programs
    // create.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let setup: Setup = match master.order().await {
        Ok(Some(setup)) => setup,
        Ok(None) => return Exit::Done,
        Err(e) => return e.exit,
    };
    let mut guard = Guard {
        here: Here::new(&setup.host),
        master,
        setup: Rc::new(setup),
        session: None,
        resort: LastResort::new(),
        namespace: None,
        stopping: false,
        alone: false,
        shown: Vec::new(),
    };
    let mut idle = false;
    loop {
        let order = tokio::select! {
            order = guard.master.order::<Order>() => order,
            () = tokio::time::sleep(IDLE), if !idle => {
                idle = true;
                guard.rest().await;
                continue;
            }
        };
        idle = false;
        match order {
            Ok(Some(Order::Run { job, mode, limit })) => {
                let turned = match guard.turn(&job, mode, limit).await {
                    Ok(turned) => turned,
                    Err(e) => broken(&e).into(),
                };
                let Turned { outcome, next_run, rest } = turned;
                guard.say(Event::Done { outcome, next_run, rest });
            }
            Ok(Some(Order::Replay)) => {
                let outcome = match guard.replay().await {
                    Ok(()) => Outcome::Succeeded,
                    Err(e) => broken(&e),
                };
                guard.say(Event::Done { outcome, next_run: None, rest: None });
            }
            Ok(Some(Order::Hook(hook))) => {
                if let Some(why) = guard.hook(&hook).await {
                    guard.warn(format!("{}: {why}", hook.key));
                }
                guard.say(Event::Done { outcome: Outcome::Succeeded, next_run: None, rest: None });
            }
            // An error that prevents this is reported once there is something to do.
            Ok(Some(Order::Wake)) => guard.wake().await,
            // Nothing is running, so there is nothing to stop.
            Ok(Some(Order::Stop)) => {}
            Ok(None) | Err(_) => break,
        }
        if guard.alone {
            break;
        }
    }
    if let Some(session) = guard.session.take() {
        session.close().await;
    }
    guard.namespace = None;
    let _ = process::sweep(process::HANGS).await;
    Exit::Done
}

/// Turns an error of pgkit itself into an outcome. An error in the values of a row, in a constraint or in a
/// trigger concerns one job only. What the role may do, what is in the tables, and whether the server is reachable
/// concern all jobs.
fn broken(error: &Error) -> Outcome {
    const ONE: [&str; 4] = ["22", "23", "P0", "09"];
    let is_ones =
        error.sqlstate.as_ref().is_some_and(|state| ONE.iter().any(|class| state.starts_with(class)));
    Outcome::Broken { why: error.one_line(), code: error.exit.code(), all: !is_ones }
}

pub(super) async fn connect(setup: &Setup) -> Result<Session> {
    Session::connect(&setup.target, &setup.schema, echo(setup.echo)).await
}

/// Returns what reports the SQL that runs, if it is to be reported.
pub(super) fn echo(echoes: bool) -> Echo {
    if echoes { Some(Box::new(tell_sql)) } else { None }
}

fn tell_sql(text: &str) {
    crate::helper::tell(&Event::Sql { text: text.to_owned() });
}

pub(super) fn beat() {
    crate::helper::tell_in_passing(&Event::Beat);
}

impl Guard<'_> {
    pub(super) fn say(&self, event: Event) {
        self.master.answer(Ok(event));
    }

    pub(super) fn warn(&self, text: String) {
        self.say(Event::Warning { text });
    }

    /// Returns what contains a program; `None` if nothing does.
    ///
    /// Errors: it must be contained, but cannot; why.
    pub(super) fn container(
        &mut self,
        contain: Contain,
    ) -> std::result::Result<Option<Rc<Namespace>>, String> {
        if contain == Contain::None {
            return Ok(None);
        }
        if let Some(why) = self.resort.missing().filter(|_| contain == Contain::Strict) {
            return Err(why);
        }
        match self.namespace.get_or_insert_with(|| Namespace::new().map(Rc::new)) {
            Ok(namespace) => {
                if namespace.is_gone() {
                    let again = namespace.again().map_err(|e| format!("it was possible before: {e}"))?;
                    *namespace = Rc::new(again);
                }
                Ok(Some(namespace.clone()))
            }
            Err(why) if contain == Contain::Strict => Err(why.clone()),
            Err(_) => Ok(None),
        }
    }

    /// Connects, and has the server plan its statements, so that the first job need not wait for that.
    async fn wake(&mut self) {
        if let Ok(session) = self.connected().await
            && session.plan_ahead().await.is_err()
        {
            self.session = None;
        }
    }

    /// Prepares the session for a while without work.
    async fn rest(&mut self) {
        if let Some(session) = &mut self.session
            && session.idle().await.is_err()
        {
            self.session = None;
        }
    }

    /// Returns a session that works, connecting anew if needed.
    pub(super) async fn connected(&mut self) -> Result<&mut Session> {
        if let Some(session) = &mut self.session
            && session.wake().await.is_err()
        {
            self.session = None;
        }
        if self.session.is_none() {
            self.session = Some(connect(&self.setup).await?);
        }
        self.session.as_mut().ok_or_else(|| Error::bug("missing session"))
    }

    /// Gives a job its turn: claims it, runs it for each of its dates, and returns the outcome.
    async fn turn(&mut self, job: &Job, mode: Mode, limit: TurnLimit) -> Result<Turned> {
        self.stopping = false;
        self.listen().await;
        if self.stopping || self.alone {
            // This turn was ordered while the previous one was being recorded.
            return Ok(Outcome::NotNow { why: "pgkit was told to stop".into() }.into());
        }
        if matches!(job.work, Work::Program { .. })
            && let Err(why) = self.container(job.contain)
        {
            // The job is not claimed, because another machine may be able to contain it.
            return Ok(Outcome::Broken {
                why: format!("contain = \"strict\", but programs cannot be contained here: {why}"),
                code: Exit::Permission.code(),
                all: false,
            }
            .into());
        }
        let mut warnings = Vec::new();
        let mut again = self.session.is_some();
        loop {
            let (schema, here) = (self.setup.schema.clone(), self.here.clone());
            let session = self.connected().await?;
            let mut warn = |text: String| warnings.push(text);
            let claimed = claim::claim(session, &schema, &here, job, mode, limit, &mut warn).await;
            for text in warnings.drain(..) {
                self.warn(text);
            }
            let error = match claimed {
                Ok(Ok(mut claim)) => {
                    let turned = self.run_dates(job, &mut claim, limit).await;
                    // However the turn ended, no process of the job may survive it.
                    self.sweep().await;
                    self.forget_shown().await;
                    if self.session.as_ref().is_some_and(Session::is_spent) {
                        self.renew_session().await;
                    }
                    match turned {
                        Err(e) if claim.pending.is_some() => e,
                        turned => return turned,
                    }
                }
                Ok(Err(refused)) => {
                    if let (Some(held), Outcome::Interrupted { why, .. }) = (refused.held, &refused.outcome) {
                        self.held(job, held.failed_before, held.date, held.errors, why).await;
                    }
                    return Ok(Turned { outcome: refused.outcome, next_run: refused.next_run, rest: None });
                }
                Err(e) => e,
            };
            self.session = None;
            // The server may have closed an idle session, so this is tried once more, unless the session was new.
            if !(again && error.exit == Exit::Unavailable) {
                return Err(store::explain(error));
            }
            again = false;
        }
    }

    /// Kills every process that a job has left behind.
    async fn sweep(&mut self) {
        let patience = if self.stopping || self.alone { program::SLICE } else { process::HANGS };
        if let Err(e) = process::sweep(patience).await {
            self.warn(e.message);
        }
        self.resort.rest();
    }

    /// Deletes the copied output of attempts that have ended and are recorded. If that fails, a runner deletes it
    /// later.
    async fn forget_shown(&mut self) {
        let ids: Vec<String> = std::mem::take(&mut self.shown).iter().map(i64::to_string).collect();
        let Some(session) = self.session.as_mut().filter(|_| !ids.is_empty()) else { return };
        let ids = format!("{{{}}}", ids.join(","));
        let statements = [
            plain!("BEGIN"),
            named("wait", vec![Some("100ms")]),
            plain!("SET LOCAL synchronous_commit = off"),
            named("shown", vec![Some(&ids)]),
            plain!("COMMIT"),
        ];
        let removed = async {
            match session.pipeline(&statements).await {
                Err(e) if e.exit != Exit::Unavailable => session.roll_back().await,
                removed => removed.map(drop),
            }
        };
        // The next turn does not wait longer than this.
        if !matches!(tokio::time::timeout(Duration::from_secs(1), removed).await, Ok(Ok(()))) {
            self.session = None;
        }
    }

    async fn run_dates(&mut self, job: &Job, claim: &mut Claim, limit: TurnLimit) -> Result<Turned> {
        let begun = Instant::now();
        let mut dates = claim.dates.clone();
        let of = if job.backfill { dates.clone().take(COUNTED).count() as u64 } else { 1 };
        let mut number = 0;
        let done = |outcome, next_run, rest| Ok(Turned { outcome, next_run, rest });
        while let Some(date) = dates.next() {
            number += 1;
            let is_time = limit.others_wait && begun.elapsed() >= SLICE;
            let rest = match dates.peek() {
                Some(_) if is_time => Some(Remaining::Time { through: dates.end() }),
                Some(_) => None,
                None => dates.is_capped().then_some(Remaining::Cap),
            };
            let following = dates.peek().filter(|_| rest.is_none());
            let date = Date { date, following, rest };
            self.listen().await;
            if self.stopping || self.alone {
                let interruption = if self.alone {
                    Interruption::crash("its runner is gone")
                } else {
                    Interruption::stop("it was told to stop before it began")
                };
                if claim.pending.is_some() {
                    self.give_up().await;
                    let why = interruption.why;
                    return done(Outcome::Interrupted { why, held: false }, None, None);
                }
                let nothing = Done::nothing(Duration::ZERO);
                let outcome = self.cut_off(job, claim, date.date, interruption.unbegun(), &nothing).await;
                return done(outcome, None, None);
            }
            let started = |attempt, pid| Event::Started { date: date.date, attempt, number, of, pid };
            let is_ours = match claim.pending {
                // The job's row is locked, so no other guard can claim the job in the meantime.
                Some(_) => Ok(()),
                None => self.still_ours(job, claim).await,
            };
            let ended = match (is_ours, &job.work) {
                (Err(Loss::Stolen), _) => Ended::Stolen(Done::nothing(Duration::ZERO)),
                (Err(Loss::Expired), _) => {
                    let interruption = Interruption::crash("the server was not heard").unbegun();
                    Ended::Interruption(interruption, Done::nothing(Duration::ZERO))
                }
                (Ok(()), Work::Sql { text, transaction, database: Some(database) }) => {
                    crate::helper::tell_with_next(&started(claim.attempt, None));
                    let there = Elsewhere { database, text, transaction: *transaction };
                    self.elsewhere(job, claim, there, date.date).await
                }
                (Ok(()), Work::Sql { text, transaction, database: None }) => {
                    self.resort.rest();
                    let started = |attempt| crate::helper::tell_with_next(&started(attempt, None));
                    self.sql(job, claim, text, *transaction, date, &started).await
                }
                (Ok(()), Work::Program { .. }) => {
                    let begun = Instant::now();
                    match self.program(job, claim, date.date) {
                        Ok(running) => {
                            crate::helper::tell_with_next(&started(
                                claim.attempt,
                                Some(running.tree().pid()),
                            ));
                            self.watch(job, claim, running, begun).await
                        }
                        Err(failure) => {
                            self.say(started(claim.attempt, None));
                            let work = Done::nothing(begun.elapsed());
                            Ended::Ran(Done { failure: Some(failure), ..work })
                        }
                    }
                }
            };
            if let Ended::Left(work, why) = ended {
                self.told(date.date, &work, true);
                self.renew_session().await;
                return done(Outcome::Interrupted { why, held: false }, None, None);
            }
            // No process of one date may survive into the next.
            self.sweep().await;
            match ended {
                Ended::Committed(work, next) => {
                    self.told(date.date, &work, false);
                    match next {
                        Some(next) => (claim.run, claim.attempt) = (next.id, next.attempt),
                        // Another guard has taken over the claim, having found that the next date was never begun.
                        None if following.is_some() => {
                            let why =
                                "its claim was taken over after it had run for one of its dates".to_owned();
                            return done(Outcome::Interrupted { why, held: false }, None, None);
                        }
                        None => {
                            self.succeeded(job, claim, date.date).await;
                            return done(
                                Outcome::Succeeded,
                                Some(self.next_run(job, claim, date, false)),
                                rest,
                            );
                        }
                    }
                }
                Ended::Ran(work) if work.failure.is_none() && following.is_some() => {
                    match self.record_date(job, claim, &work, date).await {
                        Ok(Some(next)) => {
                            self.told(date.date, &work, false);
                            (claim.run, claim.attempt) = (next.id, next.attempt);
                        }
                        Ok(None) => return done(lost(), None, None),
                        Err(outcome) => return done(outcome, None, None),
                    }
                }
                Ended::Ran(work) => {
                    let recorded = self.record_end(job, claim, &work, date).await;
                    self.told(date.date, &work, false);
                    let next_run = Some(self.next_run(job, claim, date, work.failure.is_some()));
                    return match (recorded, work.failure) {
                        (Err(outcome), _) => done(outcome, None, None),
                        (Ok(false), _) => done(lost(), None, None),
                        (Ok(true), Some(failure)) => {
                            self.failed(job, claim, date.date, &failure).await;
                            done(Outcome::Failed, next_run, None)
                        }
                        (Ok(true), None) => {
                            self.succeeded(job, claim, date.date).await;
                            done(Outcome::Succeeded, next_run, rest)
                        }
                    };
                }
                Ended::Interruption(interruption, work) => {
                    self.told(date.date, &work, true);
                    let outcome = self.cut_off(job, claim, date.date, interruption, &work).await;
                    return done(outcome, None, None);
                }
                Ended::Stolen(work) => {
                    self.told(date.date, &work, true);
                    self.stolen(job, claim, &work).await;
                    let why = "its claim is gone: another process has taken it over, or reset it".to_owned();
                    return done(Outcome::Interrupted { why, held: false }, None, None);
                }
                Ended::Unclaimed(e) if claim::is_locked(&e) => return done(Outcome::Locked, None, None),
                Ended::Unclaimed(e) => return Err(e),
                Ended::Left(..) => return Err(Error::bug("an attempt was left twice")),
            }
        }
        // A run has at least one date.
        Err(Error::bug("a run without a date"))
    }

    /// Takes in what the runner has sent in the meantime.
    pub(super) async fn listen(&mut self) {
        // The runtime has to poll the pipe before anything in it becomes visible.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            order = self.master.order::<Order>() => match order {
                Ok(Some(Order::Stop)) => self.stopping = true,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => self.alone = true,
            },
            () = std::future::ready(()) => {}
        }
    }

    /// Checks that the claim is still ours if the session was replaced, or if the server was not heard for a
    /// while, for example because this process was stopped: work must begin only under lock and lease. From here
    /// on the kernel watches over the lease. Renews the claim if it has grown old over many dates.
    async fn still_ours(&mut self, job: &Job, claim: &Claim) -> std::result::Result<(), Loss> {
        if let Some(session) = self.session.as_ref().filter(|session| session.holds_lock())
            && boot_time().saturating_sub(session.heard()) < DOUBT.min(job.lease / 3)
            && !claim.renewal.left().is_zero()
        {
            if matches!(job.work, Work::Program { .. }) {
                self.resort.watch(job.lease, session.heard());
            }
            return Ok(());
        }
        beat();
        let setup = self.setup.clone();
        // Nothing runs yet, so the check may take as long as a whole lease.
        let now = boot_time();
        let mut renewer =
            LeaseRenewer::new(job, claim, &setup.schema, &mut self.session, &mut self.resort, now);
        renewer.look(&async || connect(&setup).await).await
    }

    /// Tells the runner if all that remains of a job's turn is to record it: the job has no more dates, and no
    /// command or channel has to be notified of its end.
    pub(super) fn tell_of_record(&self, job: &Job, date: Date) {
        let is_last = date.following.is_none() && !matches!(date.rest, Some(Remaining::Time { .. }));
        if is_last && job.on_failure.is_none() && job.on_recovery.is_none() {
            self.say(Event::Recording);
        }
    }

    fn told(&self, date: Timestamp, work: &Done, cut: bool) {
        let how = Finished {
            failure: work.failure.clone(),
            cut,
            duration: work.took,
            output_bytes: work.output.bytes(),
        };
        // The next message, which sends this one along, comes soon: the turn's end, the next date, or a beat.
        crate::helper::tell_with_next(&Event::Finished { date, how });
    }

    pub(super) fn next_run(&self, job: &Job, claim: &Claim, date: Date, failed: bool) -> Timestamp {
        let end = match (failed, date.rest) {
            (true, _) => plan::End::Failed(u32::try_from(claim.attempt).unwrap_or(u32::MAX)),
            (false, Some(_)) => plan::End::Unfinished,
            (false, None) => plan::End::Done,
        };
        plan::next_run(job, claim.begun, date.date, end)
    }

    /// Handles an attempt that was cut off: gives the claim back, or holds the job until a person has looked at
    /// it.
    async fn cut_off(
        &mut self,
        job: &Job,
        claim: &Claim,
        date: Timestamp,
        interruption: Interruption,
        work: &Done,
    ) -> Outcome {
        let held = interruption.has_begun && holds(job);
        beat();
        if let Err(e) = self.release(job, claim, &interruption, work, held).await {
            self.warn(format!("could not release the claim: {}", e.one_line()));
        }
        if held {
            let errors = claim.errors_before + i64::from(interruption.is_crash);
            self.held(job, claim.failed_before, date, errors, &interruption.why).await;
        }
        Outcome::Interrupted { why: interruption.why, held }
    }

    async fn stolen(&mut self, job: &Job, claim: &Claim, work: &Done) {
        let (run, took) = (claim.run.to_string(), store::interval(work.took));
        let values = vec![Some(run.as_str()), Some(&job.name), Some(&claim.mark), Some(&took)];
        if let Err(e) = self.record(&[named("stolen", values)], record::PATIENCE).await {
            self.warn(format!("could not record that the job was taken over: {}", e.one_line()));
        }
        self.unlock().await;
    }

    /// Gives up a claim that was not made.
    async fn give_up(&mut self) {
        if let Some(session) = self.session.as_mut()
            && claim::give_up(session).await.is_err()
        {
            self.session = None;
        }
    }

    pub(super) async fn roll_back(&mut self) {
        if let Some(session) = self.session.as_mut()
            && session.roll_back().await.is_err()
        {
            self.session = None;
        }
    }

    pub(super) async fn unlock(&mut self) {
        if let Some(session) = self.session.as_mut()
            && session.pipeline(&[named("unlock", vec![])]).await.is_err()
        {
            self.session = None;
        }
    }
}

/// Returns whether a job that was cut off is held until a person decides. A job that runs in a transaction leaves
/// nothing half done, so it never is.
fn holds(job: &Job) -> bool {
    job.on_crash == OnCrash::Hold && !job.is_transaction()
}

/// Returns the outcome for a claim that was gone by the time the result came.
fn lost() -> Outcome {
    Outcome::Unrecorded { why: "its claim was already gone when its result came (see crontabber_log)".into() }
}

/// Sleeps until this instant; forever if it is `None`.
pub(super) async fn at(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

//! The guard: runs jobs, one at a time, and is their last word. It holds the job's lock, keeps its lease, runs the
//! program or the SQL, ends the whole tree of processes where it must, and records what came of it.
//!
//! A guard is pgkit started again. Its orders come over a pipe; the end of that pipe is the end of what runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;

use super::claim::{self, Attempt, Claim, Here, array};
use super::file::{Job, OnCrash, Tell, Work};
use super::lease::{self, Keeper, Loss};
use super::output::{self, Captured};
use super::plan::{self, Dates};
use super::process::{self, MARK, Program};
use super::session::{Session, Statement, first, json, named, plain};
use super::spool::{self, Kept};
use super::store::{interval, lock_key};
use super::talk::{Event, Failure, Finished, Order, Outcome, Setup};
use super::tell::{self, News};
use crate::error::{Error, Exit, Result};
use crate::helper::Master;
use crate::session::Answer;
use crate::sql;

/// How long a guard without work keeps its session as it is.
const IDLE: Duration = Duration::from_secs(2);
/// How long a result is tried to be recorded beyond the lease.
const RECORDING: Duration = Duration::from_secs(20);
/// The same where the master is gone: what is left is found by whoever looks next.
const ALONE: Duration = Duration::from_secs(5);
/// How often a waiting runner hears that its guard lives.
const BEAT: Duration = Duration::from_secs(1);
/// How much of the output stands in crontabber's log and `last_error`, in bytes.
const TRACEBACK: usize = 8 << 10;
/// How long a cancelled statement may take to end.
const CANCELLED: Duration = Duration::from_secs(2);

struct Guard<'m> {
    master: &'m mut Master,
    setup: Rc<Setup>,
    here: Here,
    session: Option<Session>,
    /// The master is gone: nobody hears, and what runs is to end.
    alone: bool,
}

/// What a job's work gave, before anything is recorded.
struct Done {
    failure: Option<Failure>,
    output: Captured,
    took: Duration,
}

/// What the ledger says of an attempt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    state: Option<String>,
    next: Option<Attempt>,
}

/// How an attempt ended.
enum Ended {
    /// It ran to its end; what came of it is yet to be recorded.
    Ran(Done),
    /// It succeeded, and its record is in the same transaction.
    Committed(Done, Option<Attempt>),
    /// It was cut off.
    Cut(String, Done),
    /// Somebody else has the job now.
    Stolen(Done),
}

/// Why a running job is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Timeout,
    Stop,
    Alone,
    Lease,
    Stolen,
}

/// What the helper does.
pub(crate) async fn run(master: &mut Master) -> Exit {
    process::become_subreaper();
    let setup: Setup = match master.order().await {
        Ok(Some(setup)) => setup,
        Ok(None) => return Exit::Done,
        Err(e) => return e.exit,
    };
    let here = Here::new(&setup.host);
    let mut guard = Guard { master, setup: Rc::new(setup), here, session: None, alone: false };
    let mut idle = false;
    loop {
        let order = tokio::select! {
            order = guard.master.order::<Order>() => order,
            () = tokio::time::sleep(IDLE), if !idle => {
                idle = true;
                if let Some(session) = &mut guard.session && session.idle().await.is_err() {
                    guard.session = None;
                }
                continue;
            }
        };
        idle = false;
        match order {
            Ok(Some(Order::Run { job, mode })) => {
                let outcome = match guard.turn(&job, mode).await {
                    Ok(outcome) => outcome,
                    Err(e) => Outcome::Broken { why: one_line(&e) },
                };
                guard.say(Event::Done { outcome });
            }
            Ok(Some(Order::Replay)) => {
                if let Err(e) = guard.replay().await {
                    guard.say(Event::Warning {
                        text: format!("a kept result could not be recorded: {}", e.message),
                    });
                }
                guard.say(Event::Done { outcome: Outcome::Succeeded });
            }
            // There is nothing to end.
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
    let _ = process::sweep().await;
    Exit::Done
}

fn one_line(error: &Error) -> String {
    let mut text = error.message.clone();
    for cause in &error.causes {
        text.push_str(": ");
        text.push_str(cause);
    }
    for hint in &error.hints {
        text.push_str(" (");
        text.push_str(hint);
        text.push(')');
    }
    text
}

async fn connect(setup: &Setup) -> Result<Session> {
    let echo: super::session::Echo = if setup.echo { Some(Box::new(tell_sql)) } else { None };
    Session::connect(&setup.target, &setup.schema, echo).await
}

fn tell_sql(text: &str) {
    crate::helper::tell(&Event::Sql { text: text.to_owned() });
}

impl Guard<'_> {
    fn say(&self, event: Event) {
        self.master.answer(Ok(event));
    }

    fn warn(&self, text: String) {
        self.say(Event::Warning { text });
    }

    /// A session that answers.
    async fn connected(&mut self) -> Result<&mut Session> {
        if let Some(session) = &mut self.session
            && session.wake().await.is_err()
        {
            self.session = None;
        }
        if self.session.is_none() {
            self.session = Some(connect(&self.setup).await?);
        }
        self.session.as_mut().ok_or_else(|| Error::bug("a session that is not there"))
    }

    /// A job's turn: claims it, runs it for each of its dates, and says what became of it.
    async fn turn(&mut self, job: &Job, mode: super::talk::Mode) -> Result<Outcome> {
        let mut warnings = Vec::new();
        let mut again = self.session.is_some();
        let claimed = loop {
            let (schema, here) = (self.setup.schema.clone(), self.here.clone());
            let session = self.connected().await?;
            let mut warn = |text: String| warnings.push(text);
            match claim::claim(session, &schema, &here, job, mode, &mut warn).await {
                Ok(claimed) => break claimed,
                Err(e) => {
                    self.session = None;
                    // A session that has been idle may have been ended; one that was opened just now not.
                    if !(again && e.exit == Exit::Unavailable) {
                        return Err(super::store::explain(e));
                    }
                    again = false;
                }
            }
        };
        for text in warnings {
            self.warn(text);
        }
        let mut claim = match claimed {
            Ok(claim) => claim,
            Err(outcome) => return Ok(outcome),
        };
        let outcome = self.run_dates(job, &mut claim).await;
        // Whatever it was, nothing of the job lives on.
        if let Err(e) = process::sweep().await {
            self.warn(e.message);
        }
        outcome
    }

    async fn run_dates(&mut self, job: &Job, claim: &mut Claim) -> Result<Outcome> {
        let of = if job.backfill { claim.dates.clone().take(100_000).count() as u64 } else { 1 };
        let mut dates: Peekable<Dates> = claim.dates.clone().peekable();
        let mut number = 0;
        while let Some(date) = dates.next() {
            number += 1;
            let following = dates.peek().copied();
            let started = |pid| Event::Started { date, attempt: claim.attempt, number, of, pid };
            let ended = match &job.work {
                Work::Sql { text, transaction } => {
                    self.say(started(None));
                    self.sql(job, claim, text, *transaction, date, following).await
                }
                Work::Program { words, environment, directory } => {
                    let program = self.program(job, claim, words, environment, directory.as_ref(), date);
                    match program.start() {
                        Ok(running) => {
                            self.say(started(Some(running.pid())));
                            self.watch(job, claim, running).await
                        }
                        Err(e) => {
                            self.say(started(None));
                            let message = one_line(&e);
                            let failure = Failure {
                                kind: "could not start".into(),
                                traceback: message.clone(),
                                message,
                            };
                            Ended::Ran(Done {
                                failure: Some(failure),
                                output: Captured::default(),
                                took: Duration::ZERO,
                            })
                        }
                    }
                }
            };
            // Between two dates nothing of the first is left.
            if let Err(e) = process::sweep().await {
                self.warn(e.message);
            }
            match ended {
                Ended::Committed(work, next) => {
                    self.told(date, &work);
                    match next {
                        Some(next) => (claim.run, claim.attempt) = (next.id, next.attempt),
                        None => return Ok(self.succeeded(job, claim, date).await),
                    }
                }
                Ended::Ran(work) if work.failure.is_none() && following.is_some() => {
                    match self.record_date(job, claim, &work, date, following).await {
                        Ok(Some(next)) => {
                            self.told(date, &work);
                            (claim.run, claim.attempt) = (next.id, next.attempt);
                        }
                        Ok(None) => return Ok(lost()),
                        Err(outcome) => return Ok(outcome),
                    }
                }
                Ended::Ran(work) => {
                    let recorded = self.record_end(job, claim, &work, date).await;
                    self.told(date, &work);
                    return Ok(match (recorded, work.failure) {
                        (Err(outcome), _) => outcome,
                        (Ok(false), _) => lost(),
                        (Ok(true), Some(failure)) => {
                            self.failed(job, claim, date, &failure).await;
                            Outcome::Failed
                        }
                        (Ok(true), None) => self.succeeded(job, claim, date).await,
                    });
                }
                Ended::Cut(why, work) => {
                    self.told(date, &work);
                    let held = job.on_crash == OnCrash::Hold;
                    if let Err(e) = self.release(job, claim, &why, &work, held).await {
                        self.warn(format!("the claim could not be given back: {}", one_line(&e)));
                    }
                    return Ok(Outcome::Interrupted { why, held });
                }
                Ended::Stolen(work) => {
                    let (run, took) = (claim.run.to_string(), seconds(work.took));
                    let statements = [named("stolen", vec![Some(&run), Some(&job.name), Some(&took)])];
                    let _ = self.record(&statements, RECORDING).await;
                    self.unlock().await;
                    return Ok(Outcome::Interrupted {
                        why: "somebody else has taken it over".into(),
                        held: false,
                    });
                }
            }
            if self.alone {
                let none = Done { failure: None, output: Captured::default(), took: Duration::ZERO };
                let why = "its runner is gone";
                let held = job.on_crash == OnCrash::Hold;
                let _ = self.release(job, claim, why, &none, held).await;
                return Ok(Outcome::Interrupted { why: why.into(), held });
            }
        }
        // A run has at least one date.
        Err(Error::bug("a run without a date"))
    }

    fn told(&self, date: Timestamp, work: &Done) {
        let how = Finished {
            failure: work.failure.clone(),
            duration: work.took,
            output_bytes: work.output.bytes(),
        };
        self.say(Event::Finished { date, how });
    }

    fn program(
        &self,
        job: &Job,
        claim: &Claim,
        words: &[String],
        environment: &BTreeMap<String, String>,
        directory: Option<&PathBuf>,
        date: Timestamp,
    ) -> Program {
        let date_text = date.to_string();
        let mut all = environment.clone();
        for (name, value) in [
            ("PGKIT_JOB", job.name.clone()),
            ("PGKIT_RUN_DATE", date_text.clone()),
            ("PGKIT_ATTEMPT", claim.attempt.to_string()),
            ("PGKIT_BACKFILL", if job.backfill { "1" } else { "0" }.to_owned()),
            (MARK, claim.mark.clone()),
            ("PGAPPNAME", format!("{} attempt {}", job.name, claim.attempt)),
        ] {
            all.insert(name.to_owned(), value);
        }
        Program {
            words: words.iter().map(|word| word.replace("{date}", &date_text)).collect(),
            environment: all,
            directory: directory.map_or_else(|| self.setup.folder.clone(), |d| self.setup.folder.join(d)),
        }
    }

    /// Waits for a program's end, or ends it.
    async fn watch(&mut self, job: &Job, claim: &mut Claim, mut running: process::Running) -> Ended {
        let begun = Instant::now();
        let Guard { master, setup, session, alone, .. } = self;
        let pid = running.pid();
        let mut keeper = Keeper {
            session,
            job: &job.name,
            key: lock_key(&setup.schema, &job.name).to_string(),
            token: &mut claim.token,
            run: claim.run,
            lease: job.lease,
            max_ongoing_age: job.max_ongoing_age,
            leader: pid,
        };
        let setup = setup.clone();
        let mut keep = Box::pin(keeper.keep(
            async || connect(&setup).await,
            || {
                crate::helper::tell(&Event::Beat);
            },
        ));
        let mut ending: Option<(Cause, Instant)> = None;
        let mut gone = false;
        let deadline = job.timeout.map(|timeout| begun + timeout);
        let (status, cause) = loop {
            let until = match (ending, deadline) {
                (Some((_, kill)), _) => Some(kill),
                (None, deadline) => deadline,
            };
            let cause = tokio::select! {
                status = running.end() => break (status.map(Some), ending.map(|(cause, _)| cause)),
                loss = &mut keep => match loss {
                    Loss::Expired => Cause::Lease,
                    Loss::Stolen => Cause::Stolen,
                },
                order = master.order::<Order>(), if !gone => match order {
                    Ok(Some(Order::Stop)) => Cause::Stop,
                    Ok(Some(_)) => continue,
                    Ok(None) | Err(_) => {
                        gone = true;
                        Cause::Alone
                    }
                },
                () = at(until) => match ending {
                    // TERM was not enough.
                    Some((cause, _)) => break (running.kill().await, Some(cause)),
                    None => Cause::Timeout,
                },
            };
            match cause {
                // Nobody knows any more whether the job is ours: no time for TERM.
                Cause::Lease | Cause::Stolen | Cause::Alone => break (running.kill().await, Some(cause)),
                Cause::Timeout | Cause::Stop => {
                    if ending.is_none() {
                        running.terminate();
                        ending = Some((cause, Instant::now() + job.kill_after));
                    }
                }
            }
        };
        drop(keep);
        *alone = *alone || gone;
        let took = begun.elapsed();
        let output = std::mem::take(&mut running.output);
        let status = match status {
            Ok(status) => status,
            Err(e) => {
                self.warn(one_line(&e));
                None
            }
        };
        let how = status.map_or(Some("an unknown end".to_owned()), process::failure);
        let message = running.errors.last_line().or_else(|| output.last_line());
        let failure = |kind: String, message: String| Failure {
            traceback: traceback(&output, &message),
            kind,
            message,
        };
        let work = |failure| Done { failure, output: Captured::default(), took };
        let ended = match (cause, how) {
            (None | Some(Cause::Stop), None) => Ended::Ran(work(None)),
            (None, Some(how)) => {
                let message = message.unwrap_or_else(|| how.clone());
                Ended::Ran(work(Some(failure(how, message))))
            }
            (Some(Cause::Timeout), _) => {
                let limit = job.timeout.unwrap_or_default();
                let message = format!("it took longer than its timeout of {limit:?}");
                Ended::Ran(work(Some(failure("timeout".into(), message))))
            }
            (Some(Cause::Stop), Some(how)) => Ended::Cut(format!("it was told to stop ({how})"), work(None)),
            (Some(Cause::Alone), _) => Ended::Cut("its runner is gone".into(), work(None)),
            (Some(Cause::Lease), _) => {
                Ended::Cut(format!("the server was not heard for {:?}", job.lease), work(None))
            }
            (Some(Cause::Stolen), _) => Ended::Stolen(work(None)),
        };
        with_output(ended, output)
    }

    /// Runs a job's SQL. In a transaction its record is part of it.
    async fn sql(
        &mut self,
        job: &Job,
        claim: &mut Claim,
        text: &str,
        transaction: bool,
        date: Timestamp,
        following: Option<Timestamp>,
    ) -> Ended {
        let begun = Instant::now();
        let heard = Rc::new(RefCell::new(Captured::default()));
        let zone = job.timezone.iana_name().unwrap_or("UTC").to_owned();
        let date_text = date.to_string();
        let dated = !sql::scan(text).placeholders.is_empty();
        let Guard { master, setup, session: held, alone, .. } = self;
        let Some(session) = held.as_mut() else {
            return Ended::Cut("its session is lost".into(), nothing(begun));
        };
        let hearer = heard.clone();
        session.hear(Some(Box::new(move |text: &str| {
            let mut captured = hearer.borrow_mut();
            captured.push(text.as_bytes());
            captured.push(b"\n");
        })));
        let canceler = session.canceler();
        let before: Vec<Statement<'_>> = if transaction {
            vec![plain("BEGIN"), named("work", vec![Some(&zone)])]
        } else {
            vec![plain("SET statement_timeout = 0"), plain("SET lock_timeout = 0")]
        };
        let answer = {
            let work = async {
                if dated {
                    session.job_dated(&before, text, &date_text).await
                } else {
                    session.job_text(&before, text).await
                }
            };
            let mut work = std::pin::pin!(work);
            let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
            let renew = job.max_ongoing_age.min(Duration::from_secs(12 * 3600)) / 2;
            let mut renewed = Instant::now();
            let mut cause: Option<Cause> = None;
            let mut until = job.timeout.map(|timeout| begun + timeout);
            loop {
                let now = tokio::select! {
                    answer = &mut work => break (Some(answer), cause),
                    _ = beat.tick() => {
                        crate::helper::tell(&Event::Beat);
                        if renewed.elapsed() >= renew {
                            renewed = Instant::now();
                            // The session is busy with the job.
                            if let Ok(mut other) = connect(setup).await {
                                if let Ok(Some(token)) =
                                    lease::renew(&mut other, &job.name, claim.token, claim.run).await
                                {
                                    claim.token = token;
                                }
                                other.close().await;
                            }
                        }
                        continue;
                    }
                    order = master.order::<Order>(), if !*alone => match order {
                        Ok(Some(Order::Stop)) => Cause::Stop,
                        Ok(Some(_)) => continue,
                        Ok(None) | Err(_) => {
                            *alone = true;
                            Cause::Alone
                        }
                    },
                    () = at(until) => match cause {
                        // The cancel was not heard.
                        Some(_) => break (None, cause),
                        None => Cause::Timeout,
                    },
                };
                if cause.is_none() {
                    cause = Some(now);
                    let _ = tokio::time::timeout(CANCELLED, canceler.cancel()).await;
                    until = Some(Instant::now() + CANCELLED);
                }
            }
        };
        let took = begun.elapsed();
        if let Some(session) = held.as_mut() {
            session.hear(None);
        }
        let captured = std::mem::take(&mut *heard.borrow_mut());
        let work = |failure| Done { failure, output: Captured::default(), took };
        let (answer, cause) = answer;
        let ended = match (answer, cause) {
            (None, _) | (Some(Err(_)), _) => {
                // Whatever the session is in the middle of ends with it.
                *held = None;
                match cause {
                    Some(Cause::Timeout) => Ended::Ran(work(Some(timed_out(job)))),
                    Some(Cause::Stop) => Ended::Cut("it was told to stop".into(), work(None)),
                    Some(_) => Ended::Cut("its runner is gone".into(), work(None)),
                    None => self.after_loss(job, claim, following, work(None)).await,
                }
            }
            (Some(Ok(answer)), cause) => {
                self.after_answer(
                    job,
                    claim,
                    answer,
                    cause,
                    transaction,
                    date,
                    following,
                    work(None),
                    &captured,
                )
                .await
            }
        };
        with_output(ended, captured)
    }

    /// The server has answered the job's SQL: fails, or commits it with its record.
    #[expect(clippy::too_many_arguments, reason = "one place calls it, with what it has found out")]
    async fn after_answer(
        &mut self,
        job: &Job,
        claim: &Claim,
        answer: Answer,
        cause: Option<Cause>,
        transaction: bool,
        date: Timestamp,
        following: Option<Timestamp>,
        work: Done,
        captured: &Captured,
    ) -> Ended {
        let took = work.took;
        let with = |failure| Ended::Ran(Done { failure: Some(failure), output: Captured::default(), took });
        if let Some(refused) = &answer.refused {
            self.roll_back().await;
            let canceled = refused.sqlstate.as_deref() == Some("57014");
            return match cause {
                Some(Cause::Timeout) if canceled => with(timed_out(job)),
                Some(Cause::Stop) if canceled => Ended::Cut("it was told to stop".into(), work),
                Some(Cause::Alone) if canceled => Ended::Cut("its runner is gone".into(), work),
                _ => with(self.refusal(refused, answer.context.as_deref(), captured, job)),
            };
        }
        if !transaction {
            if answer.status != b'I' {
                self.roll_back().await;
                return with(Failure {
                    kind: "transaction".into(),
                    message: "the job has left a transaction open; it was rolled back".into(),
                    traceback: traceback(captured, "the job's text begins a transaction and does not end it"),
                });
            }
            return Ended::Ran(work);
        }
        if answer.status != b'T' {
            self.roll_back().await;
            return with(Failure {
                kind: "transaction".into(),
                message: "the job has ended the transaction that its record belongs to".into(),
                traceback: traceback(captured, "leave COMMIT and ROLLBACK out, or say transaction = false"),
            });
        }
        let values = match following {
            None => self.finish_values(job, claim, None, captured, took, date, true),
            Some(next) => self.next_values(job, claim, captured, took, date, next, true),
        };
        let mut statements = vec![
            plain("SET CONSTRAINTS ALL IMMEDIATE"),
            plain("RESET SESSION AUTHORIZATION"),
            plain("RESET ROLE"),
            plain("RESET ALL"),
            named("house", vec![]),
            named(
                if following.is_some() { "next" } else { "finish" },
                values.iter().map(Option::as_deref).collect(),
            ),
            plain("COMMIT"),
        ];
        if following.is_none() {
            statements.push(named("unlock", vec![]));
        }
        statements.extend([plain("DISCARD TEMP"), plain("UNLISTEN *"), plain("CLOSE ALL")]);
        let Some(session) = self.session.as_mut() else {
            return Ended::Cut("its session is lost".into(), work);
        };
        match session.pipeline(&statements).await {
            Ok(answers) => {
                if following.is_none() {
                    self.deallocate(first(answers.get(7))).await;
                    return Ended::Committed(work, None);
                }
                match json::<Attempt>(answers.get(5)) {
                    Ok(next) => Ended::Committed(work, Some(next)),
                    Err(e) => {
                        self.warn(one_line(&e));
                        self.session = None;
                        Ended::Cut("its record is not understood".into(), work)
                    }
                }
            }
            Err(e) if e.sqlstate.is_none() || e.exit == Exit::Unavailable => {
                self.session = None;
                self.after_loss(job, claim, following, work).await
            }
            Err(e) if e.sqlstate.as_deref() == Some("22012") => {
                self.roll_back().await;
                Ended::Stolen(work)
            }
            Err(e) => {
                // A deferred constraint, say: the job's own fault, and told as such.
                self.roll_back().await;
                let failure = self.refusal(&e, None, captured, job);
                with(failure)
            }
        }
    }

    /// The connection was lost in the middle of a job's SQL: did it commit? The ledger knows.
    async fn after_loss(
        &mut self,
        job: &Job,
        claim: &Claim,
        following: Option<Timestamp>,
        work: Done,
    ) -> Ended {
        let key = lock_key(&self.setup.schema, &job.name).to_string();
        let (run, token) = (claim.run.to_string(), claim.token.to_string());
        let give_up = Instant::now() + job.lease + RECORDING;
        while Instant::now() < give_up {
            self.say(Event::Beat);
            if self.session.is_none() {
                self.session = connect(&self.setup).await.ok();
            }
            if let Some(session) = self.session.as_mut() {
                // As long as the old session lives it may yet commit; with it its lock goes.
                let state_of = named("state_of", vec![Some(&run), Some(&job.name), Some(&token)]);
                match session.pipeline(&[named("lock", vec![Some(&key)]), state_of]).await {
                    Ok(answers) if first(answers.first()).as_deref() == Some("t") => {
                        let Ok(found) = json::<Found>(answers.get(1)) else {
                            return Ended::Cut("the connection was lost while it ran".into(), work);
                        };
                        if found.state.as_deref() != Some("succeeded") {
                            return Ended::Cut("the connection was lost while it ran".into(), work);
                        }
                        if following.is_none() {
                            self.unlock().await;
                        }
                        return Ended::Committed(work, found.next);
                    }
                    Ok(_) => {}
                    Err(_) => self.session = None,
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ended::Cut("the connection was lost while it ran, and the server stays away".into(), work)
    }

    fn refusal(&self, error: &Error, context: Option<&str>, captured: &Captured, job: &Job) -> Failure {
        let message = error.message.strip_prefix("the server says: ").unwrap_or(&error.message).to_owned();
        let mut lines: Vec<String> = error.causes.iter().map(|cause| format!("DETAIL:  {cause}")).collect();
        lines.extend(error.hints.iter().map(|hint| format!("HINT:  {hint}")));
        lines.extend(context.map(|context| format!("CONTEXT:  {context}")));
        if lines.is_empty() {
            lines.push(format!("in the SQL of job {:?}", job.name));
        }
        let notices = captured.end(TRACEBACK);
        if !notices.is_empty() {
            lines.push(notices);
        }
        let state = error.sqlstate.as_deref().unwrap_or("unknown");
        Failure { kind: format!("SQLSTATE {state}"), message, traceback: lines.join("\n") }
    }

    fn text(&self, text: &str) -> String {
        let held = output::text(text.as_bytes());
        if self.setup.ascii { output::ascii(&held) } else { held }
    }

    /// The values of `finish.sql`.
    #[expect(clippy::too_many_arguments, reason = "they are the statement's")]
    fn finish_values(
        &self,
        job: &Job,
        claim: &Claim,
        failure: Option<&Failure>,
        output: &Captured,
        took: Duration,
        date: Timestamp,
        with_work: bool,
    ) -> Vec<Option<String>> {
        let flag = |yes: bool| Some(if yes { "t" } else { "f" }.to_owned());
        let next = plan::next_run(job, claim.begun, date, failure.is_some());
        // A backfill job's success is its date; any other's is when it ran.
        let success = if job.backfill { date } else { claim.begun };
        vec![
            Some(job.name.clone()),
            Some(claim.token.to_string()),
            Some(claim.run.to_string()),
            Some(claim.begun.to_string()),
            Some(next.to_string()),
            failure.is_none().then(|| success.to_string()),
            flag(failure.is_some()),
            failure.map(|f| self.text(&f.kind)),
            failure.map(|f| self.text(&f.message)),
            failure.map(|f| self.text(&f.traceback)),
            Some(array(&job.depends_on)),
            Some(seconds(took)),
            Some(output.bytes().to_string()),
            Some(self.text(&output.head())).filter(|head| !head.is_empty()),
            output.tail().map(|tail| self.text(&tail)),
            Some(if failure.is_some() { "failed" } else { "succeeded" }.to_owned()),
            flag(with_work),
            flag(claim.counts),
        ]
    }

    /// The values of `next.sql`.
    #[expect(clippy::too_many_arguments, reason = "they are the statement's")]
    fn next_values(
        &self,
        job: &Job,
        claim: &Claim,
        output: &Captured,
        took: Duration,
        date: Timestamp,
        next: Timestamp,
        with_work: bool,
    ) -> Vec<Option<String>> {
        vec![
            Some(job.name.clone()),
            Some(claim.token.to_string()),
            Some(claim.run.to_string()),
            Some(date.to_string()),
            Some(seconds(took)),
            Some(output.bytes().to_string()),
            Some(self.text(&output.head())).filter(|head| !head.is_empty()),
            output.tail().map(|tail| self.text(&tail)),
            Some(next.to_string()),
            Some(if with_work { "t" } else { "f" }.to_owned()),
        ]
    }

    /// Records the end of a run. Says whether the claim was still ours.
    async fn record_end(
        &mut self,
        job: &Job,
        claim: &Claim,
        work: &Done,
        date: Timestamp,
    ) -> std::result::Result<bool, Outcome> {
        let values =
            self.finish_values(job, claim, work.failure.as_ref(), &work.output, work.took, date, false);
        let statement = named("finish", values.iter().map(Option::as_deref).collect());
        let mut statements = vec![plain("BEGIN"), named("house", vec![]), statement, plain("COMMIT")];
        statements.push(named("unlock", vec![]));
        let is_sql = matches!(job.work, Work::Sql { .. });
        if is_sql {
            statements.extend([plain("DISCARD TEMP"), plain("UNLISTEN *"), plain("CLOSE ALL")]);
        }
        match self.record(&statements, job.lease + RECORDING).await {
            Ok(answers) => {
                self.deallocate(first(answers.get(4))).await;
                Ok(first(answers.get(2)).as_deref() == Some("1"))
            }
            Err(e) => Err(self.keep(job, values, &e)),
        }
    }

    /// Records a date that succeeded, with more to follow. Gives the next attempt; `None`: the claim is gone.
    async fn record_date(
        &mut self,
        job: &Job,
        claim: &Claim,
        work: &Done,
        date: Timestamp,
        following: Option<Timestamp>,
    ) -> std::result::Result<Option<Attempt>, Outcome> {
        let next = following.unwrap_or(date);
        let values = self.next_values(job, claim, &work.output, work.took, date, next, false);
        let statement = named("next", values.iter().map(Option::as_deref).collect());
        let statements = [plain("BEGIN"), named("house", vec![]), statement, plain("COMMIT")];
        match self.record(&statements, job.lease + RECORDING).await {
            Ok(answers) if first(answers.get(2)).is_none() => {
                self.unlock().await;
                Ok(None)
            }
            Ok(answers) => match json(answers.get(2)) {
                Ok(next) => Ok(Some(next)),
                Err(e) => Err(Outcome::Broken { why: one_line(&e) }),
            },
            Err(e) => {
                // As the end of a run it can be recorded later; the dates that follow are made up for.
                let values = self.finish_values(job, claim, None, &work.output, work.took, date, false);
                Err(self.keep(job, values, &e))
            }
        }
    }

    /// Runs statements until the server takes them. Errors: it does not in this time.
    async fn record(&mut self, statements: &[Statement<'_>], patience: Duration) -> Result<Vec<Answer>> {
        let patience = if self.alone { ALONE } else { patience };
        let give_up = Instant::now() + patience;
        loop {
            let tried = match self.connected().await {
                Ok(session) => session.pipeline(statements).await,
                Err(e) => Err(e),
            };
            let error = match tried {
                Ok(answers) => return Ok(answers),
                Err(e) => e,
            };
            if error.sqlstate.is_some() && error.exit != Exit::Unavailable {
                self.roll_back().await;
            } else {
                self.session = None;
            }
            if Instant::now() >= give_up {
                return Err(error);
            }
            self.say(Event::Beat);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Keeps what could not be recorded.
    fn keep(&self, job: &Job, values: Vec<Option<String>>, error: &Error) -> Outcome {
        let kept = Kept { place: self.setup.place.clone(), job: job.name.clone(), values };
        let why = one_line(error);
        match self.setup.spool.as_deref().map(|folder| spool::keep(folder, &kept)) {
            Some(Ok(file)) => Outcome::Unrecorded {
                why: format!("{why}; it is kept in {}, and the next run here records it", file.display()),
            },
            Some(Err(e)) => {
                Outcome::Unrecorded { why: format!("{why}; nor could it be kept: {}", one_line(&e)) }
            }
            None => Outcome::Unrecorded { why: format!("{why}; there is no folder to keep it in (HOME)") },
        }
    }

    /// Records what was kept.
    async fn replay(&mut self) -> Result<()> {
        let Some(folder) = self.setup.spool.clone() else { return Ok(()) };
        for (file, kept) in spool::all(&folder, &self.setup.place) {
            let statement = named("finish", kept.values.iter().map(Option::as_deref).collect());
            let session = self.connected().await?;
            let recorded =
                session.pipeline(&[plain("BEGIN"), named("house", vec![]), statement, plain("COMMIT")]).await;
            match recorded {
                Ok(answers) => {
                    spool::done(&file);
                    let what = if first(answers.get(2)).as_deref() == Some("1") {
                        "recorded now"
                    } else {
                        "too late: its claim was gone, which is in the log"
                    };
                    self.warn(format!(
                        "a result of job {:?} that was kept in {} is {what}",
                        kept.job,
                        file.display()
                    ));
                }
                Err(e) => {
                    self.session = None;
                    return Err(e);
                }
            }
        }
        Ok(())
    }

    /// Gives the claim back.
    async fn release(&mut self, job: &Job, claim: &Claim, why: &str, work: &Done, held: bool) -> Result<()> {
        let (token, run, took) = (claim.token.to_string(), claim.run.to_string(), seconds(work.took));
        let (bytes, head) = (work.output.bytes().to_string(), self.text(&work.output.head()));
        let tail = work.output.tail().map(|tail| self.text(&tail));
        let why = self.text(why);
        let statement = named(
            "release",
            vec![
                Some(&job.name),
                Some(&token),
                Some(&run),
                Some(&why),
                Some(if held { "t" } else { "f" }),
                Some(&took),
                Some(&bytes),
                Some(&head),
                tail.as_deref(),
            ],
        );
        let statements =
            [plain("BEGIN"), named("house", vec![]), statement, plain("COMMIT"), named("unlock", vec![])];
        self.record(&statements, job.lease + RECORDING).await.map(drop)
    }

    async fn roll_back(&mut self) {
        if let Some(session) = self.session.as_mut()
            && session.roll_back().await.is_err()
        {
            self.session = None;
        }
    }

    async fn unlock(&mut self) {
        if let Some(session) = self.session.as_mut()
            && session.pipeline(&[named("unlock", vec![])]).await.is_err()
        {
            self.session = None;
        }
    }

    /// Lets go what a job has prepared.
    async fn deallocate(&mut self, names: Option<String>) {
        if names.is_some_and(|names| !names.is_empty()) {
            // A fresh session is the surest way to have none of it; it is seldom needed.
            if let Some(session) = self.session.take() {
                session.close().await;
            }
        }
    }

    async fn succeeded(&mut self, job: &Job, claim: &Claim, date: Timestamp) -> Outcome {
        if claim.counts {
            let whom =
                tell::whom(job.on_failure.as_ref(), job.on_recovery.as_ref(), claim.failed_before, false);
            self.tell(job, whom.cloned(), date, None, claim.errors_before).await;
        }
        Outcome::Succeeded
    }

    async fn failed(&mut self, job: &Job, claim: &Claim, date: Timestamp, failure: &Failure) {
        if claim.counts {
            let whom =
                tell::whom(job.on_failure.as_ref(), job.on_recovery.as_ref(), claim.failed_before, true);
            self.tell(job, whom.cloned(), date, Some(failure), claim.errors_before + 1).await;
        }
    }

    async fn tell(
        &mut self,
        job: &Job,
        whom: Option<Tell>,
        date: Timestamp,
        failure: Option<&Failure>,
        count: i64,
    ) {
        let news = News { job: &job.name, date, failure, error_count: count };
        match whom {
            None => {}
            Some(Tell::Program(words)) => {
                if let Some(why) = news.run(&words, &self.setup.folder).await {
                    self.warn(format!("whom it should tell could not be told: {why}"));
                }
            }
            Some(Tell::Channel(channel)) => {
                let payload = self.text(&news.payload());
                let statements = [named("notify", vec![Some(&channel), Some(&payload)])];
                if let Err(e) = self.record(&statements, RECORDING).await {
                    self.warn(format!("channel {channel:?} could not be told: {}", one_line(&e)));
                }
            }
        }
    }
}

/// The claim was gone when the result came.
fn lost() -> Outcome {
    Outcome::Unrecorded { why: "its claim was gone when its result came, which is in the log".into() }
}

fn nothing(begun: Instant) -> Done {
    Done { failure: None, output: Captured::default(), took: begun.elapsed() }
}

fn timed_out(job: &Job) -> Failure {
    let message = format!("it took longer than its timeout of {:?}", job.timeout.unwrap_or_default());
    Failure { kind: "timeout".into(), traceback: message.clone(), message }
}

/// What stands as the traceback: what is known of the failure, and the end of the output.
fn traceback(output: &Captured, what: &str) -> String {
    let end = output.end(TRACEBACK);
    if end.is_empty() { what.to_owned() } else { end }
}

fn with_output(ended: Ended, output: Captured) -> Ended {
    let with = |work: Done| Done { output, ..work };
    match ended {
        Ended::Ran(work) => Ended::Ran(with(work)),
        Ended::Committed(work, next) => Ended::Committed(with(work), next),
        Ended::Cut(why, work) => Ended::Cut(why, with(work)),
        Ended::Stolen(work) => Ended::Stolen(with(work)),
    }
}

fn seconds(took: Duration) -> String {
    interval(took)
}

/// Sleeps until then; for ever where there is no then.
async fn at(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

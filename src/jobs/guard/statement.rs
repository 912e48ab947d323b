//! Jobs that are SQL. A job that runs in a transaction is recorded in that same transaction, and so runs exactly
//! once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::ended::{Cause, Date, Done, Ended, Interruption};
use super::program::{timeout, unheard};
use super::record::{FINISH_SAID, NEXT_SAID, TRACEBACK, traceback};
use super::work::{BEAT, Guard, SHORT, at, beat, connect};
use crate::error::{Error, Exit};
use crate::jobs::claim::{Attempt, Claim, give_up};
use crate::jobs::job::Job;
use crate::jobs::lease;
use crate::jobs::live_output::LiveOutput;
use crate::jobs::output::{self, Captured};
use crate::jobs::session::{JobAnswer, JobText, Later, Statement, clean, first, json, named, plain, undo};
use crate::jobs::store::lock_key;
use crate::jobs::talk::{Event, Failure, Order, Setup};
use crate::session::{Hearer, Response};
use crate::sql;

/// How long a cancelled statement may take to end, and how long sending the cancel request may take.
pub(super) const CANCELLED: Duration = Duration::from_secs(2);

/// What the ledger says about an attempt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    id: Option<i64>,
    attempt: Option<i64>,
    state: Option<String>,
    next: Option<Attempt>,
}

/// How long recording a success waits for the job's row if another session has locked it. This is less than our
/// statement timeout.
const ROW: &str = "10s";
/// How much of an error's message is kept, in bytes. The server does not limit its length.
const LONGEST: usize = 32 << 10;
/// The SQLSTATEs that prevent recording only for a while: a lock, a cancelled statement, a deadlock.
const HINDERS: [&str; 3] = ["55P03", "57014", "40P01"];

impl Guard<'_> {
    /// Runs a job's SQL for a date. If the claim is pending, the statements that make it run first. `started` is called
    /// with the ordinal of the attempt once the claim is made.
    pub(super) async fn sql(
        &mut self,
        job: &Job,
        claim: &mut Claim,
        text: &str,
        transaction: bool,
        date: Date,
        started: &dyn Fn(i64),
    ) -> Ended {
        let begun = Instant::now();
        let heard = Rc::new(RefCell::new(Captured::default()));
        let zone = job.timezone.iana_name().unwrap_or("UTC").to_owned();
        let Guard { master, setup, session: held, alone, stopping, shown, .. } = self;
        let Some(session) = held.as_mut() else {
            if claim.pending.is_some() {
                return Ended::Unclaimed(Error::new(Exit::Unavailable, "the session is lost"));
            }
            return Ended::Interruption(
                Interruption::crash("its session is lost").unbegun(),
                Done::nothing(begun.elapsed()),
            );
        };
        if claim.pending.is_none() {
            started(claim.attempt);
        }
        let made: Cell<Option<Attempt>> = Cell::new(None);
        let before = claim.pending.as_ref().map_or(&[][..], |pending| &pending.statements);
        let mut early = |answers: &[Response]| {
            let at = claim.pending.as_ref().map_or(0, |pending| pending.claiming);
            // If a statement was refused, or its answer cannot be parsed, there is no attempt.
            if answers.iter().all(|answer| answer.refused.is_none())
                && let Ok(attempt) = json::<Attempt>(answers.get(at))
            {
                started(attempt.attempt);
                made.set(Some(attempt));
            }
        };
        session.hear(Some(hearer(&heard)));
        let canceler = session.canceler();
        let date_text = date.date.to_string();
        let dated = !sql::scan(text).placeholders.is_empty();
        let mut cause: Option<Cause> = None;
        let mut live = LiveOutput::new(heard.clone(), &setup.schema);
        let answer = {
            let text = JobText {
                zone: &zone,
                role: job.role.as_deref(),
                transaction,
                sql: text,
                date: dated.then_some(&date_text),
            };
            let mut work = std::pin::pin!(session.job(before, &mut early, &text));
            let mut renewals = std::pin::pin!(renewals(setup, job, claim, &made));
            let is_claimed = claim.pending.is_none();
            let run = || made.get().map(|made| made.id).or(is_claimed.then_some(claim.run));
            let warn = |text| crate::helper::tell(&Event::Warning { text });
            let mut copying = std::pin::pin!(live.keep_copying(run, async || connect(setup).await, warn));
            let mut pulse = tokio::time::interval_at(tokio::time::Instant::now() + SHORT, BEAT);
            let mut until = job.timeout.map(|timeout| begun + timeout);
            loop {
                let now = tokio::select! {
                    answer = &mut work => break Some(answer),
                    _ = pulse.tick() => {
                        beat();
                        continue;
                    }
                    () = &mut renewals => continue,
                    () = &mut copying => continue,
                    order = master.order::<Order>(), if !*alone => {
                        let Some(cause) = Cause::heard(order, stopping, alone) else { continue };
                        cause
                    }
                    () = at(until) => match cause {
                        // The cancel request had no effect.
                        Some(_) => break None,
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
        if let Some(made) = made.into_inner() {
            (claim.pending, claim.run, claim.attempt) = (None, made.id, made.attempt);
        }
        if live.was_watched {
            shown.push(claim.run);
        }
        let ended = match answer {
            Some(Ok(JobAnswer { refused_before: Some(refused), .. })) => {
                if let Some(session) = held.as_mut()
                    && give_up(session).await.is_err()
                {
                    *held = None;
                }
                return Ended::Unclaimed(refused);
            }
            Some(Ok(_)) if claim.pending.is_some() => {
                *held = None;
                return Ended::Unclaimed(Error::bug("unexpected answer to pgkit's own claim"));
            }
            Some(Ok(JobAnswer { job: answer, .. })) => {
                let answered = Answered { answer, cause, transaction, took };
                self.after_answer(job, claim, date, answered, &captured).await
            }
            // The job's SQL was never sent.
            Some(Err(e)) if e.exit != Exit::Unavailable => {
                if let Some(pending) = claim.pending.take() {
                    // The job's SQL was not sent, so the claim is made now, and the failure recorded as usual.
                    let statements: Vec<Statement<'_>> =
                        pending.statements.iter().map(Later::statement).collect();
                    let answers = match held.as_mut() {
                        Some(session) => session.pipeline(&statements).await,
                        None => Err(unclaimed()),
                    };
                    match answers.and_then(|answers| json::<Attempt>(answers.get(pending.claiming))) {
                        Ok(made) => (claim.run, claim.attempt) = (made.id, made.attempt),
                        Err(e) => {
                            *held = None;
                            return Ended::Unclaimed(e);
                        }
                    }
                    started(claim.attempt);
                }
                *held = None;
                let failure = refusal(&e, None, &captured, job);
                Ended::Ran(Done { failure: Some(failure), ..Done::nothing(took) })
            }
            None | Some(Err(_)) => {
                // Dropping the session ends whatever it is in the middle of.
                *held = None;
                match cause {
                    Some(cause) if claim.pending.is_none() => ended_by(cause, job, took),
                    _ => self.after_loss(job, claim, date, took).await,
                }
            }
        };
        ended.with_output(captured)
    }

    /// Handles the server's answer to the job's SQL: reports a failure, or commits the work together with its
    /// record.
    async fn after_answer(
        &mut self,
        job: &Job,
        claim: &mut Claim,
        date: Date,
        answered: Answered,
        captured: &Captured,
    ) -> Ended {
        let Answered { answer, cause, transaction, took } = answered;
        let failed = |failure| Ended::Ran(Done { failure: Some(failure), ..Done::nothing(took) });
        let canceled = |e: &Error| cause.filter(|_| e.sqlstate.as_deref() == Some("57014"));
        if let Some(refused) = &answer.refused {
            self.roll_back().await;
            return match canceled(refused) {
                Some(cause) => ended_by(cause, job, took),
                None => failed(refusal(refused, answer.context.as_deref(), captured, job)),
            };
        }
        // The session's transaction status shows what the job's text has done to its transaction.
        if let Some(failure) = wrong(transaction, answer.status, captured) {
            self.roll_back().await;
            return failed(failure);
        }
        if !transaction {
            return Ended::Ran(Done::nothing(took));
        }
        let values = match date.following {
            None => self.finish_values(job, claim, None, captured, took, date, true),
            Some(next) => self.next_values(claim, captured, took, date, next, job, true),
        };
        let (record, said) =
            if date.following.is_some() { ("next", NEXT_SAID) } else { ("finish", FINISH_SAID) };
        let mut statements = undo().to_vec();
        statements.push(named("wait", vec![Some(ROW)]));
        if claim.renewal.has_begun() {
            statements.push(named("own_row", vec![Some(&job.name)]));
        }
        let (recorded, committed) = (statements.len(), statements.len() + 1);
        statements.extend([
            named(record, values.iter().map(Option::as_deref).collect()).with_said(said),
            plain!("COMMIT"),
        ]);
        let key = lock_key(&self.setup.schema, &job.name).to_string();
        // Before the next date, take the lock again in case the job has released it.
        statements.push(match date.following {
            None => named("unlock", vec![]),
            Some(_) => named("lock", vec![Some(&key)]),
        });
        statements.extend(clean());
        self.tell_of_record(job, date);
        let Some(session) = self.session.as_mut() else {
            return Ended::Interruption(Interruption::crash("its session is lost"), Done::nothing(took));
        };
        let mut answers = match session.tried(&statements).await {
            Ok(answers) => answers,
            Err(_) => {
                self.session = None;
                return self.after_loss(job, claim, date, took).await;
            }
        };
        let at = answers.len().saturating_sub(1);
        match answers.last_mut().and_then(|answer| answer.refused.take()) {
            None => {
                if session.forget_prepared(answers.last()).await.is_err() {
                    self.session = None;
                }
            }
            // The job is committed; closing the session removes whatever it has left there.
            Some(_) if at > committed => self.renew_session().await,
            Some(e) if e.exit == Exit::Unavailable => {
                self.session = None;
                return self.after_loss(job, claim, date, took).await;
            }
            Some(e) => {
                self.roll_back().await;
                if let Some(cause) = canceled(&e) {
                    return ended_by(cause, job, took);
                }
                return match e.sqlstate.as_deref() {
                    // The claim was gone: the recording statement divides by zero to refuse.
                    Some("22012") if at == recorded => Ended::Stolen(Done::nothing(took)),
                    Some("26000") => failed(Failure {
                        kind: "SQLSTATE 26000".into(),
                        message: "the job has let go the statements that pgkit has prepared".into(),
                        traceback:
                            "a function of its says DEALLOCATE ALL; where the job's own text has that \
                                    word, as in a comment, pgkit does without"
                                .into(),
                    }),
                    Some(state) if at <= recorded && HINDERS.contains(&state) => {
                        let why = format!("its success could not be recorded: {}", e.one_line());
                        Ended::Interruption(Interruption::crash(why), Done::nothing(took))
                    }
                    // Anything else that prevented the commit is the job's own failure, and is reported as such.
                    _ => failed(refusal(&e, None, captured, job)),
                };
            }
        }
        if date.following.is_none() {
            return Ended::Committed(Done::nothing(took), None);
        }
        match json::<Attempt>(answers.get(recorded)) {
            Ok(next) => Ended::Committed(Done::nothing(took), Some(next)),
            Err(e) => {
                self.warn(e.one_line());
                self.session = None;
                Ended::Interruption(Interruption::crash("its record is not understood"), Done::nothing(took))
            }
        }
    }

    /// Finds out from the ledger whether a job's SQL was committed, after the connection was lost in the middle of
    /// it.
    async fn after_loss(&mut self, job: &Job, claim: &mut Claim, date: Date, took: Duration) -> Ended {
        let key = lock_key(&self.setup.schema, &job.name).to_string();
        let run = Some(claim.run.to_string()).filter(|_| claim.pending.is_none());
        let give_up = Instant::now() + job.lease + super::record::PATIENCE;
        let lost = || {
            Ended::Interruption(
                Interruption::crash("the connection was lost while it ran"),
                Done::nothing(took),
            )
        };
        while Instant::now() < give_up {
            beat();
            if self.session.is_none() {
                self.session = connect(&self.setup).await.ok();
            }
            if let Some(session) = self.session.as_mut() {
                // The old session may still commit as long as it is alive; its lock is released only when it ends.
                let state_of = named("state_of", vec![run.as_deref(), Some(&job.name), Some(&claim.mark)]);
                match session.pipeline(&[named("lock", vec![Some(&key)]), state_of]).await {
                    Ok(answers) if first(answers.first()).as_deref() == Some("t") => {
                        let found = json::<Found>(answers.get(1)).ok();
                        if claim.pending.is_some() {
                            let Some((id, attempt)) = found.as_ref().and_then(|f| Some((f.id?, f.attempt?)))
                            else {
                                self.unlock().await;
                                return Ended::Unclaimed(unclaimed());
                            };
                            (claim.pending, claim.run, claim.attempt) = (None, id, attempt);
                        }
                        let Some(found) = found.filter(|f| f.state.as_deref() == Some("succeeded")) else {
                            return lost();
                        };
                        if date.following.is_none() {
                            self.unlock().await;
                        }
                        return Ended::Committed(Done::nothing(took), found.next);
                    }
                    Ok(_) => {}
                    Err(_) => self.session = None,
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if claim.pending.is_some() { Ended::Unclaimed(unclaimed()) } else { lost() }
    }

    /// Removes whatever a job has left in the session.
    pub(super) async fn clean(&mut self) {
        if let Some(session) = self.session.as_mut()
            && session.clean().await.is_err()
        {
            self.renew_session().await;
        }
    }

    /// Closes the session, so that the next use opens a new one.
    pub(super) async fn renew_session(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}

/// Returns what adds the server's notices to what a job has printed.
pub(super) fn hearer(to: &Rc<RefCell<Captured>>) -> Hearer {
    let to = to.clone();
    Box::new(move |text: &str| {
        let mut captured = to.borrow_mut();
        captured.push(text.as_bytes());
        captured.push(b"\n");
    })
}

/// Returns the failure of a job whose text has changed the status of its session; `None` if it has not.
pub(super) fn wrong(transaction: bool, status: u8, captured: &Captured) -> Option<Failure> {
    let (message, why) = match (transaction, status) {
        (true, b'T') | (false, b'I') => return None,
        (true, _) => (
            "the job has ended the transaction that it belongs to",
            "leave COMMIT and ROLLBACK out, or say transaction = false",
        ),
        (false, _) => (
            "the job has left a transaction open; it was rolled back",
            "the job's text begins a transaction and does not end it",
        ),
    };
    Some(Failure { kind: "transaction".into(), message: message.into(), traceback: traceback(captured, why) })
}

fn unclaimed() -> Error {
    Error::new(Exit::Unavailable, "the connection was lost before the job was claimed")
}

/// Renews a claim in time, over a second session because the first one is busy with the job. If the claim was pending,
/// `made` receives its attempt once there is one. Never returns.
async fn renewals(setup: &Setup, job: &Job, claim: &Claim, made: &Cell<Option<Attempt>>) {
    loop {
        tokio::time::sleep(claim.renewal.left()).await;
        let run = made.get().map_or(claim.run, |made| made.id).to_string();
        let renewed = async {
            let mut other = connect(setup).await?;
            claim.renewal.begin();
            let renewed = other.pipeline(&lease::renewing(job, &run, &claim.mark, ROW)).await;
            other.close().await;
            renewed
        };
        claim.renewal.tried(job, renewed.await.is_ok());
    }
}

/// The server's answer, and what pgkit had done to the job by then.
struct Answered {
    answer: Response,
    cause: Option<Cause>,
    transaction: bool,
    took: Duration,
}

/// Returns how an attempt ended that was cancelled for this cause.
pub(super) fn ended_by(cause: Cause, job: &Job, took: Duration) -> Ended {
    let work = Done::nothing(took);
    match cause {
        Cause::Timeout => {
            let message = timeout(job);
            let failure = Failure { kind: "timeout".into(), traceback: message.clone(), message };
            Ended::Ran(Done { failure: Some(failure), ..work })
        }
        Cause::Stop => Ended::Interruption(Interruption::stop("it was told to stop"), work),
        Cause::Lease => Ended::Interruption(Interruption::crash(unheard(job)), work),
        Cause::Stolen => Ended::Stolen(work),
        _ => Ended::Interruption(Interruption::crash("its runner is gone"), work),
    }
}

/// Returns a job's failure as the server reports it, with its detail, hint and context, and the notices that the
/// job had raised.
pub(super) fn refusal(error: &Error, context: Option<&str>, captured: &Captured, job: &Job) -> Failure {
    let message = output::cut(error.server_message(), LONGEST);
    let part = |what: &str, text: &str| format!("{what}:  {}", output::cut(text, TRACEBACK));
    let mut lines: Vec<String> = error.causes.iter().map(|cause| part("DETAIL", cause)).collect();
    lines.extend(error.hints.iter().map(|hint| part("HINT", hint)));
    lines.extend(context.map(|context| part("CONTEXT", context)));
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

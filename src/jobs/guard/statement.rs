//! A job that is SQL: in a transaction its record is part of it, and so it runs exactly once.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::program::timeout;
use super::record::{FINISH_SAID, NEXT_SAID, TRACEBACK, traceback};
use super::work::{BEAT, Cause, Cut, Date, Done, Ended, Guard, SHORT, at, beat, connect, with_output};
use crate::error::{Error, Exit};
use crate::jobs::claim::{Attempt, Claim};
use crate::jobs::job::Job;
use crate::jobs::lease;
use crate::jobs::output::Captured;
use crate::jobs::session::{clean, first, json, named, plain, undo};
use crate::jobs::store::lock_key;
use crate::jobs::talk::{Failure, Order, Setup};
use crate::session::Answer;
use crate::sql;

/// How long a cancelled statement may take to end.
const CANCELLED: Duration = Duration::from_secs(2);

/// What the ledger says of an attempt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    state: Option<String>,
    next: Option<Attempt>,
}

/// How long a success waits for the job's row, which somebody has locked. Less than a statement of ours may take.
const ROW: &str = "10s";
/// What hinders a record for a while: a lock, a cancelled statement, a deadlock.
const HINDERS: [&str; 3] = ["55P03", "57014", "40P01"];

impl Guard<'_> {
    /// Runs a job's SQL for a date.
    pub(super) async fn sql(
        &mut self,
        job: &Job,
        claim: &Claim,
        text: &str,
        transaction: bool,
        date: Date,
    ) -> Ended {
        let begun = Instant::now();
        let heard = Rc::new(RefCell::new(Captured::default()));
        let zone = job.timezone.iana_name().unwrap_or("UTC").to_owned();
        let Guard { master, setup, session: held, alone, stopping, .. } = self;
        let Some(session) = held.as_mut() else {
            return Ended::Cut(Cut::crash("its session is lost").unbegun(), Done::nothing(begun.elapsed()));
        };
        let hearer = heard.clone();
        session.hear(Some(Box::new(move |text: &str| {
            let mut captured = hearer.borrow_mut();
            captured.push(text.as_bytes());
            captured.push(b"\n");
        })));
        let canceler = session.canceler();
        let date_text = date.date.to_string();
        let dated = !sql::scan(text).placeholders.is_empty();
        let mut cause: Option<Cause> = None;
        let answer = {
            let mut work = std::pin::pin!(session.job(
                &zone,
                job.role.as_deref(),
                transaction,
                text,
                dated.then_some(&date_text)
            ));
            let mut renewals = std::pin::pin!(renewals(setup, job, claim));
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
                    order = master.order::<Order>(), if !*alone => match order {
                        Ok(Some(Order::Stop)) => {
                            *stopping = true;
                            Cause::Stop
                        }
                        Ok(Some(_)) => continue,
                        Ok(None) | Err(_) => {
                            *alone = true;
                            Cause::Alone
                        }
                    },
                    () = at(until) => match cause {
                        // The cancel was not heard.
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
        let ended = match answer {
            Some(Ok(answer)) => {
                let answered = Answered { answer, cause, transaction, took };
                self.after_answer(job, claim, date, answered, &captured).await
            }
            // It was never sent.
            Some(Err(e)) if e.exit != Exit::Unavailable => {
                *held = None;
                let failure = refusal(&e, None, &captured, job);
                Ended::Ran(Done { failure: Some(failure), ..Done::nothing(took) })
            }
            None | Some(Err(_)) => {
                // Whatever the session is in the middle of ends with it.
                *held = None;
                match cause {
                    Some(cause) => ended_by(cause, job, took),
                    None => self.after_loss(job, claim, date, took).await,
                }
            }
        };
        with_output(ended, captured)
    }

    /// The server has answered the job's SQL: fails, or commits it with its record.
    async fn after_answer(
        &mut self,
        job: &Job,
        claim: &Claim,
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
        // Where the session stands now tells what the text has done to its transaction.
        let wrong = match (transaction, answer.status) {
            (true, b'T') | (false, b'I') => None,
            (true, _) => Some((
                "the job has ended the transaction that its record belongs to",
                "leave COMMIT and ROLLBACK out, or say transaction = false",
            )),
            (false, _) => Some((
                "the job has left a transaction open; it was rolled back",
                "the job's text begins a transaction and does not end it",
            )),
        };
        if let Some((message, why)) = wrong {
            self.roll_back().await;
            return failed(Failure {
                kind: "transaction".into(),
                message: message.into(),
                traceback: traceback(captured, why),
            });
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
        // Before the next date the lock is ours again, where the job has given it away.
        statements.push(match date.following {
            None => named("unlock", vec![]),
            Some(_) => named("lock", vec![Some(&key)]),
        });
        statements.extend(clean());
        self.tell_of_record(job, date);
        let Some(session) = self.session.as_mut() else {
            return Ended::Cut(Cut::crash("its session is lost"), Done::nothing(took));
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
            // It is done; what is left of it goes with the session.
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
                    // The claim was not there: the record refuses itself.
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
                        Ended::Cut(Cut::crash(why), Done::nothing(took))
                    }
                    // What stood against its commit is the job's own fault, and told as such.
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
                Ended::Cut(Cut::crash("its record is not understood"), Done::nothing(took))
            }
        }
    }

    /// The connection was lost in the middle of a job's SQL: did it commit? The ledger knows.
    async fn after_loss(&mut self, job: &Job, claim: &Claim, date: Date, took: Duration) -> Ended {
        let key = lock_key(&self.setup.schema, &job.name).to_string();
        let run = claim.run.to_string();
        let give_up = Instant::now() + job.lease + super::record::PATIENCE;
        let lost = || Ended::Cut(Cut::crash("the connection was lost while it ran"), Done::nothing(took));
        while Instant::now() < give_up {
            beat();
            if self.session.is_none() {
                self.session = connect(&self.setup).await.ok();
            }
            if let Some(session) = self.session.as_mut() {
                // As long as the old session lives it may yet commit; with it its lock goes.
                let state_of = named("state_of", vec![Some(&run), Some(&job.name), Some(&claim.mark)]);
                match session.pipeline(&[named("lock", vec![Some(&key)]), state_of]).await {
                    Ok(answers) if first(answers.first()).as_deref() == Some("t") => {
                        let found = json::<Found>(answers.get(1)).ok();
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
        lost()
    }

    /// Lets go whatever a job has left in the session.
    pub(super) async fn clean(&mut self) {
        if let Some(session) = self.session.as_mut()
            && session.clean().await.is_err()
        {
            self.renew_session().await;
        }
    }

    /// Ends the session: the next one is fresh.
    pub(super) async fn renew_session(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}

/// Renews a claim whenever it is time, over another session, for its own is busy with the job. Never ends.
async fn renewals(setup: &Setup, job: &Job, claim: &Claim) {
    loop {
        tokio::time::sleep(claim.renewal.left()).await;
        let renewed = async {
            let mut other = connect(setup).await?;
            claim.renewal.begin();
            let renewed =
                other.pipeline(&lease::renewing(job, &claim.run.to_string(), &claim.mark, ROW)).await;
            other.close().await;
            renewed
        };
        claim.renewal.tried(job, renewed.await.is_ok());
    }
}

/// What the server has answered, and what pgkit had done to the job by then.
struct Answered {
    answer: Answer,
    cause: Option<Cause>,
    transaction: bool,
    took: Duration,
}

/// It was cancelled.
fn ended_by(cause: Cause, job: &Job, took: Duration) -> Ended {
    let work = Done::nothing(took);
    match cause {
        Cause::Timeout => {
            let message = timeout(job);
            let failure = Failure { kind: "timeout".into(), traceback: message.clone(), message };
            Ended::Ran(Done { failure: Some(failure), ..work })
        }
        Cause::Stop => Ended::Cut(Cut::stop("it was told to stop"), work),
        _ => Ended::Cut(Cut::crash("its runner is gone"), work),
    }
}

/// A job's failure as the server tells it: with its detail, hint and context, and what the job had said.
fn refusal(error: &Error, context: Option<&str>, captured: &Captured, job: &Job) -> Failure {
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

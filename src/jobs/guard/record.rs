//! Recording the result of an attempt, and what is done if the server does not accept the record.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::ended::{Date, Done, Interruption};
use super::work::{Guard, beat};
use crate::error::{Error, Exit, Result};
use crate::jobs::claim::{Attempt, Claim, array};
use crate::jobs::job::{Job, Work};
use crate::jobs::output::{self, Captured};
use crate::jobs::session::{Statement, first, json, named, plain, undo};
use crate::jobs::spool::{self, Kept};
use crate::jobs::store::{interval, lock_key};
use crate::jobs::talk::{Failure, Outcome, Remaining};
use crate::session::Response;

/// For how long recording a result is retried, in addition to the lease if there is one.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The same limit, if the master process is gone: what is left undone is found by the next process that looks at
/// the job.
const ALONE: Duration = Duration::from_secs(5);
/// How much of the output is stored in crontabber's log and in `last_error`, in bytes.
pub(super) const TRACEBACK: usize = 8 << 10;
/// The positions of those values of these statements that come from a job, and so may be any text at all.
pub(super) const FINISH_SAID: &[usize] = &[7, 8, 9, 13, 14];
pub(super) const NEXT_SAID: &[usize] = &[6, 7];
const RELEASE_SAID: &[usize] = &[3, 7, 8];
/// The SQLSTATEs for text that the server's encoding, or any encoding, cannot represent.
const UNTRANSLATABLE: [&str; 2] = ["22P05", "22021"];

impl Guard<'_> {
    /// Returns a text in a form that the server can store.
    pub(super) fn text(&self, text: &str) -> String {
        output::text(text.as_bytes())
    }

    /// Returns the values for `finish.sql`.
    #[expect(clippy::too_many_arguments, reason = "they are the statement's")]
    pub(super) fn finish_values(
        &self,
        job: &Job,
        claim: &Claim,
        failure: Option<&Failure>,
        output: &Captured,
        took: Duration,
        date: Date,
        with_work: bool,
    ) -> Vec<Option<String>> {
        let next = self.next_run(job, claim, date, failure.is_some());
        // A backfill job's success is its date; any other's is when it ran.
        let success = if job.backfill { date.date } else { claim.begun };
        vec![
            Some(job.name.clone()),
            Some(claim.mark.clone()),
            Some(claim.run.to_string()),
            Some(claim.begun.to_string()),
            Some(next.to_string()),
            failure.is_none().then(|| success.to_string()),
            flag(failure.is_some()),
            failure.map(|f| self.text(&f.kind)),
            failure.map(|f| self.text(&f.message)),
            failure.map(|f| self.text(&f.traceback)),
            Some(array(&job.depends_on)),
            Some(interval(took)),
            Some(output.bytes().to_string()),
            Some(self.text(&output.head())).filter(|head| !head.is_empty()),
            output.tail().map(|tail| self.text(&tail)),
            Some(if failure.is_some() { "failed" } else { "succeeded" }.to_owned()),
            flag(with_work),
            flag(claim.counts),
        ]
    }

    /// Returns the values for `next.sql`.
    #[expect(clippy::too_many_arguments, reason = "they are the statement's")]
    pub(super) fn next_values(
        &self,
        claim: &Claim,
        output: &Captured,
        took: Duration,
        date: Date,
        next: Timestamp,
        job: &Job,
        with_work: bool,
    ) -> Vec<Option<String>> {
        vec![
            Some(job.name.clone()),
            Some(claim.mark.clone()),
            Some(claim.run.to_string()),
            Some(date.date.to_string()),
            Some(interval(took)),
            Some(output.bytes().to_string()),
            Some(self.text(&output.head())).filter(|head| !head.is_empty()),
            output.tail().map(|tail| self.text(&tail)),
            Some(next.to_string()),
            flag(with_work),
        ]
    }

    /// Records the end of a run. Returns whether the claim was still ours.
    pub(super) async fn record_end(
        &mut self,
        job: &Job,
        claim: &Claim,
        work: &Done,
        date: Date,
    ) -> std::result::Result<bool, Outcome> {
        self.tell_of_record(job, date);
        let values =
            self.finish_values(job, claim, work.failure.as_ref(), &work.output, work.took, date, false);
        let finish = named("finish", as_refs(&values)).with_said(FINISH_SAID);
        let (mut statements, recorded) = transaction(job, claim, finish);
        statements.push(named("unlock", vec![]));
        match self.record(&statements, job.lease + PATIENCE).await {
            Ok(answers) => {
                match job.work {
                    Work::Sql { transaction: true, database: None, .. } => self.clean().await,
                    Work::Program { .. } | Work::Sql { database: Some(_), .. } => {}
                    // A job that runs outside a transaction of ours may have left anything in the session.
                    Work::Sql { transaction: false, database: None, .. } => self.renew_session().await,
                }
                Ok(first(answers.get(recorded)).as_deref() == Some("1"))
            }
            Err(e) => Err(self.keep(job, values, &e)),
        }
    }

    /// Records a date that succeeded and is followed by another one. Returns the attempt for the next date; `None`
    /// if the claim is gone.
    pub(super) async fn record_date(
        &mut self,
        job: &Job,
        claim: &Claim,
        work: &Done,
        date: Date,
    ) -> std::result::Result<Option<Attempt>, Outcome> {
        let next = date.following.unwrap_or(date.date);
        let values = self.next_values(claim, &work.output, work.took, date, next, job, false);
        let next = named("next", as_refs(&values)).with_said(NEXT_SAID);
        let (mut statements, recorded) = transaction(job, claim, next);
        // The lock may be gone: a job that is SQL can release it.
        let key = lock_key(&self.setup.schema, &job.name).to_string();
        statements.push(named("lock", vec![Some(&key)]));
        match self.record(&statements, job.lease + PATIENCE).await {
            Ok(answers) if first(answers.get(recorded)).is_none() => {
                self.unlock().await;
                Ok(None)
            }
            Ok(answers) => {
                if job.uses_session() {
                    self.clean().await;
                }
                match json(answers.get(recorded)) {
                    Ok(next) => Ok(Some(next)),
                    Err(e) => Err(Outcome::Unrecorded { why: e.one_line() }),
                }
            }
            Err(e) => {
                // It is kept as the end of a run, which can be recorded later. The dates that follow are then
                // still due.
                let date = Date { following: None, rest: Some(Remaining::Cap), ..date };
                let values = self.finish_values(job, claim, None, &work.output, work.took, date, false);
                Err(self.keep(job, values, &e))
            }
        }
    }

    /// Retries statements until the server accepts them. Errors: it does not within this time.
    pub(super) async fn record(
        &mut self,
        statements: &[Statement<'_>],
        patience: Duration,
    ) -> Result<Vec<Response>> {
        let patience = if self.alone { ALONE } else { patience };
        let give_up = Instant::now() + patience;
        let mut ascii: Option<Vec<Vec<Option<String>>>> = None;
        loop {
            let escaped: Option<Vec<Statement<'_>>> = ascii
                .as_ref()
                .map(|ascii| statements.iter().zip(ascii).map(|(one, values)| one.with(values)).collect());
            let tried = match self.connected().await {
                Ok(session) => session.pipeline(escaped.as_deref().unwrap_or(statements)).await,
                Err(e) => Err(e),
            };
            let error = match tried {
                Ok(answers) => return Ok(answers),
                Err(e) => e,
            };
            match error.sqlstate.as_deref() {
                Some(state) if UNTRANSLATABLE.contains(&state) && ascii.is_none() => {
                    self.roll_back().await;
                    ascii = Some(statements.iter().map(Statement::ascii).collect());
                    continue;
                }
                // With 26000 the session is replaced: the job may have deallocated pgkit's prepared statements.
                Some(state) if state != "26000" && error.exit != Exit::Unavailable => {
                    self.roll_back().await;
                }
                _ => self.session = None,
            }
            if Instant::now() >= give_up {
                return Err(error);
            }
            beat();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Saves a result that could not be recorded to a file.
    fn keep(&self, job: &Job, values: Vec<Option<String>>, error: &Error) -> Outcome {
        let kept = Kept::new(self.setup.place.clone(), job.name.clone(), values);
        let why = error.one_line();
        match self.setup.spool.as_deref().map(|folder| spool::keep(folder, &kept)) {
            Some(Ok(file)) => Outcome::Unrecorded {
                why: format!(
                    "{why}; the result is saved in {}, and the next run here records it",
                    file.display()
                ),
            },
            Some(Err(e)) => {
                Outcome::Unrecorded { why: format!("{why}; nor could the result be saved: {}", e.one_line()) }
            }
            None => Outcome::Unrecorded { why: format!("{why}; no folder to save the result in (set HOME)") },
        }
    }

    /// Records the results that were saved to files.
    pub(super) async fn replay(&mut self) -> Result<()> {
        let Some(folder) = self.setup.spool.clone() else { return Ok(()) };
        for (file, kept) in spool::all(&folder, &self.setup.place) {
            let shown = file.display();
            // The runner has already reported the files that cannot be read.
            let Ok(kept) = kept else { continue };
            let job = &kept.job;
            let statement = named("finish", as_refs(&kept.values)).with_said(FINISH_SAID);
            let statements = [plain!("BEGIN"), statement, plain!("COMMIT")];
            match self.record(&statements, Duration::ZERO).await {
                Ok(answers) => {
                    spool::done(&file);
                    let what = if first(answers.get(1)).as_deref() == Some("1") {
                        "is now recorded"
                    } else {
                        "came too late: its claim was already gone (see crontabber_log)"
                    };
                    self.warn(format!("the saved result of job {job:?} in {shown} {what}"));
                }
                Err(e) if is_its_own(&e) => {
                    let (aside, why) = (spool::aside(&file), e.one_line());
                    let aside = aside.display();
                    self.warn(format!(
                        "the server rejects the saved result of job {job:?}, which stays in {aside}: {why}"
                    ));
                }
                Err(e) if e.exit == Exit::Unavailable => return Err(e),
                Err(e) => {
                    let why = e.one_line();
                    self.warn(format!(
                        "could not record the saved result of job {job:?} in {shown} yet: {why}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Gives the claim back.
    pub(super) async fn release(
        &mut self,
        job: &Job,
        claim: &Claim,
        interruption: &Interruption,
        work: &Done,
        held: bool,
    ) -> Result<()> {
        let (run, took) = (claim.run.to_string(), interval(work.took));
        let (bytes, head) = (work.output.bytes().to_string(), self.text(&work.output.head()));
        let tail = work.output.tail().map(|tail| self.text(&tail));
        let why = self.text(&interruption.why);
        let statement = named(
            "release",
            vec![
                Some(&job.name),
                Some(&claim.mark),
                Some(&run),
                Some(&why),
                Some(if held { "t" } else { "f" }),
                Some(&took),
                Some(&bytes),
                Some(&head),
                tail.as_deref(),
                Some(if interruption.is_crash { "t" } else { "f" }),
            ],
        )
        .with_said(RELEASE_SAID);
        let (mut statements, _) = transaction(job, claim, statement);
        statements.push(named("unlock", vec![]));
        let released = self.record(&statements, job.lease + PATIENCE).await.map(drop);
        if job.uses_session() {
            self.renew_session().await;
        }
        released
    }
}

/// Returns the statements of a transaction that records something, and the index of the recording statement among
/// them.
fn transaction<'a>(job: &'a Job, claim: &Claim, statement: Statement<'a>) -> (Vec<Statement<'a>>, usize) {
    let mut statements = Vec::new();
    if job.uses_session() {
        statements.extend(undo());
    }
    statements.push(plain!("BEGIN"));
    if claim.renewal.has_begun() {
        statements.push(named("own_row", vec![Some(&job.name)]));
    }
    let recorded = statements.len();
    statements.extend([statement, plain!("COMMIT")]);
    (statements, recorded)
}

/// Returns whether the server will never accept the values of a statement: because of their number, their length
/// or their content, or because of a constraint.
fn is_its_own(error: &Error) -> bool {
    match &error.sqlstate {
        Some(state) => ["08P01", "22", "23"].iter().any(|class| state.starts_with(class)),
        None => error.exit != Exit::Unavailable,
    }
}

fn as_refs(values: &[Option<String>]) -> Vec<Option<&str>> {
    values.iter().map(Option::as_deref).collect()
}

fn flag(yes: bool) -> Option<String> {
    Some(if yes { "t" } else { "f" }.to_owned())
}

/// Returns the text stored as the traceback: the end of the output, or what is known of the failure if there was
/// no output.
pub(super) fn traceback(output: &Captured, what: &str) -> String {
    let end = output.end(TRACEBACK);
    if end.is_empty() { what.to_owned() } else { end }
}

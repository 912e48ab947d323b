//! What is recorded of an attempt, and what is done where the server does not take it.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::work::{Cut, Date, Done, Guard, beat};
use crate::error::{Error, Exit, Result};
use crate::jobs::claim::{Attempt, Claim, array};
use crate::jobs::job::{Job, Work};
use crate::jobs::output::{self, Captured};
use crate::jobs::session::{Statement, first, json, named, plain, undo};
use crate::jobs::spool::{self, Kept};
use crate::jobs::store::{interval, lock_key};
use crate::jobs::talk::{Failure, Outcome, Rest};
use crate::session::Answer;

/// How long a result is tried to be recorded, beyond the lease where there is one.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The same where the master is gone: what is left is found by whoever looks next.
const ALONE: Duration = Duration::from_secs(5);
/// How much of the output stands in crontabber's log and `last_error`, in bytes.
pub(super) const TRACEBACK: usize = 8 << 10;
/// Where the values of these statements are what a job has said: any text at all.
pub(super) const FINISH_SAID: &[usize] = &[7, 8, 9, 13, 14];
pub(super) const NEXT_SAID: &[usize] = &[6, 7];
const RELEASE_SAID: &[usize] = &[3, 7, 8];
/// What the server's encoding cannot hold, or no encoding.
const UNTRANSLATABLE: [&str; 2] = ["22P05", "22021"];

impl Guard<'_> {
    /// A text as the server holds it.
    pub(super) fn text(&self, text: &str) -> String {
        output::text(text.as_bytes())
    }

    /// The values of `finish.sql`.
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

    /// The values of `next.sql`.
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

    /// Records the end of a run. Says whether the claim was still ours.
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
                    Work::Program { .. } => {}
                    Work::Sql { transaction: true, .. } => self.clean().await,
                    // What a job does outside a transaction of ours may have left anything.
                    Work::Sql { transaction: false, .. } => self.renew_session().await,
                }
                Ok(first(answers.get(recorded)).as_deref() == Some("1"))
            }
            Err(e) => Err(self.keep(job, values, &e)),
        }
    }

    /// Records a date that succeeded, with more to follow. Gives the next attempt; `None`: the claim is gone.
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
        // A job that is SQL may have given it away.
        let key = lock_key(&self.setup.schema, &job.name).to_string();
        statements.push(named("lock", vec![Some(&key)]));
        match self.record(&statements, job.lease + PATIENCE).await {
            Ok(answers) if first(answers.get(recorded)).is_none() => {
                self.unlock().await;
                Ok(None)
            }
            Ok(answers) => {
                if matches!(job.work, Work::Sql { .. }) {
                    self.clean().await;
                }
                match json(answers.get(recorded)) {
                    Ok(next) => Ok(Some(next)),
                    Err(e) => Err(Outcome::Unrecorded { why: e.one_line() }),
                }
            }
            Err(e) => {
                // As the end of a run it can be recorded later; the dates that follow are then due still.
                let date = Date { following: None, rest: Some(Rest::Cap), ..date };
                let values = self.finish_values(job, claim, None, &work.output, work.took, date, false);
                Err(self.keep(job, values, &e))
            }
        }
    }

    /// Runs statements until the server takes them. Errors: it does not in this time.
    pub(super) async fn record(
        &mut self,
        statements: &[Statement<'_>],
        patience: Duration,
    ) -> Result<Vec<Answer>> {
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
                // A job may have let go what pgkit has prepared.
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

    /// Keeps what could not be recorded.
    fn keep(&self, job: &Job, values: Vec<Option<String>>, error: &Error) -> Outcome {
        let kept = Kept::new(self.setup.place.clone(), job.name.clone(), values);
        let why = error.one_line();
        match self.setup.spool.as_deref().map(|folder| spool::keep(folder, &kept)) {
            Some(Ok(file)) => Outcome::Unrecorded {
                why: format!("{why}; it is kept in {}, and the next run here records it", file.display()),
            },
            Some(Err(e)) => {
                Outcome::Unrecorded { why: format!("{why}; nor could it be kept: {}", e.one_line()) }
            }
            None => Outcome::Unrecorded { why: format!("{why}; there is no folder to keep it in (HOME)") },
        }
    }

    /// Records what was kept.
    pub(super) async fn replay(&mut self) -> Result<()> {
        let Some(folder) = self.setup.spool.clone() else { return Ok(()) };
        for (file, kept) in spool::all(&folder, &self.setup.place) {
            let shown = file.display();
            // What cannot be read the runner has just told.
            let Ok(kept) = kept else { continue };
            let job = &kept.job;
            let statement = named("finish", as_refs(&kept.values)).with_said(FINISH_SAID);
            let statements = [plain!("BEGIN"), statement, plain!("COMMIT")];
            match self.record(&statements, Duration::ZERO).await {
                Ok(answers) => {
                    spool::done(&file);
                    let what = if first(answers.get(1)).as_deref() == Some("1") {
                        "recorded now"
                    } else {
                        "too late: its claim was gone, which is in the log"
                    };
                    self.warn(format!("a result of job {job:?} that was kept in {shown} is {what}"));
                }
                Err(e) if is_its_own(&e) => {
                    let (aside, why) = (spool::aside(&file), e.one_line());
                    let aside = aside.display();
                    self.warn(format!(
                        "a result of job {job:?} that was kept is refused, and stays in {aside}: {why}"
                    ));
                }
                Err(e) if e.exit == Exit::Unavailable => return Err(e),
                Err(e) => {
                    let why = e.one_line();
                    self.warn(format!(
                        "a result of job {job:?} that was kept in {shown} is not recorded yet: {why}"
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
        cut: &Cut,
        work: &Done,
        held: bool,
    ) -> Result<()> {
        let (run, took) = (claim.run.to_string(), interval(work.took));
        let (bytes, head) = (work.output.bytes().to_string(), self.text(&work.output.head()));
        let tail = work.output.tail().map(|tail| self.text(&tail));
        let why = self.text(&cut.why);
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
                Some(if cut.is_crash { "t" } else { "f" }),
            ],
        )
        .with_said(RELEASE_SAID);
        let (mut statements, _) = transaction(job, claim, statement);
        statements.push(named("unlock", vec![]));
        let released = self.record(&statements, job.lease + PATIENCE).await.map(drop);
        if matches!(job.work, Work::Sql { .. }) {
            self.renew_session().await;
        }
        released
    }
}

/// A statement that records something, in a transaction of its own, and its place in it.
fn transaction<'a>(job: &'a Job, claim: &Claim, statement: Statement<'a>) -> (Vec<Statement<'a>>, usize) {
    let mut statements = Vec::new();
    if matches!(job.work, Work::Sql { .. }) {
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

/// Is it the values of a statement that the server does not take, at any time? Their number or length, what they hold, or
/// what a constraint says of that.
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

/// What stands as the traceback: what is known of the failure, and the end of the output.
pub(super) fn traceback(output: &Captured, what: &str) -> String {
    let end = output.end(TRACEBACK);
    if end.is_empty() { what.to_owned() } else { end }
}

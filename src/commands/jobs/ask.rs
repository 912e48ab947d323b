//! `jobs run NAME` where a runner that keeps running has the job: that runner is asked to run it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::error::{Error, Exit, Result};
use crate::jobs::job::Job;
use crate::jobs::plan;
use crate::jobs::requests;
use crate::jobs::runner::Surroundings;
use crate::jobs::runners::{self, Runner};
use crate::jobs::store::{self, Place};
use crate::jobs::tables::{self, Where};
use crate::jobs::talk::{Event, Mode, Outcome, Pass, Progress, ProgressSink};
use crate::session::Writer;

/// How long a runner has to take a request. One that is stopped or very busy does not.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// How often the server is asked what has become of requests.
const AGAIN: Duration = Duration::from_millis(100);

/// What has become of the jobs that a runner was asked to run.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The totals of those that it took.
    pub(super) pass: Pass,
    /// The names of those that it did not take.
    pub(super) left: Vec<String>,
}

/// What a runner is asked.
pub(super) struct Question<'a> {
    /// The jobs to run.
    pub(super) jobs: &'a [Rc<Job>],
    /// How they are to run.
    pub(super) mode: Mode,
    /// The SHA-256 of the file that they are from. A runner with another file could run something else.
    pub(super) file_hash: &'a str,
    /// Who asks.
    pub(super) who: &'a str,
    /// Tells a person who is asked.
    pub(super) remark: &'a dyn Fn(&str),
}

/// Asks a runner that keeps running, if there is one with these jobs, and tells what becomes of them, as if they ran in
/// this process. The answer names all jobs as left if there is no such runner, or if requests are not possible on these
/// tables.
///
/// Errors: the tables are missing or must not be used (65), the connection is lost or the runner is gone (69), a signal.
pub(super) async fn through(
    writer: &Writer,
    around: &Surroundings,
    question: &Question<'_>,
    stop: &watch::Receiver<Option<Exit>>,
    tell: ProgressSink<'_>,
) -> Result<Answer> {
    let wanted = Where { schema: around.schema.as_deref(), owner: around.owner.as_deref() };
    let place = tables::open(writer, wanted).await?;
    let nobody =
        || Answer { left: question.jobs.iter().map(|job| job.name.clone()).collect(), ..Answer::default() };
    if !place.has(requests::TABLE) {
        return Ok(nobody());
    }
    let snapshot = store::read(writer, &place).await?;
    let is_ongoing = |job: &Rc<Job>| {
        snapshot.state(&job.name).and_then(|state| state.row).is_some_and(|row| row.ongoing.is_some())
    };
    if question.jobs.iter().any(is_ongoing) {
        // This process finds out whose claim that is, and takes it over or says where the job is ongoing.
        return Ok(nobody());
    }
    let runners = match runners::read(writer, &place).await {
        // A role that may use the older tables only runs its jobs itself.
        Err(e) if e.sqlstate.as_deref() == Some("42501") => return Ok(nobody()),
        runners => runners?.unwrap_or_default(),
    };
    let suits = |runner: &&Runner| {
        let has_all = || question.jobs.iter().all(|job| runner.jobs.contains(&job.name));
        runner.is_daemon() && runner.file_hash == question.file_hash && has_all()
    };
    match runners.iter().find(suits) {
        Some(runner) => {
            (question.remark)(&format!("asked the runner on {}, pid {}", runner.host, runner.pid));
            ask(writer, &place, question, stop, tell).await
        }
        None => Ok(nobody()),
    }
}

/// A job that a runner was asked to run.
struct Asked {
    job: Rc<Job>,
    /// How many of its events have been told.
    told: usize,
    is_taken: bool,
    /// Whether its first attempt has begun.
    has_begun: bool,
}

/// What one look at a request finds.
enum Found {
    /// It goes on.
    Open,
    /// It has ended.
    Ended(Outcome),
    /// Its runner is gone before the job has begun, so that it can be run here.
    Left,
}

impl Asked {
    /// Looks at the request, and tells the events that are new.
    async fn look(
        &mut self,
        writer: &Writer,
        place: &Place,
        id: i64,
        tell: ProgressSink<'_>,
    ) -> Result<Found> {
        let Some(state) = requests::state(writer, place, id).await? else {
            return Ok(Found::Ended(Outcome::NotNow { why: "somebody has removed the request".to_owned() }));
        };
        self.is_taken = state.is_taken;
        for event in state.told.after(self.told) {
            self.has_begun |= matches!(event, Event::Started { .. });
            tell(Progress::Event(&self.job, event));
        }
        self.told = self.told.max(state.told.count());
        let is_abandoned = state.is_taken && !state.is_there;
        Ok(match state.told.outcome {
            Some(outcome) => Found::Ended(outcome),
            None if is_abandoned && self.has_begun => {
                Found::Ended(Outcome::Interrupted { why: "its runner is gone".to_owned(), held: false })
            }
            None if is_abandoned => Found::Left,
            None => Found::Open,
        })
    }
}

/// Makes the requests, and waits until each has ended or turns out not to be taken.
async fn ask(
    writer: &Writer,
    place: &Place,
    question: &Question<'_>,
    stop: &watch::Receiver<Option<Exit>>,
    tell: ProgressSink<'_>,
) -> Result<Answer> {
    let mut asked: BTreeMap<i64, Asked> = BTreeMap::new();
    for job in plan::order(question.jobs) {
        let id = requests::ask(writer, place, &job.name, question.mode, question.who).await?;
        asked.insert(id, Asked { job: job.clone(), told: 0, is_taken: false, has_begun: false });
    }
    let begin = Instant::now();
    let mut answer = Answer::default();
    let mut stop = stop.clone();
    while !asked.is_empty() {
        if let Some(exit) = *stop.borrow() {
            return Err(leave(writer, place, &asked, exit, tell).await);
        }
        for (id, mut one) in std::mem::take(&mut asked) {
            match one.look(writer, place, id, tell).await? {
                Found::Open => drop(asked.insert(id, one)),
                Found::Ended(outcome) => {
                    tell(Progress::Outcome(&one.job, &outcome));
                    answer.pass.add(&outcome);
                    requests::forget(writer, place, id).await?;
                }
                Found::Left => {
                    requests::forget(writer, place, id).await?;
                    answer.left.push(one.job.name.clone());
                }
            }
        }
        if begin.elapsed() > TAKEN_WITHIN && asked.values().any(|one| !one.is_taken) {
            tell(Progress::Warning(
                "the runner has not taken the request within 5 s: running here what it has not taken"
                    .to_owned(),
            ));
            for (id, one) in std::mem::take(&mut asked) {
                if !one.is_taken && requests::withdraw(writer, place, id).await? {
                    answer.left.push(one.job.name.clone());
                } else {
                    asked.insert(id, one);
                }
            }
        }
        let _ = tokio::time::timeout(AGAIN, stop.wait_for(Option::is_some)).await;
    }
    if answer.left.is_empty() {
        tell(Progress::Passed(&answer.pass));
    }
    Ok(answer)
}

/// Removes the requests. Returns the names of the jobs that a runner has taken and that go on.
async fn forget_all(writer: &Writer, place: &Place, asked: &BTreeMap<i64, Asked>) -> Vec<String> {
    let mut going_on = Vec::new();
    for (id, one) in asked {
        // If the connection is lost, no runner takes them any more after some seconds.
        if requests::forget(writer, place, *id).await.unwrap_or_default() {
            going_on.push(one.job.name.clone());
        }
    }
    going_on
}

/// Gives up after a signal. Returns the error to end with.
async fn leave(
    writer: &Writer,
    place: &Place,
    asked: &BTreeMap<i64, Asked>,
    exit: Exit,
    tell: ProgressSink<'_>,
) -> Error {
    for name in forget_all(writer, place, asked).await {
        tell(Progress::Warning(format!("{name} goes on in its runner")));
    }
    Error::new(exit, "stopped by a signal")
}

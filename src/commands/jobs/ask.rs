//! `jobs run NAME`: asks a runner that keeps running, and has the job, to run it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::shared;
use crate::commands::args::EchoArgs;
use crate::commands::context::Context;
use crate::error::{Error, Exit, Result};
use crate::jobs::job::Job;
use crate::jobs::plan;
use crate::jobs::requests;
use crate::jobs::runner::{Surroundings, unless_stopped};
use crate::jobs::runners::{self, Runner};
use crate::jobs::states;
use crate::jobs::store::Place;
use crate::jobs::tables;
use crate::jobs::talk::{Event, Outcome, Pass, Progress, ProgressSink, RunOptions};
use crate::session::Writer;

/// How long to wait until a runner takes a request. A runner that is stopped never takes it.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait, after a signal, until the server has removed the requests.
const LEAVE: Duration = Duration::from_secs(2);
/// How often the progress of requests is read.
const AGAIN: Duration = Duration::from_millis(100);

/// The result of asking a runner to run jobs.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The totals of the jobs that it ran.
    pub(super) pass: Pass,
    /// The names of the jobs that it did not take, which can be run here.
    pub(super) left: Vec<String>,
}

/// What a runner is asked to do.
pub(super) struct Question<'a> {
    /// All jobs of the file.
    pub(super) jobs: &'a [Rc<Job>],
    /// Which of them are to run, and how.
    pub(super) run_options: &'a RunOptions,
    /// The SHA-256 of the file. A runner with another file could run something else.
    pub(super) file_hash: &'a str,
}

impl Question<'_> {
    /// Returns the jobs that are to run.
    fn wanted(&self) -> impl Iterator<Item = &Rc<Job>> {
        self.jobs.iter().filter(|job| self.run_options.wants(job))
    }
}

/// Asks a runner that keeps running and has these jobs, if there is one, and reports what becomes of them as if they ran in
/// this process. Otherwise, and if requests are not possible on these tables, all jobs are left. `connect` opens a session.
///
/// Errors: the tables are missing or must not be used (65), the connection is lost (69), a signal.
pub(super) async fn through(
    context: &Context,
    connect: &impl AsyncFn() -> Result<Writer>,
    around: &Surroundings,
    question: &Question<'_>,
    echo: &EchoArgs,
    stop: &watch::Receiver<Option<Exit>>,
    tell: ProgressSink<'_>,
) -> Result<Answer> {
    let open = async {
        let writer = connect().await?;
        let place = tables::open(&writer, around.wanted()).await?;
        let runner = whom(&writer, &place, question).await?;
        Ok((writer, place, runner))
    };
    let (writer, place, runner) = unless_stopped(stop, open).await?;
    let answer = match runner {
        Some(runner) => {
            echo.remark(&format!("asked the runner on {}, pid {}", runner.host, runner.pid));
            let who = shared::who(&writer, context);
            ask(&writer, &place, question, &who, stop, tell).await?
        }
        None => Answer { left: question.wanted().map(|job| job.name.clone()).collect(), ..Answer::default() },
    };
    writer.close().await;
    Ok(answer)
}

/// Returns the runner to ask; `None` if there is none.
async fn whom(writer: &Writer, place: &Place, question: &Question<'_>) -> Result<Option<Runner>> {
    if !place.has(requests::TABLE) {
        return Ok(None);
    }
    let snapshot = states::read(writer, place).await?;
    let is_ongoing = |job: &Rc<Job>| {
        snapshot.state(&job.name).and_then(|state| state.row).is_some_and(|row| row.ongoing.is_some())
    };
    if question.wanted().any(is_ongoing) {
        // This process finds out whose claim that is, and takes it over or says where the job is ongoing.
        return Ok(None);
    }
    let runners = match runners::read(writer, place).await {
        // A role without rights on the newer tables runs its jobs itself.
        Err(e) if e.sqlstate.as_deref() == Some("42501") => return Ok(None),
        runners => runners?.unwrap_or_default(),
    };
    let suits = |runner: &Runner| {
        let has_all = || question.wanted().all(|job| runner.jobs.contains(&job.name));
        runner.is_daemon() && runner.file_hash == question.file_hash && has_all()
    };
    Ok(runners.into_iter().find(suits))
}

/// A job that a runner was asked to run.
struct Asked {
    job: Rc<Job>,
    /// How many of its events have been reported.
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
    /// Its runner is gone, but the job had not begun, so it can be run here.
    Left,
}

impl Asked {
    /// Reads the progress of the request, and reports new events.
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

/// Reads the state of every request, reports what is new, and deletes the requests that have ended.
async fn look(
    writer: &Writer,
    place: &Place,
    asked: &mut BTreeMap<i64, Asked>,
    answer: &mut Answer,
    tell: ProgressSink<'_>,
) -> Result<()> {
    for id in asked.keys().copied().collect::<Vec<i64>>() {
        let Some(one) = asked.get_mut(&id) else { continue };
        let outcome = match one.look(writer, place, id, tell).await? {
            Found::Open => continue,
            Found::Ended(outcome) => Some(outcome),
            Found::Left => None,
        };
        requests::forget(writer, place, id).await?;
        let Some(one) = asked.remove(&id) else { continue };
        if let Some(outcome) = outcome {
            tell(Progress::Outcome(&one.job, &outcome));
            answer.pass.add(&outcome);
        } else {
            answer.left.push(one.job.name.clone());
        }
    }
    Ok(())
}

/// Makes the requests, and waits until each has ended or has been withdrawn because no runner took it.
async fn ask(
    writer: &Writer,
    place: &Place,
    question: &Question<'_>,
    who: &str,
    stop: &watch::Receiver<Option<Exit>>,
    tell: ProgressSink<'_>,
) -> Result<Answer> {
    let mut asked: BTreeMap<i64, Asked> = BTreeMap::new();
    let mut stop = stop.clone();
    let request = async {
        for job in plan::order(question.jobs).into_iter().filter(|job| question.run_options.wants(job)) {
            let id = requests::ask(writer, place, &job.name, question.run_options.mode(), who).await?;
            asked.insert(id, Asked { job: job.clone(), told: 0, is_taken: false, has_begun: false });
        }
        Ok(())
    };
    let requested = unless_stopped(&stop, request).await;
    let stopped = *stop.borrow();
    if let Some(exit) = stopped {
        return Err(leave(writer, place, &asked, exit, tell).await);
    }
    requested?;
    let begin = Instant::now();
    let mut answer = Answer::default();
    while !asked.is_empty() {
        let looked = unless_stopped(&stop, look(writer, place, &mut asked, &mut answer, tell)).await;
        let stopped = *stop.borrow();
        if let Some(exit) = stopped {
            return Err(leave(writer, place, &asked, exit, tell).await);
        }
        looked?;
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

/// Removes the requests. Returns the names of the jobs that a runner goes on running.
async fn forget_all(writer: &Writer, place: &Place, asked: &BTreeMap<i64, Asked>) -> Vec<String> {
    let mut going_on = Vec::new();
    for (id, one) in asked {
        // If the connection is lost, the request stays, but runners ignore it after some seconds.
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
    let forgotten = tokio::time::timeout(LEAVE, forget_all(writer, place, asked)).await;
    for name in forgotten.unwrap_or_default() {
        tell(Progress::Warning(format!(
            "the runner goes on with {name}; follow it with pgkit jobs output {name} -f"
        )));
    }
    Error::new(exit, "stopped by a signal")
}

//! Asks several servers for a report, some of them at a time.

use std::collections::BTreeMap;

use futures_util::stream::{self, FuturesUnordered, StreamExt};

use super::against::{Against, Earlier};
use super::round::{Observed, Round, Rows, Seen, hand_on};
use super::run::Job;
use super::way::{Watcher, Way};
use crate::answer::Observer;
use crate::commands::seats::Seats;
use crate::commands::servers::{Server, Servers};
use crate::error::{Error, Exit, Result};
use crate::report::Report;
use crate::rows::{Flow, Kept, RowSink};

/// A job for each of several servers.
pub struct Fleet<'a> {
    jobs: Vec<Job<'a>>,
}

/// The answer of one server.
struct Answer {
    /// Its rows; none if it failed.
    rows: Rows,
    exit: Exit,
    /// Why it failed.
    failure: Option<Error>,
    /// Whether it differs from an earlier one.
    differs: bool,
}

impl<'a> Fleet<'a> {
    /// Creates a job for each server.
    pub fn new(job: &Job<'a>, servers: Servers) -> Fleet<'a> {
        let mut seats = Seats::new(servers.parallel);
        let jobs = servers.list.into_iter().map(|server| {
            let seat = seats.seat(&server.target);
            job.of_server(server, seat)
        });
        Fleet { jobs: jobs.collect() }
    }

    /// Prepares the comparison for the first server for which that is possible. Errors: those of the first server.
    pub fn against(&self, earlier: &Earlier) -> Result<Box<Against>> {
        let mut prepared = self.jobs.iter().map(|job| job.against(earlier));
        let first = prepared.next().unwrap_or_else(|| Err(Error::bug("a fleet without servers")));
        first.or_else(|e| prepared.find_map(Result::ok).ok_or(e))
    }

    /// Gets one answer from each server, and passes on their rows in the order of the servers, with the server's name put
    /// before them. A server that fails is reported, and the rest goes on.
    ///
    /// Errors: the output failed (74), or a bug (70).
    pub async fn round(&self, earlier: Option<&Earlier>, way: &mut Way<'_>) -> Result<Round> {
        let mut watcher = way.take_observer();
        let has_observer = watcher.is_some();
        let mut round = Round::default();
        let is_wanted = has_observer || !way.wants_none();
        let asked = self.jobs.iter().enumerate();
        let mut running: FuturesUnordered<_> = asked
            .map(|(at, job)| async move { (at, job.answer_of_server(earlier, is_wanted).await) })
            .collect();
        let mut answers = BTreeMap::new();
        let mut next = 0;
        let mut flow = Flow::More;
        let is_enough = |flow| flow == Flow::Enough && !has_observer && earlier.is_none();
        while !is_enough(flow)
            && let Some((at, answer)) = running.next().await
        {
            answers.insert(at, answer?);
            // Rows in the middle of a prompt would hide it, so they wait until somebody has typed the password.
            let Some(_quiet) = self.jobs.first().and_then(|job| job.context.passwords.quiet()) else {
                continue;
            };
            while !is_enough(flow)
                && let Some(answer) = answers.remove(&next)
            {
                let job = &self.jobs[next];
                next += 1;
                let name = job.server.as_deref().unwrap_or_default();
                if let Some(error) = &answer.failure {
                    round.fail(name, error);
                    round.remark(name, job.notes.take());
                    continue;
                }
                round.take(answer.exit);
                let all_databases = job.args.all_databases;
                let observed = Observed { columns: &job.report_run.report.columns, all_databases };
                way.set_server(name);
                hand_on(answer.rows, &observed, way, &mut watcher, &mut flow)?;
                let verdict = job.judge(&mut watcher)?;
                let differs = answer.differs && job.args.fail_on_change;
                round.judge(if differs { Exit::BadAnswer } else { verdict.exit });
                round.remark(name, verdict.remarks.into_iter().chain(job.notes.take()));
            }
        }
        if !running.is_empty()
            && let Some(job) = self.jobs.first()
        {
            job.context.running.cancel().await;
        }
        way.end()?;
        Ok(round)
    }
}

impl Job<'_> {
    /// Gets the answer of one of several servers. Errors: those that concern all servers.
    async fn answer_of_server(&self, earlier: Option<&Earlier>, is_wanted: bool) -> Result<Answer> {
        let mut rows = Rows { shown: Kept::new(is_wanted), seen: earlier.map(|_| Seen::default()) };
        let answered = async {
            let source = self.source(&self.target).await?;
            // Only now, because it holds the whole earlier answer in memory.
            let against = earlier.map(|earlier| self.against(earlier)).transpose()?;
            let observer: Watcher<'_> = rows.seen.as_mut().map(|seen| seen as &mut dyn Observer);
            let mut way = Way::to(Box::new(&mut rows.shown), observer, against);
            let exit = self.compared(source, earlier, &mut way).await?;
            Ok((exit, way.finish()))
        };
        let answered: Result<_> = answered.await;
        self.leave();
        match answered {
            Ok((exit, against)) => {
                let remarks = against.as_ref().map(|against| against.remarks()).unwrap_or_default();
                if !self.args.session.echo.quiet {
                    remarks.iter().for_each(|remark| self.note(remark));
                }
                let differs = against.is_some_and(|against| against.has_differences());
                Ok(Answer { rows, exit, failure: None, differs })
            }
            Err(e) if matches!(e.exit, Exit::Io | Exit::Bug | Exit::Interrupted) => Err(e),
            // Rows that came before the failure are no answer.
            Err(e) => {
                let rows = Rows { shown: Kept::default(), seen: None };
                Ok(Answer { rows, exit: e.exit, failure: Some(e), differs: false })
            }
        }
    }
}

/// Asks the servers for the columns of a report that does not list them. Returns the report with the columns of the first
/// server, in their order, that answers.
///
/// Errors: those of the last server, if none does.
pub async fn first_columns(job: &Job<'_>, servers: &Servers) -> Result<Report> {
    let ask = |server: &Server| {
        let target = server.target.clone();
        async move {
            let reader = job.reader(&target).await?;
            let report = job.report_run.with_columns(&reader, &|text| job.tell(text)).await;
            reader.close().await;
            report
        }
    };
    let mut asked = std::pin::pin!(stream::iter(servers.list.iter().map(ask)).buffered(servers.parallel));
    let mut last = Err(Error::bug("no server was asked"));
    while let Some(answered) = asked.next().await {
        last = answered;
        if last.is_ok() {
            break;
        }
    }
    last
}

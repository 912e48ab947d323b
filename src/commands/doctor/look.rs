//! Asks a server what the checks judge.

use std::time::Duration;

use indicatif::ProgressBar;

use super::args::DoctorArgs;
use crate::commands::args::SessionArgs;
use crate::commands::context::Context;
use crate::commands::databases::Choice;
use crate::commands::facts::Facts;
use crate::commands::open;
use crate::commands::seats::Seat;
use crate::commands::snapshot::Taking;
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::report::{Report, Scope};
use crate::session::Settings;
use crate::snapshot::{self, CLOSED, Draft, Header, Refusal, Snapshot};

/// How long a statement may take that is asked before the checks.
const BEFORE: Duration = Duration::from_secs(5);
/// How many samples there are with `--for`.
const SAMPLES: u32 = 5;

/// Everything that is needed to ask a server.
pub(super) struct Asking<'a> {
    pub context: &'a Context,
    pub args: &'a DoctorArgs,
    pub session: &'a SessionArgs,
    pub settings: Settings,
    /// How many databases of a server are asked at the same time.
    pub parallel: usize,
    /// The reports with the checks that are wanted.
    pub wanted: &'a [&'a Report],
    /// What the last snapshot has: those, and what is shown beside the findings.
    pub shown: &'a [&'a Report],
}

impl<'a> Asking<'a> {
    /// Asks the server. With `--for` there are several snapshots, in the order of their times; the last one is complete.
    ///
    /// `seat` has the permits that the sessions need, if several servers are asked.
    ///
    /// Errors: no connection, or it is lost (69).
    pub(super) async fn snapshots(&self, target: &Target, seat: Option<&Seat>) -> Result<Vec<Snapshot>> {
        let mut all = Vec::new();
        let mut target = target.clone();
        if let Some(length) = self.args.sample {
            let is_sampled = |report: &&Report| report.checks.iter().any(|check| check.samples.is_some());
            let is_compared =
                |report: &&Report| report.checks.iter().any(|check| !check.is_about_one_moment());
            let pause: Duration = length / (SAMPLES - 1);
            let start = tokio::time::Instant::now();
            for i in 0..SAMPLES - 1 {
                let is_asked = |report: &&Report| is_sampled(report) || (i == 0 && is_compared(report));
                let wanted: Vec<&Report> = self.wanted.iter().copied().filter(is_asked).collect();
                if i == 0 || !wanted.is_empty() {
                    all.push(self.snapshot(&mut target, &wanted, seat).await?);
                }
                tokio::time::sleep_until(start + pause * (i + 1)).await;
            }
        }
        all.push(self.snapshot(&mut target, self.shown, seat).await?);
        Ok(all)
    }

    async fn snapshot(
        &self,
        target: &mut Target,
        wanted: &[&'a Report],
        seat: Option<&Seat>,
    ) -> Result<Snapshot> {
        // What is asked before the checks has a limit of its own, however short that of a check is.
        let limit = self.settings.statement_timeout.map(|limit| limit.max(BEFORE));
        let settings = Settings { statement_timeout: limit, ..self.settings.clone() };
        let opening = open::reader(self.context, target, settings, &self.session.echo);
        let reader = match seat {
            Some(seat) => seat.open(opening).await?,
            None => opening.await?,
        };
        // The password that was typed, so that it is asked for only once.
        *target = reader.target().clone();
        let header = snapshot::identify(&reader).await?;
        let mut taking = Taking {
            context: self.context,
            session: self.session,
            settings: self.settings.clone(),
            is_named: false,
            is_silent: true,
            parallel: self.parallel,
            draft: Draft::unnamed()?,
            refused: Vec::new(),
            without_extension: Vec::new(),
            exit: Exit::Done,
            facts: Facts::default(),
            bar: ProgressBar::hidden(),
        };
        let choice = Choice { exclude: &self.args.exclude_database, only: &self.args.database };
        taking.everything(reader, wanted, &choice).await?;
        if let Some(seat) = seat {
            seat.leave();
        }
        let Taking { draft, refused, .. } = taking;
        let snapshot = draft.read(Header { refused, ..header })?;
        let is_asked = wanted.iter().any(|report| report.scope == Scope::Database);
        // A database that a check does not apply to, or that lets nobody in, matches too.
        let matches = |one: &Refusal| {
            one.database.is_some() && (one.report.is_some() || !one.expected || one.why == CLOSED)
        };
        let is_there = snapshot.parts.iter().any(|found| found.part.database.is_some())
            || snapshot.header.refused.iter().any(matches);
        if is_asked && !is_there && !self.args.database.is_empty() {
            return Err(Error::data(format!("no database matches {}", self.args.database.join(", ")))
                .hint("pgkit databases lists them"));
        }
        Ok(snapshot)
    }
}

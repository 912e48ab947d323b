//! One answer, which may be compared with an earlier one.

use std::time::Instant;

use super::against::{Against, Earlier, Later};
use super::fleet::Fleet;
use super::run::Job;
use super::verdict;
use super::way::{Watcher, Way};
use crate::answer::Outcome;
use crate::commands::params;
use crate::commands::source::Source;
use crate::error::{Exit, Result};
use crate::escape;
use crate::report::ParamType;
use crate::rows::RowSink;

impl Job<'_> {
    /// Gets one answer, or one from every database or every server, and prints it.
    pub(super) async fn once(&self, fleet: Option<&Fleet<'_>>, mut watcher: Watcher<'_>) -> Result<Exit> {
        let report = self.report_run.report;
        let earlier = self.args.against.as_deref().map(Earlier::read).transpose()?;
        let prepare = |earlier| fleet.map_or_else(|| self.against(earlier), |fleet| fleet.against(earlier));
        let against = earlier.as_ref().map(prepare).transpose()?;
        // Report wrong flags before connecting.
        let before = [fleet.map(|_| "server"), self.args.all_databases.then_some("database")];
        let before = before.into_iter().flatten();
        let mut pipeline = match &against {
            None => self.look.pipeline(&report.name, before, &report.columns)?,
            Some(against) => {
                let columns = against.columns();
                self.look.of_differences(report, &columns).pipeline(&report.name, before, &columns)?
            }
        };
        let mut out = self.look.output(&self.context.env, self.args.no_pager)?;
        if let Some(fleet) = fleet {
            pipeline.head(&mut out);
            let mut way = Way::new(&mut pipeline, &mut out, watcher, None);
            let round = fleet.round(earlier.as_ref(), &mut way).await?;
            drop(way);
            // An empty list would look like an answer.
            if !round.has_failed() {
                pipeline.end(&mut out);
                out.finish().await?;
            }
            return Ok(round.print());
        }
        let source = self.source(&self.target).await?;
        pipeline.head(&mut out);
        let mut way = Way::new(&mut pipeline, &mut out, watcher.as_deref_mut(), against);
        let exit = self.compared(source, earlier.as_ref(), &mut way).await?;
        let against = way.finish();
        pipeline.end(&mut out);
        out.finish().await?;
        let verdict =
            verdict::finish(&report.name, &self.args, watcher, self.hidden.take(), against.as_deref())?;
        Ok(if exit == Exit::Done { verdict } else { exit })
    }

    /// Prepares the comparison with an earlier answer. Errors: see [`Against::new`].
    pub(super) fn against(&self, earlier: &Earlier) -> Result<Box<Against>> {
        let report = self.report_run.report;
        let later = Later {
            report,
            columns: &report.columns,
            flags: &self.flags,
            server: self.server.as_deref(),
            database: &self.target.database,
            all_databases: self.args.all_databases,
            is_redacted: false,
        };
        Against::new(&later, earlier).map(Box::new)
    }

    /// Gets one answer, or one from every database. With `--against DURATION`, gets two of them, that long apart.
    pub(super) async fn compared(
        &self,
        mut source: Source,
        earlier: Option<&Earlier>,
        way: &mut Way<'_>,
    ) -> Result<Exit> {
        let start = Instant::now();
        if let (Some(Earlier::Wait(time)), Some(against)) = (earlier, &mut way.against) {
            // Keep the password that was typed, so that it is asked for only once.
            let target = source.target().clone();
            against.set_earlier(source.identify().await?);
            let exit = self.round(source, way).await?.0;
            if exit != Exit::Done {
                return Ok(exit);
            }
            self.leave();
            tokio::time::sleep(time.saturating_sub(start.elapsed())).await;
            source = self.source(&target).await?;
        }
        if let Some(against) = &mut way.against {
            against.set_later(source.identify().await?, start.elapsed());
        }
        Ok(self.round(source, way).await?.0)
    }

    /// Gets one answer, or one from every database. Returns the session if it can be used again.
    pub(super) async fn round(
        &self,
        mut source: Source,
        way: &mut Way<'_>,
    ) -> Result<(Exit, Option<Source>)> {
        let (exit, left) = match source {
            Source::Server(reader) if self.args.all_databases => (self.everywhere(*reader, way).await?, None),
            _ => {
                way.begin(Some(&self.target.database), false);
                match source.answer(&self.report_run, way, &|text| self.tell(text)).await? {
                    Outcome::Enough => {
                        source.abandon().await;
                        (Exit::Done, None)
                    }
                    Outcome::Complete(rows) => {
                        self.say_if_nothing(rows);
                        if self.args.watch.is_some() {
                            (Exit::Done, Some(source))
                        } else {
                            source.close().await;
                            (Exit::Done, None)
                        }
                    }
                }
            }
        };
        way.end()?;
        Ok((exit, left))
    }

    pub(super) fn say_if_nothing(&self, rows: u64) {
        let report = self.report_run.report;
        let patterns = self.report_run.patterns();
        // A name that was typed: an empty answer may mean that there is no such role or database.
        let names = report.params.iter().zip(&self.report_run.given);
        let names = names.filter(|(param, _)| param.kind == ParamType::Text && param.one_of.is_empty());
        let names = names.filter_map(|(param, given)| params::as_typed(param, given));
        let shown: Vec<String> = patterns.iter().map(|p| format!("{p:?}")).chain(names).collect();
        if rows == 0 && !shown.is_empty() && !self.args.session.echo.quiet {
            let system = !patterns.is_empty() && report.params.iter().any(|p| p.name == "system");
            self.note(&format!(
                "{}: nothing matches {}{}",
                report.name,
                escape::terminal(&shown.join(", ")),
                if system { " (system catalogs are skipped; include them with --system)" } else { "" }
            ));
        }
    }
}

//! `--watch`: the answer again and again.

use std::time::Duration;

use anstyle::{Color, Style};

use super::fleet::Fleet;
use super::look::Look;
use super::run::Job;
use super::way::{Watcher, Way};
use crate::answer::Verdict;
use crate::commands::screen::{Next, Pace, Screen};
use crate::commands::source::Source;
use crate::connect::Target;
use crate::error::{self, Exit, Result};
use crate::escape;
use crate::output::{self, Output, terminal};
use crate::pipeline::Pipeline;

impl Job<'_> {
    fn pipeline_of(&self, look: &Look, has_servers: bool) -> Result<Pipeline> {
        let before = [
            (!self.redraws()).then_some("at"),
            has_servers.then_some("server"),
            self.args.all_databases.then_some("database"),
        ];
        let report = self.report_run.report;
        look.pipeline(&report.name, before.into_iter().flatten(), &report.columns)
    }

    /// Returns whether the screen is drawn anew for each answer.
    fn redraws(&self) -> bool {
        self.look.terminal.is_some()
    }

    /// Returns a session for the next answer: the one that is there, or a new one if it is lost. Several servers get theirs
    /// later.
    ///
    /// Errors: see [`Job::source`].
    async fn session(
        &self,
        left: Option<Source>,
        target: &Target,
        has_servers: bool,
    ) -> Result<Option<Source>> {
        if has_servers {
            return Ok(None);
        }
        if let Some(mut left) = left
            && left.reopen().await.is_ok()
        {
            return Ok(Some(left));
        }
        self.source(target).await.map(Some)
    }

    /// Returns the title line that is shown above an answer on a terminal, and an empty line.
    fn title(&self, every: Duration, now: jiff::Timestamp) -> String {
        let local = now.to_zoned((**self.look.style.zone).clone()).strftime("%Y-%m-%d %H:%M:%S %Z");
        let color = self.color.filter(|_| self.look.style.color);
        let style = Style::new().fg_color(color.map(Color::Ansi));
        let (every, report) = (every.as_secs_f64(), escape::terminal(&self.report_run.report.name));
        format!("{style}every {every} s: pgkit {report}{}   {local}{style:#}\n\n", self.on())
    }

    /// Repeats the report at a fixed interval, measured from start to start; missed ticks are skipped.
    pub(super) async fn watch(
        &self,
        every: Duration,
        fleet: Option<&Fleet<'_>>,
        mut watcher: Watcher<'_>,
    ) -> Result<Exit> {
        // Print one array per line, because the rows of one answer belong together.
        let one_line = self.look.style.one_line;
        let mut pipeline = self.pipeline_of(&self.look, fleet.is_some())?;
        // Of several servers, each gets a new session for each answer: so there are never too many.
        let first = if fleet.is_none() { Some(self.source(&self.target).await?) } else { None };
        // Keep the password that was typed, so that it is asked for only once.
        let target = first.as_ref().map_or(&self.target, Source::target).clone();
        let mut source = first;
        let mut out = Output::new(None, 0)?;
        let mut said: Vec<String> = Vec::new();
        if !self.redraws() && !one_line {
            pipeline.head(&mut out);
        }
        let mut screen = if self.redraws() { Some(Screen::open()?) } else { None };
        if screen.is_some() {
            out.hold();
        }
        let mut pace = Pace::new(every, self.redraws());
        loop {
            if pace.next().await == Next::End {
                if let Some(source) = source {
                    source.close().await;
                }
                return end(screen, out).await.map(|()| Exit::Done);
            }
            // The window may have been resized since the last answer.
            let (width, height) = match terminal::size(self.context.env.var("COLUMNS")) {
                Some((width, height)) => (Some(width), height),
                None => (None, 0),
            };
            let mut look = self.look.clone();
            look.style.width = width;
            #[expect(clippy::disallowed_methods, reason = "the moment of an answer, shown beside it")]
            let now = jiff::Timestamp::now().round(jiff::Unit::Millisecond).unwrap_or_default();
            let session = self.session(source.take(), &target, fleet.is_some()).await;
            let at = (!self.redraws()).then(|| now.to_string());
            if self.redraws() || one_line {
                pipeline = self.pipeline_of(&look, fleet.is_some())?;
            } else {
                pipeline.begin_round();
            }
            let round = match session {
                Ok(session) => {
                    if self.redraws() {
                        let title = self.title(every, now);
                        out.buffer().extend_from_slice(title.as_bytes());
                    }
                    if self.redraws() || one_line {
                        pipeline.head(&mut out);
                    }
                    let mut way = Way::new(&mut pipeline, &mut out, watcher.as_deref_mut(), None);
                    way.stamp(at.as_deref());
                    let round = async {
                        match (session, fleet) {
                            (Some(session), _) => {
                                self.round(session, &mut way).await.map(|(_, left)| (left, None))
                            }
                            (None, Some(fleet)) => {
                                let round = fleet.round(None, &mut way).await?;
                                Ok((None, Some(round.verdict())))
                            }
                            (None, None) => Ok((None, None)),
                        }
                    };
                    let mut round = std::pin::pin!(round);
                    tokio::select! {
                        round = &mut round => Some(round),
                        () = pace.end() => {
                            self.context.running.cancel().await;
                            None
                        }
                    }
                }
                Err(e) => Some(Err(e)),
            };
            let Some(round) = round else { return end(screen, out).await.map(|()| Exit::Done) };
            // An answer that was cut off is judged too, so that the next one is judged by itself.
            let mut verdict = match &round {
                Ok((_, Some(verdict))) => Ok(verdict.clone()),
                _ => self.judge(&mut watcher),
            };
            match round {
                Ok((left, _)) => source = left,
                Err(e) if matches!(e.exit, Exit::Unavailable | Exit::TryAgain) => {
                    error::print(&e);
                    verdict = Ok(Verdict { exit: Exit::Done, remarks: said.clone() });
                }
                Err(e) => return Err(e),
            }
            if self.redraws() || one_line {
                pipeline.end(&mut out);
            }
            if self.redraws()
                && let Ok(verdict) = &verdict
            {
                for remark in &verdict.remarks {
                    out.buffer()
                        .extend_from_slice(format!("\npgkit: {}\n", escape::terminal(remark)).as_bytes());
                }
            }
            let reader_of_out = match &mut screen {
                Some(screen) => screen.show(&mut out, height)?,
                None => out.flush()?,
            };
            let gone = reader_of_out == output::Reader::Gone;
            let verdict = match verdict {
                Ok(verdict) => verdict,
                Err(e) => {
                    end(screen, out).await?;
                    return Err(e);
                }
            };
            if !self.redraws() && verdict.remarks != said {
                verdict.remarks.iter().for_each(|remark| error::note(&format!("pgkit: {remark}")));
                said = verdict.remarks;
            }
            if gone || verdict.exit != Exit::Done {
                if let Some(source) = source {
                    source.close().await;
                }
                if !gone {
                    end(screen, out).await?;
                }
                return Ok(verdict.exit);
            }
        }
    }
}

/// Finishes the output after the last answer of `--watch`.
async fn end(screen: Option<Screen>, out: Output) -> Result<()> {
    match screen {
        Some(screen) => screen.close(out).await,
        None => out.finish().await,
    }
}

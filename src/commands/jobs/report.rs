//! Shows what `jobs run` does: progress on a terminal, lines elsewhere, events for programs.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::error::{self, Error, Result};
use crate::escape;
use crate::jobs::job::Job;
use crate::jobs::output::cut;
use crate::jobs::talk::{Event, Outcome, Progress};
use crate::output::{Output, Reader};
use crate::sql::{self, Reach};

/// How to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// For people.
    People {
        /// Whether to show only what went wrong.
        quiet: bool,
    },
    /// For programs: one JSON object per event, on stdout.
    Lines,
}

/// Shows the messages of a runner.
pub(super) struct Reporter {
    how: How,
    bars: Option<MultiProgress>,
    running: BTreeMap<String, ProgressBar>,
    /// Whether to say why a job does not run.
    reasons: bool,
    /// Stdout, for events.
    out: Option<Output>,
    /// Whether the reader of events is gone, or they cannot be written.
    is_deaf: bool,
    failure: Option<Error>,
}

fn people(length: Duration) -> String {
    match length.as_secs_f64() {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 60.0 => format!("{s:.1} s"),
        _ => format!("{:#}", jiff::SignedDuration::from_secs(length.as_secs().cast_signed())),
    }
}

impl Reporter {
    pub(super) fn new(how: How, reasons: bool) -> Result<Reporter> {
        let terminal = std::io::stderr().is_terminal() && how == How::People { quiet: false };
        let bars = terminal.then(MultiProgress::new);
        let out = if how == How::Lines { Some(Output::new(None, 0)?) } else { None };
        Ok(Reporter { how, bars, running: BTreeMap::new(), reasons, out, is_deaf: false, failure: None })
    }

    /// Returns whether the reader of events is gone.
    pub(super) fn is_deaf(&self) -> bool {
        self.is_deaf
    }

    /// Waits until everything is written. Errors: stdout failed (74).
    pub(super) async fn finish(self) -> Result<()> {
        if let Some(out) = self.out {
            out.finish().await?;
        }
        self.failure.map_or(Ok(()), Err)
    }

    pub(super) fn tell(&mut self, told: Progress<'_>) {
        if let How::Lines = self.how {
            match self.line(&told) {
                Ok(Reader::There) => {}
                Ok(Reader::Gone) => self.is_deaf = true,
                Err(e) => {
                    self.is_deaf = true;
                    self.failure.get_or_insert(e);
                }
            }
            // Programs read the events on stdout; people read stderr.
            if let Progress::Event(_, Event::Sql { .. }) = told {
                self.people(&told);
            }
            return;
        }
        self.people(&told);
    }

    /// Writes one event as one line of JSON.
    fn line(&mut self, told: &Progress<'_>) -> Result<Reader> {
        let value = match told {
            Progress::Event(_, Event::Sql { .. }) => return Ok(Reader::There),
            Progress::Event(job, event) => {
                let mut value = serde_json::to_value(event).unwrap_or_default();
                if let (Some(object), Event::Finished { how, .. }) = (value.as_object_mut(), event) {
                    object.remove("how");
                    object.insert(
                        "result".into(),
                        if how.cut {
                            "interrupted"
                        } else if how.failure.is_some() {
                            "failed"
                        } else {
                            "ran"
                        }
                        .into(),
                    );
                    object.insert("duration_s".into(), how.duration.as_secs_f64().into());
                    object.insert("output_bytes".into(), how.output_bytes.into());
                    if let Some(failure) = &how.failure {
                        object.insert("type".into(), failure.kind.clone().into());
                        object.insert("message".into(), failure.message.clone().into());
                    }
                }
                named(job, value)
            }
            Progress::Outcome(job, outcome) => {
                let (word, why, held) = words(outcome);
                let mut value = serde_json::json!({ "event": "outcome", "outcome": word });
                if let (Some(object), Some(why)) = (value.as_object_mut(), why) {
                    object.insert("why".into(), why.into());
                }
                if let (Some(object), true) = (value.as_object_mut(), held) {
                    object.insert("held".into(), true.into());
                }
                named(job, value)
            }
            Progress::Warning(text) => serde_json::json!({ "event": "warning", "text": text }),
            Progress::Passed(pass) => serde_json::json!({
                "event": "passed", "succeeded": pass.succeeded, "failed": pass.failed,
                "interrupted": pass.interrupted, "ongoing": pass.ongoing, "locked": pass.locked, "held": pass.held,
            }),
        };
        let Some(out) = &mut self.out else { return Ok(Reader::There) };
        let line = value.to_string();
        out.buffer().extend_from_slice(escape::json(&line).as_bytes());
        out.buffer().push(b'\n');
        out.flush()
    }

    fn say(&self, line: &str) {
        let line = escape::terminal(line);
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(&line);
            }
            None => error::note(&format!("pgkit: {line}")),
        }
    }

    fn people(&mut self, told: &Progress<'_>) {
        let quiet = self.how == How::People { quiet: true };
        match told {
            Progress::Event(job, Event::Started { date, attempt, number, of, .. }) => {
                if let Some(bars) = &self.bars {
                    let bar = self.running.entry(job.name.clone()).or_insert_with(|| {
                        let bar = bars.add(ProgressBar::new_spinner());
                        bar.enable_steady_tick(Duration::from_millis(200));
                        let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
                        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                        bar
                    });
                    let many = if *of > 1 { format!(", {number} of {of}: {date}") } else { String::new() };
                    let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                    let name = escape::terminal(&job.name).into_owned();
                    bar.set_message(format!("{name}{many}{again}"));
                }
            }
            // Its outcome, which follows, says more.
            Progress::Event(_, Event::Finished { how, .. }) if how.cut => {}
            Progress::Event(job, Event::Finished { date, how }) => match &how.failure {
                None if quiet => {}
                None if job.backfill => {
                    self.say(&format!("{}: finished {date} in {}", job.name, people(how.duration)));
                }
                None => self.say(&format!("{}: ran for {}", job.name, people(how.duration))),
                Some(failure) => {
                    // More than a screen of it helps nobody; the rest is in the tables.
                    let message = cut(failure.message.lines().next().unwrap_or_default(), 2000);
                    let kind =
                        Some(format!("{}: ", failure.kind)).filter(|_| !message.starts_with(&failure.kind));
                    self.say(&format!(
                        "{}: failed for {date} after {}: {}{message}",
                        job.name,
                        people(how.duration),
                        kind.unwrap_or_default()
                    ));
                }
            },
            Progress::Event(job, Event::Warning { text }) => {
                self.say(&format!("WARNING: {}: {text}", job.name))
            }
            Progress::Event(_, Event::Sql { text }) => {
                error::note(&sql::harmless(text.trim_end(), Reach::Unicode));
            }
            Progress::Event(..) | Progress::Passed(_) => {}
            Progress::Warning(text) => self.say(&format!("WARNING: {text}")),
            Progress::Outcome(job, outcome) => {
                if let Some(bar) = self.running.remove(&job.name) {
                    bar.finish_and_clear();
                }
                let name = &job.name;
                match outcome {
                    // Its dates have been reported already.
                    Outcome::Succeeded | Outcome::Failed => {}
                    Outcome::NotNow { why } if self.reasons && !quiet => self.say(&format!("{name}: {why}")),
                    // A job that is not due is not worth mentioning.
                    Outcome::NotNow { .. } => {}
                    Outcome::Ongoing { .. } | Outcome::Full { .. } | Outcome::Locked if quiet => {}
                    Outcome::Ongoing { why, .. } => self.say(&format!("{name}: is due, but ongoing {why}")),
                    Outcome::Full { pool } => {
                        self.say(&format!("{name}: is due, but its pool {pool:?} is full"));
                    }
                    Outcome::Locked => {
                        self.say(&format!("{name}: another process locked its row at the same instant"))
                    }
                    Outcome::Held => {
                        self.say(&format!(
                            "{name}: is held because it was cut off: check pgkit jobs history {name}, then release it with pgkit jobs unlock {name}"
                        ));
                    }
                    Outcome::Interrupted { why, held } => {
                        let then = if *held {
                            "it is held until pgkit jobs unlock"
                        } else {
                            "it runs again when it is due"
                        };
                        self.say(&format!("{name}: was cut off: {why}; {then}"));
                    }
                    Outcome::Unrecorded { why } => {
                        self.say(&format!("{name}: ran, but could not be recorded: {why}"));
                    }
                    Outcome::Broken { why, .. } => self.say(&format!("{name}: {why}")),
                }
            }
        }
    }
}

fn named(job: &Job, mut value: serde_json::Value) -> serde_json::Value {
    if let Some(object) = value.as_object_mut() {
        object.insert("job".into(), job.name.clone().into());
    }
    value
}

/// Returns an outcome as a word, its reason, and whether the job is held until a person decides.
fn words(outcome: &Outcome) -> (&'static str, Option<String>, bool) {
    match outcome {
        Outcome::Succeeded => ("succeeded", None, false),
        Outcome::Failed => ("failed", None, false),
        Outcome::Interrupted { why, held } => ("interrupted", Some(why.clone()), *held),
        Outcome::Unrecorded { why } => ("unrecorded", Some(why.clone()), false),
        Outcome::NotNow { why } => ("not_now", Some(why.clone()), false),
        Outcome::Ongoing { why, .. } => ("ongoing", Some(why.clone()), false),
        Outcome::Full { pool } => ("full", Some(format!("pool {pool:?} is full")), false),
        Outcome::Locked => ("locked", None, false),
        Outcome::Held => ("held", None, true),
        Outcome::Broken { why, .. } => ("broken", Some(why.clone()), false),
    }
}

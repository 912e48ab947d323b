//! Measures variants, and shows the results.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::flags::MeasureArgs;
use super::show;
use crate::bench::run::{self, Event, Options};
use crate::bench::script::Variant;
use crate::commands::args::{FormatArgs, SessionArgs};
use crate::commands::context::Context;
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::output::terminal;
use crate::session;

/// The default number of turns.
const RUNS: usize = 100;

/// What is to be measured, and how.
pub(super) struct Job {
    pub(super) variants: Vec<Variant>,
    pub(super) values: Vec<crate::bench::script::Values>,
    pub(super) allow_writes: bool,
    pub(super) measure: MeasureArgs,
    pub(super) session: SessionArgs,
}

impl Job {
    pub(super) async fn run(self, context: &Context, target: &Target, format: &FormatArgs) -> Result<Exit> {
        let given: BTreeSet<String> =
            self.values.first().map(|v| v.keys().cloned().collect()).unwrap_or_default();
        for (i, variant) in self.variants.iter().enumerate() {
            if self.variants[..i].iter().any(|other| other.name == variant.name) {
                return Err(Error::usage(format!("duplicate variant {:?}", variant.name)));
            }
            variant.check(&given)?;
        }
        // Report wrong flags before connecting.
        let show = show::Show::new(context, &self.measure, format, self.session.echo.clone())?;
        let runs = match self.measure.runs {
            Some(runs) => usize::try_from(runs).unwrap_or(usize::MAX),
            None if given.is_empty() => RUNS,
            None => self.values.len(),
        };
        let seed = self.measure.seed.unwrap_or_else(|| fastrand::u64(0..1_000_000));
        let options = Options {
            runs,
            values: self.values,
            variants: self.variants,
            time: self.measure.time,
            warm_up: self.measure.warm_up,
            protocol: self.measure.protocol,
            clients: usize::try_from(self.measure.clients).unwrap_or(1),
            seed,
            allow_writes: self.allow_writes,
            same_rows: self.measure.same_rows,
            limits: self.session.limits(),
        };
        // Each statement is echoed once, although it is sent many times.
        if let Some(echo) = self.session.echo.echo() {
            let steps = options.variants.iter().flat_map(|variant| &variant.steps);
            steps.for_each(|step| echo(&session::echoed(&step.text, &[])));
        }
        let bar = progress(self.session.echo.quiet, &options);
        let tell = |event: Event| {
            if let Some(bar) = &*bar.borrow() {
                let Event::Turns(done, _) = event;
                bar.set_position(done as u64);
            }
        };
        let signal = Cell::new(None);
        let stop = || async {
            let mut told = context.ending.take();
            if let Ok(exit) = told.wait_for(Option::is_some).await {
                signal.set(*exit);
            }
        };
        let ask = &mut terminal::ask_password;
        let outcome = run::measure(&options, target, &context.running, ask, &tell, stop).await;
        if let Some(bar) = bar.take() {
            bar.finish_and_clear();
        }
        let outcome = outcome?;
        let Some(signal) = signal.get() else { return show.run(&options, &outcome).await };
        // Show what was measured before the interrupt.
        if !outcome.samples.is_empty() {
            show.run(&options, &outcome).await?;
        }
        Ok(signal)
    }
}

/// Returns a progress bar if stderr is a terminal; it redraws itself at most ten times per second.
fn progress(quiet: bool, options: &Options) -> RefCell<Option<ProgressBar>> {
    if quiet || !std::io::stderr().is_terminal() {
        return RefCell::new(None);
    }
    let bar = match options.time {
        None => ProgressBar::new(options.runs as u64),
        Some(_) => ProgressBar::no_length(),
    };
    let template = match options.time {
        None => "{wide_bar} {pos} of {len} turns, {eta} left",
        Some(_) => "{spinner} {pos} turns, {elapsed}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    RefCell::new(Some(bar))
}

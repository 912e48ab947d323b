//! `bench`: two or more ways to get the same data, measured fairly.

mod demo;
mod show;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, report};
use crate::answer::parse_duration;
use crate::bench::params;
use crate::bench::run::{self, Event, Options};
use crate::bench::script::Variant;
use crate::cli::{self, ConnectionArgs, FormatArgs, SessionArgs};
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::session::{self, Protocol};
use crate::signals;

/// How many turns there are where nothing says so.
const RUNS: usize = 100;

/// How to measure, and what to make of it.
#[derive(Debug, Clone, Args)]
struct MeasureArgs {
    /// So many turns; in each, one value goes through every variant [default: each value once; 100 without --param]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    runs: Option<u64>,
    /// Go on for this time instead
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "runs")]
    time: Option<Duration>,
    /// Turns before it counts
    #[arg(long, value_name = "N", default_value_t = 10)]
    warm_up: usize,
    /// How statements are sent
    #[arg(long, value_name = "PROTOCOL", default_value = "simple")]
    protocol: Protocol,
    /// So many sessions take turns at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    clients: u64,
    /// Decides the order and the intervals: the same seed, the same order [default: a random one, which is told]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Compare the rows of each variant's last statement, whatever their order; exit code 1 where they differ
    #[arg(long)]
    same_rows: bool,
    /// The pairs of variants instead: ratio of the medians, its 95% interval, and how many more runs would show 5%
    #[arg(long)]
    pairs: bool,
    /// Write every sample to this file: csv, or json by its ending
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    samples: Option<PathBuf>,
    /// Write one self-contained page with figures and pictures to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
struct BenchArgs {
    /// NAME=SQL or NAME=@FILE: statements as psql takes them, with :name, :'name' and \gset
    #[arg(value_name = "NAME=SQL")]
    variants: Vec<String>,
    /// Values that go through every variant: id=1..100, name=a,b,c or name=@FILE.csv; several are combined
    #[arg(long, value_name = "NAME=VALUES")]
    param: Vec<String>,
    /// Allow statements that write: each run is a transaction that is rolled back. That does not undo sequences,
    /// what functions do outside the database, and the dead rows it leaves; locks are held until the run ends
    #[arg(long)]
    allow_writes: bool,
    #[command(flatten)]
    measure: MeasureArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    session: SessionArgs,
}

/// The command.
pub fn command() -> Command {
    let about = "Measure two or more ways to get the same data";
    ConnectionArgs::augment_args(BenchArgs::augment_args(cli::command("bench", about)))
        .about(about)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand(demo::command())
        .after_help(format!(
            "The order of the variants is shuffled anew for each value, so that none is favoured by caches. A run is\n\
             timed from the first byte sent to the last received; server is what EXPLAIN ANALYZE says of some values,\n\
             round_trips the time of so many empty statements, client the rest.\n\n{}",
            cli::example(&[
                "pgkit bench 'two look-ups=SELECT artist_id FROM song WHERE id = :id \\gset ; SELECT name FROM artist WHERE id = :artist_id' \\",
                "            'join=SELECT a.name FROM song s JOIN artist a ON a.id = s.artist_id WHERE s.id = :id' --param id=100000..103000",
            ])
        ))
}

/// Runs it.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    if let Some(("demo", own)) = matches.subcommand() {
        cli::refuse_connection_flags(root, "bench demo")?;
        return demo::run(context, own).await;
    }
    let args = BenchArgs::from_arg_matches(matches).map_err(|e| Error::bug(e.to_string()))?;
    let variants =
        args.variants.iter().map(|text| Variant::parse(text, &read_file)).collect::<Result<Vec<_>>>()?;
    if variants.is_empty() {
        return Err(Error::usage("there is nothing to measure")
            .hint("give NAME=SQL, better two of them; pgkit bench demo shows how"));
    }
    let values = params::parse(&args.param, &read_file)?;
    let flags = cli::connection_flags(root, matches)?;
    let target = report::resolve(&flags, &context.env, args.session.echo.quiet)?;
    let job = Job {
        variants,
        values,
        allow_writes: args.allow_writes,
        measure: args.measure,
        session: args.session,
    };
    job.run(context, &target, &args.format).await
}

fn read_file(path: &str) -> Result<String> {
    let mut text = String::new();
    let read = match path {
        "-" => std::io::stdin().read_to_string(&mut text),
        path => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map(|_| text).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => Error::data(format!("{path}: the file is not UTF-8")),
        _ => Error::io(format!("could not read {path}"), &e),
    })
}

/// What is to be measured, and how.
struct Job {
    variants: Vec<Variant>,
    values: Vec<crate::bench::script::Values>,
    allow_writes: bool,
    measure: MeasureArgs,
    session: SessionArgs,
}

impl Job {
    async fn run(self, context: &Context, target: &Target, format: &FormatArgs) -> Result<Exit> {
        let given: BTreeSet<String> =
            self.values.first().map(|v| v.keys().cloned().collect()).unwrap_or_default();
        for (i, variant) in self.variants.iter().enumerate() {
            if self.variants[..i].iter().any(|other| other.name == variant.name) {
                return Err(Error::usage(format!("two variants are named {:?}", variant.name)));
            }
            variant.check(&given)?;
        }
        // What is wrong with the wishes is said before anybody connects.
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
        let ask = &mut signals::ask_password;
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

/// A progress bar on a terminal; it draws itself ten times a second at most.
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

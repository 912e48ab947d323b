//! Shows the results of `bench`: figures as rows, sentences for people, box plots on a terminal, and files.

use std::borrow::Cow;
use std::path::Path;

use super::flags::MeasureArgs;
use crate::bench::page::{self, Shown};
use crate::bench::plot;
use crate::bench::run::{Options, Outcome};
use crate::bench::script::Values;
use crate::bench::stats::{self, Comparison, Summary};
use crate::commands::args::{EchoArgs, FormatArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{self, Error, Exit, Result};
use crate::output;
use crate::output::terminal;
use crate::render::csv::no_formula;
use crate::render::human;
use crate::rows::{Flow, record};

record! {
    const COLUMNS;
    fn figures(name: &str, taken: &Taken, server: Option<f64>, trips: f64, client: Option<f64>) {
        variant: text = Some(name),
        n: int8 = Some(taken.summary.map_or(0, |s| s.n) as i64),
        median_ms: float8 = taken.summary.map(|s| nanoseconds(s.median)),
        average_ms: float8 = taken.summary.map(|s| nanoseconds(s.average)),
        stddev_ms: float8 wide = taken.summary.map(|s| nanoseconds(s.stddev)),
        p95_ms: float8 = taken.summary.map(|s| nanoseconds(s.p[3])),
        p99_ms: float8 wide = taken.summary.map(|s| nanoseconds(s.p[4])),
        min_ms: float8 = taken.summary.map(|s| nanoseconds(s.min)),
        max_ms: float8 = taken.summary.map(|s| nanoseconds(s.max)),
        errors: int8 = Some(taken.errors as i64),
        server_ms: float8 = server.map(nanoseconds),
        round_trips_ms: float8 = Some(nanoseconds(trips)),
        client_ms: float8 = client.map(nanoseconds),
    }
}

record! {
    const PAIRS;
    fn pair(one: &Comparison) {
        faster: text = Some(&one.first),
        slower: text = Some(&one.second),
        n: int8 = Some(one.n as i64),
        ratio: float8 = Some(nanoseconds(one.ratio)),
        low: float8 = Some(nanoseconds(one.low)),
        high: float8 = Some(nanoseconds(one.high)),
        more_runs: int8 = Some(i64::try_from(one.more_runs()).unwrap_or(i64::MAX)),
    }
}

/// The first columns, this many, form the table. The rest says where the time goes, and is shown below the table
/// if there is no room.
const TABLE: usize = 10;
/// The width of a terminal that has room for all of them.
const ROOM: usize = 115;
/// Rounds a figure to six decimals, which is a nanosecond for figures in milliseconds. Further digits are rounding
/// noise.
fn nanoseconds(figure: f64) -> f64 {
    (figure * 1e6).round() / 1e6
}

/// Where the answer goes.
pub(super) struct Show {
    listing: Listing,
    pairs: bool,
    samples: Option<std::path::PathBuf>,
    html: Option<std::path::PathBuf>,
    /// Whether the file of samples, too, must contain no formulas.
    csv_safe: bool,
    /// The terminal's width, if people read the answer.
    people: Option<usize>,
    echo: EchoArgs,
}

/// One variant's samples, in the order in which they were taken.
struct Taken {
    samples: Vec<f64>,
    errors: usize,
    times_first: usize,
    summary: Option<Summary>,
}

impl Show {
    pub(super) fn new(
        context: &Context,
        measure: &MeasureArgs,
        format: &FormatArgs,
        echo: EchoArgs,
    ) -> Result<Show> {
        let terminal = terminal::size(context.env.var("COLUMNS"));
        let people = terminal.map(|(width, _)| width).filter(|_| format.is_plain());
        let columns = match people {
            _ if measure.pairs => PAIRS,
            Some(width) if width < ROOM => &COLUMNS[..TABLE],
            _ => COLUMNS,
        };
        for path in [&measure.samples, &measure.html].into_iter().flatten() {
            // A wrong folder must be reported now, and not after an hour.
            std::fs::File::options()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|e| Error::io(format!("could not write {}", path.display()), &e))?;
        }
        Ok(Show {
            listing: Listing::new(context, "bench", columns, format)?,
            pairs: measure.pairs,
            samples: measure.samples.clone(),
            html: measure.html.clone(),
            csv_safe: format.csv_safe,
            people,
            echo,
        })
    }

    pub(super) async fn run(mut self, options: &Options, outcome: &Outcome) -> Result<Exit> {
        let taken: Vec<Taken> = (0..options.variants.len()).map(|v| take(outcome, v)).collect();
        let mut rng = fastrand::Rng::with_seed(options.seed);
        let mut comparisons = Vec::new();
        for first in 0..options.variants.len() {
            for second in first + 1..options.variants.len() {
                let pairs = pairs(outcome, options, first, second);
                let (a, b) = (&options.variants[first].name, &options.variants[second].name);
                comparisons.extend(Comparison::of(a, b, &pairs, &mut rng));
            }
        }
        let sentences: Vec<String> = comparisons.iter().map(Comparison::sentence).collect();
        let mut doubts: Vec<String> = Vec::new();
        for (variant, taken) in options.variants.iter().zip(&taken) {
            let all = stats::doubts(&variant.name, &taken.samples, taken.times_first, options.variants.len());
            doubts.extend(all.iter().map(stats::Doubt::sentence));
        }
        if self.pairs {
            self.push_pairs(&comparisons)?;
        } else {
            self.push_figures(options, outcome, &taken)?;
        }
        self.listing.finish().await?;
        if let Some(width) = self.people {
            let all: Vec<(String, Summary)> = options
                .variants
                .iter()
                .zip(&taken)
                .filter_map(|(v, t)| Some((crate::escape::terminal(&v.name).into_owned(), t.summary?)))
                .collect();
            output::print(&format!("\n{}", plot::boxes(&all, width)))?;
            if width < ROOM && !self.pairs {
                output::print(&shares(options, outcome, &taken, width))?;
            }
        }
        for sentence in &sentences {
            self.echo.remark(sentence);
        }
        for doubt in &doubts {
            self.echo.remark(&format!("WARNING: {doubt}"));
        }
        self.echo.remark(&format!("seed {}", options.seed));
        if let Some(path) = &self.samples {
            write_samples(path, options, outcome, self.csv_safe)?;
        }
        if let Some(path) = &self.html {
            output::write_file(path, html(options, outcome, &taken, &sentences, &doubts).as_bytes())?;
        }
        Ok(verdict(options, outcome, &taken))
    }

    fn push_figures(&mut self, options: &Options, outcome: &Outcome, taken: &[Taken]) -> Result<()> {
        for (v, (variant, taken)) in options.variants.iter().zip(taken).enumerate() {
            let (server, trips, client) = share(options, outcome, taken, v);
            if self.listing.push(&figures(&variant.name, taken, server, trips, client))? == Flow::Enough {
                break;
            }
        }
        Ok(())
    }

    fn push_pairs(&mut self, comparisons: &[Comparison]) -> Result<()> {
        for one in comparisons {
            if self.listing.push(&pair(one))? == Flow::Enough {
                break;
            }
        }
        Ok(())
    }
}

/// Returns how a variant's median is spent, in milliseconds: on the server, on round trips, in the client.
fn share(
    options: &Options,
    outcome: &Outcome,
    taken: &Taken,
    variant: usize,
) -> (Option<f64>, f64, Option<f64>) {
    let trips = outcome.round_trip_ms * options.variants[variant].steps.len() as f64;
    let server = outcome.server_ms.get(variant).copied().flatten();
    // Parts that are measured separately may add up to more than the whole.
    let client = taken.summary.zip(server).map(|(s, server)| (s.median - server - trips).max(0.0));
    (server, trips, client)
}

/// Describes the shares in words, one line per variant.
fn shares(options: &Options, outcome: &Outcome, taken: &[Taken], width: usize) -> String {
    let mut out = String::from("\n");
    for (v, (variant, taken)) in options.variants.iter().zip(taken).enumerate() {
        let (server, trips, client) = share(options, outcome, taken, v);
        let ms = |share: Option<f64>| {
            share.map_or_else(|| "an unknown time".to_owned(), |ms| human::seconds(ms / 1e3))
        };
        let name = crate::escape::terminal(&variant.name);
        let (server, trips, client) = (ms(server), ms(Some(trips)), ms(client));
        let line = format!("{name}: {server} server, {trips} round trips, {client} client");
        for line in crate::wrap::wrapped(&line, width) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

fn take(outcome: &Outcome, variant: usize) -> Taken {
    let of = || outcome.samples.iter().filter(|s| s.variant == variant);
    let samples: Vec<f64> = of().filter_map(|s| s.ms).collect();
    Taken {
        errors: of().filter(|s| s.ms.is_none()).count(),
        times_first: of().filter(|s| s.position == 0).count(),
        summary: Summary::of(&samples),
        samples,
    }
}

/// Returns the times of two variants in the same turns.
fn pairs(outcome: &Outcome, options: &Options, first: usize, second: usize) -> Vec<(f64, f64)> {
    outcome
        .samples
        .chunk_by(|a, b| a.turn == b.turn)
        .filter(|turn| turn.len() == options.variants.len())
        .filter_map(|turn| {
            let of = |variant| turn.iter().find(|s| s.variant == variant).and_then(|s| s.ms);
            Some((of(first)?, of(second)?))
        })
        .collect()
}

/// Reports errors and differing rows, which make the exit code that of a bad answer.
fn verdict(options: &Options, outcome: &Outcome, taken: &[Taken]) -> Exit {
    let mut exit = Exit::Done;
    for ((variant, refused), taken) in options.variants.iter().zip(&outcome.refused).zip(taken) {
        if let Some(refused) = refused {
            exit = Exit::BadAnswer;
            error::print(&Error {
                message: format!(
                    "{}: {} of its runs failed, the first with: {}",
                    variant.name, taken.errors, refused.message
                ),
                ..refused.clone()
            });
        }
    }
    if let Some(difference) = &outcome.difference {
        exit = Exit::BadAnswer;
        let name = |v: usize| options.variants[v].name.as_str();
        error::print(
            &Error::new(
                Exit::BadAnswer,
                format!(
                    "for {}, the variants return different rows",
                    described(&options.values[difference.value])
                ),
            )
            .caused_by(format!("{}: {}", name(difference.variants.0), difference.first))
            .caused_by(format!("{}: {}", name(difference.variants.1), difference.second)),
        );
    }
    exit
}

/// Formats values as `id=1 name=a`.
fn described(values: &Values) -> String {
    if values.is_empty() {
        return "no parameter".to_owned();
    }
    let all: Vec<String> =
        values.iter().map(|(k, v)| format!("{k}={}", v.as_deref().unwrap_or("NULL"))).collect();
    all.join(" ")
}

/// Writes every sample, as csv, or as json if the file's name ends so.
fn write_samples(path: &Path, options: &Options, outcome: &Outcome, csv_safe: bool) -> Result<()> {
    let bad = |e: &dyn std::fmt::Display| Error::bug("samples that cannot be written").caused_by(e);
    let rows = outcome.samples.iter().map(|s| {
        (
            s.turn,
            described(&options.values[s.value]),
            options.variants[s.variant].name.as_str(),
            s.position,
            s.ms,
        )
    });
    if path.extension().is_some_and(|e| e == "json") {
        let all: Vec<serde_json::Value> = rows
            .map(|(turn, value, variant, position, ms)| {
                serde_json::json!({"turn": turn, "value": value, "variant": variant, "position": position, "ms": ms})
            })
            .collect();
        return output::write_file(path, &serde_json::to_vec(&all).map_err(|e| bad(&e))?);
    }
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(["turn", "value", "variant", "position", "ms"]).map_err(|e| bad(&e))?;
    for (turn, value, variant, position, ms) in rows {
        let ms = ms.map(|ms| ms.to_string()).unwrap_or_default();
        let safe = |text| if csv_safe { no_formula(text) } else { Cow::Borrowed(text) };
        let (value, variant) = (safe(&value), safe(variant));
        out.write_record([&turn.to_string(), &*value, &*variant, &position.to_string(), &ms])
            .map_err(|e| bad(&e))?;
    }
    output::write_file(path, &out.into_inner().map_err(|e| bad(&e))?)
}

fn html(
    options: &Options,
    outcome: &Outcome,
    taken: &[Taken],
    sentences: &[String],
    doubts: &[String],
) -> String {
    let shown: Vec<Shown<'_>> = options
        .variants
        .iter()
        .zip(taken)
        .filter_map(|(variant, taken)| {
            let script: Vec<String> = variant
                .steps
                .iter()
                .map(|step| match &step.gset {
                    Some(prefix) => format!("{} \\gset {prefix}", step.text),
                    None => format!("{};", step.text),
                })
                .collect();
            Some(Shown {
                name: &variant.name,
                script: script.join("\n"),
                summary: taken.summary?,
                samples: &taken.samples,
                errors: taken.errors,
            })
        })
        .collect();
    let about = format!(
        "{} turns over {} values, {} at a time, protocol {}, seed {}; a round trip takes {:.3} ms.",
        outcome.samples.last().map_or(0, |s| s.turn + 1),
        options.values.len(),
        options.clients,
        format!("{:?}", options.protocol).to_lowercase(),
        options.seed,
        outcome.round_trip_ms
    );
    page::page(&about, &shown, sentences, doubts)
}

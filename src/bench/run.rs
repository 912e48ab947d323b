//! Measures the variants.

use std::cell::Cell;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::try_join_all;
use serde::Deserialize;

use super::script::{Step, Values, Variant};
use crate::connect::Target;
use crate::error::{Error, Result};
use crate::session::{InFlight, Limits, Protocol, Response, TextRow, Wire};

/// How many values are run through EXPLAIN to find the server's share of the time.
const EXPLAINED: usize = 25;
/// How many empty statements are sent to measure the length of a round trip.
const PINGS: usize = 50;

/// What is to be measured, and how.
pub struct Options {
    /// The ways to get the data.
    pub variants: Vec<Variant>,
    /// The values that go through each of them.
    pub values: Vec<Values>,
    /// The number of turns; in each, one value goes through every variant.
    pub runs: usize,
    /// If set, measure for this time, however many turns that makes.
    pub time: Option<Duration>,
    /// The number of turns before the measurement counts.
    pub warm_up: usize,
    /// How statements are sent.
    pub protocol: Protocol,
    /// How many sessions take turns at once.
    pub clients: usize,
    /// The random seed that determines the order.
    pub seed: u64,
    /// Whether to allow statements that write, which are rolled back.
    pub allow_writes: bool,
    /// Whether to compare the rows that the variants return.
    pub same_rows: bool,
    /// How long a statement may take, and how long it may wait for a lock.
    pub limits: Limits,
}

/// One run of one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The turn, counted from 0.
    pub turn: usize,
    /// The index of the value.
    pub value: usize,
    /// The index of the variant.
    pub variant: usize,
    /// The position in its turn, counted from 0.
    pub position: usize,
    /// How long it took, in milliseconds; `None` if it failed.
    pub ms: Option<f64>,
}

/// A value for which two variants return different rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The index of the value.
    pub value: usize,
    /// The indexes of the two variants.
    pub variants: (usize, usize),
    /// What the first variant returned.
    pub first: String,
    /// What the second variant returned.
    pub second: String,
}

/// The results of the measurement.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Every run that counts, in the order of turns.
    pub samples: Vec<Sample>,
    /// The first error of each variant, if there was one.
    pub refused: Vec<Option<Error>>,
    /// The first value for which results differ, if `same_rows` asks for the comparison.
    pub difference: Option<Difference>,
    /// The server's share of each variant's time, in milliseconds, according to EXPLAIN ANALYZE; `None` if it
    /// cannot be determined.
    pub server_ms: Vec<Option<f64>>,
    /// The length of a round trip, in milliseconds.
    pub round_trip_ms: f64,
}

/// The progress of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The number of turns done, and the total number, which is unknown if there is a time limit.
    Turns(usize, Option<usize>),
}

/// The session: the rows of one run, or why it was refused.
struct Client<'a> {
    wire: Wire,
    options: &'a Options,
}

/// The result of one run.
struct Run {
    took: Duration,
    rows: Vec<TextRow>,
    refused: Option<Error>,
}

/// Measures. `ask` prompts for a password. `stop` is called when the first turn that counts begins; once its future
/// completes, no further turn begins.
///
/// Errors: no connection (69), a pooler (64), a variable without a value (65); what the server refuses is counted.
pub async fn measure<S: Future<Output = ()>>(
    options: &Options,
    target: &Target,
    running: &InFlight,
    ask: &mut dyn FnMut(&str) -> Result<String>,
    tell: &dyn Fn(Event),
    stop: impl FnOnce() -> S,
) -> Result<Outcome> {
    let mut clients = Vec::new();
    let mut target = target.clone();
    for _ in 0..options.clients.max(1) {
        let (wire, _, with_password) = Wire::connect(&target, "SELECT", POOLER, running, ask).await?;
        target = with_password;
        let mut client = Client { wire, options };
        client.begin().await?;
        clients.push(client);
    }
    let mut outcome = Outcome { refused: vec![None; options.variants.len()], ..Outcome::default() };
    let (first, _) = clients.split_first_mut().ok_or_else(|| Error::bug("no client"))?;
    if options.same_rows {
        outcome.difference = first.compare().await?;
    }
    first.warm_up().await?;
    let next = Cell::new(0);
    let end = options.time.map(|time| Instant::now() + time);
    let is_stopped = Cell::new(false);
    let turns =
        try_join_all(clients.iter_mut().map(|client| client.take_turns(&next, end, &is_stopped, tell)));
    let stop = stop();
    let hear = async {
        stop.await;
        is_stopped.set(true);
        running.cancel().await;
        std::future::pending::<()>().await;
    };
    let taken = tokio::select! {
        taken = turns => taken?,
        () = hear => Vec::new(),
    };
    for (samples, refused) in taken {
        outcome.samples.extend(samples);
        for (known, new) in outcome.refused.iter_mut().zip(refused) {
            if known.is_none() {
                *known = new;
            }
        }
    }
    // The report is ordered by turns, regardless of which session took them.
    outcome.samples.sort_by_key(|sample| (sample.turn, sample.position));
    let (first, _) = clients.split_first_mut().ok_or_else(|| Error::bug("no client"))?;
    outcome.round_trip_ms = first.round_trip().await?;
    for variant in 0..options.variants.len() {
        // After an interrupt the user does not want to wait for EXPLAIN.
        let share = if is_stopped.get() { None } else { first.server_share(variant).await? };
        outcome.server_ms.push(share);
    }
    for client in clients {
        client.wire.close().await;
    }
    Ok(outcome)
}

/// Returns a duration in milliseconds.
fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Why a pooler is refused.
const POOLER: &str = "settings of the session would leak to other clients: connect to the server itself";

impl Client<'_> {
    /// Sets up the session. Apart from these settings it keeps the user's own, because the variants are the user's
    /// statements.
    async fn begin(&mut self) -> Result<()> {
        let timeout = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_millis().max(1));
        let mut settings = format!(
            "SET statement_timeout = '{}ms'; SET lock_timeout = '{}ms'",
            timeout(self.options.limits.statement),
            timeout(self.options.limits.lock)
        );
        if !self.options.allow_writes {
            settings.push_str("; SET default_transaction_read_only = on");
        }
        if let Some(watch) = self.wire.watch_client() {
            settings.push_str(&format!("; SET {watch}"));
        }
        self.wire.set_limit(self.options.limits.statement);
        self.wire.run(&settings).await?;
        if self.options.protocol == Protocol::Prepared {
            for (v, variant) in self.options.variants.iter().enumerate() {
                for (s, step) in variant.steps.iter().enumerate() {
                    if step.has_identifiers() {
                        return Err(Error::usage(format!(
                            "variant {:?}: :\"name\" cannot be used with --protocol prepared, which prepares the statement only once",
                            variant.name
                        )));
                    }
                    let (text, _) = step.numbered(&Values::new())?;
                    // If it is refused, that is counted when it runs.
                    self.wire.prepare([(statement_name(v, s).as_str(), text.as_str())]).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs every value through every variant, and compares the results.
    async fn compare(&mut self) -> Result<Option<Difference>> {
        for value in 0..self.options.values.len().min(self.options.runs) {
            let mut first: Option<(usize, Vec<TextRow>)> = None;
            for variant in 0..self.options.variants.len() {
                let run = self.run(variant, value, true).await?;
                if run.refused.is_some() {
                    continue;
                }
                let mut rows = run.rows;
                rows.sort();
                match &first {
                    None => first = Some((variant, rows)),
                    Some((other, known)) if *known != rows => {
                        return Ok(Some(Difference {
                            value,
                            variants: (*other, variant),
                            first: shown(known, &rows),
                            second: shown(&rows, known),
                        }));
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(None)
    }

    async fn warm_up(&mut self) -> Result<()> {
        for turn in 0..self.options.warm_up {
            for variant in 0..self.options.variants.len() {
                self.run(variant, turn % self.options.values.len(), false).await?;
            }
        }
        Ok(())
    }

    /// Takes turns until there are none left.
    async fn take_turns(
        &mut self,
        next: &Cell<usize>,
        end: Option<Instant>,
        is_stopped: &Cell<bool>,
        tell: &dyn Fn(Event),
    ) -> Result<(Vec<Sample>, Vec<Option<Error>>)> {
        let variants = self.options.variants.len();
        let total = end.is_none().then_some(self.options.runs);
        let mut samples = Vec::new();
        let mut refused = vec![None; variants];
        let mut order: Vec<usize> = (0..variants).collect();
        loop {
            let turn = next.get();
            if end.map_or(turn >= self.options.runs, |end| Instant::now() >= end) {
                return Ok((samples, refused));
            }
            next.set(turn + 1);
            // The order depends on the turn and not on the session that takes it.
            Rng::with_seed(self.options.seed ^ (turn as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .shuffle(&mut order);
            let value = turn % self.options.values.len();
            let begun = samples.len();
            for (position, &variant) in order.iter().enumerate() {
                let run = self.run(variant, value, false).await?;
                if is_stopped.get() {
                    // An incomplete turn is discarded, so that every variant has the same number of runs.
                    samples.truncate(begun);
                    return Ok((samples, refused));
                }
                let took = run.refused.is_none().then(|| ms(run.took));
                if refused[variant].is_none() {
                    refused[variant] = run.refused;
                }
                samples.push(Sample { turn, value, variant, position, ms: took });
            }
            order.sort_unstable();
            tell(Event::Turns(turn + 1, total));
        }
    }

    /// Runs one variant once. With `keep`, the result has the rows of its last statement.
    async fn run(&mut self, variant: usize, value: usize, keep: bool) -> Result<Run> {
        if self.options.allow_writes {
            self.wire.run("BEGIN").await?;
        }
        let run = self.steps(variant, value, keep).await;
        if self.options.allow_writes {
            self.wire.run("ROLLBACK").await?;
        } else if self.wire.was_loosened() {
            return Err(Error::data(format!(
                "variant {:?} has made its session writable",
                self.options.variants[variant].name
            ))
            .hint("what it wrote since, if anything, is committed; use --allow-writes to measure writes and roll them back"));
        }
        run
    }

    async fn steps(&mut self, variant: usize, value: usize, keep: bool) -> Result<Run> {
        let options = self.options;
        let steps = &options.variants[variant].steps;
        let mut values = std::borrow::Cow::Borrowed(&options.values[value]);
        let mut run = Run { took: Duration::ZERO, rows: Vec::new(), refused: None };
        let begun = Instant::now();
        for (s, step) in steps.iter().enumerate() {
            let keep_rows = step.gset.is_some() || (keep && s + 1 == steps.len());
            let mut answer = self.send(variant, s, &values, keep_rows).await?;
            if let Some(error) = answer.refused.take() {
                run.refused = Some(error);
                break;
            }
            if let Some(prefix) = &step.gset {
                if let Some(error) = set(&answer, prefix, values.to_mut()) {
                    run.refused = Some(error);
                    break;
                }
            } else if keep_rows {
                run.rows = answer.rows;
            }
        }
        run.took = begun.elapsed();
        Ok(run)
    }

    async fn send(&mut self, variant: usize, s: usize, values: &Values, keep: bool) -> Result<Response> {
        let step = &self.options.variants[variant].steps[s];
        if self.options.protocol == Protocol::Simple {
            return self.wire.simple(&step.filled(values)?, keep).await;
        }
        let (text, names) = step.numbered(values)?;
        let bound =
            names.iter().map(|name| super::script::look_up(values, name)).collect::<Result<Vec<_>>>()?;
        match self.options.protocol {
            Protocol::Prepared => self.wire.execute(&statement_name(variant, s), None, &bound, keep).await,
            _ => self.wire.execute("", Some(&text), &bound, keep).await,
        }
    }

    /// Returns how long a statement that does nothing takes, in milliseconds.
    async fn round_trip(&mut self) -> Result<f64> {
        let mut all = Vec::with_capacity(PINGS);
        for _ in 0..PINGS {
            all.push(ms(self.wire.simple(";", false).await?.took));
        }
        Ok(super::stats::Summary::of(&all).map_or(0.0, |s| s.median))
    }

    /// Returns the median of the times that EXPLAIN ANALYZE reports for some values; `None` if one of the
    /// statements cannot be explained.
    async fn server_share(&mut self, variant: usize) -> Result<Option<f64>> {
        let options = self.options;
        let count = options.values.len().min(EXPLAINED);
        let mut all = Vec::new();
        for i in 0..count {
            let value = i * options.values.len() / count;
            if options.allow_writes {
                self.wire.run("BEGIN").await?;
            }
            let share = self.explain(variant, value).await;
            if options.allow_writes {
                self.wire.run("ROLLBACK").await?;
            }
            match share? {
                Some(share) => all.push(share),
                None => return Ok(None),
            }
        }
        Ok(super::stats::Summary::of(&all).map(|s| s.median))
    }

    async fn explain(&mut self, variant: usize, value: usize) -> Result<Option<f64>> {
        let options = self.options;
        let mut values = options.values[value].clone();
        let mut sum = 0.0;
        for step in &options.variants[variant].steps {
            let Some(share) = self.explain_step(step, &values).await? else { return Ok(None) };
            sum += share;
            if let Some(prefix) = &step.gset {
                let answer = self.wire.simple(&step.filled(&values)?, true).await?;
                if answer.refused.is_some() || set(&answer, prefix, &mut values).is_some() {
                    return Ok(None);
                }
            }
        }
        Ok(Some(sum))
    }

    async fn explain_step(&mut self, step: &Step, values: &Values) -> Result<Option<f64>> {
        if !step.reads() {
            return Ok(None);
        }
        let sql = format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {}", step.filled(values)?);
        let answer = self.wire.simple(&sql, true).await?;
        let text = answer.rows.first().and_then(|row| row.first().cloned().flatten());
        let Some(text) = text.filter(|_| answer.refused.is_none()) else { return Ok(None) };
        #[derive(Deserialize)]
        struct Plan {
            #[serde(rename = "Planning Time")]
            planning: f64,
            #[serde(rename = "Execution Time")]
            execution: f64,
        }
        let plans: Vec<Plan> = serde_json::from_str(&text)
            .map_err(|e| Error::bug("cannot parse the output of EXPLAIN").caused_by(e))?;
        let planned = self.options.protocol != Protocol::Prepared;
        Ok(plans.first().map(|plan| plan.execution + if planned { plan.planning } else { 0.0 }))
    }
}

fn statement_name(variant: usize, step: usize) -> String {
    format!("pgkit_{variant}_{step}")
}

/// Carries out `\gset`: sets a variable for each column of the single row. Returns what is wrong, if anything is.
fn set(answer: &Response, prefix: &str, values: &mut Values) -> Option<Error> {
    match answer.rows.as_slice() {
        [row] => {
            for (column, value) in answer.columns.iter().zip(row) {
                values.insert(format!("{prefix}{column}"), value.clone());
            }
            None
        }
        [] => Some(Error::data("no rows returned for \\gset")),
        rows => Some(Error::data(format!("{} rows returned for \\gset, must be one", rows.len()))),
    }
}

/// Describes rows for a message: a row that the other result does not have, or else their number.
fn shown(rows: &[TextRow], other: &[TextRow]) -> String {
    match rows.iter().find(|row| !other.contains(row)) {
        Some(row) => {
            let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
            format!("{} rows, among them ({})", rows.len(), cells.join(", "))
        }
        None => format!("{} rows", rows.len()),
    }
}

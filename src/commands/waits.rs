//! `waits`: samples what sessions wait for.

use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use tokio::time::{Instant, MissedTickBehavior};

use super::args::{self, FormatArgs, SessionArgs};
use super::context::Context;
use super::listing::Listing;
use super::open;
use crate::error::{Error, Exit, Result};
use crate::rows::{self, record};
use crate::session::{Reader, Value};
use crate::units::parse_duration;
use crate::waits::{Share, Tally};

/// Lists the sessions that are at work.
const SAMPLE: &str = include_str!("../../queries/waits/sample.sql");
/// More frequent samples would show pgkit's own load.
const SHORTEST: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Args)]
struct WaitsArgs {
    /// How long to sample
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration, default_value = "10s")]
    time: Duration,
    /// The time from one sample to the next, at least 10ms
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, default_value = "100ms")]
    interval: Duration,
    /// Include the server's own processes, such as the checkpointer and autovacuum
    #[arg(long)]
    background: bool,
}

record! {
    const COLUMNS;
    fn row(share: Share) {
        event_type: text = Some(share.event_type),
        event: text = share.event,
        samples: int8 = Some(share.samples as i64),
        share_pct: float8 = Some(share.share_pct),
        sessions: int8 = Some(share.sessions as i64),
        statement: text = share.statement,
    }
}

fn parse_interval(text: &str) -> std::result::Result<Duration, String> {
    let interval = parse_duration(text)?;
    if interval < SHORTEST { Err("must be at least 10ms".to_owned()) } else { Ok(interval) }
}

/// The command.
pub fn command() -> Command {
    let command = WaitsArgs::augment_args(args::command("waits", ""));
    args::with_flags(command).about("What sessions wait for, sampled over some seconds").after_help(format!(
        "One session takes one look per interval. An event with no name and the type CPU is work, not waiting.\n\
         Ctrl-C ends the sampling early and shows what was seen. Lock events: pgkit locks shows who blocks whom.\n\n\
         Columns: {}\n\n{}",
        rows::names(COLUMNS).join(", "),
        args::example(&["pgkit waits --for 2s"])
    ))
}

/// Runs it.
pub async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let from = |e: clap::Error| Error::bug(e.to_string());
    let waits = WaitsArgs::from_arg_matches(own).map_err(from)?;
    let format = FormatArgs::from_arg_matches(own).map_err(from)?;
    let session = SessionArgs::from_arg_matches(own).map_err(from)?;
    let mut listing = Listing::new(context, "waits", COLUMNS, &format)?;
    let target = open::target(context, root, own, &session.echo)?;
    let reader = open::reader(context, &target, session.settings(), &session.echo).await?;
    let mut told = context.ending.take();
    let start = Instant::now();
    let mut tally = Tally::default();
    let ended = tokio::select! {
        sampled = sample(&reader, &waits, &mut tally) => sampled.map(|()| Exit::Done),
        told = told.wait_for(Option::is_some) => {
            context.running.cancel().await;
            told.map(|exit| exit.unwrap_or(Exit::Done)).map_err(|e| Error::bug(e.to_string()))
        }
    };
    let exit = ended?;
    let took = start.elapsed();
    if exit == Exit::Done {
        reader.close().await;
    }
    for share in tally.shares() {
        listing.push(&row(share))?;
    }
    listing.finish().await?;
    let plural = |n: u64, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    session.echo.remark(&format!(
        "waits: {} in {:.1} s, {} at work",
        plural(tally.samples, "sample"),
        took.as_secs_f64(),
        plural(tally.sessions() as u64, "session")
    ));
    if tally.hidden() > 0 {
        session.echo.remark(&format!(
            "waits: {} hidden: needs pg_read_all_stats",
            plural(tally.hidden() as u64, "session")
        ));
    }
    Ok(exit)
}

/// Takes samples until the time is over.
async fn sample(reader: &Reader, waits: &WaitsArgs, tally: &mut Tally) -> Result<()> {
    let end = Instant::now() + waits.time;
    let mut ticks = tokio::time::interval(waits.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        if tally.samples > 0 && Instant::now() >= end {
            return Ok(());
        }
        tally.add(reader.structs(SAMPLE, &[Value::Bool(waits.background)]).await?);
    }
}

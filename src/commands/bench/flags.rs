//! The flags of `bench` and `bench demo`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::session::Protocol;
use crate::units::parse_duration;

/// How to measure, and what to make of it.
#[derive(Debug, Clone, Args)]
pub(super) struct MeasureArgs {
    /// Number of turns; in each, every variant runs with one value [default: each value once; 100 without --param]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(super) runs: Option<u64>,
    /// Measure for this long instead
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "runs")]
    pub(super) time: Option<Duration>,
    /// Number of turns before measuring
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) warm_up: usize,
    /// How to send statements
    #[arg(long, value_name = "PROTOCOL", default_value = "simple")]
    pub(super) protocol: Protocol,
    /// Number of sessions that take turns at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) clients: u64,
    /// Seed of the order and the intervals: the same seed gives the same order [default: a random one, which is printed]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Compare the rows of each variant's last statement, in any order; exit with 1 if they differ
    #[arg(long)]
    pub(super) same_rows: bool,
    /// Show pairs of variants instead: ratio of the medians, its 95% interval, and how many more runs would show 5%
    #[arg(long)]
    pub(super) pairs: bool,
    /// Write every sample to this file: csv, or json if its name ends in .json
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) samples: Option<PathBuf>,
    /// Write a self-contained HTML page with figures and charts to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) html: Option<PathBuf>,
}

//! The flags of `bench` and `bench demo`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::session::Protocol;
use crate::units::parse_duration;

/// How to measure, and what to make of it.
#[derive(Debug, Clone, Args)]
pub(super) struct MeasureArgs {
    /// So many turns; in each, one value goes through every variant [default: each value once; 100 without --param]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(super) runs: Option<u64>,
    /// Go on for this time instead
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "runs")]
    pub(super) time: Option<Duration>,
    /// Turns before it counts
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) warm_up: usize,
    /// How statements are sent
    #[arg(long, value_name = "PROTOCOL", default_value = "simple")]
    pub(super) protocol: Protocol,
    /// So many sessions take turns at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) clients: u64,
    /// Decides the order and the intervals: the same seed, the same order [default: a random one, which is told]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Compare the rows of each variant's last statement, whatever their order; exit code 1 where they differ
    #[arg(long)]
    pub(super) same_rows: bool,
    /// The pairs of variants instead: ratio of the medians, its 95% interval, and how many more runs would show 5%
    #[arg(long)]
    pub(super) pairs: bool,
    /// Write every sample to this file: csv, or json by its ending
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) samples: Option<PathBuf>,
    /// Write one self-contained page with figures and pictures to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) html: Option<PathBuf>,
}

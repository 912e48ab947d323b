//! What must not shake the jobs engine: kills, lost networks, servers that restart, processes that will not die, clocks
//! that differ. Real processes, real kills. `PGKIT_TEST_ROUNDS=200` plays the random ones as often.

mod claims;
mod clocks;
mod contain;
mod elsewhere;
mod hooks;
mod kills;
mod network;
mod proxy;
mod servers;
mod stops;
mod trees;

use std::collections::BTreeMap;

use crate::support::{jobs as fixture, pooler as through, standby as recovery};
use fixture::Jobs;

/// A job that beats as long as it lives, and ends when it may: each beat is a line `attempt nanoseconds`, where attempts
/// are numbered by how many there were.
const BEATS: &str = r#"
[[job]]
name = "j"
schedule = "1d"
lease = "LEASE"
command = "./pid; until [ -e done ]; do echo $(grep -c . pids) $(date +%s%N) >> beats; sleep 0.03; done"
"#;

/// The same with this lease.
fn beats(lease: &str) -> String {
    BEATS.replace("LEASE", lease)
}

/// When the first and the last beat of each attempt was, in milliseconds of this machine's clock.
fn spans(jobs: &Jobs) -> BTreeMap<u32, (u64, u64)> {
    let mut spans = BTreeMap::new();
    for line in jobs.text("beats").lines() {
        let Some((attempt, at)) = line.split_once(' ') else { continue };
        let (Ok(attempt), Ok(at)) = (attempt.parse::<u32>(), at.parse::<u64>()) else { continue };
        let span = spans.entry(attempt).or_insert((at / 1_000_000, at / 1_000_000));
        span.1 = span.1.max(at / 1_000_000);
    }
    spans
}

/// No two attempts beat at once; says how long nobody did before the last one.
fn no_overlap(jobs: &Jobs) -> u64 {
    let spans: Vec<(u64, u64)> = spans(jobs).into_values().collect();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "two attempts at once: {spans:?}");
    spans.windows(2).last().map_or(0, |pair| pair[1].0 - pair[0].1)
}

/// Waits until this runner has begun the job's second attempt, or has ended; returns whether it has begun it.
fn begins_again(jobs: &Jobs, runner: &mut fixture::Process) -> bool {
    loop {
        if spans(jobs).len() == 2 || fixture::numbers(&jobs.path("pids")).len() == 2 {
            return true;
        }
        if runner.has_ended() {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Tells a figure for whoever runs the tests with --nocapture.
#[expect(clippy::print_stderr, reason = "cargo shall capture it")]
fn figure(what: &str, ms: u64) {
    eprintln!("figure: {what}: {ms} ms");
}

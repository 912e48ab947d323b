//! `log tail` and `log report` beside grep and pgBadger on the same files: `cargo bench --bench log`.
//!
//! Whole processes in turn, the files in the page cache, the answer read through a pipe. Goals are printed, not asserted:
//! figures depend on the machine and on what else it does.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a benchmark does")]
#![expect(clippy::unwrap_used, reason = "a run that failed has no figures")]

mod entries;
#[path = "../peers/measure.rs"]
mod measure;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;

use entries::FORMATS;

/// The program, as this benchmark was built with it.
const PGKIT: &str = env!("CARGO_BIN_EXE_pgkit");

/// Reads logs with short lines, as servers write them, in all formats
#[derive(Parser)]
struct Args {
    /// How many megabytes each log has
    #[arg(long, default_value_t = 500)]
    megabytes: u64,
    /// How many megabytes pgBadger gets, if it is installed
    #[arg(long, default_value_t = 10)]
    badger_megabytes: u64,
    /// How often each command runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where the logs are written; they are removed again
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    /// Set by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is asked, and in how many seconds a gigabyte should answer it.
const QUESTIONS: [(&str, &[&str], f64); 6] = [
    ("tail --grep of what is nowhere", &["tail", "--grep", "needle"], 1.5),
    ("tail --grep of one entry in a hundred", &["tail", "--grep", "deadlock"], 1.5),
    ("tail --grep of every entry", &["tail", "--grep", "[a-z]+"], f64::INFINITY),
    ("tail --errors", &["tail", "--errors"], 1.5),
    ("tail of everything", &["tail"], 4.0),
    ("report", &["report"], 2.5),
];
/// In how many seconds a gigabyte of lines with a prefix should be added up: they are shorter.
const REPORT_OF_LINES: f64 = 4.0;
/// How many times as fast as pgBadger the report should be.
const TIMES: f64 = 100.0;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if args.first().is_some_and(|first| first == measure::HELPER) {
        return measure::helper(&args[1..]);
    }
    // `cargo test --all-targets` comes here too, and wants no figures.
    if args.iter().all(|arg| arg != "--bench") {
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    let folder = tempfile::tempdir_in(&args.folder).unwrap();
    println!(
        "{} MB a log, {} rounds; seconds a gigabyte: median, worst, CPU; lines\n",
        args.megabytes, args.rounds
    );
    for (format, write) in FORMATS {
        let path = folder.path().join(format!("postgresql.{format}"));
        eprintln!("writing {}", path.display());
        let lines = entries::log(&path, args.megabytes * 1_000_000, write);
        compare(&args, format, &path, lines);
        std::fs::remove_file(&path).unwrap();
        beside_badger(&args, format, &path, write);
    }
    ExitCode::SUCCESS
}

/// Runs every question on one log, in turn.
fn compare(args: &Args, format: &str, path: &Path, entries: u64) {
    let bytes = std::fs::metadata(path).unwrap().len() as f64;
    println!("{format}: {entries} entries of {:.0} bytes", bytes / entries as f64);
    let mut grep = Command::new("grep");
    // It finds one at least, or grep would fail.
    grep.env("LC_ALL", "C").args(["-c", "deadlock"]).arg(path);
    let commands: Vec<Command> = QUESTIONS
        .iter()
        .map(|(_, flags, _)| {
            let mut command = Command::new(PGKIT);
            command.env("TZ", "UTC").arg("log").args(*flags).arg(path);
            command
        })
        .chain([grep])
        .collect();
    let mut samples = vec![Vec::new(); commands.len()];
    let mut peak_mb: f64 = 0.0;
    // The first round only warms up.
    for round in 0..=args.rounds {
        for (command, samples) in commands.iter().zip(&mut samples) {
            let sample = measure::run(command);
            if round > 0 {
                samples.push(sample);
            }
            if command.get_program() == PGKIT {
                peak_mb = peak_mb.max(sample.peak_mb);
            }
        }
    }
    let goal =
        |name: &str, goal: f64| if name == "report" && format == "log" { REPORT_OF_LINES } else { goal };
    let goals = QUESTIONS.iter().map(|(name, _, seconds)| (*name, goal(name, *seconds)));
    let goals = goals.chain([("grep -c", f64::INFINITY)]);
    for ((name, goal), mut samples) in goals.zip(samples) {
        samples.sort_by(|a, b| a.wall_ms.total_cmp(&b.wall_ms));
        let a_gigabyte = |ms: f64| ms / 1e3 / (bytes / 1e9);
        let (median, worst) = (samples[samples.len() / 2], samples[samples.len() - 1]);
        let (wall, cpu) = (a_gigabyte(median.wall_ms), a_gigabyte(median.cpu_ms));
        let verdict = match goal {
            goal if goal.is_infinite() => String::new(),
            goal if wall <= goal => format!("reached: {goal}"),
            goal => format!("MISSED: {goal}"),
        };
        let worst = a_gigabyte(worst.wall_ms);
        println!("  {name:<38} {wall:6.2} {worst:6.2} {cpu:6.2} {:9}  {verdict}", median.lines);
    }
    println!("  peak memory {peak_mb:.0} MB\n");
}

/// Adds up a small log, beside pgBadger, which would take hours for a large one.
fn beside_badger(args: &Args, format: &str, path: &Path, write: entries::Write1) {
    if Command::new("pgbadger").arg("--version").output().is_err() {
        println!("  pgBadger is not installed\n");
        return;
    }
    entries::log(path, args.badger_megabytes * 1_000_000, write);
    let bytes = std::fs::metadata(path).unwrap().len() as f64;
    let out = path.with_extension("out.json");
    let kind = match format {
        "log" => "stderr",
        "json" => "jsonlog",
        other => other,
    };
    let mut badger = Command::new("pgbadger");
    badger.args([
        "--quiet",
        "--jobs",
        "2",
        "--format",
        kind,
        "--prefix",
        "%m [%p] %u@%d ",
        "--extension",
        "json",
    ]);
    badger.arg("--outfile").arg(&out).arg(path);
    let mut report = Command::new(PGKIT);
    report.env("TZ", "UTC").args(["log", "report"]).arg(path);
    let worst = |command: &Command, rounds: u32| {
        let all = (0..rounds).map(|_| measure::run(command));
        all.fold((0.0_f64, 0.0_f64), |(ms, mb), one| (ms.max(one.wall_ms), mb.max(one.peak_mb)))
    };
    let (theirs, their_mb) = worst(&badger, 1);
    let (ours, our_mb) = worst(&report, args.rounds);
    let rate = |ms: f64| bytes / 1e6 / (ms / 1e3);
    println!(
        "  {:.0} MB: pgBadger {:.2} MB/s, {their_mb:.0} MB of memory; report {:.0} MB/s at worst, {our_mb:.0} MB: {:.0} times ({TIMES:.0})\n",
        bytes / 1e6,
        rate(theirs),
        rate(ours),
        theirs / ours
    );
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(out).unwrap();
}

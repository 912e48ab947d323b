//! The speed of the jobs engine, beside what its machine can do at all: `cargo bench --bench jobs`.
//!
//! Its server flushes to the disk as one in production does. Goals are printed, not asserted: figures depend on the machine
//! and on what else it does.
#![expect(clippy::print_stdout, reason = "printing is what a benchmark does")]
#![expect(clippy::unwrap_used, reason = "a run that failed has no figures")]

mod cycle;
#[expect(dead_code, unused_imports, unused_macros, reason = "it uses its part of what the tests share")]
#[path = "../../tests/support/mod.rs"]
mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use nix::sys::signal::Signal;

use support::jobs::Jobs;

/// Measures the jobs engine
#[derive(Parser)]
struct Args {
    /// How many jobs are due at once
    #[arg(long, default_value_t = 1000)]
    jobs: usize,
    /// How often each figure is taken; the median is shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long the form that stays is watched, in seconds
    #[arg(long, default_value_t = 20)]
    watch: u64,
    /// The folder of the server: on the disk that is to be measured
    #[arg(long, default_value = "/var/tmp")]
    disk: String,
    /// Set by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    // `cargo test --all-targets` comes here too, and wants no figures.
    if std::env::args_os().all(|arg| arg != "--bench") {
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    let bin = support::bin();
    let mut options = support::options(bin);
    options.temp = args.disk.clone().into();
    let settings = [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        // Its transactions would be counted among pgkit's.
        ("autovacuum", "off"),
    ];
    for (name, value) in settings {
        options = options.conf(name, value);
    }
    let server = support::own_server(&options);
    println!("PostgreSQL {}, {} jobs, median of {} rounds", bin.version, args.jobs, args.rounds);
    let fsync = fsyncs(&server.info().folder);
    println!("fsync of 8 kB on its disk: {fsync:.0}/s\n");
    let bench = Bench { args: &args, server: &server, bin };
    bench.sql();
    bench.programs();
    bench.nothing_due();
    bench.lateness();
    bench.idle();
    ExitCode::SUCCESS
}

/// How often a second 8 kB reach the disk.
fn fsyncs(folder: &Path) -> f64 {
    let mut file = tempfile::tempfile_in(folder).unwrap();
    let page = [0; 8192];
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(1) {
        file.write_all(&page).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

struct Bench<'a> {
    args: &'a Args,
    server: &'a pgkit::sandbox::Server,
    bin: &'a pgkit::sandbox::Binaries,
}

/// So many jobs of this kind.
fn many(count: usize, schedule: &str, work: &str) -> String {
    (0..count).map(|i| format!("[[job]]\nname = \"j{i:05}\"\n{schedule}\n{work}\n")).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn goal(reached: bool) -> &'static str {
    if reached { "reached" } else { "MISSED" }
}

impl Bench<'_> {
    fn jobs(&self, name: &str, toml: &str) -> Jobs {
        Jobs::over(support::database(self.server.info(), name), toml)
    }

    /// How long a run of all jobs takes that are due, in seconds; the start of pgkit is part of it.
    fn pass(&self, jobs: &Jobs, parallel: &str) -> f64 {
        jobs.db.sql("TRUNCATE crontabber, crontabber_log, pgkit_run, pgkit_job; CHECKPOINT");
        let start = Instant::now();
        jobs.ends(0, &["run", "-q", "--parallel", parallel]);
        let took = start.elapsed().as_secs_f64();
        assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber_log"), self.args.jobs.to_string());
        took
    }

    fn sql(&self) {
        let jobs = self.jobs("sql", &many(self.args.jobs, "schedule = \"1d\"", "sql = \"SELECT 1\""));
        let count = self.args.jobs as f64;
        for (parallel, clients) in [("1", 1), ("8", 8)] {
            let (mut ours, mut floors) = (Vec::new(), Vec::new());
            // In turn, so that both see the same machine.
            for _ in 0..self.args.rounds {
                ours.push(count / self.pass(&jobs, parallel));
                jobs.db.sql("TRUNCATE crontabber, crontabber_log, pgkit_run, pgkit_job; CHECKPOINT");
                floors.push(cycle::floor(&jobs.db, self.bin, clients, 2));
            }
            let ratio = median(ours.iter().zip(&floors).map(|(ours, floor)| ours / floor).collect());
            let (ours, floor) = (median(ours), median(floors));
            print!(
                "SQL no-ops, --parallel {parallel}: {ours:.0}/s; the same cycle in pgbench {floor:.0}/s, ratio {ratio:.2}"
            );
            println!(" (goal 0.80: {})", goal(ratio >= 0.8));
            if parallel == "1" {
                println!("    goal 900/s: {}", goal(ours >= 900.0));
            }
        }
    }

    fn programs(&self) {
        let jobs = self.jobs("programs", &many(self.args.jobs, "schedule = \"1d\"", "command = [\"true\"]"));
        let count = self.args.jobs as f64;
        let mut alone = Vec::new();
        for (parallel, threads) in [("1", 1), ("8", 8)] {
            let (mut ours, mut bare) = (Vec::new(), Vec::new());
            for _ in 0..self.args.rounds {
                ours.push(count / self.pass(&jobs, parallel));
                bare.push(spawn_rate(self.args.jobs, threads));
            }
            let (ours, bare) = (median(ours), median(bare));
            if alone.is_empty() {
                alone.push(bare);
            }
            let ratio = ours / bare;
            println!(
                "program no-ops, --parallel {parallel}: {ours:.0}/s; spawned bare by as many {bare:.0}/s, ratio {ratio:.2}"
            );
            let ratio = ours / alone[0];
            if parallel == "8" {
                println!("    beside one after the other: {ratio:.2} (goal 0.80: {})", goal(ratio >= 0.8));
            }
        }
    }

    fn nothing_due(&self) {
        let mut counts = Vec::new();
        for count in [10, 10_000] {
            let jobs =
                self.jobs(&format!("due{count}"), &many(count, "schedule = \"1d\"", "sql = \"SELECT 1\""));
            jobs.db.sql(&format!(
                "INSERT INTO crontabber (app_name, next_run, first_run, last_run, last_success, error_count, depends_on, last_error)
                 SELECT 'j' || lpad(i::text, 5, '0'), now() + interval '1 h', now(), now(), now(), 0, '{{}}', '{{}}'
                 FROM generate_series(0, {}) i; ANALYZE crontabber",
                count - 1
            ));
            jobs.ends(0, &["run"]);
            let time = |args: &[&str]| {
                let times = (0..self.args.rounds).map(|_| {
                    let start = Instant::now();
                    jobs.ends(0, args);
                    start.elapsed().as_secs_f64() * 1000.0
                });
                median(times.collect())
            };
            let queries = jobs.ends(0, &["run", "-E"]).stderr.matches("* QUERY *").count();
            counts.push(queries);
            println!(
                "{count} jobs, none due: jobs run {:.0} ms in {queries} statements, jobs list {:.0} ms",
                time(&["run"]),
                time(&["list"])
            );
        }
        println!("    round trips do not grow with the jobs: {}", goal(counts[0] == counts[1]));
    }

    /// How late jobs start, in milliseconds after their second.
    fn lateness(&self) {
        let late = |jobs: &Jobs, what: &str| -> (f64, f64) {
            let sql = format!(
                "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), max(ms) FROM
                 (SELECT extract(epoch FROM started - run_date) * 1000 AS ms FROM pgkit_run WHERE {what}) late"
            );
            let row = jobs.db.sql(&sql);
            let number = |i: usize| row[0][i].as_deref().unwrap().parse().unwrap();
            (number(0), number(1))
        };
        let one = self.jobs(
            "late",
            "[[job]]\nname = \"s\"\nevery = \"1s\"\nsql = \"SELECT 1\"\n[[job]]\nname = \"p\"\nevery = \"1s\"\ncommand = [\"true\"]\n",
        );
        self.stay(&one, &["--parallel", "2"], Duration::from_secs(self.args.watch));
        let (median, most) = late(&one, "app_name IN ('s', 'p')");
        println!(
            "a SQL and a program job of every second: {median:.1} ms late in the median, {most:.1} at most (goal 15: {})",
            goal(most <= 15.0)
        );
        let all = self.jobs("lateall", &many(self.args.jobs, "every = \"10s\"", "sql = \"SELECT 1\""));
        for parallel in ["1", "8"] {
            all.db.sql("TRUNCATE crontabber, crontabber_log, pgkit_run, pgkit_job");
            self.stay(&all, &["--parallel", parallel], Duration::from_secs(25));
            let (median, most) = late(&all, "true");
            println!(
                "{} SQL jobs due at once, --parallel {parallel}: {median:.0} ms late in the median, the last {most:.0}",
                self.args.jobs
            );
        }
    }

    fn stay(&self, jobs: &Jobs, args: &[&str], time: Duration) {
        let mut all = vec!["run", "-q", "--every", "10s"];
        all.extend(args);
        let mut command = jobs.command(&all);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        std::thread::sleep(time);
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM)
            .unwrap();
        child.wait().unwrap();
    }

    fn idle(&self) {
        let jobs = self.jobs("idle", &many(100, "schedule = \"1d\"", "sql = \"SELECT 1\""));
        jobs.ends(0, &["run", "-q"]);
        let mut command = jobs.command(&["run", "-q", "--every", "1s"]);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(5));
        // Everything that pgkit's sessions have done, as the server counts it; the asking itself is another database's.
        let postgres = support::Db::existing(self.server.info(), "postgres");
        let asked = || -> f64 {
            let sql = format!(
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{}'",
                jobs.db.name
            );
            postgres.value(&sql).parse().unwrap()
        };
        let (before, start) = (asked(), Instant::now());
        std::thread::sleep(Duration::from_secs(20));
        let rate = (asked() - before) / start.elapsed().as_secs_f64();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM)
            .unwrap();
        child.wait().unwrap();
        println!(
            "an idle pgkit that stays (--every 1s): {rate:.2} queries a second (goal 1: {})",
            goal(rate <= 1.1)
        );
    }
}

/// How many programs a second are started and waited for, their output read, and nothing else.
fn spawn_rate(count: usize, threads: usize) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                for _ in 0..count / threads {
                    let mut command = Command::new("true");
                    assert!(command.stdin(Stdio::null()).output().unwrap().status.success());
                }
            });
        }
    });
    (count / threads * threads) as f64 / start.elapsed().as_secs_f64()
}

//! The speed of the jobs engine, beside what its machine and its server can do at all: `cargo bench --bench jobs`.
//!
//! Its server flushes to the disk as one in production does. Goals are printed, not asserted: figures depend on the machine
//! and on what else it does. Each figure and that of its peer are measured alternately, under the same conditions.
#![expect(clippy::print_stdout, reason = "printing is what a benchmark does")]
#![expect(clippy::unwrap_used, reason = "a run that failed has no figures")]

mod account;
mod cycle;
#[expect(dead_code, unused_imports, unused_macros, reason = "it uses its part of what the tests share")]
#[path = "../../tests/support/mod.rs"]
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use nix::sys::signal::Signal;

use account::Account;
use cycle::{How, Peer, Work};
use support::jobs::Jobs;

/// Measures the jobs engine
#[derive(Parser)]
struct Args {
    /// How many jobs are due at once
    #[arg(long, default_value_t = 1000)]
    jobs: usize,
    /// How often each figure is measured; the median and the worst are shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long the form that stays is watched, in seconds
    #[arg(long, default_value_t = 60)]
    watch: u64,
    /// How many rows the history has in each of its tables
    #[arg(long, default_value_t = 500_000)]
    history: u32,
    /// Measure only figures whose names contain this: sql, true, due, late, history, idle
    #[arg(long, default_value = "")]
    only: String,
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
        // Otherwise what autovacuum does would be counted as pgkit's.
        ("autovacuum", "off"),
    ];
    for (name, value) in settings {
        options = options.conf(name, value);
    }
    let server = support::own_server(&options);
    println!("PostgreSQL {}, {} jobs, {} rounds: median, worst", bin.version, args.jobs, args.rounds);
    println!("fsync of 8 kB on its disk: {:.0}/s\n", fsyncs(&server.info().folder));
    let pgbench = pgbench(bin);
    if pgbench.is_none() {
        println!(
            "pgbench is missing: SQL no-ops have no peer (it is part of PostgreSQL's server or contrib package)\n"
        );
    }
    let bench = Bench { args: &args, server: &server, bin, pgbench };
    let parts: [(&str, &dyn Fn()); 6] = [
        ("sql", &|| bench.sql()),
        ("true", &|| bench.programs()),
        ("due", &|| bench.nothing_due()),
        ("late", &|| bench.lateness()),
        ("history", &|| bench.history()),
        ("idle", &|| bench.idle()),
    ];
    for (_, part) in parts.iter().filter(|(name, _)| name.contains(&args.only)) {
        part();
    }
    ExitCode::SUCCESS
}

/// Returns the path of pgbench: the one that belongs to the server, or any other.
#[expect(clippy::disallowed_methods, reason = "a benchmark has no other environment than its process's")]
fn pgbench(bin: &pgkit::sandbox::Binaries) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = vec![bin.program("pgbench")];
    all.extend(std::env::split_paths(&path).map(|folder| folder.join("pgbench")));
    all.push("/usr/lib/postgresql/15/bin/pgbench".into());
    all.into_iter().find(|file| file.is_file())
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
    pgbench: Option<PathBuf>,
}

/// So many jobs of this kind.
fn many(count: usize, schedule: &str, work: &str) -> String {
    (0..count).map(|i| format!("[[job]]\nname = \"j{i:05}\"\n{schedule}\n{work}\n")).collect()
}

/// Returns the median and the worst of some figures, which are sorted from the best to the worst.
fn middle(values: &[f64], is_better: fn(&f64, &f64) -> bool) -> (f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let worst =
        if is_better(&values[0], &values[values.len() - 1]) { values[values.len() - 1] } else { values[0] };
    (values[values.len() / 2], worst)
}

fn goal(reached: bool) -> &'static str {
    if reached { "reached" } else { "MISSED" }
}

/// Prints rates beside those of a peer.
fn rates(what: &str, ours: &[f64], peer: &str, theirs: &[f64], least: f64) {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    let ((rate, _), (theirs, _)) = (middle(ours, f64::gt), middle(theirs, f64::gt));
    let (ratio, worst) = middle(&ratios, f64::gt);
    println!(
        "{what}: {rate:.0}/s; {peer} {theirs:.0}/s; ratio {ratio:.2}, worst {worst:.2} (goal {least:.2}: {})",
        goal(ratio >= least)
    );
}

/// Prints times beside the longest that is allowed.
fn times(what: &str, ms: &[f64], most: f64) {
    let (time, worst) = middle(ms, f64::lt);
    println!("{what}: {time:.1} ms, worst {worst:.1} (goal {most:.0}: {})", goal(time <= most));
}

const EMPTY: &str = "TRUNCATE crontabber, crontabber_log, pgkit_run, pgkit_job; CHECKPOINT";

impl Bench<'_> {
    fn jobs(&self, name: &str, toml: &str) -> Jobs {
        Jobs::over(support::database(self.server.info(), name), toml)
    }

    /// How long a run of all jobs takes that are due, in seconds; the start of pgkit is part of it.
    fn pass(&self, jobs: &Jobs, parallel: &str) -> f64 {
        jobs.db.sql(EMPTY);
        let start = Instant::now();
        jobs.ends(0, &["run", "-q", "--parallel", parallel]);
        let took = start.elapsed().as_secs_f64();
        assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber_log"), self.args.jobs.to_string());
        took
    }

    /// Where the time of such a run goes.
    fn account(&self, jobs: &Jobs, parallel: &str) {
        jobs.db.sql(EMPTY);
        let before = Account::now(&jobs.db);
        let took = self.pass(jobs, parallel);
        let after = Account::now(&jobs.db);
        let trips = (parallel == "1").then(|| {
            account::trips(jobs, 10, 60, |command, count| {
                jobs.db.sql(EMPTY);
                command.args((0..count).map(|i| format!("j{i:05}")));
                assert!(support::run(command).code == Some(0));
            })
        });
        println!("{}", after.each(&before, self.args.jobs as f64, took, trips));
    }

    fn peer(&self, work: Work, clients: usize) -> Option<Peer<'_>> {
        let pgbench = self.pgbench.as_ref()?;
        Some(Peer { pgbench, major: self.bin.major, work, clients })
    }

    fn sql(&self) {
        let jobs = self.jobs("sql", &many(self.args.jobs, "schedule = \"1d\"", "sql = \"SELECT 1\""));
        let count = self.args.jobs as f64;
        for (parallel, clients, slots) in [("1", 1, "one slot"), ("8", 8, "eight slots")] {
            let mut ours = Vec::new();
            let mut peers = [
                (How::Piped, "its statements in pgbench, pipelined", Vec::new()),
                (How::FromStart, "the same with pgbench's start, and as many", Vec::new()),
                (How::Singly, "its statements in pgbench, one by one", Vec::new()),
            ];
            for _ in 0..self.args.rounds {
                ours.push(count / self.pass(&jobs, parallel));
                if let Some(peer) = self.peer(Work::Sql, clients) {
                    for (how, _, rates) in &mut peers {
                        jobs.db.sql(EMPTY);
                        rates.push(peer.rate(&jobs.db, *how, self.args.jobs));
                    }
                }
            }
            let what = format!("SQL no-op, {slots}");
            if self.pgbench.is_none() {
                println!("{what}: {:.0}/s", middle(&ours, f64::gt).0);
            }
            for (_, peer, theirs) in peers.iter().filter(|(.., theirs)| !theirs.is_empty()) {
                rates(&what, &ours, peer, theirs, 0.85);
            }
            self.account(&jobs, parallel);
        }
    }

    fn programs(&self) {
        let jobs =
            self.jobs("programs", &many(self.args.jobs, "schedule = \"1d\"", "command = [\"/bin/true\"]"));
        let count = self.args.jobs as f64;
        for (parallel, threads, slots, least) in [("1", 1, "one slot", 0.7), ("8", 8, "eight slots", 0.8)] {
            let (mut ours, mut bare, mut both) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..self.args.rounds {
                ours.push(count / self.pass(&jobs, parallel));
                let spawned = spawn_rate(self.args.jobs, threads);
                bare.push(spawned);
                if let Some(peer) = self.peer(Work::Program, threads) {
                    jobs.db.sql(EMPTY);
                    let cycles = peer.rate(&jobs.db, How::Piped, self.args.jobs);
                    both.push(1.0 / (1.0 / spawned + 1.0 / cycles));
                }
            }
            let what = format!("/bin/true, {slots}");
            rates(&what, &ours, "spawned bare by as many threads", &bare, least);
            if !both.is_empty() {
                let peer = "spawned bare, and then claim and record in pgbench, pipelined";
                rates(&what, &ours, peer, &both, least);
            }
            self.account(&jobs, parallel);
        }
    }

    fn nothing_due(&self) {
        for (count, most) in [(50, 10.0), (1000, 20.0), (10_000, 60.0)] {
            let jobs =
                self.jobs(&format!("due{count}"), &many(count, "schedule = \"1d\"", "sql = \"SELECT 1\""));
            jobs.db.sql(&format!(
                "INSERT INTO crontabber (app_name, next_run, first_run, last_run, last_success, error_count, depends_on, last_error)
                 SELECT 'j' || lpad(i::text, 5, '0'), now() + interval '1 h', now(), now(), now(), 0, '{{}}', '{{}}'
                 FROM generate_series(0, {}) i; ANALYZE crontabber",
                count - 1
            ));
            jobs.ends(0, &["run"]);
            let queries = jobs.ends(0, &["run", "-E"]).stderr.matches("* QUERY *").count();
            // The server's totals are too coarse for a single run.
            let rounds = self.args.rounds * 10;
            let (before, start) = (Account::now(&jobs.db), Instant::now());
            let taken: Vec<f64> = (0..rounds)
                .map(|_| {
                    let start = Instant::now();
                    jobs.ends(0, &["run"]);
                    start.elapsed().as_secs_f64() * 1000.0
                })
                .collect();
            let took = start.elapsed().as_secs_f64();
            times(&format!("nothing due of {count} jobs, {queries} statements"), &taken, most);
            println!("{}", Account::now(&jobs.db).each(&before, f64::from(rounds), took, None));
        }
    }

    /// Measures how late jobs start, in milliseconds after the second at which they are due: the median, the 99th
    /// percentile and the maximum.
    fn late(jobs: &Jobs, what: &str) -> [f64; 3] {
        let sql = format!(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms), max(ms)
             FROM (SELECT extract(epoch FROM started - run_date) * 1000 AS ms FROM pgkit_run WHERE {what}) late"
        );
        let row = jobs.db.sql(&sql);
        [0, 1, 2].map(|i| row[0][i].as_deref().unwrap().parse().unwrap())
    }

    fn lateness(&self) {
        let one = self.jobs("late", "[[job]]\nname = \"s\"\nevery = \"1s\"\nsql = \"SELECT 1\"\n");
        self.stay(&one, &[], Duration::from_secs(self.args.watch));
        let [median, most_of, last] = Bench::late(&one, "true");
        println!(
            "a SQL job of every second is late by {median:.1} ms in the median, p99 {most_of:.1}, at most {last:.1} (goal of p99 20: {})",
            goal(most_of <= 20.0)
        );
        let all = self.jobs("lateall", &many(self.args.jobs, "every = \"10s\"", "sql = \"SELECT 1\""));
        for (parallel, slots) in [("1", "one slot"), ("8", "eight slots")] {
            all.db.sql("TRUNCATE crontabber, crontabber_log, pgkit_run, pgkit_job");
            self.stay(&all, &["--parallel", parallel], Duration::from_secs(25));
            let [median, _, last] = Bench::late(&all, "true");
            println!(
                "{} SQL jobs due at once, {slots}: {median:.0} ms late in the median, the last {last:.0} (goal 800: {})",
                self.args.jobs,
                goal(last <= 800.0)
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

    fn history(&self) {
        let jobs = self.jobs("history", "[[job]]\nname = \"j3\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n");
        jobs.db.sql(&format!(
            "INSERT INTO pgkit_job SELECT 'j' || i, now(), NULL, NULL, '12 h' FROM generate_series(0, 49) i;
             INSERT INTO pgkit_run (app_name, run_date, attempt, state, claim, grace, started, duration, host, logged)
             SELECT 'j' || i % 50, at, 1, CASE WHEN i % 1000 = 7 THEN 'failed' ELSE 'succeeded' END, at, '11.5 s', at, '1 s', 'a host',
                    at + interval '1 s'
             FROM generate_series(1, {}) i, LATERAL (SELECT now() - (600000 - i) * interval '1 min') d (at);
             INSERT INTO crontabber_log (app_name, log_time, duration, success, exc_type)
             SELECT app_name, logged, duration, run_date, CASE WHEN state = 'failed' THEN 'exit status 1' END FROM pgkit_run ORDER BY id;
             ANALYZE; CHECKPOINT",
            self.args.history
        ));
        for args in [&["-n", "5"][..], &["j3"], &["--failed"], &["--failed", "j8"], &["nobody"]] {
            let taken: Vec<f64> = (0..self.args.rounds * 4)
                .map(|_| {
                    let start = Instant::now();
                    jobs.ends(0, &[&["history"], args].concat());
                    start.elapsed().as_secs_f64() * 1000.0
                })
                .collect();
            times(&format!("history {} of {} attempts", args.join(" "), self.args.history), &taken, 30.0);
        }
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

/// Returns how many programs per second can be started and waited for, with nothing else being done.
fn spawn_rate(count: usize, threads: usize) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                for _ in 0..count / threads {
                    let mut command = Command::new("/bin/true");
                    assert!(command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap().success());
                }
            });
        }
    });
    (count / threads * threads) as f64 / start.elapsed().as_secs_f64()
}

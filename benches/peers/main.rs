//! pgkit beside psql on a large catalog: `cargo bench --bench peers`.
//!
//! Whole processes in turn, in an order that a fixed seed shuffles in each round. Goals are printed, not asserted:
//! figures depend on the machine and on what else it does.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a benchmark does")]
#![expect(clippy::unwrap_used, reason = "a run that failed has no figures")]

mod crowd;
mod measure;
mod pairs;
mod report;
#[expect(dead_code, unused_imports, unused_macros, reason = "it uses its part of what the tests share")]
#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::{Command, ExitCode};

use clap::Parser;

use measure::Sample;
use pairs::{Pair, Place, Side};
use report::{Outcome, Report, Spread};
use support::{Db, filled};

/// Compares pgkit with psql, as whole processes, on a database of many relations
#[derive(Parser)]
struct Args {
    /// About how many relations there are
    #[arg(long, default_value_t = 20_000)]
    tables: usize,
    /// How often each pair runs
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many rows are streamed
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Only pairs whose commands hold this text
    #[arg(long, default_value = "")]
    only: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Set by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

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
    let report = compare(&args);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        report.print();
    }
    ExitCode::SUCCESS
}

/// A role without privileges but to read every table.
const READER: &str = "peers_reader";

fn compare(args: &Args) -> Report {
    let bin = support::bin();
    // pgkit switches compilation off for itself; psql shall not lose by it.
    let mut options = support::options(bin).conf("autovacuum", "off").conf("max_connections", "600");
    if bin.major >= 11 {
        options = options.conf("jit", "off");
    }
    let server = support::own_server(&options);
    let db = support::database(server.info(), "peers");
    eprintln!("PostgreSQL {}: making about {} relations", bin.version, args.tables);
    fill(&db, bin.major, args.tables);

    let folder = tempfile::tempdir().unwrap();
    let place = Place { db: &db, reader: READER, folder: folder.path(), rows: args.rows };
    let named = |side: &Side| side.shown.contains(&args.only);
    let measured = |mut pairs: Vec<Pair>| {
        pairs.retain(|pair| named(&pair.ours) || pair.theirs.as_ref().is_some_and(named));
        let all_runs = run(&pairs, args.rounds);
        let server_time = |side: &Side| server_time(&db, side);
        let outcome = |(pair, runs): (&Pair, &Vec<_>)| Outcome::new(pair, runs, &server_time);
        pairs.iter().zip(&all_runs).map(outcome).collect::<Vec<_>>()
    };
    let mut outcomes = measured(place.pairs());
    // Last, as so many sessions would slow the others down.
    let _holder = crowd::gather(&db);
    outcomes.extend(measured(vec![place.crowd()]));

    let psql = support::run(Command::new(support::psql_path()).arg("--version"));
    let relations = db.value("SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind ~ '[rpvmSf]'");
    let setting = format!(
        "PostgreSQL {}, {}, {relations} relations, {} rounds.",
        bin.version,
        psql.stdout.trim(),
        args.rounds
    );
    let binary_mb = std::fs::metadata(support::PGKIT).unwrap().len() as f64 / f64::from(1 << 20);
    let least_mb = measure::run(&Command::new("/bin/true")).peak_mb;
    Report::new(setting, least_mb, binary_mb, outcomes)
}

fn fill(db: &Db, major: u32, tables: usize) {
    filled::fill(db, major, tables);
    let session = db.session();
    let each = |query: &str, make: &dyn Fn(&str) -> String| {
        for name in session.sql(query).iter().filter_map(|row| row[0].as_deref()) {
            session.sql(&make(name));
        }
    };
    // Without public, where functions pass for the system's: they are no match for the post's queries.
    let path = r#"app, stats, raw, archive, "Ops Team""#;
    session.sql(&format!("ALTER DATABASE {} SET search_path = {path}; CREATE ROLE {READER} LOGIN", db.name));
    each("SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^pg_'", &|schema| {
        format!(
            "GRANT USAGE ON SCHEMA {schema} TO {READER};\
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}"
        )
    });
    // As autovacuum would have left them.
    let catalogs = "SELECT oid::regclass FROM pg_class WHERE relnamespace = 11 AND relkind = 'r'";
    each(catalogs, &|catalog| format!("VACUUM ANALYZE {catalog}"));
    session.sql("CHECKPOINT");
}

/// For each pair: pgkit's runs, and beside each psql's.
fn run(pairs: &[Pair], rounds: u32) -> Vec<Vec<(Sample, Option<Sample>)>> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut runs = vec![Vec::new(); pairs.len()];
    // The first round only warms up.
    for round in 0..=rounds {
        eprint!("\rround {round} of {rounds}");
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, dice.roll(i + 1));
        }
        for i in order {
            let ours = || measure::run(&pairs[i].ours.command);
            let theirs = || pairs[i].theirs.as_ref().map(|side| measure::run(&side.command));
            let both = if dice.roll(2) == 0 {
                let first = ours();
                (first, theirs())
            } else {
                let first = theirs();
                (ours(), first)
            };
            if round > 0 {
                runs[i].push(both);
            }
        }
    }
    eprintln!();
    runs
}

/// xorshift64: the same rolls every time.
struct Dice(u64);

impl Dice {
    /// Below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % sides
    }
}

/// Planning and execution in fresh sessions, as the server counts them; making the rows' text is not in it.
fn server_time(db: &Db, side: &Side) -> Option<f64> {
    let statement = side.statement.as_ref()?;
    let times = (0..5).map(|_| {
        let session = db.session_as(&statement.user);
        session.sql(&statement.prelude);
        let sql = format!("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY, FORMAT JSON)\n{}", statement.sql);
        let plan = session.sql(&sql)[0][0].clone().unwrap();
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        ["Planning Time", "Execution Time"].iter().map(|key| plan[0][key].as_f64().unwrap()).sum()
    });
    Some(Spread::of(times).median)
}

//! pgkit beside psql, and each report beside its peers, on a large catalog: `cargo bench --bench peers`.
//!
//! Whole processes in turn, in an order that a fixed seed shuffles in each round. Goals are printed, not asserted:
//! figures depend on the machine and on what else it does. Peers other than psql are used if they are installed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a benchmark does")]
#![expect(clippy::unwrap_used, reason = "a run that failed has no figures")]

mod company;
mod crowd;
mod measure;
mod pairs;
mod peers;
mod report;
mod reports;
#[expect(dead_code, unused_imports, unused_macros, reason = "it uses its part of what the tests share")]
#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;

use company::Meter;
use pairs::{Kind, Pair, Place, Side};
use peers::Found;
use report::{Outcome, Report, Run, Spread};
use reports::Stage;
use support::pooler::Pooler;
use support::{Db, filled};

/// Compares pgkit with psql and other peers, as whole processes, on a database of many relations
#[derive(Parser)]
struct Args {
    /// About how many relations there are
    #[arg(long, default_value_t = 20_000)]
    tables: usize,
    /// How often each pair runs at most
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many seconds a pair may take: when they are over, it runs no more
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
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

/// A role that may read every table, and nothing else.
const READER: &str = "peers_reader";

fn compare(args: &Args) -> Report {
    reports::check();
    let bin = support::bin();
    // pgkit switches JIT compilation off for itself, which must not be its advantage.
    let mut options = support::options(bin).conf("autovacuum", "off").conf("max_connections", "600");
    if bin.major >= 11 {
        options = options.conf("jit", "off");
    }
    let mut server = support::own_server(&options);
    let db = support::database(server.info(), "peers");
    let extensions = company::prepare(&mut server, &db, bin.major);
    eprintln!("PostgreSQL {}: making about {} relations", bin.version, args.tables);
    fill(&db, bin.major, args.tables);
    company::extend(&db, &extensions);
    let _company = company::gather(&db);
    db.sql("CHECKPOINT");

    let folder = tempfile::tempdir().unwrap();
    let found = Found::here();
    let mut left_out: Vec<String> = found.missing().into_iter().map(str::to_owned).collect();
    let major = bin.major;
    let (reader, rows) = (READER, args.rows);
    let place = Place { db: &db, major, reader, folder: folder.path(), rows, extensions: &extensions };
    let meter = Meter::new(&db, major, &extensions);
    let measured = |mut pairs: Vec<Pair>, left_out: &mut Vec<String>| {
        pairs.retain(|pair| pair.sides().any(|side| side.shown.contains(&args.only)));
        let all_runs = run(&mut pairs, args, &meter, left_out);
        let server_time = |side: &Side| server_time(&db, side);
        let outcome = |(pair, runs): (&Pair, &Vec<_>)| Outcome::new(pair, runs, &server_time);
        pairs.iter().zip(&all_runs).map(outcome).collect::<Vec<_>>()
    };
    let mut pairs = place.pairs();
    pairs.extend(reports::pairs(&place, &found, Stage::Quiet, &mut left_out));
    let mut outcomes = measured(pairs, &mut left_out);
    match support::pooler::program() {
        Some(program) => {
            let pooler = Pooler::start(&program, &db, "transaction");
            let console = Db::existing(&pooler.db.info, "pgbouncer");
            let place = Place { db: &console, ..place };
            let pairs = reports::pairs(&place, &found, Stage::Pooler, &mut left_out);
            // PgBouncer has no pool until a client connects.
            let mut client = support::psql(&pooler.db);
            let mut client =
                client.args(["-c", "SELECT pg_sleep(3600)"]).stdout(Stdio::null()).spawn().unwrap();
            outcomes.extend(measured(pairs, &mut left_out));
            client.kill().unwrap();
            client.wait().unwrap();
        }
        None => left_out.push("pgkit pools: there is no pgbouncer (apt install pgbouncer)".to_owned()),
    }
    // This comes last, because so many sessions would slow down everything else.
    let _holder = crowd::gather(&db);
    let mut pairs = vec![place.crowd()];
    pairs.extend(reports::pairs(&place, &found, Stage::Crowd, &mut left_out));
    outcomes.extend(measured(pairs, &mut left_out));

    let psql = support::run(Command::new(support::psql_path()).arg("--version"));
    let relations = db.value("SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind ~ '[rpvmSf]'");
    let setting = format!(
        "PostgreSQL {}, {}, {relations} relations, at most {} rounds.",
        bin.version,
        psql.stdout.trim(),
        args.rounds
    );
    let binary_mb = std::fs::metadata(support::PGKIT).unwrap().len() as f64 / f64::from(1 << 20);
    let least_mb = measure::run(&Command::new("/bin/true")).peak_mb;
    Report::new(setting, least_mb, binary_mb, outcomes, left_out)
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
    let changed = "SELECT relid::regclass FROM pg_stat_user_tables WHERE n_mod_since_analyze > 50";
    each(changed, &|table| format!("ANALYZE {table}"));
    let catalogs = "SELECT oid::regclass FROM pg_class WHERE relnamespace = 11 AND relkind = 'r'";
    each(catalogs, &|catalog| format!("VACUUM ANALYZE {catalog}"));
}

/// Runs every pair, and returns for each pair its rounds, each with one run of every side. A peer of a report that fails
/// is left out.
fn run(pairs: &mut [Pair], args: &Args, meter: &Meter, left_out: &mut Vec<String>) -> Vec<Vec<Vec<Run>>> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut shuffled = |count: usize| {
        let mut order: Vec<usize> = (0..count).collect();
        random.shuffle(&mut order);
        order
    };
    let count = pairs.len();
    let mut runs = vec![Vec::new(); count];
    let mut spent = vec![0.0; count];
    // The first round only warms up, unless it uses up all the time.
    for (i, pair) in pairs.iter_mut().enumerate() {
        eprint!("\rround 0 of {}: {} of {count}", args.rounds, i + 1);
        let start = Instant::now();
        let mut samples = vec![sample(pair.kind, &pair.ours, meter).unwrap()];
        for side in std::mem::take(&mut pair.theirs) {
            match sample(pair.kind, &side, meter) {
                Ok(sample) => {
                    samples.push(sample);
                    pair.theirs.push(side);
                }
                Err(failure) if pair.kind == Kind::Report => {
                    left_out.push(format!("{}: {failure}", side.shown));
                }
                Err(failure) => panic!("{failure}"),
            }
        }
        spent[i] = start.elapsed().as_secs_f64();
        if spent[i] > args.seconds {
            runs[i].push(samples);
        }
    }
    for round in 1..=args.rounds {
        eprint!("\rround {round} of {}         ", args.rounds);
        for i in shuffled(count) {
            if spent[i] > args.seconds {
                continue;
            }
            let start = Instant::now();
            let sides: Vec<&Side> = pairs[i].sides().collect();
            let mut samples = vec![None; sides.len()];
            for at in shuffled(sides.len()) {
                samples[at] = Some(sample(pairs[i].kind, sides[at], meter).unwrap());
            }
            spent[i] += start.elapsed().as_secs_f64();
            runs[i].push(samples.into_iter().flatten().collect());
        }
    }
    eprintln!();
    runs
}

/// Runs one side once. For a report, the server's time is measured too.
fn sample(kind: Kind, side: &Side, meter: &Meter) -> Result<Run, String> {
    let before = if kind == Kind::Report { meter.read() } else { None };
    let process = measure::try_run(&side.command, side.accepts)?;
    let server_ms = before.and_then(|before| Some(meter.read()? - before));
    Ok(Run { process, server_ms })
}

/// Returns the planning and execution time of a side's statement in fresh sessions, as EXPLAIN ANALYZE tells it. It does not
/// include the conversion of the rows to text.
fn server_time(db: &Db, side: &Side) -> Option<f64> {
    let statement = side.statement.as_ref()?;
    let times = (0..3).map(|_| {
        let session = db.session_as(&statement.user);
        session.sql(&statement.prelude);
        let sql = format!("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY, FORMAT JSON)\n{}", statement.sql);
        let plan = session.sql(&sql)[0][0].clone().unwrap();
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        ["Planning Time", "Execution Time"].iter().map(|key| plan[0][key].as_f64().unwrap()).sum()
    });
    Some(Spread::of(times).median)
}

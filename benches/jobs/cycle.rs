//! The peer: what one SQL job costs the server, played by pgbench: the same statements, from the files that pgkit sends, as a
//! client sends them that waits for the answer before it decides.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::support::{self, Db};

/// The text of a statement in schema public, with these for its parameters.
fn filled(file: &str, values: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/jobs").join(file);
    let text = support::jobs::statement(&path, "public");
    let text: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let text = text.join(" ");
    let value = |value: &&str| match VALUES.iter().find(|(name, ..)| value.strip_prefix(':') == Some(name)) {
        Some((_, kind, _)) => format!("({value})::{kind}"),
        None => (*value).to_owned(),
    };
    let values: Vec<String> = values.iter().map(value).collect();
    pgkit::sql::fill(&text, &values)
}

/// What stands for the values that pgkit sends as parameters, and so does pgbench: names, types, values.
const VALUES: [(&str, &str, &str); 13] = [
    ("no", "bool", "f"),
    ("yes", "bool", "t"),
    ("zero", "int8", "0"),
    ("token", "timestamptz", "2026-01-01 00:00:00+00"),
    ("mark", "text", "a mark"),
    ("none", "text[]", "{}"),
    ("grace", "interval", "11.5 s"),
    ("host", "text", "a host"),
    ("took", "interval", "1 ms"),
    ("zone", "text", "UTC"),
    ("path", "text", "\"$user\", public"),
    ("plan", "text", "auto"),
    ("wait", "text", "10s"),
];

/// One job's cycle as a script of pgbench: claim, work, record. As for pgkit the claim of a job that is one transaction with
/// its record is flushed with that.
fn script(pipelined: bool) -> String {
    let (job, run) = ("('b' || :id)::text", "(SELECT currval('public.pgkit_run_id_seq'))");
    let null = "NULL::text";
    let finish = [
        job,
        ":mark",
        run,
        ":token",
        ":token",
        ":token",
        ":no",
        null,
        null,
        null,
        ":none",
        ":took",
        ":zero",
        null,
        null,
        "'succeeded'",
        ":yes",
        ":yes",
    ];
    let claim = [
        job, ":token", ":token", ":grace", ":host", ":host", ":host", ":zero", ":zero", ":none", ":no",
        ":zero", ":mark", ":zero",
    ];
    let trips = [
        vec![
            "BEGIN".to_owned(),
            filled("lock.sql", &[":id"]),
            filled("lock_row.sql", &[job]),
            filled("decision_inputs.sql", &[job, ":none", ":no", "NULL::timestamptz"]),
        ],
        vec![
            filled("claim.sql", &claim),
            "SET LOCAL synchronous_commit = off".to_owned(),
            "COMMIT".to_owned(),
        ],
        vec![
            "BEGIN".to_owned(),
            filled("job_session.sql", &[":zone", ":yes", ":path", ":plan", null]),
            "SELECT 1".to_owned(),
            "SET CONSTRAINTS ALL IMMEDIATE".to_owned(),
        ],
        vec![
            "RESET SESSION AUTHORIZATION".to_owned(),
            "RESET ROLE".to_owned(),
            "RESET ALL".to_owned(),
            "SET search_path = pg_catalog, pg_temp".to_owned(),
            filled("session_setup.sql", &[]),
            filled("lock_timeout.sql", &[":wait"]),
            filled("finish.sql", &finish),
            "COMMIT".to_owned(),
            filled("unlock_all.sql", &[]),
            "DISCARD TEMP".to_owned(),
            "UNLISTEN *".to_owned(),
            "CLOSE ALL".to_owned(),
            filled("prepared.sql", &[]),
        ],
    ];
    let mut script = "\\set id random(1, 2000000000)\n".to_owned();
    for trip in trips {
        let lines: String = trip.iter().map(|statement| format!("{};\n", statement.trim())).collect();
        script += &if pipelined { format!("\\startpipeline\n{lines}\\endpipeline\n") } else { lines };
    }
    script
}

/// How pgbench runs the cycles.
#[derive(Clone, Copy, PartialEq)]
pub enum How {
    /// It sends several statements per round trip, as pgkit does, which it can do from version 14 on. The time that it takes to
    /// start and to connect is not counted.
    Piped,
    /// The same, for as many cycles as there are jobs. The time that it takes to start and to connect is counted, as it is for
    /// pgkit.
    FromStart,
    /// It sends the statements one by one. The time that it takes to start and to connect is not counted.
    Singly,
}

/// Returns how many cycles per second pgbench runs with this many clients.
pub fn floor(db: &Db, pgbench: &Path, major: u32, how: How, clients: u32, jobs: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cycle.sql");
    std::fs::write(&file, script(how != How::Singly && major >= 14)).unwrap();
    let mut command = Command::new(pgbench);
    command.args(["-n", "-M", "prepared", "-c", &clients.to_string(), "-j", &clients.min(2).to_string()]);
    let each = jobs / clients as usize;
    match how {
        How::FromStart => command.args(["-t", &each.to_string()]),
        How::Piped | How::Singly => command.args(["-T", "2"]),
    };
    command.arg("-f").arg(&file);
    command.args(VALUES.iter().flat_map(|(name, _, value)| ["-D".to_owned(), format!("{name}={value}")]));
    let start = Instant::now();
    let output = support::run(command.envs(db.info.env()).env("PGDATABASE", &db.name));
    let took = start.elapsed().as_secs_f64();
    let told =
        output.stdout.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let rate = told.unwrap_or_else(|| panic!("{}", output.snapshot()));
    if how == How::FromStart { (each * clients as usize) as f64 / took } else { rate }
}

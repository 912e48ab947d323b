//! The floor: what one SQL job costs the server, played by pgbench. The same statements in the same round trips, from the
//! files that pgkit sends.

use std::path::Path;
use std::process::Command;

use super::support::{self, Db};

/// The text of a statement in schema public, with these for its parameters.
fn filled(file: &str, values: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/jobs").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let text = text.join(" ").replace(":\"schema\"", "public");
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    pgkit::sql::fill(&text, &values)
}

/// One job's cycle as a script of pgbench: claim, work, record. As for pgkit the claim of a job that is one transaction with
/// its record is flushed with that.
fn script(pipelined: bool) -> String {
    let job = "('b' || :id)::text";
    let (token, null) = ("'2026-01-01 00:00:00+00'::timestamptz", "NULL::text");
    let trips = [
        vec![
            "BEGIN".to_owned(),
            filled("house.sql", &[null]),
            filled("lock.sql", &[":id::int8"]),
            filled("row.sql", &[job]),
            filled("look.sql", &[job, "'{}'::text[]", "false", "NULL::timestamptz"]),
        ],
        vec![
            filled(
                "claim.sql",
                &[
                    job,
                    token,
                    token,
                    "'11.5 s'::interval",
                    "'host'::text",
                    "'boot'::text",
                    "'space'::text",
                    "1::int4",
                    "2::int8",
                    "'{}'::text[]",
                    "false",
                    "0::int8",
                    "'mark'::text",
                    "0::int8",
                ],
            ),
            "SET LOCAL synchronous_commit = off".to_owned(),
            "COMMIT".to_owned(),
        ],
        vec![
            "BEGIN".to_owned(),
            filled("work.sql", &["'UTC'::text", "true"]),
            "SELECT 1".to_owned(),
            "SET CONSTRAINTS ALL IMMEDIATE".to_owned(),
        ],
        vec![
            "RESET SESSION AUTHORIZATION".to_owned(),
            "RESET ROLE".to_owned(),
            "RESET ALL".to_owned(),
            filled("house.sql", &["'10s'::text"]),
            filled(
                "finish.sql",
                &[
                    job,
                    "'mark'::text",
                    "(SELECT currval('public.pgkit_run_id_seq'))",
                    token,
                    token,
                    token,
                    "false",
                    null,
                    null,
                    null,
                    "'{}'::text[]",
                    "'1 ms'::interval",
                    "0::int8",
                    null,
                    null,
                    "'succeeded'::text",
                    "true",
                    "true",
                ],
            ),
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

/// How many cycles a second pgbench plays with so many clients; pgbench before 14 knows no pipelines.
pub fn floor(db: &Db, bin: &pgkit::sandbox::Binaries, clients: u32, seconds: u32) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cycle.sql");
    std::fs::write(&file, script(bin.major >= 14)).unwrap();
    let mut command = Command::new(bin.program("pgbench"));
    command.args(["-n", "-M", "prepared", "-c", &clients.to_string(), "-j", &clients.min(2).to_string()]);
    command.args(["-T", &seconds.to_string(), "-f"]).arg(&file);
    let output = support::run(command.envs(db.info.env()).env("PGDATABASE", &db.name));
    let rate =
        output.stdout.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("{}", output.snapshot()))
}

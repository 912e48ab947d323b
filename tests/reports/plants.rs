//! What is planted is named, and its harmless sibling is not: the cases of `tests/reports/plants`, a file for each
//! report. `PGKIT_TEST_PLANTS=sequences,tables` runs those of some reports only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::support::*;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

/// One statement, or several that run one after the other.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Sql {
    One(String),
    Several(Vec<String>),
    #[default]
    Nothing,
}

impl Sql {
    fn list(&self) -> &[String] {
        match self {
            Sql::One(one) => std::slice::from_ref(one),
            Sql::Several(all) => all,
            Sql::Nothing => &[],
        }
    }
}

/// What is planted in a database of its own, and what the report says of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// A sentence that is true when the case passes.
    says: String,
    /// The majors that it runs on.
    since: Option<u32>,
    until_major: Option<u32>,
    /// Runs as superuser in the database of the case.
    #[serde(default)]
    sql: Sql,
    /// Sessions that stay open, each with what it runs; the last statement may block.
    #[serde(default)]
    sessions: Vec<String>,
    /// A query of one boolean: the report runs when it is true.
    until: Option<String>,
    /// Who runs the report; roles whose names begin with `case_` are dropped after the case.
    role: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    /// Lines of the answer; one that begins with a slash is a regular expression.
    #[serde(default)]
    rows: Vec<String>,
    /// Lines that the answer must not have.
    #[serde(default)]
    none: Vec<String>,
    /// Whether `rows` are all rows, in order.
    #[serde(default)]
    exact: bool,
    /// Stderr; empty unless it is given.
    stderr: Option<String>,
    #[serde(default)]
    exit: i32,
    /// Undoes what is not in the database.
    #[serde(default)]
    after: Sql,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/plants")
}

/// The files of cases, each with the name of its report.
fn files() -> Vec<(String, File)> {
    let chosen = variable("PGKIT_TEST_PLANTS");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_chosen = chosen.as_ref().is_none_or(|list| list.split(',').any(|one| one == name));
        if is_chosen {
            let text = std::fs::read_to_string(&path).unwrap();
            let file = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            all.push((name, file));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Whether a line is what a case expects: equal to it, or matched where it is a regular expression.
fn is_meant(expected: &str, line: &str) -> bool {
    match expected.strip_prefix('/') {
        Some(regex) => regex::Regex::new(regex).unwrap_or_else(|e| panic!("{e}")).is_match(line),
        None => expected == line,
    }
}

/// What is wrong with an answer; nothing if it is as the case says.
fn faults(case: &Case, output: &Output) -> Vec<String> {
    let mut faults = Vec::new();
    let lines: Vec<&str> = output.stdout.lines().collect();
    if output.code != Some(case.exit) {
        faults.push(format!("exit code {:?}", output.code));
    }
    match &case.stderr {
        None if output.stderr.is_empty() => {}
        Some(expected) if is_meant(expected, output.stderr.trim_end()) => {}
        _ => faults.push("another stderr".to_owned()),
    }
    for expected in &case.rows {
        if !lines.iter().any(|line| is_meant(expected, line)) {
            faults.push(format!("missing: {expected}"));
        }
    }
    for unwanted in &case.none {
        if let Some(line) = lines.iter().find(|line| is_meant(unwanted, line)) {
            faults.push(format!("must not be there: {line}"));
        }
    }
    let as_listed = || case.rows.iter().zip(&lines).all(|(expected, line)| is_meant(expected, line));
    if case.exact && (lines.len() != case.rows.len() || !as_listed()) {
        faults.push("other rows, or another order".to_owned());
    }
    faults
}

/// Plants a case, runs its report, and removes what is not in its database.
fn run_case(db: &Db, report: &str, case: &Case) -> Vec<String> {
    for sql in case.sql.list() {
        if let Err(e) = db.try_sql(sql) {
            return vec![format!("{}: {sql}", e.as_db_error().map_or(e.to_string(), ToString::to_string))];
        }
        // A session reports its statistics when it ends, shortly after its client has disconnected. Without this wait, the
        // next statement could run before they are counted.
        eventually("the session has ended", || {
            let left = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
                db.name
            );
            db.value(&left) == "0"
        });
    }
    let held: Vec<_> = case
        .sessions
        .iter()
        .enumerate()
        .map(|(i, sql)| {
            let session = db.session();
            session.sql(&format!("SET application_name = 'session {}'", i + 1));
            // Statements that may block must not keep the test waiting; the session stays open until the thread is told.
            let (keep, kept) = std::sync::mpsc::channel::<()>();
            let sql = sql.clone();
            let thread = std::thread::spawn(move || {
                let _ = session.try_sql(&sql);
                let _ = kept.recv();
            });
            // The next one begins when this one has done its work, or waits.
            let there = format!(
                "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'session {}' \
                 AND query NOT LIKE 'SET application_name%' AND (state <> 'active' OR wait_event IS NOT NULL)",
                db.name,
                i + 1
            );
            let start = std::time::Instant::now();
            while db.value(&there) != "t" && start.elapsed().as_millis() < 1000 {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            (keep, thread)
        })
        .collect();
    if let Some(until) = &case.until {
        eventually(&case.says, || db.value(until) == "t");
    }
    let mut command = pgkit(db);
    if let Some(role) = &case.role {
        command.env("PGUSER", role);
    }
    let output = run(command.arg(report).args(&case.args));
    let mut faults = faults(case, &output);
    if !faults.is_empty() {
        faults.push(output.snapshot());
    }
    let name = &db.name;
    let _ = db.try_sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    ));
    for (keep, thread) in held {
        drop(keep);
        thread.join().unwrap();
    }
    for sql in case.after.list() {
        let _ = db.try_sql(sql);
    }
    faults
}

/// Removes the prepared transactions and slots of a database, which would keep it from being dropped, and the roles
/// that its case made.
fn clean_up(db: &Db) {
    let name = &db.name;
    let gids = db.sql(&format!("SELECT quote_literal(gid) FROM pg_prepared_xacts WHERE database = '{name}'"));
    for gid in gids.into_iter().flatten().flatten() {
        let _ = db.try_sql(&format!("ROLLBACK PREPARED {gid}"));
    }
    let _ = db.try_sql(&format!(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{name}' AND NOT active"
    ));
    let roles = db.sql("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname LIKE 'case\\_%'");
    let roles: Vec<String> = roles.into_iter().flatten().flatten().collect();
    for role in &roles {
        let _ = db.try_sql(&format!("DROP OWNED BY {role} CASCADE"));
    }
    for role in &roles {
        let _ = db.try_sql(&format!("DROP ROLE {role}"));
    }
}

fn what_is_planted_is_named_and_its_harmless_sibling_is_not(bin: &Binaries) {
    let options = options(bin)
        .conf("wal_level", "logical")
        .conf("max_prepared_transactions", "20")
        .conf("max_replication_slots", "20")
        .conf("autovacuum", "off")
        // Without it, VACUUM cannot tell for a moment that rows are visible to all.
        .conf("synchronous_commit", "on")
        .conf("shared_preload_libraries", "pg_stat_statements");
    let server = own_server(&options);
    let mut failed = Vec::new();
    for (report, file) in files() {
        for case in &file.cases {
            let is_meant = case.since.is_none_or(|since| since <= bin.major)
                && case.until_major.is_none_or(|until| bin.major <= until);
            if !is_meant {
                continue;
            }
            let db = database(server.info(), "case");
            let faults = run_case(&db, &report, case);
            clean_up(&db);
            if !faults.is_empty() {
                let what = format!("{report} on {}: {}:\n{}", bin.major, case.says, faults.join("\n"));
                failed.push(what);
            }
        }
    }
    assert!(failed.is_empty(), "{} cases:\n\n{}", failed.len(), failed.join("\n\n"));
}
on_every_server!(what_is_planted_is_named_and_its_harmless_sibling_is_not);

#[test]
fn every_report_has_cases() {
    let reports: BTreeSet<String> = server_reports().into_iter().map(|report| report.name).collect();
    // These have tests of their own.
    let older = ["find", "functions", "locks", "relations", "sizes"].map(str::to_owned);
    let files: BTreeSet<String> = files().into_iter().map(|(name, _)| name).collect();
    if variable("PGKIT_TEST_PLANTS").is_none() {
        let missing: Vec<&String> = reports.difference(&files).filter(|name| !older.contains(name)).collect();
        assert!(missing.is_empty(), "no cases for {missing:?}");
    }
    let unknown: Vec<&String> = files.difference(&reports).collect();
    assert!(unknown.is_empty(), "no report for {unknown:?}");
}

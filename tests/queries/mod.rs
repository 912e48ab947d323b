//! Every file under queries/ against live servers: its header is true, its parameters bind, it only reads.

use std::collections::BTreeSet;
use std::future::Future;

use crate::support::*;
use pgkit::report::{self, Param, ParamType, Report, Text};
use pgkit::session::Value;
use pgkit::sql;
use tokio_postgres::types::{ToSql, Type};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What runs on a server of this version: every text with its report.
fn texts(major: u32) -> Vec<(Report, Text)> {
    let mut out = Vec::new();
    for report in all_reports() {
        // A text ends where a newer plain one begins.
        let plain: Vec<u32> =
            report.texts.iter().filter(|t| t.when.is_none() && t.flag.is_none()).map(|t| t.since).collect();
        for text in &report.texts {
            let replaced = text.when.is_none()
                && text.flag.is_none()
                && plain.iter().any(|since| *since > text.since && *since <= major);
            if text.since <= major && !replaced {
                out.push((report.clone(), text.for_server(major)));
            }
        }
    }
    out
}

fn types(report: &Report) -> Vec<Type> {
    report.params.iter().flat_map(|p| p.kind.server_types().iter().cloned()).collect()
}

fn nulls(report: &Report) -> Vec<Value> {
    types(report).into_iter().map(Value::Null).collect()
}

/// As a command line without flags binds them.
fn plain(report: &Report) -> Vec<Value> {
    let unset = |kind: Type| if kind == Type::BOOL { Value::Bool(false) } else { Value::Null(kind) };
    types(report).into_iter().map(unset).collect()
}

fn a_value(param: &Param) -> Vec<Value> {
    let text = param.one_of.first().cloned().unwrap_or_else(|| "(a)".to_owned());
    if param.name == "client_disks" {
        return vec![Value::Text(
            "[{\"what\": \"the data\", \"path\": \"/\", \"free_bytes\": 1, \"total_bytes\": 2}]".to_owned(),
        )];
    }
    match param.kind {
        ParamType::Bool => vec![Value::Bool(true)],
        ParamType::Int8 | ParamType::Bytes => vec![Value::Int8(3)],
        ParamType::Text | ParamType::Regex => vec![Value::Text(text)],
        ParamType::Term => vec![Value::Text(text.clone()), Value::Text(text)],
        ParamType::TextList => vec![Value::TextList(vec![Some(text)])],
        ParamType::Path => vec![Value::TextList(vec![Some("pg_catalog".into()), Some("things".into())])],
        ParamType::Patterns => {
            vec![
                Value::TextList(vec![Some("^(things)$".into()), None]),
                Value::TextList(vec![Some("^(.*)$".into()), Some("^(oa.*)$".into())]),
            ]
        }
        ParamType::Interval => vec![Value::Interval(1_000_000)],
    }
}

fn values(report: &Report) -> Vec<Value> {
    report.params.iter().flat_map(a_value).collect()
}

/// The rows as text, with the parameters filled in.
fn rows(session: &Session, text: &Text, values: &[Value]) -> Vec<Vec<Option<String>>> {
    let literals: Vec<String> = values.iter().map(Value::literal).collect();
    session.sql("BEGIN READ ONLY; SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = '2s'");
    let rows = session.try_sql(&sql::fill(&text.sql, &literals));
    let rows = rows.unwrap_or_else(|e| panic!("{}: {:?}", text.file, e.as_db_error()));
    session.sql("COMMIT");
    rows
}

fn text_of<'a>(report: &'a Report, file: &str) -> &'a Text {
    report.texts.iter().find(|t| t.file.ends_with(file)).unwrap_or_else(|| panic!("no {file}"))
}

/// Every file below a folder, named from the root on.
fn files(root: &std::path::Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap()) {
        let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(root, &name));
        } else {
            found.push(name);
        }
    }
    found
}

#[test]
fn every_file_is_a_text_of_a_report_or_an_engines_statement() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let on_disk: BTreeSet<String> = files(root, "queries").into_iter().collect();
    for name in &on_disk {
        assert!(name.ends_with(".sql"), "{name} is no query");
    }
    let mut used: BTreeSet<String> = report::built_in(|_| true)
        .unwrap()
        .iter()
        .flat_map(|r| r.texts.iter().map(|t| t.file.clone()))
        .collect();
    let read = |file: &String| std::fs::read_to_string(root.join(file)).unwrap();
    let source: String = files(root, "src").iter().filter(|f| f.ends_with(".rs")).map(read).collect();
    let of_doctor = report::of_doctor().unwrap();
    used.extend(of_doctor.iter().flat_map(|r| r.texts.iter().map(|t| t.file.clone())));
    let is_report = |file: &&String| {
        ["queries/reports/", "queries/doctor/"].iter().any(|folder| file.starts_with(folder))
    };
    for file in on_disk.iter().filter(|file| !is_report(file)) {
        // A test beside the registry sees to it that each part stands in several texts.
        let is_part = file.starts_with("queries/parts/");
        assert!(is_part || source.contains(file.as_str()), "{file} is nowhere sent");
        used.insert(file.clone());
    }
    assert_eq!(on_disk, used);
}

#[test]
fn every_text_is_understood_whatever_the_encoding_of_the_database() {
    // The server translates the whole text to that encoding, comments included. The sandbox's own server has UTF-8.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in files(root, "queries").iter().filter(|file| !file.starts_with("queries/sandbox/")) {
        let has_header =
            ["queries/reports/", "queries/doctor/"].iter().any(|folder| file.starts_with(folder));
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        for line in text.lines().filter(|line| !(has_header && line.starts_with("--"))) {
            assert!(line.is_ascii(), "{file}: {line}");
        }
    }
}

/// Creates an extension in the odd schema. Returns its version.
fn installed(session: &Session, name: &str) -> (u32, u32) {
    session.sql(&format!("CREATE EXTENSION IF NOT EXISTS {name} SCHEMA \"Odd \"\"schema\""));
    let version = session.sql(&format!("SELECT extversion FROM pg_extension WHERE extname = '{name}'"));
    let version = version[0][0].clone().unwrap();
    let (major, minor) = version.split_once('.').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

fn the_header_of_every_text_names_the_columns_that_the_server_describes(bin: &Binaries) {
    let db = database(server(bin).info(), "texts");
    db.load_sample();
    assert_eq!(run(pgkit(&db).args(["jobs", "init"])).code, Some(0));
    // As the extension makes them.
    db.sql("DROP SCHEMA IF EXISTS cron CASCADE; CREATE SCHEMA cron;
            CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, schedule text, command text, active bool, jobname text);
            CREATE TABLE cron.job_run_details (jobid bigint, runid bigserial PRIMARY KEY, status text, return_message text)");
    let session = db.session();
    session.sql("CREATE SCHEMA \"Odd \"\"schema\"");
    for (report, text) in texts(bin.major) {
        let text = match &text.extension {
            Some(extension) => text.with_extension("Odd \"schema", installed(&session, &extension.name)),
            None => text,
        };
        let prepared = wait(session.client.prepare_typed(&text.sql, &types(&report)));
        let prepared = prepared.unwrap_or_else(|e| panic!("{} on {}: {e:?}", text.file, bin.major));
        let found: Vec<(String, Type)> =
            prepared.columns().iter().map(|c| (c.name().to_owned(), c.type_().clone())).collect();
        let promised: Vec<(String, Type)> =
            report.columns.iter().map(|c| (c.name.clone(), c.server_type.clone())).collect();
        assert_eq!(found, promised, "{} on {}", text.file, bin.major);
    }
}
on_every_server!(the_header_of_every_text_names_the_columns_that_the_server_describes);

fn every_text_runs_with_null_and_with_a_value_for_every_parameter_and_only_reads(bin: &Binaries) {
    let db = filled::filled(bin);
    assert_eq!(run(pgkit(&db).args(["jobs", "init"])).code, Some(0));
    // As the extension makes them.
    db.sql("DROP SCHEMA IF EXISTS cron CASCADE; CREATE SCHEMA cron;
            CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, schedule text, command text, active bool, jobname text);
            CREATE TABLE cron.job_run_details (jobid bigint, runid bigserial PRIMARY KEY, status text, return_message text)");
    let session = db.session();
    for (report, text) in texts(bin.major) {
        // What needs an extension runs in the tests of what is planted.
        if text.extension.is_some() || (report.name == "extensions" && cannot_list_extensions(&db)) {
            continue;
        }
        // One that is not for this server, such as for a standby.
        let is_true =
            |when: &String| session.sql(&format!("SELECT ({when})::text"))[0][0].as_deref() == Some("true");
        if !text.when.as_ref().is_none_or(is_true) {
            continue;
        }
        let none = nulls(&report);
        let mut calls = vec![none.clone(), values(&report)];
        // And each alone.
        let mut at = 0;
        for param in &report.params {
            let mut one = none.clone();
            for value in a_value(param) {
                one[at] = value;
                at += 1;
            }
            calls.push(one);
        }
        for call in calls {
            session.sql("BEGIN READ ONLY; SET LOCAL search_path = pg_catalog");
            let params: Vec<&(dyn ToSql + Sync)> = call.iter().map(|v| v as _).collect();
            // As pgkit does it: a plan for these very values.
            let prepared = wait(session.client.prepare_typed(&text.sql, &types(&report))).unwrap();
            let answer = wait(session.client.query(&prepared, &params));
            if let Err(e) = answer {
                panic!("{} on {} with {call:?}: {e:?}", text.file, bin.major);
            }
            session.sql("COMMIT");
        }
    }
}
on_every_server!(every_text_runs_with_null_and_with_a_value_for_every_parameter_and_only_reads);

#[test]
fn every_column_of_numbers_says_its_unit_and_every_report_has_an_example() {
    for report in server_reports() {
        assert!(report.summary.ends_with('.'), "{}", report.summary);
        let example = report.example.clone().unwrap_or_else(|| panic!("{} has no example", report.name));
        assert!(example.contains(&format!("pgkit {}", report.name)), "{example}");
        for text in &report.texts {
            assert!(text.needs.is_some(), "{} does not say what it needs", text.file);
            assert!(!text.sql.contains("pg_size_pretty"), "{}: sizes are numbers", text.file);
            assert!(text.sql.contains("ORDER BY"), "{} has no order", text.file);
        }
    }
}

#[test]
fn psql_would_replace_nothing_in_any_text() {
    for report in all_reports() {
        for text in &report.texts {
            // Outside of quotes a colon is half of a cast.
            let mut quote = None;
            let bytes = text.sql.as_bytes();
            let mut at = 0;
            while at < bytes.len() {
                let byte = bytes[at];
                match quote {
                    Some(q) if byte == q => quote = None,
                    Some(_) => {}
                    None if byte == b'\'' || byte == b'"' => quote = Some(byte),
                    None if text.sql[at..].starts_with("--") => {
                        at += text.sql[at..].find('\n').unwrap_or(text.sql.len() - at);
                    }
                    None if text.sql[at..].starts_with("::") => at += 1,
                    // psql leaves a colon alone that no name follows, as in a slice.
                    None if text.sql[at..].starts_with(": ") || text.sql[at..].starts_with(":]") => {}
                    None => assert!(
                        byte != b':',
                        "{}: {}",
                        text.file,
                        &text.sql[at..(at + 20).min(text.sql.len())]
                    ),
                }
                at += 1;
            }
        }
    }
}

fn the_two_ways_to_size_tables_agree_to_the_byte(bin: &Binaries) {
    let db = filled::filled(bin);
    let session = db.session();
    // A checkpoint aside: nothing else writes to this database.
    let report = server_reports().into_iter().find(|r| r.name == "sizes").unwrap();
    let (asked, scanned) = (text_of(&report, "sizes.sql"), text_of(&report, "sizes.scan.sql"));
    for grouped in [false, true] {
        let mut call = plain(&report);
        call[2] = Value::Bool(grouped);
        let (a, b) = (rows(&session, asked, &call), rows(&session, scanned, &call));
        assert!(a.len() > 200, "{}", a.len());
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a, b, "on {}", bin.major);
        }
        assert_eq!(a.len(), b.len());
    }
    // The catalogs are mapped: their files are not named in pg_class.
    let mut call = plain(&report);
    call[1] = Value::TextList(vec![Some("^(pg_.*)$".into())]);
    call[0] = Value::TextList(vec![Some("^(pg_catalog)$".into())]);
    let strip = |rows: Vec<Vec<Option<String>>>| -> Vec<Vec<Option<String>>> {
        // pg_stat and friends may be written to meanwhile by a vacuum; sizes change by whole pages then.
        rows.into_iter().map(|row| row[..3].to_vec()).collect::<Vec<_>>()
    };
    let (a, b) = (rows(&session, asked, &call), rows(&session, scanned, &call));
    assert!(a.len() > 40, "{}", a.len());
    let (mut a, mut b) = (strip(a), strip(b));
    a.sort();
    b.sort();
    assert_eq!(a, b);
}
on_every_server!(the_two_ways_to_size_tables_agree_to_the_byte);

fn an_estimate_after_vacuum_is_the_size_of_the_main_fork(bin: &Binaries) {
    let db = database(server(bin).info(), "estimate");
    db.sql("CREATE TABLE a (id int PRIMARY KEY, body text); INSERT INTO a SELECT g, repeat(md5(g::text), 100) FROM generate_series(1, 2000) g");
    db.sql("CREATE TABLE b (id int); INSERT INTO b SELECT generate_series(1, 50000); CREATE TABLE never (id int)");
    db.sql("VACUUM ANALYZE a");
    db.sql("VACUUM ANALYZE b");
    let session = db.session();
    let report = server_reports().into_iter().find(|r| r.name == "sizes").unwrap();
    let call = plain(&report);
    let column = |rows: &[Vec<Option<String>>], name: &str, at: usize| -> i64 {
        let row = rows.iter().find(|r| r[1].as_deref() == Some(name)).unwrap();
        row[at].as_deref().unwrap_or_else(|| panic!("{row:?}")).parse().unwrap()
    };
    let estimated = rows(&session, text_of(&report, "sizes.estimate.sql"), &call);
    let exact = rows(&session, text_of(&report, "sizes.sql"), &call);
    for table in ["a", "b"] {
        assert_eq!(column(&estimated, table, 5), column(&exact, table, 5), "{table} on {}", bin.major);
        assert_eq!(column(&estimated, table, 7), column(&exact, table, 7), "{table} on {}", bin.major);
        let (guess, total) = (column(&estimated, table, 8), column(&exact, table, 8));
        assert!(guess <= total && guess > total * 8 / 10, "{table}: {guess} of {total}");
        let rows = column(&exact, table, 4);
        assert!((rows - if table == "a" { 2000 } else { 50000 }).abs() < 100, "{rows}");
    }
    for row in &estimated {
        assert_eq!(row[9].as_deref(), Some("estimate"));
    }
}
on_every_server!(an_estimate_after_vacuum_is_the_size_of_the_main_fork);

//! Tests `log report` on the logs of real servers, and compares it with pg_stat_statements and pgBadger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::support::browser::{browser, dom};

/// The names of all sections, in the order of the overview.
const SECTIONS: [&str; 9] = [
    "statements",
    "errors",
    "temporary-files",
    "locks",
    "autovacuum",
    "checkpoints",
    "connections",
    "events",
    "plans",
];

/// Runs `log report` without a server.
fn report(args: &[&str]) -> Output {
    run(Command::new(PGKIT).env_clear().env("TZ", "UTC").args(["log", "report"]).args(args))
}

/// Returns the rows of a report.
fn rows(args: &[&str]) -> Vec<BTreeMap<String, Value>> {
    let output = report(&[args, &["--format", "jsonl"]].concat());
    assert_eq!(output.code, Some(0), "{args:?}\n{}", output.snapshot());
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(row: &BTreeMap<String, Value>, column: &str) -> i64 {
    row[column].as_i64().unwrap_or_else(|| panic!("{column}: {row:?}"))
}

fn text<'a>(row: &'a BTreeMap<String, Value>, column: &str) -> &'a str {
    row[column].as_str().unwrap_or_default()
}

/// Starts a server that logs everything, in all its log formats at once.
fn talkative(bin: &Binaries, more: &[(&str, &str)]) -> (Server, Db) {
    let formats = if bin.major < 15 { "stderr,csvlog" } else { "stderr,csvlog,jsonlog" };
    let mut options = options(bin);
    for (name, value) in [
        ("logging_collector", "on"),
        ("log_destination", formats),
        ("log_filename", "all.log"),
        ("log_line_prefix", "%m [%p] %q%u@%d/%a "),
        ("log_connections", "on"),
        ("log_disconnections", "on"),
        ("log_checkpoints", "on"),
        ("log_lock_waits", "on"),
        ("deadlock_timeout", "100ms"),
        ("log_temp_files", "0"),
        ("work_mem", "64kB"),
        ("log_autovacuum_min_duration", "0"),
        ("autovacuum", "on"),
        ("autovacuum_naptime", "1s"),
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "20ms"),
        ("auto_explain.log_analyze", "on"),
    ]
    .iter()
    .chain(more)
    {
        options = options.conf(name, value);
    }
    server_with(&options)
}

/// Causes at least one entry for each section of the report.
fn misbehave(db: &Db) {
    db.sql("CREATE TABLE t AS SELECT i, repeat('x', 100) AS filler FROM generate_series(1, 20000) i");
    db.sql("SELECT count(*) FROM (SELECT * FROM t ORDER BY filler, i) x");
    let session = db.session();
    for bad in ["SELECT * FROM nope", "SELECT 1/0", "SELECT FROM FROM", "SELECT 'a'::int", "SELECT 'b'::int"]
    {
        assert!(session.try_sql(bad).is_err());
    }
    session.sql("SET statement_timeout = 50");
    assert!(session.try_sql("SELECT pg_sleep(1)").is_err());
    let holder = db.session();
    holder.sql("BEGIN");
    holder.sql("LOCK TABLE t");
    std::thread::scope(|scope| {
        scope.spawn(|| db.sql("UPDATE t SET i = i WHERE i = 1"));
        std::thread::sleep(Duration::from_millis(400));
        holder.sql("COMMIT");
    });
    db.sql("DELETE FROM t WHERE i > 1000");
    db.sql("SELECT pg_sleep(0.03)");
    db.sql("CHECKPOINT");
    eventually("autovacuum comes", || {
        db.value("SELECT vacuum_count + autovacuum_count FROM pg_stat_all_tables WHERE relname = 't'") != "0"
    });
}

/// Returns the log files of a server, one for each format. They are complete once the server has been stopped.
fn files(db: &Db) -> Vec<PathBuf> {
    let folder = db.info.data_dir.join("log");
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn every_section_has_what_happened_and_every_format_says_the_same(bin: &Binaries) {
    let (mut server, db) = talkative(bin, &[("log_min_duration_statement", "0")]);
    misbehave(&db);
    server.stop(pgkit::sandbox::Stop::Fast).unwrap();
    let files = files(&db);
    assert_eq!(files.len(), if bin.major < 15 { 2 } else { 3 });
    for section in SECTIONS {
        let mut first: Option<Vec<BTreeMap<String, Value>>> = None;
        for file in &files {
            let mut found = rows(&[file.to_str().unwrap(), "--section", section]);
            assert!(!found.is_empty(), "{section} of {} on {}", file.display(), bin.major);
            for row in &mut found {
                // The stderr log has no SQLSTATE, because its prefix lacks %e. Before the connection is authorized, its
                // prefix has no role, application and database either.
                row.remove("sqlstate");
                if section == "errors" {
                    row.retain(|column, _| {
                        !matches!(column.as_str(), "users" | "applications" | "databases")
                    });
                }
            }
            found.sort_by_key(|row| format!("{row:?}"));
            match &first {
                None => first = Some(found),
                Some(first) => assert_eq!(&found, first, "{section} of {} on {}", file.display(), bin.major),
            }
        }
    }
    let file = files[0].to_str().unwrap();
    let errors = rows(&[file, "--section", "errors"]);
    let data = errors.iter().find(|row| text(row, "message").starts_with("invalid input syntax")).unwrap();
    assert_eq!(number(data, "count"), 2);
    let locks = rows(&[file, "--section", "locks"]);
    assert!(locks.iter().any(|row| text(row, "statement") == "update t set i = i where i = ?"), "{locks:?}");
    let steps = rows(&[file, "--every", "1s", "--section", "statements"]);
    let calls: i64 = rows(&[file, "--section", "statements"]).iter().map(|row| number(row, "calls")).sum();
    assert_eq!(steps.iter().map(|row| number(row, "count")).sum::<i64>(), calls);
    let overview = rows(&[file]);
    assert_eq!(overview.iter().map(|row| text(row, "section")).collect::<Vec<_>>(), SECTIONS);
    assert_eq!(number(&overview[0], "count"), calls);
}
on_every_server!(every_section_has_what_happened_and_every_format_says_the_same);

/// Statements with the number of times that each of them is sent. pg_stat_statements groups them, too.
const WORKLOAD: &[(&str, u32)] = &[
    ("SELECT i FROM t WHERE i = {n}", 7),
    ("select  I from T where i={n} -- a comment", 2),
    ("SELECT i FROM t WHERE i = -{n}", 1),
    ("SELECT i FROM t WHERE i BETWEEN {n} AND 9", 3),
    ("SELECT '{n}'::text, E'\\n', $$x$$, NULL, TRUE", 4),
    ("SELECT '{n}'::int", 2),
    ("INSERT INTO t (i) VALUES ({n})", 5),
    ("UPDATE t SET filler = 'f{n}' WHERE i = {n}", 4),
    ("DELETE FROM t WHERE i = {n} AND filler IS NULL", 2),
    ("DELETE FROM t WHERE i = {n} AND filler IS NOT NULL", 2),
    ("SELECT count(*) FROM t GROUP BY filler HAVING count(*) > {n} LIMIT {n}", 3),
    ("SELECT a.i FROM t a JOIN t b USING (i) WHERE a.i <> {n} OR b.filler LIKE 'x%'", 2),
    ("SELECT CASE WHEN i > {n} THEN 'a' ELSE 'b' END FROM t", 2),
    ("WITH x AS (SELECT {n} AS y) SELECT y - {n} FROM x", 2),
];

fn statements_are_grouped_as_pg_stat_statements_groups_them(bin: &Binaries) {
    let preload = ("shared_preload_libraries", "pg_stat_statements");
    let (mut server, db) = talkative(bin, &[preload, ("log_min_duration_statement", "0")]);
    db.sql("CREATE EXTENSION pg_stat_statements");
    db.sql("CREATE TABLE t (i int, filler text)");
    db.sql("SELECT pg_stat_statements_reset()");
    let session = db.session();
    for (sql, times) in WORKLOAD {
        for n in 1..=*times {
            session.sql(&sql.replace("{n}", &n.to_string()));
        }
    }
    // The calls of each group are compared, because the two have different names for the groups.
    let mut theirs: Vec<i64> = db
        .sql("SELECT sum(calls)::text FROM pg_stat_statements WHERE query ~* '\\mt\\M|\\mx\\M|::' AND query !~ 'pg_stat' GROUP BY queryid")
        .into_iter()
        .map(|row| row[0].as_ref().unwrap().parse().unwrap())
        .collect();
    drop(session);
    server.stop(pgkit::sandbox::Stop::Fast).unwrap();
    let file = files(&db).into_iter().find(|path| path.extension().is_some_and(|end| end == "csv")).unwrap();
    let mut ours: Vec<i64> = rows(&[file.to_str().unwrap(), "--section", "statements"])
        .iter()
        .filter(|row| {
            let sql = text(row, "example");
            WORKLOAD.iter().any(|(one, _)| sql.starts_with(one.split('{').next().unwrap()))
        })
        .map(|row| number(row, "calls"))
        .collect();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, theirs, "on {}", bin.major);
}
on_every_server!(statements_are_grouped_as_pg_stat_statements_groups_them);

fn text_and_duration_are_put_together_in_every_setting(bin: &Binaries) {
    for (settings, has_durations) in [
        (&[("log_min_duration_statement", "0")][..], true),
        (&[("log_statement", "all"), ("log_duration", "on")], true),
        (&[("log_statement", "all"), ("log_min_duration_statement", "0")], true),
        (&[("log_statement", "all"), ("log_min_duration_statement", "0"), ("log_duration", "on")], true),
        (&[("log_statement", "all")], false),
    ] {
        let (mut server, db) = talkative(bin, settings);
        let session = db.session();
        session.sql("CREATE TABLE t (i int)");
        session.sql("COPY t FROM PROGRAM 'echo 1'");
        session.sql("CREATE TABLE u AS SELECT * FROM t");
        for n in 0..5 {
            session.sql(&format!("SELECT 'simple', {n}"));
            assert!(session.try_sql("SELECT 'wrong', 1/0").is_err());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for n in 0..4_i32 {
                session.client.query("SELECT $1::int AS extended", &[&n]).await.unwrap();
            }
            let prepared = session.client.prepare("SELECT $1::int AS prepared").await.unwrap();
            for n in 0..3_i32 {
                session.client.query(&prepared, &[&n]).await.unwrap();
            }
        });
        drop(session);
        server.stop(pgkit::sandbox::Stop::Fast).unwrap();
        for file in files(&db) {
            let found = rows(&[file.to_str().unwrap(), "--section", "statements"]);
            let calls = |what: &str| {
                let of = found.iter().filter(|row| text(row, "example").contains(what));
                of.map(|row| (number(row, "calls"), number(row, "errors"), row["total_ms"].is_number()))
                    .collect::<Vec<_>>()
            };
            let what = format!("{settings:?} of {} on {}", file.display(), bin.major);
            assert_eq!(calls("'simple'"), [(5, 0, has_durations)], "{what}");
            assert_eq!(calls("'wrong'"), [(0, 5, false)], "{what}");
            assert_eq!(calls("AS extended"), [(4, 0, has_durations)], "{what}");
            assert_eq!(calls("AS prepared"), [(3, 0, has_durations)], "{what}");
            assert_eq!(calls("CREATE TABLE u AS"), [(1, 0, has_durations)], "{what}");
            assert_eq!(calls("COPY t FROM"), [(1, 0, has_durations)], "{what}");
        }
    }
}
on_every_server!(text_and_duration_are_put_together_in_every_setting);

/// Returns the JSON report of pgBadger on a log; `None` if pgBadger is not installed.
fn pgbadger(file: &Path, format: &str) -> Option<Value> {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let out = folder.join("out.json");
    let mut command = Command::new("pgbadger");
    command.args([
        "--quiet",
        "--jobs",
        "1",
        "--format",
        format,
        "--prefix",
        "%m [%p] %q%u@%d/%a ",
        "--extension",
        "json",
    ]);
    let done = match command.arg("--pid-dir").arg(folder).arg("--outfile").arg(&out).arg(file).output() {
        Ok(output) => output,
        Err(_) => {
            say(format_args!("not run: no pgbadger (apt install pgbadger)"));
            return None;
        }
    };
    assert!(done.status.success(), "{done:?}");
    Some(serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap())
}

#[test]
fn pgbadger_finds_the_same() {
    let bin = bin();
    // pgBadger counts plans of auto_explain as further queries, so they are not logged.
    let no_plans = ("auto_explain.log_min_duration", "-1");
    let (mut server, db) = talkative(bin, &[no_plans, ("log_min_duration_statement", "0")]);
    misbehave(&db);
    let session = db.session();
    session.sql("CREATE TABLE u (i int, v text)");
    for n in 0..200 {
        session.sql(&format!("INSERT INTO u VALUES ({n}, 'x{n}')"));
        session.sql(&format!("SELECT count(*) FROM u WHERE i < {n} AND v LIKE '{n}%'"));
        session.sql(&format!("UPDATE u SET v = 'y' WHERE i = {n}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for n in 0..100_i32 {
            session.client.query("SELECT v FROM u WHERE i = $1", &[&n]).await.unwrap();
        }
    });
    drop(session);
    server.stop(pgkit::sandbox::Stop::Fast).unwrap();
    let log = files(&db).into_iter().find(|path| path.extension().is_some_and(|end| end == "log")).unwrap();
    let log = String::from_utf8(std::fs::read(log).unwrap()).unwrap();
    // Processes that had not ended yet when the server was stopped. pgBadger does not count them in all formats.
    let stopped = "due to administrator command";
    for (ending, format) in [("csv", "csv"), ("log", "stderr")] {
        let file =
            files(&db).into_iter().find(|path| path.extension().is_some_and(|end| end == ending)).unwrap();
        let Some(theirs) = pgbadger(&file, format) else { return };
        let ours = rows(&[file.to_str().unwrap(), "--section", "statements"]);
        let sum = |column: &str| ours.iter().filter_map(|row| row[column].as_f64()).sum::<f64>();
        let number = |pointer: &str| {
            theirs.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer}"))
        };
        // pgBadger counts each database separately. Only this one is compared: the others were used to start the
        // server.
        let database = "/overall_stat/postgres";
        assert_eq!(sum("calls"), number(&format!("{database}/histogram/query_total")), "{format}");
        let is_near = |a: f64, b: f64| (a - b).abs() < 0.01;
        assert!(
            is_near(sum("total_ms"), number(&format!("{database}/queries_duration/execute"))),
            "{format}"
        );
        let prepare = ["prepare", "bind"].map(|step| number(&format!("{database}/queries_duration/{step}")));
        assert!(is_near(sum("prepare_ms"), prepare.iter().sum()), "{format}");
        // The number of calls and the total duration of the ten heaviest statements are the same.
        let mut top: Vec<(i64, f64)> = theirs["normalyzed_info"]["postgres"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(|one| {
                let value = |key: &str| one[key].as_f64().or_else(|| one[key].as_str()?.parse().ok());
                Some((value("count")? as i64, value("duration")?))
            })
            .collect();
        top.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (row, (count, duration)) in ours.iter().zip(&top).take(10) {
            assert_eq!(row["calls"].as_i64(), Some(*count), "{format} {row:?}");
            assert!(is_near(row["total_ms"].as_f64().unwrap(), *duration), "{format} {row:?}");
        }
        // pgBadger counts some messages of the severity LOG as errors, too. In its texts, data is replaced by three dots.
        let errors =
            theirs["error_info"].as_object().unwrap().values().flat_map(|of| of.as_object().unwrap());
        let is_error = |text: &str| {
            let message = text.trim_start_matches("ERROR:  ").split("...").next().unwrap();
            let is_logged = |severity: &str| log.contains(&format!(" {severity}:  {message}"));
            ["ERROR", "FATAL", "PANIC", "WARNING"].into_iter().any(is_logged) && !message.contains(stopped)
        };
        let found: f64 = errors
            .filter(|(text, _)| is_error(text))
            .map(|(_, one)| one["count"].as_f64().or_else(|| one["count"].as_str()?.parse().ok()).unwrap())
            .sum();
        let errors = rows(&[file.to_str().unwrap(), "--section", "errors"]);
        let ours = errors.iter().filter(|row| !text(row, "message").contains(stopped));
        let ours: f64 = ours.filter_map(|row| row["count"].as_f64()).sum();
        assert_eq!(ours, found, "{format}: {errors:#?}\n{:#}", theirs["error_info"]);
        let files = rows(&[file.to_str().unwrap(), "--section", "temporary-files"]);
        let theirs = theirs["tempfile_info"]["postgres"]["size"].as_f64();
        assert_eq!(
            Some(files.iter().filter_map(|row| row["total_bytes"].as_f64()).sum::<f64>()),
            theirs,
            "{format}"
        );
    }
}

/// Returns a line of a log with the prefix `%m [%p] %u@%d `.
fn line(second: u32, pid: u32, rest: &str) -> String {
    format!("2026-11-24 06:{:02}:{:02}.000 UTC [{pid}] app@shop {rest}\n", second / 60, second % 60)
}

/// Writes a file and returns its path.
fn written(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_cannot_be_read_is_counted_with_its_lines_and_more_than_a_percent_is_a_bad_answer() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let csv = |second: u32| {
        format!(
            "2026-11-24 06:00:{second:02}.000 UTC,\"app\",\"shop\",7,\"::1:5\",65640a2d.7,1,\"SELECT\",2026-11-24 06:00:00 UTC,3/4,0,LOG,00000,\
             \"duration: 1.000 ms  statement: SELECT {second}\",,,,,,,,,\"psql\",\"client backend\",,0\n"
        )
    };
    let good: String = (0..60).map(csv).collect();
    let damaged = format!("{}garbage\n{}", csv(0), good.repeat(3));
    let path = written(folder, "few.csv", &damaged);
    let output = report(&[&path, "--columns", "section,count", "--limit", "1"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), "statements\t181\n"),
        "{}",
        output.snapshot()
    );
    assert!(output.stderr.contains("1 of 182 lines could not be read: line 2\n"), "{}", output.stderr);
    let path = written(folder, "many.csv", format!("{}garbage\nmore\nof\nit\n{good}", csv(0)));
    let output = report(&[&path, "--columns", "count", "--limit", "1"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), "61\n"), "{}", output.snapshot());
    assert!(output.stderr.contains("4 of 65 lines could not be read: line 2, 3, 4 …\n"), "{}", output.stderr);
    assert!(output.stderr.contains("more than 1 %"), "{}", output.stderr);
}

#[test]
fn a_few_lines_of_others_keep_no_log_from_being_read() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let statement = |n: u32| line(n, 7, &format!("LOG:  duration: 1.000 ms  statement: SELECT {n}"));
    let all: String = (1..100).map(statement).collect();
    let own = "2026-11-24 06:00:05.000 UTC [9] LOG:  checkpoint starting: time\n";
    let blank = all.lines().nth(50).unwrap().replace("[7] app@shop", "[8] app user@my shop");
    let count = |name: &str, text: String| {
        let output = report(&[&written(folder.path(), name, text), "--columns", "section,count"]);
        let calls =
            output.stdout.lines().find_map(|line| line.strip_prefix("statements\t")).map(str::to_owned);
        let other = output.stderr.contains("with another log_line_prefix than the guessed one");
        (output.code, calls.unwrap_or_default(), other)
    };
    for (name, text, calls) in [
        ("start.log", format!("waiting for server to start....{own}{all}"), "99"),
        ("cut.log", format!("TC [7] app@shop LOG:  statement: SELECT 1\n{all}"), "99"),
        ("bare.log", all.clone() + "LOG:  something else\n" + &statement(100), "100"),
        ("blank.log", format!("{all}{blank}\n"), "100"),
        ("session.log", format!("{all}{own}"), "99"),
    ] {
        // One line in a hundred is not read, which is no more than one percent.
        assert_eq!(count(name, text), (Some(0), calls.to_owned(), false), "{name}");
    }
    // Lines that are entries, but with another prefix, may be anything.
    let before = "2026-11-24 05:59:00.000 UTC - 7 - LOG:  duration: 1.000 ms  statement: SELECT 0\n";
    assert_eq!(count("changed.log", before.to_owned() + &all), (Some(1), "99".to_owned(), true));
    // The same file, named twice, is read once.
    let path = written(folder.path(), "twice.log", &all);
    let link = folder.path().join("link.log");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let output = report(&[&path, link.to_str().unwrap(), &path, "--columns", "count", "--limit", "1"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "99\n"), "{}", output.snapshot());
    // A session that begins is counted for its application.
    let begins = |app: &str| {
        format!(
            "2026-11-24 06:00:00.000 UTC [8]: [1-1] user=app,db=shop,app=[unknown],client=[local] LOG:  connection authorized: user=app database=shop application_name={app}\n\
             2026-11-24 06:00:01.000 UTC [8]: [2-1] user=app,db=shop,app={app},client=[local] LOG:  statement: SELECT 1\n"
        )
    };
    let path = written(folder.path(), "begins.log", begins("web"));
    let output = report(&[&path, "--app", "web", "--section", "connections", "--columns", "connections"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "1\n"), "{}", output.snapshot());
}

#[test]
fn one_bad_file_among_many_is_named_and_the_others_are_added_up() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let good =
        written(folder, "good.log", line(1, 7, "LOG:  duration: 1.000 ms  statement: SELECT 1").repeat(5));
    let binary = written(folder, "binary", [1_u8; 3000]);
    let pooler = written(
        folder,
        "pooler.log",
        "2026-11-24 06:24:50.123 UTC [1] LOG kernel file descriptor limit: 1024 (hard: 4096)\n\
         2026-11-24 06:24:50.124 UTC [1] LOG C-0x55d0: shop/app@127.0.0.1:5000 login attempt: db=shop user=app tls=no\n",
    );
    let missing = folder.join("missing.log").to_str().unwrap().to_owned();
    let output = report(&[&binary, &good, &missing, &pooler, "--columns", "count", "--limit", "1"]);
    assert_eq!(output.stdout, "5\n", "{}", output.snapshot());
    assert_ne!(output.code, Some(0));
    for word in ["binary data", "missing.log", "a PgBouncer log"] {
        assert!(output.stderr.contains(word), "{word}: {}", output.stderr);
    }
    for (path, word) in [(&binary, "binary data"), (&pooler, "a PgBouncer log")] {
        let output = report(&[path]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(65), ""), "{}", output.snapshot());
        assert!(output.stderr.contains(word), "{}", output.stderr);
    }
    // A prefix that does not match the log is an error, too.
    let output = report(&[&good, "--line-prefix", "%t %r "]);
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
}

#[test]
fn rotated_files_are_read_in_the_order_of_their_times() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let first = written(folder, "z.log.1", line(1, 7, "LOG:  statement: SELECT 1"));
    let second = written(folder, "a.log", line(2, 7, "LOG:  duration: 5.000 ms"));
    let found = rows(&[&second, &first, "--section", "statements"]);
    assert_eq!((number(&found[0], "calls"), found[0]["total_ms"].as_f64()), (1, Some(5.0)));
}

#[test]
fn a_report_is_limited_to_a_time_and_to_a_pattern() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let log: String = (0..600)
        .map(|n| {
            line(
                n,
                7,
                &format!(
                    "LOG:  duration: 1.000 ms  statement: SELECT {n} FROM {}",
                    ["a", "b"][n as usize % 2]
                ),
            )
        })
        .collect();
    let path = written(folder, "a.log", log);
    let calls = |args: &[&str]| -> i64 {
        let all = [&[path.as_str(), "--section", "statements"], args].concat();
        rows(&all).iter().map(|row| number(row, "calls")).sum()
    };
    assert_eq!(calls(&[]), 600);
    assert_eq!(calls(&["--from", "2026-11-24 06:05:00", "--to", "2026-11-24 06:05:59"]), 60);
    assert_eq!(calls(&["--since", "2026-11-24 06:09:00Z"]), 60);
    assert_eq!(calls(&["--grep", "FROM a"]), 300);
    assert_eq!(calls(&["--user", "app", "--database", "shop"]), 600);
    assert_eq!(calls(&["--user", "nobody"]), 0);
    assert_eq!(report(&[&path, "--app", "x"]).code, Some(65), "the prefix has no application name");
    let steps = rows(&[&path, "--every", "5m"]);
    assert_eq!(steps.iter().map(|row| number(row, "count")).collect::<Vec<_>>(), [300, 300]);
    assert_eq!(text(&steps[1], "time"), "2026-11-24T06:05:00Z");
    assert_eq!(report(&[&path, "--every", "0"]).code, Some(64));
}

#[test]
fn a_packed_log_and_a_pipe_are_added_up_too_and_what_is_cut_off_is_told() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let log: String =
        (0..500).map(|n| line(n, 7, &format!("LOG:  duration: 1.000 ms  statement: SELECT {n}"))).collect();
    let plain = written(folder, "a.log", &log);
    let pack = |program: &str, ending: &str| {
        let output = Command::new(program).args(["-c", &plain]).output().ok()?;
        assert!(output.status.success(), "{output:?}");
        Some(written(folder, &format!("a.log.{ending}"), output.stdout))
    };
    let gzip = pack("gzip", "gz").unwrap();
    // The zstd program is not installed on every machine.
    for path in [Some(gzip.clone()), pack("zstd", "zst")].into_iter().flatten() {
        assert_eq!(number(&rows(&[&path])[0], "count"), 500, "{path}");
    }
    let mut piped = Command::new(PGKIT);
    piped.env_clear().env("TZ", "UTC").args(["log", "report", "-", "--columns", "count", "--limit", "1"]);
    let output = run(piped.stdin(std::fs::File::open(&plain).unwrap()));
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "500\n"), "{}", output.snapshot());
    // A compressed file that is cut off is added up to that point, and the exit code shows the error.
    let whole = std::fs::read(&gzip).unwrap();
    let cut = written(folder, "cut.log.gz", &whole[..whole.len() - 20]);
    let output = report(&[&plain, &cut, "--columns", "count", "--limit", "1"]);
    assert_eq!(output.code, Some(74), "{}", output.snapshot());
    assert!(output.stderr.contains("cut.log.gz"), "{}", output.stderr);
    assert!(output.stdout.trim().parse::<u64>().unwrap() >= 500, "{}", output.stdout);
}

#[test]
fn the_page_is_one_file_that_has_what_the_log_says_and_runs_nothing() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let log: String = (0..90)
        .map(|n| {
            line(
                n,
                7,
                &format!("LOG:  duration: {n}.000 ms  statement: SELECT '<script>alert({n})</script>'"),
            )
        })
        .collect();
    let path =
        written(folder, "a.log", log + &line(99, 7, "ERROR:  relation \"<img src=x>\" does not exist"));
    let file = folder.join("page.html");
    let output = report(&[&path, "--html", file.to_str().unwrap()]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""), "{}", output.snapshot());
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(
        page.contains("id=\"statements\"") && page.contains("id=\"errors\"") && page.contains("<svg"),
        "{page}"
    );
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert!(
        page.contains("Content-Security-Policy") && !page.contains("http://") && !page.contains("https://")
    );
    if let Some(browser) = browser() {
        let shown = dom(&browser, &file);
        for part in ["<table", "<rect", "relation \"&lt;img src=x&gt;\" does not exist"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("<script") && !shown.contains("<img"), "{shown}");
    }
    let output = report(&[&path, "--html", "/nonexistent/page.html"]);
    assert_eq!(output.code, Some(74), "{}", output.snapshot());
    assert_eq!(report(&[&path, "--html", "x.html", "--section", "errors"]).code, Some(64));
}

#[test]
fn files_that_cover_the_same_time_are_named() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let log: String = (0..10).map(|n| line(n, 7, "LOG:  duration: 1.000 ms  statement: SELECT 1")).collect();
    let paths = ["a.log", "b.log", "c.log"].map(|name| written(folder, name, &log));
    let output = report(&[&paths[0], &paths[1], &paths[2], "--limit", "1"]);
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert!(output.stderr.contains("cover the same time, as do 2 other pairs"), "{}", output.stderr);
    let later = written(folder, "d.log", line(20, 7, "LOG:  duration: 1.000 ms  statement: SELECT 1"));
    assert_eq!(report(&[&paths[0], &later, "--limit", "1"]).stderr, "");
}

#[test]
fn what_is_there_is_only_replaced_by_a_page_if_it_is_a_page() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let log = line(1, 7, "LOG:  duration: 1.000 ms  statement: SELECT 1");
    let (one, two) = (written(folder, "1.log", &log), written(folder, "2.log", &log));
    // The name of the page was left out before a list of logs.
    for args in [&["--html", &one, &two][..], &[&one, "--html", &one]] {
        let output = report(args);
        assert_eq!(output.code, Some(64), "{}", output.snapshot());
        assert!(output.stderr.contains("exists and is not an HTML page"), "{}", output.stderr);
        assert_eq!(std::fs::read_to_string(&one).unwrap(), log);
    }
    let page = written(folder, "page.html", "");
    for _ in 0..2 {
        assert_eq!(report(&[&one, "--html", &page]).code, Some(0));
    }
}

#[test]
fn a_first_line_with_many_commas_is_no_csvlog() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let columns: Vec<String> = (0..30).map(|n| format!("c{n}")).collect();
    let log: String = (0..9)
        .map(|n| line(n, 7, &format!("LOG:  duration: 1.000 ms  statement: SELECT {}", columns.join(","))))
        .collect();
    let path = written(folder.path(), "a.log", log);
    assert_eq!(number(&rows(&[&path])[0], "count"), 9);
}

#[test]
fn a_prefix_that_would_give_wrong_names_is_refused() {
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let folder = folder.path();
    let path = written(folder, "a.log", line(1, 7, "LOG:  duration: 1.000 ms  statement: SELECT 1"));
    let output = report(&[&path, "--line-prefix", "%t %u "]);
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert!(output.stderr.contains("the user would be \"[7] app@shop\""), "{}", output.stderr);
    // What is around the application name, or behind it, belongs to the prefix.
    for (who, application) in [
        ("[web]", Some("web")),
        ("web 10.0.0.1", Some("web")),
        ("[queryid=497]", None),
        ("web,client=[local]", None),
        ("web|", None),
    ] {
        let log: String = (0..9)
            .map(|n| {
                format!(
                    "2026-11-24 06:00:0{n}.000 UTC [{}] app@shop {who} LOG:  statement: SELECT 1\n",
                    7 + n % 3
                )
            })
            .collect();
        let path = written(folder, "b.log", log);
        let output = report(&[&path, "--section", "statements", "--columns", "applications"]);
        match application {
            Some(name) => assert_eq!(output.stdout, format!("{name}\n"), "{who}: {}", output.snapshot()),
            None => assert_eq!(output.code, Some(65), "{who}: {}", output.snapshot()),
        }
    }
    for command in ["report", "tail"] {
        let output = run(Command::new(PGKIT).env_clear().args(["log", command, &path, "-h", "db1"]));
        assert_eq!(output.code, Some(64), "{}", output.snapshot());
        assert!(
            output.stderr.contains("FILE cannot be used with flags that lead to a server"),
            "{}",
            output.stderr
        );
    }
}

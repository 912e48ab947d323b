//! What has changed between two answers, and what is not said because it could be wrong.

use super::*;

/// The rows of a tsv without a header, by the first of these columns.
fn row<'a>(output: &'a Output, name: &str) -> Vec<&'a str> {
    let found = output.stdout.lines().find(|line| line.split('\t').next() == Some(name));
    found.unwrap_or_else(|| panic!("{name}: {}", output.snapshot())).split('\t').collect()
}

fn the_difference_of_two_answers_is_what_was_changed(bin: &Binaries) {
    let place = Place::empty(bin);
    place.db.sql(
        "CREATE TABLE grows (x int); CREATE TABLE stays (x int); CREATE TABLE goes (x int);
         CREATE TABLE fam (d int) PARTITION BY RANGE (d); CREATE TABLE fam_1 PARTITION OF fam FOR VALUES FROM (0) TO (9)",
    );
    place.take("then.snap", &["-q"]);
    let saved = place.pgkit(&["sizes", "--json"]);
    std::fs::write(place.path("then.json"), &saved.stdout).unwrap();
    let lines = place.pgkit(&["sizes", "--format", "jsonl"]);
    std::fs::write(place.path("then.jsonl"), &lines.stdout).unwrap();
    for against in ["then.snap", "then.json", "then.jsonl"] {
        let same = place.pgkit(&["sizes", "--against", against, "--fail-on-change"]);
        assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""), "{}", same.snapshot());
    }
    place.db.sql(
        "INSERT INTO grows SELECT generate_series(1, 10000); INSERT INTO fam VALUES (1); DROP TABLE goes;
         CREATE TABLE comes AS SELECT generate_series(1, 100000)",
    );
    let columns = ["--columns", "name,status,total,was_total,change_total"];
    for against in ["then.snap", "then.json", "then.jsonl"] {
        let flags = ["sizes", "--against", against, "--sort", "change:desc"];
        let found = place.pgkit(&[&flags[..], &columns].concat());
        assert_eq!(found.code, Some(0), "{}", found.snapshot());
        let names: Vec<&str> = found.lines().iter().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(names, ["comes", "grows", "fam_1", "goes"], "{}", found.snapshot());
        for name in ["comes", "grows"] {
            let row = row(&found, name);
            let number = |at: usize| row[at].parse::<i64>().unwrap_or_default();
            assert!(number(2) - number(3) == number(4) && number(4) > 300_000, "{row:?}");
        }
        assert_eq!(row(&found, "goes")[1..], ["gone", "", "0", "0"]);
        assert_eq!(row(&found, "comes")[1], "new");
        let changed = place.pgkit(&["sizes", "--against", against, "--fail-on-change", "--limit", "0"]);
        assert_eq!((changed.code, changed.stdout.as_str()), (Some(1), ""), "{}", changed.snapshot());
    }
    let families =
        place.pgkit(&[&["sizes", "--group-partitions", "--against", "then.snap"], &columns[..]].concat());
    assert_eq!(row(&families, "fam")[1], "changed", "{}", families.snapshot());
    // The same out of two snapshots.
    place.take("now.snap", &["-q"]);
    let live = place.pgkit(&["relations", "--against", "then.snap"]);
    let from = place.offline(&["relations", "--from", "now.snap", "--against", "then.snap"]);
    assert_eq!((from.code, &from.stdout), (Some(0), &live.stdout), "{}", from.snapshot());
    assert_eq!(live.lines().len(), 2, "{}", live.snapshot());
    for format in formats().iter().filter(|format| !["tree", "sections"].contains(&format.as_str())) {
        let shown =
            place.offline(&["sizes", "--from", "now.snap", "--against", "then.snap", "--format", format]);
        assert!(shown.code == Some(0) && shown.stdout.contains("comes"), "{format}: {}", shown.snapshot());
    }
    let people =
        place.offline(&["sizes", "--from", "now.snap", "--against", "then.snap", "--format", "vertical"]);
    assert!(people.stdout.contains("| +"), "{}", people.snapshot());
}
on_every_server!(the_difference_of_two_answers_is_what_was_changed);

/// Waits until the server's statistics count this many inserted rows.
fn counted(place: &Place, rows: u32) {
    eventually("the rows are counted", || {
        place.db.value("SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_user_tables") == rows.to_string()
    });
}

fn counters_have_rates_unless_statistics_were_reset(bin: &Binaries) {
    let place = Place::empty(bin);
    place.db.sql("CREATE TABLE t (x int)");
    place.db.sql("INSERT INTO t SELECT generate_series(1, 100)");
    counted(&place, 100);
    place.take("then.snap", &["-q", "tables"]);
    place.db.sql("INSERT INTO t SELECT generate_series(1, 50)");
    counted(&place, 150);
    let columns = ["--columns", "name,inserted,was_inserted,change_inserted,rate_inserted"];
    let found = place.pgkit(&[&["tables", "--against", "then.snap"], &columns[..]].concat());
    let cells = row(&found, "t");
    assert_eq!(cells[1..4], ["150", "100", "50"], "{}", found.snapshot());
    assert!(cells[4].parse::<f64>().unwrap() > 0.0, "{cells:?}");
    // Of an answer in JSON nobody knows whence and when it is.
    let saved = place.pgkit(&["tables", "--json"]).stdout.replace("\"inserted\":150", "\"inserted\":7");
    std::fs::write(place.path("then.json"), saved).unwrap();
    let json = place.pgkit(&[&["tables", "--against", "then.json"], &columns[..]].concat());
    assert_eq!(row(&json, "t")[1..], ["150", "7", "", ""], "{}", json.snapshot());
    assert!(json.stderr.contains("an answer in JSON does not say"), "{}", json.snapshot());
    // After a reset they soon are above the old values again.
    place.db.sql("SELECT pg_stat_reset()");
    counted(&place, 0);
    place.db.sql("INSERT INTO t SELECT generate_series(1, 120)");
    counted(&place, 120);
    let reset = place.pgkit(&[&["tables", "--against", "then.snap"], &columns[..]].concat());
    assert_eq!(row(&reset, "t")[1..], ["120", "100", "", ""], "{}", reset.snapshot());
    assert!(reset.stderr.contains("were reset in between"), "{}", reset.snapshot());
}
on_every_server!(counters_have_rates_unless_statistics_were_reset);

#[test]
fn another_server_is_compared_without_its_counters() {
    let (one, other) = (Place::new(bin()), Place::new(bin()));
    one.db.sql("ALTER SYSTEM SET work_mem = '7MB'");
    one.db.sql("SELECT pg_reload_conf()");
    eventually("it is set", || one.db.value("SHOW work_mem") == "7MB");
    one.take("one.snap", &["-q", "settings", "databases"]);
    let path = one.path("one.snap");
    let path = path.to_str().unwrap();
    let drift = other.pgkit(&["settings", "--against", path, "--columns", "name,status,value,was_value"]);
    assert_eq!(row(&drift, "work_mem")[1..], ["gone", "", "7168"], "{}", drift.snapshot());
    let databases =
        other.pgkit(&["databases", "--against", path, "--columns", "database,commits,change_commits"]);
    assert_eq!(row(&databases, &other.db.name)[2], "", "{}", databases.snapshot());
    assert!(databases.stderr.contains("of different servers"), "{}", databases.snapshot());
}

#[test]
fn two_looks_some_time_apart_show_what_happened_meanwhile() {
    // Servers before version 14 do not count sessions.
    if bin().major < 14 {
        return;
    }
    let place = Place::empty(bin());
    place.db.sql("CREATE TABLE t (x int)");
    let postgres = Db::existing(&place.db.info, "postgres");
    // How many sessions the database has had, and how many it has.
    let sessions = || {
        let name = &place.db.name;
        let sql = format!("SELECT sessions, numbackends FROM pg_stat_database WHERE datname = '{name}'");
        postgres.sql(&sql)[0].iter().map(|value| value.clone().unwrap()).collect::<Vec<_>>()
    };
    eventually("the session that created the table has ended", || sessions() == ["1", "0"]);
    let mut command = pgkit(&place.db);
    command.args(["sizes", "--against", "5s", "--columns", "name,status,change_total"]);
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    eventually("the session of the first look has ended", || sessions() == ["2", "0"]);
    place.db.sql("INSERT INTO t SELECT generate_series(1, 10000)");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("t\tchanged\t"), "{text}");
    let flags = place.pgkit(&["sizes", "t", "--against", "1ms", "--all-databases", "--fail-on-change"]);
    assert_eq!(flags.code, Some(0), "{}", flags.snapshot());
}

#[test]
fn databases_that_were_not_looked_at_are_neither_new_nor_gone() {
    let place = Place::new(bin());
    for sql in ["CREATE DATABASE goes", "CREATE DATABASE hidden", "CREATE DATABASE excluded"] {
        place.db.sql(sql);
    }
    for name in ["goes", "hidden", "excluded"] {
        Db::existing(&place.db.info, name).sql("CREATE TABLE kept (x int)");
    }
    place.take("then.snap", &["-q", "relations", "--exclude-database", "excluded"]);
    place.db.sql("DROP DATABASE goes");
    place.db.sql("CREATE DATABASE comes");
    Db::existing(&place.db.info, "comes").sql("CREATE TABLE kept (x int)");
    place.db.sql("ALTER DATABASE hidden ALLOW_CONNECTIONS false");
    let output = place.pgkit(&[
        "relations",
        "--all-databases",
        "--against",
        "then.snap",
        "--columns",
        "database,status",
    ]);
    let mut rows: Vec<&str> = output.lines();
    rows.sort_unstable();
    assert_eq!(rows, ["comes\tnew", "goes\tgone"], "{}", output.snapshot());
    let excluded = place.pgkit(&[
        "relations",
        "--all-databases",
        "--against",
        "then.snap",
        "--exclude-database",
        "comes",
        "--columns",
        "database,status",
    ]);
    assert_eq!(excluded.lines(), ["goes\tgone"], "{}", excluded.snapshot());
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let place = Place::new(bin());
    let report = |header: &str, sql: &str| place.write_report("own", header, sql);
    let own = |args: &[&str]| place.own(args);
    let key = "key = [\"a\"]\ncolumns = [\"a int4\", \"b text\"]";
    report(key, "SELECT 1 AS a, 'x'::text AS b");
    assert_eq!(own(&["snapshot", "own", "-o", "own.snap"]).code, Some(0));
    report(key, "SELECT x AS a, 'x'::text AS b FROM generate_series(1, 2) x UNION ALL SELECT 2, 'y'");
    let twice = own(&["run", "own", "--against", "own.snap"]);
    assert_eq!(twice.code, Some(65), "{}", twice.snapshot());
    assert!(twice.stderr.contains("two rows with the key 2"), "{}", twice.snapshot());
    report("columns = [\"a int4\", \"b text\"]", "SELECT 1 AS a, 'x'::text AS b");
    let keyless = own(&["run", "own", "--against", "own.snap"]);
    assert!(keyless.code == Some(65) && keyless.stderr.contains("it has no key"), "{}", keyless.snapshot());
    // A column that is new, and one that has another type, are said and not compared.
    report(
        "key = [\"a\"]\ncolumns = [\"a int8\", \"b bool\", \"c text\"]",
        "SELECT 1::int8 AS a, true AS b, 'new'::text AS c",
    );
    let changed = own(&["run", "own", "--against", "own.snap", "--fail-on-change"]);
    assert_eq!((changed.code, changed.stdout.as_str()), (Some(0), ""), "{}", changed.snapshot());
    assert!(changed.stderr.contains("are not compared: b, c"), "{}", changed.snapshot());
    let cases: &[(&[&str], i32, &str)] = &[
        (&["relations", "--against", "x.snap"], 64, "there is no file \"x.snap\""),
        (&["relations", "--against", "own.snap"], 65, "the snapshot has no answer of relations"),
        (&["run", "own", "--fail-on-change"], 64, "--against"),
        (&["run", "own", "--against", "own.sql"], 65, "is not a snapshot of pgkit"),
    ];
    Place::refuses(cases, own);
    std::fs::write(place.path("difference.json"), "[{\"status\":\"new\",\"schema\":\"a\",\"name\":\"b\"}]")
        .unwrap();
    let difference = own(&["relations", "--against", "difference.json"]);
    assert!(
        difference.code == Some(65) && difference.stderr.contains("itself a difference"),
        "{}",
        difference.snapshot()
    );
    std::fs::write(place.path("other.json"), "[{\"x\":1}]").unwrap();
    let other = own(&["relations", "--against", "other.json"]);
    assert!(
        other.code == Some(65) && other.stderr.contains("none of the report's columns"),
        "{}",
        other.snapshot()
    );
}

#[test]
fn what_is_hashed_or_was_seen_by_another_role_is_not_taken_for_a_change() {
    let place = Place::new(bin());
    place.db.sql("CREATE ROLE weak LOGIN");
    let other = place.db.session();
    other.sql("SET application_name = 'webapp'");
    other.sql("SELECT 1");
    let taken = ["activity", "connections", "roles"];
    place.take("open.snap", &[&["-q"], &taken[..]].concat());
    place.take("veiled.snap", &[&["-q", "--redact"], &taken[..]].concat());
    for (later, earlier) in [("open", "veiled"), ("veiled", "open"), ("veiled", "veiled")] {
        let (later, earlier) = (format!("{later}.snap"), format!("{earlier}.snap"));
        let roles = place.offline(&["roles", "--from", &later, "--against", &earlier, "--fail-on-change"]);
        assert_eq!(roles.code, Some(0), "{}", roles.snapshot());
        let connections = place.offline(&["connections", "--from", &later, "--against", &earlier]);
        assert_eq!(connections.code, Some(65), "{}", connections.snapshot());
        assert!(connections.stderr.contains("is hashed"), "{}", connections.snapshot());
        let activity = place.offline(&["activity", "--from", &later, "--against", &earlier]);
        assert!(activity.stderr.contains("statement (hashed)"), "{}", activity.snapshot());
    }
    let weak = place.pgkit(&["activity", "-U", "weak", "--against", "open.snap"]);
    assert!(weak.stderr.contains("and weak now: one may see"), "{}", weak.snapshot());
    place.take("weak.snap", &["-q", "-U", "weak", "activity"]);
    let strong = place.pgkit(&["activity", "--against", "weak.snap"]);
    assert!(strong.stderr.contains("not shown then: other roles' sessions"), "{}", strong.snapshot());
    for (flags, against, word) in [
        (&["--all-databases"][..], "one.json", "the answer is of one database"),
        (&[], "all.json", "the answer is of all databases"),
    ] {
        let of_all: &[&str] = if against == "all.json" { &["--all-databases"] } else { &[] };
        let saved = place.pgkit(&[&["relations", "--json"], of_all].concat());
        std::fs::write(place.path(against), saved.stdout).unwrap();
        let output = place.pgkit(&[&["relations", "--against", against], flags].concat());
        assert!(output.code == Some(65) && output.stderr.contains(word), "{}", output.snapshot());
        let same = place.pgkit(&[&["relations", "--against", against, "--fail-on-change"], of_all].concat());
        assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""), "{}", same.snapshot());
    }
}

#[test]
fn a_size_that_was_not_measured_has_no_change() {
    let place = Place::new(bin());
    place.db.sql("CREATE ROLE weak LOGIN; CREATE TABLE big AS SELECT generate_series(1, 20000) x; GRANT SELECT ON ALL TABLES IN SCHEMA public TO weak");
    let weak = ["-U", "weak"];
    place.take("then.snap", &[&["-q", "sizes"], &weak[..]].concat());
    let holder = place.db.session();
    holder.sql("BEGIN; LOCK big");
    let columns = ["--columns", "name,status,total,change_total"];
    let found = place.pgkit(&[&["sizes", "--against", "then.snap"], &weak[..], &columns[..]].concat());
    assert_eq!(row(&found, "big")[1], "changed", "{}", found.snapshot());
    assert_eq!(row(&found, "big")[3], "", "{}", found.snapshot());
}

#[test]
fn the_earlier_answer_may_come_through_a_pipe() {
    let place = Place::new(bin());
    place.take("then.snap", &["-q", "relations"]);
    let output = place.shell(&format!(
        "{PGKIT} relations --against <(cat then.snap) --fail-on-change && cat then.snap | {PGKIT} relations --against - --fail-on-change"
    ));
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""), "{}", output.snapshot());
}

//! Snapshots of two major versions.

use pgkit::report::Report;

use super::*;

/// What is planted in both, and what is different in the later one.
const BOTH: &str =
    "CREATE TABLE same (x int PRIMARY KEY); CREATE TABLE goes (x int); CREATE VIEW seen AS SELECT 1 AS one;
     CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS 'SELECT 2 * x';
     CREATE TABLE alters (x int, y text); CREATE INDEX alters_x ON alters (x)";
const LATER: &str = "DROP TABLE goes; CREATE TABLE comes (z numeric); ALTER TABLE alters ALTER y SET NOT NULL;
     ALTER TABLE alters ADD w date; CREATE INDEX comes_z ON comes (z); DROP VIEW seen; CREATE MATERIALIZED VIEW seen AS SELECT 1 AS one;
     CREATE FUNCTION thrice(x int) RETURNS int LANGUAGE sql AS 'SELECT 3 * x'; INSERT INTO alters VALUES (1, 'a', NULL)";

#[test]
fn snapshots_of_the_oldest_and_the_newest_major_are_compared() {
    let (Some(old), Some(new)) = (bins().first(), bins().last()) else { return };
    if old.major == new.major {
        say(format_args!("not run: there is only PostgreSQL {}", old.major));
        return;
    }
    let places = [Place::empty(old), Place::empty(new)];
    for place in &places {
        place.db.sql(BOTH);
        place.db.sql("ANALYZE");
    }
    places[1].db.sql(LATER);
    places[1].db.sql("ALTER SYSTEM SET work_mem = '7654kB'");
    places[1].db.sql("SELECT pg_reload_conf()");
    // The databases have one name on both servers.
    for (place, file) in places.iter().zip(["old.snap", "new.snap"]) {
        place.db.sql("CREATE DATABASE common TEMPLATE template0");
        let common = Db::existing(&place.db.info, "common");
        common.sql(BOTH);
        if file == "new.snap" {
            common.sql(LATER);
        }
        let taken = run(pgkit(&common).current_dir(place.folder.path()).args(["snapshot", "-q", "-o", file]));
        assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    }
    std::fs::copy(places[1].path("new.snap"), places[0].path("new.snap")).unwrap();
    let differences = |report: &str, columns: &str| {
        let flags = [report, "--from", "new.snap", "--against", "old.snap", "--columns", columns];
        let output = places[0].offline(&flags);
        assert_eq!(output.code, Some(0), "{report}: {}", output.snapshot());
        output
    };
    let mut expected: Vec<(&str, &str, &[&str])> = vec![
        (
            "relations",
            "status,name,was_kind,kind",
            &["changed\tseen\tview\tmaterialized view", "gone\tgoes\ttable\t", "new\tcomes\t\ttable"],
        ),
        ("functions", "status,name", &["new\tthrice"]),
        (
            "columns",
            "status,relation,column,was_not_null,not_null",
            &[
                "changed\talters\ty\tfalse\ttrue",
                "changed\tseen\tone\tfalse\tfalse",
                "gone\tgoes\tx\tfalse\t",
                "new\talters\tw\t\tfalse",
                "new\tcomes\tz\t\tfalse",
            ],
        ),
    ];
    for (report, columns, lines) in expected.drain(..) {
        let found = differences(report, columns);
        let mut found_lines: Vec<&str> = found.stdout.lines().collect();
        found_lines.sort_unstable();
        assert_eq!(found_lines, lines, "{report}: {}", found.snapshot());
    }
    let settings = differences("settings", "status,name,was_value,value");
    // Where a value comes from is not compared, only what it is.
    let names: Vec<&str> = settings.stdout.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    assert!(names.contains(&"work_mem") && !names.contains(&"fsync"), "{}", settings.snapshot());
    let work_mem = settings.stdout.lines().find(|line| line.contains("\twork_mem\t"));
    assert_eq!(work_mem, Some("new\twork_mem\t\t7654"), "{}", settings.snapshot());
    // Each report can be compared, although the two versions have different columns. Counters of different servers are not
    // compared, and stderr says so.
    let needs_no_word = |report: &&Report| report.params.iter().all(|param| !param.required);
    for report in server_reports().iter().filter(|report| !report.key.is_empty()).filter(needs_no_word) {
        let flags = [report.name.as_str(), "--from", "new.snap", "--against", "old.snap"];
        let found = places[0].offline(&flags);
        let has_answer = found.code == Some(0);
        assert!(
            has_answer || found.stderr.contains("snapshot has no") || found.stderr.contains("no answer of"),
            "{}",
            found.snapshot()
        );
        if has_answer && report.columns.iter().any(|column| column.is_counter) {
            assert!(found.stderr.contains("the changes of counters are not shown: "), "{}", found.snapshot());
            let heads = places[0].offline(&[&flags[..], &["--header", "--limit", "0"]].concat());
            for column in heads.stdout.trim_end().split('\t').filter(|column| column.starts_with("rate_")) {
                let rates = places[0].offline(&[&flags[..], &["--columns", column]].concat());
                assert!(rates.stdout.lines().all(str::is_empty), "{column}: {}", rates.snapshot());
            }
        }
    }
}

#[test]
fn the_rows_of_an_own_report_can_be_read_and_compared_without_its_file() {
    let place = Place::empty(bin());
    place.write_report(
        "mine",
        "scope = \"cluster\"\nkey = [\"name\"]\ncolumns = [\"name text\", \"hits int8\", \"size_bytes int8\"]\nmeasure = \"size_bytes\"",
        "SELECT name, hits, size_bytes FROM public.mine",
    );
    place.db.sql("CREATE TABLE mine (name text, hits int8, size_bytes int8); INSERT INTO mine VALUES ('a', 1, 10), ('b', 2, 20)");
    for file in ["then.snap", "now.snap"] {
        let taken = place.own(&["snapshot", "-q", "-o", file, "mine"]);
        assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
        place.db.sql("UPDATE mine SET size_bytes = 25 WHERE name = 'b'");
    }
    let with_file = place.own_offline(&["run", "mine", "--from", "now.snap", "--sort", "name:desc"]);
    let without = place.offline(&["run", "mine", "--from", "now.snap", "--sort", "name:desc"]);
    assert_eq!((without.code, &without.stdout), (Some(0), &with_file.stdout), "{}", without.snapshot());
    assert_eq!(without.stdout, "b\t2\t25\na\t1\t10\n");
    let flags = [
        "run",
        "mine",
        "--from=now.snap",
        "--against",
        "then.snap",
        "--sort",
        "change",
        "--columns",
        "name,change_size_bytes",
    ];
    let found = place.offline(&flags);
    assert_eq!((found.code, found.stdout.as_str()), (Some(0), "b\t5\n"), "{}", found.snapshot());
    Place::refuses(
        &[
            (&["run", "yours", "--from", "now.snap"], 64, "could not find report \"yours\""),
            (&["run", "mine"], 64, "could not find report \"mine\""),
            (&["run", "mine", "--from", "none.snap"], 74, "could not read none.snap"),
            (&["run", "mine", "--from", "now.snap", "--bogus"], 64, "unexpected argument '--bogus'"),
        ],
        |args| place.offline(args),
    );
}

//! What strangers ran into.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::*;

fn an_operator_of_somebody_elses_never_runs_with_visible(bin: &Binaries) {
    let db = database(server(bin).info(), "hostile");
    db.sql(
            "CREATE SCHEMA evil; CREATE TABLE public.plain (a int);
             CREATE FUNCTION evil.lies(name, name) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''pwned''; END';
             CREATE OPERATOR evil.= (procedure = evil.lies, leftarg = name, rightarg = name);
             CREATE OPERATOR evil.<> (procedure = evil.lies, leftarg = name, rightarg = name);
             CREATE OPERATOR evil.~ (procedure = evil.lies, leftarg = name, rightarg = name);
             CREATE OPERATOR evil.!~ (procedure = evil.lies, leftarg = name, rightarg = name);
             CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false)",
        );
    for command in ["relations", "functions"] {
        for pattern in [&[][..], &["p*"]] {
            let mut hostile = pgkit(&db);
            hostile.env("PGOPTIONS", "-c search_path=evil,pg_catalog,public");
            let output = run(hostile.args([command, "--visible"]).args(pattern));
            assert_eq!(output.code, Some(0), "{command} on {}: {}", bin.major, output.snapshot());
            assert!(
                command == "functions" || output.stdout.contains("\tplain\ttable\t"),
                "{}",
                output.snapshot()
            );
        }
    }
}
on_every_server!(an_operator_of_somebody_elses_never_runs_with_visible);

#[test]
fn a_watched_json_answer_is_one_line_however_long() {
    let db = db("long_json");
    let mut child = pgkit(&db)
        .args(["functions", "--system", "--watch", "0.1", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = lines.next().unwrap().unwrap();
        assert!(line.len() > 200_000, "{}", line.len());
        let rows: Vec<serde_json::Value> = serde_json::from_str(&line).unwrap();
        assert!(rows.len() > 2000);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_child_belongs_to_the_first_parent_that_it_still_has() {
    let db = db("no_inherit");
    db.sql(
        "CREATE TABLE pa (x int); CREATE TABLE pb (x int); CREATE TABLE kid () INHERITS (pa, pb);
         CREATE TABLE grandkid () INHERITS (kid); ALTER TABLE kid NO INHERIT pa; INSERT INTO grandkid VALUES (1)",
    );
    let output =
        run(pgkit(&db).args(["sizes", "pb", "--group-partitions", "--columns", "name,members,main_bytes"]));
    assert_eq!(output.lines(), ["pb\t3\t8192"]);
    for regex in ["x*", "^()"] {
        let output = run(pgkit(&db).args(["sizes", "--group-regex", regex, "--columns", "name"]));
        assert!(output.lines().iter().all(|name| !name.is_empty()), "an empty name is no family");
    }
    let output =
        run(pgkit(&db).args(["sizes", "--by", "tree", "--group-regex", "^(p)", "--columns", "name,members"]));
    assert_eq!(output.lines(), ["p\t4"]);
}

#[test]
fn a_report_may_end_in_a_comment_and_its_script_runs_all_the_same() {
    let db = db("comment");
    let folder = tempfile::tempdir().unwrap();
    for (name, end) in
        [("bare", "SELECT 1 AS a -- the end"), ("semicolon", "SELECT 1 AS a; -- the end\n/* ; */")]
    {
        let file = format!("-- t.\n-- since = 10\n-- columns = [\"a int4\"]\n{end}\n");
        std::fs::write(folder.path().join(format!("{name}.sql")), file).unwrap();
        let mut own = pgkit(&db);
        assert_eq!(run(own.env("PGKIT_QUERIES", folder.path()).args(["run", name])).lines(), ["1"]);
        let mut script = pgkit(&db);
        let script = run(script.env("PGKIT_QUERIES", folder.path()).args(["run", name, "--sql"])).stdout;
        let path = folder.path().join("script");
        std::fs::write(&path, script).unwrap();
        assert_eq!(run(psql(&db).arg("-q").arg("-f").arg(&path)).lines(), ["1"]);
    }
}

#[test]
fn a_header_whose_values_are_none_is_named_with_its_file() {
    let db = db("headers");
    let folder = tempfile::tempdir().unwrap();
    let param = |kind: &str, rest: &str| {
        format!("-- [[param]]\n-- name = \"n\"\n-- type = \"{kind}\"\n-- help = \"h\"\n-- {rest}\n")
    };
    for (name, header, says) in [
        ("number", param("int8", "default = \"abc\""), "invalid default"),
        ("interval", param("interval", "default = \"10\""), "invalid default"),
        ("timeout", "-- lock_timeout = \"abc\"\n".to_owned(), "lock_timeout"),
        ("name", param("int8", "required = false").replace("\"n\"", "\"_\""), "must begin with a letter"),
        ("when", "-- when = \"1\"\n".to_owned(), "must be a boolean"),
        ("never", "-- when = \"false\"\n".to_owned(), "no text fits this server"),
    ] {
        let file = format!("-- t.\n-- since = 10\n-- columns = [\"a int4\"]\n{header}SELECT 1 AS a\n");
        std::fs::write(folder.path().join(format!("{name}.sql")), file).unwrap();
        let mut own = pgkit(&db);
        let output = run(own.env("PGKIT_QUERIES", folder.path()).args(["run", name]));
        assert_eq!(output.code, Some(if name == "never" { 76 } else { 65 }), "{}", output.snapshot());
        assert!(output.stderr.contains(says) && output.stderr.contains(name), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn a_bad_pattern_is_one_error_in_all_databases_too() {
    let db = db("bad_pattern");
    let output = run(pgkit(&db).args(["relations", "--all-databases", "(", "--json"]));
    assert_eq!((output.code, output.stdout.as_str()), (Some(65), ""), "{}", output.snapshot());
    assert_eq!(output.stderr.matches("invalid regular expression").count(), 1, "{}", output.stderr);
    assert_eq!(run(pgkit(&db).args(["relations", "--statement-timeout", "600h"])).code, Some(64));
}

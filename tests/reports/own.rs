//! Reports of the user's own.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::*;
use crate::support::*;

/// A folder of reports.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Folder(folder)
    }

    fn pgkit(&self, db: &Db) -> Command {
        let mut command = pgkit(db);
        command.env("PGKIT_QUERIES", self.0.path());
        command
    }

    /// Without the folder's own name, which differs every time.
    fn run(&self, db: &Db, args: &[&str]) -> Output {
        let mut output = run(self.pgkit(db).args(args));
        let path = self.0.path().display().to_string();
        output.stderr = output.stderr.replace(&path, "QUERIES");
        output.stdout = output.stdout.replace(&path, "QUERIES");
        output
    }
}

const EVERY_TYPE: &str = r#"-- Says what it was given.
--
-- since   = 10
-- columns = ["b bool", "n int8", "t text", "l text[]", "s text[]", "p text[]", "r text", "i interval", "z int8"]
-- [[param]]
-- name = "b"
-- type = "bool"
-- help = "a flag"
-- [[param]]
-- name = "some_number"
-- type = "int8"
-- help = "a number"
-- default = "-3"
-- [[param]]
-- name = "t"
-- type = "text"
-- help = "a text"
-- one_of = ["x", "y z"]
-- [[param]]
-- name = "l"
-- type = "text[]"
-- help = "several texts"
-- [[param]]
-- name = "p"
-- type = "pattern[]"
-- positional = true
-- help = "patterns"
-- [[param]]
-- name = "r"
-- type = "regex"
-- help = "a regular expression"
-- [[param]]
-- name = "i"
-- type = "interval"
-- help = "a length of time"
-- [[param]]
-- name = "z"
-- type = "bytes"
-- help = "a size"
SELECT $1 AS b, $2 AS n, $3 AS t, $4 AS l, $5 AS s, $6 AS p, $7 AS r, $8 AS i, $9 AS z
ORDER BY 1;
"#;

fn parameters_of_every_type_reach_the_server(bin: &Binaries) {
    let db = Db::existing(server(bin).info(), "postgres");
    let folder = Folder::new(&[("given.sql", EVERY_TYPE)]);
    let output = folder.run(&db, &["run", "given"]);
    assert_eq!(output.lines(), ["false\t-3\t\t\t\t\t\t\t"]);
    let output = folder.run(
        &db,
        &[
            "run",
            "given",
            "--b",
            "--some-number",
            "9000000000",
            "--t",
            "y z",
            "--l",
            "a,b",
            "--l",
            "c\"d",
            "public.Miss*",
            "\"Odd\"",
            "--r",
            "a+'",
            "--i",
            "1h30m",
            "--z",
            "2kB",
        ],
    );
    let list = r#"{a,b,"c\\"d"}"#;
    assert_eq!(
        output.lines(),
        [format!(
            "true\t9000000000\ty z\t{list}\t{{^(public)$,NULL}}\t{{^(miss.*)$,^(Odd)$}}\ta+'\t01:30:00\t2048"
        )],
        "on {}",
        bin.major
    );
    let json = folder.run(&db, &["run", "given", "--json", "--l", "a", "--i", "90s", "--z", "1"]);
    let rows: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rows[0]["b"], false);
    assert_eq!(rows[0]["n"], -3);
    assert_eq!(rows[0]["l"], serde_json::json!(["a"]));
    assert_eq!(rows[0]["t"], serde_json::Value::Null);
    assert_eq!(rows[0]["z"], 1);
    assert_eq!(rows[0]["i"], "00:01:30");
    // The same through psql.
    let script = folder.run(&db, &["run", "given", "--sql", "--l", "it's", "--i", "1s"]);
    let mut psql = psql(&db);
    psql.args(["-q", "-c", &script.stdout]);
    assert!(run(&mut psql).stdout.contains("it's"));
}
on_every_server!(parameters_of_every_type_reach_the_server);

#[test]
fn a_value_that_is_none_of_its_type_is_wrong_usage() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let folder = Folder::new(&[("given.sql", EVERY_TYPE)]);
    for args in [
        &["--some-number", "ten"][..],
        &["--t", "z"],
        &["--i", "10"],
        &["--z", "big"],
        &["--no-such-flag"],
        &["--b=true"],
    ] {
        let mut all = vec!["run", "given"];
        all.extend(args);
        let output = folder.run(&db, &all);
        assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{args:?} {}", output.snapshot());
    }
    assert_eq!(folder.run(&db, &["run", "given", "\"open"]).code, Some(65));
}

fn simple(columns: &str, sql: &str) -> String {
    format!("-- A report.\n--\n-- since = 10\n-- columns = [{columns}]\n{sql}\n")
}

#[test]
fn a_file_that_is_not_right_is_named_with_its_line_and_the_others_still_run() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let good = simple("\"one int4\"", "SELECT 1 AS one");
    let folder = Folder::new(&[
        ("good.sql", &good),
        ("nosummary.sql", "SELECT 1"),
        ("typo.sql", &good.replace("since", "sinc")),
        ("type.sql", &good.replace("int4", "mood")),
        ("two.sql", &good.replace("SELECT 1 AS one", "SELECT 1 AS one;\nSELECT 2")),
        ("dollar.sql", &good.replace("SELECT 1", "SELECT $1::int4")),
        ("twice.sql", &good.replace("\"one int4\"", "\"one int4\", \"one text\"")),
        ("empty.sql", "-- Nothing.\n-- since = 10\n-- columns = [\"a int4\"]\n"),
        (
            "shared.sql",
            "-- Bad name.\n-- since = 10\n-- columns = [\"a int4\"]\n-- [[param]]\n-- name = \"limit\"\n-- type = \"int8\"\n-- help = \"x\"\nSELECT 1 AS a",
        ),
        ("pair.sql", &good),
        ("pair.pg17.sql", &good.replace("one int4", "one int8").replace("since = 10", "since = 17")),
        (".hidden.sql", "nonsense"),
        ("notes.txt", "nonsense"),
    ]);
    assert_eq!(folder.run(&db, &["run", "good"]).lines(), ["1"]);
    for (name, start) in [
        ("typo", "pgkit: QUERIES/typo.sql:3: invalid header: unknown field `sinc`"),
        ("type", "pgkit: QUERIES/type.sql:4: column \"one mood\": unknown type \"mood\""),
        ("two", "pgkit: QUERIES/two.sql:5: a report must be a single statement"),
        ("dollar", "pgkit: QUERIES/dollar.sql:5: $1 is used, but the header's parameters bind 0"),
        ("twice", "pgkit: QUERIES/twice.sql:4: duplicate column \"one\""),
        ("empty", "pgkit: QUERIES/empty.sql:4: missing statement"),
        ("shared", "pgkit: QUERIES/shared.sql:5: parameter \"limit\": the name is taken by a flag"),
        (
            "pair",
            "pgkit: QUERIES/pair.pg17.sql:1: its params, columns or sections differ from those of QUERIES/pair.sql",
        ),
    ] {
        let output = folder.run(&db, &["run", name, "--limit", "3"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(65), ""), "{name}: {}", output.snapshot());
        assert!(output.stderr.starts_with(start), "{name}: {}", output.stderr);
    }
    let list = folder.run(&db, &["run", "--list"]);
    assert_eq!(
        (list.code, list.stdout.as_str()),
        (Some(0), "good\tA report.\nnosummary\tA file without a header.\n"),
        "{}",
        list.snapshot()
    );
    assert_eq!(list.stderr.matches("pgkit: QUERIES/").count(), 8, "{}", list.stderr);
    assert!(!list.stderr.contains(".hidden") && !list.stderr.contains("notes.txt"));
    let unknown = folder.run(&db, &["run", "none"]);
    assert_eq!(unknown.code, Some(64));
    assert!(
        unknown.stderr.starts_with("pgkit: run: could not find report \"none\" in QUERIES"),
        "{}",
        unknown.stderr
    );
}

fn a_header_that_lies_about_its_columns_is_bad_data(bin: &Binaries) {
    let db = Db::existing(server(bin).info(), "postgres");
    let folder = Folder::new(&[
        ("type.sql", &simple("\"one int8\"", "SELECT 1 AS one")),
        ("name.sql", &simple("\"two int4\"", "SELECT 1 AS one")),
        ("few.sql", &simple("\"one int4\", \"two int4\"", "SELECT 1 AS one")),
        ("many.sql", &simple("\"one int4\"", "SELECT 1 AS one, 2 AS two")),
        ("norows.sql", &simple("\"one int8\"", "SELECT 1 AS one WHERE false")),
    ]);
    for (name, says) in [
        ("type", "column 1 is \"one int4\", but the header says \"one int8\""),
        ("norows", "column 1 is \"one int4\", but the header says \"one int8\""),
        ("name", "column 1 is \"one int4\", but the header says \"two int4\""),
        ("few", "the statement returns 1 columns, but the header lists 2"),
        ("many", "the statement returns 2 columns, but the header lists 1"),
    ] {
        let output = folder.run(&db, &["run", name]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(65), ""), "{}", output.snapshot());
        assert!(
            output.stderr.contains(&format!(": {says}"))
                && output.stderr.starts_with(&format!("pgkit: QUERIES/{name}.sql:")),
            "{}",
            output.stderr
        );
    }
}
on_every_server!(a_header_that_lies_about_its_columns_is_bad_data);

fn a_column_of_an_unknown_type_says_cast_it_and_never_hangs(bin: &Binaries) {
    let db = database(server(bin).info(), "enum");
    db.sql("CREATE TYPE mood AS ENUM ('fine', 'bad'); CREATE TABLE m (mood mood); INSERT INTO m SELECT 'fine' FROM generate_series(1, 200000)");
    let folder = Folder::new(&[
        ("moods.sql", &simple("\"mood text\"", "SELECT mood FROM public.m ORDER BY 1")),
        ("cast.sql", &simple("\"mood text\"", "SELECT mood::text AS mood FROM public.m ORDER BY 1")),
    ]);
    // Killed when it hangs: a session that nobody reads keeps others from dropping a database.
    let mut command = folder.pgkit(&db);
    let child = command.args(["run", "moods"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(10) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let output = Output {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr).replace(&folder.0.path().display().to_string(), "QUERIES"),
    };
    assert_eq!((output.code, output.stdout.as_str()), (Some(65), ""), "{}", output.snapshot());
    assert_eq!(
        output.stderr,
        "pgkit: QUERIES/moods.sql:4: column 1 is \"mood mood\", but the header says \"mood text\"\nhint: cast it: \"mood\"::text\n"
    );
    assert_eq!(folder.run(&db, &["run", "cast"]).lines().len(), 200_000);
}
on_every_server!(a_column_of_an_unknown_type_says_cast_it_and_never_hangs);

fn a_text_is_chosen_by_flag_probe_and_version(bin: &Binaries) {
    let db = Db::existing(server(bin).info(), "postgres");
    let header = |more: &str| {
        format!(
            "-- Which.\n-- since = 10\n{more}-- columns = [\"which text\"]\n-- [[param]]\n-- name = \"fast\"\n-- type = \"bool\"\n-- help = \"fast\"\n"
        )
    };
    let text = |more: &str, says: &str| format!("{}SELECT '{says}'::text AS which", header(more));
    let folder = Folder::new(&[
        ("w.sql", &text("", "plain")),
        ("w.pg17.sql", &text("", "new").replace("since = 10", "since = 17")),
        ("w.fast.sql", &text("-- flag = \"fast\"\n", "fast")),
        ("p.sql", &text("", "plain")),
        (
            "p.yes.sql",
            &text("-- when = \"pg_catalog.current_setting('server_version_num')::int > 1\"\n", "probed"),
        ),
        ("q.sql", &text("", "plain")),
        ("q.no.sql", &text("-- when = \"1 = 2\"\n", "probed")),
        ("n.sql", &text("", "plain")),
        ("n.null.sql", &text("-- when = \"NULL::bool\"\n", "probed")),
        ("old.sql", &text("", "x").replace("since = 10", "since = 99")),
    ]);
    let which = |args: &[&str]| folder.run(&db, args).lines().join("\n");
    assert_eq!(which(&["run", "w"]), if bin.major >= 17 { "new" } else { "plain" });
    assert_eq!(which(&["run", "w", "--fast"]), "fast");
    assert_eq!(which(&["run", "p"]), "probed");
    assert_eq!(which(&["run", "q"]), "plain");
    assert_eq!(which(&["run", "n"]), "plain");
    let old = folder.run(&db, &["run", "old"]);
    assert_eq!(old.code, Some(76), "{}", old.snapshot());
    assert!(old.stderr.contains("old needs PostgreSQL 99 or later"), "{}", old.stderr);
}
on_every_server!(a_text_is_chosen_by_flag_probe_and_version);

#[test]
fn a_refused_text_gives_way_to_the_next() {
    let db = Db::existing(server(bin()).info(), "postgres");
    db.sql("DO $$ BEGIN CREATE ROLE catalog_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$");
    let folder = Folder::new(&[
        ("w.sql", &simple("\"n int8\"", "SELECT 1::int8 AS n")),
        (
            "w.all.sql",
            &simple("\"n int8\"", "SELECT count(*) AS n FROM pg_catalog.pg_authid")
                .replace("-- since", "-- when = \"true\"\n-- since"),
        ),
        (
            "only.sql",
            &simple("\"n int8\"", "SELECT count(*) AS n FROM pg_catalog.pg_authid")
                .replace("-- since", "-- needs = \"to be a superuser\"\n-- since"),
        ),
    ]);
    let mut command = folder.pgkit(&db);
    let output = run(command.env("PGUSER", "catalog_nobody").args(["run", "w", "-v"]));
    assert_eq!(output.lines(), ["1"]);
    assert!(output.stderr.contains("trying the next text"), "{}", output.stderr);
    assert_ne!(folder.run(&db, &["run", "w"]).lines(), ["1"]);
    let mut command = folder.pgkit(&db);
    let output = run(command.env("PGUSER", "catalog_nobody").args(["run", "only"]));
    assert_eq!((output.code, output.stdout.as_str()), (Some(77), ""), "{}", output.snapshot());
    assert!(output.stderr.contains("hint: only needs to be a superuser"), "{}", output.stderr);
}

#[test]
fn a_report_runs_again_after_an_error_that_its_header_names_and_only_then() {
    let db = database(server(bin()).info(), "retry");
    db.sql("CREATE TABLE held (id int)");
    let sql = "SELECT count(*) AS n FROM public.held";
    let retry = simple("\"n int8\"", sql)
        .replace("-- since", "-- retry = [\"55P03\"]\n-- lock_timeout = \"100ms\"\n-- since");
    let folder =
        Folder::new(&[("again.sql", &retry), ("once.sql", &retry.replace("-- retry = [\"55P03\"]\n", ""))]);
    let holder = db.session();
    holder.sql("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
    let again = folder.run(&db, &["run", "again", "-v"]);
    assert_eq!(again.code, Some(75), "{}", again.snapshot());
    assert_eq!(again.stderr.matches("trying again").count(), 3, "{}", again.stderr);
    let once = folder.run(&db, &["run", "once", "-v"]);
    assert_eq!((once.code, once.stderr.matches("trying again").count()), (Some(75), 0));
    // Given free between two tries, it succeeds.
    let freed = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(180));
        holder.sql("ROLLBACK");
    });
    assert_eq!(folder.run(&db, &["run", "again"]).lines(), ["0"]);
    freed.join().unwrap();
}

#[test]
fn a_report_of_ones_own_cannot_write() {
    let db = database(server(bin()).info(), "readonly");
    db.sql("CREATE TABLE t (id int); CREATE FUNCTION w() RETURNS int LANGUAGE sql AS 'INSERT INTO public.t VALUES (1) RETURNING id'");
    let folder = Folder::new(&[("w.sql", &simple("\"id int4\"", "SELECT public.w() AS id"))]);
    let output = folder.run(&db, &["run", "w"]);
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert!(output.stderr.contains("read-only transaction"), "{}", output.stderr);
    assert_eq!(db.value("SELECT count(*) FROM t"), "0");
}

#[test]
fn the_first_folder_that_has_a_name_wins_and_the_config_folder_is_the_last() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let first = Folder::new(&[("a.sql", &simple("\"n int4\"", "SELECT 1 AS n"))]);
    let second = Folder::new(&[
        ("a.sql", &simple("\"n int4\"", "SELECT 2 AS n")),
        ("b.sql", &simple("\"n int4\"", "SELECT 3 AS n")),
    ]);
    let config = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(config.path().join("pgkit/queries")).unwrap();
    std::fs::write(config.path().join("pgkit/queries/c.sql"), simple("\"n int4\"", "SELECT 4 AS n")).unwrap();
    let both = format!("{}:/no/such/folder:{}", first.0.path().display(), second.0.path().display());
    let of = |name: &str| {
        run(pgkit(&db).env("PGKIT_QUERIES", &both).env("XDG_CONFIG_HOME", config.path()).args(["run", name]))
            .stdout
    };
    assert_eq!((of("a"), of("b"), of("c")), ("1\n".into(), "3\n".into(), "4\n".into()));
}

fn a_file_without_a_header_runs_with_the_columns_that_the_server_says(bin: &Binaries) {
    let db = database(server(bin).info(), "headless");
    let folder = Folder::new(&[
        ("one.sql", "SELECT 1 AS n, 'x'::text AS t, now() IS NULL AS b, ARRAY[1.5] AS l;\n"),
        ("note.sql", "-- Counts.\n-- Not = a header.\nSELECT count(*) FROM pg_class\n"),
        (
            "short.sql",
            "-- Old names of types.\n--\n-- columns = [\"a int\", \"b bigint\", \"c boolean\", \"d real\"]\nSELECT 1 AS a, 2::int8 AS b, true AS c, 1.5::float4 AS d\n",
        ),
        ("typed.sql", "SELECT '(1,2)'::point AS p\n"),
        ("broken.sql", "SELECT FROM nothing_at_all\n"),
    ]);
    let out = folder.run(&db, &["run", "one", "--json", "--columns", "t,l,n,b"]);
    assert_eq!(out.stdout, "[\n{\"t\":\"x\",\"l\":[1.5],\"n\":1,\"b\":false}\n]\n", "{}", out.snapshot());
    assert_eq!(folder.run(&db, &["run", "short"]).lines(), ["1\t2\ttrue\t1.5"]);
    assert_eq!(folder.run(&db, &["run", "note", "--header"]).lines()[0], "count");
    assert!(folder.run(&db, &["run", "--list"]).stdout.contains("note\tCounts."));
    for (name, says) in [("typed", "column \"p\" has type point"), ("broken", "nothing_at_all")] {
        let out = folder.run(&db, &["run", name]);
        assert_eq!(out.code, Some(65), "{}", out.snapshot());
        assert!(out.stderr.contains(says) && out.stderr.contains(name), "{}", out.stderr);
    }
    let skeleton = folder.run(&db, &["run", "--new", "mine"]);
    assert_eq!(skeleton.stdout, "QUERIES/mine.sql\n", "{}", skeleton.snapshot());
    assert_eq!(folder.run(&db, &["run", "mine"]).code, Some(0));
    for bad in ["mine", "../x", "Upper"] {
        assert_eq!(folder.run(&db, &["run", "--new", bad]).code, Some(64), "{bad}");
    }
}
on_every_server!(a_file_without_a_header_runs_with_the_columns_that_the_server_says);

#[test]
fn what_an_answer_costs_is_said_once_before_it_and_not_where_a_flag_makes_it_cheap() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let dear = "-- Dear.\n-- columns = [\"a int4\"]\n-- [[param]]\n-- name = \"cheap\"\n-- type = \"bool\"\n\
                -- help = \"cheap\"\n-- [[cost]]\n-- when = \"1 = 1\"\n-- unless = \"cheap\"\n-- says = \"this is dear\"\n\
                -- [[cost]]\n-- when = \"NULL::bool\"\n-- says = \"never\"\nSELECT 1 AS a WHERE $1 IS NOT NULL\n";
    let wrong = dear.replace("unless = \"cheap\"", "unless = \"cheep\"");
    let folder = Folder::new(&[("dear.sql", dear), ("wrong.sql", &wrong)]);
    let output = folder.run(&db, &["run", "dear"]);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("1\n", "pgkit: dear: this is dear\n"));
    let mut series = Command::new("sh");
    series.env_clear().envs(db.info.env()).env("PGDATABASE", &db.name).env("PATH", "/usr/bin:/bin");
    series.env("PGKIT_QUERIES", folder.0.path());
    let output =
        run(series.arg("-c").arg(format!("{PGKIT} run dear --watch 0.1 --columns a 2>&1 | head -n 3")));
    assert_eq!(output.lines(), ["pgkit: dear: this is dear", "1", "1"], "{}", output.snapshot());
    for args in [&["run", "dear", "-q"][..], &["run", "dear", "--cheap"]] {
        let output = folder.run(&db, args);
        assert!(!output.stderr.contains("this is dear"), "{}", output.snapshot());
    }
    let output = folder.run(&db, &["run", "wrong"]);
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert!(output.stderr.contains("unless \"cheep\" must be a parameter of type bool"), "{}", output.stderr);
}

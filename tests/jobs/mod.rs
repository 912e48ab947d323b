//! `pgkit jobs` as a process, on tables as the original crontabber leaves them.

mod alarms;
mod cases;
mod daemon;
mod dates;
mod elsewhere;
mod keys;
mod output;
mod people;
mod race;
mod requests;
mod runners;
mod running;
mod tables;
mod upgrade;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use crate::support::jobs as fixture;
use crate::support::*;
use fixture::Jobs;

/// The original's tables, word for word.
const TABLES: &str = "CREATE TABLE crontabber (
    app_name text NOT NULL, next_run timestamp with time zone, first_run timestamp with time zone,
    last_run timestamp with time zone, last_success timestamp with time zone, ongoing timestamp with time zone,
    error_count integer DEFAULT 0, depends_on text[], last_error json);
CREATE UNIQUE INDEX crontabber_unique_app_name_idx ON crontabber (app_name);
CREATE TABLE crontabber_log (
    id SERIAL NOT NULL, app_name text NOT NULL, log_time timestamp with time zone DEFAULT now() NOT NULL,
    duration interval, success timestamp with time zone, exc_type text, exc_value text, exc_traceback text);";

/// What the original leaves after some days.
const ROWS: &str = "INSERT INTO crontabber VALUES
 ('ok', now() + interval '1 h', now() - interval '9 d', now() - interval '1 h', now() - interval '1 h', NULL, 0, '{}', '{}'),
 ('fail', now() + interval '5 m', now() - interval '9 d', now() - interval '1 m', now() - interval '2 d', NULL, 3, '{}',
  '{\"type\": \"<type ''exceptions.ValueError''>\", \"value\": \"boom\\nand more\", \"traceback\": \"x\"}'),
 ('bf', now() + interval '5 m', now() - interval '9 d', now() - interval '1 m', now() - interval '2 d', NULL, 1, '{}',
  '{\"type\": \"<type ''exceptions.ValueError''>\", \"value\": \"bf boom\", \"traceback\": \"x\"}'),
 ('late', now() - interval '3 d', now() - interval '9 d', now() - interval '4 d', now() - interval '4 d', NULL, 0, '{}', '{}'),
 ('runs', now() - interval '1 m', now() - interval '9 d', now() - interval '1 d', now() - interval '1 d', now() - interval '30 s', 0, '{}', '{}'),
 ('stuck', now() - interval '1 d', now() - interval '9 d', now() - interval '2 d', now() - interval '2 d', now() - interval '20 h', 0, '{}', '{}'),
 ('child', now() - interval '1 m', now() - interval '9 d', now() - interval '1 d', now() - interval '1 d', NULL, 0, '{fail}', '{}'),
 ('ghost', now(), now(), now(), now(), NULL, 0, NULL, NULL)";

const FILE: &str = "[[job]]\nname = \"ok\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n
[[job]]\nname = \"fail\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\nclass = \"jobs.Fail\"\n
[[job]]\nname = \"bf\"\nschedule = \"1d\"\nsql = \"SELECT $1\"\nbackfill = true\nclass = \"jobs.Bf\"\n
[[job]]\nname = \"late\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n
[[job]]\nname = \"runs\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n
[[job]]\nname = \"stuck\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n
[[job]]\nname = \"child\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\ndepends_on = [\"fail\"]\n
[[job]]\nname = \"new\"\nevery = \"5m\"\ncommand = [\"true\"]\n";

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn jobs(db: &Db, file: &tempfile::NamedTempFile, args: &[&str]) -> Output {
    run(pgkit(db).env("PGKIT_JOBS", file.path()).arg("jobs").args(args))
}

fn filled(name: &str) -> Db {
    let db = database(server(bin()).info(), name);
    db.sql(TABLES);
    db.sql(ROWS);
    db
}

fn the_state_of_every_job_is_seen_at_a_glance(bin: &Binaries) {
    let db = database(server(bin).info(), "list");
    db.sql(TABLES);
    db.sql(ROWS);
    let file = file(FILE);
    let list = jobs(&db, &file, &["list", "--columns", "name,state,error_count"]);
    assert_eq!(
        list.lines(),
        [
            "ok\tidle\t0",
            "fail\tfailing\t3",
            "bf\tfailing\t1",
            "late\toverdue\t0",
            "runs\trunning\t0",
            "stuck\tstuck\t0",
            "child\tidle\t0",
            "new\tnever\t0"
        ],
        "on {}",
        bin.major
    );
    let json = jobs(&db, &file, &["list", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rows[1]["last_error"], "<type 'exceptions.ValueError'>: boom\nand more");
    assert!(rows[7]["last_run"].is_null() && rows[4]["ongoing_since"].is_string());
}
on_every_server!(the_state_of_every_job_is_seen_at_a_glance);

#[test]
fn why_and_next_tell_the_decision_in_words() {
    let db = filled("why");
    let file = file(FILE);
    let why = jobs(&db, &file, &["why"]);
    for line in [
        "child\tno\twaits for fail, which errored last time it ran",
        "late\tyes\truns now",
        "new\tno\tis not due before",
    ] {
        assert!(why.stdout.contains(line), "{line}\n{}", why.snapshot());
    }
    assert!(
        why.stdout.contains(
            "stuck\tyes\truns now; and takes over from a crontabber that has had a claim on it since "
        ),
        "{}",
        why.stdout
    );
    // By levels: what waits comes after what it waits for.
    let order: Vec<&str> = why.lines().iter().map(|l| l.split('\t').next().unwrap()).collect();
    assert_eq!(order, ["bf", "fail", "late", "new", "ok", "runs", "stuck", "child"]);
    assert_eq!(jobs(&db, &file, &["why", "late"]).lines().len(), 1);
    assert_eq!(jobs(&db, &file, &["why", "nobody"]).code, Some(64));
    let next = jobs(&db, &file, &["next", "-n", "3", "--columns", "name"]);
    assert_eq!(next.lines(), ["late", "stuck", "child"], "the longest due first");
    assert!(jobs(&db, &file, &["next"]).stdout.contains("\tok\tis not due before"));
}

#[test]
fn monitoring_gets_the_originals_words_and_its_codes() {
    let db = filled("nagios");
    let all = file(FILE);
    let nagios = jobs(&db, &all, &["status", "--nagios"]);
    assert_eq!(nagios.code, Some(2));
    assert_eq!(nagios.stdout.lines().count(), 1, "{}", nagios.stdout);
    assert!(nagios.stdout.starts_with("CRITICAL - fail (Fail) | <type 'exceptions.ValueError'> | boom and more; late (late) | overdue | due since "), "{}", nagios.stdout);
    assert!(
        nagios.stdout.contains("; stuck (stuck) | stuck | ongoing since ") && !nagios.stdout.contains("bf (")
    );
    let only = |names: &[&str]| {
        let picked: Vec<&str> = FILE
            .split("\n\n")
            .filter(|job| names.iter().any(|n| job.contains(&format!("name = \"{n}\""))))
            .collect();
        file(&picked.join("\n"))
    };
    let warning = jobs(&db, &only(&["ok", "bf"]), &["status", "--nagios"]);
    assert_eq!(
        (warning.code, warning.stdout.as_str()),
        (Some(1), "WARNING - bf (Bf) | <type 'exceptions.ValueError'> | bf boom\n")
    );
    let fine = jobs(&db, &only(&["ok"]), &["status", "--nagios"]);
    assert_eq!((fine.code, fine.stdout.as_str()), (Some(0), "OK - All systems nominal\n"));
    for (unknown, what) in [
        (
            run(pgkit(&db).env("PGKIT_JOBS", "/nonexistent").args(["jobs", "status", "--nagios"])),
            "could not read",
        ),
        (
            run(pgkit(&db).env("PGKIT_JOBS", all.path()).args([
                "jobs",
                "status",
                "--nagios",
                "-h",
                "/nonexistent",
            ])),
            "UNKNOWN - ",
        ),
    ] {
        assert_eq!(unknown.code, Some(3), "{}", unknown.snapshot());
        assert!(
            unknown.stdout.starts_with("UNKNOWN - ") && unknown.stdout.contains(what),
            "{}",
            unknown.snapshot()
        );
    }
    let status = jobs(&db, &all, &["status", "--columns", "severity,name,problem"]);
    assert_eq!(status.code, Some(1));
    assert_eq!(
        status.stdout,
        "critical\tfail\tfailing\nwarning\tbf\tfailing\ncritical\tlate\toverdue\ncritical\tstuck\tstuck\nwarning\tnew\tnever\n"
    );
    let fine = jobs(&db, &only(&["ok"]), &["status"]);
    assert_eq!(
        (fine.code, fine.stdout.as_str(), fine.stderr.as_str()),
        (Some(0), "", "pgkit: one job, all well\n")
    );
    // Whatever is wrong with the line or the file is no answer of a plugin's.
    let faulty = file("[[job]]\nname = \"a\"\nschedule = \"1x\"\nsql = \"SELECT 1\"\n");
    for (args, file, words) in [
        (&["status", "--nagios", "--bogus"][..], &all, "unexpected argument '--bogus'"),
        (&["status", "--nagios", "extra"], &all, "unexpected argument 'extra'"),
        (&["status", "--nagios", "--json"], &all, "--nagios cannot be used with other formats"),
        (&["status", "--nagios"], &faulty, "has an error, the first in line 3: job \"a\": schedule: "),
    ] {
        let unknown = jobs(&db, file, args);
        assert_eq!(unknown.code, Some(3), "{}", unknown.snapshot());
        assert!(
            unknown.stdout.starts_with("UNKNOWN - ") && unknown.stdout.contains(words),
            "{}",
            unknown.snapshot()
        );
    }
    let metrics = jobs(&db, &all, &["status", "--prometheus"]).stdout;
    assert!(
        metrics.contains("\npgkit_job_errors{job_name=\"fail\"} 3\n")
            && metrics.contains("\npgkit_job_overdue{job_name=\"late\"} 1\n"),
        "{metrics}"
    );
}

#[test]
fn monitoring_is_told_nothing_by_a_jobs_name_or_its_error() {
    let db = filled("hostile");
    let name = "j\n2\u{2028}\r\"} 1\\|'load'=99;1;2\u{1b}]0;t\u{7}\u{202e}";
    let error = "boom\nOK - All systems nominal\r\u{85}OK | 'load 1'=99;1;2 x=1 \u{1b}[2J\u{202e}";
    let quoted = |text: &str| text.replace('\'', "''");
    let json = serde_json::json!({ "type": "E\n| y=1", "value": error, "traceback": "" }).to_string();
    db.sql(&format!(
        "INSERT INTO crontabber VALUES ('{}', now() + interval '5 m', now(), now(), now(), NULL, 2, '{{}}', '{}')",
        quoted(name),
        quoted(&json)
    ));
    let toml = format!(
        "[[job]]\nname = {}\nschedule = \"1d\"\nsql = \"SELECT 1\"\nclass = \"a.C | z=1\"\n",
        serde_json::Value::from(name)
    );
    let file = file(&toml);
    let nagios = jobs(&db, &file, &["status", "--nagios"]);
    assert_eq!(nagios.code, Some(2), "{}", nagios.snapshot());
    assert!(
        nagios.stdout.starts_with("CRITICAL - j 2 ") && nagios.stdout.ends_with('\n'),
        "{}",
        nagios.stdout
    );
    assert!(pty::driving(&nagios.stdout).is_empty(), "{:?}", nagios.stdout);
    assert_eq!(nagios.stdout.lines().count(), 1, "{:?}", nagios.stdout);
    assert_eq!(
        nagios.stdout.matches('|').count(),
        2,
        "the original's two bars and no other: {}",
        nagios.stdout
    );
    // No figure behind a bar, as plugins' libraries read them.
    let figure = regex::Regex::new(r"[^= ]=[-+0-9.]").unwrap();
    assert!(!figure.is_match(&nagios.stdout), "{}", nagios.stdout);
    let unknown =
        run(pgkit(&db).env("PGKIT_JOBS", "/none\n|x=1;\u{1b}").args(["jobs", "status", "--nagios"]));
    assert_eq!(
        (unknown.code, unknown.stdout.matches(['|', '\n']).count()),
        (Some(3), 1),
        "{}",
        unknown.snapshot()
    );

    let metrics = jobs(&db, &file, &["status", "--prometheus"]).stdout;
    let line = regex::Regex::new(r#"^[a-z_]+(\{job_name="([^"\\\n]|\\["\\n])*"\})? [-+0-9.eE]+$"#).unwrap();
    // Readers differ in what ends a line.
    let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let samples: Vec<&str> = metrics.split(ends).filter(|l| !l.is_empty() && !l.starts_with("# ")).collect();
    assert!(samples.len() >= 6, "{metrics}");
    assert!(samples.iter().all(|sample| line.is_match(sample)), "{metrics:?}");
    assert!(pty::driving(&metrics).is_empty(), "{metrics:?}");
    // On a terminal, and as events.
    for args in [
        &["list"][..],
        &["status"],
        &["why"],
        &["next"],
        &["run", "--force"],
        &["run", "--force", "--format", "jsonl"],
    ] {
        let mut command = pgkit(&db);
        command.env("PGKIT_JOBS", file.path()).arg("jobs").args(args);
        let (_, text) = pty::on_terminal(command, 40, 120);
        let left = pty::driving(&text.replace("\r", ""));
        // A progress bar draws itself; nothing of a name does.
        assert!(
            !text.contains("\u{1b}]") && left.iter().all(|c| *c == '\u{1b}' && args[0] == "run"),
            "{args:?} {text:?}"
        );
    }
}

#[test]
fn a_file_with_faults_is_told_whole_and_nothing_is_done() {
    let bad = file(
        "[[job]]\nname = \"a\"\nschedule = \"1h|05:00\"\nsql = \"SELECT 1\"\n[[job]]\nname = \"b\"\nevery = \"0m\"\ncomand = [\"x\"]\n",
    );
    let check = run(bare_pgkit().args(["jobs", "check", "--file"]).arg(bad.path()));
    assert_eq!(check.code, Some(65), "{}", check.snapshot());
    let path = bad.path().display().to_string();
    for line in [
        format!(
            "pgkit: {path}:3: job \"a\": schedule: \"1h|05:00\": a time of day can only be used with whole days, not with 1h"
        ),
        format!("pgkit: {path}:5: job \"b\": missing sql or command"),
        format!("pgkit: {path}:7: job \"b\": every: invalid frequency \"0m\": must be above 0"),
        format!("pgkit: {path}:8: job \"b\": unknown key \"comand\" in a job; did you mean \"command\"?"),
    ] {
        assert!(check.stderr.contains(&line), "{line}\n{}", check.stderr);
    }
    for command in ["list", "run"] {
        let output =
            run(bare_pgkit().args(["jobs", command, "-h", "/nonexistent", "--file"]).arg(bad.path()));
        assert_eq!(output.code, Some(65), "{}", output.snapshot());
        assert!(output.stderr.contains("has 4 errors"), "{}", output.snapshot());
    }
    let good = file(FILE);
    let check = run(bare_pgkit()
        .args(["jobs", "check", "--columns", "name,schedule,kind", "--file"])
        .arg(good.path()));
    assert_eq!(check.lines()[..2], ["bf\t1d after the last run\tsql", "fail\t1d after the last run\tsql"]);
    assert!(check.stdout.contains("new\tevery 5 minutes\tprogram"), "{}", check.stdout);
    for (mode, why) in [(0o666, "is writable by others"), (0o620, "is writable by others")] {
        std::fs::set_permissions(good.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = run(bare_pgkit().args(["jobs", "check", "--file"]).arg(good.path()));
        assert!(refused.code == Some(65) && refused.stderr.contains(why), "{}", refused.snapshot());
    }
}

#[test]
fn tables_that_are_none_of_crontabbers_are_told() {
    let file = file(FILE);
    let none = database(server(bin()).info(), "none");
    let output = jobs(&none, &file, &["list"]);
    assert!(
        output.code == Some(65) && output.stderr.contains("could not find table crontabber"),
        "{}",
        output.snapshot()
    );
    none.sql("CREATE TABLE crontabber (app_name text, next_run timestamptz, first_run timestamptz, last_run timestamptz, last_success timestamptz, error_count int, depends_on text[], last_error json)");
    let output = jobs(&none, &file, &["list"]);
    assert!(
        output.code == Some(65) && output.stderr.contains("missing column ongoing"),
        "{}",
        output.snapshot()
    );
    none.sql("ALTER TABLE crontabber ADD ongoing date");
    let output = jobs(&none, &file, &["list"]);
    assert!(
        output.stderr.contains("column ongoing has type date, not timestamp with time zone"),
        "{}",
        output.stderr
    );
    // In another schema, with a name that must be quoted; of two of them the one that is named, and none in silence.
    none.sql("DROP TABLE crontabber; CREATE SCHEMA \"it's \"\"odd\"\"\"; CREATE SCHEMA other");
    for schema in ["\"it's \"\"odd\"\"\"", "other"] {
        none.sql(&format!("SET search_path = {schema}; {TABLES}"));
    }
    let output = jobs(&none, &file, &["list"]);
    assert!(
        output.code == Some(65) && output.stderr.contains("they are: it's \"odd\", other"),
        "{}",
        output.snapshot()
    );
    assert_eq!(jobs(&none, &file, &["list", "--schema", "it's \"odd\""]).lines().len(), 8);
    // A search path does not choose either.
    let visible = run(pgkit(&none)
        .env("PGKIT_JOBS", file.path())
        .env("PGOPTIONS", "-c search_path=other")
        .args(["jobs", "list"]));
    assert_eq!(visible.code, Some(65), "{}", visible.snapshot());
}

//! `jobs run` on both kinds of jobs: what they get, what is kept of them, what a person can wish.

use super::Jobs;
use crate::support::*;

#[test]
fn a_program_gets_its_date_its_attempt_and_its_folder() {
    let jobs = Jobs::new(
        "env",
        r#"
[[job]]
name = "it's \"odd\"\nname"
every = "1d"
at = "05:00"
backfill = true
command = ["sh", "-c", "pwd; env | grep -E '^(PGKIT|PGAPP|LEVEL)' | sort; echo \"$1\" \"$2\"", "sh", "{date}", "x{date}y"]
environment = { LEVEL = "3" }
directory = "sub"
"#,
    );
    std::fs::create_dir(jobs.path("sub")).unwrap();
    let name = "it's \"odd\"\nname";
    jobs.ends(0, &["run", name, "--date", "2026-02-28"]);
    let rows: serde_json::Value =
        serde_json::from_str(&jobs.jobs(&["history", "--output", "--json"]).stdout).unwrap();
    let output = rows[0]["printed"].as_str().unwrap();
    let folder = jobs.folder.path().canonicalize().unwrap().join("sub");
    let wanted = format!(
        "{}\nLEVEL=3\nPGAPPNAME=it's \"odd\"\nPGKIT_ATTEMPT=1\nPGKIT_BACKFILL=1\nPGKIT_CLAIM=",
        folder.display()
    );
    assert!(output.starts_with(&wanted), "{output}");
    assert!(output.contains("\nPGKIT_JOB=it's \"odd\"\n"), "{output}");
    assert!(output.contains("\nPGKIT_RUN_DATE=2026-02-28T05:00:00Z\n"), "{output}");
    assert!(output.ends_with("\n2026-02-28T05:00:00Z x2026-02-28T05:00:00Zy\n"), "{output}");
    assert_eq!(rows[0]["name"], name);
    assert_eq!(
        (&rows[0]["result"], &rows[0]["run_date"]),
        (&"succeeded".into(), &"2026-02-28T05:00:00Z".into())
    );
    // Another date of a backfill job changes nothing about when it runs.
    assert_eq!(
        (jobs.row("x", "next_run"), jobs.db.value("SELECT count(last_success) FROM crontabber")),
        (String::new(), "0".into())
    );
}

fn failures_keep_their_kind_their_message_and_their_output(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "failures",
        r#"
[[job]]
name = "exit"
schedule = "1d"
command = "echo out; echo first >&2; echo 'the end' >&2; echo >&2; exit 7"
[[job]]
name = "signal"
schedule = "1d"
command = "kill -9 $$"
[[job]]
name = "absent"
schedule = "1d"
command = ["./not-there"]
[[job]]
name = "slow"
schedule = "1d"
timeout = "200ms"
command = ["sleep", "60"]
[[job]]
name = "raise"
schedule = "1d"
sql = "DO $$ BEGIN RAISE NOTICE 'step %', 1; RAISE EXCEPTION 'boom' USING DETAIL = 'why', HINT = 'what'; END $$"
[[job]]
name = "zero"
schedule = "1d"
sql = "SELECT 1 / 0"
[[job]]
name = "slowsql"
schedule = "1d"
timeout = "200ms"
sql = "SELECT pg_sleep(60)"
"#,
    );
    let output = jobs.ends(1, &["run"]);
    assert!(
        output.stderr.contains("pgkit: exit: failed for ") && output.stdout.is_empty(),
        "{}",
        output.snapshot()
    );
    let error = |job: &str| {
        let text = jobs.row(job, "last_error");
        let error: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(error.as_object().unwrap().len(), 3, "{text}");
        let part = |key: &str| error[key].as_str().unwrap().to_owned();
        (part("type"), part("value"), part("traceback"))
    };
    let (kind, value, traceback) = error("exit");
    assert_eq!((kind.as_str(), value.as_str()), ("exit status 7", "the end"));
    // Its two outputs come over two pipes.
    assert!(traceback.contains("out\n") && traceback.contains("first\nthe end\n\n"), "{traceback:?}");
    assert_eq!(error("signal").0, "signal 9");
    assert!(error("absent").1.contains("could not start ./not-there"), "{:?}", error("absent"));
    assert_eq!(
        (error("slow").0.as_str(), error("slow").1.as_str()),
        ("timeout", "it took longer than its timeout of 200ms")
    );
    let (kind, value, traceback) = error("raise");
    assert_eq!((kind.as_str(), value.as_str()), ("SQLSTATE P0001", "boom"));
    for part in [
        "DETAIL:  why\n",
        "HINT:  what\n",
        "CONTEXT:  PL/pgSQL function inline_code_block line 1 at RAISE",
        "NOTICE:  step 1\n",
    ] {
        assert!(traceback.contains(part), "{traceback}");
    }
    assert_eq!(error("zero").0, "SQLSTATE 22012");
    assert_eq!(error("slowsql").0, "timeout");
    let log =
        jobs.db.sql("SELECT app_name, exc_type, success IS NULL, duration IS NOT NULL FROM crontabber_log");
    assert_eq!(log.len(), 7);
    assert!(
        log.iter().all(|row| row[2].as_deref() == Some("t") && row[3].as_deref() == Some("t")),
        "{log:?}"
    );
    assert_eq!(jobs.db.value("SELECT sum(error_count) FROM crontabber"), "7");
    // None is due before its retry.
    assert_eq!(jobs.ends(0, &["run"]).stderr, "");
    assert_eq!(jobs.ends(0, &["run", "--ignore-failures", "--force", "zero"]).stdout, "");
    assert_eq!(jobs.row("zero", "error_count"), "2");
    assert_eq!(jobs.attempts("zero"), ["failed 1", "failed 2"]);
}
on_every_server!(failures_keep_their_kind_their_message_and_their_output);

#[test]
fn what_a_job_prints_is_kept_at_both_ends_and_counted() {
    let jobs = Jobs::new(
        "output",
        r#"
[[job]]
name = "much"
schedule = "1d"
command = "echo begin; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end"
[[job]]
name = "bytes"
schedule = "1d"
command = "printf 'a\\000b\\377c\\n'"
"#,
    );
    jobs.ends(0, &["run"]);
    let row = |job: &str| {
        let sql = format!(
            "SELECT output_bytes, length(output_head), length(output_tail), left(output_head, 9), right(output_tail, 5) FROM pgkit_run WHERE app_name = '{job}'"
        );
        jobs.db.sql(&sql)[0].iter().map(|c| c.clone().unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(row("much"), ["5000011", "65536", "65536", "begin\nxxx", "\nend\n"]);
    assert_eq!(row("bytes"), ["6", "12", "", "a\\x00b\\xf", ""]);
}

fn sql_runs_in_one_transaction_with_its_record(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "sql",
        r#"
[defaults]
timezone = "America/Los_Angeles"
[[job]]
name = "dated"
every = "1d"
at = "23:00"
backfill = true
sql = "INSERT INTO t SELECT 'dated', $1::date::text, pg_typeof($1)::text, current_setting('TimeZone')"
[[job]]
name = "several"
schedule = "1d"
sql = "CREATE TEMP TABLE x AS SELECT 1 AS a; INSERT INTO t SELECT 'several', a::text FROM x; SET search_path = nowhere; SET ROLE nobody; LISTEN y; PREPARE p AS SELECT 1; SELECT set_config('my.own', 'left', false)"
[[job]]
name = "after"
schedule = "1d"
sql = "INSERT INTO t SELECT 'after', current_setting('search_path') || current_user || coalesce(current_setting('my.own', true), '') || (SELECT count(*) FROM pg_prepared_statements WHERE from_sql) || coalesce(to_regclass('pg_temp.x')::text, '') || (SELECT count(*) FROM pg_listening_channels())"
depends_on = ["several"]
[[job]]
name = "undone"
schedule = "1d"
sql = "INSERT INTO t VALUES ('undone', ''); SELECT 1 / 0"
[[job]]
name = "deferred"
schedule = "1d"
sql = "INSERT INTO child VALUES (7)"
[[job]]
name = "commits"
schedule = "1d"
sql = "DO $$ BEGIN EXECUTE 'COMMIT'; END $$"
[[job]]
name = "copies"
schedule = "1d"
sql = "COPY t FROM STDIN"
"#,
    );
    jobs.db.sql(
        "CREATE TABLE t (job text, a text, b text, c text); CREATE TABLE parent (id int PRIMARY KEY);
             CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
             DROP ROLE IF EXISTS nobody; CREATE ROLE nobody; GRANT USAGE ON SCHEMA public TO nobody",
    );
    // 23:00 in Los Angeles is the next day in UTC.
    jobs.ends(0, &["run", "dated", "--date", "2026-01-31"]);
    let output = jobs.ends(1, &["run"]);
    let rows = jobs.db.sql("SELECT concat_ws('|', job, a, b, c) FROM t ORDER BY 1");
    let rows: Vec<&str> = rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    let user = &jobs.db.info.user;
    let after = format!("after|\"$user\", public{user}00");
    assert_eq!(
        rows,
        [after.as_str(), "dated|2026-01-31|timestamp with time zone|America/Los_Angeles", "several|1"],
        "{}",
        output.snapshot()
    );
    let kind = |job: &str| {
        let error: serde_json::Value = serde_json::from_str(&jobs.row(job, "last_error")).unwrap();
        error["type"].as_str().unwrap().to_owned()
    };
    assert_eq!((kind("undone").as_str(), kind("deferred").as_str()), ("SQLSTATE 22012", "SQLSTATE 23503"));
    assert!(kind("commits").starts_with("SQLSTATE ") && kind("copies").starts_with("SQLSTATE "));
    assert_eq!(jobs.attempts("several"), ["succeeded 1"]);
}
on_every_server!(sql_runs_in_one_transaction_with_its_record);

fn what_cannot_run_in_a_transaction_runs_without_one(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "without",
        r#"
[defaults]
timezone = "Asia/Kolkata"
[[job]]
name = "vacuum"
schedule = "1d"
transaction = false
sql = "VACUUM t; CREATE INDEX CONCURRENTLY i ON t (a); INSERT INTO t VALUES (current_setting('TimeZone')); SET statement_timeout = 1"
[[job]]
name = "zz after"
schedule = "1d"
sql = "INSERT INTO t SELECT current_setting('statement_timeout') || current_setting('TimeZone')"
depends_on = ["vacuum"]
[[job]]
name = "own"
schedule = "1d"
transaction = false
sql = "BEGIN; INSERT INTO t VALUES ('own'); COMMIT"
[[job]]
name = "open"
schedule = "1d"
transaction = false
sql = "BEGIN; INSERT INTO t VALUES ('open')"
[[job]]
name = "stops"
schedule = "1d"
transaction = false
sql = "INSERT INTO t VALUES ('one'); SELECT 1 / 0; INSERT INTO t VALUES ('two')"
[[job]]
name = "takes all"
schedule = "1d"
transaction = false
sql = "SELECT pg_advisory_unlock_all(); DEALLOCATE ALL"
[[job]]
name = "takes some"
schedule = "1d"
sql = "PREPARE pgkit AS SELECT 1; /* as in DEALLOCATE ALL */ SELECT takes()"
[[job]]
name = "takes unseen"
schedule = "1d"
sql = "SELECT takes()"
"#,
    );
    jobs.db.sql(
            "CREATE TABLE t (a text);
             CREATE FUNCTION takes() RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE ''DEALLOCATE ALL''; END'",
        );
    let output = jobs.ends(1, &["run"]);
    let rows = jobs.db.sql("SELECT a FROM t ORDER BY a COLLATE \"C\"");
    let rows: Vec<&str> = rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(rows, ["0Asia/Kolkata", "Asia/Kolkata", "one", "own"], "{}", output.snapshot());
    assert!(jobs.row("open", "last_error").contains("left a transaction open"), "{}", output.snapshot());
    // It took pgkit's own statements and its lock with it, and is recorded all the same.
    assert_eq!(jobs.attempts("takes all"), ["succeeded 1"], "{}", output.snapshot());
    assert_eq!(jobs.attempts("takes some"), ["succeeded 1"], "{}", output.snapshot());
    assert!(jobs.row("takes unseen", "last_error").contains("DEALLOCATE ALL"), "{}", output.snapshot());
}
on_every_server!(what_cannot_run_in_a_transaction_runs_without_one);

#[test]
fn what_ends_the_transaction_of_its_record_is_refused_in_the_file() {
    let jobs = Jobs::new("control", "");
    for (sql, words) in [
        ("INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2)", "COMMIT"),
        ("COMMIT; BEGIN", "COMMIT"),
        ("/* a */ ROLLBACK", "ROLLBACK"),
        ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION"),
    ] {
        jobs.write(&format!("[[job]]\nname = \"j\"\nschedule = \"1d\"\nsql = \"{sql}\"\n"));
        let refused = jobs.ends(65, &["run"]);
        let line = format!("jobs.toml:4: job \"j\": sql: {words} would end the transaction");
        assert!(refused.stderr.contains(&line), "{}", refused.snapshot());
    }
    jobs.write(
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\ntransaction = false\nsql = \"SELECT 1; discard ALL\"\n",
    );
    let refused = jobs.ends(65, &["run"]);
    assert!(refused.stderr.contains("DISCARD ALL would release the job's lock"), "{}", refused.snapshot());
    jobs.write("[[job]]\nname = \"j\"\nschedule = \"1d\"\nsql = \"SAVEPOINT a; ROLLBACK TO a; SELECT 1\"\n");
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.attempts("j"), ["succeeded 1"]);
}

#[test]
fn what_a_person_wishes_of_a_run_is_done_or_told() {
    let jobs = Jobs::new(
        "wishes",
        r#"
[[job]]
name = "a"
schedule = "1d"
command = "echo a >> log"
[[job]]
name = "b"
schedule = "1d"
command = "echo b >> log"
depends_on = ["a"]
"#,
    );
    let dry = jobs.ends(0, &["run", "--dry-run"]);
    assert_eq!(dry.lines(), ["a\tyes\truns now", "b\tno\twaits for a, which hasn't been run yet"]);
    assert_eq!(jobs.text("log"), "");
    jobs.ends(64, &["run", "nobody"]);
    jobs.ends(64, &["run", "--force"]);
    jobs.ends(64, &["run", "--date", "2026-01-01"]);
    jobs.ends(64, &["run", "a", "--date", "soon"]);
    jobs.ends(64, &["run", "a", "b", "--date", "2026-01-01"]);
    jobs.ends(64, &["run", "a", "--rerun"]);
    jobs.ends(64, &["run", "--json"]);
    jobs.ends(64, &["run", "--every", "0.5s"]);
    jobs.ends(64, &["run", "--parallel", "0"]);
    let blocked = jobs.ends(0, &["run", "b"]);
    assert_eq!(blocked.stderr, "pgkit: b: waits for a, which hasn't been run yet\n");
    assert_eq!(jobs.ends(0, &["run", "b", "-q"]).stderr, "");
    jobs.ends(0, &["run", "b", "--force"]);
    assert_eq!(jobs.text("log"), "b\n");
    // Its parent runs first, and so it may in the same pass.
    jobs.make_due("b");
    jobs.ends(0, &["run", "--parallel", "4"]);
    assert_eq!(jobs.text("log"), "b\na\nb\n");
    let again = jobs.ends(0, &["run", "a"]);
    assert!(again.stderr.starts_with("pgkit: a: is not due before "), "{}", again.snapshot());
}

#[test]
fn events_are_one_json_object_a_line() {
    let jobs = Jobs::new(
        "events",
        "[[job]]\nname = \"ok\"\nschedule = \"1d\"\ncommand = \"echo hello\"\n[[job]]\nname = \"bad\"\nschedule = \"1d\"\nsql = \"SELECT 1 / 0\"\n",
    );
    let output = jobs.ends(1, &["run", "--format", "jsonl"]);
    let events: Vec<serde_json::Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<String> = events
        .iter()
        .map(|e| {
            let part = |key: &str| e[key].as_str().map(|text| format!(" {text}")).unwrap_or_default();
            format!(
                "{}{}{}{}{}",
                e["event"].as_str().unwrap(),
                part("job"),
                part("result"),
                part("outcome"),
                part("type")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "started bad",
            "finished bad failed SQLSTATE 22012",
            "outcome bad failed",
            "started ok",
            "finished ok ran",
            "outcome ok succeeded",
            "passed"
        ]
    );
    assert_eq!((&events[4]["output_bytes"], &events[6]["failed"]), (&6.into(), &1.into()));
    assert!(events[3]["pid"].is_i64() && events[0]["pid"].is_null());
    // A reader that goes away is no failure.
    let mut head = std::process::Command::new("sh");
    head.args(["-c", "\"$0\" jobs run --force ok bad --ignore-failures --format jsonl | head -1"]).arg(PGKIT);
    let mut plain = jobs.command(&[]);
    head.env_clear().envs(plain.get_envs().filter_map(|(k, v)| Some((k, v?))));
    plain.stdin(std::process::Stdio::null());
    assert_eq!(run(&mut head).stdout.lines().count(), 1);
}

#[test]
fn whoever_wants_to_know_hears_of_a_change_of_health_and_of_nothing_else() {
    let jobs = Jobs::new(
        "tell",
        r#"
[defaults]
on_failure = { command = "echo $PGKIT_STATE $PGKIT_JOB $PGKIT_ERROR_COUNT \"$PGKIT_ERROR_TYPE\" \"$PGKIT_ERROR_VALUE\" >> told" }
on_recovery = { command = ["sh", "-c", "echo $PGKIT_STATE $PGKIT_JOB $PGKIT_ERROR_COUNT >> told"] }
[[job]]
name = "p"
schedule = "1d"
command = "test -e fixed || { echo 'not $(yet)' >&2; exit 3; }"
[[job]]
name = "s"
schedule = "1d"
sql = "SELECT 1 / (SELECT count(*) FROM fixed)"
on_failure = { notify = "it's \"odd\"" }
on_recovery = { notify = "it's \"odd\"" }
"#,
    );
    jobs.db.sql("CREATE TABLE fixed ()");
    let listener = Listener::new(&jobs.db, "it's \"odd\"");
    for _ in 0..2 {
        jobs.ends(1, &["run", "p", "s", "--force"]);
    }
    std::fs::write(jobs.path("fixed"), "").unwrap();
    jobs.db.sql("INSERT INTO fixed DEFAULT VALUES");
    for _ in 0..2 {
        jobs.ends(0, &["run", "p", "s", "--force"]);
    }
    assert_eq!(jobs.text("told"), "failing p 1 exit status 3 not $(yet)\nrecovered p 2\n");
    let heard: Vec<serde_json::Value> =
        listener.heard(2).iter().map(|payload| serde_json::from_str(payload).unwrap()).collect();
    assert_eq!(heard[0]["state"], "failing");
    assert_eq!((&heard[0]["type"], &heard[0]["error_count"]), (&"SQLSTATE 22012".into(), &1.into()));
    assert_eq!((&heard[1]["state"], &heard[1]["error_count"]), (&"recovered".into(), &2.into()));
}

#[test]
fn a_hook_gets_any_error_as_data_and_one_that_is_too_long_is_cut() {
    let jobs = Jobs::new(
        "hook",
        r##"
[defaults]
on_failure = { command = ["bash", "-c", "printf '%s\\0' \"$PGKIT_JOB\" \"$PGKIT_ERROR_VALUE\" >> told"] }
[[job]]
name = "long"
schedule = "1d"
sql = "DO $$ BEGIN RAISE EXCEPTION '%', repeat('ü', 1500000) USING DETAIL = repeat('d', 999999); END $$"
[[job]]
name = "() { :; }; touch pwned\n$(touch pwned)"
schedule = "1d"
sql = "DO $$ BEGIN RAISE EXCEPTION E'() { :; }; touch pwned\n`touch pwned`\t$(touch pwned)'; END $$"
"##,
    );
    let name = "() { :; }; touch pwned\n$(touch pwned)";
    let ran = jobs.ends(1, &["run", "long", name, "--force"]);
    assert!(!ran.stderr.contains("could not start"), "{}", ran.stderr);
    // Nor does a long message fill the screen or the tables.
    assert!(ran.stderr.len() < 5000, "{}", ran.stderr.len());
    let stored = "SELECT max(octet_length(last_error::text)) FROM crontabber";
    assert!(jobs.db.value(stored).parse::<u32>().unwrap() < 50_000, "{}", jobs.db.value(stored));
    let logged = "SELECT max(octet_length(concat(exc_value, exc_traceback))) FROM crontabber_log";
    assert!(jobs.db.value(logged).parse::<u32>().unwrap() < 50_000, "{}", jobs.db.value(logged));
    let told = jobs.text("told");
    let told: Vec<&str> = told.split_terminator('\0').collect();
    assert_eq!(told.len(), 4, "{told:?}");
    let value = |job: &str| told.chunks(2).find(|pair| pair[0] == job).unwrap()[1];
    let long = value("long");
    assert!(long.len() <= 32 << 10 && long.len() > 32_000, "{}", long.len());
    assert!(long.starts_with("üüü") && long.ends_with(" bytes in all]"), "{}", &long[long.len() - 50..]);
    assert_eq!(value(name), "() { :; }; touch pwned\n`touch pwned`\t$(touch pwned)");
    assert!(!jobs.path("pwned").exists());
}

#[test]
fn text_that_the_servers_encoding_does_not_hold_is_escaped_and_what_it_holds_is_not() {
    let all = database(server(bin()).info(), "enc_all");
    let name = format!("t{}_latin", std::process::id());
    all.sql(&format!("DROP DATABASE IF EXISTS \"{name}\""));
    all.sql(&format!(
        "CREATE DATABASE \"{name}\" ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    ));
    let latin = Db { info: all.info.clone(), name };
    let jobs = Jobs::over(
        latin,
        "[[job]]\nname = \"für\"\nschedule = \"1d\"\ncommand = \"echo 'zwölf'; echo '10 €' >&2; exit 1\"\n
         [[job]]\nname = \"über\"\nschedule = \"1d\"\ncommand = \"echo 'zwölf'\"\n",
    );
    jobs.ends(1, &["run"]);
    let output =
        |job: &str| jobs.db.value(&format!("SELECT output_head FROM pgkit_run WHERE app_name = '{job}'"));
    assert_eq!(output("über"), "zwölf\n");
    assert!(output("für").contains("10 \\u{20ac}\n"), "{}", output("für"));
    assert_eq!(jobs.row("für", "last_error ->> 'value'"), "10 \\u{20ac}");
}

fn what_is_older_than_a_job_wants_it_kept_goes_and_what_it_did_stays_done(bin: &Binaries) {
    let jobs = Jobs::on(
            bin,
            "kept",
            "[defaults]\nkeep_history = \"30d\"\n[[job]]\nname = \"j\"\nevery = \"1d\"\nbackfill = true\ncommand = [\"true\"]\n
             [[job]]\nname = \"other\"\nschedule = \"1d\"\ncommand = [\"true\"]\n",
        );
    jobs.db.sql(
            "INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
             VALUES ('j', now(), date_trunc('day', now()) - interval '3 d', 0, '{}');
             INSERT INTO pgkit_job (app_name, first_seen, max_ongoing_age) VALUES ('j', now() - interval '90 d', '12 h');
             INSERT INTO pgkit_run (app_name, run_date, attempt, state, claim, grace, started)
             SELECT 'j', date_trunc('day', now()) - n * interval '1 d', 1, 'succeeded', now(), '1 s', now() - n * interval '1 d'
             FROM generate_series(3, 80) n;
             INSERT INTO pgkit_run (app_name, run_date, attempt, state, claim, grace, started)
             VALUES ('j', now() + interval '9 d', 1, 'succeeded', now(), '1 s', now() - interval '60 d');
             INSERT INTO crontabber_log (app_name, log_time, duration, success)
             SELECT 'j', now() - n * interval '1 d', '1 s', now() FROM generate_series(3, 80) n",
        );
    jobs.ends(0, &["run"]);
    let count = |what: &str| jobs.db.value(&format!("SELECT count(*) FROM {what}"));
    assert_eq!(
        count("pgkit_run WHERE app_name = 'j' AND started < now() - interval '30 d'"),
        "1",
        "on {}",
        bin.major
    );
    assert_eq!(
        count("pgkit_run WHERE app_name = 'j' AND run_date > now()"),
        "1",
        "a date ahead of its turn stays"
    );
    assert_eq!(count("crontabber_log WHERE log_time < now() - interval '30 d'"), "0");
    // Somebody puts the last success back: what was done is not done again.
    jobs.db.sql("UPDATE crontabber SET last_success = last_success - interval '70 d', next_run = now() - interval '1 s' WHERE app_name = 'j'");
    let before = count("pgkit_run WHERE app_name = 'j'");
    jobs.ends(0, &["run"]);
    assert_eq!(count("pgkit_run WHERE app_name = 'j'"), before, "on {}", bin.major);
}
on_every_server!(what_is_older_than_a_job_wants_it_kept_goes_and_what_it_did_stays_done);

#[test]
fn what_hinders_one_job_hinders_no_other() {
    let job = |name: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\nschedule = \"1d\"\ncommand = \"echo {name} >> log; test {name} != d\"\n"
        )
    };
    let jobs = Jobs::new("one", &["a", "b", "c", "d", "z"].map(job).concat());
    jobs.db.sql(
        "ALTER TABLE pgkit_run ADD CHECK (app_name <> 'b');
         INSERT INTO crontabber (app_name, next_run, error_count, last_error) VALUES ('d', now() - interval '1 h', 2147483647, '{}');
         INSERT INTO crontabber (app_name, next_run, ongoing, error_count, last_error) VALUES ('c', now() - interval '1 h', '-infinity', 0, '{}')",
    );
    let output = jobs.jobs(&["run"]);
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert!(output.stderr.contains("pgkit: b: the server says: "), "{}", output.stderr);
    assert_eq!(jobs.text("log"), "a\nc\nd\nz\n");
    assert_eq!(jobs.row("d", "error_count"), "2147483647");
    // A right that is missing is missing for all, and is told once.
    let session = jobs.db.session();
    session.sql("CREATE ROLE reader_of_one LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO reader_of_one");
    let refused = run(jobs.command(&["run"]).env("PGUSER", "reader_of_one"));
    session.sql("DROP OWNED BY reader_of_one; DROP ROLE reader_of_one");
    assert_eq!(refused.stderr.matches("permission denied").count(), 1, "{}", refused.stderr);
}

fn a_job_has_all_the_time_it_needs_and_any_word_it_likes(bin: &Binaries) {
    // Longer than pgkit's own statements may take.
    let time = if bin.major == bins().iter().map(|bin| bin.major).min().unwrap() { 13 } else { 0 };
    let jobs = Jobs::on(
        bin,
        "time",
        &format!(
            r#"
[[job]]
name = "copies"
every = "1h"
backfill = true
sql = "INSERT INTO t SELECT 'a copy', $1"
[[job]]
name = "rows"
schedule = "1d"
sql = "SELECT * FROM generate_series(1, 200000)"
[[job]]
name = "time"
schedule = "1d"
sql = "INSERT INTO t SELECT 'time' FROM pg_sleep({time})"
"#
        ),
    );
    jobs.db.sql(
        "CREATE TABLE t (what text, at timestamptz);
             INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
             VALUES ('copies', now() - interval '1 d', date_trunc('hour', now()) - interval '2 h', 0, '{}')",
    );
    let output = jobs.jobs(&["run", "--parallel", "3"]);
    assert_eq!(output.code, Some(0), "on {}: {}", bin.major, output.snapshot());
    assert_eq!(jobs.db.value("SELECT count(*) || ' ' || count(at) FROM t"), "3 2", "on {}", bin.major);
}
on_every_server!(a_job_has_all_the_time_it_needs_and_any_word_it_likes);

//! The flags, formats and exit codes of `pgkit doctor`, and its error messages.

use std::process::Command;

use crate::support::jobs::Jobs;
use crate::support::*;

/// The checks that a planted database is judged by. They find something critical, a warning and a note.
const CHECKS: [&str; 3] = ["index-invalid", "matview-empty", "checksums-off"];

fn planted(name: &str) -> Db {
    let db = db(name);
    plant(&db);
    db
}

fn plant(db: &Db) {
    db.sql(
        "CREATE TABLE t (a int); CREATE UNIQUE INDEX broken ON t (a);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass;
         CREATE MATERIALIZED VIEW stale AS SELECT 1 AS a WITH NO DATA",
    );
}

/// Returns the lines on stdout, whatever the exit code is.
fn lines(output: &Output) -> Vec<&str> {
    output.stdout.lines().collect()
}

/// Runs `pgkit doctor` on this database alone.
fn doctor(db: &Db, args: &[&str]) -> Output {
    let mut command = pgkit(db);
    command.args(["doctor", "--database", &format!("\"{}\"", db.name)]).args(args);
    run(&mut command)
}

fn asked(db: &Db, args: &[&str]) -> Output {
    doctor(db, &[&CHECKS[..], args].concat())
}

#[test]
fn findings_come_worst_first_as_rows_that_pipe() {
    let db = planted("doctor_rows");
    let output = asked(&db, &["--columns", "severity,check,object"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    let lines: Vec<&str> = lines(&output);
    assert_eq!(lines[0], "critical\tindex-invalid\tpublic.broken");
    assert_eq!(lines[1], "warning\tmatview-empty\tpublic.stale");
    assert!(output.stderr.contains("1 critical, 1 warning"), "{}", output.stderr);
    let json = asked(&db, &["--json", "-q", "--grep", "^critical"]);
    let rows: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rows[0]["check"], "index-invalid");
    assert!(rows[0]["remedy"].as_str().unwrap().contains("public.broken"), "{rows}");
    assert_eq!(json.stderr, "");
}

#[test]
fn the_exit_code_is_that_of_the_worst_finding() {
    let db = planted("doctor_codes");
    for (args, code) in [
        (&["index-invalid"][..], 1),
        (&["index-invalid", "--fail-on", "never"], 0),
        (&["matview-empty"], 0),
        (&["matview-empty", "--fail-on", "warning"], 1),
        (&["checksums-off", "--fail-on", "warning"], 0),
        (&["index-duplicate"], 0),
    ] {
        assert_eq!(doctor(&db, args).code, Some(code), "{args:?}");
    }
}

#[test]
fn monitoring_gets_one_line_with_figures_and_a_code_of_its_own() {
    let db = planted("doctor_nagios");
    let output = asked(&db, &["--nagios"]);
    assert_eq!(output.code, Some(2), "{}", output.snapshot());
    assert_eq!(lines(&output).len(), 1, "{}", output.stdout);
    assert!(output.stdout.starts_with("CRITICAL - 1 critical: index-invalid "), "{}", output.stdout);
    assert!(output.stdout.contains(" | critical=1;;0 warning=1;0 unseen=0 "), "{}", output.stdout);
    let warning = doctor(&db, &["matview-empty", "--nagios"]);
    assert_eq!((warning.code, warning.stdout.starts_with("WARNING - ")), (Some(1), true));
    let fine = doctor(&db, &["index-duplicate", "--nagios"]);
    assert_eq!(fine.code, Some(0));
    assert!(fine.stdout.starts_with("OK - nothing is wrong | critical=0"), "{}", fine.stdout);
    let gone = run(bare_pgkit().args(["doctor", "--nagios", "-h", "/nonexistent"]));
    assert_eq!(gone.code, Some(3), "{}", gone.snapshot());
    assert!(gone.stdout.starts_with("UNKNOWN - "), "{}", gone.stdout);
}

#[test]
fn prometheus_gets_metrics_that_its_parser_takes() {
    let db = planted("doctor_metrics");
    let output = asked(&db, &["--prometheus"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stdout.contains("pgkit_doctor_findings{severity=\"critical\"} 1\n"), "{}", output.stdout);
    let of_check = format!("check=\"index-invalid\",severity=\"critical\",database=\"{}\"", db.name);
    assert!(output.stdout.contains(&of_check), "{}", output.stdout);
    let metric = regex::Regex::new(r#"^[a-z_]+(\{([a-z_]+="(\\.|[^"\\])*",?)+\})? [0-9.e+]+$"#).unwrap();
    for line in output.stdout.lines().filter(|line| !line.starts_with("# ")) {
        assert!(metric.is_match(line), "{line}");
    }
    // Each metric family has exactly one TYPE line.
    for family in output.stdout.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = family.split(' ').next().unwrap();
        assert_eq!(output.stdout.matches(&format!("# TYPE {name} ")).count(), 1);
    }
    if let Ok(mut tool) =
        Command::new("promtool").args(["check", "metrics"]).stdin(std::process::Stdio::piped()).spawn()
    {
        use std::io::Write;
        tool.stdin.take().unwrap().write_all(output.stdout.as_bytes()).unwrap();
        assert!(tool.wait().unwrap().success());
    }
}

#[test]
fn limits_of_ones_own_change_or_ignore_findings_and_say_so() {
    let db = planted("doctor_limits");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.toml");
    let limits = |text: &str, args: &[&str]| {
        std::fs::write(&path, text).unwrap();
        asked(&db, &[&["--limits", path.to_str().unwrap(), "--columns", "severity,check"], args].concat())
    };
    let ignored = limits(
        "[[limit]]\ncheck = \"index-invalid\"\nobject = \"public.bro*\"\nignore = \"is being rebuilt\"\n",
        &[],
    );
    assert_eq!(ignored.code, Some(0), "{}", ignored.snapshot());
    assert!(!ignored.stdout.contains("index-invalid"));
    assert!(
        ignored.stderr.contains("1 finding ignored") && ignored.stderr.contains("is being rebuilt"),
        "{}",
        ignored.stderr
    );
    let other =
        limits("[[limit]]\ncheck = \"index-invalid\"\nobject = \"other.*\"\nignore = \"elsewhere\"\n", &[]);
    assert_eq!(other.code, Some(1), "{}", other.snapshot());
    let over =
        limits("[[limit]]\ncheck = \"index-invalid\"\nignore = \"for a day\"\nuntil = \"2020-01-01\"\n", &[]);
    assert_eq!(over.code, Some(1));
    assert!(
        over.stderr.contains("no longer ignored") && over.stderr.contains("2020-01-01"),
        "{}",
        over.stderr
    );
    let off = limits("[[limit]]\ncheck = \"index-invalid\"\ncritical = false\nwarning = false\n", &[]);
    assert_eq!(off.code, Some(0), "{}", off.snapshot());
    for (text, code, says) in [
        (
            "[[limit]]\ncheck = \"index-invalld\"\nignore = \"a\"\n",
            65,
            "unknown check \"index-invalld\"; did you mean \"index-invalid\"?",
        ),
        (
            "[[limit]]\ncheck = \"server-unseen\"\nignore = \"a\"\n",
            65,
            ":2: server-unseen cannot be ignored: leave the server out",
        ),
        ("[[limit]]\ncheck = \"database-unseen\"\nwarning = 1\n", 65, "it can only be ignored"),
        ("[[limit]]\ncheck = \"database-unsen\"\nignore = \"a\"\n", 65, "did you mean \"database-unseen\"?"),
        ("[[limit]]\ncomand = \"index-invalid\"\n", 65, ":2: unknown field `comand`"),
        ("[[limit\n", 65, "limits.toml:1"),
    ] {
        let output = limits(text, &[]);
        assert_eq!(output.code, Some(code), "{}", output.snapshot());
        assert!(output.stderr.contains(says), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    }
    let missing = asked(&db, &["--limits", "/nonexistent/limits.toml"]);
    assert_eq!(missing.code, Some(74), "{}", missing.snapshot());
    // doctor.toml in the configuration folder is read without a flag.
    let config = folder.path().join("pgkit");
    std::fs::create_dir(&config).unwrap();
    std::fs::write(config.join("doctor.toml"), "[[limit]]\ncheck = \"index-invalid\"\nignore = \"known\"\n")
        .unwrap();
    let mut command = pgkit(&db);
    command.env("XDG_CONFIG_HOME", folder.path()).args(["doctor", "index-invalid"]);
    let output = run(&mut command);
    assert!(output.stderr.contains("(known)"), "{}", output.snapshot());
}

#[test]
fn a_database_that_cannot_be_entered_can_be_explained_and_ignored() {
    let db = db("doctor_closed");
    let closed = database(&db.info, "doctor_closed_to_all");
    db.sql(&format!("REVOKE CONNECT ON DATABASE \"{}\" FROM public", closed.name));
    db.sql("DO $$ BEGIN CREATE ROLE doctor_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.toml");
    let with_limit = |pattern: &str| {
        let text = format!(
            "[[limit]]\ncheck = \"database-unseen\"\ndatabase = \"{pattern}\"\nignore = \"private\"\n"
        );
        std::fs::write(&path, text).unwrap();
        let args = ["-U", "doctor_nobody", "--database", &closed.name, "--columns", "check,database,finding"];
        doctor(&db, &[&args[..], &["--limits", path.to_str().unwrap(), "index-invalid"]].concat())
    };
    let other = with_limit("elsewhere");
    assert_eq!(other.code, Some(1), "{}", other.snapshot());
    assert!(other.stdout.starts_with(&format!("database-unseen\t{}\t", closed.name)), "{}", other.snapshot());
    let ignored = with_limit(&closed.name);
    assert_eq!((ignored.code, ignored.stdout.as_str()), (Some(0), ""), "{}", ignored.snapshot());
    assert!(ignored.stderr.contains("1 finding of database-unseen (private)"), "{}", ignored.snapshot());
    for name in ["database-unseen", "server-unseen", "own-report"] {
        let explained = run(bare_pgkit().args(["doctor", "--explain", name]));
        assert_eq!(explained.code, Some(0), "{}", explained.snapshot());
        assert!(explained.stdout.starts_with(&format!("{name}\n  why ")), "{}", explained.snapshot());
        let asked = doctor(&db, &[name]);
        assert_eq!(asked.code, Some(64), "{}", asked.snapshot());
        assert!(asked.stderr.contains("is no check"), "{}", asked.snapshot());
    }
}

#[test]
fn what_a_role_may_not_see_is_unseen_and_counts_as_what_it_might_be() {
    let db = planted("doctor_rights");
    db.sql("DO $$ BEGIN CREATE ROLE doctor_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$");
    let of_nobody = |args: &[&str]| {
        doctor(&db, &[&["-U", "doctor_nobody", "--columns", "severity,check,finding"], args].concat())
    };
    let output = of_nobody(&["config-file-errors"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stdout.starts_with("unseen\tconfig-file-errors\t"), "{}", output.stdout);
    assert!(output.stdout.contains("permission denied"), "{}", output.stdout);
    assert_eq!(of_nobody(&["config-file-errors", "--allow-unseen"]).code, Some(0));
    assert_eq!(of_nobody(&["config-file-errors", "--nagios"]).code, Some(64), "--nagios has no columns");
    // The other checks still run.
    let all = of_nobody(&[]);
    assert!(all.stdout.contains("critical\tindex-invalid\t"), "{}", all.snapshot());
    assert!(!all.stdout.contains("a bug in pgkit"), "{}", all.stdout);
}

#[test]
fn nothing_waits_behind_a_lock_and_the_other_checks_stand() {
    let db = planted("doctor_slow");
    let holder = db.session();
    holder.sql("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
    let start = std::time::Instant::now();
    let output = doctor(&db, &["--columns", "severity,check,object,finding"]);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    assert!(output.stdout.contains("warning\tmatview-empty\tpublic.stale"), "{}", output.snapshot());
}

#[test]
fn a_snapshot_is_judged_as_its_server_was() {
    // On the shared server, other tests create and drop databases.
    let own = own_server(&options(bin()));
    let db = database(own.info(), "doctor_from");
    plant(&db);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
    let take = |name: &str| {
        let output = run(pgkit(&db).args(["snapshot", "-q", "-o", &path(name)]));
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
    };
    take("before.snap");
    let from = |args: &[&str]| {
        let mut command = bare_pgkit();
        command.args([
            "doctor",
            "--from",
            &path("before.snap"),
            "--columns",
            "severity,check,database,object",
            "--grep",
            &db.name,
        ]);
        run(command.args(CHECKS).args(args))
    };
    let live = asked(&db, &["--columns", "severity,check,database,object", "--grep", &db.name]);
    assert_eq!((from(&[]).stdout, from(&[]).code), (live.stdout.clone(), Some(1)), "{}", live.snapshot());
    // Since the snapshot, one finding is new and another one is gone.
    db.sql("REFRESH MATERIALIZED VIEW stale; CREATE MATERIALIZED VIEW later AS SELECT 1 AS a WITH NO DATA");
    let against = asked(
        &db,
        &["--against", &path("before.snap"), "--columns", "change,check,object", "--grep", "public"],
    );
    let lines: std::collections::BTreeSet<&str> = lines(&against).into_iter().collect();
    let expected = [
        "same\tindex-invalid\tpublic.broken",
        "new\tmatview-empty\tpublic.later",
        "gone\tmatview-empty\tpublic.stale",
    ];
    assert_eq!(lines, expected.into_iter().collect(), "{}", against.snapshot());
    // A check whose report is missing from the snapshot is unseen.
    let output = run(pgkit(&db).args(["snapshot", "relations", "-q", "-o", &path("little.snap")]));
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let little = run(bare_pgkit().args(["doctor", "index-invalid", "--from", &path("little.snap")]));
    assert_eq!(little.code, Some(1), "{}", little.snapshot());
    assert!(little.stdout.starts_with("unseen\tindex-invalid"), "{}", little.stdout);
}

#[test]
fn many_servers_get_one_verdict_each() {
    let db = planted("doctor_many");
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("servers");
    let info = &db.info;
    let line = format!(
        "host={} port={} user={} dbname={}",
        info.socket_dir.display(),
        info.port,
        info.user,
        db.name
    );
    std::fs::write(&list, format!("one {line}\ntwo {line}\ngone host={} port=1\n", folder.path().display()))
        .unwrap();
    let mut command = bare_pgkit();
    command.args([
        "doctor",
        "index-invalid",
        "--columns",
        "server,severity,check",
        "--database",
        &format!("\"{}\"", db.name),
    ]);
    let output = run(command.arg("--servers").arg(&list));
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    let lines = lines(&output);
    assert_eq!(
        lines,
        ["one\tcritical\tindex-invalid", "two\tcritical\tindex-invalid", "gone\tunseen\tserver-unseen"]
    );
    assert!(output.stderr.contains("doctor: two: 1 critical; 1 check"), "{}", output.stderr);
}

#[test]
fn databases_that_are_asked_at_the_same_time_give_the_same_answer() {
    // On the shared server, other tests create and drop databases.
    let own = own_server(&options(bin()));
    let db = database(own.info(), "doctor_parallel");
    let others: Vec<Db> =
        (0..5).map(|number| database(own.info(), &format!("doctor_beside_{number}"))).collect();
    others.iter().for_each(plant);
    let ask = |parallel: &[&str]| {
        let mut command = pgkit(&db);
        command.args(["doctor", "--columns", "severity,check,database,object", "--allow-unseen"]);
        let output = run(command.args(parallel).args(CHECKS));
        assert_eq!(output.code, Some(1), "{}", output.snapshot());
        (output.stdout, output.stderr)
    };
    let alone = ask(&[]);
    assert_eq!(alone.0.matches("critical\tindex-invalid").count(), 5, "{}", alone.0);
    for parallel in ["1", "2", "8"] {
        assert_eq!(ask(&["--parallel", parallel]), alone, "{parallel}");
    }
    // The page needs the answers of all reports, of which some are about the server and need an extension.
    let folder = tempfile::tempdir().unwrap();
    let mut command = pgkit(&db);
    command.args(["doctor", "--allow-unseen", "--parallel", "4", "--html"]);
    let output = run(command.arg(folder.path().join("page.html")));
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
}

#[test]
fn what_is_not_looked_at_again_is_not_gone() {
    // On the shared server, other tests create and drop databases.
    let own = own_server(&options(bin()));
    let db = database(own.info(), "doctor_one");
    let other = database(own.info(), "doctor_other");
    plant(&db);
    plant(&other);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("before.snap");
    let taken = run(pgkit(&db).args(["snapshot", "-q", "-o"]).arg(&path));
    assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    db.sql("DROP INDEX broken");
    let compare = |args: &[&str]| {
        let mut command = pgkit(&db);
        command.args(["doctor", "index-invalid", "--columns", "database,change", "--against"]).arg(&path);
        run(command.args(args))
    };
    let one = compare(&["--database", &format!("\"{}\"", db.name)]);
    assert_eq!(one.stdout, format!("{}\tgone\n", db.name), "{}", one.snapshot());
    let both = compare(&[]);
    assert!(both.stdout.contains(&format!("{}\tsame\n", other.name)), "{}", both.snapshot());
    assert!(both.stdout.contains(&format!("{}\tgone\n", db.name)), "{}", both.snapshot());
    let none = compare(&[
        "--exclude-database",
        &format!("\"{}\"", db.name),
        "--exclude-database",
        &format!("\"{}\"", other.name),
    ]);
    assert!(!none.stdout.contains("gone"), "{}", none.snapshot());
    assert!(none.stderr.contains("not looked at again: 2 earlier findings"), "{}", none.stderr);
}

#[test]
fn a_deep_check_without_its_extension_has_looked_at_nothing() {
    let db = db("doctor_deep");
    let output = doctor(&db, &["index-damaged", "--deep", "--columns", "severity,check,finding"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(
        output.stdout.starts_with("unseen\tindex-damaged\textension amcheck is not installed"),
        "{}",
        output.snapshot()
    );
}

#[test]
fn jobs_are_judged_in_every_schema_that_has_them() {
    let jobs = Jobs::new("doctor_jobs", "[nightly]\nevery = \"1d\"\nsql = \"SELECT 1\"\n");
    jobs.db.sql("CREATE SCHEMA \"Op's\"");
    jobs.ends(0, &["init", "--schema", "Op's"]);
    for (schema, errors) in [("public", 1), ("\"Op's\"", 3)] {
        jobs.db.sql(&format!(
            "INSERT INTO {schema}.crontabber (app_name, next_run, first_run, error_count, last_error)
             VALUES ('night<ly>', now() + '1 day', now(), {errors}, '{{\"value\": \"a\\nb\"}}')"
        ));
        jobs.db.sql(&format!(
            "INSERT INTO {schema}.pgkit_job (app_name, first_seen, max_ongoing_age) VALUES ('night<ly>', now(), '1 h')"
        ));
    }
    let output = doctor(&jobs.db, &["job-failing", "--columns", "severity,object,proof"]);
    let database = &jobs.db.name;
    assert_eq!(
        lines(&output),
        [
            format!("critical\tOp's.night<ly>\tpgkit -d {database} jobs history --schema 'Op'\\\\''s'"),
            format!("warning\tpublic.night<ly>\tpgkit -d {database} jobs history --schema public")
        ],
        "{}",
        output.snapshot()
    );
}

#[test]
fn rates_need_two_looks_and_one_line_says_so() {
    let db = planted("doctor_rates");
    let one = doctor(&db, &["wait-pile-up"]);
    assert_eq!((one.code, one.stdout.as_str()), (Some(1), ""), "{}", one.snapshot());
    assert!(one.stderr.contains("not judged without --for or --against: wait-pile-up"), "{}", one.stderr);
    assert_eq!(doctor(&db, &["wait-pile-up", "--allow-unseen"]).code, Some(0));
    let beside = doctor(&db, &["wait-pile-up", "index-duplicate"]);
    assert_eq!(beside.code, Some(0), "{}", beside.snapshot());
    let plugin = doctor(&db, &["wait-pile-up", "--nagios"]);
    assert_eq!(plugin.code, Some(3), "{}", plugin.snapshot());
    assert!(plugin.stdout.starts_with("UNKNOWN - nothing was looked at | "), "{}", plugin.snapshot());
    let two = doctor(&db, &["wait-pile-up", "--for", "1s"]);
    assert!(!two.stderr.contains("not judged"), "{}", two.snapshot());
    assert!(two.stderr.contains("nothing is wrong; 1 check"), "{}", two.snapshot());
}

#[test]
fn wrong_usage_is_said_in_one_clear_error() {
    for (args, says) in [
        (
            &["doctor", "index-invalld"][..],
            "unknown check \"index-invalld\"; did you mean \"index-invalid\"?",
        ),
        (&["doctor", "--explain"], "--explain needs the name of a check"),
        (
            &["doctor", "--from", "a.snap", "-h", "db1"],
            "--from cannot be used with flags that lead to a server",
        ),
        (&["doctor", "--from", "a.snap", "--for", "5s"], "cannot be used with"),
        (&["doctor", "--nagios", "--json"], "cannot be used with"),
        (&["doctor", "--columns", "seferity"], "seferity"),
        (&["doctor", "--fail-on", "note"], "invalid value 'note'"),
    ] {
        let output = run(bare_pgkit().args(args));
        assert_eq!(output.code, Some(64), "{args:?}: {}", output.snapshot());
        assert!(output.stderr.contains(says), "{args:?}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{args:?}");
    }
    let gone = run(bare_pgkit().args(["doctor", "-h", "/nonexistent"]));
    assert_eq!((gone.code, gone.stdout.as_str()), (Some(69), ""), "{}", gone.snapshot());
    let none = run(bare_pgkit().args(["doctor", "--from", "/nonexistent.snap"]));
    assert_eq!((none.code, none.stdout.as_str()), (Some(74), ""), "{}", none.snapshot());
}

#[test]
fn checks_are_listed_and_explained_without_a_server() {
    let list = run(bare_pgkit().args(["doctor", "--list", "--columns", "check,worst"]));
    assert_eq!(list.code, Some(0), "{}", list.snapshot());
    assert!(lines(&list).len() > 90 && list.stdout.contains("index-invalid\tcritical\n"), "{}", list.stdout);
    let explained = run(bare_pgkit().args(["doctor", "--explain", "index-invalid"]));
    assert_eq!(explained.code, Some(0), "{}", explained.snapshot());
    for part in ["index-invalid\n", "  why ", "  critical ", "  source "] {
        assert!(explained.stdout.contains(part), "{part}: {}", explained.stdout);
    }
}

#[test]
fn a_check_of_ones_own_is_judged_beside_the_others() {
    let db = planted("doctor_own");
    let folder = tempfile::tempdir().unwrap();
    let file = "-- Numbers.\n--\n-- columns = [\"n int4\"]\n-- key = [\"n\"]\n-- [[check]]\n-- name = \"too-many\"\n-- object = \"number {n}\"\n-- value = \"n\"\n-- critical = \"n >= 3\"\n-- warning = \"n >= 2\"\n-- finding = \"it is {n}\"\n-- why = \"It is.\"\n-- source = \"I.\"\nSELECT n FROM generate_series(1, 3) AS n ORDER BY n\n";
    std::fs::write(folder.path().join("numbers.sql"), file).unwrap();
    let own = |args: &[&str]| {
        let mut command = pgkit(&db);
        command.env("PGKIT_QUERIES", folder.path()).args(["doctor", "--database", &db.name]);
        run(command.args(args))
    };
    let output = own(&["too-many", "--columns", "severity,object,value,limit,finding"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert_eq!(lines(&output), ["critical\tnumber 3\t3\t3\tit is 3", "warning\tnumber 2\t2\t2\tit is 2"]);
    std::fs::write(folder.path().join("numbers.sql"), file.replace("n >= 3", "m >= 3")).unwrap();
    // A file that cannot be parsed may contain checks, so it is unseen.
    let broken = own(&["--columns", "severity,check,finding", "--grep", "own-report"]);
    let says = "unseen\town-report\t";
    assert!(
        broken.stdout.starts_with(says) && broken.stdout.contains("numbers.sql"),
        "{}",
        broken.snapshot()
    );
    assert!(broken.stdout.contains("unknown column \"m\""), "{}", broken.snapshot());
}

#[test]
fn a_terminal_gets_paragraphs_and_few_of_each_check() {
    let db = db("doctor_terminal");
    let views: String = (1..=8)
        .map(|i| format!("CREATE MATERIALIZED VIEW stale_{i} AS SELECT 1 AS a WITH NO DATA;"))
        .collect();
    db.sql(&views);
    let command = with(pgkit(&db), ["doctor", "--database", &db.name, "--allow-unseen"]);
    let (_, shown) = pty::on_terminal(command, 200, 80);
    assert_eq!(shown.matches("public.stale_").count(), 5, "{shown}");
    assert!(shown.contains("3 more findings of matview-empty: pgkit doctor matview-empty"), "{shown}");
    for line in shown.lines().filter(|line| !line.contains("remedy")) {
        assert!(line.chars().count() <= 110, "{line}");
    }
    let command = with(pgkit(&db), ["doctor", "matview-empty", "--database", &db.name]);
    let (_, whole) = pty::on_terminal(command, 200, 80);
    assert!(whole.contains("stale_8"), "{whole}");
}

#[test]
fn the_example_of_a_job_tells_only_what_has_changed() {
    let db = planted("doctor_job");
    let folder = tempfile::tempdir().unwrap();
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let told = folder.path().join("told");
    let tell = || {
        let mut command = Command::new("sh");
        let pgkit = std::path::Path::new(PGKIT).parent().unwrap();
        command.env_clear().envs(db.info.env()).env("PGDATABASE", &db.name).env("HOME", "/nonexistent");
        command.env("PATH", format!("{}:/usr/bin:/bin", pgkit.display()));
        // On the shared server, other tests create and drop databases.
        let others =
            db.sql("SELECT datname FROM pg_database WHERE datallowconn AND datname <> current_database()");
        let others: Vec<String> =
            others.into_iter().flatten().flatten().map(|name| format!("\"{name}\"")).collect();
        command.env("PGKIT_EXCLUDE_DATABASE", others.join(","));
        command.arg(docs.join("doctor-changes.sh")).arg(folder.path().join("last"));
        let output = run(command.args(["tee", told.to_str().unwrap()]));
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
        let mine = |line: &&str| line.contains(&db.name);
        output.stdout.lines().filter(mine).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = tell();
    assert!(first.iter().any(|line| line.starts_with("new:  critical\tindex-invalid\t")), "{first:?}");
    assert_eq!(tell(), Vec::<String>::new());
    db.sql("REFRESH MATERIALIZED VIEW stale");
    let third = tell();
    assert_eq!(third, [format!("gone: warning\tmatview-empty\t{}\tpublic.stale", db.name)]);
    let file = docs.join("doctor.toml");
    let checked = run(bare_pgkit().args(["jobs", "check", "--file"]).arg(file));
    assert_eq!(checked.code, Some(0), "{}", checked.snapshot());
}

/// The first block of this language on the page about `doctor` that has this text.
fn documented(language: &str, text: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    let page = std::fs::read_to_string(path).unwrap();
    let blocks = page.split("```").skip(1).step_by(2);
    let mut found =
        blocks.filter_map(|block| block.strip_prefix(language)).filter(|block| block.contains(text));
    found.next().unwrap_or_else(|| panic!("no block with {text}")).trim_start().to_owned()
}

#[test]
fn the_limits_and_the_check_that_the_manual_shows_are_accepted() {
    let db = db("doctor_manual");
    db.sql(
        "CREATE TABLE orders (id int8, created timestamptz, customer text, shipped timestamptz);
         INSERT INTO orders VALUES (7, now() - interval '3 days', 'ann', NULL), (8, now(), 'important', NULL), (9, now(), 'bob', NULL)",
    );
    let folder = tempfile::tempdir().unwrap();
    let limits = folder.path().join("limits.toml");
    std::fs::write(&limits, documented("toml", "[[limit]]")).unwrap();
    std::fs::write(folder.path().join("orders.sql"), documented("sql", "[[check]]")).unwrap();
    let mut command = pgkit(&db);
    command
        .env("PGKIT_QUERIES", folder.path())
        .arg("doctor")
        .arg("orders-waiting")
        .arg("--limits")
        .arg(&limits);
    let database = format!("\"{}\"", db.name);
    let output = run(command.args(["--database", &database, "--columns", "severity,object"]));
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert_eq!(lines(&output), ["critical\torder 7", "warning\torder 8"], "{}", output.snapshot());
}

#[test]
fn a_proof_asks_the_server_or_the_snapshot_that_was_asked() {
    let db = planted("doctor proof");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (socket, port) = (db.info.socket_dir.display().to_string(), db.info.port.to_string());
    let conninfo = format!("host='{socket}' port={port} user=postgres password=geheim dbname='{}'", db.name);
    std::fs::write(path("servers"), format!("one {conninfo}\n")).unwrap();
    let service = format!("[far one]\nhost={socket}\nport={port}\nuser=postgres\ndbname={}\n", db.name);
    std::fs::write(path("pg_service.conf"), service).unwrap();
    let taken = run(pgkit(&db).args(["snapshot", "-q", "-o", &path("a.snap")]));
    assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    // As on another machine: only the service file is known.
    let elsewhere = |program: &str| {
        let mut command = Command::new(program);
        let bin = std::path::Path::new(PGKIT).parent().unwrap().display().to_string();
        command.env_clear().env("PATH", format!("{bin}:/usr/bin:/bin")).env("HOME", folder.path());
        command.env("PGSERVICEFILE", path("pg_service.conf")).current_dir(folder.path());
        command
    };
    let database = ["--database", &format!("\"{}\"", db.name)].map(str::to_owned);
    let flags = ["-h", &socket, "-p", &port, "-U", "postgres", "-d", "postgres"];
    let two = format!(
        "host='/nonexistent,{socket}' port={port} user=postgres target_session_attrs=read-write dbname=postgres"
    );
    let shown = format!("host={socket} port={port} user=postgres");
    let cases: [(&[&str], &str); 6] = [
        (&flags, &format!("pgkit -h {socket} -p {port} -U postgres -d ")),
        (&["-d", &conninfo], &format!("pgkit -d 'dbname='\\''{}'\\'' {shown}' ", db.name)),
        (&["-d", &two], "pgkit -d 'dbname="),
        (&["--service", "far one,far one"], "pgkit --service 'far one' "),
        (&["--servers", "servers"], &format!("pgkit -d 'dbname='\\''{}'\\'' {shown}' ", db.name)),
        (&["--from", "a.snap"], "pgkit doctor index-invalid --from a.snap"),
    ];
    for (way, begins) in cases {
        let mut asking = elsewhere(PGKIT);
        asking.args(["doctor", "index-invalid", "matview-empty", "-q", "--json"]).args(way);
        let found = run(asking.args(&database));
        assert_eq!(found.code, Some(1), "{way:?} {}", found.snapshot());
        assert!(!found.stdout.contains("geheim"), "{}", found.snapshot());
        let rows: Vec<serde_json::Value> = serde_json::from_str(&found.stdout).unwrap();
        let row = rows.iter().find(|row| row["object"] == "public.broken").unwrap();
        let proof = row["proof"].as_str().unwrap();
        assert!(proof.starts_with(begins), "{way:?} {proof}");
        let shown = run(elsewhere("sh").args(["-c", proof]));
        // doctor has found something critical.
        let code = i32::from(proof.starts_with("pgkit doctor"));
        assert_eq!(shown.code, Some(code), "{proof} {}", shown.snapshot());
        assert!(shown.stdout.contains("broken"), "{proof} {}", shown.snapshot());
    }
}

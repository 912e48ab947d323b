//! Taking a snapshot: what is in it, what is left out and why, and where it is written.

use super::*;

#[test]
fn what_cannot_be_looked_at_is_recorded_with_the_reason() {
    let place = Place::new(bin());
    for sql in [
        "CREATE ROLE weak LOGIN",
        "CREATE DATABASE closed",
        "CREATE DATABASE \"odd \"\"name\nx\"",
        "REVOKE CONNECT ON DATABASE closed FROM public",
    ] {
        place.db.sql(sql);
    }
    let _another = place.db.session();
    let output = place.pgkit(&["snapshot", "-U", "weak", "-o", "weak.snap"]);
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert!(
        output.stdout.is_empty() && output.stderr.contains("pgkit snapshot show weak.snap"),
        "{}",
        output.snapshot()
    );
    let shown = place.offline(&["snapshot", "show", "weak.snap"]);
    let has = |line: &str| {
        assert!(shown.stdout.lines().any(|l| l.starts_with(line)), "{line}: {}", shown.snapshot())
    };
    has("server\trole\t\t\tweak");
    has(&format!("report\trelations\t{}\t", place.db.name));
    has("report\trelations\todd \"name\\nx\t");
    has("missing\tall reports\tclosed\t\tthe role may not connect to it");
    has("missing\tstatements\t\t\textension pg_stat_statements is not installed");
    let hidden = shown
        .stdout
        .lines()
        .any(|line| line.starts_with("report\tactivity") && line.contains("pg_read_all_stats"));
    assert!(hidden, "{}", shown.snapshot());
    let activity = place.offline(&["activity", "--from", "weak.snap"]);
    assert!(activity.stderr.contains("pg_read_all_stats"), "{}", activity.snapshot());
    let closed = place.offline(&["sizes", "--from", "weak.snap", "-d", "closed"]);
    assert_eq!(closed.code, Some(65), "{}", closed.snapshot());
    let all = place.offline(&["sizes", "--from", "weak.snap", "--all-databases"]);
    assert_eq!(all.code, Some(0), "{}", all.snapshot());
    assert!(all.stderr.contains("skipped: closed, template0"), "{}", all.snapshot());
    // A report that is named must come.
    let named = place.pgkit(&["snapshot", "statements", "roles", "-o", "named.snap"]);
    assert_eq!(named.code, Some(76), "{}", named.snapshot());
    assert_eq!(place.offline(&["roles", "--from", "named.snap"]).code, Some(0));
    let missing = place.offline(&["statements", "--from", "named.snap"]);
    assert!(
        missing.code == Some(65) && missing.stderr.contains("is not installed"),
        "{}",
        missing.snapshot()
    );
}

#[test]
fn a_table_that_is_locked_holds_nothing_up() {
    let place = Place::new(bin());
    let holder = place.db.session();
    holder.sql("BEGIN; LOCK crap_reports");
    let start = std::time::Instant::now();
    let output = place.pgkit(&["snapshot", "-o", "locked.snap", "--lock-timeout", "200ms"]);
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert!(start.elapsed().as_secs() < 30);
    let sizes = place.offline(&["sizes", "--from", "locked.snap", "--grep", "\tcrap_reports\t"]);
    assert_eq!(sizes.lines().len(), 1, "{}", sizes.snapshot());
}

#[test]
fn redaction_leaves_no_statement_and_no_client() {
    let place = Place::new(bin());
    let session = place.db.session();
    session.sql("SET application_name = 'webapp-secret'");
    place.db.sql("ALTER ROLE CURRENT_USER SET application_name = 'role-secret'");
    // No commit waits for that standby.
    place.db.sql("ALTER SYSTEM SET synchronous_commit = 'local'");
    place.db.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby_secret'");
    place.db.sql("SELECT pg_reload_conf()");
    eventually("it is set", || place.db.value("SHOW synchronous_standby_names") == "standby_secret");
    let sleeping = place.db.session();
    let pid = sleeping.pid();
    let sent = sleeping.send("SELECT pg_sleep(60), 'card 4111'");
    eventually("it runs", || {
        place.db.value(&format!("SELECT state FROM pg_stat_activity WHERE pid = {pid}")) == "active"
    });
    place.take("open.snap", &["-q"]);
    place.take("veiled.snap", &["-q", "--redact"]);
    place.db.sql(&format!("SELECT pg_terminate_backend({pid})"));
    let _ = sent.join();
    let (open, veiled) = (unpacked(&place.path("open.snap")), unpacked(&place.path("veiled.snap")));
    for secret in ["card 4111", "webapp-secret", "role-secret", "standby_secret"] {
        assert!(open.contains(secret), "{secret} is not in {open}");
        let line = veiled.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
    let of = |name: &str| place.offline(&["activity", "--from", name, "--columns", "pid,user,statement"]);
    let rows = of("veiled.snap").stdout;
    let line = rows.lines().find(|line| line.starts_with(&format!("{pid}\t"))).unwrap();
    let hash = line.rsplit('\t').next().unwrap();
    assert!(hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
    assert!(place.offline(&["snapshot", "show", "veiled.snap"]).stdout.contains("redacted\t\t\tyes"));
}

#[test]
fn every_column_with_a_statement_or_a_client_is_private() {
    for report in server_reports() {
        for column in &report.columns {
            let is_such = ["statement", "query", "client", "application"].contains(&column.name.as_str());
            let is_private = report.private.iter().any(|one| one.column == column.name && one.only.is_none());
            assert!(!is_such || is_private, "{}: {}", report.name, column.name);
        }
    }
}

#[test]
fn a_file_is_replaced_only_by_a_whole_snapshot() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new(bin());
    std::fs::write(place.path("old.snap"), "old").unwrap();
    // A report that takes long enough to be interrupted.
    std::fs::write(
        place.path("slow.sql"),
        "-- Slow.\n--\n-- key = [\"x\"]\n-- columns = [\"x text\"]\nSELECT pg_sleep(60)::text AS x\n",
    )
    .unwrap();
    let mut command = pgkit(&place.db);
    command.current_dir(place.folder.path()).env("PGKIT_QUERIES", place.folder.path());
    command.args(["snapshot", "slow", "-o", "old.snap"]);
    let mut child = command.spawn().unwrap();
    eventually("it runs", || {
        place.db.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()") == "1"
    });
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_to_string(place.path("old.snap")).unwrap(), "old");
    let mut names: Vec<String> = std::fs::read_dir(place.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["old.snap", "slow.sql"]);
    // A link stays a link, and its target is replaced.
    std::os::unix::fs::symlink("old.snap", place.path("link.snap")).unwrap();
    place.take("link.snap", &["roles", "-q"]);
    assert!(place.path("link.snap").is_symlink());
    assert_eq!(place.offline(&["roles", "--from", "old.snap"]).code, Some(0));
    assert_eq!(std::fs::metadata(place.path("old.snap")).unwrap().permissions().mode() & 0o777, 0o600);
    // A device stays a device.
    place.take("/dev/null", &["roles", "-q"]);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    for (to, code) in [(".", 64), ("nowhere/x.snap", 74)] {
        let output = place.pgkit(&["snapshot", "roles", "-o", to]);
        assert_eq!(output.code, Some(code), "{}", output.snapshot());
    }
    // Without a name, one is made up and printed.
    let named = place.pgkit(&["snapshot", "roles"]);
    let name = named.lines()[0].to_owned();
    assert!(name.starts_with("pgkit-") && name.ends_with(".snap"), "{}", named.snapshot());
    assert_eq!(place.offline(&["roles", "--from", &name]).code, Some(0));
}

#[test]
fn an_unknown_report_is_refused_before_anything_is_asked() {
    let cases: &[(&[&str], i32, &str)] = &[
        (&["snapshot", "size"], 64, "unknown report \"size\"; did you mean \"sizes\"?"),
        (&["snapshot", "describe"], 64, "describe needs NAME, so it cannot be in a snapshot"),
        (&["snapshot", "pools"], 64, "pools is about a PgBouncer, so it cannot be in a snapshot"),
    ];
    Place::refuses(cases, |args| run(bare_pgkit().args(args)));
}

#[test]
fn a_report_of_the_users_with_the_name_of_a_built_in_one_is_another_report() {
    let place = Place::new(bin());
    let header =
        "key = [\"name\"]\ncolumns = [\"schema text\", \"name text\", \"kind text\", \"owner text\"]";
    let sql = "SELECT 'x'::text AS schema, 'fake'::text AS name, 'table'::text AS kind, 'me'::text AS owner";
    place.write_report("relations", header, sql);
    let param = "[[param]]\nname = \"word\"\ntype = \"text\"\nrequired = true\nhelp = \"a word\"";
    place.write_report("needs", &format!("key = [\"x\"]\ncolumns = [\"x text\"]\n{param}"), "SELECT $1 AS x");
    let flags = "key = [\"x\"]\ncolumns = [\"x text\"]\nvariants = [\"--nothing\"]";
    place.write_report("flags", flags, "SELECT 'x'::text AS x");
    let taken = place.own(&["snapshot", "-o", "both.snap", "-q"]);
    assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    let live = place.pgkit(&["relations"]).stdout;
    assert_eq!(place.offline(&["relations", "--from", "both.snap"]).stdout, live);
    let own = place.own_offline(&["run", "relations", "--from", "both.snap"]);
    assert_eq!(own.stdout, "x\tfake\ttable\tme\n", "{}", own.snapshot());
    let shown = place.offline(&["snapshot", "show", "both.snap"]).stdout;
    assert!(shown.contains("missing\tneeds\t\t\tneeds needs WORD"), "{shown}");
    assert!(shown.contains("missing\tflags\t\t\tflags: invalid flags \"--nothing\""), "{shown}");
    // A hash is a text, so no other column can be private.
    let wrong = header.replace("\"owner text\"", "\"owner text\", \"n int4\"");
    place.write_report("relations", &format!("private = [\"n\"]\n{wrong}"), sql);
    let refused = place.own(&["run", "relations"]);
    let is_said = refused.stderr.contains("column \"n\" must be a text");
    assert!(refused.code == Some(65) && is_said, "{}", refused.snapshot());
    std::fs::remove_file(place.path("relations.sql")).unwrap();
    // What the server says of a failure may have a statement in it.
    let sql = "SELECT query::int4 AS x FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    place.write_report("failing", "key = [\"x\"]\ncolumns = [\"x int4\"]", sql);
    let failed = place.own(&["snapshot", "failing", "--redact", "-o", "failed.snap"]);
    assert_eq!(failed.code, Some(65), "{}", failed.snapshot());
    let text = unpacked(&place.path("failed.snap"));
    assert!(text.contains("SQLSTATE 22P02") && !text.contains("query::int4"), "{text}");
}

#[test]
fn a_database_that_cannot_be_entered_does_not_end_the_snapshot() {
    let place = Place::new(bin());
    for sql in [
        "CREATE ROLE weak LOGIN",
        "CREATE DATABASE crowded",
        "ALTER DATABASE crowded CONNECTION LIMIT 0",
        "CREATE DATABASE other",
    ] {
        place.db.sql(sql);
    }
    let output = place.pgkit(&["snapshot", "-U", "weak", "-o", "some.snap", "relations"]);
    assert_eq!(output.code, Some(75), "{}", output.snapshot());
    assert!(output.stderr.contains("database \"crowded\": "), "{}", output.snapshot());
    assert!(output.stderr.contains("skipped: template0"), "{}", output.snapshot());
    let other = place.offline(&["relations", "--from", "some.snap", "-d", "other"]);
    assert_eq!((other.code, other.stdout.as_str()), (Some(0), ""), "{}", other.snapshot());
    let all = place.offline(&["relations", "--from", "some.snap", "--all-databases"]);
    assert!(all.code == Some(65) && all.stdout.contains("crap_reports"), "{}", all.snapshot());
    assert!(all.stderr.contains("relations of database \"crowded\": "), "{}", all.snapshot());
    let none = place.pgkit(&["snapshot", "relations", "--exclude-database", "*", "-o", "none.snap"]);
    assert!(none.code == Some(65) && !place.path("none.snap").exists(), "{}", none.snapshot());
}

#[test]
fn what_stands_behind_stdout_is_added_to() {
    let place = Place::new(bin());
    let output =
        place.shell(&format!("(echo before; {PGKIT} snapshot -q roles -o /dev/stdout; echo after) > log"));
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let bytes = std::fs::read(place.path("log")).unwrap();
    assert!(bytes.starts_with(b"before\n\x1f\x8b") && bytes.ends_with(b"after\n"));
    std::os::unix::fs::symlink("target.snap", place.path("dangling.snap")).unwrap();
    place.take("dangling.snap", &["roles", "-q"]);
    assert!(place.path("dangling.snap").is_symlink() && place.path("target.snap").is_file());
}

#[test]
fn a_database_that_is_dropped_while_an_extension_is_looked_for_does_not_end_the_snapshot() {
    for is_dropped in [true, false] {
        let server = own_server(&options(bin()));
        let postgres = Db::existing(server.info(), "postgres");
        postgres.sql("CREATE DATABASE victim");
        let folder = tempfile::tempdir_in(temp()).unwrap();
        let path = folder.path().join("a.snap");
        let mut command = pgkit(&postgres);
        command.args(["snapshot", "--lock-timeout", "0", "-o"]).arg(&path);
        let output = run_while_ended(&postgres, "victim", is_dropped, command);
        assert_eq!(output.code, Some(if is_dropped { 0 } else { 75 }), "{}", output.snapshot());
        assert_eq!(output.stderr.contains("database \"victim\": "), !is_dropped, "{}", output.snapshot());
        let rows = run(bare_pgkit().args(["relations", "--all-databases", "--from"]).arg(&path));
        assert_eq!(rows.code == Some(0), is_dropped, "{}", rows.snapshot());
    }
}

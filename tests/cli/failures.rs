//! What the server or the way to it refuses: which code, which words.

use super::*;
use crate::support::*;

#[test]
fn no_server_there() {
    insta::assert_snapshot!(shown(bare_pgkit().env("PGHOST", "/nowhere").args(["relations", "-U", "u", "-d", "d"]), None), @r####"
exit: 69
--- stdout ---
--- stderr ---
pgkit: could not connect to the server
connection to server on socket "/nowhere/.s.PGSQL.5432" failed: No such file or directory
hint: is the server running on this machine, with its socket in this directory? name a host or another socket directory with -h, or set PGHOST
"####);
}

#[test]
fn an_unknown_database_whatever_its_name() {
    let db = Db::existing(server(bin()).info(), "no \"such\" it's");
    insta::assert_snapshot!(shown(pgkit(&db).arg("relations"), Some(&Db::existing(&db.info, "DATABASE"))), @r####"
exit: 69
--- stdout ---
--- stderr ---
pgkit: could not connect to the server
connection to server on socket "SOCKETS/.s.PGSQL.5432" failed: FATAL:  database "no "such" it's" does not exist
hint: list the databases with `psql -l`, and name one with -d
"####);
}

#[test]
fn a_report_that_one_may_not_read() {
    let db = Db::existing(server(bin()).info(), "postgres");
    role_nobody(&db);
    let own = Own::new(&[("verifiers", "\"n int8\"", "SELECT count(*) AS n FROM pg_catalog.pg_authid")]);
    let mut command = own.run(&db, &["verifiers"]);
    insta::assert_snapshot!(shown(command.env("PGUSER", "catalog_nobody"), None), @r####"
exit: 77
--- stdout ---
--- stderr ---
pgkit: the server says: …
"####);
}

#[test]
fn a_statement_that_takes_too_long() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[("slow", "\"t text\"", "SELECT pg_catalog.pg_sleep(20)::text AS t")]);
    let start = std::time::Instant::now();
    insta::assert_snapshot!(shown(&mut own.run(&db, &["slow", "--statement-timeout", "200ms"]), None), @r####"
exit: 75
--- stdout ---
--- stderr ---
pgkit: the server says: …
hint: raise the limit with --statement-timeout, or try again when the server is less busy
"####);
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn a_lock_that_is_not_to_be_had() {
    let db = database(server(bin()).info(), "lock");
    db.sql("CREATE TABLE held (x int)");
    let holder = db.session();
    holder.sql("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
    let own = Own::new(&[("held", "\"n int8\"", "SELECT count(*) AS n FROM public.held")]);
    let start = std::time::Instant::now();
    insta::assert_snapshot!(shown(&mut own.run(&db, &["held", "--lock-timeout", "200ms"]), Some(&db)), @r####"
exit: 75
--- stdout ---
--- stderr ---
pgkit: QUERIES/held.sql: the server says: …
hint: another session holds a lock on what this reads; try again, or wait longer with --lock-timeout
"####);
    // The default is a second.
    let output = run(&mut own.run(&db, &["held"]));
    assert_eq!(output.code, Some(75), "{}", output.snapshot());
    assert!(start.elapsed().as_secs() < 6, "{:?}", start.elapsed());
    holder.sql("ROLLBACK");
}

#[test]
fn a_bad_pattern() {
    let db = Db::existing(server(bin()).info(), "postgres");
    insta::assert_snapshot!(shown(pgkit(&db).args(["relations", "\"open"]), None), @r####"
exit: 65
--- stdout ---
--- stderr ---
pgkit: invalid pattern "\"open": unterminated double quote
hint: inside double quotes, write a double quote twice; in a shell, quote the whole pattern with '…'
"####);
    insta::assert_snapshot!(shown(pgkit(&db).args(["relations", "a.b.c.d"]), None), @r####"
exit: 65
--- stdout ---
--- stderr ---
pgkit: invalid pattern "a.b.c.d": too many dotted names
hint: a pattern is NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME; put a dot that belongs to a name in double quotes
"####);
}

#[test]
fn an_error_of_the_statement_itself() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[
        ("divide", "\"n int4\"", "SELECT 1 / (SELECT 0) AS n"),
        ("gone", "\"n int4\"", "SELECT n FROM public.no_such_table"),
    ]);
    let divide = run(&mut own.run(&db, &["divide"]));
    assert_eq!((divide.code, divide.stdout.as_str()), (Some(65), ""), "{}", divide.snapshot());
    assert!(divide.stderr.contains("division by zero"), "{}", divide.stderr);
    let gone = run(&mut own.run(&db, &["gone"]));
    assert_eq!(gone.code, Some(65));
    assert!(
        gone.stderr.contains("gone.sql: the server says: relation \"public.no_such_table\" does not exist"),
        "{}",
        gone.stderr
    );
}

#[test]
fn an_error_after_some_rows_keeps_the_rows_and_the_code() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[(
        "late",
        "\"n int8\"",
        "SELECT 100 / (50000 - g) AS n FROM pg_catalog.generate_series(1::int8, 60000) g",
    )]);
    let output = run(&mut own.run(&db, &["late"]));
    assert_eq!(output.code, Some(65), "{}", output.stderr);
    assert!(output.stderr.contains("division by zero"));
    // json is never half an array that looks whole.
    let json = run(&mut own.run(&db, &["late", "--json"]));
    assert_eq!(json.code, Some(65));
    assert!(serde_json::from_str::<serde_json::Value>(&json.stdout).is_err());
}

#[test]
fn a_connection_that_goes_away_under_a_statement() {
    let db = database(server(bin()).info(), "goes");
    let own = Own::new(&[("slow", "\"t text\"", "SELECT pg_catalog.pg_sleep(20)::text AS t")]);
    let mut command = own.run(&db, &["slow"]);
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let ended = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'pgkit' AND query LIKE '%pg_sleep%' AND state = 'active'",
        db.name
    );
    let postgres = Db::existing(&db.info, "postgres");
    eventually("the statement runs", || !postgres.sql(&ended).is_empty());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(69), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_broken_regular_expression_of_the_servers_is_bad_data() {
    let db = Db::existing(server(bin()).info(), "postgres");
    insta::assert_snapshot!(shown(pgkit(&db).args(["find", "--regex", "a("]), None), @r####"
exit: 65
--- stdout ---
--- stderr ---
pgkit: the server says: …
"####);
}

#[test]
fn a_server_that_runs_as_somebody_else_than_required_is_refused_as_psql_does() {
    let db = db("peer");
    let owner = db.info.os_user.clone();
    for (peer, code) in [(owner.as_str(), 0), ("", 0), ("somebody", 69)] {
        let output = run(pgkit(&db).env("PGREQUIREPEER", peer).arg("relations"));
        assert_eq!(output.code, Some(code), "{peer}: {}", output.snapshot());
        let psql = run(psql(&db).env("PGREQUIREPEER", peer).args(["-c", "SELECT 1"]));
        assert_eq!(psql.code == Some(0), code == 0, "{}", psql.snapshot());
        let line = format!("requirepeer specifies \"{peer}\", but actual peer user name is \"{owner}\"");
        assert_eq!(output.stderr.contains(&line), code != 0, "{}", output.stderr);
        assert_eq!(psql.stderr.contains(&line), code != 0, "{}", psql.stderr);
    }
}

//! What pgkit does to the server: nothing that is felt, and nothing that stays.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use crate::support::*;

const SETTINGS: (&str, &str, &str) = (
    "settings",
    "\"name text\", \"setting text\"",
    "SELECT s.name, pg_catalog.current_setting(s.name, true) AS setting
     FROM (VALUES ('transaction_read_only'), ('jit'), ('statement_timeout'), ('lock_timeout'), ('search_path'),
                  ('client_connection_check_interval'), ('application_name'), ('standard_conforming_strings')) AS s (name)",
);

fn a_session_only_reads_with_limits_and_a_safe_path(bin: &Binaries) {
    let db = database(server(bin).info(), "settings");
    let own = Own::new(&[SETTINGS]);
    let settings = |args: &[&str]| -> Vec<(String, String)> {
        let mut all = vec!["settings"];
        all.extend(args);
        let output = run(&mut own.run(&db, &all));
        let pair = |l: &&str| l.split_once('\t').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        output.lines().iter().map(pair).collect()
    };
    let get = |all: &[(String, String)], name: &str| all.iter().find(|s| s.0 == name).unwrap().1.clone();
    let usual = settings(&[]);
    assert_eq!(get(&usual, "transaction_read_only"), "on");
    assert_eq!(get(&usual, "jit"), if bin.major >= 11 { "off" } else { "" });
    assert_eq!(get(&usual, "statement_timeout"), "1min");
    assert_eq!(get(&usual, "lock_timeout"), "1s");
    assert_eq!(get(&usual, "search_path"), "pg_catalog, pg_temp");
    assert_eq!(get(&usual, "application_name"), "pgkit");
    assert_eq!(get(&usual, "standard_conforming_strings"), "on");
    assert_eq!(get(&usual, "client_connection_check_interval"), if bin.major >= 14 { "500ms" } else { "" });
    let asked = settings(&["--statement-timeout", "0", "--lock-timeout", "2s"]);
    assert_eq!((get(&asked, "statement_timeout"), get(&asked, "lock_timeout")), ("0".into(), "2s".into()));
    // A role's own settings give way, whatever they are.
    let role = format!("role{}_{}", std::process::id(), bin.major);
    db.sql(&format!("CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET search_path = public; ALTER ROLE {role} SET statement_timeout = '5s'; ALTER ROLE {role} SET lock_timeout = '7s'; ALTER ROLE {role} SET default_transaction_read_only = off; ALTER ROLE {role} SET standard_conforming_strings = off"));
    let mut command = own.run(&db, &["settings"]);
    let output = run(command.env("PGUSER", &role));
    assert!(output.lines().contains(&"search_path\tpg_catalog, pg_temp"), "{}", output.stdout);
    assert!(output.lines().contains(&"standard_conforming_strings\ton"), "{}", output.stdout);
    assert!(output.lines().contains(&"statement_timeout\t1min"), "{}", output.stdout);
    db.sql(&format!("DROP ROLE {role}"));
    // And the person's name for it wins.
    let mut command = own.run(&db, &["settings"]);
    let output = run(command.env("PGAPPNAME", "mine"));
    assert!(output.lines().contains(&"application_name\tmine"));
}
on_every_server!(a_session_only_reads_with_limits_and_a_safe_path);

const SLEEP: (&str, &str, &str) = ("slow", "\"t text\"", "SELECT pg_catalog.pg_sleep(30)::text AS t");
const MANY: (&str, &str, &str) = (
    "many",
    "\"n int8\", \"t text\"",
    "SELECT g AS n, pg_catalog.repeat(pg_catalog.md5(g::text), 5) AS t FROM pg_catalog.generate_series(1::int8, 200000) g",
);

/// How many sessions of pgkit this database has, in this state or in any.
fn sessions(db: &Db, state: &str) -> usize {
    let postgres = Db::existing(&db.info, "postgres");
    let sql = format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'pgkit' AND (state = '{state}' OR '{state}' = '')",
        db.name
    );
    postgres.sql(&sql).len()
}

fn runs_slowly(db: &Db) -> bool {
    let postgres = Db::existing(&db.info, "postgres");
    let sql = format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'pgkit' AND state = 'active' AND wait_event = 'PgSleep'",
        db.name
    );
    !postgres.sql(&sql).is_empty()
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

fn start(own: &Own, db: &Db, args: &[&str]) -> Child {
    own.run(db, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn a_signal_cancels_the_statement_and_ends_with_its_code(bin: &Binaries) {
    let db = database(server(bin).info(), "signals");
    // It tells the server's log that it was cancelled: a client that just goes away does not come here.
    db.sql(
            "CREATE FUNCTION slow() RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_sleep(30); RETURN NULL; \
             EXCEPTION WHEN query_canceled THEN RAISE LOG ''cancelled in %'', current_database(); RETURN NULL; END'",
        );
    let cancelled = || {
        let log = std::fs::read(&db.info.log_file).unwrap();
        String::from_utf8_lossy(&log).matches(&format!("cancelled in {}", db.name)).count()
    };
    let own = Own::new(&[("slow", "\"t text\"", "SELECT public.slow() AS t")]);
    let mut times = 0;
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        for extra in [&[][..], &["--sort", "t"]] {
            let mut args = vec!["slow"];
            args.extend(extra);
            let child = start(&own, &db, &args);
            eventually("the statement runs", || runs_slowly(&db));
            let sent = Instant::now();
            send(&child, signal);
            let output = child.wait_with_output().unwrap();
            let took = sent.elapsed();
            assert!(took < Duration::from_millis(1500), "{signal}: {took:?}");
            assert_eq!(output.status.code(), Some(code), "{signal}");
            assert!(output.stdout.is_empty());
            times += 1;
            eventually("no session is left", || sessions(&db, "") == 0);
            let log = std::fs::read_to_string(&db.info.log_file).unwrap();
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            assert_eq!(cancelled(), times, "{signal} {extra:?} took {took:?}: {last:#?}");
            assert!(
                sent.elapsed() < Duration::from_secs(3),
                "{signal} on {}: {:?}",
                bin.major,
                sent.elapsed()
            );
        }
    }
}
on_every_server!(a_signal_cancels_the_statement_and_ends_with_its_code);

#[test]
fn after_kill_9_the_backend_goes_by_itself_from_14_on() {
    for bin in bins().iter().filter(|bin| bin.major >= 14) {
        let db = database(server(bin).info(), "killed");
        let own = Own::new(&[SLEEP]);
        let mut child = start(&own, &db, &["slow"]);
        eventually("the statement runs", || runs_slowly(&db));
        child.kill().unwrap();
        child.wait().unwrap();
        let dead = Instant::now();
        eventually("no session is left", || sessions(&db, "") == 0);
        assert!(dead.elapsed() < Duration::from_secs(2), "on {}: {:?}", bin.major, dead.elapsed());
    }
}

fn a_reader_that_does_not_read_holds_up_no_backend(bin: &Binaries) {
    let db = database(server(bin).info(), "blocked");
    let own = Own::new(&[MANY]);
    for format in ["tsv", "json"] {
        let child = start(&own, &db, &["many", "--format", format]);
        eventually("it has connected", || sessions(&db, "") == 1);
        // 33 MB for a pipe that holds 64 kB: the backend has sent all of it all the same.
        // Before it begins to send it is idle for a moment too.
        let works = || sessions(&db, "active") + sessions(&db, "idle in transaction") > 0;
        eventually("the backend has done its work", || {
            let worked = works();
            std::thread::sleep(Duration::from_millis(300));
            !worked && !works()
        });
        let sent = Instant::now();
        send(&child, Signal::SIGTERM);
        // Nobody reads still.
        let mut child = child;
        let end = loop {
            if let Some(end) = child.try_wait().unwrap() {
                break end;
            }
            assert!(sent.elapsed() < Duration::from_millis(2500), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(end.code(), Some(143));
    }
}
on_every_server!(a_reader_that_does_not_read_holds_up_no_backend);

#[test]
fn a_failed_command_leaves_no_session_behind() {
    let db = database(server(bin()).info(), "left");
    let own = Own::new(&[("fails", "\"n int4\"", "SELECT 1 / (SELECT 0) AS n")]);
    for (args, code) in [(&["fails"][..], 65), (&["none"], 64)] {
        assert_eq!(run(&mut own.run(&db, args)).code, Some(code), "{args:?}");
        eventually("no session is left", || sessions(&db, "") == 0);
    }
    assert_eq!(run(pgkit(&db).args(["relations", "--limit", "1"])).code, Some(0));
    eventually("no session is left", || sessions(&db, "") == 0);
}

#[test]
fn no_temporary_file_stays() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let temp = tempfile::tempdir().unwrap();
    let own = Own::new(&[MANY]);
    let mut command = own.run(&db, &["many", "--sort", "t", "--limit", "100000"]);
    assert_eq!(run(command.env("TMPDIR", temp.path())).lines().len(), 100_000);
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}

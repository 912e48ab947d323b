//! A server that restarts, ends sessions, is a standby, or becomes another one.

use std::time::{Duration, Instant};

use pgkit::sandbox::Stop;

use super::fixture::{Jobs, lives, numbers};
use super::recovery::Postgres;
use super::{beats, figure};
use crate::support::*;

/// Jobs on a server of their own, which a test may break.
fn own(bin: &Binaries, toml: &str) -> (pgkit::sandbox::Server, Jobs) {
    let server = own_server(&options(bin));
    let jobs = Jobs::over(Db::existing(server.info(), "postgres"), toml);
    (server, jobs)
}

fn a_restart_shorter_than_the_lease_costs_no_program_and_sql_once(bin: &Binaries) {
    let toml = beats("10s")
        + "[[job]]\nname = \"s\"\nschedule = \"1d\"\nsql = \"INSERT INTO t DEFAULT VALUES; SELECT pg_sleep(1.5)\"\n";
    let (mut server, jobs) = own(bin, &toml);
    jobs.db.sql("CREATE TABLE t (at timestamptz DEFAULT clock_timestamp())");
    for how in [Stop::Fast, Stop::Immediate].into_iter().take(if bin.major == 15 { 2 } else { 1 }) {
        jobs.db.sql("DELETE FROM crontabber; DELETE FROM pgkit_run; DELETE FROM t");
        let _ = std::fs::remove_file(jobs.path("done"));
        std::fs::write(jobs.path("pids"), "").unwrap();
        let runner = jobs.start(&["run", "--parallel", "2"]);
        jobs.wait_for_lines("pids", 1);
        jobs.wait("the SQL runs", || jobs.attempts("s") == ["running 1"]);
        std::thread::sleep(Duration::from_millis(200));
        server.restart(how).unwrap();
        std::thread::sleep(Duration::from_millis(2500));
        assert!(lives(numbers(&jobs.path("pids"))[0]), "on {}", bin.major);
        std::fs::write(jobs.path("done"), "").unwrap();
        let output = runner.end();
        assert_eq!(jobs.attempts("j"), ["succeeded 1"], "on {}: {}", bin.major, output.snapshot());
        // The SQL was rolled back with its session, and is due again.
        jobs.wait("the SQL runs again", || jobs.jobs(&["run"]).code == Some(0));
        assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "1", "on {}", bin.major);
        assert_eq!(jobs.db.value("SELECT sum(error_count) FROM crontabber"), "0");
    }
}
on_every_server!(a_restart_shorter_than_the_lease_costs_no_program_and_sql_once);

#[test]
fn a_server_that_stays_away_ends_programs_and_what_stays_goes_on_when_it_is_back() {
    let (mut server, jobs) = own(bin(), &beats("3s"));
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait_for_lines("beats", 3);
    std::thread::sleep(Duration::from_millis(1200));
    let (pid, guards) = (numbers(&jobs.path("pids"))[0], runner.guards());
    server.stop(Stop::Immediate).unwrap();
    let begun = Instant::now();
    jobs.wait_dead(pid);
    assert!(begun.elapsed() < Duration::from_millis(4500), "{:?}", begun.elapsed());
    assert_eq!(runner.guards(), guards, "it ends its job itself, and is killed by nobody");
    std::thread::sleep(Duration::from_secs(4));
    server.start().unwrap();
    let back = Instant::now();
    jobs.wait("it runs again", || numbers(&jobs.path("pids")).len() == 2);
    figure("server back after 7 s to the next start, lease 3 s", back.elapsed().as_millis() as u64);
    std::fs::write(jobs.path("done"), "").unwrap();
    jobs.wait("it is recorded", || jobs.attempts("j").iter().any(|attempt| attempt.starts_with("succeeded")));
    runner.signal(nix::sys::signal::Signal::SIGTERM);
    let output = runner.end();
    assert_eq!(output.code, Some(143), "{}", output.snapshot());
    assert_eq!(jobs.row("j", "error_count || coalesce(ongoing::text, '')"), "0", "{}", output.snapshot());
}

#[test]
fn a_result_that_the_server_does_not_take_is_kept_and_recorded_later_once() {
    let (mut server, jobs) = own(bin(), &beats("3s"));
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("beats", 3);
    std::thread::sleep(Duration::from_millis(1100));
    server.stop(Stop::Immediate).unwrap();
    std::fs::write(jobs.path("done"), "").unwrap();
    let output = runner.end();
    assert!(
        output.code == Some(1) && output.stderr.contains("the result is saved in "),
        "{}",
        output.snapshot()
    );
    let spool = jobs.path("state/pgkit/jobs");
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 1);
    server.start().unwrap();
    // Elsewhere somebody has seen its lock free for too long, and the job waits for a person.
    jobs.db.sql("UPDATE pgkit_run SET state = 'held'");
    std::fs::write(spool.join("torn.json"), "{\"place\"").unwrap();
    let next = jobs.ends(0, &["run"]);
    assert!(next.stderr.contains("is now recorded"), "{}", next.stderr);
    assert!(next.stderr.contains("cannot read a saved result, which stays in "), "{}", next.stderr);
    let left = std::fs::read_dir(&spool).unwrap().flatten().map(|entry| entry.file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["torn.refused"]);
    assert_eq!(jobs.row("j", "coalesce(ongoing::text, 'free')"), "free");
    assert_eq!(jobs.attempts("j"), ["succeeded 1"]);
    assert_eq!(numbers(&jobs.path("pids")).len(), 1);
}

fn a_session_that_the_server_ends_is_opened_again_and_its_lock_taken_again(bin: &Binaries) {
    let jobs = Jobs::on(bin, "terminate", &beats("10s"));
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("beats", 3);
    let holders = "FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    for _ in 0..3 {
        jobs.db.sql(&format!("SELECT pg_terminate_backend(pid) {holders}"));
        jobs.wait("the lock is held again", || jobs.db.value(&format!("SELECT count(*) {holders}")) == "1");
    }
    assert_eq!(jobs.jobs(&["run"]).code, Some(3));
    std::fs::write(jobs.path("done"), "").unwrap();
    let output = runner.end();
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert_eq!(jobs.attempts("j"), ["succeeded 1"]);
}
on_every_server!(a_session_that_the_server_ends_is_opened_again_and_its_lock_taken_again);

#[test]
fn an_answer_to_commit_that_is_lost_is_looked_up() {
    let jobs = Jobs::new(
        "commit",
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\nsql = \"INSERT INTO t DEFAULT VALUES\"\n",
    );
    // Whatever the record does, its session is ended in that instant: before the commit, or with it.
    jobs.db.sql(
        "CREATE TABLE t (at timestamptz DEFAULT clock_timestamp());
         CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.success IS NOT NULL THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER die AFTER INSERT ON crontabber_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE die()",
    );
    let killed = jobs.jobs(&["run"]);
    assert_eq!(killed.code, Some(1), "{}", killed.snapshot());
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "0");
    jobs.db.sql("DROP TRIGGER die ON crontabber_log");
    jobs.wait("it runs", || jobs.jobs(&["run"]).code == Some(0));
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "1");
}

fn a_standby_is_refused_clearly_and_can_be_looked_at(bin: &Binaries) {
    let (mut server, jobs) = own(bin, "[[job]]\nname = \"j\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n");
    jobs.ends(0, &["run"]);
    let _standby = Postgres::standby(&mut server, bin);
    for args in
        [&["run"][..], &["init"], &["reset", "j"], &["unlock", "j"], &["pause", "j"], &["guard", "install"]]
    {
        let refused = jobs.ends(69, args);
        assert!(refused.stderr.starts_with("pgkit: cannot write on a standby\n"), "{}", refused.stderr);
    }
    assert_eq!(jobs.ends(0, &["list"]).lines().len(), 1);
    assert_eq!(jobs.ends(0, &["history"]).lines().len(), 1);
    assert_eq!(jobs.jobs(&["status", "--nagios"]).stdout, "OK - All systems nominal\n");
}
on_every_server!(a_standby_is_refused_clearly_and_can_be_looked_at);

#[test]
fn after_a_change_of_the_server_nothing_new_is_claimed_for_a_while() {
    let jobs = Jobs::new(
        "changed",
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\nlease = \"3s\"\nsql = \"SELECT 1\"\n",
    );
    // As if the tables had been restored from another cluster, or the standby promoted.
    for change in ["system_identifier = 1", "timeline = '000000FF'"] {
        jobs.db.sql(&format!("DELETE FROM crontabber; UPDATE pgkit_meta SET {change}, changed_at = NULL"));
        let waits = jobs.ends(3, &["run"]);
        assert!(waits.stderr.contains("the server, or its timeline, changed 0 s ago"), "{}", waits.stderr);
        let begun = Instant::now();
        jobs.wait("it runs", || jobs.jobs(&["run"]).code == Some(0));
        let took = begun.elapsed();
        assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
    }
}

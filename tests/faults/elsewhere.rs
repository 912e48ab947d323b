//! SQL in another database whose guard is killed, stopped or cut off: no other attempt begins while the SQL runs.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fixture::{Jobs, Process};
use super::proxy::{Proxy, Way};
use crate::support::*;

/// A job whose first attempt runs for some seconds in another database, even after its client is gone.
fn deaf(other: &Db, seconds: u32, keys: &str) -> String {
    format!(
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\nlease = \"3s\"\ndatabase = \"{}\"\n{keys}\nsql = \"INSERT INTO t SELECT pg_backend_pid(); SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'client_connection_check_interval'; SELECT pg_sleep(CASE WHEN EXISTS (SELECT FROM calm) THEN 0 ELSE {seconds} END)\"\n",
        other.name
    )
}

/// How many jobs are claimed, and how many runs have failed in a row.
const CLAIMS_AND_ERRORS: &str = "SELECT count(ongoing) + coalesce(sum(error_count), 0) FROM crontabber";

/// Jobs, and the other database that they run in.
fn with_other(bin: &Binaries, name: &str, toml: &dyn Fn(&Db) -> String) -> (Jobs, Db) {
    let other = database(server(bin).info(), name);
    other.sql("CREATE TABLE t (pid int, at timestamptz DEFAULT clock_timestamp()); CREATE TABLE calm ()");
    let jobs = Jobs::on(bin, &format!("{name}_home"), &toml(&other));
    (jobs, other)
}

/// Returns the backends that sleep in this database.
fn asleep(other: &Db) -> Vec<String> {
    let sql = format!(
        "SELECT pid::text FROM pg_stat_activity
         WHERE datname = '{}' AND state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%calm%'",
        other.name
    );
    other.sql(&sql).into_iter().map(|row| row[0].clone().unwrap()).collect()
}

/// Waits until the SQL sleeps. Returns its backend.
fn begun(other: &Db) -> String {
    eventually("the SQL runs", || asleep(other).len() == 1);
    asleep(other).remove(0)
}

/// Kills a runner and its guards. A guard that outlives its runner for a moment would cancel its SQL.
fn kill_all(runner: &Process) {
    runner.signal(Signal::SIGSTOP);
    for guard in runner.guards() {
        let _ = kill(Pid::from_raw(guard), Signal::SIGKILL);
    }
    runner.signal(Signal::SIGKILL);
}

/// Runs passes until the second attempt has ended. No pass may begin it while the SQL of the first one runs.
fn taken_over(jobs: &Jobs, other: &Db, pid: &str) {
    let start = Instant::now();
    loop {
        let output = jobs.jobs(&["run"]);
        let ran = jobs.attempts("j").len() > 1;
        // It may end between the pass and this look, but it cannot begin again.
        assert!(!ran || !asleep(other).iter().any(|one| one == pid), "{}", output.snapshot());
        if ran {
            assert_eq!(output.code, Some(0), "{}", output.snapshot());
            return;
        }
        assert_eq!(output.code, Some(3), "{}", output.snapshot());
        assert!(start.elapsed() < Duration::from_secs(40), "{}", output.snapshot());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn a_killed_guards_sql_keeps_every_other_attempt_away(bin: &Binaries) {
    let (jobs, other) = with_other(bin, "deafsql", &|other| deaf(other, 12, ""));
    let runner = jobs.start(&["run"]);
    let pid = begun(&other);
    other.sql("INSERT INTO calm DEFAULT VALUES");
    kill_all(&runner);
    // The guard's own session ends, and with it the job's lock.
    eventually("the lock is free", || {
        jobs.db.value(&format!(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE locktype = 'advisory' AND datname = '{}'",
            jobs.db.name
        )) == "0"
    });
    let output = jobs.ends(3, &["run"]);
    let told = format!("in database \"{}\" (backend {pid})", other.name);
    assert!(output.stderr.contains(&told), "{}", output.snapshot());
    for change in ["unlock", "reset"] {
        let output = jobs.ends(3, &[change, "j"]);
        assert!(output.stderr.contains(&told), "{}", output.snapshot());
    }
    // Even if the file no longer names that database.
    jobs.write("[[job]]\nname = \"j\"\nschedule = \"1d\"\nlease = \"3s\"\nsql = \"SELECT 1\"\n");
    jobs.ends(3, &["run"]);
    assert_eq!(asleep(&other), [pid.as_str()], "it was over before the test was");
    jobs.write(&deaf(&other, 12, ""));
    taken_over(&jobs, &other, &pid);
    assert_eq!(jobs.attempts("j"), ["interrupted 1", "succeeded 1"]);
    // The first attempt was not committed.
    assert_eq!(other.value("SELECT count(*) FROM t"), "1");
    assert_ne!(other.value("SELECT pid FROM t"), pid);
}
on_every_server!(a_killed_guards_sql_keeps_every_other_attempt_away);

#[test]
fn a_date_that_was_cut_off_elsewhere_is_held_where_the_file_says_so() {
    let (jobs, other) = with_other(bin(), "heldsql", &|other| deaf(other, 2, "on_crash = \"hold\""));
    let runner = jobs.start(&["run"]);
    let pid = begun(&other);
    kill_all(&runner);
    let mut output = jobs.jobs(&["run"]);
    while output.code == Some(3) {
        output = jobs.jobs(&["run"]);
    }
    assert!(asleep(&other).is_empty(), "{pid}");
    assert!(output.stderr.contains("it is held until pgkit jobs unlock"), "{}", output.snapshot());
    assert_eq!(jobs.attempts("j"), ["held 1"]);
    jobs.ends(0, &["unlock", "j"]);
}

#[test]
fn what_is_told_to_stop_cancels_its_sql_elsewhere_and_gives_the_claim_back() {
    let (jobs, other) = with_other(bin(), "stopsql", &|other| deaf(other, 60, ""));
    let runner = jobs.start(&["run"]);
    begun(&other);
    runner.signal(Signal::SIGTERM);
    let output = runner.end();
    assert_eq!(output.code, Some(143), "{}", output.snapshot());
    assert!(asleep(&other).is_empty());
    assert_eq!(jobs.attempts("j"), ["interrupted 1"]);
    assert_eq!(jobs.db.value(CLAIMS_AND_ERRORS), "0");
    assert_eq!(other.value("SELECT count(*) FROM t"), "0");
}

fn sql_that_heeds_no_cancel_is_waited_for_before_its_claim_is_given_back(bin: &Binaries) {
    let sql =
        "SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'client_connection_check_interval';
DO $$ /* calm */ DECLARE began timestamptz := clock_timestamp();
BEGIN
    WHILE clock_timestamp() < began + interval '9 s' LOOP
        BEGIN
            PERFORM pg_sleep(1);
        EXCEPTION WHEN query_canceled THEN NULL;
        END;
    END LOOP;
END $$";
    let toml = |other: &Db| {
        format!(
            "[[job]]\nname = \"j\"\nschedule = \"1d\"\ntimeout = \"1s\"\ndatabase = \"{}\"\nsql = \"\"\"{sql}\"\"\"\n",
            other.name
        )
    };
    let (jobs, other) = with_other(bin, "stubsql", &toml);
    let runner = jobs.start(&["run"]);
    let pid = begun(&other);
    let output = runner.end();
    assert!(asleep(&other).is_empty(), "{}", output.snapshot());
    let told = format!("its SQL is still running in database \"{}\" (backend {pid})", other.name);
    assert!(output.code == Some(1) && output.stderr.contains(&told), "{}", output.snapshot());
    assert_eq!(jobs.attempts("j"), ["failed 1"]);
    assert!(jobs.row("j", "last_error").contains("it took longer than its timeout of 1s"));
}
on_every_server!(sql_that_heeds_no_cancel_is_waited_for_before_its_claim_is_given_back);

#[test]
fn a_connection_that_is_lost_elsewhere_alone_ends_the_attempt_when_the_sql_has_ended() {
    let (jobs, other) = with_other(bin(), "lostsql", &|other| deaf(other, 60, ""));
    let runner = jobs.start(&["run"]);
    let pid = begun(&other);
    other.sql(&format!("SELECT pg_terminate_backend({pid})"));
    let output = runner.end();
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert_eq!(jobs.attempts("j"), ["interrupted 1"]);
    assert_eq!(jobs.db.value(CLAIMS_AND_ERRORS), "0");
    other.sql("INSERT INTO calm DEFAULT VALUES");
    jobs.ends(0, &["run"]);
    assert_eq!(other.value("SELECT count(*) FROM t"), "1");
}

/// The network of the guard is cut, so that it can neither keep its lease nor cancel its SQL.
fn a_network_that_is_cut_keeps_others_away_until_the_sql_has_ended(bin: &Binaries) {
    // Before version 14, the server cannot notice that the guard is behind a broken proxy.
    if bin.major < 14 {
        return;
    }
    let (jobs, other) = with_other(bin, "cutsql", &|other| deaf(other, 14, ""));
    let proxy = Proxy::new(&jobs.db);
    let mut command = jobs.command(&["run"]);
    proxy.lead(&mut command);
    let runner = Process::start(&mut command);
    let pid = begun(&other);
    other.sql("INSERT INTO calm DEFAULT VALUES");
    std::thread::sleep(Duration::from_millis(1200));
    proxy.set(Way::Cut);
    jobs.db.sql("UPDATE pgkit_run SET boot_id = 'another machine'");
    taken_over(&jobs, &other, &pid);
    proxy.set(Way::Open);
    let output = runner.end();
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert_eq!(jobs.attempts("j"), ["interrupted 1", "succeeded 1"], "{}", output.snapshot());
    assert_eq!(jobs.db.value(CLAIMS_AND_ERRORS), "0");
}
on_every_server!(a_network_that_is_cut_keeps_others_away_until_the_sql_has_ended);

/// From version 14 on, the server notices that its client is gone, and ends the SQL.
fn a_guard_that_is_stopped_past_its_lease_loses_its_sql_elsewhere(bin: &Binaries) {
    if bin.major < 14 {
        return;
    }
    let sql = |other: &Db| {
        deaf(other, 60, "").replace("SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'client_connection_check_interval'; ", "")
    };
    let (jobs, other) = with_other(bin, "stoppedsql", &sql);
    let runner = jobs.start(&["run"]);
    let pid = begun(&other);
    other.sql("INSERT INTO calm DEFAULT VALUES");
    std::thread::sleep(Duration::from_millis(1200));
    let begun = Instant::now();
    kill(Pid::from_raw(runner.guards()[0]), Signal::SIGSTOP).unwrap();
    eventually("the SQL has ended", || asleep(&other) != [pid.as_str()]);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(runner.end());
    jobs.wait("it runs again", || jobs.attempts("j").len() > 1 || jobs.jobs(&["run"]).code == Some(0));
    assert_eq!(jobs.attempts("j"), ["interrupted 1", "succeeded 1"]);
    assert_eq!(other.value("SELECT count(*) FROM t"), "1");
}
on_every_server!(a_guard_that_is_stopped_past_its_lease_loses_its_sql_elsewhere);

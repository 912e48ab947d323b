//! Whoever dies: what is switched on comes off in time, or everybody is told that it should have.

use pgkit::sandbox::Stop;

use super::*;

fn the_end_comes_by_itself_and_the_watcher_leaves(bin: &Binaries) {
    let (_server, db) = server_with(&options(bin));
    ok(&db, &["on", "--for", "2s"]);
    assert_eq!(watchers(&db).len(), 1);
    assert!(ok(&db, &["status", "--measure", "0"]).stdout.contains("\ton\t"));
    eventually("it is off", || auto_conf(&db).is_empty());
    eventually_shows(&db, "log_statement", "none");
    eventually("the watcher has left", || watchers(&db).is_empty());
}
on_every_server!(the_end_comes_by_itself_and_the_watcher_leaves);

#[test]
fn the_watcher_of_a_throwaway_server_leaves_with_it() {
    for state in ["waiting", "asked to end while the server is away", "waiting for sessions that log"] {
        let (mut server, db) = server_with(&options(bin()));
        ok(&db, &["on", "--for", "1h", "--database", "postgres"]);
        let pids = watchers(&db);
        assert_eq!(pids.len(), 1);
        let session = db.session();
        match state {
            "waiting" => {}
            "waiting for sessions that log" => drop(ok(&db, &["off"])),
            _ => {
                server.stop(Stop::Fast).unwrap();
                kill(pids[0], Signal::SIGTERM);
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(1500));
        assert_eq!(watchers(&db), pids, "{state}");
        drop(server);
        eventually(state, || watchers(&db).is_empty());
        drop(session);
    }
}

#[test]
fn kill_9_of_the_watcher_is_told_by_every_pgkit() {
    let (_server, db) = server_with(&options(bin()));
    ok(&db, &["on", "--for", "1s"]);
    for pid in watchers(&db) {
        kill(pid, Signal::SIGKILL);
    }
    eventually("status says overdue", || {
        let status = log(&db, &["status", "--measure", "0"]);
        status.code == Some(1) && status.stdout.contains("overdue")
    });
    let relations = run(pgkit(&db).arg("relations"));
    assert_eq!(relations.code, Some(0));
    assert!(
        relations.stderr.contains("WARNING: log_statement = all was switched on by role postgres"),
        "{}",
        relations.stderr
    );
    assert!(run(pgkit(&db).args(["relations", "-q"])).stderr.is_empty());
    assert_eq!(
        run(pgkit(&db).args(["relations", "--all-databases"]))
            .stderr
            .matches("WARNING: log_statement")
            .count(),
        1
    );
    ok(&db, &["off"]);
    assert!(run(pgkit(&db).arg("relations")).stderr.is_empty());
    assert!(auto_conf(&db).is_empty());
    // That of a database is told in every other one too.
    ok(&db, &["on", "--for", "1s", "--database", "template1"]);
    for pid in watchers(&db) {
        kill(pid, Signal::SIGKILL);
    }
    eventually("every pgkit tells", || {
        run(pgkit(&db).arg("relations")).stderr.matches("WARNING: log_statement").count() == 1
    });
    ok(&db, &["off"]);
    assert!(run(pgkit(&db).arg("relations")).stderr.is_empty());
}

#[test]
fn kill_9_of_log_on_in_any_step_leaves_nothing_on() {
    let (_server, db) = server_with(&options(bin()));
    for delay in [0, 10, 20, 40, 60, 80, 100, 150, 200, 300] {
        let mut command = pgkit(&db);
        command.args(["log", "on", "--for", "1s"]).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        let _ = child.kill();
        child.wait().unwrap();
        eventually("it is off", || auto_conf(&db).is_empty() && watchers(&db).is_empty());
    }
    eventually_shows(&db, "log_statement", "none");
}

#[test]
fn kill_9_of_a_tail_switches_back_at_once() {
    let (_server, db) = server_with(&options(bin()));
    let mut command = pgkit(&db);
    command.args(["log", "on", "--for", "1h", "--tail"]).stderr(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    eventually_shows(&db, "log_statement", "all");
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("it is off", || auto_conf(&db).is_empty());
}

#[test]
fn every_signal_ends_a_tail_and_what_it_switched_on() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let (_server, db) = server_with(&options(bin()));
        let mut command = pgkit(&db);
        command.args(["log", "on", "--tail"]).stderr(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        eventually_shows(&db, "log_statement", "all");
        db.sql("SELECT 'seen while tailing'");
        std::thread::sleep(std::time::Duration::from_millis(1500));
        kill(child.id().try_into().unwrap(), signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(auto_conf(&db).is_empty(), "{:?}", auto_conf(&db));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("switched back"), "{stderr}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(
            stdout.contains("SELECT 'seen while tailing'") && !stdout.contains("/* pgkit */"),
            "{stdout}"
        );
    }
}

#[test]
fn a_tail_ends_with_the_time_that_was_given() {
    let (_server, db) = server_with(&options(bin()));
    let output = ok(&db, &["on", "--for", "1s", "--tail"]);
    assert!(output.stderr.contains("switched back"), "{}", output.snapshot());
    assert!(auto_conf(&db).is_empty());
}

#[test]
fn a_restart_of_the_server_changes_nothing() {
    for how in [Stop::Fast, Stop::Immediate] {
        let (mut server, db) = server_with(&options(bin()));
        db.sql("ALTER SYSTEM SET log_statement = 'ddl'");
        let before = auto_conf(&db);
        ok(&db, &["on", "--for", "5s"]);
        server.stop(how).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(1));
        server.start().unwrap();
        assert_eq!(db.value("SHOW log_statement"), "all");
        assert!(ok(&db, &["status", "--measure", "0"]).stdout.contains("\ton\t"));
        eventually("it is off", || auto_conf(&db) == before);
        eventually_shows(&db, "log_statement", "ddl");
    }
}

#[test]
fn a_server_that_was_down_at_the_end_is_switched_back_when_it_is_there_again() {
    let (mut server, db) = server_with(&options(bin()));
    ok(&db, &["on", "--for", "1s"]);
    server.stop(Stop::Fast).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    server.start().unwrap();
    eventually("it is off", || auto_conf(&db).is_empty());
}

#[test]
fn a_log_that_grows_too_much_is_switched_off() {
    for collector in ["off", "on"] {
        let (_server, db) = server_with(&options(bin()).conf("logging_collector", collector));
        ok(&db, &["on", "--for", "1h", "--max-size", "200kB"]);
        eventually_shows(&db, "log_statement", "all");
        let session = db.session();
        session.sql(&format!("SELECT '{}'", "x".repeat(150_000)));
        std::thread::sleep(std::time::Duration::from_millis(2500));
        assert!(!auto_conf(&db).is_empty(), "not yet");
        session.sql(&format!("SELECT '{}'", "x".repeat(150_000)));
        eventually("it is off", || auto_conf(&db).is_empty());
    }
}

#[test]
fn termination_of_the_watcher_is_the_end_too() {
    let (_server, db) = server_with(&options(bin()));
    ok(&db, &["on", "--for", "1h"]);
    for pid in watchers(&db) {
        kill(pid, Signal::SIGTERM);
    }
    eventually("it is off", || auto_conf(&db).is_empty());
}

#[test]
fn the_watcher_of_a_database_takes_the_record_away_with_the_last_session() {
    let (_server, db) = server_with(&options(bin()));
    let before = db_role(&db);
    ok(&db, &["on", "--for", "2s", "--database", "postgres"]);
    let meanwhile = db.session();
    eventually("it is off", || {
        db_role(&db).iter().all(|row| !row[2].as_deref().unwrap_or("").contains("log_statement="))
    });
    assert!(!db_role(&db).is_empty(), "the record names whom to wait for");
    drop(meanwhile);
    eventually("the record is gone", || db_role(&db) == before);
}

#[test]
fn a_database_or_a_role_that_is_renamed_meanwhile_is_switched_back() {
    let (_server, db) = server_with(&options(bin()));
    db.sql("CREATE DATABASE shop");
    db.sql("CREATE ROLE app LOGIN");
    for (args, rename) in [
        (["--database", "shop"], "ALTER DATABASE shop RENAME TO \"new shop\""),
        (["--role", "app"], "ALTER ROLE app RENAME TO \"new app\""),
    ] {
        ok(&db, &["on", "--for", "3s", args[0], args[1]]);
        db.sql(rename);
        eventually("it is off", || db_role(&db).is_empty());
        eventually("the watcher has left", || watchers(&db).is_empty());
    }
}

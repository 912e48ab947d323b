//! Requests: `jobs run NAME` and `pgkit_run_now` while a runner that keeps running has the job.

use nix::sys::signal::Signal;
use pgkit::sandbox::Binaries;

use super::fixture::Jobs;
use crate::support::jobs::Process;
use crate::support::*;

const FILE: &str = "[[job]]\nname = \"a\"\nschedule = \"1d\"\ncommand = \"./pid; echo done\"\n
    [[job]]\nname = \"bad\"\nschedule = \"1d\"\nsql = \"SELECT 1/0\"\n
    [[job]]\nname = \"slow\"\nschedule = \"1d\"\ncommand = \"./pid; while test ! -e go; do sleep 0.05; done\"\n";

/// Starts a runner that looks at the tables only once an hour, and waits until it has run everything that was due.
fn daemon(jobs: &Jobs) -> Process {
    std::fs::write(jobs.path("go"), "").unwrap();
    let runner = jobs.start(&["run", "--every", "1h", "--parallel", "2"]);
    jobs.wait("all have run", || {
        jobs.attempts("slow").concat().contains("succeeded") && jobs.attempts("bad").len() == 1
    });
    jobs.wait("it is ready", || is_ready(jobs));
    runner
}

/// Returns whether a runner has started and no job is running. It subscribes to notifications before it writes its row.
fn is_ready(jobs: &Jobs) -> bool {
    let sql = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
               WHERE a.datname = current_database() AND l.locktype = 'advisory'";
    let subscribed = "SELECT count(*) FROM pgkit_runner WHERE kind = 'daemon' AND ended IS NULL";
    jobs.db.value(sql) == "0" && jobs.db.value(subscribed) == "1"
}

fn requests(jobs: &Jobs) -> String {
    jobs.db.value("SELECT count(*) FROM pgkit_request")
}

fn a_job_that_is_run_by_name_runs_in_the_runner_that_has_it(bin: &Binaries) {
    let jobs = Jobs::on(bin, "request", FILE);
    let runner = daemon(&jobs);
    let output = jobs.ends(0, &["run", "--force", "a"]);
    let asked = format!("pid {}\n", runner.pid());
    assert!(
        output.stderr.contains("asked the runner on ") && output.stderr.contains(&asked),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("a: ran for "), "{}", output.stderr);
    assert_eq!(jobs.attempts("a"), ["succeeded 1", "succeeded 1"]);
    let guard =
        jobs.db.value("SELECT guard_pid FROM pgkit_run WHERE app_name = 'a' ORDER BY id DESC LIMIT 1");
    assert!(runner.guards().contains(&guard.parse().unwrap()), "{guard}");
    let output = jobs.ends(1, &["run", "--force", "bad"]);
    assert!(
        output.stderr.contains("bad: failed for ") && output.stderr.contains("division by zero"),
        "{}",
        output.stderr
    );
    let output = jobs.ends(0, &["run", "a"]);
    assert!(output.stderr.contains("a: is not due before "), "{}", output.stderr);
    assert_eq!(jobs.attempts("a").len(), 2);
    let output = jobs.ends(0, &["run", "a", "--date", "2026-01-05T00:00:00Z"]);
    assert!(output.stderr.contains("a: ran for "), "{}", output.stderr);
    let output = jobs.ends(0, &["run", "a", "--date", "2026-01-05T00:00:00Z"]);
    assert!(output.stderr.contains("has already run for"), "{}", output.stderr);
    let output = jobs.ends(0, &["run", "--force", "a", "--format", "jsonl"]);
    let events: Vec<serde_json::Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(words, ["started", "finished", "outcome", "passed"], "{}", output.stdout);
    let output = jobs.ends(0, &["run", "--force", "--here", "a"]);
    assert!(!output.stderr.contains("asked"), "{}", output.stderr);
    assert_eq!(requests(&jobs), "0");
    drop(runner);
}
on_every_server!(a_job_that_is_run_by_name_runs_in_the_runner_that_has_it);

fn a_statement_makes_a_runner_run_a_job(bin: &Binaries) {
    let jobs = Jobs::on(bin, "request_sql", FILE);
    let runner = daemon(&jobs);
    jobs.db.sql("SELECT pgkit_run_now('a')");
    jobs.wait("it has run", || jobs.attempts("a") == ["succeeded 1", "succeeded 1"]);
    // Two requests that are made while the job runs make it run twice more.
    std::fs::remove_file(jobs.path("go")).unwrap();
    jobs.db.sql("SELECT pgkit_run_now('slow')");
    jobs.wait("it runs", || jobs.attempts("slow").concat().contains("running"));
    jobs.db.sql("SELECT pgkit_run_now('slow'), pgkit_run_now('slow')");
    std::fs::write(jobs.path("go"), "").unwrap();
    jobs.wait("all have run", || jobs.attempts("slow") == ["succeeded 1"; 4]);
    // A job that is not due does not run unless it is forced.
    jobs.db.sql("SELECT pgkit_run_now('a', forced => false)");
    jobs.wait("all have ended", || {
        jobs.db.value("SELECT count(*) FROM pgkit_request WHERE outcome IS NULL") == "0"
    });
    assert_eq!(jobs.attempts("a").len(), 2);
    let error =
        jobs.db.try_sql("SELECT pgkit_run_now('x')").unwrap_err().as_db_error().unwrap().message().to_owned();
    assert!(error.contains("no runner has a job named 'x'"), "{error}");
    drop(runner);
}
on_every_server!(a_statement_makes_a_runner_run_a_job);

#[test]
fn a_pass_runs_what_a_statement_asked_for() {
    let jobs = Jobs::new("request_pass", FILE);
    std::fs::write(jobs.path("go"), "").unwrap();
    jobs.ends(1, &["run"]);
    jobs.db.sql("SELECT pgkit_run_now('a')");
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.attempts("a"), ["succeeded 1", "succeeded 1"]);
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.attempts("a").len(), 2);
}

#[test]
fn a_runner_that_does_not_answer_is_not_waited_for() {
    let jobs = Jobs::new("request_stopped", FILE);
    let runner = daemon(&jobs);
    runner.signal(Signal::SIGSTOP);
    let output = jobs.ends(0, &["run", "--force", "a"]);
    runner.signal(Signal::SIGCONT);
    assert!(output.stderr.contains("has not taken the request within 5 s"), "{}", output.stderr);
    assert_eq!(jobs.attempts("a"), ["succeeded 1", "succeeded 1"]);
    assert_eq!(requests(&jobs), "0");
    drop(runner);
}

#[test]
fn a_request_outlives_the_runner_that_took_it() {
    let jobs = Jobs::new("request_killed", FILE);
    let runner = daemon(&jobs);
    // The job is running in another process, so the runner takes the request and waits.
    std::fs::remove_file(jobs.path("go")).unwrap();
    let other = jobs.start(&["run", "--force", "--here", "slow"]);
    jobs.wait("it runs", || jobs.attempts("slow").len() == 2);
    jobs.db.sql("SELECT pgkit_run_now('slow')");
    jobs.wait("it is taken", || jobs.db.value("SELECT taken_by IS NOT NULL FROM pgkit_request") == "t");
    runner.signal(Signal::SIGKILL);
    runner.end();
    let asker = jobs.start(&["run", "--every", "1s"]);
    jobs.db.sql("UPDATE pgkit_runner SET seen = seen - interval '1 min' WHERE kind = 'daemon' AND seen < now() - interval '2 s'");
    std::fs::write(jobs.path("go"), "").unwrap();
    jobs.wait("the next runner has run it", || {
        jobs.db.sql("UPDATE pgkit_runner SET seen = seen - interval '1 min' WHERE since < (SELECT max(since) FROM pgkit_runner)");
        jobs.attempts("slow") == ["succeeded 1"; 3]
    });
    drop((other, asker));
}

#[test]
fn who_gives_up_takes_the_request_back() {
    let jobs = Jobs::new("request_given_up", FILE);
    let runner = daemon(&jobs);
    runner.signal(Signal::SIGSTOP);
    let asking = jobs.start(&["run", "--force", "a"]);
    jobs.wait("it is asked", || requests(&jobs) == "1");
    asking.signal(Signal::SIGINT);
    assert_eq!(asking.end().code, Some(130));
    assert_eq!(requests(&jobs), "0");
    runner.signal(Signal::SIGCONT);
    // Once a runner has taken it, the job goes on.
    std::fs::remove_file(jobs.path("go")).unwrap();
    let asking = jobs.start(&["run", "--force", "slow"]);
    jobs.wait("it runs", || jobs.attempts("slow").len() == 2);
    asking.signal(Signal::SIGINT);
    let output = asking.end();
    assert_eq!(output.code, Some(130), "{}", output.snapshot());
    assert!(output.stderr.contains("the runner goes on with slow"), "{}", output.stderr);
    std::fs::write(jobs.path("go"), "").unwrap();
    jobs.wait("it has run", || jobs.attempts("slow") == ["succeeded 1"; 2]);
    drop(runner);
}

#[test]
fn who_gives_up_on_a_server_that_does_not_answer_need_not_do_it_twice() {
    let jobs = Jobs::new("mute", "[[job]]\nname = \"j\"\nevery = \"1h\"\nsql = \"SELECT 1\"\n");
    for args in [vec!["run", "j"], vec!["run"]] {
        let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = mute.local_addr().unwrap().port().to_string();
        let runner = Process::start(
            jobs.command(&args).args(["-h", "127.0.0.1", "-p", &port]).env("PGSSLMODE", "disable"),
        );
        mute.set_nonblocking(true).unwrap();
        let asks = std::cell::OnceCell::new();
        eventually("it asks", || mute.accept().is_ok_and(|stream| asks.set(stream).is_ok()));
        runner.signal(Signal::SIGINT);
        let output = runner.end();
        assert_eq!(output.code, Some(130), "{}", output.snapshot());
    }
}

#[test]
fn a_job_that_runs_elsewhere_is_busy() {
    let jobs = Jobs::new("request_busy", FILE);
    let runner = daemon(&jobs);
    std::fs::remove_file(jobs.path("go")).unwrap();
    let other = jobs.start(&["run", "--force", "--here", "slow"]);
    jobs.wait("it runs", || jobs.attempts("slow").len() == 2);
    let output = jobs.ends(3, &["run", "--force", "slow"]);
    assert!(output.stderr.contains("slow: is due, but ongoing "), "{}", output.stderr);
    std::fs::write(jobs.path("go"), "").unwrap();
    jobs.wait("it has run", || jobs.attempts("slow") == ["succeeded 1"; 2]);
    drop((runner, other));
}

#[test]
fn only_who_may_write_the_tables_may_ask() {
    let jobs = Jobs::new("request_rights", FILE);
    let runner = daemon(&jobs);
    jobs.db.sql(
        "DO $$ BEGIN CREATE ROLE nobody_in_particular; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$",
    );
    let error = jobs
        .db
        .try_sql("SET ROLE nobody_in_particular; SELECT pgkit_run_now('a')")
        .unwrap_err()
        .as_db_error()
        .unwrap()
        .message()
        .to_owned();
    assert!(error.contains("permission denied"), "{error}");
    // A notification alone starts nothing.
    jobs.db.sql("SET ROLE nobody_in_particular; NOTIFY pgkit_jobs, 'a'");
    jobs.db.sql("SELECT pgkit_run_now('bad')");
    jobs.wait("the runner has looked", || jobs.attempts("bad").len() == 2);
    assert_eq!(jobs.attempts("a").len(), 1);
    drop(runner);
}

#[test]
fn who_asks_a_runner_that_is_killed_learns_it_at_once() {
    let jobs = Jobs::new("request_dead", FILE);
    std::fs::write(jobs.path("go"), "").unwrap();
    let runner = jobs.start(&["run", "--every", "1h"]);
    jobs.wait("all have run", || jobs.attempts("slow").concat().contains("succeeded") && is_ready(&jobs));
    std::fs::remove_file(jobs.path("go")).unwrap();
    let asking = jobs.start(&["run", "--force", "a", "slow"]);
    let begun = "SELECT count(*) FROM pgkit_request WHERE app_name = 'slow' AND events LIKE '%started%'";
    jobs.wait("it is told that it has begun", || jobs.db.value(begun) == "1");
    runner.signal(Signal::SIGKILL);
    runner.end();
    jobs.wait("the asker has been told", || requests(&jobs) == "0");
    let output = asking.end();
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stderr.contains("slow: was cut off: its runner is gone"), "{}", output.stderr);
    assert!(output.stderr.contains("a: ran for "), "{}", output.stderr);
    // No request is left that would run it later.
    assert_eq!(requests(&jobs), "0");
}

#[test]
fn a_request_behind_which_nobody_waits_any_more_is_not_taken() {
    let jobs = Jobs::new("request_stale", FILE);
    let runner = daemon(&jobs);
    runner.signal(Signal::SIGSTOP);
    let asking = jobs.start(&["run", "--force", "a"]);
    jobs.wait("it is asked", || requests(&jobs) == "1");
    asking.signal(Signal::SIGKILL);
    asking.end();
    jobs.db.sql("UPDATE pgkit_request SET asked = asked - interval '1 min'");
    runner.signal(Signal::SIGCONT);
    jobs.db.sql("SELECT pgkit_run_now('bad')");
    jobs.wait("the runner has looked", || jobs.attempts("bad").len() == 2);
    assert_eq!(jobs.attempts("a").len(), 1);
    drop(runner);
}

#[test]
fn the_end_of_a_request_whose_row_is_locked_is_recorded_later() {
    let jobs = Jobs::new("request_locked", FILE);
    let runner = daemon(&jobs);
    std::fs::remove_file(jobs.path("go")).unwrap();
    jobs.db.sql("SELECT pgkit_run_now('slow')");
    jobs.wait("it runs", || jobs.attempts("slow").len() == 2);
    let holder = jobs.db.session();
    holder.sql("BEGIN; SELECT FROM pgkit_request FOR UPDATE");
    std::fs::write(jobs.path("go"), "").unwrap();
    jobs.wait("it has run", || jobs.attempts("slow") == ["succeeded 1"; 2]);
    jobs.wait("the runner waits for the row", || {
        jobs.db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") != "0"
    });
    jobs.wait("it no longer does", || {
        jobs.db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") == "0"
    });
    holder.sql("COMMIT");
    jobs.wait("its end is recorded", || {
        jobs.db.value("SELECT count(*) FROM pgkit_request WHERE outcome IS NOT NULL") == "1"
    });
    drop(runner);
}

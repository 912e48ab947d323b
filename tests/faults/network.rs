//! A network that is cut for good, for two seconds, one way, or half closed.

use std::time::{Duration, Instant};

use super::fixture::{Jobs, Process, lives, numbers};
use super::proxy::{Proxy, Way};
use super::{beats, begins_again, figure, no_overlap};
use crate::support::*;

/// Starts a run whose server is behind this network.
fn start(jobs: &Jobs, proxy: &Proxy) -> Process {
    let mut command = jobs.command(&["run"]);
    proxy.lead(&mut command);
    Process::start(&mut command)
}

/// Another machine tries as its cron would, but more often, until it starts the job.
fn taken_over(jobs: &Jobs, begun: Instant) -> (Process, Duration) {
    jobs.db.sql("UPDATE pgkit_run SET boot_id = 'another machine'");
    loop {
        let mut other = jobs.start(&["run", "-q"]);
        if begins_again(jobs, &mut other) {
            return (other, begun.elapsed());
        }
        let output = other.end();
        assert_eq!(output.code, Some(3), "{}", output.snapshot());
        assert!(begun.elapsed().as_secs() < 35, "nobody took it over: {}", jobs.jobs(&["history"]).stdout);
    }
}

#[test]
fn a_network_that_is_cut_for_good_ends_the_job_before_another_starts_it() {
    for (way, what) in [(Way::Cut, "network cut for good"), (Way::Deaf, "network cut one way")] {
        let jobs = Jobs::new("cut", &beats("3s"));
        let proxy = Proxy::new(&jobs.db);
        let runner = start(&jobs, &proxy);
        jobs.wait_for_lines("beats", 3);
        std::thread::sleep(Duration::from_millis(1500));
        proxy.set(way);
        let cut = Instant::now();
        let pid = numbers(&jobs.path("pids"))[0];
        jobs.wait("the job is ended", || !lives(pid));
        let ended = cut.elapsed();
        figure(&format!("{what}, lease 3 s: to the end of the job"), ended.as_millis() as u64);
        assert!(ended < Duration::from_millis(4500), "{ended:?}");
        let (other, took) = taken_over(&jobs, cut);
        figure(&format!("{what}, lease 3 s: to the next start elsewhere"), took.as_millis() as u64);
        no_overlap(&jobs);
        std::fs::write(jobs.path("done"), "").unwrap();
        assert_eq!(other.end().code, Some(0));
        // What had the job before finds that it has not any more, and does no harm.
        proxy.set(Way::Open);
        let output = runner.end();
        assert_eq!(output.code, Some(1), "{}", output.snapshot());
        assert_eq!(jobs.attempts("j").len(), 2);
        assert_eq!(jobs.row("j", "ongoing"), "");
        assert_eq!(jobs.row("j", "error_count"), "0");
        assert!(jobs.attempts("j").contains(&"succeeded 1".to_owned()), "{:?}", jobs.attempts("j"));
    }
}

#[test]
fn two_seconds_without_a_network_cost_no_job() {
    let jobs = Jobs::new("short", &beats("10s"));
    let proxy = Proxy::new(&jobs.db);
    let runner = start(&jobs, &proxy);
    jobs.wait_for_lines("beats", 3);
    std::thread::sleep(Duration::from_millis(1200));
    proxy.set(Way::Cut);
    std::thread::sleep(Duration::from_secs(2));
    proxy.set(Way::Open);
    std::thread::sleep(Duration::from_millis(1500));
    std::fs::write(jobs.path("done"), "").unwrap();
    let output = runner.end();
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert_eq!(jobs.attempts("j"), ["succeeded 1"]);
}

#[test]
fn a_connection_whose_end_the_server_has_not_seen_is_opened_anew_and_the_job_lives() {
    let jobs = Jobs::new("half", &beats("10s"));
    let proxy = Proxy::new(&jobs.db);
    let runner = start(&jobs, &proxy);
    jobs.wait_for_lines("beats", 3);
    std::thread::sleep(Duration::from_millis(1200));
    let sessions = || {
        jobs.db.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgkit' AND datname = current_database()")
    };
    let before = sessions();
    proxy.half_close();
    // Somebody sees its lock free, and says so; it is no reason for anybody to start it.
    let begun = Instant::now();
    jobs.db.sql("UPDATE pgkit_run SET boot_id = 'another machine'");
    while begun.elapsed() < Duration::from_secs(8) {
        assert_eq!(jobs.jobs(&["run"]).code, Some(3));
        std::thread::sleep(Duration::from_millis(400));
    }
    assert!(sessions() <= before);
    assert_eq!(jobs.db.value("SELECT seen_free_at IS NULL FROM pgkit_run"), "t", "its owner has it again");
    std::fs::write(jobs.path("done"), "").unwrap();
    let output = runner.end();
    assert_eq!(jobs.attempts("j"), ["succeeded 1"], "{}", output.snapshot());
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
}

#[test]
fn sql_on_a_network_that_is_cut_happens_once() {
    let jobs = Jobs::new(
        "cutsql",
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\nlease = \"3s\"\nsql = \"INSERT INTO t DEFAULT VALUES; SELECT pg_sleep(2)\"\n",
    );
    jobs.db.sql("CREATE TABLE t (at timestamptz DEFAULT clock_timestamp())");
    let proxy = Proxy::new(&jobs.db);
    let runner = start(&jobs, &proxy);
    jobs.wait("it runs", || jobs.attempts("j") == ["running 1"]);
    std::thread::sleep(Duration::from_millis(300));
    proxy.set(Way::Deaf);
    // The statement ends, its answer is lost, and the server ends the session that then says nothing.
    std::thread::sleep(Duration::from_secs(3));
    let begun = Instant::now();
    jobs.db.sql("UPDATE pgkit_run SET boot_id = 'another machine'");
    while jobs.jobs(&["run"]).code == Some(3) {
        assert!(begun.elapsed().as_secs() < 35);
        std::thread::sleep(Duration::from_millis(300));
    }
    proxy.set(Way::Open);
    drop(runner);
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "1");
    assert_eq!(jobs.row("j", "error_count || coalesce(ongoing::text, '')"), "0");
}

/// A claim and the job it is for are sent at once. Whether the server has received them or not, the job happens once.
#[test]
fn a_claim_that_is_lost_together_with_its_job_is_found_out_about() {
    for (name, way) in [("lostclaim", Way::Cut), ("lostanswer", Way::Deaf)] {
        let job = "[[job]]\nname = \"j\"\nschedule = \"1d\"\nlease = \"3s\"\nsql = \"INSERT INTO t DEFAULT VALUES\"\n";
        let jobs = Jobs::new(name, job);
        jobs.db.sql("CREATE TABLE t (at timestamptz DEFAULT clock_timestamp())");
        let proxy = Proxy::new(&jobs.db);
        proxy.set_at("claim", way);
        let runner = start(&jobs, &proxy);
        jobs.wait("it claims", || proxy.is(way));
        if way == Way::Cut {
            // What the client has sent reaches nobody.
            jobs.db.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND state = 'idle in transaction'",
            );
            assert_eq!(jobs.attempts_if_any(), 0);
        } else {
            jobs.wait("it is claimed", || jobs.attempts("j") == ["running 1"]);
        }
        proxy.half_close();
        proxy.set(Way::Open);
        let output = runner.end();
        jobs.ends(0, &["run"]);
        assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "1", "{name}: {}", output.snapshot());
        assert_eq!(jobs.row("j", "error_count || coalesce(ongoing::text, '')"), "0", "{name}");
        let last = jobs.attempts("j").pop();
        assert!(last.is_some_and(|last| last.starts_with("succeeded")), "{name}: {}", output.snapshot());
        assert_eq!(jobs.db.value("SELECT count(*) FROM pgkit_run WHERE state = 'running'"), "0", "{name}");
    }
}

#[test]
fn through_a_pooler_nothing_is_claimed_but_with_a_direct_connection_beside_it() {
    let Some(program) = super::through::program() else { return };
    let jobs =
        Jobs::new("pooled", "[[job]]\nname = \"j\"\nschedule = \"1d\"\ncommand = \"echo run >> log\"\n");
    for mode in ["session", "transaction"] {
        let pooler = super::through::Pooler::start(&program, &jobs.db, mode);
        let through = |args: &[&str]| {
            let mut command = pgkit(&pooler.db);
            jobs.dress(&mut command);
            run(command.arg("jobs").args(args))
        };
        for args in [&["run"][..], &["run", "--every", "1s"], &["init"], &["reset", "j"]] {
            let refused = through(args);
            assert_eq!(refused.code, Some(64), "{mode} {args:?} {}", refused.snapshot());
            assert!(refused.stderr.contains("connection pooler"), "{}", refused.stderr);
        }
        // To look it is good enough.
        assert_eq!(through(&["list"]).code, Some(0));
        let info = &jobs.db.info;
        let direct = format!("host={} port={}", info.socket_dir.display(), info.port);
        let ran = through(&["run", "--force", "j", "--lock-dbname", &direct]);
        assert_eq!(ran.code, Some(0), "{}", ran.snapshot());
        let other = through(&["run", "--lock-dbname", &format!("{direct} dbname=postgres")]);
        assert!(
            other.code == Some(64) && other.stderr.contains("leads to another database"),
            "{}",
            other.snapshot()
        );
    }
    assert_eq!(jobs.text("log"), "run\nrun\n");
}

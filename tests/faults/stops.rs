//! SIGSTOP of the runner, of the guard, of both, past the lease.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fixture::{Jobs, lives, numbers};
use super::{beats, begins_again, figure, no_overlap};

fn stop(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
}

fn go_on(pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
}

#[test]
fn a_stopped_guard_is_killed_with_its_job_when_its_lease_is_over() {
    for both in [false, true] {
        let jobs = Jobs::new(if both { "stopboth" } else { "stopguard" }, &beats("3s"));
        let runner = jobs.start(&["run"]);
        jobs.wait_for_lines("beats", 3);
        std::thread::sleep(Duration::from_millis(1200));
        let guard = runner.guards()[0];
        let begun = Instant::now();
        stop(guard);
        if both {
            stop(runner.pid());
        }
        let pid = numbers(&jobs.path("pids"))[0];
        jobs.wait("the job is dead", || !lives(pid));
        let took = begun.elapsed();
        figure("SIGSTOP of the guard, lease 3 s: to the end of the job", took.as_millis() as u64);
        assert!((Duration::from_millis(2500)..Duration::from_millis(5500)).contains(&took), "{took:?}");
        if both {
            // Another machine has waited for that long.
            let other = loop {
                let mut other = jobs.start(&["run"]);
                if begins_again(&jobs, &mut other) {
                    break other;
                }
                assert!(begun.elapsed().as_secs() < 25);
            };
            no_overlap(&jobs);
            std::fs::write(jobs.path("done"), "").unwrap();
            assert_eq!(other.end().code, Some(0));
            go_on(runner.pid());
            let output = runner.end();
            assert!([Some(0), Some(1)].contains(&output.code), "{}", output.snapshot());
        } else {
            std::fs::write(jobs.path("done"), "").unwrap();
            let output = runner.end();
            assert!(
                output.code == Some(0) && output.stderr.contains("its guard was killed"),
                "{}",
                output.snapshot()
            );
        }
        assert_eq!(jobs.row("j", "error_count || coalesce(ongoing::text, '')"), "0");
        assert_eq!(jobs.db.value("SELECT count(*) FROM pgkit_run WHERE state = 'succeeded'"), "1");
    }
}

#[test]
fn a_stopped_runner_hinders_nobody_and_hears_of_the_end_when_it_goes_on() {
    let jobs = Jobs::new("stoprunner", &beats("3s"));
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("beats", 3);
    stop(runner.pid());
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(jobs.jobs(&["run"]).code, Some(3), "its guard keeps the lease");
    std::fs::write(jobs.path("done"), "").unwrap();
    jobs.wait("the end is recorded", || jobs.attempts("j") == ["succeeded 1"]);
    go_on(runner.pid());
    assert_eq!(runner.end().code, Some(0));
}

#[test]
fn a_guard_that_was_stopped_before_its_job_began_starts_nothing_that_is_anothers() {
    let jobs = Jobs::new(
        "early",
        "[[job]]\nname = \"j\"\nevery = \"1s\"\nbackfill = true\nlease = \"3s\"\ncontain = \"none\"\ncommand = \"echo {date} $PPID >> log\"\n",
    );
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait_for_lines("log", 1);
    let guard = runner.guards()[0];
    // At any moment of its work, and for longer than anybody waits for it.
    std::thread::sleep(Duration::from_millis(537));
    stop(guard);
    let begun = Instant::now();
    let other = jobs.start(&["run", "--every", "1s"]);
    jobs.wait("the other does its dates", || {
        jobs.text("log").lines().filter(|line| !line.ends_with(&format!(" {guard}"))).count() >= 3
    });
    figure(
        "SIGSTOP of a guard between two dates: to the next start elsewhere",
        begun.elapsed().as_millis() as u64,
    );
    go_on(guard);
    std::thread::sleep(Duration::from_millis(1500));
    drop(runner);
    drop(other);
    let text = jobs.text("log");
    let dates: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(dates.windows(2).all(|pair| pair[0] < pair[1]), "{text}");
}

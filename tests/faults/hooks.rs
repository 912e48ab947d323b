//! Commands that notify and hang: no job waits for one, and none outlives its time or its runner.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fixture::{Jobs, lives, numbers};

/// A job that fails and whose command hangs, and one that runs after it.
fn hanging(timeout: &str) -> String {
    format!(
        r#"
[[job]]
name = "a"
schedule = "1d"
command = "exit 3"
on_failure = {{ command = "trap '' TERM; ./pid; setsid sh -c './pid; while :; do sleep 1; done' & while :; do sleep 1; done"{timeout} }}
[[job]]
name = "b"
schedule = "1d"
command = "date +%s%N >> b"
"#
    )
}

fn all_dead(pids: &[i32]) -> bool {
    pids.iter().all(|pid| !lives(*pid))
}

#[test]
fn a_command_that_hangs_keeps_no_job_waiting_and_is_killed_and_told() {
    let jobs = Jobs::new("hookhangs", &hanging(", timeout = \"2s\""));
    let begun = Instant::now();
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("b", 1);
    assert!(begun.elapsed() < Duration::from_millis(1900), "{:?}", begun.elapsed());
    jobs.wait_for_lines("pids", 2);
    let pids = numbers(&jobs.path("pids"));
    let output = runner.end();
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(
        output.stderr.contains("WARNING: a: on_failure: the command took longer than 2s and was killed"),
        "{}",
        output.stderr
    );
    assert!(all_dead(&pids) && begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[test]
fn a_runner_that_is_told_to_stop_waits_for_no_command_and_a_killed_one_leaves_none() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let jobs = Jobs::new(&format!("hookstops{}", signal as i32), &hanging(""));
        let runner = jobs.start(&["run", "--every", "1s"]);
        jobs.wait_for_lines("pids", 2);
        let pids = numbers(&jobs.path("pids"));
        let begun = Instant::now();
        runner.signal(signal);
        let output = runner.end();
        assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
        if signal == Signal::SIGTERM {
            assert_eq!(output.code, Some(143), "{}", output.snapshot());
            assert!(
                output.stderr.contains(
                    "WARNING: a: on_failure: the command was killed, because pgkit was told to stop"
                ),
                "{}",
                output.stderr
            );
        }
        jobs.wait("its processes are gone", || all_dead(&pids));
    }
}

#[test]
fn after_a_second_signal_no_command_is_left() {
    let jobs = Jobs::new("hooktwice", &hanging(""));
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait_for_lines("pids", 2);
    let pids = numbers(&jobs.path("pids"));
    let guards = runner.guards();
    runner.signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(300));
    let _ = kill(Pid::from_raw(runner.pid()), Signal::SIGTERM);
    let begun = Instant::now();
    runner.end();
    assert!(begun.elapsed() < Duration::from_secs(2));
    jobs.wait("nothing is left", || all_dead(&pids) && all_dead(&guards));
}

#[test]
fn many_commands_run_a_few_at_a_time_and_each_does() {
    let job = |i: u32| {
        format!(
            "[[job]]\nname = \"j{i}\"\nschedule = \"1d\"\nsql = \"SELECT 1/0\"\non_failure = {{ command = \"echo $PGKIT_JOB $PGKIT_STATE $PGKIT_ERROR_TYPE >> told\" }}\n"
        )
    };
    let jobs = Jobs::new("hookmany", &(0..20).map(job).collect::<String>());
    jobs.ends(1, &["run", "--parallel", "4"]);
    let text = jobs.text("told");
    let mut told: Vec<&str> = text.lines().collect();
    told.sort_unstable();
    told.dedup();
    assert!(told.len() == 20 && told.iter().all(|line| line.ends_with("failing SQLSTATE 22012")), "{told:?}");
}

#[test]
fn commands_that_still_wait_when_the_runner_is_told_to_stop_run_all_the_same() {
    let job = |name: &str, command: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\nschedule = \"1d\"\nsql = \"SELECT 1/0\"\non_failure = {{ command = \"{command}\" }}\n"
        )
    };
    // They are started in the order of their jobs, four at once.
    let hanging: String = (0..4).map(|i| job(&format!("a{i}"), "./pid; sleep 60")).collect();
    let quick: String = (0..2).map(|i| job(&format!("b{i}"), "echo $PGKIT_JOB >> told")).collect();
    let jobs = Jobs::new("hookwaits", &[hanging, quick].concat());
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait_for_lines("pids", 4);
    jobs.wait("all have failed", || {
        jobs.db.value("SELECT count(*) FROM pgkit_run WHERE state = 'failed'") == "6"
    });
    assert_eq!(jobs.text("told"), "");
    runner.signal(Signal::SIGTERM);
    let output = runner.end();
    let text = jobs.text("told");
    let mut told: Vec<&str> = text.lines().collect();
    told.sort_unstable();
    assert_eq!(told, ["b0", "b1"], "{}", output.snapshot());
    assert_eq!(
        output.stderr.matches("the command was killed, because pgkit was told to stop").count(),
        4,
        "{}",
        output.stderr
    );
}

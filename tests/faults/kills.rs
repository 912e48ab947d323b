//! kill -9 of the runner, of the guard, of both, at any step.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fixture::{Jobs, lives, numbers};
use super::{beats, figure, no_overlap, spans};
use crate::support::*;

fn kill_9(pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
}

fn took(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap()
}

#[test]
fn a_killed_runner_takes_its_job_with_it_and_another_starts_it_at_once() {
    let jobs = Jobs::new("runner", &beats("10s"));
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("beats", 3);
    let begun = Instant::now();
    runner.signal(Signal::SIGKILL);
    // Somebody else is at it all the time, as another server's cron.
    let mut other = jobs.start(&["run", "-q"]);
    while spans(&jobs).len() < 2 {
        if other.has_ended() {
            other = jobs.start(&["run", "-q"]);
        }
        assert!(begun.elapsed().as_secs() < 20);
        std::thread::sleep(Duration::from_millis(5));
    }
    figure("kill -9 of the runner to the next start", took(begun));
    no_overlap(&jobs);
    std::fs::write(jobs.path("done"), "").unwrap();
    assert_eq!(other.end().code, Some(0));
    assert_eq!(
        jobs.attempts("j").last().map(String::as_str),
        Some("succeeded 1"),
        "{:?}",
        jobs.attempts("j")
    );
    assert_eq!(jobs.db.value("SELECT error_count FROM crontabber"), "0");
}

#[test]
fn a_killed_guard_is_buried_with_its_job_and_another_guard_sees_to_it() {
    let jobs = Jobs::new("guard", &beats("10s"));
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("beats", 3);
    let begun = Instant::now();
    let guard = runner.guards()[0];
    kill_9(guard);
    jobs.wait("the second attempt", || numbers(&jobs.path("pids")).len() == 2);
    figure("kill -9 of the guard to the next start", took(begun));
    let pids = numbers(&jobs.path("pids"));
    assert!(!lives(pids[0]) && lives(pids[1]));
    std::fs::write(jobs.path("done"), "").unwrap();
    let output = runner.end();
    assert!(
        output.code == Some(0) && output.stderr.contains("its guard was killed"),
        "{}",
        output.snapshot()
    );
    assert_eq!(jobs.attempts("j")[0], "interrupted 1");
    let crontabber_log = "SELECT exc_type FROM crontabber_log WHERE success IS NULL";
    assert_eq!(jobs.db.value(crontabber_log), "interrupted");
}

#[test]
fn when_all_are_killed_what_hides_is_killed_first_on_the_same_machine_and_waited_for_on_another() {
    // Its work is done by what has left its session, its group and its parents.
    let hides = "[[job]]\nname = \"j\"\nschedule = \"1d\"\nlease = \"3s\"\ncontain = \"none\"
command = \"\"\"setsid sh -c './pid; until [ -e done ]; do sleep 0.03; done' & sleep 0.1; [ -e done ] || exec sleep 60\"\"\"\n";
    for elsewhere in [false, true] {
        let jobs = Jobs::new(if elsewhere { "elsewhere" } else { "here" }, hides);
        let runner = jobs.start(&["run"]);
        jobs.wait_for_lines("pids", 1);
        std::thread::sleep(Duration::from_millis(1300));
        let (hidden, guard) = (numbers(&jobs.path("pids"))[0], runner.guards()[0]);
        // All in one instant: whoever still runs when the first is killed would see to it.
        for pid in [guard, runner.pid()] {
            kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
        }
        for pid in super::fixture::children(guard) {
            kill_9(pid);
        }
        kill_9(runner.pid());
        kill_9(guard);
        drop(runner);
        assert!(lives(hidden), "it hides");
        if elsewhere {
            jobs.db.sql("UPDATE pgkit_run SET boot_id = 'another machine'");
            // There it cannot be seen; its owner has the time of its lease, and a margin.
            jobs.ends(3, &["run"]);
            let begun = Instant::now();
            for command in ["reset", "unlock"] {
                let refused = jobs.ends(3, &[command, "j"]).stderr;
                let says =
                    refused.contains("job \"j\" may be ongoing") && refused.contains("hint: try again in ");
                assert!(says && !jobs.row("j", "ongoing").is_empty(), "{refused}");
            }
            kill_9(hidden);
            std::fs::write(jobs.path("done"), "").unwrap();
            while jobs.jobs(&["run"]).code == Some(3) {
                assert!(begun.elapsed().as_secs() < 20);
                std::thread::sleep(Duration::from_millis(100));
            }
            let took = took(begun);
            figure("all killed, on another machine, lease 3 s, from the first look on", took);
            assert!((3000..9000).contains(&took), "{took}");
        } else {
            let begun = Instant::now();
            let next = jobs.start(&["run"]);
            jobs.wait("the next attempt", || numbers(&jobs.path("pids")).len() == 2);
            figure("all killed, on the same machine", took(begun));
            assert!(!lives(hidden), "it was killed before the next attempt");
            std::fs::write(jobs.path("done"), "").unwrap();
            next.signal(Signal::SIGTERM);
            next.end();
        }
    }
}

#[test]
fn what_is_killed_between_success_and_record_runs_again_and_sql_does_not() {
    let jobs = Jobs::new(
        "between",
        "[[job]]\nname = \"p\"\nschedule = \"1d\"\ncommand = \"echo run >> log; until [ -e go ]; do sleep 0.02; done\"\n
         [[job]]\nname = \"s\"\nschedule = \"1d\"\nsql = \"SELECT pg_advisory_xact_lock(1); INSERT INTO t DEFAULT VALUES\"\n",
    );
    jobs.db.sql("CREATE TABLE t (at timestamptz DEFAULT clock_timestamp())");
    let (gate, holder) = (jobs.db.session(), jobs.db.session());
    gate.sql("SELECT pg_advisory_lock(1)");
    let runner = jobs.start(&["run", "--parallel", "2"]);
    jobs.wait_for_lines("log", 1);
    jobs.wait("the SQL runs", || jobs.attempts("s") == ["running 1"]);
    // Nobody may write the log: both are done, and cannot be recorded.
    holder.sql("BEGIN; LOCK TABLE crontabber_log IN SHARE MODE");
    std::fs::write(jobs.path("go"), "").unwrap();
    gate.sql("SELECT pg_advisory_unlock(1)");
    let waiting = || {
        let waits =
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'crontabber_log'::regclass";
        jobs.db.value(waits)
    };
    jobs.wait("both wait", || waiting() == "2");
    let guards = runner.guards();
    guards.iter().for_each(|guard| kill_9(*guard));
    kill_9(runner.pid());
    drop(runner);
    // What they had sent would be done as soon as it could be; the server sees that they are gone.
    jobs.wait("their sessions are gone", || waiting() == "0");
    holder.sql("COMMIT");
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.text("log"), "run\nrun\n");
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "1");
    assert_eq!(jobs.attempts("p"), ["interrupted 1", "succeeded 1"]);
    assert_eq!(jobs.attempts("s"), ["interrupted 1", "succeeded 1"]);
}

#[test]
fn a_kill_before_the_claim_leaves_nothing() {
    let jobs =
        Jobs::new("before", "[[job]]\nname = \"j\"\nschedule = \"1d\"\ncommand = \"echo run >> log\"\n");
    jobs.ends(0, &["run"]);
    jobs.make_due("j");
    let holder = jobs.db.session();
    // What a guard looks at first, once its runner has looked.
    let runner = jobs.start(&["run", "--lock-timeout", "0"]);
    holder.sql("BEGIN; LOCK TABLE pgkit_job IN ACCESS EXCLUSIVE MODE");
    std::thread::sleep(Duration::from_millis(300));
    let guards = runner.guards();
    guards.iter().for_each(|guard| kill_9(*guard));
    kill_9(runner.pid());
    drop(runner);
    holder.sql("COMMIT");
    jobs.make_due("j");
    jobs.wait("the next run", || jobs.jobs(&["run"]).code == Some(0));
    assert!((2..=3).contains(&jobs.text("log").lines().count()));
    assert!(jobs.attempts("j").iter().all(|attempt| attempt == "succeeded 1"), "{:?}", jobs.attempts("j"));
}

#[test]
fn whatever_is_killed_when_each_date_is_done_in_order_and_none_again_that_was_recorded() {
    let seed = variable("PGKIT_TEST_SEED").map_or(7, |seed| seed.parse().unwrap());
    let rounds: usize = variable("PGKIT_TEST_ROUNDS").map_or(12, |rounds| rounds.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(seed);
    let jobs = Jobs::new(
        "random",
        r#"
[[job]]
name = "p"
every = "1h"
backfill = true
lease = "3s"
command = "echo start {date} >> log; sleep 0.02; echo end {date} >> log"
[[job]]
name = "s"
every = "1h"
backfill = true
lease = "3s"
sql = "INSERT INTO t (date) SELECT $1 FROM pg_sleep(0.02)"
"#,
    );
    jobs.db.sql("CREATE TABLE t (date timestamptz, at timestamptz DEFAULT clock_timestamp())");
    for round in 0..rounds {
        // Some dates are missing anew each time.
        jobs.db.sql(
            "DELETE FROM crontabber; DELETE FROM pgkit_run; DELETE FROM crontabber_log; DELETE FROM t;
             INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
             SELECT n, now() - interval '1 d', date_trunc('hour', now()) - interval '25 h', 0, '{}' FROM (VALUES ('p'), ('s')) v (n)",
        );
        std::fs::write(jobs.path("log"), "").unwrap();
        let begun = Instant::now();
        loop {
            let mut runner = jobs.start(&["run", "--parallel", "2", "-q"]);
            let until = Duration::from_millis(random.u64(20..700));
            let start = Instant::now();
            while start.elapsed() < until && !runner.has_ended() {
                std::thread::sleep(Duration::from_millis(2));
            }
            if runner.has_ended() && jobs.jobs(&["why"]).stdout.lines().all(|line| line.contains("not due")) {
                break;
            }
            let mut victims = runner.guards();
            random.shuffle(&mut victims);
            match random.u8(0..4) {
                0 => victims.clear(),
                1 => {}
                _ => victims.truncate(1),
            }
            if victims.is_empty() || random.bool() {
                victims.push(runner.pid());
            }
            victims.into_iter().for_each(kill_9);
            assert!(begun.elapsed().as_secs() < 120, "round {round}: {}", jobs.jobs(&["history"]).snapshot());
        }
        let place = || format!("seed {seed}, round {round}: {}", jobs.jobs(&["history", "-n", "300"]).stdout);
        // SQL: each date once, in order, without a gap.
        let sql = jobs.db.sql(
            "SELECT count(*), count(DISTINCT date), extract(epoch FROM max(date) - min(date))::int / 3600 + 1,
                    (SELECT bool_and(date > before) FROM (SELECT date, lag(date) OVER (ORDER BY at) AS before FROM t) x WHERE before IS NOT NULL)
             FROM t",
        );
        let row: Vec<&str> = sql[0].iter().map(|cell| cell.as_deref().unwrap()).collect();
        assert!(
            row[0] == row[1] && row[0] == row[2] && row[3] == "t" && row[0].parse::<u32>().unwrap() >= 25,
            "{row:?} {}",
            place()
        );
        // Programs: each date is begun until it has ended, and none again that was recorded; never two at once.
        let text = jobs.text("log");
        let mut last = String::new();
        let mut open = 0;
        for line in text.lines() {
            let (what, date) = line.split_once(' ').unwrap();
            match what {
                "start" => {
                    assert!(date >= last.as_str(), "{line} after {last}: {}", place());
                    open += 1;
                }
                _ => {
                    assert!(open > 0 && date >= last.as_str(), "{line}: {}", place());
                    open = 0;
                }
            }
            last = date.to_owned();
        }
        let ledger = "SELECT count(*) FILTER (WHERE state = 'succeeded'), count(DISTINCT run_date) FROM pgkit_run WHERE app_name = 'p'";
        let counts = jobs.db.sql(ledger);
        assert_eq!(counts[0][0], counts[0][1], "{}", place());
        let begun_after_success =
            "SELECT count(*) FROM pgkit_run a JOIN pgkit_run b USING (app_name, run_date)
             WHERE b.state = 'succeeded' AND a.id > b.id";
        assert_eq!(jobs.db.value(begun_after_success), "0", "{}", place());
        assert_eq!(jobs.db.value("SELECT sum(error_count) FROM crontabber"), "0", "{}", place());
    }
}

//! `on_overdue`: one of all runners notifies people of an overdue or stale job, once, until the job is healthy again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Jobs;
use super::fixture::Process;
use crate::support::*;

/// A command that writes one line per call, with its environment variables.
const TELLS: &str = r#"on_overdue = { command = "echo \"$PGKIT_JOB|$PGKIT_STATE|$PGKIT_SINCE|$PGKIT_WAITS_FOR|$PGKIT_ERROR_VALUE|$PGKIT_RUN_DATE|$PGKIT_ERROR_COUNT\" >> told" }"#;

/// The same for a job that is well again.
const TELLS_RECOVERY: &str =
    r#"on_recovery = { command = "echo \"$PGKIT_JOB|$PGKIT_STATE|$PGKIT_ERROR_COUNT\" >> well" }"#;

/// Writes a job's row as if it had last run three days ago, and was next due an hour ago or in an hour.
fn row(jobs: &Jobs, job: &str, due: &str) {
    jobs.db.sql(&format!(
        "INSERT INTO crontabber (app_name, next_run, first_run, last_run, last_success, error_count, last_error)
         VALUES ('{job}', now() + interval '{due}', now() - interval '9 d', now() - interval '3 d', now() - interval '3 d', 0, '{{}}')
         ON CONFLICT (app_name) DO UPDATE SET next_run = excluded.next_run, last_run = excluded.last_run, last_success = excluded.last_success"
    ));
}

/// Waits until each of this many runners, which look once a second, has looked several times.
fn wait_for_looks(jobs: &Jobs, runners: usize) {
    // The session in which a runner plans holds no job's lock, and runs several statements per look.
    let sql = "SELECT a.pid, a.query_start FROM pg_stat_activity a
               WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                 AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')";
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let begun = Instant::now();
    while seen.values().filter(|asked| asked.len() > 10).count() < runners {
        for found in jobs.db.sql(sql) {
            if let [Some(pid), Some(start)] = &found[..] {
                seen.entry(pid.clone()).or_default().insert(start.clone());
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{seen:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn stop(runners: [Process; 2]) -> Vec<Output> {
    runners.iter().for_each(|runner| runner.signal(Signal::SIGTERM));
    runners.map(Process::end).into()
}

fn of_two_runners_one_tells_of_a_job_whose_parent_is_paused(bin: &Binaries) {
    let toml = format!(
        "[[job]]\nname = \"parent\"\nschedule = \"1h\"\nsql = \"SELECT 1\"\n{TELLS}\n
         [[job]]\nname = \"child\"\nschedule = \"1h\"\ncommand = \"true\"\ndepends_on = [\"parent\"]\n{TELLS}\n{TELLS_RECOVERY}\n"
    );
    let jobs = Jobs::on(bin, "alarmpaused", &toml);
    let miss = || {
        jobs.ends(0, &["pause", "parent", "-q"]);
        row(&jobs, "parent", "-1 h");
        row(&jobs, "child", "-1 h");
    };
    miss();
    let since = jobs.db.value(
        "SELECT to_json(next_run AT TIME ZONE 'UTC') #>> '{}' FROM crontabber WHERE app_name = 'child'",
    );
    let runners = [0, 1].map(|_| jobs.start(&["run", "--every", "1s"]));
    jobs.wait_for_lines("told", 1);
    wait_for_looks(&jobs, 2);
    let told = jobs.text("told");
    let date: jiff::Timestamp = format!("{since}Z").parse().unwrap();
    let waits = "waits for parent, which hasn't recently run, and is paused";
    assert_eq!(
        told,
        format!("child|overdue|{date}|{waits}|due since {date}, {waits}|{date}|0\n"),
        "on {}",
        bin.major
    );
    assert_eq!(
        jobs.db.sql("SELECT app_name, kind FROM pgkit_alarm"),
        [vec![Some("child".into()), Some("overdue".into())]]
    );
    // The job is healthy again, and then overdue again. Its parent, too, had been due for an hour when it was resumed.
    let lines = |job: &str| jobs.text("told").lines().filter(|line| line.starts_with(job)).count();
    jobs.ends(0, &["resume", "parent"]);
    jobs.wait("it is well", || {
        jobs.attempts("child") == ["succeeded 1"] && jobs.db.value("SELECT count(*) FROM pgkit_alarm") == "0"
    });
    jobs.wait_for_lines("well", 1);
    miss();
    jobs.wait("it is told again", || lines("child|overdue|") == 2);
    wait_for_looks(&jobs, 2);
    assert_eq!((lines("child|overdue|"), lines("parent|overdue|")), (2, 1), "{}", jobs.text("told"));
    // Pausing a job ends its alarm, so when it is resumed people are notified again.
    jobs.ends(0, &["pause", "child"]);
    jobs.wait("it is forgotten", || jobs.db.value("SELECT count(*) FROM pgkit_alarm") == "0");
    jobs.ends(0, &["resume", "child"]);
    jobs.wait("it is told again", || lines("child|overdue|") == 3);
    for output in stop(runners) {
        assert!(!output.stderr.contains("WARNING"), "{}", output.stderr);
    }
    // One of the two runners tells that a job is well again, and none that somebody has paused it.
    assert_eq!(jobs.text("well"), "child|recovered|0\n");
}
on_every_server!(of_two_runners_one_tells_of_a_job_whose_parent_is_paused);

#[test]
fn of_two_runners_one_tells_of_a_job_for_which_there_is_no_room() {
    let long = |name: &str, more: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\nschedule = \"1d\"\ncommand = \"touch {name}; while ! test -e go; do sleep 0.05; done\"\npriority = 9\n{more}\n"
        )
    };
    let late = |more: &str| {
        format!("[[job]]\nname = \"late\"\nschedule = \"1h\"\ncommand = \"true\"\n{more}\n{TELLS}\n")
    };
    // All slots of both runners are taken, and the only place of a pool.
    let one = "waits for the job that runs here, because only 1 job runs at once (--parallel)";
    for (name, toml, parallel, waits) in [
        ("alarmslots", [long("a", ""), long("b", ""), late("")].concat(), "1", one),
        (
            "alarmpool",
            [
                "pools = { p = 1 }\n".to_owned(),
                long("a", "pool = \"p\""),
                long("b", ""),
                late("pool = \"p\""),
            ]
            .concat(),
            "3",
            "",
        ),
    ] {
        let jobs = Jobs::new(name, &toml);
        row(&jobs, "late", "1 h");
        let runners = [0, 1].map(|_| jobs.start(&["run", "--every", "1s", "--parallel", parallel]));
        jobs.wait("both run", || jobs.path("a").exists() && jobs.path("b").exists());
        row(&jobs, "late", "-1 h");
        jobs.wait_for_lines("told", 1);
        wait_for_looks(&jobs, 2);
        let told = jobs.text("told");
        let [job, state, _, waited, ..] = told.trim_end().split('|').collect::<Vec<_>>()[..] else {
            panic!("{told}")
        };
        assert_eq!(
            (told.lines().count(), job, state, waited),
            (1, "late", "overdue", waits),
            "{name}: {told}"
        );
        assert_eq!(jobs.attempts("late"), [""; 0], "{name}");
        std::fs::write(jobs.path("go"), "").unwrap();
        jobs.wait("it has run", || jobs.attempts("late") == ["succeeded 1"]);
        jobs.wait("it is well", || jobs.db.value("SELECT count(*) FROM pgkit_alarm") == "0");
        stop(runners);
        assert_eq!(jobs.text("told").lines().count(), 1);
    }
}

fn passes_tell_once_too_and_of_stale_jobs_and_say_what_is_missing(bin: &Binaries) {
    let channel = "on_overdue = { notify = \"late\" }";
    let toml = format!(
        "[defaults]\n{channel}\n[[job]]\nname = \"stale\"\nschedule = \"9d\"\nsql = \"SELECT 1\"\nmax_age = \"26h\"\n{TELLS}\n
         [[job]]\nname = \"late\"\nschedule = \"1h\"\nsql = \"SELECT 1\"\ndepends_on = [\"nobody\"]\n
         [[job]]\nname = \"well\"\nschedule = \"1h\"\nsql = \"SELECT 1\"\n"
    );
    let jobs = Jobs::on(bin, "alarmpass", &toml);
    row(&jobs, "stale", "5 d");
    row(&jobs, "late", "-1 h");
    row(&jobs, "well", "1 h");
    jobs.db.sql("DROP TABLE pgkit_alarm");
    let without = jobs.ends(0, &["run"]);
    assert_eq!(
        without
            .stderr
            .matches("on_overdue needs the table pgkit_alarm: create it with pgkit jobs upgrade")
            .count(),
        1,
        "{}",
        without.stderr
    );
    assert!(!jobs.path("told").exists());
    jobs.ends(0, &["upgrade", "-q"]);
    let listener = Listener::new(&jobs.db, "late");
    // A run of named jobs, with --force or --date, notifies nobody of overdue jobs.
    assert_eq!(jobs.ends(0, &["run", "--force", "well", "-q"]).stderr, "");
    assert_eq!(jobs.db.value("SELECT count(*) FROM pgkit_alarm"), "0");
    for _ in 0..3 {
        assert_eq!(jobs.ends(0, &["run", "-q"]).stderr, "");
    }
    let told = jobs.text("told");
    let line = regex::Regex::new(
        r"^stale\|stale\|\S+Z\|\|no success since \S+Z, longer ago than max_age, 26h\|\S+Z\|0\n$",
    );
    assert!(line.unwrap().is_match(&told), "{told}");
    assert_eq!(
        jobs.db.value("SELECT string_agg(app_name || ' ' || kind || ' ' || (host <> ''), ', ' ORDER BY app_name) FROM pgkit_alarm"),
        "late overdue true, stale stale true"
    );
    let heard: Vec<serde_json::Value> =
        listener.heard(1).iter().map(|payload| serde_json::from_str(payload).unwrap()).collect();
    assert_eq!((&heard[0]["job"], &heard[0]["state"]), (&"late".into(), &"overdue".into()));
    assert!(heard[0]["message"].as_str().unwrap().contains(", waits for nobody, "), "{heard:?}");
    assert_eq!(heard[0]["since"], heard[0]["run_date"]);
    // A runner whose file says that the job is not stale does not end the alarm; a success of the job does.
    jobs.write(&toml.replace("26h", "90d"));
    jobs.ends(0, &["run", "-q"]);
    jobs.write(&toml);
    jobs.ends(0, &["run", "-q"]);
    assert_eq!(jobs.text("told").lines().count(), 1);
    jobs.ends(0, &["run", "--force", "stale", "-q"]);
    jobs.ends(0, &["run", "-q"]);
    assert_eq!(jobs.db.value("SELECT string_agg(app_name, ',') FROM pgkit_alarm"), "late");
    // A reset job has never run, so nothing of it is overdue.
    jobs.ends(0, &["reset", "late"]);
    jobs.ends(0, &["run", "-q"]);
    assert_eq!(jobs.db.value("SELECT count(*) FROM pgkit_alarm"), "0");
    let bad = "[[job]]\nname = \"a\"\nevery = \"1d\"\nsql = \"SELECT 1\"\non_overdue = \"page\"\n";
    jobs.write(bad);
    assert!(jobs.ends(65, &["check"]).stderr.contains("on_overdue: must be { command = "));
}
on_every_server!(passes_tell_once_too_and_of_stale_jobs_and_say_what_is_missing);

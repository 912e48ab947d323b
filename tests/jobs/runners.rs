//! The rows of runners, and what `jobs status` says if there is no runner.

use std::time::Duration;

use nix::sys::signal::Signal;

use pgkit::sandbox::Binaries;

use super::fixture::Jobs;
use crate::support::*;

const HOURLY: &str = "[[job]]\nname = \"a\"\nschedule = \"1h\"\nsql = \"SELECT 1\"\n";

/// Ages all rows, as if so many minutes had passed.
fn age(jobs: &Jobs, minutes: u32) {
    jobs.db.sql(&format!(
        "UPDATE pgkit_runner SET since = since - interval '{minutes} min', seen = seen - interval '{minutes} min',
                                 ended = ended - interval '{minutes} min'"
    ));
}

/// Returns the kind, state and number of jobs of each runner, as `jobs runners` prints them.
fn rows(jobs: &Jobs) -> Vec<String> {
    let output = jobs.ends(0, &["runners", "--columns", "kind,state,jobs", "--format", "tsv"]);
    output.stdout.lines().map(|line| line.replace('\t', " ")).collect()
}

fn a_runner_is_a_row_from_its_start_to_its_end(bin: &Binaries) {
    let jobs = Jobs::on(bin, "runner", HOURLY);
    assert_eq!(rows(&jobs), [""; 0]);
    let runner = jobs.start(&["run", "--every", "1h", "--parallel", "3"]);
    jobs.wait("it is there", || rows(&jobs) == ["daemon running 1"]);
    let output = jobs.ends(0, &["runners", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let told = &told[0];
    assert_eq!(told["pid"], runner.pid());
    assert_eq!(told["slots"], 3);
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["file"], std::fs::canonicalize(jobs.path("jobs.toml")).unwrap().to_str().unwrap());
    assert_eq!(told["file_hash"].as_str().unwrap().len(), 64);
    jobs.wait("it has run", || jobs.attempts("a").len() == 1);
    jobs.ends(0, &["status"]);
    // It updates its row although it looks at the tables only once an hour.
    age(&jobs, 1);
    assert_eq!(rows(&jobs), ["daemon gone 1"]);
    jobs.wait("it says so again", || rows(&jobs) == ["daemon running 1"]);
    // A file that was changed has another hash and other jobs.
    jobs.write(
        &HOURLY.replace("schedule = \"1h\"", "schedule = \"2h\"").replace("name", "timeout = \"9s\"\nname"),
    );
    jobs.wait("it has the new file", || {
        jobs.db.value(&format!(
            "SELECT file_hash <> {} FROM pgkit_runner WHERE kind = 'daemon'",
            told["file_hash"].to_string().replace('"', "'")
        )) == "t"
    });
    runner.signal(Signal::SIGTERM);
    runner.end();
    assert_eq!(rows(&jobs), ["daemon ended 1"]);
    let output = jobs.ends(1, &["status"]);
    assert!(output.stdout.contains("no runner has job a: the last one, pid"), "{}", output.snapshot());
    let nagios = jobs.ends(2, &["status", "--nagios"]);
    assert!(
        nagios.stdout.starts_with("CRITICAL - no runner | no runner has job a: the last one, pid "),
        "{}",
        nagios.stdout
    );
    assert!(nagios.stdout.ends_with(" has ended\n"), "{}", nagios.stdout);
    // Passes run the job from now on.
    jobs.ends(0, &["run"]);
    assert_eq!(rows(&jobs), ["daemon ended 1", "pass ended 1"]);
    assert_eq!(jobs.ends(0, &["status", "--nagios"]).stdout, "OK - All systems nominal\n");
    jobs.ends(0, &["run"]);
    assert_eq!(rows(&jobs), ["daemon ended 1", "pass ended 1"], "only the last pass of a file has a row");
}
on_every_server!(a_runner_is_a_row_from_its_start_to_its_end);

#[test]
fn a_runner_that_was_killed_is_missed() {
    let jobs = Jobs::new("runner_killed", HOURLY);
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait("it has run", || jobs.attempts("a").len() == 1);
    let metrics = jobs.ends(0, &["status", "--prometheus"]).stdout;
    assert!(metrics.contains("\npgkit_job_runners{job_name=\"a\"} 1\n"), "{metrics}");
    runner.signal(Signal::SIGKILL);
    runner.end();
    // On the same machine, this is known at once.
    assert_eq!(rows(&jobs), ["daemon gone 1"]);
    let nagios = jobs.ends(2, &["status", "--nagios"]).stdout;
    assert!(nagios.contains("was killed, or cannot reach the server"), "{nagios}");
    let metrics = jobs.ends(0, &["status", "--prometheus"]).stdout;
    assert!(metrics.contains("\npgkit_job_runners{job_name=\"a\"} 0\n"), "{metrics}");
    // Neither a run by hand nor a pass makes up for a daemon that was killed.
    jobs.ends(0, &["run", "--force", "a"]);
    jobs.ends(0, &["run"]);
    assert_eq!(rows(&jobs), ["daemon gone 1", "pass ended 1"]);
    jobs.ends(2, &["status", "--nagios"]);
    // The next daemon replaces the row of one that has not been seen for long.
    age(&jobs, 1);
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait("it is there", || rows(&jobs) == ["daemon running 1", "pass ended 1"]);
    assert_eq!(jobs.ends(0, &["status", "--nagios"]).stdout, "OK - All systems nominal\n");
    drop(runner);
}

#[test]
fn a_file_that_no_runner_ever_had_is_critical_after_ten_minutes() {
    let jobs = Jobs::new("runner_never", HOURLY);
    assert_eq!(jobs.ends(0, &["status", "--nagios"]).stdout, "OK - All systems nominal\n");
    age(&jobs, 11);
    let nagios = jobs.ends(2, &["status", "--nagios"]).stdout;
    assert_eq!(nagios, "CRITICAL - no runner | no runner has ever had job a\n");
    let output = jobs.ends(1, &["status"]);
    assert!(output.stdout.contains("no runner has ever had job a"), "{}", output.snapshot());
}

#[test]
fn tables_from_before_there_were_rows_for_runners_do_without_them() {
    let jobs = Jobs::new("runner_before", HOURLY);
    jobs.db.sql("DROP TABLE pgkit_runner");
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait("it has run", || jobs.attempts("a").len() == 1);
    let output = jobs.ends(65, &["runners"]);
    assert!(output.stderr.contains("create it with pgkit jobs upgrade"), "{}", output.stderr);
    let output = jobs.ends(0, &["status"]);
    assert!(
        output.stderr.contains("whether a runner is there can be told after pgkit jobs upgrade"),
        "{}",
        output.stderr
    );
    assert_eq!(jobs.ends(0, &["status", "--nagios"]).stdout, "OK - All systems nominal\n");
    jobs.ends(0, &["upgrade"]);
    jobs.wait("the runner finds the table", || rows(&jobs) == ["daemon running 1"]);
    drop(runner);
}

#[test]
fn a_runner_that_may_not_write_the_row_says_so_and_runs_jobs() {
    let jobs = Jobs::new("runner_denied", HOURLY);
    jobs.db.sql("ALTER TABLE pgkit_runner ADD CHECK (kind = 'init')");
    let output = jobs.ends(0, &["run"]);
    assert!(output.stderr.contains("could not record that this runner is there"), "{}", output.stderr);
    assert_eq!(jobs.attempts("a"), ["succeeded 1"]);
}

#[test]
fn two_files_with_one_job_are_told() {
    let jobs = Jobs::new("runner_files", HOURLY);
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait("it is there", || rows(&jobs).len() == 1);
    let text = HOURLY.replace("1h", "3h");
    std::fs::write(jobs.path("other.toml"), text).unwrap();
    let other = jobs.start(&["run", "--file", "other.toml", "--every", "1s"]);
    jobs.wait("so is the other", || rows(&jobs).len() == 2);
    jobs.wait("it has run", || jobs.attempts("a").len() == 1);
    let output = jobs.ends(0, &["status"]);
    assert!(output.stdout.contains("job a is in two files: "), "{}", output.snapshot());
    assert!(
        jobs.ends(1, &["status", "--nagios"])
            .stdout
            .starts_with("WARNING - two files | job a is in two files: ")
    );
    drop((runner, other));
}

#[test]
fn who_may_use_the_older_tables_may_use_the_new_ones_after_an_upgrade() {
    let jobs = Jobs::new("runner_grants", HOURLY);
    jobs.db.sql(
        "DROP TABLE pgkit_runner, pgkit_request CASCADE; DROP FUNCTION pgkit_run_now;
         DO $$ BEGIN CREATE ROLE \"the \"\"watch\"; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
         GRANT SELECT ON pgkit_job TO public; GRANT INSERT, UPDATE, DELETE, TRUNCATE ON pgkit_job TO \"the \"\"watch\"",
    );
    jobs.ends(0, &["upgrade"]);
    let sql = "SELECT string_agg(p, ' ' ORDER BY p) FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) p
               WHERE has_table_privilege('the \"watch', 'pgkit_runner', p) AND has_table_privilege('the \"watch', 'pgkit_request', p)";
    assert_eq!(jobs.db.value(sql), "DELETE INSERT SELECT UPDATE");
    jobs.db.sql("DROP OWNED BY \"the \"\"watch\"");
}

#[test]
fn a_daemon_that_has_ended_is_missed_though_another_one_runs_other_jobs_of_its_file() {
    let text = format!("{HOURLY}[[job]]\nname = \"b\"\nschedule = \"1h\"\nsql = \"SELECT 1\"\n");
    let jobs = Jobs::new("runner_part", &text);
    let both = jobs.start(&["run", "--every", "1s"]);
    jobs.wait("it has run", || jobs.attempts("b").len() == 1);
    both.signal(Signal::SIGTERM);
    both.end();
    let part = jobs.start(&["run", "--every", "1s", "b"]);
    jobs.wait("it is there", || rows(&jobs).len() == 2);
    let nagios = jobs.ends(2, &["status", "--nagios"]).stdout;
    assert!(nagios.starts_with("CRITICAL - no runner | no runner has job a: the last one, pid "), "{nagios}");
    drop(part);
}

#[test]
fn a_job_that_is_ongoing_elsewhere_is_not_claimed_again_and_again() {
    let jobs = Jobs::new(
        "busyelsewhere",
        "[[job]]\nname = \"a\"\nschedule = \"1d\"\ncommand = \"./pid; test -e second || sleep 60\"\n",
    );
    let first = jobs.start(&["run", "--every", "60s"]);
    jobs.wait_for_lines("pids", 1);
    let second = jobs.start(&["run", "--every", "60s", "-E"]);
    std::thread::sleep(Duration::from_secs(5));
    // What is stopped is due again, and the other runner has it within a second or two.
    std::fs::write(jobs.path("second"), "").unwrap();
    first.signal(Signal::SIGTERM);
    first.end();
    jobs.wait("the other one runs it", || jobs.attempts("a") == ["interrupted 1", "succeeded 1"]);
    second.signal(Signal::SIGTERM);
    let told = second.end().stderr;
    let count = |what: &str| told.matches(what).count();
    // The first look, then the claim that succeeds. Here and there one comes a moment too early.
    assert!(count("pg_try_advisory_lock($1::int8)") <= 4, "{told}");
    assert!(count("FROM ROWS FROM (") >= 3, "{told}");
}

//! What a job can say: the keys of a jobs file, as `pgkit jobs run` obeys them.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::fixture::Jobs;
use crate::support::*;

#[test]
fn of_a_pool_only_so_many_run_at_once_on_all_machines_together() {
    let job = |i: u32| {
        format!(
            "[[job]]\nname = \"j{i}\"\nschedule = \"1d\"\npool = \"reports\"\ncommand = \"echo $(date +%s%N) + >> log; sleep 0.5; echo $(date +%s%N) - >> log\"\n"
        )
    };
    let text = format!("pools = {{ reports = 2 }}\n{}", (0..6).map(job).collect::<String>());
    let jobs = Jobs::new("pool", &text);
    // Each runner has enough slots for all six jobs.
    let runners = [
        jobs.start(&["run", "--every", "1s", "--parallel", "6"]),
        jobs.start(&["run", "--every", "1s", "--parallel", "6"]),
    ];
    jobs.wait("all have run", || {
        jobs.db.value("SELECT count(*) FROM pgkit_run WHERE state = 'succeeded'") == "6"
    });
    drop(runners);
    let text = jobs.text("log");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for line in lines {
        now += if line.ends_with('+') { 1 } else { -1 };
        most = most.max(now);
    }
    assert_eq!(most, 2, "{text}");
}

#[test]
fn a_job_whose_pool_is_full_elsewhere_is_told_and_leaves_the_slot_to_others() {
    let text = "pools = { one = 1 }\n[[job]]\nname = \"long\"\nschedule = \"1d\"\npool = \"one\"\ncommand = \"./pid; sleep 60\"\n
        [[job]]\nname = \"a\"\nschedule = \"1d\"\npool = \"one\"\nsql = \"SELECT 1\"\n
        [[job]]\nname = \"b\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n";
    let jobs = Jobs::new("poolfull", text);
    let holder = jobs.start(&["run", "long"]);
    jobs.wait_for_lines("pids", 1);
    let output = jobs.ends(3, &["run", "a", "b"]);
    assert!(output.stderr.contains("a: is due, but its pool \"one\" is full"), "{}", output.stderr);
    assert_eq!(jobs.attempts("b"), ["succeeded 1"]);
    assert!(jobs.attempts("a").is_empty());
    drop(holder);
    jobs.wait("it is its turn", || {
        jobs.jobs(&["run", "a"]).code == Some(0) && !jobs.attempts("a").is_empty()
    });
}

#[test]
fn included_files_have_jobs_and_defaults_of_their_own() {
    let jobs = Jobs::new(
        "include",
        "include = [\"jobs.d/*.toml\", \"more.toml\"]\n[defaults]\nclass = \"main\"\ntimezone = \"Europe/Berlin\"\n",
    );
    std::fs::create_dir(jobs.path("jobs.d")).unwrap();
    let job = |name: &str| {
        format!("[[job]]\nname = \"{name}\"\nevery = \"1d\"\nat = \"05:00\"\nsql = \"SELECT 1\"\n")
    };
    std::fs::write(jobs.path("jobs.d/b.toml"), job("b")).unwrap();
    std::fs::write(jobs.path("jobs.d/a.toml"), format!("[defaults]\ntimezone = \"UTC\"\n{}", job("a")))
        .unwrap();
    std::fs::write(jobs.path("jobs.d/a.toml~"), "no TOML").unwrap();
    std::fs::write(jobs.path("more.toml"), job("c")).unwrap();
    let check = || run(pgkit_without_server(&jobs).args(["jobs", "check"]));
    let lines = check();
    assert_eq!(
        lines.lines(),
        [
            "a\tevery day at 05:00 UTC\tsql\tfalse\t",
            "b\tevery day at 05:00 Europe/Berlin\tsql\tfalse\t",
            "c\tevery day at 05:00 Europe/Berlin\tsql\tfalse\t"
        ],
        "{}",
        lines.snapshot()
    );
    // Every fault has its file, and its line there.
    std::fs::write(
        jobs.path("more.toml"),
        format!("{}{}", job("b"), "[[job]]\nname = \"d\"\nevery = \"1d\"\ncomand = \"true\"\n"),
    )
    .unwrap();
    std::fs::write(jobs.path("jobs.d/b.toml"), format!("user = \"x\"\n{}", job("b"))).unwrap();
    let told = check();
    assert_eq!(told.code, Some(65), "{}", told.snapshot());
    for line in [
        "more.toml:1: job \"b\": duplicate name, first used in line 2 of ",
        "more.toml:9: job \"d\": unknown key \"comand\" in a job; did you mean \"command\"?",
        "jobs.d/b.toml:1: unknown key \"user\" in an included file; expected one of [defaults], [[job]]",
    ] {
        assert!(told.stderr.contains(line), "{line}\n{}", told.stderr);
    }
    // A file that does not exist, and one in a folder that others may write to.
    std::fs::remove_file(jobs.path("more.toml")).unwrap();
    std::fs::write(jobs.path("jobs.d/b.toml"), job("b")).unwrap();
    // It hides no faults of the others.
    std::fs::write(jobs.path("jobs.d/b.toml"), job("b").replace("1d", "1x")).unwrap();
    let told = check();
    for line in
        ["jobs.toml:1: include: could not read the included file ", "jobs.d/b.toml:3: job \"b\": every: "]
    {
        assert!(told.stderr.contains(line), "{line}\n{}", told.stderr);
    }
    std::fs::write(jobs.path("jobs.d/b.toml"), job("b")).unwrap();
    std::fs::write(jobs.path("more.toml"), job("c")).unwrap();
    std::fs::set_permissions(jobs.path("jobs.d"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let told = check();
    assert!(told.code == Some(65) && told.stderr.contains("is writable by others"), "{}", told.snapshot());
}

#[test]
fn a_daemon_notices_a_file_that_is_added_to_those_it_includes() {
    let jobs = Jobs::new(
        "includenew",
        "include = \"jobs.d/*.toml\"\n[[job]]\nname = \"first\"\nevery = \"1s\"\nsql = \"SELECT 1\"\n",
    );
    std::fs::create_dir(jobs.path("jobs.d")).unwrap();
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait("the first runs", || !jobs.attempts("first").is_empty());
    for name in ["a", "b"] {
        std::fs::write(
            jobs.path(&format!("jobs.d/{name}.toml")),
            format!("[[job]]\nname = \"{name}\"\nevery = \"1s\"\nsql = \"SELECT 1\"\n"),
        )
        .unwrap();
        jobs.wait("the new one runs", || !jobs.attempts(name).is_empty());
    }
    drop(runner);
}

#[test]
fn what_is_left_out_is_recorded_once_and_told() {
    let jobs = Jobs::new(
        "leftout",
        "[[job]]\nname = \"j\"\nevery = \"1d\"\nstart_limit = \"1s\"\nsql = \"SELECT 1\"\n",
    );
    // The job has been known for three days, but no runner has run it.
    jobs.db.sql("INSERT INTO pgkit_job (app_name, first_seen, max_ongoing_age) VALUES ('j', now() - interval '3 d', '12 h')");
    let first = jobs.ends(0, &["run"]);
    assert!(first.stderr.contains("WARNING: j: left out "), "{}", first.stderr);
    let again = jobs.ends(0, &["run"]);
    assert!(!again.stderr.contains("left out"), "{}", again.stderr);
    assert_eq!(jobs.attempts("j"), ["missed 1"]);
    let history = jobs.ends(0, &["history", "--columns", "name,result,message"]);
    assert_eq!(history.stdout, "j\tmissed\tit could not start within its start_limit\n");
    // The date can still be run by hand.
    let date = jobs.db.value("SELECT to_char(run_date AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM pgkit_run");
    jobs.ends(0, &["run", "j", "--date", &date]);
    assert_eq!(jobs.attempts("j"), ["missed 1", "succeeded 2"]);
}

#[test]
fn after_its_retries_a_job_waits_for_its_next_date() {
    let jobs = Jobs::new(
        "limit",
        "[[job]]\nname = \"j\"\nevery = \"1w\"\nretry_after = \"1s..2s\"\nretry_limit = 2\nsql = \"SELECT 1/0\"\n",
    );
    jobs.db.sql("INSERT INTO pgkit_job (app_name, first_seen, max_ongoing_age) VALUES ('j', now() - interval '30 d', '12 h')");
    let runner = jobs.start(&["run", "--every", "1s"]);
    jobs.wait("three attempts", || jobs.attempts("j").len() == 3);
    std::thread::sleep(Duration::from_secs(4));
    drop(runner);
    assert_eq!(jobs.attempts("j"), ["failed 1", "failed 2", "failed 3"]);
    let waits = jobs.db.value(
        "SELECT string_agg(round(extract(epoch FROM w))::text, ' ' ORDER BY id) FROM (SELECT id, started - lag(started) OVER (ORDER BY id) AS w FROM pgkit_run) x WHERE w IS NOT NULL",
    );
    assert_eq!(waits, "1 2");
    assert_eq!(
        jobs.row(
            "j",
            "(next_run = date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '1 w')"
        ),
        "true"
    );
}

/// pgkit on this folder, without a server.
fn pgkit_without_server(jobs: &Jobs) -> std::process::Command {
    let mut command = bare_pgkit();
    jobs.dress(&mut command);
    command
}

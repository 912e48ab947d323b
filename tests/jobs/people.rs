//! What a person does beside running: history, reset, unlock, hold, pause, ghosts, the guard trigger.

use nix::sys::signal::Signal;

use super::Jobs;
use super::fixture::{Process, lives};
use crate::support::*;

const TWO: &str = "[[job]]\nname = \"a\"\nschedule = \"1d\"\ncommand = \"echo a >> log\"\n
[[job]]\nname = \"b\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\ndepends_on = [\"a\"]\n";

fn history_shows_what_pgkit_did_and_what_crontabber_did_before(bin: &Binaries) {
    let jobs = Jobs::on(bin, "history", TWO);
    jobs.db.sql(
            "INSERT INTO crontabber_log (app_name, log_time, duration, success) VALUES ('a', now() - interval '1 d', '3 s', now() - interval '1 d');
             INSERT INTO crontabber_log (app_name, log_time, duration, exc_type, exc_value, exc_traceback)
             VALUES ('a', now() - interval '2 d', '2 s', '<type ''exceptions.ValueError''>', 'ValueError(''boom'',)', 'File x')",
        );
    jobs.ends(0, &["run"]);
    let lines = jobs.ends(0, &["history", "--columns", "name,attempt,result,message"]);
    assert_eq!(
        lines.lines(),
        [
            "b\t1\tsucceeded\t",
            "a\t1\tsucceeded\t",
            "a\t\tsucceeded\t",
            "a\t\tfailed\t<type 'exceptions.ValueError'>: ValueError('boom',)"
        ],
        "on {}",
        bin.major
    );
    assert_eq!(jobs.ends(0, &["history", "b", "-n", "5"]).lines().len(), 1);
    assert_eq!(jobs.ends(0, &["history", "-n", "3"]).lines().len(), 3);
    let failed = jobs.ends(0, &["history", "--failed", "--output", "--columns", "name,duration_s,printed"]);
    assert_eq!(failed.lines(), ["a\t2.000000\tFile x"]);
    // The columns that scripts count on come first, in this order.
    let header = jobs.ends(0, &["history", "--csv"]).stdout;
    assert!(header.starts_with("name,run_date,attempt,started,duration_s,result,host,message,"), "{header}");
}
on_every_server!(history_shows_what_pgkit_did_and_what_crontabber_did_before);

fn who_should_have_run_and_did_not_is_named_with_the_reason(bin: &Binaries) {
    let sql = |name: &str, keys: &str| format!("[[job]]\nname = \"{name}\"\nsql = \"SELECT 1\"\n{keys}\n");
    let toml = [
        sql("grid", "every = \"5m\""),
        sql("waits", "every = \"1h\"\ndepends_on = [\"typo\"]"),
        sql("p", "every = \"1m\""),
        sql("starves", "every = \"1h\"\ndepends_on = [\"p\"]"),
        sql("clock", "every = \"1h\""),
        sql("far", "schedule = \"1h\""),
        sql("unseen", "every = \"1h\""),
        sql("well", "every = \"1h\""),
        sql("passed", "every = \"1h\"\nbackfill = true\ncatch_up = \"none\""),
    ];
    let jobs = Jobs::on(bin, "should", &toml.concat());
    jobs.db.sql(
        "INSERT INTO crontabber (app_name, next_run, first_run, last_run, last_success, ongoing, error_count, last_error)
         SELECT name, next, now() - interval '9 d', last, last, ongoing, 0, '{}'
         FROM (VALUES ('grid', now() - interval '3 d', now() - interval '3 d', NULL::timestamptz),
                      ('waits', now() - interval '3 d', now() - interval '3 d', NULL),
                      ('p', now() - interval '1 m', now() - interval '90 m', now() - interval '90 m'),
                      ('starves', now() - interval '3 d', now() - interval '3 d', NULL),
                      ('clock', now() + interval '9 h', now() + interval '8 h', NULL),
                      ('far', now() + interval '9 h', now() + interval '8 h', NULL),
                      ('passed', now() - interval '3 d', date_trunc('hour', now() - interval '3 d'), NULL),
                      ('well', now() + interval '9 m', now(), NULL)) v (name, next, last, ongoing)",
    );
    let status = jobs.ends(1, &["status", "--columns", "severity,name,problem,detail"]);
    let instant = "[-0-9]+T[0-9:.]+Z";
    let lines = [
        format!("critical\tgrid\toverdue\tdue since {instant}"),
        format!(
            "critical\twaits\toverdue\tdue since {instant}, waits for typo, which hasn't been run yet, and is not in the file"
        ),
        format!("warning\tp\trunning\tongoing since {instant}, and due again since {instant}"),
        format!(
            "critical\tstarves\toverdue\tdue since {instant}, waits for p, which hasn't recently run, and has been running since {instant}"
        ),
        format!(
            "warning\tclock\tahead\tits last success, {instant}, is in the future because a clock was ahead: .*, and the job goes on with its latest date"
        ),
        format!(
            "critical\tfar\tahead\tits next run, {instant}, is in the future because a clock was ahead: the job does not run before that"
        ),
        "warning\tunseen\tnever\tit has never run, and no runner has seen it yet".to_owned(),
        format!("critical\tpassed\toverdue\tdue since {instant}(, and runs next for {instant})?"),
    ];
    for (line, pattern) in status.stdout.lines().zip(&lines) {
        assert!(regex::Regex::new(&format!("^{pattern}$")).unwrap().is_match(line), "{line}\n{pattern}");
    }
    assert_eq!(status.stdout.lines().count(), lines.len(), "{}", status.snapshot());
    let nagios = jobs.jobs(&["status", "--nagios"]);
    assert_eq!(nagios.code, Some(2));
    let named = regex::Regex::new(
        r"^CRITICAL - grid \(grid\) \| overdue \| due since \S+; waits \(waits\) \| overdue \| due since \S+, waits for typo, ",
    );
    assert!(named.unwrap().is_match(&nagios.stdout), "{}", nagios.stdout);
    // A job that no runner has seen is a warning where runners are at work, and nothing on new tables.
    let alone = sql("unseen", "every = \"1h\"");
    jobs.write(&alone);
    let nagios = jobs.jobs(&["status", "--nagios"]);
    let words = "WARNING - unseen (unseen) | never | it has never run, and no runner has seen it yet\n";
    assert_eq!((nagios.code, nagios.stdout.as_str()), (Some(1), words));
    let new = Jobs::on(bin, "new", &alone);
    assert_eq!(new.ends(0, &["status", "--nagios"]).stdout, "OK - All systems nominal\n");
    assert_eq!(new.ends(0, &["status", "--columns", "name,problem"]).stdout, "unseen\tnever\n");
    jobs.write(&toml.concat());
    let list = jobs.ends(0, &["list", "--columns", "name,state"]);
    let states = ["overdue", "overdue", "running", "overdue", "idle", "ahead", "never", "idle", "overdue"];
    assert_eq!(list.lines().iter().map(|line| line.split('\t').nth(1).unwrap()).collect::<Vec<_>>(), states);
    let metrics = jobs.jobs(&["status", "--prometheus"]).stdout;
    for line in [
        "overdue{job_name=\"grid\"} 1",
        "overdue{job_name=\"waits\"} 1",
        "overdue{job_name=\"well\"} 0",
        "unseen{job_name=\"unseen\"} 1",
        "unseen{job_name=\"well\"} 0",
        "ahead{job_name=\"far\"} 1",
        "due_since_seconds{job_name=\"starves\"} ",
        "due_since_seconds{job_name=\"p\"} ",
    ] {
        assert!(metrics.contains(&format!("\npgkit_job_{line}")), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("due_since_seconds{job_name=\"well\"}"), "{metrics}");
    // A runner says it too, and goes on; what has run at last is well again.
    let first = jobs.jobs(&["run"]);
    assert!(first.stderr.contains("WARNING: clock: its last success, "), "{}", first.stderr);
    assert_eq!(jobs.attempts("clock"), ["succeeded 1"]);
    let status = jobs.jobs(&["status", "--columns", "name"]);
    assert!(!status.stdout.contains("clock") && !status.stdout.contains("grid"), "{}", status.snapshot());
    assert!(!jobs.jobs(&["run"]).stderr.contains("WARNING: clock"));
}
on_every_server!(who_should_have_run_and_did_not_is_named_with_the_reason);

#[test]
fn a_job_that_is_too_old_and_one_that_takes_too_long_are_reported_and_nothing_is_killed() {
    let jobs = Jobs::new(
        "alarms",
        "[[job]]\nname = \"old\"\nevery = \"1w\"\nsql = \"SELECT 1\"\nmax_age = \"26h\"\n
[[job]]\nname = \"slow\"\nschedule = \"1d\"\ncommand = \"sleep 60\"\nmax_duration = \"1s\"\n
[[job]]\nname = \"well\"\nevery = \"1w\"\nsql = \"SELECT 1\"\nmax_age = \"28h\"\nmax_duration = \"1h\"\n",
    );
    for job in ["old", "well"] {
        jobs.db.sql(&format!(
            "INSERT INTO crontabber (app_name, next_run, first_run, last_run, last_success, error_count, last_error)
             VALUES ('{job}', now() + interval '5 d', now() - interval '9 d', now() - interval '27 h', now() - interval '27 h', 0, '{{}}')"
        ));
    }
    // A grid's last date may be on either side of now.
    jobs.db.sql("UPDATE crontabber SET last_success = now() - interval '27 h'");
    let runner = jobs.start(&["run", "slow"]);
    jobs.wait("it is slow", || jobs.jobs(&["status", "--grep", "slow"]).stdout.contains("max_duration"));
    let status = jobs.jobs(&["status", "--columns", "severity,name,problem,detail", "--grep", "max_"]);
    let patterns = [
        r"^critical\told\tstale\tno success since \S+Z, longer ago than max_age, 26h$",
        r"^critical\tslow\trunning\tongoing since \S+Z, longer than max_duration, 1s$",
    ];
    assert_eq!((status.code, status.stdout.lines().count()), (Some(1), 2), "{}", status.snapshot());
    for (line, pattern) in status.stdout.lines().zip(patterns) {
        assert!(regex::Regex::new(pattern).unwrap().is_match(line), "{line}");
    }
    let metrics = jobs.jobs(&["status", "--prometheus"]).stdout;
    for line in ["stale{job_name=\"old\"} 1", "stale{job_name=\"well\"} 0", "slow{job_name=\"slow\"} 1"] {
        assert!(metrics.contains(&format!("\npgkit_job_{line}\n")), "{line}\n{metrics}");
    }
    let nagios = jobs.jobs(&["status", "--nagios"]);
    assert!(nagios.code == Some(2) && nagios.stdout.contains("old (old) | stale | no success since "));
    assert_eq!(jobs.attempts("slow"), ["running 1"]);
    runner.signal(Signal::SIGTERM);
    runner.end();
    let bad = "[[job]]\nname = \"a\"\nevery = \"1d\"\nsql = \"SELECT 1\"\nmax_age = \"0s\"\n";
    jobs.write(bad);
    assert!(jobs.ends(65, &["check"]).stderr.contains("max_age: must be at least 1s"));
}

fn the_timeline_has_what_ran_what_failed_and_what_was_missed(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "timeline",
        "[[job]]\nname = \"a\"\nevery = \"1h\"\nsql = \"SELECT 1\"\nbackfill = true\n
[[job]]\nname = \"b\"\nschedule = \"1d\"\nsql = \"SELECT 1/0\"\n
[[job]]\nname = \"<i>\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n",
    );
    // Three days ago, ten hours ago in crontabber, and then 1,500 attempts within an hour.
    jobs.db.sql(
        "INSERT INTO crontabber (app_name, next_run, first_run, last_run, last_success, error_count, last_error)
         VALUES ('a', now(), date_trunc('hour', now()) - interval '5 h', now(), date_trunc('hour', now()) - interval '3 h', 0, '{}');
         INSERT INTO pgkit_job VALUES ('a', date_trunc('hour', now()) - interval '5 h', NULL, NULL, '1 h', NULL);
         INSERT INTO crontabber_log (app_name, log_time, duration, exc_type, exc_value) VALUES ('b', now() - interval '10 h', '3 s', 'E', 'boom');
         INSERT INTO pgkit_run (app_name, run_date, attempt, state, claim, grace, started, duration, host)
         SELECT 'b', now() - n * interval '1 s', 1, 'superseded', now(), '11 s', now() - n * interval '1 s', '1 s', 'old'
         FROM unnest('{259200}'::int[] || ARRAY(SELECT g FROM generate_series(1500, 1, -1) g)) n;
         INSERT INTO pgkit_run (app_name, run_date, attempt, state, claim, grace, started, duration, host)
         VALUES ('a', date_trunc('hour', now()) - interval '3 h', 1, 'succeeded', now(), '11 s', now() - interval '20 m', '1.5 s', 'db1')",
    );
    jobs.ends(1, &["run", "b"]);
    let rows = jobs.ends(0, &["timeline", "a", "--columns", "name,result,duration_s,attempt,host"]);
    let lines = rows.lines();
    // Its other dates were due when it was well: what nobody did is missed, except for the last hour or so.
    assert_eq!(
        lines.iter().filter(|line| **line == "a\tmissed\t\t\t").count(),
        lines.len() - 1,
        "{}",
        rows.stdout
    );
    assert!((4..=5).contains(&lines.len()) && lines.contains(&"a\tdone\t1.5\t1\tdb1"), "{}", rows.stdout);
    let rows = jobs
        .ends(0, &["timeline", "b", "--since", "1d", "--columns", "name,result,message", "--grep", "failed"]);
    let failed = rows.lines();
    assert_eq!(failed.len(), 2, "{}", rows.stdout);
    assert_eq!(failed[0], "b\tfailed\tE: boom");
    assert!(failed[1].starts_with("b\tfailed\tSQLSTATE 22012: "), "{}", failed[1]);
    assert_eq!(jobs.ends(0, &["timeline", "b", "--since", "2h"]).lines().len(), 1501);
    assert_eq!(jobs.ends(0, &["timeline", "b", "--since", "90h", "--grep", "old"]).lines().len(), 1501);
    let header = jobs.ends(0, &["timeline", "--csv"]).stdout;
    assert!(
        header.starts_with("name,run_date,started,finished,result,duration_s,attempt,host,message\n"),
        "{header}"
    );
    // A page, and a terminal.
    jobs.ends(0, &["timeline", "--html", "day.html"]);
    let page = jobs.text("day.html");
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("&lt;i&gt;") && !page.contains("<i>"),
        "{page}"
    );
    let (_, text) = pty::on_terminal(jobs.command(&["timeline", "--color", "never"]), 24, 60);
    let text = text.replace('\r', "");
    assert!(text.contains("█ done  × failed  ○ missed  ▶ running\n") && text.contains('○'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    for (args, words) in [
        (&["timeline", "--since", "soon"][..], "--since: invalid time \"soon\""),
        (&["timeline", "--since", "0s"], "--since: 0s is not in the past"),
        (&["timeline", "nobody"], "unknown job \"nobody\""),
        (&["timeline", "--html", "x.html", "--json"], "--html cannot be used with other formats"),
    ] {
        assert!(jobs.ends(64, args).stderr.contains(words), "{args:?}");
    }
    jobs.ends(74, &["timeline", "--html", "/nowhere/x.html"]);
}
on_every_server!(the_timeline_has_what_ran_what_failed_and_what_was_missed);

#[test]
fn history_is_followed_until_ctrl_c_even_over_a_lost_server() {
    let jobs = Jobs::new(
        "follow",
        "[[job]]\nname = \"a\"\nschedule = \"1d\"\ncommand = \"test -e go || sleep 60\"\n
[[job]]\nname = \"b\"\nschedule = \"1d\"\nsql = \"SELECT 1/0\"\n",
    );
    jobs.db.sql(
        "INSERT INTO pgkit_run (app_name, run_date, attempt, state, claim, grace, started, duration, host)
         SELECT 'old', now(), n, 'superseded', now(), '11 s', now(), '1 s', 'h' FROM generate_series(1, 300) n",
    );
    let follow = |args: &[&str], to: &str| {
        let inner = jobs.command(&[&["history", "-f", "--columns", "name,attempt,result"], args].concat());
        let mut command = std::process::Command::new("/bin/sh");
        command
            .args(["-c", &format!("exec \"$0\" \"$@\" > {to}")])
            .arg(inner.get_program())
            .args(inner.get_args());
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(jobs.folder.path());
        Process::start(&mut command)
    };
    let all = follow(&["-n", "2"], "all");
    let failed = follow(&["--failed", "-n", "0", "--json"], "failed");
    jobs.wait_for_lines("all", 2);
    let runner = jobs.start(&["run", "a"]);
    jobs.wait_for_lines("all", 3);
    assert_eq!(jobs.text("all"), "old\t299\tsuperseded\nold\t300\tsuperseded\na\t1\trunning\n");
    // Their sessions are lost, and they go on.
    jobs.db.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND (query LIKE '%newest%' OR query LIKE '%BEGIN READ ONLY%')",
    );
    jobs.ends(1, &["run", "b"]);
    runner.signal(Signal::SIGTERM);
    runner.end();
    jobs.wait("the end is shown", || jobs.text("all").contains("a\t1\tinterrupted\n"));
    let mut rows: Vec<String> = jobs.text("all").lines().skip(3).map(str::to_owned).collect();
    // What happens within one second comes in the order in which the attempts began.
    rows.retain(|row| row != "b\t1\trunning");
    rows.sort();
    assert_eq!(rows, ["a\t1\tinterrupted", "b\t1\tfailed"]);
    jobs.wait("the failed ones are shown", || jobs.text("failed").contains("interrupted"));
    for follower in [all, failed] {
        follower.signal(Signal::SIGINT);
        let output = follower.end();
        assert_eq!(output.code, Some(130), "{}", output.snapshot());
        assert!(output.stderr.lines().count() <= 1, "{}", output.stderr);
        assert!(
            output.stderr.is_empty() || output.stderr.ends_with(": retrying every second\n"),
            "{}",
            output.stderr
        );
    }
    let failed = jobs.text("failed");
    assert!(!failed.contains("running") && failed.matches("\"result\"").count() == 2, "{failed}");
    assert!(
        jobs.ends(64, &["history", "-f", "--sort", "name"])
            .stderr
            .contains("--sort cannot be used with --follow")
    );
    let one = jobs.ends(0, &["history", "-f", "-n", "5", "--limit", "1", "--columns", "name,attempt"]);
    assert_eq!(one.lines().len(), 1);
}

fn a_job_that_is_reset_never_ran_and_keeps_its_history(bin: &Binaries) {
    let jobs = Jobs::on(bin, "reset", TWO);
    jobs.ends(0, &["run"]);
    jobs.ends(0, &["reset", "a"]);
    assert_eq!(jobs.row("a", "app_name"), "");
    assert_eq!(jobs.attempts("a"), ["superseded 1"]);
    assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber_log"), "2");
    jobs.make_due("b");
    assert!(jobs.jobs(&["why", "b"]).stdout.contains("hasn't been run yet"));
    let again = jobs.ends(0, &["reset", "a"]);
    assert!(again.stderr.contains("had no row: it had never run"), "{}", again.stderr);
    jobs.ends(64, &["reset", "nobody"]);
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.text("log"), "a\na\n");
    // A ghost can be reset too: it is in the tables.
    jobs.write(&TWO.replace("name = \"a\"", "name = \"c\"").replace("name = \"b\"", "name = \"d\""));
    assert_eq!(jobs.ends(0, &["ghosts", "--columns", "name"]).lines(), ["a", "b"]);
    jobs.ends(0, &["reset", "b"]);
    assert_eq!(jobs.ends(0, &["ghosts", "--columns", "name,error_count"]).lines(), ["a\t0"]);
}
on_every_server!(a_job_that_is_reset_never_ran_and_keeps_its_history);

#[test]
fn reset_and_unlock_leave_alone_what_runs() {
    let jobs = Jobs::new("busy", "[[job]]\nname = \"a\"\nschedule = \"1d\"\ncommand = \"./pid; sleep 60\"\n");
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("pids", 1);
    for command in ["reset", "unlock"] {
        let refused = jobs.ends(3, &[command, "a"]);
        assert!(refused.stderr.contains("job \"a\" is ongoing: its lock is held"), "{}", refused.stderr);
    }
    let other = jobs.ends(3, &["run"]);
    assert!(other.stderr.contains("a: is due, but ongoing on "), "{}", other.stderr);
    assert!(jobs.jobs(&["why"]).stdout.contains("\tno\tis due, but has been ongoing on "));
    let list = jobs.ends(0, &["list", "--columns", "name,state,ongoing_on"]);
    assert!(list.lines()[0].starts_with("a\trunning\t") && list.lines()[0].len() > "a\trunning\t".len());
    runner.signal(Signal::SIGTERM);
    let output = runner.end();
    assert_eq!(output.code, Some(143), "{}", output.snapshot());
    assert!(!lives(super::fixture::numbers(&jobs.path("pids"))[0]));
    // It has told the job to stop: no error, and it is due as before.
    assert_eq!(jobs.attempts("a"), ["interrupted 1"]);
    assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber WHERE error_count > 0"), "0");
    assert!(jobs.jobs(&["why"]).stdout.contains("\tyes\truns now"));
}

#[test]
fn a_job_that_was_cut_off_waits_for_a_person_where_it_says_so() {
    let jobs = Jobs::new(
        "hold",
        r#"
[[job]]
name = "p"
schedule = "1d"
on_crash = "hold"
command = "./pid; test -e fixed || sleep 60"
on_failure = { command = "echo $PGKIT_STATE $PGKIT_ERROR_TYPE >> told" }
on_recovery = { command = "echo $PGKIT_STATE >> told" }
[[job]]
name = "s"
schedule = "1d"
on_crash = "hold"
sql = "SELECT pg_sleep(CASE WHEN EXISTS (SELECT FROM fixed) THEN 0 ELSE 60 END)"
"#,
    );
    jobs.db.sql("CREATE TABLE fixed ()");
    let runner = jobs.start(&["run", "--parallel", "2"]);
    jobs.wait_for_lines("pids", 1);
    jobs.wait("the SQL job runs", || jobs.attempts("s") == ["running 1"]);
    runner.signal(Signal::SIGKILL);
    drop(runner);
    jobs.wait("both are cut off", || {
        jobs.attempts("p") == ["held 1"] && jobs.attempts("s") == ["interrupted 1"]
    });
    assert!(!lives(super::fixture::numbers(&jobs.path("pids"))[0]));
    assert_eq!(
        (jobs.row("p", "error_count"), jobs.text("told")),
        ("1".into(), "failing interrupted\n".into())
    );
    std::fs::write(jobs.path("fixed"), "").unwrap();
    jobs.db.sql("INSERT INTO fixed DEFAULT VALUES");
    // What runs in a transaction has left nothing half done: it runs again by itself.
    let held = jobs.ends(1, &["run"]);
    assert!(held.stderr.contains("p: is held because it was cut off"), "{}", held.stderr);
    assert_eq!((jobs.attempts("p").len(), jobs.attempts("s").len()), (1, 2));
    let list = jobs.ends(0, &["list", "--columns", "name,state"]);
    assert_eq!(list.lines(), ["p\tstuck", "s\tidle"]);
    assert!(jobs.jobs(&["why", "p"]).stdout.contains("is held because its attempt on "));
    assert_eq!(jobs.jobs(&["status", "--nagios"]).code, Some(2));
    let unlocked = jobs.ends(0, &["unlock", "p"]);
    assert!(unlocked.stderr.contains("held since its attempt on "), "{}", unlocked.stderr);
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.attempts("p"), ["interrupted 1", "succeeded 2"]);
    assert_eq!(jobs.text("told"), "failing interrupted\nrecovered\n");
    assert!(jobs.ends(0, &["unlock", "p"]).stderr.contains("was not claimed\n"));
}

#[test]
fn the_claim_of_a_run_that_was_killed_is_released_before_the_job_is_due() {
    let job = |name: &str, keys: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\nschedule = \"1d\"\nlease = \"3s\"\n{keys}\ncommand = \"./pid; test ! -e slow || sleep 60\"\n"
        )
    };
    let jobs = Jobs::new("letgo", &(job("a", "") + &job("h", "on_crash = \"hold\"")));
    jobs.ends(0, &["run"]);
    std::fs::write(jobs.path("slow"), "").unwrap();
    for (name, pids) in [("a", 3), ("h", 4)] {
        let runner = jobs.start(&["run", name, "--force"]);
        jobs.wait_for_lines("pids", pids);
        let guards = runner.guards();
        runner.signal(Signal::SIGKILL);
        for guard in guards {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(guard), Signal::SIGKILL);
        }
        drop(runner);
        jobs.wait_dead(*super::fixture::numbers(&jobs.path("pids")).last().unwrap());
        assert_eq!(jobs.attempts(name), ["succeeded 1", "running 1"]);
    }
    let next = jobs.row("a", "next_run");
    // The job whose attempts are held waits for a person, as when it is due.
    jobs.wait("the server has noticed that the guards are gone", || {
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        jobs.db.value(locks) == "0"
    });
    let passed = jobs.ends(1, &["run"]);
    assert!(
        passed.stderr.contains("was cut off: its processes are gone; its claim is released"),
        "{}",
        passed.stderr
    );
    assert_eq!(jobs.attempts("a"), ["succeeded 1", "interrupted 1"]);
    assert_eq!(jobs.attempts("h"), ["succeeded 1", "held 1"]);
    let columns = "ongoing IS NULL, error_count, next_run = ";
    assert_eq!(jobs.row("a", &format!("concat({columns}'{next}'::timestamptz)")), "t0t");
    let list = jobs.ends(0, &["list", "--columns", "name,state"]);
    assert_eq!(list.lines(), ["a\tidle", "h\tstuck"]);
    // The schedule of a held job stays as it is, too: when a person has decided, all is well.
    jobs.ends(0, &["unlock", "h"]);
    assert_eq!(jobs.ends(0, &["list", "--columns", "name,state"]).lines(), ["a\tidle", "h\tidle"]);
    assert_eq!(jobs.row("h", "concat(error_count, last_error)"), "0{}");
    // Nothing is left to release.
    let again = jobs.ends(0, &["run"]);
    assert_eq!(again.stderr, "", "{}", again.snapshot());
}

fn a_paused_job_does_not_run_whatever_is_wished(bin: &Binaries) {
    let jobs = Jobs::on(bin, "pause", TWO);
    jobs.ends(0, &["pause", "a"]);
    jobs.ends(0, &["pause", "a"]);
    let forced = jobs.ends(0, &["run", "a", "--force"]);
    assert!(forced.stderr.contains("a: is paused"), "{}", forced.stderr);
    jobs.ends(0, &["run", "a", "--date", "2026-01-01"]);
    assert_eq!((jobs.text("log"), jobs.attempts("a").len()), (String::new(), 0));
    assert!(jobs.jobs(&["why", "a"]).stdout.contains("is paused"));
    assert!(jobs.ends(0, &["list"]).lines()[0].starts_with("a\tpaused"));
    let nagios = jobs.jobs(&["status", "--nagios"]);
    assert_eq!(
        (nagios.code, nagios.stdout.as_str()),
        (Some(1), "WARNING - a (a) | paused | it does not run until it is resumed\n")
    );
    jobs.ends(0, &["resume", "a"]);
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.text("log"), "a\n");
    jobs.ends(64, &["pause", "nobody"]);
}
on_every_server!(a_paused_job_does_not_run_whatever_is_wished);

fn a_foreign_claim_is_respected_until_its_whole_age_is_past_and_one_from_the_future_too(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "foreign",
        "[[job]]\nname = \"a\"\nschedule = \"1d\"\ncommand = \"echo a >> log\"\nmax_ongoing_age = \"30h\"\n",
    );
    let since = |age: &str| {
        jobs.db.sql(&format!(
                "DELETE FROM crontabber; INSERT INTO crontabber (app_name, next_run, ongoing, error_count, last_error)
                 VALUES ('a', now() - interval '9 d', now() - interval '{age}', 0, '{{}}')"
            ));
    };
    // The original's arithmetic takes ages modulo a day.
    for age in ["1 s", "11 h 59 m", "13 h", "25 h", "29 h 59 m", "-5 s", "-9 h"] {
        since(age);
        // A crontabber takes this lock when its job has ended, and gives up if another process has it.
        let end = jobs.db.session();
        end.sql("BEGIN; SELECT FROM crontabber FOR UPDATE NOWAIT");
        let busy = jobs.ends(3, &["run"]);
        assert!(busy.stderr.contains("a: is due, but ongoing since "), "{age}: {}", busy.stderr);
        assert_eq!(age.starts_with('-'), busy.stderr.contains("which is in the future"), "{}", busy.stderr);
    }
    for age in ["30 h 1 s", "49 h", "9 d"] {
        since(age);
        let end = jobs.db.session();
        end.sql("BEGIN; SELECT FROM crontabber FOR UPDATE NOWAIT");
        jobs.ends(2, &["run"]);
        end.sql("ROLLBACK");
        let taken = jobs.ends(0, &["run"]);
        assert!(taken.stderr.contains("it is taken over"), "{age}: {}", taken.stderr);
    }
    assert_eq!(jobs.text("log"), "a\na\na\n");
    since("1 h");
    let freed = jobs.ends(0, &["unlock", "a"]);
    assert!(freed.stderr.contains("claimed by a crontabber since"), "{}", freed.stderr);
    jobs.ends(0, &["run"]);
}
on_every_server!(a_foreign_claim_is_respected_until_its_whole_age_is_past_and_one_from_the_future_too);

fn the_guard_trigger_refuses_to_replace_a_young_claim_and_lets_everything_else_pass(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "trigger",
        "[[job]]\nname = \"a\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\nmax_ongoing_age = \"2h\"\n",
    );
    assert_eq!(jobs.jobs(&["guard", "status"]).code, Some(1));
    jobs.ends(0, &["guard", "install"]);
    jobs.ends(0, &["guard", "install"]);
    assert_eq!(jobs.jobs(&["guard", "status"]).code, Some(0));
    jobs.ends(0, &["run"]);
    let claims = |age: &str| {
        jobs.db.sql(&format!(
            "UPDATE crontabber SET ongoing = NULL; UPDATE crontabber SET ongoing = now() - interval '{age}'"
        ));
        jobs.db.try_sql("UPDATE crontabber SET ongoing = now() WHERE app_name = 'a'").map(drop)
    };
    for age in ["1 s", "119 m", "-1 h"] {
        let refused = claims(age).unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert_eq!(refused.code().code(), "23505", "{age}");
        assert_eq!(refused.constraint(), Some("crontabber_unique_app_name_idx"));
        // crontabber looks for the name in the text.
        assert!(refused.message().contains("crontabber_unique_app_name_idx"), "{refused}");
    }
    assert!(claims("121 m").is_ok(), "an old claim");
    jobs.db.sql("UPDATE crontabber SET ongoing = NULL; UPDATE crontabber SET ongoing = now(); UPDATE crontabber SET error_count = 7");
    jobs.db.sql("BEGIN; SELECT set_config('pgkit.claim', (SELECT ongoing::text FROM crontabber), true); UPDATE crontabber SET ongoing = clock_timestamp(); COMMIT");
    jobs.db.sql("UPDATE crontabber SET ongoing = NULL");
    jobs.ends(0, &["guard", "remove"]);
    jobs.ends(0, &["guard", "remove"]);
    assert_eq!(jobs.jobs(&["guard", "status"]).code, Some(1));
    assert!(claims("1 s").is_ok());
}
on_every_server!(the_guard_trigger_refuses_to_replace_a_young_claim_and_lets_everything_else_pass);

#[test]
fn a_job_is_found_by_its_class_and_why_takes_several() {
    let text = "[[job]]\nname = \"a\"\nclass = \"jobs.First\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n
        [[job]]\nname = \"b\"\nclass = \"jobs.Both\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n
        [[job]]\nname = \"c\"\nclass = \"jobs.Both\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n";
    let jobs = Jobs::new("people_class", text);
    let why = jobs.ends(0, &["why", "c", "jobs.First", "--columns", "name"]);
    assert_eq!(why.stdout, "a\nc\n");
    jobs.ends(0, &["run", "jobs.First"]);
    assert_eq!((jobs.attempts("a").len(), jobs.attempts("b").len()), (1, 0));
    // Two jobs of one class cannot be told apart by it.
    let output = jobs.ends(64, &["run", "jobs.Both"]);
    assert!(output.stderr.contains("unknown job \"jobs.Both\""), "{}", output.stderr);
}

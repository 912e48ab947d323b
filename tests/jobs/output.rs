//! `jobs output`: another process reads the output of a job, while it runs and afterwards.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Jobs;
use crate::support::*;

/// A job that runs this line of shell.
fn job(line: &str) -> String {
    format!("[[job]]\nname = \"a\"\nschedule = \"1d\"\ncommand = '{line}'\n")
}

/// `jobs output a --follow`, whose stdout is read line by line.
struct Following {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Following {
    fn start(jobs: &Jobs, args: &[&str]) -> Following {
        let mut command = jobs.command(&[&["output", "a", "--follow"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Following { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// Waits for its end. The result has the output that was not read before.
    fn end(mut self) -> Output {
        let mut stdout = String::new();
        self.out.read_to_string(&mut stdout).unwrap();
        let stderr = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
        Output { code: self.child.wait().unwrap().code(), stdout, stderr }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the number of rows in pgkit_output: one for each attempt that is watched.
fn rows(jobs: &Jobs) -> String {
    jobs.db.value("SELECT count(*) FROM pgkit_output")
}

/// Waits until a guard has pinged the server this many times.
fn wait_for_pings(jobs: &Jobs, count: usize) {
    // A guard's session is the one that holds a job's lock.
    let last = "SELECT coalesce(max(a.query_start)::text, '') FROM pg_stat_activity a
                JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
                WHERE a.datname = current_database()";
    let mut seen = BTreeSet::new();
    let begun = Instant::now();
    while seen.len() <= count {
        seen.insert(jobs.db.value(last));
        assert!(begun.elapsed() < Duration::from_secs(40), "{seen:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn what_a_job_prints_is_read_while_it_runs_and_nothing_is_left_of_it(bin: &Binaries) {
    let line = "echo one; echo two >&2; touch began; for i in 1 2 3; do while ! test -e go$i; do sleep 0.05; done; echo line $i; done; exit $(cat code)";
    let jobs = Jobs::on(bin, "output", &job(line));
    std::fs::write(jobs.path("code"), "0").unwrap();
    let runner = jobs.start(&["run"]);
    jobs.wait("it runs", || jobs.path("began").exists());
    let mut follow = Following::start(&jobs, &[]);
    let mut first = [follow.line(), follow.line()];
    first.sort();
    assert_eq!(first, ["one\n", "two\n"], "on {}", bin.major);
    assert_eq!(jobs.attempts("a"), ["running 1"]);
    std::fs::write(jobs.path("go1"), "").unwrap();
    assert_eq!(follow.line(), "line 1\n");
    // Another reader does not disturb the first one.
    let look = jobs.ends(0, &["output", "a"]);
    assert!(look.stdout.ends_with("line 1\n") && look.stdout.lines().count() == 3, "{}", look.snapshot());
    let told = regex::Regex::new(
        r"^pgkit: a: attempt 1 for \d{4}-\d\d-\d\dT\S+Z on \S+, running since \d{4}-\d\d-\d\dT\S+Z\n$",
    );
    assert!(told.unwrap().is_match(&look.stderr), "{}", look.stderr);
    std::fs::write(jobs.path("go2"), "").unwrap();
    assert_eq!(follow.line(), "line 2\n");
    std::fs::write(jobs.path("go3"), "").unwrap();
    assert_eq!(runner.end().code, Some(0));
    let output = follow.end();
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "line 3\n"), "{}", output.snapshot());
    assert!(output.stderr.contains("pgkit: a: succeeded after "), "{}", output.stderr);
    assert_eq!(rows(&jobs), "0");
    // The attempt has ended: its stored output, with and without --follow.
    for (args, code) in [(&["output", "a"][..], 0), (&["output", "a", "-f", "-q"], 0)] {
        let after = jobs.ends(code, args);
        assert_eq!(after.stdout.lines().count(), 5, "{}", after.snapshot());
        assert!(after.stdout.ends_with("line 1\nline 2\nline 3\n"), "{}", after.stdout);
        assert_eq!(after.stderr.is_empty(), args.contains(&"-q"), "{}", after.stderr);
    }
    // An attempt that fails while somebody follows it; and older attempts.
    std::fs::write(jobs.path("code"), "7").unwrap();
    std::fs::remove_file(jobs.path("go3")).unwrap();
    std::fs::remove_file(jobs.path("began")).unwrap();
    jobs.make_due("a");
    let runner = jobs.start(&["run"]);
    jobs.wait("it runs", || jobs.path("began").exists());
    let mut follow = Following::start(&jobs, &["-q"]);
    follow.line();
    std::fs::write(jobs.path("go3"), "").unwrap();
    runner.end();
    let output = follow.end();
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), ""), "{}", output.snapshot());
    // What it writes to stderr comes through another pipe, and may come in between.
    let printed: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with("line")).collect();
    assert_eq!(printed, ["line 1", "line 2", "line 3"], "{}", output.stdout);
    jobs.ends(1, &["output", "a", "-f"]);
    let first = jobs.db.sql("SELECT to_json(run_date) #>> '{}' FROM pgkit_run ORDER BY id LIMIT 1");
    let first = first[0][0].clone().unwrap();
    let older = jobs.ends(0, &["output", "a", "--date", &first]);
    assert!(older.stderr.contains(", succeeded after "), "{}", older.stderr);
    jobs.ends(0, &["output", "a", "--follow", "--date", &first, "--attempt", "1"]);
    assert!(
        jobs.ends(1, &["output", "a", "--attempt", "9"])
            .stderr
            .contains("a: there is no such attempt by pgkit")
    );
    jobs.ends(1, &["output", "a", "--attempt", "9", "-f"]);
    assert!(jobs.ends(64, &["output", "b"]).stderr.contains("unknown job \"b\""));
    assert_eq!(rows(&jobs), "0");
}
on_every_server!(what_a_job_prints_is_read_while_it_runs_and_nothing_is_left_of_it);

#[test]
fn of_much_output_both_ends_are_read_and_what_is_left_out_is_counted() {
    let line = "echo begin; while ! test -e go; do sleep 0.05; done; head -c 10000000 /dev/zero | tr \"\\0\" x; echo end; while ! test -e over; do sleep 0.05; done; printf last";
    let jobs = Jobs::new("outputbig", &job(line));
    let runner = jobs.start(&["run"]);
    jobs.wait("it runs", || jobs.attempts("a") == ["running 1"]);
    let mut follow = Following::start(&jobs, &[]);
    assert_eq!(follow.line(), "begin\n");
    std::fs::write(jobs.path("go"), "").unwrap();
    // The line that ends with what is printed now. Where something of it is left out, a line break is printed, so that the
    // halves of two lines do not look like one.
    let (mut lines, mut printed) = (0, 0);
    loop {
        let line = follow.line();
        (lines, printed) = (lines + 1, printed + line.len());
        if line.ends_with("end\n") {
            break;
        }
    }
    std::fs::write(jobs.path("over"), "").unwrap();
    runner.end();
    let output = follow.end();
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "last"), "{}", output.snapshot());
    let left_out = regex::Regex::new(r"WARNING: (\d+) bytes of the output are left out here").unwrap();
    let sum = |text: &str| -> usize {
        left_out.captures_iter(text).map(|found| found[1].parse::<usize>().unwrap()).sum()
    };
    let breaks = lines - 1;
    assert!(breaks > 0, "{lines}");
    assert_eq!("begin\n".len() + printed - breaks + sum(&output.stderr) + "last".len(), 10_000_014);
    let after = jobs.ends(0, &["output", "a", "-q"]);
    assert_eq!((after.stdout.len(), sum(&after.stderr)), ((128 << 10) + 1, 10_000_014 - (128 << 10)));
    assert!(after.stdout.starts_with("begin\nxxx") && after.stdout.ends_with("xend\nlast"));
}

#[test]
fn bytes_that_are_no_text_are_escaped_and_drive_no_terminal() {
    let line = "printf \"a\\000b\\377 caf\\303\"; touch began; while ! test -e go; do sleep 0.05; done; printf \"\\251\\n\\033[31mred\\n\\342\\202\"";
    let all = database(server(bin()).info(), "output_all");
    for encoding in ["UTF8", "LATIN1", "SQL_ASCII"] {
        let name = format!("t{}_output_{encoding}", std::process::id());
        all.sql(&format!("DROP DATABASE IF EXISTS \"{name}\""));
        all.sql(&format!(
            "CREATE DATABASE \"{name}\" ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ));
        let db = Db { info: all.info.clone(), name };
        let jobs = Jobs::over(db, &job(line));
        let runner = jobs.start(&["run"]);
        jobs.wait("it runs", || jobs.path("began").exists());
        let follow = Following::start(&jobs, &[]);
        jobs.wait("it is shown", || jobs.db.value("SELECT count(bytes) FROM pgkit_output") == "1");
        let look = jobs.ends(0, &["output", "a", "-q"]);
        assert_eq!(look.stdout, "a\\x00b\\xff caf", "{encoding}");
        let (_, text) = pty::on_terminal(jobs.command(&["output", "a", "-q"]), 24, 80);
        assert_eq!(text, "a\\x00b\\xff caf", "{encoding}");
        std::fs::write(jobs.path("go"), "").unwrap();
        runner.end();
        let whole = "a\\x00b\\xff café\n\u{1b}[31mred\n\\xe2\\x82";
        let output = follow.end();
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), whole), "{encoding} {}", output.stderr);
        assert_eq!(jobs.ends(0, &["output", "a"]).stdout, whole, "{encoding}");
        let (_, text) = pty::on_terminal(jobs.command(&["output", "a", "-q"]), 24, 80);
        assert_eq!(text.replace('\r', ""), whole.replace('\u{1b}', "\\x1b"), "{encoding}");
    }
}

#[test]
fn whoever_follows_outlives_the_guard_and_learns_of_its_end() {
    let jobs = Jobs::new("outputkill", &job("echo one; echo >> began; sleep 60"));
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("began", 1);
    let mut follow = Following::start(&jobs, &[]);
    assert_eq!(follow.line(), "one\n");
    let guard = runner.guards()[0];
    kill(Pid::from_raw(guard), Signal::SIGKILL).unwrap();
    let output = follow.end();
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{}", output.snapshot());
    assert!(output.stderr.contains("WARNING: more of its output is not stored"), "{}", output.stderr);
    assert!(output.stderr.contains("pgkit: a: interrupted"), "{}", output.stderr);
    assert_eq!(rows(&jobs), "0");
    // The next attempt is followed until Ctrl-C.
    jobs.wait_for_lines("began", 2);
    let mut follow = Following::start(&jobs, &[]);
    assert_eq!(follow.line(), "one\n");
    kill(Pid::from_raw(follow.child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = follow.end();
    assert_eq!((output.code, rows(&jobs).as_str()), (Some(130), "0"), "{}", output.snapshot());
    assert_eq!(jobs.attempts("a"), ["interrupted 1", "running 1"]);
    runner.signal(Signal::SIGTERM);
    runner.end();
}

#[test]
fn a_lost_server_is_waited_for_and_nothing_is_printed_twice() {
    let server = own_server(&options(bin()));
    let jobs = Jobs::over(
        Db::existing(server.info(), "postgres"),
        &job("echo one; while ! test -e go; do sleep 0.05; done; echo two"),
    );
    let runner = jobs.start(&["run"]);
    jobs.wait("it runs", || jobs.attempts("a") == ["running 1"]);
    let mut follow = Following::start(&jobs, &[]);
    assert_eq!(follow.line(), "one\n");
    // Every session but this one is ended, the guard's and that of whoever follows.
    jobs.db.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    std::fs::write(jobs.path("go"), "").unwrap();
    assert_eq!(runner.end().code, Some(0));
    let output = follow.end();
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "two\n"), "{}", output.snapshot());
    assert_eq!(rows(&jobs), "0");
}

#[test]
fn without_the_table_and_without_rights_it_says_what_to_do() {
    let sql = "[[job]]\nname = \"s\"\nschedule = \"1d\"\nsql = \"DO $$ BEGIN RAISE NOTICE 'half'; END $$\"\n";
    let jobs = Jobs::new("outputnone", &[&job("echo one; sleep 60"), sql].concat());
    jobs.db.sql("DROP TABLE pgkit_output");
    // What has ended is read without the table.
    jobs.ends(0, &["run", "s"]);
    assert_eq!(jobs.ends(0, &["output", "s"]).stdout, "NOTICE:  half\n");
    let runner = jobs.start(&["run", "a"]);
    jobs.wait("it runs", || jobs.attempts("a") == ["running 1"]);
    for args in [&["output", "a"][..], &["output", "a", "-f"]] {
        let none = jobs.ends(65, args);
        assert!(
            none.stderr.contains("public.pgkit_output does not exist")
                && none.stderr.contains("pgkit jobs upgrade"),
            "{}",
            none.stderr
        );
    }
    wait_for_pings(&jobs, 3);
    // The guard finds the new table within a minute. Until then, and without the rights on it, the reader gets an
    // error.
    jobs.ends(0, &["upgrade"]);
    let late = jobs.ends(75, &["output", "a"]);
    assert!(late.stderr.contains("its guard does not show it"), "{}", late.stderr);
    assert_eq!(rows(&jobs), "0");
    jobs.db.sql(
        "DO $$ BEGIN CREATE ROLE output_reads LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO output_reads",
    );
    let as_reader =
        |args: &[&str]| run(jobs.command(args).env("PGUSER", "output_reads").args(["-U", "output_reads"]));
    let refused = as_reader(&["output", "a"]);
    assert_eq!(refused.code, Some(77), "{}", refused.snapshot());
    assert!(
        refused
            .stderr
            .contains("GRANT SELECT, INSERT, UPDATE, DELETE ON \"public\".pgkit_output TO \"output_reads\""),
        "{}",
        refused.stderr
    );
    let finished = as_reader(&["output", "s"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "NOTICE:  half\n"),
        "{}",
        finished.stderr
    );
    runner.signal(Signal::SIGTERM);
    runner.end();
}

/// SQL that raises this notice, waits until table `go` has a row, and raises another one.
fn noisy(notice: &str) -> String {
    format!(
        "DO $$ BEGIN RAISE NOTICE '{notice}'; WHILE NOT EXISTS (SELECT FROM go) LOOP PERFORM pg_sleep(0.1); END LOOP; \
         RAISE NOTICE 'gone'; END $$"
    )
}

#[test]
fn the_notices_of_sql_are_shown_while_it_runs() {
    let other = database(server(bin()).info(), "outputthere");
    let job = |keys: &str, sql: &str| {
        format!("[[job]]\nname = \"a\"\nschedule = \"1d\"\nlease = \"3s\"\n{keys}\nsql = \"{sql}\"\n")
    };
    let jobs = Jobs::new("outputsql", "");
    // The SQL runs in one transaction with its record, outside a transaction, in another database, and for several dates.
    for (keys, go) in [
        ("", &jobs.db),
        ("transaction = false", &jobs.db),
        (&format!("database = \"{}\"", other.name), &other),
        ("backfill = true", &jobs.db),
    ] {
        jobs.write(&job(keys, &noisy("one")));
        go.sql("CREATE TABLE IF NOT EXISTS go (n int); TRUNCATE go");
        let runner = jobs.start(&["run", "a"]);
        jobs.wait("it runs", || jobs.attempts("a").last().is_some_and(|last| last == "running 1"));
        let now = jobs.ends(0, &["output", "a"]);
        assert_eq!(now.stdout, "NOTICE:  one\n", "{keys}: {}", now.snapshot());
        let mut following = Following::start(&jobs, &[]);
        assert_eq!(following.line(), "NOTICE:  one\n", "{keys}");
        go.sql("INSERT INTO go VALUES (1)");
        let end = following.end();
        assert_eq!((end.code, end.stdout.as_str()), (Some(0), "NOTICE:  gone\n"), "{keys}: {}", end.stderr);
        assert_eq!((runner.end().code, rows(&jobs).as_str()), (Some(0), "0"), "{keys}");
        jobs.db.sql("TRUNCATE crontabber, pgkit_run");
    }
    // Without notices its guard needs no second session, so nothing tells it that somebody watches.
    jobs.write(&job("", "SELECT pg_sleep(8)"));
    let runner = jobs.start(&["run", "a"]);
    jobs.wait("it runs", || jobs.attempts("a").last().is_some_and(|last| last == "running 1"));
    let quiet = jobs.ends(75, &["output", "a"]);
    assert!(quiet.stderr.contains("its SQL has raised no notice yet"), "{}", quiet.stderr);
    assert_eq!(runner.end().code, Some(0));
}

#[test]
fn a_guard_whose_attempt_nobody_watches_writes_nothing_and_no_lock_disturbs_it() {
    let line = "touch began; while ! test -e go; do echo more; sleep 0.1; done";
    let jobs = Jobs::new("outputquiet", &format!("{}lease = \"3s\"\n", job(line)));
    let runner = jobs.start(&["run"]);
    jobs.wait("it runs", || jobs.attempts("a") == ["running 1"]);
    let asks = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%coalesce(o.bytes%' AND pid <> pg_backend_pid()";
    jobs.wait("its guard asks whether it is watched", || jobs.db.value(asks) == "1");
    // Somebody watched it before, but nobody does now.
    jobs.db.sql("INSERT INTO pgkit_output SELECT id, now() - interval '1 s' FROM pgkit_run");
    wait_for_pings(&jobs, 4);
    assert_eq!(jobs.db.value("SELECT count(bytes) FROM pgkit_output"), "0");
    // If somebody locks the table for longer than the lease, the job and its end are not delayed.
    let other = jobs.db.session();
    other.sql(
        "BEGIN; LOCK TABLE pgkit_output; UPDATE pgkit_output SET watched_until = now() + interval '1 h'",
    );
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(jobs.attempts("a"), ["running 1"]);
    other.sql("COMMIT; BEGIN");
    jobs.wait("it is shown", || jobs.db.value("SELECT count(bytes) FROM pgkit_output") == "1");
    other.sql("LOCK TABLE pgkit_output");
    std::fs::write(jobs.path("go"), "").unwrap();
    let output = runner.end();
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert_eq!(jobs.attempts("a"), ["succeeded 1"]);
    // A later run deletes what could not be deleted.
    other.sql("UPDATE pgkit_output SET watched_until = now() - interval '2 min'; COMMIT");
    assert_eq!(rows(&jobs), "1");
    jobs.make_due("a");
    jobs.ends(0, &["run"]);
    assert_eq!(rows(&jobs), "0");
}

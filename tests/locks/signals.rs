//! `locks cancel` and `locks terminate`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgkit::session::Value;

use super::*;

/// `pgkit locks HOW …` with its rows.
fn signal(db: &Db, role: &str, args: &[&str]) -> (Output, Vec<Row>) {
    let mut output = run(pgkit(db).env("PGUSER", role).arg("locks").args(args).args(["--format", "jsonl"]));
    let rows = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    output.stdout.clear();
    (output, rows)
}

fn results(rows: &[Row]) -> Vec<(&str, &str)> {
    rows.iter().map(|row| (text(row, "application"), text(row, "result"))).collect()
}

fn terminate_ends_a_session_and_says_whether_it_is_gone(bin: &Binaries) {
    let db = database(server(bin).info(), "terminate");
    db.sql("CREATE TABLE t (id int)");
    let (holder, pid) = named(&db, "postgres", "holder");
    holder.sql("BEGIN; LOCK TABLE t; SELECT\n  1");
    let start = Instant::now();
    let (output, rows) = signal(&db, "postgres", &["terminate", &pid, "--yes"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "on {}", bin.major);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(results(&rows), [("holder", "terminated")]);
    assert_eq!(rows[0]["pid"].to_string(), pid);
    assert_eq!(text(&rows[0], "session_state"), "idle in transaction");
    assert_eq!(text(&rows[0], "statement"), "BEGIN; LOCK TABLE t; SELECT 1");
    assert!(number(&rows[0], "after_ms").is_some() && number(&rows[0], "transaction_s").is_some());
    assert!(!lives(&holder));
    // And what it held is free.
    db.sql("BEGIN; LOCK TABLE t NOWAIT");
}
on_every_server!(terminate_ends_a_session_and_says_whether_it_is_gone);

fn cancel_ends_the_statement_and_leaves_the_session(bin: &Binaries) {
    let db = database(server(bin).info(), "cancel");
    let (holder, _) = named(&db, "postgres", "holder");
    holder.sql("SELECT pg_advisory_lock(1)");
    let (waiter, pid) = named(&db, "postgres", "waiter");
    let statement = waiter.send("SELECT pg_advisory_lock(1)");
    eventually("it waits", || {
        db.value(&format!("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = {pid}")) == "1"
    });
    let (output, rows) = signal(&db, "postgres", &["cancel", &pid, &pid, "--yes"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "on {}", bin.major);
    assert_eq!(results(&rows), [("waiter", "cancelled")], "a number given twice is one");
    let error = statement.join().unwrap().unwrap_err();
    assert_eq!(error.as_db_error().unwrap().code().code(), "57014", "on {}", bin.major);
    assert!(lives(&holder));
}
on_every_server!(cancel_ends_the_statement_and_leaves_the_session);

fn what_runs_no_statement_cannot_be_cancelled_and_that_is_no_success(bin: &Binaries) {
    let db = database(server(bin).info(), "idle");
    let (idle, pid) = named(&db, "postgres", "idle");
    idle.sql("BEGIN; SELECT 1");
    let (output, rows) = signal(&db, "postgres", &["cancel", &pid, "--yes"]);
    assert_eq!(output.code, Some(1), "on {}", bin.major);
    assert_eq!(results(&rows), [("idle", "not running a statement")]);
    assert_eq!(
        output.stderr,
        format!(
            "pgkit: locks cancel: no statement is running in {pid}, and it keeps its locks: end it with pgkit locks terminate {pid}\n"
        )
    );
    idle.sql("SELECT 2; COMMIT");
}
on_every_server!(what_runs_no_statement_cannot_be_cancelled_and_that_is_no_success);

fn one_that_is_not_there_is_named_and_the_others_are_done(bin: &Binaries) {
    let db = database(server(bin).info(), "missing");
    let (session, pid) = named(&db, "postgres", "there");
    // No system has so many processes.
    let (output, rows) = signal(&db, "postgres", &["terminate", "2147483647", &pid, "--yes"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), ""), "on {}", bin.major);
    assert_eq!(results(&rows), [("", "no such session"), ("there", "terminated")]);
    assert!(!lives(&session));
    // A process of the server's own is there, but takes no signals.
    let checkpointer = db.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
    let (output, rows) = signal(&db, "postgres", &["terminate", &checkpointer, "--yes"]);
    assert_eq!(output.code, Some(1));
    assert_eq!(results(&rows), [("checkpointer", "refused: the server does not signal this process")]);
}
on_every_server!(one_that_is_not_there_is_named_and_the_others_are_done);

#[test]
fn never_its_own_session() {
    // Nobody else's: should it miss, it cancels what others do.
    let server = own_server(&options(bin()));
    let db = Db::existing(server.info(), "postgres");
    // One of the next numbers will be that of its session.
    eventually("its own number is among them", || {
        let next = db.session().pid();
        let numbers: Vec<String> = (1..400).map(|n| (next + n).to_string()).collect();
        let output = run(pgkit(&db).args(["locks", "cancel", "--yes"]).args(&numbers));
        if output.code == Some(64) {
            assert!(output.stderr.contains(" is pgkit's own session\nhint: "), "{}", output.stderr);
            assert_eq!(output.stdout, "");
        }
        output.code == Some(64)
    });
}

fn never_a_number_that_belongs_to_another_session_by_now(bin: &Binaries) {
    let db = database(server(bin).info(), "reused");
    let (session, pid) = named(&db, "postgres", "another");
    let pid: i64 = pid.parse().unwrap();
    let micros = |column: &str| -> i64 {
        db.value(&format!(
            "SELECT (extract(epoch FROM {column}) * 1000000)::int8 FROM pg_stat_activity WHERE pid = {pid}"
        ))
        .parse()
        .unwrap()
    };
    let start = micros("backend_start");
    let asker = db.session();
    let send = |text: &str, values: &[i64]| {
        let literals: Vec<String> = values.iter().map(|v| Value::Int8(*v).literal()).collect();
        asker.sql(&pgkit::sql::fill(text, &literals)).len()
    };
    let terminate = include_str!("../../queries/locks/terminate.sql");
    assert_eq!(send(terminate, &[pid, start - 1]), 0, "on {}", bin.major);
    let own: i64 = asker.pid().into();
    assert_eq!(send(terminate, &[own, start]), 0);
    assert!(lives(&session));

    // Nor a statement that is not the one that was shown.
    let cancel = include_str!("../../queries/locks/cancel.sql");
    let statement = session.send("SELECT pg_sleep(60)");
    eventually("it runs", || {
        db.value(&format!("SELECT state FROM pg_stat_activity WHERE pid = {pid}")) == "active"
    });
    let query = micros("query_start");
    assert_eq!(send(cancel, &[pid, start, query - 1]), 0, "on {}", bin.major);
    assert_eq!(send(cancel, &[pid, start - 1, query]), 0);
    assert!(!statement.is_finished());
    assert_eq!(send(cancel, &[pid, start, query]), 1);
    assert!(statement.join().unwrap().is_err());
}
on_every_server!(never_a_number_that_belongs_to_another_session_by_now);

fn what_the_role_may_not_do_is_refused_with_what_it_needs(bin: &Binaries) {
    let db = database(server(bin).info(), "refused");
    let role = |name: &str| format!("signals_{name}_{}_{}", bin.major, std::process::id());
    let (victim_role, asker) = (role("victim"), role("asker"));
    db.sql(&format!("CREATE ROLE {victim_role} LOGIN; CREATE ROLE {asker} LOGIN"));
    let (victim, pid) = named(&db, &victim_role, "victim");
    let (own, own_pid) = named(&db, &asker, "mine");
    let (superuser, super_pid) = named(&db, "postgres", "super");
    // Not even seen.
    let (output, rows) = signal(&db, &asker, &["terminate", &pid, &own_pid, "--yes"]);
    assert_eq!(output.code, Some(77), "on {}: {}", bin.major, output.stderr);
    assert_eq!(results(&rows), [("victim", "hidden"), ("mine", "terminated")]);
    let grant = format!("GRANT pg_read_all_stats, pg_signal_backend TO \"{asker}\"");
    assert!(output.stderr.contains(&grant) && output.stderr.contains(&pid), "{}", output.stderr);
    assert!(lives(&victim) && !lives(&own));
    // Seen, but not to be signalled.
    db.sql(&format!("GRANT pg_read_all_stats TO {asker}"));
    let (output, rows) = signal(&db, &asker, &["terminate", &pid, "--yes"]);
    assert_eq!(output.code, Some(77), "on {}: {}", bin.major, output.stderr);
    assert!(text(&rows[0], "result").starts_with("refused: "), "{rows:?}");
    assert!(output.stderr.contains(&format!("GRANT pg_signal_backend TO \"{asker}\"")), "{}", output.stderr);
    assert!(lives(&victim));
    db.sql(&format!("GRANT pg_signal_backend TO {asker}"));
    let (output, rows) = signal(&db, &asker, &["terminate", &pid, "--yes"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "on {}", bin.major);
    assert_eq!(results(&rows), [("victim", "terminated")]);
    // A superuser's session stays a superuser's affair.
    let (output, _) = signal(&db, &asker, &["terminate", &super_pid, "--yes"]);
    assert_eq!(output.code, Some(77), "on {}", bin.major);
    assert!(lives(&superuser));
    drop((victim, own));
    db.sql(&format!("DROP ROLE {victim_role}"));
    db.sql(&format!("DROP ROLE {asker}"));
}
on_every_server!(what_the_role_may_not_do_is_refused_with_what_it_needs);

#[test]
fn without_a_terminal_it_says_what_it_would_hit_and_does_nothing() {
    let db = database(server(bin()).info(), "unasked");
    let (session, pid) = named(&db, "postgres", "spared");
    session.sql("BEGIN; SELECT 'a\u{1b}[31m\u{7}\n b'");
    let mut command = Command::new("setsid");
    let ours = pgkit(&db);
    command.env_clear().envs(ours.get_envs().filter_map(|(k, v)| v.map(|v| (k, v))));
    let output =
        run(command.args(["-w", PGKIT, "locks", "terminate", &pid, "2147483647"]).stdin(Stdio::null()));
    assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{}", output.snapshot());
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert!(
        lines[0].starts_with(&format!("pgkit: would terminate {pid}, user postgres, application spared, idle in transaction, in a transaction for ")),
        "{}",
        output.stderr
    );
    assert_eq!(lines[1], "    BEGIN; SELECT 'a\\x1b[31m\\x07 b'");
    assert_eq!(
        lines[2..],
        [
            "pgkit: locks terminate: cannot ask without a terminal",
            "hint: add --yes to do it without being asked"
        ]
    );
    assert!(lives(&session));
}

#[test]
fn on_a_terminal_it_asks_and_only_yes_is_yes() {
    let db = database(server(bin()).info(), "asked");
    for (keys, code, done) in [
        ("n\n", 1, false),
        ("\n", 1, false),
        ("what\n", 1, false),
        ("\u{4}", 1, false),
        ("\u{3}", 130, false),
        ("y\n", 0, true),
    ] {
        let (session, pid) = named(&db, "postgres", "asked for");
        let (ended, shown) = typed(&db, &format!("locks terminate {pid}"), keys, &|| ());
        assert_eq!(ended, Some(code), "{keys:?}: {shown}");
        assert!(shown.contains("Terminate this session? [y/N] "), "{shown}");
        assert_eq!(shown.contains("terminated"), done, "{shown}");
        assert_eq!(!lives(&session), done, "{keys:?}");
    }
    // Nothing to do is nothing to ask about.
    let (ended, shown) = typed(&db, "locks terminate 2147483647", "", &|| ());
    assert!(ended == Some(1) && !shown.contains("[y/N]"), "{shown}");
    // --yes does not ask.
    let (session, pid) = named(&db, "postgres", "unasked");
    let (ended, shown) = typed(&db, &format!("locks terminate {pid} --yes"), "", &|| ());
    assert!(ended == Some(0) && !shown.contains("[y/N]"), "{shown}");
    assert!(!lives(&session));
}

fn one_that_does_not_go_in_time_is_no_success(bin: &Binaries) {
    let db = database(server(bin).info(), "stays");
    let (session, pid) = named(&db, "postgres", "stopped");
    let process = Pid::from_raw(pid.parse().unwrap());
    // It heeds no signal until it goes on.
    kill(process, Signal::SIGSTOP).unwrap();
    let start = Instant::now();
    let (output, rows) = signal(&db, "postgres", &["terminate", &pid, "--yes", "--wait", "300ms"]);
    let took = start.elapsed();
    let (sent, unwaited) = signal(&db, "postgres", &["terminate", &pid, "--yes", "--wait", "0"]);
    kill(process, Signal::SIGCONT).unwrap();
    assert_eq!(output.code, Some(1), "on {}", bin.major);
    assert_eq!(results(&rows), [("stopped", "still there")]);
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(3), "{took:?}");
    assert_eq!((sent.code, results(&unwaited)), (Some(0), vec![("stopped", "signalled")]));
    eventually("it goes", || !lives(&session));
}
on_every_server!(one_that_does_not_go_in_time_is_no_success);

#[test]
fn a_bad_number_is_wrong_usage_that_says_what_is_right() {
    for (args, said) in [
        (&["locks", "terminate"][..], "<PID>..."),
        (&["locks", "terminate", "x", "--yes"], "must be a pid"),
        (&["locks", "cancel", "0", "--yes"], "must be a pid"),
        (&["locks", "cancel", "-1", "--yes"], "-1"),
        (&["locks", "cancel", "99999999999", "--yes"], "must be a pid"),
        (&["locks", "terminate", "prepared:it's", "--yes"], "ROLLBACK PREPARED 'it''s'\n"),
        (&["locks", "terminate", "1", "--wait", "5"], "invalid duration"),
        (
            &["locks", "terminate", "1", "--columns", "nonsense"],
            "columns: pid, user, application, session_state, transaction_s, statement, result, after_ms",
        ),
        (&["locks", "--json", "terminate", "1"], "cannot be used with '--json'"),
        (&["locks", "terminate", "1", "--watch", "1"], "unexpected argument '--watch'"),
        (&["locks", "terminate", "1", "--format", "tree"], "as a tree"),
    ] {
        let output = run(bare_pgkit().env("PGHOST", "/nowhere").args(args));
        assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{args:?} {}", output.snapshot());
        assert!(output.stderr.contains(said), "{args:?} {}", output.stderr);
    }
    assert_eq!(
        run(bare_pgkit().env("PGHOST", "/nowhere").args(["locks", "cancel", "1", "--yes"])).code,
        Some(69)
    );
}

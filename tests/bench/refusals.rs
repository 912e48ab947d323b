//! What is not measured, and that nothing is left running or written.

use super::*;

#[test]
fn what_is_no_benchmark_is_told_before_anybody_connects() {
    for (args, why) in [
        (&[][..], "nothing to measure"),
        (&["SELECT 1"], "missing name"),
        (&["a=SELECT 1", "a=SELECT 2"], "duplicate variant"),
        (&["a=SELECT :id"], "missing value for :id"),
        (&["a=SELECT :id", "--param", "ID=1"], "missing value for :id"),
        (&["a=BEGIN; SELECT 1"], "cannot measure BEGIN"),
        (&["a=SELECT 1", "--param", "x"], "--param"),
        (&["a=SELECT 1", "--columns", "nonsense"], "unknown column"),
        (&["a=SELECT 1", "--runs", "0"], "--runs"),
        (&["a=SELECT 1", "--runs", "5", "--time", "1s"], "cannot be used with"),
        (&["a=SELECT 1", "--watch", "1"], "--watch"),
        (&["a=SELECT \\x"], "invalid command \\x"),
    ] {
        let output = run(bare_pgkit().arg("bench").args(args).args(["-h", "/nonexistent"]));
        assert_eq!(output.code, Some(64), "{args:?}\n{}", output.snapshot());
        assert!(output.stderr.contains(why), "{args:?}\n{}", output.snapshot());
    }
    let code = |args: &[&str]| run(bare_pgkit().arg("bench").args(args).args(["-h", "/nonexistent"])).code;
    assert_eq!(code(&["a=SELECT 1"]), Some(69));
    assert_eq!(code(&["a=@/nonexistent/file.sql"]), Some(74));
    assert_eq!(code(&["a=SELECT 1", "--html", "/nonexistent/page.html"]), Some(74));
}

#[test]
fn nothing_is_written_without_leave() {
    let db = songs("readonly");
    db.sql("CREATE FUNCTION loosen() RETURNS text LANGUAGE sql AS $$ SELECT set_config('default_transaction_read_only', 'off', false) $$");
    for sql in [
        "INSERT INTO written VALUES (1)",
        "DELETE FROM song",
        "WITH x AS (INSERT INTO written VALUES (1) RETURNING a) SELECT * FROM x",
        "SELECT nextval('counted')",
        "CREATE TABLE made (a int)",
        "DO $$ BEGIN INSERT INTO written VALUES (1); END $$",
        "SELECT 1; INSERT INTO written VALUES (1)",
    ] {
        let output = bench(&db, &[&format!("a={sql}"), "--runs", "3"]);
        assert_eq!(output.code, Some(1), "{sql}\n{}", output.snapshot());
        assert!(output.stderr.contains("read-only transaction"), "{sql}\n{}", output.stderr);
    }
    let loosened =
        bench(&db, &["a=SELECT loosen(); INSERT INTO written VALUES (1)", "--runs", "3", "--warm-up", "0"]);
    assert_ne!(loosened.code, Some(0), "{}", loosened.snapshot());
    assert_eq!(db.value("SELECT count(*) FROM song"), "1000");
    assert_eq!(db.value("SELECT to_regclass('made') IS NULL"), "t");
}

#[test]
fn an_interrupted_statement_is_cancelled_on_the_server() {
    let db = songs("interrupt");
    for (signal, code) in [(nix::sys::signal::Signal::SIGINT, 130), (nix::sys::signal::Signal::SIGTERM, 143)]
    {
        let mut command = pgkit(&db);
        command.args(["bench", "a=SELECT pg_sleep(300)", "b=SELECT pg_sleep(300)"]);
        command.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let sleeping = || {
            db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^SELECT pg_sleep'")
                != "0"
        };
        eventually("it sleeps", sleeping);
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        eventually("nobody sleeps", || !sleeping());
    }
}

#[test]
fn a_lost_connection_is_no_figure() {
    let db = songs("lost");
    let output = bench(&db, &["a=SELECT pg_terminate_backend(pg_backend_pid())"]);
    assert_eq!(output.code, Some(69), "{}", output.snapshot());
}

#[test]
fn a_statement_that_takes_too_long_is_an_error_of_its_variant() {
    let db = songs("timeout");
    let output = bench(
        &db,
        &[
            "a=SELECT pg_sleep(5)",
            "b=SELECT 1",
            "--runs",
            "2",
            "--warm-up",
            "0",
            "--statement-timeout",
            "100ms",
        ],
    );
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stderr.contains("a: 2 of its runs failed"), "{}", output.stderr);
}

#[test]
fn an_interrupt_shows_what_was_measured_until_then_and_echo_shows_what_is_sent() {
    let db = db("interrupted");
    let child = pgkit(&db)
        .args(["bench", "a=SELECT pg_sleep(0.01)", "b=SELECT 1", "--time", "60s", "--warm-up", "1", "-E"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let counts: Vec<u64> =
        stdout.lines().map(|line| line.split('\t').nth(1).unwrap().parse().unwrap()).collect();
    // A turn counts whole or not at all.
    assert!(counts.len() == 2 && counts[0] == counts[1] && counts[0] > 10, "{stdout}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.matches("SELECT pg_sleep(0.01)").count(), 1, "{stderr}");
}

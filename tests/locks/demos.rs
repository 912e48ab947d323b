//! `locks demo`: what each got, and that nothing of it is left.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

fn schemas(db: &Db) -> Vec<String> {
    let rows = db.sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pgkit%' ORDER BY 1");
    rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}

/// One round: its rows, in the order in which they happened.
fn round<'a>(rows: &'a [Row], way: &str) -> Vec<&'a Row> {
    rows.iter().filter(|row| text(row, "way") == way).collect()
}

fn who_sent_what_when_and_what_it_got(bin: &Binaries) {
    for sessions in [2, 5] {
        let db = database(server(bin).info(), "timeline");
        let count = sessions.to_string();
        let hold = Duration::from_millis(60);
        let output = run(pgkit(&db).args([
            "locks",
            "demo",
            "--sessions",
            &count,
            "--hold",
            "60ms",
            "--format",
            "jsonl",
        ]));
        assert_eq!(output.stderr, "", "on {}", bin.major);
        let rows = rows(&output);
        let ms = hold.as_secs_f64() * 1e3;
        for (way, winners, state, last) in [
            ("NOWAIT", 1, Some("55P03"), "could not obtain lock on row"),
            ("FOR UPDATE", sessions, None, ""),
            ("SKIP LOCKED", 1, None, "no row"),
            ("UPDATE", sessions, None, ""),
        ] {
            let round = round(&rows, way);
            let what = format!("{way} by {sessions} on {}: {round:#?}", bin.major);
            // All send the same, before anybody has got anything.
            let first: Vec<&&Row> = round.iter().take(sessions).collect();
            let statement = text(first[0], "what");
            assert!(
                first.iter().all(|row| text(row, "event") == "sent" && text(row, "what") == statement),
                "{what}"
            );
            assert!(way == "UPDATE" || statement.contains("FOR UPDATE"), "{what}");
            assert!(statement.starts_with("UPDATE ") || statement.ends_with(way), "{what}");
            let got: Vec<&&Row> = round.iter().filter(|row| text(row, "event") == "got").collect();
            assert_eq!(got.len(), sessions, "{what}");
            let won: Vec<&&&Row> = got.iter().filter(|row| text(row, "what") == "the row").collect();
            assert_eq!(won.len(), winners, "{what}");
            for (n, row) in won.iter().enumerate() {
                // One after the other: each had it for so long.
                let waited = number(row, "waited_ms").unwrap();
                assert!(waited >= ms * n as f64 * 0.98, "{what}");
            }
            for row in got.iter().filter(|row| text(row, "what") != "the row") {
                assert!(text(row, "what").starts_with(last), "{what}");
                assert_eq!(row["sqlstate"].as_str(), state, "{what}");
                assert!(number(row, "waited_ms").unwrap() < ms, "{what}");
            }
            let ends: Vec<&str> = round
                .iter()
                .skip(sessions)
                .filter(|row| text(row, "event") == "sent")
                .map(|row| text(row, "what"))
                .collect();
            assert_eq!(
                ends.iter().filter(|end| **end == "COMMIT").count(),
                if state.is_some() { 1 } else { sessions },
                "{what}"
            );
            assert_eq!(ends.len(), sessions, "{what}");
            let at: Vec<f64> = round.iter().map(|row| number(row, "at_ms").unwrap()).collect();
            assert!(at.is_sorted(), "{what}");
        }
        let pids: std::collections::BTreeSet<String> =
            rows.iter().map(|row| row["pid"].to_string()).collect();
        assert_eq!(pids.len(), sessions, "each session is one of its own");
        assert_eq!(schemas(&db), Vec::<String>::new(), "on {}", bin.major);
    }
}
on_every_server!(who_sent_what_when_and_what_it_got);

#[test]
fn a_lock_timeout_of_ones_own_holds_for_the_sessions() {
    let db = database(server(bin()).info(), "timeouts");
    let args = ["locks", "demo", "--hold", "400ms", "--lock-timeout", "50ms", "--format", "jsonl"];
    let rows = rows(&run(pgkit(&db).args(args)));
    let refused = |way: &str| round(&rows, way).iter().filter(|row| text(row, "sqlstate") == "55P03").count();
    assert_eq!([refused("FOR UPDATE"), refused("UPDATE"), refused("SKIP LOCKED")], [1, 1, 0]);
}

/// A demonstration in its midst.
fn begun(db: &Db) -> Child {
    let mut command = pgkit(db);
    command.args(["locks", "demo", "--hold", "20s", "--sessions", "3"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("somebody has the row", || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pgkit locks demo %' AND state = 'idle in transaction'";
        db.value(sql) == "1"
    });
    assert_eq!(schemas(db).len(), 1);
    child
}

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

fn is_gone(db: &Db) {
    let start = Instant::now();
    eventually("the schema is gone", || schemas(db).is_empty());
    eventually("so are the sessions", || {
        db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pgkit%'") == "0"
    });
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

fn however_it_ends_its_schema_goes(bin: &Binaries) {
    let db = database(server(bin).info(), "ends");
    for (signal, code) in [
        (Signal::SIGINT, Some(130)),
        (Signal::SIGTERM, Some(143)),
        (Signal::SIGHUP, Some(129)),
        (Signal::SIGKILL, None),
    ] {
        let mut child = begun(&db);
        send(child.id(), signal);
        assert_eq!(child.wait().unwrap().code(), code, "{signal} on {}", bin.major);
        is_gone(&db);
    }
}
on_every_server!(however_it_ends_its_schema_goes);

#[test]
fn killed_at_any_moment_it_leaves_nothing() {
    let db = database(server(bin()).info(), "moments");
    for delay in (0..120).step_by(8) {
        let mut command = pgkit(&db);
        command.args(["locks", "demo", "--hold", "10ms"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    is_gone(&db);
}

#[test]
fn a_reader_that_goes_away_and_a_full_disk_leave_nothing() {
    let db = database(server(bin()).info(), "full");
    let mut sh = Command::new("bash");
    sh.env_clear().envs(db.info.env()).env("PGDATABASE", &db.name).env("HOME", "/nonexistent");
    sh.arg("-c").arg(format!("{PGKIT} locks demo --hold 10ms | head -1; echo ${{PIPESTATUS[0]}}"));
    let output = run(&mut sh);
    assert_eq!(
        (output.stdout.lines().count(), output.stdout.ends_with("\n0\n")),
        (2, true),
        "{}",
        output.snapshot()
    );
    assert_eq!(schemas(&db), Vec::<String>::new());
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = pgkit(&db);
    let output = run_to(command.args(["locks", "demo", "--hold", "10ms"]), full);
    assert_eq!(output.code, Some(74), "{}", output.snapshot());
    assert_eq!(schemas(&db), Vec::<String>::new());
}

/// Runs a command whose stdout is a file.
fn run_to(command: &mut Command, file: std::fs::File) -> Output {
    let child = command.stdout(file).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Output { code: output.status.code(), stdout: String::new(), stderr }
}

#[test]
fn a_session_that_is_terminated_in_the_midst_ends_it_and_leaves_nothing() {
    let db = database(server(bin()).info(), "terminated");
    let child = begun(&db);
    db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgkit locks demo 1'");
    let output = {
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(output.0, Some(69), "{}", output.1);
    is_gone(&db);
}

/// The janitor of a demonstration: its child with that name.
#[cfg(target_os = "linux")]
fn janitor(child: &Child) -> u32 {
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let direct = std::fs::read_to_string(children).unwrap_or_default();
    // It may have been started by another thread.
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let all = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let all: String = all.chain([direct]).collect::<Vec<_>>().join(" ");
    let is_one = |pid: &&str| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.ends_with("janitor\0"))
    };
    all.split_whitespace().find(is_one).unwrap_or_else(|| panic!("no janitor among {all}")).parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn without_its_janitor_it_cleans_up_itself_and_says_so() {
    let db = database(server(bin()).info(), "janitor");
    let mut command = pgkit(&db);
    command.args(["locks", "demo", "--hold", "300ms"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("it has begun", || schemas(&db).len() == 1);
    eventually("its sessions are there", || {
        db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pgkit locks demo %'") == "2"
    });
    send(janitor(&child), Signal::SIGKILL);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{stderr}");
    assert!(stderr.contains("the janitor is gone") || stderr.contains("the janitor died"), "{stderr}");
    is_gone(&db);
}

#[cfg(target_os = "linux")]
fn what_all_of_them_left_behind_the_next_one_drops_and_nothing_that_is_in_use(bin: &Binaries) {
    let db = database(server(bin).info(), "leftovers");
    let mut child = begun(&db);
    let left = schemas(&db);
    send(janitor(&child), Signal::SIGKILL);
    send(child.id(), Signal::SIGKILL);
    child.wait().unwrap();
    eventually("their sessions are gone", || {
        db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pgkit%'") == "0"
    });
    assert_eq!(schemas(&db), left, "on {}", bin.major);
    // Names that only look alike are nobody's business.
    db.sql("CREATE SCHEMA pgkit_locks_demo_mine; CREATE SCHEMA pgkit_locks_demo_0123456789");
    let other = begun_beside(&db);
    assert_eq!(run(pgkit(&db).args(["locks", "demo", "--hold", "10ms"])).code, Some(0));
    let still = schemas(&db);
    assert_eq!(still.len(), 3, "on {}: {still:?}", bin.major);
    assert!(!still.contains(&left[0]), "{still:?}");
    send(other.id(), Signal::SIGTERM);
    other.wait_with_output().unwrap();
    eventually("the other one's is gone", || schemas(&db).len() == 2);
}
on_every_server!(what_all_of_them_left_behind_the_next_one_drops_and_nothing_that_is_in_use);

/// Another demonstration beside what is there.
#[cfg(target_os = "linux")]
fn begun_beside(db: &Db) -> Child {
    let before = schemas(db).len();
    let mut command = pgkit(db);
    command.args(["locks", "demo", "--hold", "20s"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It has dropped what was left, and made its own.
    eventually("it has begun", || {
        schemas(db).len() == before
            && db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pgkit locks demo %'") == "2"
    });
    child
}

#[test]
fn when_the_server_restarts_under_it_the_schema_goes_all_the_same() {
    use pgkit::sandbox::Stop;
    for bin in bins() {
        let mut server = own_server(&options(bin));
        let db = Db::existing(server.info(), "postgres");
        for how in [Stop::Fast, Stop::Immediate] {
            let child = begun(&db);
            server.restart(how).unwrap();
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(69), "on {}: {stderr}", bin.major);
            is_gone(&db);
        }
    }
}

fn who_may_not_make_a_schema_is_told_what_it_needs(bin: &Binaries) {
    let db = database(server(bin).info(), "rights");
    let role = format!("demo_{}_{}", bin.major, std::process::id());
    db.sql(&format!("CREATE ROLE {role} LOGIN"));
    let demo = || run(pgkit(&db).env("PGUSER", &role).args(["locks", "demo", "--hold", "10ms"]));
    let output = demo();
    assert_eq!((output.code, output.stdout.as_str()), (Some(77), ""), "{}", output.snapshot());
    let grant = format!("hint: GRANT CREATE ON DATABASE \"{}\" TO \"{role}\"\n", db.name);
    assert!(output.stderr.contains(&grant) && output.stderr.contains("--sandbox"), "{}", output.stderr);
    db.sql(&format!("GRANT CREATE ON DATABASE \"{}\" TO {role}", db.name));
    assert_eq!(demo().code, Some(0));
    db.sql(&format!("REVOKE CREATE ON DATABASE \"{}\" FROM {role}; DROP ROLE {role}", db.name));
}
on_every_server!(who_may_not_make_a_schema_is_told_what_it_needs);

#[test]
fn in_a_sandbox_it_needs_no_server_and_leaves_no_file() {
    let place = tempfile::Builder::new().prefix("pgkit").tempdir_in(temp()).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let mut command = bare_pgkit();
    command.env("TMPDIR", place.path()).env("PGKIT_PG_BIN", &bin().dir);
    // What leads to other servers does not matter.
    command.env("PGHOST", "/nowhere").env("PGSERVICE", "production").env("PGUSER", "me");
    let output = run(command.args(["locks", "demo", "--sandbox", "--hold", "10ms", "-E"]));
    assert_eq!(output.lines().len(), 4 * 2 * 3, "{}", output.snapshot());
    for shown in
        ["CREATE SCHEMA \"pgkit_locks_demo_", "FOR UPDATE SKIP LOCKED\n****", "DROP SCHEMA IF EXISTS"]
    {
        assert!(output.stderr.contains(shown), "{shown}: {}", output.stderr);
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn wrong_usage_is_said_before_anything_is_made() {
    for (args, said) in [
        (&["--sessions", "1"][..], "1 is not in 2..=100"),
        (&["--hold", "3"], "invalid duration"),
        (&["--columns", "nonsense"], "columns: way, at_ms, session, pid, event, what, sqlstate, waited_ms"),
        (&["--sandbox", "-h", "x"], "leave out the connection flags"),
        (&["--bin-dir", "/x"], "--sandbox"),
        (&["--sandbox", "--bin-dir", "/nonexistent"], "/nonexistent"),
        (&["--format", "tree"], "cannot draw the rows of locks demo as a tree"),
        (&["--watch", "1"], "unexpected argument '--watch'"),
    ] {
        let output = run(bare_pgkit().env("PGHOST", "/nowhere").args(["locks", "demo"]).args(args));
        assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{args:?} {}", output.snapshot());
        assert!(output.stderr.contains(said), "{args:?} {}", output.stderr);
    }
    let before = run(bare_pgkit().args(["-h", "x", "locks", "demo", "--sandbox"]));
    assert_eq!(before.code, Some(64), "{}", before.snapshot());
    assert_eq!(run(bare_pgkit().env("PGHOST", "/nowhere").args(["locks", "demo"])).code, Some(69));
}

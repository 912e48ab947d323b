//! Following the log, reading files, and who may.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::*;

/// A follower that is ended, and what it printed.
struct Follower(Child, tempfile::NamedTempFile);

impl Follower {
    fn start(mut command: Command) -> Follower {
        let printed = tempfile::NamedTempFile::new().unwrap();
        command.stdout(printed.reopen().unwrap()).stderr(Stdio::null());
        Follower(command.spawn().unwrap(), printed)
    }

    fn printed(&self) -> String {
        std::fs::read_to_string(self.1.path()).unwrap()
    }

    fn end(mut self) -> String {
        kill(self.0.id().try_into().unwrap(), Signal::SIGINT);
        assert_eq!(self.0.wait().unwrap().code(), Some(130));
        self.printed()
    }
}

fn collected(format: &str) -> Options {
    options(bin())
        .conf("logging_collector", "on")
        .conf("log_destination", format)
        .conf("log_statement", "all")
        .conf("log_filename", "log-%H%M%S.log")
}

#[test]
fn a_follower_misses_nothing_and_repeats_nothing_through_rotation() {
    for format in ["stderr", "csvlog"] {
        let (_server, db) = server_with(&collected(format));
        let mut command = pgkit(&db);
        command.args(["log", "tail", "-f", "-n", "0", "--format", "jsonl", "--grep", "number"]);
        let follower = Follower::start(command);
        eventually("it follows", || {
            db.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgkit'") == "1"
        });
        std::thread::sleep(Duration::from_millis(500));
        let session = db.session();
        let mut sent = Vec::new();
        for rotation in 0..3 {
            for n in 0..40 {
                let sql = format!("SELECT 'number {rotation}-{n}\n'");
                session.sql(&sql);
                sent.push(sql);
            }
            // File names change with the second.
            std::thread::sleep(Duration::from_millis(1100));
            session.sql("SELECT pg_rotate_logfile()");
            // A rotation right after another, with next to nothing between.
            std::thread::sleep(Duration::from_millis(1100));
            session.sql("SELECT pg_rotate_logfile()");
        }
        session.sql("SELECT 'number last'");
        session.sql("SELECT 'number after last'");
        sent.push("SELECT 'number last'".to_owned());
        sent.push("SELECT 'number after last'".to_owned());
        eventually("all is read", || follower.printed().contains("after last"));
        let read: Vec<String> = follower
            .end()
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{e}: {line}"))
                        ["statement"]
                        .as_str()
                        .unwrap()
                        .to_owned()
            })
            .collect();
        assert_eq!(read, sent, "{format}");
    }
}

#[test]
fn a_follower_survives_a_restart_of_the_server() {
    let (mut server, db) = server_with(&collected("csvlog"));
    let mut command = pgkit(&db);
    command.args(["log", "tail", "-f", "-n", "0", "--grep", "needle"]);
    let follower = Follower::start(command);
    std::thread::sleep(Duration::from_secs(1));
    db.sql("SELECT 'needle 1'");
    eventually("the first is seen", || follower.printed().contains("needle 1"));
    server.restart(pgkit::sandbox::Stop::Fast).unwrap();
    db.sql("SELECT 'needle 2'");
    eventually("the second is seen", || follower.printed().contains("needle 2"));
    let all = follower.end();
    assert_eq!((all.matches("needle 1").count(), all.matches("needle 2").count()), (1, 1), "{all}");
}

#[test]
fn a_follower_learns_how_a_new_empty_file_is_read() {
    let plain = |n: u32| format!("2026-11-30 00:05:0{n}.123 UTC [12] ERROR:  boom{n}\n");
    let rfc_3164 = |n: u32| {
        format!(
            "Nov 30 00:05:0{n} db1 postgres[12]: [{n}-1] user=a,db=b,app=c,client=10.0.0.1 ERROR:  boom{n}\n"
        )
    };
    let lines: [&dyn Fn(u32) -> String; 2] = [&plain, &rfc_3164];
    for (line, is_empty) in lines.into_iter().flat_map(|line| [(line, true), (line, false)]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let add = |text: &str| {
            let mut file = std::fs::File::options().create(true).append(true).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        add(&if is_empty { String::new() } else { line(0) });
        let mut command = bare_pgkit();
        command.current_dir(folder.path()).args([
            "log",
            "tail",
            "-f",
            "a.log",
            "--errors",
            "--columns",
            "message",
        ]);
        let follower = Follower::start(command);
        let seen = |n: u32| eventually("it is seen", || follower.printed().contains(&format!("boom{n}\n")));
        std::thread::sleep(Duration::from_millis(500));
        if !is_empty {
            seen(0);
        }
        // Half a line is not enough to tell.
        let (half, rest) = (line(1)[..10].to_owned(), line(1)[10..].to_owned());
        add(&half);
        std::thread::sleep(Duration::from_millis(500));
        add(&rest);
        seen(1);
        // As logrotate does with create.
        std::fs::rename(&path, folder.path().join("a.log.1")).unwrap();
        add("");
        std::thread::sleep(Duration::from_millis(1500));
        add(&line(2));
        seen(2);
        // As logrotate does with copytruncate.
        std::fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        add(&line(3));
        seen(3);
        let all = follower.end();
        assert_eq!(all.lines().count(), if is_empty { 3 } else { 4 }, "{all}");
    }
}

#[test]
fn what_pgkit_sends_itself_does_not_flood_the_log() {
    let (_server, db) = server_with(&collected("stderr"));
    let mut command = pgkit(&db);
    command.args(["log", "tail", "-f"]);
    let follower = Follower::start(command);
    std::thread::sleep(Duration::from_secs(4));
    db.sql("SELECT 'needle'");
    eventually("it is seen", || follower.printed().contains("needle"));
    assert!(!follower.end().contains("/* pgkit */"));
    let folder = db.info.data_dir.join("log");
    let logged: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    // What it asks before it may be quiet, and no poll.
    assert!(logged.matches("/* pgkit */").count() <= 3, "{logged}");
}

fn a_role_that_may_not_is_shown_a_way_that_opens_the_log_and_nothing_else(bin: &Binaries) {
    let options = options(bin)
        .conf("logging_collector", "on")
        .conf("log_destination", "stderr,csvlog")
        .conf("log_statement", "all");
    let (_server, db) = server_with(&options);
    db.sql("CREATE ROLE \"on call\" LOGIN; CREATE ROLE other LOGIN");
    let tail = |role: &str| run(pgkit(&db).env("PGUSER", role).args(["log", "tail", "--grep", "needle"]));
    db.sql("SELECT 'needle'");
    let refused = tail("on call");
    // On its own machine root may read the file; elsewhere nobody could.
    if refused.code == Some(77) {
        assert!(
            refused.stderr.contains("pgkit log grants --role 'on call' | psql -d postgres"),
            "{}",
            refused.stderr
        );
    }
    let script = run(bare_pgkit().args(["log", "grants", "--role", "on call"]));
    assert_eq!(script.code, Some(0));
    for _ in 0..2 {
        let mut psql = psql(&db);
        psql.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = psql.spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.stdout.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
    let allowed = tail("on call");
    assert!(allowed.code == Some(0) && allowed.stdout.contains("SELECT 'needle'"), "{}", allowed.snapshot());
    let session = db.session_as("on call");
    let read = |file: &str| session.sql(&format!("SELECT pgkit.read_log('{file}', 0, 100)"))[0][0].clone();
    for file in ["../global/1260", "../PG_VERSION", "/etc/passwd", "PG_VERSION", "", "."] {
        assert_eq!(read(file), None, "{file}");
    }
    let name =
        session.sql("SELECT name FROM pgkit.log_files() ORDER BY size DESC LIMIT 1")[0][0].clone().unwrap();
    assert!(read(&name).is_some());
    assert!(session.try_sql("SELECT pg_read_binary_file('global/1260', 0, 100, true)").is_err());
    let other = db.session_as("other");
    assert!(other.try_sql(&format!("SELECT pgkit.read_log('{name}', 0, 100)")).is_err());
}
on_every_server!(a_role_that_may_not_is_shown_a_way_that_opens_the_log_and_nothing_else);

#[test]
fn functions_of_anybody_but_a_superuser_are_not_called() {
    let (_server, db) = server_with(&options(bin()).conf("logging_collector", "on"));
    db.sql("CREATE ROLE mallory; CREATE ROLE victim LOGIN; CREATE SCHEMA pgkit AUTHORIZATION mallory; CREATE TABLE called (a int); GRANT ALL ON called TO PUBLIC");
    let script = run(bare_pgkit().args(["log", "grants", "--role", "victim"])).stdout;
    let script = script
        .replace(
            "SELECT pg_catalog.pg_current_logfile($1)",
            "INSERT INTO public.called VALUES (1); SELECT 'x'::text",
        )
        .replace("STABLE SECURITY DEFINER", "SECURITY DEFINER")
        .replace("pg_catalog, pg_temp", "pg_catalog, public");
    let script = script.replace("CREATE SCHEMA IF NOT EXISTS pgkit;", "SET ROLE mallory;");
    db.sql(&script);
    let _ = run(pgkit(&db).env("PGUSER", "victim").args(["log", "tail"]));
    let _ = run(pgkit(&db).env("PGUSER", "victim").args(["log", "path"]));
    assert_eq!(db.value("SELECT count(*) FROM called"), "0");
}

/// A folder with log files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn tail_files(folder: &tempfile::TempDir, args: &[&str]) -> Output {
    run(bare_pgkit().current_dir(folder.path()).args(["log", "tail"]).args(args))
}

const DEFAULT: &str = "2026-11-24 06:24:50.123 UTC [12] LOG:  statement: SELECT 1\n\
                       2026-11-24 06:24:51.123 UTC [13] ERROR:  relation \"x\" does not exist at character 15\n\
                       2026-11-24 06:24:51.123 UTC [13] STATEMENT:  SELECT * FROM x\n\
                       2026-11-24 06:24:52.123 UTC [13] LOG:  duration: 12.5 ms\n";

#[test]
fn files_are_read_without_a_server() {
    let folder = folder(&[("a.log", DEFAULT), ("empty.log", ""), ("noise.log", "hello\nworld\n")]);
    let output = tail_files(&folder, &["a.log", "--columns", "time,pid,severity,message,statement"]);
    assert_eq!(
        output.lines(),
        [
            "2026-11-24T06:24:50.123Z\t12\tLOG\tstatement\tSELECT 1",
            "2026-11-24T06:24:51.123Z\t13\tERROR\trelation \"x\" does not exist\tSELECT * FROM x",
            "2026-11-24T06:24:52.123Z\t13\tLOG\tduration\t"
        ]
    );
    let count = |args: &[&str]| tail_files(&folder, args).lines().len();
    assert_eq!(count(&["a.log", "a.log", "empty.log"]), 6);
    assert_eq!(count(&["empty.log"]), 0);
    assert_eq!(count(&["a.log", "--min-duration", "12ms"]), 1);
    assert_eq!(count(&["a.log", "-n", "2"]), 2);
    assert_eq!(count(&["a.log", "a.log", "-n", "4"]), 4);
    assert_eq!(count(&["a.log", "--errors"]), 1);
    let mut stdin = bare_pgkit();
    stdin
        .args(["log", "tail", "-", "--errors"])
        .stdin(std::fs::File::open(folder.path().join("a.log")).unwrap());
    assert_eq!(run(&mut stdin).lines().len(), 1);
    let piped = run(Command::new("sh").current_dir(folder.path()).args([
        "-c",
        &format!("cat a.log | {PGKIT} log tail - | head -1; {PGKIT} log tail a.log | head -n 1"),
    ]));
    assert_eq!(piped.lines().len(), 2, "{}", piped.snapshot());
    for (args, code) in [
        (&["none.log"][..], 74),
        (&["."], 65),
        (&["noise.log"], 65),
        (&["a.log", "--grep", "("], 65),
        (&["a.log", "--timezone", "Mars"], 64),
    ] {
        let output = tail_files(&folder, args);
        assert_eq!(output.code, Some(code), "{args:?}\n{}", output.snapshot());
        assert_eq!(output.stdout, "", "{args:?}");
    }
}

#[test]
fn what_is_no_file_is_refused_at_once_and_named() {
    let folder = folder(&[("a.log", DEFAULT)]);
    let path = |name: &str| folder.path().join(name);
    nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    for (name, target) in [("link", "a.log"), ("to_fifo", "fifo")] {
        std::os::unix::fs::symlink(target, path(name)).unwrap();
    }
    for (file, what) in [
        ("fifo", "fifo is a named pipe, not a log file"),
        ("to_fifo", "to_fifo is a named pipe, not a log file"),
        ("socket", "socket is a socket, not a log file"),
        (".", ". is a directory, not a log file"),
        ("/dev/zero", "/dev/zero is a device, not a log file"),
        ("/dev/ptmx", "/dev/ptmx is a device, not a log file"),
    ] {
        for args in [&[file][..], &["-f", file], &["-n", "3", file]] {
            let begun = std::time::Instant::now();
            let mut command = Command::new("/usr/bin/timeout");
            command.current_dir(folder.path()).env_clear().args(["10", PGKIT, "log", "tail"]).args(args);
            let output = run(&mut command);
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (Some(65), ""),
                "{args:?} {}",
                output.snapshot()
            );
            assert!(output.stderr.starts_with(&format!("pgkit: {what}\n")), "{args:?} {}", output.stderr);
            assert!(begun.elapsed() < Duration::from_secs(5), "{args:?}");
        }
    }
    // The user's own link leads where they want.
    assert_eq!(tail_files(&folder, &["link"]).lines().len(), 3);
}

#[test]
fn standard_input_is_read_if_it_can_end() {
    let folder = folder(&[("a.log", DEFAULT)]);
    for name in ["-", "/dev/stdin", "/dev/fd/0"] {
        let mut shell = Command::new("sh");
        shell.current_dir(folder.path()).args(["-c", &format!("cat a.log | {PGKIT} log tail {name}")]);
        assert_eq!(run(&mut shell).lines().len(), 3, "{name}");
        let open = |path: &Path| std::fs::File::open(path).unwrap();
        let tail = |stdin: std::fs::File| run(bare_pgkit().args(["log", "tail", name]).stdin(stdin));
        assert_eq!(tail(open(&folder.path().join("a.log"))).lines().len(), 3, "{name}");
        assert_eq!(tail(open(Path::new("/dev/null"))).lines().len(), 0, "{name}");
        for (stdin, what) in [(Path::new("/dev/zero"), "a device"), (folder.path(), "a directory")] {
            let refused = tail(open(stdin));
            assert_eq!(refused.code, Some(65), "{name} {}", refused.snapshot());
            assert_eq!(refused.stderr, format!("pgkit: standard input is {what}, not a log\n"));
        }
        let (code, text) = pty::on_terminal(with(bare_pgkit(), ["log", "tail", name]), 30, 100);
        assert_eq!((code, text.as_str()), (Some(65), "pgkit: standard input is a terminal, not a log\n"));
    }
}

#[test]
fn a_log_that_the_server_points_elsewhere_is_not_opened() {
    let (_server, db) = server_with(&collected("stderr"));
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), DEFAULT).unwrap();
    db.sql("CREATE ROLE app LOGIN");
    // Only root or the server's own user may open its files here.
    let tail = || run(pgkit(&db).env("PGUSER", "app").args(["log", "tail", "--grep", "SELECT 1"]));
    db.sql("SELECT 1");
    let list = db.info.data_dir.join("current_logfiles");
    let honest = std::fs::read_to_string(&list).unwrap();
    if tail().code == Some(77) {
        return;
    }
    assert!(!tail().lines().is_empty());
    let named = honest.trim_end().split_once(' ').unwrap().1.to_owned();
    let file = db.info.data_dir.join(&named);
    for lie in
        [secret.path().display().to_string(), format!("log/../../../../../../..{}", secret.path().display())]
    {
        std::fs::write(&list, format!("stderr {lie}\n")).unwrap();
        let refused = tail();
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(77), ""), "{lie}: {}", refused.snapshot());
    }
    // By the right name, but another user's file, or a link.
    std::fs::write(&list, &honest).unwrap();
    std::fs::rename(&file, file.with_extension("old")).unwrap();
    std::os::unix::fs::symlink(secret.path(), &file).unwrap();
    assert_eq!(tail().code, Some(77));
    std::fs::remove_file(&file).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::fs::write(&file, DEFAULT).unwrap();
        assert_eq!(tail().code, Some(77));
        std::fs::remove_file(&file).unwrap();
    }
    // A pipe in place of the list itself keeps nobody waiting.
    std::fs::remove_file(&list).unwrap();
    nix::unistd::mkfifo(&list, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(tail().code, Some(77));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_question_that_the_log_cannot_answer_is_an_error_and_no_empty_answer() {
    let debian = DEFAULT.replace("] ", "] app@shop ");
    let folder =
        folder(&[("plain.log", DEFAULT), ("debian.log", &debian), ("statements.log", &DEFAULT[..59])]);
    for (args, flag) in [
        (&["plain.log", "--database", "shop"][..], "--database"),
        (&["plain.log", "--user", "app"], "--user"),
        (&["debian.log", "--app", "psql"], "--app"),
        (&["plain.log", "--line-prefix", "%m [%p] ", "--database", "shop"], "--database"),
        (&["statements.log", "--min-duration", "1s"], "--min-duration"),
    ] {
        let output = tail_files(&folder, args);
        assert_eq!(output.code, Some(65), "{args:?}\n{}", output.snapshot());
        assert!(output.stderr.contains(flag), "{}", output.stderr);
    }
    assert_eq!(tail_files(&folder, &["debian.log", "--database", "shop"]).lines().len(), 3);
    // That is an answer: nobody of this name.
    assert_eq!(tail_files(&folder, &["debian.log", "--database", "other"]).lines().len(), 0);
}

#[test]
fn a_time_that_may_be_anywhere_is_asked_for() {
    let folder = folder(&[("a.log", &DEFAULT.replace(" UTC ", " IST "))]);
    let output = tail_files(&folder, &["a.log"]);
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert!(output.stderr.contains("--timezone"), "{}", output.stderr);
    let output =
        tail_files(&folder, &["a.log", "--timezone", "Asia/Kolkata", "--columns", "time", "--limit", "1"]);
    assert_eq!(output.lines(), ["2026-11-24T00:54:50.123Z"]);
}

#[test]
fn a_log_that_is_nowhere_is_told_how_to_find() {
    let (_server, db) = server_with(&options(bin()).conf("log_destination", "syslog"));
    let output = log(&db, &["tail"]);
    assert_eq!(output.code, Some(74), "{}", output.snapshot());
    assert!(output.stderr.contains("hint: the log goes to syslog, facility local0"), "{}", output.stderr);
    let path = ok(&db, &["path", "--grep", "^log_file"]);
    assert!(path.stdout.contains("log_file\t\tthe log goes to syslog"), "{}", path.stdout);
    let on = ok(&db, &["on", "--for", "1h"]);
    assert!(on.stderr.contains("cannot enforce --max-size 1 GB"), "{}", on.stderr);
    ok(&db, &["off"]);
}

#[test]
fn the_path_of_the_log_is_the_one_it_is_written_to() {
    let (_server, db) = server_with(&collected("stderr,csvlog"));
    let path =
        |db: &Db| ok(db, &["path", "--grep", "^log_file\t", "--columns", "value"]).stdout.trim().to_owned();
    db.sql("SELECT 'a needle'");
    eventually("it is there", || {
        std::fs::read_to_string(path(&db)).is_ok_and(|text| text.contains("a needle"))
    });
    let (_server, db) = server_with(&options(bin()).conf("log_statement", "all"));
    db.sql("SELECT 'a needle'");
    assert_eq!(Path::new(&path(&db)), db.info.log_file);
    // Without rights nothing is wrong but what is hidden.
    db.sql("CREATE ROLE nobody LOGIN");
    let hidden = run(pgkit(&db).env("PGUSER", "nobody").args(["log", "path"]));
    assert!(
        hidden.code == Some(0) && hidden.stdout.contains("config_file\t\thidden from this role"),
        "{}",
        hidden.snapshot()
    );
}

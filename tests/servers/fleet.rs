//! One report, several servers.

use std::io::Read;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::support::pooler::{self, Pooler};

/// A port where connections are accepted and nothing is ever said.
struct Silent {
    port: u16,
    /// How many connections there were at once, at most.
    most: Arc<AtomicUsize>,
}

impl Silent {
    fn new() -> Silent {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = Silent { port: listener.local_addr().unwrap().port(), most: Arc::default() };
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&silent.most));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                open.fetch_add(1, Ordering::SeqCst);
                let (counted, most) = (Arc::clone(&open), Arc::clone(&most));
                // Until then the end of an earlier one has been noticed here.
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(500));
                    most.fetch_max(counted.load(Ordering::SeqCst), Ordering::SeqCst);
                });
                let open = Arc::clone(&open);
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        silent
    }
}

/// A port where nobody listens.
fn refused() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn every_report_gives_the_rows_of_each_server_with_its_name_before_them() {
    let fleet = Fleet::new("each", 2);
    for (db, i) in fleet.dbs.iter().zip(1..) {
        db.sql(&format!("CREATE TABLE \"t\t{i}\" (x int PRIMARY KEY); CREATE TABLE same ()"));
    }
    let mut compared = 0;
    for report in server_reports() {
        let line = line_of(&report, "same");
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let heads = ["--header", "--limit", "0"];
        let one = fleet.pgkit(&[&line[..], &heads, &["--service", "s1"]].concat());
        let two = fleet.pgkit(&[&line[..], &heads, &["--service", "s1,s2"]].concat());
        if one.code != Some(0) {
            assert!(needs_extension(&report) || report.columns.is_empty(), "{}", one.snapshot());
            assert_eq!(two.code, one.code, "{}", two.snapshot());
            continue;
        }
        assert_eq!(two.lines(), [format!("server\t{}", one.stdout.trim_end())], "{}", report.name);
        let moves = MOVING.contains(&report.name.as_str()) || report.order.is_some();
        if moves || ["settings", "roles", "grants", "exposed", "buffers"].contains(&report.name.as_str()) {
            continue;
        }
        let two = fleet.pgkit(&[&line[..], &["--service", "s1,s2"]].concat());
        let expected = fleet.one_by_one(&["s1", "s2"], &line);
        assert_eq!((two.code, &two.stdout), (Some(0), &expected), "{}: {}", report.name, two.stderr);
        compared += usize::from(!expected.is_empty());
    }
    assert!(compared > 5, "only {compared} reports were compared");
}

#[test]
fn rows_are_sorted_limited_and_formatted_together() {
    let fleet = Fleet::new("merge", 3);
    for (db, i) in fleet.dbs.iter().zip(1..) {
        db.sql(&format!(
            "CREATE TABLE a{i} AS SELECT generate_series(1, {}) x; CREATE TABLE b ()",
            2000 * ((i + 1) % 3 + 1)
        ));
    }
    let sorted = fleet.pgkit(&["sizes", "--service", "s1,s2,s3", "--sort", "total:desc", "--limit", "4"]);
    let mut totals: Vec<i64> = column(&sorted, 9).iter().map(|total| total.parse().unwrap()).collect();
    assert_eq!(totals.len(), 4, "{}", sorted.snapshot());
    assert_eq!(column(&sorted, 0)[..3], ["s1", "s3", "s2"], "{}", sorted.snapshot());
    totals.reverse();
    assert!(totals.is_sorted());
    // Without a sort, the limit takes the servers in the order in which they were named.
    let limited =
        fleet.pgkit(&["relations", "--service", "s3,s1,s2", "--limit", "3", "--columns", "server,name"]);
    assert_eq!(limited.lines(), ["s3\ta3", "s3\tb", "s1\ta1"]);
    let named =
        fleet.pgkit(&["relations", "--service", "s2,s1,s2,", "--grep", "\tb\t", "--columns", "server"]);
    assert_eq!(named.lines(), ["s2", "s1"], "each server once");
    let twice = fleet.pgkit(&[
        "relations",
        "--service",
        "s2",
        "--service",
        "s1",
        "--grep",
        "\tb\t",
        "--columns",
        "server",
    ]);
    assert_eq!(twice.lines(), ["s2", "s1"], "lists add up");
    let all = fleet.pgkit(&["relations", "--service", "all", "--grep", "^s2"]);
    assert_eq!(all.lines().len(), 2);
    let none = fleet.pgkit(&["relations", "--service", "all", "--limit", "0"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""));
    for format in formats().iter().filter(|format| !["tree", "sections"].contains(&format.as_str())) {
        let shown = fleet.pgkit(&["relations", "--service", "s1,s2", "--format", format]);
        assert!(
            shown.code == Some(0) && shown.stdout.contains("s2") && shown.stdout.contains("a2"),
            "{format}"
        );
    }
    let json = fleet.pgkit(&["relations", "b", "--service", "s1,s2", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rows.iter().map(|row| row["server"].as_str().unwrap()).collect::<Vec<_>>(), ["s1", "s2"]);
    // A name that is in one of them only is not there in the other.
    let missing = fleet.pgkit(&["relations", "a1", "--service", "s1,s2,s3"]);
    assert_eq!(column(&missing, 2), ["a1"]);
    assert!(
        said(&missing)[0].starts_with("pgkit: s2, s3: relations: nothing matches"),
        "{}",
        missing.snapshot()
    );
    let head = run(Command::new("bash")
        .args(["-c", "set -o pipefail; \"$0\" relations --service all | head -1"])
        .arg(env!("CARGO_BIN_EXE_pgkit"))
        .current_dir(fleet.folder.path())
        .env("PGSERVICEFILE", fleet.path("services")));
    assert_eq!((head.code, head.stdout.lines().count(), head.stderr.as_str()), (Some(0), 1, ""));
}

#[test]
fn a_server_that_fails_is_one_line_and_the_rest_goes_on() {
    let fleet = Fleet::new("fail", 3);
    let gone = fleet.conninfo(&fleet.dbs[0]).replace(&fleet.dbs[0].name, "is_not_there");
    fleet.service("gone", &gone);
    fleet.service("refused", &format!("host=127.0.0.1 port={}", refused()));
    let some = fleet.pgkit(&["relations", "--service", "s1,gone,refused,s2", "--system", "--limit", "1000"]);
    assert_eq!(some.code, Some(69), "{}", some.snapshot());
    assert_eq!(said(&some).len(), 2, "{}", some.stderr);
    assert!(said(&some)[0].starts_with("pgkit: gone: connection to server on socket "), "{}", some.stderr);
    assert!(
        said(&some)[1].starts_with("pgkit: refused: connection to server at \"127.0.0.1\""),
        "{}",
        some.stderr
    );
    let mut servers = column(&some, 0);
    servers.dedup();
    assert_eq!(servers, ["s1", "s2"]);
    // The second row of one server cannot be computed: none of its rows is printed.
    fleet.write(
        "half.sql",
        "-- Fails in one database.\n--\n-- columns = [\"n int4\"]\nSELECT n FROM public.numbers\n",
    );
    for (db, i) in fleet.dbs.iter().zip(0..) {
        let fails = if i == 1 { "CASE WHEN n = 1 THEN 1 / (n - 1) ELSE n END" } else { "n" };
        db.sql(&format!("CREATE VIEW numbers AS SELECT {fails} AS n FROM generate_series(3, 1, -1) n"));
    }
    let half = fleet.pgkit(&["run", "half", "--service", "s1,s2,s3"]);
    assert_eq!(column(&half, 0), ["s1", "s1", "s1", "s3", "s3", "s3"], "{}", half.snapshot());
    assert_eq!(said(&half).len(), 1, "{}", half.stderr);
    assert!(half.code != Some(0) && half.stderr.starts_with("pgkit: s2: "), "{}", half.snapshot());
    // Its columns are those of the first server that answers.
    fleet.write("free.sql", "-- Any columns.\n--\nSELECT * FROM public.numbers\n");
    let free = fleet.pgkit(&["run", "free", "--service", "refused,s1,s3", "--header"]);
    assert_eq!(free.stdout.lines().next(), Some("server\tn"), "{}", free.snapshot());
    assert_eq!((free.code, column(&free, 0).len()), (Some(69), 7));
    // If all fail there is no answer, not even an empty one.
    for format in ["--json", "--csv"] {
        let none = fleet.pgkit(&["relations", "--service", "gone,refused", format]);
        assert_eq!((none.code, none.stdout.as_str()), (Some(69), ""), "{}", none.snapshot());
    }
    // A limit that is reached before the server that fails: it is not asked for.
    for _ in 0..5 {
        let limited = fleet.pgkit(&["relations", "--service", "s1,s2,refused", "--limit", "1"]);
        assert_eq!((limited.code, limited.stderr.as_str()), (Some(0), ""), "{}", limited.snapshot());
    }
}

#[test]
fn what_does_not_fit_several_servers_is_refused_before_anything_is_asked() {
    let fleet = Fleet::new("refuse", 1);
    fleet.write("one", "a host=/nowhere\n");
    fleet.write("bad", "a host=/nowhere\nb hots=1\n");
    for (args, code, word) in [
        (&["relations", "--service", "s1,nope"][..], 64, "nope: definition of service \"nope\" not found"),
        (&["relations", "--service", "@prod"], 64, "unknown group \"@prod\""),
        (&["relations", "--service", ","], 64, "names no server"),
        (&["relations", "--service", ""], 64, "definition of service \"\" not found"),
        (&["relations", "--from", "-,-"], 64, "--from names stdin twice"),
        (&["relations", "--service", "s1,s1", "-h", "db1"], 64, "-h cannot be used with several servers"),
        (&["relations", "--service", "s1,s1", "-d", "host=db1"], 64, "-d takes only the name of a database"),
        (
            &["relations", "--service", "s1", "--servers", "one"],
            64,
            "--service cannot be used with --servers",
        ),
        (&["relations", "--service", "s1,", "--sql"], 64, "--sql cannot be used with several servers"),
        (&["relations", "--servers", "missing"], 74, "could not read missing"),
        (&["relations", "--servers", "bad"], 65, "bad, line 2: invalid connection option \"hots\""),
        (&["settings", "--service", "s1,", "--all-databases"], 64, "same answer in every database"),
        (&["relations", "--service", "s1,", "--parallel", "0"], 64, "--parallel"),
        (&["relations", "--service", "s1", "--from", "x.snap"], 64, "--service cannot be used with --from"),
        (&["relations", "--servers", "one", "--from", "x.snap"], 64, "--servers cannot be used with --from"),
    ] {
        let refused = fleet.pgkit(args);
        assert_eq!(refused.code, Some(code), "{args:?}: {}", refused.snapshot());
        assert!(
            refused.stderr.contains(word) && refused.stdout.is_empty(),
            "{args:?}: {}",
            refused.snapshot()
        );
    }
    // Commands that are no reports.
    for line in [
        "snapshot",
        "waits",
        "log status",
        "log on",
        "locks cancel 1",
        "cancel 1",
        "terminate 1",
        "jobs init",
        "upgrade-check",
    ] {
        let args: Vec<&str> = line.split(' ').chain(["--service", "s1,s1"]).collect();
        let refused = fleet.pgkit(&args);
        assert_eq!(refused.code, Some(64), "{line}: {}", refused.snapshot());
        assert!(
            refused.stderr.contains("--service: this command works on one server"),
            "{line}: {}",
            refused.stderr
        );
    }
}

#[test]
fn all_databases_of_several_servers() {
    let info = server(bin()).info();
    let fleet = Fleet::on(info, "every", 2);
    for db in &fleet.dbs {
        db.sql("CREATE TABLE only_here ()");
    }
    let flags = [
        "relations",
        "only_here",
        "--all-databases",
        "--service",
        "s1,s2",
        "--columns",
        "server,database,name",
    ];
    let found = fleet.pgkit(&flags);
    let names: Vec<&str> = fleet.dbs.iter().map(|db| db.name.as_str()).collect();
    let expected: Vec<String> = ["s1", "s2"]
        .iter()
        .flat_map(|server| names.iter().map(move |name| format!("{server}\t{name}\tonly_here")))
        .collect();
    // Databases of other tests come and go meanwhile.
    let lines: Vec<&str> =
        found.stdout.lines().filter(|line| names.iter().any(|name| line.contains(name))).collect();
    assert_eq!(lines, expected, "{}", found.snapshot());
    // Other tests have databases that let nobody in, so template0 may not be the only one.
    let skipped = found
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("pgkit: s1, s2: cannot connect, skipped: "))
        .unwrap_or_else(|| panic!("no line about what was skipped: {}", found.snapshot()));
    assert!(skipped.split(", ").any(|name| name == "template0"), "{skipped}");
}

#[test]
fn watch_asks_all_servers_again_and_a_server_that_fails_does_not_end_it() {
    let fleet = Fleet::new("watch", 2);
    fleet.service("refused", &format!("host=127.0.0.1 port={}", refused()));
    fleet.dbs[0].sql("CREATE TABLE a ()");
    fleet.dbs[1].sql("CREATE TABLE b ()");
    let mut command = fleet.command(&[
        "relations",
        "--service",
        "s1,refused,s2",
        "--watch",
        "0.2",
        "--columns",
        "server,name",
    ]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut text = Vec::new();
    let mut stdout = child.stdout.take().unwrap();
    let mut chunk = [0; 512];
    while text.iter().filter(|byte| **byte == b'\n').count() < 6 {
        let n = stdout.read(&mut chunk).unwrap();
        assert!(n > 0, "it ended: {}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&chunk[..n]);
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().try_into().unwrap()),
        nix::sys::signal::SIGTERM,
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let lines: Vec<String> = String::from_utf8(text).unwrap().lines().take(6).map(str::to_owned).collect();
    assert_eq!(lines, ["s1\ta", "s2\tb", "s1\ta", "s2\tb", "s1\ta", "s2\tb"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("pgkit: refused: connection to server").count(), 1, "{said}");
}

#[test]
fn servers_that_do_not_answer_keep_no_other_waiting_and_get_no_more_connections_than_allowed() {
    let fleet = Fleet::new("silent", 4);
    let silent: Vec<Silent> = (0..9).map(|_| Silent::new()).collect();
    let crowded = Silent::new();
    let mut list = String::new();
    for (silent, i) in silent.iter().zip(1..) {
        list.push_str(&format!("silent{i} host=127.0.0.1 port={} connect_timeout=6\n", silent.port));
    }
    for i in 1..=6 {
        list.push_str(&format!(
            "crowded{i} host=127.0.0.1 port={} connect_timeout=2 dbname=d{i}\n",
            crowded.port
        ));
    }
    for (db, i) in fleet.dbs.iter().zip(1..) {
        list.push_str(&format!("s{i} {}\n", fleet.conninfo(db)));
    }
    fleet.write("list", &list);
    for db in &fleet.dbs {
        db.sql("CREATE TABLE here ()");
    }
    let start = Instant::now();
    let found = fleet.pgkit(&["relations", "--servers", "list", "--parallel", "2"]);
    let took = start.elapsed();
    assert_eq!(column(&found, 0), ["s1", "s2", "s3", "s4"], "{}", found.snapshot());
    assert_eq!((found.code, said(&found).len()), (Some(69), 15), "{}", found.snapshot());
    assert!(said(&found).iter().all(|line| line.ends_with("failed: timeout expired")), "{}", found.stderr);
    // If each silent server kept its slot until its timeout, the nine would take 27 s, two at a time.
    assert!(took < Duration::from_secs(24), "{took:?}");
    assert_eq!(crowded.most.load(Ordering::SeqCst), 2, "connections to one place at once");
}

#[test]
fn forty_databases_behind_one_pooler() {
    let Some(program) = pooler::program() else { return };
    let behind = db("pooled");
    let pooler = Pooler::for_all(&program, &behind);
    let fleet = Fleet::on(&behind.info, "pool", 40);
    let mut list = String::new();
    for (db, i) in fleet.dbs.iter().zip(1..) {
        db.sql(&format!("CREATE TABLE t{i} ()"));
        let through = Db::existing(&pooler.db.info, &db.name);
        list.push_str(&format!("p{i} {}\n", fleet.conninfo(&through)));
    }
    let (silent, refused) = ([Silent::new(), Silent::new()], refused());
    for (silent, i) in silent.iter().zip(1..) {
        list.push_str(&format!("silent{i} host=127.0.0.1 port={}\n", silent.port));
    }
    list.push_str(&format!("refused host=127.0.0.1 port={refused}\n"));
    fleet.write("list", &list);
    // How many clients the pooler has at once, as its console says.
    let most = Arc::new(Mutex::new(0));
    let is_over = Arc::new(AtomicUsize::new(0));
    let watcher = std::thread::spawn({
        let (most, is_over) = (Arc::clone(&most), Arc::clone(&is_over));
        let info = pooler.db.info.clone();
        move || {
            while is_over.load(Ordering::SeqCst) == 0 {
                let clients = run(pgkit(&Db::existing(&info, "pgbouncer")).args(["pools", "--json"]));
                let rows: Vec<serde_json::Value> = serde_json::from_str(&clients.stdout).unwrap_or_default();
                let number = |row: &serde_json::Value, name: &str| row[name].as_i64().unwrap_or_default();
                let clients = rows.iter().filter(|row| row["database"] != "pgbouncer");
                let now: i64 =
                    clients.map(|row| number(row, "clients_active") + number(row, "clients_waiting")).sum();
                let mut most = most.lock().unwrap();
                *most = now.max(*most);
            }
        }
    });
    let mut command =
        fleet.command(&["relations", "--servers", "list", "--parallel", "4", "--columns", "server,name"]);
    let found = run(command.env("PGCONNECT_TIMEOUT", "5"));
    is_over.store(1, Ordering::SeqCst);
    watcher.join().unwrap();
    let expected: Vec<String> = (1..=40).map(|i| format!("p{i}\tt{i}")).collect();
    assert_eq!(found.stdout.lines().collect::<Vec<_>>(), expected, "{}", found.snapshot());
    assert_eq!((found.code, said(&found).len()), (Some(69), 3), "{}", found.snapshot());
    assert!(*most.lock().unwrap() <= 4, "{} clients at once", most.lock().unwrap());
}

#[test]
fn an_observer_judges_each_server_by_itself() {
    let fleet = Fleet::new("judge", 2);
    fleet.dbs[1].sql("CREATE TABLE t AS SELECT 1 AS x");
    for service in ["s1", "s2"] {
        let file = format!("{service}.snap");
        let taken = fleet.pgkit(&["snapshot", "-q", "-o", &file, "locks", "--service", service]);
        assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    }
    let holder = fleet.dbs[1].session();
    holder.sql("BEGIN; UPDATE t SET x = 2");
    let waiter = fleet.dbs[1].session();
    let pid = waiter.pid();
    let waiting = waiter.send("UPDATE t SET x = 3");
    eventually("it waits", || {
        fleet.dbs[1]
            .value(&format!("SELECT coalesce(wait_event_type, '') FROM pg_stat_activity WHERE pid = {pid}"))
            == "Lock"
    });
    std::thread::sleep(Duration::from_millis(1100));
    let found = fleet.pgkit(&["locks", "--service", "s1,s2", "--fail-after", "1s"]);
    assert_eq!(found.code, Some(1), "{}", found.snapshot());
    assert!(found.stdout.contains(&pid.to_string()), "{}", found.snapshot());
    // It sees the rows themselves, not how they differ from earlier ones.
    let flags = [
        "locks",
        "--service",
        "s1,s2",
        "--fail-after",
        "1s",
        "--against",
        "s1.snap",
        "--columns",
        "server,status,pid",
    ];
    let differs = fleet.pgkit(&flags);
    assert_eq!(differs.code, Some(1), "{}", differs.snapshot());
    assert!(differs.stdout.contains(&format!("s2\tnew\t{pid}\n")), "{}", differs.snapshot());
    let gone = format!("host=127.0.0.1 port={}", refused());
    fleet.service("refused", &gone);
    let (code, shown) = pty::on_terminal(fleet.command(&["locks", "--service", "refused,"]), 24, 100);
    assert!(code == Some(69) && !shown.contains("no session waits"), "{shown}");
    drop(holder);
    let _ = waiting.join();
}

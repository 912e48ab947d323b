//! The report on the pools of a PgBouncer, which PgBouncer's console answers.

use std::process::{Child, Stdio};

use pooler::{Pooler, program};

use crate::support::*;

/// Clients of a pooler, each with a statement that runs as long as the test.
struct Clients(Vec<Child>);

impl Clients {
    fn start(db: &Db, count: usize) -> Clients {
        let client = |_| {
            let mut command = psql(db);
            command.args(["-c", "SELECT pg_sleep(120)"]).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        Clients((0..count).map(client).collect())
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn rows(pooler: &Pooler, args: &[&str]) -> Vec<Vec<String>> {
    let output = run(pgkit(&pooler.db).arg("pools").args(args));
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.snapshot());
    output.lines().iter().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn the_clients_and_servers_of_a_pool_are_counted_and_who_waits_comes_first() {
    let Some(program) = program() else { return };
    let direct = db("pools");
    // It keeps one session with the server.
    let pooler = Pooler::start(&program, &direct, "transaction");
    // So far there is only the pool of the console itself, which is not shown.
    assert_eq!(rows(&pooler, &[]), Vec::<Vec<String>>::new());
    let _clients = Clients::start(&pooler.db, 3);
    let asked = ["--columns", "database,user,pool_mode,clients_active,clients_waiting,servers_active"];
    let user = direct.info.user.as_str();
    let expected = [direct.name.as_str(), user, "transaction", "1", "2", "1"];
    eventually("one client is served and two wait", || rows(&pooler, &asked) == [expected]);

    let wait = || rows(&pooler, &["--columns", "max_wait_s"])[0][0].parse::<f64>().unwrap();
    let before = wait();
    eventually("the wait grows", || wait() > before);

    // It has the flags of every report.
    let json = run(pgkit(&pooler.db).args(["pools", "--json", "--grep", "transaction", "--limit", "1"]));
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json[0]["clients_waiting"], 2);
    assert!(json[0]["max_wait_s"].is_number(), "{json}");
    let echo = run(pgkit(&pooler.db).args(["pools", "-E"]));
    assert!(echo.stderr.contains("SHOW POOLS"), "{}", echo.snapshot());
    let mut series = std::process::Command::new("sh");
    series.env_clear().envs(pooler.db.info.env()).env("PATH", "/usr/bin:/bin");
    let series = run(series.arg("-c").arg(format!("{PGKIT} pools --watch 0.2 | head -n 3")));
    assert_eq!(series.lines().len(), 3, "{}", series.snapshot());
    // It connects to the console whatever database is named, and without settings that the console refuses.
    let mut elsewhere = pgkit(&pooler.db);
    elsewhere.env("PGOPTIONS", "-c geqo=off").args(["pools", "-d", &direct.name, "--columns", "database"]);
    assert_eq!(run(&mut elsewhere).lines(), [direct.name.as_str()]);
}

#[test]
fn a_server_is_not_taken_for_a_pooler() {
    let direct = db("no_pooler");
    let output = run(pgkit(&direct).arg("pools"));
    assert_eq!((output.code, output.stdout.as_str()), (Some(69), ""), "{}", output.snapshot());
    assert!(output.stderr.contains("this is a server itself"), "{}", output.stderr);
    // Not even if the server has a database of that name.
    let server = own_server(&options(bin()));
    let named = Db::existing(server.info(), "postgres");
    named.sql("CREATE DATABASE pgbouncer");
    let output = run(pgkit(&named).arg("pools"));
    assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{}", output.snapshot());
    assert!(output.stderr.contains("is not PgBouncer's admin console"), "{}", output.stderr);
    let refused = run(pgkit(&direct).args(["pools", "--all-databases"]));
    assert_eq!(refused.code, Some(64), "{}", refused.snapshot());
}

#[test]
fn who_may_not_ask_the_console_is_told_which_users_may() {
    let Some(program) = program() else { return };
    let pooler = Pooler::with_authentication(&program, &db("pools_of_others"), "session", "trust");
    assert_eq!(rows(&pooler, &[]), Vec::<Vec<String>>::new());
    let output = run(pgkit(&pooler.db).args(["pools", "-U", "stranger"]));
    assert_eq!((output.code, output.stdout.as_str()), (Some(69), ""), "{}", output.snapshot());
    assert!(output.stderr.contains("hint: the console takes users of admin_users"), "{}", output.stderr);
}

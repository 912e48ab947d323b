//! `pgkit locks` and the commands below it, as processes against real servers.

mod by_filter;
mod demos;
mod forest;
mod queues;
mod signals;
mod snapshots;
mod watched;

use std::collections::BTreeMap;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::support::*;
use pgkit::sandbox::{Binaries, Server};

/// A session of this role with this application name, and its pid.
fn named(db: &Db, role: &str, name: &str) -> (Session, String) {
    let session = db.session_as(role);
    session.sql(&format!("SET application_name = '{name}'"));
    let pid = session.pid().to_string();
    (session, pid)
}

fn lives(session: &Session) -> bool {
    session.try_sql("SELECT 1").is_ok()
}

/// Runs it on a terminal, with this typed when it asks, after something that happens meanwhile; its exit code and what the
/// terminal showed.
fn typed(db: &Db, args: &str, keys: &str, meanwhile: &dyn Fn()) -> (Option<i32>, String) {
    let mut script = Command::new("script");
    let ours = pgkit(db);
    script.env_clear().envs(ours.get_envs().filter_map(|(k, v)| v.map(|v| (k, v))));
    script.args(["-qec", &format!("{PGKIT} {args} --color never"), "/dev/null"]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut chunk = [0; 1024];
    let mut answered = false;
    while let Ok(n @ 1..) = stdout.read(&mut chunk) {
        shown.extend_from_slice(&chunk[..n]);
        // A person answers when asked.
        if !answered && shown.ends_with(b"[y/N] ") {
            meanwhile();
            stdin.write_all(keys.as_bytes()).unwrap();
            stdin.flush().unwrap();
            answered = true;
        }
    }
    (child.wait().unwrap().code(), String::from_utf8(shown).unwrap())
}

/// A server of one test's own: all that waits on it waits in that test. Nobody breaks its deadlocks.
struct Scene {
    server: Server,
    /// Sessions in a transaction or with a session's locks, which live as long as this.
    holders: Vec<Session>,
    waiting: usize,
}

impl Scene {
    fn new(bin: &Binaries) -> Scene {
        let options = options(bin).conf("deadlock_timeout", "1h").conf("max_connections", "600");
        Scene { server: own_server(&options), holders: Vec::new(), waiting: 0 }
    }

    fn db(&self) -> Db {
        Db::existing(self.server.info(), "postgres")
    }

    fn session(&self, name: &str) -> Session {
        let session = self.db().session();
        session.sql(&format!("SET application_name = '{name}'"));
        session
    }

    /// A session that has run these statements, and waits for nobody. Its number.
    fn holder(&mut self, name: &str, sql: &str) -> i32 {
        let session = self.session(name);
        session.sql(sql);
        let pid = session.pid();
        self.holders.push(session);
        pid
    }

    /// A session that has run some statements, and now waits with another.
    fn waiter(&mut self, name: &str, before: &str, sql: &str) -> i32 {
        let session = self.session(name);
        session.sql(before);
        let pid = session.pid();
        self.waits(session, sql);
        pid
    }

    /// Sends what waits, and comes back when it does: so the order of a queue is known.
    fn waits(&mut self, session: Session, sql: &str) {
        self.all_wait(vec![session], sql);
    }

    /// Several who wait with the same statement, in whatever order.
    fn all_wait(&mut self, sessions: Vec<Session>, sql: &str) {
        self.waiting += sessions.len();
        for session in sessions {
            drop(session.send(sql));
        }
        let db = self.db();
        let expected = self.waiting.to_string();
        eventually(&format!("it waits: {sql}"), || {
            db.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == expected
        });
    }
}

/// A row of `pgkit locks --format jsonl`.
type Row = serde_json::Map<String, serde_json::Value>;

fn rows(output: &Output) -> Vec<Row> {
    output.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row[column].as_str().unwrap_or("")
}

fn number(row: &Row, column: &str) -> Option<f64> {
    row[column].as_f64()
}

/// The numbers of sessions and the names they bear in the test.
fn names(rows: &[Row]) -> BTreeMap<String, String> {
    let name = |row: &Row| match text(row, "application") {
        "" => text(row, "pid").to_owned(),
        name => name.to_owned(),
    };
    rows.iter().map(|row| (text(row, "pid").to_owned(), name(row))).collect()
}

/// The trees as text: a line a row, indented by its depth, with the names of waiter and blocker, the mode and the
/// object. In the order of their roots' names: by size and number they are ordered another way in every run.
fn trees(rows: &[Row]) -> Vec<String> {
    let names = names(rows);
    let transaction = regex::Regex::new(r"transaction [0-9]+").unwrap();
    let mut trees: Vec<String> = Vec::new();
    for row in rows {
        let depth = usize::try_from(row["depth"].as_u64().unwrap()).unwrap();
        let blocker = text(row, "blocker");
        let blocker = names.get(blocker).map_or(blocker, String::as_str);
        let waits = match text(row, "mode") {
            "" => String::new(),
            mode => {
                let object = transaction.replace(text(row, "object"), "transaction N");
                format!(" < {blocker}: {mode}, {object}")
            }
        };
        let line = format!("{}{}{waits}\n", "  ".repeat(depth), names[text(row, "pid")]);
        match trees.last_mut() {
            Some(tree) if depth > 0 => tree.push_str(&line),
            _ => trees.push(line),
        }
    }
    trees.sort();
    trees
}

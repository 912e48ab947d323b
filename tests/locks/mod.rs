//! `pgkit locks` and the commands below it, as processes against real servers.

mod by_filter;
mod demos;
mod forest;
mod queues;
mod signals;
mod snapshots;
mod watched;

use std::collections::BTreeMap;

use std::process::Command;

use crate::support::*;
use pgkit::sandbox::{Binaries, Server};

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

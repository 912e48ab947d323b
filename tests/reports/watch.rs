//! --watch: again and again.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use crate::support::*;

struct Watching {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(mut command: Command) -> Watching {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Watching { child, lines }
    }

    fn next(&mut self, n: usize) -> Vec<String> {
        self.lines.by_ref().take(n).map(Result::unwrap).collect()
    }

    /// Interrupts it and returns its code and stderr.
    fn interrupt(self) -> (Option<i32>, String) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        drop(self.lines);
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

fn small(name: &str) -> Db {
    let db = database(server(bin()).info(), name);
    db.sql("CREATE TABLE one (id int); CREATE TABLE two (id int)");
    db
}

#[test]
fn each_answer_is_appended_with_the_moment_it_was_given() {
    let db = small("appended");
    let start = Instant::now();
    let mut watching = Watching::start(with(pgkit(&db), ["relations", "--watch", "0.3"]));
    let rows: Vec<Row> = watching.next(6).iter().map(|line| tsv(line).remove(0)).collect();
    assert!(start.elapsed() >= Duration::from_millis(590), "{:?}", start.elapsed());
    let at: Vec<jiff::Timestamp> = rows.iter().map(|r| r[0].parse().unwrap()).collect();
    assert!(at[0] == at[1] && at[2] == at[3] && at[1] < at[2] && at[3] < at[4], "{rows:?}");
    let names: Vec<&str> = rows.iter().map(|r| r[2].as_str()).collect();
    assert_eq!(names, ["one", "two", "one", "two", "one", "two"]);
    assert_eq!(watching.interrupt(), (Some(130), String::new()));
}

#[test]
fn csv_has_one_head_and_json_one_array_a_line() {
    let db = small("formats");
    let mut csv = Watching::start(with(pgkit(&db), ["relations", "--watch", "0.1", "--csv"]));
    let lines = csv.next(7);
    assert_eq!(lines[0].trim_end(), "at,schema,name,kind,owner");
    assert_eq!(lines.iter().filter(|l| l.starts_with("at,")).count(), 1);
    assert_eq!(csv.interrupt().0, Some(130));

    let mut json = Watching::start(with(pgkit(&db), ["relations", "--watch", "0.1", "--json"]));
    for line in json.next(3) {
        let rows: Vec<serde_json::Value> = serde_json::from_str(&line).unwrap();
        assert_eq!(rows.len(), 2, "{line}");
        assert_eq!(rows[1]["name"], "two");
        assert!(rows[0]["at"].is_string());
    }
    assert_eq!(json.interrupt().0, Some(130));
}

#[test]
fn sort_and_limit_hold_for_each_answer_by_itself() {
    let db = small("sorted");
    let args = ["relations", "--watch", "0.1", "--sort", "name:desc", "--limit", "1", "--columns", "name"];
    let mut watching = Watching::start(with(pgkit(&db), args));
    assert_eq!(watching.next(3), ["two", "two", "two"]);
    assert_eq!(watching.interrupt().0, Some(130));
}

#[test]
fn each_answer_is_a_new_transaction() {
    let db = small("fresh");
    let mut watching =
        Watching::start(with(pgkit(&db), ["relations", "--watch", "0.2", "--columns", "name", "-q"]));
    assert_eq!(watching.next(2), ["one", "two"]);
    db.sql("CREATE TABLE three (id int)");
    // At the latest the answer after the next has it.
    assert!(watching.next(8).contains(&"three".to_owned()));
    assert_eq!(watching.interrupt().0, Some(130));
}

#[test]
fn a_connection_that_is_lost_is_opened_again() {
    let db = small("lost");
    let mut watching =
        Watching::start(with(pgkit(&db), ["relations", "--watch", "0.2", "--columns", "name"]));
    assert_eq!(watching.next(2), ["one", "two"]);
    let ended = db.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgkit' AND datname = '{}'",
        db.name
    ));
    assert_eq!(ended.len(), 1);
    assert_eq!(watching.next(4).len(), 4);
    assert_eq!(watching.interrupt().0, Some(130));
}

#[test]
fn a_reader_that_is_gone_ends_it_quietly() {
    let db = small("gone");
    let mut watching = Watching::start(with(pgkit(&db), ["relations", "--watch", "0.1"]));
    watching.next(2);
    let Watching { child, lines } = watching;
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

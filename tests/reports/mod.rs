//! What the reports answer: compared with psql, with the server's own functions, and with what was planted.

mod churn;
mod crowd;
mod databases;
mod find;
mod groups;
mod listing;
mod locked;
mod oracles;
mod own;
mod places;
mod plants;
mod pools;
mod registry;
mod role;
mod sizes;
mod sql;
mod strangers;
mod watch;

use std::process::Command;

use crate::support::*;

/// A row as text; NULL is empty.
type Row = Vec<String>;

/// The value that a tsv field stands for.
fn unescape(field: &str) -> String {
    let mut out: Vec<u8> = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&kind, after) = rest.split_first().expect("a backslash at the end");
        rest = after;
        out.push(match kind {
            b't' => b'\t',
            b'n' => b'\n',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            b'\\' => b'\\',
            b'x' => {
                let hex = std::str::from_utf8(&rest[..2]).unwrap();
                rest = &rest[2..];
                u8::from_str_radix(hex, 16).unwrap()
            }
            other => panic!("no escape of COPY: \\{}", char::from(other)),
        });
    }
    String::from_utf8(out).unwrap()
}

/// The rows of a tsv.
fn tsv(text: &str) -> Vec<Row> {
    text.lines().map(|line| line.split('\t').map(unescape).collect()).collect()
}

/// What pgkit answers; it must succeed and say nothing on stderr.
fn answer(db: &Db, args: &[&str]) -> Vec<Row> {
    answer_of(pgkit(db).args(args))
}

/// As a role.
fn answer_as(db: &Db, role: &str, args: &[&str]) -> Vec<Row> {
    answer_of(pgkit(db).env("PGUSER", role).args(args))
}

fn answer_of(command: &mut Command) -> Vec<Row> {
    let output = run(command);
    assert!(output.code == Some(0) && output.stderr.is_empty(), "{command:?}\n{}", output.snapshot());
    tsv(&output.stdout)
}

/// What psql answers, whatever the values hold: fields and records end with a zero byte.
fn psql_rows(db: &Db, command: &str, columns: usize) -> Vec<Row> {
    let mut psql = psql(db);
    psql.args(["-q", "-z", "-0", "-c", command]);
    fields(psql, columns)
}

/// What one psql answers to each of several commands.
fn psql_answers(db: &Db, commands: &[String], columns: usize) -> Vec<Vec<Row>> {
    let mut psql = psql(db);
    psql.args(["-q", "-z", "-0"]);
    for command in commands {
        psql.args(["-c", command, "-c", "\\echo =====END====="]);
    }
    let output = run(&mut psql);
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let parts: Vec<&str> = output.stdout.split("=====END=====\n").collect();
    assert_eq!(parts.len(), commands.len() + 1);
    parts[..commands.len()].iter().map(|part| records(part, columns)).collect()
}

/// The rows that a psql with `-z -0` prints.
fn fields(mut psql: Command, columns: usize) -> Vec<Row> {
    let output = run(&mut psql);
    assert_eq!(output.code, Some(0), "{psql:?}\n{}", output.snapshot());
    records(&output.stdout, columns)
}

fn records(text: &str, columns: usize) -> Vec<Row> {
    let mut all: Vec<String> = text.split('\0').map(str::to_owned).collect();
    // Each record ends with one; psql says that there is nothing on stdout too, with -t as an empty line.
    if all.last().is_some_and(|last| last.is_empty() || last == "\n") {
        all.pop();
    }
    assert_eq!(all.len() % columns, 0, "{} fields in rows of {columns}: {text:?}", all.len());
    all.chunks(columns).map(<[String]>::to_vec).collect()
}

/// A single-quoted argument of a backslash command.
fn backslash_argument(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\n', "\\n"))
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

/// Compares as multisets, and names what differs.
fn difference(what: &str, ours: Vec<Row>, theirs: Vec<Row>) -> Option<String> {
    let (ours, theirs) = (sorted(ours), sorted(theirs));
    let only = |a: &[Row], b: &[Row]| -> Vec<Row> {
        a.iter().filter(|row| !b.contains(row)).take(10).cloned().collect()
    };
    (ours != theirs).then(|| {
        format!(
            "{what}: {} rows and {}\nonly ours: {:?}\nonly theirs: {:?}",
            ours.len(),
            theirs.len(),
            only(&ours, &theirs),
            only(&theirs, &ours)
        )
    })
}

/// Fails where [`difference`] has something to say.
fn assert_same(what: &str, ours: Vec<Row>, theirs: Vec<Row>) {
    if let Some(difference) = difference(what, ours, theirs) {
        panic!("{difference}");
    }
}

/// Ordered bytewise by these columns?
fn assert_ordered(rows: &[Row], columns: &[usize]) {
    let key = |row: &Row| -> Vec<Vec<u8>> { columns.iter().map(|&i| row[i].clone().into_bytes()).collect() };
    for pair in rows.windows(2) {
        assert!(key(&pair[0]) <= key(&pair[1]), "out of order: {:?} before {:?}", pair[0], pair[1]);
    }
}

const SYSTEM: &[&str] = &["pg_catalog", "information_schema", "pg_toast"];

fn of_users(rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter().filter(|row| !SYSTEM.contains(&row[0].as_str())).collect()
}

/// Tells another thread to end, also when this one panics: a failure that leaves it running is never heard of.
pub struct Stop<'a>(pub &'a std::sync::atomic::AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

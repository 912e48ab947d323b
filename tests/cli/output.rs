//! Where the answer goes, and what happens when it cannot.

use std::process::{Command, Stdio};

use super::*;
use crate::support::*;

fn many() -> Own {
    Own::new(&[(
        "many",
        "\"n int8\", \"t text\"",
        "SELECT g AS n, pg_catalog.md5(g::text) AS t FROM pg_catalog.generate_series(1::int8, 300000) g",
    )])
}

/// A shell line with pgkit as `$PGKIT`.
fn sh(db: &Db, own: &Own, line: &str) -> Command {
    let mut sh = Command::new("/bin/bash");
    sh.env_clear()
        .envs(db.info.env())
        .env("PGDATABASE", &db.name)
        .env("HOME", "/nonexistent")
        .env("PATH", "/usr/bin:/bin");
    sh.env("PGKIT", PGKIT).env("PGKIT_QUERIES", own.0.path()).arg("-c").arg(line).stdin(Stdio::null());
    sh
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly_with_0() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = many();
    for format in formats() {
        let line = format!(
            "\"$PGKIT\" run many --format {format} | head -c 50 > /dev/null; echo ${{PIPESTATUS[0]}}"
        );
        let output = run(&mut sh(&db, &own, &line));
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("0\n", ""), "{format}");
    }
    let output = run(&mut sh(&db, &own, "\"$PGKIT\" run many | head -1; echo ${PIPESTATUS[0]}"));
    assert_eq!(
        (output.stdout.as_str(), output.stderr.as_str()),
        ("1\tc4ca4238a0b923820dcc509a6f75849b\n0\n", "")
    );
    // Sorted, nothing is printed before all is read.
    let output = run(&mut sh(
        &db,
        &own,
        "\"$PGKIT\" run many --sort n:desc --columns n | head -1; echo ${PIPESTATUS[0]}",
    ));
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("300000\n0\n", ""));
}

#[test]
fn a_full_disk_is_an_error() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = many();
    for line in [
        "\"$PGKIT\" run many > /dev/full",
        "\"$PGKIT\" run many --limit 1 > /dev/full",
        "\"$PGKIT\" run many --json > /dev/full",
        "\"$PGKIT\" relations --sql > /dev/full",
        "\"$PGKIT\" --help > /dev/full",
    ] {
        let output = run(&mut sh(&db, &own, line));
        assert_eq!(output.code, Some(74), "{line} {}", output.snapshot());
        assert_eq!(
            output.stderr,
            "pgkit: could not write to stdout\ncaused by: No space left on device (os error 28)\n",
            "{line}"
        );
    }
}

#[test]
fn a_closed_or_full_stderr_is_no_error() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = many();
    let output = run(&mut sh(&db, &own, "\"$PGKIT\" run many --limit 1 2>&-"));
    assert_eq!(output.lines().len(), 1);
    let output = run(&mut sh(&db, &own, "\"$PGKIT\" relations no_such 2>/dev/full"));
    assert_eq!(output.code, Some(0));
}

#[test]
fn stdout_is_complete_when_the_reader_is_slow() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = many();
    let output = run(&mut sh(
        &db,
        &own,
        "\"$PGKIT\" run many | (sleep 1; md5sum); \"$PGKIT\" run many | md5sum; echo ${PIPESTATUS[0]}",
    ));
    let lines = output.lines();
    assert_eq!((lines[0], lines[2]), (lines[1], "0"));
}

#[test]
fn data_goes_to_stdout_and_everything_else_to_stderr() {
    let db = database(server(bin()).info(), "streams");
    db.sql("CREATE TABLE one (x int)");
    let own = many();
    let output = run(&mut sh(&db, &own, "\"$PGKIT\" relations -v -E 2>/dev/null"));
    assert_eq!(output.lines(), ["public\tone\ttable\tpostgres"]);
}

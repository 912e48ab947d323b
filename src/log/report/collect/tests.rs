//! Tests the sums that are made from several entries.

use super::connections::host_of;
use super::*;
use crate::log::report::sections::{Section, overview};
use crate::rows;
use crate::rows::plain::plain;

/// Returns an entry of process 7 at this second.
fn at(second: i64, message: &str) -> Entry<'_> {
    Entry {
        time: Some(second * 1_000_000),
        pid: Some(7),
        user: b"app",
        database: b"shop",
        severity: b"LOG",
        sqlstate: b"00000",
        message: message.as_bytes(),
        ..Entry::default()
    }
}

fn log(message: &str) -> Entry<'_> {
    at(0, message)
}

fn error<'a>(sqlstate: &'a str, message: &'a str, statement: &'a str) -> Entry<'a> {
    Entry {
        severity: b"ERROR",
        sqlstate: sqlstate.as_bytes(),
        statement: statement.as_bytes(),
        ..log(message)
    }
}

fn added(entries: &[Entry<'_>]) -> Collector {
    let mut all = Collector::new(&Choice::default());
    entries.iter().for_each(|entry| all.take(entry));
    all.end();
    all
}

/// Returns the values of these columns of a section, one text for each row.
fn values(section: Section, columns: &[&str], all: &Collector) -> Vec<String> {
    let known = rows::columns(section.columns());
    let line = |row: &rows::Row| {
        let raw = row.raw();
        let value = |name: &&str| {
            let at = known.iter().position(|column| column.name == *name).unwrap();
            plain(&known[at].decode(raw[at]).unwrap()).into_owned()
        };
        columns.iter().map(value).collect::<Vec<_>>().join(" | ")
    };
    section.rows(all).iter().map(line).collect()
}

fn statements(entries: &[Entry<'_>]) -> Vec<String> {
    values(Section::Statements, &["calls", "total_ms", "errors", "statement"], &added(entries))
}

#[test]
fn text_and_duration_are_one_call_in_every_way_that_a_server_logs_them() {
    let one = ["1 | 5 | 0 | select ?"];
    // With log_min_duration_statement, the text and the duration are in one entry.
    assert_eq!(statements(&[log("duration: 5.000 ms  statement: SELECT 1")]), one);
    // With log_statement and log_duration, they are in two entries.
    assert_eq!(statements(&[log("statement: SELECT 1"), log("duration: 5.000 ms")]), one);
    // Some logs have a blank or a tab after the unit.
    assert_eq!(statements(&[log("statement: SELECT 1"), log("duration: 5.000 ms \t")]), one);
    assert_eq!(statements(&[log("duration: 5.000 ms\tstatement: SELECT 1")]), one);
    // In the extended protocol, log_min_duration_statement logs the text with each step.
    assert_eq!(
        statements(&[
            log("duration: 0.100 ms  parse <unnamed>: SELECT $1"),
            log("duration: 0.200 ms  bind <unnamed>: SELECT $1"),
            log("duration: 5.000 ms  execute <unnamed>: SELECT $1"),
        ]),
        one
    );
    // In the extended protocol, log_duration logs the duration of each step without a text.
    assert_eq!(
        statements(&[
            log("duration: 0.100 ms"),
            log("duration: 0.200 ms"),
            log("execute <unnamed>: SELECT $1"),
            log("duration: 5.000 ms"),
        ]),
        one
    );
    // If the rows are fetched in portions, the first portion counts as the call.
    assert_eq!(
        statements(&[
            log("duration: 3.000 ms  execute s/p: SELECT $1"),
            log("duration: 2.000 ms  execute fetch from s/p: SELECT $1"),
        ]),
        one
    );
    assert_eq!(
        statements(&[
            log("execute s/p: SELECT $1"),
            log("duration: 3.000 ms"),
            log("execute fetch from s/p: SELECT $1"),
            log("duration: 2.000 ms"),
        ]),
        one
    );
    // Calls of the fast-path function interface and empty texts are statements, too.
    assert_eq!(
        statements(&[log("duration: 5.000 ms  fastpath function call: \"lo_open\" (OID 952)")]),
        ["1 | 5 | 0 | fastpath function call : lo_open(oid ?)"]
    );
    assert_eq!(statements(&[log("duration: 5.000 ms  statement: ")]), ["1 | 5 | 0 | (empty)"]);
    // A plan of auto_explain may be logged between the text and the duration.
    assert_eq!(
        statements(&[
            log("statement: SELECT 1"),
            log("duration: 4.9 ms  plan:\nQuery Text: SELECT 1\nResult  (cost=0.00..0.01 rows=1 width=4)"),
            log("duration: 5.000 ms"),
        ]),
        one
    );
}

#[test]
fn rows_that_are_fetched_belong_to_a_call_even_if_its_beginning_was_too_short_to_be_logged() {
    let fetch = "duration: 200.000 ms  execute fetch from S_1/C_1: SELECT a FROM t";
    let all = [log(fetch), log(fetch), log(fetch)];
    assert_eq!(statements(&all), ["1 | 600 | 0 | select a from t"]);
    // The longest call took as long as all of its fetches.
    let all = added(&[log("duration: 1.000 ms  execute S_1/C_1: SELECT a FROM t"), log(fetch), log(fetch)]);
    assert_eq!(values(Section::Statements, &["calls", "total_ms", "max_ms"], &all), ["1 | 401 | 401"]);
    // Other statements may run between two fetches.
    let other = log("duration: 1.000 ms  statement: SELECT 1");
    assert_eq!(
        statements(&[log(fetch), other, log(fetch)]),
        ["1 | 400 | 0 | select a from t", "1 | 1 | 0 | select ?"]
    );
}

#[test]
fn intervals_add_up_to_the_overview() {
    let choice = Choice { steps: Steps::Every(1_000_000), ..Choice::default() };
    let mut all = Collector::new(&choice);
    for second in 0..5 {
        all.take(&at(second, "statement: INSERT INTO t VALUES (1)"));
        all.take(&Entry {
            time: Some(second * 1_000_000),
            ..error("23505", "duplicate key", "INSERT INTO t VALUES (1)")
        });
    }
    all.take(&at(5, "statement: INSERT INTO t VALUES (1)"));
    let count: u64 = all.series.as_mut().unwrap().steps().map(|(_, steps)| steps[0].count).sum();
    assert_eq!((count, all.statements.calls), (1, 1));
}

#[test]
fn a_log_in_another_language_is_recognized_by_its_messages_too() {
    for message in [
        "archivo temporal: ruta «base/pgsql_tmp/pgsql_tmp7.0», tamaño 1000",
        "duración: 5.000 ms  sentencia: SELECT 1",
        "チェックポイント開始: time",
        "Verbindung empfangen: Host=[local]",
    ] {
        let all = added(&[log(message)]);
        assert_eq!(all.foreign, 1, "{message}");
        let rows = overview(&all);
        let known = rows::columns(super::super::sections::OVERVIEW);
        let count = |row: &rows::Row| known[2].decode(row.raw()[2]).unwrap().as_float();
        assert!(rows.iter().skip(2).take(6).all(|row| count(row).is_none()), "{message}");
    }
    for message in [
        "temporary file: path \"a\", size 1",
        "duration: 5.000 ms  statement: SELECT 1",
        "process 7 acquired",
    ] {
        assert_eq!(added(&[log(message)]).foreign, 0, "{message}");
    }
}

#[test]
fn a_wait_is_one_even_if_only_its_messages_name_the_process() {
    let say = |message| Entry { pid: None, statement: b"UPDATE t SET a = 1", ..log(message) };
    let all = added(&[
        say("process 9 still waiting for ShareLock on transaction 5 after 1000.119 ms"),
        say("process 9 acquired ShareLock on transaction 5 after 6511.441 ms"),
    ]);
    assert_eq!(
        values(Section::Locks, &["count", "total_ms", "statement"], &all),
        ["1 | 6511.441 | update t set a = ?"]
    );
}

#[test]
fn what_a_function_raises_or_a_session_that_ends_is_no_event() {
    let raised = error("P0001", "deadlock detected in the queue", "SELECT f()");
    let end = Entry { severity: b"DEBUG", ..log("server process (PID 7) exited with exit code 0") };
    let ended = log("server process (PID 7) exited with exit code 0");
    let crashed = log("server process (PID 7) exited with exit code 2");
    let kinds = |entries: &[Entry<'_>]| values(Section::Events, &["kind"], &added(entries));
    assert!(kinds(&[raised, end, ended]).is_empty());
    assert_eq!(kinds(&[crashed]), ["crash"]);
}

#[test]
fn a_duration_is_never_that_of_another_statement() {
    // A new statement ends the statement that ran before in the session.
    assert_eq!(
        statements(&[log("statement: SELECT 1"), log("statement: DISCARD ALL"), log("duration: 5.000 ms")]),
        ["1 | 5 | 0 | discard all", "1 |  | 0 | select ?"]
    );
    assert_eq!(
        statements(&[
            log("statement: SELECT 1"),
            log("duration: 1.000 ms  statement: DISCARD ALL"),
            log("duration: 5.000 ms"),
        ]),
        ["1 | 1 | 0 | discard all", "1 |  | 0 | select ?"]
    );
    // A statement that the pattern excludes ends the one that ran before, too.
    let choice = Choice { grep: regex::bytes::Regex::new("SELECT").ok(), ..Choice::default() };
    let mut all = Collector::new(&choice);
    for message in ["statement: SELECT 1", "duration: 1.000 ms  statement: DISCARD ALL", "duration: 5.000 ms"]
    {
        all.take(&log(message));
    }
    assert_eq!((all.statements.calls, all.statements.all.count), (1, 0));
    // Another session with the same pid is recognized by its session ID, or by its role and database.
    let of = |session, message| Entry { session, ..log(message) };
    let all = added(&[of(b"a.7", "statement: SELECT 1"), of(b"b.7", "duration: 5.000 ms")]);
    assert_eq!((all.statements.all.count, all.unmatched.count), (0, 1));
    let amy = Entry { user: b"amy", ..log("duration: 5.000 ms") };
    assert_eq!(statements(&[log("statement: SELECT 1"), amy]), ["1 |  | 0 | select ?"]);
    // The duration may be from another process, or the log may have no pid.
    let other = Entry { pid: Some(8), ..log("duration: 5.000 ms") };
    assert_eq!(statements(&[log("statement: SELECT 1"), other]), ["1 |  | 0 | select ?"]);
    let nobody = |message| Entry { pid: None, ..log(message) };
    assert_eq!(
        statements(&[nobody("statement: SELECT 1"), nobody("duration: 5.000 ms")]),
        ["1 |  | 0 | select ?"]
    );
    // A failed statement has no duration.
    let all = [
        log("statement: SELECT 1"),
        error("22012", "division by zero", "SELECT 1"),
        log("duration: 5.000 ms"),
    ];
    assert_eq!(statements(&all), ["0 |  | 1 | select ?"]);
    assert_eq!(added(&all).unmatched.count, 1);
    // A statement that was logged before its session was terminated has not failed, unless the error names it.
    let terminated = |sql| error("57P01", "terminating connection due to administrator command", sql);
    assert_eq!(statements(&[log("statement: SELECT 1"), terminated("")]), ["1 |  | 0 | select ?"]);
    assert_eq!(statements(&[log("statement: SELECT 1"), terminated("SELECT 1")]), ["0 |  | 1 | select ?"]);
    // The statements of pgkit itself and their durations are not counted.
    let own = format!("statement: {MARK} SELECT 1");
    let all = [log(&own), log("duration: 5.000 ms")];
    assert!(statements(&all).is_empty() && added(&all).unmatched.count == 0);
}

#[test]
fn a_temporary_file_is_that_of_its_statement_wherever_the_log_has_it() {
    let file = "temporary file: path \"base/pgsql_tmp/pgsql_tmp7.0\", size 1000";
    let with = Entry { statement: b"SELECT 1 ORDER BY 2", context: b"c", hint: b"h", ..log(file) };
    let plain = log(file);
    for entries in [
        vec![with, log("duration: 5.000 ms  statement: SELECT 1 ORDER BY 2")],
        vec![plain, log("duration: 5.000 ms  statement: SELECT 1 ORDER BY 2")],
        vec![log("statement: SELECT 1 ORDER BY 2"), plain, log("duration: 5.000 ms")],
    ] {
        let all = added(&entries);
        let files = values(Section::TemporaryFiles, &["files", "total_bytes", "statement"], &all);
        assert_eq!(files, ["1 | 1000 | select ? order by ?"]);
        let statements = values(Section::Statements, &["calls", "temp_files", "temp_bytes"], &all);
        assert_eq!(statements, ["1 | 1 | 1000"]);
    }
    // If the statement is never logged, the temporary file is counted without one.
    let left = added(&[plain, log("disconnection: session time: 0:00:01.000 user=a database=b host=c")]);
    assert_eq!(
        values(Section::TemporaryFiles, &["files", "total_bytes", "statement"], &left),
        ["1 | 1000 | "]
    );
    let left = added(&[plain, plain]);
    assert_eq!(values(Section::TemporaryFiles, &["files", "total_bytes"], &left), ["2 | 2000"]);
    // The file of a statement that has failed is logged after its error, that of one that was not logged before another.
    let failed = error("57014", "canceling statement due to user request", "SELECT 1 ORDER BY 2");
    let next = at(100, "duration: 5.000 ms  statement: SELECT 2");
    for (entries, statement) in [
        (vec![failed, plain, next], "select ? order by ?"),
        (vec![plain, next], ""),
        (vec![plain, at(100, "statement: SELECT 2"), at(100, "duration: 5.000 ms")], ""),
        (vec![plain, at(1, "duration: 1000.000 ms  statement: SELECT 2")], "select ?"),
    ] {
        let all = added(&entries);
        let files = values(Section::TemporaryFiles, &["files", "statement", "first"], &all);
        assert_eq!(files, [format!("1 | {statement} | 1970-01-01T00:00:00Z")]);
    }
}

#[test]
fn a_wait_for_a_lock_is_counted_once_with_all_its_time_and_who_held_it() {
    let holder = Entry { pid: Some(8), ..log("statement: LOCK t") };
    let waits = Entry {
        statement: b"UPDATE t SET a = 1",
        detail: b"Process holding the lock: 8. Wait queue: 7.",
        ..log(
            "process 7 still waiting for RowExclusiveLock on relation 5 of database 1 after 1000.5 ms at character 8",
        )
    };
    let acquired = log("process 7 acquired RowExclusiveLock on relation 5 of database 1 after 3000.5 ms");
    let all = added(&[holder, waits, acquired, acquired]);
    let columns = ["kind", "count", "total_ms", "max_ms", "mode", "locked", "statement", "blocker"];
    let mut found = values(Section::Locks, &columns, &all);
    found.sort_by_key(|line| std::cmp::Reverse(line.len()));
    assert_eq!(
        found,
        [
            "wait | 1 | 3000.5 | 3000.5 | RowExclusiveLock | relation 5 of database 1 | update t set a = ? | lock t",
            "wait | 1 | 3000.5 | 3000.5 | RowExclusiveLock | relation 5 of database 1 | update t set a = ? | ",
        ]
    );
    let deadlock = Entry {
        detail: b"Process 7 waits for ShareLock on transaction 5; blocked by process 8.\n\
            Process 8 waits for ShareLock on transaction 4; blocked by process 7.\n\
            Process 7: UPDATE a SET b = 1\nProcess 8: UPDATE c SET b = 2",
        ..error("40P01", "deadlock detected", "UPDATE a SET b = 1")
    };
    let all = added(&[deadlock]);
    assert_eq!(
        values(Section::Locks, &["kind", "count", "statement", "blocker"], &all),
        ["deadlock | 1 | update a set b = ? | update c set b = ?"]
    );
    assert_eq!(values(Section::Events, &["kind", "count"], &all), ["deadlock | 1"]);
}

#[test]
fn a_session_is_counted_with_its_host_and_its_length() {
    let all = added(&[
        Entry { user: b"", database: b"", ..log("connection received: host=10.0.0.1 port=5000") },
        log(
            "connection authorized: user=app database=shop application_name=web SSL enabled (protocol=TLSv1.3)",
        ),
        log("disconnection: session time: 0:01:00.000 user=app database=shop host=10.0.0.1 port=5000"),
        Entry {
            severity: b"FATAL",
            client: b"10.0.0.2(5000)",
            pid: Some(9),
            ..error("28P01", "password authentication failed for user \"app\"", "")
        },
    ]);
    let columns = ["connections", "failed", "ended", "total_ms", "user", "database", "application", "host"];
    assert_eq!(
        values(Section::Connections, &columns, &all),
        ["1 | 0 | 1 | 60000 | app | shop | web | 10.0.0.1", "0 | 1 | 0 |  | app | shop |  | 10.0.0.2"]
    );
    for (client, host) in [
        ("10.0.0.1:5000", "10.0.0.1"),
        ("10.0.0.1(5000)", "10.0.0.1"),
        ("[local]", "[local]"),
        ("::1", "::1"),
        ("::1:54321", "::1"),
        ("fe80::1(5000)", "fe80::1"),
        ("db.example", "db.example"),
        ("", ""),
    ] {
        assert_eq!(host_of(client.as_bytes()), host.as_bytes(), "{client}");
    }
}

#[test]
fn what_another_language_hides_has_no_numbers_instead_of_none() {
    let german = |message, sqlstate, severity| Entry { severity, sqlstate, ..log(message) };
    let all = added(&[
        german("Dauer: 5.000 ms  Anweisung: SELECT 1", b"00000", b"LOG"),
        german("Division durch Null", b"22012", "FEHLER".as_bytes()),
        german("Warnung", b"01000", b"WARNUNG"),
    ]);
    let line = |name: &str| {
        let columns = rows::columns(crate::log::report::OVERVIEW);
        let rows = overview(&all);
        let row = rows.iter().find(|row| row.raw()[0] == Some(name.as_bytes())).unwrap();
        plain(&columns[2].decode(row.raw()[2]).unwrap()).into_owned()
    };
    assert_eq!(
        (line("statements").as_str(), line("errors").as_str(), line("locks").as_str()),
        ("1", "2", "")
    );
    assert_eq!(all.language.as_deref(), Some(&b"Dauer"[..]));
    assert_eq!(values(Section::Errors, &["count", "severity", "sqlstate"], &all).len(), 2);
}

#[test]
fn entries_are_chosen_by_a_pattern_and_their_durations_with_them() {
    let choice =
        Choice { grep: Some(regex::bytes::Regex::new("orders").unwrap()), steps: Steps::Every(60_000_000) };
    let mut all = Collector::new(&choice);
    for entry in [
        at(1, "statement: SELECT * FROM orders"),
        at(2, "duration: 5.000 ms"),
        at(3, "statement: SELECT 1"),
        at(4, "duration: 7.000 ms"),
        at(61, "duration: 9.000 ms  statement: SELECT * FROM orders"),
        at(62, "checkpoint starting: time"),
    ] {
        all.take(&entry);
    }
    assert_eq!(
        values(Section::Statements, &["calls", "total_ms", "statement"], &all),
        ["2 | 14 | select * from orders"]
    );
    assert_eq!(all.unmatched.count, 0);
    let steps = crate::log::report::steps(&mut all, None);
    assert_eq!(steps.len(), 2);
}

#[test]
fn plans_are_counted_by_statement_and_shape_and_the_slowest_is_whole() {
    let plan = |ms: u32, n: u32| {
        format!(
            "duration: {ms}.000 ms  plan:\nQuery Text: SELECT {n}\nResult  (cost=0.00..0.0{n} rows=1 width=4) (actual time=0.1..0.1 rows=3 loops=1)"
        )
    };
    let (one, two) = (plan(5, 1), plan(9, 2));
    let all = added(&[log(&one), log(&two)]);
    assert_eq!(
        values(Section::Plans, &["count", "total_ms", "max_ms", "rows", "statement", "plan"], &all),
        [
            "2 | 14 | 9 | 6 | select ? | Result  (cost=0.00..0.02 rows=1 width=4) (actual time=0.1..0.1 rows=3 loops=1)"
        ]
    );
    assert!(values(Section::Statements, &["calls"], &all).is_empty());
}

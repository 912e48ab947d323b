//! What is wrong with a command line, and what to write instead.

use super::*;
use crate::support::*;

fn of(args: &[&str]) -> String {
    shown(bare_pgkit().env("PGHOST", "/nowhere").args(args), None)
}

#[test]
fn an_unknown_command() {
    insta::assert_snapshot!(of(&["relation"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: unknown command "relation"
hint: did you mean "relations"?
"####);
}

#[test]
fn an_unknown_flag() {
    insta::assert_snapshot!(of(&["sizes", "--group-partition"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: unexpected argument '--group-partition' found

  tip: a similar argument exists: '--group-partitions'

Usage: pgkit sizes --group-partitions [PATTERN]...

For more information, try '--help'.
"####);
}

#[test]
fn an_unknown_column() {
    insta::assert_snapshot!(of(&["sizes", "--columns", "name,totl"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: --columns: unknown column "totl"
hint: columns: schema, name, kind, members, rows_estimate, main_bytes, toast_bytes, indexes_bytes, total_bytes, state
"####);
}

#[test]
fn an_unknown_column_to_sort_by() {
    insta::assert_snapshot!(of(&["relations", "--sort", "size"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: --sort: unknown column "size"
hint: columns: schema, name, kind, owner
"####);
}

#[test]
fn a_direction_that_is_none() {
    insta::assert_snapshot!(of(&["relations", "--sort", "name:down"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: --sort: invalid direction "down"
hint: use --sort COLUMN, --sort COLUMN:asc or --sort COLUMN:desc
"####);
}

#[test]
fn an_unknown_format() {
    insta::assert_snapshot!(of(&["relations", "--format", "xml"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: invalid value 'xml' for '--format <FORMAT>'
  [possible values: table, tsv, csv, json, jsonl, markdown, vertical, tree, sections]

For more information, try '--help'.
"####);
}

#[test]
fn an_unknown_value_of_a_reports_flag() {
    insta::assert_snapshot!(of(&["sizes", "--by", "size"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: invalid value 'size' for '--by <WHAT>'
  [possible values: tree, name, both]

For more information, try '--help'.
"####);
}

#[test]
fn a_bad_regular_expression() {
    insta::assert_snapshot!(of(&["relations", "--grep", "a("]), @r####"
exit: 65
--- stdout ---
--- stderr ---
pgkit: --grep: regex parse error:
      a(
       ^
  error: unclosed group
hint: use the syntax of Rust's regex crate; put \ before a character to match it literally
"####);
}

#[test]
fn a_bad_length_of_time() {
    insta::assert_snapshot!(of(&["relations", "--statement-timeout", "10"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: invalid value '10' for '--statement-timeout <DURATION>': invalid duration "10": must be a number with a unit, such as 500ms, 10s, 5m, 1h30m or 2d; 0 is no limit

For more information, try '--help'.
"####);
}

#[test]
fn a_length_of_time_below_zero() {
    insta::assert_snapshot!(of(&["relations", "--lock-timeout=-5s"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: invalid value '-5s' for '--lock-timeout <DURATION>': negative duration "-5s": must be a number with a unit, such as 500ms, 10s, 5m, 1h30m or 2d; 0 is no limit

For more information, try '--help'.
"####);
}

#[test]
fn a_watch_of_no_time() {
    let mut all = String::new();
    for seconds in ["0", "-1", "x", "nan", "inf", ""] {
        all.push_str(&of(&["relations", &format!("--watch={seconds}")]));
    }
    insta::assert_snapshot!(all, @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: --watch: invalid interval "0": must be a number of seconds above 0
hint: use --watch 2 or --watch 0.5
exit: 64
--- stdout ---
--- stderr ---
pgkit: --watch: invalid interval "-1": must be a number of seconds above 0
hint: use --watch 2 or --watch 0.5
exit: 64
--- stdout ---
--- stderr ---
pgkit: --watch: invalid interval "x": must be a number of seconds above 0
hint: use --watch 2 or --watch 0.5
exit: 64
--- stdout ---
--- stderr ---
pgkit: --watch: invalid interval "nan": must be a number of seconds above 0
hint: use --watch 2 or --watch 0.5
exit: 64
--- stdout ---
--- stderr ---
pgkit: --watch: invalid interval "inf": must be a number of seconds above 0
hint: use --watch 2 or --watch 0.5
exit: 64
--- stdout ---
--- stderr ---
pgkit: --watch: invalid interval "": must be a number of seconds above 0
hint: use --watch 2 or --watch 0.5
"####);
}

#[test]
fn sql_and_watch_do_not_go_together() {
    insta::assert_snapshot!(of(&["relations", "--sql", "--watch", "1"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: the argument '--sql' cannot be used with '--watch <SECONDS>'

Usage: pgkit relations --sql [PATTERN]...

For more information, try '--help'.
"####);
}

#[test]
fn a_server_version_without_sql() {
    insta::assert_snapshot!(of(&["relations", "--server-version", "15"]), @r####"
exit: 64
--- stdout ---
--- stderr ---
pgkit: the following required arguments were not provided:
  --sql

Usage: pgkit relations --sql --server-version <MAJOR> [PATTERN]...

For more information, try '--help'.
"####);
}

#[test]
fn flags_of_reports_on_what_is_no_report() {
    for args in [
        &["completions", "bash", "--watch", "1"][..],
        &["man", "--sql"],
        &["sandbox", "status", "--all-databases"],
        &["completions", "bash", "--json"],
    ] {
        let output = run(bare_pgkit().args(args));
        assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{args:?} {}", output.snapshot());
    }
}

#[test]
fn two_formats_at_once() {
    for args in [&["--csv", "--json"][..], &["--csv", "--format", "tsv"], &["-q", "-v"]] {
        let output = run(bare_pgkit().arg("relations").args(args));
        assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{args:?} {}", output.snapshot());
        assert!(output.stderr.starts_with("pgkit: the argument '"), "{}", output.stderr);
    }
}

#[test]
fn no_report_of_ones_own_of_that_name() {
    let own = Own::new(&[]);
    let mut command = bare_pgkit();
    let output = run(command.env("PGKIT_QUERIES", own.0.path()).args(["run", "slow"]));
    assert_eq!(output.code, Some(64));
    assert!(output.stderr.starts_with("pgkit: run: could not find report \"slow\" in "), "{}", output.stderr);
    assert!(output.stderr.contains("hint: a report is a file NAME.sql there"), "{}", output.stderr);
}

#[test]
fn help_and_version_are_answers_on_stdout() {
    for args in [
        &["--help"][..],
        &["-?"],
        &["sizes", "--help"],
        &["sizes", "-?"],
        &["--version"],
        &["-V"],
        &["run", "--help"],
    ] {
        let output = run(bare_pgkit().args(args));
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(!output.stdout.is_empty());
    }
    let nothing = run(&mut bare_pgkit());
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(64), ""));
    assert!(nothing.stderr.contains("Usage: pgkit"), "{}", nothing.stderr);
    // -h is the host, as in every client of PostgreSQL.
    assert_eq!(run(bare_pgkit().args(["relations", "-h", "/nowhere"])).code, Some(69));
}

#[test]
fn a_closed_stdin_is_no_reason_to_fail() {
    let db = database(server(bin()).info(), "stdin");
    db.sql("CREATE TABLE one (x int)");
    let mut sh = Command::new("/bin/sh");
    sh.env_clear().envs(db.info.env()).env("PGDATABASE", &db.name).env("HOME", "/nonexistent");
    sh.arg("-c").arg(format!("exec '{PGKIT}' relations <&-"));
    assert_eq!(run(&mut sh).lines(), ["public\tone\ttable\tpostgres"]);
}

#[test]
fn what_an_argument_holds_never_drives_the_terminal() {
    for args in [
        &["rela\u{1b}[31mtions"][..],
        &["relations", "--sort", "\u{1b}[31m"],
        &["relations", "--\u{7}x"],
        &["relations", "-d", "x\u{1b}]0;y\u{7}"],
    ] {
        let output = run(bare_pgkit().env("PGHOST", "/nowhere").args(args));
        assert_ne!(output.code, Some(0));
        assert!(!output.stderr.contains(['\u{1b}', '\u{7}']), "{:?}", output.stderr);
    }
}

#[test]
fn a_url_of_another_driver_is_refused_and_its_password_is_not_shown() {
    for (url, says) in [
        ("jdbc:postgresql://h/d?user=u&password=geheim", "\"jdbc:postgresql://\""),
        ("postgresql+psycopg2://u:geheim@h/d", "\"postgresql+psycopg2://\""),
        ("postgresql://u:geheim@h/d?pgbouncer=true", "a parameter of Prisma's"),
    ] {
        let output = run(bare_pgkit().args(["relations", "-d", url]));
        assert_eq!(output.code, Some(64), "{}", output.snapshot());
        assert!(output.stderr.contains(says) && !output.stderr.contains("geheim"), "{}", output.stderr);
    }
}

#[test]
fn a_connection_string_for_a_name_is_refused() {
    for report in ["relations", "functions", "sizes"] {
        for text in ["dbname=shop", "host=/tmp dbname=shop", "postgresql://h/d", "postgres://u:geheim@h/d"] {
            let output = run(bare_pgkit().env("PGHOST", "/nowhere").args([report, text]));
            assert_eq!(output.code, Some(64), "{}", output.snapshot());
            assert!(
                output.stderr.contains("expected a name, not a connection string")
                    && output.stderr.contains("-d ")
            );
            assert!(!output.stderr.contains("geheim"));
        }
    }
    // A name may have such a sign too.
    let db = db("equals");
    db.sql("CREATE TABLE \"a=b\" (id int)");
    assert_eq!(run(pgkit(&db).args(["relations", "a=b"])).lines().len(), 1);
}

#[test]
fn of_a_flag_that_is_given_twice_the_last_counts() {
    let db = db("twice");
    db.sql("CREATE TABLE one (id int); CREATE TABLE two (id int)");
    let twice =
        ["relations", "--format", "json", "--limit", "1", "--format", "csv", "--limit", "2", "--no-header"];
    assert_eq!(run(pgkit(&db).args(twice)).lines().len(), 2);
    // A flag that takes several values still collects them.
    let kinds = run(pgkit(&db).args(["relations", "--kind", "view", "--kind", "table"]));
    assert_eq!(kinds.lines().len(), 2, "{}", kinds.snapshot());
}

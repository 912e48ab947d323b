//! `--sql` and `-E`: what runs, as text.

use std::io::Write;
use std::process::Stdio;

use super::*;
use crate::support::*;

/// Command lines whose SQL is compared with their answers.
const LINES: &[&[&str]] = &[
    &["relations"],
    &["relations", "--visible"],
    &["relations", "--system", "--kind", "view"],
    &["relations", "nasty.*"],
    &["relations", "nasty.\":'var'\"", "nasty.\"x'; DROP TABLE students; --\"", "nasty.\"\\N\""],
    &["relations", "--kind", "index", "--kind", "partitioned index", "things.*"],
    &["functions"],
    &["functions", "--visible"],
    &["functions", "--kind", "aggregate", "--kind", "window"],
    &["functions", "--visible", "l*"],
    &["find"],
    &["find", "everything"],
    &["find", "it's"],
    &["find", "back\\"],
    &["find", ":var"],
    &["find", "$1"],
    &["find", "x'; DROP TABLE students; --"],
    &["find", "--regex", "^(o|O)rders?$"],
    &["find", "--system", "pg_class"],
    &["sizes"],
    &["sizes", "things.*", "o*"],
    &["sizes", "--group-partitions"],
    &["sizes", "--by", "tree", "--measure", "main"],
    &["sizes", "--by", "name"],
    &["sizes", "--group-regex", "^([a-z]+)_", "--measure", "indexes"],
    &["sizes", "--estimate"],
];

/// Runs a script as people do: `pgkit … --sql | psql -XAtq -f -`.
fn through_psql(db: &Db, script: &str, columns: usize) -> Vec<Row> {
    let mut psql = psql(db);
    psql.args(["-q", "-z", "-0", "-f", "-"]);
    let child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    // Less than a pipe holds, or psql reads while it waits for nothing.
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
    let mut all: Vec<String> = text.split('\0').map(str::to_owned).collect();
    assert_eq!(all.pop().as_deref(), Some(""), "{script}");
    assert_eq!(all.len() % columns, 0);
    all.chunks(columns).map(<[String]>::to_vec).collect()
}

fn script(db: &Db, line: &[&str]) -> String {
    let output = run(pgkit(db).args(line).arg("--sql"));
    assert!(output.code == Some(0) && output.stderr.is_empty(), "{line:?} {}", output.snapshot());
    output.stdout
}

fn the_sql_of_every_report_runs_in_psql_and_gives_the_same_rows(bin: &Binaries) {
    let db = filled::filled(bin);
    // On the other versions, every third.
    for line in LINES.iter().step_by(if bin == &bins()[0] { 1 } else { 3 }) {
        let ours = answer_of(pgkit(&db).args(*line).arg("-q"));
        let columns = match line[0] {
            "relations" => 4,
            "functions" => 6,
            "find" => 5,
            _ => 10,
        };
        let theirs = through_psql(&db, &script(&db, line), columns);
        assert_eq!(ours.len(), theirs.len(), "{line:?} on {}", bin.major);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{line:?} on {}", bin.major);
        }
    }
}
on_every_server!(the_sql_of_every_report_runs_in_psql_and_gives_the_same_rows);

fn the_sql_of_reports_whose_rows_change_runs_in_psql_too(bin: &Binaries) {
    let db = filled::filled(bin);
    for report in server_reports() {
        let is_compared = LINES.iter().any(|line| line[0] == report.name);
        let is_broken = report.name == "extensions" && cannot_list_extensions(&db);
        if needs_extension(&report) || is_broken || is_compared {
            continue;
        }
        let line = line_of(&report, "things.orders");
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        through_psql(&db, &script(&db, &words), report.columns.len());
    }
}
on_every_server!(the_sql_of_reports_whose_rows_change_runs_in_psql_too);

/// Words that end a comment or a literal, drive a terminal, turn text round, and whatever psql might act on behind that.
const HOSTILE: &[&str] = &[
    "x\n\\! touch pwned\n",
    "x\r\\! touch pwned\r",
    "x'\n\\! touch pwned\n--",
    "\u{1b}[2J\u{7}\u{8}\u{7f}",
    "\\\u{1b}\\",
    "\u{9b}31m\u{85}",
    "\u{202e}\u{2066}\u{2028}\u{feff}",
    "\u{e0001}",
    ":name\u{1b}:'name'\u{1b}:\"name\"",
    "$$\u{1b};$$--\u{1b}/*",
    "\"\u{1b}\"\"\u{1b}'\u{1b}''",
    "tab\tbed",
    "E'\u{1b}",
    "U&\"\u{1b}",
];

#[test]
fn hostile_words_drive_no_terminal_and_mean_the_same_in_psql() {
    for bin in bins() {
        let info = server(bin).info();
        let utf8 = database(info, "words");
        let mut all = vec![utf8];
        for encoding in ["SQL_ASCII", "LATIN1"] {
            let name = format!("t{}_{encoding}", std::process::id());
            all[0].sql(&format!("DROP DATABASE IF EXISTS \"{name}\""));
            let locale = "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
            all[0].sql(&format!("CREATE DATABASE \"{name}\" ENCODING '{encoding}' {locale}"));
            all.push(Db { info: info.clone(), name });
        }
        for (db, encoding) in all.iter().zip(["UTF8", "SQL_ASCII", "LATIN1"]) {
            let holds = |word: &str| encoding != "LATIN1" || word.chars().all(|c| u32::from(c) < 0x100);
            // On the other versions, every third.
            let some = |i: usize| bin == &bins()[0] || i % 3 == bin.major as usize % 3;
            let words = HOSTILE.iter().enumerate().filter(|(i, word)| holds(word) && some(*i));
            for (i, word) in words {
                // The server's client writes UTF-8, and SQL_ASCII takes it as it is.
                db.sql(&format!("CREATE TABLE t{i} (); COMMENT ON TABLE t{i} IS {}", catalog::literal(word)));
                let what = format!("{word:?} in {encoding} on {}", bin.major);
                let ours = answer_of(pgkit(db).args(["find", word, "-q"]));
                assert!(ours.iter().any(|row| row[2] == format!("t{i}")), "{what}: {ours:?}");
                let script = script(db, &["find", word]);
                let left = pty::driving(&script);
                // What such a database's lexer knows no escapes for stays.
                let knows = encoding == "UTF8" || (encoding == "LATIN1" && bin.major >= 13);
                assert!(left.iter().all(|c| !knows && !c.is_ascii()), "{what}: {left:?}");
                assert_eq!(through_psql(db, &script, 5), ours, "{what}");
            }
        }
    }
    assert!(!std::path::Path::new("pwned").exists());
}

#[test]
fn sql_runs_unprivileged_too_and_then_it_is_another_text() {
    let db = filled::filled(bin());
    let of = |role: &str| run(pgkit(&db).env("PGUSER", role).args(["sizes", "--sql"])).stdout;
    let (superuser, nobody) = (of("postgres"), of("catalog_nobody"));
    assert!(superuser.contains("pg_stat_file") && !nobody.contains("pg_stat_file"));
    assert!(nobody.contains("pg_total_relation_size"));
    let mut psql = psql(&db);
    psql.env("PGUSER", "catalog_nobody").args(["-q", "-c", &nobody]);
    assert!(!run(&mut psql).lines().is_empty());
}

fn sql_for_a_version_that_nobody_asks_runs_on_that_version(bin: &Binaries) {
    let db = filled::filled(bin);
    let major = bin.major.to_string();
    for line in [&["relations"][..], &["functions", "things.*"], &["find", "mood"], &["sizes", "things.*"]] {
        // No way to any server: it must not need one.
        let mut command = bare_pgkit();
        command.env("PGHOST", "/nowhere").args(line).args(["--sql", "--server-version", &major]);
        let output = run(&mut command);
        assert!(output.code == Some(0) && output.stderr.is_empty(), "{}", output.snapshot());
        let columns = [("relations", 4), ("functions", 6), ("find", 5), ("sizes", 10)];
        let columns = columns.iter().find(|(name, _)| *name == line[0]).unwrap().1;
        assert_same(
            &format!("{line:?} on {major}"),
            answer(&db, line),
            through_psql(&db, &output.stdout, columns),
        );
    }
}
on_every_server!(sql_for_a_version_that_nobody_asks_runs_on_that_version);

#[test]
fn sql_for_a_server_that_is_too_old_is_refused() {
    let output = run(bare_pgkit().args(["relations", "--sql", "--server-version", "9"]));
    assert_eq!((output.code, output.stdout.as_str()), (Some(76), ""), "{}", output.snapshot());
}

fn sql_begins_with_a_transaction_that_only_reads_and_ends_it(bin: &Binaries) {
    let db = filled::filled(bin);
    let text = script(&db, &["relations", "--statement-timeout", "7s", "--lock-timeout", "30ms"]);
    assert!(
        text.starts_with("BEGIN TRANSACTION ") && text.lines().next().unwrap().ends_with("READ ONLY;"),
        "{text}"
    );
    assert!(text.ends_with("COMMIT;\n"), "{text}");
    assert!(text.contains("SET LOCAL statement_timeout = '7000ms';"), "{text}");
    assert!(text.contains("SET LOCAL lock_timeout = '30ms';"), "{text}");
    assert_eq!(text.contains("SET LOCAL jit = off;"), bin.major >= 11);
    // A plain SET would outlive the transaction.
    assert!(text.lines().all(|line| !line.starts_with("SET ") || line.starts_with("SET LOCAL ")), "{text}");
    assert!(!text.contains("$1"), "{text}");
}
on_every_server!(sql_begins_with_a_transaction_that_only_reads_and_ends_it);

#[test]
fn echo_hidden_shows_the_sql_with_its_parameters_on_stderr() {
    let db = filled::filled(bin());
    let plain = run(pgkit(&db).args(["relations", "things.o*", "--kind", "table"]));
    let output = run(pgkit(&db).args(["relations", "things.o*", "--kind", "table", "-E"]));
    assert_eq!(output.code, Some(0));
    assert_eq!(output.stdout, plain.stdout);
    for part in [
        "********* QUERY **********",
        "BEGIN TRANSACTION ",
        "FROM pg_catalog.pg_class c",
        "--   $1 = ARRAY['^(things)$']::text[]",
        "--   $2 = ARRAY['^(o.*)$']::text[]",
        "--   $3 = ARRAY['table']::text[]",
        "--   $4 = NULL::text[]",
    ] {
        assert!(output.stderr.contains(part), "{part}\n{}", output.stderr);
    }
}

#[test]
fn verbose_says_which_text_was_chosen_and_why() {
    let db = filled::filled(bin());
    let output = run(pgkit(&db).args(["sizes", "-v"]));
    assert!(
        output.stderr.contains("queries/reports/space/sizes.scan.sql: chosen for PostgreSQL"),
        "{}",
        output.stderr
    );
    let output = run(pgkit(&db).env("PGUSER", "catalog_nobody").args(["sizes", "-v"]));
    assert!(output.stderr.contains("queries/reports/space/sizes.scan.sql: skipped"), "{}", output.stderr);
    assert!(
        output.stderr.contains("queries/reports/space/sizes.sql: chosen for PostgreSQL"),
        "{}",
        output.stderr
    );
}

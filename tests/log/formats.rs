//! What was sent is what is read, in every format, whatever it holds.

use std::future::Future;

use serde_json::Value;

use super::*;

/// A prefix with every escape, and with what looks like the end of one.
const NASTY: &str = "%m|%n [%5p] %P %L %b %q<%-8u>@{%d} \"%a\" %r %h %i %e %c-%l %s %x:%v %Q 100%% (LOG:  ) ";

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Statements that were made to be taken for something else.
fn statements() -> Vec<String> {
    vec![
        "SELECT 1".to_owned(),
        "SELECT 'several\nlines\n\n\twith tabs\n  and blanks '".to_owned(),
        "SELECT '2026-11-24 06:24:50.123 UTC [12] LOG:  statement: not an entry'".to_owned(),
        "SELECT '\n2026-11-24 06:24:50.123 UTC|1795501490.123 [   12]   client backend <postgres>@{postgres} \"x\" LOG:  not an entry\n'".to_owned(),
        "SELECT '\n2026-11-24 06:24:50.123 UTC,\"postgres\",\"postgres\",1,\"[local]\",65640a2d.1,1,\"SELECT\",2026-11-24 06:24:50 UTC,3/4,0,LOG,00000,\"statement: inner\",,,,,,,,,\"psql\",\"client backend\",,0\n'".to_owned(),
        "SELECT '\n{\"timestamp\":\"2026-11-24 06:24:50.123 UTC\",\"error_severity\":\"LOG\",\"message\":\"inner\"}\n'".to_owned(),
        "SELECT '\"quoted\"', '\"\"', $$ \\ $$, ',', '%'".to_owned(),
        "SELECT 'é🐘 \u{1}\u{7f}\r\u{202e}'".to_owned(),
        "SELECT 'DETAIL:  parameters: $1 = ''x'''\n-- DETAIL:  x".to_owned(),
        format!("SELECT length('{}')", "y".repeat(300_000)),
        "SELECT 'last'".to_owned(),
    ]
}

fn every_statement_is_read_as_it_was_sent_in_every_format(bin: &Binaries) {
    for format in ["stderr", "csvlog", "jsonlog"] {
        if format == "jsonlog" && bin.major < 15 {
            continue;
        }
        let options = options(bin)
            .conf("logging_collector", "on")
            .conf("log_destination", format)
            .conf("log_line_prefix", &NASTY.replace('\'', "''"))
            .conf("log_timezone", "Europe/Berlin");
        let (_server, db) = server_with(&options);
        ok(&db, &["on", "--min-duration", "0", "--statement", "all"]);
        let session = db.session();
        session.sql("SET application_name = 'nasty: (LOG:  ) app'");
        for sql in statements() {
            session.sql(&sql);
        }
        let parameters = "it's\n\"$1\"\t\\";
        wait(session.client.query("SELECT $1::text, $2::int", &[&parameters, &None::<i32>])).unwrap();
        assert!(session.try_sql("SELECT *\nFROM nonexistent").is_err());
        let fail = "DO $$ BEGIN RAISE EXCEPTION 'bad\nthing' USING DETAIL = 'the\ndetail', HINT = 'the hint', ERRCODE = 'P0042'; END $$";
        assert!(session.try_sql(fail).is_err());
        drop(session);
        let what = format!("{format} on {}", bin.major);

        let mut rows: Vec<Value> = Vec::new();
        eventually("the log is written", || {
            let output = ok(&db, &["tail", "--format", "jsonl", "--app", "nasty: (LOG:  ) app"]);
            output.stdout.contains("P0042")
        });
        let output = ok(&db, &["tail", "--format", "jsonl", "--app", "nasty: (LOG:  ) app"]);
        for line in output.stdout.lines() {
            rows.push(serde_json::from_str(line).unwrap());
        }
        let sent: Vec<String> = statements();
        let read: Vec<&str> = rows
            .iter()
            .filter(|row| row["message"] == "statement" && row["severity"] == "LOG")
            .filter_map(|row| row["statement"].as_str())
            .filter(|sql| !sql.starts_with("DO ") && !sql.contains("nonexistent"))
            .collect();
        assert_eq!(read, sent, "{what}");
        let extended: Vec<&Value> =
            rows.iter().filter(|row| row["message"].as_str().unwrap().starts_with("execute ")).collect();
        assert!(!extended.is_empty(), "{what}");
        for row in extended {
            assert_eq!(row["statement"], "SELECT $1::text, $2::int", "{what}");
            assert_eq!(
                row["parameters"],
                format!("$1 = '{}', $2 = NULL", parameters.replace('\'', "''")),
                "{what}"
            );
        }
        let slow: Vec<&Value> = rows.iter().filter(|row| row["duration_ms"].is_number()).collect();
        assert!(slow.len() >= sent.len(), "{what}: {}", slow.len());
        let error =
            |state: &str| rows.iter().find(|row| row["message"].as_str().unwrap().contains(state)).unwrap();
        let relation = error("does not exist");
        assert_eq!(relation["severity"], "ERROR", "{what}");
        assert_eq!(relation["sqlstate"], "42P01", "{what}");
        assert_eq!(relation["statement"], "SELECT *\nFROM nonexistent", "{what}");
        let raised = error("bad\nthing");
        assert_eq!(
            (raised["detail"].as_str(), raised["hint"].as_str()),
            (Some("the\ndetail"), Some("the hint"))
        );
        assert!(raised["context"].as_str().unwrap().contains("PL/pgSQL"), "{what}");
        for row in &rows {
            assert_eq!(row["user"], "postgres", "{what}");
            assert_eq!(row["database"], "postgres", "{what}");
            let at: jiff::Timestamp = row["time"].as_str().unwrap().parse().unwrap();
            #[expect(clippy::disallowed_methods, reason = "the oracle is the clock")]
            let age = jiff::Timestamp::now().duration_since(at).as_secs();
            assert!((0..120).contains(&age), "{what}: {row}");
        }
        // Each question is answered.
        let count =
            |args: &[&str]| ok(&db, &[&["tail", "--format", "jsonl"], args].concat()).stdout.lines().count();
        assert_eq!(count(&["--errors", "--app", "nasty: (LOG:  ) app"]), 2, "{what}");
        assert_eq!(count(&["--database", "nowhere"]), 0, "{what}");
        assert_eq!(count(&["--user", "postgres", "--grep", "several"]), 1, "{what}");
        assert_eq!(count(&["--min-duration", "1h"]), 0, "{what}");
        assert_eq!(count(&["-n", "3"]), 3, "{what}");
        assert_eq!(count(&["--limit", "2"]), 2, "{what}");
        assert!(!ok(&db, &["tail"]).stdout.contains("/* pgkit */"), "{what}");
        ok(&db, &["off"]);
    }
}
on_every_server!(every_statement_is_read_as_it_was_sent_in_every_format);

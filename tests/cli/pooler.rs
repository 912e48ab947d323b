//! Through PgBouncer.

use super::through::{Pooler, program};
use super::*;
use crate::support::*;

/// What the next client of the same server session sees.
fn settings(db: &Db) -> Vec<String> {
    let names = [
        "statement_timeout",
        "lock_timeout",
        "search_path",
        "transaction_read_only",
        "default_transaction_read_only",
        "transaction_isolation",
        "standard_conforming_strings",
        "work_mem",
        "client_encoding",
    ];
    let mut psql = psql(db);
    for name in names {
        psql.arg("-c").arg(format!("SHOW {name}"));
    }
    psql.args(["-c", "SELECT coalesce(current_setting('jit', true), '-'), coalesce(current_setting('client_connection_check_interval', true), '-'), pg_backend_pid()"]);
    run(&mut psql).lines().iter().map(|l| (*l).to_owned()).collect()
}

#[test]
fn through_pgbouncer_every_report_works_and_the_next_client_sees_nothing_of_ours() {
    let Some(program) = program() else { return };
    for bin in bins() {
        let direct = database(server(bin).info(), "pooled");
        filled::fill(&direct, bin.major, 100);
        let own = Own::new(&[
            ("many", "\"n int8\"", "SELECT pg_catalog.generate_series(1::int8, 100000000) AS n"),
            ("fails", "\"n int4\"", "SELECT 1 / (SELECT 0) AS n"),
            ("slow", "\"t text\"", "SELECT pg_catalog.pg_sleep(20)::text AS t"),
        ]);
        for mode in ["session", "transaction"] {
            let pooler = Pooler::start(&program, &direct, mode);
            // The pool has one session: this is the one that we get too.
            let before = settings(&pooler.db);
            for args in [
                &["relations"][..],
                &["relations", "--visible"],
                &["functions"],
                // A term that does not occur in the databases and roles of other tests.
                &["find", "everything"],
                &["sizes", "--group-partitions"],
                &["relations", "things.*", "--kind", "table"],
            ] {
                let through = run(pgkit(&pooler.db).args(args));
                assert_eq!(
                    (through.code, through.stderr.as_str()),
                    (Some(0), ""),
                    "{mode} {}",
                    through.snapshot()
                );
                assert_eq!(
                    through.stdout,
                    run(pgkit(&direct).args(args)).stdout,
                    "{args:?} {mode} on {}",
                    bin.major
                );
                assert_eq!(settings(&pooler.db), before, "{args:?} {mode} on {}", bin.major);
            }
            // Others of this server's tests may be waiting meanwhile.
            assert_eq!(run(pgkit(&pooler.db).args(["locks", "-q"])).code, Some(0), "{mode} on {}", bin.major);
            let console = run(pgkit(&pooler.db).args(["relations", "-d", "pgbouncer"]));
            assert_eq!(console.code, Some(64), "{}", console.snapshot());
            assert!(console.stderr.contains("PgBouncer's admin console"), "{}", console.stderr);
            // What needs a session of its own gets none here.
            for args in [&["locks", "demo"][..], &["locks", "cancel", "1", "--yes"]] {
                let refused = run(pgkit(&pooler.db).args(args));
                assert_eq!((refused.code, refused.stdout.as_str()), (Some(64), ""), "{}", refused.snapshot());
                assert!(refused.stderr.contains("connection pooler"), "{}", refused.stderr);
            }
            assert_eq!(settings(&pooler.db), before, "{mode} on {}", bin.major);
            // A statement that is cut short, one that fails, one that times out: the session is as it was, or a new one.
            let limited = run(&mut own.run(&pooler.db, &["many", "--limit", "2"]));
            assert_eq!(limited.lines(), ["1", "2"]);
            for (args, code) in [(&["fails"][..], 65), (&["slow", "--statement-timeout", "100ms"], 75)] {
                assert_eq!(run(&mut own.run(&pooler.db, args)).code, Some(code), "{args:?}");
            }
            // What needs a session of its own refuses, before it has set anything.
            for args in [
                &["log", "on"][..],
                &["log", "off"],
                &["log", "status"],
                &["log", "tail"],
                &["bench", "a=SELECT 1"],
            ] {
                let refused = run(pgkit(&pooler.db).args(args));
                assert_eq!(refused.code, Some(64), "{args:?} {mode} {}", refused.snapshot());
                assert!(refused.stderr.contains("there is a connection pooler"), "{}", refused.stderr);
            }
            let after = settings(&pooler.db);
            assert_eq!(after[..9], before[..9], "{mode} on {}", bin.major);
        }
    }
}

#[test]
fn a_setting_that_pgbouncer_does_not_take_is_named_with_the_way_out() {
    let Some(program) = program() else { return };
    let direct = db("options");
    let pooler = Pooler::start(&program, &direct, "transaction");
    for (variable, value) in [("PGOPTIONS", "-c geqo=off"), ("PGTZ", "Europe/Berlin")] {
        let output = run(pgkit(&pooler.db).env(variable, value).arg("relations"));
        assert_eq!(output.code, Some(69), "{}", output.snapshot());
        assert!(output.stderr.contains("unset PGOPTIONS"), "{}", output.stderr);
    }
}

//! Every report, while other sessions create and drop objects of all kinds.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::support::*;

/// Creates one object of every kind that a report shows. `{n}` is the number of the session, for distinct names.
const MADE: &str = "
    CREATE SCHEMA goes{n};
    CREATE TYPE goes{n}.mood AS ENUM ('goes');
    CREATE DOMAIN goes{n}.small AS int CHECK (VALUE < 10);
    CREATE TYPE goes{n}.pair AS (a goes{n}.mood, b int);
    CREATE TABLE goes{n}.goes (id int PRIMARY KEY DEFAULT 5, body text CHECK (body <> 'x'), m goes{n}.mood, p goes{n}.pair);
    CREATE TABLE goes{n}.parted (id int, m goes{n}.mood) PARTITION BY LIST (m);
    CREATE TABLE goes{n}.part PARTITION OF goes{n}.parted FOR VALUES IN ('goes');
    CREATE INDEX ON goes{n}.goes (lower(body)) WHERE id > 3;
    CREATE STATISTICS goes{n}.stats ON id, body FROM goes{n}.goes;
    CREATE VIEW goes{n}.goes_view AS SELECT * FROM goes{n}.goes;
    CREATE FUNCTION goes{n}.of_mood(m goes{n}.mood DEFAULT 'goes', p goes{n}.pair DEFAULT NULL) RETURNS SETOF goes{n}.pair LANGUAGE sql AS 'SELECT $2';
    CREATE FUNCTION goes{n}.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER fires BEFORE INSERT ON goes{n}.goes FOR EACH ROW EXECUTE PROCEDURE goes{n}.fires();
    CREATE POLICY goes_policy ON goes{n}.goes USING (id > 1);
    CREATE RULE goes_rule AS ON DELETE TO goes{n}.goes DO INSTEAD NOTHING;
    CREATE AGGREGATE goes{n}.total(goes{n}.small) (SFUNC = int4pl, STYPE = int4);
    CREATE OPERATOR goes{n}.## (PROCEDURE = goes{n}.of_mood, LEFTARG = goes{n}.mood, RIGHTARG = goes{n}.pair);
    CREATE CAST (goes{n}.pair AS goes{n}.mood) WITH INOUT;
    COMMENT ON TABLE goes{n}.goes IS 'it goes';
    COMMENT ON COLUMN goes{n}.goes.body IS 'it goes';
    COMMENT ON FUNCTION goes{n}.of_mood(goes{n}.mood, goes{n}.pair) IS 'it goes';
    COMMENT ON TYPE goes{n}.mood IS 'it goes';
    COMMENT ON TRIGGER fires ON goes{n}.goes IS 'it goes';
    COMMENT ON CONSTRAINT goes_pkey ON goes{n}.goes IS 'it goes'";

/// The command lines to try for a report.
fn lines(name: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    match name {
        "find" => vec![words("find"), words("find goes")],
        "functions" | "relations" => vec![words(name), words(&format!("{name} --visible"))],
        "sizes" => vec![words("sizes"), words("sizes --group-partitions")],
        "describe" => {
            vec![words("describe goes"), words("describe goes1.goes"), words("describe goes1.parted")]
        }
        "locks" => vec![words("locks"), words("locks --all")],
        _ => vec![words(name)],
    }
}

fn while_objects_come_and_go_no_report_fails(bin: &Binaries) {
    let db = database(server(bin).info(), "churn");
    db.sql("CREATE TABLE stays (id int PRIMARY KEY)");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let churn = |n: usize| {
            let (db, stop) = (&db, &stop);
            scope.spawn(move || {
                let session = db.session();
                let made = MADE.replace("{n}", &n.to_string());
                let mut rounds = 0;
                while !stop.load(Ordering::Relaxed) {
                    session.sql(&format!("{made}; SET client_min_messages = warning"));
                    session.sql(&format!("DROP SCHEMA goes{n} CASCADE"));
                    rounds += 1;
                }
                rounds
            })
        };
        let churns = [churn(0), churn(1)];
        let stopping = Stop(&stop);
        let runs = if bin == &bins()[0] { 5 } else { 3 };
        // What needs an extension is tried where it is installed.
        let reports = server_reports();
        for report in reports.iter().filter(|report| !needs_extension(report)) {
            for line in lines(&report.name) {
                for _ in 0..runs {
                    let output = run(pgkit(&db).args(&line));
                    assert_eq!(output.code, Some(0), "{line:?} on {}: {}", bin.major, output.snapshot());
                    let has_stayed = output.stdout.contains("stays");
                    assert!(
                        has_stayed
                            || !matches!(report.name.as_str(), "find" | "relations" | "sizes")
                            || line.contains(&"goes".to_owned()),
                        "{line:?}"
                    );
                }
            }
        }
        drop(stopping);
        for churn in churns {
            assert!(churn.join().unwrap() > 10);
        }
    });
}
on_every_server!(while_objects_come_and_go_no_report_fails);

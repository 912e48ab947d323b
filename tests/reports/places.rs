//! Every report of the registry, wherever and as whomever it may have to run. What is built in later is tried here too.

use pgkit::report;

use super::pooler::{self, Pooler};
use super::replica::replica;
use crate::support::*;

/// The roles: `customer` is what a managed service gives to its customers, who are no superusers.
const ROLES: &str = "
    CREATE ROLE nobody_special LOGIN;
    CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
    CREATE ROLE rds_superuser CREATEDB CREATEROLE;
    GRANT pg_monitor, pg_signal_backend TO rds_superuser;
    CREATE ROLE customer LOGIN CREATEDB CREATEROLE IN ROLE rds_superuser;
    CREATE DATABASE rdsadmin;
    CREATE DATABASE shop OWNER customer;
    CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
    CREATE DATABASE western ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";

/// What is in each database.
const OBJECTS: &str = "
    CREATE TABLE stays (id int PRIMARY KEY, body text DEFAULT 'x');
    INSERT INTO stays SELECT g, 'text' FROM generate_series(1, 1000) g;
    CREATE TABLE stays_2024 (id int);
    CREATE UNLOGGED TABLE stays_unlogged (id int);
    INSERT INTO stays_unlogged VALUES (1);
    CREATE VIEW stays_view AS SELECT * FROM stays;
    CREATE FUNCTION stays_function(id int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    COMMENT ON TABLE stays IS 'it stays'";

const USERS: [&str; 4] = ["", "nobody_special", "watcher", "customer"];
const DATABASES: [&str; 3] = ["shop", "ascii", "western"];

/// What may be said beside an answer: who may not see or enter something is told so.
const SAID: &str = "^pgkit: (cannot connect, skipped: .*|[0-9]+ sessions? hidden: needs .*)$";

/// Reports that count nothing, so that all of their columns are compared.
const WHOLE: &[&str] = &["find", "functions", "locks", "relations", "sizes"];

/// Reports that show, or judge by, what this server has counted, so that a standby finds other things.
const ONLY_HERE: &[&str] = &["index-problems", "describe"];

/// The command line of a report, with a word where it needs one.
fn line(report: &report::Report) -> Vec<String> {
    let mut line = line_of(report, "stays");
    line.extend((report.name == "find").then(|| "stays".to_owned()));
    if !WHOLE.contains(&report.name.as_str()) {
        // What has been counted on a server differs from one to the next, and from one moment to the next.
        line.extend(["--columns".to_owned(), report.key.join(",")]);
    }
    line
}

/// The rows that are the same everywhere: an unlogged table has no contents on a standby.
fn lasting(rows: &[String]) -> Vec<&String> {
    rows.iter().filter(|row| !row.contains("unlogged")).collect()
}

struct Seen<'a> {
    reports: Vec<report::Report>,
    said: &'a regex::Regex,
    major: u32,
    failed: &'a mut Vec<String>,
}

impl Seen<'_> {
    /// The rows of every report as this role, in the order of the names. `everywhere`: in all databases at once.
    fn answers(&mut self, place: &str, db: &Db, user: &str, everywhere: bool) -> Vec<(String, Vec<String>)> {
        let mut all = Vec::new();
        for report in &self.reports {
            if everywhere && report.scope != report::Scope::Database {
                continue;
            }
            let mut command = pgkit(db);
            if !user.is_empty() {
                command.args(["-U", user]);
            }
            command.args(line(report)).args(everywhere.then_some("--all-databases"));
            let output = run(&mut command);
            let says = |line: &str| {
                report.texts.iter().flat_map(|text| &text.hidden).any(|one| line.ends_with(&one.says))
            };
            let said = output.stderr.lines().all(|line| self.said.is_match(line) || says(line));
            if output.code != Some(0) || !said {
                self.failed.push(format!(
                    "{} as {user:?} {place}, {}, on {}: {}",
                    report.name,
                    db.name,
                    self.major,
                    output.snapshot()
                ));
            }
            let mut rows: Vec<String> = output.stdout.lines().map(str::to_owned).collect();
            // A report may put first what is used most here.
            rows.sort();
            all.push((report.name.clone(), rows));
        }
        all
    }
}

#[test]
fn every_report_answers_everywhere_and_says_the_same() {
    let mut failed = Vec::new();
    let said = regex::Regex::new(SAID).unwrap();
    for bin in bins() {
        let options = options(bin).conf("autovacuum", "off");
        let mut server = own_server(&options);
        let postgres = Db::existing(server.info(), "postgres");
        ROLES.split(';').for_each(|sql| drop(postgres.sql(sql)));
        for name in DATABASES {
            Db::existing(server.info(), name).sql(OBJECTS);
        }
        let hba = server.info().data_dir.join("pg_hba.conf");
        let rules = std::fs::read_to_string(&hba).unwrap();
        let closed: String =
            USERS[1..].iter().map(|user| format!("local rdsadmin {user} reject\n")).collect();
        std::fs::write(&hba, format!("{closed}{rules}")).unwrap();
        postgres.sql("CHECKPOINT");
        let standby = replica(&mut server, bin, &options);

        let mut reports = server_reports();
        // What needs an extension is tried where it is installed.
        reports.retain(|report| !needs_extension(report));
        assert!(reports.len() >= 5);
        let mut seen = Seen { reports, said: &said, major: bin.major, failed: &mut failed };
        // Which characters an encoding has does not depend on the version, so the other encodings run only on the newest.
        let is_newest = bins().iter().all(|other| other.major <= bin.major);
        for name in if is_newest { &DATABASES[..] } else { &DATABASES[..1] } {
            let db = Db::existing(server.info(), name);
            let there = Db::existing(standby.info(), name);
            let pooler = pooler::program().map(|program| Pooler::start(&program, &db, "transaction"));
            // Roles see as much in a database of any encoding.
            let users = if *name == DATABASES[0] { &USERS[..] } else { &USERS[..2] };
            for user in users.iter().copied() {
                let here = seen.answers("directly", &db, user, false);
                let mut others = Vec::new();
                // What a role may see is the same through the pooler.
                let is_plain = USERS[..2].contains(&user);
                if let Some(pooler) = pooler.as_ref().filter(|_| is_plain) {
                    others.push((
                        "through PgBouncer",
                        seen.answers("through PgBouncer", &pooler.db, user, false),
                    ));
                }
                if *name == DATABASES[0] {
                    // Its size on the primary cannot be known on the standby, whoever asks.
                    let mut sizes = pgkit(&there);
                    sizes.args((!user.is_empty()).then_some(["-U", user]).into_iter().flatten());
                    let sizes = run(sizes.args(["sizes", "stays_unlogged"])).stdout;
                    assert_eq!(
                        sizes, "public\tstays_unlogged\ttable\t1\t\t\t\t\t\tunlogged\n",
                        "as {user:?}"
                    );
                    if is_plain {
                        seen.answers("in all databases", &db, user, true);
                    }
                    others.push(("on a standby", seen.answers("on a standby", &there, user, false)));
                }
                let differs = |other: &[(String, Vec<String>)]| {
                    here.iter().zip(other).any(|((_, rows), (_, other))| lasting(rows) != lasting(other))
                };
                for (place, other) in others.iter().filter(|(_, other)| differs(other)) {
                    let is_standby = *place == "on a standby";
                    // What changes from one moment to the next differs by itself.
                    let again = seen.answers("directly", &db, user, false);
                    for (((report, rows), (_, again)), (_, other)) in here.iter().zip(&again).zip(other) {
                        let is_of_server = seen
                            .reports
                            .iter()
                            .any(|one| one.name == *report && one.scope == report::Scope::Server);
                        if is_of_server || (is_standby && ONLY_HERE.contains(&report.as_str())) {
                            continue;
                        }
                        if rows == again && lasting(rows) != lasting(other) {
                            let (rows, other) = (rows.join("\n"), other.join("\n"));
                            let on = bin.major;
                            seen.failed.push(format!(
                                "{report} as {user:?} {place}, {name}, on {on}:\n{other}\n--- directly:\n{rows}"
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

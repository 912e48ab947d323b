//! What cannot be done is said, with what would be needed, and nothing is half done.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;

use pgkit::sandbox::Stop;

use super::*;

/// A user (daemon) that no test server runs as: the sandbox takes postgres, nobody or the like.
const STRANGER: u32 = 1;

#[test]
fn wrong_usage_is_told_before_anybody_connects() {
    let bad: Vec<Vec<&str>> = vec![
        vec!["on", "--for", "10"],
        vec!["on", "--for", "0"],
        vec!["on", "--for", "-5m"],
        vec!["on", "--max-size", "big"],
        vec!["on", "--max-size", "0"],
        vec!["on", "--statement", "none"],
        vec!["on", "--global", "--role", "x"],
        vec!["on", "--min-duration", "30d"],
        vec!["off", "--force", "--keep"],
        vec!["tail", "--sort", "time", "-f"],
        vec!["tail", "--columns", "nonsense"],
        vec!["tail", "--line-prefix", "%m "],
        vec!["status", "--sql"],
        vec!["status", "--watch", "1"],
        vec!["on", "--tail", "--columns", "nonsense"],
        vec!["nonsense"],
        vec![],
    ];
    for args in &bad {
        let output = run(bare_pgkit().arg("log").args(args.iter()).args(["-h", "/nonexistent"]));
        assert_eq!(output.code, Some(64), "{args:?}\n{}", output.snapshot());
        assert!(output.stderr.starts_with("pgkit: ") || args.is_empty(), "{args:?}\n{}", output.snapshot());
    }
    let output = run(bare_pgkit().args(["log", "on", "-h", "/nonexistent"]));
    assert_eq!(output.code, Some(69), "{}", output.snapshot());
}

fn a_role_without_rights_is_told_the_exact_grant_and_the_grant_is_enough(bin: &Binaries) {
    let (_server, db) = server_with(&options(bin));
    db.sql("CREATE ROLE a LOGIN; CREATE ROLE b LOGIN; CREATE ROLE c LOGIN");
    db.sql("CREATE DATABASE shop OWNER b");
    let before = (auto_conf(&db), db_role(&db));
    for (role, place) in [("a", &["--global"][..]), ("b", &["--database", "shop"]), ("c", &["--role", "c"])] {
        let as_oncall = |args: &[&str]| run(pgkit(&db).env("PGUSER", role).arg("log").args(args));
        let refused = as_oncall(&[&["on"], place].concat());
        assert_eq!(refused.code, Some(77), "{}", refused.snapshot());
        assert_eq!((auto_conf(&db), db_role(&db)), before);
        if bin.major < 15 {
            assert!(refused.stderr.contains("this needs a superuser"), "{}", refused.stderr);
            continue;
        }
        // What the hint says, word for word.
        let grants = refused.stderr.split("as a superuser: ").nth(1).unwrap();
        let grants = grants.split("; and ").next().unwrap().lines().next().unwrap();
        for grant in grants.split(';').map(str::trim).filter(|grant| !grant.is_empty()) {
            db.sql(grant);
        }
        let done = as_oncall(&[&["on"], place].concat());
        assert_eq!(done.code, Some(0), "{}", done.snapshot());
        assert_ne!((auto_conf(&db), db_role(&db)), before);
        assert_eq!(as_oncall(&["off"]).code, Some(0));
        assert_eq!((auto_conf(&db), db_role(&db)), before, "{place:?}");
    }
}
on_every_server!(a_role_without_rights_is_told_the_exact_grant_and_the_grant_is_enough);

fn on_a_managed_service_it_says_what_its_customers_can_do(bin: &Binaries) {
    for (administrators, name, log) in [
        ("rds_superuser", "Amazon RDS", "download-db-log-file-portion"),
        ("cloudsqlsuperuser", "Cloud SQL", "cloudsql_database"),
        ("alloydbsuperuser", "AlloyDB", "alloydb.googleapis.com/Instance"),
        ("azure_pg_admin", "Azure Database for PostgreSQL", "server-logs download"),
    ] {
        let mut options = options(bin).conf("logging_collector", "on");
        options.settings.tcp = true;
        let (_server, db) = server_with(&options);
        db.sql(&format!("CREATE ROLE {administrators}"));
        let session = db.session();
        session.sql("SET password_encryption = 'scram-sha-256'");
        session.sql(&format!("CREATE ROLE customer LOGIN PASSWORD 'x' IN ROLE {administrators}"));
        let hinted = |args: &[&str]| {
            let mut command = pgkit(&db);
            command.envs(db.info.env()).env("PGUSER", "customer").env("PGPASSWORD", "x");
            command.arg("log").args(args);
            if nix::unistd::geteuid().is_root() {
                // On its own machine root may read the file, and nobody else.
                command.uid(STRANGER).gid(STRANGER);
            }
            let output = run(&mut command);
            assert_eq!(output.code, Some(77), "{}", output.snapshot());
            assert!(!output.stderr.contains("a superuser can") && !output.stderr.contains("as a superuser"));
            output.stderr
        };
        let on = hinted(&["on"]);
        assert!(on.contains(&format!("{name} does not allow ALTER SYSTEM")), "{on}");
        assert!(on.contains("pgkit log on --database NAME") && on.contains(administrators), "{on}");
        assert!(hinted(&["tail"]).contains(log));
        // The others differ in nothing that depends on the server's version.
        if bin != &bins()[0] {
            break;
        }
    }
}
on_every_server!(on_a_managed_service_it_says_what_its_customers_can_do);

#[test]
fn a_role_without_rights_still_sees_what_is_on() {
    let (_server, db) = server_with(&options(bin()));
    db.sql("CREATE ROLE nobody LOGIN");
    ok(&db, &["on", "--database", "postgres"]);
    ok(&db, &["on"]);
    let status = run(pgkit(&db).env("PGUSER", "nobody").args(["log", "status", "--measure", "0"]));
    assert_eq!(status.code, Some(0), "{}", status.snapshot());
    assert!(
        status.stdout.contains("database \"postgres\"\tlog_statement\tall\t\ton\t"),
        "{}",
        status.snapshot()
    );
    ok(&db, &["off"]);
}

#[test]
fn what_the_command_line_fixes_cannot_be_switched() {
    let (mut server, db) = server_with(&options(bin()));
    server.stop(Stop::Fast).unwrap();
    let _postgres = Postgres::start(bin(), &db, &["-c", "log_statement=none"]);
    eventually("it is there", || db.try_sql("SELECT 1").is_ok());
    let refused = log(&db, &["on"]);
    assert_eq!(refused.code, Some(1), "{}", refused.snapshot());
    assert!(
        refused.stderr.contains("log_statement = none is set on the server's command line"),
        "{}",
        refused.stderr
    );
    assert!(auto_conf(&db).is_empty());
    // A database is stronger than the command line.
    let on = ok(&db, &["on", "--database", "postgres"]);
    assert!(on.stderr.contains("a fresh session has it"), "{}", on.stderr);
    ok(&db, &["off"]);
}

#[test]
fn what_wins_against_it_is_named_and_who_will_not_log_is_counted() {
    let (_server, db) = server_with(&options(bin()));
    db.sql("CREATE ROLE quiet LOGIN; ALTER ROLE quiet SET log_statement = 'none'; CREATE ROLE other LOGIN; ALTER ROLE other IN DATABASE postgres SET log_statement = 'ddl'");
    let _deaf = db.session_as("quiet");
    let _reached = db.session();
    let on = ok(&db, &["on"]);
    assert!(
        on.stderr.contains("WARNING: role \"quiet\" has log_statement = none, which overrides it"),
        "{}",
        on.stderr
    );
    assert!(
        on.stderr.contains("role \"other\" in database \"postgres\" has log_statement = ddl"),
        "{}",
        on.stderr
    );
    assert!(on.stderr.contains("1 existing sessions will not log"), "{}", on.stderr);
    assert!(on.stderr.contains("a fresh session has it"), "{}", on.stderr);
    ok(&db, &["off"]);
    db.sql("ALTER ROLE postgres SET log_statement = 'mod'");
    let on = ok(&db, &["on"]);
    assert!(
        on.stderr.contains("a fresh session has log_statement = mod, from this role's own settings"),
        "{}",
        on.stderr
    );
    ok(&db, &["off"]);
    let options = run(pgkit(&db).env("PGOPTIONS", "-c log_statement=ddl").args(["log", "on"]));
    assert!(options.stderr.contains("this client's own options"), "{}", options.stderr);
    ok(&db, &["off"]);
}

#[test]
fn a_record_that_is_none_of_pgkits_is_never_acted_on() {
    let (_server, db) = server_with(&options(bin()));
    let hostile = r#"{"version":1,"id":"x","by":"x","since":"2026-01-01T00:00:00Z","until":null,"max_bytes":null,"settings":{"archive_command":{"set":"","was":"rm -rf /"}}}"#;
    db.sql(&format!("ALTER DATABASE postgres SET pgkit.log = '{hostile}'"));
    for args in [&["off"][..], &["status"], &["on", "--database", "postgres"]] {
        let output = log(&db, args);
        assert_eq!(output.code, Some(65), "{}", output.snapshot());
        assert!(output.stderr.contains("archive_command"), "{}", output.stderr);
    }
    assert!(auto_conf(&db).is_empty());
}

#[test]
fn a_fault_in_the_servers_file_is_told_before_anything_is_changed() {
    let (_server, db) = server_with(&options(bin()));
    let path = db.info.data_dir.join("postgresql.auto.conf");
    let text = std::fs::read_to_string(&path).unwrap() + "work_mem = = 5\n";
    std::fs::write(&path, &text).unwrap();
    let output = log(&db, &["on"]);
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn on_a_standby_only_the_server_itself_can_be_switched() {
    let (mut server, db) = server_with(&options(bin()));
    server.stop(Stop::Fast).unwrap();
    let owner = std::fs::metadata(&db.info.data_dir).unwrap();
    let signal = db.info.data_dir.join("standby.signal");
    std::fs::write(&signal, "").unwrap();
    chown(&signal, Some(owner.uid()), Some(owner.gid())).unwrap();
    let _postgres = Postgres::start(bin(), &db, &[]);
    eventually("it takes readers", || db.try_sql("SELECT 1").is_ok());
    for place in [&["--database", "postgres"][..], &["--role", "postgres"]] {
        let refused = log(&db, &[&["on"], place].concat());
        assert_eq!(refused.code, Some(64), "{}", refused.snapshot());
        assert!(refused.stderr.contains("is a standby"), "{}", refused.stderr);
    }
    ok(&db, &["on", "--for", "2s"]);
    eventually_shows(&db, "log_statement", "all");
    eventually("it is off", || auto_conf(&db).is_empty());
}

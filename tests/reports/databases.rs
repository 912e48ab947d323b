//! --all-databases: one answer from each, and what cannot be asked is named.

use super::*;
use crate::support::*;

/// A server of its own: the databases of other tests come and go on the shared one.
struct Cluster {
    server: pgkit::sandbox::Server,
}

impl Cluster {
    fn new() -> Cluster {
        let server = own_server(&options(bin()));
        let postgres = Db::existing(server.info(), "postgres");
        for statement in [
            "CREATE ROLE visitor LOGIN",
            "CREATE DATABASE alpha",
            "CREATE DATABASE \"it's \"\"quoted\"\"\"",
            "CREATE DATABASE closed_to_public",
            "REVOKE CONNECT ON DATABASE closed_to_public FROM PUBLIC",
            "CREATE DATABASE takes_nobody WITH ALLOW_CONNECTIONS false",
        ] {
            postgres.sql(statement);
        }
        for database in ["alpha", "it's \"quoted\"", "closed_to_public"] {
            Db::existing(server.info(), database).sql("CREATE TABLE one (id int); CREATE TABLE two (id int)");
        }
        Cluster { server }
    }

    fn pgkit(&self, user: &str) -> Command {
        let mut command = pgkit(&Db::existing(self.server.info(), "postgres"));
        command.env("PGUSER", user);
        command
    }
}

#[test]
fn every_database_answers_in_the_order_of_names_and_what_is_closed_is_named() {
    let cluster = Cluster::new();
    let output = run(cluster.pgkit("visitor").args(["relations", "--all-databases"]));
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let rows = tsv(&output.stdout);
    let shown: Vec<(&str, &str)> = rows.iter().map(|r| (r[0].as_str(), r[2].as_str())).collect();
    assert_eq!(
        shown,
        [("alpha", "one"), ("alpha", "two"), ("it's \"quoted\"", "one"), ("it's \"quoted\"", "two")]
    );
    assert_eq!(output.stderr, "pgkit: cannot connect, skipped: closed_to_public, takes_nobody, template0\n");
    // The superuser may look into one more.
    let output = run(cluster.pgkit("postgres").args(["relations", "--all-databases"]));
    assert_eq!(output.lines().len(), 6);
    assert_eq!(output.stderr, "pgkit: cannot connect, skipped: takes_nobody, template0\n");
    let quiet = run(cluster.pgkit("postgres").args(["relations", "--all-databases", "-q"]));
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));

    // One sort, limit and array over all.
    let output = run(cluster.pgkit("postgres").args([
        "relations",
        "--all-databases",
        "-q",
        "--sort",
        "name:desc",
        "--limit",
        "3",
        "--columns",
        "database,name",
    ]));
    assert_eq!(output.lines(), ["alpha\ttwo", "closed_to_public\ttwo", "it's \"quoted\"\ttwo"]);
    let output = run(cluster.pgkit("postgres").args([
        "relations",
        "--all-databases",
        "-q",
        "--json",
        "--columns",
        "database,name",
    ]));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[5]["database"], "it's \"quoted\"");

    // A limit ends it early.
    let output = run(cluster.pgkit("postgres").args(["relations", "--all-databases", "-q", "--limit", "1"]));
    assert_eq!(output.lines().len(), 1);

    // A database that fails is named, the rest goes on, and its code is the command's.
    let postgres = Db::existing(cluster.server.info(), "postgres");
    postgres.sql("ALTER DATABASE alpha CONNECTION LIMIT 0");
    let output = run(cluster.pgkit("visitor").args(["relations", "--all-databases", "-q"]));
    assert_eq!(tsv(&output.stdout).len(), 2, "{}", output.snapshot());
    assert!(output.stderr.starts_with("pgkit: database \"alpha\": "), "{}", output.stderr);
    assert_ne!(output.code, Some(0));

    // A pattern that matches nothing anywhere says so once.
    postgres.sql("ALTER DATABASE alpha CONNECTION LIMIT -1");
    let output = run(cluster.pgkit("visitor").args(["relations", "nothing", "--all-databases"]));
    assert_eq!(
        output.stderr.lines().filter(|l| l.contains("nothing matches")).count(),
        1,
        "{}",
        output.stderr
    );
}

#[test]
fn what_a_provider_keeps_to_itself_is_passed_over_and_what_is_excluded_is_not_asked() {
    let cluster = Cluster::new();
    let info = cluster.server.info();
    let postgres = Db::existing(info, "postgres");
    postgres.sql("CREATE DATABASE provider");
    postgres.sql("CREATE DATABASE western ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    let hba = info.data_dir.join("pg_hba.conf");
    let rules = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("local provider visitor reject\n{rules}")).unwrap();
    postgres.sql("SELECT pg_reload_conf()");
    let databases = |more: &[&str], exclude: &str| {
        let mut command = cluster.pgkit("visitor");
        command.env("PGKIT_EXCLUDE_DATABASE", exclude);
        let output = run(command.args(["find", "--all-databases"]).args(more));
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
        let mut names: Vec<String> = tsv(&output.stdout).into_iter().map(|row| row[0].clone()).collect();
        names.dedup();
        (names, output.stderr)
    };
    eventually("the rule holds", || {
        run(cluster.pgkit("visitor").env("PGDATABASE", "provider").arg("relations")).code == Some(69)
    });
    let (names, said) = databases(&["one"], "");
    assert_eq!(names, ["alpha", "it's \"quoted\""]);
    assert_eq!(said, "pgkit: cannot connect, skipped: closed_to_public, provider, takes_nobody, template0\n");
    // A term that the encoding cannot represent does not occur in that database.
    Db::existing(info, "alpha").sql("CREATE TABLE \"語\" (id int)");
    assert_eq!(databases(&["語"], "").0, ["alpha"]);
    // Excluded databases are neither searched nor mentioned.
    let (names, said) =
        databases(&["one", "--exclude-database", "AL*", "--exclude-database", "closed*"], "provider, t*");
    assert_eq!((names, said.as_str()), (vec!["it's \"quoted\"".to_owned()], ""));
    let bad = run(cluster.pgkit("visitor").args(["find", "--all-databases", "--exclude-database", "a.b"]));
    assert_eq!(bad.code, Some(65), "{}", bad.snapshot());
}

#[test]
fn a_database_whose_name_is_not_utf8_is_named_and_is_no_success() {
    let server = own_server(&options(bin()));
    let postgres = Db::existing(server.info(), "postgres");
    postgres.sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    let bytes = Db::existing(server.info(), "bytes");
    let mut create = psql(&bytes);
    create.env("PGCLIENTENCODING", "SQL_ASCII").stdin(std::process::Stdio::piped());
    let mut child = create.spawn().unwrap();
    let sql = b"CREATE DATABASE \"d\xe9\" ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;\nCREATE TABLE here ();\n";
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), sql).unwrap();
    assert!(child.wait().unwrap().success());
    let found = run(pgkit(&bytes).args(["relations", "--all-databases", "--columns", "database,name"]));
    assert_eq!((found.code, found.stdout.as_str()), (Some(65), "bytes\there\n"), "{}", found.snapshot());
    assert!(found.stderr.contains("its name is not UTF-8"), "{}", found.snapshot());
    let without = run(pgkit(&bytes).args(["relations", "--all-databases", "--exclude-database", "d?"]));
    assert_eq!(without.code, Some(0), "{}", without.snapshot());
}

#[test]
fn a_database_that_is_dropped_meanwhile_is_no_failure_but_a_session_that_is_ended_is_one() {
    // The list of databases may have been read in the very database that is dropped.
    for (is_dropped, through) in [(true, "postgres"), (true, "alpha"), (false, "postgres")] {
        let cluster = Cluster::new();
        let postgres = Db::existing(cluster.server.info(), "postgres");
        let mut command = cluster.pgkit("postgres");
        command.args(["extensions", "--all-databases", "--lock-timeout", "0", "-d", through]);
        let output = run_while_ended(&postgres, "alpha", is_dropped, command);
        assert_eq!(output.code, Some(if is_dropped { 0 } else { 69 }), "{}", output.snapshot());
        assert!(!output.stderr.contains("[["), "{}", output.snapshot());
        let dropped = output.stderr.contains("database \"alpha\" was dropped in the meantime");
        assert_eq!(dropped, is_dropped, "{}", output.snapshot());
        assert!(output.stdout.starts_with("closed_to_public\t"), "{}", output.snapshot());
    }
}

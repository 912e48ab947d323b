//! Names of a real server.

use super::typed::*;
use super::*;

fn environment(db: &Db) -> Vec<(String, String)> {
    let mut environment: Vec<(String, String)> =
        db.info.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    environment.push(("PGDATABASE".to_owned(), db.name.clone()));
    environment
}

/// Databases of these names, as far as they are this test's. They go with it.
fn databases(db: &Db, tails: &[&str]) -> Vec<Db> {
    let create = |tail: &&str| {
        let name = format!("{}{tail}", db.name);
        db.sql(&format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\"")));
        Db { info: db.info.clone(), name }
    };
    tails.iter().map(create).collect()
}

#[test]
fn a_databases_name_is_completed_as_it_is() {
    let db = db("tabs");
    let room = Room::new();
    let others =
        databases(&db, &["a$(touch P)", "b;touch P;", "c`touch P`", "d'x' y", "e!!", "f\ntouch P\n", "Näme"]);
    for shell in installed() {
        let mut terminal = Terminal::live(&room, shell, &environment(&db));
        for other in &others {
            let beginning: String = other.name.chars().take(db.name.len() + 1).collect();
            if other.name.contains('\n') {
                terminal.types(&format!("pgkit -d {beginning}\t\r"));
                assert_eq!(terminal.sync(), [["-d", &beginning]], "{shell:?}\n{}", terminal.shown());
                continue;
            }
            for quote in ["", "'", "\""] {
                terminal.completes(&format!("pgkit -d {quote}{beginning}\t\r"), &["-d", &other.name]);
            }
            let whole = format!("--dbname={}", other.name);
            terminal.completes(&format!("pgkit --dbname={beginning}\t\r"), &[&whole]);
        }
        assert_eq!(room.made(), [""; 0], "{shell:?}");
    }
}

#[test]
fn relations_schemas_functions_and_roles_are_completed_as_they_are() {
    // The role is seen by every test of this server, so no other test looks for a part of its name.
    let db = db("typedq");
    let room = Room::new();
    let role = format!("{}r$(touch P)", db.name);
    db.sql(&format!(
        "CREATE TABLE \"qd'$(touch P)'\" (a int); CREATE TABLE \"Odd Name\" (a int);
         CREATE SCHEMA \"S;touch P;\"; CREATE TABLE \"S;touch P;\".\"t\"\"`touch P`\" (a int);
         CREATE FUNCTION \"fx$(touch P)\"() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE ROLE \"{role}\""
    ));
    let start = role.split('$').next().unwrap();
    for shell in installed() {
        let mut terminal = Terminal::live(&room, shell, &environment(&db));
        for (keys, call) in [
            ("relations '\"qd\t\r", ["relations", "\"qd'$(touch P)'\""]),
            ("relations \\\"qd\t\r", ["relations", "\"qd'$(touch P)'\""]),
            ("relations \"\\\"qd\t\r", ["relations", "\"qd'$(touch P)'\""]),
            ("sizes \\\"Odd\t\r", ["sizes", "\"Odd Name\""]),
            ("relations '\"S;touch P;\".\"t\t\r", ["relations", "\"S;touch P;\".\"t\"\"`touch P`\""]),
            ("relations \\\"S\t\r", ["relations", "\"S;touch P;\"."]),
            ("functions '\"fx\t\r", ["functions", "\"fx$(touch P)\""]),
        ] {
            terminal.completes(&format!("pgkit {keys}"), &call);
        }
        terminal.completes(&format!("pgkit log tail --user {start}\t\r"), &["log", "tail", "--user", &role]);
        assert_eq!(room.made(), [""; 0], "{shell:?}");
    }
    db.sql(&format!("DROP ROLE \"{role}\""));
}

/// Checks which candidates bash gets for this line, in this database. pgkit waits only half a second for the server, so it is asked
/// up to five times.
fn answers(db: &Db, line: &str, region: &str, expected: &[&str]) {
    let answer = || {
        let mut command = pgkit(db);
        command.env("COMPLETE", "bash").args(["--", line, region]);
        run(&mut command).lines().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    if !(0..4).any(|_| answer() == expected) {
        assert_eq!(answer(), expected, "{line}");
    }
}

#[test]
fn a_database_that_would_be_read_as_a_connection_string_is_not_offered_for_d() {
    let db = db("info");
    let _others = databases(&db, &["=x host=evil", "plain"]);
    let plain = format!("{}plain", db.name);
    answers(&db, &format!("pgkit -d {}", db.name), &db.name, &[&db.name, &plain]);
    // Other flags take it for a name.
    let evil = format!("{}=x\\ host=evil", db.name);
    answers(&db, &format!("pgkit log tail --database {}", db.name), &db.name, &[&db.name, &evil, &plain]);
    let address = Db { info: db.info.clone(), name: format!("postgresql://{}", db.name) };
    db.sql(&format!("CREATE DATABASE \"{}\"", address.name));
    answers(&db, "pgkit -d postgres", "postgres", &["postgres"]);
    db.sql(&format!("DROP DATABASE \"{}\"", address.name));
}

#[test]
fn a_name_that_is_no_utf_8_is_not_offered_as_another() {
    let db = db("bytes");
    let raw = Db { info: db.info.clone(), name: format!("{}raw", db.name) };
    db.sql(&format!(
        "CREATE DATABASE \"{}\" TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'",
        raw.name
    ));
    raw.sql(
        "CREATE TABLE good (a int);
         DO $$ BEGIN EXECUTE pg_catalog.format('CREATE TABLE %I (a int)', pg_catalog.convert_from('\\x676f6f64e9', 'SQL_ASCII')); END $$",
    );
    answers(&raw, "pgkit relations goo", "goo", &["good"]);
    answers(&raw, "pgkit relations \\\"goo", "\\\"goo", &[]);
}

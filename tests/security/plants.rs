//! A superuser runs every command in a database whose owner has shadowed the server's types, functions, operators and
//! relations. None of the owner's code ever runs.

use std::path::Path;

use pgkit::sandbox::{Binaries, Server};

use super::commands::{Line, command, folder, lines};
use crate::support::*;

/// What planted code writes to the server's log when it runs: unlike a row, that survives a rollback.
const RAN: &str = "PLANTED CODE RAN";

/// mallory's schema of objects that shadow the system's: a domain for every type, a function for every signature, an
/// operator for every pair of types, and a view with every catalog's name. It comes first in the search path.
const PLANTS: &str = r#"
CREATE SCHEMA x;
GRANT USAGE ON SCHEMA x TO public;
CREATE FUNCTION x.ran(what pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $f$
BEGIN
    RAISE LOG 'PLANTED CODE RAN: % in %', $1, pg_catalog.current_query();
    RETURN true;
END $f$;
DO $do$
DECLARE
    o record;
    made pg_catalog.int4 := 0;
    body pg_catalog.text;
BEGIN
    FOR o IN SELECT t.typname FROM pg_catalog.pg_type t
             WHERE t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND t.typtype IN ('b', 'r', 'm') AND t.typname !~ '^_'
    LOOP
        BEGIN
            EXECUTE pg_catalog.format('CREATE DOMAIN x.%I AS pg_catalog.%I CHECK (x.ran(%L))', o.typname, o.typname, 'type ' || o.typname);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    IF made < 60 THEN RAISE 'only % domains', made; END IF;
    made := 0;
    FOR o IN SELECT p.oid, p.proname, p.proretset, pg_catalog.oidvectortypes(p.proargtypes) AS args, pg_catalog.format_type(p.prorettype, NULL) AS result
             FROM pg_catalog.pg_proc p
             WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
               AND p.prorettype NOT IN ('internal'::pg_catalog.regtype, 'cstring'::pg_catalog.regtype, 'trigger'::pg_catalog.regtype)
    LOOP
        BEGIN
            -- The types in pg_catalog, not the domains that shadow them.
            PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);
            body := pg_catalog.format('BEGIN PERFORM x.ran(%L); RETURN %s; END', 'function ' || o.proname,
                                      CASE WHEN o.proretset OR o.result = 'void' THEN '' ELSE 'NULL' END);
            EXECUTE pg_catalog.format('CREATE FUNCTION x.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS %L', o.proname, o.args,
                                      CASE WHEN o.proretset THEN 'SETOF' ELSE '' END, o.result, body);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    IF made < 1500 THEN RAISE 'only % functions', made; END IF;
    made := 0;
    FOR o IN SELECT op.oid, op.oprname, op.oprleft, op.oprright, pg_catalog.format_type(op.oprresult, NULL) AS result
             FROM pg_catalog.pg_operator op WHERE op.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace AND op.oprleft <> 0 AND op.oprright <> 0
    LOOP
        BEGIN
            EXECUTE pg_catalog.format('CREATE FUNCTION x.op%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', o.oid,
                                      pg_catalog.format_type(o.oprleft, NULL), pg_catalog.format_type(o.oprright, NULL), o.result,
                                      pg_catalog.format('BEGIN PERFORM x.ran(%L); RETURN NULL; END', 'operator ' || o.oprname));
            EXECUTE pg_catalog.format('CREATE OPERATOR x.%s (LEFTARG = %s, RIGHTARG = %s, PROCEDURE = x.op%s)', o.oprname,
                                      pg_catalog.format_type(o.oprleft, NULL), pg_catalog.format_type(o.oprright, NULL), o.oid);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    IF made < 500 THEN RAISE 'only % operators', made; END IF;
    made := 0;
    FOR o IN SELECT c.relname FROM pg_catalog.pg_class c
             WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND c.relkind IN ('r', 'v')
    LOOP
        BEGIN
            EXECUTE pg_catalog.format('CREATE VIEW x.%I AS SELECT * FROM pg_catalog.%I WHERE x.ran(%L)', o.relname, o.relname, 'view ' || o.relname);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN
            EXECUTE pg_catalog.format('CREATE VIEW x.%I AS SELECT 1 AS one WHERE x.ran(%L)', o.relname, 'view ' || o.relname);
            made := made + 1;
        END;
    END LOOP;
    IF made < 100 THEN RAISE 'only % views', made; END IF;
END $do$;
"#;

/// What a database's owner can set for everybody who connects.
const SETTINGS: &[(&str, &str)] = &[
    ("search_path", "x, pg_catalog, public"),
    ("standard_conforming_strings", "off"),
    ("backslash_quote", "on"),
    ("quote_all_identifiers", "on"),
    ("bytea_output", "escape"),
    ("DateStyle", "'German, DMY'"),
    ("IntervalStyle", "sql_standard"),
    ("TimeZone", "'Asia/Kathmandu'"),
    ("extra_float_digits", "'-15'"),
    ("check_function_bodies", "off"),
    ("row_security", "off"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "'serializable'"),
    ("default_transaction_deferrable", "on"),
    ("transform_null_equals", "on"),
    ("array_nulls", "off"),
    ("xmloption", "document"),
    ("enable_seqscan", "off"),
    ("client_encoding", "LATIN1"),
    ("force_parallel_mode", "regress"),
    ("statement_timeout", "'2s'"),
];

/// A separate server with mallory's database.
struct Planted {
    _server: Server,
    db: Db,
    log: std::path::PathBuf,
}

impl Planted {
    fn new(bin: &Binaries) -> Planted {
        let server = own_server(
            &options(bin)
                .conf("log_statement", "all")
                .conf("log_line_prefix", "%p %u ")
                .conf("logging_collector", "on")
                .conf("log_directory", "log")
                .conf("log_filename", "server.log"),
        );
        let info = server.info().clone();
        let postgres = Db::existing(&info, "postgres");
        postgres.sql("CREATE ROLE mallory LOGIN");
        postgres.sql("CREATE ROLE some_role");
        postgres.sql("CREATE DATABASE planted OWNER mallory");
        let db = Db::existing(&info, "planted");
        db.sql("GRANT ALL ON SCHEMA public TO mallory; CREATE SCHEMA ops");
        db.session_as("mallory").sql(PLANTS);
        let log = info.data_dir.join("log/server.log");
        Planted { _server: server, db, log }
    }

    fn set(&self, name: &str, value: &str) {
        // From another database, because settings made earlier would affect the session.
        let postgres = Db::existing(&self.db.info, "postgres");
        postgres.session_as("mallory").sql(&format!("ALTER DATABASE planted SET {name} = {value}"));
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// The lines of the log which show that planted code ran.
    fn ran(&self) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(&format!("LOG:  {RAN}"))).map(str::to_owned).collect()
    }

    fn nothing_ran(&self, what: &str) {
        let ran = self.ran();
        assert!(ran.is_empty(), "{what} on {}: {}", self.db.value("SHOW server_version"), ran.join("\n"));
    }
}

fn try_lines(planted: &Planted, lines: &[Line]) {
    let folder = folder();
    for line in lines {
        let output = run(&mut command(&planted.db, folder.path(), line));
        planted.nothing_ran(&format!("{:?}", line.args));
        assert!(
            output.code.is_some_and(|code| line.codes.contains(&code)),
            "{:?}: {}",
            line.args,
            output.snapshot()
        );
    }
}

fn nothing_that_a_databases_owner_plants_runs_in_any_command(bin: &Binaries) {
    let planted = Planted::new(bin);
    for (name, value) in SETTINGS {
        // PostgreSQL 16 renamed it to debug_parallel_query.
        let is_renamed = *name == "force_parallel_mode" && bin.major >= 16;
        planted.set(if is_renamed { "debug_parallel_query" } else { name }, value);
    }
    // Make sure that the plants work: a session with the database's search path does run planted code.
    let victim = planted.db.session();
    victim.sql("SET statement_timeout = 0; SELECT 'a'::text");
    eventually("the plants are some", || !planted.ran().is_empty());
    drop(victim);
    // Its output reaches the file only after a moment, through the logging collector.
    std::thread::sleep(std::time::Duration::from_millis(500));
    truncate(&planted.log);
    try_lines(&planted, &lines());
    // A job's SQL is the user's own, and runs under the user's own search path.
    let session = planted.db.session();
    session.sql("SET statement_timeout = 0; SET search_path = pg_catalog");
    let path = session.sql("SELECT DISTINCT path FROM public.path_of_jobs");
    assert_eq!(path[0][0].as_deref(), Some("x, pg_catalog, public"));
    // Shell completions.
    for word in ["relations", "functions", "find"] {
        let mut complete = pgkit(&planted.db);
        complete.env("COMPLETE", "fish").args(["--", "pgkit", word, "p"]);
        let completed = run(&mut complete);
        assert_eq!(completed.code, Some(0), "{}", completed.snapshot());
        planted.nothing_ran(&format!("completion of {word}"));
    }
    let output = run(pgkit(&planted.db).args(["upgrade-check", "--to", "19", "-q"]));
    planted.nothing_ran("upgrade-check");
    assert!(matches!(output.code, Some(0 | 1)), "{}", output.snapshot());
    every_session_says_the_path_first(&planted.log());
}
on_every_planted_server!(nothing_that_a_databases_owner_plants_runs_in_any_command);

/// Truncates a log file to which its server keeps appending.
fn truncate(log: &Path) {
    std::fs::OpenOptions::new().write(true).truncate(true).open(log).unwrap();
}

/// Checks in the log that each of pgkit's sessions sends the first message before any other statement.
fn every_session_says_the_path_first(log: &str) {
    let mut seen = std::collections::BTreeSet::new();
    let mut openings = 0;
    let statement = regex::Regex::new(r"^(\d+) \S+ LOG:  (?:statement|execute [^:]*): (.*)$").unwrap();
    for line in log.lines() {
        let Some(found) = statement.captures(line) else { continue };
        let (pid, text) = (found[1].to_owned(), &found[2]);
        if !seen.insert(pid) || !text.contains("pgkit") {
            continue;
        }
        openings += 1;
        let opening = "/* pgkit */ BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY; \
                       SET LOCAL search_path = pg_catalog, pg_temp; ";
        assert!(text.starts_with(opening), "{line}");
    }
    assert!(openings > 40, "{openings}");
}

#[test]
fn one_record_that_is_none_keeps_no_other_place_from_being_put_back() {
    let planted = Planted::new(bin());
    let postgres = Db::existing(&planted.db.info, "postgres");
    postgres.sql("GRANT SET ON PARAMETER \"pgkit.log\" TO mallory");
    assert_eq!(run(pgkit(&postgres).args(["log", "on", "--for", "1h"])).code, Some(0));
    for record in ["{}", "null", r#"{"version":1,"settings":{"search_path":{"set":"x"}}}"#] {
        planted.set("pgkit.log", &format!("'{record}'"));
        let status = run(pgkit(&postgres).args(["log", "status"]));
        assert!(status.code == Some(65) && status.stderr.contains("planted"), "{}", status.snapshot());
    }
    let off = run(pgkit(&postgres).args(["log", "off"]));
    assert!(off.code == Some(65) && off.stderr.contains("planted"), "{}", off.snapshot());
    assert_eq!(postgres.value("SELECT count(*) FROM pg_file_settings WHERE name ~ '^(log_statement|pgkit.log)$' AND sourcefile ~ 'auto.conf'"), "0");
}

#[test]
fn the_role_that_a_database_sets_is_not_gone_by_and_the_users_own_is() {
    let planted = Planted::new(bin());
    let asks = |name: &str| {
        let folder = tempfile::tempdir().unwrap();
        let text =
            "-- Who.\n--\n-- since = 10\n-- columns = [\"who text\"]\nSELECT CURRENT_USER::text AS who\n";
        std::fs::write(folder.path().join("who.sql"), text).unwrap();
        let mut command = pgkit(&planted.db);
        command.env("PGKIT_QUERIES", folder.path()).env("PGUSER", name).args(["run", "who"]);
        run(&mut command)
    };
    let superuser = planted.db.info.user.clone();
    planted.db.sql("ALTER DATABASE planted SET role = 'mallory'");
    assert_eq!(asks(&superuser).lines(), [superuser.as_str()]);
    // mallory may not change the settings that these commands change.
    for line in [&["log", "on", "--for", "1h"][..], &["log", "status"], &["log", "path"], &["log", "off"]] {
        let output = run(pgkit(&planted.db).args(line));
        assert_eq!(output.code, Some(0), "{line:?}: {}", output.snapshot());
    }
    // Sessions that write, and those of guards, must return to the connecting role too: otherwise mallory would own
    // the tables.
    let made = folder();
    for line in [
        Line { args: &["jobs", "init", "--schema", "ops"], codes: &[0] },
        Line { args: &["jobs", "run", "--force", "sql"], codes: &[0] },
    ] {
        let output = run(&mut command(&planted.db, made.path(), &line));
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
    }
    let owner = "SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = 'ops.pgkit_run'::pg_catalog.regclass";
    let session = planted.db.session();
    session.sql("RESET ROLE; SET ROLE NONE; SET search_path = pg_catalog");
    assert_eq!(session.sql(owner)[0][0].as_deref(), Some(superuser.as_str()));
    planted.nothing_ran("a role");
    planted.db.sql("ALTER DATABASE planted RESET role");
    planted.db.sql("CREATE ROLE alice LOGIN; CREATE ROLE owners; GRANT owners TO alice; ALTER ROLE alice SET role = 'owners'");
    assert_eq!(asks("alice").lines(), ["owners"]);
}

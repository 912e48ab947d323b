//! pgkit refuses to use the jobs' tables if another role could make its own code run through them. Each such object,
//! for example a trigger or an index on another role's function, is named in the refusal, and its code never runs.

use super::commands::folder;
use crate::support::*;

/// A database in which mallory has a schema with functions and triggers that record each of their runs.
struct Tables {
    db: Db,
    folder: tempfile::TempDir,
}

impl Tables {
    fn new(bin: &Binaries, name: &str) -> Tables {
        let db = database(server(bin).info(), name);
        db.sql(
            "DO $$ BEGIN CREATE ROLE mallory LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
             CREATE TABLE public.ran (what text);
             CREATE SCHEMA x AUTHORIZATION mallory; CREATE SCHEMA ops;
             GRANT USAGE ON SCHEMA x, ops TO public",
        );
        let tables = Tables { db, folder: folder() };
        let init = tables.jobs(&["init", "--schema", "ops"]);
        assert_eq!(init.code, Some(0), "{}", init.snapshot());
        tables.mallory(
            "CREATE FUNCTION x.ran(what text) RETURNS bool LANGUAGE plpgsql AS
             $f$ BEGIN INSERT INTO public.ran VALUES (what); RETURN true; END $f$;
             CREATE FUNCTION x.number() RETURNS int4 LANGUAGE sql AS $f$ SELECT x.ran('default')::int4 $f$;
             CREATE FUNCTION x.fires() RETURNS trigger LANGUAGE plpgsql AS
             $f$ BEGIN PERFORM x.ran('trigger'); RETURN NEW; END $f$;
             CREATE DOMAIN x.text AS pg_catalog.text CHECK (x.ran('domain'))",
        );
        tables
    }

    fn mallory(&self, sql: &str) {
        self.db.session_as("mallory").sql(sql);
    }

    fn jobs(&self, args: &[&str]) -> Output {
        run(&mut self.command(args))
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = pgkit(&self.db);
        command.current_dir(self.folder.path()).env("PGKIT_JOBS", self.folder.path().join("jobs.toml"));
        command.env("XDG_STATE_HOME", self.folder.path()).arg("jobs").args(args);
        command
    }

    fn nothing_ran(&self, what: &str) {
        assert_eq!(self.db.value("SELECT count(*) FROM public.ran"), "0", "{what}");
    }

    /// Checks that these commands refuse the tables, with this text in their error message.
    fn refuse(&self, commands: &[&[&str]], word: &str) {
        for args in commands {
            let output = self.jobs(args);
            let nagios = args.contains(&"--nagios");
            let told = if nagios { &output.stdout } else { &output.stderr };
            assert_eq!(
                output.code,
                Some(if nagios { 3 } else { 65 }),
                "{args:?} {word}: {}",
                output.snapshot()
            );
            assert!(told.contains(word), "{args:?} {word}: {}", output.snapshot());
            self.nothing_ran(&format!("{args:?} {word}"));
        }
    }
}

const EACH: &[&[&str]] = &[
    &["list"],
    &["next"],
    &["why", "sql"],
    &["status"],
    &["status", "--nagios"],
    &["history"],
    &["timeline"],
    &["runners"],
    &["output", "sql"],
    &["ghosts"],
    &["run"],
    &["run", "--dry-run"],
    &["pause", "sql"],
    &["resume", "sql"],
    &["reset", "sql"],
    &["unlock", "sql"],
    &["guard", "status"],
    &["guard", "install"],
    &["guard", "remove"],
    &["init"],
];

const SOME: &[&[&str]] = &[&["list"], &["run"], &["init"]];

#[test]
fn whatever_another_role_hangs_on_the_tables_is_named_and_never_runs() {
    // Who does it (mallory, or a superuser by mistake), the SQL, the SQL that undoes it, and a part of the refusal.
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "mallory",
            "CREATE TRIGGER evil BEFORE INSERT OR UPDATE ON ops.crontabber FOR EACH ROW EXECUTE PROCEDURE x.fires()",
            "DROP TRIGGER evil ON ops.crontabber",
            "trigger evil",
        ),
        (
            "mallory",
            "CREATE TRIGGER evil AFTER INSERT ON ops.pgkit_run FOR EACH STATEMENT EXECUTE PROCEDURE x.fires()",
            "DROP TRIGGER evil ON ops.pgkit_run",
            "trigger evil",
        ),
        (
            "mallory",
            "CREATE TRIGGER evil BEFORE UPDATE ON ops.pgkit_job FOR EACH ROW WHEN (x.ran('when')) EXECUTE PROCEDURE pg_catalog.suppress_redundant_updates_trigger()",
            "DROP TRIGGER evil ON ops.pgkit_job",
            "trigger evil",
        ),
        (
            "mallory",
            "CREATE TABLE x.refers (id int8 REFERENCES ops.pgkit_run (id) ON DELETE CASCADE)",
            "DROP TABLE x.refers",
            "refers to it",
        ),
        (
            "super",
            "ALTER TABLE ops.crontabber ALTER COLUMN error_count SET DEFAULT x.number()",
            "ALTER TABLE ops.crontabber ALTER COLUMN error_count SET DEFAULT 0",
            "default of column error_count",
        ),
        (
            "super",
            "ALTER TABLE ops.pgkit_job ADD CONSTRAINT evil CHECK (x.ran('check')) NOT VALID",
            "ALTER TABLE ops.pgkit_job DROP CONSTRAINT evil",
            "constraint evil",
        ),
        (
            "super",
            "ALTER TABLE ops.crontabber_log ADD COLUMN note x.text",
            "ALTER TABLE ops.crontabber_log DROP COLUMN note",
            "column note",
        ),
        (
            "super",
            "CREATE RULE evil AS ON UPDATE TO ops.pgkit_run DO ALSO SELECT x.ran('rule')",
            "DROP RULE evil ON ops.pgkit_run",
            "rule evil",
        ),
        (
            "super",
            "CREATE POLICY evil ON ops.crontabber USING (x.ran('policy'))",
            "DROP POLICY evil ON ops.crontabber",
            "policy evil",
        ),
        (
            "super",
            "ALTER TABLE ops.crontabber ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE ops.crontabber DISABLE ROW LEVEL SECURITY",
            "row security",
        ),
        (
            "super",
            "CREATE TABLE x.child () INHERITS (ops.crontabber)",
            "DROP TABLE x.child",
            "inherits from it",
        ),
        (
            "super",
            "ALTER TABLE ops.pgkit_meta OWNER TO mallory",
            "ALTER TABLE ops.pgkit_meta OWNER TO CURRENT_USER",
            "belongs to role mallory",
        ),
        (
            "super",
            "GRANT TRIGGER ON ops.pgkit_run TO mallory",
            "REVOKE TRIGGER ON ops.pgkit_run FROM mallory",
            "has the privilege TRIGGER",
        ),
        (
            "super",
            "GRANT ALL ON ops.crontabber TO public",
            "REVOKE ALL ON ops.crontabber FROM public",
            "everybody has the privilege",
        ),
        (
            "super",
            "GRANT REFERENCES (app_name) ON ops.pgkit_job TO mallory",
            "REVOKE REFERENCES (app_name) ON ops.pgkit_job FROM mallory",
            "has the privilege REFERENCES",
        ),
        (
            "super",
            "ALTER SCHEMA ops OWNER TO mallory",
            "ALTER SCHEMA ops OWNER TO CURRENT_USER",
            "its schema belongs to role mallory",
        ),
        (
            "super",
            "CREATE FUNCTION x.key(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql IMMUTABLE AS 'SELECT $1'; ALTER FUNCTION x.key(pg_catalog.text) OWNER TO mallory; CREATE INDEX evil ON ops.crontabber (x.key(app_name))",
            "DROP INDEX ops.evil; DROP FUNCTION x.key(pg_catalog.text)",
            "index evil",
        ),
        (
            "super",
            "ALTER TABLE ops.pgkit_job RENAME TO kept; CREATE VIEW ops.pgkit_job AS SELECT * FROM ops.kept WHERE x.ran('view')",
            "DROP VIEW ops.pgkit_job; ALTER TABLE ops.kept RENAME TO pgkit_job",
            "is not a table",
        ),
    ];
    for bin in bins() {
        let tables = Tables::new(bin, "hangs");
        for (who, plant, undo, word) in cases {
            match *who {
                // mallory has the privileges only for a moment, but what she creates stays.
                "mallory" => {
                    tables.db.sql("GRANT ALL ON ALL TABLES IN SCHEMA ops TO mallory");
                    tables.mallory(plant);
                    tables.db.sql("REVOKE ALL ON ALL TABLES IN SCHEMA ops FROM mallory");
                }
                _ => drop(tables.db.sql(plant)),
            }
            // All commands share the check, so for most faults it is enough to try one command for each kind of
            // session.
            tables.refuse(if word.contains("schema") { EACH } else { SOME }, word);
            tables.db.sql(undo);
        }
        // After everything has been undone, jobs run again.
        let output = tables.jobs(&["run", "--force", "sql"]);
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
        tables.nothing_ran("the undone");
    }
}

fn more_than_one_place_is_never_chosen_in_silence(bin: &Binaries) {
    let tables = Tables::new(bin, "places");
    tables.db.sql("GRANT SELECT ON ALL TABLES IN SCHEMA ops TO mallory");
    // Everybody's search path has mallory's schema first.
    tables.db.sql(&format!("ALTER DATABASE \"{}\" SET search_path = x, ops, public", tables.db.name));
    for plant in [
        "CREATE VIEW x.crontabber AS SELECT 'j'::pg_catalog.text AS app_name, pg_catalog.now() AS next_run WHERE x.ran('view')",
        "CREATE TABLE x.crontabber (LIKE ops.crontabber); CREATE TABLE x.pgkit_run (LIKE ops.pgkit_run)",
        "CREATE MATERIALIZED VIEW x.crontabber AS SELECT 1 AS app_name",
        "CREATE TYPE x.crontabber AS (app_name pg_catalog.text)",
    ] {
        tables.mallory(plant);
        tables.refuse(if bin == &bins()[0] { EACH } else { SOME }, "several schemas");
        for args in if bin == &bins()[0] { EACH } else { SOME } {
            let output = tables.jobs(&[*args, &["--schema", "ops"]].concat());
            assert!(matches!(output.code, Some(0..=2)), "{args:?}: {}", output.snapshot());
            tables.nothing_ran(plant);
        }
        let output = tables.jobs(&["list", "--schema", "x"]);
        assert_eq!(output.code, Some(65), "{}", output.snapshot());
        tables.nothing_ran(plant);
        tables.db.sql(
            "DROP SCHEMA x CASCADE; CREATE SCHEMA x AUTHORIZATION mallory; GRANT USAGE ON SCHEMA x TO public",
        );
        tables.mallory("CREATE FUNCTION x.ran(what text) RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.ran VALUES (what); RETURN true; END $f$");
    }
}
on_every_server!(more_than_one_place_is_never_chosen_in_silence);

#[test]
fn the_file_names_an_owner_that_may_own_them() {
    let tables = Tables::new(bin(), "owner");
    tables.db.sql(
        "DO $$ BEGIN CREATE ROLE ops_team; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
         ALTER SCHEMA ops OWNER TO ops_team",
    );
    let all = "SELECT relname FROM pg_class WHERE relnamespace = 'ops'::regnamespace AND relkind = 'r'";
    for row in tables.db.sql(all) {
        let table = row[0].as_deref().unwrap();
        tables.db.sql(&format!("ALTER TABLE ops.{table} OWNER TO ops_team"));
    }
    tables.refuse(EACH, "ops_team");
    let path = tables.folder.path().join("jobs.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("owner = \"ops_team\"\n{text}")).unwrap();
    let output = tables.jobs(&["run", "--force", "sql"]);
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    // A trigger with mallory's function is still refused.
    tables.db.sql(
        "CREATE TRIGGER evil BEFORE INSERT ON ops.crontabber_log FOR EACH ROW EXECUTE PROCEDURE x.fires()",
    );
    tables.refuse(EACH, "trigger evil");
}

#[test]
fn a_jobs_sql_runs_as_the_role_that_the_file_says() {
    let tables = Tables::new(bin(), "role");
    tables.db.sql(
        "DO $$ BEGIN CREATE ROLE app_role; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
         CREATE TABLE public.who (name text); GRANT INSERT ON public.who TO app_role",
    );
    let user = if nix::unistd::geteuid().is_root() { "user = \"root\"\n" } else { "" };
    let text = format!(
        "{user}[[job]]\nname = \"as\"\nevery = \"1d\"\nrole = \"app_role\"\nsql = \"INSERT INTO public.who SELECT CURRENT_USER\"\n\
         [[job]]\nname = \"loose\"\nevery = \"1d\"\nrole = \"app_role\"\ntransaction = false\nsql = \"INSERT INTO public.who SELECT CURRENT_USER\"\n\
         [[job]]\nname = \"may_not\"\nevery = \"1d\"\nrole = \"app_role\"\nsql = \"DELETE FROM public.who\"\n\
         [[job]]\nname = \"plain\"\nevery = \"1d\"\nsql = \"INSERT INTO public.who SELECT CURRENT_USER\"\n"
    );
    std::fs::write(tables.folder.path().join("jobs.toml"), text).unwrap();
    let output = tables.jobs(&["run", "--force", "as", "loose", "may_not", "plain"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stderr.contains("permission denied"), "{}", output.snapshot());
    let who: Vec<String> = tables
        .db
        .sql("SELECT name FROM public.who ORDER BY name")
        .into_iter()
        .map(|row| row[0].clone().unwrap())
        .collect();
    assert_eq!(who, ["app_role", "app_role", tables.db.info.user.as_str()]);
}

#[test]
fn a_runner_that_stays_looks_again_when_something_is_hung_on_the_tables() {
    let tables = Tables::new(bin(), "stays");
    let each = "[[job]]\nname = \"each\"\nevery = \"1s\"\nsql = \"SELECT 1\"\n";
    std::fs::write(tables.folder.path().join("jobs.toml"), each).unwrap();
    let mut command = tables.command(&["run", "--every", "1s"]);
    let mut runner =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    eventually("it has run", || tables.db.value("SELECT count(*) > 0 FROM ops.pgkit_run") == "t");
    // A harmless change of privileges does not make the runner exit.
    tables.db.sql("GRANT SELECT ON ops.pgkit_run TO mallory");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(runner.try_wait().unwrap().is_none());
    tables.db.sql("GRANT TRIGGER ON ops.pgkit_run TO mallory");
    let ended = std::time::Instant::now();
    let code = loop {
        if let Some(status) = runner.try_wait().unwrap() {
            break status.code();
        }
        assert!(ended.elapsed().as_secs() < 20, "it goes on");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let told = std::io::read_to_string(runner.stderr.take().unwrap()).unwrap();
    assert_eq!(code, Some(65), "{told}");
    assert!(told.contains("has the privilege TRIGGER"), "{told}");
}

#[test]
fn whatever_a_writer_puts_into_the_tables_stops_no_runner() {
    let tables = Tables::new(bin(), "values");
    assert_eq!(tables.jobs(&["run", "--force", "sql", "program"]).code, Some(0));
    for spoil in [
        "UPDATE ops.pgkit_job SET done_through = 'infinity'",
        "UPDATE ops.pgkit_job SET done_through = '-infinity'",
        "UPDATE ops.pgkit_job SET first_seen = '-infinity'",
        "UPDATE ops.pgkit_job SET first_seen = 'infinity', paused = NULL",
        "UPDATE ops.pgkit_job SET max_ongoing_age = '178000000 years'",
        "UPDATE ops.pgkit_run SET run_date = 'infinity', started = '-infinity' WHERE app_name = 'sql'",
        "UPDATE ops.pgkit_run SET run_date = '294276-12-31', started = '4713-01-01 BC' WHERE app_name = 'program'",
        "UPDATE ops.crontabber SET next_run = '-infinity', last_run = 'infinity', first_run = '-infinity', last_success = '-infinity', error_count = 2147483647",
        "INSERT INTO ops.pgkit_run (app_name, run_date, attempt, state, claim, grace, seen_free_at, started, guard_pid, leader_pid) SELECT 'sql', '-infinity', 1, 'running', '2020-01-01', '-178000000 years', 'infinity', 'infinity', 1, 1; UPDATE ops.crontabber SET ongoing = '2020-01-01' WHERE app_name = 'sql'",
        "UPDATE ops.pgkit_meta SET changed_at = '-infinity'",
        "UPDATE ops.crontabber SET last_error = '{\"type\": [], \"value\": {}}', depends_on = '{sql,sql,NULL}'",
    ] {
        tables.db.sql(spoil);
        for args in [
            &["list"][..],
            &["status"],
            &["next"],
            &["why", "sql"],
            &["history"],
            &["run"],
            &["run", "--dry-run"],
        ] {
            let output = tables.jobs(args);
            assert!(matches!(output.code, Some(0..=3)), "{args:?} after {spoil}: {}", output.snapshot());
        }
    }
}

#[test]
fn init_makes_nothing_among_what_others_have_made() {
    let tables = Tables::new(bin(), "init");
    tables.db.sql("CREATE SCHEMA fresh AUTHORIZATION mallory");
    let output = tables.jobs(&["init", "--schema", "fresh"]);
    // mallory owns the schema, and so could replace the tables.
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert_eq!(tables.db.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'fresh'"), "0");
}

//! `jobs init`, and tables that are not as they should be.

use super::{Jobs, TABLES};
use crate::support::*;

const ONE: &str = "[[job]]\nname = \"a\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n";

/// pgkit as another role, on these jobs.
fn as_role(jobs: &Jobs, role: &str, args: &[&str]) -> Output {
    run(jobs.command(args).env("PGUSER", role))
}

fn role(jobs: &Jobs, name: &str) -> String {
    let role = format!("r{}_{name}", std::process::id());
    jobs.db.sql(&format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN"));
    role
}

fn init_makes_what_is_missing_and_nothing_twice(bin: &Binaries) {
    let jobs = Jobs::on(bin, "init", ONE);
    let again = jobs.ends(0, &["init"]);
    assert_eq!(again.stderr, "pgkit: schema \"public\": everything already exists\n");
    // The original's own tables, to the letter.
    let shape = |schema: &str| {
        jobs.db.sql(&format!(
                "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                        replace(pg_get_expr(d.adbin, d.adrelid), '{schema}.', '')
                 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
                 LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
                 WHERE c.relnamespace = '{schema}'::regnamespace AND c.relname IN ('crontabber', 'crontabber_log')
                 ORDER BY c.relname, a.attnum"
            ))
    };
    jobs.db.sql(&format!("CREATE SCHEMA original; SET search_path = original; {TABLES}"));
    assert_eq!(shape("public"), shape("original"), "on {}", bin.major);
    // Without the indexes of pgkit's, which a real crontabber does not see.
    let indexes = "SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'crontabber%' AND indexname !~ '^pgkit_log' AND schemaname = ";
    assert_eq!(jobs.db.value(&format!("{indexes}'public'")), jobs.db.value(&format!("{indexes}'original'")));
    // A table from before crontabber 0.18 gets its column.
    jobs.db.sql("CREATE SCHEMA old; SET search_path = old; CREATE TABLE crontabber (app_name text NOT NULL, next_run timestamptz, first_run timestamptz, last_run timestamptz, last_success timestamptz, error_count integer DEFAULT 0, depends_on text[], last_error json)");
    let old = jobs.ends(0, &["init", "--schema", "old"]);
    assert!(
        old.stderr.contains("schema \"old\": created crontabber.ongoing, crontabber_unique_app_name_idx, "),
        "{}",
        old.stderr
    );
    jobs.ends(0, &["run", "--schema", "old"]);
    let absent = jobs.ends(65, &["init", "--schema", "it's \"odd\""]);
    assert!(absent.stderr.contains("hint: create it with CREATE SCHEMA"), "{}", absent.stderr);
    jobs.db.sql("CREATE SCHEMA \"it's \"\"odd\"\"\"");
    jobs.ends(0, &["init", "--schema", "it's \"odd\""]);
    jobs.ends(0, &["run", "--schema", "it's \"odd\""]);
}
on_every_server!(init_makes_what_is_missing_and_nothing_twice);

#[test]
fn eight_inits_at_once_all_succeed() {
    let db = db("inits");
    let mut children: Vec<_> = (0..8)
        .map(|_| pgkit(&db).args(["jobs", "init"]).stderr(std::process::Stdio::null()).spawn().unwrap())
        .collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    assert_eq!(db.value("SELECT count(*) FROM pgkit_meta"), "1");
}

#[test]
fn nothing_runs_on_tables_that_are_not_there_or_not_whole() {
    let jobs = Jobs::new("whole", ONE);
    let refused = |what: &str, words: &str| {
        jobs.db.sql(what);
        let output = jobs.ends(65, &["run"]);
        assert!(output.stderr.contains(words), "{what}: {}", output.stderr);
        assert_eq!(jobs.attempts_if_any(), 0);
    };
    refused("DROP TABLE pgkit_meta", "missing in schema \"public\": pgkit_meta");
    refused(
        "CREATE VIEW pgkit_meta AS SELECT 1 AS version",
        "public.pgkit_meta already exists, but is not a table",
    );
    jobs.db.sql("DROP VIEW pgkit_meta");
    jobs.ends(0, &["init"]);
    refused("UPDATE pgkit_meta SET version = 99", "have version 99, but this pgkit knows only 1");
    jobs.db.sql("UPDATE pgkit_meta SET version = 1");
    refused(
        "ALTER TABLE crontabber ALTER next_run TYPE timestamp",
        "column next_run has type timestamp without time zone, not timestamp with time zone",
    );
    jobs.db.sql("ALTER TABLE crontabber ALTER next_run TYPE timestamptz");
    refused("ALTER TABLE crontabber RENAME last_error TO x", "missing column last_error");
    jobs.db.sql("ALTER TABLE crontabber RENAME x TO last_error");
    refused("ALTER TABLE pgkit_run DROP COLUMN mark", "missing column mark");
    jobs.db.sql("ALTER TABLE pgkit_run ADD COLUMN mark text");
    refused(
        "DROP INDEX crontabber_unique_app_name_idx",
        "missing in schema \"public\": crontabber_unique_app_name_idx",
    );
    jobs.ends(0, &["init"]);
    refused(
        "ALTER TABLE crontabber_log ALTER duration TYPE text",
        "column duration has type text, not interval",
    );
    jobs.db.sql("DROP TABLE crontabber_log");
    jobs.ends(0, &["init"]);
    // More columns are no harm, and keep what they hold.
    jobs.db.sql("ALTER TABLE crontabber ADD extra text DEFAULT 'kept'");
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.row("a", "extra"), "kept");
    let nowhere = run(jobs.command(&["run"]).env("PGDATABASE", "postgres"));
    assert!(
        nowhere.code == Some(65) && nowhere.stderr.contains("hint: create it with pgkit jobs init"),
        "{}",
        nowhere.snapshot()
    );
}

fn a_role_without_rights_is_told_which_and_one_with_them_needs_no_more(bin: &Binaries) {
    let jobs = Jobs::on(bin, "rights", ONE);
    let (weak, owner) = (role(&jobs, "weak"), role(&jobs, "owner"));
    jobs.db.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE SCHEMA app");
    let init = as_role(&jobs, &weak, &["init", "--schema", "app"]);
    assert_eq!(init.code, Some(77), "{}", init.snapshot());
    assert!(
        init.stderr.contains(&format!("hint: GRANT CREATE, USAGE ON SCHEMA \"app\" TO \"{weak}\"")),
        "{}",
        init.stderr
    );
    jobs.db
        .sql(&format!("GRANT CREATE, USAGE ON SCHEMA app TO {owner}; GRANT USAGE ON SCHEMA app TO {weak}"));
    let init = as_role(&jobs, &owner, &["init", "--schema", "app"]);
    assert_eq!(init.code, Some(0), "{}", init.snapshot());
    let ran = as_role(&jobs, &owner, &["run", "--schema", "app"]);
    let is_told = ran.stderr.starts_with("pgkit: a: ran for ");
    assert!(ran.code == Some(0) && is_told, "{}", ran.snapshot());
    // Tables of another role: what hangs on them would run as oneself.
    jobs.db.sql(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO {weak}"));
    for args in [["run", "--schema", "app"], ["list", "--schema", "app"]] {
        let refused = as_role(&jobs, &weak, &args);
        assert_eq!(refused.code, Some(65), "{}", refused.snapshot());
        assert!(refused.stderr.contains(&format!("belongs to role {owner}")), "{}", refused.stderr);
    }
    // Listing needs the privilege SELECT, and the tables' owner must be named in the jobs file.
    jobs.write(&format!("owner = \"{owner}\"\n{ONE}"));
    let list = as_role(&jobs, &weak, &["list", "--schema", "app"]);
    assert_eq!(list.code, Some(0), "{}", list.snapshot());
    jobs.db.sql(&format!("GRANT {owner} TO {weak}"));
    assert_eq!(as_role(&jobs, &weak, &["run", "--schema", "app"]).code, Some(0));
    jobs.db.sql(&format!("DROP OWNED BY {owner}, {weak}; DROP ROLE {owner}, {weak}"));
}
on_every_server!(a_role_without_rights_is_told_which_and_one_with_them_needs_no_more);

fn what_stands_first_on_the_search_path_of_a_role_runs_in_its_jobs_alone(bin: &Binaries) {
    let jobs = Jobs::on(
            bin,
            "path",
            "[[job]]\nname = \"dates\"\nevery = \"1h\"\nbackfill = true\nsql = \"INSERT INTO public.t SELECT current_setting('search_path')\"\n
             [[job]]\nname = \"fails\"\nschedule = \"1d\"\nsql = \"SELECT 'a'::text = 'b'::text\"\n
             [[job]]\nname = \"program\"\nschedule = \"1d\"\ncommand = [\"sleep\", \"1.5\"]\n",
        );
    let role = role(&jobs, "path");
    jobs.db.sql(&format!(
            "CREATE TABLE t (path text); ALTER ROLE {role} SUPERUSER;
             CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO {role};
             CREATE FUNCTION other.equal(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'other'; END $$;
             CREATE OPERATOR other.= (LEFTARG = text, RIGHTARG = text, PROCEDURE = other.equal);
             INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
             VALUES ('dates', now() - interval '1 d', date_trunc('hour', now()) - interval '3 h', 0, '{{}}');
             ALTER ROLE {role} SET search_path = other, pg_catalog, public"
        ));
    let ran = as_role(&jobs, &role, &["run"]);
    assert_eq!(ran.code, Some(1), "on {}: {}", bin.major, ran.snapshot());
    let paths = "SELECT string_agg(DISTINCT path, '') || count(*) FROM t";
    assert_eq!(jobs.db.value(paths), "other, pg_catalog, public3", "on {}", bin.major);
    assert_eq!(jobs.attempts("program"), ["succeeded 1"]);
    assert!(jobs.row("fails", "last_error").contains("\"other\""), "{}", jobs.row("fails", "last_error"));
    jobs.db.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
on_every_server!(what_stands_first_on_the_search_path_of_a_role_runs_in_its_jobs_alone);

fn what_a_role_or_a_database_has_set_hinders_nothing(bin: &Binaries) {
    let jobs = Jobs::on(
            bin,
            "settings",
            "[[job]]\nname = \"sql\"\nevery = \"1d\"\nbackfill = true\nsql = \"INSERT INTO public.t SELECT $1, pg_sleep(0.3)::text || current_setting('search_path') || current_setting('transaction_isolation')\"\n
             [[job]]\nname = \"program\"\nschedule = \"1d\"\ncommand = [\"sleep\", \"1.5\"]\n",
        );
    let role = role(&jobs, "set");
    jobs.db.sql(&format!(
            "CREATE TABLE t (d timestamptz, s text); GRANT ALL ON t TO {role}; GRANT CREATE, USAGE ON SCHEMA public TO {role};
             ALTER TABLE crontabber OWNER TO {role}; ALTER TABLE crontabber_log OWNER TO {role}; ALTER TABLE pgkit_meta OWNER TO {role};
             ALTER TABLE pgkit_job OWNER TO {role}; ALTER TABLE pgkit_run OWNER TO {role};
             ALTER ROLE {role} SET statement_timeout = '100ms'; ALTER ROLE {role} SET lock_timeout = '1ms';
             ALTER ROLE {role} SET default_transaction_read_only = on; ALTER ROLE {role} SET search_path = '';
             ALTER ROLE {role} SET default_transaction_isolation = 'serializable';
             ALTER ROLE {role} SET idle_in_transaction_session_timeout = '50ms';
             ALTER ROLE {role} SET DateStyle = 'SQL, DMY'; ALTER ROLE {role} SET IntervalStyle = 'sql_standard';
             ALTER ROLE {role} SET TimeZone = 'Asia/Tokyo'; ALTER ROLE {role} SET bytea_output = 'escape';
             ALTER ROLE {role} SET standard_conforming_strings = off"
        ));
    if bin.major >= 14 {
        jobs.db.sql(&format!("ALTER ROLE {role} SET idle_session_timeout = '50ms'"));
    }
    let ran = as_role(&jobs, &role, &["run", "--force", "sql", "program"]);
    assert_eq!(ran.code, Some(0), "on {}: {}", bin.major, ran.snapshot());
    let found = jobs.db.value("SELECT s FROM t");
    assert_eq!(found, "\"\"read committed", "on {}", bin.major);
    assert_eq!(as_role(&jobs, &role, &["list"]).lines().len(), 2);
    jobs.db.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
on_every_server!(what_a_role_or_a_database_has_set_hinders_nothing);

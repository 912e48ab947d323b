//! SQL that runs in another database of the server.

use super::fixture::Jobs;
use crate::support::*;

fn sql_runs_in_another_database_in_a_transaction_of_its_own(bin: &Binaries) {
    let other = database(server(bin).info(), "elsewhere");
    let job = |name: &str, keys: &str| {
        format!("[[job]]\nname = \"{name}\"\nschedule = \"1d\"\ndatabase = \"{}\"\n{keys}\n", other.name)
    };
    let role = format!("t{}_reader", std::process::id());
    let toml = [
        "[defaults]\ntimezone = \"Asia/Kolkata\"\n".to_owned(),
        job(
            "there",
            &format!(
                "role = \"{role}\"\nsql = \"INSERT INTO t SELECT concat_ws('|', current_database(), current_user, current_setting('TimeZone'), current_setting('application_name'), $1::timestamptz <= now())\""
            ),
        ),
        job("fails", "sql = \"INSERT INTO t VALUES ('fails'); SELECT 1 / 0\""),
        job("notices", "sql = \"DO $$ BEGIN RAISE NOTICE 'hello'; END $$\""),
        job("vacuum", "transaction = false\nsql = \"VACUUM t; INSERT INTO t VALUES ('vacuumed')\""),
        job("open", "transaction = false\nsql = \"BEGIN; INSERT INTO t VALUES ('open')\""),
        job("gives away", "sql = \"SELECT pg_advisory_unlock_all(); INSERT INTO t VALUES ('given')\""),
        job("slow", "timeout = \"1s\"\nsql = \"INSERT INTO t VALUES ('slow'); SELECT pg_sleep(60)\""),
        job("ends itself", "sql = \"SELECT pg_terminate_backend(pg_backend_pid())\""),
        job("missing", "sql = \"SELECT 1\"").replace(&other.name, "no such database"),
        job("dates", "sql = \"INSERT INTO dates VALUES ($1)\"").replace("schedule = \"1d\"", "every = \"1h\"\nbackfill = true"),
        "[[job]]\nname = \"at home\"\nschedule = \"1d\"\ndepends_on = [\"there\"]\nsql = \"INSERT INTO t SELECT current_database()\"\n"
            .to_owned(),
    ]
    .concat();
    let jobs = Jobs::on(bin, "home", &toml);
    jobs.db.sql("CREATE TABLE t (a text)");
    jobs.db.sql(&format!("CREATE ROLE {role}"));
    other.sql(&format!(
        "CREATE TABLE t (a text); CREATE TABLE dates (date timestamptz); GRANT INSERT ON t TO {role}"
    ));
    jobs.db.sql(
        "INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
         VALUES ('dates', now() - interval '1 d', date_trunc('hour', now()) - interval '3 h', 0, '{}')",
    );
    let output = jobs.ends(1, &["run"]);
    let rows = other.sql("SELECT a FROM t ORDER BY a COLLATE \"C\"");
    let rows: Vec<&str> = rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    let there = format!("{}|{role}|Asia/Kolkata|there attempt 1|t", other.name);
    let mut expected = vec!["given", there.as_str(), "vacuumed"];
    expected.sort_unstable();
    assert_eq!(rows, expected, "{}", output.snapshot());
    assert_eq!(other.value("SELECT count(*) || ' ' || count(DISTINCT date) FROM dates"), "3 3");
    assert_eq!(jobs.db.value("SELECT a FROM t"), jobs.db.name);
    let error = |job: &str| jobs.row(job, "last_error");
    assert!(error("fails").contains("SQLSTATE 22012"), "{}", error("fails"));
    assert!(error("open").contains("left a transaction open"), "{}", error("open"));
    assert!(error("slow").contains("it took longer than its timeout of 1s"), "{}", error("slow"));
    assert!(error("missing").contains("SQLSTATE 3D000"), "{}", error("missing"));
    assert!(
        error("missing").contains("could not connect to database \\\"no such database\\\""),
        "{}",
        error("missing")
    );
    for (job, attempts) in [
        ("there", vec!["succeeded 1"]),
        ("vacuum", vec!["succeeded 1"]),
        ("at home", vec!["succeeded 1"]),
        ("dates", vec!["succeeded 1"; 3]),
        // It is not known how far it got.
        ("ends itself", vec!["interrupted 1"]),
    ] {
        assert_eq!(jobs.attempts(job), attempts, "{job}: {}", output.snapshot());
    }
    let printed = jobs.jobs(&["history", "notices", "--output", "--columns", "printed"]).stdout;
    assert!(printed.contains("hello"), "{printed}");
    // Nothing of it is left in the other database.
    let left = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
        other.name
    );
    eventually("its sessions are closed", || other.value(&left) == "0");
    let locks = format!(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE l.locktype = 'advisory' AND d.datname IN ('{}', '{}')",
        jobs.db.name, other.name
    );
    assert_eq!(jobs.db.value(&locks), "0");
    jobs.db.sql(&format!("DROP OWNED BY {role}"));
    other.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
on_every_server!(sql_runs_in_another_database_in_a_transaction_of_its_own);

#[test]
fn what_a_job_elsewhere_cannot_be_is_refused_in_the_file() {
    let jobs = Jobs::new("wrong", "");
    for (keys, told) in [
        ("database = \"x\"\ncommand = \"true\"", "database can only be used with sql"),
        ("database = \"\"\nsql = \"SELECT 1\"", "database: must not be empty or contain a NUL byte"),
        ("database = [\"x\"]\nsql = \"SELECT 1\"", "database must be a string"),
        ("database = \"x\"\nsql = \"COMMIT\"", "sql: COMMIT would end the transaction"),
    ] {
        jobs.write(&format!("[[job]]\nname = \"j\"\nschedule = \"1d\"\n{keys}\n"));
        let output = jobs.ends(65, &["check"]);
        assert!(output.stderr.contains(told), "{keys}: {}", output.snapshot());
    }
    // As a default, it applies to the SQL jobs only.
    jobs.write("[defaults]\ndatabase = \"x\"\n[[job]]\nname = \"a\"\nschedule = \"1d\"\ncommand = \"true\"\n[[job]]\nname = \"b\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n");
    let output = jobs.ends(0, &["check", "--columns", "name,kind"]);
    assert_eq!(output.stdout, "a\tprogram\nb\tsql, in another database\n");
}

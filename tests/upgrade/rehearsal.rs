//! The rehearsal, judged by pg_upgrade's own restore; and that it leaves the old server and this host alone.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

use super::clusters::{New, make_folder, program};
use super::*;

/// What a restore fails at, each in a database of its own, and no check of pg_upgrade's sees.
const OBSTACLES: &[(&str, &str)] = &[
    (
        "view",
        "CREATE VIEW v AS SELECT buffers_backend FROM pg_stat_bgwriter; CREATE VIEW w AS SELECT * FROM v",
    ),
    (
        "inlined",
        "CREATE FUNCTION un(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
         CREATE FUNCTION norm(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(un($1))';
         CREATE TABLE t (a text); CREATE INDEX ON t (norm(a))",
    ),
    (
        "atomic",
        "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC; SELECT buffers_backend FROM pg_stat_bgwriter; END",
    ),
    ("acl", "GRANT SELECT (buffers_backend) ON pg_stat_bgwriter TO pg_monitor"),
    (
        "label",
        "CREATE TABLE t (a int); INSERT INTO pg_seclabel VALUES ('t'::regclass, 'pg_class'::regclass, 0, 'none', 'x')",
    ),
    ("library", "ALTER DATABASE library SET session_preload_libraries = 'nolib'"),
    ("role", "CREATE ROLE app; CREATE TABLE t (a int); ALTER DATABASE role SET role = app"),
    ("fine", "CREATE EXTENSION hstore; CREATE TABLE t (a hstore, b int REFERENCES pk) "),
];

/// Makes a server with all of them.
fn planted(old: &Binaries) -> (Server, Db) {
    let (server, db) = old_server(old, &[]);
    for (name, sql) in OBSTACLES {
        db.sql(&format!("CREATE DATABASE {name}"));
        let there = Db::existing(&db.info, name);
        there.sql("SET allow_system_table_mods = on; CREATE TABLE pk (id int PRIMARY KEY)");
        there.sql(sql);
    }
    db.sql("ALTER DATABASE fine SET default_transaction_read_only = on; ALTER ROLE postgres SET default_transaction_read_only = on");
    (server, db)
}

/// The ways that are judged always: one. `PGKIT_TEST_UPGRADE_MATRIX` has all of them.
fn judged_ways() -> Vec<(Binaries, Binaries)> {
    let mut all = every_way();
    all.retain(|(old, _)| old.major >= 14);
    if !tries_every_way() {
        all.sort_by_key(|(old, new)| (old.major, std::cmp::Reverse(new.major)));
        all.truncate(1);
    }
    all
}

#[test]
fn whenever_pg_upgrade_fails_in_its_restore_the_database_is_named_and_the_exit_code_is_not_0() {
    for (old, new) in judged_ways().into_iter().filter(|(old, _)| old.major < 17) {
        let way = format!("{} to {}", old.major, new.major);
        let (mut server, db) = planted(&old);
        let said = rehearse(&db, &["--new-bin-dir", text(&new.dir)]);
        assert_eq!(said.code, Some(1), "{way}");
        let bad: Vec<&Found> =
            said.found.iter().filter(|f| matches!(f.severity.as_str(), "stops" | "unseen")).collect();
        let mut judged = Vec::new();
        for round in 0..OBSTACLES.len() + 1 {
            let oids = db.sql("SELECT oid::text, datname FROM pg_database");
            let fresh = New::made(&db, &new, &format!("new{round}"), "");
            server.stop(sandbox::Stop::Fast).unwrap();
            let judge = fresh.upgrade(&db, &old, &[]);
            server.start().unwrap();
            if judge.passes {
                break;
            }
            // Its log of the restore bears the database's OID.
            let failed = oids.iter().find_map(|row| {
                let log = format!("pg_upgrade_dump_{}.log", row[0].as_deref().unwrap());
                let names = format!("database \"{}\"", row[1].as_deref().unwrap());
                let is_it = judge.said.contains(&log) || judge.said.contains(&names);
                is_it.then(|| row[1].clone().unwrap())
            });
            // Where it cannot connect it says no log.
            let failed = failed.unwrap_or_else(|| "library".to_owned());
            let named: Vec<&&Found> = bad.iter().filter(|f| f.database.as_ref() == Some(&failed)).collect();
            assert!(!named.is_empty(), "{way}: {failed} is not among {bad:#?}\n{}", judge.said);
            assert!(!judged.contains(&failed), "{way}: {failed} again: {}", judge.said);
            // The role is read-only by default.
            let writer = db.session();
            writer.sql("SET default_transaction_read_only = off");
            writer.sql(&format!("DROP DATABASE {failed}"));
            judged.push(failed);
        }
        // All that pgkit names is bad, and what is fine is not named.
        let mut expected: Vec<&str> = OBSTACLES.iter().map(|(name, _)| *name).collect();
        expected.retain(|name| *name != "fine");
        judged.sort();
        expected.sort_unstable();
        assert_eq!(judged, expected, "{way}");
        assert!(bad.iter().all(|f| f.database.as_deref() != Some("fine")), "{way}: {bad:#?}");
        // The cause is named, and what follows from it beside it.
        let view = said.of("rehearsal").into_iter().find(|f| f.database.as_deref() == Some("view")).unwrap();
        assert_eq!(view.object, "view public.v", "{way}");
        assert!(view.why.as_ref().unwrap().contains("1 other fails with it: view public.w"), "{view:?}");
        let rest = rehearse(&db, &["--new-bin-dir", text(&new.dir)]);
        assert_eq!(rest.code, Some(0), "{way}: {:#?}", rest.found);
    }
}

#[test]
fn settings_and_names_that_pg_upgrade_trips_over_are_named() {
    for (old, new) in judged_ways() {
        let (_server, db) = old_server(&old, &[]);
        let fresh = New::made(&db, &new, "new", "");
        let judged = |about: &str, object: &str| {
            let judge = fresh.upgrade(&db, &old, &["--check"]);
            let said = check(&db, &fresh.args());
            let named = said.stops().iter().any(|f| f.check == about && f.object == object);
            (judge.passes, named, said.code)
        };
        let nothing = (true, false, Some(0));
        assert_eq!(judged("", ""), nothing);
        // Whether pg_upgrade comes through with this is a question of the machine.
        db.sql("ALTER ROLE postgres SET statement_timeout = '50ms'");
        let (_, named, code) = judged("timeouts", "setting statement_timeout of role postgres");
        assert_eq!((named, code), (true, Some(1)));
        db.sql("ALTER ROLE postgres RESET statement_timeout");
        // A folder that is gone, seen only by the restore.
        let folder = db.info.socket_dir.join("ts");
        make_folder(&db, &folder);
        db.sql(&format!("CREATE TABLESPACE gone LOCATION '{}'", text(&folder)));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(judged("tablespaces", "tablespace gone").1);
        make_folder(&db, &folder);
        db.sql("DROP TABLESPACE gone");
        // What pg_hba.conf does not let in.
        db.sql("CREATE DATABASE shut");
        db.sql("CREATE ROLE other SUPERUSER LOGIN");
        let conf = db.info.data_dir.join("pg_hba.conf");
        let before = std::fs::read_to_string(&conf).unwrap();
        std::fs::write(&conf, format!("local shut postgres reject\n{before}")).unwrap();
        db.sql("SELECT pg_reload_conf()");
        let shut = Db::existing(&db.info, "shut");
        eventually("the file is read", || shut.try_sql("SELECT 1").is_err());
        assert_eq!(judged("pg_hba", "database shut"), (false, true, Some(1)));
        let said = look("postgres", &db, &["--new-bin-dir", text(&new.dir)]);
        assert!(said.of("unseen").iter().any(|f| f.database.as_deref() == Some("shut")), "{:#?}", said.found);
        std::fs::write(&conf, before).unwrap();
        db.sql("SELECT pg_reload_conf()");
        eventually("the file is read", || shut.try_sql("SELECT 1").is_ok());
        assert_eq!(judged("", ""), nothing);
        // The old server does not start again with what its files say now.
        db.sql("SELECT pg_sleep(2)");
        let conf = db.info.data_dir.join("postgresql.conf");
        let before = std::fs::read_to_string(&conf).unwrap();
        let said = |text: &str| {
            std::fs::write(&conf, format!("{before}\n{text}\n")).unwrap();
            let said = look("postgres", &db, &["--to", "19"]);
            said.of("files").iter().map(|f| (f.severity.clone(), f.problem.clone())).collect::<Vec<_>>()
        };
        let unread = ("unseen".to_owned(), "was changed, and not read since".to_owned());
        assert_eq!(said("ssl = on"), std::slice::from_ref(&unread), "on {}", old.major);
        let broken = ("stops".to_owned(), "is not taken by the server: nonsense".to_owned());
        assert_eq!(said("nonsense = 1"), [broken, unread], "on {}", old.major);
    }
}

#[test]
fn more_relations_than_the_lock_table_holds_stop_and_what_is_said_to_be_enough_is() {
    let Some(new) = upgrade_bins().into_iter().next() else { return };
    let conf = [
        ("max_connections", "10"),
        ("max_prepared_transactions", "0"),
        ("autovacuum_max_workers", "1"),
        ("max_worker_processes", "1"),
        ("max_wal_senders", "1"),
        ("superuser_reserved_connections", "2"),
        ("max_locks_per_transaction", "20"),
    ];
    let (mut server, db) = old_server(bin(), &conf);
    for batch in 0..60 {
        let tables = (0..40).map(|i| format!("CREATE TABLE t_{batch}_{i} (); "));
        db.sql(&tables.collect::<String>());
    }
    let args = ["--new-bin-dir", text(&new.dir)];
    let dump = |db: &Db| {
        let mut dump = program(db, &new, "pg_dump");
        run(dump.envs(db.info.env()).args([
            "--schema-only",
            "--binary-upgrade",
            "-f",
            "/dev/null",
            "postgres",
        ]))
    };
    let said = rehearse(&db, &args);
    let [stop] = said.of("locks")[..] else { panic!("{:#?}", said.found) };
    assert_eq!((stop.severity.as_str(), stop.database.as_deref()), ("stops", Some("postgres")));
    let failed = dump(&db);
    assert!(failed.stderr.contains("out of shared memory"), "{}", failed.snapshot());
    let enough = stop.fix.split(" = ").nth(1).unwrap().split(' ').next().unwrap();
    db.sql(&format!("ALTER SYSTEM SET max_locks_per_transaction = {enough}"));
    server.restart(sandbox::Stop::Fast).unwrap();
    let said = check(&db, &args);
    assert_eq!(said.of("locks").len(), 0, "{:#?}", said.found);
    assert_eq!(dump(&db).code, Some(0));
    // A dump of that many would leave others too little: that is seen before it is begun.
    let said = rehearse(&db, &args);
    let unseen: Vec<_> =
        said.of("unseen").into_iter().filter(|f| f.database.as_deref() == Some("postgres")).collect();
    assert!(unseen[0].why.as_ref().unwrap().contains("of the"), "{unseen:#?}");
    assert_eq!(said.code, Some(1));
}

#[test]
fn what_was_not_rehearsed_is_unseen_and_0_only_where_that_is_allowed() {
    let Some(new) = upgrade_bins().into_iter().next() else { return };
    let (_server, db) = old_server(bin(), &[]);
    let at = ["--new-bin-dir", text(&new.dir)];
    for more in [&["--no-rehearsal"][..], &["--rehearsal-timeout", "1ms"]] {
        let args = [&at[..], more].concat();
        let said = rehearse(&db, &args);
        assert_eq!((said.code, said.stops().len()), (Some(1), 0), "{more:?}: {:#?}", said.found);
        assert!(said.stderr.contains("could not be looked at"), "{}", said.stderr);
        let args = [&args[..], &["--allow-unseen"]].concat();
        assert_eq!(look("postgres", &db, &args).code, Some(0), "{more:?}");
    }
    // The catalog alone does not know it.
    assert_eq!(rehearse(&db, &["--to", "18"]).code, Some(1));
    // A database of which a role may not dump everything.
    db.sql("CREATE ROLE app LOGIN; CREATE TABLE secret (a int)");
    let said = look("app", &db, &at);
    let why = said.of("unseen").iter().filter_map(|f| f.why.clone()).collect::<Vec<_>>().join("\n");
    assert!(said.code == Some(1) && why.contains("permission denied"), "{why}");
    assert_eq!(rehearse(&db, &at).code, Some(0));
}

#[test]
fn a_dump_gives_way_to_whoever_waits_for_its_locks() {
    let Some(new) = upgrade_bins().into_iter().next() else { return };
    let (_server, db) = old_server(bin(), &[]);
    db.sql("CREATE TABLE a (); CREATE TABLE z ()");
    let holds = db.session();
    holds.sql("BEGIN; LOCK TABLE z IN ACCESS EXCLUSIVE MODE");
    let mut command = pgkit(&db);
    command.env("TMPDIR", temp()).args(["upgrade-check", "--json", "--lock-timeout", "60s", "--new-bin-dir"]);
    let mut pgkit =
        Asked(command.arg(&new.dir).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let dump = "application_name LIKE 'pgkit rehearsal%' AND wait_event_type = 'Lock'";
    eventually("the dump waits for z", || {
        db.value(&format!("SELECT count(*) FROM pg_stat_activity WHERE {dump}")) == "1"
    });
    // By then it has a.
    let begun = Instant::now();
    db.session().sql("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    holds.sql("ROLLBACK");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut pgkit.0.stdout.take().unwrap(), &mut answer).unwrap();
    assert_eq!(pgkit.0.wait().unwrap().code(), Some(1));
    let found: Vec<Found> = serde_json::from_str(&answer).unwrap();
    assert!(
        found.iter().any(|f| f.why.as_ref().is_some_and(|why| why.contains("gave way to 1"))),
        "{found:#?}"
    );
}

/// A process that ends when this is dropped.
struct Asked(Child);

impl Drop for Asked {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Folders of rehearsals, and processes of pg_dump and pg_restore that work in one.
fn left() -> usize {
    let mut count = 0;
    for base in std::fs::read_dir(temp()).unwrap().flatten() {
        if base.file_name().to_string_lossy().starts_with("pgkit-sandbox-") {
            let servers = std::fs::read_dir(base.path()).into_iter().flatten().flatten();
            count += servers.filter(|server| server.path().join("rehearsal").exists()).count();
        }
    }
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let cwd = std::fs::read_link(process.path().join("cwd"));
        count += usize::from(cwd.is_ok_and(|cwd| cwd.to_string_lossy().contains("/rehearsal")));
    }
    count
}

#[test]
fn a_rehearsal_that_is_killed_leaves_nothing() {
    let Some(new) = upgrade_bins().into_iter().next() else { return };
    let (_server, db) = old_server(bin(), &[]);
    db.sql("CREATE TABLE z ()");
    let holds = db.session();
    for signal in [Signal::SIGKILL, Signal::SIGINT] {
        holds.sql("BEGIN; LOCK TABLE z IN ACCESS EXCLUSIVE MODE");
        let mut command = pgkit(&db);
        command.env("TMPDIR", temp()).args(["upgrade-check", "--lock-timeout", "60s", "--new-bin-dir"]);
        let mut pgkit =
            Asked(command.arg(&new.dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgkit rehearsal%' AND wait_event_type = 'Lock'";
        eventually("the dump waits", || db.value(waits) == "1");
        assert!(left() > 0);
        kill(Pid::from_raw(pgkit.0.id().try_into().unwrap()), signal).unwrap();
        pgkit.0.wait().unwrap();
        holds.sql("ROLLBACK");
        eventually("all of it is gone", || left() == 0);
    }
}

#[test]
fn a_password_reaches_pg_dump_and_stands_in_no_environment() {
    let Some(new) = upgrade_bins().into_iter().next() else { return };
    let mut options = options(bin());
    options.settings.hba = vec!["local all guarded scram-sha-256".to_owned()];
    let server = own_server(&options);
    let db = Db::existing(server.info(), "postgres");
    db.sql("CREATE ROLE guarded SUPERUSER LOGIN PASSWORD 'pa:ss\\wo rd'; CREATE TABLE z ()");
    let holds = db.session();
    holds.sql("BEGIN; LOCK TABLE z IN ACCESS EXCLUSIVE MODE");
    let mut command = pgkit(&db);
    command.env("TMPDIR", temp()).env("PGUSER", "guarded").env("PGPASSWORD", "pa:ss\\wo rd");
    command.args(["upgrade-check", "--json", "--lock-timeout", "60s", "--new-bin-dir"]).arg(&new.dir);
    let pgkit = Asked(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgkit rehearsal%' AND wait_event_type = 'Lock'";
    eventually("the dump waits", || db.value(waits) == "1");
    let mut seen = 0;
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let path = process.path();
        if std::fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.ends_with("rehearsal")) {
            seen += 1;
            for file in ["environ", "cmdline"] {
                let text = std::fs::read(path.join(file)).unwrap();
                assert!(!String::from_utf8_lossy(&text).contains("pa:ss"), "{file}");
            }
        }
    }
    assert!(seen > 0);
    holds.sql("ROLLBACK");
    let mut pgkit = pgkit;
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut pgkit.0.stdout.take().unwrap(), &mut answer).unwrap();
    let found: Vec<Found> = serde_json::from_str(&answer).unwrap();
    assert!(found.iter().all(|f| f.severity != "unseen"), "{found:#?}");
}

#[test]
fn the_databases_own_code_runs_as_nobody_who_owns_anything_or_not_unasked() {
    let Some(new) = upgrade_bins().into_iter().next() else { return };
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut options = options(bin());
    options.settings.tcp = true;
    let server = own_server(&options);
    let db = Db::existing(server.info(), "postgres");
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let who = folder.path().join("who");
    db.sql("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END'");
    db.sql("CREATE TABLE t (a int); CREATE INDEX ON t ((a + f()))");
    // An immutable function may only read; what it calls may do anything.
    db.sql(&format!(
        "CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql VOLATILE AS
         $$BEGIN COPY (SELECT 1) TO PROGRAM 'id -un > {}'; END$$;
         CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
         $$BEGIN PERFORM public.g(); RETURN 1; END$$",
        who.display()
    ));
    let ran_as = || {
        let name = std::fs::read_to_string(&who).ok().map(|name| name.trim().to_owned());
        let _ = std::fs::remove_file(&who);
        name
    };
    let asked = |user: Option<&User>, more: &[&str]| {
        let mut command = pgkit(&db);
        command
            .env("TMPDIR", "/tmp")
            .args(["upgrade-check", "--json", "--new-bin-dir"])
            .arg(&new.dir)
            .args(more);
        if let Some(user) = user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw()).env("HOME", "/nonexistent");
            // Where it is, nobody takes it for a stranger of that user's.
            command.current_dir(&db.info.socket_dir);
        }
        let output = run(&mut command);
        assert!(matches!(output.code, Some(0 | 1)), "{}", output.snapshot());
        output
    };
    asked(None, &[]);
    let name = ran_as().unwrap();
    assert!(!["root", "postgres", "_postgres"].contains(&name.as_str()), "{name}");
    // Somebody who is neither root nor whom the old server runs as, as far as can be seen.
    let plain = User::from_name(&db.info.os_user).unwrap().unwrap();
    let said = asked(Some(&plain), &[]);
    assert_eq!((said.code, ran_as()), (Some(1), None));
    assert!(said.stdout.contains("as your own account"), "{}", said.snapshot());
    asked(Some(&plain), &["--rehearsal"]);
    assert_eq!(ran_as().as_deref(), Some(db.info.os_user.as_str()));
    // Over its socket it can be seen.
    let mut command = Command::new(PGKIT);
    command.env_clear().env("TMPDIR", "/tmp").uid(plain.uid.as_raw()).gid(plain.gid.as_raw());
    command.current_dir(&db.info.socket_dir).args(["upgrade-check", "-d", "postgres", "-U", "postgres"]);
    command.arg("-h").arg(&db.info.socket_dir).args(["-p", &db.info.port.to_string(), "--new-bin-dir"]);
    let said = run(command.arg(&new.dir));
    assert_eq!(ran_as().as_deref(), Some(db.info.os_user.as_str()), "{}", said.snapshot());
}

#[test]
fn what_restores_well_is_not_named_whatever_it_is() {
    let Some(new) = upgrade_bins().into_iter().next() else { return };
    let (_server, db) = old_server(bin(), &[]);
    let folder = db.info.socket_dir.join("ts");
    make_folder(&db, &folder);
    db.sql(&format!("CREATE TABLESPACE ts LOCATION '{}'", text(&folder)));
    for sql in [
        "CREATE DATABASE d TABLESPACE ts",
        "ALTER DATABASE d SET default_tablespace = ts",
        "CREATE TABLE t (a int) TABLESPACE ts; CREATE INDEX ON t (a) TABLESPACE ts",
        "CREATE TABLE p (a int) PARTITION BY LIST (a) TABLESPACE ts",
        "ALTER ROLE ALL SET lc_messages = 'C'",
        "CREATE ACCESS METHOD ham TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE h (a int) USING ham",
        "ALTER DATABASE postgres SET default_table_access_method = ham",
        "CREATE TABLE \"a\nb\" (\"x y\" int PRIMARY KEY); COMMENT ON TABLE \"a\nb\" IS E'\\\\! touch pwned'",
        "CREATE ROLE \"it's \"\"\n\\! touch pwned\"",
        "CREATE ROLE plain IN ROLE pg_monitor ADMIN \"it's \"\"\n\\! touch pwned\"",
        "CREATE FUNCTION ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$; END'",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION ev()",
    ] {
        let ok = db.try_sql(sql);
        assert!(ok.is_ok(), "{sql}: {ok:?}");
    }
    let said = rehearse(&db, &["--new-bin-dir", text(&new.dir)]);
    assert_eq!(said.code, Some(0), "{:#?}\n{}", said.found, said.stderr);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "the tablespace's folder was touched");
}

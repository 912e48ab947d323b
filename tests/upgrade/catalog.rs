//! What the catalog tells, and what a throwaway server of the new version does: also of versions that have no pg_upgrade
//! here.

use std::time::{Duration, Instant};

use super::*;

/// What was found by these checks: severity, database and object.
fn seen<'a>(said: &'a Said, checks: &[&str]) -> Vec<(&'a str, &'a str)> {
    let of = said.found.iter().filter(|found| checks.contains(&found.check.as_str()));
    of.map(|found| (found.severity.as_str(), found.object.as_str())).collect()
}

/// The installations that are older than the one that pgkit finds.
fn older() -> impl Iterator<Item = &'static Binaries> {
    bins().iter().filter(|old| old.major < bin().major)
}

#[test]
fn what_11_and_older_have_and_no_newer_version_takes_is_named_and_mended() {
    for old in bins().iter().filter(|old| old.major < 12) {
        let (_server, db) = old_server(old, &[]);
        db.sql("CREATE DATABASE other");
        let other = Db::existing(&db.info, "other");
        for there in [&db, &other] {
            there.sql(
                "CREATE TABLE \"with\" (a int) WITH OIDS;
                 CREATE TABLE times (a abstime, b reltime, c tinterval, d information_schema.sql_identifier, e abstime[], f text);
                 INSERT INTO times VALUES ('2020-01-02 03:04:05+00', '1 hour', NULL, 'x');
                 CREATE FUNCTION half(int) RETURNS int LANGUAGE sql AS 'SELECT $1 / 2';
                 CREATE OPERATOR #% (LEFTARG = int, PROCEDURE = half);
                 CREATE OPERATOR |+| (LEFTARG = anyarray, RIGHTARG = anyelement, PROCEDURE = array_append);
                 CREATE AGGREGATE \"Accum\" (anyelement) (SFUNC = array_append, STYPE = anyarray, INITCOND = '{}');
                 CREATE CONVERSION mine FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1",
            );
        }
        let checks = ["oids", "data_types", "postfix", "polymorphics", "conversions"];
        let said = check(&db, &["--to", "15"]);
        let mut expected = vec![
            ("stops", "aggregate public.\"Accum\"(anyelement)"),
            ("stops", "conversion public.mine"),
            ("stops", "operator public.#% (integer, NONE)"),
            ("stops", "operator public.|+| (anyarray, anyelement)"),
            ("stops", "table public.\"with\""),
            ("stops", "table public.times, column a"),
            ("stops", "table public.times, column b"),
            ("stops", "table public.times, column c"),
            ("stops", "table public.times, column d"),
            ("stops", "table public.times, column e"),
        ];
        expected.extend(expected.clone());
        assert_eq!(seen(&said, &checks), expected, "on {}", old.major);
        // On the way to a version before the change nothing stops.
        if old.major < 11 {
            assert_eq!(seen(&check(&db, &["--to", "11"]), &checks), []);
        }
        let to_13 = check(&db, &["--to", "13"]);
        assert_eq!(seen(&to_13, &["postfix", "polymorphics", "conversions"]), []);
        mend(&db, &["--to", "15"]);
        assert_eq!(check(&db, &["--to", "15"]).stops().len(), 0);
        // Changed, not dropped.
        assert_eq!(other.sql("SELECT extract(year FROM a), b, d FROM times")[0].len(), 3);
        assert_eq!(other.value("SELECT extract(year FROM a) FROM times"), "2020");
    }
}

#[test]
fn the_libraries_are_really_loaded_and_what_is_missing_is_named_by_database_extension_and_function() {
    for old in older() {
        let (_server, db) = old_server(old, &[]);
        db.sql("CREATE DATABASE \"reports\t2\"");
        let reports = Db::existing(&db.info, "reports\t2");
        let function = |there: &Db, name: &str, library: &str| {
            there.sql(&format!(
                "CREATE FUNCTION {name}(int) RETURNS int LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'"
            ));
            // As if its library had been there.
            there.sql(&format!("UPDATE pg_proc SET probin = '{library}' WHERE proname = '{name}'"));
        };
        for there in [&db, &reports] {
            function(there, "json_object_field_as_text", "json_enhancements");
            there.sql("CREATE EXTENSION hstore");
        }
        // It wants to be loaded when the server starts.
        function(&db, "label", "$libdir/sepgsql");
        let said = check(&db, &["--new-bin-dir", text(&bin().dir)]);
        let library: Vec<_> = said.of("libraries");
        let stops: Vec<_> = library.iter().filter(|found| found.severity == "stops").collect();
        assert_eq!(stops.len(), 2, "{library:#?}");
        for (stop, database) in stops.iter().zip(["postgres", "reports\t2"]) {
            assert_eq!(stop.database.as_deref(), Some(database));
            assert_eq!(stop.object, "function public.json_object_field_as_text(integer)");
            assert!(stop.problem.contains("json_enhancements"), "{stop:?}");
            assert!(stop.why.as_ref().unwrap().contains("could not access file"), "{stop:?}");
        }
        let whole = |name: &str| {
            let object = format!("library $libdir/{name}");
            let found = library.iter().find(|found| found.object == object);
            let found = found.unwrap_or_else(|| panic!("{name}: {library:#?}"));
            (found.severity.as_str(), found.problem.as_str(), found.why.clone().unwrap())
        };
        let (severity, problem, why) = whole("hstore");
        assert_eq!((severity, problem), ("note", "the new server loads it"));
        assert_eq!(why, "used by extension hstore in postgres; extension hstore in reports\t2");
        let (severity, problem, _) = whole("sepgsql");
        assert_eq!((severity, problem), ("hurts", "loads only at the server's start"));
        // Nothing of a throwaway server is left.
        assert!(!said.stderr.contains("caused by"), "{}", said.stderr);

        // The catalog alone does not know it, and says so.
        let said = check(&db, &["--to", "15"]);
        let unknown: Vec<&str> = said.of("libraries").iter().map(|found| found.object.as_str()).collect();
        assert_eq!(
            unknown,
            ["library $libdir/hstore", "library $libdir/sepgsql", "library json_enhancements"]
        );
        assert_eq!(said.code, Some(0), "{:?}", said.stops());

        // With a name that holds a line feed the script runs too.
        mend(&db, &["--new-bin-dir", text(&bin().dir)]);
        assert_eq!(check(&db, &["--new-bin-dir", text(&bin().dir)]).code, Some(0));
    }
}

#[test]
fn settings_that_the_new_server_refuses_stop_where_pg_upgrade_restores_them() {
    for old in bins().iter().filter(|old| old.major < 11) {
        let (_server, db) = old_server(old, &[("wal_keep_segments", "3"), ("password_encryption", "md5")]);
        db.sql("CREATE ROLE \"o'r\"; ALTER ROLE \"o'r\" SET operator_precedence_warning = on");
        db.sql("ALTER DATABASE postgres SET replacement_sort_tuples = 100");
        db.sql("ALTER ROLE \"o'r\" IN DATABASE template1 SET default_with_oids = on");
        db.sql("ALTER ROLE \"o'r\" SET work_mem = '5MB'; ALTER ROLE \"o'r\" SET my.own = 'x'");
        db.sql("CREATE FUNCTION f(int) RETURNS int LANGUAGE sql SET operator_precedence_warning = on AS 'SELECT 1'");
        let tried = ["--new-bin-dir", text(&bin().dir)];
        let expected = [
            ("stops", "setting default_with_oids of role \"o'r\" in database template1"),
            ("stops", "setting operator_precedence_warning of role \"o'r\""),
            ("stops", "setting replacement_sort_tuples of every role in database postgres"),
            ("stops", "setting operator_precedence_warning of function public.f(integer)"),
            ("hurts", "setting default_with_oids of role \"o'r\" in database template1"),
            ("hurts", "setting password_encryption of server"),
            ("hurts", "setting wal_keep_segments of server"),
        ];
        assert_eq!(seen(&check(&db, &tried), &["settings"])[..7], expected, "on {}", old.major);
        // The catalog alone knows which are gone, but not which values.
        assert_eq!(seen(&check(&db, &["--to", "15"]), &["settings"])[..6], expected[1..]);
        let mut command = pgkit(&db);
        command.env("TMPDIR", temp()).args(["upgrade-check", "--fix-sql"]).args(tried);
        let script = run(&mut command).stdout;
        // Nothing is destroyed, so it is live.
        assert!(script.contains("\nALTER ROLE \"o'r\" RESET operator_precedence_warning;\n"), "{script}");
        assert!(
            script.contains("\nALTER FUNCTION public.f(integer) RESET operator_precedence_warning;\n"),
            "{script}"
        );
        mend(&db, &tried);
        assert_eq!(check(&db, &tried).code, Some(0));
        assert_eq!(
            db.value("SELECT rolconfig FROM pg_roles WHERE rolname = 'o''r'"),
            "{work_mem=5MB,my.own=x}"
        );
    }
}

#[test]
fn what_hurts_afterwards_is_named_and_stops_nothing() {
    let (server, db) = old_server(bin(), &[("wal_level", "logical")]);
    let inside = server.info().data_dir.join("ts");
    clusters::make_folder(&db, &inside);
    db.sql(&format!("CREATE TABLESPACE \"in side\" LOCATION '{}'", text(&inside)));
    db.sql(
        "CREATE ROLE maker CREATEROLE; SET password_encryption = md5; CREATE ROLE \"old one\" PASSWORD 'x'",
    );
    db.sql("SELECT pg_create_physical_replication_slot('standby')");
    db.sql("SELECT pg_create_logical_replication_slot('decoder', 'test_decoding')");
    db.sql("CREATE TABLE t (id int, b text); CREATE INDEX broken ON t (id)");
    db.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass");
    db.sql("CREATE COLLATION german (provider = icu, locale = 'de')");
    db.sql("UPDATE pg_collation SET collversion = '1' WHERE collname = 'german'");
    let said = check(&db, &["--to", "17"]);
    assert_eq!((said.code, said.stops().len()), (Some(0), 0), "{:#?}", said.stops());
    let hurts: Vec<(&str, &str)> = said
        .found
        .iter()
        .filter(|found| found.severity == "hurts")
        .map(|found| (found.object.as_str(), found.check.as_str()))
        .collect();
    assert_eq!(
        hurts,
        [
            ("physical replication slot standby", "slots"),
            ("role maker", "roles"),
            ("tablespace \"in side\"", "tablespaces"),
            ("collation public.german", "collations"),
            ("index public.broken", "invalid_indexes"),
            ("logical replication slot decoder", "slots"),
        ]
    );
    let md5 = said.of("passwords");
    assert_eq!((md5[0].severity.as_str(), md5[0].object.as_str()), ("note", "role \"old one\""));
    assert_eq!(check(&db, &["--to", "18"]).of("passwords")[0].severity, "hurts");
    // The new server's folder in a tablespace, left by an upgrade that failed, stops; so does a server without ICU.
    for new in upgrade_bins() {
        let said = check(&db, &["--new-bin-dir", text(&new.dir)]);
        let stops: Vec<&str> = said.stops().iter().map(|found| found.check.as_str()).collect();
        assert_eq!(stops, ["icu"], "to {}", new.major);
        let made = clusters::New::made(&db, &new, &format!("for{}", new.major), "");
        let control = run(clusters::program(&db, &new, "pg_controldata").arg("-D").arg(&made.dir)).stdout;
        let version = control.lines().find_map(|line| line.strip_prefix("Catalog version number:")).unwrap();
        clusters::make_folder(&db, &inside.join(format!("PG_{}_{}", new.major, version.trim())));
        let said = check(&db, &["--new-bin-dir", text(&new.dir)]);
        let left = said.stops().into_iter().find(|found| found.check == "tablespaces").cloned().unwrap();
        assert_eq!(left.object, "tablespace \"in side\"");
    }
    mend(&db, &["--to", "17"]);
    assert_eq!(db.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'broken'::regclass"), "t");
    assert_eq!(check(&db, &["--to", "17"]).of("collations").len(), 0);
}

#[test]
fn it_waits_behind_no_lock_and_writes_nothing() {
    for old in bins().iter().filter(|old| old.major < 18) {
        let db = database(server(old).info(), "waits");
        db.sql(
            "CREATE TABLE held (id int PRIMARY KEY, b text, r regproc); CREATE INDEX ON held ((upper(b)))",
        );
        db.sql("CREATE TABLE child () INHERITS (held)");
        let session = db.session();
        session.sql("BEGIN; LOCK TABLE held, child IN ACCESS EXCLUSIVE MODE");
        let begun = Instant::now();
        let output = run(pgkit(&db).args(["upgrade-check", "--to", "18", "-E", "--lock-timeout", "0"]));
        assert_eq!(output.code, Some(1), "{}", output.stderr);
        assert!(output.stdout.contains("table public.held, column r"), "on {}: {}", old.major, output.stdout);
        assert!(begun.elapsed() < Duration::from_secs(20), "on {}", old.major);
        // Every statement reads, in a transaction that may do nothing else.
        let statements = output.stderr.split("********* QUERY **********\n").skip(1);
        for statement in statements {
            let first = statement.lines().find(|line| !line.starts_with("--")).unwrap();
            let reads =
                ["BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY", "SELECT", "WITH", "COMMIT"];
            assert!(reads.iter().any(|start| first.starts_with(start)), "{first}");
        }
        drop(session);
    }
}

#[test]
fn a_database_that_is_dropped_or_ends_the_session_ends_no_examination() {
    for is_dropped in [true, false] {
        let (_server, db) = old_server(bin(), &[]);
        db.sql("CREATE DATABASE other");
        let other = Db::existing(&db.info, "other");
        other.sql("CREATE TABLE t (r regproc)");
        db.sql("CREATE TABLE t (r regproc)");
        let mut command = pgkit(&db);
        command.args(["upgrade-check", "--to", "18", "--lock-timeout", "0"]);
        let output = run_while_ended(&db, "other", is_dropped, command);
        // The other database's obstacle still stands.
        let (stderr, stdout) = (&output.stderr, &output.stdout);
        assert_eq!(output.code, Some(1), "{stderr}");
        assert!(stdout.contains(&format!("{}\ttable public.t, column r", db.name)), "{stdout}");
        let said = "database \"other\" was dropped in the meantime";
        assert_eq!(stderr.contains(said), is_dropped, "{stderr}");
        let unseen = stdout.lines().any(|line| line.starts_with("unseen") && line.contains("other"));
        assert_eq!(unseen, !is_dropped, "{stdout}");
        assert_eq!(stdout.contains("other"), !is_dropped, "{stdout}");
    }
}

#[test]
fn extensions_are_compared_with_what_the_new_server_offers() {
    for new in upgrade_bins().into_iter().filter(|new| new.major >= 17) {
        let preloaded = [("shared_preload_libraries", "pg_stat_statements, old_snapshot")];
        let (_server, db) = old_server(bin(), &preloaded);
        for name in ["pg_stat_statements", "hstore", "intagg", "earthdistance"] {
            db.sql(&format!("CREATE EXTENSION {name} CASCADE"));
        }
        // As if it were nobody's here, and as if it were of a time that nobody knows.
        db.sql("UPDATE pg_extension SET extname = 'home \"made\"' WHERE extname = 'intagg'");
        db.sql("UPDATE pg_extension SET extversion = '0.0' WHERE extname = 'earthdistance'");
        let said = check(&db, &["--new-bin-dir", text(&new.dir)]);
        let library = said.of("libraries").into_iter().find(|found| found.severity == "hurts").unwrap();
        assert_eq!(library.object, "setting shared_preload_libraries");
        assert_eq!(library.problem, "names old_snapshot, which the new server does not have");
        let of = |name: &str| {
            let object = format!("extension {name}");
            let found = said.of("extensions").into_iter().find(|found| found.object == object).cloned();
            found.map(|found| (found.severity, found.problem))
        };
        assert_eq!(of("home \"made\"").unwrap().0, "hurts");
        let (severity, problem) = of("earthdistance").unwrap();
        assert_eq!(severity, "hurts");
        assert!(problem.starts_with("has no update path from 0.0 to the new server's "), "{problem}");
        let (severity, problem) = of("pg_stat_statements").unwrap();
        assert_eq!(severity, "note");
        assert!(problem.starts_with("has version 1.10, but the new server has 1."), "{problem}");
        assert_eq!(said.code, Some(0), "{:#?}", said.stops());
    }
}

#[test]
fn what_follows_the_unicode_version_is_named_where_the_locale_is_postgresqls_own() {
    for old in upgrade_bins().into_iter().filter(|old| old.major == 17) {
        let (_server, db) = old_server(&old, &[]);
        db.sql("CREATE DATABASE own TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'");
        let own = Db::existing(&db.info, "own");
        for there in [&db, &own] {
            there.sql("CREATE TABLE t (a text CHECK (a ~* 'x'), b text); CREATE INDEX low ON t (lower(b)); CREATE INDEX plain ON t (b)");
            there.sql("CREATE INDEX words ON t USING gin (to_tsvector('simple', b))");
        }
        let said = check(&db, &["--to", "18"]);
        let found = |check| -> Vec<(&str, &str)> {
            said.of(check).iter().map(|f| (f.database.as_deref().unwrap(), f.object.as_str())).collect()
        };
        assert_eq!(found("unicode"), [("own", "index public.low"), ("own", "table public.t")]);
        assert_eq!(found("text_search"), [("own", "index public.words")]);
        let line = &said.of("initdb")[0].fix;
        assert!(line.contains("--locale-provider=libc"), "{line}");
    }
}

#[test]
fn before_16_a_new_cluster_must_have_the_old_ones_locale() {
    // pg_upgrade would need more of the old version than is here.
    for old in older().filter(|old| old.major == 14 && bin().major == 15) {
        let (_server, db) = old_server(old, &[]);
        let fits = clusters::New::made(&db, bin(), "fits", "");
        assert_eq!(check(&db, &fits.args()).stops().len(), 0);
        let other = clusters::New::made(&db, bin(), "other", "--encoding=LATIN1 --lc-collate=C --lc-ctype=C");
        let said = check(&db, &other.args());
        let problems: Vec<&str> = said.stops().iter().map(|found| found.problem.as_str()).collect();
        assert_eq!(
            problems,
            [
                "has the LC_COLLATE C, but the old one has C.UTF-8",
                "has the LC_CTYPE C, but the old one has C.UTF-8",
                "has the encoding LATIN1, but the old one has UTF8",
            ]
        );
    }
}

#[test]
fn a_new_cluster_with_a_small_lock_table_is_named_until_the_fix_is_followed() {
    for new in upgrade_bins() {
        let (_server, db) = old_server(bin(), &[]);
        db.sql("DO $$ BEGIN FOR i IN 1..400 LOOP EXECUTE format('CREATE TABLE t%s (id int)', i); END LOOP; END $$");
        let cluster = clusters::New::made(&db, &new, &format!("small{}", new.major), "");
        let locks = || {
            let said = check(&db, &cluster.args());
            let found =
                said.of("locks").into_iter().map(|f| (f.severity.clone(), f.object.clone(), f.fix.clone()));
            found.collect::<Vec<_>>()
        };
        assert_eq!(locks(), []);
        let conf = cluster.dir.join("postgresql.conf");
        let set = |more: &str| std::fs::write(&conf, std::fs::read_to_string(&conf).unwrap() + more).unwrap();
        set(
            "max_connections = 10\nmax_locks_per_transaction = 10\nmax_worker_processes = 2\nmax_wal_senders = 2\n",
        );
        let found = locks();
        let [(severity, object, fix)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((severity.as_str(), object.as_str()), ("unseen", "new cluster"));
        let setting = fix.strip_prefix("set ").unwrap().strip_suffix(" in the new cluster").unwrap();
        set(&format!("{setting}\n"));
        assert_eq!(locks(), [], "{setting}");
    }
}

fn every_check_runs_on_every_version(old: &Binaries) {
    // This command looks into every database, and on a shared server other tests drop theirs meanwhile.
    let (_server, db) = old_server(old, &[]);
    let said = check(&db, &["--to", "19"]);
    assert_eq!(said.unseen().len(), 0, "on {}: {:?}", old.major, said.unseen());
    assert!(said.of("initdb")[0].fix.starts_with("initdb -D NEW_DATA_DIR -U postgres --encoding=UTF8"));
}
on_every_server!(every_check_runs_on_every_version);

#[test]
fn the_types_that_stop_are_found_as_by_the_plain_recursion_over_what_holds_them() {
    let queries =
        [include_str!("data_types_reference.sql"), include_str!("../../queries/upgrade/data_types.sql")];
    // Domains over arrays of domains and over composite types came with 11.
    for old in bins().iter().filter(|old| (11..18).contains(&old.major)) {
        let db = database(server(old).info(), "held");
        let multirange = if old.major >= 14 { "CREATE TABLE h (a spans_2)" } else { "CREATE TABLE h ()" };
        let named = if old.major >= 14 { ", multirange_type_name = spans_2" } else { "" };
        db.sql(&format!(
            "CREATE DOMAIN d1 AS regproc; CREATE DOMAIN d2 AS d1[]; CREATE TYPE c1 AS (x int, y d2);
             CREATE TYPE c2 AS (c1 c1[], z text); CREATE DOMAIN d3 AS c2;
             CREATE TYPE spans AS RANGE (subtype = regconfig{named}); CREATE TYPE c3 AS (s spans[]);
             CREATE TABLE a (a d1, b d2, c c1, d c2, e spans, f c3, g int, h d3); ALTER TABLE a DROP COLUMN b;
             CREATE TABLE b (a a, b a[]); CREATE TABLE c (a pg_class[], b information_schema.sql_identifier);
             CREATE TABLE p (id int, b b) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
             CREATE TABLE i () INHERITS (a); CREATE VIEW v AS SELECT * FROM a; {multirange};
             CREATE INDEX ON a ((g::oid::regproc)); CREATE MATERIALIZED VIEW m AS SELECT a, c FROM a"
        ));
        for to in [11, 12, 16, 18] {
            let [reference, ours] = queries.map(|sql| db.sql(&sql.replace("$1", &to.to_string())));
            assert_eq!(ours, reference, "{} to {to}", old.major);
            assert!(ours.len() > 8, "{} to {to}: {ours:?}", old.major);
        }
    }
}

#[test]
fn implicit_casts_to_text_change_no_answer() {
    for old in bins().iter().filter(|old| old.major < 18) {
        let (_server, db) = old_server(old, &[]);
        db.sql("CREATE TABLE t (r regproc, a int NOT NULL); CREATE TABLE u () INHERITS (t); ALTER TABLE u ALTER a DROP NOT NULL");
        // Before 13 only the start of the server sets it, and functions do not need it.
        let allow = if old.major >= 13 { "SET allow_system_table_mods = on; " } else { "" };
        db.sql(&format!("{allow}CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'"));
        let before = check(&db, &["--to", "18"]).found;
        for of in
            ["integer", "bigint", "smallint", "oid", "regclass", "regproc", "regtype", "date", "numeric"]
        {
            db.sql(&format!("CREATE CAST ({of} AS text) WITH INOUT AS IMPLICIT"));
        }
        let after = check(&db, &["--to", "18"]).found;
        assert_eq!(format!("{before:#?}"), format!("{after:#?}"), "on {}", old.major);
        assert!(before.iter().any(|f| f.check == "lost_objects"), "{before:#?}");
    }
}

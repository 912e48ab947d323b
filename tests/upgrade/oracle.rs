//! pg_upgrade itself is the judge: what it names, pgkit names; what pgkit mends, it takes.

use super::clusters::New;
use super::*;

/// What pg_upgrade says when it stops, and the check of ours that is about it.
const STOPS: &[(&str, &str)] = &[
    ("source cluster contains prepared transactions", "prepared"),
    ("template0 must not allow connections", "databases"),
    ("non-template0 databases", "databases"),
    ("loadable libraries that are missing", "libraries"),
    ("in user tables", "data_types"),
    ("inconsistent NOT NULL", "not_null"),
    ("logical replication slots that cannot be upgraded", "slots"),
    ("subscriptions without origin", "subscriptions"),
    ("is not the install user", "install_user"),
    ("tablespace directory already exists", "tablespaces"),
    ("data checksum", "checksums"),
    ("WAL segment size", "control"),
    ("wal_level", "slots"),
    ("output_plugin_libraries", "slots"),
];

/// Everything in every database that a server of this version can hold and pg_upgrade does not take.
fn plant(db: &Db, major: u32) {
    for name in ["it's \"odd\" = \\ db", "closed"] {
        db.sql(&format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\"")));
    }
    let odd = Db::existing(&db.info, "it's \"odd\" = \\ db");
    for there in [db, &odd] {
        there.sql("CREATE SCHEMA \"o d\"");
        there.sql(
            "CREATE DOMAIN procs AS regproc[];
             CREATE TYPE pair AS (a regoper, b int);
             CREATE TYPE spans AS RANGE (subtype = regconfig);
             CREATE TABLE \"o d\".\"it's\" (id int PRIMARY KEY, \"a\"\"b\" regproc DEFAULT 'now'::regproc, c procs, d pair, e spans);
             INSERT INTO \"o d\".\"it's\" VALUES (1, 'now', '{now}');
             CREATE INDEX own ON \"o d\".\"it's\" (\"a\"\"b\");
             CREATE INDEX ofexpr ON \"o d\".\"it's\" ((id::oid::regnamespace));
             CREATE MATERIALIZED VIEW seen AS SELECT 'now'::regproc AS p;
             CREATE TABLE parts (id int, p regprocedure) PARTITION BY LIST (id);
             CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
             CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
             CREATE TABLE rows (id int, c pg_class, s information_schema.tables)",
        );
        there.sql("CREATE TABLE loose (a int NOT NULL, b int); CREATE TABLE strict () INHERITS (loose)");
        there.sql("ALTER TABLE strict ALTER a DROP NOT NULL");
        there.sql("CREATE TABLE fine (id int PRIMARY KEY, r regclass, t regtype, n name, b text)");
        if major < 16 {
            there.sql("CREATE TABLE acl (a aclitem, b aclitem[])");
        }
        if major < 17 {
            there.sql("CREATE EXTENSION adminpack; CREATE EXTENSION old_snapshot; CREATE EXTENSION hstore");
            there.sql(
                "CREATE FUNCTION \"o d\".\"lib's\"(int) RETURNS int LANGUAGE c AS '$libdir/adminpack', 'pg_file_sync'",
            );
        }
    }
    db.sql(
        "CREATE TABLE held (id int); BEGIN; INSERT INTO held VALUES (1); PREPARE TRANSACTION 'it''s held'",
    );
    db.sql("ALTER DATABASE closed WITH ALLOW_CONNECTIONS false");
    db.sql("ALTER DATABASE template0 WITH ALLOW_CONNECTIONS true");
}

/// Runs the statements of these findings, as somebody would by hand.
fn apply(db: &Db, found: &[&Found]) {
    let mut done = Vec::new();
    for one in found {
        let Some(sql) = &one.sql else { continue };
        let name = if one.check == "databases" { None } else { one.database.as_deref() };
        let there = Db::existing(&db.info, name.unwrap_or("postgres"));
        if !done.contains(&(name, sql.as_str())) {
            there.sql(sql);
            done.push((name, sql.as_str()));
        }
    }
}

/// What pg_upgrade's lists name stands among ours: the database, and every object.
fn all_named(lists: &str, found: &[&Found]) {
    let plain = |text: &str| text.replace('"', "");
    let mut database = String::new();
    for line in lists.lines() {
        if let Some(name) = line.strip_prefix("In database: ") {
            database = name.to_owned();
            continue;
        }
        if let Some(rest) = line.strip_prefix("could not load library \"") {
            let library = rest.split('"').next().unwrap();
            assert!(found.iter().any(|f| f.problem.contains(library)), "{library}: {found:?}");
            continue;
        }
        let Some(object) = line.strip_prefix("  ") else { continue };
        // schema.relation.column, without quotes; ours says `schema.relation, column column`, or the index alone.
        let named = found.iter().any(|f| {
            let ours =
                plain(f.object.split_once(' ').unwrap().1).replace(", column ", ".").replace("view ", "");
            f.database.as_deref() == Some(database.as_str()) && plain(object).starts_with(&ours)
        });
        assert!(named, "{database}: {object} is not among {found:#?}");
    }
}

#[test]
fn every_obstacle_that_pg_upgrade_names_is_named_and_when_none_is_left_both_are_content() {
    for (old, new) in ways() {
        let way = format!("{} to {}", old.major, new.major);
        let (_server, db) = old_server(&old, &[]);
        let new = New::made(&db, &new, "new", "");
        plant(&db, old.major);
        let mut stopped = Vec::new();
        // pg_upgrade stops at the first; what it names is mended by what pgkit says, and it goes on to the next.
        loop {
            let said = check(&db, &new.args());
            let judge = new.upgrade(&db, &old, &["--check"]);
            if judge.passes {
                assert_eq!(said.code, Some(0), "{way}: {:#?}", said.stops());
                let said = rehearse(&db, &new.args());
                assert_eq!(said.code, Some(0), "{way}: {:#?}", said.found);
                break;
            }
            let named = STOPS.iter().find(|(text, _)| judge.said.contains(text));
            let Some((_, about)) = named else { panic!("{way}: {}", judge.said) };
            let ours: Vec<&Found> = said.stops().into_iter().filter(|f| f.check == *about).collect();
            assert!(!ours.is_empty(), "{way}: pgkit does not stop at {about}: {}", judge.said);
            all_named(&judge.lists, &ours);
            assert!(
                stopped.iter().filter(|s| *s == about).count() < 2,
                "{way}: {about} is not mended: {}",
                judge.said
            );
            stopped.push(*about);
            apply(&db, &ours);
        }
        for must in ["prepared", "databases", "data_types", "not_null"] {
            assert!(stopped.contains(&must), "{way}: {stopped:?}");
        }
        assert_eq!(stopped.contains(&"libraries"), old.major < 17, "{way}: {stopped:?}");
    }
}

/// What a database holds, as pgkit sees it.
fn contents(db: &Db) -> Vec<String> {
    let sizes = "schema,name,kind,members,main_bytes,toast_bytes,indexes_bytes,total_bytes";
    let mut all = Vec::new();
    for args in [&["relations"][..], &["functions"], &["sizes", "--columns", sizes, "--sort", "name"]] {
        all.extend(run(pgkit(db).args(args)).lines().iter().map(|line| (*line).to_owned()));
    }
    all.sort();
    all
}

#[test]
fn after_the_script_pg_upgrade_carries_everything_over() {
    for (old, new) in ways() {
        let way = format!("{} to {}", old.major, new.major);
        let (mut server, db) = old_server(&old, &[]);
        db.sql("CREATE DATABASE demo");
        Db::existing(&db.info, "demo").load_sample();
        let new = New::made(&db, &new, "new", "");
        plant(&db, old.major);
        assert!(!check(&db, &new.args()).stops().is_empty());
        mend(&db, &new.args());
        let said = check(&db, &new.args());
        assert_eq!(said.code, Some(0), "{way}: {:#?}", said.stops());
        let names = ["demo", "postgres", "it's \"odd\" = \\ db"];
        let at = |info: &sandbox::Info| names.map(|name| contents(&Db::existing(info, name)));
        let before = at(&db.info);
        server.stop(sandbox::Stop::Fast).unwrap();
        let judge = new.upgrade(&db, &old, &[]);
        assert!(judge.passes, "{way}: {}", judge.said);
        let mut info = db.info.clone();
        info.port = 5433;
        let _running = new.start(&db);
        for (before, after) in before.iter().zip(at(&info)) {
            assert!(before.len() > 5);
            assert_eq!(before, &after, "{way}");
        }
        let row = Db::existing(&info, names[2]).value("SELECT \"a\"\"b\" || c FROM \"o d\".\"it's\"");
        assert_eq!(row, "now{now}");
    }
}

#[test]
fn a_new_cluster_that_does_not_fit_is_named_and_the_line_that_makes_one_fits() {
    for (old, new) in ways() {
        let way = format!("{} to {}", old.major, new.major);
        let (_server, db) = old_server(&old, &[]);
        // By itself 18 turns checksums on, and nothing before does.
        let checksums = New::made(&db, &new, "checksums", "--data-checksums");
        let said = check(&db, &checksums.args());
        let judge = checksums.upgrade(&db, &old, &["--check"]);
        assert!(!judge.passes && judge.said.contains("checksums"), "{way}: {}", judge.said);
        let [stop] = said.stops()[..] else { panic!("{way}: {:#?}", said.stops()) };
        assert_eq!((stop.check.as_str(), stop.object.as_str()), ("checksums", "new cluster"));
        // Its fix is a command.
        let fix: Vec<&str> = stop.fix.split(' ').collect();
        let done = run(clusters::program(&db, &new, fix[0]).args(&fix[1..]));
        assert_eq!(done.code, Some(0), "{}", done.snapshot());
        assert_eq!(check(&db, &checksums.args()).code, Some(0));
        assert!(checksums.upgrade(&db, &old, &["--check"]).passes);

        let wal = New::made(&db, &new, "wal", "--wal-segsize=32");
        let said = check(&db, &wal.args());
        assert!(!wal.upgrade(&db, &old, &["--check"]).passes);
        assert!(
            said.stops().iter().any(|f| f.fix.contains("--wal-segsize=16")),
            "{way}: {:#?}",
            said.stops()
        );

        // Whoever made another role is not who pg_upgrade must be.
        db.sql("CREATE ROLE boss SUPERUSER LOGIN");
        let said = check_as("boss", &db, &["--new-bin-dir", text(&new.dir)]);
        let [stop] = said.stops()[..] else { panic!("{way}: {:#?}", said.stops()) };
        assert_eq!(
            (stop.check.as_str(), stop.fix.as_str()),
            ("install_user", "run pg_upgrade with -U postgres")
        );
        let running = wal.start(&db);
        let said = check(&db, &wal.args());
        assert!(said.of("state").iter().any(|f| f.fix.contains("pg_ctl stop -D")), "{:#?}", said.stops());
        drop(running);
    }
}

#[test]
fn logical_slots_and_subscriptions_are_judged_as_pg_upgrade_does() {
    for (old, bin) in ways().into_iter().filter(|(old, _)| old.major >= 17) {
        let conf = [("wal_level", "logical"), ("max_slot_wal_keep_size", "1MB"), ("max_wal_size", "32MB")];
        let (_server, db) = old_server(&old, &conf);
        let new = New::made(&db, &bin, "new", "");
        let judged = || new.upgrade(&db, &old, &["--check"]);
        // One that lost the WAL it needs.
        db.sql("SELECT pg_create_logical_replication_slot('lost', 'test_decoding')");
        for _ in 0..4 {
            db.sql("SELECT pg_logical_emit_message(false, 'x', repeat('x', 20000000)), pg_switch_wal()");
            db.sql("CHECKPOINT");
        }
        db.sql("SELECT pg_create_logical_replication_slot('kept', 'test_decoding')");
        let judge = judged();
        assert!(judge.said.contains("logical replication slots that cannot be upgraded"), "{}", judge.said);
        let said = check(&db, &new.args());
        let slots: Vec<(&str, &str)> =
            said.of("slots").iter().map(|found| (found.severity.as_str(), found.object.as_str())).collect();
        assert!(slots.contains(&("stops", "logical replication slot lost")), "{slots:?}");
        assert!(slots.contains(&("note", "logical replication slot kept")), "{slots:?}");
        apply(&db, &said.of("slots"));

        // What the new cluster must have for the other one.
        let judge = judged();
        assert!(judge.said.contains("\"wal_level\" must be \"logical\""), "{}", judge.said);
        let said = check(&db, &new.args());
        assert!(said.stops().iter().any(|found| found.object == "new cluster, setting wal_level"));
        let conf = new.dir.join("postgresql.conf");
        let set = |line: &str| {
            let text = std::fs::read_to_string(&conf).unwrap();
            std::fs::write(&conf, format!("{text}\n{line}\n")).unwrap();
        };
        set("wal_level = logical");
        // Late minor versions list the plugins that they trust.
        for _ in 0..2 {
            let (said, judge) = (check(&db, &new.args()), judged());
            assert_eq!(said.code == Some(0), judge.passes, "{}\n{:#?}", judge.said, said.stops());
            if judge.passes {
                break;
            }
            assert!(judge.said.contains("output_plugin_libraries"), "{}", judge.said);
            assert_eq!(said.stops()[0].object, "new cluster, setting output_plugin_libraries");
            set("output_plugin_libraries = 'pgoutput, test_decoding'");
        }
        set("max_replication_slots = 0");
        assert!(!judged().passes);
        let said = check(&db, &new.args());
        assert_eq!(said.stops()[0].object, "new cluster, setting max_replication_slots");
        set("max_replication_slots = 10");

        db.sql(
            "CREATE SUBSCRIPTION \"s s\" CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)",
        );
        assert_eq!((check(&db, &new.args()).code, judged().passes), (Some(0), true));
        let origins =
            if bin.major >= 18 { "max_active_replication_origins" } else { "max_replication_slots" };
        set(&format!("{origins} = 0"));
        let said = check(&db, &new.args());
        assert!(
            !judged().passes && said.of("subscriptions")[0].object.ends_with(origins),
            "{:?}",
            said.stops()
        );
        set(&format!("{origins} = 10"));
        db.sql("SELECT pg_replication_origin_drop('pg_' || oid) FROM pg_subscription");
        let judge = judged();
        assert!(judge.said.contains("subscriptions without origin"), "{}", judge.said);
        let said = check(&db, &new.args());
        let [stop] = said.stops()[..] else { panic!("{:#?}", said.stops()) };
        assert_eq!(
            (stop.object.as_str(), stop.problem.as_str()),
            ("subscription \"s s\"", "has no replication origin")
        );
    }
}

#[test]
fn what_somebody_made_in_the_new_cluster_is_seen_without_touching_it() {
    for (old, bin) in ways() {
        let way = format!("{} to {}", old.major, bin.major);
        let (_server, db) = old_server(&old, &[]);
        let new = New::made(&db, &bin, "new", "");
        let stops = || -> Vec<(String, String)> {
            check(&db, &new.args()).stops().iter().map(|f| (f.check.clone(), f.problem.clone())).collect()
        };
        let judged = || new.upgrade(&db, &old, &["--check"]);
        let control = || std::fs::metadata(new.dir.join("global/pg_control")).unwrap().modified().unwrap();
        let before = control();
        assert_eq!(stops(), []);
        assert_eq!(control(), before, "{way}");
        let inside = |sql: &str| {
            let _running = new.start(&db);
            let mut info = db.info.clone();
            info.port = 5433;
            Db::existing(&info, "postgres").sql(sql);
        };
        inside("CREATE TABLE \"left over\" (id int)");
        assert_eq!(
            stops(),
            [("new_relations".into(), "is not empty: database postgres holds public.\"left over\"".into())]
        );
        assert!(judged().said.contains("is not empty"), "{way}");
        inside("DROP TABLE \"left over\"; CREATE ROLE early");
        assert_eq!(stops(), [("new_roles".into(), "has other roles: early".into())]);
        assert!(judged().said.contains("Only the install user"), "{way}");
        inside("DROP ROLE early");
        assert!(stops().is_empty() && judged().passes, "{way}");

        // One that another user made.
        db.sql("CREATE ROLE postgres_2 SUPERUSER LOGIN");
        let other = New::made(&db, &bin, "other", "-U postgres_2");
        let said = check(&db, &other.args());
        let [stop] = said.stops()[..] else { panic!("{way}: {:#?}", said.stops()) };
        assert_eq!((stop.check.as_str(), stop.problem.as_str()), ("install_user", "has no role postgres"));
        assert!(!other.upgrade(&db, &old, &["--check"]).passes);
    }
}

#[test]
fn a_new_cluster_that_would_not_start_or_let_pg_upgrade_in_is_named() {
    let Some((old, bin)) = ways().into_iter().next() else { return };
    let (_server, db) = old_server(&old, &[]);
    let new = New::made(&db, &bin, "new", "");
    let judged = |file: &str, text: &str| {
        let path = new.dir.join(file);
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            &path,
            if file == "pg_hba.conf" { text.to_owned() } else { format!("{before}\n{text}\n") },
        )
        .unwrap();
        let (judge, said) = (new.upgrade(&db, &old, &["--check"]), check(&db, &new.args()));
        let bad = look("postgres", &db, &[&new.args()[..], &["--no-rehearsal"]].concat()).of("unseen").len();
        std::fs::write(&path, before).unwrap();
        let stops: Vec<String> = said.stops().iter().map(|f| f.object.clone()).collect();
        // Without the rehearsal, which is unseen too.
        (judge.passes, stops, bad - 1)
    };
    let conf = "postgresql.conf";
    assert_eq!(judged(conf, "work_mem = '5MB'"), (true, vec![], 0));
    // What leads elsewhere leads the copy nowhere.
    let elsewhere = format!("data_directory = '{}'\nlisten_addresses = '*'", new.dir.display());
    assert_eq!(judged(conf, &elsewhere).1, Vec::<String>::new());
    assert_eq!(judged(conf, "ssl = on"), (false, vec!["new cluster".to_owned()], 0));
    let setting = "new cluster, setting shared_preload_libraries".to_owned();
    assert_eq!(judged(conf, "shared_preload_libraries = 'nolib'"), (false, vec![setting], 0));
    let (passes, stops, unseen) = judged(conf, "nonsense = 1");
    assert!(!passes && !stops.is_empty() | (unseen > 0), "{stops:?}");
    let (passes, stops, _) = judged("pg_hba.conf", "local all all reject");
    assert!(!passes && stops.iter().any(|object| object == "new cluster, database template1"), "{stops:?}");
}

//! sizes of single tables, compared with the server's own functions to the byte.

use super::*;
use crate::support::*;

/// Schema, name, main, toast, indexes and total of every table of users, as the server's functions say by OID.
pub const BY_FUNCTIONS: &str = "\
    SELECT n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid)::text, \
           coalesce(pg_catalog.pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)::text, \
           pg_catalog.pg_indexes_size(c.oid)::text, pg_catalog.pg_total_relation_size(c.oid)::text \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
      AND n.nspname !~ '^pg_toast'";

fn by_functions(db: &Db, sql: &str) -> Vec<Row> {
    db.sql(sql).into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
}

/// The same columns of the report's rows that have sizes.
fn weighed(rows: &[Row]) -> Vec<Row> {
    let with_storage = rows.iter().filter(|row| row[2] == "table" || row[2] == "materialized view");
    with_storage
        .map(|r| vec![r[0].clone(), r[1].clone(), r[5].clone(), r[6].clone(), r[7].clone(), r[8].clone()])
        .collect()
}

/// The roles that get each of the two texts: a directory scan, and functions.
const ROLES: [&str; 2] = ["postgres", "catalog_nobody"];

fn sizes_are_those_of_the_servers_functions_to_the_byte_for_every_role(bin: &Binaries) {
    let db = filled::filled(bin);
    for role in ROLES {
        let ours = answer_as(&db, role, &["sizes"]);
        assert!(ours.iter().all(|row| row[9].is_empty() && row[3] == "1"));
        assert_same(&format!("{role} on {}", bin.major), weighed(&ours), by_functions(&db, BY_FUNCTIONS));
    }
}
on_every_server!(sizes_are_those_of_the_servers_functions_to_the_byte_for_every_role);

fn what_stores_nothing_has_no_size_instead_of_zero(bin: &Binaries) {
    let db = filled::filled(bin);
    for role in ROLES {
        let rows = answer_as(&db, role, &["sizes", "things.*"]);
        let find = |name: &str| rows.iter().find(|row| row[1] == name);
        for (name, kind) in [
            ("foreign_table", "foreign table"),
            ("measures", "partitioned table"),
            ("childless", "partitioned table"),
        ] {
            let row = find(name).unwrap_or_else(|| panic!("no {name}"));
            assert_eq!(row[2], kind);
            assert!(row[5..9].iter().all(String::is_empty), "{row:?}");
        }
        assert_eq!(find("no_columns").unwrap()[5], "0");
        assert!(find("simple_view").is_none() && find("ticket_numbers").is_none());
    }
}
on_every_server!(what_stores_nothing_has_no_size_instead_of_zero);

#[test]
fn the_heaviest_come_first_by_the_measure_that_was_asked_for() {
    let db = filled::filled(bin());
    for (measure, column) in [("main", 5), ("toast", 6), ("indexes", 7), ("total", 8)] {
        for role in ROLES {
            for grouping in [&["--group-partitions"][..], &[]] {
                let rows = answer_of(
                    pgkit(&db).env("PGUSER", role).args(["sizes", "--measure", measure]).args(grouping),
                );
                let key = |row: &Row| row[column].parse::<i64>().unwrap_or(-1);
                for pair in rows.windows(2) {
                    let by_name = (&pair[0][0], &pair[0][1]) < (&pair[1][0], &pair[1][1]);
                    assert!(
                        key(&pair[0]) > key(&pair[1]) || (key(&pair[0]) == key(&pair[1]) && by_name),
                        "{pair:?}"
                    );
                }
            }
        }
    }
    assert_eq!(answer(&db, &["sizes"]), answer(&db, &["sizes", "--measure", "total"]));
}

fn catalogs_are_sized_too_though_their_files_are_not_named_in_them(bin: &Binaries) {
    let db = database(server(bin).info(), "mapped");
    for role in ["postgres", "catalog_nobody"] {
        db.sql("DO $$ BEGIN CREATE ROLE catalog_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$");
        // Others make databases and roles meanwhile, so shared catalogs may grow.
        let sql = BY_FUNCTIONS.replace(
            "n.nspname NOT IN ('pg_catalog', 'information_schema')",
            "n.nspname = 'pg_catalog' AND NOT c.relisshared",
        );
        let expected = by_functions(&db, &sql);
        let shared = [
            "pg_authid",
            "pg_database",
            "pg_shdepend",
            "pg_shdescription",
            "pg_auth_members",
            "pg_tablespace",
            "pg_db_role_setting",
            "pg_pltemplate",
            "pg_replication_origin",
            "pg_shseclabel",
            "pg_subscription",
            "pg_parameter_acl",
        ];
        let ours = answer_as(&db, role, &["sizes", "--system"]);
        assert!(
            shared.iter().filter(|s| ours.iter().any(|r| r[1] == **s && r[5].parse::<i64>().is_ok())).count()
                >= 10
        );
        let ours: Vec<Row> = weighed(&ours)
            .into_iter()
            .filter(|r| r[0] == "pg_catalog" && !shared.contains(&r[1].as_str()))
            .collect();
        assert!(ours.len() > 40);
        assert_same(&format!("{role} on {}", bin.major), ours, expected);
    }
}
on_every_server!(catalogs_are_sized_too_though_their_files_are_not_named_in_them);

fn sizes_are_right_in_another_tablespace_and_after_a_table_was_rewritten(bin: &Binaries) {
    let info = server(bin).info();
    let db = database(info, "rewritten");
    let parent = info.data_dir.parent().unwrap();
    let folder = parent.join(format!("space{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let owner = std::fs::metadata(&info.data_dir).unwrap();
    use std::os::unix::fs::MetadataExt;
    std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    let space = format!("space{}", std::process::id());
    db.sql("DO $$ BEGIN CREATE ROLE catalog_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$");
    db.sql(&format!("CREATE TABLESPACE {space} LOCATION '{}'", folder.display()));
    db.sql(&format!(
            "CREATE TABLE elsewhere (id int PRIMARY KEY, body text) TABLESPACE {space};
             INSERT INTO elsewhere SELECT g, repeat(md5(g::text), 300) FROM generate_series(1, 500) g;
             CREATE TABLE index_elsewhere (id int); INSERT INTO index_elsewhere SELECT generate_series(1, 5000);
             CREATE INDEX ON index_elsewhere (id) TABLESPACE {space};
             CREATE TABLE truncated (id int PRIMARY KEY, body text); INSERT INTO truncated SELECT g, repeat('x', 100) FROM generate_series(1, 5000) g;
             CREATE TABLE rewritten (id int PRIMARY KEY, body text); INSERT INTO rewritten SELECT g, repeat('x', 100) FROM generate_series(1, 5000) g;
             CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, body text); INSERT INTO unlogged SELECT g, repeat(md5(g::text), 300) FROM generate_series(1, 100) g;
             TRUNCATE truncated; DELETE FROM rewritten WHERE id > 100"
        ));
    db.sql("VACUUM FULL rewritten");
    db.sql("VACUUM elsewhere");
    let temp = db.session();
    temp.sql("CREATE TEMP TABLE temporary (id int PRIMARY KEY, body text); INSERT INTO temporary SELECT g, repeat(md5(g::text), 300) FROM generate_series(1, 300) g");
    for role in ROLES {
        let ours = answer_as(&db, role, &["sizes"]);
        assert_eq!(ours.len(), 6, "{ours:?}");
        assert!(ours.iter().any(|r| r[0].starts_with("pg_temp_") && r[1] == "temporary"), "{ours:?}");
        assert_same(&format!("{role} on {}", bin.major), weighed(&ours), by_functions(&db, BY_FUNCTIONS));
    }
    drop(temp);
    db.sql("DROP TABLE elsewhere, index_elsewhere");
    db.sql(&format!("DROP TABLESPACE {space}"));
}
on_every_server!(sizes_are_right_in_another_tablespace_and_after_a_table_was_rewritten);

fn a_table_of_several_files_counts_with_all_of_them(bin: &Binaries) {
    let info = server(bin).info();
    let db = database(info, "segments");
    db.sql("DO $$ BEGIN CREATE ROLE catalog_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$");
    db.sql("CREATE TABLE big (id int PRIMARY KEY, body text); INSERT INTO big SELECT generate_series(1, 100); CHECKPOINT");
    // The second file of a table of more than 1 GB; the server too counts whatever bears that name.
    let file = info.data_dir.join(db.value("SELECT pg_relation_filepath('big')"));
    std::fs::write(file.with_extension("1"), vec![0; 24_576]).unwrap();
    let index = info.data_dir.join(db.value("SELECT pg_relation_filepath('big_pkey')"));
    std::fs::write(index.with_extension("1"), vec![0; 8192]).unwrap();
    for role in ROLES {
        let ours = weighed(&answer_as(&db, role, &["sizes"]));
        assert_eq!((ours[0][2].as_str(), ours[0][4].as_str()), ("32768", "24576"), "{role} on {}", bin.major);
        assert_same(role, ours, by_functions(&db, BY_FUNCTIONS));
    }
}
on_every_server!(a_table_of_several_files_counts_with_all_of_them);

fn while_tables_come_and_go_sizes_never_fails(bin: &Binaries) {
    let db = database(server(bin).info(), "come_and_go");
    db.sql("DO $$ BEGIN CREATE ROLE catalog_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$");
    db.sql("CREATE TABLE stays (id int PRIMARY KEY, body text)");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let churn = scope.spawn(|| {
            let session = db.session();
            let mut rounds = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                session.sql("CREATE TABLE goes (id int PRIMARY KEY, body text); CREATE INDEX ON goes (body)");
                session.sql("TRUNCATE stays");
                session.sql("DROP TABLE goes");
                rounds += 1;
            }
            rounds
        });
        let stopping = Stop(&stop);
        for turn in 0..24 {
            let rows = answer_as(
                &db,
                ROLES[turn % 2],
                if turn % 3 == 0 { &["sizes", "--group-partitions"] } else { &["sizes"] },
            );
            assert!(rows.iter().any(|row| row[1] == "stays"), "{rows:?}");
        }
        drop(stopping);
        assert!(churn.join().unwrap() > 10);
    });
}
on_every_server!(while_tables_come_and_go_sizes_never_fails);

//! What somebody holds or waits for with an exclusive lock keeps no report waiting.

use std::time::{Duration, Instant};

use super::*;
use crate::support::*;

fn role_nobody(db: &Db) {
    db.sql("DO $$ BEGIN CREATE ROLE catalog_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$");
}

fn sizes_does_not_wait_behind_an_alter_table_that_waits_itself(bin: &Binaries) {
    let db = database(server(bin).info(), "queued");
    role_nobody(&db);
    db.sql("CREATE TABLE busy (id int PRIMARY KEY, body text); INSERT INTO busy SELECT g, repeat(md5(g::text), 300) FROM generate_series(1, 500) g");
    db.sql("CREATE TABLE free (id int PRIMARY KEY, body text); INSERT INTO free SELECT g, repeat(md5(g::text), 300) FROM generate_series(1, 500) g");
    db.sql("CREATE TABLE never (id int PRIMARY KEY)");
    db.sql("VACUUM ANALYZE busy");
    let before = answer(&db, &["sizes"]);
    let reader = db.session();
    reader.sql("BEGIN; SELECT count(*) FROM busy; SELECT count(*) FROM never");
    let altered = db.session().send("ALTER TABLE busy ADD COLUMN more int");
    let also = db.session().send("ALTER TABLE never ADD COLUMN more int");
    eventually("the ALTERs wait", || {
        // A regclass cast would wait too.
        db.value("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") == "2"
    });
    for (role, flags) in [
        ("postgres", &[][..]),
        ("catalog_nobody", &[]),
        ("postgres", &["--group-partitions"]),
        ("catalog_nobody", &["--by", "tree"]),
    ] {
        let start = Instant::now();
        let rows = answer_of(pgkit(&db).env("PGUSER", role).arg("sizes").args(flags));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        let find = |rows: &[Row], name: &str| rows.iter().find(|r| r[1] == name).unwrap().clone();
        let (busy, was) = (find(&rows, "busy"), find(&before, "busy"));
        assert_eq!(busy[9], "locked", "{role} on {}", bin.major);
        // What VACUUM counted last: the main fork to the page, the rest without maps of free space.
        let size = |row: &Row, at: usize| row[at].parse::<i64>().unwrap_or_else(|_| panic!("{row:?}"));
        assert_eq!(size(&busy, 5), size(&was, 5), "{role} on {}", bin.major);
        assert!(size(&busy, 8) <= size(&was, 8) && size(&busy, 8) > size(&was, 8) / 2, "{busy:?} {was:?}");
        assert_eq!(find(&rows, "free"), find(&before, "free"));
        let never = find(&rows, "never");
        assert_eq!(never[9], "locked");
        if role == "postgres" {
            // The directory is read without a lock: all sizes are exact.
            assert_eq!(busy[5..9], was[5..9]);
            assert_eq!(never[5..9], find(&before, "never")[5..9]);
        } else {
            // Nobody has counted it: its main fork is unknown, not 0.
            assert_eq!(never[5], "", "{never:?}");
        }
    }
    let start = Instant::now();
    assert_eq!(answer(&db, &["sizes", "--estimate"]).len(), 3);
    assert!(start.elapsed() < Duration::from_secs(2));
    reader.sql("ROLLBACK");
    altered.join().unwrap().unwrap();
    also.join().unwrap().unwrap();
    assert_eq!(answer(&db, &["sizes"]).iter().filter(|r| r[9] == "locked").count(), 0);
}
on_every_server!(sizes_does_not_wait_behind_an_alter_table_that_waits_itself);

fn a_lock_on_an_index_or_a_toast_table_marks_the_table_too(bin: &Binaries) {
    let db = database(server(bin).info(), "parts");
    role_nobody(&db);
    db.sql("CREATE TABLE by_index (id int); CREATE INDEX the_index ON by_index (id); CREATE TABLE toasted (body text); CREATE TABLE free (id int)");
    let holder = db.session();
    let toast = db.value("SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'toasted'");
    holder.sql(&format!("BEGIN; ALTER INDEX the_index RENAME TO renamed; ALTER INDEX renamed SET TABLESPACE pg_default; REINDEX TABLE {toast}"));
    for role in ["postgres", "catalog_nobody"] {
        let start = Instant::now();
        let rows = answer_as(&db, role, &["sizes"]);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        let states: Vec<(&str, &str)> = sorted_states(&rows);
        assert_eq!(
            states,
            [("by_index", "locked"), ("free", ""), ("toasted", "locked")],
            "{role} on {}",
            bin.major
        );
    }
    holder.sql("ROLLBACK");
}
on_every_server!(a_lock_on_an_index_or_a_toast_table_marks_the_table_too);

fn sorted_states(rows: &[Row]) -> Vec<(&str, &str)> {
    let mut states: Vec<(&str, &str)> = rows.iter().map(|r| (r[1].as_str(), r[9].as_str())).collect();
    states.sort_unstable();
    states
}

fn find_does_not_wait_behind_an_exclusive_lock_and_names_what_it_could_not_read(bin: &Binaries) {
    let db = database(server(bin).info(), "held");
    db.sql(
            "CREATE TABLE held (id int PRIMARY KEY DEFAULT 7, body text DEFAULT 'a default', CONSTRAINT held_check CHECK (id > 0));
             CREATE TABLE free (id int DEFAULT 3, held_id int, CONSTRAINT free_fk FOREIGN KEY (held_id) REFERENCES held (id), CONSTRAINT free_check CHECK (id > 1));
             CREATE INDEX held_expression ON held (lower(body));
             CREATE VIEW reads_held AS SELECT * FROM held;
             CREATE VIEW reads_reader AS SELECT id FROM reads_held;
             CREATE VIEW reads_free AS SELECT id FROM free;
             CREATE RULE free_rule AS ON DELETE TO free DO ALSO DELETE FROM held WHERE id = old.id;
             CREATE RULE held_rule AS ON DELETE TO held DO ALSO NOTHING;
             CREATE POLICY free_policy ON free USING (id IN (SELECT id FROM held));
             CREATE POLICY held_policy ON held USING (id > 1);
             CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
             CREATE TRIGGER held_trigger BEFORE INSERT ON held FOR EACH ROW WHEN (new.id > 5) EXECUTE PROCEDURE fire();
             CREATE TRIGGER free_trigger BEFORE INSERT ON free FOR EACH ROW EXECUTE PROCEDURE fire()",
        );
    if bin.major >= 14 {
        db.sql("CREATE FUNCTION body_of_held() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM held; END");
    }
    let mut expected = vec![
        ("constraint definition", "held.held_check"),
        ("index definition", "held_expression"),
        ("policy definition", "free.free_policy"),
        ("policy definition", "held.held_policy"),
        ("rule definition", "free.free_rule"),
        ("rule definition", "held.held_rule"),
        ("trigger definition", "held.held_trigger"),
        ("view definition", "reads_held"),
    ];
    if bin.major >= 12 {
        db.sql("ALTER TABLE held ADD twice int GENERATED ALWAYS AS (id * 2) STORED");
        expected.push(("column default", "held.twice"));
    }
    if bin.major >= 14 {
        expected.push(("function body", "body_of_held()"));
    }
    expected.sort_unstable();
    let holder = db.session();
    holder.sql("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
    assert_eq!(exclusive_elsewhere(&db), "1");
    let start = Instant::now();
    let rows = answer(&db, &["find", "no such text"]);
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    let mut locked: Vec<(&str, &str)> =
        rows.iter().filter(|r| r[4] == "locked").map(|r| (r[0].as_str(), r[2].as_str())).collect();
    locked.sort_unstable();
    assert_eq!(locked, expected, "on {}", bin.major);
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    // A default that names no column is read without the table.
    let rows = answer(&db, &["find", "a default"]);
    assert!(rows.iter().any(|r| r[..3] == ["column default", "public", "held.body"]), "{rows:?}");
    holder.sql("ROLLBACK");
    assert!(answer(&db, &["find", "no such text"]).is_empty());
}
on_every_server!(find_does_not_wait_behind_an_exclusive_lock_and_names_what_it_could_not_read);

/// Objects that use the row type of a table called held, with the first major that has such objects. To write one out, the server
/// reads that table.
const WITH_ROWS: &[(u32, &str)] = &[
    (10, "CREATE TABLE by_default (d held DEFAULT row(1, 'x')::held)"),
    (10, "CREATE TABLE by_check (x held, CHECK (x <> row(1, 'x')::held))"),
    (
        10,
        "CREATE TABLE by_index (x held); CREATE INDEX on_part ON by_index (((x).body || '')); CREATE INDEX in_where ON by_index (x) WHERE x = row(1, 'x')::held",
    ),
    (10, "CREATE TABLE by_policy (x held); CREATE POLICY p ON by_policy USING (x <> row(1, 'x')::held)"),
    (
        10,
        "CREATE TABLE by_rule (x held); CREATE RULE r AS ON INSERT TO by_rule WHERE new.x <> row(1, 'x')::held DO INSTEAD NOTHING",
    ),
    (
        10,
        "CREATE TABLE by_trigger (x held); CREATE TRIGGER t BEFORE UPDATE ON by_trigger FOR EACH ROW WHEN (new.x <> row(1, 'x')::held) EXECUTE PROCEDURE suppress_redundant_updates_trigger()",
    ),
    (10, "CREATE TABLE by_key (x held, s text) PARTITION BY LIST ((s || (x).body))"),
    (
        10,
        "CREATE FUNCTION rows_of() RETURNS SETOF held LANGUAGE sql AS 'SELECT * FROM held'; CREATE VIEW by_function AS SELECT g FROM rows_of() g; CREATE VIEW by_count AS SELECT count(*) FROM rows_of()",
    ),
    (
        10,
        "CREATE TABLE arrays (x held[]); CREATE VIEW by_array AS SELECT e.body FROM arrays, LATERAL unnest(arrays.x) e",
    ),
    (
        10,
        "CREATE VIEW by_value AS SELECT row(1, 'x')::held AS r; CREATE VIEW by_record AS SELECT * FROM json_populate_record(NULL::held, '{}')",
    ),
    (
        10,
        "CREATE FUNCTION by_argument(a held DEFAULT row(1, 'x')::held) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ),
    (
        11,
        "CREATE DOMAIN by_domain AS held CHECK (value <> row(1, 'x')::held); CREATE TABLE of_domain (d by_domain DEFAULT row(1, 'x')::by_domain)",
    ),
    (12, "CREATE TABLE by_generated (x held, g text GENERATED ALWAYS AS ((x).body || '') STORED)"),
    (
        14,
        "CREATE TABLE by_statistics (x held, y int); CREATE STATISTICS s ON ((x).body || ''), y FROM by_statistics",
    ),
];

fn find_does_not_wait_where_a_row_of_a_locked_table_is_a_value(bin: &Binaries) {
    for (_, sql) in WITH_ROWS.iter().filter(|(since, _)| bin.major >= *since) {
        // Each alone: the first one that waits would hide the others.
        let db = database(server(bin).info(), "rows");
        db.sql(&format!("CREATE TABLE held (id int, body text); {sql}"));
        let holder = db.session();
        holder.sql("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
        let start = Instant::now();
        let output = run(pgkit(&db).args(["find", "no such text"]));
        assert_eq!(output.code, Some(0), "{sql} on {}: {}", bin.major, output.stderr);
        assert!(start.elapsed() < Duration::from_millis(1500), "{sql} {:?}", start.elapsed());
        assert!(output.stdout.lines().all(|line| line.ends_with("\tlocked")), "{sql}: {}", output.stdout);
        holder.sql("ROLLBACK");
        assert!(answer(&db, &["find", "no such text"]).is_empty(), "{sql}");
    }
}
on_every_server!(find_does_not_wait_where_a_row_of_a_locked_table_is_a_value);

fn exclusive_elsewhere(db: &Db) -> String {
    db.value("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
}

#[test]
fn relations_and_functions_do_not_wait_at_all() {
    let db = database(server(bin()).info(), "listing");
    db.sql("CREATE TABLE held (id int); CREATE VIEW reads_held AS SELECT * FROM held");
    let holder = db.session();
    holder.sql("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
    for args in [&["relations"][..], &["relations", "--visible"], &["functions"], &["find"]] {
        let start = Instant::now();
        let _ = answer(&db, args);
        assert!(start.elapsed() < Duration::from_millis(1500), "{args:?} {:?}", start.elapsed());
    }
    assert_eq!(answer(&db, &["relations"]).len(), 2);
    holder.sql("ROLLBACK");
}

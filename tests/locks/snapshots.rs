//! Waits that the table of locks does not tell, or not whom they are for: a standby's replay, and safe snapshots.

use super::replica::replica;
use super::*;

fn seen(db: &Db) -> Vec<Row> {
    rows(&run(pgkit(db).args(["locks", "--format", "jsonl"])))
}

/// Waits until somebody stands below the root of the only tree.
fn when_somebody_waits(db: &Db) -> Vec<Row> {
    eventually("somebody waits", || seen(db).iter().any(|row| number(row, "depth") > Some(0.0)));
    seen(db)
}

/// Nobody may wait at all: that is told by the exit code too.
fn assert_late(db: &Db) {
    let output = run(pgkit(db).args(["locks", "--fail-after", "0"]));
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
}

#[test]
fn replay_that_waits_for_a_reader_stands_under_it() {
    for bin in bins() {
        let options = options(bin).conf("autovacuum", "off");
        let mut server = own_server(&options);
        let db = Db::existing(server.info(), "postgres");
        db.sql("CREATE TABLE items (id int); INSERT INTO items SELECT generate_series(1, 1000)");
        let replica = replica(&mut server, bin, &options);
        let there = Db::existing(replica.info(), "postgres");
        let on_standby = |name: &str| {
            let session = there.session();
            session.sql(&format!("SET application_name = '{name}'"));
            session
        };
        assert!(seen(&there).is_empty());

        // A lock.
        let reader = on_standby("reader");
        reader.sql("BEGIN; SELECT FROM items LIMIT 1");
        db.sql("ALTER TABLE items ADD COLUMN more int");
        when_somebody_waits(&there);
        drop(on_standby("late").send("SELECT FROM items"));
        eventually("the late one waits", || seen(&there).len() == 3);
        let rows = seen(&there);
        let what = "AccessExclusiveLock, table public.items";
        assert_eq!(
            trees(&rows),
            [format!(
                "reader\n  startup < reader: {what}\n    late < startup: AccessShareLock, table public.items\n"
            )],
            "on {}",
            bin.major
        );
        if bin.major >= 14 {
            assert!(number(&rows[1], "waiting_s") > Some(0.0), "{rows:?}");
        }
        assert_late(&there);
        reader.sql("COMMIT");
        eventually("nobody waits", || seen(&there).is_empty());

        // A snapshot. Before 13 the server does not tell that it waits.
        if bin.major < 13 {
            continue;
        }
        let reader = on_standby("old snapshot");
        reader.sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM items LIMIT 1");
        let other = on_standby("young snapshot");
        db.sql("DELETE FROM items WHERE id < 900");
        eventually("the deletion is replayed", || there.value("SELECT count(*) FROM items") == "101");
        other.sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM items LIMIT 1");
        db.sql("VACUUM items");
        let rows = when_somebody_waits(&there);
        assert_eq!(
            trees(&rows),
            [
                "old snapshot\n  startup < old snapshot: RecoveryConflictSnapshot, row versions that a snapshot may see\n"
            ]
        );
        assert_late(&there);
        reader.sql("COMMIT");
        eventually("nobody waits", || seen(&there).is_empty());
    }
}

fn who_waits_for_a_safe_snapshot_stands_under_the_writer(bin: &Binaries) {
    let scene = Scene::new(bin);
    let db = scene.db();
    db.sql("CREATE TABLE items (id int); CREATE ROLE plain LOGIN");
    let writer = scene.session("writer");
    writer.sql("BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO items VALUES (1)");
    let deferred = scene.session("deferred");
    drop(deferred.send("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SELECT FROM items"));
    let rows = when_somebody_waits(&db);
    assert_eq!(
        trees(&rows),
        ["writer\n  deferred < writer: SafeSnapshot, safe snapshot\n"],
        "on {}",
        bin.major
    );
    assert_late(&db);
    // Who may not see what others do sees that they wait.
    let plain = run(pgkit(&db).args(["-U", "plain", "locks", "--columns", "mode,object", "--format", "tsv"]));
    assert_eq!(plain.stdout, "\t\nSafeSnapshot\tsafe snapshot\n", "{}", plain.snapshot());
    writer.sql("COMMIT");
    eventually("nobody waits", || seen(&db).is_empty());
}
on_every_server!(who_waits_for_a_safe_snapshot_stands_under_the_writer);

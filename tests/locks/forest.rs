//! The forest, compared with what was planted.

use pgkit::sandbox::Stop;

use super::*;

/// Twelve who wait, in trees of every kind.
fn plant(scene: &mut Scene, major: u32) {
    let db = scene.db();
    db.sql(
        "CREATE SCHEMA shop;
         CREATE TABLE shop.orders (id int PRIMARY KEY, paid bool);
         INSERT INTO shop.orders SELECT g FROM generate_series(1, 10) g;
         CREATE TABLE shop.items (id int);
         CREATE TABLE shop.stock (id int PRIMARY KEY, n int);
         INSERT INTO shop.stock VALUES (1, 0), (2, 0);
         CREATE TABLE shop.\"odd \"\"name\n\" (id int);
         CREATE TABLE shop.secret (id int);
         CREATE FUNCTION shop.peek() RETURNS bigint LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN (SELECT count(*) FROM shop.secret); END'",
    );
    // A row: the first who waits has the row's lock and waits for a transaction, the others for the row's lock.
    scene.holder("payer", "BEGIN; UPDATE shop.orders SET paid = true WHERE id = 1");
    scene.waiter("second", "", "UPDATE shop.orders\n   SET paid = false\n WHERE id = 1");
    scene.waiter("third", "", "SELECT FROM shop.orders WHERE id = 1 FOR UPDATE");
    scene.waiter("fourth", "", "DELETE FROM shop.orders WHERE id = 1");
    // Two who keep one waiting, who keeps a third waiting that they would not.
    scene.holder("reader a", "BEGIN; SELECT FROM shop.items");
    scene.holder("reader b", "BEGIN; SELECT FROM shop.items");
    scene.waiter("alter", "", "ALTER TABLE shop.items ADD COLUMN more int");
    scene.waiter("late reader", "", "SELECT FROM shop.items");
    // Advisory locks of both kinds.
    scene.holder("adviser", "SELECT pg_advisory_lock(-42), pg_advisory_lock(1, -2)");
    scene.waiter("advised", "", "SELECT pg_advisory_lock(-42)");
    scene.waiter("advised in two", "", "SELECT pg_advisory_lock(1, -2)");
    // A transaction that no session has any more.
    scene.holder(
        "preparer",
        "BEGIN; LOCK TABLE shop.\"odd \"\"name\n\"; PREPARE TRANSACTION 'it''s \"prepared\"'",
    );
    scene.waiter("after prepared", "", "SELECT FROM shop.\"odd \"\"name\n\"");
    // Each keeps the other waiting; somebody stands behind them.
    let one = scene.session("deadlock a");
    let two = scene.session("deadlock b");
    one.sql("BEGIN; UPDATE shop.stock SET n = 1 WHERE id = 1");
    two.sql("BEGIN; UPDATE shop.stock SET n = 1 WHERE id = 2");
    scene.waits(one, "UPDATE shop.stock SET n = 1 WHERE id = 2");
    scene.waits(two, "UPDATE shop.stock SET n = 1 WHERE id = 1");
    scene.waiter("behind deadlock", "", "UPDATE shop.stock SET n = 1 WHERE id = 1");
    // A session whose parallel worker waits, and who keeps another waiting.
    scene.holder("keeper of secrets", "BEGIN; LOCK TABLE shop.secret");
    let force = if major >= 16 { "debug_parallel_query" } else { "force_parallel_mode" };
    scene.waiter("leader", &format!("SELECT pg_advisory_lock(77); SET {force} = on"), "SELECT shop.peek()");
    scene.waiter("behind leader", "", "SELECT pg_advisory_lock(77)");
}

/// What was planted. Where a choice hangs on which number is lower, it is told.
fn planted(a_first: bool, deadlock_a_first: bool) -> Vec<String> {
    let (first, second) = if a_first { ("reader a", "reader b") } else { ("reader b", "reader a") };
    let (d1, d2, r1, r2) = if deadlock_a_first {
        ("deadlock a", "deadlock b", "(0,2)", "(0,1)")
    } else {
        ("deadlock b", "deadlock a", "(0,1)", "(0,2)")
    };
    let behind = "behind deadlock < deadlock b: ExclusiveLock, row (0,1) of shop.stock\n";
    let (under_1, under_2) = if deadlock_a_first {
        (String::new(), format!("    {behind}"))
    } else {
        (format!("  {behind}"), String::new())
    };
    let mut all = vec![
        "payer\n\
         \x20 second < payer: ShareLock, transaction N, row (0,1) of shop.orders\n\
         \x20   third < second: AccessExclusiveLock, row (0,1) of shop.orders\n\
         \x20     fourth < third: AccessExclusiveLock, row (0,1) of shop.orders\n\
         \x20   fourth < second: AccessExclusiveLock, row (0,1) of shop.orders\n"
            .to_owned(),
        format!(
            "{first}\n\
             \x20 alter < {first}: AccessExclusiveLock, table shop.items\n\
             \x20   late reader < alter: AccessShareLock, table shop.items\n"
        ),
        format!("{second}\n  alter < {second}: AccessExclusiveLock, table shop.items\n"),
        "adviser\n\
         \x20 advised < adviser: ExclusiveLock, advisory lock -42\n\
         \x20 advised in two < adviser: ExclusiveLock, advisory lock (1, -2)\n"
            .to_owned(),
        "prepared:it's \"prepared\"\n\
         \x20 after prepared < prepared:it's \"prepared\": AccessShareLock, table shop.\"odd \"\"name\n\"\n"
            .to_owned(),
        format!(
            "{d1} < {d2}: ShareLock, transaction N, row {r1} of shop.stock\n\
             \x20 {d2} < {d1}: ShareLock, transaction N, row {r2} of shop.stock\n\
             {under_2}{under_1}"
        ),
        "keeper of secrets\n\
         \x20 leader < keeper of secrets: AccessShareLock, table shop.secret\n\
         \x20   behind leader < leader: ExclusiveLock, advisory lock 77\n"
            .to_owned(),
    ];
    all.sort();
    all
}

fn pid(rows: &[Row], name: &str) -> i64 {
    let row = rows.iter().find(|row| text(row, "application") == name).unwrap_or_else(|| panic!("no {name}"));
    text(row, "pid").parse().unwrap()
}

fn assert_planted(rows: &[Row], what: &str) {
    let first = |a: &str, b: &str| pid(rows, a) < pid(rows, b);
    let expected = planted(first("reader a", "reader b"), first("deadlock a", "deadlock b"));
    assert_eq!(trees(rows).join("\n"), expected.join("\n"), "{what}");
    // The trees stand in the order of their sizes: a node counts where it is nearest to a root.
    let depths: Vec<u64> = rows.iter().map(|row| row["depth"].as_u64().unwrap()).collect();
    let widest = rows.iter().position(|row| text(row, "application") == "payer").unwrap();
    assert_eq!(widest, 0, "{what}");
    assert_eq!(depths[0], 0, "{what}");
}

fn the_forest_is_exactly_what_was_planted_whoever_asks(bin: &Binaries) {
    let mut scene = Scene::new(bin);
    plant(&mut scene, bin.major);
    let db = scene.db();
    let what = format!("on {}", bin.major);

    let all = rows(&run(pgkit(&db).args(["locks", "--format", "jsonl"])));
    assert_planted(&all, &what);
    let row = |name: &str| all.iter().find(|row| text(row, "application") == name).unwrap();
    assert_eq!(
        text(row("second"), "statement"),
        "UPDATE shop.orders SET paid = false WHERE id = 1",
        "{what}"
    );
    assert_eq!(text(row("payer"), "session_state"), "idle in transaction");
    assert_eq!(text(row("second"), "session_state"), "active");
    assert_eq!(text(row("second"), "user"), "postgres");
    let prepared = all.iter().find(|row| text(row, "session_state") == "prepared").unwrap();
    assert_eq!((text(prepared, "user"), text(prepared, "statement")), ("postgres", ""), "{what}");
    for row in &all {
        let transaction = number(row, "transaction_s");
        if text(row, "application") == "adviser" {
            assert_eq!(transaction, None, "a session's lock outlives its transaction: {row:?}");
        } else {
            assert!(transaction.is_some_and(|s| (0.0..60.0).contains(&s)), "{what}: {row:?}");
        }
        let waiting = number(row, "waiting_s");
        assert_eq!(waiting.is_some(), !text(row, "mode").is_empty(), "{what}: {row:?}");
        assert!(waiting.is_none_or(|s| (0.0..60.0).contains(&s)), "{what}: {row:?}");
    }
    assert!(number(row("second"), "waiting_s") >= number(row("behind leader"), "waiting_s"), "{what}");

    // Who has no rights sees the same, but not what others do; that is said.
    db.sql("CREATE ROLE nobody_special LOGIN");
    let output = run(pgkit(&db).env("PGUSER", "nobody_special").args(["locks", "--format", "jsonl"]));
    assert!(output.stderr.ends_with(" sessions hidden: needs pg_read_all_stats\n"), "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 1);
    let masked = rows(&output);
    assert_planted(&masked, &format!("{what}, without rights"));
    for row in masked.iter().filter(|row| text(row, "session_state") != "prepared") {
        assert_eq!(text(row, "statement"), "<insufficient privilege>");
        assert_eq!((number(row, "transaction_s"), text(row, "session_state")), (None, ""));
        // Since 14 everybody may see since when somebody waits.
        let seen = bin.major >= 14 && !text(row, "mode").is_empty();
        assert_eq!(number(row, "waiting_s").is_some(), seen, "{what}: {row:?}");
    }
    let quiet = run(pgkit(&db).env("PGUSER", "nobody_special").args(["locks", "-q"]));
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""), "{what}");

    // From another database names cannot be known, and the forest is the same.
    db.sql("CREATE DATABASE elsewhere");
    let far = Db::existing(scene.server.info(), "elsewhere");
    let far = rows(&run(pgkit(&far).args(["locks", "--format", "jsonl"])));
    let shape = |rows: &[Row]| -> Vec<(String, String, u64)> {
        let one = |r: &Row| (text(r, "pid").into(), text(r, "blocker").into(), r["depth"].as_u64().unwrap());
        rows.iter().map(one).collect()
    };
    assert_eq!(shape(&far), shape(&all), "{what}");
    let row = |name: &str| far.iter().find(|row| text(row, "application") == name).unwrap();
    assert_eq!(text(row("advised"), "object"), "advisory lock -42 of database postgres");
    let object = text(row("alter"), "object");
    assert!(object.starts_with("relation ") && object.ends_with(" of database postgres"), "{what}: {object}");

    // Both texts give the same rows, in psql too.
    let columns = "pid,blocker,depth,user,application,session_state,mode,object,statement";
    let ours = run(pgkit(&db).args(["locks", "--columns", columns]));
    for version in [bin.major.to_string(), "10".to_owned()] {
        let script = run(pgkit(&db).args(["locks", "--sql", "--server-version", &version]));
        assert_eq!(script.code, Some(0), "{}", script.snapshot());
        // A script for another major names parameters that this server does not know.
        let known = db.value("SELECT string_agg(lower(name), ',') FROM pg_catalog.pg_settings");
        let is_known = |line: &&str| {
            let name = line.strip_prefix("SET LOCAL ").and_then(|rest| rest.split(' ').next());
            name.is_none_or(|name| known.split(',').any(|known| known == name.to_lowercase()))
        };
        let script = script.stdout.lines().filter(is_known).collect::<Vec<_>>().join("\n");
        let jit = if bin.major >= 11 { "SET jit = off" } else { "SELECT" };
        let out = run(psql(&db).args(["-q", "--csv", "-c", jit, "-c", &script]).env("PGTZ", "UTC"));
        assert_eq!((out.code, out.stderr.as_str()), (Some(0), ""), "{what}");
        let mut theirs = String::new();
        for record in
            csv::ReaderBuilder::new().has_headers(false).from_reader(out.stdout.as_bytes()).records()
        {
            let record = record.unwrap();
            let kept: Vec<&str> = [0, 1, 2, 3, 4, 5, 6, 7, 10].iter().map(|i| &record[*i]).collect();
            theirs.push_str(&kept.join("\t").replace('\n', "\\n"));
            theirs.push('\n');
        }
        assert_eq!(theirs, ours.stdout, "{what}, the text for {version}");
    }
}
on_every_server!(the_forest_is_exactly_what_was_planted_whoever_asks);

fn a_prepared_transaction_is_known_after_a_restart_too(bin: &Binaries) {
    let mut scene = Scene::new(bin);
    scene.db().sql("CREATE TABLE kept (id int)");
    for gid in ["one", "two"] {
        scene.holder(gid, &format!("BEGIN; LOCK TABLE kept IN SHARE MODE; PREPARE TRANSACTION '{gid}'"));
    }
    scene.holders.clear();
    scene.server.restart(Stop::Immediate).unwrap();
    scene.waiter("writer", "", "INSERT INTO kept VALUES (1)");
    let all = rows(&run(pgkit(&scene.db()).args(["locks", "--format", "jsonl"])));
    assert_eq!(
        trees(&all),
        [
            "prepared:one\n  writer < prepared:one: RowExclusiveLock, table public.kept\n",
            "prepared:two\n  writer < prepared:two: RowExclusiveLock, table public.kept\n",
        ],
        "on {}",
        bin.major
    );
}
on_every_server!(a_prepared_transaction_is_known_after_a_restart_too);

#[test]
fn every_kind_of_object_has_its_name() {
    let number = regex::Regex::new("[0-9]+(/[0-9]+)?").unwrap();
    for bin in bins() {
        let mut scene = Scene::new(bin);
        let db = scene.db();
        db.sql(
            "CREATE SCHEMA going; CREATE TABLE indexed (id int); CREATE TABLE keyed (id int PRIMARY KEY);
             CREATE VIEW seen AS SELECT 1 AS n; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS n;
             CREATE ROLE leaving; CREATE TYPE mood AS ENUM ('calm')",
        );
        scene.holder("a", "BEGIN; INSERT INTO keyed VALUES (1)");
        scene.waiter("insert", "", "INSERT INTO keyed VALUES (1)");
        scene.holder("b", "BEGIN; DROP SCHEMA going");
        scene.waiter("schema", "", "CREATE TABLE going.there (id int)");
        if bin.major >= 11 {
            scene.holder("c", "BEGIN; LOCK TABLE seen");
            scene.waiter("view", "BEGIN", "LOCK TABLE seen IN SHARE MODE");
        }
        scene.holder("g", "BEGIN; REFRESH MATERIALIZED VIEW kept");
        scene.waiter("materialized", "", "SELECT FROM kept");
        scene.holder("d", "BEGIN; INSERT INTO indexed VALUES (1)");
        scene.waiter("virtual", "", "CREATE INDEX CONCURRENTLY ON indexed (id)");
        scene.holder("e", "BEGIN; DROP ROLE leaving");
        scene.waiter("role", "", "GRANT SELECT ON keyed TO leaving");
        scene.holder("f", "BEGIN; CREATE TABLE unseen (id int)");
        let oid = scene.holders.last().unwrap().sql("SELECT 'unseen'::regclass::oid")[0][0].clone().unwrap();
        scene.waiter("unseen", "", &format!("SELECT pg_relation_size({oid}::oid)"));
        let all = rows(&run(pgkit(&db).args(["locks", "--format", "jsonl"])));
        let object = |name: &str| {
            let row =
                all.iter().find(|row| text(row, "application") == name && !text(row, "mode").is_empty());
            number
                .replace(text(row.unwrap_or_else(|| panic!("{name} does not wait: {all:?}")), "object"), "N")
                .into_owned()
        };
        for (name, expected) in [
            ("insert", "transaction N"),
            ("schema", "schema going"),
            ("view", "view public.seen"),
            ("materialized", "materialized view public.kept"),
            ("virtual", "virtual transaction N"),
            ("role", "role leaving"),
            ("unseen", "relation N"),
        ] {
            // Older servers lock no views.
            if bin.major >= 11 || name != "view" {
                assert_eq!(object(name), expected, "on {}", bin.major);
            }
        }
    }
}

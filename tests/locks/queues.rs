//! Long queues, many holders, deep trees. `cargo bench --bench peers -- --only locks` measures what they cost.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Who stands under whom, by their numbers.
fn pairs(rows: &[Row]) -> BTreeMap<String, BTreeSet<String>> {
    let mut pairs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !text(row, "blocker").is_empty()) {
        let added =
            pairs.entry(text(row, "pid").to_owned()).or_default().insert(text(row, "blocker").to_owned());
        assert!(added, "twice: {row:?}");
    }
    pairs
}

/// What the server says of each that waits.
fn blocking_pids(db: &Db) -> BTreeMap<String, BTreeSet<String>> {
    let rows = db.sql("SELECT DISTINCT pid, unnest(pg_blocking_pids(pid)) FROM pg_locks WHERE NOT granted");
    let mut pairs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        pairs.entry(row[0].clone().unwrap()).or_default().insert(row[1].clone().unwrap());
    }
    pairs
}

fn of_more_than_ten_who_stand_in_front_only_those_that_hold_the_lock_are_named(bin: &Binaries) {
    let mut scene = Scene::new(bin);
    let holder = scene.holder("holder", "SELECT pg_advisory_lock(1)").to_string();
    for n in 0..14 {
        scene.waiter(&format!("waiter {n}"), "", "SELECT pg_advisory_lock(1)");
    }
    let all = rows(&run(pgkit(&scene.db()).args(["locks", "--format", "jsonl"])));
    let (ours, theirs) = (pairs(&all), blocking_pids(&scene.db()));
    assert_eq!(ours.len(), 14, "on {}", bin.major);
    let mut short = 0;
    for (waiter, blockers) in &theirs {
        if blockers.len() <= 10 {
            assert_eq!(ours[waiter], *blockers, "on {}", bin.major);
            short += 1;
        } else {
            assert_eq!(ours[waiter], BTreeSet::from([holder.clone()]), "on {}", bin.major);
        }
    }
    assert_eq!(short, 10);
    // All of them are blocked by the holder, and nobody stands deeper than under one more.
    assert!(all.iter().all(|row| row["depth"].as_u64().unwrap() <= 2), "on {}", bin.major);
}
on_every_server!(of_more_than_ten_who_stand_in_front_only_those_that_hold_the_lock_are_named);

fn where_too_many_hold_it_the_rest_of_the_queue_stands_under_its_first(bin: &Binaries) {
    let mut scene = Scene::new(bin);
    let holders: BTreeSet<String> = (0..12)
        .map(|n| scene.holder(&format!("holder {n}"), "SELECT pg_advisory_lock_shared(1)").to_string())
        .collect();
    let first = scene.waiter("first", "", "SELECT pg_advisory_lock(1)").to_string();
    let others =
        ["second", "third"].map(|name| scene.waiter(name, "", "SELECT pg_advisory_lock(1)").to_string());
    // It does not want what the holders have, but what the first wants.
    let shared = scene.waiter("shared", "", "SELECT pg_advisory_lock_shared(1)").to_string();
    let ours = pairs(&rows(&run(pgkit(&scene.db()).args(["locks", "--format", "jsonl"]))));
    assert_eq!(ours[&first], holders, "on {}", bin.major);
    for other in &others {
        assert_eq!(ours[other], BTreeSet::from([first.clone()]), "on {}", bin.major);
    }
    let expected = BTreeSet::from([first, others[0].clone(), others[1].clone()]);
    assert_eq!(ours[&shared], expected, "on {}", bin.major);
}
on_every_server!(where_too_many_hold_it_the_rest_of_the_queue_stands_under_its_first);

fn who_only_waits_behind_others_is_never_lost(bin: &Binaries) {
    let mut scene = Scene::new(bin);
    scene.db().sql("CREATE TABLE busy (id int)");
    // The reader keeps only the first waiting; the others would wait for nobody but those in front of them, though
    // each holds a lock on the table itself.
    let reader = scene.holder("reader", "BEGIN; LOCK TABLE busy IN ROW EXCLUSIVE MODE").to_string();
    let mut waiters = Vec::new();
    for n in 0..13 {
        let mode = if n == 0 { "SHARE ROW EXCLUSIVE" } else { "SHARE UPDATE EXCLUSIVE" };
        let before = "BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE";
        waiters.push(
            scene
                .waiter(&format!("waiter {n}"), before, &format!("LOCK TABLE busy IN {mode} MODE"))
                .to_string(),
        );
    }
    let all = rows(&run(pgkit(&scene.db()).args(["locks", "--format", "jsonl"])));
    let (ours, theirs) = (pairs(&all), blocking_pids(&scene.db()));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "on {}", bin.major);
    assert_eq!(ours[&waiters[0]], BTreeSet::from([reader]), "on {}", bin.major);
    for (waiter, blockers) in &ours {
        assert!(blockers.is_subset(&theirs[waiter]), "on {}: {waiter} {blockers:?}", bin.major);
    }
    assert_eq!(ours[&waiters[12]], BTreeSet::from([waiters[0].clone()]), "on {}", bin.major);
}
on_every_server!(who_only_waits_behind_others_is_never_lost);

fn a_chain_is_as_deep_as_it_is_and_a_ring_begins_at_its_lowest_number(bin: &Binaries) {
    let mut scene = Scene::new(bin);
    scene.holder("0", "SELECT pg_advisory_lock(0)");
    for n in 1..15 {
        let (own, other) =
            (format!("SELECT pg_advisory_lock({n})"), format!("SELECT pg_advisory_lock({})", n - 1));
        scene.waiter(&n.to_string(), &own, &other);
    }
    // A ring of four: each waits for the one before.
    let ring: Vec<Session> = (0..4).map(|n| scene.session(&format!("ring {n}"))).collect();
    let pids: Vec<i32> = ring.iter().map(Session::pid).collect();
    for (n, session) in ring.iter().enumerate() {
        session.sql(&format!("SELECT pg_advisory_lock(100 + {n})"));
    }
    for (n, session) in ring.into_iter().enumerate() {
        scene.waits(session, &format!("SELECT pg_advisory_lock(100 + {})", (n + 3) % 4));
    }
    scene.waiter("tail", "", "SELECT pg_advisory_lock(102)");
    let all = rows(&run(pgkit(&scene.db()).args(["locks", "--format", "jsonl"])));
    let depth = |name: &str| {
        let row = all.iter().find(|row| text(row, "application") == name).unwrap();
        row["depth"].as_u64().unwrap()
    };
    for n in 0..15 {
        assert_eq!(depth(&n.to_string()), n, "on {}", bin.major);
    }
    let lowest = *pids.iter().min().unwrap();
    let tops: Vec<&Row> = all.iter().filter(|row| row["depth"] == 0).collect();
    assert_eq!(tops.len(), 2, "on {}", bin.major);
    assert_eq!(text(tops[1], "pid"), lowest.to_string(), "on {}", bin.major);
    let before = pids[(pids.iter().position(|pid| *pid == lowest).unwrap() + 3) % 4];
    assert_eq!(text(tops[1], "blocker"), before.to_string(), "on {}", bin.major);
    // Each once, the last one behind the two in front of it, and nothing goes round forever.
    assert_eq!(all.len(), 15 + 4 + 2, "on {}", bin.major);
}
on_every_server!(a_chain_is_as_deep_as_it_is_and_a_ring_begins_at_its_lowest_number);

fn five_hundred_sessions_are_all_shown_and_in_few_rows(bin: &Binaries) {
    let mut scene = Scene::new(bin);
    scene.db().sql("CREATE TABLE hot (id int PRIMARY KEY, n int); INSERT INTO hot SELECT g, 0 FROM generate_series(1, 20) g");
    // Most go for one row, some for others of their own.
    scene.holder("holder", "BEGIN; UPDATE hot SET n = 1");
    let crowd: Vec<Session> = (0..440).map(|_| scene.session("crowd")).collect();
    scene.all_wait(crowd, "UPDATE hot SET n = n + 1 WHERE id = 1");
    for id in 2..=20 {
        let few: Vec<Session> = (0..3).map(|_| scene.session("few")).collect();
        scene.all_wait(few, &format!("UPDATE hot SET n = n + 1 WHERE id = {id}"));
    }
    let output = run(pgkit(&scene.db()).arg("locks"));
    assert_eq!(output.code, Some(0), "on {}: {}", bin.major, output.snapshot());
    let pids: BTreeSet<&str> = output.lines().iter().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(pids.len(), 1 + 440 + 19 * 3, "on {}", bin.major);
    assert!(output.lines().len() < 1500, "on {}", bin.major);
}
on_every_server!(five_hundred_sessions_are_all_shown_and_in_few_rows);

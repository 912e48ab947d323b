//! `cancel` and `terminate`, which take the filters of `activity`.

use super::*;

/// A session of this application name.
fn named(db: &Db, name: &str) -> Session {
    super::named(db, &db.info.user, name).0
}

fn only_sessions_that_match_every_filter_are_ended(bin: &Binaries) {
    let db = database(server(bin).info(), "filters");
    let (forgotten, working, idle) = (named(&db, "batch"), named(&db, "batch"), named(&db, "batch"));
    let elsewhere = named(&db, "web");
    forgotten.sql("BEGIN; SELECT 1");
    elsewhere.sql("BEGIN; SELECT 1");
    let pid = forgotten.pid().to_string();
    let busy = working.send("SELECT pg_sleep(20)");
    let filters =
        ["--idle-in-transaction", "--longer-than", "1ms", "--application", "batch", "--database", &db.name];
    // Nobody to ask: nothing is done, and it is said who would be hit and why.
    let asked = run(pgkit(&db).arg("terminate").args(filters));
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(64), ""), "{}", asked.snapshot());
    for says in
        ["sessions that match --longer-than", "--idle-in-transaction", &pid, "cannot ask without a terminal"]
    {
        assert!(asked.stderr.contains(says), "{says}: {}", asked.snapshot());
    }
    assert!(lives(&forgotten));
    forgotten.sql("COMMIT; BEGIN; SELECT 2");
    let ended = run(pgkit(&db).arg("terminate").args(filters).args(["--yes", "--columns", "pid,result"]));
    assert_eq!(ended.stdout, format!("{pid}\tterminated\n"), "on {}: {}", bin.major, ended.snapshot());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(!lives(&forgotten) && lives(&idle) && lives(&elsewhere));
    // What is idle has no statement to cancel; the one that works has.
    let cancelled = run(pgkit(&db)
        .args(["cancel", "--application", "batch", "--state", "active", "--database", &db.name])
        .args(["--yes", "--columns", "result"]));
    assert_eq!(cancelled.stdout, "cancelled\n", "{}", cancelled.snapshot());
    assert!(busy.join().unwrap().is_err());
}
on_every_server!(only_sessions_that_match_every_filter_are_ended);

#[test]
fn a_session_that_has_begun_something_else_meanwhile_is_spared() {
    let db = db("spared");
    let session = named(&db, "mover");
    session.sql("BEGIN; SELECT 1");
    // It ends its transaction, and begins another, while somebody reads the question.
    let moves_on = || drop(session.sql("COMMIT; BEGIN; SELECT 2"));
    let (ended, shown) = typed(&db, "terminate --application mover", "y\n", &moves_on);
    assert!(ended == Some(0) && shown.contains("spared"), "{shown}");
    assert!(lives(&session));
    let (ended, shown) = typed(&db, "terminate --application mover", "y\n", &|| ());
    assert!(ended == Some(0) && shown.contains("terminated"), "{shown}");
    assert!(!lives(&session));
}

#[test]
fn without_a_filter_or_a_pid_nothing_is_ended_and_pgkit_never_ends_itself() {
    let db = db("nofilter");
    let other = named(&db, "other");
    for how in ["cancel", "terminate"] {
        let output = run(pgkit(&db).args([how, "--yes"]));
        assert_eq!(output.code, Some(64), "{}", output.snapshot());
        assert!(output.stderr.contains("missing filter or pid"), "{}", output.snapshot());
        let nobody = run(pgkit(&db).args([how, "--user", "no such role", "--yes"]));
        assert_eq!((nobody.code, nobody.stdout.as_str()), (Some(0), ""), "{}", nobody.snapshot());
        assert_eq!(
            nobody.stderr,
            format!(
                "pgkit: {how}: no session matches --user no such role (walsenders are left out; include them with --replication)\n"
            )
        );
    }
    let own = run(pgkit(&db).args(["terminate", "--application", "pgkit", "--database", &db.name, "--yes"]));
    assert_eq!((own.code, own.stdout.as_str()), (Some(0), ""), "{}", own.snapshot());
    // A pid beside filters must match them too.
    let pid = other.pid().to_string();
    let unmatched = run(pgkit(&db).args(["terminate", &pid, "--application", "something else", "--yes"]));
    assert_eq!((unmatched.code, unmatched.stdout.as_str()), (Some(0), ""), "{}", unmatched.snapshot());
    assert!(lives(&other));
    assert_eq!(
        run(pgkit(&db).args(["terminate", &pid, "--yes", "--columns", "result"])).stdout,
        "terminated\n"
    );
}

//! Wherever a setting came from, that is where it is afterwards, and nothing else.

use super::*;

/// Each origin: what prepares it, the flags of the place, and the value in a fresh session before and after.
const ORIGINS: &[(&str, &[&str], &[&str], &str)] = &[
    ("nothing", &[], &["--global"], "none"),
    (
        "auto.conf",
        &[
            "ALTER SYSTEM SET log_statement = 'ddl'",
            "ALTER SYSTEM SET work_mem = '5MB'",
            "SELECT pg_reload_conf()",
        ],
        &[],
        "ddl",
    ),
    (
        "at a database",
        &["ALTER DATABASE postgres SET log_statement = 'mod'; ALTER DATABASE postgres SET work_mem = '6MB'"],
        &["--database", "postgres"],
        "mod",
    ),
    (
        "nothing at a database",
        &["ALTER DATABASE postgres SET work_mem = '7MB'"],
        &["--database", "postgres"],
        "none",
    ),
    ("at a role", &["ALTER ROLE postgres SET log_statement = 'ddl'"], &["--role", "postgres"], "ddl"),
    ("nothing at a role", &[], &["--role", "postgres"], "none"),
    (
        "an odd name",
        &["CREATE ROLE \"it's \"\"odd\"\"\n\\\"; ALTER ROLE \"it's \"\"odd\"\"\n\\\" SET work_mem = '8MB'"],
        &["--role", "it's \"odd\"\n\\"],
        "none",
    ),
];

fn every_origin_of_a_setting_is_restored_exactly(bin: &Binaries) {
    for (name, prepare, place, value) in ORIGINS {
        let (_server, db) = server_with(&options(bin));
        for sql in *prepare {
            db.sql(sql);
        }
        eventually_shows(&db, "log_statement", value);
        let before = (auto_conf(&db), db_role(&db));
        let on = ok(&db, &[&["on"], *place].concat());
        assert!(on.stdout.is_empty() && on.stderr.contains("passwords"), "{}", on.snapshot());
        if *name != "an odd name" {
            eventually_shows(&db, "log_statement", "all");
        }
        assert_ne!((auto_conf(&db), db_role(&db)), before, "{name}");
        ok(&db, &["off"]);
        eventually_shows(&db, "log_statement", value);
        assert_eq!((auto_conf(&db), db_role(&db)), before, "{name} on {}", bin.major);
        // And once more is fine.
        assert!(ok(&db, &["off"]).stderr.contains("nothing was on"));
    }
}
on_every_server!(every_origin_of_a_setting_is_restored_exactly);

#[test]
fn a_value_in_postgresql_conf_comes_back_by_itself() {
    let (_server, db) =
        server_with(&options(bin()).conf("log_statement", "mod").conf("log_min_duration_statement", "7s"));
    let before = auto_conf(&db);
    let on = ok(&db, &["on", "--statement", "all", "--min-duration", "250ms"]);
    assert!(on.stderr.contains("a fresh session has it"), "{}", on.snapshot());
    eventually_shows(&db, "log_min_duration_statement", "250ms");
    eventually_shows(&db, "log_statement", "all");
    ok(&db, &["off"]);
    eventually_shows(&db, "log_min_duration_statement", "7s");
    eventually_shows(&db, "log_statement", "mod");
    assert_eq!(auto_conf(&db), before);
}

#[test]
fn a_duration_alone_leaves_the_statements_as_they_are() {
    let (_server, db) = server_with(&options(bin()));
    ok(&db, &["on", "--min-duration", "0"]);
    eventually_shows(&db, "log_min_duration_statement", "0");
    assert_eq!(db.value("SHOW log_statement"), "none");
    ok(&db, &["off"]);
}

fn switching_on_again_and_at_once_never_loses_the_original(bin: &Binaries) {
    let (_server, db) = server_with(&options(bin));
    db.sql("ALTER SYSTEM SET log_statement = 'ddl'");
    let before = auto_conf(&db);
    let statements = ["all", "mod", "all", "ddl", "mod", "all"];
    let running: Vec<_> = statements
        .iter()
        .map(|s| {
            let mut command = pgkit(&db);
            command.args(["log", "on", "--statement", *s]).stderr(Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    for mut child in running {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert!(ok(&db, &["on"]).stderr.contains("it was already on"));
    ok(&db, &["off"]);
    assert_eq!(auto_conf(&db), before, "on {}", bin.major);
    eventually("the watchers have left", || watchers(&db).is_empty());
}
on_every_server!(switching_on_again_and_at_once_never_loses_the_original);

#[test]
fn several_places_at_once_are_put_back_each_on_its_own() {
    let (_server, db) = server_with(&options(bin()));
    db.sql("CREATE DATABASE shop");
    db.sql("ALTER DATABASE shop SET log_statement = 'ddl'");
    let before = (auto_conf(&db), db_role(&db));
    ok(&db, &["on"]);
    ok(&db, &["on", "--database", "shop", "--for", "forever", "--max-size", "unlimited"]);
    ok(&db, &["on", "--role", "postgres", "--statement", "mod"]);
    let status = ok(&db, &["status", "--measure", "0"]);
    let lines: Vec<Vec<&str>> = status.stdout.lines().map(|l| l.split('\t').collect()).collect();
    let shown: Vec<(&str, &str, &str, &str)> = lines.iter().map(|l| (l[0], l[2], l[3], l[4])).collect();
    assert_eq!(
        shown,
        [
            ("the whole server", "all", "", "on"),
            ("database \"shop\"", "all", "ddl", "on"),
            ("role \"postgres\"", "mod", "", "on")
        ],
        "{}",
        status.snapshot()
    );
    assert!(lines[0][7].starts_with("role postgres ("), "{lines:?}");
    assert!(lines[1][6].is_empty() && !lines[0][6].is_empty(), "{lines:?}");
    ok(&db, &["off", "--role", "postgres"]);
    assert_eq!(ok(&db, &["status", "--measure", "0"]).stdout.lines().count(), 2);
    ok(&db, &["off"]);
    assert_eq!((auto_conf(&db), db_role(&db)), before);
}

#[test]
fn what_somebody_else_changed_is_not_overwritten_in_silence() {
    let (_server, db) = server_with(&options(bin()));
    db.sql("ALTER SYSTEM SET log_statement = 'ddl'");
    ok(&db, &["on"]);
    db.sql("ALTER SYSTEM SET log_statement = 'mod'");
    let off = log(&db, &["off"]);
    assert_eq!(off.code, Some(1), "{}", off.snapshot());
    assert!(
        off.stderr.contains("changed it to \"mod\"") && off.stderr.contains("it was \"ddl\""),
        "{}",
        off.stderr
    );
    let value =
        |db: &Db| auto_conf(db).into_iter().find(|(key, _)| key == "log_statement").map(|(_, value)| value);
    assert_eq!(value(&db).as_deref(), Some("'mod'"));
    assert!(ok(&db, &["status", "--measure", "0"]).stdout.contains("changed by somebody else"));
    ok(&db, &["off", "--force"]);
    assert_eq!(value(&db).as_deref(), Some("'ddl'"));
    ok(&db, &["on"]);
    db.sql("ALTER SYSTEM RESET log_statement");
    assert_eq!(log(&db, &["off"]).code, Some(1));
    ok(&db, &["off", "--keep"]);
    assert!(auto_conf(&db).is_empty(), "{:?}", auto_conf(&db));
    // Who has put it back by hand has done what was to be done.
    ok(&db, &["on"]);
    db.sql("ALTER SYSTEM RESET log_statement");
    ok(&db, &["off"]);
    assert!(auto_conf(&db).is_empty());
}

#[test]
fn sessions_begun_meanwhile_are_named_until_they_end() {
    let (_server, db) = server_with(&options(bin()));
    let before = db_role(&db);
    let earlier = db.session();
    let on = ok(&db, &["on", "--database", "postgres"]);
    assert!(
        on.stderr.contains("1 existing sessions will not log, because they began earlier"),
        "{}",
        on.stderr
    );
    let meanwhile = db.session();
    assert_eq!(meanwhile.sql("SHOW log_statement")[0][0].as_deref(), Some("all"));
    let pid = meanwhile.pid().to_string();
    let off = ok(&db, &["off"]);
    assert!(off.stderr.contains(&format!("keep logging until they end: {pid} ")), "{}", off.stderr);
    let later = db.session();
    let status = log(&db, &["status"]);
    assert_eq!(status.code, Some(1), "{}", status.snapshot());
    assert!(status.lines_of("session still logs", 8) == [pid.as_str()], "{}", status.snapshot());
    drop((meanwhile, earlier, later));
    eventually("nobody logs any more", || log(&db, &["status"]).code == Some(0));
    // The record goes with the next look that may write, or with the watcher's.
    ok(&db, &["off"]);
    assert_eq!(db_role(&db), before);
}

//! Wrong flags, no server, folders that hold no PostgreSQL, roles that may not look.

use super::*;

/// Exit code, and the first line on stderr.
fn refused(db: &Db, args: &[&str]) -> (Option<i32>, String) {
    let output = run(pgkit(db).env("TMPDIR", temp()).arg("upgrade-check").args(args));
    assert_eq!(output.stdout, "", "{args:?}");
    (output.code, output.stderr.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn wrong_flags_are_wrong_usage_and_say_what_would_be_right() {
    let db = db("usage");
    let here = bin().major.to_string();
    let own = text(&bin().dir).to_owned();
    for args in [
        &["--to", &here][..],
        &["--to", "10"],
        &["--to", "x"],
        &["--to", "18", "--new-data-dir", "/tmp"],
        &["--to", "18", "--allow-destructive"],
        &["--to", "18", "--fix-sql", "--json"],
        &["--to", "18", "--columns", "nonsense"],
        &["--to", "18", "--watch", "2"],
        &["--to", "18", "--all-databases"],
        &["--to", "18", "--sql"],
        &["--new-bin-dir", "/nonexistent"],
        &["--new-bin-dir", "/usr"],
        &["--new-bin-dir", &own],
        &["--new-bin-dir", &own, "--to", "18"],
    ] {
        let (code, said) = refused(&db, args);
        assert_eq!(code, Some(64), "{args:?}: {said}");
        assert!(said.starts_with("pgkit: "), "{args:?}: {said}");
    }
    assert!(
        refused(&db, &["--new-bin-dir", "/usr"]).1.contains("--new-bin-dir: no PostgreSQL server in /usr")
    );
    let older = refused(&db, &["--new-bin-dir", &own]).1;
    assert!(older.contains("holds PostgreSQL") && older.contains("but the running server is"), "{older}");
    // Without a word about the new version it is the newest.
    let said = run(pgkit(&db).args(["upgrade-check", "--columns", "check"]));
    assert!(said.stderr.contains("no --to: assuming PostgreSQL 18"), "{}", said.snapshot());
}

#[test]
fn without_a_server_nothing_is_started_and_nothing_is_said_on_stdout() {
    let mut command = bare_pgkit();
    command.args(["upgrade-check", "-h", "/nonexistent", "--to", "18"]);
    let output = run(&mut command);
    assert_eq!((output.code, output.stdout.as_str()), (Some(69), ""), "{}", output.snapshot());
}

#[test]
fn a_new_cluster_that_is_none_is_bad_input() {
    for new in upgrade_bins() {
        let db = db("nocluster");
        let folder = tempfile::tempdir_in(temp()).unwrap();
        let args = ["--new-bin-dir", text(&new.dir), "--new-data-dir", text(folder.path())];
        let (code, said) = refused(&db, &args);
        assert_eq!(code, Some(65), "{said}");
        assert!(said.contains("is not a PostgreSQL cluster"), "{said}");
        std::fs::write(folder.path().join("PG_VERSION"), "9.6\n").unwrap();
        let (code, said) = refused(&db, &args);
        assert_eq!(code, Some(65), "{said}");
        assert!(said.contains("is a cluster of PostgreSQL 9.6"), "{said}");
        db.sql("SELECT 1");
    }
}

#[test]
fn what_a_role_may_not_look_at_is_said_and_is_a_finding() {
    for old in bins().iter().filter(|old| old.major < 18) {
        let (_server, db) = old_server(old, &[]);
        for sql in ["CREATE ROLE app LOGIN", "CREATE DATABASE \"p\nrivate\"", "CREATE DATABASE closed"] {
            db.sql(sql);
        }
        db.sql("REVOKE CONNECT ON DATABASE \"p\nrivate\" FROM public");
        db.sql("ALTER DATABASE closed ALLOW_CONNECTIONS false; CREATE TABLE t (r regproc)");
        let said = check_as("app", &db, &["--to", "18"]);
        let stops: Vec<&str> = said.stops().iter().map(|found| found.object.as_str()).collect();
        assert_eq!(
            stops,
            ["database closed", "database \"p\nrivate\"", "table public.t, column r"],
            "on {}",
            old.major
        );
        let unseen: Vec<(Option<&str>, &str)> = said
            .of("unseen")
            .iter()
            .map(|found| (found.database.as_deref(), found.object.as_str()))
            .collect();
        for must in [
            (Some("p\nrivate"), "all that is in it"),
            (Some("postgres"), "how passwords are kept"),
            (Some("postgres"), "where tablespaces are"),
        ] {
            assert!(unseen.contains(&must), "on {}: {unseen:?}", old.major);
        }
        assert!(
            said.stderr.contains("database \"p\\nrivate\": could not look at all that is in it"),
            "{}",
            said.stderr
        );
        assert!(said.stderr.contains("could not be looked at"), "{}", said.stderr);
        let user = said.of("install_user");
        assert_eq!(
            (user[0].severity.as_str(), user[0].fix.as_str()),
            ("note", "run pg_upgrade with -U postgres")
        );
        // A superuser sees it all.
        let said = check(&db, &["--to", "18"]);
        assert_eq!(said.unseen().len(), 0, "on {}: {:?}", old.major, said.unseen());
        assert_eq!(said.of("install_user").len(), 0);
    }
}

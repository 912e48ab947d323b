//! Passwords that a person types, and passwords that a command prints.

use super::*;
use crate::support::pty::pressed;

/// A server that asks `asked` and `other` for their passwords.
fn guarded() -> (pgkit::sandbox::Server, Fleet) {
    let mut options = options(bin());
    options.settings.hba = vec!["local all asked,other scram-sha-256".to_owned()];
    let server = own_server(&options);
    let fleet = Fleet::on(server.info(), "guard", 3);
    fleet.dbs[0].sql(
        "SET password_encryption = 'scram-sha-256'; CREATE ROLE asked LOGIN PASSWORD 'right'; CREATE ROLE other LOGIN PASSWORD 'right'",
    );
    for db in &fleet.dbs {
        db.sql("CREATE TABLE here ()");
    }
    (server, fleet)
}

#[test]
fn a_password_is_asked_for_once_for_each_user_and_host() {
    let (_server, fleet) = guarded();
    let host = fleet.dbs[0].info.socket_dir.display().to_string();
    let prompt = |user: &str| format!("Password for user {user} on {host}: ");
    let command = fleet.command(&["relations", "--service", "s1,s2,s3", "-U", "asked", "--format", "tsv"]);
    let (code, shown) = pressed(&command, 24, 200, &[(&prompt("asked"), "right\n")]);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!((shown.matches("Password for").count(), shown.matches("here").count()), (1, 3), "{shown}");
    // Each of two users; every database needs several sessions.
    let mut list = String::new();
    for (db, user) in fleet.dbs.iter().zip(["asked", "other", "asked"]) {
        let conninfo = fleet.conninfo(db).replace(&format!("user={}", db.info.user), &format!("user={user}"));
        list.push_str(&format!("{} {conninfo}\n", db.name));
    }
    fleet.write("list", &list);
    let list = fleet.path("list").display().to_string();
    let args =
        ["relations", "here", "--servers", &list, "--all-databases", "--format", "tsv", "--parallel", "1"];
    let keys = [(&*prompt("asked"), "right\n"), (&*prompt("other"), "wrong\n")];
    let (code, shown) = pressed(&fleet.command(&args), 24, 200, &keys);
    assert_eq!(code, Some(69), "{shown}");
    assert_eq!((shown.matches("Password for").count(), shown.matches("\there\t").count()), (2, 6), "{shown}");
    assert!(shown.contains("password authentication failed for user \"other\""), "{shown}");
    // Nobody is there to be asked, or may be asked.
    for flags in [&[][..], &["-w"]] {
        let args = [&["relations", "--service", "s1,s2", "-U", "asked"][..], flags].concat();
        let mut command = Command::new("setsid");
        let ours = fleet.command(&args);
        command.env_clear().envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.arg("--wait").arg(ours.get_program()).args(ours.get_args());
        let found = run(&mut command);
        assert_eq!((found.code, said(&found).len()), (Some(69), 2), "{}", found.snapshot());
    }
}

#[test]
fn a_command_prints_the_password_when_a_server_asks_for_it() {
    let (_server, fleet) = guarded();
    let pgkit = |command: &str, env: &[(&str, &str)], args: &[&str]| {
        let _ = std::fs::remove_file(fleet.path("ran"));
        let mut ours = fleet.command(&[&["relations", "here", "--columns", "name"], args].concat());
        let output = run(ours.env("PGKIT_PASSWORD_COMMAND", command).envs(env.iter().copied()));
        let ran = std::fs::read_to_string(fleet.path("ran")).unwrap_or_default();
        (output, ran.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    let right =
        "echo \"$PGHOST $PGPORT $PGUSER $PGDATABASE ${PGPASSWORD-none}\" >> ran; printf 'right\\r\\nmore'";
    let asked = ["--service", "s1", "-U", "asked"];
    let db = &fleet.dbs[0];
    let (found, ran) = pgkit(right, &[], &asked);
    assert_eq!(found.stdout, "here\n", "{}", found.snapshot());
    let (host, port) = (db.info.socket_dir.display(), db.info.port);
    assert_eq!(ran, [format!("{host} {port} asked {} none", db.name)]);
    // Once for all sessions of one process, and not at all where nobody asks for a password or it is known.
    let (found, ran) = pgkit(right, &[], &[&asked[..], &["--all-databases"]].concat());
    assert_eq!((found.code, ran.len()), (Some(0), 1), "{}", found.snapshot());
    let (found, ran) = pgkit(right, &[], &["--service", "s1,s2,s3", "-U", "asked"]);
    assert_eq!((found.code, ran.len()), (Some(0), 1), "one user and host: {}", found.snapshot());
    assert_eq!(pgkit(right, &[], &["--service", "s1"]).1.len(), 0);
    let (found, ran) = pgkit(right, &[("PGPASSWORD", "right")], &asked);
    assert_eq!((found.code, ran.len()), (Some(0), 0), "{}", found.snapshot());
    let (found, ran) = pgkit(right, &[("PGPASSWORD", "wrong")], &asked);
    assert_eq!((found.code, ran.len()), (Some(69), 0), "{}", found.snapshot());
    // It comes before the password file.
    fleet.write("pass", "*:*:*:*:wrong\n");
    mode(&fleet.path("pass"), 0o600);
    let pass = fleet.path("pass").display().to_string();
    let (found, ran) = pgkit(right, &[("PGPASSFILE", &pass)], &asked);
    assert_eq!((found.code, ran.len()), (Some(0), 1), "{}", found.snapshot());
    for (command, word) in [
        ("exit 3", "the password command failed (exit status: 3)"),
        ("true", "the password command printed nothing"),
        ("printf 'a\\000b'", "the password command printed a null byte"),
        ("echo wrong", "hint: the password is what the password command printed"),
        ("yes", "the password command prints more than 64 kB"),
    ] {
        let (found, _) = pgkit(command, &[], &asked);
        assert_eq!(found.code, Some(69), "{}", found.snapshot());
        assert!(found.stderr.contains(word) && found.stdout.is_empty(), "{word}: {}", found.snapshot());
    }
    // What the command says to a person is shown.
    let (found, _) = pgkit("echo touch the key >&2; echo right", &[], &asked);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), "touch the key\n"), "{}", found.snapshot());
}

#[test]
fn a_password_that_is_old_or_refused_is_asked_for_again() {
    let (_server, fleet) = guarded();
    let conninfo =
        fleet.conninfo(&fleet.dbs[0]).replace(&format!("user={}", fleet.dbs[0].info.user), "user=asked");
    fleet.write("token", "right");
    for (age, is_changed, at_least) in [("1h", true, 2), ("1ms", false, 3)] {
        let _ = std::fs::remove_file(fleet.path("ran"));
        let text = format!(
            "[servers.one]\nconninfo = \"{conninfo}\"\npassword_command = \"echo >> ran; cat token\"\npassword_max_age = \"{age}\"\n"
        );
        fleet.write("config.toml", &text);
        let ran = || std::fs::read_to_string(fleet.path("ran")).unwrap_or_default().len();
        let mut command =
            fleet.command(&["relations", "--service", "one", "--watch", "0.1", "--columns", "name"]);
        command.env("PGKIT_CONFIG", fleet.path("config.toml")).stdout(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        eventually("it has a session", || ran() > 0);
        let asks = || fleet.dbs[0].sql("SELECT pid FROM pg_stat_activity WHERE usename = 'asked'").len();
        eventually("the session is there", || asks() > 0);
        if is_changed {
            fleet.dbs[0]
                .sql("SET password_encryption = 'scram-sha-256'; ALTER ROLE asked PASSWORD 'rotated'");
            fleet.write("token", "rotated");
        }
        eventually("the command runs again for later sessions", || {
            fleet.dbs[0]
                .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'asked'");
            ran() >= at_least
        });
        eventually("and there is a session again", || asks() > 0);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

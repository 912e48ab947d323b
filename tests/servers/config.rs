//! The configuration file.

use super::*;

/// pgkit with this configuration file.
fn with_config(fleet: &Fleet, text: &str, args: &[&str]) -> Output {
    fleet.write("config.toml", text);
    run(fleet.command(args).env("PGKIT_CONFIG", fleet.path("config.toml")))
}

#[test]
fn servers_and_groups_are_found_by_name() {
    let fleet = Fleet::new("named", 3);
    for (db, i) in fleet.dbs.iter().zip(1..) {
        db.sql(&format!("CREATE TABLE t{i} ()"));
    }
    let text = format!(
        "[servers.one]\nconninfo = \"{}\"\n[servers.s2]\ncolor = \"red\"\n[groups]\nprod = [\"one\", \"s2\"]\nmore = [\"@prod\", \"s3\", \"one\"]\n",
        fleet.conninfo(&fleet.dbs[0])
    );
    let columns = ["relations", "--columns", "server,name", "--service"];
    for (service, expected) in [
        ("@prod", &["one\tt1", "s2\tt2"][..]),
        ("@more", &["one\tt1", "s2\tt2", "s3\tt3"]),
        ("s3,@prod", &["s3\tt3", "one\tt1", "s2\tt2"]),
        ("one,", &["one\tt1"]),
    ] {
        let found = with_config(&fleet, &text, &[&columns[..], &[service]].concat());
        assert_eq!(found.lines(), expected, "{service}: {}", found.snapshot());
    }
    // The servers of the file, then the services.
    let all = with_config(&fleet, &text, &[&columns[..], &["all"]].concat());
    assert_eq!(column(&all, 0), ["one", "s2", "s1", "s3"], "{}", all.snapshot());
    let unknown = with_config(&fleet, &text, &[&columns[..], &["@prd"]].concat());
    assert_eq!(unknown.code, Some(64));
    assert!(unknown.stderr.contains("the groups are @prod, @more"), "{}", unknown.snapshot());
    // One server by name, for every command; flags stand above what the file says.
    let one = with_config(&fleet, &text, &["relations", "--service", "one"]);
    assert_eq!(column(&one, 1), ["t1"], "{}", one.snapshot());
    let other = with_config(&fleet, &text, &["relations", "--service", "one", "-d", &fleet.dbs[2].name]);
    assert_eq!(column(&other, 1), ["t3"], "{}", other.snapshot());
    let taken =
        with_config(&fleet, &text, &["snapshot", "-q", "-o", "x.snap", "relations", "--service", "one"]);
    assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
}

#[test]
fn flags_on_the_command_line_stand_above_the_defaults_of_the_command_and_those_above_the_defaults_of_all() {
    let fleet = Fleet::new("defaults", 1);
    fleet.dbs[0].sql("CREATE TABLE b (); CREATE TABLE a (x text)");
    let text = "[defaults]\nformat = \"csv\"\nheader = true\nquiet = true\n\
                [commands.relations]\nformat = \"jsonl\"\nlimit = 1\nsort = \"name:desc\"\ncolumns = [\"name\", \"kind\"]\n\
                [commands.\"run mine\"]\ntop = 2\n[commands.sizes]\ngroup-partitions = true\n";
    fleet.write("mine.sql", "-- Mine.\n--\n-- columns = [\"n int4\"]\n-- [[param]]\n-- name = \"top\"\n-- type = \"int8\"\n-- default = \"1\"\n-- help = \"How many\"\nSELECT n::int4 AS n FROM pg_catalog.generate_series(1, $1::int4) n\n");
    let pgkit = |args: &[&str]| with_config(&fleet, text, &[args, &["--service", "s1"]].concat());
    assert_eq!(pgkit(&["relations"]).lines(), ["{\"name\":\"b\",\"kind\":\"table\"}"]);
    assert_eq!(pgkit(&["relations", "--csv", "--limit", "9"]).lines(), ["name,kind", "b,table", "a,table"]);
    assert_eq!(pgkit(&["relations", "--csv", "--no-header", "--columns", "name"]).lines(), ["b"]);
    assert_eq!(
        pgkit(&["relations", "--format", "tsv", "--sort", "name"]).lines(),
        ["name\tkind", "a\ttable"]
    );
    assert_eq!(pgkit(&["columns", "--columns", "relation"]).lines(), ["relation", "a"]);
    assert_eq!(pgkit(&["relations", "nothing"]).stderr, "", "quiet");
    let verbose = "[defaults]\nverbose = true\n[commands.relations]\nquiet = false\n";
    let told = with_config(&fleet, verbose, &["relations", "nothing", "--service", "s1"]);
    assert!(told.stderr.contains("nothing matches"), "{}", told.snapshot());
    assert_eq!(pgkit(&["relations", "nothing", "-v"]).code, Some(0), "verbose stands above it");
    assert!(
        pgkit(&["relations", "nothing", "--quiet=false"]).stderr.contains("nothing matches"),
        "switched off"
    );
    assert_eq!(pgkit(&["sizes", "--group-partitions=false", "--no-header"]).lines().len(), 2);
    // What has no rows takes only what it can: a default for all does not stop a run of jobs.
    fleet.write("jobs.toml", "[[job]]\nname = \"a\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n");
    let jobs = fleet.path("jobs.toml").display().to_string();
    assert_eq!(pgkit(&["jobs", "init"]).code, Some(0));
    let passed = pgkit(&["jobs", "run", "--file", &jobs]);
    assert_eq!((passed.code, passed.stdout.as_str()), (Some(0), ""), "{}", passed.snapshot());
    assert_eq!(pgkit(&["jobs", "run", "--file", &jobs, "--csv"]).code, Some(64));
    let stream = "[defaults]\nformat = \"csv\"\n[commands.\"jobs run\"]\nformat = \"jsonl\"\n";
    let args = ["jobs", "run", "a", "--force", "--file", &jobs, "--service", "s1"];
    let streamed = with_config(&fleet, stream, &args);
    assert!(streamed.stdout.starts_with('{') && streamed.code == Some(0), "{}", streamed.snapshot());
    let own = pgkit(&["run", "mine", "--no-header"]);
    assert_eq!(own.lines(), ["1", "2"], "{}", own.snapshot());
    // A default of a report's own flag counts as the flag does.
    let taken = pgkit(&["snapshot", "-o", "x.snap", "sizes"]);
    assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    let families = with_config(&fleet, text, &["sizes", "--from", "x.snap", "--header", "--limit", "0"]);
    let plain = with_config(
        &fleet,
        "",
        &["sizes", "--group-partitions", "--from", "x.snap", "--csv", "--limit", "0"],
    );
    assert_eq!((families.code, &families.stdout), (Some(0), &plain.stdout), "{}", families.snapshot());
}

#[test]
fn a_fault_of_the_file_is_an_error_with_its_line_whatever_the_command() {
    let fleet = Fleet::new("faulty", 1);
    for (text, expected) in [
        (
            "[defaults]\nformats = \"csv\"",
            "line 2: [defaults]: --formats: unknown flag; did you mean \"format\"?",
        ),
        ("\n\n[default]\n", "line 3: unknown key \"default\"; did you mean \"defaults\"?"),
        ("[defaults]\nhost = \"x\"", "line 2: [defaults]: --host: cannot have a default"),
        (
            "[defaults]\ncolor = \"pink\"",
            "line 2: invalid value 'pink' for '--color <WHEN>' [possible values: auto, always, never]",
        ),
        (
            "[defaults]\nstatement-timeout = \"soon\"",
            "line 2: invalid value 'soon' for '--statement-timeout <DURATION>'",
        ),
        ("[defaults]\nquiet = \"yes\"", "line 2: --quiet is either true or false"),
        ("[defaults]\ncolor = [\"auto\", \"never\"]", "line 2: --color takes one value"),
        (
            "[defaults]\nsort = \"name\"",
            "line 2: [defaults]: --sort: can have a default only for one command",
        ),
        ("[commands.relations]\nsql = true", "line 2: [commands.relations]: --sql cannot have a default"),
        ("[commands.relations]\nlimit = 0x10", "line 2: [commands.relations]: invalid value '0x10'"),
        ("[commands.relations]\nlimit = -1", "line 2: [commands.relations]: invalid value '-1'"),
        (
            "[commands.relatons]\nlimit = 1",
            "line 2: [commands.relatons]: unknown command; did you mean \"relations\"?",
        ),
        ("[servers.a]\nconninfo = \"hots=1\"", "line 2: server \"a\": invalid connection option \"hots\""),
        ("[groups]\ng = [\"@h\"]", "line 2: group \"g\": unknown group \"@h\""),
        ("[defaults]\nquiet = \"true\"", "line 2: --quiet is either true or false"),
        ("[defaults]\nparallel = true", "line 2: --parallel takes a value"),
        ("[defaults]\nformat = \"tree\"", "line 2: [defaults]: format \"tree\" fits only single reports"),
        ("[defaults]\nheader = true\nno-header = true", "line 3: header and no-header cannot both be true"),
        (
            "[commands.relations]\nsort = \"nosuch\"",
            "line 2: [commands.relations]: --sort: unknown column \"nosuch\"",
        ),
        (
            "[commands.relations]\ngrep = \"(\"",
            "line 2: [commands.relations]: --grep: invalid regular expression",
        ),
        ("[commands.run]\nlimit = 1", "line 2: [commands.run]: name a report, as in [commands.\"run NAME\"]"),
        ("[servers.a]\nconninfo = \"port=99999\"", "line 2: server \"a\": invalid port number"),
        ("[servers.a]\nssh = \"-oProxyCommand=x\"", "line 2: server \"a\": invalid ssh destination"),
        ("[groups]\na = [\"@a\"]", "line 2: group \"a\" has no servers"),
        ("x = \"", "line 1: "),
    ] {
        let expected = format!("pgkit: {}, {expected}", fleet.path("config.toml").display());
        for args in [&["relations", "--service", "s1"][..], &["config", "check"], &["config", "show"]] {
            let found = with_config(&fleet, text, args);
            assert_eq!((found.code, found.stdout.as_str()), (Some(65), ""), "{args:?}: {}", found.snapshot());
            assert!(found.stderr.starts_with(&expected), "{expected}\n{}", found.snapshot());
        }
    }
    // What only concerns another command does not stop this one; the check sees all.
    let text =
        "[commands.sizes]\nby = \"size\"\nnope = 1\n[commands.\"jobs run\"]\nquiet = true\nonce = true\n";
    assert_eq!(with_config(&fleet, text, &["relations", "--service", "s1"]).code, Some(0));
    let check = with_config(&fleet, text, &["config", "check"]);
    assert_eq!((check.code, said(&check).len()), (Some(65), 3), "{}", check.snapshot());
    // What leads nowhere, and more than one fault at once.
    let nowhere = "foo = 1\n[servers.nowhere]\n[groups]\nprod = [\"s1\", \"s9\"]\n[commands.\"run nothing\"]\nlimit = 1\n";
    let check = with_config(&fleet, nowhere, &["config", "check"]);
    assert_eq!((check.code, said(&check).len()), (Some(65), 1), "{}", check.snapshot());
    let check = with_config(&fleet, nowhere.trim_start_matches("foo = 1\n"), &["config", "check"]);
    assert_eq!((check.code, said(&check).len()), (Some(65), 3), "{}", check.snapshot());
    // Help and the manual are there in any case.
    for args in [
        &["man", "servers"][..],
        &["--help"],
        &["relations", "--help"],
        &["--version"],
        &["completions", "bash"],
    ] {
        assert_eq!(with_config(&fleet, nowhere, args).code, Some(0), "{args:?}");
    }
    let right = with_config(&fleet, "[defaults]\nformat = \"csv\"\n", &["config", "check"]);
    assert_eq!(right.code, Some(0));
    assert!(right.stderr.ends_with("config.toml has no errors\n"), "{}", right.snapshot());
}

#[test]
fn the_file_is_looked_for_where_it_belongs_and_must_be_the_users_own() {
    let fleet = Fleet::new("trusted", 1);
    let home = fleet.path("home");
    std::fs::create_dir_all(home.join(".config/pgkit")).unwrap();
    let file = home.join(".config/pgkit/config.toml");
    std::fs::write(&file, "[defaults]\nformat = \"nope\"\n").unwrap();
    let found = |set: &dyn Fn(&mut Command)| {
        let mut command = fleet.command(&["relations", "--service", "s1"]);
        command.env_remove("PGKIT_CONFIG").env("HOME", &home);
        set(&mut command);
        run(&mut command)
    };
    let code = |set: &dyn Fn(&mut Command)| found(set).code;
    assert_eq!(code(&|_| ()), Some(65), "in the home directory");
    assert_eq!(
        code(&|command| {
            command.env("XDG_CONFIG_HOME", fleet.path("elsewhere"));
        }),
        Some(0)
    );
    assert_eq!(
        code(&|command| {
            command.env("PGKIT_CONFIG", "");
        }),
        Some(0),
        "none at all"
    );
    assert_eq!(
        code(&|command| {
            command.env("PGKIT_CONFIG", "missing.toml");
        }),
        Some(74),
        "one that is named must be there"
    );
    assert_eq!(code(&|command| set(command, "HOME", "/dev/null")), Some(0), "no home directory");
    std::fs::write(&file, "").unwrap();
    for (permissions, expected) in [(0o600, 0), (0o644, 0), (0o664, 65), (0o666, 65)] {
        mode(&file, permissions);
        let found = found(&|_| ());
        assert_eq!(found.code, Some(expected), "{permissions:o}: {}", found.snapshot());
        assert_eq!(found.stderr.contains("is writable by others"), expected == 65, "{}", found.snapshot());
    }
}

fn set(command: &mut Command, name: &str, value: &str) {
    command.env(name, value);
}

#[test]
fn what_is_configured_is_shown_with_where_it_comes_from() {
    let fleet = Fleet::new("shown", 1);
    let text = "password_command = \"vault\"\n[defaults]\ncolor = \"never\"\n[commands.sizes]\nlimit = 3\n\
                [servers.one]\nconninfo = \"postgresql://me:secret@db1/shop\"\ncolor = \"red\"\n[servers.s1]\npassword_command = \"token\"\n\
                [groups]\nprod = [\"one\", \"s1\"]\n";
    fleet.write("config.toml", text);
    let mut command = fleet.command(&["config", "show"]);
    command.env("PGKIT_CONFIG", fleet.path("config.toml")).env("PGPASSWORD", "secret").env("PGHOST", "db9");
    let shown = run(&mut command);
    let path = fleet.path("config.toml").display().to_string();
    for line in [
        format!("defaults\tcolor\tnever\t{path}, line 3"),
        "defaults\tstatement-timeout\t60s\tbuilt in".to_owned(),
        format!("sizes\tlimit\t3\t{path}, line 5"),
        format!("server one\tconninfo\tpostgresql://me:xxxxxx@db1/shop\t{path}, line 7"),
        format!("server one\tcolor\tred\t{path}, line 8"),
        format!("server s1\tservice\ts1\t{path}, line 9"),
        format!("server s1\tpassword_command\ttoken\t{path}, line 10"),
        format!("servers\tpassword_command\tvault\t{path}, line 1"),
        format!("group\t@prod\tone,s1\t{path}, line 12"),
        "defaults\tparallel\t8\tbuilt in".to_owned(),
        "environment\tPGHOST\tdb9\tenvironment".to_owned(),
        "environment\tPGPASSWORD\t***\tenvironment".to_owned(),
    ] {
        assert!(shown.lines().contains(&line.as_str()), "{line}\n{}", shown.snapshot());
    }
    assert!(!shown.stdout.contains("secret"), "{}", shown.snapshot());
}

#[test]
fn the_question_before_a_session_ends_has_the_colour_of_its_server() {
    let fleet = Fleet::new("colour", 1);
    let session = fleet.dbs[0].session();
    let pid = session.pid().to_string();
    let text =
        format!("[servers.prod1]\nconninfo = \"{}\"\ncolor = \"red\"\n", fleet.conninfo(&fleet.dbs[0]));
    fleet.write("config.toml", &text);
    for (no_color, question) in [
        ("", "\x1b[31mTerminate this session on prod1? [y/N] \x1b[0m"),
        ("1", "Terminate this session on prod1? [y/N] "),
    ] {
        let mut command = fleet.command(&["terminate", &pid, "--service", "prod1"]);
        command.env("PGKIT_CONFIG", fleet.path("config.toml")).env("NO_COLOR", no_color).env("TERM", "xterm");
        let (code, shown) = pty::pressed(&command, 24, 100, &[(question, "n\n")]);
        assert_eq!(code, Some(1), "{shown}");
    }
}

//! Names that would drive a terminal, end a comment, or be a command of psql's.

use super::pty::{driving, on_terminal};
use super::*;

const NAMES: &[&str] = &[
    "x\n\\! touch pwned\n",
    "x\r\\! touch pwned\r",
    "\"\n\\! touch pwned\n--",
    "\u{1b}]0;title\u{7}\u{8}\u{7f}",
    "\u{9b}2J\u{85}",
    "\u{202e}txt\u{2066}\u{2028}\u{feff}",
    "\u{e0001}",
    ":name:'name':\"name\"\u{1b}",
    "$$;\u{1b}'--/*\\",
    "tab\tbed;",
    "été",
];

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A server with such names in databases of several encodings, and how many statements mend it.
fn hostile(old: &Binaries) -> (Server, Db, usize) {
    let (server, db) = old_server(old, &[]);
    let mut statements = 0;
    for (encoding, database) in
        [("UTF8", "\u{1b}[2J\u{202e}\n\\! touch pwned\n"), ("SQL_ASCII", "ascii"), ("LATIN1", "latin")]
    {
        db.sql(&format!(
            "CREATE DATABASE {} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
            ident(database)
        ));
        let there = Db::existing(&db.info, database);
        for name in NAMES {
            if encoding == "LATIN1" && name.chars().any(|c| u32::from(c) > 0xFF) {
                continue;
            }
            let (index, name) = (ident(&format!("i{name}")), ident(name));
            there.sql(&format!(
                "CREATE SCHEMA {name}; CREATE TABLE {name}.{name} (id int, {name} regproc); CREATE INDEX {index} ON {name}.{name} (id)"
            ));
            there.sql(&format!(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = {}::regclass",
                literal(&format!("{name}.{index}"))
            ));
            statements += 2;
        }
    }
    for (i, name) in NAMES.iter().enumerate() {
        let there = Db::existing(&db.info, "ascii");
        there.sql(&format!("BEGIN; CREATE TABLE public.held{i} (); PREPARE TRANSACTION {}", literal(name)));
        statements += 1;
    }
    (server, db, statements)
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The arguments, and a terminal that is wide enough for anything.
fn args(more: &[&str]) -> Vec<String> {
    ["upgrade-check", "--to", "19"].iter().chain(more).map(|arg| (*arg).to_owned()).collect()
}

fn the_script_for_names_of_any_kind_drives_no_terminal_and_mends_all_of_them(old: &Binaries) {
    let (_server, db, statements) = hostile(old);
    let folder = tempfile::tempdir().unwrap();
    let script =
        |more: &[&str]| run(pgkit(&db).env("TMPDIR", temp()).args(args(&[&["--fix-sql"], more].concat())));
    let careful = script(&[]);
    assert_eq!(careful.code, Some(1), "{}", careful.stderr);
    // Every line is a comment, or one of a few commands of ours, or a whole statement.
    for line in careful.stdout.split(['\n', '\r']).filter(|line| !line.is_empty() && !line.starts_with("--"))
    {
        let ours = ["\\set ON_ERROR_STOP 1", "\\encoding UTF8", "\\connect ", "REINDEX INDEX "];
        assert!(ours.iter().any(|start| line.starts_with(start)), "on {}: {line:?}", old.major);
    }
    // What a terminal shows of it is the same, but for what some encoding's database knows no escapes for.
    let mut shown = pgkit(&db);
    shown.env("TMPDIR", temp()).args(args(&["--fix-sql"]));
    let (_, shown) = on_terminal(shown, 50, 200);
    assert!(driving(&shown).is_empty(), "on {}: {:?}", old.major, driving(&shown));
    assert!(driving(&careful.stdout).iter().all(|c| !c.is_ascii()));
    for line in careful.stdout.lines().filter(|line| driving(line).is_empty()) {
        assert!(shown.contains(line), "on {}: {line:?}", old.major);
    }
    assert!(shown.contains("WARNING: this SQL holds characters"), "{shown}");
    let mut people = pgkit(&db);
    people.env("TMPDIR", temp()).args(args(&[]));
    let (_, people) = on_terminal(people, 50, 200);
    assert!(driving(&people).is_empty(), "on {}: {:?}", old.major, driving(&people));
    // Uncommented it is the script that mends everything, and both run.
    let all = script(&["--allow-destructive"]).stdout;
    let live = |text: &str| text.lines().filter(|line| line.ends_with(';')).count();
    assert_eq!(live(&all), statements, "on {}: {all}", old.major);
    let uncommented: String = careful
        .stdout
        .lines()
        .map(|line| match line.strip_prefix("-- ") {
            Some(sql) if sql.ends_with(';') => format!("{sql}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let bare = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(bare(&uncommented), bare(&all), "on {}", old.major);
    let path = folder.path().join("script");
    std::fs::write(&path, &all).unwrap();
    let done = run(psql(&db).current_dir(folder.path()).arg("-q").arg("-f").arg(&path));
    assert_eq!(done.code, Some(0), "on {}: {}", old.major, done.snapshot());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a name was run as a command");
    let said = check(&db, &["--to", "19"]);
    for name in ["data_types", "invalid_indexes", "prepared"] {
        assert_eq!(said.of(name).len(), 0, "on {}: {:?}", old.major, said.of(name));
    }
}
on_every_server!(the_script_for_names_of_any_kind_drives_no_terminal_and_mends_all_of_them);

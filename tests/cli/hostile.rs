//! What leaves pgkit is harmless where it is read: on a terminal, in psql, in a spreadsheet.

use std::path::Path;

use super::pty::{driving, on_terminal};
use super::*;
use crate::support::*;

/// What drives a terminal, turns text round, ends a comment, and then would be a command of psql's.
const HOSTILE: &str = "a\u{1b}]0;title\u{7}\u{202e}\u{9b}2J\u{2028}\r\n\\! touch pwned\n\"'$$;--\t\u{7f}";

/// The places that write to a terminal. Whoever adds one says here how it is kept from driving it.
const SINKS: &[(&str, usize, &str)] = &[
    ("connect/ssh/tunnel.rs", 1, "asks whether stderr is a terminal; what ssh says goes through error::note"),
    ("error.rs", 2, "note escapes all that it prints; say asks how wide the terminal is"),
    ("output/stdout.rs", 1, "formats escape by their own tests, and print all that it prints"),
    ("output/terminal.rs", 4, "two ask what it is, one writes constants, and a question is escaped"),
    ("commands/bench/measure.rs", 1, "only asks whether there is one, and its bar shows numbers"),
    ("commands/jobs/report.rs", 1, "only asks whether there is one, and its bars show escaped texts"),
    ("commands/snapshot/take.rs", 2, "only asks whether there are any, and its bar shows escaped texts"),
    ("snapshot/draft.rs", 1, "a compressed file, which a terminal is refused"),
    ("helper.rs", 2, "a pipe to the process that started it"),
];

#[test]
fn every_place_that_writes_to_a_terminal_is_known() {
    fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&root, &mut all);
    all.sort();
    let mut found = Vec::new();
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        let is = |line: &str| {
            let writes =
                [concat!("io::std", "out()"), concat!("io::std", "err()"), concat!("anstream::std", "err()")];
            writes.iter().any(|one| line.contains(one)) || line.contains(".write(true).open(\"/dev/tty\")")
        };
        let count = text.lines().filter(|line| is(line)).count();
        if count > 0 {
            found.push((path.strip_prefix(&root).unwrap().display().to_string(), count));
        }
    }
    let mut known: Vec<(String, usize)> = SINKS.iter().map(|(path, n, _)| ((*path).to_owned(), *n)).collect();
    known.sort();
    assert_eq!(found, known);
}

/// Runs a command on a terminal. Nothing of what it is told or finds may drive that; gives what it showed.
fn harmless(command: Command, code: i32) -> String {
    let what = format!("{command:?}");
    let (ended, text) = on_terminal(command, 40, 120);
    assert!(driving(&text).is_empty(), "{what}: {:?}\n{text:?}", driving(&text));
    assert_eq!(ended, Some(code), "{what}\n{text}");
    text
}

#[test]
fn nothing_that_is_named_anyhow_drives_a_terminal() {
    let db = db("hostile");
    db.sql(&format!("CREATE TABLE {} (x int)", catalog::ident(HOSTILE)));
    // A report with such a name, such a summary, such a statement, and a column and a row of the kind.
    let folder = tempfile::tempdir().unwrap();
    let name = "evil\u{1b}[2J\u{202e}";
    let line = HOSTILE.replace(['\n', '\r'], "");
    let report = format!(
        "-- Sums up {line}.\n--\n-- since = 10\n-- columns = [\"a text\"]\nSELECT '{}'::text AS a -- {line}\n",
        HOSTILE.replace('\'', "''").replace('\n', " ")
    );
    std::fs::write(folder.path().join(format!("{name}.sql")), report).unwrap();
    let mut lines: Vec<(Vec<&str>, i32)> = vec![
        (vec!["run", name, "--sql"], 0),
        (vec!["run", name, "-E"], 0),
        (vec!["run", name, "--help"], 0),
        (vec!["run", "--help"], 0),
        (vec!["run", "--list"], 0),
        (vec!["run", HOSTILE], 64),
        (vec!["relations", "-E", "--verbose"], 0),
        (vec!["find", HOSTILE, "--sql"], 0),
        (vec!["find", HOSTILE, "--sql", "--server-version", "15"], 0),
        (vec!["find", HOSTILE, "-E"], 0),
        (vec!["relations", HOSTILE], 65),
        (vec!["relations", "x\u{1b}]0;t\u{7}\u{202e}\r\u{e0001}"], 0),
        (vec!["relations", "--grep", "(\u{1b}\u{202e}"], 65),
        (vec!["relations", "--columns", HOSTILE], 64),
        (vec![HOSTILE], 64),
        (vec!["log", "grants", "--role", HOSTILE], 0),
        (vec!["log", "tail", HOSTILE], 74),
        (vec!["log", "tail", "--help"], 0),
        (vec!["jobs", "check", "--file", HOSTILE], 74),
        (vec!["bench", "a\u{1b}\u{202e}=SELECT '\u{1b}'", "b=SELECT 2", "--runs", "3", "-E"], 0),
        (vec!["bench", "a=SELECT 1/0 AS \"\u{1b}\u{202e}\"", "b=SELECT 2", "--runs", "3"], 1),
        (vec!["locks", "cancel", HOSTILE], 64),
        (vec!["sandbox", "status", "--bin-dir", HOSTILE], 64),
    ];
    let formats = formats();
    for format in &formats {
        lines.push((vec!["run", name, "--format", format], 0));
        lines.push((vec!["relations", "--format", format], 0));
    }
    for (args, code) in lines {
        let mut command = pgkit(&db);
        command.env("PGKIT_QUERIES", folder.path()).env("PGKIT_PAGER", "cat").args(&args);
        harmless(command, code);
    }
    for variable in ["PGHOST", "PGUSER", "PGDATABASE", "PGSERVICE", "PGSSLMODE", "PGPORT"] {
        let mut command = pgkit(&db);
        command.env(variable, HOSTILE).arg("relations");
        let (_, text) = on_terminal(command, 40, 120);
        assert!(driving(&text).is_empty() && text.contains("pgkit: "), "{variable}: {text:?}");
    }
}

#[test]
fn what_sql_cannot_say_with_escapes_is_shown_on_a_terminal_with_a_remark_and_runs_in_a_pipe() {
    let db = db("leftover");
    let own = Own::new(&[("dollar", "\"a text\"", "SELECT $$\u{1b}$$::text AS a")]);
    let shown = harmless(own.run(&db, &["dollar", "--sql"]), 0);
    assert!(shown.contains("SELECT $$\\x1b$$::text") && shown.contains("WARNING: this SQL holds"), "{shown}");
    let piped = run(&mut own.run(&db, &["dollar", "--sql"]));
    assert!(piped.stdout.contains("$$\u{1b}$$") && piped.stderr.is_empty(), "{}", piped.snapshot());
    // What has such a form is the same in both, and there is nothing to remark.
    let own = Own::new(&[("quoted", "\"a text\"", "SELECT '\u{1b}\\\u{202e}'::text AS a")]);
    let shown = harmless(own.run(&db, &["quoted", "--sql"]), 0);
    assert!(shown.contains("SELECT E'\\x1b\\\\\\u202e'::text") && !shown.contains("WARNING"), "{shown}");
    assert_eq!(run(&mut own.run(&db, &["quoted", "--sql"])).stdout, shown);
}

#[test]
fn the_grants_for_any_role_run_and_run_nothing_else() {
    let db = db("grants");
    let role = "a\u{1b}\u{202e}\n\\! touch pwned\n\"; --\r\t$$";
    db.sql(&format!("DROP ROLE IF EXISTS {0}; CREATE ROLE {0}", catalog::ident(role)));
    let folder = tempfile::tempdir().unwrap();
    let script = run(bare_pgkit().args(["log", "grants", "--role", role]));
    let path = folder.path().join("script");
    std::fs::write(&path, &script.stdout).unwrap();
    assert_eq!(run(psql(&db).current_dir(folder.path()).arg("-q").arg("-f").arg(&path)).lines().len(), 0);
    let granted = "SELECT has_schema_privilege(oid, 'pgkit', 'USAGE') FROM pg_roles WHERE rolname = E'a\\x1b\\u202e\\n\\\\! touch pwned\\n\"; --\\r\\t$$'";
    assert_eq!(db.value(granted), "t");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    db.sql(&format!("DROP OWNED BY {0}; DROP ROLE {0}", catalog::ident(role)));
}

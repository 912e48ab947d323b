//! What a person sees on a terminal, through a pseudo-terminal.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::pty::{on_terminal, pressed};
use crate::support::*;

fn few(name: &str) -> Db {
    let db = database(server(bin()).info(), name);
    db.sql("CREATE TABLE one (x int); CREATE TABLE two (x int)");
    db
}

#[test]
fn a_terminal_gets_a_table_and_a_pipe_gets_tsv() {
    let db = few("table");
    let (code, text) = on_terminal(with(pgkit(&db), ["relations"]), 30, 80);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].trim_end(), "schema  name  kind   owner");
    assert!(lines[1].starts_with("───"), "{text}");
    assert_eq!(lines[2].trim_end(), "public  one   table  postgres");
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(run(pgkit(&db).arg("relations")).lines()[0], "public\tone\ttable\tpostgres");
    // A format that is asked for is the same on a terminal.
    let (_, csv) = on_terminal(with(pgkit(&db), ["relations", "--csv"]), 30, 80);
    assert!(csv.starts_with("schema,name,kind,owner\n"), "{csv}");
}

#[test]
fn control_and_bidirectional_characters_never_reach_a_terminal() {
    let db = filled::filled(bin());
    for format in ["table", "vertical", "tsv", "markdown"] {
        let mut command = pgkit(&db);
        command.env("TERM", "xterm").args([
            "relations",
            "nasty.*",
            "--no-pager",
            "--color",
            "never",
            "--format",
            format,
        ]);
        let (code, text) = on_terminal(command, 40, 120);
        assert_eq!(code, Some(0));
        let bad = |c: char| {
            (c.is_control() && c != '\n' && (format != "tsv" || c != '\t'))
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{200b}' | '\u{feff}')
        };
        let found: Vec<char> = text.chars().filter(|c| bad(*c)).collect();
        assert!(found.is_empty(), "{format}: {found:?}");
        assert!(text.replace("\\\\", "\\").replace("\\[", "[").contains("\\x1b[31mred"), "{format}");
    }
    // Nor in a remark or an error.
    let (code, text) = on_terminal(with(pgkit(&db), ["relations", "x\u{1b}31m\u{7}"]), 40, 120);
    assert_eq!(code, Some(0));
    assert!(text.contains("nothing matches") && !text.contains(['\u{1b}', '\u{7}']), "{text:?}");
}

#[test]
fn a_table_fits_its_terminal() {
    let db = filled::filled(bin());
    for columns in [200, 120, 80, 60, 40] {
        let mut command = pgkit(&db);
        command.args(["sizes", "things.*", "--no-pager", "--color", "never"]);
        let (code, text) = on_terminal(command, 50, columns);
        assert_eq!(code, Some(0));
        let widest = text.lines().map(|l| l.trim_end().chars().count()).max().unwrap();
        assert!(widest <= usize::from(columns), "{widest} of {columns}:\n{text}");
    }
}

#[test]
fn colour_comes_on_a_terminal_that_takes_it_and_nowhere_else() {
    let db = few("colour");
    let coloured = |term: &str, args: &[&str], no_color: bool| {
        let mut command = pgkit(&db);
        command.env("TERM", term).arg("relations").args(args);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        on_terminal(command, 30, 80).1.contains('\u{1b}')
    };
    assert!(coloured("xterm", &[], false));
    assert!(!coloured("xterm", &["--color", "never"], false));
    assert!(!coloured("xterm", &[], true));
    assert!(!coloured("dumb", &[], false));
    let table = ["relations", "--format", "table"];
    let forced = |name: &str| run(pgkit(&db).env("CLICOLOR_FORCE", "1").env(name, "1").args(table)).stdout;
    assert!(forced("OTHER").contains('\u{1b}') && !forced("NO_COLOR").contains('\u{1b}'));
    assert!(
        !run(pgkit(&db).env("TERM", "xterm").args(["relations", "--format", "table"]))
            .stdout
            .contains('\u{1b}')
    );
    assert!(
        run(pgkit(&db).args(["relations", "--format", "table", "--color", "always"]))
            .stdout
            .contains('\u{1b}')
    );
}

/// A pager that says that it ran.
fn pager() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pager");
    std::fs::write(&path, "#!/bin/sh\necho PAGED\nexec cat\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = path.display().to_string();
    (folder, command)
}

#[test]
fn a_pager_shows_what_is_longer_than_the_screen_and_only_that() {
    let db = filled::filled(bin());
    let (_folder, pager) = pager();
    let paged = |rows: u16, args: &[&str], variable: &str| {
        let mut command = pgkit(&db);
        command.env(variable, &pager).args(args);
        let (code, text) = on_terminal(command, rows, 120);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("everything"), "{text}");
        text.starts_with("PAGED")
    };
    let long = ["relations", "things.*"];
    let short = ["relations", "things.everything"];
    for variable in ["PGKIT_PAGER", "PSQL_PAGER", "PAGER"] {
        assert!(paged(10, &long, variable), "{variable}");
        assert!(!paged(10, &short, variable), "{variable}");
    }
    assert!(!paged(10, &["relations", "things.*", "--no-pager"], "PAGER"));
    assert!(!paged(500, &long, "PAGER"), "it fits");
    // A pager of the name cat is none, and a pager in a pipe is never used.
    let mut command = pgkit(&db);
    command.env("PGKIT_PAGER", "cat").env("PAGER", &pager).args(long);
    assert!(!on_terminal(command, 10, 120).1.contains("PAGED"));
    assert!(!run(pgkit(&db).env("PAGER", &pager).args(long)).stdout.contains("PAGED"));
}

#[test]
fn a_pager_that_is_left_early_ends_it_quietly() {
    let db = filled::filled(bin());
    let mut command = pgkit(&db);
    command.env("PGKIT_PAGER", "/usr/bin/head -n 3").args(["find"]);
    let (code, text) = on_terminal(command, 10, 120);
    assert_eq!((code, text.lines().count()), (Some(0), 3), "{text}");
}

#[test]
fn watch_draws_the_screen_anew() {
    let db = few("watch");
    let mut command = Command::new("/usr/bin/timeout");
    command.env_clear().env("TERM", "xterm").env("PATH", "/usr/bin:/bin").env("TZ", "UTC");
    command.envs(db.info.env()).env("PGDATABASE", &db.name).env("HOME", "/nonexistent");
    command.args(["-s", "INT", "1", PGKIT, "relations", "--watch", "0.3"]);
    let (_, text) = on_terminal(command, 20, 80);
    assert!(text.matches("\u{1b}[H").count() >= 2, "{text:?}");
    assert!(text.matches("public  one").count() >= 2, "{text:?}");
    // It uses the alternate screen, so the previous contents of the screen come back.
    assert!(text.starts_with("\u{1b}[?1049h") && text.contains("\u{1b}[?1049l"), "{text:?}");
}

#[test]
fn a_key_asks_for_another_answer_and_q_ends_with_the_last_one_on_the_screen_before() {
    let db = few("watch_keys");
    let watch = with(pgkit(&db), ["relations", "--watch", "60"]);
    let (code, text) = pressed(&watch, 20, 80, &[("public  two", " "), ("public  two", "q")]);
    assert_eq!(code, Some(0), "{text:?}");
    assert_eq!(text.matches("\u{1b}[2J").count(), 2, "{text:?}");
    let after = text.rsplit("\u{1b}[?1049l").next().unwrap();
    assert!(after.contains("every 60 s: pgkit relations") && after.contains("public  two"), "{text:?}");
}

#[test]
fn another_width_of_the_window_asks_for_another_answer() {
    let db = few("watch_width");
    let watch = with(pgkit(&db), ["sizes", "--watch", "60"]);
    let (code, text) = pressed(&watch, 20, 80, &[("public  two", "cols 40"), ("public  two", "q")]);
    assert_eq!(code, Some(0), "{text:?}");
    let frames: Vec<&str> = text.split("\u{1b}[2J").collect();
    assert_eq!(frames.len(), 3, "{text:?}");
    let rule = |frame: &str| frame.lines().map(|line| line.matches('─').count()).max().unwrap();
    assert!(rule(frames[1]) > 40 && rule(frames[2]) <= 40, "{text}");
}

#[test]
fn q_ends_a_statement_that_runs() {
    let db = few("watch_quit");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("slow.sql"),
        "SELECT 'shown', pg_sleep(CASE WHEN pg_backend_pid() > 0 THEN 30 END)::text AS s",
    )
    .unwrap();
    let mut watch = with(pgkit(&db), ["run", "slow", "--watch", "1"]);
    watch.env("PGKIT_QUERIES", folder.path());
    let start = std::time::Instant::now();
    let (code, text) = pressed(&watch, 20, 80, &[("\u{1b}[?1049h", "xq")]);
    assert_eq!(code, Some(0), "{text:?}");
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(db.value("SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pg_sleep' AND pid <> pg_backend_pid() AND state = 'active'"), "0");
}

#[test]
fn the_tour_waits_for_a_key_and_q_ends_it() {
    let db = few("tour_keys");
    let mut tour = with(pgkit(&db), ["sandbox", "tour"]);
    tour.env("PGKIT_PG_BIN", &bin().dir).env("TMPDIR", temp());
    let (code, text) = pressed(&tour, 40, 100, &[("Press any key", " "), ("Press any key", "q")]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 of 8. ") && !text.contains("3 of 8. "), "{text}");
    assert!(text.contains("The server was stopped"), "{text}");
}

#[test]
fn a_watched_answer_that_is_too_long_shows_its_head_and_how_much_more_there_is() {
    let db = few("watch_long");
    let mut command = Command::new("/usr/bin/timeout");
    command.env_clear().env("TERM", "xterm").env("PATH", "/usr/bin:/bin").env("TZ", "UTC");
    command.envs(db.info.env()).env("PGDATABASE", &db.name).env("HOME", "/nonexistent");
    command.args(["-s", "INT", "1", PGKIT, "relations", "--system", "--watch", "5"]);
    let (_, text) = on_terminal(command, 12, 80);
    let frame = text.split("\u{1b}[2J").nth(1).unwrap();
    let lines: Vec<&str> = frame.lines().collect();
    assert!(lines[0].starts_with("every 5 s: pgkit relations") && lines[2].contains("schema  "), "{frame}");
    assert!(lines[10].starts_with("... and ") && lines[10].ends_with(" more lines"), "{frame}");
}

/// A report whose rows stand under each other.
fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = "-- Who reports to whom.\n--\n-- since = 10\n\
                -- tree = { node = \"name\", parent = \"boss\", depth = \"level\", below = \"motto\" }\n\
                -- columns = [\"name text\", \"boss text\", \"level int4\", \"since_s int8\", \"motto text\"]\n\
                SELECT * FROM (VALUES ('ada', NULL, 0, 7200::int8, E'on\\x1b[31mward'), ('bob', 'ada', 1, 60, NULL), \
                ('cy', 'bob', 2, NULL, 'why not'), ('di', 'ada', 1, 5, NULL)) AS x (name, boss, level, since_s, motto)\n";
    std::fs::write(folder.path().join("staff.sql"), text).unwrap();
    folder
}

#[test]
fn a_terminal_gets_a_tree_where_there_is_one_and_a_pipe_gets_its_rows() {
    let db = few("tree");
    let folder = tree();
    let staff = |args: &[&str]| {
        let mut command = pgkit(&db);
        command.env("PGKIT_QUERIES", folder.path()).args(["run", "staff", "--color", "never"]).args(args);
        command
    };
    let drawn = "ada  since 2h 00m\n│  on\\x1b[31mward\n├─ bob  since 1m 00s\n│  └─ cy\n│        why not\n└─ di  since 5.0 s\n";
    assert_eq!(on_terminal(staff(&[]), 30, 80), (Some(0), drawn.to_owned()));
    assert_eq!(run(&mut staff(&["--format", "tree"])).stdout, drawn);
    assert_eq!(run(&mut staff(&["--format", "tree", "--limit", "2"])).lines().len(), 3);
    assert_eq!(run(&mut staff(&[])).lines()[1], "bob\tada\t1\t60\t");
    // What is no tree any more is a table again.
    for args in [&["--sort", "name"][..], &["--grep", "bob"], &["--columns", "name,since_s"]] {
        let (code, text) = on_terminal(staff(args), 30, 80);
        assert!(code == Some(0) && text.contains("───"), "{args:?} {text}");
    }
    assert_eq!(run(&mut staff(&["--format", "tree", "--columns", "name,boss,level"])).lines()[1], "├─ bob");
}

#[test]
fn a_tree_of_what_is_none_is_refused() {
    let folder = tree();
    for (args, message) in [
        (
            &["relations", "--format", "tree"][..],
            "pgkit: --format tree: cannot draw the rows of relations as a tree\n",
        ),
        (
            &["run", "staff", "--format", "tree", "--sort", "name"],
            "pgkit: --format tree cannot be used with --sort\n",
        ),
        (
            &["run", "staff", "--format", "tree", "--grep", "x"],
            "pgkit: --format tree cannot be used with --grep\n",
        ),
        (
            &["run", "staff", "--format", "tree", "--columns", "name,boss"],
            "pgkit: --format tree: missing column \"level\" in --columns\n",
        ),
    ] {
        let mut command = bare_pgkit();
        let output = run(command.env("PGHOST", "/nowhere").env("PGKIT_QUERIES", folder.path()).args(args));
        assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{}", output.snapshot());
        assert!(
            output.stderr.starts_with(message) && output.stderr.contains("\nhint: "),
            "{}",
            output.stderr
        );
    }
}

/// Commands that print rows, for a database with the large catalog and some jobs.
const ANSWERS: &[&str] = &[
    "relations",
    "relations pg_catalog.* --system",
    "functions",
    "functions --system --limit 300",
    "find e",
    "sizes",
    "sizes --group-partitions",
    "sizes --estimate",
    "sizes --all-databases --limit 300",
    "locks demo --hold 50ms",
    "locks cancel 2147483647",
    "log path",
    "bench a=SELECT%201 b=SELECT%202 --runs 3",
    "bench a=SELECT%201 b=SELECT%202 --runs 3 --pairs",
    "jobs check",
    "jobs list",
    "jobs next",
    "jobs why",
    "jobs status",
    "jobs history",
    "jobs ghosts",
    "upgrade-check --to 19",
    "run --list",
];

#[test]
fn every_answer_fits_its_terminal_and_is_no_list_of_lines_upright() {
    let server = own_server(&options(bin()));
    let db = Db::existing(server.info(), "postgres");
    filled::fill(&db, bin().major, 200);
    let folder = tempfile::tempdir().unwrap();
    let jobs = folder.path().join("jobs.toml");
    let user = if nix::unistd::geteuid().is_root() { "user = \"root\"\n" } else { "" };
    let text = "[[job]]\nname = \"a job with a long name, and more\"\nevery = \"1d\"\nsql = \"SELECT 1\"\n\
                [[job]]\nname = \"bad\"\nevery = \"1d\"\nsql = \"SELECT 1 / 0 AS a_column_with_quite_a_long_name_of_its_own\"\n";
    std::fs::write(&jobs, format!("{user}{text}")).unwrap();
    for (line, code) in [("jobs init", 0), ("jobs run", 0), ("jobs run bad --force", 1)] {
        let done = run(pgkit(&db).env("PGKIT_JOBS", &jobs).args(line.split(' ')));
        assert_eq!(done.code, Some(code), "{line}: {}", done.snapshot());
    }
    for line in ANSWERS {
        for width in [80, 60, 40] {
            let words: Vec<String> = line.split(' ').map(|word| word.replace("%20", " ")).collect();
            // Only stdout is checked.
            let command = pgkit(&db);
            let mut shell = Command::new("sh");
            shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            shell
                .env("PGKIT_JOBS", &jobs)
                .env("PGKIT_PAGER", "")
                .arg("-c")
                .arg("exec \"$@\" 2>/dev/null")
                .arg("sh");
            shell.arg(command.get_program()).args(words);
            let (code, shown) = on_terminal(shell, 50, width);
            assert!(matches!(code, Some(0 | 1)), "{line} at {width}: {code:?}\n{shown}");
            assert!(!shown.contains("-[ 1 ]"), "{line} at {width}:\n{shown}");
            for one in shown.lines() {
                let is_wide = unicode_width::UnicodeWidthStr::width(one) > usize::from(width);
                // Commands and SQL stay on one line, so that they can be pasted.
                let is_to_paste = one.starts_with("       fix  ") || one.starts_with("       sql  ");
                assert!(!is_wide || is_to_paste, "{line} at {width}: {one:?}");
            }
        }
    }
}

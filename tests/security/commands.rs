//! Every command of pgkit, with arguments that make it do its actual work. The test fails if a command is missing
//! from this list.

use std::collections::BTreeSet;
use std::process::Command;

use clap::Command as Tree;

use crate::support::*;

/// The arguments of a command, and the exit codes that it may end with after doing its work.
pub struct Line {
    pub args: &'static [&'static str],
    pub codes: &'static [i32],
}

const fn line(args: &'static [&'static str], codes: &'static [i32]) -> Line {
    Line { args, codes }
}

/// The commands that connect to the user's server. Commands that create what others need, such as the jobs' tables,
/// come first.
const LINES: &[Line] = &[
    line(&["relations"], &[0]),
    line(&["relations", "--visible"], &[0]),
    line(&["relations", "pg_catalog.*", "--system", "--kind", "view"], &[0]),
    line(&["functions", "--visible"], &[0]),
    line(&["functions", "--system", "--limit", "20"], &[0]),
    line(&["find", "crontab"], &[0]),
    line(&["find", "--regex", "^a"], &[0]),
    line(&["find"], &[0]),
    line(&["sizes"], &[0]),
    line(&["sizes", "--estimate"], &[0]),
    line(&["sizes", "--group-partitions"], &[0]),
    line(&["sizes", "--all-databases"], &[0]),
    line(&["sizes", "--sql"], &[0]),
    line(&["relations", "--visible", "--sql"], &[0]),
    line(&["describe", "crontab*"], &[0]),
    line(&["describe", "--system", "now"], &[0]),
    line(&["waits", "--for", "20ms", "--interval", "10ms"], &[0]),
    line(&["cancel", "--user", "nobody", "--yes"], &[0]),
    line(&["terminate", "--longer-than", "24h", "--yes"], &[0]),
    line(&["locks"], &[0]),
    line(&["locks", "--all"], &[0]),
    line(&["locks", "demo"], &[0]),
    line(&["locks", "cancel", "2147483647"], &[1]),
    line(&["locks", "terminate", "2147483647", "--yes"], &[1]),
    line(&["log", "status"], &[0]),
    line(&["log", "path"], &[0]),
    line(&["log", "on", "--for", "1h"], &[0]),
    line(&["log", "status"], &[0]),
    line(&["log", "tail", "-n", "5"], &[0]),
    line(&["log", "report"], &[0]),
    line(&["log", "off"], &[0]),
    line(&["log", "grants"], &[0]),
    line(&["snapshot", "roles", "sizes", "--redact", "--exclude-database", "*", "-o", "/dev/null"], &[0]),
    line(&["bench", "a=SELECT 1", "b=SELECT 2", "--runs", "3"], &[0]),
    line(&["jobs", "init", "--schema", "ops"], &[0]),
    line(&["jobs", "upgrade"], &[0]),
    line(&["jobs", "check"], &[0]),
    line(&["jobs", "list"], &[0]),
    line(&["jobs", "next"], &[0]),
    line(&["jobs", "why", "sql"], &[0]),
    line(&["jobs", "run", "--dry-run"], &[0]),
    line(&["jobs", "run", "--force", "sql", "program"], &[0]),
    line(&["jobs", "run"], &[0]),
    line(&["jobs", "status"], &[0, 1]),
    line(&["jobs", "status", "--nagios"], &[0, 1, 2]),
    line(&["jobs", "status", "--prometheus"], &[0, 1]),
    line(&["jobs", "runners"], &[0]),
    line(&["jobs", "history", "--output"], &[0]),
    line(&["jobs", "history", "--follow", "--limit", "1"], &[0]),
    line(&["jobs", "output", "program"], &[0]),
    line(&["jobs", "timeline"], &[0]),
    line(&["jobs", "ghosts"], &[0]),
    line(&["jobs", "pause", "sql"], &[0]),
    line(&["jobs", "resume", "sql"], &[0]),
    line(&["jobs", "guard", "install"], &[0]),
    line(&["jobs", "guard", "status"], &[0]),
    line(&["jobs", "run", "--force", "sql"], &[0]),
    line(&["jobs", "guard", "remove"], &[0]),
    line(&["jobs", "unlock", "sql"], &[0]),
    line(&["jobs", "reset", "sql"], &[0]),
    line(&["jobs", "run", "--force", "own_path"], &[0]),
    line(&["run", "--list"], &[0]),
    line(&["run", "own"], &[0]),
    // What is planted may be found.
    line(&["doctor"], &[0, 1]),
    line(&["doctor", "--lint", "--deep", "--for", "1s"], &[0, 1]),
];

/// The lines of every command: those above, and one for each report that they leave out.
pub fn lines() -> Vec<Line> {
    let words = |report: &pgkit::report::Report| -> &'static [&'static str] {
        let name: &'static str = report.name.clone().leak();
        // A report with a required argument must be among those above.
        vec![name].leak()
    };
    let reports = server_reports();
    let others = reports.iter().filter(|report| !LINES.iter().any(|line| line.args[0] == report.name));
    let others = others.map(|report| Line {
        args: words(report),
        // 76: the extension is not installed.
        codes: if needs_extension(report) { &[76] } else { &[0] },
    });
    let mut all: Vec<Line> = others.collect();
    all.extend(LINES.iter().map(|line| Line { args: line.args, codes: line.codes }));
    all
}

/// Commands that do not connect to the user's server, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("snapshot show", "reads a file"),
    ("config check", "reads a file"),
    ("config show", "reads a file"),
    ("completions", "prints a script"),
    ("man", "prints a page"),
    ("sandbox tour", "connects to its own server"),
    ("sandbox run", "connects to its own server"),
    ("sandbox start", "connects to its own server"),
    ("sandbox stop", "connects to its own server"),
    ("sandbox status", "connects to its own server"),
    ("bench demo", "connects to its own server"),
    ("pools", "asks PgBouncer, which has no catalogs"),
    ("upgrade-check", "has a test of its own, for it asks for every database"),
];

fn leaves(tree: &Tree, path: &str, out: &mut BTreeSet<String>) {
    let subs: Vec<&Tree> = tree.get_subcommands().collect();
    if subs.is_empty() || !tree.is_subcommand_required_set() && !path.is_empty() {
        out.insert(path.to_owned());
    }
    for sub in subs {
        let name =
            if path.is_empty() { sub.get_name().to_owned() } else { format!("{path} {}", sub.get_name()) };
        leaves(sub, &name, out);
    }
}

#[test]
fn every_command_is_tried_on_planted_databases() {
    let reports = pgkit::report::built_in(|_| true).unwrap();
    let mut all = BTreeSet::new();
    leaves(&pgkit::commands::tree::tree(&reports, &Vec::new()), "", &mut all);
    let words = |args: &[&str]| args.join(" ");
    let missing: Vec<&String> = all
        .iter()
        .filter(|path| {
            let is_it = |line: &str| line == path.as_str() || line.starts_with(&format!("{path} "));
            !lines().iter().any(|line| is_it(&words(line.args)))
                && !ELSEWHERE.iter().any(|(name, _)| name == path)
        })
        .collect();
    assert!(missing.is_empty(), "not tried: {missing:?}");
}

/// The jobs file that the commands in [`lines`] use.
pub const JOBS: &str = "
[[job]]
name = \"sql\"
every = \"1d\"
sql = \"SELECT pg_catalog.length('text'), $1\"

[[job]]
name = \"program\"
every = \"1d\"
command = [\"true\"]

[[job]]
name = \"own_path\"
every = \"1d\"
sql = \"CREATE TABLE IF NOT EXISTS public.path_of_jobs (path pg_catalog.text); INSERT INTO public.path_of_jobs SELECT pg_catalog.current_setting('search_path')\"
";

/// Creates a folder with that jobs file and a report of the user's own.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let user = if nix::unistd::geteuid().is_root() { "user = \"root\"\n" } else { "" };
    std::fs::write(folder.path().join("jobs.toml"), format!("{user}{JOBS}")).unwrap();
    let own = "-- One's own.\n--\n-- since = 10\n-- columns = [\"n int8\", \"t text\"]\nSELECT 1::int8 AS n, 'x'::text || 'y' AS t\n";
    std::fs::write(folder.path().join("own.sql"), own).unwrap();
    folder
}

/// The command of a line, to be run in that folder.
pub fn command(db: &Db, folder: &std::path::Path, line: &Line) -> Command {
    let mut command = pgkit(db);
    command
        .current_dir(folder)
        .env("PGKIT_JOBS", folder.join("jobs.toml"))
        .env("PGKIT_QUERIES", folder)
        .env("XDG_STATE_HOME", folder)
        .args(line.args);
    command
}

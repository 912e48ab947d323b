//! Handles the command line as people type it: rearranges words that clap would reject although their meaning is
//! clear, and has hints for unknown commands.

use std::ffi::OsString;

use clap::{Args, Command};

use crate::commands::args::OutputArgs;
use crate::likeness::nearest;

/// Names of commands in other tools, among them all of pg-extras', with the hint that names the equivalent in pgkit. A
/// `_` in a name is written as `-`.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["table", "views", "ls", "list", "dt", "dv", "dm", "det", "d"],
        "list them with pgkit relations; add --kind table for tables only",
    ),
    (&["df", "procs", "procedures"], "list them with pgkit functions"),
    (
        &["d+", "sf", "sv", "show", "desc", "schema", "table-schema", "table-schemas"],
        "show one with all about it: pgkit describe NAME",
    ),
    (
        &[
            "size",
            "du",
            "weight",
            "table-size",
            "index-size",
            "total-index-size",
            "total-table-size",
            "table-indexes-size",
        ],
        "show the size of tables, with their indexes and TOAST: pgkit sizes",
    ),
    (&["grep", "search", "rg", "dd"], "search everywhere for a text with pgkit find"),
    (
        &["ps", "top", "who", "sessions", "processes", "psa"],
        "show what each session does with pgkit activity; add --watch 1 to repeat it",
    ),
    (&["long-running-queries", "long-running", "slow", "running"], "pgkit activity --longer-than 5m"),
    (&["idle", "idle-in-transaction", "idle-in-transactions"], "pgkit activity --idle-in-transaction"),
    (&["blocking", "blockers", "deadlocks", "wait"], "show who waits for whom with pgkit locks"),
    (&["all-locks", "lock"], "pgkit locks --all"),
    (
        &["kill", "kill-pid", "kill-all"],
        "pgkit terminate PID, or pgkit terminate with the filters of pgkit activity",
    ),
    (&["user-connections", "clients", "backends"], "pgkit connections"),
    (
        &["pgbouncer", "pooler", "pool", "show-pools"],
        "show the pools of a PgBouncer with pgkit pools -h HOST -p 6432",
    ),
    (&["vacuum-progress", "index-progress"], "pgkit progress"),
    (&["prepared-transactions", "prepared-xacts", "twophase"], "pgkit prepared"),
    (&["wait-events", "ash"], "pgkit waits --for 10s"),
    (
        &[
            "calls",
            "calls-legacy",
            "outliers",
            "outliers-legacy",
            "slow-queries",
            "top-queries",
            "pg-stat-statements",
            "queries",
        ],
        "pgkit statements; add --by calls to order them by calls",
    ),
    (
        &["pg-stat-statements-reset"],
        "reset them with SELECT pg_stat_statements_reset(); pgkit statements shows them",
    ),
    (&["cache-hit", "hit-ratio", "table-cache-hit", "index-cache-hit"], "pgkit cache"),
    (&["buffercache", "buffercache-stats", "buffercache-usage", "shared-buffers"], "pgkit buffers"),
    (
        &[
            "unused",
            "unused-indexes",
            "duplicate-indexes",
            "duplicates",
            "missing-indexes",
            "missing-fk-indexes",
            "invalid-indexes",
            "null-indexes",
        ],
        "pgkit index-problems",
    ),
    (&["index", "di", "index-usage", "index-scans", "index-info", "table-index-scans"], "pgkit indexes"),
    (&["seq-scans", "table-info", "records-rank", "stat-tables", "dead-rows"], "pgkit tables"),
    (
        &["vacuum-stats", "autovacuum", "wraparound", "xid", "freeze", "horizon"],
        "pgkit vacuum; how far each table is from its next vacuum: pgkit tables",
    ),
    (
        &["foreign-keys", "table-foreign-keys", "missing-fk-constraints", "constraints"],
        "pgkit describe NAME shows a table's keys in both directions, pgkit index-problems those without an index",
    ),
    (&["ds", "serial"], "pgkit sequences"),
    (&["primary-keys", "missing-primary-keys", "no-pk", "pk"], "pgkit no-key"),
    (&["db-settings", "guc", "parameters", "hba", "dconfig", "drds"], "pgkit settings"),
    (&["add-extensions", "dx"], "pgkit extensions --available"),
    (&["ssl-used", "ssl"], "pgkit connections, and pgkit exposed for what may come in unencrypted"),
    (&["diagnose", "check", "health"], "begin with pgkit activity, pgkit locks and pgkit vacuum"),
    (&["lag", "standby", "slots", "replicas", "subscriptions", "drp", "drs"], "pgkit replication"),
    (&["bgwriter", "checkpoint"], "pgkit checkpoints"),
    (&["archiver", "archive"], "pgkit wal"),
    (&["privileges", "permissions", "acl", "dp", "ddp", "z"], "pgkit grants"),
    (&["users", "\\du", "du+", "dg", "role"], "pgkit roles"),
    (&["security", "audit"], "pgkit exposed"),
    (&["database", "dbs", "l"], "pgkit databases"),
    (&["dn"], "pgkit schemas"),
    (&["db"], "pgkit tablespaces"),
    (&["tempfiles", "temp-files"], "pgkit temp"),
    (&["column", "fields"], "pgkit columns"),
    (
        &["cron", "job", "schedule", "crontabber"],
        "run them with pgkit jobs; list its commands with pgkit jobs --help",
    ),
    (&["logs", "tail", "badger"], "read the server's log with pgkit log tail"),
    (&["benchmark", "compare", "pgbench"], "measure two ways to fetch the same data with pgkit bench"),
    (&["upgrade", "pg-upgrade"], "show what would stop pg_upgrade with pgkit upgrade-check"),
    (&["tour", "demo", "try", "mandelbrot"], "see everything on a throwaway server with pgkit sandbox tour"),
];

/// Rearranges the words into an order that clap accepts: `help COMMAND` becomes `COMMAND --help`, `-h` alone becomes
/// `--help`, output flags before a report's name move behind it, and `--from -,FILE` becomes one word.
pub fn arranged(mut args: Vec<OsString>, tree: &Command) -> Vec<OsString> {
    // A list that begins with stdin would be taken for a flag.
    let is_list = |word: &OsString| word.to_str().is_some_and(|word| word.starts_with("-,"));
    if let Some(at) = (1..args.len()).find(|&at| args[at - 1] == "--from" && is_list(&args[at])) {
        let list = args.remove(at);
        args[at - 1].push("=");
        args[at - 1].push(list);
    }
    let texts: Vec<&str> = args.iter().skip(1).map(|word| word.to_str().unwrap_or_default()).collect();
    match texts.as_slice() {
        ["-h"] => args[1] = "--help".into(),
        ["help", ..] => {
            args.remove(1);
            args.push("--help".into());
        }
        _ => {
            if let Some(order) = order(&texts, tree) {
                let mut taken: Vec<Option<OsString>> = args.drain(1..).map(Some).collect();
                args.extend(order.into_iter().filter_map(|i| taken[i].take()));
            }
        }
    }
    args
}

/// Returns whether a flag of this command takes the next word as its value; `None` if the command has no such flag.
fn takes_value(command: &Command, word: &str) -> Option<bool> {
    let (name, has_value) = word.split_once('=').map_or((word, false), |(name, _)| (name, true));
    let arg = command.get_arguments().find(|arg| match name.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => name.chars().count() == 2 && arg.get_short() == name.chars().nth(1),
    })?;
    Some(!has_value && arg.get_action().takes_values())
}

/// Returns whether a word consists of short flags, and this is one of them.
pub fn has_short(word: &str, flag: char) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(flag)
}

/// Replaces the values of flags that are also names of commands, in a command line whose last word is to be completed. clap would
/// take such a value for the command.
pub fn without_names_as_values(mut words: Vec<String>, tree: &Command) -> Vec<String> {
    let mut command = tree;
    let mut at = 1;
    while at + 1 < words.len() {
        let word = words[at].as_str();
        if word.starts_with('-') && takes_value(command, word) == Some(true) {
            at += 1;
            if at + 1 < words.len() && command.find_subcommand(&words[at]).is_some() {
                words[at] = "VALUE".to_owned();
            }
        } else if let Some(below) = command.find_subcommand(word) {
            command = below;
        }
        at += 1;
    }
    words
}

/// Drops the flags of the connection before `help`, which connects to nothing.
pub fn help_first(mut args: Vec<OsString>, tree: &Command) -> Vec<OsString> {
    let mut at = 1;
    while let Some(word) =
        args.get(at).and_then(|word| word.to_str()).filter(|word| word.starts_with('-') && word.len() > 1)
    {
        match takes_value(tree, word) {
            Some(with_value) => at += 1 + usize::from(with_value),
            None => return args,
        }
    }
    if args.get(at).is_some_and(|word| word == "help") {
        args.drain(1..at);
    }
    args
}

/// Returns the indexes of the words in the new order, in which output flags move from before the command and its
/// subcommands to behind them. `None` if there is nothing to move, or if an unknown flag makes it unclear which word is the command.
fn order(texts: &[&str], tree: &Command) -> Option<Vec<usize>> {
    let output = OutputArgs::augment_args(Command::new(""));
    let mut before = Vec::new();
    let mut moved = Vec::new();
    let mut at = 0;
    while let Some(word) = texts.get(at).filter(|word| word.starts_with('-') && word.len() > 1) {
        let (list, with_value) = match (takes_value(tree, word), takes_value(&output, word)) {
            (Some(with_value), _) => (&mut before, with_value),
            (None, Some(with_value)) => (&mut moved, with_value),
            (None, None) => return None,
        };
        list.push(at);
        if with_value {
            list.push(at + 1);
        }
        at += 1 + usize::from(with_value);
    }
    if moved.is_empty() || at >= texts.len() {
        return None;
    }
    before.push(at);
    let mut command = tree.find_subcommand(texts[at]);
    while let Some(below) = command.and_then(|command| command.find_subcommand(texts.get(at + 1)?)) {
        command = Some(below);
        at += 1;
        before.push(at);
    }
    before.extend(moved);
    before.extend(at + 1..texts.len());
    Some(before)
}

/// Returns the hint for an unknown command.
pub fn hint(word: &str, tree: &Command) -> Option<String> {
    let typed = word.to_lowercase().replace('_', "-");
    // psql's `\d+` leads where `d+` does, if its backslash makes no difference.
    let word = typed.trim_start_matches('\\').to_owned();
    let is_root = tree.get_name() == "pgkit";
    for word in [typed.trim_end_matches('+'), word.as_str(), word.trim_end_matches('+')] {
        if let Some((_, hint)) = ELSEWHERE.iter().find(|(words, _)| is_root && words.contains(&word)) {
            return Some((*hint).to_owned());
        }
    }
    let names = || tree.get_subcommands().map(Command::get_name);
    let begun = names().find(|name| word.len() > 1 && name.starts_with(&word));
    let meant = begun.or_else(|| nearest(&word, names(), 0.75))?;
    Some(format!("did you mean {meant:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Command {
        crate::commands::tree::tree(&crate::report::built_in(|_| true).unwrap(), &Vec::new())
    }

    #[test]
    fn flags_of_the_output_may_stand_before_the_command() {
        let tree = tree();
        for (typed, meant) in [
            ("pgkit --json sizes", "pgkit sizes --json"),
            ("pgkit -h db --limit 3 -d x --csv sizes a b", "pgkit -h db -d x sizes --limit 3 --csv a b"),
            ("pgkit --format=tsv -E find x", "pgkit find --format=tsv -E x"),
            ("pgkit -h db sizes --json", "pgkit -h db sizes --json"),
            ("pgkit -q --format json jobs list x", "pgkit jobs list -q --format json x"),
            ("pgkit --nonsense sizes", "pgkit --nonsense sizes"),
            ("pgkit --limit", "pgkit --limit"),
            ("pgkit sizes", "pgkit sizes"),
            ("pgkit -h", "pgkit --help"),
            ("pgkit help", "pgkit --help"),
            ("pgkit help jobs run", "pgkit jobs run --help"),
        ] {
            let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(arranged(words(typed), &tree), words(meant), "{typed}");
        }
    }

    #[test]
    fn a_value_is_not_taken_for_a_command_by_whoever_completes() {
        for (typed, passed) in [
            ("pgkit -d jobs si", "pgkit -d VALUE si"),
            ("pgkit -d jobs --service run jobs out", "pgkit -d VALUE --service VALUE jobs out"),
            ("pgkit --dbname=jobs si", "pgkit --dbname=jobs si"),
            ("pgkit jobs --file run li", "pgkit jobs --file VALUE li"),
            ("pgkit -d log jobs status --na", "pgkit -d VALUE jobs status --na"),
            ("pgkit -d w jobs run jobs", "pgkit -d w jobs run jobs"),
            ("pgkit -d jobs", "pgkit -d jobs"),
        ] {
            let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(without_names_as_values(words(typed), &tree()), words(passed), "{typed}");
        }
    }

    #[test]
    fn help_may_stand_behind_flags_of_the_connection() {
        for (typed, meant) in [
            ("pgkit -p 5 -h x help", "pgkit help"),
            ("pgkit --port=5 help space", "pgkit help space"),
            ("pgkit -p help", "pgkit -p help"),
            ("pgkit -d help sizes", "pgkit -d help sizes"),
            ("pgkit find help", "pgkit find help"),
            ("pgkit", "pgkit"),
        ] {
            let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(help_first(words(typed), &tree()), words(meant), "{typed}");
        }
    }

    #[test]
    fn a_command_that_there_is_not_is_answered_with_one_that_there_is() {
        let tree = tree();
        assert_eq!(hint("relation", &tree).as_deref(), Some("did you mean \"relations\"?"));
        assert_eq!(hint("szies", &tree).as_deref(), Some("did you mean \"sizes\"?"));
        assert_eq!(hint("xyzzy", &tree), None);
        assert_eq!(hint("\\du+", &tree).as_deref(), Some("pgkit roles"));
        // psql's commands, with the backslash and with the + for more.
        for psql in [
            "\\d",
            "\\d+",
            "\\dt+",
            "\\di",
            "\\ds",
            "\\df+",
            "\\du",
            "\\dn+",
            "\\l+",
            "\\dx",
            "\\z",
            "\\db",
            "\\dp",
            "\\dRp",
            "\\sf",
            "\\dconfig",
        ] {
            assert!(hint(psql, &tree).is_some_and(|hint| hint.contains("pgkit ")), "{psql}");
        }
        for (words, hint) in ELSEWHERE {
            for word in *words {
                assert!(tree.find_subcommand(word).is_none(), "{word} is a command by now");
            }
            let commands: Vec<&str> = hint.split("pgkit ").skip(1).collect();
            assert!(!commands.is_empty(), "{hint}");
            for rest in commands {
                let named = rest.split([' ', ';', ',', ':']).next().unwrap();
                assert!(tree.find_subcommand(named).is_some(), "{hint}");
            }
        }
    }
}

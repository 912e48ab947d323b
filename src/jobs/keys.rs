//! The keys of a jobs file. Files are checked against this table; `jobs check --keys`, the example of `jobs init` and the
//! reference in `docs/jobs.md` are printed from it.

use std::sync::LazyLock;

/// Where a key may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the top of the file, before any table.
    Top,
    /// In a job.
    Job,
    /// In a job, and in `[defaults]` for all jobs.
    Shared,
}

impl Place {
    /// Returns a description of the place.
    pub const fn words(self) -> &'static str {
        match self {
            Top => "top of the file",
            Job => "job",
            Shared => "job, [defaults]",
        }
    }
}

/// A key of a jobs file.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Where it may stand.
    pub place: Place,
    /// A value as it is written in the file.
    pub example: &'static str,
    /// The default, as it is written in the file; empty if there is none.
    pub default: &'static str,
    /// What it does, as Markdown in one line.
    pub help: &'static str,
}

const fn key(
    name: &'static str,
    place: Place,
    example: &'static str,
    default: &'static str,
    help: &'static str,
) -> Key {
    Key { name, place, example, default, help }
}

use Place::{Job, Shared, Top};

/// All keys, in the order in which they are documented.
pub const KEYS: &[Key] = &[
    key(
        "owner",
        Top,
        "\"ops\"",
        "",
        "the role that owns the tables, if it is neither the role that connects nor a superuser",
    ),
    key(
        "user",
        Top,
        "\"nobody\"",
        "",
        "the user that programs run as: required if root runs pgkit, refused otherwise",
    ),
    key(
        "include",
        Top,
        "\"jobs.d/*.toml\"",
        "",
        "further files with jobs, or a list of them; `*`, `?`, `[…]` and `**` mean what they mean to a shell. A relative path starts at the folder of this file. Each file must be as safe as this one. Its own `[defaults]` come before those of this file; it has no other tables and no keys at the top",
    ),
    key(
        "pools",
        Top,
        "{ reports = 2 }",
        "",
        "how many jobs of each pool run at once, on all machines together",
    ),
    key("name", Job, "\"rollup\"", "", "the job's name, which is `app_name` in crontabber's tables"),
    key(
        "schedule",
        Job,
        "\"1d|05:00\"",
        "",
        "crontabber's own notation and arithmetic, to the letter: this long after the last run, at this time in UTC",
    ),
    key(
        "every",
        Job,
        "\"1d\"",
        "",
        "a grid: seconds, minutes and hours (`s`, `m`, `h`) count from the epoch, days and weeks (`d`, `w`) from a Monday in `timezone`. It does not drift, and a late, forced or retried run never swallows the next one",
    ),
    key(
        "at",
        Job,
        "\"05:00\"",
        "\"00:00\"",
        "with `every` in days or weeks: the time of day in `timezone`. One that the clocks skip runs at the first valid instant, one that occurs twice runs once",
    ),
    key("anchor", Job, "\"6h\"", "", "with `every`: how far the grid is shifted"),
    key(
        "cron",
        Job,
        "\"*/15 * * * *\"",
        "",
        "cron's five fields, in `timezone`, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`",
    ),
    key(
        "sql",
        Job,
        "\"SELECT rollup($1)\"",
        "",
        "SQL to run, in one transaction with its record unless `transaction` or `database` says otherwise; `$1`, if it is used, is the date as timestamptz",
    ),
    key(
        "command",
        Job,
        "[\"./import.sh\", \"{date}\"]",
        "",
        "the program to run: a list is a program and its arguments, a string goes through `sh -c`; `{date}` is the run's date. The program gets `PGKIT_JOB`, `PGKIT_RUN_DATE`, `PGKIT_ATTEMPT`, `PGKIT_BACKFILL`, `PGKIT_CLAIM` and `PGAPPNAME`",
    ),
    key(
        "depends_on",
        Shared,
        "[\"import\"]",
        "[]",
        "the job runs when these jobs are done: each of them has run, did not fail the last time, and is not due itself",
    ),
    key("backfill", Shared, "true", "false", "one run for each date, missed ones included, in order"),
    key(
        "catch_up",
        Shared,
        "\"last\"",
        "\"all\"",
        "with `backfill`: which of the missed dates run: `\"all\"`, the `\"last\"` or `\"none\"` (a date is missed when it is late by more than 10 minutes, or a tenth of the time between two dates if that is longer)",
    ),
    key("max_backfill", Shared, "100", "", "with `backfill`: how many dates run in one pass"),
    key("timezone", Shared, "\"Europe/Berlin\"", "\"UTC\"", "the time zone of `at` and `cron`"),
    key(
        "jitter",
        Shared,
        "\"30s\"",
        "",
        "with `every` and `cron`: each date starts late by a part of this time, which is the same on all machines and depends on the job's name and the date",
    ),
    key(
        "start_limit",
        Shared,
        "\"1h\"",
        "",
        "without `backfill`: a run that could not start within this time after its date is left out and recorded as `missed`; the next one is that of the next date",
    ),
    key(
        "priority",
        Shared,
        "10",
        "0",
        "of the jobs that are due and wait for no other, those with the higher number start first",
    ),
    key(
        "pool",
        Shared,
        "\"reports\"",
        "",
        "the pool that the job belongs to; `pools` says how many of its jobs run at once",
    ),
    key(
        "retry_limit",
        Shared,
        "3",
        "",
        "how often in a row a failed job is tried again before its next date; then it waits for that",
    ),
    key(
        "retry_after",
        Shared,
        "\"1m..1h\"",
        "\"5m\"",
        "how long after a failure the job is tried again; with two times, the wait begins with the first and doubles with each failure in a row up to the second",
    ),
    key(
        "on_crash",
        Shared,
        "\"hold\"",
        "\"retry\"",
        "what happens to a date that was cut off: `\"retry\"`, or `\"hold\"` until `jobs unlock`. SQL in one transaction with its record always runs again, because nothing of it is left",
    ),
    key(
        "timeout",
        Shared,
        "\"1h\"",
        "",
        "after this time TERM goes to the whole process tree, and KILL follows after `kill_after`",
    ),
    key("kill_after", Shared, "\"10s\"", "\"10s\"", "how long after TERM what is left is killed"),
    key("lease", Shared, "\"10s\"", "\"10s\"", "how long a program lives without its server (3s to 1h)"),
    key(
        "contain",
        Shared,
        "\"strict\"",
        "\"auto\"",
        "whether the program's processes are contained: `\"auto\"`, `\"strict\"` or `\"none\"`; see [Contained programs](#contained-programs)",
    ),
    key(
        "environment",
        Shared,
        "{ LANG = \"C\" }",
        "",
        "variables that are added to the program's environment",
    ),
    key(
        "pass_environment",
        Shared,
        "[\"PGPASSWORD\"]",
        "[]",
        "further variables of pgkit's environment that the job's programs inherit",
    ),
    key(
        "directory",
        Shared,
        "\"/srv/import\"",
        "",
        "the program's working directory; without it, the folder of the jobs file",
    ),
    key(
        "transaction",
        Shared,
        "false",
        "true",
        "`false` for VACUUM, CREATE INDEX CONCURRENTLY and procedures that commit: the SQL then runs at least once per date",
    ),
    key(
        "role",
        Shared,
        "\"reporter\"",
        "",
        "the role that the job's SQL runs as (`SET ROLE`). It prevents mistakes, not attacks: a function can say RESET ROLE",
    ),
    key(
        "database",
        Shared,
        "\"reporting\"",
        "",
        "another database of the same server, in which the job's SQL runs: in a transaction of its own, which is not that of its record, and so at least once per date. The role that connects must be allowed to connect there too",
    ),
    key(
        "on_failure",
        Shared,
        "{ command = [\"./notify.sh\"], timeout = \"20s\" }",
        "",
        "what to do when the job begins to fail: `{ command = …, timeout = \"60s\" }` or `{ notify = \"channel\" }`. The command gets `PGKIT_JOB`, `PGKIT_RUN_DATE`, `PGKIT_STATE` (`failing`, `recovered`), `PGKIT_ERROR_TYPE`, `PGKIT_ERROR_VALUE` and `PGKIT_ERROR_COUNT`. It runs beside the jobs, at most four such commands at once, is killed with a warning after its `timeout` (60s), and gets 3 s when pgkit is told to stop. `docs/examples` has commands for Slack, mail and PagerDuty. A value longer than 32 KiB is cut and says so at its end; it is data, so quote it",
    ),
    key(
        "on_recovery",
        Shared,
        "{ notify = \"jobs\" }",
        "",
        "what to do when the job succeeds again after failures, or after an alarm of `on_overdue`, as in `on_failure`. For a job that was both failing and overdue or stale, it may run twice",
    ),
    key(
        "on_overdue",
        Shared,
        "{ command = [\"./notify.sh\"] }",
        "",
        "what to do when the job becomes overdue, or stale (`max_age`), as in `on_failure`, with `overdue` or `stale` as `PGKIT_STATE` and the reason in `PGKIT_ERROR_VALUE`. `PGKIT_SINCE` is since when it is due, or when it last succeeded, and `PGKIT_WAITS_FOR` what an overdue job waits for. Of all runners one does so, once, and again only after the job was well in between. See [Overdue jobs](#overdue-jobs)",
    ),
    key(
        "max_age",
        Shared,
        "\"26h\"",
        "",
        "how long ago the last success may be: after that, `jobs status` reports the job as `stale`, which is critical",
    ),
    key(
        "max_duration",
        Shared,
        "\"1h\"",
        "",
        "how long a run may take: after that, `jobs status` reports it as critical; it goes on running",
    ),
    key(
        "keep_history",
        Shared,
        "\"90d\"",
        "",
        "how long attempts and log rows are kept: older ones are deleted, but what was done stays done",
    ),
    key("keep", Shared, "\"90d\"", "", "another name for `keep_history`; a table can have only one of them"),
    key("max_ongoing_age", Shared, "\"12h\"", "\"12h\"", "how old a claim of a real crontabber may become"),
    key("class", Shared, "\"jobs.Rollup\"", "", "what `--nagios` prints in parentheses"),
];

/// Returns the main name of a key that has two names; of any other key, its only name.
pub fn meant(name: &str) -> &str {
    match name {
        "keep" => "keep_history",
        name => name,
    }
}

/// Returns the names of the keys that may stand in one of these places.
pub fn names(places: &[Place]) -> Vec<&'static str> {
    KEYS.iter().filter(|key| places.contains(&key.place)).map(|key| key.name).collect()
}

/// Returns the names of the keys that may stand in a job.
pub fn of_jobs() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| names(&[Job, Shared]));
    &NAMES
}

/// Returns all keys as comments of a jobs file, wrapped at this many columns.
pub fn comments(width: usize) -> String {
    let mut out = String::new();
    for (title, places) in [
        ("At the top of the file:", &[Top][..]),
        ("In a job:", &[Job]),
        ("In a job, and in [defaults] for all jobs:", &[Shared]),
    ] {
        out.push_str(&format!("#\n# {title}\n"));
        for key in KEYS.iter().filter(|key| places.contains(&key.place)) {
            out.push_str(&format!("#   {} = {}\n", key.name, key.example));
            let default =
                if key.default.is_empty() { String::new() } else { format!(" [default: {}]", key.default) };
            // A comment is plain text, without Markdown's links and backquotes.
            let help =
                key.help.replace("see [Contained programs](#contained-programs)", "see pgkit man jobs");
            let help = help.replace("See [Overdue jobs](#overdue-jobs)", "See pgkit man jobs");
            let text = format!("{}{default}", help.replace('`', ""));
            let mut line = "#      ".to_owned();
            for word in text.split_whitespace() {
                if line.chars().count() + 1 + word.chars().count() > width {
                    out.push_str(&line);
                    out.push('\n');
                    line = "#      ".to_owned();
                }
                line.push(' ');
                line.push_str(word);
            }
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::file;

    #[test]
    fn every_key_is_read_with_its_example_and_means_its_default_where_it_is_absent() {
        // What else a job needs for the key to have a place.
        let with = |name: &str| match name {
            "anchor" => "every = \"1h\"\nsql = \"SELECT 1\"",
            "at" => "every = \"1d\"\nsql = \"SELECT 1\"",
            "schedule" | "every" | "cron" => "sql = \"SELECT 1\"",
            "command" | "environment" | "directory" => "every = \"1h\"\ncommand = \"true\"",
            "catch_up" | "max_backfill" => "every = \"1h\"\nbackfill = true\nsql = \"SELECT 1\"",
            "sql" => "every = \"1h\"",
            _ => "every = \"1h\"\nsql = \"SELECT 1\"",
        };
        for key in KEYS {
            let (name, rest) = (key.name, with(key.name));
            let rest = rest.lines().filter(|line| !line.starts_with(&format!("{name} ")));
            let rest = rest.collect::<Vec<_>>().join("\n");
            let of = |value: &str| {
                let line = if value.is_empty() { String::new() } else { format!("{name} = {value}\n") };
                let pools = "pools = { reports = 2 }\n";
                match key.place {
                    Top => {
                        let pools = if name == "pools" { "" } else { pools };
                        format!("{line}{pools}[[job]]\nname = \"j\"\n{rest}\n")
                    }
                    _ => {
                        let own = if name == "name" { String::new() } else { "name = \"j\"\n".to_owned() };
                        format!("{pools}[[job]]\n{own}{rest}\n{line}")
                    }
                }
            };
            let parsed = |value: &str| {
                let text = of(value);
                let parsed = file::parse(&text);
                let wrong: Vec<_> = parsed.faults.iter().filter(|fault| !fault.warning).collect();
                assert!(wrong.is_empty(), "{name}: {wrong:?}\n{text}");
                let mut jobs = parsed.jobs;
                jobs.iter_mut().for_each(|job| job.line = 0);
                format!("{jobs:?} {:?} {:?} {:?}", parsed.owner, parsed.user, parsed.include)
            };
            let example = parsed(key.example);
            if !matches!(name, "name" | "schedule" | "every" | "cron" | "sql" | "command") {
                let absent = parsed("");
                if !key.default.is_empty() {
                    assert_eq!(parsed(key.default), absent, "{name}: its default");
                }
                if key.default != key.example && !matches!(name, "pools" | "at") {
                    assert_ne!(example, absent, "{name}: it has no effect");
                }
            }
            if key.place == Shared {
                let text = format!(
                    "pools = {{ reports = 2 }}\n[defaults]\n{name} = {}\n[[job]]\nname = \"j\"\n{rest}\n",
                    key.example
                );
                let faults = file::parse(&text).faults;
                assert!(faults.iter().all(|fault| fault.warning), "{name} in [defaults]: {faults:?}");
            }
        }
    }

    #[test]
    fn the_comments_fit_the_width() {
        let text = comments(100);
        assert!(text.lines().all(|line| line.starts_with('#') && line.chars().count() <= 100), "{text}");
        assert!(KEYS.iter().all(|key| text.contains(&format!("#   {} = ", key.name))));
    }
}

use std::time::Duration;

use super::*;
use crate::jobs::job::{CatchUp, OnCrash};
use crate::jobs::schedule::{At, Schedule};
use jiff::tz::TimeZone;

fn faults(text: &str) -> Vec<String> {
    let shown = |f: Fault| {
        let job = f.job.map(|j| format!(" {j}:")).unwrap_or_default();
        format!("{}:{job} {}{}", f.line, if f.warning { "warning: " } else { "" }, f.why)
    };
    parse(text).faults.into_iter().map(shown).collect()
}

#[test]
fn a_file_that_is_right_gives_its_jobs() {
    let text = r#"
[defaults]
retry_after = "1m"
timezone = "Europe/Berlin"
keep_history = "90d"

[[job]]
name = "import"
schedule = "1d|05:00"
sql = "SELECT import($1)"
class = "jobs.Import"

[[job]]
name = "rollup"
every = "1d"
at = "05:30"
command = ["./rollup.sh", "{date}"]
depends_on = ["import"]
backfill = true
catch_up = "last"
max_backfill = 100
timezone = "UTC"
environment = { LEVEL = "3" }
timeout = "1h"
on_failure = { notify = "ops" }

[[job]]
name = "ping"
cron = "*/15 * * * *"
command = "curl -s http://localhost | wc -l"
on_crash = "hold"
"#;
    let parsed = parse(text);
    assert_eq!(parsed.faults, []);
    let [import, rollup, ping] = parsed.jobs.as_slice() else { panic!("{:?}", parsed.jobs) };
    assert_eq!(import.schedule, Schedule::Original { every: 86_400, at: Some(At { hour: 5, minute: 0 }) });
    assert_eq!(import.retry.first, Duration::from_secs(60));
    assert_eq!(import.timezone.iana_name(), Some("Europe/Berlin"));
    assert_eq!((import.line, import.class.as_deref()), (7, Some("jobs.Import")));
    assert_eq!(rollup.timezone, TimeZone::UTC);
    assert_eq!(rollup.max_backfill, Some(100));
    assert_eq!(
        (rollup.catch_up, rollup.on_failure.clone()),
        (CatchUp::Last, Some(Notification::Channel("ops".into())))
    );
    assert_eq!(rollup.keep_history, Some(Duration::from_secs(90 * 86_400)));
    assert!(matches!(&ping.work, Work::Program { words, .. } if words[..2] == ["sh", "-c"]));
    assert_eq!(ping.on_crash, OnCrash::Hold);
}

#[test]
fn every_fault_is_told_at_once_with_line_and_job() {
    let text = r#"[defaults]
retry = "1m"
lease = "1s"
[[job]]
name = "a"
schedule = "1h|05:00"
sql = "SELECT $2; SELECT 1"
[[job]]
name = "b"
every = "5x"
at = "25:00"
command = []
[[job]]
schedule = "1d"
[[job]]
name = "c"
cron = "* * * *"
sql = ""
backfil = true
timezone = "Mars"
catch_up = "some"
[[job]]
name = "d"
schedule = "0m"
every = "1d"
command = 5
max_backfill = 0
"#;
    let all = faults(text);
    for expected in [
        "2: unknown key \"retry\" in [defaults]; did you mean \"retry_after\"?",
        "3: lease: must be between 3s and 1h",
        "6: a: schedule: \"1h|05:00\": a time of day can only be used with whole days, not with 1h",
        "7: a: sql: unknown parameter $2: only $1, the run's date, can be used",
        "10: b: every: invalid unit \"x\": must be s, m, h, d or w",
        "12: b: command: missing program",
        "13: missing name of a job",
        "13: missing sql or command",
        "17: c: cron: invalid cron pattern \"* * * *\": must have five fields: minute, hour, day of month, month, day of week",
        "18: c: sql: missing statement",
        "19: c: unknown key \"backfil\" in a job; did you mean \"backfill\"?",
        "20: c: invalid time zone \"Mars\": use a name such as Europe/Berlin",
        "21: c: catch_up: invalid value \"some\": must be one of all, last, none",
        "22: d: more than one schedule: use one of schedule, every (with at) and cron",
        "26: d: command must be a list: [\"a\", \"b\"]",
        "27: d: max_backfill must be a whole number above 0",
    ] {
        assert!(all.iter().any(|f| f == expected), "{expected}\n{all:#?}");
    }
    assert!(parse(text).jobs.is_empty());
    // A default's fault is told once, and is no job's.
    let lease: Vec<&String> = all.iter().filter(|f| f.contains("lease")).collect();
    assert_eq!(lease, ["3: lease: must be between 3s and 1h"]);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    assert!(
        faults("[[job]]\nname = \"a\"\nname = \"b\"\n").iter().any(|f| f.starts_with("3:")),
        "{:?}",
        faults("[[job]]\nname = \"a\"\nname = \"b\"\n")
    );
    assert!(faults("x = \n").iter().any(|f| f.starts_with("1:")));
    assert!(faults("job = 3\n")[0].contains("expected [[job]]"));
    assert_eq!(faults("# all gone\n"), ["1: no jobs in the file: add [[job]] for each job"]);
}

#[test]
fn what_does_not_go_together_or_cannot_be_is_told() {
    let told = |keys: &str| {
        let text = format!("[[job]]\nname = \"a\"\nschedule = \"1d\"\n{keys}\n");
        faults(&text).into_iter().map(|fault| fault.replacen("a: ", "", 1)).collect::<Vec<_>>().join("; ")
    };
    for (keys, why) in [
        ("sql = \"SELECT 1\"\ntimeout = \"0s\"", "5: timeout: must be at least 1ms"),
        ("sql = \"SELECT 1\"\nretry_after = \"0s\"", "5: retry_after: must be at least 1s"),
        ("sql = \"SELECT 1\"\nmax_ongoing_age = \"1s\"", "5: max_ongoing_age: must be at least 4s"),
        ("sql = \"SELECT 1\"\nenvironment = { A = \"b\" }", "5: environment can only be used with command"),
        ("sql = \"SELECT 1\"\ndirectory = \"x\"", "5: directory can only be used with command"),
        ("command = \"x\"\ntransaction = false", "5: transaction can only be used with sql"),
        (
            "command = \"x\"\nenvironment = { A = \"b\\u0000\" }",
            "5: environment.A: must not contain a NUL byte",
        ),
        ("sql = \"SELECT '\\u0000'\"", "4: sql: must not contain a NUL byte"),
        (
            "command = \"x\"\ndepends_on = [\"a\", 5]",
            "5: an item of depends_on must be a string: put it in quotes",
        ),
        ("command = \"x\"\nmax_backfill = 5", "5: max_backfill can only be used with backfill = true"),
    ] {
        assert!(told(keys).contains(why), "{keys}\n{}", told(keys));
    }
    // What is a job's own is no default, and spoils no job.
    let all =
        faults("[defaults]\nsql = \"SELECT 1\"\nname = \"x\"\n[[job]]\nschedule = \"1d\"\ncommand = \"x\"\n");
    assert_eq!(
        all,
        [
            "2: unknown key \"sql\" in [defaults]",
            "3: unknown key \"name\" in [defaults]",
            "4: missing name of a job"
        ]
    );
}

#[test]
fn names_parents_and_circles_are_checked() {
    let job = |name: &str, parents: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\ndepends_on = [{parents}]\n"
        )
    };
    let all =
        faults(&(job("a", "\"c\"") + &job("b", "\"a\"") + &job("c", "\"b\", \"ghost\"") + &job("a", "")));
    assert!(all.iter().any(|f| f == "16: a: duplicate name, first used in line 1"), "{all:#?}");
    assert!(all.iter().any(|f| f.starts_with("11: c: warning: it depends on \"ghost\"")), "{all:#?}");
    assert!(all.iter().any(|f| f == "1: a: circular dependency: a -> c -> b -> a"), "{all:#?}");
    // One line, whatever a name is.
    let odd = faults(&job("a\\nb", "\"a\\nb\""));
    assert_eq!(odd, ["1: a\nb: circular dependency: a\\nb -> a\\nb"]);
    // What broken TOML leaves is not judged.
    assert_eq!(faults("[[job]\n"), ["1: unclosed array table, expected `]`"]);
    let both = faults("[[job]]\nname = \"a\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\ncommand = \"x\"\n");
    assert_eq!(both, ["1: a: both sql and command: a job can have only one of them"]);
    let two = faults(&(job("a", "\"b\"") + &job("b", "\"a\"") + &job("c", "\"d\"") + &job("d", "\"c\"")));
    assert_eq!(two.iter().filter(|f| f.contains("circular")).count(), 2, "{two:#?}");
    // A parent that has a fault of its own is in the file all the same.
    let faulty = faults(&(job("a", "\"b\"") + &job("b", "").replace("1d", "1x")));
    assert_eq!(faulty.len(), 1, "{faulty:#?}");
    assert!(faults(&job("self", "\"self\"")).iter().any(|f| f.contains("self -> self")));
    assert!(faults(&(job("a", "") + &job("b", "\"a\"") + &job("c", "\"a\", \"b\""))).is_empty());
}

#[test]
fn keep_means_keep_history_and_a_table_has_only_one_of_them() {
    let job = |keys: &str| format!("[[job]]\nname = \"j\"\nevery = \"1h\"\nsql = \"SELECT 1\"\n{keys}\n");
    let kept = |text: &str| {
        let parsed = parse(text);
        assert!(parsed.faults.is_empty(), "{text}: {:?}", parsed.faults);
        parsed.jobs[0].keep_history.map(|kept| kept.as_secs() / 86_400)
    };
    assert_eq!(kept(&job("keep = \"7d\"")), Some(7));
    assert_eq!(kept(&format!("[defaults]\nkeep = \"7d\"\n{}", job(""))), Some(7));
    // A job's own key takes precedence over a default, even if one of them is written with the key's other name.
    assert_eq!(kept(&format!("[defaults]\nkeep_history = \"7d\"\n{}", job("keep = \"1d\""))), Some(1));
    assert_eq!(kept(&format!("[defaults]\nkeep = \"7d\"\n{}", job("keep_history = \"1d\""))), Some(1));
    let both = "both keep and keep_history: they mean the same, so use only one of them";
    assert_eq!(faults(&job("keep_history = \"1d\"\nkeep = \"1d\"")), [format!("6: j: {both}")]);
    assert_eq!(
        faults(&format!("[defaults]\nkeep = \"1d\"\nkeep_history = \"1d\"\n{}", job(""))),
        [format!("2: {both}")]
    );
    assert_eq!(faults(&job("keep = \"0s\"")), ["5: j: keep: must be at least 1s"]);
    assert!(
        faults(&job("keep = \"x\""))[0].starts_with("5: j: keep: "),
        "{:?}",
        faults(&job("keep = \"x\""))
    );
}

/// If the top of the file cannot be parsed alone, the answer must be that the owner is not known, and never a wrong owner.
#[test]
fn the_owner_is_read_from_the_top_of_the_file_alone() {
    let jobs = "[[job]]\nname = \"j\"\nevery = \"1h\"\nsql = \"SELECT 1\"\n";
    let names = |top: &str, owner: Option<Option<&str>>| {
        let text = format!("{top}{jobs}");
        let found = super::owner(&text);
        assert_eq!(found.as_ref().map(Option::as_deref), owner, "{text}");
        if let Some(owner) = found {
            assert_eq!(parse(&text).owner, owner, "{text}");
        }
    };
    names("", Some(None));
    names("# owner = \"x\"\n", Some(None));
    names("owner = \"x\"\n", Some(Some("x")));
    names("\u{feff}owner = 'x'\r\nuser = \"u\"\r\n\r\n", Some(Some("x")));
    names("\"owner\" = \"a\\u00e4\\\"\" # [not a table]\n \t", Some(Some("aä\"")));
    names("pools = { a = 1 }\nowner = \"x\"\n[defaults]\ncontain = \"none\"\n", Some(Some("x")));
    names("[defaults]\nretry_after = \"1m\"\n", Some(None));
    names("include = [\n  \"a\",\n]\nowner = \"\"\"\nx\"\"\"\n", Some(Some("x")));
    // A line that looks like a table's first.
    names("user = \"\"\"\n[x]\n\"\"\"\nowner = \"x\"\n", None);
    names("user = '''\nowner = \"y\"\n[x]\n'''\nowner = \"x\"\n", None);
    names("include = [\n[\"a\"]]\nowner = \"x\"\n", None);
    // Not to be used at all.
    names("owner = 1\n", None);
    names("owner.x = \"x\"\n", None);
    names("owner = \"x\"\nowner = \"y\"\n", None);
    names("owner = \"x\n", None);
}

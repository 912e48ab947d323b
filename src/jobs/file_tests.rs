use super::*;

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
    assert_eq!(import.retry_after, Duration::from_secs(60));
    assert_eq!(import.timezone.iana_name(), Some("Europe/Berlin"));
    assert_eq!((import.line, import.class.as_deref()), (7, Some("jobs.Import")));
    assert_eq!(rollup.timezone, TimeZone::UTC);
    assert_eq!(rollup.max_backfill, Some(100));
    assert_eq!(
        (rollup.catch_up, rollup.on_failure.clone()),
        (CatchUp::Last, Some(Tell::Channel("ops".into())))
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
        "2: \"retry\" is no key of [defaults]; is it retry_after?",
        "3: lease: it lies between 3s and 1h",
        "6: a: schedule: \"1h|05:00\": a time of day goes with whole days, and 1h is none",
        "7: a: sql: $2 is used, and there is only $1, the run's date",
        "10: b: every: \"x\" is no unit: s, m, h, d or w",
        "12: b: command: there is no program",
        "13: a job has no name",
        "13: a job has either sql or command",
        "17: c: cron: \"* * * *\" has not five fields: minute, hour, day of month, month, day of week",
        "18: c: sql: there is no statement",
        "19: c: \"backfil\" is no key of a job; is it backfill?",
        "20: c: timezone: \"Mars\" is none: write it as Europe/Berlin",
        "21: c: catch_up: \"some\" is none of all, last, none",
        "22: d: it has more than one schedule: give one of schedule, every (with at) and cron",
        "26: d: command is a list: [\"a\", \"b\"]",
        "27: d: max_backfill is a whole number above 0",
    ] {
        assert!(all.iter().any(|f| f == expected), "{expected}\n{all:#?}");
    }
    assert!(parse(text).jobs.is_empty());
    // A default's fault is told once, and is no job's.
    let lease: Vec<&String> = all.iter().filter(|f| f.contains("lease")).collect();
    assert_eq!(lease, ["3: lease: it lies between 3s and 1h"]);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    assert!(
        faults("[[job]]\nname = \"a\"\nname = \"b\"\n").iter().any(|f| f.starts_with("3:")),
        "{:?}",
        faults("[[job]]\nname = \"a\"\nname = \"b\"\n")
    );
    assert!(faults("x = \n").iter().any(|f| f.starts_with("1:")));
    assert!(faults("job = 3\n")[0].contains("write [[job]]"));
    assert!(faults("").is_empty() && parse("").jobs.is_empty());
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
    assert!(all.iter().any(|f| f == "16: a: the name is used twice, first in line 1"), "{all:#?}");
    assert!(all.iter().any(|f| f.starts_with("11: c: warning: it depends on \"ghost\"")), "{all:#?}");
    assert!(
        all.iter().any(|f| f == "1: a: jobs wait for each other in a circle: a -> c -> b -> a"),
        "{all:#?}"
    );
    assert!(faults(&job("self", "\"self\"")).iter().any(|f| f.contains("self -> self")));
    assert!(faults(&(job("a", "") + &job("b", "\"a\"") + &job("c", "\"a\", \"b\""))).is_empty());
}

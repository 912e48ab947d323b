use super::*;
use crate::jobs::file;

fn job(name: &str) -> Job {
    let text = format!("[[job]]\nname = \"{name}\"\nevery = \"1h\"\nsql = \"SELECT 1\"\n");
    file::parse(&text).jobs.into_iter().next().unwrap()
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn runner(kind: &str, state: &str, seen: i64, jobs: &[&str]) -> Runner {
    Runner {
        id: format!("boot/space/7/{kind}"),
        kind: kind.to_owned(),
        host: "db1".to_owned(),
        pid: 7,
        version: "1".to_owned(),
        file: "/etc/jobs.toml".to_owned(),
        file_hash: "a".to_owned(),
        jobs: jobs.iter().map(|&name| name.to_owned()).collect(),
        slots: 1,
        running: 0,
        uncontained: None,
        since: at(0),
        seen: at(seen),
        ended: (state == "ended").then(|| at(seen)),
        is_there: state == "running",
    }
}

/// Whether each trouble is critical, and what it is, after 60 minutes. Jobs whose names begin with "old" have run.
fn told(jobs: &[Job], runners: &[Runner]) -> Vec<String> {
    let troubles = troubles(jobs, runners, |name| name.starts_with("old"), at(60));
    let word = |critical| if critical { "critical" } else { "warning" };
    troubles.into_iter().map(|one| format!("{}: {}", word(one.is_critical), one.detail)).collect()
}

#[test]
fn a_job_whose_last_daemon_is_not_there_has_no_runner_whatever_its_state() {
    let jobs = [job("a")];
    let init = runner("init", "gone", 0, &[]);
    let of = |more: &[Runner]| told(&jobs, &[std::slice::from_ref(&init), more].concat());
    let there = runner("daemon", "running", 59, &["a"]);
    let ended = "critical: no runner has job a: the last one, pid 7 on db1, has ended";
    let gone =
        "critical: no runner has job a: the last one, pid 7 on db1, was killed, or cannot reach the server";
    assert_eq!(of(std::slice::from_ref(&there)), [""; 0]);
    for (state, why) in [("ended", ended), ("gone", gone)] {
        let last = runner("daemon", state, 30, &["a"]);
        assert_eq!(of(std::slice::from_ref(&last)), [why]);
        assert_eq!(of(&[last.clone(), there.clone()]), [""; 0]);
        assert_eq!(of(&[last.clone(), runner("daemon", "running", 59, &["b"])]), [why]);
        // A pass before its end says nothing. One after it means that passes run the job now, unless the daemon was to go on.
        assert_eq!(of(&[last.clone(), runner("pass", "ended", 29, &["a"])]), [why]);
        let after = of(&[last, runner("pass", "ended", 31, &["a"])]);
        assert_eq!(after, if state == "ended" { vec![] } else { vec![why] });
    }
    assert_eq!(of(&[runner("pass", "ended", 1, &["a"])]), [""; 0]);
}

#[test]
fn a_job_that_no_runner_ever_had_is_critical_unless_something_else_runs_it() {
    let init = |since| runner("init", "gone", since, &[]);
    let never = "no runner has ever had job a";
    assert_eq!(told(&[job("a")], &[init(0)]), [format!("critical: {never}")]);
    assert_eq!(told(&[job("a"), job("b"), job("c")], &[init(0)]), [format!("critical: {never} and 2 more")]);
    assert_eq!(told(&[job("old")], &[init(0)]), [""; 0]);
    let fresh = Runner { since: at(51), ..init(51) };
    assert_eq!(told(&[job("a")], &[fresh]), [""; 0]);
    let of_others = runner("daemon", "running", 59, &["b"]);
    assert_eq!(told(&[job("b"), job("a")], &[init(0), of_others]), [format!("warning: {never}")]);
    let of_another_file = runner("daemon", "running", 59, &["x"]);
    assert_eq!(told(&[job("a")], &[init(0), of_another_file]), [format!("critical: {never}")]);
}

#[test]
fn daemons_with_one_job_and_two_files_or_versions_are_told() {
    let one = runner("daemon", "running", 59, &["a", "b"]);
    let other = Runner { host: "db2".to_owned(), ..one.clone() };
    assert_eq!(told(&[job("a")], &[one.clone(), other.clone()]), [""; 0]);
    let newer = Runner { file_hash: "b".to_owned(), ..other.clone() };
    assert_eq!(
        told(&[job("b")], &[one.clone(), newer.clone()]),
        ["warning: job b is in two versions of /etc/jobs.toml: those of pid 7 on db1 and of pid 7 on db2"]
    );
    let elsewhere = Runner { file: "/x.toml".to_owned(), ..newer };
    assert_eq!(
        told(&[job("b")], &[one.clone(), elsewhere.clone()]),
        ["warning: job b is in two files: /etc/jobs.toml (pid 7 on db1) and /x.toml (pid 7 on db2)"]
    );
    // Files without a job in common may differ, and so may those of runners that are gone.
    let apart = Runner { jobs: BTreeSet::from(["c".to_owned()]), ..elsewhere.clone() };
    assert_eq!(told(&[job("a"), job("c")], &[one.clone(), apart]), [""; 0]);
    assert_eq!(told(&[job("a")], &[one.clone(), Runner { is_there: false, ..elsewhere }]), [""; 0]);
    let upgraded = Runner { version: "2".to_owned(), ..other };
    assert_eq!(
        told(&[job("a")], &[one, upgraded]),
        ["warning: runners have different versions of pgkit: 1 (pid 7 on db1) and 2 (pid 7 on db2)"]
    );
}

//! Programs that print without end, that will not die, that hide, that cannot be started.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::fixture::{Jobs, lives, numbers};
use super::proxy::Proxy;
use crate::support::*;

/// The most memory that a process has had so far, in kB.
fn peak(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| -> Option<u64> {
        status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
    };
    of("VmHWM:").unwrap_or_default().saturating_sub(of("RssFile:").unwrap_or_default())
}

#[test]
fn a_gigabyte_of_output_and_a_line_of_200_megabytes_take_no_memory() {
    let jobs = Jobs::new(
        "output",
        r#"
[[job]]
name = "gigabyte"
schedule = "1d"
command = "head -c 1000000000 /dev/zero | tr '\\000' '\\n'; echo the end"
[[job]]
name = "line"
schedule = "1d"
command = "head -c 200000000 /dev/zero | tr '\\000' x >&2; exit 3"
[[job]]
name = "odd"
schedule = "1d"
command = "head -c 3000000 /dev/zero; head -c 100000 /dev/urandom"
"#,
    );
    let mut runner = jobs.start(&["run"]);
    let mut most = (0, 0);
    while !runner.has_ended() {
        most.0 = most.0.max(peak(runner.pid()));
        most.1 = most.1.max(runner.guards().into_iter().map(peak).max().unwrap_or_default());
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = runner.end();
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(most.0 > 500 && most.0 < 32_000 && most.1 < 32_000, "{most:?} kB");
    let bytes = "SELECT string_agg(output_bytes::text, ' ' ORDER BY app_name COLLATE \"C\") FROM pgkit_run";
    assert_eq!(jobs.db.value(bytes), "1000000008 200000000 3100000");
    assert_eq!(
        jobs.db.value("SELECT right(output_tail, 8) FROM pgkit_run WHERE app_name = 'gigabyte'"),
        "the end\n"
    );
    // The last line of a message is cut where nobody would read on.
    assert_eq!(jobs.row("line", "length(last_error ->> 'value')"), "2000");
    let history = jobs.ends(0, &["history", "odd", "--output", "--json"]);
    assert!(history.stdout.contains("\\\\x00\\\\x00"), "{}", &history.stdout[..200]);
}

#[test]
fn a_tree_that_ignores_term_is_killed_to_its_last_leaf() {
    let jobs = Jobs::new(
        "ignores",
        r#"
[[job]]
name = "j"
schedule = "1d"
timeout = "500ms"
kill_after = "500ms"
command = """trap '' TERM; ./pid
setsid sh -c 'trap "" TERM; ./pid; (trap "" TERM; sh -c "./pid; trap \"\" TERM; while :; do sleep 1; done") & while :; do sleep 1; done' &
while :; do sleep 1; done"""
"#,
    );
    let begun = Instant::now();
    let output = jobs.jobs(&["run"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(jobs.row("j", "last_error ->> 'type'") == "timeout");
    let pids = numbers(&jobs.path("pids"));
    assert!(pids.len() == 3 && pids.iter().all(|pid| !lives(*pid)), "{pids:?}");
}

#[test]
fn who_forks_twice_and_keeps_the_output_open_holds_up_nobody() {
    let jobs = Jobs::new(
        "daemon",
        r#"
[[job]]
name = "a"
schedule = "1d"
command = "(setsid sh -c './pid; echo late; exec sleep 60' &) ; echo begun; sleep 0.2"
[[job]]
name = "b"
schedule = "1d"
command = "kill -0 $(cat pids) 2> /dev/null && echo alive > found || echo gone > found"
"#,
    );
    let begun = Instant::now();
    jobs.ends(0, &["run"]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(jobs.text("found"), "gone\n", "between two jobs nothing of the first is left");
    assert_eq!(jobs.db.value("SELECT output_head FROM pgkit_run WHERE app_name = 'a'").lines().count(), 2);
}

#[test]
fn a_term_is_passed_on_and_what_ends_well_counts_as_done() {
    let jobs = Jobs::new(
        "term",
        r#"
[[job]]
name = "well"
schedule = "1d"
command = "trap 'echo bye; exit 0' TERM; ./pid; while :; do sleep 0.05; done"
[[job]]
name = "zz later"
schedule = "1d"
command = "echo ran >> later"
"#,
    );
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("pids", 1);
    runner.signal(Signal::SIGTERM);
    let output = runner.end();
    assert_eq!(output.code, Some(143), "{}", output.snapshot());
    assert_eq!((jobs.attempts("well"), jobs.text("later")), (vec!["succeeded 1".to_owned()], String::new()));
    // Ctrl-C is the same, with its own code; what hangs is killed.
    jobs.write("[[job]]\nname = \"hangs\"\nschedule = \"1d\"\nkill_after = \"300ms\"\ncommand = \"trap '' TERM; ./pid; while :; do sleep 0.05; done\"\n");
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("pids", 2);
    runner.signal(Signal::SIGINT);
    let output = runner.end();
    assert_eq!(output.code, Some(130), "{}", output.snapshot());
    // What was cut off is told as that alone.
    let told: Vec<&str> = output.stderr.lines().collect();
    assert!(
        told.len() == 1 && told[0].starts_with("pgkit: hangs: was cut off: it was told to stop"),
        "{told:?}"
    );
    assert_eq!(jobs.attempts("hangs"), ["interrupted 1"]);
    assert!(!lives(numbers(&jobs.path("pids"))[1]));
}

#[test]
fn a_second_signal_ends_pgkit_at_once_and_the_job_with_it() {
    let jobs = Jobs::new(
        "twice",
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\nkill_after = \"60s\"\ncommand = \"trap '' TERM; ./pid; while :; do sleep 0.05; done\"\n",
    );
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("pids", 1);
    runner.signal(Signal::SIGINT);
    std::thread::sleep(Duration::from_millis(300));
    runner.signal(Signal::SIGINT);
    assert_eq!(runner.end().code, Some(130));
    let pid = numbers(&jobs.path("pids"))[0];
    jobs.wait("the job is dead", || !lives(pid));
    jobs.wait("and given back", || jobs.attempts("j") == ["interrupted 1"]);
}

#[test]
fn where_no_process_can_be_started_the_job_fails_and_says_so() {
    if !nix::unistd::geteuid().is_root() {
        // Who knows what else this user runs.
        return;
    }
    let jobs = Jobs::new("nofork", "[[job]]\nname = \"j\"\nschedule = \"1d\"\ncommand = \"sleep 0.1\"\n");
    // Limits of processes do not hold for root: another user it is, of whom nothing else runs.
    let uid = 60_000 + std::process::id() % 5000;
    let copy = jobs.path("pgkit");
    std::fs::copy(PGKIT, &copy).unwrap();
    let text = jobs.text("jobs.toml").replace("user = \"root\"\n", "");
    std::fs::write(jobs.path("jobs.toml"), text).unwrap();
    for place in [jobs.folder.path(), &jobs.path("jobs.toml"), &copy] {
        chown(place, Some(uid), Some(uid)).unwrap();
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    // The server's socket lets no stranger in.
    let proxy = Proxy::new(&jobs.db);
    let with = |limit: u32| {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nproc={limit}")).arg(&copy).args(["jobs", "run", "j", "--force"]).env_clear();
        command.envs(jobs.command(&[]).get_envs().filter_map(|(k, v)| Some((k, v?))));
        proxy.lead(&mut command);
        run(command.current_dir(jobs.folder.path()).uid(uid).gid(uid))
    };
    let mut seen = Vec::new();
    for limit in 1..12 {
        let output = with(limit);
        if output.stderr.contains("could not start sh") {
            assert_eq!(output.code, Some(1), "{}", output.snapshot());
            assert!(jobs.row("j", "last_error").contains("could not start sh"), "{}", output.snapshot());
            // And without the limit it runs.
            assert_eq!(with(200).code, Some(0));
            return;
        }
        // No helper, no thread: an error, never a job that is lost.
        assert_eq!(output.code, Some(74), "{limit}: {}", output.snapshot());
        seen.push((limit, output));
    }
    panic!("no limit let a guard start and not its job: {seen:#?}");
}

//! Programs with children: nothing of a tree outlives its guard, whatever is killed or stopped.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fixture::{self, Jobs, lives};
use crate::support::*;

/// A job that is a tree: a shell, a child of its, a grandchild in a session of its own, one whose parents are gone, and
/// one that has cleared its environment. None of them listens to TERM.
const TREE: &str = r#"
trap '' TERM
./pid
sh -c './pid; while :; do sleep 1; done' &
setsid sh -c './pid; while :; do sleep 1; done' &
(setsid sh -c '(./pid; while :; do sleep 1; done) &' &)
(env -i PATH="$PATH" setsid sh -c '(./pid; while :; do sleep 1; done) &' &)
while :; do sleep 1; done
"#;

/// A file with this job.
fn tree(keys: &str) -> String {
    format!("[[job]]\nname = \"j\"\nschedule = \"1d\"\nlease = \"3s\"\n{keys}\ncommand = '''{TREE}'''\n")
}

fn signal(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// All descendants of a process, parents first.
fn descendants(pid: i32) -> Vec<i32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(next) = found.get(at) {
        found.extend(fixture::children(*next));
        at += 1;
    }
    found.remove(0);
    found
}

/// The pids of a whole tree: of all processes that work in the folder of the jobs, but for those of pgkit.
fn all_of(jobs: &Jobs) -> Vec<i32> {
    jobs.wait_for_lines("pids", 5);
    let folder = std::fs::canonicalize(jobs.folder.path()).unwrap();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_of_it = |pid: &i32| {
        std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder)
            && !["pgkit", "exe", "setpriv"].iter().any(|name| comm(*pid).starts_with(name))
    };
    let pids: Vec<i32> = pids.filter(is_of_it).collect();
    assert!(pids.len() >= 5, "{pids:?}");
    pids
}

/// pgkit as an ordinary user, who cannot create a PID namespace without a user namespace.
fn as_user(jobs: &Jobs, args: &[&str]) -> Command {
    if !nix::unistd::geteuid().is_root() {
        return jobs.command(args);
    }
    // This is the user that the server runs as, because only that user and root can reach the server's socket. The user
    // must own the jobs file.
    let socket = std::fs::metadata(&jobs.db.info.socket_dir).unwrap();
    let (uid, gid) = (socket.uid(), socket.gid());
    assert_ne!(uid, 0, "the server's user is no ordinary one");
    let text = jobs.text("jobs.toml").replace("user = \"root\"\n", "");
    std::fs::write(jobs.path("jobs.toml"), text).unwrap();
    for path in [jobs.folder.path().to_owned(), jobs.path("jobs.toml"), jobs.path("pid")] {
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
    }
    let mut other = Command::new("setpriv");
    other.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups"]);
    let mut other = started_by(other, jobs, args);
    other.env("HOME", jobs.folder.path());
    other
}

/// `other`, with the command line and the environment of `pgkit jobs` added, so that it starts that.
fn started_by(mut other: Command, jobs: &Jobs, args: &[&str]) -> Command {
    let command = jobs.command(args);
    other.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        other.env(name, value);
    }
    other.current_dir(jobs.folder.path());
    other
}

/// pgkit where the kernel does not let it contain anything: as root in most containers, or as a user where user
/// namespaces are switched off.
fn uncontainable(jobs: &Jobs, args: &[&str]) -> Command {
    let other = if nix::unistd::geteuid().is_root() {
        let mut other = Command::new("setpriv");
        other.arg("--bounding-set=-sys_admin");
        other
    } else {
        let mut other = Command::new("unshare");
        // The limits are those of this user namespace.
        let script = "echo 0 > /proc/sys/user/max_pid_namespaces && exec \"$@\"";
        other.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
        other
    };
    started_by(other, jobs, args)
}

#[test]
fn kill_9_of_the_runner_and_its_guards_is_the_end_of_the_tree() {
    for who in Who::all() {
        let jobs = Jobs::new(&format!("tree{}", who.name()), &tree("contain = \"strict\""));
        let runner = fixture::Process::start(&mut who.command(&jobs, &["run"]));
        let pids = all_of(&jobs);
        let guards = runner.guards();
        // Both are stopped first, so that neither can clean up after the other.
        for pid in guards.iter().chain([&runner.pid()]) {
            signal(*pid, Signal::SIGSTOP);
        }
        for pid in guards.iter().chain([&runner.pid()]) {
            signal(*pid, Signal::SIGKILL);
        }
        let begun = Instant::now();
        while pids.iter().any(|pid| lives(*pid)) {
            assert!(begun.elapsed() < Duration::from_secs(2), "{pids:?} live on");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_tree_whose_runner_and_guards_are_stopped_is_dead_when_its_lease_is_over() {
    let jobs = Jobs::new("treestop", &tree("contain = \"strict\""));
    let runner = jobs.start(&["run"]);
    let pids = all_of(&jobs);
    std::thread::sleep(Duration::from_millis(1200));
    // All processes of pgkit are stopped, including the proxy and init.
    let begun = Instant::now();
    signal(runner.pid(), Signal::SIGSTOP);
    for pid in descendants(runner.pid()).into_iter().filter(|pid| !pids.contains(pid)) {
        signal(pid, Signal::SIGSTOP);
    }
    // Another machine may take the job over after the lease and 1.5 s.
    while pids.iter().any(|pid| lives(*pid)) {
        assert!(begun.elapsed() < Duration::from_millis(4400), "{pids:?} live on");
        std::thread::sleep(Duration::from_millis(5));
    }
    for pid in descendants(runner.pid()) {
        signal(pid, Signal::SIGKILL);
    }
    signal(runner.pid(), Signal::SIGKILL);
}

/// The only process with this name that lives among the descendants of a process.
fn named(name: &str, pid: i32) -> i32 {
    let all = descendants(pid).into_iter();
    let found: Vec<i32> = all.filter(|pid| lives(*pid) && comm(*pid) == name).collect();
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found[0]
}

/// Who runs `pgkit jobs`.
#[derive(Clone, Copy)]
enum Who {
    /// Root, if the tests run as root.
    Root,
    /// An ordinary user.
    Ordinary,
    /// Root of a user namespace that has no PID namespace of its own: so is root in some containers.
    Container,
}

impl Who {
    /// All that are possible here.
    fn all() -> Vec<Who> {
        let mut all = vec![Who::Root, Who::Ordinary];
        if nix::unistd::geteuid().is_root() {
            all.push(Who::Container);
        }
        all
    }

    fn name(self) -> &'static str {
        match self {
            Who::Root => "root",
            Who::Ordinary => "user",
            Who::Container => "container",
        }
    }

    fn command(self, jobs: &Jobs, args: &[&str]) -> Command {
        match self {
            Who::Root => jobs.command(args),
            Who::Ordinary => as_user(jobs, args),
            Who::Container => in_user_namespace(jobs, args),
        }
    }
}

/// pgkit as root of a user namespace in which all users exist. The PID namespace is the machine's.
fn in_user_namespace(jobs: &Jobs, args: &[&str]) -> Command {
    // Only from outside can all users be mapped. The process that becomes pgkit keeps its pid.
    let script = r#"
pid=$$
((
    while [ "$(readlink /proc/$pid/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
    echo 0 0 65536 > /proc/$pid/uid_map && echo 0 0 65536 > /proc/$pid/gid_map
) &)
exec unshare --user sh -c 'until [ "$(id -u)" = 0 ]; do sleep 0.01; done; exec "$@"' sh "$@"
"#;
    let mut other = Command::new("sh");
    other.args(["-c", script, "sh"]);
    started_by(other, jobs, args)
}

#[test]
fn an_init_or_a_proxy_that_is_killed_takes_the_tree_with_it_and_the_job_was_cut_off() {
    for (name, who) in
        ["proxy", "init"].into_iter().flat_map(|name| Who::all().into_iter().map(move |who| (name, who)))
    {
        let jobs = Jobs::new(&format!("cut{name}{}", who.name()), &tree("contain = \"strict\""));
        let runner = fixture::Process::start(&mut who.command(&jobs, &["run"]));
        let pids = all_of(&jobs);
        signal(named(&format!("pgkit-{name}"), runner.pid()), Signal::SIGKILL);
        let output = runner.end();
        assert_eq!(output.code, Some(1), "{}", output.snapshot());
        assert!(pids.iter().all(|pid| !lives(*pid)), "{pids:?}");
        assert_eq!(jobs.attempts("j"), ["interrupted 1"]);
        assert!(output.stderr.contains("the process that contained it was killed"), "{}", output.stderr);
        assert_eq!(jobs.row("j", "ongoing"), "", "the claim was given back");
    }
}

#[test]
fn one_program_after_the_other_runs_in_a_namespace_and_nothing_of_one_lives_in_the_next() {
    // Each leaves processes behind in every way, and sees what the one before has left.
    let command = r#"
readlink /proc/self/ns/pid >> spaces
ls /proc > seen
grep -c '^[0-9][0-9]*$' seen >> counts
trap '' TERM
sleep 61 &
setsid sleep 61 &
(setsid sh -c 'sleep 61 &' &)
(env -i PATH="$PATH" setsid sh -c 'trap "" TERM; (sleep 61) &' &)
sleep 0.05
"#;
    for who in Who::all() {
        let toml: String = (0..5)
            .map(|i| format!("[[job]]\nname = \"j{i}\"\nschedule = \"1d\"\ncommand = '''{command}'''\n"))
            .collect();
        let jobs = Jobs::new(&format!("kept{}", who.name()), &toml);
        let output = run(&mut who.command(&jobs, &["run"]));
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
        let spaces = jobs.text("spaces");
        let first = spaces.lines().next().unwrap();
        assert_eq!(spaces, format!("{first}\n").repeat(5));
        // Init, the shell and ls.
        assert_eq!(jobs.text("counts"), "3\n".repeat(5));
        assert_eq!(output.stderr.matches("it ended before processes that it had started").count(), 5);
    }
}

#[test]
fn a_namespace_that_comes_to_its_end_between_two_programs_is_replaced() {
    for who in Who::all() {
        let jobs = Jobs::new(
            &format!("replaced{}", who.name()),
            "[[job]]\nname = \"j\"\nevery = \"1s\"\ncontain = \"strict\"\ncommand = \"./pid\"\n",
        );
        let runner = fixture::Process::start(&mut who.command(&jobs, &["run", "--every", "1s"]));
        for (i, name) in ["pgkit-init", "pgkit-proxy", "pgkit-init"].into_iter().enumerate() {
            jobs.wait_for_lines("pids", 2 * i + 2);
            jobs.wait("nothing runs", || jobs.row("j", "ongoing").is_empty());
            signal(named(name, runner.pid()), Signal::SIGKILL);
        }
        jobs.wait_for_lines("pids", 8);
        runner.signal(Signal::SIGTERM);
        runner.end();
        let failed = "SELECT count(*) FROM pgkit_run WHERE state <> 'succeeded'";
        assert_eq!(jobs.db.value(failed), "0");
    }
}

#[test]
fn exit_codes_signals_and_what_is_left_behind_come_through() {
    let mut cases = vec![("auto", Who::Root), ("none", Who::Root), ("strict", Who::Ordinary)];
    if nix::unistd::geteuid().is_root() {
        cases.push(("strict", Who::Container));
    }
    for (contain, who) in cases {
        let job = |name: &str, command: &str| {
            format!(
                "[[job]]\nname = \"{name}\"\nschedule = \"1d\"\ncontain = \"{contain}\"\ncommand = '''{command}'''\n"
            )
        };
        let jobs = Jobs::new(
            &format!("ends{contain}{}", who.name()),
            &[
                job("a", "exit 255"),
                job("b", "kill -USR1 $$"),
                job("c", "sleep 60 & echo done"),
                job("d", "true"),
                job("e", "echo out; echo err >&2; sleep 0.05 & wait"),
                job("f", "kill -37 $$"),
                job("g", "kill -9 $$"),
                job("h", "ulimit -c unlimited; kill -SEGV $$"),
            ]
            .concat(),
        );
        let output = run(&mut who.command(&jobs, &["run"]));
        assert_eq!(output.code, Some(1), "{}", output.snapshot());
        let ends = jobs.db.value(
            "SELECT string_agg(concat(app_name, ' ', coalesce(error_type, state)), ', ' ORDER BY app_name COLLATE \"C\") FROM pgkit_run",
        );
        assert_eq!(
            ends,
            format!(
                "a exit status 255, b signal {}, c succeeded, d succeeded, e succeeded, f signal 37, g signal 9, h signal 11",
                Signal::SIGUSR1 as i32
            ),
            "{contain}"
        );
        let left = "c: it ended before processes that it had started, which were killed";
        assert_eq!(output.stderr.matches("it ended before").count(), 1, "{contain}: {}", output.stderr);
        assert!(output.stderr.contains(left), "{contain}: {}", output.stderr);
    }
}

#[test]
fn a_program_finds_itself_in_proc() {
    let command = "[ \"$(cat /proc/$$/comm)\" = sh ] && ls /proc | grep -cx '[0-9]*' > seen";
    let toml = format!("[[job]]\nname = \"j\"\nschedule = \"1d\"\ncommand = '''{command}'''\n");
    let jobs = Jobs::new("proc", &toml);
    jobs.ends(0, &["run"]);
    assert!(jobs.text("seen").trim().parse::<u32>().unwrap() < 10, "{}", jobs.text("seen"));
    // The new /proc is not visible outside.
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(mounts.lines().filter(|line| line.starts_with("proc /proc ")).count() <= 1, "{mounts}");
}

#[test]
fn a_signal_to_the_pid_that_is_told_reaches_the_program() {
    for who in Who::all() {
        let jobs = Jobs::new(
            &format!("forward{}", who.name()),
            "[[job]]\nname = \"j\"\nschedule = \"1d\"\ncommand = \"trap 'echo got; exit 7' HUP; trap 'exit 8' TERM; ./pid; while :; do sleep 0.05; done\"\n",
        );
        for (sent, code) in [(Signal::SIGHUP, 7), (Signal::SIGTERM, 8)] {
            let _ = std::fs::remove_file(jobs.path("pids"));
            jobs.db.sql("UPDATE crontabber SET next_run = now() - interval '1 s'");
            let runner = fixture::Process::start(&mut who.command(&jobs, &["run"]));
            jobs.wait_for_lines("pids", 1);
            jobs.wait("its pid is in the tables", || {
                jobs.db.value("SELECT count(leader_pid) FROM pgkit_run WHERE state = 'running'") == "1"
            });
            let pid = jobs.db.value("SELECT leader_pid FROM pgkit_run WHERE state = 'running'");
            signal(pid.parse().unwrap(), sent);
            runner.end();
            assert_eq!(jobs.row("j", "last_error ->> 'type'"), format!("exit status {code}"));
        }
    }
}

#[test]
fn where_nothing_contains_it_is_said_and_strict_refuses() {
    let jobs = Jobs::new(
        "nowhere",
        "[[job]]\nname = \"auto\"\nschedule = \"1d\"\ncommand = \"echo auto >> log\"\n
         [[job]]\nname = \"none\"\nschedule = \"1d\"\ncontain = \"none\"\ncommand = \"echo none >> log\"\n
         [[job]]\nname = \"strict\"\nschedule = \"1d\"\ncontain = \"strict\"\ncommand = \"echo strict >> log\"\n",
    );
    let check = run(&mut uncontainable(&jobs, &["check"]));
    let warns = "WARNING: programs that start others are not safe against kill -9 of pgkit here: ";
    assert!(check.code == Some(0) && check.stderr.contains(warns), "{}", check.snapshot());
    let refused = "job \"strict\" does not run here: contain = \"strict\"";
    assert!(check.stderr.contains(refused) && !check.stderr.contains("job \"auto\""), "{}", check.stderr);
    let output = run(&mut uncontainable(&jobs, &["run"]));
    assert_eq!(output.code, Some(77), "{}", output.snapshot());
    assert_eq!(output.stderr.matches(warns).count(), 1, "{}", output.stderr);
    assert!(output.stderr.contains("programs cannot be contained here: "), "{}", output.stderr);
    assert_eq!(jobs.text("log"), "auto\nnone\n");
    assert_eq!(
        jobs.db.value("SELECT count(*) FROM pgkit_run WHERE app_name = 'strict'"),
        "0",
        "it is not claimed"
    );
    // Nor would anything end a guard that is stopped if the kernel allowed no timers.
    let mut prlimit = Command::new("prlimit");
    prlimit.arg("--sigpending=0:0");
    let output = run(&mut started_by(prlimit, &jobs, &["run"]));
    assert_eq!(output.code, Some(77), "{}", output.snapshot());
    assert!(output.stderr.contains(warns) && output.stderr.contains("no timer"), "{}", output.stderr);
    // Where programs can be contained, the job runs, and there is no warning.
    let output = jobs.ends(0, &["run"]);
    assert!(!output.stderr.contains("WARNING"), "{}", output.stderr);
    assert_eq!(jobs.text("log"), "auto\nnone\nstrict\n");
}

/// A machine of its own, as far as processes go: a PID namespace with its own /proc.
struct Machine {
    first: Child,
}

impl Machine {
    fn new() -> Machine {
        let mut command = Command::new("unshare");
        if !nix::unistd::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child", "sleep", "infinity"]);
        let machine = Machine { first: command.spawn().unwrap() };
        while fixture::children(machine.first.id().cast_signed()).is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        machine
    }

    /// Starts a command there.
    fn start(&self, command: &Command) -> Child {
        let inner = fixture::children(self.first.id().cast_signed())[0];
        let mut enter = Command::new("nsenter");
        if !nix::unistd::geteuid().is_root() {
            enter.args(["--user", "--preserve-credentials"]);
        }
        enter.args(["--pid", "--mount", "--target", &inner.to_string(), "--"]);
        enter.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => enter.env(name, value),
                None => enter.env_remove(name),
            };
        }
        enter.current_dir(command.get_current_dir().unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
        enter.spawn().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}

/// A job whose processes each write a line `attempt nanoseconds` every 50 ms as long as they live. The job ends after
/// SPAN lines.
const BEATING: &str = r#"
[[job]]
name = "NAME"
every = "1s"
backfill = true
catch_up = "last"
retry_after = "1s"
lease = "3s"
kill_after = "1s"
contain = "CONTAIN"
command = '''
trap '' TERM
key="$PGKIT_CLAIM/$PGKIT_RUN_DATE/$PGKIT_ATTEMPT"
beat='trap "" TERM; while :; do echo "KEY $(date +%s%N)" >> NAME.beats; sleep 0.05; done'
beat=$(echo "$beat" | sed "s|KEY|$key|")
sh -c "$beat" &
setsid sh -c "$beat" &
(setsid sh -c "($beat) &" &)
(env -i PATH="$PATH" setsid sh -c "($beat) &" &)
i=0; while [ $i -lt SPAN ]; do i=$((i + 1)); echo "$key $(date +%s%N)" >> NAME.beats; sleep 0.05; done
'''
"#;

/// What is done to one of two machines.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// kill -9 of all guards and the runner, in any order.
    KillAll,
    /// kill -9 of everything, the program's processes in any order among them.
    KillEverything,
    KillRunner,
    KillGuard,
    /// kill -9 of any one process of the tree, a proxy or an init perhaps.
    KillAny,
    /// SIGSTOP of runner and guards, for longer than the lease.
    StopAll,
    StopGuard,
    /// SIGSTOP of everything but the program's processes.
    StopOurs,
    Terminate,
    /// The server ends all sessions of jobs.
    Disconnect,
}

const FAULTS: [Fault; 10] = [
    Fault::KillAll,
    Fault::KillEverything,
    Fault::KillRunner,
    Fault::KillGuard,
    Fault::KillAny,
    Fault::StopAll,
    Fault::StopGuard,
    Fault::StopOurs,
    Fault::Terminate,
    Fault::Disconnect,
];

/// No two attempts of a job beat at once. Returns how many there were.
fn no_overlap(text: &str, place: &str) -> usize {
    let mut spans: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for line in text.lines() {
        let Some((key, at)) = line.split_once(' ') else { continue };
        let Ok(at) = at.parse::<u64>() else { continue };
        let span = spans.entry(key).or_insert((at, at));
        *span = (span.0.min(at), span.1.max(at));
    }
    let mut spans: Vec<_> = spans.into_iter().map(|(key, span)| (span, key)).collect();
    spans.sort();
    for pair in spans.windows(2) {
        let ((_, last), (first, _)) = (pair[0].0, pair[1].0);
        assert!(
            last <= first,
            "{place}: {} ms of overlap: {:?} and {:?}",
            (last - first) / 1_000_000,
            pair[0],
            pair[1]
        );
    }
    spans.len()
}

#[test]
fn no_two_attempts_of_a_tree_run_at_once_on_two_machines_whatever_is_killed_or_stopped() {
    let seed = variable("PGKIT_TEST_SEED").map_or(7, |seed| seed.parse().unwrap());
    let rounds: usize = variable("PGKIT_TEST_ROUNDS").map_or(12, |rounds| rounds.parse().unwrap());
    let contain = variable("PGKIT_TEST_CONTAIN").unwrap_or("strict".to_owned());
    let mut random = fastrand::Rng::with_seed(seed);
    let job = |name: &str, span: &str| {
        BEATING.replace("NAME", name).replace("SPAN", span).replace("CONTAIN", &contain)
    };
    let jobs = Jobs::new("chaos", &[job("short", "6"), job("long", "1000000")].concat());
    let machines = [Machine::new(), Machine::new()];
    let mut runners: [Option<Child>; 2] = [None, None];
    for round in 0..rounds {
        for (machine, runner) in machines.iter().zip(&mut runners) {
            // nsenter stops itself when its child is stopped, and does not go on by itself.
            if let Some(runner) = runner {
                signal(runner.id().cast_signed(), Signal::SIGCONT);
            }
            if runner.as_mut().is_none_or(|runner| runner.try_wait().unwrap().is_some()) {
                *runner =
                    Some(machine.start(&jobs.command(&["run", "--every", "1s", "--parallel", "2", "-q"])));
            }
        }
        std::thread::sleep(Duration::from_millis(random.u64(100..1500)));
        let fault = FAULTS[random.usize(0..FAULTS.len())];
        let Some(runner) = &runners[random.usize(0..2)] else { continue };
        // The child of nsenter is pgkit itself.
        let Some(pgkit) = fixture::children(runner.id().cast_signed()).first().copied() else { continue };
        let guards = fixture::children(pgkit);
        let mut all = descendants(pgkit);
        let ours: Vec<i32> = all
            .iter()
            .copied()
            .filter(|pid| comm(*pid).starts_with("pgkit") || comm(*pid) == "exe")
            .collect();
        all.push(pgkit);
        random.shuffle(&mut all);
        let mut both = guards.clone();
        both.push(pgkit);
        random.shuffle(&mut both);
        let past_the_lease = |pids: &[i32], random: &mut fastrand::Rng| {
            pids.iter().for_each(|pid| signal(*pid, Signal::SIGSTOP));
            std::thread::sleep(Duration::from_millis(random.u64(2500..9000)));
            pids.iter().for_each(|pid| signal(*pid, Signal::SIGCONT));
        };
        match fault {
            Fault::KillAll => both.iter().for_each(|pid| signal(*pid, Signal::SIGKILL)),
            Fault::KillEverything => all.iter().for_each(|pid| signal(*pid, Signal::SIGKILL)),
            Fault::KillRunner => signal(pgkit, Signal::SIGKILL),
            Fault::KillGuard => {
                if let Some(guard) = guards.get(random.usize(0..guards.len().max(1))) {
                    signal(*guard, Signal::SIGKILL);
                }
            }
            Fault::KillAny => signal(all[0], Signal::SIGKILL),
            Fault::StopAll => past_the_lease(&both, &mut random),
            Fault::StopGuard => past_the_lease(&guards, &mut random),
            Fault::StopOurs => past_the_lease(&[&ours[..], &[pgkit]].concat(), &mut random),
            Fault::Terminate => signal(pgkit, Signal::SIGTERM),
            Fault::Disconnect => {
                jobs.db.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()",
                );
            }
        }
        if round % 50 == 49 {
            for name in ["short", "long"] {
                no_overlap(&jobs.text(&format!("{name}.beats")), &format!("seed {seed}, by round {round}"));
            }
        }
    }
    for mut runner in runners.into_iter().flatten() {
        signal(runner.id().cast_signed(), Signal::SIGKILL);
        let _ = runner.wait();
    }
    drop(machines);
    let counts = ["short", "long"]
        .map(|name| no_overlap(&jobs.text(&format!("{name}.beats")), &format!("seed {seed}, {name}")));
    super::figure(&format!("{rounds} faults, seed {seed}, attempts of {counts:?}"), 0);
    assert!(counts.iter().all(|count| *count > rounds / 8), "the jobs hardly ran: {counts:?}");
    let twice = "SELECT count(*) FROM (SELECT FROM pgkit_run WHERE state = 'succeeded' GROUP BY app_name, run_date HAVING count(*) > 1) x";
    assert_eq!(jobs.db.value(twice), "0");
}

/// The name of a process.
fn comm(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

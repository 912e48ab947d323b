//! `jobs run --every` under a service manager: what it reports, and the units of the package.

use std::cell::RefCell;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use pgkit::sandbox::Stop;

use crate::support::jobs::{Jobs, Process};
use crate::support::*;

/// How long the manager waits for a sign of life.
const WATCHDOG: Duration = Duration::from_secs(2);

/// The service manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    name: String,
    /// Every line that was received, and when.
    heard: RefCell<Vec<(Instant, String)>>,
}

impl Manager {
    /// Creates one whose socket is a file.
    fn at(path: &Path) -> Manager {
        Manager::new(UnixDatagram::bind(path).unwrap(), path.to_str().unwrap().to_owned())
    }

    /// Creates one whose socket is abstract: it has a name but no file.
    fn named(name: &str) -> Manager {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        Manager::new(UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}"))
    }

    fn new(socket: UnixDatagram, name: String) -> Manager {
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        Manager { socket, name, heard: RefCell::default() }
    }

    /// Starts pgkit as a service whose main process must give signs of life.
    fn start(&self, jobs: &Jobs, args: &[&str]) -> Process {
        let mut command = jobs.command(args);
        command.env("NOTIFY_SOCKET", &self.name);
        command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        Process::start(&mut command)
    }

    /// Receives the lines that have been sent.
    fn listen(&self) {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let now = Instant::now();
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            self.heard.borrow_mut().extend(text.lines().map(|line| (now, line.to_owned())));
        }
    }

    /// Returns how many lines with this beginning have been received so far.
    fn count(&self, start: &str) -> usize {
        self.listen();
        self.heard.borrow().iter().filter(|(_, line)| line.starts_with(start)).count()
    }

    /// Waits until a line with this beginning is received.
    fn wait(&self, start: &str) {
        self.wait_for(start, 1);
    }

    fn wait_for(&self, start: &str, count: usize) {
        let begun = Instant::now();
        while self.count(start) < count {
            let heard = self.heard.borrow();
            assert!(
                begun.elapsed() < Duration::from_secs(40),
                "{count} of {start:?} not within 40 s: {heard:?}"
            );
        }
    }

    /// Forgets the lines that have been received.
    fn forget(&self) {
        self.listen();
        self.heard.borrow_mut().clear();
    }
}

/// A job that prints its environment and runs until it is stopped.
const LONG: &str = r#"
[[job]]
name = "long"
schedule = "1d"
pass_environment = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
command = "env > job.env; touch begun; until [ -e done ]; do sleep 0.05; done; exit 1"
on_failure = { command = "env > hook.env; touch told" }
"#;

#[test]
fn a_service_manager_hears_when_it_is_ready_that_it_lives_and_that_it_stops() {
    let jobs = Jobs::new("manager", LONG);
    let manager = Manager::at(&jobs.path("notify"));
    jobs.jobs(&["pause", "long"]);
    let runner = manager.start(&jobs, &["run", "--every", "60s"]);
    manager.wait("READY=1");
    // The first look at the tables must be over by then.
    assert_eq!(jobs.db.value("SELECT max_ongoing_age FROM pgkit_job WHERE app_name = 'long'"), "12:00:00");
    manager.wait("STATUS=1 job: 0 running");
    // It is idle, and nothing is due for a minute.
    manager.forget();
    manager.wait_for("WATCHDOG=1", 4);
    jobs.ends(0, &["resume", "long"]);
    // When the file changes, it looks at the tables again at once.
    jobs.write(&format!("{LONG}# changed\n"));
    drop(runner);
    let runner = manager.start(&jobs, &["run", "--every", "1s"]);
    jobs.wait("the job runs", || jobs.path("begun").exists());
    manager.wait("STATUS=1 job: 1 running");
    manager.forget();
    manager.wait_for("WATCHDOG=1", 6);
    let heard = manager.heard.borrow().clone();
    let at: Vec<Instant> = heard.iter().filter(|(_, line)| line == "WATCHDOG=1").map(|(at, _)| *at).collect();
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] < WATCHDOG), "{heard:?}");
    assert_eq!(manager.count("READY=1"), 0, "once is enough");
    // A runner whose loop does not run gives no signs.
    runner.signal(Signal::SIGSTOP);
    manager.forget();
    std::thread::sleep(WATCHDOG);
    assert_eq!(manager.count("WATCHDOG=1"), 0);
    runner.signal(Signal::SIGCONT);
    manager.wait("WATCHDOG=1");
    // No other process can report for it.
    let guards = runner.guards();
    assert!(!guards.is_empty());
    for guard in guards {
        let environment = std::fs::read(format!("/proc/{guard}/environ")).unwrap();
        let environment = String::from_utf8_lossy(&environment);
        assert!(
            !environment.contains("NOTIFY_SOCKET") && !environment.contains("WATCHDOG_"),
            "{environment}"
        );
        assert!(environment.contains("PGKIT_JOBS"));
    }
    std::fs::write(jobs.path("done"), "").unwrap();
    jobs.wait("the hook has run", || jobs.path("told").exists());
    for file in ["job.env", "hook.env"] {
        let environment = jobs.text(file);
        assert!(environment.contains("PGKIT_JOB=long"), "{file}: {environment}");
        assert!(
            !environment.contains("NOTIFY_SOCKET") && !environment.contains("WATCHDOG_"),
            "{file}: {environment}"
        );
    }
    assert_eq!(manager.count("STOPPING=1"), 0);
    runner.signal(Signal::SIGTERM);
    manager.wait("STOPPING=1");
    assert_eq!(runner.end().code, Some(143));
    assert_eq!(manager.count("STOPPING=1"), 1);
}

#[test]
fn it_says_that_it_stops_before_its_jobs_have_ended() {
    let jobs = Jobs::new(
        "stopping",
        "[[job]]\nname = \"stubborn\"\nschedule = \"1d\"\ncommand = \"trap '' TERM; touch begun; until [ -e done ]; do sleep 0.05; done\"\nkill_after = \"60s\"\n",
    );
    let manager = Manager::named(&format!("pgkit-{}/stopping", std::process::id()));
    let mut runner = manager.start(&jobs, &["run", "--every", "1s"]);
    jobs.wait("the job runs", || jobs.path("begun").exists());
    manager.wait("READY=1");
    runner.signal(Signal::SIGTERM);
    manager.wait("STOPPING=1");
    manager.wait("STATUS=stopping");
    assert!(!runner.has_ended());
    std::fs::write(jobs.path("done"), "").unwrap();
    assert_eq!(runner.end().code, Some(143));
    assert_eq!(jobs.attempts("stubborn"), ["succeeded 1"]);
}

#[test]
fn it_is_ready_when_there_is_a_server_and_alive_without_one() {
    let mut server = own_server(&options(bin()));
    let toml = "[[job]]\nname = \"j\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n";
    let jobs = Jobs::over(Db::existing(server.info(), "postgres"), toml);
    server.stop(Stop::Fast).unwrap();
    let manager = Manager::at(&jobs.path("notify"));
    let runner = manager.start(&jobs, &["run", "--every", "1s"]);
    manager.wait("STATUS=waiting for the server: ");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(manager.count("READY=1"), 0);
    // When the start is given up, the status stays.
    runner.signal(Signal::SIGTERM);
    manager.wait("STOPPING=1");
    assert_eq!(runner.end().code, Some(143));
    assert_eq!(manager.count("STATUS=stopping"), 0);
    manager.forget();
    let runner = manager.start(&jobs, &["run", "--every", "1s"]);
    manager.wait("STATUS=waiting for the server: ");
    server.start().unwrap();
    manager.wait("READY=1");
    manager.wait("STATUS=1 job: 0 running; next: j at ");
    manager.forget();
    server.stop(Stop::Fast).unwrap();
    manager.wait("STATUS=waiting for the server: ");
    manager.forget();
    manager.wait_for("WATCHDOG=1", 4);
    server.start().unwrap();
    manager.wait("STATUS=1 job: 0 running; next: j at ");
    assert_eq!(manager.count("READY=1"), 0);
    runner.signal(Signal::SIGTERM);
    let output = runner.end();
    assert_eq!(output.code, Some(143), "{}", output.snapshot());
    assert_eq!(manager.count("STOPPING=1"), 1);
}

#[test]
fn a_manager_that_cannot_be_told_hinders_nothing() {
    let jobs = Jobs::new("deaf", "[[job]]\nname = \"j\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n");
    let mut command = jobs.command(&["run", "-q", "--every", "1s"]);
    command.env("NOTIFY_SOCKET", "/nonexistent/notify");
    let runner = Process::start(&mut command);
    jobs.wait("the job has run", || jobs.attempts("j") == ["succeeded 1"]);
    runner.signal(Signal::SIGTERM);
    let output = runner.end();
    assert_eq!(output.code, Some(143));
    let warning =
        "WARNING: could not use the socket \"/nonexistent/notify\" of the service manager: No such file";
    assert!(output.stderr.contains(warning), "{}", output.snapshot());
}

/// The folder of the package's units.
fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/packaging/systemd")
}

/// The settings of a unit: `section key`, and the value.
fn settings(name: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(units().join(name)).unwrap();
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once('=') {
            Some((key, value)) => found.push((format!("{section} {key}"), value.to_owned())),
            None => section = line.trim_matches(['[', ']']).to_owned(),
        }
    }
    found
}

fn setting<'s>(settings: &'s [(String, String)], key: &str) -> &'s str {
    let found: Vec<&str> =
        settings.iter().filter(|(one, _)| one == key).map(|(_, value)| value.as_str()).collect();
    assert_eq!(found.len(), 1, "{key}: {found:?}");
    found[0]
}

#[test]
fn the_units_of_the_package_start_commands_that_exist_and_are_all_installed() {
    let tree = pgkit::commands::tree::tree(&pgkit::report::built_in(|_| true).unwrap(), &Vec::new());
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(units()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (stem, kind) = name.split_once('.').unwrap();
        assert!(manifest.contains(&format!("unit-name = \"{stem}\"")), "{name} is not installed");
        if kind != "service" {
            continue;
        }
        seen += 1;
        let settings = settings(&name);
        let line = setting(&settings, "Service ExecStart");
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], "/usr/bin/pgkit", "{name}");
        let matches = tree.clone().try_get_matches_from(&words).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (_, jobs) = matches.subcommand().unwrap();
        let (command, run) = jobs.subcommand().unwrap();
        assert_eq!(command, "run", "{name}");
        let every = run.get_one::<Duration>("every");
        // Only a runner that keeps running reports to the service manager.
        assert_eq!(setting(&settings, "Service Type"), if every.is_some() { "notify" } else { "oneshot" });
        assert_eq!(every.is_some(), settings.iter().any(|(key, _)| key == "Service WatchdogSec"), "{name}");
        assert_eq!(setting(&settings, "Service KillMode"), "mixed", "{name}: TERM is for the runner alone");
        assert_eq!(every.is_some(), setting(&settings, "Service SuccessExitStatus") == "143", "{name}");
    }
    assert_eq!(seen, 2);
}

#[test]
fn the_services_are_confined_alike() {
    // The settings in which the two units differ.
    let own = [
        "Type",
        "NotifyAccess",
        "ExecStart",
        "TimeoutStartSec",
        "Restart",
        "RestartSec",
        "RestartPreventExitStatus",
        "SuccessExitStatus",
        "WatchdogSec",
        "OOMPolicy",
    ];
    let rest = |name: &str| -> Vec<(String, String)> {
        let service = settings(name).into_iter().filter(|(key, _)| key.starts_with("Service "));
        service.filter(|(key, _)| !own.contains(&key.trim_start_matches("Service "))).collect()
    };
    let daemon = rest("pgkit-jobs-daemon.service");
    assert_eq!(rest("pgkit-jobs.service"), daemon);
    assert_eq!(setting(&daemon, "Service RestrictNamespaces"), "pid user mnt");
}

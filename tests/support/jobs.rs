//! What the tests of the jobs engine share: a database with its tables, a folder with a jobs file, pgkit on them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgkit::sandbox::Binaries;

use super::{Db, Output, bin, database, pgkit, run, server};

/// Jobs in a file, and the tables that they live in.
pub struct Jobs {
    pub db: Db,
    pub folder: tempfile::TempDir,
}

impl Jobs {
    /// These jobs on the server that all tests share.
    pub fn new(name: &str, toml: &str) -> Jobs {
        Jobs::on(bin(), name, toml)
    }

    /// These jobs on the shared server of this version.
    pub fn on(bin: &Binaries, name: &str, toml: &str) -> Jobs {
        Jobs::over(database(server(bin).info(), name), toml)
    }

    /// These jobs in this database.
    pub fn over(db: Db, toml: &str) -> Jobs {
        let jobs = Jobs { db, folder: tempfile::tempdir().unwrap() };
        // Adds the caller's pid, in the namespace that contains it, and its claim to a file: see `numbers`.
        let script = jobs.path("pid");
        std::fs::write(
            &script,
            "#!/bin/sh\nread -r _ _ _ caller _ < /proc/self/stat; echo $caller $PGKIT_CLAIM >> pids\n",
        )
        .unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        jobs.write(toml);
        let init = jobs.jobs(&["init"]);
        assert_eq!(init.code, Some(0), "{}", init.snapshot());
        jobs
    }

    /// Writes the jobs file anew.
    pub fn write(&self, toml: &str) {
        // As an editor does: whoever reads it meanwhile reads the one or the other.
        let new = self.path("jobs.toml.new");
        std::fs::write(&new, told_whom(toml)).unwrap();
        std::fs::rename(new, self.path("jobs.toml")).unwrap();
    }

    /// A file beside the jobs file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is in that file; empty where it is not there.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// `pgkit jobs` with these arguments.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = pgkit(&self.db);
        self.dress(&mut command);
        command.arg("jobs").args(args);
        command
    }

    /// Shows a command this folder: its jobs file, its state.
    pub fn dress(&self, command: &mut Command) {
        command.env("PGKIT_JOBS", self.path("jobs.toml")).env("XDG_STATE_HOME", self.path("state"));
        command.current_dir(self.folder.path());
    }

    /// Runs it to its end.
    pub fn jobs(&self, args: &[&str]) -> Output {
        run(&mut self.command(args))
    }

    /// Runs it to its end, which must be this one.
    pub fn ends(&self, code: i32, args: &[&str]) -> Output {
        let output = self.jobs(args);
        assert_eq!(output.code, Some(code), "{args:?}: {}", output.snapshot());
        output
    }

    /// Starts it.
    pub fn start(&self, args: &[&str]) -> Process {
        Process::start(&mut self.command(args))
    }

    /// The attempts of a job, oldest first: `state attempt`.
    pub fn attempts(&self, job: &str) -> Vec<String> {
        let sql =
            format!("SELECT state || ' ' || attempt FROM pgkit_run WHERE app_name = '{job}' ORDER BY id");
        self.db.sql(&sql).into_iter().map(|row| row[0].clone().unwrap()).collect()
    }

    /// How many attempts there are of all jobs.
    pub fn attempts_if_any(&self) -> usize {
        self.db.value("SELECT count(*) FROM pgkit_run").parse().unwrap()
    }

    /// One column of a job's row as text; empty where it is NULL or there is no row.
    pub fn row(&self, job: &str, column: &str) -> String {
        let rows = self.db.sql(&format!("SELECT {column}::text FROM crontabber WHERE app_name = '{job}'"));
        rows.into_iter().next().and_then(|row| row[0].clone()).unwrap_or_default()
    }

    /// Makes a job of crontabber's notation due.
    pub fn make_due(&self, job: &str) {
        self.db.sql(&format!(
            "UPDATE crontabber SET next_run = now() - interval '1 s' WHERE app_name = '{job}'"
        ));
    }

    /// Waits until a file holds so many lines.
    pub fn wait_for_lines(&self, name: &str, count: usize) {
        self.wait(&format!("{count} lines in {name}"), || self.text(name).lines().count() >= count);
    }

    /// Waits until a process is gone, while the server may be.
    pub fn wait_dead(&self, pid: i32) {
        let start = Instant::now();
        while lives(pid) {
            assert!(start.elapsed() < Duration::from_secs(40), "process {pid} lives");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until something is so, for at most 40 s.
    pub fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            let history = || self.jobs(&["history", "--output"]).snapshot();
            assert!(start.elapsed() < Duration::from_secs(40), "not within 40 s: {what}\n{}", history());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The text of a statement of pgkit's own, with the parts that it includes, on the tables in this schema.
pub fn statement(file: &Path, schema: &str) -> String {
    let part = |name: &str| {
        let path = format!("parts/{name}.sql");
        let path = file.ancestors().skip(1).map(|folder| folder.join(&path)).find(|path| path.exists());
        Some(&*std::fs::read_to_string(path?).unwrap().leak())
    };
    let whole = pgkit::sql::with_parts(&std::fs::read_to_string(file).unwrap(), &part).unwrap();
    whole.replace(":\"schema\"", schema)
}

/// The same jobs file with the user that root must name where the file starts programs.
pub fn told_whom(toml: &str) -> String {
    let is_asked = nix::unistd::geteuid().is_root() && toml.contains("command") && !toml.contains("user = ");
    if is_asked { format!("user = \"root\"\n{toml}") } else { toml.to_owned() }
}

/// A pgkit that runs. What it has started goes with it.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it, its output kept.
    pub fn start(command: &mut Command) -> Process {
        Process { child: command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap() }
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Output {
        let stdout = std::io::read_to_string(self.child.stdout.take().unwrap()).unwrap_or_default();
        let stderr = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap_or_default();
        Output { code: self.child.wait().unwrap().code(), stdout, stderr }
    }

    /// Has it ended?
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Its guards.
    pub fn guards(&self) -> Vec<i32> {
        children(self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A guard that a test has stopped hears nothing.
        for guard in self.guards() {
            let _ = kill(Pid::from_raw(guard), Signal::SIGCONT);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|child| stat(*child).is_some_and(|(_, parent)| parent == pid))
        .collect()
}

/// A process's state and parent; `None`: it is gone.
pub fn stat(pid: i32) -> Option<(char, i32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Does this process run? A zombie does not.
pub fn lives(pid: i32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// The pids in a file, one a line, as they are outside of what contains the processes: each is written as in its
/// namespace, with its claim if it has one. One that runs no more is a pid that no process has.
pub fn numbers(path: &Path) -> Vec<i32> {
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let (pid, claim) = line.split_once(' ').unwrap_or((line, ""));
            let pid: i32 = pid.trim().parse().ok()?;
            Some(outer(pid, claim, path.parent().unwrap()).unwrap_or(i32::MAX))
        })
        .collect()
}

/// The pid of a process with this claim, or without one in this folder, that has this pid in its namespace.
fn outer(inner: i32, claim: &str, folder: &Path) -> Option<i32> {
    let mark = format!("PGKIT_CLAIM={claim}");
    let mut all = std::fs::read_dir("/proc").unwrap().flatten();
    all.find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<i32>().ok()?;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let own = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().last()?;
        let is_of_it = match claim {
            "" => std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder),
            _ => environment.split(|byte| *byte == 0).any(|one| one == mark.as_bytes()),
        };
        let is_it = own == inner.to_string() && is_of_it;
        is_it.then_some(pid)
    })
}

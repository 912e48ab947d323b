//! `pgkit log` as a process against real servers: what is switched on comes off, whatever happens; and what is logged
//! is read, whatever it is written in.

mod corpus;
mod faults;
mod formats;
mod origins;
mod refusals;
mod report;
mod tail;

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::support::*;
use nix::sys::signal::Signal;
use pgkit::sandbox::{Binaries, Options, Server};

/// A stopped server that was started by hand, with arguments of its own; ended when dropped.
struct Postgres(Child);

impl Postgres {
    fn start(bin: &Binaries, db: &Db, args: &[&str]) -> Postgres {
        let owner = std::fs::metadata(&db.info.data_dir).unwrap();
        let mut command = Command::new(bin.program("postgres"));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").arg("-D").arg(&db.info.data_dir).args(args);
        command.current_dir(&db.info.socket_dir).stdout(Stdio::null()).stderr(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            command.gid(owner.gid()).uid(owner.uid());
        }
        Postgres(command.spawn().unwrap())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        kill(self.0.id().try_into().unwrap(), Signal::SIGQUIT);
        let _ = self.0.wait();
    }
}

/// A server of one's own, for its settings are the cluster's.
fn server_with(options: &Options) -> (Server, Db) {
    let server = own_server(options);
    let db = Db::existing(server.info(), "postgres");
    (server, db)
}

/// The keys and values of postgresql.auto.conf.
fn auto_conf(db: &Db) -> Vec<(String, String)> {
    let path = db.info.data_dir.join("postgresql.auto.conf");
    let text = std::fs::read_to_string(path).unwrap();
    let mut all: Vec<(String, String)> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    all.sort();
    all
}

/// Everything that stands at databases and roles.
fn db_role(db: &Db) -> Vec<Vec<Option<String>>> {
    db.sql("SELECT setdatabase, setrole, array_to_string(ARRAY(SELECT unnest(setconfig) ORDER BY 1), ' ') FROM pg_db_role_setting ORDER BY 1, 2")
}

/// `SHOW` in a fresh session, which a reload takes a moment to reach.
fn eventually_shows(db: &Db, setting: &str, value: &str) {
    eventually(&format!("{setting} = {value}"), || db.value(&format!("SHOW {setting}")) == value);
}

/// Runs `pgkit log …`.
fn log(db: &Db, args: &[&str]) -> Output {
    run(pgkit(db).arg("log").args(args))
}

/// As [`log`]; it must succeed.
fn ok(db: &Db, args: &[&str]) -> Output {
    let output = log(db, args);
    assert_eq!(output.code, Some(0), "{args:?}\n{}", output.snapshot());
    output
}

/// The helpers of that kind which belong to this server: their environment names its socket.
fn watchers(db: &Db) -> Vec<i32> {
    let here = format!("PGHOST={}", db.info.socket_dir.display());
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let is = |bytes: &[u8], text: &str| String::from_utf8_lossy(bytes).contains(text);
        if is(&read("cmdline"), "__helper\0watcher") && is(&read("environ"), &here) {
            all.push(pid);
        }
    }
    all
}

fn kill(pid: i32, signal: Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

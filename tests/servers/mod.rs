//! Several servers at once, the configuration file, and passwords that a command prints.

mod config;
mod fleet;
mod passwords;
mod saved;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::*;

/// Several databases of one server, each of which plays a server of its own.
struct Fleet {
    dbs: Vec<Db>,
    folder: tempfile::TempDir,
}

impl Fleet {
    /// Creates databases on the shared server, which services `s1`, `s2` … lead to.
    fn new(name: &str, count: usize) -> Fleet {
        Fleet::on(server(bin()).info(), name, count)
    }

    /// Does the same on another server.
    fn on(info: &pgkit::sandbox::Info, name: &str, count: usize) -> Fleet {
        let dbs: Vec<Db> = (1..=count).map(|i| database(info, &format!("{name}{i}"))).collect();
        let fleet = Fleet { dbs, folder: tempfile::tempdir().unwrap() };
        let sections = fleet.dbs.iter().zip(1..).map(|(db, i)| {
            let lines = fleet.conninfo(db).replace(' ', "\n");
            format!("[s{i}]\n{lines}\n")
        });
        fleet.write("services", &sections.collect::<String>());
        fleet
    }

    /// The connection string of a database.
    fn conninfo(&self, db: &Db) -> String {
        let (host, port) = (db.info.socket_dir.display(), db.info.port);
        format!("host={host} port={port} user={} dbname={}", db.info.user, db.name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Adds a service.
    fn service(&self, name: &str, conninfo: &str) {
        let text = std::fs::read_to_string(self.path("services")).unwrap();
        self.write("services", &format!("{text}[{name}]\n{}\n", conninfo.replace(' ', "\n")));
    }

    /// pgkit in the folder, with the services and the reports that are there.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = bare_pgkit();
        command.current_dir(self.folder.path()).env("PGSERVICEFILE", self.path("services"));
        command.env("PGKIT_QUERIES", self.folder.path()).env("PGKIT_CONFIG", "").args(args);
        command
    }

    fn pgkit(&self, args: &[&str]) -> Output {
        run(&mut self.command(args))
    }

    /// The rows of each server by itself, with its name before them, as tsv.
    fn one_by_one(&self, names: &[&str], args: &[&str]) -> String {
        let of = |name: &&str| {
            let one = self.pgkit(&[args, &["--service", name]].concat());
            assert_eq!(one.code, Some(0), "{}", one.snapshot());
            one.stdout.lines().map(|line| format!("{name}\t{line}\n")).collect::<String>()
        };
        names.iter().map(of).collect()
    }
}

/// The lines of stderr.
fn said(output: &Output) -> Vec<&str> {
    output.stderr.lines().collect()
}

/// The values of one column of tab-separated lines.
fn column(output: &Output, at: usize) -> Vec<&str> {
    output.stdout.lines().map(|line| line.split('\t').nth(at).unwrap_or_default()).collect()
}

/// Gives a file these permissions.
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

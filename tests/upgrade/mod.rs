//! `pgkit upgrade-check` as a process against real servers, and against pg_upgrade itself.

mod catalog;
mod clusters;
mod hostile;
mod oracle;
mod rehearsal;
mod usage;

use std::path::{Path, PathBuf};

use crate::support::*;
use pgkit::sandbox::{self, Binaries, Server};

/// A finding as the command prints it.
#[derive(Debug, Clone, serde::Deserialize)]
struct Found {
    severity: String,
    database: Option<String>,
    object: String,
    problem: String,
    fix: String,
    why: Option<String>,
    sql: Option<String>,
    check: String,
}

/// What `pgkit upgrade-check` said.
struct Said {
    code: Option<i32>,
    found: Vec<Found>,
    stderr: String,
}

impl Said {
    fn stops(&self) -> Vec<&Found> {
        self.found.iter().filter(|found| found.severity == "stops").collect()
    }

    /// What could not be looked at, but for what no check without the new version's programs can see.
    fn unseen(&self) -> Vec<&Found> {
        let unseen = self.of("unseen").into_iter();
        unseen.filter(|found| !found.object.starts_with("whether all of it")).collect()
    }

    fn of(&self, check: &str) -> Vec<&Found> {
        self.found.iter().filter(|found| found.check == check).collect()
    }
}

/// Runs its checks on the server of this database, without a rehearsal; what could not be looked at counts as fine.
fn check(db: &Db, args: &[&str]) -> Said {
    check_as(&db.info.user, db, args)
}

fn check_as(user: &str, db: &Db, args: &[&str]) -> Said {
    let mut all = vec!["--allow-unseen"];
    all.extend(args.contains(&"--new-bin-dir").then_some("--no-rehearsal"));
    all.extend(args);
    let said = look(user, db, &all);
    assert_eq!(said.code == Some(1), !said.stops().is_empty(), "{:?}", said.stops());
    said
}

/// Runs all of it.
fn rehearse(db: &Db, args: &[&str]) -> Said {
    let said = look(&db.info.user, db, args);
    let bad = said.found.iter().any(|found| matches!(found.severity.as_str(), "stops" | "unseen"));
    assert_eq!(said.code == Some(1), bad, "{:#?}", said.found);
    said
}

fn look(user: &str, db: &Db, args: &[&str]) -> Said {
    let mut command = pgkit(db);
    command.env("TMPDIR", temp()).env("PGUSER", user).args(["upgrade-check", "--json"]).args(args);
    let output = run(&mut command);
    assert!(matches!(output.code, Some(0 | 1)), "{args:?}\n{}", output.snapshot());
    let found: Vec<Found> = serde_json::from_str(&output.stdout).unwrap();
    Said { code: output.code, found, stderr: output.stderr }
}

/// The script that mends everything, run by psql.
fn mend(db: &Db, args: &[&str]) {
    let script = run(pgkit(db)
        .env("TMPDIR", temp())
        .args(["upgrade-check", "--fix-sql", "--allow-destructive"])
        .args(args.contains(&"--new-bin-dir").then_some("--no-rehearsal"))
        .args(args));
    assert!(matches!(script.code, Some(0 | 1)), "{}", script.snapshot());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &script.stdout).unwrap();
    let done = run(psql(db).arg("-q").arg("-f").arg(file.path()));
    assert_eq!(done.code, Some(0), "{}", done.snapshot());
}

/// Installations with pg_upgrade, newer than what pgkit finds by itself: `PGKIT_TEST_UPGRADE_BINS`, separated by colons.
/// Without them the tests that need one say so.
fn upgrade_bins() -> Vec<Binaries> {
    let listed = variable("PGKIT_TEST_UPGRADE_BINS").unwrap_or_default();
    let dirs: Vec<PathBuf> = listed.split(':').filter(|dir| !dir.is_empty()).map(PathBuf::from).collect();
    let all: Vec<Binaries> = dirs
        .iter()
        .map(|dir| sandbox::find_binaries(Some(dir), &variable).unwrap_or_else(|e| panic!("{e}")))
        .collect();
    for bin in &all {
        assert!(bin.program("pg_upgrade").is_file(), "no pg_upgrade in {}", bin.dir.display());
    }
    if all.is_empty() {
        say(format_args!("not run: no newer PostgreSQL with pg_upgrade (PGKIT_TEST_UPGRADE_BINS)"));
    }
    all
}

/// Every way from an installed version to a newer one on which both have pg_upgrade's programs.
fn every_way() -> Vec<(Binaries, Binaries)> {
    let newer = upgrade_bins();
    let whole = |bin: &&Binaries| ["pg_controldata", "pg_resetwal"].iter().all(|p| bin.program(p).is_file());
    let mut all = Vec::new();
    for old in std::iter::once(bin()).chain(&newer).filter(whole) {
        for new in newer.iter().filter(|new| new.major > old.major) {
            all.push((old.clone(), new.clone()));
        }
    }
    all
}

/// Whether every way is tried, and not some of them.
fn tries_every_way() -> bool {
    variable("PGKIT_TEST_UPGRADE_MATRIX").is_some()
}

/// The way from each version to the next one; with `PGKIT_TEST_UPGRADE_MATRIX=1` every way.
fn ways() -> Vec<(Binaries, Binaries)> {
    let mut all = every_way();
    if !tries_every_way() {
        all.sort_by_key(|(old, new)| (old.major, new.major));
        all.dedup_by_key(|(old, _)| old.major);
    }
    all
}

/// A server for one test, and its database `postgres`.
fn old_server(bin: &Binaries, conf: &[(&str, &str)]) -> (Server, Db) {
    let mut options = options(bin);
    for (name, value) in conf {
        options = options.conf(name, value);
    }
    let server = own_server(&options);
    let db = Db::existing(server.info(), "postgres");
    (server, db)
}

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

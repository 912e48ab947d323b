//! Every file in `planted/` plants faults on a real server. `doctor` must find exactly those, and nothing after they
//! are repaired.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pgkit::sandbox::Binaries;
use serde::Deserialize;

use crate::support::every::on_every_server;
use crate::support::{
    Db, Session, cannot_list_extensions, database, options, own_server, pgkit, run, server, with,
};

/// The header of a file, which is TOML in comments before its statements.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(default = "oldest")]
    since: u32,
    #[serde(default = "newest")]
    until: u32,
    /// The checks whose findings are compared.
    checks: Vec<String>,
    /// The expected findings of these checks: severity, check and object.
    #[serde(default)]
    expect: Vec<String>,
    /// Other checks that may find something as well.
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    own: bool,
    #[serde(default)]
    settings: Vec<String>,
    #[serde(rename = "for")]
    sample: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    role: Option<String>,
    /// Texts that must occur in the sentences of the findings.
    #[serde(default)]
    text: Vec<String>,
}

impl Header {
    /// Returns whether the file needs a server of its own.
    fn is_own(&self) -> bool {
        self.own || !self.settings.is_empty()
    }
}

fn oldest() -> u32 {
    10
}

fn newest() -> u32 {
    u32::MAX
}

/// A file of `planted/`.
struct Plant {
    name: String,
    header: Header,
    /// The blocks of statements, each with the words after the `@` above it.
    blocks: Vec<(String, String)>,
}

impl Plant {
    fn read(path: &Path) -> Plant {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        // The description ends with an empty comment. Any comment after the keys belongs to the statements.
        let described =
            1 + text.lines().position(|line| line.trim_end() == "--").unwrap_or_else(|| panic!("{name}"));
        let keys = text.lines().skip(described).map_while(|line| line.strip_prefix("-- "));
        let toml: Vec<&str> =
            keys.take_while(|line| line.contains(" = ") && !line.starts_with('@')).collect();
        let header: Header = toml::from_str(&toml.join("\n")).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut blocks = vec![("main".to_owned(), String::new())];
        for line in text.lines().skip(described + toml.len()) {
            match line.strip_prefix("-- @") {
                Some(word) => blocks.push((word.trim().to_owned(), String::new())),
                None => {
                    let last = blocks.last_mut().unwrap();
                    last.1.push_str(line);
                    last.1.push('\n');
                }
            }
        }
        Plant { name, header, blocks }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor/planted")
}

fn plants() -> Vec<Plant> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| Plant::read(path)).collect()
}

/// Returns the names of the checks of which a file expects a finding.
pub fn planted_checks() -> BTreeSet<String> {
    let expected = |plant: &Plant| {
        let names = plant.header.expect.iter().filter_map(|text| text.split(' ').nth(1).map(str::to_owned));
        names.collect::<Vec<_>>()
    };
    plants().iter().flat_map(expected).collect()
}

/// Splits a block into its statements.
fn statements(block: &str) -> Vec<&str> {
    let mut from = 0;
    let mut all: Vec<&str> = Vec::new();
    for end in pgkit::sql::scan(block).separators {
        all.push(&block[from..end]);
        from = end + 1;
    }
    all.push(&block[from..]);
    all.retain(|statement| !pgkit::sql::is_blank(statement));
    all
}

/// The sessions of a plant.
#[derive(Default)]
struct Sessions {
    open: BTreeMap<String, Session>,
    blocked: Vec<JoinHandle<Result<(), tokio_postgres::Error>>>,
    /// Blocks that are repeated while `doctor` runs.
    during: Vec<(String, String)>,
    working: Vec<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Sessions {
    fn execute(&mut self, db: &Db, blocks: &[(String, String)]) {
        for (word, block) in blocks {
            let (verb, name) = word.split_once(' ').unwrap_or((word, ""));
            match verb {
                "main" | "healthy" => self.run("main", db, block, true),
                "fails" => self.run("main", db, block, false),
                "session" => self.run(name, db, block, true),
                "close" => drop(self.open.remove(name)),
                "during" => self.during.push((name.to_owned(), block.clone())),
                "start" => {
                    let session = self.open.remove(name).unwrap_or_else(|| db.session());
                    self.blocked.push(session.send(block));
                    // After this time, the session waits for its lock or is done.
                    std::thread::sleep(Duration::from_millis(100));
                }
                "sleep" => {
                    let seconds: f64 = name.trim_end_matches('s').parse().unwrap();
                    std::thread::sleep(Duration::from_secs_f64(seconds));
                    self.run("main", db, block, true);
                }
                other => panic!("unknown word @{other}"),
            }
        }
    }

    /// Starts repeating the blocks of `@during`, each in a session of its own.
    fn work(&mut self, db: &Db) {
        for (_, block) in std::mem::take(&mut self.during) {
            let (session, is_over) = (db.session(), Arc::clone(&self.is_over));
            self.working.push(std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    for statement in statements(&block) {
                        // Some of these statements are meant to fail with a deadlock.
                        let _ = session.try_sql(statement);
                    }
                }
            }));
        }
    }

    /// Stops repeating them.
    fn stop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.working.drain(..).for_each(|thread| drop(thread.join()));
    }

    fn run(&mut self, name: &str, db: &Db, block: &str, must_succeed: bool) {
        let session = self.open.entry(name.to_owned()).or_insert_with(|| db.session());
        for statement in statements(block) {
            let done = session.try_sql(statement);
            if let (Err(e), true) = (&done, must_succeed) {
                panic!("{e:?}\n{statement}");
            }
        }
        if name == "main" {
            // A session reports its statistics at the latest when it ends.
            self.open.remove("main");
        }
    }
}

/// Runs `doctor` and returns the findings of this database and of the cluster: severity, check, object, database and
/// sentence. A healthy database is judged only by the checks of the header.
fn findings(db: &Db, header: &Header, is_planted: bool) -> Vec<Vec<String>> {
    let mut args: Vec<&str> =
        vec!["doctor", "--columns", "severity,check,object,database,finding", "-q", "--json", "--database"];
    args.push(&db.name);
    // After the repair, only the checks of the header run.
    if !is_planted {
        args.extend(header.checks.iter().map(String::as_str));
    }
    args.extend(header.sample.iter().flat_map(|length| ["--for", length]));
    args.extend(header.args.iter().map(String::as_str));
    args.extend(header.role.iter().flat_map(|role| ["-U", role]));
    let output = run(&mut with(pgkit(db), &args));
    assert!(output.code == Some(0) || output.code == Some(1), "{}", output.snapshot());
    let rows: Vec<BTreeMap<String, Option<String>>> =
        serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", output.snapshot()));
    let text = |row: &BTreeMap<String, Option<String>>, name: &str| row[name].clone().unwrap_or_default();
    rows.iter()
        .map(|row| {
            ["severity", "check", "object", "database", "finding"].map(|name| text(row, name)).to_vec()
        })
        .filter(|row| header.is_own() || row[3].is_empty() || row[3] == db.name)
        .collect()
}

/// Returns how the findings differ from the expected ones; `None` if they do not.
fn fault(db: &Db, header: &Header, expect: &[String]) -> Option<String> {
    let expected = |text: &String| text.replace("{database}", &db.name).trim_end().to_owned();
    let expect: BTreeSet<String> = expect.iter().map(expected).collect();
    let all = findings(db, header, !expect.is_empty());
    let is_of = |row: &&Vec<String>| header.checks.contains(&row[1]);
    let found: BTreeSet<String> =
        all.iter().filter(is_of).map(|row| row[..3].join(" ").trim_end().to_owned()).collect();
    if found != expect {
        return Some(format!("expected {expect:#?}\nfound {found:#?}"));
    }
    // No other check may find anything but notes in this database.
    let is_odd_build = cannot_list_extensions(db);
    let is_other = |row: &&Vec<String>| {
        // In these builds, pg_available_extensions fails.
        if is_odd_build && row[1].starts_with("extension-") {
            return false;
        }
        !is_of(row) && row[0] != "note" && row[3] == db.name && !header.also.contains(&row[1])
    };
    let others: Vec<&Vec<String>> = all.iter().filter(is_other).collect();
    if !others.is_empty() {
        return Some(format!("unexpected findings: {others:?}"));
    }
    let missing: Vec<&String> = header
        .text
        .iter()
        .filter(|text| !expect.is_empty() && !all.iter().filter(is_of).any(|row| row[4].contains(*text)))
        .collect();
    (!missing.is_empty()).then(|| format!("no sentence contains {missing:?}: {all:?}"))
}

/// Plants the faults of a file and repairs them. Returns how the findings differ from the expected ones.
fn try_plant(plant: &Plant, db: &Db) -> Option<String> {
    let (header, mut sessions) = (&plant.header, Sessions::default());
    let healthy = plant.blocks.iter().position(|(word, _)| word == "healthy");
    let (planted, mended) = plant.blocks.split_at(healthy.unwrap_or(plant.blocks.len()));
    sessions.execute(db, planted);
    sessions.work(db);
    let fault_now = |expect: &[String]| fault(db, header, expect);
    if let Some(fault) = fault_now(&header.expect) {
        return Some(fault);
    }
    if mended.is_empty() {
        return None;
    }
    sessions.execute(db, mended);
    sessions.stop();
    fault_now(&[]).map(|fault| format!("after @healthy: {fault}"))
}

/// Tries a plant, and catches panics. Returns how the findings differ from the expected ones.
fn tried(plant: &Plant, bin: &Binaries, number: usize) -> Option<String> {
    /// Locked while a server listens on TCP, since all servers have the same port.
    static PORT: Mutex<()> = Mutex::new(());
    let listens = plant.header.settings.iter().any(|setting| setting.starts_with("listen_addresses"));
    let _port = listens.then(|| PORT.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| on_server(plant, bin, number)));
    tried.unwrap_or_else(|_| Some("its server or its statements failed".to_owned()))
}

fn on_server(plant: &Plant, bin: &Binaries, number: usize) -> Option<String> {
    // With this setting and no standby, no commit returns, not even that of the CREATE DATABASE below.
    let (late, early): (Vec<&String>, Vec<&String>) =
        plant.header.settings.iter().partition(|setting| setting.starts_with("synchronous_standby_names"));
    let own = plant.header.is_own().then(|| {
        let mut options = options(bin);
        for setting in early {
            let (name, value) = setting.split_once('=').unwrap();
            options = options.conf(name.trim(), value.trim().trim_matches('\''));
        }
        own_server(&options)
    });
    let info = own.as_ref().map_or_else(|| server(bin).info(), |own| own.info());
    let db = database(info, &format!("plant_{number}"));
    for setting in &late {
        db.sql(&format!("ALTER SYSTEM SET {setting}"));
        db.sql("SELECT pg_reload_conf()");
    }
    let fault = try_plant(plant, &db);
    for _ in &late {
        db.sql("ALTER SYSTEM RESET synchronous_standby_names");
        db.sql("SELECT pg_reload_conf()");
    }
    fault
}

/// How many plants with a server of their own run at once. Most plants spend their time waiting.
const SERVERS: usize = 5;

fn every_planted_fault_is_found_and_nothing_else(bin: &Binaries) {
    let only = crate::support::variable("PGKIT_TEST_PLANT");
    let is_meant = |plant: &Plant| {
        (plant.header.since..=plant.header.until).contains(&bin.major)
            && only.as_ref().is_none_or(|only| plant.name.starts_with(only.as_str()))
    };
    let (own, shared): (Vec<_>, Vec<_>) = plants()
        .into_iter()
        .enumerate()
        .filter(|(_, plant)| is_meant(plant))
        .partition(|(_, plant)| plant.header.is_own());
    let faults = Mutex::new(Vec::new());
    let queue = Mutex::new(own);
    let take = |number: usize, plant: &Plant| {
        if let Some(fault) = tried(plant, bin, number) {
            faults.lock().unwrap().push(format!("{}: {fault}", plant.name));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..SERVERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().pop();
                    let Some((number, plant)) = next else { break };
                    take(number, &plant);
                }
            });
        }
        // These run one after the other, because roles are shared by all databases.
        shared.iter().for_each(|(number, plant)| take(*number, plant));
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} plants:\n{}", faults.len(), faults.join("\n\n"));
}
on_every_server!(every_planted_fault_is_found_and_nothing_else);

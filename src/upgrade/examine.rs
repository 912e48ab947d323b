//! The examination: first the old server, database by database, then whether the new one accepts what was found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::checks::{self, CHECKS, Check, Scope};
use super::cluster::{self, Old};
use super::finding::{Finding, Severity};
use super::libraries::{self, Use, Verdict};
use super::locks::{Dumped, Table};
use super::rehearsal::{self, Plan};
use super::settings::{self, Used};
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::sandbox::{self, Binaries, Options};
use crate::session::{Echo, InFlight, Reader, Settings, Value, is_dropped, is_missing};
use crate::sql::{self, Reach};

const DUMPED: &str = include_str!("../../queries/upgrade/dumped.sql");
const OLD: &str = include_str!("../../queries/upgrade/old.sql");
const LIST: &str = include_str!("../../queries/upgrade/list.sql");
const LIBRARIES: &str = include_str!("../../queries/upgrade/libraries.sql");
const EXTENSIONS: &str = include_str!("../../queries/upgrade/extensions.sql");
const SETTINGS_FUNCTIONS: &str = include_str!("../../queries/upgrade/settings_functions.sql");
const LOCALES_USED: &str = include_str!("../../queries/upgrade/locales_used.sql");
const ICU_COLLATIONS: &str = include_str!("../../queries/upgrade/icu_collations.sql");

/// The programs of the new version, and the cluster that was made with them, if any.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The programs' location, and what is needed to start a throwaway server of them.
    pub sandbox: Options,
    /// The new cluster.
    pub data_dir: Option<PathBuf>,
}

impl Installation {
    /// Returns the programs.
    pub fn binaries(&self) -> &Binaries {
        &self.sandbox.settings.binaries
    }
}

/// What is to be examined, and how.
pub struct Examination<'a> {
    /// A session of the old server.
    pub target: Target,
    /// How its transactions are set up.
    pub settings: Settings,
    /// Shows the SQL.
    pub echo: Echo,
    /// The running statement, which a signal cancels.
    pub running: InFlight,
    /// Asks for a password.
    pub ask: fn(&str) -> Result<String>,
    /// The new major version; `None` means the newest that is known.
    pub to: Option<u32>,
    /// The new version's programs.
    pub new: Option<Installation>,
    /// How the restore is rehearsed with those programs.
    pub plan: Plan,
    /// Called with messages about steps that take a while and about what could not be examined.
    pub tell: &'a dyn Fn(&str),
}

/// What was found.
#[derive(Debug)]
pub struct Examined {
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// The database that was connected to.
    pub home: String,
    /// The major version to upgrade to.
    pub to: u32,
    /// A warning about the server's log settings, if they should have been switched back by now.
    pub overdue: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Database {
    pub(super) name: String,
    pub(super) open: bool,
    allowed: bool,
    encoding: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    pub(super) count: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extension {
    pub(super) database: String,
    pub(super) name: String,
    pub(super) version: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Locale {
    pub(super) object: String,
    pub(super) provider: String,
    pub(super) locale: String,
    pub(super) version: String,
}

/// What the old cluster uses that the new server must have.
#[derive(Debug, Default, Clone)]
pub(super) struct Needs {
    pub(super) libraries: Vec<Use>,
    pub(super) extensions: Vec<Extension>,
    /// Each with the database, if it is a function's.
    pub(super) settings: Vec<(Option<String>, Used)>,
    /// Each with the database.
    pub(super) locales: Vec<(String, Locale)>,
    /// Collations that need a server with ICU.
    pub(super) icu: Vec<checks::Row>,
    pub(super) logical_slots: u64,
    pub(super) subscriptions: u64,
    /// The number of relations of the database that has the most, and its name.
    pub(super) relations: Option<(i64, String)>,
}

/// An examination in progress.
pub(super) struct Work<'a> {
    pub(super) examination: &'a Examination<'a>,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) findings: Vec<Finding>,
    pub(super) needs: Needs,
    /// The libraries that the new server must load at its start.
    pub(super) preload: Vec<String>,
    /// The longest time that one of our queries took; pg_upgrade's take about as long.
    pub(super) longest: Duration,
    /// The lock table of the old server, if it is known.
    pub(super) lock_table: Option<Table>,
    /// The databases whose restore can be rehearsed.
    rehearsable: Vec<rehearsal::Database>,
}

/// Examines the old server, and tries what it needs on the new one.
///
/// Errors: no connection (69), the new version is not newer (64), the new cluster's folder contains no cluster
/// (65).
pub async fn examine(examination: &Examination<'_>) -> Result<Examined> {
    let mut reader = examination.reader(&examination.target).await?;
    let from = reader.version().major();
    let to = examination.goal(from, &reader)?;
    if let Some(new) = &examination.new {
        check_data_dir(new, to)?;
    }
    let old: Vec<Old> = reader.structs(OLD, &[]).await?;
    let old = old.into_iter().next().ok_or_else(|| Error::bug("a server without template0"))?;
    let databases: Vec<Database> = reader.structs(LIST, &[]).await?;
    // The target now has the password that was typed, so it is not asked for again.
    let target = reader.target().clone();
    let home = reader.database().to_owned();
    let overdue = reader.overdue().map(str::to_owned);

    let mut work = Work {
        examination,
        from,
        to,
        findings: Vec::new(),
        needs: Needs::default(),
        preload: Vec::new(),
        longest: Duration::ZERO,
        lock_table: None,
        rehearsable: Vec::new(),
    };
    if old.is_standby {
        work.findings.push(
            Finding::new(
                Severity::Note,
                "standby",
                "server",
                "is a standby",
                "upgrade the primary; check it too, for what only it has, such as slots",
            )
            .because("pg_upgrade rejects a cluster that was shut down in recovery"),
        );
    }
    work.install_user(&old);
    work.cluster(&mut reader).await?;
    work.hba(&mut reader, &old, &databases).await?;
    reader.close().await;
    for database in &databases {
        work.database(&target, database).await?;
    }
    work.afterwards();
    work.timeouts(&old);
    match &examination.new {
        Some(new) => {
            work.tried(new, &old, &target).await?;
            let databases = std::mem::take(&mut work.rehearsable);
            work.rehearse(new, &old, &target, &databases).await?;
        }
        None => {
            work.by_catalog(&old);
            work.findings.push(Finding::unseen(
                rehearsal::WHAT,
                None,
                "give the directory of the new version's programs with --new-bin-dir",
                "only a server of the new version can tell",
            ));
        }
    }
    let mut findings = work.findings;
    // Names in the statements are as the server sent them.
    for finding in &mut findings {
        let Some(statement) = &mut finding.sql else { continue };
        let inside = finding.run_in.as_deref().unwrap_or(&home);
        let encoding = databases.iter().find(|one| one.name == inside).map(|one| one.encoding.as_str());
        let reach = Reach::of(encoding.unwrap_or("SQL_ASCII"), from);
        *statement = sql::harmless_line(statement, reach).into_owned();
    }
    findings.sort();
    findings.dedup();
    Ok(Examined { findings, home, to, overdue })
}

impl Examination<'_> {
    pub(super) async fn reader(&self, target: &Target) -> Result<Reader> {
        let mut ask = self.ask;
        Reader::connect(target, self.settings.clone(), self.echo.clone(), &self.running, &mut ask).await
    }

    /// Returns the version to upgrade to.
    fn goal(&self, from: u32, reader: &Reader) -> Result<u32> {
        let named = self.new.as_ref().map(|new| new.binaries().major).or(self.to);
        match named {
            Some(to) if to > from => {
                let newest = crate::connect::ServerVersion::NEWEST;
                if to > newest {
                    (self.tell)(&format!(
                        "this pgkit knows PostgreSQL up to {newest}: it may miss what stops an upgrade to {to}"
                    ));
                }
                Ok(to)
            }
            Some(to) => {
                let what = match &self.new {
                    Some(new) => format!(
                        "--new-bin-dir: {} holds PostgreSQL {}",
                        new.binaries().dir.display(),
                        new.binaries().version
                    ),
                    None => format!("--to {to}"),
                };
                Err(Error::usage(format!("{what}, but the running server is {}", reader.version()))
                    .hint("pg_upgrade can only upgrade to a newer major version"))
            }
            None => {
                let newest = crate::connect::ServerVersion::NEWEST;
                if newest > from {
                    (self.tell)(&format!("no --to: assuming PostgreSQL {newest}"));
                    Ok(newest)
                } else {
                    Err(Error::usage(format!("the running server is already {}", reader.version()))
                        .hint("name a newer version with --to or --new-bin-dir"))
                }
            }
        }
    }
}

/// Checks that the new cluster's folder contains a cluster, of the version of the programs.
fn check_data_dir(new: &Installation, to: u32) -> Result<()> {
    let Some(dir) = &new.data_dir else { return Ok(()) };
    let version = sandbox::cluster_version(dir).map_err(|e| {
        let error = match e.kind() {
            std::io::ErrorKind::PermissionDenied => {
                Error::new(Exit::Permission, format!("--new-data-dir: cannot read {}", dir.display()))
                    .hint("run this as the new cluster's owner")
            }
            _ => Error::data(format!("--new-data-dir: {} is not a PostgreSQL cluster", dir.display()))
                .hint("leave it out to see the initdb line that creates a matching one"),
        };
        error.caused_by(e)
    })?;
    if version != to.to_string() {
        return Err(Error::data(format!(
            "--new-data-dir: {} is a cluster of PostgreSQL {}, but the programs are of {to}",
            dir.display(),
            version
        )));
    }
    Ok(())
}

impl Work<'_> {
    /// Returns the rows of a query. If it is refused or takes too long, that becomes a finding, and the examination
    /// goes on.
    pub(super) async fn rows<T: DeserializeOwned>(
        &mut self,
        reader: &mut Reader,
        what: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<T>> {
        let begun = tokio::time::Instant::now();
        let answer = reader.structs(sql, params).await;
        self.longest = self.longest.max(begun.elapsed());
        match answer {
            Ok(rows) => Ok(rows),
            Err(e) if e.sqlstate.is_some() && matches!(e.exit, Exit::Permission | Exit::TryAgain) => {
                reader.reopen(None).await?;
                let fix = match e.exit {
                    Exit::Permission => "run this as a superuser",
                    _ => "try again, or allow it more time (--statement-timeout, --lock-timeout)",
                };
                let database = reader.database().to_owned();
                self.unseen(what, Some(&database), fix, &e);
                Ok(Vec::new())
            }
            Err(e) => {
                let message = format!("database {:?}, {what}: {}", reader.database(), e.message);
                Err(Error { message, ..e })
            }
        }
    }

    pub(super) fn unseen(&mut self, what: &str, database: Option<&str>, fix: &str, why: &Error) {
        let place = database.map(|name| format!("database {name:?}: ")).unwrap_or_default();
        (self.examination.tell)(&format!("{place}could not look at {what}: {}", why.message));
        self.findings.push(Finding::unseen(what, database, fix, why.message.clone()));
    }

    pub(super) async fn check(&mut self, reader: &mut Reader, check: &Check) -> Result<()> {
        let rows: Vec<checks::Row> =
            self.rows(reader, check.about, check.sql, &[Value::Int8(i64::from(self.to))]).await?;
        if check.name == "slots" {
            self.needs.logical_slots = rows.iter().filter(|row| row.is_carried_slot()).count() as u64;
        }
        self.findings.extend(rows.into_iter().map(|row| row.finding(check.name)));
        Ok(())
    }

    /// Examines one database. If it cannot be connected to, that becomes a finding and a message.
    async fn database(&mut self, target: &Target, database: &Database) -> Result<()> {
        let name = &database.name;
        // template0 is as initdb made it; for other databases that refuse all connections there are findings
        // already.
        if !database.open {
            if name != "template0" {
                (self.examination.tell)(&format!("database {name:?} refuses connections: skipped"));
            }
            return Ok(());
        }
        let mut reader = match self.examination.reader(&target.with_database(name)).await {
            Ok(reader) => reader,
            Err(e) if matches!(e.exit, Exit::Io | Exit::Bug) => return Err(e),
            Err(e) if is_missing(&e) => {
                self.tell_dropped(name);
                return Ok(());
            }
            Err(e) => {
                let fix = if database.allowed {
                    "see the server's pg_hba.conf and limits"
                } else {
                    "GRANT CONNECT, or run this as a superuser"
                };
                self.unseen("all that is in it", Some(name), fix, &e);
                return Ok(());
            }
        };
        let (known, needs) = (self.findings.len(), self.needs.clone());
        let Err(ended) = self.entered(&mut reader, database).await else {
            reader.close().await;
            return Ok(());
        };
        if ended.exit != Exit::Unavailable {
            return Err(ended);
        }
        if is_dropped(async || self.examination.reader(&target.with_database(name)).await).await {
            self.tell_dropped(name);
            self.findings.truncate(known);
            self.needs = needs;
            return Ok(());
        }
        // If no session is possible in another database either, the server is gone.
        self.examination.reader(target).await.map_err(|_| ended.clone())?.close().await;
        self.unseen("the rest of it", Some(name), "try again", &ended);
        Ok(())
    }

    /// Tells the user that a database was dropped after the list of databases was read.
    fn tell_dropped(&self, name: &str) {
        (self.examination.tell)(&format!("database {name:?} was dropped in the meantime"));
    }

    /// Examines the database of this session.
    async fn entered(&mut self, reader: &mut Reader, database: &Database) -> Result<()> {
        let name = &database.name;
        for check in CHECKS.iter().filter(|check| check.scope == Scope::Database) {
            if check.applies(self.from, self.to) {
                self.check(reader, check).await?;
            }
        }
        let libraries: Vec<Use> = self.rows(reader, "libraries", LIBRARIES, &[]).await?;
        self.needs.libraries.extend(libraries);
        let extensions: Vec<Extension> = self.rows(reader, "extensions", EXTENSIONS, &[]).await?;
        self.needs.extensions.extend(extensions);
        let used: Vec<Used> = self.rows(reader, "settings of functions", SETTINGS_FUNCTIONS, &[]).await?;
        self.needs.settings.extend(used.into_iter().map(|one| (Some(name.clone()), one)));
        let icu: Vec<checks::Row> = self.rows(reader, "collations", ICU_COLLATIONS, &[]).await?;
        self.needs.icu.extend(icu);
        if self.from >= 15 {
            let locales: Vec<Locale> = self.rows(reader, "locales", LOCALES_USED, &[]).await?;
            self.needs.locales.extend(locales.into_iter().map(|one| (name.clone(), one)));
        }
        let dumped: Vec<Dumped> = self.rows(reader, "what a dump locks", DUMPED, &[]).await?;
        if let Some(dumped) = dumped.first() {
            self.dumped(database, *dumped);
        }
        Ok(())
    }

    /// Determines whether the database can be dumped, and whether that is to be tried now.
    fn dumped(&mut self, database: &Database, dumped: Dumped) {
        if self.needs.relations.as_ref().is_none_or(|(most, _)| dumped.relations > *most) {
            self.needs.relations = Some((dumped.relations, database.name.clone()));
        }
        let Some(table) = self.lock_table else { return };
        let name = &database.name;
        if let Some(finding) = table.finding(name, dumped) {
            self.findings.push(finding);
        } else if let Some(why) = table.hinders(dumped) {
            if self.examination.new.is_some() {
                let fix = "raise max_locks_per_transaction, or try again when less is locked";
                self.findings.push(Finding::unseen(rehearsal::WHAT, Some(name), fix, why));
            }
        } else {
            let encoding = database.encoding.clone();
            self.rehearsable.push(rehearsal::Database { name: name.clone(), encoding });
        }
    }

    /// Adds what is known about the new server without its programs.
    fn by_catalog(&mut self, old: &Old) {
        let verdicts: BTreeMap<String, Verdict> = libraries::to_load(&self.needs.libraries)
            .into_iter()
            .map(|name| {
                let verdict = libraries::by_catalog(&name, self.to);
                (name, verdict)
            })
            .collect();
        self.findings.extend(libraries::findings(&self.needs.libraries, &verdicts, None));
        for (database, used) in &self.needs.settings {
            if settings::removed(&used.name, self.to).is_some() {
                let why = format!("{} has no setting {}", self.to, used.name);
                self.findings.push(settings::refused(used, &why, self.to, database.as_deref()));
            }
        }
        self.yet_to_make(old, None);
    }

    /// Adds how to make the new cluster, and what it must have.
    pub(super) fn yet_to_make(&mut self, old: &Old, new: Option<&Installation>) {
        let bin_dir = new.map(|new| new.binaries().dir.as_path());
        self.findings.push(
            Finding::new(
                Severity::Note,
                "initdb",
                "new cluster",
                "does not exist yet",
                cluster::initdb_line(old, self.to, bin_dir, None),
            )
            .because("its user, encoding, locale, WAL segments and checksums must match the old one's"),
        );
        if self.needs.logical_slots > 0 {
            self.findings.push(Finding::new(
                Severity::Note,
                "slots",
                "new cluster",
                format!("takes over {} logical replication slots", self.needs.logical_slots),
                format!(
                    "set wal_level = logical and max_replication_slots to {} or more there, before pg_upgrade",
                    self.needs.logical_slots
                ),
            ));
        }
    }
}

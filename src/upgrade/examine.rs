//! The examination: the old server first, database by database, then what of it the new one takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::checks::{self, CHECKS, Check, Scope};
use super::cluster::{self, Old};
use super::libraries::{self, Use, Verdict};
use super::settings::{self, Used};
use super::trial::{Facts, Trial};
use super::{Finding, Severity};
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::sandbox::{Binaries, Options};
use crate::session::{Echo, Reader, Running, Settings, Value};

const OLD: &str = include_str!("../../queries/upgrade/old.sql");
const LIST: &str = include_str!("../../queries/upgrade/list.sql");
const LIBRARIES: &str = include_str!("../../queries/upgrade/libraries.sql");
const EXTENSIONS: &str = include_str!("../../queries/upgrade/extensions.sql");
const SETTINGS_USED: &str = include_str!("../../queries/upgrade/settings_used.sql");
const SETTINGS_FUNCTIONS: &str = include_str!("../../queries/upgrade/settings_functions.sql");
const LEFTOVERS: &str = include_str!("../../queries/upgrade/tablespace_leftovers.sql");
const PRELOADED: &str = include_str!("../../queries/upgrade/preloaded.sql");

/// The programs of the new version, and the cluster that was made with them.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Where they are, and what is needed to start a throwaway server of them.
    pub sandbox: Options,
    /// The new cluster.
    pub data_dir: Option<PathBuf>,
}

impl Installation {
    /// The programs.
    pub fn binaries(&self) -> &Binaries {
        &self.sandbox.settings.binaries
    }
}

/// What is asked.
pub struct Question<'a> {
    /// A session of the old server.
    pub target: Target,
    /// How its transactions are set up.
    pub settings: Settings,
    /// Shows the SQL.
    pub echo: Echo,
    /// What a signal cancels.
    pub running: Running,
    /// Asks for a password.
    pub ask: fn(&str) -> Result<String>,
    /// The new major version; `None` is the newest that is known.
    pub to: Option<u32>,
    /// The new version's programs.
    pub new: Option<Installation>,
    /// Is told what takes a while, and what could not be looked at.
    pub tell: &'a dyn Fn(&str),
}

/// What was found.
#[derive(Debug)]
pub struct Answer {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// The database that was connected to.
    pub home: String,
    /// The major version that it is about.
    pub to: u32,
    /// What whoever connects should know of the server's log settings: that they should have ended.
    pub overdue: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Database {
    name: String,
    open: bool,
    allowed: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extension {
    database: String,
    name: String,
    version: String,
}

/// What the old cluster uses that the new server must have.
#[derive(Debug, Default)]
struct Needs {
    libraries: Vec<Use>,
    extensions: Vec<Extension>,
    /// With the database, for those of a function.
    settings: Vec<(Option<String>, Used)>,
    logical_slots: u64,
}

/// An examination under way.
struct Work<'a> {
    question: &'a Question<'a>,
    from: u32,
    to: u32,
    findings: Vec<Finding>,
    needs: Needs,
}

/// Examines the old server, and tries on the new one what it needs.
///
/// Errors: no connection (69), the new version is not newer (64), the new cluster's folder holds none (65).
pub async fn examine(question: &Question<'_>) -> Result<Answer> {
    let mut reader = question.reader(&question.target).await?;
    let from = reader.version().major();
    let to = question.goal(from, &reader)?;
    if let Some(new) = &question.new {
        check_data_dir(new, to)?;
    }
    let old: Vec<Old> = reader.structs(OLD, &[]).await?;
    let old = old.into_iter().next().ok_or_else(|| Error::bug("a server without template0"))?;
    let databases: Vec<Database> = reader.structs(LIST, &[]).await?;
    // With the password that was typed: nobody is asked twice.
    let target = reader.target().clone();
    let home = reader.database().to_owned();
    let overdue = reader.overdue().map(str::to_owned);

    let mut work = Work { question, from, to, findings: Vec::new(), needs: Needs::default() };
    work.install_user(&old);
    work.cluster(&mut reader).await?;
    reader.close().await;
    for database in &databases {
        work.database(&target, database).await?;
    }
    work.afterwards();
    match &question.new {
        Some(new) => work.tried(new, &old, &target).await?,
        None => work.by_catalog(&old),
    }
    let mut findings = work.findings;
    findings.sort();
    findings.dedup();
    Ok(Answer { findings, home, to, overdue })
}

impl Question<'_> {
    async fn reader(&self, target: &Target) -> Result<Reader> {
        let mut ask = self.ask;
        Reader::connect(target, self.settings.clone(), self.echo.clone(), &self.running, &mut ask).await
    }

    /// The version to go to.
    fn goal(&self, from: u32, reader: &Reader) -> Result<u32> {
        let named = self.new.as_ref().map(|new| new.binaries().major).or(self.to);
        match named {
            Some(to) if to > from => Ok(to),
            Some(to) => {
                let what = match &self.new {
                    Some(new) => format!(
                        "--new-bin-dir: {} holds PostgreSQL {}",
                        new.binaries().dir.display(),
                        new.binaries().version
                    ),
                    None => format!("--to {to}"),
                };
                Err(Error::usage(format!("{what}, and the running server is {}", reader.version()))
                    .hint("pg_upgrade goes to a newer major version only"))
            }
            None => {
                let newest = crate::connect::ServerVersion::NEWEST;
                if newest > from {
                    (self.tell)(&format!("no --to: as to PostgreSQL {newest}"));
                    Ok(newest)
                } else {
                    Err(Error::usage(format!("the running server is {} already", reader.version()))
                        .hint("name a newer version with --to or --new-bin-dir"))
                }
            }
        }
    }
}

/// The new cluster must be one, of the version of the programs.
fn check_data_dir(new: &Installation, to: u32) -> Result<()> {
    let Some(dir) = &new.data_dir else { return Ok(()) };
    let file = dir.join("PG_VERSION");
    let version = std::fs::read_to_string(&file).map_err(|e| {
        let error = match e.kind() {
            std::io::ErrorKind::PermissionDenied => {
                Error::new(Exit::Permission, format!("--new-data-dir: may not read {}", file.display()))
                    .hint("run this as the new cluster's owner")
            }
            _ => Error::data(format!("--new-data-dir: {} holds no PostgreSQL cluster", dir.display()))
                .hint("leave it out, and the initdb line that makes a fitting one is printed"),
        };
        error.caused_by(e)
    })?;
    if version.trim() != to.to_string() {
        return Err(Error::data(format!(
            "--new-data-dir: {} is a cluster of PostgreSQL {}, and the programs are of {to}",
            dir.display(),
            version.trim()
        )));
    }
    Ok(())
}

impl Work<'_> {
    /// The rows of a query; what is refused or takes too long becomes a finding, and the rest goes on.
    async fn rows<T: DeserializeOwned>(
        &mut self,
        reader: &mut Reader,
        what: &str,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<T>> {
        match reader.structs(sql, params).await {
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

    fn unseen(&mut self, what: &str, database: Option<&str>, fix: &str, why: &Error) {
        let place = database.map(|name| format!("database {name:?}: ")).unwrap_or_default();
        (self.question.tell)(&format!("{place}could not look at {what}: {}", why.message));
        self.findings.push(Finding::unseen(what, database, fix, why.message.clone()));
    }

    async fn check(&mut self, reader: &mut Reader, check: &Check) -> Result<()> {
        let rows: Vec<checks::Row> =
            self.rows(reader, check.about, check.sql, &[Value::Int8(i64::from(self.to))]).await?;
        if check.name == "slots" {
            self.needs.logical_slots = rows.iter().filter(|row| row.is_carried_slot()).count() as u64;
        }
        self.findings.extend(rows.into_iter().map(|row| row.finding(check.name)));
        Ok(())
    }

    /// Who must run pg_upgrade. From its check.c (check_is_install_user).
    fn install_user(&mut self, old: &Old) {
        let name = old.install_user.clone().unwrap_or_default();
        if name.starts_with("pg_") {
            self.findings.push(
                Finding::new(
                    Severity::Stops,
                    "install_user",
                    format!("role {name}"),
                    "made the cluster, and its name begins with pg_",
                    "rename it",
                )
                .because("pg_upgrade takes no install user whose name is reserved"),
            );
        }
        if old.is_install_user == Some(true) {
            return;
        }
        let problem = format!("is not the install user, which is {name}");
        // A role that may do less is here to look, not to upgrade.
        let severity = if old.is_superuser == Some(true) { Severity::Stops } else { Severity::Note };
        self.findings.push(
            Finding::new(
                severity,
                "install_user",
                format!("role {}", old.current_user),
                problem,
                format!("run pg_upgrade with -U {}", cluster::quote_shell(&name)),
            )
            .because("pg_upgrade must connect as the role that ran initdb, whose OID is 10"),
        );
    }

    /// What is the same in every database.
    async fn cluster(&mut self, reader: &mut Reader) -> Result<()> {
        for check in CHECKS.iter().filter(|check| check.scope == Scope::Cluster) {
            if check.applies(self.from, self.to) {
                self.check(reader, check).await?;
            }
        }
        let used: Vec<Used> = self.rows(reader, "settings", SETTINGS_USED, &[]).await?;
        self.needs.settings.extend(used.into_iter().map(|one| (None, one)));
        let preloaded: Vec<Use> = self.rows(reader, "what the server preloads", PRELOADED, &[]).await?;
        self.needs.libraries.extend(preloaded);
        Ok(())
    }

    /// What is in one database. One that cannot be entered is a finding, and said.
    async fn database(&mut self, target: &Target, database: &Database) -> Result<()> {
        let name = &database.name;
        // template0 is as initdb made it; others that refuse everybody are findings already.
        if !database.open {
            if name != "template0" {
                (self.question.tell)(&format!("database {name:?} refuses connections: not looked at"));
            }
            return Ok(());
        }
        let mut reader = match self.question.reader(&target.with_database(name)).await {
            Ok(reader) => reader,
            Err(e) if matches!(e.exit, Exit::Io | Exit::Bug) => return Err(e),
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
        for check in CHECKS.iter().filter(|check| check.scope == Scope::Database) {
            if check.applies(self.from, self.to) {
                self.check(&mut reader, check).await?;
            }
        }
        let libraries: Vec<Use> = self.rows(&mut reader, "libraries", LIBRARIES, &[]).await?;
        self.needs.libraries.extend(libraries);
        let extensions: Vec<Extension> = self.rows(&mut reader, "extensions", EXTENSIONS, &[]).await?;
        self.needs.extensions.extend(extensions);
        let used: Vec<Used> =
            self.rows(&mut reader, "settings of functions", SETTINGS_FUNCTIONS, &[]).await?;
        self.needs.settings.extend(used.into_iter().map(|one| (Some(name.clone()), one)));
        reader.close().await;
        Ok(())
    }

    /// What every upgrade loses, and what changes its meaning.
    fn afterwards(&mut self) {
        let (problem, why) = if self.to >= 18 {
            (
                "are carried over in part",
                "from 18 on pg_upgrade carries the statistics of columns over, but not those of CREATE STATISTICS nor \
                 the counters of autovacuum",
            )
        } else {
            (
                "are lost",
                "pg_upgrade carries no statistics over to a server before 18: plans are bad until ANALYZE",
            )
        };
        let fix = if self.to >= 18 {
            "after the upgrade: vacuumdb --all --analyze-in-stages --missing-stats-only, then vacuumdb --all --analyze-only"
        } else {
            "after the upgrade: vacuumdb --all --analyze-in-stages"
        };
        let severity = if self.to >= 18 { Severity::Note } else { Severity::Hurts };
        self.findings
            .push(Finding::new(severity, "statistics", "planner statistics", problem, fix).because(why));
        if self.from < 12 && self.to >= 12 {
            self.findings.push(Finding::new(
                Severity::Note,
                "settings",
                "recovery.conf",
                "is no longer read from 12 on",
                "put what a standby has in it into postgresql.conf, and make standby.signal",
            ));
        }
        let changed: Vec<Finding> = self
            .needs
            .settings
            .iter()
            .flat_map(|(_, used)| settings::changed(used, self.from, self.to))
            .collect();
        self.findings.extend(changed);
    }

    /// What can be said of the new server without its programs.
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
        self.to_make(old, None);
    }

    /// Says how to make the new cluster, and what it must have.
    fn to_make(&mut self, old: &Old, new: Option<&Installation>) {
        let bin_dir = new.map(|new| new.binaries().dir.as_path());
        self.findings.push(
            Finding::new(
                Severity::Note,
                "initdb",
                "new cluster",
                "is yet to be made",
                cluster::initdb_line(old, self.to, bin_dir, None),
            )
            .because("so its user, encoding, locale, WAL segments and checksums fit the old one's"),
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

    /// Tries on a throwaway server of the new version what the old cluster needs.
    async fn tried(&mut self, new: &Installation, old: &Old, target: &Target) -> Result<()> {
        self.programs(new);
        let binaries = new.binaries();
        (self.question.tell)(&format!("trying it on a throwaway PostgreSQL {}", binaries.version));
        let mut trial = self.start(new, &[]).await?;
        let facts = trial.facts().await?;
        let mut verdicts = BTreeMap::new();
        let mut preload = Vec::new();
        for library in libraries::to_load(&self.needs.libraries) {
            let (verdict, wants_preload) = trial.load(&library).await?;
            if wants_preload {
                preload.push(library.clone());
            }
            verdicts.insert(library, verdict);
        }
        self.extensions(&trial).await?;
        for (database, used) in std::mem::take(&mut self.needs.settings) {
            if let Some(why) = trial.refuses(&used).await? {
                self.findings.push(settings::refused(&used, &why, self.to, database.as_deref()));
            }
        }
        trial.end().await?;
        self.preload(new, &preload, &mut verdicts).await?;
        self.facts(&facts, old, target, binaries.major).await?;
        let preloaded = match &new.data_dir {
            Some(_) => self.made(new, old, &facts)?,
            None => {
                self.findings.extend(cluster::compare(&old.control, &facts.control, None));
                self.to_make(old, Some(new));
                None
            }
        };
        self.findings.extend(libraries::findings(&self.needs.libraries, &verdicts, preloaded.as_deref()));
        Ok(())
    }

    async fn start(&self, new: &Installation, preload: &[String]) -> Result<Trial> {
        let Question { settings, echo, running, .. } = self.question;
        Trial::start(&new.sandbox, preload, settings, echo.clone(), running).await
    }

    /// The libraries that refused to be loaded later than at the start: each at the start of a server of its own, since
    /// one that is bad lets no server start.
    async fn preload(
        &self,
        new: &Installation,
        libraries: &[String],
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Result<()> {
        for library in libraries {
            (self.question.tell)(&format!("trying {library} at the start of another one"));
            let verdict = match self.start(new, std::slice::from_ref(library)).await {
                Ok(mut trial) => {
                    let (verdict, _) = trial.load(library).await?;
                    trial.end().await?;
                    match verdict {
                        Verdict::Loads => Verdict::LoadsPreloaded,
                        other => other,
                    }
                }
                Err(e) if e.exit == Exit::Unavailable => Verdict::Fails(format!(
                    "as one of shared_preload_libraries it lets the server not start: {}",
                    e.causes.join("; ").replace('\n', " ")
                )),
                Err(e) => return Err(e),
            };
            verdicts.insert(library.clone(), verdict);
        }
        Ok(())
    }

    /// The programs that pg_upgrade runs. From its exec.c (check_bin_dir).
    fn programs(&mut self, new: &Installation) {
        let binaries = new.binaries();
        let missing: Vec<&str> = [
            "pg_upgrade",
            "pg_dump",
            "pg_dumpall",
            "pg_restore",
            "psql",
            "vacuumdb",
            "pg_controldata",
            "pg_resetwal",
            "pg_ctl",
        ]
        .into_iter()
        .filter(|program| !binaries.program(program).is_file())
        .collect();
        if !missing.is_empty() {
            self.findings.push(
                Finding::new(
                    Severity::Stops,
                    "programs",
                    binaries.dir.display().to_string(),
                    format!("does not hold {}", missing.join(", ")),
                    "install the whole of the new version, clients and server",
                )
                .because("pg_upgrade runs them from there"),
            );
        }
    }

    async fn extensions(&mut self, trial: &Trial) -> Result<()> {
        let mut known = BTreeMap::new();
        for one in std::mem::take(&mut self.needs.extensions) {
            let key = (one.name.clone(), one.version.clone());
            if !known.contains_key(&key) {
                known.insert(key.clone(), trial.extension(&one.name, &one.version).await?);
            }
            let object = format!("extension {}", one.name);
            let finding = match known.get(&key).and_then(Option::as_ref) {
                None => Finding::new(
                    Severity::Hurts,
                    "extensions",
                    object,
                    format!("{} is not available for the new server", one.version),
                    "install it for the new server, or drop it",
                )
                .because(
                    "its objects are carried over as they are; it can neither be updated nor made again",
                ),
                Some(has) if has.newest.as_deref() == Some(one.version.as_str()) => continue,
                Some(has) if has.has_path => Finding::new(
                    Severity::Note,
                    "extensions",
                    object,
                    format!(
                        "has the version {}, and the new server {}",
                        one.version,
                        has.newest.as_deref().unwrap_or("none")
                    ),
                    format!(
                        "after the upgrade: ALTER EXTENSION {} UPDATE",
                        crate::sql::quote_ident(&one.name)
                    ),
                ),
                Some(has) => Finding::new(
                    Severity::Hurts,
                    "extensions",
                    object,
                    format!(
                        "has no update path from {} to the new server's {}",
                        one.version,
                        has.newest.as_deref().unwrap_or("none")
                    ),
                    "update it on the old server to a version that the new one can go on from",
                )
                .because(if has.has_version {
                    "the new server has that version, but no way to its own"
                } else {
                    "the new server does not know that version"
                }),
            };
            self.findings.push(finding.in_database(Some(&one.database)));
        }
        Ok(())
    }

    /// What the new server is, against the old cluster.
    async fn facts(&mut self, facts: &Facts, old: &Old, target: &Target, major: u32) -> Result<()> {
        if old.uses_icu() && !facts.has_icu {
            self.findings.push(
                Finding::new(
                    Severity::Stops,
                    "icu",
                    "new server",
                    "was built without ICU, and the old cluster's locale is ICU's",
                    "take programs that were built with ICU",
                )
                .because("pg_upgrade's check does not see it; the restore fails"),
            );
        }
        let mut reader = self.question.reader(target).await?;
        let folder = format!("PG_{major}_{}", facts.catalog_version);
        let rows: Vec<checks::Row> =
            self.rows(&mut reader, "what is left in tablespaces", LEFTOVERS, &[Value::Text(folder)]).await?;
        self.findings.extend(rows.into_iter().map(|row| row.finding("tablespaces")));
        reader.close().await;
        Ok(())
    }

    /// The new cluster that is there, against the old one. Gives what it loads at its start.
    fn made(&mut self, new: &Installation, old: &Old, facts: &Facts) -> Result<Option<Vec<String>>> {
        let Some(dir) = new.data_dir.as_deref() else { return Ok(None) };
        let binaries = new.binaries();
        match binaries.ask("pg_controldata", &[], dir) {
            Ok(said) => {
                let control = cluster::parse_control(&said);
                self.findings.extend(cluster::compare(&old.control, &control, Some(dir)));
                if cluster::state(&said).is_some_and(|state| state != "shut down") {
                    self.findings.push(
                        Finding::new(
                            Severity::Stops,
                            "state",
                            "new cluster",
                            format!("is not shut down: {}", cluster::state(&said).unwrap_or_default()),
                            format!(
                                "{} stop -D {}",
                                cluster::quote_shell(&binaries.program("pg_ctl").display().to_string()),
                                cluster::quote_shell(&dir.display().to_string())
                            ),
                        )
                        .because("pg_upgrade starts it itself"),
                    );
                }
            }
            Err(e) => {
                self.findings.extend(cluster::compare(&old.control, &facts.control, None));
                self.unseen(
                    "the new cluster's control file",
                    None,
                    "name the whole toolset of the new version, and run this as root or as the new cluster's owner",
                    &e,
                );
            }
        }
        self.findings.push(Finding::unseen(
            "what is in the new cluster",
            None,
            "make sure that nothing was made in it after initdb",
            "pg_upgrade wants it empty, with no role but the install user; that only shows while it runs",
        ));
        if self.to < 16 {
            self.findings.push(Finding::unseen(
                "the new cluster's encoding and locale",
                None,
                "make sure that it was made as by the initdb line of upgrade-check without --new-data-dir",
                "before 16 pg_upgrade stops where they differ; they only show while it runs",
            ));
        }
        let mut asked = |name: &str| match binaries.ask("postgres", &["-C", name], dir) {
            Ok(value) => Some(value.trim().to_owned()),
            Err(e) => {
                self.unseen(
                    &format!("the new cluster's setting {name}"),
                    None,
                    "run this as root or as the new cluster's owner",
                    &e,
                );
                None
            }
        };
        let preloaded = asked("shared_preload_libraries");
        if self.needs.logical_slots > 0 {
            self.slots_fit(new, facts);
        }
        Ok(preloaded.map(|list| {
            list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        }))
    }

    /// Does the new cluster take the logical slots? From pg_upgrade's check.c
    /// (check_new_cluster_replication_slots).
    fn slots_fit(&mut self, new: &Installation, facts: &Facts) {
        let Some(dir) = new.data_dir.as_deref() else { return };
        let slots = self.needs.logical_slots;
        let plugins: BTreeSet<&str> = self
            .needs
            .libraries
            .iter()
            .filter(|one| one.slot.is_some())
            .map(|one| one.library.as_str())
            .collect();
        let value = |name: &str| {
            new.binaries().ask("postgres", &["-C", name], dir).ok().map(|value| value.trim().to_owned())
        };
        let mut stop = |name: &str, is: String, fix: String| {
            self.findings.push(
                Finding::new(Severity::Stops, "slots", format!("new cluster, setting {name}"), is, fix)
                    .because(format!("pg_upgrade makes {slots} logical replication slots there")),
            );
        };
        if let Some(level) = value("wal_level").filter(|level| level != "logical") {
            stop("wal_level", format!("is {level}"), "set it to logical".to_owned());
        }
        if let Some(max) = value("max_replication_slots")
            && max.parse::<u64>().is_ok_and(|max| max < slots)
        {
            stop("max_replication_slots", format!("is {max}"), format!("set it to {slots} or more"));
        }
        // A setting of late minor versions.
        if facts.output_plugins.is_some()
            && let Some(allowed) = value("output_plugin_libraries")
        {
            let allowed: Vec<&str> = allowed.split(',').map(|name| name.trim().trim_matches('"')).collect();
            for plugin in plugins.into_iter().filter(|plugin| !allowed.contains(plugin)) {
                let fix = format!("add {plugin} to it, if it is to be trusted, or drop its slots");
                stop("output_plugin_libraries", format!("does not name {plugin}"), fix);
            }
        }
    }
}

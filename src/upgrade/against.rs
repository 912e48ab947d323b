//! What the new server and the new cluster have of what the old cluster needs.

use std::collections::{BTreeMap, BTreeSet};

use super::checks;
use super::cluster::{self, Old};
use super::examine::{Examination, Installation, Work};
use super::finding::{Finding, Severity};
use super::libraries::{self, Verdict};
use super::settings;
use super::trial::{Facts, Trial};
use crate::connect::Target;
use crate::error::{Exit, Result};
use crate::session::Value;

const LEFTOVERS: &str = include_str!("../../queries/upgrade/tablespace_leftovers.sql");

impl Work<'_> {
    /// Tries on a throwaway server of the new version what the old cluster needs.
    pub(super) async fn tried(&mut self, new: &Installation, old: &Old, target: &Target) -> Result<()> {
        self.programs(new);
        let binaries = new.binaries();
        (self.examination.tell)(&format!("trying it on a throwaway PostgreSQL {}", binaries.version));
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
        self.extensions(&trial, &verdicts).await?;
        self.locales(&trial).await?;
        for (database, used) in std::mem::take(&mut self.needs.settings) {
            if let Some(why) = trial.refuses(&used).await? {
                self.findings.push(settings::refused(&used, &why, self.to, database.as_deref()));
            }
        }
        trial.end().await?;
        self.preload(new, &preload, &mut verdicts).await?;
        self.preload = verdicts
            .iter()
            .filter(|(_, verdict)| **verdict == Verdict::LoadsPreloaded)
            .map(|(library, _)| library.clone())
            .collect();
        self.facts(&facts, old, target, binaries.major).await?;
        let preloaded = match &new.data_dir {
            Some(_) => {
                let named = self.made(new, old, &facts).await?;
                self.named(new, named.as_deref().unwrap_or_default(), &mut verdicts).await?;
                named
            }
            None => {
                self.findings.extend(cluster::compare(&old.control, &facts.control, None));
                self.yet_to_make(old, Some(new));
                None
            }
        };
        self.findings.extend(libraries::findings(&self.needs.libraries, &verdicts, preloaded.as_deref()));
        Ok(())
    }

    async fn start(&self, new: &Installation, preload: &[String]) -> Result<Trial> {
        let Examination { settings, echo, running, .. } = self.examination;
        Trial::start(&new.sandbox, preload, None, settings, echo.clone(), running).await
    }

    /// Tries the libraries that can be loaded only at server start, each at the start of a server of its own, since
    /// a single bad one keeps a server from starting.
    async fn preload(
        &self,
        new: &Installation,
        libraries: &[String],
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Result<()> {
        for library in libraries {
            (self.examination.tell)(&format!("trying {library} at the start of another one"));
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
                    "the server does not start with it in shared_preload_libraries: {}",
                    e.causes.join("; ").replace('\n', " ")
                )),
                Err(e) => return Err(e),
            };
            verdicts.insert(library.clone(), verdict);
        }
        Ok(())
    }

    /// Tries the libraries that the new cluster's settings name: each must let a server start.
    async fn named(
        &mut self,
        new: &Installation,
        named: &[String],
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Result<()> {
        let unknown: Vec<String> =
            named.iter().filter(|name| !libraries::is_known(name, verdicts)).cloned().collect();
        self.preload(new, &unknown, verdicts).await?;
        for name in unknown {
            if let Some(Verdict::Fails(why)) = verdicts.get(&name) {
                // This finding replaces the one that the server does not start, since it also says why.
                self.findings.retain(|finding| finding.check != super::made::STARTS);
                self.findings.push(
                    Finding::new(
                        Severity::Stops,
                        "libraries",
                        "new cluster, setting shared_preload_libraries",
                        format!("names {name}, with which the server does not start"),
                        "leave it out there, or install it",
                    )
                    .because(why.clone()),
                );
            }
        }
        Ok(())
    }

    /// Checks for the programs that pg_upgrade runs. From its exec.c (check_bin_dir).
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
                    format!("does not contain {}", missing.join(", ")),
                    "install the whole of the new version, clients and server",
                )
                .because("pg_upgrade runs them from there"),
            );
        }
    }

    /// Reports locales whose library has another version with the new programs, on this machine.
    async fn locales(&mut self, trial: &Trial) -> Result<()> {
        for (database, one) in std::mem::take(&mut self.needs.locales) {
            let Some(Some(version)) = trial.locale(&one.provider, &one.locale).await? else { continue };
            if version != one.version {
                let problem =
                    format!("has version {}, but {version} with the new programs here", one.version);
                self.findings.push(
                    Finding::new(
                        Severity::Hurts,
                        "locales",
                        one.object,
                        problem,
                        "after the upgrade: rebuild the indexes on text that use it, then refresh its version",
                    )
                    .because("text may be in another order than when its indexes were built")
                    .in_database(Some(&database)),
                );
            }
        }
        Ok(())
    }

    async fn extensions(&mut self, trial: &Trial, verdicts: &BTreeMap<String, Verdict>) -> Result<()> {
        // Without its library the upgrade stops anyway, so the missing control file is not reported too.
        let gone: BTreeSet<(Option<String>, String)> = self
            .needs
            .libraries
            .iter()
            .filter(|one| matches!(verdicts.get(&one.library), Some(Verdict::Fails(_))))
            .filter_map(|one| Some((one.database.clone(), one.extension.clone()?)))
            .collect();
        let mut known = BTreeMap::new();
        for one in std::mem::take(&mut self.needs.extensions) {
            if gone.contains(&(Some(one.database.clone()), one.name.clone())) {
                continue;
            }
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
                    "its objects are carried over as they are; it can neither be updated nor created again",
                ),
                Some(has) if has.newest.as_deref() == Some(one.version.as_str()) => continue,
                Some(has) if has.has_path => Finding::new(
                    Severity::Note,
                    "extensions",
                    object,
                    format!(
                        "has version {}, but the new server has {}",
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
                    "update it on the old server to a version that the new one can update from",
                )
                .because(if has.has_version {
                    "the new server has that version, but no update path to its own"
                } else {
                    "the new server does not know that version"
                }),
            };
            self.findings.push(finding.in_database(Some(&one.database)));
        }
        Ok(())
    }

    /// Compares the new server's properties with the old cluster.
    async fn facts(&mut self, facts: &Facts, old: &Old, target: &Target, major: u32) -> Result<()> {
        if old.uses_icu() && !facts.has_icu {
            self.findings.push(
                Finding::new(
                    Severity::Stops,
                    "icu",
                    "new server",
                    "was built without ICU, but the old cluster has an ICU locale",
                    "use programs that were built with ICU",
                )
                .because("pg_upgrade's check does not see it; the restore fails"),
            );
        }
        if !facts.has_icu {
            let icu = std::mem::take(&mut self.needs.icu);
            self.findings.extend(icu.into_iter().map(|row| row.finding("icu")));
        }
        let mut reader = self.examination.reader(target).await?;
        let folder = format!("PG_{major}_{}", facts.catalog_version);
        let rows: Vec<checks::Row> =
            self.rows(&mut reader, "what is left in tablespaces", LEFTOVERS, &[Value::Text(folder)]).await?;
        self.findings.extend(rows.into_iter().map(|row| row.finding("tablespaces")));
        reader.close().await;
        Ok(())
    }

    /// Checks whether the new cluster can hold the subscriptions. From pg_upgrade's check.c
    /// (check_new_cluster_subscription_configuration).
    pub(super) fn subscriptions_fit(&mut self, new: &Installation) {
        let Some(dir) = new.data_dir.as_deref() else { return };
        let count = self.needs.subscriptions;
        let name = if self.to >= 18 { "max_active_replication_origins" } else { "max_replication_slots" };
        let max = new.binaries().ask("postgres", &["-C", name], dir).ok().map(|max| max.trim().to_owned());
        if let Some(max) = max.filter(|max| max.parse::<u64>().is_ok_and(|max| max < count)) {
            self.findings.push(
                Finding::new(
                    Severity::Stops,
                    "subscriptions",
                    format!("new cluster, setting {name}"),
                    format!("is {max}"),
                    format!("set it to {count} or more"),
                )
                .because(format!(
                    "pg_upgrade creates the replication origins of {count} subscriptions there"
                )),
            );
        }
    }

    /// Checks whether the new cluster can hold the logical slots. From pg_upgrade's check.c
    /// (check_new_cluster_replication_slots).
    pub(super) fn slots_fit(&mut self, new: &Installation, facts: &Facts) {
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
                    .because(format!("pg_upgrade creates {slots} logical replication slots there")),
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
        // Only recent minor versions have this setting.
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

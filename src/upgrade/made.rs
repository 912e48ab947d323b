//! The new cluster, if it already exists: its control file, its settings and its contents. The contents are
//! examined in a copy that runs as a sandbox; the cluster itself is only read.

use std::path::Path;

use serde::Deserialize;

use super::cluster::{self, Old};
use super::examine::{Installation, Work};
use super::finding::{Finding, Severity};
use super::hba;
use super::locks::Table;
use super::trial::{Facts, Trial};
use crate::error::{Error, Exit, Result};
use crate::escape::shell_word;
use crate::helper::aside;
use crate::sandbox::{self, Options};

const CLUSTER: &str = include_str!("../../queries/upgrade/new/cluster.sql");
const RELATIONS: &str = include_str!("../../queries/upgrade/new/relations.sql");

/// The size limit of the copy in bytes. A fresh cluster takes 40 MB and a few WAL segments; one that is larger than
/// this is not fresh, and is not copied.
const LARGEST_COPY: u64 = 1 << 30;

/// The name of the check whether the new cluster starts.
pub(super) const STARTS: &str = "starts";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    is_install_user: Option<bool>,
    other_roles: Vec<String>,
    databases: Vec<String>,
    encoding: String,
    provider: String,
    collate: String,
    ctype: String,
    locale: Option<String>,
}

impl Work<'_> {
    fn new_cluster_stops(&mut self, check: &'static str, problem: String, fix: String, why: &str) {
        self.findings.push(Finding::new(Severity::Stops, check, "new cluster", problem, fix).because(why));
    }

    /// Compares the existing new cluster with the old one. Returns the libraries that it loads at its start.
    pub(super) async fn made(
        &mut self,
        new: &Installation,
        old: &Old,
        facts: &Facts,
    ) -> Result<Option<Vec<String>>> {
        let Some(dir) = new.data_dir.as_deref() else { return Ok(None) };
        let binaries = new.binaries();
        let mut is_down = true;
        match binaries.ask("pg_controldata", &[], dir) {
            Ok(said) => {
                let control = cluster::parse_control(&said);
                self.findings.extend(cluster::compare(&old.control, &control, Some(dir)));
                if let Some(state) = cluster::state(&said).filter(|state| *state != "shut down") {
                    is_down = false;
                    let stop = format!(
                        "{} stop -D {}",
                        shell_word(&binaries.program("pg_ctl").display().to_string()),
                        shell_word(&dir.display().to_string())
                    );
                    let problem = format!("is not shut down: {state}");
                    self.new_cluster_stops("state", problem, stop, "pg_upgrade starts it itself");
                }
            }
            Err(e) => {
                self.findings.extend(cluster::compare(&old.control, &facts.control, None));
                let fix = "name the whole toolset of the new version, and run this as root or as its owner";
                self.unseen("the new cluster's control file", None, fix, &e);
            }
        }
        let looked = if is_down {
            self.inside(new, dir, old).await
        } else {
            Err(Error::new(Exit::TryAgain, "it runs, or has crashed"))
        };
        if let Err(e) = looked {
            let fix = "stop it, run this as root or as its owner, or create it again with the initdb line";
            self.unseen("what is in the new cluster", None, fix, &e);
        }
        let preloaded = match binaries.ask("postgres", &["-C", "shared_preload_libraries"], dir) {
            Ok(list) => Some(list),
            Err(e) => {
                let fix = "run this as root or as the new cluster's owner";
                self.unseen("the new cluster's settings", None, fix, &e);
                None
            }
        };
        let user = old.install_user.as_deref().unwrap_or_default();
        let read = binaries.ask("postgres", &["-C", "hba_file"], dir).and_then(|path| {
            let path = path.trim_end();
            std::fs::read_to_string(path).map_err(|e| Error::io(format!("cannot read {path}"), &e))
        });
        match read {
            Ok(text) => {
                let databases = ["postgres", "template1"];
                self.findings.extend(hba::findings(
                    &hba::parse(&text),
                    &databases,
                    user,
                    Some("new cluster"),
                ));
            }
            Err(e) => {
                let fix = "run this as root or as the new cluster's owner";
                self.unseen("the new cluster's pg_hba.conf", None, fix, &e);
            }
        }
        if self.needs.logical_slots > 0 {
            self.slots_fit(new, facts);
        }
        if self.to >= 17
            && let Some((relations, database)) = &self.needs.relations
        {
            let setting = |name: &str| binaries.ask("postgres", &["-C", name], dir).ok()?.trim().parse().ok();
            let table = Table::of_settings(self.to, setting);
            self.findings.extend(table.and_then(|table| table.restores(database, *relations)));
        }
        if self.needs.subscriptions > 0 {
            self.subscriptions_fit(new);
        }
        Ok(preloaded.map(|list| {
            list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        }))
    }

    /// Examines its contents. From pg_upgrade's check.c (check_is_install_user, check_new_cluster_is_empty, and
    /// before 16 check_locale_and_encoding).
    async fn inside(&mut self, new: &Installation, dir: &Path, old: &Old) -> Result<()> {
        let bytes = sandbox::folder_bytes(dir)
            .map_err(|e| Error::io(format!("cannot read {}", dir.display()), &e))?;
        if bytes > LARGEST_COPY {
            return Err(Error::data(format!("it holds {} MB: more than a fresh cluster", bytes >> 20)));
        }
        let mut options = new.sandbox.clone();
        options.settings.copy_of = Some(dir.to_owned());
        let user = old.install_user.as_deref();
        let examination = self.examination;
        let start = Trial::start(
            &options,
            &[],
            user,
            &examination.settings,
            examination.echo.clone(),
            &examination.running,
        );
        let trial = match start.await {
            Ok(trial) => trial,
            // There is no such role.
            Err(e) if e.sqlstate.as_deref() == Some("28000") => {
                let user = user.unwrap_or_default();
                self.new_cluster_stops(
                    "install_user",
                    format!("has no role {user}"),
                    format!("create it again with initdb -U {}", shell_word(user)),
                    "pg_upgrade connects to both clusters as the role that created the old one",
                );
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        let made: Made =
            trial.one(CLUSTER, &[]).await?.ok_or_else(|| Error::bug("a cluster without template0"))?;
        if made.is_install_user != Some(true) {
            self.new_cluster_stops(
                "install_user",
                format!("was not created by {}", user.unwrap_or_default()),
                format!("create it again with initdb -U {}", shell_word(user.unwrap_or_default())),
                "pg_upgrade connects to both clusters as the role that created the old one",
            );
        } else if !made.other_roles.is_empty() {
            self.new_cluster_stops(
                "new_roles",
                format!("has other roles: {}", made.other_roles.join(", ")),
                "drop them there, or create it again".to_owned(),
                "pg_upgrade creates the roles of the old cluster itself",
            );
        }
        for database in &made.databases {
            if let Some(relation) = trial.texts_in(database, RELATIONS).await?.first() {
                self.new_cluster_stops(
                    "new_relations",
                    format!("is not empty: database {database} holds {relation}"),
                    "create it again".to_owned(),
                    "pg_upgrade creates everything itself",
                );
            }
        }
        if self.to < 16 {
            for (what, is, was) in [
                ("encoding", &made.encoding, &old.encoding),
                ("locale provider", &made.provider, &old.provider),
                ("LC_COLLATE", &made.collate, &old.collate),
                ("LC_CTYPE", &made.ctype, &old.ctype),
            ] {
                if !cluster::same_locale(is, was) {
                    self.locale_differs(what, is, was);
                }
            }
            if made.provider == old.provider && made.locale != old.locale {
                let text = |locale: &Option<String>| locale.clone().unwrap_or_default();
                self.locale_differs("ICU locale", &text(&made.locale), &text(&old.locale));
            }
        }
        trial.end().await?;
        self.starts(&options).await
    }

    /// Checks whether a server starts with the new cluster's own settings.
    async fn starts(&mut self, copy: &Options) -> Result<()> {
        let mut options = copy.clone();
        options.settings.own_settings = true;
        options.settings.binary_upgrade = true;
        let started = aside(move || {
            drop(sandbox::start_own(&options)?);
            Ok(())
        });
        match started.await {
            Err(e) if e.exit == Exit::Unavailable => {
                self.new_cluster_stops(
                    STARTS,
                    "does not start with its own settings".to_owned(),
                    "fix its postgresql.conf or postgresql.auto.conf".to_owned(),
                    &e.causes.join("; ").replace('\n', " "),
                );
                Ok(())
            }
            other => other,
        }
    }

    fn locale_differs(&mut self, what: &str, is: &str, was: &str) {
        self.new_cluster_stops(
            "locale",
            format!("has the {what} {is}, but the old one has {was}"),
            "create it again with the initdb line of upgrade-check without --new-data-dir".to_owned(),
            "before 16, pg_upgrade stops if they differ; since 16, it sets them itself",
        );
    }
}

//! What is checked once for the whole cluster: its roles and settings, who may connect, and what every upgrade
//! changes.

use super::checks::{CHECKS, Scope};
use super::cluster::Old;
use super::examine::{Count, Database, Work};
use super::finding::{Finding, Severity};
use super::hba::{self, Rule};
use super::libraries::Use;
use super::locks::Table;
use super::settings::{self, Used};
use crate::error::Result;
use crate::escape::shell_word;
use crate::session::Reader;
use crate::sql;

const HBA: &str = include_str!("../../queries/upgrade/hba.sql");
const LOCK_TABLE: &str = include_str!("../../queries/upgrade/lock_table.sql");
const SETTINGS_USED: &str = include_str!("../../queries/upgrade/settings_used.sql");
const SUBSCRIPTION_COUNT: &str = include_str!("../../queries/upgrade/subscription_count.sql");
const PRELOADED: &str = include_str!("../../queries/upgrade/preloaded.sql");

impl Work<'_> {
    /// Checks which role must run pg_upgrade. From its check.c (check_is_install_user).
    pub(super) fn install_user(&mut self, old: &Old) {
        let name = old.install_user.clone().unwrap_or_default();
        if name.starts_with("pg_") {
            self.findings.push(
                Finding::new(
                    Severity::Stops,
                    "install_user",
                    format!("role {name}"),
                    "created the cluster, but its name begins with pg_",
                    "rename it",
                )
                .because("pg_upgrade rejects an install user whose name is reserved"),
            );
        }
        if old.is_install_user == Some(true) {
            return;
        }
        let problem = format!("is not the install user, which is {name}");
        // A role with fewer rights is only used to look, not to upgrade.
        let severity = if old.is_superuser == Some(true) { Severity::Stops } else { Severity::Note };
        self.findings.push(
            Finding::new(
                severity,
                "install_user",
                format!("role {}", old.current_user),
                problem,
                format!("run pg_upgrade with -U {}", shell_word(&name)),
            )
            .because("pg_upgrade must connect as the role that ran initdb, whose OID is 10"),
        );
    }

    /// Checks whether pg_hba.conf lets pg_upgrade in.
    pub(super) async fn hba(&mut self, reader: &mut Reader, old: &Old, databases: &[Database]) -> Result<()> {
        let seen = self.findings.len();
        let rules: Vec<Rule> = self.rows(reader, "pg_hba.conf", HBA, &[]).await?;
        // If the file may not be read, or a rule not be evaluated, there is a finding about that already.
        if self.findings.len() == seen {
            let open = databases.iter().filter(|one| one.open && one.name != "template0");
            let names: Vec<&str> = open.map(|one| one.name.as_str()).collect();
            self.findings.extend(hba::findings(
                &rules,
                &names,
                old.install_user.as_deref().unwrap_or_default(),
                None,
            ));
        }
        Ok(())
    }

    /// Checks for timeouts that pg_upgrade's own queries would run into; pg_dump and pg_restore set theirs.
    pub(super) fn timeouts(&mut self, old: &Old) {
        let user = sql::quote_ident(old.install_user.as_deref().unwrap_or_default());
        let found: Vec<Finding> = self
            .needs
            .settings
            .iter()
            .filter_map(|(_, used)| settings::timeout(used, &user, self.longest))
            .collect();
        self.findings.extend(found);
    }

    /// Runs the checks whose answer is the same in every database.
    pub(super) async fn cluster(&mut self, reader: &mut Reader) -> Result<()> {
        for check in CHECKS.iter().filter(|check| check.scope == Scope::Cluster) {
            if check.applies(self.from, self.to) {
                self.check(reader, check).await?;
            }
        }
        let used: Vec<Used> = self.rows(reader, "settings", SETTINGS_USED, &[]).await?;
        self.needs.settings.extend(used.into_iter().map(|one| (None, one)));
        let table: Vec<Table> = self.rows(reader, "the lock table", LOCK_TABLE, &[]).await?;
        self.lock_table = table.into_iter().next();
        let preloaded: Vec<Use> = self.rows(reader, "what the server preloads", PRELOADED, &[]).await?;
        self.needs.libraries.extend(preloaded);
        if self.from >= 17 {
            let count: Vec<Count> = self.rows(reader, "subscriptions", SUBSCRIPTION_COUNT, &[]).await?;
            self.needs.subscriptions = count.iter().map(|one| one.count).sum();
        }
        Ok(())
    }

    /// Reports what every upgrade loses, and what changes its meaning.
    pub(super) fn afterwards(&mut self) {
        let (problem, why) = if self.to >= 18 {
            (
                "are carried over in part",
                "since 18, pg_upgrade carries over column statistics, but neither extended statistics (CREATE STATISTICS) nor \
                 autovacuum's counters",
            )
        } else {
            (
                "are lost",
                "pg_upgrade does not carry statistics over to a server older than 18: plans are poor until ANALYZE has run",
            )
        };
        let fix = if self.to >= 18 {
            "after the upgrade: vacuumdb --all --analyze-in-stages --missing-stats-only, then vacuumdb --all --analyze-only"
        } else {
            "after the upgrade: vacuumdb --all --analyze-in-stages"
        };
        self.findings.push(
            Finding::new(Severity::Note, "statistics", "planner statistics", problem, fix).because(why),
        );
        if self.from < 12 && self.to >= 12 {
            self.findings.push(Finding::new(
                Severity::Note,
                "settings",
                "recovery.conf",
                "is no longer read since 12",
                "put what a standby has in it into postgresql.conf, and create standby.signal",
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
}

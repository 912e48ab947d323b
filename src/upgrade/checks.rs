//! The checks that consist of one catalog query each: for which old and new versions they apply, and where they
//! run.

use serde::Deserialize;

use super::finding::{Finding, Severity};

/// Where a check runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Once, because its answer is the same in every database.
    Cluster,
    Database,
}

/// A check: a query whose rows are findings. `$1` is the major version of the new server.
#[derive(Debug)]
pub struct Check {
    /// The name, which is that of the query's file.
    pub name: &'static str,
    /// What it examines, for the finding if it may not.
    pub about: &'static str,
    /// Whether it runs once or in every database.
    pub scope: Scope,
    /// The version whose change it is about: it applies to upgrades from an earlier version to that one or a later
    /// one.
    crosses: Option<u32>,
    /// The oldest server that has what it reads.
    since: u32,
    /// The query.
    pub sql: &'static str,
}

impl Check {
    /// Returns whether it applies to the upgrade from one major version to another.
    pub fn applies(&self, from: u32, to: u32) -> bool {
        from >= self.since && self.crosses.is_none_or(|version| from < version && version <= to)
    }
}

const fn check(name: &'static str, about: &'static str, scope: Scope, sql: &'static str) -> Check {
    Check { name, about, scope, crosses: None, since: 10, sql }
}

impl Check {
    const fn crossing(self, version: u32) -> Check {
        Check { crosses: Some(version), ..self }
    }

    const fn since(self, version: u32) -> Check {
        Check { since: version, ..self }
    }
}

pub const CHECKS: &[Check] = &[
    check(
        "databases",
        "whether databases allow connections",
        Scope::Cluster,
        include_str!("../../queries/upgrade/databases.sql"),
    ),
    check(
        "prepared",
        "prepared transactions",
        Scope::Cluster,
        include_str!("../../queries/upgrade/prepared.sql"),
    ),
    check("slots", "replication slots", Scope::Cluster, include_str!("../../queries/upgrade/slots.sql")),
    check(
        "tablespaces",
        "where tablespaces are",
        Scope::Cluster,
        include_str!("../../queries/upgrade/tablespaces.sql"),
    ),
    check(
        "files",
        "whether the server takes its files",
        Scope::Cluster,
        include_str!("../../queries/upgrade/files.sql"),
    ),
    check(
        "tablespaces",
        "the folders of tablespaces",
        Scope::Cluster,
        include_str!("../../queries/upgrade/tablespace_folders.sql"),
    ),
    check(
        "roles",
        "roles that may make roles",
        Scope::Cluster,
        include_str!("../../queries/upgrade/roles.sql"),
    )
    .crossing(16),
    check(
        "passwords",
        "how passwords are kept",
        Scope::Cluster,
        include_str!("../../queries/upgrade/passwords.sql"),
    ),
    check(
        "database_collations",
        "the collation versions of databases",
        Scope::Cluster,
        include_str!("../../queries/upgrade/database_collations.sql"),
    )
    .since(15),
    check(
        "data_types",
        "the types of columns",
        Scope::Database,
        include_str!("../../queries/upgrade/data_types.sql"),
    ),
    check("oids", "tables WITH OIDS", Scope::Database, include_str!("../../queries/upgrade/oids.sql"))
        .crossing(12),
    check("postfix", "postfix operators", Scope::Database, include_str!("../../queries/upgrade/postfix.sql"))
        .crossing(14),
    check(
        "polymorphics",
        "polymorphic aggregates and operators",
        Scope::Database,
        include_str!("../../queries/upgrade/polymorphics.sql"),
    )
    .crossing(14),
    check(
        "conversions",
        "encoding conversions",
        Scope::Database,
        include_str!("../../queries/upgrade/conversions.sql"),
    )
    .crossing(14),
    check("isn", "functions of contrib/isn", Scope::Database, include_str!("../../queries/upgrade/isn.sql"))
        .crossing(13),
    check(
        "not_null",
        "inherited NOT NULL",
        Scope::Database,
        include_str!("../../queries/upgrade/not_null.sql"),
    ),
    check(
        "lost_objects",
        "what is in the system's schemas",
        Scope::Database,
        include_str!("../../queries/upgrade/lost_objects.sql"),
    ),
    check(
        "subscriptions",
        "subscriptions",
        Scope::Database,
        include_str!("../../queries/upgrade/subscriptions.sql"),
    ),
    check(
        "invalid_indexes",
        "invalid indexes",
        Scope::Database,
        include_str!("../../queries/upgrade/invalid_indexes.sql"),
    ),
    check(
        "collations",
        "collation versions",
        Scope::Database,
        include_str!("../../queries/upgrade/collations.sql"),
    ),
    check(
        "text_search",
        "text search indexes",
        Scope::Database,
        include_str!("../../queries/upgrade/text_search.sql"),
    )
    .since(15)
    .crossing(18),
    check(
        "unicode",
        "what depends on the version of Unicode",
        Scope::Database,
        include_str!("../../queries/upgrade/unicode.sql"),
    )
    .since(17)
    .crossing(18),
];

/// A row of a check; all checks have the same columns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    severity: Severity,
    database: Option<String>,
    object: String,
    problem: String,
    fix: String,
    why: Option<String>,
    sql: Option<String>,
    run_in: Option<String>,
    choice: bool,
}

impl Row {
    /// Returns whether it is a logical replication slot that pg_upgrade creates in the new cluster.
    pub fn is_carried_slot(&self) -> bool {
        self.severity == Severity::Note
    }

    /// Returns the finding for this row.
    pub fn finding(self, check: &'static str) -> Finding {
        let Row { severity, database, object, problem, fix, why, sql, run_in, choice } = self;
        Finding { severity, database, object, problem, fix, why, sql, run_in, choice, check }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_of_a_change_runs_only_on_a_way_across_it() {
        let named = |name: &str| CHECKS.iter().find(|check| check.name == name).unwrap();
        for (name, from, to, applies) in [
            ("oids", 11, 12, true),
            ("oids", 10, 18, true),
            ("oids", 12, 18, false),
            ("oids", 10, 11, false),
            ("postfix", 13, 14, true),
            ("postfix", 14, 17, false),
            ("roles", 15, 16, true),
            ("roles", 16, 18, false),
            ("database_collations", 14, 18, false),
            ("database_collations", 15, 18, true),
            ("data_types", 17, 18, true),
        ] {
            assert_eq!(named(name).applies(from, to), applies, "{name} from {from} to {to}");
        }
    }
}

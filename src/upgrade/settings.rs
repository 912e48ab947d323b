//! Settings that the new server no longer has, or takes to mean something else.

use serde::Deserialize;

use super::{Finding, Severity};

/// A setting that is not at its default, where it stands, and what takes it away there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// `server`, or the role, database or function.
    pub place: String,
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
    /// What resets it; `None` in the server's files.
    pub sql: Option<String>,
}

impl Used {
    /// Does it stand in the server's files, so that pg_upgrade does not carry it over?
    pub fn is_of_server(&self) -> bool {
        self.sql.is_none()
    }
}

/// What went, when, and what there is instead. From the release notes, "Migration to Version N".
const REMOVED: &[(&str, u32, &str)] = &[
    ("replacement_sort_tuples", 11, "nothing"),
    ("wal_keep_segments", 13, "wal_keep_size, in megabytes"),
    ("operator_precedence_warning", 14, "nothing"),
    ("vacuum_cleanup_index_scale_factor", 14, "nothing"),
    ("stats_temp_directory", 15, "nothing"),
    ("promote_trigger_file", 16, "pg_promote()"),
    ("vacuum_defer_cleanup_age", 16, "hot_standby_feedback"),
    ("db_user_namespace", 17, "nothing"),
    ("old_snapshot_threshold", 17, "transaction_timeout"),
    ("trace_recovery_messages", 17, "log_min_messages"),
];

/// What means something else from a version on. From the release notes too.
const CHANGED: &[(&str, u32, &str)] = &[
    ("default_with_oids", 12, "tables have no hidden OIDs any more: only off is taken"),
    ("effective_io_concurrency", 13, "it now is the number of requests, without the old formula in between"),
    ("password_encryption", 14, "on and off are no longer taken, and scram-sha-256 is the default"),
    ("hash_mem_multiplier", 15, "its default rose from 1 to 2"),
    ("autovacuum_max_workers", 18, "it is bounded by autovacuum_worker_slots"),
    ("log_connections", 18, "it is a list of aspects now"),
    ("effective_io_concurrency", 18, "its default rose from 1 to 16"),
];

/// What a removed setting was replaced by, without asking a server; `None` where it is not known to be gone.
pub fn removed(name: &str, to: u32) -> Option<&'static str> {
    REMOVED.iter().find(|(removed, since, _)| *removed == name && to >= *since).map(|(.., instead)| *instead)
}

/// What is to be said of a setting that the new server refuses.
pub fn refused(used: &Used, why: &str, to: u32, database: Option<&str>) -> Finding {
    let instead = match removed(&used.name, to) {
        Some("nothing") | None => String::new(),
        Some(instead) => format!("; see {instead}"),
    };
    let object = format!("setting {} of {}", used.name, used.place);
    let mut finding = if used.is_of_server() {
        let fix = format!("leave it out of the new server's configuration{instead}");
        Finding::new(Severity::Hurts, "settings", object, "is not taken by the new server", fix)
    } else {
        let fix = format!("reset it{instead}");
        Finding::new(Severity::Stops, "settings", object, "is not taken by the new server", fix)
    };
    finding = finding.in_database(database).because(if used.is_of_server() {
        format!("{why}; a server does not start with a setting that it does not know")
    } else {
        format!("{why}; pg_upgrade's check does not see it, and its restore fails")
    });
    finding.sql.clone_from(&used.sql);
    finding.run_in = database.map(str::to_owned);
    // It means nothing to the new server, and what it does on the old one until then is little.
    finding.choice = false;
    finding
}

/// What is to be said of a setting that means something else.
pub fn changed(used: &Used, from: u32, to: u32) -> Vec<Finding> {
    CHANGED
        .iter()
        .filter(|(name, since, _)| *name == used.name && from < *since && *since <= to)
        .map(|(_, since, what)| {
            let object = format!("setting {} of {}", used.name, used.place);
            let value = used.value.as_deref().unwrap_or_default();
            let fix = format!("look whether {value} still is what you want");
            Finding::new(
                Severity::Hurts,
                "settings",
                object,
                format!("means something else from {since} on"),
                fix,
            )
            .because(*what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(name: &str, sql: Option<&str>) -> Used {
        Used {
            place: "role app".into(),
            name: name.into(),
            value: Some("on".into()),
            sql: sql.map(str::to_owned),
        }
    }

    #[test]
    fn a_refused_setting_stops_where_pg_upgrade_restores_it() {
        let at_role = refused(&used("old_snapshot_threshold", Some("ALTER …;")), "unknown", 17, None);
        assert_eq!((at_role.severity, at_role.choice), (Severity::Stops, false));
        assert_eq!(at_role.fix, "reset it; see transaction_timeout");
        assert_eq!(refused(&used("x", None), "unknown", 17, None).severity, Severity::Hurts);
    }

    #[test]
    fn a_change_is_told_only_on_a_way_across_it() {
        assert_eq!(changed(&used("password_encryption", None), 13, 17).len(), 1);
        assert_eq!(changed(&used("password_encryption", None), 14, 17).len(), 0);
        assert_eq!(changed(&used("effective_io_concurrency", None), 12, 18).len(), 2);
        assert_eq!(removed("wal_keep_segments", 12), None);
    }
}

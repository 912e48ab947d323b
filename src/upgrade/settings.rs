//! Settings that the new server no longer has, or that have another meaning there.

use std::time::Duration;

use serde::Deserialize;

use super::finding::{Finding, Severity};

/// A setting that is not at its default, the place where it is set, and the SQL that removes it there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// `server`, or the role, database or function.
    pub place: String,
    /// Its name, in lower case.
    pub name: String,
    pub value: Option<String>,
    /// The SQL that resets it; `None` if it is in the server's files.
    pub sql: Option<String>,
}

impl Used {
    /// Returns whether its value names an object of the database, which only a rehearsal has.
    pub fn names_an_object(&self) -> bool {
        [
            "default_table_access_method",
            "default_tablespace",
            "temp_tablespaces",
            "role",
            "session_authorization",
        ]
        .contains(&self.name.as_str())
    }

    /// Returns whether it is in the server's files, so that pg_upgrade does not carry it over.
    pub fn is_of_server(&self) -> bool {
        self.sql.is_none()
    }
}

/// The removed settings, the version that removed each, and the replacement. From the release notes, "Migration to
/// Version N".
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

/// The settings whose meaning changed in a version. Also from the release notes.
const CHANGED: &[(&str, u32, &str)] = &[
    ("default_with_oids", 12, "tables have no hidden OIDs any more: only off is accepted"),
    ("effective_io_concurrency", 13, "it is now the number of requests itself, with no formula applied"),
    ("password_encryption", 14, "on and off are no longer accepted, and scram-sha-256 is the default"),
    ("hash_mem_multiplier", 15, "its default rose from 1 to 2"),
    ("autovacuum_max_workers", 18, "it is bounded by autovacuum_worker_slots"),
    ("log_connections", 18, "it is a list of aspects now"),
    ("effective_io_concurrency", 18, "its default rose from 1 to 16"),
];

/// Returns what replaced a removed setting, without asking a server; `None` if it is not known to be removed.
pub fn removed(name: &str, to: u32) -> Option<&'static str> {
    REMOVED.iter().find(|(removed, since, _)| *removed == name && to >= *since).map(|(.., instead)| *instead)
}

/// Returns the finding for a setting that the new server refuses.
pub fn refused(used: &Used, why: &str, to: u32, database: Option<&str>) -> Finding {
    let instead = match removed(&used.name, to) {
        Some("nothing") | None => String::new(),
        Some(instead) => format!("; see {instead}"),
    };
    let object = format!("setting {} of {}", used.name, used.place);
    let mut finding = if used.is_of_server() {
        let fix = format!("leave it out of the new server's configuration{instead}");
        Finding::new(Severity::Hurts, "settings", object, "is rejected by the new server", fix)
    } else {
        let fix = format!("reset it{instead}");
        Finding::new(Severity::Stops, "settings", object, "is rejected by the new server", fix)
    };
    finding = finding.in_database(database).because(if used.is_of_server() {
        format!("{why}; a server does not start with a setting that it does not know")
    } else {
        format!("{why}; pg_upgrade's check does not see it, and its restore fails")
    });
    finding.sql.clone_from(&used.sql);
    finding.run_in = database.map(str::to_owned);
    // It has no meaning for the new server, and until then it has little effect on the old one.
    finding.choice = false;
    finding
}

/// Returns the findings for a setting whose meaning changed.
pub fn changed(used: &Used, from: u32, to: u32) -> Vec<Finding> {
    CHANGED
        .iter()
        .filter(|(name, since, _)| *name == used.name && from < *since && *since <= to)
        .map(|(_, since, what)| {
            let object = format!("setting {} of {}", used.name, used.place);
            let value = used.value.as_deref().unwrap_or_default();
            let fix = format!("check whether {value} is still what you want");
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

/// Returns the finding for a timeout, if it applies to pg_upgrade's sessions. `user` is the role that pg_upgrade
/// connects as, quoted as an identifier. `longest` is how long our slowest query took.
pub fn timeout(used: &Used, user: &str, longest: Duration) -> Option<Finding> {
    if !["statement_timeout", "transaction_timeout"].contains(&used.name.as_str()) {
        return None;
    }
    let bare = user.trim_matches('"');
    let mine = [format!("role {user}"), format!("role {bare}")];
    let is_for = used.place == "server"
        || used.place.starts_with("every role")
        || mine
            .iter()
            .any(|role| used.place == *role || used.place.starts_with(&format!("{role} in database ")));
    let limit = milliseconds(used.value.as_deref()?).filter(|limit| is_for && *limit > 0)?;
    // pg_upgrade's queries may take a few times as long as ours did, under more load or with a cold cache.
    let needed = (longest * 10).max(Duration::from_secs(1));
    let is_short = Duration::from_millis(limit) < needed;
    let severity = if is_short { Severity::Stops } else { Severity::Note };
    let object = format!("setting {} of {}", used.name, used.place);
    let problem = format!("is {}", used.value.as_deref().unwrap_or_default());
    let mut finding = Finding::new(
        severity,
        "timeouts",
        object,
        problem,
        "reset it for the upgrade, or set it to 0 for its role",
    )
    .because(format!(
        "pg_upgrade's own queries may run into it; the longest check here took {} ms",
        longest.as_millis()
    ));
    finding.sql.clone_from(&used.sql);
    Some(finding)
}

/// Parses a duration as the server does: without a unit it is in milliseconds.
fn milliseconds(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
    let number: f64 = value.get(..digits)?.parse().ok()?;
    let unit = match value.get(digits..)?.trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1e3,
        "min" => 6e4,
        "h" => 3.6e6,
        "d" => 8.64e7,
        _ => return None,
    };
    Some((number * unit).ceil() as u64)
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
    fn a_timeout_of_the_upgrading_role_stops_where_it_is_shorter_than_what_the_checks_need() {
        let judged = |place: &str, value: &str, longest| {
            let used = Used {
                place: place.into(),
                name: "statement_timeout".into(),
                value: Some(value.into()),
                sql: None,
            };
            timeout(&used, "\"boss\"", Duration::from_millis(longest)).map(|finding| finding.severity)
        };
        assert_eq!(judged("role boss", "10ms", 5), Some(Severity::Stops));
        assert_eq!(judged("role boss", "5s", 5), Some(Severity::Note));
        assert_eq!(judged("every role in database d", "5s", 900), Some(Severity::Stops));
        assert_eq!(judged("server", "100", 5), Some(Severity::Stops));
        assert_eq!(judged("role app", "1ms", 5), None);
        assert_eq!(judged("role boss", "0", 5), None);
        assert_eq!(
            (milliseconds("1.5min"), milliseconds("2h"), milliseconds("x")),
            (Some(90_000), Some(7_200_000), None)
        );
    }

    #[test]
    fn a_change_is_told_only_on_a_way_across_it() {
        assert_eq!(changed(&used("password_encryption", None), 13, 17).len(), 1);
        assert_eq!(changed(&used("password_encryption", None), 14, 17).len(), 0);
        assert_eq!(changed(&used("effective_io_concurrency", None), 12, 18).len(), 2);
        assert_eq!(removed("wal_keep_segments", 12), None);
    }
}

//! The locks of a dump can be calculated: pg_dump locks every table of a database in one transaction, and the
//! server's lock table has a fixed size.

use serde::Deserialize;

use super::finding::{Finding, Severity};

/// The lock table of the old server or of the new cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The number of locks that it is certain to have room for.
    pub room: i64,
    /// The number of processes that `max_locks_per_transaction` is multiplied by.
    pub processes: i64,
    /// The number of locks that are held.
    pub held: i64,
}

/// What pg_dump has to lock in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dumped {
    /// The number of relations of users.
    pub relations: i64,
    /// The estimated number of large objects.
    pub large_objects: i64,
}

/// The catalogs that pg_dump reads, and their indexes.
const CATALOGS: i64 = 200;
/// A database with more large objects than this is not rehearsed: pg_dump keeps all of them in memory.
const LARGE_OBJECTS: i64 = 200_000;

/// How many objects pg_restore restores in one transaction when pg_upgrade 17 or later runs it
/// (RESTORE_TRANSACTION_SIZE in pg_upgrade.c; fewer with --jobs).
const RESTORED_AT_ONCE: i64 = 1000;
/// How many locks the restore of an object can take: on a table, its TOAST table and the index of that.
const AN_ENTRY: i64 = 3;

impl Table {
    /// The lock table of a cluster with these settings, as `lock_table.sql` computes it for a running server; `None` if
    /// `max_locks_per_transaction` cannot be read.
    pub fn of_settings(major: u32, setting: impl Fn(&str) -> Option<i64>) -> Option<Table> {
        let workers = if major >= 18 { "autovacuum_worker_slots" } else { "autovacuum_max_workers" };
        let others = ["max_prepared_transactions", workers, "max_worker_processes", "max_wal_senders"];
        let processes = 1 + others.into_iter().chain(["max_connections"]).filter_map(&setting).sum::<i64>();
        Some(Table { room: setting("max_locks_per_transaction")? * processes, processes, held: 0 })
    }

    /// Returns the `max_locks_per_transaction` that has room for this many locks plus a tenth.
    fn enough_for(self, needed: i64) -> i64 {
        (needed + needed / 10) / self.processes.max(1) + 1
    }

    /// Returns a finding if the restore of this database may not fit into the new cluster's lock table; `None` if
    /// it certainly fits.
    pub fn restores(self, database: &str, relations: i64) -> Option<Finding> {
        let needed = relations.min(RESTORED_AT_ONCE) * AN_ENTRY + CATALOGS;
        (needed > self.room).then(|| {
            let (room, enough) = (self.room, self.enough_for(needed));
            Finding::new(
                Severity::Unseen,
                "locks",
                "new cluster".to_owned(),
                format!("has room for {room} locks, but the restore of database {database} may take {needed}"),
                format!("set max_locks_per_transaction = {enough} in the new cluster"),
            )
            .because(format!(
                "pg_restore restores {RESTORED_AT_ONCE} objects in one transaction; there may or may not be room for more locks"
            ))
        })
    }

    /// Returns the finding for a database that is dumped; `None` if there is certainly room. The lock table may
    /// grow beyond its room, by about two fifths, into what other tables of shared memory leave free.
    pub fn finding(self, database: &str, dumped: Dumped) -> Option<Finding> {
        let needed = dumped.relations + CATALOGS;
        if needed <= self.room {
            return None;
        }
        let severity = if needed * 5 > self.room * 7 { Severity::Stops } else { Severity::Unseen };
        let (processes, enough) = (self.processes.max(1), self.enough_for(needed));
        let problem =
            format!("has {} relations to lock, but the server has room for {}", dumped.relations, self.room);
        let fix =
            format!("set max_locks_per_transaction = {enough} on the old server, which needs a restart");
        Some(
            Finding::new(severity, "locks", format!("database {database}"), problem, fix)
                .because(format!(
                    "pg_dump locks all of them in one transaction; room is max_locks_per_transaction × {processes} \
                     (connections, workers and prepared transactions), and there may or may not be room for more"
                ))
                .in_database(Some(database)),
        )
    }

    /// Returns why a dump now would hinder others; `None` if it leaves them a quarter of the room.
    pub fn hinders(self, dumped: Dumped) -> Option<String> {
        let needed = dumped.relations + CATALOGS;
        if (needed + self.held) * 4 > self.room * 3 {
            return Some(format!(
                "pg_dump would take {needed} of the {} locks that the server has room for, and others {} now",
                self.room, self.held
            ));
        }
        (dumped.large_objects > LARGE_OBJECTS).then(|| {
            format!("there are about {} large objects, each of which pg_dump lists", dumped.large_objects)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_surely_too_much_stops_and_what_may_be_is_not_known() {
        let table = Table { room: 7808, processes: 122, held: 10 };
        let judged = |relations| {
            let found = table.finding("d", Dumped { relations, large_objects: 0 });
            found.map(|finding| (finding.severity, finding.fix))
        };
        assert_eq!(judged(7608), None);
        assert_eq!(judged(7609).unwrap().0, Severity::Unseen);
        let (severity, fix) = judged(19_799).unwrap();
        assert_eq!(severity, Severity::Stops);
        assert!(fix.starts_with("set max_locks_per_transaction = 181 "), "{fix}");
        // With what it says there is room.
        let enough = Table { room: 181 * 122, ..table };
        assert_eq!(enough.finding("d", Dumped { relations: 19_799, large_objects: 0 }), None);
    }

    #[test]
    fn the_new_cluster_has_room_for_a_thousand_tables_at_once_or_is_told() {
        let settings = |locks: i64, connections: i64| {
            move |name: &str| match name {
                "max_locks_per_transaction" => Some(locks),
                "max_connections" => Some(connections),
                "max_prepared_transactions" => Some(0),
                "autovacuum_max_workers" => Some(3),
                "max_worker_processes" => Some(8),
                "max_wal_senders" => Some(10),
                _ => None,
            }
        };
        let judged = |relations, locks, connections| {
            let table = Table::of_settings(17, settings(locks, connections)).unwrap();
            table.restores("d", relations).map(|finding| finding.severity)
        };
        assert_eq!(judged(20_000, 64, 100), None);
        assert_eq!(judged(20_000, 64, 20), Some(Severity::Unseen));
        assert_eq!(judged(600, 64, 20), None);
        let fix = Table::of_settings(17, settings(10, 20)).unwrap().restores("d", 20_000).unwrap().fix;
        let enough: i64 = fix.split(' ').find_map(|word| word.parse().ok()).unwrap();
        assert_eq!(judged(20_000, enough, 20), None, "{fix}");
        // Settings that cannot be read are another finding.
        assert_eq!(Table::of_settings(17, |_| None), None);
    }

    #[test]
    fn a_dump_leaves_others_a_quarter_of_the_room() {
        let table = Table { room: 1000, processes: 10, held: 50 };
        let hinders = |relations, large_objects| table.hinders(Dumped { relations, large_objects });
        assert_eq!(hinders(500, 0), None);
        assert!(hinders(501, 0).is_some() && hinders(0, 200_001).is_some());
    }
}

//! Locks are arithmetic: pg_dump locks every table of a database in one transaction, and the server's lock table has a size.

use serde::Deserialize;

use super::{Finding, Severity};

/// The old server's lock table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// How many locks it surely has room for.
    pub room: i64,
    /// Among how many processes `max_locks_per_transaction` is counted.
    pub processes: i64,
    /// How many are held.
    pub held: i64,
}

/// What pg_dump has to lock in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dumped {
    /// Relations of users.
    pub relations: i64,
    /// An estimate.
    pub large_objects: i64,
}

/// The catalogs that pg_dump reads, and their indexes.
const CATALOGS: i64 = 200;
/// More large objects than this are not listed for a rehearsal: pg_dump keeps all of them in memory.
const LARGE_OBJECTS: i64 = 200_000;

impl Table {
    /// What there is to say of a database that is dumped; `None` where there surely is room. The lock table may grow beyond
    /// its room into what other tables of shared memory leave, by about two fifths.
    pub fn finding(self, database: &str, dumped: Dumped) -> Option<Finding> {
        let needed = dumped.relations + CATALOGS;
        if needed <= self.room {
            return None;
        }
        let severity = if needed * 5 > self.room * 7 { Severity::Stops } else { Severity::Unseen };
        let processes = self.processes.max(1);
        let enough = (needed + needed / 10) / processes + 1;
        let problem =
            format!("has {} relations to lock, and the server room for {}", dumped.relations, self.room);
        let fix =
            format!("set max_locks_per_transaction = {enough} on the old server, which takes a restart");
        Some(
            Finding::new(severity, "locks", format!("database {database}"), problem, fix)
                .because(format!(
                    "pg_dump locks all of them in one transaction; room is max_locks_per_transaction × {processes} \
                     (connections, workers and prepared transactions), and what is beyond depends on luck"
                ))
                .in_database(Some(database)),
        )
    }

    /// Why a dump now would hinder others; `None` where it leaves them a quarter of the room.
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
    fn a_dump_leaves_others_a_quarter_of_the_room() {
        let table = Table { room: 1000, processes: 10, held: 50 };
        let hinders = |relations, large_objects| table.hinders(Dumped { relations, large_objects });
        assert_eq!(hinders(500, 0), None);
        assert!(hinders(501, 0).is_some() && hinders(0, 200_001).is_some());
    }
}

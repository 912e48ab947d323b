//! Some five hundred sessions that wait for one another's rows.

use crate::support::{Db, Session, eventually};

/// How many wait for the first row.
const MANY: usize = 440;
/// How many wait for each of the other rows, and how many rows those are.
const FEW: (usize, usize) = (3, 19);

/// The query that people keep for this: each session that is blocked, with its blockers.
pub const BLOCKED: &str = "SELECT a.pid, b.pids, a.usename, a.application_name, a.state, a.query_start, a.query \
    FROM pg_stat_activity a, LATERAL (SELECT pg_blocking_pids(a.pid) AS pids OFFSET 0) AS b \
    WHERE b.pids <> '{}' ORDER BY a.query_start";

/// Creates the crowd, which waits as long as the returned session is open.
pub fn gather(db: &Db) -> Session {
    let holder = db.session();
    holder.sql(
        "CREATE TABLE app.hot (id int PRIMARY KEY, n int);\
         INSERT INTO app.hot SELECT g, 0 FROM generate_series(1, 20) AS g",
    );
    holder.sql("BEGIN; UPDATE app.hot SET n = 1");
    let rows = (0..MANY).map(|_| 1).chain((2..2 + FEW.1).flat_map(|id| [id; FEW.0]));
    let mut waiting = 0;
    for id in rows {
        drop(db.session().send(&format!("UPDATE app.hot SET n = n + 1 WHERE id = {id}")));
        waiting += 1;
    }
    eventually("all sessions wait", || {
        db.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == waiting.to_string()
    });
    holder
}

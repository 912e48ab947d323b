//! Gives the server what the reports show besides tables: extensions, prepared transactions, slots, statements and a
//! temporary file.

use pgkit::sandbox::{Server, Stop};

use crate::support::{Db, Session};

/// The extensions that reports and their peers need.
const EXTENSIONS: [&str; 3] = ["pg_stat_statements", "pgstattuple", "pg_buffercache"];

/// The number of statements in `pg_stat_statements`.
const STATEMENTS: usize = 1500;

/// Has the server preload `pg_stat_statements`, if it has it. Returns which of [`EXTENSIONS`] the server has.
pub fn prepare(server: &mut Server, db: &Db, major: u32) -> Vec<String> {
    let listed = EXTENSIONS.map(|name| format!("'{name}'")).join(", ");
    let query = format!("SELECT name FROM pg_available_extensions WHERE name IN ({listed}) ORDER BY name");
    let extensions: Vec<String> = db.sql(&query).into_iter().filter_map(|mut row| row.remove(0)).collect();
    if extensions.iter().any(|name| name == "pg_stat_statements") {
        db.sql("ALTER SYSTEM SET shared_preload_libraries = pg_stat_statements");
        server.restart(Stop::Fast).unwrap();
        // Creating the tables would fill it: `extend` switches it on again.
        db.sql("ALTER SYSTEM SET pg_stat_statements.track = none");
        if major >= 13 {
            db.sql("ALTER SYSTEM SET pg_stat_statements.track_planning = on");
        }
        db.sql("SELECT pg_reload_conf()");
    }
    extensions
}

/// Creates the extensions and starts to count statements.
pub fn extend(db: &Db, extensions: &[String]) {
    let session = db.session();
    for name in extensions {
        session.sql(&format!("CREATE EXTENSION {name}"));
    }
    if extensions.iter().any(|name| name == "pg_stat_statements") {
        session.sql("ALTER SYSTEM RESET pg_stat_statements.track");
        session.sql("SELECT pg_reload_conf()");
    }
}

/// Creates prepared transactions, slots and statements, and a temporary file, which lasts as long as the returned session.
pub fn gather(db: &Db) -> Session {
    let session = db.session();
    session.sql("CREATE TABLE app.prepared (n int)");
    for n in 0..3 {
        session
            .sql(&format!("BEGIN; INSERT INTO app.prepared VALUES ({n}); PREPARE TRANSACTION 'company {n}'"));
    }
    for n in 0..2 {
        session.sql(&format!("SELECT pg_create_physical_replication_slot('company_{n}', true)"));
    }
    let tables = "SELECT oid::regclass FROM pg_class WHERE relnamespace = 'archive'::regnamespace AND relkind = 'r' \
                  ORDER BY relname LIMIT ";
    let text = "WHERE t.tableoid IS NOT NULL\n  AND t.ctid IS NOT NULL\n  AND length(t::text) BETWEEN 1 AND 1000000\n\
                ORDER BY length(t::text), t::text\nLIMIT 10 OFFSET 20";
    for name in session.sql(&format!("{tables}{STATEMENTS}")).iter().filter_map(|row| row[0].as_deref()) {
        session.sql(&format!("SELECT t.*, t.tableoid, length(t::text) AS length\nFROM {name} AS t\n{text}"));
    }
    session.sql("SET work_mem = 64");
    session.sql("BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT g FROM generate_series(1, 200000) g ORDER BY -g; COMMIT");
    session
}

/// The time that the server has spent on statements, if `pg_stat_statements` counts it.
pub struct Meter(Option<(Session, String)>);

impl Meter {
    /// Creates a meter, whose own statements are not counted.
    pub fn new(db: &Db, major: u32, extensions: &[String]) -> Meter {
        if extensions.iter().all(|name| name != "pg_stat_statements") {
            return Meter(None);
        }
        let session = db.session();
        session.sql("SET pg_stat_statements.track = none");
        let time = if major >= 13 { "total_plan_time + total_exec_time" } else { "total_time" };
        Meter(Some((session, format!("SELECT sum({time}) FROM pg_stat_statements(false)"))))
    }

    /// Returns the milliseconds that the server has spent so far; `None` if they are not counted.
    pub fn read(&self) -> Option<f64> {
        let (session, query) = self.0.as_ref()?;
        session.sql(query)[0][0].as_ref()?.parse().ok()
    }
}

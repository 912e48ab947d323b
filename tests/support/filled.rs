//! The databases with the large catalog: one on each shared server, filled by the first test that asks for it.

use std::hash::{DefaultHasher, Hash, Hasher};

use pgkit::sandbox::Binaries;

use super::catalog;
use super::{Db, server};

/// How many relations.
pub const TABLES: usize = 2000;

/// The filled database on the shared server of this version. Read it; change nothing.
pub fn filled(bin: &Binaries) -> Db {
    let info = server(bin).info();
    let mut hasher = DefaultHasher::new();
    (include_str!("catalog.rs"), include_str!("catalog.sql"), TABLES).hash(&mut hasher);
    let name = format!("catalog_{:016x}", hasher.finish());
    let postgres = Db::existing(info, "postgres");
    let session = postgres.session();
    // Whoever comes meanwhile waits here; the comment says that it is complete.
    session.sql("SELECT pg_advisory_lock(7301)");
    let ready = session.sql(&format!(
        "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = '{name}'"
    ));
    if !matches!(ready.first(), Some(row) if row[0].as_deref() == Some("complete")) {
        session.sql(&format!("DROP DATABASE IF EXISTS {name}"));
        session.sql(&format!("CREATE DATABASE {name}"));
        let db = Db::existing(info, &name);
        fill(&db, bin.major, TABLES);
        // So that nothing changes while two answers are compared.
        db.sql(
            "UPDATE pg_catalog.pg_class SET reloptions = '{autovacuum_enabled=off}' \
             WHERE relkind IN ('r', 'm', 't') AND oid >= 16384",
        );
        session.sql(&format!("COMMENT ON DATABASE {name} IS 'complete'"));
    }
    Db::existing(info, &name)
}

/// Fills a database.
pub fn fill(db: &Db, major: u32, tables: usize) {
    let session = db.session();
    catalog::fill(
        &mut |sql| {
            if let Err(e) = session.try_sql(sql) {
                let at = match e.as_db_error().and_then(|db| db.position()) {
                    Some(tokio_postgres::error::ErrorPosition::Original(at)) => *at as usize,
                    _ => 0,
                };
                let here: String = sql.chars().skip(at.saturating_sub(50)).take(200).collect();
                panic!("{:?}: {here}", e.as_db_error().map_or(e.to_string(), ToString::to_string));
            }
        },
        major,
        tables,
    );
}

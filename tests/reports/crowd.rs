//! A thousand sessions, and an ALTER TABLE that waits on every table: the first minute of many an incident.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::support::*;

/// The number of tables. Each has a session whose ALTER TABLE waits for it.
const TABLES: usize = 400;
/// The number of sessions.
const SESSIONS: usize = 1000;
/// How long a report may take in a debug build. Its lock timeout is a small part of that.
const PATIENCE: Duration = Duration::from_secs(10);

/// Held while a crowd exists: each opens a thousand sockets in this process, so there may be only one.
static TURN: Mutex<()> = Mutex::new(());

/// Sessions that share one thread: a thread for each would be too many, and they only wait.
struct Crowd {
    runtime: tokio::runtime::Runtime,
    config: tokio_postgres::Config,
}

impl Crowd {
    fn new(db: &Db) -> Crowd {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut config = tokio_postgres::Config::new();
        config.host_path(&db.info.socket_dir).port(db.info.port).user(&db.info.user).dbname(&db.name);
        Crowd { runtime, config }
    }

    fn join(&self) -> tokio_postgres::Client {
        let (client, connection) = self.runtime.block_on(self.config.connect(tokio_postgres::NoTls)).unwrap();
        self.runtime.spawn(connection);
        client
    }
}

fn no_report_waits_or_fails_behind_a_queue_on_every_table(bin: &Binaries) {
    // This takes half a minute, so it runs on the oldest and the newest server only.
    let majors = || bins().iter().map(|bin| bin.major);
    if Some(bin.major) != majors().min() && Some(bin.major) != majors().max() {
        return;
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let server = own_server(
        &options(bin)
            .conf("max_connections", &(SESSIONS + 20).to_string())
            .conf("shared_preload_libraries", "pg_stat_statements"),
    );
    let db = database(server.info(), "crowd");
    db.sql(&format!(
        "CREATE ROLE crowd_nobody LOGIN; CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pg_buffercache; DO $$ BEGIN FOR i IN 1..{TABLES} LOOP \
         EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, n int DEFAULT 3, body text)', i); END LOOP; END $$"
    ));
    let holder = db.session();
    holder.sql("BEGIN");
    for i in 1..=TABLES {
        holder.sql(&format!("LOCK TABLE t{i} IN ACCESS SHARE MODE"));
    }
    let crowd = Crowd::new(&db);
    let _idle: Vec<_> = (TABLES + 1..SESSIONS).map(|_| crowd.join()).collect();
    let waiting: Vec<_> = (1..=TABLES)
        .map(|i| {
            let client = crowd.join();
            crowd.runtime.spawn(async move {
                client.batch_execute(&format!("ALTER TABLE t{i} ADD COLUMN more int")).await
            })
        })
        .collect();
    // The statements are sent only while the runtime runs.
    crowd.runtime.block_on(async { tokio::time::sleep(Duration::from_secs(1)).await });
    eventually("every ALTER waits", || {
        db.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == TABLES.to_string()
    });
    let mut failed = Vec::new();
    let mut lines: Vec<Vec<String>> = server_reports().iter().map(|report| line_of(report, "t1")).collect();
    lines.push(["locks", "--all"].map(str::to_owned).to_vec());
    for line in &lines {
        if line[0] == "extensions" && cannot_list_extensions(&db) {
            continue;
        }
        for role in ["postgres", "crowd_nobody"] {
            let start = Instant::now();
            let output = run(pgkit(&db).env("PGUSER", role).args(line));
            let elapsed = start.elapsed();
            if output.code != Some(0) || elapsed > PATIENCE {
                failed.push(format!("{line:?} as {role}: {:?}, {elapsed:?}: {}", output.code, output.stderr));
            }
        }
    }
    holder.sql("ROLLBACK");
    for session in waiting {
        crowd.runtime.block_on(session).unwrap().unwrap();
    }
    assert!(failed.is_empty(), "on {}:\n{}", bin.major, failed.join("\n"));
}
on_every_server!(no_report_waits_or_fails_behind_a_queue_on_every_table);

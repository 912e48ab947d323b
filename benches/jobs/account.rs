//! Where the time of a run goes: into round trips, flushes to disk, and processor time of pgkit and of the server.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::support::{Db, jobs::Jobs};

/// Totals of what has been used so far. A run has used the difference between the totals after it and before it.
pub struct Account {
    client_ms: f64,
    server_ms: f64,
    /// `None` before PostgreSQL 14, which does not count them.
    flushes: Option<f64>,
}

impl Account {
    /// Reads the totals. A process of pgkit counts once it has ended.
    pub fn now(db: &Db) -> Account {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let client = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        let flushes = db
            .try_sql("SELECT wal_sync FROM pg_stat_wal")
            .ok()
            .and_then(|rows| rows[0][0].clone()?.parse().ok());
        Account {
            client_ms: client as f64 / 1000.0,
            server_ms: server_ms(Path::new(&db.value("SHOW data_directory"))),
            flushes,
        }
    }

    /// Describes what each job has used since `before`, if this many jobs have run, which together took this many
    /// seconds.
    pub fn each(&self, before: &Account, jobs: f64, took: f64, trips: Option<f64>) -> String {
        let trips = trips.map(|trips| format!("{trips:.1} trips, ")).unwrap_or_default();
        let flushes = self
            .flushes
            .zip(before.flushes)
            .map(|(now, before)| format!("{:.2} fsyncs, ", (now - before) / jobs));
        format!(
            "    each: {:.2} ms, of which {trips}{}server {:.2} ms, client {:.2} ms of processor time",
            took * 1000.0 / jobs,
            flushes.unwrap_or_default(),
            (self.server_ms - before.server_ms) / jobs,
            (self.client_ms - before.client_ms) / jobs
        )
    }
}

/// Returns the processor time of a server's processes, including those that have ended.
fn server_ms(folder: &Path) -> f64 {
    let pid = std::fs::read_to_string(folder.join("postmaster.pid"));
    let pid: i32 = pid.unwrap().lines().next().unwrap().trim().parse().unwrap();
    let ticks = |pid: i32, fields: std::ops::Range<usize>| -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = rest.split_whitespace().skip(fields.start).take(fields.len());
        ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum()
    };
    let living: f64 = super::support::jobs::children(pid).into_iter().map(|child| ticks(child, 11..13)).sum();
    // USER_HZ is 100 on every system.
    (ticks(pid, 11..15) + living) * 10.0
}

/// Counts how many round trips each further job costs, by passing on what pgkit and its server send to each other.
pub fn trips(jobs: &Jobs, few: usize, many: usize, run: impl Fn(&mut Command, usize)) -> f64 {
    let counted = |count: usize| {
        let folder = tempfile::tempdir().unwrap();
        let (port, server) = (jobs.db.info.port, jobs.db.info.socket_dir.clone());
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}"))).unwrap();
        let sent = Arc::new(AtomicU64::new(0));
        let counter = sent.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(server.join(format!(".s.PGSQL.{port}"))) else {
                    continue;
                };
                let (from, to, counter) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap(), counter.clone());
                std::thread::spawn(move || {
                    pass(from, to, &|| {
                        counter.fetch_add(1, Ordering::Relaxed);
                    })
                });
                std::thread::spawn(move || pass(server, client, &|| {}));
            }
        });
        let mut command = jobs.command(&["run", "-q"]);
        run(command.env("PGHOST", folder.path()), count);
        sent.load(Ordering::Relaxed)
    };
    let (few_sent, many_sent) = (counted(few), counted(many));
    (many_sent as f64 - few_sent as f64) / (many - few) as f64
}

fn pass(mut from: UnixStream, mut to: UnixStream, seen: &dyn Fn()) {
    // The buffer is larger than anything that either side sends at once.
    let mut buffer = vec![0; 256 << 10];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            break;
        }
        seen();
    }
    let _ = to.shutdown(Shutdown::Both);
}

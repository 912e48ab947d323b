//! Facts about the machine that pgkit runs on, for reports that compare them with what the server says.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::statvfs::statvfs;
use serde::{Deserialize, Serialize};

use crate::answer::ArgValue;
use crate::error::Result;
use crate::report::Report;
use crate::session::Reader;

const PLACES: &str = include_str!("../../queries/session/places.sql");

/// The memory and the disks of this machine. Both are `None` unless the server runs on it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The memory of this machine, or the memory limit of its container, in bytes.
    memory: Option<i64>,
    /// The file systems that hold the server's files, as JSON.
    disks: Option<String>,
}

/// A folder with files of the server, and the pid of the backend that answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    what: String,
    path: String,
    pid: i32,
}

/// The size of a file system in bytes, or why it is unknown.
#[derive(Debug, Serialize)]
struct Disk {
    what: String,
    path: String,
    total_bytes: Option<u64>,
    free_bytes: Option<u64>,
    fault: Option<String>,
}

impl Facts {
    /// Collects the facts, if the server runs on this machine.
    ///
    /// Errors: the session is lost.
    pub async fn of(reader: &Reader) -> Result<Facts> {
        let target = reader.target();
        if target.ssh.is_some() || !target.hosts.iter().all(|host| host.is_socket()) {
            return Ok(Facts::default());
        }
        let places: Vec<Place> = match reader.structs(PLACES, &[]).await {
            Ok(places) => places,
            Err(e) if e.sqlstate.is_some() => return Ok(Facts::default()),
            Err(e) => return Err(e),
        };
        // A socket may lead to another machine or container, in which the backend has another pid.
        if !places.first().is_some_and(|place| is_backend(place.pid)) {
            return Ok(Facts::default());
        }
        let disks: Vec<Disk> = places.into_iter().map(disk).collect();
        Ok(Facts { memory: memory(), disks: serde_json::to_string(&disks).ok() })
    }

    /// Sets those values in `given` whose parameters of the report are facts about this machine.
    ///
    /// `delay` is how much later than now the server may run the report's statement.
    #[expect(clippy::disallowed_methods, reason = "the server's clock is compared with that of this machine")]
    pub fn fill(&self, report: &Report, given: &mut [ArgValue], delay: Duration) {
        for (param, value) in report.params.iter().zip(given) {
            match param.name.as_str() {
                "client_time" => *value = ArgValue::Number(Timestamp::now().as_microsecond()),
                "client_delay" => {
                    *value = ArgValue::Number(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX));
                }
                "client_memory_bytes" => *value = self.memory.map_or(ArgValue::Nothing, ArgValue::Number),
                "client_disks" => *value = self.disks.clone().map_or(ArgValue::Nothing, ArgValue::Text),
                _ => {}
            }
        }
    }
}

/// Returns whether the process with this pid on this machine is a PostgreSQL backend.
fn is_backend(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"postgres: "))
}

fn disk(place: Place) -> Disk {
    let Place { what, path, .. } = place;
    match statvfs(Path::new(&path)) {
        Ok(found) => {
            let bytes = |blocks: u64| blocks * found.fragment_size();
            // Blocks that are reserved for root do not count, since the server cannot use them.
            let used = found.blocks() - found.blocks_free();
            let total = bytes(used + found.blocks_available());
            Disk {
                what,
                path,
                total_bytes: Some(total),
                free_bytes: Some(bytes(found.blocks_available())),
                fault: None,
            }
        }
        Err(e) => {
            let fault = Some(format!("{path}: {}", e.desc()));
            Disk { what, path, total_bytes: None, free_bytes: None, fault }
        }
    }
}

/// Returns the memory of this machine, or the limit of its container if that is lower, in bytes; `None` if it
/// is unknown.
fn memory() -> Option<i64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine = line.trim().strip_suffix(" kB")?.trim().parse::<i64>().ok()?.checked_mul(1024)?;
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|limit| limit.trim().parse::<i64>().ok());
    Some(limit.map_or(machine, |limit| limit.min(machine)))
}

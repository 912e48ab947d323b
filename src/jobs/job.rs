//! A job as the jobs file describes it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::schedule::Schedule;

/// Which missed dates a backfill job makes up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CatchUp {
    /// Each, in order.
    #[default]
    All,
    /// The latest.
    Last,
    /// None.
    None,
}

/// What becomes of a date whose run was cut off by a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OnCrash {
    /// It runs again.
    #[default]
    Retry,
    /// It waits for a person.
    Hold,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// SQL.
    Sql {
        /// One statement, where `$1` is the date; several without it.
        text: String,
        /// In one transaction with its record; else at least once.
        transaction: bool,
    },
    /// A program.
    Program {
        /// The program and its arguments; a shell's command line is `sh -c LINE`.
        words: Vec<String>,
        /// Added to its environment.
        environment: BTreeMap<String, String>,
        /// Where it runs; the jobs file's folder where it does not say.
        directory: Option<PathBuf>,
    },
}

/// Whom to tell of a change of a job's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tell {
    /// A program.
    Program(Vec<String>),
    /// NOTIFY on this channel.
    Channel(String),
}

/// One job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Its name: `app_name`.
    pub name: String,
    /// The line where it begins.
    pub line: usize,
    /// When it runs.
    pub schedule: Schedule,
    /// What it does.
    pub work: Work,
    /// The jobs that must have run.
    pub depends_on: Vec<String>,
    /// One run for each date.
    pub backfill: bool,
    /// Which missed dates it makes up for.
    pub catch_up: CatchUp,
    /// How many dates one pass hands out at most.
    pub max_backfill: Option<u32>,
    /// What becomes of a date that was cut off.
    pub on_crash: OnCrash,
    /// What `--nagios` prints in parentheses.
    pub class: Option<String>,
    /// How long after a failure it is tried again.
    pub retry_after: Duration,
    /// How old a foreign claim may get.
    pub max_ongoing_age: Duration,
    /// Its time zone.
    #[serde(with = "zone_name")]
    pub timezone: TimeZone,
    /// How long it lives without its server.
    pub lease: Duration,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How long after TERM it is killed.
    pub kill_after: Duration,
    /// How long its history is kept.
    pub keep_history: Option<Duration>,
    /// The role that its SQL runs as; `None`: the role that connects.
    pub role: Option<String>,
    /// Further variables of pgkit's environment that its programs inherit.
    pub pass_environment: Vec<String>,
    /// Whom to tell when it begins to fail.
    pub on_failure: Option<Tell>,
    /// Whom to tell when it succeeds again.
    pub on_recovery: Option<Tell>,
}

impl Job {
    /// Does its work run in a transaction with its record?
    pub fn is_transaction(&self) -> bool {
        matches!(self.work, Work::Sql { transaction: true, .. })
    }
}

/// A time zone on the wire to a guard: its name, which is how the file says it.
mod zone_name {
    use jiff::tz::TimeZone;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(zone: &TimeZone, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(zone.iana_name().unwrap_or("UTC"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TimeZone, D::Error> {
        TimeZone::get(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

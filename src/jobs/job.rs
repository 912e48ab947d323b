//! A job, as defined in the jobs file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::contain::Contain;
use super::schedule::Schedule;

/// Which missed dates a backfill job catches up on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CatchUp {
    /// All of them, in order.
    #[default]
    All,
    /// Only the latest.
    Last,
    None,
}

/// What happens to a date whose run was cut off by a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OnCrash {
    /// It runs again.
    #[default]
    Retry,
    /// It is held until a person decides.
    Hold,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// SQL.
    Sql {
        /// The SQL: one statement if it uses `$1`, which is the date; otherwise one or more.
        text: String,
        /// Does it run in one transaction with the record of the run, and so exactly once? Otherwise it runs at least
        /// once.
        transaction: bool,
        /// The database that it runs in, in a transaction of its own (or without one, if `transaction` is false);
        /// `None` for the database with the tables.
        database: Option<String>,
    },
    /// A program.
    Program {
        /// The program and its arguments; a command line for the shell is `sh -c LINE`.
        words: Vec<String>,
        /// Variables that are added to its environment.
        environment: BTreeMap<String, String>,
        /// Its working directory; `None` is the folder of the jobs file.
        directory: Option<PathBuf>,
    },
}

/// How long to wait after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// After the first failure. The wait doubles with each further failure in a row.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        let five = Duration::from_secs(300);
        Retry { first: five, most: five }
    }
}

impl Retry {
    /// Returns how long to wait after this many failures in a row.
    pub fn after(self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.most)
    }
}

/// A pool of jobs, of which only some run at once, on all machines together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How many of its jobs run at once.
    pub limit: u32,
}

/// Whom to notify when a job begins to fail, or succeeds again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notification {
    /// Run a program.
    Program {
        /// The program and its arguments.
        words: Vec<String>,
        /// How long it may take.
        timeout: Duration,
    },
    /// NOTIFY on this channel.
    Channel(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Its name, which is `app_name` in crontabber's tables.
    pub name: String,
    /// The line of the jobs file on which it begins.
    pub line: usize,
    /// When it runs.
    pub schedule: Schedule,
    /// What it does.
    pub work: Work,
    /// The jobs that must have run first.
    pub depends_on: Vec<String>,
    /// Does it run once for each scheduled date, including missed ones?
    pub backfill: bool,
    /// Which missed dates it catches up on.
    pub catch_up: CatchUp,
    /// The maximum number of dates that one pass starts.
    pub max_backfill: Option<u32>,
    /// What happens to a date whose run was cut off.
    pub on_crash: OnCrash,
    /// What `--nagios` prints in parentheses.
    pub class: Option<String>,
    /// How long after a failure it is retried.
    pub retry: Retry,
    /// How often in a row it is retried before its next date; `None` is no limit.
    pub retry_limit: Option<u32>,
    /// The maximum delay that is added to each of its dates.
    pub jitter: Option<Duration>,
    /// The maximum delay of a start; a date that could not start within it is left out.
    pub start_limit: Option<Duration>,
    /// Its priority: of several jobs that may start, the one with the highest starts first.
    pub priority: i32,
    /// The pool that it belongs to.
    pub pool: Option<Pool>,
    /// How old a claim made by another program, such as crontabber, may be before it is taken over.
    pub max_ongoing_age: Duration,
    #[serde(with = "zone_name")]
    pub timezone: TimeZone,
    /// How long a run continues while the server does not answer.
    pub lease: Duration,
    /// Its time limit; `None` is no limit.
    pub timeout: Option<Duration>,
    /// The maximum age of its last success; an older one is reported.
    pub max_age: Option<Duration>,
    /// The maximum length of a run; a longer one is reported, but goes on.
    pub max_duration: Option<Duration>,
    /// How long after SIGTERM it is killed.
    pub kill_after: Duration,
    /// Whether the processes of its programs are contained.
    pub contain: Contain,
    /// The retention period of its history: older attempts and log rows are deleted. `None` keeps them forever.
    pub keep_history: Option<Duration>,
    /// The role that its SQL runs as; `None`: the role that connects.
    pub role: Option<String>,
    /// The names of further variables that its programs inherit from pgkit's environment.
    pub pass_environment: Vec<String>,
    /// Whom to notify when it begins to fail.
    pub on_failure: Option<Notification>,
    /// Whom to notify when it succeeds again.
    pub on_recovery: Option<Notification>,
    /// Whom to notify when it becomes overdue or stale.
    pub on_overdue: Option<Notification>,
}

impl Job {
    /// Does it run in one transaction with the record of the run?
    pub fn is_transaction(&self) -> bool {
        matches!(self.work, Work::Sql { transaction: true, database: None, .. })
    }

    /// Does it run in the guard's own session?
    pub fn uses_session(&self) -> bool {
        matches!(self.work, Work::Sql { database: None, .. })
    }
}

/// Serializes a time zone for a guard as its IANA name, which is also what the jobs file contains.
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

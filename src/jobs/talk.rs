//! The messages between a runner and its guards, and those that a runner sends to the code that shows them to
//! people or programs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{self, Account};
use super::contain::Contain;
use super::job::Job;
use crate::connect::Target;
use crate::error::Exit;

/// What a guard needs to know when it is started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// The server, for a direct connection, with the password that was typed.
    pub target: Target,
    /// The schema of the tables.
    pub schema: String,
    /// The folder that relative paths in jobs are relative to.
    pub folder: PathBuf,
    /// The folder for results that the server does not accept; `None` if there is none.
    pub spool: Option<PathBuf>,
    /// The server, database and schema that such a result belongs to.
    pub place: String,
    /// This machine's name.
    pub host: String,
    /// Whether to report the SQL that runs.
    pub echo: bool,
    /// The runner's whole environment, of which programs inherit a part.
    pub environment: BTreeMap<String, String>,
    /// The user that programs run as; `None` is the user of the guard.
    pub user: Option<Account>,
}

impl Setup {
    /// Returns the part of the runner's environment that a job's programs inherit.
    pub fn inherited(&self, job: &Job) -> BTreeMap<String, String> {
        account::inherited(&self.environment, &job.pass_environment, self.user.as_ref())
    }
}

/// How a run came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// The job is due.
    Due,
    /// The user wants it to run, whether it is due or not.
    Forced,
    /// The user wants it to run for this date; with `rerun` even if it has succeeded for it already.
    Date {
        date: Timestamp,
        /// Whether to run again for a date that has succeeded already.
        rerun: bool,
    },
}

/// How far a job may get in one turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLimit {
    /// Whether other jobs wait, which get their turn after some seconds.
    pub others_wait: bool,
    /// The last date to do, because an earlier turn of the same pass began with it as its last date.
    pub through: Option<Timestamp>,
    /// The maximum number of dates.
    pub dates: Option<u32>,
}

/// Why dates that are due are left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Remaining {
    /// Other jobs got their turn. This has the last of all the dates.
    Time {
        /// The last date.
        through: Timestamp,
    },
    /// The limit on dates per pass was reached (`max_backfill`).
    Cap,
}

/// A command that tells people of a job's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The key of the jobs file that names it.
    pub key: String,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether its processes are contained.
    pub contain: Contain,
}

/// An order for a guard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// Run this job, if it may run now.
    Run {
        job: Box<Job>,
        /// Why it runs.
        mode: Mode,
        /// How far it may get.
        limit: TurnLimit,
    },
    /// Connect, because there will be something to do soon.
    Wake,
    /// Record what an earlier guard could not record.
    Replay,
    /// Run a command that tells people of a job's health.
    Hook(Hook),
    /// End what runs: send TERM, then KILL.
    Stop,
}

/// How an attempt for one date ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// How it failed; `None` if it did not.
    pub failure: Option<Failure>,
    /// Whether it was cut off before its end.
    pub cut: bool,
    /// How long it took.
    pub duration: Duration,
    /// How much it printed, in bytes.
    pub output_bytes: u64,
}

/// A failure, as it is stored in `last_error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure, such as `SQLSTATE 22012`, `exit status 7`, `signal 9` or `timeout`.
    pub kind: String,
    /// The message, or the last line of standard error.
    pub message: String,
    /// More about where it came from: the server's context, or the end of the output.
    pub traceback: String,
}

/// The outcome for a job in this pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every date that was due was done.
    Succeeded,
    /// The run failed for one of its dates.
    Failed,
    /// It was cut off, and will be tried again or is held until a person decides.
    Interrupted {
        /// Why it was cut off.
        why: String,
        /// Whether it is held until a person decides (`on_crash = "hold"`).
        held: bool,
    },
    /// It ran, but its result could not be recorded. The result was saved to a file, or is lost.
    Unrecorded {
        /// What prevented it.
        why: String,
    },
    /// It did not run, because the plan does not let it.
    NotNow {
        /// The plan's reason, in words.
        why: String,
    },
    /// It is running elsewhere, or may still be running.
    Ongoing {
        /// Where and since when, as far as that is known.
        why: String,
        /// Set if its lock is free: how long until the job may be taken over, unless the lock is taken again
        /// before then.
        free_in: Option<Duration>,
    },
    /// As many jobs of its pool as may run at once are running, here or elsewhere.
    Full {
        /// The pool.
        pool: String,
    },
    /// Another process had locked its row at that moment.
    Locked,
    /// It was cut off before and is held until a person decides (`on_crash = "hold"`).
    Held,
    /// An error occurred before the job was claimed.
    Broken {
        /// The error.
        why: String,
        /// The exit code that pgkit has for it.
        code: u8,
        /// Whether it would affect every other job too.
        all: bool,
    },
}

/// An event that a guard reports.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The guard is alive, and so is its lease.
    Beat,
    /// An attempt begins.
    Started {
        date: Timestamp,
        /// The ordinal of the attempt among those for this date.
        attempt: i64,
        /// The ordinal of this date among those of the run.
        number: u64,
        /// The number of dates of the run, as far as they are counted.
        of: u64,
        /// The program's pid; `None` for SQL.
        pid: Option<i32>,
    },
    /// The last attempt of a turn has ended and is being recorded. The next turn may be ordered now; it begins
    /// once that is done.
    Recording,
    /// An attempt ended.
    Finished {
        /// The date it was for.
        date: Timestamp,
        /// How it ended.
        how: Finished,
    },
    /// Something that a person should know.
    Warning {
        /// The text to show.
        text: String,
    },
    /// A command is to be run by the runner, because the guard must be free for its next turn.
    Hook {
        /// The command.
        hook: Hook,
    },
    /// SQL is about to run.
    Sql {
        /// The SQL as `-E` shows it.
        text: String,
    },
    /// The job's turn is over.
    Done {
        outcome: Outcome,
        /// When it is due again, if that was recorded.
        next_run: Option<Timestamp>,
        /// Why dates that are due are left over; `None` if none are.
        rest: Option<Remaining>,
    },
}

/// What a pass is asked to do.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// The names of the jobs to run; all jobs if empty.
    pub names: Vec<String>,
    /// Whether to run them even if they are not due.
    pub force: bool,
    /// The date to run them for; if `true`, even if it has already been done.
    pub date: Option<(Timestamp, bool)>,
    /// How many jobs run at once.
    pub parallel: usize,
    /// Whether to end the pass at the first job that is busy.
    pub stop_when_ongoing: bool,
}

impl RunOptions {
    /// Returns whether this job is among those to run.
    pub fn wants(&self, job: &Job) -> bool {
        self.names.is_empty() || self.names.contains(&job.name)
    }

    /// Returns how the jobs are to run.
    pub fn mode(&self) -> Mode {
        match (self.date, self.force) {
            (Some((date, rerun)), _) => Mode::Date { date, rerun },
            (None, true) => Mode::Forced,
            (None, false) => Mode::Due,
        }
    }
}

/// A message from a runner.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A job's guard has reported this event.
    Event(&'a Job, &'a Event),
    /// A job's turn is over, for this pass.
    Outcome(&'a Job, &'a Outcome),
    /// Something that a person should know.
    Warning(String),
    /// The pass is over.
    Passed(&'a Pass),
}

/// Receives the messages of a runner.
pub type ProgressSink<'a> = &'a mut dyn FnMut(Progress<'_>);

/// The totals of a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pass {
    /// How many jobs succeeded.
    pub succeeded: u64,
    /// How many jobs failed.
    pub failed: u64,
    /// How many jobs were cut off, or could not be recorded.
    pub interrupted: u64,
    /// How many due jobs were ongoing elsewhere, or found their pool full.
    pub ongoing: u64,
    /// How many jobs had a locked row.
    pub locked: u64,
    /// How many jobs are held until a person decides.
    pub held: u64,
    /// The exit code of the first error that affected pgkit itself, if there was one.
    pub broken: Option<u8>,
}

impl Pass {
    /// Returns the exit code, as documented in `cli.md`.
    pub fn exit(&self, ignore_failures: bool) -> Exit {
        if let Some(code) = self.broken {
            return Exit::from_code(code);
        }
        match self {
            Pass { interrupted: 1.., .. } | Pass { held: 1.., .. } => Exit::BadAnswer,
            Pass { failed: 1.., .. } if !ignore_failures => Exit::BadAnswer,
            Pass { ongoing: 1.., .. } => Exit::Ongoing,
            Pass { locked: 1.., .. } => Exit::Locked,
            _ => Exit::Done,
        }
    }

    /// Returns the totals of both passes.
    pub fn and(&self, other: &Pass) -> Pass {
        Pass {
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            interrupted: self.interrupted + other.interrupted,
            ongoing: self.ongoing + other.ongoing,
            locked: self.locked + other.locked,
            held: self.held + other.held,
            broken: self.broken.or(other.broken),
        }
    }

    /// Adds the outcome of a job.
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Succeeded => self.succeeded += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Interrupted { .. } | Outcome::Unrecorded { .. } => self.interrupted += 1,
            Outcome::Ongoing { .. } | Outcome::Full { .. } => self.ongoing += 1,
            Outcome::Locked => self.locked += 1,
            Outcome::Held => self.held += 1,
            Outcome::NotNow { .. } => {}
            Outcome::Broken { code, .. } => drop(self.broken.get_or_insert(*code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_has_the_exit_code_of_its_worst_outcome() {
        let exit = |outcomes: &[Outcome], ignore| {
            let mut pass = Pass::default();
            outcomes.iter().for_each(|outcome| pass.add(outcome));
            pass.exit(ignore).code()
        };
        let ongoing = Outcome::Ongoing { why: String::new(), free_in: None };
        let not_now = Outcome::NotNow { why: String::new() };
        assert_eq!(exit(&[], false), 0);
        assert_eq!(exit(&[Outcome::Succeeded, not_now], false), 0);
        assert_eq!(exit(&[Outcome::Failed, ongoing.clone(), Outcome::Locked], false), 1);
        assert_eq!(exit(&[Outcome::Failed, ongoing.clone(), Outcome::Locked], true), 3);
        assert_eq!(exit(&[Outcome::Locked, ongoing], false), 3);
        assert_eq!(exit(&[Outcome::Failed, Outcome::Locked], true), 2);
        assert_eq!(exit(&[Outcome::Failed], true), 0);
        assert_eq!(exit(&[Outcome::Held], true), 1);
        let broken = Outcome::Broken { why: String::new(), code: 69, all: true };
        assert_eq!(exit(&[Outcome::Failed, broken], false), 69);
    }
}

//! What a runner and its guards say to each other, and what a runner tells whoever shows it to people or programs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{self, Account};
use super::job::Job;
use crate::connect::Target;
use crate::error::Exit;

/// What a guard is told when it is started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// The server, with the password that was typed: a direct connection.
    pub target: Target,
    /// The schema of the tables.
    pub schema: String,
    /// Where relative paths of jobs count from.
    pub folder: PathBuf,
    /// Where a result is kept that the server does not take; `None`: nowhere.
    pub spool: Option<PathBuf>,
    /// Server, database and schema: for whom such a result is.
    pub place: String,
    /// This machine's name.
    pub host: String,
    /// Tell the SQL that runs.
    pub echo: bool,
    /// The runner's whole environment, of which programs inherit a part.
    pub environment: BTreeMap<String, String>,
    /// The user that programs run as; `None`: the user of the guard.
    pub user: Option<Account>,
}

impl Setup {
    /// What a job's programs inherit of the runner's environment.
    pub fn inherited(&self, job: &Job) -> BTreeMap<String, String> {
        account::inherited(&self.environment, &job.pass_environment, self.user.as_ref())
    }
}

/// How a run came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// It is due.
    Due,
    /// Somebody wants it, due or not.
    Forced,
    /// Somebody wants it for this date; `rerun`: also where that succeeded already.
    Date {
        /// The date.
        date: Timestamp,
        /// Again.
        rerun: bool,
    },
}

/// How far a job may get in one turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Others wait: after some seconds it is their turn.
    pub others_wait: bool,
    /// No date after this one, for an earlier turn of the same pass began with it as the last.
    pub through: Option<Timestamp>,
    /// No more dates than these.
    pub dates: Option<u32>,
}

/// Why dates that are due are left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rest {
    /// It was time for others; the last date of all is this one.
    Time {
        /// The last date.
        through: Timestamp,
    },
    /// A pass has no more of them (`max_backfill`).
    Cap,
}

/// What a guard is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// Run this job, if it may.
    Run {
        /// The job.
        job: Box<Job>,
        /// Why.
        mode: Mode,
        /// How far.
        share: Share,
    },
    /// Connect, for there will be something to do.
    Wake,
    /// Record what an earlier guard could not.
    Replay,
    /// End what runs: TERM, then KILL.
    Stop,
}

/// How an attempt for one date ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// How it failed; `None`: it did not.
    pub failure: Option<Failure>,
    /// It was cut off before its end.
    pub cut: bool,
    /// How long it took.
    pub duration: Duration,
    /// How much it printed, in bytes.
    pub output_bytes: u64,
}

/// A failure as it is kept: `last_error` without its traceback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// `SQLSTATE 22012`, `exit status 7`, `signal 9`, `timeout`.
    pub kind: String,
    /// The message, or the last line of standard error.
    pub message: String,
    /// Where it came from: the server's context, or the end of the output.
    pub traceback: String,
}

/// What became of a job in this pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every date that was due was done.
    Succeeded,
    /// A date failed.
    Failed,
    /// It was cut off, and is tried again, or waits for a person.
    Interrupted {
        /// Why.
        why: String,
        /// It waits for a person (`on_crash = "hold"`).
        held: bool,
    },
    /// It ran, and what came of it could not be recorded; it is kept in a file, or not at all.
    Unrecorded {
        /// What hindered it.
        why: String,
    },
    /// It did not run, for the plan says so.
    NotNow {
        /// The plan's words.
        why: String,
    },
    /// It runs elsewhere, or may still.
    Ongoing {
        /// Since when, and where, as far as that is known.
        why: String,
        /// Nobody holds its lock: unless somebody takes it again, it is ours after this.
        free_in: Option<Duration>,
    },
    /// Another process had its row in the same instant.
    Locked,
    /// It waits for a person since it was cut off (`on_crash = "hold"`).
    Held,
    /// Something hindered pgkit before the job was claimed.
    Broken {
        /// The error.
        why: String,
        /// What pgkit would end with for it.
        code: u8,
        /// It would hinder any other job too.
        all: bool,
    },
}

/// What a guard tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The guard lives, and so does its lease.
    Beat,
    /// An attempt begins.
    Started {
        /// For this date.
        date: Timestamp,
        /// The how manieth for it.
        attempt: i64,
        /// The how manieth date of this run.
        number: u64,
        /// Of how many, as far as that is counted.
        of: u64,
        /// The program's process; `None` for SQL.
        pid: Option<i32>,
    },
    /// The last attempt of a turn has ended and is being recorded: the next turn may be ordered, which begins after that.
    Recording,
    /// An attempt ended.
    Finished {
        /// For this date.
        date: Timestamp,
        /// How.
        how: Finished,
    },
    /// What a person should know.
    Warning {
        /// What.
        text: String,
    },
    /// SQL that runs.
    Sql {
        /// As `-E` shows it.
        text: String,
    },
    /// The job's turn is over.
    Done {
        /// What became of it.
        outcome: Outcome,
        /// When it is due again, where that was recorded.
        next_run: Option<Timestamp>,
        /// Dates that are due were left over.
        rest: Option<Rest>,
    },
}

/// What is wished of a pass.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Only these jobs; empty: all.
    pub names: Vec<String>,
    /// Whether they are due or not.
    pub force: bool,
    /// For this date; with `true` also where it was done.
    pub date: Option<(Timestamp, bool)>,
    /// How many at once.
    pub parallel: usize,
    /// End the pass at the first job that is busy.
    pub stop_when_ongoing: bool,
}

/// What a runner tells.
#[derive(Debug)]
pub enum Told<'a> {
    /// A job's guard tells this.
    Event(&'a Job, &'a Event),
    /// A job's turn is over, for this pass.
    Outcome(&'a Job, &'a Outcome),
    /// What a person should know.
    Warning(String),
    /// The pass is over.
    Passed(&'a Pass),
}

/// Hears what a runner tells.
pub type Tell<'a> = &'a mut dyn FnMut(Told<'_>);

/// What a pass came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pass {
    /// How many jobs succeeded.
    pub succeeded: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were cut off, or could not be recorded.
    pub interrupted: u64,
    /// How many due ones were ongoing elsewhere.
    pub ongoing: u64,
    /// How many rows were locked.
    pub locked: u64,
    /// How many wait for a person.
    pub held: u64,
    /// What pgkit ends with, where something hindered it.
    pub broken: Option<u8>,
}

impl Pass {
    /// The exit code, as `cli.md` has it.
    pub fn exit(&self, ignore_failures: bool) -> Exit {
        if let Some(code) = self.broken {
            return Exit::from_code(code);
        }
        match self {
            Pass { interrupted: 1.., .. } | Pass { held: 1.., .. } => Exit::Bad,
            Pass { failed: 1.., .. } if !ignore_failures => Exit::Bad,
            Pass { ongoing: 1.., .. } => Exit::Ongoing,
            Pass { locked: 1.., .. } => Exit::Locked,
            _ => Exit::Done,
        }
    }

    /// Takes in what became of a job.
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Succeeded => self.succeeded += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Interrupted { .. } | Outcome::Unrecorded { .. } => self.interrupted += 1,
            Outcome::Ongoing { .. } => self.ongoing += 1,
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

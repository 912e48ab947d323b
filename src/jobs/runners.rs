//! The processes that run jobs: their rows in pgkit_runner, and the problems that these show.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio_postgres::types::Type;

use super::job::Job;
use super::plan::{instant, some_instant};
use super::process;
use super::store::{Place, Queryable, in_schema, interval};
use super::talk::RunOptions;
use crate::error::Result;
use crate::session::{Value, Writer};

/// The table, which was added in a later version of pgkit.
pub const TABLE: &str = "pgkit_runner";
/// How often a runner that keeps running records that it is running.
pub const BEAT: Duration = Duration::from_secs(10);
/// How long after it was last seen a runner counts as gone. A server that is busy or away may delay several beats.
const GONE: Duration = Duration::from_secs(45);

/// How long after the table was created a job may be without any runner.
const EXPECTED_WITHIN: SignedDuration = SignedDuration::from_mins(10);

const NEW: &str = include_str!("../../queries/jobs/runner/new.sql");
const AGAIN: &str = include_str!("../../queries/jobs/runner/again.sql");
const SEEN: &str = include_str!("../../queries/jobs/runner/seen.sql");
const ENDED: &str = include_str!("../../queries/jobs/runner/ended.sql");
const EXPECTED: &str = include_str!("../../queries/jobs/runner/expected.sql");
const RUNNERS: &str = include_str!("../../queries/jobs/runner/all.sql");

/// What a process that runs jobs records about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The absolute path of its jobs file.
    pub file: String,
    /// The SHA-256 of that file and of those that it includes, in hexadecimal.
    pub file_hash: String,
    /// The jobs that it runs.
    pub jobs: Vec<String>,
    /// How many jobs it runs at once.
    pub slots: u16,
    /// Whether it keeps running.
    pub stays: bool,
    /// Why the processes of its jobs cannot be contained; `None` if they are, or if there are none.
    pub uncontained: Option<String>,
}

impl Presence {
    /// Returns the names of those of the jobs that a runner with these options runs.
    pub fn names<'a>(jobs: impl Iterator<Item = &'a Job>, run_options: &RunOptions) -> Vec<String> {
        jobs.filter(|job| run_options.wants(job)).map(|job| job.name.clone()).collect()
    }
}

/// Returns what identifies this process on all machines.
pub fn own_id() -> String {
    let (boot, space) = process::place();
    let pid = std::process::id().cast_signed();
    format!("{boot}/{space}/{pid}/{}", process::ticks(pid).unwrap_or_default())
}

/// Returns whether the runner with this id ran on this machine, in this PID namespace, and has ended. That is known at
/// once, without waiting until the runner counts as gone.
pub fn has_died_here(id: &str) -> bool {
    let (boot, space) = process::place();
    let Some(rest) = id.strip_prefix(&format!("{boot}/{space}/")).filter(|_| !boot.is_empty()) else {
        return false;
    };
    let Some((pid, ticks)) = rest.split_once('/') else { return false };
    let alive = pid.parse().ok().and_then(process::ticks);
    alive != ticks.parse().ok()
}

/// Returns how long after it was last seen a runner counts as gone, as a parameter of statements.
pub fn gone() -> Value {
    Value::Text(interval(GONE))
}

/// Records that this process, whose runner id is `id`, runs jobs, or with `ends` that it had nothing to run and ends.
/// `host` is the name of this machine.
pub async fn appear(
    writer: &Writer,
    place: &Place,
    (id, host): (&str, &str),
    this: &Presence,
    ends: bool,
) -> Result<()> {
    let text = |text: &str| Value::Text(text.to_owned());
    let (id, host, pid) = (text(id), text(host), Value::Int8(std::process::id().into()));
    let (version, file, file_hash) =
        (text(env!("CARGO_PKG_VERSION")), text(&this.file), text(&this.file_hash));
    let slots = Value::Int8(this.slots.into());
    let uncontained = this.uncontained.clone().map_or(Value::Null(Type::TEXT), Value::Text);
    let ends = Value::Bool(ends);
    if !this.stays {
        let like =
            [&id, &host, &pid, &version, &file, &file_hash, &slots, &uncontained, &ends].map(Value::clone);
        let params = [&like[..], &[gone()]].concat();
        let again: Vec<Known> = writer.changed(&in_schema(AGAIN, &place.schema), &params).await?;
        if !again.is_empty() {
            return Ok(());
        }
    }
    let kind = text(if this.stays { "daemon" } else { "pass" });
    let jobs = Value::TextList(this.jobs.iter().map(|name| Some(name.clone())).collect());
    let params = [id, kind, host, pid, version, file, file_hash, jobs, slots, uncontained, gone(), ends];
    writer.affect(&in_schema(NEW, &place.schema), &params).await
}

/// The row of a runner that was updated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[serde(rename = "id")]
    _id: String,
}

/// Records that a runner is still running, and how many jobs it runs. Returns whether the runner has a row.
pub async fn beat(writer: &Writer, place: &Place, id: &str, running: usize) -> Result<bool> {
    let running = Value::Int8(i64::try_from(running).unwrap_or(i64::MAX));
    let params = [Value::Text(id.to_owned()), running];
    let known: Vec<Known> = writer.changed(&in_schema(SEEN, &place.schema), &params).await?;
    Ok(!known.is_empty())
}

/// Records that a runner ends.
pub async fn leave(writer: &Writer, place: &Place, id: &str) -> Result<()> {
    writer.affect(&in_schema(ENDED, &place.schema), &[Value::Text(id.to_owned())]).await
}

/// Records that runners are expected from now on, in a table that was just created.
pub async fn expect(writer: &Writer, schema: &str) -> Result<()> {
    writer.affect(&in_schema(EXPECTED, schema), &[]).await
}

/// A process that runs jobs, or ran jobs before.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runner {
    /// What identifies it on all machines.
    pub id: String,
    /// `daemon` if it keeps running, `pass` if it runs what is due once, `init` for the row that says since when runners
    /// have been expected.
    pub kind: String,
    pub host: String,
    pub pid: i64,
    /// The version of pgkit.
    pub version: String,
    /// The path of its jobs file on its machine.
    pub file: String,
    /// The SHA-256 of the jobs file and of those that it includes, in hexadecimal.
    pub file_hash: String,
    pub jobs: BTreeSet<String>,
    /// How many jobs it runs at once.
    pub slots: i64,
    /// How many jobs it ran when it was last seen.
    pub running: i64,
    /// Why the processes of its jobs cannot be contained.
    pub uncontained: Option<String>,
    #[serde(deserialize_with = "some_instant")]
    pub since: Timestamp,
    #[serde(deserialize_with = "some_instant")]
    pub seen: Timestamp,
    #[serde(deserialize_with = "instant")]
    pub ended: Option<Timestamp>,
    /// Whether it is running, as far as that is known: it was seen lately, and has not ended.
    pub is_there: bool,
}

impl Runner {
    /// Returns whether it is a daemon that is running.
    pub fn is_daemon(&self) -> bool {
        self.is_there && self.kind == "daemon"
    }

    /// Describes it in a word: `running`, `ended`, or `gone` if it was killed or cannot reach the server.
    pub const fn state(&self) -> &'static str {
        match (self.is_there, self.ended) {
            (true, _) => "running",
            (false, Some(_)) => "ended",
            (false, None) => "gone",
        }
    }

    /// Names it in a sentence.
    fn name(&self) -> String {
        format!("pid {} on {}", self.pid, self.host)
    }
}

/// Returns the rows of pgkit_runner, including the one of kind `init`; `None` if that table does not exist yet (`jobs
/// upgrade`).
pub async fn read(session: &impl Queryable, place: &Place) -> Result<Option<Vec<Runner>>> {
    if !place.has(TABLE) {
        return Ok(None);
    }
    let mut runners: Vec<Runner> = session.ask(&in_schema(RUNNERS, &place.schema), &[gone()]).await?;
    for runner in &mut runners {
        runner.is_there &= !has_died_here(&runner.id);
    }
    Ok(Some(runners))
}

/// A problem with the runners of a jobs file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub is_critical: bool,
    /// The problem as a word or two.
    pub problem: &'static str,
    pub since: Option<Timestamp>,
    pub detail: String,
}

/// Returns the problems with the runners of these jobs.
///
/// * It is critical if a job had a daemon and now has none. It is not if a pass (`jobs run` from cron, for example)
///   began after the daemon had ended: then passes run the job now. Nothing is known here about when passes come, so if
///   they stop coming, their jobs become overdue.
/// * It is critical if no runner has ever had a job, unless the job has run (`has_run`), because then another program
///   may run it. This is checked only [`EXPECTED_WITHIN`] after the table was created. It is only a warning if runners
///   have other jobs of the file, because the job may be a new one.
/// * It is a warning if daemons with the same job have different files, or are of different versions of pgkit.
pub fn troubles(
    jobs: &[Job],
    runners: &[Runner],
    has_run: impl Fn(&str) -> bool,
    now: Timestamp,
) -> Vec<Trouble> {
    let (mut left, mut new) = (Vec::new(), Vec::new());
    for job in jobs.iter().filter(|job| !having(runners, job).any(Runner::is_daemon)) {
        let last =
            |kind: &str| having(runners, job).filter(|one| one.kind == kind).max_by_key(|one| one.seen);
        match (last("daemon"), last("pass")) {
            (Some(daemon), Some(pass)) if daemon.ended.is_some_and(|ended| ended < pass.seen) => {}
            (Some(daemon), _) => left.push((job, daemon)),
            (None, Some(_)) => {}
            (None, None) if has_run(&job.name) => {}
            (None, None) => new.push(job),
        }
    }
    let mut troubles = Vec::new();
    if let Some((first, last)) = left.iter().max_by_key(|(_, last)| last.seen) {
        let (since, how) = match last.ended {
            Some(ended) => (ended, "has ended"),
            None => (last.seen, "was killed, or cannot reach the server"),
        };
        troubles.push(Trouble {
            is_critical: true,
            problem: "no runner",
            since: Some(since),
            detail: format!(
                "no runner has {}: the last one, {}, {how}",
                which(first, left.len()),
                last.name()
            ),
        });
    }
    let expected = runners.iter().find(|runner| runner.kind == "init").map(|row| row.since);
    if let Some(first) = new.first()
        && expected.is_some_and(|since| now.duration_since(since) > EXPECTED_WITHIN)
    {
        troubles.push(Trouble {
            is_critical: jobs.iter().all(|job| having(runners, job).next().is_none()),
            problem: "no runner",
            since: expected,
            detail: format!("no runner has ever had {}", which(first, new.len())),
        });
    }
    let daemons = runners.iter().filter(|runner| runner.is_daemon());
    let daemons: Vec<_> = daemons.filter(|one| jobs.iter().any(|job| one.jobs.contains(&job.name))).collect();
    let differ = |a: &&&Runner, b: &Runner| a.file_hash != b.file_hash;
    let claimed_twice = jobs.iter().filter_map(|job| {
        let mut having = daemons.iter().filter(|one| one.jobs.contains(&job.name));
        let first = having.next()?;
        having.find(|other| differ(other, first)).map(|other| (job, first, other))
    });
    let claimed_twice: Vec<_> = claimed_twice.collect();
    if let Some((job, one, other)) = claimed_twice.first() {
        let files = match one.file == other.file {
            true => format!("two versions of {}: those of {} and of {}", one.file, one.name(), other.name()),
            false => {
                format!("two files: {} ({}) and {} ({})", one.file, one.name(), other.file, other.name())
            }
        };
        troubles.push(Trouble {
            is_critical: false,
            problem: "two files",
            since: Some(one.since.max(other.since)),
            detail: format!(
                "{} {} in {files}",
                which(job, claimed_twice.len()),
                if claimed_twice.len() == 1 { "is" } else { "are" }
            ),
        });
    }
    if let Some(first) = daemons.first()
        && let Some(other) = daemons.iter().find(|other| other.version != first.version)
    {
        let with = |one: &Runner| format!("{} ({})", one.version, one.name());
        troubles.push(Trouble {
            is_critical: false,
            problem: "versions",
            since: Some(first.since.max(other.since)),
            detail: format!("runners have different versions of pgkit: {} and {}", with(first), with(other)),
        });
    }
    troubles
}

/// Returns the runners that have this job.
fn having<'a>(runners: &'a [Runner], job: &'a Job) -> impl Iterator<Item = &'a Runner> {
    runners.iter().filter(|runner| runner.jobs.contains(&job.name))
}

/// Describes this many jobs by the name of the first one.
fn which(first: &Job, count: usize) -> String {
    match count {
        1 => format!("job {}", first.name),
        2 => format!("job {} and one more", first.name),
        _ => format!("job {} and {} more", first.name, count - 1),
    }
}

#[cfg(test)]
#[path = "runners_tests.rs"]
mod tests;

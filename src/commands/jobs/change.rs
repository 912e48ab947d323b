//! `jobs reset`, `unlock`, `pause` and `resume`: the changes that a person makes in the tables.

use std::time::Duration;

use clap::{ArgMatches, Command};
use serde::Deserialize;
use tokio_postgres::types::Type;

use super::shared::{self, WriteArgs};
use crate::commands::context::Context;
use crate::error::{Error, Exit, Result};
use crate::jobs::claim::{self, Before, Here, RunningSql};
use crate::jobs::store::{Place, elsewhere_key, in_schema, interval, lock_key};
use crate::jobs::tables::{self, Where};
use crate::session::{Value, Writer};

const RESET: &str = include_str!("../../../queries/jobs/reset.sql");
const UNLOCK: &str = include_str!("../../../queries/jobs/unlock.sql");
const PAUSE: &str = include_str!("../../../queries/jobs/pause.sql");
const KNOWN: &str = include_str!("../../../queries/jobs/job_exists.sql");
const TRY_LOCK: &str = include_str!("../../../queries/jobs/try_lock.sql");
const ELSEWHERE: &str = include_str!("../../../queries/jobs/elsewhere.sql");
const BEHIND: &str = include_str!("../../../queries/jobs/attempt_of_claim.sql");

fn command(name: &'static str, about: &'static str, examples: &[&str]) -> Command {
    shared::command::<WriteArgs>(name, about, examples).arg(shared::names().required(true).help("The job"))
}

pub(super) fn reset_command() -> Command {
    command("reset", "Reset a job as if it had never run, but keep its history", &["pgkit jobs reset rollup"])
}

pub(super) fn unlock_command() -> Command {
    command(
        "unlock",
        "Release a job's claim if no process is behind it any more, or its hold after a crash",
        &["pgkit jobs unlock rollup"],
    )
}

pub(super) fn pause_command() -> Command {
    command("pause", "Keep a job from running until it is resumed", &["pgkit jobs pause rollup"])
}

pub(super) fn resume_command() -> Command {
    command("resume", "Let a paused job run again", &["pgkit jobs resume rollup"])
}

/// A job that is in the file or in the tables.
struct Known {
    writer: Writer,
    place: Place,
    args: WriteArgs,
    name: String,
    max_ongoing_age: Duration,
}

async fn known(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Known> {
    let args: WriteArgs = shared::parse(own)?;
    let name = own.get_one::<String>("name").cloned().unwrap_or_default();
    let (jobs, owner) = shared::file_if_any(context, &args.file)?;
    let writer = shared::writing(context, root, own, &args.session).await?;
    let place =
        tables::open(&writer, Where { schema: args.schema.as_deref(), owner: owner.as_deref() }).await?;
    let job = jobs.iter().find(|job| job.name == name);
    if job.is_none() {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Found {
            known: bool,
        }
        let found: Found = writer.one(&in_schema(KNOWN, &place.schema), &[Value::Text(name.clone())]).await?;
        if !found.known {
            let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
            let error = Error::usage(format!("unknown job {name:?}: neither in the file nor in the tables"));
            return Err(if names.is_empty() {
                error.hint("name the jobs file with --file FILE or PGKIT_JOBS")
            } else {
                error.hint(format!("jobs in the file: {}", names.join(", ")))
            });
        }
    }
    let max_ongoing_age = job.map_or(Duration::from_secs(12 * 3600), |job| job.max_ongoing_age);
    Ok(Known { writer, place, args, name, max_ongoing_age })
}

impl Known {
    /// Takes the job's lock, so that no other process runs it in the meantime. Returns whether the job may be
    /// changed: no other session holds its lock, and no process of an attempt whose lock is free may still be
    /// running. The lock is released when the session ends.
    async fn lock(&self) -> Result<bool> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Lock {
            taken: bool,
        }
        let key = lock_key(&self.place.schema, &self.name);
        let lock: Lock = self.writer.one(TRY_LOCK, &[Value::Int8(key)]).await?;
        if !lock.taken {
            crate::error::note(&format!("pgkit: job {:?} is ongoing: its lock is held", self.name));
            return Ok(false);
        }
        let part = elsewhere_key(&self.place.schema, &self.name);
        let running: Vec<RunningSql> =
            self.writer.changed(ELSEWHERE, &[Value::Int8(part), Value::Null(Type::INT4)]).await?;
        if let Some(running) = running.first() {
            let words = running.words();
            crate::error::note(&format!("pgkit: job {:?} is ongoing: its SQL runs {words}", self.name));
            crate::error::note("hint: try again when it has ended, or end it with pgkit terminate");
            return Ok(false);
        }
        let behind = self.in_schema(BEHIND);
        let behind: Vec<Before> = self.writer.changed(&behind, &[Value::Text(self.name.clone())]).await?;
        let here = Here::new(&shared::host());
        let Some((why, left)) = behind.first().and_then(|before| claim::may_still_run(&here, before)) else {
            return Ok(true);
        };
        crate::error::note(&format!("pgkit: job {:?} may be ongoing {why}", self.name));
        crate::error::note(&format!(
            "hint: try again in {:.0} s: by then none of its processes can still be running",
            left.ceil()
        ));
        Ok(false)
    }

    /// Fills the schema of the job's tables into a statement.
    fn in_schema(&self, text: &str) -> String {
        in_schema(text, &self.place.schema)
    }

    fn remark(&self, text: &str) {
        self.args.session.echo.remark(text);
    }
}

pub(super) async fn reset(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Reset {
        had_row: bool,
    }
    let job = known(context, root, own).await?;
    if !job.lock().await? {
        return Ok(Exit::Ongoing);
    }
    let reset: Vec<Reset> =
        job.writer.changed(&job.in_schema(RESET), &[Value::Text(job.name.clone())]).await?;
    if reset.first().is_some_and(|reset| reset.had_row) {
        job.remark(&format!("job {:?} is reset, as if it had never run", job.name));
    } else {
        job.remark(&format!("job {:?} had no row: it had never run", job.name));
    }
    job.writer.close().await;
    Ok(Exit::Done)
}

pub(super) async fn unlock(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Freed {
        ongoing: String,
        state: Option<String>,
        host: Option<String>,
    }
    let job = known(context, root, own).await?;
    if !job.lock().await? {
        return Ok(Exit::Ongoing);
    }
    let freed: Vec<Freed> =
        job.writer.changed(&job.in_schema(UNLOCK), &[Value::Text(job.name.clone())]).await?;
    match freed.first() {
        None => job.remark(&format!("job {:?} was not claimed", job.name)),
        Some(freed) => {
            let was = match (&freed.state, &freed.host) {
                (Some(state), Some(host)) if state == "held" => {
                    format!("held since its attempt on {host} was cut off")
                }
                (_, Some(host)) => format!("claimed by {host} since {}", freed.ongoing),
                _ => format!("claimed by a crontabber since {}", freed.ongoing),
            };
            job.remark(&format!("job {:?} is free: it was {was}", job.name));
        }
    }
    job.writer.close().await;
    Ok(Exit::Done)
}

pub(super) async fn pause(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    set_paused(context, root, own, true).await
}

pub(super) async fn resume(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    set_paused(context, root, own, false).await
}

async fn set_paused(context: &Context, root: &ArgMatches, own: &ArgMatches, paused: bool) -> Result<Exit> {
    let job = known(context, root, own).await?;
    let params = [
        Value::Text(job.name.clone()),
        Value::Bool(paused),
        Value::Text(shared::who(&job.writer, context)),
        Value::Text(interval(job.max_ongoing_age)),
    ];
    job.writer.affect(&job.in_schema(PAUSE), &params).await?;
    let what = if paused { "is paused; a run that has begun continues" } else { "may run again" };
    job.remark(&format!("job {:?} {what}", job.name));
    job.writer.close().await;
    Ok(Exit::Done)
}

//! `jobs status`: are all jobs well? For a person, for Nagios in crontabber's own words, for Prometheus.

use std::fmt::Write;

use clap::{ArgMatches, Args, Command};

use super::LookArgs;
use crate::commands::Context;
use crate::error::{self, Exit, Result};
use crate::jobs::file::Job;
use crate::jobs::health::{self, Health};
use crate::jobs::store::Snapshot;
use crate::render::output;

#[derive(Debug, Clone, Args)]
struct StatusArgs {
    /// One line and exit codes 0, 1, 2 and 3, as monitoring plugins have them; crontabber's texts, plus overdue, stuck
    /// and paused jobs
    #[arg(long, conflicts_with = "prometheus")]
    nagios: bool,
    /// Prometheus's text format
    #[arg(long)]
    prometheus: bool,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn command() -> Command {
    super::command::<StatusArgs>(
        "status",
        "Say what is not well; exit code 1 when a job fails, is overdue or stuck",
        &["pgkit jobs status", "pgkit jobs status --nagios"],
    )
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: StatusArgs = super::parse(own)?;
    let looked = super::look(context, root, own, &args.look).await;
    let (jobs, snapshot) = match looked {
        Ok(looked) => looked,
        // Whatever hinders us, monitoring must not take it for one of its own codes.
        Err(e) if args.nagios => {
            error::print(&e);
            output::print(&format!("UNKNOWN - {}\n", one_line(&e.message)))?;
            return Ok(Exit::Child(3));
        }
        Err(e) => return Err(e),
    };
    if args.prometheus {
        output::print(&prometheus(&jobs, &snapshot))?;
        return Ok(Exit::Done);
    }
    let (criticals, warnings) = findings(&jobs, &snapshot);
    if args.nagios {
        let (word, list, code) = match (criticals.is_empty(), warnings.is_empty()) {
            (false, _) => ("CRITICAL", criticals, 2),
            (true, false) => ("WARNING", warnings, 1),
            (true, true) => {
                output::print("OK - All systems nominal\n")?;
                return Ok(Exit::Done);
            }
        };
        output::print(&format!("{word} - {}\n", list.join("; ")))?;
        return Ok(Exit::Child(code));
    }
    let bad = !criticals.is_empty();
    let lines: Vec<String> = criticals.into_iter().chain(warnings).collect();
    if lines.is_empty() {
        args.look.session.echo.remark(&format!("{} jobs, all well", jobs.len()));
    } else {
        output::print(&format!("{}\n", lines.join("\n")))?;
    }
    Ok(if bad { Exit::Bad } else { Exit::Done })
}

/// On one line, whatever it holds: a line break would end the plugin's answer.
fn one_line(text: &str) -> String {
    let joined: Vec<&str> = text.split_whitespace().collect();
    crate::render::escape::terminal(&joined.join(" ")).into_owned()
}

/// What is critical and what is worth a warning, in the order of the file. A backfill job that failed once is a warning,
/// as in the original.
fn findings(jobs: &[Job], snapshot: &Snapshot) -> (Vec<String>, Vec<String>) {
    let (mut criticals, mut warnings) = (Vec::new(), Vec::new());
    for job in jobs {
        let stored = snapshot.jobs.get(&job.name);
        let class = job.class.as_deref().unwrap_or(&job.name);
        // The original prints the bare name of the class.
        let class = class.rsplit('.').next().unwrap_or(class);
        let name = one_line(&format!("{} ({class})", job.name));
        if let Some(stored) = stored.filter(|s| s.error_count > 0) {
            let error = stored.last_error.clone().unwrap_or_default();
            let line = format!("{name} | {} | {}", one_line(&error.kind), one_line(&error.value));
            if job.backfill && stored.error_count == 1 { warnings.push(line) } else { criticals.push(line) }
        }
        match health::health(job, stored, snapshot.now) {
            Health::Overdue => {
                let since =
                    health::due_since(job, stored, snapshot.now).map(|t| t.to_string()).unwrap_or_default();
                criticals.push(format!("{name} | overdue | due since {since}"));
            }
            Health::Stuck => {
                let since = stored
                    .and_then(|s| s.state.row.as_ref()?.ongoing)
                    .map(|t| t.to_string())
                    .unwrap_or_default();
                criticals.push(format!("{name} | stuck | ongoing since {since}"));
            }
            Health::Paused => warnings.push(format!("{name} | paused | it does not run until it is resumed")),
            _ => {}
        }
    }
    (criticals, warnings)
}

/// Prometheus's text exposition format, version 0.0.4.
fn prometheus(jobs: &[Job], snapshot: &Snapshot) -> String {
    let label = |job: &Job| {
        let name = job.name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{{job_name=\"{name}\"}}")
    };
    let mut out = String::new();
    let mut family = |name: &str, help: &str, value: &dyn Fn(&Job) -> Option<f64>| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for job in jobs {
            if let Some(value) = value(job) {
                let _ = writeln!(out, "{name}{} {value}", label(job));
            }
        }
    };
    let seconds = |t: jiff::Timestamp| t.as_microsecond() as f64 / 1e6;
    let row = |job: &Job| snapshot.jobs.get(&job.name).and_then(|s| s.state.row.clone());
    let health_of = |job: &Job| health::health(job, snapshot.jobs.get(&job.name), snapshot.now);
    family("pgkit_job_errors", "Failed runs in a row.", &|job| {
        Some(snapshot.jobs.get(&job.name).map_or(0.0, |s| s.error_count as f64))
    });
    family("pgkit_job_last_run_seconds", "When the last run began.", &|job| row(job)?.last_run.map(seconds));
    family("pgkit_job_last_success_seconds", "When the last success was, or its date.", &|job| {
        row(job)?.last_success.map(seconds)
    });
    family("pgkit_job_next_run_seconds", "When it runs next.", &|job| {
        health::next_run(job, snapshot).map(seconds)
    });
    family("pgkit_job_ongoing", "Whether it runs now.", &|job| {
        Some(f64::from(u8::from(row(job).is_some_and(|row| row.ongoing.is_some()))))
    });
    family("pgkit_job_overdue", "Whether it has been due for too long.", &|job| {
        Some(f64::from(u8::from(health_of(job) == Health::Overdue)))
    });
    family("pgkit_job_stuck", "Whether it has been running for too long.", &|job| {
        Some(f64::from(u8::from(health_of(job) == Health::Stuck)))
    });
    out
}

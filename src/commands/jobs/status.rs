//! `jobs status`: reports whether all jobs are healthy: for a person, for Nagios in crontabber's own words, or for
//! Prometheus.

use std::fmt::Write;

use clap::{ArgMatches, Args, Command};

use jiff::Timestamp;

use super::shared::{self, LookArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::commands::plugin::{label_value, one_line, unknown};
use crate::error::{self, Error, Exit, Result};
use crate::jobs::alarm;
use crate::jobs::health::{self, Health};
use crate::jobs::job::Job;
use crate::jobs::runners::{self, Runner, Trouble};
use crate::jobs::store::{Snapshot, Stored};
use crate::output;
use crate::rows::{Flow, record};

record! {
    const COLUMNS;
    fn row(finding: &Finding<'_>) {
        severity: text = Some(if finding.critical { "critical" } else { "warning" }),
        name: text = finding.job.map(|job| &job.name),
        problem: text = Some(finding.problem),
        since: timestamptz = finding.since,
        detail: text = Some(finding.detail()),
    }
}

#[derive(Debug, Clone, Args)]
struct StatusArgs {
    /// Print one line and exit with 0, 1, 2 or 3, as monitoring plugins do; crontabber's texts, plus overdue, stuck
    /// and paused jobs, and those that no runner has seen
    #[arg(long, conflicts_with = "prometheus")]
    nagios: bool,
    /// Print Prometheus's text format
    #[arg(long)]
    prometheus: bool,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn command() -> Command {
    shared::command::<StatusArgs>(
        "status",
        "Show what is wrong; exit with 1 when a job fails, is overdue, stale or stuck, or when no runner has it",
        &["pgkit jobs status", "pgkit jobs status --nagios"],
    )
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: StatusArgs = shared::parse(own)?;
    if args.nagios {
        return nagios(context, root, own, &args.look).await;
    }
    if args.prometheus {
        refuse_format(&args.look, "--prometheus")?;
        let (jobs, snapshot, runners) = shared::look_at_all(context, root, own, &args.look).await?;
        output::print(&prometheus(&jobs, &snapshot, runners.as_deref()))?;
        return Ok(Exit::Done);
    }
    let mut listing = Listing::new(context, "jobs status", COLUMNS, &args.look.format)?;
    let (jobs, snapshot, runners) = shared::look_at_all(context, root, own, &args.look).await?;
    let findings = findings(&jobs, &snapshot, runners.as_deref());
    for finding in &findings {
        if listing.push(&row(finding))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    if findings.is_empty() {
        let many = if jobs.len() == 1 { "one job".to_owned() } else { format!("{} jobs", jobs.len()) };
        let unknown = match runners {
            // These are crontabber's tables without pgkit's, so pgkit runs none of the jobs.
            _ if snapshot.shape.is_none() => "",
            Some(_) => "",
            None => "; whether a runner is there can be told after pgkit jobs upgrade",
        };
        args.look.session.echo.remark(&format!("{many}, all well{unknown}"));
    }
    Ok(if findings.iter().any(|finding| finding.critical) { Exit::BadAnswer } else { Exit::Done })
}

/// Refuses format flags for an answer with a fixed format, which has no rows.
fn refuse_format(args: &LookArgs, what: &str) -> Result<()> {
    if args.format.is_untouched() {
        return Ok(());
    }
    Err(Error::usage(format!("{what} cannot be used with other formats or with columns")))
}

async fn nagios(context: &Context, root: &ArgMatches, own: &ArgMatches, args: &LookArgs) -> Result<Exit> {
    let looked = match refuse_format(args, "--nagios") {
        Ok(()) => shared::look_at_all(context, root, own, args).await,
        Err(e) => Err(e),
    };
    let (jobs, snapshot, runners) = match looked {
        Ok(looked) => looked,
        Err(e) => {
            error::print(&e);
            return Ok(unknown(&e.message));
        }
    };
    // crontabber's own check reports nothing while no job has run yet.
    let mut findings = findings(&jobs, &snapshot, runners.as_deref());
    findings.retain(|finding| {
        finding.problem != "never" || finding.job.is_some_and(|job| health::is_missing(job, &snapshot))
    });
    let lines = |critical: bool| {
        let some = findings.iter().filter(|finding| finding.critical == critical);
        some.map(Finding::plugin_line).collect::<Vec<_>>().join("; ")
    };
    let (criticals, warnings) = (lines(true), lines(false));
    let (answer, exit) = match (criticals.is_empty(), warnings.is_empty()) {
        (false, _) => (format!("CRITICAL - {criticals}"), Exit::Child(2)),
        (true, false) => (format!("WARNING - {warnings}"), Exit::Child(1)),
        (true, true) => ("OK - All systems nominal".to_owned(), Exit::Done),
    };
    match output::print(&format!("{answer}\n")) {
        Ok(()) => Ok(exit),
        Err(e) => {
            error::print(&e);
            Ok(Exit::Child(3))
        }
    }
}

/// Does the same as [`one_line`] for a text that may come after a bar, since crontabber's texts contain bars:
/// `name=1` would be read as performance data there, and `name= 1` is not.
fn no_figures(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let line = one_line(text);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '=' && chars.peek().is_some_and(|next| !matches!(next, ' ' | '=')) {
            out.push(' ');
        }
    }
    out
}

/// A problem with a job, or with the runners.
struct Finding<'a> {
    job: Option<&'a Job>,
    critical: bool,
    /// The problem as a word.
    problem: &'static str,
    since: Option<Timestamp>,
    /// The type of the error and, in the next field, its value, which the original prints after the job.
    kind: String,
    value: String,
}

impl Finding<'_> {
    fn detail(&self) -> String {
        // A problem that is no error has its own word as its kind.
        if self.kind == self.problem { self.value.clone() } else { format!("{}: {}", self.kind, self.value) }
    }

    fn plugin_line(&self) -> String {
        let (kind, value) = (no_figures(&self.kind), no_figures(&self.value));
        let Some(job) = self.job else { return format!("{kind} | {value}") };
        let class = job.class.as_deref().unwrap_or(&job.name);
        // The original prints the bare name of the class.
        let class = class.rsplit('.').next().unwrap_or(class);
        format!("{} | {kind} | {value}", no_figures(&format!("{} ({class})", job.name)))
    }
}

/// Returns all problems: first those with the runners, then those with the jobs, in the order of the file. A backfill
/// job that failed once is a warning, as in the original.
fn findings<'a>(jobs: &'a [Job], snapshot: &Snapshot, runners: Option<&[Runner]>) -> Vec<Finding<'a>> {
    let has_run = |name: &str| {
        let row = snapshot.jobs.get(name).and_then(|stored| stored.state.row.as_ref());
        row.is_some_and(|row| row.last_run.is_some())
    };
    let troubles = runners.map(|runners| runners::troubles(jobs, runners, has_run, snapshot.now));
    let mut all: Vec<Finding<'a>> = troubles.into_iter().flatten().map(of_runners).collect();
    for job in jobs {
        let stored = snapshot.jobs.get(&job.name);
        let mut find = |critical, problem: &'static str, since, kind: &str, value: String| {
            all.push(Finding { job: Some(job), critical, problem, since, kind: kind.to_owned(), value });
        };
        let row = stored.and_then(|stored| stored.state.row.as_ref());
        let claim = stored.and_then(|stored| stored.claim.as_ref());
        let held = claim.filter(|claim| claim.state == "held");
        // The finding for a held job already includes the error that it comes from.
        if let Some(stored) = stored.filter(|stored| stored.error_count > 0 && held.is_none()) {
            let error = stored.last_error.clone().unwrap_or_default();
            let once = job.backfill && stored.error_count == 1;
            find(!once, "failing", row.and_then(|row| row.last_run), &error.kind, error.value);
        }
        match (health::health(job, stored, snapshot.now), held) {
            (Health::Overdue, _) => {
                let since = health::due_since(job, stored, snapshot.now);
                let waits = health::waits_for(job, jobs, snapshot);
                find(true, "overdue", since, "overdue", alarm::overdue_in_words(since, waits.as_deref()));
            }
            (Health::Running, _) => {
                let slow = health::slow_since(job, stored, snapshot.now);
                let again = health::due_again(job, stored, snapshot.now);
                if let Some(since) =
                    slow.or(row.and_then(|row| row.ongoing)).filter(|_| slow.or(again).is_some())
                {
                    let mut text = format!("ongoing since {}", health::instant(since));
                    if let Some(most) = job.max_duration.filter(|_| slow.is_some()) {
                        let _ = write!(text, ", longer than max_duration, {}", alarm::length(most));
                    }
                    if let Some(again) = again {
                        let _ = write!(text, ", and due again since {}", health::instant(again));
                    }
                    find(slow.is_some(), "running", Some(since), "running", text);
                }
            }
            (Health::Never, _) if health::is_unseen(stored) => {
                let text = "it has never run, and no runner has seen it yet".to_owned();
                find(false, "never", None, "never", text);
            }
            (Health::Stuck, Some(claim)) => {
                let host = claim.host.as_deref().unwrap_or("an unknown machine");
                let text = format!("its attempt on {host} was cut off, and it waits for pgkit jobs unlock");
                find(true, "held", Some(claim.started), "held", text);
            }
            (Health::Stuck, None) => {
                let since = row.and_then(|row| row.ongoing);
                let text = since.map(health::instant).unwrap_or_default();
                let then = match claim {
                    Some(claim) => format!(
                        ", but no process is behind it: the next run on {} releases it, or pgkit jobs unlock {}",
                        claim.host.as_deref().unwrap_or("its machine"),
                        job.name
                    ),
                    // There is no lock that would show whether the crontabber that made the claim is still running.
                    None => String::new(),
                };
                find(true, "stuck", since, "stuck", format!("ongoing since {text}{then}"));
            }
            (Health::Paused, _) => {
                find(false, "paused", None, "paused", "it does not run until it is resumed".to_owned());
            }
            _ => {}
        }
        if let Some(since) = health::stale_since(job, stored, snapshot.now).filter(|_| !is_paused(stored)) {
            find(true, "stale", Some(since), "stale", alarm::stale_in_words(since, job));
        }
        if let Some(ahead) = health::ahead(job, stored, snapshot.now).filter(|_| !is_paused(stored)) {
            find(!ahead.goes_on, "ahead", Some(ahead.at), "ahead", ahead.words());
        }
    }
    all
}

/// Returns the finding for a problem with the runners.
fn of_runners(trouble: Trouble) -> Finding<'static> {
    Finding {
        job: None,
        critical: trouble.is_critical,
        problem: trouble.problem,
        since: trouble.since,
        kind: trouble.problem.to_owned(),
        value: trouble.detail,
    }
}

fn is_paused(stored: Option<&Stored>) -> bool {
    stored.is_some_and(|stored| stored.state.paused)
}

/// Returns the metrics in Prometheus's text exposition format, version 0.0.4.
fn prometheus(jobs: &[Job], snapshot: &Snapshot, runners: Option<&[Runner]>) -> String {
    let label = |job: &Job| format!("{{job_name=\"{}\"}}", label_value(&job.name));
    let mut out = String::new();
    let mut family = |name: &str, help: &str, value: &dyn Fn(&Job) -> Option<f64>| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for job in jobs {
            if let Some(value) = value(job) {
                let _ = writeln!(out, "{name}{} {value}", label(job));
            }
        }
    };
    let seconds = |t: Timestamp| t.as_microsecond() as f64 / 1e6;
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
    family("pgkit_job_ongoing", "Whether it is running now.", &|job| {
        Some(f64::from(u8::from(row(job).is_some_and(|row| row.ongoing.is_some()))))
    });
    family("pgkit_job_overdue", "Whether it has been due for too long.", &|job| {
        Some(f64::from(u8::from(health_of(job) == Health::Overdue)))
    });
    family(
        "pgkit_job_due_since_seconds",
        "Since when it has been due, or due again while it runs.",
        &|job| {
            let stored = snapshot.jobs.get(&job.name);
            let since = match health_of(job) {
                Health::Paused | Health::Stuck => None,
                Health::Running => health::due_again(job, stored, snapshot.now),
                _ => health::due_since(job, stored, snapshot.now),
            };
            since.map(seconds)
        },
    );
    family("pgkit_job_stale", "Whether it has not succeeded for max_age.", &|job| {
        let stored = snapshot.jobs.get(&job.name).filter(|stored| !stored.state.paused);
        Some(f64::from(u8::from(health::stale_since(job, stored, snapshot.now).is_some())))
    });
    family("pgkit_job_slow", "Whether it has been running for longer than max_duration.", &|job| {
        let stored = snapshot.jobs.get(&job.name);
        let is_slow =
            health_of(job) == Health::Running && health::slow_since(job, stored, snapshot.now).is_some();
        Some(f64::from(u8::from(is_slow)))
    });
    family("pgkit_job_unseen", "Whether no runner has seen it yet.", &|job| {
        Some(f64::from(u8::from(health::is_unseen(snapshot.jobs.get(&job.name)))))
    });
    family("pgkit_job_ahead", "Whether a time in its row is further in the future than it can be.", &|job| {
        let ahead = health::ahead(job, snapshot.jobs.get(&job.name), snapshot.now);
        Some(f64::from(u8::from(ahead.is_some())))
    });
    family(
        "pgkit_job_stuck",
        "Whether its claim has no process behind it any more, or is an old claim of another program.",
        &|job| Some(f64::from(u8::from(health_of(job) == Health::Stuck))),
    );
    family("pgkit_job_held", "Whether it was cut off and is held until a person decides.", &|job| {
        let claim = snapshot.jobs.get(&job.name).and_then(|stored| stored.claim.as_ref());
        Some(f64::from(u8::from(claim.is_some_and(|claim| claim.state == "held"))))
    });
    family("pgkit_job_runners", "How many runners that keep running have it and were seen lately.", &|job| {
        let has = |runner: &&Runner| runner.is_daemon() && runner.jobs.contains(&job.name);
        Some(runners?.iter().filter(has).count() as f64)
    });
    family("pgkit_job_paused", "Whether a person has paused it.", &|job| {
        Some(f64::from(u8::from(health_of(job) == Health::Paused)))
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_after_a_bar_has_no_figures() {
        let text = "bad\n\u{2028}OK - fine\r| 'a b'=1;2;3 x==5 \u{1b}]0;t\u{7}";
        assert_eq!(no_figures(text), "bad OK - fine \\x7c 'a b'= 1;2;3 x== 5 \\x1b]0;t\\x07");
    }
}

//! Which reports a snapshot has.

use crate::commands::context::Context;
use crate::commands::params;
use crate::error::{Error, Result};
use crate::likeness::nearest;
use crate::report::{Optional, Report, Scope};
use crate::snapshot::Refusal;

/// Returns the reports to take, and what cannot be taken of the user's own.
///
/// Errors: a report that is named is unknown or cannot be taken (64).
pub fn chosen<'a>(context: &'a Context, names: &[String]) -> Result<(Vec<&'a Report>, Vec<Refusal>)> {
    let own = context.own.iter().filter_map(|(_, report)| report.as_ref().ok());
    let known: Vec<&Report> = context.reports.iter().chain(&context.of_doctor).chain(own).collect();
    if names.is_empty() {
        let is_taken = |report: &&&Report| {
            can_be_taken(report).is_ok()
                && (!report.own || !report.key.is_empty())
                && report.texts.iter().all(|text| text.cost.is_empty())
                // Whoever wants all data to be read says so.
                && report.checks.iter().all(|check| check.optional != Some(Optional::Deep))
        };
        let unusable = context.own.iter().filter_map(|(name, report)| {
            let why = match report {
                Ok(report) if report.key.is_empty() => return None,
                Ok(report) => can_be_taken(report).err()?.one_line(),
                Err(e) => e.one_line(),
            };
            Some(Refusal { report: Some(name.clone()), own: true, why, ..Refusal::default() })
        });
        return Ok((known.iter().filter(is_taken).copied().collect(), unusable.collect()));
    }
    let mut wanted: Vec<&Report> = Vec::new();
    for name in names {
        let fault =
            context.own.iter().find(|(own, _)| own == name).and_then(|(_, report)| report.as_ref().err());
        // One of the user's own may have the name of a built-in one.
        let found: Vec<&Report> = known.iter().filter(|report| report.name == *name).copied().collect();
        match (found.first(), fault) {
            (_, Some(fault)) => return Err(fault.clone()),
            (Some(_), None) => {}
            (None, None) => {
                let like = nearest(name, known.iter().map(|report| report.name.as_str()), 0.75);
                let hint = like.map(|like| format!("; did you mean {like:?}?")).unwrap_or_default();
                return Err(Error::usage(format!("unknown report {name:?}{hint}")));
            }
        }
        for report in found {
            can_be_taken(report)?;
            if !wanted.iter().any(|other| other.name == report.name && other.own == report.own) {
                wanted.push(report);
            }
        }
    }
    Ok((wanted, Vec::new()))
}

/// Checks that a report can be in a snapshot. Errors: it needs an argument, or is not about a server (64).
fn can_be_taken(report: &Report) -> Result<()> {
    if report.scope == Scope::Pooler {
        return Err(Error::usage(format!(
            "{} is about a PgBouncer, so it cannot be in a snapshot",
            report.name
        ))
        .hint("save its answer instead: --json > FILE"));
    }
    for line in report.flag_lines() {
        params::variant(report, line)
            .map_err(|e| Error::usage(format!("{}, so it cannot be in a snapshot", e.message)))?;
    }
    Ok(())
}

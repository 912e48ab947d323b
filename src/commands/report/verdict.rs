//! What is said of an answer that is complete, and the exit code.

use super::against::Against;
use super::way::Watcher;
use crate::answer::Verdict;
use crate::commands::args::OutputArgs;
use crate::error::{self, Exit, Result};

/// Returns the verdict on an answer that is now complete: that of its observer, and what the role could not see.
pub fn judge(
    report: &str,
    watcher: &mut Watcher<'_>,
    hidden: Vec<String>,
    is_quiet: bool,
) -> Result<Verdict> {
    let mut verdict = match watcher {
        Some(watcher) => watcher.judge()?,
        None => Verdict { exit: Exit::Done, remarks: Vec::new() },
    };
    verdict.remarks.extend(hidden);
    if is_quiet {
        verdict.remarks.clear();
    }
    for remark in &mut verdict.remarks {
        *remark = format!("{report}: {remark}");
    }
    Ok(verdict)
}

/// Prints what a person should know about an answer that was printed, and returns the exit code.
pub fn finish(
    report: &str,
    args: &OutputArgs,
    mut watcher: Watcher<'_>,
    hidden: Vec<String>,
    against: Option<&Against>,
) -> Result<Exit> {
    let is_quiet = args.session.echo.quiet;
    let verdict = judge(report, &mut watcher, hidden, is_quiet)?;
    verdict.remarks.iter().for_each(|remark| error::note(&format!("pgkit: {remark}")));
    let Some(against) = against else { return Ok(verdict.exit) };
    if !is_quiet {
        against.remarks().iter().for_each(|remark| error::say(&format!("pgkit: {remark}")));
    }
    let is_bad = verdict.exit == Exit::Done && args.fail_on_change && against.has_differences();
    Ok(if is_bad { Exit::BadAnswer } else { verdict.exit })
}

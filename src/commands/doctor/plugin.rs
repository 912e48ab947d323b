//! Implements `doctor --nagios`, which prints one line for a monitoring system.

use super::show::Told;
use crate::commands::plugin::one_line;
use crate::doctor::{Change, Severity};
use crate::error::{Exit, Result};
use crate::output;

/// The maximum number of findings of each severity that the line names.
const NAMED: usize = 5;

/// Prints the line and returns the plugin's exit code: 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN).
/// `is_blind` says that nothing was looked at on one of the servers.
pub(super) fn print(all: &[Told<'_>], allow_unseen: bool, is_blind: bool) -> Result<Exit> {
    let now: Vec<&Told<'_>> = all.iter().filter(|told| told.finding.change != Some(Change::Gone)).collect();
    let of = |severity: Severity| {
        now.iter().copied().filter(move |told| told.finding.severity == severity).collect::<Vec<_>>()
    };
    let [critical, warning, unseen, note] = Severity::ALL.map(of);
    // A check that can find nothing worse than a note may remain unseen.
    let unknown: Vec<&Told<'_>> = unseen
        .iter()
        .copied()
        .filter(|told| !allow_unseen && told.finding.worst < Severity::Unseen)
        .collect();
    let (state, exit) = match () {
        () if !critical.is_empty() => ("CRITICAL", Exit::Child(2)),
        () if !warning.is_empty() => ("WARNING", Exit::Child(1)),
        () if !unknown.is_empty() || is_blind => ("UNKNOWN", Exit::Child(3)),
        () => ("OK", Exit::Done),
    };
    let named: Vec<String> = [("critical", &critical), ("warning", &warning), ("unseen", &unknown)]
        .into_iter()
        .filter(|(_, some)| !some.is_empty())
        .map(|(word, some)| format!("{} {word}: {}", some.len(), names(some)))
        .collect();
    let text = match (named.is_empty(), is_blind) {
        (true, true) => "nothing was looked at".to_owned(),
        (true, false) => "nothing is wrong".to_owned(),
        (false, _) => named.join("; "),
    };
    let mut data = format!(
        "critical={};;0 warning={};0 unseen={} notes={}",
        critical.len(),
        warning.len(),
        unseen.len(),
        note.len()
    );
    for told in critical.iter().chain(&warning).filter(|told| told.finding.number.is_some()) {
        let finding = told.finding;
        let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let (warn, crit) = finding.limits;
        data.push_str(&format!(
            " '{}'={};{};{}",
            label(told),
            number(finding.number),
            number(warn),
            number(crit)
        ));
    }
    output::print(&format!("{state} - {text} | {data}\n"))?;
    Ok(exit)
}

/// Returns the server, check, database and object of a finding, separated by spaces.
fn place(told: &Told<'_>) -> String {
    let finding = told.finding;
    let parts = [told.server, Some(&finding.check), finding.database.as_deref(), Some(&finding.object)];
    parts.into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

fn names(some: &[&Told<'_>]) -> String {
    let named: Vec<String> = some.iter().take(NAMED).map(|told| one_line(&place(told))).collect();
    let more = some.len().saturating_sub(NAMED);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

/// Returns the label of a finding's performance data. Equals signs are escaped, and quotes are doubled.
fn label(told: &Told<'_>) -> String {
    one_line(&place(told)).replace('=', "\\x3d").replace('\'', "''")
}

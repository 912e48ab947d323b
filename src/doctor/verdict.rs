//! Sorts findings, compares them with earlier ones, and turns them into the exit code.

use std::collections::{HashMap, HashSet};

use super::finding::{Change, Finding, Severity};
use crate::error::Exit;

/// The least severity that makes the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Threshold {
    /// Critical findings
    Critical,
    /// Warnings and critical findings
    Warning,
    /// No findings: the exit code is 0
    Never,
}

/// Sorts findings by severity, worst first, then by check, and then by value, largest first.
pub fn sort(findings: &mut [Finding]) {
    let largest =
        |a: &Finding, b: &Finding| b.number.unwrap_or(f64::MIN).total_cmp(&a.number.unwrap_or(f64::MIN));
    findings.sort_by(|a, b| {
        (a.severity, &a.check)
            .cmp(&(b.severity, &b.check))
            .then_with(|| largest(a, b))
            .then_with(|| (&a.database, &a.object).cmp(&(&b.database, &b.object)))
    });
}

/// Sets how each finding has changed since an earlier diagnosis, and appends the earlier findings that are gone.
/// `was_looked_at` says whether the check of an earlier finding has looked at its database again. Returns how many
/// earlier findings were not looked at again.
pub fn compare(
    findings: &mut Vec<Finding>,
    earlier: Vec<Finding>,
    was_looked_at: impl Fn(&Finding) -> bool,
) -> usize {
    let severities: HashMap<_, Severity> =
        earlier.iter().map(|other| (other.about(), other.severity)).collect();
    for finding in findings.iter_mut() {
        let change = match severities.get(&finding.about()) {
            None => Change::New,
            Some(severity) if *severity == finding.severity => Change::Same,
            Some(_) => Change::Changed,
        };
        finding.change = Some(change);
    }
    let now: HashSet<_> = findings.iter().map(Finding::about).collect();
    let unseen: HashSet<_> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Unseen)
        .map(|finding| (finding.check.clone(), finding.database.clone()))
        .collect();
    let is_seen = |other: &Finding| {
        was_looked_at(other) && !unseen.contains(&(other.check.clone(), other.database.clone()))
    };
    let missing = earlier.iter().filter(|other| !now.contains(&other.about()));
    let (gone, left): (Vec<Finding>, Vec<Finding>) = missing.cloned().partition(is_seen);
    findings.extend(gone.into_iter().map(|finding| Finding { change: Some(Change::Gone), ..finding }));
    findings.sort_by_key(|finding| finding.change == Some(Change::Gone));
    left.len()
}

/// Returns the exit code. An unseen finding counts as the worst severity that its check can find,
/// unless `allow_unseen` is set.
pub fn exit<'a>(
    mut findings: impl Iterator<Item = &'a Finding>,
    threshold: Threshold,
    allow_unseen: bool,
) -> Exit {
    let is_bad = |severity: Severity| match threshold {
        Threshold::Critical => severity == Severity::Critical,
        Threshold::Warning => severity <= Severity::Warning,
        Threshold::Never => false,
    };
    let counts = |finding: &&Finding| {
        finding.change != Some(Change::Gone)
            && match finding.severity {
                Severity::Unseen => !allow_unseen && is_bad(finding.worst),
                severity => is_bad(severity),
            }
    };
    if findings.any(|finding| counts(&finding)) { Exit::BadAnswer } else { Exit::Done }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, check: &str, number: Option<f64>) -> Finding {
        Finding { severity, number, ..Finding::unseen(check, Severity::Warning, None, String::new()) }
    }

    #[test]
    fn the_worst_comes_first_and_then_the_largest() {
        let mut all = vec![
            finding(Severity::Note, "a", None),
            finding(Severity::Warning, "b", Some(1.0)),
            finding(Severity::Warning, "b", Some(2.0)),
            finding(Severity::Unseen, "a", None),
            finding(Severity::Critical, "c", None),
        ];
        sort(&mut all);
        let order: Vec<(Severity, Option<f64>)> = all.iter().map(|f| (f.severity, f.number)).collect();
        let expected = [
            (Severity::Critical, None),
            (Severity::Warning, Some(2.0)),
            (Severity::Warning, Some(1.0)),
            (Severity::Unseen, None),
            (Severity::Note, None),
        ];
        assert_eq!(order, expected);
    }

    #[test]
    fn what_was_not_looked_at_counts_as_what_it_might_be() {
        let of = |severity, worst, threshold, allow| {
            let finding = Finding { worst, ..finding(severity, "a", None) };
            exit(std::iter::once(&finding), threshold, allow) == Exit::BadAnswer
        };
        for (severity, worst, threshold, allow, is_bad) in [
            (Severity::Critical, Severity::Critical, Threshold::Critical, false, true),
            (Severity::Critical, Severity::Critical, Threshold::Never, false, false),
            (Severity::Warning, Severity::Critical, Threshold::Critical, false, false),
            (Severity::Warning, Severity::Critical, Threshold::Warning, false, true),
            (Severity::Unseen, Severity::Critical, Threshold::Critical, false, true),
            (Severity::Unseen, Severity::Critical, Threshold::Critical, true, false),
            (Severity::Unseen, Severity::Warning, Threshold::Critical, false, false),
            (Severity::Unseen, Severity::Warning, Threshold::Warning, false, true),
            (Severity::Note, Severity::Critical, Threshold::Warning, false, false),
        ] {
            assert_eq!(of(severity, worst, threshold, allow), is_bad, "{severity:?} {worst:?} {threshold:?}");
        }
    }

    #[test]
    fn findings_are_new_the_same_changed_or_gone() {
        let mut now = vec![finding(Severity::Critical, "a", None), finding(Severity::Note, "b", None)];
        let earlier = vec![
            finding(Severity::Warning, "a", None),
            finding(Severity::Note, "c", None),
            finding(Severity::Critical, "d", None),
        ];
        let again = |finding: &Finding| finding.check != "d";
        assert_eq!(compare(&mut now, earlier, again), 1);
        let changes: Vec<(&str, Option<Change>)> = now.iter().map(|f| (f.check.as_str(), f.change)).collect();
        assert_eq!(
            changes,
            [("a", Some(Change::Changed)), ("b", Some(Change::New)), ("c", Some(Change::Gone))]
        );
        assert_eq!(exit(now[2..].iter(), Threshold::Warning, false), Exit::Done);
    }
}

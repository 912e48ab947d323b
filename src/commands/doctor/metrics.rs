//! Implements `doctor --prometheus`, which prints metrics for the textfile collector.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::show::Told;
use crate::commands::plugin::label_value;
use crate::doctor::{Change, Severity};

/// A server that was judged, and its numbers.
pub(super) struct Judged<'a> {
    pub server: Option<&'a str>,
    /// The number of checks that were judged.
    pub checks: usize,
    /// The number of findings that the user's limits ignore.
    pub ignored: usize,
}

/// Returns the metrics in Prometheus's text exposition format, version 0.0.4. `now` is a Unix time in seconds.
pub(super) fn text(judged: &[Judged<'_>], all: &[Told<'_>], now: f64) -> String {
    let mut out = String::new();
    let labels = |pairs: &[(&str, Option<&str>)]| {
        let some = pairs.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        let list: Vec<String> =
            some.map(|(name, value)| format!("{name}=\"{}\"", label_value(value))).collect();
        if list.is_empty() { String::new() } else { format!("{{{}}}", list.join(",")) }
    };
    let told: Vec<&Told<'_>> = all.iter().filter(|told| told.finding.change != Some(Change::Gone)).collect();
    let head = |out: &mut String, name: &str, help: &str| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
    };
    head(&mut out, "pgkit_doctor_findings", "Number of findings by severity.");
    for one in judged {
        for severity in Severity::ALL {
            let is_of = |told: &&&Told<'_>| told.server == one.server && told.finding.severity == severity;
            let labels = labels(&[("server", one.server), ("severity", Some(severity.word()))]);
            let _ = writeln!(out, "pgkit_doctor_findings{labels} {}", told.iter().filter(is_of).count());
        }
    }
    head(
        &mut out,
        "pgkit_doctor_check_findings",
        "Number of findings by check, severity and database. Checks without findings have no sample.",
    );
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for one in &told {
        let finding = one.finding;
        let labels = labels(&[
            ("server", one.server),
            ("check", Some(&finding.check)),
            ("severity", Some(finding.severity.word())),
            ("database", finding.database.as_deref()),
        ]);
        *counts.entry(labels).or_default() += 1;
    }
    for (labels, count) in counts {
        let _ = writeln!(out, "pgkit_doctor_check_findings{labels} {count}");
    }
    for (name, help, value) in [
        ("pgkit_doctor_checks", "Checks that were judged.", (|one| one.checks) as fn(&Judged<'_>) -> usize),
        ("pgkit_doctor_ignored_findings", "Findings that the limits ignore.", |one| one.ignored),
    ] {
        head(&mut out, name, help);
        for one in judged {
            let _ = writeln!(out, "{name}{} {}", labels(&[("server", one.server)]), value(one));
        }
    }
    head(&mut out, "pgkit_doctor_last_run_timestamp_seconds", "Unix time of the last run.");
    let _ = writeln!(out, "pgkit_doctor_last_run_timestamp_seconds {now}");
    out
}

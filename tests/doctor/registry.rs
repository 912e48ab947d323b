//! Rules that every check must follow.

use std::collections::{BTreeMap, BTreeSet};

use pgkit::report::{Check, Report};

use super::planted::planted_checks;
use crate::support::*;

/// Calls `take` with every check and its report.
fn every_check(mut take: impl FnMut(&Report, &Check)) {
    let reports = all_reports();
    for report in &reports {
        report.checks.iter().for_each(|check| take(report, check));
    }
}

#[test]
fn every_check_says_why_it_matters_where_its_limits_are_from_and_what_to_do() {
    let mut faults = Vec::new();
    every_check(|report, check| {
        let name = format!("{} of {}", check.name, report.name);
        if !check.why.ends_with('.') || check.why.len() < 25 {
            faults.push(format!("{name}: why is not a sentence: {:?}", check.why));
        }
        if check.source.is_empty() {
            faults.push(format!("{name}: source is missing"));
        }
        if check.remedy.is_none() {
            faults.push(format!("{name}: remedy is missing"));
        }
        if report.texts.iter().any(|text| text.needs.is_none()) {
            faults.push(format!("{name}: the report lacks needs"));
        }
        if !report.summary.ends_with('.') {
            faults.push(format!("{name}: the summary is not a sentence: {}", report.summary));
        }
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns the file and the value of every key of this name in the headers of reports.
fn texts_of(key: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("queries/doctor"), root.join("queries/reports")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            for line in std::fs::read_to_string(&entry).unwrap().lines() {
                let Some((name, value)) = line.strip_prefix("-- ").and_then(|line| line.split_once('='))
                else {
                    continue;
                };
                if name.trim() == key {
                    let value = value.trim();
                    let value = &value[1..value.len() - 1];
                    found.push((entry.display().to_string(), value.to_owned()));
                }
            }
        }
    }
    found
}

/// Splits a command line into words. Text in single quotes is one word.
fn shell_words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    let words = quoted.flat_map(|(i, part)| match i % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[test]
fn every_proof_is_a_command_line_that_pgkit_understands() {
    let reports = pgkit::report::built_in(|_| true).unwrap();
    let tree = pgkit::commands::tree::tree(&reports, &Vec::new());
    let proofs = texts_of("proof");
    assert!(proofs.len() > 60, "{}", proofs.len());
    let braces = regex::Regex::new(r"\{[^}]*\}").unwrap();
    let mut faults = Vec::new();
    for (file, proof) in proofs {
        let filled = braces.replace_all(&proof, "x").into_owned();
        // Only the first command is parsed.
        let first =
            filled.split(" | ").next().unwrap().split("; ").next().unwrap().split(", ").next().unwrap();
        let words = shell_words(first);
        let is_pgkit = words.first().is_some_and(|word| word == "pgkit");
        if !is_pgkit {
            faults.push(format!("{file}: {proof}"));
        } else if let Err(e) = tree.clone().try_get_matches_from(words) {
            faults.push(format!("{file}: {proof}: {}", e.to_string().lines().next().unwrap_or_default()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_finding_is_said_as_the_server_says_it() {
    let mut faults = Vec::new();
    for key in ["finding", "unseen_because"] {
        for (file, text) in texts_of(key) {
            let first = text.chars().next().unwrap_or('.');
            let word = text.split(' ').next().unwrap_or_default();
            // A placeholder, or a word with several capital letters, may come first.
            let is_name = word.starts_with('{') || word.chars().filter(|c| c.is_uppercase()).count() > 1;
            if text.ends_with('.') || (first.is_uppercase() && !is_name) {
                faults.push(format!("{file}: {key}: {text}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The checks that no planted file covers, and the test that covers each.
const ELSEWHERE: &[(&str, &str)] = &[
    ("clock-skew", ROWS),
    ("crash-restart", ROWS),
    ("disk-free", ROWS),
    ("horizon-held", ROWS),
    ("job-failing", ROWS),
    ("job-runner-missing", ROWS),
    ("job-stuck", ROWS),
    ("known-bad-minor", ROWS),
    ("log-on-overdue", ROWS),
    ("long-transaction", ROWS),
    ("major-out-of-support", ROWS),
    ("minor-behind", ROWS),
    ("prepared-transaction-old", ROWS),
    ("receiver-missing", ROWS),
    ("replay-paused", ROWS),
    ("standby-lag", ROWS),
    ("autovacuum-saturated", CHANGES),
    ("cache-hit-low", CHANGES),
    ("no-backup-seen", CHANGES),
    ("standby-conflicts", CHANGES),
    ("subscription-errors", CHANGES),
    ("wait-pile-up", SAMPLES),
];

/// The name of the test that judges rows which are written into a snapshot.
const ROWS: &str = "what_lasts_or_is_elsewhere_is_judged_on_both_sides_of_its_limits";
/// The name of the test that judges rows which are written into two snapshots.
const CHANGES: &str = "a_change_between_two_looks_is_judged_on_both_sides_of_its_limits";
/// The name of a unit test of how samples are counted. Many sessions that wait for the same lightweight lock cannot be
/// arranged.
const SAMPLES: &str = "what_is_found_in_enough_samples_is_a_finding_and_rows_of_one_sample_count_once";

#[test]
fn every_check_is_planted() {
    let planted = planted_checks();
    let mut missing: BTreeSet<String> = BTreeSet::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    every_check(|_, check| {
        known.insert(check.name.clone());
        if !planted.contains(&check.name) && !ELSEWHERE.iter().any(|(name, _)| *name == check.name) {
            missing.insert(check.name.clone());
        }
    });
    assert!(missing.is_empty(), "{} of {}: {missing:?}", missing.len(), known.len());
    for (name, _) in ELSEWHERE {
        assert!(known.contains(*name) && !planted.contains(*name), "{name}");
    }
    let unknown: Vec<&String> = planted.iter().filter(|name| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "unknown checks: {unknown:?}");
}

#[test]
fn a_name_stands_for_one_check() {
    let mut whys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    every_check(|_, check| {
        whys.entry(check.name.clone()).or_default().insert(check.why.clone());
    });
    let several: Vec<&String> =
        whys.iter().filter(|(_, whys)| whys.len() > 1).map(|(name, _)| name).collect();
    assert!(several.is_empty(), "checks with several texts in why: {several:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the age of the table depends on the current date")]
fn the_table_of_versions_is_not_old() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/doctor/versions/support.sql");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("(as_of) AS (VALUES ('").unwrap();
    let as_of: jiff::civil::Date = rest[..10].parse().unwrap();
    let today = jiff::Zoned::now().date();
    let days = as_of.until(today).unwrap().get_days();
    assert!(
        days <= 100,
        "the table of releases is {days} days old: update its date and the newest minor versions"
    );
    // The table must have a date for every supported major version.
    for major in pgkit::connect::ServerVersion::OLDEST..=pgkit::connect::ServerVersion::NEWEST {
        assert!(text.contains(&format!("({major}, '20")), "{major}");
    }
}

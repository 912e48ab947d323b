//! The reference in `docs/reports.md`: one section for each report, written from its header.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Arg, Command};
use pgkit::commands::groups::GROUPS;
use pgkit::report::{self, Check, Optional, Report, Scope};

use super::{check, project};
use crate::support::*;

/// The line of the page from which on it is generated.
const MARK: &str = "<!-- From here on, this page is written from the reports' headers. -->";

/// Text that Markdown takes as it stands.
fn plain(text: &str) -> String {
    text.replace('*', "\\*").replace('_', "\\_").replace('<', "&lt;").replace('|', "\\|")
}

/// A flag as `--help` shows it.
fn flag(arg: &Arg) -> String {
    let value =
        arg.get_value_names().filter(|_| arg.get_action().takes_values()).and_then(|names| names.first());
    let words =
        arg.get_long().map(|long| format!("--{long}")).into_iter().chain(value.map(ToString::to_string));
    format!("`{}`", words.collect::<Vec<_>>().join(" "))
}

fn section(report: &Report, command: &Command) -> String {
    let mut out = format!("### {}\n\n{}\n", report.name, plain(&report.summary));
    let told = [&report.reading, &report.notes].into_iter().flatten().map(String::as_str);
    let told = told.collect::<Vec<_>>().join(" ");
    if !told.is_empty() {
        write!(out, "\n{}\n", plain(&told)).unwrap();
    }
    if let Some(example) = &report.example {
        write!(out, "\n```sh\n{example}\n```\n").unwrap();
    }
    // Of its own flags, those that have no heading; the shared ones are described once.
    let own =
        || command.get_arguments().filter(|arg| arg.get_help_heading().is_none() && arg.get_id() != "help");
    if own().next().is_some() {
        out.push_str("\n| flag | meaning |\n| --- | --- |\n");
        for arg in own() {
            let listed = |what: &str, all: Vec<String>| {
                if all.is_empty() { String::new() } else { format!(" ({what}: {})", all.join(", ")) }
            };
            let is_given = arg.get_action().takes_values();
            let values = arg.get_possible_values().into_iter().map(|v| v.get_name().to_owned());
            let values = listed("one of", values.filter(|_| is_given).collect());
            let defaults = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned());
            let defaults = listed("default", defaults.filter(|_| is_given).collect());
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            writeln!(out, "| {} | {}{}{defaults} |", flag(arg), plain(&help), plain(&values)).unwrap();
        }
    }
    let columns = report.columns.iter().map(|column| {
        let counter = if column.is_counter { ", counter" } else { "" };
        format!("`{}` {}{counter}", column.name, column.server_type)
    });
    let columns: Vec<String> = columns.map(|text| text.replace(" _text", " text[]")).collect();
    write!(out, "\nColumns: {}.\n", columns.join("; ")).unwrap();
    let scope = match report.scope {
        Scope::Database => "this database",
        Scope::Cluster => "the whole cluster",
        Scope::Server => "this server",
        Scope::Pooler => "the PgBouncer that is connected to",
    };
    out.push('\n');
    for (what, text) in [
        ("Key", report.key.join(", ")),
        ("Scope", scope.to_owned()),
        ("Since", if report.since() > 10 { format!("PostgreSQL {}", report.since()) } else { String::new() }),
        ("Needs", report.plain().and_then(|text| text.needs.clone()).unwrap_or_default()),
    ] {
        if !text.is_empty() {
            writeln!(out, "* {what}: {}", plain(&text)).unwrap();
        }
    }
    out
}

/// The whole generated part.
fn reference() -> String {
    let reports = report::built_in(|_| true).unwrap();
    let mut out = format!("{MARK}\n\n## All reports\n");
    let tree = pgkit::commands::tree::tree(&reports, &Vec::new());
    let mut written = 0;
    for (group, _) in GROUPS {
        for report in reports.iter().filter(|report| report.group == *group) {
            let command = tree.find_subcommand(&report.name).unwrap();
            write!(out, "\n{}", section(report, command)).unwrap();
            written += 1;
        }
    }
    assert_eq!(written, reports.len(), "a report's group is not among those of the help");
    out
}

#[test]
fn the_reference_of_all_reports_is_current() {
    let page = std::fs::read_to_string(project("docs/reports.md")).unwrap();
    let (by_hand, _) = page.split_once(MARK).unwrap_or_else(|| panic!("docs/reports.md lacks {MARK}"));
    check("docs/reports.md", &format!("{by_hand}{}", reference()));
}

/// The section of a check, from the tables that are about it.
fn check_section(name: &str, tables: &[(&Report, &Check)]) -> String {
    let (_, first) = tables[0];
    let mut out = format!("\n### {name}\n\n{}\n\n", plain(&first.why));
    for (report, check) in tables {
        writeln!(out, "* Looks at: {}", plain(&report.summary)).unwrap();
        for (level, conditions) in &check.written {
            let all: Vec<String> = conditions.iter().map(|text| format!("`{text}`")).collect();
            writeln!(out, "* {level}: {}", all.join(", or ")).unwrap();
        }
        let needs = report.plain().and_then(|text| text.needs.clone()).unwrap_or_default();
        let flag = match check.optional {
            Some(Optional::Lint) => "`--lint`",
            Some(Optional::Deep) => "`--deep`",
            None if check.needs_earlier() || check.samples.is_some() => "`--for` or `--against`",
            None => "",
        };
        let since =
            if report.since() > 10 { format!("PostgreSQL {}", report.since()) } else { String::new() };
        for (what, text) in [
            ("Source", plain(&check.source)),
            ("When to ignore it", plain(&check.ignore)),
            ("Rights", plain(&needs)),
            ("Only with", flag.to_owned()),
            ("Since", since),
        ] {
            if !text.is_empty() {
                writeln!(out, "* {what}: {text}").unwrap();
            }
        }
    }
    out
}

#[test]
fn the_catalogue_of_all_checks_is_current() {
    let mut checks: BTreeMap<String, Vec<(&Report, &Check)>> = BTreeMap::new();
    let reports = all_reports();
    for report in &reports {
        for check in &report.checks {
            checks.entry(check.name.clone()).or_default().push((report, check));
        }
    }
    let sections: String = checks.iter().map(|(name, tables)| check_section(name, tables)).collect();
    let page = std::fs::read_to_string(project("docs/doctor.md")).unwrap();
    let (by_hand, _) = page.split_once(MARK).unwrap_or_else(|| panic!("docs/doctor.md lacks {MARK}"));
    check("docs/doctor.md", &format!("{by_hand}{MARK}\n{sections}"));
}

/// Where the table of the keys of a jobs file stands in `docs/jobs.md`.
const KEYS: [&str; 2] =
    ["<!-- This table is written by pgkit jobs check --keys. -->\n", "<!-- Here it ends. -->\n"];

#[test]
fn the_keys_of_a_jobs_file_are_those_that_the_program_lists() {
    let listed = run(bare_pgkit().args(["jobs", "check", "--keys", "--format", "jsonl"]));
    assert_eq!(listed.code, Some(0), "{}", listed.snapshot());
    let mut table = "\n| key | default | where | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for line in listed.stdout.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap_or_default().replace('|', "\\|");
        let default = Some(text("default")).filter(|text| !text.is_empty()).map(|text| format!("`{text}`"));
        let (key, example) = (text("key"), text("example"));
        let (default, place, meaning) = (default.unwrap_or_default(), text("place"), text("meaning"));
        writeln!(table, "| `{key} = {example}` | {default} | {place} | {meaning} |").unwrap();
    }
    table.push('\n');
    let page = std::fs::read_to_string(project("docs/jobs.md")).unwrap();
    let (before, rest) = page.split_once(KEYS[0]).unwrap();
    let (_, after) = rest.split_once(KEYS[1]).unwrap();
    check("docs/jobs.md", &format!("{before}{}{table}{}{after}", KEYS[0], KEYS[1]));
}

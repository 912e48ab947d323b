//! The reference in `docs/reports.md`: one section for each report, written from its header.

use std::fmt::Write as _;

use pgkit::report::{self, Param, ParamType, Report, Scope};

use super::{check, project};

/// The line of the page from which on it is generated.
const MARK: &str = "<!-- From here on, this page is written from the reports' headers. -->";

/// Text that Markdown takes as it stands.
fn plain(text: &str) -> String {
    text.replace('*', "\\*").replace('_', "\\_").replace('<', "&lt;").replace('|', "\\|")
}

fn flag(param: &Param) -> String {
    let value = param.metavar.clone().unwrap_or_else(|| {
        match param.kind {
            ParamType::Bool | ParamType::Path => "",
            ParamType::Int8 => "N",
            ParamType::Patterns => "PATTERN",
            ParamType::Regex => "REGEX",
            ParamType::Interval => "DURATION",
            ParamType::Bytes => "SIZE",
            ParamType::Text | ParamType::Term | ParamType::TextList => return param.name.to_uppercase(),
        }
        .to_owned()
    });
    let name = if param.positional { String::new() } else { format!("--{}", param.name.replace('_', "-")) };
    format!("`{}`", format!("{name} {value}").trim())
}

fn section(report: &Report) -> String {
    let mut out = format!("### {}\n\n{}\n", report.name, plain(&report.summary));
    if let Some(reading) = &report.reading {
        write!(out, "\n{}\n", plain(reading)).unwrap();
    }
    if let Some(example) = &report.example {
        write!(out, "\n```sh\n{example}\n```\n").unwrap();
    }
    if !report.params.is_empty() {
        out.push_str("\n| flag | meaning |\n| --- | --- |\n");
        for param in &report.params {
            let values = if param.one_of.is_empty() {
                String::new()
            } else {
                format!(": {}", param.one_of.join(", "))
            };
            let default = param.default.as_ref().map(|d| format!(" (default: {d})")).unwrap_or_default();
            writeln!(out, "| {} | {}{}{default} |", flag(param), plain(&param.help), plain(&values)).unwrap();
        }
    }
    let columns = report.columns.iter().map(|column| {
        let counter = if column.is_counter { ", counter" } else { "" };
        format!("`{}` {}{counter}", column.name, column.server_type)
    });
    let columns: Vec<String> = columns.map(|text| text.replace(" _text", " text[]")).collect();
    write!(out, "\nColumns: {}.\n", columns.join("; ")).unwrap();
    let mut facts = Vec::new();
    if !report.key.is_empty() {
        facts.push(format!("a row is identified by {}", report.key.join(", ")));
    }
    facts.push(
        match report.scope {
            Scope::Database => "the answer is that of one database",
            Scope::Cluster => "the answer is the same in every database",
            Scope::Server => "the answer is that of this server",
        }
        .to_owned(),
    );
    if report.since() > 10 {
        facts.push(format!("since PostgreSQL {}", report.since()));
    }
    let mut facts = facts.join("; ");
    facts[..1].make_ascii_uppercase();
    write!(out, "\n{}. Needs {}.\n", plain(&facts), plain(report.needs.as_deref().unwrap_or_default()))
        .unwrap();
    out
}

/// The whole generated part.
fn reference() -> String {
    let reports = report::built_in(|_| true).unwrap();
    let mut out = format!("{MARK}\n\n## All reports\n");
    let order = ["catalog", "activity", "space", "indexes", "tables", "statements", "server", "security"];
    let unknown: Vec<&str> =
        reports.iter().map(|r| r.group.as_str()).filter(|group| !order.contains(group)).collect();
    assert!(unknown.is_empty(), "groups without a place: {unknown:?}");
    for group in order {
        for report in reports.iter().filter(|report| report.group == group) {
            write!(out, "\n{}", section(report)).unwrap();
        }
    }
    out
}

#[test]
fn the_reference_of_all_reports_is_current() {
    let page = std::fs::read_to_string(project("docs/reports.md")).unwrap();
    let (by_hand, _) = page.split_once(MARK).unwrap_or_else(|| panic!("docs/reports.md lacks {MARK}"));
    check("docs/reports.md", &format!("{by_hand}{}", reference()));
}

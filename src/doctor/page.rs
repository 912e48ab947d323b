//! Writes the diagnosis of one or more servers, with the reports behind it, as one self-contained HTML page.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use maud::{Markup, PreEscaped, html};

use super::finding::{Change, Finding, Severity};
use super::judge::Diagnosis;
use crate::error::{Error, Result};
use crate::page::{document, safe};
use crate::report::Report;
use crate::snapshot::{Found, Header, Snapshot};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page shows about one server.
pub struct Sheet<'a> {
    /// The server's name; `None` if the page is about a single server.
    pub server: Option<&'a str>,
    /// The rows of its reports; `None` if the server could not be asked.
    pub snapshot: Option<&'a Snapshot>,
    /// The earlier snapshot that they are compared with, if there is one.
    pub earlier: Option<&'a Snapshot>,
    pub diagnosis: &'a Diagnosis,
}

/// The rows of a report, compressed for the page.
struct Block {
    id: String,
    report: String,
    flags: String,
    rows: u64,
    data: String,
}

/// A report's name, whether it is the user's own report, and its flags.
type AnswerKey = (String, bool, String);

/// The rows that have been compressed so far, and how many there are.
type Packing = (GzEncoder<Vec<u8>>, u64);

/// Returns the HTML page. Its reports are sorted by group.
///
/// Errors: a snapshot cannot be read (74).
pub fn page(sheets: &[Sheet<'_>], reports: &[&Report]) -> Result<String> {
    let mut shown = Vec::new();
    for (i, sheet) in sheets.iter().enumerate() {
        let blocks = sheet.snapshot.map(|snapshot| blocks(snapshot, &format!("s{i}"))).transpose()?;
        let earlier = match sheet.earlier {
            Some(snapshot) => blocks_of(snapshot, &format!("e{i}"), &|found| found.part.report == "sizes")?,
            None => Vec::new(),
        };
        shown.push((sheet, blocks.unwrap_or_default(), earlier));
    }
    let body = html! {
        h1 { "pgkit doctor" }
        (verdict(sheets))
        @if sheets.len() > 1 {
            nav { ul {
                @for (i, sheet) in sheets.iter().enumerate() {
                    li { a href={ "#server" (i) } { (safe(sheet.server.unwrap_or_default())) } ": " (counts(sheet.diagnosis)) }
                }
            } }
        }
        @for (i, (sheet, blocks, earlier)) in shown.iter().enumerate() {
            section id={ "server" (i) } {
                @if let Some(server) = sheet.server { h2 { (safe(server)) } }
                @if let Some(snapshot) = sheet.snapshot { p class="soft" { (about(&snapshot.header)) } }
                (findings(sheet.diagnosis))
                (pictures(blocks, earlier))
                (tables(blocks, reports))
                @for block in blocks.iter().chain(earlier) {
                    script type="text/plain" id=(block.id) { (PreEscaped(&block.data)) }
                }
            }
        }
        p class="soft" { "pgkit " (env!("CARGO_PKG_VERSION")) }
    };
    Ok(document("pgkit doctor", STYLE, Some(SCRIPT), &body))
}

/// Returns how many current findings there are of each severity, worst first. Findings that are gone do not count.
fn numbers(diagnosis: &Diagnosis) -> [usize; 4] {
    let now = |finding: &&Finding| finding.change != Some(Change::Gone);
    Severity::ALL.map(|severity| {
        diagnosis.findings.iter().filter(now).filter(|finding| finding.severity == severity).count()
    })
}

fn counts(diagnosis: &Diagnosis) -> String {
    let words = ["critical", "warnings", "unseen", "notes"];
    let some: Vec<String> = numbers(diagnosis)
        .iter()
        .zip(words)
        .filter(|(number, _)| **number > 0)
        .map(|(number, word)| {
            format!("{number} {}", if *number == 1 { word.trim_end_matches('s') } else { word })
        })
        .collect();
    if some.is_empty() { "nothing is wrong".to_owned() } else { some.join(", ") }
}

fn verdict(sheets: &[Sheet<'_>]) -> Markup {
    let worst = sheets
        .iter()
        .flat_map(|sheet| &sheet.diagnosis.findings)
        .filter(|finding| finding.change != Some(Change::Gone))
        .map(|finding| finding.severity)
        .min();
    let (class, says) = match worst {
        Some(Severity::Critical) => ("critical", "Something is critical"),
        Some(Severity::Warning) => ("warning", "Nothing is critical, but there are warnings"),
        Some(Severity::Unseen) => ("unseen", "Nothing wrong was found, but some things could not be seen"),
        Some(Severity::Note) | None => ("fine", "Nothing is wrong"),
    };
    html! {
        p class={ "verdict " (class) } {
            strong { (says) } "."
            @if let [sheet] = sheets { " " (counts(sheet.diagnosis)) " by " (sheet.diagnosis.looked.len()) " checks." }
        }
    }
}

fn about(header: &Header) -> String {
    let role = if header.standby { "standby" } else { "primary" };
    safe(&format!(
        "PostgreSQL {} ({role}) on {}, port {}, looked at {} as {}",
        header.server_version,
        header.host,
        header.port,
        header.taken.strftime("%Y-%m-%d %H:%M:%S UTC"),
        header.role
    ))
}

fn findings(diagnosis: &Diagnosis) -> Markup {
    html! {
        @for finding in &diagnosis.findings { (one(finding)) }
        @if diagnosis.findings.is_empty() { p { "No check found anything." } }
        @for ((check, reason), number) in &diagnosis.ignored {
            p class="soft" { "Ignored: " (number) " of " (check) " (" (safe(reason)) ")." }
        }
        @for why in &diagnosis.uncompared { p class="soft" { "Rates are not judged: " (safe(why)) "." } }
        @for name in &diagnosis.closed {
            p class="soft" { "Not looked at: database " (safe(name)) ", which accepts no connections." }
        }
        @if !diagnosis.not_judged.is_empty() {
            p class="soft" {
                "Not judged without --for or --against: "
                (diagnosis.not_judged.iter().map(String::as_str).collect::<Vec<_>>().join(", ")) "."
            }
        }
    }
}

fn one(finding: &Finding) -> Markup {
    let gone = finding.change == Some(Change::Gone);
    let change = finding.change.filter(|change| *change != Change::Same).map(Change::word);
    html! {
        article class={ "finding " (finding.severity.word()) @if gone { " gone" } } {
            p {
                span class="chip" { (finding.severity.word()) } " " (safe(&finding.finding))
                @if let Some(change) = change { " " span class="soft" { "(" (change) ")" } }
            }
            dl {
                dt { "check" } dd { (finding.check) }
                @if let Some(database) = &finding.database { dt { "database" } dd { (safe(database)) } }
                @if !finding.object.is_empty() { dt { "object" } dd { (safe(&finding.object)) } }
                @if let Some(value) = &finding.value_shown {
                    dt { "value" }
                    dd { (safe(value)) @if let Some(limit) = &finding.limit_shown { ", limit " (safe(limit)) } }
                }
                @if let Some(proof) = &finding.proof { dt { "proof" } dd { (code(proof)) } }
                @if let Some(remedy) = &finding.remedy { dt { "remedy" } dd { (code(remedy)) } }
            }
        }
    }
}

/// Returns a `code` element whose unescaped text can be copied with a button.
fn code(text: &str) -> Markup {
    html! { code class="copied" data-text=(text) { (safe(text)) } }
}

/// Returns the treemap of table sizes and, if there is an earlier snapshot, the table of what has grown.
fn pictures(blocks: &[Block], earlier: &[Block]) -> Markup {
    let of = |blocks: &'_ [Block], flags: &str| {
        blocks.iter().find(|b| b.report == "sizes" && b.flags == flags).map(|b| b.id.clone())
    };
    let families = of(blocks, "--group-partitions").or(of(blocks, ""));
    html! {
        @if let Some(id) = families {
            div class="script" { h3 { "Where the space is" } div class="tree" data-tree=(id) {} }
        }
        @if let (Some(now), Some(was)) = (of(blocks, ""), of(earlier, "")) {
            h3 { "What has grown" }
            div data-now=(now) data-was=(was) {}
        }
    }
}

fn tables(blocks: &[Block], reports: &[&Report]) -> Markup {
    let mut groups: BTreeMap<&str, Vec<(&Block, &str)>> = BTreeMap::new();
    for block in blocks {
        let report = reports.iter().find(|report| report.name == block.report);
        let (group, summary) = report.map_or(("others", ""), |report| {
            (if report.own { "your own" } else { report.group.as_str() }, report.summary.as_str())
        });
        groups.entry(group).or_default().push((block, summary));
    }
    html! {
        @for (group, blocks) in &groups {
            h3 { (safe(group)) }
            @for (block, summary) in blocks {
                details data-rows=(block.id) open[block.report == "databases"] {
                    summary {
                        b { (safe(&block.report)) " " (safe(&block.flags)) } " (" (block.rows) ") "
                        span class="soft" { (safe(summary)) }
                    }
                    noscript { "The rows are shown by a script." }
                }
            }
        }
    }
}

/// Compresses the rows of all reports except those that only `doctor` uses.
fn blocks(snapshot: &Snapshot, prefix: &str) -> Result<Vec<Block>> {
    blocks_of(snapshot, prefix, &|found| !found.part.report.starts_with("doctor/"))
}

/// Compresses the rows of the wanted reports. The rows of one report in several databases become one block, with
/// `database` as its first column.
fn blocks_of(snapshot: &Snapshot, prefix: &str, is_wanted: &dyn Fn(&Found) -> bool) -> Result<Vec<Block>> {
    let failed = |e: std::io::Error| Error::io("could not compress the rows for the page", &e);
    let key = |found: &Found| -> AnswerKey {
        (found.part.report.clone(), found.part.own, found.part.flags.join(" "))
    };
    let mut packing: BTreeMap<AnswerKey, Packing> = BTreeMap::new();
    for found in snapshot.parts.iter().filter(|found| is_wanted(found)) {
        if packing.contains_key(&key(found)) {
            continue;
        }
        let of_database = found.part.database.is_some().then(|| ("database".to_owned(), "text".to_owned()));
        let columns = found.part.columns.iter().filter_map(|column| {
            let (name, kind) = column.rsplit_once(' ')?;
            Some((name.to_owned(), kind.to_owned()))
        });
        let columns: Vec<(String, String)> = of_database.into_iter().chain(columns).collect();
        let columns = serde_json::to_string(&columns).map_err(|e| Error::bug(e.to_string()))?;
        let mut pack = GzEncoder::new(Vec::new(), Compression::fast());
        write!(pack, "{{\"columns\":{columns},\"rows\":[").map_err(failed)?;
        packing.insert(key(found), (pack, 0));
    }
    snapshot.lines(is_wanted, &mut |found, line| {
        let Some((pack, rows)) = packing.get_mut(&key(found)) else { return Ok(()) };
        let separator = if *rows == 0 { "" } else { "," };
        *rows += 1;
        let written = match (&found.part.database, line.trim_end().strip_prefix('[')) {
            (Some(database), Some(values)) => {
                let name = serde_json::to_string(database).map_err(|e| Error::bug(e.to_string()))?;
                write!(pack, "{separator}[{name},{values}")
            }
            _ => write!(pack, "{separator}{line}"),
        };
        written.map_err(failed)
    })?;
    let mut all = Vec::new();
    for (i, ((report, _, flags), (mut pack, rows))) in packing.into_iter().enumerate() {
        pack.write_all(b"]}").map_err(failed)?;
        let data = openssl::base64::encode_block(&pack.finish().map_err(failed)?);
        all.push(Block { id: format!("{prefix}r{i}"), report, flags, rows, data });
    }
    Ok(all)
}

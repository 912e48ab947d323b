//! The list of reports: those built into pgkit, and the user's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::header::parse_file;
use super::model::{Report, Text};
use crate::error::{Error, Result};
use crate::sql;

/// One folder for each group of reports.
static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries/reports");
/// What only `doctor` asks: one folder for each group of checks.
static DOCTOR: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries/doctor");
/// The parts that several texts share.
static PARTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries/parts");

/// Returns a built-in file with its parts filled in: a line `-- include NAME` stands for the file
/// `queries/parts/NAME.sql`, which may include others.
///
/// Errors: there is no such part, which a test of every file rules out.
fn with_parts(path: &str, content: &str) -> Result<String> {
    let part = |name: &str| PARTS.get_file(format!("{name}.sql"))?.contents_utf8();
    sql::with_parts(content, &part).map_err(|name| Error::bug(format!("{path}: unknown part {name:?}")))
}

/// Combines files into reports: `sizes.sql` and `sizes.scan.sql` are texts of `sizes`.
fn assemble(files: Vec<(String, Result<(Report, Text)>)>, own: bool) -> Vec<(String, Result<Report>)> {
    let mut reports: BTreeMap<String, Result<Report>> = BTreeMap::new();
    // What the texts do not share, such as the summary, is that of the plain file.
    let mut files = files;
    files.sort_by_key(|(file, _)| is_variant(file));
    for (file, parsed) in files {
        let name = report_name(&file);
        let entry = reports.remove(&name);
        let joined = match (entry, parsed) {
            (Some(Err(e)), _) | (None | Some(Ok(_)), Err(e)) => Err(e),
            (None, Ok((mut report, text))) => {
                report.name.clone_from(&name);
                report.own = own;
                report.texts.push(text);
                Ok(report)
            }
            (Some(Ok(mut report)), Ok((other, text))) => {
                if report.params != other.params
                    || report.columns != other.columns
                    || report.sections != other.sections
                {
                    Err(Error::data(format!(
                        "{}:1: its params, columns or sections differ from those of {}",
                        text.file, report.texts[0].file
                    )))
                } else {
                    report.texts.push(text);
                    Ok(report)
                }
            }
        };
        reports.insert(name, joined);
    }
    for report in reports.values_mut().flatten() {
        // The most specific comes first: texts chosen by a flag, then those with a probe, then those for newer
        // servers.
        report.texts.sort_by_key(|t| (t.flag.is_none(), t.when.is_none(), std::cmp::Reverse(t.since)));
    }
    reports.into_iter().collect()
}

/// Returns the built-in reports, by name. If a report is not wanted, only its name and its summary are read,
/// because parsing a header costs more than everything else at the start.
///
/// Errors: a header is invalid, which a test of every file rules out.
pub fn built_in(wanted: impl Fn(&str) -> bool) -> Result<Vec<Report>> {
    let mut outlines: BTreeMap<String, Report> = BTreeMap::new();
    let mut groups: BTreeMap<String, String> = BTreeMap::new();
    let mut files = Vec::new();
    for file in BUILT_IN.dirs().flat_map(Dir::files) {
        let Some(content) = file.contents_utf8() else { continue };
        let path = format!("queries/reports/{}", file.path().display());
        let name = report_name(&path);
        let group = file.path().parent().map_or(String::new(), |group| group.display().to_string());
        groups.insert(name.clone(), group);
        if wanted(&name) {
            let parsed = with_parts(&path, content).and_then(|content| parse_file(&path, &content));
            files.push((path, parsed));
        } else if !is_variant(&path) {
            outlines.insert(name.clone(), outline(&name, content));
        }
    }
    let mut reports =
        assemble(files, false).into_iter().map(|(_, report)| report).collect::<Result<Vec<Report>>>()?;
    reports.extend(outlines.into_values());
    for report in &mut reports {
        report.group = groups.remove(&report.name).unwrap_or_default();
    }
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(reports)
}

/// Returns the reports that only `doctor` asks, which are no commands. Their names are `doctor/`, the group, and the file.
///
/// Errors: a header is invalid, which a test of every file rules out.
pub fn of_doctor() -> Result<Vec<Report>> {
    let of_group = |group: &'static Dir<'static>| {
        let files = group.files().filter_map(|file| {
            let content = file.contents_utf8()?;
            let path = format!("queries/doctor/{}", file.path().display());
            Some((path.clone(), with_parts(&path, content).and_then(|content| parse_file(&path, &content))))
        });
        assemble(files.collect(), false).into_iter().map(|(name, report)| {
            let name = format!("doctor/{}/{name}", group.path().display());
            report.map(|report| Report { name, group: "doctor".to_owned(), ..report })
        })
    };
    DOCTOR.dirs().flat_map(of_group).collect()
}

/// Returns a report of which only the name and the summary are known.
fn outline(name: &str, content: &str) -> Report {
    let summary = content.lines().next().unwrap_or_default().trim_start_matches("--").trim();
    Report { name: name.to_owned(), summary: summary.to_owned(), ..Report::default() }
}

/// Returns the report that a file is a text of: `sizes` for `queries/reports/space/sizes.scan.sql`.
fn report_name(file: &str) -> String {
    let name = Path::new(file).file_name().map_or(file.into(), |f| f.to_string_lossy());
    let stem = name.strip_suffix(".sql").unwrap_or(&name);
    stem.split('.').next().unwrap_or(stem).to_owned()
}

/// Returns whether a file is a further text of its report: `sizes.scan.sql`.
fn is_variant(file: &str) -> bool {
    let name = Path::new(file).file_name().map_or(file.into(), |f| f.to_string_lossy());
    name.strip_suffix(".sql").unwrap_or(&name).contains('.')
}

/// The user's own reports by name, each with the report or with what is wrong with it.
pub type OwnReports = Vec<(String, Result<Report>)>;

/// Returns the user's own reports by name, from these folders; the first folder with a file of some name takes
/// precedence. A file that is invalid is listed with its error, so that the others still run.
pub fn own(folders: &[PathBuf]) -> Result<OwnReports> {
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io(format!("could not read the folder {}", folder.display()), &e)),
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".sql") && !name.starts_with('.') {
                files.entry(name).or_insert(entry.path());
            }
        }
    }
    let parsed = files
        .into_values()
        .map(|path| {
            let shown = path.display().to_string();
            let parsed = std::fs::read_to_string(&path)
                .map_err(|e| match e.kind() {
                    std::io::ErrorKind::InvalidData => {
                        Error::data(format!("{shown}:1: the file is not UTF-8"))
                    }
                    _ => Error::io(format!("could not read {shown}"), &e),
                })
                .and_then(|content| parse_file(&shown, &content));
            (shown, parsed)
        })
        .collect();
    Ok(assemble(parsed, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "-- Shows one.\n--\n-- since = 10\n-- columns = [\"a int4\", \"b_bytes int8\"]\n-- [[param]]\n-- name = \"n\"\n-- type = \"int8\"\n-- help = \"how many\"\nSELECT 1 AS a, $1 AS b_bytes;\n";

    #[test]
    fn every_built_in_report_has_a_header_that_parses() {
        let reports = built_in(|_| true).unwrap();
        assert!(reports.iter().any(|report| report.name == "relations"), "{reports:?}");
        let of_doctor = of_doctor().unwrap();
        for text in reports.iter().chain(&of_doctor).flat_map(|report| &report.texts) {
            assert!(!text.sql.contains("-- include "), "{}", text.file);
        }
    }

    #[test]
    fn every_part_stands_in_several_files() {
        for part in PARTS.files() {
            let name = part.path().file_stem().unwrap().to_str().unwrap();
            let line = format!("-- include {name}");
            let files = BUILT_IN.dirs().chain(DOCTOR.dirs()).flat_map(Dir::files).chain(PARTS.files());
            let files = files.map(|file| file.contents_utf8().unwrap());
            assert!(files.filter(|text| text.lines().any(|l| l == line)).count() > 1, "{name}");
        }
        assert!(with_parts("x.sql", "SELECT 1\n-- include nothing").is_err());
    }

    #[test]
    fn the_most_specific_text_comes_first_and_a_flags_text_is_the_last_way_out() {
        let text = |file: &str, since, when: Option<&str>, flag: Option<&str>| {
            (
                file.to_owned(),
                parse_file(file, GOOD).map(|(r, t)| {
                    let is_fallback = flag.is_some();
                    (
                        r,
                        Text {
                            since,
                            when: when.map(Into::into),
                            flag: flag.map(Into::into),
                            is_fallback,
                            ..t
                        },
                    )
                }),
            )
        };
        let reports = assemble(
            vec![
                text("r.sql", 10, None, None),
                text("r.estimate.sql", 10, None, Some("estimate")),
                text("r.scan.sql", 10, Some("true"), None),
                text("r.pg17.sql", 17, None, None),
            ],
            false,
        );
        let report = reports[0].1.as_ref().unwrap();
        let files = |major, estimate: bool| -> Vec<&str> {
            report.candidates(major, |_| estimate).iter().map(|t| t.file.as_str()).collect()
        };
        assert_eq!(files(15, false), ["r.scan.sql", "r.sql", "r.estimate.sql"]);
        assert_eq!(files(17, false), ["r.scan.sql", "r.pg17.sql", "r.estimate.sql"]);
        assert_eq!(files(17, true), ["r.estimate.sql"]);
    }
}

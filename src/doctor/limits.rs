//! The user's limits, which are read from `doctor.toml`.
//!
//! ```toml
//! [[limit]]
//! check    = "sequence-near-end"
//! database = "shop_*"
//! object   = "public.*"
//! warning  = 60
//!
//! [[limit]]
//! check  = "fsync-off"
//! ignore = "a server for tests"
//! until  = "2027-06-30"
//! ```

use std::path::{Path, PathBuf};

use glob::Pattern;
use jiff::civil::Date;
use serde::Deserialize;

use super::unlooked::{ALL, named as unlooked};
use crate::conditions::{Conditions, Texts, parse_number};
use crate::error::{Error, Result};
use crate::likeness::nearest;
use crate::report::{Check, Report};

/// The file as it stands in TOML.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "limit")]
    limits: Vec<Written>,
}

/// A limit as it stands in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    check: toml::Spanned<String>,
    database: Option<String>,
    object: Option<String>,
    critical: Option<Bound>,
    warning: Option<Bound>,
    note: Option<Bound>,
    ignore: Option<String>,
    until: Option<String>,
}

/// The new limit of a severity: a number that the check's value is compared with, or the user's own conditions.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Bound {
    Number(f64),
    /// `false` turns the severity off.
    Off(bool),
    Texts(Texts),
}

/// The user's limits.
#[derive(Debug, Default)]
pub struct Limits {
    limits: Vec<Limit>,
    /// Messages about checks that are no longer ignored, because the date in `until` has passed.
    pub over: Vec<String>,
}

/// The user's limits for some of the findings of a check.
#[derive(Debug, Default)]
pub struct Limit {
    check: String,
    /// The name of the report that the check belongs to; empty for a finding that does not come from a check.
    report: String,
    database: Option<Pattern>,
    object: Option<Pattern>,
    pub critical: Option<Conditions>,
    pub warning: Option<Conditions>,
    pub note: Option<Conditions>,
    /// Why the findings are ignored; `None` if they are not.
    pub ignore: Option<String>,
}

impl Limits {
    /// Reads the limits from a file. Findings whose `until` is before `today` are no longer ignored.
    ///
    /// Errors: the file cannot be read (74), or is invalid (65); the message has the line.
    pub fn read(path: &Path, reports: &[&Report], today: Date) -> Result<Limits> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => Error::data(format!("{name} is not UTF-8")),
            _ => Error::io(format!("could not read {name}"), &e),
        })?;
        Limits::parse(&name, &text, reports, today)
    }

    fn parse(name: &str, text: &str, reports: &[&Report], today: Date) -> Result<Limits> {
        let line = |at: usize| 1 + text[..at.min(text.len())].matches('\n').count();
        let file: File = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| line(span.start));
            Error::data(format!("{name}:{line}: {}", e.message().replace("untagged enum Bound", "limit")))
                .hint("the keys are check, database, object, critical, warning, note, ignore and until: pgkit man doctor")
        })?;
        let mut limits = Limits::default();
        for written in &file.limits {
            let line = line(written.check.span().start);
            let at = |why: String| Error::data(format!("{name}:{line}: {why}"));
            limits.add(written, reports, today).map_err(at)?;
        }
        Ok(limits)
    }

    /// Adds a limit. The error is a message that says what is wrong with it.
    fn add(
        &mut self,
        written: &Written,
        reports: &[&Report],
        today: Date,
    ) -> std::result::Result<(), String> {
        let check = written.check.get_ref();
        let all = reports.iter().flat_map(|report| report.checks.iter().map(move |one| (*report, one)));
        let found: Vec<(&Report, &Check)> = all.clone().filter(|(_, one)| one.name == *check).collect();
        let unlooked = unlooked(check);
        if found.is_empty() && unlooked.is_none() {
            let names = all.map(|(_, one)| one.name.as_str()).chain(ALL.iter().map(|one| one.name));
            let like = nearest(check, names, 0.7);
            let hint = like.map(|like| format!("; did you mean {like:?}?")).unwrap_or_default();
            return Err(format!("unknown check {check:?}{hint}"));
        }
        let pattern = |key: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => {
                Pattern::new(text).map(Some).map_err(|e| format!("{key}: invalid pattern {text:?}: {e}"))
            }
        };
        let until = match written.until.as_ref().map(|text| (text, text.parse::<Date>())) {
            None => None,
            Some((_, Ok(date))) => Some(date),
            Some((text, Err(_))) => {
                return Err(format!("until: invalid date {text:?}: must be written as 2027-06-30"));
            }
        };
        let has_bound = written.critical.is_some() || written.warning.is_some() || written.note.is_some();
        match &written.ignore {
            Some(reason) if reason.trim().is_empty() => return Err("ignore: the reason is empty".to_owned()),
            Some(_) if has_bound => return Err("ignore cannot be used with other limits".to_owned()),
            None if until.is_some() => return Err("until can only be used with ignore".to_owned()),
            None if !has_bound => return Err(format!("the limit of {check} changes nothing")),
            _ => {}
        }
        if let Some(unlooked) = unlooked {
            if has_bound {
                return Err(format!("{check} has no limits: it can only be ignored"));
            }
            if !unlooked.is_ignorable {
                return Err(format!("{check} cannot be ignored: {}", unlooked.ignore));
            }
        }
        if let Some(until) = until.filter(|until| *until < today) {
            let reason = written.ignore.as_deref().unwrap_or_default();
            self.over.push(format!("{check} is no longer ignored ({reason}); that ended on {until}"));
            return Ok(());
        }
        if unlooked.is_some() {
            self.limits.push(Limit {
                check: check.clone(),
                database: pattern("database", &written.database)?,
                object: pattern("object", &written.object)?,
                ignore: written.ignore.clone(),
                ..Limit::default()
            });
        }
        for (report, one) in found {
            let bound = |key: &str, bound: &Option<Bound>, usual: &Conditions| {
                bound
                    .as_ref()
                    .map(|bound| bound.conditions(report, one, usual))
                    .transpose()
                    .map_err(|why| format!("{key}: {why}"))
            };
            self.limits.push(Limit {
                check: check.clone(),
                report: report.name.clone(),
                database: pattern("database", &written.database)?,
                object: pattern("object", &written.object)?,
                critical: bound("critical", &written.critical, &one.critical)?,
                warning: bound("warning", &written.warning, &one.warning)?,
                note: bound("note", &written.note, &one.note)?,
                ignore: written.ignore.clone(),
            });
        }
        Ok(())
    }

    /// Returns the last limit in the file that matches a finding of a report's check; `None` if no limit matches.
    pub fn of(&self, report: &str, check: &str, database: Option<&str>, object: &str) -> Option<&Limit> {
        let matches =
            |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|p| p.matches(text));
        self.limits.iter().rev().find(|limit| {
            limit.check == check
                && limit.report == report
                && matches(&limit.database, database.unwrap_or_default())
                && matches(&limit.object, object)
        })
    }

    /// Returns whether the file has a limit for this check.
    pub fn concern(&self, check: &str) -> bool {
        self.limits.iter().any(|limit| limit.check == check)
    }
}

impl Bound {
    fn conditions(
        &self,
        report: &Report,
        check: &Check,
        usual: &Conditions,
    ) -> std::result::Result<Conditions, String> {
        let columns = || report.columns.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
        let number = match self {
            Bound::Off(false) => return Ok(Conditions::default()),
            Bound::Off(true) => return Err("expected a limit, or false to turn the severity off".to_owned()),
            Bound::Number(number) if !number.is_finite() => return Err(format!("invalid number {number}")),
            Bound::Number(number) => *number,
            Bound::Texts(texts) => match (texts.list(), check.value) {
                ([text], Some(value)) if !text.contains(' ') => {
                    parse_number(text, &report.columns[value].name)?
                }
                (list, _) => {
                    let conditions = Conditions::parse(list, &report.columns);
                    return conditions.map_err(|why| format!("{why}; the columns are {}", columns()));
                }
            },
        };
        let value = check.value.ok_or_else(|| {
            format!(
                "{} has no value to compare with a number: write a condition on {}",
                check.name,
                columns()
            )
        })?;
        if check.least.is_some_and(|least| number < least) {
            return Err(format!("{} has no rows below {}", check.name, check.least.unwrap_or_default()));
        }
        usual
            .with_limit(value, number)
            // The severity has no condition of its own, so it takes that of another severity, with the new number.
            .or_else(|| {
                [&check.warning, &check.critical, &check.note]
                    .iter()
                    .find_map(|other| other.with_limit(value, number))
            })
            .ok_or_else(|| format!("{} has no limit for {}", check.name, report.columns[value].name))
    }
}

/// Returns the path of `doctor.toml` in the configuration folder `folder`.
pub fn path(folder: &Path) -> PathBuf {
    folder.join("doctor.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Limits> {
        let reports = crate::report::built_in(|_| true).unwrap();
        let of_doctor = crate::report::of_doctor().unwrap();
        let all: Vec<&Report> = reports.iter().chain(&of_doctor).collect();
        Limits::parse("doctor.toml", text, &all, "2026-12-01".parse().unwrap())
    }

    #[test]
    fn a_limit_is_for_the_findings_whose_names_match_and_the_last_one_wins() {
        let limits = read(
            "[[limit]]\ncheck = \"invalid-database\"\nwarning = 5\n\n[[limit]]\ncheck = \"invalid-database\"\nobject = \"shop_*\"\nignore = \"later\"\n",
        )
        .unwrap();
        let report = limits.limits[0].report.clone();
        let of =
            |object: &str| limits.of(&report, "invalid-database", None, object).unwrap().ignore.as_deref();
        assert_eq!((of("shop_1"), of("other")), (Some("later"), None));
    }

    #[test]
    fn a_file_that_is_wrong_is_refused_with_its_line_and_an_end_ends() {
        for (text, why) in [
            (
                "[[limit]]\ncheck = \"invalid-datbase\"\nwarning = 5",
                "doctor.toml:2: unknown check \"invalid-datbase\"; did you mean \"invalid-database\"?",
            ),
            (
                "\n[[limit]]\ncheck = \"invalid-database\"\n",
                "doctor.toml:3: the limit of invalid-database changes nothing",
            ),
            (
                "[[limit]]\ncheck = \"invalid-database\"\nwarming = 5",
                "doctor.toml:3: unknown field `warming`",
            ),
            ("[[limit]]\ncheck = \"invalid-database\"\nignore = \"\"", "the reason is empty"),
            (
                "[[limit]]\ncheck = \"invalid-database\"\nignore = \"a\"\nuntil = \"soon\"",
                "invalid date \"soon\"",
            ),
            (
                "[[limit]]\ncheck = \"invalid-database\"\nwarning = 5\nuntil = \"2027-01-01\"",
                "until can only be used with ignore",
            ),
            (
                "[[limit]]\ncheck = \"invalid-database\"\nwarning = \"szies > 5\"",
                "warning: invalid condition",
            ),
            ("[[limit]]\ncheck = \"invalid-database\"\nwarning = true", "expected a limit, or false"),
        ] {
            let fault = read(text).unwrap_err().message;
            assert!(fault.contains(why), "{fault}");
        }
        let over =
            read("[[limit]]\ncheck = \"invalid-database\"\nignore = \"a\"\nuntil = \"2026-11-30\"").unwrap();
        assert!(over.limits.is_empty() && over.over[0].contains("ended on 2026-11-30"));
        assert_eq!(
            read("[[limit]]\ncheck = \"invalid-database\"\nignore = \"a\"\nuntil = \"2026-12-01\"")
                .unwrap()
                .limits
                .len(),
            1
        );
    }
}

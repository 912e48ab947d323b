//! Judges the answers of a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::finding::{Finding, Severity};
use super::limits::{Limit, Limits};
use super::rows::{EarlierRows, Places, key};
use super::verdict::sort;
use crate::conditions::{Conditions, Earlier, Looked, Value};
use crate::error::Result;
use crate::report::{Check, Report, Scope, for_people};
use crate::rows::cell::Cell;
use crate::rows::plain::plain;
use crate::snapshot::{CLOSED, Found, Refusal, Snapshot, counters_go_on};
use crate::sql::{self, Reach};

/// The check of a database that could not be entered.
pub const DATABASE: &str = "database-unseen";

/// What is judged, and how.
pub struct Question<'a> {
    /// The reports that have checks.
    pub reports: &'a [&'a Report],
    /// Whether a check is wanted.
    pub is_wanted: &'a dyn Fn(&Check) -> bool,
    pub limits: &'a Limits,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// How many findings are ignored, by check and reason.
    pub ignored: BTreeMap<(String, String), usize>,
    /// The checks that were looked at, at least in part.
    pub looked: BTreeSet<String>,
    /// The checks that need an earlier answer, or samples, and have none.
    pub not_judged: BTreeSet<String>,
    /// Why counters could not be compared.
    pub remarks: BTreeSet<String>,
}

/// Judges the last of these snapshots of one server, which are in the order of their times. All of them are samples. Rates
/// compare with the first one, or with `against`.
///
/// Errors: a snapshot cannot be read (74), or is damaged (65).
pub fn diagnose(
    snapshots: &[Snapshot],
    question: &Question<'_>,
    against: Option<&Snapshot>,
) -> Result<Diagnosis> {
    let Some((last, before)) = snapshots.split_last() else { return Ok(Diagnosis::default()) };
    let compared: Vec<&Report> = question
        .reports
        .iter()
        .copied()
        .filter(|report| report.checks.iter().any(|check| !check.is_about_one_moment()))
        .collect();
    let earlier = match against.or(before.first()) {
        Some(first) => Some((first, EarlierRows::read(first, &compared)?)),
        None => None,
    };
    let mut diagnosis = Diagnosis::default();
    let mut seen = Samples::default();
    for sample in before {
        Judge {
            snapshot: sample,
            earlier: None,
            is_sample: true,
            question,
            diagnosis: &mut diagnosis,
            samples: &mut seen,
        }
        .rows()?;
    }
    let mut judge = Judge {
        snapshot: last,
        earlier,
        is_sample: false,
        question,
        diagnosis: &mut diagnosis,
        samples: &mut seen,
    };
    judge.rows()?;
    judge.refused();
    seen.finish(snapshots.len(), &mut diagnosis);
    sort(&mut diagnosis.findings);
    collapse(&mut diagnosis.findings);
    Ok(diagnosis)
}

/// How many objects of one check and database are named that could not be looked at.
const UNSEEN: usize = 3;

/// Replaces what could not be looked at of one check in one database by one finding, where it is much.
fn collapse(findings: &mut Vec<Finding>) {
    let of = |finding: &Finding| (finding.check.clone(), finding.database.clone());
    let mut numbers: HashMap<(String, Option<String>), usize> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.severity == Severity::Unseen) {
        *numbers.entry(of(finding)).or_default() += 1;
    }
    let mut told: BTreeSet<(String, Option<String>)> = BTreeSet::new();
    findings.retain_mut(|finding| {
        let number = numbers.get(&of(finding)).copied().unwrap_or_default();
        if finding.severity != Severity::Unseen || number <= UNSEEN {
            return true;
        }
        let first = std::mem::take(&mut finding.object);
        let says = std::mem::take(&mut finding.finding);
        finding.finding = format!("{number} objects could not be looked at; of {first}: {says}");
        (finding.value, finding.value_shown, finding.number) = (None, None, None);
        told.insert(of(finding))
    });
}

/// The findings of several samples.
#[derive(Default)]
struct Samples {
    /// For each check, database and object: in how many samples it was found, and the last finding.
    found: HashMap<(String, Option<String>, String), (u32, Finding)>,
    /// For each check, in how many samples it must be found.
    wanted: BTreeMap<String, u32>,
}

impl Samples {
    fn finish(self, samples: usize, diagnosis: &mut Diagnosis) {
        let is_short = |wanted: &u32| (*wanted as usize) > samples;
        let short = self.wanted.iter().filter(|(_, wanted)| is_short(wanted)).map(|(check, _)| check.clone());
        diagnosis.not_judged.extend(short);
        for ((check, ..), (times, finding)) in self.found {
            if self.wanted.get(&check).is_some_and(|wanted| times >= *wanted) {
                diagnosis.findings.push(finding);
            }
        }
    }
}

/// Judges one snapshot.
struct Judge<'a> {
    snapshot: &'a Snapshot,
    earlier: Option<(&'a Snapshot, EarlierRows)>,
    /// Whether only what is counted over several samples is judged.
    is_sample: bool,
    question: &'a Question<'a>,
    diagnosis: &'a mut Diagnosis,
    samples: &'a mut Samples,
}

impl<'a> Judge<'a> {
    fn report_of(&self, found: &Found) -> Option<&'a Report> {
        let is_of = |report: &&&Report| report.name == found.part.report && report.own == found.part.own;
        self.question.reports.iter().find(is_of).copied().filter(|_| found.part.flags.is_empty())
    }

    fn wanted(&self, report: &'a Report) -> impl Iterator<Item = &'a Check> {
        let is_wanted = self.question.is_wanted;
        report.checks.iter().filter(move |check| is_wanted(check))
    }

    /// Judges all rows.
    fn rows(&mut self) -> Result<()> {
        let mut places: HashMap<(String, Option<String>), (Places, Option<String>)> = HashMap::new();
        let snapshot = self.snapshot;
        for found in &snapshot.parts {
            if let Some(report) = self.report_of(found) {
                let of = (report.name.clone(), found.part.database.clone());
                places.insert(of, (Places::new(report, found)?, self.counters(found)));
                self.answered(report, found);
            }
        }
        let reports = self.question.reports;
        let is_of = |found: &Found| {
            let is_of = |report: &&&Report| report.name == found.part.report && report.own == found.part.own;
            found.part.flags.is_empty() && reports.iter().any(|report| is_of(&report))
        };
        snapshot.all(&is_of, &mut |found, raw| {
            let Some(report) = self.report_of(found) else { return Ok(()) };
            match places.get(&(report.name.clone(), found.part.database.clone())) {
                Some((places, counts)) => self.row(report, found, places, counts.is_none(), raw),
                None => Ok(()),
            }
        })
    }

    /// Returns why the counters of an answer do not go on from the earlier ones; `None` if they do.
    fn counters(&mut self, found: &Found) -> Option<String> {
        let (earlier, _) = self.earlier.as_ref()?;
        let database = found.part.database.as_deref();
        let why = counters_go_on(&earlier.header, &self.snapshot.header, database).err()?;
        self.diagnosis.remarks.insert(format!("rates are not judged: {why}"));
        Some(why)
    }

    /// Notes that an answer is there, and what it does not show.
    fn answered(&mut self, report: &'a Report, found: &Found) {
        let checks: Vec<&Check> = self.wanted(report).collect();
        for check in checks {
            if let Some(wanted) = check.samples {
                self.samples.wanted.insert(check.name.clone(), wanted);
            } else if self.is_sample {
                continue;
            }
            if check.needs_earlier() && self.earlier.is_none() {
                self.diagnosis.not_judged.insert(check.name.clone());
                continue;
            }
            self.diagnosis.looked.insert(check.name.clone());
            for says in &found.hidden {
                let database = found.part.database.as_deref();
                self.push(report, Finding::unseen(&check.name, worst(check), database, says.clone()));
            }
        }
    }

    /// Adds a finding, unless the user's limits ignore it.
    fn push(&mut self, report: &Report, finding: Finding) {
        let (database, object) = (finding.database.as_deref(), finding.object.as_str());
        let limit = self.question.limits.of(&report.name, &finding.check, database, object);
        match limit.and_then(|limit| limit.ignore.clone()) {
            Some(reason) => *self.diagnosis.ignored.entry((finding.check, reason)).or_default() += 1,
            // Several tables of a header may say the same.
            None if self.diagnosis.findings.contains(&finding) => {}
            None => self.diagnosis.findings.push(finding),
        }
    }

    fn row(
        &mut self,
        report: &'a Report,
        found: &Found,
        places: &Places,
        counts: bool,
        raw: &[Option<&[u8]>],
    ) -> Result<()> {
        let cells = places.cells(raw)?;
        let is_judged = |check: &&Check| check.samples.is_some() || !self.is_sample;
        let checks: Vec<&Check> = self.wanted(report).filter(is_judged).collect();
        let database = found.part.database.as_ref();
        let findings = match &self.earlier {
            Some((snapshot, rows)) if checks.iter().any(|check| !check.is_about_one_moment()) => {
                let between = self.snapshot.header.taken.duration_since(snapshot.header.taken);
                let seconds = between.as_secs_f64();
                rows.with(report, database, &key(report, &cells), |before| {
                    let earlier = before.map(|cells| Earlier { cells, seconds, counts });
                    self.findings(report, &checks, database, &Looked { cells: &cells, earlier })
                })?
            }
            _ => self.findings(report, &checks, database, &Looked { cells: &cells, earlier: None }),
        };
        for (check, finding) in findings {
            if check.samples.is_some() {
                let about = (check.name.clone(), finding.database.clone(), finding.object.clone());
                let times = self.samples.found.get(&about).map_or(0, |(times, _)| *times);
                self.samples.found.insert(about, (times + 1, finding));
            } else {
                self.push(report, finding);
            }
        }
        Ok(())
    }

    fn findings<'c>(
        &self,
        report: &Report,
        checks: &[&'c Check],
        database: Option<&String>,
        row: &Looked<'_>,
    ) -> Vec<(&'c Check, Finding)> {
        let judge = |check: &&'c Check| {
            let finding = self.finding(report, check, database, row)?;
            Some((*check, finding))
        };
        checks.iter().filter_map(judge).collect()
    }

    /// Judges a row by one check.
    fn finding(
        &self,
        report: &Report,
        check: &Check,
        database: Option<&String>,
        row: &Looked<'_>,
    ) -> Option<Finding> {
        if check.only.as_ref().is_some_and(|only| only.hold(row) != Some(true)) {
            return None;
        }
        let object = check.object.fill(row);
        let database = match check.database.and_then(|at| row.cells.get(at)) {
            Some(Cell::Null) | None => database.cloned(),
            Some(cell) => Some(plain(cell).into_owned()),
        };
        let limits = self.question.limits;
        let limit = limits
            .concern(&check.name)
            .then(|| limits.of(&report.name, &check.name, database.as_deref(), &object))
            .flatten();
        let of = |other: fn(&Limit) -> &Option<Conditions>, usual: &'_ Conditions| -> Conditions {
            limit.and_then(|limit| other(limit).clone()).unwrap_or_else(|| usual.clone())
        };
        let levels = [
            (Severity::Critical, of(|limit| &limit.critical, &check.critical)),
            (Severity::Warning, of(|limit| &limit.warning, &check.warning)),
            (Severity::Note, of(|limit| &limit.note, &check.note)),
        ];
        let mut unseen = Finding {
            object,
            ..Finding::unseen(&check.name, worst(check), database.as_deref(), String::new())
        };
        let column = check.value.map(|at| (at, report.columns[at].name.as_str()));
        if let Some((at, name)) = column
            && let Some(cell) = row.cells.get(at).filter(|cell| **cell != Cell::Null)
        {
            (unseen.value, unseen.value_shown, unseen.number) =
                (Some(plain(cell).into_owned()), Some(for_people(name, cell)), cell.as_float());
        }
        unseen.proof = check.proof.as_ref().map(|proof| proof.fill(row));
        if check.unseen.hold(row) == Some(true) {
            return Some(Finding { finding: check.unseen_because.fill(row), ..unseen });
        }
        let mut is_known = true;
        for (severity, conditions) in &levels {
            match conditions.hold(row) {
                Some(true) => {
                    let (limit, limit_shown) = shown_limit(column, conditions, row);
                    let number = |conditions: &Conditions| match column
                        .and_then(|(at, _)| conditions.limit(at, row))
                    {
                        Some(Value::Number(number)) => Some(number),
                        _ => None,
                    };
                    return Some(Finding {
                        severity: *severity,
                        worst: *severity,
                        limit,
                        limit_shown,
                        limits: (number(&levels[1].1), number(&levels[0].1)),
                        finding: check.finding.fill(row),
                        remedy: check
                            .remedy
                            .as_ref()
                            // As it can be pasted: a name in it may have characters that a terminal acts on.
                            .map(|remedy| sql::harmless_line(&remedy.fill(row), Reach::Unicode).into_owned())
                            .filter(|text| !text.is_empty()),
                        ..unseen
                    });
                }
                Some(false) => {}
                None => is_known &= *severity == Severity::Note,
            }
        }
        if is_known {
            return None;
        }
        let what = column.map_or("a value that it depends on", |(_, name)| name);
        Some(Finding { finding: format!("could not be judged, because {what} is not known"), ..unseen })
    }

    /// Turns answers that are missing into findings.
    fn refused(&mut self) {
        let refused: &'a [Refusal] = &self.snapshot.header.refused;
        for refusal in refused.iter().filter(|refusal| refusal.report.is_none()) {
            if refusal.expected {
                let name = refusal.database.as_deref().filter(|name| *name != "template0");
                if let Some(name) = name.filter(|_| refusal.why == CLOSED) {
                    self.diagnosis
                        .remarks
                        .insert(format!("not looked at: database {name:?}, which {CLOSED}"));
                }
                continue;
            }
            let database = refusal.database.as_deref();
            let why = format!("the database was not looked at: {}", refusal.why);
            self.diagnosis.findings.push(Finding::unseen(DATABASE, Severity::Critical, database, why));
        }
        for &report in self.question.reports {
            let of_report = || {
                refused
                    .iter()
                    .filter(|one| one.report.as_ref() == Some(&report.name) && one.own == report.own)
            };
            let has_part = self
                .snapshot
                .parts
                .iter()
                .any(|found| self.report_of(found).is_some_and(|other| std::ptr::eq(other, report)));
            // No database was entered, which is said for each of them.
            let is_without = report.scope == Scope::Database
                && !self.snapshot.parts.iter().any(|found| found.part.database.is_some())
                && refused.iter().any(|one| one.report.is_none());
            let checks: Vec<&Check> = self.wanted(report).collect();
            for check in checks {
                let unseen = |database: Option<&String>, why: &str| {
                    Finding::unseen(&check.name, worst(check), database.map(String::as_str), why.to_owned())
                };
                let missing = of_report().filter(|one| !one.expected && one.flags.is_empty());
                let of_refusal = |one: &Refusal| {
                    let finding = unseen(one.database.as_ref(), &one.why);
                    // Whatever was looked for, something worse was found, and the rest was not looked at.
                    let found = Finding {
                        severity: Severity::Critical,
                        worst: Severity::Critical,
                        ..finding.clone()
                    };
                    let rest = Finding {
                        finding: "what comes after the damage was not looked at".to_owned(),
                        ..finding.clone()
                    };
                    if one.damaged { vec![found, rest] } else { vec![finding] }
                };
                let mut findings: Vec<Finding> = missing.flat_map(of_refusal).collect();
                if !has_part && !is_without && of_report().next().is_none() {
                    findings.push(unseen(None, "the snapshot has no answer that this check judges"));
                }
                findings.into_iter().for_each(|finding| self.push(report, finding));
            }
        }
    }
}

/// Returns the limit that the value exceeds, for programs and for people.
fn shown_limit(
    column: Option<(usize, &str)>,
    conditions: &Conditions,
    row: &Looked<'_>,
) -> (Option<String>, Option<String>) {
    let Some((at, name)) = column else { return (None, None) };
    match conditions.limit(at, row) {
        Some(Value::Number(number)) => {
            let cell = if number.fract() == 0.0 && number.abs() < 9e15 {
                Cell::Int(number as i64)
            } else {
                Cell::Float(number)
            };
            (Some(plain(&cell).into_owned()), Some(for_people(name, &cell)))
        }
        Some(Value::Text(text)) => (Some(text.clone()), Some(text)),
        Some(Value::Bool(yes)) => (Some(yes.to_string()), Some(yes.to_string())),
        Some(Value::Null) | None => (None, None),
    }
}

/// Returns the worst severity that an unseen finding of a check counts as.
fn worst(check: &Check) -> Severity {
    if check.elsewhere {
        Severity::Note
    } else if !check.critical.is_empty() {
        Severity::Critical
    } else if !check.warning.is_empty() {
        Severity::Warning
    } else {
        Severity::Note
    }
}

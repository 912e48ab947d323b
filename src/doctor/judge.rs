//! Judges the answers of a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::finding::{Finding, Severity};
use super::limits::Limits;
use super::rows::{EarlierRows, Places, key};
use super::unlooked::DATABASE;
use super::verdict::sort;
use crate::conditions::{Conditions, Earlier, Looked, Value};
use crate::error::Result;
use crate::report::{Check, Optional, Report, Scope, for_people};
use crate::rows::cell::Cell;
use crate::rows::plain::plain;
use crate::snapshot::{CLOSED, Found, Refusal, Snapshot, counters_go_on};
use crate::sql::{self, Reach};

/// What is judged, and how.
pub struct Question<'a> {
    /// The reports that have checks.
    pub reports: &'a [&'a Report],
    /// Whether a check is wanted.
    pub is_wanted: &'a dyn Fn(&Check) -> bool,
    pub limits: &'a Limits,
    /// Completes the commands that show the rows.
    pub proof: &'a Proof<'a>,
}

/// Returns the whole command that shows the rows of a check. The arguments are the command in the check's header, the database with
/// the rows if they are in one, and the name of the check.
pub type Proof<'a> = dyn Fn(&str, Option<&str>, &str) -> String + 'a;

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
    pub uncompared: BTreeSet<String>,
    /// The databases that accept no connections, so that nobody can look at them.
    pub closed: BTreeSet<String>,
    /// How many findings of an earlier snapshot were not looked at again.
    pub left: usize,
}

impl Question<'_> {
    /// Returns whether the check of an earlier finding has an answer about the same database in this snapshot. A database
    /// that no longer exists has no faults.
    pub fn was_looked_at(&self, now: &Snapshot, earlier: &Finding) -> bool {
        let reports = self.reports.iter().filter(|report| {
            report.checks.iter().any(|check| check.name == earlier.check && (self.is_wanted)(check))
        });
        let reports: Vec<&&Report> = reports.collect();
        let is_of = |report: &Option<String>| reports.iter().any(|one| Some(&one.name) == report.as_ref());
        let is_refused = now.header.refused.iter().any(|refusal| {
            refusal.database == earlier.database && (refusal.report.is_none() || is_of(&refusal.report))
        });
        if reports.is_empty() {
            // Its check is not that of a report, but that a database could not be entered.
            return !is_refused && now.parts.iter().any(|found| found.part.database == earlier.database);
        }
        let is_answered = |report: &Report| now.parts.iter().any(|found| found.part.report == report.name);
        !is_refused && reports.iter().any(|report| is_answered(report))
    }
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
    let mut samples = Samples::default();
    for (number, sample) in before.iter().enumerate() {
        let (diagnosis, samples) = (&mut diagnosis, &mut samples);
        Judge { snapshot: sample, earlier: None, sample: Some(number), question, diagnosis, samples }
            .rows()?;
    }
    let mut judge = Judge {
        snapshot: last,
        earlier,
        sample: None,
        question,
        diagnosis: &mut diagnosis,
        samples: &mut samples,
    };
    judge.rows()?;
    judge.refused();
    samples.finish(snapshots.len(), question.limits, &mut diagnosis);
    sort(&mut diagnosis.findings);
    collapse(&mut diagnosis.findings);
    Ok(diagnosis)
}

impl Diagnosis {
    /// Adds a finding of a report's check, unless the user's limits ignore it.
    fn add(&mut self, limits: &Limits, report: &str, finding: Finding) {
        let limit = limits.of(report, &finding.check, finding.database.as_deref(), &finding.object);
        match limit.and_then(|limit| limit.ignore.clone()) {
            Some(reason) => *self.ignored.entry((finding.check, reason)).or_default() += 1,
            None => self.findings.push(finding),
        }
    }
}

/// Returns the report whose answer this is, if it is one of these and the answer is that without flags.
pub(super) fn report_of<'a>(reports: &[&'a Report], found: &Found) -> Option<&'a Report> {
    let is_of = |report: &&&Report| report.name == found.part.report && report.own == found.part.own;
    reports.iter().find(is_of).copied().filter(|_| found.part.flags.is_empty())
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

/// What a finding is about: the check, the database and the object.
type About = (String, Option<String>, String);

/// The findings of several samples.
#[derive(Default)]
struct Samples {
    found: HashMap<About, Sampled>,
    /// For each check, in how many samples it must be found.
    wanted: BTreeMap<String, u32>,
}

/// A finding of several samples.
struct Sampled {
    report: String,
    /// In how many samples it was found.
    times: u32,
    /// The last of these samples.
    sample: Option<usize>,
    /// The finding of that sample.
    finding: Finding,
}

impl Samples {
    /// Adds a finding of a sample. Several rows about the same object count once.
    fn add(&mut self, report: &str, sample: Option<usize>, finding: Finding) {
        let about = (finding.check.clone(), finding.database.clone(), finding.object.clone());
        let before = self.found.get(&about);
        let times = before.map_or(1, |found| found.times + u32::from(found.sample != sample));
        self.found.insert(about, Sampled { report: report.to_owned(), times, sample, finding });
    }

    /// Adds what was found in enough of the samples to the diagnosis.
    fn finish(self, samples: usize, limits: &Limits, diagnosis: &mut Diagnosis) {
        for (check, wanted) in &self.wanted {
            if *wanted as usize > samples {
                diagnosis.looked.remove(check);
                diagnosis.not_judged.insert(check.clone());
            }
        }
        for ((check, ..), found) in self.found {
            if self.wanted.get(&check).is_some_and(|wanted| found.times >= *wanted) {
                diagnosis.add(limits, &found.report, found.finding);
            }
        }
    }
}

/// Judges one snapshot.
struct Judge<'a> {
    snapshot: &'a Snapshot,
    earlier: Option<(&'a Snapshot, EarlierRows)>,
    /// The number of the sample, of which only what is counted over several samples is judged; `None` for the last one, which
    /// is judged as a whole.
    sample: Option<usize>,
    question: &'a Question<'a>,
    diagnosis: &'a mut Diagnosis,
    samples: &'a mut Samples,
}

impl<'a> Judge<'a> {
    fn report_of(&self, found: &Found) -> Option<&'a Report> {
        report_of(self.question.reports, found)
    }

    fn wanted(&self, report: &'a Report) -> impl Iterator<Item = &'a Check> {
        let is_wanted = self.question.is_wanted;
        report.checks.iter().filter(move |check| is_wanted(check))
    }

    /// Judges all rows.
    fn rows(&mut self) -> Result<()> {
        let mut places: HashMap<(String, Option<String>), (Places, bool)> = HashMap::new();
        let snapshot = self.snapshot;
        for found in &snapshot.parts {
            if let Some(report) = self.report_of(found) {
                let counts = self.counters_go_on(found);
                let of = (report.name.clone(), found.part.database.clone());
                places.insert(of, (Places::new(report, found)?, counts));
                self.answered(report, found, counts);
            }
        }
        let reports = self.question.reports;
        snapshot.all(&|found| report_of(reports, found).is_some(), &mut |found, raw| {
            let Some(report) = report_of(reports, found) else { return Ok(()) };
            match places.get(&(report.name.clone(), found.part.database.clone())) {
                Some((places, counts)) => self.row(report, found, places, *counts, raw),
                None => Ok(()),
            }
        })
    }

    /// Returns whether there is an earlier answer whose counters go on in this one. If there is one and they do not, adds a
    /// remark with the reason.
    fn counters_go_on(&mut self, found: &Found) -> bool {
        let Some((earlier, _)) = &self.earlier else { return false };
        let database = found.part.database.as_deref();
        let Err(why) = counters_go_on(&earlier.header, &self.snapshot.header, database) else { return true };
        self.diagnosis.uncompared.insert(why);
        false
    }

    /// Records that an answer is there, and what it does not show. `counts` says whether rates are known.
    fn answered(&mut self, report: &'a Report, found: &Found, counts: bool) {
        let checks: Vec<&Check> = self.wanted(report).collect();
        for check in checks {
            if let Some(wanted) = check.samples {
                self.samples.wanted.insert(check.name.clone(), wanted);
            } else if self.sample.is_some() {
                continue;
            }
            if check.needs_earlier() && !counts {
                self.diagnosis.not_judged.insert(check.name.clone());
                continue;
            }
            self.diagnosis.looked.insert(check.name.clone());
            for says in &found.hidden {
                let database = found.part.database.as_deref();
                let finding = Finding::unseen(&check.name, worst(check), database, says.clone());
                // Several tables of a header may be about the same check.
                if !self.diagnosis.findings.contains(&finding) {
                    self.push(report, finding);
                }
            }
        }
    }

    fn push(&mut self, report: &Report, finding: Finding) {
        self.diagnosis.add(self.question.limits, &report.name, finding);
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
        let is_judged = |check: &&Check| check.samples.is_some() || self.sample.is_none();
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
            match check.samples {
                Some(_) => self.samples.add(&report.name, self.sample, finding),
                None => self.push(report, finding),
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
        let of_part = database;
        // A row of which it is unknown whether the check is about it was not looked at.
        let is_about = check.only.as_ref().map_or(Some(true), |only| only.hold(row));
        if is_about == Some(false) {
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
        let critical = limit.and_then(|limit| limit.critical.as_ref()).unwrap_or(&check.critical);
        let warning = limit.and_then(|limit| limit.warning.as_ref()).unwrap_or(&check.warning);
        let note = limit.and_then(|limit| limit.note.as_ref()).unwrap_or(&check.note);
        let levels = [(Severity::Critical, critical), (Severity::Warning, warning), (Severity::Note, note)];
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
        unseen.proof = Some(match &check.proof {
            Some(proof) => {
                let command = proof.fill_command(row);
                // Unlike doctor, the command of a report looks into one database only.
                let database = of_part.map(String::as_str).filter(|_| !command.starts_with("pgkit doctor"));
                (self.question.proof)(&command, database, &check.name)
            }
            // Where no other command shows the rows, the check itself does.
            None => (self.question.proof)(&format!("pgkit doctor {}", check.name), None, &check.name),
        });
        if check.unseen.hold(row) == Some(true) {
            return Some(Finding { finding: check.unseen_because.fill(row), ..unseen });
        }
        let mut is_known = is_about.is_some();
        for (severity, conditions) in levels {
            match conditions.hold(row) {
                Some(true) if is_about == Some(true) => {
                    let (limit, limit_shown) = shown_limit(column, conditions, row);
                    let number = |conditions: &Conditions| match column
                        .and_then(|(at, _)| conditions.limit(at, row))
                    {
                        Some(Value::Number(number)) => Some(number),
                        _ => None,
                    };
                    return Some(Finding {
                        severity,
                        worst: severity,
                        limit,
                        limit_shown,
                        limits: (number(warning), number(critical)),
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
                Some(_) => {}
                None => is_known &= severity == Severity::Note,
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
                self.diagnosis.closed.extend(name.filter(|_| refusal.why == CLOSED).map(str::to_owned));
                continue;
            }
            let database = refusal.database.as_deref();
            let why = format!("the database was not looked at: {}", refusal.why);
            let finding = Finding::unseen(DATABASE.name, DATABASE.worst, database, why);
            self.diagnosis.add(self.question.limits, "", finding);
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
                // Without the extension that it needs, a check that was asked for has looked at nothing.
                let is_deep = check.optional == Some(Optional::Deep);
                let is_missed =
                    |one: &Refusal| !one.expected || (is_deep && one.why.starts_with("extension "));
                let missing = of_report().filter(|one| is_missed(one) && one.flags.is_empty());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_in_enough_samples_is_a_finding_and_rows_of_one_sample_count_once() {
        let finding = |object: &str| Finding {
            object: object.to_owned(),
            ..Finding::unseen("pile", Severity::Warning, None, String::new())
        };
        let diagnosis_of = |samples: usize| {
            let mut all = Samples::default();
            all.wanted.insert("pile".to_owned(), 3);
            for sample in [Some(0), Some(1), None] {
                all.add("doctor/locks/pile", sample, finding("often"));
            }
            for _ in 0..5 {
                all.add("doctor/locks/pile", Some(0), finding("once"));
            }
            let mut diagnosis = Diagnosis::default();
            diagnosis.looked.insert("pile".to_owned());
            all.finish(samples, &Limits::default(), &mut diagnosis);
            diagnosis
        };
        let found = diagnosis_of(5);
        assert_eq!(found.findings, [finding("often")]);
        assert!(found.looked.contains("pile") && found.not_judged.is_empty());
        let short = diagnosis_of(2);
        assert!(short.looked.is_empty() && short.not_judged.contains("pile"));
    }

    #[test]
    fn much_that_was_not_looked_at_in_one_database_is_one_finding() {
        let unseen = |i: usize| Finding {
            object: format!("t{i}"),
            ..Finding::unseen("keys", Severity::Warning, Some("shop"), "it is locked".to_owned())
        };
        let mut few: Vec<Finding> = (0..UNSEEN).map(unseen).collect();
        collapse(&mut few);
        assert_eq!(few.len(), UNSEEN);
        let mut many: Vec<Finding> = (0..100).map(unseen).collect();
        collapse(&mut many);
        assert_eq!(many.len(), 1);
        assert!(many[0].finding.starts_with("100 objects") && many[0].finding.contains("t0: it is locked"));
    }
}

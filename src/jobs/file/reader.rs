//! Reads the values in a jobs file, and collects faults.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::whole::Fault;
use crate::jobs::keys;
use crate::likeness::nearest;

pub(super) type Table<'i> = DeTable<'i>;
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// Reads one file.
pub(super) struct Reader {
    /// The file, if it is an included one.
    pub(super) file: Option<PathBuf>,
    /// How many jobs of each pool may run at once.
    pub(super) pools: BTreeMap<String, u32>,
    /// Where lines end, to find line numbers quickly: a file may have thousands of jobs.
    breaks: Vec<usize>,
    pub(super) faults: Vec<Fault>,
    /// Every job that has a name, even if something else is wrong with it.
    pub(super) stubs: Vec<Stub>,
    /// The job that is being read.
    pub(super) job: Option<String>,
    /// The positions of the values in `[defaults]`: a fault in one of them belongs to no job.
    pub(super) defaults: Vec<usize>,
}

/// The part of a job that is needed to check its relations to other jobs.
pub(super) struct Stub {
    pub(super) file: Option<PathBuf>,
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) depends_on: Vec<String>,
}

/// Returns the message for a key that is not known in this place.
pub(super) fn unknown_key(name: &str, known: &[&str], place: &str) -> String {
    let nearest = nearest(name, known.iter().copied(), 0.85);
    let hint = nearest.map(|k| format!("; did you mean {k:?}?")).unwrap_or_default();
    format!("unknown key {name:?} in {place}{hint}")
}

impl Reader {
    pub(super) fn new(text: &str, file: Option<PathBuf>) -> Reader {
        let breaks = text.match_indices('\n').map(|(at, _)| at).collect();
        Reader {
            file,
            pools: BTreeMap::new(),
            breaks,
            faults: Vec::new(),
            stubs: Vec::new(),
            job: None,
            defaults: Vec::new(),
        }
    }

    /// Parses the text.
    pub(super) fn root<'i>(&mut self, text: &'i str) -> Table<'i> {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let why = error.message().trim().to_owned();
            self.fault(at, why);
        }
        // After a syntax error, what is left would only lead to misleading faults.
        if self.faults.is_empty() { root.into_inner() } else { Table::new() }
    }

    pub(super) fn line(&self, at: usize) -> usize {
        1 + self.breaks.partition_point(|end| *end < at)
    }

    pub(super) fn fault(&mut self, at: usize, why: String) {
        let line = self.line(at);
        let job = self.job.clone().filter(|_| !self.defaults.contains(&at));
        self.faults.push(Fault { file: self.file.clone(), line, job, why, warning: false });
    }

    pub(super) fn check_keys(&mut self, table: &Table<'_>, known: &[&str], place: &str) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let why = unknown_key(name, known, place);
                self.fault(key.span().start, why);
            }
            let meant = keys::meant(name);
            if meant != name && known.contains(&meant) && table.keys().any(|other| other.get_ref() == meant) {
                let why = format!("both {name} and {meant}: they mean the same, so use only one of them");
                self.fault(key.span().start, why);
            }
        }
    }

    pub(super) fn text(&mut self, value: &Value<'_>, key: &str) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                self.fault(value.span().start, format!("{key} must be a string: put it in quotes"));
                None
            }
        }
    }

    /// Reads the name of a role or a user.
    pub(super) fn name(&mut self, value: &Value<'_>, key: &str) -> Option<String> {
        let name = self.text(value, key)?;
        if name.is_empty() || name.contains('\0') {
            self.fault(value.span().start, format!("{key}: must not be empty or contain a NUL byte"));
            return None;
        }
        Some(name)
    }

    pub(super) fn flag(&mut self, value: Option<&Value<'_>>, key: &str, default: bool) -> bool {
        match value.map(|v| (v, v.get_ref())) {
            None => default,
            Some((_, DeValue::Boolean(flag))) => *flag,
            Some((value, _)) => {
                self.fault(value.span().start, format!("{key} must be true or false"));
                default
            }
        }
    }

    /// Reads a number of this range, which `what` describes.
    pub(super) fn number<T: FromStr + PartialOrd>(
        &mut self,
        value: &Value<'_>,
        key: &str,
        range: RangeInclusive<T>,
        what: &str,
    ) -> Option<T> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok().filter(|n| range.contains(n)),
            _ => None,
        };
        if number.is_none() {
            self.fault(value.span().start, format!("{key} must be {what}"));
        }
        number
    }

    pub(super) fn words(&mut self, value: Option<&Value<'_>>, key: &str) -> Vec<String> {
        let Some(value) = value else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(list) => {
                let item_of = format!("an item of {key}");
                list.iter().filter_map(|item| self.text(item, &item_of)).collect()
            }
            _ => {
                self.fault(value.span().start, format!("{key} must be a list: [\"a\", \"b\"]"));
                Vec::new()
            }
        }
    }

    pub(super) fn choice<T: Copy + Default>(
        &mut self,
        value: Option<&Value<'_>>,
        key: &str,
        choices: &[(&str, T)],
    ) -> T {
        let Some(value) = value else { return T::default() };
        let Some(text) = self.text(value, key) else { return T::default() };
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => *choice,
            None => {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                self.fault(
                    value.span().start,
                    format!("{key}: invalid value {text:?}: must be one of {}", names.join(", ")),
                );
                T::default()
            }
        }
    }
}

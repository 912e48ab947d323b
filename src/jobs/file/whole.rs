//! Reads a jobs file as a whole: its tables, the files that it includes, and how its jobs relate to each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{Reader, Stub, Table, Value, unknown_key};
use crate::escape;
use crate::jobs::contain::Contain;
use crate::jobs::job::{Job, Notification, Work};
use crate::jobs::keys::{self, Place};
use crate::jobs::plan;

/// Something that is wrong in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, if it is an included one.
    pub file: Option<PathBuf>,
    /// The line, counted from 1.
    pub line: usize,
    /// The job, if the fault belongs to one.
    pub job: Option<String>,
    /// What is wrong.
    pub why: String,
    /// Whether it is only a warning, which does not keep the jobs from running.
    pub warning: bool,
}

/// The contents of a jobs file.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The jobs without faults, in the file's order.
    pub jobs: Vec<Job>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    /// The role that owns the tables, if it is neither the one that connects nor a superuser.
    pub owner: Option<String>,
    /// The user that programs run as if root runs pgkit.
    pub user: Option<String>,
    /// The patterns of the files that it includes.
    pub include: Vec<String>,
}

impl Parsed {
    /// Returns whether the file has programs that are to be contained where that is possible.
    pub fn has_contained(&self) -> bool {
        self.jobs.iter().any(|job| job.contain != Contain::None) && self.has_programs()
    }

    /// Returns whether any job, or any job's notification, starts a program.
    pub fn has_programs(&self) -> bool {
        let is_program = |tell: &Option<Notification>| matches!(tell, Some(Notification::Program { .. }));
        self.jobs.iter().any(|job| {
            matches!(job.work, Work::Program { .. })
                || is_program(&job.on_failure)
                || is_program(&job.on_recovery)
                || is_program(&job.on_overdue)
        })
    }
}

/// The files that match a pattern of `include`: each with its text, or the reason why it cannot be read.
pub type Included = Vec<Result<(PathBuf, String), String>>;

/// Two minimal jobs, one of each kind, with which `[defaults]` are checked.
const PLAIN: [&str; 2] =
    ["name = \"j\"\nevery = \"1h\"\nsql = \"SELECT 1\"", "name = \"j\"\nevery = \"1h\"\ncommand = \"true\""];

/// Parses a jobs file that includes no others.
#[cfg(test)]
pub fn parse(text: &str) -> Parsed {
    parse_all(text, &mut |_| Vec::new())
}

/// Parses a jobs file and the files that it includes. `read` returns what a pattern of `include` names.
pub fn parse_all(text: &str, read: &mut dyn FnMut(&str) -> Included) -> Parsed {
    let mut out = Parsed::default();
    let mut reader = Reader::new(text, None);
    let root = reader.root(text);
    reader.check_top(&root, &keys::names(&[Place::Top]), "a jobs file");
    out.owner = value_of(&root, "owner").and_then(|value| reader.name(value, "owner"));
    out.user = value_of(&root, "user").and_then(|value| reader.name(value, "user"));
    reader.pools = value_of(&root, "pools").map(|value| reader.pools(value)).unwrap_or_default();
    let include = value_of(&root, "include");
    out.include = include.map(|value| reader.include(value)).unwrap_or_default();
    let empty = Table::new();
    let (defaults, are_right) = reader.defaults(&root, &empty);
    out.jobs = reader.jobs(&root, &[defaults]);
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut order: Vec<PathBuf> = Vec::new();
    for found in out.include.iter().flat_map(|pattern| read(pattern)) {
        match found {
            // A file that two patterns name is read once.
            Ok((path, text)) => {
                if texts.insert(path.clone(), text).is_none() {
                    order.push(path);
                }
            }
            Err(why) => {
                let at = include.map_or(0, |value| value.span().start);
                reader.fault(at, format!("include: {why}"));
            }
        }
    }
    let Reader { mut faults, mut stubs, pools, .. } = reader;
    for path in order {
        let text = &texts[&path];
        let mut reader = Reader::new(text, Some(path));
        reader.pools.clone_from(&pools);
        let root = reader.root(text);
        reader.check_top(&root, &[], "an included file");
        let (own, _) = reader.defaults(&root, &empty);
        // Faults in the defaults of the main file have been reported there.
        let all: &[&Table<'_>] = if are_right { &[own, defaults] } else { &[own] };
        out.jobs.extend(reader.jobs(&root, all));
        faults.extend(reader.faults);
        stubs.extend(reader.stubs);
    }
    if faults.is_empty() && stubs.is_empty() {
        let why = "no jobs in the file: add [[job]] for each job".to_owned();
        faults.push(Fault { file: None, line: 1, job: None, why, warning: false });
    }
    check_names(&stubs, &mut faults);
    faults.sort_by(|a, b| (&a.file, a.line, &a.why).cmp(&(&b.file, b.line, &b.why)));
    faults.dedup();
    out.faults = faults;
    out
}

/// Returns the key `owner` of a jobs file: `Some(None)` if the file does not have it. Parses only the top of the file, which is
/// quick however many jobs there are. `None` if that part cannot be parsed; then only [`parse_all`] can tell.
pub fn owner(text: &str) -> Option<Option<String>> {
    // The keys at the top end where the first table begins. If this is in the middle of a value, it cannot be parsed.
    let lines = text.split_inclusive('\n').take_while(|line| !line.trim_start().starts_with('['));
    let top = DeTable::parse(&text[..lines.map(str::len).sum()]).ok()?;
    match value_of(top.get_ref(), "owner").map(Spanned::get_ref) {
        None => Some(None),
        Some(DeValue::String(owner)) => Some(Some(owner.to_string())),
        Some(_) => None,
    }
}

/// Returns the value of a key.
fn value_of<'t, 'i>(table: &'t Table<'i>, key: &str) -> Option<&'t Value<'i>> {
    table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
}

impl Reader {
    /// Reports what must not stand at the top of a file. Allowed are these keys, `[defaults]` and `[[job]]`.
    fn check_top(&mut self, root: &Table<'_>, known: &[&str], place: &str) {
        for (key, value) in root {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            match (name, value.get_ref()) {
                ("defaults", DeValue::Table(_)) | ("job", DeValue::Array(_)) => {}
                ("defaults" | "job", _) => {
                    self.fault(at, "expected [[job]] for each job, and [defaults]".into());
                }
                _ if known.contains(&name) => {}
                _ => {
                    let all: Vec<&str> = known.iter().copied().chain(["[defaults]", "[[job]]"]).collect();
                    let why = unknown_key(name, known, place);
                    self.fault(at, format!("{why}; expected one of {}", all.join(", ")));
                }
            }
        }
    }

    /// Returns `[defaults]`, or `empty` if there are none, and whether nothing is wrong with them. They are checked by
    /// themselves, because there may be no job that uses them.
    fn defaults<'t, 'i>(&mut self, root: &'t Table<'i>, empty: &'t Table<'i>) -> (&'t Table<'i>, bool) {
        let Some(DeValue::Table(table)) = value_of(root, "defaults").map(|value| value.get_ref()) else {
            return (empty, true);
        };
        let before = self.faults.len();
        self.check_keys(table, &keys::names(&[Place::Shared]), "[defaults]");
        self.defaults = table.values().map(|value| value.span().start).collect();
        let (kept, stubs) = (self.faults.len(), std::mem::take(&mut self.stubs));
        for plain in PLAIN {
            if let Ok(job) = DeTable::parse(plain) {
                self.job(0..0, job.get_ref(), &[table]);
            }
        }
        // Faults in the minimal jobs themselves are not reported: their positions are not positions in the file.
        let found = self.faults.split_off(kept);
        self.faults.extend(found.into_iter().filter(|fault| fault.job.is_none()));
        (self.stubs, self.job) = (stubs, None);
        (table, self.faults.len() == before)
    }

    /// Reads the jobs of a file. If several of the defaults have a key, the first one counts.
    fn jobs(&mut self, root: &Table<'_>, defaults: &[&Table<'_>]) -> Vec<Job> {
        let mut jobs = Vec::new();
        if let Some(DeValue::Array(list)) = value_of(root, "job").map(|value| value.get_ref()) {
            jobs.reserve(list.len());
            for item in list.iter() {
                if let DeValue::Table(table) = item.get_ref() {
                    jobs.extend(self.job(item.span(), table, defaults));
                } else {
                    self.fault(item.span().start, "expected [[job]] for each job".into());
                }
            }
        }
        self.job = None;
        jobs
    }

    /// Reads the key `include`: a pattern, or a list of them.
    fn include(&mut self, value: &Value<'_>) -> Vec<String> {
        match value.get_ref() {
            DeValue::String(pattern) => vec![pattern.to_string()],
            DeValue::Array(_) => self.words(Some(value), "include"),
            _ => {
                self.fault(value.span().start, "include must be a path in quotes, or a list of them".into());
                Vec::new()
            }
        }
    }

    /// Reads the key `pools`, which says how many jobs of each pool may run at once.
    fn pools(&mut self, value: &Value<'_>) -> BTreeMap<String, u32> {
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(value.span().start, "pools must be a table: { NAME = 2 }".into());
            return BTreeMap::new();
        };
        let read = |(name, value): (&Spanned<std::borrow::Cow<'_, str>>, &Value<'_>)| {
            let name = name.get_ref().to_string();
            Some((
                name.clone(),
                self.number(value, &format!("pools.{name}"), 1..=1000, "a whole number from 1 to 1000")?,
            ))
        };
        table.iter().filter_map(read).collect()
    }
}

/// Reports names that are used twice, parents that do not exist, and circles.
fn check_names(jobs: &[Stub], faults: &mut Vec<Fault>) {
    let mut by_name: BTreeMap<&str, &Stub> = BTreeMap::new();
    let mut fault = |job: &Stub, why: String, warning: bool| {
        let file = job.file.clone();
        faults.push(Fault { file, line: job.line, job: Some(job.name.clone()), why, warning });
    };
    for job in jobs {
        if let Some(first) = by_name.get(job.name.as_str()) {
            let place = match &first.file {
                file if *file == job.file => String::new(),
                Some(file) => format!(" of {}", file.display()),
                None => " of the file that includes this one".to_owned(),
            };
            fault(job, format!("duplicate name, first used in line {}{place}", first.line), false);
        } else {
            by_name.insert(&job.name, job);
        }
    }
    for job in jobs {
        for parent in job.depends_on.iter().filter(|p| !by_name.contains_key(p.as_str())) {
            let why = format!(
                "it depends on {parent:?}, which is not in this file: it waits until {parent:?} has a row in the table"
            );
            fault(job, why, true);
        }
    }
    // A job without parents is in no circle.
    let children = by_name.iter().filter(|(_, job)| !job.depends_on.is_empty());
    let mut parents: BTreeMap<&str, &[String]> =
        children.map(|(name, job)| (*name, job.depends_on.as_slice())).collect();
    while let Some(circle) = plan::circle(&parents) {
        let names: Vec<_> = circle.iter().map(|name| escape::terminal(name)).collect();
        let why = format!("circular dependency: {}", names.join(" -> "));
        fault(by_name[circle[0].as_str()], why, false);
        // There may be more circles among the other jobs.
        parents.retain(|name, _| !circle.iter().any(|one| one == name));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! Reads the jobs file: turns TOML into jobs, or reports every fault in it at once, each with its line and its
//! job.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::contain::Contain;
use super::job::{CatchUp, Job, Notification, OnCrash, Pool, Retry, Work};
use super::keys::{self, Place};
use super::plan;
use super::schedule::{self, At, Schedule, Unit};
use crate::escape;
use crate::likeness::nearest;

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
    /// The patterns of further files, each with its position in the text.
    pub include: Vec<(usize, String)>,
    /// The files that were included.
    pub files: Vec<PathBuf>,
}

impl Parsed {
    /// Returns whether any job, or any job's notification, starts a program that is to be contained if possible.
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
        })
    }
}

/// How long a command that notifies may take, unless the file says otherwise.
const HOOK_TIMEOUT: Duration = Duration::from_secs(60);

type Table<'i> = DeTable<'i>;
type Value<'i> = Spanned<DeValue<'i>>;

/// The files that a pattern of `include` names, each with its text; or why they cannot be read.
pub type Included = Result<Vec<(PathBuf, String)>, String>;

/// Reads the text of a jobs file that includes no others.
#[cfg(test)]
pub fn parse(text: &str) -> Parsed {
    parse_all(text, &mut |_| Ok(Vec::new()))
}

/// Reads the text of a jobs file, and of the files that it includes, which `read` finds.
pub fn parse_all(text: &str, read: &mut dyn FnMut(&str) -> Included) -> Parsed {
    let mut out = Parsed::default();
    let mut reader = Reader::new(text, None);
    let root = reader.root(text);
    let empty = Table::new();
    let mut defaults = &empty;
    // The defaults may name a pool.
    if let Some((_, value)) = root.iter().find(|(key, _)| key.get_ref().as_ref() == "pools") {
        reader.pools = reader.pools(value);
    }
    for (key, value) in &root {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("defaults", DeValue::Table(table)) => {
                reader.check_defaults(table);
                defaults = table;
            }
            ("job", DeValue::Array(_)) => {}
            ("owner", _) => out.owner = reader.name(value, "owner"),
            ("user", _) => out.user = reader.name(value, "user"),
            ("pools", _) => {}
            ("include", DeValue::Array(_)) => {
                for pattern in reader.words(Some(value), "include") {
                    out.include.push((value.span().start, pattern));
                }
            }
            ("include", _) => {
                out.include.extend(reader.text(value, "include").map(|text| (value.span().start, text)));
            }
            ("job" | "defaults", _) => {
                reader.fault(key.span().start, "expected [[job]] for each job, and [defaults]".into());
            }
            (other, _) => {
                let mut known = keys::names(&[Place::Top]);
                known.extend(["defaults", "job"]);
                let why = unknown_key(other, &known, "a jobs file");
                reader.fault(
                    key.span().start,
                    format!("{why}; expected {} or [[job]]", known[..known.len() - 1].join(", ")),
                );
            }
        }
    }
    out.jobs = reader.jobs(&root, &[defaults]);
    let has_wrong_defaults = reader.faults.iter().any(|fault| fault.job.is_none());
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    for (at, pattern) in &out.include {
        match read(pattern) {
            Ok(found) => {
                // A file that two patterns name is read once.
                let new = found.into_iter().filter(|(path, _)| !texts.iter().any(|(known, _)| known == path));
                let new: Vec<_> = new.collect();
                texts.extend(new);
            }
            Err(why) => reader.fault(*at, format!("include: {why}")),
        }
    }
    let Reader { mut faults, mut stubs, pools, .. } = reader;
    for (path, text) in &texts {
        let mut reader = Reader::new(text, Some(path.clone()));
        reader.pools.clone_from(&pools);
        let root = reader.root(text);
        let mut own = &empty;
        for (key, value) in &root {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("defaults", DeValue::Table(table)) => {
                    reader.check_defaults(table);
                    own = table;
                }
                ("job", DeValue::Array(_)) => {}
                (other, _) => {
                    let why =
                        format!("unknown key {other:?}; an included file has [defaults] and [[job]] alone");
                    reader.fault(key.span().start, why);
                }
            }
        }
        // What is wrong in the defaults of the other file is reported there.
        let all = if has_wrong_defaults { vec![own] } else { vec![own, defaults] };
        out.jobs.extend(reader.jobs(&root, &all));
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
    out.files = texts.into_iter().map(|(path, _)| path).collect();
    out
}

/// A job that has nothing of its own, to check defaults with.
const PLAIN: [&str; 2] =
    ["name = \"j\"\nevery = \"1h\"\nsql = \"SELECT 1\"", "name = \"j\"\nevery = \"1h\"\ncommand = \"true\""];

/// Returns the message for a key that is not known in this place.
fn unknown_key(name: &str, known: &[&str], place: &str) -> String {
    let nearest = nearest(name, known.iter().copied(), 0.85);
    let hint = nearest.map(|k| format!("; did you mean {k:?}?")).unwrap_or_default();
    format!("unknown key {name:?} in {place}{hint}")
}

struct Reader {
    /// The file, if it is an included one.
    file: Option<PathBuf>,
    /// How many jobs of each pool run at once.
    pools: BTreeMap<String, u32>,
    /// Where lines end, to find line numbers quickly: a file may have thousands of jobs.
    breaks: Vec<usize>,
    faults: Vec<Fault>,
    /// Every job that has a name, even if something else is wrong with it.
    stubs: Vec<Stub>,
    job: Option<String>,
    /// Where the values of `[defaults]` begin: a fault in one of them belongs to no job.
    defaults: Vec<usize>,
}

/// The part of a job that is needed to check its relations to other jobs.
struct Stub {
    file: Option<PathBuf>,
    name: String,
    line: usize,
    depends_on: Vec<String>,
}

impl Reader {
    fn new(text: &str, file: Option<PathBuf>) -> Reader {
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
    fn root<'i>(&mut self, text: &'i str) -> Table<'i> {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let why = error.message().trim().to_owned();
            self.fault(at, why);
        }
        // What is left of broken TOML would only cause faults that nobody has made.
        if self.faults.is_empty() { root.into_inner() } else { Table::new() }
    }

    /// Checks the defaults by themselves, because there may be no job that uses them.
    fn check_defaults(&mut self, table: &Table<'_>) {
        self.check_keys(table, &keys::names(&[Place::Shared]), "[defaults]");
        self.defaults = table.values().map(|value| value.span().start).collect();
        let (faults, stubs) = (std::mem::take(&mut self.faults), std::mem::take(&mut self.stubs));
        for plain in PLAIN {
            if let Ok(job) = DeTable::parse(plain) {
                // A plain job in place of a real one: its own positions mean nothing.
                self.job(0..0, job.get_ref(), &[table]);
            }
        }
        let found = std::mem::replace(&mut self.faults, faults);
        self.stubs = stubs;
        self.job = None;
        self.faults.extend(found.into_iter().filter(|fault| fault.job.is_none()));
    }

    /// Reads the jobs of a file. The first of the defaults that has a key counts.
    fn jobs(&mut self, root: &Table<'_>, defaults: &[&Table<'_>]) -> Vec<Job> {
        let list =
            root.iter().find(|(key, _)| key.get_ref().as_ref() == "job").map(|(_, value)| value.get_ref());
        let mut jobs = Vec::new();
        if let Some(DeValue::Array(list)) = list {
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

    /// Reads how many jobs of each pool run at once.
    fn pools(&mut self, value: &Value<'_>) -> BTreeMap<String, u32> {
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(value.span().start, "pools: must be { NAME = 2 }".into());
            return BTreeMap::new();
        };
        let mut pools = BTreeMap::new();
        for (name, value) in table {
            let name = name.get_ref().to_string();
            if let Some(limit) = self.number(value, &format!("pools.{name}")) {
                if limit > 1000 {
                    self.fault(value.span().start, format!("pools.{name}: must be at most 1000"));
                }
                pools.insert(name, limit);
            }
        }
        pools
    }

    fn line(&self, at: usize) -> usize {
        1 + self.breaks.partition_point(|end| *end < at)
    }

    fn fault(&mut self, at: usize, why: String) {
        let line = self.line(at);
        let job = self.job.clone().filter(|_| !self.defaults.contains(&at));
        self.faults.push(Fault { file: self.file.clone(), line, job, why, warning: false });
    }

    fn check_keys(&mut self, table: &Table<'_>, known: &[&str], place: &str) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let why = unknown_key(name, known, place);
                self.fault(key.span().start, why);
            }
        }
    }

    /// Reads one job; `None` if something in it is wrong, which has been reported as a fault.
    fn job(&mut self, span: Range<usize>, table: &Table<'_>, defaults: &[&Table<'_>]) -> Option<Job> {
        let before = self.faults.len();
        self.job = None;
        let find = |key: &str| {
            let own = table.iter().find(|(k, _)| k.get_ref().as_ref() == key);
            // A name, a schedule and the work itself cannot have a default.
            let default = || {
                let is_shared = keys::KEYS.iter().any(|one| one.name == key && one.place == Place::Shared);
                let mut all = defaults.iter().flat_map(|table| table.iter()).filter(|_| is_shared);
                all.find(|(k, _)| k.get_ref().as_ref() == key)
            };
            own.or_else(default).map(|(_, value)| value)
        };
        let name = match find("name") {
            Some(value) => self.text(value, "name"),
            None => {
                self.fault(span.start, "missing name of a job".into());
                None
            }
        };
        if let Some(name) = &name {
            self.job = Some(name.clone());
            if name.is_empty() || name.contains('\0') {
                self.fault(span.start, "name: must not be empty or contain a NUL byte".into());
            }
        }
        self.check_keys(table, &keys::names(&[Place::Job, Place::Shared]), "a job");
        let schedule = self.schedule(span.start, &find);
        let work = self.work(span.start, &find);
        let length = |reader: &mut Self, key: &str, default: Option<&str>| {
            let text = find(key).map(|value| (value.span().start, reader.text(value, key)));
            let (at, text) = match text {
                Some((at, text)) => (at, text?),
                None => (span.start, default?.to_owned()),
            };
            schedule::length(&text).map_err(|why| reader.fault(at, format!("{key}: {why}"))).ok()
        };
        let jitter = length(self, "jitter", None);
        let start_limit = length(self, "start_limit", None);
        let max_ongoing_age = length(self, "max_ongoing_age", Some("12h"));
        let lease = length(self, "lease", Some("10s"));
        let kill_after = length(self, "kill_after", Some("10s"));
        let timeout = length(self, "timeout", None);
        let keep_history = length(self, "keep_history", None);
        let max_age = length(self, "max_age", None);
        let max_duration = length(self, "max_duration", None);
        if let Some(value) = find("lease")
            && lease.is_some_and(|lease| lease < Duration::from_secs(3) || lease > Duration::from_secs(3600))
        {
            self.fault(value.span().start, "lease: must be between 3s and 1h".into());
        }
        let timezone = match find("timezone") {
            None => Some(TimeZone::UTC),
            Some(value) => self.text(value, "timezone").and_then(|text| match TimeZone::get(&text) {
                Ok(zone) => Some(zone),
                Err(_) => {
                    self.fault(
                        value.span().start,
                        format!("invalid time zone {text:?}: use a name such as Europe/Berlin"),
                    );
                    None
                }
            }),
        };
        let retry = find("retry_after").map_or(Some(Retry::default()), |value| self.retry(value));
        let retry_limit = find("retry_limit").and_then(|value| self.number(value, "retry_limit"));
        let priority = find("priority").and_then(|value| self.priority(value)).unwrap_or_default();
        let pool = find("pool").and_then(|value| {
            let name = self.name(value, "pool")?;
            let limit = self.pools.get(&name).copied();
            if limit.is_none() {
                let why = format!("pool: unknown pool {name:?}: add it to pools at the top of the file");
                self.fault(value.span().start, why);
            }
            Some(Pool { name, limit: limit? })
        });
        let depends_on = self.words(find("depends_on"), "depends_on");
        if let Some(name) = name.clone() {
            let line = self.line(span.start);
            self.stubs.push(Stub { file: self.file.clone(), name, line, depends_on: depends_on.clone() });
        }
        let backfill = self.flag(find("backfill"), "backfill", false);
        let catch_up = self.choice(
            find("catch_up"),
            "catch_up",
            &[("all", CatchUp::All), ("last", CatchUp::Last), ("none", CatchUp::None)],
        );
        let on_crash =
            self.choice(find("on_crash"), "on_crash", &[("retry", OnCrash::Retry), ("hold", OnCrash::Hold)]);
        let max_backfill = find("max_backfill").and_then(|value| self.number(value, "max_backfill"));
        let contain = self.choice(
            find("contain"),
            "contain",
            &[("auto", Contain::Auto), ("strict", Contain::Strict), ("none", Contain::None)],
        );
        // A key that requires another one is a fault in the job's own table, but may be a default that has no
        // effect here.
        let is_original = matches!(schedule, Some(Schedule::Original { .. }));
        let (is_sql, is_program) = (find("sql").is_some(), find("command").is_some());
        for (key, goes, with) in [
            ("catch_up", backfill, "backfill = true"),
            ("max_backfill", backfill, "backfill = true"),
            ("jitter", !is_original, "every or cron"),
            ("start_limit", !is_original, "every or cron"),
            ("start_limit", !backfill, "backfill = false"),
            ("transaction", is_sql || !is_program, "sql"),
            ("role", is_sql || !is_program, "sql"),
            ("environment", is_program || !is_sql, "command"),
            ("directory", is_program || !is_sql, "command"),
        ] {
            let own = table.iter().find(|(k, _)| k.get_ref().as_ref() == key);
            if let (Some((k, _)), false) = (own, goes) {
                self.fault(k.span().start, format!("{key} can only be used with {with}"));
            }
        }
        for (key, length, least) in [
            ("timeout", timeout, Duration::from_millis(1)),
            ("keep_history", keep_history, Duration::from_secs(1)),
            ("max_age", max_age, Duration::from_secs(1)),
            ("max_duration", max_duration, Duration::from_secs(1)),
            ("jitter", jitter, Duration::from_secs(1)),
            ("start_limit", start_limit, Duration::from_secs(1)),
            ("max_ongoing_age", max_ongoing_age, Duration::from_secs(4)),
        ] {
            if let (Some(value), true) = (find(key), length.is_some_and(|length| length < least)) {
                self.fault(value.span().start, format!("{key}: must be at least {least:?}"));
            }
        }
        let role = find("role").and_then(|value| self.name(value, "role")).filter(|_| is_sql);
        let pass_environment = self.words(find("pass_environment"), "pass_environment");
        let class = find("class").and_then(|value| self.text(value, "class"));
        let on_failure = self.tell(find("on_failure"), "on_failure");
        let on_recovery = self.tell(find("on_recovery"), "on_recovery");
        if self.faults.len() > before {
            return None;
        }
        Some(Job {
            name: name?,
            line: self.line(span.start),
            schedule: schedule?,
            work: work?,
            depends_on,
            backfill,
            catch_up,
            max_backfill,
            on_crash,
            class,
            retry: retry?,
            retry_limit,
            jitter: jitter.filter(|_| !is_original),
            start_limit: start_limit.filter(|_| !is_original && !backfill),
            priority,
            pool,
            max_ongoing_age: max_ongoing_age?,
            timezone: timezone?,
            lease: lease?,
            timeout,
            max_age,
            max_duration,
            kill_after: kill_after?,
            keep_history,
            contain,
            role,
            pass_environment,
            on_failure,
            on_recovery,
        })
    }

    fn schedule<'t, 'i: 't>(
        &mut self,
        start: usize,
        find: &impl Fn(&str) -> Option<&'t Value<'i>>,
    ) -> Option<Schedule> {
        let given: Vec<&str> =
            ["schedule", "every", "cron"].into_iter().filter(|key| find(key).is_some()).collect();
        let [kind] = given.as_slice() else {
            let why = if given.is_empty() { "missing schedule" } else { "more than one schedule" };
            self.fault(start, format!("{why}: use one of schedule, every (with at) and cron"));
            return None;
        };
        for key in ["at", "anchor"] {
            if let (Some(value), false) = (find(key), *kind == "every") {
                self.fault(
                    value.span().start,
                    format!(
                        "{key} can only be used with every; crontabber's notation is schedule = \"1d|05:00\""
                    ),
                );
            }
        }
        let value = find(kind)?;
        let at = value.span().start;
        let text = self.text(value, kind)?;
        let read = match *kind {
            "schedule" => schedule::original(&text),
            "cron" => schedule::cron(&text),
            _ => return self.grid(at, &text, find),
        };
        read.map_err(|why| self.fault(at, format!("{kind}: {why}"))).ok()
    }

    fn grid<'t, 'i: 't>(
        &mut self,
        start: usize,
        text: &str,
        find: &impl Fn(&str) -> Option<&'t Value<'i>>,
    ) -> Option<Schedule> {
        let (every, unit) =
            schedule::every(text).map_err(|why| self.fault(start, format!("every: {why}"))).ok()?;
        let days = matches!(unit, Unit::Day | Unit::Week);
        let at = match find("at") {
            None => At { hour: 0, minute: 0 },
            Some(value) => {
                let place = value.span().start;
                let text = self.text(value, "at")?;
                if !days {
                    self.fault(
                        place,
                        format!("at: can only be used with days and weeks, but every is {every} {unit:?}s")
                            .to_lowercase(),
                    );
                }
                schedule::at(&text).map_err(|why| self.fault(place, format!("at: {why}"))).ok()?
            }
        };
        let anchor = match find("anchor") {
            None => Duration::ZERO,
            Some(value) => {
                let place = value.span().start;
                let text = self.text(value, "anchor")?;
                let anchor = schedule::length(&text)
                    .map_err(|why| self.fault(place, format!("anchor: {why}")))
                    .ok()?;
                if days && anchor.as_secs() % 86_400 != 0 {
                    self.fault(
                        place,
                        "anchor: must be whole days if every is in days or weeks; set the time of day with at".into(),
                    );
                }
                anchor
            }
        };
        Some(Schedule::Grid { every, unit, at, anchor })
    }

    fn work<'t, 'i: 't>(
        &mut self,
        start: usize,
        find: &impl Fn(&str) -> Option<&'t Value<'i>>,
    ) -> Option<Work> {
        match (find("sql"), find("command")) {
            (Some(_), Some(_)) => {
                self.fault(start, "both sql and command: a job can have only one of them".into());
                None
            }
            (None, None) => {
                self.fault(start, "missing sql or command".into());
                None
            }
            (Some(value), None) => {
                let text = self.text(value, "sql")?;
                if text.contains('\0') {
                    self.fault(value.span().start, "sql: must not contain a NUL byte".into());
                }
                if crate::sql::is_blank(&text) {
                    self.fault(value.span().start, "sql: missing statement".into());
                }
                let scan = crate::sql::scan(&text);
                let statements = crate::sql::statements(&text);
                if let Some((n, _)) = scan.placeholders.iter().find(|(n, _)| *n != 1) {
                    self.fault(
                        value.span().start,
                        format!("sql: unknown parameter ${n}: only $1, the run's date, can be used"),
                    );
                }
                if statements.len() > 1 && !scan.placeholders.is_empty() {
                    self.fault(value.span().start, "sql: $1 can only be used with a single statement".into());
                }
                let transaction = self.flag(find("transaction"), "transaction", true);
                let control = statements.iter().find_map(|one| crate::sql::transaction_control(one));
                if let Some(words) = control.filter(|_| transaction) {
                    self.fault(
                        value.span().start,
                        format!(
                            "sql: {words} would end the transaction that the job's record belongs to; leave it out, or set transaction = false"
                        ),
                    );
                }
                if statements.iter().any(|one| crate::sql::first_words(one, 2) == ["discard", "all"]) {
                    self.fault(
                        value.span().start,
                        "sql: DISCARD ALL would release the job's lock; use DISCARD TEMP or RESET ALL".into(),
                    );
                }
                Some(Work::Sql { text, transaction })
            }
            (None, Some(value)) => {
                let words = self.command(value, "command")?;
                let environment = self.environment(find("environment"));
                let directory = find("directory").and_then(|v| self.text(v, "directory")).map(PathBuf::from);
                Some(Work::Program { words, environment, directory })
            }
        }
    }

    /// Reads a command: a list is a program with its arguments, a string is a command line for the shell.
    fn command(&mut self, value: &Value<'_>, key: &str) -> Option<Vec<String>> {
        let words = match value.get_ref() {
            DeValue::String(line) => vec!["sh".to_owned(), "-c".to_owned(), line.to_string()],
            _ => self.words(Some(value), key),
        };
        if words.first().is_none_or(|program| program.trim().is_empty())
            || words.last().is_some_and(|w| w.trim().is_empty() && words[0] == "sh")
        {
            self.fault(value.span().start, format!("{key}: missing program"));
            return None;
        }
        if words.iter().any(|word| word.contains('\0')) {
            self.fault(value.span().start, format!("{key}: must not contain a NUL byte"));
            return None;
        }
        Some(words)
    }

    fn environment(&mut self, value: Option<&Value<'_>>) -> BTreeMap<String, String> {
        let Some(value) = value else { return BTreeMap::new() };
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(value.span().start, "environment: must be { NAME = \"value\" }".into());
            return BTreeMap::new();
        };
        let mut all = BTreeMap::new();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            if name.is_empty() || name.contains(['=', '\0']) {
                self.fault(key.span().start, format!("environment: invalid variable name {name:?}"));
            }
            if let Some(text) = self.text(value, &format!("environment.{name}")) {
                if text.contains('\0') {
                    self.fault(
                        value.span().start,
                        format!("environment.{name}: must not contain a NUL byte"),
                    );
                }
                all.insert(name, text);
            }
        }
        all
    }

    /// Reads `{ command = … }` or `{ notify = "channel" }`.
    fn tell(&mut self, value: Option<&Value<'_>>, key: &str) -> Option<Notification> {
        let value = value?;
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(
                value.span().start,
                format!("{key}: must be {{ command = [\"…\"] }} or {{ notify = \"channel\" }}"),
            );
            return None;
        };
        self.check_keys(table, &["command", "notify", "timeout"], key);
        let find =
            |name: &str| table.iter().find(|(k, _)| k.get_ref().as_ref() == name).map(|(_, value)| value);
        match (find("command"), find("notify")) {
            (Some(command), None) => {
                let timeout = match find("timeout") {
                    Some(value) => self.hook_timeout(value, key)?,
                    None => HOOK_TIMEOUT,
                };
                self.command(command, key).map(|words| Notification::Program { words, timeout })
            }
            (None, Some(channel)) => {
                let name = self.text(channel, key)?;
                if name.is_empty() || name.len() > 63 {
                    self.fault(
                        channel.span().start,
                        format!("{key}: a channel's name must have 1 to 63 bytes"),
                    );
                }
                if let Some(timeout) = find("timeout") {
                    self.fault(timeout.span().start, format!("{key}: timeout can only be used with command"));
                }
                Some(Notification::Channel(name))
            }
            _ => {
                self.fault(value.span().start, format!("{key}: must have either command or notify"));
                None
            }
        }
    }

    /// Reads how long a command that notifies may take.
    fn hook_timeout(&mut self, value: &Value<'_>, key: &str) -> Option<Duration> {
        let text = self.text(value, key)?;
        let length = schedule::length(&text)
            .map_err(|why| self.fault(value.span().start, format!("{key}: timeout: {why}")))
            .ok()?;
        if length < Duration::from_secs(1) {
            self.fault(value.span().start, format!("{key}: timeout: must be at least 1s"));
        }
        Some(length)
    }

    fn text(&mut self, value: &Value<'_>, key: &str) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                self.fault(value.span().start, format!("{key} must be a string: put it in quotes"));
                None
            }
        }
    }

    /// Reads the name of a role or a user.
    fn name(&mut self, value: &Value<'_>, key: &str) -> Option<String> {
        let name = self.text(value, key)?;
        if name.is_empty() || name.contains('\0') {
            self.fault(value.span().start, format!("{key}: must not be empty or contain a NUL byte"));
            return None;
        }
        Some(name)
    }

    fn flag(&mut self, value: Option<&Value<'_>>, key: &str, default: bool) -> bool {
        match value.map(|v| (v, v.get_ref())) {
            None => default,
            Some((_, DeValue::Boolean(flag))) => *flag,
            Some((value, _)) => {
                self.fault(value.span().start, format!("{key} must be true or false"));
                default
            }
        }
    }

    /// Reads how long to wait after a failure: one length of time, or two of which the first doubles up to the second.
    fn retry(&mut self, value: &Value<'_>) -> Option<Retry> {
        let text = self.text(value, "retry_after")?;
        let at = value.span().start;
        let mut length = |text: &str| {
            let read = schedule::length(text.trim())
                .map_err(|why| self.fault(at, format!("retry_after: {why}")))
                .ok()?;
            if read < Duration::from_secs(1) {
                self.fault(at, format!("retry_after: must be at least {:?}", Duration::from_secs(1)));
            }
            Some(read)
        };
        let (first, most) = match text.split_once("..") {
            Some((first, most)) => (length(first), length(most)),
            None => {
                let one = length(&text);
                (one, one)
            }
        };
        let retry = Retry { first: first?, most: most? };
        if retry.first > retry.most {
            self.fault(
                at,
                format!("retry_after: {text:?}: the second time must not be shorter than the first"),
            );
        }
        Some(retry)
    }

    fn priority(&mut self, value: &Value<'_>) -> Option<i32> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.fault(value.span().start, "priority must be a whole number".into());
        }
        number
    }

    fn number(&mut self, value: &Value<'_>, key: &str) -> Option<u32> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok().filter(|n| *n > 0),
            _ => None,
        };
        if number.is_none() {
            self.fault(value.span().start, format!("{key} must be a whole number above 0"));
        }
        number
    }

    fn words(&mut self, value: Option<&Value<'_>>, key: &str) -> Vec<String> {
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

    fn choice<T: Copy + Default>(
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
    let mut parents: BTreeMap<&str, &[String]> =
        by_name.iter().map(|(name, job)| (*name, job.depends_on.as_slice())).collect();
    while let Some(circle) = plan::circle(&parents) {
        let names: Vec<_> = circle.iter().map(|name| escape::terminal(name)).collect();
        let why = format!("circular dependency: {}", names.join(" -> "));
        fault(by_name[circle[0].as_str()], why, false);
        // There may be more circles among the other jobs.
        parents.retain(|name, _| !circle.iter().any(|one| one == name));
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

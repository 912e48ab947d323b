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
use super::job::{CatchUp, Job, Notification, OnCrash, Work};
use super::plan;
use super::schedule::{self, At, Schedule, Unit};
use crate::escape;
use crate::likeness::nearest;

/// Something that is wrong in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
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

/// The keys that are allowed in `[defaults]` and in a job.
const SHARED: &[&str] = &[
    "retry_after",
    "max_ongoing_age",
    "timezone",
    "lease",
    "timeout",
    "kill_after",
    "max_age",
    "max_duration",
    "keep_history",
    "depends_on",
    "backfill",
    "catch_up",
    "max_backfill",
    "on_crash",
    "contain",
    "class",
    "environment",
    "directory",
    "transaction",
    "role",
    "pass_environment",
    "on_failure",
    "on_recovery",
];
/// The keys that are allowed only in a job.
const OWN: &[&str] = &["name", "schedule", "every", "at", "anchor", "cron", "sql", "command"];

/// How long a command that notifies may take, unless the file says otherwise.
const HOOK_TIMEOUT: Duration = Duration::from_secs(60);

type Table<'i> = DeTable<'i>;
type Value<'i> = Spanned<DeValue<'i>>;

/// Reads the text of a jobs file.
pub fn parse(text: &str) -> Parsed {
    let breaks = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut reader =
        Reader { breaks, faults: Vec::new(), stubs: Vec::new(), job: None, defaults: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        let why = error.message().trim().to_owned();
        reader.fault(at, why);
    }
    // What is left of broken TOML would only cause faults that nobody has made.
    let root = if reader.faults.is_empty() { root.into_inner() } else { Table::new() };
    let empty = Table::new();
    let mut defaults = &empty;
    let mut jobs: Vec<Job> = Vec::new();
    let (mut owner, mut user) = (None, None);
    for (key, value) in &root {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("defaults", DeValue::Table(table)) => {
                reader.check_keys(table, &[SHARED], "[defaults]");
                reader.defaults = table.values().map(|value| value.span().start).collect();
                defaults = table;
            }
            ("job", DeValue::Array(_)) => {}
            ("owner", _) => owner = reader.name(value, "owner"),
            ("user", _) => user = reader.name(value, "user"),
            ("job" | "defaults", _) => {
                reader.fault(key.span().start, "expected [[job]] for each job, and [defaults]".into())
            }
            (other, _) => {
                reader.fault(
                    key.span().start,
                    format!("unknown key {other:?}; expected owner, user, [defaults] or [[job]]"),
                );
            }
        }
    }
    let list = root.iter().find(|(key, _)| key.get_ref().as_ref() == "job").map(|(_, value)| value.get_ref());
    if let Some(DeValue::Array(list)) = list {
        for item in list.iter() {
            if let DeValue::Table(table) = item.get_ref() {
                jobs.extend(reader.job(item.span(), table, defaults));
            } else {
                reader.fault(item.span().start, "expected [[job]] for each job".into());
            }
        }
    }
    if reader.faults.is_empty() && reader.stubs.is_empty() {
        reader.fault(0, "no jobs in the file: add [[job]] for each job".into());
    }
    reader.job = None;
    check_names(&reader.stubs, &mut reader.faults);
    let mut faults = reader.faults;
    faults.sort_by(|a, b| (a.line, &a.why).cmp(&(b.line, &b.why)));
    faults.dedup();
    Parsed { jobs, faults, owner, user }
}

struct Reader {
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
    name: String,
    line: usize,
    depends_on: Vec<String>,
}

impl Reader {
    fn line(&self, at: usize) -> usize {
        1 + self.breaks.partition_point(|end| *end < at)
    }

    fn fault(&mut self, at: usize, why: String) {
        let line = self.line(at);
        let job = self.job.clone().filter(|_| !self.defaults.contains(&at));
        self.faults.push(Fault { line, job, why, warning: false });
    }

    fn check_keys(&mut self, table: &Table<'_>, known: &[&[&str]], place: &str) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if known.iter().any(|list| list.contains(&name)) {
                continue;
            }
            let nearest = nearest(name, known.iter().flat_map(|list| list.iter().copied()), 0.85);
            let hint = nearest.map(|k| format!("; did you mean {k:?}?")).unwrap_or_default();
            self.fault(key.span().start, format!("unknown key {name:?} in {place}{hint}"));
        }
    }

    /// Reads one job; `None` if something in it is wrong, which has been reported as a fault.
    fn job(&mut self, span: Range<usize>, table: &Table<'_>, defaults: &Table<'_>) -> Option<Job> {
        let before = self.faults.len();
        self.job = None;
        let find = |key: &str| {
            let own = table.iter().find(|(k, _)| k.get_ref().as_ref() == key);
            // A name, a schedule and the work itself cannot have a default.
            let default = || {
                let is_it = |k: &str| k == key && SHARED.contains(&key);
                defaults.iter().find(|(k, _)| is_it(k.get_ref().as_ref()))
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
        self.check_keys(table, &[SHARED, OWN], "a job");
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
        let retry_after = length(self, "retry_after", Some("5m"));
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
        let depends_on = self.words(find("depends_on"), "depends_on");
        if let Some(name) = name.clone() {
            let line = self.line(span.start);
            self.stubs.push(Stub { name, line, depends_on: depends_on.clone() });
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
        let (is_sql, is_program) = (find("sql").is_some(), find("command").is_some());
        for (key, goes, with) in [
            ("catch_up", backfill, "backfill = true"),
            ("max_backfill", backfill, "backfill = true"),
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
            ("retry_after", retry_after, Duration::from_secs(1)),
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
            retry_after: retry_after?,
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
        self.check_keys(table, &[&["command", "notify", "timeout"]], key);
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
        faults.push(Fault { line: job.line, job: Some(job.name.clone()), why, warning });
    };
    for job in jobs {
        if let Some(first) = by_name.get(job.name.as_str()) {
            fault(job, format!("duplicate name, first used in line {}", first.line), false);
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

//! Reads one job of a jobs file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use smallvec::SmallVec;
use toml::de::DeValue;

use super::reader::{Reader, Stub, Table, Value};
use crate::jobs::contain::Contain;
use crate::jobs::job::{CatchUp, Job, Notification, OnCrash, Pool, Retry, Work};
use crate::jobs::keys::{self, Place};
use crate::jobs::schedule::{self, At, Schedule, Unit};

/// How long a command that notifies may take, unless the file says otherwise.
const HOOK_TIMEOUT: Duration = Duration::from_secs(60);

impl Reader {
    /// Reads one job; `None` if something in it is wrong, which has been reported as a fault.
    pub(super) fn job(
        &mut self,
        span: Range<usize>,
        table: &Table<'_>,
        defaults: &[&Table<'_>],
    ) -> Option<Job> {
        let before = self.faults.len();
        self.job = None;
        // Dozens of keys are looked up for each job, which is faster in a list than in the table.
        let named = |(name, value)| {
            let name: &toml::Spanned<Cow<'_, str>> = name;
            (name.get_ref().as_ref(), value)
        };
        let own: SmallVec<[(&str, &Value<'_>); 8]> = table.iter().map(named).collect();
        let find_named = |key: &str| {
            let is_meant = |(name, _): &(&str, &Value<'_>)| keys::meant(name) == key;
            // A name, a schedule and the work itself cannot have a default.
            let default = || {
                let mut all = defaults.iter().flat_map(|table| table.iter()).map(named);
                let found = all.find(is_meant)?;
                let is_shared = keys::KEYS.iter().any(|one| one.name == key && one.place == Place::Shared);
                is_shared.then_some(found)
            };
            own.iter().copied().find(is_meant).or_else(default)
        };
        let find = |key: &str| find_named(key).map(|(_, value)| value);
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
        self.check_keys(table, keys::of_jobs(), "a job");
        let schedule = self.schedule(span.start, &find);
        let work = self.work(span.start, &find);
        let length = |reader: &mut Self, key: &str, default: Option<&str>| {
            let text =
                find_named(key).map(|(name, value)| (name, value.span().start, reader.text(value, name)));
            let (name, at, text) = match text {
                Some((name, at, text)) => (name, at, text?),
                None => (key, span.start, default?.to_owned()),
            };
            schedule::length(&text).map_err(|why| reader.fault(at, format!("{name}: {why}"))).ok()
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
        let retry_limit = find("retry_limit")
            .and_then(|value| self.number(value, "retry_limit", 0..=u32::MAX, "a whole number, 0 or above"));
        let priority = find("priority")
            .and_then(|value| {
                self.number(value, "priority", i32::MIN..=i32::MAX, "a whole number of 32 bits")
            })
            .unwrap_or_default();
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
        let max_backfill = find("max_backfill")
            .and_then(|value| self.number(value, "max_backfill", 1..=u32::MAX, "a whole number above 0"));
        let contain = self.choice(
            find("contain"),
            "contain",
            &[("auto", Contain::Auto), ("strict", Contain::Strict), ("none", Contain::None)],
        );
        // A key without the key that it requires is a fault in the job's own table. As a default, it just has no effect
        // on this job.
        let is_original = matches!(schedule, Some(Schedule::Original { .. }));
        if let (Some(value), Some(Schedule::Grid { every, unit, .. }), Some(jitter)) =
            (find("jitter"), &schedule, jitter)
            && jitter.as_secs_f64() >= (every * unit.seconds()) as f64
        {
            self.fault(value.span().start, "jitter: must be shorter than the time between two runs".into());
        }
        let (is_sql, is_program) = (find("sql").is_some(), find("command").is_some());
        for (key, goes, with) in [
            ("catch_up", backfill, "backfill = true"),
            ("max_backfill", backfill, "backfill = true"),
            ("jitter", !is_original, "every or cron"),
            ("start_limit", !is_original, "every or cron"),
            ("start_limit", !backfill, "backfill = false"),
            ("transaction", is_sql || !is_program, "sql"),
            ("role", is_sql || !is_program, "sql"),
            ("database", is_sql || !is_program, "sql"),
            ("environment", is_program || !is_sql, "command"),
            ("directory", is_program || !is_sql, "command"),
        ] {
            if !goes && let Some((k, _)) = table.iter().find(|(k, _)| k.get_ref().as_ref() == key) {
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
            if let (Some((name, value)), true) =
                (find_named(key), length.is_some_and(|length| length < least))
            {
                self.fault(value.span().start, format!("{name}: must be at least {least:?}"));
            }
        }
        let role = find("role").and_then(|value| self.name(value, "role")).filter(|_| is_sql);
        let pass_environment = self.words(find("pass_environment"), "pass_environment");
        let class = find("class").and_then(|value| self.text(value, "class"));
        let on_failure = self.tell(find("on_failure"), "on_failure");
        let on_recovery = self.tell(find("on_recovery"), "on_recovery");
        let on_overdue = self.tell(find("on_overdue"), "on_overdue");
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
            on_overdue,
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
                let database = find("database").and_then(|value| self.name(value, "database"));
                Some(Work::Sql { text, transaction, database })
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

    /// Reads the time limit of a command that notifies.
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

    /// Reads `retry_after`: one duration, or two as in `1m..1h`, of which the first one doubles up to the second.
    fn retry(&mut self, value: &Value<'_>) -> Option<Retry> {
        let text = self.text(value, "retry_after")?;
        let at = value.span().start;
        let (first, most) = text.split_once("..").unwrap_or((&text, &text));
        let (Ok(first), Ok(most)) = (schedule::length(first.trim()), schedule::length(most.trim())) else {
            let why = format!("invalid duration {text:?}: must be one such as 5m, or two such as 1m..1h");
            self.fault(at, format!("retry_after: {why}"));
            return None;
        };
        if first < Duration::from_secs(1) {
            self.fault(at, "retry_after: must be at least 1s".into());
        }
        let retry = Retry { first, most };
        if first > most {
            self.fault(
                at,
                format!("retry_after: {text:?}: the second time must not be shorter than the first"),
            );
        }
        Some(retry)
    }
}

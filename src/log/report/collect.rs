//! Adds up the entries of a log.

mod connections;
mod errors;
mod work;

use super::entry::Entry;
use super::groups::Groups;
use super::kept::{Checkpoints, Connections, Errors, Events, Files, Locks, Plans, Vacuums};
use super::names::{Names, hash};
use super::sections::Section;
use super::series::{Series, Step};
use super::sessions::{Running, Sessions};
use super::shapes;
use super::statements::{Call, Statements, cut};
use super::tally::{Seen, Spread};
use crate::log::record::is_error_of;
use crate::log::words::{self, Phase, Word};
use crate::session::MARK;

/// The longest example of an error, a lock or an event that is kept, in bytes.
const EXAMPLE: usize = 8 << 10;
/// The longest plan that is kept, in bytes. Once all plans together have [`PLANS`] bytes, only the first [`SHORT_PLAN`]
/// bytes of each further plan are kept.
const PLAN: usize = 1 << 20;
const PLANS: usize = 24 << 20;
const SHORT_PLAN: usize = 2 << 10;

/// The steps: intervals of time for each of which the entries are added up, too.
#[derive(Debug, Clone, Copy, Default)]
pub enum Steps {
    #[default]
    None,
    /// Each step has this many microseconds.
    Every(i64),
    /// There are at most this many steps. Their length depends on the log.
    AtMost(usize),
}

/// Which entries are added up, and in which steps.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only entries with a text that matches are added up.
    pub grep: Option<regex::bytes::Regex>,
    /// The steps for which entries are added up, besides the sums of the whole log.
    pub steps: Steps,
}

/// Adds up the entries of a log and keeps the sums.
#[derive(Debug, Default)]
pub struct Collector {
    grep: Option<regex::bytes::Regex>,
    pub names: Names,
    pub statements: Statements,
    sessions: Sessions,
    pub errors: Groups<Errors>,
    pub files: Groups<Files>,
    pub locks: Groups<Locks>,
    pub vacuums: Groups<Vacuums>,
    pub checkpoints: Groups<Checkpoints>,
    pub connections: Groups<Connections>,
    pub events: Groups<Events>,
    pub plans: Groups<Plans>,
    plan_bytes: usize,
    /// The key of the row of the checkpoint that is in progress.
    checkpoint: Option<u64>,
    pub series: Option<Series>,
    /// The number of entries of the server, and when the first and the last of them were written.
    pub entries: u64,
    pub seen: Seen,
    /// The durations, in milliseconds, for which no statement was found.
    pub unmatched: Spread,
    /// The number of entries in a language other than English, in which only statements and errors are recognized.
    pub foreign: u64,
    /// The first severity or message in the log that is not English.
    pub language: Option<Box<[u8]>>,
    /// Whether a message about the server's own work was recognized, so that some messages are English.
    pub has_english: bool,
    /// Whether entries have a pid.
    pub has_pids: bool,
    /// Whether the pattern has chosen any entry.
    has_chosen: bool,
}

impl Collector {
    /// Creates a collector without entries.
    pub fn new(choice: &Choice) -> Collector {
        let series = match choice.steps {
            Steps::None => None,
            Steps::Every(every) => Some(Series::new(every)),
            Steps::AtMost(most) => Some(Series::adaptive(most)),
        };
        Collector { grep: choice.grep.clone(), series, ..Collector::default() }
    }

    /// Adds an entry.
    pub fn take(&mut self, entry: &Entry<'_>) {
        // An entry without a severity was written by another program. Its lines are counted as unread elsewhere.
        if entry.severity.is_empty() {
            return;
        }
        self.entries += 1;
        self.seen.at(entry.time);
        self.has_pids |= entry.pid.is_some();
        let shape = entry.shape();
        if shape.message == b"plan" {
            self.plan(
                entry,
                &shape.statement,
                &shape.parameters,
                shape.detail,
                shape.duration_ms.unwrap_or_default(),
            );
            return;
        }
        let is_log = words::is_log(entry.severity);
        if is_log && words::is_translated(entry.message) {
            self.foreign(entry.message);
        }
        if is_log && let Some(ms) = shape.duration_ms.filter(|_| shape.message == b"duration") {
            self.duration(entry, ms);
            return;
        }
        // An entry with a STATEMENT field is not a call: its statement is logged in another entry.
        if is_log && entry.statement.is_empty() && shape.message.len() < entry.message.len() {
            self.statement(entry, shape.message, &shape.statement, &shape.parameters, shape.duration_ms);
            return;
        }
        // The server words other calls differently, for example those of the fast-path function interface.
        if is_log
            && let Some(ms) = shape.duration_ms
            && let Some((_, what)) = words::duration(entry.message)
        {
            match words::is_translated(entry.message) {
                // In some languages, nothing tells a call from the parsing of a statement.
                true => self.unmatched.add(ms),
                false => self.statement(entry, b"statement", what.trim_ascii(), b"", Some(ms)),
            }
            return;
        }
        if entry.severity != b"LOG" && !is_english(entry.severity) {
            self.foreign(entry.severity);
        }
        if entry.severity.starts_with(b"DEBUG") || !self.is_wanted(entry) {
            return;
        }
        self.has_chosen = true;
        match is_error_of(entry.severity, entry.sqlstate) {
            Some(true) => self.error(entry),
            _ if words::severity(entry.severity) == Some(Word::Warning)
                || entry.sqlstate.starts_with(b"01") =>
            {
                self.warning(entry);
            }
            _ => self.own_work(entry),
        }
    }

    /// Returns whether one of the entry's texts matches the pattern, if there is one. Entries of pgkit's own statements
    /// are never wanted.
    fn is_wanted(&self, entry: &Entry<'_>) -> bool {
        !entry.statement.starts_with(MARK.as_bytes())
            && self.grep.as_ref().is_none_or(|grep| {
                [entry.message, entry.detail, entry.statement, entry.context, entry.hint]
                    .iter()
                    .any(|text| !text.is_empty() && grep.is_match(text))
            })
    }

    /// Notes that the log has a text that is not English.
    fn foreign(&mut self, text: &[u8]) {
        self.foreign += 1;
        let first =
            |text: &[u8]| cut(text.split(|b| matches!(b, b':' | b'\n')).next().unwrap_or_default(), 60);
        self.language.get_or_insert_with(|| first(text));
    }

    fn add(&mut self, entry: &Entry<'_>, section: Section, step: Step) {
        if let Some(series) = &mut self.series {
            series.add(entry.time, section, step);
        }
    }

    fn call<'a>(
        &mut self,
        entry: &Entry<'_>,
        sql: &'a [u8],
        parameters: &'a [u8],
        duration_ms: Option<f64>,
    ) -> Call<'a> {
        Call {
            time: entry.time,
            user: self.names.number(entry.user),
            database: self.names.number(entry.database),
            application: self.names.number(entry.application),
            sql,
            parameters,
            duration_ms,
        }
    }

    /// Adds an entry that shows a statement, with or without its duration.
    fn statement(&mut self, entry: &Entry<'_>, what: &[u8], sql: &[u8], parameters: &[u8], ms: Option<f64>) {
        let is_wanted = !sql.starts_with(MARK.as_bytes())
            && self.grep.as_ref().is_none_or(|grep| grep.is_match(sql) || grep.is_match(parameters));
        self.has_chosen |= is_wanted;
        let mut phase = words::phase(what);
        if phase == Phase::Fetch && is_wanted && !self.was_called(entry, sql) {
            // The log has no call whose rows are fetched, perhaps because it was too short to be logged.
            phase = Phase::Execute;
        }
        let running = match (is_wanted, phase) {
            (false, _) => Running::Unwanted,
            (true, Phase::Prepare) => {
                let call = self.call(entry, sql, parameters, ms);
                self.statements.prepared(&call);
                Running::Unwanted
            }
            // More rows of a call that was counted before are fetched.
            (true, Phase::Fetch) => {
                let fingerprint = self.statements.fingerprint(sql);
                if let Some(ms) = ms {
                    self.fetched(entry, fingerprint, ms);
                }
                Running::Fetch(fingerprint)
            }
            (true, Phase::Execute) => {
                let call = self.call(entry, sql, parameters, ms);
                let fingerprint = self.statements.call(&call);
                self.add(entry, Section::Statements, Step::ONE.lasting(ms.unwrap_or_default()));
                Running::Statement(fingerprint)
            }
        };
        // Rows of a statement in the simple protocol are never fetched in portions.
        let may_be_fetched = what != b"statement" && matches!(running, Running::Statement(_));
        let has_room = self.sessions.has_room();
        let session =
            if ms.is_none() || may_be_fetched { self.sessions.of(entry) } else { self.sessions.known(entry) };
        let Some(session) = session else { return };
        if let (true, Running::Statement(fingerprint)) = (may_be_fetched, running) {
            session.called(fingerprint, ms.unwrap_or_default());
        }
        if ms.is_none() {
            // Files that were logged before this statement began belong to another one, which was not logged.
            let left = std::mem::take(&mut session.files);
            // The duration may follow in an entry of its own.
            session.begin(entry.time, running, if has_room { (sql, parameters) } else { (b"", b"") });
            self.add_files(None, &left);
            return;
        }
        // This statement has ended, and so has any statement that ran before it in the session.
        session.running = Running::Nothing;
        session.failed = None;
        if let Running::Statement(fingerprint) = running {
            session.last = Some(fingerprint);
            self.add_files_of(entry, fingerprint, ms.unwrap_or_default());
        }
    }

    /// Returns whether a call of this statement was counted before, in the session of the entry if it is known.
    fn was_called(&mut self, entry: &Entry<'_>, sql: &[u8]) -> bool {
        let fingerprint = self.statements.fingerprint(sql);
        match (entry.pid, self.sessions.known(entry)) {
            (_, Some(session)) => session.has_called(fingerprint),
            (Some(_), None) => false,
            (None, None) => self.statements.text(fingerprint).is_some(),
        }
    }

    /// Adds a duration without a statement. It belongs to the statement that was logged last in the same session.
    fn duration(&mut self, entry: &Entry<'_>, ms: f64) {
        let Some(session) = self.sessions.known(entry).filter(|session| session.running != Running::Nothing)
        else {
            if self.grep.is_none() {
                self.unmatched.add(ms);
            }
            return;
        };
        match std::mem::take(&mut session.running) {
            Running::Statement(fingerprint) => {
                session.call_ms = ms;
                let begun = Entry { time: session.begun.or(entry.time), ..*entry };
                self.statements.duration(fingerprint, ms, Some((&session.sql, &session.parameters)));
                self.add(&begun, Section::Statements, Step::more(ms));
                self.add_files_of(entry, fingerprint, ms);
            }
            Running::Fetch(fingerprint) => self.fetched(entry, fingerprint, ms),
            Running::Unwanted | Running::Nothing => {}
        }
    }

    /// Adds the time of fetching more rows to the duration of a call.
    fn fetched(&mut self, entry: &Entry<'_>, fingerprint: u64, ms: f64) {
        let call_ms = self.sessions.known(entry).map_or(ms, |session| {
            session.call_ms += ms;
            session.call_ms
        });
        self.statements.more(fingerprint, ms, call_ms);
        self.add(entry, Section::Statements, Step::more(ms));
    }

    /// Adds the temporary files that the session has logged to the statement that ended with this entry and took this many
    /// milliseconds. Files that were logged before the statement began belong to another one, which was not logged.
    fn add_files_of(&mut self, entry: &Entry<'_>, fingerprint: u64, ms: f64) {
        let files = self.sessions.known(entry).map(|session| std::mem::take(&mut session.files));
        if let Some(files) = files {
            self.add_files(Some(fingerprint).filter(|_| files.are_of(entry.time, ms)), &files);
        }
    }

    fn plan(&mut self, entry: &Entry<'_>, sql: &[u8], parameters: &[u8], plan: &[u8], ms: f64) {
        if sql.starts_with(MARK.as_bytes())
            || self.grep.as_ref().is_some_and(|grep| !grep.is_match(sql) && !grep.is_match(plan))
        {
            return;
        }
        self.has_chosen = true;
        let (statement, fingerprint) = self.statements.named(sql);
        let shape = hash(&shapes::plan(plan));
        let rows = shapes::plan_rows(plan);
        let new = || Plans { fingerprint, statement, shape, ..Plans::default() };
        let row = self.plans.row(fingerprint ^ shape.rotate_left(1), new);
        if row.time.count == 0 || ms > row.time.most {
            let longest = if self.plan_bytes < PLANS { PLAN } else { SHORT_PLAN };
            let before = row.plan.len();
            row.plan = cut(plan, longest);
            row.parameters = cut(parameters, EXAMPLE);
            self.plan_bytes = (self.plan_bytes + row.plan.len()).saturating_sub(before);
        }
        row.time.add(ms);
        row.seen.at(entry.time);
        if let Some(rows) = rows {
            *row.rows.get_or_insert(0) += rows;
            self.statements.returned(fingerprint, rows);
        }
        self.add(entry, Section::Plans, Step::ONE.lasting(ms));
    }

    /// Returns the names of the sections that have more rows than are kept, so that some are added up in one row.
    pub fn bounded(&self) -> Vec<&'static str> {
        let all = [
            (Section::Errors, self.errors.has_others()),
            (Section::TemporaryFiles, self.files.has_others()),
            (Section::Locks, self.locks.has_others()),
            (Section::Autovacuum, self.vacuums.has_others()),
            (Section::Checkpoints, self.checkpoints.has_others()),
            (Section::Connections, self.connections.has_others()),
            (Section::Events, self.events.has_others()),
            (Section::Plans, self.plans.has_others()),
        ];
        all.into_iter().filter(|(_, has)| *has).map(|(section, _)| section.name()).collect()
    }

    /// Returns whether entries were read, but none was chosen by the pattern.
    pub fn has_nothing(&self) -> bool {
        self.grep.is_some() && !self.has_chosen
    }

    /// Adds the temporary files whose statement was not logged before the log ended.
    pub fn end(&mut self) {
        self.all_sessions_ended();
    }
}

/// Returns whether a severity is written in English.
fn is_english(severity: &[u8]) -> bool {
    matches!(severity, b"LOG" | b"ERROR" | b"FATAL" | b"PANIC" | b"WARNING" | b"NOTICE" | b"INFO")
        || severity.starts_with(b"DEBUG")
}

#[cfg(test)]
mod tests;

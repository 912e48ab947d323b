//! Adds up the entries of a log.

use super::entry::Entry;
use super::groups::Groups;
use super::kept::{Checkpoints, Connections, Errors, Events, Files, Locks, OTHERS, Plans, Vacuums};
use super::names::{Names, hash};
use super::sections::Section;
use super::series::{Series, Step};
use super::server::{self, Checkpoint, Connection, Wait, Written};
use super::sessions::{Running, Sessions};
use super::shapes;
use super::statements::{Call, Statements, cut};
use super::tally::{Seen, Spread};
use crate::log::record::is_error_of;
use crate::log::words::{self, Phase};
use crate::session::MARK;

/// The longest example of an error, a lock or an event that is kept, in bytes.
const EXAMPLE: usize = 8 << 10;
/// The longest plan that is kept, in bytes, and how many bytes all may have together before only the beginning of one is kept.
const PLAN: usize = 1 << 20;
const PLANS: usize = 24 << 20;

/// Steps of time.
#[derive(Debug, Clone, Copy, Default)]
pub enum Steps {
    #[default]
    None,
    /// Of this many microseconds.
    Every(i64),
    /// At most so many, of whatever length.
    AtMost(usize),
}

/// Which entries are added up.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only statements, messages and details that match.
    pub grep: Option<regex::bytes::Regex>,
    /// The steps of time in which they are added up too.
    pub steps: Steps,
}

/// The sums of a log.
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
    /// The checkpoint that goes on.
    checkpoint: Option<u64>,
    pub series: Option<Series>,
    /// The entries of the server, and when they were written.
    pub entries: u64,
    pub seen: Seen,
    /// Durations that no statement was found for.
    pub unmatched: Spread,
    /// Entries in another language than English, in which only statements and errors are known.
    pub foreign: u64,
    /// The first word for a severity that is not English.
    pub language: Option<Box<[u8]>>,
    /// Whether entries have a pid.
    pub has_pids: bool,
}

impl Collector {
    /// Creates an empty one.
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
        // Something else wrote to the same file: the lines are counted as unread.
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
        if is_log && let Some(ms) = shape.duration_ms.filter(|_| shape.message == b"duration") {
            self.duration(entry, ms);
            return;
        }
        // The statement of an error or of a temporary file was there before.
        if is_log && entry.statement.is_empty() && shape.message.len() < entry.message.len() {
            self.statement(entry, shape.message, &shape.statement, &shape.parameters, shape.duration_ms);
            return;
        }
        // Such as the call of a function by the fast path.
        if is_log
            && let Some(ms) = shape.duration_ms
            && let Some((_, what)) = words::duration(entry.message)
        {
            self.statement(entry, b"statement", what.trim_ascii(), b"", Some(ms));
            return;
        }
        if entry.severity != b"LOG" && !is_english(entry.severity) {
            self.foreign += 1;
            self.language.get_or_insert_with(|| entry.severity.into());
        }
        if !self.is_wanted(entry) {
            return;
        }
        match is_error_of(entry.severity, entry.sqlstate) {
            Some(true) => self.error(entry),
            _ if entry.severity == b"WARNING" || entry.sqlstate.starts_with(b"01") => self.warning(entry),
            _ => self.own_work(entry),
        }
    }

    /// Returns whether an entry is chosen by its texts. pgkit's own statements never are.
    fn is_wanted(&self, entry: &Entry<'_>) -> bool {
        !entry.statement.starts_with(MARK.as_bytes())
            && self.grep.as_ref().is_none_or(|grep| {
                [entry.message, entry.detail, entry.statement, entry.context, entry.hint]
                    .iter()
                    .any(|text| !text.is_empty() && grep.is_match(text))
            })
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

    /// Takes an entry that shows a statement, perhaps with its duration.
    fn statement(&mut self, entry: &Entry<'_>, what: &[u8], sql: &[u8], parameters: &[u8], ms: Option<f64>) {
        let is_wanted = !sql.starts_with(MARK.as_bytes())
            && self.grep.as_ref().is_none_or(|grep| grep.is_match(sql) || grep.is_match(parameters));
        if !is_wanted {
            // Its duration may come in an entry of its own, and whatever ran before has ended.
            if let Some(session) = self.sessions.of(entry) {
                session.running = if ms.is_none() { Running::Unwanted } else { Running::Nothing };
            }
            return;
        }
        let call = self.call(entry, sql, parameters, ms);
        match words::phase(what) {
            Phase::Prepare => {
                self.statements.prepared(&call);
                if let Some(session) = self.sessions.known(entry) {
                    session.running = Running::Nothing;
                }
                return;
            }
            // The rest of the rows of a call that was counted before.
            Phase::Fetch => {
                let fingerprint = self.statements.fingerprint(sql);
                match ms {
                    Some(ms) => {
                        self.statements.more(fingerprint, ms);
                        self.add(
                            entry,
                            Section::Statements,
                            Step { duration_ms: ms, most_ms: ms, ..Step::default() },
                        );
                    }
                    None => {
                        if let Some(session) = self.sessions.of(entry) {
                            session.running = Running::Fetch(fingerprint);
                        }
                    }
                }
                return;
            }
            Phase::Execute => {}
        }
        let fingerprint = self.statements.call(&call);
        let ms_or_none = ms.unwrap_or_default();
        self.add(
            entry,
            Section::Statements,
            Step { count: 1, duration_ms: ms_or_none, most_ms: ms_or_none, bytes: 0 },
        );
        if ms.is_none() {
            let has_room = self.sessions.has_room();
            if let Some(session) = self.sessions.of(entry) {
                session.begin(entry.time, fingerprint, sql, parameters, has_room);
            }
            return;
        }
        let Some(session) = self.sessions.known(entry) else { return };
        // Whatever ran before has ended without a duration.
        session.running = Running::Nothing;
        session.last = Some(fingerprint);
        let (files, bytes) = std::mem::take(&mut session.files);
        if files > 0 {
            self.add_files(entry, Some(fingerprint), files, bytes);
        }
    }

    /// Takes a duration without a statement: it is that of the last statement of the process.
    fn duration(&mut self, entry: &Entry<'_>, ms: f64) {
        let session = self.sessions.known(entry);
        let running = session.as_ref().map(|session| session.running).unwrap_or_default();
        match (running, session) {
            (Running::Statement(fingerprint), Some(session)) => {
                session.running = Running::Nothing;
                let (files, bytes) = std::mem::take(&mut session.files);
                let begun = session.begun.or(entry.time);
                self.statements.duration(fingerprint, ms, Some((&session.sql, &session.parameters)));
                self.add(
                    &Entry { time: begun, ..*entry },
                    Section::Statements,
                    Step { duration_ms: ms, most_ms: ms, ..Step::default() },
                );
                if files > 0 {
                    self.add_files(entry, Some(fingerprint), files, bytes);
                }
            }
            (Running::Fetch(fingerprint), Some(session)) => {
                session.running = Running::Nothing;
                self.statements.more(fingerprint, ms);
                self.add(
                    entry,
                    Section::Statements,
                    Step { duration_ms: ms, most_ms: ms, ..Step::default() },
                );
            }
            (Running::Unwanted, Some(session)) => session.running = Running::Nothing,
            _ => {
                if self.grep.is_none() {
                    self.unmatched.add(ms);
                }
            }
        }
    }

    /// Adds temporary files to their statement, if it is known.
    fn add_files(&mut self, entry: &Entry<'_>, fingerprint: Option<u64>, files: u64, bytes: u64) {
        let text: Box<[u8]> =
            fingerprint.and_then(|known| self.statements.text(known)).unwrap_or_default().into();
        let new = Files { statement: text, ..Files::default() };
        let others = || Files { statement: OTHERS.into(), ..Files::default() };
        let row = self.files.row(fingerprint.unwrap_or_default(), || new, others);
        for _ in 1..files {
            row.bytes.add(0.0);
        }
        row.bytes.add(bytes as f64);
        row.seen.at(entry.time);
    }

    fn plan(&mut self, entry: &Entry<'_>, sql: &[u8], parameters: &[u8], plan: &[u8], ms: f64) {
        if sql.starts_with(MARK.as_bytes())
            || self.grep.as_ref().is_some_and(|grep| !grep.is_match(sql) && !grep.is_match(plan))
        {
            return;
        }
        let text: Box<[u8]> = cut(self.statements.normalized(sql), EXAMPLE);
        let fingerprint = hash(self.statements.normalized(sql));
        let shape = hash(&shapes::plan(plan));
        let rows = shapes::plan_rows(plan);
        let new = Plans { fingerprint, statement: text, shape, ..Plans::default() };
        let others = || Plans { statement: OTHERS.into(), ..Plans::default() };
        let row = self.plans.row(fingerprint ^ shape.rotate_left(1), || new, others);
        if row.time.count == 0 || ms > row.time.most {
            let longest = if self.plan_bytes < PLANS { PLAN } else { EXAMPLE / 4 };
            let before = row.plan.len();
            row.plan = cut(plan, longest);
            row.parameters = cut(parameters, EXAMPLE);
            self.plan_bytes = (self.plan_bytes + row.plan.len()).saturating_sub(before);
        }
        row.time.add(ms);
        row.seen.at(entry.time);
        if let Some(rows) = rows {
            row.rows = Some(row.rows.unwrap_or_default() + rows);
            if let Some(statement) = self.statements.known(fingerprint) {
                statement.rows = Some(statement.rows.unwrap_or_default() + rows);
            }
        }
        self.add(entry, Section::Plans, Step { count: 1, duration_ms: ms, most_ms: ms, bytes: 0 });
    }

    fn error(&mut self, entry: &Entry<'_>) {
        if !entry.statement.is_empty() {
            let call = self.call(entry, entry.statement, b"", None);
            let fingerprint = self.statements.error(&call);
            if let Some(session) = self.sessions.known(entry) {
                session.last = Some(fingerprint);
            }
        }
        // The statement that failed has no duration, and if it was logged before, it is no call.
        if let Some(session) = self.sessions.known(entry) {
            if let Running::Statement(fingerprint) = session.running {
                self.statements.failed(fingerprint);
            }
            session.running = Running::Nothing;
            session.wait = None;
        }
        self.count_error(entry);
        self.add(entry, Section::Errors, Step { count: 1, ..Step::default() });
        let deadlock = server::deadlock(entry.detail);
        if !deadlock.is_empty() {
            self.deadlock(entry, &deadlock);
        }
        if let Some(kind) = shapes::event(true, entry.sqlstate, entry.message) {
            self.event(entry, kind);
        }
        self.failed_connection(entry);
    }

    fn warning(&mut self, entry: &Entry<'_>) {
        self.count_error(entry);
        self.add(entry, Section::Errors, Step { count: 1, ..Step::default() });
        if let Some(kind) = shapes::event(false, entry.sqlstate, entry.message) {
            self.event(entry, kind);
        }
    }

    fn count_error(&mut self, entry: &Entry<'_>) {
        let message = shapes::message(entry.sqlstate, entry.message);
        let key = hash(&[entry.severity, b"\0", entry.sqlstate, b"\0", &message].concat());
        let (user, application, database) = (
            self.names.number(entry.user),
            self.names.number(entry.application),
            self.names.number(entry.database),
        );
        let new = || Errors {
            severity: entry.severity.into(),
            sqlstate: entry.sqlstate.into(),
            message: cut(&message, EXAMPLE),
            example: cut(entry.message, EXAMPLE),
            detail: cut(entry.detail, EXAMPLE),
            hint: cut(entry.hint, EXAMPLE),
            statement: cut(entry.statement, EXAMPLE),
            ..Errors::default()
        };
        let row = self.errors.row(key, new, || Errors { message: OTHERS.into(), ..Errors::default() });
        row.count += 1;
        row.seen.at(entry.time);
        row.users.add(user);
        row.applications.add(application);
        row.databases.add(database);
    }

    fn event(&mut self, entry: &Entry<'_>, kind: &'static str) {
        let message = shapes::message(entry.sqlstate, entry.message);
        let key = hash(&[kind.as_bytes(), b"\0", &message].concat());
        let new = || Events { kind, message: cut(&message, EXAMPLE), ..Events::default() };
        let row = self.events.row(key, new, || Events { kind: "(others)", ..Events::default() });
        row.count += 1;
        row.seen.at(entry.time);
        row.example = cut(entry.message, EXAMPLE);
        let failed = entry.detail.strip_prefix(b"Failed process was running: ");
        row.statement = cut(failed.unwrap_or(entry.statement), EXAMPLE);
        self.add(entry, Section::Events, Step { count: 1, ..Step::default() });
        if kind == "crash" || entry.message.starts_with(b"starting PostgreSQL") {
            self.sessions.clear();
        }
    }

    fn deadlock(&mut self, entry: &Entry<'_>, locked: &[server::Locked<'_>]) {
        let victim = entry.pid.and_then(|pid| locked.iter().find(|one| one.pid == pid)).or(locked.first());
        let Some(victim) = victim else { return };
        let holder = locked.iter().find(|one| one.pid == victim.by).map_or(&b""[..], |one| one.statement);
        let statement = if victim.statement.is_empty() { entry.statement } else { victim.statement };
        let statement: Box<[u8]> = cut(self.statements.normalized(statement), EXAMPLE);
        let holder: Box<[u8]> = cut(self.statements.normalized(holder), EXAMPLE);
        self.lock(
            entry,
            Locks {
                kind: "deadlock",
                mode: victim.mode.into(),
                on: server::locked(victim.on).into(),
                statement,
                holder,
                ..Locks::default()
            },
        );
        self.add(entry, Section::Locks, Step { count: 1, ..Step::default() });
    }

    /// Counts a wait or a deadlock. Returns its key.
    fn lock(&mut self, entry: &Entry<'_>, new: Locks) -> u64 {
        let key = hash(&[new.kind.as_bytes(), &new.mode, &new.on, &new.statement, &new.holder].join(&0));
        let new = Locks { example: cut(entry.detail, EXAMPLE), ..new };
        let row = self.locks.row(key, || new, || Locks { kind: "(others)", ..Locks::default() });
        row.count += 1;
        row.seen.at(entry.time);
        key
    }

    /// Takes a message about the server's own work.
    fn own_work(&mut self, entry: &Entry<'_>) {
        let message = entry.message;
        // The first byte rules out most.
        match message.first() {
            Some(b't') => {
                if let Some(bytes) = server::temporary_file(message) {
                    return self.temporary_file(entry, bytes);
                }
            }
            Some(b'p') => {
                if let Some(wait) = server::lock_wait(message) {
                    return self.wait(entry, &wait);
                }
            }
            Some(b'a') => {
                if let Some(vacuum) = server::vacuum(message) {
                    return self.vacuum(entry, &vacuum);
                }
            }
            Some(b'c' | b'r' | b'd') => {
                if let Some(connection) = server::connection(message) {
                    return self.connection(entry, &connection);
                }
                if let Some(checkpoint) = server::checkpoint(message) {
                    return self.checkpoint(entry, &checkpoint);
                }
            }
            _ => {}
        }
        if let Some(kind) = shapes::event(false, entry.sqlstate, message) {
            self.event(entry, kind);
        }
    }

    fn temporary_file(&mut self, entry: &Entry<'_>, bytes: u64) {
        self.add(entry, Section::TemporaryFiles, Step { count: 1, bytes, ..Step::default() });
        if !entry.statement.is_empty() {
            // It is not counted as a call, since its own entry is.
            let text: Box<[u8]> = cut(self.statements.normalized(entry.statement), EXAMPLE);
            let fingerprint = hash(self.statements.normalized(entry.statement));
            self.files.row(
                fingerprint,
                || Files { statement: text, ..Files::default() },
                || Files { statement: OTHERS.into(), ..Files::default() },
            );
            return self.add_files(entry, Some(fingerprint), 1, bytes);
        }
        match self.sessions.of(entry) {
            Some(session) => {
                if let Running::Statement(fingerprint) = session.running {
                    self.add_files(entry, Some(fingerprint), 1, bytes);
                } else {
                    session.files.0 += 1;
                    session.files.1 += bytes;
                }
            }
            None => self.add_files(entry, None, 1, bytes),
        }
    }

    fn wait(&mut self, entry: &Entry<'_>, wait: &server::LockWait<'_>) {
        let known = self.sessions.known(entry).and_then(|session| session.wait);
        // What was waited so far is in the sums already.
        let (key, before) = match known {
            Some((key, before)) => (key, before),
            None => {
                let sql = entry.statement;
                let last = self.sessions.known(entry).and_then(|session| session.last);
                if !sql.is_empty() {
                    let call = self.call(entry, sql, b"", None);
                    let waiting = self.statements.seen_waiting(&call);
                    if let Some(session) = self.sessions.of(entry) {
                        session.last = Some(waiting);
                    }
                }
                let statement: Box<[u8]> = if sql.is_empty() {
                    last.and_then(|last| self.statements.text(last)).unwrap_or_default().into()
                } else {
                    cut(self.statements.normalized(sql), EXAMPLE)
                };
                let holder =
                    self.sessions.with_pid(server::holder(entry.detail)).and_then(|session| session.last);
                let holder = holder.and_then(|last| self.statements.text(last)).unwrap_or_default();
                let new = Locks {
                    kind: "wait",
                    mode: wait.mode.into(),
                    on: server::locked(wait.on).into(),
                    statement,
                    holder: cut(holder, EXAMPLE),
                    ..Locks::default()
                };
                (self.lock(entry, new), 0.0)
            }
        };
        let more = (wait.ms - before).max(0.0);
        if let Some(row) = self.locks.known(key) {
            row.total_ms += more;
            row.most_ms = row.most_ms.max(wait.ms);
            row.seen.at(entry.time);
        }
        let count = u64::from(known.is_none());
        self.add(entry, Section::Locks, Step { count, duration_ms: more, most_ms: wait.ms, bytes: 0 });
        if let Some(session) = self.sessions.of(entry) {
            session.wait = (wait.wait == Wait::Waiting).then_some((key, wait.ms));
        }
    }

    fn vacuum(&mut self, entry: &Entry<'_>, vacuum: &server::Vacuum<'_>) {
        let ms = vacuum.seconds.map(|seconds| seconds * 1e3);
        let row = self.vacuums.row(
            hash(vacuum.table),
            || Vacuums { table: vacuum.table.into(), ..Vacuums::default() },
            || Vacuums { table: OTHERS.into(), ..Vacuums::default() },
        );
        if vacuum.is_analyze {
            row.analyzes += 1;
        } else {
            row.vacuums += 1;
            row.aggressive += u64::from(vacuum.is_aggressive);
            row.tuples_dead = vacuum.tuples_dead;
        }
        if let Some(ms) = ms {
            row.time.add(ms);
        }
        row.pages_removed += vacuum.pages_removed.unwrap_or_default();
        row.tuples_removed += vacuum.tuples_removed.unwrap_or_default();
        row.seen.at(entry.time);
        let ms = ms.unwrap_or_default();
        self.add(entry, Section::Autovacuum, Step { count: 1, duration_ms: ms, most_ms: ms, bytes: 0 });
    }

    fn checkpoint(&mut self, entry: &Entry<'_>, checkpoint: &Checkpoint<'_>) {
        match checkpoint {
            Checkpoint::TooOften => self.event(entry, "checkpoints"),
            Checkpoint::Starting(kind, reason) => {
                let key = hash(&[kind.as_bytes(), b"\0", reason].concat());
                let row = self.checkpoints.row(
                    key,
                    || Checkpoints { kind, reason: (*reason).into(), ..Checkpoints::default() },
                    || Checkpoints { kind: "(others)", ..Checkpoints::default() },
                );
                row.started += 1;
                row.seen.at(entry.time);
                self.checkpoint = Some(key);
                self.add(entry, Section::Checkpoints, Step { count: 1, ..Step::default() });
            }
            Checkpoint::Complete(kind, Written { buffers, write_s, sync_s, total_s, wal_bytes }) => {
                // The log may begin after the checkpoint has.
                let key = self.checkpoint.take().unwrap_or_else(|| hash(kind.as_bytes()));
                let row = self.checkpoints.row(
                    key,
                    || Checkpoints { kind, ..Checkpoints::default() },
                    || Checkpoints { kind: "(others)", ..Checkpoints::default() },
                );
                row.buffers += buffers;
                row.write_ms += write_s * 1e3;
                row.sync_ms += sync_s * 1e3;
                row.time.add(total_s * 1e3);
                row.wal_bytes += wal_bytes;
                row.seen.at(entry.time);
                let ms = total_s * 1e3;
                self.add(
                    entry,
                    Section::Checkpoints,
                    Step { duration_ms: ms, most_ms: ms, bytes: *wal_bytes, count: 0 },
                );
            }
        }
    }

    fn connection(&mut self, entry: &Entry<'_>, connection: &Connection<'_>) {
        match *connection {
            Connection::Received(host) => {
                let host = self.names.number(host);
                // A process of the same pid that ended without a word is another one.
                self.session_ended(entry);
                if let Some(session) = self.sessions.of(entry) {
                    session.host = host;
                }
            }
            Connection::Authorized(user, database, application) => {
                let host = self.sessions.known(entry).and_then(|session| session.host);
                let host = host.or_else(|| self.names.number(host_of(entry.client)));
                let application = if application.is_empty() { entry.application } else { application };
                let key = self.connection_row(user, database, application, host);
                if let Some(row) = self.connections.known(key) {
                    row.count += 1;
                    row.seen.at(entry.time);
                }
                if let Some(session) = self.sessions.of(entry) {
                    session.connection = Some(key);
                }
                self.add(entry, Section::Connections, Step { count: 1, ..Step::default() });
            }
            Connection::Ended(ms, user, database, host) => {
                let known = self.sessions.known(entry).and_then(|session| session.connection);
                let key = match known {
                    Some(key) => key,
                    None => {
                        let host = self.names.number(host);
                        self.connection_row(user, database, entry.application, host)
                    }
                };
                if let Some(row) = self.connections.known(key) {
                    row.time.add(ms);
                    row.seen.at(entry.time);
                }
                self.session_ended(entry);
                self.add(
                    entry,
                    Section::Connections,
                    Step { duration_ms: ms, most_ms: ms, ..Step::default() },
                );
            }
        }
    }

    fn session_ended(&mut self, entry: &Entry<'_>) {
        let (files, bytes) = self.sessions.end(entry.pid);
        if files > 0 {
            self.add_files(entry, None, files, bytes);
        }
    }

    /// Makes the row of these connections, if there is none. Returns its key.
    fn connection_row(&mut self, user: &[u8], database: &[u8], application: &[u8], host: Option<u32>) -> u64 {
        let host_name = host.map(|host| self.names.name(host)).unwrap_or_default();
        let key = hash(&[user, database, application, host_name].join(&0));
        let new = Connections {
            user: self.names.number(user),
            database: self.names.number(database),
            application: self.names.number(application),
            host,
            ..Connections::default()
        };
        self.connections.row(key, || new, Connections::default);
        key
    }

    /// Counts a connection that was refused, by the SQLSTATE, or by the message if the log has none.
    fn failed_connection(&mut self, entry: &Entry<'_>) {
        let message = shapes::message(entry.sqlstate, entry.message);
        let is_refused = entry.statement.is_empty()
            && match entry.sqlstate {
                b"" => REFUSALS.iter().any(|words| message.starts_with(words.as_bytes())),
                b"53300" | b"57P03" | b"3D000" | b"0A000" | b"08P01" => true,
                b"42501" => message.starts_with(b"permission denied for database"),
                b"55000" => message.starts_with(b"database "),
                state => state.starts_with(b"28"),
            };
        if !is_refused {
            return;
        }
        // From PostgreSQL's view it may have been authorized before.
        let known = self.sessions.known(entry).and_then(|session| session.connection);
        let key = match known {
            Some(key) => key,
            None => {
                let host = self.sessions.known(entry).and_then(|session| session.host);
                let host = host.or_else(|| self.names.number(host_of(entry.client)));
                self.connection_row(entry.user, entry.database, entry.application, host)
            }
        };
        if let Some(row) = self.connections.known(key) {
            row.failed += 1;
            row.seen.at(entry.time);
        }
    }

    /// Returns the names of the sections of which some rows are only known as a sum.
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

    /// Adds what is left when the log has ended.
    pub fn end(&mut self) {
        let left = self.sessions.files_left();
        if left.0 > 0 {
            self.add_files(&Entry::default(), None, left.0, left.1);
        }
    }
}

/// The beginnings of messages by which a connection is refused, for a log without SQLSTATEs.
const REFUSALS: &[&str] = &[
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "sorry, too many clients",
    "remaining connection slots",
    "too many connections for",
    "the database system is ",
    "role \"",
    "database \"",
    "permission denied for database",
    "password authentication failed",
    "Peer authentication failed",
    "Ident authentication failed",
    "LDAP authentication failed",
    "PAM authentication failed",
    "GSSAPI authentication failed",
    "RADIUS authentication failed",
    "certificate authentication failed",
    "authentication failed",
    "canceling authentication due to timeout",
    "unsupported frontend protocol",
    "invalid length of startup packet",
    "no PostgreSQL user name specified",
];

/// Returns whether a severity is English.
fn is_english(severity: &[u8]) -> bool {
    matches!(severity, b"LOG" | b"ERROR" | b"FATAL" | b"PANIC" | b"WARNING" | b"NOTICE" | b"INFO")
        || severity.starts_with(b"DEBUG")
}

/// Returns a client's host without its port: `host:port`, `host(port)`.
fn host_of(client: &[u8]) -> &[u8] {
    if let Some(open) = client.strip_suffix(b")").and_then(|text| memchr::memrchr(b'(', text)) {
        return &client[..open];
    }
    match memchr::memrchr(b':', client) {
        Some(at) if client[at + 1..].iter().all(u8::is_ascii_digit) && !is_bare_ipv6(client) => &client[..at],
        _ => client,
    }
}

/// Returns whether this is an address of IPv6 without a port: the server does not put it in brackets, so that it looks as
/// if it had one.
fn is_bare_ipv6(client: &[u8]) -> bool {
    let colons = memchr::memchr_iter(b':', client).count();
    let parts = client.split(|b| *b == b':');
    colons > 1
        && parts.clone().all(|part| part.len() <= 4)
        && std::str::from_utf8(client).is_ok_and(|text| {
            // With a port behind it, there would be one part too many.
            text.parse::<std::net::Ipv6Addr>().is_ok()
                && !text.rsplit_once(':').is_some_and(|(address, port)| {
                    port.len() >= 4 && address.parse::<std::net::Ipv6Addr>().is_ok()
                })
        })
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;

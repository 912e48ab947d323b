//! The sections of the report, and their rows.

use clap::ValueEnum;
use jiff::Timestamp;

use super::collect::Collector;
use super::kept::{self, Sums};
use super::series::Step;
use super::statements::Statement;
use super::tally::{Seen, Spread};
use crate::rows::Row;

/// A part of the report, with rows and columns of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// Statements that differ only in their constants
    Statements,
    /// Errors and warnings, by SQLSTATE and message
    Errors,
    /// Temporary files, by statement
    TemporaryFiles,
    /// Waits for locks (log_lock_waits), and deadlocks
    Locks,
    /// Automatic vacuum and analyze, by table
    Autovacuum,
    /// Checkpoints and restartpoints, by reason
    Checkpoints,
    /// Connections and the length of sessions, by role, database, application and host
    Connections,
    /// Cancelled statements, terminated sessions, crashes, restarts, replication, changed settings
    Events,
    /// Plans of auto_explain, by statement and nodes
    Plans,
}

/// The columns of the overview.
pub const OVERVIEW: &[&str] = &[
    "section text",
    "rows int8",
    "count int8",
    "total_ms float8",
    "size_bytes int8",
    "first timestamptz",
    "last timestamptz",
    "top text",
];

/// The columns of the overview that are printed to a terminal if no others are chosen.
pub const NARROW_OVERVIEW: &[&str] = &["section", "rows", "count", "total_ms", "size_bytes", "top"];

/// The columns of the rows for time steps.
pub const STEPS: &[&str] = &[
    "time timestamptz",
    "section text",
    "count int8",
    "total_ms float8",
    "max_ms float8",
    "size_bytes int8",
];

impl Section {
    /// All sections, in the order of the report.
    pub const ALL: [Section; 9] = [
        Section::Statements,
        Section::Errors,
        Section::TemporaryFiles,
        Section::Locks,
        Section::Autovacuum,
        Section::Checkpoints,
        Section::Connections,
        Section::Events,
        Section::Plans,
    ];

    /// Returns the name of the section.
    pub fn name(self) -> &'static str {
        match self {
            Section::Statements => "statements",
            Section::Errors => "errors",
            Section::TemporaryFiles => "temporary-files",
            Section::Locks => "locks",
            Section::Autovacuum => "autovacuum",
            Section::Checkpoints => "checkpoints",
            Section::Connections => "connections",
            Section::Events => "events",
            Section::Plans => "plans",
        }
    }

    /// Returns whether the section is made from messages that are only recognized in English.
    pub fn needs_english(self) -> bool {
        !matches!(self, Section::Statements | Section::Errors | Section::Plans)
    }

    /// Returns the columns of the section.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Section::Statements => &[
                "fingerprint text",
                "calls int8",
                "total_ms float8",
                "share_pct float8",
                "mean_ms float8",
                "stddev_ms float8",
                "p50_ms float8",
                "p95_ms float8",
                "p99_ms float8",
                "max_ms float8",
                "prepare_ms float8",
                "rows int8",
                "errors int8",
                "temp_files int8",
                "temp_bytes int8",
                "first timestamptz",
                "last timestamptz",
                "users text",
                "applications text",
                "databases text",
                "statement text",
                "example text",
                "parameters text",
            ],
            Section::Errors => &[
                "count int8",
                "severity text",
                "sqlstate text",
                "message text",
                "first timestamptz",
                "last timestamptz",
                "users text",
                "applications text",
                "databases text",
                "example text",
                "detail text",
                "hint text",
                "statement text",
            ],
            Section::TemporaryFiles => &[
                "files int8",
                "total_bytes int8",
                "mean_bytes int8",
                "max_bytes int8",
                "first timestamptz",
                "last timestamptz",
                "statement text",
            ],
            Section::Locks => &[
                "kind text",
                "count int8",
                "total_ms float8",
                "max_ms float8",
                "mode text",
                "locked text",
                "first timestamptz",
                "last timestamptz",
                "statement text",
                "blocker text",
                "example text",
            ],
            Section::Autovacuum => &[
                "table text",
                "vacuums int8",
                "aggressive int8",
                "analyzes int8",
                "total_ms float8",
                "mean_ms float8",
                "max_ms float8",
                "pages_removed int8",
                "tuples_removed int8",
                "tuples_dead int8",
                "first timestamptz",
                "last timestamptz",
            ],
            Section::Checkpoints => &[
                "kind text",
                "reason text",
                "started int8",
                "completed int8",
                "buffers int8",
                "write_ms float8",
                "sync_ms float8",
                "total_ms float8",
                "mean_ms float8",
                "max_ms float8",
                "wal_bytes int8",
                "first timestamptz",
                "last timestamptz",
            ],
            Section::Connections => &[
                "connections int8",
                "failed int8",
                "ended int8",
                "total_ms float8",
                "mean_ms float8",
                "max_ms float8",
                "user text",
                "database text",
                "application text",
                "host text",
                "first timestamptz",
                "last timestamptz",
            ],
            Section::Events => &[
                "kind text",
                "count int8",
                "message text",
                "first timestamptz",
                "last timestamptz",
                "example text",
                "statement text",
            ],
            Section::Plans => &[
                "fingerprint text",
                "plan_id text",
                "count int8",
                "total_ms float8",
                "mean_ms float8",
                "max_ms float8",
                "rows int8",
                "first timestamptz",
                "last timestamptz",
                "statement text",
                "plan text",
                "parameters text",
            ],
        }
    }

    /// Returns the columns that are printed to a terminal if no others are chosen.
    pub fn narrow(self) -> &'static [&'static str] {
        match self {
            Section::Statements => &["calls", "total_ms", "share_pct", "p95_ms", "max_ms", "statement"],
            Section::Errors => &["count", "severity", "sqlstate", "last", "message"],
            Section::TemporaryFiles => &["files", "total_bytes", "max_bytes", "last", "statement"],
            Section::Locks => &["kind", "count", "total_ms", "max_ms", "mode", "statement", "blocker"],
            Section::Autovacuum => {
                &["table", "vacuums", "analyzes", "total_ms", "max_ms", "tuples_removed", "tuples_dead"]
            }
            Section::Checkpoints => {
                &["kind", "reason", "started", "buffers", "total_ms", "max_ms", "wal_bytes"]
            }
            Section::Connections => {
                &["connections", "failed", "mean_ms", "user", "database", "application", "host"]
            }
            Section::Events => &["kind", "count", "last", "example"],
            Section::Plans => &["count", "total_ms", "max_ms", "statement", "plan"],
        }
    }

    /// Returns the rows of the section, the heaviest first.
    pub fn rows(self, all: &Collector) -> Vec<Row> {
        match self {
            Section::Statements => statements(all),
            Section::Errors => errors(all),
            Section::TemporaryFiles => temporary_files(all),
            Section::Locks => locks(all),
            Section::Autovacuum => autovacuum(all),
            Section::Checkpoints => checkpoints(all),
            Section::Connections => connections(all),
            Section::Events => events(all),
            Section::Plans => plans(all),
        }
    }
}

/// Adds values of the report's own types to a row.
trait Values {
    fn count(self, n: u64) -> Self;
    fn number(self, x: Option<f64>) -> Self;
    /// Adds a text; NULL if it is empty.
    fn words(self, text: &[u8]) -> Self;
    fn seen(self, seen: &Seen) -> Self;
}

impl Values for Row {
    fn count(self, n: u64) -> Row {
        self.int8(Some(i64::try_from(n).unwrap_or(i64::MAX)))
    }

    fn number(self, x: Option<f64>) -> Row {
        // The server logs whole microseconds, so any further digits are rounding errors of the sum.
        self.float8(x.map(|x| (x * 1e3).round() / 1e3))
    }

    fn words(self, text: &[u8]) -> Row {
        self.text((!text.is_empty()).then_some(text))
    }

    fn seen(self, seen: &Seen) -> Row {
        self.timestamptz(at(seen.first)).timestamptz(at(seen.last))
    }
}

fn at(micros: Option<i64>) -> Option<Timestamp> {
    micros.and_then(|micros| Timestamp::from_microsecond(micros).ok())
}

fn bytes(x: Option<f64>) -> Option<i64> {
    x.map(|x| x.round() as i64)
}

fn statements(all: &Collector) -> Vec<Row> {
    let sum = all.statements.all.total;
    let share = |total: f64| (sum > 0.0).then(|| total / sum * 100.0);
    let names = &all.names;
    let row = |fingerprint: Option<u64>, one: &Statement| {
        let files =
            fingerprint.map(|known| all.files.get(known).map_or(Spread::default(), |files| files.bytes));
        let fingerprint = fingerprint.map(|known| format!("{known:016x}"));
        Row::new()
            .text(fingerprint.as_deref())
            .count(one.calls)
            .number(one.spread.total())
            .number(one.spread.total().and_then(share))
            .number(one.spread.mean())
            .number(one.deviation())
            .number(one.quantile(0.5))
            .number(one.quantile(0.95))
            .number(one.quantile(0.99))
            .number(one.spread.most())
            .number((one.prepare_ms > 0.0).then_some(one.prepare_ms))
            .int8(one.rows.map(|rows| i64::try_from(rows).unwrap_or(i64::MAX)))
            .count(one.errors)
            .int8(bytes(files.map(|files| files.count as f64)))
            .int8(bytes(files.map(|files| files.total)))
            .seen(&one.seen)
            .words(&one.users.text(names))
            .words(&one.applications.text(names))
            .words(&one.databases.text(names))
            .words(&one.text)
            .words(&one.example)
            .words(&one.parameters)
    };
    let heaviest =
        all.statements.heaviest().into_iter().map(|(fingerprint, one)| row(Some(fingerprint), one));
    heaviest.chain(all.statements.others().map(|(others, _)| row(None, &others))).collect()
}

fn errors(all: &Collector) -> Vec<Row> {
    let names = &all.names;
    let row = |one: &kept::Errors| {
        Row::new()
            .count(one.count)
            .words(&one.severity)
            .words(&one.sqlstate)
            .words(&one.message)
            .seen(&one.seen)
            .words(&one.users.text(names))
            .words(&one.applications.text(names))
            .words(&one.databases.text(names))
            .words(&one.example)
            .words(&one.detail)
            .words(&one.hint)
            .words(&one.statement)
    };
    all.errors.heaviest().into_iter().map(row).collect()
}

fn temporary_files(all: &Collector) -> Vec<Row> {
    let row = |one: &kept::Files| {
        Row::new()
            .count(one.bytes.count)
            .int8(bytes(one.bytes.total()))
            .int8(bytes(one.bytes.mean()))
            .int8(bytes(one.bytes.most()))
            .seen(&one.seen)
            .words(&one.statement)
    };
    all.files.heaviest().into_iter().map(row).collect()
}

fn locks(all: &Collector) -> Vec<Row> {
    let row = |one: &kept::Locks| {
        let ms = |ms: f64| (one.kind != "deadlock").then_some(ms);
        Row::new()
            .words(one.kind.as_bytes())
            .count(one.count)
            .number(ms(one.total_ms))
            .number(ms(one.most_ms))
            .words(&one.mode)
            .words(&one.on)
            .seen(&one.seen)
            .words(&one.statement)
            .words(&one.holder)
            .words(&one.example)
    };
    all.locks.heaviest().into_iter().map(row).collect()
}

fn autovacuum(all: &Collector) -> Vec<Row> {
    let row = |one: &kept::Vacuums| {
        Row::new()
            .words(&one.table)
            .count(one.vacuums)
            .count(one.aggressive)
            .count(one.analyzes)
            .number(one.time.total())
            .number(one.time.mean())
            .number(one.time.most())
            .count(one.pages_removed)
            .count(one.tuples_removed)
            .int8(one.tuples_dead.map(|n| i64::try_from(n).unwrap_or(i64::MAX)))
            .seen(&one.seen)
    };
    all.vacuums.heaviest().into_iter().map(row).collect()
}

fn checkpoints(all: &Collector) -> Vec<Row> {
    let row = |one: &kept::Checkpoints| {
        Row::new()
            .words(one.kind.as_bytes())
            .words(&one.reason)
            .count(one.started)
            .count(one.time.count)
            .count(one.buffers)
            .number(Some(one.write_ms))
            .number(Some(one.sync_ms))
            .number(one.time.total())
            .number(one.time.mean())
            .number(one.time.most())
            .count(one.wal_bytes)
            .seen(&one.seen)
    };
    all.checkpoints.heaviest().into_iter().map(row).collect()
}

fn connections(all: &Collector) -> Vec<Row> {
    let row = |one: &kept::Connections| {
        let name = |number: Option<u32>| number.map(|number| all.names.name(number)).unwrap_or_default();
        Row::new()
            .count(one.count)
            .count(one.failed)
            .count(one.time.count)
            .number(one.time.total())
            .number(one.time.mean())
            .number(one.time.most())
            .words(name(one.user))
            .words(name(one.database))
            .words(name(one.application))
            .words(name(one.host))
            .seen(&one.seen)
    };
    all.connections.heaviest().into_iter().map(row).collect()
}

fn events(all: &Collector) -> Vec<Row> {
    let row = |one: &kept::Events| {
        Row::new()
            .words(one.kind.as_bytes())
            .count(one.count)
            .words(&one.message)
            .seen(&one.seen)
            .words(&one.example)
            .words(&one.statement)
    };
    all.events.heaviest().into_iter().map(row).collect()
}

fn plans(all: &Collector) -> Vec<Row> {
    let row = |one: &kept::Plans| {
        Row::new()
            .words(format!("{:016x}", one.fingerprint).as_bytes())
            .words(format!("{:016x}", one.shape).as_bytes())
            .count(one.time.count)
            .number(one.time.total())
            .number(one.time.mean())
            .number(one.time.most())
            .int8(one.rows.map(|rows| i64::try_from(rows).unwrap_or(i64::MAX)))
            .seen(&one.seen)
            .words(&one.statement)
            .words(&one.plan)
            .words(&one.parameters)
    };
    all.plans.heaviest().into_iter().map(row).collect()
}

/// Returns the sums of all statements, which the overview shows.
fn sums_of_statements(all: &Collector) -> Sums {
    let rows = all.statements.heaviest();
    let mut seen = Seen::default();
    for (_, one) in &rows {
        seen.at(one.seen.first);
        seen.at(one.seen.last);
    }
    Sums {
        rows: rows.len() + all.statements.others().map_or(0, |(_, distinct)| distinct),
        count: all.statements.calls,
        total_ms: all.statements.all.total(),
        bytes: None,
        seen,
        top: rows.first().map(|(_, one)| one.text.clone()).unwrap_or_default(),
    }
}

/// Returns the sums of a section, which the overview shows.
fn sums_of(section: Section, all: &Collector) -> Sums {
    match section {
        Section::Statements => sums_of_statements(all),
        Section::Errors => all.errors.sums(),
        Section::TemporaryFiles => all.files.sums(),
        Section::Locks => all.locks.sums(),
        Section::Autovacuum => all.vacuums.sums(),
        Section::Checkpoints => all.checkpoints.sums(),
        Section::Connections => {
            let rows = all.connections.heaviest();
            let name = |number: Option<u32>| number.map(|number| all.names.name(number)).unwrap_or_default();
            let top = rows.first().map(|one| [name(one.user), name(one.database)].join(&b'@').into());
            Sums { top: top.unwrap_or_default(), ..all.connections.sums() }
        }
        Section::Events => all.events.sums(),
        Section::Plans => all.plans.sums(),
    }
}

/// Returns the overview: one row for each section. A section has no numbers if nothing was found for it in a log that
/// is not in English.
pub fn overview(all: &Collector) -> Vec<Row> {
    let is_foreign = all.foreign > 0;
    Section::ALL
        .into_iter()
        .map(|section| {
            let sums = sums_of(section, all);
            let row = Row::new().words(section.name().as_bytes());
            let row = if is_foreign && section.needs_english() && (sums.count == 0 || !all.has_english) {
                row.int8(None).int8(None).number(None).int8(None)
            } else {
                row.count(sums.rows as u64)
                    .count(sums.count)
                    .number(sums.total_ms.filter(|_| sums.count > 0))
                    .int8(bytes(sums.bytes.filter(|_| sums.count > 0)))
            };
            row.seen(&sums.seen).words(&sums.top)
        })
        .collect()
}

/// Returns one row for each time step and section that has something in this step: only for one section, or for all.
pub fn steps(all: &mut Collector, only: Option<Section>) -> Vec<Row> {
    let Some(series) = &mut all.series else { return Vec::new() };
    let mut rows = Vec::new();
    for (begin, steps) in series.steps() {
        for section in Section::ALL.into_iter().filter(|section| only.is_none_or(|only| only == *section)) {
            let step = &steps[section as usize];
            if *step != Step::default() {
                rows.push(
                    Row::new()
                        .timestamptz(at(Some(begin)))
                        .words(section.name().as_bytes())
                        .count(step.count)
                        .number((step.duration_ms > 0.0).then_some(step.duration_ms))
                        .number((step.most_ms > 0.0).then_some(step.most_ms))
                        .int8((step.bytes > 0).then(|| i64::try_from(step.bytes).unwrap_or(i64::MAX))),
                );
            }
        }
    }
    rows
}

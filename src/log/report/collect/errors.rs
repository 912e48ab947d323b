//! Adds up errors and warnings, and the deadlocks and events among them.

use super::{Collector, EXAMPLE};
use crate::log::report::entry::Entry;
use crate::log::report::kept::{Errors, Events, Locks};
use crate::log::report::names::hash;
use crate::log::report::sections::Section;
use crate::log::report::series::Step;
use crate::log::report::server;
use crate::log::report::sessions::Running;
use crate::log::report::shapes;
use crate::log::report::statements::cut;

impl Collector {
    /// Adds an error.
    pub(super) fn error(&mut self, entry: &Entry<'_>) {
        let kind = shapes::event(true, entry.sqlstate, entry.message);
        // A session that is terminated while it is idle has no statement that fails.
        let was_idle = kind == Some("terminated") && entry.statement.is_empty();
        let failed = (!entry.statement.is_empty()).then(|| {
            let call = self.call(entry, entry.statement, b"", None);
            self.statements.error(&call)
        });
        if let Some(session) = self.sessions.of(entry) {
            session.last = failed.or(session.last);
            session.wait = None;
            let running = std::mem::take(&mut session.running);
            session.failed = Some(failed.or(match running {
                Running::Statement(fingerprint) => Some(fingerprint),
                _ => None,
            }));
            // No duration is logged for a failed statement. If its text was logged before, it was counted as a call.
            if let Running::Statement(fingerprint) = running
                && !was_idle
            {
                self.statements.failed(fingerprint);
                if let Some(series) = &mut self.series {
                    series.take_back(session.begun, Section::Statements);
                }
            }
        }
        self.count(entry);
        self.deadlock(entry);
        self.failed_connection(entry);
        if let Some(kind) = kind {
            self.event(entry, kind);
        }
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, entry: &Entry<'_>) {
        self.count(entry);
        if let Some(kind) = shapes::event(false, entry.sqlstate, entry.message) {
            self.event(entry, kind);
        }
    }

    fn count(&mut self, entry: &Entry<'_>) {
        let message = shapes::message(entry.sqlstate, entry.message);
        let key = hash(&[entry.severity, entry.sqlstate, &message].join(&0));
        let (user, application, database) = (
            self.names.number(entry.user),
            self.names.number(entry.application),
            self.names.number(entry.database),
        );
        let row = self.errors.row(key, || Errors {
            severity: entry.severity.into(),
            sqlstate: entry.sqlstate.into(),
            message: cut(&message, EXAMPLE),
            example: cut(entry.message, EXAMPLE),
            detail: cut(entry.detail, EXAMPLE),
            hint: cut(entry.hint, EXAMPLE),
            statement: cut(entry.statement, EXAMPLE),
            ..Errors::default()
        });
        row.count += 1;
        row.seen.at(entry.time);
        row.users.add(user);
        row.applications.add(application);
        row.databases.add(database);
        self.add(entry, Section::Errors, Step::ONE);
    }

    /// Counts an event.
    pub(super) fn event(&mut self, entry: &Entry<'_>, kind: &'static str) {
        let message = shapes::message(entry.sqlstate, entry.message);
        let key = hash(&[kind.as_bytes(), &message].join(&0));
        let row =
            self.events.row(key, || Events { kind, message: cut(&message, EXAMPLE), ..Events::default() });
        row.count += 1;
        row.seen.at(entry.time);
        row.example = cut(entry.message, EXAMPLE);
        let failed = entry.detail.strip_prefix(b"Failed process was running: ");
        row.statement = cut(failed.unwrap_or(entry.statement), EXAMPLE);
        self.add(entry, Section::Events, Step::ONE);
        if kind == "crash" || entry.message.starts_with(b"starting PostgreSQL") {
            self.all_sessions_ended();
        }
    }

    fn deadlock(&mut self, entry: &Entry<'_>) {
        if !entry.sqlstate.is_empty() && entry.sqlstate != b"40P01" {
            return;
        }
        let locked = server::deadlock(entry.detail);
        let victim = entry.pid.and_then(|pid| locked.iter().find(|one| one.pid == pid)).or(locked.first());
        let Some(victim) = victim else { return };
        let holder = locked.iter().find(|one| one.pid == victim.by).map_or(&b""[..], |one| one.statement);
        let sql = if victim.statement.is_empty() { entry.statement } else { victim.statement };
        let new = Locks {
            kind: "deadlock",
            mode: victim.mode.into(),
            on: server::locked(victim.on).into(),
            statement: self.statements.named(sql).0,
            holder: self.statements.named(holder).0,
            ..Locks::default()
        };
        self.lock(entry, new);
        self.add(entry, Section::Locks, Step::ONE);
    }
}

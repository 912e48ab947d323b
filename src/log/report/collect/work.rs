//! Adds up what the server logs about its own work: temporary files, waits for locks, autovacuum and checkpoints.

use super::{Collector, EXAMPLE};
use crate::log::connection;
use crate::log::report::entry::Entry;
use crate::log::report::kept::{Checkpoints, Files, Locks, Vacuums};
use crate::log::report::names::hash;
use crate::log::report::sections::Section;
use crate::log::report::series::Step;
use crate::log::report::server::{self, Checkpoint, Wait};
use crate::log::report::sessions::{Running, Unclaimed};
use crate::log::report::shapes;
use crate::log::report::statements::cut;

impl Collector {
    /// Adds an entry that is neither a statement nor an error.
    pub(super) fn own_work(&mut self, entry: &Entry<'_>) {
        let message = entry.message;
        let had_english = std::mem::replace(&mut self.has_english, true);
        if let Some(bytes) = server::temporary_file(message) {
            self.temporary_file(entry, bytes);
        } else if let Some(wait) = server::lock_wait(message) {
            // The message names the process, even if the prefix does not.
            self.wait(&Entry { pid: entry.pid.or(wait.pid), ..*entry }, &wait);
        } else if let Some(vacuum) = server::vacuum(message) {
            self.vacuum(entry, &vacuum);
        } else if let Some(connection) = connection::connection(message) {
            self.connection(entry, &connection);
        } else if let Some(checkpoint) = server::checkpoint(message) {
            self.checkpoint(entry, &checkpoint);
        } else {
            // The first messages of a server are in English whatever its lc_messages are.
            self.has_english = had_english;
            if let Some(kind) = shapes::event(false, entry.sqlstate, message) {
                self.event(entry, kind);
            }
        }
    }

    fn temporary_file(&mut self, entry: &Entry<'_>, bytes: u64) {
        self.add(entry, Section::TemporaryFiles, Step { bytes, ..Step::ONE });
        let file = Unclaimed::file(bytes, entry.time);
        if !entry.statement.is_empty() {
            // The call of this statement is counted when its own entry is read.
            let (statement, fingerprint) = self.statements.named(entry.statement);
            self.files.row(fingerprint, || Files { statement, ..Files::default() });
            return self.add_files(Some(fingerprint), &file);
        }
        let statement = match self.sessions.of(entry) {
            Some(session) => match (session.running, session.failed) {
                (Running::Statement(fingerprint), _) => Some(fingerprint),
                (_, Some(failed)) => failed,
                // The statement may be logged only after it has ended.
                _ => return session.files.merge(&file),
            },
            None => None,
        };
        self.add_files(statement, &file);
    }

    /// Adds temporary files, if there are any, to the row of their statement, or to the row without a statement.
    pub(super) fn add_files(&mut self, fingerprint: Option<u64>, files: &Unclaimed) {
        if files.bytes.count == 0 {
            return;
        }
        let text = fingerprint.and_then(|known| self.statements.text(known)).unwrap_or_default();
        let new = || Files { statement: text.into(), ..Files::default() };
        let row = self.files.row(fingerprint.unwrap_or_default(), new);
        row.bytes.merge(&files.bytes);
        row.seen.merge(&files.seen);
    }

    /// Counts a wait or a deadlock. Returns the key of its row.
    pub(super) fn lock(&mut self, entry: &Entry<'_>, new: Locks) -> u64 {
        let key = hash(&[new.kind.as_bytes(), &new.mode, &new.on, &new.statement, &new.holder].join(&0));
        let row = self.locks.row(key, || Locks { example: cut(entry.detail, EXAMPLE), ..new });
        row.count += 1;
        row.seen.at(entry.time);
        key
    }

    fn wait(&mut self, entry: &Entry<'_>, wait: &server::LockWait<'_>) {
        let goes_on = self.sessions.known(entry).and_then(|session| session.wait);
        let (key, before) = match goes_on {
            Some(known) => known,
            None => (self.wait_begins(entry, wait), 0.0),
        };
        // The time up to the last message about this wait is already in the sums.
        let more = (wait.ms - before).max(0.0);
        let row = self.locks.again(key);
        row.total_ms += more;
        row.most_ms = row.most_ms.max(wait.ms);
        row.seen.at(entry.time);
        let count = u64::from(goes_on.is_none());
        self.add(entry, Section::Locks, Step { count, duration_ms: more, most_ms: wait.ms, bytes: 0 });
        if let Some(session) = self.sessions.of(entry) {
            session.wait = (wait.wait == Wait::Waiting).then_some((key, wait.ms));
        }
    }

    /// Counts a wait that was not logged before. Returns the key of its row.
    fn wait_begins(&mut self, entry: &Entry<'_>, wait: &server::LockWait<'_>) -> u64 {
        if !entry.statement.is_empty() {
            let call = self.call(entry, entry.statement, b"", None);
            let waiting = self.statements.waiting(&call);
            if let Some(session) = self.sessions.of(entry) {
                session.last = Some(waiting);
            }
        }
        let last = self.sessions.known(entry).and_then(|session| session.last);
        let holder = self.sessions.with_pid(server::holder(entry.detail)).and_then(|session| session.last);
        let text =
            |known: Option<u64>| known.and_then(|known| self.statements.text(known)).unwrap_or_default();
        let new = Locks {
            kind: "wait",
            mode: wait.mode.into(),
            on: server::locked(wait.on).into(),
            statement: cut(text(last), EXAMPLE),
            holder: cut(text(holder), EXAMPLE),
            ..Locks::default()
        };
        self.lock(entry, new)
    }

    fn vacuum(&mut self, entry: &Entry<'_>, vacuum: &server::Vacuum<'_>) {
        let new = || Vacuums { table: vacuum.table.into(), ..Vacuums::default() };
        let row = self.vacuums.row(hash(vacuum.table), new);
        if vacuum.is_analyze {
            row.analyzes += 1;
        } else {
            row.vacuums += 1;
            row.aggressive += u64::from(vacuum.is_aggressive);
            row.tuples_dead = vacuum.tuples_dead;
        }
        let ms = vacuum.seconds.map(|seconds| seconds * 1e3);
        if let Some(ms) = ms {
            row.time.add(ms);
        }
        row.pages_removed += vacuum.pages_removed.unwrap_or_default();
        row.tuples_removed += vacuum.tuples_removed.unwrap_or_default();
        row.seen.at(entry.time);
        self.add(entry, Section::Autovacuum, Step::ONE.lasting(ms.unwrap_or_default()));
    }

    fn checkpoint(&mut self, entry: &Entry<'_>, checkpoint: &Checkpoint<'_>) {
        match *checkpoint {
            Checkpoint::TooOften => self.event(entry, "checkpoints"),
            Checkpoint::Starting(kind, reason) => {
                let key = hash(&[kind.as_bytes(), reason].join(&0));
                let new = || Checkpoints { kind, reason: reason.into(), ..Checkpoints::default() };
                let row = self.checkpoints.row(key, new);
                row.started += 1;
                row.seen.at(entry.time);
                self.checkpoint = Some(key);
                self.add(entry, Section::Checkpoints, Step::ONE);
            }
            Checkpoint::Complete(kind, written) => {
                // The beginning of the checkpoint may be missing, because the log may start later.
                let key = self.checkpoint.take().unwrap_or_else(|| hash(kind.as_bytes()));
                let row = self.checkpoints.row(key, || Checkpoints { kind, ..Checkpoints::default() });
                let ms = written.total_s * 1e3;
                row.buffers += written.buffers;
                row.write_ms += written.write_s * 1e3;
                row.sync_ms += written.sync_s * 1e3;
                row.time.add(ms);
                row.wal_bytes += written.wal_bytes;
                row.seen.at(entry.time);
                self.add(entry, Section::Checkpoints, Step { bytes: written.wal_bytes, ..Step::more(ms) });
            }
        }
    }
}

//! The entries that are passed in batches from the thread that reads a log to the thread that adds them up.

use crate::log::record::{Record, Shape, shape};

/// How many texts an entry has.
const TEXTS: usize = 12;
/// A batch is passed on when its texts have this many bytes.
const FULL: usize = 256 << 10;

/// An entry of a log: the fields of a [`Record`] that the report uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entry<'a> {
    /// Microseconds since 1970.
    pub time: Option<i64>,
    pub pid: Option<i64>,
    pub user: &'a [u8],
    pub database: &'a [u8],
    pub application: &'a [u8],
    pub client: &'a [u8],
    pub session: &'a [u8],
    pub severity: &'a [u8],
    pub sqlstate: &'a [u8],
    pub message: &'a [u8],
    pub detail: &'a [u8],
    pub hint: &'a [u8],
    pub context: &'a [u8],
    pub statement: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Returns the entry of a record.
    pub fn of(record: &'a Record) -> Entry<'a> {
        Entry {
            time: record.time.map(|time| time.as_microsecond()),
            pid: record.pid,
            user: &record.user,
            database: &record.database,
            application: &record.application,
            client: &record.client,
            session: &record.session,
            severity: &record.severity,
            sqlstate: &record.sqlstate,
            message: &record.message,
            detail: &record.detail,
            hint: &record.hint,
            context: &record.context,
            statement: &record.statement,
        }
    }

    /// Splits the message: see [`Record::shape`].
    pub fn shape(&self) -> Shape<'a> {
        shape(self.message, self.detail, self.statement)
    }

    fn texts(&self) -> [&'a [u8]; TEXTS] {
        [
            self.user,
            self.database,
            self.application,
            self.client,
            self.session,
            self.severity,
            self.sqlstate,
            self.message,
            self.detail,
            self.hint,
            self.context,
            self.statement,
        ]
    }
}

/// Entries whose texts are stored one after the other in one buffer, so that no entry needs an allocation of its own.
#[derive(Debug, Default)]
pub struct Batch {
    texts: Vec<u8>,
    heads: Vec<Head>,
}

/// The numbers of an entry, and where its texts are.
#[derive(Debug, Clone, Copy)]
struct Head {
    time: Option<i64>,
    pid: Option<i64>,
    /// Where the first text begins in the batch.
    from: usize,
    lengths: [u32; TEXTS],
}

impl Batch {
    /// Adds an entry.
    pub fn push(&mut self, entry: &Entry<'_>) {
        let from = self.texts.len();
        let mut lengths = [0; TEXTS];
        for (length, text) in lengths.iter_mut().zip(entry.texts()) {
            if !text.is_empty() {
                // The conversion cannot fail, because a text has at most a few megabytes.
                *length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                self.texts.extend_from_slice(text);
            }
        }
        self.heads.push(Head { time: entry.time, pid: entry.pid, from, lengths });
    }

    /// Returns whether the batch is large enough to be passed on.
    pub fn is_full(&self) -> bool {
        self.texts.len() >= FULL
    }

    /// Returns whether the batch has no entries.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Removes all entries. The memory is kept for the next ones, up to a limit.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.texts.clear();
        self.texts.shrink_to(4 * FULL);
    }

    /// Returns the entries in the order in which they were added.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.heads.iter().map(|head| {
            let mut rest = &self.texts[head.from..];
            let mut next = head.lengths.iter().map(|length| {
                let (text, after) = rest.split_at((*length as usize).min(rest.len()));
                rest = after;
                text
            });
            let mut text = || next.next().unwrap_or_default();
            Entry {
                time: head.time,
                pid: head.pid,
                user: text(),
                database: text(),
                application: text(),
                client: text(),
                session: text(),
                severity: text(),
                sqlstate: text(),
                message: text(),
                detail: text(),
                hint: text(),
                context: text(),
                statement: text(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_back_what_was_put_into_it() {
        let one = Entry { time: Some(5), user: b"a", statement: b"SELECT 1", ..Entry::default() };
        let two = Entry { pid: Some(7), message: b"m", detail: b"d", ..Entry::default() };
        let mut batch = Batch::default();
        for _ in 0..2 {
            batch.clear();
            assert!(batch.is_empty());
            batch.push(&one);
            batch.push(&two);
            let back: Vec<_> = batch.entries().map(|e| (e.time, e.pid, e.texts())).collect();
            assert_eq!(back, [(Some(5), None, one.texts()), (None, Some(7), two.texts())]);
        }
    }
}

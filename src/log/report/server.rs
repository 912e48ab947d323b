//! Parses the English messages about the server's own work: temporary files, waits for locks, autovacuum, checkpoints
//! and connections. The texts are those in the sources of PostgreSQL 10 to 18.

use crate::log::words;

/// Returns the text between two others, and the text that follows them.
fn between<'a>(text: &'a [u8], before: &[u8], after: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let from = memchr::memmem::find(text, before)? + before.len();
    let len = memchr::memmem::find(&text[from..], after)?;
    Some((&text[from..from + len], &text[from + len + after.len()..]))
}

/// Returns the number that a text begins with.
fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    let len = text.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    // A period at the end belongs to the sentence, not to the number.
    std::str::from_utf8(&text[..len]).ok()?.trim_end_matches('.').parse().ok()
}

/// Returns the number that follows another text.
fn after<T: std::str::FromStr>(text: &[u8], before: &[u8]) -> Option<T> {
    number(&text[memchr::memmem::find(text, before)? + before.len()..])
}

/// Returns the size of a temporary file in bytes, which is logged when the file is deleted.
pub fn temporary_file(message: &[u8]) -> Option<u64> {
    let rest = message.strip_prefix(b"temporary file: path \"")?;
    let at = memchr::memmem::rfind(rest, b"\", size ")?;
    number(&rest[at + b"\", size ".len()..])
}

/// The state of a wait for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The process still waits.
    Waiting,
    /// The process has got the lock.
    Acquired,
    /// The process did not get the lock, or a deadlock was detected or avoided.
    Other,
}

/// A wait for a lock.
#[derive(Debug, PartialEq)]
pub struct LockWait<'a> {
    pub wait: Wait,
    /// The process that waits.
    pub pid: Option<i64>,
    /// The mode of the lock, such as `ShareLock`.
    pub mode: &'a [u8],
    /// The locked object, as the server describes it.
    pub on: &'a [u8],
    /// How long the process has waited so far, in milliseconds.
    pub ms: f64,
}

/// Parses a message of `log_lock_waits`.
pub fn lock_wait(message: &[u8]) -> Option<LockWait<'_>> {
    // In the stderr format, the position in the statement may follow the message.
    let rest = words::without_position(message).strip_prefix(b"process ")?;
    let pid = number(rest);
    let rest = &rest[rest.iter().take_while(|b| b.is_ascii_digit()).count()..];
    let (wait, rest) = [
        (&b" still waiting for "[..], Wait::Waiting),
        (b" acquired ", Wait::Acquired),
        (b" avoided deadlock for ", Wait::Other),
        (b" detected deadlock while waiting for ", Wait::Other),
        (b" failed to acquire ", Wait::Other),
    ]
    .into_iter()
    .find_map(|(words, wait)| Some((wait, rest.strip_prefix(words)?)))?;
    let on = memchr::memmem::find(rest, b" on ")?;
    let end = memchr::memmem::rfind(rest, b" after ").filter(|end| *end >= on + 4)?;
    let ms = &rest[end + b" after ".len()..];
    ms.ends_with(b" ms").then_some(())?;
    Some(LockWait { wait, pid, mode: &rest[..on], on: &rest[on + 4..end], ms: number(ms)? })
}

/// Returns a description of a locked object that is the same for all objects of its kind, except that the OID of a
/// relation is kept.
pub fn locked(on: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = on.split(|b| *b == b' ').collect();
    match words[..] {
        [b"relation", ..] | [b"extension", ..] => on.to_vec(),
        [b"tuple", _, ref relation @ ..] => [&b"tuple "[..], &relation.join(&b' ')].concat(),
        [b"page", _, ref relation @ ..] => [&b"page "[..], &relation.join(&b' ')].concat(),
        [b"transaction", ..] => b"transaction".to_vec(),
        [b"virtual", ..] => b"virtual transaction".to_vec(),
        _ => {
            let mut out: Vec<u8> = on.iter().map(|b| if b.is_ascii_digit() { b'?' } else { *b }).collect();
            out.dedup_by(|b, before| (*b, *before) == (b'?', b'?'));
            out
        }
    }
}

/// Returns the pid of the first process that holds the lock, from the detail of a wait.
pub fn holder(detail: &[u8]) -> Option<i64> {
    let rest = [&b"Process holding the lock: "[..], b"Processes holding the lock: "]
        .into_iter()
        .find_map(|words| detail.strip_prefix(words))?;
    number(rest)
}

/// A process in the detail of a deadlock.
#[derive(Debug, PartialEq, Eq)]
pub struct Locked<'a> {
    pub pid: i64,
    pub mode: &'a [u8],
    pub on: &'a [u8],
    /// The pid of the process that blocks this one.
    pub by: i64,
    /// The statement of the process.
    pub statement: &'a [u8],
}

/// Parses the detail of a deadlock, which lists which process waits for which, and then their statements.
pub fn deadlock(detail: &[u8]) -> Vec<Locked<'_>> {
    let mut all = Vec::new();
    let mut rest = detail;
    while let Some(line) = rest.strip_prefix(b"Process ") {
        let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
        let text = &line[..end];
        let Some(pid) = number::<i64>(text) else { break };
        let Some((mode, _)) = between(text, b" waits for ", b" on ") else { break };
        let Some((on, _)) = between(text, b" on ", b"; blocked by process ") else { break };
        let Some(by) = after(text, b"; blocked by process ") else { break };
        all.push(Locked { pid, mode, on, by, statement: b"" });
        rest = &line[(end + 1).min(line.len())..];
    }
    // A statement may have several lines, so its end is found by the pid of the next process.
    for i in 0..all.len() {
        let mark = format!("Process {}: ", all[i].pid);
        let Some(after) = rest.strip_prefix(mark.as_bytes()) else { break };
        let next = all.get(i + 1).map(|next| format!("\nProcess {}: ", next.pid));
        let end = next.and_then(|next| memchr::memmem::find(after, next.as_bytes()));
        all[i].statement = &after[..end.unwrap_or(after.len())];
        rest = end.map_or(b"", |end| &after[end + 1..]);
    }
    all
}

/// An automatic vacuum or analyze.
#[derive(Debug, PartialEq)]
pub struct Vacuum<'a> {
    /// `database.schema.table`.
    pub table: &'a [u8],
    pub is_analyze: bool,
    pub is_aggressive: bool,
    pub seconds: Option<f64>,
    pub pages_removed: Option<u64>,
    pub tuples_removed: Option<u64>,
    pub tuples_dead: Option<u64>,
}

/// Parses a message of `log_autovacuum_min_duration`.
pub fn vacuum(message: &[u8]) -> Option<Vacuum<'_>> {
    let rest = message.strip_prefix(b"automatic ")?;
    let is_analyze = rest.starts_with(b"analyze of table \"");
    let head = &rest[..memchr::memchr(b'"', rest)?];
    let is_vacuum = head.ends_with(b"of table ") && memchr::memmem::find(head, b"vacuum").is_some();
    if !is_analyze && !is_vacuum {
        return None;
    }
    let rest = &rest[head.len() + 1..];
    // A name may contain quotes, so its end is found by the text that follows it.
    let ends = [&b"\": index scans: "[..], b"\" system usage: ", b"\"\n", b"\": "];
    let end = ends.into_iter().find_map(|end| memchr::memmem::find(rest, end));
    let end = end.or_else(|| rest.strip_suffix(b"\"").map(<[u8]>::len))?;
    let (table, rest) = rest.split_at(end);
    let line = |begin: &[u8]| memchr::memmem::find(rest, begin).map(|at| &rest[at..]);
    let (pages, tuples) = (line(b"pages: "), line(b"tuples: "));
    Some(Vacuum {
        table,
        is_analyze,
        is_aggressive: memchr::memmem::find(head, b"aggressive").is_some()
            || memchr::memmem::find(head, b"to prevent wraparound").is_some(),
        seconds: after(rest, b"elapsed: ").or_else(|| after(rest, b"elapsed ")),
        pages_removed: pages.and_then(|text| after(text, b"pages: ")),
        tuples_removed: tuples.and_then(|text| after(text, b"tuples: ")),
        tuples_dead: tuples.and_then(|text| {
            let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
            let at = memchr::memmem::find(&text[..end], b" are dead but not yet removable")?;
            number(&text[text[..at].iter().rposition(|b| *b == b' ')? + 1..])
        }),
    })
}

/// A message about a checkpoint or restartpoint.
#[derive(Debug, PartialEq)]
pub enum Checkpoint<'a> {
    /// It begins: whether it is a checkpoint or a restartpoint, and the reason.
    Starting(&'static str, &'a [u8]),
    /// It has ended: whether it is a checkpoint or a restartpoint, and what was written.
    Complete(&'static str, Written),
    /// Checkpoints are too frequent, because of the amount of WAL.
    TooOften,
}

/// What a checkpoint wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Written {
    pub buffers: u64,
    pub write_s: f64,
    pub sync_s: f64,
    pub total_s: f64,
    /// The amount of WAL since the previous checkpoint, in bytes.
    pub wal_bytes: u64,
}

/// Parses a message of `log_checkpoints`.
pub fn checkpoint(message: &[u8]) -> Option<Checkpoint<'_>> {
    if message.starts_with(b"checkpoints are occurring too frequently") {
        return Some(Checkpoint::TooOften);
    }
    let (what, rest) = [("checkpoint", &b"checkpoint "[..]), ("restartpoint", b"restartpoint ")]
        .into_iter()
        .find_map(|(what, words)| Some((what, message.strip_prefix(words)?)))?;
    if let Some(why) = rest.strip_prefix(b"starting:") {
        return Some(Checkpoint::Starting(what, why.trim_ascii()));
    }
    let rest = rest.strip_prefix(b"complete: wrote ")?;
    Some(Checkpoint::Complete(
        what,
        Written {
            buffers: number(rest)?,
            write_s: after(rest, b"write=").unwrap_or_default(),
            sync_s: after(rest, b"sync=").unwrap_or_default(),
            total_s: after(rest, b"total=").unwrap_or_default(),
            wal_bytes: after::<u64>(rest, b"distance=").unwrap_or_default() * 1024,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_and_waits_for_locks_are_taken_apart() {
        assert_eq!(
            temporary_file(b"temporary file: path \"base/pgsql_tmp/pgsql_tmp1.0\", size 14032896"),
            Some(14_032_896)
        );
        assert_eq!(temporary_file(b"temporary file: none"), None);
        let wait =
            lock_wait(b"process 7 still waiting for ShareLock on transaction 742 after 1000.072 ms").unwrap();
        assert_eq!(
            (wait.wait, wait.mode, wait.on, wait.ms),
            (Wait::Waiting, &b"ShareLock"[..], &b"transaction 742"[..], 1000.072)
        );
        let wait =
            lock_wait(b"process 7 acquired AccessExclusiveLock on relation 16384 of database 5 after 2.5 ms")
                .unwrap();
        assert_eq!((wait.wait, locked(wait.on)), (Wait::Acquired, b"relation 16384 of database 5".to_vec()));
        assert_eq!(locked(b"tuple (0,1) of relation 7 of database 5"), b"tuple of relation 7 of database 5");
        assert_eq!(locked(b"virtual transaction 3/45"), b"virtual transaction");
        assert_eq!(locked(b"advisory lock [16384,0,42,1]"), b"advisory lock [?,?,?,?]");
        assert_eq!(holder(b"Process holding the lock: 12. Wait queue: 7."), Some(12));
        assert_eq!(holder(b"Processes holding the lock: 12, 13. Wait queue: 7."), Some(12));
        for other in [
            "process 7 acquired",
            "process x acquired a on b after 1 ms",
            "process 7 still waiting for a on b",
        ] {
            assert_eq!(lock_wait(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_deadlock_names_its_processes_and_their_statements() {
        let detail = b"Process 1 waits for ShareLock on transaction 5; blocked by process 2.\n\
            Process 2 waits for ShareLock on transaction 4; blocked by process 1.\n\
            Process 1: UPDATE a\n  SET b = 1\nProcess 2: UPDATE c";
        let all = deadlock(detail);
        assert_eq!(
            (all[0].pid, all[0].by, all[0].mode, all[0].on),
            (1, 2, &b"ShareLock"[..], &b"transaction 5"[..])
        );
        assert_eq!((all[0].statement, all[1].statement), (&b"UPDATE a\n  SET b = 1"[..], &b"UPDATE c"[..]));
        assert_eq!(deadlock(b"something else"), []);
    }

    #[test]
    fn what_autovacuum_did_is_read_from_every_version() {
        let old = b"automatic vacuum of table \"shop.public.t\": index scans: 1\npages: 3 removed, 40 remain, 0 skipped due to pins, 0 skipped frozen\n\
            tuples: 1000 removed, 2000 remain, 12 are dead but not yet removable, oldest xmin: 600\nbuffer usage: 100 hits\n\
            system usage: CPU: user: 0.01 s, system: 0.00 s, elapsed: 0.25 s";
        let new = b"automatic aggressive vacuum to prevent wraparound of table \"shop.public.it\"s\": index scans: 0\n\
            pages: 3 removed, 40 remain, 40 scanned (100.00% of total), 0 eagerly scanned\n\
            tuples: 1000 removed, 2000 remain, 12 are dead but not yet removable\nsystem usage: CPU: user: 0.01 s, system: 0.00 s, elapsed: 0.25 s";
        for (text, table, is_aggressive) in
            [(&old[..], &b"shop.public.t"[..], false), (new, b"shop.public.it\"s", true)]
        {
            let vacuum = vacuum(text).unwrap();
            assert_eq!(
                vacuum,
                Vacuum {
                    table,
                    is_analyze: false,
                    is_aggressive,
                    seconds: Some(0.25),
                    pages_removed: Some(3),
                    tuples_removed: Some(1000),
                    tuples_dead: Some(12)
                }
            );
        }
        for text in [
            "automatic analyze of table \"a.b.c\" system usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 1.50 s",
            "automatic analyze of table \"a.b.c\"\navg read rate: 0 MB/s\nsystem usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 1.50 s",
        ] {
            let vacuum = vacuum(text.as_bytes()).unwrap();
            assert_eq!(
                (vacuum.table, vacuum.is_analyze, vacuum.seconds),
                (&b"a.b.c"[..], true, Some(1.5)),
                "{text}"
            );
        }
        assert_eq!(vacuum(b"automatic pancake of table \"a\""), None);
    }

    #[test]
    fn checkpoints_are_taken_apart() {
        assert_eq!(
            checkpoint(b"checkpoint starting: immediate force wait"),
            Some(Checkpoint::Starting("checkpoint", b"immediate force wait"))
        );
        let Some(Checkpoint::Complete("restartpoint", written)) = checkpoint(
            b"restartpoint complete: wrote 44 buffers (0.3%), wrote 3 SLRU buffers; 0 WAL file(s) added, 0 removed, 1 recycled; write=4.4 s, sync=0.01 s, total=4.5 s; sync files=11, longest=0.01 s, average=0.01 s; distance=16 kB, estimate=17 kB",
        ) else {
            panic!()
        };
        assert_eq!(
            written,
            Written { buffers: 44, write_s: 4.4, sync_s: 0.01, total_s: 4.5, wal_bytes: 16_384 }
        );
    }
}

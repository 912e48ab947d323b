//! jsonlog: one object per line.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::decoder::{LONGEST, Sieve, Sink};
use super::lines::Lines;
use super::losses::{Losses, Unread};
use crate::error;
use crate::log::legacy::Legacy;
use crate::log::record::Record;
use crate::log::zone::{Clock, Instant};
use crate::rows::Flow;
use crate::rows::cell::push_int;

/// The beginning of every object.
const BEGINNING: &[u8] = b"{\"timestamp\":\"";
/// The beginning of an object that CloudNativePG made from a csvlog entry.
const OF_CSV: &[u8] = b"{\"log_time\":\"";

/// Returns whether an entry begins here.
pub fn begins(text: &[u8]) -> bool {
    let first = [BEGINNING, OF_CSV].iter().any(|key| text.starts_with(&key[..key.len() - 2]));
    // Objects of other programs begin with a time too.
    first && memchr::memmem::find(text, b"\"error_severity\"").is_some()
}

/// A string of an object, borrowed from the line unless it has escapes.
#[derive(Default, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What a record takes from an object. A server writes only the keys that have a value.
#[derive(Default)]
struct Entry<'a> {
    timestamp: Text<'a>,
    user: Text<'a>,
    dbname: Text<'a>,
    pid: Option<&'a RawValue>,
    remote_host: Text<'a>,
    remote_port: Option<u16>,
    error_severity: Text<'a>,
    state_code: Text<'a>,
    message: Text<'a>,
    detail: Text<'a>,
    hint: Text<'a>,
    context: Text<'a>,
    statement: Text<'a>,
    application_name: Text<'a>,
    session_id: Text<'a>,
}

/// Reads an object with the keys of jsonlog, or of CloudNativePG. The derived code compares each key with all that are known,
/// which takes half of the time.
struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an entry of jsonlog")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry<'de>, A::Error> {
        let mut entry = Entry::default();
        let (mut has_time, mut has_severity) = (false, false);
        while let Some(Text(key)) = map.next_key()? {
            let to = match (key.len(), &*key) {
                (9, "timestamp") | (8, "log_time") => {
                    has_time = true;
                    &mut entry.timestamp
                }
                (14, "error_severity") => {
                    has_severity = true;
                    &mut entry.error_severity
                }
                (3, "pid") | (10, "process_id") => {
                    entry.pid = map.next_value()?;
                    continue;
                }
                (11, "remote_port") => {
                    entry.remote_port = map.next_value()?;
                    continue;
                }
                (4, "user") | (9, "user_name") => &mut entry.user,
                (6, "dbname") | (13, "database_name") => &mut entry.dbname,
                (11, "remote_host") | (15, "connection_from") => &mut entry.remote_host,
                (10, "state_code") | (14, "sql_state_code") => &mut entry.state_code,
                (7, "message") => &mut entry.message,
                (6, "detail") => &mut entry.detail,
                (4, "hint") => &mut entry.hint,
                (7, "context") => &mut entry.context,
                (9, "statement") | (5, "query") => &mut entry.statement,
                (10, "session_id") => &mut entry.session_id,
                (16, "application_name") => &mut entry.application_name,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *to = map.next_value()?;
        }
        if has_time && has_severity { Ok(entry) } else { Err(A::Error::missing_field("timestamp")) }
    }
}

/// Returns a line whose middle is missing as an object again: the string that the line was cut in ends there, and the keys
/// behind it follow. `None` if the two parts do not fit together.
fn mended(line: &[u8]) -> Option<Vec<u8>> {
    let (head, tail) = line.split_at_checked(LONGEST)?;
    // The beginning must end within a string.
    let mut at = 0;
    let mut is_inside = false;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &head[at..]) {
        at += found;
        if head[at] == b'\\' {
            at += 2;
        } else {
            is_inside = !is_inside;
            at += 1;
        }
        if at >= head.len() {
            break;
        }
    }
    if !is_inside {
        return None;
    }
    // Neither an escape nor a character may be cut.
    let mut end = head.len();
    if let Some(escape) = head[end - 12..].iter().position(|b| *b == b'\\') {
        end = end - 12 + escape;
        while head[end - 1] == b'\\' {
            end -= 1;
        }
    }
    while end > 0 && head[end - 1] >= 0x80 {
        end -= 1;
    }
    // A quote that is not escaped ends the string. What is at the very beginning may belong to a backslash
    // that is missing.
    let begin = tail.iter().position(|b| *b != b'\\')?;
    let mut at = begin + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', tail.get(at..)?)?;
        if tail[at] == b'"' {
            return Some([&head[..end], &tail[at..]].concat());
        }
        at += 2;
    }
}

/// Parses a whole line.
fn parsed(line: &str) -> Option<Entry<'_>> {
    let mut parser = serde_json::Deserializer::from_str(line);
    let entry = parser.deserialize_map(Keys).ok()?;
    parser.end().ok()?;
    Some(entry)
}

/// See [`super::decoder::Decoder`].
pub struct Decoder {
    clock: Clock,
    lines: Lines,
    legacy: Legacy,
    record: Record,
    skipping: bool,
    pub(super) sieve: Sieve,
    pub(super) has_sifted: bool,
    pub(super) losses: Losses,
    pub(super) unread: Unread,
}

impl Decoder {
    pub(super) fn new(clock: Clock) -> Decoder {
        Decoder {
            clock,
            lines: Lines::default(),
            legacy: Legacy::default(),
            record: Record::default(),
            skipping: false,
            sieve: Sieve::default(),
            has_sifted: false,
            losses: Losses::default(),
            unread: Unread::default(),
        }
    }

    pub(super) fn fresh(&self) -> Decoder {
        Decoder { sieve: self.sieve.clone(), ..Decoder::new(self.clock.clone()) }
    }

    pub(super) fn in_the_middle(&mut self) {
        self.skipping = true;
        self.unread.is_in_the_middle = true;
    }

    pub(super) fn feed(&mut self, data: &[u8], sink: Sink<'_>) -> error::Result<Flow> {
        let mut lines = std::mem::take(&mut self.lines);
        let flow = lines.feed(data, |line, dropped| self.line(line, dropped, sink));
        self.lines = lines;
        flow
    }

    pub(super) fn end(&mut self, sink: Sink<'_>) -> error::Result<Flow> {
        match self.lines.rest() {
            Some((rest, dropped)) => self.line(&rest, dropped, sink),
            None => Ok(Flow::More),
        }
    }

    fn line(&mut self, line: &[u8], dropped: u64, sink: Sink<'_>) -> error::Result<Flow> {
        self.unread.lines += 1;
        let line = &*self.legacy.json(line);
        if dropped > 0
            && let Some(mended) = mended(line)
            && self.fill(&mended)?
        {
            self.losses.cut += 1;
            self.skipping = false;
            return sink(&self.record);
        }
        if dropped > 0 {
            if !self.skipping {
                self.unread.add(self.unread.lines, 1);
                self.losses.too_long += 1;
                self.losses.bytes += line.len() as u64 + dropped;
            }
            self.skipping = false;
            return Ok(Flow::More);
        }
        if self.sifts(line) {
            self.has_sifted = true;
            self.skipping = false;
            return Ok(Flow::More);
        }
        if line.is_empty() || self.fill(line)? {
            self.skipping = false;
            return if line.is_empty() { Ok(Flow::More) } else { sink(&self.record) };
        }
        // If an entry was cut off, the next one may follow on the same line.
        let behind = memchr::memmem::rfind_iter(line, BEGINNING).find(|at| *at > 0);
        if let Some(at) = behind
            && self.fill(&line[at..])?
        {
            self.losses.bytes += at as u64;
            self.unread.add(self.unread.lines, 1);
            self.skipping = false;
            return sink(&self.record);
        }
        if !self.skipping {
            self.losses.bytes += line.len() as u64;
            self.unread.add(self.unread.lines, 1);
        }
        self.skipping = false;
        Ok(Flow::More)
    }

    /// Returns whether this entry is not wanted. A text that is escaped, as in `\u0041` or `\/`, has to be parsed
    /// first.
    fn sifts(&self, line: &[u8]) -> bool {
        if ![BEGINNING, OF_CSV].iter().any(|key| line.starts_with(key)) {
            return false;
        }
        let is_escaped =
            || memchr::memchr_iter(b'\\', line).any(|at| matches!(line.get(at + 1), Some(b'u' | b'/')));
        if self.sieve.lacks(line) && !is_escaped() {
            return true;
        }
        // Inside a string the quotes would be escaped. If one entry was cut off, another may follow it on the line.
        const SEVERITY: &[u8] = b"\"error_severity\":\"";
        let severity = || {
            let rest = &line[memchr::memmem::find(line, SEVERITY)? + SEVERITY.len()..];
            rest.get(..memchr::memchr(b'"', rest)?)
        };
        self.sieve.errors
            && severity().is_some_and(|word| self.sieve.drops(word))
            && line.ends_with(b"}")
            && memchr::memmem::rfind(line, BEGINNING).is_none_or(|at| at == 0)
    }

    /// Fills the record from a line; returns `false` if the line is not an entry.
    fn fill(&mut self, line: &[u8]) -> error::Result<bool> {
        // If the text is not in UTF-8, each invalid byte is shown as \xE9 or the like, in JSON's own escapes.
        let lossy: String;
        let text = match std::str::from_utf8(line) {
            Ok(text) => text,
            Err(_) => {
                let mut out = String::with_capacity(line.len() + 16);
                for chunk in line.utf8_chunks() {
                    out.push_str(chunk.valid());
                    for byte in chunk.invalid() {
                        out.push_str(&format!("\\\\x{byte:02X}"));
                    }
                }
                lossy = out;
                &lossy
            }
        };
        let Some(entry) = parsed(text) else { return Ok(false) };
        let time = match self.clock.instant(entry.timestamp.0.as_bytes())? {
            Instant::None => return Ok(false),
            time => time.known(),
        };
        let record = &mut self.record;
        record.clear();
        record.time = time;
        // This is a number, but CloudNativePG makes it a string.
        record.pid = entry.pid.and_then(|pid| pid.get().trim_matches('"').parse().ok());
        record.client.extend_from_slice(entry.remote_host.0.as_bytes());
        if let Some(port) = entry.remote_port {
            record.client.push(b':');
            push_int(&mut record.client, i64::from(port));
        }
        for (to, from) in [
            (&mut record.user, &entry.user),
            (&mut record.database, &entry.dbname),
            (&mut record.severity, &entry.error_severity),
            (&mut record.sqlstate, &entry.state_code),
            (&mut record.message, &entry.message),
            (&mut record.detail, &entry.detail),
            (&mut record.hint, &entry.hint),
            (&mut record.context, &entry.context),
            (&mut record.statement, &entry.statement),
            (&mut record.application, &entry.application_name),
            (&mut record.session, &entry.session_id),
        ] {
            to.extend_from_slice(from.0.as_bytes());
        }
        // jsonlog leaves out the SQLSTATE of success, which csvlog writes.
        if record.sqlstate.is_empty() {
            record.sqlstate.extend_from_slice(b"00000");
        }
        Ok(true)
    }
}

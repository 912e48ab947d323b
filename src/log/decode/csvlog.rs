//! csvlog, by the strict rules that the server writes it by. A lenient reader would take an entry that was cut (a full
//! disk, a crash) for an open quote, and swallow all that follows; so an entry is what is complete and strict, and
//! reading goes on at the next place where one begins.

use super::{LONGEST, Losses, Sink};
use crate::error::Result;
use crate::log::record::Record;
use crate::log::zone::{Clock, Instant, looks_like_time};
use crate::pipeline::Flow;

/// The columns up to the application name, which every server since 9.0 has; newer ones add some.
const COLUMNS: usize = 23;
/// So many columns are those of two lines that ran together, the first cut behind its SQLSTATE.
const TOO_MANY: usize = 36;
/// How many columns show that an entry begins here: up to its message.
const BEGINNING: usize = 14;
/// So many bytes hold these columns, or it is none: names have 63 each.
const HEAD: usize = 4 << 10;

/// See [`super::Decoder`].
pub struct Decoder {
    clock: Clock,
    buffer: Vec<u8>,
    /// How far the buffer was searched for the end of an entry, and whether a quote is open there.
    searched: usize,
    quoted: bool,
    record: Record,
    skipping: bool,
    fields: Vec<Vec<u8>>,
    /// There was no room for all of the entry in the buffer, or what comes is still of that entry.
    is_too_long: bool,
    pub(super) losses: Losses,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// A whole line of so many columns.
    Whole,
    /// It may become one: the bytes end in it, after so many whole columns.
    Open(usize),
    /// No strict line.
    Broken,
}

impl Decoder {
    pub(super) fn new(clock: Clock) -> Decoder {
        Decoder {
            clock,
            buffer: Vec::new(),
            searched: 0,
            quoted: false,
            record: Record::default(),
            skipping: false,
            fields: Vec::new(),
            is_too_long: false,
            losses: Losses::default(),
        }
    }

    pub(super) fn fresh(&self) -> Decoder {
        Decoder::new(self.clock.clone())
    }

    pub(super) fn in_the_middle(&mut self) {
        self.skipping = true;
    }

    pub(super) fn is_inside(&self) -> bool {
        self.quoted
    }

    pub(super) fn feed(&mut self, mut data: &[u8], sink: Sink<'_>) -> Result<Flow> {
        while !data.is_empty() {
            let Some(end) = memchr::memchr(b'\n', data) else {
                self.keep(data);
                break;
            };
            self.keep(&data[..=end]);
            data = &data[end + 1..];
            if self.line_ended(sink)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::More)
    }

    pub(super) fn end(&mut self, sink: Sink<'_>) -> Result<Flow> {
        if self.buffer.is_empty() {
            return Ok(Flow::More);
        }
        if !self.buffer.ends_with(b"\n") {
            self.buffer.push(b'\n');
        }
        self.take_apart(sink)
    }

    fn keep(&mut self, data: &[u8]) {
        let room = LONGEST.saturating_sub(self.buffer.len());
        let (kept, dropped) = data.split_at(data.len().min(room));
        self.buffer.extend_from_slice(kept);
        if !dropped.is_empty() {
            self.lose(dropped.len());
            if !self.skipping && !std::mem::replace(&mut self.is_too_long, true) {
                self.losses.too_long += 1;
            }
        }
    }

    /// The buffer ends in a line feed: is it the end of an entry?
    fn line_ended(&mut self, sink: Sink<'_>) -> Result<Flow> {
        let quotes = memchr::memchr_iter(b'"', &self.buffer[self.searched..]).count();
        let line = self.searched;
        self.quoted ^= quotes % 2 == 1;
        self.searched = self.buffer.len();
        if self.quoted && self.buffer.len() < LONGEST {
            // Inside a quote every quote is doubled, so what begins here strictly is an entry, and what is open was cut.
            if line > 0 && begins(&self.buffer[line..]) {
                let rest = self.buffer.split_off(line);
                if self.take_apart(sink)? == Flow::Enough {
                    return Ok(Flow::Enough);
                }
                self.buffer = rest;
                return self.line_ended(sink);
            }
            return Ok(Flow::More);
        }
        self.take_apart(sink)
    }

    /// Counts what is no whole entry; where reading begins in the middle of one, that is none's fault.
    fn lose(&mut self, bytes: usize) {
        if !self.skipping {
            self.losses.bytes += bytes as u64;
        }
    }

    /// Hands out what the buffer holds: one entry, or what is left of cut ones and the entries behind them.
    fn take_apart(&mut self, sink: Sink<'_>) -> Result<Flow> {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.searched = 0;
        self.quoted = false;
        let mut from = 0;
        let mut flow = Flow::More;
        while from < buffer.len() && flow == Flow::More {
            // Where entries are whole there is one, and it is all.
            match split(&buffer[from..], &mut self.fields) {
                (Found::Whole, used)
                    if (COLUMNS..TOO_MANY).contains(&self.fields.len()) && self.fill()? =>
                {
                    self.skipping = false;
                    self.is_too_long = false;
                    from += used;
                    flow = sink(&self.record)?;
                }
                _ => {
                    // A later place where one begins; the bytes before it are lost.
                    // Its year ends in a dash, which is quicker to find than to look at every byte.
                    let mut dashes = memchr::memchr_iter(b'-', &buffer[from..]).map(|dash| from + dash);
                    let next = dashes.find_map(|dash| {
                        let at = dash.checked_sub(4).filter(|at| *at > from)?;
                        begins(&buffer[at..]).then_some(at)
                    });
                    let until = next.unwrap_or(buffer.len());
                    // An empty line is nothing.
                    if &buffer[from..until] != b"\n" {
                        self.lose(until - from);
                    }
                    from = until;
                }
            }
        }
        buffer.clear();
        self.buffer = buffer;
        Ok(flow)
    }

    /// Makes a record of the fields; `false` where they are not what they should be: two lines that ran together.
    fn fill(&mut self) -> Result<bool> {
        let field = |i: usize| self.fields.get(i).map(Vec::as_slice).unwrap_or_default();
        let sqlstate = field(12).len() == 5 && field(12).iter().all(u8::is_ascii_alphanumeric);
        if !sqlstate || !(field(8).is_empty() || looks_like_time(field(8))) {
            return Ok(false);
        }
        if !looks_like_time(field(0)) {
            return Ok(false);
        }
        let time = match self.clock.instant(field(0))? {
            Instant::None => return Ok(false),
            time => time.known(),
        };
        let record = &mut self.record;
        record.clear();
        record.time = time;
        record.pid = std::str::from_utf8(field(3)).ok().and_then(|text| text.parse().ok());
        for (to, i) in [
            (&mut record.user, 1),
            (&mut record.database, 2),
            (&mut record.client, 4),
            (&mut record.severity, 11),
            (&mut record.sqlstate, 12),
            (&mut record.message, 13),
            (&mut record.detail, 14),
            (&mut record.hint, 15),
            (&mut record.context, 18),
            (&mut record.statement, 19),
            (&mut record.application, 22),
        ] {
            to.extend_from_slice(field(i));
        }
        Ok(true)
    }
}

/// Does an entry begin here, strictly, at least up to its message?
pub fn begins(text: &[u8]) -> bool {
    if !looks_like_time(text) {
        return false;
    }
    // What stands before the message is short, and of a long text nothing else is of interest.
    match split(&text[..text.len().min(HEAD)], &mut Vec::new()) {
        (Found::Whole, _) => true,
        (Found::Open(columns), _) => columns + 1 >= BEGINNING,
        (Found::Broken, _) => false,
    }
}

/// Splits one line strictly: a quoted field is all quoted, and its quotes are doubled. Says what it is and how many
/// bytes it takes.
fn split(text: &[u8], fields: &mut Vec<Vec<u8>>) -> (Found, usize) {
    let mut count = 0;
    let mut at = 0;
    let done = |fields: &mut Vec<Vec<u8>>, count: usize| fields.truncate(count);
    loop {
        if fields.len() <= count {
            fields.push(Vec::new());
        }
        let field = &mut fields[count];
        field.clear();
        if text.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(quote) = memchr::memchr(b'"', &text[at..]) else {
                    done(fields, count);
                    return (Found::Open(count), text.len());
                };
                field.extend_from_slice(&text[at..at + quote]);
                at += quote + 1;
                if text.get(at) != Some(&b'"') {
                    break;
                }
                field.push(b'"');
                at += 1;
            }
        } else {
            let end = memchr::memchr3(b',', b'\n', b'"', &text[at..]);
            let Some(end) = end else {
                done(fields, count);
                return (Found::Open(count), text.len());
            };
            field.extend_from_slice(&text[at..at + end]);
            at += end;
        }
        count += 1;
        match text.get(at) {
            Some(b',') => at += 1,
            Some(b'\n') => {
                done(fields, count);
                return (Found::Whole, at + 1);
            }
            None => {
                done(fields, count);
                return (Found::Open(count), at);
            }
            Some(_) => {
                done(fields, count);
                return (Found::Broken, at);
            }
        }
    }
}

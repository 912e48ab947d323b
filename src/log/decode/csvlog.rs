//! csvlog, by the strict rules that the server writes it by. A lenient reader would take an entry that was cut (a full
//! disk, a crash) for an open quote, and swallow all that follows; so an entry is what is complete and strict, and
//! reading goes on at the next place where one begins.

use super::decoder::{LONGEST, Losses, Sieve, Sink};
use crate::error::Result;
use crate::log::record::Record;
use crate::log::zone::{Clock, Instant, looks_like_time};
use crate::rows::Flow;

/// The columns up to the application name, which every server since 9.0 has; newer ones add some.
const COLUMNS: usize = 23;
/// So many columns are those of two lines that ran together, the first cut behind its SQLSTATE.
const TOO_MANY: usize = 36;
/// Which column is the severity.
const SEVERITY: usize = 11;
/// How many columns show that an entry begins here: up to its message.
const BEGINNING: usize = 14;
/// So many bytes hold these columns, or it is none: names have 63 each.
const HEAD: usize = 4 << 10;

/// See [`super::decoder::Decoder`].
pub struct Decoder {
    clock: Clock,
    buffer: Vec<u8>,
    /// How far the buffer was searched for the end of an entry, and whether a quote is open there.
    searched: usize,
    quoted: bool,
    record: Record,
    skipping: bool,
    fields: Vec<Field>,
    /// There was no room for all of the entry in the buffer, or what comes is still of that entry.
    is_too_long: bool,
    pub(super) sieve: Sieve,
    pub(super) has_sifted: bool,
    pub(super) losses: Losses,
}

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Field {
    from: usize,
    to: usize,
    /// Has it quotes that are doubled?
    doubled: bool,
}

impl Field {
    fn text(self, line: &[u8]) -> &[u8] {
        &line[self.from..self.to]
    }

    fn append(self, line: &[u8], to: &mut Vec<u8>) {
        let mut text = self.text(line);
        while self.doubled
            && let Some(quote) = memchr::memchr(b'"', text)
        {
            to.extend_from_slice(&text[..=quote]);
            text = &text[quote + 2..];
        }
        to.extend_from_slice(text);
    }
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
            sieve: Sieve::default(),
            has_sifted: false,
            losses: Losses::default(),
        }
    }

    pub(super) fn fresh(&self) -> Decoder {
        Decoder { sieve: self.sieve.clone(), ..Decoder::new(self.clock.clone()) }
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
        let line = self.searched;
        // Inside a quote every quote is doubled, so what begins here strictly is an entry, and what is open was cut. Its own
        // quotes say nothing of that: they may close what is open, and open it again.
        if self.quoted && line > 0 && begins(&self.buffer[line..]) {
            let rest = self.buffer.split_off(line);
            if self.take_apart(sink)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
            self.buffer = rest;
            return self.line_ended(sink);
        }
        self.quoted ^= quotes(&self.buffer[line..]) % 2 == 1;
        self.searched = self.buffer.len();
        if self.quoted && self.buffer.len() < LONGEST { Ok(Flow::More) } else { self.take_apart(sink) }
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
        if self.sieve.lacks(&buffer)
            && looks_like_time(&buffer)
            // Whether this is csvlog at all is checked once.
            && (self.has_sifted || begins(&buffer))
        {
            self.has_sifted = true;
            self.skipping = false;
            self.is_too_long = false;
            from = buffer.len();
        }
        while from < buffer.len() && flow == Flow::More {
            // Where entries are whole there is one, and it is all.
            match split(&buffer[from..], &mut self.fields) {
                (Found::Whole, used)
                    if (COLUMNS..TOO_MANY).contains(&self.fields.len())
                        && self.is_sane(&buffer[from..])
                        && (self.drops(&buffer[from..]) || self.fill(&buffer[from..])?) =>
                {
                    self.skipping = false;
                    self.is_too_long = false;
                    if self.drops(&buffer[from..]) {
                        self.has_sifted = true;
                    } else {
                        flow = sink(&self.record)?;
                    }
                    from += used;
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

    /// Are the fields what they should be? They are not where two lines ran together.
    fn is_sane(&self, line: &[u8]) -> bool {
        let field = |i: usize| self.fields.get(i).map_or(&b""[..], |field| field.text(line));
        let sqlstate = field(12).len() == 5 && field(12).iter().all(u8::is_ascii_alphanumeric);
        sqlstate && (field(8).is_empty() || looks_like_time(field(8))) && looks_like_time(field(0))
    }

    /// Does the filter drop this entry?
    fn drops(&self, line: &[u8]) -> bool {
        self.sieve.errors && self.sieve.drops(self.fields[SEVERITY].text(line))
    }

    /// Makes a record of the fields; `false` where the time is none.
    fn fill(&mut self, line: &[u8]) -> Result<bool> {
        let field = |i: usize| self.fields.get(i).copied().unwrap_or_default();
        let time = match self.clock.instant(field(0).text(line))? {
            Instant::None => return Ok(false),
            time => time.known(),
        };
        let record = &mut self.record;
        record.clear();
        record.time = time;
        record.pid = std::str::from_utf8(field(3).text(line)).ok().and_then(|text| text.parse().ok());
        for (to, i) in [
            (&mut record.user, 1),
            (&mut record.database, 2),
            (&mut record.client, 4),
            (&mut record.severity, SEVERITY),
            (&mut record.sqlstate, 12),
            (&mut record.message, 13),
            (&mut record.detail, 14),
            (&mut record.hint, 15),
            (&mut record.context, 18),
            (&mut record.statement, 19),
            (&mut record.application, 22),
        ] {
            field(i).append(line, to);
        }
        Ok(true)
    }
}

/// How many quotes there are. Counted in bytes, which the compiler makes vectors of, as far as a byte counts.
fn quotes(text: &[u8]) -> usize {
    let count = |part: &[u8]| part.iter().fold(0u8, |n, b| n + u8::from(*b == b'"'));
    text.chunks(255).map(|part| usize::from(count(part))).sum()
}

/// Does an entry begin here, strictly, at least up to its message?
pub fn begins(text: &[u8]) -> bool {
    if !looks_like_time(text) {
        return false;
    }
    // What stands before the message is short, and of a long text nothing else is of interest.
    let mut fields = Vec::new();
    match split(&text[..text.len().min(HEAD)], &mut fields) {
        (Found::Whole, _) => fields.len() >= BEGINNING,
        (Found::Open(columns), _) => columns + 1 >= BEGINNING,
        (Found::Broken, _) => false,
    }
}

/// Splits one line strictly: a quoted field is all quoted, and its quotes are doubled. Says what it is and how many
/// bytes it takes.
fn split(text: &[u8], fields: &mut Vec<Field>) -> (Found, usize) {
    fields.clear();
    let mut at = 0;
    loop {
        let mut field = Field { from: at, to: at, doubled: false };
        if text.get(at) == Some(&b'"') {
            at += 1;
            field.from = at;
            loop {
                let Some(quote) = memchr::memchr(b'"', &text[at..]) else {
                    return (Found::Open(fields.len()), text.len());
                };
                field.to = at + quote;
                at = field.to + 1;
                if text.get(at) != Some(&b'"') {
                    break;
                }
                field.doubled = true;
                at += 1;
            }
        } else {
            let plain = text[at..].iter().position(|b| matches!(b, b',' | b'\n' | b'"'));
            let Some(len) = plain else { return (Found::Open(fields.len()), text.len()) };
            at += len;
            field.to = at;
        }
        fields.push(field);
        match text.get(at) {
            Some(b',') => at += 1,
            Some(b'\n') => return (Found::Whole, at + 1),
            None => return (Found::Open(fields.len()), at),
            Some(_) => return (Found::Broken, at),
        }
    }
}

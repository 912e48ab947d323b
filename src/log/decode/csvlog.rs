//! csvlog, read strictly by the rules that the server writes it by. A lenient reader would take an entry that was
//! cut off (by a full disk or a crash) for an open quote and swallow everything after it. So only a complete,
//! strictly valid entry is read, and reading resumes at the next place where one begins.

use super::decoder::{LONGEST, Sieve, Sink};
use super::losses::{Losses, Unread};
use crate::error::Result;
use crate::log::legacy::Legacy;
use crate::log::record::Record;
use crate::log::zone::{Clock, Instant, is_time, looks_like_time};
use crate::rows::Flow;

/// The number of columns up to the application name, which every server since 9.0 writes; newer servers add some.
const COLUMNS: usize = 23;
/// A line with this many columns is two lines run together, the first of them cut off after its SQLSTATE.
const TOO_MANY: usize = 36;
/// The index of the severity column.
const SEVERITY: usize = 11;
/// The number of columns, up to the message, that prove that an entry begins here.
const BEGINNING: usize = 14;
/// The most bytes that these columns can take (names have at most 63 each); anything longer is not an entry.
const HEAD: usize = 4 << 10;
/// How many bytes are kept behind a column that is too long.
const REST: usize = 1 << 20;

/// See [`super::decoder::Decoder`].
pub struct Decoder {
    clock: Clock,
    buffer: Vec<u8>,
    /// How far the buffer has been searched for the end of an entry; `quoted` says whether a quote is open there.
    searched: usize,
    quoted: bool,
    legacy: Legacy,
    record: Record,
    skipping: bool,
    fields: Vec<Field>,
    /// Whether the next byte begins a line.
    at_line_start: bool,
    /// A piece of what is left out ended with a quote.
    ends_in_quote: bool,
    /// The middle of a column is being left out, because the entry is longer than the buffer.
    is_eliding: bool,
    /// How many bytes of the entry were left out.
    elided: u64,
    /// The entry did not fit into the buffer, or the bytes that follow still belong to such an entry.
    is_too_long: bool,
    pub(super) sieve: Sieve,
    pub(super) has_sifted: bool,
    pub(super) losses: Losses,
    pub(super) unread: Unread,
}

/// The position of a column's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Field {
    from: usize,
    to: usize,
    /// Whether the text contains doubled quotes.
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

/// What the bytes at some position turn out to be.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// A complete line.
    Whole,
    /// The beginning of a line, which ends before the line does, after this many complete columns.
    Open(usize),
    /// Not a strictly valid line.
    Broken,
}

impl Decoder {
    pub(super) fn new(clock: Clock) -> Decoder {
        Decoder {
            clock,
            buffer: Vec::new(),
            searched: 0,
            quoted: false,
            legacy: Legacy::default(),
            record: Record::default(),
            skipping: false,
            fields: Vec::new(),
            at_line_start: true,
            ends_in_quote: false,
            is_eliding: false,
            elided: 0,
            is_too_long: false,
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

    pub(super) fn is_inside(&self) -> bool {
        self.quoted
    }

    pub(super) fn feed(&mut self, mut data: &[u8], sink: Sink<'_>) -> Result<Flow> {
        while !data.is_empty() {
            if self.is_eliding && self.at_line_start && begins(data) {
                // The long entry was cut off.
                self.is_eliding = false;
                self.ends_in_quote = false;
                self.elided = 0;
                if self.take_apart(0, sink)? == Flow::Enough {
                    return Ok(Flow::Enough);
                }
            }
            let Some(end) = memchr::memchr(b'\n', data) else {
                self.keep(data);
                self.at_line_start = false;
                break;
            };
            self.at_line_start = true;
            self.keep(&data[..=end]);
            data = &data[end + 1..];
            self.unread.lines += 1;
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
            self.unread.lines += 1;
        }
        self.take_apart(0, sink)
    }

    fn keep(&mut self, data: &[u8]) {
        if self.is_eliding {
            return self.elide(data);
        }
        let room = LONGEST.saturating_sub(self.buffer.len());
        let (kept, dropped) = data.split_at(data.len().min(room));
        self.buffer.extend_from_slice(kept);
        if dropped.is_empty() {
            return;
        }
        if !self.skipping && !std::mem::replace(&mut self.is_too_long, true) {
            self.losses.too_long += 1;
        }
        // Of quotes at the end, the first may open the column, and the last may be the first of two.
        let at_end = self.buffer.iter().rev().take_while(|b| **b == b'"').count();
        let end = self.buffer.len() - at_end;
        let is_inside = self.quoted ^ (quotes(&self.buffer[self.searched.min(end)..end]) % 2 == 1);
        let inner = if is_inside { Some(at_end) } else { at_end.checked_sub(1) };
        match inner {
            Some(inner) if inner % 2 == 1 => {
                self.buffer.pop();
                self.is_eliding = true;
                self.ends_in_quote = true;
                self.elide(dropped);
            }
            Some(_) => {
                self.is_eliding = true;
                self.elide(dropped);
            }
            None => self.lose(dropped.len()),
        }
    }

    /// Leaves out the rest of a column that is too long. The columns behind it are kept, so that the entry can be read.
    fn elide(&mut self, data: &[u8]) {
        if self.ends_in_quote {
            // Was the quote at the end of the last piece the first of two?
            self.ends_in_quote = false;
            if data.first() != Some(&b'"') {
                self.is_eliding = false;
                self.buffer.push(b'"');
                return self.keep_rest(data);
            }
            self.leave_out(1);
            return self.elide(&data[1..]);
        }
        let mut at = 0;
        while let Some(quote) = memchr::memchr(b'"', &data[at..]) {
            let here = at + quote;
            match data.get(here + 1) {
                Some(b'"') => at = here + 2,
                Some(_) => {
                    self.leave_out(here);
                    self.is_eliding = false;
                    return self.keep_rest(&data[here..]);
                }
                None => {
                    self.leave_out(here);
                    self.ends_in_quote = true;
                    return;
                }
            }
        }
        self.leave_out(data.len());
    }

    /// Keeps what is behind the column that was too long, if that is not much.
    fn keep_rest(&mut self, data: &[u8]) {
        let room = (LONGEST + REST).saturating_sub(self.buffer.len());
        let (kept, dropped) = data.split_at(data.len().min(room));
        self.buffer.extend_from_slice(kept);
        self.lose(dropped.len());
    }

    fn leave_out(&mut self, bytes: usize) {
        self.lose(bytes);
        self.elided += bytes as u64;
    }

    /// Handles a buffer that ends in a line feed, which may be the end of an entry.
    fn line_ended(&mut self, sink: Sink<'_>) -> Result<Flow> {
        let line = self.searched;
        // Inside a quoted field every quote is doubled, so if a strictly valid entry begins here, the open quote
        // belongs to an entry that was cut off. The new line's own quotes do not decide this: they may close the open
        // quote and open it again.
        if self.quoted && line > 0 && begins(&self.buffer[line..]) {
            let rest = self.buffer.split_off(line);
            if self.take_apart(1, sink)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
            self.buffer = rest;
            return self.line_ended(sink);
        }
        self.quoted ^= quotes(&self.buffer[line..]) % 2 == 1;
        self.searched = self.buffer.len();
        if self.is_eliding || (self.quoted && self.buffer.len() < LONGEST) {
            Ok(Flow::More)
        } else {
            self.take_apart(0, sink)
        }
    }

    /// Counts bytes that are not part of a complete entry, unless reading began in the middle of one: then nothing
    /// is wrong.
    fn lose(&mut self, bytes: usize) {
        if !self.skipping {
            self.losses.bytes += bytes as u64;
        }
    }

    /// Hands out what the buffer holds: one entry, or the remains of cut-off entries and the entries after them. `behind`
    /// lines were read that come after it.
    fn take_apart(&mut self, behind: u64, sink: Sink<'_>) -> Result<Flow> {
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
            // In an undamaged log the buffer holds exactly one entry.
            match split(&buffer[from..], &mut self.fields) {
                (Found::Whole, used)
                    if (COLUMNS..TOO_MANY).contains(&self.fields.len())
                        && has_sane_fields(&self.fields, &buffer[from..])
                        && (self.drops(&buffer[from..]) || self.fill(&buffer[from..])?) =>
                {
                    self.skipping = false;
                    self.is_too_long = false;
                    let elided = std::mem::take(&mut self.elided);
                    if elided > 0 {
                        // It is shown, but not whole.
                        self.losses.too_long = self.losses.too_long.saturating_sub(1);
                        self.losses.bytes = self.losses.bytes.saturating_sub(elided);
                        self.losses.cut += 1;
                    }
                    if self.drops(&buffer[from..]) {
                        self.has_sifted = true;
                    } else {
                        self.legacy.record(&mut self.record);
                        flow = sink(&self.record)?;
                    }
                    from += used;
                }
                _ => {
                    self.elided = 0;
                    // Skip to the next place where an entry begins; the bytes before it are lost. Its year ends in
                    // a dash, and searching for dashes is faster than trying every byte.
                    let mut dashes = memchr::memchr_iter(b'-', &buffer[from..]).map(|dash| from + dash);
                    let next = dashes.find_map(|dash| {
                        let at = dash.checked_sub(4).filter(|at| *at > from)?;
                        begins(&buffer[at..]).then_some(at)
                    });
                    let until = next.unwrap_or(buffer.len());
                    // An empty line is not a loss.
                    if &buffer[from..until] != b"\n" {
                        self.lose(until - from);
                        if !self.skipping {
                            let lines = |text: &[u8]| memchr::memchr_iter(b'\n', text).count() as u64;
                            let number = self.unread.lines - behind + 1 - lines(&buffer[from..]);
                            self.unread.add(number, lines(&buffer[from..until]).max(1));
                        }
                    }
                    from = until;
                }
            }
        }
        buffer.clear();
        self.buffer = buffer;
        Ok(flow)
    }

    /// Returns whether the filter drops this entry.
    fn drops(&self, line: &[u8]) -> bool {
        self.sieve.errors && self.sieve.drops(self.fields[SEVERITY].text(line))
    }

    /// Fills the record from the fields; returns `false` if the time is not valid.
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
            (&mut record.session, 5),
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

/// Returns where the first quote is. Most columns are so short that looking at each byte is faster than calling what is fast
/// for long ones.
fn first_quote(text: &[u8]) -> Option<usize> {
    let near = text.len().min(16);
    let found = text[..near].iter().position(|b| *b == b'"');
    found.or_else(|| memchr::memchr(b'"', &text[near..]).map(|at| near + at))
}

/// Counts the quotes. The counter is one byte wide, so that the compiler can vectorize the loop; hence chunks of
/// 255 bytes.
fn quotes(text: &[u8]) -> usize {
    let count = |part: &[u8]| part.iter().fold(0u8, |n, b| n + u8::from(*b == b'"'));
    text.chunks(255).map(|part| usize::from(count(part))).sum()
}

/// Returns whether a strictly valid entry begins here, at least up to its message.
pub fn begins(text: &[u8]) -> bool {
    if !looks_like_time(text) {
        return false;
    }
    // The columns before the message are short, so no more of a long text needs to be split.
    let mut fields = Vec::new();
    let has_enough = match split(&text[..text.len().min(HEAD)], &mut fields) {
        (Found::Whole, _) => fields.len() >= BEGINNING,
        (Found::Open(columns), _) => columns + 1 >= BEGINNING,
        (Found::Broken, _) => false,
    };
    // A line of another format may have as many commas, such as one with a long list of columns.
    has_enough
        && is_time(fields[0].text(text))
        && fields[3].text(text).iter().all(u8::is_ascii_digit)
        && has_sane_fields(&fields, text)
}

/// Returns whether the fields have plausible contents, which they do not if two lines ran together.
fn has_sane_fields(fields: &[Field], line: &[u8]) -> bool {
    let field = |i: usize| fields.get(i).map_or(&b""[..], |field| field.text(line));
    let sqlstate = field(12).len() == 5 && field(12).iter().all(u8::is_ascii_alphanumeric);
    sqlstate && (field(8).is_empty() || looks_like_time(field(8))) && looks_like_time(field(0))
}

/// Splits one line strictly: a quoted field must be quoted as a whole, with its inner quotes doubled. Returns what
/// the line is and how many bytes it takes.
fn split(text: &[u8], fields: &mut Vec<Field>) -> (Found, usize) {
    fields.clear();
    let mut at = 0;
    loop {
        let mut field = Field { from: at, to: at, doubled: false };
        if text.get(at) == Some(&b'"') {
            at += 1;
            field.from = at;
            loop {
                let Some(quote) = first_quote(&text[at..]) else {
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

//! Lines that begin with log_line_prefix, as the server writes them to its standard error. Within an entry the server
//! puts a tab after every line feed.

use super::decoder::{LONGEST, Sieve, Sink};
use super::lines::Lines;
use super::losses::{Losses, Unread};
use super::{csvlog, jsonlog};
use crate::error::Result;
use crate::log::guess;
use crate::log::legacy::Legacy;
use crate::log::prefix::{Field, Fields, Head, Memory, Prefix};
use crate::log::record::Record;
use crate::log::required::Required;
use crate::log::words::{self, Word};
use crate::log::zone::{Clock, looks_like_time};
use crate::rows::Flow;

/// The most bytes that a time takes, including its zone and the character after it.
const TIME_AND_ZONE: usize = 40;

/// The field of the record that a continuation line is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Message,
    Detail,
    Hint,
    Context,
    Statement,
    /// A part that a record has no field for.
    Other,
}

/// See [`super::decoder::Decoder`].
pub struct Decoder {
    prefix: Prefix,
    memory: Memory,
    guessed: Option<Guessed>,
    /// Whether the prefix was guessed, and not given by the user.
    is_guessed: bool,
    clock: Clock,
    legacy: Legacy,
    lines: Lines,
    /// The part of the current entry that the next line may continue.
    pending: Option<Part>,
    record: Record,
    /// The pid of the last entry.
    pid: Option<i64>,
    /// The filter has dropped the last entry.
    is_sifting: bool,
    skipping: bool,
    /// The current entry has been cut.
    is_cut: bool,
    /// The decoder that has taken over, because the log continues in another format.
    other: Option<Box<super::decoder::Decoder>>,
    pub(super) sieve: Sieve,
    pub(super) has_sifted: bool,
    /// The last entry so far, which may go on in the next block: see [`Decoder::skim`].
    held: Vec<u8>,
    pub(super) losses: Losses,
    pub(super) unread: Unread,
}

/// What a prefix was guessed from.
#[derive(Debug, Clone)]
pub struct Guessed {
    pub lines: Vec<u8>,
    /// The name of the log.
    pub name: String,
    /// The prefixes to choose from; if empty, all that are known.
    pub candidates: Vec<String>,
    /// How many lines were found that fit no prefix.
    pub attempts: usize,
}

/// After this many lines that fit no prefix, no other prefix is tried any longer.
const ATTEMPTS: usize = 10;

impl Decoder {
    pub(super) fn new(prefix: Prefix, guessed: Option<Guessed>, clock: Clock) -> Decoder {
        Decoder {
            is_guessed: guessed.is_some(),
            prefix,
            memory: Memory::default(),
            guessed,
            clock,
            legacy: Legacy::default(),
            lines: Lines::default(),
            pending: None,
            record: Record::default(),
            pid: None,
            is_sifting: false,
            skipping: false,
            is_cut: false,
            other: None,
            sieve: Sieve::default(),
            has_sifted: false,
            held: Vec::new(),
            losses: Losses::default(),
            unread: Unread::default(),
        }
    }

    pub(super) fn fresh(&self) -> Decoder {
        let (sieve, is_guessed) = (self.sieve.clone(), self.is_guessed);
        Decoder {
            sieve,
            is_guessed,
            ..Decoder::new(self.prefix.clone(), self.guessed.clone(), self.clock.clone())
        }
    }

    pub(super) fn in_the_middle(&mut self) {
        self.skipping = true;
        self.unread.is_in_the_middle = true;
    }

    pub(super) fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    pub(super) fn feed(&mut self, data: &[u8], sink: Sink<'_>) -> Result<Flow> {
        match self.sieve.required.clone() {
            Some(required) if self.other.is_none() => self.skim(data, &required, sink),
            _ => self.read(data, sink),
        }
    }

    /// Reads only the entries that contain a required text. It searches the whole block for the text first, and
    /// parses only the entry around each place where it is found.
    fn skim(&mut self, data: &[u8], required: &Required, sink: Sink<'_>) -> Result<Flow> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(data);
        if has_csvlog(&text) {
            // A quoted text in an entry of csvlog may contain a line that looks like the beginning of an entry.
            self.sieve.required = None;
            return self.read(&text, sink);
        }
        let begins = |from: usize, this: &mut Decoder| this.begins_entry(&text[from..line_end(&text, from)]);
        let mut cut = line_start(&text, text.len());
        while cut > 0 && !begins(cut, self) {
            cut = line_start(&text, cut - 1);
        }
        if cut == 0 && text.len() < LONGEST {
            self.held = text;
            return Ok(Flow::More);
        }
        if cut == 0 {
            // This entry is too long to be kept as raw bytes.
            self.sieve.required = None;
            return self.read(&text, sink);
        }
        self.has_sifted = true;
        let mut done = 0;
        let mut read = 0;
        while let Some(at) = required.first_in(&text[done..cut]) {
            let at = done + at;
            let mut from = line_start(&text, at).max(done);
            while from > done && !begins(from, self) {
                from = line_start(&text, from - 1).max(done);
            }
            let mut to = line_end(&text, at) + 1;
            while to < cut && !begins(to, self) {
                to = line_end(&text, to) + 1;
            }
            done = to.min(cut);
            read += done - from;
            if self.read(&text[from..done], sink)? == Flow::Enough || self.hand_out(sink)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        if read > cut / 2 {
            // The text is in most entries, so searching for it first saves nothing.
            self.sieve.required = None;
        }
        if self.other.is_some() || self.sieve.required.is_none() {
            return self.read(&text[cut..], sink);
        }
        text.drain(..cut);
        self.held = text;
        Ok(Flow::More)
    }

    /// Returns whether an entry begins with this line, as far as that can be told.
    fn begins_entry(&mut self, line: &[u8]) -> bool {
        if line.first().is_none_or(|b| *b == b'\t') {
            return false;
        }
        match self.prefix.find(line, &mut self.memory, &mut Fields::default()) {
            Some(head) => head.word.is_none_or(Word::begins_entry),
            None => csvlog::begins(line) || jsonlog::begins(line),
        }
    }

    fn read(&mut self, data: &[u8], sink: Sink<'_>) -> Result<Flow> {
        let mut lines = std::mem::take(&mut self.lines);
        let flow = lines.feed(data, |line, dropped| self.line(line, dropped, sink));
        self.lines = lines;
        flow
    }

    pub(super) fn settle(&mut self, sink: Sink<'_>) -> Result<Flow> {
        // A line that is still being written shows that its entry is not complete.
        if !self.lines.carried.is_empty() {
            return Ok(Flow::More);
        }
        self.hand_out(sink)
    }

    pub(super) fn end(&mut self, sink: Sink<'_>) -> Result<Flow> {
        let held = std::mem::take(&mut self.held);
        if self.read(&held, sink)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        if let Some((rest, dropped)) = self.lines.rest()
            && self.line(&rest, dropped, sink)? == Flow::Enough
        {
            return Ok(Flow::Enough);
        }
        if self.end_other(sink)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        self.hand_out(sink)
    }

    /// Ends the decoder of the other format, which hands out what it still holds.
    fn end_other(&mut self, sink: Sink<'_>) -> Result<Flow> {
        if self.other.is_none() {
            return Ok(Flow::More);
        }
        let Some(mut other) = self.other.take() else { return Ok(Flow::More) };
        let flow = other.end(sink);
        self.losses += other.losses();
        let unread = other.unread();
        if unread.unread > 0 {
            self.unread
                .add(self.unread.lines.saturating_sub(unread.lines) + unread.first[0].max(1), unread.unread);
        }
        flow
    }

    fn line(&mut self, line: &[u8], dropped: u64, sink: Sink<'_>) -> Result<Flow> {
        self.unread.lines += 1;
        let line = if dropped > 0 { &line[..LONGEST.min(line.len())] } else { line };
        if let Some(other) = &mut self.other
            && other.is_inside()
        {
            return other.feed_line(line, sink);
        }
        let line = &*self.legacy.line(line, line.starts_with(b"\t"));
        if let Some(rest) = line.strip_prefix(b"\t") {
            if let Some(part) = self.pending {
                self.append(part, rest);
                self.is_cut |= dropped > 0;
            }
            return Ok(Flow::More);
        }
        let mut fields = Fields::default();
        let Some(head) = self.prefix.find(line, &mut self.memory, &mut fields) else {
            return self.no_entry(line, dropped, sink);
        };
        if self.end_other(sink)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        let part = match head.word {
            Some(Word::Detail) => Part::Detail,
            Some(Word::Hint) => Part::Hint,
            Some(Word::Context) => Part::Context,
            Some(Word::Statement) => Part::Statement,
            Some(Word::Other) => Part::Other,
            Some(Word::Calm | Word::Warning | Word::Error) | None => Part::Message,
        };
        let pid = process(&fields);
        if part != Part::Message {
            // The part belongs to the entry before it, if that is from the same process.
            if self.pid != pid || (self.pending.is_none() && !self.is_sifting) {
                self.losses.parts += u64::from(!self.skipping);
                if !self.skipping {
                    self.unread.add(self.unread.lines, 1);
                }
            } else if self.pending.is_some() {
                self.append(part, head.rest);
                self.is_cut |= dropped > 0;
                self.pending = Some(part);
            }
            return Ok(Flow::More);
        }
        self.skipping = false;
        let flow = self.hand_out(sink)?;
        self.pid = pid;
        self.is_sifting = self.sieve.errors && head.word.is_some_and(|word| word != Word::Error);
        if self.is_sifting {
            self.has_sifted = true;
            return Ok(flow);
        }
        self.fill(&head, &fields)?;
        self.pending = Some(Part::Message);
        self.is_cut = dropped > 0;
        Ok(flow)
    }

    /// Fills the record from the fields of the prefix and the text after it.
    fn fill(&mut self, head: &Head<'_>, fields: &Fields<'_>) -> Result<()> {
        let record = &mut self.record;
        record.clear();
        for (to, field) in [
            (&mut record.application, Field::Application),
            (&mut record.user, Field::User),
            (&mut record.database, Field::Database),
            (&mut record.client, Field::Client),
            (&mut record.session, Field::Session),
            (&mut record.sqlstate, Field::Sqlstate),
        ] {
            // The server's placeholder for a name it does not know is not a name.
            if let Some(text) = fields.get(field).filter(|text| !words::is_unknown_name(text)) {
                to.extend_from_slice(text);
            }
        }
        record.pid = self.pid;
        record.severity.extend_from_slice(head.severity);
        record.message.extend_from_slice(head.rest);
        let time = fields.get(Field::Time).unwrap_or_default();
        if !time.is_empty() {
            record.time = self.clock.instant(time)?.known();
        }
        if record.time.is_none()
            && let Some(epoch) = fields.get(Field::Epoch)
        {
            let seconds = std::str::from_utf8(epoch).ok().and_then(|t| t.parse::<f64>().ok());
            let millis = seconds.map(|s| (s * 1e3).round() as i64);
            record.time = millis.and_then(|m| jiff::Timestamp::from_millisecond(m).ok());
        }
        Ok(())
    }

    /// Handles a line that does not begin with the prefix.
    fn no_entry(&mut self, line: &[u8], dropped: u64, sink: Sink<'_>) -> Result<Flow> {
        let is_csv = csvlog::begins(line);
        if is_csv || jsonlog::begins(line) {
            let reads_it = match self.other.as_deref() {
                Some(super::decoder::Decoder::Csv(_)) => is_csv,
                Some(super::decoder::Decoder::Json(_)) => !is_csv,
                _ => false,
            };
            if !reads_it {
                if self.end_other(sink)? == Flow::Enough || self.hand_out(sink)? == Flow::Enough {
                    return Ok(Flow::Enough);
                }
                let clock = self.clock.clone();
                self.other = Some(Box::new(if is_csv {
                    super::decoder::Decoder::csv(clock)
                } else {
                    super::decoder::Decoder::json(clock)
                }));
            }
        }
        if let Some(other) = &mut self.other {
            self.skipping = false;
            return other.feed_line(line, sink);
        }
        if self.skipping || line.is_empty() {
            return Ok(Flow::More);
        }
        if guess::looks_like_entry(line) {
            if self.guess_again(line) {
                self.unread.lines -= 1;
                return self.line(line, dropped, sink);
            }
            self.losses.strange += 1;
            let begins_with_time =
                self.prefix.text().starts_with("%m") || self.prefix.text().starts_with("%t");
            self.losses.misfits += u64::from(self.is_guessed && begins_with_time && looks_like_time(line));
        }
        self.unread.add(self.unread.lines, 1);
        // Something other than the server, such as a library or an archive command, wrote to the same file without
        // a prefix.
        let flow = self.hand_out(sink)?;
        self.record.clear();
        self.record.message.extend_from_slice(line);
        self.pid = None;
        self.is_sifting = false;
        self.pending = Some(Part::Message);
        self.is_cut = dropped > 0;
        Ok(flow)
    }

    /// Guesses the prefix again, including this line: a prefix that was guessed from lines of processes without a
    /// session may have a part that only sessions show.
    fn guess_again(&mut self, line: &[u8]) -> bool {
        let Some(guessed) = &mut self.guessed else { return false };
        let before = guessed.lines.len();
        guessed.lines.extend_from_slice(line);
        guessed.lines.push(b'\n');
        let found = guess::guess(&guessed.lines, &guessed.name, &guessed.candidates).ok();
        let reads = |prefix: &Prefix| prefix.find(line, &mut Memory::default(), &mut Fields::default());
        match found.filter(|prefix| reads(prefix).is_some()) {
            Some(prefix) => {
                self.prefix = prefix;
                self.memory = Memory::default();
                true
            }
            None => {
                guessed.lines.truncate(before);
                guessed.attempts += 1;
                if guessed.attempts == ATTEMPTS {
                    self.guessed = None;
                }
                false
            }
        }
    }

    fn append(&mut self, part: Part, text: &[u8]) {
        let record = &mut self.record;
        let to = match part {
            Part::Message => &mut record.message,
            Part::Detail => &mut record.detail,
            Part::Hint => &mut record.hint,
            Part::Context => &mut record.context,
            Part::Statement => &mut record.statement,
            Part::Other => return,
        };
        let room = LONGEST.saturating_sub(to.len());
        if text.len() >= room {
            self.is_cut = true;
        }
        if !to.is_empty() && room > 0 {
            to.push(b'\n');
        }
        to.extend_from_slice(&text[..text.len().min(room.saturating_sub(1))]);
    }

    fn hand_out(&mut self, sink: Sink<'_>) -> Result<Flow> {
        match self.pending.take() {
            Some(_) => {
                self.losses.cut += u64::from(std::mem::take(&mut self.is_cut));
                let record = &mut self.record;
                // log_error_verbosity = verbose puts the SQLSTATE before the message.
                if let Some(state) = words::sqlstate(&record.message).filter(|_| !record.severity.is_empty())
                    && (record.sqlstate.is_empty() || record.sqlstate == state)
                {
                    record.sqlstate = state.to_vec();
                    record.message.drain(..state.len() + 2);
                }
                if !record.severity.is_empty() && !words::is_log(&record.severity) {
                    let len = words::without_position(&record.message).len();
                    record.message.truncate(len);
                }
                sink(record)
            }
            None => Ok(Flow::More),
        }
    }
}

/// Returns whether a csvlog entry begins anywhere in this text.
fn has_csvlog(text: &[u8]) -> bool {
    let mut from = 0;
    while from < text.len() {
        let end = line_end(text, from);
        let line = &text[from..end];
        // A cheap test first: in csvlog a comma follows the time and its zone.
        let is_like = || line.iter().take(TIME_AND_ZONE).skip(20).any(|b| *b == b',');
        if looks_like_time(line) && is_like() && csvlog::begins(line) {
            return true;
        }
        from = end + 1;
    }
    false
}

/// Returns the beginning of the line that contains this byte or ends there.
fn line_start(text: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &text[..at]).map_or(0, |end| end + 1)
}

/// Returns the end of the line that contains this byte.
fn line_end(text: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |len| at + len)
}

/// Returns the pid that a prefix gives, if any. A wrapping that does not know it says 0.
fn process(fields: &Fields<'_>) -> Option<i64> {
    let pid = fields.get(Field::Pid).and_then(number).filter(|pid| *pid > 0);
    pid.or_else(|| guess::process_of(fields.get(Field::Session)?))
}

fn number(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0i64, |n, digit| {
        digit.is_ascii_digit().then(|| n.checked_mul(10)?.checked_add(i64::from(digit - b'0'))).flatten()
    })
}

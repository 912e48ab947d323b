//! Lines that begin with log_line_prefix, as the server writes them to its standard error. Within an entry the server
//! puts a tab after every line feed.

use super::{LONGEST, Lines, Losses, Sink, csvlog, jsonlog};
use crate::error::Result;
use crate::log::guess;
use crate::log::prefix::{Field, Memory, Prefix};
use crate::log::record::Record;
use crate::log::words::{self, Word};
use crate::log::zone::Clock;
use crate::pipeline::Flow;

/// Which text of the entry a continued line goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Message,
    Detail,
    Hint,
    Context,
    Statement,
    /// A part that no record has.
    Other,
}

/// See [`super::Decoder`].
pub struct Decoder {
    prefix: Prefix,
    memory: Memory,
    guessed: Option<Guessed>,
    clock: Clock,
    lines: Lines,
    /// The entry that may go on.
    pending: Option<Part>,
    record: Record,
    next: Record,
    skipping: bool,
    /// The entry that may go on has been cut.
    is_cut: bool,
    /// What has taken over, since the log goes on in another format.
    other: Option<Box<super::Decoder>>,
    pub(super) losses: Losses,
}

/// What a prefix was guessed from.
#[derive(Debug, Clone)]
pub struct Guessed {
    /// The lines.
    pub lines: Vec<u8>,
    /// What the log is called.
    pub name: String,
    /// The prefixes it may be; empty: all that are known.
    pub candidates: Vec<String>,
}

impl Decoder {
    pub(super) fn new(prefix: Prefix, guessed: Option<Guessed>, clock: Clock) -> Decoder {
        Decoder {
            prefix,
            memory: Memory::default(),
            guessed,
            clock,
            lines: Lines::default(),
            pending: None,
            record: Record::default(),
            next: Record::default(),
            skipping: false,
            is_cut: false,
            other: None,
            losses: Losses::default(),
        }
    }

    pub(super) fn fresh(&self) -> Decoder {
        Decoder::new(self.prefix.clone(), self.guessed.clone(), self.clock.clone())
    }

    pub(super) fn in_the_middle(&mut self) {
        self.skipping = true;
    }

    pub(super) fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    pub(super) fn feed(&mut self, data: &[u8], sink: Sink<'_>) -> Result<Flow> {
        let mut lines = std::mem::take(&mut self.lines);
        let flow = lines.feed(data, |line, dropped| self.line(line, dropped, sink));
        self.lines = lines;
        flow
    }

    pub(super) fn settle(&mut self, sink: Sink<'_>) -> Result<Flow> {
        // A line that is still being written shows that its entry is not over.
        if !self.lines.carried.is_empty() {
            return Ok(Flow::More);
        }
        self.hand_out(sink)
    }

    pub(super) fn end(&mut self, sink: Sink<'_>) -> Result<Flow> {
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

    /// What is still open of the other format is over.
    fn end_other(&mut self, sink: Sink<'_>) -> Result<Flow> {
        let Some(mut other) = self.other.take() else { return Ok(Flow::More) };
        let flow = other.end(sink);
        self.losses += other.losses();
        flow
    }

    fn line(&mut self, line: &[u8], dropped: u64, sink: Sink<'_>) -> Result<Flow> {
        if let Some(other) = &mut self.other
            && other.is_inside()
        {
            return other.feed_line(line, sink);
        }
        if let Some(rest) = line.strip_prefix(b"\t") {
            if let Some(part) = self.pending {
                self.append(part, rest);
                self.is_cut |= dropped > 0;
            }
            return Ok(Flow::More);
        }
        let Some((word, from)) = self.head(line)? else { return self.no_entry(line, dropped, sink) };
        if self.end_other(sink)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        let rest = &line[from..];
        let part = match word {
            Some(Word::Detail) => Part::Detail,
            Some(Word::Hint) => Part::Hint,
            Some(Word::Context) => Part::Context,
            Some(Word::Statement) => Part::Statement,
            Some(Word::Other) => Part::Other,
            Some(Word::Calm | Word::Error) | None => Part::Message,
        };
        if part != Part::Message {
            // It belongs to the entry before it, if that is of the same process.
            if self.pending.is_some() && self.record.pid == self.next.pid {
                self.append(part, rest);
                self.is_cut |= dropped > 0;
                self.pending = Some(part);
            } else if !self.skipping {
                self.losses.parts += 1;
            }
            return Ok(Flow::More);
        }
        self.skipping = false;
        let flow = self.hand_out(sink)?;
        std::mem::swap(&mut self.record, &mut self.next);
        self.record.message.extend_from_slice(rest);
        self.pending = Some(Part::Message);
        self.is_cut = dropped > 0;
        Ok(flow)
    }

    /// Fills in the next record from what stands before a text, and says what word that is and where the text begins.
    fn head(&mut self, line: &[u8]) -> Result<Option<(Option<Word>, usize)>> {
        let next = &mut self.next;
        next.clear();
        let mut time: &[u8] = b"";
        let mut session = None;
        let head = self.prefix.read(line, &mut self.memory, |field, text| match field {
            Field::Application => set(&mut next.application, text),
            Field::User => set(&mut next.user, text),
            Field::Database => set(&mut next.database, text),
            Field::Client => set(&mut next.client, text),
            Field::Sqlstate => set(&mut next.sqlstate, text),
            Field::Pid => next.pid = number(text),
            Field::Session => session = guess::process_of(text),
            Field::Time => time = text,
            Field::Epoch => {
                let seconds = std::str::from_utf8(text).ok().and_then(|t| t.parse::<f64>().ok());
                let millis = seconds.map(|s| (s * 1e3).round() as i64);
                next.time = next.time.or(millis.and_then(|m| jiff::Timestamp::from_millisecond(m).ok()));
            }
            Field::Line => {}
        });
        let Some(head) = head else { return Ok(None) };
        next.severity.extend_from_slice(head.severity);
        // A wrapping that names no process says 0.
        next.pid = next.pid.filter(|pid| *pid > 0).or(session);
        if !time.is_empty() && head.word.is_none_or(Word::begins_entry) {
            next.time = self.clock.instant(time)?.known().or(next.time);
        }
        Ok(Some((head.word, line.len() - head.rest.len())))
    }

    /// A line that does not begin with the prefix.
    fn no_entry(&mut self, line: &[u8], dropped: u64, sink: Sink<'_>) -> Result<Flow> {
        if self.other.is_none() {
            let clock = self.clock.clone();
            self.other = if csvlog::begins(line) {
                Some(Box::new(super::Decoder::csv(clock)))
            } else if jsonlog::begins(line) {
                Some(Box::new(super::Decoder::json(clock)))
            } else {
                None
            };
            if self.other.is_some() && self.hand_out(sink)? == Flow::Enough {
                return Ok(Flow::Enough);
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
                return self.line(line, dropped, sink);
            }
            self.losses.strange += 1;
        }
        // Something wrote to the same file without a prefix: a library, an archive command.
        let flow = self.hand_out(sink)?;
        self.record.clear();
        self.record.message.extend_from_slice(line);
        self.pending = Some(Part::Message);
        self.is_cut = dropped > 0;
        Ok(flow)
    }

    /// A prefix that was guessed from lines of processes without a session may have a part that only sessions show.
    fn guess_again(&mut self, line: &[u8]) -> bool {
        let Some(guessed) = &mut self.guessed else { return false };
        let before = guessed.lines.len();
        guessed.lines.extend_from_slice(line);
        guessed.lines.push(b'\n');
        match guess::guess(&guessed.lines, &guessed.name, &guessed.candidates) {
            Ok(prefix) => {
                self.prefix = prefix;
                true
            }
            Err(_) => {
                // It would only be tried again and again.
                guessed.lines.truncate(before);
                self.guessed = None;
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

/// What the server prints for a name it does not know is no name.
fn set(text: &mut Vec<u8>, value: &[u8]) {
    text.clear();
    if !words::is_unknown_name(value) {
        text.extend_from_slice(value);
    }
}

fn number(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0i64, |n, digit| {
        digit.is_ascii_digit().then(|| n.checked_mul(10)?.checked_add(i64::from(digit - b'0'))).flatten()
    })
}

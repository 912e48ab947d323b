//! Lines that begin with log_line_prefix, as the server writes them to its standard error. Within an entry the server
//! puts a tab after every line feed.

use regex::bytes::CaptureLocations;

use super::{LONGEST, Lines, Losses, Sink};
use crate::error::Result;
use crate::log::prefix::{Field, Prefix};
use crate::log::record::Record;
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
    locations: CaptureLocations,
    clock: Clock,
    lines: Lines,
    /// The entry that may go on.
    pending: Option<Part>,
    record: Record,
    next: Record,
    skipping: bool,
    /// The entry that may go on has been cut.
    is_cut: bool,
    pub(super) losses: Losses,
}

impl Decoder {
    pub(super) fn new(prefix: Prefix, clock: Clock) -> Decoder {
        let locations = prefix.locations();
        Decoder {
            prefix,
            locations,
            clock,
            lines: Lines::default(),
            pending: None,
            record: Record::default(),
            next: Record::default(),
            skipping: false,
            is_cut: false,
            losses: Losses::default(),
        }
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
        self.settle(sink)
    }

    fn line(&mut self, line: &[u8], dropped: u64, sink: Sink<'_>) -> Result<Flow> {
        if let Some(rest) = line.strip_prefix(b"\t") {
            if let Some(part) = self.pending {
                self.append(part, rest);
                self.is_cut |= dropped > 0;
            }
            return Ok(Flow::More);
        }
        let next = &mut self.next;
        next.clear();
        let mut time: &[u8] = b"";
        let rest = self.prefix.read(line, &mut self.locations, |field, text| match field {
            Field::Application => set(&mut next.application, text),
            Field::User => set(&mut next.user, text),
            Field::Database => set(&mut next.database, text),
            Field::Client => set(&mut next.client, text),
            Field::Sqlstate => set(&mut next.sqlstate, text),
            Field::Severity => set(&mut next.severity, text),
            Field::Pid => next.pid = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()),
            Field::Time => time = text,
            Field::Epoch => {
                let seconds = std::str::from_utf8(text).ok().and_then(|t| t.parse::<f64>().ok());
                let millis = seconds.map(|s| (s * 1e3).round() as i64);
                next.time = next.time.or(millis.and_then(|m| jiff::Timestamp::from_millisecond(m).ok()));
            }
        });
        let Some(rest) = rest else {
            // Something wrote to the same file without a prefix: a library, an archive command.
            if self.skipping || line.is_empty() {
                return Ok(Flow::More);
            }
            let flow = self.hand_out(sink)?;
            self.record.clear();
            self.record.message.extend_from_slice(line);
            self.pending = Some(Part::Message);
            self.is_cut = dropped > 0;
            return Ok(flow);
        };
        let part = match self.next.severity.as_slice() {
            b"DETAIL" => Part::Detail,
            b"HINT" => Part::Hint,
            b"CONTEXT" => Part::Context,
            b"STATEMENT" => Part::Statement,
            b"QUERY" | b"LOCATION" | b"BACKTRACE" => Part::Other,
            _ => Part::Message,
        };
        if part != Part::Message {
            // It belongs to the entry before it, if that is of the same process.
            if self.pending.is_some() && self.record.pid == self.next.pid {
                self.append(part, rest);
                self.is_cut |= dropped > 0;
                self.pending = Some(part);
            }
            return Ok(Flow::More);
        }
        if !time.is_empty() {
            self.next.time = self.clock.instant(time)?;
        }
        self.skipping = false;
        let flow = self.hand_out(sink)?;
        std::mem::swap(&mut self.record, &mut self.next);
        self.record.message.extend_from_slice(rest);
        self.pending = Some(Part::Message);
        self.is_cut = dropped > 0;
        Ok(flow)
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
                sink(&self.record)
            }
            None => Ok(Flow::More),
        }
    }
}

/// What the server prints for a name it does not know is no name.
fn set(text: &mut Vec<u8>, value: &[u8]) {
    text.clear();
    if value != b"[unknown]" {
        text.extend_from_slice(value);
    }
}

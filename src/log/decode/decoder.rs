//! What the decoders of all formats share: splitting a log into entries, and counting what was lost.

use super::losses::{Losses, Unread};
use super::stderr::Guessed;
use super::{csvlog, jsonlog, stderr};
use crate::error::Result;
use crate::log::prefix::{Field, Prefix};
use crate::log::record::Record;
use crate::log::required::Required;
use crate::log::words::{self, Word};
use crate::log::zone::Clock;
use crate::rows::Flow;

/// The longest entry that is kept whole, in bytes, so that an entry without end does not use memory without limit.
/// With a prefix, the beginning of a longer entry is shown; in csvlog and jsonlog it is skipped, because there the
/// beginning alone is not an entry.
pub const LONGEST: usize = 8 << 20;

/// A filter that is applied to an entry's raw bytes, before the entry is parsed, because that is much faster.
/// Damage in the entries that it drops is not counted.
#[derive(Debug, Clone, Default)]
pub struct Sieve {
    /// Only errors are wanted.
    pub errors: bool,
    /// A text that every wanted entry contains.
    pub required: Option<Required>,
}

impl Sieve {
    /// Returns whether this text lacks the text that every wanted entry contains.
    pub(crate) fn lacks(&self, text: &[u8]) -> bool {
        self.required.as_ref().is_some_and(|required| !required.may_be_in(text))
    }

    /// Returns whether the filter drops an entry of this severity. An unknown severity passes.
    pub(crate) fn drops(&self, severity: &[u8]) -> bool {
        self.errors && words::severity(severity).is_some_and(|word| word != Word::Error)
    }
}

/// The callback that takes the entries.
pub type Sink<'a> = &'a mut dyn FnMut(&Record) -> Result<Flow>;

/// A decoder of one log, for any of the formats.
pub enum Decoder {
    /// Lines that begin with log_line_prefix.
    Stderr(Box<stderr::Decoder>),
    Csv(Box<csvlog::Decoder>),
    Json(Box<jsonlog::Decoder>),
}

impl Decoder {
    /// Creates a decoder for lines with this prefix.
    pub fn stderr(prefix: Prefix, clock: Clock) -> Decoder {
        Decoder::Stderr(Box::new(stderr::Decoder::new(prefix, None, clock)))
    }

    /// Creates a decoder for lines with a guessed prefix, which a later line may correct.
    pub fn guessed(prefix: Prefix, guessed: Guessed, clock: Clock) -> Decoder {
        Decoder::Stderr(Box::new(stderr::Decoder::new(prefix, Some(guessed), clock)))
    }

    /// Creates a decoder for csvlog.
    pub fn csv(clock: Clock) -> Decoder {
        Decoder::Csv(Box::new(csvlog::Decoder::new(clock)))
    }

    /// Creates a decoder for jsonlog.
    pub fn json(clock: Clock) -> Decoder {
        Decoder::Json(Box::new(jsonlog::Decoder::new(clock)))
    }

    /// Returns a decoder that reads the same way and has not read anything yet.
    pub fn fresh(&self) -> Decoder {
        match self {
            Decoder::Stderr(decoder) => Decoder::Stderr(Box::new(decoder.fresh())),
            Decoder::Csv(decoder) => Decoder::Csv(Box::new(decoder.fresh())),
            Decoder::Json(decoder) => Decoder::Json(Box::new(decoder.fresh())),
        }
    }

    /// Prepares for reading from the middle of a file: what comes before the first complete entry is skipped
    /// without being counted as lost.
    pub fn in_the_middle(&mut self) {
        match self {
            Decoder::Stderr(decoder) => decoder.in_the_middle(),
            Decoder::Csv(decoder) => decoder.in_the_middle(),
            Decoder::Json(decoder) => decoder.in_the_middle(),
        }
    }

    /// From now on, hands out only entries that pass this filter.
    pub fn only(&mut self, sieve: Sieve) {
        match self {
            Decoder::Stderr(decoder) => decoder.sieve = sieve,
            Decoder::Csv(decoder) => decoder.sieve = sieve,
            Decoder::Json(decoder) => decoder.sieve = sieve,
        }
    }

    /// Returns whether the filter has dropped any entry.
    pub fn has_sifted(&self) -> bool {
        match self {
            Decoder::Stderr(decoder) => decoder.has_sifted,
            Decoder::Csv(decoder) => decoder.has_sifted,
            Decoder::Json(decoder) => decoder.has_sifted,
        }
    }

    /// Takes more bytes and hands out the entries that are complete.
    pub fn feed(&mut self, data: &[u8], sink: Sink<'_>) -> Result<Flow> {
        match self {
            Decoder::Stderr(decoder) => decoder.feed(data, sink),
            Decoder::Csv(decoder) => decoder.feed(data, sink),
            Decoder::Json(decoder) => decoder.feed(data, sink),
        }
    }

    /// Tells the decoder that nothing more has come for a while: it hands out an entry that would only wait for the
    /// next one.
    pub fn settle(&mut self, sink: Sink<'_>) -> Result<Flow> {
        match self {
            Decoder::Stderr(decoder) => decoder.settle(sink),
            Decoder::Csv(_) | Decoder::Json(_) => Ok(Flow::More),
        }
    }

    /// Tells the decoder that the file has ended: it hands out what it still holds.
    pub fn end(&mut self, sink: Sink<'_>) -> Result<Flow> {
        match self {
            Decoder::Stderr(decoder) => decoder.end(sink),
            Decoder::Csv(decoder) => decoder.end(sink),
            Decoder::Json(decoder) => decoder.end(sink),
        }
    }

    /// Returns whether an entry is open that the next line continues, whatever that line looks like.
    pub(crate) fn is_inside(&self) -> bool {
        match self {
            Decoder::Stderr(_) | Decoder::Json(_) => false,
            Decoder::Csv(decoder) => decoder.is_inside(),
        }
    }

    pub(crate) fn feed_line(&mut self, line: &[u8], sink: Sink<'_>) -> Result<Flow> {
        if self.feed(line, sink)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        self.feed(b"\n", sink)
    }

    /// Returns what has been skipped or cut so far.
    pub fn losses(&self) -> Losses {
        match self {
            Decoder::Stderr(decoder) => decoder.losses,
            Decoder::Csv(decoder) => decoder.losses,
            Decoder::Json(decoder) => decoder.losses,
        }
    }

    /// Returns which lines could not be read so far.
    pub fn unread(&self) -> Unread {
        match self {
            Decoder::Stderr(decoder) => decoder.unread,
            Decoder::Csv(decoder) => decoder.unread,
            Decoder::Json(decoder) => decoder.unread,
        }
    }

    /// Returns whether this format has the field. With a prefix, that is so only if the prefix has it.
    pub fn tells(&self, field: Field) -> bool {
        match self {
            Decoder::Stderr(decoder) => decoder.prefix().tells(field),
            Decoder::Csv(_) | Decoder::Json(_) => true,
        }
    }

    /// Returns the prefix, if the format has one.
    pub fn prefix(&self) -> Option<&Prefix> {
        match self {
            Decoder::Stderr(decoder) => Some(decoder.prefix()),
            Decoder::Csv(_) | Decoder::Json(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;

//! Reading the entries of a log from its bytes: detects the wrapping, the format and the prefix.

use std::path::Path;

use jiff::Timestamp;

use super::decode::{self, Decoder, Guessed, Losses, Sieve, Sink, Unread};
use super::files::Format;
use super::guess;
use super::known;
use super::prefix::{Field, Prefix};
use super::strange;
use super::unwrap::{Unwrapper, Wanted, Wrapping, Yearless};
use super::zone::{Clock, looks_like_time};
use crate::error::{Error, Result};
use crate::rows::Flow;

/// The most wrappings that a log may be in, one inside the other.
const DEPTH: usize = 3;

/// How logs are to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The format, if it is known.
    pub format: Option<Format>,
    /// The log_line_prefix or the name of one, if it is known.
    pub prefix: Option<String>,
    /// The clock that turns the log's times into instants.
    pub clock: Clock,
    /// Whether it is the server's own log, which is never wrapped.
    pub own: bool,
    /// When reading began.
    pub now: Timestamp,
    /// Whether the log is followed: what is added to it later is read, too.
    pub follows: bool,
}

impl Reading {
    /// Starts reading a log with this beginning. `name` is for messages; `written` is when the log was last written, if that
    /// is known.
    ///
    /// Errors: it does not look like a log, or it could be read in several ways (65).
    pub fn begin(&self, beginning: &[u8], name: &str, written: Option<Timestamp>) -> Result<Stream> {
        let yearless = Yearless::new(self.clock.zone(), written.unwrap_or(self.now), self.follows);
        let mut cleaner = Cleaner { first: true, crlf: false, held: false };
        if !self.own {
            cleaner.crlf = has_crlf(beginning);
        }
        let mut text = beginning.to_vec();
        cleaner.clone().clean(&mut text);
        let mut wrappings = Vec::new();
        let mut tells = Wanted::default();
        while !self.own && wrappings.len() < DEPTH {
            let first = text.split(|b| *b == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
            if decode::begins_csvlog(first) || decode::begins_jsonlog(first) {
                break;
            }
            let Some(wrapping) = Wrapping::of(&text) else { break };
            let (inner, unwrapper) = opened(wrapping, &text, &yearless);
            if unwrapper.backwards {
                return Err(Error::data(format!("{name}: the entries are sorted newest first"))
                    .hint("export them oldest first: gcloud logging read --order=asc"));
            }
            tells = unwrapper.tells;
            text = inner;
            wrappings.push(wrapping);
        }
        let mut wanted = Wanted::default();
        let format = self.format.unwrap_or_else(|| sniff(&text, name));
        let decoder = match format {
            Format::Csv => Decoder::csv(self.clock.clone()),
            Format::Json => Decoder::json(self.clock.clone()),
            Format::Stderr => {
                let (prefix, guessed) =
                    self.prefix(&text, name).map_err(|e| seems(e, beginning, name, &wrappings))?;
                wanted = Wanted {
                    time: tells.time && !prefix.tells(Field::Time) && !prefix.tells(Field::Epoch),
                    pid: tells.pid && !prefix.tells(Field::Pid) && !prefix.tells(Field::Session),
                };
                let in_front = wanted.prefix();
                match guessed.filter(|_| in_front.is_empty()) {
                    Some(guessed) => Decoder::guessed(prefix, guessed, self.clock.clone()),
                    None => Decoder::stderr(
                        Prefix::compile(&format!("{in_front}{}", prefix.text())),
                        self.clock.clone(),
                    ),
                }
            }
        };
        let last = wrappings.len();
        let unwrappers = wrappings
            .into_iter()
            .enumerate()
            .map(|(i, wrapping)| {
                let wanted = if i + 1 == last { wanted } else { Wanted::default() };
                Unwrapper::new(wrapping, wanted, yearless.fresh())
            })
            .collect();
        Ok(Stream { cleaner, unwrappers, decoder, spare: Vec::new(), bytes: 0, odd: 0 })
    }

    /// Returns the given prefix; if that is the name of several, the one that fits; if none was given, the one that
    /// fits.
    fn prefix(&self, text: &[u8], name: &str) -> Result<(Prefix, Option<Guessed>)> {
        let candidates: Vec<String> = match &self.prefix {
            Some(given) => match known::named(given) {
                Some([one]) => return Ok((Prefix::compile(one), None)),
                Some(several) => several.iter().map(|one| (*one).to_owned()).collect(),
                None => {
                    let prefix = Prefix::compile(given);
                    return guess::misread(&prefix, text, name).map_or(Ok((prefix, None)), Err);
                }
            },
            None => Vec::new(),
        };
        if text.trim_ascii().is_empty() {
            return Ok((Prefix::compile("%m [%p] "), None));
        }
        let prefix = guess::guess(text, name, &candidates)?;
        let guessed = Guessed { lines: guess::kept(text), name: name.to_owned(), candidates, attempts: 0 };
        Ok((prefix, Some(guessed)))
    }

    /// Returns whether the prefix is guessed.
    pub fn guesses(&self) -> bool {
        self.prefix.as_deref().is_none_or(|given| known::named(given).is_some())
    }
}

/// Adds what the file seems to be to the error for a log that cannot be read.
fn seems(error: Error, beginning: &[u8], name: &str, wrappings: &[Wrapping]) -> Error {
    if let Some(what) = strange::what(beginning) {
        return Error::data(format!("{name} is not a PostgreSQL log: it seems to be {what}"));
    }
    match wrappings.last() {
        Some(wrapping) => error.hint(format!("it was extracted from {}", wrapping.name())),
        None => error,
    }
}

/// Unwraps a text; returns its content and the unwrapper.
fn opened(wrapping: Wrapping, text: &[u8], yearless: &Yearless) -> (Vec<u8>, Unwrapper) {
    let mut unwrapper = Unwrapper::new(wrapping, Wanted::default(), yearless.fresh());
    let mut inner = Vec::new();
    unwrapper.feed(text, &mut inner);
    unwrapper.settle(&mut inner);
    (inner, unwrapper)
}

/// Detects a log's format, by the first line that shows it, or by its name if no line does.
fn sniff(beginning: &[u8], name: &str) -> Format {
    let by_name = match Path::new(name).extension().and_then(|e| e.to_str()) {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        _ => Format::Stderr,
    };
    let mut lines =
        beginning.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(1000).peekable();
    let Some(first) = lines.peek() else { return by_name };
    if by_name == Format::Csv && !looks_like_time(first) {
        // The file may begin in the middle of an entry.
        return Format::Csv;
    }
    for line in lines {
        if decode::begins_jsonlog(line) {
            return Format::Json;
        }
        if decode::begins_csvlog(line) {
            return Format::Csv;
        }
        if guess::looks_like_entry(line) {
            // Entries in another format that come later are detected then.
            return Format::Stderr;
        }
    }
    Format::Stderr
}

/// Returns whether the first lines end as on Windows.
fn has_crlf(beginning: &[u8]) -> bool {
    let lines: Vec<&[u8]> =
        beginning.split_inclusive(|b| *b == b'\n').filter(|l| l.ends_with(b"\n")).take(20).collect();
    !lines.is_empty() && lines.iter().all(|line| line.ends_with(b"\r\n"))
}

/// Removes bytes that do not belong to the log's text.
#[derive(Debug, Clone)]
struct Cleaner {
    /// Whether nothing has been read yet.
    first: bool,
    /// Whether the lines end as on Windows.
    crlf: bool,
    /// Whether the last byte was a carriage return, which is held back.
    held: bool,
}

impl Cleaner {
    fn clean(&mut self, data: &mut Vec<u8>) {
        if std::mem::take(&mut self.first) && data.starts_with(b"\xef\xbb\xbf") {
            data.drain(..3);
        }
        if memchr::memchr(0, data).is_some() {
            // A crash leaves blocks of zeros behind; what comes after them begins a line.
            let mut before = 1;
            data.retain_mut(|byte| {
                let again = *byte == 0 && before == 0;
                before = *byte;
                if *byte == 0 {
                    *byte = b'\n';
                }
                !again
            });
        }
        if self.crlf {
            if std::mem::take(&mut self.held) {
                data.insert(0, b'\r');
            }
            if data.ends_with(b"\r") {
                data.pop();
                self.held = true;
            }
            let mut kept = Vec::with_capacity(data.len());
            let mut from = 0;
            for at in memchr::memmem::find_iter(data, b"\r\n") {
                kept.extend_from_slice(&data[from..at]);
                from = at + 1;
            }
            kept.extend_from_slice(&data[from..]);
            *data = kept;
        }
    }
}

/// One log that is being read.
pub struct Stream {
    cleaner: Cleaner,
    unwrappers: Vec<Unwrapper>,
    decoder: Decoder,
    spare: Vec<u8>,
    /// The number of bytes read so far, without blocks of mere whitespace.
    pub bytes: u64,
    odd: u64,
}

impl Stream {
    /// Returns a stream that reads the same way and has not read anything yet.
    pub fn fresh(&self) -> Stream {
        Stream {
            cleaner: Cleaner { first: true, crlf: self.cleaner.crlf, held: false },
            unwrappers: self.unwrappers.iter().map(Unwrapper::fresh).collect(),
            decoder: self.decoder.fresh(),
            spare: Vec::new(),
            bytes: 0,
            odd: 0,
        }
    }

    /// Prepares for reading from the middle of a file: what comes before the first complete entry is skipped
    /// without being counted as lost.
    pub fn in_the_middle(&mut self) {
        self.cleaner.first = false;
        if let Some(outer) = self.unwrappers.first_mut() {
            outer.in_the_middle();
        }
        self.decoder.in_the_middle();
    }

    /// From now on, hands out only entries that pass this filter.
    pub fn only(&mut self, sieve: Sieve) {
        self.decoder.only(sieve);
    }

    /// Returns whether the filter has dropped any entry.
    pub fn has_sifted(&self) -> bool {
        self.decoder.has_sifted()
    }

    /// Returns whether reading can begin anywhere in the log.
    pub fn may_begin_anywhere(&self) -> bool {
        self.unwrappers.iter().all(|unwrapper| unwrapper.wrapping().has_one_line_each())
    }

    /// Takes more bytes and hands out the entries that are complete.
    pub fn feed(&mut self, data: &mut Vec<u8>, sink: Sink<'_>) -> Result<Flow> {
        if data.iter().any(|b| !b.is_ascii_whitespace()) {
            self.bytes += data.len() as u64;
        }
        self.cleaner.clean(data);
        for unwrapper in &mut self.unwrappers {
            self.spare.clear();
            unwrapper.feed(data, &mut self.spare);
            std::mem::swap(data, &mut self.spare);
        }
        self.decoder.feed(data, sink)
    }

    /// Tells the stream that nothing more has come for a while: it hands out an entry that would only wait for the
    /// next one.
    pub fn settle(&mut self, sink: Sink<'_>) -> Result<Flow> {
        let rest = self.drain(false);
        if !rest.is_empty() && self.decoder.feed(&rest, sink)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        self.decoder.settle(sink)
    }

    /// Tells the stream that the log has ended: it hands out what it still holds.
    pub fn end(&mut self, sink: Sink<'_>) -> Result<Flow> {
        let rest = self.drain(true);
        if !rest.is_empty() && self.decoder.feed(&rest, sink)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        self.decoder.end(sink)
    }

    /// Returns what the wrappings hold back.
    fn drain(&mut self, end: bool) -> Vec<u8> {
        let mut data = Vec::new();
        for unwrapper in &mut self.unwrappers {
            let mut out = Vec::new();
            unwrapper.feed(&data, &mut out);
            if end {
                unwrapper.end(&mut out);
            } else {
                unwrapper.settle(&mut out);
            }
            self.odd += std::mem::take(&mut unwrapper.odd);
            data = out;
        }
        data
    }

    /// Returns what has been skipped or cut so far.
    pub fn losses(&self) -> Losses {
        let odd: u64 = self.unwrappers.iter().map(|unwrapper| unwrapper.odd).sum();
        Losses { odd: self.odd + odd, ..self.decoder.losses() }
    }

    /// Returns which lines could not be read so far. Of a log in a wrapping, only their number is known.
    pub fn unread(&self) -> Unread {
        let unread = self.decoder.unread();
        let odd = self.losses().odd;
        let first = if self.unwrappers.is_empty() { unread.first } else { Default::default() };
        Unread { lines: unread.lines + odd, unread: unread.unread + odd, first, ..unread }
    }

    /// Returns a remark for users about how this log was unwrapped, if there is one. It begins with `name`, the name of the log.
    pub fn remark(&self, name: &str) -> Option<String> {
        self.unwrappers.iter().find_map(|unwrapper| unwrapper.remark(name))
    }

    /// Returns whether this log has the field.
    pub fn tells(&self, field: Field) -> bool {
        self.decoder.tells(field)
    }

    /// Returns the prefix, if there is one.
    pub fn prefix(&self) -> Option<&Prefix> {
        self.decoder.prefix()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_byte_order_marks_and_carriage_returns_are_no_text() {
        let all = |crlf: bool, text: &[u8]| {
            let mut first = None;
            for size in [1, 2, 3, 64] {
                let mut cleaner = Cleaner { first: true, crlf, held: false };
                let mut out = Vec::new();
                for piece in text.chunks(size.max(if text.starts_with(b"\xef") { 3 } else { 1 })) {
                    let mut piece = piece.to_vec();
                    cleaner.clean(&mut piece);
                    out.extend_from_slice(&piece);
                }
                let out = String::from_utf8(out).unwrap();
                let plain = out.replace("\n\n", "\n").replace("\n\n", "\n");
                assert_eq!(first.get_or_insert_with(|| plain.clone()), &plain);
            }
            first.unwrap()
        };
        assert_eq!(all(false, b"one\0\0\0two\r\n"), "one\ntwo\r\n");
        assert_eq!(all(true, b"\xef\xbb\xbfone\r\ntwo\rthree\r\n"), "one\ntwo\rthree\n");
        assert!(has_crlf(b"a\r\nb\r\nc") && !has_crlf(b"a\r\nb\n") && !has_crlf(b""));
    }
}

//! Reading a log: from the place where reading is to begin, through the filters, to the output; and following it.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::decode::{LONGEST, Losses, Sieve, Unread};
use super::files::Format;
use super::prefix::{FIELDS, Field, Prefix};
use super::reading::{Reading, Stream};
use super::record::{Filter, Numbers, Record, values};
use super::required::Required;
use super::source::{Got, Source};
use super::strange;
use crate::error::{Error, Exit, Result};
use crate::rows::Flow;
use crate::rows::Row;

/// If the format of a new file cannot be detected from this many lines, that is an error.
const ENOUGH: usize = 20;
/// The first and the longest pause before looking for more.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How many bytes of a file are examined to detect its format.
pub(super) const BEGINNING: u64 = 256 << 10;
/// How many bytes are read at first to find the last entries.
const WINDOW: u64 = 64 << 10;
/// A log smaller than this many bytes is read from its beginning, whatever time is wanted.
const SMALL: u64 = 2 << 20;
/// At how many places of a log its times are checked for being in order.
const PLACES: u64 = 16;
/// By how many seconds an entry may be older than the one before it, since several processes write.
const DISORDER: i64 = 60;

/// The output that shows what is read.
pub trait Show {
    /// Takes an entry's values, in the server's binary form. Returns whether more are wanted.
    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow>;
    /// Returns whether it takes whole entries instead of their values: those that are wanted as far as their fields tell,
    /// also those of pgkit itself.
    fn takes_records(&self) -> bool {
        false
    }
    /// Takes a whole entry. Returns whether more are wanted.
    fn record(&mut self, _record: &Record) -> Result<Flow> {
        Ok(Flow::More)
    }
    /// Takes in which lines of a log could not be read, and that it had this many bytes.
    fn unread(&mut self, _name: &str, _unread: &Unread, _losses: &Losses, _bytes: u64) {}
    /// Shows what has come so far, since nothing more comes for now. Returns whether the output is still open.
    fn pause(&mut self) -> Result<Flow>;
    /// Shows a remark besides the entries.
    fn remark(&mut self, text: &str);
    /// Reports that something could not be read, while reading goes on.
    fn fault(&mut self, error: &Error);
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With the first entry.
    First,
    /// With this many entries before the end.
    Last(usize),
    /// At the source's current position.
    Here,
}

/// What is wanted from a log.
pub struct Wanted {
    /// Where reading begins.
    pub begin: Begin,
    /// Which entries are wanted.
    pub filter: Filter,
    /// The flags that only a log with a certain field can answer, each with the field and its escape.
    pub needs: Vec<(&'static str, Field, &'static str)>,
    /// Whether to wait for more at the end.
    pub follow: bool,
    /// A text that is in the entry of every row that is kept, if one is known.
    pub required: Option<Required>,
    /// When reading ends in any case.
    pub end: Option<Instant>,
}

/// Reads a log, filters its entries and passes them on.
pub struct Tail<'a> {
    wanted: Wanted,
    seen: Seen<'a>,
    /// No more entries are wanted, from this log or any other.
    enough: bool,
    /// The exit status so far.
    exit: Exit,
}

/// The entries seen so far, and the output for them.
struct Seen<'a> {
    filter: Filter,
    required: Option<Required>,
    show: &'a mut dyn Show,
    takes_records: bool,
    /// The last entries, for as long as only those are wanted and reading has not reached the end.
    last: Option<(usize, VecDeque<Row>)>,
    numbers: Numbers,
    /// The fields that any entry has had a value for.
    told: [bool; FIELDS],
    durations: bool,
    matched: u64,
    /// The number of entries in the current log, whether they match or not.
    entries: u64,
    /// If times are in order: an entry later than this ends the reading of the current log.
    until: Option<Timestamp>,
    is_past: bool,
}

impl Seen<'_> {
    fn take(&mut self, record: &Record) -> Result<Flow> {
        if !record.severity.is_empty() {
            self.entries += 1;
        }
        if let (Some(until), Some(time)) = (self.until, record.time)
            && time > until
        {
            self.is_past = true;
            return Ok(Flow::Enough);
        }
        for (field, tells) in [
            (Field::Time, record.time.is_some()),
            (Field::Database, !record.database.is_empty()),
            (Field::User, !record.user.is_empty()),
            (Field::Application, !record.application.is_empty()),
        ] {
            self.told[field as usize] |= tells;
        }
        if self.filter.errors && record.is_error() == Some(false) {
            return Ok(Flow::More);
        }
        if self.takes_records {
            if !self.filter.wants_fields(record) {
                return Ok(Flow::More);
            }
            self.matched += 1;
            return self.show.record(record);
        }
        if self.required.as_ref().is_some_and(|required| !required.may_be_of(record)) {
            return Ok(Flow::More);
        }
        let shape = record.shape();
        self.durations |= shape.duration_ms.is_some();
        if self.filter.errors && record.is_error().is_none() {
            let word = String::from_utf8_lossy(&record.severity).into_owned();
            return Err(Error::data(format!(
                "--errors: unknown severity {word:?}"
            ))
            .hint(
                "log with %e in log_line_prefix, or as csvlog or jsonlog, so that the SQLSTATE shows what is an error",
            ));
        }
        if !self.filter.wants(record, &shape) {
            return Ok(Flow::More);
        }
        self.matched += 1;
        let raw = values(record, &shape, &mut self.numbers);
        match &mut self.last {
            Some((most, last)) => {
                if *most > 0 {
                    if last.len() == *most {
                        last.pop_front();
                    }
                    last.push_back(Row::of(&raw));
                }
                Ok(Flow::More)
            }
            None => self.show.row(&raw),
        }
    }

    /// Passes on the last entries, now that they are known; from now on every entry is passed on at once.
    fn release(&mut self) -> Result<Flow> {
        for row in self.last.take().map(|(_, rows)| rows).into_iter().flatten() {
            if self.show.row(&row.raw())? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::More)
    }
}

impl<'a> Tail<'a> {
    /// Creates a tail that shows its entries with `show`.
    pub fn new(wanted: Wanted, show: &'a mut dyn Show) -> Tail<'a> {
        let last = match wanted.begin {
            Begin::Last(most) => Some((most, VecDeque::new())),
            Begin::First | Begin::Here => None,
        };
        let seen = Seen {
            filter: wanted.filter.clone(),
            required: wanted.required.clone().filter(|_| wanted.filter.min_duration_ms.is_none()),
            takes_records: show.takes_records(),
            show,
            last,
            numbers: Numbers::default(),
            told: [false; FIELDS],
            durations: false,
            matched: 0,
            entries: 0,
            until: None,
            is_past: false,
        };
        Tail { wanted, seen, enough: false, exit: Exit::Done }
    }

    /// Reads to the end, or follows the log without end.
    ///
    /// Errors: the question cannot be answered, or nothing can be read (65, 74). A problem with one of several logs
    /// is reported, and the exit code reflects it.
    pub async fn run(mut self, mut source: Source, reading: Reading) -> Result<Exit> {
        let mut losses = Losses::default();
        self.tell_faults(&mut source);
        let mut only = true;
        loop {
            let (stream, next) = match self.one(&mut source, &reading, only).await {
                Ok(read) => read,
                // A problem with one log does not keep the others from being read.
                Err(e) if self.goes_on_after(&e, &source, only) => {
                    self.fault(&e);
                    let Source::Files(files) = &mut source else { return Err(e) };
                    (None, files.skip() == Got::Next)
                }
                Err(e) => return Err(e),
            };
            self.tell_faults(&mut source);
            if let Some(stream) = &stream {
                losses += stream.losses();
            }
            if self.enough || !next {
                self.seen.release()?;
                source.close().await;
                self.finish(stream.as_ref(), &reading, losses)?;
                return Ok(self.exit);
            }
            only = false;
        }
    }

    fn goes_on_after(&self, error: &Error, source: &Source, only: bool) -> bool {
        let others = match source {
            Source::Server(_) => false,
            Source::Files(files) => !only || !files.is_last(),
        };
        // What came before the end of a damaged file counts.
        let is_begun = self.seen.takes_records && self.seen.entries > 0;
        (others || is_begun) && matches!(error.exit, Exit::BadInput | Exit::Io)
    }

    fn fault(&mut self, error: &Error) {
        self.seen.show.fault(error);
        if self.exit == Exit::Done {
            self.exit = error.exit;
        }
    }

    fn tell_faults(&mut self, source: &mut Source) {
        for error in source.faults() {
            self.fault(&error);
        }
    }

    /// Reads one log to its end. Returns whether another one follows. `first`: no log was read before it.
    async fn one(
        &mut self,
        source: &mut Source,
        reading: &Reading,
        first: bool,
    ) -> Result<(Option<Stream>, bool)> {
        self.seen.entries = 0;
        self.seen.until = None;
        self.seen.is_past = false;
        let name = source.name();
        let beginning = source.beginning(BEGINNING).await?;
        let mut stream = self.stream(&beginning, source, reading)?;
        let from_first = self.begin(source, &mut stream, first).await?;
        let mut flow = Flow::More;
        if first && self.wanted.follow && self.wanted.begin != Begin::First && source.ends_here() {
            stream.settle(&mut |record| self.seen.take(record))?;
            flow = self.seen.release()?;
        }
        let mut buffer = Vec::new();
        let mut pause = PAUSES.0;
        let mut next = false;
        let mut is_told = false;
        // The format of an empty file is not known until something is written to it.
        let mut unknown = (!reading.own && beginning.trim_ascii().is_empty()).then(Vec::new);
        while flow == Flow::More {
            match source.read(&mut buffer, self.wanted.follow).await? {
                Got::Data => {
                    pause = PAUSES.0;
                    if let Some(text) = &mut unknown {
                        text.append(&mut buffer);
                        let Some(begun) = self.begun(text, source, reading)? else { continue };
                        stream = begun;
                        buffer = unknown.take().unwrap_or_default();
                    }
                    let few = buffer.len() < 64 << 10;
                    flow = stream.feed(&mut buffer, &mut |record| self.seen.take(record))?;
                    if self.wanted.follow {
                        self.tell_wrapping(&stream, &name, &mut is_told);
                    }
                    if self.wanted.follow && few && flow == Flow::More {
                        flow = self.seen.show.pause()?;
                    }
                    // Let a signal be handled between two blocks.
                    tokio::task::yield_now().await;
                }
                Got::Next => {
                    next = true;
                    break;
                }
                Got::End => break,
                Got::Nothing if !self.wanted.follow => break,
                Got::Nothing => {
                    if let Some(news) = source.news() {
                        self.seen.show.remark(&news);
                    }
                    flow = self.wait(&mut stream, &mut pause).await?;
                }
            }
        }
        if let Some(mut text) = unknown.filter(|text| !text.trim_ascii().is_empty()) {
            stream = self.stream(&text, source, reading)?;
            flow = stream.feed(&mut text, &mut |record| self.seen.take(record))?;
        }
        if flow == Flow::More {
            flow = stream.end(&mut |record| self.seen.take(record))?;
        }
        if flow == Flow::Enough && !self.seen.is_past {
            self.enough = true;
        }
        if self.seen.is_past && !next {
            next = match source {
                Source::Files(files) => files.skip() == Got::Next,
                Source::Server(_) => false,
            };
        }
        if from_first
            && self.seen.entries == 0
            && !stream.has_sifted()
            && stream.bytes > 0
            && !self.wanted.follow
        {
            let unread = nothing_read(&stream, &beginning, &name);
            if next || self.exit != Exit::Done {
                self.fault(&unread);
            } else {
                return Err(unread);
            }
        }
        self.tell_wrapping(&stream, &name, &mut is_told);
        self.seen.show.unread(&name, &stream.unread(), &stream.losses(), stream.bytes);
        Ok((Some(stream), next))
    }

    /// Creates the reader of a file that was empty and now has this text; `None` if the text is too short to detect the format.
    /// Errors: see [`Reading::begin`].
    fn begun(&self, text: &[u8], source: &Source, reading: &Reading) -> Result<Option<Stream>> {
        let lines = memchr::memchr_iter(b'\n', text).count();
        let is_much = lines >= ENOUGH || text.len() >= 64 << 10;
        if !is_much && (!text.ends_with(b"\n") || text.trim_ascii().is_empty()) {
            return Ok(None);
        }
        match self.stream(text, source, reading) {
            Err(e) if is_much || e.exit != Exit::BadInput => Err(e),
            stream => Ok(stream.ok()),
        }
    }

    /// Shows the remark about how a log was unwrapped, unless it was shown before.
    fn tell_wrapping(&mut self, stream: &Stream, name: &str, is_told: &mut bool) {
        if !*is_told && let Some(remark) = stream.remark(name) {
            self.seen.show.remark(&remark);
            *is_told = true;
        }
    }

    /// Handles a pause of the log: passes on the entries that are pending, then waits.
    async fn wait(&mut self, stream: &mut Stream, pause: &mut Duration) -> Result<Flow> {
        if self.seen.last.is_some() && self.seen.release()? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        if *pause > PAUSES.0 && stream.settle(&mut |record| self.seen.take(record))? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        if self.seen.show.pause()? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        let left = self.wanted.end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(Flow::Enough);
        }
        tokio::time::sleep(left.map_or(*pause, |left| left.min(*pause))).await;
        *pause = (*pause * 2).min(PAUSES.1);
        Ok(Flow::More)
    }

    /// Creates the reader of a log with this beginning.
    fn stream(&self, beginning: &[u8], source: &Source, reading: &Reading) -> Result<Stream> {
        let mut stream = reading.begin(beginning, &source.name(), source.written())?;
        // A filter that must know something about every entry, or an answer without rows, would miss the entries
        // that a sieve drops. With --follow, the last entry should appear before the next one begins.
        if self.wanted.needs.is_empty() && self.wanted.filter.min_duration_ms.is_none() {
            stream.only(Sieve {
                errors: self.wanted.filter.errors,
                required: self.wanted.required.clone().filter(|_| !self.wanted.follow),
            });
        }
        for (flag, field, escape) in &self.wanted.needs {
            if !stream.tells(*field) {
                return Err(cannot_answer(flag, escape, stream.prefix().map(Prefix::text)));
            }
        }
        Ok(stream)
    }

    /// Goes to where reading begins. Returns whether that is the log's first byte.
    async fn begin(&mut self, source: &mut Source, stream: &mut Stream, first: bool) -> Result<bool> {
        if self.wanted.begin == Begin::Here && first {
            stream.in_the_middle();
            return Ok(false);
        }
        let Some(size) = source.size().await?.filter(|_| source.is_seekable() && stream.may_begin_anywhere())
        else {
            return Ok(true);
        };
        if let Begin::Last(most) = self.wanted.begin
            && source.ends_here()
            && first
        {
            return self.last(source, stream, size, most).await;
        }
        let filter = &self.wanted.filter;
        if size < SMALL || (filter.since.is_none() && filter.until.is_none()) {
            return Ok(true);
        }
        let Some(from) = first_since(source, stream, size, filter.since).await? else {
            source.seek(0)?;
            return Ok(true);
        };
        source.seek(from)?;
        if from > 0 {
            stream.in_the_middle();
        }
        self.seen.until = filter.until.and_then(|until| later(until, DISORDER));
        Ok(from == 0)
    }

    /// Reads backwards from the end until there are as many entries as wanted.
    async fn last(
        &mut self,
        source: &mut Source,
        stream: &mut Stream,
        size: u64,
        most: usize,
    ) -> Result<bool> {
        let mut window = if most == 0 { 0 } else { WINDOW };
        let mut buffer = Vec::new();
        loop {
            let from = size.saturating_sub(window);
            self.seen.last = Some((most, VecDeque::new()));
            self.seen.matched = 0;
            self.seen.entries = 0;
            *stream = stream.fresh();
            source.seek(from)?;
            if from > 0 {
                stream.in_the_middle();
            }
            let mut read = 0;
            while read < size - from && source.read(&mut buffer, false).await? == Got::Data {
                // What was added since then comes with the rest.
                let wanted = usize::try_from(size - from - read).unwrap_or(usize::MAX).min(buffer.len());
                buffer.truncate(wanted);
                read += wanted as u64;
                stream.feed(&mut buffer, &mut |record| self.seen.take(record))?;
                tokio::task::yield_now().await;
            }
            source.seek(from + read)?;
            let found = self.seen.last.as_ref().map_or(0, |(_, last)| last.len());
            if from == 0 || found >= most {
                return Ok(from == 0);
            }
            window *= 4;
        }
    }

    fn finish(&mut self, stream: Option<&Stream>, reading: &Reading, losses: Losses) -> Result<()> {
        // Whoever takes whole entries has its own words for what it did not get.
        if !self.seen.takes_records {
            for text in remarks(&losses, stream) {
                self.seen.show.remark(&text);
            }
        }
        // An empty answer would be misleading if the log cannot answer the question.
        let Some(stream) =
            stream.filter(|_| self.seen.matched == 0 && !self.wanted.follow && self.exit == Exit::Done)
        else {
            return Ok(());
        };
        if reading.guesses() && self.seen.entries > 0 {
            for (flag, field, escape) in &self.wanted.needs {
                if stream.prefix().is_some() && !self.seen.told[*field as usize] {
                    return Err(cannot_answer(flag, escape, None));
                }
            }
        }
        if self.wanted.filter.min_duration_ms.is_some() && !self.seen.durations && self.seen.entries > 0 {
            return Err(Error::data("--min-duration: no entry of this log has a duration")
                .hint("make the server log durations: pgkit log on --min-duration 0"));
        }
        Ok(())
    }
}

/// Returns the instant this many seconds later.
fn later(at: Timestamp, seconds: i64) -> Option<Timestamp> {
    at.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
}

/// Returns the first time of an entry after this byte.
pub(super) async fn time_at(source: &mut Source, stream: &Stream, at: u64) -> Result<Option<Timestamp>> {
    let mut stream = stream.fresh();
    source.seek(at)?;
    if at > 0 {
        stream.in_the_middle();
    }
    let mut found = None;
    let mut buffer = Vec::new();
    let mut read = 0;
    while found.is_none() && read <= 2 * LONGEST && source.read(&mut buffer, false).await? == Got::Data {
        read += buffer.len();
        stream.feed(&mut buffer, &mut |record| {
            found = found.or(record.time);
            Ok(if found.is_some() { Flow::Enough } else { Flow::More })
        })?;
    }
    if found.is_none() {
        // The only entry may wait for a line that continues it.
        stream.end(&mut |record| {
            found = found.or(record.time);
            Ok(Flow::More)
        })?;
    }
    Ok(found)
}

/// Finds a byte before the first entry since a time, by bisection; `None` if the log's times are not in order, as
/// in a file that was concatenated in a different order.
async fn first_since(
    source: &mut Source,
    stream: &Stream,
    size: u64,
    since: Option<Timestamp>,
) -> Result<Option<u64>> {
    let mut known: Vec<(u64, Timestamp)> = Vec::new();
    for place in 0..PLACES {
        let at = size / PLACES * place;
        let Some(time) = time_at(source, stream, at).await? else { return Ok(None) };
        if known.last().and_then(|(_, before)| later(time, DISORDER).map(|time| time < *before)) == Some(true)
        {
            return Ok(None);
        }
        known.push((at, time));
    }
    let Some(since) = since.and_then(|since| later(since, -DISORDER)) else { return Ok(Some(0)) };
    let mut from = known.iter().rev().find(|(_, time)| *time < since).map_or(0, |(at, _)| *at);
    let mut to = known.iter().find(|(_, time)| *time >= since).map_or(size, |(at, _)| *at);
    while to.saturating_sub(from) > WINDOW {
        let middle = from + (to - from) / 2;
        match time_at(source, stream, middle).await? {
            Some(time) if time < since => from = middle,
            _ => to = middle,
        }
    }
    Ok(Some(from))
}

/// Describes in words what was skipped.
fn remarks(losses: &Losses, stream: Option<&Stream>) -> Vec<String> {
    let most = LONGEST >> 20;
    let prefix = stream.and_then(Stream::prefix).map(Prefix::text).unwrap_or_default();
    let all = [
        (losses.cut, format!("entries of the log are longer than {most} MiB: only their beginning is shown")),
        (losses.too_long, format!("entries of the log are longer than {most} MiB and were skipped")),
        (
            losses.strange,
            format!(
                "lines look like entries but do not match log_line_prefix {prefix:?}: they are shown unchanged"
            ),
        ),
        (
            losses.parts,
            "parts of entries (DETAIL, STATEMENT and the like) have no entry before them and were skipped"
                .to_owned(),
        ),
        (losses.odd, "lines have another format than the rest and could not be read".to_owned()),
    ];
    let mut told: Vec<String> = all
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, text)| format!("{count} {text}"))
        .collect();
    if losses.bytes > 0 {
        told.push(format!("skipped {} bytes of the log that are not complete entries", losses.bytes));
    }
    told
}

/// Returns the error for a log in which no entry could be read.
fn nothing_read(stream: &Stream, beginning: &[u8], name: &str) -> Error {
    if let Some(what) = strange::what(beginning) {
        return Error::data(format!("{name} is not a PostgreSQL log: it seems to be {what}"));
    }
    let error = Error::data(format!("{name}: could not read any entry"));
    match stream.prefix() {
        Some(prefix) => error
            .caused_by(format!("no line begins with log_line_prefix {:?}", prefix.text()))
            .hint("give the server's: --line-prefix '%m [%p] '; SHOW log_line_prefix shows it; without --line-prefix, pgkit tries the usual ones"),
        None => error
            .caused_by("it was read as csvlog or jsonlog")
            .hint("name the format with --log-format stderr, csv or json"),
    }
}

/// Returns the error for a filter that the log has no data for.
fn cannot_answer(flag: &str, escape: &str, prefix: Option<&str>) -> Error {
    let what = match prefix {
        Some(prefix) => format!("log_line_prefix {prefix:?} has no {escape}"),
        None => "none of its lines has it".to_owned(),
    };
    Error::data(format!("{flag} cannot be used with this log: {what}")).hint(format!(
        "add {escape} to log_line_prefix, or log as csvlog or jsonlog (log_destination), for what is logged from then on"
    ))
}

/// Returns how the server's own log is read.
pub fn own(format: Format, prefix: Option<String>, clock: super::zone::Clock, now: Timestamp) -> Reading {
    Reading {
        format: Some(format),
        prefix: Some(prefix.unwrap_or_else(|| "%m [%p] ".to_owned())),
        clock,
        own: true,
        now,
        follows: false,
    }
}

//! Guesses the log_line_prefix that a log was written with, if it is not given. A wrong guess is worse than none:
//! it would name the wrong user without anyone noticing. So every line has to agree, every field has to look like
//! what it is read as, and if two prefixes would read the lines differently, neither is taken.

mod lines;
mod values;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::decode;
use super::known;
use super::legacy;
use super::prefix::{Field, Memory, Prefix};
use super::words::{self, Word};
use super::zone;
use crate::error::{Error, Result};
use lines::is_plausible;
pub use lines::process_of;
use values::looks_right;

/// The most lines that are looked at.
const LINES: usize = 1000;

/// Returns whether this line looks like an entry or a part of one.
pub fn looks_like_entry(line: &[u8]) -> bool {
    !line.starts_with(b"\t") && (words::has_severity(line) || words::places(line).next().is_some())
}

/// All prefixes that are known.
static KNOWN: LazyLock<Vec<Prefix>> =
    LazyLock::new(|| known::all().iter().map(|text| Prefix::compile(text)).collect());

/// The fields that a prefix reads in a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reading<'a> {
    fields: BTreeMap<Field, &'a [u8]>,
    word: Option<Word>,
    severity: &'a [u8],
    message: &'a [u8],
}

impl<'a> Reading<'a> {
    fn name(&self, field: Field) -> Option<&'a [u8]> {
        self.fields.get(&field).copied().filter(|text| !text.is_empty() && !words::is_unknown_name(text))
    }

    fn number(&self, field: Field) -> Option<i64> {
        std::str::from_utf8(self.fields.get(&field)?).ok()?.parse().ok()
    }

    fn begins_entry(&self) -> bool {
        self.word.is_none_or(Word::begins_entry)
    }
}

/// A prefix that fits, and its readings of the lines.
struct Fit<'a> {
    prefix: Prefix,
    readings: Vec<Reading<'a>>,
}

/// The fields whose positions a guess must find, because flags and columns need them.
const TOLD: [Field; 8] = [
    Field::Time,
    Field::Pid,
    Field::User,
    Field::Database,
    Field::Application,
    Field::Client,
    Field::Sqlstate,
    Field::Epoch,
];

impl Fit<'_> {
    /// Returns whether this reads everything that the other reads, with the same values; a value may be shorter if
    /// this prefix explains the rest of it as literal text.
    fn covers(&self, other: &Fit<'_>) -> bool {
        // Without a label, nothing tells a user from a database, even if both have the same name in these lines.
        if self.prefix.text() != other.prefix.text()
            && known::swapped(self.prefix.text()) == other.prefix.text()
        {
            return false;
        }
        let explains_more = self.prefix.literals() > other.prefix.literals();
        self.readings.iter().zip(&other.readings).all(|(mine, theirs)| {
            let mine_as_it_is = |field: &Field| mine.fields.get(field);
            mine.message == theirs.message
                && TOLD.iter().all(|field| match (mine.name(*field), theirs.name(*field)) {
                    (_, None) => true,
                    (Some(mine), Some(theirs)) => {
                        mine == theirs || (explains_more && theirs.starts_with(mine))
                    }
                    (None, Some(theirs)) => {
                        explains_more && mine_as_it_is(field).is_some_and(|mine| theirs.starts_with(mine))
                    }
                })
        })
    }
}

/// Guesses the prefix of a log with this beginning, among `candidates` or, if there are none, all known prefixes.
/// `name` is for messages.
///
/// If no prefix fits all lines, one is taken that fits all but the lines of other programs, lines that are cut, and the first
/// lines, which may have an earlier prefix.
///
/// Errors: no prefix fits, or several fit that give different values (65).
pub fn guess(beginning: &[u8], name: &str, candidates: &[String]) -> Result<Prefix> {
    let beginning = legacy::lines(beginning);
    let lines = sample(&beginning);
    let given: Vec<Prefix> = candidates.iter().map(|text| Prefix::compile(text)).collect();
    let candidates = if given.is_empty() { &*KNOWN } else { &given };
    let of_all = of_lines(&lines, name, candidates);
    if of_all.is_ok() {
        return of_all;
    }
    // Other programs write to the same file, and its first line may be cut.
    let mut own = lines.clone();
    own.retain(|line| zone::looks_like_time(line));
    let fits = own.len() * 5 >= lines.len() * 4 && own.len() < lines.len();
    let own = if fits { own } else { lines };
    if fits && let Ok(prefix) = of_lines(&own, name, candidates) {
        return Ok(prefix);
    }
    // The first lines are from before the prefix was set.
    let later = [8, 4, 2].into_iter().map(|part| &own[own.len() / part..]).filter(|rest| rest.len() >= MANY);
    later.into_iter().find_map(|rest| of_lines(rest, name, candidates).ok()).map_or(of_all, Ok)
}

/// The smallest number of lines from which a prefix is guessed that does not fit the lines before them.
const MANY: usize = 20;

/// Guesses the prefix of these lines, all of which it must fit.
fn of_lines(lines: &[&[u8]], name: &str, candidates: &[Prefix]) -> Result<Prefix> {
    let mut fits: Vec<Fit<'_>> = Vec::new();
    let mut doubtful: Vec<&Prefix> = Vec::new();
    for prefix in candidates {
        let Some(readings) = readings(prefix, lines) else { continue };
        if is_plausible(prefix, &readings) {
            fits.push(Fit { prefix: prefix.clone(), readings });
        } else if readings.iter().all(|reading| looks_right(prefix, reading, true)) {
            doubtful.push(prefix);
        }
    }
    let best: Vec<&Fit<'_>> = fits.iter().filter(|fit| fits.iter().all(|other| fit.covers(other))).collect();
    if let Some(best) = best.iter().min_by_key(|fit| surplus(fit)) {
        return Ok(best.prefix.clone());
    }
    // Keep the fits that no other fit strictly covers. If two of them do not cover each other, the guess is
    // ambiguous.
    let mut rivals: Vec<&Fit<'_>> =
        fits.iter().filter(|fit| fits.iter().all(|other| !other.covers(fit) || fit.covers(other))).collect();
    if let Some(first) = rivals.first().copied() {
        rivals.retain(|other| !other.covers(first));
        if let Some(second) = rivals.first() {
            return Err(several(name, &first.prefix, &second.prefix));
        }
    }
    // The lines most clearly resemble the prefix with the most literal text.
    let doubtful = doubtful.into_iter().rev().max_by_key(|prefix| prefix.literals());
    Err(match doubtful.filter(|prefix| prefix.literals() > 2 && !lines.is_empty()) {
        Some(prefix) => contradicted(name, prefix),
        None => none(name, lines),
    })
}

/// Returns the error for a prefix that was given, but reads a pid as a name; `None` if it does not.
pub fn misread(prefix: &Prefix, beginning: &[u8], name: &str) -> Option<Error> {
    let lines = sample(beginning);
    let readings = readings(prefix, &lines)?;
    let is_pid = |text: &[u8]| {
        let inner = text.strip_prefix(b"[").and_then(|rest| rest.split(|b| *b == b']').next());
        inner.is_some_and(|inner| !inner.is_empty() && inner.iter().all(u8::is_ascii_digit))
    };
    let fields =
        [(Field::User, "user"), (Field::Database, "database"), (Field::Application, "application name")];
    fields.into_iter().find_map(|(field, what)| {
        let mut values = readings.iter().filter_map(|reading| reading.name(field));
        let first = values.next().filter(|first| is_pid(first))?;
        values.all(is_pid).then(|| {
            Error::data(format!(
                "{name}: with log_line_prefix {:?}, the {what} would be {:?}",
                prefix.text(),
                String::from_utf8_lossy(first)
            ))
            .hint("give the server's prefix, which SHOW log_line_prefix shows, or leave out --line-prefix")
        })
    })
}

/// Counts the fields of a prefix that no line has shown. Among prefixes with the same readings, the one with the
/// fewest is taken.
fn surplus(fit: &Fit<'_>) -> usize {
    let shown = |field: &Field| fit.readings.iter().any(|reading| reading.name(*field).is_some());
    TOLD.iter().filter(|field| fit.prefix.tells(**field) && !shown(field)).count()
}

fn several(name: &str, one: &Prefix, other: &Prefix) -> Error {
    Error::data(format!(
        "{name}: ambiguous log_line_prefix: the lines match {:?} and {:?}",
        one.text(),
        other.text()
    ))
    .hint(format!("choose one: --line-prefix {:?}; SHOW log_line_prefix shows it", one.text()))
}

fn contradicted(name: &str, prefix: &Prefix) -> Error {
    Error::data(format!(
        "{name}: the lines match log_line_prefix {:?}, but contradict one another (one process may have two users, \
         for example)",
        prefix.text()
    ))
    .hint(format!("if that is the prefix, give it: --line-prefix {:?}; SHOW log_line_prefix shows it", prefix.text()))
}

fn none(name: &str, lines: &[&[u8]]) -> Error {
    let names: Vec<&str> = known::NAMED.iter().map(|(name, _)| *name).collect();
    let error = Error::data(format!("{name}: unknown log_line_prefix"));
    let error = match lines.first() {
        Some(line) => {
            let text = String::from_utf8_lossy(line);
            let short: String = text.chars().take(100).collect();
            error.caused_by(format!("first line: {short}"))
        }
        None => error,
    };
    error
        .hint("give the server's: --line-prefix '%m [%p] '; SHOW log_line_prefix shows it")
        .hint(format!("or name a known one: --line-prefix {}", names.join(", ")))
}

/// Returns the lines of a beginning that are kept, so that a later line can be examined together with them.
pub fn kept(beginning: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    for line in sample(beginning).into_iter().take(200) {
        kept.extend_from_slice(line);
        kept.push(b'\n');
    }
    kept
}

/// Returns the lines with an entry or a part of one. If no line has a word of a known language, returns all lines.
fn sample(beginning: &[u8]) -> Vec<&[u8]> {
    let other_format = |line: &&[u8]| decode::begins_csvlog(line) || decode::begins_jsonlog(line);
    let mut lines: Vec<&[u8]> = beginning
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"\t"))
        .take_while(|line| !other_format(line))
        .collect();
    // The last one may be cut.
    if lines.len() > 1 && !beginning.ends_with(b"\n") {
        lines.pop();
    }
    lines.truncate(LINES);
    if lines.iter().any(|line| looks_like_entry(line)) {
        lines.retain(|line| looks_like_entry(line));
    }
    lines
}

fn readings<'a>(prefix: &Prefix, lines: &[&'a [u8]]) -> Option<Vec<Reading<'a>>> {
    let mut memory = Memory::default();
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        let mut fields = BTreeMap::new();
        let head = prefix.read(line, &mut memory, |field, text| {
            fields.insert(field, text);
        })?;
        all.push(Reading { fields, word: head.word, severity: head.severity, message: head.rest });
    }
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests;

//! Reads the words that the server writes before a message and before each part of it, and takes messages about
//! statements apart, in every language that the server is available in. `lc_messages` chooses the language. In csvlog,
//! the severity is translated, too.

mod translations;

use std::sync::LazyLock;

use regex::bytes::Regex;

/// What a word says about the text that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A severity below a warning: `DEBUG`, `LOG`, `INFO`, `NOTICE`.
    Calm,
    /// `WARNING`.
    Warning,
    /// `ERROR`, `FATAL`, `PANIC`.
    Error,
    Detail,
    Hint,
    Context,
    Statement,
    /// `QUERY`, `LOCATION`, `BACKTRACE`: parts that a record has no field for.
    Other,
}

impl Word {
    /// Returns whether the word begins an entry, as a severity does, rather than a part of one.
    pub fn begins_entry(self) -> bool {
        matches!(self, Calm | Warning | Error)
    }
}

use Word::{Calm, Error, Warning};
use translations::{
    DURATIONS, EXECUTE, FETCH, OWN_WORK, PARAMETERS, PARTS, POSITIONS, SEVERITIES, STATEMENTS, STEPS, UNKNOWN,
};

/// A severity or the name of a part, found at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// What the word says.
    pub word: Word,
    /// The length of the word in bytes.
    pub len: usize,
    /// The number of bytes before the text that the word announces.
    pub until_text: usize,
}

type Words = Vec<(&'static str, Word)>;

/// The severities and the parts that begin with each byte, in the order of their lists.
static BY_FIRST_BYTE: LazyLock<Vec<[Words; 2]>> = LazyLock::new(|| {
    let of = |all: &[(&'static str, Word)], byte: u8| {
        all.iter().filter(|(word, _)| word.as_bytes()[0] == byte).copied().collect()
    };
    (0..=u8::MAX).map(|byte| [of(SEVERITIES, byte), of(PARTS, byte)]).collect()
});

/// Returns the rest of a text that begins with this word. The first byte is compared first, because it rules out
/// most words.
fn begins<'a>(text: &'a [u8], word: &str) -> Option<&'a [u8]> {
    if text.first() == word.as_bytes().first() { text.strip_prefix(word.as_bytes()) } else { None }
}

/// Returns the words and the beginnings of messages that are not plain ASCII and longer than one character. In another encoding,
/// a single character could be anything.
pub fn beyond_ascii() -> impl Iterator<Item = &'static str> {
    let words = SEVERITIES.iter().chain(PARTS).map(|(word, _)| *word);
    let messages = STATEMENTS.iter().chain(STEPS).chain(FETCH).chain(OWN_WORK).chain(PARAMETERS).copied();
    let durations = DURATIONS.iter().map(|(word, _)| *word);
    words.chain(messages).chain(durations).filter(|word| !word.is_ascii() && word.chars().count() > 1)
}

/// Returns whether this is a message about a statement or about the server's own work, in a language other than English.
pub fn is_translated(message: &[u8]) -> bool {
    if ["duration: ", "statement: ", "execute ", "parse ", "bind "]
        .iter()
        .any(|word| begins(message, word).is_some())
    {
        return false;
    }
    let is_known = |word: &&str| begins(message, word).is_some();
    OWN_WORK.iter().any(is_known)
        || DURATIONS.iter().any(|(word, _)| is_known(word))
        || STATEMENTS.iter().any(is_known)
        || STEPS.iter().any(is_known)
}

/// Returns the severity or part name that a text begins with, if there is one.
pub fn marker(text: &[u8]) -> Option<Marker> {
    // By far the most frequent one first.
    if text.starts_with(b"LOG:  ") {
        return Some(Marker { word: Calm, len: 3, until_text: 6 });
    }
    // Most texts begin with no such word, and their first byte shows that.
    let [severities, parts] = &BY_FIRST_BYTE[usize::from(*text.first()?)];
    for (word, is) in severities {
        if let Some(rest) = begins(text, word)
            && rest.starts_with(b":  ")
        {
            return Some(Marker { word: *is, len: word.len(), until_text: word.len() + 3 });
        }
    }
    let found = parts.iter().find(|(part, _)| begins(text, part).is_some());
    found.map(|(part, is)| Marker {
        word: *is,
        len: part.trim_end_matches([' ', ':']).len(),
        until_text: part.len(),
    })
}

/// Finds a word in capitals or in a non-Latin script in the place of a severity: one of a language that pgkit does
/// not know.
pub fn unknown_marker(text: &[u8]) -> Option<Marker> {
    let len = text.iter().position(|b| *b == b':').filter(|len| (2..=60).contains(len))?;
    let letters = text[..len].iter().all(|b| b.is_ascii_uppercase() || *b >= 0x80);
    (letters && text[len..].starts_with(b":  ")).then_some(Marker { word: Calm, len, until_text: len + 3 })
}

/// Returns the meaning of a bare severity, as csvlog and jsonlog have it; `None` if it is of no known language.
pub fn severity(word: &[u8]) -> Option<Word> {
    if word == b"LOG" {
        return Some(Calm);
    }
    SEVERITIES.iter().find(|(known, _)| known.as_bytes() == word).map(|(_, is)| *is)
}

/// Returns the SQLSTATE that a message begins with, before a colon and a blank. It has at least one digit, so that no word in
/// capitals is taken for one.
pub fn sqlstate(message: &[u8]) -> Option<&[u8]> {
    let (state, rest) = message.split_at_checked(5)?;
    let is_state = state.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    (rest.starts_with(b": ") && is_state && state.iter().any(u8::is_ascii_digit)).then_some(state)
}

/// Returns whether this is `LOG`. The message of a `LOG` entry may be text that a client sent, rather than an
/// error.
pub fn is_log(severity: &[u8]) -> bool {
    const LOG: &[&str] = &["LOG", "ჟურნალი", "로그", "DZIENNIK", "СООБЩЕНИЕ", "LOGG", "ЗАПИСУВАННЯ", "日志"];
    LOG.iter().any(|word| word.as_bytes() == severity)
}

/// Matches any word that announces a text.
static ANY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let severities = SEVERITIES.iter().map(|(word, _)| format!("{word}:  "));
    let all = severities.chain(PARTS.iter().map(|(part, _)| (*part).to_owned()));
    let words: Vec<String> = all.map(|word| regex::escape(&word)).collect();
    Regex::new(&format!("(?-u)(?:{})", words.join("|"))).ok()
});

/// Returns the positions in a line of all words that announce a text.
pub fn places(line: &[u8]) -> impl Iterator<Item = usize> {
    ANY.as_ref().into_iter().flat_map(|any| any.find_iter(line)).map(|found| found.start())
}

/// Returns whether a line contains a severity, as most do. Unlike [`places`], this needs no pattern, which takes a
/// while to build.
pub fn has_severity(line: &[u8]) -> bool {
    memchr::memmem::find_iter(line, b":  ").any(|at| {
        let word = line[..at].rsplit(|b| b.is_ascii_whitespace()).next().unwrap_or_default();
        severity(word).is_some()
    })
}

/// Returns whether this is the text that the server prints for a name it does not know.
pub fn is_unknown_name(name: &[u8]) -> bool {
    name.first() == Some(&b'[') && UNKNOWN.iter().any(|unknown| unknown.as_bytes() == name)
}

/// Returns the duration that a message begins with, in milliseconds, and the text after the unit.
pub fn duration(message: &[u8]) -> Option<(f64, &[u8])> {
    for (before, unit) in DURATIONS {
        if let Some(rest) = begins(message, before) {
            let end = rest.iter().position(|b| !(b.is_ascii_digit() || *b == b'.'))?;
            let after = rest[end..].strip_prefix(unit.as_bytes())?;
            return Some((number(&rest[..end])?, after));
        }
    }
    None
}

/// Parses a number with or without a decimal point.
fn number(digits: &[u8]) -> Option<f64> {
    // The form that the server prints. Both operands are exact, so the division gives the nearest float.
    if let [whole @ .., b'.', a, b, c] = digits
        && (1..=12).contains(&whole.len())
    {
        let thousandths = whole
            .iter()
            .chain([a, b, c])
            .try_fold(0i64, |n, digit| digit.is_ascii_digit().then(|| n * 10 + i64::from(digit - b'0')))?;
        return Some(thousandths as f64 / 1e3);
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Splits a message that shows a statement into the text before the statement (`statement`, `execute NAME`) and the
/// statement.
pub fn statement(message: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(rest) = STATEMENTS.iter().find_map(|before| begins(message, before)) {
        return Some((b"statement", rest));
    }
    if !STEPS.iter().chain(FETCH).any(|step| begins(message, step).is_some()) {
        return None;
    }
    let at = memchr::memmem::find(message, b": ")?;
    Some((message[..at].trim_ascii_end(), &message[at + 2..]))
}

/// A step of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was parsed, or its parameters were bound.
    Prepare,
    /// It ran.
    Execute,
    /// More of its rows were fetched.
    Fetch,
}

/// Returns the step that the text before a statement stands for: see [`statement`].
pub fn phase(what: &[u8]) -> Phase {
    if what == b"statement" {
        Phase::Execute
    } else if FETCH.iter().any(|word| begins(what, word).is_some()) {
        Phase::Fetch
    } else if EXECUTE.iter().any(|word| begins(what, word).is_some()) {
        Phase::Execute
    } else {
        Phase::Prepare
    }
}

/// Returns the parameter values, if the detail consists of them.
pub fn parameters(detail: &[u8]) -> Option<&[u8]> {
    PARAMETERS.iter().find_map(|before| begins(detail, before))
}

/// Returns a message without the character position at its end, which csvlog and jsonlog have in a column of its
/// own.
pub fn without_position(message: &[u8]) -> &[u8] {
    for (before, after) in POSITIONS {
        let Some(rest) = message.strip_suffix(after.as_bytes()) else { continue };
        let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0
            && let Some(text) = rest[..rest.len() - digits].strip_suffix(before.as_bytes())
            && !(before.trim().is_empty() && after.is_empty())
        {
            return text;
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_an_error_in_every_language_or_in_none() {
        for (i, (word, is)) in SEVERITIES.iter().enumerate() {
            let others = &SEVERITIES[i + 1..];
            assert!(others.iter().all(|(other, says)| other != word || says == is), "{word}");
            let text = format!("{word}:  message: text");
            let found = marker(text.as_bytes()).unwrap();
            assert_eq!(
                (found.word, found.len, &text[found.until_text..]),
                (*is, word.len(), "message: text")
            );
            assert_eq!(severity(word.as_bytes()), Some(*is));
        }
        for (part, is) in PARTS {
            let text = format!("{part}text");
            let found = marker(text.as_bytes()).unwrap();
            assert_eq!((found.word, &text[found.until_text..]), (*is, "text"), "{part}");
        }
        assert!(marker(b"LOGS:  x").is_none() && marker(b"LOG: x").is_none() && marker(b"").is_none());
        assert_eq!(unknown_marker("VIRHE:  x".as_bytes()).map(|m| m.until_text), Some(8));
        assert!(unknown_marker(b"Virhe:  x").is_none() && unknown_marker(b"X:  ").is_none());
    }

    #[test]
    fn a_message_is_taken_apart_in_every_language() {
        for (before, unit) in DURATIONS {
            let text = format!("{before}12.5{unit}");
            assert_eq!(duration(text.as_bytes()), Some((12.5, &b""[..])), "{text}");
        }
        for before in STATEMENTS {
            let text = format!("{before}SELECT 1: 2");
            let (what, sql) = statement(text.as_bytes()).unwrap();
            assert_eq!(sql, b"SELECT 1: 2", "{text}");
            assert_eq!(what, b"statement");
        }
        assert_eq!(sqlstate(b"42P01: no such table"), Some(&b"42P01"[..]));
        assert!([&b"WORDS: x"[..], b"1234: x", b"12345 x"].iter().all(|text| sqlstate(text).is_none()));
        assert_eq!(phase(b"statement"), Phase::Execute);
        assert_eq!(phase(b"execute fetch from c/p"), Phase::Fetch);
        assert!(EXECUTE.iter().all(|word| STEPS.contains(word)));
        for word in FETCH {
            let text = format!("{word}c/p: SELECT 1");
            let (what, sql) = statement(text.as_bytes()).unwrap();
            assert_eq!((phase(what), sql), (Phase::Fetch, &b"SELECT 1"[..]), "{text}");
        }
        for message in STATEMENTS.iter().skip(1).chain(OWN_WORK) {
            assert!(is_translated(message.as_bytes()), "{message}");
        }
        for message in ["statement: x", "duration: 5 ms", "process 7 acquired", "connection received: host=a"]
        {
            assert!(!is_translated(message.as_bytes()), "{message}");
        }
        for (step, is) in [
            ("execute <unnamed>", Phase::Execute),
            ("bind s1", Phase::Prepare),
            ("Parsen s1", Phase::Prepare),
            ("Binden s1", Phase::Prepare),
            ("wykonanie s1", Phase::Execute),
        ] {
            assert_eq!(phase(step.as_bytes()), is, "{step}");
        }
        for (before, after) in POSITIONS {
            let text = format!("no such table{before}15{after}");
            assert_eq!(without_position(text.as_bytes()), b"no such table", "{text}");
        }
        for whole in ["at character", "a 15", "character 15", "x at character 15 "] {
            assert_eq!(without_position(whole.as_bytes()), whole.as_bytes());
        }
    }
}

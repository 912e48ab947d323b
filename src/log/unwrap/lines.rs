//! Wrappings that put something in front of each line.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::{Line, Piece};
use crate::log::zone::looks_like_time;
use crate::log::{guess, words};

type Pattern = LazyLock<Option<Regex>>;

static CRI: Pattern = LazyLock::new(|| {
    Regex::new(
        r"(?s-u)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) (.*)$",
    )
    .ok()
});
/// A priority and a version, perhaps; a time; the host; the program and its process, as RFC 3164 or RFC 5424 has them; and
/// the number of the message and of the piece.
static SYSLOG: Pattern = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?s-u)^(?:<\d+>)?(?:1 )?",
        r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d))) ",
        r"\S+ ([^\s\[\]:]+)(?:\[(\d+)\]:| (\d+|-) \S+ (?:-|\[[^\]]*\]))",
        r" ?(?:\[\d+-(\d+)\] ?)?(.*)$"
    ))
    .ok()
});
static LOGPLEX: Pattern = LazyLock::new(|| {
    Regex::new(r"(?s-u)^(?:<\d+>1 )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (?:\S+ )?app\[([^\]]+)\]: (?:\[[A-Z_]+\] )?(?:\[\d+-(\d+)\] )?(.*)$").ok()
});
static COMPOSE: Pattern = LazyLock::new(|| Regex::new(r"(?s-u)^[A-Za-z][\w.-]*[-_]\d+ +\| ?(.*)$").ok());
static TIMED: Pattern = LazyLock::new(|| {
    Regex::new(r"(?s-u)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))[ \t]([^\s:]+ )?(.*)$")
        .ok()
});

fn captures<'a>(pattern: &Pattern, line: &'a [u8]) -> Option<Captures<'a>> {
    pattern.as_ref()?.captures(line)
}

fn text<'a>(captures: &Captures<'a>, group: usize) -> Option<&'a [u8]> {
    captures.get(group).map(|found| found.as_bytes())
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

pub(super) fn cri(line: &[u8]) -> Option<Line<'_>> {
    let found = captures(&CRI, line)?;
    Some(Line::Server(Piece {
        text: text(&found, 4)?.into(),
        ends: text(&found, 3) == Some(b"F"),
        stream: usize::from(text(&found, 2) == Some(b"stdout")),
        time: text(&found, 1).and_then(utf8).map(Cow::from),
        ..Piece::default()
    }))
}

/// Is this the name that a server bears in a system's log?
fn is_server(program: &[u8]) -> bool {
    let program = program.to_ascii_lowercase();
    program.starts_with(b"postgres") || program.starts_with(b"postmaster") || program.starts_with(b"pgsql")
}

pub(super) fn syslog(line: &[u8]) -> Option<Line<'_>> {
    let found = captures(&SYSLOG, line)?;
    if !is_server(text(&found, 2)?) {
        return Some(Line::Foreign);
    }
    let pid = text(&found, 3).or_else(|| text(&found, 4)).and_then(utf8).and_then(|pid| pid.parse().ok());
    let piece = numbered(text(&found, 5), text(&found, 6)?);
    Some(Line::Server(Piece { time: text(&found, 1).and_then(utf8).map(full_time), pid, ..piece }))
}

pub(super) fn logplex(line: &[u8]) -> Option<Line<'_>> {
    let found = captures(&LOGPLEX, line)?;
    if !is_server(text(&found, 2)?) {
        return Some(Line::Foreign);
    }
    let piece = numbered(text(&found, 3), text(&found, 4)?);
    Some(Line::Server(Piece { time: text(&found, 1).and_then(utf8).map(Cow::from), ..piece }))
}

/// A piece of a message: the server cuts long ones, and at each line feed, and numbers what comes of it. Within an entry a tab
/// follows a line feed, and before a part of an entry stands its name; what has neither goes on with the piece before.
fn numbered<'a>(number: Option<&[u8]>, raw: &'a [u8]) -> Piece<'a> {
    let text = control_characters(raw);
    let first = number.is_none_or(|number| number == b"1");
    let goes_on = !first && !text.starts_with(b"\t") && !begins_part(&text);
    Piece { text, ends: true, goes_on, ..Piece::default() }
}

/// Does the name of a part stand in it, behind what can be a prefix?
fn begins_part(text: &[u8]) -> bool {
    let head = &text[..text.len().min(300)];
    guess::looks_like_entry(head)
        && memchr::memchr_iter(b':', head).any(|colon| {
            let from = head[..colon].iter().rposition(|b| *b == b' ').map_or(0, |at| at + 1);
            words::marker(&text[from..]).is_some_and(|marker| !marker.word.begins_entry())
        })
}

/// rsyslog writes a control character as `#` and three octal digits.
fn control_characters(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(raw, b"#0").is_none() {
        return raw.into();
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memmem::find(rest, b"#0") {
        out.extend_from_slice(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(utf8).and_then(|code| u8::from_str_radix(code, 8).ok());
        match code.filter(|code| *code < 32) {
            Some(code) => {
                out.push(code);
                rest = &rest[at + 4..];
            }
            None => {
                out.push(b'#');
                rest = &rest[at + 1..];
            }
        }
    }
    out.extend_from_slice(rest);
    out.into()
}

/// A time of journalctl's short-iso has no colon in its offset.
fn full_time(time: &str) -> Cow<'_, str> {
    let sign = time.len().checked_sub(5).filter(|at| time[*at..].starts_with(['+', '-']));
    match sign {
        Some(at) => format!("{}:{}", &time[..at + 3], &time[at + 3..]).replace(',', ".").into(),
        None => time.into(),
    }
}

pub(super) fn compose(line: &[u8]) -> Option<Line<'_>> {
    let found = captures(&COMPOSE, line)?;
    Some(Line::Server(Piece { text: text(&found, 1)?.into(), ends: true, ..Piece::default() }))
}

/// A time, perhaps the name of a stream, and the line. A stream's name is seen by the log's own time behind it.
pub(super) fn timed(line: &[u8]) -> Option<Line<'_>> {
    let found = captures(&TIMED, line)?;
    let rest = text(&found, 3)?;
    let named = text(&found, 2).unwrap_or_default();
    let behind_time = &line[line.len() - rest.len() - named.len()..];
    let inner = if looks_like_time(rest) && !looks_like_time(behind_time) { rest } else { behind_time };
    let time = text(&found, 1).and_then(utf8).map(full_time);
    Some(Line::Server(Piece { text: inner.into(), ends: true, time, ..Piece::default() }))
}

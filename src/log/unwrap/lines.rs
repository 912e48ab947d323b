//! Wrappings that put something in front of each line.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::{Line, Piece, Time};
use crate::log::zone::looks_like_time;
use crate::log::{guess, words};

type Pattern = LazyLock<Option<Regex>>;

static CRI: Pattern = LazyLock::new(|| {
    Regex::new(
        r"(?s-u)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) (.*)$",
    )
    .ok()
});
/// Perhaps a priority and a version; a time; the host; the program and its pid, as in RFC 3164 or RFC 5424; and the
/// numbers of the message and of its piece.
static SYSLOG: Pattern = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?s-u)^(?:<\d+>)?(?:1 )?",
        r"(?:([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d))) ",
        r"\S+ ([^\s\[\]:]+)(?:\[(\d+)\]:| (\d+|-) \S+ (?:-|\[[^\]]*\]))",
        r" ?(?:\[\d+-(\d+)\] ?)?(.*)$"
    ))
    .ok()
});
/// A time, a host, and a program, perhaps with its version or its pid. `-- MARK --` is a line of syslog itself.
static ANY_SYSLOG: Pattern = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?s-u)^(?:<\d+>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) ",
        r"\S+ (?:-- MARK --|([^\s\[\]:]+)(?: [\d.]+)?(?:\[[^\]]*\])?:)"
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
        time: text(&found, 1).and_then(utf8).map(|time| Time::Full(time.into())),
        ..Piece::default()
    }))
}

/// Returns whether this is a name under which a server logs to syslog. `postgresql@15-main` is a service, not a server.
fn is_server(program: &[u8]) -> bool {
    let name = program.to_ascii_lowercase();
    let begins = |with: &[u8]| name.starts_with(with);
    (begins(b"postgres") || begins(b"postmaster") || begins(b"pgsql")) && !name.contains(&b'@')
}

/// Returns whether syslog has received this line from another program, or has written it itself. Such lines need not have a pid.
fn is_of_another_program(line: &[u8]) -> bool {
    captures(&ANY_SYSLOG, line).is_some_and(|found| text(&found, 1).is_none_or(|program| !is_server(program)))
}

pub(super) fn syslog(line: &[u8]) -> Option<Line<'_>> {
    let Some(found) = captures(&SYSLOG, line) else {
        return is_of_another_program(line).then_some(Line::Foreign);
    };
    if !is_server(text(&found, 3)?) {
        return Some(Line::Foreign);
    }
    let pid = text(&found, 4).or_else(|| text(&found, 5)).and_then(utf8).and_then(|pid| pid.parse().ok());
    let piece = numbered(text(&found, 6), text(&found, 7)?);
    let time = match text(&found, 1) {
        Some(yearless) => Some(Time::Yearless(yearless)),
        None => text(&found, 2).and_then(utf8).map(full_time),
    };
    Some(Line::Server(Piece { time, pid, ..piece }))
}

pub(super) fn logplex(line: &[u8]) -> Option<Line<'_>> {
    let found = captures(&LOGPLEX, line)?;
    if !is_server(text(&found, 2)?) {
        return Some(Line::Foreign);
    }
    let piece = numbered(text(&found, 3), text(&found, 4)?);
    Some(Line::Server(Piece {
        time: text(&found, 1).and_then(utf8).map(|time| Time::Full(time.into())),
        ..piece
    }))
}

/// Makes a piece of a message. The server splits long messages, and all messages at line feeds, and numbers the
/// pieces. Within an entry a tab follows each line feed, and a part of an entry begins with its name; a piece with
/// neither continues the one before.
fn numbered<'a>(number: Option<&[u8]>, raw: &'a [u8]) -> Piece<'a> {
    let text = control_characters(raw);
    let first = number.is_none_or(|number| number == b"1");
    let goes_on = !first && !text.starts_with(b"\t") && !begins_part(&text);
    Piece { text, ends: true, goes_on, follows: !first, ..Piece::default() }
}

/// Returns whether the name of a part is in the text, after something that can be a prefix.
fn begins_part(text: &[u8]) -> bool {
    let head = &text[..text.len().min(300)];
    guess::looks_like_entry(head)
        && memchr::memchr_iter(b':', head).any(|colon| {
            let from = head[..colon].iter().rposition(|b| *b == b' ').map_or(0, |at| at + 1);
            words::marker(&text[from..]).is_some_and(|marker| !marker.word.begins_entry())
        })
}

/// Decodes control characters, which rsyslog writes as `#` and three octal digits.
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

/// Adds the colon to the offset of a time, which journalctl's short-iso leaves out.
fn full_time(time: &str) -> Time<'_> {
    let sign = time.len().checked_sub(5).filter(|at| time[*at..].starts_with(['+', '-']));
    Time::Full(match sign {
        Some(at) => format!("{}:{}", &time[..at + 3], &time[at + 3..]).replace(',', ".").into(),
        None => time.replace(',', ".").into(),
    })
}

pub(super) fn compose(line: &[u8]) -> Option<Line<'_>> {
    let found = captures(&COMPOSE, line)?;
    Some(Line::Server(Piece { text: text(&found, 1)?.into(), ends: true, ..Piece::default() }))
}

/// Unwraps a time, perhaps the name of a stream, and the line. The name of a stream is recognized by the log's own
/// time after it.
pub(super) fn timed(line: &[u8]) -> Option<Line<'_>> {
    let found = captures(&TIMED, line)?;
    let rest = text(&found, 3)?;
    let named = text(&found, 2).unwrap_or_default();
    let behind_time = &line[line.len() - rest.len() - named.len()..];
    let inner = if looks_like_time(rest) && !looks_like_time(behind_time) { rest } else { behind_time };
    let time = text(&found, 1).and_then(utf8).map(full_time);
    Some(Line::Server(Piece { text: inner.into(), ends: true, time, ..Piece::default() }))
}

//! A prefix compiled for matching many lines. It matches from left to right and never backtracks.

use super::template::{Field, Found, Miss, Piece, field, literal_at};
use crate::log::zone;

/// A piece of the prefix, with everything about it that does not depend on the line.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Text as it stands.
    Literal(Vec<u8>),
    /// An escape that is not padded.
    Escape {
        escape: u8,
        field: Option<Field>,
        /// The literal text after the escape; empty if another escape or the end of the prefix follows.
        next: Vec<u8>,
        /// Whether the end of its value is known from the value alone, no matter what follows.
        is_fixed: bool,
    },
    /// An escape with a width. Its padding cannot be told from the blanks around it without the regular expression.
    Padded,
}

/// Compiles pieces into steps.
pub(super) fn steps(pieces: &[Piece]) -> Vec<Step> {
    let step = |(i, piece): (usize, &Piece)| match piece {
        Piece::Literal(text) => Step::Literal(text.clone()),
        Piece::Escape(_, true) => Step::Padded,
        Piece::Escape(escape, false) => {
            let next = literal_at(pieces, i + 1).to_vec();
            let is_fixed = is_fixed(*escape, &next);
            Step::Escape { escape: *escape, field: field(*escape), next, is_fixed }
        }
    };
    pieces.iter().enumerate().map(step).collect()
}

/// Matches the steps from position `at` on, each escape as short as possible, and returns where they end. It finds
/// what the regular expression would find first. `sure` stays true while the line can be read in no other way.
pub(super) fn walk<'a>(
    steps: &[Step],
    line: &'a [u8],
    mut at: usize,
    found: &mut Found<'a>,
    sure: &mut bool,
) -> Result<usize, Miss> {
    for step in steps {
        let rest = &line[at..];
        match step {
            Step::Literal(text) => {
                if !begins(rest, text) {
                    return Err(if *sure { Miss::Sure } else { Miss::Unsure });
                }
                at += text.len();
            }
            Step::Padded => return Err(Miss::Unsure),
            Step::Escape { escape, field, next, is_fixed } => {
                let text = length(*escape, rest, next).and_then(|len| rest.get(..len));
                let Some(text) = text.filter(|text| fits(*escape, text)) else {
                    return Err(if *sure && *is_fixed { Miss::Sure } else { Miss::Unsure });
                };
                if let Some(field) = field {
                    found[*field as usize].get_or_insert(text);
                }
                *sure &= is_fixed;
                at += text.len();
            }
        }
    }
    Ok(at)
}

/// Returns whether the end of this escape's value is known from the value alone.
fn is_fixed(escape: u8, next: &[u8]) -> bool {
    let ended = |ends: fn(&u8) -> bool| next.first().is_some_and(ends);
    match escape {
        b'p' | b'l' | b'P' | b'x' => ended(|b| !b.is_ascii_digit()),
        b't' | b'm' | b's' => ended(|b| !is_of(ZONE, *b)),
        b'e' => true,
        b'c' => ended(|b| !b.is_ascii_hexdigit() && *b != b'.'),
        _ => false,
    }
}

/// Characters of numbers.
const DIGIT: u8 = 1;
/// Characters of a time zone's name or offset.
const ZONE: u8 = 2;
/// Characters of a name that an `@` follows.
const NAME: u8 = 4;
/// Characters of a host name that a port in parentheses follows.
const HOST: u8 = 8;
/// Characters of session IDs (`6564.12`) and virtual transaction IDs (`3/45`).
const NUMBERS: u8 = 16;

/// The classes of each byte. A table, because prefixes are matched byte by byte, and a lookup is faster than
/// comparisons.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0u8;
    loop {
        classes[byte as usize] = class_of(byte);
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

const fn class_of(b: u8) -> u8 {
    let mut class = 0;
    if b.is_ascii_digit() {
        class |= DIGIT;
    }
    if b.is_ascii_alphanumeric() || matches!(b, b'+' | b':' | b'-') {
        class |= ZONE;
    }
    if !b.is_ascii_whitespace() && b != b'@' {
        class |= NAME;
    }
    if !b.is_ascii_whitespace() && b != b'(' && b != b')' {
        class |= HOST;
    }
    if b.is_ascii_hexdigit() || b == b'.' || b == b'/' {
        class |= NUMBERS;
    }
    class
}

fn is_of(class: u8, b: u8) -> bool {
    CLASSES[usize::from(b)] & class != 0
}

/// The number of bytes of this class at the beginning of a text.
fn run(text: &[u8], class: u8) -> usize {
    text.iter().take_while(|b| is_of(class, **b)).count()
}

/// The types of processes, as `%b` shows them, that consist of several words. Source: GetBackendTypeDesc in miscinit.c, and the
/// types of the server's own background workers.
const BACKENDS: [&str; 12] = [
    "client backend",
    "dead-end client backend",
    "standalone backend",
    "autovacuum launcher",
    "autovacuum worker",
    "background writer",
    "parallel worker",
    "logical replication launcher",
    "logical replication apply worker",
    "logical replication tablesync worker",
    "logical replication parallel worker",
    "logical replication worker",
];

/// The length of an escape's value at the beginning of `rest`, if `next` follows it.
fn length(escape: u8, rest: &[u8], next: &[u8]) -> Option<usize> {
    match escape {
        b'p' | b'l' | b'P' | b'x' => Some(run(rest, DIGIT)),
        b't' | b'm' | b's' => time(rest, next),
        b'e' => Some(5),
        b'v' if rest.first().is_none_or(|b| !b.is_ascii_digit()) => Some(0),
        b'c' | b'v' => Some(run(rest, NUMBERS)),
        b'Q' => Some(rest.iter().take_while(|b| is_of(DIGIT, **b) || **b == b'-').count()),
        b'r' => client_with_port(rest, next),
        // An IPv6 address has colons too, so its end is unclear.
        b'h' | b'L' if next.starts_with(b":") => None,
        b'u' if next.starts_with(b"@") => {
            let name = run(rest, NAME);
            let after = rest[name..].strip_prefix(b"@")?;
            let more = run(after, NAME);
            (after.get(more) != Some(&b'@') && begins(&rest[name..], next)).then_some(name)
        }
        b'b' if let Some(known) = backend(rest) => begins(&rest[known..], next).then_some(known),
        _ => find(rest, next),
    }
}

/// The length of a known type of process at the beginning of a text.
fn backend(text: &[u8]) -> Option<usize> {
    BACKENDS.iter().find(|known| text.starts_with(known.as_bytes())).map(|known| known.len())
}

/// The position of a short literal of the prefix in a text.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    // A simple loop beats memchr here, because values are short.
    let first = *wanted.first()?;
    text.iter()
        .enumerate()
        .filter(|(_, b)| **b == first)
        .map(|(at, _)| at)
        .find(|at| begins(&text[*at..], wanted))
}

/// Returns whether a text begins with a literal of the prefix.
fn begins(text: &[u8], with: &[u8]) -> bool {
    // Most literals are one or two bytes long: comparing these directly is faster than a call.
    match *with {
        [] => true,
        [a] => text.first() == Some(&a),
        [a, b] => text.len() > 1 && text[0] == a && text[1] == b,
        _ => text.starts_with(with),
    }
}

/// Returns whether this can be the value of an escape. `length` may have found its end only by what follows.
fn fits(escape: u8, text: &[u8]) -> bool {
    let all = |is: fn(&u8) -> bool| text.iter().all(is);
    match escape {
        b'p' => !text.is_empty(),
        b'e' => all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()),
        b'c' => {
            text.iter().filter(|b| **b == b'.').count() == 1 && all(|b| *b != b'/' && !b.is_ascii_uppercase())
        }
        b'v' => text.is_empty() || text.iter().filter(|b| **b == b'/').count() == 1,
        b'r' | b'h' | b'L' => text == b"[local]" || all(|b| !b.is_ascii_whitespace()),
        // The background workers of extensions have types of their own.
        b'b' => all(|b| b.is_ascii_alphanumeric() || b" _-./()".contains(b)),
        b'n' => text.len() > 4 && text[..text.len() - 4].iter().all(u8::is_ascii_digit),
        _ => true,
    }
}

/// The length of the client's host and port at the beginning of a text.
fn client_with_port(text: &[u8], next: &[u8]) -> Option<usize> {
    if text.starts_with(b"[local]") {
        return Some(7);
    }
    let host = run(text, HOST);
    if host > 0 && text.get(host) == Some(&b'(') {
        let digits = run(&text[host + 1..], DIGIT);
        let end = host + 1 + digits;
        return (digits > 0 && text.get(end) == Some(&b')')).then_some(end + 1);
    }
    (!next.is_empty() && text.starts_with(next)).then_some(0)
}

/// The length of the time at the beginning of a text, with its zone as short as `next` allows.
fn time(text: &[u8], next: &[u8]) -> Option<usize> {
    if !zone::looks_like_time(text) {
        return None;
    }
    let mut at = 19;
    if text[at] == b'.' {
        at += 4;
    }
    if text.get(at) != Some(&b' ') {
        return None;
    }
    at += 1;
    let zone = &text[at..];
    let longest = run(zone, ZONE);
    let ends = |len: &usize| begins(&zone[*len..], next);
    if !is_of(ZONE, *next.first()?) {
        // The zone cannot end earlier, since `next` begins with no character of a zone.
        return Some(longest).filter(|len| *len > 0 && ends(len)).map(|len| at + len);
    }
    (1..=longest).find(ends).map(|len| at + len)
}

//! Whether a value looks like that of its field.

use super::Reading;
use crate::log::prefix::{Field, Prefix};
use crate::log::words::{self, Word};
use crate::log::zone;

/// The highest possible pid: Linux's limit, which is higher than that of any other system.
const HIGHEST_PID: i64 = 1 << 22;

/// Checks each field of a line by itself. A process without a client has none of the names, and one with a client
/// has all, except that its application name may be empty. If not `strictly`, a name may have blanks in it.
pub(super) fn looks_right(prefix: &Prefix, reading: &Reading<'_>, strictly: bool) -> bool {
    let names = [Field::User, Field::Database, Field::Client];
    let told: Vec<bool> =
        names.iter().filter_map(|field| reading.fields.get(field)).map(|text| !text.is_empty()).collect();
    let all_or_none = told.iter().all(|has| *has == told[0]);
    // After an address, `%r` prints the port, too; `%h` does not.
    let has_host = prefix.text().contains("%h");
    all_or_none
        && reading.fields.iter().all(|(field, text)| match field {
            Field::Pid => {
                reading.number(Field::Pid).is_some_and(|pid| (1..HIGHEST_PID).contains(&pid))
                    && text[0] != b'0'
            }
            Field::Time => zone::is_time(text),
            Field::Sqlstate => is_sqlstate(text, reading.word),
            Field::User | Field::Database => {
                let labelled = !strictly || prefix.label(*field).iter().any(|b| matches!(b, b'=' | b'"'));
                text.is_empty() || words::is_unknown_name(text) || is_name(text, labelled)
            }
            Field::Client => is_client(text) && (has_host || !is_address(text)),
            Field::Application => text.len() < 64 && !is_something_else(text),
            Field::Session => {
                text.split(|b| *b == b'.').next().is_some_and(|begun| (7..=9).contains(&begun.len()))
            }
            Field::Line => reading.number(Field::Line).is_some_and(|number| number > 0),
            Field::Epoch => true,
        })
}

/// Returns whether this is an SQLSTATE of five characters, of an existing class, that matches the severity.
fn is_sqlstate(text: &[u8], word: Option<Word>) -> bool {
    let classes = b"0001020308090A0B0D0E0F0K0L0M0N0P0S0T0U0V0W0X0Y0Z1020212223242526272829\
                    2A2B2C2D2E2F2H303334353638393B3C3D3F40424445464853545557586672F0HVP0XX";
    let known = text.len() == 5 && classes.chunks(2).any(|class| class == &text[..2]);
    let success = matches!(text.get(..2), Some(b"00" | b"01" | b"02"));
    known
        && text.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && !(word == Some(Word::Error) && success)
}

/// Returns whether this is the value of another escape, perhaps with something around it, rather than a program's
/// name.
fn is_something_else(text: &[u8]) -> bool {
    let from = text.iter().position(u8::is_ascii_alphanumeric);
    let to = text.iter().rposition(u8::is_ascii_alphanumeric);
    let (Some(from), Some(to)) = (from, to) else { return !text.is_empty() && text.is_ascii() };
    let inner = &text[from..=to];
    // The prefix has literal text around the value, or another escape after it.
    let last = text.rsplit(|b| *b == b' ').next().unwrap_or_default();
    let is_between = |open: &[u8], close: &[u8]| text.starts_with(open) && text.ends_with(close);
    let is_wrapped = !words::is_unknown_name(text)
        && (is_between(b"[", b"]") || is_between(b"(", b")") || is_between(b"<", b">"));
    let has_more = last.len() < text.len() && (last == b"[local]" || is_address(last));
    if is_wrapped || has_more {
        return true;
    }
    // The value begins with a virtual transaction ID: another escape is directly before the name.
    let after_digits = |text: &[u8]| text.iter().position(|b| !b.is_ascii_digit()).unwrap_or_default();
    let digits = after_digits(inner);
    if digits > 0 && inner[digits] == b'/' && after_digits(&inner[digits + 1..]) > 0 {
        return true;
    }
    let number = inner.iter().all(|b| b.is_ascii_digit() || b"-/.".contains(b));
    let address = is_address(inner);
    let with_port = text.contains(&b'(') && is_client(&[inner, b")"].concat());
    let first = inner.split(|b| *b == b' ').next().unwrap_or_default();
    number
        || address
        || with_port
        || is_session(inner)
        || inner == b"local"
        || zone::looks_like_time(inner)
        || is_tag(first)
}

fn is_address(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

/// Returns whether this looks like the name of a user or a database. `labelled`: a label says that it is one.
fn is_name(text: &[u8], labelled: bool) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80 || b"_-.$".contains(b);
    let fits = text.iter().all(|b| plain(b) || (labelled && b"@+/ ".contains(b)));
    let has_letter = text.iter().any(|b| b.is_ascii_alphabetic() || *b >= 0x80);
    fits && has_letter && text.len() < 64 && !is_session(text) && !is_no_name(text)
}

/// Returns whether this is two hexadecimal numbers, as `%c` prints them.
fn is_session(text: &[u8]) -> bool {
    if text.is_empty() {
        return false;
    }
    let mut parts = text.split(|b| *b == b'.');
    let mut hex =
        || parts.next().is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_hexdigit));
    hex() && hex() && text[0].is_ascii_digit()
}

/// Returns whether this word cannot be a name: it is the value of another escape, or one of PostgreSQL's own
/// programs.
fn is_no_name(text: &[u8]) -> bool {
    const PROGRAMS: &[&str] = &[
        "psql",
        "pg_dump",
        "pg_restore",
        "pg_basebackup",
        "pg_receivewal",
        "pgAdmin",
        "walreceiver",
        "local",
    ];
    is_tag(text) || PROGRAMS.iter().any(|word| word.as_bytes() == text)
}

/// Returns whether this is the first word of a command tag or of a process type.
fn is_tag(text: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "idle",
        "authentication",
        "startup",
        "initializing",
        "PARSE",
        "BIND",
        "EXECUTE",
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "VACUUM",
        "ANALYZE",
        "COPY",
        "SET",
        "SHOW",
        "RESET",
        "DISCARD",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "LOCK",
        "EXPLAIN",
        "PREPARE",
        "DEALLOCATE",
        "DECLARE",
        "FETCH",
        "CLOSE",
        "LISTEN",
        "NOTIFY",
        "UNLISTEN",
        "SAVEPOINT",
        "RELEASE",
        "START",
        "DO",
        "CALL",
        "REINDEX",
        "CLUSTER",
        "REFRESH",
        "GRANT",
        "REVOKE",
        "COMMENT",
        "CHECKPOINT",
        "LOAD",
        "IMPORT",
        "REASSIGN",
        "SECURITY",
        "postmaster",
        "checkpointer",
        "walwriter",
        "walsender",
        "walsummarizer",
        "archiver",
        "logger",
        "client",
        "background",
        "autovacuum",
        "logical",
        "parallel",
        "slotsync",
    ];
    WORDS.iter().any(|word| word.as_bytes() == text)
}

/// Returns whether this is an address, a host name or `[local]`, perhaps with a port.
fn is_client(text: &[u8]) -> bool {
    if text.is_empty() || text == b"[local]" || words::is_unknown_name(text) {
        return true;
    }
    let host = match text.strip_suffix(b")") {
        Some(rest) => match rest.iter().position(|b| *b == b'(') {
            Some(at) if rest[at + 1..].iter().all(u8::is_ascii_digit) => &rest[..at],
            _ => return false,
        },
        None => text,
    };
    let address = std::str::from_utf8(host).is_ok_and(|host| {
        host.split('%').next().is_some_and(|host| host.parse::<std::net::IpAddr>().is_ok())
    });
    let named = host.contains(&b'.') || host == b"localhost" || host.contains(&b'-');
    let letters = host.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b));
    address || (named && letters && !is_session(host) && host.first().is_some_and(u8::is_ascii_alphanumeric))
}

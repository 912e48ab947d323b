//! Whether the lines that a prefix has read agree with one another.

use std::collections::{BTreeSet, HashMap};

use super::Reading;
use super::values::looks_right;
use crate::log::connection::{Connection, connection};
use crate::log::prefix::{Field, Prefix};
use crate::log::words::Word;
use crate::log::zone;

/// By how many seconds a line may be older than the one before it, since several processes write.
const DISORDER: i64 = 5;

/// Returns whether each field looks like what it is read as.
pub(super) fn is_plausible(prefix: &Prefix, readings: &[Reading<'_>]) -> bool {
    // Names of roles and databases may have blanks, but only few do: no more than one in twenty.
    let odd = readings.iter().filter(|reading| !looks_right(prefix, reading, true)).count();
    odd * 20 <= readings.len()
        && (odd == 0 || readings.iter().all(|reading| looks_right(prefix, reading, false)))
        && parts_agree(readings)
        && sessions_agree(readings)
        && times_go_on(readings)
        && messages_agree(readings)
        && numbers_are_processes(readings)
        && programs_are_no_users(prefix, readings)
        && programs_end(readings)
}

/// Checks that the application names do not end with other fields that the prefix does not have. Signs of them are a label, a
/// number that changes while the rest stays the same, and the same punctuation at the end of all names.
fn programs_end(readings: &[Reading<'_>]) -> bool {
    let told: Vec<&[u8]> = readings.iter().filter_map(|reading| reading.name(Field::Application)).collect();
    let last = |text: &[u8]| text.last().copied().filter(|b| b.is_ascii_punctuation() && *b != b'_');
    let is_open = |text: &[u8]| match text.last() {
        Some(b')') => !text.contains(&b'('),
        Some(b']') => !text.contains(&b'['),
        Some(b'>') => !text.contains(&b'<'),
        _ => true,
    };
    let has_same_end = told.first().is_some_and(|first| {
        last(first).is_some_and(|end| told.iter().all(|text| last(text) == Some(end) && is_open(text)))
    });
    let is_number =
        |text: &[u8]| !text.is_empty() && text.iter().all(|b| b.is_ascii_hexdigit() || b"./-".contains(b));
    let mut numbers: HashMap<&[u8], &[u8]> = HashMap::new();
    let has_number = told.iter().any(|text| {
        let Some(at) = text.iter().rposition(|b| b" ,;|/".contains(b)) else { return false };
        let (program, number) = (&text[..at], &text[at + 1..]);
        is_number(number) && *numbers.entry(program).or_insert(number) != number
    });
    !has_same_end && !has_number && !told.iter().any(|text| has_label(text))
}

/// Returns whether a text has a label, such as `client=`.
fn has_label(text: &[u8]) -> bool {
    memchr::memchr_iter(b'=', text).any(|at| {
        let word = text[..at].iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
        word > 0 && (at == word || b" ,;|([".contains(&text[at - word - 1]))
    })
}

/// Checks the application name: without a label, a value that always equals the user or the database is not a
/// program.
fn programs_are_no_users(prefix: &Prefix, readings: &[Reading<'_>]) -> bool {
    let labelled = prefix.label(Field::Application).iter().any(|b| matches!(b, b'=' | b'"'));
    let told: Vec<_> = readings.iter().filter(|reading| reading.name(Field::Application).is_some()).collect();
    labelled
        || told.is_empty()
        || [Field::User, Field::Database].iter().all(|field| {
            // If the prefix is not known, the value may end with a part of the prefix.
            let starts = |r: &&Reading<'_>| match (r.name(Field::Application), r.name(*field)) {
                (Some(program), Some(name)) => program.starts_with(name),
                _ => false,
            };
            !told.iter().all(starts)
        })
}

/// Checks the parts of entries: a part follows its entry directly, comes from the same process, and has the same
/// names.
fn parts_agree(readings: &[Reading<'_>]) -> bool {
    readings.windows(2).all(|pair| {
        let [entry, part] = pair else { return true };
        if part.begins_entry() {
            return true;
        }
        let same =
            [Field::Pid, Field::User, Field::Database, Field::Application, Field::Client, Field::Session];
        let line = match (entry.number(Field::Line), part.number(Field::Line)) {
            (Some(before), Some(line)) => line == before || line == before + 1,
            _ => true,
        };
        line && same.iter().all(|field| entry.fields.get(field) == part.fields.get(field))
    })
}

/// After how many seconds a pid may be that of another process.
const REUSE: i64 = 600;

/// Checks that each pid has one user, one database and one client, and that `%c` contains that pid.
fn sessions_agree(readings: &[Reading<'_>]) -> bool {
    let mut names: HashMap<(i64, Field), &[u8]> = HashMap::new();
    let mut seen: HashMap<i64, i64> = HashMap::new();
    readings.iter().all(|reading| {
        let session = reading.fields.get(&Field::Session).and_then(|text| process_of(text));
        let Some(pid) = reading.number(Field::Pid).or(session) else { return true };
        if session.is_some_and(|of| of != pid) {
            return false;
        }
        // After a while, the pid may be that of another process.
        if let Some(second) = reading.fields.get(&Field::Time).and_then(|text| zone::seconds(text))
            && seen.insert(pid, second).is_some_and(|before| second > before + REUSE)
        {
            names.retain(|(of, _), _| *of != pid);
        }
        [Field::User, Field::Database, Field::Client].iter().all(|field| match reading.name(*field) {
            Some(name) => *names.entry((pid, *field)).or_insert(name) == name,
            None => true,
        })
    })
}

/// Returns the pid that a session ID contains.
pub fn process_of(session: &[u8]) -> Option<i64> {
    let pid = session.split(|b| *b == b'.').nth(1)?;
    i64::from_str_radix(std::str::from_utf8(pid).ok()?, 16).ok()
}

/// Checks that the times of the lines advance; session start times would not. In a hundred lines, one step back is allowed,
/// because files may have been put together in the wrong order.
fn times_go_on(readings: &[Reading<'_>]) -> bool {
    let mut steps_back = readings.len() / 100;
    let mut latest = i64::MIN;
    let mut zone: &[u8] = b"";
    let mut of_process: HashMap<i64, BTreeSet<i64>> = HashMap::new();
    let mut entries: HashMap<i64, usize> = HashMap::new();
    for reading in readings.iter().filter(|reading| reading.begins_entry()) {
        let Some(second) = reading.fields.get(&Field::Time).and_then(|text| zone::seconds(text)) else {
            continue;
        };
        // A step back of one hour is allowed, or of less if the zone changes: the clock is put back at the end of summer.
        let text = reading.fields.get(&Field::Time).copied().unwrap_or_default();
        let written = text.rsplit(|b| *b == b' ').next().unwrap_or_default();
        let least = if written == zone { 3000 } else { 0 };
        let is_back = second + DISORDER < latest && !(least..=3600 + DISORDER).contains(&(latest - second));
        if is_back && steps_back == 0 {
            return false;
        }
        steps_back -= usize::from(is_back);
        latest = if written == zone && !is_back { latest.max(second) } else { second };
        zone = written;
        // A session's start has no milliseconds.
        if text.get(19) == Some(&b'.') {
            continue;
        }
        if let Some(pid) = reading.number(Field::Pid) {
            of_process.entry(pid).or_default().insert(second);
            *entries.entry(pid).or_default() += 1;
        }
    }
    // If at least three processes each have several entries but all with the same time, the field is the time when
    // they began.
    let several: Vec<_> = entries.iter().filter(|(_, count)| **count > 1).map(|(pid, _)| pid).collect();
    let all: BTreeSet<i64> = of_process.values().flatten().copied().collect();
    several.len() < 3 || all.len() < 3 || several.iter().any(|pid| of_process[*pid].len() > 1)
}

/// Checks the names against messages that contain the user and the database.
fn messages_agree(readings: &[Reading<'_>]) -> bool {
    readings.iter().all(|reading| {
        let agrees = |field: Field, named: &[u8]| {
            named.is_empty() || reading.name(field).is_none_or(|name| name == named)
        };
        let says = |field: Field, before: &str| {
            let Some(at) = memchr::memmem::find(reading.message, before.as_bytes()) else { return true };
            let rest = &reading.message[at + before.len()..];
            agrees(field, &rest[..rest.iter().position(|b| *b == b'"').unwrap_or(rest.len())])
        };
        let message = reading.message;
        if let Some(Connection::Authorized(user, database, _) | Connection::Ended(_, user, database, _)) =
            connection(message)
        {
            return agrees(Field::User, user) && agrees(Field::Database, database);
        }
        if reading.word != Some(Word::Error) {
            return true;
        }
        let failed = memchr::memmem::find(message, b" authentication failed for user \"").is_some();
        if failed && !says(Field::User, " for user \"") {
            return false;
        }
        if message.starts_with(b"no pg_hba.conf entry for host") {
            return says(Field::User, " user \"") && says(Field::Database, " database \"");
        }
        let fatal = reading.severity != b"ERROR" && message.ends_with(b"\" does not exist");
        !fatal
            || (!message.starts_with(b"role \"") || says(Field::User, "role \""))
                && (!message.starts_with(b"database \"") || says(Field::Database, "database \""))
    })
}

/// Checks that a lone number is a pid. It may instead be the line's number in its session, which counts up from
/// one.
fn numbers_are_processes(readings: &[Reading<'_>]) -> bool {
    let numbers: Vec<i64> = readings.iter().filter_map(|reading| reading.number(Field::Pid)).collect();
    let proved = readings.windows(2).any(|pair| !pair[1].begins_entry())
        || readings
            .iter()
            .any(|r| r.fields.contains_key(&Field::Session) || r.fields.contains_key(&Field::Line));
    if numbers.is_empty() || proved {
        return true;
    }
    let mut seen = BTreeSet::new();
    let counts = numbers.iter().all(|n| {
        let follows = *n == 1 || seen.contains(&(n - 1)) || (seen.is_empty() && numbers.len() > 3);
        seen.insert(*n);
        follows
    });
    let of_postmaster = readings.iter().any(|r| {
        r.number(Field::Pid) == Some(1)
            && (r.message.starts_with(b"starting PostgreSQL ") || r.message.starts_with(b"listening on "))
    });
    !counts || (of_postmaster && numbers.iter().all(|n| *n == 1))
}

//! Guesses the log_line_prefix that a log was written with, if it is not given. A wrong guess is worse than none:
//! it would name the wrong user without anyone noticing. So every line has to agree, every field has to look like
//! what it is read as, and if two prefixes would read the lines differently, neither is taken.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use super::decode;
use super::known;
use super::legacy;
use super::prefix::{Field, Memory, Prefix};
use super::words::{self, Word};
use super::zone;
use crate::error::{Error, Result};

/// The most lines that are looked at.
const LINES: usize = 1000;
/// The highest possible pid: Linux's limit, which is higher than that of any other system.
const HIGHEST_PID: i64 = 1 << 22;
/// By how many seconds a line may be older than the one before it, since several processes write.
const DISORDER: i64 = 5;

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
/// If no prefix fits all lines, lines that others wrote, that are cut, or that have an earlier prefix do not count.
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

/// How many lines are enough to guess a prefix from, if it does not fit those before them.
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

/// Returns whether each field looks like what it is read as.
fn is_plausible(prefix: &Prefix, readings: &[Reading<'_>]) -> bool {
    // One name in twenty may have a blank in it.
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

/// Checks that the application names do not have other fields at their ends, which the prefix does not know: a label, a
/// number that changes while the program stays the same, or the same punctuation everywhere.
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
            // The end of the value may be text that belongs to no known prefix.
            let starts = |r: &&Reading<'_>| match (r.name(Field::Application), r.name(*field)) {
                (Some(program), Some(name)) => program.starts_with(name),
                _ => false,
            };
            !told.iter().all(starts)
        })
}

/// Checks each field of a line by itself. A process without a client has none of the names, and one with a client
/// has all, except that its application name may be empty. If not `strictly`, a name may have blanks in it.
fn looks_right(prefix: &Prefix, reading: &Reading<'_>, strictly: bool) -> bool {
    let names = [Field::User, Field::Database, Field::Client];
    let told: Vec<bool> =
        names.iter().filter_map(|field| reading.fields.get(field)).map(|text| !text.is_empty()).collect();
    let all_or_none = told.iter().all(|has| *has == told[0]);
    // %r has the port of an address, too.
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
    // A virtual transaction ID directly before the name.
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

/// Checks that the times of the lines advance; session start times would not. Files that were put together in the wrong order
/// have few steps back.
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
        let says = |field: Field, before: &str, ends: &[&str]| -> bool {
            let Some(at) = memchr::memmem::find(reading.message, before.as_bytes()) else { return true };
            let rest = &reading.message[at + before.len()..];
            let end = ends.iter().filter_map(|end| memchr::memmem::find(rest, end.as_bytes())).min();
            let named = &rest[..end.unwrap_or(rest.len())];
            reading.name(field).is_none_or(|name| name == named)
        };
        // Names may have blanks in them.
        let after_database = [" application_name=", " host=", " SSL ", " GSS "];
        let message = reading.message;
        if message.starts_with(b"connection authorized: user=") {
            return says(Field::User, "user=", &[" database=", " application_name=", " SSL ", " GSS "])
                && says(Field::Database, " database=", &after_database);
        }
        if message.starts_with(b"disconnection: ") {
            return says(Field::User, " user=", &[" database="])
                && says(Field::Database, " database=", &after_database);
        }
        if reading.word != Some(Word::Error) {
            return true;
        }
        let failed = memchr::memmem::find(message, b" authentication failed for user \"").is_some();
        if failed && !says(Field::User, " for user \"", &["\""]) {
            return false;
        }
        if message.starts_with(b"no pg_hba.conf entry for host") {
            return says(Field::User, " user \"", &["\""]) && says(Field::Database, " database \"", &["\""]);
        }
        let fatal = reading.severity != b"ERROR" && message.ends_with(b"\" does not exist");
        !fatal
            || (!message.starts_with(b"role \"") || says(Field::User, "role \"", &["\""]))
                && (!message.starts_with(b"database \"") || says(Field::Database, "database \"", &["\""]))
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

#[cfg(test)]
mod tests;

//! A prefix, split into its escapes and the text between them, and the pattern that splits a line accordingly.

use std::sync::OnceLock;

use regex::bytes::{CaptureLocations, Regex};

use super::steps::{Step, steps, walk};
use crate::error::{Error, Result};
use crate::log::words::{self, Marker, Word};

/// The fields of a prefix that pgkit uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `%a`
    Application,
    /// `%u`
    User,
    /// `%d`
    Database,
    /// `%r`, `%h`
    Client,
    /// `%p`
    Pid,
    /// `%t`, `%m`
    Time,
    /// `%n`: the time in seconds since 1970.
    Epoch,
    /// `%e`
    Sqlstate,
    /// `%c`: the session's start time and its pid, in hexadecimal.
    Session,
    /// `%l`: the number of the line in its session.
    Line,
}

/// One piece of a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text as it stands.
    Literal(Vec<u8>),
    /// An escape, and whether it is padded to a width.
    Escape(u8, bool),
}

/// The severity of a line and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// What the severity or the name of the part means; `None` for a word of an unknown language.
    pub word: Option<Word>,
    /// The word itself.
    pub severity: &'a [u8],
    /// The text after the word.
    pub rest: &'a [u8],
}

/// A compiled prefix.
#[derive(Debug, Clone)]
pub struct Prefix {
    text: String,
    /// The pieces up to `%q`, or all of them.
    base: Vec<Piece>,
    /// The pieces that only processes with a session show.
    session: Option<Vec<Piece>>,
    /// `base` and `session`, compiled for matching without looking ahead.
    steps: (Vec<Step>, Option<Vec<Step>>),
    /// The fields that the prefix has.
    fields: Vec<Field>,
    /// The patterns for lines that need a look ahead: that of the whole prefix, and that of the part before `%q`.
    patterns: OnceLock<Vec<(Regex, Vec<Field>)>>,
}

/// The number of fields.
pub const FIELDS: usize = Field::Line as usize + 1;

/// The value that was found for each field; if a field occurs twice, the first value counts.
pub(super) type Found<'a> = [Option<&'a [u8]>; FIELDS];

/// The values that a prefix gives in one line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields<'a>(Found<'a>);

impl<'a> Fields<'a> {
    /// Returns the text of a field, if the prefix has it.
    pub fn get(&self, field: Field) -> Option<&'a [u8]> {
        self.0[field as usize]
    }
}

/// Memory that [`Prefix::read`] reuses.
#[derive(Debug, Clone, Default)]
pub struct Memory(Vec<CaptureLocations>);

/// Returns the field that an escape gives.
pub(super) fn field(escape: u8) -> Option<Field> {
    Some(match escape {
        b'a' => Field::Application,
        b'u' => Field::User,
        b'd' => Field::Database,
        b'r' | b'h' => Field::Client,
        b'p' => Field::Pid,
        b't' | b'm' => Field::Time,
        b'n' => Field::Epoch,
        b'e' => Field::Sqlstate,
        b'c' => Field::Session,
        b'l' => Field::Line,
        _ => return None,
    })
}

/// Returns a regular expression for the values that an escape can have in front of `next`. If `plainly` is set, the names of
/// roles and databases have no blanks.
fn expression(escape: u8, next: &[u8], plainly: bool) -> &'static str {
    match escape {
        b'u' | b'd' if plainly => "[^\\s]*?",
        // A name like alice@example.com may precede @shop, so the longest run without a blank is tried first.
        b'u' if next.starts_with(b"@") => "(?:[^\\s]*|[^\\n]*?)",
        b'b' => "(?:(?:dead-end )?client backend|logical replication [a-z]+ worker|[A-Za-z0-9 _./()-]*?)",
        b'a' | b'd' | b'i' | b'u' => "[^\\n]*?",
        b'r' => "(?:\\[local\\]|[^\\s()]+\\([0-9]+\\)|[^\\s()]*)",
        b'h' => "(?:\\[local\\]|[0-9a-fA-F:]*:[0-9a-fA-F:.]+(?:%[A-Za-z0-9]+)?|[^\\s]*?)",
        b'p' => "[0-9]+",
        b't' | b'm' => {
            "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]{3})? [A-Za-z0-9+:-]+?"
        }
        b'n' => "[0-9]+\\.[0-9]{3}",
        b'e' => "[0-9A-Z]{5}",
        b's' => "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [A-Za-z0-9+:-]+?",
        b'c' => "[0-9a-f]+\\.[0-9a-f]+",
        b'l' | b'P' | b'x' => "[0-9]*",
        b'v' => "(?:[0-9]+/[0-9]+)?",
        // An older server prints nothing for an escape that it does not know.
        b'Q' => "(?:-?[0-9]+)?",
        _ => "[^\\s]*?",
    }
}

/// Splits a prefix into pieces, and at its first `%q` into two parts.
fn pieces(prefix: &str) -> (Vec<Piece>, Option<Vec<Piece>>) {
    let mut base: Vec<Piece> = Vec::new();
    let mut session: Option<Vec<Piece>> = None;
    let mut chars = prefix.bytes().peekable();
    while let Some(c) = chars.next() {
        let mut literal = |byte: u8| {
            let to = session.as_mut().unwrap_or(&mut base);
            match to.last_mut() {
                Some(Piece::Literal(text)) => text.push(byte),
                _ => to.push(Piece::Literal(vec![byte])),
            }
        };
        if c != b'%' {
            literal(c);
            continue;
        }
        let mut padded = false;
        while let Some(digit) = chars.peek().copied().filter(|d| d.is_ascii_digit() || *d == b'-') {
            padded |= digit != b'-';
            chars.next();
        }
        match chars.next() {
            None => break,
            Some(b'%') => literal(b'%'),
            Some(b'q') => drop(session.get_or_insert_default()),
            Some(escape) if b"audrhpPtmnicslvxebQL".contains(&escape) => {
                session.as_mut().unwrap_or(&mut base).push(Piece::Escape(escape, padded));
            }
            Some(_) => {}
        }
    }
    (base, session)
}

/// Returns the literal text at index `i`; it is empty if there is an escape or the end.
pub(super) fn literal_at(pieces: &[Piece], i: usize) -> &[u8] {
    match pieces.get(i) {
        Some(Piece::Literal(text)) => text,
        _ => b"",
    }
}

/// Builds the pattern of these pieces, and the field of each of its groups.
fn pattern(pieces: &[Piece], plainly: bool) -> Result<(Regex, Vec<Field>)> {
    let mut text = String::from("(?s-u)^");
    let mut groups = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => text.push_str(&regex::escape(&String::from_utf8_lossy(literal))),
            Piece::Escape(escape, padded) => {
                let space = if *padded { " *" } else { "" };
                let part = expression(*escape, literal_at(pieces, i + 1), plainly);
                match field(*escape).filter(|field| !groups.contains(field)) {
                    Some(field) => {
                        groups.push(field);
                        text.push_str(&format!("{space}({part}){space}"));
                    }
                    None => text.push_str(&format!("{space}(?:{part}){space}")),
                }
            }
        }
    }
    text.push('$');
    let regex = Regex::new(&text)
        .map_err(|e| Error::data("this log_line_prefix cannot be made a pattern").caused_by(e))?;
    Ok((regex, groups))
}

impl Prefix {
    /// Compiles a prefix.
    pub fn compile(prefix: &str) -> Prefix {
        let (base, session) = pieces(prefix);
        let mut fields = Vec::new();
        for piece in base.iter().chain(session.iter().flatten()) {
            if let Piece::Escape(escape, _) = piece
                && let Some(field) = field(*escape)
                && !fields.contains(&field)
            {
                fields.push(field);
            }
        }
        let steps = (steps(&base), session.as_deref().map(steps));
        Prefix { text: prefix.to_owned(), base, session, steps, fields, patterns: OnceLock::new() }
    }

    /// The prefix itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the prefix has this field.
    pub fn tells(&self, field: Field) -> bool {
        self.fields.contains(&field)
    }

    /// Returns the text right before this field, which may be a label (`user=`).
    pub fn label(&self, wanted: Field) -> &[u8] {
        let mut before: &[u8] = b"";
        for piece in self.base.iter().chain(self.session.iter().flatten()) {
            match piece {
                Piece::Literal(text) => before = text,
                Piece::Escape(escape, _) if field(*escape) == Some(wanted) => return before,
                Piece::Escape(..) => before = b"",
            }
        }
        b""
    }

    /// Returns whether the prefix has a field by which a line can be recognized.
    fn is_certain(&self) -> bool {
        [Field::Time, Field::Epoch, Field::Pid, Field::Session].iter().any(|field| self.tells(*field))
    }

    /// Returns the number of bytes of literal text in the prefix.
    pub fn literals(&self) -> usize {
        let pieces = self.base.iter().chain(self.session.iter().flatten());
        pieces.map(|piece| if let Piece::Literal(text) = piece { text.len() } else { 0 }).sum()
    }

    /// Splits the prefix off a line: passes each field to `take`, and returns the severity or part name after the
    /// prefix, with what it means. `None` if the line does not begin like this.
    pub fn read<'a>(
        &self,
        line: &'a [u8],
        memory: &mut Memory,
        mut take: impl FnMut(Field, &'a [u8]),
    ) -> Option<Head<'a>> {
        let mut fields = Fields::default();
        let head = self.find(line, memory, &mut fields)?;
        for field in &self.fields {
            if let Some(text) = fields.get(*field) {
                take(*field, text);
            }
        }
        Some(head)
    }

    /// Works like [`Prefix::read`], but puts the fields into `fields`, which must be empty.
    pub fn find<'a>(&self, line: &'a [u8], memory: &mut Memory, fields: &mut Fields<'a>) -> Option<Head<'a>> {
        let found = &mut fields.0;
        let miss = match self.without_looking_ahead(line, found, words::marker, true) {
            Ok(head) => return Some(head),
            Err(miss) => miss,
        };
        if miss == Miss::Unsure
            && let Some(head) = self.looking_ahead(line, memory, found)
        {
            return Some(head);
        }
        if !self.is_certain() {
            return None;
        }
        // Try again with a severity of an unknown language.
        *found = Found::default();
        self.without_looking_ahead(line, found, words::unknown_marker, false).ok()
    }

    fn without_looking_ahead<'a>(
        &self,
        line: &'a [u8],
        found: &mut Found<'a>,
        marker: fn(&[u8]) -> Option<Marker>,
        known: bool,
    ) -> std::result::Result<Head<'a>, Miss> {
        let mut sure = true;
        let base = walk(&self.steps.0, line, 0, found, &mut sure)?;
        if let Some(marker) = marker(&line[base..]) {
            return Ok(head(line, base, marker, known));
        }
        let Some(session) = &self.steps.1 else { return Err(if sure { Miss::Sure } else { Miss::Unsure }) };
        let at = walk(session, line, base, found, &mut sure)?;
        marker(&line[at..]).map(|marker| head(line, at, marker, known)).ok_or(if sure {
            Miss::Sure
        } else {
            Miss::Unsure
        })
    }

    /// Splits a line that needs a look ahead: finds the first word that announces a text and is preceded by what
    /// the prefix prescribes.
    fn looking_ahead<'a>(
        &self,
        line: &'a [u8],
        memory: &mut Memory,
        found: &mut Found<'a>,
    ) -> Option<Head<'a>> {
        let mut places = words::places(line).peekable();
        places.peek()?;
        let patterns = self.patterns.get_or_init(|| {
            // The whole prefix is tried first: %b and the like would otherwise swallow what the session part holds.
            let whole =
                self.session.as_ref().map(|session| self.base.iter().chain(session).cloned().collect());
            let of = |pieces: &Vec<Piece>| {
                // Names of programs often have blanks, names of roles hardly ever.
                let at = |wanted: u8| {
                    pieces
                        .iter()
                        .position(|piece| matches!(piece, Piece::Escape(escape, _) if *escape == wanted))
                };
                let is_behind =
                    |name: u8| at(b'a').zip(at(name)).is_some_and(|(program, name)| program < name);
                let plainly =
                    (is_behind(b'u') || is_behind(b'd')).then(|| pattern(pieces, true).ok()).flatten();
                plainly.into_iter().chain(pattern(pieces, false)).collect::<Vec<_>>()
            };
            whole.iter().chain([&self.base]).flat_map(of).collect()
        });
        if memory.0.len() != patterns.len() {
            memory.0 = patterns.iter().map(|(regex, _)| regex.capture_locations()).collect();
        }
        for at in places {
            for ((regex, groups), locations) in patterns.iter().zip(&mut memory.0) {
                if regex.captures_read(locations, &line[..at]).is_none() {
                    continue;
                }
                *found = [None; FIELDS];
                for (i, field) in groups.iter().enumerate() {
                    if let Some((from, to)) = locations.get(i + 1) {
                        found[*field as usize] = Some(&line[from..to]);
                    }
                }
                return words::marker(&line[at..]).map(|marker| head(line, at, marker, true));
            }
        }
        None
    }
}

fn head(line: &[u8], at: usize, marker: Marker, known: bool) -> Head<'_> {
    Head {
        word: known.then_some(marker.word),
        severity: &line[at..at + marker.len],
        rest: &line[at + marker.until_text..],
    }
}

/// Why a line was not read without looking ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// The line does not begin with the prefix.
    Sure,
    /// An escape with free text came before, so the pattern has to decide.
    Unsure,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(prefix: &str, line: &str) -> Option<(Vec<(Field, String)>, String)> {
        let prefix = Prefix::compile(prefix);
        let mut fields = Vec::new();
        let head = prefix.read(line.as_bytes(), &mut Memory::default(), |field, text| {
            fields.retain(|(other, _)| *other != field);
            fields.push((field, String::from_utf8(text.to_vec()).unwrap()));
        })?;
        Some((fields, String::from_utf8(head.rest.to_vec()).unwrap()))
    }

    fn field(prefix: &str, line: &str, wanted: Field) -> Option<String> {
        read(prefix, line)?.0.into_iter().find(|(field, _)| *field == wanted).map(|(_, text)| text)
    }

    #[test]
    fn every_escape_is_read_in_any_surroundings() {
        let prefix = "%m|%t|%n|%p|%P|%u|%d|%a|%r|%h|%L|%b|%i|%e|%c|%l|%s|%v|%x|%Q|100%%|%?";
        let line = "2026-11-24 06:24:50.123 CET|2026-11-24 06:24:50 CET|1795501490.123|4711||app user|shop (old)|my app: LOG:  x|127.0.0.1(40000)|127.0.0.1|[local]|client backend|CREATE TABLE|42P01|65640a2d.1267|7|2026-11-24 06:24:50 CET|3/45|0|-8012|100%|ERROR:  no such table";
        let (fields, rest) = read(prefix, line).unwrap();
        assert_eq!(rest, "no such table");
        let get = |wanted: Field| fields.iter().find(|(f, _)| *f == wanted).map(|(_, t)| t.as_str());
        assert_eq!(get(Field::Application), Some("my app: LOG:  x"));
        assert_eq!(get(Field::User), Some("app user"));
        assert_eq!(get(Field::Database), Some("shop (old)"));
        assert_eq!(get(Field::Pid), Some("4711"));
        assert_eq!(get(Field::Sqlstate), Some("42P01"));
        assert_eq!(get(Field::Session), Some("65640a2d.1267"));
        assert_eq!(get(Field::Time), Some("2026-11-24 06:24:50.123 CET"));
    }

    #[test]
    fn a_process_without_a_session_stops_at_q() {
        let prefix = "%m [%p] %q%u@%d ";
        let with = "2026-11-24 06:24:50.123 UTC [12] app@shop LOG:  statement: SELECT 1";
        let without = "2026-11-24 06:24:50.123 UTC [12] LOG:  checkpoint starting: time";
        assert_eq!(field(prefix, with, Field::Database).as_deref(), Some("shop"));
        assert_eq!(field(prefix, without, Field::Database), None);
        assert_eq!(read(prefix, without).unwrap().1, "checkpoint starting: time");
        // A name in the message is not the user.
        let quoted = "2026-11-24 06:24:50.123 UTC [12] LOG:  said: app@shop ERROR:  no";
        assert_eq!(read(prefix, quoted).unwrap().1, "said: app@shop ERROR:  no");
        assert_eq!(field(prefix, quoted, Field::User), None);
    }

    #[test]
    fn padding_brackets_addresses_and_no_prefix_at_all_are_read() {
        let padded = "[    4711] (app   )+ LOG:  x";
        assert_eq!(field("[%8p] (%-6u)+ ", padded, Field::User).as_deref(), Some("app"));
        assert_eq!(field("[%8p] (%-6u)+ ", padded, Field::Pid).as_deref(), Some("4711"));
        let address = "2026-11-24 06:24:50 UTC [1] alice@example.com@shop ERROR:  x@y LOG:  z";
        assert_eq!(field("%t [%p] %u@%d ", address, Field::User).as_deref(), Some("alice@example.com"));
        assert_eq!(field("%t [%p] %u@%d ", address, Field::Database).as_deref(), Some("shop"));
        assert_eq!(read("", "LOG:  x").unwrap().1, "x");
        assert!(read("%p ", "LOG:  x").is_none() && read("", "\tLOG:  x").is_none());
    }

    #[test]
    fn what_is_found_without_looking_ahead_is_what_the_pattern_finds() {
        let times = ["2026-11-24 06:24:50.123 UTC", "2026-11-24 06:24:50 +03", "2026-11-24"];
        let names = ["app", "a b", "a@b", "[unknown]", "", "LOG:  x"];
        let mut checked = 0;
        for prefix in [
            "%m [%p] %q%u@%d ",
            "%t:%r:%u@%d:[%p]:",
            "%m %u %d ",
            "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
        ] {
            for time in times {
                for (user, database) in names.iter().flat_map(|a| names.iter().map(move |b| (a, b))) {
                    let line = prefix
                        .replace("%m", time)
                        .replace("%t", time)
                        .replace("%p", "12")
                        .replace("%l", "3")
                        .replace("%q", "")
                        .replace("%r", "::1(5)")
                        .replace("%h", "[local]")
                        .replace("%u", user)
                        .replace("%d", database)
                        .replace("%a", user)
                        + "FEHLER:  a@b ERROR:  x";
                    let compiled = Prefix::compile(prefix);
                    let line = line.as_bytes();
                    let (mut quick, mut slow) = ([None; FIELDS], [None; FIELDS]);
                    let head = compiled.without_looking_ahead(line, &mut quick, words::marker, true);
                    let Ok(head) = head else { continue };
                    assert_eq!(compiled.looking_ahead(line, &mut Memory::default(), &mut slow), Some(head));
                    checked += 1;
                    assert_eq!(quick, slow, "{prefix} {}", String::from_utf8_lossy(line));
                }
            }
        }
        assert!(checked > 50, "{checked}");
    }
}

//! `log_line_prefix` as a pattern that takes a line apart. Its escapes are those of the manual's chapter "Error
//! Reporting and Logging"; an escape it does not know is nothing, as for the server.

use regex::bytes::{CaptureLocations, Regex};

use crate::error::{Error, Result};

/// The fields of a prefix that a record takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// `%n`: seconds since 1970.
    Epoch,
    /// `%e`
    Sqlstate,
    /// What stands behind the prefix: `LOG`, `DETAIL` …
    Severity,
}

/// A compiled prefix.
#[derive(Debug, Clone)]
pub struct Prefix {
    text: String,
    regex: Regex,
    /// The field of each group.
    groups: Vec<Field>,
}

/// Prefixes that are worth a try where nobody says: the default, Debian's, those of well-known services and guides.
pub const USUAL: &[&str] = &[
    "%m [%p] %q%u@%d ",
    "%m [%p] ",
    "%t [%p] %q%u@%d ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t:%r:%u@%d:[%p]:",
    "%m [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%t [%p]: ",
    "%t [%p] ",
    "%m %u %d ",
    "< %m > ",
    "%t ",
    "%m ",
    "",
];

/// The severities, and what else can begin a part of an entry.
const SEVERITIES: &str = "DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|QUERY|CONTEXT|LOCATION|BACKTRACE|STATEMENT";

impl Prefix {
    /// Compiles a prefix. Errors: it cannot be made a pattern (65).
    pub fn compile(prefix: &str) -> Result<Prefix> {
        let mut pattern = String::from("(?s-u)^");
        let mut groups = Vec::new();
        let mut optional = false;
        let mut chars = prefix.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                pattern.push_str(&regex::escape(&c.to_string()));
                continue;
            }
            let mut padded = false;
            while let Some(digit) = chars.peek().copied().filter(|d| d.is_ascii_digit() || *d == '-') {
                padded |= digit != '-';
                chars.next();
            }
            let Some(escape) = chars.next() else { break };
            let (field, part) = match escape {
                'a' => (Some(Field::Application), "[^\\n]*?"),
                'u' => (Some(Field::User), "[^\\n]*?"),
                'd' => (Some(Field::Database), "[^\\n]*?"),
                'r' => (Some(Field::Client), "(?:\\[local\\]|[^\\s()]+\\([0-9]+\\)|[^\\s()]*)"),
                'h' => (Some(Field::Client), "(?:\\[local\\]|[^\\s]*?)"),
                'p' => (Some(Field::Pid), "[0-9]+"),
                't' | 'm' => (
                    Some(Field::Time),
                    "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]{3})? [A-Za-z0-9+:-]+?",
                ),
                'n' => (Some(Field::Epoch), "[0-9]+\\.[0-9]{3}"),
                'e' => (Some(Field::Sqlstate), "[0-9A-Z]{5}"),
                's' => (None, "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [A-Za-z0-9+:-]+?"),
                'c' => (None, "[0-9a-f]+\\.[0-9a-f]+"),
                'l' | 'P' => (None, "[0-9]*"),
                'v' => (None, "(?:[0-9]+/[0-9]+)?"),
                'x' => (None, "[0-9]*"),
                // An older server prints nothing for an escape that it does not know.
                'Q' => (None, "(?:-?[0-9]+)?"),
                'L' => (None, "[^\\s]*?"),
                'i' | 'b' => (None, "[^\\n]*?"),
                'q' => {
                    if !optional {
                        optional = true;
                        pattern.push_str("(?:");
                    }
                    continue;
                }
                '%' => (None, "%"),
                _ => continue,
            };
            let space = if padded { " *" } else { "" };
            match field.filter(|field| !groups.contains(field)) {
                Some(field) => {
                    groups.push(field);
                    pattern.push_str(&format!("{space}({part}){space}"));
                }
                None => pattern.push_str(&format!("{space}(?:{part}){space}")),
            }
        }
        if optional {
            // Processes without a session stop there.
            pattern.push_str(")?");
        }
        groups.push(Field::Severity);
        pattern.push_str(&format!("({SEVERITIES}):  "));
        let regex = Regex::new(&pattern).map_err(|e| {
            Error::data(format!("log_line_prefix {prefix:?} cannot be made a pattern")).caused_by(e)
        })?;
        Ok(Prefix { text: prefix.to_owned(), regex, groups })
    }

    /// The prefix itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Does it tell this?
    pub fn tells(&self, field: Field) -> bool {
        self.groups.contains(&field)
    }

    /// Memory for [`Prefix::read`].
    pub fn locations(&self) -> CaptureLocations {
        self.regex.capture_locations()
    }

    /// Takes the beginning of a line apart; gives each field to `take`, and returns what stands behind it. `None` where
    /// the line does not begin like this.
    pub fn read<'a>(
        &self,
        line: &'a [u8],
        locations: &mut CaptureLocations,
        mut take: impl FnMut(Field, &'a [u8]),
    ) -> Option<&'a [u8]> {
        let found = self.regex.captures_read(locations, line)?;
        let rest = &line[found.end()..];
        for (i, field) in self.groups.iter().enumerate() {
            if let Some((from, to)) = locations.get(i + 1) {
                take(*field, &line[from..to]);
            }
        }
        Some(rest)
    }

    /// The first of the usual prefixes that fits the first lines of a log; of those that fit equally many, the one that
    /// tells most.
    pub fn guess(lines: &[&[u8]]) -> Option<Prefix> {
        let mut best: Option<(usize, Prefix)> = None;
        for text in USUAL {
            let Ok(prefix) = Prefix::compile(text) else { continue };
            let mut locations = prefix.locations();
            let fits =
                lines.iter().filter(|line| prefix.read(line, &mut locations, |_, _| ()).is_some()).count();
            if fits > best.as_ref().map_or(0, |(most, _)| *most) {
                best = Some((fits, prefix));
            }
        }
        best.map(|(_, prefix)| prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(prefix: &str, line: &str) -> Option<(Vec<(Field, String)>, String)> {
        let prefix = Prefix::compile(prefix).unwrap();
        let mut fields = Vec::new();
        let mut locations = prefix.locations();
        let rest = prefix.read(line.as_bytes(), &mut locations, |field, text| {
            fields.push((field, String::from_utf8(text.to_vec()).unwrap()));
        })?;
        Some((fields, String::from_utf8(rest.to_vec()).unwrap()))
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
        assert_eq!(get(Field::Severity), Some("ERROR"));
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
    }

    #[test]
    fn padding_brackets_and_no_prefix_at_all_are_read() {
        assert_eq!(
            field("[%8p] (%-6u)+ ", "[    4711] (app   )+ LOG:  x", Field::User).as_deref(),
            Some("app")
        );
        assert_eq!(
            field("[%8p] (%-6u)+ ", "[    4711] (app   )+ LOG:  x", Field::Pid).as_deref(),
            Some("4711")
        );
        assert_eq!(read("", "LOG:  x").unwrap().1, "x");
        assert!(read("%p ", "LOG:  x").is_none() && read("", "\tLOG:  x").is_none());
    }

    #[test]
    fn the_prefix_that_tells_most_is_guessed() {
        let lines: Vec<&[u8]> = vec![
            b"2026-11-24 06:24:50.123 UTC [12] LOG:  starting",
            b"2026-11-24 06:24:50.123 UTC [14] app@shop LOG:  statement: SELECT 1",
            b"\tcontinued",
        ];
        assert_eq!(Prefix::guess(&lines).unwrap().text(), "%m [%p] %q%u@%d ");
        assert_eq!(Prefix::guess(&lines[..1]).unwrap().text(), "%m [%p] %q%u@%d ");
        assert!(Prefix::guess(&[b"hello"]).is_none());
    }
}

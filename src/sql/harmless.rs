//! SQL that can be shown on a terminal and pasted from there: it contains no control characters, and no characters
//! that reorder or hide text.
//!
//! In names and literals such characters become escapes, which the server and psql read back as the same
//! characters; in comments they are shown as escapes. In some places there are no escapes, so nothing is changed:
//! dollar quotes, literals that continue on another line, and characters outside ASCII if the server has no escapes
//! for them in its encoding.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{block_comment, dollar_quoted, line_comment, quoted, word_at};
use crate::escape;

/// The characters that may be written as escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Characters of ASCII, whose escapes every server reads.
    Ascii,
    /// All characters: for a database in UTF-8, or from PostgreSQL 13 on in any encoding except SQL_ASCII.
    Unicode,
}

impl Reach {
    /// Returns the reach for a database with this encoding on a server of this major version.
    pub fn of(encoding: &str, major: u32) -> Reach {
        match encoding {
            "UTF8" => Reach::Unicode,
            "SQL_ASCII" => Reach::Ascii,
            _ if major >= 13 => Reach::Unicode,
            _ => Reach::Ascii,
        }
    }

    fn holds(self, c: char) -> bool {
        self == Reach::Unicode || c.is_ascii()
    }
}

/// Returns a harmless script, whose names and literals may contain line feeds and tabs.
pub fn harmless(sql: &str, reach: Reach) -> Cow<'_, str> {
    rewritten(sql, reach, escape::is_unsafe_in_text)
}

/// Returns a harmless statement that may be commented out or pasted: its names and literals contain no line feeds
/// and no tabs.
pub fn harmless_line(sql: &str, reach: Reach) -> Cow<'_, str> {
    rewritten(sql, reach, escape::is_unsafe)
}

fn rewritten(sql: &str, reach: Reach, is_unsafe: fn(char) -> bool) -> Cow<'_, str> {
    if !sql.chars().any(is_unsafe) {
        return Cow::Borrowed(sql);
    }
    let bytes = sql.as_bytes();
    let mut out = String::with_capacity(sql.len() + 32);
    let mut i = 0;
    // The end of the last literal: a literal on the next line continues it and follows its rules.
    let mut literal_end = None;
    while let Some(&byte) = bytes.get(i) {
        let rest = &sql[i..];
        let before = &sql[..i];
        let length = match byte {
            b'\'' => {
                let prefix = Prefix::of(before);
                let length = quoted(rest, '\'', prefix == Prefix::Escapes);
                let goes_on = literal_end.is_some_and(|end: usize| continues(&sql[end..i]))
                    || next_continues(&rest[length..]);
                literal_end = Some(i + length);
                let token = &rest[..length];
                if goes_on || !token.chars().any(is_unsafe) {
                    out.push_str(token);
                } else {
                    push_literal(&mut out, token, prefix, reach, is_unsafe);
                }
                length
            }
            b'"' => {
                let length = quoted(rest, '"', false);
                let token = &rest[..length];
                let prefix = Prefix::of(before);
                // psql inserts its variable here.
                let is_variable = before.ends_with(':') && !before.ends_with("::");
                if is_variable || !token.chars().any(is_unsafe) {
                    out.push_str(token);
                } else {
                    push_identifier(&mut out, token, prefix, &rest[length..], reach, is_unsafe);
                }
                length
            }
            b'-' if rest.starts_with("--") => {
                let length = line_comment(rest);
                out.push_str(&escape::terminal_text(&rest[..length]));
                length
            }
            b'/' if rest.starts_with("/*") => {
                let length = block_comment(rest);
                out.push_str(&escape::terminal_text(&rest[..length]));
                length
            }
            b'$' => {
                let length = dollar_quoted(rest);
                out.push_str(&rest[..length]);
                length
            }
            b'\r' => {
                // The character ends a line, as a line feed does.
                if !rest.starts_with("\r\n") {
                    out.push('\n');
                }
                1
            }
            0x0B | 0x0C => {
                out.push(' ');
                1
            }
            _ => {
                let length = match word_at(rest) {
                    "" => rest.chars().next().map_or(1, char::len_utf8),
                    word => word.len(),
                };
                out.push_str(&rest[..length]);
                length
            }
        };
        i += length;
    }
    Cow::Owned(out)
}

/// The text directly before a quote that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// Nothing.
    None,
    /// Another word, without a blank in between.
    Word,
    /// `E`
    Escapes,
    /// `U&`
    Unicode,
    /// `B`, `X` or `N`
    Other,
}

impl Prefix {
    fn of(before: &str) -> Prefix {
        let last_word = |text: &str| -> usize {
            text.chars().rev().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$')).count()
        };
        if let Some(word) = before.strip_suffix('&')
            && word.ends_with(['u', 'U'])
            && last_word(word) == 1
        {
            return Prefix::Unicode;
        }
        match (last_word(before), before.chars().next_back()) {
            (0, _) | (_, None) => Prefix::None,
            (1, Some('e' | 'E')) => Prefix::Escapes,
            (1, Some('b' | 'B' | 'x' | 'X' | 'n' | 'N')) => Prefix::Other,
            _ => Prefix::Word,
        }
    }
}

/// Returns whether these blanks let the second literal continue the first one.
fn continues(between: &str) -> bool {
    between.contains(['\n', '\r']) && between.trim().is_empty()
}

fn next_continues(after: &str) -> bool {
    let rest = after.trim_start();
    rest.starts_with('\'') && continues(&after[..after.len() - rest.len()])
}

/// Appends a literal with its quotes; the prefix has been appended already.
fn push_literal(out: &mut String, token: &str, prefix: Prefix, reach: Reach, is_unsafe: fn(char) -> bool) {
    match prefix {
        Prefix::Unicode | Prefix::Other => return out.push_str(token),
        Prefix::Escapes => out.push('\''),
        Prefix::None => out.push_str("E'"),
        Prefix::Word => out.push_str(" E'"),
    }
    let mut chars = token.chars().skip(1);
    while let Some(c) = chars.next() {
        match c {
            '\\' if prefix == Prefix::Escapes => match chars.next() {
                // A backslash before such a character means the character itself.
                Some(next) if is_unsafe(next) => push_in_literal(out, next, reach),
                Some(next) => {
                    out.push('\\');
                    out.push(next);
                }
                None => out.push('\\'),
            },
            '\\' => out.push_str("\\\\"),
            c if is_unsafe(c) => push_in_literal(out, c, reach),
            c => out.push(c),
        }
    }
}

fn push_in_literal(out: &mut String, c: char, reach: Reach) {
    let code = u32::from(c);
    let _ = match c {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        c if c.is_ascii() => write!(out, "\\x{code:02x}"),
        c if !reach.holds(c) => out.write_char(c),
        _ if code <= 0xFFFF => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Appends an identifier with its quotes; the prefix has been appended already.
fn push_identifier(
    out: &mut String,
    token: &str,
    prefix: Prefix,
    after: &str,
    reach: Reach,
    is_unsafe: fn(char) -> bool,
) {
    let has_escapes = prefix == Prefix::Unicode;
    let names_another_escape = || word_at(after.trim_start()).eq_ignore_ascii_case("uescape");
    if !token.chars().any(|c| is_unsafe(c) && reach.holds(c)) || (has_escapes && names_another_escape()) {
        return out.push_str(token);
    }
    out.push_str(match prefix {
        Prefix::Unicode => "\"",
        Prefix::None => "U&\"",
        Prefix::Word | Prefix::Escapes | Prefix::Other => " U&\"",
    });
    for c in token.chars().skip(1) {
        let code = u32::from(c);
        let _ = match c {
            '\\' if !has_escapes => out.write_str("\\\\"),
            c if !is_unsafe(c) || !reach.holds(c) => out.write_char(c),
            _ if code <= 0xFFFF => write!(out, "\\{code:04x}"),
            _ => write!(out, "\\+{code:06x}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_literal_are_written_with_escapes_and_a_comment_shows_them() {
        for (sql, safe) in [
            ("DROP TABLE \"a\u{1b}\\\";", "DROP TABLE U&\"a\\001b\\\\\";"),
            ("x.\"\u{202e}\"\"\u{e0020}\"", "x.U&\"\\202e\"\"\\+0e0020\""),
            ("AS\"\u{7}\" e\"\u{7}\"", "AS U&\"\\0007\" e U&\"\\0007\""),
            ("U&\"\\0041\u{7}\"", "U&\"\\0041\\0007\""),
            ("SELECT '\\\u{1b}''', date'\u{7f}'", "SELECT E'\\\\\\x1b''', date E'\\x7f'"),
            ("E'\\'\u{1b}\\\u{85}\\n'", "E'\\'\\x1b\\u0085\\n'"),
            ("'\u{e0001}'", "E'\\U000e0001'"),
            ("-- a\u{1b}\rSELECT 1\r\n /* \u{7}\n */", "-- a\\x1b\nSELECT 1\n /* \\x07\n */"),
            ("a\u{c}b", "a b"),
        ] {
            assert_eq!(harmless(sql, Reach::Unicode), safe, "{sql:?}");
            let left: Vec<char> = safe.chars().filter(|c| escape::is_unsafe_in_text(*c)).collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }

    #[test]
    fn what_has_no_such_form_stays_as_it_is() {
        for sql in [
            "$$\u{1b}$$",
            "$a$ \"\u{1b}\" $a$",
            "U&'\u{1b}'",
            "n'\u{1b}' x'\u{1b}'",
            "U&\"!0041\u{7}\" UESCAPE '!'",
            "'\u{1b}'\n'b'",
            "'a'\n'\u{1b}'",
            ":\"\u{1b}\"",
            "SELECT 'line\n\tfeed', \"line\nfeed\"",
        ] {
            assert_eq!(harmless(sql, Reach::Unicode), sql, "{sql:?}");
        }
        // Where the server's encoding knows no escapes beyond ASCII.
        assert_eq!(harmless("\"\u{202e}\" '\u{202e}\u{1b}'", Reach::Ascii), "\"\u{202e}\" E'\u{202e}\\x1b'");
        assert_eq!(Reach::of("LATIN1", 12), Reach::Ascii);
        assert_eq!((Reach::of("LATIN1", 13), Reach::of("UTF8", 10)), (Reach::Unicode, Reach::Unicode));
        assert_eq!(Reach::of("SQL_ASCII", 18), Reach::Ascii);
    }

    #[test]
    fn a_line_has_no_line_feed_in_its_names_and_literals() {
        assert_eq!(
            harmless_line("DROP\nTABLE \"a\n\\! id\" '\t\r'", Reach::Ascii),
            "DROP\nTABLE U&\"a\\000a\\\\! id\" E'\\t\\r'"
        );
    }
}

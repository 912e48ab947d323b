//! psql's patterns (`public.miss*`, `"Odd Name"`) as pairs of regular expressions.
//!
//! The rules are those of psql's manual, section "Patterns": letters outside double quotes fold to lower case,
//! `*` and `?` are wildcards, `$` is literal, dots part database, schema and name, everything else outside
//! quotes is regular expression notation; inside quotes everything is literal.

use crate::error::{Error, Result};

/// One pattern: a name, perhaps in a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The pattern as the user wrote it.
    pub text: String,
    /// The database that it names, literally, if it has three parts.
    pub database: Option<String>,
    /// A regular expression for the whole name of the schema, if it has that part.
    pub schema: Option<String>,
    /// A regular expression for the whole name.
    pub name: String,
}

#[derive(Default)]
struct Part {
    regex: String,
    literal: String,
}

/// Parses one pattern; an unterminated quote or more than three parts is bad data (65).
pub fn parse(text: &str) -> Result<Pattern> {
    let mut parts = vec![Part::default()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(part) = parts.last_mut() else { continue };
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                part.regex.push('"');
                part.literal.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(Part::default()),
            _ => part.push(c, quoted, chars.peek().copied()),
        }
    }
    let bad = |why: &str| Error::data(format!("invalid pattern {text:?}: {why}"));
    if quoted {
        return Err(bad("unterminated double quote").hint(
            "inside double quotes, write a double quote twice; in a shell, quote the whole pattern with '…'",
        ));
    }
    if parts.len() > 3 {
        return Err(bad("too many dotted names")
            .hint("a pattern is NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME; put a dot that belongs to a name in double quotes"));
    }
    let whole = |part: Part| format!("^({})$", part.regex);
    let name = parts.pop().map(whole).unwrap_or_default();
    let schema = parts.pop().map(whole);
    let database = parts.pop().map(|part| part.literal);
    Ok(Pattern { text: text.to_owned(), database, schema, name })
}

impl Part {
    fn push(&mut self, c: char, quoted: bool, next: Option<char>) {
        self.literal.push(if quoted { c } else { c.to_ascii_lowercase() });
        match c {
            '*' if !quoted => self.regex.push_str(".*"),
            '?' if !quoted => self.regex.push('.'),
            '$' => self.regex.push_str("\\$"),
            // `int[]` is a name, not an empty character class.
            '[' if !quoted && next == Some(']') => self.regex.push_str("\\["),
            '|' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '.' | '^' | '\\' if quoted => {
                self.regex.push('\\');
                self.regex.push(c);
            }
            _ => self.regex.push(if quoted { c } else { c.to_ascii_lowercase() }),
        }
    }
}

/// Returns whether this pattern is only a name, perhaps with wildcards. Then it matches nothing in a database whose
/// encoding lacks one of its characters. A pattern with regular expression notation (`a|b`) may match without that
/// character.
pub fn is_plain(text: &str) -> bool {
    let mut quoted = false;
    text.chars().all(|c| {
        quoted ^= c == '"';
        quoted || !matches!(c, '|' | '+' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '\\')
    })
}

/// Returns a PostgreSQL regular expression that matches a plain text, for the case-insensitive operator `~*`. It
/// also matches quotes and backslashes that are doubled, as SQL writes them. It spells out both cases of letters
/// outside ASCII, because `~*` folds only ASCII in a database whose lc_ctype is C; `may` says whether the other
/// case of a letter may be used.
pub fn of_term(text: &str, may: impl Fn(char) -> bool) -> String {
    let mut regex = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\'' => regex.push_str("''?"),
            '\\' => regex.push_str(r"\\\\?"),
            '|' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '.' | '^' | '$' => {
                regex.extend(['\\', c])
            }
            c => match other_case(c).filter(|other| may(*other)) {
                // Not [..]: in an SQL_ASCII database a bracket expression matches a single byte.
                Some(other) => regex.extend(['(', '?', ':', c, '|', other, ')']),
                None => regex.push(c),
            },
        }
    }
    regex
}

/// Returns the other case of a letter outside ASCII, if that is a single character.
pub fn other_case(c: char) -> Option<char> {
    let one = |all: &mut dyn Iterator<Item = char>| all.next().filter(|_| all.next().is_none());
    let cases = [one(&mut c.to_lowercase()), one(&mut c.to_uppercase())];
    cases.into_iter().flatten().find(|other| *other != c).filter(|_| !c.is_ascii())
}

/// What a `pattern[]` parameter binds: the regular expressions for schemas (NULL if a pattern has none) and those
/// for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// One per pattern; `None` if the pattern names no schema.
    pub schemas: Vec<Option<String>>,
    /// One per pattern.
    pub names: Vec<String>,
}

/// Parses all patterns of one parameter for this database. A pattern that names another database is bad data (65).
pub fn bind(texts: &[String], database: &str) -> Result<Option<Bound>> {
    if texts.is_empty() {
        return Ok(None);
    }
    let mut bound = Bound { schemas: Vec::new(), names: Vec::new() };
    for text in texts {
        let pattern = parse(text)?;
        if let Some(other) = pattern.database.filter(|other| other != database) {
            return Err(Error::data(format!(
                "invalid pattern {text:?}: it names database {other:?}, but this is {database:?}"
            ))
            .hint(format!("connect to it with -d {other}")));
        }
        bound.schemas.push(pattern.schema);
        bound.names.push(pattern.name);
    }
    Ok(Some(bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regexes(text: &str) -> (Option<String>, String) {
        let p = parse(text).unwrap();
        (p.schema, p.name)
    }

    #[test]
    fn a_term_is_taken_literally_in_both_cases() {
        for (text, both, one) in [
            ("a.b*", r"a\.b\*", r"a\.b\*"),
            ("it's", "it''?s", "it''?s"),
            (r"a\b", r"a\\\\?b", r"a\\\\?b"),
            ("Täß語", "T(?:ä|Ä)ß語", "Täß語"),
            ("***=(?i)", r"\*\*\*=\(\?i\)", r"\*\*\*=\(\?i\)"),
        ] {
            assert_eq!(of_term(text, |_| true), both);
            assert_eq!(of_term(text, |_| false), one);
        }
    }

    #[test]
    fn only_names_with_wildcards_are_plain() {
        for plain in ["語", "public.語*", "a?b", "\"a|b\"", "a$1"] {
            assert!(is_plain(plain), "{plain}");
        }
        for more in ["語|a", "[語a]", "(語)?", "語+", "\"a\"|b", "^語"] {
            assert!(!is_plain(more), "{more}");
        }
    }

    #[test]
    fn patterns_become_the_regular_expressions_that_psql_sends() {
        for (text, schema, name) in [
            ("foo", None, "^(foo)$"),
            ("FOO*", None, "^(foo.*)$"),
            ("\"FOO\"*", None, "^(FOO.*)$"),
            ("public.miss*", Some("^(public)$"), "^(miss.*)$"),
            ("a?b", None, "^(a.b)$"),
            ("a$b", None, "^(a\\$b)$"),
            ("\"a.b\"", None, "^(a\\.b)$"),
            ("\"quo\"\"ted\".t", Some("^(quo\"ted)$"), "^(t)$"),
            ("\"*?\"", None, "^(\\*\\?)$"),
            ("[a-c]x|y", None, "^([a-c]x|y)$"),
            ("int[]", None, "^(int\\[])$"),
            ("*.*", Some("^(.*)$"), "^(.*)$"),
            ("", None, "^()$"),
            ("s.", Some("^(s)$"), "^()$"),
            ("ÄB", None, "^(Äb)$"),
        ] {
            assert_eq!(regexes(text), (schema.map(str::to_owned), name.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_third_part_must_be_this_database() {
        let bound = bind(&["My.s.t".into()], "my").unwrap().unwrap();
        assert_eq!(bound, Bound { schemas: vec![Some("^(s)$".into())], names: vec!["^(t)$".into()] });
        assert!(bind(&["other.s.t".into()], "my").unwrap_err().message.contains("names database"));
        assert_eq!(bind(&[], "my").unwrap(), None);
    }

    #[test]
    fn what_is_no_pattern_is_bad_data() {
        assert_eq!(parse("\"open").unwrap_err().exit, crate::error::Exit::BadInput);
        assert_eq!(parse("a.b.c.d").unwrap_err().exit, crate::error::Exit::BadInput);
    }
}

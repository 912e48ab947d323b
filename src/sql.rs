//! SQL as text: quoting, and a scanner that recognizes real parameters and semicolons.

mod harmless;

use std::borrow::Cow;

pub use harmless::{Reach, harmless, harmless_line};

/// Quotes an identifier; the result is always in double quotes. ASCII control characters are written as escapes,
/// which every server reads regardless of its encoding and settings. So the result is one line, and a terminal does
/// not act on it.
pub fn quote_ident(name: &str) -> String {
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    harmless_line(&quoted, Reach::Ascii).into_owned()
}

/// Quotes a string literal so that it means the same regardless of `standard_conforming_strings`, and psql passes
/// it on unchanged. ASCII control characters are written as escapes.
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    let quoted = if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    };
    harmless_line(&quoted, Reach::Ascii).into_owned()
}

/// Returns a text in which each line `-- include NAME` is replaced by the part of this name, which may include others.
///
/// Errors: there is no such part; its name.
pub fn with_parts<'p>(text: &str, part: &dyn Fn(&str) -> Option<&'p str>) -> Result<String, String> {
    let lines = text.lines().map(|line| match line.trim_start().strip_prefix("-- include ") {
        None => Ok(line.to_owned()),
        Some(name) => with_parts(part(name).ok_or_else(|| name.to_owned())?.trim_end(), part),
    });
    Ok(lines.collect::<Result<Vec<String>, String>>()?.join("\n"))
}

/// How a psql variable is inserted into a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// `:name`, inserted unchanged.
    Bare,
    /// `:'name'`, inserted as a literal.
    Literal,
    /// `:"name"`, inserted as an identifier.
    Identifier,
}

/// A psql variable in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// How it is inserted.
    pub quote: Quote,
    /// The range of its bytes, including colon and quotes.
    pub range: std::ops::Range<usize>,
}

/// What a statement contains outside quotes and comments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Each `$n`: the number and its byte offset.
    pub placeholders: Vec<(usize, usize)>,
    /// The offsets of the semicolons that end a statement. A semicolon in parentheses, as in CREATE RULE, or in a
    /// function body between BEGIN ATOMIC and END, does not.
    pub separators: Vec<usize>,
    /// psql's variables.
    pub variables: Vec<Variable>,
    /// The offset of the first backslash, which begins a psql command.
    pub command: Option<usize>,
}

/// Returns the variable that begins with this colon, if one does.
fn variable(text: &str, at: usize) -> Option<Variable> {
    let rest = text.strip_prefix(':')?;
    let (quote, skip) = match rest.chars().next()? {
        '\'' => (Quote::Literal, 1),
        '"' => (Quote::Identifier, 1),
        c if c.is_alphabetic() || c == '_' => (Quote::Bare, 0),
        _ => return None,
    };
    let name: String = rest[skip..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let end = skip + name.len();
    if name.is_empty() || (skip == 1 && rest[end..].chars().next() != rest.chars().next()) {
        return None;
    }
    Some(Variable { name, quote, range: at..at + 1 + end + skip })
}

/// The nesting depth of a position in parentheses and function bodies. Source: the rules of psql's own scanner.
#[derive(Default)]
struct Depth {
    parentheses: usize,
    blocks: usize,
    /// The number of words of the statement so far.
    words: usize,
    /// Whether the statement, as far as it has been read, is CREATE [OR REPLACE] FUNCTION or PROCEDURE.
    creates: bool,
}

impl Depth {
    fn word(&mut self, word: &str) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        self.creates = match self.words {
            0 => is("create"),
            1 => self.creates && (is("or") || is("function") || is("procedure")),
            2 | 3 if is("replace") || is("function") || is("procedure") => self.creates,
            _ => self.creates,
        };
        self.words += 1;
        if self.creates && self.words > 2 && self.parentheses == 0 {
            if is("begin") || (is("case") && self.blocks > 0) {
                self.blocks += 1;
            } else if is("end") {
                self.blocks = self.blocks.saturating_sub(1);
            }
        }
    }
}

/// Scans a text of one or more statements; an unclosed quote or comment runs to the end.
pub fn scan(sql: &str) -> Scan {
    let bytes = sql.as_bytes();
    let mut found = Scan::default();
    let mut depth = Depth::default();
    let mut i = 0;
    // The word that ends at this position, if any: `a$1` is a name, not a parameter, and `E` may begin a literal.
    let mut word = "";
    while let Some(&byte) = bytes.get(i) {
        let rest = &sql[i..];
        let mut now = "";
        i += match byte {
            b'\'' => quoted(rest, '\'', word.eq_ignore_ascii_case("e")),
            b'"' => quoted(rest, '"', false),
            b'-' if rest.starts_with("--") => line_comment(rest),
            b'/' if rest.starts_with("/*") => block_comment(rest),
            b'$' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                if digits > 0 {
                    found.placeholders.push((rest[1..=digits].parse().unwrap_or(usize::MAX), i));
                    now = &rest[..=digits];
                    now.len()
                } else {
                    dollar_quoted(rest)
                }
            }
            b'(' => {
                depth.parentheses += 1;
                1
            }
            b')' => {
                depth.parentheses = depth.parentheses.saturating_sub(1);
                1
            }
            b';' => {
                if depth.parentheses == 0 && depth.blocks == 0 {
                    found.separators.push(i);
                    depth = Depth::default();
                }
                1
            }
            b':' if rest.starts_with("::") => 2,
            b':' => match variable(rest, i) {
                Some(variable) => {
                    let length = variable.range.len();
                    found.variables.push(variable);
                    length
                }
                None => 1,
            },
            b'\\' => {
                found.command.get_or_insert(i);
                1
            }
            _ if byte.is_ascii() && !is_of_word(byte) => 1,
            _ => match word_at(rest) {
                "" => rest.chars().next().map_or(1, char::len_utf8),
                found => {
                    depth.word(found);
                    now = found;
                    found.len()
                }
            },
        };
        word = now;
    }
    found
}

/// Returns whether an ASCII character can be part of a word.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// Returns the word that begins here, which is a name, a keyword or a number; empty if none does.
fn word_at(text: &str) -> &str {
    // Whenever pgkit starts, it reads the SQL of many reports. Nearly all of it is ASCII, for which this is faster.
    let plain = text.bytes().take_while(|byte| is_of_word(*byte)).count();
    if text.as_bytes().get(plain).is_none_or(u8::is_ascii) {
        return &text[..plain];
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
    &text[..end]
}

/// Returns the statements of a text, except blank ones.
pub fn statements(sql: &str) -> Vec<&str> {
    let mut from = 0;
    let mut found = Vec::new();
    for end in scan(sql).separators.into_iter().chain([sql.len()]) {
        found.push(sql[from..end].trim_start_matches(';').trim());
        from = end;
    }
    found.retain(|statement| !is_blank(statement));
    found
}

/// Returns the first words of a statement, in lower case, skipping comments and parentheses; at most `most` of
/// them.
pub fn first_words(statement: &str, most: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = statement;
    while words.len() < most {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ';' | '('));
        if rest.starts_with("--") {
            rest = &rest[line_comment(rest)..];
        } else if rest.starts_with("/*") {
            rest = &rest[block_comment(rest)..];
        } else {
            let word = word_at(rest);
            if word.is_empty() {
                break;
            }
            words.push(word.to_lowercase());
            rest = &rest[word.len()..];
        }
    }
    words
}

/// Returns the first words of a statement if it ends the transaction that it is in, or begins another one. A
/// savepoint does neither.
pub fn transaction_control(statement: &str) -> Option<String> {
    let words = first_words(statement, 3);
    let is = |n: usize, one: &str| words.get(n).is_some_and(|word| word == one);
    let ends = match words.first()?.as_str() {
        "begin" | "commit" | "end" | "abort" => true,
        "start" | "prepare" => is(1, "transaction"),
        "rollback" => {
            let behind = usize::from(is(1, "work") || is(1, "transaction"));
            !is(1 + behind, "to")
        }
        _ => false,
    };
    let shown = if is(1, "transaction") || is(1, "prepared") { 2 } else { 1 };
    ends.then(|| words[..shown].join(" ").to_uppercase())
}

/// Returns whether a text consists only of blanks, comments and semicolons.
pub fn is_blank(sql: &str) -> bool {
    let rest = sql.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
    if rest.starts_with("--") {
        is_blank(&rest[line_comment(rest)..])
    } else if rest.starts_with("/*") {
        is_blank(&rest[block_comment(rest)..])
    } else {
        rest.is_empty()
    }
}

/// Returns the length of a quoted run at the start of `text`, including the quotes; a doubled quote belongs to it.
fn quoted(text: &str, quote: char, backslashes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if backslashes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, c)| *c == quote) {
                chars.next();
            } else {
                return at + quote.len_utf8();
            }
        }
    }
    text.len()
}

/// Returns the length of a comment that ends with its line. As for the server, a line feed or a carriage return
/// ends it.
fn line_comment(text: &str) -> usize {
    text.find(['\n', '\r']).unwrap_or(text.len())
}

/// Returns the length of a block comment; block comments nest.
pub fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut i = 0;
    while i < text.len() {
        let rest = &text.as_bytes()[i..];
        if rest.starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    text.len()
}

/// Returns the length of `$tag$ … $tag$`, or 1 if no such quote starts here.
fn dollar_quoted(text: &str) -> usize {
    let Some(end) = text[1..].find('$').map(|end| end + 2) else { return 1 };
    let tag = &text[..end];
    if !tag[1..end - 1].chars().all(|c| c.is_alphanumeric() || c == '_') {
        return 1;
    }
    text[end..].find(tag).map_or(text.len(), |at| end + at + tag.len())
}

/// Returns the statement with each `$n` replaced by `literals[n - 1]`, in parentheses.
pub fn fill(sql: &str, literals: &[String]) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut from = 0;
    for (n, at) in scan(sql).placeholders {
        let literal =
            literals.get(n.wrapping_sub(1)).map_or(Cow::Borrowed("NULL"), |l| Cow::Borrowed(l.as_str()));
        out.push_str(&sql[from..at]);
        out.push('(');
        out.push_str(&literal);
        out.push(')');
        from = at + 1 + sql[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
    }
    out.push_str(&sql[from..]);
    out
}

/// Parses a list of identifiers such as a `search_path` as the server does: quoted names stay as they are, others
/// become lower case, and each is cut to the 63 bytes that a name can have. `None` if it is not such a list.
pub fn identifiers(list: &str) -> Option<Vec<String>> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    let mut rest = list.trim_start_matches(is_space);
    let mut names = Vec::new();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let mut name = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            loop {
                let end = rest.find('"')?;
                name.push_str(&rest[..end]);
                rest = &rest[end + 1..];
                match rest.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        rest = more;
                    }
                    None => break,
                }
            }
        } else {
            let end = rest.find(|c: char| c == ',' || is_space(c)).unwrap_or(rest.len());
            name.push_str(&rest[..end].to_ascii_lowercase());
            rest = &rest[end..];
            if name.is_empty() {
                return None;
            }
        }
        let end = (0..=63.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
        names.push(name);
        rest = rest.trim_start_matches(is_space);
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix(',')?.trim_start_matches(is_space);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_read_as_the_server_reads_it() {
        let read = |text: &str| identifiers(text).map(|names| names.join("|"));
        assert_eq!(read("\"$user\", public").as_deref(), Some("$user|public"));
        assert_eq!(read("").as_deref(), Some(""));
        assert_eq!(read("\"\"").as_deref(), Some(""));
        assert_eq!(read(" App ,\"Odd, \"\"Name\"\"\",x ").as_deref(), Some("app|Odd, \"Name\"|x"));
        assert_eq!(read(&"é".repeat(40)).as_deref(), Some("é".repeat(31).as_str()));
        for wrong in ["a,", ",a", "a b", "\"a", "a,,b", "\"a\"b"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parameters_are_found_only_where_they_are_some() {
        let sql = "SELECT $1, '$2', \"$3\", E'\\'$4', $$ $5 $$, $a$ $6 $$ $a$ -- $7\n /* $8 /* $9 */ $10 */ , x$11, $12::text";
        assert_eq!(scan(sql).placeholders.iter().map(|p| p.0).collect::<Vec<_>>(), [1, 12]);
        assert!(scan("SELECT ';' /* ; */ -- ;").separators.is_empty());
        assert_eq!(scan("SELECT 1; SELECT 2").separators, [8]);
        let names = |sql: &str| -> Vec<(String, Quote)> {
            scan(sql).variables.into_iter().map(|v| (v.name, v.quote)).collect()
        };
        assert_eq!(
            names(
                "SELECT :id::int, a[1:2], ':no', \":no\", :'text', :\"name\", :'not closed, $$ :no $$ -- :no"
            ),
            [("id".into(), Quote::Bare), ("text".into(), Quote::Literal), ("name".into(), Quote::Identifier)]
        );
        assert_eq!(scan("SELECT E'\\\\', '\\' \\gset").command, Some(18));
        assert!(is_blank(" ; -- the end\n /* ; */ "));
        assert!(!is_blank("; SELECT 2"));
        assert!(!is_blank("-- a carriage return ends it\rSELECT 2"));
        assert_eq!(scan("-- $1\rSELECT $2").placeholders, [(2, 13)]);
    }

    #[test]
    fn a_text_is_cut_into_statements_where_psql_cuts_it() {
        let cut = |sql: &str| statements(sql).into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cut("a; b ;; -- c\n;d"), ["a", "b", "d"]);
        assert_eq!(cut("SELECT note'a\\';b'"), ["SELECT note'a\\'", "b'"], "no E before it");
        assert_eq!(cut("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); x").len(), 2);
        let body = "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END";
        assert_eq!(cut(&format!("{body}; SELECT 3")), [body, "SELECT 3"]);
        assert_eq!(cut("CREATE PROCEDURE p() AS $$ BEGIN; END $$ LANGUAGE plpgsql; begin; end").len(), 3);
        assert_eq!(cut(" ; -- nothing\n"), Vec::<String>::new());
    }

    #[test]
    fn what_ends_a_transaction_is_known_by_its_words() {
        for (sql, words) in [
            ("COMMIT", Some("COMMIT")),
            ("/* x */ begin", Some("BEGIN")),
            ("Rollback Prepared 'x'", Some("ROLLBACK PREPARED")),
            ("START TRANSACTION", Some("START TRANSACTION")),
            ("PREPARE TRANSACTION 'x'", Some("PREPARE TRANSACTION")),
            ("END", Some("END")),
            ("ROLLBACK TO s", None),
            ("ROLLBACK WORK TO SAVEPOINT s", None),
            ("ROLLBACK WORK", Some("ROLLBACK")),
            ("SAVEPOINT s", None),
            ("PREPARE p AS SELECT 1", None),
            ("SELECT 'commit'", None),
            ("", None),
        ] {
            assert_eq!(transaction_control(sql).as_deref(), words, "{sql}");
        }
    }

    #[test]
    fn filled_in_literals_are_quoted_for_any_setting() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b'c"), "E'a\\\\b''c'");
        assert_eq!(quote_ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_ident("a\"\\\n"), "U&\"a\"\"\\\\\\000a\"");
        assert_eq!(quote_literal("\\'\r\u{1b}"), "E'\\\\''\\r\\x1b'");
        assert_eq!(
            fill("SELECT $1 + '$1' || $2", &["1::int8".into(), "'x'".into()]),
            "SELECT (1::int8) + '$1' || ('x')"
        );
    }
}

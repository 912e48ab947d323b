//! SQL as text: quoting, and a scanner that knows where a parameter or a semicolon really is one.

use std::borrow::Cow;

/// An identifier, always in double quotes.
pub fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal that means the same whatever `standard_conforming_strings` says, and that psql passes on as it is.
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// How a variable of psql's is put into a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// `:name`, as it is.
    Bare,
    /// `:'name'`, as a literal.
    Literal,
    /// `:"name"`, as an identifier.
    Identifier,
}

/// A variable of psql's in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// How it is put in.
    pub quote: Quote,
    /// The bytes that it takes, colon and quotes included.
    pub range: std::ops::Range<usize>,
}

/// What a statement holds outside quotes and comments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Each `$n`: the number and its byte offset.
    pub placeholders: Vec<(usize, usize)>,
    /// The offset of the first semicolon.
    pub separator: Option<usize>,
    /// psql's variables.
    pub variables: Vec<Variable>,
    /// The offset of the first backslash, which begins one of psql's commands.
    pub command: Option<usize>,
}

/// The variable that begins with this colon.
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

/// Scans one statement; an unclosed quote or comment runs to the end.
pub fn scan(sql: &str) -> Scan {
    let bytes = sql.as_bytes();
    let mut found = Scan::default();
    let mut i = 0;
    // Was the last character one of an identifier? `a$1` is a name, not a parameter.
    let mut in_word = false;
    while let Some(&byte) = bytes.get(i) {
        let rest = &sql[i..];
        let (next, word) = match byte {
            b'\'' => (i + quoted(rest, '\'', in_word && sql[..i].ends_with(['e', 'E'])), false),
            b'"' => (i + quoted(rest, '"', false), false),
            b'-' if rest.starts_with("--") => (i + rest.find('\n').unwrap_or(rest.len()), false),
            b'/' if rest.starts_with("/*") => (i + block_comment(rest), false),
            b'$' if !in_word => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                if digits > 0 {
                    found.placeholders.push((rest[1..=digits].parse().unwrap_or(usize::MAX), i));
                    (i + 1 + digits, true)
                } else {
                    (i + dollar_quoted(rest), false)
                }
            }
            b';' => {
                found.separator.get_or_insert(i);
                (i + 1, false)
            }
            b':' if rest.starts_with("::") => (i + 2, false),
            b':' => match variable(rest, i) {
                Some(variable) => {
                    let end = variable.range.end;
                    found.variables.push(variable);
                    (end, false)
                }
                None => (i + 1, false),
            },
            b'\\' => {
                found.command.get_or_insert(i);
                (i + 1, false)
            }
            _ => {
                let c = rest.chars().next().unwrap_or(' ');
                (i + c.len_utf8(), c.is_alphanumeric() || c == '_' || c == '$')
            }
        };
        (i, in_word) = (next, word);
    }
    found
}

/// Is there nothing but blanks, comments and semicolons?
pub fn is_blank(sql: &str) -> bool {
    let rest = sql.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
    if rest.starts_with("--") {
        rest.find('\n').is_none_or(|end| is_blank(&rest[end..]))
    } else if rest.starts_with("/*") {
        is_blank(&rest[block_comment(rest)..])
    } else {
        rest.is_empty()
    }
}

/// The length of a quoted run at the start of `text`, quotes included; a doubled quote belongs to it.
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

/// The length of a block comment; they nest.
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

/// The length of `$tag$ … $tag$`, or 1 where no such quote starts.
fn dollar_quoted(text: &str) -> usize {
    let Some(end) = text[1..].find('$').map(|end| end + 2) else { return 1 };
    let tag = &text[..end];
    if !tag[1..end - 1].chars().all(|c| c.is_alphanumeric() || c == '_') {
        return 1;
    }
    text[end..].find(tag).map_or(text.len(), |at| end + at + tag.len())
}

/// The statement with each `$n` replaced by `literals[n - 1]`, in parentheses.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_only_where_they_are_some() {
        let sql = "SELECT $1, '$2', \"$3\", E'\\'$4', $$ $5 $$, $a$ $6 $$ $a$ -- $7\n /* $8 /* $9 */ $10 */ , x$11, $12::text";
        assert_eq!(scan(sql).placeholders.iter().map(|p| p.0).collect::<Vec<_>>(), [1, 12]);
        assert_eq!(scan("SELECT ';' /* ; */ -- ;").separator, None);
        assert_eq!(scan("SELECT 1; SELECT 2").separator, Some(8));
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
    }

    #[test]
    fn filled_in_literals_are_quoted_for_any_setting() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b'c"), "E'a\\\\b''c'");
        assert_eq!(quote_ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(
            fill("SELECT $1 + '$1' || $2", &["1::int8".into(), "'x'".into()]),
            "SELECT (1::int8) + '$1' || ('x')"
        );
    }
}

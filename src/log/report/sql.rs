//! Normalizes statements, so that those that differ only in their constants are grouped.
//!
//! Two statements have the same normalized text if they have the same tokens after the following changes:
//! - comments are removed,
//! - each constant (a string of any kind, a number with its sign, TRUE, FALSE, NULL) and each parameter (`$1`) becomes
//!   `?`,
//! - in a list after IN or in `ARRAY[…]`, the items that look like the first one are removed,
//! - rows of VALUES that look like an earlier row are removed,
//! - words are put in lower case, and names are quoted only where they must be,
//! - names of savepoints and cursors, and those of prepared statements in DEALLOCATE, become `?`, because programs
//!   generate them,
//! - the words of a setting's value become `?`, and `TO` before it becomes `=`.
//!
//! pg_stat_statements groups statements by their parse tree, so it also knows that `(1)` is `1`, and it distinguishes
//! tables of the same name in two schemas. Its versions differ: it ignores the length of lists of constants from
//! PostgreSQL 18 on, and the names of savepoints from 17 on.

mod words;

use words::{Keyword, is_operator, is_word, keyword};

/// Rows of VALUES are only removed if they are in fewer than this many brackets.
const DEEPEST: usize = 64;
/// With how many different rows of VALUES each row is compared.
const MOST_ROWS: usize = 8;

/// The kind of the last token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    /// A name, or another word that can end an operand.
    Name,
    /// A word after which an operand begins.
    Keyword(Keyword),
    Constant,
    Operator,
    /// `(` or `[`.
    Open,
    /// `)` or `]`.
    Close,
    Comma,
    Dot,
    Cast,
    Semicolon,
}

/// An open bracket.
#[derive(Debug, Clone, Copy)]
struct Bracket {
    /// Where the contents begin in the output.
    from: usize,
    /// Whether this is a list in which items that look like the first one are removed.
    is_list: bool,
    /// Whether this is a row of VALUES.
    is_row: bool,
    /// Where the first item ends in the output.
    first: Option<usize>,
    /// Where the last item that was kept ends in the output.
    last: usize,
}

/// Rows of VALUES at one depth of brackets.
#[derive(Debug)]
struct Rows {
    depth: usize,
    /// Where each different row begins and ends in the output.
    seen: Vec<(usize, usize)>,
}

/// The first word of a statement, if what follows it is read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// No word of the statement was read yet.
    None,
    Savepoint,
    Release,
    Rollback,
    Deallocate,
    Cursor,
    Fetch,
    /// SET, before the value.
    Set,
    /// SET, once its value has begun.
    Value,
    Other,
}

/// Normalizes statements. The buffers are used again for the next statement.
#[derive(Debug, Default)]
pub struct Normalizer {
    /// The normalized text of the last statement.
    out: Vec<u8>,
    brackets: Vec<Bracket>,
    rows: Vec<Rows>,
}

impl Normalizer {
    /// Returns the normalized text of a statement.
    pub fn normalize(&mut self, sql: &[u8]) -> &[u8] {
        self.out.clear();
        self.brackets.clear();
        self.rows.clear();
        Reader { sql, at: 0, last: Last::Start, verb: Verb::None, into: self }.all();
        while self.out.last().is_some_and(|b| matches!(b, b';' | b' ')) {
            self.out.pop();
        }
        if self.out.is_empty() {
            self.out.extend_from_slice(b"(empty)");
        }
        &self.out
    }
}

struct Reader<'a> {
    sql: &'a [u8],
    at: usize,
    last: Last,
    verb: Verb,
    into: &'a mut Normalizer,
}

impl Reader<'_> {
    fn all(&mut self) {
        while let Some(b) = self.sql.get(self.at).copied() {
            match b {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'-' if self.next_is(b'-') => self.skip_line(),
                b'/' if self.next_is(b'*') => self.skip_comment(),
                b'\'' => self.string(1, false),
                b'"' => self.quoted_name(1),
                b'$' => self.dollar(),
                b'0'..=b'9' => self.number(),
                b'.' if self.sql.get(self.at + 1).is_some_and(u8::is_ascii_digit)
                    && self.last != Last::Name =>
                {
                    self.number();
                }
                b'.' => self.punctuation(Last::Dot),
                b',' => self.comma(),
                b';' => {
                    self.punctuation(Last::Semicolon);
                    self.verb = Verb::None;
                }
                b'(' | b'[' => self.open(b),
                b')' | b']' => self.close(b),
                b':' if self.next_is(b':') => {
                    self.into.out.extend_from_slice(b"::");
                    self.last = Last::Cast;
                    self.at += 2;
                }
                _ if is_word(b) => self.word(),
                _ => self.operator(),
            }
        }
    }

    fn next_is(&self, b: u8) -> bool {
        self.sql.get(self.at + 1) == Some(&b)
    }

    fn skip_line(&mut self) {
        self.at = memchr::memchr(b'\n', &self.sql[self.at..]).map_or(self.sql.len(), |end| self.at + end + 1);
    }

    /// Skips a comment, which may contain other comments.
    fn skip_comment(&mut self) {
        let mut depth = 0;
        while let Some(at) = memchr::memchr2(b'*', b'/', &self.sql[self.at..]) {
            self.at += at;
            match (self.sql[self.at], self.sql.get(self.at + 1)) {
                (b'/', Some(b'*')) => depth += 1,
                (b'*', Some(b'/')) => depth -= 1,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 {
                return;
            }
        }
        self.at = self.sql.len();
    }

    /// Writes a blank before the next token, unless no blank belongs there.
    fn space(&mut self) {
        let directly = matches!(self.last, Last::Start | Last::Open | Last::Dot | Last::Cast);
        if !directly {
            self.into.out.push(b' ');
        }
    }

    /// Writes `?` for a constant. If `signed`, a sign before it is part of the constant and is removed.
    fn constant(&mut self, signed: bool) {
        // Consecutive strings are one constant, because SQL joins strings on separate lines.
        if self.last == Last::Constant && !signed {
            return;
        }
        if signed && self.last == Last::Operator && self.has_sign() {
            self.into.out.pop();
            if self.into.out.last() == Some(&b' ') {
                self.into.out.pop();
            }
            // No operand is before the sign, so the constant needs a blank unless a bracket or a cast is before it.
            if !self.into.out.is_empty() && !matches!(self.into.out.last(), Some(b'(' | b'[' | b':')) {
                self.into.out.push(b' ');
            }
            self.into.out.push(b'?');
        } else {
            self.space();
            self.into.out.push(b'?');
        }
        self.last = Last::Constant;
    }

    /// Returns whether the last operator is the sign of a number, because no operand is before it.
    fn has_sign(&self) -> bool {
        let out = &self.into.out;
        let Some((b'+' | b'-', before)) = out.split_last() else { return false };
        let before = before.strip_suffix(b" ").unwrap_or(before);
        match before.last() {
            None | Some(b'(' | b'[' | b',' | b';' | b':') => true,
            Some(b')' | b']' | b'"' | b'?') => false,
            Some(b) if is_operator(*b) => true,
            Some(_) => {
                let word = before.rsplit(|b| !is_word(*b)).next().unwrap_or_default();
                let is_name =
                    before.len() > word.len() && matches!(before[before.len() - word.len() - 1], b'.' | b'"');
                !is_name && keyword(word).is_some()
            }
        }
    }

    /// Reads a string whose opening quote ends `skip` bytes from here.
    fn string(&mut self, skip: usize, escapes: bool) {
        self.at += skip;
        self.skip_quoted(b'\'', escapes);
        self.constant(false);
    }

    /// Moves behind the closing quote. A doubled quote is part of the text.
    fn skip_quoted(&mut self, quote: u8, escapes: bool) {
        loop {
            let rest = &self.sql[self.at..];
            let found =
                if escapes { memchr::memchr2(quote, b'\\', rest) } else { memchr::memchr(quote, rest) };
            let Some(found) = found else {
                self.at = self.sql.len();
                return;
            };
            self.at += found + 1;
            if rest[found] == b'\\' {
                self.at = (self.at + 1).min(self.sql.len());
            } else if self.sql.get(self.at) == Some(&quote) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn quoted_name(&mut self, skip: usize) {
        let from = self.at;
        self.at += skip;
        let inside = self.at;
        self.skip_quoted(b'"', false);
        if self.is_generated_name() || matches!(self.verb, Verb::Value | Verb::Fetch) {
            self.constant(false);
            return;
        }
        let is_closed = self.at > inside && self.sql[self.at - 1] == b'"';
        let name = &self.sql[inside..self.at - usize::from(is_closed)];
        let is_plain = skip == 1
            && is_closed
            && name.first().is_some_and(|b| b.is_ascii_lowercase() || *b == b'_')
            && name.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
            && keyword(name).is_none();
        self.space();
        self.into.out.extend_from_slice(if is_plain { name } else { &self.sql[from..self.at] });
        self.last = Last::Name;
    }

    fn dollar(&mut self) {
        let rest = &self.sql[self.at + 1..];
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0 {
            self.at += 1 + digits;
            self.constant(true);
            return;
        }
        let tag = rest.iter().take_while(|b| is_word(**b) && **b != b'$').count();
        if rest.get(tag) == Some(&b'$') {
            let mark = &self.sql[self.at..self.at + tag + 2];
            let inside = self.at + mark.len();
            self.at = memchr::memmem::find(&self.sql[inside..], mark)
                .map_or(self.sql.len(), |end| inside + end + mark.len());
            self.constant(false);
        } else {
            self.operator();
        }
    }

    fn number(&mut self) {
        let rest = &self.sql[self.at..];
        let digits = |from: usize, is: fn(&u8) -> bool| {
            rest[from..].iter().take_while(|b| is(b) || **b == b'_').count()
        };
        let mut len = match rest {
            [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => {
                2 + digits(2, u8::is_ascii_hexdigit)
            }
            [b'0', b'o' | b'O' | b'b' | b'B', digit, ..] if digit.is_ascii_digit() => {
                2 + digits(2, u8::is_ascii_digit)
            }
            _ => digits(0, u8::is_ascii_digit),
        };
        if rest.get(len) == Some(&b'.') {
            len += 1 + digits(len + 1, u8::is_ascii_digit);
        }
        // Before PostgreSQL 15, a word may follow a number directly. Only an exponent is part of the number.
        if let Some([b'e' | b'E', exponent @ ..]) = rest.get(len..) {
            let sign = usize::from(matches!(exponent.first(), Some(b'+' | b'-')));
            if exponent.get(sign).is_some_and(u8::is_ascii_digit) {
                len += 1 + sign;
                len += digits(len, u8::is_ascii_digit);
            }
        }
        self.at += len.max(1);
        self.constant(true);
    }

    fn punctuation(&mut self, last: Last) {
        self.into.out.push(self.sql[self.at]);
        self.at += 1;
        self.last = last;
    }

    fn comma(&mut self) {
        self.item_ended();
        self.punctuation(Last::Comma);
    }

    /// Removes the item that has just ended, if it looks like the first item of its list.
    fn item_ended(&mut self) {
        let Normalizer { out, brackets, .. } = &mut *self.into;
        let Some(bracket) = brackets.last_mut().filter(|bracket| bracket.is_list) else { return };
        let here = out.len();
        match bracket.first {
            None => bracket.first = Some(here),
            // Two bytes are skipped: the comma and the blank after it.
            Some(first) => {
                let item = out.get(bracket.last + 2..here).unwrap_or_default();
                if *item == out[bracket.from..first] {
                    out.truncate(bracket.last);
                }
            }
        }
        bracket.last = out.len();
    }

    fn open(&mut self, b: u8) {
        let (is_list, is_values) = match self.last {
            Last::Keyword(Keyword::In) => (b == b'(', false),
            Last::Keyword(Keyword::Array) => (b == b'[', false),
            Last::Keyword(Keyword::Values) => (false, true),
            _ => (false, false),
        };
        let depth = self.into.brackets.len();
        if is_values && depth < DEEPEST {
            self.into.rows.push(Rows { depth, seen: Vec::new() });
        }
        let is_row = self.into.rows.last().is_some_and(|rows| rows.depth == depth)
            && (is_values || self.last == Last::Comma);
        // There is no blank between the name of a function and its bracket.
        let directly = matches!(
            self.last,
            Last::Name | Last::Start | Last::Open | Last::Dot | Last::Cast | Last::Keyword(Keyword::Array)
        ) || b == b'[';
        if !directly {
            self.into.out.push(b' ');
        }
        self.into.out.push(b);
        self.at += 1;
        self.last = Last::Open;
        let from = self.into.out.len();
        self.into.brackets.push(Bracket { from, is_list, is_row, first: None, last: from });
    }

    fn close(&mut self, b: u8) {
        self.item_ended();
        let Some(bracket) = self.into.brackets.pop() else {
            self.punctuation(Last::Close);
            return;
        };
        let depth = self.into.brackets.len();
        if self.into.rows.last().is_some_and(|rows| rows.depth > depth) {
            self.into.rows.pop();
        }
        self.into.out.push(b);
        self.at += 1;
        self.last = Last::Close;
        if bracket.is_row {
            self.row_ended(bracket.from);
        }
    }

    /// Removes the row of VALUES that has just ended, if it looks like an earlier row.
    fn row_ended(&mut self, from: usize) {
        let Normalizer { out, rows, .. } = &mut *self.into;
        let Some(rows) = rows.last_mut() else { return };
        let end = out.len();
        if rows.seen.iter().any(|(a, b)| out[*a..*b] == out[from..end]) {
            if let Some((_, last)) = rows.seen.last() {
                out.truncate(*last);
            }
        } else if rows.seen.len() < MOST_ROWS {
            rows.seen.push((from, end));
        }
    }

    /// Returns whether the next name is one that programs generate.
    fn is_generated_name(&self) -> bool {
        self.last == Last::Keyword(Keyword::Naming)
    }

    fn word(&mut self) {
        let rest = &self.sql[self.at..];
        let len = rest.iter().take_while(|b| is_word(**b)).count();
        let word = &rest[..len];
        match (word, rest.get(len)) {
            ([b'e' | b'E'], Some(b'\'')) => return self.string(2, true),
            ([b'b' | b'B' | b'x' | b'X' | b'n' | b'N'], Some(b'\'')) => return self.string(2, false),
            ([b'u' | b'U'], Some(b'&')) if rest.get(2) == Some(&b'\'') => return self.string(3, false),
            ([b'u' | b'U'], Some(b'&')) if rest.get(2) == Some(&b'"') => return self.quoted_name(3),
            _ => {}
        }
        self.at += len;
        let mut lower = [0; 16];
        let lower: &[u8] = match lower.get_mut(..len) {
            Some(lower) => {
                lower.copy_from_slice(word);
                lower.make_ascii_lowercase();
                lower
            }
            None => b"",
        };
        let depth = self.into.brackets.len();
        if self.into.rows.last().is_some_and(|rows| rows.depth == depth) {
            // The rows of VALUES have ended, so later brackets are not rows.
            self.into.rows.pop();
        }
        let begins = self.verb == Verb::None && matches!(self.last, Last::Start | Last::Semicolon);
        if begins {
            self.verb = verb(lower);
        }
        let is_part = matches!(self.last, Last::Dot | Last::Cast);
        let mut keyword = if is_part { None } else { keyword(lower) };
        if matches!(keyword, Some(Keyword::Null | Keyword::Bool)) {
            if self.is_constant(keyword) {
                return self.constant(false);
            }
            keyword = Some(Keyword::Other);
        }
        match self.verb {
            Verb::Set if lower == b"to" && self.last == Last::Name => {
                self.out_operator(b"=");
                self.verb = Verb::Value;
                return;
            }
            Verb::Value if lower != b"default" => return self.constant(false),
            // FROM and IN may be left out before the name of the cursor.
            Verb::Fetch if !begins && !is_direction(lower) => return self.constant(false),
            _ => {}
        }
        if self.verb != Verb::Other {
            let naming = self.names_next(lower, begins);
            if self.is_generated_name() && !naming && lower != b"all" {
                return self.constant(false);
            }
            if naming {
                keyword = Some(Keyword::Naming);
            }
        }
        self.space();
        let at = self.into.out.len();
        self.into.out.extend_from_slice(word);
        self.into.out[at..].make_ascii_lowercase();
        let last = match keyword {
            None => Last::Name,
            Some(Keyword::Not) if self.last == Last::Keyword(Keyword::Is) => Last::Keyword(Keyword::IsNot),
            Some(keyword) => Last::Keyword(keyword),
        };
        self.last = last;
    }

    /// Returns whether NULL, TRUE or FALSE is a constant here.
    fn is_constant(&self, keyword: Option<Keyword>) -> bool {
        use Keyword::{Is, IsNot, Not, Null, On, Returns, Set};
        match self.last {
            Last::Keyword(Is | IsNot) => false,
            Last::Keyword(Not | Set | On | Returns) => keyword != Some(Null),
            _ => true,
        }
    }

    /// Returns whether a generated name follows this word.
    fn names_next(&self, word: &[u8], begins: bool) -> bool {
        match self.verb {
            Verb::Savepoint => begins,
            // Both RELEASE s and RELEASE SAVEPOINT s are valid.
            Verb::Release => begins || (self.is_generated_name() && word == b"savepoint"),
            Verb::Rollback => {
                word == b"to" && matches!(self.last, Last::Keyword(_) | Last::Name)
                    || (self.is_generated_name() && word == b"savepoint")
            }
            Verb::Deallocate => begins || (self.is_generated_name() && word == b"prepare"),
            Verb::Cursor => begins,
            Verb::Fetch | Verb::Set | Verb::Value | Verb::Other | Verb::None => false,
        }
    }

    fn operator(&mut self) {
        let rest = &self.sql[self.at..];
        let mut len = rest.iter().take_while(|b| is_operator(**b)).count().max(1);
        // A comment that follows directly ends the operator.
        let comment = (1..len).find(|at| rest[*at..].starts_with(b"--") || rest[*at..].starts_with(b"/*"));
        len = comment.unwrap_or(len);
        // An operator of several characters can end with a sign only if it has one of these characters.
        let strange =
            |b: &u8| matches!(b, b'~' | b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'|' | b'`' | b'?');
        while len > 1 && matches!(rest[len - 1], b'+' | b'-') && !rest[..len].iter().any(strange) {
            len -= 1;
        }
        if self.verb == Verb::Set && &rest[..len] == b"=" {
            self.verb = Verb::Value;
        }
        self.at += len;
        self.out_operator(if &rest[..len] == b"!=" { b"<>" } else { &rest[..len] });
    }

    fn out_operator(&mut self, operator: &[u8]) {
        self.space();
        self.into.out.extend_from_slice(operator);
        self.last = Last::Operator;
    }
}

/// Returns whether a word of FETCH or MOVE is not the name of the cursor.
fn is_direction(word: &[u8]) -> bool {
    const WORDS: [&[u8]; 11] = [
        b"next",
        b"prior",
        b"first",
        b"last",
        b"absolute",
        b"relative",
        b"all",
        b"forward",
        b"backward",
        b"from",
        b"in",
    ];
    WORDS.contains(&word)
}

fn verb(word: &[u8]) -> Verb {
    match word {
        b"savepoint" => Verb::Savepoint,
        b"release" => Verb::Release,
        b"rollback" => Verb::Rollback,
        b"deallocate" => Verb::Deallocate,
        b"declare" | b"close" => Verb::Cursor,
        b"fetch" | b"move" => Verb::Fetch,
        b"set" => Verb::Set,
        _ => Verb::Other,
    }
}

#[cfg(test)]
mod tests;

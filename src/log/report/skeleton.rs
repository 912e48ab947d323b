//! A quick way to see that a statement is one that was normalized before.
//!
//! The skeleton of a statement is its text with each number that begins no name as `0`, and each string as `''`. Two
//! statements with the same skeleton have the same normalized text, so that only the first needs to be normalized. Statements
//! in which a quote or a number may mean something else (escapes, dollar quotes, quoted names, comments) have none.

use super::names::{Hashed, hash};

/// How many skeletons are known at most; the next one makes all be forgotten.
const MOST: usize = 1 << 16;
/// A longer statement is not worth a skeleton, in bytes.
const LONGEST: usize = 4 << 10;

/// Bytes that are taken as they are.
const PLAIN: u8 = 0;
/// Parts of words.
const WORD: u8 = 1;
const DIGIT: u8 = 2;
const QUOTE: u8 = 3;
/// Bytes after which a statement may have no skeleton.
const STRANGE: u8 = 4;

const KINDS: [u8; 256] = {
    let mut kinds = [PLAIN; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        kinds[b] = match byte {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..=0xff => WORD,
            b'\'' => QUOTE,
            b'\\' | b'"' | b'$' | b'-' | b'/' => STRANGE,
            _ => PLAIN,
        };
        b += 1;
    }
    kinds
};

/// Skeletons, and what was made of their statements.
#[derive(Debug, Default)]
pub struct Skeletons {
    known: Hashed<u64>,
    text: Vec<u8>,
}

impl Skeletons {
    /// Returns the hash of a statement's skeleton; `None` if it has none.
    pub fn of(&mut self, sql: &[u8]) -> Option<u64> {
        if sql.len() > LONGEST {
            return None;
        }
        let text = &mut self.text;
        text.clear();
        let mut at = 0;
        // Where the bytes begin that were not copied yet.
        let mut from = 0;
        let mut before = PLAIN;
        while at < sql.len() {
            let kind = KINDS[usize::from(sql[at])];
            match kind {
                DIGIT if before != WORD => {
                    text.extend_from_slice(&sql[from..at]);
                    text.push(b'0');
                    while at < sql.len() && sql[at].is_ascii_digit() {
                        at += 1;
                    }
                    from = at;
                    // 0x1F is one number, 10x1F is two things.
                    if sql.get(at).is_some_and(|b| matches!(b | 0x20, b'x' | b'o' | b'b')) {
                        return None;
                    }
                    // What follows directly is part of the number.
                    before = WORD;
                    continue;
                }
                DIGIT => {
                    at += 1;
                    continue;
                }
                QUOTE => {
                    let end = at + 1 + memchr::memchr2(b'\'', b'\\', &sql[at + 1..])?;
                    if sql[end] == b'\\' {
                        return None;
                    }
                    text.extend_from_slice(&sql[from..=at]);
                    from = end;
                    at = end + 1;
                    before = PLAIN;
                    continue;
                }
                STRANGE => match (sql[at], sql.get(at + 1)) {
                    (b'$', Some(b'0'..=b'9')) if before != WORD => {
                        before = WORD;
                        at += 1;
                        continue;
                    }
                    (b'-', next) if next != Some(&b'-') => before = PLAIN,
                    (b'/', next) if next != Some(&b'*') => before = PLAIN,
                    _ => return None,
                },
                kind => before = kind,
            }
            at += 1;
        }
        text.extend_from_slice(&sql[from..]);
        Some(hash(text))
    }

    /// Returns what was made of the statement with this skeleton.
    pub fn known(&self, skeleton: u64) -> Option<u64> {
        self.known.get(&skeleton).copied()
    }

    /// Notes what was made of it.
    pub fn learn(&mut self, skeleton: u64, fingerprint: u64) {
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(skeleton, fingerprint);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sql::Normalizer;
    use super::*;

    #[test]
    fn statements_with_one_skeleton_have_one_normalized_text() {
        // Random statements of pieces that lexers trip over.
        const PIECES: &[&str] = &[
            "SELECT ", "a", "1", "22", "'x'", "'y''z'", "''", " ", ",", "(", ")", "IN (", "VALUES (", "$1",
            "$$", "\"", "\\", "--", "\n", "/*", "*/", "E'", "'", "x'", "1e5", "0x1F", ".5", "a1", "a2", "-",
            "+", "::", "NULL", "é", "_1", "$x$", "b'1'", "b'0'",
        ];
        let mut random = fastrand::Rng::with_seed(11);
        let mut known: std::collections::HashMap<u64, (String, Vec<u8>)> = Default::default();
        let mut shared = 0;
        for _ in 0..300_000 {
            let sql: String = (0..random.usize(1..7)).map(|_| PIECES[random.usize(..PIECES.len())]).collect();
            let Some(skeleton) = Skeletons::default().of(sql.as_bytes()) else { continue };
            let normal = Normalizer::default().normalize(sql.as_bytes()).to_vec();
            let (other, expected) = known.entry(skeleton).or_insert_with(|| (sql.clone(), normal.clone()));
            shared += usize::from(*other != sql);
            assert_eq!(&normal, expected, "{sql:?} and {other:?}");
        }
        assert!(shared > 1000, "{shared}");
    }

    #[test]
    fn what_is_unclear_has_no_skeleton() {
        let of = |sql: &str| Skeletons::default().of(sql.as_bytes());
        assert_eq!(of("SELECT 1, 'a'"), of("SELECT 234, 'bcd'"));
        assert_ne!(of("SELECT a1"), of("SELECT a2"));
        for sql in [
            "SELECT E'\\''",
            "SELECT $$'$$",
            "SELECT \"1\"",
            "SELECT 1 -- '",
            "SELECT /* 1 */ 2",
            "SELECT 'never",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
    }
}

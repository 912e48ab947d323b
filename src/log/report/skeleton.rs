//! Recognizes quickly that a statement has the same normalized text as an earlier one.
//!
//! The skeleton of a statement is its text with `0` for each number that is not part of a name and `''` for each
//! string. Two statements with the same skeleton have the same normalized text, so only the first needs to be
//! normalized. Statements in which a quote or a number may mean something else (escapes, dollar quotes, quoted names,
//! comments) have no skeleton.

use super::names::{Hashed, hash};

/// The largest number of skeletons that are kept. If there is one more, all others are forgotten.
const MOST: usize = 1 << 16;
/// The longest statement, in bytes, for which a skeleton is made.
const LONGEST: usize = 4 << 10;

/// Bytes that are copied unchanged and are not part of a word.
const PLAIN: u8 = 0;
/// Bytes that are part of a word. They are copied unchanged.
const WORD: u8 = 1;
const DIGIT: u8 = 2;
const QUOTE: u8 = 3;
/// Bytes that may begin something else, so that the statement has no skeleton.
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

/// The known skeletons by their hash, with the fingerprints of their statements.
#[derive(Debug, Default)]
pub struct Skeletons {
    known: Hashed<u64>,
    /// A buffer for the skeleton.
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
        // The position of the first byte that was not copied yet.
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
                    // 0x1F is one number, but 10x1F is a number and a name, so such statements have no skeleton.
                    if sql.get(at).is_some_and(|b| matches!(b | 0x20, b'x' | b'o' | b'b')) {
                        return None;
                    }
                    // Digits and letters that follow directly are part of the number.
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

    /// Returns the fingerprint of the statements with this skeleton, if it is known.
    pub fn known(&self, skeleton: u64) -> Option<u64> {
        self.known.get(&skeleton).copied()
    }

    /// Notes the fingerprint of the statements with this skeleton.
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
        // The statements are random combinations of pieces that are hard to tokenize.
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

//! Follows the output of a running job: each byte once and in order, first from the copies that its guard makes once a
//! second, and in the end from the stored output.

use super::output::{self, KEPT};

/// A piece of the output, to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text that was printed. What text cannot contain is escaped, as in the stored output.
    Text(String),
    /// This many bytes are missing here, because they are neither in the head nor in the tail.
    Missing(u64),
}

/// A guard's copy of an attempt's output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The first 64 KiB; `None` if the follower has them already.
    pub head: Option<Vec<u8>>,
    /// The last 64 KiB of what came after the head.
    pub tail: Vec<u8>,
    /// The total number of bytes that were printed.
    pub bytes: u64,
}

/// The stored output of an attempt that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The first 64 KiB as text.
    pub head: &'a str,
    /// The last 64 KiB of what came after the head, as text.
    pub tail: &'a str,
    /// The total number of bytes that were printed.
    pub bytes: u64,
}

/// Follows the output of an attempt.
#[derive(Debug, Default)]
pub struct Follower {
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes: u64,
    /// How many bytes have been passed on or skipped.
    at: u64,
}

impl Follower {
    /// Returns the total number of bytes according to the latest copy.
    pub fn seen(&self) -> u64 {
        self.bytes
    }

    /// Returns the output that is new in a copy. A character whose last bytes are not there yet is held back.
    pub fn live(&mut self, shown: Shown) -> Vec<Piece> {
        self.head = shown.head.unwrap_or_else(|| std::mem::take(&mut self.head));
        (self.tail, self.bytes) = (shown.tail, shown.bytes);
        let mut pieces = Vec::new();
        let kept = self.head.len() as u64;
        let mut raw = self.head.get(index(self.at)..).unwrap_or_default().to_vec();
        let at = self.at.max(kept);
        let from = self.from();
        if from > at {
            pieces.push(Piece::Text(output::text(&raw)));
            pieces.push(Piece::Missing(from - at));
            raw.clone_from(&self.tail);
        } else {
            raw.extend_from_slice(self.tail.get(index(at - from)..).unwrap_or_default());
        }
        let whole = whole(&raw);
        pieces.push(Piece::Text(output::text(&raw[..whole])));
        self.at = self.bytes - (raw.len() - whole) as u64;
        without_empty(pieces)
    }

    /// Returns the rest of the output of an attempt that has ended. If its output was not stored, that is only what was
    /// held back.
    pub fn ended(&mut self, stored: Option<Stored<'_>>) -> Vec<Piece> {
        let Some(stored) = stored else {
            let held_back = self.held_back();
            self.at = self.bytes;
            return without_empty(vec![Piece::Text(output::text(&held_back))]);
        };
        let kept = stored.bytes.min(KEPT as u64);
        let mut pieces = Vec::new();
        if self.at < kept {
            let seen = self.head.get(..index(self.at)).unwrap_or_default();
            pieces.push(Piece::Text(after(stored.head, seen).to_owned()));
        }
        let at = self.at.max(kept);
        let from = stored.bytes - (stored.bytes - kept).min(KEPT as u64);
        if from > at {
            pieces.push(Piece::Missing(from - at));
            pieces.push(Piece::Text(stored.tail.to_owned()));
        } else {
            // The tail begins within the part that has been passed on.
            let own = self.from();
            let seen = from.checked_sub(own).and_then(|start| self.tail.get(index(start)..index(at - own)));
            pieces.push(Piece::Text(after(stored.tail, seen.unwrap_or_default()).to_owned()));
        }
        self.at = stored.bytes;
        without_empty(pieces)
    }

    /// Returns where in the output the tail begins.
    fn from(&self) -> u64 {
        self.bytes - (self.tail.len() as u64).min(self.bytes)
    }

    /// Returns the bytes that were held back.
    fn held_back(&self) -> Vec<u8> {
        let all: Vec<u8> = self.head.iter().chain(&self.tail).copied().collect();
        let count = index(self.bytes - self.at).min(all.len());
        all[all.len() - count..].to_vec()
    }
}

fn without_empty(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    pieces
}

fn index(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Returns the length of these bytes without an incomplete character at their end.
fn whole(raw: &[u8]) -> usize {
    let last = raw.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let is_incomplete = std::str::from_utf8(last).is_err_and(|e| e.error_len().is_none());
    raw.len() - if is_incomplete { last.len() } else { 0 }
}

/// Returns the part of a stored text that comes after these bytes, with which the text begins. In a database whose
/// encoding cannot represent it, the text is escaped.
fn after<'a>(stored: &'a str, seen: &[u8]) -> &'a str {
    let seen = output::text(seen);
    let rest = stored.strip_prefix(&seen).or_else(|| stored.strip_prefix(&output::ascii(&seen)));
    // If it does not begin with them, it is better to print something twice than not at all.
    rest.unwrap_or(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::output::Captured;

    /// What a guard shows of this output to a follower that has seen so many bytes.
    fn shown(captured: &Captured, seen: u64) -> Shown {
        let head = (seen < KEPT as u64).then(|| captured.raw_head().to_vec());
        Shown { head, tail: captured.raw_tail(), bytes: captured.bytes() }
    }

    /// Follows output that is printed in these parts, with a look after each. Without the last look if `misses`.
    fn followed(parts: &[&[u8]], misses: bool, is_ascii: bool) -> Vec<Piece> {
        let (mut captured, mut follower) = (Captured::default(), Follower::default());
        let mut pieces = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            captured.push(part);
            if !(misses && i + 1 == parts.len()) {
                pieces.extend(follower.live(shown(&captured, follower.seen())));
            }
        }
        let (mut head, mut tail) = (captured.head(), captured.tail().unwrap_or_default());
        if is_ascii {
            (head, tail) = (output::ascii(&head), output::ascii(&tail));
        }
        let stored = Stored { head: &head, tail: &tail, bytes: captured.bytes() };
        pieces.extend(follower.ended(Some(stored)));
        pieces
    }

    fn texts(pieces: &[Piece]) -> String {
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Missing(bytes) => format!("<{bytes}>"),
            })
            .collect()
    }

    #[test]
    fn each_byte_comes_once_and_in_order_whenever_somebody_looks() {
        let line = b"0123456789abcde\n".repeat(100);
        for count in [1, 3, 40, 41, 42, 81, 82, 83, 200] {
            let parts: Vec<&[u8]> = (0..count).map(|_| &*line).collect();
            for misses in [false, true] {
                let whole = String::from_utf8(line.repeat(count)).unwrap();
                assert_eq!(texts(&followed(&parts, misses, false)), whole, "{count} {misses}");
            }
        }
    }

    #[test]
    fn what_came_between_two_looks_and_is_in_neither_end_is_counted() {
        let big = vec![b'x'; 300_000];
        let pieces = followed(&[b"first\n", &big, b"last\n"], false, false);
        let missing = 300_000 + 6 - 2 * (KEPT as u64);
        assert_eq!(pieces[2], Piece::Missing(missing));
        assert!(texts(&pieces).ends_with("xlast\n"));
        let length: usize = texts(&pieces).len() - format!("<{missing}>").len();
        assert_eq!(length as u64 + missing, 300_011);
        // It had ended before anybody looked, or nobody had looked before.
        let pieces = followed(&[b"first\n", &big], true, false);
        assert_eq!(pieces[2], Piece::Missing(missing));
        assert_eq!(followed(&[&big], true, false)[1], Piece::Missing(missing - 6));
    }

    #[test]
    fn characters_that_are_cut_or_none_come_once_too() {
        let euro = "€ö\n".as_bytes();
        let parts: Vec<&[u8]> = euro.chunks(1).collect();
        for misses in [false, true] {
            for is_ascii in [false, true] {
                assert_eq!(texts(&followed(&parts, misses, is_ascii)), "€ö\n", "{misses} {is_ascii}");
            }
        }
        // The end of what can only be the beginning of a character.
        assert_eq!(texts(&followed(&[b"a\xff\0b\xe2\x82"], false, false)), "a\\xff\\x00b\\xe2\\x82");
        let mut follower = Follower::default();
        let head = Some(b"a\xe2\x82".to_vec());
        assert_eq!(texts(&follower.live(Shown { head, tail: Vec::new(), bytes: 3 })), "a");
        assert_eq!(texts(&follower.ended(None)), "\\xe2\\x82");
        // Whatever the offset of the characters, in the tail and in the head.
        let many: Vec<u8> = "aä€𝄞".repeat(13_000).into_bytes();
        for size in [997, 4999, 65_535, 65_537] {
            let parts: Vec<&[u8]> = many.chunks(size).collect();
            let found = texts(&followed(&parts, true, false));
            let clean = |text: &str| text.chars().filter(|c| "aä€𝄞".contains(*c)).count();
            // At most the characters at the two ends of the tail and the end of the head are cut.
            assert!(clean(&found) + 3 >= 52_000, "{size}: {}", clean(&found));
        }
    }
}

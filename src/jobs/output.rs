//! Captures what a job prints: its head, its tail and its length, in constant memory.

use std::collections::VecDeque;

/// How much of each end is kept, in bytes.
pub const KEPT: usize = 64 << 10;

/// The output of one attempt, as far as it is kept.
#[derive(Debug, Default)]
pub struct Captured {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    bytes: u64,
}

impl Captured {
    /// Adds more output.
    pub fn push(&mut self, mut more: &[u8]) {
        self.bytes += more.len() as u64;
        let room = KEPT - self.head.len();
        if room > 0 {
            let (head, rest) = more.split_at(room.min(more.len()));
            self.head.extend_from_slice(head);
            more = rest;
        }
        let last = &more[more.len().saturating_sub(KEPT)..];
        let too_many = (self.tail.len() + last.len()).saturating_sub(KEPT);
        self.tail.drain(..too_many);
        self.tail.extend(last);
    }

    /// Returns how many bytes were printed in all.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the first 64 KiB as they were printed.
    pub fn raw_head(&self) -> &[u8] {
        &self.head
    }

    /// Returns the last 64 KiB of what came after the head, as they were printed.
    pub fn raw_tail(&self) -> Vec<u8> {
        self.tail.iter().copied().collect()
    }

    /// Returns the first 64 KiB.
    pub fn head(&self) -> String {
        text(&self.head)
    }

    /// Returns the last 64 KiB of what came after the head; `None` if nothing did.
    pub fn tail(&self) -> Option<String> {
        let (a, b) = self.tail.as_slices();
        (!self.tail.is_empty()).then(|| text(&[a, b].concat()))
    }

    /// Returns the end of the output, at most `most` bytes.
    pub fn end(&self, most: usize) -> String {
        let all: Vec<u8> = self.head.iter().chain(&self.tail).copied().collect();
        text(&all[all.len().saturating_sub(most)..])
    }

    /// Returns the last line that is not blank, or at most its last 2,000 bytes.
    pub fn last_line(&self) -> Option<String> {
        let end = self.end(4000);
        let line = end.lines().rev().find(|line| !line.trim().is_empty())?.trim_end();
        let from = line.char_indices().map(|(i, _)| i).find(|i| line.len() - i <= 2000).unwrap_or(0);
        Some(line[from..].to_owned())
    }
}

/// Converts to text that PostgreSQL can store: NUL and invalid UTF-8 are escaped as `\x00`.
pub fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\0' {
                out.push_str("\\x00");
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// Cuts a text that is longer than `most` bytes, and says so at its end. `most` must be at least 100.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mark = format!(" [cut: {} bytes in all]", text.len());
    let end = (0..=most - mark.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{mark}", &text[..end])
}

/// Converts to text that every server encoding can represent: characters outside ASCII are escaped as `\u{e9}`.
pub fn ascii(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if c.is_ascii() {
            out.push(c)
        } else {
            out.extend(c.escape_unicode())
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_tail_are_kept_and_all_is_counted() {
        let mut captured = Captured::default();
        captured.push(b"first\n");
        for _ in 0..5000 {
            captured.push(&[b'x'; 999]);
        }
        captured.push(b"\nthe end\n\n");
        assert_eq!(captured.bytes(), 6 + 5000 * 999 + 10);
        assert!(captured.head().starts_with("first\nxxx") && captured.head().len() == KEPT);
        assert!(
            captured.tail().unwrap().ends_with("\nthe end\n\n") && captured.tail().unwrap().len() == KEPT
        );
        assert_eq!(captured.last_line().as_deref(), Some("the end"));
        let mut one = Captured::default();
        one.push(&vec![b'y'; 3 << 20]);
        assert_eq!(one.last_line().unwrap().len(), 2000);
        let mut short = Captured::default();
        short.push(b"ok");
        assert_eq!((short.head().as_str(), short.tail(), short.end(10).as_str()), ("ok", None, "ok"));
        assert_eq!(Captured::default().last_line(), None);
    }

    #[test]
    fn what_postgresql_cannot_hold_is_escaped() {
        assert_eq!(text(b"a\0b\xffc\xc3\xa9"), "a\\x00b\\xffcé");
        assert_eq!(ascii("é\n€"), "\\u{e9}\n\\u{20ac}");
    }
}

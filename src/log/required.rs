//! Texts of which one is in every row that a `--grep` keeps. Searching an entry for them is much faster than making
//! a row of it.

use regex::bytes::Regex;
use regex_syntax::hir::literal::{ExtractKind, Extractor};

use super::record::Record;

/// The most texts that are searched for.
const MOST: usize = 8;
/// A shorter text would be in nearly every entry.
const SHORTEST: usize = 3;

/// A pattern that matches exactly these texts.
#[derive(Debug, Clone)]
pub struct Required(Regex);

impl Required {
    /// Extracts the texts from a pattern; `None` if there are none, or if they could be in a row but not in its
    /// entry.
    pub fn of(pattern: &Regex) -> Option<Required> {
        let hir = regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern.as_str()).ok()?;
        [ExtractKind::Prefix, ExtractKind::Suffix].into_iter().find_map(|kind| {
            let found = Extractor::new().kind(kind).extract(&hir);
            let texts = found.literals()?;
            let sound: Option<Vec<String>> =
                texts.iter().map(|text| Some(regex::escape(sound(text.as_bytes())?))).collect();
            let sound = sound.filter(|texts| (1..=MOST).contains(&texts.len()))?;
            Regex::new(&sound.join("|")).ok().map(Required)
        })
    }

    /// Returns where the first of the texts begins.
    pub fn first_in(&self, text: &[u8]) -> Option<usize> {
        self.0.find(text).map(|found| found.start())
    }

    /// Returns whether a row made from this text may match.
    pub fn may_be_in(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// Returns whether a row made from this entry may match.
    pub fn may_be_of(&self, record: &Record) -> bool {
        [
            &record.message,
            &record.statement,
            &record.detail,
            &record.context,
            &record.hint,
            &record.application,
            &record.user,
            &record.database,
            &record.client,
            &record.severity,
            &record.sqlstate,
        ]
        .into_iter()
        .any(|text| !text.is_empty() && self.may_be_in(text))
    }
}

/// Returns the part of this text that is in an entry's own bytes whenever the text is in its row; `None` if there
/// is no such part. The texts of a row are pieces of those of its entry. But characters that tsv, csv, JSON and XML
/// escape may be stored as other bytes; times, numbers and a port are formatted anew; and so are the words that
/// replace a message of any language.
fn sound(text: &[u8]) -> Option<&str> {
    let plain = text.iter().all(|b| (b' '..=b'~').contains(b) && !b"\\\"<>&".contains(b));
    let port =
        text.iter().enumerate().any(|(i, b)| *b == b':' && text.get(i + 1).is_none_or(u8::is_ascii_digit));
    let written_anew = ["statement", "duration", "plan"]
        .iter()
        .any(|word| memchr::memmem::find(word.as_bytes(), text).is_some());
    // The text may begin in the middle of an escape: the row has \n or \x1b where the entry has one byte.
    let hex = |bytes: &[u8]| bytes.iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count();
    let escaped = match text {
        [b'x', digits @ ..] if hex(digits) == 2 => 3,
        [b'n' | b'r' | b't' | b'v', ..] => 1,
        _ => hex(text),
    };
    let text = text.get(escaped..)?;
    let is_number = text.iter().all(|b| b.is_ascii_digit() || b"-:.+TZe".contains(b));
    let is_sound = text.len() >= SHORTEST && plain && !is_number && !port && !written_anew;
    std::str::from_utf8(text).ok().filter(|_| is_sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_required_only_where_every_match_has_it_in_its_entry() {
        let of = |pattern: &str| Required::of(&Regex::new(pattern).unwrap());
        for (pattern, has, lacks) in [
            ("deadlock", "a deadlock detected", "a dead lock"),
            ("deadlock|Seq Scan", "-> Seq Scan on t", "Index Scan"),
            ("deadlock.*shop", "deadlock", "shop"),
            (".*deadlock", "deadlock", "x"),
            ("(?i:no)pe", "Nope", "x"),
            ("^ERROR", "ERROR", "x"),
            ("nSELECT", "a\nSELECT", "a\nINSERT"),
            ("x1b\\[31m", "\x1b[31m", "x"),
            ("b[\\[]31m", "\x1b[31m", "x"),
        ] {
            let required = of(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert!(required.may_be_in(has.as_bytes()) && !required.may_be_in(lacks.as_bytes()), "{pattern}");
        }
        for pattern in [
            "",
            ".",
            "a",
            "\\w+",
            "x*",
            "2026-11-24",
            "12.5",
            "\\tERROR",
            "a\\\\b",
            "\"x\"",
            "a<b",
            "é",
            // In the midst of an escape there is nothing else left of these.
            "nab",
            "x1bab",
            "1bab",
            "host:54",
            "statement",
            "tate",
            "duration",
            "T06",
            "(abc)?",
            "abc|.",
            "\\x00abc",
        ] {
            assert!(of(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn no_row_that_matches_is_left_out() {
        let mut random = fastrand::Rng::with_seed(7);
        let words = [
            "deadlock",
            "SELECT",
            "shop",
            "a b",
            "x:1",
            "plan:",
            "Seq Scan",
            "2026",
            "é",
            "\\",
            "\"",
            "\t",
            "a\nSELECT",
            "\u{1b}[31m",
        ];
        let escaped = ["42P01", "nSELECT", "x1b[31m", "1b[31", "b[31m"];
        for _ in 0..3000 {
            let pick = |random: &mut fastrand::Rng| words[random.usize(..words.len())];
            let pattern = match random.u8(..5) {
                4 => regex::escape(escaped[random.usize(..escaped.len())]),
                0 => regex::escape(pick(&mut random)),
                1 => format!("{}.*{}", regex::escape(pick(&mut random)), regex::escape(pick(&mut random))),
                2 => format!("{}|{}", regex::escape(pick(&mut random)), regex::escape(pick(&mut random))),
                _ => format!("(?i){}", regex::escape(pick(&mut random))),
            };
            let pattern = Regex::new(&pattern).unwrap();
            let record = Record {
                message: format!(
                    "duration: 1 ms  {}: {} {}",
                    ["statement", "execute s"][random.usize(..2)],
                    pick(&mut random),
                    pick(&mut random)
                )
                .into(),
                detail: pick(&mut random).into(),
                user: pick(&mut random).into(),
                sqlstate: ["42P01", "00000"][random.usize(..2)].into(),
                ..Record::default()
            };
            let shape = record.shape();
            let mut line = Vec::new();
            for text in [
                &record.user,
                &record.sqlstate,
                &shape.message.to_vec(),
                &shape.statement.to_vec(),
                &shape.detail.to_vec(),
            ] {
                // As tsv has it.
                let text = String::from_utf8_lossy(text).replace('\\', "\\\\").replace('\t', "\\t");
                let text = text.replace('\n', "\\n").replace('\u{1b}', "\\x1b");
                line.extend_from_slice(text.as_bytes());
                line.push(b'\t');
            }
            if pattern.is_match(&line)
                && let Some(required) = Required::of(&pattern)
            {
                assert!(required.may_be_of(&record), "{pattern} {record:?}");
            }
        }
    }
}

//! Texts of a log in encodings other than UTF-8. The server writes a message in the encoding of the session's database, so one
//! log may have texts in several encodings. Nothing in the log names them. An encoding is recognized by the words of the server's
//! translations.

use std::borrow::Cow;
use std::sync::LazyLock;

use encoding_rs as rs;
use encoding_rs::Encoding;
use regex::bytes::Regex;

use super::record::Record;
use super::words;

/// The encodings, besides UTF-8, that databases may have and that the server's translations can be written in.
static ENCODINGS: [&Encoding; 13] = [
    rs::WINDOWS_1252,
    rs::ISO_8859_15,
    rs::WINDOWS_1250,
    rs::ISO_8859_2,
    rs::WINDOWS_1251,
    rs::KOI8_R,
    rs::KOI8_U,
    rs::ISO_8859_5,
    rs::IBM866,
    rs::WINDOWS_1254,
    rs::EUC_JP,
    rs::EUC_KR,
    rs::GB18030,
];

/// The number of bytes at the beginning of a line or message that are searched for characters beyond ASCII. The server's own words
/// are there.
const BEGINNING: usize = 256;

/// Matches any word of the server's translations that is not plain ASCII.
static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words: Vec<String> = words::beyond_ascii().map(regex::escape).collect();
    Regex::new(&words.join("|")).ok()
});

/// Turns the texts of a log into UTF-8.
#[derive(Debug, Clone, Default)]
pub struct Legacy {
    /// The encoding of the last text that was not UTF-8. It is tried first.
    last: Option<&'static Encoding>,
    /// The encoding of the current entry, if its beginning was not UTF-8.
    of_entry: Option<&'static Encoding>,
}

impl Legacy {
    /// Returns a line in UTF-8. A line that is in UTF-8 already, or whose encoding is not recognized, is returned unchanged.
    /// `continues` says whether the line belongs to the same entry as the line before it.
    pub fn line<'a>(&mut self, line: &'a [u8], continues: bool) -> Cow<'a, [u8]> {
        if !continues {
            self.of_entry = None;
        }
        if line[..line.len().min(BEGINNING)].is_ascii() || self.is_utf8(line) {
            return line.into();
        }
        let Some(encoding) = self.of(line).or(self.of_entry) else { return line.into() };
        self.of_entry = Some(encoding);
        utf8(encoding, line).map_or(line.into(), Cow::Owned)
    }

    /// Returns a line of jsonlog in UTF-8. Each line is an entry; otherwise see [`Legacy::line`].
    pub fn json<'a>(&mut self, line: &'a [u8]) -> Cow<'a, [u8]> {
        if line.is_ascii() || self.is_utf8(line) {
            return line.into();
        }
        self.of(line).and_then(|encoding| utf8(encoding, line)).map_or(line.into(), Cow::Owned)
    }

    /// Turns the texts of a record into UTF-8, if their encoding is recognized by its severity or its message.
    pub fn record(&mut self, record: &mut Record) {
        let beginning = &record.message[..record.message.len().min(BEGINNING)];
        if record.severity.is_ascii() && beginning.is_ascii() {
            return;
        }
        let both = [&record.severity[..], b":  ", &record.message].concat();
        if self.is_utf8(&both) {
            return;
        }
        let Some(encoding) = self.of(&both) else { return };
        for text in [
            &mut record.user,
            &mut record.database,
            &mut record.application,
            &mut record.severity,
            &mut record.message,
            &mut record.detail,
            &mut record.hint,
            &mut record.context,
            &mut record.statement,
        ] {
            if let Some(decoded) = utf8(encoding, text) {
                *text = decoded;
            }
        }
    }

    /// Returns whether a text is in UTF-8. A text in another encoding may be valid UTF-8 by chance. It is recognized if it has a
    /// word of the server in the encoding that was found last, but none in UTF-8.
    fn is_utf8(&self, text: &[u8]) -> bool {
        let has_word = |text: &[u8]| WORDS.as_ref().is_some_and(|words| words.is_match(text));
        std::str::from_utf8(text).is_ok()
            && !self.last.is_some_and(|last| {
                !has_word(text) && utf8(last, text).is_some_and(|decoded| has_word(&decoded))
            })
    }

    /// Returns the encoding in which this text has a word of the server's translations.
    fn of(&mut self, text: &[u8]) -> Option<&'static Encoding> {
        let words = WORDS.as_ref()?;
        let shows = |encoding: &&'static Encoding| {
            utf8(encoding, text).is_some_and(|decoded| words.is_match(&decoded))
        };
        let found = self.last.into_iter().chain(ENCODINGS).find(shows);
        self.last = found.or(self.last);
        found
    }
}

/// Returns several lines in UTF-8.
pub fn lines(text: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(text).is_ok() {
        return text.into();
    }
    let mut legacy = Legacy::default();
    let lines = text.split_inclusive(|b| *b == b'\n');
    lines.flat_map(|line| legacy.line(line, line.starts_with(b"\t")).into_owned()).collect::<Vec<u8>>().into()
}

/// Decodes a text; `None` if it is not in this encoding.
fn utf8(encoding: &'static Encoding, text: &[u8]) -> Option<Vec<u8>> {
    let decoded = encoding.decode_without_bom_handling_and_without_replacement(text)?;
    Some(decoded.into_owned().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_server_shows_the_encoding_and_nothing_else_does() {
        let mut legacy = Legacy::default();
        let mut tried = 0;
        for word in words::beyond_ascii() {
            for encoding in ENCODINGS {
                let (text, _, has_errors) = encoding.encode(word);
                if has_errors || text.is_ascii() || std::str::from_utf8(&text).is_ok() {
                    continue;
                }
                let mut fresh = Legacy::default();
                let shown = fresh.line(&text, false);
                assert!(
                    words::beyond_ascii().any(|one| String::from_utf8_lossy(&shown).contains(one)),
                    "{word}"
                );
                tried += 1;
            }
        }
        assert!(tried > 200, "{tried}");
        // These are returned unchanged: English messages, whatever the encoding of the data in them, and texts in UTF-8.
        for line in [&b"ERROR:  caf\xe9"[..], "FEHLER:  é".as_bytes(), b"LOG:  statement: SELECT '\xc3\x28'"]
        {
            assert_eq!(legacy.line(line, false), line);
        }
        let entry = [&b"dur\xe9e : 1.5 ms"[..], b"\tSELECT '\xe9'"];
        assert_eq!(legacy.line(entry[0], false), "durée : 1.5 ms".as_bytes());
        assert_eq!(legacy.line(entry[1], true), "\tSELECT 'é'".as_bytes());
        assert_eq!(legacy.line(entry[1], false), entry[1]);
    }
}

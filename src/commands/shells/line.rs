//! A command line that is still being typed, as a shell will read it.

use clap_complete::CompletionCandidate;

/// Which quote is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// None.
    None,
    /// `'`
    Single,
    /// `"`
    Double,
}

impl Quote {
    /// The character.
    pub fn mark(self) -> Option<char> {
        match self {
            Quote::None => None,
            Quote::Single => Some('\''),
            Quote::Double => Some('"'),
        }
    }
}

/// A line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Its words without their quotes; the last is the one that is being typed, and may be empty.
    pub words: Vec<String>,
    /// What is open at its end.
    pub quote: Quote,
    /// Whether it ends in a backslash whose quoted character is yet to be typed.
    pub escaped: bool,
}

/// Reads a simple command as bash and zsh do. `None` if the line holds more than words and redirections, or ends
/// in the name of a redirection's file, so that there is nothing to complete.
pub fn read(text: &str) -> Option<Line> {
    let mut words = Vec::new();
    // `None` between words.
    let mut word: Option<String> = None;
    let mut quote = Quote::None;
    let mut escaped = false;
    // Whether the next word belongs to a redirection.
    let mut redirected = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::Single, c) => word.get_or_insert_default().push(c),
            // Other rules apply within these quotes and substitutions.
            (_, '`') => return None,
            (_, '$') if matches!(chars.peek(), Some('(')) => return None,
            (Quote::None, '$') if matches!(chars.peek(), Some('\'' | '"')) => return None,
            (Quote::Double, '\\') => match chars.peek() {
                Some('$' | '`' | '"' | '\\') => word.get_or_insert_default().extend(chars.next()),
                Some(_) => word.get_or_insert_default().push('\\'),
                None => escaped = true,
            },
            (Quote::Double, c) => word.get_or_insert_default().push(c),
            (Quote::None, '\\') => match chars.next() {
                Some(c) => word.get_or_insert_default().push(c),
                None => escaped = true,
            },
            (Quote::None, '\'' | '"') => {
                quote = if c == '"' { Quote::Double } else { Quote::Single };
                word.get_or_insert_default();
            }
            (Quote::None, ' ' | '\t') => {
                let done = word.take();
                if done.is_some() && redirected {
                    redirected = false;
                } else {
                    words.extend(done);
                }
            }
            (Quote::None, '<' | '>') => {
                // The digits before it are the file descriptor.
                let before = word.take().filter(|w| !w.bytes().all(|b| b.is_ascii_digit()));
                words.extend(before.filter(|_| !redirected));
                while chars.next_if(|c| matches!(c, '<' | '>' | '&' | '|')).is_some() {}
                redirected = true;
            }
            (Quote::None, ';' | '&' | '|' | '(' | ')' | '\n') => return None,
            (Quote::None, '#') if word.is_none() => return None,
            (Quote::None, c) => word.get_or_insert_default().push(c),
        }
    }
    if redirected {
        return None;
    }
    words.push(word.unwrap_or_default());
    Some(Line { words, quote, escaped })
}

/// Returns one word without its quotes, as bash and zsh read it; unchanged if it is more than one word.
pub fn word(raw: &str) -> String {
    match read(raw).map(|line| line.words) {
        Some(mut words) if words.len() == 1 => words.swap_remove(0),
        _ => raw.to_owned(),
    }
}

/// Returns the beginning of a fish word without its quotes. In fish both kinds of quotes allow backslash escapes.
pub fn fish_word(raw: &str) -> String {
    let mut word = String::new();
    let mut open = None;
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match (open, c) {
            (None, '\'' | '"') => open = Some(c),
            (Some(quote), c) if c == quote => open = None,
            (None, '\\') => word.extend(chars.next()),
            (Some('\''), '\\') => word.push(chars.next_if(|c| matches!(c, '\\' | '\'')).unwrap_or('\\')),
            (Some(_), '\\') => word.push(chars.next_if(|c| matches!(c, '\\' | '"' | '$')).unwrap_or('\\')),
            _ => word.push(c),
        }
    }
    word
}

pub(super) fn value(candidate: &CompletionCandidate) -> String {
    candidate.get_value().to_string_lossy().into_owned()
}

/// Returns what is inserted for each candidate.
pub(super) fn values(candidates: Vec<CompletionCandidate>) -> impl Iterator<Item = String> {
    candidates.into_iter().map(|c| value(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_up_to_the_cursor() {
        let line = |text| read(text).map(|l| (l.words.join("|"), l.quote, l.escaped));
        let plain = |words: &str| Some((words.to_owned(), Quote::None, false));
        assert_eq!(line("pgkit -d wa"), plain("pgkit|-d|wa"));
        assert_eq!(line("pgkit  -d "), plain("pgkit|-d|"));
        assert_eq!(line(r#"pgkit a'b c'"d\"\x"\ e '' "#), plain(r#"pgkit|ab cd"\x e||"#));
        assert_eq!(line("pgkit 'wa \\\" "), Some(("pgkit|wa \\\" ".to_owned(), Quote::Single, false)));
        assert_eq!(line("pgkit x\"wa'"), Some(("pgkit|xwa'".to_owned(), Quote::Double, false)));
        assert_eq!(line("pgkit wa\\"), Some(("pgkit|wa".to_owned(), Quote::None, true)));
        assert_eq!(line("pgkit $HOST \"$X"), Some(("pgkit|$HOST|$X".to_owned(), Quote::Double, false)));
        assert_eq!(line("pgkit 2>err a>b>&2 >| c wa"), plain("pgkit|a|wa"));
        for other in [
            "a $(b", "a \"$(b", "a `b", "a \"`b", "a;b", "a|b", "a&b", "a $'b", "a #b", "a >b", "a 2>",
            "a <(b",
        ] {
            assert_eq!(line(other), None, "{other}");
        }
    }

    #[test]
    fn a_word_of_fish_is_read_by_its_rules() {
        for (raw, is) in [
            ("a\\ b", "a b"),
            ("'a\\'\\\\\\b\"", "a'\\\\b\""),
            ("\"a\\\"\\$\\b'", "a\"$\\b'"),
            ("a'b'\"c", "abc"),
        ] {
            assert_eq!(fish_word(raw), is, "{raw}");
        }
    }
}

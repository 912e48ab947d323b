//! Candidates as bash may insert them.
//!
//! readline puts a candidate, or what all of them begin with, in the place of the region that it found: the text behind an
//! open quote, else behind the last word break (`COMP_WORDBREAKS` holds `=`, `:` and `@`). It quotes
//! nothing. The quote that is open stays, except that one in front of the candidate takes its place, and it is added at the
//! end, except where the candidate ends in one. So the part of the name that stands before the region is taken off, and the rest is quoted
//! for the state in which the region begins.
//!
//! Completion is told one line, not those before it: on the second line of an open quote, or between backquotes, that state
//! is a guess. Therefore each quoted character is one that is harmless, if not right, in every state: what a shell acts on
//! follows a backslash that quotes it outside quotes, between pairs of quotes that belong to the same character, so that it
//! is literal too where these open instead of close. A `$`, which a backslash between backquotes would not keep, never
//! comes before a bracket or a name, and a backquote never comes at all.

use clap_complete::CompletionCandidate;

use super::line::{self, Quote};

/// What fits at the end of this line, one candidate a line, as it shall stand in the place of the region.
pub fn answer(
    text: &str,
    region: &str,
    find: impl FnOnce(Vec<String>) -> Vec<CompletionCandidate>,
) -> String {
    let Some((before, quote, words)) = place(text, region) else { return String::new() };
    let found = super::values(find(words));
    let mut quoted: Vec<Vec<String>> =
        found.filter_map(|value| Some(quoted(value.strip_prefix(&before)?, quote))).collect();
    part(&mut quoted, quote);
    for units in &mut quoted {
        let Some(mark) = quote.mark() else { break };
        // readline takes a quote in front for the one that is open, and puts none behind one at the end.
        if units.first().is_some_and(|u| u.starts_with(mark)) {
            units.insert(0, mark.to_string());
        }
        if units.last().is_some_and(|u| u.ends_with(mark)) {
            units.push(mark.to_string());
        }
    }
    quoted.into_iter().map(|units| units.concat() + "\n").collect()
}

/// The part of the typed word before the region, the state in which the region begins, and all words.
fn place(text: &str, region: &str) -> Option<(String, Quote, Vec<String>)> {
    let mut head = line::read(text.strip_suffix(region)?)?;
    let whole = line::read(text)?;
    // Where readline sees it otherwise, nothing is sure.
    if head.escaped || head.quote != whole.quote || head.words.len() != whole.words.len() {
        return None;
    }
    Some((head.words.pop()?, head.quote, whole.words))
}

/// Each character as it must stand in this state.
fn quoted(text: &str, quote: Quote) -> Vec<String> {
    let unquoted = |c: char| match c {
        '`' => "$'\\x60'".to_owned(),
        '$' | '\\' => format!("'{c}'"),
        '_' | '-' | '.' | '/' | ',' | ':' | '@' | '%' | '+' | '=' => c.to_string(),
        c if c.is_ascii_alphanumeric() || (!c.is_ascii() && !c.is_whitespace()) => c.to_string(),
        c => format!("\\{c}"),
    };
    let within = |c: char, mark: char| match c {
        '`' => format!("{mark}$'\\x60'{mark}"),
        '$' | '\\' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '!' => format!("{mark}\\{c}{mark}"),
        c if c == mark => format!("{mark}\\{c}{mark}"),
        c => c.to_string(),
    };
    text.chars()
        .map(|c| match quote {
            Quote::None => unquoted(c),
            Quote::Single => within(c, '\''),
            Quote::Double => within(c, '"'),
        })
        .collect()
}

/// readline inserts what all candidates begin with. Where that would end within a character's quotes, an empty pair of quotes
/// in one of the candidates makes it end before them; within an open quote, where the pair would be such a beginning too,
/// it stands in front, and nothing is inserted.
fn part(candidates: &mut [Vec<String>], quote: Quote) {
    let Some((last, others)) = candidates.split_last_mut() else { return };
    let common = (0..last.len()).find(|&i| others.iter().any(|o| o.get(i) != last.get(i)));
    let Some(at) = common else { return };
    let first = |units: &[String]| units.get(at).and_then(|u| u.chars().next());
    if others.iter().all(|o| first(o) == first(last)) {
        match quote {
            Quote::None => last.insert(at, "\"\"".to_owned()),
            Quote::Single => last.insert(0, "''".to_owned()),
            Quote::Double => last.insert(0, "\"\"".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_and_what_stands_before_it_are_told_apart() {
        let at = |text, region| place(text, region).map(|(before, quote, _)| (before, quote));
        assert_eq!(at("pgkit -d wa", "wa"), Some((String::new(), Quote::None)));
        assert_eq!(at("pgkit --dbname=wa", "wa"), Some(("--dbname=".to_owned(), Quote::None)));
        assert_eq!(at("pgkit -d 'a b'\\''c", "c"), Some(("a b'".to_owned(), Quote::Single)));
        assert_eq!(at("pgkit -d \"wa\\", "wa\\"), Some((String::new(), Quote::Double)));
        // Another region than readline's is refused.
        assert_eq!(at("pgkit -d wa", "xa"), None);
        assert_eq!(at("pgkit -d wa", "-d wa"), None);
        assert_eq!(at("pgkit -d 'wa", "'wa"), None);
        assert_eq!(at("pgkit -d w\\a", "a"), None);
    }

    #[test]
    fn what_two_candidates_begin_with_ends_between_characters() {
        let parted = |names: [&str; 2], quote| {
            let mut all = names.map(|n| quoted(n, quote));
            part(&mut all, quote);
            all.map(|units| units.concat())
        };
        assert_eq!(parted(["a;b", "a b"], Quote::None), ["a\\;b", "a\"\"\\ b"]);
        assert_eq!(parted(["a;b", "a;c"], Quote::None), ["a\\;b", "a\\;c"]);
        assert_eq!(parted(["a$", "a\\"], Quote::None), ["a'$'", "a\"\"'\\'"]);
        assert_eq!(parted(["a", "ab"], Quote::None), ["a", "ab"]);
        assert_eq!(parted(["a;b", "a$b"], Quote::Single), ["a'\\;'b", "''a'\\$'b"]);
        assert_eq!(parted(["a;b", "a b"], Quote::Double), ["a\"\\;\"b", "a b"]);
    }
}

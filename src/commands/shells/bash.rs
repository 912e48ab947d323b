//! Candidates as bash may insert them.
//!
//! readline replaces a region of the line: the text after an open quote, or else after the last word break
//! (`COMP_WORDBREAKS` holds `=`, `:` and `@`). It inserts the candidate, or what all candidates begin with, and
//! quotes nothing. An open quote stays and is closed after the candidate, unless the candidate itself begins or
//! ends with that quote. So pgkit removes the part of the name that comes before the region, and quotes the rest
//! for the state in which it begins.
//!
//! Completion sees only the last line. On the second line of an open quote, or between backquotes, the state is a
//! guess. Therefore each character is quoted in a form that runs nothing in any state, even where it is not right:
//!
//! * Within quotes, a character that the shell acts on gets a backslash and a pair of quotes around it. It is literal
//!   both where these quotes close and open, and where they open and close.
//! * A `$` never stands before a bracket or a name, since a backslash between backquotes would not protect it.
//! * A backquote is never inserted.

use clap_complete::CompletionCandidate;

use super::line::{self, Quote};

/// Returns the candidates for the end of this line, one per line, as readline shall insert them in place of the
/// region.
pub fn answer(
    text: &str,
    region: &str,
    find: impl FnOnce(Vec<String>) -> Vec<CompletionCandidate>,
) -> String {
    let Some((before, quote, words)) = place(text, region) else { return String::new() };
    let found = line::values(find(words));
    let mut quoted: Vec<Vec<String>> =
        found.filter_map(|value| Some(quoted(value.strip_prefix(&before)?, quote))).collect();
    part(&mut quoted, quote);
    for units in &mut quoted {
        let Some(mark) = quote.mark() else { break };
        // readline takes a quote at the beginning for the open one, and adds none behind a quote at the end.
        if units.first().is_some_and(|u| u.starts_with(mark)) {
            units.insert(0, mark.to_string());
        }
        if units.last().is_some_and(|u| u.ends_with(mark)) {
            units.push(mark.to_string());
        }
    }
    quoted.into_iter().map(|units| units.concat() + "\n").collect()
}

/// Returns the part of the typed word before the region, the state in which the region begins, and all words.
fn place(text: &str, region: &str) -> Option<(String, Quote, Vec<String>)> {
    let mut head = line::read(text.strip_suffix(region)?)?;
    let whole = line::read(text)?;
    // readline and pgkit read the line differently, so nothing is certain.
    if head.escaped || head.quote != whole.quote || head.words.len() != whole.words.len() {
        return None;
    }
    Some((head.words.pop()?, head.quote, whole.words))
}

/// Returns each character, quoted for this state.
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

/// Keeps the common beginning of all candidates, which readline inserts, from ending within the quotes of a
/// character. An empty pair of quotes in one candidate ends it before that character. Within an open quote the
/// pair is put at the very beginning, so that nothing is inserted.
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

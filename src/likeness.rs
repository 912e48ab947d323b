//! Suggestions for misspelt words.

/// The candidate most similar to this word, if its Jaro-Winkler similarity (0 to 1) exceeds `least`.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, least: f64) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > least)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_misspelt_is_recognised_and_another_word_is_not() {
        let words = ["backfill", "schedule", "command"];
        assert_eq!(nearest("backfil", words, 0.85), Some("backfill"));
        assert_eq!(nearest("shedule", words, 0.85), Some("schedule"));
        assert_eq!(nearest("xyzzy", words, 0.75), None);
    }
}

//! Defines the bytes of words and operators, and the words that change how the next token is read.

use std::sync::LazyLock;

/// The words that change how the next token is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    In,
    Values,
    Array,
    Is,
    Not,
    IsNot,
    Set,
    On,
    Returns,
    /// NULL, which is a constant unless the word before it says otherwise, as in IS NULL.
    Null,
    /// TRUE or FALSE, which are constants except after IS.
    Bool,
    /// A word after which the next name is one that programs generate.
    Naming,
    /// Any other word after which an operand begins.
    Other,
}

/// The classes of bytes: those of words, and those of operators. All others have the class 0.
const WORD: u8 = 1;
const OPERATOR: u8 = 2;

/// The class of each byte.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80 {
            classes[b] = WORD;
        }
        b += 1;
    }
    let operators = b"+-*/<>=~!@#%^&|`?";
    let mut at = 0;
    while at < operators.len() {
        classes[operators[at] as usize] = OPERATOR;
        at += 1;
    }
    classes
};

pub(super) fn is_word(b: u8) -> bool {
    CLASSES[usize::from(b)] == WORD
}

pub(super) fn is_operator(b: u8) -> bool {
    CLASSES[usize::from(b)] == OPERATOR
}

/// The words after which an operand can begin. Unlike a name, they do not turn a bracket that follows into a
/// function's.
const KEYWORDS: &[(&str, Keyword)] = &[
    ("in", Keyword::In),
    ("values", Keyword::Values),
    ("array", Keyword::Array),
    ("is", Keyword::Is),
    ("not", Keyword::Not),
    ("set", Keyword::Set),
    ("on", Keyword::On),
    ("returns", Keyword::Returns),
    ("null", Keyword::Null),
    ("true", Keyword::Bool),
    ("false", Keyword::Bool),
    ("select", Keyword::Other),
    ("from", Keyword::Other),
    ("where", Keyword::Other),
    ("and", Keyword::Other),
    ("or", Keyword::Other),
    ("as", Keyword::Other),
    ("by", Keyword::Other),
    ("having", Keyword::Other),
    ("limit", Keyword::Other),
    ("offset", Keyword::Other),
    ("between", Keyword::Other),
    ("like", Keyword::Other),
    ("ilike", Keyword::Other),
    ("similar", Keyword::Other),
    ("to", Keyword::Other),
    ("case", Keyword::Other),
    ("when", Keyword::Other),
    ("then", Keyword::Other),
    ("else", Keyword::Other),
    ("end", Keyword::Other),
    ("distinct", Keyword::Other),
    ("all", Keyword::Other),
    ("any", Keyword::Other),
    ("some", Keyword::Other),
    ("exists", Keyword::Other),
    ("union", Keyword::Other),
    ("intersect", Keyword::Other),
    ("except", Keyword::Other),
    ("join", Keyword::Other),
    ("using", Keyword::Other),
    ("returning", Keyword::Other),
    ("default", Keyword::Other),
    ("insert", Keyword::Other),
    ("into", Keyword::Other),
    ("update", Keyword::Other),
    ("delete", Keyword::Other),
    ("with", Keyword::Other),
    ("over", Keyword::Other),
    ("filter", Keyword::Other),
    ("within", Keyword::Other),
    ("group", Keyword::Other),
    ("order", Keyword::Other),
    ("partition", Keyword::Other),
    ("asc", Keyword::Other),
    ("desc", Keyword::Other),
    ("fetch", Keyword::Other),
    ("for", Keyword::Other),
    ("lateral", Keyword::Other),
    ("check", Keyword::Other),
    ("references", Keyword::Other),
    ("return", Keyword::Other),
    ("call", Keyword::Other),
    ("do", Keyword::Other),
];

/// Returns the bytes of a word as a number, because numbers are compared faster; 0 if the word is longer than any
/// keyword.
fn packed(word: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    match bytes.get_mut(..word.len()) {
        Some(to) => {
            to.copy_from_slice(word);
            u128::from_le_bytes(bytes)
        }
        None => 0,
    }
}

/// Returns the index of a word in [`TABLE`].
fn slot(word: u128) -> usize {
    let folded = (word as u64) ^ ((word >> 64) as u64);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55) as usize
}

/// The keywords by their hash.
static TABLE: LazyLock<Vec<Vec<(u128, Keyword)>>> = LazyLock::new(|| {
    let mut table = vec![Vec::new(); 512];
    for (word, keyword) in KEYWORDS {
        let packed = packed(word.as_bytes());
        table[slot(packed)].push((packed, *keyword));
    }
    table
});

/// Returns the keyword that a word in lower case is, if it is one.
pub(super) fn keyword(word: &[u8]) -> Option<Keyword> {
    let packed = packed(word);
    TABLE[slot(packed)].iter().find(|(known, _)| *known == packed && packed != 0).map(|(_, keyword)| *keyword)
}

//! Splits the text of a dump into statements, lists, names and clauses.

/// Returns the statements of a dump.
pub fn statements(dump: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut statement = String::new();
    let mut rest = dump;
    while let Some(next) = rest.chars().next() {
        if statement.is_empty() && (rest.starts_with("--") || rest.starts_with('\\') || next.is_whitespace())
        {
            // Skip comments, psql commands, and space between statements.
            let line =
                if next.is_whitespace() { next.len_utf8() } else { rest.find('\n').unwrap_or(rest.len()) };
            rest = &rest[line..];
            continue;
        }
        let length = token(rest);
        let (token, after) = rest.split_at(length);
        rest = after;
        // Semicolons in a function's body do not end the statement.
        let is_open = statement.contains("BEGIN ATOMIC") && !statement.ends_with("\nEND");
        if token == ";" && !is_open {
            all.push(std::mem::take(&mut statement));
        } else {
            statement.push_str(token);
        }
    }
    all
}

/// Returns the length of the first token: a quoted text, or one character.
pub fn token(text: &str) -> usize {
    let quoted =
        |open: &str, close: &str| text[open.len()..].find(close).map(|at| open.len() + at + close.len());
    let first = text.chars().next().unwrap_or(' ');
    let length = match first {
        '\'' => quoted("'", "'"),
        '"' => quoted("\"", "\""),
        '$' => {
            let tag = text[1..].find('$').map(|at| &text[..at + 2]);
            let tag =
                tag.filter(|tag| tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_'));
            tag.and_then(|tag| quoted(tag, tag))
        }
        _ => None,
    };
    length.unwrap_or(first.len_utf8())
}

/// Splits a text before each of these words, except in quotes and parentheses.
pub fn cut(text: &str, words: &[&str]) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        // The longest wins, so that NO MINVALUE is not split.
        let begins = text[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == ')');
        let is_word = |word: &&&str| {
            rest.starts_with(**word)
                && !rest[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
        };
        let found =
            words.iter().filter(|_| begins && depth == 0).filter(is_word).map(|word| word.len()).max();
        if found.is_some() {
            parts.push(String::new());
        }
        let length = found.unwrap_or_else(|| token(rest));
        match &rest[..length] {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        parts.last_mut().unwrap().push_str(&rest[..length]);
        at += length;
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Splits a list at its commas, except in quotes, parentheses and brackets.
pub fn members(list: &str) -> Vec<String> {
    let (mut depth, mut rest) = (0, list);
    let mut all = vec![String::new()];
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token(rest));
        rest = after;
        match token {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            _ => {}
        }
        if token == "," && depth == 0 {
            all.push(String::new());
        } else {
            all.last_mut().unwrap().push_str(token);
        }
    }
    all.iter().map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

/// Returns an identifier without its quotes.
pub fn unquoted(identifier: &str) -> String {
    match identifier.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => identifier.to_owned(),
    }
}

/// What is left to read of a statement.
pub struct Scan<'a>(pub &'a str);

impl<'a> Scan<'a> {
    /// Skips these words if they come next, and returns whether they did.
    pub fn eat(&mut self, words: &str) -> bool {
        let mut rest = self.0;
        for word in words.split(' ') {
            let Some(after) = rest.trim_start().strip_prefix(word) else { return false };
            if after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                return false;
            }
            rest = after;
        }
        self.0 = rest.trim_start();
        true
    }

    /// Skips the first of these that comes next, and returns it.
    pub fn eat_one(&mut self, all: &[&'static str]) -> Option<&'static str> {
        all.iter().find(|words| self.eat(words)).copied()
    }

    /// Reads a name of one or several parts, with its quotes.
    pub fn name(&mut self) -> String {
        let mut at = 0;
        while at < self.0.len() {
            let rest = &self.0[at..];
            let is_end = rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';'));
            if is_end {
                break;
            }
            at += token(rest);
        }
        let (name, rest) = self.0.split_at(at);
        self.0 = rest.trim_start();
        name.to_owned()
    }

    /// Reads the parentheses that come next, and returns what is inside.
    pub fn parentheses(&mut self) -> Option<&'a str> {
        let inner = self.0.strip_prefix('(')?;
        let (mut depth, mut at) = (1, 0);
        while depth > 0 {
            let length = token(&inner[at..]);
            match &inner[at..at + length] {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            at += length;
        }
        self.0 = inner[at..].trim_start();
        Some(&inner[..at - 1])
    }

    /// Returns everything that is left.
    pub fn rest(&self) -> &'a str {
        self.0
    }
}

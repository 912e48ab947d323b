//! Keeps names and messages from controlling a terminal or breaking a line.

use std::borrow::Cow;

/// Returns whether a terminal acts on this character instead of showing it (C0, DEL, C1, a bidirectional control, a
/// line or paragraph separator), or whether it is invisible and could disguise a name.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'
            | '\u{2066}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0001}' | '\u{E0020}'..='\u{E007F}')
}

/// Works like [`is_unsafe`], but accepts line feeds and tabs, which are part of a text of several lines.
pub fn is_unsafe_in_text(c: char) -> bool {
    !matches!(c, '\n' | '\t') && is_unsafe(c)
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
        c => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
    }
}

/// Returns a value as users see it in a table: on one line, with nothing that a terminal acts on.
pub fn terminal(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| !is_unsafe(c))
}

/// Returns text of several lines, for messages: like [`terminal`], but line feeds stay.
pub fn terminal_lines(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| c == '\n' || !is_unsafe(c))
}

/// Returns text of several lines that may be laid out with tabs, such as SQL: like [`terminal_lines`], but tabs
/// stay too.
pub fn terminal_text(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| !is_unsafe_in_text(c))
}

/// Returns finished JSON text in which everything that a terminal acts on is replaced with JSON's own escapes. Such
/// characters can occur only in strings.
pub fn json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Returns a word as a POSIX shell takes it: as it is if nothing in it means anything to a shell, otherwise in single
/// quotes. What a terminal acts on is written as `$'\ooo'`, which bash, ksh and zsh know; the octal digits keep the
/// word in one piece in a shell that does not know it.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    if !word.chars().any(is_unsafe) {
        return Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")));
    }
    let mut out = String::from("$'");
    for c in word.chars() {
        if is_unsafe(c) || matches!(c, '\'' | '\\') {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("\\{byte:03o}"));
            }
        } else {
            out.push(c);
        }
    }
    out.push('\'');
    Cow::Owned(out)
}

fn escape_unless(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&keep) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if keep(c) {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_shown_and_what_is_text_stays() {
        assert_eq!(terminal("\u{1b}[31mred\u{7}\u{7f}\u{85}"), "\\x1b[31mred\\x07\\x7f\\x85");
        assert_eq!(terminal("a\tb\nc"), "a\\tb\\nc");
        assert_eq!(terminal("\u{202e}rtl \u{2066}x"), "\\u{202e}rtl \\u{2066}x");
        assert_eq!(terminal("表 🐘 👩\u{200d}👩 naïve\u{308}"), "表 🐘 👩\u{200d}👩 naïve\u{308}");
        assert!(matches!(terminal("plain"), Cow::Borrowed(_)));
        assert_eq!(terminal_lines("a\nb\u{1b}c"), "a\nb\\x1bc");
        assert_eq!(terminal_text("a\n\tb\r"), "a\n\tb\\r");
        assert_eq!(json("[\"\u{7f}\u{202e}\u{e0020}\"]"), "[\"\\u007f\\u202e\\udb40\\udc20\"]");
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        assert_eq!(shell_word("app_user"), "app_user");
        assert_eq!(shell_word("it's; rm"), "'it'\\''s; rm'");
        for word in
            ["", "a b", "$(rm)", "`rm`", "\"x\".\"y\"", "it's", "~", "*", "!!", "#", "\\", "-x", "naïve"]
        {
            assert_eq!(said("sh", word), word);
        }
        for word in ["a\nb", "\u{1b}[31m'\\x", "\u{202e}rtl", "\t$(rm)", "\n'; rm"] {
            assert_eq!(said("bash", word), word);
            assert!(!shell_word(word).chars().any(is_unsafe));
            // Another shell may read something else, but still one word.
            assert!(!said("sh", word).is_empty());
        }
    }

    /// What a shell hands to a program as its only argument.
    fn said(shell: &str, word: &str) -> String {
        let line = format!("set -- {}; test $# = 1 || exit; printf %s \"$1\"", shell_word(word));
        let output = std::process::Command::new(shell).args(["-c", &line]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{word:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

//! Shows findings on a terminal, one per paragraph.

use anstyle::AnsiColor;

use crate::escape;
use crate::render::Style;
use crate::wrap::wrapped;

/// The indentation of the lines below the first one of a finding.
const INDENT: &str = "       ";

/// A finding as a paragraph: the severity, what is wrong, and named lines.
pub struct Paragraph {
    pub severity: String,
    pub color: anstyle::Style,
    /// The text after the severity.
    pub head: String,
    /// The name of each line, its text, and whether the text is prose. Prose is wrapped; other text stays on one line,
    /// so that it can be copied.
    pub lines: Vec<(&'static str, String, bool)>,
}

/// Returns the color of a severity by its rank: 0 is critical, 1 a warning, 2 unseen, and anything else a note.
pub fn color(rank: usize) -> anstyle::Style {
    match rank {
        0 => AnsiColor::Red.on_default().bold(),
        1 => AnsiColor::Yellow.on_default(),
        2 => AnsiColor::Magenta.on_default(),
        _ => anstyle::Style::new().dimmed(),
    }
}

fn paint(style: &Style, with: anstyle::Style, text: &str) -> String {
    if style.color { format!("{with}{text}{with:#}") } else { text.to_owned() }
}

impl Paragraph {
    /// Appends the paragraph to `out`, wrapped at the terminal's width. Its texts must be safe for a terminal.
    pub fn write(&self, style: &Style, out: &mut Vec<u8>) {
        let width = style.width.unwrap_or(usize::MAX);
        let mut lines = String::new();
        let severity = &self.severity;
        let head = wrapped(&format!("{severity}  {}", self.head), width);
        for (i, line) in head.iter().enumerate() {
            match line.strip_prefix(severity.as_str()).filter(|_| i == 0) {
                Some(rest) => lines.push_str(&format!("{}{rest}\n", paint(style, self.color, severity))),
                None => lines.push_str(&format!("{line}\n")),
            }
        }
        for (name, value, is_prose) in self.lines.iter().filter(|(_, value, _)| !value.is_empty()) {
            let beside = width.saturating_sub(INDENT.len() + name.len() + 2);
            let text = if *is_prose { wrapped(value, beside) } else { vec![value.clone()] };
            let shown = paint(style, anstyle::Style::new().dimmed(), name);
            let below = format!("\n{INDENT}{}  ", " ".repeat(name.len()));
            lines.push_str(&format!("{INDENT}{shown}  {}\n", text.join(&below)));
        }
        out.extend_from_slice(lines.as_bytes());
    }
}

/// Returns the text with everything escaped that a terminal must not receive.
pub fn safe(text: &str) -> String {
    escape::terminal(text).into_owned()
}

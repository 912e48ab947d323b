//! Shows findings to a person on a terminal: one per paragraph, first what is wrong, then why and what to do.

use crate::escape;
use crate::render::{Format, Style};
use crate::rows::cell::Cell;
use crate::rows::plain::plain;
use crate::wrap::wrapped;

/// The indentation of the lines that belong to a finding.
const INDENT: &str = "       ";

/// Prints one paragraph per row; the columns are those of the command.
pub(super) struct Paragraphs {
    style: Style,
}

impl Paragraphs {
    pub(super) fn new(style: &Style) -> Paragraphs {
        Paragraphs { style: style.clone() }
    }

    fn paint(&self, style: anstyle::Style, text: &str) -> String {
        if self.style.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

impl Format for Paragraphs {
    fn head(&mut self, _out: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let text = |i: usize| {
            let value = cells.get(i).map(|cell| plain(cell).into_owned()).unwrap_or_default();
            escape::terminal(&value).into_owned()
        };
        let [severity, database, object, problem, fix, why, sql] = [0, 1, 2, 3, 4, 5, 6].map(text);
        let color = match severity.as_str() {
            "stops" => anstyle::AnsiColor::Red.on_default().bold(),
            "unseen" => anstyle::AnsiColor::Magenta.on_default(),
            "hurts" => anstyle::AnsiColor::Yellow.on_default(),
            _ => anstyle::Style::new().dimmed(),
        };
        let place = if database.is_empty() { String::new() } else { format!("{database}: ") };
        let width = self.style.width.unwrap_or(usize::MAX);
        let mut lines = String::new();
        let head = wrapped(&format!("{severity}  {place}{object} {problem}"), width);
        for (i, line) in head.iter().enumerate() {
            match line.strip_prefix(&severity).filter(|_| i == 0) {
                Some(rest) => lines.push_str(&format!("{}{rest}\n", self.paint(color, &severity))),
                None => lines.push_str(&format!("{line}\n")),
            }
        }
        // Text that is to be pasted elsewhere stays on one line.
        for (name, value, is_prose) in [("why", why, true), ("fix", fix, false), ("sql", sql, false)] {
            if value.is_empty() {
                continue;
            }
            let beside = width.saturating_sub(INDENT.len() + name.len() + 2);
            let text = if is_prose { wrapped(&value, beside) } else { vec![value] };
            let name = self.paint(anstyle::Style::new().dimmed(), name);
            lines.push_str(&format!("{INDENT}{name}  {}\n", text.join(&format!("\n{INDENT}     "))));
        }
        out.extend_from_slice(lines.as_bytes());
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_paragraph_without_what_it_does_not_have() {
        let style = Style {
            all_columns: false,
            tree: None,
            sections: None,
            header: None,
            color: false,
            width: None,
            one_line: false,
            csv_safe: false,
            zone: crate::render::local_zone(),
        };
        let text = |text: &'static str| Cell::Text(text.into());
        let mut out = Vec::new();
        let cells = [text("stops"), text("d\nb"), text("table t"), text("is bad"), text("mend it")];
        Paragraphs::new(&style).row(&cells, &mut out);
        Paragraphs::new(&style)
            .row(&[text("note"), Cell::Null, text("it"), text("is so"), text(""), text("it is")], &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "stops  d\\nb: table t is bad\n       fix  mend it\nnote  it is so\n       why  it is\n"
        );
    }
}

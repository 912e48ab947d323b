//! Shows findings to a person on a terminal: one per paragraph, first what is wrong, then why and what to do.

use crate::commands::paragraphs::{Paragraph, color, safe};
use crate::render::{Format, Style};
use crate::rows::cell::Cell;
use crate::rows::plain::plain;

/// Prints one paragraph per row; the columns are those of the command.
pub(super) struct Paragraphs {
    style: Style,
}

impl Paragraphs {
    pub(super) fn new(style: &Style) -> Paragraphs {
        Paragraphs { style: style.clone() }
    }
}

impl Format for Paragraphs {
    fn head(&mut self, _out: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let text = |i: usize| cells.get(i).map(|cell| safe(&plain(cell))).unwrap_or_default();
        let [severity, database, object, problem, fix, why, sql] = [0, 1, 2, 3, 4, 5, 6].map(text);
        let rank = ["stops", "hurts", "unseen"].iter().position(|word| *word == severity);
        let place = if database.is_empty() { String::new() } else { format!("{database}: ") };
        let paragraph = Paragraph {
            color: color(rank.unwrap_or(usize::MAX)),
            head: format!("{place}{object} {problem}"),
            lines: vec![("why", why, true), ("fix", fix, false), ("sql", sql, false)],
            severity,
        };
        paragraph.write(&self.style, out);
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

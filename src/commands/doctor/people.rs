//! Shows findings on a terminal, one per paragraph: what is wrong, then the check, the proof and the remedy.

use crate::commands::paragraphs::{Paragraph, color, safe};
use crate::doctor::Severity;
use crate::render::{Format, Style};
use crate::rows::cell::Cell;
use crate::rows::plain::plain;

/// The format that prints one paragraph per row. The rows must have the columns of `doctor`.
pub(super) struct Paragraphs {
    style: Style,
    has_servers: bool,
    has_changes: bool,
}

impl Paragraphs {
    pub(super) fn new(style: &Style, has_servers: bool, has_changes: bool) -> Paragraphs {
        Paragraphs { style: style.clone(), has_servers, has_changes }
    }
}

impl Format for Paragraphs {
    fn head(&mut self, _out: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let mut texts = cells.iter().map(|cell| safe(&plain(cell)));
        let mut next = || texts.next().unwrap_or_default();
        let server = if self.has_servers { next() } else { String::new() };
        let [severity, check, database, object, value, limit, finding, proof, remedy] =
            std::array::from_fn(|_| next());
        let change = if self.has_changes { next() } else { String::new() };
        let rank = Severity::ALL.iter().position(|one| one.word() == severity).unwrap_or(usize::MAX);
        let place = [server, database].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        let place = if place.is_empty() { String::new() } else { format!("{}: ", place.join(", ")) };
        let change =
            if change.is_empty() || change == "same" { String::new() } else { format!(" ({change})") };
        // The object is shown only if the sentence does not name it.
        let object = if object.is_empty() || finding.contains(&object) {
            String::new()
        } else {
            format!("{object}: ")
        };
        let measured = match (value.is_empty(), limit.is_empty()) {
            (false, false) => format!("{value}, limit {limit}"),
            (true, false) => format!("limit {limit}"),
            (false, true) if !finding.contains(&value) => value,
            _ => String::new(),
        };
        let paragraph = Paragraph {
            color: color(rank),
            head: format!("{place}{object}{finding}{change}"),
            lines: vec![
                ("check ", if measured.is_empty() { check } else { format!("{check}: {measured}") }, true),
                ("proof ", proof, false),
                ("remedy", remedy, false),
            ],
            severity,
        };
        paragraph.write(&self.style, out);
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

//! Shows the log to a person on a terminal: one line per entry, the statement first.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};

use crate::escape;
use crate::render::{Format, Style, human};
use crate::rows::cell::Cell;
use crate::rows::plain::plain;

/// Prints one line per entry; the columns are those of [`crate::log::record::COLUMNS`].
pub(super) struct Lines {
    style: Style,
    /// The date that was shown last.
    date: Option<Date>,
}

impl Lines {
    pub(super) fn new(style: &Style) -> Lines {
        Lines { style: style.clone(), date: None }
    }

    fn paint(&self, style: anstyle::Style, text: &str) -> String {
        if self.style.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Returns the time in a cell, which counts from 2000-01-01.
fn time(cell: &Cell<'_>, zone: &TimeZone) -> Option<jiff::Zoned> {
    let Cell::Timestamp { micros, .. } = cell else { return None };
    let unix = micros.checked_add(946_684_800_000_000)?;
    Some(Timestamp::from_microsecond(unix).ok()?.to_zoned(zone.clone()))
}

/// Puts a text on one line: runs of whitespace become one blank, and characters that control a terminal are
/// escaped.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escape::terminal(&words.join(" ")).into_owned()
}

impl Format for Lines {
    fn head(&mut self, _out: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        let text = |i: usize| cells.get(i).map(|cell| plain(cell).into_owned()).unwrap_or_default();
        let dim = anstyle::Style::new().dimmed();
        let mut line = String::new();
        if let Some(at) = cells.first().and_then(|cell| time(cell, &self.style.zone)) {
            if self.date != Some(at.date()) {
                self.date = Some(at.date());
                line.push_str(&self.paint(dim, &at.strftime("%Y-%m-%d %Z").to_string()));
                line.push('\n');
            }
            line.push_str(&self.paint(dim, &at.strftime("%H:%M:%S%.3f").to_string()));
            line.push(' ');
        }
        let (pid, user, database, application) = (text(1), text(2), text(3), text(4));
        let mut who = pid;
        if !user.is_empty() || !database.is_empty() {
            who.push_str(&format!(" {user}@{database}"));
        }
        if !application.is_empty() {
            who.push_str(&format!(" {application}"));
        }
        if !who.is_empty() {
            line.push_str(&self.paint(anstyle::AnsiColor::Cyan.on_default(), &one_line(&who)));
            line.push_str("  ");
        }
        let (severity, message, statement) = (text(6), text(9), text(10));
        let is_statement = severity == "LOG" && !statement.is_empty();
        if is_statement {
            line.push_str(&one_line(&statement));
        } else {
            let bold = match severity.as_str() {
                "WARNING" | "NOTICE" | "INFO" => anstyle::AnsiColor::Yellow.on_default(),
                _ => anstyle::AnsiColor::Red.on_default().bold(),
            };
            let code = text(7);
            let code = if code.is_empty() || code == "00000" { String::new() } else { format!(" {code}") };
            if !matches!(severity.as_str(), "LOG" | "") {
                line.push_str(&self.paint(bold, &one_line(&format!("{severity}{code}:"))));
                line.push(' ');
            }
            line.push_str(&one_line(&message));
        }
        let mut after = Vec::new();
        if let Some(duration @ Cell::Float(_)) = cells.get(8) {
            after.push(human::show("duration_ms", duration, &self.style.zone).into_owned());
        }
        for (i, what) in [(11, "with "), (12, "detail: "), (13, "hint: "), (14, "context: ")] {
            let text = text(i);
            if !text.is_empty() {
                after.push(format!("{what}{}", one_line(&text)));
            }
        }
        if !is_statement && !statement.is_empty() {
            after.push(format!("statement: {}", one_line(&statement)));
        }
        if !after.is_empty() {
            line.push_str(&self.paint(dim, &format!("  [{}]", after.join("; "))));
        }
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::{COLUMNS, Numbers, Record, values};
    use crate::rows;

    fn shown(record: &Record) -> String {
        let style = Style::plain(Some(80));
        let mut numbers = Numbers::default();
        let shape = record.shape();
        let raw = values(record, &shape, &mut numbers);
        let columns = rows::columns(COLUMNS);
        let cells: Vec<Cell<'_>> =
            columns.iter().zip(raw).map(|(c, raw)| c.kind.decode(raw).unwrap()).collect();
        let mut out = Vec::new();
        Lines::new(&style).row(&cells, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_entry_is_one_line_that_no_statement_can_break_out_of() {
        let mut record = Record {
            time: Some("2026-11-24T06:24:50.123Z".parse().unwrap()),
            pid: Some(4711),
            user: b"app".to_vec(),
            database: b"shop".to_vec(),
            severity: b"LOG".to_vec(),
            message: b"duration: 1.25 ms  execute s: SELECT\n\t1, '\x1b[31m'".to_vec(),
            detail: b"Parameters: $1 = 'x'".to_vec(),
            ..Record::default()
        };
        assert_eq!(
            shown(&record),
            "2026-11-24 UTC\n06:24:50.123 4711 app@shop  SELECT 1, '\\x1b[31m'  [1.250 ms; with $1 = 'x']\n"
        );
        record.severity = b"ERROR".to_vec();
        record.sqlstate = b"42P01".to_vec();
        record.message = b"no such table".to_vec();
        record.detail.clear();
        record.statement = b"SELECT 1".to_vec();
        record.time = None;
        assert_eq!(shown(&record), "4711 app@shop  ERROR 42P01: no such table  [statement: SELECT 1]\n");
    }
}

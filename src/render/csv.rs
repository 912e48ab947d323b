//! RFC 4180 with a header; lines end in a line feed, as in psql's `--csv`.
//!
//! A spreadsheet recognizes a formula by the first character of a field, quoted or not, and anyone who may name a
//! table can choose that character. `--csv-safe` puts an apostrophe before it, in texts only: a number stays a
//! number.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use super::format::{Format, Style};
use crate::escape;
use crate::rows::Column;
use crate::rows::cell::Cell;
use crate::rows::plain::plain;

pub(super) struct Csv {
    columns: Vec<Column>,
    header: bool,
    terminal: bool,
    is_safe: bool,
    writer: csv::Writer<Shared>,
    written: Shared,
}

/// The buffer that the writer writes to and that each row is taken from.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Csv {
    pub(super) fn new(columns: Vec<Column>, style: &Style) -> Csv {
        let written = Shared::default();
        Csv {
            columns,
            header: style.header.unwrap_or(true),
            terminal: style.width.is_some(),
            is_safe: style.csv_safe,
            writer: csv::Writer::from_writer(written.clone()),
            written,
        }
    }

    fn record<'a>(&mut self, values: impl Iterator<Item = Cow<'a, str>>, out: &mut Vec<u8>) {
        // Writing to memory does not fail, and every record has as many fields as the header.
        for value in values {
            let shown = if self.terminal { escape::terminal(&value).into_owned().into() } else { value };
            let _ = self.writer.write_field(shown.as_bytes());
        }
        let _ = self.writer.write_record(None::<&[u8]>);
        let _ = self.writer.flush();
        out.append(&mut self.written.0.borrow_mut());
    }
}

impl Format for Csv {
    fn head(&mut self, out: &mut Vec<u8>) {
        if self.header {
            let is_safe = self.is_safe;
            let shown = |c: &Column| if is_safe { no_formula(&c.name).into_owned() } else { c.name.clone() };
            let names: Vec<String> = self.columns.iter().map(shown).collect();
            self.record(names.into_iter().map(Into::into), out);
        }
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        if self.is_safe {
            self.record(cells.iter().map(plain_and_safe), out);
        } else {
            self.record(cells.iter().map(plain), out);
        }
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

fn plain_and_safe<'a>(cell: &'a Cell<'_>) -> Cow<'a, str> {
    match cell {
        Cell::Text(text) => no_formula(text),
        // A JSON text that begins with a minus is a number; any other may begin with blanks.
        Cell::Json(text) if !text.starts_with('-') => no_formula(text),
        cell => plain(cell),
    }
}

/// Puts an apostrophe in front of a text that a spreadsheet would take for a formula, even after blanks and line
/// feeds. Source: OWASP's page on CSV injection.
pub fn no_formula(text: &str) -> Cow<'_, str> {
    const FIRST: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let is_passed_over = |c: char| c.is_whitespace() || escape::is_unsafe(c);
    if text.starts_with(['\t', '\r']) || text.trim_start_matches(is_passed_over).starts_with(FIRST) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_passes_over_hides_no_formula() {
        for text in ["=1", "\n=1", " =1", "\u{a0}+1", "＝1", "\u{200b}@a", "\tx", "\rx", "-1"] {
            assert_eq!(no_formula(text), format!("'{text}"), "{text:?}");
        }
        for text in ["a=1", "1-2", "", " a", "é"] {
            assert_eq!(no_formula(text), text);
        }
    }

    #[test]
    fn only_a_text_that_begins_like_a_formula_gets_an_apostrophe() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(plain_and_safe(&Cell::Text(text.into())), format!("'{text}"));
        }
        for text in ["a=1", " a=1", "", "'=1", "1-1"] {
            assert_eq!(plain_and_safe(&Cell::Text(text.into())), text);
        }
        for (cell, shown) in [
            (Cell::Int(-5), "-5"),
            (Cell::Float(-0.5), "-0.5"),
            (Cell::Numeric("-1.50".into()), "-1.50"),
            (Cell::Json("-1".into()), "-1"),
            (Cell::Json("\t-1".into()), "'\t-1"),
            (Cell::List(vec![Cell::Text("=1".into())]), "{=1}"),
            (Cell::Null, ""),
        ] {
            assert_eq!(plain_and_safe(&cell), shown);
        }
    }
}

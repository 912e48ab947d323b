//! RFC 4180 with a header; lines end in a line feed, as psql's `--csv`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use super::{Format, Style, escape, plain};
use crate::cell::Cell;
use crate::report::Column;

pub(super) struct Csv {
    columns: Vec<Column>,
    header: bool,
    terminal: bool,
    writer: csv::Writer<Shared>,
    written: Shared,
}

/// Where the writer writes to and a row is taken from.
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
            writer: csv::Writer::from_writer(written.clone()),
            written,
        }
    }

    fn record<'a>(&mut self, values: impl Iterator<Item = Cow<'a, str>>, out: &mut Vec<u8>) {
        // Writing to memory does not fail, and every record has as many fields as the head.
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
            let names: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
            self.record(names.into_iter().map(Into::into), out);
        }
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) {
        self.record(cells.iter().map(plain), out);
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}

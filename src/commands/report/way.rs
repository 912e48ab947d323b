//! The way of an answer's rows: past an observer and an earlier answer to stdout.

use super::against::Against;
use crate::answer::Observer;
use crate::error::Result;
use crate::output::Output;
use crate::pipeline::{Pipeline, Printer};
use crate::rows::cell::Raw;
use crate::rows::{Column, Flow, RowSink};

/// The observer of an answer's rows, if there is one.
pub type Watcher<'a> = Option<&'a mut (dyn Observer + 'static)>;

/// Takes an answer's rows past the observer and then, with some values put before their own, to stdout. If there is an
/// earlier answer, stdout gets the differences.
pub struct Way<'a> {
    printer: Printer<'a>,
    observer: Watcher<'a>,
    /// The time of the answer, if it is shown.
    at: Option<String>,
    /// The database of the rows, if it is shown.
    database: Option<String>,
    /// Whether stdout wants more rows. If it does not, the observer still sees them.
    flow: Flow,
    /// The earlier answer that the rows are compared with.
    pub against: Option<Box<Against>>,
}

impl<'a> Way<'a> {
    pub fn new(
        pipeline: &'a mut Pipeline,
        out: &'a mut Output,
        observer: Watcher<'a>,
        against: Option<Box<Against>>,
    ) -> Way<'a> {
        let printer = Printer { pipeline, out };
        Way { printer, observer, at: None, database: None, flow: Flow::More, against }
    }

    /// Sets the time that is shown before the rows.
    pub fn stamp(&mut self, at: Option<&str>) {
        self.at = at.map(str::to_owned);
    }

    /// Is called before the rows of each database; its name is shown before them if `is_shown`.
    pub fn begin(&mut self, database: Option<&str>, is_shown: bool) {
        self.database = database.filter(|_| is_shown).map(str::to_owned);
        if let Some(against) = &mut self.against {
            against.begin(database);
        }
    }

    /// Is called after the last row of each database.
    pub fn complete(&mut self, database: Option<&str>) {
        if let (Some(against), Some(database)) = (&mut self.against, database) {
            against.complete(database);
        }
    }
}

/// Prints a row, with the time and the database put before it as far as they are shown.
fn print(
    printer: &mut Printer<'_>,
    at: Option<&str>,
    database: Option<&str>,
    raw: &[Option<&[u8]>],
) -> Result<Flow> {
    if at.is_none() && database.is_none() {
        return printer.row(raw);
    }
    let before = at.into_iter().chain(database).map(|value| Some(value.as_bytes()));
    let all: Raw<'_> = before.chain(raw.iter().copied()).collect();
    printer.row(&all)
}

impl RowSink for Way<'_> {
    fn head(&mut self, columns: &[Column]) -> Result<()> {
        self.flow = Flow::More;
        self.observer.as_mut().map_or(Ok(()), |observer| observer.head(columns))
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        if self.flow == Flow::More {
            let (printer, at) = (&mut self.printer, self.at.as_deref());
            let database = self.database.as_deref();
            self.flow = match &mut self.against {
                None => print(printer, at, database, raw)?,
                Some(against) => {
                    against.row(database, raw, &mut |database, row| print(printer, at, database, row))?
                }
            };
        }
        match &mut self.observer {
            Some(observer) => observer.row(raw),
            None => Ok(self.flow),
        }
    }

    fn end(&mut self) -> Result<()> {
        let (printer, at) = (&mut self.printer, self.at.as_deref());
        if let Some(against) = &mut self.against
            && self.flow == Flow::More
        {
            against.gone(&mut |database, row| print(printer, at, database, row))?;
        }
        self.printer.end()
    }

    fn wants_none(&self) -> bool {
        self.observer.is_none() && self.against.is_none() && self.printer.wants_none()
    }
}

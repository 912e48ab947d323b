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

/// The values that are put before each row. Those that are `None` are not shown.
#[derive(Default)]
struct Before {
    /// The time of the answer.
    at: Option<String>,
    server: Option<String>,
    database: Option<String>,
}

/// Takes an answer's rows past the observer and then, with some values put before their own, to stdout. If there is an
/// earlier answer, stdout gets the differences.
pub struct Way<'a> {
    /// Where the rows go.
    out: Box<dyn RowSink + 'a>,
    observer: Watcher<'a>,
    /// The values that are put before each row.
    before: Before,
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
        Way::to(Box::new(Printer { pipeline, out }), observer, against)
    }

    /// Creates one whose rows go to `out`.
    pub fn to(out: Box<dyn RowSink + 'a>, observer: Watcher<'a>, against: Option<Box<Against>>) -> Way<'a> {
        Way { out, observer, before: Before::default(), flow: Flow::More, against }
    }

    /// Returns the comparison with an earlier answer, after the last row.
    pub fn finish(self) -> Option<Box<Against>> {
        self.against
    }

    /// Takes the observer out. Rows no longer go to it.
    pub fn take_observer(&mut self) -> Watcher<'a> {
        self.observer.take()
    }

    /// Sets the time that is shown before the rows.
    pub fn stamp(&mut self, at: Option<&str>) {
        self.before.at = at.map(str::to_owned);
    }

    /// Sets the server that is shown before the rows that follow.
    pub fn set_server(&mut self, name: &str) {
        self.before.server = Some(name.to_owned());
    }

    /// Is called before the rows of each database; its name is shown before them if `is_shown`.
    pub fn begin(&mut self, database: Option<&str>, is_shown: bool) {
        self.before.database = database.filter(|_| is_shown).map(str::to_owned);
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

impl Before {
    /// Prints a row after the time, the server and the database, as far as they are shown.
    fn print(&self, out: &mut dyn RowSink, database: Option<&str>, raw: &[Option<&[u8]>]) -> Result<Flow> {
        let before = [self.at.as_deref(), self.server.as_deref(), database];
        if before.iter().all(Option::is_none) {
            return out.row(raw);
        }
        let before = before.into_iter().flatten().map(|value| Some(value.as_bytes()));
        let all: Raw<'_> = before.chain(raw.iter().copied()).collect();
        out.row(&all)
    }
}

impl RowSink for Way<'_> {
    fn head(&mut self, columns: &[Column]) -> Result<()> {
        self.flow = Flow::More;
        self.observer.as_mut().map_or(Ok(()), |observer| observer.head(columns))
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        if self.flow == Flow::More {
            let (out, before) = (&mut *self.out, &self.before);
            let database = before.database.as_deref();
            self.flow = match &mut self.against {
                None => before.print(out, database, raw)?,
                Some(against) => {
                    against.row(database, raw, &mut |database, row| before.print(out, database, row))?
                }
            };
        }
        match &mut self.observer {
            Some(observer) if !self.against.as_ref().is_some_and(|against| against.is_collecting()) => {
                observer.row(raw)
            }
            _ => Ok(self.flow),
        }
    }

    fn end(&mut self) -> Result<()> {
        let (out, before) = (&mut *self.out, &self.before);
        if let Some(against) = &mut self.against
            && self.flow == Flow::More
        {
            against.gone(&mut |database, row| before.print(out, database, row))?;
        }
        self.out.end()
    }

    fn wants_none(&self) -> bool {
        self.observer.is_none() && self.against.is_none() && self.out.wants_none()
    }
}

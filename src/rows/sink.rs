//! Where rows go.

use super::Column;
use crate::error::Result;

/// Whether more rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Yes.
    More,
    /// No: the limit is reached, or the reader is gone.
    Enough,
}

/// Where the rows of an answer go.
pub trait RowSink {
    /// Announces the columns of the rows that follow. They may be announced several times, each time with the same
    /// columns.
    ///
    /// Errors: these columns are not what the sink needs.
    fn head(&mut self, columns: &[Column]) -> Result<()>;
    /// Takes one row as the server sent it. Returns whether more rows are wanted.
    ///
    /// Errors: a value cannot be read (65), or the output failed (74).
    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow>;
    /// Is called when all rows of the answer have come.
    fn end(&mut self) -> Result<()>;
    /// Returns whether no row is wanted at all, so that the server need not be asked.
    fn wants_none(&self) -> bool {
        false
    }
}

impl<T: RowSink + ?Sized> RowSink for &mut T {
    fn head(&mut self, columns: &[Column]) -> Result<()> {
        (**self).head(columns)
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        (**self).row(raw)
    }

    fn end(&mut self) -> Result<()> {
        (**self).end()
    }

    fn wants_none(&self) -> bool {
        (**self).wants_none()
    }
}

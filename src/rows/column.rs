//! The columns of an answer, and how its rows form a tree.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::error::{Error, Result};
use crate::rows::cell::{Cell, ColumnType};

/// A column of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The full name, with its unit.
    pub name: String,
    /// The type of its cells.
    pub kind: ColumnType,
    /// The server's type.
    pub server_type: Type,
    /// On a narrow terminal, the column with the lowest number is left out first; `None` means that the column is
    /// never left out for this reason.
    pub wide: Option<usize>,
    /// The value that carries no information: a narrow terminal leaves the column out when every row has it.
    pub usual: Option<String>,
    /// Whether it is a cumulative statistic, whose change over time is of interest.
    pub is_counter: bool,
}

impl Column {
    /// Reads a value as the server sent it.
    ///
    /// Errors: it is not of the column's type (65).
    pub fn decode<'a>(&self, raw: Option<&'a [u8]>) -> Result<Cell<'a>> {
        self.kind.decode(raw).map_err(|why| {
            Error::data(format!("cannot read a value of column {:?}: {why}", self.name))
                .hint(format!("cast it in the report's SQL: {}::text", self.name))
        })
    }

    /// Creates a column of text that is never left out on a narrow terminal.
    pub fn text(name: &str) -> Column {
        Column {
            name: name.to_owned(),
            kind: ColumnType::TEXT,
            server_type: Type::TEXT,
            wide: None,
            usual: None,
            is_counter: false,
        }
    }
}

/// Returns the cell of the column with this name in a row as the server sent it.
///
/// Errors: a bug, since an answer's columns have been compared with its report; the message names the report.
pub fn cell_of<'a>(
    report: &str,
    columns: &[Column],
    raw: &[Option<&'a [u8]>],
    name: &str,
) -> Result<Cell<'a>> {
    let at = columns.iter().position(|column| column.name == name);
    let found = at.and_then(|at| columns.get(at).zip(raw.get(at)));
    let (column, raw) = found.ok_or_else(|| Error::bug(format!("{report} has no column {name:?}")))?;
    column.kind.decode(*raw).map_err(|why| Error::bug(format!("{report}: column {name:?}: {why}")))
}

/// How rows form a tree, given by the names of the columns that say so. Rows come from the top down, each before
/// those below it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// What a row is about. It may be in several places of the tree; what is below it is listed only once.
    pub node: String,
    /// What it is below; empty at the top.
    pub parent: String,
    /// The distance from the top: 0 is the top.
    pub depth: String,
    /// The value that gets a line of its own.
    pub below: Option<String>,
}

/// How rows are facts that stand under headings, given by the names of the columns that say so. Rows of one heading
/// follow one another; the first column that is not named here is the name of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sections {
    /// The heading.
    pub heading: String,
    /// How far a fact is indented under the one before it: a whole number, 0 if it is not.
    pub level: Option<String>,
}

impl Sections {
    /// Returns the columns that are named.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.heading).chain(&self.level).map(String::as_str)
    }
}

impl Tree {
    /// Returns the columns that the tree is drawn from.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        [&self.node, &self.parent, &self.depth].into_iter().chain(&self.below).map(String::as_str)
    }
}

//! The columns of an answer, and how its rows stand under each other.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::cell::ColumnType;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The full name, with its unit.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnType,
    /// The server's type.
    pub server_type: Type,
    /// On a narrow terminal, the column with the lowest number is left out first; `None` is never left out for this reason.
    pub wide: Option<usize>,
    /// The value that carries no information: a narrow terminal leaves the column out when every row has it.
    pub usual: Option<String>,
}

impl Column {
    /// A column of text, which no terminal is too narrow for.
    pub fn text(name: &str) -> Column {
        Column {
            name: name.to_owned(),
            kind: ColumnType::TEXT,
            server_type: Type::TEXT,
            wide: None,
            usual: None,
        }
    }
}

/// How rows stand under each other: the names of the columns that say it. Rows come from the top down, each before
/// those under it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// What a row is about. It may stand in several places; what is under it stands there once.
    pub node: String,
    /// What it stands under; empty on top.
    pub parent: String,
    /// How far below the top: 0 is on top.
    pub depth: String,
    /// What deserves a line of its own.
    pub below: Option<String>,
}

impl Tree {
    /// The columns that it is drawn from.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        [&self.node, &self.parent, &self.depth].into_iter().chain(&self.below).map(String::as_str)
    }
}

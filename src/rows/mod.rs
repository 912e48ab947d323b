//! Rows: their cells and columns, where they go, and those that an engine makes.

pub mod cell;
mod column;
pub mod diff;
pub mod encode;
pub mod plain;
mod record;
mod sink;
pub mod sort;

pub use column::{Column, Sections, Tree, cell_of};
pub(crate) use record::record;
pub use record::{Row, columns, names};
pub use sink::{Flow, RowSink};

//! Rows: their cells and columns, where they go, and those that an engine makes.

pub mod cell;
mod column;
pub mod diff;
pub mod encode;
mod kept;
pub mod plain;
mod record;
mod sink;
pub mod sort;
mod stored;

pub use column::{Column, Sections, Tree, cell_of};
pub use kept::Kept;
pub(crate) use record::record;
pub use record::{Row, columns, names};
pub use sink::{Flow, RowSink};

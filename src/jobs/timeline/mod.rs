//! What ran when over a window of time, and which dates were missed: as rows, as strips, and as a page.

mod entries;
pub mod page;
pub mod strip;

pub use entries::{Entry, Kind, Window, read, with_missed};

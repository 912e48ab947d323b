//! Snapshots: files with the answers of many reports, which can then be read without a server.
//!
//! A snapshot is gzip-compressed JSON, one value per line. The first line is a [`Header`]. Then comes each answer: a
//! line that describes it ([`Part`]), its rows, each an array with the values in the order of the columns, and a line
//! with the number of rows. `docs/snapshots.md` describes the format.

mod answers;
mod draft;
mod file;
mod header;
mod identity;
mod saved;
mod values;
mod veil;

pub use answers::Answers;
pub use draft::{Draft, is_stdout};
pub use file::{Found, Snapshot, seekable};
pub use header::{CLOSED, Header, OwnHeader, Part, Refusal};
pub use identity::{counters_go_on, identify};
pub use saved::{SavedRow, read_saved};
pub use veil::Veil;

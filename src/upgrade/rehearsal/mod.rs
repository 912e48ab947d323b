//! The rehearsal: the roles and every database's schema are dumped from the old server and restored on a throwaway server
//! of the new version, as pg_upgrade does it. That one stops at its first error; this goes on, and tells all of them.
//!
//! What a restore runs, such as a function of an index's expression when the index is made, is the databases' own code.
//! pg_upgrade runs it as the account that owns the new cluster. Here it runs as a user that has nothing, where pgkit is run
//! by root; else as whoever runs pgkit, and that is done unasked only where the old server runs as the same account.

mod advice;
mod failures;
mod give_way;
mod programs;
mod rehearse;

pub(crate) use rehearse::{Database, WHAT};
pub use rehearse::{Plan, Wish};

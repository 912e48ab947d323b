//! The rehearsal: the roles and every database's schema are dumped from the old server and restored on a throwaway
//! server of the new version, as pg_upgrade does it. But pg_upgrade stops at its first error, while this goes on
//! and reports all of them.
//!
//! A restore runs code from the databases, such as the function of an index's expression when the index is created.
//! pg_upgrade runs it as the account that owns the new cluster. Here, if pgkit is run by root, it runs as a user
//! without any rights; otherwise it runs as the account that runs pgkit, and without an explicit request only if
//! the old server runs as that same account.

mod advice;
mod failures;
mod give_way;
mod programs;
mod rehearse;

pub(crate) use rehearse::{Database, WHAT};
pub use rehearse::{Plan, RehearsalMode};

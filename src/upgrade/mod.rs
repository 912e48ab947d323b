//! What would stop pg_upgrade, and what would be broken or slow afterwards. The running old server is examined, and
//! a throwaway server of the new version, if its programs are available.
//!
//! Nothing is changed anywhere: every statement on the old server runs in a read-only transaction, and what the new
//! server has is tried on a sandbox. What cannot be examined becomes a finding too.

mod against;
mod checks;
mod cluster;
mod cluster_wide;
mod examine;
mod finding;
mod hba;
mod libraries;
mod locks;
mod made;
mod rehearsal;
mod script;
mod settings;
mod trial;

pub use examine::{Examination, Examined, Installation, examine};
pub use finding::{Finding, Severity};
pub use rehearsal::{Plan, RehearsalMode};
pub use script::script;

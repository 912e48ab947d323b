//! What would stop pg_upgrade, and what would hurt afterwards: asked of the running old server, and of a throwaway
//! server of the new version where its programs are at hand.
//!
//! Nothing is changed anywhere: every statement for the old server runs in a transaction that only reads, and what the
//! new server has is tried on a sandbox. What cannot be looked at becomes a finding too.

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

pub use examine::{Answer, Installation, Question, examine};
pub use finding::{Finding, Severity};
pub use rehearsal::{Plan, Wish};
pub use script::script;

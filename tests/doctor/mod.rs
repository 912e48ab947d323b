//! `pgkit doctor`.

mod planted;

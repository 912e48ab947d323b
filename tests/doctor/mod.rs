//! Tests of `pgkit doctor`.

mod commands;
mod healthy;
mod page;
mod planted;
mod registry;
mod rows;

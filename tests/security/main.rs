//! Nothing that others plant, in a database, on a host or behind a port, runs as the user of pgkit.
//! `docs/SECURITY.md` names these tests, each beside the promise that it proves.
#![expect(clippy::unwrap_used, reason = "only tests use it")]

#[path = "../support/catalog.rs"]
mod catalog;
#[path = "../support/filled.rs"]
mod filled;
#[path = "../support/mod.rs"]
mod support;

mod commands;
mod ground;
mod host;
mod hostile;
mod plants;
mod sources;
mod tables;

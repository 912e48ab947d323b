//! All integration tests, in one program: it is linked once, and the waits of one test are filled with the work of others.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod cli;
mod completion;
mod connect;
mod current;
mod doctor;
mod faults;
mod jobs;
mod layers;
mod locks;
mod log;
mod queries;
mod reports;
mod sandbox;
mod security;
mod servers;
mod snapshot;
mod support;
mod upgrade;

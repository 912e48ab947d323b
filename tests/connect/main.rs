//! Connecting, compared with libpq itself: what is resolved, what is dialled, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod authentication;
mod certificates;
mod dialling;
mod fake;
mod oracle;
mod resolution;
mod run;
mod server;

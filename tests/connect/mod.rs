//! Connecting, compared with libpq itself: what is resolved, what is dialled, and how it ends.

mod authentication;
mod certificates;
mod dialling;
mod fake;
mod oracle;
mod resolution;
mod run;
mod server;
mod ssh;

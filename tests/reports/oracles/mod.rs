//! Compares reports with independent sources: the server's own functions and views, its extensions, pg_dump, and arithmetic in
//! Rust.

mod altered;
mod bloat;
mod created;
mod described;
mod dump;
mod facts;
mod grants;
mod sequences;
mod views;

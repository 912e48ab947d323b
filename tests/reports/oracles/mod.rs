//! The reports compared with an independent source: the server's own functions and views, its extensions, pg_dump, and
//! arithmetic in Rust.

mod bloat;
mod grants;
mod sequences;
mod views;

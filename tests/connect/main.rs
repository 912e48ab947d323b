//! Connecting, compared with libpq itself: what is resolved, what is dialled, and how it ends.

mod oracle;
mod resolution;

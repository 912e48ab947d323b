//! From bytes to entries, with one small file per format. Damage costs the entry it is in, never the next.

mod csvlog;
mod decoder;
mod jsonlog;
mod stderr;

pub use csvlog::begins as begins_csvlog;
pub(crate) use decoder::Lines;
pub use decoder::{Decoder, LONGEST, Losses, Sieve, Sink, Unread};
pub use jsonlog::begins as begins_jsonlog;
pub use stderr::Guessed;

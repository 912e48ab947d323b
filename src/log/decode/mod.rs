//! From bytes to entries, with one small file per format. Damage costs the entry it is in, never the next.

mod csvlog;
mod decoder;
mod jsonlog;
mod lines;
mod losses;
mod stderr;

pub use csvlog::begins as begins_csvlog;
pub use decoder::{Decoder, LONGEST, Sieve, Sink};
pub use jsonlog::begins as begins_jsonlog;
pub(crate) use lines::Lines;
pub use losses::{Losses, Unread};
pub use stderr::Guessed;

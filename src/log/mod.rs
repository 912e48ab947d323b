//! The server's log: switching statement logging on and reliably off again, finding the log, and reading it.

pub mod connection;
pub mod decode;
pub mod files;
pub mod guess;
pub mod known;
pub mod legacy;
pub mod local;
pub mod order;
pub mod places;
pub mod plan;
pub mod prefix;
pub mod reading;
pub mod record;
pub mod report;
pub mod required;
pub mod scope;
pub mod source;
pub mod strange;
pub mod switch;
pub mod tail;
pub mod unwrap;
pub mod watcher;
pub mod words;
pub mod zone;

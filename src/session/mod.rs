//! Sessions with the server: read-only transactions, their timeouts and rows, and how an SQLSTATE maps to an exit
//! code.
//!
//! A [`Reader`] uses only `SET LOCAL`: a plain SET would leak through a transaction pooler to the pooler's next
//! client. A [`Writer`] refuses to go through a pooler, so it may use SET.

mod console;
mod dropped;
mod echo;
mod failure;
mod link;
mod open;
mod reader;
mod running;
mod service;
mod settings;
mod value;
mod wire;
mod writer;

pub use console::{Console, Shown};
pub use dropped::{is_dropped, is_missing};
pub use echo::{Echo, echoed, echoed_text};
pub use failure::explain;
pub use link::{Rows, push_values};
pub use reader::Reader;
pub use running::{CANCEL_PATIENCE, InFlight};
pub use service::Service;
pub use settings::Settings;
pub use value::Value;
pub use wire::{Hearer, Part, Piped, Protocol, Response, TextRow, Wire};
pub use writer::{Limits, Purpose, Writer};

pub use crate::connect::{MARK, PATH, house};

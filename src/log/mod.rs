//! The server's log: switching statements on and surely off again, where it is, and reading it.

pub mod decode;
pub mod files;
pub mod local;
pub mod note;
pub mod prefix;
pub mod record;
pub mod scope;
pub mod source;
pub mod switch;
pub mod watcher;
pub mod zone;

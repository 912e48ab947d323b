//! Connects exactly as libpq does. Flags, service file, `PG*` variables, password file and defaults, in this order of
//! precedence, give a [`Target`] (a pure function), and [`connect`] dials it. No password is ever printed.

mod authentication;
mod cancel;
mod connection;
mod conninfo;
mod dial;
mod environment;
mod failure;
mod files;
mod frames;
mod libpq;
mod opening;
mod passfile;
mod password;
mod resolve;
mod servers;
mod service;
mod settings;
mod spared;
mod ssh;
mod stream;
mod target;
mod tls;
mod uri;
mod verify;
mod version;

pub use authentication::Allowed;
pub use cancel::Canceler;
pub use connection::{ClosingError, Connected, ConnectedConsole, connect, console};
pub use conninfo::{is_connection_string, without_secrets};
pub use environment::{Environment, environment};
pub use failure::CONSOLE;
pub use files::{Disk, Files, Stat};
pub(crate) use frames::admit;
pub use opening::{MARK, Opening, PATH, Server, drop_role, house};
pub use passfile::Secret;
pub use password::{PasswordCommand, Printed};
pub use resolve::resolve;
pub use servers::{Listed, check_conninfo, check_name, servers};
pub use service::services;
pub use settings::{is_key, is_variable};
pub(crate) use spared::Spared;
pub use spared::spared;
pub use ssh::Ssh;
pub use stream::{Bare, Handle};
pub use target::{
    ChannelBinding, Flags, Host, Keepalives, Prompt, SessionAttrs, SslMode, Target, Tls, TlsVersion,
};
pub use version::ServerVersion;

//! Throwaway PostgreSQL servers: for `pgkit sandbox`, and for pgkit's own tests.
//!
//! A server belongs to a keeper, a helper process that leaves nothing behind, however its users end (see
//! [`crate::helper`]). An **own** server ends with the process that asked for it. A **shared** one is joined by
//! every process that asks for the same, and ends seconds after the last of them. A **kept** one is a shared
//! server that stays until it is stopped: no shell, terminal or login session has to stay alive for it.
//!
//! No other local user can get in: the sockets are in a folder with mode 0700, and the server listens on a TCP
//! port only if asked to, and then only on 127.0.0.1 and with a password.

mod binaries;
mod folder;
pub(crate) mod keeper;
mod lease;
mod options;
mod sample;
mod server;
mod tool;
mod user;

pub use binaries::{Binaries, all_binaries, find_binaries};
pub use folder::folder_of;
pub use lease::{Lease, Server, shared, start, start_own, status, stop};
pub use options::{Info, Options, Password, Settings, Status};
pub use sample::{DATABASE as SAMPLE_DATABASE, STATEMENTS as SAMPLE};
pub use server::Stop;
pub use tool::{cluster_version, folder_bytes};

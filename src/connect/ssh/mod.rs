//! `--ssh`: the way to the server through the user's own `ssh`.

mod places;
mod said;
mod tunnel;
mod way;

pub(super) use tunnel::{Forward, Tunnel};
pub use way::Ssh;

//! Completion in each shell: the script that registers it, and the answer to the script's questions.
//!
//! A candidate may be a name that another user of the server chose. In no shell may it run anything or drive the
//! terminal, and what is inserted must mean exactly that name:
//!
//! * A name with characters that a terminal acts on, or that is not UTF-8, is never offered.
//! * zsh and fish quote what they insert.
//! * bash inserts a candidate as it stands, so pgkit quotes it for the state that the line is in; see [`bash`].
//! * PowerShell inserts a candidate as it stands, and its versions differ inside an open quote. Elvish documents
//!   that it quotes. No test runs either of them, so only names that need no quotes are offered there.

mod bash;
mod line;
mod shell;

pub use shell::{NAMES, Shell, answer, script};

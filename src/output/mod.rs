//! The output of pgkit: stdout, the pager, the terminal, and the service manager.

mod stdout;
pub mod supervisor;
pub mod terminal;

pub use stdout::{Output, Reader, print, print_sql};

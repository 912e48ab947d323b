//! The output of pgkit: stdout, the pager and the terminal.

mod stdout;
pub mod terminal;

pub use stdout::{Output, Reader, print, print_sql};

//! The output of pgkit: stdout, the pager, the terminal, and the service manager.

mod files;
mod stdout;
pub mod supervisor;
pub mod terminal;

pub use files::{check_page, write, write_file};
pub use stdout::{Output, Reader, print, print_sql};

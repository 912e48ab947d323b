//! Files that a flag such as `--html FILE` names.

use std::path::Path;

use super::stdout::print;
use crate::error::{Error, Result};

/// Writes a file, which is replaced if it exists. Errors: it cannot be written (74).
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|e| Error::io(format!("could not write {}", path.display()), &e))
}

/// Writes a text to a file, or prints it if the path is `-`. Errors: it cannot be written (74).
pub fn write(path: &Path, text: &str) -> Result<()> {
    if path == Path::new("-") { print(text) } else { write_file(path, text.as_bytes()) }
}

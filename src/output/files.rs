//! Files that a flag such as `--html FILE` names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::stdout::print;
use crate::error::{Error, Result};

/// Writes a file, which is replaced if it exists. Errors: it cannot be written (74).
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|e| Error::io(format!("could not write {}", path.display()), &e))
}

/// Checks that a page may be written to this path: an existing file is only replaced if it is a page. Otherwise, a name
/// that was left out before a list of logs would cost the first of them.
///
/// Errors: a file with other contents is there (64).
pub fn check_page(path: &Path) -> Result<()> {
    let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0);
    let is_page = || {
        let mut first = [0; 15];
        let read = File::open(path).and_then(|mut file| file.read(&mut first));
        read.is_ok() && first.eq_ignore_ascii_case(b"<!doctype html>")
    };
    if path == Path::new("-") || !is_file || is_page() {
        return Ok(());
    }
    Err(Error::usage(format!("--html: {} exists and is not an HTML page", path.display()))
        .hint("name another file, or remove this one"))
}

/// Writes a text to a file, or prints it if the path is `-`. Errors: it cannot be written (74).
pub fn write(path: &Path, text: &str) -> Result<()> {
    if path == Path::new("-") { print(text) } else { write_file(path, text.as_bytes()) }
}

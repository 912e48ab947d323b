//! Finds and reads the user's configuration file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::commands::context::config_folder;
use crate::config::{self, Config, Fault};
use crate::connect::Environment;
use crate::error::{Error, Exit, Result};
use crate::trusted;

/// The environment variable with the path of the file.
const PATH: &str = "PGKIT_CONFIG";

/// The hint about an error in the file.
const ADVICE: &str = "pgkit config check lists all errors; PGKIT_CONFIG= does without the file";

/// Returns where the configuration file is, or would be; `None` if there is to be none.
pub fn path(env: &Environment) -> Option<PathBuf> {
    match env.var(PATH) {
        Some("") => None,
        Some(path) => Some(PathBuf::from(path)),
        None => config_folder(env).map(|folder| folder.join("config.toml")),
    }
}

/// Reads the configuration file. Without one, the configuration is empty.
///
/// Errors: it cannot be read (74), others can change it, or it has faults (65), of which there is one error each.
pub fn load(env: &Environment) -> std::result::Result<Config, Vec<Error>> {
    let Some(path) = path(env) else { return Ok(Config::default()) };
    // As for git, a home directory that is none, or that this user may not enter, has no file.
    let is_missing = std::fs::metadata(&path).is_err_and(|e| {
        matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied)
    });
    if is_missing && env.nonempty(PATH).is_none() {
        return Ok(Config::default());
    }
    read(&path, env.uid()).map_err(|e| vec![e]).and_then(|text| {
        let config = config::parse(&text);
        let config = config
            .map_err(|faults| faults.iter().map(|fault| plain_error(&path, fault)).collect::<Vec<_>>())?;
        Ok(Config { path: Some(path), ..config })
    })
}

/// Returns the first error of [`load`], with hints for a command that it stops.
pub fn first(errors: Vec<Error>) -> Error {
    let first = errors.into_iter().next().unwrap_or_else(|| Error::bug("no error"));
    if first.hints.is_empty() { first.hint(ADVICE) } else { first }
}

/// Reads the text of a file that only this user can change, because it names programs that are run.
fn read(path: &Path, uid: u32) -> Result<String> {
    let bytes = trusted::read(path, uid, "the configuration file");
    let bytes = bytes.map_err(|e| e.hint("PGKIT_CONFIG= does without the file"))?;
    String::from_utf8(bytes).map_err(|_| Error::data(format!("{} is not UTF-8", path.display())))
}

/// Returns a fault as an error, without hints.
pub(super) fn plain_error(path: &Path, fault: &Fault) -> Error {
    Error::new(Exit::BadInput, format!("{}, line {}: {}", path.display(), fault.line, fault.why))
}

/// Returns a fault as an error, with hints for a command that it stops.
pub(super) fn error(path: &Path, fault: &Fault) -> Error {
    plain_error(path, fault).hint(ADVICE)
}

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
    let is_missing = std::fs::metadata(&path).is_err_and(|e| e.kind() == ErrorKind::NotFound);
    if is_missing && env.nonempty(PATH).is_none() {
        return Ok(Config::default());
    }
    read(&path, env.uid()).map_err(|e| vec![e]).and_then(|text| {
        let config = config::parse(&text);
        let config =
            config.map_err(|faults| faults.iter().map(|fault| error(&path, fault)).collect::<Vec<_>>())?;
        Ok(Config { path: Some(path), ..config })
    })
}

/// Reads the text of a file that only this user can change, because it names programs that are run.
fn read(path: &Path, uid: u32) -> Result<String> {
    let bytes = trusted::read(path, uid, "the configuration file")?;
    String::from_utf8(bytes).map_err(|_| Error::data(format!("{} is not UTF-8", path.display())))
}

/// Returns a fault as an error.
pub(super) fn error(path: &Path, fault: &Fault) -> Error {
    Error::new(Exit::BadInput, format!("{}, line {}: {}", path.display(), fault.line, fault.why))
        .hint("pgkit config check lists all errors; PGKIT_CONFIG= does without the file")
}

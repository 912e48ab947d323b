//! The connection service file.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::files::Files;
use super::settings::{Settings, is_space};
use crate::error::{Error, Result};

/// Debian's libpq looks there, and upstream's in its installation; a machine has at most one of them.
const SYSTEM_FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/usr/local/pgsql/etc"];

/// Fills what is not set yet from the service, when one is named.
pub(super) fn fill(settings: &mut Settings, env: &Environment, files: &dyn Files) -> Result<()> {
    let Some(service) = settings.get("service").or_else(|| env.var("PGSERVICE")).map(str::to_owned) else {
        return Ok(());
    };
    let named = settings.get("servicefile").or_else(|| env.var("PGSERVICEFILE")).map(PathBuf::from);
    let own = named.or_else(|| {
        // The user's own file may be missing; the named one may not.
        env.home().map(|home| home.join(".pg_service.conf")).filter(|path| files.stat(path).is_ok())
    });
    if let Some(path) = own
        && fill_from(settings, &path, &service, files)?
    {
        return Ok(());
    }
    let system: Vec<PathBuf> = match env.var("PGSYSCONFDIR") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => SYSTEM_FOLDERS.iter().map(PathBuf::from).collect(),
    };
    for path in system.into_iter().map(|folder| folder.join("pg_service.conf")) {
        if files.stat(&path).is_ok() && fill_from(settings, &path, &service, files)? {
            return Ok(());
        }
    }
    Err(Error::usage(format!("definition of service \"{service}\" not found"))
        .hint("services are defined in ~/.pg_service.conf, in the file that PGSERVICEFILE names, or in the system's pg_service.conf"))
}

/// True when the file defines the service.
fn fill_from(settings: &mut Settings, path: &Path, service: &str, files: &dyn Files) -> Result<bool> {
    let shown = path.display();
    let content =
        files.read(path).map_err(|_| Error::usage(format!("service file \"{shown}\" not found")))?;
    let content = String::from_utf8_lossy(&content);
    let mut found = false;
    for (number, line) in content.split('\n').enumerate().map(|(index, line)| (index + 1, line)) {
        // libpq reads into a buffer of 1024.
        if line.len() >= 1023 {
            return Err(Error::usage(format!("line {number} too long in service file \"{shown}\"")));
        }
        let line = line.trim_matches(is_space);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if found {
                return Ok(true);
            }
            found = name.strip_prefix(service).is_some_and(|rest| rest.starts_with(']'));
            continue;
        }
        if !found {
            continue;
        }
        if line.starts_with("ldap") {
            return Err(Error::usage(format!(
                "LDAP look-up is not supported by pgkit (service file \"{shown}\", line {number})"
            )));
        }
        let syntax = || Error::usage(format!("syntax error in service file \"{shown}\", line {number}"));
        // No blanks are cut off around the = sign.
        let (key, value) = line.split_once('=').ok_or_else(syntax)?;
        if key == "service" || key == "servicefile" {
            return Err(Error::usage(format!(
                "nested {key} specifications not supported in service file \"{shown}\", line {number}"
            )));
        }
        if !settings.set_if_absent(key, value) {
            return Err(syntax());
        }
    }
    Ok(found)
}

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
    for path in paths(settings.get("servicefile"), env, files) {
        if fill_from(settings, &path, &service, files)? {
            return Ok(());
        }
    }
    Err(Error::usage(format!("definition of service \"{service}\" not found"))
        .hint("services are defined in ~/.pg_service.conf, in the file that PGSERVICEFILE names, or in the system's pg_service.conf"))
}

/// Returns the service files, the one that counts first. A file that is named may be missing; it is an error when it is
/// read.
fn paths(named: Option<&str>, env: &Environment, files: &dyn Files) -> Vec<PathBuf> {
    let is_there = |path: &PathBuf| files.stat(path).is_ok();
    let named = named.or_else(|| env.var("PGSERVICEFILE")).map(PathBuf::from);
    let own = named.or_else(|| env.home().map(|home| home.join(".pg_service.conf")).filter(is_there));
    let system: Vec<PathBuf> = match env.var("PGSYSCONFDIR") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => SYSTEM_FOLDERS.iter().map(PathBuf::from).collect(),
    };
    let system = system.into_iter().map(|folder| folder.join("pg_service.conf")).filter(is_there);
    own.into_iter().chain(system).collect()
}

/// Returns the names of all services, in the order of their files, each name once.
///
/// Errors: the file that PGSERVICEFILE names cannot be read (64).
pub fn services(env: &Environment, files: &dyn Files) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for path in paths(None, env, files) {
        let content = content(&path, files)?;
        let sections = content.lines().filter_map(|line| line.trim_matches(is_space).strip_prefix('['));
        for (name, _) in sections.filter_map(|section| section.split_once(']')) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}

/// Returns the text of a service file. Errors: it cannot be read (64).
fn content(path: &Path, files: &dyn Files) -> Result<String> {
    let content = files
        .read(path)
        .map_err(|_| Error::usage(format!("service file \"{}\" not found", path.display())))?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

/// True when the file defines the service.
fn fill_from(settings: &mut Settings, path: &Path, service: &str, files: &dyn Files) -> Result<bool> {
    let shown = path.display();
    let content = content(path, files)?;
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

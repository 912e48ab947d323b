//! A file with a list of servers: a name and a connection string on each line.

use std::collections::BTreeSet;
use std::path::Path;

use super::conninfo;
use super::environment::Environment;
use super::files::{Files, Stat};
use super::resolve::resolve;
use super::settings::is_space;
use super::target::Flags;
use crate::error::{Error, Result};

/// The hint about a line that is wrong.
const EACH_LINE: &str = "each line is a name and a connection string: prod1 host=db1 dbname=shop";

/// A server of a list.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its connection string.
    pub conninfo: String,
}

impl std::fmt::Debug for Listed {
    /// Without the connection string, which may contain a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listed").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Parses such a file. `file` is its name in errors. Empty lines and lines that begin with # are ignored.
///
/// Errors: a line without a connection string, or with an invalid one; a name that occurs twice; no server at all (65).
pub fn servers(file: &str, text: &str) -> Result<Vec<Listed>> {
    let mut all: Vec<Listed> = Vec::new();
    let mut names = BTreeSet::new();
    // A mark that editors of other systems put first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line.trim_matches(is_space))) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fail = |why: String| Error::data(format!("{file}, line {number}: {why}"));
        let (name, conninfo) = line.split_once(is_space).unwrap_or((line, ""));
        let conninfo = conninfo.trim_matches(is_space);
        if name.contains('=') || name.contains("://") {
            return Err(fail("missing name before the connection string".to_owned()).hint(EACH_LINE));
        }
        check_name("server", name).map_err(fail)?;
        if conninfo.is_empty() {
            return Err(fail(format!("missing connection string after {name:?}")).hint(EACH_LINE));
        }
        check_conninfo(conninfo).map_err(|why| fail(why).hint(EACH_LINE))?;
        if !names.insert(name) {
            return Err(fail(format!("duplicate server name {name:?}")));
        }
        all.push(Listed { name: name.to_owned(), conninfo: conninfo.to_owned() });
    }
    if all.is_empty() {
        return Err(Error::data(format!("{file} lists no servers")).hint(EACH_LINE));
    }
    Ok(all)
}

/// Checks a connection string, except for a service that it names. Errors say what is wrong with it.
pub fn check_conninfo(conninfo: &str) -> std::result::Result<(), String> {
    if !conninfo::is_connection_string(conninfo) {
        return Err("expected a connection string (key=value pairs or a URL)".to_owned());
    }
    if conninfo.contains('\0') {
        return Err("a connection string must not contain a null byte".to_owned());
    }
    let keys = conninfo::parse_any(conninfo).map_err(|e| e.message)?;
    if keys.get("service").is_some() {
        return Ok(());
    }
    let flags = Flags { otherwise: Some(conninfo.to_owned()), ..Flags::default() };
    let env = Environment::of::<String, String>([], None, Some("user"));
    resolve(&flags, &env, &NoFiles).map(|_| ()).map_err(|e| e.message)
}

/// No files at all.
struct NoFiles;

impl Files for NoFiles {
    fn stat(&self, _path: &Path) -> std::io::Result<Stat> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn read(&self, _path: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// Checks the name of a server or a group (`what`), which `--service` must be able to name. Errors say what is wrong with it.
pub fn check_name(what: &str, name: &str) -> std::result::Result<(), String> {
    let why = match name {
        "" => "must not be empty",
        "all" => "must not be \"all\"",
        _ if name.starts_with('@') => "must not begin with @",
        _ if name.contains(',') => "must not contain a comma",
        _ if name.contains('=') => "must not contain an equals sign",
        _ if name.chars().any(char::is_control) => "must not contain control characters",
        _ => return Ok(()),
    };
    Err(format!("invalid {what} name {name:?}: it {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        servers("list", text).unwrap_err().message
    }

    #[test]
    fn each_line_is_a_name_and_a_connection_string() {
        let text = "\u{feff}# all of them\n\n a\thost=db1 dbname='my shop'\r\nb  postgresql://db2/shop \n";
        let found = servers("list", text).unwrap();
        let found: Vec<(&str, &str)> =
            found.iter().map(|one| (one.name.as_str(), one.conninfo.as_str())).collect();
        assert_eq!(found, [("a", "host=db1 dbname='my shop'"), ("b", "postgresql://db2/shop")]);
    }

    #[test]
    fn faults_name_the_line_and_no_password() {
        assert_eq!(fault("\na"), "list, line 2: missing connection string after \"a\"");
        assert_eq!(fault("a shop"), "list, line 1: expected a connection string (key=value pairs or a URL)");
        assert_eq!(fault("host=db1 dbname=x"), "list, line 1: missing name before the connection string");
        assert_eq!(fault("a host=1\na host=2"), "list, line 2: duplicate server name \"a\"");
        assert_eq!(fault("a hots=1"), "list, line 1: invalid connection option \"hots\"");
        assert_eq!(fault("# none"), "list lists no servers");
        for name in ["all", "@prod", "a,b"] {
            assert!(fault(&format!("{name} host=1")).contains("invalid server name"), "{name}");
        }
        assert!(!fault("a password=my secret=x").contains("secret"));
        let listed = servers("list", "a password=secret").unwrap();
        assert!(!format!("{listed:?}").contains("secret"));
    }
}

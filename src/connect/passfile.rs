//! The password file, and what holds a password without showing it.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::Files;

/// A password. It has no `Display`, and its `Debug` says nothing. It is serialized only for the pipe to a helper.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A password, unless it is empty: libpq treats an empty one as missing.
    pub fn new(password: impl Into<Vec<u8>>) -> Option<Secret> {
        let password = password.into();
        if password.is_empty() { None } else { Some(Secret(password)) }
    }

    /// The password, for the wire only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The content of a password file that may be used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Passfile {
    content: Vec<u8>,
    /// The directory whose sockets go by the name of localhost.
    socket_dir: String,
}

impl fmt::Debug for Passfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passfile")
    }
}

impl Passfile {
    /// Reads the file. A missing file is not an error, and one that others can read is ignored, with a
    /// warning in libpq's words.
    pub(super) fn open(
        path: &Path,
        socket_dir: &str,
        files: &dyn Files,
        warnings: &mut Vec<String>,
    ) -> Option<Passfile> {
        let stat = files.stat(path).ok()?;
        let shown = path.display();
        if !stat.regular {
            warnings.push(format!("WARNING: password file \"{shown}\" is not a plain file"));
            return None;
        }
        if stat.mode & 0o077 != 0 {
            warnings.push(format!(
                "WARNING: password file \"{shown}\" has group or world access; \
                 permissions should be u=rw (0600) or less"
            ));
            return None;
        }
        let content = files.read(path).ok()?;
        Some(Passfile { content, socket_dir: socket_dir.to_owned() })
    }

    /// The first line that fits.
    pub(super) fn look_up(&self, host: &str, port: &str, database: &str, user: &str) -> Option<Secret> {
        let host = if host.is_empty() || host == self.socket_dir { "localhost" } else { host };
        for line in self.content.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b"#") {
                continue;
            }
            let rest = [host, port, database, user]
                .iter()
                .try_fold(line, |rest, wanted| after_field(rest, wanted.as_bytes()));
            if let Some(rest) = rest {
                // An empty password ends the search as any other does.
                return Secret::new(unescape(rest));
            }
        }
        None
    }
}

/// Returns the text after the field, if the field is `*` or spells the wanted value.
fn after_field<'a>(line: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let mut wanted = wanted.iter();
    let mut at = 0;
    while at < line.len() {
        if line[at] == b':' {
            return if wanted.next().is_none() { Some(&line[at + 1..]) } else { None };
        }
        if line[at] == b'\\' {
            at += 1;
        }
        if wanted.next() != line.get(at) {
            return None;
        }
        at += 1;
    }
    None
}

/// The password: up to a colon, without its backslashes.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut password = Vec::new();
    let mut bytes = field.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b':' => break,
            b'\\' => password.push(bytes.next().unwrap_or(b'\\')),
            byte => password.push(byte),
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> Passfile {
        Passfile { content: content.as_bytes().to_vec(), socket_dir: "/run/pg".into() }
    }

    fn found(content: &str, host: &str) -> Option<String> {
        file(content)
            .look_up(host, "5432", "db", "me")
            .map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap())
    }

    #[test]
    fn the_first_line_that_fits_is_taken() {
        let content = "# h:5432:db:me:comment\nh:1:db:me:a\nh:*:*:me:b\r\n*:*:*:*:c";
        assert_eq!(found(content, "h").as_deref(), Some("b"));
        assert_eq!(found(content, "other").as_deref(), Some("c"));
        assert_eq!(found("h:5432:db:me", "h"), None);
        assert_eq!(found("h:5432:db:me:\nh:*:*:*:later", "h"), None);
    }

    #[test]
    fn colons_and_backslashes_are_escaped() {
        assert_eq!(found(r"\:\:1:5432:db:me:a\:b\\c:rest", "::1").as_deref(), Some(r"a:b\c"));
        assert_eq!(found(r"h:5432:db:me:end\", "h").as_deref(), Some(r"end\"));
    }

    #[test]
    fn the_default_socket_directory_is_localhost() {
        assert_eq!(found("localhost:*:*:*:a", "/run/pg").as_deref(), Some("a"));
        assert_eq!(found("localhost:*:*:*:a", "/tmp"), None);
        assert_eq!(found("/run/pg:*:*:*:a", "/run/pg"), None);
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("hush")), "Some(***)");
        assert!(!format!("{:?}", file("*:*:*:*:hush")).contains("hush"));
    }
}

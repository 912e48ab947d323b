//! `postgresql://` connection strings: libpq's reading of them, which is wider than RFC 3986.

use percent_encoding::percent_decode_str;

use super::settings::{Settings, is_secret};
use crate::error::{Error, Result};

/// Does libpq take this for a URI?
pub(super) fn is_uri(text: &str) -> bool {
    without_scheme(text).is_some()
}

/// Parameters that other drivers take in such a URL, and whose they are.
const OF_OTHERS: &[(&str, &str)] = &[
    ("pgbouncer", "Prisma's"),
    ("connection_limit", "Prisma's"),
    ("pool_timeout", "Prisma's"),
    ("schema", "Prisma's"),
    ("prepareThreshold", "the JDBC driver's"),
    ("currentSchema", "the JDBC driver's"),
    ("statement_cache_size", "asyncpg's"),
    ("pool_max_conns", "pgx's"),
    ("default_query_exec_mode", "pgx's"),
    ("sslaccept", "Prisma's"),
];

fn without_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

/// Parses a URI.
pub(super) fn parse(uri: &str) -> Result<Settings> {
    let mut settings = Settings::default();
    let mut rest = without_scheme(uri).unwrap_or(uri);

    // Credentials, when an @ comes before any /.
    if let Some(at) = rest.find(['@', '/']).filter(|&at| rest[at..].starts_with('@')) {
        let (user, password) = match rest[..at].split_once(':') {
            Some((user, password)) => (user, password),
            None => (&rest[..at], ""),
        };
        if !user.is_empty() {
            settings.set("user", decode(user, false)?);
        }
        if !password.is_empty() {
            settings.set("password", decode(password, true)?);
        }
        rest = &rest[at + 1..];
    }

    // host[:port], several of them between commas. Commas stay in the lists: libpq splits them later.
    let (mut hosts, mut ports) = (String::new(), String::new());
    loop {
        let host;
        if let Some(bracketed) = rest.strip_prefix('[') {
            let Some(end) = bracketed.find(']') else {
                return Err(Error::usage(format!(
                    "end of string reached when looking for matching \"]\" in IPv6 host address in URI: \"{}\"",
                    redact(uri)
                )));
            };
            if end == 0 {
                return Err(Error::usage(format!(
                    "IPv6 host address may not be empty in URI: \"{}\"",
                    redact(uri)
                )));
            }
            host = &bracketed[..end];
            rest = &bracketed[end + 1..];
            if let Some(c) = rest.chars().next().filter(|c| !":/?,".contains(*c)) {
                return Err(Error::usage(format!(
                    "unexpected character \"{c}\" at position {} in URI (expected \":\" or \"/\"): \"{}\"",
                    uri.len() - rest.len() + 1,
                    redact(uri)
                )));
            }
        } else {
            let end = rest.find([':', '/', '?', ',']).unwrap_or(rest.len());
            host = &rest[..end];
            rest = &rest[end..];
        }
        hosts.push_str(host);
        if let Some(after) = rest.strip_prefix(':') {
            let end = after.find(['/', '?', ',']).unwrap_or(after.len());
            ports.push_str(&after[..end]);
            rest = &after[end..];
        }
        match rest.strip_prefix(',') {
            Some(after) => {
                rest = after;
                hosts.push(',');
                ports.push(',');
            }
            None => break,
        }
    }
    // A password with a raw @ or / in it ends up in the host, the port or the database. libpq would show
    // it in the message of a failed look-up.
    let unquoted = hosts.contains('@')
        || (rest.contains('@')
            && !ports.is_empty()
            && !ports.bytes().all(|b| b.is_ascii_digit() || b == b','));
    if unquoted {
        return Err(Error::usage("the URI's host or port contains part of its user or password")
            .hint("write @ as %40, / as %2F and : as %3A in a user name or password"));
    }
    if !hosts.is_empty() {
        settings.set("host", decode(&hosts, false)?);
    }
    if !ports.is_empty() {
        settings.set("port", decode(&ports, false)?);
    }

    if let Some(path) = rest.strip_prefix('/') {
        let end = path.find('?').unwrap_or(path.len());
        // An empty name would hide PGDATABASE.
        if end > 0 {
            settings.set("dbname", decode(&path[..end], false)?);
        }
        rest = &path[end..];
    }
    if let Some(query) = rest.strip_prefix('?') {
        parameters(query, &mut settings)?;
    }
    Ok(settings)
}

fn parameters(query: &str, settings: &mut Settings) -> Result<()> {
    // As in conninfo: what follows a password may be a piece of it.
    let mut after_secret = false;
    let mut pairs: Vec<&str> = query.split('&').collect();
    // An & at the very end starts no parameter.
    if pairs.last().is_some_and(|last| last.is_empty()) {
        pairs.pop();
    }
    for pair in pairs {
        let (key, value) = pair.split_once('=').unzip();
        let key = key.unwrap_or(pair);
        let shown = if after_secret { "***" } else { key };
        let Some(value) = value else {
            return Err(Error::usage(format!(
                "missing key/value separator \"=\" in URI query parameter: \"{shown}\""
            )));
        };
        if value.contains('=') {
            return Err(Error::usage(format!(
                "extra key/value separator \"=\" in URI query parameter: \"{shown}\""
            )));
        }
        let key = decode(key, after_secret)?;
        let value = decode(value, is_secret(&key))?;
        // As JDBC writes it.
        let (key, value) = if key == "ssl" && value == "true" {
            ("sslmode".to_owned(), "require".to_owned())
        } else {
            (key, value)
        };
        if !settings.set(&key, value) {
            let error = Error::usage(format!("invalid URI query parameter: \"{shown}\""));
            return Err(match OF_OTHERS.iter().find(|(name, _)| *name == shown) {
                Some((_, whose)) => error.hint(format!("that is a parameter of {whose}: leave it out")),
                None => error,
            });
        }
        after_secret = is_secret(&key);
    }
    Ok(())
}

/// Decodes percent-encoding strictly: two hex digits must follow each `%`.
fn decode(token: &str, secret: bool) -> Result<String> {
    let shown = if secret { "***" } else { token };
    let bytes = token.as_bytes();
    for at in (0..bytes.len()).filter(|&at| bytes[at] == b'%') {
        match (bytes.get(at + 1), bytes.get(at + 2)) {
            (Some(b'0'), Some(b'0')) => {
                return Err(Error::usage(format!(
                    "forbidden value %00 in percent-encoded value: \"{shown}\""
                )));
            }
            (Some(high), Some(low)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {}
            _ => return Err(Error::usage(format!("invalid percent-encoded token: \"{shown}\""))),
        }
    }
    percent_decode_str(token)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Error::usage(format!("percent-encoded value is not valid UTF-8: \"{shown}\"")))
}

/// The URI without its password: it stands between the first colon and the @, and in the query.
fn redact(uri: &str) -> String {
    let start = uri.len() - without_scheme(uri).unwrap_or(uri).len();
    let mut shown = uri.split('?').next().unwrap_or(uri).to_owned();
    if shown.len() < uri.len() {
        shown.push_str("?…");
    }
    let credentials = shown[start..].find(['@', '/']).filter(|&at| shown[start + at..].starts_with('@'));
    if let Some(at) = credentials
        && let Some(colon) = shown[start..start + at].find(':')
    {
        shown.replace_range(start + colon + 1..start + at, "***");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_taken_apart() {
        let settings =
            parse("postgresql://us%65r:p%40ss@h1:1,[::1]:2,/d%20b?application_name=x&ssl=true").unwrap();
        assert_eq!(settings.get("user"), Some("user"));
        assert_eq!(settings.get("password"), Some("p@ss"));
        assert_eq!(settings.get("host"), Some("h1,::1,"));
        assert_eq!(settings.get("port"), Some("1,2,"));
        assert_eq!(settings.get("dbname"), Some("d b"));
        assert_eq!(settings.get("application_name"), Some("x"));
        assert_eq!(settings.get("sslmode"), Some("require"));
    }

    #[test]
    fn no_error_shows_a_password() {
        for uri in [
            "postgresql://u:secret@[::1",
            "postgresql://u:secret@[::1]x",
            "postgresql://u:secret@[]",
            "postgresql://u:secret%zz@h",
            "postgresql://u:secret%00@h",
            "postgresql://h?password=secret%zz",
            "postgresql://h?password=secret=x",
            "postgresql://h?password=a&secret",
            "postgresql://h?password=a&secret=1",
            "postgresql://[x?password=secret",
            "postgresql://u:a@secret@h/d",
            "postgresql://u:sec/ret@h/d",
        ] {
            let error = parse(uri).err().unwrap();
            assert!(!error.to_string().contains("sec"), "{uri}: {error}");
        }
    }
}

//! `key=value` connection strings.

use super::settings::{Settings, is_secret, is_space};
use crate::error::{Error, Result};

/// Is this -d a connection string (else it is the name of a database)?
pub fn is_connection_string(dbname: &str) -> bool {
    super::uri::is_uri(dbname) || dbname.contains('=')
}

/// Returns a `key=value` string with the same settings as this connection string, except for passwords and other secrets, and with
/// this database, if there is one. Errors: it is not a valid connection string (64).
pub fn without_secrets(text: &str, database: Option<&str>) -> Result<String> {
    let mut settings = parse_any(text)?;
    if let Some(database) = database {
        settings.set("dbname", database);
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@+".contains(c);
    let written = settings.all().filter(|(key, _)| !is_secret(key)).map(|(key, value)| {
        if !value.is_empty() && value.chars().all(is_plain) {
            return format!("{key}={value}");
        }
        format!("{key}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
    });
    Ok(written.collect::<Vec<_>>().join(" "))
}

/// Parses either kind of connection string.
pub(super) fn parse_any(text: &str) -> Result<Settings> {
    if super::uri::is_uri(text) { super::uri::parse(text) } else { parse(text) }
}

/// Parses `key=value key = 'va\'lue'`; a key given twice has its last value.
pub(super) fn parse(text: &str) -> Result<Settings> {
    let mut settings = Settings::default();
    let mut rest = text.trim_start_matches(is_space);
    // A blank in an unquoted password tears it in two, and the second half would be shown as a key.
    let mut after_secret = false;
    while !rest.is_empty() {
        let end = rest.find(|c| c == '=' || is_space(c)).unwrap_or(rest.len());
        let key = &rest[..end];
        let shown = if after_secret { "***" } else { key };
        rest = rest[end..].trim_start_matches(is_space);
        let Some(after) = rest.strip_prefix('=') else {
            return Err(Error::usage(format!("missing \"=\" after \"{shown}\" in connection info string"))
                .hint("put a value with spaces in single quotes: password='my secret'"));
        };
        let (value, after) = value(after.trim_start_matches(is_space))?;
        if !settings.set(key, value) {
            return Err(Error::usage(format!("invalid connection option \"{shown}\"")));
        }
        after_secret = is_secret(key);
        rest = after.trim_start_matches(is_space);
    }
    Ok(settings)
}

/// Parses one value, and returns it with the text after it.
fn value(text: &str) -> Result<(String, &str)> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices();
    if quoted {
        chars.next();
    }
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                if let Some((_, escaped)) = chars.next() {
                    value.push(escaped);
                }
            }
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            c if !quoted && is_space(c) => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return Err(Error::usage("unterminated quoted string in connection info string"));
    }
    Ok((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_read_as_libpq_reads_them() {
        let settings =
            parse(r" host = 'a b\'c' user=x\ y  password='' port=1 port=2 dbname='a'user=z").unwrap();
        assert_eq!(settings.get("host"), Some("a b'c"));
        assert_eq!(settings.get("user"), Some("z"));
        assert_eq!(settings.get("password"), Some(""));
        assert_eq!(settings.get("port"), Some("2"));
        assert_eq!(settings.get("dbname"), Some("a"));
    }

    #[test]
    fn a_string_without_its_secrets_leads_to_the_same_server() {
        for (text, shown) in [
            ("host=a password=geheim user=x", "dbname='a''b' host=a user=x"),
            (
                "postgresql://x:geheim@h1:1,h2:2/db?sslmode=require",
                "dbname='a''b' host=h1,h2 port=1,2 sslmode=require user=x",
            ),
            (r"options='-c a=b\'c' host=''", r"dbname='a''b' host='' options='-c a=b\'c'"),
        ] {
            let again = without_secrets(text, Some("a'b")).unwrap();
            assert_eq!(again, shown.replace("a''b", r"a\'b"));
            assert_eq!(parse(&again).unwrap().get("dbname"), Some("a'b"));
        }
        assert_eq!(without_secrets("host=a dbname=b", None).unwrap(), "dbname=b host=a");
    }

    #[test]
    fn a_torn_password_is_not_shown() {
        for text in ["password=my secret", "password=my sec=ret", "sslpassword=a secret b"] {
            let error = parse(text).err().unwrap();
            assert!(!error.message.contains("sec"), "{}", error.message);
        }
    }
}

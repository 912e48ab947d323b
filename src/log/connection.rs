//! Parses the English messages of `log_connections` and `log_disconnections`. The texts are those in the sources of PostgreSQL 10
//! to 18.

/// A message about a connection that begins or ends.
#[derive(Debug, PartialEq)]
pub enum Connection<'a> {
    /// The host that the connection comes from.
    Received(&'a [u8]),
    /// The role, the database and the application name.
    Authorized(&'a [u8], &'a [u8], &'a [u8]),
    /// The length of the session in milliseconds, the role, the database and the host.
    Ended(f64, &'a [u8], &'a [u8], &'a [u8]),
}

/// Returns the value of `key=` in a message, which ends before the next of these keys.
fn value<'a>(text: &'a [u8], key: &[u8], next: &[&[u8]]) -> &'a [u8] {
    let Some(at) = memchr::memmem::find(text, key) else { return b"" };
    let rest = &text[at + key.len()..];
    let end = next.iter().filter_map(|next| memchr::memmem::find(rest, next)).min();
    &rest[..end.unwrap_or(rest.len())]
}

/// Parses a message of `log_connections` or `log_disconnections`; `None` if it is another message.
pub fn connection(message: &[u8]) -> Option<Connection<'_>> {
    if let Some(rest) = message.strip_prefix(b"connection received: host=") {
        let end = memchr::memmem::rfind(rest, b" port=").unwrap_or(rest.len());
        return Some(Connection::Received(&rest[..end]));
    }
    if let Some(rest) = [&b"connection authorized: "[..], b"replication connection authorized: "]
        .iter()
        .find_map(|words| message.strip_prefix(*words))
    {
        let ends: [&[u8]; 3] = [b" SSL enabled", b" SSL ", b" GSS "];
        let with = |more: &[&'static [u8]]| [more, &ends[..]].concat();
        return Some(Connection::Authorized(
            value(rest, b"user=", &with(&[b" database=", b" application_name="])),
            value(rest, b"database=", &with(&[b" application_name="])),
            value(rest, b"application_name=", &ends),
        ));
    }
    let rest = message.strip_prefix(b"disconnection: session time: ")?;
    let end = memchr::memchr(b' ', rest)?;
    let mut ms = 0.0;
    for part in rest[..end].split(|b| *b == b':') {
        ms = ms * 60.0 + std::str::from_utf8(part).ok()?.parse::<f64>().ok()? * 1e3;
    }
    Some(Connection::Ended(
        ms,
        value(rest, b"user=", &[b" database="]),
        value(rest, b"database=", &[b" host="]),
        value(rest, b"host=", &[b" port="]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_taken_apart() {
        assert_eq!(connection(b"connection received: host=::1 port=5"), Some(Connection::Received(b"::1")));
        assert_eq!(
            connection(b"connection authorized: user=a b database=c application_name=d e SSL enabled (protocol=TLSv1.3)"),
            Some(Connection::Authorized(b"a b", b"c", b"d e"))
        );
        assert_eq!(
            connection(b"disconnection: session time: 1:02:03.500 user=u database=d host=h port=5"),
            Some(Connection::Ended(3_723_500.0, b"u", b"d", b"h"))
        );
        assert_eq!(connection(b"disconnection"), None);
    }
}

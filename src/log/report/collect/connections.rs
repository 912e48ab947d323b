//! Adds up connections, the length of sessions, and connections that were refused.

use super::Collector;
use crate::log::connection::Connection;
use crate::log::report::entry::Entry;
use crate::log::report::kept::Connections;
use crate::log::report::names::hash;
use crate::log::report::sections::Section;
use crate::log::report::series::Step;
use crate::log::report::shapes;

impl Collector {
    /// Adds the beginning or the end of a connection.
    pub(super) fn connection(&mut self, entry: &Entry<'_>, connection: &Connection<'_>) {
        match *connection {
            Connection::Received(host) => {
                // An earlier session with the same pid must have ended, even if its end was not logged.
                self.session_ended(entry);
                let host = self.names.number(host);
                if let Some(session) = self.sessions.of(entry) {
                    session.host = host;
                }
            }
            Connection::Authorized(user, database, application) => {
                // An earlier session with the same pid, role and database may have ended without a log entry.
                if let Some(session) = self.sessions.of(entry) {
                    session.connection = None;
                }
                let application = if application.is_empty() { entry.application } else { application };
                let key = self.connection_row(entry, user, database, application, b"");
                let row = self.connections.again(key);
                row.count += 1;
                row.seen.at(entry.time);
                if let Some(session) = self.sessions.of(entry) {
                    session.connection = Some(key);
                }
                self.add(entry, Section::Connections, Step::ONE);
            }
            Connection::Ended(ms, user, database, host) => {
                let key = self.connection_row(entry, user, database, entry.application, host);
                let row = self.connections.again(key);
                row.time.add(ms);
                row.seen.at(entry.time);
                self.session_ended(entry);
                self.add(entry, Section::Connections, Step::more(ms));
            }
        }
    }

    /// Returns the key of the row of the session's connection. If the session has no row yet, the row is chosen by
    /// these names. The host that was logged when the connection was received takes precedence over `host`.
    fn connection_row(
        &mut self,
        entry: &Entry<'_>,
        user: &[u8],
        database: &[u8],
        application: &[u8],
        host: &[u8],
    ) -> u64 {
        let session = self.sessions.known(entry);
        if let Some(key) = session.as_ref().and_then(|session| session.connection) {
            return key;
        }
        let told = session.and_then(|session| session.host);
        let host = if host.is_empty() { host_of(entry.client) } else { host };
        let host = told.or_else(|| self.names.number(host));
        let host_name = host.map(|host| self.names.name(host)).unwrap_or_default();
        let key = hash(&[user, database, application, host_name].join(&0));
        let new = Connections {
            user: self.names.number(user),
            database: self.names.number(database),
            application: self.names.number(application),
            host,
            ..Connections::default()
        };
        self.connections.row(key, || new);
        key
    }

    /// Ends a session, and adds its temporary files whose statement was not logged.
    fn session_ended(&mut self, entry: &Entry<'_>) {
        let left = self.sessions.end(entry.pid);
        self.add_files(None, &left);
    }

    /// Ends all sessions, because the server was restarted or the log has ended.
    pub(super) fn all_sessions_ended(&mut self) {
        let left = self.sessions.end_all();
        self.add_files(None, &left);
    }

    /// Counts a refused connection, if the error is one. It is recognized by its SQLSTATE, or by its message if the log
    /// has no SQLSTATEs.
    pub(super) fn failed_connection(&mut self, entry: &Entry<'_>) {
        let message = shapes::message(entry.sqlstate, entry.message);
        let is_refused = entry.statement.is_empty()
            && match entry.sqlstate {
                b"" => REFUSALS.iter().any(|words| message.starts_with(words.as_bytes())),
                b"53300" | b"57P03" | b"3D000" | b"0A000" | b"08P01" => true,
                b"42501" => message.starts_with(b"permission denied for database"),
                b"55000" => message.starts_with(b"database "),
                state => state.starts_with(b"28"),
            };
        if is_refused {
            let key = self.connection_row(entry, entry.user, entry.database, entry.application, b"");
            let row = self.connections.again(key);
            row.failed += 1;
            row.seen.at(entry.time);
        }
    }
}

/// The beginnings of messages about refused connections, for logs without SQLSTATEs.
const REFUSALS: &[&str] = &[
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "sorry, too many clients",
    "remaining connection slots",
    "too many connections for",
    "the database system is ",
    "role \"",
    "database \"",
    "permission denied for database",
    "password authentication failed",
    "Peer authentication failed",
    "Ident authentication failed",
    "LDAP authentication failed",
    "PAM authentication failed",
    "GSSAPI authentication failed",
    "RADIUS authentication failed",
    "certificate authentication failed",
    "authentication failed",
    "canceling authentication due to timeout",
    "unsupported frontend protocol",
    "invalid length of startup packet",
    "no PostgreSQL user name specified",
];

/// Returns the host of a client without the port, from `host:port` or `host(port)`.
pub(super) fn host_of(client: &[u8]) -> &[u8] {
    if let Some(open) = client.strip_suffix(b")").and_then(|text| memchr::memrchr(b'(', text)) {
        return &client[..open];
    }
    match memchr::memrchr(b':', client) {
        Some(at) if client[at + 1..].iter().all(u8::is_ascii_digit) && !is_bare_ipv6(client) => &client[..at],
        _ => client,
    }
}

/// Returns whether this is an IPv6 address without a port. The server does not put IPv6 addresses in brackets, so the
/// last part of an address looks like a port.
fn is_bare_ipv6(client: &[u8]) -> bool {
    let colons = memchr::memchr_iter(b':', client).count();
    let parts = client.split(|b| *b == b':');
    colons > 1
        && parts.clone().all(|part| part.len() <= 4)
        && std::str::from_utf8(client).is_ok_and(|text| {
            // If a valid address is before a last part of four or more digits, that part is a port.
            text.parse::<std::net::Ipv6Addr>().is_ok()
                && !text.rsplit_once(':').is_some_and(|(address, port)| {
                    port.len() >= 4 && address.parse::<std::net::Ipv6Addr>().is_ok()
                })
        })
}

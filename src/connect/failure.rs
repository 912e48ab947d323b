//! Why a place could not be connected to, the line that says so, and what the reader can do.

use std::error::Error as _;
use std::io;

use super::dial::Route;
use super::frames::Greeting;
use super::target::{Host, SslMode, Target};
use super::tls::os_text;
use crate::error::{Error, Exit};

/// What is tried after a failure. As libpq: once a server has answered, the other hosts are not tried, except
/// where the session is of the wrong kind or the server is not ready yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Address,
    Host,
    Nothing,
}

/// The kinds of trouble that have advice of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Network,
    Timeout,
    UnknownHost,
    Tls,
    NoTlsHere,
    NeedsPassword,
    Peer,
    Method,
    Closed,
    Session,
    Server,
    /// ssh has ended.
    Ssh,
    /// ssh has logged in, but cannot reach the server.
    BehindSsh,
    Other,
}

/// One failed attempt.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    pub(super) next: Next,
    /// One line, without the place.
    pub(super) text: String,
    pub(super) sqlstate: Option<String>,
    /// The server turned us away before it had let us in: trying again with TLS, or without it, may succeed.
    pub(super) turned_away: bool,
    /// The server had asked for a password before this failure.
    pub(super) had_asked: bool,
    /// `text` is the whole line, place and all.
    pub(super) whole: bool,
}

impl Failure {
    pub(super) fn new(cause: Cause, next: Next, text: impl Into<String>) -> Failure {
        Failure {
            cause,
            next,
            text: one_line(&text.into()),
            sqlstate: None,
            turned_away: false,
            had_asked: false,
            whole: false,
        }
    }

    pub(super) fn closed() -> Failure {
        Failure::new(Cause::Closed, Next::Nothing, "server closed the connection unexpectedly")
    }

    /// The connection was there and then it was not.
    pub(super) fn lost(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Failure::closed(),
            // The check of the server's messages has refused one.
            io::ErrorKind::InvalidData => Failure::new(Cause::Other, Next::Nothing, error.to_string()),
            _ => Failure::new(
                Cause::Closed,
                Next::Nothing,
                format!("could not receive data from server: {}", os_text(error)),
            ),
        }
    }

    /// Describes an error that tokio-postgres returned during start-up; `greeting` is what the server had sent by then.
    pub(super) fn startup(error: &tokio_postgres::Error, greeting: Greeting, tls: bool) -> Failure {
        if let Some(db) = error.as_db_error() {
            let mut text = format!("{}:  {}", db.severity(), db.message());
            if let Some(detail) = db.detail() {
                text.push_str(&format!(" ({detail})"));
            }
            let mut failure = Failure::new(Cause::Server, Next::Nothing, text);
            failure.sqlstate = Some(db.code().code().to_owned());
            failure.turned_away = !greeting.authenticated;
            // A password in clear text or hashed with MD5, or SASL.
            failure.had_asked = matches!(greeting.method, Some(3 | 5 | 10..=12));
            return failure;
        }
        if error.is_closed() {
            return Failure::closed();
        }
        let source = error.source();
        if let Some(error) = source.and_then(|source| source.downcast_ref::<io::Error>()) {
            return Failure::lost(error);
        }
        let text = source.map_or_else(|| error.to_string(), ToString::to_string);
        let (cause, text) = match text.as_str() {
            "password missing" => (Cause::NeedsPassword, "fe_sendauth: no password supplied".to_owned()),
            "unsupported authentication method" => {
                let method = match greeting.method {
                    Some(2) => "Kerberos V5",
                    Some(6) => "SCM credential",
                    Some(7) => "GSSAPI",
                    Some(9) => "SSPI",
                    _ => "this",
                };
                (Cause::Method, format!("{method} authentication is not supported by pgkit"))
            }
            "unsupported SASL mechanism" => {
                (Cause::Method, "the server's SASL mechanisms are not supported by pgkit".to_owned())
            }
            "server did not use channel binding" if !tls => {
                (Cause::Tls, "channel binding required, but SSL not in use".to_owned())
            }
            "server did not use channel binding" => (
                Cause::Method,
                "channel binding required, but server authenticated client without channel binding"
                    .to_owned(),
            ),
            _ => (Cause::Other, format!("{error}: {text}")),
        };
        Failure::new(cause, Next::Nothing, text)
    }

    /// Combines the failures of two attempts on the same place into one line.
    pub(super) fn after(mut self, first: Failure, with: &str, without: &str) -> Failure {
        if self.text != first.text {
            self.text = format!("{}{with}; {}{without}", first.text, self.text);
        }
        self
    }
}

fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The place as libpq names it, and the ssh host on the way to it.
pub(super) fn place(host: &Host, route: &Route) -> String {
    let way = match route {
        Route::Forward(forward) => format!(", through ssh {},", forward.shown()),
        _ => String::new(),
    };
    if host.is_socket() {
        return format!("connection to server on socket \"{}\"{way} failed", host.socket_path());
    }
    let shown = host.addr.as_deref().unwrap_or(&host.name);
    match route.address().map(|address| address.to_string()) {
        Some(address) if address != shown => {
            format!("connection to server at \"{shown}\" ({address}), port {}{way} failed", host.port)
        }
        _ => format!("connection to server at \"{shown}\", port {}{way} failed", host.port),
    }
}

/// All that was tried, as one error.
pub(super) fn error(target: &Target, lines: Vec<String>, last: Option<(&Host, &Failure)>) -> Error {
    let mut message = "could not connect to the server".to_owned();
    for line in lines {
        message.push('\n');
        message.push_str(&line);
    }
    let mut error = Error::new(Exit::Unavailable, message);
    let Some((host, failure)) = last else { return error };
    if let Some(hint) = hint(target, host, failure) {
        error = error.hint(hint);
    }
    match &failure.sqlstate {
        Some(sqlstate) => error.with_sqlstate(sqlstate),
        None => error,
    }
}

/// The database that is the admin console in every PgBouncer.
pub const CONSOLE: &str = "pgbouncer";

/// What to do where a server answers instead of PgBouncer.
pub(super) const NOT_A_POOLER: &str =
    "this is a server itself: give the host and the port of PgBouncer (often 6432) with -h and -p";

fn hint(target: &Target, host: &Host, failure: &Failure) -> Option<String> {
    let password =
        "give the password with -W, PGPASSWORD or a line in the password file (~/.pgpass, mode 0600)";
    Some(match (failure.cause, failure.sqlstate.as_deref()) {
        (Cause::BehindSsh, _) => "is the server running there, seen from the ssh host, and does its sshd allow forwarding? \
             name another host and port with -h and -p (without -h it is localhost)"
            .to_owned(),
        (Cause::Ssh, _) => "try again: a new ssh is started".to_owned(),
        (Cause::Network, _) if host.is_socket() => {
            "is the server running on this machine, with its socket in this directory? \
             name a host or another socket directory with -h, or set PGHOST"
                .to_owned()
        }
        (Cause::Network, _) => "is the server running on that host and accepting TCP/IP connections on that port? \
             name others with -h and -p"
            .to_owned(),
        (Cause::Timeout, _) => "is the host up, and does a firewall let this port through? \
             connect_timeout or PGCONNECT_TIMEOUT set how long to wait"
            .to_owned(),
        (Cause::UnknownHost, _) => "check the spelling of the host's name, and that this machine can look it up".to_owned(),
        (Cause::Tls, _) if target.tls.mode >= SslMode::VerifyCa => format!(
            "sslmode is {}: sslrootcert (now {}) must contain the certificate of the authority that signed the server's{}",
            target.tls.mode.name(),
            root_shown(target),
            if target.tls.mode == SslMode::VerifyFull { ", and -h must be a name in that certificate" } else { "" }
        ),
        (Cause::Tls, _) => format!(
            "sslmode is {}, and the roots are those of sslrootcert ({})",
            target.tls.mode.name(),
            root_shown(target)
        ),
        (Cause::NoTlsHere, _) => {
            format!("sslmode is {}: the server has ssl off, or a proxy is in front of it", target.tls.mode.name())
        }
        (Cause::Peer, _) => {
            "requirepeer (or PGREQUIREPEER) is the user that the server runs as: is it this one, or does another process listen there?"
                .to_owned()
        }
        (Cause::NeedsPassword, _) => password.to_owned(),
        (Cause::Method, _) => {
            "the server's pg_hba.conf asks for it: try another user, host or database, or ask its administrator"
                .to_owned()
        }
        (Cause::Closed, _) => {
            "is this a PostgreSQL server, and does its log say why it closed the connection?".to_owned()
        }
        (Cause::Session, _) => {
            "target_session_attrs (or PGTARGETSESSIONATTRS) asks for another kind of server".to_owned()
        }
        (Cause::Server, Some("3D000")) if target.database == CONSOLE => NOT_A_POOLER.to_owned(),
        (Cause::Server, _) if target.database == CONSOLE && failure.text.ends_with("not allowed") => {
            "the console takes users of admin_users and stats_users in pgbouncer.ini: name one with -U".to_owned()
        }
        (Cause::Server, Some("3D000")) => {
            "list the databases with `psql -l`, and name one with -d".to_owned()
        }
        (Cause::Server, Some("28P01")) => password.to_owned(),
        (Cause::Server, _) if failure.text.contains("unsupported startup parameter") => {
            "PgBouncer rejects settings that it does not know: unset PGOPTIONS and variables such as PGTZ, leave out `options`, or add \
             the parameter to ignore_startup_parameters in pgbouncer.ini"
                .to_owned()
        }
        (Cause::Server, Some("28000")) => {
            "there is no such role, it may not log in, or the server's pg_hba.conf has no line for this host, user, \
             database and kind of encryption: name another user with -U, or ask the server's administrator"
                .to_owned()
        }
        (Cause::Server, Some("53300")) => {
            "all of the server's connections are in use: try again, or connect as a superuser, for whom some are reserved"
                .to_owned()
        }
        (Cause::Server, Some("57P03")) => "the server is starting up, shutting down or in recovery: try again".to_owned(),
        (Cause::Server, Some("42501")) => "ask for the CONNECT privilege on this database, or name another with -d".to_owned(),
        (Cause::Server | Cause::Other, _) => return None,
    })
}

fn root_shown(target: &Target) -> String {
    match (&target.tls.root_cert, &target.tls.folder) {
        (Some(path), _) => path.clone(),
        (None, Some(folder)) => folder.join("root.crt").display().to_string(),
        (None, None) => "none".to_owned(),
    }
}

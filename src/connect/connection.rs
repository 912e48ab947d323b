//! Dials a target: its hosts one after the other, TLS, and the first message.

use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::AsyncMessage;

use super::cancel::Canceler;
use super::dial::{Context, Route, Session};
use super::failure::{CONSOLE, Cause, Failure, Next};
use super::opening::{Opening, Server};
use super::passfile::Secret;
use super::stream::Handle;
use super::target::{Host, Prompt, SessionAttrs, Target};
use super::version::ServerVersion;
use super::{dial, failure, frames, opening, ssh, stream, tls};
use crate::error::{Error, Exit, Result};

/// A session with a server.
pub struct Connected {
    /// Speaks to the server.
    pub client: tokio_postgres::Client,
    /// The server's version.
    pub version: ServerVersion,
    /// Is the database's encoding SQL_ASCII, so that its bytes may be in any encoding?
    pub sql_ascii: bool,
    /// The host's name, address or socket directory, for messages.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The role that connected.
    pub user: String,
    /// The database.
    pub database: String,
    /// The backend's process id; 0 where the server gave none.
    pub backend_pid: i32,
    /// Is the connection encrypted?
    pub encrypted: bool,
    /// Warnings for the user: nothing in them keeps the session from being used.
    pub warnings: Vec<String>,
    /// The target that was connected to, including a password that was typed: for further connections to the same
    /// server.
    pub target: Target,
    /// Cancels what this session does.
    pub canceler: Canceler,
    /// Takes the connection back from `client`, for code that speaks the protocol itself.
    pub handle: Handle,
    /// The first message, as it was sent.
    pub message: String,
    /// The row that [`Opening::question`] asked for, or the server's refusal of the whole message.
    pub answer: std::result::Result<Vec<Option<String>>, tokio_postgres::Error>,
    /// Does the server notice by itself that its client was killed?
    pub watches_client: bool,
    /// Did the session begin as another role than the one that connected?
    pub has_other_role: bool,
    /// Is the server in recovery?
    pub standby: bool,
    /// Is there a connection pooler in between? There is if the backend that serves the session is not the one that
    /// was named at start-up.
    pub is_pooled: bool,
    /// The task that moves the bytes. It ends when `client` is dropped, or when the connection is lost, and then
    /// returns the error.
    pub driver: JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
    /// See [`ClosingError`].
    pub closing_error: ClosingError,
    /// Is signalled when a notification arrives on a channel that the session listens to.
    pub notified: Arc<Notify>,
}

/// Time limit for connecting to one address, unless the target sets one.
const PATIENCE: Duration = Duration::from_secs(120);

/// Connects to the first of the target's hosts that is acceptable, and sends the first message. Every session with a
/// server is opened by this function.
///
/// `ask` prompts for a password, at most once: before connecting with `-W`; otherwise if the server requires a
/// password, none is known, and `-w` is not set. Must run on a tokio runtime with I/O and time enabled.
pub async fn connect(
    target: &Target,
    opening: &Opening<'_>,
    ask: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<Connected> {
    first_of(target, Some(opening), accept, ask).await
}

/// A session with PgBouncer's admin console.
pub struct ConnectedConsole {
    /// Speaks to the console, by the simple protocol only.
    pub client: tokio_postgres::Client,
    /// PgBouncer's version: `1.18.0`.
    pub version: String,
    /// The host's name, address or socket directory, for messages.
    pub host: String,
    /// See [`Connected::target`].
    pub target: Target,
    /// See [`Connected::driver`].
    pub driver: JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
    /// See [`ClosingError`].
    pub closing_error: ClosingError,
}

/// Connects to PgBouncer's admin console. It is not a server, so it gets no first message.
///
/// Errors: no connection (69); a server instead of a PgBouncer (64).
pub async fn console(
    target: &Target,
    ask: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<ConnectedConsole> {
    // The console takes no settings at start-up.
    let target = Target { options: None, ..target.with_database(CONSOLE) };
    first_of(&target, None, accept_console, ask).await
}

/// Makes a session of what was opened. Errors: the other side is not what was asked for.
type Accept<T> = fn(
    &Target,
    &Host,
    Route,
    Opened,
    JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
) -> Result<T>;

async fn first_of<T>(
    target: &Target,
    opening: Option<&Opening<'_>>,
    accept: Accept<T>,
    ask: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<T> {
    let prompt = format!("Password for user {}: ", target.user);
    if target.prompt == Prompt::First {
        return attempt(&target.with_typed(Secret::new(ask(&prompt)?)), opening, accept)
            .await
            .map_err(|refusal| refusal.error);
    }
    let fetched = match &target.password_command {
        Some(command) => command.known(target).await,
        None => None,
    };
    let target = &Target { fetched, ..target.clone() };
    let refusal = match attempt(target, opening, accept).await {
        Ok(connected) => return Ok(connected),
        Err(refusal) => refusal,
    };
    if let Some(command) = target.password_command.as_ref().filter(|_| refusal.calls_for_command(target)) {
        let fetched = command.fetch(target).await?;
        let target = Target { fetched: Some(fetched), ..target.clone() };
        return attempt(&target, opening, accept).await.map_err(|refusal| refusal.of_command());
    }
    if refusal.needs_password && target.prompt == Prompt::WhenNeeded {
        return attempt(&target.with_typed(Secret::new(ask(&prompt)?)), opening, accept)
            .await
            .map_err(|refusal| refusal.error);
    }
    Err(refusal.error)
}

struct Refusal {
    error: Error,
    needs_password: bool,
    /// The server has asked for a password, and refused the one that it got.
    is_refused: bool,
}

impl Refusal {
    /// Returns whether the password command must be run: there is no password yet, or the one that it printed is refused.
    fn calls_for_command(&self, target: &Target) -> bool {
        self.needs_password || (self.is_refused && target.fetched.is_some())
    }

    /// Returns the error of an attempt with a password that a command has just printed.
    fn of_command(self) -> Error {
        if !self.is_refused {
            return self.error;
        }
        let hint = "the password is what the password command printed: run it by hand, with PGHOST, PGPORT, PGUSER and \
                    PGDATABASE set";
        Error { hints: vec![hint.to_owned()], ..self.error }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal { error, needs_password: false, is_refused: false }
    }
}

async fn attempt<T>(
    target: &Target,
    opening: Option<&Opening<'_>>,
    accept: Accept<T>,
) -> std::result::Result<T, Refusal> {
    // Not within the time limit of an address: ssh may ask a person for a password.
    let tunnel = match &target.ssh {
        Some(ssh) => Some(ssh.tunnel(&target.hosts, target.connect_timeout, PATIENCE).await?),
        None => None,
    };
    let context = Context::default();
    let mut lines: Vec<String> = Vec::new();
    let mut last: Option<(&Host, Failure)> = None;
    let hosts = shuffled(target.hosts.iter().collect(), target.shuffle);
    // prefer-standby looks for a standby among all hosts first, and accepts any host in a second pass.
    let passes: &[SessionAttrs] = match target.session_attrs {
        SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
        _ => std::slice::from_ref(&target.session_attrs),
    };
    'passes: for &wanted in passes {
        for (index, &host) in hosts.iter().enumerate() {
            let routes = match dial::routes(host, tunnel.as_ref()).await {
                Ok(routes) => shuffled(routes, target.shuffle),
                Err(failure) => {
                    push(&mut lines, failure.text.clone());
                    last = Some((host, failure));
                    continue;
                }
            };
            for route in routes {
                let said = route.forward().map(ssh::Forward::mark);
                match one(target, host, &route, &context, wanted, opening).await {
                    Ok((session, driver)) => return Ok(accept(target, host, route, session, driver)?),
                    Err(mut failure) => {
                        if let (Some(forward), Some(said)) = (route.forward(), said) {
                            failure = forward.explain(failure, said).await;
                        }
                        // A server that is still starting up (57P03) does not end the search: the other hosts are
                        // tried.
                        let not_up = failure.turned_away && failure.sqlstate.as_deref() == Some("57P03");
                        if not_up && index + 1 < hosts.len() {
                            failure.next = Next::Host;
                        }
                        push(&mut lines, format!("{}: {}", failure::place(host, &route), failure.text));
                        let next = failure.next;
                        last = Some((host, failure));
                        match next {
                            Next::Address => {}
                            Next::Host => break,
                            Next::Nothing => break 'passes,
                        }
                    }
                }
            }
        }
    }
    let needs_password = last.as_ref().is_some_and(|(_, failure)| failure.cause == Cause::NeedsPassword);
    let error = failure::error(target, lines, last.as_ref().map(|(host, failure)| (*host, failure)));
    let is_refused = last.as_ref().is_some_and(|(_, failure)| failure.had_asked && failure.turned_away);
    Err(Refusal { error, needs_password, is_refused })
}

/// Adds a line unless it is there already: a second pass may fail in the same way as the first.
fn push(lines: &mut Vec<String>, line: String) {
    if !lines.contains(&line) {
        lines.push(line);
    }
}

type Driven = (Opened, JoinHandle<std::result::Result<(), tokio_postgres::Error>>);

/// The error with which the server ended the session, if it did so between two statements, and how ssh ended, if it did. The
/// next statement fails too, but its error only says that the connection is closed.
#[derive(Clone)]
pub struct ClosingError {
    of_server: Arc<OnceLock<tokio_postgres::error::DbError>>,
    forward: Option<ssh::Forward>,
}

impl ClosingError {
    fn new(route: &Route) -> ClosingError {
        ClosingError { of_server: Arc::default(), forward: route.forward().cloned() }
    }

    /// Returns the server's error; `None` if it gave none.
    pub fn get(&self) -> Option<&tokio_postgres::error::DbError> {
        self.of_server.get()
    }

    /// Returns one line that says how the ssh ended through which the session went; `None` if it has not, or there is none.
    /// Call this only for a session that is lost: it waits a moment for the end.
    pub fn of_ssh(&self) -> Option<String> {
        self.forward.as_ref()?.end()
    }
}

/// Runs the connection's task, signals notifications, and keeps the error with which the server ended the session.
async fn drive(
    mut connection: tokio_postgres::Connection<stream::Stream, stream::Stream>,
    closing_error: ClosingError,
    notified: Arc<Notify>,
) -> std::result::Result<(), tokio_postgres::Error> {
    let end = loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(_))) => notified.notify_one(),
            Some(Ok(_)) => {}
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    if let Err(error) = &end
        && let Some(closing) = error.as_db_error()
    {
        let _ = closing_error.of_server.set(closing.clone());
    }
    end
}

/// A session whose driver task is running.
struct Opened {
    client: tokio_postgres::Client,
    version: Option<String>,
    sql_ascii: bool,
    greeting: frames::Greeting,
    /// `None` if none was sent: to a console, or to a server that is too old to understand it.
    greeted: Option<opening::Greeted>,
    handle: Handle,
    connector: Option<tls::Connector>,
    closing_error: ClosingError,
    notified: Arc<Notify>,
}

/// Connects to one address, within its time limit.
async fn one(
    target: &Target,
    host: &Host,
    route: &Route,
    context: &Context,
    wanted: SessionAttrs,
    opening: Option<&Opening<'_>>,
) -> std::result::Result<Driven, Failure> {
    let whole = async {
        let Session { client, connection, greeting, handle, connector } =
            dial::session(target, host, route, context).await?;
        let parameter = |name: &str| connection.parameter(name).map(str::to_owned);
        let version = parameter("server_version");
        let sql_ascii = parameter("server_encoding").as_deref() == Some("SQL_ASCII");
        let closing_error = ClosingError::new(route);
        let notified = Arc::new(Notify::new());
        let driver = tokio::spawn(drive(connection, closing_error.clone(), Arc::clone(&notified)));
        let known = version.as_deref().and_then(ServerVersion::parse);
        let known = known.filter(|known| known.major() >= ServerVersion::OLDEST);
        let greeted = match known.zip(opening) {
            Some((version, opening)) => {
                let server = Server { version, sql_ascii, watches_client: version.major() >= 14 };
                let greeted =
                    opening::greet(&client, server, opening).await.map_err(|error| match error {
                        opening::GreetError::Lost(error) => {
                            Failure::startup(&error, greeting, connector.is_some())
                        }
                        opening::GreetError::Silent => Failure::new(
                            Cause::Timeout,
                            Next::Nothing,
                            "the server did not answer the first statement in time",
                        ),
                    })?;
                // If the server refused the message, report that refusal instead.
                if greeted.answer.is_ok() {
                    check(wanted, greeted.who)?;
                }
                Some(greeted)
            }
            None => None,
        };
        Ok((
            Opened {
                client,
                version,
                sql_ascii,
                greeting,
                greeted,
                handle,
                connector,
                closing_error,
                notified,
            },
            driver,
        ))
    };
    tokio::time::timeout(target.connect_timeout.unwrap_or(PATIENCE), whole)
        .await
        .unwrap_or_else(|_| Err(Failure::new(Cause::Timeout, Next::Address, "timeout expired")))
}

/// Does the session satisfy target_session_attrs?
fn check(wanted: SessionAttrs, who: opening::Who) -> std::result::Result<(), Failure> {
    let read_only = who.standby || who.read_only;
    let wrong = match wanted {
        SessionAttrs::ReadWrite if read_only => "session is read-only",
        SessionAttrs::ReadOnly if !read_only => "session is not read-only",
        SessionAttrs::Primary if who.standby => "server is in hot standby mode",
        SessionAttrs::Standby if !who.standby => "server is not in hot standby mode",
        _ => return Ok(()),
    };
    Err(Failure::new(Cause::Session, Next::Host, wrong))
}

fn accept(
    target: &Target,
    host: &Host,
    route: Route,
    opened: Opened,
    driver: JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
) -> Result<Connected> {
    let Opened { client, version, sql_ascii, greeting, greeted, handle, connector, closing_error, notified } =
        opened;
    let label = label(host);
    if version.as_deref().is_some_and(|version| version.contains("bouncer")) {
        return Err(Error::usage("this is PgBouncer's admin console, not a PostgreSQL database")
            .hint("name a database of the server behind it with -d; pgkit pools shows its pools"));
    }
    let Some(version) = version.as_deref().and_then(ServerVersion::parse) else {
        return Err(Error::new(
            Exit::Unavailable,
            format!("the server at \"{label}\", port {} does not report its version", host.port),
        ));
    };
    if version.major() < ServerVersion::OLDEST {
        return Err(Error::new(
            Exit::TooOld,
            format!("the server at \"{label}\", port {} is version {version}, which is too old", host.port),
        )
        .hint(format!("pgkit works with PostgreSQL {} and later", ServerVersion::OLDEST)));
    }
    let Some(opening::Greeted { message, answer, server, who }) = greeted else {
        return Err(Error::bug("a session without its first message"));
    };
    let mut warnings = Vec::new();
    if version.major() > ServerVersion::NEWEST {
        warnings.push(format!(
            "WARNING: the server is version {version}, newer than pgkit knows ({}): some answers may be wrong",
            ServerVersion::NEWEST
        ));
    }
    Ok(Connected {
        client,
        version,
        sql_ascii,
        host: label,
        port: host.port,
        user: target.user.clone(),
        database: target.database.clone(),
        backend_pid: greeting.backend.map_or(0, |(pid, _)| pid),
        encrypted: connector.is_some(),
        message,
        answer,
        watches_client: server.watches_client,
        has_other_role: who.has_other_role,
        standby: who.standby,
        is_pooled: who.pid != greeting.backend.map(|(pid, _)| pid),
        warnings,
        target: target.clone(),
        canceler: Canceler { route, connector, keepalives: target.keepalives, backend: greeting.backend },
        handle,
        driver,
        closing_error,
        notified,
    })
}

fn accept_console(
    target: &Target,
    host: &Host,
    _: Route,
    opened: Opened,
    driver: JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
) -> Result<ConnectedConsole> {
    let Opened { client, version, closing_error, .. } = opened;
    let Some(version) = version.as_deref().and_then(|version| version.strip_suffix("/bouncer")) else {
        return Err(Error::usage(format!(
            "database \"{CONSOLE}\" of \"{}\", port {} is not PgBouncer's admin console",
            label(host),
            host.port
        ))
        .hint(failure::NOT_A_POOLER));
    };
    let version = version.to_owned();
    Ok(ConnectedConsole { client, version, host: label(host), target: target.clone(), driver, closing_error })
}

/// The host's name, address or socket directory.
fn label(host: &Host) -> String {
    if host.name.is_empty() { host.addr.clone().unwrap_or_default() } else { host.name.clone() }
}

/// Shuffles the items if `wanted` is set. The standard library's hasher is seeded at random, which is enough to
/// spread load.
fn shuffled<T>(mut items: Vec<T>, wanted: bool) -> Vec<T> {
    if wanted {
        let random = std::hash::RandomState::new();
        for index in (1..items.len()).rev() {
            let mut hasher = random.build_hasher();
            hasher.write_usize(index);
            let other = usize::try_from(hasher.finish() % (index as u64 + 1)).unwrap_or(0);
            items.swap(index, other);
        }
    }
    items
}

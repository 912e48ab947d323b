//! Connects exactly as libpq does: flags > service file > `PG*` > password file > defaults give a [`Target`]
//! (a pure function), and [`connect`] dials it. No password is ever printed.

mod cancel;
mod conninfo;
mod dial;
mod environment;
mod failure;
mod files;
mod passfile;
mod resolve;
mod service;
mod settings;
mod stream;
mod target;
mod tls;
mod uri;
mod verify;
mod version;

use std::hash::{BuildHasher, Hasher};

use tokio::task::JoinHandle;

pub use cancel::Canceler;
pub use conninfo::is_connection_string;
pub use environment::{Environment, environment};
pub use files::{Disk, Files, Stat};
pub use passfile::Secret;
pub use resolve::resolve;
pub use stream::{Bare, Handle};
pub use target::{
    ChannelBinding, Flags, Host, Keepalives, Prompt, SessionAttrs, SslMode, Target, Tls, TlsVersion,
};
pub use version::ServerVersion;

use crate::error::{Error, Exit, Result};
use dial::{Context, Route, Session};
use failure::{Cause, Failure, Next};

/// A session with a server.
pub struct Connected {
    /// Speaks to the server.
    pub client: tokio_postgres::Client,
    /// The server's version.
    pub version: ServerVersion,
    /// Does the database hold bytes of no known encoding?
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
    /// What the user should know although it stops nothing.
    pub warnings: Vec<String>,
    /// What was connected to, with the password that was typed: for the next connection to the same server.
    pub target: Target,
    /// Cancels what this session does.
    pub canceler: Canceler,
    /// Takes the connection back from `client`, for who must speak to the server himself.
    pub handle: Handle,
    /// Moves the bytes; ends when `client` is dropped or the connection is lost, and says why.
    pub driver: JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
}

/// Connects to the first of the target's hosts that will do.
///
/// `ask` prompts for a password: before connecting with `-W`, else when the server wants one, none is known
/// and there is no `-w`; at most once. Must run on a tokio runtime with I/O and time.
pub async fn connect(target: &Target, ask: &mut dyn FnMut(&str) -> Result<String>) -> Result<Connected> {
    let prompt = format!("Password for user {}: ", target.user);
    if target.prompt == Prompt::First {
        return attempt(&with_typed(target, ask(&prompt)?)).await.map_err(|refusal| refusal.error);
    }
    match attempt(target).await {
        Ok(connected) => Ok(connected),
        Err(Refusal { needs_password: true, .. }) if target.prompt == Prompt::WhenNeeded => {
            attempt(&with_typed(target, ask(&prompt)?)).await.map_err(|refusal| refusal.error)
        }
        Err(refusal) => Err(refusal.error),
    }
}

fn with_typed(target: &Target, password: String) -> Target {
    let mut target = target.with_password(Secret::new(password));
    target.prompt = Prompt::Never;
    target
}

struct Refusal {
    error: Error,
    needs_password: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal { error, needs_password: false }
    }
}

async fn attempt(target: &Target) -> std::result::Result<Connected, Refusal> {
    let context = Context::default();
    let mut lines: Vec<String> = Vec::new();
    let mut last: Option<(&Host, Failure)> = None;
    let hosts = shuffled(target.hosts.iter().collect(), target.shuffle);
    // prefer-standby asks every host whether it is a standby, and then takes any.
    let passes: &[SessionAttrs] = match target.session_attrs {
        SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
        _ => std::slice::from_ref(&target.session_attrs),
    };
    'passes: for &wanted in passes {
        for (index, &host) in hosts.iter().enumerate() {
            let routes = match dial::routes(host).await {
                Ok(routes) => shuffled(routes, target.shuffle),
                Err(failure) => {
                    push(&mut lines, failure.text.clone());
                    last = Some((host, failure));
                    continue;
                }
            };
            for route in routes {
                match one(target, host, &route, &context, wanted).await {
                    Ok((session, driver)) => return Ok(accept(target, host, route, session, driver)?),
                    Err(mut failure) => {
                        // A server that is not up yet leaves the others to be tried.
                        let not_up = failure.turned_away && failure.sqlstate.as_deref() == Some("57P03");
                        if not_up && index + 1 < hosts.len() {
                            failure.next = Next::Host;
                        }
                        push(
                            &mut lines,
                            format!("{}: {}", failure::place(host, route.address()), failure.text),
                        );
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
    Err(Refusal { error, needs_password })
}

/// A second pass may fail as the first did.
fn push(lines: &mut Vec<String>, line: String) {
    if !lines.contains(&line) {
        lines.push(line);
    }
}

type Driven = (Opened, JoinHandle<std::result::Result<(), tokio_postgres::Error>>);

/// A session whose bytes are being moved.
struct Opened {
    client: tokio_postgres::Client,
    version: Option<String>,
    sql_ascii: bool,
    greeting: stream::Greeting,
    handle: Handle,
    connector: Option<tls::Connector>,
}

/// One address, within its time.
async fn one(
    target: &Target,
    host: &Host,
    route: &Route,
    context: &Context,
    wanted: SessionAttrs,
) -> std::result::Result<Driven, Failure> {
    let whole = async {
        let Session { client, connection, greeting, handle, connector } =
            dial::session(target, host, route, context).await?;
        let parameter = |name: &str| connection.parameter(name).map(str::to_owned);
        let version = parameter("server_version");
        let sql_ascii = parameter("server_encoding").as_deref() == Some("SQL_ASCII");
        let standby = parameter("in_hot_standby").map(|value| value == "on");
        let read_only = parameter("default_transaction_read_only").map(|value| value == "on");
        let driver = tokio::spawn(connection);
        check(&client, wanted, standby, read_only).await?;
        Ok((Opened { client, version, sql_ascii, greeting, handle, connector }, driver))
    };
    match target.connect_timeout {
        None => whole.await,
        Some(limit) => tokio::time::timeout(limit, whole)
            .await
            .unwrap_or_else(|_| Err(Failure::new(Cause::Timeout, Next::Address, "timeout expired"))),
    }
}

/// Is this the kind of session that is wanted? Servers from 14 on say so at start-up, others are asked.
async fn check(
    client: &tokio_postgres::Client,
    wanted: SessionAttrs,
    standby: Option<bool>,
    read_only: Option<bool>,
) -> std::result::Result<(), Failure> {
    let wrong = match wanted {
        SessionAttrs::Any | SessionAttrs::PreferStandby => return Ok(()),
        SessionAttrs::ReadWrite | SessionAttrs::ReadOnly => {
            let read_only = match standby.zip(read_only) {
                Some((standby, read_only)) => standby || read_only,
                None => ask_server(client, "SHOW transaction_read_only").await?,
            };
            match (wanted, read_only) {
                (SessionAttrs::ReadWrite, true) => "session is read-only",
                (SessionAttrs::ReadOnly, false) => "session is not read-only",
                _ => return Ok(()),
            }
        }
        SessionAttrs::Primary | SessionAttrs::Standby => {
            let standby = match standby {
                Some(standby) => standby,
                None => ask_server(client, "SELECT pg_catalog.pg_is_in_recovery()").await?,
            };
            match (wanted, standby) {
                (SessionAttrs::Primary, true) => "server is in hot standby mode",
                (SessionAttrs::Standby, false) => "server is not in hot standby mode",
                _ => return Ok(()),
            }
        }
    };
    Err(Failure::new(Cause::Session, Next::Host, wrong))
}

async fn ask_server(client: &tokio_postgres::Client, sql: &str) -> std::result::Result<bool, Failure> {
    let messages = client
        .simple_query(sql)
        .await
        .map_err(|error| Failure::new(Cause::Session, Next::Host, format!("\"{sql}\" failed: {error}")))?;
    let answer = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(matches!(answer, Some("on" | "t")))
}

fn accept(
    target: &Target,
    host: &Host,
    route: Route,
    opened: Opened,
    driver: JoinHandle<std::result::Result<(), tokio_postgres::Error>>,
) -> Result<Connected> {
    let Opened { client, version, sql_ascii, greeting, handle, connector } = opened;
    let label = if host.name.is_empty() { host.addr.clone().unwrap_or_default() } else { host.name.clone() };
    let Some(version) = version.as_deref().and_then(ServerVersion::parse) else {
        return Err(Error::new(
            Exit::Unavailable,
            format!("the server at \"{label}\", port {} does not say its version", host.port),
        ));
    };
    if version.major() < ServerVersion::OLDEST {
        return Err(Error::new(
            Exit::TooOld,
            format!("the server at \"{label}\", port {} is version {version}, which is too old", host.port),
        )
        .hint(format!("pgkit works with PostgreSQL {} and later", ServerVersion::OLDEST)));
    }
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
        warnings,
        target: target.clone(),
        canceler: Canceler { route, connector, keepalives: target.keepalives, backend: greeting.backend },
        handle,
        driver,
    })
}

/// In random order, if that is wanted. The standard library's hasher is seeded at random, which is enough to
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

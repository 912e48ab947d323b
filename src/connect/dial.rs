//! Connects to one address: the socket, TLS or none by `sslmode`, start-up and authentication.

use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};

use openssl::ssl::SslContext;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::{self, SslNegotiation};

use super::failure::{Cause, Failure, Next};
use super::frames::{Frames, Greeting};
use super::ssh::{Forward, Tunnel};
use super::stream::{Handle, Secured, Socket, Stream, Wire};
use super::target::{ChannelBinding, Host, Keepalives, SslMode, Target};
use super::tls::{self, Connector, os_text};

/// `SSLRequest`: its length and its number.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// The longest path a socket's address has room for.
const SOCKET_PATH_MAX: usize = 107;

/// Where the bytes go, known well enough to go there again.
#[derive(Clone)]
pub(super) enum Route {
    Tcp(SocketAddr),
    Unix(String),
    /// Through ssh.
    Forward(Forward),
}

impl Route {
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Route::Tcp(address) => Some(address.ip()),
            Route::Unix(_) | Route::Forward(_) => None,
        }
    }

    /// Returns the way through ssh; `None` if it is none.
    pub(super) fn forward(&self) -> Option<&Forward> {
        match self {
            Route::Forward(forward) => Some(forward),
            Route::Tcp(_) | Route::Unix(_) => None,
        }
    }
}

/// A session that has been let in.
pub(super) struct Session {
    pub(super) client: tokio_postgres::Client,
    pub(super) connection: tokio_postgres::Connection<Stream, Stream>,
    pub(super) greeting: Greeting,
    /// Takes the connection back from the client.
    pub(super) handle: Handle,
    /// How it is encrypted, if it is.
    pub(super) connector: Option<Connector>,
}

/// The TLS context, built when TLS is first dialled and not before.
#[derive(Default)]
pub(super) struct Context(OnceCell<Result<SslContext, String>>);

impl Context {
    fn get(&self, target: &Target) -> Result<SslContext, String> {
        self.0.get_or_init(|| tls::context(&target.tls)).clone()
    }
}

/// The addresses of a host.
pub(super) async fn routes(host: &Host, tunnel: Option<&Arc<Tunnel>>) -> Result<Vec<Route>, Failure> {
    // The ssh host looks the name up.
    if let Some(tunnel) = tunnel {
        return Ok(tunnel.to(host).map(Route::Forward).into_iter().collect());
    }
    let fail = |cause, text: String| {
        let mut failure = Failure::new(cause, Next::Host, text);
        failure.whole = true;
        failure
    };
    if host.is_socket() {
        let path = host.socket_path();
        if path.len() > SOCKET_PATH_MAX {
            return Err(fail(
                Cause::Other,
                format!("Unix-domain socket path \"{path}\" is too long (maximum {SOCKET_PATH_MAX} bytes)"),
            ));
        }
        return Ok(vec![Route::Unix(path)]);
    }
    if let Some(addr) = &host.addr {
        if let Ok(address) = addr.parse::<IpAddr>() {
            return Ok(vec![Route::Tcp(SocketAddr::new(address, host.port))]);
        }
        // An address with a zone is left to the system; a name is none.
        if !addr.contains('%') {
            return Err(fail(Cause::UnknownHost, format!("could not parse network address \"{addr}\"")));
        }
    }
    let name = host.addr.as_deref().unwrap_or(&host.name);
    match tokio::net::lookup_host((name, host.port)).await {
        Ok(found) => {
            let mut routes: Vec<SocketAddr> = Vec::new();
            for address in found {
                if !routes.contains(&address) {
                    routes.push(address);
                }
            }
            Ok(routes.into_iter().map(Route::Tcp).collect())
        }
        Err(error) => {
            let text = error.to_string();
            let why = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
            Err(fail(
                Cause::UnknownHost,
                format!("could not translate host name \"{name}\" to address: {why}"),
            ))
        }
    }
}

/// Connects, in the order `sslmode` asks for.
pub(super) async fn session(
    target: &Target,
    host: &Host,
    route: &Route,
    context: &Context,
) -> Result<Session, Failure> {
    let mode = match route {
        // libpq never encrypts a socket, and lets no mode fail for that. A host behind ssh is a host like any other.
        Route::Unix(_) => SslMode::Disable,
        Route::Forward(_) if host.is_socket() => SslMode::Disable,
        Route::Tcp(_) | Route::Forward(_) => target.tls.mode,
    };
    match mode {
        SslMode::Disable => plain(target, host, route).await,
        SslMode::Allow => match plain(target, host, route).await {
            Err(first) if first.turned_away => encrypted(target, host, route, context, false)
                .await
                .map_err(|second| second.failure.after(first, " without TLS", " with TLS")),
            other => other,
        },
        SslMode::Prefer => match encrypted(target, host, route, context, true).await {
            Err(Refused { failure: first, retry: true }) => plain(target, host, route)
                .await
                .map_err(|second| second.after(first, " with TLS", " without TLS")),
            other => other.map_err(|refused| refused.failure),
        },
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            encrypted(target, host, route, context, false).await.map_err(|refused| refused.failure)
        }
    }
}

/// A failure, and whether a plain connection may do better.
struct Refused {
    failure: Failure,
    retry: bool,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused { failure, retry: false }
    }
}

async fn plain(target: &Target, host: &Host, route: &Route) -> Result<Session, Failure> {
    let socket = open(route, &target.keepalives).await?;
    if let (Route::Unix(_), Socket::Unix(socket), Some(peer)) = (route, &socket, &target.require_peer) {
        check_peer(socket, peer)?;
    }
    start(target, host, Stream::new(Wire::Plain(socket), None), None).await
}

/// With TLS; `or_plain` goes on without it where the server has none.
async fn encrypted(
    target: &Target,
    host: &Host,
    route: &Route,
    context: &Context,
    or_plain: bool,
) -> Result<Session, Refused> {
    let mut stream = open(route, &target.keepalives).await?;
    if !target.tls.direct && !offers_tls(&mut stream).await? {
        if or_plain {
            return Ok(start(target, host, Stream::new(Wire::Plain(stream), None), None).await?);
        }
        return Err(Failure::new(
            Cause::NoTlsHere,
            Next::Nothing,
            "server does not support SSL, but SSL was required",
        )
        .into());
    }
    let tls_failure =
        |text: String| Refused { failure: Failure::new(Cause::Tls, Next::Nothing, text), retry: true };
    let connector = Connector::new(context.get(target).map_err(tls_failure)?, &target.tls, &host.name);
    let (stream, end_point) = connector.handshake(stream).await.map_err(tls_failure)?;
    let stream = Stream::new(Wire::Tls(Box::new(stream)), end_point);
    start(target, host, stream, Some(connector))
        .await
        .map_err(|failure| Refused { retry: failure.turned_away, failure })
}

/// Opens the socket.
pub(super) async fn open(route: &Route, keepalives: &Keepalives) -> Result<Socket, Failure> {
    let refused = |error: std::io::Error| Failure::new(Cause::Network, Next::Address, os_text(&error));
    match route {
        Route::Tcp(address) => {
            let stream = TcpStream::connect(address).await.map_err(refused)?;
            stream.set_nodelay(true).map_err(refused)?;
            keep_alive(&stream, keepalives);
            Ok(Socket::Tcp(stream))
        }
        Route::Unix(path) => {
            // The kernel's mark of an abstract name is a zero byte.
            let path = path.strip_prefix('@').map_or_else(|| path.clone(), |name| format!("\0{name}"));
            Ok(Socket::Unix(UnixStream::connect(path).await.map_err(refused)?))
        }
        Route::Forward(forward) => Ok(Socket::Unix(forward.open().await.map_err(refused)?)),
    }
}

/// Checks that this user listens on the socket, since anyone can create one in a folder like /tmp.
fn check_peer(socket: &UnixStream, wanted: &str) -> Result<(), Failure> {
    let refused = |text| Failure::new(Cause::Peer, Next::Nothing, text);
    let uid = socket.peer_cred().map_err(|e| refused(format!("could not get peer credentials: {e}")))?.uid();
    let user = nix::unistd::User::from_uid(uid.into())
        .ok()
        .flatten()
        .ok_or_else(|| refused(format!("local user with ID {uid} does not exist")))?;
    if user.name == wanted {
        return Ok(());
    }
    Err(refused(format!(
        "requirepeer specifies \"{wanted}\", but actual peer user name is \"{}\"",
        user.name
    )))
}

/// Asks for TLS.
pub(super) async fn offers_tls(stream: &mut Socket) -> Result<bool, Failure> {
    stream.write_all(&SSL_REQUEST).await.map_err(|error| Failure::lost(&error))?;
    match stream.read_u8().await {
        Ok(b'S') => Ok(true),
        Ok(b'N') => Ok(false),
        // The text of an error sent before TLS may come from anyone; it is not shown (CVE-2024-10977).
        Ok(b'E') => Err(Failure::new(
            Cause::Closed,
            Next::Nothing,
            "server sent an error response during SSL exchange",
        )),
        Ok(other) => Err(Failure::new(
            Cause::Closed,
            Next::Nothing,
            format!("received invalid response to SSL negotiation: {}", char::from(other).escape_default()),
        )),
        Err(error) => Err(Failure::lost(&error)),
    }
}

/// Sets the keepalives. They are optional: if the kernel does not support one of them, that is not an error.
fn keep_alive(stream: &TcpStream, wanted: &Keepalives) {
    use nix::sys::socket::{setsockopt, sockopt};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(value) = wanted.user_timeout {
        let _ = setsockopt(stream, sockopt::TcpUserTimeout, &value);
    }
    if !wanted.on {
        return;
    }
    let _ = setsockopt(stream, sockopt::KeepAlive, &true);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        if let Some(value) = wanted.idle {
            let _ = setsockopt(stream, sockopt::TcpKeepIdle, &value);
        }
        if let Some(value) = wanted.interval {
            let _ = setsockopt(stream, sockopt::TcpKeepInterval, &value);
        }
        if let Some(value) = wanted.count {
            let _ = setsockopt(stream, sockopt::TcpKeepCount, &value);
        }
    }
}

/// Start-up and authentication.
async fn start(
    target: &Target,
    host: &Host,
    mut stream: Stream,
    connector: Option<Connector>,
) -> Result<Session, Failure> {
    let tls = stream.is_tls();
    let mut config = Config::new();
    config.user(&target.user).dbname(&target.database);
    if let Some(options) = &target.options {
        config.options(options);
    }
    if let Some(name) = &target.application_name {
        config.application_name(name);
    }
    if let Some(password) = target.password_for(host) {
        config.password(password.expose());
    }
    config.channel_binding(match target.channel_binding {
        ChannelBinding::Disable => config::ChannelBinding::Disable,
        ChannelBinding::Prefer => config::ChannelBinding::Prefer,
        ChannelBinding::Require => config::ChannelBinding::Require,
    });
    // The stream is encrypted already, or shall not be: tokio-postgres has nothing to negotiate.
    config.ssl_negotiation(SslNegotiation::Direct);
    config.ssl_mode(if tls { config::SslMode::Require } else { config::SslMode::Disable });
    let frames = stream.watch(Frames::new(target.require_auth.clone()));
    let handle = stream.handle();
    let connected = config.connect_raw(stream, Secured).await;
    let greeting = frames.lock().unwrap_or_else(PoisonError::into_inner).greeting();
    match connected {
        Ok((client, connection)) => Ok(Session { client, connection, greeting, handle, connector }),
        Err(error) => Err(Failure::startup(&error, greeting, tls)),
    }
}

//! Where to connect, as whom and how: what resolution finds and dialling uses.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::authentication::Allowed;
use super::passfile::{Passfile, Secret};
use super::password::{Fetched, PasswordCommand};
use super::ssh::Ssh;

/// The connection settings that the command line gives.
#[derive(Clone, Default)]
pub struct Flags {
    /// `-h`
    pub host: Option<String>,
    /// `-p`
    pub port: Option<String>,
    /// `-U`
    pub username: Option<String>,
    /// `-d`: a name, a URI or a `key=value` string.
    pub dbname: Option<String>,
    /// `--service`: the name of a service.
    pub service: Option<String>,
    /// The command that prints the password.
    pub password_command: Option<PasswordCommand>,
    /// A URI or a `key=value` string whose keys apply as far as the flags and `-d` leave them open.
    pub otherwise: Option<String>,
    /// `-w`: never ask for a password.
    pub no_password: bool,
    /// `-W`: ask for a password before connecting.
    pub password: bool,
    /// `--ssh`: the host through which the server is reached, `[user@]host[:port]`.
    pub ssh: Option<String>,
}

impl std::fmt::Debug for Flags {
    /// Without the connection strings, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flags")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("service", &self.service)
            .field("no_password", &self.no_password)
            .field("password", &self.password)
            .field("ssh", &self.ssh)
            .finish_non_exhaustive()
    }
}

/// One place to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// A host's name or address, a socket directory (it begins with `/`), or an abstract socket (`@`).
    /// Empty when only `hostaddr` was given.
    pub name: String,
    /// The address to use instead of looking the name up.
    pub addr: Option<String>,
    /// The port, also the number in the socket's name.
    pub port: u16,
}

impl Host {
    /// Is this a Unix socket?
    pub fn is_socket(&self) -> bool {
        self.addr.is_none() && self.name.starts_with(['/', '@'])
    }

    /// The socket's path, as libpq shows it.
    pub fn socket_path(&self) -> String {
        format!("{}/.s.PGSQL.{}", self.name, self.port)
    }

    /// Returns what the password file knows this host by: the name, else the address.
    pub fn passfile_name(&self) -> &str {
        if self.name.is_empty() { self.addr.as_deref().unwrap_or("") } else { &self.name }
    }
}

/// How much TLS is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SslMode {
    /// None.
    Disable,
    /// Only when the server refuses a plain connection.
    Allow,
    /// When the server has it.
    Prefer,
    /// Always.
    Require,
    /// Always, with a certificate from a trusted authority.
    VerifyCa,
    /// Always, with such a certificate in the host's name.
    VerifyFull,
}

impl SslMode {
    /// The mode of this name.
    pub fn parse(name: &str) -> Option<SslMode> {
        Some(match name {
            "disable" => SslMode::Disable,
            "allow" => SslMode::Allow,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => return None,
        })
    }

    /// The mode's name.
    pub const fn name(self) -> &'static str {
        match self {
            SslMode::Disable => "disable",
            SslMode::Allow => "allow",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
        }
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.0
    V1,
    /// TLS 1.1
    V1_1,
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    V1_3,
}

/// Everything about TLS. The files are read when TLS is dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// `sslmode`
    pub mode: SslMode,
    /// `sslrootcert`; `system` stands for the system's roots.
    pub root_cert: Option<String>,
    /// `sslcert`
    pub cert: Option<String>,
    /// `sslkey`
    pub key: Option<String>,
    /// `sslpassword`
    pub key_password: Option<Secret>,
    /// `sslcertmode` is not `disable`.
    pub send_cert: bool,
    /// `ssl_min_protocol_version`
    pub min: Option<TlsVersion>,
    /// `ssl_max_protocol_version`
    pub max: Option<TlsVersion>,
    /// `sslsni`
    pub sni: bool,
    /// `sslnegotiation=direct`: the TLS handshake comes first, without an SSLRequest message.
    pub direct: bool,
    /// `sslcrl`: a file with lists of revoked certificates.
    pub crl: Option<String>,
    /// `sslcrldir`: a directory of such files, named by the hashes of their issuers.
    pub crl_dir: Option<String>,
    /// The folder of the files that were not named explicitly: `~/.postgresql`.
    pub folder: Option<PathBuf>,
}

/// Whether authentication must be bound to the TLS channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelBinding {
    /// It is not.
    Disable,
    /// When it can be.
    Prefer,
    /// It must be.
    Require,
}

/// Which server will do, of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionAttrs {
    /// The first one that answers.
    Any,
    /// One where a session may write.
    ReadWrite,
    /// One where a session may only read.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is in recovery.
    Standby,
    /// One that is in recovery, or any if there is none.
    PreferStandby,
}

/// What the kernel does to find out that the other side is gone; `None` leaves the kernel's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keepalives {
    /// Whether there are any.
    pub on: bool,
    /// Seconds of silence before the first.
    pub idle: Option<u32>,
    /// Seconds between two.
    pub interval: Option<u32>,
    /// How many go unanswered.
    pub count: Option<u32>,
    /// Milliseconds that sent data may stay unacknowledged.
    pub user_timeout: Option<u32>,
}

/// When to ask for a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prompt {
    /// `-w`
    Never,
    /// When the server wants one and none is known.
    WhenNeeded,
    /// `-W`: before connecting.
    First,
}

/// Where to connect, as whom and how. `Debug` shows no password; serialized it has them, for the pipe to a helper
/// and nothing else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// The places to try, in this order.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// Command-line options for the backend.
    pub options: Option<String>,
    /// How the session names itself; `None` if it was set to nothing.
    pub application_name: Option<String>,
    /// `sslmode` and what goes with it.
    pub tls: Tls,
    /// `channel_binding`
    pub channel_binding: ChannelBinding,
    /// `require_auth`
    pub require_auth: Allowed,
    /// `requirepeer`: the user of this machine that the server at a socket must run as.
    pub require_peer: Option<String>,
    /// For each address: connecting, TLS and authentication together.
    pub connect_timeout: Option<Duration>,
    /// `keepalives…` and `tcp_user_timeout`
    pub keepalives: Keepalives,
    /// `target_session_attrs`
    pub session_attrs: SessionAttrs,
    /// `load_balance_hosts` is `random`.
    pub shuffle: bool,
    /// The way through ssh, if the server is not reached directly. The names of `hosts` are then those of the ssh host.
    pub ssh: Option<Ssh>,
    /// When to ask for a password.
    pub prompt: Prompt,
    /// What the user should know although it stops nothing, such as a password file left alone.
    pub warnings: Vec<String>,
    /// A password from a flag's conninfo, the service file, the environment or the prompt.
    pub(super) password: Option<Secret>,
    pub(super) passfile: Option<Passfile>,
    /// The command that prints a password. If there is one, the password file is not looked at.
    pub(super) password_command: Option<PasswordCommand>,
    /// What it printed.
    pub(super) fetched: Option<Fetched>,
}

impl Target {
    /// The same server, as the same user, but another database. The password file is searched again: its lines
    /// may differ by database.
    pub fn with_database(&self, name: &str) -> Target {
        Target { database: name.to_owned(), ..self.clone() }
    }

    /// Returns the same target, with this password for every host.
    pub fn with_password(&self, password: Option<Secret>) -> Target {
        Target { password, ..self.clone() }
    }

    /// Returns the same target with a password that was typed, so that no other one is asked for.
    pub fn with_typed(&self, password: Option<Secret>) -> Target {
        Target { prompt: Prompt::Never, ..self.with_password(password) }
    }

    /// The password for this host, wherever it comes from.
    pub fn password_for(&self, host: &Host) -> Option<Secret> {
        if self.password.is_none() && self.password_command.is_some() {
            return self.fetched.as_ref().map(|fetched| fetched.password.clone());
        }
        self.password.clone().or_else(|| {
            let port = host.port.to_string();
            self.passfile.as_ref()?.look_up(host.passfile_name(), &port, &self.database, &self.user)
        })
    }

    /// For messages: `database "d" as user "u" on h, port 5432`.
    pub fn describe(&self) -> String {
        let places: Vec<String> = self
            .hosts
            .iter()
            .map(|host| {
                if host.is_socket() {
                    format!("socket {}", host.socket_path())
                } else {
                    let name = if host.name.is_empty() { host.passfile_name() } else { &host.name };
                    format!("{name}, port {}", host.port)
                }
            })
            .collect();
        let way = self.ssh.as_ref().map(|ssh| format!(" through ssh {}", ssh.shown())).unwrap_or_default();
        format!("database \"{}\" as user \"{}\" on {}{way}", self.database, self.user, places.join(" or "))
    }
}

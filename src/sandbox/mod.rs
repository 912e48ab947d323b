//! Throwaway PostgreSQL servers: for `pgkit sandbox`, and for pgkit's own tests.
//!
//! A server belongs to a keeper, a helper process that leaves nothing behind however its users end (see
//! [`crate::helper`]). An **own** server ends with the process that asked for it. A **shared** one is joined by
//! every process that asks for the same, and ends seconds after the last of them. A **kept** one is a shared
//! one that stays until it is stopped: no shell, terminal or login has to live for it.
//!
//! No other local user can get in: the sockets are in a folder of mode 0700, and the server listens on no TCP
//! port unless asked, and then only on 127.0.0.1 and with a password.

mod binaries;
mod folder;
pub(crate) mod keeper;
mod sample;
mod server;
mod tool;
mod user;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use binaries::{Binaries, all_binaries, find_binaries};
pub use sample::{DATABASE as SAMPLE_DATABASE, STATEMENTS as SAMPLE};
pub use server::Stop;
pub use tool::{cluster_version, folder_bytes};

use crate::error::{Error, Exit, Result};
use crate::helper::{self, Answer, Helper};
use folder::Base;
use keeper::{CONTROL, INFO, Mode, Order, Orders, Request};

/// What kind of server. Those who ask for equal settings can share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// Whose server.
    pub binaries: Binaries,
    /// Listen on a free port of 127.0.0.1 too, for those who know the password.
    pub tcp: bool,
    /// Make the database [`SAMPLE_DATABASE`] with the sample data.
    pub sample: bool,
    /// Settings for `postgresql.conf`, after the sandbox's own and so stronger.
    pub conf: Vec<(String, String)>,
    /// Lines for `pg_hba.conf`, before the sandbox's own and so stronger.
    pub hba: Vec<String>,
    /// Files for the data folder, such as a certificate and its key: name and text.
    pub files: Vec<(String, String)>,
    /// Run a copy of this data folder, of a server that is shut down, instead of a fresh one; its settings are left out.
    pub copy_of: Option<PathBuf>,
    /// With `copy_of`: its settings are kept, but for those that lead elsewhere, to see whether a server starts with them.
    pub own_settings: bool,
    /// More arguments for initdb.
    pub initdb_args: Vec<String>,
    /// Start it as pg_upgrade does (`postgres -b`), so that what a binary upgrade dumps can be restored.
    pub binary_upgrade: bool,
    /// It will run other people's code: it never runs as a user that owns clusters, where there is a choice.
    pub untrusted: bool,
    /// Keep a copy of the fresh data folder as long as any sandbox of this user lives: the next one starts
    /// in half the time.
    pub template: bool,
}

/// What server, where, and how to get it.
#[derive(Debug, Clone)]
pub struct Options {
    /// What kind of server.
    pub settings: Settings,
    /// Whose it is, for shared and kept servers: `user`, `tests`. Others of the same user are not joined.
    pub scope: String,
    /// How long after its last user a shared server ends.
    pub linger: Duration,
    /// The executable of the keeper: the running one where it is `None`. Tests name the program under test.
    pub exe: Option<PathBuf>,
    /// The folder in which the sandboxes' base is.
    pub temp: PathBuf,
}

impl Options {
    /// A plain server of these binaries, under the temporary folder that this environment names.
    pub fn new(binaries: Binaries, env: &dyn Fn(&str) -> Option<String>) -> Options {
        Options {
            settings: Settings {
                binaries,
                tcp: false,
                sample: false,
                conf: Vec::new(),
                hba: Vec::new(),
                files: Vec::new(),
                copy_of: None,
                own_settings: false,
                initdb_args: Vec::new(),
                binary_upgrade: false,
                untrusted: false,
                template: false,
            },
            scope: "user".to_owned(),
            linger: Duration::from_secs(5),
            exe: None,
            temp: folder::temp_dir(env),
        }
    }

    /// Adds a setting for `postgresql.conf`.
    pub fn conf(mut self, name: &str, value: &str) -> Options {
        self.settings.conf.push((name.to_owned(), value.to_owned()));
        self
    }

    fn orders(&self, base: &Base, mode: Mode) -> Orders {
        Orders { base: base.path().to_owned(), settings: self.settings.clone(), mode }
    }
}

/// What is known of a running sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Everything of it is in here.
    pub folder: PathBuf,
    /// The folder of its socket: `PGHOST`.
    pub socket_dir: PathBuf,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// What it logs.
    pub log_file: PathBuf,
    /// The port, in the name of the socket too.
    pub port: u16,
    /// The superuser, who needs no password on the socket.
    pub user: String,
    /// The database to connect to.
    pub database: String,
    /// The superuser's password, where the server listens on 127.0.0.1.
    pub password: Option<Password>,
    /// Where its programs are, and its version.
    pub binaries: Binaries,
    /// Who it runs as.
    pub os_user: String,
    /// Its first process; 0 while it is stopped.
    pub server_pid: u32,
    /// The process that owns it.
    pub keeper_pid: u32,
    /// When it was begun, in seconds since 1970.
    pub since: i64,
    /// What it is joined by; `None` for an own server.
    key: Option<String>,
    /// The hash of its settings.
    settings: String,
}

/// A password, which no debug output shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Info {
    /// What a libpq program needs in its environment to connect.
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = vec![
            ("PGHOST", self.socket_dir.display().to_string()),
            ("PGPORT", self.port.to_string()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
        ];
        if let Some(password) = &self.password {
            env[0].1 = "127.0.0.1".to_owned();
            env.push(("PGPASSWORD", password.reveal().to_owned()));
        }
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// [`Info::env`] as lines for `eval` in a POSIX shell. What would lead elsewhere is unset.
    pub fn exports(&self) -> String {
        let mut lines = String::from("unset PGSERVICE PGHOSTADDR PGPASSWORD\n");
        for (name, value) in self.env() {
            lines.push_str(&format!("export {name}='{}'\n", value.replace('\'', "'\\''")));
        }
        lines
    }
}

/// A running sandbox and its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What is known of it.
    pub info: Info,
    /// How many processes use it through pgkit; plain connections are not counted.
    pub users: usize,
    /// Whether it stays until it is stopped.
    pub stays: bool,
}

/// A server of our own. It is gone when this is dropped, or when we are.
#[derive(Debug)]
pub struct Server {
    info: Info,
    helper: Helper,
}

/// How long a keeper may take to clean up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a server of our own.
pub fn start_own(options: &Options) -> Result<Server> {
    let base = Base::in_temp(&options.temp)?;
    let orders = options.orders(&base, Mode::Own);
    let (helper, info) = helper::spawn(helper::Kind::Keeper, &orders, options.exe.as_deref())?;
    Ok(Server { info, helper })
}

impl Server {
    /// What is known of it.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Stops it; its data stay until this value is dropped.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        self.info.server_pid = self.helper.ask(&Order::Stop(how))?;
        Ok(())
    }

    /// Starts it again after [`Server::stop`], or after it died.
    pub fn start(&mut self) -> Result<()> {
        self.info.server_pid = self.helper.ask(&Order::Start)?;
        Ok(())
    }

    /// Stops and starts it.
    pub fn restart(&mut self, how: Stop) -> Result<()> {
        self.stop(how)?;
        self.start()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.helper.finish(PATIENCE);
    }
}

/// The use of a shared server, which stays at least as long as this value.
#[derive(Debug)]
pub struct Lease {
    info: Info,
    _connection: UnixStream,
}

impl Lease {
    /// What is known of it.
    pub fn info(&self) -> &Info {
        &self.info
    }
}

/// Joins the server of this scope and these settings, or starts it.
pub fn shared(options: &Options) -> Result<Lease> {
    let key = format!("{}-{}", options.scope, short_hash(&(&options.settings, options.linger)));
    let (status, connection, _) = join_or_start(options, &key, false)?;
    Ok(Lease { info: status.info, _connection: connection })
}

/// Starts the server of this scope for good: until [`stop`], whatever becomes of us and our terminal.
/// Says whether it ran already; one with other settings is an error.
pub fn start(options: &Options) -> Result<(Info, bool)> {
    let (status, _, ran) = join_or_start(options, &options.scope, true)?;
    let info = status.info;
    if info.settings != short_hash(&options.settings) {
        let message = format!("another sandbox runs already, of PostgreSQL {}", info.binaries.version);
        return Err(Error::usage(message).hint("`pgkit sandbox stop` ends it"));
    }
    Ok((info, ran))
}

/// Stops the kept server of this scope and returns what it was, when all of it is gone.
pub fn stop(scope: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Info>> {
    let base = Base::in_temp(&folder::temp_dir(env))?;
    for folder in base.alive() {
        if info(&folder).is_none_or(|info| info.key.as_deref() != Some(scope)) {
            continue;
        }
        let Some((status, mut connection)) = ask(&folder, Request::Status)? else { continue };
        let line = helper::to_line(&Request::Stop)?;
        let gone = connection
            .write_all(line.as_bytes())
            .and_then(|()| connection.set_read_timeout(Some(PATIENCE)))
            .and_then(|()| BufReader::new(&connection).read_line(&mut String::new()));
        return match gone {
            Ok(_) => Ok(Some(status.info)),
            Err(e) if is_timeout(&e) => {
                Err(Error::new(Exit::TryAgain, "the sandbox still stops").caused_by(e))
            }
            // It was quicker than our question.
            Err(_) => Ok(Some(status.info)),
        };
    }
    Ok(None)
}

/// All running sandboxes of this user.
pub fn status(env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Status>> {
    let base = Base::in_temp(&folder::temp_dir(env))?;
    let mut all = Vec::new();
    for folder in base.alive() {
        if let Some((status, _)) = ask(&folder, Request::Status)? {
            all.push(status);
        }
    }
    all.sort_by_key(|status| status.info.since);
    Ok(all)
}

impl Status {
    /// Whether this is the kept server of a scope.
    pub fn is_kept(&self, scope: &str) -> bool {
        self.info.key.as_deref() == Some(scope)
    }
}

fn join_or_start(options: &Options, key: &str, stay: bool) -> Result<(Status, UnixStream, bool)> {
    let base = Base::in_temp(&options.temp)?;
    let join = || -> Result<Option<(Status, UnixStream)>> {
        for folder in base.alive() {
            if info(&folder).is_some_and(|info| info.key.as_deref() == Some(key))
                && let Some(joined) = ask(&folder, Request::Join { stay })?
            {
                return Ok(Some(joined));
            }
        }
        Ok(None)
    };
    // One starts, all who come meanwhile wait here and join.
    let _start = base.lock(&format!("{}.start", short_hash(&key)))?;
    if let Some((status, connection)) = join()? {
        return Ok((status, connection, true));
    }
    let mode = Mode::Shared { key: key.to_owned(), linger: options.linger };
    let (_helper, _): (Helper, Info) =
        helper::spawn(helper::Kind::Keeper, &options.orders(&base, mode), options.exe.as_deref())?;
    match join()? {
        Some((status, connection)) => Ok((status, connection, false)),
        None => Err(Error::new(Exit::Unavailable, "the sandbox ended as soon as it had started")),
    }
}

/// What a keeper has published.
fn info(folder: &Path) -> Option<Info> {
    serde_json::from_str(&std::fs::read_to_string(folder.join(INFO)).ok()?).ok()
}

/// Asks a keeper; `None` when it is about to end.
fn ask(folder: &Path, request: Request) -> Result<Option<(Status, UnixStream)>> {
    let Ok(mut stream) = UnixStream::connect(folder.join(CONTROL)) else { return Ok(None) };
    let mut line = helper::to_line(&request)?;
    let answer = stream
        .write_all(line.as_bytes())
        .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
        .map(|()| line.clear())
        .and_then(|()| BufReader::new(&stream).read_line(&mut line));
    match answer {
        Err(e) if is_timeout(&e) => {
            Err(Error::new(Exit::TryAgain, format!("the keeper of {} does not answer", folder.display())))
        }
        Ok(0) | Err(_) => Ok(None),
        Ok(_) => match serde_json::from_str(&line) {
            Ok(Answer::Ok(status)) => Ok(Some((status, stream))),
            Ok(Answer::Err(failure)) => Err(failure.into()),
            Err(e) => Err(Error::bug("a keeper gave no answer").caused_by(e)),
        },
    }
}

fn is_timeout(e: &std::io::Error) -> bool {
    matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// A name for a value, the same in every process of one build; other versions of pgkit share nothing with us.
fn short_hash(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

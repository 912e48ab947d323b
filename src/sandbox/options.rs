//! The options of a throwaway server, and what is known of a running one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::binaries::Binaries;
use super::folder;
use crate::escape::shell_word;
/// What kind of server it is. Users who ask for equal settings can share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// The PostgreSQL installation to use.
    pub binaries: Binaries,
    /// Whether to listen on a free port of 127.0.0.1 too, for those who know the password.
    pub tcp: bool,
    /// Whether to create the database [`SAMPLE_DATABASE`](super::SAMPLE_DATABASE) with the sample data.
    pub sample: bool,
    /// Settings for `postgresql.conf`. They come after the sandbox's own, and so override them.
    pub conf: Vec<(String, String)>,
    /// Lines for `pg_hba.conf`. They come before the sandbox's own, and so take precedence.
    pub hba: Vec<String>,
    /// Files for the data folder, such as a certificate and its key, each with its name and text.
    pub files: Vec<(String, String)>,
    /// If set, run a copy of this data folder, whose server must be shut down, instead of a fresh one. Its
    /// settings are left out.
    pub copy_of: Option<PathBuf>,
    /// With `copy_of`: keep its settings, except for those that point elsewhere, to see whether a server starts
    /// with them.
    pub own_settings: bool,
    /// More arguments for initdb.
    pub initdb_args: Vec<String>,
    /// Whether to start it as pg_upgrade does (`postgres -b`), so that what a binary upgrade dumps can be
    /// restored.
    pub binary_upgrade: bool,
    /// Whether it will run other people's code. Then it never runs as a user that owns clusters, if there is a
    /// choice.
    pub untrusted: bool,
}

/// Which server to use, where it lives, and how to get it.
#[derive(Debug, Clone)]
pub struct Options {
    /// What kind of server it is.
    pub settings: Settings,
    /// The scope of a shared or kept server, such as `user` or `tests`. A server of another scope is never joined,
    /// even if it belongs to the same user.
    pub scope: String,
    /// How long after its last user has left a shared server ends.
    pub linger: Duration,
    /// The executable of the keeper; `None` is the running one. Tests name the program under test.
    pub exe: Option<PathBuf>,
    /// The folder that contains the sandboxes' base.
    pub temp: PathBuf,
}

impl Options {
    /// Returns the options for a plain server of this installation, below the temporary folder that this
    /// environment names.
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
}

/// What is known of a running sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// The folder that contains everything of it.
    pub folder: PathBuf,
    /// The folder of its socket, for `PGHOST`.
    pub socket_dir: PathBuf,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// Its log file.
    pub log_file: PathBuf,
    /// The port, which is also part of the socket's name.
    pub port: u16,
    /// The superuser, who needs no password on the socket.
    pub user: String,
    /// The database to connect to.
    pub database: String,
    /// The superuser's password, if the server listens on 127.0.0.1.
    pub password: Option<Password>,
    /// The installation that it runs from, with its version.
    pub binaries: Binaries,
    /// The operating system's user that it runs as.
    pub os_user: String,
    /// The pid of its first process; 0 while it is stopped.
    pub server_pid: u32,
    /// The pid of the keeper, which owns it.
    pub keeper_pid: u32,
    /// When it was created, in seconds since 1970.
    pub since: i64,
    /// The key by which it is joined; `None` for an own server.
    pub(crate) key: Option<String>,
    /// The hash of its settings.
    pub(crate) settings: String,
}

/// A password, which debug output does not show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub(super) String);

impl Password {
    /// Returns the password itself.
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
    /// Returns the environment variables that a libpq program needs to connect.
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

    /// Returns [`Info::env`] as lines for `eval` in a POSIX shell. Variables that would lead elsewhere are unset.
    pub fn exports(&self) -> String {
        let mut lines = String::from("unset PGSERVICE PGHOSTADDR PGPASSWORD\n");
        for (name, value) in self.env() {
            lines.push_str(&format!("export {name}={}\n", shell_word(&value)));
        }
        lines
    }
}

/// A running sandbox and its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What is known of the sandbox.
    pub info: Info,
    /// How many processes use it through pgkit; plain connections are not counted.
    pub users: usize,
    /// Whether it keeps running until it is stopped.
    pub stays: bool,
}

/// Derives a short name from a value. The name also depends on pgkit's version, so that different versions never
/// use the same files.
pub(super) fn short_hash(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

//! What a throwaway server is made of, and what is known of one that runs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::binaries::Binaries;
use super::folder;
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
    pub(crate) key: Option<String>,
    /// The hash of its settings.
    pub(crate) settings: String,
}

/// A password, which no debug output shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub(super) String);

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

/// A name for a value, the same in every process of one build; other versions of pgkit share nothing with us.
pub(super) fn short_hash(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

//! One PostgreSQL server in one folder: creating it with initdb, starting and stopping it. Only the keeper does
//! this.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::folder::{Base, Folder};
use super::options::Settings;
use super::user::Owner;
use crate::error::{Error, Exit, Result};
use crate::{secrets, unsafe_spawn};

/// How a server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Sessions are ended and everything is written: SIGINT.
    Fast,
    /// It stops as in a crash, with recovery at the next start: SIGQUIT.
    Immediate,
}

/// The folder within a server's folder that belongs to the server's user and that no other user can enter.
pub(super) const PRIVATE: &str = "pg";
/// The superuser of every sandbox.
pub(super) const SUPERUSER: &str = "postgres";

const READY: Duration = Duration::from_secs(60);
const STOPPED: Duration = Duration::from_secs(20);

/// A server with its folder.
#[derive(Debug)]
pub(super) struct Cluster {
    settings: Settings,
    folder: PathBuf,
    owner: Option<Owner>,
    pub(super) port: u16,
    child: Option<tokio::process::Child>,
    initdb: Option<tokio::process::Child>,
}

impl Cluster {
    /// Describes a server that has yet to be created.
    pub(super) fn new(folder: &Folder, owner: Option<Owner>, settings: Settings) -> Result<Cluster> {
        let port = if settings.tcp { free_port()? } else { 5432 };
        Ok(Cluster { settings, folder: folder.path.clone(), owner, port, child: None, initdb: None })
    }

    /// Creates the data folder.
    pub(super) async fn create(&mut self, base: &Base) -> Result<()> {
        let private = self.socket_dir();
        DirBuilder::new().mode(0o700).create(&private).map_err(|e| self.failed("create a folder in", &e))?;
        self.give(&private).map_err(|e| self.failed("change the owner of", &e))?;
        // The working folder identifies processes as the sandbox's from their first moment on.
        std::env::set_current_dir(&private).map_err(|e| self.failed("enter", &e))?;
        self.check_reach().await?;
        let template = base.path().join(format!("t-{}", self.template_key()));
        if let Some(from) = &self.settings.copy_of {
            self.copy_cluster(from).map_err(|e| self.failed(&format!("copy {} to", from.display()), &e))?;
        } else if copy(&template.join("data"), &self.data_dir(), &|path| self.give(path)).is_err() {
            let _ = fs::remove_dir_all(self.data_dir());
            self.initdb().await?;
            // Whoever has one server at a time would pay for a copy that nobody uses.
            if base.alive().iter().any(|folder| *folder != self.folder) {
                self.keep_template(&template);
            }
        }
        self.configure().map_err(|e| self.failed("configure", &e))
    }

    pub(super) fn socket_dir(&self) -> PathBuf {
        self.folder.join(PRIVATE)
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.socket_dir().join("data")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(tokio::process::Child::id)
    }

    fn failed(&self, what: &str, e: &io::Error) -> Error {
        Error::io(format!("cannot {what} {}", self.folder.display()), e)
    }

    /// Gives a path to the server's user.
    fn give(&self, path: &Path) -> io::Result<()> {
        match &self.owner {
            Some(owner) => std::os::unix::fs::lchown(path, Some(owner.uid), Some(owner.gid)),
            None => Ok(()),
        }
    }

    /// Returns a command that runs one of PostgreSQL's programs as the server's user, dies with us, and uses
    /// English and UTC.
    fn program(&self, name: &str, signal: Signal) -> Command {
        let mut command = Command::new(self.settings.binaries.program(name));
        secrets::strip(&mut command);
        for variable in [
            "PGDATA",
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGOPTIONS",
            "PGSERVICE",
            "PGTZ",
            "PGDATESTYLE",
            "PGCLIENTENCODING",
            "LANG",
            "LANGUAGE",
            "LC_CTYPE",
            "LC_COLLATE",
            "LC_MESSAGES",
        ] {
            command.env_remove(variable);
        }
        command.env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null()).current_dir(self.socket_dir());
        if let Some(owner) = &self.owner {
            // std drops root's supplementary groups before it changes the user.
            command.gid(owner.gid).uid(owner.uid);
        }
        unsafe_spawn::die_with_us(&mut command, signal, false, None);
        command
    }

    /// Checks that the server's user can reach the programs, if it is another user.
    async fn check_reach(&self) -> Result<()> {
        let Some(owner) = &self.owner else { return Ok(()) };
        let mut command = self.program("postgres", Signal::SIGKILL);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        match tokio::process::Command::from(command).kill_on_drop(true).status().await {
            Ok(status) if status.success() => Ok(()),
            result => {
                let dir = self.settings.binaries.dir.display();
                let message =
                    format!("user {}, as which root runs the server, cannot run {dir}/postgres", owner.name);
                let error =
                    Error::new(Exit::Permission, message).hint("make that directory readable by all users");
                Err(match result {
                    Ok(status) => error.caused_by(status),
                    Err(e) => error.caused_by(e),
                })
            }
        }
    }

    async fn initdb(&mut self) -> Result<()> {
        let log_file = self.folder.join("initdb.log");
        for locale in [["--locale=C.UTF-8"].as_slice(), &["--locale=C", "--encoding=UTF8"]] {
            let log = File::create(&log_file).and_then(|log| Ok((log.try_clone()?, log)));
            let (out, err) = log.map_err(|e| self.failed("write a log in", &e))?;
            let mut command = self.program("initdb", Signal::SIGTERM);
            command.arg("-D").arg(self.data_dir()).stdout(out).stderr(err);
            command.args(["-U", SUPERUSER, "-A", "trust", "--no-sync"]).args(locale);
            command.args(&self.settings.initdb_args);
            let initdb = tokio::process::Command::from(command).spawn().map_err(|e| {
                Error::io(format!("cannot run {}/initdb", self.settings.binaries.dir.display()), &e)
            })?;
            let status = self.initdb.insert(initdb).wait().await;
            self.initdb = None;
            if status.is_ok_and(|status| status.success()) {
                let _ = fs::remove_file(&log_file);
                return Ok(());
            }
            let _ = fs::remove_dir_all(self.data_dir());
        }
        let said = fs::read(&log_file).unwrap_or_default();
        Err(Error::new(Exit::Io, "initdb failed").caused_by(String::from_utf8_lossy(&said).trim()))
    }

    /// Copies a cluster, without what points outside of it, and without its settings: they belong to another
    /// place, and no server needs them.
    fn copy_cluster(&self, from: &Path) -> io::Result<()> {
        copy(from, &self.data_dir(), &|path| self.give(path))?;
        let settings = ["postgresql.conf", "postgresql.auto.conf"];
        let others = ["postmaster.pid", "standby.signal", "recovery.signal"];
        for name in others.iter().chain(settings.iter().filter(|_| !self.settings.own_settings)) {
            match fs::remove_file(self.data_dir().join(name)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        let conf = self.data_dir().join("postgresql.conf");
        if !self.settings.own_settings || !conf.exists() {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&conf)?;
        }
        self.give(&conf)
    }

    /// Returns a key that is the same for two fresh data folders that would be alike.
    fn template_key(&self) -> String {
        let binaries = &self.settings.binaries;
        let made = fs::metadata(binaries.program("postgres")).map(|meta| (meta.mtime(), meta.ino())).ok();
        super::options::short_hash(&(binaries, made, &self.settings.initdb_args))
    }

    /// Keeps a copy of the fresh data folder, from which the next server starts in half the time. The copy is built in
    /// our folder and then moved, so that an incomplete one is never visible. Root's copies belong to root, so that no server
    /// can change what another one starts from. A failure only costs time.
    fn keep_template(&self, template: &Path) {
        let building = self.folder.join("template");
        let built = DirBuilder::new()
            .mode(0o700)
            .create(&building)
            .and_then(|()| copy(&self.data_dir(), &building.join("data"), &|_| Ok(())))
            .and_then(|()| fs::write(building.join("template"), &self.settings.binaries.version))
            .and_then(|()| fs::rename(&building, template));
        if built.is_err() {
            let _ = fs::remove_dir_all(&building);
        }
    }

    fn configure(&self) -> io::Result<()> {
        let data = self.data_dir();
        let listen = if self.settings.tcp { "127.0.0.1" } else { "" };
        let own = [
            ("listen_addresses", listen.to_owned()),
            ("port", self.port.to_string()),
            ("unix_socket_directories", format!("\"{}\"", self.socket_dir().display())),
            ("unix_socket_permissions", "0700".to_owned()),
            // Nothing here needs to survive a crash.
            ("fsync", "off".to_owned()),
            ("synchronous_commit", "off".to_owned()),
            ("full_page_writes", "off".to_owned()),
            // In the data folder, so that nothing is left in /dev/shm after kill -9 of the server.
            ("dynamic_shared_memory_type", "mmap".to_owned()),
            ("logging_collector", "off".to_owned()),
            ("timezone", "UTC".to_owned()),
            ("log_timezone", "UTC".to_owned()),
            ("lc_messages", "C".to_owned()),
        ];
        let mut conf = String::from("\n# The sandbox's own.\n");
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let asked = self.settings.conf.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(asked) {
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.') {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("invalid setting {name:?}")));
            }
            conf.push_str(&format!("{name} = '{}'\n", value.replace('\\', "\\\\").replace('\'', "''")));
        }
        let mut file = OpenOptions::new();
        let no_follow = nix::fcntl::OFlag::O_NOFOLLOW.bits();
        file.append(true)
            .custom_flags(no_follow)
            .open(data.join("postgresql.conf"))?
            .write_all(conf.as_bytes())?;

        let mut hba = self.settings.hba.join("\n");
        hba.push_str("\nlocal all all trust\nlocal replication all trust\n");
        if self.settings.tcp {
            hba.push_str("host all all 127.0.0.1/32 scram-sha-256\n");
        }
        let mut files = vec![("pg_hba.conf".to_owned(), hba)];
        files.extend(self.settings.files.iter().cloned());
        for (name, text) in files {
            let path = data.join(name);
            // Create it anew, so that it has our mode and no hard link leads elsewhere.
            let _ = fs::remove_file(&path);
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?
                .write_all(text.as_bytes())?;
            self.give(&path)?;
        }
        Ok(())
    }

    /// Starts the server and waits until it accepts connections.
    pub(super) async fn start(&mut self) -> Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600).custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits());
        let log = options.open(self.log_file()).map_err(|e| self.failed("write a log in", &e))?;
        let log_start = log.metadata().map_or(0, |meta| meta.len());
        let both = log.try_clone().map_err(|e| self.failed("write a log in", &e))?;
        let mut command = self.program("postgres", Signal::SIGQUIT);
        command.arg("-D").arg(self.data_dir()).stdout(Stdio::from(log)).stderr(Stdio::from(both));
        if self.settings.binary_upgrade {
            command.arg("-b");
        }
        if self.settings.own_settings {
            // Override settings that refer to the place it was copied from, or that would reach outside the
            // sandbox.
            let data = self.data_dir();
            for (name, value) in [
                ("data_directory", data.display().to_string()),
                ("hba_file", data.join("pg_hba.conf").display().to_string()),
                ("ident_file", data.join("pg_ident.conf").display().to_string()),
                ("external_pid_file", String::new()),
                ("listen_addresses", String::new()),
                ("port", self.port.to_string()),
                ("unix_socket_directories", format!("\"{}\"", self.socket_dir().display())),
                ("unix_socket_permissions", "0700".to_owned()),
                ("unix_socket_group", String::new()),
                ("archive_mode", "off".to_owned()),
                ("log_destination", "stderr".to_owned()),
                ("logging_collector", "off".to_owned()),
                ("dynamic_shared_memory_type", "mmap".to_owned()),
                ("lc_messages", "C".to_owned()),
            ] {
                command.arg("-c").arg(format!("{name}={value}"));
            }
        }
        let child = tokio::process::Command::from(command).spawn().map_err(|e| {
            Error::io(format!("cannot run {}/postgres", self.settings.binaries.dir.display()), &e)
        })?;
        let child = self.child.insert(child);
        let pid = child.id();
        let start = Instant::now();
        let pid_file = self.folder.join(PRIVATE).join("data").join("postmaster.pid");
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                self.child = None;
                let error = Error::new(Exit::Unavailable, "the server did not start").caused_by(status);
                return Err(self.with_log(error, log_start));
            }
            let lines = fs::read_to_string(&pid_file).unwrap_or_default();
            let mut lines = lines.lines();
            let is_ours = lines.next().and_then(|line| line.trim().parse().ok()) == pid;
            if is_ours && lines.nth(6).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            if start.elapsed() > READY {
                let message = format!("the server was not ready within {} s", READY.as_secs());
                let error = self.with_log(Error::new(Exit::Unavailable, message), log_start);
                self.stop(Stop::Immediate).await;
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn with_log(&self, error: Error, from: u64) -> Error {
        let log = fs::read(self.log_file()).unwrap_or_default();
        let new = log.get(usize::try_from(from).unwrap_or(0)..).unwrap_or_default();
        let text = String::from_utf8_lossy(new);
        let lines: Vec<&str> = text.lines().collect();
        error.caused_by(lines[lines.len().saturating_sub(8)..].join("\n"))
    }

    /// Returns whether it has been started and is not known to have ended since.
    pub(super) fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Waits until the server ends by itself; returns at once if none is running.
    pub(super) async fn ended(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.wait().await;
            self.child = None;
        }
    }

    /// Stops the server, by force if necessary.
    pub(super) async fn stop(&mut self, how: Stop) {
        if let Some(mut initdb) = self.initdb.take() {
            // TERM lets initdb wait for the server that it runs. Without its files that server would leave shared
            // memory behind.
            signal(&initdb, Signal::SIGTERM);
            let _ = tokio::time::timeout(STOPPED, initdb.wait()).await;
        }
        let Some(mut child) = self.child.take() else { return };
        let patience: &[(Signal, Duration)] = match how {
            Stop::Fast => &[(Signal::SIGINT, STOPPED), (Signal::SIGQUIT, STOPPED)],
            Stop::Immediate => &[(Signal::SIGQUIT, STOPPED)],
        };
        for (how, patience) in patience {
            signal(&child, *how);
            if tokio::time::timeout(*patience, child.wait()).await.is_ok() {
                return;
            }
        }
        let _ = child.kill().await;
    }
}

fn signal(child: &tokio::process::Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Returns a port on 127.0.0.1 that was free a moment ago.
fn free_port() -> Result<u16> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| Error::io("no free port on 127.0.0.1", &e))
}

/// Copies a folder, which may contain only folders and files.
fn copy(from: &Path, to: &Path, each: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to, each)?;
        } else if kind.is_file() {
            let mut source = File::open(entry.path())?;
            let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to)?;
            io::copy(&mut source, &mut target)?;
            each(&to)?;
        } else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "neither a directory nor a file"));
        }
    }
    each(to)
}

/// Stops a server that has outlived its keeper, which is possible where the kernel does not stop it for us.
pub(super) fn stop_leftover(data: &Path) {
    let read = || fs::read_to_string(data.join("postmaster.pid")).ok();
    let pid = || read()?.lines().next()?.trim().parse::<i32>().ok().filter(|pid| *pid > 1);
    let start = Instant::now();
    while let Some(pid) = pid() {
        if !is_server_of(pid, data) || start.elapsed() > STOPPED {
            return;
        }
        let force = start.elapsed() > Duration::from_secs(10);
        let _ = kill(Pid::from_raw(pid), if force { Signal::SIGKILL } else { Signal::SIGQUIT });
        // A stopped process would not react otherwise.
        let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Frees the shared memory that a killed server leaves behind: only 56 bytes, but forever. Its pid file says which
/// segment it is; the kernel says whether the segment belongs to the server's user and is no longer in use. This
/// must be called before the folder is removed.
#[cfg(target_os = "linux")]
pub(super) fn free_shared_memory(data: &Path) {
    let Ok(owner) = fs::symlink_metadata(data) else { return };
    let pid_file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let named: Vec<&str> = pid_file.lines().nth(6).unwrap_or_default().split_whitespace().collect();
    let [key, id] = named[..] else { return };
    let users = || {
        let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
        users_of_segment(&segments, [key, id, &owner.uid().to_string()])
    };
    // Backends take a moment to notice that their server is dead.
    let start = Instant::now();
    while users().is_some_and(|users| users > 0) && start.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(20));
    }
    if users() == Some(0) {
        let mut command = Command::new("ipcrm");
        command.args(["-m", id]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            command.gid(owner.gid()).uid(owner.uid());
        }
        let _ = command.status();
    }
}

/// Does nothing: this system does not show whether the segment is still in use.
#[cfg(not(target_os = "linux"))]
pub(super) fn free_shared_memory(_: &Path) {}

/// Returns how many processes use the segment with this key, id and user, according to `/proc/sysvipc/shm`, whose
/// first line names its columns.
#[cfg(target_os = "linux")]
fn users_of_segment(segments: &str, wanted: [&str; 3]) -> Option<u32> {
    let mut lines = segments.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let head = lines.next()?;
    let column = |name: &str| head.iter().position(|column| *column == name);
    let [key, id, uid, users] = [column("key")?, column("shmid")?, column("uid")?, column("nattch")?];
    let line =
        lines.find(|line| [key, id, uid].map(|at| line.get(at).copied().unwrap_or_default()) == wanted)?;
    line.get(users)?.parse().ok()
}

/// Returns whether a pid from a file really is the server of this data folder: the file may be outdated, but the
/// kernel knows the process's working folder.
fn is_server_of(pid: i32, data: &Path) -> bool {
    if let Ok(cwd) = fs::read_link(format!("/proc/{pid}/cwd")) {
        return fs::canonicalize(data).is_ok_and(|data| cwd == data);
    }
    if cfg!(target_os = "linux") {
        return false;
    }
    let ps = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
    ps.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).trim().ends_with(&format!("-D {}", data.display()))
    })
}

/// Returns the name of the user that the server runs as, for display.
pub(super) fn os_user(owner: Option<&Owner>) -> String {
    match owner {
        Some(owner) => owner.name.clone(),
        None => nix::unistd::User::from_uid(nix::unistd::geteuid())
            .ok()
            .flatten()
            .map_or_else(|| nix::unistd::geteuid().to_string(), |user| user.name),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_known_by_key_id_and_user() {
        let segments = "       key      shmid perms size  cpid  lpid nattch   uid   gid  cuid  cgid      atime\n\
                        5432001  7  600  56  1  1  0  65534 65534 65534 65534 1\n\
                        5432002  8  600  56  1  1  6  65534 65534 65534 65534 1\n";
        assert_eq!(users_of_segment(segments, ["5432001", "7", "65534"]), Some(0));
        assert_eq!(users_of_segment(segments, ["5432002", "8", "65534"]), Some(6));
        assert_eq!(users_of_segment(segments, ["5432001", "7", "0"]), None);
        assert_eq!(users_of_segment(segments, ["5432002", "7", "65534"]), None);
        assert_eq!(users_of_segment("", ["5432001", "7", "65534"]), None);
    }
}

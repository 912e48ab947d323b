//! `--ssh`: the way to the server through the user's own `ssh`, whose configuration, agent, jump hosts and known hosts
//! apply.
//!
//! One child, `ssh -N -L SOCKET:HOST:PORT`, serves all connections of a process. A login for each connection (`ssh -W`)
//! would need no socket, but it would ask for a password again for each database, and a cancel request must be on its way
//! within half a second. The socket is in a private directory, so nobody else can connect. On Linux both are removed as soon
//! as ssh listens: pgkit keeps a descriptor of the socket and connects through that, so nothing is left behind however pgkit
//! ends. Elsewhere they are removed when pgkit ends.

use std::collections::VecDeque;
use std::io::{ErrorKind, IsTerminal, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::net::UnixStream;

use super::environment::Environment;
use super::failure::{Cause, Failure, Next};
use super::spared::Spared;
use super::target::{Host, Target};
use super::tls::os_text;
use crate::error::{self, Error, Exit, Result};
use crate::{secrets, unsafe_spawn};

/// How often pgkit looks whether ssh listens.
const LOOK: Duration = Duration::from_millis(10);
/// A line of ssh that is this old while ssh still logs in is shown: it may ask the user to touch a key.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// How long to wait for ssh's last lines after it has closed a connection, and for its end.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a process may still run after the kernel has closed its connections.
const REAPED: Duration = Duration::from_millis(100);
/// How many of ssh's last lines are kept. Its warning of a changed host key has 13.
const LINES: usize = 16;
/// The longest line of ssh that is kept, in bytes.
const LINE: usize = 1000;
/// The longest path of a socket that ssh accepts on all systems.
const SOCKET_PATH: usize = 100;

/// Held while an ssh that may ask a person logs in: two would read from one terminal.
static ASKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The way through ssh. All clones share the children that are running.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ssh {
    destination: Destination,
    /// ssh must not ask for anything.
    batch: bool,
    /// Where the socket's directory may be made.
    parents: Vec<PathBuf>,
    /// The hosts that each ssh leads to, beside those of a connection.
    others: Vec<Host>,
    /// The tunnels of this process. A helper opens its own.
    #[serde(skip)]
    open: Arc<tokio::sync::Mutex<Open>>,
}

/// The tunnels of this process that lead through one ssh host.
#[derive(Debug, Default)]
struct Open {
    tunnels: Vec<Arc<Tunnel>>,
    /// When the last login failed, and how.
    failed: Option<(Instant, Error)>,
}

impl Ssh {
    /// Returns the way through this destination, `[user@]host[:port]`. Nothing is started yet. With `batch`, ssh asks for
    /// nothing.
    ///
    /// Errors: it is not such a destination (64).
    pub(super) fn new(destination: &str, batch: bool, env: &Environment) -> Result<Ssh> {
        let named = ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(|name| env.nonempty(name));
        let parents = named.chain(["/tmp"]).map(PathBuf::from).collect();
        let destination = Destination::parse(destination)?;
        Ok(Ssh { destination, batch, parents, others: Vec::new(), open: Arc::default() })
    }

    /// Checks a destination. Errors: see [`Ssh::new`].
    pub fn check_destination(destination: &str) -> Result<()> {
        Destination::parse(destination).map(drop)
    }

    /// Lets targets behind the same ssh host share one ssh, so that there is one login for all of them.
    pub fn share(targets: &mut [&mut Target]) {
        let mut shared: Vec<Ssh> = Vec::new();
        let place = |shared: &[Ssh], ssh: &Ssh| {
            shared.iter().position(|one| (&one.destination, one.batch) == (&ssh.destination, ssh.batch))
        };
        for target in targets.iter() {
            let Some(ssh) = &target.ssh else { continue };
            let at = place(&shared, ssh).unwrap_or_else(|| {
                shared.push(ssh.clone());
                shared.len() - 1
            });
            shared[at].others.extend(target.hosts.iter().cloned());
        }
        for target in targets {
            let found = target.ssh.as_ref().and_then(|ssh| place(&shared, ssh));
            if let Some(at) = found {
                target.ssh = Some(shared[at].clone());
            }
        }
    }

    /// Returns the destination as the user gave it, for messages.
    pub fn shown(&self) -> &str {
        &self.destination.shown
    }

    /// Returns the name of the ssh host, or its alias in ssh's configuration.
    pub fn host(&self) -> &str {
        &self.destination.host
    }

    /// Checks that ssh can forward a socket to this host. Errors: it cannot (64).
    pub(super) fn check(&self, host: &Host) -> Result<()> {
        remote(host).map(drop)
    }

    /// Returns a running tunnel that leads to each of these hosts, and starts one if there is none. `limit` is how long ssh
    /// may take if it asks for nothing, `connecting` is the user's own limit for connecting.
    ///
    /// Errors: ssh cannot be started, or it fails; the message has its own words (69).
    pub(super) async fn tunnel(
        &self,
        hosts: &[Host],
        connecting: Option<Duration>,
        limit: Duration,
    ) -> Result<Arc<Tunnel>> {
        // Whoever comes second waits for the login of the first, and shares its failure.
        let begun = Instant::now();
        let mut open = self.open.lock().await;
        if let Some((_, error)) = open.failed.as_ref().filter(|(at, _)| *at >= begun) {
            return Err(error.clone());
        }
        open.tunnels.retain(|tunnel| tunnel.ended().is_none());
        let leads = |tunnel: &&Arc<Tunnel>| hosts.iter().all(|host| tunnel.hosts.contains(host));
        if let Some(tunnel) = open.tunnels.iter().find(leads) {
            return Ok(Arc::clone(tunnel));
        }
        let all: Vec<Host> = hosts.iter().chain(&self.others).cloned().collect();
        let started = self.start(&all, connecting, limit).await;
        if let Err(error) = &started {
            open.failed = Some((Instant::now(), error.clone()));
        }
        let tunnel = Arc::new(started?);
        open.tunnels.push(Arc::clone(&tunnel));
        Ok(tunnel)
    }

    async fn start(&self, hosts: &[Host], connecting: Option<Duration>, limit: Duration) -> Result<Tunnel> {
        // Without a terminal ssh cannot ask either. A person may take any time; Ctrl-C ends the wait.
        let may_ask = !self.batch && std::fs::File::open("/dev/tty").is_ok();
        let _guard = if may_ask { Some(ASKING.lock().await) } else { None };
        let until = (!may_ask).then(|| Instant::now() + connecting.unwrap_or(limit));
        let mut optional = NEWER.to_vec();
        loop {
            let mut tunnel = self.spawn(hosts, connecting, &optional)?;
            let Err(error) = tunnel.logged_in(until).await else { return Ok(tunnel) };
            // An older ssh refuses an option that it does not know. Then the user's configuration cannot have it either.
            let said = tunnel.said().text().to_lowercase();
            let known = optional.len();
            optional.retain(|option| {
                let name = option.split('=').next().unwrap_or(option);
                !said.contains(&format!("bad configuration option: {}", name.to_lowercase()))
            });
            if optional.len() == known {
                return Err(error);
            }
        }
    }

    fn spawn(&self, hosts: &[Host], connecting: Option<Duration>, optional: &[&str]) -> Result<Tunnel> {
        let folder = self.folder()?;
        let mut command = Command::new("ssh");
        command.args(["-N", "-T"]);
        for option in ALWAYS.iter().chain(optional) {
            command.args(["-o", option]);
        }
        if self.batch {
            command.args(["-o", "BatchMode=yes"]);
        }
        if let Some(limit) = connecting {
            command.args(["-o", &format!("ConnectTimeout={}", limit.as_secs())]);
        }
        let mut distinct: Vec<Host> = Vec::new();
        for host in hosts {
            if !distinct.contains(host) {
                let local = socket_in(folder.path(), distinct.len());
                command.args(["-L", &format!("{}:{}", local.display(), remote(host)?)]);
                distinct.push(host.clone());
            }
        }
        self.destination.append(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        secrets::strip(&mut command);
        // Ctrl-C and a terminal that hangs up reach the whole process group, but the cancel requests that pgkit then sends
        // need the tunnel. ssh keeps the terminal, on which it asks for passwords. It gets SIGTERM rather than SIGKILL when
        // we die, so that it can switch the terminal's echo on again.
        unsafe_spawn::ignore(&mut command, &[Signal::SIGINT, Signal::SIGHUP]);
        unsafe_spawn::die_with_us(&mut command, Signal::SIGTERM, false, None);
        let mut child = command.spawn().map_err(|e| {
            let error = Error::new(Exit::Unavailable, "cannot start ssh").caused_by(os_text(&e));
            if e.kind() == ErrorKind::NotFound { error.hint("install OpenSSH's client") } else { error }
        })?;
        let said = Arc::new(Mutex::new(Said::default()));
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, Arc::clone(&said));
        }
        let pid = Pid::from_raw(child.id().cast_signed());
        Ok(Tunnel {
            spared: Mutex::new(Some(Spared::new(pid))),
            pid,
            shown: self.destination.shown.clone(),
            hosts: distinct,
            doors: Vec::new(),
            child: Mutex::new(child),
            said,
            folder: Some(folder),
        })
    }

    /// Makes the socket's directory, in the first place where nobody else can replace it, and where the socket's path is
    /// short and plain.
    fn folder(&self) -> Result<TempDir> {
        let own = nix::unistd::geteuid().as_raw();
        let is_plain = |path: &Path| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            path.is_absolute() && path.to_str().is_some_and(|text| text.chars().all(plain))
        };
        let is_safe = |path: &Path| {
            std::fs::metadata(path).is_ok_and(|meta| {
                let is_closed = meta.mode() & 0o022 == 0 || meta.mode() & 0o1000 != 0;
                meta.is_dir() && [0, own].contains(&meta.uid()) && is_closed
            })
        };
        let mut last = None;
        for parent in self.parents.iter().filter(|parent| is_plain(parent) && is_safe(parent)) {
            if parent.as_os_str().len() + "/pgkit-ssh-123456/123".len() > SOCKET_PATH {
                continue;
            }
            let permissions = std::fs::Permissions::from_mode(0o700);
            let made =
                tempfile::Builder::new().prefix("pgkit-ssh-").permissions(permissions).tempdir_in(parent);
            match made {
                Ok(folder) => return Ok(folder),
                Err(e) => last = Some(e),
            }
        }
        let error = Error::new(Exit::Io, "cannot make a private directory for the socket of ssh");
        Err(match last {
            Some(e) => error.caused_by(e),
            None => error,
        }
        .hint("set TMPDIR to a directory of your own with a short path"))
    }
}

/// Options that every ssh has. Those of the command line beat those of the user's configuration.
const ALWAYS: &[&str] = &[
    // A connection that another ssh shares would take over the forwarding, and keep it when we are gone.
    "ControlMaster=no",
    "ControlPath=none",
    // The forwardings of the user's configuration are opened as well, and may fail: the user's other ssh has their ports.
    // ClearAllForwardings would clear ours too. Our own cannot fail unnoticed, because pgkit waits for its socket.
    "ClearAllForwardings=no",
    "ExitOnForwardFailure=no",
    "PermitLocalCommand=no",
    "Tunnel=no",
    "StreamLocalBindMask=0177",
    // Some configurations silence ssh, which then would not say why it failed.
    "LogLevel=INFO",
];

/// Options that came later. IgnoreUnknown is no way to name them to an older ssh: it would replace the user's own.
const NEWER: &[&str] = &["RemoteCommand=none", "ForkAfterAuthentication=no"];

/// Returns the path of the socket that leads to the host of this number.
fn socket_in(folder: &Path, number: usize) -> PathBuf {
    folder.join(number.to_string())
}

/// Returns the other end of a forwarding as `ssh -L` takes it: `HOST:PORT`, or the path of a socket. Errors: it cannot be
/// one (64).
fn remote(host: &Host) -> Result<String> {
    let refused = |why: &str| {
        Err(Error::usage(format!("cannot reach \"{}\" through ssh: {why}", host.name))
            .hint("name a host, an address or a socket directory as the ssh host sees it"))
    };
    // ssh expands % and $, and splits at a colon.
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "\\$`'\"[]".contains(c);
    if host.is_socket() {
        if host.name.starts_with('@') {
            return refused("ssh cannot forward to an abstract socket");
        }
        if host.name.contains(is_odd) || host.name.contains([':', '%']) {
            return refused("ssh cannot forward to a path with such a character");
        }
        return Ok(host.socket_path());
    }
    let name = host.addr.as_deref().unwrap_or(&host.name);
    if name.is_empty() || name.contains(is_odd) || name.contains('/') {
        return refused("this is no name of a host");
    }
    Ok(match name.contains(':') {
        true => format!("[{name}]:{}", host.port),
        false => format!("{name}:{}", host.port),
    })
}

/// Where ssh logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Destination {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    shown: String,
}

impl Destination {
    /// Reads `[user@]host[:port]`, with the host's name, its address (an IPv6 address in brackets if a port follows) or an
    /// alias from ssh's configuration. `ssh://` may stand before it.
    fn parse(text: &str) -> Result<Destination> {
        let refused = |why: &str| {
            Err(Error::usage(format!("invalid ssh destination \"{text}\": {why}"))
                .hint("use [USER@]HOST[:PORT], as in --ssh me@bastion:2222"))
        };
        let bare = text.strip_prefix("ssh://").map_or(text, |rest| rest.trim_end_matches('/'));
        let (user, place) = match bare.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, bare),
        };
        if user.is_some_and(|user| user.contains(':')) {
            // It may be a password, so it is not shown.
            return Err(Error::usage("an ssh destination has no password")
                .hint("leave it out; ssh asks for one, or takes a key"));
        }
        let (host, port) = match place.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, rest))) if rest.starts_with(':') => (host, rest.get(1..)),
            Some(_) => return refused("the brackets do not match"),
            // An address with colons and without brackets has no port.
            None if place.matches(':').count() == 1 => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
            None => (place, None),
        };
        // What ssh refuses too: these would become options, or words of a ProxyCommand.
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "'`\"$\\;&<>|(){}[]/".contains(c);
        for (what, part) in [("user", user), ("host", Some(host))] {
            let Some(part) = part else { continue };
            if part.is_empty() {
                return refused(&format!("the {what} is empty"));
            }
            if part.starts_with('-') {
                return refused(&format!("a {what} cannot begin with \"-\""));
            }
            if part.contains(is_odd) {
                return refused(&format!("a {what} cannot contain such a character"));
            }
        }
        let port = match port {
            None => None,
            Some(port) => match port.parse::<u16>() {
                Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Some(number),
                _ => return refused("the port must be a number from 1 to 65535"),
            },
        };
        Ok(Destination { user: user.map(str::to_owned), host: host.to_owned(), port, shown: bare.to_owned() })
    }

    fn append(&self, command: &mut Command) {
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", &self.host]);
    }
}

/// What ssh has written to stderr.
#[derive(Debug, Default)]
struct Said {
    /// The last lines, and when they came.
    lines: VecDeque<(Instant, String)>,
    /// How many lines came before those that are kept.
    before: usize,
    /// How many lines have been shown to the user.
    shown: usize,
    /// Nothing more will come.
    is_over: bool,
}

impl Said {
    fn push(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line).trim_end().to_owned();
        if line.is_empty() {
            return;
        }
        self.lines.push_back((Instant::now(), line));
        if self.lines.len() > LINES {
            self.lines.pop_front();
            self.before += 1;
        }
    }

    /// Returns how many lines there were.
    fn count(&self) -> usize {
        self.before + self.lines.len()
    }

    fn since(&self, count: usize) -> impl Iterator<Item = &str> {
        self.lines.iter().skip(count.saturating_sub(self.before)).map(|(_, line)| line.as_str())
    }

    fn text(&self) -> String {
        self.since(0).collect::<Vec<_>>().join("\n")
    }
}

/// Reads what ssh writes, on a thread of its own, so that ssh never waits for us. The thread ends with ssh.
fn listen(mut stderr: ChildStderr, said: Arc<Mutex<Said>>) {
    let heard = Arc::clone(&said);
    let read = move || {
        let mut buffer = [0; 4096];
        let mut line = Vec::new();
        loop {
            let count = match stderr.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            for &byte in &buffer[..count] {
                match byte {
                    b'\n' | b'\r' => lock(&heard).push(&std::mem::take(&mut line)),
                    // The banner is the server's, which may send anything.
                    _ if line.len() < LINE => line.push(byte),
                    _ => {}
                }
            }
        }
        let mut heard = lock(&heard);
        heard.push(&line);
        heard.is_over = true;
    };
    if std::thread::Builder::new().name("ssh".to_owned()).spawn(read).is_err() {
        lock(&said).is_over = true;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running ssh, which ends when this is dropped, or when the thread that started it ends.
#[derive(Debug)]
pub(super) struct Tunnel {
    pid: Pid,
    shown: String,
    hosts: Vec<Host>,
    /// A socket for each host.
    doors: Vec<Door>,
    child: Mutex<Child>,
    /// Keeps it spared while it runs.
    spared: Mutex<Option<Spared>>,
    said: Arc<Mutex<Said>>,
    /// The directory of the sockets, while it is needed.
    folder: Option<TempDir>,
}

/// A socket that ssh listens on.
#[derive(Debug)]
struct Door {
    path: PathBuf,
    /// Keeps the socket where `path` leads to its descriptor.
    _socket: Option<OwnedFd>,
}

/// The way through a tunnel to one host. It keeps the tunnel open.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    tunnel: Arc<Tunnel>,
    number: usize,
}

impl Tunnel {
    /// Returns the way to this host; `None` if the tunnel does not lead there.
    pub(super) fn to(self: &Arc<Tunnel>, host: &Host) -> Option<Forward> {
        let number = self.hosts.iter().position(|known| known == host)?;
        Some(Forward { tunnel: Arc::clone(self), number })
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        lock(&self.said)
    }

    /// Returns how ssh ended; `None` while it runs.
    fn ended(&self) -> Option<String> {
        let ended = match lock(&self.child).try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status.to_string(),
            Err(e) => os_text(&e),
        };
        // Its number may belong to another process soon.
        lock(&self.spared).take();
        Some(ended)
    }

    /// Waits until ssh listens on all sockets, which it does once it has logged in.
    async fn logged_in(&mut self, until: Option<Instant>) -> Result<()> {
        let Some(folder) = self.folder.as_ref().map(|folder| folder.path().to_owned()) else {
            return Err(Error::bug("a tunnel without a directory"));
        };
        let sockets: Vec<PathBuf> = (0..self.hosts.len()).map(|number| socket_in(&folder, number)).collect();
        let is_socket =
            |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
        let is_person_there = std::io::stderr().is_terminal();
        loop {
            if let Some(how) = self.ended() {
                self.last_words(|said| said.is_over).await;
                return Err(self.failed(&format!("it ended ({how})")));
            }
            if sockets.iter().all(is_socket) {
                break;
            }
            if self.said().text().contains(&folder.display().to_string()) {
                return Err(self.failed("it cannot open the socket"));
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Err(self.failed("it has not logged in within the time limit"));
            }
            if is_person_there {
                self.show_late();
            }
            tokio::time::sleep(LOOK).await;
        }
        self.doors = sockets.into_iter().map(|path| Door { path, _socket: None }).collect();
        if self.hold_sockets() {
            self.folder = None;
        }
        Ok(())
    }

    /// Opens the sockets, so that they can be reached without their names. Returns whether that is possible, which it is on
    /// Linux with /proc.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn hold_sockets(&mut self) -> bool {
        let mut held = Vec::new();
        for door in &self.doors {
            let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let Ok(socket) = nix::fcntl::open(&door.path, flags, Mode::empty()) else { return false };
            let path = PathBuf::from(format!("/proc/self/fd/{}", socket.as_raw_fd()));
            // Without /proc there is no way to it but its name.
            if std::fs::read_link(&path).is_err() {
                return false;
            }
            held.push(Door { path, _socket: Some(socket) });
        }
        self.doors = held;
        true
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn hold_sockets(&mut self) -> bool {
        false
    }

    /// Shows what ssh has written some time ago and the user has not seen.
    fn show_late(&self) {
        let mut said = self.said();
        let first = said.shown.saturating_sub(said.before);
        let late: Vec<String> = said
            .lines
            .iter()
            .skip(first)
            .take_while(|(came, _)| came.elapsed() > SHOWN_AFTER)
            .map(|(_, line)| line.clone())
            .collect();
        said.shown = said.before + first + late.len();
        drop(said);
        if !late.is_empty() {
            // ssh may have written a prompt since.
            error::note(&format!("\nssh: {}", late.join("\nssh: ")));
        }
    }

    /// Waits a moment until ssh has said this.
    async fn last_words(&self, have_come: impl Fn(&Said) -> bool) {
        let begun = Instant::now();
        while !have_come(&self.said()) && begun.elapsed() < LAST_WORDS {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns the error of an ssh that has not logged in: its last lines, or `silent` if it has written none.
    fn failed(&self, silent: &str) -> Error {
        let said = self.said().text();
        let why = match (said.is_empty(), said.contains('\n')) {
            (true, _) => format!(" {silent}"),
            (_, true) => format!("\n{said}"),
            (_, false) => format!(" {said}"),
        };
        Error::new(Exit::Unavailable, format!("ssh to {} failed:{why}", self.shown))
            .hint("pgkit runs the ssh of your PATH with your configuration: ssh -v with the same destination shows more")
    }

    /// Returns one line that says how ssh ended; `None` while it runs.
    fn end(&self) -> Option<String> {
        let how = self.ended()?;
        let said = self.said();
        let last = said.lines.back().map_or(how, |(_, line)| line.clone());
        Some(format!("ssh to {} ended: {last}", self.shown))
    }
}

impl Drop for Tunnel {
    /// Ends ssh, and waits for its end.
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Ok(None) = child.try_wait() {
            let _ = kill(self.pid, Signal::SIGTERM);
        }
        let begun = Instant::now();
        while let Ok(None) = child.try_wait() {
            if begun.elapsed() > LAST_WORDS {
                let _ = child.kill();
                let _ = child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Forward {
    /// Returns how many lines ssh has written so far, for [`Forward::explain`].
    pub(super) fn mark(&self) -> usize {
        self.tunnel.said().count()
    }

    /// Returns the host that ssh logs in to, for messages.
    pub(super) fn shown(&self) -> &str {
        &self.tunnel.shown
    }

    /// Connects to the socket. Whether ssh reaches the server shows only later.
    pub(super) async fn open(&self) -> std::io::Result<UnixStream> {
        let door = self.tunnel.doors.get(self.number).ok_or(ErrorKind::NotFound)?;
        let begun = Instant::now();
        loop {
            match UnixStream::connect(&door.path).await {
                // The socket is there a moment before ssh listens on it.
                Err(e)
                    if matches!(e.kind(), ErrorKind::ConnectionRefused | ErrorKind::WouldBlock)
                        && begun.elapsed() < LAST_WORDS
                        && self.tunnel.ended().is_none() => {}
                other => return other,
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns the reason why a connection through the tunnel has failed, which may be ssh. `mark` is how many lines ssh had
    /// written before.
    pub(super) async fn explain(&self, failure: Failure, mark: usize) -> Failure {
        if !matches!(failure.cause, Cause::Closed | Cause::Network) {
            return failure;
        }
        let refused =
            |said: &Said| said.since(mark).find(|line| line.contains("open failed")).map(str::to_owned);
        self.tunnel.last_words(|said| said.is_over || refused(said).is_some()).await;
        let ended = self.tunnel.end();
        let refused = refused(&self.tunnel.said());
        match (ended, refused) {
            (Some(end), _) => Failure::new(Cause::Ssh, Next::Nothing, end),
            (None, Some(line)) => {
                let text = format!("ssh could not reach it: {line}");
                Failure { cause: Cause::BehindSsh, next: Next::Host, text, ..failure }
            }
            (None, None) => failure,
        }
    }

    /// Returns one line that says how ssh ended; `None` if it has not. Waits up to 100 ms, because a session is lost a moment
    /// before ssh is reaped.
    pub(super) fn end(&self) -> Option<String> {
        let begun = Instant::now();
        loop {
            let end = self.tunnel.end();
            if end.is_some() || begun.elapsed() > REAPED {
                return end;
            }
            std::thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_read_as_ssh_reads_it() {
        for (text, user, host, port) in [
            ("bastion", None, "bastion", None),
            ("me@bastion", Some("me"), "bastion", None),
            ("bastion:2222", None, "bastion", Some(2222)),
            ("a@b@bastion.example.com:22", Some("a@b"), "bastion.example.com", Some(22)),
            ("[::1]:22", None, "::1", Some(22)),
            ("me@[fe80::1%eth0]", Some("me"), "fe80::1%eth0", None),
            ("2001:db8::1", None, "2001:db8::1", None),
            ("ssh://me@bastion:2222/", Some("me"), "bastion", Some(2222)),
        ] {
            let read = Destination::parse(text).unwrap();
            assert_eq!((read.user.as_deref(), read.host.as_str(), read.port), (user, host, port), "{text}");
        }
    }

    #[test]
    fn what_would_be_an_option_or_a_command_is_no_destination() {
        for text in [
            "",
            "-oProxyCommand=id",
            "me@-x",
            "-l@host",
            "@host",
            "me@",
            "a b",
            "a\nb",
            "a\u{1b}[m",
            "host:",
            "host:0",
            "host:+22",
            "host:65536",
            "[::1",
            "[::1]22",
            "$(id)",
            "a`id`",
            "a;id",
            "ssh://",
            "host/path",
        ] {
            let error = Destination::parse(text).unwrap_err();
            assert_eq!(error.exit, Exit::Usage, "{text}");
        }
        let error = Destination::parse("me:hunter2@bastion").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_forwarding_names_the_host_as_ssh_takes_it() {
        let host = |name: &str, addr: Option<&str>| Host {
            name: name.to_owned(),
            addr: addr.map(str::to_owned),
            port: 5433,
        };
        assert_eq!(remote(&host("db1", None)).unwrap(), "db1:5433");
        assert_eq!(remote(&host("db1", Some("10.0.0.1"))).unwrap(), "10.0.0.1:5433");
        assert_eq!(remote(&host("::1", None)).unwrap(), "[::1]:5433");
        assert_eq!(remote(&host("/run/pg", None)).unwrap(), "/run/pg/.s.PGSQL.5433");
        for name in ["@abstract", "/a b", "/a:b", "/a%h", "/${HOME}", "a b", "a/b", "[x]"] {
            assert_eq!(remote(&host(name, None)).unwrap_err().exit, Exit::Usage, "{name}");
        }
    }

    #[test]
    fn only_the_last_lines_are_kept_and_counted_on() {
        let mut said = Said::default();
        for number in 0..100 {
            said.push(format!("line {number}\r").as_bytes());
        }
        assert_eq!(said.count(), 100);
        assert_eq!(said.since(98).collect::<Vec<_>>(), ["line 98", "line 99"]);
        assert_eq!(said.text().lines().count(), LINES);
    }
}

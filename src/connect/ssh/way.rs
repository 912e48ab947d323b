//! `--ssh`: the way to the server through the user's own `ssh`, whose configuration, agent, jump hosts and known hosts
//! apply.
//!
//! One child, `ssh -N -L SOCKET:HOST:PORT`, serves all connections of a process. A login for each connection (`ssh -W`)
//! would need no socket, but it would ask for a password again for each database, and a cancel request must be on its way
//! within half a second. The socket is in a private directory, so nobody else can connect. On Linux pgkit opens the socket as
//! soon as ssh listens, and then removes it and the directory: it connects through the open descriptor, and nothing is left
//! behind, whatever ends pgkit. On other systems they are removed when pgkit ends.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::places::{Destination, remote};
use super::said::{Said, listen};
use super::tunnel::{Tunnel, socket_in};
use crate::connect::environment::Environment;
use crate::connect::spared::Spared;
use crate::connect::target::{Host, Target};
use crate::connect::tls::os_text;
use crate::error::{Error, Exit, Result};
use crate::{secrets, unsafe_spawn};

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
    pub(in crate::connect) fn new(destination: &str, batch: bool, env: &Environment) -> Result<Ssh> {
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
    pub(in crate::connect) fn check(&self, host: &Host) -> Result<()> {
        remote(host).map(drop)
    }

    /// Returns a running tunnel that leads to each of these hosts, and starts one if there is none. `limit` is how long ssh
    /// may take if it asks for nothing, `connecting` is the user's own limit for connecting.
    ///
    /// Errors: ssh cannot be started, or it fails; the message has its own words (69).
    pub(in crate::connect) async fn tunnel(
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

//! The keeper: the helper process that owns one throwaway server from initdb until its last file is removed.
//!
//! It stops the server and removes the folder when its only user is gone (end of file on the pipe of its orders),
//! when the last of those who share it has been gone for a while (end of file on their connections to its control
//! socket, which the kernel closes however they die), on `stop`, and on INT, TERM and HUP. If the keeper itself is
//! killed with kill -9, the kernel stops the server, and the next start of any sandbox removes the folder.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::folder::{Base, Folder};
use super::options::{Info, Password, Settings, Status};
use super::server::{Cluster, SUPERUSER, Stop};
use super::{sample, server, user};
use crate::error::{Error, Exit, Result};
use crate::helper::{Answer, Failure, Master, to_line};

/// The orders that a keeper is started with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) base: Base,
    pub(super) settings: Settings,
    pub(super) mode: Mode,
}

/// Who the server is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// For the process at the other end of the pipe.
    Own,
    /// For everyone who knows the key; it ends `linger` after the last user has left.
    Shared { key: String, linger: Duration },
}

/// The orders that the master of an own server may give.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    Start,
    Stop(Stop),
}

/// The requests that may be made over the control socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// The connection counts as a user until it ends. With `stay` the server no longer depends on its users.
    Join { stay: bool },
    /// Return what is known of the server, and how many users it has.
    Status,
    /// Stop. There is no answer, but the connection ends once everything is removed.
    Stop,
}

/// The name of the control socket, where those who join find the keeper.
pub(super) const CONTROL: &str = "control";
/// The name of the file with what is known of the server.
pub(super) const INFO: &str = "info.json";

/// Messages from the control connections to the keeper's loop.
enum Event {
    Asked(Request, oneshot::Sender<Status>),
    Left,
}

/// Runs the keeper until its server is no longer wanted.
pub(crate) async fn run(master: &mut Master) -> Exit {
    // Nothing that a keeper creates is for other users, least of all its control socket.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let orders: Orders = match master.order().await {
        Ok(Some(orders)) => orders,
        Ok(None) => return Exit::Done,
        Err(error) => return refuse(master, error),
    };
    let folder = match orders.base.new_folder() {
        Ok(folder) => folder,
        Err(error) => return refuse(master, error),
    };
    let result = keep(master, &orders, &folder).await;
    let _ = std::env::set_current_dir("/");
    folder.remove();
    match result {
        Ok(()) => Exit::Done,
        Err(error) => refuse(master, error),
    }
}

fn refuse(master: &Master, error: Error) -> Exit {
    let exit = error.exit;
    master.answer::<()>(Err(error));
    exit
}

async fn keep(master: &mut Master, orders: &Orders, folder: &Folder) -> Result<()> {
    let mut signals = Signals::new()?;
    let owner = user::choose(orders.settings.untrusted)?;
    let mut cluster = Cluster::new(folder, owner.clone(), orders.settings.clone())?;
    let begun = tokio::select! {
        begun = begin(&mut cluster, orders) => begun,
        _ = master.order::<Order>() => Err(Error::new(Exit::Terminated, "the process that asked for a server is gone")),
        () = signals.any() => Err(Error::new(Exit::Terminated, "terminated while the server started")),
    };
    let password = match begun {
        Ok(password) => password,
        Err(error) => {
            cluster.stop(Stop::Immediate).await;
            return Err(error);
        }
    };
    let info = describe(orders, folder, &cluster, password, server::os_user(owner.as_ref()));
    let listener = match publish(&info) {
        Ok(listener) => listener,
        Err(error) => {
            cluster.stop(Stop::Immediate).await;
            return Err(error);
        }
    };
    master.answer(Ok(&info));
    serve(master, &orders.mode, &mut cluster, &listener, &info, &mut signals).await;
    // From now on no one may join.
    let _ = std::fs::remove_file(info.folder.join(INFO));
    let _ = std::fs::remove_file(info.folder.join(CONTROL));
    // The data are about to be removed, so nothing more needs to be written.
    cluster.stop(Stop::Immediate).await;
    Ok(())
}

/// Creates and starts a server, and sets its password and loads its data if asked to.
async fn begin(cluster: &mut Cluster, orders: &Orders) -> Result<Option<Password>> {
    cluster.create(&orders.base).await?;
    cluster.start().await?;
    let (dir, port) = (cluster.socket_dir(), cluster.port);
    let password = if orders.settings.tcp { Some(sample::set_password(&dir, port).await?) } else { None };
    if orders.settings.sample {
        sample::create(&dir, port).await?;
    }
    Ok(password)
}

fn describe(
    orders: &Orders,
    folder: &Folder,
    cluster: &Cluster,
    password: Option<Password>,
    os_user: String,
) -> Info {
    let key = match &orders.mode {
        Mode::Own => None,
        Mode::Shared { key, .. } => Some(key.clone()),
    };
    // The lock file was created when the server was begun.
    let since = std::fs::metadata(folder.path.join("lock")).map_or(0, |meta| meta.mtime());
    Info {
        folder: folder.path.clone(),
        socket_dir: cluster.socket_dir(),
        data_dir: cluster.data_dir(),
        log_file: cluster.log_file(),
        port: cluster.port,
        user: SUPERUSER.to_owned(),
        database: if orders.settings.sample { sample::DATABASE } else { "postgres" }.to_owned(),
        password,
        binaries: orders.settings.binaries.clone(),
        os_user,
        server_pid: cluster.pid().unwrap_or(0),
        keeper_pid: std::process::id(),
        since,
        key,
        settings: super::options::short_hash(&orders.settings),
    }
}

/// Opens the control socket, then publishes the information about the server.
fn publish(info: &Info) -> Result<UnixListener> {
    let failed = |e: std::io::Error| Error::io(format!("cannot publish {}", info.folder.display()), &e);
    let listener = UnixListener::bind(info.folder.join(CONTROL)).map_err(failed)?;
    let building = info.folder.join("info.new");
    std::fs::write(&building, to_line(info)?)
        .and_then(|()| std::fs::rename(&building, info.folder.join(INFO)))
        .map_err(failed)?;
    Ok(listener)
}

/// Serves requests; returns when the server is no longer wanted, or gone.
async fn serve(
    master: &mut Master,
    mode: &Mode,
    cluster: &mut Cluster,
    listener: &UnixListener,
    info: &Info,
    signals: &mut Signals,
) {
    let linger = match mode {
        Mode::Own => None,
        Mode::Shared { linger, .. } => Some(*linger),
    };
    let own = linger.is_none();
    let linger = linger.unwrap_or_default();
    let (events, mut asked) = mpsc::channel(16);
    // The process that started us is alive: until it has joined, or died, a shared server does not count as idle.
    let mut attached = true;
    let mut stay = false;
    let mut users = 0_usize;
    let mut idle_since = Instant::now();
    loop {
        tokio::select! {
            order = master.order::<Order>(), if attached => match order {
                Ok(Some(order)) => {
                    let done = obey(order, cluster).await;
                    master.answer(done);
                }
                Ok(None) | Err(_) if own => return,
                Ok(None) | Err(_) => {
                    attached = false;
                    idle_since = Instant::now();
                }
            },
            connection = listener.accept() => if let Ok((stream, _)) = connection {
                tokio::spawn(converse(stream, events.clone()));
            },
            Some(event) = asked.recv() => match event {
                Event::Asked(Request::Stop, _) => return,
                Event::Asked(request, answer) => {
                    if let Request::Join { stay: stays } = request {
                        users += 1;
                        stay |= stays;
                    }
                    let info = Info { server_pid: cluster.pid().unwrap_or(0), ..info.clone() };
                    // If the client is gone before the answer, its connection's task reports that it left.
                    let _ = answer.send(Status { info, users, stays: stay });
                }
                Event::Left => {
                    users = users.saturating_sub(1);
                    idle_since = Instant::now();
                }
            },
            () = cluster.ended(), if cluster.runs() => if !own {
                return;
            },
            () = tokio::time::sleep_until(idle_since + linger), if !attached && users == 0 && !stay => return,
            () = signals.any() => return,
        }
    }
}

async fn obey(order: Order, cluster: &mut Cluster) -> Result<u32> {
    match order {
        Order::Start => {
            // A server that was just killed may take a moment to end.
            let _ = tokio::time::timeout(Duration::from_millis(200), cluster.ended()).await;
            if !cluster.runs() {
                cluster.start().await?;
            }
        }
        Order::Stop(how) => cluster.stop(how).await,
    }
    Ok(cluster.pid().unwrap_or(0))
}

/// Serves one connection to the control socket.
async fn converse(stream: UnixStream, events: mpsc::Sender<Event>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut joined = false;
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match serde_json::from_str::<Request>(&line) {
            Ok(request) => {
                let (sender, receiver) = oneshot::channel();
                if events.send(Event::Asked(request, sender)).await.is_err() {
                    break;
                }
                joined |= matches!(request, Request::Join { .. });
                match receiver.await {
                    Ok(status) => Answer::Ok(status),
                    // The keeper is ending, and this connection ends with it.
                    Err(_) => std::future::pending().await,
                }
            }
            Err(e) => {
                Answer::Err(Failure::from(&Error::bug("a request that is not understood").caused_by(e)))
            }
        };
        let Ok(line) = to_line(&answer) else { break };
        if write.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    if joined {
        let _ = events.send(Event::Left).await;
    }
}

/// The signals that make a keeper shut down properly.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> Result<Signals> {
        let one = |kind| signal(kind).map_err(|e| Error::io("cannot watch for signals", &e));
        Ok(Signals([
            one(SignalKind::interrupt())?,
            one(SignalKind::terminate())?,
            one(SignalKind::hangup())?,
        ]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

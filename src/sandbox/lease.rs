//! Starting servers, joining running ones, and stopping them.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::folder;
use super::folder::Base;
use super::keeper::{CONTROL, INFO, Mode, Order, Orders, Request};
use super::options::{Info, Options, Status, short_hash};
use super::server::Stop;
use crate::error::{Error, Exit, Result};
use crate::helper::{self, Answer, Helper};

/// A server of our own, which ends when this is dropped or when our process ends.
#[derive(Debug)]
pub struct Server {
    info: Info,
    helper: Helper,
}

/// Returns the orders for a keeper.
fn orders(options: &Options, base: &Base, mode: Mode) -> Orders {
    Orders { base: base.clone(), settings: options.settings.clone(), mode }
}

/// How long a keeper may take to clean up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a server of our own.
pub fn start_own(options: &Options) -> Result<Server> {
    let base = Base::in_temp(&options.temp)?;
    let orders = orders(options, &base, Mode::Own);
    let (helper, info) = helper::spawn(helper::Kind::Keeper, &orders, options.exe.as_deref())?;
    Ok(Server { info, helper })
}

impl Server {
    /// Returns what is known of the server.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Stops the server; its data stay until this value is dropped.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        self.info.server_pid = self.helper.ask(&Order::Stop(how))?;
        Ok(())
    }

    /// Starts the server again after [`Server::stop`], or after it died.
    pub fn start(&mut self) -> Result<()> {
        self.info.server_pid = self.helper.ask(&Order::Start)?;
        Ok(())
    }

    /// Stops the server and starts it again.
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

/// A hold on a shared server, which stays alive at least as long as this value.
#[derive(Debug)]
pub struct Lease {
    info: Info,
    _connection: UnixStream,
}

impl Lease {
    /// Returns what is known of the server.
    pub fn info(&self) -> &Info {
        &self.info
    }
}

/// Joins the server with this scope and these settings, or starts one.
pub fn shared(options: &Options) -> Result<Lease> {
    let key = format!("{}-{}", options.scope, short_hash(&(&options.settings, options.linger)));
    let (status, connection, _) = join_or_start(options, &key, false)?;
    Ok(Lease { info: status.info, _connection: connection })
}

/// Starts the server of this scope, which then runs until [`stop`], whatever becomes of us and our terminal.
/// Returns whether it was running already. A running one with other settings is an error.
pub fn start(options: &Options) -> Result<(Info, bool)> {
    let (status, _, ran) = join_or_start(options, &options.scope, true)?;
    let info = status.info;
    if info.settings != short_hash(&options.settings) {
        let message =
            format!("another sandbox is already running, with PostgreSQL {}", info.binaries.version);
        return Err(Error::usage(message).hint("stop it with `pgkit sandbox stop`"));
    }
    Ok((info, ran))
}

/// Stops the kept server of this scope. Returns what was known of it once everything of it is gone; `None` if
/// there was none.
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
                Err(Error::new(Exit::TryAgain, "the sandbox is still stopping").caused_by(e))
            }
            // It ended before it got our request.
            Err(_) => Ok(Some(status.info)),
        };
    }
    Ok(None)
}

/// Returns all running sandboxes of this user.
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
    /// Returns whether this is the kept server of a scope.
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
    // One process starts the server; those that come in the meantime wait here and then join.
    let _start = base.lock(&format!("{}.start", short_hash(&key)))?;
    if let Some((status, connection)) = join()? {
        return Ok((status, connection, true));
    }
    let mode = Mode::Shared { key: key.to_owned(), linger: options.linger };
    let (_helper, _): (Helper, Info) =
        helper::spawn(helper::Kind::Keeper, &orders(options, &base, mode), options.exe.as_deref())?;
    match join()? {
        Some((status, connection)) => Ok((status, connection, false)),
        None => Err(Error::new(Exit::Unavailable, "the sandbox ended as soon as it had started")),
    }
}

/// Returns what a keeper has published.
fn info(folder: &Path) -> Option<Info> {
    serde_json::from_str(&std::fs::read_to_string(folder.join(INFO)).ok()?).ok()
}

/// Sends a request to a keeper; `None` if the keeper is about to end.
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

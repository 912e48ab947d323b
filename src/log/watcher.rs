//! The process that switches the log settings back in time, whatever becomes of the pgkit that switched them on.
//!
//! It outlives its master only after the master has reported that all is well. It goes by the server's clock. If
//! the server is away, it retries until the server is back; the record on the server says what is to be done. Only a
//! throwaway server that has been removed is given up.

use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::files::{self, Growth, Place};
use super::places;
use super::scope::Scope;
use super::switch::{Access, Foreign, Switch};
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::helper::Master;
use crate::note::SwitchRecord;
use crate::session::{InFlight, Purpose, Writer};

/// How often to check.
const TICK: Duration = Duration::from_secs(1);
/// How often to check whether sessions that still log have ended.
const LINGER_TICK: Duration = Duration::from_secs(10);
/// How long after its master's end the record may still appear.
const GRACE: Duration = Duration::from_secs(10);
/// How long to retry while the server is away or refuses.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What to watch over.
#[derive(Serialize, Deserialize)]
pub struct Orders {
    /// The server, with the password that was typed.
    pub target: Target,
    /// Where the settings were switched on.
    pub scope: Scope,
    /// The ID of this `log on`; a record with any other ID belongs to someone else.
    pub id: String,
    /// When to switch back, by the server's clock.
    pub until: Option<Timestamp>,
    /// By how many bytes the log may grow.
    pub max_bytes: Option<u64>,
    /// The folder of a throwaway server, which never comes back without it. Other servers may always come back.
    pub folder: Option<PathBuf>,
}

/// What the master orders later.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Order {
    /// All is switched on: stay alive without the master.
    Detach,
    /// Switch back now, and report when that is done.
    Off,
}

/// Why watching ends.
enum End {
    /// The time is up, the log has grown enough, the master is gone, or the machine shuts down.
    Due,
    /// The master asked to switch back.
    Asked,
    /// Someone else switched back, and there are sessions that still log.
    Off,
    /// Someone else switched back, or switched on again.
    Nothing,
}

struct Watcher<'a> {
    master: &'a mut Master,
    orders: Orders,
    access: Access,
    /// Whether the master's end is no longer a reason to switch back.
    detached: bool,
    /// When the master was found to be gone.
    alone_since: Option<Instant>,
    growth: Growth,
    /// Whether the record has been seen.
    seen: bool,
}

/// Runs the watcher.
pub async fn run(master: &mut Master) -> Exit {
    let orders: Orders = match master.order().await {
        Ok(Some(orders)) => orders,
        Ok(None) => return Exit::Done,
        Err(e) => return e.exit,
    };
    let access = Access { target: orders.target.clone(), echo: None, running: InFlight::default() };
    let mut watcher = Watcher {
        master,
        orders,
        access,
        detached: false,
        alone_since: None,
        growth: Growth::default(),
        seen: false,
    };
    // Growth is counted from the log's present size.
    let connected = async {
        let (writer, place) = watcher.connect().await?;
        let sizes = files::sizes(&place, &writer).await?;
        Ok((writer, place, sizes))
    };
    let connected: Result<_> = connected.await;
    let session = match connected {
        Ok((writer, place, sizes)) => {
            watcher.growth.look(sizes.unwrap_or_default());
            (writer, place)
        }
        Err(e) => {
            let exit = e.exit;
            watcher.master.answer::<()>(Err(e));
            return exit;
        }
    };
    watcher.master.answer(Ok(()));
    let removed = removed(watcher.orders.folder.clone());
    let work = async {
        let end = watcher.watch(Some(session)).await;
        watcher.finish(end).await
    };
    tokio::select! {
        exit = work => exit,
        () = removed => Exit::Done,
    }
}

/// Waits until this folder is gone; forever if there is none.
async fn removed(folder: Option<PathBuf>) {
    let Some(folder) = folder else { return std::future::pending().await };
    while !matches!(folder.try_exists(), Ok(false)) {
        tokio::time::sleep(TICK).await;
    }
}

impl Watcher<'_> {
    async fn connect(&self) -> Result<(Writer, Place)> {
        let writer = self.access.writer(Purpose::Log, &mut no_password).await?;
        let place = Place::find(&writer).await?;
        Ok((writer, place))
    }

    /// Watches until there is a reason to stop.
    async fn watch(&mut self, mut session: Option<(Writer, Place)>) -> End {
        let Ok(mut term) = signal(SignalKind::terminate()) else { return End::Due };
        let begun = Instant::now();
        let mut pause = TICK;
        // The server's time, and when it was asked for.
        let mut clock: Option<(Timestamp, Instant)> = None;
        loop {
            let left = self.orders.until.zip(clock).map(|(until, (now, asked))| {
                let left = Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO);
                left.saturating_sub(asked.elapsed())
            });
            // A server that is away keeps its settings, so it is asked again, even after the end.
            let wait = if session.is_some() { left.map_or(pause, |left| left.min(pause)) } else { pause };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = term.recv() => return End::Due,
                order = self.master.order::<Order>(), if self.alone_since.is_none() => match order {
                    Ok(Some(Order::Detach)) => {
                        // The master detaches once everything is switched on, so the record has been there.
                        self.detached = true;
                        self.seen = true;
                        self.master.answer(Ok(()));
                        continue;
                    }
                    Ok(Some(Order::Off)) => return End::Asked,
                    Ok(None) | Err(_) => {
                        self.alone_since = Some(Instant::now());
                        if !self.detached {
                            return End::Due;
                        }
                        continue;
                    }
                },
            }
            if session.is_none() {
                session = self.connect().await.ok();
            }
            let looked = match &session {
                Some((writer, place)) => self.look(writer, place).await,
                None => Err(Error::new(Exit::Unavailable, "the server is away")),
            };
            match looked {
                Ok((now, end)) => {
                    clock = Some((now, Instant::now()));
                    pause = TICK;
                    if let Some(end) = end {
                        return end;
                    }
                }
                Err(_) => {
                    session = None;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    if begun.elapsed() > PATIENCE && left.is_none_or(|left| left.is_zero()) {
                        return End::Nothing;
                    }
                }
            }
        }
    }

    /// Checks once: returns the server's time, and the reason to end, if there is one.
    async fn look(&mut self, writer: &Writer, place: &Place) -> Result<(Timestamp, Option<End>)> {
        let places = places::read(writer).await?;
        let now = places::now(writer).await?;
        let ours = |note: &&SwitchRecord| note.id == self.orders.id;
        // A database or role keeps its record when it is renamed, and a session goes on when its role is.
        if let Some(scope) = places.of_id(&self.orders.id, &self.orders.scope).into_iter().next() {
            self.orders.scope = scope;
        }
        if self.orders.scope != Scope::Global {
            self.access.target.user = places::session_user(writer).await?;
        }
        let Some(note) = places.notes.get(&self.orders.scope).filter(ours) else {
            let waited = self.alone_since.is_none_or(|since| since.elapsed() < GRACE);
            let end = if self.seen || !waited { Some(End::Nothing) } else { None };
            return Ok((now, end));
        };
        if !note.is_on() {
            return Ok((now, Some(End::Off)));
        }
        self.seen = true;
        let mut due = note.is_overdue(now);
        if let Some(max) = self.orders.max_bytes {
            if let Some(sizes) = files::sizes(place, writer).await? {
                self.growth.look(sizes);
            }
            due |= self.growth.bytes >= max;
        }
        Ok((now, due.then_some(End::Due)))
    }

    /// Switches back, with as many attempts as it takes.
    async fn finish(&mut self, end: End) -> Exit {
        let asked = match end {
            End::Nothing => return Exit::Done,
            End::Off => return self.linger().await,
            End::Asked => true,
            End::Due => false,
        };
        let begun = Instant::now();
        let mut pause = Duration::from_millis(200);
        loop {
            let done = self.off().await;
            match done {
                Ok(lingers) => {
                    if asked {
                        self.master.answer(Ok(()));
                    }
                    return if lingers { self.linger().await } else { Exit::Done };
                }
                Err(e) if asked || begun.elapsed() > PATIENCE || e.exit == Exit::BadInput => {
                    let exit = e.exit;
                    if asked {
                        self.master.answer::<()>(Err(e));
                    }
                    return exit;
                }
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Switches back. Returns whether there are sessions that still log.
    async fn off(&self) -> Result<bool> {
        let switch = Switch::lock(&self.access, &mut no_password).await?;
        let off = self.off_under(&switch).await;
        switch.unlock().await;
        off
    }

    async fn off_under(&self, switch: &Switch) -> Result<bool> {
        let id = &self.orders.id;
        let mut lingers = false;
        // The database or role may have been renamed since the last check.
        for scope in switch.places().await?.of_id(id, &self.orders.scope) {
            let off = switch.off(&scope, Foreign::Report, Some(id)).await?;
            lingers |= off.is_some_and(|off| !off.lingering.is_empty());
        }
        Ok(lingers)
    }

    /// Waits for the last session that still logs to end, and then removes the record.
    async fn linger(&self) -> Exit {
        let end = Instant::now() + Duration::try_from(SignedDuration::from_hours(24)).unwrap_or(GRACE);
        while Instant::now() < end {
            tokio::time::sleep(LINGER_TICK).await;
            match self.off().await {
                Ok(true) => {}
                Ok(false) => return Exit::Done,
                Err(e) if matches!(e.exit, Exit::Unavailable | Exit::TryAgain) => {}
                Err(e) => return e.exit,
            }
        }
        Exit::Done
    }
}

fn no_password(_: &str) -> Result<String> {
    Err(Error::new(Exit::Unavailable, "a watcher cannot ask for a password"))
}

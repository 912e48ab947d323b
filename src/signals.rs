//! INT, TERM and HUP: the command is told of the signal and cancels what runs on the server. A second signal, or a
//! command that does not end in time, ends the process at once.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::error::{Error, Exit, Result};
use crate::output::terminal;

/// How long a command has to cancel its statements after the first signal, in milliseconds.
static PATIENCE: AtomicU64 = AtomicU64::new(800);

/// Gives the command this much time after the first signal, because it has something to restore.
pub fn patience(time: Duration) {
    PATIENCE.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// For a command that ends by itself after a signal: it is told of the signal instead of being dropped in the
/// middle of its work.
pub struct Ending {
    is_taken: Cell<bool>,
    told: watch::Sender<Option<Exit>>,
}

impl Default for Ending {
    fn default() -> Ending {
        Ending { is_taken: Cell::new(false), told: watch::Sender::new(None) }
    }
}

impl Ending {
    /// Returns a receiver that from now on gets the signals; a second one still ends the process at once.
    pub fn take(&self) -> watch::Receiver<Option<Exit>> {
        patience(Duration::from_secs(7 * 24 * 3600));
        self.is_taken.set(true);
        self.told.subscribe()
    }

    /// Sends a signal to the receiver. Returns whether there is one.
    pub fn tell(&self, exit: Exit) -> bool {
        self.is_taken.get() && self.told.send(Some(exit)).is_ok()
    }
}

/// Listens on a thread of its own, so that signals are noticed even while the command waits for a person. The
/// receiver gets the first signal.
pub fn listen() -> Result<oneshot::Receiver<Exit>> {
    let (tell, told) = oneshot::channel();
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(wait(tell, &ready)),
                Err(e) => drop(ready.send(Err(e))),
            }
        })
        .and_then(|_| is_ready.recv().unwrap_or(Ok(())))
        .map_err(|e| Error::io("could not listen for signals", &e))?;
    Ok(told)
}

async fn wait(tell: oneshot::Sender<Exit>, ready: &std::sync::mpsc::Sender<std::io::Result<()>>) {
    let streams = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let [Ok(mut int), Ok(mut term), Ok(mut hup)] = streams else {
        let _ = ready.send(Err(std::io::Error::other("no signal handler could be set up")));
        return;
    };
    let _ = ready.send(Ok(()));
    let mut next = async || loop {
        let exit = tokio::select! {
            _ = int.recv() => Exit::Interrupted,
            _ = term.recv() => Exit::Terminated,
            _ = hup.recv() => Exit::HungUp,
        };
        if exit != Exit::Interrupted || !terminal::is_paging() {
            return exit;
        }
    };
    let first = next().await;
    let _ = tell.send(first);
    let last = tokio::time::timeout(Duration::from_millis(PATIENCE.load(Ordering::Relaxed)), next())
        .await
        .unwrap_or(first);
    leave(last);
}

/// Ends the process from the signal thread, because the main thread did not end in time.
fn leave(exit: Exit) {
    terminal::leave_screen();
    #[expect(clippy::disallowed_methods, reason = "the main thread waits for something that does not come")]
    std::process::exit(i32::from(exit.code()));
}

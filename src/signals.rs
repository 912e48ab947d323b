//! INT, TERM and HUP: told to the command, which cancels what runs on the server; a second one, or a command that does
//! not answer in time, ends the process at once.

use std::cell::Cell;
use std::io::{BufRead, Write};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::error::{Error, Exit, Result};
use crate::render::escape::terminal_text;

/// How long a command has to cancel its statements after the first signal, in milliseconds.
static PATIENCE: AtomicU64 = AtomicU64::new(800);

/// The pager has the terminal: Ctrl-C is meant for it.
static PAGING: AtomicBool = AtomicBool::new(false);

/// The terminal as it was before a password was asked for.
static TERMINAL: Mutex<Option<Termios>> = Mutex::new(None);

/// Is the terminal showing its alternate screen?
static SCREEN: AtomicBool = AtomicBool::new(false);

/// Switches the terminal to its alternate screen, until [`leave_screen`] or the end of the process.
pub fn enter_screen() -> Result<()> {
    SCREEN.store(true, Ordering::Relaxed);
    crate::render::output::control("\x1b[?1049h")
}

/// Switches the terminal back to its normal screen and its normal line mode.
pub fn leave_screen() {
    if SCREEN.swap(false, Ordering::Relaxed) {
        let _ = crate::render::output::control("\x1b[?1049l");
    }
    restore_terminal();
}

/// Restores the terminal mode that was saved before a password or a key was read.
fn restore_terminal() {
    if let Some(before) = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take()
        && let Ok(terminal) = std::fs::File::open("/dev/tty")
    {
        let _ = tcsetattr(&terminal, SetArg::TCSANOW, &before);
    }
}

/// Gives the command this long after the first signal: it has something to put back.
pub fn patience(time: Duration) {
    PATIENCE.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// For a command that ends by itself after a signal: it hears of the signal, instead of being dropped where it stands.
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
    /// From now on signals are told to whoever has this; a second one still ends the process at once.
    pub fn take(&self) -> watch::Receiver<Option<Exit>> {
        patience(Duration::from_secs(7 * 24 * 3600));
        self.is_taken.set(true);
        self.told.subscribe()
    }

    /// Tells of a signal. Says whether somebody hears.
    pub fn tell(&self, exit: Exit) -> bool {
        self.is_taken.get() && self.told.send(Some(exit)).is_ok()
    }
}

/// While a pager runs, an interrupt is the pager's.
pub fn paging(on: bool) {
    PAGING.store(on, Ordering::Relaxed);
}

/// Listens from a thread of its own, so that a signal counts while the command waits for a person too. The receiver
/// gets the first signal.
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
        if exit != Exit::Interrupted || !PAGING.load(Ordering::Relaxed) {
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

/// Ends the process from here: whatever holds up the main thread has had its time.
fn leave(exit: Exit) {
    leave_screen();
    #[expect(clippy::disallowed_methods, reason = "the main thread waits for something that does not come")]
    std::process::exit(i32::from(exit.code()));
}

/// Asks for a password on the terminal, not on stdin. Errors: there is no terminal (69).
pub fn ask_password(prompt: &str) -> Result<String> {
    if let Ok(terminal) = std::fs::File::open("/dev/tty")
        && let Ok(before) = tcgetattr(&terminal)
    {
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    }
    let answer = rpassword::prompt_password(terminal_text(prompt));
    TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take();
    answer.map_err(|e| {
        if e.kind() == std::io::ErrorKind::Interrupted {
            return Error::new(Exit::Interrupted, "interrupted");
        }
        Error::new(Exit::Unavailable, "a password is needed, and there is no terminal to ask for it on")
            .caused_by(e)
            .hint("set PGPASSWORD, or put it into the password file ~/.pgpass (mode 0600)")
    })
}

/// Asks a question on the terminal, not on stdin: yes or no; `None` where there is no terminal. A signal is heard
/// meanwhile.
pub async fn confirm(question: &str) -> Result<Option<bool>> {
    let Ok(mut terminal) = std::fs::File::options().read(true).write(true).open("/dev/tty") else {
        return Ok(None);
    };
    let question = terminal_text(question).into_owned();
    let answer = tokio::task::spawn_blocking(move || {
        terminal.write_all(question.as_bytes())?;
        let mut line = String::new();
        std::io::BufReader::new(terminal).read_line(&mut line)?;
        Ok(line)
    });
    let line = answer.await.map_err(|e| Error::bug("a thread that asks died").caused_by(e))?;
    let line = line.map_err(|e: std::io::Error| Error::io("could not ask on the terminal", &e))?;
    Ok(Some(matches!(line.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// Waits for a key press on the controlling terminal, whatever stdin is. `None`: there is no terminal, or pgkit runs in the
/// background. Signals are handled in the meantime.
pub async fn key() -> Result<Option<u8>> {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return Ok(None) };
    // A background process that reads from the terminal is stopped (SIGTTIN).
    if tcgetpgrp(&terminal) != Ok(getpgrp()) {
        return Ok(None);
    }
    let failed = |e: std::io::Error| Error::io("could not read from the terminal", &e);
    let before = tcgetattr(&terminal).map_err(|e| failed(e.into()))?;
    TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| before.clone());
    let mut raw = before.clone();
    raw.local_flags &= !(LocalFlags::ICANON | LocalFlags::ECHO);
    let read = tokio::task::spawn_blocking(move || {
        tcsetattr(&terminal, SetArg::TCSANOW, &raw)?;
        let mut key = [0; 1];
        let read = std::io::Read::read(&mut &terminal, &mut key);
        tcsetattr(&terminal, SetArg::TCSANOW, &before)?;
        Ok((read? > 0).then_some(key[0]))
    });
    let key = read.await.map_err(|e| Error::bug("a thread that reads a key died").caused_by(e))?;
    TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take();
    key.map_err(failed)
}

//! The terminal: its size, its alternate screen, and questions to the user at it.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Color, Style};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp};

use crate::error::{Error, Exit, Result};
use crate::escape::terminal_text;

/// Whether a pager has the terminal, so that Ctrl-C is meant for it.
static PAGING: AtomicBool = AtomicBool::new(false);

/// The terminal as it was before a password was asked for.
static TERMINAL: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether the terminal is showing its alternate screen.
static SCREEN: AtomicBool = AtomicBool::new(false);

/// Switches the terminal to its alternate screen, until [`leave_screen`] or the end of the process.
pub fn enter_screen() -> Result<()> {
    SCREEN.store(true, Ordering::Relaxed);
    control("\x1b[?1049h")
}

/// Switches the terminal back to its normal screen and its normal line mode.
pub fn leave_screen() {
    if SCREEN.swap(false, Ordering::Relaxed) {
        let _ = control("\x1b[?1049l");
    }
    restore_terminal();
}

/// Restores the terminal mode that was saved before a password or a key was read.
fn restore_terminal() {
    if let Some(before) = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take()
        && let Ok(terminal) = File::open("/dev/tty")
    {
        let _ = tcsetattr(&terminal, SetArg::TCSANOW, &before);
    }
}

/// Returns whether stdout is a terminal.
pub fn is_stdout() -> bool {
    io::stdout().is_terminal()
}

/// Returns the terminal's columns and rows, if stdout is a terminal. `columns` from the environment (`COLUMNS`)
/// takes precedence.
pub fn size(columns: Option<&str>) -> Option<(usize, usize)> {
    if !is_stdout() {
        return None;
    }
    let (width, height) =
        terminal_size::terminal_size_of(io::stdout()).map_or((80, 24), |(w, h)| (w.0.into(), h.0.into()));
    let width = columns.and_then(|c| c.parse().ok()).filter(|w| *w > 0).unwrap_or(width);
    Some((if width == 0 { 80 } else { width }, if height == 0 { 24 } else { height }))
}

/// Notes whether a pager is running; while one is, an interrupt is meant for the pager.
pub fn set_paging(on: bool) {
    PAGING.store(on, Ordering::Relaxed);
}

/// Returns whether a pager is running.
pub fn is_paging() -> bool {
    PAGING.load(Ordering::Relaxed)
}

/// Writes a control sequence to stdout, past its buffer and its lock: the thread that handles signals does so too.
/// A closed pipe is not an error.
fn control(sequence: &str) -> Result<()> {
    let failed = |e: io::Error| Error::io("could not write to stdout", &e);
    let mut stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from).map_err(failed)?;
    match stdout.write_all(sequence.as_bytes()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(failed),
    }
}

/// Asks for a password on the terminal, not on stdin. Errors: there is no terminal (69).
pub fn ask_password(prompt: &str) -> Result<String> {
    if let Ok(terminal) = File::open("/dev/tty")
        && let Ok(before) = tcgetattr(&terminal)
    {
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    }
    let answer = rpassword::prompt_password(terminal_text(prompt));
    TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take();
    answer.map_err(|e| {
        if e.kind() == io::ErrorKind::Interrupted {
            return Error::new(Exit::Interrupted, "interrupted");
        }
        Error::new(Exit::Unavailable, "missing password, and no terminal to ask for it")
            .caused_by(e)
            .hint("set PGPASSWORD, or put it into the password file ~/.pgpass (mode 0600)")
    })
}

/// Asks a yes-or-no question on the terminal, not on stdin, in this colour if one is given; `None` if there is no terminal.
/// Signals are handled in the meantime.
pub async fn confirm(question: &str, color: Option<AnsiColor>) -> Result<Option<bool>> {
    let Ok(mut terminal) = File::options().read(true).write(true).open("/dev/tty") else {
        return Ok(None);
    };
    let style = Style::new().fg_color(color.map(Color::Ansi));
    let question = format!("{style}{}{style:#}", terminal_text(question));
    let answer = tokio::task::spawn_blocking(move || {
        terminal.write_all(question.as_bytes())?;
        let mut line = String::new();
        io::BufReader::new(terminal).read_line(&mut line)?;
        Ok(line)
    });
    let line = answer.await.map_err(|e| Error::bug("a thread that asks died").caused_by(e))?;
    let line = line.map_err(|e: io::Error| Error::io("could not prompt on the terminal", &e))?;
    Ok(Some(matches!(line.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// Waits for a key press on the controlling terminal, whatever stdin is. `None`: there is no terminal, or pgkit
/// runs in the background. Signals are handled in the meantime.
pub async fn key() -> Result<Option<u8>> {
    let Ok(terminal) = File::open("/dev/tty") else { return Ok(None) };
    // A background process that reads from the terminal is stopped (SIGTTIN).
    if tcgetpgrp(&terminal) != Ok(getpgrp()) {
        return Ok(None);
    }
    let failed = |e: io::Error| Error::io("could not read from the terminal", &e);
    let before = tcgetattr(&terminal).map_err(|e| failed(e.into()))?;
    TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| before.clone());
    let mut raw = before.clone();
    raw.local_flags &= !(LocalFlags::ICANON | LocalFlags::ECHO);
    let read = tokio::task::spawn_blocking(move || {
        tcsetattr(&terminal, SetArg::TCSANOW, &raw)?;
        let mut key = [0; 1];
        let read = io::Read::read(&mut &terminal, &mut key);
        tcsetattr(&terminal, SetArg::TCSANOW, &before)?;
        Ok((read? > 0).then_some(key[0]))
    });
    let key = read.await.map_err(|e| Error::bug("a thread that reads a key died").caused_by(e))?;
    TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take();
    key.map_err(failed)
}

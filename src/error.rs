//! The one error type, the one table of exit codes, and the one function that prints an error.

use std::fmt;

use crate::escape::{terminal_lines as safe, terminal_text};
use crate::wrap::wrapped;

/// How a command ended, as the shell sees it. The numbers are a contract with runbooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done; an empty answer is an answer.
    Done,
    /// Done, and the answer is bad: a check found something.
    BadAnswer,
    /// Another process took the row's lock in the same instant.
    Locked,
    /// A due job is ongoing elsewhere.
    Ongoing,
    /// Wrong usage.
    Usage,
    /// Bad input data: a report's header, a pattern, a file.
    BadInput,
    /// No connection to the server, or it went away.
    Unavailable,
    /// A bug in pgkit.
    Bug,
    /// Input or output failed.
    Io,
    /// A timeout or a conflict with recovery: try again.
    TryAgain,
    /// The server is too old.
    TooOld,
    /// The server refuses permission.
    Permission,
    /// Hung up (SIGHUP).
    HungUp,
    /// Interrupted (SIGINT).
    Interrupted,
    /// Terminated (SIGTERM).
    Terminated,
    /// The exit code of a program that pgkit ran on the user's behalf (`sandbox run`).
    Child(u8),
}

impl Exit {
    /// Returns the process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::BadAnswer => 1,
            Exit::Locked => 2,
            Exit::Ongoing => 3,
            Exit::Usage => 64,
            Exit::BadInput => 65,
            Exit::Unavailable => 69,
            Exit::Bug => 70,
            Exit::Io => 74,
            Exit::TryAgain => 75,
            Exit::TooOld => 76,
            Exit::Permission => 77,
            Exit::HungUp => 129,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
            Exit::Child(code) => code,
        }
    }

    /// All of pgkit's own exit codes, in their order.
    pub const ALL: [Exit; 15] = [
        Exit::Done,
        Exit::BadAnswer,
        Exit::Locked,
        Exit::Ongoing,
        Exit::Usage,
        Exit::BadInput,
        Exit::Unavailable,
        Exit::Bug,
        Exit::Io,
        Exit::TryAgain,
        Exit::TooOld,
        Exit::Permission,
        Exit::HungUp,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// Returns what the code means, for the manual page. README.md has the same codes, with examples.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "success; an empty answer is an answer",
            Exit::BadAnswer => "success, and the answer is bad",
            Exit::Locked => "jobs run: another process took the lock of a row at the same instant",
            Exit::Ongoing => "jobs run, reset, unlock: a job is ongoing elsewhere",
            Exit::Usage => "wrong usage",
            Exit::BadInput => {
                "bad input data: a report's header, a pattern, a regular expression, a jobs file, a snapshot"
            }
            Exit::Unavailable => "no connection to the server, or the connection was lost",
            Exit::Bug => "a bug in pgkit",
            Exit::Io => "input or output failed",
            Exit::TryAgain => "a timeout or a conflict with recovery: try again",
            Exit::TooOld => "the server is too old",
            Exit::Permission => "the server refuses permission",
            Exit::HungUp => "hung up (SIGHUP)",
            Exit::Interrupted => "interrupted (SIGINT)",
            Exit::Terminated => "terminated (SIGTERM)",
            Exit::Child(_) => "the exit code of a program that pgkit ran",
        }
    }

    /// Returns the failure with this code, as reported by another pgkit process.
    pub fn from_code(code: u8) -> Exit {
        let is_failure = |exit: &Exit| !matches!(exit, Exit::Done | Exit::Locked | Exit::Ongoing);
        Exit::ALL.into_iter().filter(is_failure).find(|exit| exit.code() == code).unwrap_or(Exit::Bug)
    }
}

/// What to do about a bug.
pub const REPORT_IT: &str = "please report it, with the command and this message";

/// What went wrong, what caused it, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The exit code if the error ends the process.
    pub exit: Exit,
    /// One or more lines, in lower case, without the program's name.
    pub message: String,
    /// The causes, outermost first.
    pub causes: Vec<String>,
    /// What the user can do.
    pub hints: Vec<String>,
    /// The server's SQLSTATE, if the server raised the error.
    pub sqlstate: Option<String>,
}

/// What pgkit puts before a message from the server.
const SERVER_SAYS: &str = "the server says: ";

/// The result of nearly every function here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Creates an error of this kind with this message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Error {
        Error { exit, message: message.into(), causes: Vec::new(), hints: Vec::new(), sqlstate: None }
    }

    /// Creates an error for wrong usage: exit 64.
    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(Exit::Usage, message)
    }

    /// Creates an error for bad input data: exit 65.
    pub fn data(message: impl Into<String>) -> Error {
        Error::new(Exit::BadInput, message)
    }

    /// Creates an error for failed input or output: exit 74.
    pub fn io(message: impl Into<String>, cause: &std::io::Error) -> Error {
        Error::new(Exit::Io, message).caused_by(cause)
    }

    /// Creates an error for a bug in pgkit: exit 70.
    pub fn bug(message: impl Into<String>) -> Error {
        Error::new(Exit::Bug, message).hint(format!("this is a bug in pgkit: {REPORT_IT}"))
    }

    /// Creates an error that the server raised, with its own message.
    pub fn of_server(exit: Exit, message: &str, sqlstate: &str) -> Error {
        Error { sqlstate: Some(sqlstate.to_owned()), ..Error::new(exit, format!("{SERVER_SAYS}{message}")) }
    }

    /// Returns the server's own message if the server raised the error, and the whole message otherwise.
    pub fn server_message(&self) -> &str {
        self.message.strip_prefix(SERVER_SAYS).unwrap_or(&self.message)
    }

    /// Adds a cause.
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Error {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds what the user can do.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hints.push(hint.into());
        self
    }

    /// Returns the whole error in one line.
    pub fn one_line(&self) -> String {
        let mut text = self.message.clone();
        for cause in &self.causes {
            text.push_str(": ");
            text.push_str(cause);
        }
        for hint in &self.hints {
            text.push_str(" (");
            text.push_str(hint);
            text.push(')');
        }
        text.replace('\n', "; ")
    }

    /// Sets the server's SQLSTATE.
    pub fn with_sqlstate(mut self, sqlstate: impl Into<String>) -> Error {
        self.sqlstate = Some(sqlstate.into());
        self
    }
}

impl fmt::Display for Error {
    /// Writes the whole error as it appears on stderr: `pgkit: message`, then `caused by:`, then `hint:` lines.
    /// Text from a server or a file is made safe for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pgkit: {}", safe(&self.message))?;
        for cause in &self.causes {
            write!(f, "\ncaused by: {}", safe(cause))?;
        }
        for hint in &self.hints {
            write!(f, "\nhint: {}", safe(hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Prints an error on stderr; if stderr is gone, that is not another failure.
pub fn print(error: &Error) {
    say(&error.to_string());
}

/// Like [`note`], but wraps long lines at words when stderr is a terminal.
pub fn say(text: &str) {
    match terminal_size::terminal_size_of(std::io::stderr()) {
        Some((width, _)) if width.0 > 0 => {
            let lines: Vec<String> =
                text.lines().flat_map(|line| wrapped(line, usize::from(width.0))).collect();
            note(&lines.join("\n"));
        }
        _ => note(text),
    }
}

/// Prints a line for people on stderr: errors, warnings, progress, never data. Control characters are shown as
/// escapes even in a file, since it may be read on a terminal later.
pub fn note(line: &str) {
    use std::io::Write;
    let _ = writeln!(anstream::stderr(), "{}", terminal_text(line));
}

//! What ssh writes to stderr.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many of ssh's last lines are kept. Its warning of a changed host key has 13.
const LINES: usize = 16;
/// The longest line of ssh that is kept, in bytes.
const LINE: usize = 1000;

/// What ssh has written to stderr.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The last lines, and when they came.
    pub(super) lines: VecDeque<(Instant, String)>,
    /// How many lines came before those that are kept.
    pub(super) before: usize,
    /// How many lines have been shown to the user.
    pub(super) shown: usize,
    /// Nothing more will come.
    pub(super) is_over: bool,
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
    pub(super) fn count(&self) -> usize {
        self.before + self.lines.len()
    }

    pub(super) fn since(&self, count: usize) -> impl Iterator<Item = &str> {
        self.lines.iter().skip(count.saturating_sub(self.before)).map(|(_, line)| line.as_str())
    }

    pub(super) fn text(&self) -> String {
        self.since(0).collect::<Vec<_>>().join("\n")
    }
}

/// Reads what ssh writes, on a thread of its own, so that ssh never waits for us. The thread ends with ssh.
pub(super) fn listen(mut stderr: ChildStderr, said: Arc<Mutex<Said>>) {
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

/// Locks what another thread shares; a panic there does not matter here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

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

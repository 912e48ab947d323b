//! Writes bytes to stdout, or to a pager, without ever keeping the server waiting.
//!
//! A backend that waits to write ignores timeouts and cancel requests and holds back vacuum. So the output goes
//! through a thread of its own: what the reader has not taken yet is kept in memory up to 4 MiB, and beyond that in
//! an unlinked temporary file. This is the only place that may treat a broken pipe as the end of the output.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::{self, Error, Result};
use crate::escape;
use crate::output::terminal;

/// How many bytes are queued in memory before further ones go to a file.
const MEMORY: usize = 4 << 20;
/// How many bytes are written at once.
const CHUNK: usize = 64 << 10;

#[derive(Default)]
struct Queue {
    memory: VecDeque<Vec<u8>>,
    in_memory: usize,
    /// The bytes that came after memory was full; the file holds those from `read_at` to `written`.
    spill: Option<File>,
    read_at: u64,
    written: u64,
    finished: bool,
    /// Whether the reader is gone, so that nothing more is wanted.
    gone: bool,
    failure: Option<io::Error>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A panic in the other thread leaves no inconsistent state that matters here.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the output goes.
enum Destination {
    /// Nothing has been written yet: on a terminal, up to a screenful is kept until it is known whether a pager is
    /// needed.
    Held {
        bytes: Vec<u8>,
        lines: usize,
        pager: String,
    },
    Running {
        shared: Arc<Shared>,
        done: oneshot::Receiver<()>,
        pager: Option<Child>,
    },
}

/// The output of data on stdout.
pub struct Output {
    destination: Destination,
    rows_of_terminal: usize,
    buffer: Vec<u8>,
    holds: bool,
}

/// Whether the reader is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    There,
    /// It is gone; nothing that follows is wanted.
    Gone,
}

impl Output {
    /// Creates the output. With a `pager` (a shell command) and a terminal with this many rows, longer output goes
    /// through the pager.
    pub fn new(pager: Option<String>, rows_of_terminal: usize) -> Result<Output> {
        let destination = match pager {
            Some(pager) => Destination::Held { bytes: Vec::new(), lines: 0, pager },
            None => start(stdout()?, None)?,
        };
        Ok(Output { destination, rows_of_terminal, buffer: Vec::with_capacity(CHUNK), holds: false })
    }

    /// Returns the buffer that a format appends to; [`Output::pass`] passes it on once it is large enough.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Passes the buffer on if it is full.
    pub fn pass(&mut self) -> Result<Reader> {
        if self.buffer.len() >= CHUNK && !self.holds { self.flush() } else { Ok(Reader::There) }
    }

    /// Passes the buffer on now. Errors: stdout failed (74).
    pub fn flush(&mut self) -> Result<Reader> {
        let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        if !bytes.is_empty() {
            self.send(bytes)?;
        }
        self.reader()
    }

    fn send(&mut self, bytes: Vec<u8>) -> Result<()> {
        match &mut self.destination {
            Destination::Held { bytes: held, lines, .. } => {
                *lines += bytes.iter().filter(|b| **b == b'\n').count();
                held.extend_from_slice(&bytes);
                // One row is needed for the prompt.
                if *lines + 1 > self.rows_of_terminal {
                    self.start_held(true)?;
                }
                Ok(())
            }
            Destination::Running { shared, .. } => push(shared, bytes),
        }
    }

    fn start_held(&mut self, long: bool) -> Result<()> {
        if let Destination::Held { bytes, pager, .. } = &mut self.destination {
            let bytes = std::mem::take(bytes);
            let pager = if long { spawn_pager(pager) } else { None };
            self.destination = match pager {
                Some((child, stdin)) => {
                    terminal::set_paging(true);
                    start(stdin, Some(child))?
                }
                None => start(stdout()?, None)?,
            };
            self.send(bytes)?;
        }
        Ok(())
    }

    fn reader(&self) -> Result<Reader> {
        let Destination::Running { shared, .. } = &self.destination else { return Ok(Reader::There) };
        let mut queue = shared.lock();
        match queue.failure.take() {
            Some(e) => Err(failed(&e)),
            None if queue.gone => Ok(Reader::Gone),
            None => Ok(Reader::There),
        }
    }

    /// Waits until everything in the queue has been written, for at most 200 ms.
    pub async fn drained(&self) {
        let Destination::Running { shared, .. } = &self.destination else { return };
        for _ in 0..100 {
            let is_empty = {
                let queue = shared.lock();
                queue.memory.is_empty() && queue.read_at == queue.written || queue.gone
            };
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            if is_empty {
                return;
            }
        }
    }

    /// From now on the buffer is only sent by [`Output::flush`].
    pub fn hold(&mut self) {
        self.holds = true;
    }

    /// Waits until everything is written and the pager has ended. It is not an error if the reader is gone.
    pub async fn finish(mut self) -> Result<()> {
        let _ = self.flush()?;
        self.start_held(false)?;
        let Destination::Running { shared, done, pager } = self.destination else { return Ok(()) };
        {
            shared.lock().finished = true;
            shared.changed.notify_all();
        }
        // The sender is dropped only if the writer panics; then no more can be written.
        let _ = done.await;
        let failure = shared.lock().failure.take();
        if let Some(mut pager) = pager {
            // The pager owns the terminal until the user leaves it.
            let (left, gone) = oneshot::channel();
            std::thread::spawn(move || {
                let _ = pager.wait();
                let _ = left.send(());
            });
            let _ = gone.await;
            terminal::set_paging(false);
        }
        failure.map_or(Ok(()), |e| Err(failed(&e)))
    }
}

/// Prints a short text that is the whole answer. On a terminal, control characters are shown as escapes. It is not
/// an error if the reader is gone.
pub fn print(text: &str) -> Result<()> {
    if terminal::is_stdout() { send(&escape::terminal_text(text)) } else { send(text) }
}

/// Prints SQL for psql, in which control characters are written as SQL's escapes where that is possible. The others
/// go unchanged into a pipe or a file; on a terminal they are shown as escapes, with a remark that this text cannot
/// be run.
pub fn print_sql(script: &str) -> Result<()> {
    print(script)?;
    if terminal::is_stdout() && script.chars().any(escape::is_unsafe_in_text) {
        error::note(
            "pgkit: WARNING: this SQL holds characters that control a terminal; they are shown as escapes that are not valid \
             SQL: redirect it to a file instead of copying it from here",
        );
    }
    Ok(())
}

fn send(text: &str) -> Result<()> {
    match stdout()?.write_all(text.as_bytes()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| failed(&e)),
    }
}

fn failed(e: &io::Error) -> Error {
    Error::io("could not write to stdout", e)
}

/// Returns stdout without a buffer. (A stdout that was closed before the start is /dev/null by now: Rust opens it
/// so.)
fn stdout() -> Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from).map_err(|e| failed(&e))
}

/// Starts the pager; returns it and its stdin. `None` if it cannot be started: then stdout is used directly.
fn spawn_pager(command: &str) -> Option<(Child, File)> {
    let mut pager = Command::new("sh");
    crate::secrets::strip(&mut pager).arg("-c").arg(command).stdin(Stdio::piped());
    // The flags that git uses: exit at once if the text fits on a screen, pass colours through, leave the screen as
    // it is.
    #[expect(
        clippy::disallowed_methods,
        reason = "only asks whether the user has set less up; the pager inherits it"
    )]
    if std::env::var_os("LESS").is_none() {
        pager.env("LESS", "FRX");
    }
    let mut child = pager.spawn().ok()?;
    let stdin = child.stdin.take()?;
    Some((child, File::from(std::os::fd::OwnedFd::from(stdin))))
}

fn start(mut to: File, pager: Option<Child>) -> Result<Destination> {
    let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
    let (tell, done) = oneshot::channel();
    let for_thread = Arc::clone(&shared);
    std::thread::Builder::new()
        .name("output".to_owned())
        .spawn(move || {
            write_all(&mut to, &for_thread);
            // The pager sees the end only when its stdin is closed.
            drop(to);
            let _ = tell.send(());
        })
        .map_err(|e| Error::io("could not start a thread for the output", &e))?;
    Ok(Destination::Running { shared, done, pager })
}

/// Appends to the queue, without ever waiting for the reader.
fn push(shared: &Shared, bytes: Vec<u8>) -> Result<()> {
    let mut queue = shared.lock();
    if queue.gone || queue.failure.is_some() {
        return Ok(());
    }
    let waiting_in_file = queue.written > queue.read_at;
    if waiting_in_file || queue.in_memory + bytes.len() > MEMORY {
        let at = queue.written;
        let file = match &mut queue.spill {
            Some(file) => file,
            none => none.insert(
                tempfile::tempfile()
                    .map_err(|e| Error::io("could not create a temporary file for output", &e))?,
            ),
        };
        file.seek(SeekFrom::Start(at))
            .and_then(|_| file.write_all(&bytes))
            .map_err(|e| Error::io("could not write to a temporary file for output", &e))?;
        queue.written += bytes.len() as u64;
    } else {
        queue.in_memory += bytes.len();
        queue.memory.push_back(bytes);
    }
    shared.changed.notify_all();
    Ok(())
}

/// Runs the writer's thread: writes the queue's chunks in order until it is finished or the reader is gone.
fn write_all(to: &mut File, shared: &Shared) {
    loop {
        let chunk = {
            let mut queue = shared.lock();
            loop {
                match next(&mut queue) {
                    Ok(Some(chunk)) => break chunk,
                    Ok(None) if queue.finished => return,
                    Ok(None) => queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                    Err(e) => {
                        queue.failure = Some(e);
                        return;
                    }
                }
            }
        };
        if let Err(e) = to.write_all(&chunk) {
            let mut queue = shared.lock();
            queue.memory.clear();
            queue.spill = None;
            match e.kind() {
                io::ErrorKind::BrokenPipe => queue.gone = true,
                _ => queue.failure = Some(e),
            }
            return;
        }
    }
}

fn next(queue: &mut Queue) -> io::Result<Option<Vec<u8>>> {
    if let Some(chunk) = queue.memory.pop_front() {
        queue.in_memory -= chunk.len();
        return Ok(Some(chunk));
    }
    if queue.read_at == queue.written {
        // The whole file has been read, so it is started again from its beginning.
        queue.read_at = 0;
        queue.written = 0;
        return match &mut queue.spill {
            Some(file) => file.set_len(0).map(|()| None),
            None => Ok(None),
        };
    }
    let at = queue.read_at;
    let len = usize::try_from(queue.written - at).unwrap_or(CHUNK).min(CHUNK);
    let mut chunk = vec![0; len];
    if let Some(file) = &mut queue.spill {
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut chunk)?;
    }
    queue.read_at += len as u64;
    Ok(Some(chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_in_memory_waits_in_a_file_and_comes_out_in_order() {
        let shared = Shared { queue: Mutex::default(), changed: Condvar::new() };
        let mut expected = Vec::new();
        for i in 0..3000u32 {
            let bytes = format!("{i:08}").repeat(256).into_bytes();
            expected.extend_from_slice(&bytes);
            push(&shared, bytes).unwrap();
        }
        assert!(shared.lock().in_memory <= MEMORY);
        assert!(shared.lock().written > 0);
        let mut got = Vec::new();
        while let Some(chunk) = next(&mut shared.lock()).unwrap() {
            got.extend(chunk);
        }
        assert!(got == expected);
        push(&shared, b"again".to_vec()).unwrap();
        assert_eq!(next(&mut shared.lock()).unwrap(), Some(b"again".to_vec()));
    }
}

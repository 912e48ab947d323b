//! Adds up entries in a separate thread while the next entries are read.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::collect::{Choice, Collector};
use super::entry::{Batch, Entry};
use crate::error::{Error, Result};
use crate::log::record::Record;

/// How many full batches may wait for the thread that adds them up.
const WAITING: usize = 8;

/// Passes entries to the thread that adds them up.
pub struct Pipe {
    /// The batch to which entries are added.
    filling: Batch,
    full: Option<SyncSender<Batch>>,
    /// Returns the batches that were added up, so that their memory is used again.
    used: Receiver<Batch>,
    worker: Option<JoinHandle<Collector>>,
}

impl Pipe {
    /// Starts the thread. Errors: it cannot be started (74).
    pub fn start(choice: &Choice) -> Result<Pipe> {
        let (full, filled) = sync_channel::<Batch>(WAITING);
        let (give_back, used) = channel();
        let mut collector = Collector::new(choice);
        let work = move || {
            for mut batch in filled {
                batch.entries().for_each(|entry| collector.take(&entry));
                batch.clear();
                // This fails at the end of the log, when no more batches are needed.
                let _ = give_back.send(batch);
            }
            collector.end();
            collector
        };
        let worker = std::thread::Builder::new()
            .name("report".to_owned())
            .spawn(work)
            .map_err(|e| Error::io("could not start a thread", &e))?;
        Ok(Pipe { filling: Batch::default(), full: Some(full), used, worker: Some(worker) })
    }

    /// Adds an entry, and passes the batch on if it is full.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        self.filling.push(&Entry::of(record));
        if self.filling.is_full() { self.pass() } else { Ok(()) }
    }

    fn pass(&mut self) -> Result<()> {
        let next = self.used.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.filling, next);
        match &self.full {
            Some(to) if !full.is_empty() => to.send(full).map_err(|_| failed()),
            _ => Ok(()),
        }
    }

    /// Waits until all entries are added up. Returns the sums.
    pub fn end(mut self) -> Result<Collector> {
        self.pass()?;
        self.full = None;
        match self.worker.take() {
            Some(worker) => worker.join().map_err(|_| failed()),
            None => Err(failed()),
        }
    }
}

fn failed() -> Error {
    Error::bug("the thread that adds up the log has ended")
}

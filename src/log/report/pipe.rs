//! Adds up entries in a thread of its own, while the next ones are read.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::collect::{Choice, Collector};
use super::entry::{Batch, Entry};
use crate::error::{Error, Result};
use crate::log::record::Record;

/// How many batches may wait.
const WAITING: usize = 8;

/// The way of the entries to the thread that adds them up.
pub struct Pipe {
    filling: Batch,
    full: Option<SyncSender<Batch>>,
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
                // Nobody takes it back at the end.
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

    /// Passes an entry on.
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

    /// Waits until all is added up.
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

//! Limits the number of sessions at once when several servers are asked.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connect::{Host, Target};
use crate::error::{Error, Result};

/// How long a server may take to let a session in before others need no longer wait for it.
const STALLED: Duration = Duration::from_secs(1);

/// The ssh host on the way, the host and the port.
type Place = (Option<String>, String, u16);

/// The permits for sessions: how many there may be at once, in all and with each host and port.
pub struct Seats {
    parallel: usize,
    all: Arc<Semaphore>,
    places: BTreeMap<Place, Arc<Semaphore>>,
}

impl Seats {
    /// Creates permits for this many sessions.
    pub fn new(parallel: usize) -> Seats {
        Seats { parallel, all: Arc::new(Semaphore::new(parallel)), places: BTreeMap::new() }
    }

    /// Returns the permits that a session with this target must get.
    pub fn seat(&mut self, target: &Target) -> Seat {
        // Everybody takes several places in the same order, so that no two wait for one another.
        let way = target.ssh.as_ref().map(|ssh| ssh.shown().to_owned());
        let place =
            |host: &Host| (way.clone(), host.addr.clone().unwrap_or_else(|| host.name.clone()), host.port);
        let places: BTreeSet<Place> = target.hosts.iter().map(place).collect();
        let parallel = self.parallel;
        let place = |place| {
            let new = || Arc::new(Semaphore::new(parallel));
            Arc::clone(self.places.entry(place).or_insert_with(new))
        };
        let places = places.into_iter().map(place).collect();
        Seat { all: Arc::clone(&self.all), places, taken: RefCell::default() }
    }
}

/// The permits that a session with one server needs.
pub struct Seat {
    all: Arc<Semaphore>,
    places: Vec<Arc<Semaphore>>,
    taken: RefCell<Vec<OwnedSemaphorePermit>>,
}

impl Seat {
    /// Waits for permits, and opens a session. If the server takes longer than a second to answer, other servers need not wait
    /// for it any longer, but further sessions with the same host and port do.
    pub async fn open<T>(&self, opening: impl Future<Output = Result<T>>) -> Result<T> {
        for place in &self.places {
            self.take(place).await?;
        }
        self.take(&self.all).await?;
        let mut opening = std::pin::pin!(opening);
        if let Ok(opened) = tokio::time::timeout(STALLED, &mut opening).await {
            return opened;
        }
        let general = self.taken.borrow_mut().pop();
        drop(general);
        let opened = opening.await;
        if opened.is_ok() {
            self.take(&self.all).await?;
        }
        opened
    }

    async fn take(&self, semaphore: &Arc<Semaphore>) -> Result<()> {
        let permit = Arc::clone(semaphore).acquire_owned().await;
        let permit = permit.map_err(|e| Error::bug("a semaphore was closed").caused_by(e))?;
        self.taken.borrow_mut().push(permit);
        Ok(())
    }

    /// Gives the permits back, because there is no session any more.
    pub fn leave(&self) {
        self.taken.borrow_mut().clear();
    }
}

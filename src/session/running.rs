//! What a signal cancels.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::connect::Canceler;

/// How long a cancel request may take.
pub const CANCEL_PATIENCE: Duration = Duration::from_millis(500);

/// The sessions that may be running a statement, so that a signal can cancel it.
#[derive(Clone, Default)]
pub struct InFlight(Rc<RefCell<BTreeMap<u64, Canceler>>>);

/// The registration of one session in [`InFlight`], which ends when this is dropped.
pub(super) struct Registered {
    running: InFlight,
    id: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.running.0.borrow_mut().remove(&self.id);
    }
}

impl InFlight {
    pub(super) fn register(&self, canceler: Canceler) -> Registered {
        let mut all = self.0.borrow_mut();
        let id = all.last_key_value().map_or(0, |(last, _)| last + 1);
        all.insert(id, canceler);
        Registered { running: self.clone(), id }
    }

    /// Cancels all running statements, within [`CANCEL_PATIENCE`].
    pub async fn cancel(&self) {
        let all: Vec<Canceler> = self.0.borrow().values().cloned().collect();
        let each = futures_util::future::join_all(all.iter().map(Canceler::cancel));
        let _ = tokio::time::timeout(CANCEL_PATIENCE, each).await;
    }
}

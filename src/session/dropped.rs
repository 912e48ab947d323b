//! Whether a database was dropped while it was read.

use std::time::Duration;

use super::Reader;
use crate::error::{Error, Result};

/// The pauses in milliseconds, after each of which the database is entered again.
const PAUSES: [u64; 5] = [0, 50, 150, 300, 500];
/// The longest time until the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns whether a session could not begin because its database does not exist.
pub fn is_missing(error: &Error) -> bool {
    error.sqlstate.as_deref() == Some("3D000")
}

/// Returns whether a database does not exist any more in which a session has ended. `enter` begins a session in it.
///
/// The sessions of a database are ended before it is dropped, so it is entered again several times within a second. While a database
/// is being dropped, a new session waits.
pub async fn is_dropped(enter: impl AsyncFn() -> Result<Reader>) -> bool {
    let tried = async {
        for pause in PAUSES {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match enter().await {
                Ok(reader) => reader.close().await,
                Err(e) if is_missing(&e) => return true,
                Err(_) => {}
            }
        }
        false
    };
    tokio::time::timeout(PATIENCE, tried).await.unwrap_or(false)
}

//! A dump holds a lock on every table for as long as it takes. A session that wants a stronger lock waits for it,
//! and other sessions queue behind that one. So the dump gives way.

use std::time::Duration;

use serde::Deserialize;

use super::super::examine::Examination;
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::session::Value;

const WAITING: &str = include_str!("../../../queries/upgrade/waiting.sql");

/// How often to check.
const PERIOD: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    waiting: i64,
}

/// Waits until another session waits for a lock of the sessions with this name on the old server, or until that can
/// no longer be checked. Returns which of the two happened, as an error.
pub(super) async fn wanted(examination: &Examination<'_>, target: &Target, session: &str) -> Error {
    match look(examination, target, session).await {
        Ok(waiting) => Error::new(
            Exit::TryAgain,
            format!("gave way to {waiting} sessions that waited for a lock on a table that was being dumped"),
        ),
        Err(e) => Error::new(Exit::TryAgain, "could not check whether the dump blocks other sessions")
            .caused_by(e.message),
    }
}

async fn look(examination: &Examination<'_>, target: &Target, session: &str) -> Result<i64> {
    tokio::time::sleep(PERIOD).await;
    let mut reader = examination.reader(target).await?;
    loop {
        let rows: Vec<Waiting> = reader.structs(WAITING, &[Value::Text(session.to_owned())]).await?;
        if let Some(row) = rows.first().filter(|row| row.waiting > 0) {
            let waiting = row.waiting;
            reader.close().await;
            return Ok(waiting);
        }
        tokio::time::sleep(PERIOD).await;
        // The transaction would go on seeing the activity as of its beginning.
        reader.reopen(None).await?;
    }
}

//! The one place that opens a session.

use std::time::Duration;

use super::{Echo, Registered, Running, explain};
use crate::connect::{self, Connected, Opening, Target};
use crate::error::Result;

/// How long an answer is waited for where the server's own limit ends it: this much longer than the limit.
const GRACE: Duration = Duration::from_secs(5);
/// How long the server may take to answer what is said first, where it has no limit for it.
const UNLIMITED: Duration = Duration::from_secs(60);

/// How long a statement's answer is waited for, where the server has this limit for it: a server that keeps to its limit
/// has answered by then. `None` is for ever.
pub(super) fn patience(limit: Option<Duration>) -> Option<Duration> {
    limit.map(|limit| limit.saturating_add(GRACE))
}

/// How long the answer to what is said first is waited for, where the server has this limit for statements.
pub(super) fn first_patience(limit: Option<Duration>) -> Duration {
    limit.unwrap_or(UNLIMITED).saturating_add(GRACE)
}

/// A session to which nothing was said yet but what is said first.
pub(super) struct Opened {
    pub(super) connected: Connected,
    /// The values of the row that was asked for.
    pub(super) answer: Vec<Option<String>>,
    pub(super) registered: Registered,
}

/// Connects, and says what is said first. A signal cancels what the session runs. `ask` prompts for a password.
///
/// Errors: no connection (69), or what the server says to the opening.
pub(super) async fn open(
    target: &Target,
    opening: &Opening<'_>,
    echo: &Echo,
    running: &Running,
    ask: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<Opened> {
    let mut connected = connect::connect(target, opening, ask).await?;
    for warning in &connected.warnings {
        crate::error::note(&format!("pgkit: {warning}"));
    }
    let registered = running.register(connected.canceler.clone());
    if let Some(echo) = echo {
        echo(&super::echoed(&connected.message.replace("; ", ";\n"), &[]));
    }
    let answer = std::mem::replace(&mut connected.answer, Ok(Vec::new()));
    let answer = answer.map_err(|e| explain(&e, &connected.host))?;
    Ok(Opened { connected, answer, registered })
}

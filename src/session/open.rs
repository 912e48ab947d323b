//! Opens sessions. No other module does, so that none can skip the first message.

use std::time::Duration;

use super::echo::Echo;
use super::failure::explain;
use super::running::{InFlight, Registered};
use crate::connect::{self, Connected, Opening, Target};
use crate::error::{Error, Result};

/// How much longer than the server's own time limit pgkit waits for an answer.
const GRACE: Duration = Duration::from_secs(5);
/// How long the server may take to answer the first message if statements have no time limit.
const UNLIMITED: Duration = Duration::from_secs(60);

/// How long pgkit waits for the answer to a statement with this time limit on the server: a server that enforces its
/// limit has answered by then. `None` is no limit.
pub(super) fn patience(limit: Option<Duration>) -> Option<Duration> {
    limit.map(|limit| limit.saturating_add(GRACE))
}

/// How long pgkit waits for the answer to the first message if statements have this time limit.
pub(super) fn first_patience(limit: Option<Duration>) -> Duration {
    limit.unwrap_or(UNLIMITED).saturating_add(GRACE)
}

/// A session that has answered the first message.
pub(super) struct Opened {
    pub(super) connected: Connected,
    /// The row that the first message asked for.
    pub(super) answer: Vec<Option<String>>,
    pub(super) registered: Registered,
}

impl Opened {
    /// Checks that no connection pooler is in between: other clients would share the session, and get its settings
    /// and its locks.
    ///
    /// Errors: there is a pooler (64, with this hint).
    pub(super) fn unpooled(self, hint: &str) -> Result<Opened> {
        if self.connected.is_pooled {
            return Err(Error::usage("there is a connection pooler between pgkit and the server").hint(hint));
        }
        Ok(self)
    }
}

/// Connects and sends the first message. A signal cancels the session's running statement. `ask` prompts for a
/// password.
///
/// Errors: no connection (69), or the server refuses the first message.
pub(super) async fn open(
    target: &Target,
    opening: &Opening<'_>,
    echo: &Echo,
    running: &InFlight,
    ask: &mut dyn FnMut(&str) -> Result<String>,
) -> Result<Opened> {
    let mut connected = connect::connect(target, opening, ask).await?;
    for warning in &connected.warnings {
        crate::error::note(&format!("pgkit: {warning}"));
    }
    let registered = running.register(connected.canceler.clone());
    if let Some(echo) = echo {
        echo(&super::echo::echoed(&connected.message.replace("; ", ";\n"), &[]));
    }
    let answer = std::mem::replace(&mut connected.answer, Ok(Vec::new()));
    let answer = answer.map_err(|e| explain(&e, &connected.host, &connected.closing_error))?;
    Ok(Opened { connected, answer, registered })
}

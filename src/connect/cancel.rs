//! Cancels what a session is doing.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::{Route, offers_tls, open};
use super::failure::{Cause, Failure, Next};
use super::stream::{Stream, Wire};
use super::target::Keepalives;
use super::tls::Connector;
use crate::error::{Error, Exit, Result};

/// `CancelRequest`: its length and its number. The backend and its key follow.
const CANCEL_REQUEST: [u8; 8] = [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];

/// Asks the server to cancel a session's statement, over a connection of its own to the same address, and
/// encrypted as the session is.
#[derive(Clone)]
pub struct Canceler {
    pub(super) route: Route,
    pub(super) connector: Option<Connector>,
    pub(super) keepalives: Keepalives,
    pub(super) backend: Option<(i32, i32)>,
}

impl Canceler {
    /// Sends the request and waits until the server has taken it in. Set a bound: 500 ms is plenty.
    /// The server does not say whether there was anything to cancel.
    pub async fn cancel(&self) -> Result<()> {
        self.request().await.map_err(|failure| {
            Error::new(Exit::Unavailable, "could not send a cancel request").caused_by(failure.text)
        })
    }

    async fn request(&self) -> std::result::Result<(), Failure> {
        // A server that gave no key (some poolers) does not accept cancel requests.
        let Some((pid, key)) = self.backend else {
            return Err(Failure::new(Cause::Other, Next::Nothing, "the server sent no cancel key"));
        };
        let stream = match (&self.connector, open(&self.route, &self.keepalives).await?) {
            (Some(connector), mut stream) => {
                if !connector.is_direct() && !offers_tls(&mut stream).await? {
                    return Err(Failure::new(
                        Cause::NoTlsHere,
                        Next::Nothing,
                        "the server no longer offers TLS",
                    ));
                }
                let (stream, _) = connector
                    .handshake(stream)
                    .await
                    .map_err(|text| Failure::new(Cause::Tls, Next::Nothing, text))?;
                Wire::Tls(Box::new(stream))
            }
            (None, socket) => Wire::Plain(socket),
        };
        let mut stream = Stream::new(stream, None);
        let mut request = CANCEL_REQUEST.to_vec();
        request.extend(pid.to_be_bytes());
        request.extend(key.to_be_bytes());
        let lost = |error: std::io::Error| Failure::lost(&error);
        stream.write_all(&request).await.map_err(lost)?;
        stream.flush().await.map_err(lost)?;
        // The server closes when the signal is sent. How it closes does not matter.
        let _ = stream.read(&mut [0; 1]).await;
        Ok(())
    }
}

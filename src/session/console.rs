//! A session with PgBouncer's admin console.

use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use super::echo::{Echo, echoed};
use super::failure::explain;
use super::open::patience;
use crate::connect::{self, ConnectedConsole, Target};
use crate::error::{Error, Exit, Result};

/// A session that reads what PgBouncer says of itself. The console knows neither transactions nor settings nor
/// comments, so a command is sent as it is.
pub struct Console {
    connected: ConnectedConsole,
    echo: Echo,
    patience: Option<Duration>,
}

/// The answer to a SHOW command: text, as the console sends everything.
pub struct Shown {
    /// The names of its columns, which differ from version to version.
    pub columns: Vec<String>,
    /// A value for each column; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Console {
    /// Connects. `limit` is how long a command may take, `ask` prompts for a password.
    ///
    /// Errors: no connection (69); a server instead of a PgBouncer (64).
    pub async fn connect(
        target: &Target,
        limit: Option<Duration>,
        echo: Echo,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Console> {
        let connected = connect::console(target, ask).await?;
        Ok(Console { connected, echo, patience: patience(limit) })
    }

    /// The target that was connected to, including a password that was typed.
    pub fn target(&self) -> &Target {
        &self.connected.target
    }

    /// PgBouncer's version: `1.18.0`.
    pub fn version(&self) -> &str {
        &self.connected.version
    }

    /// Is the session still open, as far as is known?
    pub fn is_open(&self) -> bool {
        !self.connected.client.is_closed()
    }

    /// Runs a SHOW command. Errors: the console's error, a lost connection, or no answer in time (69).
    pub async fn show(&self, command: &str) -> Result<Shown> {
        if let Some(echo) = &self.echo {
            echo(&echoed(command, &[]));
        }
        let ConnectedConsole { client, host, closing_error, .. } = &self.connected;
        let work = client.simple_query(command);
        let limit = self.patience.unwrap_or(Duration::MAX);
        let answer = tokio::time::timeout(limit, work).await.map_err(|_| {
            Error::new(Exit::Unavailable, format!("PgBouncer at {host:?} has not answered within {limit:?}"))
        })?;
        let mut shown = Shown { columns: Vec::new(), rows: Vec::new() };
        for message in answer.map_err(|e| explain(&e, host, closing_error))? {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    shown.columns = columns.iter().map(|column| column.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    let values = (0..row.len()).map(|i| row.try_get(i).map(|value| value.map(str::to_owned)));
                    let values = values.collect::<std::result::Result<_, _>>();
                    shown.rows.push(values.map_err(|e| {
                        Error::data("PgBouncer sent a name that is not UTF-8").caused_by(e.to_string())
                    })?);
                }
                _ => {}
            }
        }
        Ok(shown)
    }

    /// Closes the connection.
    pub async fn close(self) {
        drop(self.connected.client);
        let _ = tokio::time::timeout(super::CANCEL_PATIENCE, self.connected.driver).await;
    }
}

//! What every session has: its connection, its answers, and how long it waits for them.

use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, RowStream};

use super::echo::{Echo, echoed};
use super::failure::explain;
use super::open;
use super::running::{CANCEL_PATIENCE, Registered};
use super::value::Value;
use crate::connect::{Connected, MARK, Server};
use crate::error::{Error, Exit, Result};
use crate::rows::cell;
use crate::sql;

/// The rate that a connection must keep up to get extra time for a large answer, in bytes per second.
const SLOWEST: u64 = 16 << 10;
/// The largest answer to one of pgkit's own statements that is kept in memory, in bytes.
pub(super) const KEPT: usize = 64 << 20;

const OWN_PATH: &str = include_str!("../../queries/session/own_path.sql");
const PATH_SCHEMAS: &str = include_str!("../../queries/session/path.sql");

/// A value as the server sent it.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Raw<'a>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Appends the values of a row, as the server sent them. Errors: a value cannot be extracted, which is a bug in the
/// driver.
pub fn push_values<'a>(row: &'a Row, values: &mut cell::Raw<'a>) -> Result<()> {
    for i in 0..row.len() {
        let value: Option<Raw<'a>> =
            row.try_get(i).map_err(|e| Error::bug("a row could not be taken apart").caused_by(e))?;
        values.push(value.map(|raw| raw.0));
    }
    Ok(())
}

/// An open connection, the callback for `-E`, and the registration for signals.
pub(super) struct Link {
    pub(super) connected: Connected,
    echo: Echo,
    /// How long pgkit waits for an answer; `None` means no limit.
    patience: Option<Duration>,
    _registered: Registered,
}

impl Link {
    /// Returns the session, and the row that the first message asked for.
    pub(super) fn new(
        opened: open::Opened,
        patience: Option<Duration>,
        echo: Echo,
    ) -> (Link, Vec<Option<String>>) {
        let open::Opened { connected, answer, registered } = opened;
        (Link { connected, echo, patience, _registered: registered }, answer)
    }

    pub(super) fn server(&self) -> Server {
        Server {
            version: self.connected.version,
            sql_ascii: self.connected.sql_ascii,
            watches_client: self.connected.watches_client,
        }
    }

    /// Waits for an answer, a little longer than the server's own limit. Errors: there is none in time (69).
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.in_time_left(Duration::ZERO, work).await
    }

    /// Works like [`Link::in_time`], with `spent` subtracted from the time limit.
    pub(super) async fn in_time_left<T>(
        &self,
        spent: Duration,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match self.patience {
            None => work.await,
            Some(patience) => {
                tokio::time::timeout(patience.saturating_sub(spent), work).await.unwrap_or_else(|_| {
                    let host = &self.connected.host;
                    Err(Error::new(
                        Exit::Unavailable,
                        format!("the server at {host:?} has not answered within {patience:?}"),
                    )
                    .hint("the server's own timeout should have ended the statement; check the server and the network, and try again"))
                })
            }
        }
    }

    pub(super) fn show(&self, sql: &str, params: &[Value]) {
        if let Some(echo) = &self.echo {
            echo(&echoed(sql, params));
        }
    }

    /// Runs one or more statements and discards their rows.
    pub(super) async fn simple(&self, sql: &str) -> Result<()> {
        self.show(sql, &[]);
        let sql = format!("{MARK}{sql}");
        let work = self.connected.client.batch_execute(&sql);
        self.in_time(async { work.await.map_err(|e| self.explain(&e)) }).await
    }

    /// Runs one statement and returns its rows.
    pub(super) async fn rows(&self, sql: &str, params: &[Value]) -> Result<Rows<'_>> {
        self.show(sql, params);
        self.rows_unshown(&format!("{MARK}{sql}"), params).await
    }

    pub(super) async fn rows_unshown(&self, sql: &str, params: &[Value]) -> Result<Rows<'_>> {
        let typed = params.iter().map(|p| (p, p.server_type()));
        let work = self.connected.client.query_typed_raw(sql, typed);
        let stream = self.in_time(async { work.await.map_err(|e| self.explain(&e)) }).await?;
        Ok(Rows { link: self, stream: Box::pin(stream), begun: Instant::now(), received: 0 })
    }

    /// The first column of every row, as the server sent it.
    pub(super) async fn first_column<T>(
        &self,
        sql: &str,
        params: &[Value],
        take: impl Fn(Option<&[u8]>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.each(sql, params, |row| {
            let mut values = cell::Raw::new();
            push_values(row, &mut values)?;
            take(values.first().copied().flatten())
        })
        .await
    }

    /// Returns what `take` makes of every row.
    pub(super) async fn each<T>(
        &self,
        sql: &str,
        params: &[Value],
        mut take: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = self.rows(sql, params).await?;
        let mut out = Vec::new();
        let mut kept = 0;
        while let Some(row) = rows.next().await? {
            // Account for the memory that even an empty row takes.
            kept += row.raw_size_bytes() + 32;
            if kept > KEPT {
                self.cancel().await;
                return Err(Error::new(
                    Exit::Unavailable,
                    format!("the server's answer to a statement of pgkit's own is larger than {KEPT} bytes"),
                ));
            }
            out.push(take(&row)?);
        }
        Ok(out)
    }

    /// Returns every row as a struct, by column name. A column that is missing, unknown or unexpectedly NULL is a bug
    /// in pgkit, and never replaced by a default.
    pub(super) async fn structs<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        // The server names the columns, so nothing depends on their order.
        let sql =
            format!("SELECT pg_catalog.row_to_json(answer)::text FROM (\n{}\n) AS answer", sql.trim_end());
        self.first_column(&sql, params, |raw| {
            let text = String::from_utf8_lossy(raw.unwrap_or_default());
            serde_json::from_str(&text)
                .map_err(|e| Error::bug("unexpected row from pgkit's own query").caused_by(e).caused_by(text))
        })
        .await
    }

    pub(super) fn explain(&self, error: &tokio_postgres::Error) -> Error {
        explain(error, &self.connected.host, &self.connected.closing_error)
    }

    /// The schemas of the search path with which the session began. pgkit's own statements never run under it.
    pub(super) async fn path(&self) -> Result<Vec<PathSchema>> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Own {
            path: String,
        }
        let own: Vec<Own> = self.structs(OWN_PATH, &[]).await?;
        let text = own.into_iter().next().map(|own| own.path).unwrap_or_default();
        let names = sql::identifiers(&text)
            .ok_or_else(|| Error::data("cannot read the session's search_path").caused_by(text))?;
        self.structs(PATH_SCHEMAS, &[Value::TextList(names.into_iter().map(Some).collect())]).await
    }

    pub(super) async fn cancel(&self) {
        let _ = tokio::time::timeout(CANCEL_PATIENCE, self.connected.canceler.cancel()).await;
    }

    /// Closes the connection, and waits until the closing message has been sent.
    pub(super) async fn close(self) {
        drop(self.connected.client);
        let _ = tokio::time::timeout(CANCEL_PATIENCE, self.connected.driver).await;
    }
}

/// The rows of an answer, one at a time, as they arrive.
pub struct Rows<'a> {
    link: &'a Link,
    stream: Pin<Box<RowStream>>,
    begun: Instant,
    /// The number of bytes received so far.
    received: u64,
}

impl Rows<'_> {
    /// The next row; `None` at the end. Errors: the server's error, with its SQLSTATE, or no answer in time (69).
    pub async fn next(&mut self) -> Result<Option<Row>> {
        let Rows { link, stream, begun, received } = self;
        // The limit applies to the whole answer. A large answer over a slow connection gets more time; a trickle of
        // small rows does not.
        let allowed = Duration::from_secs(*received / SLOWEST);
        let spent = begun.elapsed().saturating_sub(allowed);
        let next = async { stream.next().await.transpose().map_err(|e| link.explain(&e)) };
        let row = link.in_time_left(spent, next).await?;
        *received += row.as_ref().map_or(0, |row| row.raw_size_bytes() as u64);
        Ok(row)
    }
}

/// A schema of a search path.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PathSchema {
    pub(super) schema: String,
    /// Is it listed in the path? Some schemas, such as pg_catalog, are searched without being listed.
    pub(super) named: bool,
}

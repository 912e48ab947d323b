//! A session that only reads.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use super::echo::Echo;
use super::link::{Link, Rows};
use super::open;
use super::running::InFlight;
use super::settings::Settings;
use super::value::Value;
use crate::connect::{ServerVersion, Target, drop_role};
use crate::error::{Error, Result};
use crate::note;
use crate::rows::cell;

/// A session in a read-only transaction.
pub struct Reader {
    link: Link,
    settings: Settings,
    overdue: Option<String>,
}

impl Reader {
    /// Connects and opens the transaction. `ask` prompts for a password.
    pub async fn connect(
        target: &Target,
        settings: Settings,
        echo: Echo,
        running: &InFlight,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Reader> {
        let patience = open::patience(settings.statement_timeout);
        let opened = open::open(target, &settings.opening(), &echo, running, ask).await?;
        let (link, answer) = Link::new(opened, patience, echo);
        let mut reader = Reader { link, settings, overdue: None };
        reader.hear(&answer);
        // The first message asks who the session is, so the role is taken on after it.
        if let Some(role) = reader.settings.role_statement() {
            reader.link.simple(&role).await?;
        }
        Ok(reader)
    }

    /// The statements that open the transaction.
    pub fn prelude(&self) -> Vec<String> {
        let opening = self.settings.opening().prelude(self.link.server());
        opening.into_iter().chain(self.settings.role_statement()).collect()
    }

    /// Checks, in the answer to the first message, whether statement logging that pgkit turned on should have ended
    /// by now.
    fn hear(&mut self, answer: &[Option<String>]) {
        let value = |i: usize| answer.get(i).and_then(|value| value.as_deref());
        self.overdue = value(0)
            .zip(value(1).and_then(|now| now.parse().ok()))
            .and_then(|(note, now)| note::overdue(note, now));
    }

    /// A warning to show after connecting, that temporary log settings should have ended already; `None` if all is
    /// well.
    pub fn overdue(&self) -> Option<&str> {
        self.overdue.as_deref()
    }

    /// Sets how long a statement may take, from the next transaction on; `None` is no limit.
    pub fn set_statement_timeout(&mut self, limit: Option<Duration>) {
        self.settings.statement_timeout = limit;
    }

    /// Ends the transaction, also a failed one, and opens a new one, with this lock timeout if one is given. It commits, because
    /// the server counts what is rolled back.
    pub async fn reopen(&mut self, lock_timeout: Option<Duration>) -> Result<()> {
        if let Some(limit) = lock_timeout {
            self.settings.lock_timeout = Some(limit);
        }
        self.link.simple("COMMIT").await?;
        let mut again = self.settings.opening().prelude(self.link.server());
        if self.link.connected.has_other_role {
            again.push(drop_role(true));
        }
        again.extend(self.settings.role_statement());
        self.link.simple(&again.join(";\n")).await
    }

    /// The schemas of the search path that the session began with, in order, the implicit ones first.
    pub async fn path(&self) -> Result<Vec<String>> {
        Ok(self.link.path().await?.into_iter().map(|found| found.schema).collect())
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.link.connected.version
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.link.connected.database
    }

    /// The host that was connected to, its name, address or socket directory, and its port.
    pub fn address(&self) -> (&str, u16) {
        (&self.link.connected.host, self.link.connected.port)
    }

    /// The target that was connected to, for further connections to the same server.
    pub fn target(&self) -> &Target {
        &self.link.connected.target
    }

    /// The current settings of the transaction.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Evaluates all these boolean expressions in one query. NULL counts as false.
    pub async fn probe(&self, expressions: &[&str]) -> Result<Vec<bool>> {
        if expressions.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<String> = expressions.iter().map(|e| format!("({e})")).collect();
        let row = self.one(&format!("SELECT {}", list.join(",\n       "))).await?;
        (0..expressions.len())
            .map(|i| {
                row.try_get::<_, Option<bool>>(i).map(|truth| truth.unwrap_or(false)).map_err(|e| {
                    Error::data(format!("when = \"{}\" must be a boolean", expressions[i])).caused_by(e)
                })
            })
            .collect()
    }

    async fn one(&self, sql: &str) -> Result<Row> {
        only(self.rows(sql, &[]).await?).await
    }

    /// The first column, a text, of every row of one of pgkit's own queries.
    pub async fn texts(&self, sql: &str, params: &[Value]) -> Result<Vec<String>> {
        self.link
            .first_column(sql, params, |raw| {
                // Names that are not valid UTF-8 are escaped, as in all other output.
                let text = cell::ColumnType::TEXT.decode(raw).map_err(Error::bug)?;
                Ok(crate::rows::plain::plain(&text).into_owned())
            })
            .await
    }

    /// Like [`Reader::texts`], but skips names that are not valid UTF-8: escaping would change the name.
    pub async fn names(&self, sql: &str, params: &[Value]) -> Result<Vec<String>> {
        let names = self.link.first_column(sql, params, |raw| {
            Ok(raw.and_then(|raw| std::str::from_utf8(raw).ok()).map(str::to_owned))
        });
        Ok(names.await?.into_iter().flatten().collect())
    }

    /// Every row of one of pgkit's own queries as a struct, by column name.
    pub async fn structs<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        self.link.structs(sql, params).await
    }

    /// Runs one of pgkit's own queries, and returns what `take` makes of every row.
    pub async fn each<T>(
        &self,
        sql: &str,
        params: &[Value],
        take: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.link.each(sql, params, take).await
    }

    /// Runs one statement. Errors: the server's error, with its SQLSTATE.
    pub async fn rows(&self, sql: &str, params: &[Value]) -> Result<Rows<'_>> {
        self.link.rows(sql, params).await
    }

    /// One row of NULLs with a statement's columns: the result of an outer join that never matches, so that the
    /// statement itself does not run.
    pub async fn nulls(&self, sql: &str, params: &[Value]) -> Result<Row> {
        let sql = format!("SELECT report.* FROM (SELECT) AS one LEFT JOIN (\n{sql}\n) AS report ON false");
        only(self.link.rows_unshown(&sql, params).await?).await
    }

    /// Cancels the running statement, and waits until the server has been told, within [`CANCEL_PATIENCE`](super::CANCEL_PATIENCE).
    pub async fn cancel(&self) {
        self.link.cancel().await;
    }

    /// Ends the transaction, so that a pooler gets its connection back in a clean state.
    pub async fn close(self) {
        // Nothing was written, so nothing is lost if this fails.
        let _ = self.link.simple("COMMIT").await;
        self.link.close().await;
    }

    /// Cancels the running statement and drops the connection, without waiting for the rest of an answer.
    pub async fn abandon(self) {
        self.cancel().await;
        self.link.connected.driver.abort();
    }
}

/// Reads an answer to its end, and returns its first row.
async fn only(mut rows: Rows<'_>) -> Result<Row> {
    let first = rows.next().await?.ok_or_else(|| Error::bug("a query without a row"))?;
    while rows.next().await?.is_some() {}
    Ok(first)
}

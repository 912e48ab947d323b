//! Sessions with the server: a transaction that only reads, its timeouts, its rows, and what an SQLSTATE means.
//!
//! All settings of a [`Reader`] are `SET LOCAL`: a plain SET would leak through a transaction pooler to the next
//! client. A [`Writer`] refuses poolers, and so may set what it needs.

mod failure;

mod value;
mod wire;
mod writer;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, RowStream, SimpleQueryMessage};

pub use failure::explain;
pub use value::Value;
pub use wire::{Answer, Hearer, Part, Piped, Protocol, TextRow, Wire};
pub use writer::{Limits, Purpose, Writer};

use crate::cell;
use crate::connect::{self, Canceler, Connected, ServerVersion, Target};
use crate::error::{Error, Result};
use crate::log::note;
use crate::report::{Column, Text};
use crate::sql::{quote_ident, quote_literal};

/// How long a cancel request may take.
pub const CANCEL_PATIENCE: Duration = Duration::from_millis(500);

/// Stands before every statement that pgkit sends, so that a server's log and its list of sessions tell which are
/// pgkit's, and `log tail` leaves them out.
pub const MARK: &str = "/* pgkit */ ";

/// How a reading transaction is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The longest a statement may run; `None` is for ever.
    pub statement_timeout: Option<Duration>,
    /// The longest it may wait for a lock.
    pub lock_timeout: Option<Duration>,
    /// Keep the role's own search path, instead of pg_catalog alone.
    pub keep_search_path: bool,
    /// `client_connection_check_interval`: the server notices a client that was killed. Not every platform has it.
    pub watch_client: bool,
}

fn timeout(limit: Option<Duration>) -> String {
    // 0 switches a timeout off; a limit below a millisecond is one.
    limit.map_or_else(|| "0".to_owned(), |d| format!("{}ms", d.as_millis().max(1)))
}

impl Settings {
    /// The statements that open a transaction on a server of this version.
    pub fn prelude(&self, version: ServerVersion) -> Vec<String> {
        let mut statements = vec![
            // Said in full: a role's default of SERIALIZABLE is refused on a standby.
            "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY".to_owned(),
            format!("SET LOCAL statement_timeout = '{}'", timeout(self.statement_timeout)),
            format!("SET LOCAL lock_timeout = '{}'", timeout(self.lock_timeout)),
            "SET LOCAL standard_conforming_strings = on".to_owned(),
            // Catalogs of 20,000 tables are sorted and joined in memory, without temporary files on the server.
            "SET LOCAL work_mem = '32MB'".to_owned(),
        ];
        if version.major() >= 11 {
            statements.push("SET LOCAL jit = off".to_owned());
        }
        if version.major() >= 14 && self.watch_client {
            statements.push("SET LOCAL client_connection_check_interval = '500ms'".to_owned());
        }
        if !self.keep_search_path {
            statements.push("SET LOCAL search_path = pg_catalog".to_owned());
        }
        statements
    }
}

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

/// The values of a row, as the server sent them, behind these. A value that cannot even be cut out is a bug of the
/// driver's.
pub fn push_values<'a>(row: &'a Row, values: &mut cell::Raw<'a>) -> Result<()> {
    for i in 0..row.len() {
        let value: Option<Raw<'a>> =
            row.try_get(i).map_err(|e| Error::bug("a row could not be taken apart").caused_by(e))?;
        values.push(value.map(|raw| raw.0));
    }
    Ok(())
}

/// What is running now, so that a signal can cancel it.
#[derive(Clone, Default)]
pub struct Running(Rc<RefCell<BTreeMap<u64, Canceler>>>);

/// One session among what is running, as long as this value lives.
struct Registered {
    running: Running,
    id: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.running.0.borrow_mut().remove(&self.id);
    }
}

impl Running {
    fn register(&self, canceler: Canceler) -> Registered {
        let mut all = self.0.borrow_mut();
        let id = all.last_key_value().map_or(0, |(last, _)| last + 1);
        all.insert(id, canceler);
        Registered { running: self.clone(), id }
    }

    /// Cancels everything that runs; bounded by [`CANCEL_PATIENCE`].
    pub async fn cancel(&self) {
        let all: Vec<Canceler> = self.0.borrow().values().cloned().collect();
        let each = futures_util::future::join_all(all.iter().map(Canceler::cancel));
        let _ = tokio::time::timeout(CANCEL_PATIENCE, each).await;
    }
}

/// Prints the SQL that runs, as psql's `-E` does.
pub type Echo = Option<Rc<dyn Fn(&str)>>;

/// One statement as `-E` shows it.
pub fn echoed(sql: &str, params: &[Value]) -> String {
    echoed_with(sql, params.iter().map(Value::literal))
}

/// One statement whose parameters are texts, as `-E` shows it.
pub fn echoed_text(sql: &str, params: &[Option<&str>]) -> String {
    echoed_with(sql, params.iter().map(|param| param.map_or("NULL".to_owned(), quote_literal)))
}

fn echoed_with(sql: &str, literals: impl ExactSizeIterator<Item = String>) -> String {
    let mut text = format!("********* QUERY **********\n{sql}\n");
    if literals.len() > 0 {
        text.push_str("-- parameters:\n");
        for (i, literal) in literals.enumerate() {
            text.push_str(&format!("--   ${} = {}\n", i + 1, literal.replace('\n', "\\n")));
        }
    }
    text.push_str("**************************\n");
    text
}

/// An open connection, what is shown of it, and its place among what a signal cancels.
struct Link {
    connected: Connected,
    echo: Echo,
    _registered: Registered,
}

impl Link {
    async fn open(
        target: &Target,
        echo: Echo,
        running: &Running,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Link> {
        let connected = connect::connect(target, ask).await?;
        for warning in &connected.warnings {
            crate::error::note(&format!("pgkit: {warning}"));
        }
        let registered = running.register(connected.canceler.clone());
        Ok(Link { connected, echo, _registered: registered })
    }

    fn show(&self, sql: &str, params: &[Value]) {
        if let Some(echo) = &self.echo {
            echo(&echoed(sql, params));
        }
    }

    /// One or more statements whose rows nobody wants.
    async fn simple(&self, sql: &str) -> Result<()> {
        self.show(&sql.replace("; ", ";\n"), &[]);
        let sql = format!("{MARK}{sql}");
        self.connected.client.batch_execute(&sql).await.map_err(|e| self.explain(&e))
    }

    /// One statement and its rows.
    async fn rows(&self, sql: &str, params: &[Value]) -> Result<Pin<Box<RowStream>>> {
        self.show(sql, params);
        let typed = params.iter().map(|p| (p, p.server_type()));
        let sql = format!("{MARK}{sql}");
        self.connected.client.query_typed_raw(&sql, typed).await.map(Box::pin).map_err(|e| self.explain(&e))
    }

    /// The first column of every row, as the server sent it.
    async fn first_column<T>(
        &self,
        sql: &str,
        params: &[Value],
        take: impl Fn(Option<&[u8]>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = self.rows(sql, params).await?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().await {
            let row = row.map_err(|e| self.explain(&e))?;
            let mut values = cell::Raw::new();
            push_values(&row, &mut values)?;
            out.push(take(values.first().copied().flatten())?);
        }
        Ok(out)
    }

    /// Every row as a struct, by column name. A column that is missing, unknown or unexpectedly NULL is a bug of
    /// pgkit's, never a default.
    async fn structs<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        // The server names the columns, so nothing depends on their order.
        let sql =
            format!("SELECT pg_catalog.row_to_json(answer)::text FROM (\n{}\n) AS answer", sql.trim_end());
        self.first_column(&sql, params, |raw| {
            let text = String::from_utf8_lossy(raw.unwrap_or_default());
            serde_json::from_str(&text).map_err(|e| {
                Error::bug("a row of pgkit's own query is not what was expected").caused_by(e).caused_by(text)
            })
        })
        .await
    }

    fn explain(&self, error: &tokio_postgres::Error) -> Error {
        explain(error, &self.connected.host)
    }

    async fn cancel(&self) {
        let _ = tokio::time::timeout(CANCEL_PATIENCE, self.connected.canceler.cancel()).await;
    }

    /// Says goodbye, and waits until the server has heard it.
    async fn close(self) {
        drop(self.connected.client);
        let _ = tokio::time::timeout(CANCEL_PATIENCE, self.connected.driver).await;
    }
}

/// A session in a transaction that only reads.
pub struct Reader {
    link: Link,
    settings: Settings,
    overdue: Option<String>,
}

impl Reader {
    /// Connects, and opens the transaction.
    pub async fn connect(
        target: &Target,
        settings: Settings,
        echo: Echo,
        running: &Running,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Reader> {
        let link = Link::open(target, echo, running, ask).await?;
        let mut reader = Reader { link, settings, overdue: None };
        if let Err(e) = reader.begin().await {
            // 22023: this server's platform cannot watch its client; every other setting is valid everywhere.
            if e.sqlstate.as_deref() != Some("22023") || !reader.settings.watch_client {
                return Err(e);
            }
            reader.settings.watch_client = false;
            reader.reopen(None).await?;
        }
        Ok(reader)
    }

    /// The statements that open the transaction.
    pub fn prelude(&self) -> Vec<String> {
        let mut statements = self.settings.prelude(self.link.connected.version);
        if self.link.connected.sql_ascii {
            // Such a server refuses to send as UTF-8 what is none; so it sends bytes.
            statements.push("SET LOCAL client_encoding = 'SQL_ASCII'".to_owned());
        }
        statements
    }

    /// Opens the transaction; the same round trip tells whether statements are logged for longer than they should be.
    async fn begin(&mut self) -> Result<()> {
        let sql = format!("{}; {}", self.prelude().join("; "), note::RECORDS.trim_end());
        self.link.show(&sql.replace("; ", ";\n"), &[]);
        let sql = format!("{MARK}{sql}");
        let answer = self.link.connected.client.simple_query(&sql).await.map_err(|e| self.explain(&e))?;
        self.overdue = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => note::overdue(row.get(0)?, row.get(1)?.parse().ok()?),
            _ => None,
        });
        Ok(())
    }

    /// What whoever connects should know of the server's log settings: that they should have ended.
    pub fn overdue(&self) -> Option<&str> {
        self.overdue.as_deref()
    }

    /// Rolls back what failed and opens the transaction anew, with this lock timeout where one is given.
    pub async fn reopen(&mut self, lock_timeout: Option<Duration>) -> Result<()> {
        if let Some(limit) = lock_timeout {
            self.settings.lock_timeout = Some(limit);
        }
        self.link.simple("ROLLBACK").await?;
        self.begin().await
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.link.connected.version
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.link.connected.database
    }

    /// What was connected to, for further connections to the same server.
    pub fn target(&self) -> &Target {
        &self.link.connected.target
    }

    /// The transaction's settings, as they are now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Asks for the truth of all these expressions in one query.
    pub async fn probe(&self, expressions: &[&str]) -> Result<Vec<bool>> {
        if expressions.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<String> = expressions.iter().map(|e| format!("({e})")).collect();
        let row = self.one(&format!("SELECT {}", list.join(",\n       "))).await?;
        (0..expressions.len())
            .map(|i| {
                row.try_get::<_, Option<bool>>(i).map(|truth| truth.unwrap_or(false)).map_err(|e| {
                    Error::data(format!("when = \"{}\" is no boolean", expressions[i])).caused_by(e)
                })
            })
            .collect()
    }

    async fn one(&self, sql: &str) -> Result<Row> {
        let mut rows = self.rows(sql, &[]).await?;
        let first = rows.next().await.ok_or_else(|| Error::bug("a query without a row"))?;
        while rows.next().await.is_some() {}
        first.map_err(|e| self.explain(&e))
    }

    /// The text column of every row of a query of pgkit's own.
    pub async fn texts(&self, sql: &str, params: &[Value]) -> Result<Vec<String>> {
        self.link
            .first_column(sql, params, |raw| {
                // Names that are no UTF-8 are shown as everywhere else.
                let text = cell::ColumnType::TEXT.decode(raw).map_err(Error::bug)?;
                Ok(crate::render::plain(&text).into_owned())
            })
            .await
    }

    /// As [`Reader::texts`], without what is no UTF-8: shown in another way it would be another name.
    pub async fn names(&self, sql: &str, params: &[Value]) -> Result<Vec<String>> {
        let names = self.link.first_column(sql, params, |raw| {
            Ok(raw.and_then(|raw| std::str::from_utf8(raw).ok()).map(str::to_owned))
        });
        Ok(names.await?.into_iter().flatten().collect())
    }

    /// Every row of a query of pgkit's own as a struct, by column name.
    pub async fn structs<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        self.link.structs(sql, params).await
    }

    /// Runs one statement. Errors: what the server says, with its SQLSTATE.
    pub async fn rows(&self, sql: &str, params: &[Value]) -> Result<Pin<Box<RowStream>>> {
        self.link.rows(sql, params).await
    }

    /// Compares what the server says of a statement's columns with the header, before it runs: tokio-postgres hangs
    /// on a large answer with a column of a type it does not know.
    ///
    /// Errors: bad data (65) that names file, column and type.
    pub async fn describe(&self, text: &Text, columns: &[Column], params: &[Value]) -> Result<()> {
        // A join that nothing satisfies: one row of NULLs with the statement's columns, and the statement never runs.
        let sql =
            format!("SELECT report.* FROM (SELECT) AS one LEFT JOIN (\n{}\n) AS report ON false", text.sql);
        let typed = params.iter().map(|p| (p, p.server_type()));
        let rows = self.link.connected.client.query_typed_raw(&sql, typed).await;
        let mut rows = rows
            .map(Box::pin)
            .map_err(|e| self.explain(&e))
            .map_err(|e| Error { message: format!("{}: {}", text.file, e.message), ..e })?;
        let row = rows.next().await.ok_or_else(|| Error::bug("a description without a row"))?;
        let row = row.map_err(|e| self.explain(&e))?;
        while rows.next().await.is_some() {}
        check_row(&format!("{}:{}", text.file, text.columns_line), columns, &row)
    }

    /// Cancels what runs, and waits until the server has ended it.
    pub async fn cancel(&self) {
        self.link.cancel().await;
    }

    /// Ends the transaction, so that a pooler gets its connection back in order.
    pub async fn close(self) {
        // Nothing was written: when this fails there is nothing to lose.
        let _ = self.link.simple("COMMIT").await;
        self.link.close().await;
    }

    /// Lets the connection go after a cancel, without waiting for the rest of an answer.
    pub async fn abandon(self) {
        self.cancel().await;
        self.link.connected.driver.abort();
    }

    /// What a failure of the driver or the server means.
    pub fn explain(&self, error: &tokio_postgres::Error) -> Error {
        self.link.explain(error)
    }
}

/// Does the answer have the columns that the header promises?
fn check_columns(file: &str, promised: &[Column], found: &[(String, Type)]) -> Result<()> {
    for (i, column) in promised.iter().enumerate() {
        match found.get(i) {
            Some((name, kind)) if *name == column.name && *kind == column.server_type => {}
            Some((name, kind)) => {
                let known = cell::ColumnType::by_name(kind.name().trim_start_matches('_')).is_some();
                let error = Error::data(format!(
                    "{file}: column {} is \"{name} {kind}\", and the header says \"{} {}\"",
                    i + 1,
                    column.name,
                    column.server_type
                ));
                return Err(if known {
                    error.hint("make header and statement agree")
                } else {
                    error.hint(format!("cast it: {}::text", quote_ident(name)))
                });
            }
            None => {
                return Err(Error::data(format!(
                    "{file}: the statement gives {} columns, and the header promises {}",
                    found.len(),
                    promised.len()
                )));
            }
        }
    }
    if found.len() > promised.len() {
        return Err(Error::data(format!(
            "{file}: the statement gives {} columns, and the header promises {}",
            found.len(),
            promised.len()
        )));
    }
    Ok(())
}

/// Checks a row against the header, once a stream: what a test proves of pgkit's own reports, and a server may still
/// get wrong.
pub fn check_row(file: &str, columns: &[Column], row: &Row) -> Result<()> {
    let found: Vec<(String, Type)> =
        row.columns().iter().map(|c| (c.name().to_owned(), c.type_().clone())).collect();
    check_columns(file, columns, &found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_only_reads_and_has_its_limits() {
        let settings = Settings {
            statement_timeout: Some(Duration::from_secs(60)),
            lock_timeout: None,
            keep_search_path: false,
            watch_client: true,
        };
        let on = |version: &str| settings.prelude(ServerVersion::parse(version).unwrap()).join("; ");
        assert_eq!(
            on("15.18"),
            "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY; SET LOCAL statement_timeout = '60000ms'; SET LOCAL lock_timeout = '0'; \
             SET LOCAL standard_conforming_strings = on; SET LOCAL work_mem = '32MB'; SET LOCAL jit = off; \
             SET LOCAL client_connection_check_interval = '500ms'; SET LOCAL search_path = pg_catalog"
        );
        assert!(!on("10.23").contains("jit") && !on("13.1").contains("client_connection"));
    }
}

//! Sessions with the server: read-only transactions, their timeouts and rows, and how an SQLSTATE maps to an exit
//! code.
//!
//! A [`Reader`] uses only `SET LOCAL`: a plain SET would leak through a transaction pooler to the pooler's next
//! client. A [`Writer`] refuses to go through a pooler, so it may use SET.

mod failure;
mod open;
mod service;
mod value;
mod wire;
mod writer;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, RowStream};

pub use failure::explain;
pub use service::Service;
pub use value::Value;
pub use wire::{Answer, Hearer, Part, Piped, Protocol, TextRow, Wire};
pub use writer::{Limits, Purpose, Writer};

use crate::cell;
use crate::connect::{Canceler, Connected, Opening, Server, ServerVersion, Target, drop_role};
pub use crate::connect::{MARK, PATH, house};
use crate::error::{Error, Exit, Result};
use crate::log::note;
use crate::report::{Column, Text};
use crate::sql::{self, quote_ident, quote_literal};

/// How long a cancel request may take.
pub const CANCEL_PATIENCE: Duration = Duration::from_millis(500);

/// The rate that a connection must keep up to get extra time for a large answer, in bytes per second.
const SLOWEST: u64 = 16 << 10;
/// The largest answer to one of pgkit's own statements that is kept in memory, in bytes.
const KEPT: usize = 64 << 20;

const OWN_PATH: &str = include_str!("../../queries/session/own_path.sql");
const PATH_SCHEMAS: &str = include_str!("../../queries/session/path.sql");

/// The settings of a read-only transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `statement_timeout`; `None` is no limit.
    pub statement_timeout: Option<Duration>,
    /// `lock_timeout`; `None` is no limit.
    pub lock_timeout: Option<Duration>,
    /// Is `client_connection_check_interval` set, so that the server notices a client that was killed? Not every
    /// platform supports that.
    pub watch_client: bool,
}

fn timeout(limit: Option<Duration>) -> String {
    // 0 disables a timeout, so a limit below a millisecond becomes one millisecond.
    limit.map_or_else(|| "0".to_owned(), |d| format!("{}ms", d.as_millis().max(1)))
}

/// Makes the server notice that its client was killed.
const WATCH_CLIENT: &str = "client_connection_check_interval = '500ms'";

/// [`WATCH_CLIENT`], or `None` if the server does not support it.
fn watch_client(server: Server) -> Option<String> {
    server.watches_client.then(|| WATCH_CLIENT.to_owned())
}

impl Settings {
    /// The settings in addition to those of every session, each as `name = value`.
    fn own(&self, server: Server) -> Vec<String> {
        let mut set = vec![
            format!("statement_timeout = '{}'", timeout(self.statement_timeout)),
            format!("lock_timeout = '{}'", timeout(self.lock_timeout)),
            // Enough to sort and join the catalogs of a database with 20,000 tables without temporary files on the
            // server.
            "work_mem = '32MB'".to_owned(),
        ];
        if self.watch_client {
            set.extend(watch_client(server));
        }
        if server.sql_ascii {
            // The server cannot convert such bytes to UTF-8, so it is told to send them as they are.
            set.push("client_encoding = 'SQL_ASCII'".to_owned());
        }
        set
    }

    fn opening(&self) -> Opening<'_> {
        Opening {
            settings: Box::new(|server| self.own(server)),
            question: Box::new(|_| note::RECORDS.to_owned()),
            stays: true,
            patience: open::first_patience(self.statement_timeout),
        }
    }

    /// The statements that open a transaction on a server of this version.
    pub fn prelude(&self, version: ServerVersion) -> Vec<String> {
        let server = Server { version, sql_ascii: false, watches_client: version.major() >= 14 };
        self.opening().prelude(server)
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

/// The sessions that may be running a statement, so that a signal can cancel it.
#[derive(Clone, Default)]
pub struct Running(Rc<RefCell<BTreeMap<u64, Canceler>>>);

/// The registration of one session in [`Running`], which ends when this is dropped.
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

    /// Cancels all running statements, within [`CANCEL_PATIENCE`].
    pub async fn cancel(&self) {
        let all: Vec<Canceler> = self.0.borrow().values().cloned().collect();
        let each = futures_util::future::join_all(all.iter().map(Canceler::cancel));
        let _ = tokio::time::timeout(CANCEL_PATIENCE, each).await;
    }
}

/// Prints the SQL that runs, as psql's `-E` does.
pub type Echo = Option<Rc<dyn Fn(&str)>>;

/// Formats a statement and its parameters as `-E` shows them.
pub fn echoed(sql: &str, params: &[Value]) -> String {
    echoed_with(sql, params.iter().map(Value::literal))
}

/// The same, for parameters that are text; `None` is NULL.
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

/// An open connection, the callback for `-E`, and the registration for signals.
struct Link {
    connected: Connected,
    echo: Echo,
    /// How long pgkit waits for an answer; `None` means no limit.
    patience: Option<Duration>,
    _registered: Registered,
}

impl Link {
    /// Returns the session, and the row that the first message asked for.
    fn new(opened: open::Opened, patience: Option<Duration>, echo: Echo) -> (Link, Vec<Option<String>>) {
        let open::Opened { connected, answer, registered } = opened;
        (Link { connected, echo, patience, _registered: registered }, answer)
    }

    fn server(&self) -> Server {
        Server {
            version: self.connected.version,
            sql_ascii: self.connected.sql_ascii,
            watches_client: self.connected.watches_client,
        }
    }

    /// Waits for an answer, a little longer than the server's own limit. Errors: there is none in time (69).
    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.in_time_left(Duration::ZERO, work).await
    }

    /// The same, with `spent` subtracted from the time limit.
    async fn in_time_left<T>(&self, spent: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.patience {
            None => work.await,
            Some(patience) => {
                tokio::time::timeout(patience.saturating_sub(spent), work).await.unwrap_or_else(|_| {
                    let host = &self.connected.host;
                    Err(Error::new(
                        Exit::Unavailable,
                        format!("the server at {host:?} has not answered within {patience:?}"),
                    )
                    .hint("the server's own limit should have ended the statement; check that the server and the network are well, and try again"))
                })
            }
        }
    }

    fn show(&self, sql: &str, params: &[Value]) {
        if let Some(echo) = &self.echo {
            echo(&echoed(sql, params));
        }
    }

    /// Runs one or more statements and discards their rows.
    async fn simple(&self, sql: &str) -> Result<()> {
        self.show(&sql.replace("; ", ";\n"), &[]);
        let sql = format!("{MARK}{sql}");
        let work = self.connected.client.batch_execute(&sql);
        self.in_time(async { work.await.map_err(|e| self.explain(&e)) }).await
    }

    /// Runs one statement and returns its rows.
    async fn rows(&self, sql: &str, params: &[Value]) -> Result<Rows<'_>> {
        self.show(sql, params);
        self.rows_unshown(&format!("{MARK}{sql}"), params).await
    }

    async fn rows_unshown(&self, sql: &str, params: &[Value]) -> Result<Rows<'_>> {
        let typed = params.iter().map(|p| (p, p.server_type()));
        let work = self.connected.client.query_typed_raw(sql, typed);
        let stream = self.in_time(async { work.await.map_err(|e| self.explain(&e)) }).await?;
        Ok(Rows { link: self, stream: Box::pin(stream), begun: Instant::now(), received: 0 })
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
        let mut kept = 0;
        while let Some(row) = rows.next().await? {
            let mut values = cell::Raw::new();
            push_values(&row, &mut values)?;
            let first = values.first().copied().flatten();
            // Account for the memory that even an empty row takes.
            kept += first.map_or(0, <[u8]>::len) + 32;
            if kept > KEPT {
                self.cancel().await;
                return Err(Error::new(
                    Exit::Unavailable,
                    format!("the server's answer to a statement of pgkit's own is larger than {KEPT} bytes"),
                ));
            }
            out.push(take(first)?);
        }
        Ok(out)
    }

    /// Returns every row as a struct, by column name. A column that is missing, unknown or unexpectedly NULL is a bug
    /// in pgkit, and never replaced by a default.
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
        explain(error, &self.connected.host, &self.connected.closing_error)
    }

    /// The schemas of the search path with which the session began. pgkit's own statements never run under it.
    async fn path(&self) -> Result<Vec<PathSchema>> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Own {
            path: String,
        }
        let own: Vec<Own> = self.structs(OWN_PATH, &[]).await?;
        let text = own.into_iter().next().map(|own| own.path).unwrap_or_default();
        let names = sql::identifiers(&text)
            .ok_or_else(|| Error::data("the session's search_path cannot be read").caused_by(text))?;
        self.structs(PATH_SCHEMAS, &[Value::TextList(names.into_iter().map(Some).collect())]).await
    }

    async fn cancel(&self) {
        let _ = tokio::time::timeout(CANCEL_PATIENCE, self.connected.canceler.cancel()).await;
    }

    /// Closes the connection, and waits until the closing message has been sent.
    async fn close(self) {
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
        running: &Running,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Reader> {
        let patience = open::patience(settings.statement_timeout);
        let opened = open::open(target, &settings.opening(), &echo, running, ask).await?;
        let (link, answer) = Link::new(opened, patience, echo);
        let mut reader = Reader { link, settings, overdue: None };
        reader.hear(&answer);
        Ok(reader)
    }

    /// The statements that open the transaction.
    pub fn prelude(&self) -> Vec<String> {
        self.settings.opening().prelude(self.link.server())
    }

    /// Checks, in the answer to the first message, whether statement logging that pgkit turned on should have ended
    /// by now.
    fn hear(&mut self, answer: &[Option<String>]) {
        let value = |i: usize| answer.get(i).and_then(|value| value.as_deref());
        self.overdue = value(0)
            .zip(value(1).and_then(|now| now.parse().ok()))
            .and_then(|(note, now)| note::overdue(note, now));
    }

    /// A warning for whoever connects that temporary log settings should have ended already; `None` if all is well.
    pub fn overdue(&self) -> Option<&str> {
        self.overdue.as_deref()
    }

    /// Rolls back a failed transaction and opens a new one, with this lock timeout if one is given.
    pub async fn reopen(&mut self, lock_timeout: Option<Duration>) -> Result<()> {
        if let Some(limit) = lock_timeout {
            self.settings.lock_timeout = Some(limit);
        }
        self.link.simple("ROLLBACK").await?;
        let mut again = self.prelude();
        if self.link.connected.has_other_role {
            again.push(drop_role(true));
        }
        self.link.simple(&again.join("; ")).await
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
                    Error::data(format!("when = \"{}\" is no boolean", expressions[i])).caused_by(e)
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
                Ok(crate::render::plain(&text).into_owned())
            })
            .await
    }

    /// As [`Reader::texts`], but without names that are not valid UTF-8: escaped, they would be different names.
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

    /// Runs one statement. Errors: the server's error, with its SQLSTATE.
    pub async fn rows(&self, sql: &str, params: &[Value]) -> Result<Rows<'_>> {
        self.link.rows(sql, params).await
    }

    /// Compares a statement's columns, as the server describes them, with the header before the statement runs:
    /// tokio-postgres hangs on a large answer with a column of a type that it does not know.
    ///
    /// Errors: they differ (65); the message names the file, the column and the type.
    pub async fn describe(&self, text: &Text, columns: &[Column], params: &[Value]) -> Result<()> {
        let row = self.nulls(text, params).await?;
        check_row(&format!("{}:{}", text.file, text.columns_line), columns, &row)
    }

    /// The columns of a statement as the server describes them, without running it.
    ///
    /// Errors: the server refuses the statement, or a column has a type that pgkit cannot read (65).
    pub async fn columns(&self, text: &Text, params: &[Value]) -> Result<Vec<Column>> {
        let row = self.nulls(text, params).await?;
        let columns = row.columns().iter().map(|column| {
            let (name, server_type) = (column.name().to_owned(), column.type_().clone());
            let kind = cell::ColumnType::of(&server_type).ok_or_else(|| {
                Error::data(format!(
                    "{}: column {name:?} is of type {server_type}, which pgkit does not read",
                    text.file
                ))
                .hint(format!("cast it in the SQL: {name}::text"))
            })?;
            Ok(Column { name, kind, server_type, wide: None, usual: None })
        });
        columns.collect()
    }

    /// One row of NULLs with a statement's columns: the result of an outer join that never matches, so that the
    /// statement itself does not run.
    async fn nulls(&self, text: &Text, params: &[Value]) -> Result<Row> {
        let sql =
            format!("SELECT report.* FROM (SELECT) AS one LEFT JOIN (\n{}\n) AS report ON false", text.sql);
        let rows = self.link.rows_unshown(&sql, params).await;
        let rows = rows.map_err(|e| Error { message: format!("{}: {}", text.file, e.message), ..e })?;
        only(rows).await
    }

    /// Cancels the running statement, and waits until the server has been told, within [`CANCEL_PATIENCE`].
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

/// The first row of an answer, which is read to its end.
async fn only(mut rows: Rows<'_>) -> Result<Row> {
    let first = rows.next().await?.ok_or_else(|| Error::bug("a query without a row"))?;
    while rows.next().await?.is_some() {}
    Ok(first)
}

/// A schema of a search path.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PathSchema {
    schema: String,
    /// Is it listed in the path? Some schemas, such as pg_catalog, are searched without being listed.
    named: bool,
}

/// Checks that the answer has the columns that the header promises.
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

/// Checks a row against the header, once per result. For pgkit's own reports a test proves that they agree, but a
/// server may still behave differently.
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
            watch_client: true,
        };
        let on = |version: &str| settings.prelude(ServerVersion::parse(version).unwrap());
        let fifteen = on("15.18");
        assert_eq!(fifteen[0], "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY");
        assert_eq!(fifteen[1], "SET LOCAL search_path = pg_catalog, pg_temp");
        for set in [
            "statement_timeout = '60000ms'",
            "lock_timeout = '0'",
            "jit = off",
            "client_connection_check_interval = '500ms'",
        ] {
            assert!(fifteen.contains(&format!("SET LOCAL {set}")), "{set}");
        }
        assert!(fifteen[1..].iter().all(|statement| statement.starts_with("SET LOCAL ")));
        assert!(
            !on("10.23").join(";").contains("jit") && !on("13.1").join(";").contains("client_connection")
        );
    }
}

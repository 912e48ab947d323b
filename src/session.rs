//! Sessions with the server: a transaction that only reads, its timeouts, its rows, and what an SQLSTATE means.
//!
//! All settings are `SET LOCAL`: a plain SET would leak through a transaction pooler to the next client.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut};
use tokio_postgres::{Row, RowStream};

use crate::cell;
use crate::connect::{self, Canceler, Connected, ServerVersion, Target};
use crate::error::{Error, Exit, Result};
use crate::report::{Column, Text};
use crate::sql::{quote_ident, quote_literal};

/// How long a cancel request may take.
pub const CANCEL_PATIENCE: Duration = Duration::from_millis(500);

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

/// What a parameter binds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's NULL, of this type.
    Null(Type),
    /// bool
    Bool(bool),
    /// int8
    Int8(i64),
    /// text
    Text(String),
    /// text[], with NULLs where there are some.
    TextList(Vec<Option<String>>),
    /// interval, in microseconds.
    Interval(i64),
}

impl Value {
    fn server_type(&self) -> Type {
        match self {
            Value::Null(kind) => kind.clone(),
            Value::Bool(_) => Type::BOOL,
            Value::Int8(_) => Type::INT8,
            Value::Text(_) => Type::TEXT,
            Value::TextList(_) => Type::TEXT_ARRAY,
            Value::Interval(_) => Type::INTERVAL,
        }
    }

    /// The value as a literal that names its type.
    pub fn literal(&self) -> String {
        match self {
            Value::Null(kind) => format!("NULL::{}", type_name(kind)),
            Value::Bool(b) => format!("{b}::bool"),
            Value::Int8(n) => format!("'{n}'::int8"),
            Value::Text(text) => format!("{}::text", quote_literal(text)),
            Value::TextList(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|i| i.as_ref().map_or("NULL".to_owned(), |t| quote_literal(t)))
                    .collect();
                format!("ARRAY[{}]::text[]", items.join(", "))
            }
            Value::Interval(micros) => format!("'{micros} microseconds'::interval"),
        }
    }
}

/// The SQL name of a type that a parameter may have.
fn type_name(kind: &Type) -> &'static str {
    match *kind {
        Type::BOOL => "bool",
        Type::INT8 => "int8",
        Type::TEXT_ARRAY => "text[]",
        Type::INTERVAL => "interval",
        _ => "text",
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null(_) => Ok(IsNull::Yes),
            Value::Bool(b) => b.to_sql(kind, out),
            Value::Int8(n) => n.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::TextList(items) => items.to_sql(kind, out),
            Value::Interval(micros) => {
                out.extend_from_slice(&micros.to_be_bytes());
                out.extend_from_slice(&[0; 8]);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
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
fn echoed(sql: &str, params: &[Value]) -> String {
    let mut text = format!("********* QUERY **********\n{sql}\n");
    if !params.is_empty() {
        text.push_str("-- parameters:\n");
        for (i, param) in params.iter().enumerate() {
            text.push_str(&format!("--   ${} = {}\n", i + 1, param.literal().replace('\n', "\\n")));
        }
    }
    text.push_str("**************************\n");
    text
}

/// A session in a transaction that only reads.
pub struct Reader {
    connected: Connected,
    settings: Settings,
    echo: Echo,
    _registered: Registered,
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
        let connected = connect::connect(target, ask).await?;
        for warning in &connected.warnings {
            crate::error::note(&format!("pgkit: {warning}"));
        }
        let registered = running.register(connected.canceler.clone());
        let mut reader = Reader { connected, settings, echo, _registered: registered };
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
        let mut statements = self.settings.prelude(self.connected.version);
        if self.connected.sql_ascii {
            // Such a server refuses to send as UTF-8 what is none; so it sends bytes.
            statements.push("SET LOCAL client_encoding = 'SQL_ASCII'".to_owned());
        }
        statements
    }

    async fn begin(&self) -> Result<()> {
        let sql = self.prelude().join("; ");
        self.simple(&sql).await
    }

    async fn simple(&self, sql: &str) -> Result<()> {
        if let Some(echo) = &self.echo {
            echo(&echoed(&sql.replace("; ", ";\n"), &[]));
        }
        self.connected.client.batch_execute(sql).await.map_err(|e| self.explain(&e))
    }

    /// Rolls back what failed and opens the transaction anew, with this lock timeout where one is given.
    pub async fn reopen(&mut self, lock_timeout: Option<Duration>) -> Result<()> {
        if let Some(limit) = lock_timeout {
            self.settings.lock_timeout = Some(limit);
        }
        self.simple("ROLLBACK").await?;
        self.begin().await
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.connected.version
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.connected.database
    }

    /// What was connected to, for further connections to the same server.
    pub fn target(&self) -> &Target {
        &self.connected.target
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
        let mut rows = self.rows(sql, params).await?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().await {
            let row = row.map_err(|e| self.explain(&e))?;
            let mut values = cell::Raw::new();
            push_values(&row, &mut values)?;
            // Names that are no UTF-8 are shown as everywhere else.
            let text =
                cell::ColumnType::TEXT.decode(values.first().copied().flatten()).map_err(Error::bug)?;
            out.push(crate::render::plain(&text).into_owned());
        }
        Ok(out)
    }

    /// Runs one statement. Errors: what the server says, with its SQLSTATE.
    pub async fn rows(&self, sql: &str, params: &[Value]) -> Result<Pin<Box<RowStream>>> {
        if let Some(echo) = &self.echo {
            echo(&echoed(sql, params));
        }
        let typed = params.iter().map(|p| (p, p.server_type()));
        self.connected.client.query_typed_raw(sql, typed).await.map(Box::pin).map_err(|e| self.explain(&e))
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
        let rows = self.connected.client.query_typed_raw(&sql, typed).await;
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
        let _ = tokio::time::timeout(CANCEL_PATIENCE, self.connected.canceler.cancel()).await;
    }

    /// Ends the transaction, so that a pooler gets its connection back in order.
    pub async fn close(self) {
        if let Some(echo) = &self.echo {
            echo(&echoed("COMMIT", &[]));
        }
        // Nothing was written: when this fails there is nothing to lose.
        let _ = self.connected.client.batch_execute("COMMIT").await;
        drop(self.connected.client);
        let _ = tokio::time::timeout(CANCEL_PATIENCE, self.connected.driver).await;
    }

    /// Lets the connection go after a cancel, without waiting for the rest of an answer.
    pub async fn abandon(self) {
        self.cancel().await;
        self.connected.driver.abort();
    }

    /// What a failure of the driver or the server means.
    pub fn explain(&self, error: &tokio_postgres::Error) -> Error {
        explain(error, &self.connected.host)
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

/// What an SQLSTATE means for the exit code. From the manual's appendix "PostgreSQL Error Codes".
fn exit_of(sqlstate: &str) -> Exit {
    match sqlstate {
        "42501" => Exit::Permission,
        // Canceled (a timeout, or somebody's pg_cancel_backend), lock not available, serialization, deadlock.
        "57014" | "55P03" | "40001" | "40P01" | "25P03" | "XX000" => Exit::TryAgain,
        "57P01" | "57P02" | "57P03" | "57P05" | "25P04" => Exit::Unavailable,
        "0A000" => Exit::TooOld,
        state if state.starts_with("08") => Exit::Unavailable,
        // Out of memory, disk or connections.
        state if state.starts_with("53") => Exit::TryAgain,
        // Data exceptions: a bad regular expression above all.
        _ => Exit::Data,
    }
}

/// What a failure of the driver means: the server's own words, or that the connection is lost.
pub fn explain(error: &tokio_postgres::Error, host: &str) -> Error {
    if let Some(db) = error.as_db_error() {
        let state = db.code().code();
        let mut out =
            Error::new(exit_of(state), format!("the server says: {}", db.message())).with_sqlstate(state);
        if let Some(detail) = db.detail() {
            out = out.caused_by(detail);
        }
        if let Some(hint) = db.hint() {
            out = out.hint(hint);
        }
        return match state {
            "57014" => out
                .hint("raise the limit with --statement-timeout, or try again when the server is less busy"),
            "55P03" => out.hint(
                "somebody holds a lock on what this reads; try again, or wait longer with --lock-timeout",
            ),
            _ => out,
        };
    }
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let mut out = Error::new(Exit::Unavailable, format!("lost the connection to the server at \"{host}\""));
    out.causes = if causes.is_empty() { vec![error.to_string()] } else { causes };
    out
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

    #[test]
    fn literals_name_their_type() {
        assert_eq!(Value::TextList(vec![None, Some("a'b".into())]).literal(), "ARRAY[NULL, 'a''b']::text[]");
        assert_eq!(Value::Null(Type::TEXT_ARRAY).literal(), "NULL::text[]");
        assert_eq!(Value::Interval(5).literal(), "'5 microseconds'::interval");
    }

    #[test]
    fn every_sqlstate_has_its_exit_code() {
        for (state, exit) in [
            ("42501", Exit::Permission),
            ("57014", Exit::TryAgain),
            ("55P03", Exit::TryAgain),
            ("2201B", Exit::Data),
            ("57P01", Exit::Unavailable),
            ("08006", Exit::Unavailable),
            ("42P01", Exit::Data),
        ] {
            assert_eq!(exit_of(state), exit, "{state}");
        }
    }
}

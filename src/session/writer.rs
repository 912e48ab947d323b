//! A session that writes, or that depends on its own settings. It never goes through a connection pooler.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use super::echo::Echo;
use super::link::Link;
use super::open;
use super::running::InFlight;
use super::service::Service;
use super::settings::{timeout, watch_client};
use super::value::Value;
use crate::connect::{Opening, PATH, Server, house};
use crate::connect::{ServerVersion, Target, drop_role};
use crate::error::{Error, Exit, Result};
use crate::note;

/// What a writing session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Changing the server's log settings, and monitoring them.
    Log,
    /// Reading the server's log. It writes nothing, and keeps its own statements out of the log that it reads.
    Tail,
    /// `locks demo`: sessions that compete for one row. Their statements contain nothing confidential.
    Demo,
    /// Running jobs, or changing what is stored about them. The search path that the role or the database has set
    /// determines the schema in which the tables are created.
    Jobs,
    /// `locks cancel` and `locks terminate`.
    Signal,
    /// Creating roles and databases on one of pgkit's own throwaway servers.
    Sandbox,
}

impl Purpose {
    /// Are its own statements kept out of the server's log, if the role may do so?
    const fn is_quiet(self) -> bool {
        matches!(self, Purpose::Log | Purpose::Tail)
    }

    /// The hint for when a connection pooler is in between.
    const fn pooler_hint(self) -> &'static str {
        match self {
            Purpose::Jobs => {
                "session locks do not work through a pooler: connect to the server itself, or give a direct connection with --lock-dbname \"host=… port=…\""
            }
            _ => {
                "this needs a session of its own: connect to the server itself, not through PgBouncer or another pooler"
            }
        }
    }

    /// Is the session read-only?
    const fn only_reads(self) -> bool {
        matches!(self, Purpose::Tail | Purpose::Signal)
    }
}

/// The time limits of a session; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `statement_timeout`.
    pub statement: Option<Duration>,
    /// `lock_timeout`.
    pub lock: Option<Duration>,
}

impl Limits {
    /// Each as `name = value`.
    fn settings(self) -> [String; 2] {
        let (statement, lock) = (timeout(self.statement), timeout(self.lock));
        [format!("statement_timeout = '{statement}'"), format!("lock_timeout = '{lock}'")]
    }
}

const ROLE: &str = include_str!("../../queries/session/role.sql");
const WITH_TRIGGERS: &str = include_str!("../../queries/session/with_triggers.sql");
const SERVICE: &str = include_str!("../../queries/session/service.sql");
const MAY_QUIET: &str = include_str!("../../queries/session/may_quiet.sql");
const MAY_QUIET_15: &str = include_str!("../../queries/session/may_quiet.pg15.sql");

/// The query of the first message, whose result is one JSON object: see [`Greeting`].
fn question(server: Server) -> String {
    let may_quiet = if server.version.major() >= 15 { MAY_QUIET_15 } else { MAY_QUIET };
    let records = note::RECORDS;
    format!(
        "SELECT pg_catalog.row_to_json(told) FROM (SELECT * FROM (\n{may_quiet}\n) AS quiet, (\n{SERVICE}\n) AS service, (\n{records}\n) AS records) AS told"
    )
}

/// What the server answers to the first message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    may_quiet: bool,
    service: Option<Service>,
    note: Option<String>,
    now: f64,
}

/// A session that is known not to be shared with other clients, outside any transaction.
pub struct Writer {
    link: Link,
    purpose: Purpose,
    role: Option<String>,
    service: Option<Service>,
    overdue: Option<String>,
}

impl Writer {
    /// Connects for this purpose. `ask` prompts for a password.
    ///
    /// Errors: no connection (69), or there is a connection pooler in between (64).
    pub async fn for_(
        purpose: Purpose,
        target: &Target,
        limits: Limits,
        echo: Echo,
        running: &InFlight,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Writer> {
        let opening = Opening {
            settings: Box::new(|server| limits.settings().into_iter().chain(watch_client(server)).collect()),
            question: Box::new(question),
            // Nothing may be set for the session before it is known that no other client shares it.
            stays: false,
            patience: open::first_patience(limits.statement),
        };
        let opened =
            open::open(target, &opening, &echo, running, ask).await?.unpooled(purpose.pooler_hint())?;
        let (link, answer) = Link::new(opened, open::patience(limits.statement), echo);
        let text = answer.into_iter().next().flatten().unwrap_or_default();
        let told: Greeting = serde_json::from_str(&text).map_err(|e| {
            Error::new(Exit::Unavailable, "cannot parse the server's answer to the first statement")
                .caused_by(e)
                .hint("is it PostgreSQL, and is there a proxy in front of it?")
        })?;
        let overdue = told.note.and_then(|text| note::overdue(&text, told.now));
        let mut writer = Writer { link, purpose, role: None, service: told.service, overdue };
        let is_quiet = purpose.is_quiet() && told.may_quiet;
        writer.run(&writer.settings(limits, is_quiet)).await?;
        if writer.link.connected.has_other_role {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Now {
                role: Option<String>,
            }
            writer.role = writer.one::<Now>(ROLE, &[]).await?.role;
        }
        Ok(writer)
    }

    fn settings(&self, limits: Limits, is_quiet: bool) -> String {
        let mut set = Vec::new();
        if is_quiet {
            let quiet = ["log_statement = 'none'", "log_min_duration_statement = -1", "log_duration = off"];
            set.extend(quiet.map(str::to_owned));
        }
        set.extend(limits.settings());
        let only_reads = if self.purpose.only_reads() { "on" } else { "off" };
        set.push(format!("default_transaction_read_only = {only_reads}"));
        if self.purpose == Purpose::Jobs {
            // Row security would hide rows silently; with this setting it raises an error instead.
            set.push("row_security = off".to_owned());
        }
        if self.link.connected.sql_ascii {
            set.push("client_encoding = 'SQL_ASCII'".to_owned());
        }
        set.extend(watch_client(self.link.server()));
        if self.version().major() >= 14 {
            set.push("idle_session_timeout = 0".to_owned());
        }
        // The path is set first, then the role is reset, because the other role may not be allowed to change the
        // remaining settings.
        let mut all = vec![format!("SET {PATH}")];
        if self.link.connected.has_other_role {
            all.push(drop_role(false));
        }
        all.extend(house(self.version()).chain(set).map(|one| format!("SET {one}")));
        if !self.purpose.only_reads() {
            all.push(WITH_TRIGGERS.trim_end().to_owned());
        }
        all.join(";\n")
    }

    /// The schema in which new tables are created if none is named: the first schema of the search path with which
    /// the session began. `None` if that path contains no schema.
    pub async fn creation_schema(&self) -> Result<Option<String>> {
        let path = self.link.path().await?;
        Ok(path
            .into_iter()
            .find(|found| found.named && !found.schema.starts_with("pg_"))
            .map(|found| found.schema))
    }

    /// Runs one or more statements and discards their rows. Several statements form one transaction.
    pub async fn run(&self, sql: &str) -> Result<()> {
        self.link.simple(sql).await
    }

    /// Runs one of pgkit's own queries, and returns every row as a struct, by column name.
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

    /// Runs one statement with parameters and discards its rows.
    pub async fn affect(&self, sql: &str, params: &[Value]) -> Result<()> {
        self.link.first_column(sql, params, |_| Ok(())).await.map(drop)
    }

    /// Runs one of pgkit's own queries that returns one row.
    pub async fn one<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<T> {
        let rows = self.structs(sql, params).await?;
        rows.into_iter().next().ok_or_else(|| Error::bug("a query without a row").caused_by(sql))
    }

    /// The rows of a statement that modifies data. It must return JSON itself, because such a statement cannot be
    /// wrapped in a query that does.
    pub async fn changed<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        self.link
            .first_column(sql, params, |raw| {
                serde_json::from_slice(raw.unwrap_or_default())
                    .map_err(|e| Error::bug("unexpected row from pgkit's own statement").caused_by(e))
            })
            .await
    }

    /// The first column of every row, as the server sent it; `None` for NULL.
    pub async fn bytes(&self, sql: &str, params: &[Value]) -> Result<Vec<Option<Vec<u8>>>> {
        self.link.first_column(sql, params, |raw| Ok(raw.map(<[u8]>::to_vec))).await
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.link.connected.version
    }

    /// The process id of the backend.
    pub fn backend_pid(&self) -> i32 {
        self.link.connected.backend_pid
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.link.connected.database
    }

    /// The role that connected.
    pub fn user(&self) -> &str {
        &self.link.connected.user
    }

    /// The session's current role, if it is not the one that connected.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Is the server in recovery? Then only settings, which are outside the database, can be changed.
    pub fn is_standby(&self) -> bool {
        self.link.connected.standby
    }

    /// Does the server notice when its client is gone (`client_connection_check_interval`)?
    pub fn watches_client(&self) -> bool {
        self.link.connected.watches_client
    }

    /// The managed service that runs the server, if one does.
    pub fn service(&self) -> Option<Service> {
        self.service
    }

    /// A warning to show after connecting, that temporary log settings should have ended already; `None` if all is
    /// well.
    pub fn overdue(&self) -> Option<&str> {
        self.overdue.as_deref()
    }

    /// Has the connection been found to be lost?
    pub fn is_lost(&self) -> bool {
        self.link.connected.client.is_closed()
    }

    /// Waits for a notification on a channel that the session listens to. Returns at once if one has arrived since the
    /// last call.
    pub async fn notified(&self) {
        self.link.connected.notified.notified().await;
    }

    /// The target that was connected to, including a password that was typed.
    pub fn target(&self) -> &Target {
        &self.link.connected.target
    }

    /// Ends the session.
    pub async fn close(self) {
        self.link.close().await;
    }
}

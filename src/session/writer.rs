//! A session that changes something, or whose own settings must hold: always a direct connection.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Echo, Link, Opening, PATH, Running, Server, Value, house, open, timeout, watch_client};
use crate::connect::{ServerVersion, Target, drop_role};
use crate::error::{Error, Exit, Result};
use crate::log::note;

/// What a writing session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Switching the server's log settings, and watching over them.
    Log,
    /// Reading the server's log: it writes nothing, and keeps its own statements out of what it reads.
    Tail,
    /// `locks demo`: sessions that go for one row. What they send is nobody's secret.
    Demo,
    /// What runs jobs, or changes what is known of them. The role's search path says where their tables are made.
    Jobs,
    /// `locks cancel` and `locks terminate`.
    Signal,
    /// Making roles and databases on a throwaway server of pgkit's own.
    Sandbox,
}

impl Purpose {
    /// Do its own statements stay out of the server's log, where its role may do that?
    const fn is_quiet(self) -> bool {
        matches!(self, Purpose::Log | Purpose::Tail)
    }

    /// What to do where a connection pooler stands between.
    const fn pooler_hint(self) -> &'static str {
        match self {
            Purpose::Jobs => {
                "locks hold nothing there: connect to the server itself, or name a direct connection to it: --lock-dbname \"host=… port=…\""
            }
            _ => {
                "this needs a session of its own: connect to the server itself, not through PgBouncer or the like"
            }
        }
    }

    /// Does it write nothing?
    const fn only_reads(self) -> bool {
        matches!(self, Purpose::Tail | Purpose::Signal)
    }
}

/// How long a statement of it may run, and wait for a lock; `None` is forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest a statement may run.
    pub statement: Option<Duration>,
    /// The longest it may wait for a lock.
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
const MAY_QUIET: &str = include_str!("../../queries/session/may_quiet.sql");
const MAY_QUIET_15: &str = include_str!("../../queries/session/may_quiet.pg15.sql");

/// What the first message asks, as one JSON object: see [`Greeting`].
fn question(server: Server) -> String {
    let may_quiet = if server.version.major() >= 15 { MAY_QUIET_15 } else { MAY_QUIET };
    let records = note::RECORDS;
    format!(
        "SELECT pg_catalog.row_to_json(told) FROM (SELECT * FROM (\n{may_quiet}\n) AS quiet, (\n{records}\n) AS records) AS told"
    )
}

/// What the server answers to the first message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    may_quiet: bool,
    note: Option<String>,
    now: f64,
}

/// A session that is proved to be ours alone, outside any transaction.
pub struct Writer {
    link: Link,
    purpose: Purpose,
    role: Option<String>,
    overdue: Option<String>,
}

impl Writer {
    /// Connects for this purpose. `ask` prompts for a password.
    ///
    /// Errors: no connection (69), a pooler stands between (64).
    pub async fn for_(
        purpose: Purpose,
        target: &Target,
        limits: Limits,
        echo: Echo,
        running: &Running,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Writer> {
        let opening = Opening {
            settings: Box::new(|server| limits.settings().into_iter().chain(watch_client(server)).collect()),
            question: Box::new(question),
            // Nothing is set for the session before it is known to be ours.
            stays: false,
            patience: open::first_patience(limits.statement),
        };
        let opened =
            open::open(target, &opening, &echo, running, ask).await?.unpooled(purpose.pooler_hint())?;
        let (link, answer) = Link::new(opened, open::patience(limits.statement), echo);
        let text = answer.into_iter().next().flatten().unwrap_or_default();
        let told: Greeting = serde_json::from_str(&text).map_err(|e| {
            Error::new(Exit::Unavailable, "the server's answer to the first statement cannot be understood")
                .caused_by(e)
                .hint("is it PostgreSQL, and is there a proxy before it?")
        })?;
        let overdue = told.note.and_then(|text| note::overdue(&text, told.now));
        let mut writer = Writer { link, purpose, role: None, overdue };
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
            // Row security would hide rows in silence; now it is an error.
            set.push("row_security = off".to_owned());
        }
        if self.link.connected.sql_ascii {
            set.push("client_encoding = 'SQL_ASCII'".to_owned());
        }
        set.extend(watch_client(self.link.server()));
        if self.version().major() >= 14 {
            set.push("idle_session_timeout = 0".to_owned());
        }
        // The path first, then the role, because another role may not be allowed to set the rest.
        let mut all = vec![format!("SET {PATH}")];
        if self.link.connected.has_other_role {
            all.push(drop_role(false));
        }
        all.extend(house(self.version()).chain(set).map(|one| format!("SET {one}")));
        if !self.purpose.only_reads() {
            all.push(WITH_TRIGGERS.trim_end().to_owned());
        }
        all.join("; ")
    }

    /// The schema in which the role's new tables go where no schema is named: the first one of the search path that the
    /// session began with. `None`: that path has no schema.
    pub async fn creation_schema(&self) -> Result<Option<String>> {
        let path = self.link.path().await?;
        Ok(path
            .into_iter()
            .find(|found| found.named && !found.schema.starts_with("pg_"))
            .map(|found| found.schema))
    }

    /// Runs one or more statements whose rows nobody wants. Several are one transaction.
    pub async fn run(&self, sql: &str) -> Result<()> {
        self.link.simple(sql).await
    }

    /// Runs a query of pgkit's own: every row as a struct, by column name.
    pub async fn structs<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        self.link.structs(sql, params).await
    }

    /// Runs one statement with parameters whose rows nobody wants.
    pub async fn affect(&self, sql: &str, params: &[Value]) -> Result<()> {
        self.link.first_column(sql, params, |_| Ok(())).await.map(drop)
    }

    /// The one row of a query of pgkit's own.
    pub async fn one<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<T> {
        let rows = self.structs(sql, params).await?;
        rows.into_iter().next().ok_or_else(|| Error::bug("a query without a row").caused_by(sql))
    }

    /// The rows of a statement that makes JSON of them itself, for it changes something: such a one cannot be wrapped.
    pub async fn changed<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        self.link
            .first_column(sql, params, |raw| {
                serde_json::from_slice(raw.unwrap_or_default()).map_err(|e| {
                    Error::bug("a row of pgkit's own statement is not what was expected").caused_by(e)
                })
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

    /// The backend's process.
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

    /// The role that the session goes by, where it is another than the one that connected.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Is the server in recovery, so that nothing can be written but what is outside its data?
    pub fn is_standby(&self) -> bool {
        self.link.connected.standby
    }

    /// Does the server notice by itself when its client is gone?
    pub fn watches_client(&self) -> bool {
        self.link.connected.watches_client
    }

    /// What whoever connects should know of the server's log settings: that they should have ended.
    pub fn overdue(&self) -> Option<&str> {
        self.overdue.as_deref()
    }

    /// Is it known by now that the connection is lost?
    pub fn is_lost(&self) -> bool {
        self.link.connected.client.is_closed()
    }

    /// What was connected to, with the password that was typed.
    pub fn target(&self) -> &Target {
        &self.link.connected.target
    }

    /// Ends the session.
    pub async fn close(self) {
        self.link.close().await;
    }
}

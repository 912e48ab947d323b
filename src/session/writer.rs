//! A session that changes something, or whose own settings must hold: always a direct connection.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Echo, Link, Opening, Running, Server, Value, house, open, timeout};
use crate::connect::{ServerVersion, Target, own_role};
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
}

impl Purpose {
    /// Do its own statements stay out of the server's log, where its role may do that?
    const fn is_quiet(self) -> bool {
        matches!(self, Purpose::Log | Purpose::Tail)
    }

    /// Does it write nothing?
    const fn only_reads(self) -> bool {
        matches!(self, Purpose::Tail | Purpose::Signal)
    }
}

/// How long a statement of it may run, and wait for a lock; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest a statement may run.
    pub statement: Option<Duration>,
    /// The longest it may wait for a lock.
    pub lock: Option<Duration>,
}

/// Triggers and constraints count, whatever was set for the database or the role. Errors: the role may not say so.
const WITH_TRIGGERS: &str = "SELECT pg_catalog.set_config('session_replication_role', 'origin', false) \
     WHERE pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.<>) 'origin'";

/// The role that a session goes by, where it is another than the one that connected.
const OTHER_ROLE: &str =
    "CASE WHEN CURRENT_USER OPERATOR(pg_catalog.<>) SESSION_USER THEN CURRENT_USER::pg_catalog.text END";

/// What the session is asked first.
fn greeting(server: Server) -> String {
    let may_set = if server.version.major() >= 15 {
        " OR (pg_catalog.has_parameter_privilege(CURRENT_USER, 'log_statement', 'SET') \
         AND pg_catalog.has_parameter_privilege(CURRENT_USER, 'log_min_duration_statement', 'SET') \
         AND pg_catalog.has_parameter_privilege(CURRENT_USER, 'log_duration', 'SET'))"
    } else {
        ""
    };
    format!(
        "SELECT pg_catalog.pg_backend_pid() AS pid, \
         {OTHER_ROLE} AS role, \
         pg_catalog.pg_is_in_recovery() AS standby, \
         (pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on'{may_set}) AS may_quiet, loaded.* \
         FROM (\n{}\n) AS loaded",
        note::RECORDS
    )
}

/// What a session is told when it begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    pid: i32,
    role: Option<String>,
    standby: bool,
    may_quiet: bool,
    note: Option<String>,
    now: f64,
}

/// A session that is proved to be ours alone, outside any transaction.
pub struct Writer {
    link: Link,
    purpose: Purpose,
    role: Option<String>,
    standby: bool,
    watches_client: bool,
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
            settings: &|_| {
                let (statement, lock) = (timeout(limits.statement), timeout(limits.lock));
                vec![format!("statement_timeout = '{statement}'"), format!("lock_timeout = '{lock}'")]
            },
            question: &|server| {
                format!("SELECT pg_catalog.row_to_json(told) FROM (\n{}\n) AS told", greeting(server))
            },
            // What a session of ours sets must outlive a transaction; and first it must be proved ours.
            stays: false,
            patience: open::first_patience(limits.statement),
        };
        let patience = open::patience(limits.statement);
        let (link, answer) = Link::open(target, &opening, patience, echo, running, ask).await?;
        let text = answer.into_iter().next().flatten().unwrap_or_default();
        let told: Greeting = serde_json::from_str(&text).map_err(|e| {
            let why = "the server's answer to the first statement is not what was asked for";
            Error::new(Exit::Unavailable, why).caused_by(e)
        })?;
        let mut writer = Writer {
            link,
            purpose,
            role: told.role,
            standby: told.standby,
            watches_client: false,
            overdue: None,
        };
        if told.pid != writer.link.connected.backend_pid {
            return Err(Error::usage("there is a connection pooler between pgkit and the server")
                .hint("this needs a session of its own: connect to the server itself, not through PgBouncer or the like"));
        }
        writer.overdue = told.note.and_then(|text| note::overdue(&text, told.now));
        let is_quiet = purpose.is_quiet() && told.may_quiet;
        writer.watches_client = writer.link.connected.watches_client;
        if let Err(e) = writer.run(&writer.settings(limits, is_quiet)).await {
            // 22023: this server's platform cannot watch its client.
            if e.sqlstate.as_deref() != Some("22023") || !writer.watches_client {
                return Err(e);
            }
            writer.watches_client = false;
            writer.run(&writer.settings(limits, is_quiet)).await?;
        }
        if writer.role.is_some() {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Now {
                role: Option<String>,
            }
            // It may have been the database's wish, which is not gone by.
            writer.role = writer.one::<Now>(&format!("SELECT {OTHER_ROLE} AS role"), &[]).await?.role;
        }
        Ok(writer)
    }

    fn settings(&self, limits: Limits, is_quiet: bool) -> String {
        let mut set: Vec<String> = house(self.version()).collect();
        if is_quiet {
            let quiet = ["log_statement = 'none'", "log_min_duration_statement = -1", "log_duration = off"];
            set.extend(quiet.map(str::to_owned));
        }
        set.extend([
            format!("statement_timeout = '{}'", timeout(limits.statement)),
            format!("lock_timeout = '{}'", timeout(limits.lock)),
            format!(
                "default_transaction_read_only = {}",
                if self.purpose.only_reads() { "on" } else { "off" }
            ),
        ]);
        if self.purpose == Purpose::Jobs {
            // Rows that row security would hide are missed in silence; so it is an error.
            set.push("row_security = off".to_owned());
        }
        if self.link.connected.sql_ascii {
            set.push("client_encoding = 'SQL_ASCII'".to_owned());
        }
        if self.watches_client {
            set.push("client_connection_check_interval = '500ms'".to_owned());
        }
        if self.version().major() >= 14 {
            set.push("idle_session_timeout = 0".to_owned());
        }
        let mut all: Vec<String> = set.into_iter().map(|one| format!("SET {one}")).collect();
        if self.link.connected.has_other_role {
            // Behind the path alone: what follows is set as the role that connected.
            all.insert(1, own_role(false));
        }
        if !self.purpose.only_reads() {
            all.push(WITH_TRIGGERS.to_owned());
        }
        all.join("; ")
    }

    /// The schema in which the role makes what it makes without naming one: the first of the search path that the session
    /// began with. `None`: there is none.
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
        self.standby
    }

    /// Does the server notice by itself when its client is gone?
    pub fn watches_client(&self) -> bool {
        self.watches_client
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

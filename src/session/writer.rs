//! A session that changes something, or whose own settings must hold: always a direct connection.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Echo, Link, Running, Value, timeout};
use crate::connect::{ServerVersion, Target};
use crate::error::{Error, Result};
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

/// What a session is told when it begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    pid: i32,
    standby: bool,
    may_quiet: bool,
    note: Option<String>,
    now: f64,
}

/// A session that is proved to be ours alone, outside any transaction.
pub struct Writer {
    link: Link,
    purpose: Purpose,
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
        let link = Link::open(target, echo, running, ask).await?;
        let mut writer = Writer { link, purpose, standby: false, watches_client: false, overdue: None };
        let may_set = if writer.version().major() >= 15 {
            " OR (pg_catalog.has_parameter_privilege(current_user, 'log_statement', 'SET') \
             AND pg_catalog.has_parameter_privilege(current_user, 'log_min_duration_statement', 'SET') \
             AND pg_catalog.has_parameter_privilege(current_user, 'log_duration', 'SET'))"
        } else {
            ""
        };
        let greeting: Greeting = writer
            .one(
                &format!(
                    "SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.pg_is_in_recovery() AS standby, \
                     (pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on'{may_set}) AS may_quiet, loaded.* \
                     FROM ({}) AS loaded",
                    note::RECORDS
                ),
                &[],
            )
            .await?;
        if greeting.pid != writer.link.connected.backend_pid {
            return Err(Error::usage("there is a connection pooler between pgkit and the server")
                .hint("this needs a session of its own: connect to the server itself, not through PgBouncer or the like"));
        }
        writer.standby = greeting.standby;
        writer.overdue = greeting.note.and_then(|text| note::overdue(&text, greeting.now));
        if purpose.is_quiet() && greeting.may_quiet {
            writer
                .run(
                    "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_duration = off",
                )
                .await?;
        }
        writer.watches_client = writer.version().major() >= 14;
        if let Err(e) = writer.run(&writer.settings(limits)).await {
            // 22023: this server's platform cannot watch its client.
            if e.sqlstate.as_deref() != Some("22023") || !writer.watches_client {
                return Err(e);
            }
            writer.watches_client = false;
            writer.run(&writer.settings(limits)).await?;
        }
        Ok(writer)
    }

    fn settings(&self, limits: Limits) -> String {
        let mut set = vec![
            format!("statement_timeout = '{}'", timeout(limits.statement)),
            format!("lock_timeout = '{}'", timeout(limits.lock)),
            "standard_conforming_strings = on".to_owned(),
            "default_transaction_isolation = 'read committed'".to_owned(),
            format!(
                "default_transaction_read_only = {}",
                if self.purpose.only_reads() { "on" } else { "off" }
            ),
        ];
        if self.purpose != Purpose::Jobs {
            set.push("search_path = pg_catalog".to_owned());
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
        let set: Vec<String> = set.into_iter().map(|one| format!("SET {one}")).collect();
        set.join("; ")
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

//! The first message of every session. It sets the search path, and everything else that the owner of a database or
//! of a role can set and that would change what pgkit's statements mean.
//!
//! The server looks up types, functions, operators and casts on the search path, and a database's owner sets that path
//! (`ALTER DATABASE … SET search_path`). Whatever stands before `pg_catalog` there would run as the role that connects.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::version::ServerVersion;
use crate::sql;

/// A comment in front of every statement that pgkit sends. It identifies pgkit's statements in the server's log and
/// in pg_stat_activity, and lets `log tail` leave them out.
pub const MARK: &str = "/* pgkit */ ";

/// The search path of pgkit's own statements. `pg_temp` is named last because the server searches it first where it
/// is not named, for types too: it may hold what a job, or another client of the same pooler, has left there.
pub const PATH: &str = "search_path = pg_catalog, pg_temp";

/// Further settings: name, value, and the first and the last major version that has it. Settings that only a
/// superuser can change, such as `lc_messages`, are left as they are: nobody else can have set them.
const HOUSE: &[(&str, &str, u32, u32)] = &[
    // Values that are compared or displayed as text look the same in every session.
    ("DateStyle", "'ISO, MDY'", 10, MAX),
    ("IntervalStyle", "postgres", 10, MAX),
    ("TimeZone", "'UTC'", 10, MAX),
    ("extra_float_digits", "3", 10, MAX),
    ("bytea_output", "hex", 10, MAX),
    ("standard_conforming_strings", "on", 10, MAX),
    ("escape_string_warning", "on", 10, MAX),
    ("array_nulls", "on", 10, MAX),
    ("transform_null_equals", "off", 10, MAX),
    ("quote_all_identifiers", "off", 10, MAX),
    ("xmlbinary", "base64", 10, MAX),
    ("xmloption", "content", 10, MAX),
    ("default_with_oids", "off", 10, 11),
    ("row_security", "on", 10, MAX),
    ("check_function_bodies", "on", 10, MAX),
    ("default_transaction_isolation", "'read committed'", 10, MAX),
    ("default_transaction_deferrable", "off", 10, MAX),
    // JIT compilation would take longer than the statements themselves.
    ("jit", "off", 11, MAX),
    // A parallel worker does not know the search path that the session began with.
    ("force_parallel_mode", "off", 10, 15),
    ("debug_parallel_query", "off", 16, MAX),
    ("default_tablespace", "''", 10, MAX),
    ("default_table_access_method", "heap", 12, MAX),
];
const MAX: u32 = u32::MAX;

const WHO: &str = include_str!("../../queries/session/who.sql");
const DROP_ROLE: &str = include_str!("../../queries/session/drop_role.sql");

/// The settings of pgkit's own statements on a server of this version, each as `name = value`, the path first.
pub fn house(version: ServerVersion) -> impl Iterator<Item = String> {
    let major = version.major();
    let rest = HOUSE.iter().filter(move |(_, _, from, to)| (*from..=*to).contains(&major));
    std::iter::once(PATH.to_owned()).chain(rest.map(|(name, value, ..)| format!("{name} = {value}")))
}

/// The statement that returns to the role that connected if the database or the role has a `role` setting: for one
/// transaction, or for the whole session.
pub fn drop_role(for_transaction: bool) -> String {
    sql::fill(DROP_ROLE.trim_end(), &[for_transaction.to_string()])
}

/// What the first message depends on.
#[derive(Debug, Clone, Copy)]
pub struct Server {
    /// Its version.
    pub version: ServerVersion,
    /// Does the database hold bytes of no known encoding?
    pub sql_ascii: bool,
    /// Does it notice that a client was killed (`client_connection_check_interval`)? Not every platform supports
    /// that.
    pub watches_client: bool,
}

/// The first message: a read-only transaction, its settings, and a query.
pub struct Opening<'a> {
    /// Settings beside those of [`house`], each as `name = value`.
    pub settings: Box<dyn Fn(Server) -> Vec<String> + 'a>,
    /// The query to run; it must return one row.
    pub question: Box<dyn Fn(Server) -> String + 'a>,
    /// Does the transaction stay open? If not, the message ends with COMMIT and none of its settings outlives it.
    pub stays: bool,
    /// How long the server may take to answer.
    pub patience: Duration,
}

impl Opening<'_> {
    /// The statements that open the transaction, with its settings.
    pub fn prelude(&self, server: Server) -> Vec<String> {
        // The isolation level is given explicitly: a default of SERIALIZABLE, set for a role, is refused on a
        // standby.
        let begin = "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY".to_owned();
        let own = (self.settings)(server);
        let settings = house(server.version).chain(own).map(|set| format!("SET LOCAL {set}"));
        std::iter::once(begin).chain(settings).collect()
    }

    fn message(&self, server: Server) -> String {
        let mut all = self.prelude(server);
        all.push(WHO.trim_end().to_owned());
        all.push((self.question)(server).trim_end().to_owned());
        if !self.stays {
            all.push("COMMIT".to_owned());
        }
        all.join("; ")
    }
}

/// A row of text; `None` is NULL.
type Row = Vec<Option<String>>;

/// The answer to the first message.
pub(super) struct Greeted {
    /// What was sent.
    pub(super) message: String,
    pub(super) server: Server,
    /// The answer to [`Opening::question`], or the server's refusal of the whole message.
    pub(super) answer: Result<Row, tokio_postgres::Error>,
    pub(super) who: Who,
}

/// The answer to `who.sql`; the default, all false, if the server refused the message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Who {
    /// The backend's process id, as the session itself sees it.
    pub(super) pid: Option<i32>,
    /// Did the session begin as another role than the one that connected?
    pub(super) has_other_role: bool,
    /// Is the server in recovery?
    pub(super) standby: bool,
    /// Are its transactions read-only by default?
    pub(super) read_only: bool,
}

impl Who {
    fn new(row: &Row) -> Who {
        let value = |i: usize| row.get(i).and_then(Option::as_deref);
        let is = |i: usize| value(i) == Some("t");
        let pid = value(0).and_then(|pid| pid.parse().ok());
        Who { pid, has_other_role: is(1), standby: is(2), read_only: is(3) }
    }
}

/// Sends the first message.
///
/// Errors: the connection is lost, or the server does not answer in time.
pub(super) async fn greet(
    client: &Client,
    mut server: Server,
    opening: &Opening<'_>,
) -> Result<Greeted, GreetError> {
    let asked = async {
        loop {
            let message = opening.message(server);
            let error = match client.simple_query(&format!("{MARK}{message}")).await {
                Ok(messages) => {
                    let mut rows = messages.into_iter().filter_map(|message| match message {
                        SimpleQueryMessage::Row(row) => {
                            Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
                        }
                        _ => None,
                    });
                    let who = Who::new(&rows.next().unwrap_or_default());
                    let answer = rows.next().unwrap_or_default();
                    if who.has_other_role && opening.stays {
                        let drop_role = format!("{MARK}{}", drop_role(true));
                        client.batch_execute(&drop_role).await.map_err(GreetError::Lost)?;
                    }
                    return Ok(Greeted { message, server, answer: Ok(answer), who });
                }
                Err(error) => error,
            };
            let Some(refusal) = error.as_db_error() else { return Err(GreetError::Lost(error)) };
            // 22023 (invalid_parameter_value): this server's platform cannot watch its client. All other settings are
            // valid everywhere.
            if !server.watches_client || refusal.code().code() != "22023" {
                return Ok(Greeted { message, server, answer: Err(error), who: Who::default() });
            }
            server.watches_client = false;
            client.batch_execute("ROLLBACK").await.map_err(GreetError::Lost)?;
        }
    };
    tokio::time::timeout(opening.patience, asked).await.unwrap_or(Err(GreetError::Silent))
}

/// Why the first message has no answer: the connection was lost, or the time limit has passed.
pub(super) enum GreetError {
    Lost(tokio_postgres::Error),
    Silent,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(version: &str) -> Server {
        Server { version: ServerVersion::parse(version).unwrap(), sql_ascii: false, watches_client: true }
    }

    #[test]
    fn the_path_is_set_before_any_name_that_could_be_looked_up() {
        let opening = Opening {
            settings: Box::new(|_| vec!["work_mem = '32MB'".to_owned()]),
            question: Box::new(|_| "SELECT 1".to_owned()),
            stays: false,
            patience: Duration::from_secs(1),
        };
        for version in ["10.23", "15.18", "18.1"] {
            let message = opening.message(on(version));
            let begin = "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; ";
            assert!(message.starts_with(begin), "{message}");
            assert!(message.ends_with("; SELECT 1; COMMIT"), "{message}");
            // The server parses the whole message before standard_conforming_strings is set, so no literal in it may
            // contain a backslash.
            assert!(!message.contains('\\'), "{message}");
        }
        assert!(!opening.message(on("10.23")).contains("default_table_access_method"));
        assert!(!opening.message(on("12.0")).contains("default_with_oids"));
    }

    #[test]
    fn a_role_is_dropped_for_a_transaction_or_for_the_session() {
        assert!(drop_role(true).contains("set_config('role', 'none', (true))"), "{}", drop_role(true));
        assert!(drop_role(false).contains("(false)"));
    }
}

//! What every session says first, before any other word of pgkit's: the search path, and whatever else the owner of a
//! database or of a role can set that would change what a statement of pgkit's means.
//!
//! Names of types, functions, operators and casts are looked up on the search path, and a database's owner sets it
//! (`ALTER DATABASE … SET search_path`). Whatever stands before `pg_catalog` there runs as the one who connects.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::version::ServerVersion;

/// Stands before every statement that pgkit sends, so that a server's log and its list of sessions tell which are
/// pgkit's, and `log tail` leaves them out.
pub const MARK: &str = "/* pgkit */ ";

/// The search path of pgkit's own statements. `pg_temp` is named last, for where it is not named it comes first, with
/// types as well: what another client of the same pooler, or a job, has left there would be found.
pub const PATH: &str = "search_path = pg_catalog, pg_temp";

/// What the rest of a session's meaning hangs on: names and values, from the first major to the last that has them. What
/// only a superuser may set, such as `lc_messages`, is not here: nobody else can have set it.
const HOUSE: &[(&str, &str, u32, u32)] = &[
    // A number that is compared as text, a date in a message: the same in every session.
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
    // Compiling costs more than any statement of pgkit's runs.
    ("jit", "off", 11, MAX),
    // A worker knows less than the session: where the path that it began with is asked for, it has another.
    ("force_parallel_mode", "off", 10, 15),
    ("debug_parallel_query", "off", 16, MAX),
    ("default_tablespace", "''", 10, MAX),
    ("default_table_access_method", "heap", 12, MAX),
];
const MAX: u32 = u32::MAX;

/// The settings of pgkit's own statements on a server of this major, each as `name = value`, the path first.
pub fn house(version: ServerVersion) -> impl Iterator<Item = String> {
    let major = version.major();
    let rest = HOUSE.iter().filter(move |(_, _, from, to)| (*from..=*to).contains(&major));
    std::iter::once(PATH.to_owned()).chain(rest.map(|(name, value, ..)| format!("{name} = {value}")))
}

/// Ends the role that the database's owner has set for the session (`ALTER DATABASE … SET role`): what would be asked and
/// done as another role than the one that connected. What was set for the role itself, or by the client, is the user's own.
/// `pg_settings` does not show where this one comes from.
const OWN_ROLE: &str = "SELECT pg_catalog.set_config('role', 'none', $LOCAL) \
     FROM (SELECT s.setrole, c.item \
     FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item) \
     WHERE CURRENT_USER OPERATOR(pg_catalog.<>) SESSION_USER \
     AND pg_catalog.left(c.item, 5) OPERATOR(pg_catalog.=) 'role=' \
     AND (s.setdatabase OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d \
     WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) \
     OR s.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid) \
     AND (s.setrole OPERATOR(pg_catalog.=) (SELECT r.oid FROM pg_catalog.pg_roles r \
     WHERE r.rolname OPERATOR(pg_catalog.=) SESSION_USER) \
     OR (s.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid \
     AND s.setdatabase OPERATOR(pg_catalog.<>) 0::pg_catalog.oid))) AS said \
     HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 \
     AND pg_catalog.bool_and(said.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid \
     AND said.item OPERATOR(pg_catalog.=) ('role=' OPERATOR(pg_catalog.||) CURRENT_USER::pg_catalog.text))";

/// Does the session go by another role than the one that connected? Only then it is worth to ask whose wish that is.
const IS_OTHER_ROLE: &str = "SELECT CURRENT_USER OPERATOR(pg_catalog.<>) SESSION_USER";

/// [`OWN_ROLE`] for this transaction, or for the session.
pub fn own_role(for_transaction: bool) -> String {
    OWN_ROLE.replace("$LOCAL", if for_transaction { "true" } else { "false" })
}

/// The server that is spoken to, as far as it matters to what is said first.
#[derive(Debug, Clone, Copy)]
pub struct Server {
    /// Its version.
    pub version: ServerVersion,
    /// Does the database hold bytes of no known encoding?
    pub sql_ascii: bool,
    /// Does it notice by itself that a client was killed? Not every platform has that.
    pub watches_client: bool,
}

/// What a session says first, in one message: a read-only transaction, its settings, and a question.
pub struct Opening<'a> {
    /// What is set beside [`house`], each as `name = value`.
    pub settings: &'a dyn Fn(Server) -> Vec<String>,
    /// A query of one row, whose values come with the session.
    pub question: &'a dyn Fn(Server) -> String,
    /// Is the transaction left open? Else nothing of all this outlives it.
    pub stays: bool,
    /// How long the answer may take.
    pub patience: Duration,
}

impl Opening<'_> {
    /// The statements that open the transaction, with its settings.
    pub fn prelude(&self, server: Server) -> Vec<String> {
        // Said in full: a role's default of SERIALIZABLE is refused on a standby.
        let begin = "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY".to_owned();
        let own = (self.settings)(server);
        let settings = house(server.version).chain(own).map(|set| format!("SET LOCAL {set}"));
        std::iter::once(begin).chain(settings).collect()
    }

    /// The whole of it, as one message.
    fn message(&self, server: Server, first: Option<&str>) -> String {
        let mut all = self.prelude(server);
        all.push(IS_OTHER_ROLE.to_owned());
        all.extend(first.map(str::to_owned));
        all.push((self.question)(server).trim_end().to_owned());
        if !self.stays {
            all.push("COMMIT".to_owned());
        }
        all.join("; ")
    }
}

/// What a session was told at its beginning.
pub(super) struct Greeted {
    /// What was sent.
    pub(super) message: String,
    /// The answer to [`Opening::question`], or the server's refusal.
    pub(super) answer: Result<Vec<Option<String>>, tokio_postgres::Error>,
    /// The answer to what was to be asked first.
    pub(super) first: Vec<Option<String>>,
    pub(super) server: Server,
    /// Did the session begin as another role than the one that connected?
    pub(super) has_other_role: bool,
}

/// Says what is said first. `first` is a query of one row that connecting itself has.
///
/// Errors: the connection is lost, or the server stays silent for too long.
pub(super) async fn greet(
    client: &Client,
    mut server: Server,
    opening: &Opening<'_>,
    first: Option<&str>,
) -> Result<Greeted, GreetError> {
    let asked = async {
        loop {
            let message = opening.message(server, first);
            let error = match client.simple_query(&format!("{MARK}{message}")).await {
                Ok(messages) => {
                    let mut rows = messages.into_iter().filter_map(|message| match message {
                        SimpleQueryMessage::Row(row) => {
                            Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
                        }
                        _ => None,
                    });
                    let is_other: Vec<Option<String>> = rows.next().unwrap_or_default();
                    let first = first.and_then(|_| rows.next()).unwrap_or_default();
                    let answer = rows.next().unwrap_or_default();
                    let has_other_role = is_other.first().and_then(Option::as_deref) == Some("t");
                    if has_other_role && opening.stays {
                        let own = format!("{MARK}{}", own_role(true));
                        client.batch_execute(&own).await.map_err(GreetError::Lost)?;
                    }
                    return Ok(Greeted { message, answer: Ok(answer), first, server, has_other_role });
                }
                Err(error) => error,
            };
            let Some(refusal) = error.as_db_error() else { return Err(GreetError::Lost(error)) };
            // 22023: this server's platform cannot watch its client; every other setting is valid everywhere.
            let unwatched = server.watches_client && refusal.code().code() == "22023";
            if !unwatched {
                let (answer, first) = (Err(error), Vec::new());
                return Ok(Greeted { message, answer, first, server, has_other_role: false });
            }
            server.watches_client = false;
            client.batch_execute("ROLLBACK").await.map_err(GreetError::Lost)?;
        }
    };
    tokio::time::timeout(opening.patience, asked).await.unwrap_or(Err(GreetError::Silent))
}

/// Why nothing was answered.
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
    fn the_path_stands_before_any_name_that_could_be_looked_up() {
        let opening = Opening {
            settings: &|_| vec!["work_mem = '32MB'".to_owned()],
            question: &|_| "SELECT 1".to_owned(),
            stays: false,
            patience: Duration::from_secs(1),
        };
        for version in ["10.23", "15.18", "18.1"] {
            let message = opening.message(on(version), Some("SELECT 2"));
            let begin = "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; ";
            assert!(message.starts_with(begin), "{message}");
            let end = format!("; {IS_OTHER_ROLE}; SELECT 2; SELECT 1; COMMIT");
            assert!(message.ends_with(&end), "{message}");
            // How the server reads a backslash is set in this very message, and so is not yet known while it is read.
            assert!(!message.contains('\\'), "{message}");
        }
        assert!(!opening.message(on("10.23"), None).contains("default_table_access_method"));
        assert!(!opening.message(on("12.0"), None).contains("default_with_oids"));
    }
}

//! The settings of a session that only reads.

use std::time::Duration;

use super::open;
use crate::connect::{Opening, Server, ServerVersion};
use crate::note;
use crate::sql;

/// The settings of a read-only transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `statement_timeout`; `None` is no limit.
    pub statement_timeout: Option<Duration>,
    /// `lock_timeout`; `None` is no limit.
    pub lock_timeout: Option<Duration>,
    /// The role whose privileges the transaction has (`SET ROLE`); `None` is the role that connects.
    pub role: Option<String>,
    /// Is `client_connection_check_interval` set, so that the server notices a client that was killed? Not every
    /// platform supports that.
    pub watch_client: bool,
}

pub(super) fn timeout(limit: Option<Duration>) -> String {
    // 0 disables a timeout, so a limit below a millisecond becomes one millisecond.
    limit.map_or_else(|| "0".to_owned(), |d| format!("{}ms", d.as_millis().max(1)))
}

/// Makes the server notice that its client was killed.
pub(super) const WATCH_CLIENT: &str = "client_connection_check_interval = '500ms'";

/// [`WATCH_CLIENT`], or `None` if the server does not support it.
pub(super) fn watch_client(server: Server) -> Option<String> {
    server.watches_client.then(|| WATCH_CLIENT.to_owned())
}

impl Settings {
    /// Returns the statement that takes on the role, if there is one. It comes last, because the settings before it are
    /// those of the role that connects.
    pub(super) fn role_statement(&self) -> Option<String> {
        self.role.as_deref().map(|role| format!("SET LOCAL ROLE {}", sql::quote_ident(role)))
    }

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

    pub(super) fn opening(&self) -> Opening<'_> {
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
        self.opening().prelude(server).into_iter().chain(self.role_statement()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_only_reads_and_has_its_limits() {
        let settings = Settings {
            statement_timeout: Some(Duration::from_secs(60)),
            lock_timeout: None,
            role: Some("a \"b\"".to_owned()),
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
        assert_eq!(fifteen.last().map(String::as_str), Some("SET LOCAL ROLE \"a \"\"b\"\"\""));
        assert!(fifteen[1..].iter().all(|statement| statement.starts_with("SET LOCAL ")));
        assert!(
            !on("10.23").join(";").contains("jit") && !on("13.1").join(";").contains("client_connection")
        );
    }
}

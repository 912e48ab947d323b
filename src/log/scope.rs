//! Where a setting can be made: for the whole server, a database or a role.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sql::{quote_ident, quote_literal};

/// Where a setting can be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In postgresql.auto.conf, with `ALTER SYSTEM`. It affects existing sessions too.
    Global,
    /// For a database, with `ALTER DATABASE`. It affects sessions that begin from then on.
    Database(String),
    /// For a role, with `ALTER ROLE`. It affects sessions that begin from then on.
    Role(String),
}

impl Scope {
    fn alter(&self) -> String {
        match self {
            Scope::Global => "ALTER SYSTEM".to_owned(),
            Scope::Database(name) => format!("ALTER DATABASE {}", quote_ident(name)),
            Scope::Role(name) => format!("ALTER ROLE {}", quote_ident(name)),
        }
    }

    /// Returns the statement that sets this value; `None` removes the setting. `setting` must be one that pgkit
    /// knows.
    pub fn statement(&self, setting: &str, value: Option<&str>) -> String {
        match value {
            Some(value) => format!("{} SET {setting} = {}", self.alter(), quote_literal(value)),
            None => format!("{} RESET {setting}", self.alter()),
        }
    }

    /// Returns where the setting is kept, for messages.
    pub fn place(&self) -> String {
        match self {
            Scope::Global => "postgresql.auto.conf".to_owned(),
            Scope::Database(name) => format!("database {name:?}"),
            Scope::Role(name) => format!("role {name:?}"),
        }
    }

    /// Returns whether a session of this role in this database begins with the settings of this place.
    pub fn holds(&self, database: Option<&str>, role: Option<&str>) -> bool {
        match self {
            Scope::Global => true,
            Scope::Database(name) => database == Some(name),
            Scope::Role(name) => role == Some(name),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Global => f.write_str("the whole server"),
            other => f.write_str(&other.place()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_quoted() {
        let scope = Scope::Database("a\"b; DROP".into());
        assert_eq!(
            scope.statement("log_statement", Some("a'b\\")),
            "ALTER DATABASE \"a\"\"b; DROP\" SET log_statement = E'a''b\\\\'"
        );
        assert_eq!(Scope::Global.statement("pgkit.log", None), "ALTER SYSTEM RESET pgkit.log");
        assert!(Scope::Role("r".into()).holds(Some("d"), Some("r")) && !scope.holds(Some("d"), Some("r")));
    }
}

//! Which databases of a server are asked, for commands that ask all of them.

use serde::Deserialize;

use crate::connect::Environment;
use crate::error::{Error, Result};
use crate::pattern;
use crate::session::{Reader, Value};

const DATABASES: &str = include_str!("../../queries/session/databases.sql");
/// The SQLSTATEs with which a server refuses connections to one database: rejected by pg_hba.conf, no CONNECT
/// privilege, not accepting connections, dropped.
const CLOSED: &[&str] = &["28000", "42501", "55000", "3D000"];

/// A database of the server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Whether it accepts connections and the role may connect to it.
    pub is_open: bool,
    /// Whether it accepts connections of anybody.
    pub accepts: bool,
}

/// Checks that the name can be sent to the server as it is. Errors: it is not UTF-8 (65).
pub fn check_name(name: &str) -> Result<()> {
    if name.contains(char::REPLACEMENT_CHARACTER) {
        return Err(Error::data("its name is not UTF-8, so pgkit cannot connect to it")
            .hint("rename it, or leave it out with --exclude-database"));
    }
    Ok(())
}

/// Returns whether an error says that this one database cannot be connected to.
pub fn is_closed(error: &Error) -> bool {
    error.sqlstate.as_deref().is_some_and(|state| CLOSED.contains(&state))
}

/// Patterns for the names of databases.
pub struct Choice<'a> {
    /// Those to leave out, beside what PGKIT_EXCLUDE_DATABASE leaves out.
    pub exclude: &'a [String],
    /// Those to take; all if there is none.
    pub only: &'a [String],
}

/// Returns the chosen databases of the server, by name.
///
/// Errors: an invalid pattern (65).
pub async fn all(reader: &Reader, env: &Environment, choice: &Choice<'_>) -> Result<Vec<Database>> {
    let of_environment = env.nonempty("PGKIT_EXCLUDE_DATABASE").unwrap_or_default();
    let named = of_environment.split(',').map(str::trim).filter(|text| !text.is_empty());
    let exclude = regexes(choice.exclude.iter().map(String::as_str).chain(named))?;
    let only = regexes(choice.only.iter().map(String::as_str))?;
    reader.structs(DATABASES, &[Value::TextList(exclude), Value::TextList(only)]).await
}

/// Returns the names of all databases of the server.
pub async fn names(reader: &Reader) -> Result<Vec<String>> {
    let every: Vec<Database> =
        reader.structs(DATABASES, &[Value::TextList(Vec::new()), Value::TextList(Vec::new())]).await?;
    Ok(every.into_iter().map(|database| database.name).collect())
}

/// Returns regular expressions for the names that these patterns match.
fn regexes<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Vec<Option<String>>> {
    patterns
        .map(|text| {
            let pattern = pattern::parse(text)?;
            if pattern.schema.is_some() {
                return Err(Error::data(format!(
                    "invalid pattern {text:?}: a database's name has only one part"
                ))
                .hint("put a dot that belongs to the name in double quotes"));
            }
            Ok(Some(pattern.name))
        })
        .collect()
}

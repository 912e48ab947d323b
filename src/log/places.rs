//! What is set where (for the server, for databases and roles, in sessions), and whose setting takes precedence.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::scope::Scope;
use crate::error::{Error, Exit, Result};
use crate::note::{KEY, SwitchRecord, Values};
use crate::session::Writer;

const AUTO_CONF: &str = include_str!("../../queries/log/auto_conf.sql");
const DB_ROLE: &str = include_str!("../../queries/log/db_role.sql");
const RESET_VAL: &str = include_str!("../../queries/log/reset_val.sql");
const SESSIONS: &str = include_str!("../../queries/log/sessions.sql");

/// A line of `postgresql.auto.conf`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AutoConf {
    name: Option<String>,
    value: Option<String>,
    error: Option<String>,
}

/// A setting of a database, a role, or a role in a database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtRole {
    /// The database; `None` means every database.
    pub database: Option<String>,
    /// The role; `None` means every role.
    pub role: Option<String>,
    /// The setting.
    pub name: String,
    pub value: String,
}

/// A setting as it is in effect in a session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effective {
    /// The setting.
    pub name: String,
    pub value: String,
    /// The source of the value, as pg_settings names it.
    pub source: String,
    /// The configuration file, if the value comes from one and the role may see that.
    pub file: Option<String>,
    /// The line in that file.
    pub line: Option<i64>,
}

/// A client's session.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub pid: i64,
    pub database: Option<String>,
    pub role: Option<String>,
    /// The application name.
    pub application: Option<String>,
    /// When the session began; `None` if the role may not see that.
    pub since: Option<Timestamp>,
}

/// What was found in all places.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The values of the settings that pgkit switches, by place, without the record.
    pub values: BTreeMap<Scope, Values>,
    /// The records, by place.
    pub notes: BTreeMap<Scope, SwitchRecord>,
    /// The places whose record cannot be read, and why; nothing is put back there.
    pub unreadable: BTreeMap<Scope, Error>,
    /// The settings of roles within one database, or of all roles. pgkit switches nothing there, but these take
    /// precedence.
    pub elsewhere: Vec<AtRole>,
    /// Whether postgresql.auto.conf could be read.
    pub sees_auto_conf: bool,
}

impl Places {
    pub(super) fn of(&self, scope: &Scope) -> Values {
        self.values.get(scope).cloned().unwrap_or_default()
    }

    fn add(&mut self, scope: Scope, name: &str, value: String) {
        if name != KEY {
            self.values.entry(scope).or_default().insert(name.to_owned(), value);
            return;
        }
        match SwitchRecord::parse(&value, &scope.place()) {
            Ok(note) => drop(self.notes.insert(scope, note)),
            // One damaged record must not keep the other places from being put back.
            Err(e) => drop(self.unreadable.insert(scope, e)),
        }
    }

    /// Returns the places of that kind that have the record with this ID, `named` first: a database or role that
    /// has been renamed since keeps its record. An owner can copy a record to another place of theirs, but the
    /// original remains.
    pub fn of_id(&self, id: &str, named: &Scope) -> Vec<Scope> {
        let kind = std::mem::discriminant(named);
        let ours = |scope: &Scope| self.notes.get(scope).is_some_and(|note| note.id == id);
        let mut all: Vec<Scope> = self
            .notes
            .keys()
            .filter(|scope| std::mem::discriminant(*scope) == kind && ours(scope))
            .cloned()
            .collect();
        all.sort_by_key(|scope| scope != named);
        all
    }

    /// Errors: the record in this place cannot be read (65).
    pub(super) fn readable(&self, scope: &Scope) -> Result<()> {
        self.unreadable.get(scope).map_or(Ok(()), |e| Err(e.clone()))
    }

    /// Returns the settings of databases and roles that take precedence over `scope` for some sessions.
    pub fn overrides(&self, scope: &Scope, settings: &Values) -> Vec<AtRole> {
        let at = |scope: &Scope, values: &Values| -> Vec<AtRole> {
            let (database, role) = match scope {
                Scope::Global => (None, None),
                Scope::Database(name) => (Some(name.clone()), None),
                Scope::Role(name) => (None, Some(name.clone())),
            };
            let one = |(name, value): (&String, &String)| AtRole {
                database: database.clone(),
                role: role.clone(),
                name: name.clone(),
                value: value.clone(),
            };
            values.iter().map(one).collect()
        };
        let mut all: Vec<AtRole> = self.elsewhere.clone();
        for (other, values) in &self.values {
            // A role's setting takes precedence over its database's, and both over the server's.
            let beats = match (other, scope) {
                (Scope::Global, _) => false,
                (_, Scope::Global) => true,
                (Scope::Role(_), Scope::Database(_)) => true,
                _ => false,
            };
            if beats {
                all.extend(at(other, values));
            }
        }
        all.retain(|one| {
            let meant = match scope {
                Scope::Global => true,
                Scope::Database(name) => one.database.as_ref().is_none_or(|d| d == name),
                // A setting of all roles is weaker than that of one role.
                Scope::Role(name) => one.role.as_ref() == Some(name),
            };
            meant && settings.get(&one.name).is_some_and(|value| *value != one.value)
        });
        all
    }
}

impl AtRole {
    /// Returns whether the setting applies to this session.
    pub(super) fn holds(&self, client: &Client) -> bool {
        self.database.as_ref().is_none_or(|d| client.database.as_ref() == Some(d))
            && self.role.as_ref().is_none_or(|r| client.role.as_ref() == Some(r))
    }

    /// Returns where the setting is, for messages.
    pub fn place(&self) -> String {
        match (&self.database, &self.role) {
            (Some(database), Some(role)) => format!("role {role:?} in database {database:?}"),
            (Some(database), None) => format!("database {database:?}"),
            (None, Some(role)) => format!("role {role:?}"),
            (None, None) => "all roles".to_owned(),
        }
    }
}

/// Returns the sessions that began while something was on in this place that is off now.
pub fn lingering_of(scope: &Scope, note: &SwitchRecord, clients: &[Client]) -> Vec<Client> {
    clients
        .iter()
        .filter(|c| scope.holds(c.database.as_deref(), c.role.as_deref()))
        .filter(|c| c.since.is_some_and(|began| note.may_linger(began)))
        .cloned()
        .collect()
}

/// Returns everything that is switched on, in all places, as far as this session may see it.
///
/// For a role that may not read postgresql.auto.conf, the server's record is taken from its own session, where it
/// is visible too.
pub async fn read(writer: &Writer) -> Result<Places> {
    let mut places = Places::default();
    match writer.structs::<AutoConf>(AUTO_CONF, &[]).await {
        Ok(lines) => {
            places.sees_auto_conf = true;
            for line in lines {
                match (line.name, line.value) {
                    (Some(name), Some(value)) => places.add(Scope::Global, &name, value),
                    _ => {
                        return Err(Error::data("invalid postgresql.auto.conf: the server ignores it")
                            .caused_by(line.error.unwrap_or_default())
                            .hint("fix the file first; SELECT * FROM pg_file_settings shows the line"));
                    }
                }
            }
        }
        Err(e) if e.exit == Exit::Permission => {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Loaded {
                note: Option<String>,
            }
            let loaded: Loaded = writer
                .one(&format!("SELECT nullif(pg_catalog.current_setting('{KEY}', true), '') AS note"), &[])
                .await?;
            if let Some(text) = loaded.note {
                let note = SwitchRecord::parse(&text, "the server's record")?;
                places.notes.insert(Scope::Global, note);
            }
        }
        Err(e) => return Err(e),
    }
    for one in writer.structs::<AtRole>(DB_ROLE, &[]).await? {
        match (&one.database, &one.role) {
            (Some(database), None) => places.add(Scope::Database(database.clone()), &one.name, one.value),
            (None, Some(role)) => places.add(Scope::Role(role.clone()), &one.name, one.value),
            _ if one.name == KEY => {}
            _ => places.elsewhere.push(one),
        }
    }
    // The session also sees a record of its own database or role, which would then be listed twice.
    if !places.sees_auto_conf {
        let id = places.notes.get(&Scope::Global).map(|note| note.id.clone());
        let twice =
            places.notes.iter().any(|(scope, note)| *scope != Scope::Global && Some(&note.id) == id.as_ref());
        if twice {
            places.notes.remove(&Scope::Global);
        }
    }
    Ok(places)
}

/// Returns the time by the server's clock.
pub async fn now(writer: &Writer) -> Result<Timestamp> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Now {
        now: Timestamp,
    }
    Ok(writer.one::<Now>("SELECT pg_catalog.clock_timestamp() AS now", &[]).await?.now)
}

/// Returns the present name of the role that this session began as.
pub async fn session_user(writer: &Writer) -> Result<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Name {
        name: String,
    }
    Ok(writer.one::<Name>("SELECT session_user::text AS name", &[]).await?.name)
}

/// Returns the settings by which a fresh session of this server now logs statements, no matter who set them.
pub async fn in_force(writer: &Writer) -> Result<Vec<Effective>> {
    // Logging may be off in the writer's own session, so the value that counts is the one that RESET would give.
    let found: Vec<Effective> = writer.structs(RESET_VAL, &[]).await?;
    Ok(found.into_iter().filter(|one| !matches!(one.value.as_str(), "none" | "-1")).collect())
}

/// Returns all client sessions except this one.
pub async fn clients(writer: &Writer) -> Result<Vec<Client>> {
    writer.structs(SESSIONS, &[]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_at_a_role_or_a_database_beats_the_server() {
        let mut places = Places::default();
        places.add(Scope::Role("quiet".into()), "log_statement", "none".into());
        places.add(Scope::Role("same".into()), "log_statement", "all".into());
        places.add(Scope::Database("shop".into()), "log_statement", "ddl".into());
        places.elsewhere.push(AtRole {
            database: Some("shop".into()),
            role: Some("x".into()),
            name: "log_statement".into(),
            value: "none".into(),
        });
        let settings: Values = [("log_statement".to_owned(), "all".to_owned())].into();
        let named = |scope: Scope| -> Vec<String> {
            places.overrides(&scope, &settings).iter().map(AtRole::place).collect()
        };
        assert_eq!(
            named(Scope::Global),
            ["role \"x\" in database \"shop\"", "database \"shop\"", "role \"quiet\""]
        );
        assert_eq!(
            named(Scope::Database("shop".into())),
            ["role \"x\" in database \"shop\"", "role \"quiet\""]
        );
        assert_eq!(named(Scope::Role("x".into())), ["role \"x\" in database \"shop\""]);
        assert!(named(Scope::Role("other".into())).is_empty());
    }
}

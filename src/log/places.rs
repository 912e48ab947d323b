//! What is set where: at the server, at databases and roles, in sessions; and whose setting wins.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::scope::Scope;
use crate::error::{Error, Exit, Result};
use crate::note::{KEY, Note, Values};
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

/// A setting at a database, a role, or both.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtRole {
    /// The database; `None`: in every one.
    pub database: Option<String>,
    /// The role; `None`: every one.
    pub role: Option<String>,
    /// The setting.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A setting as a session has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effective {
    /// The setting.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it comes from, in pg_settings' words.
    pub source: String,
    /// The file, where it comes from one and the role may see that.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<i64>,
}

/// A session of a client.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its process.
    pub pid: i64,
    /// Its database.
    pub database: Option<String>,
    /// Its role.
    pub role: Option<String>,
    /// What it calls itself.
    pub application: Option<String>,
    /// When it began; `None` where the role may not see that.
    pub since: Option<Timestamp>,
}

/// What is found in all places.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// What stands in each place of what pgkit switches, the record left out.
    pub values: BTreeMap<Scope, Values>,
    /// The records.
    pub notes: BTreeMap<Scope, Note>,
    /// Places whose record cannot be read, and why: nothing is put back there.
    pub unreadable: BTreeMap<Scope, Error>,
    /// What stands at roles within one database, or at all roles: pgkit switches nothing there, but it wins.
    pub elsewhere: Vec<AtRole>,
    /// Could postgresql.auto.conf be read?
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
        match Note::parse(&value, &scope.place()) {
            Ok(note) => drop(self.notes.insert(scope, note)),
            // One bad record must not keep the other places from being put back.
            Err(e) => drop(self.unreadable.insert(scope, e)),
        }
    }

    /// The places with the record of this switching on, that of the name which it had first: a database or a role that
    /// was renamed since keeps it. An owner can copy a record into another place of theirs, which takes nothing from the first.
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

    /// What stands at a database or a role and wins against `scope` for some sessions.
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
            // A role's own beats its database's, and both beat the server's.
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
                // What stands at all roles is weaker than what stands at one.
                Scope::Role(name) => one.role.as_ref() == Some(name),
            };
            meant && settings.get(&one.name).is_some_and(|value| *value != one.value)
        });
        all
    }
}

impl AtRole {
    /// Does it decide for this session?
    pub(super) fn holds(&self, client: &Client) -> bool {
        self.database.as_ref().is_none_or(|d| client.database.as_ref() == Some(d))
            && self.role.as_ref().is_none_or(|r| client.role.as_ref() == Some(r))
    }

    /// Where it stands, for messages.
    pub fn place(&self) -> String {
        match (&self.database, &self.role) {
            (Some(database), Some(role)) => format!("role {role:?} in database {database:?}"),
            (Some(database), None) => format!("database {database:?}"),
            (None, Some(role)) => format!("role {role:?}"),
            (None, None) => "all roles".to_owned(),
        }
    }
}

/// The sessions that began while something was on in this place that is off now.
pub fn lingering_of(scope: &Scope, note: &Note, clients: &[Client]) -> Vec<Client> {
    clients
        .iter()
        .filter(|c| scope.holds(c.database.as_deref(), c.role.as_deref()))
        .filter(|c| c.since.is_some_and(|began| note.may_linger(began)))
        .cloned()
        .collect()
}

/// Everything that is on anywhere, as this session may see it.
///
/// A role that may not read postgresql.auto.conf gets the server's record from its own session, where it shows too.
pub async fn read(writer: &Writer) -> Result<Places> {
    let mut places = Places::default();
    match writer.structs::<AutoConf>(AUTO_CONF, &[]).await {
        Ok(lines) => {
            places.sees_auto_conf = true;
            for line in lines {
                match (line.name, line.value) {
                    (Some(name), Some(value)) => places.add(Scope::Global, &name, value),
                    _ => {
                        return Err(Error::data(
                            "postgresql.auto.conf has a fault, so that the server ignores it",
                        )
                        .caused_by(line.error.unwrap_or_default())
                        .hint("mend the file first; SELECT * FROM pg_file_settings shows the line"));
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
                let note = Note::parse(&text, "the server's record")?;
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
    // The same record is seen in one's own session when it stands at one's database or role.
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

/// The server's clock.
pub async fn now(writer: &Writer) -> Result<Timestamp> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Now {
        now: Timestamp,
    }
    Ok(writer.one::<Now>("SELECT pg_catalog.clock_timestamp() AS now", &[]).await?.now)
}

/// The role that this session began as, by the name that it has now.
pub async fn session_user(writer: &Writer) -> Result<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Name {
        name: String,
    }
    Ok(writer.one::<Name>("SELECT session_user::text AS name", &[]).await?.name)
}

/// The settings by which a fresh session of this server logs statements now, whoever set them.
pub async fn in_force(writer: &Writer) -> Result<Vec<Effective>> {
    // The writer's own session may be quiet, so what counts is the value that RESET would give.
    let found: Vec<Effective> = writer.structs(RESET_VAL, &[]).await?;
    Ok(found.into_iter().filter(|one| !matches!(one.value.as_str(), "none" | "-1")).collect())
}

/// The sessions of clients, but this one.
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

//! Switching the server's log settings on, and back to exactly what they were.
//!
//! Everything happens under one lock that every pgkit takes, so that two that switch at the same time never lose
//! the original values. Those are recorded before anything is changed, and the record is removed after everything
//! is put back: after a crash half-way, the record says what to do.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::places::{self, AtRole, Client, Effective, Places};
use super::scope::Scope;
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::note::{KEY, LogRequest, Restore, SETTINGS, SwitchRecord, Values};
use crate::session::{Echo, InFlight, Limits, Purpose, Reader, Settings, Writer};
use crate::sql::quote_ident;

/// The key for `pg_advisory_lock`: "pgkitlog".
const LOCK: i64 = 0x7067_6b69_746c_6f67;
/// How long to wait for another pgkit that is switching.
const LOCK_WAIT: Duration = Duration::from_secs(20);
/// How long a statement may take.
const STATEMENT: Duration = Duration::from_secs(30);
/// How long a fresh session may take to see the result of a reload.
const RELOAD: Duration = Duration::from_secs(10);
/// How long to wait before checking again.
const PAUSE: Duration = Duration::from_millis(50);

const EFFECTIVE: &str = include_str!("../../queries/log/effective.sql");
const LOCK_DATABASE: &str = include_str!("../../queries/log/lock_database.sql");

/// How to open the sessions that switching needs.
#[derive(Clone)]
pub struct Access {
    /// The server.
    pub target: Target,
    /// `-E`
    pub echo: Echo,
    /// The running statement, which a signal cancels.
    pub running: InFlight,
}

impl Access {
    /// Opens a session for the log. `ask` prompts for a password.
    pub async fn writer(
        &self,
        purpose: Purpose,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<Writer> {
        let limits = Limits { statement: Some(STATEMENT), lock: Some(LOCK_WAIT) };
        Writer::for_(purpose, &self.target, limits, self.echo.clone(), &self.running, ask).await
    }

    /// Opens a fresh session in this database, which begins like that of any client.
    async fn fresh(&self, database: Option<&str>) -> Result<Reader> {
        let settings = Settings {
            statement_timeout: Some(STATEMENT),
            lock_timeout: Some(LOCK_WAIT),
            role: None,
            watch_client: true,
        };
        let target = database.map_or_else(|| self.target.clone(), |name| self.target.with_database(name));
        let mut no_password = |_: &str| Err(Error::new(Exit::Unavailable, "no password is known for it"));
        Reader::connect(&target, settings, self.echo.clone(), &self.running, &mut no_password).await
    }
}

/// A session that holds the lock, and everything that is done under it.
pub struct Switch {
    writer: Writer,
    access: Access,
}

/// The result of `log on`.
#[derive(Debug, Clone)]
pub struct On {
    /// The record as it stands now.
    pub note: SwitchRecord,
    /// The record that was there before.
    pub before: Option<SwitchRecord>,
    /// The settings elsewhere that take precedence for some sessions.
    pub overridden: Vec<AtRole>,
    /// The number of existing sessions that will not log, because their settings were fixed when they began.
    pub deaf: usize,
}

/// The result of `log off` in one place.
#[derive(Debug, Clone)]
pub struct Off {
    /// The place.
    pub scope: Scope,
    /// The record that was there.
    pub note: SwitchRecord,
    /// What was done with each setting.
    pub settings: BTreeMap<String, Restore>,
    /// The sessions that began in the meantime, and go on logging until they end.
    pub lingering: Vec<Client>,
}

impl Off {
    /// Returns the settings that someone else has changed, which were left alone.
    pub fn changed(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.settings.iter().filter_map(|(name, restore)| match restore {
            Restore::Changed(found) => Some((name.as_str(), found.as_deref())),
            _ => None,
        })
    }
}

/// What to do with a value that someone else has changed in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// Leave the value and the record, and report it.
    Report,
    /// Put the original value back all the same.
    Overwrite,
    /// Leave the value, and remove the record.
    Keep,
}

impl Switch {
    /// Connects, and takes the lock. `ask` prompts for a password.
    ///
    /// Errors: no connection (69), a connection pooler (64), another pgkit that does not finish (75).
    pub async fn lock(access: &Access, ask: &mut dyn FnMut(&str) -> Result<String>) -> Result<Switch> {
        let mut writer = access.writer(Purpose::Log, ask).await?;
        let access = Access { target: writer.target().clone(), ..access.clone() };
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Name {
            name: String,
        }
        let common = writer.structs::<Name>(LOCK_DATABASE, &[]).await?.into_iter().next();
        if let Some(common) = common.filter(|common| common.name != writer.database()) {
            let there = Access { target: access.target.with_database(&common.name), ..access.clone() };
            // If that database refuses the connection, the lock holds only against sessions in the current one.
            let mut never = |_: &str| Err(Error::new(Exit::Unavailable, "no password is known for it"));
            if let Ok(other) = there.writer(Purpose::Log, &mut never).await {
                std::mem::replace(&mut writer, other).close().await;
            }
        }
        writer.run(&format!("SELECT pg_catalog.pg_advisory_lock({LOCK})")).await.map_err(|e| {
            match e.sqlstate.as_deref() {
                Some("55P03") => {
                    Error::new(Exit::TryAgain, "another pgkit is switching the log settings of this server")
                        .hint("try again in a moment")
                }
                _ => e,
            }
        })?;
        Ok(Switch { writer, access })
    }

    /// Returns the session.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Returns how the session was opened.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Releases the lock.
    pub async fn unlock(self) {
        self.writer.close().await;
    }

    /// Returns everything that is switched on, in all places. Errors: the role may not see it (77).
    pub async fn places(&self) -> Result<Places> {
        places::read(&self.writer).await
    }

    /// Returns the time by the server's clock.
    pub async fn now(&self) -> Result<Timestamp> {
        places::now(&self.writer).await
    }

    async fn put(&self, scope: &Scope, setting: &str, value: Option<&str>) -> Result<()> {
        let statement = scope.statement(setting, value);
        if *scope == Scope::Global && setting == KEY && value.is_some() {
            // Before PostgreSQL 17, a server takes an unknown name only from a session that has set it.
            self.writer.run(&format!("SET {KEY} = ''")).await?;
        }
        self.writer.run(&statement).await
    }

    /// Records the present values, then sets the wanted ones, and reloads.
    ///
    /// Errors: one of the server's command-line options forbids it (1), missing permission (77); in both cases
    /// nothing is changed.
    pub async fn on(&self, scope: &Scope, request: &LogRequest) -> Result<On> {
        let places = self.places().await?;
        places.readable(scope)?;
        self.may(scope, &places)?;
        if *scope == Scope::Global {
            self.refuse_fixed(request).await?;
        }
        let now = self.now().await?;
        let before = places.notes.get(scope).cloned();
        let note = SwitchRecord::on(before.as_ref(), &places.of(scope), request, now);
        if let Err(e) = self.apply(scope, &note, request).await {
            // Nothing may be left half done, so what was already set is put back. If the connection is lost, the
            // record says what is to be done.
            let _ = self.undo(scope, before.as_ref(), &places.of(scope), request).await;
            return Err(self.add_grants(scope, e));
        }
        let clients = self.clients().await?;
        let overridden = places.overrides(scope, &request.settings);
        let deaf = match scope {
            // An existing session adopts a new server-wide value, unless a setting of its role or database takes
            // precedence.
            Scope::Global => {
                clients.iter().filter(|client| overridden.iter().any(|one| one.holds(client))).count()
            }
            _ => clients
                .iter()
                .filter(|c| scope.holds(c.database.as_deref(), c.role.as_deref()))
                .filter(|c| c.since.is_none_or(|began| began < now))
                .count(),
        };
        Ok(On { note, before, overridden, deaf })
    }

    async fn apply(&self, scope: &Scope, note: &SwitchRecord, request: &LogRequest) -> Result<()> {
        let print = note.print()?;
        if *scope == Scope::Global {
            // Each ALTER SYSTEM is a transaction of its own, so the record is written first: then it is there
            // whatever happens next.
            self.put(scope, KEY, Some(&print)).await?;
            for (name, value) in &request.settings {
                self.put(scope, name, Some(value)).await?;
            }
            self.reload().await
        } else {
            let mut statements = vec![scope.statement(KEY, Some(&print))];
            statements
                .extend(request.settings.iter().map(|(name, value)| scope.statement(name, Some(value))));
            self.writer.run(&statements.join(";\n")).await
        }
    }

    async fn undo(
        &self,
        scope: &Scope,
        before: Option<&SwitchRecord>,
        found: &Values,
        request: &LogRequest,
    ) -> Result<()> {
        if *scope != Scope::Global {
            return Ok(());
        }
        for name in request.settings.keys() {
            self.put(scope, name, found.get(name).map(String::as_str)).await?;
        }
        let record = before.map(SwitchRecord::print).transpose()?;
        self.put(scope, KEY, record.as_deref()).await?;
        self.reload().await
    }

    /// Adds to a permission error what a superuser would have to grant.
    fn add_grants(&self, scope: &Scope, error: Error) -> Error {
        if error.exit != Exit::Permission {
            return error;
        }
        // The operating system denied the server access to a file. The server reports that as 42501 too, but no
        // GRANT helps.
        if error.sqlstate.is_some() && is_of_a_file(&error.message) {
            return error.hint(
                "the server's user cannot write there: check the owner and the mode of the data directory and of postgresql.auto.conf, \
                 and whether the file system is read-only",
            );
        }
        if let Some(service) = self.writer.service() {
            let (name, administrators) = (service.name(), service.administrators());
            let error = match scope {
                Scope::Global => error.hint(format!(
                    "{name} does not allow ALTER SYSTEM: set {} {}",
                    SETTINGS.join(", "),
                    service.settings()
                )),
                Scope::Database(_) | Scope::Role(_) => error,
            };
            return error.hint(format!(
                "as a member of {administrators}, switch on one database or role: pgkit log on --database NAME"
            ));
        }
        let role = quote_ident(self.writer.user());
        let names = format!("{}, {KEY}", SETTINGS.join(", "));
        if self.writer.version().major() < 15 {
            return error.hint("before PostgreSQL 15 this needs a superuser: connect as one (-U postgres)");
        }
        match scope {
            Scope::Global => error.hint(format!(
                "as a superuser: GRANT ALTER SYSTEM ON PARAMETER {names} TO {role}; GRANT EXECUTE ON FUNCTION \
                 pg_catalog.pg_reload_conf(), pg_catalog.pg_show_all_file_settings() TO {role}; \
                 GRANT SELECT ON pg_catalog.pg_file_settings TO {role}; GRANT pg_read_all_settings TO {role};"
            )),
            Scope::Database(name) => error.hint(format!(
                "as a superuser: GRANT SET ON PARAMETER {names} TO {role}; and the role must own database {}",
                quote_ident(name)
            )),
            Scope::Role(name) => error.hint(format!(
                "as a superuser: GRANT SET ON PARAMETER {names} TO {role}; and {role} must be allowed to ALTER ROLE {}",
                quote_ident(name)
            )),
        }
    }

    /// Errors: the original values cannot be seen (77), or nothing can be changed here (64).
    fn may(&self, scope: &Scope, places: &Places) -> Result<()> {
        match scope {
            Scope::Global if !places.sees_auto_conf => Err(self.add_grants(
                scope,
                Error::new(
                    Exit::Permission,
                    format!(
                        "role {:?} cannot read postgresql.auto.conf, which is needed to restore it",
                        self.writer.user()
                    ),
                ),
            )),
            Scope::Database(_) | Scope::Role(_) if self.writer.is_standby() => {
                Err(Error::usage(format!("cannot change {scope}: this server is a standby"))
                    .hint("do it on the primary, or use --global, which switches this server alone"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses settings of the server's command line, which ALTER SYSTEM cannot override.
    async fn refuse_fixed(&self, request: &LogRequest) -> Result<()> {
        let reader = self.access.fresh(None).await?;
        let found: Vec<Effective> = reader.structs(EFFECTIVE, &[]).await?;
        reader.close().await;
        for one in found.iter().filter(|one| one.source == "command line") {
            if request.settings.get(&one.name).is_some_and(|value| *value != one.value) {
                return Err(Error::new(
                    Exit::BadAnswer,
                    format!("{} = {} is set on the server's command line, which overrides ALTER SYSTEM", one.name, one.value),
                )
                .hint("nothing was changed; log a database or a role instead (--database, --role), or start the server without that option"));
            }
        }
        Ok(())
    }

    async fn reload(&self) -> Result<()> {
        self.writer.run("SELECT pg_catalog.pg_reload_conf()").await
    }

    async fn clients(&self) -> Result<Vec<Client>> {
        places::clients(&self.writer).await
    }

    /// Puts back the original values in one place; `None` if nothing is on there. `only`: only if the record has
    /// this ID.
    pub async fn off(&self, scope: &Scope, foreign: Foreign, only: Option<&str>) -> Result<Option<Off>> {
        let places = self.places().await?;
        places.readable(scope)?;
        let note = places.notes.get(scope).filter(|note| only.is_none_or(|id| note.id == id));
        let Some(note) = note else { return Ok(None) };
        self.may(scope, &places)?;
        let mut steps = note.restore(&places.of(scope));
        for (name, step) in &mut steps {
            if let (Restore::Changed(_), Foreign::Overwrite) = (&*step, foreign) {
                *step = Restore::Put(note.settings[name].was.clone());
            }
        }
        let left_alone = steps.values().any(|step| matches!(step, Restore::Changed(_)));
        let mut statements = Vec::new();
        for (name, step) in &steps {
            if let Restore::Put(value) = step {
                // The record was checked to contain no other names.
                debug_assert!(SETTINGS.contains(&name.as_str()));
                statements.push(scope.statement(name, value.as_deref()));
            }
        }
        // Each ALTER SYSTEM is a transaction of its own; for a database or a role there is one for all.
        let batches = if *scope == Scope::Global { statements } else { vec![statements.join(";\n")] };
        for batch in batches.iter().filter(|batch| !batch.is_empty()) {
            self.writer.run(batch).await.map_err(|e| self.add_grants(scope, e))?;
        }
        let keep_record = left_alone && foreign == Foreign::Report;
        let mut lingering = Vec::new();
        if !keep_record {
            // Only sessions that took the value when they began keep it; a reload reaches the others.
            let ended = note.off(self.now().await?);
            if *scope != Scope::Global {
                lingering = places::lingering_of(scope, &ended, &self.clients().await?);
            }
            let record = if lingering.is_empty() { None } else { Some(ended.print()?) };
            self.put(scope, KEY, record.as_deref()).await?;
        }
        if *scope == Scope::Global {
            self.reload().await?;
        }
        Ok(Some(Off { scope: scope.clone(), note: note.clone(), settings: steps, lingering }))
    }

    /// Checks that a fresh session has these values: returns its values, each with its source. The server takes a
    /// moment to reload.
    ///
    /// `None` if no session of that kind can be opened from here.
    pub async fn prove(&self, scope: &Scope, settings: &Values) -> Result<Option<Vec<Effective>>> {
        let database = match scope {
            Scope::Database(name) => Some(name.as_str()),
            Scope::Global => None,
            Scope::Role(name) if name == self.writer.user() => None,
            Scope::Role(_) => return Ok(None),
        };
        let give_up = tokio::time::Instant::now() + RELOAD;
        loop {
            let reader = match self.access.fresh(database).await {
                Ok(reader) => reader,
                Err(e) if database.is_some() && e.exit == Exit::Unavailable => return Ok(None),
                Err(e) => return Err(e),
            };
            let found = reader.structs::<Effective>(EFFECTIVE, &[]).await;
            reader.close().await;
            let found = found?;
            let pending = |one: &Effective| {
                settings.get(&one.name).is_some_and(|value| *value != one.value)
                    && matches!(one.source.as_str(), "configuration file" | "default")
            };
            if !found.iter().any(pending) || tokio::time::Instant::now() > give_up {
                return Ok(Some(found));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Returns whether a message is about a file that the operating system denies the server. In any language, it
/// contains the file's path.
fn is_of_a_file(message: &str) -> bool {
    message.contains("postgresql.auto.conf") || message.contains("postgresql.conf")
}

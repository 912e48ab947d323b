//! A throwaway server of the new version, on which is tried what the old cluster needs.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::cluster::Control;
use super::libraries::{Verdict, wants_preload};
use super::settings::Used;
use crate::connect::{self, Disk, Environment, Flags, Target};
use crate::error::{Error, Exit, Result};
use crate::helper::aside;
use crate::sandbox::{self, Options, Server};
use crate::session::{Echo, Reader, Running, Settings, Value};
use crate::sql::quote_literal;

const FACTS: &str = include_str!("../../queries/upgrade/new/facts.sql");
const EXTENSION: &str = include_str!("../../queries/upgrade/new/extension.sql");
const SETTING: &str = include_str!("../../queries/upgrade/new/setting.sql");
const LOCALE: &str = include_str!("../../queries/upgrade/new/locale.sql");
const TRY_SETTING: &str = include_str!("../../queries/upgrade/new/try_setting.sql");

/// What the new server is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// What its control file says.
    pub control: Control,
    /// The version of its catalog, in the names of its tablespaces' folders.
    pub catalog_version: String,
    /// Was it built with ICU?
    pub has_icu: bool,
    /// The output plugins that may decode for logical slots, where a setting lists them.
    pub output_plugins: Option<String>,
}

/// What the new server has of an extension.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Available {
    /// The version that it would make.
    pub newest: Option<String>,
    /// Does it have the one that is there now?
    pub has_version: bool,
    /// Does a way lead from that to its own?
    pub has_path: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    known: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LocaleVersion {
    version: Option<String>,
}

/// The server and a session.
pub struct Trial {
    server: Server,
    target: Target,
    settings: Settings,
    echo: Echo,
    running: Running,
    reader: Reader,
}

fn nobody_asks(_: &str) -> Result<String> {
    Err(Error::bug("a sandbox asked for a password"))
}

impl Trial {
    /// Starts a server that loads these libraries at its start, and connects as this role, or as the sandbox's.
    pub async fn start(
        options: &Options,
        preload: &[String],
        user: Option<&str>,
        settings: &Settings,
        echo: Echo,
        running: &Running,
    ) -> Result<Trial> {
        let mut options = options.clone();
        if !preload.is_empty() {
            options = options.conf("shared_preload_libraries", &preload.join(","));
        }
        let server = aside(move || sandbox::start_own(&options)).await?;
        let info = server.info();
        let flags = Flags {
            host: Some(info.socket_dir.display().to_string()),
            port: Some(info.port.to_string()),
            username: Some(user.map_or_else(|| info.user.clone(), str::to_owned)),
            dbname: Some("template1".to_owned()),
            no_password: true,
            password: false,
        };
        // Nothing of the caller's environment: that leads to the old server.
        let target = connect::resolve(&flags, &Environment::default(), &Disk)?;
        let reader =
            Reader::connect(&target, settings.clone(), echo.clone(), running, &mut nobody_asks).await?;
        let (settings, running) = (settings.clone(), running.clone());
        Ok(Trial { server, target, settings, echo, running, reader })
    }

    /// After an error: the transaction anew, or the session, where a library took that with it.
    async fn recover(&mut self) -> Result<()> {
        if self.reader.reopen(None).await.is_ok() {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            let (settings, echo) = (self.settings.clone(), self.echo.clone());
            match Reader::connect(&self.target, settings, echo, &self.running, &mut nobody_asks).await {
                Ok(reader) => {
                    self.reader = reader;
                    return Ok(());
                }
                // One that crashed starts again by itself.
                Err(e) if e.exit == Exit::Unavailable && tries < 50 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// The one row of a query; `None` where there is none.
    pub async fn one<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Option<T>> {
        Ok(self.reader.structs(sql, params).await?.into_iter().next())
    }

    /// The first column of a query in another database.
    pub async fn texts_in(&self, database: &str, sql: &str) -> Result<Vec<String>> {
        let target = self.target.with_database(database);
        let (settings, echo) = (self.settings.clone(), self.echo.clone());
        let reader = Reader::connect(&target, settings, echo, &self.running, &mut nobody_asks).await?;
        let rows = reader.texts(sql, &[]).await;
        reader.close().await;
        rows
    }

    /// What it is.
    pub async fn facts(&self) -> Result<Facts> {
        self.one(FACTS, &[]).await?.ok_or_else(|| Error::bug("a query without a row"))
    }

    /// Loads a library. One that refuses because it wants to be loaded at the server's start is told by `preload`.
    pub async fn load(&mut self, library: &str) -> Result<(Verdict, bool)> {
        let answer = self.reader.texts(&format!("LOAD {}", quote_literal(library)), &[]).await;
        match answer {
            Ok(_) => Ok((Verdict::Loads, false)),
            Err(e) if e.exit == Exit::Bug || e.exit == Exit::Io => Err(e),
            Err(e) => {
                self.recover().await?;
                let mut said = e.message.trim_start_matches("the server says: ").to_owned();
                for more in e.causes.iter().chain(&e.hints) {
                    said.push_str("; ");
                    said.push_str(more);
                }
                let preload = wants_preload(&said);
                Ok((Verdict::Fails(said), preload))
            }
        }
    }

    /// What it has of an extension; `None` is nothing.
    pub async fn extension(&self, name: &str, version: &str) -> Result<Option<Available>> {
        self.one(EXTENSION, &[Value::Text(name.to_owned()), Value::Text(version.to_owned())]).await
    }

    /// The version that a locale has there; the outer `None` is a locale that it does not know by that name.
    pub async fn locale(&self, provider: &str, locale: &str) -> Result<Option<Option<String>>> {
        let params = [Value::Text(provider.to_owned()), Value::Text(locale.to_owned())];
        let found: Option<LocaleVersion> = self.one(LOCALE, &params).await?;
        Ok(found.map(|one| one.version))
    }

    /// Why it does not take a setting; `None` where it does.
    pub async fn refuses(&mut self, used: &Used) -> Result<Option<String>> {
        let name = Value::Text(used.name.clone());
        let known: Option<Known> = self.one(SETTING, std::slice::from_ref(&name)).await?;
        if !known.is_some_and(|one| one.known) {
            return Ok(Some(format!("the new server has no setting {}", used.name)));
        }
        let Some(value) = used.value.as_ref().filter(|_| !used.is_of_server() && !used.names_an_object())
        else {
            return Ok(None);
        };
        let tried: Result<Option<Known>> = self.one(TRY_SETTING, &[name, Value::Text(value.clone())]).await;
        // Tried or refused, nothing of it shall stay.
        self.recover().await?;
        match tried {
            Ok(_) => Ok(None),
            // 55P02: it is set when the server starts, so nobody could have set it at a role.
            Err(e) if e.sqlstate.as_deref() == Some("55P02") => Ok(None),
            Err(e) if e.sqlstate.is_some() => {
                Ok(Some(e.message.trim_start_matches("the server says: ").to_owned()))
            }
            Err(e) => Err(e),
        }
    }

    /// Stops and removes the server.
    pub async fn end(self) -> Result<()> {
        self.reader.close().await;
        let server = self.server;
        aside(move || {
            drop(server);
            Ok(())
        })
        .await
    }
}

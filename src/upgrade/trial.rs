//! A throwaway server of the new version, which is used to try what the old cluster needs.

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
use crate::session::{Echo, InFlight, Reader, Settings, Value};
use crate::sql::quote_literal;

const FACTS: &str = include_str!("../../queries/upgrade/new/facts.sql");
const EXTENSION: &str = include_str!("../../queries/upgrade/new/extension.sql");
const SETTING: &str = include_str!("../../queries/upgrade/new/setting.sql");
const LOCALE: &str = include_str!("../../queries/upgrade/new/locale.sql");
const TRY_SETTING: &str = include_str!("../../queries/upgrade/new/try_setting.sql");

/// The properties of the new server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The properties in its control file.
    pub control: Control,
    /// The catalog version, which is part of the names of its tablespaces' folders.
    pub catalog_version: String,
    /// Whether it was built with ICU.
    pub has_icu: bool,
    /// The output plugins that are allowed for logical slots, if a setting lists them.
    pub output_plugins: Option<String>,
}

/// What the new server has of an extension.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Available {
    /// The version that it would install.
    pub newest: Option<String>,
    /// Whether it has the version that is installed now.
    pub has_version: bool,
    /// Whether there is an update path from that to its own.
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

/// The throwaway server and a session on it.
pub struct Trial {
    server: Server,
    target: Target,
    settings: Settings,
    echo: Echo,
    running: InFlight,
    reader: Reader,
}

fn nobody_asks(_: &str) -> Result<String> {
    Err(Error::bug("a sandbox asked for a password"))
}

impl Trial {
    /// Starts a server that loads these libraries at its start, and connects as this role, or as the sandbox's own.
    pub async fn start(
        options: &Options,
        preload: &[String],
        user: Option<&str>,
        settings: &Settings,
        echo: Echo,
        running: &InFlight,
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
            ssh: None,
        };
        // Nothing is taken from the caller's environment, since that leads to the old server.
        let target = connect::resolve(&flags, &Environment::default(), &Disk)?;
        let reader =
            Reader::connect(&target, settings.clone(), echo.clone(), running, &mut nobody_asks).await?;
        let (settings, running) = (settings.clone(), running.clone());
        Ok(Trial { server, target, settings, echo, running, reader })
    }

    /// Recovers after an error: begins a new transaction, or a new session if a library took the old one down.
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
                // A server that crashed restarts by itself.
                Err(e) if e.exit == Exit::Unavailable && tries < 50 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Returns the only row of a query; `None` if there is none.
    pub async fn one<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> Result<Option<T>> {
        Ok(self.reader.structs(sql, params).await?.into_iter().next())
    }

    /// Returns the first column of a query in another database.
    pub async fn texts_in(&self, database: &str, sql: &str) -> Result<Vec<String>> {
        let target = self.target.with_database(database);
        let (settings, echo) = (self.settings.clone(), self.echo.clone());
        let reader = Reader::connect(&target, settings, echo, &self.running, &mut nobody_asks).await?;
        let rows = reader.texts(sql, &[]).await;
        reader.close().await;
        rows
    }

    /// Returns the properties of the server.
    pub async fn facts(&self) -> Result<Facts> {
        self.one(FACTS, &[]).await?.ok_or_else(|| Error::bug("a query without a row"))
    }

    /// Loads a library. The boolean says whether it refused because it must be loaded when the server starts.
    pub async fn load(&mut self, library: &str) -> Result<(Verdict, bool)> {
        let answer = self.reader.texts(&format!("LOAD {}", quote_literal(library)), &[]).await;
        match answer {
            Ok(_) => Ok((Verdict::Loads, false)),
            Err(e) if e.exit == Exit::Bug || e.exit == Exit::Io => Err(e),
            Err(e) => {
                self.recover().await?;
                let mut said = e.server_message().to_owned();
                for more in e.causes.iter().chain(&e.hints) {
                    said.push_str("; ");
                    said.push_str(more);
                }
                let preload = wants_preload(&said);
                Ok((Verdict::Fails(said), preload))
            }
        }
    }

    /// Returns what the server has of an extension; `None` if it does not have it.
    pub async fn extension(&self, name: &str, version: &str) -> Result<Option<Available>> {
        self.one(EXTENSION, &[Value::Text(name.to_owned()), Value::Text(version.to_owned())]).await
    }

    /// Returns the version of a locale on the server; the outer `None` means that it knows no locale of that name.
    pub async fn locale(&self, provider: &str, locale: &str) -> Result<Option<Option<String>>> {
        let params = [Value::Text(provider.to_owned()), Value::Text(locale.to_owned())];
        let found: Option<LocaleVersion> = self.one(LOCALE, &params).await?;
        Ok(found.map(|one| one.version))
    }

    /// Returns why the server does not accept a setting; `None` if it does.
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
        // Whether it was accepted or refused, the setting must not remain in effect.
        self.recover().await?;
        match tried {
            Ok(_) => Ok(None),
            // 55P02: it can be set only when the server starts, so it cannot have been set for a role.
            Err(e) if e.sqlstate.as_deref() == Some("55P02") => Ok(None),
            Err(e) if e.sqlstate.is_some() => Ok(Some(e.server_message().to_owned())),
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

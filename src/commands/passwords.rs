//! Passwords that a person types. Each process asks once for each user and host.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::connect::{Host, Secret, Target};
use crate::error::{Error, Exit, Result};
use crate::output::terminal;

/// The passwords that were typed, by user and hosts.
#[derive(Default)]
pub struct Passwords {
    typed: RefCell<BTreeMap<(String, String), Result<String>>>,
    /// Whether the prompt names the host, because there are several.
    names_hosts: Cell<bool>,
    /// Held while a person types.
    prompt: tokio::sync::Mutex<()>,
}

impl Passwords {
    /// Lets the prompt name the host.
    pub fn name_hosts(&self) {
        self.names_hosts.set(true);
    }

    /// Returns a guard; nobody is asked for a password while it is held. `None` if somebody is being asked now.
    pub fn quiet(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        self.prompt.try_lock().ok()
    }

    /// Returns the password for a target, asking for it unless that was done before. Sessions with other servers go on in
    /// the meantime.
    ///
    /// Errors: there is no terminal (69).
    async fn get(&self, target: &Target) -> Result<String> {
        let _guard = self.prompt.lock().await;
        let key = key(target);
        if let Some(known) = self.typed.borrow().get(&key) {
            return known.clone();
        }
        let prompt = match self.names_hosts.get() {
            true => format!("Password for user {} on {}: ", key.0, key.1),
            false => format!("Password for user {}: ", key.0),
        };
        let answer = tokio::task::spawn_blocking(move || terminal::ask_password(&prompt)).await;
        let answer = answer.map_err(|e| Error::bug("a thread that asks died").caused_by(e))?;
        self.typed.borrow_mut().insert(key, answer.clone());
        answer
    }
}

/// Returns the user and the hosts of a target, with the ssh host on the way: each has a `localhost` of its own.
fn key(target: &Target) -> (String, String) {
    let hosts: Vec<&str> = target.hosts.iter().map(Host::passfile_name).collect();
    let way = target.ssh.as_ref().map(|ssh| format!(" through ssh {}", ssh.shown())).unwrap_or_default();
    (target.user.clone(), format!("{}{way}", hosts.join(",")))
}

/// The attempts to connect to one target: one without a typed password, and a second one if the server asks for it.
pub struct Attempts<'a> {
    passwords: &'a Passwords,
    target: Target,
    is_needed: bool,
}

impl<'a> Attempts<'a> {
    /// Creates the attempts for a target. None has been made yet.
    pub fn new(passwords: &'a Passwords, target: &Target) -> Attempts<'a> {
        Attempts { passwords, target: target.clone(), is_needed: false }
    }

    /// Returns the target of the next attempt.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Notes that the attempt needs a password. The error ends the attempt.
    pub fn ask(&mut self) -> Result<String> {
        self.is_needed = true;
        Err(Error::new(Exit::Unavailable, "missing password"))
    }

    /// Returns what an attempt opened; `None` if a password was missing, which the next attempt has.
    ///
    /// Errors: those of the attempt, or there is no terminal to ask on (69).
    pub async fn again<T>(&mut self, opened: Result<T>) -> Result<Option<T>> {
        match opened {
            Err(_) if std::mem::take(&mut self.is_needed) => {
                let password = self.passwords.get(&self.target).await?;
                self.target = self.target.with_typed(Secret::new(password));
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

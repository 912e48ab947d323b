//! Passwords that a command prints, such as the tokens of clouds and vaults.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::passfile::Secret;
use super::spared::Spared;
use super::target::{Host, Target};
use crate::error::{Error, Exit, Result};
use crate::secrets;

/// How long the command may take. It may wait for a person, who touches a key or confirms on a telephone.
const PATIENCE: Duration = Duration::from_secs(120);
/// How much the command may print, in bytes. A token of a cloud has about 2 kB.
const LONGEST: u64 = 64 << 10;

/// A command of the shell that prints a password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PasswordCommand {
    /// The command line.
    pub command: String,
    /// How long a password is used before the command is asked again.
    pub max_age: Duration,
    /// What it has printed in this process.
    #[serde(skip)]
    pub printed: Printed,
}

/// The passwords that commands have printed in this process. All clones are the same.
#[derive(Clone, Default)]
pub struct Printed(Arc<Mutex<BTreeMap<Key, Slot>>>);

/// The command, the user, and the hosts with their ports and the ssh host on the way.
type Key = (String, String, String);
/// A password, and a lock that keeps others from asking for the same one at the same time.
type Slot = Arc<tokio::sync::Mutex<Option<Fetched>>>;

impl fmt::Debug for Printed {
    /// Without the passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Printed")
    }
}

/// A password that the command printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fetched {
    pub(super) password: Secret,
    /// When it was printed.
    at: SystemTime,
}

impl Fetched {
    /// Returns whether it may still be used.
    pub(super) fn is_fresh(&self, max_age: Duration) -> bool {
        // A clock that was set back makes it old.
        now().duration_since(self.at).is_ok_and(|age| age < max_age)
    }
}

#[expect(clippy::disallowed_methods, reason = "the age of a password is measured against the clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Returns the hosts of a target as libpq lists them.
fn list(target: &Target, each: &dyn Fn(&Host) -> String) -> String {
    target.hosts.iter().map(each).collect::<Vec<_>>().join(",")
}

impl PasswordCommand {
    fn slot(&self, target: &Target) -> Slot {
        let place = |host: &Host| format!("{}:{}", host.passfile_name(), host.port);
        let way = target.ssh.as_ref().map(|ssh| format!(" through {}", ssh.shown())).unwrap_or_default();
        let key = (self.command.clone(), target.user.clone(), format!("{}{way}", list(target, &place)));
        let mut all = self.printed.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key).or_default())
    }

    /// Returns a password that the command printed earlier, in this process or in the one that started it; `None` if there is
    /// none, or it is too old.
    pub(super) async fn known(&self, target: &Target) -> Option<Fetched> {
        let slot = self.slot(target);
        let known = slot.lock().await;
        let both = [known.as_ref(), target.fetched.as_ref()];
        both.into_iter().flatten().find(|fetched| fetched.is_fresh(self.max_age)).cloned()
    }

    /// Returns a password for the target. If the server has refused one, this is a different one. Runs the command, unless
    /// another session has just done so.
    ///
    /// Errors: it fails, prints nothing or too much, or takes longer than two minutes (69).
    pub(super) async fn fetch(&self, target: &Target) -> Result<Fetched> {
        let slot = self.slot(target);
        let mut known = slot.lock().await;
        let is_other = |fetched: &Fetched| target.fetched.as_ref() != Some(fetched);
        if let Some(fetched) = known.clone().filter(|one| one.is_fresh(self.max_age) && is_other(one)) {
            return Ok(fetched);
        }
        let password = self.run(target).await.map_err(|why| {
            Error::new(Exit::Unavailable, format!("could not get a password: {why}")).hint(
                "password_command of the configuration file, or PGKIT_PASSWORD_COMMAND, names the command",
            )
        })?;
        let fetched = Fetched { password, at: now() };
        *known = Some(fetched.clone());
        Ok(fetched)
    }

    /// Runs the command with PGHOST, PGPORT, PGUSER and PGDATABASE set to those of the target, and returns the first line
    /// that it prints. Its stderr is this process's own, so that it can talk to a person. Errors say what is wrong.
    async fn run(&self, target: &Target) -> std::result::Result<Secret, String> {
        let mut command = std::process::Command::new("/bin/sh");
        secrets::strip(&mut command)
            .args(["-c", &self.command])
            .env("PGHOST", list(target, &|host| host.passfile_name().to_owned()))
            .env("PGPORT", list(target, &|host| host.port.to_string()))
            .env("PGUSER", &target.user)
            .env("PGDATABASE", &target.database)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let child = Command::from(command).kill_on_drop(true).spawn();
        let child = child.map_err(|e| format!("could not start the password command: {e}"))?;
        let _spared = child.id().map(|pid| Spared::new(Pid::from_raw(pid.cast_signed())));
        let printed = tokio::time::timeout(PATIENCE, printed(child));
        let printed = printed
            .await
            .map_err(|_| format!("the password command has not ended within {PATIENCE:?}"))??;
        let line = printed.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&0) {
            return Err("the password command printed a null byte".to_owned());
        }
        Secret::new(line).ok_or_else(|| "the password command printed nothing".to_owned())
    }
}

/// Returns what a command prints. The error is a message.
async fn printed(mut child: Child) -> std::result::Result<Vec<u8>, String> {
    let unread = |e: std::io::Error| format!("could not read from the password command: {e}");
    let mut bytes = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST + 1).read_to_end(&mut bytes).await.map_err(unread)?;
    }
    if bytes.len() as u64 > LONGEST {
        return Err("the password command prints more than 64 kB".to_owned());
    }
    let status = child.wait().await.map_err(unread)?;
    if !status.success() {
        return Err(format!("the password command failed ({status})"));
    }
    Ok(bytes)
}

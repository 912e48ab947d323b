//! Passwords that a command prints, such as the tokens of clouds and vaults.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::passfile::Secret;
use super::target::{Host, Target};
use crate::error::{Error, Exit, Result};
use crate::secrets;

/// How long the command may take. It may wait for a person, who touches a key or confirms on a telephone.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command of the shell that prints a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordCommand {
    /// The command line.
    pub command: String,
    /// How long a password is used before the command is asked again.
    pub max_age: Duration,
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

impl PasswordCommand {
    /// Runs the command with PGHOST, PGPORT, PGUSER and PGDATABASE set to those of the target, and returns the first line
    /// that it prints. Its stderr is this process's own, so that it can talk to a person.
    ///
    /// Errors: it fails, prints nothing, or takes longer than two minutes (69).
    pub(super) async fn fetch(&self, target: &Target) -> Result<Fetched> {
        let fail = |why: String| {
            Error::new(Exit::Unavailable, format!("could not get a password: {why}")).hint(
                "password_command of the configuration file, or PGKIT_PASSWORD_COMMAND, names the command",
            )
        };
        let list =
            |each: &dyn Fn(&Host) -> String| target.hosts.iter().map(each).collect::<Vec<_>>().join(",");
        let mut command = std::process::Command::new("/bin/sh");
        secrets::strip(&mut command)
            .args(["-c", &self.command])
            .env("PGHOST", list(&|host| host.passfile_name().to_owned()))
            .env("PGPORT", list(&|host| host.port.to_string()))
            .env("PGUSER", &target.user)
            .env("PGDATABASE", &target.database)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let child = Command::from(command).kill_on_drop(true).spawn();
        let output =
            child.map_err(|e| fail(format!("could not start the password command: {e}")))?.wait_with_output();
        let output = tokio::time::timeout(PATIENCE, output)
            .await
            .map_err(|_| fail(format!("the password command has not ended within {PATIENCE:?}")))?
            .map_err(|e| fail(format!("could not read from the password command: {e}")))?;
        if !output.status.success() {
            return Err(fail(format!("the password command failed ({})", output.status)));
        }
        let line = output.stdout.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&0) {
            return Err(fail("the password command printed a null byte".to_owned()));
        }
        let password = Secret::new(line);
        let password = password.ok_or_else(|| fail("the password command printed nothing".to_owned()))?;
        Ok(Fetched { password, at: now() })
    }
}

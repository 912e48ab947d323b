//! Running PostgreSQL's clients of the new version: on the old server as the connected role, on the throwaway
//! server as its superuser. They die with pgkit, do not get its environment, and have until the deadline.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::time::Instant;

use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::sandbox::Binaries;
use crate::unsafe_spawn;

/// How many bytes of a program's messages are kept, and of each line.
const KEPT: usize = 64 << 10;
/// The largest answer on stdout: a script with roles, or a table of contents.
const LARGEST: u64 = 64 << 20;

/// A client program to run.
pub struct Client<'a> {
    pub binaries: &'a Binaries,
    pub name: &'static str,
    pub args: Vec<String>,
    pub variables: Vec<(&'static str, String)>,
    /// Its working folder, which only we use.
    pub folder: &'a Path,
    pub deadline: Instant,
}

/// What the program printed, and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub succeeded: bool,
    pub stdout: String,
    /// The last part of it.
    pub stderr: String,
}

impl Ended {
    /// Returns what it complained of, in one line.
    pub fn complaint(&self) -> String {
        let mut lines = self.stderr.lines().filter_map(|line| {
            let said = line.split_once(": ").map_or(line, |(_, said)| said);
            let said = said.strip_prefix("error: ").unwrap_or(said);
            (!line.trim().is_empty() && !said.starts_with("warning: ")).then_some(said)
        });
        let first: Vec<&str> = lines.by_ref().take(4).collect();
        first.join("; ")
    }
}

impl Client<'_> {
    /// Runs the program, and passes each line of its stderr to `hear`.
    ///
    /// Errors: it cannot be run (74); it did not finish by the deadline (75).
    pub async fn run(self, mut hear: impl FnMut(&str)) -> Result<Ended> {
        let path = self.binaries.program(self.name);
        let mut command = Command::new(&path);
        command
            .env_clear()
            .envs(self.variables)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("PATH", "/usr/bin:/bin");
        command.args(&self.args).current_dir(self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        unsafe_spawn::die_with_us(&mut command, Signal::SIGTERM, false, None);
        let mut command = tokio::process::Command::from(command);
        let mut child =
            command.spawn().map_err(|e| Error::io(format!("cannot run {}", path.display()), &e))?;
        let unfinished = Unfinished(child.id());
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Error::bug("a program without pipes"));
        };
        let mut kept = String::new();
        let mut answer = Vec::new();
        let read = async {
            let mut stdout = stdout.take(LARGEST);
            let mut lines = BufReader::new(stderr);
            let speak = async {
                let mut line = Vec::new();
                loop {
                    line.clear();
                    let read = (&mut lines).take(KEPT as u64).read_until(b'\n', &mut line).await?;
                    if read == 0 {
                        return Ok::<(), std::io::Error>(());
                    }
                    let text = String::from_utf8_lossy(&line);
                    hear(text.trim_end_matches('\n'));
                    kept.push_str(&text);
                    if kept.len() > 2 * KEPT {
                        let from = kept.len() - KEPT;
                        let from = (from..kept.len()).find(|at| kept.is_char_boundary(*at)).unwrap_or(0);
                        kept.drain(..from);
                    }
                }
            };
            let (said, answered) = tokio::join!(speak, stdout.read_to_end(&mut answer));
            said.and(answered.map(drop))?;
            child.wait().await
        };
        let status = tokio::time::timeout_at(self.deadline, read)
            .await
            .map_err(|_| Error::new(Exit::TryAgain, format!("{} timed out", self.name)))?
            .map_err(|e| Error::io(format!("cannot read from {}", path.display()), &e))?;
        unfinished.disarm();
        let stdout = String::from_utf8_lossy(&answer).into_owned();
        Ok(Ended { succeeded: status.success(), stdout, stderr: kept })
    }
}

/// A program that has not ended. When this is dropped, the program is asked to end rather than killed: only then
/// does it cancel its statement on the server, which would otherwise keep its locks and its place in the queue for
/// a lock.
struct Unfinished(Option<u32>);

impl Unfinished {
    /// Must be called once the program has ended by itself.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(pid) = self.0.take().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

/// How the clients reach the old server. The password file is removed with this value.
pub struct Way {
    target: Target,
    passfile: PathBuf,
}

impl Way {
    /// Takes the name that the password file is to have.
    pub fn new(target: &Target, passfile: PathBuf) -> Way {
        Way { target: target.clone(), passfile }
    }

    /// Returns the environment variables for connecting to this database, with this application name.
    pub fn variables(
        &self,
        database: &str,
        session: &str,
        major: u32,
    ) -> Result<Vec<(&'static str, String)>> {
        let target = self.target.with_database(database);
        // As in pg_upgrade: a database that is read-only by default must not be an obstacle.
        let mut all = target.libpq_variables("-c default_transaction_read_only=false", major)?;
        all.push(("PGAPPNAME", session.to_owned()));
        if let Some(text) = target.libpq_passfile()? {
            let failed =
                |e: std::io::Error| Error::io(format!("cannot write {}", self.passfile.display()), &e);
            let _ = std::fs::remove_file(&self.passfile);
            let mut file = OpenOptions::new();
            file.write(true).create_new(true).mode(0o600);
            file.open(&self.passfile).and_then(|mut file| file.write_all(&text)).map_err(failed)?;
            all.push(("PGPASSFILE", self.passfile.display().to_string()));
        } else {
            all.push(("PGPASSFILE", "/dev/null".to_owned()));
        }
        Ok(all)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.passfile);
    }
}

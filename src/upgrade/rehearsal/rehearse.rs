//! Dumps each database and restores it on the throwaway server.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::advice::Failed;
use super::failures::{Contents, Hearing};
use super::give_way;
use super::programs::{Client, Ended, Way};
use crate::connect::{self, Disk, Environment, Flags, Target};
use crate::error::{Error, Exit, Result};
use crate::helper::aside;
use crate::sandbox::{self, Binaries, Info, Server};
use crate::session::{Limits, Purpose, Writer};
use crate::sql::{self, quote_ident, quote_literal};
use crate::upgrade::cluster::Old;
use crate::upgrade::examine::{Examination, Installation, Work};
use crate::upgrade::finding::Finding;

/// Whether the restore is rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RehearsalMode {
    /// If the code that it runs gets no rights that it would not get anyway.
    WhereSafe,
    /// Even as the account that runs pgkit.
    Always,
    /// Not at all.
    Never,
}

/// How the restore is rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Whether it is rehearsed.
    pub mode: RehearsalMode,
    /// How long the whole rehearsal may take; `None` means without limit.
    pub limit: Option<Duration>,
}

/// How many databases are restored at the same time.
const JOBS: usize = 2;
/// The name of this check in the answer.
pub(super) const CHECK: &str = "rehearsal";
/// The object of the finding if something was not rehearsed.
pub(crate) const WHAT: &str = "whether all of it can be restored";

/// A database that is to be rehearsed.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) encoding: String,
}

/// The throwaway server, and everything that is needed to fill it.
struct Stage<'a> {
    examination: &'a Examination<'a>,
    binaries: &'a Binaries,
    target: &'a Target,
    user: &'a str,
    is_install_user: bool,
    info: &'a Info,
    folder: PathBuf,
    deadline: Instant,
    /// Held while a database is dumped, so that only one is dumped at a time, to spare the old server.
    way: Mutex<Way>,
    /// The application name of the sessions on the old server.
    session: String,
}

impl Work<'_> {
    /// Rehearses the restore of these databases. What could not be rehearsed becomes a finding too.
    pub(crate) async fn rehearse(
        &mut self,
        new: &Installation,
        old: &Old,
        target: &Target,
        databases: &[Database],
    ) -> Result<()> {
        if let Some((why, fix)) = not_to_be(self.examination.plan.mode, target) {
            self.findings.push(Finding::unseen(WHAT, None, fix, why));
            return Ok(());
        }
        (self.examination.tell)("rehearsing the restore");
        match self.rehearsed(new, old, target, databases).await {
            Ok(failed) => failed.into_iter().for_each(|failed| self.add_failure(failed)),
            Err(e) if matches!(e.exit, Exit::Bug | Exit::HungUp | Exit::Interrupted | Exit::Terminated) => {
                return Err(e);
            }
            Err(e) => {
                let message = e.one_line();
                self.findings.push(Finding::unseen(WHAT, None, "fix what stands in its way", message));
            }
        }
        Ok(())
    }

    async fn rehearsed(
        &self,
        new: &Installation,
        old: &Old,
        target: &Target,
        databases: &[Database],
    ) -> Result<Vec<Failed>> {
        let server = start(new, install_user(old), &self.preload).await?;
        let result = match Stage::new(self.examination, new.binaries(), target, old, server.info()) {
            Ok(stage) => stage.all(databases).await,
            Err(e) => Err(e),
        };
        aside(move || {
            drop(server);
            Ok(())
        })
        .await?;
        result
    }

    /// Adds a failure, unless a check has already reported it, and in more detail: then the server's message is
    /// added to that finding.
    fn add_failure(&mut self, failed: Failed) {
        let same = self.findings.iter_mut().find(|finding| failed.is_told_by(finding));
        let Some(finding) = same else {
            self.findings.push(failed.finding);
            return;
        };
        let words = format!("rehearsed: {}", failed.message);
        match &mut finding.why {
            Some(why) if why.contains(&words) => {}
            Some(why) => why.push_str(&format!("; {words}")),
            why => *why = Some(words),
        }
    }
}

/// Returns the role that runs pg_upgrade.
fn install_user(old: &Old) -> &str {
    old.install_user.as_deref().unwrap_or("postgres")
}

/// Returns why the restore is not rehearsed, and what to do about that; `None` if it is.
fn not_to_be(mode: RehearsalMode, target: &Target) -> Option<(&'static str, &'static str)> {
    let euid = nix::unistd::geteuid();
    // The socket belongs to the account that the old server runs as.
    let is_its_account = || {
        target.hosts.iter().all(|host| {
            host.is_socket()
                && std::fs::symlink_metadata(host.socket_path()).is_ok_and(|meta| meta.uid() == euid.as_raw())
        })
    };
    match mode {
        RehearsalMode::Always => None,
        _ if target.ssh.is_some() => Some((
            "pg_dump cannot use the connection through ssh",
            "run pgkit where the server can be reached without --ssh",
        )),
        RehearsalMode::Never => {
            Some(("pg_upgrade --check does not see it either", "leave out --no-rehearsal"))
        }
        RehearsalMode::WhereSafe if euid.is_root() || is_its_account() => None,
        RehearsalMode::WhereSafe => Some((
            "a rehearsal runs functions of these databases, and here it would run them as your own account",
            "run this as root, or as the old server's account over its socket; or allow it with --rehearsal",
        )),
    }
}

/// Starts a server as pg_upgrade starts the new one, with the same superuser.
async fn start(new: &Installation, user: &str, preload: &[String]) -> Result<Server> {
    let mut options = new.sandbox.clone();
    let major = new.binaries().major;
    options.settings.initdb_args = vec!["-U".to_owned(), user.to_owned()];
    options.settings.binary_upgrade = true;
    options.settings.untrusted = true;
    options = options
        .conf("max_connections", "20")
        .conf("max_locks_per_transaction", "512")
        .conf("max_replication_slots", "200")
        .conf("max_wal_senders", "0")
        .conf("wal_level", "minimal")
        .conf("max_wal_size", "256MB");
    if major >= 17 {
        // The databases' event triggers would run as the superuser.
        options = options.conf("event_triggers", "off");
    }
    if major >= 18 {
        options = options.conf("max_active_replication_origins", "200");
    }
    if !preload.is_empty() {
        options = options.conf("shared_preload_libraries", &preload.join(","));
    }
    aside(move || sandbox::start_own(&options)).await
}

/// Removes from a script of pg_dumpall the two commands that only psql understands: `\restrict KEY` before the
/// first statement, and `\unrestrict KEY`, which recent minor versions write. Any other line that begins with a
/// backslash belongs to a name.
fn without_restrict(script: &str) -> String {
    let is_head = |line: &&str| line.is_empty() || line.starts_with("--") || line.starts_with("\\restrict ");
    let restrict = script.lines().take_while(is_head).find(|line| line.starts_with('\\'));
    let unrestrict = restrict.map(|line| line.replacen("\\restrict", "\\unrestrict", 1));
    let is_kept = |line: &&str| Some(*line) != restrict && Some(*line) != unrestrict.as_deref();
    script.lines().filter(is_kept).map(|line| format!("{line}\n")).collect()
}

fn nobody_asks(_: &str) -> Result<String> {
    Err(Error::bug("a sandbox asked for a password"))
}

impl<'a> Stage<'a> {
    fn new(
        examination: &'a Examination<'a>,
        binaries: &'a Binaries,
        target: &'a Target,
        old: &'a Old,
        info: &'a Info,
    ) -> Result<Stage<'a>> {
        let folder = info.folder.join("rehearsal");
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|e| Error::io(format!("cannot create {}", folder.display()), &e))?;
        let limit = examination.plan.limit.unwrap_or(Duration::from_secs(365 * 24 * 3600));
        Ok(Stage {
            examination,
            binaries,
            target,
            user: install_user(old),
            is_install_user: old.is_install_user == Some(true),
            info,
            way: Mutex::new(Way::new(target, folder.join("passwords"))),
            folder,
            deadline: Instant::now() + limit,
            session: format!("pgkit rehearsal {:016x}", fastrand::u64(..)),
        })
    }

    /// Returns a client of the throwaway server.
    fn here(&self, name: &'static str, args: Vec<String>) -> Client<'_> {
        let variables = vec![
            ("PGHOST", self.info.socket_dir.display().to_string()),
            ("PGPORT", self.info.port.to_string()),
            ("PGUSER", self.user.to_owned()),
            ("PGPASSFILE", "/dev/null".to_owned()),
            // The first option is as in pg_upgrade; the second makes the messages parseable.
            ("PGOPTIONS", "-c default_transaction_read_only=false -c lc_messages=C".to_owned()),
        ];
        self.client(name, args, variables)
    }

    fn client(
        &self,
        name: &'static str,
        args: Vec<String>,
        variables: Vec<(&'static str, String)>,
    ) -> Client<'_> {
        Client {
            binaries: self.binaries,
            name,
            args,
            variables,
            folder: &self.folder,
            deadline: self.deadline,
        }
    }

    /// Runs a client of the old server. It gives way to any session that has to wait for it.
    async fn there(&self, name: &'static str, args: Vec<String>, database: &str) -> Result<Ended> {
        let way = self.way.lock().await;
        let variables = way.variables(database, &self.session, self.binaries.major)?;
        tokio::select! {
            ended = self.client(name, args, variables).run(|_| {}) => ended,
            error = give_way::wanted(self.examination, self.target, &self.session) => Err(error),
        }
    }

    /// Opens a session on the throwaway server.
    async fn writer(&self, database: &str) -> Result<Writer> {
        let flags = Flags {
            host: Some(self.info.socket_dir.display().to_string()),
            port: Some(self.info.port.to_string()),
            username: Some(self.user.to_owned()),
            dbname: None,
            no_password: true,
            ..Flags::default()
        };
        let target = connect::resolve(&flags, &Environment::default(), &Disk)?.with_database(database);
        let limits = Limits { statement: None, lock: None };
        let running = &self.examination.running;
        Writer::for_(Purpose::Sandbox, &target, limits, None, running, &mut nobody_asks).await
    }

    /// Restores everything: first the roles, then template1, from which pg_restore makes the others, then those.
    async fn all(&self, databases: &[Database]) -> Result<Vec<Failed>> {
        let mut failed = self.roles().await?;
        let (first, others): (Vec<&Database>, Vec<&Database>) =
            databases.iter().partition(|one| one.name == "template1");
        for database in first {
            failed.extend(self.database(0, database).await?);
        }
        let mut done = futures_util::stream::iter(others.into_iter().enumerate())
            .map(|(i, database)| self.database(i + 1, database))
            .buffer_unordered(JOBS);
        while let Some(more) = done.next().await {
            failed.extend(more?);
        }
        Ok(failed)
    }

    /// Restores the roles, without their passwords.
    async fn roles(&self) -> Result<Vec<Failed>> {
        let mut args: Vec<String> = [
            "--globals-only",
            "--binary-upgrade",
            "--quote-all-identifiers",
            "--no-tablespaces",
            "--no-role-passwords",
        ]
        .map(str::to_owned)
        .into();
        args.extend(self.lock_limit());
        let ended = self.there("pg_dumpall", args, &self.target.database).await?;
        if !ended.succeeded {
            return Err(Error::data(format!("pg_dumpall failed: {}", ended.complaint())));
        }
        let writer = self.writer("template1").await?;
        let script = without_restrict(&ended.stdout);
        let mut failed: Vec<Failed> = Vec::new();
        for statement in sql::statements(&script) {
            match writer.run(statement).await {
                Ok(()) => {}
                Err(e) if e.sqlstate.is_some() => {
                    let message = e.server_message();
                    // If a role or database could not be created, later errors about its absence say nothing new.
                    let follows =
                        matches!(e.sqlstate.as_deref(), Some("42704" | "3D000")) && !failed.is_empty();
                    match failed.last_mut().filter(|_| follows) {
                        Some(before) => {
                            before.finding.why =
                                before.finding.why.take().map(|why| format!("{why}; {message}"))
                        }
                        None => failed.push(Failed::statement(statement, message)),
                    }
                }
                Err(e) => return Err(e),
            }
        }
        writer.close().await;
        Ok(failed)
    }

    fn lock_limit(&self) -> Option<String> {
        let limit = self.examination.settings.lock_timeout?;
        Some(format!("--lock-wait-timeout={}", limit.as_millis().max(1)))
    }

    /// Restores one database, given by its number. An obstacle becomes a finding.
    async fn database(&self, number: usize, database: &Database) -> Result<Vec<Failed>> {
        let name = &database.name;
        let unseen = |fix: &str, why: String| {
            (self.examination.tell)(&format!("database {name:?}: could not rehearse the restore: {why}"));
            Ok(vec![Failed::unseen(Finding::unseen(WHAT, Some(name), fix, why))])
        };
        let file = format!("{number}.dump");
        let result = self.dump_and_restore(&file, database).await;
        let _ = std::fs::remove_file(self.folder.join(&file));
        match result {
            Err(e) if e.exit == Exit::TryAgain => {
                unseen("try again, or allow it more time (--rehearsal-timeout)", e.one_line())
            }
            Err(e)
                if matches!(e.exit, Exit::BadInput | Exit::Permission | Exit::Unavailable | Exit::Usage) =>
            {
                unseen("fix what stands in its way, or run this as a superuser", e.one_line())
            }
            other => other,
        }
    }

    async fn dump_and_restore(&self, file: &str, database: &Database) -> Result<Vec<Failed>> {
        let name = database.name.as_str();
        let mut args: Vec<String> = [
            "--schema-only",
            "--binary-upgrade",
            "--quote-all-identifiers",
            "--no-tablespaces",
            "--format=custom",
            "--compress=1",
        ]
        .map(str::to_owned)
        .into();
        args.push(format!("--file={file}"));
        args.extend(self.lock_limit());
        let ended = self.there("pg_dump", args, name).await?;
        if !ended.succeeded {
            let message = format!("pg_dump failed: {}", ended.complaint());
            if ended.stderr.contains("lock timeout") || ended.stderr.contains("out of shared memory") {
                return Err(Error::new(Exit::TryAgain, message));
            }
            if self.is_install_user {
                // We are connected as the role that runs pg_upgrade, so pg_upgrade would fail in the same way.
                return Ok(vec![Failed::other(name, &message)]);
            }
            return Err(Error::new(Exit::BadInput, message));
        }
        let list = self
            .here("pg_restore", vec!["--list".into(), "--verbose".into(), file.into()])
            .run(|_| {})
            .await?;
        let is_initial = name == "template1" || name == "postgres";
        let mut args = vec!["--verbose".to_owned(), "--no-tablespaces".to_owned(), "--create".to_owned()];
        args.extend(is_initial.then(|| "--clean".to_owned()));
        args.push(format!("--dbname={}", if name == "template1" { "postgres" } else { "template1" }));
        args.push(file.to_owned());
        let (ended, mut failed, fatal) = self.restore(args, &list.stdout, database).await?;
        if ended.succeeded {
            return Ok(failed);
        }
        if failed.iter().any(Failed::is_database) {
            // Its contents are to be examined all the same.
            self.make(database).await?;
            let into = name.replace('\\', "\\\\").replace('\'', "\\'");
            let args = vec![
                "--verbose".to_owned(),
                "--no-tablespaces".to_owned(),
                format!("--dbname=dbname='{into}'"),
                file.to_owned(),
            ];
            let (_, more, fatal) = self.restore(args, &list.stdout, database).await?;
            failed.extend(more);
            failed.extend(fatal.iter().map(|said| Failed::other(name, said)));
            return Ok(failed);
        }
        failed.extend(fatal.iter().map(|said| Failed::other(name, said)));
        if failed.is_empty() {
            failed.push(Failed::other(name, &ended.complaint()));
        }
        Ok(failed)
    }

    async fn restore(
        &self,
        args: Vec<String>,
        list: &str,
        database: &Database,
    ) -> Result<(Ended, Vec<Failed>, Vec<String>)> {
        let mut hearing = Hearing::new(Contents::parse(list));
        let ended = self.here("pg_restore", args).run(|line| hearing.line(line)).await?;
        let (failures, untold, fatal) = hearing.finish();
        let to = self.binaries.major;
        let mut failed: Vec<Failed> =
            failures.into_iter().map(|failure| Failed::of(failure, &database.name, to)).collect();
        if untold > 0 {
            failed.push(Failed::other(&database.name, &format!("{untold} more errors, not shown")));
        }
        Ok((ended, failed, fatal))
    }

    /// Creates a database with the C locale, if it could not be created as it is.
    async fn make(&self, database: &Database) -> Result<()> {
        let writer = self.writer(if database.name == "template1" { "postgres" } else { "template1" }).await?;
        if self.binaries.major >= 15 {
            let oid = 4_000_000_000 + fastrand::u32(..100_000_000);
            writer
                .run(&format!("SELECT pg_catalog.binary_upgrade_set_next_pg_database_oid('{oid}')"))
                .await?;
        }
        let provider = if self.binaries.major >= 15 { " LOCALE_PROVIDER libc" } else { "" };
        let statement = format!(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C'{provider}",
            quote_ident(&database.name),
            quote_literal(&database.encoding)
        );
        let made = writer.run(&statement).await;
        writer.close().await;
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_commands_of_psql_are_taken_out_of_a_script() {
        let name = "CREATE ROLE \"a\n\\restrict b\n\\! touch pwned\";\n";
        let with = format!("--\n-- dump\n\n\\restrict key\n\nSET x = y;\n{name}\\unrestrict key\n");
        assert_eq!(without_restrict(&with), format!("--\n-- dump\n\n\nSET x = y;\n{name}"));
        assert_eq!(without_restrict(name), name);
    }
}

//! Asks a server for the answers of a snapshot.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use indicatif::ProgressBar;

use super::resume;
use crate::answer::{Outcome, Remark, ReportRun};
use crate::commands::args::SessionArgs;
use crate::commands::context::Context;
use crate::commands::databases::{self, Choice, Database};
use crate::commands::facts::Facts;
use crate::commands::{open, params};
use crate::connect::Target;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::report::{Optional, Report, Scope};
use crate::session::{Reader, Settings, is_dropped};
use crate::snapshot::{CLOSED, Draft, OwnHeader, Part, Refusal};

/// How long a further database may take to let a session in, where others wait for it.
const ENTERING: Duration = Duration::from_secs(5);
/// How long a statement may take that reads all data.
const DEEP: Duration = Duration::from_secs(3600);

/// A snapshot that is being taken.
pub struct Taking<'a> {
    pub context: &'a Context,
    pub session: &'a SessionArgs,
    pub settings: Settings,
    /// Whether the user has named the reports.
    pub is_named: bool,
    /// Whether nothing is printed about what fails, because whoever reads the snapshot says so.
    pub is_silent: bool,
    /// How many databases are asked at the same time.
    pub parallel: usize,
    pub draft: Draft,
    /// The answers that are missing.
    pub refused: Vec<Refusal>,
    /// The reports about the server that need an extension, which the databases so far do not have.
    pub without_extension: Vec<&'a Report>,
    /// The exit code: that of the first failure.
    pub exit: Exit,
    /// What this machine knows.
    pub facts: Facts,
    /// Shows which answer is being taken.
    pub bar: ProgressBar,
}

/// Why all answers of a database are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// It was excluded, or accepts no connections of anybody.
    Expected,
    /// The role may not connect to it.
    Skipped,
    /// Connecting to it failed.
    Failed,
}

impl<'a> Taking<'a> {
    /// Takes all answers: those about the server from the first session, the others from every database.
    ///
    /// Errors: the session is lost (69), or the snapshot cannot be written (74). Everything else that fails is recorded
    /// in the snapshot, and the rest goes on.
    pub async fn everything(
        &mut self,
        mut reader: Reader,
        wanted: &[&'a Report],
        choice: &Choice<'_>,
    ) -> Result<()> {
        let (of_database, of_server): (Vec<&'a Report>, Vec<&'a Report>) =
            wanted.iter().partition(|report| report.scope == Scope::Database);
        reader.reopen(None).await?;
        self.facts = Facts::of(&reader).await?;
        reader.reopen(None).await?;
        let found = databases::all(&reader, &self.context.env, choice).await?;
        for name in databases::names(&reader).await? {
            if !found.iter().any(|database| database.name == name) {
                self.without(&name, "it was excluded".to_owned(), Missing::Expected);
            }
        }
        let first = reader.database().to_owned();
        let others = found.iter().filter(|database| database.name != first).count();
        // It may be excluded, although the session is in it.
        let is_first_wanted = others < found.len();
        self.bar.set_length((of_server.len() + of_database.len() * found.len()) as u64);
        for report in of_server {
            self.of_server(report, &mut reader).await?;
        }
        let mut target = reader.target().clone();
        if self.is_silent {
            // A database whose catalogs are locked lets nobody in, and the others must not wait for it.
            target.connect_timeout.get_or_insert(ENTERING);
        }
        if is_first_wanted {
            self.database(&of_database, reader, &target).await?;
        } else {
            reader.close().await;
        }
        if of_database.is_empty() {
            return Ok(());
        }
        let others = found.into_iter().filter(|database| database.name != first);
        if self.parallel < 2 {
            for database in others {
                self.enter_and_take(database, &of_database, &target).await?;
            }
            return Ok(());
        }
        let others: Vec<Database> = others.collect();
        let open = others.iter().filter(|database| database.is_open);
        let open: Vec<String> = open.map(|database| database.name.clone()).collect();
        let beside = self.beside()?;
        let take = |database: Database| {
            let (beside, of_database, target) = (&beside, &of_database, &target);
            async move {
                let mut one = beside.beside()?;
                let done = one.enter_and_take(database, of_database, target).await;
                done.map(|()| one)
            }
        };
        let mut taken = std::pin::pin!(stream::iter(others.into_iter().map(take)).buffered(self.parallel));
        while let Some(one) = taken.next().await {
            self.add(one?)?;
        }
        // An answer about the server is taken only once, so these databases are tried one after the other.
        for name in open {
            if self.without_extension.is_empty() {
                break;
            }
            if let Ok(reader) = self.enter(&target.with_database(&name)).await {
                self.database(&[], reader, &target).await?;
            }
        }
        Ok(())
    }

    /// Returns an empty snapshot of the same kind, for the answers of a database that is asked at the same time.
    ///
    /// Errors: no temporary file can be created (74).
    fn beside(&self) -> Result<Taking<'a>> {
        Ok(Taking {
            context: self.context,
            session: self.session,
            settings: self.settings.clone(),
            is_named: self.is_named,
            is_silent: self.is_silent,
            parallel: 1,
            draft: self.draft.beside()?,
            refused: Vec::new(),
            without_extension: Vec::new(),
            exit: Exit::Done,
            facts: self.facts.clone(),
            bar: self.bar.clone(),
        })
    }

    /// Adds the answers that were taken at the same time. Errors: the snapshot cannot be written (74).
    fn add(&mut self, other: Taking<'a>) -> Result<()> {
        self.draft.add(other.draft)?;
        self.refused.extend(other.refused);
        self.exit = if self.exit == Exit::Done { other.exit } else { self.exit };
        Ok(())
    }

    /// Takes the answers of another database.
    ///
    /// Errors: the server is gone (69), or the snapshot cannot be written (74).
    async fn enter_and_take(
        &mut self,
        database: Database,
        reports: &[&'a Report],
        target: &Target,
    ) -> Result<()> {
        let name = database.name;
        if !database.is_open {
            let (why, missing) = match database.accepts {
                true => ("the role may not connect to it", Missing::Skipped),
                false => (CLOSED, Missing::Expected),
            };
            self.without(&name, why.to_owned(), missing);
            return Ok(());
        }
        let entered = match databases::check_name(&name) {
            Ok(()) => self.enter(&target.with_database(&name)).await,
            Err(e) => Err(e),
        };
        match entered {
            Ok(reader) => return self.database(reports, reader, target).await,
            Err(e) if databases::is_closed(&e) => self.without(&name, self.why(&e), Missing::Skipped),
            Err(_) if self.is_dropped(&name, target).await => {
                self.without(&name, "it was dropped in the meantime".to_owned(), Missing::Expected);
            }
            Err(e) => {
                let e = self.of_one_database(e, target).await?;
                self.fail(&format!("database {name:?}"), &e);
                // The server itself answers, so the usual reasons do not apply.
                let why = match self.is_silent && e.message.contains("timeout expired") {
                    true => "it let nobody in for some seconds: its catalogs may be locked".to_owned(),
                    false => self.why(&e),
                };
                self.without(&name, why, Missing::Failed);
            }
        }
        Ok(())
    }

    /// Returns an error that ended or prevented a session, if it concerns only one database: if a session of `target` is
    /// possible. Its exit code says then that the same can be tried again.
    ///
    /// Errors: this error, if the server is gone.
    async fn of_one_database(&self, e: Error, target: &Target) -> Result<Error> {
        if e.exit != Exit::Unavailable {
            return Ok(e);
        }
        match self.enter(target).await {
            Ok(reader) => {
                reader.close().await;
                Ok(Error { exit: Exit::TryAgain, ..e })
            }
            Err(_) => Err(e),
        }
    }

    /// Returns whether a database was dropped since the list of databases was read.
    async fn is_dropped(&self, name: &str, target: &Target) -> bool {
        is_dropped(async || self.enter(&target.with_database(name)).await).await
    }

    /// Prints an error, and keeps its exit code if it is the first.
    fn fail(&mut self, what: &str, e: &Error) {
        if self.is_silent {
            return;
        }
        error::print(&Error { message: format!("{what}: {}", e.message), ..e.clone() });
        self.exit = if self.exit == Exit::Done { e.exit } else { self.exit };
    }

    /// Returns why an answer is missing. What the server says may have a statement in it.
    fn why(&self, e: &Error) -> String {
        match &e.sqlstate {
            Some(state) if self.draft.is_redacted() => format!("the server refused it with SQLSTATE {state}"),
            _ => e.one_line(),
        }
    }

    /// Takes an answer that is about the server, from this session. If its database does not have the extension that the
    /// report needs, another database may have it.
    async fn of_server(&mut self, report: &'a Report, reader: &mut Reader) -> Result<()> {
        let before = self.refused.len();
        self.one(report, None, reader).await?;
        let needs_extension = report.texts.iter().any(|text| text.extension.is_some());
        if needs_extension && self.refused.len() > before {
            self.without_extension.push(report);
        }
        Ok(())
    }

    async fn enter(&self, target: &Target) -> Result<Reader> {
        open::reader(self.context, target, self.settings.clone(), &self.session.echo).await
    }

    /// Records that the answer of a report is missing because of an error.
    fn refuse(&mut self, report: &Report, flags: Vec<String>, database: Option<&str>, e: &Error) {
        // The report's name is recorded beside the reason.
        let why = self.why(e).trim_start_matches(&format!("{}: ", report.name)).to_owned();
        let (report, own, database) = (Some(report.name.clone()), report.own, database.map(str::to_owned));
        let expected = e.exit == Exit::TooOld;
        let damaged = resume::is_damage(e);
        self.refused.push(Refusal { report, own, flags, database, why, skipped: false, expected, damaged });
    }

    /// Records that all answers of this database are missing.
    fn without(&mut self, database: &str, why: String, missing: Missing) {
        let database = Some(database.to_owned());
        let (skipped, expected) = (missing != Missing::Failed, missing == Missing::Expected);
        self.refused.push(Refusal { database, why, skipped, expected, ..Refusal::default() });
    }

    /// Takes the answers of one database, and closes the session. If it is lost, the rest of them is missing.
    ///
    /// Errors: the server is gone, which a session of `target` shows (69), or the snapshot cannot be written (74).
    async fn database(&mut self, reports: &[&'a Report], mut reader: Reader, target: &Target) -> Result<()> {
        let name = reader.database().to_owned();
        let mut without_extension = std::mem::take(&mut self.without_extension).into_iter();
        while let Some(report) = without_extension.next() {
            let is_same = |one: &Refusal| one.report.as_ref() == Some(&report.name) && one.own == report.own;
            let (before, others) = std::mem::take(&mut self.refused).into_iter().partition(is_same);
            self.refused = others;
            if let Err(e) = self.of_server(report, &mut reader).await {
                // Another database may still have the extension.
                self.refused.retain(|refusal| !is_same(refusal));
                self.refused.extend::<Vec<Refusal>>(before);
                self.without_extension.push(report);
                self.without_extension.extend(without_extension);
                return self.lost(e, &name, reports, target).await;
            }
        }
        for (i, report) in reports.iter().enumerate() {
            if let Err(e) = self.one(report, Some(&name), &mut reader).await {
                return self.lost(e, &name, &reports[i..], target).await;
            }
        }
        reader.close().await;
        Ok(())
    }

    /// Records that the answers of these reports are missing, because the session in their database ended with the error `e`.
    ///
    /// Errors: `e` itself, if it does not say that the session ended, or if the server does not answer any more.
    async fn lost(&mut self, e: Error, name: &str, reports: &[&'a Report], target: &Target) -> Result<()> {
        if e.exit != Exit::Unavailable {
            return Err(e);
        }
        if self.is_dropped(name, target).await {
            self.without(name, "it was dropped in the meantime".to_owned(), Missing::Expected);
            return Ok(());
        }
        let e = self.of_one_database(e, target).await?;
        self.fail(&format!("database {name:?}"), &e);
        for report in reports {
            self.refuse(report, Vec::new(), Some(name), &e);
        }
        Ok(())
    }

    /// Takes the answer of a report, and those with the flags of its variants.
    async fn one(&mut self, report: &'a Report, database: Option<&str>, reader: &mut Reader) -> Result<()> {
        for line in report.flag_lines() {
            self.variant(report, line, database, reader).await?;
        }
        Ok(())
    }

    /// Takes the answer of a report with these flags.
    async fn variant(
        &mut self,
        report: &'a Report,
        line: &str,
        database: Option<&str>,
        reader: &mut Reader,
    ) -> Result<()> {
        let (flags, given) = params::variant(report, line)?;
        let message = match database {
            Some(database) => format!("{} of database {database}", report.name),
            None => report.name.clone(),
        };
        self.bar.set_message(escape::terminal(&message).into_owned());
        self.bar.inc(u64::from(line.is_empty()));
        let answer = self.answer(ReportRun { report, given }, flags.clone(), database, reader);
        let Err(e) = answer.await else { return Ok(()) };
        let ends_all = match e.exit {
            Exit::Unavailable | Exit::Io => true,
            // Whoever reads the snapshot is told.
            Exit::Bug => !self.is_silent,
            _ => false,
        };
        if ends_all {
            return Err(Error { message: format!("{}: {}", report.name, e.message), ..e });
        }
        // A missing privilege or extension is no failure unless the report was named.
        if self.is_named || !matches!(e.exit, Exit::TooOld | Exit::Permission) {
            let place = database.map(|database| format!(" of database {database:?}")).unwrap_or_default();
            self.fail(&format!("{}{place}", report.name), &e);
        }
        self.refuse(report, flags, database, &e);
        Ok(())
    }

    async fn answer(
        &mut self,
        mut report_run: ReportRun<'_>,
        flags: Vec<String>,
        database: Option<&str>,
        reader: &mut Reader,
    ) -> Result<()> {
        let report = report_run.report;
        let limit = self.settings.statement_timeout;
        let is_deep = report.checks.iter().any(|check| check.optional == Some(Optional::Deep));
        reader.set_statement_timeout(if is_deep { limit.map(|limit| limit.max(DEEP)) } else { limit });
        let before = tokio::time::Instant::now();
        reader.reopen(report_run.lock_timeout(self.session.limits().lock)?).await?;
        // It takes two round trips, and so does the statement until it runs.
        self.facts.fill(report, &mut report_run.given, before.elapsed());
        let hidden = RefCell::new(Vec::new());
        let quiet = self.session.echo.quiet;
        let tell = |remark: Remark<'_>| match remark {
            Remark::Verbose(_) => {}
            Remark::Cost(_) if quiet => {}
            Remark::Cost(says) => error::note(&format!("pgkit: {}: {says}", report.name)),
            Remark::Hidden(says) => hidden.borrow_mut().push(says.to_owned()),
        };
        let with_columns;
        if report.columns.is_empty() {
            with_columns = report_run.with_columns(reader, &tell).await?;
            report_run.report = &with_columns;
        }
        let columns = &report_run.report.columns;
        let part = Part {
            report: report.name.clone(),
            own: report.own,
            flags,
            database: database.map(str::to_owned),
            columns: columns.iter().map(Part::column).collect(),
            header: OwnHeader::of(report_run.report),
        };
        let mut answer = self.draft.begin(part, columns, &report.private);
        match resume::answer(&mut report_run, reader, &mut answer, &tell).await {
            Ok(Outcome::Complete(_) | Outcome::Enough) => answer.complete(hidden.take()),
            Err(e) => answer.cut_off().and(Err(e)),
        }
    }
}

//! Leads from the arguments of a report's command to its answer.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use anstyle::AnsiColor;
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};

use super::fleet::{self, Fleet};
use super::from;
use super::look::Look;
use super::round::one_line;
use super::verdict;
use super::way::Watcher;
use crate::answer::{Remark, ReportRun, Verdict};
use crate::commands::args::{self, OutputArgs, RoleArgs};
use crate::commands::context::Context;
use crate::commands::seats::Seat;
use crate::commands::servers::{self, Server};
use crate::commands::source::Source;
use crate::commands::{open, params};
use crate::connect::{self, Flags, ServerVersion, Target};
use crate::console;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::output;
use crate::pattern;
use crate::report::{Report, Scope};
use crate::session::{Echo, Reader, Settings};
use crate::units::parse_seconds;

/// Everything that one run of a report needs.
pub struct Job<'a> {
    pub context: &'a Context,
    /// The server's name, if several are asked.
    pub server: Option<String>,
    /// What `--service` says.
    service: Option<String>,
    /// The colour that the configuration file gives the server.
    pub color: Option<AnsiColor>,
    /// The permits that its sessions need, if several servers are asked.
    seat: Option<Seat>,
    pub report_run: ReportRun<'a>,
    /// The report's own flags, as they are typed.
    pub flags: Vec<String>,
    pub args: OutputArgs,
    pub target: Target,
    settings: Settings,
    pub look: Look,
    /// What this role may not see of the answers since the last verdict.
    pub hidden: RefCell<Vec<String>>,
    /// What was said of the answers' cost.
    costs: Rc<RefCell<BTreeSet<String>>>,
    /// The remarks about this one of several servers, which are printed after all rows.
    pub notes: RefCell<Vec<String>>,
}

/// Runs a report.
pub async fn run(context: &Context, report: &Report, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    run_observed(context, report, root, own, None).await
}

/// Runs a report with an observer that sees every row and judges each answer.
pub async fn run_observed(
    context: &Context,
    report: &Report,
    root: &ArgMatches,
    own: &ArgMatches,
    watcher: Watcher<'_>,
) -> Result<Exit> {
    let connection = args::connection_flags(root, own)?;
    let args = output_args(own, &connection)?;
    let report_run = ReportRun { report, given: params::given(report, own) };
    let role = RoleArgs::of_report(report, own)?;
    refuse_flags(report, &role, &args)?;
    if args.from.is_some() {
        return from::run(context, &report_run, &args, root, own, watcher).await;
    }
    refuse_connection_strings(&report_run)?;
    for text in report_run.patterns() {
        pattern::parse(text)?;
    }
    let every = args.watch.as_deref().map(parse_seconds).transpose()?;
    let look = Look::new(context, &report_run, &args)?;
    let servers = servers::several(context, root, own, &args.session.echo)?;
    let look = if servers.is_some() { look.plain() } else { look };
    if servers.is_some() && args.sql && args.server_version.is_none() {
        return Err(Error::usage("--sql cannot be used with several servers")
            .hint("name one server: the SQL depends on its version"));
    }
    let target = match servers.as_ref().and_then(|servers| servers.list.first()) {
        Some(first) => first.target.clone(),
        None => open::target(context, root, own, &args.session.echo)?,
    };
    let mut job = Job {
        context,
        server: None,
        color: servers::named(context, &connection).and_then(|server| server.color),
        service: connection.service,
        seat: None,
        target,
        settings: Settings {
            lock_timeout: report_run.lock_timeout(args.session.limits().lock)?,
            ..role.settings(&args.session)
        },
        look,
        flags: params::typed(report, own),
        report_run,
        args,
        hidden: RefCell::default(),
        costs: Rc::default(),
        notes: RefCell::default(),
    };
    if job.args.sql {
        return job.print_sql().await;
    }
    let with_columns;
    if report.columns.is_empty() {
        with_columns = match &servers {
            Some(servers) => fleet::first_columns(&job, servers).await?,
            None => job.first_columns().await?,
        };
        job.report_run.report = &with_columns;
    }
    let fleet = servers.map(|servers| Fleet::new(&job, servers));
    match every {
        Some(every) => job.watch(every, fleet.as_ref(), watcher).await,
        None => job.once(fleet.as_ref(), watcher).await,
    }
}

/// Returns the flags that all reports have, without defaults of the configuration file that do not fit flags of the command
/// line.
fn output_args(own: &ArgMatches, connection: &Flags) -> Result<OutputArgs> {
    let mut args = OutputArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let is_default = own.value_source("all_databases") == Some(ValueSource::DefaultValue);
    if is_default && connection.dbname.is_some() {
        args.all_databases = false;
    }
    // On the command line, they are refused together.
    if args.against.is_some() || args.from.is_some() {
        args.watch = None;
    }
    Ok(args)
}

/// Refuses flags that do not fit the report. Errors: wrong usage (64).
fn refuse_flags(report: &Report, role: &RoleArgs, args: &OutputArgs) -> Result<()> {
    if args.all_databases && report.scope != Scope::Database {
        return Err(Error::usage(format!("{} gives the same answer in every database", report.name))
            .hint("leave out --all-databases"));
    }
    if role.role.is_some() && (args.from.is_some() || report.scope == Scope::Pooler) {
        let why = if args.from.is_some() { "with --from" } else { "by a PgBouncer" };
        return Err(Error::usage(format!("--role cannot be used {why}")).hint("only a server has roles"));
    }
    Ok(())
}

/// Refuses a connection string where a name belongs. Errors: wrong usage (64).
fn refuse_connection_strings(report_run: &ReportRun<'_>) -> Result<()> {
    let is_url = |text: &&str| text.starts_with("postgres://") || text.starts_with("postgresql://");
    // A term may contain an equals sign, and a name hardly ever begins with `dbname=`.
    let is_string = |text: &&str| text.split_once('=').is_some_and(|(key, _)| connect::is_key(key.trim()));
    if report_run.texts().any(|text| is_url(&text)) || report_run.patterns().iter().any(is_string) {
        return Err(Error::usage("expected a name, not a connection string")
            .hint(format!("use -d: pgkit {} -d '...'", report_run.report.name)));
    }
    Ok(())
}

impl<'a> Job<'a> {
    /// Returns a copy of this job for one of several servers.
    pub fn of_server(&self, server: Server, seat: Seat) -> Job<'a> {
        Job {
            context: self.context,
            server: Some(server.name),
            service: None,
            color: None,
            seat: Some(seat),
            report_run: self.report_run.clone(),
            flags: self.flags.clone(),
            args: self.args.clone(),
            target: server.target,
            settings: self.settings.clone(),
            look: self.look.clone(),
            hidden: RefCell::default(),
            costs: Rc::clone(&self.costs),
            notes: RefCell::default(),
        }
    }

    /// Asks the server for the columns of a report that does not list them. Returns the report with them.
    async fn first_columns(&mut self) -> Result<Report> {
        let reader = self.reader(&self.target).await?;
        let with_columns = self.report_run.with_columns(&reader, &|text| self.tell(text)).await?;
        // Keep the password that was typed, so that it is asked for only once.
        self.target = reader.target().clone();
        reader.close().await;
        Ok(with_columns)
    }

    /// Returns ` on NAME` for a title; an empty text without `--service`.
    pub fn on(&self) -> String {
        self.service.as_ref().map_or_else(String::new, |name| format!(" on {}", escape::terminal(name)))
    }

    /// Prints a remark, or keeps it until the rows of all servers are printed.
    pub fn note(&self, text: &str) {
        if self.server.is_some() {
            self.notes.borrow_mut().push(text.to_owned());
        } else {
            error::note(&format!("pgkit: {text}"));
        }
    }

    /// Prints an error that does not end the run. One of several servers gets one line.
    pub fn print(&self, error: &Error) {
        if self.server.is_some() {
            self.note(&one_line(error));
        } else {
            error::print(error);
        }
    }

    pub fn tell(&self, remark: Remark<'_>) {
        match remark {
            Remark::Verbose(text) if self.args.verbose => self.note(text),
            Remark::Verbose(_) => {}
            // Once, however often --watch asks.
            Remark::Cost(says) => {
                if !self.args.session.echo.quiet && self.costs.borrow_mut().insert(says.to_owned()) {
                    error::note(&format!("pgkit: {}: {says}", self.report_run.report.name));
                }
            }
            Remark::Hidden(says) => {
                let mut hidden = self.hidden.borrow_mut();
                if !hidden.iter().any(|known| known == says) {
                    hidden.push(says.to_owned());
                }
            }
        }
    }

    pub async fn reader(&self, target: &Target) -> Result<Reader> {
        let (settings, echo) = (self.settings.clone(), &self.args.session.echo);
        if self.server.is_none() {
            return open::reader(self.context, target, settings, echo).await;
        }
        let reader = open::silent_reader(self.context, target, settings, self.echo()).await?;
        if let Some(overdue) = reader.overdue().filter(|_| !echo.quiet) {
            self.note(overdue);
        }
        Ok(reader)
    }

    /// Returns the function that prints SQL on stderr, if `-E` was given. That of one of several servers comes with the
    /// server's name.
    fn echo(&self) -> Echo {
        let echo = self.args.session.echo.echo()?;
        let Some(server) = &self.server else { return Some(echo) };
        let before = format!("-- server {}\n", escape::terminal(server));
        Some(Rc::new(move |sql: &str| echo(&format!("{before}{sql}"))))
    }

    /// Opens a session with the server or the pooler that the report is about. If several servers are asked, waits for a permit.
    pub async fn source(&self, target: &Target) -> Result<Source> {
        match &self.seat {
            Some(seat) => seat.open(self.open(target)).await,
            None => self.open(target).await,
        }
    }

    /// Lets other servers open their sessions, because this one has none now.
    pub fn leave(&self) {
        if let Some(seat) = &self.seat {
            seat.leave();
        }
    }

    async fn open(&self, target: &Target) -> Result<Source> {
        Ok(match self.report_run.report.scope {
            Scope::Pooler => {
                let limit = self.settings.statement_timeout;
                Source::Pooler(Box::new(open::console(self.context, target, limit, self.echo()).await?))
            }
            _ => Source::Server(Box::new(self.reader(target).await?)),
        })
    }

    async fn print_sql(&self) -> Result<Exit> {
        if self.report_run.report.scope == Scope::Pooler {
            output::print_sql(&console::script(self.report_run.report)?)?;
            return Ok(Exit::Done);
        }
        let script = match self.args.server_version {
            Some(major) => {
                let version = ServerVersion::parse(&major.to_string())
                    .filter(|v| v.major() >= ServerVersion::OLDEST)
                    .ok_or_else(|| {
                        Error::new(Exit::TooOld, format!("PostgreSQL {major} is too old"))
                            .hint(format!("pgkit works with PostgreSQL {} and later", ServerVersion::OLDEST))
                    })?;
                self.report_run.script_without_server(version, &self.settings, &self.target.database)?
            }
            None => {
                let reader = self.reader(&self.target).await?;
                let script = self.report_run.script(&reader, &|text| self.tell(text)).await?;
                reader.close().await;
                script
            }
        };
        output::print_sql(&script)?;
        Ok(Exit::Done)
    }

    pub fn judge(&self, watcher: &mut Watcher<'_>) -> Result<Verdict> {
        verdict::judge(
            &self.report_run.report.name,
            watcher,
            self.hidden.take(),
            self.args.session.echo.quiet,
        )
    }
}

//! `snapshot`: asks a server for the answers of its reports, and writes them to a file.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};

use super::show;
use crate::answer::{Outcome, Remark, ReportRun};
use crate::commands::args::{self, ConnectionArgs, RoleArgs, SessionArgs};
use crate::commands::context::Context;
use crate::commands::{databases, open, params};
use crate::connect::Target;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::likeness::nearest;
use crate::output;
use crate::report::{Report, Scope};
use crate::session::{Reader, Settings};
use crate::snapshot::{self, Draft, Header, Part, Refusal, Veil};

#[derive(Debug, Clone, Args)]
struct TakeArgs {
    /// The reports to take [default: all, and your own that have a key]
    #[arg(value_name = "REPORT")]
    reports: Vec<String>,
    /// Write it to FILE, - for stdout [default: a name with the host and the time, which is printed]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace statements and the names and addresses of clients by hashes
    #[arg(long)]
    redact: bool,
    /// Skip databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]
    #[arg(long, value_name = "PATTERN")]
    exclude_database: Vec<String>,
}

/// Returns the command.
pub fn command() -> Command {
    let about = "Save the answers of all reports to a file, for --from";
    let command = TakeArgs::augment_args(RoleArgs::augment_args(ConnectionArgs::augment_args(
        args::command("snapshot", about),
    )));
    SessionArgs::augment_args(command)
        .about(about)
        .subcommand(show::command())
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .after_help(format!(
            "It only reads, over one connection at a time, from every database that the role may connect to. Reports that\n\
             need an argument (describe), or that cost the server much (buffers), are left out unless they are named.\n\
             pgkit REPORT --from FILE gives a report's rows out of the file, in all formats, without a server.\n\n{}",
            args::example(&["pgkit snapshot -o monday.snap; pgkit sizes --from monday.snap --limit 5"])
        ))
}

/// Takes a snapshot, or shows one.
pub async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    if let Some(("show", own)) = own.subcommand() {
        return show::run(context, root, own).await;
    }
    let from = |e: clap::Error| Error::bug(e.to_string());
    let args = TakeArgs::from_arg_matches(own).map_err(from)?;
    let session = SessionArgs::from_arg_matches(own).map_err(from)?;
    let settings = RoleArgs::from_arg_matches(own).map_err(from)?.settings(&session);
    let (wanted, unusable) = chosen(context, &args.reports)?;
    let is_stdout = args.output.as_deref().is_some_and(snapshot::is_stdout);
    if is_stdout && std::io::stdout().is_terminal() {
        return Err(Error::usage("a snapshot is not text").hint("redirect it: pgkit snapshot -o - > FILE"));
    }
    let target = open::target(context, root, own, &session.echo)?;
    let start = Instant::now();
    let reader = open::reader(context, &target, settings.clone(), &session.echo).await?;
    let header = Header { redacted: args.redact, ..snapshot::identify(&reader).await? };
    let path = match &args.output {
        Some(_) if is_stdout => None,
        Some(path) => Some(path.clone()),
        None => Some(PathBuf::from(default_name(&header))),
    };
    let mut secret = [0; 32];
    openssl::rand::rand_bytes(&mut secret)
        .map_err(|e| Error::new(Exit::Io, "could not make a random secret").caused_by(e))?;
    let veil = args.redact.then(|| Veil::new(secret));
    let mut taking = Taking {
        context,
        session: &session,
        settings,
        is_named: !args.reports.is_empty(),
        is_redacted: args.redact,
        draft: Draft::for_file(path.as_deref(), veil)?,
        refused: unusable,
        without_extension: Vec::new(),
        exit: Exit::Done,
        bar: bar(session.echo.quiet, &wanted),
    };
    taking.everything(reader, &wanted, &args.exclude_database).await?;
    taking.bar.finish_and_clear();
    let Taking { draft, refused, exit, .. } = taking;
    let (parts, rows, missing) =
        (draft.parts(), draft.rows(), refused.iter().filter(|refusal| !refusal.skipped).count());
    if parts == 0 && !args.reports.is_empty() && exit == Exit::Done {
        return Err(Error::data("there is nothing to take: every database is excluded or cannot be entered"));
    }
    let skipped = refused.iter().filter(|refusal| refusal.skipped).filter_map(|one| one.database.as_deref());
    let skipped: Vec<&str> = skipped.collect();
    if !skipped.is_empty() {
        session.echo.remark(&format!("snapshot: skipped: {}", skipped.join(", ")));
    }
    draft.finish(Header { refused, ..header }, path.as_deref())?;
    let shown = path.as_ref().map(|path| path.display().to_string());
    let hint = match (&shown, missing) {
        (_, 0) => String::new(),
        (None, _) => format!("; {missing} missing"),
        (Some(path), _) => format!("; {missing} missing: pgkit snapshot show {path} says why"),
    };
    session.echo.remark(&format!(
        "snapshot: {parts} answers, {rows} rows, {:.1} s{hint}",
        start.elapsed().as_secs_f64()
    ));
    if let (None, Some(path)) = (&args.output, shown) {
        output::print(&format!("{path}\n"))?;
    }
    Ok(exit)
}

/// Returns the reports to take, and what cannot be taken of the user's own.
///
/// Errors: a report that is named is unknown or cannot be taken (64).
fn chosen<'a>(context: &'a Context, names: &[String]) -> Result<(Vec<&'a Report>, Vec<Refusal>)> {
    let own = context.own.iter().filter_map(|(_, report)| report.as_ref().ok());
    let known: Vec<&Report> = context.reports.iter().chain(own).collect();
    if names.is_empty() {
        let is_taken = |report: &&&Report| {
            can_be_taken(report).is_ok()
                && (!report.own || !report.key.is_empty())
                && report.texts.iter().all(|text| text.cost.is_empty())
        };
        let unusable = context.own.iter().filter_map(|(name, report)| {
            let why = match report {
                Ok(report) if report.key.is_empty() => return None,
                Ok(report) => can_be_taken(report).err()?.one_line(),
                Err(e) => e.one_line(),
            };
            Some(Refusal { report: Some(name.clone()), own: true, why, ..Refusal::default() })
        });
        return Ok((known.iter().filter(is_taken).copied().collect(), unusable.collect()));
    }
    let mut wanted: Vec<&Report> = Vec::new();
    for name in names {
        let fault =
            context.own.iter().find(|(own, _)| own == name).and_then(|(_, report)| report.as_ref().err());
        // One of the user's own may have the name of a built-in one.
        let found: Vec<&Report> = known.iter().filter(|report| report.name == *name).copied().collect();
        match (found.first(), fault) {
            (_, Some(fault)) => return Err(fault.clone()),
            (Some(_), None) => {}
            (None, None) => {
                let like = nearest(name, known.iter().map(|report| report.name.as_str()), 0.75);
                let hint = like.map(|like| format!("; did you mean {like:?}?")).unwrap_or_default();
                return Err(Error::usage(format!("unknown report {name:?}{hint}")));
            }
        }
        for report in found {
            can_be_taken(report)?;
            if !wanted.iter().any(|other| other.name == report.name && other.own == report.own) {
                wanted.push(report);
            }
        }
    }
    Ok((wanted, Vec::new()))
}

/// Checks that a report can be in a snapshot. Errors: it needs an argument, or is not about a server (64).
fn can_be_taken(report: &Report) -> Result<()> {
    if report.scope == Scope::Pooler {
        return Err(Error::usage(format!(
            "{} is about a PgBouncer, so it cannot be in a snapshot",
            report.name
        )));
    }
    params::variant(report, "")
        .map(|_| ())
        .map_err(|e| Error::usage(format!("{}, so it cannot be in a snapshot", e.message)))
}

/// Returns the name of a snapshot's file if the user does not name one.
fn default_name(header: &Header) -> String {
    let is_socket = header.host.starts_with(['/', '@']) || header.host.is_empty();
    let host: String = if is_socket { "local" } else { &header.host }
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
        .collect();
    format!("pgkit-{host}-{}.snap", header.taken.strftime("%Y%m%dT%H%M%SZ"))
}

/// Returns the line that shows which report is being taken, if stderr is a terminal.
fn bar(quiet: bool, wanted: &[&Report]) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(wanted.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len}: {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

/// A snapshot that is being taken.
struct Taking<'a> {
    context: &'a Context,
    session: &'a SessionArgs,
    settings: Settings,
    /// Whether the user has named the reports.
    is_named: bool,
    /// Whether statements and the names of clients are replaced by hashes.
    is_redacted: bool,
    draft: Draft,
    refused: Vec<Refusal>,
    /// The reports about the server that need an extension, which the databases so far do not have.
    without_extension: Vec<&'a Report>,
    /// The exit code: that of the first failure.
    exit: Exit,
    bar: ProgressBar,
}

impl<'a> Taking<'a> {
    /// Takes all answers: those about the server from the first session, the others from every database.
    ///
    /// Errors: the session is lost (69), or the snapshot cannot be written (74). Everything else that fails is recorded
    /// in the snapshot, and the rest goes on.
    async fn everything(
        &mut self,
        mut reader: Reader,
        wanted: &[&'a Report],
        exclude: &[String],
    ) -> Result<()> {
        let (of_database, of_server): (Vec<&'a Report>, Vec<&'a Report>) =
            wanted.iter().partition(|report| report.scope == Scope::Database);
        reader.reopen(None).await?;
        let found = databases::all(&reader, &self.context.env, exclude).await?;
        for name in databases::names(&reader).await? {
            if !found.iter().any(|database| database.name == name) {
                self.without(&name, "it was excluded".to_owned(), true);
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
        let target = reader.target().clone();
        if is_first_wanted {
            self.database(&of_database, reader, &target).await?;
        } else {
            reader.close().await;
        }
        if of_database.is_empty() {
            return Ok(());
        }
        for database in found.into_iter().filter(|database| database.name != first) {
            let name = database.name;
            if !database.is_open {
                let why = "it accepts no connections, or the role may not connect to it";
                self.without(&name, why.to_owned(), true);
                continue;
            }
            match self.enter(&target.with_database(&name)).await {
                Ok(reader) => self.database(&of_database, reader, &target).await?,
                Err(e) if databases::is_closed(&e) => self.without(&name, self.why(&e), true),
                Err(e) => {
                    let e = self.of_one_database(e, &target).await?;
                    self.fail(&format!("database {name:?}"), &e);
                    self.without(&name, self.why(&e), false);
                }
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

    /// Prints an error, and keeps its exit code if it is the first.
    fn fail(&mut self, what: &str, e: &Error) {
        error::print(&Error { message: format!("{what}: {}", e.message), ..e.clone() });
        self.exit = if self.exit == Exit::Done { e.exit } else { self.exit };
    }

    /// Returns why an answer is missing. What the server says may have a statement in it.
    fn why(&self, e: &Error) -> String {
        match &e.sqlstate {
            Some(state) if self.is_redacted => format!("the server refused it with SQLSTATE {state}"),
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

    /// Records that all answers of this database are missing.
    fn without(&mut self, database: &str, why: String, skipped: bool) {
        let database = Some(database.to_owned());
        self.refused.push(Refusal { database, why, skipped, ..Refusal::default() });
    }

    /// Takes the answers of one database, and closes the session. If it is lost, the rest of them is missing.
    ///
    /// Errors: the server is gone, which a session of `target` shows (69), or the snapshot cannot be written (74).
    async fn database(&mut self, reports: &[&'a Report], mut reader: Reader, target: &Target) -> Result<()> {
        let name = reader.database().to_owned();
        for report in std::mem::take(&mut self.without_extension) {
            let is_same = |one: &Refusal| one.report.as_ref() == Some(&report.name) && one.own == report.own;
            self.refused.retain(|refusal| !is_same(refusal));
            self.of_server(report, &mut reader).await?;
        }
        for (i, report) in reports.iter().enumerate() {
            let Err(e) = self.one(report, Some(&name), &mut reader).await else { continue };
            if e.exit != Exit::Unavailable {
                return Err(e);
            }
            let e = self.of_one_database(e, target).await?;
            self.fail(&format!("database {name:?}"), &e);
            for report in &reports[i..] {
                self.refused.push(Refusal {
                    report: Some(report.name.clone()),
                    own: report.own,
                    database: Some(name.clone()),
                    why: self.why(&e),
                    ..Refusal::default()
                });
            }
            return Ok(());
        }
        reader.close().await;
        Ok(())
    }

    /// Takes the answer of a report, and those with the flags of its variants.
    async fn one(&mut self, report: &'a Report, database: Option<&str>, reader: &mut Reader) -> Result<()> {
        for line in std::iter::once("").chain(report.variants.iter().map(String::as_str)) {
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
        if matches!(e.exit, Exit::Unavailable | Exit::Io | Exit::Bug) {
            return Err(Error { message: format!("{}: {}", report.name, e.message), ..e });
        }
        let refusal = Refusal {
            report: Some(report.name.clone()),
            own: report.own,
            flags,
            database: database.map(str::to_owned),
            // The reason stands beside the report's name.
            why: self.why(&e).trim_start_matches(&format!("{}: ", report.name)).to_owned(),
            skipped: false,
        };
        // A missing privilege or extension is no failure unless the report was named.
        if self.is_named || !matches!(e.exit, Exit::TooOld | Exit::Permission) {
            let place = database.map(|database| format!(" of database {database:?}")).unwrap_or_default();
            self.fail(&format!("{}{place}", report.name), &e);
        }
        self.refused.push(refusal);
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
        reader.reopen(report_run.lock_timeout(self.session.limits().lock)?).await?;
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
            with_columns = Report { columns: report_run.columns(reader, &tell).await?, ..report.clone() };
            report_run.report = &with_columns;
        }
        let columns = &report_run.report.columns;
        let part = Part {
            report: report.name.clone(),
            own: report.own,
            flags,
            database: database.map(str::to_owned),
            columns: columns.iter().map(Part::column).collect(),
        };
        let mut answer = self.draft.begin(part, columns, &report.private);
        match report_run.answer(reader, &mut answer, &tell).await {
            Ok(Outcome::Complete(_) | Outcome::Enough) => answer.complete(hidden.take()),
            Err(e) => answer.cut_off().and(Err(e)),
        }
    }
}

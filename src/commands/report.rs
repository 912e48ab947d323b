//! Runs a report: one answer, one from every database, or one after the other.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clap::{ArgMatches, FromArgMatches};

use super::against::{self, Against, Earlier};
use super::context::Context;
use super::databases::{self, Database};
use super::screen::{Next, Pace, Screen};
use super::source::Source;
use super::{from, open, params};
use crate::answer::{Observer, Outcome, Remark, ReportRun, Verdict};
use crate::commands::args::{OutputArgs, RoleArgs};
use crate::connect::{self, Environment, ServerVersion, Target};
use crate::console;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::output::terminal;
use crate::output::{self, Output};
use crate::pattern;
use crate::pipeline::{Pipeline, Printer, RowOptions};
use crate::render::{FormatName, Style};
use crate::report::{ParamType, Report, Scope};
use crate::rows::Column;
use crate::rows::cell::Raw;
use crate::rows::{Flow, RowSink};
use crate::session::{Reader, Settings};
use crate::units::parse_seconds;

/// Everything that one run of a report needs.
struct Job<'a> {
    context: &'a Context,
    report_run: ReportRun<'a>,
    /// The report's own flags, as they are typed.
    flags: Vec<String>,
    args: OutputArgs,
    target: Target,
    settings: Settings,
    look: Look,
    /// What this role may not see of the answers since the last verdict.
    hidden: RefCell<Vec<String>>,
    /// What was said of the answers' cost.
    costs: RefCell<BTreeSet<String>>,
}

/// How an answer is shown, and which of its rows and columns.
pub(super) struct Look {
    pub(super) row_options: RowOptions,
    pub(super) format: FormatName,
    pub(super) style: Style,
    /// The size of the terminal, if stdout is one.
    pub(super) terminal: Option<(usize, usize)>,
}

impl Look {
    /// Returns what these flags ask for. Errors: see [`FormatArgs::row_options`](super::args::FormatArgs::row_options).
    pub(super) fn new(context: &Context, report_run: &ReportRun<'_>, args: &OutputArgs) -> Result<Look> {
        let report = report_run.report;
        let terminal = terminal::size(context.env.var("COLUMNS"));
        let mut row_options = args.format.row_options()?;
        row_options.sort = row_options.sort.or_else(|| report.order.clone());
        let tree = report_run.tree().cloned();
        let drawn = match (&tree, &report.sections) {
            (Some(_), _) => Some(FormatName::Tree),
            (None, Some(_)) => Some(FormatName::Sections),
            (None, None) => None,
        };
        let format = match drawn {
            // A person reads such rows best as what they are.
            Some(drawn) if terminal.is_some() && args.format.is_plain() && row_options.leave_a_tree() => {
                drawn
            }
            _ => args.format.format(terminal.is_some()),
        };
        let style = Style {
            tree,
            sections: report.sections.clone(),
            one_line: args.watch.is_some() && format == FormatName::Json,
            ..args.format.style(terminal, &context.env)
        };
        Ok(Look { row_options, format, style, terminal })
    }

    /// Opens stdout, with a pager on a terminal unless `no_pager`.
    pub(super) fn output(&self, env: &Environment, no_pager: bool) -> Result<Output> {
        let height = self.terminal.map_or(0, |(_, height)| height);
        let pager = if self.terminal.is_some() && !no_pager { pager(env) } else { None };
        Output::new(pager, height)
    }
}

/// The observer of an answer's rows, if there is one.
pub(super) type Watcher<'a> = Option<&'a mut (dyn Observer + 'static)>;

/// Takes an answer's rows past the observer and then, with some values put before their own, to stdout.
pub(super) struct Way<'a> {
    printer: Printer<'a>,
    observer: Watcher<'a>,
    /// The time and the database, as far as they are shown.
    pub(super) before: Vec<String>,
    /// Whether stdout wants more rows. If it does not, the observer still sees them.
    flow: Flow,
    /// The earlier answer that the rows are compared with.
    pub(super) against: Option<Box<Against>>,
}

impl<'a> Way<'a> {
    pub(super) fn new(
        pipeline: &'a mut Pipeline,
        out: &'a mut Output,
        observer: Watcher<'a>,
        against: Option<Box<Against>>,
    ) -> Way<'a> {
        Way { printer: Printer { pipeline, out }, observer, before: Vec::new(), flow: Flow::More, against }
    }

    /// Begins the rows of a database, whose name is shown before them if `is_shown`.
    pub(super) fn begin(&mut self, database: Option<&str>, is_shown: bool) {
        self.before = database.filter(|_| is_shown).map(str::to_owned).into_iter().collect();
        if let Some(against) = &mut self.against {
            against.begin(database);
        }
    }

    /// Records that the answer of a database is complete.
    pub(super) fn complete(&mut self, database: Option<&str>) {
        if let (Some(against), Some(database)) = (&mut self.against, database) {
            against.complete(database);
        }
    }
}

/// Prints a row, with these values put before its own.
fn print(printer: &mut Printer<'_>, before: &[&str], raw: &[Option<&[u8]>]) -> Result<Flow> {
    if before.is_empty() {
        return printer.row(raw);
    }
    let before = before.iter().map(|value| Some(value.as_bytes()));
    let all: Raw<'_> = before.chain(raw.iter().copied()).collect();
    printer.row(&all)
}

impl RowSink for Way<'_> {
    fn head(&mut self, columns: &[Column]) -> Result<()> {
        self.flow = Flow::More;
        self.observer.as_mut().map_or(Ok(()), |observer| observer.head(columns))
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        if self.flow == Flow::More {
            let before: Vec<&str> = self.before.iter().map(String::as_str).collect();
            let printer = &mut self.printer;
            self.flow = match &mut self.against {
                None => print(printer, &before, raw)?,
                // Nothing else than the database is put before the rows of a comparison.
                Some(against) => against.row(before.first().copied(), raw, &mut |database, row| {
                    print(printer, database.as_slice(), row)
                })?,
            };
        }
        match &mut self.observer {
            Some(observer) => observer.row(raw),
            None => Ok(self.flow),
        }
    }

    fn end(&mut self) -> Result<()> {
        let printer = &mut self.printer;
        match &mut self.against {
            Some(against) if against.is_collecting => return Ok(()),
            Some(against) if self.flow == Flow::More => {
                against.gone(&mut |database, row| print(printer, database.as_slice(), row))?;
            }
            _ => {}
        }
        self.printer.end()
    }

    fn wants_none(&self) -> bool {
        self.observer.is_none() && self.against.is_none() && self.printer.wants_none()
    }
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
    let args = OutputArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let report_run = ReportRun { report, given: params::given(report, own) };
    if args.all_databases && report.scope != Scope::Database {
        return Err(Error::usage(format!("{} gives the same answer in every database", report.name))
            .hint("leave out --all-databases"));
    }
    let role = RoleArgs::of_report(report, own)?;
    if role.role.is_some() && (args.from.is_some() || report.scope == Scope::Pooler) {
        let why = if args.from.is_some() { "with --from" } else { "by a PgBouncer" };
        return Err(Error::usage(format!("--role cannot be used {why}")).hint("only a server has roles"));
    }
    if let Some(path) = &args.from {
        return from::run(context, &report_run, path, &args, root, own, watcher).await;
    }
    let is_url = |text: &&str| text.starts_with("postgres://") || text.starts_with("postgresql://");
    // A term may contain an equals sign, and a name hardly ever begins with `dbname=`.
    let is_string = |text: &&str| text.split_once('=').is_some_and(|(key, _)| connect::is_key(key.trim()));
    if report_run.texts().any(|text| is_url(&text)) || report_run.patterns().iter().any(is_string) {
        return Err(Error::usage("expected a name, not a connection string")
            .hint(format!("use -d: pgkit {} -d '...'", report.name)));
    }
    for text in report_run.patterns() {
        pattern::parse(text)?;
    }
    let every = args.watch.as_deref().map(parse_seconds).transpose()?;
    let look = Look::new(context, &report_run, &args)?;
    let mut job = Job {
        context,
        target: open::target(context, root, own, &args.session.echo)?,
        settings: Settings {
            lock_timeout: report_run.lock_timeout(args.session.limits().lock)?,
            ..role.settings(&args.session)
        },
        look,
        flags: params::typed(report, own),
        report_run,
        args,
        hidden: RefCell::default(),
        costs: RefCell::default(),
    };
    if job.args.sql {
        return job.print_sql().await;
    }
    let with_columns;
    if report.columns.is_empty() {
        let reader = job.reader(&job.target).await?;
        let columns = job.report_run.columns(&reader, &|text| job.tell(text)).await?;
        // Keep the password that was typed, so that it is asked for only once.
        job.target = reader.target().clone();
        reader.close().await;
        with_columns = Report { columns, ..report.clone() };
        job.report_run.report = &with_columns;
    }
    match every {
        Some(every) => job.watch(every, watcher).await,
        None => job.once(watcher).await,
    }
}

/// Returns the columns of an answer with those that are put before them. Errors: it has a column of that name (64).
pub(super) fn with_before<'a>(
    report: &str,
    before: impl Iterator<Item = &'a str>,
    columns: &[Column],
) -> Result<Vec<Column>> {
    let mut all: Vec<Column> = before.map(Column::text).collect();
    if let Some(twice) = columns.iter().find(|column| all.iter().any(|other| other.name == column.name)) {
        let message = format!("{report} already has a column {:?}", twice.name);
        return Err(Error::usage(message).hint(
            "--watch adds a column `at`, --all-databases a column `database`: rename the report's column",
        ));
    }
    all.extend(columns.iter().cloned());
    Ok(all)
}

/// Returns the verdict on an answer that is now complete: that of its observer, and what the role could not see.
pub(super) fn judge(
    report: &str,
    watcher: &mut Watcher<'_>,
    hidden: Vec<String>,
    is_quiet: bool,
) -> Result<Verdict> {
    let mut verdict = match watcher {
        Some(watcher) => watcher.judge()?,
        None => Verdict { exit: Exit::Done, remarks: Vec::new() },
    };
    verdict.remarks.extend(hidden);
    if is_quiet {
        verdict.remarks.clear();
    }
    for remark in &mut verdict.remarks {
        *remark = format!("pgkit: {report}: {remark}");
    }
    Ok(verdict)
}

/// Returns the pager for long answers on a terminal; `None` if there is none.
fn pager(env: &Environment) -> Option<String> {
    let named = ["PGKIT_PAGER", "PSQL_PAGER", "PAGER"].iter().find_map(|name| env.var(name));
    let command = named.unwrap_or("less").trim();
    if command.is_empty() || command == "cat" {
        return None;
    }
    let program = command.split_whitespace().next().unwrap_or_default();
    let found = program.contains('/')
        || env
            .var("PATH")
            .is_some_and(|path| path.split(':').any(|dir| std::path::Path::new(dir).join(program).is_file()));
    found.then(|| command.to_owned())
}

impl Job<'_> {
    fn tell(&self, remark: Remark<'_>) {
        match remark {
            Remark::Verbose(text) if self.args.verbose => error::note(&format!("pgkit: {text}")),
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

    async fn reader(&self, target: &Target) -> Result<Reader> {
        open::reader(self.context, target, self.settings.clone(), &self.args.session.echo).await
    }

    /// Opens a session with what the report is about.
    async fn source(&self, target: &Target) -> Result<Source> {
        let echo = &self.args.session.echo;
        Ok(match self.report_run.report.scope {
            Scope::Pooler => {
                let limit = self.settings.statement_timeout;
                Source::Pooler(Box::new(open::console(target, limit, echo).await?))
            }
            _ => Source::Server(Box::new(self.reader(target).await?)),
        })
    }

    fn pipeline(&self, style: &Style) -> Result<Pipeline> {
        let is_stamped = self.args.watch.is_some() && !self.redraws();
        let before = [is_stamped.then_some("at"), self.args.all_databases.then_some("database")];
        let report = self.report_run.report;
        let columns = with_before(&report.name, before.into_iter().flatten(), &report.columns)?;
        Pipeline::new(&report.name, columns, &self.look.row_options, self.look.format, style)
    }

    /// Returns whether `--watch` redraws the screen.
    fn redraws(&self) -> bool {
        self.look.terminal.is_some()
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

    fn judge(&self, watcher: &mut Watcher<'_>) -> Result<Verdict> {
        judge(&self.report_run.report.name, watcher, self.hidden.take(), self.args.session.echo.quiet)
    }

    async fn once(&self, mut watcher: Watcher<'_>) -> Result<Exit> {
        let earlier = self.args.against.as_deref().map(Earlier::read).transpose()?;
        let report = self.report_run.report;
        let mut against = match &earlier {
            None => None,
            Some(earlier) => Some(Box::new(Against::new(
                report,
                &report.columns,
                &self.flags,
                earlier,
                &self.target.database,
                self.args.all_databases,
                false,
            )?)),
        };
        // Report wrong flags before connecting.
        let mut pipeline = match &against {
            None => self.pipeline(&self.look.style)?,
            Some(against) => self.pipeline_of(against)?,
        };
        let mut source = self.source(&self.target).await?;
        // Keep the password that was typed, so that it is asked for only once.
        let target = source.target().clone();
        let mut out = self.look.output(&self.context.env, self.args.no_pager)?;
        if let (Some(Earlier::Wait(time)), Some(collecting)) = (&earlier, &mut against) {
            let start = Instant::now();
            collecting.begin_earlier(source.identify().await?);
            let mut way = Way::new(&mut pipeline, &mut out, None, against.take());
            let exit = self.round(source, None, &mut way).await?.0;
            against = way.against.take();
            if exit != Exit::Done {
                return Ok(exit);
            }
            tokio::time::sleep(time.saturating_sub(start.elapsed())).await;
            source = self.source(&target).await?;
            if let Some(against) = &mut against {
                against.begin_later(source.identify().await?, Some(start.elapsed().as_secs_f64()));
            }
        } else if let Some(against) = &mut against {
            against.begin_later(source.identify().await?, None);
        }
        pipeline.head(&mut out);
        let mut way = Way::new(&mut pipeline, &mut out, watcher.as_deref_mut(), against);
        let exit = self.round(source, None, &mut way).await?.0;
        let against = way.against.take();
        pipeline.end(&mut out);
        out.finish().await?;
        let mut verdict = self.judge(&mut watcher)?;
        verdict.remarks.iter().for_each(|remark| error::note(remark));
        if let Some(against) = against {
            if !self.args.session.echo.quiet {
                against.say();
            }
            if verdict.exit == Exit::Done && self.args.fail_on_change && against.differ.differences > 0 {
                verdict.exit = Exit::BadAnswer;
            }
        }
        Ok(if exit == Exit::Done { verdict.exit } else { exit })
    }

    /// Returns the pipeline for the differences of two answers.
    fn pipeline_of(&self, against: &Against) -> Result<Pipeline> {
        let report = self.report_run.report;
        let before = self.args.all_databases.then_some("database");
        let columns = with_before(&report.name, before.into_iter(), &against.differ.columns())?;
        let mut row_options = self.look.row_options.clone();
        against::with_sort(&mut row_options, report, &columns);
        let style = Style { tree: None, sections: None, ..self.look.style.clone() };
        let format = self.args.format.format(self.look.terminal.is_some());
        Pipeline::new(&report.name, columns, &row_options, format, &style)
    }

    /// Gets one answer, or one from every database. Returns the session if it can be used again.
    async fn round(
        &self,
        mut source: Source,
        at: Option<&str>,
        way: &mut Way<'_>,
    ) -> Result<(Exit, Option<Source>)> {
        let (exit, left) = match source {
            Source::Server(reader) if self.args.all_databases => {
                (self.everywhere(*reader, at, way).await?, None)
            }
            _ => {
                way.begin(Some(&self.target.database), false);
                way.before.extend(at.map(str::to_owned));
                match source.answer(&self.report_run, way, &|text| self.tell(text)).await? {
                    Outcome::Enough => {
                        source.abandon().await;
                        (Exit::Done, None)
                    }
                    Outcome::Complete(rows) => {
                        self.say_if_nothing(rows);
                        if self.args.watch.is_some() {
                            (Exit::Done, Some(source))
                        } else {
                            source.close().await;
                            (Exit::Done, None)
                        }
                    }
                }
            }
        };
        way.end()?;
        Ok((exit, left))
    }

    fn say_if_nothing(&self, rows: u64) {
        let report = self.report_run.report;
        let patterns = self.report_run.patterns();
        // A name that was typed: an empty answer may mean that there is no such role or database.
        let names = report.params.iter().zip(&self.report_run.given);
        let names = names.filter(|(param, _)| param.kind == ParamType::Text && param.one_of.is_empty());
        let names = names.filter_map(|(param, given)| params::as_typed(param, given));
        let shown: Vec<String> = patterns.iter().map(|p| format!("{p:?}")).chain(names).collect();
        if rows == 0 && !shown.is_empty() && !self.args.session.echo.quiet {
            let system = !patterns.is_empty() && report.params.iter().any(|p| p.name == "system");
            error::note(&format!(
                "pgkit: {}: nothing matches {}{}",
                report.name,
                escape::terminal(&shown.join(", ")),
                if system { " (system catalogs are skipped; include them with --system)" } else { "" }
            ));
        }
    }

    /// Gets one answer from each database, in the order of their names. Databases that are skipped or fail are
    /// reported, and the rest goes on; the exit code is then that of the first failure.
    async fn everywhere(&self, reader: Reader, at: Option<&str>, way: &mut Way<'_>) -> Result<Exit> {
        let found = databases::all(&reader, &self.context.env, &self.args.exclude_database).await?;
        if let Some(against) = &mut way.against {
            // A database whose answer becomes complete counts as looked at.
            databases::names(&reader).await?.iter().for_each(|name| against.unseen(name));
        }
        let (open, mut closed): (Vec<Database>, Vec<Database>) =
            found.into_iter().partition(|one| one.is_open);
        let target = reader.target().clone();
        reader.close().await;
        // A pattern of three parts names one database.
        let parsed =
            self.report_run.patterns().into_iter().map(pattern::parse).collect::<Result<Vec<_>>>()?;
        let meant = |name: &str| {
            parsed.is_empty() || parsed.iter().any(|p| p.database.as_deref().is_none_or(|d| d == name))
        };
        let mut exit = Exit::Done;
        let mut rows = 0;
        for database in open.into_iter().filter(|one| meant(&one.name)) {
            let name = &database.name;
            way.begin(Some(name), true);
            way.before.splice(0..0, at.map(str::to_owned));
            let answer = async {
                let mut reader = match self.reader(&target.with_database(name)).await {
                    Ok(reader) => reader,
                    // Managed services have databases of their own that pg_hba.conf rejects; and a database may
                    // have been dropped.
                    Err(e) if databases::is_closed(&e) => {
                        self.tell(Remark::Verbose(&format!("database {name:?}: {}", e.message)));
                        return Ok(None);
                    }
                    Err(e) => return Err(e),
                };
                match self.report_run.answer(&mut reader, way, &|text| self.tell(text)).await {
                    Ok(Outcome::Enough) => {
                        reader.abandon().await;
                        Ok(Some(Outcome::Enough))
                    }
                    other => {
                        reader.close().await;
                        other.map(Some)
                    }
                }
            };
            match answer.await {
                Ok(Some(Outcome::Complete(n))) => {
                    way.complete(Some(name));
                    rows += n;
                }
                Ok(Some(Outcome::Enough)) => break,
                Ok(None) => closed.push(database),
                // No other database would accept this regular expression either.
                Err(e)
                    if matches!(e.exit, Exit::Io | Exit::Bug) || e.sqlstate.as_deref() == Some("2201B") =>
                {
                    return Err(e);
                }
                Err(e) => {
                    error::print(&Error {
                        message: format!("database {name:?}: {}", e.message),
                        ..e.clone()
                    });
                    if exit == Exit::Done {
                        exit = e.exit;
                    }
                }
            }
        }
        if !closed.is_empty() && !self.args.session.echo.quiet {
            closed.sort_by(|a, b| a.name.cmp(&b.name));
            let names: Vec<&str> = closed.iter().map(|one| one.name.as_str()).collect();
            error::note(&format!("pgkit: cannot connect, skipped: {}", names.join(", ")));
        }
        if exit == Exit::Done {
            self.say_if_nothing(rows);
        }
        Ok(exit)
    }

    /// Repeats the report at a fixed interval, measured from start to start; missed ticks are skipped.
    async fn watch(&self, every: Duration, mut watcher: Watcher<'_>) -> Result<Exit> {
        // Print one array per line, because the rows of one answer belong together.
        let one_line = self.look.style.one_line;
        let mut pipeline = self.pipeline(&self.look.style)?;
        let first = self.source(&self.target).await?;
        // Keep the password that was typed, so that it is asked for only once.
        let target = first.target().clone();
        let mut source = Some(first);
        let mut out = Output::new(None, 0)?;
        let mut said: Vec<String> = Vec::new();
        if !self.redraws() && !one_line {
            pipeline.head(&mut out);
        }
        let mut screen = if self.redraws() { Some(Screen::open()?) } else { None };
        if screen.is_some() {
            out.hold();
        }
        let mut pace = Pace::new(every, self.redraws());
        loop {
            if pace.next().await == Next::End {
                if let Some(source) = source {
                    source.close().await;
                }
                return end(screen, out).await.map(|()| Exit::Done);
            }
            // The window may have been resized since the last answer.
            let (width, height) = match terminal::size(self.context.env.var("COLUMNS")) {
                Some((width, height)) => (Some(width), height),
                None => (None, 0),
            };
            let style = Style { width, ..self.look.style.clone() };
            #[expect(clippy::disallowed_methods, reason = "the moment of an answer, shown beside it")]
            let now = jiff::Timestamp::now().round(jiff::Unit::Millisecond).unwrap_or_default();
            let session = match source.take() {
                Some(mut open) => open.reopen().await.map(|()| open),
                None => Err(Error::new(Exit::Unavailable, "")),
            };
            // A lost session is reopened, as often as necessary.
            let session = match session {
                Ok(session) => Ok(session),
                Err(_) => self.source(&target).await,
            };
            let at = (!self.redraws()).then(|| now.to_string());
            if self.redraws() || one_line {
                pipeline = self.pipeline(&style)?;
            } else {
                pipeline.begin_round();
            }
            let round = match session {
                Ok(session) => {
                    if self.redraws() {
                        let local =
                            now.to_zoned((**self.look.style.zone).clone()).strftime("%Y-%m-%d %H:%M:%S %Z");
                        let title = format!(
                            "every {} s: pgkit {}   {local}\n\n",
                            every.as_secs_f64(),
                            escape::terminal(&self.report_run.report.name)
                        );
                        out.buffer().extend_from_slice(title.as_bytes());
                    }
                    if self.redraws() || one_line {
                        pipeline.head(&mut out);
                    }
                    let mut way = Way::new(&mut pipeline, &mut out, watcher.as_deref_mut(), None);
                    let mut round = std::pin::pin!(self.round(session, at.as_deref(), &mut way));
                    tokio::select! {
                        round = &mut round => Some(round),
                        () = pace.end() => {
                            self.context.running.cancel().await;
                            None
                        }
                    }
                }
                Err(e) => Some(Err(e)),
            };
            let Some(round) = round else { return end(screen, out).await.map(|()| Exit::Done) };
            // An answer that was cut off is judged too, so that the next one is judged by itself.
            let mut verdict = self.judge(&mut watcher);
            match round {
                Ok((_, left)) => source = left,
                Err(e) if matches!(e.exit, Exit::Unavailable | Exit::TryAgain) => {
                    error::print(&e);
                    verdict = Ok(Verdict { exit: Exit::Done, remarks: said.clone() });
                }
                Err(e) => return Err(e),
            }
            if self.redraws() || one_line {
                pipeline.end(&mut out);
            }
            if self.redraws()
                && let Ok(verdict) = &verdict
            {
                for remark in &verdict.remarks {
                    out.buffer().extend_from_slice(format!("\n{}\n", escape::terminal(remark)).as_bytes());
                }
            }
            let reader_of_out = match &mut screen {
                Some(screen) => screen.show(&mut out, height)?,
                None => out.flush()?,
            };
            let gone = reader_of_out == output::Reader::Gone;
            let verdict = match verdict {
                Ok(verdict) => verdict,
                Err(e) => {
                    end(screen, out).await?;
                    return Err(e);
                }
            };
            if !self.redraws() && verdict.remarks != said {
                verdict.remarks.iter().for_each(|remark| error::note(remark));
                said = verdict.remarks;
            }
            if gone || verdict.exit != Exit::Done {
                if let Some(source) = source {
                    source.close().await;
                }
                if !gone {
                    end(screen, out).await?;
                }
                return Ok(verdict.exit);
            }
        }
    }
}

/// Finishes the output after the last answer of `--watch`.
async fn end(screen: Option<Screen>, out: Output) -> Result<()> {
    match screen {
        Some(screen) => screen.close(out).await,
        None => out.finish().await,
    }
}

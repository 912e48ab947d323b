//! `--from FILE,…`: a report's rows out of snapshots, without a server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, FromArgMatches};

use super::against::{Against, Earlier, Later};
use super::look::Look;
use super::round::{Observed, Round, Rows, Seen, hand_on};
use super::verdict;
use super::way::{Watcher, Way};
use crate::answer::{Observer, ReportRun};
use crate::commands::args::{self, OutputArgs, ServersArgs};
use crate::commands::context::Context;
use crate::commands::params;
use crate::connect;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::pipeline::Pipeline;
use crate::report::Report;
use crate::rows::cell::Raw;
use crate::rows::{Column, Flow, Kept, RowSink};
use crate::snapshot::{Answers, Snapshot};

/// Prints a report's rows out of the snapshots.
///
/// Errors: a flag that only a server can answer (64); a snapshot cannot be read (74), is damaged, or has no answer of the
/// report (65). One of several that fails is reported, and the rest goes on.
pub async fn run(
    context: &Context,
    report_run: &ReportRun<'_>,
    args: &OutputArgs,
    root: &ArgMatches,
    own: &ArgMatches,
    watcher: Watcher<'_>,
) -> Result<Exit> {
    let report = report_run.report;
    params::variant(report, "")
        .map_err(|e| Error::usage(format!("{}, so it cannot be in a snapshot", e.message)))?;
    let database = database(root, own)?;
    if database.is_some() && args.all_databases {
        return Err(
            Error::usage("-d cannot be used with --from and --all-databases").hint("leave out one of them")
        );
    }
    let earlier = args.against.as_deref().map(Earlier::read).transpose()?;
    if matches!(earlier, Some(Earlier::Wait(_))) {
        return Err(Error::usage("--against with a length of time cannot be used with --from")
            .hint("a snapshot does not change; compare it with another file"));
    }
    let look = Look::new(context, report_run, args)?;
    let paths = args::snapshots(args.from.as_deref().unwrap_or_default());
    if paths.is_empty() {
        return Err(
            Error::usage("--from names no snapshot").hint("name a file that pgkit snapshot has written")
        );
    }
    if paths.iter().filter(|path| path.as_path() == Path::new("-")).count() > 1 {
        return Err(Error::usage("--from names stdin twice").hint("it can be read only once"));
    }
    let look = if paths.len() > 1 { look.plain() } else { look };
    let flags = params::typed(report, own);
    let is_configured = params::are_configured(report, own);
    let question = Question { context, report, flags, is_configured, database, args, look, earlier };
    match paths.as_slice() {
        [path] => question.one(path, watcher).await,
        paths => question.several(paths, watcher).await,
    }
}

/// What is asked of each snapshot.
struct Question<'a> {
    context: &'a Context,
    report: &'a Report,
    /// The report's own flags, as they are typed.
    flags: Vec<String>,
    /// Whether some of them come from the configuration file.
    is_configured: bool,
    database: Option<String>,
    args: &'a OutputArgs,
    look: Look,
    earlier: Option<Earlier>,
}

/// What a snapshot has of the report.
struct Saved<'a> {
    /// The name of its server, if there are several snapshots.
    server: Option<&'a str>,
    snapshot: &'a Snapshot,
    answers: Answers<'a>,
    /// The columns of the answers.
    columns: Vec<Column>,
}

impl Question<'_> {
    /// Finds the report's answers. Errors: there are none (65).
    fn saved<'s>(&self, server: Option<&'s str>, snapshot: &'s Snapshot) -> Result<Saved<'s>> {
        let (database, all) = (self.database.as_deref(), self.args.all_databases);
        let answers = snapshot.answers(self.report, &self.flags, database, all);
        let answers = answers.map_err(|e| match self.is_configured && !self.flags.is_empty() {
            true => e.hint("the configuration file may have set it: PGKIT_CONFIG= does without the file"),
            false => e,
        })?;
        let columns = answers.columns(&self.report.columns)?;
        Ok(Saved { server, snapshot, answers, columns })
    }

    /// Returns the pipeline for rows with these columns, or for their differences. Errors: wrong flags (64).
    fn pipeline(&self, has_servers: bool, columns: &[Column], against: Option<&Against>) -> Result<Pipeline> {
        let before = [has_servers.then_some("server"), self.args.all_databases.then_some("database")];
        let before = before.into_iter().flatten();
        let (name, look) = (&self.report.name, self.look.of_columns(self.report, columns));
        match against {
            None => look.pipeline(name, before, columns),
            Some(against) => {
                let columns = against.columns();
                look.of_differences(self.report, &columns).pipeline(name, before, &columns)
            }
        }
    }

    /// Prepares the comparison with an earlier answer, of these columns. Errors: see [`Against::new`].
    fn against(&self, saved: &Saved<'_>, columns: &[Column]) -> Result<Option<Box<Against>>> {
        let Some(earlier) = &self.earlier else { return Ok(None) };
        let header = &saved.snapshot.header;
        let later = Later {
            report: self.report,
            columns,
            flags: &self.flags,
            server: saved.server,
            database: saved.answers.parts[0].part.database.as_deref().unwrap_or_default(),
            all_databases: self.args.all_databases,
            is_redacted: header.redacted,
        };
        let mut against = Against::new(&later, earlier)?;
        against.set_later(Some(header.clone()), Duration::ZERO);
        let databases = header.refused.iter().filter_map(|refusal| refusal.database.clone());
        against.set_databases(databases.collect());
        Ok(Some(Box::new(against)))
    }

    /// Prints the rows of one snapshot.
    async fn one(&self, path: &Path, mut watcher: Watcher<'_>) -> Result<Exit> {
        let snapshot = Snapshot::open(path)?;
        let saved = self.saved(None, &snapshot)?;
        let against = self.against(&saved, &saved.columns)?;
        let mut pipeline = self.pipeline(false, &saved.columns, against.as_deref())?;
        let mut out = self.look.output(&self.context.env, self.args.no_pager)?;
        pipeline.head(&mut out);
        let mut way = Way::new(&mut pipeline, &mut out, watcher.as_deref_mut(), against);
        self.pass_on(&saved, &saved.columns, &mut way)?;
        let against = way.finish();
        pipeline.end(&mut out);
        out.finish().await?;
        if !self.args.session.echo.quiet {
            origin(&self.report.name, &saved, self.args.all_databases)
                .iter()
                .for_each(|line| error::note(&format!("pgkit: {line}")));
        }
        let hidden = saved.answers.hidden();
        let exit = verdict::finish(&self.report.name, self.args, watcher, hidden, against.as_deref())?;
        saved.answers.missing.iter().for_each(error::print);
        Ok(saved.answers.missing.first().map_or(exit, |error| error.exit))
    }

    /// Passes on the rows of one snapshot, reduced to these columns.
    fn pass_on(&self, saved: &Saved<'_>, columns: &[Column], way: &mut Way<'_>) -> Result<()> {
        let picked = (columns.len() < saved.columns.len()).then(|| {
            let at = |column: &Column| saved.columns.iter().position(|other| other.name == column.name);
            columns.iter().filter_map(at).collect::<Vec<_>>()
        });
        for found in &saved.answers.parts {
            if way.wants_none() {
                break;
            }
            let database = found.part.database.as_deref();
            way.head(columns)?;
            way.begin(database, self.args.all_databases);
            let flow = match &picked {
                None => saved.snapshot.rows(found, way)?,
                Some(picked) => saved.snapshot.rows(found, &mut Picked { picked, sink: way })?,
            };
            if flow == Flow::Enough {
                break;
            }
            way.complete(database);
        }
        way.end()
    }

    /// Returns the rows of one of several snapshots, with these columns, and their comparison with an earlier answer.
    ///
    /// Errors: the snapshot has changed since it was opened (74), or those of [`Against::new`].
    fn answer(&self, saved: &Saved<'_>, columns: &[Column]) -> Result<(Rows, Option<Box<Against>>)> {
        let against = self.against(saved, columns)?;
        let mut rows = Rows { shown: Kept::default(), seen: against.as_ref().map(|_| Seen::default()) };
        let observer: Watcher<'_> = rows.seen.as_mut().map(|seen| seen as &mut dyn Observer);
        let mut way = Way::to(Box::new(&mut rows.shown), observer, against);
        self.pass_on(saved, columns, &mut way)?;
        let against = way.finish();
        Ok((rows, against))
    }

    /// Returns what a person should know about the rows of one of several snapshots.
    fn remarks(&self, saved: &Saved<'_>, columns: &[Column], against: Option<&Against>) -> Vec<String> {
        let mut remarks = origin(&self.report.name, saved, self.args.all_databases);
        let left_out = saved.columns.iter().filter(|column| !has(columns, column));
        let left_out: Vec<&str> = left_out.map(|column| column.name.as_str()).collect();
        if !left_out.is_empty() {
            let left_out = left_out.join(", ");
            remarks.push(format!("columns that not all snapshots have are left out: {left_out}"));
        }
        remarks.extend(against.into_iter().flat_map(Against::remarks));
        remarks
    }

    /// Prints the rows of several snapshots, in the order in which they were named. A snapshot that fails is reported, and
    /// the rest goes on.
    async fn several(&self, paths: &[PathBuf], watcher: Watcher<'_>) -> Result<Exit> {
        let mut round = Round::default();
        let opened: Vec<(String, Result<Snapshot>)> =
            named(paths).into_iter().map(|(name, path)| (name, Snapshot::open(path))).collect();
        let answered = opened.iter().map(|(name, snapshot)| {
            let saved = snapshot.as_ref().map_err(Clone::clone);
            (name.as_str(), saved.and_then(|snapshot| self.saved(Some(name), snapshot)))
        });
        let answered: Vec<(&str, Result<Saved<'_>>)> = answered.collect();
        let all: Vec<&Saved<'_>> = answered.iter().filter_map(|(_, saved)| saved.as_ref().ok()).collect();
        let columns = common(&all).unwrap_or_else(|| self.report.columns.clone());
        let mut prepared = all.iter().map(|saved| self.against(saved, &columns));
        let first = match prepared.next().transpose() {
            Ok(first) => first.flatten(),
            Err(e) => prepared.find_map(Result::ok).ok_or(e)?,
        };
        let mut pipeline = self.pipeline(true, &columns, first.as_deref())?;
        let mut out = self.look.output(&self.context.env, self.args.no_pager)?;
        pipeline.head(&mut out);
        let mut way = Way::new(&mut pipeline, &mut out, watcher, None);
        let mut watcher = way.take_observer();
        let mut flow = if way.wants_none() { Flow::Enough } else { Flow::More };
        for (name, saved) in &answered {
            let saved = match saved {
                Ok(saved) => saved,
                Err(e) => {
                    round.fail(name, e);
                    continue;
                }
            };
            let (rows, against) = match self.answer(saved, &columns) {
                Ok(answer) => answer,
                Err(e) => {
                    round.fail(name, &e);
                    continue;
                }
            };
            way.set_server(name);
            let observed = Observed { columns: &columns, all_databases: self.args.all_databases };
            hand_on(rows, &observed, &mut way, &mut watcher, &mut flow)?;
            let is_quiet = self.args.session.echo.quiet;
            let verdict = verdict::judge(&self.report.name, &mut watcher, saved.answers.hidden(), is_quiet)?;
            round.take(Exit::Done);
            let differs = against.as_ref().is_some_and(|against| against.has_differences());
            let is_bad = self.args.fail_on_change && differs;
            round.judge(if is_bad { Exit::BadAnswer } else { verdict.exit });
            if !is_quiet {
                round.remark(name, self.remarks(saved, &columns, against.as_deref()));
            }
            round.remark(name, verdict.remarks);
            saved.answers.missing.iter().for_each(|error| round.fail(name, error));
        }
        way.end()?;
        drop(way);
        // An empty list would look like an answer.
        if !round.has_failed() {
            pipeline.end(&mut out);
            out.finish().await?;
        }
        Ok(round.print())
    }
}

/// Returns the snapshots with the names of their servers: those of the files without their extension, or the whole paths if
/// two would have the same name.
fn named(paths: &[PathBuf]) -> Vec<(String, &Path)> {
    let stem = |path: &PathBuf| path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let is_unique = |name: &str| paths.iter().filter(|path| stem(path) == name).count() == 1;
    let name = |path: &PathBuf| if is_unique(&stem(path)) { stem(path) } else { path.display().to_string() };
    paths.iter().map(|path| (name(path), path.as_path())).collect()
}

/// Returns whether there is a column of this name and type.
fn has(columns: &[Column], column: &Column) -> bool {
    columns.iter().any(|other| other.name == column.name && other.server_type == column.server_type)
}

/// Returns the columns that all snapshots have, in the order of the first; `None` if there are no snapshots.
fn common(all: &[&Saved<'_>]) -> Option<Vec<Column>> {
    let (first, others) = all.split_first()?;
    let is_common = |column: &&Column| others.iter().all(|other| has(&other.columns, column));
    Some(first.columns.iter().filter(is_common).cloned().collect())
}

/// Passes on only some columns of each row.
struct Picked<'a, 'w> {
    picked: &'a [usize],
    sink: &'a mut Way<'w>,
}

impl RowSink for Picked<'_, '_> {
    fn head(&mut self, _columns: &[Column]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        let values: Raw<'_> = self.picked.iter().map(|&at| raw[at]).collect();
        self.sink.row(&values)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Returns when and where the rows were taken, and which databases are not among them.
fn origin(report: &str, saved: &Saved<'_>, all_databases: bool) -> Vec<String> {
    let header = &saved.snapshot.header;
    let (at, host, port) = (header.taken, escape::terminal(&header.host), header.port);
    let mut lines = vec![format!("{report}: as of {at:.0}, {host}, port {port}")];
    let skipped = header.refused.iter().filter(|refusal| all_databases && refusal.skipped);
    let skipped: Vec<&str> = skipped.filter_map(|refusal| refusal.database.as_deref()).collect();
    if !skipped.is_empty() {
        lines.push(format!("not in the snapshot, skipped: {}", escape::terminal(&skipped.join(", "))));
    }
    lines
}

/// Returns the database that the flags name. Errors: a flag about the server (64).
fn database(root: &ArgMatches, own: &ArgMatches) -> Result<Option<String>> {
    let flags = args::connection_flags(root, own)?;
    let servers = ServersArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let given = [
        ("-h", flags.host.is_some()),
        ("-p", flags.port.is_some()),
        ("-U", flags.username.is_some()),
        ("-w", flags.no_password),
        ("-W", flags.password),
        ("--service", flags.service.is_some()),
        ("--servers", servers.servers.is_some()),
        ("--ssh", flags.ssh.is_some()),
    ];
    if let Some((flag, _)) = given.iter().find(|(_, is_given)| *is_given) {
        return Err(Error::usage(format!("{flag} cannot be used with --from"))
            .hint("a snapshot is of one server, and none is asked; -d chooses the database"));
    }
    let is_string = |text: &String| {
        text.contains("://") || text.split_once('=').is_some_and(|(key, _)| connect::is_key(key.trim()))
    };
    if flags.dbname.as_ref().is_some_and(is_string) {
        return Err(Error::usage("-d takes only the name of a database with --from")
            .hint("pgkit snapshot show FILE lists the databases"));
    }
    Ok(flags.dbname)
}

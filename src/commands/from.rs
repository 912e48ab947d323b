//! `--from FILE`: a report's rows out of a snapshot, without a server.

use std::path::Path;

use clap::ArgMatches;

use super::against::{self, Against, Earlier};
use super::args::{self, OutputArgs};
use super::context::Context;
use super::params;
use super::report::{Look, Watcher, Way, judge, with_before};
use crate::answer::ReportRun;
use crate::connect;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::pipeline::Pipeline;
use crate::rows::{Flow, RowSink};
use crate::snapshot::{Answers, Found, Snapshot};

/// Prints the rows that the snapshot has of a report.
///
/// Errors: a flag that only a server can answer (64); the snapshot cannot be read (74), is damaged, or has no answer of
/// the report (65).
pub async fn run(
    context: &Context,
    report_run: &ReportRun<'_>,
    path: &Path,
    args: &OutputArgs,
    root: &ArgMatches,
    own: &ArgMatches,
    mut watcher: Watcher<'_>,
) -> Result<Exit> {
    let report = report_run.report;
    params::variant(report, "")
        .map_err(|e| Error::usage(format!("{}, so it cannot be in a snapshot", e.message)))?;
    let flags = params::typed(report, own);
    let database = database(root, own)?;
    if database.is_some() && args.all_databases {
        return Err(Error::usage("-d cannot be used with --from and --all-databases"));
    }
    let look = Look::new(context, report_run, args)?;
    let snapshot = Snapshot::open(path)?;
    let Answers { parts, missing } =
        snapshot.answers(report, &flags, database.as_deref(), args.all_databases)?;
    let columns = parts[0].part.columns(&report.columns)?;
    if let Some(other) = parts.iter().find(|found| found.part.columns != parts[0].part.columns) {
        let of = |found: &Found| found.part.database.clone().unwrap_or_default();
        return Err(Error::data(format!(
            "{}: {} has other columns in database {:?} than in {:?}",
            snapshot.name(),
            report.name,
            of(other),
            of(parts[0])
        ))
        .hint("leave out --all-databases, and choose one with -d"));
    }
    let earlier = args.against.as_deref().map(Earlier::read).transpose()?;
    let mut against = None;
    let mut row_options = look.row_options.clone();
    // The order of the report itself, which the snapshot may be too old for.
    let is_missing = |name: &str| columns.iter().all(|column| column.name != name);
    if args.format.sort.is_none()
        && row_options.sort.as_deref().is_some_and(|sort| is_missing(sort.split(':').next().unwrap_or(sort)))
    {
        row_options.sort = None;
    }
    let mut style = look.style.clone();
    let mut shown = columns.clone();
    if let Some(earlier) = &earlier {
        if matches!(earlier, Earlier::Wait(_)) {
            return Err(Error::usage("--against with a length of time cannot be used with --from")
                .hint("a snapshot does not change; compare it with another file"));
        }
        let of = parts[0].part.database.as_deref().unwrap_or_default();
        let mut new = Against::new(
            report,
            &columns,
            &flags,
            earlier,
            of,
            args.all_databases,
            snapshot.header.redacted,
        )?;
        new.begin_later(Some(snapshot.header.clone()), None);
        for refusal in snapshot.header.refused.iter().filter_map(|refusal| refusal.database.as_deref()) {
            new.unseen(refusal);
        }
        shown = new.differ.columns();
        against::with_sort(&mut row_options, report, &shown);
        against = Some(Box::new(new));
    }
    // What is not in the snapshot cannot be drawn, nor can differences.
    let has = |name: &str| against.is_none() && columns.iter().any(|column| column.name == name);
    style.tree = style.tree.filter(|tree| tree.columns().all(has));
    style.sections = style.sections.filter(|sections| sections.columns().all(has));
    let format = if against.is_some() { args.format.format(look.terminal.is_some()) } else { look.format };
    let before = args.all_databases.then_some("database");
    let shown = with_before(&report.name, before.into_iter(), &shown)?;
    let mut pipeline = Pipeline::new(&report.name, shown, &row_options, format, &style)?;
    let mut out = look.output(&context.env, args.no_pager)?;
    pipeline.head(&mut out);
    let mut way = Way::new(&mut pipeline, &mut out, watcher.as_deref_mut(), against);
    let mut hidden: Vec<String> = Vec::new();
    for found in &parts {
        if way.wants_none() {
            break;
        }
        way.head(&columns)?;
        way.begin(found.part.database.as_deref(), args.all_databases);
        let flow = snapshot.rows(found, &mut way)?;
        way.complete(found.part.database.as_deref());
        for says in found.hidden.iter().map(|says| escape::terminal(says).into_owned()) {
            if !hidden.contains(&says) {
                hidden.push(says);
            }
        }
        if flow == Flow::Enough {
            break;
        }
    }
    way.end()?;
    let against = way.against.take();
    pipeline.end(&mut out);
    out.finish().await?;
    let quiet = args.session.echo.quiet;
    if !quiet {
        say_origin(&report.name, &snapshot, args.all_databases);
    }
    let mut verdict = judge(&report.name, &mut watcher, hidden, quiet)?;
    if let Some(against) = against {
        if !quiet {
            against.say();
        }
        if verdict.exit == Exit::Done && args.fail_on_change && against.differ.differences > 0 {
            verdict.exit = Exit::BadAnswer;
        }
    }
    verdict.remarks.iter().for_each(|remark| error::note(remark));
    for error in &missing {
        error::print(error);
    }
    Ok(missing.first().map_or(verdict.exit, |error| error.exit))
}

/// Prints when and where the rows were taken, and which databases are not among them.
fn say_origin(report: &str, snapshot: &Snapshot, all_databases: bool) {
    let header = &snapshot.header;
    let (at, host, port) = (header.taken, escape::terminal(&header.host), header.port);
    error::note(&format!("pgkit: {report}: as of {at:.0}, {host}, port {port}"));
    let skipped = header.refused.iter().filter(|refusal| all_databases && refusal.skipped);
    let skipped: Vec<&str> = skipped.filter_map(|refusal| refusal.database.as_deref()).collect();
    if !skipped.is_empty() {
        let skipped = skipped.join(", ");
        error::note(&format!("pgkit: not in the snapshot, skipped: {}", escape::terminal(&skipped)));
    }
}

/// Returns the database that the flags name. Errors: a flag about the server (64).
fn database(root: &ArgMatches, own: &ArgMatches) -> Result<Option<String>> {
    let flags = args::connection_flags(root, own)?;
    let given = [
        ("-h", flags.host.is_some()),
        ("-p", flags.port.is_some()),
        ("-U", flags.username.is_some()),
        ("-w", flags.no_password),
        ("-W", flags.password),
    ];
    if let Some((flag, _)) = given.iter().find(|(_, is_given)| *is_given) {
        return Err(Error::usage(format!("{flag} cannot be used with --from"))
            .hint("a snapshot is of one server, and none is asked; -d chooses the database"));
    }
    let is_string = |text: &String| {
        text.contains("://") || text.split_once('=').is_some_and(|(key, _)| connect::is_key(key.trim()))
    };
    if flags.dbname.as_ref().is_some_and(is_string) {
        return Err(Error::usage("-d takes only the name of a database with --from"));
    }
    Ok(flags.dbname)
}

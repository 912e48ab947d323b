//! `--from FILE`: a report's rows out of a snapshot, without a server.

use std::path::Path;

use clap::ArgMatches;

use super::args::{self, OutputArgs};
use super::context::Context;
use super::params;
use super::report::{Look, Watcher, Way, judge, with_before};
use crate::answer::ReportRun;
use crate::connect;
use crate::error::{self, Error, Exit, Result};
use crate::pipeline::Pipeline;
use crate::report::Report;
use crate::rows::{Flow, RowSink};
use crate::snapshot::{Found, Snapshot};

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
    params::defaults(report)
        .map_err(|e| Error::usage(format!("{}, so it cannot be in a snapshot", e.message)))?;
    if let Some(typed) = params::typed(report, own).first() {
        return Err(Error::usage(format!("{typed} cannot be used with --from")).hint(format!(
            "a snapshot has the rows of {} without its own flags; choose among them with --grep",
            report.name
        )));
    }
    let database = database(root, own)?;
    if database.is_some() && args.all_databases {
        return Err(Error::usage("-d cannot be used with --from and --all-databases"));
    }
    let look = Look::new(context, report_run, args)?;
    let snapshot = Snapshot::open(path)?;
    let (parts, missing) = chosen(&snapshot, report, database.as_deref(), args.all_databases)?;
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
    let before = args.all_databases.then_some("database");
    let mut style = look.style.clone();
    // What is not in the snapshot cannot be drawn.
    let has = |name: &str| columns.iter().any(|column| column.name == name);
    style.tree = style.tree.filter(|tree| tree.columns().all(has));
    style.sections = style.sections.filter(|sections| sections.columns().all(has));
    let shown = with_before(&report.name, before.into_iter(), &columns)?;
    let mut pipeline = Pipeline::new(&report.name, shown, &look.row_options, look.format, &style)?;
    let mut out = look.output(&context.env, args.no_pager)?;
    pipeline.head(&mut out);
    let mut way = Way::new(&mut pipeline, &mut out, watcher.as_deref_mut());
    let mut hidden: Vec<String> = Vec::new();
    for found in &parts {
        if way.wants_none() {
            break;
        }
        way.head(&columns)?;
        way.before = found.part.database.clone().filter(|_| args.all_databases).into_iter().collect();
        let flow = snapshot.rows(found, &mut way)?;
        hidden.extend(found.hidden.iter().filter(|says| !hidden.contains(says)).cloned().collect::<Vec<_>>());
        if flow == Flow::Enough {
            break;
        }
    }
    way.end()?;
    pipeline.end(&mut out);
    out.finish().await?;
    let quiet = args.session.echo.quiet;
    if !quiet {
        let header = &snapshot.header;
        let (at, host, port) = (header.taken, &header.host, header.port);
        error::note(&format!("pgkit: {}: as of {at:.0}, {host}, port {port}", report.name));
        let skipped = header.refused.iter().filter(|refusal| args.all_databases && refusal.skipped);
        let skipped: Vec<&str> = skipped.filter_map(|refusal| refusal.database.as_deref()).collect();
        if !skipped.is_empty() {
            error::note(&format!("pgkit: not in the snapshot, skipped: {}", skipped.join(", ")));
        }
    }
    let verdict = judge(&report.name, &mut watcher, hidden, quiet)?;
    verdict.remarks.iter().for_each(|remark| error::note(remark));
    for error in &missing {
        error::print(error);
    }
    Ok(missing.first().map_or(verdict.exit, |error| error.exit))
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

/// Returns the answers that are asked for, at least one, and an error for each that is missing.
///
/// Errors: none is there (65).
fn chosen<'a>(
    snapshot: &'a Snapshot,
    report: &Report,
    database: Option<&str>,
    all: bool,
) -> Result<(Vec<&'a Found>, Vec<Error>)> {
    let (header, name) = (&snapshot.header, snapshot.name());
    let of_report: Vec<&Found> =
        snapshot.parts.iter().filter(|found| found.part.report == report.name).collect();
    let wanted = database.unwrap_or(&header.database);
    let is_wanted = |database: Option<&str>| all || database.is_none_or(|database| database == wanted);
    let mut parts: Vec<&Found> =
        of_report.iter().copied().filter(|found| is_wanted(found.part.database.as_deref())).collect();
    parts.sort_by(|a, b| a.part.database.cmp(&b.part.database));
    let refused = header.refused.iter().filter(|refusal| {
        refusal.report.as_ref().is_none_or(|name| *name == report.name)
            && is_wanted(refusal.database.as_deref())
            && !(all && refusal.skipped)
    });
    let missing = refused.map(|refusal| {
        let what = match &refusal.database {
            Some(database) => format!("{} of database {database:?}", report.name),
            None => report.name.clone(),
        };
        Error::data(format!("{name}: no answer of {what}: {}", refusal.why))
    });
    let missing: Vec<Error> = missing.collect();
    if !parts.is_empty() {
        return Ok((parts, missing));
    }
    if let Some(first) = missing.into_iter().next() {
        return Err(first);
    }
    let databases: Vec<&str> = of_report.iter().filter_map(|found| found.part.database.as_deref()).collect();
    Err(if databases.is_empty() {
        Error::data(format!("{name}: the snapshot has no answer of {}", report.name))
            .hint(format!("pgkit snapshot show {name} lists what it has"))
    } else {
        Error::data(format!("{name}: the snapshot has no database {wanted:?}"))
            .hint(format!("its databases: {}", databases.join(", ")))
    })
}

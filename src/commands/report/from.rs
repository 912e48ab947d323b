//! `--from FILE`: a report's rows out of a snapshot, without a server.

use std::path::Path;
use std::time::Duration;

use clap::ArgMatches;

use super::against::{Against, Earlier, Later};
use super::look::Look;
use super::verdict;
use super::way::{Watcher, Way};
use crate::answer::ReportRun;
use crate::commands::args::{self, OutputArgs};
use crate::commands::context::Context;
use crate::commands::params;
use crate::connect;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::rows::{Flow, RowSink};
use crate::snapshot::Snapshot;

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
        return Err(
            Error::usage("-d cannot be used with --from and --all-databases").hint("leave out one of them")
        );
    }
    let look = Look::new(context, report_run, args)?;
    let snapshot = Snapshot::open(path)?;
    let answers = snapshot.answers(report, &flags, database.as_deref(), args.all_databases)?;
    let columns = answers.columns(&report.columns)?;
    let parts = &answers.parts;
    let look = look.of_columns(report, &columns);
    let later = Later {
        report,
        columns: &columns,
        flags: &flags,
        database: parts[0].part.database.as_deref().unwrap_or_default(),
        all_databases: args.all_databases,
        is_redacted: snapshot.header.redacted,
    };
    let against = args.against.as_deref().map(|text| compared(text, &later, &snapshot)).transpose()?;
    let before = args.all_databases.then_some("database").into_iter();
    let mut pipeline = match &against {
        None => look.pipeline(&report.name, before, &columns)?,
        Some(against) => {
            let columns = against.columns();
            look.of_differences(report, &columns).pipeline(&report.name, before, &columns)?
        }
    };
    let mut out = look.output(&context.env, args.no_pager)?;
    pipeline.head(&mut out);
    let mut way = Way::new(&mut pipeline, &mut out, watcher.as_deref_mut(), against);
    for found in parts {
        if way.wants_none() {
            break;
        }
        way.head(&columns)?;
        way.begin(found.part.database.as_deref(), args.all_databases);
        if snapshot.rows(found, &mut way)? == Flow::Enough {
            break;
        }
        way.complete(found.part.database.as_deref());
    }
    way.end()?;
    let against = way.against.take();
    pipeline.end(&mut out);
    out.finish().await?;
    if !args.session.echo.quiet {
        say_origin(&report.name, &snapshot, args.all_databases);
    }
    let exit = verdict::finish(&report.name, args, watcher, answers.hidden(), against.as_deref())?;
    answers.missing.iter().for_each(error::print);
    Ok(answers.missing.first().map_or(exit, |error| error.exit))
}

/// Prepares the comparison of the snapshot's answer with an earlier one.
///
/// Errors: that is not in a file (64); otherwise see [`Earlier::read`] and [`Against::new`].
fn compared(text: &str, later: &Later<'_>, snapshot: &Snapshot) -> Result<Box<Against>> {
    let earlier = Earlier::read(text)?;
    if matches!(earlier, Earlier::Wait(_)) {
        return Err(Error::usage("--against with a length of time cannot be used with --from")
            .hint("a snapshot does not change; compare it with another file"));
    }
    let mut against = Against::new(later, &earlier)?;
    against.set_later(Some(snapshot.header.clone()), Duration::ZERO);
    let databases = snapshot.header.refused.iter().filter_map(|refusal| refusal.database.clone());
    against.set_databases(databases.collect());
    Ok(Box::new(against))
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

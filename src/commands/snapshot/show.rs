//! `snapshot show FILE`: what a snapshot has, and what it does not have.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueHint};

use crate::commands::args::{self, FormatArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{Error, Exit, Result};
use crate::rows::{Flow, Row, names, record};
use crate::snapshot::{Header, Snapshot};

#[derive(Debug, Clone, Args)]
struct ShowArgs {
    /// The snapshot, - for stdin
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
}

record! {
    const COLUMNS;
    fn row(part: &str, name: &str, database: Option<&str>, rows: Option<i64>, detail: Option<&str>) {
        part: text = Some(part),
        name: text = Some(name),
        database: text = database,
        rows: int8 = rows,
        detail: text = detail,
    }
}

/// Returns the command.
pub fn command() -> Command {
    let about =
        "Show what a snapshot has: the server, each report with the number of its rows, and what is missing";
    let command = ShowArgs::augment_args(args::command("show", about));
    FormatArgs::augment_args(command).about(about).after_help(format!(
        "Part is file, server, reset (since when statistics count), report, or missing.\n\nColumns: {}\n\n{}",
        names(COLUMNS).join(", "),
        args::example(&["pgkit snapshot show monday.snap --grep ^missing"])
    ))
}

/// Prints one line for each thing that is known of a snapshot.
pub async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    args::refuse_connection_flags(root, "snapshot show")?;
    let from = |e: clap::Error| Error::bug(e.to_string());
    let args = ShowArgs::from_arg_matches(own).map_err(from)?;
    let format = FormatArgs::from_arg_matches(own).map_err(from)?;
    let mut listing = Listing::new(context, "snapshot show", COLUMNS, &format)?;
    let snapshot = Snapshot::open(&args.file)?;
    for row in rows(&snapshot) {
        if listing.push(&row)? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let Header {
        pgkit_snapshot,
        pgkit,
        taken,
        started,
        server_version,
        system_identifier,
        timeline,
        standby,
        host,
        port,
        database,
        role,
        redacted,
        resets,
        refused,
        parts: _,
        rows: _,
    } = &snapshot.header;
    let fact = |part: &str, name: &str, detail: &str| row(part, name, None, None, Some(detail));
    let seen = |value: &Option<String>| value.clone().unwrap_or_else(|| "not shown to the role".to_owned());
    let mut all = vec![
        fact("file", "format", &pgkit_snapshot.to_string()),
        fact("file", "pgkit", pgkit),
        fact("file", "redacted", if *redacted { "yes" } else { "no" }),
        fact("server", "taken", &taken.to_string()),
        fact("server", "started", &started.to_string()),
        fact("server", "version", server_version),
        fact("server", "host", host),
        fact("server", "port", &port.to_string()),
        fact("server", "database", database),
        fact("server", "role", role),
        fact("server", "standby", if *standby { "yes" } else { "no" }),
        fact("server", "system_identifier", &seen(system_identifier)),
        fact("server", "timeline", &seen(&timeline.map(|timeline| timeline.to_string()))),
    ];
    all.extend(
        resets
            .iter()
            .map(|one| row("reset", &one.what, one.database.as_deref(), None, Some(&one.at.to_string()))),
    );
    all.extend(snapshot.parts.iter().map(|found| {
        let hidden = Some(found.hidden.join("; ")).filter(|hidden| !hidden.is_empty());
        let rows = i64::try_from(found.rows).ok();
        row("report", &found.part.report, found.part.database.as_deref(), rows, hidden.as_deref())
    }));
    all.extend(refused.iter().filter(|one| one.is_missed()).map(|one| {
        let name = one.report.as_deref().unwrap_or("all reports");
        row("missing", name, one.database.as_deref(), None, Some(&one.why))
    }));
    all
}

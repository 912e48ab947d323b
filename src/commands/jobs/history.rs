//! `jobs history` and `jobs ghosts`: past attempts, and jobs that are no longer in the file.

use clap::{ArgMatches, Args, Command};

use super::follow::{Wanted, follow};
use super::shared::{self, LookArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{Error, Exit, Result};
use crate::jobs::store::in_schema;
use crate::jobs::tables;
use crate::rows::cell;
use crate::rows::{self, Flow};
use crate::session::{Reader, Rows, Value, push_values};
use tokio_postgres::types::Type;

const HISTORY: &str = include_str!("../../../queries/jobs/history.sql");
const HISTORY_UNINDEXED: &str = include_str!("../../../queries/jobs/history_unindexed.sql");
const HISTORY_LOG: &str = include_str!("../../../queries/jobs/history_log.sql");
const GHOSTS: &str = include_str!("../../../queries/jobs/ghosts.sql");

const COLUMNS: &[&str] = &[
    "name text",
    "run_date timestamptz",
    "attempt int4 wide",
    "started timestamptz wide",
    "duration_s numeric",
    "result text",
    "host text wide",
    "message text",
    "output_bytes int8 wide",
];
const GHOST_COLUMNS: &[&str] = &[
    "name text",
    "last_run timestamptz",
    "last_success timestamptz",
    "next_run timestamptz",
    "error_count int4",
];

#[derive(Debug, Clone, Args)]
struct HistoryArgs {
    /// Show at most N attempts, the latest first [default: 100; 10 with --follow]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u32>,
    /// After the last N attempts, the oldest first, show each attempt as it begins and as it ends, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Show only attempts that did not succeed
    #[arg(long)]
    failed: bool,
    /// Add a column with what each attempt printed, as far as it is kept
    #[arg(long)]
    output: bool,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn command() -> Command {
    shared::command::<HistoryArgs>(
        "history",
        "Show the attempts of all jobs or of some, the latest first: when, how long, with what result",
        &[
            "pgkit jobs history rollup -n 10",
            "pgkit jobs history --failed --output --format vertical",
            "pgkit jobs history -f",
        ],
    )
    .arg(shared::names().num_args(0..).help("The jobs [default: all]"))
}

pub(super) fn ghosts_command() -> Command {
    shared::command::<LookArgs>(
        "ghosts",
        "List the rows of jobs that are not in the file",
        &["pgkit jobs ghosts", "pgkit jobs ghosts | cut -f1 | xargs -n1 pgkit jobs reset"],
    )
}

/// Passes the server's rows on as they arrive.
async fn show(mut rows: Rows<'_>, reader: &Reader, listing: &mut Listing) -> Result<u64> {
    let mut count = 0;
    while let Some(row) = rows.next().await? {
        let mut values = cell::Raw::new();
        push_values(&row, &mut values)?;
        count += 1;
        if listing.push_raw(&values)? == Flow::Enough {
            reader.cancel().await;
            break;
        }
    }
    Ok(count)
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: HistoryArgs = shared::parse(own)?;
    let mut columns = COLUMNS.to_vec();
    if args.output {
        columns.push("printed text");
    }
    let mut listing = Listing::new(context, "jobs history", &columns, &args.look.format)?;
    let names: Vec<Option<String>> =
        own.get_many::<String>("name").into_iter().flatten().map(|n| Some(n.clone())).collect();
    if args.follow {
        if args.look.format.sort.is_some() {
            return Err(Error::usage("--sort cannot be used with --follow").hint("leave out --sort"));
        }
        let owner = shared::owner_if_any(context, &args.look.file)?;
        let wanted = Wanted {
            names,
            lines: args.lines.unwrap_or(10),
            failed: args.failed,
            output: args.output,
            columns: columns.len(),
        };
        return follow(context, root, own, &args.look, owner.as_deref(), &wanted, listing).await;
    }
    let params = [
        if names.is_empty() { Value::Null(Type::TEXT_ARRAY) } else { Value::TextList(names) },
        Value::Int8(args.lines.unwrap_or(100).into()),
        Value::Bool(args.failed),
        Value::Bool(args.output),
    ];
    let owner = shared::owner_if_any(context, &args.look.file)?;
    let (count, _) =
        shared::reading(context, root, own, &args.look, owner.as_deref(), async |reader, place| {
            let text = match place.has_pgkit {
                true if tables::has_history_indexes(reader, &place.schema).await? => HISTORY,
                true => HISTORY_UNINDEXED,
                false => HISTORY_LOG,
            };
            let text = in_schema(text, &place.schema);
            let mut picked: Vec<&str> = rows::names(&columns);
            picked.dedup();
            let sql = format!("SELECT {} FROM (\n{}\n) AS history", picked.join(", "), text.trim_end());
            show(reader.rows(&sql, &params).await?, reader, &mut listing).await
        })
        .await?;
    listing.finish().await?;
    if count == 0 {
        let of: Vec<&String> = own.get_many::<String>("name").into_iter().flatten().collect();
        let of = if of.is_empty() { String::new() } else { format!(" of {of:?}") };
        args.look.session.echo.remark(&format!("no attempts{of}"));
    }
    Ok(Exit::Done)
}

pub(super) async fn ghosts(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: LookArgs = shared::parse(own)?;
    let mut listing = Listing::new(context, "jobs ghosts", GHOST_COLUMNS, &args.format)?;
    let read = shared::read(context, &args.file)?;
    let owner = read.parsed.owner.clone();
    let jobs = read.jobs()?;
    let names = Value::TextList(jobs.iter().map(|job| Some(job.name.clone())).collect());
    shared::reading(context, root, own, &args, owner.as_deref(), async |reader, place| {
        show(reader.rows(&in_schema(GHOSTS, &place.schema), &[names]).await?, reader, &mut listing).await
    })
    .await?;
    listing.finish().await?;
    Ok(Exit::Done)
}

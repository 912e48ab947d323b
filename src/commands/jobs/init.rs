//! `jobs init`: creates the tables, or prints a jobs file to start with.

use clap::{ArgMatches, Args, Command};

use super::shared::{self, FileArgs};
use crate::commands::args::{self, ConnectionArgs, SessionArgs};
use crate::commands::context::Context;
use crate::error::{Exit, Result};
use crate::jobs::keys;
use crate::jobs::tables::{self, Where};
use crate::output;

/// A jobs file that runs as it is.
const EXAMPLE: &str = include_str!("example.toml");

#[derive(Debug, Clone, Args)]
struct InitArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The schema of the tables [default: the one that has them, else the first one of the search path]
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// Print a commented jobs file that runs as it is, and do nothing else
    #[arg(long)]
    example: bool,
    #[command(flatten)]
    session: SessionArgs,
}

pub(super) fn command() -> Command {
    let about = "Create crontabber's tables, and pgkit's own beside them, unless they exist";
    ConnectionArgs::augment_args(InitArgs::augment_args(args::command("init", about)))
        .about(about)
        .after_help(args::example(&["pgkit jobs init", "pgkit jobs init --example > jobs.toml"]))
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: InitArgs = shared::parse(own)?;
    if args.example {
        // A jobs file that root runs must name the user.
        let is_root = context.env.uid() == 0;
        let example = if is_root { EXAMPLE.replacen("# user", "user  ", 1) } else { EXAMPLE.to_owned() };
        output::print(&format!("{example}\n# All keys, each with an example:\n{}", keys::comments(100)))?;
        return Ok(Exit::Done);
    }
    let owner = shared::owner_if_any(context, &args.file)?;
    let writer = shared::writing(context, root, own, &args.session).await?;
    let made =
        tables::init(&writer, Where { schema: args.schema.as_deref(), owner: owner.as_deref() }).await?;
    let echo = &args.session.echo;
    if made.made.is_empty() && !made.later.is_empty() {
        echo.remark(&format!("schema {:?}: all tables already exist", made.schema));
    } else if made.made.is_empty() {
        echo.remark(&format!("schema {:?}: everything already exists", made.schema));
    } else {
        echo.remark(&format!("schema {:?}: created {}", made.schema, made.made.join(", ")));
    }
    if !made.later.is_empty() {
        let count = made.later.len();
        let what = if count == 1 { "1 index".to_owned() } else { format!("{count} indexes") };
        echo.remark(&format!(
            "schema {:?}: {what} of this version are missing; pgkit jobs upgrade adds them while jobs run",
            made.schema
        ));
    }
    if !made.others.is_empty() {
        echo.remark(&format!(
            "WARNING: unexpected unique index on crontabber's table: {}: a real crontabber that loses a race there records a failure of its job, and releases the winner's claim",
            made.others.join(", ")
        ));
    }
    writer.close().await;
    Ok(Exit::Done)
}

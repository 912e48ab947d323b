//! `log path`: the configuration's files, and where the log is.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::shared;
use crate::commands::args::{EchoArgs, FormatArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::commands::open;
use crate::error::{Exit, Result};
use crate::log::files::{Log, Place};
use crate::rows::{Flow, record};

record! {
    const COLUMNS;
    fn row(item: &str, value: Option<&str>, detail: Option<&str>) {
        item: text = Some(item),
        value: text = value,
        detail: text = detail,
    }
}

#[derive(Debug, Clone, Args)]
struct PathArgs {
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn command() -> Command {
    shared::command::<PathArgs>(
        "path",
        "Show where the configuration and the log are",
        &["pgkit log path", "tail -F \"$(pgkit log path --grep '^log_file' --columns value)\""],
    )
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args = PathArgs::from_arg_matches(own).map_err(|e| crate::error::Error::bug(e.to_string()))?;
    let echo: EchoArgs = shared::parse(own)?;
    let mut listing = Listing::new(context, "log path", COLUMNS, &args.format)?;
    let access = shared::access(context, root, own, &echo)?;
    let writer = shared::reader(&access).await?;
    open::warn(context, writer.overdue(), &echo);
    let place = Place::find(&writer).await?;
    let log = place.log(&writer).await;
    writer.close().await;
    let s = &place.settings;
    let hidden = "hidden from this role: GRANT pg_read_all_settings shows it";
    let mut rows: Vec<(&str, Option<&str>, &str)> = vec![
        ("config_file", s.config_file.as_deref(), hidden),
        ("hba_file", s.hba_file.as_deref(), hidden),
        ("ident_file", s.ident_file.as_deref(), hidden),
        ("data_directory", s.data_directory.as_deref(), hidden),
        ("log_destination", s.log_destination.as_deref(), hidden),
        ("logging_collector", s.logging_collector.as_deref(), hidden),
        ("log_directory", s.log_directory.as_deref(), hidden),
        ("log_filename", s.log_filename.as_deref(), hidden),
        ("log_line_prefix", s.log_line_prefix.as_deref(), hidden),
    ];
    let (file, detail) = match log {
        Ok(Log::Server(_, path)) => {
            let full = match &s.data_directory {
                Some(data) if !path.starts_with('/') => format!("{data}/{path}"),
                _ => path,
            };
            (Some(full), "pgkit log tail reads it over SQL".to_owned())
        }
        Ok(Log::Local(_, path)) => (Some(path.display().to_string()), "a file of this machine".to_owned()),
        Ok(Log::Unknown(how)) => (None, how),
        Err(e) if e.exit == Exit::Permission => (None, format!("{}: {}", e.message, e.hints.join("; "))),
        Err(e) => return Err(e),
    };
    rows.push(("log_file", file.as_deref(), &detail));
    for (item, value, detail) in rows {
        let detail = if value.is_some() && item != "log_file" { None } else { Some(detail) };
        if listing.push(&row(item, value, detail))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

//! `jobs guard`: the trigger that keeps a real crontabber from taking over a running job.

use clap::{ArgMatches, Command};
use serde::Deserialize;

use super::shared::{self, WriteArgs};
use crate::commands::args;
use crate::commands::context::Context;
use crate::error::{Error, Exit, Result};
use crate::jobs::store::{self, in_schema};
use crate::jobs::tables::{self, Where};
use crate::session::{Value, Writer};

const FUNCTION: &str = include_str!("../../../queries/jobs/guard/function.sql");
const TRIGGER: &str = include_str!("../../../queries/jobs/guard/trigger.sql");
const REMOVE: &str = include_str!("../../../queries/jobs/guard/remove.sql");
const REMOVE_FUNCTION: &str = include_str!("../../../queries/jobs/guard/remove_function.sql");
const STATUS: &str = include_str!("../../../queries/jobs/guard/status.sql");

pub(super) fn command() -> Command {
    let about = "Guard crontabber's table with a trigger, if real crontabbers run beside pgkit";
    let part = |name: &'static str, about: &'static str| {
        shared::command::<WriteArgs>(name, about, &[&format!("pgkit jobs guard {name}")])
    };
    args::command("guard", about)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(part(
            "install",
            "Create the trigger: a crontabber that would take a running job gets its exit code 2",
        ))
        .subcommand(part("remove", "Remove the trigger"))
        .subcommand(part(
            "status",
            "Show whether the trigger exists; exit with 1 if it does not, or is disabled",
        ))
        .after_help(args::example(&["pgkit jobs guard install"]))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    enabled: String,
}

async fn status(writer: &Writer, schema: &str) -> Result<Option<Trigger>> {
    let found: Vec<Trigger> = writer.structs(STATUS, &[Value::Text(schema.to_owned())]).await?;
    Ok(found.into_iter().next())
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let Some((what, own)) = own.subcommand() else {
        return Err(Error::bug("jobs guard without its part"));
    };
    let args: WriteArgs = shared::parse(own)?;
    let owner = shared::owner_if_any(context, &args.file)?;
    let writer = shared::writing(context, root, own, &args.session).await?;
    let place =
        tables::open(&writer, Where { schema: args.schema.as_deref(), owner: owner.as_deref() }).await?;
    let found = status(&writer, &place.schema).await?;
    let table = format!("{}.crontabber", place.schema);
    let echo = &args.session.echo;
    let exit = match (what, found) {
        ("install", Some(_)) => {
            echo.remark(&format!("{table}: the guard is already installed"));
            Exit::Done
        }
        ("install", None) => {
            // All or nothing: several statements in one message form one transaction.
            let sql = [REMOVE_FUNCTION, FUNCTION, TRIGGER].map(|text| in_schema(text, &place.schema));
            writer.run(&sql.join(";\n")).await.map_err(store::explain)?;
            echo.remark(&format!("{table}: the guard is installed; remove it with pgkit jobs guard remove"));
            Exit::Done
        }
        ("remove", found) => {
            let sql = [REMOVE, REMOVE_FUNCTION].map(|text| in_schema(text, &place.schema));
            writer.run(&sql.join(";\n")).await.map_err(store::explain)?;
            echo.remark(&format!(
                "{table}: {}",
                if found.is_some() { "the guard was removed" } else { "no guard was installed" }
            ));
            Exit::Done
        }
        (_, Some(trigger)) if trigger.enabled == "D" => {
            echo.remark(&format!("{table}: the guard is installed, but disabled"));
            Exit::BadAnswer
        }
        (_, Some(_)) => {
            echo.remark(&format!("{table}: the guard is installed"));
            Exit::Done
        }
        (_, None) => {
            echo.remark(&format!("{table}: no guard is installed"));
            Exit::BadAnswer
        }
    };
    writer.close().await;
    Ok(exit)
}

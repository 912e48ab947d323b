//! `log off`: puts back exactly what was there before `log on`.

use clap::{ArgMatches, Args, Command};

use super::shared::{self, ScopeArgs};
use crate::commands::args::EchoArgs;
use crate::commands::context::Context;
use crate::error::{self, Error, Exit, Result};
use crate::log::scope::Scope;
use crate::log::switch::{Foreign, Off, Switch};
use crate::note::Restore;
use crate::output::terminal;

#[derive(Debug, Clone, Args)]
struct OffArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Restore the original even if somebody else has changed the setting meanwhile
    #[arg(long, conflicts_with = "keep")]
    force: bool,
    /// Keep what somebody else has set, and forget the original
    #[arg(long)]
    keep: bool,
}

pub(super) fn command() -> Command {
    shared::command::<OffArgs>(
        "off",
        "Restore the settings from before `log on`, everywhere or in one place",
        &["pgkit log off", "pgkit log off --database shop"],
    )
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: OffArgs = shared::parse(own)?;
    let echo: EchoArgs = shared::parse(own)?;
    let access = shared::access(context, root, own, &echo)?;
    let foreign = match (args.force, args.keep) {
        (true, _) => Foreign::Overwrite,
        (_, true) => Foreign::Keep,
        _ => Foreign::Report,
    };
    let switch = Switch::lock(&access, &mut terminal::ask_password).await?;
    let answer = everywhere(&switch, args.scope.scope(), foreign, &echo).await;
    switch.unlock().await;
    answer
}

async fn everywhere(switch: &Switch, only: Option<Scope>, foreign: Foreign, echo: &EchoArgs) -> Result<Exit> {
    let places = switch.places().await?;
    let scopes: Vec<Scope> = match only {
        Some(scope) => vec![scope],
        None => places.notes.keys().chain(places.unreadable.keys()).cloned().collect(),
    };
    let mut exit = Exit::Done;
    let mut any = false;
    for scope in scopes {
        match switch.off(&scope, foreign, None).await {
            Ok(Some(off)) => {
                any = true;
                tell(&off, echo);
                if off.changed().next().is_some() && foreign == Foreign::Report {
                    exit = Exit::BadAnswer;
                }
            }
            Ok(None) => {}
            // The other scopes are restored all the same.
            Err(e) => {
                error::print(&Error { message: format!("{scope}: {}", e.message), ..e.clone() });
                exit = e.exit;
                any = true;
            }
        }
    }
    if !any {
        echo.remark("nothing was on");
    }
    Ok(exit)
}

/// Prints what was done in one scope.
pub(super) fn tell(off: &Off, echo: &EchoArgs) {
    let shown = |value: Option<&str>| value.map_or_else(|| "nothing".to_owned(), |v| format!("{v:?}"));
    for (name, step) in &off.settings {
        let change = &off.note.settings[name];
        let line = match step {
            Restore::Put(was) => {
                format!(
                    "{}: {name} was restored: {} is in {} again",
                    off.scope,
                    shown(was.as_deref()),
                    off.scope.place()
                )
            }
            Restore::Done => format!("{}: {name} was already restored", off.scope),
            Restore::Changed(found) => {
                error::note(&format!(
                    "pgkit: {}: {name} was not restored: somebody has changed it to {} since pgkit set {:?}; before that, it was {}\n\
                     hint: restore it with pgkit log off --force, or keep the current value and forget the old one with --keep",
                    off.scope,
                    shown(found.as_deref()),
                    change.set,
                    shown(change.was.as_deref())
                ));
                continue;
            }
        };
        echo.remark(&line);
    }
    if !off.lingering.is_empty() {
        let pids: Vec<String> = off.lingering.iter().map(|c| c.pid.to_string()).collect();
        echo.remark(&format!(
            "{}: {} sessions that began meanwhile keep logging until they end: {} (pgkit log status shows them)",
            off.scope,
            pids.len(),
            pids.join(", ")
        ));
    }
}

//! `log status`: what is on, until when, how fast the log grows, and which sessions still log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use jiff::Timestamp;

use super::shared;
use crate::commands::args::{EchoArgs, FormatArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::error::{self, Error, Exit, Result};
use crate::log::files::{self, Growth, Log, Place};
use crate::log::local;
use crate::log::places::{self, Client, Places};
use crate::note::Restore;
use crate::rows::{Flow, record};
use crate::session::Writer;

/// What is switched on in one place, or a session that still logs.
#[derive(Default)]
struct Line {
    place: String,
    setting: Option<String>,
    value: Option<String>,
    was: Option<String>,
    state: &'static str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    by: Option<String>,
    pid: Option<i64>,
    speed: Speed,
}

record! {
    const COLUMNS;
    fn row(line: &Line) {
        place: text = Some(&line.place),
        setting: text = line.setting.as_ref(),
        value: text = line.value.as_ref(),
        was: text = line.was.as_ref(),
        state: text = Some(line.state),
        since: timestamptz wide = line.since,
        until: timestamptz = line.until,
        by: text wide = line.by.as_ref(),
        pid: int8 wide = line.pid,
        log_growth_bytes: int8 wide = line.speed.bytes,
        disk_lasts_s: float8 wide = line.speed.lasts,
    }
}

#[derive(Debug, Clone, Args)]
struct StatusArgs {
    /// How long to measure the growth of the log
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = crate::units::parse_duration)]
    measure: Duration,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn command() -> Command {
    shared::command::<StatusArgs>(
        "status",
        "Show what is on, since when, by whom and until when; exit with 1 when it is overdue or sessions still log",
        &["pgkit log status", "pgkit log status --json"],
    )
}

/// How fast the log grows, and how long the disk lasts at that.
#[derive(Debug, Clone, Copy, Default)]
struct Speed {
    bytes: Option<i64>,
    lasts: Option<f64>,
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args = StatusArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let echo: EchoArgs = shared::parse(own)?;
    let mut listing = Listing::new(context, "log status", COLUMNS, &args.format)?;
    let access = shared::access(context, root, own, &echo)?;
    let writer = shared::reader(&access).await?;
    let places = places::read(&writer).await?;
    let now = places::now(&writer).await?;
    let clients = places::clients(&writer).await?;
    let in_force = places::in_force(&writer).await?;
    let on = places.notes.values().any(|note| note.is_on()) || !in_force.is_empty();
    let speed = if on { measure(&writer, args.measure).await? } else { Speed::default() };
    writer.close().await;

    let mut exit = Exit::Done;
    let mut lines = Vec::new();
    for (scope, note) in &places.notes {
        let values = places.values.get(scope).cloned().unwrap_or_default();
        for (name, step) in note.restore(&values) {
            let change = &note.settings[&name];
            let unseen = *scope == crate::log::scope::Scope::Global && !places.sees_auto_conf;
            let (state, value) = match step {
                _ if note.is_overdue(now) => ("overdue", Some(change.set.clone())),
                Restore::Changed(found) if !unseen => ("changed by somebody else", found),
                Restore::Done if !unseen => ("put back by somebody else", change.was.clone()),
                _ => ("on", Some(change.set.clone())),
            };
            if note.is_overdue(now) {
                exit = Exit::BadAnswer;
            }
            lines.push(Line {
                place: scope.to_string(),
                setting: Some(name),
                value,
                was: change.was.clone(),
                state,
                since: Some(note.since),
                until: note.until,
                by: Some(note.by.clone()),
                pid: None,
                speed,
            });
        }
    }
    for one in in_force.iter().filter(|one| !is_ours(&places, &one.name, &one.value)) {
        let from = match (&one.file, one.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => one.source.clone(),
        };
        lines.push(Line {
            place: from,
            setting: Some(one.name.clone()),
            value: Some(one.value.clone()),
            state: "on, not by pgkit",
            speed,
            ..Line::default()
        });
    }
    for (place, client) in lingering(&places, &clients) {
        exit = Exit::BadAnswer;
        let role = client.role.as_deref().unwrap_or_default();
        let application = client.application.as_deref().unwrap_or_default();
        lines.push(Line {
            place,
            state: "session still logs",
            since: client.since,
            by: Some(format!("role {role} ({application})")),
            pid: Some(client.pid),
            ..Line::default()
        });
    }
    for (scope, e) in &places.unreadable {
        error::print(&Error { message: format!("{scope}: {}", e.message), ..e.clone() });
    }
    if lines.is_empty() && places.unreadable.is_empty() {
        echo.remark("nothing is on");
    }
    if clients.iter().any(|c| c.since.is_none())
        && places.notes.values().any(|note| !note.lingering.is_empty())
    {
        echo.remark("cannot see which sessions still log: the role needs pg_read_all_stats");
    }
    if exit == Exit::BadAnswer {
        echo.remark(if lines.iter().any(|_| overdue(&places, now)) {
            "WARNING: overdue; end it with pgkit log off"
        } else {
            "WARNING: sessions that began meanwhile still log until they end; end one with pgkit locks terminate PID"
        });
    }
    for line in &lines {
        if listing.push(&row(line))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    // If a record could not be read, the exit code must not be 0.
    Ok(places.unreadable.values().next().map_or(exit, |e| e.exit))
}

fn overdue(places: &Places, now: Timestamp) -> bool {
    places.notes.values().any(|note| note.is_overdue(now))
}

/// Returns whether this is what pgkit switched on for the whole server.
fn is_ours(places: &Places, name: &str, value: &str) -> bool {
    places.notes.values().any(|note| note.settings.get(name).is_some_and(|change| change.set == value))
}

/// Returns the sessions that began while something was on that is off now, each with its scope.
fn lingering(places: &Places, clients: &[Client]) -> Vec<(String, Client)> {
    let mut all = Vec::new();
    for (scope, note) in &places.notes {
        all.extend(places::lingering_of(scope, note, clients).into_iter().map(|c| (scope.to_string(), c)));
    }
    all
}

/// Measures the log's size twice, to tell how fast it grows.
async fn measure(writer: &Writer, time: Duration) -> Result<Speed> {
    let place = Place::find(writer).await?;
    let Some(first) = files::sizes(&place, writer).await? else { return Ok(Speed::default()) };
    let begun = tokio::time::Instant::now();
    tokio::time::sleep(time).await;
    let mut growth = Growth::default();
    growth.look(first);
    growth.look(files::sizes(&place, writer).await?.unwrap_or_default());
    let a_second = growth.bytes as f64 / begun.elapsed().as_secs_f64().max(1e-3);
    let free = folder(&place, writer).await.and_then(|folder| local::free_bytes(&folder));
    Ok(Speed {
        bytes: Some(a_second as i64),
        lasts: free.filter(|_| a_second >= 1.0).map(|free| (free as f64 / a_second).round()),
    })
}

/// Returns the log's folder, if it is on this machine.
async fn folder(place: &Place, writer: &Writer) -> Option<PathBuf> {
    let path = match place.log(writer).await.ok()? {
        Log::Local(_, path) => path,
        Log::Server(_, path) => place.postmaster.as_ref()?.data_directory.as_ref()?.join(path),
        Log::Unknown(_) => return None,
    };
    path.parent().map(Path::to_path_buf)
}

//! `locks demo`: shows sessions that compete for one row, and what each of them gets.

use std::cell::RefCell;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, value_parser};

use crate::commands::args::{self, ConnectionArgs, FormatArgs, SessionArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::commands::open;
use crate::commands::sandbox;
use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::helper::aside;
use crate::locks::demo::{self, Event, Got, Way};
use crate::locks::janitor::{self, Janitor};
use crate::output::Reader;
use crate::rows::{self, record};
use crate::session::{Purpose, Writer};
use crate::sql::quote_ident;
use crate::units::parse_duration;

/// How long the janitor tries to reach an unreachable server.
const PATIENCE: Duration = Duration::from_secs(600);

/// Returns the command.
pub fn command() -> Command {
    let command = args::command("demo", "Let sessions compete for the same row, and show what each got")
        .arg(
            Arg::new("sessions")
                .long("sessions")
                .value_name("N")
                .value_parser(value_parser!(u16).range(2..=100))
                .default_value("2")
                .help("Number of sessions"),
        )
        .arg(
            Arg::new("hold")
                .long("hold")
                .value_name("DURATION")
                .value_parser(parse_duration)
                .default_value("300ms")
                .help("How long a session keeps the row"),
        )
        .arg(Arg::new("sandbox").long("sandbox").action(ArgAction::SetTrue).help("Use a throwaway server"));
    let command = sandbox::with_bin_dir(command).mut_arg("bin-dir", |arg| {
        arg.requires("sandbox").help("With --sandbox: folder with initdb and postgres")
    });
    args::with_flags(command)
        // Waiting for locks is the point of this command.
        .mut_arg("lock_timeout", |arg| arg.default_value("0"))
        .after_help(format!(
            "Each round all sessions send the same statement at the same moment: with NOWAIT, FOR UPDATE,\n\
             SKIP LOCKED and as a plain UPDATE. The table is in a schema of its own, which is dropped afterwards.\n\n\
             Columns: {}\n\n{}",
            rows::names(COLUMNS).join(", "),
            args::example(&["pgkit locks demo --sandbox", "pgkit locks demo --sessions 5 --hold 5s"])
        ))
}

/// Runs the command.
pub async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let from = |e: clap::Error| Error::bug(e.to_string());
    let format = FormatArgs::from_arg_matches(own).map_err(from)?;
    let session = SessionArgs::from_arg_matches(own).map_err(from)?;
    // Report wrong flags before creating anything.
    let listing = Listing::new(context, "locks demo", COLUMNS, &format)?;
    if !own.get_flag("sandbox") {
        let target = open::target(context, root, own, &session.echo)?;
        return on_server(context, &target, &session, own, listing, PATIENCE).await;
    }
    args::refuse_connection_flags(root, "locks demo --sandbox")?;
    if !ConnectionArgs::from_arg_matches(own).map_err(from)?.is_empty() {
        return Err(Error::usage("--sandbox cannot be used with connection flags")
            .hint("leave out the connection flags"));
    }
    let server = sandbox::own_server(context, own).await?;
    let target = sandbox::target(&server)?;
    let done = on_server(context, &target, &session, own, listing, Duration::ZERO).await;
    sandbox::end(server).await?;
    done
}

async fn on_server(
    context: &Context,
    target: &Target,
    session: &SessionArgs,
    own: &ArgMatches,
    mut listing: Listing,
    patience: Duration,
) -> Result<Exit> {
    let writer = async |target: &Target| {
        open::writer(context, Purpose::Demo, target, session.limits(), &session.echo).await
    };
    // The first session asks for a password, if one is needed; the others and the janitor get it from there.
    let first = writer(target).await?;
    let target = first.target().clone();
    let for_janitor = target.clone();
    let janitor = aside(move || Janitor::start(&for_janitor, patience)).await?;
    let schema = janitor.made.schema.clone();
    let echo = session.echo.echo();
    let show = |statements: &[String]| {
        for statement in statements {
            if let Some(echo) = &echo {
                echo(&crate::session::echoed(statement, &[]));
            }
        }
    };
    show(&janitor.made.statements);
    let count = usize::from(*own.get_one::<u16>("sessions").unwrap_or(&2));
    let hold = own.get_one::<Duration>("hold").copied().unwrap_or_default();
    let rounds = async {
        let mut sessions = vec![first];
        while sessions.len() < count {
            sessions.push(writer(&target).await.map_err(|e| {
                Error { message: format!("session {} of {count}: {}", sessions.len() + 1, e.message), ..e }
                    .hint("ask for fewer with --sessions")
            })?);
        }
        for (i, session) in sessions.iter().enumerate() {
            let schema = quote_ident(&schema);
            let name = format!("SET application_name = 'pgkit locks demo {}'", i + 1);
            session.run(&format!("SET search_path = {schema}; {name}")).await?;
        }
        let shown = show_rounds(&sessions, hold, &mut listing).await;
        for session in sessions {
            session.close().await;
        }
        shown
    };
    let shown = rounds.await;
    let dropped = aside(move || janitor.finish()).await;
    match &dropped {
        Ok(done) => show(&done.statements),
        // The janitor is dead, so its work is done here, as far as possible.
        Err(_) => {
            if let Ok(writer) = writer(&target).await {
                let _ = writer.run(&janitor::drop_schema(&schema)).await;
            }
        }
    }
    // Finish the listing even if the demonstration was cut short: everything up to then did happen.
    let finished = listing.finish().await;
    shown?;
    dropped.map_err(|e| e.hint(format!("check whether the schema {schema} still exists")))?;
    finished.map(|()| Exit::Done)
}

async fn show_rounds(sessions: &[Writer], hold: Duration, listing: &mut Listing) -> Result<()> {
    for way in Way::ALL {
        let failed: RefCell<Result<()>> = RefCell::new(Ok(()));
        {
            let listing = RefCell::new(&mut *listing);
            let pids: Vec<i64> = sessions.iter().map(|s| i64::from(s.backend_pid())).collect();
            let tell = |event: Event| {
                let pushed = listing.borrow_mut().push(&row(&event, pids.get(event.session).copied()));
                if let Err(e) = pushed {
                    *failed.borrow_mut() = Err(e);
                }
            };
            demo::round(sessions, way, hold, &RefCell::new(tell)).await?;
        }
        failed.into_inner()?;
        if listing.pass()? == Reader::Gone {
            return Ok(());
        }
    }
    Ok(())
}

record! {
    const COLUMNS;
    fn row(event: &Event, pid: Option<i64>) {
        way: text = Some(event.way.name()),
        at_ms: float8 = milliseconds(event.at),
        session: int8 = i64::try_from(event.session + 1).ok(),
        pid: int8 = pid,
        event: text = Some(if event.got.is_some() { "got" } else { "sent" }),
        what: text = Some(what(event)),
        sqlstate: text = match &event.got {
            Some((Got::Refused(e), _)) => e.sqlstate.as_ref(),
            _ => None,
        },
        waited_ms: float8 = event.got.as_ref().and_then(|(_, waited)| milliseconds(*waited)),
    }
}

/// Rounds to microseconds: across a connection a higher precision would be meaningless.
fn milliseconds(d: Duration) -> Option<f64> {
    Some((d.as_secs_f64() * 1e6).round() / 1e3)
}

/// Returns the statement that was sent, or its result.
fn what(event: &Event) -> String {
    match &event.got {
        None => event.statement.to_owned(),
        Some((Got::Row, _)) => "the row".to_owned(),
        Some((Got::Nothing, _)) => "no row".to_owned(),
        Some((Got::Refused(e), _)) => e.server_message().to_owned(),
    }
}

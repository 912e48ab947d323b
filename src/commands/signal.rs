//! What `locks cancel` and `locks terminate`, `cancel` and `terminate` share: they show the sessions, ask, signal, and
//! check that they are gone.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

use crate::commands::args::{self, EchoArgs, FormatArgs, SessionArgs};
use crate::commands::complete;
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::commands::open;
use crate::commands::servers;
use crate::config::Server;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::locks::signal::{self, Fate, How, Session};
use crate::output::terminal;
use crate::render::human;
use crate::rows::{self, record};
use crate::session::Purpose;
use crate::sql::{quote_ident, quote_literal};
use crate::units::parse_duration;

record! {
    const COLUMNS;
    fn row(pid: i32, session: Option<&Session>, result: String, after: Option<f64>) {
        pid: int8 = Some(i64::from(pid)),
        user: text wide = session.and_then(|s| s.user.as_ref()),
        application: text = session.and_then(|s| s.application.as_ref()),
        session_state: text wide = session.and_then(|s| s.state.as_ref()),
        transaction_s: float8 = session.and_then(|s| s.transaction_s),
        statement: text = session.and_then(|s| s.statement.as_ref()),
        result: text = Some(result),
        after_ms: float8 = after,
    }
}

/// Which sessions to signal, and how.
pub struct Request<'a> {
    pub how: How,
    /// The command, for messages: `locks cancel`.
    pub command: &'a str,
    pub pids: Vec<i32>,
    /// Why these sessions, for the question; empty if they were named.
    pub why: String,
    /// Whether to spare a session that has begun another statement, or ended its transaction, since it was looked at.
    pub is_strict: bool,
}

/// Returns a command that signals sessions, with its flags. `what` describes the sessions: `these sessions`.
pub fn command(how: How, what: &str, pid_is_required: bool, example: &str) -> Command {
    let (about, more) = match how {
        How::Cancel => (
            format!("Cancel the statements of {what}, and check that they ended"),
            "The session stays, and its transaction keeps its locks until it is rolled back.",
        ),
        How::Terminate => (
            format!("End {what}, and check that they are gone"),
            "Its transaction is rolled back. A prepared transaction is not a session: end it with ROLLBACK PREPARED.",
        ),
    };
    let command = args::command(how.name(), &about)
        .arg(
            Arg::new("pid")
                .required(pid_is_required)
                .value_name("PID")
                .num_args(1..)
                .value_parser(parse_pid)
                .add(complete::sessions())
                .help("The session's pid, as in pgkit locks"),
        )
        .arg(
            Arg::new("yes")
                .long("yes")
                .action(ArgAction::SetTrue)
                .help("Do not ask; required where there is no terminal"),
        )
        .arg(
            Arg::new("wait")
                .long("wait")
                .value_name("DURATION")
                .value_parser(parse_duration)
                .default_value("5s")
                .help("How long to wait until they are gone; 0 does not wait"),
        );
    args::with_flags(command).after_help(
        format!(
            "{more}\nThose that can be signalled are signalled, whatever is wrong with the others. Exit codes: 0 all gone,\n\
             1 one does not exist or stays, 77 the server refuses one or hides when it began.\n\n\
             Columns: {}\n\n{}",
            rows::names(COLUMNS).join(", "),
            args::example(&[example])
        ),
    )
}

/// Returns the pids on the command line, each once.
pub fn pids(own: &ArgMatches) -> Vec<i32> {
    let mut pids: Vec<i32> = Vec::new();
    for pid in own.get_many::<i32>("pid").into_iter().flatten() {
        if !pids.contains(pid) {
            pids.push(*pid);
        }
    }
    pids
}

/// Parses a session's pid. The error says what is accepted.
fn parse_pid(text: &str) -> std::result::Result<i32, String> {
    if let Some(gid) = text.strip_prefix("prepared:") {
        return Err(format!(
            "a prepared transaction is not a session: end it with ROLLBACK PREPARED {}",
            quote_literal(gid)
        ));
    }
    text.parse()
        .ok()
        .filter(|pid| *pid > 0)
        .ok_or_else(|| "must be a pid, as in the column pid of pgkit locks".to_owned())
}

/// Shows the sessions, asks, signals them, waits, and prints what became of each.
///
/// Errors: there is no terminal to ask on (64), the answer is no (1), the server refuses (77).
pub async fn run(
    context: &Context,
    request: Request<'_>,
    root: &ArgMatches,
    own: &ArgMatches,
) -> Result<Exit> {
    let from = |e: clap::Error| Error::bug(e.to_string());
    let format = FormatArgs::from_arg_matches(own).map_err(from)?;
    let session = SessionArgs::from_arg_matches(own).map_err(from)?;
    let wait = own.get_one::<Duration>("wait").copied().unwrap_or_default();
    let listing = Listing::new(context, request.command, COLUMNS, &format)?;
    let target = open::target(context, root, own, &session.echo)?;
    let writer = open::writer(context, Purpose::Signal, &target, session.limits(), &session.echo).await?;
    if request.pids.contains(&writer.backend_pid()) {
        return Err(Error::usage(format!("pid {} is pgkit's own session", writer.backend_pid()))
            .hint("list waiting and blocking sessions with pgkit locks"));
    }
    let how = request.how;
    let found = signal::look(&writer, &request.pids).await?;
    let hit: Vec<&Session> = found
        .iter()
        .filter_map(|(_, s)| s.as_ref().filter(|_| signal::obstacle(how, s.as_ref()).is_none()))
        .collect();
    if !hit.is_empty() && !own.get_flag("yes") {
        let server = servers::named(context, &args::connection_flags(root, own)?);
        agree(&request, &hit, server, format.has_color(true, &context.env)).await?;
    }
    let fates = signal::run(&writer, how, request.is_strict, &found, wait).await?;
    let user = writer.user().to_owned();
    writer.close().await;
    print(how, &found, &fates, listing).await?;
    judge(&request, &found, &fates, &user, &session.echo)
}

/// Shows the sessions that would be hit, and asks for confirmation, in the colour of the server if it has one and colour is
/// wanted. Errors: there is no terminal to ask on (64), the answer is no (1).
async fn agree(
    request: &Request<'_>,
    hit: &[&Session],
    server: Option<&Server>,
    has_color: bool,
) -> Result<()> {
    let how = request.how;
    if !request.why.is_empty() {
        error::note(&format!(
            "pgkit: {}: sessions that match {}",
            request.command,
            escape::terminal(&request.why)
        ));
    }
    for session in hit {
        error::note(&format!("pgkit: would {} {}", how.name(), describe(session)));
    }
    let (what, verb) = match (how, hit.len()) {
        (How::Cancel, 1) => ("this statement".to_owned(), "Cancel"),
        (How::Cancel, n) => (format!("these {n} statements"), "Cancel"),
        (How::Terminate, 1) => ("this session".to_owned(), "Terminate"),
        (How::Terminate, n) => (format!("these {n} sessions"), "Terminate"),
    };
    let on = server.map(|server| format!(" on {}", server.name)).unwrap_or_default();
    let color = server.and_then(|server| server.color).filter(|_| has_color);
    match terminal::confirm(&format!("{verb} {what}{on}? [y/N] "), color).await? {
        Some(true) => Ok(()),
        Some(false) => Err(Error::new(Exit::BadAnswer, "nothing was done")),
        None => Err(Error::usage(format!("{}: cannot ask without a terminal", request.command))
            .hint("add --yes to do it without being asked")),
    }
}

/// Describes a session on two lines, for a person.
fn describe(session: &Session) -> String {
    let mut parts = vec![session.pid.to_string()];
    parts.extend(session.user.iter().map(|user| format!("user {user}")));
    parts.extend(session.application.iter().map(|name| format!("application {name}")));
    parts.extend(session.state.clone());
    parts.extend(session.transaction_s.map(|s| format!("in a transaction for {}", human::seconds(s))));
    let statement = session.statement.as_deref().unwrap_or_default();
    let text = parts.iter().map(|part| escape::terminal(part)).collect::<Vec<_>>().join(", ");
    if statement.is_empty() { text } else { format!("{text}\n    {}", escape::terminal(statement)) }
}

async fn print(
    how: How,
    found: &[(i32, Option<Session>)],
    fates: &[Fate],
    mut listing: Listing,
) -> Result<()> {
    for ((pid, session), fate) in found.iter().zip(fates) {
        let after = match fate {
            Fate::Gone(after) => Some((after.as_secs_f64() * 1e3).round()),
            _ => None,
        };
        listing.push(&row(*pid, session.as_ref(), word(how, fate), after))?;
    }
    listing.finish().await
}

/// Describes a fate in a few words.
fn word(how: How, fate: &Fate) -> String {
    match (fate, how) {
        (Fate::Missing, _) => "no such session".to_owned(),
        (Fate::Hidden, _) => "hidden".to_owned(),
        (Fate::Idle, _) => "not running a statement".to_owned(),
        (Fate::AlreadyGone, _) => "had ended by itself".to_owned(),
        (Fate::MovedOn, _) => "spared: it had ended or begun something else".to_owned(),
        (Fate::Refused(e), _) => format!("refused: {}", e.server_message()),
        (Fate::Gone(_), How::Cancel) => "cancelled".to_owned(),
        (Fate::Gone(_), How::Terminate) => "terminated".to_owned(),
        (Fate::Sent, _) => "signalled".to_owned(),
        (Fate::Left, How::Cancel) => "still running".to_owned(),
        (Fate::Left, How::Terminate) => "still there".to_owned(),
    }
}

/// Returns the exit code, and says what to do about the sessions that were not hit.
fn judge(
    request: &Request<'_>,
    found: &[(i32, Option<Session>)],
    fates: &[Fate],
    user: &str,
    echo: &EchoArgs,
) -> Result<Exit> {
    let of = |wanted: &dyn Fn(&Fate) -> bool| -> Vec<String> {
        let those = found.iter().zip(fates).filter(|(_, fate)| wanted(fate));
        those.map(|((pid, _), _)| pid.to_string()).collect()
    };
    let grant = |roles: &str| format!("GRANT {roles} TO {}", quote_ident(user));
    let hidden = of(&|fate| *fate == Fate::Hidden);
    if !hidden.is_empty() {
        return Err(Error::new(
            Exit::Permission,
            format!("cannot see when these sessions began: {}", hidden.join(", ")),
        )
        .hint(format!(
            "a pid alone may by now belong to another session; to be able to see and signal it: {}",
            grant("pg_read_all_stats, pg_signal_backend")
        )));
    }
    let refused = of(&|fate| matches!(fate, Fate::Refused(e) if e.exit == Exit::Permission));
    if !refused.is_empty() {
        return Err(Error::new(
            Exit::Permission,
            format!("the server refuses to {}: {}", request.how.name(), refused.join(", ")),
        )
        .hint(format!("{}; only a superuser may signal a superuser's session", grant("pg_signal_backend"))));
    }
    let idle = of(&|fate| *fate == Fate::Idle);
    if !idle.is_empty() {
        echo.remark(&format!(
            "{}: no statement is running in {}, and {} locks: end {} with pgkit {} {}",
            request.command,
            idle.join(", "),
            if idle.len() == 1 { "it keeps its" } else { "they keep their" },
            if idle.len() == 1 { "it" } else { "them" },
            request.command.replace(How::Cancel.name(), How::Terminate.name()),
            idle.join(" ")
        ));
    }
    let good = |fate: &Fate| matches!(fate, Fate::Gone(_) | Fate::AlreadyGone | Fate::MovedOn | Fate::Sent);
    Ok(if fates.iter().all(good) { Exit::Done } else { Exit::BadAnswer })
}

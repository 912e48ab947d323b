//! `log on`: logs statements for a while.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::shared::{self, ScopeArgs};
use super::tail;
use crate::commands::args::{EchoArgs, FormatArgs};
use crate::commands::context::Context;
use crate::connect::{Environment, Target};
use crate::error::{Error, Exit, Result};
use crate::helper::{self, Helper, aside};
use crate::log::files::{self, Place};
use crate::log::places::Effective;
use crate::log::scope::Scope;
use crate::log::switch::{On, Switch};
use crate::log::watcher::{Order, Orders};
use crate::note::{self, LogRequest, Values};
use crate::output::terminal;
use crate::render::human;
use crate::units::{parse_bytes, parse_duration};
use crate::{sandbox, signals};

/// How long a watcher may take to switch back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Statement {
    /// Every statement
    All,
    /// Statements that change data or definitions
    Mod,
    /// Statements that change definitions
    Ddl,
}

/// A length of time, or forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Forever,
    Time(Duration),
}

/// A size, or unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Unlimited,
    Bytes(u64),
}

fn parse_for(text: &str) -> std::result::Result<For, String> {
    if text == "forever" {
        return Ok(For::Forever);
    }
    match parse_duration(text) {
        Ok(time) if time.is_zero() => Err("use forever for no end".to_owned()),
        Ok(time) if time > Duration::from_secs(3650 * 24 * 3600) => {
            Err(format!("duration {text:?} is too long; use forever for no end"))
        }
        Ok(time) => Ok(For::Time(time)),
        Err(_) => Err(format!(
            "invalid duration {text:?}: must be a number with a unit, such as 90s, 10m or 1h30m, or forever"
        )),
    }
}

fn parse_size(text: &str) -> std::result::Result<Size, String> {
    if text == "unlimited" {
        return Ok(Size::Unlimited);
    }
    match parse_bytes(text)? {
        0 => Err("use unlimited for no limit".to_owned()),
        bytes => u64::try_from(bytes).map(Size::Bytes).map_err(|_| format!("negative size {text:?}")),
    }
}

#[derive(Debug, Clone, Args)]
struct OnArgs {
    /// Which statements to log [default: all, unless --min-duration is given]
    #[arg(long, value_name = "WHICH")]
    statement: Option<Statement>,
    /// Log statements that take at least this long, with their duration; 0 logs all
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    min_duration: Option<Duration>,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Switch back after this time, or `forever`
    #[arg(long = "for", value_name = "DURATION", default_value = "10m", value_parser = parse_for)]
    time: For,
    /// Switch back when the log has grown by this much, or `unlimited`
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = parse_size)]
    max_size: Size,
    /// Show what is logged meanwhile, and switch back at the end or on Ctrl-C
    #[arg(long)]
    tail: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn command() -> Command {
    shared::command::<OnArgs>(
        "on",
        "Log statements for a while, then restore the settings",
        &[
            "pgkit log on --for 10m --tail",
            "pgkit log on --min-duration 250ms --database shop --for 1h",
            "pgkit log on --statement ddl --for forever",
        ],
    )
}

/// Returns the settings that are asked for, with their values as the server writes them.
fn settings(args: &OnArgs) -> Values {
    let mut settings = Values::new();
    let statement = args.statement.or_else(|| args.min_duration.is_none().then_some(Statement::All));
    if let Some(statement) = statement {
        let value = match statement {
            Statement::All => "all",
            Statement::Mod => "mod",
            Statement::Ddl => "ddl",
        };
        settings.insert("log_statement".to_owned(), value.to_owned());
    }
    if let Some(least) = args.min_duration {
        settings.insert("log_min_duration_statement".to_owned(), least.as_millis().to_string());
    }
    settings
}

/// Returns who switches on, to be shown to those who find the record.
fn by(role: &str, env: &Environment) -> String {
    let machine = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    format!(
        "role {role} ({}@{})",
        env.user().unwrap_or("unknown"),
        machine.unwrap_or_else(|_| "unknown".to_owned())
    )
}

/// Returns a random name for this run of `log on`. The standard library's hasher is seeded at random.
fn random_id() -> String {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: OnArgs = shared::parse(own)?;
    let echo: EchoArgs = shared::parse(own)?;
    let access = shared::access(context, root, own, &echo)?;
    let scope = args.scope.scope().unwrap_or(Scope::Global);
    if args.min_duration.is_some_and(|least| i32::try_from(least.as_millis()).is_err()) {
        return Err(Error::usage("--min-duration: must be at most 24 days"));
    }
    if args.tail {
        // Report wrong flags before connecting.
        tail::check_format(context, &args.format)?;
    }
    let switch = Switch::lock(&access, &mut terminal::ask_password).await?;
    // A log that cannot be shown is reported before anything is switched on, and no entry is missed in between.
    let ahead = if args.tail { Some(tail::ahead(switch.access()).await?) } else { None };
    let answer = switch_on(context, &switch, &args, &scope, &echo).await;
    switch.unlock().await;
    match (answer?, ahead) {
        (Some(watcher), Some(ahead)) => show(context, ahead, &args, &scope, &echo, watcher).await,
        _ => Ok(Exit::Done),
    }
}

/// Switches on with a watcher, and reports the result.
async fn switch_on(
    context: &Context,
    switch: &Switch,
    args: &OnArgs,
    scope: &Scope,
    echo: &EchoArgs,
) -> Result<Option<Helper>> {
    let now = switch.now().await?;
    let until = match args.time {
        For::Forever => None,
        For::Time(time) => Some(end(now, time)?),
    };
    let mut max_bytes = match args.max_size {
        Size::Unlimited => None,
        Size::Bytes(bytes) => Some(bytes),
    };
    if let Some(max) = max_bytes {
        let place = Place::find(switch.writer()).await?;
        if files::sizes(&place, switch.writer()).await?.is_none() {
            echo.remark(&format!(
                "WARNING: cannot enforce --max-size {}: the size of the log is not known from here (see pgkit log path)",
                human::bytes(i64::try_from(max).unwrap_or(i64::MAX))
            ));
            max_bytes = None;
        }
    }
    let request = LogRequest {
        id: random_id(),
        by: by(switch.writer().user(), &context.env),
        settings: settings(args),
        until,
        max_bytes,
    };
    // The watcher is ready before anything is changed.
    let mut watcher = None;
    if until.is_some() || max_bytes.is_some() || args.tail {
        let orders = Orders {
            target: switch.access().target.clone(),
            scope: scope.clone(),
            id: request.id.clone(),
            until,
            max_bytes,
            folder: throwaway(&switch.access().target),
        };
        let started = aside(move || helper::spawn::<()>(helper::Kind::Watcher, &orders, None)).await;
        let started = started.map_err(|e| Error {
            message: format!("could not start a watcher, so nothing was changed: {}", e.message),
            ..e
        })?;
        watcher = Some(started.0);
    }
    let on = switch.on(scope, &request).await?;
    let proof = switch.prove(scope, &request.settings).await?;
    if let Some(watcher) = watcher.as_mut().filter(|_| !args.tail) {
        watcher.ask::<()>(&Order::Detach)?;
    }
    tell(scope, &request, &on, proof.as_deref(), watcher.as_ref(), echo);
    Ok(watcher)
}

/// Returns the folder of the throwaway server that is the target, if it is one of this machine.
fn throwaway(target: &Target) -> Option<PathBuf> {
    // The paths of a target behind ssh are those of another machine.
    if target.ssh.is_some() {
        return None;
    }
    target.hosts.iter().find_map(|host| sandbox::folder_of(&host.name))
}

/// Returns the end of a length of time.
fn end(now: Timestamp, time: Duration) -> Result<Timestamp> {
    SignedDuration::try_from(time)
        .ok()
        .and_then(|time| now.checked_add(time).ok())
        .ok_or_else(|| Error::usage("--for: duration is too long").hint("use forever for no end"))
}

/// Prints what was done.
fn tell(
    scope: &Scope,
    request: &LogRequest,
    on: &On,
    proof: Option<&[Effective]>,
    watcher: Option<&Helper>,
    echo: &EchoArgs,
) {
    let mut ends = Vec::new();
    if let Some(until) = request.until {
        ends.push(format!("until {}", note::minute(until)));
    }
    if let Some(max) = request.max_bytes {
        ends.push(format!(
            "until the log has grown by {}",
            human::bytes(i64::try_from(max).unwrap_or(i64::MAX))
        ));
    }
    let ends = if ends.is_empty() { "until pgkit log off".to_owned() } else { ends.join(" or ") };
    for (name, value) in &request.settings {
        let was = match &on.note.settings[name].was {
            Some(was) => format!("{was:?} in {}", scope.place()),
            None => format!("not set in {}", scope.place()),
        };
        echo.remark(&format!("{scope}: {name} = {value}, {ends}; before: {was}"));
    }
    if let Some(before) = on.before.as_ref().filter(|before| before.is_on()) {
        echo.remark(&format!(
            "it was already on, since {} by {}; the settings from before that will be restored",
            note::minute(before.since),
            before.by
        ));
    }
    match proof {
        None => echo.remark(&format!(
            "it is set, but could not be verified: cannot open a session of {scope} from here"
        )),
        Some(found) => {
            let wrong: Vec<&Effective> = found
                .iter()
                .filter(|one| request.settings.get(&one.name).is_some_and(|value| *value != one.value))
                .collect();
            if wrong.is_empty() {
                echo.remark("a fresh session has it");
            }
            for one in wrong {
                let from = match (one.source.as_str(), &one.file, one.line) {
                    (_, Some(file), Some(line)) => format!("{file}, line {line}"),
                    ("client", ..) => "this client's own options (PGOPTIONS)".to_owned(),
                    ("user", ..) => "this role's own settings".to_owned(),
                    ("database", ..) => "this database's own settings".to_owned(),
                    ("database user", ..) => "this role's settings in this database".to_owned(),
                    (other, ..) => other.to_owned(),
                };
                echo.remark(&format!(
                    "WARNING: a fresh session has {} = {}, from {from}",
                    one.name, one.value
                ));
            }
        }
    }
    for one in &on.overridden {
        echo.remark(&format!(
            "WARNING: {} has {} = {}, which overrides it",
            one.place(),
            one.name,
            one.value
        ));
    }
    if on.deaf > 0 {
        let why = match scope {
            Scope::Global => "because their role or database overrides it",
            _ => "because they began earlier",
        };
        echo.remark(&format!("{} existing sessions will not log, {why}", on.deaf));
    }
    echo.remark("WARNING: passwords in statements get logged too");
    match watcher {
        Some(watcher) => {
            echo.remark(&format!("process {} watches; pgkit log off ends it at once", watcher.pid()))
        }
        None => echo.remark("it stays on until pgkit log off"),
    }
}

/// `--tail`: shows what is logged until the end, and switches back.
async fn show(
    context: &Context,
    ahead: tail::Ahead,
    args: &OnArgs,
    scope: &Scope,
    echo: &EchoArgs,
    watcher: Helper,
) -> Result<Exit> {
    // Ctrl-C ends the tail, and then the settings still have to be switched back.
    signals::patience(PATIENCE);
    let mut guard = Guard { watcher: Some(watcher), quiet: echo.quiet };
    let left = match args.time {
        For::Forever => None,
        For::Time(time) => Some(time),
    };
    let shown = tail::follow(context, ahead, scope, &args.format, echo, left).await;
    guard.end().await?;
    shown
}

/// Makes the watcher switch back, however we end: on a signal, dropping this is the last thing that happens.
struct Guard {
    watcher: Option<Helper>,
    quiet: bool,
}

impl Guard {
    async fn end(&mut self) -> Result<()> {
        let Some(watcher) = self.watcher.take() else { return Ok(()) };
        aside(move || switch_back(watcher)).await?;
        self.say();
        Ok(())
    }

    fn say(&self) {
        if !self.quiet {
            crate::error::note("pgkit: switched back");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            match switch_back(watcher) {
                Ok(()) => self.say(),
                Err(e) => crate::error::print(&e),
            }
        }
    }
}

/// Tells the watcher to switch back now; it may be about to do so by itself because its time has come.
fn switch_back(mut watcher: Helper) -> Result<()> {
    match watcher.ask::<()>(&Order::Off) {
        Ok(()) => {
            // It may still have to wait for sessions that go on logging.
            watcher.detach();
            Ok(())
        }
        Err(_) if watcher.finish(PATIENCE).is_some_and(|status| status.success()) => Ok(()),
        Err(e) => Err(e.hint("see what is still on with pgkit log status, and end it with pgkit log off")),
    }
}

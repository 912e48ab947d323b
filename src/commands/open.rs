//! Opens the sessions of commands: resolves the flags, prompts for the password, and prints warnings.

use std::time::Duration;

use clap::ArgMatches;

use super::args::{EchoArgs, connection_flags};
use super::context::Context;
use super::passwords::Attempts;
use super::servers;
use crate::connect::{Flags, Target};
use crate::error::{Error, Result};
use crate::session::{Console, Echo, Limits, Purpose, Reader, Settings, Writer};

/// Resolves the connection flags, given before or after the command, to a target. Prints warnings.
pub fn target(context: &Context, root: &ArgMatches, own: &ArgMatches, echo: &EchoArgs) -> Result<Target> {
    resolve(context, &connection_flags(root, own)?, echo)
}

/// Does the same as [`target`] for flags that are already parsed.
///
/// Errors: they name several servers (64).
pub fn resolve(context: &Context, flags: &Flags, echo: &EchoArgs) -> Result<Target> {
    if flags.service.as_deref().is_some_and(servers::is_list) {
        return Err(Error::usage("--service: this command works on one server")
            .hint("only reports can ask several servers at once: name one"));
    }
    let target = servers::resolve(context, flags)?;
    target.warnings.iter().for_each(|warning| echo.remark(warning));
    Ok(target)
}

/// Opens a session that only reads, and warns of log settings that should have ended.
///
/// Errors: no connection (69), or the server refuses it.
pub async fn reader(
    context: &Context,
    target: &Target,
    settings: Settings,
    echo: &EchoArgs,
) -> Result<Reader> {
    let reader = silent_reader(context, target, settings, echo.echo()).await?;
    warn(context, reader.overdue(), echo);
    Ok(reader)
}

/// Opens a session that only reads, without that warning.
pub async fn silent_reader(
    context: &Context,
    target: &Target,
    settings: Settings,
    echo: Echo,
) -> Result<Reader> {
    let mut attempts = Attempts::new(&context.passwords, target);
    loop {
        let (target, settings) = (attempts.target().clone(), settings.clone());
        let ask = &mut |_: &str| attempts.ask();
        let opened = Reader::connect(&target, settings, echo.clone(), &context.running, ask).await;
        if let Some(opened) = attempts.again(opened).await? {
            return Ok(opened);
        }
    }
}

/// Opens a session with PgBouncer's console; a command there may take as long as `limit`.
///
/// Errors: no connection (69), or a server instead of a PgBouncer (64).
pub async fn console(
    context: &Context,
    target: &Target,
    limit: Option<Duration>,
    echo: Echo,
) -> Result<Console> {
    let mut attempts = Attempts::new(&context.passwords, target);
    loop {
        let target = attempts.target().clone();
        let opened = Console::connect(&target, limit, echo.clone(), &mut |_: &str| attempts.ask()).await;
        if let Some(opened) = attempts.again(opened).await? {
            return Ok(opened);
        }
    }
}

/// Opens a session of its own for this purpose.
///
/// Errors: no connection (69), or there is a connection pooler in between (64).
pub async fn writer(
    context: &Context,
    purpose: Purpose,
    target: &Target,
    limits: Limits,
    echo: &EchoArgs,
) -> Result<Writer> {
    let mut attempts = Attempts::new(&context.passwords, target);
    let writer = loop {
        let target = attempts.target().clone();
        let ask = &mut |_: &str| attempts.ask();
        let opened = Writer::for_(purpose, &target, limits, echo.echo(), &context.running, ask).await;
        if let Some(opened) = attempts.again(opened).await? {
            break opened;
        }
    };
    warn(context, writer.overdue(), echo);
    Ok(writer)
}

/// Prints, at most once per process, that temporary log settings should have ended already.
pub fn warn(context: &Context, overdue: Option<&str>, echo: &EchoArgs) {
    if let Some(overdue) = overdue
        && !context.has_warned.replace(true)
    {
        echo.remark(overdue);
    }
}

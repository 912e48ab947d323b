//! What the commands below `log` share.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::commands::args::{self, ConnectionArgs, EchoArgs};
use crate::commands::context::Context;
use crate::commands::{complete, open};
use crate::error::{Error, Result};
use crate::log::prefix::Field;
use crate::log::record::Filter;
use crate::log::scope::Scope;
use crate::log::switch::Access;
use crate::log::zone::Clock;
use crate::output::terminal;
use crate::session::{Purpose, Writer};

/// Which place is meant.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub(super) struct ScopeArgs {
    /// The whole server, by ALTER SYSTEM: existing sessions too (the default)
    #[arg(long)]
    pub(super) global: bool,
    /// One database: sessions that begin from now on
    #[arg(long, value_name = "DATABASE", add = complete::database_names())]
    pub(super) database: Option<String>,
    /// One role: sessions that begin from now on
    #[arg(long, value_name = "ROLE", add = complete::roles())]
    pub(super) role: Option<String>,
}

impl ScopeArgs {
    /// Returns the scope that was named, if one was.
    pub(super) fn scope(&self) -> Option<Scope> {
        match (&self.database, &self.role) {
            (Some(name), _) => Some(Scope::Database(name.clone())),
            (_, Some(name)) => Some(Scope::Role(name.clone())),
            _ => self.global.then_some(Scope::Global),
        }
    }
}

/// Whose entries of a log are wanted.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct WhoArgs {
    /// Take only entries of this database
    #[arg(long, value_name = "DATABASE", add = complete::database_names())]
    pub(super) database: Option<String>,
    /// Take only entries of this role
    #[arg(long, value_name = "ROLE", add = complete::roles())]
    pub(super) user: Option<String>,
    /// Take only entries of this application name
    #[arg(long, value_name = "NAME")]
    pub(super) app: Option<String>,
}

impl WhoArgs {
    /// Returns the filter for these entries.
    pub(super) fn filter(&self) -> Filter {
        let WhoArgs { database, user, app } = self.clone();
        Filter { database, user, application: app, ..Filter::default() }
    }

    /// Returns the flags that need a log with a certain field, and whether each was given.
    pub(super) fn needs(&self) -> [Need; 3] {
        [
            (self.database.is_some(), "--database", Field::Database, "%d"),
            (self.user.is_some(), "--user", Field::User, "%u"),
            (self.app.is_some(), "--app", Field::Application, "%a"),
        ]
    }
}

/// Whether a flag was given, its name, the field that it needs, and the escape of log_line_prefix for that.
pub(super) type Need = (bool, &'static str, Field, &'static str);

/// Returns the flags that were given, each with the field and the escape.
pub(super) fn given(needs: impl IntoIterator<Item = Need>) -> Vec<(&'static str, Field, &'static str)> {
    needs
        .into_iter()
        .filter(|(given, ..)| *given)
        .map(|(_, flag, field, escape)| (flag, field, escape))
        .collect()
}

/// How the lines of log files are read.
#[derive(Debug, Clone, Args)]
pub(super) struct LineArgs {
    /// The log_line_prefix of FILE, or the name of a known one: default, debian, redhat, suse, rds, azure, cloudsql,
    /// supabase, heroku, zalando, timescale, stackgres, aiven, pgbadger, edb [default: the usual one that fits]
    #[arg(long, value_name = "PREFIX|NAME", requires = "files", add = complete::line_prefixes())]
    pub(super) line_prefix: Option<String>,
    /// The log_timezone of FILE, or the time zone of its syslog [default: this machine's, if the times match it]
    #[arg(long, value_name = "ZONE", requires = "files")]
    timezone: Option<String>,
}

impl LineArgs {
    /// Returns the clock for the times of the files. Errors: there is no such zone (64).
    pub(super) fn clock(&self) -> Result<Clock> {
        self.timezone.as_deref().map_or_else(|| Ok(Clock::local()), Clock::named)
    }
}

/// Returns a command with the flags for the connection and for what is shown besides the answer.
pub(super) fn command<A: Args>(name: &'static str, about: &'static str, examples: &[&str]) -> Command {
    let command =
        EchoArgs::augment_args(ConnectionArgs::augment_args(A::augment_args(args::command(name, about))));
    command.about(about).after_help(args::example(examples))
}

/// Returns the values of a group of flags.
pub(super) fn parse<A: FromArgMatches>(matches: &ArgMatches) -> Result<A> {
    A::from_arg_matches(matches).map_err(|e| Error::bug(e.to_string()))
}

/// Returns how to connect according to the flags.
pub(super) fn access(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    echo: &EchoArgs,
) -> Result<Access> {
    let target = open::target(context, root, own, echo)?;
    Ok(Access { target, echo: echo.echo(), running: context.running.clone() })
}

/// Opens a session for reading the log.
pub(super) async fn reader(access: &Access) -> Result<Writer> {
    access.writer(Purpose::Tail, &mut terminal::ask_password).await
}

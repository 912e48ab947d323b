//! The flags that commands share.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum, ValueHint, value_parser};

use super::complete;
use crate::connect::{Environment, Flags};
use crate::error::{self, Error, Result};
use crate::pipeline::RowOptions;
use crate::render::{self, FormatName, Style};
use crate::report::Report;
use crate::session::{Echo, Limits, Settings};
use crate::sql::{self, Reach};
use crate::units::parse_timeout;

/// How to reach the server; every command that does has these.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// The server's host, or the directory of its socket
    #[arg(short = 'h', long, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub host: Option<String>,
    /// The server's port
    #[arg(short, long, value_name = "PORT")]
    pub port: Option<String>,
    /// The role to connect as
    #[arg(short = 'U', long, value_name = "ROLE", value_hint = ValueHint::Username)]
    pub username: Option<String>,
    /// The database, a postgresql:// URL, or a "key=value ..." string
    #[arg(short, long, value_name = "DBNAME", add = complete::databases())]
    pub dbname: Option<String>,
    /// A service, or a server of the configuration file; reports take several (a,b, @group or all)
    #[arg(long, value_name = "NAME", add = complete::services())]
    pub service: Vec<String>,
    /// Never ask for a password
    #[arg(short = 'w', long, overrides_with = "password")]
    pub no_password: bool,
    /// Ask for a password before connecting
    #[arg(short = 'W', long)]
    pub password: bool,
    /// Reach the server through ssh to this host; -h [default: localhost] and -p are as seen from there
    #[arg(long, value_name = "[USER@]HOST[:PORT]", value_hint = ValueHint::Hostname)]
    pub ssh: Option<String>,
}

impl ConnectionArgs {
    /// Returns the flags of the command; those it does not have are taken from `before`.
    pub fn flags(&self, before: &ConnectionArgs) -> Flags {
        let pick = |own: &Option<String>, other: &Option<String>| own.clone().or_else(|| other.clone());
        Flags {
            host: pick(&self.host, &before.host),
            port: pick(&self.port, &before.port),
            username: pick(&self.username, &before.username),
            dbname: pick(&self.dbname, &before.dbname),
            // Of one command line, several --service add up to one list.
            service: [&self.service, &before.service]
                .into_iter()
                .find(|list| !list.is_empty())
                .map(|list| list.join(",")),
            no_password: self.no_password || (before.no_password && !self.password),
            password: self.password || (before.password && !self.no_password),
            ssh: pick(&self.ssh, &before.ssh),
            ..Flags::default()
        }
    }

    /// Returns whether none of them was given.
    pub fn is_empty(&self) -> bool {
        self.host.is_none()
            && self.port.is_none()
            && self.username.is_none()
            && self.dbname.is_none()
            && self.service.is_empty()
            && !self.no_password
            && !self.password
            && self.ssh.is_none()
    }
}

/// Adds the flags of every command that gives rows out of a session: connection, format, session.
pub fn with_flags(command: Command) -> Command {
    // The groups of flags bring their own description; the command's must win.
    let about = command.get_about().cloned().unwrap_or_default();
    SessionArgs::augment_args(FormatArgs::augment_args(ConnectionArgs::augment_args(command))).about(about)
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How an answer looks and which of its rows and columns are wanted: for every command that gives rows.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct FormatArgs {
    /// Output format [default: table, tree or sections on a terminal, tsv elsewhere]
    #[arg(long, value_name = "FORMAT", hide_possible_values = false)]
    pub format: Option<FormatName>,
    /// Short for --format csv
    #[arg(long, conflicts_with_all = ["format", "json"])]
    pub csv: bool,
    /// With csv: put an apostrophe before a text that a spreadsheet would take for a formula (it begins with = + - @, a
    /// tab or a carriage return)
    #[arg(long)]
    pub csv_safe: bool,
    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Print a header, also where the format has none by default
    #[arg(long, overrides_with = "no_header")]
    pub header: bool,
    /// Print no header
    #[arg(long)]
    pub no_header: bool,
    /// Print only these columns, in this order
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', add = complete::columns(&[""]))]
    pub columns: Vec<String>,
    /// Sort by this column
    #[arg(long, value_name = "COLUMN[:desc]", add = complete::columns(&["", ":desc"]))]
    pub sort: Option<String>,
    /// Print at most N rows
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_count)]
    pub limit: Option<u64>,
    /// Keep rows whose line, as tsv, matches this regular expression (Rust's syntax)
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<String>,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: Color,
}

/// What is shown beside the answer: for every command that talks to a server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct EchoArgs {
    /// Print the SQL that runs, with its parameters, on stderr
    #[arg(short = 'E', long)]
    pub echo_hidden: bool,
    /// Print only errors on stderr, no remarks
    #[arg(short, long)]
    pub quiet: bool,
}

/// What is shown besides the answer, and how long the server may take, for commands that query a server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct SessionArgs {
    /// What is shown beside it.
    #[command(flatten)]
    pub echo: EchoArgs,
    /// Cancel a statement that takes longer than this; 0 is no limit
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_timeout)]
    pub statement_timeout: Duration,
    /// Wait for a lock for at most this long; 0 is no limit
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_timeout)]
    pub lock_timeout: Duration,
}

/// The role as which a command that only reads looks at the server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct RoleArgs {
    /// Look as this role (SET ROLE), so that the answer is what it may see
    #[arg(long, value_name = "ROLE", value_parser = parse_role, add = complete::roles())]
    pub role: Option<String>,
}

/// Which servers a report asks, if it asks several.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ServersArgs {
    /// Ask each server in FILE, - for stdin: a name and a connection string on each line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub servers: Option<PathBuf>,
    /// Ask at most N servers at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u16).range(1..1000))]
    pub parallel: u16,
}

/// What every report has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print the SQL on stdout, ready for psql, and do not run it
    #[arg(long, conflicts_with_all = ["watch", "all_databases"])]
    pub sql: bool,
    /// With --sql: print the SQL for this major version, without connecting to a server
    #[arg(long, value_name = "MAJOR", requires = "sql", value_parser = value_parser!(u32).range(1..1000))]
    pub server_version: Option<u32>,
    /// How it looks.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Run in every database that the role may connect to
    #[arg(long)]
    pub all_databases: bool,
    /// With --all-databases: skip databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]
    #[arg(long, value_name = "PATTERN", requires = "all_databases")]
    pub exclude_database: Vec<String>,
    /// Read the rows from this snapshot, - for stdin, instead of asking a server (-d: those of another database); several
    /// snapshots: a.snap,b.snap
    #[arg(long, value_name = "FILE,…", value_hint = ValueHint::FilePath, conflicts_with_all = ["sql", "server_version", "watch", "exclude_database"])]
    pub from: Option<String>,
    /// Print how the rows differ from those in FILE, a snapshot or an answer in JSON, or from those of a DURATION before
    #[arg(long, value_name = "FILE|DURATION", value_hint = ValueHint::FilePath, conflicts_with_all = ["sql", "server_version", "watch"])]
    pub against: Option<String>,
    /// With --against: exit with 1 if any row differs
    #[arg(long, requires = "against")]
    pub fail_on_change: bool,
    /// Run again every SECONDS seconds
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub watch: Option<String>,
    /// Do not use a pager for long answers on a terminal
    #[arg(long)]
    pub no_pager: bool,
    /// Print which text of the report was chosen, and why
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
    /// What is shown besides the answer, and how long the server may take.
    #[command(flatten)]
    pub session: SessionArgs,
}

impl RoleArgs {
    /// Returns the flag's value out of the arguments of a report, which does not have the flag if it has a parameter of
    /// that name.
    pub fn of_report(report: &Report, own: &ArgMatches) -> Result<RoleArgs> {
        if report.params.iter().any(|param| param.long() == "role") {
            return Ok(RoleArgs { role: None });
        }
        RoleArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))
    }

    /// Returns these settings, with the role.
    pub fn settings(&self, session: &SessionArgs) -> Settings {
        Settings { role: self.role.clone(), ..session.settings() }
    }
}

/// Reads the value of `--grep`. Errors: it is no valid regular expression (65).
pub fn grep(text: &str) -> Result<regex::bytes::Regex> {
    regex::bytes::Regex::new(text).map_err(|e| {
        Error::data(format!("--grep: {}", e.to_string().replace('\n', "\n  ")))
            .hint("use the syntax of Rust's regex crate; put \\ before a character to match it literally")
    })
}

/// Returns the snapshots that the value of `--from` names. A file whose name has a comma is one.
pub fn snapshots(text: &str) -> Vec<PathBuf> {
    if Path::new(text).exists() {
        return vec![PathBuf::from(text)];
    }
    text.split(',').filter(|name| !name.is_empty()).map(PathBuf::from).collect()
}

/// Reads the name of a role. The server takes `none` for no role at all.
fn parse_role(text: &str) -> std::result::Result<String, String> {
    if text.is_empty() || text == "none" {
        Err("must be the name of a role".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

impl FormatArgs {
    /// Returns the format: the one that was asked for, or else the default for where stdout goes.
    pub fn format(&self, terminal: bool) -> FormatName {
        match self.format {
            _ if self.csv => FormatName::Csv,
            _ if self.json => FormatName::Json,
            Some(format) => format,
            None if terminal => FormatName::Table,
            None => FormatName::Tsv,
        }
    }

    /// Returns whether neither a format nor columns were asked for.
    pub fn is_plain(&self) -> bool {
        self.format.is_none() && !self.csv && !self.json && self.columns.is_empty()
    }

    /// Returns whether no flag about the appearance or the choice of rows was given.
    pub fn is_untouched(&self) -> bool {
        let shown = !self.header && !self.no_header && !self.csv_safe && self.sort.is_none();
        self.is_plain() && shown && self.limit.is_none() && self.grep.is_none()
    }

    /// Returns which rows and columns are wanted. Errors: `--grep` is no valid regular expression (65),
    /// `--csv-safe` without csv (64).
    pub fn row_options(&self) -> Result<RowOptions> {
        if self.csv_safe && !self.csv && self.format != Some(FormatName::Csv) {
            return Err(Error::usage("--csv-safe can only be used with csv")
                .hint("add --csv, or leave out --csv-safe"));
        }
        let grep = self.grep.as_deref().map(grep).transpose()?;
        Ok(RowOptions { grep, sort: self.sort.clone(), limit: self.limit, columns: self.columns.clone() })
    }

    /// Returns whether output is coloured. `is_terminal` says whether it goes to a terminal.
    pub fn has_color(&self, is_terminal: bool, env: &Environment) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let is_forced = env.nonempty("CLICOLOR_FORCE").is_some_and(|force| force != "0");
                let is_for_people = is_terminal && env.var("TERM") != Some("dumb");
                env.nonempty("NO_COLOR").is_none() && (is_forced || is_for_people)
            }
        }
    }

    /// Returns the style for a terminal of this size; `None` is no terminal.
    pub fn style(&self, terminal: Option<(usize, usize)>, env: &Environment) -> Style {
        let color = self.has_color(terminal.is_some(), env);
        let header = match (self.header, self.no_header) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        Style {
            header,
            color,
            width: terminal.map(|(width, _)| width),
            all_columns: !self.columns.is_empty(),
            tree: None,
            sections: None,
            one_line: false,
            csv_safe: self.csv_safe,
            zone: render::local_zone(),
        }
    }
}

impl EchoArgs {
    /// Returns the function that prints SQL on stderr, if `-E` was given.
    pub fn echo(&self) -> Echo {
        self.echo_hidden.then(|| {
            Rc::new(|sql: &str| error::note(&sql::harmless(sql, Reach::Unicode))) as Rc<dyn Fn(&str)>
        })
    }

    /// Prints a remark on stderr, unless `--quiet` was given.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            error::say(&format!("pgkit: {text}"));
        }
    }
}

impl SessionArgs {
    /// Returns the settings of a read-only session.
    pub fn settings(&self) -> Settings {
        let Limits { statement, lock } = self.limits();
        Settings { statement_timeout: statement, lock_timeout: lock, role: None, watch_client: true }
    }

    /// Returns the timeouts; 0 means none.
    pub fn limits(&self) -> Limits {
        let positive = |limit: Duration| (!limit.is_zero()).then_some(limit);
        Limits { statement: positive(self.statement_timeout), lock: positive(self.lock_timeout) }
    }
}

/// Reads a number of rows, of which there may be none.
fn parse_count(text: &str) -> std::result::Result<u64, String> {
    text.parse().map_err(|_| "must be a whole number, 0 or more".to_owned())
}

/// Returns a command with what every command of pgkit has: help under `--help` and `-?`, since `-h` is the host.
pub fn command(name: impl Into<clap::builder::Str>, about: impl Into<StyledStr>) -> Command {
    Command::new(name)
        .about(about)
        .disable_help_flag(true)
        // The last occurrence of a flag wins, so that a shell alias can be overridden.
        .args_override_self(true)
        .arg(help_flag().display_order(999))
}

/// Returns the flag for help.
pub fn help_flag() -> Arg {
    Arg::new("help").short('?').long("help").action(ArgAction::HelpShort).help("Print help")
}

/// Returns the examples that are shown below a command's flags.
pub fn example(lines: &[&str]) -> String {
    format!("Example:\n  {}", lines.join("\n  "))
}

/// Returns the connection flags of a command, combined with those given before it. (A command that does not
/// connect to a server refuses the latter.)
pub fn connection_flags(root: &ArgMatches, own: &ArgMatches) -> Result<Flags> {
    let parse = |m: &ArgMatches| ConnectionArgs::from_arg_matches(m).map_err(|e| Error::bug(e.to_string()));
    Ok(parse(own)?.flags(&parse(root)?))
}

/// Refuses connection flags before a command that connects to nothing. Errors: wrong usage (64).
pub fn refuse_connection_flags(root: &ArgMatches, name: &str) -> Result<()> {
    let before = ConnectionArgs::from_arg_matches(root).map_err(|e| Error::bug(e.to_string()))?;
    if before.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!("{name} does not accept connection flags"))
        .hint(format!("leave them out; see pgkit {name} --help")))
}

/// Refuses flags that lead to a server, for a command that reads a file instead. `with` is the flag or the argument that names
/// the file.
///
/// Errors: there is such a flag (64).
pub fn refuse_server(root: &ArgMatches, own: &ArgMatches, with: &str) -> Result<()> {
    let flags = connection_flags(root, own)?;
    if flags.host.is_some() || flags.port.is_some() || flags.dbname.is_some() || flags.service.is_some() {
        return Err(Error::usage(format!("{with} cannot be used with flags that lead to a server"))
            .hint("leave out one of them"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_of_the_command_beats_one_before_it() {
        let before = ConnectionArgs { host: Some("a".into()), port: Some("1".into()), ..Default::default() };
        let own = ConnectionArgs { host: Some("b".into()), ..Default::default() };
        let flags = own.flags(&before);
        assert_eq!((flags.host.as_deref(), flags.port.as_deref()), (Some("b"), Some("1")));
    }
}

//! `snapshot`: saves the answers of reports to a file.

use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};

use super::choose::chosen;
use super::show;
use super::taking::Taking;
use crate::commands::args::{self, ConnectionArgs, RoleArgs, SessionArgs};
use crate::commands::context::Context;
use crate::commands::databases::Choice;
use crate::commands::facts::Facts;
use crate::commands::open;
use crate::error::{Error, Exit, Result};
use crate::output;
use crate::report::Report;
use crate::snapshot::{self, Draft, Header, Veil};

#[derive(Debug, Clone, Args)]
struct TakeArgs {
    /// The reports to take [default: all, and your own that have a key]
    #[arg(value_name = "REPORT")]
    reports: Vec<String>,
    /// Write it to FILE, - for stdout [default: a name with the host and the time, which is printed]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace statements and the names and addresses of clients by hashes
    #[arg(long)]
    redact: bool,
    /// Skip databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]
    #[arg(long, value_name = "PATTERN")]
    exclude_database: Vec<String>,
}

/// Returns the command.
pub fn command() -> Command {
    let about = "Save the answers of all reports to a file, for --from";
    let command = TakeArgs::augment_args(RoleArgs::augment_args(ConnectionArgs::augment_args(
        args::command("snapshot", about),
    )));
    SessionArgs::augment_args(command)
        .about(about)
        .subcommand(show::command())
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .after_help(format!(
            "It only reads, over one connection at a time, from every database that the role may connect to. Reports that\n\
             need an argument (describe), or that cost the server much (buffers), are left out unless they are named.\n\
             pgkit REPORT --from FILE gives a report's rows out of the file, in all formats, without a server.\n\n{}",
            args::example(&["pgkit snapshot -o monday.snap; pgkit sizes --from monday.snap --limit 5"])
        ))
}

/// Takes a snapshot, or shows one.
pub async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    if let Some(("show", own)) = own.subcommand() {
        return show::run(context, root, own).await;
    }
    let from = |e: clap::Error| Error::bug(e.to_string());
    let args = TakeArgs::from_arg_matches(own).map_err(from)?;
    let session = SessionArgs::from_arg_matches(own).map_err(from)?;
    let settings = RoleArgs::from_arg_matches(own).map_err(from)?.settings(&session);
    let (wanted, unusable) = chosen(context, &args.reports)?;
    let is_stdout = args.output.as_deref().is_some_and(snapshot::is_stdout);
    if is_stdout && std::io::stdout().is_terminal() {
        return Err(Error::usage("a snapshot is not text").hint("redirect it: pgkit snapshot -o - > FILE"));
    }
    let target = open::target(context, root, own, &session.echo)?;
    let start = Instant::now();
    let reader = open::reader(context, &target, settings.clone(), &session.echo).await?;
    let mut header = Header { redacted: args.redact, ..snapshot::identify(&reader).await? };
    if let Some(ssh) = target.ssh.as_ref().filter(|_| is_local(&header.host)) {
        ssh.host().clone_into(&mut header.host);
    }
    let path = match &args.output {
        Some(_) if is_stdout => None,
        Some(path) => Some(path.clone()),
        None => Some(PathBuf::from(default_name(&header))),
    };
    let mut secret = [0; 32];
    openssl::rand::rand_bytes(&mut secret)
        .map_err(|e| Error::new(Exit::Io, "could not make a random secret").caused_by(e))?;
    let veil = args.redact.then(|| Veil::new(secret));
    let mut taking = Taking {
        context,
        session: &session,
        settings,
        is_named: !args.reports.is_empty(),
        is_silent: false,
        draft: Draft::new(path.as_deref(), veil)?,
        refused: unusable,
        parallel: 1,
        without_extension: Vec::new(),
        exit: Exit::Done,
        facts: Facts::default(),
        bar: bar(session.echo.quiet, &wanted),
    };
    let choice = Choice { exclude: &args.exclude_database, only: &[] };
    taking.everything(reader, &wanted, &choice).await?;
    taking.bar.finish_and_clear();
    let Taking { draft, refused, exit, .. } = taking;
    let (parts, rows, missing) = (
        draft.parts(),
        draft.rows(),
        refused.iter().filter(|refusal| !refusal.skipped && refusal.is_missed()).count(),
    );
    if parts == 0 && !args.reports.is_empty() && exit == Exit::Done {
        return Err(Error::data("there is nothing to take: every database is excluded or cannot be entered")
            .hint("leave out --exclude-database and PGKIT_EXCLUDE_DATABASE, or connect as another role"));
    }
    let skipped = refused.iter().filter(|refusal| refusal.skipped).filter_map(|one| one.database.as_deref());
    let skipped: Vec<&str> = skipped.collect();
    if !skipped.is_empty() {
        session.echo.remark(&format!("snapshot: skipped: {}", skipped.join(", ")));
    }
    draft.finish(Header { refused, ..header })?;
    let shown = path.as_ref().map(|path| path.display().to_string());
    let hint = match (&shown, missing) {
        (_, 0) => String::new(),
        (None, _) => format!("; {missing} missing"),
        (Some(path), _) => format!("; {missing} missing: pgkit snapshot show {path} says why"),
    };
    session.echo.remark(&format!(
        "snapshot: {parts} answers, {rows} rows, {:.1} s{hint}",
        start.elapsed().as_secs_f64()
    ));
    if let (None, Some(path)) = (&args.output, shown) {
        output::print(&format!("{path}\n"))?;
    }
    Ok(exit)
}

/// Returns whether this means the machine itself, such as localhost.
fn is_local(host: &str) -> bool {
    is_socket(host) || host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Returns whether this is the directory of a socket.
fn is_socket(host: &str) -> bool {
    host.starts_with(['/', '@']) || host.is_empty()
}

/// Returns the name of a snapshot's file if the user does not name one.
fn default_name(header: &Header) -> String {
    let host: String = if is_socket(&header.host) { "local" } else { &header.host }
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
        .collect();
    format!("pgkit-{host}-{}.snap", header.taken.strftime("%Y%m%dT%H%M%SZ"))
}

/// Returns the line that shows which report is being taken, if stderr is a terminal.
fn bar(quiet: bool, wanted: &[&Report]) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(wanted.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len}: {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

//! The flags of `upgrade-check`, and its answer.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueHint, value_parser};

use super::people;
use crate::commands::args::{self, ConnectionArgs, FormatArgs, SessionArgs};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::commands::open;
use crate::error::{Error, Exit, Result};
use crate::output;
use crate::output::terminal;
use crate::rows::{Flow, record};
use crate::sandbox::{self, Options};
use crate::upgrade::{self, Examination, Examined, Finding, Installation, Plan, RehearsalMode, Severity};

record! {
    const COLUMNS;
    fn row(finding: &Finding) {
        severity: text = Some(finding.severity.word()),
        database: text = finding.database.as_ref(),
        object: text = Some(&finding.object),
        problem: text = Some(&finding.problem),
        fix: text = Some(&finding.fix),
        why: text = finding.why.as_ref(),
        sql: text = finding.sql.as_ref(),
        check: text = Some(finding.check),
    }
}

#[derive(Debug, Clone, Args)]
struct UpgradeArgs {
    /// The new major version [default: that of --new-bin-dir, else the newest that pgkit knows]
    #[arg(long, value_name = "MAJOR", value_parser = value_parser!(u32).range(1..1000))]
    to: Option<u32>,
    /// Directory of the new version's programs: start a throwaway server of it, and try everything on that
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    new_bin_dir: Option<PathBuf>,
    /// The new cluster, already created with those programs: compare it with the old one
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "new_bin_dir")]
    new_data_dir: Option<PathBuf>,
    /// Do not rehearse the restore on that server
    #[arg(long, requires = "new_bin_dir")]
    no_rehearsal: bool,
    /// Rehearse it also where that runs code of these databases as your own account
    #[arg(long, requires = "new_bin_dir", conflicts_with = "no_rehearsal")]
    rehearsal: bool,
    /// How long the rehearsal may take; 0 is no limit
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = crate::units::parse_timeout)]
    rehearsal_timeout: Duration,
    /// Exit with 0 even if something could not be looked at
    #[arg(long)]
    allow_unseen: bool,
    /// Print a script for psql that fixes what SQL on the old server can fix
    #[arg(long, conflicts_with_all = ["format", "csv", "csv_safe", "json", "header", "no_header", "columns", "sort", "limit", "grep"])]
    fix_sql: bool,
    /// With --fix-sql: do not comment out what destroys something or needs a choice
    #[arg(long, requires = "fix_sql")]
    allow_destructive: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// Returns the command.
pub fn command() -> Command {
    let about = "Show what would stop pg_upgrade or hurt afterwards, in all databases; exit with 1 when something stops, or could not be looked at";
    SessionArgs::augment_args(ConnectionArgs::augment_args(UpgradeArgs::augment_args(args::command(
        "upgrade-check",
        about,
    ))))
    .about(about)
    .after_help(format!(
        "Columns: {}\n\n{}",
        COLUMNS.iter().map(|column| column.trim_end_matches(" text")).collect::<Vec<_>>().join(", "),
        args::example(&[
            "pgkit upgrade-check --to 18",
            "pgkit upgrade-check --new-bin-dir /usr/lib/postgresql/18/bin --fix-sql > mend.sql",
        ])
    ))
}

/// Runs the command.
pub async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args = UpgradeArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let session = SessionArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let new = installation(context, &args)?;
    let mut listing = if args.fix_sql { None } else { Some(listing(context, &args.format)?) };
    let examination = Examination {
        target: open::target(context, root, own, &session.echo)?,
        settings: session.settings(),
        echo: session.echo.echo(),
        running: context.running.clone(),
        ask: terminal::ask_password,
        to: args.to,
        new,
        plan: plan(&args),
        tell: &|text| session.echo.remark(text),
    };
    let answer = upgrade::examine(&examination).await?;
    if let Some(overdue) = &answer.overdue {
        session.echo.remark(overdue);
    }
    match listing.take() {
        Some(listing) => print(listing, &answer.findings).await?,
        None => output::print_sql(&upgrade::script(&answer.findings, &answer.home, args.allow_destructive))?,
    }
    Ok(verdict(&answer, args.allow_unseen, &|text| session.echo.remark(text)))
}

fn plan(args: &UpgradeArgs) -> Plan {
    let mode = match (args.rehearsal, args.no_rehearsal) {
        (true, _) => RehearsalMode::Always,
        (_, true) => RehearsalMode::Never,
        _ => RehearsalMode::WhereSafe,
    };
    let limit = Some(args.rehearsal_timeout).filter(|limit| !limit.is_zero());
    Plan { mode, limit }
}

/// Returns the new version's programs, after checking that `--to`, if it is given, agrees with them.
fn installation(context: &Context, args: &UpgradeArgs) -> Result<Option<Installation>> {
    let Some(dir) = &args.new_bin_dir else { return Ok(None) };
    let env = |name: &str| context.env.var(name).map(str::to_owned);
    let binaries = sandbox::find_binaries(Some(dir), &env)
        .map_err(|e| Error { message: e.message.replacen("--bin-dir", "--new-bin-dir", 1), ..e })?;
    if let Some(to) = args.to.filter(|to| *to != binaries.major) {
        return Err(Error::usage(format!(
            "--to {to}, but --new-bin-dir {} holds PostgreSQL {}",
            dir.display(),
            binaries.version
        ))
        .hint("leave out --to"));
    }
    Ok(Some(Installation { sandbox: Options::new(binaries, &env), data_dir: args.new_data_dir.clone() }))
}

/// Returns the listing. On a terminal, unless a format was asked for, each row is a paragraph, because no terminal
/// is wide enough for a table.
fn listing(context: &Context, args: &FormatArgs) -> Result<Listing> {
    Listing::for_people(context, "upgrade-check", COLUMNS, args, |style| {
        Some(Box::new(people::Paragraphs::new(style)))
    })
}

async fn print(mut listing: Listing, findings: &[Finding]) -> Result<()> {
    for finding in findings {
        if listing.push(&row(finding))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await
}

/// Reports whether pg_upgrade would succeed, in one line on stderr and as the exit code.
fn verdict(answer: &Examined, allow_unseen: bool, tell: &dyn Fn(&str)) -> Exit {
    let count = |severity| answer.findings.iter().filter(|finding| finding.severity == severity).count();
    let [stops, unseen, hurts] = [Severity::Stops, Severity::Unseen, Severity::Hurts].map(count);
    let aside = match unseen {
        0 => String::new(),
        n => format!(", {n} could not be looked at"),
    };
    tell(&format!("to PostgreSQL {}: {stops} stop, {hurts} hurt{aside}", answer.to));
    if stops > 0 || (unseen > 0 && !allow_unseen) { Exit::BadAnswer } else { Exit::Done }
}

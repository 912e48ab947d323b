//! `cancel` and `terminate`: signal the sessions that the filters of `activity` choose.

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

use super::args::SessionArgs;
use super::context::Context;
use super::signal::{self, Request};
use super::{open, params};
use crate::answer::{ArgValue, Remark, ReportRun};
use crate::error::{Error, Exit, Result};
use crate::locks::signal::How;
use crate::report::{Param, Report};
use crate::rows::cell::Cell;
use crate::rows::{self, Column, Flow, RowSink};

/// The commands of this file, in the order of the help.
pub const COMMANDS: [How; 2] = [How::Cancel, How::Terminate];
/// Their group in the help.
pub const GROUP: &str = "activity";
/// The report whose filters they have.
pub const REPORT: &str = "activity";
/// The filter of the report that includes the server's own processes.
const BACKGROUND: &str = "background";
/// What the server calls a process that sends WAL to a standby, a subscriber or a backup.
const WALSENDER: &str = "walsender";

/// Returns the filters of the report. The server's own processes are not among those that a filter may hit.
fn filters(report: &Report) -> impl Iterator<Item = &Param> {
    report.params.iter().filter(|param| param.name != BACKGROUND && !param.positional)
}

/// Returns one of the commands. `report` is `activity`.
pub fn command(how: How, report: Option<&Report>) -> Command {
    // A session that is idle in a transaction has no statement to cancel.
    let filter = match how {
        How::Cancel => "--state active",
        How::Terminate => "--idle-in-transaction",
    };
    let example = format!("pgkit {} {filter} --longer-than 10m --user app", how.name());
    let mut command = signal::command(how, "the sessions that these filters choose", false, &example);
    for param in report.into_iter().flat_map(filters) {
        let help = param.help.replace("Show only sessions", "Only sessions").replace("Show only", "Only");
        command = command.arg(params::param_arg(param).help(help).help_heading(None::<&str>));
    }
    command.arg(
        Arg::new("replication")
            .long("replication")
            .action(ArgAction::SetTrue)
            .help_heading(None::<&str>)
            .help("Also walsenders: standbys, subscribers and base backups"),
    )
}

/// A session that the report lists.
struct Listed {
    pid: i32,
    backend_type: Option<String>,
    /// Whether it is a parallel worker, which ends with its leader.
    has_leader: bool,
}

/// Takes the sessions out of the report's rows.
#[derive(Default)]
struct Chosen {
    columns: Vec<Column>,
    sessions: Vec<Listed>,
}

impl RowSink for Chosen {
    fn head(&mut self, columns: &[Column]) -> Result<()> {
        self.columns = columns.to_vec();
        self.sessions.clear();
        Ok(())
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        let cell = |name: &str| rows::cell_of(REPORT, &self.columns, raw, name);
        let backend_type = match cell("backend_type")? {
            Cell::Text(text) => Some(text.to_string()),
            _ => None,
        };
        let has_leader = cell("leader")? != Cell::Null;
        if let Cell::Int(pid) = cell("pid")?
            && let Ok(pid) = i32::try_from(pid)
        {
            self.sessions.push(Listed { pid, backend_type, has_leader });
        }
        Ok(Flow::More)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Runs `cancel` or `terminate`.
pub async fn run(context: &Context, how: How, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let report = context.reports.iter().find(|report| report.name == REPORT);
    let report = report.ok_or_else(|| Error::bug(format!("no report {REPORT}")))?;
    let pids = signal::pids(own);
    let replication = own.get_flag("replication");
    let set: Vec<String> =
        filters(report).filter_map(|param| params::as_typed(param, &params::given_one(param, own))).collect();
    let name = how.name();
    if set.is_empty() && !replication {
        if pids.is_empty() {
            return Err(Error::usage(format!("{name}: missing filter or pid"))
                .hint(format!("pgkit {REPORT} lists sessions, and its filters choose those to {name}: --user, --longer-than, …")));
        }
        let request = Request { how, command: name, pids, why: String::new(), is_strict: false };
        return signal::run(context, request, root, own).await;
    }
    let given = report.params.iter().map(|param| match param.name.as_str() {
        BACKGROUND => ArgValue::Flag(replication),
        _ if param.positional => ArgValue::List(Vec::new()),
        _ => params::given_one(param, own),
    });
    let report_run = ReportRun { report, given: given.collect() };
    let session = SessionArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let target = open::target(context, root, own, &session.echo)?;
    let mut reader = open::reader(context, &target, session.settings(), &session.echo).await?;
    let mut chosen = Chosen::default();
    let tell = |remark: Remark<'_>| {
        if let Remark::Hidden(says) = remark {
            session.echo.remark(&format!("{name}: {says}"));
        }
    };
    report_run.answer(&mut reader, &mut chosen, &tell).await?;
    reader.close().await;
    let is_meant = |one: &Listed| {
        let kind = one.backend_type.as_deref();
        !one.has_leader
            && (kind.is_none_or(|kind| kind == "client backend") || (replication && kind == Some(WALSENDER)))
    };
    let hit: Vec<i32> = chosen
        .sessions
        .iter()
        .filter(|one| (is_meant(one) && pids.is_empty()) || pids.contains(&one.pid))
        .map(|one| one.pid)
        .collect();
    let why = set.into_iter().chain(replication.then(|| "--replication".to_owned()));
    let why = why.collect::<Vec<_>>().join(" ");
    if hit.is_empty() {
        let left_out =
            if replication { "" } else { " (walsenders are left out; include them with --replication)" };
        session.echo.remark(&format!("{name}: no session matches {why}{left_out}"));
    }
    let request = Request { how, command: name, pids: hit, why, is_strict: true };
    signal::run(context, request, root, own).await
}

//! `log report`: adds up what the server's log or log files say.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, ValueHint};
use jiff::Timestamp;

use super::shared::{self, LineArgs, WhoArgs};
use super::tail::{now, of_server, range};
use crate::commands::args::{EchoArgs, FormatArgs, refuse_server};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::commands::open;
use crate::error::{self, Error, Exit, Result};
use crate::log::decode::{Losses, Unread};
use crate::log::files::Format;
use crate::log::order::in_order;
use crate::log::prefix::Field;
use crate::log::reading::Reading;
use crate::log::record::{Filter, Record};
use crate::log::report::{
    self, Choice, Collector, MOST_ROWS, MOST_STEPS, NARROW_OVERVIEW, OVERVIEW, Pipe, STEPS, Section, Steps,
};
use crate::log::source::{Files, Named, Source};
use crate::log::tail::{Begin, Show, Tail, Wanted};
use crate::log::zone::Clock;
use crate::output::{self, terminal};
use crate::rows::{Flow, Row};
use crate::units::parse_duration;

/// How many rows are printed to a terminal if --limit is not given.
const SHOWN: u64 = 20;

#[derive(Debug, Clone, Args)]
struct ReportArgs {
    /// Local log files, compressed or not, in any order; `-` is standard input [default: the server's log, over SQL]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Print the rows of this section instead of the overview
    #[arg(long, value_name = "SECTION")]
    section: Option<Section>,
    /// Print the sums for each interval of this length
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    every: Option<Duration>,
    /// Write all sections to FILE as one self-contained HTML page
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["section", "format", "json", "csv"])]
    html: Option<PathBuf>,
    #[command(flatten)]
    who: WhoArgs,
    /// Count only entries since this time: 2026-11-24 (its first instant), '2026-11-24 06:24:50', both in the log's
    /// time zone, or with a zone as in RFC 3339, or 10m for ten minutes ago
    #[arg(long, visible_alias = "since", value_name = "TIME")]
    from: Option<String>,
    /// Count only entries up to this time; a date means its first instant
    #[arg(long, visible_alias = "until", value_name = "TIME")]
    to: Option<String>,
    /// The format of FILE [default: detected]
    #[arg(long, value_name = "FORMAT", requires = "files")]
    log_format: Option<Format>,
    #[command(flatten)]
    lines_of: LineArgs,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn command() -> Command {
    shared::command::<ReportArgs>(
        "report",
        "Add up what the server's log or log files say: statements, errors, locks and more",
        &[
            "pgkit log report /var/log/postgresql/*",
            "pgkit log report --section statements --from 1h --sort p95_ms:desc --limit 10",
            "pgkit log report --html report.html monday.csv.gz",
        ],
    )
    .mut_arg("grep", |arg| arg.help("Count only entries whose statement, message or detail matches this regular expression (Rust's syntax)"))
}

impl ReportArgs {
    /// Returns which entries are counted, and which of the given flags need a certain field in the log.
    fn wanted(&self, clock: &Clock) -> Result<Wanted> {
        let (since, until) = range(clock, now(), ("--from", &self.from), ("--to", &self.to))?;
        let times = [
            (self.from.is_some(), "--from", Field::Time, "%m"),
            (self.to.is_some(), "--to", Field::Time, "%m"),
            (self.every.is_some(), "--every", Field::Time, "%m"),
        ];
        Ok(Wanted {
            begin: Begin::First,
            filter: Filter { since, until, ..self.who.filter() },
            needs: shared::given(self.who.needs().into_iter().chain(times)),
            follow: false,
            required: None,
            end: None,
        })
    }

    fn columns(&self) -> &'static [&'static str] {
        match (self.every, self.section) {
            (Some(_), _) => STEPS,
            (None, Some(section)) => section.columns(),
            (None, None) => OVERVIEW,
        }
    }
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: ReportArgs = shared::parse(own)?;
    let echo: EchoArgs = shared::parse(own)?;
    if args.every.is_some_and(|every| every < Duration::from_millis(1)) {
        return Err(Error::usage("--every must be at least 1ms"));
    }
    let choice = Choice {
        grep: args.format.row_options()?.grep,
        steps: match args.every {
            Some(every) => Steps::Every(i64::try_from(every.as_micros()).unwrap_or(i64::MAX)),
            None if args.html.is_some() => Steps::AtMost(BARS),
            None => Steps::None,
        },
    };
    if !args.files.is_empty() {
        refuse_server(root, own, "FILE")?;
    }
    let answer = Answer::new(context, &args)?;
    let (source, reading) = if args.files.is_empty() {
        let access = shared::access(context, root, own, &echo)?;
        let writer = shared::reader(&access).await?;
        open::warn(context, writer.overdue(), &echo);
        of_server(access, writer).await?
    } else {
        let clock = args.lines_of.clock()?;
        let prefix = args.lines_of.line_prefix.clone();
        let reading =
            Reading { format: args.log_format, prefix, clock, own: false, now: now(), follows: false };
        let files = in_order(each_once(&args.files), &reading).await;
        (Source::Files(Files::open(files, Named::ByUser)?), reading)
    };
    let pipe = Pipe::start(&choice)?;
    let mut adding = Adding { pipe, echo, logs: Vec::new(), first: None, last: None, bytes: 0, lost: 0 };
    let exit = Tail::new(args.wanted(&reading.clock)?, &mut adding).run(source, reading).await?;
    let Adding { pipe, echo, logs, bytes, lost, .. } = adding;
    let mut collector = pipe.end()?;
    if collector.series.as_ref().is_some_and(|series| series.is_full) && args.every.is_some() {
        return Err(Error::usage(format!("--every: the log has more than {MOST_STEPS} such intervals"))
            .hint("use a longer interval"));
    }
    let remarks = remarks(&collector, &logs);
    for text in &remarks {
        echo.remark(text);
    }
    if let Some(path) = &args.html {
        let zone = args.format.style(None, &context.env).zone;
        output::write(path, &report::page(&mut collector, &page_title(&args), &remarks, &zone)?)?;
    } else {
        answer.print(&args, &mut collector, &echo).await?;
    }
    let lines: u64 = logs.iter().map(|log| log.unread.lines).sum();
    let bad = logs.iter().map(|log| log.unread.unread).sum::<u64>();
    // Both lines and bytes are compared, because a few unread lines may have most of the bytes, or the other way round.
    let is_bad = bad * 100 > lines || lost * 100 > bytes;
    let misfits = logs.iter().map(|log| log.misfits).sum::<u64>();
    Ok(match exit {
        Exit::Done if misfits > 0 => {
            let entries = plural(misfits, "line looks like an entry", "lines look like entries");
            echo.remark(&format!(
                "{entries} with another log_line_prefix than the guessed one; set --line-prefix"
            ));
            Exit::BadAnswer
        }
        Exit::Done if is_bad => {
            echo.remark("more than 1 % of the log could not be read; set --line-prefix and --log-format if they were detected wrongly");
            Exit::BadAnswer
        }
        exit => exit,
    })
}

/// Returns the files without those that are named twice, perhaps by a link: their entries would be counted twice.
fn each_once(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut is_new = |path: &PathBuf| match std::fs::metadata(path) {
        Ok(file) => seen.insert((file.dev(), file.ino())),
        Err(_) => true,
    };
    files.iter().filter(|path| is_new(path)).cloned().collect()
}

/// Returns the name of the log for the title of the HTML page.
fn page_title(args: &ReportArgs) -> String {
    match args.files.as_slice() {
        [] => "the server's log".to_owned(),
        [file] => file.display().to_string(),
        files => format!("{} files", files.len()),
    }
}

/// Returns the remarks on the report: what could not be read, recognized or kept, and what may be counted twice.
fn remarks(all: &Collector, logs: &[Log]) -> Vec<String> {
    let mut told = Vec::new();
    for Log { name, unread, .. } in logs.iter().filter(|log| log.unread.unread > 0) {
        let first: Vec<String> =
            unread.first.iter().filter(|number| **number > 0).map(u64::to_string).collect();
        let more = if unread.unread > first.len() as u64 && !first.is_empty() { " …" } else { "" };
        let first =
            if first.is_empty() { String::new() } else { format!(": line {}{more}", first.join(", ")) };
        told.push(format!("{name}: {} of {} lines could not be read{first}", unread.unread, unread.lines));
    }
    let cut: u64 = logs.iter().map(|log| log.cut).sum();
    if cut > 0 {
        told.push(format!(
            "{}; only the beginning was kept",
            plural(cut, "entry is too long", "entries are too long")
        ));
    }
    let pairs =
        logs.iter().enumerate().flat_map(|(at, one)| logs[at + 1..].iter().map(move |other| (one, other)));
    let mut pairs = pairs.filter(|(one, other)| one.overlaps(other));
    if let Some((one, other)) = pairs.next() {
        let more = match pairs.count() {
            0 => String::new(),
            number => format!(", as do {}", plural(number as u64, "other pair", "other pairs")),
        };
        told.push(format!(
            "{} and {} cover the same time{more}: if they are from the same server, entries in both are counted twice",
            one.name, other.name
        ));
    }
    if all.entries == 0 || all.has_nothing() {
        told.push("no entry matches".to_owned());
    }
    if let Some((_, distinct)) = all.statements.others() {
        told.push(format!(
            "the log has too many different statements: {distinct} that took less time than the heaviest ones are added up in one row, (others)"
        ));
    }
    for name in all.bounded() {
        told.push(format!("{name}: only the first {MOST_ROWS} are kept apart; all later ones are added up in one row, (others)"));
    }
    if all.unmatched.count > 0 {
        let why = if all.has_pids {
            "the statement was not logged, or it was only parsed or bound (log_duration)"
        } else {
            "the log has no pid (%p in log_line_prefix)"
        };
        told.push(format!(
            "{} ({:.0} ms) without a statement: {why}",
            plural(all.unmatched.count, "duration", "durations"),
            all.unmatched.total
        ));
    }
    if let Some(word) = &all.language {
        told.push(format!(
            "the log is not in English ({}): only statements, durations, plans and errors are recognized; to get all sections, set lc_messages to C",
            String::from_utf8_lossy(word)
        ));
    }
    told
}

fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The largest number of bars in a chart of the HTML page.
const BARS: usize = 300;

/// Prints the rows of the report.
struct Answer {
    /// `None` if the report is written as an HTML page.
    listing: Option<Listing>,
    /// How many rows are printed, if the limit is that of a terminal and not --limit.
    shown: Option<u64>,
}

impl Answer {
    /// Checks the flags for the output format. Errors: they are not valid (64, 65).
    fn new(context: &Context, args: &ReportArgs) -> Result<Answer> {
        if let Some(path) = &args.html {
            output::check_page(path)?;
            return Ok(Answer { listing: None, shown: None });
        }
        // --grep chooses the entries that are counted. It must not filter the rows that are printed.
        let mut format = FormatArgs { grep: None, ..args.format.clone() };
        let is_terminal = terminal::size(context.env.var("COLUMNS")).is_some();
        let is_plain = is_terminal && format.is_plain();
        if is_plain && args.every.is_none() {
            let narrow = args.section.map_or(NARROW_OVERVIEW, Section::narrow);
            format.columns = narrow.iter().map(|name| (*name).to_owned()).collect();
        }
        let shown = (is_plain && format.limit.is_none() && args.every.is_none()).then_some(SHOWN);
        format.limit = format.limit.or(shown);
        let listing = Listing::new(context, "log report", args.columns(), &format)?;
        Ok(Answer { listing: Some(listing), shown })
    }

    async fn print(self, args: &ReportArgs, all: &mut Collector, echo: &EchoArgs) -> Result<()> {
        let Some(mut listing) = self.listing else { return Ok(()) };
        let rows: Vec<Row> = match (args.every, args.section) {
            (Some(_), section) => report::steps(all, section),
            (None, Some(section)) => section.rows(all),
            (None, None) => report::overview(all),
        };
        for row in &rows {
            if listing.push(row)? == Flow::Enough {
                break;
            }
        }
        listing.finish().await?;
        if let Some(shown) = self.shown.filter(|shown| rows.len() as u64 > *shown) {
            echo.remark(&format!("log report: the first {shown} of {} rows; --limit shows more", rows.len()));
        }
        Ok(())
    }
}

/// What is known about one log after it was read.
struct Log {
    name: String,
    /// The lines that could not be read.
    unread: Unread,
    /// How many entries were cut because they are too long.
    cut: u64,
    /// How many lines look like entries, but do not have the prefix that was guessed.
    misfits: u64,
    /// The times of the first and the last entry.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Log {
    /// Returns whether both logs cover the same time. An overlap of up to one second is ignored, because rotating a log
    /// may take that long.
    fn overlaps(&self, other: &Log) -> bool {
        let both = self.first.zip(self.last).zip(other.first.zip(other.last));
        both.is_some_and(|((a, b), (c, d))| {
            let common = b.min(d).as_microsecond() - a.max(c).as_microsecond();
            common > 1_000_000 || (a == c && b == d)
        })
    }
}

/// Passes the entries that are read to the report, and notes what could not be read of each log.
struct Adding {
    pipe: Pipe,
    echo: EchoArgs,
    logs: Vec<Log>,
    /// The times of the first and the last entry of the log that is being read.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The size of all logs, and how much of it does not belong to a complete entry, in bytes.
    bytes: u64,
    lost: u64,
}

impl Show for Adding {
    fn row(&mut self, _: &[Option<&[u8]>]) -> Result<Flow> {
        Ok(Flow::More)
    }

    fn takes_records(&self) -> bool {
        true
    }

    fn record(&mut self, record: &Record) -> Result<Flow> {
        if record.time.is_some() {
            self.first = self.first.or(record.time);
            self.last = record.time;
        }
        self.pipe.push(record)?;
        Ok(Flow::More)
    }

    fn unread(&mut self, name: &str, unread: &Unread, losses: &Losses, bytes: u64) {
        let (first, last) = (self.first.take(), self.last.take());
        let (cut, misfits) = (losses.cut, losses.misfits);
        self.logs.push(Log { name: name.to_owned(), unread: *unread, cut, misfits, first, last });
        self.bytes += bytes;
        self.lost += losses.bytes;
    }

    fn pause(&mut self) -> Result<Flow> {
        Ok(Flow::More)
    }

    fn remark(&mut self, text: &str) {
        self.echo.remark(text);
    }

    fn fault(&mut self, e: &Error) {
        error::print(e);
    }
}

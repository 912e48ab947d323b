//! `log tail`: reads the server's log over SQL, or log files, and follows it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, ValueHint};
use jiff::Timestamp;
use tokio::time::Instant;

use super::lines::Lines;
use super::shared::{self, LineArgs, WhoArgs};
use crate::commands::args::{EchoArgs, FormatArgs, refuse_server};
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::commands::open;
use crate::error::{self, Error, Exit, Result};
use crate::log::files::{Format, Log, Place};
use crate::log::places;
use crate::log::prefix::Field;
use crate::log::reading::Reading;
use crate::log::record::{COLUMNS, Filter};
use crate::log::required::Required;
use crate::log::scope::Scope;
use crate::log::source::{Files, Named, Server, Source};
use crate::log::switch::Access;
use crate::log::tail::{Begin, Show, Tail, Wanted, own};
use crate::log::zone::{Clock, parse_moment};
use crate::output;
use crate::rows::Flow;
use crate::session::Writer;
use crate::units::parse_duration;

/// How many entries are shown first with `--follow`.
const LAST: usize = 10;

#[derive(Debug, Clone, Args)]
struct TailArgs {
    /// Log files of this machine, one after the other; `-` is standard input [default: the server's log, over SQL]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Follow the log, through rotation
    #[arg(short, long, conflicts_with = "sort")]
    follow: bool,
    /// Show only the last N entries [default: all of the current file; 10 with --follow]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
    #[command(flatten)]
    filter: FilterArgs,
    /// The format of FILE [default: detected]
    #[arg(long = "from", visible_alias = "log-format", value_name = "FORMAT", requires = "files")]
    from: Option<Format>,
    #[command(flatten)]
    lines_of: LineArgs,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Debug, Clone, Default, Args)]
struct FilterArgs {
    #[command(flatten)]
    who: WhoArgs,
    /// Show only statements that took at least this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    min_duration: Option<Duration>,
    /// Show only errors
    #[arg(long)]
    errors: bool,
    /// Show only entries since this time: 2026-11-24, '2026-11-24 06:24:50', with a zone as in RFC 3339, or 10m for ten minutes ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show only entries up to this time
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
}

impl FilterArgs {
    /// Returns the filter that the flags describe. Errors: a text is no valid time, or the range ends before it
    /// begins (64).
    fn filter(&self, clock: &Clock, now: Timestamp) -> Result<Filter> {
        let (since, until) = range(clock, now, ("--since", &self.since), ("--until", &self.until))?;
        Ok(Filter {
            min_duration_ms: self.min_duration.map(|d| d.as_secs_f64() * 1e3),
            errors: self.errors,
            since,
            until,
            ..self.who.filter()
        })
    }

    /// Returns the flags that need a log with a certain field.
    fn needs(&self) -> Vec<(&'static str, Field, &'static str)> {
        let times = [
            (self.since.is_some(), "--since", Field::Time, "%m"),
            (self.until.is_some(), "--until", Field::Time, "%m"),
        ];
        shared::given(self.who.needs().into_iter().chain(times))
    }
}

/// A flag with a time, and what was given for it.
type Moment<'a> = (&'a str, &'a Option<String>);

/// Returns the times from which and up to which entries are wanted. Errors: a text is no valid time, or the range ends
/// before it begins (64).
pub(super) fn range(
    clock: &Clock,
    now: Timestamp,
    since: Moment<'_>,
    until: Moment<'_>,
) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    let moment = |(flag, text): Moment<'_>| {
        let parsed = text.as_ref().map(|text| parse_moment(text, &clock.zone(), now)).transpose();
        parsed.map_err(|e| Error::usage(format!("{flag}: {e}")))
    };
    let (begin, end) = (moment(since)?, moment(until)?);
    if begin.zip(end).is_some_and(|(begin, end)| end < begin) {
        return Err(Error::usage(format!("{} is before {}", until.0, since.0)));
    }
    Ok((begin, end))
}

pub(super) fn command() -> Command {
    shared::command::<TailArgs>(
        "tail",
        "Show the server's log, read over SQL, or log files; -f follows it",
        &[
            "pgkit log tail -f --database shop --min-duration 100ms",
            "pgkit log tail --errors --grep deadlock --json",
            "pgkit log tail /var/log/postgresql/*.log --line-prefix '%m [%p] %q%u@%d ' --user app",
        ],
    )
}

fn listing(context: &Context, format: &FormatArgs) -> Result<Listing> {
    Listing::for_people(context, "log tail", COLUMNS, format, |style| Some(Box::new(Lines::new(style))))
}

/// Checks the format flags. Errors: they are not valid (64, 65).
pub(super) fn check_format(context: &Context, format: &FormatArgs) -> Result<()> {
    if format.sort.is_some() {
        return Err(Error::usage("--sort cannot be used while following the log").hint("leave out --sort"));
    }
    listing(context, format).map(drop)
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: TailArgs = shared::parse(own)?;
    let echo: EchoArgs = shared::parse(own)?;
    if !args.files.is_empty() {
        refuse_server(root, own, "FILE")?;
    }
    let listing = listing(context, &args.format)?;
    let show = Printed { listing, echo };
    let (source, reading) = if args.files.is_empty() {
        let access = shared::access(context, root, own, &show.echo)?;
        let writer = shared::reader(&access).await?;
        open::warn(context, writer.overdue(), &show.echo);
        if args.follow && args.filter.min_duration.is_some() {
            warn_of_no_durations(&writer, &show.echo).await?;
        }
        of_server(access, writer).await?
    } else {
        let clock = args.lines_of.clock()?;
        let clock = if args.wants_times() { clock } else { clock.unneeded() };
        let prefix = args.lines_of.line_prefix.clone();
        let reading =
            Reading { format: args.from, prefix, clock, own: false, now: now(), follows: args.follow };
        (Source::Files(Files::open(args.files.clone(), Named::ByUser)?), reading)
    };
    let last = args.lines.or_else(|| (args.follow && args.filter.since.is_none()).then_some(LAST));
    let wanted = Wanted {
        begin: last.map_or(Begin::First, Begin::Last),
        filter: args.filter.filter(&reading.clock, now())?,
        needs: args.filter.needs(),
        follow: args.follow,
        required: args.format.row_options()?.grep.as_ref().filter(|_| last.is_none()).and_then(Required::of),
        end: None,
    };
    show.run(source, reading, wanted).await
}

/// Returns the current time, to which `10m` ago is relative.
pub(super) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the command line is where now comes from")]
    Timestamp::now()
}

impl TailArgs {
    /// Returns whether the time of entries is needed.
    fn wants_times(&self) -> bool {
        let format = &self.format;
        let is_time = |column: &str| column == "time" || column.starts_with("time:");
        format.columns.is_empty()
            || format.columns.iter().any(|column| is_time(column))
            || format.sort.as_deref().is_some_and(is_time)
            || self.filter.since.is_some()
            || self.filter.until.is_some()
    }
}

/// Where entries are printed, and the flags for remarks.
struct Printed {
    listing: Listing,
    echo: EchoArgs,
}

impl Printed {
    async fn run(mut self, source: Source, reading: Reading, wanted: Wanted) -> Result<Exit> {
        let exit = Tail::new(wanted, &mut self).run(source, reading).await?;
        self.listing.finish().await?;
        Ok(exit)
    }
}

impl Show for Printed {
    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        self.listing.push_raw(raw)
    }

    fn pause(&mut self) -> Result<Flow> {
        Ok(if self.listing.flush()? == output::Reader::Gone { Flow::Enough } else { Flow::More })
    }

    fn remark(&mut self, text: &str) {
        self.echo.remark(text);
    }

    fn fault(&mut self, e: &Error) {
        error::print(e);
    }
}

/// The end of the log before something is switched on: `log on --tail` shows what comes after it.
pub(super) struct Ahead {
    source: Source,
    reading: Reading,
}

/// Goes to the end of the log. Errors: the log cannot be read from anywhere (74), the role is not permitted to
/// read it (77).
pub(super) async fn ahead(access: &Access) -> Result<Ahead> {
    let writer = shared::reader(access).await?;
    let (mut source, reading) = of_server(access.clone(), writer).await?;
    let end = source.size().await?.unwrap_or(0);
    source.seek(end)?;
    Ok(Ahead { source, reading })
}

/// Shows for `log on --tail` what is logged in this scope, until its time is over.
pub(super) async fn follow(
    context: &Context,
    ahead: Ahead,
    scope: &Scope,
    format: &FormatArgs,
    echo: &EchoArgs,
    left: Option<Duration>,
) -> Result<Exit> {
    let end = left.map(|left| Instant::now() + left);
    let of = |who| FilterArgs { who, ..FilterArgs::default() };
    let filter = match scope {
        Scope::Global => FilterArgs::default(),
        Scope::Database(name) => of(WhoArgs { database: Some(name.clone()), ..WhoArgs::default() }),
        Scope::Role(name) => of(WhoArgs { user: Some(name.clone()), ..WhoArgs::default() }),
    };
    let show = Printed { listing: listing(context, format)?, echo: echo.clone() };
    let wanted = Wanted {
        begin: Begin::Here,
        filter: filter.filter(&ahead.reading.clock, now())?,
        needs: filter.needs(),
        follow: true,
        required: format.row_options()?.grep.as_ref().and_then(Required::of),
        end,
    };
    show.run(ahead.source, ahead.reading, wanted).await
}

/// Opens the server's log. Errors: it cannot be read from anywhere (74), the role is not permitted to read it
/// (77).
pub(super) async fn of_server(access: Access, writer: Writer) -> Result<(Source, Reading)> {
    let place = Place::find(&writer).await?;
    let log = place.log(&writer).await?;
    let zone = place.settings.log_timezone.clone().unwrap_or_else(|| "UTC".to_owned());
    // If only the server knows the zone, the abbreviations in the log have to do.
    let clock = Clock::named(&zone).unwrap_or_else(|_| Clock::local());
    let prefix = place.settings.log_line_prefix.clone();
    match log {
        Log::Server(format, path) => {
            let reading = own(format, prefix, clock, now());
            Ok((Source::Server(Box::new(Server::new(access, writer, place, format, path))), reading))
        }
        Log::Local(format, path) => {
            writer.close().await;
            let reading = own(format, prefix, clock, now());
            Ok((Source::Files(Files::open([path], Named::ByServer(place.owner()))?), reading))
        }
        Log::Unknown(how) => {
            writer.close().await;
            Err(Error::new(Exit::Io, "cannot read the server's log from here").hint(how))
        }
    }
}

async fn warn_of_no_durations(writer: &Writer, echo: &EchoArgs) -> Result<()> {
    let in_force = places::in_force(writer).await?;
    if !in_force.iter().any(|one| one.name == "log_min_duration_statement") {
        echo.remark("WARNING: the server is not logging durations (log_min_duration_statement = -1): switch them on with pgkit log on --min-duration 0");
    }
    Ok(())
}

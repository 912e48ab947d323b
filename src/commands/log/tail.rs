//! `log tail`: reads the server's log over SQL, or log files, and follows it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, Args, Command, ValueHint};
use tokio::time::Instant;

use super::lines::Lines;
use crate::answer::parse_duration;
use crate::cli::{EchoArgs, FormatArgs};
use crate::commands::Context;
use crate::commands::listing::Listing;
use crate::error::{Error, Exit, Result};
use crate::log::decode::{Decoder, LONGEST, Losses};
use crate::log::files::{Format, Log, Place};
use crate::log::prefix::{Field, Prefix};
use crate::log::record::{COLUMNS, Filter, Numbers, Record, values};
use crate::log::scope::Scope;
use crate::log::source::{Files, Got, Named, Server, Source};
use crate::log::switch::{self, Access};
use crate::log::zone::{Clock, looks_like_time};
use crate::pipeline::Flow;
use crate::render::output;
use crate::rows::Row;
use crate::session::Writer;

/// How long to wait for more, at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How much of a file tells its format.
const BEGINNING: u64 = 256 << 10;
/// How much is read at first for the last entries.
const WINDOW: u64 = 64 << 10;
/// How many entries a follower shows first.
const LAST: usize = 10;

#[derive(Debug, Clone, Args)]
struct TailArgs {
    /// Log files of this machine, one after the other; `-` is standard input [default: the server's log, over SQL]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Go on with what is logged from now on, through rotation
    #[arg(short, long, conflicts_with = "sort")]
    follow: bool,
    /// Only the last N entries [default: all of the current file; 10 with --follow]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
    #[command(flatten)]
    filter: FilterArgs,
    /// The format of FILE [default: what it looks like]
    #[arg(long = "from", value_name = "FORMAT", requires = "files")]
    from: Option<Format>,
    /// The log_line_prefix of FILE [default: the usual one that fits]
    #[arg(long, value_name = "PREFIX", requires = "files")]
    line_prefix: Option<String>,
    /// The log_timezone of FILE [default: this machine's, if the times say so]
    #[arg(long, value_name = "ZONE", requires = "files")]
    timezone: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Debug, Clone, Default, Args)]
struct FilterArgs {
    /// Only entries of this database
    #[arg(long, value_name = "DATABASE", add = crate::commands::complete::database_names())]
    database: Option<String>,
    /// Only entries of this role
    #[arg(long, value_name = "ROLE", add = crate::commands::complete::roles())]
    user: Option<String>,
    /// Only entries of this application name
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Only statements that took at least this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    min_duration: Option<Duration>,
    /// Only errors
    #[arg(long)]
    errors: bool,
}

impl FilterArgs {
    fn filter(&self) -> Filter {
        Filter {
            database: self.database.clone(),
            user: self.user.clone(),
            application: self.app.clone(),
            min_duration_ms: self.min_duration.map(|d| d.as_secs_f64() * 1e3),
            errors: self.errors,
        }
    }

    /// The flags that only a log with this field can answer.
    fn needs(&self) -> Vec<(&'static str, Field, &'static str)> {
        let all = [
            (self.database.is_some(), "--database", Field::Database, "%d"),
            (self.user.is_some(), "--user", Field::User, "%u"),
            (self.app.is_some(), "--app", Field::Application, "%a"),
        ];
        all.into_iter()
            .filter(|(given, ..)| *given)
            .map(|(_, flag, field, escape)| (flag, field, escape))
            .collect()
    }
}

pub(super) fn command() -> Command {
    super::command::<TailArgs>(
        "tail",
        "Show the server's log, read over SQL, or log files; -f goes on",
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

/// Errors: the wishes are none (64, 65).
pub(super) fn check_format(context: &Context, format: &FormatArgs) -> Result<()> {
    if format.sort.is_some() {
        return Err(Error::usage("--sort: what goes on has no end to sort by").hint("leave out --sort"));
    }
    listing(context, format).map(drop)
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let args: TailArgs = super::parse(own)?;
    let echo: EchoArgs = super::parse(own)?;
    let listing = listing(context, &args.format)?;
    let (source, reading) = if args.files.is_empty() {
        let access = super::access(context, root, own, &echo)?;
        let writer = super::reader(&access).await?;
        if let Some(overdue) = writer.overdue() {
            echo.remark(overdue);
        }
        if args.follow && args.filter.min_duration.is_some() {
            warn_of_no_durations(&writer, &echo).await?;
        }
        of_server(access, writer).await?
    } else {
        let clock = args.timezone.as_deref().map_or_else(|| Ok(Clock::local()), Clock::named)?;
        let reading = Reading { format: args.from, prefix: args.line_prefix.clone(), clock };
        (Source::Files(Files::open(args.files.clone(), Named::ByUser)?), reading)
    };
    let last = args.lines.or_else(|| args.follow.then_some(LAST));
    let tail = Tail::new(&args.filter, listing, last.map_or(Begin::First, Begin::Last), echo);
    tail.run(source, reading, args.follow, None).await
}

/// The log as it is before something is switched on: what comes after this moment is what `log on --tail` shows.
pub(super) struct Ahead {
    source: Source,
    reading: Reading,
}

/// Goes to the end of the log. Errors: it is nowhere that can be read (74), the role may not (77).
pub(super) async fn ahead(access: &Access) -> Result<Ahead> {
    let writer = super::reader(access).await?;
    let (mut source, reading) = of_server(access.clone(), writer).await?;
    let end = source.size().await?.unwrap_or(0);
    source.seek(end)?;
    Ok(Ahead { source, reading })
}

/// `log on --tail`: what is logged in this place, for so long.
pub(super) async fn follow(
    context: &Context,
    ahead: Ahead,
    scope: &Scope,
    format: &FormatArgs,
    echo: &EchoArgs,
    left: Option<Duration>,
) -> Result<Exit> {
    let end = left.map(|left| Instant::now() + left);
    let filter = match scope {
        Scope::Global => FilterArgs::default(),
        Scope::Database(name) => FilterArgs { database: Some(name.clone()), ..FilterArgs::default() },
        Scope::Role(name) => FilterArgs { user: Some(name.clone()), ..FilterArgs::default() },
    };
    let tail = Tail::new(&filter, listing(context, format)?, Begin::Here, echo.clone());
    tail.run(ahead.source, ahead.reading, true, end).await
}

/// The server's log. Errors: it is nowhere that can be read (74), the role may not (77).
async fn of_server(access: Access, writer: Writer) -> Result<(Source, Reading)> {
    let place = Place::find(&writer).await?;
    let log = place.log(&writer).await?;
    let zone = place.settings.log_timezone.clone().unwrap_or_else(|| "UTC".to_owned());
    // A zone that only the server knows is one whose abbreviations have to do.
    let clock = Clock::named(&zone).unwrap_or_else(|_| Clock::local());
    let prefix = place.settings.log_line_prefix.clone();
    match log {
        Log::Server(format, path) => {
            let reading = Reading { format: Some(format), prefix, clock };
            Ok((Source::Server(Box::new(Server::new(access, writer, place, format, path))), reading))
        }
        Log::Local(format, path) => {
            writer.close().await;
            let reading = Reading { format: Some(format), prefix, clock };
            Ok((Source::Files(Files::open([path], Named::ByServer(place.owner()))?), reading))
        }
        Log::Unknown(how) => {
            writer.close().await;
            Err(Error::new(Exit::Io, "the server's log cannot be read from here").hint(how))
        }
    }
}

async fn warn_of_no_durations(writer: &Writer, echo: &EchoArgs) -> Result<()> {
    let in_force = switch::in_force(writer).await?;
    if !in_force.iter().any(|one| one.name == "log_min_duration_statement") {
        echo.remark("WARNING: the server logs no durations now (log_min_duration_statement = -1): pgkit log on --min-duration 0 makes it");
    }
    Ok(())
}

/// How the bytes are to be read.
struct Reading {
    format: Option<Format>,
    prefix: Option<String>,
    clock: Clock,
}

impl Reading {
    /// A decoder for what begins like this. Errors: it looks like no log (65).
    fn decoder(&self, beginning: &[u8], name: &str) -> Result<Decoder> {
        let format = self.format.unwrap_or_else(|| sniff(beginning, name));
        Ok(match format {
            Format::Csv => Decoder::csv(self.clock.clone()),
            Format::Json => Decoder::json(self.clock.clone()),
            Format::Stderr => {
                let prefix = match &self.prefix {
                    Some(prefix) => Prefix::compile(prefix)?,
                    None => guess(beginning, name)?,
                };
                Decoder::stderr(prefix, self.clock.clone())
            }
        })
    }

    /// Was the prefix guessed?
    fn guesses(&self) -> bool {
        self.prefix.is_none()
    }
}

/// What a file looks like, by its first line, or its name where it has none.
fn sniff(beginning: &[u8], name: &str) -> Format {
    let by_name = match Path::new(name).extension().and_then(|e| e.to_str()) {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        _ => Format::Stderr,
    };
    let Some(line) = beginning.split(|b| *b == b'\n').find(|line| !line.is_empty()) else { return by_name };
    if line.starts_with(b"{\"") {
        Format::Json
    } else if looks_like_time(line) && line.iter().filter(|b| **b == b',').count() >= 12 {
        Format::Csv
    } else if by_name == Format::Csv && !looks_like_time(line) {
        // It may begin in the middle of an entry.
        Format::Csv
    } else {
        Format::Stderr
    }
}

fn guess(beginning: &[u8], name: &str) -> Result<Prefix> {
    let mut lines: Vec<&[u8]> = beginning
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"\t"))
        .collect();
    // The last one may be cut.
    if lines.len() > 1 && !beginning.ends_with(b"\n") {
        lines.pop();
    }
    if lines.is_empty() {
        return Prefix::compile("%m [%p] %q%u@%d ");
    }
    Prefix::guess(&lines).ok_or_else(|| {
        Error::data(format!("{name}: its lines begin with no usual log_line_prefix"))
            .hint("give the server's: --line-prefix '%m [%p] '; SHOW log_line_prefix tells it")
            .hint("a csvlog or jsonlog that does not look like one: --from csv, --from json")
    })
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// With the first entry.
    First,
    /// With so many before the last.
    Last(usize),
    /// Where the source stands.
    Here,
}

/// Reads, filters and prints.
struct Tail {
    begin: Begin,
    needs: Vec<(&'static str, Field, &'static str)>,
    echo: EchoArgs,
    shown: Shown,
}

/// What was seen, and where it goes.
struct Shown {
    filter: Filter,
    listing: Listing,
    /// The last entries, while only they are wanted and not all is read.
    last: Option<(usize, VecDeque<Row>)>,
    numbers: Numbers,
    /// The fields that any entry told.
    told: Vec<Field>,
    durations: bool,
    matched: u64,
}

impl Shown {
    fn take(&mut self, record: &Record) -> Result<Flow> {
        let shape = record.shape();
        self.durations |= shape.duration_ms.is_some();
        for (field, text) in [
            (Field::Database, &record.database),
            (Field::User, &record.user),
            (Field::Application, &record.application),
        ] {
            if !text.is_empty() && !self.told.contains(&field) {
                self.told.push(field);
            }
        }
        if !self.filter.wants(record, &shape) {
            return Ok(Flow::More);
        }
        self.matched += 1;
        let raw = values(record, &shape, &mut self.numbers);
        match &mut self.last {
            Some((most, last)) => {
                if *most > 0 {
                    if last.len() == *most {
                        last.pop_front();
                    }
                    last.push_back(Row::of(&raw));
                }
                Ok(Flow::More)
            }
            None => self.listing.push_raw(&raw),
        }
    }

    /// The last entries are known: prints them, and from now on everything.
    fn release(&mut self) -> Result<Flow> {
        for row in self.last.take().map(|(_, rows)| rows).into_iter().flatten() {
            if self.listing.push(&row)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::More)
    }
}

impl Tail {
    fn new(filter: &FilterArgs, listing: Listing, begin: Begin, echo: EchoArgs) -> Tail {
        let last = match begin {
            Begin::Last(most) => Some((most, VecDeque::new())),
            Begin::First | Begin::Here => None,
        };
        let shown = Shown {
            filter: filter.filter(),
            listing,
            last,
            numbers: Numbers::default(),
            told: Vec::new(),
            durations: false,
            matched: 0,
        };
        Tail { begin, needs: filter.needs(), echo, shown }
    }

    async fn run(
        mut self,
        mut source: Source,
        reading: Reading,
        follow: bool,
        end: Option<Instant>,
    ) -> Result<Exit> {
        let mut decoder = self.begin(&mut source, &reading).await?;
        let mut flow = Flow::More;
        if follow && self.begin != Begin::First && self.one_file(&source) {
            decoder.settle(&mut |record| self.shown.take(record))?;
            flow = self.shown.release()?;
        }
        let mut buffer = Vec::new();
        let mut pause = PAUSES.0;
        let mut losses = Losses::default();
        while flow == Flow::More {
            match source.read(&mut buffer, follow).await? {
                Got::Data => {
                    pause = PAUSES.0;
                    flow = decoder.feed(&buffer, &mut |record| self.shown.take(record))?;
                    if follow
                        && buffer.len() < 64 << 10
                        && self.shown.listing.flush()? == output::Reader::Gone
                    {
                        flow = Flow::Enough;
                    }
                    // A signal must be heard between two pieces.
                    tokio::task::yield_now().await;
                }
                Got::Next => {
                    flow = decoder.end(&mut |record| self.shown.take(record))?;
                    losses += decoder.losses();
                    decoder = self.decoder(&mut source, &reading)?;
                }
                Got::Nothing if !follow => break,
                Got::Nothing => {
                    if let Some(news) = source.news() {
                        self.echo.remark(&news);
                    }
                    if self.shown.last.is_some() {
                        flow = self.shown.release()?;
                    }
                    if pause > PAUSES.0 && flow == Flow::More {
                        flow = decoder.settle(&mut |record| self.shown.take(record))?;
                    }
                    if flow == Flow::Enough || self.shown.listing.flush()? == output::Reader::Gone {
                        break;
                    }
                    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
                    if left.is_some_and(|left| left.is_zero()) {
                        break;
                    }
                    tokio::time::sleep(left.map_or(pause, |left| left.min(pause))).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
        if flow == Flow::More {
            flow = decoder.end(&mut |record| self.shown.take(record))?;
        }
        if flow == Flow::More {
            self.shown.release()?;
        }
        source.close().await;
        losses += decoder.losses();
        self.finish(&decoder, &reading, losses, follow).await
    }

    /// Is there one file, whose end is where its last entries are?
    fn one_file(&self, source: &Source) -> bool {
        match source {
            Source::Server(_) => true,
            Source::Files(files) => files.is_last() && !files.is_stdin(),
        }
    }

    /// The decoder of the file that is read now.
    fn decoder(&self, source: &mut Source, reading: &Reading) -> Result<Decoder> {
        let decoder = match source {
            Source::Server(_) => reading.decoder(b"", "the server's log")?,
            Source::Files(files) => {
                let name = files.path().map(|path| path.display().to_string()).unwrap_or_default();
                reading.decoder(&files.beginning(BEGINNING)?, &name)?
            }
        };
        for (flag, field, escape) in &self.needs {
            if !decoder.tells(*field) {
                return Err(cannot_answer(flag, escape, decoder.prefix().map(Prefix::text)));
            }
        }
        Ok(decoder)
    }

    /// Goes to where reading begins. Where only the last entries are wanted, from the end backwards.
    async fn begin(&mut self, source: &mut Source, reading: &Reading) -> Result<Decoder> {
        let one_file = self.one_file(source);
        let (Some(size), Begin::Last(most), true) = (source.size().await?, self.begin, one_file) else {
            let mut decoder = self.decoder(source, reading)?;
            if self.begin == Begin::Here {
                decoder.in_the_middle();
            }
            return Ok(decoder);
        };
        let mut window = if most == 0 { 0 } else { WINDOW };
        let mut buffer = Vec::new();
        loop {
            let from = size.saturating_sub(window);
            self.shown.last = Some((most, VecDeque::new()));
            self.shown.matched = 0;
            let mut decoder = self.decoder(source, reading)?;
            source.seek(from)?;
            if from > 0 {
                decoder.in_the_middle();
            }
            let mut read = 0;
            while read < size - from && source.read(&mut buffer, false).await? == Got::Data {
                // What was added since comes with the rest.
                let wanted = usize::try_from(size - from - read).unwrap_or(usize::MAX).min(buffer.len());
                decoder.feed(&buffer[..wanted], &mut |record| self.shown.take(record))?;
                read += wanted as u64;
                tokio::task::yield_now().await;
            }
            source.seek(from + read)?;
            let found = self.shown.last.as_ref().map_or(0, |(_, last)| last.len());
            if from == 0 || found >= most {
                return Ok(decoder);
            }
            window *= 4;
        }
    }

    async fn finish(
        self,
        decoder: &Decoder,
        reading: &Reading,
        losses: Losses,
        follow: bool,
    ) -> Result<Exit> {
        let Losses { bytes, cut, too_long } = losses;
        let most = LONGEST >> 20;
        if cut > 0 {
            self.echo.remark(&format!(
                "{cut} entries of the log are longer than {most} MiB: of these only the beginning is there"
            ));
        }
        if too_long > 0 {
            self.echo.remark(&format!(
                "{too_long} entries of the log are longer than {most} MiB, and were passed over"
            ));
        }
        if bytes > 0 {
            self.echo.remark(&format!("skipped {bytes} bytes of the log that are not complete entries"));
        }
        // An empty answer to a question that this log cannot answer would be a lie.
        if self.shown.matched == 0 && !follow {
            if reading.guesses() {
                for (flag, field, escape) in &self.needs {
                    if decoder.prefix().is_some() && !self.shown.told.contains(field) {
                        return Err(cannot_answer(flag, escape, None));
                    }
                }
            }
            if self.shown.filter.min_duration_ms.is_some() && !self.shown.durations {
                return Err(Error::data(
                    "--min-duration: no entry of this log tells how long a statement took",
                )
                .hint("pgkit log on --min-duration 0 makes the server log it"));
            }
        }
        self.shown.listing.finish().await?;
        Ok(Exit::Done)
    }
}

/// The error of a filter that the log has no answer to.
fn cannot_answer(flag: &str, escape: &str, prefix: Option<&str>) -> Error {
    let what = match prefix {
        Some(prefix) => format!("log_line_prefix {prefix:?} has no {escape}"),
        None => "none of its lines tells it".to_owned(),
    };
    Error::data(format!("{flag}: this log cannot tell: {what}")).hint(format!(
        "put {escape} into log_line_prefix, or log as csvlog or jsonlog (log_destination), and look at what is logged from then on"
    ))
}

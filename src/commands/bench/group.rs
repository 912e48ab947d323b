//! The command `bench`, which also dispatches to its subcommand.

use std::io::Read;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::PARTS;
use super::flags::MeasureArgs;
use super::measure::Job;
use crate::bench::params;
use crate::bench::script::Variant;
use crate::commands::args::{self, ConnectionArgs, FormatArgs, SessionArgs};
use crate::commands::context::Context;
use crate::commands::open;
use crate::commands::table;
use crate::error::{Error, Exit, Result};

#[derive(Debug, Clone, Args)]
struct BenchArgs {
    /// NAME=SQL or NAME=@FILE: statements as in psql, with :name, :'name' and \gset
    #[arg(value_name = "NAME=SQL")]
    variants: Vec<String>,
    /// Values for every variant: id=1..100, name=a,b,c or name=@FILE.csv; several are combined
    #[arg(long, value_name = "NAME=VALUES")]
    param: Vec<String>,
    /// Allow statements that write: each run is a transaction that is rolled back. That does not undo sequences,
    /// what functions do outside the database, and the dead rows it leaves; locks are held until the run ends
    #[arg(long)]
    allow_writes: bool,
    #[command(flatten)]
    measure: MeasureArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    session: SessionArgs,
}

/// Returns the command.
pub fn command() -> Command {
    let about = "Measure two or more ways to get the same data";
    ConnectionArgs::augment_args(BenchArgs::augment_args(args::command("bench", about)))
        .about(about)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .after_help(format!(
            "The order of the variants is shuffled anew for each value, so that none is favoured by caches. A run is\n\
             timed from the first byte sent to the last received: server is what EXPLAIN ANALYZE reports for some values,\n\
             round_trips is the time of as many empty statements, and client is the rest.\n\n{}",
            args::example(&[
                "pgkit bench 'two look-ups=SELECT artist_id FROM song WHERE id = :id \\gset ; SELECT name FROM artist WHERE id = :artist_id' \\",
                "            'join=SELECT a.name FROM song s JOIN artist a ON a.id = s.artist_id WHERE s.id = :id' --param id=100000..103000",
            ])
        ))
}

/// Runs the command.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    if matches.subcommand().is_some() {
        return table::dispatch_below(PARTS, context, root, matches).await;
    }
    let args = BenchArgs::from_arg_matches(matches).map_err(|e| Error::bug(e.to_string()))?;
    let variants =
        args.variants.iter().map(|text| Variant::parse(text, &read_file)).collect::<Result<Vec<_>>>()?;
    if variants.is_empty() {
        return Err(
            Error::usage("nothing to measure").hint("give two or more NAME=SQL; see pgkit bench demo")
        );
    }
    let values = params::parse(&args.param, &read_file)?;
    let target = open::target(context, root, matches, &args.session.echo)?;
    let job = Job {
        variants,
        values,
        allow_writes: args.allow_writes,
        measure: args.measure,
        session: args.session,
    };
    job.run(context, &target, &args.format).await
}

fn read_file(path: &str) -> Result<String> {
    let mut text = String::new();
    let read = match path {
        "-" => std::io::stdin().read_to_string(&mut text),
        path => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map(|_| text).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => Error::data(format!("{path}: the file is not UTF-8")),
        _ => Error::io(format!("could not read {path}"), &e),
    })
}

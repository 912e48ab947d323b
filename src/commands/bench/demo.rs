//! `bench demo`: the songs and artists of the post, on a server of their own, and the post's table for them.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::flags::MeasureArgs;
use super::measure::Job;
use crate::bench::params;
use crate::bench::script::Variant;
use crate::commands::args::{self, FormatArgs, SessionArgs};
use crate::commands::context::Context;
use crate::commands::sandbox;
use crate::error::{Error, Exit, Result};
use crate::session::Wire;

const DATA: &str = include_str!("../../../queries/bench/demo.sql");

/// The post's two functions, in SQL.
const VARIANTS: [&str; 2] = [
    "two look-ups=SELECT id, artist_id, name, lyrics FROM main_song WHERE id = :id \\gset song_\n\
     SELECT id, name FROM main_artist WHERE id = :song_artist_id",
    "join=SELECT s.id, s.artist_id, s.name, s.lyrics, a.id, a.name FROM main_song s\n\
     INNER JOIN main_artist a ON s.artist_id = a.id WHERE s.id = :id",
];
/// The post's range of ids.
const PARAM: &str = "id=100000..103000";

#[derive(Debug, Clone, Args)]
struct DemoArgs {
    #[command(flatten)]
    measure: MeasureArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    session: SessionArgs,
}

pub(super) fn command() -> Command {
    let about = "Compare two look-ups with one join, on a throwaway server with artists and songs";
    sandbox::with_bin_dir(DemoArgs::augment_args(args::command("demo", about))).about(about).after_help(
        args::example(&["pgkit bench demo", "pgkit bench demo --protocol prepared --html demo.html"]),
    )
}

pub(super) async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    args::refuse_connection_flags(root, "bench demo")?;
    let args = DemoArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let read = |_: &str| Err(Error::bug("the demo reads no file"));
    let variants = VARIANTS.iter().map(|text| Variant::parse(text, &read)).collect::<Result<Vec<_>>>()?;
    let values = params::parse(&[PARAM.to_owned()], &read)?;
    let server = sandbox::own_server(context, own).await?;
    let target = sandbox::target(&server)?;
    let mut never = |_: &str| Err(Error::bug("the sandbox asks for a password"));
    let (mut wire, ..) = Wire::connect(&target, "SELECT", "", &context.running, &mut never).await?;
    wire.run(DATA).await?;
    wire.close().await;
    let job = Job { variants, values, allow_writes: false, measure: args.measure, session: args.session };
    let answer = job.run(context, &target, &args.format).await;
    sandbox::end(server).await?;
    answer
}

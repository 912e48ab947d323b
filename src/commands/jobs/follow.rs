//! `jobs history --follow`: shows attempts as they begin and as they end.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::ArgMatches;
use tokio_postgres::types::Type;

use super::shared::LookArgs;
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::commands::open;
use crate::error::{self, Error, Exit, Result};
use crate::jobs::store::{Place, in_schema};
use crate::jobs::tables::{self, Where};
use crate::output;
use crate::rows::{Flow, cell};
use crate::session::{Reader, Value, push_values};

const FOLLOW: &str = include_str!("../../../queries/jobs/follow.sql");
/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How many of the newest ids are looked at again each time: an attempt may be committed after others with greater ids.
const AGAIN: i64 = 200;

/// What to show.
pub(super) struct Wanted {
    /// The names of the jobs; all jobs if it is empty.
    pub(super) names: Vec<Option<String>>,
    /// How many of the latest attempts are shown at the beginning.
    pub(super) lines: u32,
    /// Whether only attempts that did not succeed are shown.
    pub(super) failed: bool,
    /// Whether the output of attempts is shown.
    pub(super) output: bool,
    /// How many columns the listing has.
    pub(super) columns: usize,
}

impl Wanted {
    fn shows(&self, state: &str) -> bool {
        !self.failed || !["running", "succeeded", "superseded"].contains(&state)
    }
}

/// The attempts that have been seen so far.
#[derive(Default)]
struct Seen {
    /// The id of each, and whether it was running; `None` before the first answer.
    attempts: Option<BTreeMap<i64, bool>>,
    /// The greatest id of all.
    newest: i64,
}

impl Seen {
    /// Records an attempt. Returns whether it is to be shown: it is new, or it was running and no longer is.
    fn is_news(&mut self, id: i64, is_running: bool) -> bool {
        let before = self.attempts.get_or_insert_default().insert(id, is_running);
        before.is_none_or(|was_running| was_running && !is_running)
    }

    /// Forgets the attempts that are not looked at again.
    fn forget(&mut self, newest: i64) {
        self.newest = self.newest.max(newest);
        let from = self.newest - AGAIN;
        self.attempts.get_or_insert_default().retain(|id, is_running| *is_running || *id > from);
    }
}

/// Shows attempts until a signal, until the reader of stdout is gone, or until as many as were wanted are shown.
pub(super) async fn follow(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    args: &LookArgs,
    owner: Option<&str>,
    wanted: &Wanted,
    mut listing: Listing,
) -> Result<Exit> {
    let target = open::target(context, root, own, &args.session.echo)?;
    let connect = async || {
        let reader = open::reader(context, &target, args.session.settings(), &args.session.echo).await?;
        let place = tables::place(&reader, Where { schema: args.schema.as_deref(), owner }).await?;
        if !place.has_pgkit {
            return Err(Error::data("--follow needs pgkit's own tables")
                .hint("create them beside crontabber's with pgkit jobs init"));
        }
        Ok((reader, place))
    };
    let mut seen = Seen::default();
    let mut session = Some(connect().await?);
    let mut is_away = false;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let round = async {
            let (mut reader, place) = match session.take() {
                Some(open) => open,
                None => connect().await?,
            };
            let flow = ask(&reader, &place, wanted, &mut seen, &mut listing).await?;
            if flow == Flow::More {
                // Between two questions no transaction is open, so pgkit holds no locks.
                reader.reopen(None).await?;
            }
            Ok::<_, Error>((flow, reader, place))
        };
        match round.await {
            Ok((flow, reader, place)) => {
                is_away = false;
                if listing.flush()? == output::Reader::Gone || flow == Flow::Enough {
                    reader.close().await;
                    break;
                }
                session = Some((reader, place));
            }
            Err(e) if matches!(e.exit, Exit::Unavailable | Exit::TryAgain) => {
                listing.flush()?;
                if !std::mem::replace(&mut is_away, true) {
                    error::note(&format!("pgkit: {}: retrying every second", e.one_line()));
                }
            }
            Err(e) => return Err(e),
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

/// Asks the server once, and shows the attempts that are new or have ended.
async fn ask(
    reader: &Reader,
    place: &Place,
    wanted: &Wanted,
    seen: &mut Seen,
    listing: &mut Listing,
) -> Result<Flow> {
    let running = seen.attempts.iter().flatten().filter(|(_, is_running)| **is_running);
    let running = running.map(|(id, _)| Some(id.to_string())).collect();
    let is_first = seen.attempts.is_none();
    let least = i64::from(wanted.lines).max(AGAIN);
    let names = wanted.names.clone();
    let params = [
        if names.is_empty() { Value::Null(Type::TEXT_ARRAY) } else { Value::TextList(names) },
        Value::Int8(if is_first { -1 } else { seen.newest - AGAIN }),
        Value::TextList(running),
        Value::Bool(wanted.output),
        if is_first { Value::Int8(least) } else { Value::Null(Type::INT8) },
    ];
    let mut rows = reader.rows(&in_schema(FOLLOW, &place.schema), &params).await?;
    let mut news: Vec<crate::rows::Row> = Vec::new();
    let mut newest = seen.newest;
    while let Some(row) = rows.next().await? {
        let mut values = cell::Raw::new();
        push_values(&row, &mut values)?;
        let text = |at: usize| values.get(at).copied().flatten().and_then(|v| std::str::from_utf8(v).ok());
        let number = |at: usize| text(at).and_then(|text| text.parse::<i64>().ok());
        newest = newest.max(number(11).unwrap_or(0));
        let (Some(id), Some(state)) = (number(10), text(5)) else { continue };
        if seen.is_news(id, state == "running") && wanted.shows(state) {
            news.push(crate::rows::Row::of(&values[..wanted.columns]));
        }
    }
    seen.forget(newest);
    let skip = if is_first { news.len().saturating_sub(wanted.lines as usize) } else { 0 };
    for row in news.iter().skip(skip) {
        if listing.push(row)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
    }
    Ok(Flow::More)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_news_when_it_begins_and_when_it_ends_however_its_id_comes() {
        let mut seen = Seen::default();
        let mut asked = |id, is_running| {
            let is_news = seen.is_news(id, is_running);
            seen.forget(id);
            is_news
        };
        assert!(asked(10, true) && !asked(10, true));
        // A smaller id was committed later.
        assert!(asked(9, false) && !asked(9, false));
        assert!(asked(5000, false) && !asked(10, true) && asked(10, false));
        assert_eq!(seen.attempts.as_ref().map(BTreeMap::len), Some(1));
    }
}

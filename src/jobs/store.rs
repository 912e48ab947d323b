//! The state of jobs in PostgreSQL: crontabber's own tables, in whatever schema they are, and pgkit's beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_postgres::types::Type;

use super::file::Job;
use super::plan::{self, Decision, Row, State, instant, instants, some_instant};
use super::schedule::Schedule;
use crate::error::{Error, Exit, Result};
use crate::session::{Reader, Value, Writer};
use crate::sql;

/// The version of pgkit's own tables.
const VERSION: i64 = 1;

const STATES: &str = include_str!("../../queries/jobs/states.sql");
const KNOWN: &str = include_str!("../../queries/jobs/known.sql");
const PARTS: &str = include_str!("../../queries/jobs/parts.sql");
const SERVER: &str = include_str!("../../queries/jobs/server.sql");
const META: &str = include_str!("../../queries/jobs/meta.sql");
const META_FIRST: &str = include_str!("../../queries/jobs/meta_first.sql");
const META_CHANGED: &str = include_str!("../../queries/jobs/meta_changed.sql");
const FIRST_SEEN: &str = include_str!("../../queries/jobs/first_seen.sql");
const LOCK: &str = include_str!("../../queries/jobs/init/lock.sql");
const UNIQUE: &str = include_str!("../../queries/jobs/unique.sql");
const DONE: &str = include_str!("../../queries/jobs/done.sql");
const REPLAN: &str = include_str!("../../queries/jobs/replan.sql");

/// What `jobs init` makes where it is missing, in this order.
const MADE: &[(&str, &str)] = &[
    ("crontabber", include_str!("../../queries/jobs/init/crontabber.sql")),
    ("crontabber_unique_app_name_idx", include_str!("../../queries/jobs/init/index.sql")),
    ("crontabber_log", include_str!("../../queries/jobs/init/log.sql")),
    ("pgkit_meta", include_str!("../../queries/jobs/init/meta.sql")),
    ("pgkit_job", include_str!("../../queries/jobs/init/job.sql")),
    ("pgkit_run", include_str!("../../queries/jobs/init/run.sql")),
    ("pgkit_run_succeeded", include_str!("../../queries/jobs/init/run_done.sql")),
    ("pgkit_run_attempts", include_str!("../../queries/jobs/init/run_open.sql")),
];
const ONGOING: &str = include_str!("../../queries/jobs/init/ongoing.sql");

/// Whoever can be asked: a session that only reads, or one that writes.
pub trait Ask {
    /// Every row as a struct, by column name.
    fn ask<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> impl Future<Output = Result<Vec<T>>>;
    /// The database.
    fn database(&self) -> &str;
}

impl Ask for Reader {
    fn ask<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> impl Future<Output = Result<Vec<T>>> {
        self.structs(sql, params)
    }
    fn database(&self) -> &str {
        Reader::database(self)
    }
}

impl Ask for Writer {
    fn ask<T: DeserializeOwned>(&self, sql: &str, params: &[Value]) -> impl Future<Output = Result<Vec<T>>> {
        self.structs(sql, params)
    }
    fn database(&self) -> &str {
        Writer::database(self)
    }
}

/// A job's row, for people and for the plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stored {
    /// What decides.
    pub state: State,
    /// How many runs failed in a row.
    pub error_count: i64,
    /// What the last failure was.
    pub last_error: Option<LastError>,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// pgkit's own claim, where it is one.
    pub claim: Option<Claim>,
    /// What the job was last known to say of foreign claims, in seconds; `None`: pgkit has not seen it yet.
    pub max_ongoing_age_s: Option<f64>,
}

/// A claim of pgkit's, as far as people want to know it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// `running`, or `held`: it was cut off, and waits for a person.
    pub state: String,
    /// The machine it runs on.
    pub host: Option<String>,
    /// Since when.
    #[serde(deserialize_with = "some_instant")]
    pub started: Timestamp,
    /// Since when its lock is known to be free.
    #[serde(deserialize_with = "instant")]
    pub seen_free_at: Option<Timestamp>,
    /// How long after that it is taken over, in seconds.
    pub grace_s: f64,
    /// The advisory locks that somebody holds in this database.
    held: Vec<i64>,
    /// Is its own among them? Then somebody is behind it.
    #[serde(skip)]
    pub is_free: bool,
}

/// What the original keeps of a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastError {
    /// The kind of error.
    pub kind: String,
    /// The message.
    pub value: String,
}

impl LastError {
    /// Whatever the column holds: somebody may have written anything.
    fn new(text: &str) -> LastError {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
            return LastError { kind: "unknown".to_owned(), value: text.to_owned() };
        };
        let part = |key: &str| match value.get(key) {
            Some(serde_json::Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => None,
        };
        match (part("type"), part("value")) {
            (None, None) => LastError {
                kind: "unknown".to_owned(),
                value: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            },
            (kind, value) => LastError {
                kind: kind.unwrap_or_else(|| "unknown".to_owned()),
                value: value.unwrap_or_default(),
            },
        }
    }
}

/// Everything that is known, at one instant of the server's clock.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The server's clock.
    pub now: Timestamp,
    /// By name.
    pub jobs: BTreeMap<String, Stored>,
    /// What is another one where the tables, or the rights on them, have changed since.
    pub shape: Option<String>,
}

impl Snapshot {
    /// What the plan wants to know of a job.
    pub fn state(&self, name: &str) -> Option<State> {
        self.jobs.get(name).map(|stored| stored.state.clone())
    }
}

/// Which tables are meant, and who may own them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Where<'a> {
    /// Their schema, where somebody has named it.
    pub schema: Option<&'a str>,
    /// The role that the jobs file names as their owner.
    pub owner: Option<&'a str>,
}

/// What bears the name of something that `jobs init` makes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    schema: String,
    name: String,
    kind: String,
    oid: i64,
    /// What changes with it, and with the rights on it.
    shape: String,
    columns: Vec<String>,
    /// Why it must not be used, the worst first.
    faults: Vec<String>,
}

/// What there is of all that `jobs init` makes, in this schema or in all that have a table crontabber.
async fn parts(session: &impl Ask, schema: Option<&str>, owner: Option<&str>) -> Result<Vec<Part>> {
    let text = |text: Option<&str>| text.map_or(Value::Null(Type::TEXT), |text| Value::Text(text.to_owned()));
    let made = Value::TextList(MADE.iter().map(|(name, _)| Some((*name).to_owned())).collect());
    session.ask(PARTS, &[made, text(schema), text(owner)]).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    now: Timestamp,
    /// Of the tables: see [`Snapshot`].
    #[serde(default)]
    shape: Option<String>,
    /// `None`, as in the two below: there is no job at all.
    name: Option<String>,
    has_row: Option<bool>,
    #[serde(deserialize_with = "instant")]
    next_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    first_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    last_run: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    last_success: Option<Timestamp>,
    #[serde(deserialize_with = "instant")]
    ongoing: Option<Timestamp>,
    error_count: Option<i64>,
    last_error: Option<String>,
    #[serde(default, deserialize_with = "instant")]
    first_seen: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant")]
    paused: Option<Timestamp>,
    #[serde(default)]
    paused_by: Option<String>,
    #[serde(default, deserialize_with = "instant")]
    done_through: Option<Timestamp>,
    #[serde(default, deserialize_with = "instants")]
    done: BTreeSet<Timestamp>,
    #[serde(default)]
    claim: Option<Claim>,
    #[serde(default)]
    max_ongoing_age_s: Option<f64>,
}

/// A statement of `queries/jobs` with this schema in it.
pub fn in_schema(text: &str, schema: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut from = 0;
    for variable in sql::scan(text).variables.into_iter().filter(|v| v.name == "schema") {
        out.push_str(&text[from..variable.range.start]);
        out.push_str(&sql::quote_ident(schema));
        from = variable.range.end;
    }
    out.push_str(&text[from..]);
    out
}

/// Where the tables are, and whether pgkit's own are there too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Their schema.
    pub schema: String,
    /// Has `jobs init` been here?
    pub has_pgkit: bool,
    /// The shape of the tables when they were found to be ours to use: see [`Snapshot`].
    pub shape: String,
}

/// The schema of the tables: the one that is named, else the only one that has them.
///
/// Errors: there is none, several, or one with other columns, or whose tables are not ours to use (65).
pub async fn place(session: &impl Ask, wanted: Where<'_>) -> Result<Place> {
    let found = parts(session, wanted.schema, wanted.owner).await?;
    let chosen = match (schema_of(&found, wanted)?, wanted.schema) {
        (Some(chosen), _) => chosen,
        (None, Some(name)) => {
            return Err(Error::data(format!("there is no table crontabber in schema {name:?}")));
        }
        (None, None) => {
            let message = format!("there is no table crontabber in database {:?}", session.database());
            return Err(Error::data(message).hint("pgkit jobs init makes it"));
        }
    };
    let parts: Vec<&Part> = found.iter().filter(|part| part.schema == chosen).collect();
    check(&parts, false)?;
    let has_pgkit = parts.iter().any(|part| part.name.starts_with("pgkit"));
    let missing: Vec<&str> =
        MADE.iter().map(|(name, _)| *name).filter(|name| !parts.iter().any(|p| p.name == *name)).collect();
    if has_pgkit && !missing.is_empty() {
        // Nothing would run on these, and whoever looks must not be told that all is well.
        let message = format!("in schema {chosen:?} these are missing: {}", missing.join(", "));
        return Err(Error::data(message).hint("pgkit jobs init makes what is missing"));
    }
    let mut tables: Vec<&Part> = parts.iter().copied().filter(|part| part.kind == "r").collect();
    tables.sort_by_key(|part| part.oid);
    let shape = tables.iter().map(|part| part.shape.as_str()).collect::<Vec<_>>().join(" ");
    Ok(Place { schema: chosen, has_pgkit, shape })
}

/// The one schema with a table crontabber; `None`: there is none. Errors: there are several, and nobody has said which (65):
/// whoever may make a table anywhere could have made one of them.
fn schema_of(found: &[Part], wanted: Where<'_>) -> Result<Option<String>> {
    let mut schemas = found.iter().filter(|part| part.name == "crontabber").map(|part| part.schema.as_str());
    let first = schemas.next().map(str::to_owned);
    if schemas.next().is_some() && wanted.schema.is_none() {
        let all = found.iter().filter(|part| part.name == "crontabber");
        let told = all.map(|part| match part.faults.first() {
            Some(why) => format!("{} ({why})", part.schema),
            None => part.schema.clone(),
        });
        let told = told.collect::<Vec<_>>().join(", ");
        return Err(Error::data("several schemas have a table crontabber")
            .caused_by(format!("they are: {told}"))
            .hint("name the one that is meant: --schema"));
    }
    Ok(first)
}

/// Are these what `jobs init` makes, and ours to use? With `completes`, what is missing will be made.
///
/// Errors: one is something else, or lets another role decide what runs (65).
fn check(parts: &[&Part], completes: bool) -> Result<()> {
    for part in parts {
        let table = format!("{}.{}", part.schema, part.name);
        let index = matches!(
            part.name.as_str(),
            "crontabber_unique_app_name_idx" | "pgkit_run_succeeded" | "pgkit_run_attempts"
        );
        let is_right = if index { matches!(part.kind.as_str(), "i" | "I") } else { part.kind == "r" };
        if !is_right {
            let should = if index { "an index" } else { "a table" };
            return Err(Error::data(format!("{table} is in the way: it is not {should}"))
                .hint("--schema names another schema"));
        }
        if let Some(why) = part.faults.first() {
            let mut error = Error::data(format!("{table} is refused: {why}"));
            for more in &part.faults[1..] {
                error = error.caused_by(more);
            }
            if part.faults.iter().any(|why| why.contains(" has the privilege ")) {
                error = error.hint(format!(
                    "whoever has TRIGGER on it can hang a trigger on it: REVOKE TRIGGER, REFERENCES ON {}.{} FROM …",
                    sql::quote_ident(&part.schema),
                    sql::quote_ident(&part.name)
                ));
            }
            return Err(error.hint(
                "what hangs on the tables runs as whoever uses them: they must belong to the role that connects, to a superuser, \
                 or to the role that the jobs file names (owner = \"…\"), and so must all that they use",
            ));
        }
    }
    for part in parts.iter().filter(|part| part.kind == "r") {
        let mut columns = part.columns.clone();
        if completes && part.name == "crontabber" && !has(&columns, "ongoing") {
            // It will be added.
            columns.push("ongoing timestamp with time zone".to_owned());
        }
        check_columns(&part.schema, &part.name, &columns)?;
    }
    Ok(())
}

/// The columns of a table that pgkit makes, each with its type, as its statement has them; a number that counts by itself
/// may be of any type.
fn columns_of(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    const AFTER_TYPE: [&str; 5] = [" NOT NULL", " DEFAULT", " PRIMARY KEY", " GENERATED", ","];
    text.lines().filter_map(|line| line.strip_prefix("    ")).map(|line| {
        let end = AFTER_TYPE.iter().filter_map(|word| line.find(word)).min().unwrap_or(line.len());
        let (name, kind) = line[..end].split_once(' ').unwrap_or((&line[..end], ""));
        (name, Some(kind).filter(|kind| *kind != "SERIAL"))
    })
}

/// Does a table have the columns that pgkit's statements name? More may be there.
///
/// Errors: it does not (65), with what was found.
fn check_columns(schema: &str, table: &str, found: &[String]) -> Result<()> {
    let text = MADE.iter().find(|(name, _)| *name == table).map_or("", |(_, text)| text);
    let found: BTreeMap<&str, &str> = found.iter().filter_map(|column| column.split_once(' ')).collect();
    for (name, kind) in columns_of(text) {
        let what = match (found.get(name), kind) {
            (None, _) => format!("there is no column {name}"),
            (Some(found), Some(kind)) if *found != kind => {
                format!("column {name} is of type {found}, and not {kind}")
            }
            _ => continue,
        };
        let whose = if table.starts_with("pgkit") { "pgkit" } else { "crontabber" };
        let error = Error::data(format!("{schema}.{table} is not {whose}'s table: {what}"));
        return Err(match (table, name) {
            ("crontabber", "ongoing") => error.hint(
                "pgkit jobs init adds the column ongoing to a table from before crontabber 0.18; --schema names another schema",
            ),
            _ => error.hint("--schema names another schema"),
        });
    }
    Ok(())
}

/// Reads everything in one go, however many jobs there are.
pub async fn read(session: &impl Ask, place: &Place) -> Result<Snapshot> {
    let text = in_schema(if place.has_pgkit { KNOWN } else { STATES }, &place.schema);
    let lines = session.ask::<Line>(&text, &[]).await?;
    let first = lines.first().ok_or_else(|| Error::bug("a server without a clock"))?;
    let (now, shape) = (first.now, first.shape.clone());
    let stored = |line: Line| {
        let (name, has_row, error_count) = (line.name?, line.has_row?, line.error_count?);
        // NULL, null and {} are none; anything else is one, whatever it holds.
        let last_error = line.last_error.filter(|text| text.trim() != "null");
        let last_error = last_error.map(|text| LastError::new(&text));
        let row = Row {
            next_run: line.next_run,
            first_run: line.first_run,
            last_run: line.last_run,
            last_success: line.last_success,
            ongoing: line.ongoing,
            failed: last_error.is_some(),
        };
        let state = State {
            row: has_row.then_some(row),
            first_seen: line.first_seen,
            paused: line.paused.is_some(),
            done: line.done,
            done_through: line.done_through,
        };
        let claim = line.claim.map(|claim| {
            let is_free = !claim.held.contains(&lock_key(&place.schema, &name));
            Claim { is_free, held: Vec::new(), ..claim }
        });
        let stored = Stored {
            state,
            error_count,
            last_error,
            paused_by: line.paused_by,
            claim,
            max_ongoing_age_s: line.max_ongoing_age_s,
        };
        Some((name, stored))
    };
    Ok(Snapshot { now, jobs: lines.into_iter().filter_map(stored).collect(), shape })
}

/// Has a job done a date, as far as is recorded?
pub async fn has_done(session: &impl Ask, place: &Place, job: &str, date: Timestamp) -> Result<bool> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Done {
        done: bool,
    }
    let params = [Value::Text(job.to_owned()), Value::Text(date.to_string())];
    let found: Vec<Done> = session.ask(&in_schema(DONE, &place.schema), &params).await?;
    Ok(found.first().is_some_and(|found| found.done))
}

/// The number of a job's advisory lock: the first 64 bits of SHA-256 of its name and its tables' schema.
pub fn lock_key(schema: &str, job: &str) -> i64 {
    let digest = openssl::sha::sha256(format!("pgkit:jobs:{schema}:{job}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// What a refusal of a statement on the tables means for whoever runs jobs.
pub fn explain(error: Error) -> Error {
    match error.sqlstate.as_deref() {
        Some("42P01" | "42703") => error.hint("pgkit jobs init makes or completes the tables"),
        Some("42501") => error.hint("the role needs SELECT, INSERT, UPDATE and DELETE on crontabber, crontabber_log and pgkit's tables, as their owner has"),
        Some("25006") => error.hint("this server or role only reads: connect to the primary"),
        _ => error,
    }
}

/// Which server it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its cluster.
    pub system_identifier: String,
    /// Its timeline, in hexadecimal; empty on a standby.
    pub timeline: String,
    /// Is it a standby?
    pub standby: bool,
    /// The database.
    pub database: String,
    /// The role.
    pub role: String,
    /// The backend's process.
    pub pid: i64,
}

/// Asks which server it is.
pub async fn server(session: &impl Ask) -> Result<Server> {
    let server: Vec<Server> = session.ask(SERVER, &[]).await?;
    server.into_iter().next().ok_or_else(|| Error::bug("a server without an identity"))
}

fn has(columns: &[String], name: &str) -> bool {
    columns.iter().any(|c| c.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))
}

/// What `init` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Where.
    pub schema: String,
    /// What was missing, and is there now.
    pub made: Vec<String>,
    /// Unique indexes of crontabber's table that should not be there.
    pub others: Vec<String>,
}

/// Makes what is missing of the tables, all or nothing; safe when several do so at once.
///
/// Errors: there is no schema for them, what is there is something else or somebody else's (65), the role may not
/// create (77).
pub async fn init(writer: &Writer, wanted: Where<'_>) -> Result<Made> {
    refuse_standby(writer)?;
    let schema = match wanted.schema {
        Some(name) => name.to_owned(),
        None => match schema_of(&parts(writer, None, wanted.owner).await?, wanted)? {
            Some(found) => found,
            None => writer.creation_schema().await?.ok_or_else(|| {
                Error::data("the role's search_path has no schema in which the tables could be made")
                    .hint("name one: --schema")
            })?,
        },
    };
    writer.run("BEGIN").await?;
    let made = make(writer, &schema, wanted.owner).await;
    match made {
        Ok(made) => {
            writer.run("COMMIT").await?;
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Index {
                name: String,
            }
            let others: Vec<Index> = writer.structs(UNIQUE, &[Value::Text(schema.clone())]).await?;
            Ok(Made { schema, made, others: others.into_iter().map(|index| index.name).collect() })
        }
        Err(error) => {
            // What went wrong is what counts.
            let _ = writer.run("ROLLBACK").await;
            Err(match error.sqlstate.as_deref() {
                Some("3F000") => error.hint("CREATE SCHEMA makes it; or name another one: --schema"),
                Some("42501") => error.hint(format!(
                    "GRANT CREATE, USAGE ON SCHEMA {} TO {}",
                    sql::quote_ident(&schema),
                    sql::quote_ident(writer.user())
                )),
                _ => error,
            })
        }
    }
}

async fn make(writer: &Writer, schema: &str, owner: Option<&str>) -> Result<Vec<String>> {
    writer.affect(LOCK, &[Value::Int8(lock_key(schema, "\u{0}init"))]).await?;
    let parts = parts(writer, Some(schema), owner).await?;
    check(&parts.iter().collect::<Vec<_>>(), true)?;
    let mut made = Vec::new();
    for (name, text) in MADE {
        let part = parts.iter().find(|part| part.name == *name);
        match part {
            None => {
                writer.run(&in_schema(text, schema)).await?;
                made.push((*name).to_owned());
            }
            Some(part) if *name == "crontabber" && !has(&part.columns, "ongoing") => {
                writer.run(&in_schema(ONGOING, schema)).await?;
                made.push("crontabber.ongoing".to_owned());
            }
            Some(_) => {}
        }
    }
    // What is made now may stand among what others can change.
    let all = self::parts(writer, Some(schema), owner).await?;
    check(&all.iter().collect::<Vec<_>>(), false)?;
    let server = server(writer).await?;
    let params = [Value::Int8(VERSION), Value::Text(server.system_identifier), Value::Text(server.timeline)];
    writer.affect(&in_schema(META_FIRST, schema), &params).await?;
    Ok(made)
}

fn refuse_standby(writer: &Writer) -> Result<()> {
    if writer.is_standby() {
        return Err(Error::new(Exit::Unavailable, "the server is a standby, and this must write")
            .hint("connect to its primary; target_session_attrs=read-write finds it among several hosts"));
    }
    Ok(())
}

/// The tables, ready to be written to.
///
/// Errors: they are not there, or not whole, or somebody else's, or from a newer pgkit (65), the server is a standby
/// (69).
pub async fn open(writer: &Writer, wanted: Where<'_>) -> Result<Place> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Meta {
        version: i64,
    }
    refuse_standby(writer)?;
    let init = |e: Error| e.hint("pgkit jobs init makes what is missing");
    let place = place(writer, wanted).await?;
    if !place.has_pgkit {
        let message =
            format!("schema {:?} has crontabber's table, and not those of pgkit beside it", place.schema);
        return Err(init(Error::data(message)));
    }
    let meta: Vec<Meta> = writer.structs(&in_schema(META, &place.schema), &[]).await?;
    let Some(meta) = meta.into_iter().next() else {
        return Err(init(Error::data(format!("{}.pgkit_meta is empty", place.schema))));
    };
    if meta.version > VERSION {
        return Err(Error::data(format!(
            "the tables in schema {:?} are of version {}, and this pgkit knows {VERSION}",
            place.schema, meta.version
        ))
        .hint("use the newer pgkit"));
    }
    writer.affect(&in_schema(META_CHANGED, &place.schema), &[]).await?;
    Ok(place)
}

/// Notes the jobs that are seen for the first time. Says whether there were any.
pub async fn first_seen<'a>(
    writer: &Writer,
    place: &Place,
    jobs: impl Iterator<Item = &'a Job>,
) -> Result<bool> {
    let (names, ages): (Vec<_>, Vec<_>) =
        jobs.map(|job| (Some(job.name.clone()), Some(interval(job.max_ongoing_age)))).unzip();
    if names.is_empty() {
        return Ok(false);
    }
    let params = [Value::TextList(names), Value::TextList(ages)];
    writer.affect(&in_schema(FIRST_SEEN, &place.schema), &params).await?;
    Ok(true)
}

/// Writes the next runs that stand in the rows as they are by now: jobs on a grid do not go by them, but who waits for
/// such a job does.
pub async fn replan(
    writer: &Writer,
    place: &Place,
    jobs: impl Iterator<Item = &Job>,
    snapshot: &mut Snapshot,
) -> Result<()> {
    let changed = |job: &Job| {
        let row = snapshot.jobs.get(&job.name)?.state.row.as_ref()?;
        if matches!(job.schedule, Schedule::Original { .. }) || row.failed || row.ongoing.is_some() {
            return None;
        }
        let next = match plan::decide(job, &|name| snapshot.state(name), snapshot.now) {
            Decision::NotDue(next) => next?,
            _ => return None,
        };
        (row.next_run != Some(next)).then(|| (job.name.clone(), next))
    };
    let changed: Vec<_> = jobs.filter_map(changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let (names, instants) =
        changed.iter().map(|(name, next)| (Some(name.clone()), Some(next.to_string()))).unzip();
    let params = [Value::TextList(names), Value::TextList(instants)];
    writer.affect(&in_schema(REPLAN, &place.schema), &params).await?;
    for (name, next) in changed {
        if let Some(row) = snapshot.jobs.get_mut(&name).and_then(|stored| stored.state.row.as_mut()) {
            row.next_run = Some(next);
        }
    }
    Ok(())
}

/// A length of time as the server reads it.
pub fn interval(length: Duration) -> String {
    // Old servers do not take more than 2^31 of a unit, so microseconds would not do.
    format!("{}.{:06} seconds", length.as_secs(), length.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_put_in_as_an_identifier() {
        assert!(in_schema(STATES, "it's \"odd\"").contains("JOIN \"it's \"\"odd\"\"\".crontabber c"));
        assert!(!in_schema(STATES, "x").contains(":\""));
    }

    #[test]
    fn whatever_stands_as_the_last_error_is_shown() {
        let shown = |text: &str| {
            let error = LastError::new(text);
            format!("{} | {}", error.kind, error.value)
        };
        assert_eq!(shown(r#"{"type": "T", "value": "v", "traceback": "x"}"#), "T | v");
        assert_eq!(shown(r#"{"type": 5, "value": ["a"]}"#), "5 | [\"a\"]");
        assert_eq!(shown(r#"{"value": "v"}"#), "unknown | v");
        assert_eq!(shown("\"boom\""), "unknown | boom");
        assert_eq!(shown("[1,2]"), "unknown | [1,2]");
    }

    #[test]
    fn the_columns_of_a_table_are_those_of_the_statement_that_makes_it() {
        let of = |table: &str| {
            let text = MADE.iter().find(|(name, _)| *name == table).unwrap().1;
            columns_of(text).map(|(name, kind)| format!("{name} {}", kind.unwrap_or("-"))).collect::<Vec<_>>()
        };
        assert_eq!(
            of("crontabber_log")[..4],
            ["id -", "app_name text", "log_time timestamp with time zone", "duration interval"]
        );
        assert_eq!(of("crontabber").len(), 9);
        assert!(of("pgkit_run").contains(&"id bigint".to_owned()));
        assert!(of("pgkit_meta").contains(&"only_row boolean".to_owned()));
        assert!(of("pgkit_run_succeeded").is_empty());
    }
}

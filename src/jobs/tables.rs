//! The tables that hold the state of jobs: finding them, checking that they are safe to use, and creating them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::types::Type;

use super::requests;
use super::runners;
use super::store::{self, Place, Queryable, in_schema, lock_key};
use crate::error::{Error, Exit, Result};
use crate::session::{Value, Writer};
use crate::sql;

/// The version of pgkit's own tables.
const VERSION: i64 = 1;

const PARTS: &str = include_str!("../../queries/jobs/tables.sql");
const PLAIN: &str = include_str!("../../queries/jobs/tables_plain.sql");
const META: &str = include_str!("../../queries/jobs/meta.sql");
const META_FIRST: &str = include_str!("../../queries/jobs/meta_first.sql");
const META_CHANGED: &str = include_str!("../../queries/jobs/meta_changed.sql");
const LOCK: &str = include_str!("../../queries/jobs/init/lock.sql");
const UNIQUE: &str = include_str!("../../queries/jobs/unique.sql");

const LATER: &str = include_str!("../../queries/jobs/later.sql");
const TRY_LOCK: &str = include_str!("../../queries/jobs/try_lock.sql");
const FREE: &str = include_str!("../../queries/jobs/init/share_update.sql");

/// A table or an index that `jobs init` creates.
struct Piece {
    name: &'static str,
    text: &'static str,
    /// The table of an index; `None` for a table.
    on: Option<&'static str>,
    /// Whether it was added in a later version of pgkit. Then it may be missing, and everything must work without it,
    /// if more slowly. `jobs upgrade` creates it; indexes are built concurrently.
    later: bool,
}

const fn table(name: &'static str, text: &'static str) -> Piece {
    Piece { name, text, on: None, later: false }
}

const fn index(on: &'static str, name: &'static str, text: &'static str) -> Piece {
    Piece { name, text, on: Some(on), later: false }
}

impl Piece {
    const fn later(self) -> Piece {
        Piece { later: true, ..self }
    }
}

/// What `jobs init` creates if it is missing, in this order.
const MADE: &[Piece] = &[
    table("crontabber", include_str!("../../queries/jobs/init/crontabber.sql")),
    index("crontabber", "crontabber_unique_app_name_idx", include_str!("../../queries/jobs/init/index.sql")),
    table("crontabber_log", include_str!("../../queries/jobs/init/log.sql")),
    table("pgkit_meta", include_str!("../../queries/jobs/init/meta.sql")),
    table("pgkit_job", include_str!("../../queries/jobs/init/job.sql")),
    table("pgkit_run", include_str!("../../queries/jobs/init/run.sql")),
    table(runners::TABLE, include_str!("../../queries/jobs/init/runner.sql")).later(),
    table(requests::TABLE, include_str!("../../queries/jobs/init/request.sql")).later(),
    table("pgkit_output", include_str!("../../queries/jobs/init/output.sql")).later(),
    table("pgkit_alarm", include_str!("../../queries/jobs/init/alarm.sql")).later(),
    index("pgkit_run", "pgkit_run_succeeded", include_str!("../../queries/jobs/init/run_done.sql")),
    index("pgkit_run", "pgkit_run_attempts", include_str!("../../queries/jobs/init/run_attempts.sql")),
    index("pgkit_run", "pgkit_run_open", include_str!("../../queries/jobs/init/run_open.sql")).later(),
    index("pgkit_run", "pgkit_run_logged", include_str!("../../queries/jobs/init/run_logged.sql")).later(),
    index("pgkit_run", "pgkit_run_failed", include_str!("../../queries/jobs/init/run_failed.sql")).later(),
    index("pgkit_run", "pgkit_run_failed_of", include_str!("../../queries/jobs/init/run_failed_of.sql"))
        .later(),
    index("crontabber_log", "pgkit_log_time", include_str!("../../queries/jobs/init/log_time.sql")).later(),
    index("crontabber_log", "pgkit_log_time_of", include_str!("../../queries/jobs/init/log_time_of.sql"))
        .later(),
    index("crontabber_log", "pgkit_log_failed", include_str!("../../queries/jobs/init/log_failed.sql"))
        .later(),
    index("crontabber_log", "pgkit_log_failed_of", include_str!("../../queries/jobs/init/log_failed_of.sql"))
        .later(),
];
/// The indexes by which the history is read.
const HISTORY: [&str; 7] = [
    "pgkit_run_logged",
    "pgkit_run_failed",
    "pgkit_run_failed_of",
    "pgkit_log_time",
    "pgkit_log_time_of",
    "pgkit_log_failed",
    "pgkit_log_failed_of",
];
const GRANTS: &str = include_str!("../../queries/jobs/init/grants.sql");
const ONGOING: &str = include_str!("../../queries/jobs/init/ongoing.sql");

/// Which tables to use, and who may own them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Where<'a> {
    /// Their schema, if the user has named it.
    pub schema: Option<&'a str>,
    /// The role that the jobs file names as their owner.
    pub owner: Option<&'a str>,
}

/// Returns the names of all tables, those of crontabber and those of pgkit.
pub fn names() -> impl Iterator<Item = &'static str> {
    MADE.iter().filter(|piece| piece.on.is_none()).map(|piece| piece.name)
}

/// A table or an index that has the name of one that `jobs init` creates.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    schema: String,
    name: String,
    kind: String,
    oid: i64,
    /// Its part of [`Snapshot::shape`](store::Snapshot).
    shape: String,
    columns: Vec<String>,
    /// The reasons why it must not be used, the most serious first.
    #[serde(default)]
    faults: Vec<String>,
    /// Whether it is certain without a closer look that there are none.
    #[serde(default)]
    plain: bool,
}

/// The tables and indexes that have the names of those that `jobs init` creates: in this schema, or in every schema
/// that has a table crontabber.
async fn parts(session: &impl Queryable, schema: Option<&str>, owner: Option<&str>) -> Result<Vec<Part>> {
    let text = |text: Option<&str>| text.map_or(Value::Null(Type::TEXT), |text| Value::Text(text.to_owned()));
    // Indexes that were added later are checked together with their tables.
    let pieces = MADE.iter().filter(|piece| !piece.later || piece.on.is_none());
    let made = Value::TextList(pieces.map(|piece| Some(piece.name.to_owned())).collect());
    let params = [made, text(schema), text(owner)];
    let parts: Vec<Part> = session.ask(PLAIN, &params).await?;
    if parts.iter().all(|part| part.plain) { Ok(parts) } else { session.ask(PARTS, &params).await }
}

/// Finds the tables and checks them. Their schema is the one that is named, or else the only one that has such
/// tables.
///
/// Errors: there is no such schema, there are several, or its tables have other columns or must not be used (65).
pub async fn place(session: &impl Queryable, wanted: Where<'_>) -> Result<Place> {
    let found = parts(session, wanted.schema, wanted.owner).await?;
    let chosen = match (schema_of(&found, wanted)?, wanted.schema) {
        (Some(chosen), _) => chosen,
        (None, Some(name)) => {
            return Err(Error::data(format!("could not find table crontabber in schema {name:?}")));
        }
        (None, None) => {
            let message = format!("could not find table crontabber in database {:?}", session.database());
            return Err(Error::data(message).hint("create it with pgkit jobs init"));
        }
    };
    let parts: Vec<&Part> = found.iter().filter(|part| part.schema == chosen).collect();
    check(&parts, false)?;
    let has_pgkit = parts.iter().any(|part| part.name.starts_with("pgkit"));
    let required = MADE.iter().filter(|piece| !piece.later).map(|piece| piece.name);
    let missing: Vec<&str> = required.filter(|name| !parts.iter().any(|p| p.name == *name)).collect();
    if has_pgkit && !missing.is_empty() {
        // Jobs would not run on incomplete tables, and a command that only reads must not report that all is well.
        let message = format!("missing in schema {chosen:?}: {}", missing.join(", "));
        return Err(Error::data(message).hint("create what is missing with pgkit jobs init"));
    }
    let mut tables: Vec<&Part> = parts.iter().copied().filter(|part| part.kind == "r").collect();
    tables.sort_by_key(|part| part.oid);
    let shape = tables.iter().map(|part| part.shape.as_str()).collect::<Vec<_>>().join(" ");
    let later =
        tables.iter().filter_map(|part| MADE.iter().find(|piece| piece.name == part.name && piece.later));
    let later = later.map(|piece| piece.name).collect();
    Ok(Place { schema: chosen, has_pgkit, later, shape })
}

/// The only schema with a table crontabber; `None` if there is none. Errors: there are several, and none is named
/// (65). Any role that may create a table somewhere could have created one of them, so pgkit does not choose.
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
        return Err(Error::data("several schemas have a table named crontabber")
            .caused_by(format!("they are: {told}"))
            .hint("choose one with --schema"));
    }
    Ok(first)
}

/// Checks that these are what `jobs init` creates, and that no other role can make code of its own run when they are
/// used. With `completes`, what is missing will be created afterwards.
///
/// Errors: one of them must not be used (65).
fn check(parts: &[&Part], completes: bool) -> Result<()> {
    for part in parts {
        let table = format!("{}.{}", part.schema, part.name);
        let index = MADE.iter().any(|piece| piece.name == part.name && piece.on.is_some());
        let is_right = if index { matches!(part.kind.as_str(), "i" | "I") } else { part.kind == "r" };
        if !is_right {
            let should = if index { "an index" } else { "a table" };
            return Err(Error::data(format!("{table} already exists, but is not {should}"))
                .hint("name another schema with --schema"));
        }
        if let Some(why) = part.faults.first() {
            let mut error = Error::data(format!("cannot use {table}: {why}"));
            for more in &part.faults[1..] {
                error = error.caused_by(more);
            }
            if part.faults.iter().any(|why| why.contains(" has the privilege ")) {
                error = error.hint(format!(
                    "a role with TRIGGER can add code that runs as you: REVOKE TRIGGER, REFERENCES ON {}.{} FROM …",
                    sql::quote_ident(&part.schema),
                    sql::quote_ident(&part.name)
                ));
            }
            return Err(error.hint(
                "triggers, defaults and indexes run as the role that uses the tables. The tables, and all that they use, must \
                 belong to the role that connects, to a superuser, or to the owner that the jobs file names (owner = \"…\")",
            ));
        }
    }
    for part in parts.iter().filter(|part| part.kind == "r") {
        let mut columns = part.columns.clone();
        if completes && part.name == "crontabber" && !has(&columns, "ongoing") {
            // `jobs init` adds this column.
            columns.push("ongoing timestamp with time zone".to_owned());
        }
        check_columns(&part.schema, &part.name, &columns)?;
    }
    Ok(())
}

/// The columns that a CREATE TABLE statement of pgkit's defines, each with its type; `None` for SERIAL, because any
/// integer type will do there.
fn columns_of(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    const AFTER_TYPE: [&str; 5] = [" NOT NULL", " DEFAULT", " PRIMARY KEY", " GENERATED", ","];
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    lines.filter(|line| !line.starts_with("PRIMARY KEY")).map(|line| {
        let end = AFTER_TYPE.iter().filter_map(|word| line.find(word)).min().unwrap_or(line.len());
        let (name, kind) = line[..end].split_once(' ').unwrap_or((&line[..end], ""));
        (name, Some(kind).filter(|kind| *kind != "SERIAL"))
    })
}

/// Checks that a table has the columns that pgkit's statements use. It may have more.
///
/// Errors: it does not (65), with what was found.
fn check_columns(schema: &str, table: &str, found: &[String]) -> Result<()> {
    let text = MADE.iter().find(|piece| piece.name == table).map_or("", |piece| piece.text);
    let found: BTreeMap<&str, &str> = found.iter().filter_map(|column| column.split_once(' ')).collect();
    for (name, kind) in columns_of(text) {
        let what = match (found.get(name), kind) {
            (None, _) => format!("missing column {name}"),
            (Some(found), Some(kind)) if *found != kind => {
                format!("column {name} has type {found}, not {kind}")
            }
            _ => continue,
        };
        let whose = if table.starts_with("pgkit") { "pgkit" } else { "crontabber" };
        let error = Error::data(format!("{schema}.{table} is not {whose}'s table: {what}"));
        return Err(match (table, name) {
            ("crontabber", "ongoing") => error.hint(
                "pgkit jobs init adds the column ongoing to a table from before crontabber 0.18; or name another schema with --schema",
            ),
            _ => error.hint("name another schema with --schema"),
        });
    }
    Ok(())
}

fn has(columns: &[String], name: &str) -> bool {
    columns.iter().any(|c| c.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))
}

/// What `init` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub schema: String,
    /// What was missing and has been created.
    pub made: Vec<String>,
    /// What is missing or cannot be used; [`upgrade`] creates it.
    pub later: Vec<String>,
    /// Unique indexes on crontabber's table that should not exist.
    pub others: Vec<String>,
}

/// Creates the missing tables and their indexes, all or nothing. Several processes can safely do so at the same
/// time. An index that was added later to a table that already exists is left to [`upgrade`].
///
/// Errors: there is no schema for them, or what is there is something else or belongs to somebody else (65), the role
/// may not create them (77).
pub async fn init(writer: &Writer, wanted: Where<'_>) -> Result<Made> {
    refuse_standby(writer)?;
    let schema = match wanted.schema {
        Some(name) => name.to_owned(),
        None => match schema_of(&parts(writer, None, wanted.owner).await?, wanted)? {
            Some(found) => found,
            None => writer.creation_schema().await?.ok_or_else(|| {
                Error::data("the role's search_path has no schema in which the tables could be created")
                    .hint("name one with --schema")
            })?,
        },
    };
    let made = make_all(writer, &schema, wanted.owner).await?;
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Index {
        name: String,
    }
    let others: Vec<Index> = writer.structs(UNIQUE, &[Value::Text(schema.clone())]).await?;
    let others = others.into_iter().map(|index| index.name).collect();
    let usable = usable(writer, &schema).await?;
    let later = MADE.iter().filter(|piece| piece.later && !usable.contains(piece.name));
    let later = later.map(|piece| piece.name.to_owned()).collect();
    Ok(Made { schema, made, later, others })
}

/// Creates what is missing in one transaction, and returns its names.
async fn make_all(writer: &Writer, schema: &str, owner: Option<&str>) -> Result<Vec<String>> {
    writer.run("BEGIN").await?;
    match make(writer, schema, owner).await {
        Ok(made) => {
            writer.run("COMMIT").await?;
            Ok(made)
        }
        Err(error) => {
            // Report the original error, whatever becomes of the ROLLBACK.
            let _ = writer.run("ROLLBACK").await;
            Err(match error.sqlstate.as_deref() {
                Some("3F000") => {
                    error.hint("create it with CREATE SCHEMA, or name another one with --schema")
                }
                Some("42501") => {
                    let (schema, user) = (sql::quote_ident(schema), sql::quote_ident(writer.user()));
                    error
                        .hint(format!("GRANT CREATE, USAGE ON SCHEMA {schema} TO {user}"))
                        .hint("if the tables belong to another role, connect as that role")
                }
                _ => error,
            })
        }
    }
}

async fn make(writer: &Writer, schema: &str, owner: Option<&str>) -> Result<Vec<String>> {
    writer.affect(LOCK, &[Value::Int8(lock_key(schema, "\u{0}init"))]).await?;
    let parts = parts(writer, Some(schema), owner).await?;
    check(&parts.iter().collect::<Vec<_>>(), true)?;
    let mut made: Vec<String> = Vec::new();
    for piece in MADE {
        let part = parts.iter().find(|part| part.name == piece.name);
        match part {
            // The table may be large and in use, so the index is left to `jobs upgrade`.
            None if piece.later && piece.on.is_some_and(|on| !made.iter().any(|made| made == on)) => {}
            None => {
                writer.run(&in_schema(piece.text, schema)).await?;
                made.push(piece.name.to_owned());
                if piece.later && piece.on.is_none() {
                    grant(writer, schema, piece.name).await?;
                }
                if piece.name == runners::TABLE {
                    runners::expect(writer, schema).await?;
                }
                if piece.name == requests::TABLE {
                    requests::create_function(writer, schema).await?;
                }
            }
            Some(part) if piece.name == "crontabber" && !has(&part.columns, "ongoing") => {
                writer.run(&in_schema(ONGOING, schema)).await?;
                made.push("crontabber.ongoing".to_owned());
            }
            Some(_) => {}
        }
    }
    // Check again: the schema of the new tables may belong to another role.
    let all = self::parts(writer, Some(schema), owner).await?;
    check(&all.iter().collect::<Vec<_>>(), false)?;
    let server = store::server(writer).await?;
    let params = [Value::Int8(VERSION), Value::Text(server.system_identifier), Value::Text(server.timeline)];
    writer.affect(&in_schema(META_FIRST, schema), &params).await?;
    Ok(made)
}

/// Gives other roles the same rights on a new table that they have on pgkit's older ones.
async fn grant(writer: &Writer, schema: &str, table: &str) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Grant {
        statement: String,
    }
    let params = [Value::Text(table.to_owned()), Value::Text(schema.to_owned())];
    let grants: Vec<Grant> = writer.structs(GRANTS, &params).await?;
    for grant in grants {
        writer.run(&grant.statement).await?;
    }
    Ok(())
}

/// What [`upgrade`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Another process upgrades the same tables; this one waits.
    Waits,
    /// These tables were created.
    Made(&'a [String]),
    /// An index that was left incomplete by an earlier upgrade is being removed.
    Drops(&'a str),
    /// An index is being built, while the tables are in use.
    Builds(&'a str),
    /// It has been built.
    Built(&'a str),
}

/// How often a process looks whether another one has ended its upgrade.
const TURN: Duration = Duration::from_millis(100);

/// Creates what was added to the tables in later versions of pgkit. Jobs can run meanwhile, because indexes are built
/// concurrently. An upgrade that was interrupted can be repeated, and several can run at once. Returns the tables'
/// schema.
///
/// Errors: those of [`place`]; something else already has the name of an index (65); a lock is not free within `patience`,
/// where `None` is no limit (75); the role does not own the tables (77).
pub async fn upgrade(
    writer: &Writer,
    wanted: Where<'_>,
    patience: Option<Duration>,
    tell: &mut dyn FnMut(Step<'_>),
) -> Result<String> {
    refuse_standby(writer)?;
    let Place { schema, .. } = open(writer, wanted).await?;
    let key = Value::Int8(lock_key(&schema, "\u{0}upgrade"));
    let mut has_waited = false;
    // A statement that waited for the lock would hold a snapshot, and building an index waits for all older snapshots.
    while !writer.one::<Taken>(TRY_LOCK, std::slice::from_ref(&key)).await?.taken {
        if !std::mem::replace(&mut has_waited, true) {
            tell(Step::Waits);
        }
        tokio::time::sleep(TURN).await;
    }
    let made = make_all(writer, &schema, wanted.owner).await?;
    if !made.is_empty() {
        tell(Step::Made(&made));
    }
    let found = later(writer, &schema).await?;
    for piece in MADE.iter().filter(|piece| piece.later) {
        let Some(on) = piece.on else { continue };
        let relation = found.iter().find(|one| one.name == piece.name);
        let name = format!("{}.{}", sql::quote_ident(&schema), sql::quote_ident(piece.name));
        match relation {
            Some(one) if one.table.as_deref() != Some(on) => {
                return Err(Error::data(format!(
                    "{schema}.{} already exists, but is not an index of table {on}",
                    piece.name
                ))
                .hint("rename it, and upgrade again"));
            }
            Some(one) if one.usable => continue,
            Some(_) => {
                free(writer, &schema, patience).await?;
                tell(Step::Drops(piece.name));
                build(writer, &format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await?;
            }
            None => {}
        }
        free(writer, &schema, patience).await?;
        tell(Step::Builds(piece.name));
        let text = in_schema(piece.text, &schema).replacen("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1);
        if let Err(error) = build(writer, &text).await {
            // The incomplete index would be of no use, but would slow down every write.
            let _ = build(writer, &format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await;
            return Err(error);
        }
        tell(Step::Built(piece.name));
    }
    Ok(schema)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    taken: bool,
}

/// Takes the lock that building an index takes, and releases it at once. If it is not free, the index is not begun,
/// because a session that waits for this lock makes others wait.
///
/// Errors: it is not free within `patience` (75).
async fn free(writer: &Writer, schema: &str, patience: Option<Duration>) -> Result<()> {
    let ms = patience.map_or(0, |patience| patience.as_millis());
    let text =
        format!("BEGIN; SET LOCAL lock_timeout = '{ms}ms'; {}; COMMIT", in_schema(FREE, schema).trim_end());
    let tried = writer.run(&text).await;
    if tried.is_err() {
        let _ = writer.run("ROLLBACK").await;
    }
    tried.map_err(explain_upgrade)
}

/// Builds or removes an index concurrently, without a time limit: it waits until all older transactions have ended, but
/// blocks neither reads nor writes.
async fn build(writer: &Writer, text: &str) -> Result<()> {
    writer.run("SET statement_timeout = 0").await?;
    writer.run("SET lock_timeout = 0").await?;
    writer.run(text).await.map_err(explain_upgrade)
}

fn explain_upgrade(error: Error) -> Error {
    match error.sqlstate.as_deref() {
        Some("55P03") => Error::new(Exit::TryAgain, "could not lock crontabber_log and pgkit_run")
            .with_sqlstate("55P03")
            .caused_by(error.message)
            .hint("another session vacuums, analyzes or alters the tables: try again, or wait longer with --lock-timeout"),
        Some("42501") => error.hint("only the owner of the tables can upgrade them"),
        _ => error,
    }
}

/// A relation that has the name of something that was added later.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Later {
    name: String,
    /// The table that it is an index of.
    table: Option<String>,
    /// Whether it is complete; an upgrade that was interrupted leaves an index that is not.
    usable: bool,
}

async fn later(session: &impl Queryable, schema: &str) -> Result<Vec<Later>> {
    let names = MADE.iter().filter(|piece| piece.later).map(|piece| Some(piece.name.to_owned()));
    session.ask(LATER, &[Value::TextList(names.collect()), Value::Text(schema.to_owned())]).await
}

/// Returns the names of what was added later and can be used.
async fn usable(session: &impl Queryable, schema: &str) -> Result<BTreeSet<String>> {
    let is_ours = |one: &Later| {
        let piece = MADE.iter().find(|piece| piece.name == one.name);
        one.usable && piece.is_some_and(|piece| piece.on == one.table.as_deref())
    };
    Ok(later(session, schema).await?.into_iter().filter(is_ours).map(|one| one.name).collect())
}

/// Returns whether the tables have the indexes that make it fast to read the history.
pub async fn has_history_indexes(session: &impl Queryable, schema: &str) -> Result<bool> {
    let usable = usable(session, schema).await?;
    Ok(HISTORY.iter().all(|name| usable.contains(*name)))
}

fn refuse_standby(writer: &Writer) -> Result<()> {
    if writer.is_standby() {
        return Err(Error::new(Exit::Unavailable, "cannot write on a standby")
            .hint("connect to its primary; target_session_attrs=read-write finds it among several hosts"));
    }
    Ok(())
}

/// Finds and checks the tables, for a session that writes to them.
///
/// Errors: they are missing, incomplete, unsafe to use, or of a newer version of pgkit (65), the server is a standby
/// (69).
pub async fn open(writer: &Writer, wanted: Where<'_>) -> Result<Place> {
    Ok(open_identified(writer, wanted).await?.0)
}

/// Works like [`open`]. Also returns a text that no other tables on any server have: the cluster's system identifier, the database
/// and the schema.
pub async fn open_identified(writer: &Writer, wanted: Where<'_>) -> Result<(Place, String)> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Meta {
        version: i64,
        system_identifier: String,
        database: String,
        has_moved: bool,
    }
    refuse_standby(writer)?;
    let init = |e: Error| e.hint("create what is missing with pgkit jobs init");
    let place = place(writer, wanted).await?;
    if !place.has_pgkit {
        let message = format!("schema {:?} has crontabber's table, but not those of pgkit", place.schema);
        return Err(init(Error::data(message)));
    }
    let meta: Vec<Meta> = writer.structs(&in_schema(META, &place.schema), &[]).await?;
    let Some(meta) = meta.into_iter().next() else {
        return Err(init(Error::data(format!("{}.pgkit_meta is empty", place.schema))));
    };
    if meta.version > VERSION {
        return Err(Error::data(format!(
            "the tables in schema {:?} have version {}, but this pgkit knows only {VERSION}",
            place.schema, meta.version
        ))
        .hint("use a newer pgkit"));
    }
    if meta.has_moved {
        writer.affect(&in_schema(META_CHANGED, &place.schema), &[]).await?;
    }
    let identity = format!("{}/{}/{}", meta.system_identifier, meta.database, place.schema);
    Ok((place, identity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_table_are_those_of_the_statement_that_makes_it() {
        let of = |table: &str| {
            let text = MADE.iter().find(|piece| piece.name == table).unwrap().text;
            columns_of(text).map(|(name, kind)| format!("{name} {}", kind.unwrap_or("-"))).collect::<Vec<_>>()
        };
        assert_eq!(
            of("crontabber_log")[..4],
            ["id -", "app_name text", "log_time timestamp with time zone", "duration interval"]
        );
        assert_eq!(of("crontabber").len(), 9);
        assert!(of("pgkit_run").contains(&"id bigint".to_owned()));
        assert!(of("pgkit_meta").contains(&"only_row boolean".to_owned()));
        assert_eq!(of("pgkit_alarm").len(), 5);
        assert!(of("pgkit_run_succeeded").is_empty());
    }
}

//! The tables that hold the state of jobs: finding them, checking that they are safe to use, and creating them.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio_postgres::types::Type;

use super::store::{self, Place, Queryable, in_schema, lock_key};
use crate::error::{Error, Exit, Result};
use crate::session::{Value, Writer};
use crate::sql;

/// The version of pgkit's own tables.
const VERSION: i64 = 1;

const PARTS: &str = include_str!("../../queries/jobs/tables.sql");
const META: &str = include_str!("../../queries/jobs/meta.sql");
const META_FIRST: &str = include_str!("../../queries/jobs/meta_first.sql");
const META_CHANGED: &str = include_str!("../../queries/jobs/meta_changed.sql");
const LOCK: &str = include_str!("../../queries/jobs/init/lock.sql");
const UNIQUE: &str = include_str!("../../queries/jobs/unique.sql");

/// What `jobs init` creates if it is missing, in this order.
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

/// Which tables to use, and who may own them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Where<'a> {
    /// Their schema, if the user has named it.
    pub schema: Option<&'a str>,
    /// The role that the jobs file names as their owner.
    pub owner: Option<&'a str>,
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
    faults: Vec<String>,
}

/// The tables and indexes that have the names of those that `jobs init` creates: in this schema, or in every schema
/// that has a table crontabber.
async fn parts(session: &impl Queryable, schema: Option<&str>, owner: Option<&str>) -> Result<Vec<Part>> {
    let text = |text: Option<&str>| text.map_or(Value::Null(Type::TEXT), |text| Value::Text(text.to_owned()));
    let made = Value::TextList(MADE.iter().map(|(name, _)| Some((*name).to_owned())).collect());
    session.ask(PARTS, &[made, text(schema), text(owner)]).await
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
    let missing: Vec<&str> =
        MADE.iter().map(|(name, _)| *name).filter(|name| !parts.iter().any(|p| p.name == *name)).collect();
    if has_pgkit && !missing.is_empty() {
        // Jobs would not run on incomplete tables, and a command that only reads must not report that all is well.
        let message = format!("missing in schema {chosen:?}: {}", missing.join(", "));
        return Err(Error::data(message).hint("create what is missing with pgkit jobs init"));
    }
    let mut tables: Vec<&Part> = parts.iter().copied().filter(|part| part.kind == "r").collect();
    tables.sort_by_key(|part| part.oid);
    let shape = tables.iter().map(|part| part.shape.as_str()).collect::<Vec<_>>().join(" ");
    Ok(Place { schema: chosen, has_pgkit, shape })
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
        let index = matches!(
            part.name.as_str(),
            "crontabber_unique_app_name_idx" | "pgkit_run_succeeded" | "pgkit_run_attempts"
        );
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
    text.lines().filter_map(|line| line.strip_prefix("    ")).map(|line| {
        let end = AFTER_TYPE.iter().filter_map(|word| line.find(word)).min().unwrap_or(line.len());
        let (name, kind) = line[..end].split_once(' ').unwrap_or((&line[..end], ""));
        (name, Some(kind).filter(|kind| *kind != "SERIAL"))
    })
}

/// Checks that a table has the columns that pgkit's statements use. It may have more.
///
/// Errors: it does not (65), with what was found.
fn check_columns(schema: &str, table: &str, found: &[String]) -> Result<()> {
    let text = MADE.iter().find(|(name, _)| *name == table).map_or("", |(_, text)| text);
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
    /// Unique indexes on crontabber's table that should not exist.
    pub others: Vec<String>,
}

/// Creates the missing tables and indexes, all or nothing. Several processes can safely do so at the same time.
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
            // Report the original error, whatever becomes of the ROLLBACK.
            let _ = writer.run("ROLLBACK").await;
            Err(match error.sqlstate.as_deref() {
                Some("3F000") => {
                    error.hint("create it with CREATE SCHEMA, or name another one with --schema")
                }
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
    // Check again: the schema of the new tables may belong to another role.
    let all = self::parts(writer, Some(schema), owner).await?;
    check(&all.iter().collect::<Vec<_>>(), false)?;
    let server = store::server(writer).await?;
    let params = [Value::Int8(VERSION), Value::Text(server.system_identifier), Value::Text(server.timeline)];
    writer.affect(&in_schema(META_FIRST, schema), &params).await?;
    Ok(made)
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
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Meta {
        version: i64,
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
    writer.affect(&in_schema(META_CHANGED, &place.schema), &[]).await?;
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! Every command in databases that have implicit casts, or objects with the names of system objects: not as an
//! attack, as in `plants`, but because an old application needs them.

use std::collections::BTreeMap;

use super::commands::{Line, command, folder, lines};
use crate::support::filled;
use crate::support::*;

/// Types between which migration scripts, from other systems or from PostgreSQL 8.2, create casts.
const TYPES: &str = "ARRAY['text', 'varchar', 'bpchar', 'name', '\"char\"', 'int2', 'int4', 'int8', 'oid', 'xid', 'regclass', 'regproc', 'regtype', \
     'numeric', 'float4', 'float8', 'bool', 'date', 'timestamp', 'timestamptz', 'interval', 'inet', 'json', 'jsonb', 'text[]', 'name[]', 'int2[]', 'oid[]']";

/// What a superuser may have created in a database: a label and the SQL.
fn grounds() -> Vec<(&'static str, String)> {
    let casts = |pairs: &str| {
        format!(
            "DO $do$
             DECLARE o record; made int4 := 0;
             BEGIN
                 FOR o IN {pairs} LOOP
                     BEGIN
                         EXECUTE 'CREATE CAST (' || o.s || ' AS ' || o.t || ') WITH INOUT AS IMPLICIT';
                         made := made + 1;
                     EXCEPTION WHEN OTHERS THEN NULL;
                     END;
                 END LOOP;
                 IF made < 50 THEN RAISE 'only % casts', made; END IF;
             END $do$"
        )
    };
    let to_text = casts(
        "SELECT format_type(oid, NULL)::text AS s, 'text'::text AS t FROM pg_type
         WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typname !~ '^pg_'",
    );
    let between = casts(&format!("SELECT s, t FROM unnest({TYPES}) s, unnest({TYPES}) t WHERE s <> t"));
    let names = "
        CREATE FUNCTION public.lies(anyelement, anyelement) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''somebody''''s operator ran''; END';
        CREATE FUNCTION public.lies(text[], text) RETURNS text[] LANGUAGE plpgsql AS 'BEGIN RAISE ''somebody''''s aggregate ran''; END';
        CREATE FUNCTION public.lies(int8, anyelement) RETURNS int8 LANGUAGE plpgsql AS 'BEGIN RAISE ''somebody''''s aggregate ran''; END';
        DO $do$
        DECLARE s text;
        BEGIN
            FOREACH s IN ARRAY ARRAY['public', 'pg_catalog_x', 'pg_catalog'] LOOP
                EXECUTE 'CREATE SCHEMA IF NOT EXISTS ' || s;
                EXECUTE 'CREATE OPERATOR ' || s || '.|| (LEFTARG = anyelement, RIGHTARG = anyelement, PROCEDURE = public.lies)';
                EXECUTE 'CREATE AGGREGATE ' || s || '.array_agg(text) (SFUNC = public.lies, STYPE = text[])';
                EXECUTE 'CREATE AGGREGATE ' || s || '.count(int4) (SFUNC = public.lies, STYPE = int8)';
                IF s <> 'pg_catalog' THEN
                    EXECUTE 'CREATE AGGREGATE ' || s || '.count(anyelement) (SFUNC = public.lies, STYPE = int8)';
                END IF;
            END LOOP;
            EXECUTE pg_catalog.format('ALTER DATABASE %I SET search_path = pg_catalog_x, public, pg_catalog', pg_catalog.current_database());
        END $do$"
        .to_owned();
    vec![("casts", format!("{to_text}; {between}")), ("names of the catalog", names)]
}

/// The output of the reports, which must be the same as before.
fn answers(db: &Db) -> BTreeMap<&'static str, String> {
    let answer = |args: &&'static str| {
        let words: Vec<&str> = args.split(' ').collect();
        let output = run(pgkit(db).args(words));
        assert_eq!(output.code, Some(0), "{args}: {}", output.snapshot());
        (*args, output.stdout)
    };
    [
        "relations things.*",
        "functions things.*",
        "find mood",
        "sizes things.* --columns schema,name,kind,main_bytes",
    ]
    .iter()
    .map(answer)
    .collect()
}

#[test]
fn every_command_does_its_work_whatever_casts_and_names_a_database_has() {
    let mut failed = Vec::new();
    for bin in bins() {
        for (what, sql) in grounds() {
            let server = own_server(&options(bin).conf("allow_system_table_mods", "on"));
            let db = Db::existing(server.info(), "postgres");
            filled::fill(&db, bin.major, 100);
            db.sql("CREATE SCHEMA ops");
            let before = answers(&db);
            db.sql(&sql);
            let what = format!("{what} on {}", bin.major);
            for (args, answer) in answers(&db) {
                assert_eq!(answer, before[args], "{args}, {what}");
            }
            let folder = folder();
            let upgrade = Line { args: &["upgrade-check", "--to", "19", "-q"], codes: &[0, 1] };
            for line in lines().iter().chain([&upgrade]) {
                let output = run(&mut command(&db, folder.path(), line));
                if !output.code.is_some_and(|code| line.codes.contains(&code)) {
                    failed.push(format!("{what}: {:?}: {}", line.args, output.snapshot()));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Collects all files below a folder.
fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { files(&entry, found) } else { found.push(entry) }
    }
}

/// The names and types of a statement's columns, or the SQLSTATE if the server rejects it, for example because it is for
/// another version or because the file holds several statements.
fn described(session: &Session, sql: &str) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let prepared = runtime.block_on(session.client.prepare(sql));
    let prepared = prepared.map_err(|e| {
        e.as_db_error().map_or(e.to_string(), |e| format!("{} {}", e.code().code(), e.message()))
    })?;
    Ok(prepared.columns().iter().map(|column| format!("{} {}", column.name(), column.type_())).collect())
}

#[test]
fn every_statement_of_pgkit_means_the_same_whatever_casts_and_names_a_database_has() {
    let mut engines = Vec::new();
    files(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &mut engines);
    engines.retain(|file| {
        !["reports", "doctor", "parts"].iter().any(|folder| file.iter().any(|part| part == *folder))
    });
    let reports = all_reports();
    for bin in bins() {
        let of_engines =
            engines.iter().map(|file| (file.display().to_string(), jobs::statement(file, "ops")));
        // Reports as they are sent: with what they include, and the lines for this version.
        let texts = reports.iter().flat_map(|report| &report.texts).filter(|text| text.since <= bin.major);
        let of_reports = texts.map(|text| (text.file.clone(), text.for_server(bin.major).sql));
        let all: Vec<(String, String)> = of_engines.chain(of_reports).collect();
        let server = own_server(&options(bin).conf("allow_system_table_mods", "on"));
        for (i, (what, sql)) in grounds().into_iter().enumerate() {
            let name = format!("ground{i}");
            Db::existing(server.info(), "postgres").sql(&format!("CREATE DATABASE {name}"));
            let db = Db::existing(server.info(), &name);
            db.sql("CREATE SCHEMA ops");
            let made = run(pgkit(&db).args(["jobs", "init", "--schema", "ops"]));
            assert_eq!(made.code, Some(0), "{}", made.snapshot());
            let session = db.session();
            let path = "SET search_path = pg_catalog, pg_temp";
            session.sql(path);
            let before: Vec<_> = all.iter().map(|(_, sql)| described(&session, sql)).collect();
            let understood = before.iter().filter(|one| one.is_ok()).count();
            assert!(understood * 2 > all.len(), "only {understood} of {} on {}", all.len(), bin.major);
            drop(session);
            db.sql(&sql);
            let session = db.session();
            session.sql(path);
            let mut others = Vec::new();
            for ((file, sql), before) in all.iter().zip(before) {
                let after = described(&session, sql);
                if after != before {
                    others.push(format!("{file}: {before:?}, then {after:?}"));
                }
            }
            assert!(others.is_empty(), "with {what} on {}:\n{}", bin.major, others.join("\n"));
        }
    }
}

-- Functions, procedures, aggregates, window and trigger functions, one a line.
--
-- since   = 11
-- needs   = "CONNECT on the database"
-- source  = '''psql \df'''
-- example = "pgkit functions | grep crap"
-- columns = ["schema text", "name text", "arguments text", "result text", "kind text", "language text"]
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- complete   = "functions"
-- help       = "Functions to show, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name    = "kind"
-- type    = "text[]"
-- metavar = "KIND"
-- one_of  = ["function", "procedure", "aggregate", "window", "trigger"]
-- help    = "Only functions of this kind"
-- [[param]]
-- name = "visible"
-- type = "bool"
-- help = "Only what the search path shows, as psql's \\df"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "The system's own functions too"
WITH patterns (schema_regex, name_regex) AS (
    -- With the role's own search path, every operator and type is named in full: another's would run as that role.
    SELECT p.schema_regex, p.name_regex FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS p (schema_regex, name_regex)
), found AS (
    SELECT n.nspname, p.proname, p.oid, l.lanname,
           CASE
               WHEN p.prokind OPERATOR(pg_catalog.=) 'a' THEN 'aggregate'
               WHEN p.prokind OPERATOR(pg_catalog.=) 'w' THEN 'window'
               WHEN p.prokind OPERATOR(pg_catalog.=) 'p' THEN 'procedure'
               WHEN p.prorettype OPERATOR(pg_catalog.=) 'pg_catalog.trigger'::pg_catalog.regtype THEN 'trigger'
               ELSE 'function'
           END AS kind
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
    WHERE CASE
            -- A pattern with a schema means that schema, in the search path or not, the system's too.
            WHEN $2 IS NOT NULL AND EXISTS (
                SELECT FROM patterns x
                WHERE n.nspname OPERATOR(pg_catalog.~) (x.schema_regex COLLATE pg_catalog."default")
                  AND p.proname OPERATOR(pg_catalog.~) (x.name_regex COLLATE pg_catalog."default")) THEN true
            WHEN $2 IS NOT NULL AND NOT EXISTS (
                SELECT FROM patterns x
                WHERE x.schema_regex IS NULL AND p.proname OPERATOR(pg_catalog.~) (x.name_regex COLLATE pg_catalog."default")) THEN false
            WHEN NOT ($5 OR ($4 AND $2 IS NOT NULL) OR (n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema')) THEN false
            WHEN $4 THEN pg_catalog.pg_function_is_visible(p.oid)
            ELSE true
          END
)
SELECT f.nspname::pg_catalog.text AS schema,
       f.proname::pg_catalog.text AS name,
       pg_catalog.pg_get_function_arguments(f.oid) AS arguments,
       pg_catalog.pg_get_function_result(f.oid) AS result,
       f.kind,
       f.lanname::pg_catalog.text AS language
FROM found f
WHERE $3 IS NULL OR f.kind OPERATOR(pg_catalog.=) ANY ($3)
ORDER BY f.nspname, f.proname, pg_catalog.pg_get_function_arguments(f.oid) COLLATE "C", f.oid

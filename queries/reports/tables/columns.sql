-- Columns of tables, views and composite types, with type, default and comment.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- source  = '''psql \d+'''
-- example = "pgkit columns crashes"
-- reading = "Columns stand in their order in the table. identity says how an identity column takes values of its own, generated is the expression of a generated column."
-- notes   = "storage says how long values are stored: main and extended compress them, external and extended move them to the TOAST table."
-- key     = ["schema", "relation", "column"]
-- columns = ["schema text", "relation text", "column text", "type text", "not_null bool", "default text", "identity text", "generated text", "storage text", "comment text", "collation text", "compression text", "kind text", "position int4", "state text"]
-- wide    = ["position", "kind", "storage", "state", "compression", "collation", "comment"]
-- usual   = { schema = "public", not_null = "false", kind = "table" }
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Tables, views and composite types to show, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include system catalogs and information_schema"
-- include patterns
-- include namespaces
), kinds (relkind, kind) AS (
    VALUES ('r'::pg_catalog."char", 'table'), ('p', 'partitioned table'), ('v', 'view'), ('m', 'materialized view'), ('f', 'foreign table'), ('c', 'composite type')
), relations AS (
    SELECT c.oid, n.nspname, c.relname, k.kind
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    JOIN kinds k ON k.relkind = c.relkind
    WHERE
-- include chosen
), locked (oid) AS (
-- include exclusive
), valued (classid, objid, objsubid) AS (
    -- What uses the row type of a locked table: to write out a value of that type the server reads the table.
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::oid, y.oid, 0
    FROM pg_catalog.pg_type y
    JOIN locked l ON l.oid = y.typrelid
    UNION
    SELECT d.classid, d.objid, d.objsubid
    FROM valued v
    JOIN pg_catalog.pg_depend d ON d.refclassid = v.classid AND d.refobjid = v.objid AND (v.objsubid = 0 OR d.refobjsubid = v.objsubid)
), blocked (oid) AS MATERIALIZED (  -- pg12..
), blocked (oid) AS (  -- pg..11
    SELECT v.objid FROM valued v WHERE v.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    UNION
    -- Its columns are named with their table, so a generated column waits for a lock on that table.
    SELECT f.oid  -- pg12..
    FROM pg_catalog.pg_attrdef f  -- pg12..
    JOIN locked l ON l.oid = f.adrelid  -- pg12..
    JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attgenerated <> ''  -- pg12..
    SELECT NULL  -- pg..11
), written AS MATERIALIZED (  -- pg12..
), written AS (  -- pg..11
    SELECT r.nspname, r.relname, r.kind, a.attname, a.atttypid, a.atttypmod, a.attidentity, a.attstorage, a.attcollation, a.attnum,
           a.attnotnull,  -- pg..17
           -- A constraint that is not validated binds new rows only.
           a.attnotnull AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum AND NOT k.convalidated) AS attnotnull,  -- pg18..
           a.attgenerated,  -- pg12..
           ''::pg_catalog."char" AS attgenerated,  -- pg..11
           a.attcompression,  -- pg14..
           ''::pg_catalog."char" AS attcompression,  -- pg..13
           b.oid IS NOT NULL AS is_locked,
           -- The default of an ordinary column refers to no other column, so it is written out without opening the table.
           CASE
               WHEN f.oid IS NULL OR b.oid IS NOT NULL THEN NULL
               WHEN a.attgenerated <> '' THEN CASE WHEN pg_catalog.has_table_privilege(r.oid, 'SELECT') IS NOT NULL THEN pg_catalog.pg_get_expr(f.adbin, f.adrelid) END  -- pg12..
               ELSE pg_catalog.pg_get_expr(f.adbin, 0)
           END AS expression,
           d.description
    FROM relations r
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    LEFT JOIN blocked b ON b.oid = f.oid
    LEFT JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = a.attrelid AND d.objsubid = a.attnum
)
SELECT w.nspname::text AS schema, w.relname::text AS relation, w.attname::text AS "column",
       pg_catalog.format_type(w.atttypid, w.atttypmod) AS type,
       w.attnotnull AS not_null,
       CASE WHEN w.attgenerated = '' THEN w.expression END AS "default",
       CASE w.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
       CASE WHEN w.attgenerated <> '' THEN coalesce(w.expression || ' ', '') || CASE w.attgenerated WHEN 's' THEN 'stored' ELSE 'virtual' END END AS generated,
       CASE w.attstorage WHEN 'p' THEN 'plain' WHEN 'm' THEN 'main' WHEN 'e' THEN 'external' WHEN 'x' THEN 'extended' END AS storage,
       w.description AS comment,
       CASE WHEN w.attcollation <> t.typcollation THEN CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END || pg_catalog.quote_ident(o.collname) END AS collation,
       CASE w.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
       w.kind,
       w.attnum::int4 AS position,
       CASE WHEN w.is_locked THEN 'locked' ELSE '' END AS state
FROM written w
LEFT JOIN pg_catalog.pg_type t ON t.oid = w.atttypid
LEFT JOIN pg_catalog.pg_collation o ON o.oid = w.attcollation
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace
ORDER BY w.nspname, w.relname, w.attnum

-- Indexes whose order or structure is damaged according to amcheck.
--
-- since     = 10
-- needs     = "EXECUTE on bt_index_check of the extension amcheck, and on gin_index_check from 18 on"
-- extension = "amcheck"
-- lock_timeout = "100ms"
-- retry     = ["55P03"]
-- key       = ["schema", "name"]
-- private   = ["damage"]
-- columns   = ["id int8", "schema text", "name text", "table text", "size_bytes int8", "checked bool", "damage text"]
-- [[check]]
-- name     = "index-damaged"
-- object   = "{schema}.{name}"
-- value    = "size_bytes"
-- critical = "damage <> ''"
-- unseen   = "not checked"
-- unseen_because = "the index {schema}.{name} or its table is locked, so it was not read"
-- finding  = "the index {schema}.{name} of {table} is damaged: {damage}"
-- remedy   = "REINDEX INDEX {schema:ident}.{name:ident}, after checking for duplicates if it is unique"
-- why      = "Queries that use it miss rows or return wrong ones, and a unique index lets duplicates in. The cause is a new version of the system's locale, a disk fault, or a fault in PostgreSQL."
-- source   = "bt_index_check and gin_index_check of the extension amcheck, which stop at the first damage of an index"
-- optional = "deep"
-- [[param]]
-- name = "resume_after"
-- type = "int8"
-- help = "The id of the last row before the damage"
-- [[param]]
-- name = "resume_damage"
-- type = "text"
-- help = "What the server said of the damage"
WITH exclusive (oid) AS (
-- include exclusive
)
-- A damaged index ends the statement. It is run again from there, so the rows must come one by one, in a lasting order.
SELECT c.id, c.schema, c.name, c."table", c.size_bytes,
       CASE
           WHEN c.is_damaged THEN true
           WHEN c.is_locked THEN false
           WHEN c.amname = 'gin' THEN "{extension}".gin_index_check(c.id::oid::regclass)::text IS NOT NULL  -- pg18..
           ELSE "{extension}".bt_index_check(c.id::oid::regclass)::text IS NOT NULL
       END AS checked,
       CASE WHEN c.is_damaged THEN $2 ELSE '' END AS damage
FROM (SELECT c.oid::int8 AS id, n.nspname::text AS schema, c.relname::text AS name, t.relname::text AS "table", m.amname,
             c.relpages::int8 * pg_catalog.current_setting('block_size')::int8 AS size_bytes,
             c.oid IN (SELECT e.oid FROM exclusive e) OR t.oid IN (SELECT e.oid FROM exclusive e) AS is_locked,
             $2 IS NOT NULL AND pg_catalog.row_number() OVER (ORDER BY c.oid) = 1 AS is_damaged
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
      JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_am m ON m.oid = c.relam
       AND m.amname IN ('btree', 'gin')  -- pg18..
       AND m.amname = 'btree'  -- pg..17
      WHERE i.indisvalid AND i.indisready AND i.indislive
        AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
        AND c.oid::int8 > coalesce($1, 0)) AS c
ORDER BY c.id

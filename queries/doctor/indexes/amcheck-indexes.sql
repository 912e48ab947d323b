-- Indexes whose order or structure is damaged according to amcheck.
--
-- since     = 10
-- needs     = "EXECUTE on bt_index_check of the extension amcheck, and on gin_index_check from 18 on"
-- extension = "amcheck"
-- lock_timeout = "100ms"
-- retry     = ["55P03"]
-- key       = ["schema", "name"]
-- columns   = ["schema text", "name text", "table text", "size_bytes int8", "checked bool"]
-- [[check]]
-- name     = "index-damaged"
-- object   = "{schema}.{name}"
-- value    = "size_bytes"
-- critical = "checked and size_bytes < 0"
-- unseen   = "not checked"
-- unseen_because = "the index {schema}.{name} or its table is locked, so it was not read"
-- finding  = "the index {schema}.{name} of {table} is damaged"
-- remedy   = "REINDEX INDEX {schema:ident}.{name:ident}, after checking for duplicates if it is unique"
-- why      = "Queries that use it miss rows or return wrong ones, and a unique index lets duplicates in. The cause is a new version of the system's locale, a disk fault, or a fault in PostgreSQL."
-- source   = "bt_index_check and gin_index_check of the extension amcheck, which fail at the first damage that they find"
-- optional = "deep"
WITH exclusive (oid) AS (
-- include exclusive
), chosen AS (
    SELECT c.oid, c.relname, c.relnamespace, t.relname AS table_name, c.relpages, m.amname,
           c.oid IN (SELECT e.oid FROM exclusive e) OR t.oid IN (SELECT e.oid FROM exclusive e) AS is_locked
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_am m ON m.oid = c.relam
     AND m.amname IN ('btree', 'gin')  -- pg18..
     AND m.amname = 'btree'  -- pg..17
    WHERE i.indisvalid AND i.indisready AND i.indislive
      AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
    -- The largest first, since there may not be enough time for all of them.
    ORDER BY c.relpages DESC, c.oid
), checked AS MATERIALIZED (  -- pg12..
), checked AS (  -- pg..11
    SELECT c.*,
           CASE
               WHEN c.is_locked THEN NULL
               WHEN c.amname = 'gin' THEN "{extension}".gin_index_check(c.oid::regclass)::text  -- pg18..
               ELSE "{extension}".bt_index_check(c.oid::regclass)::text
           END AS result
    FROM chosen c
)
SELECT n.nspname::text AS schema, c.relname::text AS name, c.table_name::text AS "table",
       c.relpages::int8 * pg_catalog.current_setting('block_size')::int8 AS size_bytes, c.result IS NOT NULL AS checked
FROM checked c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.result IS NULL
ORDER BY c.relpages DESC, n.nspname, c.relname

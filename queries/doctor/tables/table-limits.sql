-- Tables near a limit that no setting can raise (pages, columns, values in TOAST), and materialized views without data.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["schema", "name"]
-- columns = ["schema text", "name text", "what text", "pages_pct float8", "size_bytes int8", "columns int4", "toast_values int8", "unpopulated bool"]
-- [[check]]
-- name     = "table-near-32tb"
-- object   = "{schema}.{name}"
-- value    = "pages_pct"
-- critical = "pages_pct >= 85"
-- warning  = "pages_pct >= 60"
-- finding  = "{what} takes {size_bytes}, which is {pages_pct} of the pages that a table can have"
-- remedy   = "partition {schema:ident}.{name:ident}, or rewrite it if pgkit bloat finds free space"
-- why      = "A table has at most 4,294,967,294 pages (32 TB if pages have 8 kB). When they are used up, every INSERT into it fails, and rewriting so much data takes days."
-- source   = "PostgreSQL's manual, appendix Limits; MaxBlockNumber in block.h"
-- ignore   = "A closed archive that nobody writes to."
-- [[check]]
-- name     = "columns-near-limit"
-- object   = "{schema}.{name}"
-- value    = "columns"
-- critical = "columns >= 1500"
-- warning  = "columns >= 1200"
-- finding  = "{schema}.{name} has used {columns} of the 1600 columns that a table can have, dropped ones included"
-- remedy   = "create a new table with the columns that are left, and copy the rows"
-- why      = "The number of a dropped column is never reused. When all are used, ALTER TABLE ... ADD COLUMN always fails."
-- source   = "MaxHeapAttributeNumber in htup_details.h; pg_class.relnatts is what ADD COLUMN counts"
-- [[check]]
-- name     = "toast-values-near-limit"
-- object   = "{schema}.{name}"
-- value    = "toast_values"
-- warning  = "toast_values >= 2000000000"
-- note     = "toast_values >= 1000000000"
-- finding  = "the TOAST table of {schema}.{name} has {toast_values} chunks; it can hold 4,294,967,295 values of one or more chunks"
-- remedy   = "partition {schema:ident}.{name:ident}"
-- why      = "Each value that is stored out of line takes an OID that is unique in its TOAST table. The fewer are left, the longer the server searches for one, and writers hang."
-- source   = "PostgreSQL's wiki, TOAST, Total table size limit; GetNewOidWithIndex in catalog.c"
-- ignore   = "Values of many chunks, each about 2 kB: then there are fewer values than chunks."
-- [[check]]
-- name     = "matview-empty"
-- object   = "{schema}.{name}"
-- only     = "unpopulated"
-- warning  = "unpopulated"
-- finding  = "the materialized view {schema}.{name} is not populated, so every query on it fails"
-- remedy   = "REFRESH MATERIALIZED VIEW {schema:ident}.{name:ident}"
-- why      = "A restore with --no-data, or a REFRESH ... WITH NO DATA, leaves it in this state. Queries fail with \"has not been populated\"."
-- source   = "pg_class.relispopulated"
-- ignore   = "It has just been created WITH NO DATA and is about to be filled."
WITH found AS (
    -- The number of pages is unsigned, but the catalog's column is signed.
    SELECT c.oid, c.relname, c.relnamespace, c.relkind, c.relnatts, c.reltuples, c.relispopulated,
           CASE WHEN c.relkind IN ('r', 'm', 't') THEN CASE WHEN c.relpages < 0 THEN c.relpages::int8 + 4294967296 ELSE c.relpages::int8 END END AS pages
    FROM pg_catalog.pg_class c
    WHERE c.relkind IN ('r', 'p', 'm', 't', 'f')
      AND (c.relnatts >= 1000 OR c.relpages < 0 OR c.relpages > 2000000000 OR (c.relkind = 't' AND c.reltuples > 900000000) OR NOT c.relispopulated)
), judged AS (
    SELECT f.*, coalesce(o.oid, f.oid) AS shown, f.relkind = 't' AS is_toast,
           -- A partition has at least the columns of its root, so the root represents all of them.
           (SELECT pg_catalog.max(p.relnatts) FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class p ON p.oid = h.inhparent AND p.relkind = 'p' WHERE h.inhrelid = f.oid) AS natts_above
    FROM found f
    LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = f.oid AND f.relkind = 't'
)
SELECT n.nspname::text AS schema, c.relname::text AS name,
       pg_catalog.min(CASE WHEN j.is_toast THEN 'the TOAST table of ' ELSE '' END || n.nspname::text || '.' || c.relname::text) FILTER (WHERE coalesce(j.pages, 0) = m.pages) AS what,
       (100.0 * m.pages / 4294967294)::float8 AS pages_pct,
       m.pages * pg_catalog.current_setting('block_size')::int8 AS size_bytes,
       coalesce(pg_catalog.max(CASE WHEN NOT j.is_toast AND (j.natts_above >= 1200) IS NOT true OR j.relnatts > j.natts_above THEN j.relnatts END), 0)::int4 AS columns,
       coalesce(pg_catalog.max(CASE WHEN j.is_toast THEN greatest(j.reltuples, 0) END), 0)::int8 AS toast_values,
       -- A session that is filling it holds this lock.
       pg_catalog.bool_or(j.relkind = 'm' AND NOT j.relispopulated
                          AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l
                                          WHERE l.locktype = 'relation' AND l.relation = j.oid AND l.mode = 'AccessExclusiveLock' AND l.granted
                                            AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))) AS unpopulated
FROM judged j
JOIN pg_catalog.pg_class c ON c.oid = j.shown
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_temp_'
CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.max(x.pages), 0) AS pages FROM judged x WHERE x.shown = j.shown) AS m
GROUP BY n.nspname, c.relname, m.pages
ORDER BY m.pages DESC, n.nspname, c.relname

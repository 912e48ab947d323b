-- Large B-tree indexes with a large share of free space.
--
-- since   = 10
-- needs   = "CONNECT on the database; SELECT on a table shows the statistics that its estimates need"
-- key     = ["schema", "name"]
-- columns = ["schema text", "table text", "name text", "total_bytes int8", "free_bytes int8", "free_pct float8", "fault text", "remedy text"]
-- [[check]]
-- name     = "index-bloat"
-- object   = "{schema}.{name}"
-- value    = "free_bytes"
-- warning  = "free_pct > 50 and total_bytes > 1GB"
-- unseen   = "free_pct is null"
-- unseen_because = "the free space of the index {schema}.{name} ({total_bytes}) cannot be estimated: {fault}"
-- finding  = "about {free_pct} of the index {schema}.{name} on {table} is free: {free_bytes} of {total_bytes}"
-- remedy   = "{remedy}"
-- proof    = "pgkit index-bloat {schema:ident}.{name:ident}"
-- why      = "The free space is read into memory with the rest of the index, and it is reused only for new keys that belong on the same pages."
-- source   = "estimated from pg_class.relpages, reltuples and pg_stats, as pgkit index-bloat does; from 13 on equal keys are stored once, so more may be free there"
-- ignore   = "A queue whose index fills and empties; an index that has since been rebuilt with a low fillfactor."
WITH RECURSIVE sized AS (
    -- Uses the pages and entries of the last VACUUM or ANALYZE: they match each other, and reading them needs no lock.
    SELECT i.indexrelid AS oid, i.indrelid, i.indkey::int2[] AS keys, i.indisunique, true AS is_valid,
           c.relname, n.nspname, c.relpages, c.reltuples, t.relname AS table_name, t.relpages AS table_pages, t.reltuples AS table_rows, t.relrowsecurity,
           coalesce((SELECT pg_catalog.split_part(o.option, '=', 2)::int4 FROM pg_catalog.unnest(c.reloptions) AS o (option) WHERE o.option LIKE 'fillfactor=%'), 90) AS fillfactor,
           NOT EXISTS (SELECT FROM pg_catalog.unnest(c.reloptions) AS o (option) WHERE o.option IN ('deduplicate_items=off', 'deduplicate_items=false')) AS may_deduplicate,  -- pg13..
           false AS may_deduplicate,  -- pg..12
           false AS is_elsewhere, false AS is_locked, b.block, c.relpages::int8 * b.block AS total, t.relpages::int8 AS pages_of_table
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
    JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_toast'
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS block OFFSET 0) AS b
    -- The largest number of pages below 1 GB. An array, since the planner would otherwise expect a third of all indexes to be larger.
    WHERE i.indexrelid = ANY (ARRAY(SELECT x.oid FROM pg_catalog.pg_class x WHERE x.relkind = 'i' AND x.relpages > 1073741824 / pg_catalog.current_setting('block_size')::int4))
      AND i.indisvalid AND i.indisready AND i.indislive AND c.relpersistence <> 't'
      AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
-- include index_bloat_estimate
)
SELECT s.nspname::text AS schema, s.table_name::text AS "table", s.relname::text AS name, s.total AS total_bytes, f.free AS free_bytes,
       pg_catalog.round(100.0 * f.free / nullif(s.total, 0), 1)::float8 AS free_pct, g.fault,
       'REINDEX INDEX CONCURRENTLY ' || pg_catalog.quote_ident(s.nspname) || '.' || pg_catalog.quote_ident(s.relname) AS remedy  -- pg12..
       'REINDEX INDEX ' || pg_catalog.quote_ident(s.nspname) || '.' || pg_catalog.quote_ident(s.relname) || ' at a quiet time, since it blocks writes' AS remedy  -- pg..11
FROM sized s
LEFT JOIN figures g ON g.oid = s.oid
CROSS JOIN LATERAL (
    SELECT CASE WHEN g.pages IS NOT NULL THEN greatest(0, least(s.total, s.total - g.pages * s.block))::int8 END AS free
) AS f
WHERE (f.free IS NULL AND s.oid >= 16384) OR f.free * 2 > s.total
ORDER BY f.free DESC NULLS LAST, s.total DESC, s.nspname, s.relname

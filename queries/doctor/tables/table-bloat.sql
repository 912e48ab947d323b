-- Large tables with a large share of free space.
--
-- since   = 10
-- needs   = "CONNECT on the database; SELECT on a table shows the statistics that its estimate needs"
-- key     = ["schema", "name"]
-- columns = ["schema text", "name text", "total_bytes int8", "free_bytes int8", "free_pct float8", "fault text"]
-- [[check]]
-- name     = "table-bloat"
-- object   = "{schema}.{name}"
-- value    = "free_bytes"
-- critical = "free_pct > 80 and total_bytes > 10GB"
-- warning  = "free_pct > 50 and total_bytes > 1GB"
-- unseen   = "free_pct is null"
-- unseen_because = "the free space of {schema}.{name} ({total_bytes}) cannot be estimated: {fault}"
-- finding  = "about {free_pct} of {schema}.{name} is free: {free_bytes} of {total_bytes}"
-- remedy   = "see pgkit vacuum first, then rewrite it at a quiet time with pg_repack or VACUUM (FULL) {schema:ident}.{name:ident}"
-- proof    = "pgkit bloat {schema:ident}.{name:ident}"
-- why      = "Every scan of the table, every backup and the server's cache include the free pages, and the bloat comes back if VACUUM does not keep up."
-- source   = "estimated from pg_class.relpages, reltuples and pg_stats, as pgkit bloat does; check_postgres warns at 1 GB, temboard at 30 %"
-- ignore   = "A queue that fills and empties, or a table whose rows come back the next night."
WITH RECURSIVE sized AS (
    -- Uses the pages and rows of the last VACUUM or ANALYZE: they match each other, and reading them needs no lock.
    SELECT c.oid, c.relname, n.nspname, c.relkind, c.relpages, c.reltuples, c.relnatts,
           coalesce((SELECT pg_catalog.split_part(o.option, '=', 2)::int4 FROM pg_catalog.unnest(c.reloptions) AS o (option) WHERE o.option LIKE 'fillfactor=%'), 100) AS fillfactor,
           false AS is_elsewhere, false AS is_locked,
           c.relam = 2 AS is_heap,  -- pg12..
           true AS is_heap,  -- pg..11
           c.relrowsecurity, b.block, c.relpages::int8 * b.block AS total, NULL::int8 AS dead
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS block OFFSET 0) AS b
    -- The largest number of pages below 1 GB. An array, since the planner would otherwise expect a third of all tables to be larger.
    WHERE c.oid = ANY (ARRAY(SELECT x.oid FROM pg_catalog.pg_class x WHERE x.relkind IN ('r', 'm') AND x.relpages > 1073741824 / pg_catalog.current_setting('block_size')::int4))
      AND c.relpersistence <> 't'
      AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
      AND c.relam = 2  -- pg12..
-- include bloat_estimate
)
SELECT s.nspname::text AS schema, s.relname::text AS name, s.total AS total_bytes, f.free AS free_bytes,
       pg_catalog.round(100.0 * f.free / nullif(s.total, 0), 1)::float8 AS free_pct, g.fault
FROM sized s
LEFT JOIN figures g ON g.oid = s.oid
CROSS JOIN LATERAL (
    SELECT CASE WHEN g.used IS NOT NULL THEN
               greatest(0, least(s.total, s.total - g.used / (s.block::float8 * s.fillfactor::float8 / 100::float8 - 24::float8) * s.block::float8))::int8 END AS free
) AS f
-- Some columns of system catalogs never have statistics.
WHERE (f.free IS NULL AND s.oid >= 16384) OR f.free * 2 > s.total
ORDER BY f.free DESC NULLS LAST, s.total DESC, s.nspname, s.relname

-- Large tables that are often scanned from beginning to end.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- when    = "pg_catalog.current_setting('track_counts')::bool"
-- key     = ["schema", "name"]
-- columns = ["schema text", "name text", "rows_estimate int8", "size_bytes int8", "seq_scans int8 counter", "index_scans int8 counter", "read_pct float8", "enough_pct float8", "scans_per_hour float8", "stats_age_s float8"]
-- [[check]]
-- name     = "sequential-scans"
-- object   = "{schema}.{name}"
-- value    = "size_bytes"
-- only     = "size_bytes > 100MB and rows_estimate >= 10000 and read_pct >= enough_pct"
-- note     = ["per_hour_seq_scans > 60", "scans_per_hour > 60 and stats_age_s > 1h"]
-- finding  = "{schema}.{name} ({size_bytes}) is scanned from beginning to end more than once a minute"
-- remedy   = "find the statement with pgkit statements, then create an index for what it searches for"
-- proof    = "pgkit index-problems --reason missing {schema:ident}.{name:ident}"
-- why      = "Each scan reads the whole table, although the query may need only a few of its rows."
-- source   = "pg_stat_all_tables.seq_scan, seq_tup_read; ruby-pg-extras, pghero"
-- ignore   = "Reports that need all rows."
WITH since AS (
    -- From 15 on, a database's stats_reset is NULL until somebody resets its statistics: until then, the cluster's applies.
    SELECT extract(epoch FROM pg_catalog.now() - coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), pg_catalog.pg_stat_get_bgwriter_stat_reset_time()))::float8 AS age
    FROM pg_catalog.pg_database d
    WHERE d.datname = pg_catalog.current_database()
), large AS (
    -- With the topmost partitioned table above each, at most four levels up.
    SELECT c.oid, coalesce(h4.inhparent, h3.inhparent, h2.inhparent, h1.inhparent, c.oid) AS root, c.relpages, c.reltuples
    FROM pg_catalog.pg_class c
    LEFT JOIN pg_catalog.pg_inherits h1 ON h1.inhrelid = c.oid AND c.relispartition
    LEFT JOIN pg_catalog.pg_inherits h2 ON h2.inhrelid = h1.inhparent
    LEFT JOIN pg_catalog.pg_inherits h3 ON h3.inhrelid = h2.inhparent
    LEFT JOIN pg_catalog.pg_inherits h4 ON h4.inhrelid = h3.inhparent
    WHERE c.relkind IN ('r', 'm') AND c.relpages > 1000 AND c.oid >= 16384 AND c.relpersistence <> 't'
), counted AS (
    SELECT l.root, l.relpages, greatest(l.reltuples::float8, 0) AS rows, pg_catalog.pg_stat_get_numscans(l.oid) AS scans, pg_catalog.pg_stat_get_tuples_returned(l.oid) AS read,
           coalesce((SELECT pg_catalog.sum(pg_catalog.pg_stat_get_numscans(i.indexrelid)) FROM pg_catalog.pg_index i WHERE i.indrelid = l.oid), 0) AS index_scans
    FROM large l
), summed AS (
    -- A scan of several partitions counts once for each of them.
    SELECT c.root, pg_catalog.max(c.scans) AS scans, pg_catalog.sum(c.read) AS read, pg_catalog.sum(c.index_scans) AS index_scans,
           pg_catalog.sum(c.rows) AS rows, pg_catalog.sum(c.relpages)::int8 * pg_catalog.current_setting('block_size')::int8 AS size,
           100 * pg_catalog.sum(c.read)::float8 / nullif(pg_catalog.sum(c.scans::float8 * c.rows), 0) AS read_pct
    FROM counted c
    GROUP BY c.root
)
SELECT n.nspname::text AS schema, t.relname::text AS name, s.rows::int8 AS rows_estimate, s.size AS size_bytes,
       s.scans::int8 AS seq_scans, s.index_scans::int8 AS index_scans, coalesce(s.read_pct, 0) AS read_pct,
       -- A parallel scan counts once for each process, with the rows that this process read.
       90::float8 / (1 + w.workers) AS enough_pct,
       pg_catalog.round((s.scans::float8 / nullif(x.age, 0) * 3600 / (1 + w.workers))::numeric, 1)::float8 AS scans_per_hour,
       x.age AS stats_age_s
FROM summed s
CROSS JOIN LATERAL (SELECT c.relname, c.relnamespace FROM pg_catalog.pg_class c WHERE c.oid = s.root OFFSET 0) AS t
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
CROSS JOIN since x
CROSS JOIN (SELECT pg_catalog.current_setting('max_parallel_workers_per_gather')::int4 AS workers) AS w
WHERE s.size > 100000000 AND s.rows >= 10000
ORDER BY s.size DESC, n.nspname, t.relname

-- How tables are read and written, and how near autovacuum is to each.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- source  = "pg_stat_all_tables; relation_needs_vacanalyze in PostgreSQL's autovacuum.c"
-- example = "pgkit tables --sort dead_rows:desc --limit 10"
-- reading = "vacuum_due_pct is how much of its own vacuum threshold a table has used up. Far beyond 100, or with a last_vacuum long ago, autovacuum does not keep up, or is off for that table."
-- notes   = "From 100 on, autovacuum takes the table in its next round. pgkit vacuum shows what holds it up. If hot_pct is low and the table is updated often, a lower fillfactor or fewer indexes help."
-- key     = ["schema", "name"]
-- columns = ["schema text", "name text", "seq_scans int8 counter", "index_scans int8 counter", "rows_estimate int8", "inserted int8 counter", "updated int8 counter", "deleted int8 counter", "hot_pct float8", "dead_rows int8", "last_vacuum timestamptz", "last_analyze timestamptz", "vacuum_due_pct float8", "due_by text", "analyze_due_pct float8", "autovacuum bool", "last_read timestamptz"]
-- wide    = ["last_read", "last_analyze", "analyze_due_pct", "due_by", "deleted", "inserted", "last_vacuum", "index_scans", "seq_scans", "updated", "rows_estimate"]
-- usual   = { schema = "public", autovacuum = "true" }
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Tables to show, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include system catalogs and TOAST tables"
-- include patterns
-- include namespaces
), settings AS (
    SELECT pg_catalog.current_setting('autovacuum')::bool AND pg_catalog.current_setting('track_counts')::bool AS autovacuum,
           pg_catalog.current_setting('track_counts')::bool AS counts,
           pg_catalog.pg_is_in_recovery() AS in_recovery,
           pg_catalog.current_setting('autovacuum_vacuum_threshold')::float8 AS vacuum_base,
           pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::float8 AS vacuum_scale,
           pg_catalog.current_setting('autovacuum_analyze_threshold')::float8 AS analyze_base,
           pg_catalog.current_setting('autovacuum_analyze_scale_factor')::float8 AS analyze_scale,
           pg_catalog.current_setting('autovacuum_vacuum_insert_threshold')::float8 AS insert_base,  -- pg13..
           pg_catalog.current_setting('autovacuum_vacuum_insert_scale_factor')::float8 AS insert_scale,  -- pg13..
           -1::float8 AS insert_base, NULL::float8 AS insert_scale,  -- pg..12
           pg_catalog.current_setting('autovacuum_vacuum_max_threshold')::float8 AS vacuum_max  -- pg18..
           -1::float8 AS vacuum_max  -- pg..17
), found AS (
    -- A TOAST table without options of its own uses those of its table.
    SELECT c.oid, c.relkind, c.relpersistence, c.relname, c.relpages, c.reltuples, n.nspname, greatest(c.reltuples, 0)::float8 AS rows,
           coalesce(c.reloptions, o.reloptions) AS options,
           CASE WHEN c.relpages > 0 AND c.relallfrozen > 0 THEN 1 - least(c.relallfrozen, c.relpages)::float8 / c.relpages ELSE 1 END AS unfrozen  -- pg18..
           1::float8 AS unfrozen  -- pg..17
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = c.oid AND c.relkind = 't' AND $3
    WHERE (c.relkind IN ('r', 'm', 'p') OR (c.relkind = 't' AND $3))
      AND
-- include chosen
), judged AS (
    -- Options below these limits count as not set.
    SELECT f.*,
           s.autovacuum AND coalesce(o.enabled, true) AND f.relkind <> 'p' AND f.relpersistence <> 't' AS autovacuum,
           coalesce(CASE WHEN o.vacuum_base >= 0 THEN o.vacuum_base END, s.vacuum_base)
           + coalesce(CASE WHEN o.vacuum_scale >= 0 THEN o.vacuum_scale END, s.vacuum_scale) * f.rows AS vacuum_limit,
           coalesce(CASE WHEN o.vacuum_max >= -1 THEN o.vacuum_max END, s.vacuum_max) AS vacuum_max,
           coalesce(CASE WHEN o.insert_base >= -1 THEN o.insert_base END, s.insert_base) AS insert_base,
           coalesce(CASE WHEN o.insert_scale >= 0 THEN o.insert_scale END, s.insert_scale) * f.rows * f.unfrozen AS insert_more,
           coalesce(CASE WHEN o.analyze_base >= 0 THEN o.analyze_base END, s.analyze_base)
           + coalesce(CASE WHEN o.analyze_scale >= 0 THEN o.analyze_scale END, s.analyze_scale) * f.rows AS analyze_limit
    FROM found f
    CROSS JOIN settings s
    LEFT JOIN LATERAL (
-- include autovacuum_options
               , pg_catalog.max(x.option_value::float8) FILTER (WHERE x.option_name = 'autovacuum_analyze_threshold') AS analyze_base,
               pg_catalog.max(x.option_value::float8) FILTER (WHERE x.option_name = 'autovacuum_analyze_scale_factor') AS analyze_scale
        FROM pg_catalog.pg_options_to_table(f.options) AS x
        WHERE x.option_name ~ '^autovacuum_'
    ) AS o ON f.options IS NOT NULL
), reads AS (
    SELECT i.indrelid, pg_catalog.sum(u.scans)::int8 AS scans,
           pg_catalog.max(pg_catalog.pg_stat_get_lastscan(i.indexrelid)) AS last_scan  -- pg16..
           NULL::timestamptz AS last_scan  -- pg..15
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_stat_get_numscans(i.indexrelid) AS scans OFFSET 0) AS u
    WHERE $2 IS NULL OR i.indrelid IN (SELECT f.oid FROM found f)
    GROUP BY i.indrelid
), counted AS (
    -- Where the server does not count, 0 is not a count: with track_counts off, for a partitioned table, and, but for reads, on a standby.
    SELECT j.*, j.relkind <> 'p' AND s.counts AS has_reads, j.relkind <> 'p' AND s.counts AND NOT s.in_recovery AS has_writes,
           j.relkind <> 'p' AND j.relpersistence <> 't' AND s.counts AND NOT s.in_recovery AS is_due,
           u.seq_scans, coalesce(r.scans, 0) AS index_scans, u.inserted, u.updated, u.hot, u.deleted, u.dead, u.changed, u.inserts, u.last_vacuum, u.last_analyze,
           greatest(u.last_scan, r.last_scan) AS last_read,
           CASE WHEN j.vacuum_max >= 0 THEN least(j.vacuum_limit, j.vacuum_max) ELSE j.vacuum_limit END AS dead_limit,
           CASE WHEN j.insert_base >= 0 THEN j.insert_base + j.insert_more END AS insert_limit
    FROM judged j
    CROSS JOIN settings s
    LEFT JOIN reads r ON r.indrelid = j.oid
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_stat_get_numscans(j.oid) AS seq_scans,
               pg_catalog.pg_stat_get_lastscan(j.oid) AS last_scan,  -- pg16..
               NULL::timestamptz AS last_scan,  -- pg..15
               pg_catalog.pg_stat_get_tuples_inserted(j.oid) AS inserted, pg_catalog.pg_stat_get_tuples_updated(j.oid) AS updated,
               pg_catalog.pg_stat_get_tuples_hot_updated(j.oid) AS hot, pg_catalog.pg_stat_get_tuples_deleted(j.oid) AS deleted,
               pg_catalog.pg_stat_get_dead_tuples(j.oid) AS dead, pg_catalog.pg_stat_get_mod_since_analyze(j.oid) AS changed,
               pg_catalog.pg_stat_get_ins_since_vacuum(j.oid) AS inserts,  -- pg13..
               NULL::int8 AS inserts,  -- pg..12
               greatest(pg_catalog.pg_stat_get_last_vacuum_time(j.oid), pg_catalog.pg_stat_get_last_autovacuum_time(j.oid)) AS last_vacuum,
               greatest(pg_catalog.pg_stat_get_last_analyze_time(j.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(j.oid)) AS last_analyze
        OFFSET 0
    ) AS u
), due AS (
    -- Autovacuum cannot reach temporary tables, which only their own session sees.
    SELECT c.*,
           CASE WHEN c.is_due THEN pg_catalog.round((100 * c.dead / greatest(c.dead_limit, 1))::numeric, 1)::float8 END AS dead_due,
           CASE WHEN c.is_due AND c.insert_limit IS NOT NULL THEN pg_catalog.round((100 * c.inserts / greatest(c.insert_limit, 1))::numeric, 1)::float8 END AS insert_due,
           CASE WHEN c.is_due THEN pg_catalog.round((100 * c.changed / greatest(c.analyze_limit, 1))::numeric, 1)::float8 END AS analyze_due
    FROM counted c
)
SELECT d.nspname::text AS schema,
       d.relname::text AS name,
       CASE WHEN d.has_reads OR d.seq_scans > 0 THEN d.seq_scans END AS seq_scans,
       CASE WHEN d.has_reads OR d.index_scans > 0 THEN d.index_scans END AS index_scans,
       -- Before 14, 0 rows on 0 pages means that nobody has counted; since then it is -1.
       CASE WHEN d.reltuples >= 0 AND (d.reltuples > 0 OR d.relpages > 0) THEN d.reltuples::int8 END AS rows_estimate,
       CASE WHEN d.has_writes OR d.inserted > 0 THEN d.inserted END AS inserted,
       CASE WHEN d.has_writes OR d.updated > 0 THEN d.updated END AS updated,
       CASE WHEN d.has_writes OR d.deleted > 0 THEN d.deleted END AS deleted,
       CASE WHEN d.updated > 0 THEN pg_catalog.round(100.0 * d.hot / d.updated, 1)::float8 END AS hot_pct,
       CASE WHEN d.has_writes OR d.dead > 0 THEN d.dead END AS dead_rows,
       d.last_vacuum,
       d.last_analyze,
       greatest(d.dead_due, d.insert_due) AS vacuum_due_pct,
       CASE WHEN d.insert_due > d.dead_due THEN 'inserts' WHEN d.dead_due > 0 THEN 'dead rows' END AS due_by,
       d.analyze_due AS analyze_due_pct,
       d.autovacuum,
       d.last_read
FROM due d
ORDER BY greatest(d.dead_due, d.insert_due) DESC NULLS LAST, d.dead DESC, d.nspname, d.relname

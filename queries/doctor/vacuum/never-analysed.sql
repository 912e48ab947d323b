-- Tables and extended statistics objects without any statistics for the planner.
--
-- since   = 10
-- needs   = "no special privilege; SELECT on a table shows whether it has statistics"
-- scope   = "database"
-- retry   = ["XX000", "55P03"]
-- lock_timeout = "100ms"
-- key     = ["object", "kind"]
-- columns = ["object text", "kind text", "rows int8", "size_bytes int8", "is_awaited bool", "sampled_s float8", "what text", "remedy text"]
-- [[check]]
-- name     = "never-analysed"
-- object   = "{object}"
-- value    = "rows"
-- warning  = ["kind in ('table', 'extended', 'database') and not is_awaited", "kind in ('table', 'extended', 'database') and was_rows >= 0 and change_sampled_s >= 1h"]
-- note     = "kind = 'partitioned'"
-- unseen   = "kind = 'hidden'"
-- unseen_because = "without SELECT on {what}, it is not known whether statistics exist"
-- finding  = "{what}"
-- remedy   = "{remedy}"
-- why      = "Without statistics the planner guesses: it chooses the wrong index or the wrong join, and a query that took milliseconds takes minutes."
-- source   = "pg_stat_all_tables, pg_stats, pg_stats_ext; the manual, updating planner statistics; pg_upgrade before 18 does not transfer statistics"
-- ignore   = "A staging table that is loaded, read once and emptied. Of partitioned tables, autovacuum analyzes only the partitions: use a job where plans go wrong."
-- proof    = "pgkit tables"
WITH settings AS (
    SELECT pg_catalog.current_setting('autovacuum_analyze_threshold')::float8 AS base, pg_catalog.current_setting('autovacuum_analyze_scale_factor')::float8 AS scale,
           pg_catalog.current_setting('autovacuum')::bool AND pg_catalog.current_setting('track_counts')::bool AS runs, pg_catalog.current_setting('block_size')::int8 AS block
    OFFSET 0
), locked AS (
-- include exclusive
), large_once AS (
    -- Once a table has been vacuumed or analyzed, its rows and pages are in the catalog.
    SELECT c.oid, c.relname, c.relnamespace, c.relkind, c.relispartition, c.reltuples, c.relpages, c.reloptions
    FROM pg_catalog.pg_class c
    WHERE (c.relkind = 'p' AND NOT c.relispartition OR c.relkind IN ('r', 'm') AND (c.reltuples > 10000 OR c.relpages > 100))
      AND c.oid >= '16384'::oid AND c.relpersistence <> 't'
), unmeasured AS (
    -- After pg_upgrade, or an early crash, only the files show the size. Reading the size of this many files is fast enough.
    SELECT t.oid, t.relname, t.relnamespace, t.reltuples, t.relpages, t.reloptions, pg_catalog.pg_relation_size(t.oid) AS size_bytes
    FROM (SELECT c.oid, c.relname, c.relnamespace, c.reltuples, c.relpages, c.reloptions
          FROM pg_catalog.pg_class c
          WHERE c.oid >= '16384'::oid AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relpages = 0 AND c.reltuples <= 0
            AND c.oid NOT IN (SELECT l.relation FROM locked l)
          ORDER BY c.oid
          LIMIT 300) AS t
), sized AS (
    SELECT t.*, n.nspname, s.base, s.scale, s.runs
    FROM (SELECT l.oid, l.relname, l.relnamespace, l.reltuples, l.reloptions, l.relpages::int8 * (SELECT x.block FROM settings x) AS size_bytes FROM large_once l WHERE l.relkind <> 'p'
          UNION ALL
          SELECT u.oid, u.relname, u.relnamespace, u.reltuples, u.reloptions, u.size_bytes FROM unmeasured u WHERE u.size_bytes > 262144) AS t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN settings s
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
), counted AS (
    SELECT z.*, greatest(z.reltuples::int8, pg_catalog.pg_stat_get_live_tuples(z.oid), 0) AS rows,
           pg_catalog.pg_stat_get_mod_since_analyze(z.oid) AS changed,
           pg_catalog.pg_stat_get_last_analyze_time(z.oid) IS NOT NULL OR pg_catalog.pg_stat_get_last_autoanalyze_time(z.oid) IS NOT NULL AS was_analysed
    FROM sized z
), large AS (
    SELECT c.*,
           c.changed::float8 > c.base + c.scale * greatest(c.reltuples, 0)::float8 AND c.runs AND NOT coalesce(c.reloptions::text ~* 'autovacuum_enabled=(of|f|n|0)', false) AS is_awaited
    FROM counted c
    WHERE c.rows > 10000 OR c.size_bytes > 10485760
), looked AS (
    SELECT l.*,
           CASE WHEN l.was_analysed OR p.found THEN true
                WHEN pg_catalog.has_any_column_privilege(l.oid, 'SELECT') AND NOT pg_catalog.row_security_active(l.oid) THEN false
           END AS has_statistics
    FROM large l
    LEFT JOIN LATERAL (
        SELECT true AS found
        FROM pg_catalog.pg_stats s
        WHERE NOT l.was_analysed AND s.schemaname = l.nspname AND s.tablename = l.relname
        LIMIT 1) AS p ON true
), missing AS (
    SELECT k.*, pg_catalog.count(*) OVER () AS number, pg_catalog.sum(k.rows) OVER () AS all_rows, pg_catalog.sum(k.size_bytes) OVER () AS all_bytes,
           -- If nothing in the database has statistics, that is reported once.
           pg_catalog.count(*) OVER () > 2 AND NOT EXISTS (SELECT FROM looked x WHERE x.has_statistics IS NOT FALSE) AS is_all
    FROM looked k
    WHERE k.has_statistics = false
), extended AS (
    SELECT e.oid, e.stxname, e.stxnamespace, e.stxrelid,
           e.stxndistinct IS NOT NULL OR e.stxdependencies IS NOT NULL AS has_data  -- pg..11
           coalesce(v.found, false) AS has_data  -- pg12..
    FROM pg_catalog.pg_statistic_ext e
    LEFT JOIN LATERAL (  -- pg12..
        SELECT true AS found  -- pg12..
        FROM pg_catalog.pg_stats_ext v  -- pg12..
        WHERE v.statistics_schemaname = (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = e.stxnamespace) AND v.statistics_name = e.stxname  -- pg12..
          AND (v.n_distinct IS NOT NULL OR v.dependencies IS NOT NULL OR v.most_common_vals IS NOT NULL)  -- pg12..14
        LIMIT 1) AS v ON true  -- pg12..
    -- A list of most common values alone may have nothing to store.
    WHERE e.stxkind::text <> '{m}'
      AND coalesce(e.stxstattarget, -1) <> 0  -- pg13..
), roots AS (
    -- Autovacuum analyzes partitions, but never the partitioned table.
    SELECT c.oid, c.relname, n.nspname, c.relnamespace
    FROM large_once c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'p' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND pg_catalog.pg_stat_get_last_analyze_time(c.oid) IS NULL
      AND c.reltuples < 0  -- pg14..
), parts AS (
    SELECT r.oid, r.relname, r.nspname, pg_catalog.sum(p.reltuples) FILTER (WHERE p.reltuples > 0)::int8 AS rows
    FROM roots r
    JOIN pg_catalog.pg_inherits i ON i.inhparent = r.oid
    LEFT JOIN pg_catalog.pg_inherits j ON j.inhparent = i.inhrelid
    JOIN pg_catalog.pg_class p ON p.oid = coalesce(j.inhrelid, i.inhrelid)
    GROUP BY r.oid, r.relname, r.nspname
), parents AS (
    SELECT p.*,
           CASE WHEN s.found THEN true WHEN pg_catalog.has_any_column_privilege(p.oid, 'SELECT') AND NOT pg_catalog.row_security_active(p.oid) THEN false END AS has_statistics
    FROM parts p
    LEFT JOIN LATERAL (SELECT true AS found FROM pg_catalog.pg_stats s WHERE s.schemaname = p.nspname AND s.tablename = p.relname LIMIT 1) AS s ON true
    WHERE p.rows > 10000
), found AS (
    SELECT 'table' AS kind, pg_catalog.format('%s.%s', m.nspname, m.relname) AS object, m.rows, m.size_bytes, m.is_awaited,
           pg_catalog.format('%s.%s was never analyzed: the planner knows nothing about its %s', m.nspname, m.relname, CASE WHEN m.rows > 0 THEN m.rows::text || ' rows' ELSE pg_catalog.pg_size_pretty(m.size_bytes) END) AS what,
           pg_catalog.format('ANALYZE %I.%I', m.nspname, m.relname) AS remedy
    FROM missing m
    WHERE NOT m.is_all
    UNION ALL
    SELECT 'database', pg_catalog.current_database()::text, pg_catalog.max(m.all_rows)::int8, pg_catalog.max(m.all_bytes)::int8, pg_catalog.bool_and(m.is_awaited),
           pg_catalog.format('none of the %s larger tables of %s was ever analyzed, as happens after pg_upgrade', pg_catalog.max(m.number), pg_catalog.current_database()),
           'ANALYZE, or vacuumdb --analyze-in-stages for this database'
    FROM missing m
    WHERE m.is_all
    HAVING pg_catalog.count(*) > 0
    UNION ALL
    SELECT 'hidden', pg_catalog.current_database()::text, pg_catalog.sum(k.rows)::int8, pg_catalog.sum(k.size_bytes)::int8, false,
           pg_catalog.array_to_string((pg_catalog.array_agg(pg_catalog.format('%s.%s', k.nspname, k.relname) ORDER BY k.rows DESC, k.oid))[1 : 3], ', ') || CASE WHEN pg_catalog.count(*) > 3 THEN pg_catalog.format(' and %s more', pg_catalog.count(*) - 3) ELSE '' END,
           ''
    FROM (SELECT k.oid, k.nspname, k.relname, k.rows, k.size_bytes FROM looked k WHERE k.has_statistics IS NULL
          UNION ALL
          SELECT p.oid, p.nspname, p.relname, p.rows, NULL FROM parents p WHERE p.has_statistics IS NULL
          UNION ALL
          SELECT k.oid, k.nspname, k.relname, k.rows, k.size_bytes
          FROM extended e JOIN looked k ON k.oid = e.stxrelid
          WHERE NOT e.has_data AND k.has_statistics
            AND NOT (pg_catalog.has_table_privilege(k.oid, 'SELECT') AND NOT pg_catalog.row_security_active(k.oid))  -- pg12..
            AND false  -- pg..11
         ) AS k
    HAVING pg_catalog.count(*) > 0
    UNION ALL
    SELECT 'extended', pg_catalog.format('%s.%s', n.nspname, e.stxname), k.rows, k.size_bytes, k.is_awaited,
           pg_catalog.format('the extended statistics %s.%s of %s.%s are empty: the table has not been analyzed since they were created', n.nspname, e.stxname, k.nspname, k.relname),
           pg_catalog.format('ANALYZE %I.%I', k.nspname, k.relname)
    FROM extended e
    JOIN looked k ON k.oid = e.stxrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = e.stxnamespace
    WHERE NOT e.has_data AND k.has_statistics
      AND pg_catalog.has_table_privilege(k.oid, 'SELECT') AND NOT pg_catalog.row_security_active(k.oid)  -- pg12..
    UNION ALL
    SELECT 'partitioned', pg_catalog.format('%s.%s', p.nspname, p.relname), p.rows, NULL, false,
           pg_catalog.format('the partitioned table %s.%s has no statistics of its own: autovacuum analyzes only its partitions', p.nspname, p.relname),
           pg_catalog.format('ANALYZE %I.%I, and again in a job when its rows have changed', p.nspname, p.relname)
    FROM parents p
    WHERE p.has_statistics = false
)
SELECT f.object,
       f.kind,
       f.rows,
       f.size_bytes,
       f.is_awaited,
       pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp())::numeric, 3)::float8 AS sampled_s,
       f.what,
       f.remedy
FROM found f
ORDER BY f.rows DESC NULLS LAST, f.kind, f.object COLLATE "C"

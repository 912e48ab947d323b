-- Large indexes that no query has used since the statistics began.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- when    = "pg_catalog.current_setting('track_counts')::bool AND NOT pg_catalog.pg_is_in_recovery()"
-- key     = ["schema", "name"]
-- columns = ["schema text", "table text", "name text", "size_bytes int8", "stats_age_s float8", "standbys int8", "detail text", "remedy text"]
-- [[check]]
-- name     = "index-unused"
-- object   = "{schema}.{name}"
-- value    = "size_bytes"
-- warning  = "stats_age_s >= 30d and size_bytes > 1GB and standbys = 0"
-- note     = "stats_age_s >= 30d and size_bytes > 100MB"
-- least    = "100000000"
-- finding  = "no query has used the index {schema}.{name} on {table} since the statistics began {stats_age_s} ago{detail}"
-- remedy   = "{remedy}"
-- proof    = "pgkit index-problems --reason unused"
-- why      = "Every write updates it, and it takes space on disk and in every backup."
-- source   = "pg_stat_all_indexes.idx_scan since the reset of the statistics; last_idx_scan from 16 on"
-- ignore   = "The index is newer than the statistics, a job needs it once a year, or queries on a standby use it: each server counts its own scans."
WITH since AS (
    -- From 15 on, a database's stats_reset is NULL until somebody resets its statistics: until then, the cluster's applies.
    SELECT coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), pg_catalog.pg_stat_get_bgwriter_stat_reset_time()) AS began
    FROM pg_catalog.pg_database d
    WHERE d.datname = pg_catalog.current_database()
), exclusive (oid) AS (
-- include exclusive
), roots AS (
    -- The topmost index above each index of some size, at most four levels up. An array, so that the planner expects few.
    SELECT DISTINCT coalesce(h4.inhparent, h3.inhparent, h2.inhparent, h1.inhparent, l.oid) AS oid
    FROM pg_catalog.unnest(ARRAY(SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind = 'i' AND c.relpages > 1000)) AS l (oid)
    LEFT JOIN pg_catalog.pg_inherits h1 ON h1.inhrelid = l.oid
    LEFT JOIN pg_catalog.pg_inherits h2 ON h2.inhrelid = h1.inhparent
    LEFT JOIN pg_catalog.pg_inherits h3 ON h3.inhrelid = h2.inhparent
    LEFT JOIN pg_catalog.pg_inherits h4 ON h4.inhrelid = h3.inhparent
), parts (root, oid) AS (
    SELECT r.oid, h1.inhrelid FROM roots r JOIN pg_catalog.pg_inherits h1 ON h1.inhparent = r.oid
    UNION ALL
    SELECT r.oid, h2.inhrelid FROM roots r JOIN pg_catalog.pg_inherits h1 ON h1.inhparent = r.oid JOIN pg_catalog.pg_inherits h2 ON h2.inhparent = h1.inhrelid
    UNION ALL
    SELECT r.oid, h3.inhrelid FROM roots r JOIN pg_catalog.pg_inherits h1 ON h1.inhparent = r.oid JOIN pg_catalog.pg_inherits h2 ON h2.inhparent = h1.inhrelid
    JOIN pg_catalog.pg_inherits h3 ON h3.inhparent = h2.inhrelid
    UNION ALL
    SELECT r.oid, h4.inhrelid FROM roots r JOIN pg_catalog.pg_inherits h1 ON h1.inhparent = r.oid JOIN pg_catalog.pg_inherits h2 ON h2.inhparent = h1.inhrelid
    JOIN pg_catalog.pg_inherits h3 ON h3.inhparent = h2.inhrelid JOIN pg_catalog.pg_inherits h4 ON h4.inhparent = h3.inhrelid
    UNION ALL
    SELECT r.oid, r.oid FROM roots r
), unused AS (
    SELECT p.root
    FROM parts p
    JOIN pg_catalog.pg_index i ON i.indexrelid = p.oid
    WHERE i.indexrelid = ANY (ARRAY(SELECT x.oid FROM parts x))
    GROUP BY p.root
    HAVING pg_catalog.bool_and(
        i.indisvalid AND NOT i.indisunique AND NOT i.indisexclusion AND NOT i.indisprimary AND NOT i.indisreplident AND NOT i.indisclustered
        -- ANALYZE collects statistics on the expressions of an index, and the planner uses them without scanning the index.
        AND i.indexprs IS NULL
        AND i.indrelid >= 16384
        AND CASE WHEN i.indisvalid THEN pg_catalog.pg_stat_get_numscans(i.indexrelid) = 0 END)
), judged AS (
    SELECT u.root, i.indrelid, c.relname, c.relkind, n.nspname, t.relname AS table_name, (i.indkey::int2[])[0 : k.keys - 1]::int2[] AS keys
    FROM unused u
    JOIN pg_catalog.pg_index i ON i.indexrelid = u.root
    JOIN pg_catalog.pg_class c ON c.oid = u.root
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_(temp|toast)'
    CROSS JOIN LATERAL (SELECT i.indnkeyatts AS keys) AS k  -- pg11..
    CROSS JOIN LATERAL (SELECT i.indnatts AS keys) AS k  -- pg..10
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid IN (i.indrelid, u.root) AND e.objsubid = 0
                                                         AND e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.deptype = 'e')
), needed AS (
    -- The only index that begins with the columns of a foreign key is needed for its checks, even if no row has been deleted yet.
    SELECT j.root
    FROM judged j
    WHERE EXISTS (
        SELECT
        FROM pg_catalog.pg_constraint f
        WHERE f.conrelid = j.indrelid AND f.contype = 'f'
          AND pg_catalog.arraycontains(j.keys[1 : pg_catalog.cardinality(f.conkey)], f.conkey)
          AND NOT EXISTS (
              SELECT
              FROM pg_catalog.pg_index x
              WHERE x.indrelid = j.indrelid AND x.indexrelid <> j.root AND x.indisvalid AND x.indpred IS NULL
                AND pg_catalog.arraycontains((x.indkey::int2[])[0 : pg_catalog.cardinality(f.conkey) - 1], f.conkey)
                AND x.indexrelid NOT IN (SELECT o.root FROM judged o WHERE o.root < j.root)))
), weighed AS MATERIALIZED (  -- pg12..
), weighed AS (  -- pg..11
    -- The size of a locked relation is not read, since that would wait for the lock.
    SELECT p.root, greatest(CASE WHEN e.oid IS NULL THEN pg_catalog.pg_relation_size(c.oid) END, c.relpages::int8 * pg_catalog.current_setting('block_size')::int8) AS size
    FROM judged j
    JOIN parts p ON p.root = j.root
    JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'i'
    LEFT JOIN exclusive e ON e.oid = c.oid
    WHERE j.root NOT IN (SELECT n.root FROM needed n)
)
SELECT j.nspname::text AS schema, j.table_name::text AS "table", j.relname::text AS name, w.size AS size_bytes,
       extract(epoch FROM pg_catalog.now() - s.began)::float8 AS stats_age_s,
       b.standbys,
       CASE WHEN b.standbys > 0 THEN '; queries on standbys are counted only there' ELSE '' END AS detail,
       'try without it first, then DROP INDEX ' || CASE WHEN j.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END
       || pg_catalog.quote_ident(j.nspname) || '.' || pg_catalog.quote_ident(j.relname) AS remedy
FROM judged j
JOIN (SELECT x.root, pg_catalog.sum(x.size)::int8 AS size FROM weighed x GROUP BY x.root) AS w ON w.root = j.root
CROSS JOIN since s
CROSS JOIN (SELECT pg_catalog.count(*) AS standbys FROM pg_catalog.pg_stat_get_wal_senders()) AS b
WHERE w.size > 100000000
ORDER BY w.size DESC, j.nspname, j.relname

    CROSS JOIN "{extension}".pg_stat_statements_info i  -- ext1.9..1.10
), sessions AS (
    -- How many sessions of pgkit a role had in a database.
    SELECT r.userid, r.dbid, pg_catalog.max(r.calls) AS calls
    FROM read r
    WHERE r.query LIKE '%BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY'
    GROUP BY r.userid, r.dbid
), entries AS (
    -- Without pgkit's own. What it shares with others, such as SET LOCAL, is left out where its sessions alone explain it.
    SELECT r.*
    FROM read r
    LEFT JOIN sessions s ON s.userid = r.userid AND s.dbid = r.dbid
    WHERE r.query NOT LIKE '%/* pgkit */%'
      AND NOT (s.calls >= r.calls
               AND (r.query LIKE 'SET LOCAL %' OR r.query LIKE '%BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY' OR r.query = 'COMMIT'))
), summed AS (
    SELECT e.queryid, e.dbid, e.userid, e.toplevel, e.query, e.calls, e.rows, e.shared_blks_hit, e.shared_blks_read,
           e.temp_blks_written, e.blocks_moved, e.total, e.least, e.most, e.spread, e.plan, e.wal, e.io_time, e.jit, e.since
    FROM entries e
    WHERE e.queryid IS NOT NULL
    UNION ALL
    -- Hidden statements have no id that tells them apart.
    SELECT NULL, e.dbid, e.userid, NULL, NULL, pg_catalog.sum(e.calls)::int8, pg_catalog.sum(e.rows)::int8, pg_catalog.sum(e.shared_blks_hit)::int8,
           pg_catalog.sum(e.shared_blks_read)::int8, pg_catalog.sum(e.temp_blks_written)::int8, pg_catalog.sum(e.blocks_moved)::int8,
           pg_catalog.sum(e.total), pg_catalog.min(e.least), pg_catalog.max(e.most), NULL, pg_catalog.sum(e.plan), pg_catalog.sum(e.wal),
           pg_catalog.sum(e.io_time), pg_catalog.sum(e.jit), pg_catalog.min(e.since)
    FROM entries e
    WHERE e.queryid IS NULL
    GROUP BY e.dbid, e.userid
), whole AS (
    SELECT pg_catalog.sum(s.total) AS total FROM summed s
), measured AS (
    SELECT s.*, s.total / nullif(s.calls, 0)::float8 AS mean,
           -- Where I/O is not timed, 0 is not a time.
           CASE WHEN s.io_time > 0 OR pg_catalog.current_setting('track_io_timing') = 'on' OR s.blocks_moved = 0 THEN s.io_time END AS io,
           coalesce(d.datname::text, s.dbid::text) AS database, coalesce(u.rolname::text, s.userid::text) AS role
    FROM summed s
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
    LEFT JOIN pg_catalog.pg_roles u ON u.oid = s.userid
)
SELECT m.queryid AS query_id,
       m.database,
       m.role AS "user",
       m.calls,
       pg_catalog.round(m.total::numeric, 3)::float8 AS total_ms,
       pg_catalog.round(m.mean::numeric, 3)::float8 AS mean_ms,
       pg_catalog.round((100 * m.total / nullif(w.total, 0))::numeric, 1)::float8 AS share_pct,
       m.rows,
       pg_catalog.round(100.0 * m.shared_blks_hit / nullif(m.shared_blks_hit + m.shared_blks_read, 0), 1)::float8 AS hit_pct,
       m.temp_blks_written * b.size AS temp_bytes,
       m.wal::int8 AS wal_bytes,
       -- Gives the same as '\s+', but does not replace each single blank by another, which took most of the time.
       nullif(pg_catalog.btrim(pg_catalog.regexp_replace(m.query, '(?! )\s+|\s\s+', ' ', 'g')), '') AS statement,
       m.shared_blks_read * b.size AS read_bytes,
       pg_catalog.round(m.io::numeric, 3)::float8 AS io_ms,
       pg_catalog.round(m.plan::numeric, 3)::float8 AS plan_ms,
       pg_catalog.round(m.least::numeric, 3)::float8 AS min_ms,
       pg_catalog.round(m.most::numeric, 3)::float8 AS max_ms,
       pg_catalog.round(m.spread::numeric, 3)::float8 AS stddev_ms,
       pg_catalog.round(m.jit::numeric, 3)::float8 AS jit_ms,
       m.toplevel,
       m.since
FROM measured m
CROSS JOIN whole w
CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS size OFFSET 0) AS b
WHERE ($2 IS NULL OR m.role = $2)
  AND ($3 IS NULL OR m.database = $3)
ORDER BY CASE $1
             WHEN 'mean' THEN m.mean
             WHEN 'calls' THEN m.calls::float8
             WHEN 'io' THEN m.io
             WHEN 'temp' THEN m.temp_blks_written::float8
             WHEN 'wal' THEN m.wal::float8
             ELSE m.total
         END DESC NULLS LAST,
         CASE WHEN $1 = 'io' THEN m.blocks_moved END DESC NULLS LAST,
         m.total DESC, m.queryid, m.database COLLATE "C", m.role COLLATE "C", m.toplevel

-- Since when the server's statistics count, as far as that is known.
SELECT r.what, r.database, r.at
FROM (
    SELECT 'database' AS what, d.datname::text AS database, d.stats_reset AS at
    FROM pg_catalog.pg_stat_database d
    WHERE d.datname IS NOT NULL
    UNION ALL SELECT 'archiver', NULL, a.stats_reset FROM pg_catalog.pg_stat_archiver a
    UNION ALL SELECT 'bgwriter', NULL, b.stats_reset FROM pg_catalog.pg_stat_bgwriter b
    UNION ALL SELECT 'slru', NULL, pg_catalog.min(s.stats_reset) FROM pg_catalog.pg_stat_slru s -- pg13..
    UNION ALL SELECT 'wal', NULL, w.stats_reset FROM pg_catalog.pg_stat_wal w -- pg14..
    UNION ALL SELECT 'io', NULL, pg_catalog.min(i.stats_reset) FROM pg_catalog.pg_stat_io i -- pg16..
    UNION ALL SELECT 'checkpointer', NULL, c.stats_reset FROM pg_catalog.pg_stat_checkpointer c -- pg17..
) r
WHERE r.at IS NOT NULL
ORDER BY r.what, r.database

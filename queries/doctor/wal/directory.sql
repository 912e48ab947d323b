-- How much space the WAL takes.
--
-- since   = 10
-- needs   = "pg_monitor"
-- scope   = "server"
-- # A file may be removed, or the server may be promoted meanwhile.
-- retry   = ["58P01", "55000"]
-- key     = ["role"]
-- columns = ["role text", "wal_bytes int8", "wal_limit_bytes int8", "cause text"]
-- [[check]]
-- name     = "wal-directory-large"
-- object   = ""
-- value    = "wal_bytes"
-- critical = "wal_bytes > wal_limit_bytes * 5"
-- warning  = "wal_bytes > wal_limit_bytes * 2"
-- finding  = "the WAL takes {wal_bytes}, but max_wal_size and the WAL that is kept on purpose allow only {wal_limit_bytes}{cause}"
-- remedy   = "Remove the cause: a slot that is not read (pgkit replication), an archive command that fails (pgkit wal), checkpoints that cannot keep up; never delete files by hand"
-- why      = "When its disk is full, the server stops, and it does not start again until there is room."
-- source   = "pg_ls_waldir, max_wal_size, wal_keep_size; check_postgres, temboard, check_pgactivity"
-- ignore   = "After a peak, the files stay until checkpoints have recycled them."
-- proof    = "pgkit wal --format vertical"
WITH place AS (
    SELECT r.is_standby,
           CASE WHEN r.is_standby THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
    FROM (SELECT pg_catalog.pg_is_in_recovery() AS is_standby OFFSET 0) AS r
), settings AS (
    SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size'))
           + pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_keep_size'))  -- pg13..
           + pg_catalog.current_setting('wal_keep_segments')::int8 * pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))  -- pg..12
           AS allowed
), kept AS (
    SELECT pg_catalog.max(pg_catalog.pg_wal_lsn_diff(greatest(p.lsn, s.restart_lsn), s.restart_lsn))::int8 AS slot_bytes,
           (pg_catalog.array_agg(s.slot_name::text ORDER BY pg_catalog.pg_wal_lsn_diff(p.lsn, s.restart_lsn) DESC, s.slot_name::text COLLATE "C"))[1] AS slot
    FROM pg_catalog.pg_replication_slots s
    CROSS JOIN place p
    WHERE s.restart_lsn IS NOT NULL
)
SELECT CASE WHEN p.is_standby THEN 'standby' ELSE 'primary' END AS role,
       w.bytes AS wal_bytes,
       s.allowed AS wal_limit_bytes,
       CASE WHEN k.slot_bytes > s.allowed THEN '; the slot ' || k.slot || ' keeps ' || pg_catalog.pg_size_pretty(k.slot_bytes)
            WHEN pg_catalog.current_setting('archive_mode') <> 'off' AND (a.last_failed_time > a.last_archived_time OR a.last_archived_time IS NULL) THEN '; the archiver has not archived it'
            ELSE '' END AS cause
FROM place p
CROSS JOIN settings s
CROSS JOIN kept k
CROSS JOIN pg_catalog.pg_stat_archiver a
CROSS JOIN (SELECT pg_catalog.sum(f.size)::int8 AS bytes FROM pg_catalog.pg_ls_waldir() AS f) AS w
ORDER BY 1

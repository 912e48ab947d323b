), place AS (
    SELECT x.is_standby,
           CASE WHEN x.is_standby THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
    FROM (SELECT pg_catalog.pg_is_in_recovery() AS is_standby OFFSET 0) AS x
), written AS (
    SELECT w.wal_bytes::int8 AS wal_bytes, w.wal_records, w.wal_fpi, w.wal_buffers_full, w.stats_reset,  -- pg14..
           w.wal_write, w.wal_write_time, w.wal_sync, w.wal_sync_time  -- pg14..17
           i.wal_write, i.wal_write_time, i.wal_sync, i.wal_sync_time  -- pg18..
    FROM pg_catalog.pg_stat_wal w  -- pg14..
    CROSS JOIN (SELECT pg_catalog.sum(i.writes)::int8 AS wal_write, pg_catalog.sum(i.write_time) AS wal_write_time,  -- pg18..
                       pg_catalog.sum(i.fsyncs)::int8 AS wal_sync, pg_catalog.sum(i.fsync_time) AS wal_sync_time  -- pg18..
                FROM pg_catalog.pg_stat_io i WHERE i.object = 'wal') AS i  -- pg18..
    SELECT NULL::int8 AS wal_bytes, NULL::int8 AS wal_records, NULL::int8 AS wal_fpi, NULL::int8 AS wal_buffers_full, NULL::timestamptz AS stats_reset,  -- pg..13
           NULL::int8 AS wal_write, NULL::float8 AS wal_write_time, NULL::int8 AS wal_sync, NULL::float8 AS wal_sync_time  -- pg..13
), timed AS (
    -- Where I/O is not timed, 0 is not a time.
    SELECT coalesce(pg_catalog.current_setting('track_wal_io_timing', true), 'off') = 'on' AS is_timed
)
SELECT w.wal_bytes,
       w.wal_records AS records,
       w.wal_fpi AS full_page_images,
       w.wal_buffers_full AS buffers_full,
       a.archived_count AS archived,
       a.failed_count AS archive_failed,
       a.last_archived_time AS last_archived,
       a.last_failed_time AS last_failure,
       r.files AS backlog,
       w.stats_reset AS since,
       CASE WHEN p.is_standby THEN 'standby' ELSE 'primary' END AS role,
       CASE
           WHEN m.mode = 'off' THEN 'off'
           WHEN p.is_standby AND m.mode <> 'always' THEN 'not on a standby'
           WHEN m.command = '' AND coalesce(m.library, '') = '' THEN 'no command'
           WHEN a.last_failed_time > a.last_archived_time OR (a.last_failed_time IS NOT NULL AND a.last_archived_time IS NULL) THEN 'failing'
           ELSE 'on'
       END AS archiving,
       a.last_archived_wal,
       a.last_failed_wal,
       a.stats_reset AS archiver_since,
       w.wal_write AS writes,
       pg_catalog.round(CASE WHEN t.is_timed OR w.wal_write_time > 0 THEN w.wal_write_time END::numeric, 3)::float8 AS write_ms,
       w.wal_sync AS syncs,
       pg_catalog.round(CASE WHEN t.is_timed OR w.wal_sync_time > 0 THEN w.wal_sync_time END::numeric, 3)::float8 AS sync_ms,
       p.lsn::text AS lsn,
       pg_catalog.pg_wal_lsn_diff(p.lsn, '0/0')::int8 AS position_bytes,
       k.timeline_id::int8 AS timeline
FROM place p
CROSS JOIN written w
CROSS JOIN timed t
CROSS JOIN ready r
CROSS JOIN pg_catalog.pg_stat_archiver a
CROSS JOIN pg_catalog.pg_control_checkpoint() k
CROSS JOIN (SELECT pg_catalog.current_setting('archive_mode') AS mode, pg_catalog.current_setting('archive_command') AS command,
                   pg_catalog.current_setting('archive_library', true) AS library) AS m
ORDER BY p.is_standby

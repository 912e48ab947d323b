-- How many checkpoints there were, why, how often and what they wrote.
--
-- since   = 10
-- needs   = "no special privilege"
-- source  = "pg_stat_checkpointer (from 17), pg_stat_bgwriter before; pg_control_checkpoint"
-- scope   = "server"
-- example = "pgkit checkpoints"
-- reading = "Checkpoints that are mostly requested, more often than checkpoint_timeout, mean that max_wal_size is too small. every_s is the average time between two."
-- notes   = "Base backups, CREATE DATABASE and shutdowns request checkpoints too. If sync_ms is large compared with write_ms, the disk is slow to flush."
-- key     = ["kind"]
-- wide    = ["slru_buffers", "last", "written_bytes"]
-- columns = ["kind text", "number int8 counter", "write_ms float8 counter", "sync_ms float8 counter", "buffers int8 counter", "every_s float8", "since timestamptz", "share_pct float8", "written_bytes int8 counter", "last timestamptz", "slru_buffers int8 counter"]
WITH counted AS (
    SELECT c.num_timed AS timed, c.num_requested AS requested, c.restartpoints_timed, c.restartpoints_req AS restartpoints_requested,  -- pg17..
           c.restartpoints_done, c.write_time, c.sync_time, c.buffers_written, c.stats_reset,  -- pg17..
           NULL::int8 AS done, NULL::int8 AS slru_written  -- pg17..17
           c.num_done AS done, c.slru_written  -- pg18..
    FROM pg_catalog.pg_stat_checkpointer c  -- pg17..
    SELECT c.checkpoints_timed AS timed, c.checkpoints_req AS requested, NULL::int8 AS restartpoints_timed, NULL::int8 AS restartpoints_requested,  -- pg..16
           NULL::int8 AS restartpoints_done, c.checkpoint_write_time AS write_time, c.checkpoint_sync_time AS sync_time,  -- pg..16
           c.buffers_checkpoint AS buffers_written, c.stats_reset, NULL::int8 AS done, NULL::int8 AS slru_written  -- pg..16
    FROM pg_catalog.pg_stat_bgwriter c  -- pg..16
), listed AS (
    -- The server does not count times and buffers by kind. A checkpoint that was due or requested but had nothing to write was skipped.
    SELECT v.place, v.kind, v.number, v.of, c.write_time, c.sync_time, c.buffers_written, c.slru_written, c.stats_reset
    FROM counted c
    CROSS JOIN LATERAL (
        VALUES (1, 'all', coalesce(c.done, c.timed + c.requested) + coalesce(c.restartpoints_done, 0), NULL::int8),
               (2, 'timed', c.timed, c.timed + c.requested),
               (3, 'requested', c.requested, c.timed + c.requested),
               (4, 'restartpoint timed', c.restartpoints_timed, c.restartpoints_timed + c.restartpoints_requested),
               (5, 'restartpoint requested', c.restartpoints_requested, c.restartpoints_timed + c.restartpoints_requested)
    ) AS v (place, kind, number, of)
    WHERE v.number IS NOT NULL
)
SELECT l.kind,
       l.number,
       CASE WHEN l.place = 1 THEN pg_catalog.round(l.write_time::numeric, 3) END::float8 AS write_ms,
       CASE WHEN l.place = 1 THEN pg_catalog.round(l.sync_time::numeric, 3) END::float8 AS sync_ms,
       CASE WHEN l.place = 1 THEN l.buffers_written END AS buffers,
       pg_catalog.round(extract(epoch FROM greatest(m.now, l.stats_reset) - l.stats_reset)::numeric / nullif(l.number, 0)::numeric, 3)::float8 AS every_s,
       l.stats_reset AS since,
       pg_catalog.round(100.0 * l.number / nullif(l.of, 0), 1)::float8 AS share_pct,
       CASE WHEN l.place = 1 THEN l.buffers_written * pg_catalog.current_setting('block_size')::int8 END AS written_bytes,
       CASE WHEN l.place = 1 THEN k.checkpoint_time END AS last,
       CASE WHEN l.place = 1 THEN l.slru_written END AS slru_buffers
FROM listed l
CROSS JOIN pg_catalog.pg_control_checkpoint() k
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
ORDER BY l.place

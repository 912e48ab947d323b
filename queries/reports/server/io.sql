-- Who reads and writes how much, and how long it takes.
--
-- since   = 10
-- needs   = "no special privilege"
-- source  = "pg_stat_io (from 16), pg_stat_bgwriter and pg_stat_database before"
-- scope   = "server"
-- example = "pgkit io"
-- reading = "Writes by client backends mean that the background writer and the checkpointer are behind; many evictions beside few hits mean that shared_buffers is small for the work."
-- notes   = "The rows with the most reads and writes come first. VACUUM and large scans and copies have small ring buffers of their own: their contexts are vacuum, bulkread and bulkwrite. Times are empty unless track_io_timing is on. Before 16 the server counts only some of this. See also pgkit cache."
-- key     = ["backend", "object", "context"]
-- usual   = { object = "relation" }
-- wide    = ["since", "fsync_ms", "writeback_ms", "writebacks", "reuses", "extend_ms", "extend_bytes", "write_bytes", "read_bytes", "fsyncs", "evictions", "write_ms", "read_ms", "extends"]
-- columns = ["backend text", "object text", "context text", "reads int8 counter", "read_ms float8 counter", "writes int8 counter", "write_ms float8 counter", "extends int8 counter", "hits int8 counter", "evictions int8 counter", "fsyncs int8 counter", "since timestamptz", "read_bytes int8 counter", "write_bytes int8 counter", "extend_bytes int8 counter", "extend_ms float8 counter", "reuses int8 counter", "writebacks int8 counter", "writeback_ms float8 counter", "fsync_ms float8 counter"]
-- [[param]]
-- name = "all"
-- type = "bool"
-- help = "Include what was never used"
WITH counted AS (
    SELECT i.backend_type AS backend, i.object, i.context, i.reads, i.read_time, i.writes, i.write_time, i.extends, i.extend_time, i.hits,  -- pg16..
           i.evictions, i.reuses, i.fsyncs, i.fsync_time, i.writebacks, i.writeback_time, i.stats_reset,  -- pg16..
           i.reads * i.op_bytes AS read_bytes, i.writes * i.op_bytes AS write_bytes, i.extends * i.op_bytes AS extend_bytes,  -- pg16..17
           i.read_bytes::int8 AS read_bytes, i.write_bytes::int8 AS write_bytes, i.extend_bytes::int8 AS extend_bytes,  -- pg18..
           pg_catalog.current_setting(CASE i.object WHEN 'wal' THEN 'track_wal_io_timing' ELSE 'track_io_timing' END) = 'on' AS is_timed  -- pg16..
    FROM pg_catalog.pg_stat_io i  -- pg16..
    -- How long a checkpoint takes to write is no time of I/O: it rests in between.  -- pg..15
    SELECT v.backend, 'relation' AS object, 'normal' AS context, v.reads, v.read_time, v.writes, v.write_time,  -- pg..15
           NULL::int8 AS extends, NULL::float8 AS extend_time, v.hits, NULL::int8 AS evictions, NULL::int8 AS reuses,  -- pg..15
           v.fsyncs, NULL::float8 AS fsync_time, NULL::int8 AS writebacks, NULL::float8 AS writeback_time, b.stats_reset,  -- pg..15
           v.reads * s.size AS read_bytes, v.writes * s.size AS write_bytes, NULL::int8 AS extend_bytes,  -- pg..15
           pg_catalog.current_setting('track_io_timing') = 'on' AS is_timed  -- pg..15
    FROM pg_catalog.pg_stat_bgwriter b  -- pg..15
    CROSS JOIN (SELECT pg_catalog.sum(d.blks_read)::int8 AS reads, pg_catalog.sum(d.blks_hit)::int8 AS hits,  -- pg..15
                       pg_catalog.sum(d.blk_read_time) AS read_time, pg_catalog.sum(d.blk_write_time) AS write_time  -- pg..15
                FROM pg_catalog.pg_stat_database d) AS d  -- pg..15
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS size) AS s  -- pg..15
    CROSS JOIN LATERAL (  -- pg..15
        VALUES ('checkpointer', NULL::int8, NULL::float8, b.buffers_checkpoint, NULL::float8, NULL::int8, NULL::int8),  -- pg..15
               ('background writer', NULL, NULL, b.buffers_clean, NULL, NULL, NULL),  -- pg..15
               ('all others', d.reads, d.read_time, b.buffers_backend, d.write_time, d.hits, b.buffers_backend_fsync)  -- pg..15
    ) AS v (backend, reads, read_time, writes, write_time, hits, fsyncs)  -- pg..15
)
SELECT c.backend,
       c.object,
       c.context,
       c.reads,
       -- Where I/O is not timed, 0 is not a time.
       pg_catalog.round(CASE WHEN c.is_timed OR c.read_time > 0 OR c.reads = 0 THEN c.read_time END::numeric, 3)::float8 AS read_ms,
       c.writes,
       pg_catalog.round(CASE WHEN c.is_timed OR c.write_time > 0 OR c.writes = 0 THEN c.write_time END::numeric, 3)::float8 AS write_ms,
       c.extends,
       c.hits,
       c.evictions,
       c.fsyncs,
       c.stats_reset AS since,
       c.read_bytes,
       c.write_bytes,
       c.extend_bytes,
       pg_catalog.round(CASE WHEN c.is_timed OR c.extend_time > 0 OR c.extends = 0 THEN c.extend_time END::numeric, 3)::float8 AS extend_ms,
       c.reuses,
       c.writebacks,
       pg_catalog.round(CASE WHEN c.is_timed OR c.writeback_time > 0 OR c.writebacks = 0 THEN c.writeback_time END::numeric, 3)::float8 AS writeback_ms,
       pg_catalog.round(CASE WHEN c.is_timed OR c.fsync_time > 0 OR c.fsyncs = 0 THEN c.fsync_time END::numeric, 3)::float8 AS fsync_ms
FROM counted c
WHERE $1 OR greatest(c.reads, c.writes, c.extends, c.hits, c.evictions, c.reuses, c.fsyncs, c.writebacks) > 0
ORDER BY coalesce(c.read_bytes, 0) + coalesce(c.write_bytes, 0) + coalesce(c.extend_bytes, 0) DESC, c.hits DESC NULLS LAST,
         c.backend COLLATE "C", c.object COLLATE "C", c.context COLLATE "C"

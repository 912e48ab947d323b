WITH /* pgkit */ read AS MATERIALIZED (  -- pg12..
WITH /* pgkit */ read AS (  -- pg..11
    SELECT s.queryid, s.dbid, s.userid, coalesce(s.query, '') AS query, s.calls, s.rows,
           s.shared_blks_hit, s.shared_blks_read, s.temp_blks_written,
           s.shared_blks_read + s.shared_blks_written + s.local_blks_read + s.local_blks_written + s.temp_blks_read + s.temp_blks_written AS blocks_moved,
           s.total_time AS total, s.min_time AS least, s.max_time AS most, s.stddev_time AS spread,  -- ext..1.7
           NULL::float8 AS plan, NULL::numeric AS wal,  -- ext..1.7
           s.total_exec_time AS total, s.min_exec_time AS least, s.max_exec_time AS most, s.stddev_exec_time AS spread,  -- ext1.8..
           -- Planning is not tracked unless pg_stat_statements.track_planning is on.
           CASE WHEN s.plans > 0 THEN s.total_plan_time END AS plan, s.wal_bytes AS wal,  -- ext1.8..
           s.blk_read_time + s.blk_write_time  -- ext..1.10
           + s.temp_blk_read_time + s.temp_blk_write_time  -- ext1.10..1.10
           s.shared_blk_read_time + s.shared_blk_write_time + s.local_blk_read_time + s.local_blk_write_time + s.temp_blk_read_time + s.temp_blk_write_time  -- ext1.11..
               AS io_time,
           NULL::float8  -- ext..1.9
           s.jit_generation_time + s.jit_inlining_time + s.jit_optimization_time + s.jit_emission_time  -- ext1.10..
               AS jit,
           NULL::bool AS toplevel,  -- ext..1.8
           s.toplevel,  -- ext1.9..
           NULL::timestamptz AS since  -- ext..1.8
           i.stats_reset AS since  -- ext1.9..1.10
           s.stats_since AS since  -- ext1.11..

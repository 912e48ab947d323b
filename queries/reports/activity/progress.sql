-- How far each VACUUM, CREATE INDEX, ANALYZE, CLUSTER, COPY and base backup has come.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows more than the pids of what other roles run"
-- source  = "pg_stat_progress_vacuum, _create_index and _cluster (from 12), _analyze and _basebackup (from 13), _copy (from 14)"
-- scope   = "server"
-- example = "pgkit progress --watch 2"
-- reading = "done, total and done_pct are about the phase, not the whole operation. elapsed_s counts from the start of the operation; remaining_s is given only where the phase advances evenly."
-- notes   = "VACUUM and CREATE INDEX have further phases after one that has reached 100 %. If an operation waits for other sessions, pgkit locks shows for which."
-- key     = ["pid"]
-- wide    = ["delay_ms", "detail", "unit", "total", "done", "database"]
-- columns = ["pid int4", "database text", "operation text", "relation text", "phase text", "done_pct float8", "done int8", "total int8", "unit text", "elapsed_s float8", "remaining_s float8", "detail text", "delay_ms float8"]
-- [[hidden]]
-- when = """EXISTS (
--     SELECT FROM pg_catalog.pg_stat_activity a
--     JOIN (SELECT v.pid FROM pg_catalog.pg_stat_progress_vacuum v
--           UNION ALL SELECT i.pid FROM pg_catalog.pg_stat_progress_create_index i  -- pg12..
--           UNION ALL SELECT c.pid FROM pg_catalog.pg_stat_progress_cluster c  -- pg12..
--           UNION ALL SELECT s.pid FROM pg_catalog.pg_stat_progress_analyze s  -- pg13..
--           UNION ALL SELECT b.pid FROM pg_catalog.pg_stat_progress_basebackup b  -- pg13..
--           UNION ALL SELECT f.pid FROM pg_catalog.pg_stat_progress_copy f  -- pg14..
--          ) AS p ON p.pid = a.pid
--     WHERE a.query = '<insufficient privilege>')"""
-- says = "only the pids of what other roles run are shown; pg_read_all_stats shows the rest"
WITH running AS (
    -- Each operation, with what its phase counts and whether that count grows evenly from the start.
    SELECT v.pid, v.datid, v.datname, 'vacuum' AS operation, v.relid, v.phase,
           CASE v.phase
               WHEN 'scanning heap' THEN v.heap_blks_scanned
               WHEN 'vacuuming heap' THEN v.heap_blks_vacuumed
               WHEN 'vacuuming indexes' THEN v.indexes_processed  -- pg17..
               WHEN 'cleaning up indexes' THEN v.indexes_processed  -- pg17..
           END AS done,
           CASE
               WHEN v.phase IN ('scanning heap', 'vacuuming heap') THEN v.heap_blks_total
               WHEN v.phase IN ('vacuuming indexes', 'cleaning up indexes') THEN v.indexes_total  -- pg17..
           END AS total,
           CASE
               WHEN v.phase IN ('scanning heap', 'vacuuming heap') THEN 'blocks'
               WHEN v.phase IN ('vacuuming indexes', 'cleaning up indexes') THEN 'indexes'  -- pg17..
           END AS unit,
           v.phase = 'scanning heap' AND v.index_vacuum_count = 0 AS is_even,
           -- VACUUM takes a transaction for each table.
           true AS is_of_transaction,
           'index passes: ' || v.index_vacuum_count::text
               || ', memory for dead rows: ' || (100 * v.num_dead_tuples / nullif(v.max_dead_tuples, 0))::text || ' %'  -- pg..16
               || ', memory for dead rows: ' || (100 * v.dead_tuple_bytes / nullif(v.max_dead_tuple_bytes, 0))::text || ' %'  -- pg17..
               AS detail,
           NULL::text AS part_is, NULL::oid AS part,
           v.delay_time AS delay_ms  -- pg18..
           NULL::float8 AS delay_ms  -- pg..17
    FROM pg_catalog.pg_stat_progress_vacuum v
    UNION ALL  -- pg12..
    SELECT i.pid, i.datid, i.datname, coalesce(pg_catalog.lower(i.command), 'create index'), i.relid, i.phase,  -- pg12..
           CASE  -- pg12..
               WHEN i.phase LIKE 'waiting for%' THEN i.lockers_done  -- pg12..
               WHEN i.phase LIKE '%loading tuples%' THEN i.tuples_done  -- pg12..
               WHEN i.phase NOT LIKE '%sorting%' AND i.blocks_total > 0 THEN i.blocks_done  -- pg12..
           END,  -- pg12..
           CASE  -- pg12..
               WHEN i.phase LIKE 'waiting for%' THEN i.lockers_total  -- pg12..
               WHEN i.phase LIKE '%loading tuples%' THEN i.tuples_total  -- pg12..
               WHEN i.phase NOT LIKE '%sorting%' AND i.blocks_total > 0 THEN i.blocks_total  -- pg12..
           END,  -- pg12..
           CASE  -- pg12..
               WHEN i.phase LIKE 'waiting for%' THEN 'sessions'  -- pg12..
               WHEN i.phase LIKE '%loading tuples%' THEN 'rows'  -- pg12..
               WHEN i.phase NOT LIKE '%sorting%' AND i.blocks_total > 0 THEN 'blocks'  -- pg12..
           END,  -- pg12..
           i.phase = 'building index: scanning table' AND i.command NOT LIKE '%CONCURRENTLY' AND i.partitions_total = 0,  -- pg12..
           i.command = 'REINDEX',  -- pg12..
           pg_catalog.concat_ws(', ',  -- pg12..
               CASE WHEN i.partitions_total > 0 THEN 'partitions: ' || i.partitions_done::text || ' of ' || i.partitions_total::text END,  -- pg12..
               CASE WHEN i.current_locker_pid > 0 THEN 'waits for pid ' || i.current_locker_pid::text END),  -- pg12..
           'index ', i.index_relid, NULL  -- pg12..
    FROM pg_catalog.pg_stat_progress_create_index i  -- pg12..
    UNION ALL  -- pg12..
    SELECT c.pid, c.datid, c.datname, coalesce(pg_catalog.lower(c.command), 'cluster or vacuum full'), c.relid, c.phase,  -- pg12..
           CASE c.phase  -- pg12..
               WHEN 'seq scanning heap' THEN c.heap_blks_scanned  -- pg12..
               WHEN 'index scanning heap' THEN c.heap_tuples_scanned  -- pg12..
               WHEN 'writing new heap' THEN c.heap_tuples_written  -- pg12..
               WHEN 'rebuilding index' THEN c.index_rebuild_count  -- pg12..
           END,  -- pg12..
           CASE c.phase  -- pg12..
               WHEN 'seq scanning heap' THEN c.heap_blks_total  -- pg12..
               WHEN 'writing new heap' THEN c.heap_tuples_scanned  -- pg12..
           END,  -- pg12..
           CASE c.phase  -- pg12..
               WHEN 'seq scanning heap' THEN 'blocks'  -- pg12..
               WHEN 'index scanning heap' THEN 'rows'  -- pg12..
               WHEN 'writing new heap' THEN 'rows'  -- pg12..
               WHEN 'rebuilding index' THEN 'indexes'  -- pg12..
           END,  -- pg12..
           c.phase = 'seq scanning heap', true, NULL, 'by index ', nullif(c.cluster_index_relid, 0), NULL  -- pg12..
    FROM pg_catalog.pg_stat_progress_cluster c  -- pg12..
    UNION ALL  -- pg13..
    SELECT s.pid, s.datid, s.datname, 'analyze', s.relid, s.phase,  -- pg13..
           CASE s.phase  -- pg13..
               WHEN 'acquiring sample rows' THEN s.sample_blks_scanned  -- pg13..
               WHEN 'acquiring inherited sample rows' THEN s.child_tables_done  -- pg13..
               WHEN 'computing extended statistics' THEN s.ext_stats_computed  -- pg13..
           END,  -- pg13..
           CASE s.phase  -- pg13..
               WHEN 'acquiring sample rows' THEN s.sample_blks_total  -- pg13..
               WHEN 'acquiring inherited sample rows' THEN s.child_tables_total  -- pg13..
               WHEN 'computing extended statistics' THEN s.ext_stats_total  -- pg13..
           END,  -- pg13..
           CASE s.phase  -- pg13..
               WHEN 'acquiring sample rows' THEN 'blocks'  -- pg13..
               WHEN 'acquiring inherited sample rows' THEN 'tables'  -- pg13..
               WHEN 'computing extended statistics' THEN 'statistics'  -- pg13..
           END,  -- pg13..
           s.phase = 'acquiring sample rows', true, NULL, 'reads ',  -- pg13..
           CASE WHEN s.phase = 'acquiring inherited sample rows' THEN nullif(s.current_child_table_relid, 0) END,  -- pg13..
           s.delay_time  -- pg18..
           NULL  -- pg13..17
    FROM pg_catalog.pg_stat_progress_analyze s  -- pg13..
    UNION ALL  -- pg13..
    SELECT b.pid, NULL, NULL, 'basebackup', NULL, b.phase,  -- pg13..
           CASE WHEN b.phase = 'streaming database files' THEN b.backup_streamed END,  -- pg13..
           CASE WHEN b.phase = 'streaming database files' THEN b.backup_total END,  -- pg13..
           CASE WHEN b.phase = 'streaming database files' THEN 'bytes' END,  -- pg13..
           b.phase = 'streaming database files', false,  -- pg13..
           CASE WHEN b.tablespaces_total > 0 THEN 'tablespaces: ' || b.tablespaces_streamed::text || ' of ' || b.tablespaces_total::text END,  -- pg13..
           NULL, NULL, NULL  -- pg13..
    FROM pg_catalog.pg_stat_progress_basebackup b  -- pg13..
    UNION ALL  -- pg14..
    SELECT f.pid, f.datid, f.datname, coalesce(pg_catalog.lower(f.command), 'copy'), nullif(f.relid, 0), NULL,  -- pg14..
           f.bytes_processed, nullif(f.bytes_total, 0), 'bytes', true, false,  -- pg14..
           pg_catalog.lower(f.type) || ', rows: ' || f.tuples_processed::text  -- pg14..
               || CASE WHEN f.tuples_excluded > 0 THEN ', excluded by WHERE: ' || f.tuples_excluded::text ELSE '' END  -- pg14..
               || CASE WHEN f.tuples_skipped > 0 THEN ', skipped as malformed: ' || f.tuples_skipped::text ELSE '' END  -- pg17..
           , NULL, NULL, NULL  -- pg14..
    FROM pg_catalog.pg_stat_progress_copy f  -- pg14..
), timed AS (
    SELECT r.*, d.datname IS NOT NULL AS is_here,
           extract(epoch FROM greatest(m.now, b.began) - b.began)::numeric AS elapsed
    FROM running r
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = r.pid
    LEFT JOIN pg_catalog.pg_database d ON d.oid = r.datid AND d.datname = pg_catalog.current_database()
    CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
    CROSS JOIN LATERAL (
        SELECT CASE WHEN r.is_of_transaction THEN greatest(a.query_start, a.xact_start) ELSE a.query_start END AS began
    ) AS b
)
SELECT t.pid,
       t.datname::text AS database,
       t.operation,
       -- The names of another database's relations are not known here.
       CASE WHEN t.is_here THEN t.relid::regclass::text ELSE t.relid::text END AS relation,
       t.phase,
       CASE WHEN t.total > 0 THEN least(pg_catalog.round(100.0 * t.done / t.total, 1), 100) END::float8 AS done_pct,
       t.done,
       t.total,
       t.unit,
       pg_catalog.round(t.elapsed, 3)::float8 AS elapsed_s,
       CASE WHEN t.is_even AND t.done > 0 AND t.total >= t.done
            THEN pg_catalog.round(t.elapsed * (t.total - t.done)::numeric / t.done::numeric, 3) END::float8 AS remaining_s,
       nullif(pg_catalog.concat_ws(', ', t.part_is || CASE WHEN t.is_here THEN t.part::regclass::text ELSE t.part::text END, nullif(t.detail, '')), '') AS detail,
       t.delay_ms
FROM timed t
ORDER BY t.elapsed DESC NULLS LAST, t.pid

-- Whether all autovacuum workers are busy while tables of this database wait for one.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows what autovacuum does"
-- scope   = "database"
-- key     = ["database"]
-- columns = ["database text", "workers int8", "limit int8", "is_full bool", "waiting int8", "sampled_s float8", "hidden_sessions int8"]
-- [[check]]
-- name     = "autovacuum-saturated"
-- object   = "{database}"
-- value    = "waiting"
-- warning  = "is_full and waiting > 0 and was_is_full and was_waiting > 0 and change_sampled_s >= 5min"
-- unseen   = "hidden_sessions > 0"
-- unseen_because = "autovacuum workers are visible only to members of pg_read_all_stats"
-- finding  = "all {limit} autovacuum workers are busy, as in the earlier sample, and tables of {database} are waiting for one: {waiting}"
-- remedy   = "ALTER SYSTEM SET autovacuum_vacuum_cost_limit = 2000; SELECT pg_reload_conf(), and raise autovacuum_max_workers (needs a restart before 18): the limit is shared by all workers"
-- why      = "Tables grow while they wait for their turn. More workers alone change nothing, since they share one cost limit."
-- source   = "autovacuum.c; pg_stat_activity.backend_type; from 18 autovacuum_worker_slots caps autovacuum_max_workers"
-- ignore   = "The hours after a bulk load or an upgrade, when every table needs a vacuum."
-- proof    = "pgkit progress"
WITH workers AS (
    SELECT pg_catalog.count(*) FILTER (WHERE a.backend_type = 'autovacuum worker') AS running,
           pg_catalog.count(*) FILTER (WHERE a.backend_type IS NULL AND a.datid IS NOT NULL AND a.usesysid IS NULL) AS hidden
    FROM pg_catalog.pg_stat_activity a
), full_house AS (
    SELECT w.*, l.most, w.running >= l.most AS is_full
    FROM workers w
    CROSS JOIN (
        SELECT least(pg_catalog.current_setting('autovacuum_max_workers')::int8
                     , pg_catalog.current_setting('autovacuum_worker_slots')::int8  -- pg18..
                    ) AS most) AS l
)
SELECT pg_catalog.current_database()::text AS database,
       f.running AS workers,
       f.most AS "limit",
       f.is_full,
       -- Counted only if all workers are busy, since it costs microseconds per table.
       CASE WHEN f.is_full THEN (
           SELECT pg_catalog.count(*)
           FROM pg_catalog.pg_class c
           WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't' AND c.relpages > 0
             AND pg_catalog.pg_stat_get_dead_tuples(c.oid)::float8 > pg_catalog.current_setting('autovacuum_vacuum_threshold')::float8
                 + pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(c.reltuples, 0)::float8
             AND c.oid NOT IN (SELECT v.relid FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.relid IS NOT NULL)
             AND NOT coalesce(c.reloptions::text ~* 'autovacuum_enabled=(of|f|n|0)', false))
            ELSE 0 END AS waiting,
       pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp())::numeric, 3)::float8 AS sampled_s,
       f.hidden AS hidden_sessions
FROM full_house f
ORDER BY 1
